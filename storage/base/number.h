/* Numbers as text, by Redis' rules (redis 7.0.15 util.c, networking.c). */
#ifndef STORAGE_BASE_NUMBER_H
#define STORAGE_BASE_NUMBER_H

#include "storage/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room that the printed forms need, with their NUL. */
enum {
	NUMBER_INT64_SIZE = 21,
	NUMBER_DOUBLE_SIZE = 40,
	NUMBER_LONG_DOUBLE_SIZE = 5 * 1024,
};

/* A signed 64-bit number in its only spelling: no spaces, plus sign, leading
 * zeros or "-0" (string2ll).  On failure returns false and leaves `value`. */
bool number_parse_int64(struct bytes text, int64_t *value);

/* Each print function returns the size without the NUL it appends. */
size_t number_print_int64(char buffer[static NUMBER_INT64_SIZE], int64_t value);

/* What strtold() accepts in full: decimal and hexadecimal, inf; no leading
 * space, no nan, no overflow, no underflow to zero (string2ld, string2d). */
bool number_parse_long_double(struct bytes text, long double *value);
bool number_parse_double(struct bytes text, double *value);

/* INCRBYFLOAT's form: 17 decimals, trailing zeros cut (ld2string, human). */
size_t number_print_long_double(
	char buffer[static NUMBER_LONG_DOUBLE_SIZE], long double value);

/* Scores and other doubles in replies: %.17g, inf, -inf (addReplyDouble). */
size_t number_print_double(
	char buffer[static NUMBER_DOUBLE_SIZE], double value);

/* Bytes: digits and a unit (b, k, kb, m, mb, g, gb; k is 1000, kb 1024), as in
 * "100kb" (memtoull).  Unlike Redis' it refuses a unit without digits, and
 * what does not fit instead of wrapping around. */
bool number_parse_memory(struct bytes text, uint64_t *value);

#endif
