/* Answers with all rows of a statement, however many there are.
 *
 * The statement takes as its last parameter how many rows it may return (int8,
 * NULL: all).  Its columns:
 *
 *	0  the key's type ("char")
 *	1  count(*) OVER (): how many rows there are
 *	2… the elements; NULL in column 2 of the only row: none
 *
 * and it returns no row when there is no key.  A short answer comes through the
 * key's lane in one piece; a long one is asked for again, on a connection for
 * slow reads, and passes through in bounded memory. */
#ifndef COMMANDS_LISTING_H
#define COMMANDS_LISTING_H

#include "storage/statement.h"

#include <stdint.h>

struct call;
struct request;
struct result;

enum listing_shape {
	LISTING_ARRAY,
	LISTING_SET, /* RESP2: an array */
	LISTING_MAP, /* RESP2: a flat array; each row is a pair */
};

struct listing {
	enum statement_id statement;
	enum listing_shape shape;
	char type; /* that the key must have; 0: any */
	/* Replies that one row makes in an array: 1, or 2 for pairs of RESP2
	 * that are no map.  A callback may decide by protocol. */
	int replies_per_row;
	/* Binds all parameters but the last; may be called twice. */
	void (*bind)(struct request *request, struct call *call);
	/* Writes one row's replies; `row` is of `result`. */
	void (*write_row)(
		struct request *request, const struct result *result, int row);
	/* The error, a literal, for a key's type that is not the one wanted;
	 * NULL: that the type is wrong. */
	const char *(*find_error)(char type);
	/* Replies and finishes when there is no key; NULL: an empty reply of
	 * the shape. */
	void (*reply_absent)(struct request *request);
};

enum { LISTING_TYPE, LISTING_TOTAL, LISTING_FIRST };

/* `listing` must live until the request has finished (static, or from
 * request_allocate()). */
void listing_send(struct request *request, const struct listing *listing);

#endif
