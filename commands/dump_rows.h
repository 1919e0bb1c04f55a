/* From the rows of the statement dump_rows to a value. */
#ifndef COMMANDS_DUMP_ROWS_H
#define COMMANDS_DUMP_ROWS_H

#include "commands/rdb_arena.h"
#include "commands/rdb_value.h"

#include <stdbool.h>

struct result;

struct dump_rows {
	struct rdb_value *value; /* NULL: no row has come yet */
	bool copies; /* bytes out of the rows, which go before the value does */
	struct rdb_array elements; /* of whatever type, or a stream's entries */
	struct rdb_array groups;
	/* Of the last group. */
	struct rdb_array consumers, pending;
	struct rdb_array consumer_places; /* by row; sorted once needed */
};

/* Releases the value as well. */
void dump_rows_release(struct dump_rows *rows);

/* Whether the result's only row says that there are too many. */
bool dump_rows_are_too_many(const struct result *result);

/* Takes further rows, in their order. */
void dump_rows_add(struct dump_rows *rows, const struct result *result);

/* The value, complete, which stays the rows'; NULL when there was no row, or no
 * element (all fields of a hash have expired). */
struct rdb_value *dump_rows_finish(struct dump_rows *rows);

#endif
