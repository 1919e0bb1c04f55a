/* Bounds-checked readers of binary result columns; see result.h. */
#include "storage/result.h"

#include "storage/base/memory.h"

#include <arpa/inet.h>
#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

struct rows *
rows_new(PGresult *set)
{
	struct rows *rows = memory_allocate(sizeof(*rows));

	rows->set = set;
	rows->of_elements = NULL;
	atomic_init(&rows->references, 1);
	return rows;
}

struct rows *
rows_hold(struct rows *rows)
{
	atomic_fetch_add_explicit(&rows->references, 1, memory_order_relaxed);
	return rows;
}

void
rows_release(void *arg)
{
	struct rows *rows = arg;

	if (rows == NULL ||
		atomic_fetch_sub_explicit(
			&rows->references, 1, memory_order_acq_rel) != 1)
		return;
	PQclear(rows->set);
	free(rows->of_elements);
	free(rows);
}

static PGresult *
cell(const struct result *result, int row, int column)
{
	PGresult *set = result->rows ? result->rows->set : NULL;

	assert(row >= 0 && row < result->row_count);
	assert(column >= 0 && column < PQnfields(set));
	return set;
}

bool
result_is_null(const struct result *result, int row, int column)
{
	PGresult *set = cell(result, row, column);

	return PQgetisnull(set, result->first_row + row, column);
}

int64_t
result_int64(const struct result *result, int row, int column)
{
	PGresult *set = cell(result, row, column);
	const char *data = PQgetvalue(set, result->first_row + row, column);
	uint16_t two;
	uint32_t four;
	uint64_t eight;

	switch (PQgetlength(set, result->first_row + row, column)) {
	case 1:
		return (unsigned char)data[0];
	case 2:
		memcpy(&two, data, sizeof(two));
		return (int16_t)ntohs(two);
	case 4:
		memcpy(&four, data, sizeof(four));
		return (int32_t)ntohl(four);
	case 8:
		memcpy(&eight, data, sizeof(eight));
		return (int64_t)be64toh(eight);
	default:
		return 0;
	}
}

char
result_char(const struct result *result, int row, int column)
{
	return *PQgetvalue(
		cell(result, row, column), result->first_row + row, column);
}

double
result_double(const struct result *result, int row, int column)
{
	int64_t bits = result_int64(result, row, column);
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

struct bytes
result_bytes(const struct result *result, int row, int column)
{
	PGresult *set = cell(result, row, column);

	row += result->first_row;
	return (struct bytes){ PQgetvalue(set, row, column),
		(size_t)PQgetlength(set, row, column) };
}

/* The binary form: dimensions, flags and type, then for each dimension size and
 * lower bound, then the elements, each behind its size.
 * Source: PostgreSQL, src/backend/utils/adt/arrayfuncs.c (array_send). */
const char *
result_text(const struct result *result, int row, int column)
{
	return result_bytes(result, row, column).data;
}

int
result_column_count(const struct result *result)
{
	return result->rows == NULL ? 0 : PQnfields(result->rows->set);
}

const char *
result_column_name(const struct result *result, int column)
{
	return PQfname(result->rows->set, column);
}

/* Source: PostgreSQL, src/include/catalog/pg_type.dat. */
enum result_type
result_column_type(const struct result *result, int column)
{
	enum { BOOL = 16, INT8 = 20, INT2 = 21, INT4 = 23, FLOAT8 = 701 };

	switch (PQftype(result->rows->set, column)) {
	case BOOL:
		return RESULT_BOOLEAN;
	case INT8:
	case INT2:
	case INT4:
		return RESULT_INTEGER;
	case FLOAT8:
		return RESULT_DOUBLE;
	default:
		return RESULT_BYTES;
	}
}

static int32_t
read_int32(const char *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return (int32_t)ntohl(value);
}

bool
result_array_open(const struct result *result, int row, int column,
	struct result_array *array)
{
	enum { DIMENSIONS = 0, COUNT = 12, ELEMENTS = 20 };
	struct bytes bytes = result_bytes(result, row, column);

	*array = (struct result_array){ 0 };
	if (result_is_null(result, row, column))
		return false;
	if (bytes.size < ELEMENTS || read_int32(bytes.data + DIMENSIONS) != 1)
		return true;
	array->at = bytes.data + ELEMENTS;
	array->left = read_int32(bytes.data + COUNT);
	return true;
}

struct bytes
result_array_next(struct result_array *array)
{
	int32_t size = read_int32(array->at);
	struct bytes element = { NULL, 0 };

	array->left--;
	array->at += sizeof(size);
	if (size < 0)
		return element;
	element = (struct bytes){ array->at, (size_t)size };
	array->at += size;
	return element;
}

int
result_row_of_element(const struct result *result, int element, int after)
{
	int row = after + 1;

	if (result->rows != NULL && result->rows->of_elements != NULL) {
		row = result->rows
			      ->of_elements[result->first_element + element];
		/* A call of one element has its row as the first. */
		return row < 0 ? row : row - result->first_row;
	}
	/* The form for one element names no element. */
	if (row < result->row_count && result_is_null(result, row, 0))
		return row;
	if (row < result->row_count &&
		result_int64(result, row, 0) ==
			result->first_element + element + 1)
		return row;
	return -1;
}
