/* Reads RESP2 replies of any depth into trees.
 *
 * hiredis 0.14 refuses more than seven levels of arrays, and COMMAND DOCS has
 * more. */
#ifndef TESTS_SUPPORT_RESP_H
#define TESTS_SUPPORT_RESP_H

#include <stddef.h>
#include <stdio.h>

struct resp {
	char type; /* '+', '-', ':', '$', '*'; '_' for nil */
	char *text; /* of all but arrays and nil; ended by NUL */
	size_t count;
	struct resp **items; /* of an array */
};

/* Reads one reply; fails the test when the input ends or is no RESP2.
 * Released with resp_free(). */
struct resp *resp_read(FILE *input);
void resp_free(struct resp *reply);

/* The value behind `key` in a map written as a flat array; NULL when there is
 * none.  It stays the map's. */
struct resp *resp_value(const struct resp *map, const char *key);

/* On one line, for messages and comparison; NULL prints as "".  To be
 * freed. */
char *resp_text(const struct resp *reply);

#endif
