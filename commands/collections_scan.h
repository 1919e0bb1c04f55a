/* HSCAN, SSCAN and the like: a walk through the elements of one key.
 *
 * The cursor is the place among all hashes of elements at which the walk goes
 * on, so no state is kept: an element that is there throughout is met.
 *
 * The statement takes, behind the key, the hash from which on elements are
 * wanted (int4), how many at least (int8), and what `bind` binds.  Its
 * columns:
 *
 *	0  the key's type ("char")
 *	1  how many elements it would have returned: fewer are the end (int8)
 *	2  the element's hash (int8); NULL in the only row: none
 *	3  its name, which MATCH looks at
 *	4… the rest
 *
 * and it returns elements in order of hash, those of one hash all together. */
#ifndef COMMANDS_COLLECTIONS_SCAN_H
#define COMMANDS_COLLECTIONS_SCAN_H

#include "storage/statement.h"

#include <stdbool.h>

struct call;
struct request;
struct result;

enum { SCAN_ROW_NAME = 3, SCAN_ROW_REST };

struct collection_scan {
	enum statement_id statement;
	char type;
	bool has_values; /* each element is a pair */
	bool takes_novalues; /* … whose second can be left out */
	/* Further parameters; NULL: none. */
	void (*bind)(struct request *request, struct call *call);
	/* Writes the second reply of a pair. */
	void (*write_value)(
		struct request *request, const struct result *result, int row);
};

/* Runs the command: key, cursor and options are its arguments.  `scan` must be
 * static. */
void collections_scan(
	struct request *request, const struct collection_scan *scan);

#endif
