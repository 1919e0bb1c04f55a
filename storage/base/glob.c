/* Glob matching with one point of return: on a mismatch only the last star
 * need take one byte more, because whatever an earlier star could take, the
 * last one can take as well.  So there is no recursion and no exponential
 * search.
 *
 * Oddities kept from Redis: bytes compare as signed char within a range,
 * an escape inside brackets heeds case even when case is ignored, an unclosed
 * bracket ends with the pattern. */
#include "storage/base/glob.h"

#include <ctype.h>

enum { STARS_MAX = 1000 };

static int
fold(char byte, bool ignore_case)
{
	signed char value = (signed char)byte;

	return ignore_case && value >= 0 ? tolower(value) : value;
}

static bool
in_range(char from, char to, char byte, bool ignore_case)
{
	signed char least = (signed char)from, greatest = (signed char)to;
	int value = fold(byte, ignore_case);

	if (least > greatest) {
		signed char swapped = least;

		least = greatest;
		greatest = swapped;
	}
	return value >= fold((char)least, ignore_case) &&
		value <= fold((char)greatest, ignore_case);
}

/* Matches one byte with the bracket that opens at pattern[at]; moves `*at`
 * behind it. */
static bool
match_bracket(struct bytes pattern, size_t *at, char byte, bool ignore_case)
{
	const char *data = pattern.data;
	size_t i = *at + 1;
	bool negated = i < pattern.size && data[i] == '^';
	bool matched = false;

	if (negated)
		i++;
	for (; i < pattern.size && data[i] != ']'; i++) {
		if (data[i] == '\\' && i + 1 < pattern.size) {
			i++;
			matched |= data[i] == byte;
		} else if (i + 2 < pattern.size && data[i + 1] == '-') {
			matched |= in_range(
				data[i], data[i + 2], byte, ignore_case);
			i += 2;
		} else {
			matched |= fold(data[i], ignore_case) ==
				fold(byte, ignore_case);
		}
	}
	*at = i < pattern.size ? i + 1 : pattern.size;
	return matched != negated;
}

/* Matches one byte with the pattern's element at `*at`, which is no star, and
 * moves behind it. */
static bool
match_byte(struct bytes pattern, size_t *at, char byte, bool ignore_case)
{
	char first = pattern.data[*at];

	if (first == '[')
		return match_bracket(pattern, at, byte, ignore_case);
	if (first == '\\' && *at + 1 < pattern.size)
		first = pattern.data[++*at];
	else if (first == '?')
		return ++*at, true;
	++*at;
	return fold(first, ignore_case) == fold(byte, ignore_case);
}

bool
glob_match(struct bytes pattern, struct bytes text, bool ignore_case)
{
	size_t at = 0, byte = 0, stars = 0;
	size_t star_at = 0, star_byte = 0; /* where the last star goes on */

	if (text.size == 0)
		return pattern.size == 0 ||
			(pattern.size == 1 && pattern.data[0] == '*');
	while (byte < text.size) {
		if (at < pattern.size && pattern.data[at] == '*') {
			while (at < pattern.size && pattern.data[at] == '*')
				at++;
			if (at == pattern.size)
				return true;
			if (++stars > STARS_MAX)
				return false;
			star_at = at;
			star_byte = byte;
		} else if (at < pattern.size &&
			match_byte(
				pattern, &at, text.data[byte], ignore_case)) {
			byte++;
		} else if (stars > 0) {
			at = star_at;
			byte = ++star_byte;
		} else {
			return false;
		}
	}
	while (at < pattern.size && pattern.data[at] == '*')
		at++;
	return at == pattern.size;
}

static bool
is_special(char byte)
{
	return byte == '*' || byte == '?' || byte == '[';
}

size_t
glob_prefix(struct bytes pattern, char *prefix, bool *is_literal)
{
	size_t at = 0, size = 0;

	while (at < pattern.size && !is_special(pattern.data[at])) {
		if (pattern.data[at] == '\\' && at + 1 < pattern.size)
			at++;
		prefix[size++] = pattern.data[at++];
	}
	if (is_literal != NULL)
		*is_literal = at == pattern.size;
	return size;
}

size_t
glob_pass_prefix(char *prefix, size_t size)
{
	while (size > 0 && (unsigned char)prefix[size - 1] == 0xff)
		size--;
	if (size > 0)
		prefix[size - 1]++;
	return size;
}

size_t
glob_print_like(struct bytes pattern, char *like)
{
	size_t size = 0;

	for (size_t i = 0; i < pattern.size; i++) {
		char c = pattern.data[i];

		if (c == '*') {
			like[size++] = '%';
		} else if (c == '?') {
			like[size++] = '_';
		} else if (c == '[') {
			/* Whatever it is, and wherever it ends. */
			like[size++] = '%';
			return size;
		} else {
			if (c == '\\' && i + 1 < pattern.size)
				c = pattern.data[++i];
			if (c == '%' || c == '_' || c == '\\')
				like[size++] = '\\';
			like[size++] = c;
		}
	}
	return size;
}
