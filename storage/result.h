/* What a call brought back: a status, and typed readers of its rows.
 *
 * A result is valid during the call's continuation only.  Bytes that it hands
 * out point into the rows; result_hold() keeps the rows longer. */
#ifndef STORAGE_RESULT_H
#define STORAGE_RESULT_H

#include "storage/base/bytes.h"

#include <libpq-fe.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum store_status {
	STORE_OK,
	/* PostgreSQL refused the statement; `error` has its message.  Nothing
	 * was changed. */
	STORE_ERROR,
	/* Not sent within postgres-timeout: nothing was changed. */
	STORE_DOWN,
	/* The connection died and did not come back within postgres-timeout:
	 * the write may have happened. */
	STORE_UNKNOWN,
	/* The write is committed, its result was lost with the connection. */
	STORE_REPLY_LOST,
	/* The queue of the lane is full. */
	STORE_BUSY,
};

/* Rows shared by the calls of one set-based execution. */
struct rows {
	PGresult *set;
	int *of_elements; /* SET_MATCH: each element's row, or -1 */
	atomic_int references;
};

struct result {
	enum store_status status;
	char sqlstate[6];
	char error[160]; /* for STORE_ERROR: PostgreSQL's message */
	struct rows *rows; /* NULL: none */
	int first_row, row_count;
	/* Position of the call's first element in its group. */
	int first_element;
};

/* Takes over `set`; one reference. */
struct rows *rows_new(PGresult *set);
struct rows *rows_hold(struct rows *rows);
/* Usable as a release callback for bytes that point into the rows. */
void rows_release(void *rows);

bool result_is_null(const struct result *result, int row, int column);
/* A column of type int2, int4, int8 or boolean; 0 for NULL. */
int64_t result_int64(const struct result *result, int row, int column);
/* A column of type "char". */
char result_char(const struct result *result, int row, int column);
double result_double(const struct result *result, int row, int column);
/* bytea or text; empty for NULL. */
struct bytes result_bytes(const struct result *result, int row, int column);
/* A NUL-terminated text column (libpq terminates every value). */
const char *result_text(const struct result *result, int row, int column);

/* The statement's columns, for replies that are made of them as they are. */
enum result_type {
	RESULT_BYTES, /* bytea, text and all else */
	RESULT_INTEGER,
	RESULT_BOOLEAN,
	RESULT_DOUBLE,
};

int result_column_count(const struct result *result);
const char *result_column_name(const struct result *result, int column);
enum result_type result_column_type(const struct result *result, int column);

/* A column of type bytea[] of one dimension, element by element. */
struct result_array {
	const char *at;
	int left; /* elements to come */
};

/* False, and no elements, for NULL. */
bool result_array_open(const struct result *result, int row, int column,
	struct result_array *array);
/* The next element; a NULL is empty and without data.  One must be left. */
struct bytes result_array_next(struct result_array *array);

/* SET_ORDINAL and SET_MATCH: the row of the call's element (from 0), or -1.  `after` is the
 * row found for the element before, or -1: rows come in element order. */
int result_row_of_element(const struct result *result, int element, int after);

#endif
