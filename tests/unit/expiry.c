/* Which times to live are accepted. */
#include "commands/expiry.h"

#include <criterion/criterion.h>

enum { NOW_MS = 1700000000 };

static bool
make(enum expiry_kind kind, enum expiry_unit unit, bool any_sign,
	int64_t number, int64_t *ms)
{
	struct expiry expiry = { .kind = EXPIRY_NONE };
	bool made = expiry_make(&expiry, kind, unit, any_sign, number, NOW_MS);

	cr_expect_eq(expiry.kind, made ? kind : EXPIRY_NONE);
	*ms = expiry.ms;
	return made;
}

Test(expiry, seconds_become_milliseconds)
{
	int64_t ms;

	cr_expect(make(EXPIRY_IN_MS, EXPIRY_SECONDS, false, 10, &ms));
	cr_expect_eq(ms, 10000);
	cr_expect(make(EXPIRY_AT_MS, EXPIRY_MILLISECONDS, false, 10, &ms));
	cr_expect_eq(ms, 10);
}

Test(expiry, what_is_not_positive_is_for_expire_alone)
{
	int64_t ms;

	cr_expect_not(make(EXPIRY_IN_MS, EXPIRY_SECONDS, false, 0, &ms));
	cr_expect_not(make(EXPIRY_AT_MS, EXPIRY_SECONDS, false, -1, &ms));
	cr_expect(make(EXPIRY_IN_MS, EXPIRY_SECONDS, true, -1, &ms));
	cr_expect_eq(ms, -1000);
}

Test(expiry, what_overflows_is_refused)
{
	int64_t ms;

	cr_expect_not(make(
		EXPIRY_AT_MS, EXPIRY_SECONDS, true, INT64_MAX / 1000 + 1, &ms));
	cr_expect_not(make(
		EXPIRY_AT_MS, EXPIRY_SECONDS, true, INT64_MIN / 1000 - 1, &ms));
	cr_expect(make(
		EXPIRY_AT_MS, EXPIRY_SECONDS, true, INT64_MAX / 1000, &ms));
	cr_expect_not(
		make(EXPIRY_IN_MS, EXPIRY_MILLISECONDS, true, INT64_MAX, &ms));
	cr_expect_not(make(EXPIRY_IN_MS, EXPIRY_MILLISECONDS, true,
		INT64_MAX - NOW_MS, &ms));
	cr_expect(
		make(EXPIRY_AT_MS, EXPIRY_MILLISECONDS, true, INT64_MAX, &ms));
}
