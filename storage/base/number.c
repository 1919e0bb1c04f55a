/* Numbers as text; see number.h for the rules. */
#include "storage/base/number.h"

#include "storage/base/memory.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Texts up to this many bytes are parsed without allocating. */
enum { SHORT_TEXT_SIZE = 256 };

bool
number_parse_int64(struct bytes text, int64_t *value)
{
	bool negative = text.size > 0 && text.data[0] == '-';
	size_t at = negative ? 1 : 0;
	uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
	uint64_t magnitude = 0;

	if (at == text.size)
		return false;
	if (text.data[at] == '0' && text.size > 1)
		return false;
	for (; at < text.size; at++) {
		unsigned int digit = (unsigned int)(text.data[at] - '0');

		if (digit > 9 || magnitude > (limit - digit) / 10)
			return false;
		magnitude = magnitude * 10 + digit;
	}
	*value = (int64_t)(negative ? -magnitude : magnitude);
	return true;
}

size_t
number_print_int64(char buffer[static NUMBER_INT64_SIZE], int64_t value)
{
	uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;
	char digits[NUMBER_INT64_SIZE];
	size_t count = 0, size = 0;

	do {
		digits[count++] = (char)('0' + magnitude % 10);
		magnitude /= 10;
	} while (magnitude > 0);
	if (value < 0)
		buffer[size++] = '-';
	while (count > 0)
		buffer[size++] = digits[--count];
	buffer[size] = '\0';
	return size;
}

/* A NUL-terminated copy, in `space` when it fits; NULL when the text cannot be
 * a number by its first byte. */
static char *
terminated(struct bytes text, char space[static SHORT_TEXT_SIZE])
{
	char *copy = space;

	if (text.size == 0 || isspace((unsigned char)text.data[0]))
		return NULL;
	if (text.size >= SHORT_TEXT_SIZE)
		copy = memory_allocate(text.size + 1);
	memcpy(copy, text.data, text.size);
	copy[text.size] = '\0';
	return copy;
}

bool
number_parse_long_double(struct bytes text, long double *value)
{
	char space[SHORT_TEXT_SIZE], *end, *copy;
	long double parsed;
	bool valid;

	if (text.size >= NUMBER_LONG_DOUBLE_SIZE)
		return false;
	copy = terminated(text, space);
	if (copy == NULL)
		return false;
	errno = 0;
	parsed = strtold(copy, &end);
	valid = (size_t)(end - copy) == text.size && !isnan(parsed) &&
		!(errno == ERANGE && (isinf(parsed) || parsed == 0));
	if (copy != space)
		free(copy);
	if (valid)
		*value = parsed;
	return valid;
}

bool
number_parse_double(struct bytes text, double *value)
{
	char space[SHORT_TEXT_SIZE], *end, *copy = terminated(text, space);
	double parsed;
	bool valid;

	if (copy == NULL)
		return false;
	errno = 0;
	parsed = strtod(copy, &end);
	valid = (size_t)(end - copy) == text.size && !isnan(parsed) &&
		!(errno == ERANGE && (isinf(parsed) || parsed == 0));
	if (copy != space)
		free(copy);
	if (valid)
		*value = parsed;
	return valid;
}

static size_t
print_infinity(char *buffer, bool positive)
{
	const char *text = positive ? "inf" : "-inf";

	memcpy(buffer, text, strlen(text) + 1);
	return strlen(text);
}

size_t
number_print_long_double(
	char buffer[static NUMBER_LONG_DOUBLE_SIZE], long double value)
{
	size_t size;

	if (isinf(value)) {
		return print_infinity(buffer, value > 0);
	}
	size = (size_t)snprintf(
		buffer, NUMBER_LONG_DOUBLE_SIZE, "%.17Lf", value);
	if (memchr(buffer, '.', size) != NULL) {
		while (buffer[size - 1] == '0')
			size--;
		if (buffer[size - 1] == '.')
			size--;
	}
	buffer[size] = '\0';
	if (strcmp(buffer, "-0") == 0) {
		buffer[0] = '0';
		buffer[1] = '\0';
		size = 1;
	}
	return size;
}

size_t
number_print_double(char buffer[static NUMBER_DOUBLE_SIZE], double value)
{
	if (isinf(value))
		return print_infinity(buffer, value > 0);
	return (size_t)snprintf(buffer, NUMBER_DOUBLE_SIZE, "%.17g", value);
}

static uint64_t
unit_size(struct bytes unit)
{
	static const struct {
		const char *name;
		uint64_t size;
	} units[] = {
		{ "", 1 },
		{ "b", 1 },
		{ "k", 1000 },
		{ "kb", 1024 },
		{ "m", 1000 * 1000 },
		{ "mb", 1024 * 1024 },
		{ "g", 1000 * 1000 * 1000 },
		{ "gb", 1024 * 1024 * 1024 },
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (bytes_is_word(unit, units[i].name))
			return units[i].size;
	return 0;
}

bool
number_parse_memory(struct bytes text, uint64_t *value)
{
	uint64_t count = 0, size;
	size_t at = 0;

	for (; at < text.size && isdigit((unsigned char)text.data[at]); at++) {
		unsigned int digit = (unsigned int)(text.data[at] - '0');

		if (count > (UINT64_MAX - digit) / 10)
			return false;
		count = count * 10 + digit;
	}
	size = unit_size((struct bytes){ text.data + at, text.size - at });
	if (at == 0 || size == 0 || count > UINT64_MAX / size)
		return false;
	*value = count * size;
	return true;
}
