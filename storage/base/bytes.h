/* A run of bytes that somebody else owns.
 *
 * Keys and values are binary: they may hold NUL, and are not terminated.
 * A struct bytes never owns: it is valid as long as what it points into. */
#ifndef STORAGE_BASE_BYTES_H
#define STORAGE_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct bytes {
	const char *data;
	size_t size;
};

/* The bytes of a C string, without its NUL. */
static inline struct bytes
bytes_of(const char *text)
{
	return (struct bytes){ text, strlen(text) };
}

static inline bool
bytes_equal(struct bytes a, struct bytes b)
{
	return a.size == b.size &&
		(a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Whether `a` spells the ASCII word `word`, in any case. */
static inline bool
bytes_is_word(struct bytes a, const char *word)
{
	size_t size = strlen(word);

	return a.size == size && strncasecmp(a.data, word, size) == 0;
}

/* Writes two hexadecimal digits for each byte; returns the end, unterminated. */
static inline char *
bytes_write_hex(struct bytes bytes, char *at)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < bytes.size; i++) {
		*at++ = digits[(unsigned char)bytes.data[i] >> 4];
		*at++ = digits[(unsigned char)bytes.data[i] & 15];
	}
	return at;
}

/* Order of PostgreSQL's bytea: byte by byte, the shorter first. */
static inline int
bytes_compare(struct bytes a, struct bytes b)
{
	size_t shared = a.size < b.size ? a.size : b.size;
	int order = shared ? memcmp(a.data, b.data, shared) : 0;

	if (order != 0)
		return order;
	return (a.size > b.size) - (a.size < b.size);
}

#endif
