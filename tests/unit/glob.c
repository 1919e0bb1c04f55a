/* Glob patterns: Redis' rules, its oddities, and no slow patterns. */
#include "storage/base/glob.h"

#include "storage/base/memory.h"

#include <criterion/criterion.h>
#include <stdlib.h>

struct glob_case {
	const char *pattern, *text;
	bool ignore_case, matches;
};

static const struct glob_case cases[] = {
	{ "h?llo", "hello", false, true },
	{ "h?llo", "hllo", false, false },
	{ "h*llo", "hllo", false, true },
	{ "h*llo", "heeeello", false, true },
	{ "h[ae]llo", "hallo", false, true },
	{ "h[ae]llo", "hillo", false, false },
	{ "h[^e]llo", "hallo", false, true },
	{ "h[^e]llo", "hello", false, false },
	{ "h[a-c]llo", "hbllo", false, true },
	{ "h[c-a]llo", "hbllo", false, true },
	{ "h[a-c]llo", "hdllo", false, false },
	{ "h\\*llo", "h*llo", false, true },
	{ "h\\*llo", "hello", false, false },
	{ "[\\]]", "]", false, true },
	{ "[\\a]", "A", true, false },
	{ "[a]", "A", true, true },
	{ "[A-Z]x", "qX", true, true },
	{ "HELLO", "hello", false, false },
	{ "HELLO", "hello", true, true },
	{ "*", "", false, true },
	{ "**", "", false, false },
	{ "", "", false, true },
	{ "", "a", false, false },
	{ "a", "", false, false },
	{ "a*", "a", false, true },
	{ "a***", "a", false, true },
	{ "*a*", "bab", false, true },
	{ "*ab", "aab", false, true },
	{ "*ab*cd", "abxabcxcd", false, true },
	{ "*ab*cd", "abxabcxce", false, false },
	{ "[a", "a", false, true },
	{ "[a-", "-", false, true },
	{ "[]", "a", false, false },
	{ "[^]", "a", false, true },
	{ "a\\", "a\\", false, true },
	{ "user:[0-9]?", "user:1x", false, true },
	{ "\xc3*", "\xc3\xa9", false, true },
};

Test(glob, matches_as_redis_does)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(
			glob_match(bytes_of(cases[i].pattern),
				bytes_of(cases[i].text), cases[i].ignore_case),
			cases[i].matches, "'%s' and '%s'", cases[i].pattern,
			cases[i].text);
}

Test(glob, nul_is_a_byte_like_others)
{
	struct bytes text = { "a\0b", 3 };

	cr_expect(glob_match((struct bytes){ "a\0b", 3 }, text, false));
	cr_expect(glob_match(bytes_of("a?b"), text, false));
	cr_expect_not(glob_match(bytes_of("a"), text, false));
}

static struct bytes
repeat(const char *part, size_t count)
{
	size_t size = strlen(part);
	char *data = memory_allocate(size * count);

	for (size_t i = 0; i < count; i++)
		memcpy(data + i * size, part, size);
	return (struct bytes){ data, size * count };
}

Test(glob, hard_patterns_end_soon, .timeout = 10)
{
	struct bytes text = repeat("a", 50000), stars = repeat("a*", 500);
	struct bytes questions = repeat("*?", 50000);

	((char *)stars.data)[stars.size - 1] = 'b';
	cr_expect_not(glob_match(stars, text, false));
	cr_expect_not(glob_match(questions, text, false),
		"over 1000 stars match nothing, as in Redis");
	free((char *)text.data);
	free((char *)stars.data);
	free((char *)questions.data);
}

static void
expect_prefix(const char *pattern, const char *expected, bool is_literal)
{
	char prefix[64];
	bool literal;
	size_t size = glob_prefix(bytes_of(pattern), prefix, &literal);

	cr_expect_eq(size, strlen(expected), "'%s'", pattern);
	cr_expect_eq(memcmp(prefix, expected, size), 0, "'%s'", pattern);
	cr_expect_eq(literal, is_literal, "'%s'", pattern);
}

Test(glob, prefix_ends_at_the_first_special_byte)
{
	expect_prefix("user:*", "user:", false);
	expect_prefix("user:1", "user:1", true);
	expect_prefix("us\\*er?", "us*er", false);
	expect_prefix("[a]b", "", false);
	expect_prefix("*", "", false);
	expect_prefix("", "", true);
	expect_prefix("a\\", "a\\", true);
}

static void
expect_passed(struct bytes prefix, struct bytes expected)
{
	char bytes[8];
	size_t size;

	memcpy(bytes, prefix.data, prefix.size);
	size = glob_pass_prefix(bytes, prefix.size);
	cr_expect(bytes_equal((struct bytes){ bytes, size }, expected));
}

Test(glob, a_prefix_is_passed_by_the_least_bytes_behind_it)
{
	expect_passed(bytes_of("user:"), bytes_of("user;"));
	expect_passed(bytes_of("a\xff\xff"), bytes_of("b"));
	expect_passed(bytes_of("a\x7f"), bytes_of("a\x80"));
	expect_passed(bytes_of("\xff\xff"), bytes_of(""));
	expect_passed(bytes_of(""), bytes_of(""));
}

static void
expect_like(const char *pattern, const char *expected)
{
	char like[64];
	size_t size = glob_print_like(bytes_of(pattern), like);

	cr_expect(bytes_equal((struct bytes){ like, size }, bytes_of(expected)),
		"'%s': '%.*s'", pattern, (int)size, like);
}

Test(glob, like_matches_as_much)
{
	expect_like("a*b?", "a%b_");
	expect_like("100%_", "100\\%\\_");
	expect_like("a\\*\\\\", "a*\\\\");
	expect_like("a\\", "a\\\\");
	expect_like("a[bc]d", "a%");
	expect_like("", "");
}
