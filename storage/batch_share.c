/* Deals a group's rows out to its calls; see batch.h. */
#include "storage/batch.h"

#include "storage/base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* Rows by the hash of their first column; -1: a free place. */
struct row_table {
	int *rows;
	size_t mask;
};

static struct bytes
row_key(const PGresult *set, int row)
{
	return (struct bytes){ PQgetvalue(set, row, 0),
		(size_t)PQgetlength(set, row, 0) };
}

static size_t
first_place(const struct row_table *table, struct bytes key)
{
	return XXH3_64bits(key.data, key.size) & table->mask;
}

static struct row_table
index_rows(const PGresult *set)
{
	int count = PQntuples(set);
	struct row_table table = { .mask = 15 };

	while (table.mask < (size_t)count * 2)
		table.mask = table.mask * 2 + 1;
	table.rows = memory_allocate((table.mask + 1) * sizeof(int));
	memset(table.rows, -1, (table.mask + 1) * sizeof(int));
	for (int row = 0; row < count; row++) {
		size_t at = first_place(&table, row_key(set, row));

		while (table.rows[at] >= 0)
			at = (at + 1) & table.mask;
		table.rows[at] = row;
	}
	return table;
}

static int
find_row(const struct row_table *table, const PGresult *set, struct bytes key)
{
	size_t at = first_place(table, key);

	while (table->rows[at] >= 0 &&
		!bytes_equal(row_key(set, table->rows[at]), key))
		at = (at + 1) & table->mask;
	return table->rows[at];
}

/* For each element of the group in order, its row or -1.  From malloc. */
static int *
match_rows(const struct batch_group *group, const PGresult *set)
{
	struct row_table table = index_rows(set);
	int *of_elements = memory_allocate(
		(size_t)group->element_count * sizeof(*of_elements));
	int element = 0;

	for (int i = 0; i < group->call_count; i++) {
		const struct call *call = group->calls[i];

		for (int j = 0; j < call->element_count; j++)
			of_elements[element++] = find_row(&table, set,
				call->values[j * call->column_count + 2].bytes);
	}
	free(table.rows);
	return of_elements;
}

/* A call of one element sees its row alone; one of several looks its rows up
 * with result_row_of_element(). */
static void
share_matched(struct result *result, const struct call *call, int row_count)
{
	int row = result->rows->of_elements[result->first_element];

	if (call->element_count > 1) {
		result->first_row = 0;
		result->row_count = row_count;
	} else if (row >= 0) {
		result->first_row = row;
		result->row_count = 1;
	}
}

bool
batch_share_result(struct batch_group *group)
{
	enum set_mode mode = statement_get(group->id)->mode;
	struct rows *rows = rows_new(group->result);
	int row_count = PQntuples(group->result), row = 0, element = 0;
	bool fits = true;

	group->result = NULL;
	if (mode == SET_MATCH && group->element_count > 1)
		rows->of_elements = match_rows(group, rows->set);
	for (int i = 0; i < group->call_count; i++) {
		struct call *call = group->calls[i];
		struct result *result = &call->result;
		struct result all = { .rows = rows, .row_count = row_count };

		*result = (struct result){ .status = STORE_OK,
			.rows = rows_hold(rows),
			.first_row = row,
			.first_element = element };
		element += call->element_count;
		if (mode == SET_NONE ||
			((mode == SET_KEY || mode == SET_MATCH) &&
				group->element_count == 1))
			row = row_count;
		else if (mode == SET_MATCH)
			share_matched(result, call, row_count);
		else if (mode == SET_KEY && row < row_count &&
			bytes_equal(result_bytes(&all, row, 0),
				call->values[2].bytes))
			row++;
		else if (mode == SET_ORDINAL)
			while (row < row_count &&
				result_int64(&all, row, 0) <= element &&
				result_int64(&all, row, 0) >
					result->first_element)
				row++;
		if (result->rows->of_elements == NULL)
			result->row_count = row - result->first_row;
	}
	fits = mode == SET_ALL || mode == SET_MATCH || row == row_count;
	rows_release(rows);
	return fits;
}
