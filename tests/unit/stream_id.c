/* IDs of stream entries: reading, order, neighbours, writing. */
#include "commands/stream_id.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct stream_id
id(uint64_t ms, uint64_t seq)
{
	return (struct stream_id){ ms, seq };
}

static void
expect_parsed(const char *text, uint64_t ms, uint64_t seq)
{
	struct stream_id parsed = id(1, 1);

	cr_expect(stream_id_parse(bytes_of(text), 7, &parsed), "%s", text);
	cr_expect_eq(
		stream_id_compare(parsed, id(ms, seq)), 0, "of '%s'", text);
}

static void
expect_refused(struct bytes text)
{
	struct stream_id parsed = id(3, 4);

	cr_expect_not(stream_id_parse(text, 0, &parsed), "'%.*s'",
		(int)text.size, text.data);
	cr_expect_eq(stream_id_compare(parsed, id(3, 4)), 0);
}

Test(stream_id, both_numbers_or_the_first_alone)
{
	expect_parsed("5-1", 5, 1);
	expect_parsed("5", 5, 7);
	expect_parsed("0-0", 0, 0);
	expect_parsed("18446744073709551615-18446744073709551615", UINT64_MAX,
		UINT64_MAX);
	expect_parsed("9223372036854775808-1", 1ULL << 63, 1);
}

Test(stream_id, numbers_are_spelled_as_strtoull_takes_them)
{
	expect_parsed("007-+2", 7, 2);
	expect_parsed(" 7", 7, 7);
}

Test(stream_id, anything_else_is_refused)
{
	const char *wrong[] = { "", "-", "+", "*", "$", ">", "-1", "1-", "1--1",
		"a", "1-a", "1-2-3", "1-*", "18446744073709551616",
		"1-18446744073709551616", "1 ", "(1-1" };
	char longer[200];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		expect_refused(bytes_of(wrong[i]));
	memset(longer, '0', sizeof(longer));
	expect_refused((struct bytes){ longer, sizeof(longer) });
	expect_refused((struct bytes){ "1-1\0", 4 });
	expect_refused((struct bytes){ "1\0-1", 4 });
	expect_refused((struct bytes){ NULL, 0 });
}

Test(stream_id, bounds_have_words_of_their_own)
{
	struct stream_id bound;

	cr_expect(stream_id_parse_bound(bytes_of("-"), 0, &bound));
	cr_expect_eq(stream_id_compare(bound, STREAM_ID_MIN), 0);
	cr_expect(stream_id_parse_bound(bytes_of("+"), 0, &bound));
	cr_expect_eq(stream_id_compare(bound, STREAM_ID_MAX), 0);
	cr_expect(stream_id_parse_bound(bytes_of("2"), UINT64_MAX, &bound));
	cr_expect_eq(stream_id_compare(bound, id(2, UINT64_MAX)), 0);
}

Test(stream_id, a_new_entry_may_leave_its_sequence_number_open)
{
	struct stream_id parsed;
	bool has_seq = true;

	cr_expect(stream_id_parse_new(bytes_of("5-*"), &parsed, &has_seq));
	cr_expect_not(has_seq);
	cr_expect_eq(stream_id_compare(parsed, id(5, 0)), 0);
	cr_expect(stream_id_parse_new(bytes_of("5-3"), &parsed, &has_seq));
	cr_expect(has_seq);
	cr_expect_not(stream_id_parse_new(bytes_of("5-**"), &parsed, &has_seq));
	cr_expect_not(stream_id_parse_new(bytes_of("*"), &parsed, &has_seq));
}

Test(stream_id, order_looks_at_milliseconds_first)
{
	cr_expect_lt(stream_id_compare(id(1, 9), id(2, 0)), 0);
	cr_expect_lt(stream_id_compare(id(2, 0), id(2, 1)), 0);
	cr_expect_gt(stream_id_compare(id(UINT64_MAX, 0), id(1, 0)), 0);
	cr_expect_eq(stream_id_compare(id(2, 1), id(2, 1)), 0);
}

Test(stream_id, neighbours_carry_and_end_at_the_ends)
{
	struct stream_id at = id(1, UINT64_MAX);

	cr_expect(stream_id_increment(&at));
	cr_expect_eq(stream_id_compare(at, id(2, 0)), 0);
	cr_expect(stream_id_decrement(&at));
	cr_expect_eq(stream_id_compare(at, id(1, UINT64_MAX)), 0);
	at = STREAM_ID_MAX;
	cr_expect_not(stream_id_increment(&at));
	cr_expect_eq(stream_id_compare(at, STREAM_ID_MAX), 0);
	at = STREAM_ID_MIN;
	cr_expect_not(stream_id_decrement(&at));
	cr_expect_eq(stream_id_compare(at, STREAM_ID_MIN), 0);
}

Test(stream_id, what_is_written_is_read_again)
{
	struct stream_id ids[] = { STREAM_ID_MIN, id(5, 1), id(1ULL << 63, 2),
		STREAM_ID_MAX };
	char text[STREAM_ID_TEXT_SIZE], bytes[2][STREAM_ID_SIZE];

	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		struct stream_id parsed;
		size_t size = stream_id_print(text, ids[i]);

		cr_expect_eq(size, strlen(text));
		cr_expect(stream_id_parse(bytes_of(text), 0, &parsed));
		cr_expect_eq(stream_id_compare(parsed, ids[i]), 0);
		stream_id_encode(bytes[i % 2], ids[i]);
		cr_expect_eq(stream_id_compare(
				     stream_id_decode((struct bytes){
					     bytes[i % 2], STREAM_ID_SIZE }),
				     ids[i]),
			0);
		if (i > 0)
			cr_expect_gt(memcmp(bytes[i % 2], bytes[(i + 1) % 2],
					     STREAM_ID_SIZE),
				0, "bytes sort as IDs do");
	}
}
