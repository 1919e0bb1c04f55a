/* usage.h: lines to trees, and back. */
#include "commands/usage.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
#include <string.h>

static struct usage *
parse(const char *text)
{
	const char *error = NULL;
	size_t position = 0;
	struct usage *usage = usage_parse(text, &error, &position);

	cr_assert_not_null(usage, "'%s': %s at %zu", text, error, position);
	return usage;
}

struct text_case {
	char usage[256];
	char again[256]; /* "" when it comes back unchanged */
	char syntax[256];
};

ParameterizedTestParameters(usage, prints)
{
	static struct text_case cases[] = {
		{ "", "", "" },
		{ "key value", "", "key value" },
		{ "key:key value:string", "key value", "key value" },
		{ "key:string", "", "key" },
		{ "key...", "", "key [key ...]" },
		{ "[key...]", "", "[key [key ...]]" },
		{ "[NX | XX] [GET]", "", "[NX | XX] [GET]" },
		{ "condition:[NX | XX]@2.6.12 [GET@6.2.0]", "",
			"[NX | XX] [GET]" },
		{ "[EX seconds:integer | KEEPTTL]", "",
			"[EX seconds | KEEPTTL]" },
		{ "[GET pattern:pattern#1]...", "",
			"[GET pattern [GET pattern ...]]" },
		{ "[GET pattern:pattern...]", "",
			"[GET pattern [pattern ...]]" },
		{ "[LIMIT range:(offset:integer count:integer)]", "",
			"[LIMIT offset count]" },
		{ "id:(auto='*' | ID:string)", "", "(* | ID)" },
		{ "(field value)...", "", "field value [field value ...]" },
		{ "(km='km' | 'm')", "('km' | 'm')", "(km | m)" },
		{ "ip:port:string!2.8.12", "", "ip:port" },
		{ "empty=''", "", "\"\"" },
		{ "BCAST=BCAST", "", "BCAST" },
		{ "flag:pure-token", "", "flag" },
		{ "destination:key key...", "", "destination key [key ...]" },
		{ "[STORE destination:key#2] key", "",
			"[STORE destination] key" },
		{ "[a b | c]", "[(a b) | c]", "[a b | c]" },
	};

	return cr_make_param_array(
		struct text_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct text_case *c, usage, prints)
{
	struct usage *usage = parse(c->usage);
	char *again = usage_text(usage), *syntax = usage_syntax(usage);

	cr_expect_str_eq(again, *c->again ? c->again : c->usage);
	cr_expect_str_eq(
		syntax, c->syntax, "'%s' reads '%s'", c->usage, syntax);
	free(again);
	free(syntax);
	free(usage);
}

Test(usage, nothing_makes_no_arguments)
{
	struct usage *usage = parse(NULL);

	cr_expect_eq(usage->count, 0);
	cr_expect_null(usage->arguments);
	free(usage);
}

Test(usage, arguments_have_names_types_and_marks)
{
	struct usage *usage = parse("key [EX seconds:integer@2.6.12]");
	const struct usage_argument *key = usage->arguments;
	const struct usage_argument *seconds = key->next;

	cr_expect_eq(usage->count, 2);
	cr_expect_eq(key->type, USAGE_KEY);
	cr_expect_eq(key->key_spec, 0);
	cr_expect_null(key->token);
	cr_expect_str_eq(seconds->name, "seconds");
	cr_expect_str_eq(seconds->token, "EX");
	cr_expect_str_eq(seconds->since, "2.6.12");
	cr_expect_eq(seconds->type, USAGE_INTEGER);
	cr_expect_eq(seconds->key_spec, -1);
	cr_expect(seconds->optional);
	cr_expect_not(seconds->multiple);
	free(usage);
}

Test(usage, keys_count_their_specs_and_go_on_from_a_given_one)
{
	struct usage *usage = parse("key other:key third:key#5 fourth:key");
	const struct usage_argument *argument = usage->arguments;
	int expected[] = { 0, 1, 5, 6 };

	for (int i = 0; i < 4; i++, argument = argument->next)
		cr_expect_eq(argument->key_spec, expected[i]);
	free(usage);
}

Test(usage, repetition_outside_a_bracket_repeats_the_token)
{
	struct usage *usage = parse("[GET a...] [GET b]...");
	const struct usage_argument *inside = usage->arguments;
	const struct usage_argument *outside = inside->next;

	cr_expect(inside->multiple && !inside->multiple_token);
	cr_expect(outside->multiple && outside->multiple_token);
	cr_expect(inside->optional && outside->optional);
	free(usage);
}

Test(usage, brackets_become_blocks_and_oneofs)
{
	struct usage *usage = parse("[a b] x:[c | D e] (f)");
	const struct usage_argument *block = usage->arguments;
	const struct usage_argument *oneof = block->next;
	const struct usage_argument *single = oneof->next;

	cr_expect_eq(block->type, USAGE_BLOCK);
	cr_expect(block->optional);
	cr_expect_str_eq(block->name, "a");
	cr_expect_eq(block->child_count, 2);
	cr_expect_eq(oneof->type, USAGE_ONEOF);
	cr_expect_str_eq(oneof->name, "x");
	cr_expect_str_eq(oneof->children->next->token, "D");
	cr_expect_str_eq(oneof->children->next->name, "e");
	cr_expect_eq(single->type, USAGE_BLOCK);
	cr_expect_not(single->optional);
	free(usage);
}

struct error_case {
	char usage[64];
	size_t position;
};

ParameterizedTestParameters(usage, refuses)
{
	static struct error_case cases[] = {
		{ "[a", 2 },
		{ "(a | b", 6 },
		{ "a ]", 2 },
		{ "a | b", 2 },
		{ "[]", 1 },
		{ "(a |)", 4 },
		{ "key:kye", 7 },
		{ "'km", 0 },
		{ "a=", 2 },
		{ "a@", 2 },
		{ "a#x", 2 },
		{ "a.", 1 },
		{ "[[a]]", 5 },
		{ "[a...]...", 9 },
		{ "a(b)", 1 },
		{ "a:", 2 },
	};

	return cr_make_param_array(
		struct error_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct error_case *c, usage, refuses)
{
	const char *error = NULL;
	size_t position = 0;
	struct usage *usage = usage_parse(c->usage, &error, &position);

	cr_expect_null(usage, "'%s'", c->usage);
	cr_expect_not_null(error);
	cr_expect_eq(position, c->position, "'%s': %zu", c->usage, position);
	free(usage);
}

Test(usage, no_text_overruns_its_block)
{
	static const char alphabet[] = "aK [](|).'@!#=:1-";
	char text[40];

	srand(7);
	for (int round = 0; round < 200000; round++) {
		size_t size = (size_t)rand() % sizeof(text), position;
		const char *error;
		struct usage *usage;

		for (size_t i = 0; i < size; i++)
			text[i] = alphabet[(size_t)rand() %
				(sizeof(alphabet) - 1)];
		text[size ? size - 1 : 0] = '\0';
		usage = usage_parse(text, &error, &position);
		if (usage) {
			char *first = usage_text(usage), *second;
			struct usage *again = parse(first);

			second = usage_text(again);
			cr_assert_str_eq(first, second, "'%s'", text);
			free(first);
			free(second);
			free(again);
		}
		free(usage);
	}
}
