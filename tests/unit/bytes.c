/* struct bytes: comparison of binary runs. */
#include "storage/base/bytes.h"

#include <criterion/criterion.h>

#define BYTES(literal) ((struct bytes){ literal, sizeof(literal) - 1 })

Test(bytes, equal_compares_what_follows_a_nul)
{
	cr_expect(bytes_equal(BYTES("a\0b"), BYTES("a\0b")));
	cr_expect_not(bytes_equal(BYTES("a\0b"), BYTES("a\0c")));
	cr_expect_not(bytes_equal(BYTES("a"), BYTES("a\0")));
}

Test(bytes, equal_accepts_empty_runs_without_data)
{
	struct bytes none = { NULL, 0 };

	cr_expect(bytes_equal(none, none));
	cr_expect(bytes_equal(none, BYTES("")));
	cr_expect_not(bytes_equal(none, BYTES("a")));
}

Test(bytes, word_ignores_case_and_needs_the_whole_word)
{
	cr_expect(bytes_is_word(BYTES("KeepTTL"), "KEEPTTL"));
	cr_expect_not(bytes_is_word(BYTES("keep"), "KEEPTTL"));
	cr_expect_not(bytes_is_word(BYTES("keepttls"), "KEEPTTL"));
	cr_expect_not(bytes_is_word(BYTES("keepttl\0"), "KEEPTTL"));
}

Test(bytes, order_is_bytewise_unsigned_and_prefixes_come_first)
{
	struct bytes none = { NULL, 0 };

	cr_expect_eq(bytes_compare(BYTES("abc"), BYTES("abc")), 0);
	cr_expect_lt(bytes_compare(BYTES("ab"), BYTES("abc")), 0);
	cr_expect_gt(bytes_compare(BYTES("\xff"), BYTES("\x01zzz")), 0);
	cr_expect_lt(bytes_compare(BYTES("a\0a"), BYTES("a\0b")), 0);
	cr_expect_lt(bytes_compare(none, BYTES("\0")), 0);
	cr_expect_eq(bytes_compare(none, none), 0);
}
