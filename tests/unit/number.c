/* Numbers as text: exactly what Redis takes and prints. */
#include "storage/base/number.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

static void
expect_int64(const char *text, bool valid, int64_t expected)
{
	int64_t value = 77;

	cr_expect_eq(number_parse_int64(bytes_of(text), &value), valid, "'%s'",
		text);
	cr_expect_eq(value, valid ? expected : 77, "'%s' gave %lld", text,
		(long long)value);
}

Test(number, int64_has_one_spelling)
{
	expect_int64("0", true, 0);
	expect_int64("-1", true, -1);
	expect_int64("10", true, 10);
	expect_int64("9223372036854775807", true, INT64_MAX);
	expect_int64("-9223372036854775808", true, INT64_MIN);
	expect_int64("9223372036854775808", false, 0);
	expect_int64("-9223372036854775809", false, 0);
	expect_int64("18446744073709551616", false, 0);
	expect_int64("", false, 0);
	expect_int64("-", false, 0);
	expect_int64("-0", false, 0);
	expect_int64("01", false, 0);
	expect_int64("-01", false, 0);
	expect_int64("+1", false, 0);
	expect_int64(" 1", false, 0);
	expect_int64("1 ", false, 0);
	expect_int64("1a", false, 0);
	expect_int64("1.0", false, 0);
}

Test(number, int64_stops_at_its_size)
{
	struct bytes text = { "123\0004", 5 };
	int64_t value;

	cr_expect_not(number_parse_int64(text, &value));
	text.size = 2;
	cr_expect(number_parse_int64(text, &value));
	cr_expect_eq(value, 12);
}

Test(number, int64_prints_its_extremes)
{
	char buffer[NUMBER_INT64_SIZE];

	cr_expect_eq(number_print_int64(buffer, INT64_MIN), 20);
	cr_expect_str_eq(buffer, "-9223372036854775808");
	cr_expect_eq(number_print_int64(buffer, INT64_MAX), 19);
	cr_expect_str_eq(buffer, "9223372036854775807");
	cr_expect_eq(number_print_int64(buffer, 0), 1);
	cr_expect_str_eq(buffer, "0");
}

Test(number, doubles_are_taken_whole)
{
	static const char *const refused[] = { "", " 1", "1 ", "1x", "nan",
		"-nan", "1e400", "1e-400", "--1", "." };
	char longer[400];
	double value;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		cr_expect_not(number_parse_double(bytes_of(refused[i]), &value),
			"'%s'", refused[i]);
	cr_expect(number_parse_double(bytes_of("3.5"), &value));
	cr_expect_eq(value, 3.5);
	cr_expect(number_parse_double(bytes_of("+1e2"), &value));
	cr_expect_eq(value, 100);
	cr_expect(number_parse_double(bytes_of("0x10"), &value));
	cr_expect_eq(value, 16);
	cr_expect(number_parse_double(bytes_of("-inf"), &value));
	cr_expect(isinf(value) && value < 0);
	cr_expect_not(number_parse_double((struct bytes){ "1\0", 2 }, &value));
	memset(longer, '0', sizeof(longer));
	longer[sizeof(longer) - 1] = '7';
	cr_expect(number_parse_double(
		(struct bytes){ longer, sizeof(longer) }, &value));
	cr_expect_eq(value, 7);
}

Test(number, long_doubles_are_taken_whole)
{
	long double value;

	cr_expect(number_parse_long_double(bytes_of("1e400"), &value));
	cr_expect_not(number_parse_long_double(bytes_of("1e5000"), &value));
	cr_expect_not(number_parse_long_double(bytes_of("nan"), &value));
	cr_expect_not(number_parse_long_double(bytes_of(" 1"), &value));
	cr_expect_not(number_parse_long_double(bytes_of("1 "), &value));
	cr_expect(number_parse_long_double(bytes_of("infinity"), &value));
	cr_expect(isinf(value));
}

static void
expect_long_double(long double value, const char *expected)
{
	char buffer[NUMBER_LONG_DOUBLE_SIZE];
	size_t size = number_print_long_double(buffer, value);

	cr_expect_str_eq(buffer, expected);
	cr_expect_eq(size, strlen(expected));
}

Test(number, long_doubles_print_for_people)
{
	expect_long_double(0.1L, "0.1");
	expect_long_double(10.5L, "10.5");
	expect_long_double(3.0L, "3");
	expect_long_double(100.0L, "100");
	expect_long_double(-0.0L, "0");
	expect_long_double(-1e-30L, "0");
	expect_long_double(5e3L, "5000");
	expect_long_double(1.0L / 3, "0.33333333333333333");
	expect_long_double(INFINITY, "inf");
	expect_long_double(-INFINITY, "-inf");
}

Test(number, the_greatest_long_double_fits)
{
	char buffer[NUMBER_LONG_DOUBLE_SIZE];

	cr_expect_eq(number_print_long_double(buffer, __LDBL_MAX__), 4933);
	cr_expect_eq(number_print_long_double(buffer, -__LDBL_MAX__), 4934);
}

static void
expect_double(double value, const char *expected)
{
	char buffer[NUMBER_DOUBLE_SIZE];

	number_print_double(buffer, value);
	cr_expect_str_eq(buffer, expected);
}

Test(number, doubles_print_with_17_digits)
{
	expect_double(3, "3");
	expect_double(0.1, "0.10000000000000001");
	expect_double(1e20, "1e+20");
	expect_double(-0.0, "-0");
	expect_double(1234567890123456789.0, "1.2345678901234568e+18");
	expect_double(-1.7976931348623157e308, "-1.7976931348623157e+308");
	expect_double(INFINITY, "inf");
	expect_double(-INFINITY, "-inf");
}

static void
expect_memory(const char *text, bool valid, uint64_t expected)
{
	uint64_t value = 77;

	cr_expect_eq(number_parse_memory(bytes_of(text), &value), valid, "'%s'",
		text);
	cr_expect_eq(value, valid ? expected : 77, "'%s'", text);
}

Test(number, memory_has_units_of_1000_and_of_1024)
{
	expect_memory("0", true, 0);
	expect_memory("100", true, 100);
	expect_memory("5b", true, 5);
	expect_memory("1k", true, 1000);
	expect_memory("1KB", true, 1024);
	expect_memory("10m", true, 10000000);
	expect_memory("2mb", true, 2097152);
	expect_memory("3g", true, 3000000000);
	expect_memory("1Gb", true, 1073741824);
	expect_memory("18446744073709551615", true, UINT64_MAX);
	expect_memory("18446744073709551616", false, 0);
	expect_memory("17179869184gb", false, 0);
	expect_memory("", false, 0);
	expect_memory("gb", false, 0);
	expect_memory("-1", false, 0);
	expect_memory("1.5gb", false, 0);
	expect_memory("1 gb", false, 0);
	expect_memory("1tb", false, 0);
}
