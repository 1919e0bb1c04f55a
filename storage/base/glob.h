/* Redis' glob patterns (redis 7.0.15 util.c, stringmatchlen):
 *
 *	?      one byte
 *	*      any bytes
 *	[a-z]  one of these bytes; [^a-z] any other
 *	\x     x itself, also inside brackets */
#ifndef STORAGE_BASE_GLOB_H
#define STORAGE_BASE_GLOB_H

#include "storage/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether the whole text matches.  Takes at most pattern times text steps.
 * As in Redis a pattern with over 1,000 stars that have to be tried matches
 * nothing, and the empty text matches only "" and "*". */
bool glob_match(struct bytes pattern, struct bytes text, bool ignore_case);

/* Writes the bytes that every match begins with, escapes undone, into
 * `prefix` (with room for pattern.size bytes) and returns how many.
 * `*is_literal` (may be NULL) tells whether they are the only match, because
 * the pattern has no special characters. */
size_t glob_prefix(struct bytes pattern, char *prefix, bool *is_literal);

#endif
