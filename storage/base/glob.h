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

/* Turns a prefix into the least bytes that come behind all that begin with it;
 * returns their size, or 0 when there are none. */
size_t glob_pass_prefix(char *prefix, size_t size);

/* Writes a pattern of SQL's LIKE that matches all that this one does, and the
 * same when it has no brackets, into `like` (with room for 2 * pattern.size
 * bytes); returns its size. */
size_t glob_print_like(struct bytes pattern, char *like);

#endif
