/* From the rows of the statement dump_rows to a value; see dump_rows.h, and
 * storage/schema/functions/32_dump.sql for what the rows are. */
#include "commands/dump_rows.h"

#include "commands/rdb_format.h"
#include "commands/rdb_source.h"
#include "storage/base/bytes.h"
#include "storage/result.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Columns of dump_rows. */
enum { KIND, OWNER, NAME, VALUE, NUMBER, COUNT, SCORE, FIELDS };

/* Where the consumer with the row number `id` stands in its group. */
struct consumer_place {
	int64_t id;
	size_t place;
};

struct row {
	const struct result *result;
	int number;
};

void
dump_rows_release(struct dump_rows *rows)
{
	rdb_value_free(rows->value);
	*rows = (struct dump_rows){ .copies = rows->copies };
}

bool
dump_rows_are_too_many(const struct result *result)
{
	return result->row_count == 1 && result_char(result, 0, KIND) == '+';
}

/* The arena has no limit: NULL never comes back. */
static void *
add(struct dump_rows *rows, struct rdb_array *array, size_t size)
{
	return rdb_array_add(&rows->value->arena, array, size);
}

static struct bytes
keep(struct dump_rows *rows, struct bytes bytes)
{
	char *copy;

	if (!rows->copies)
		return bytes;
	copy = rdb_arena_allocate(&rows->value->arena, bytes.size);
	memcpy(copy, bytes.data, bytes.size);
	return (struct bytes){ copy, bytes.size };
}

static struct bytes
row_bytes(struct dump_rows *rows, struct row row, int column)
{
	return keep(rows, result_bytes(row.result, row.number, column));
}

static int64_t
row_number(struct row row, int column)
{
	return result_int64(row.result, row.number, column);
}

static struct rdb_stream_id
row_id(struct row row, int column)
{
	struct bytes id = result_bytes(row.result, row.number, column);

	if (id.size != RDB_STREAM_ID_SIZE)
		return (struct rdb_stream_id){ 0 };
	return rdb_stream_id_decode(id.data);
}

static void
add_item(struct dump_rows *rows, struct row row)
{
	struct bytes *item = add(rows, &rows->elements, sizeof(*item));

	*item = row_bytes(rows, row, VALUE);
}

static void
add_member(struct dump_rows *rows, struct row row)
{
	struct rdb_scored_member *member =
		add(rows, &rows->elements, sizeof(*member));

	member->member = row_bytes(rows, row, VALUE);
	member->score = result_double(row.result, row.number, SCORE);
}

static void
add_field(struct dump_rows *rows, struct row row)
{
	struct rdb_field *field = add(rows, &rows->elements, sizeof(*field));

	field->field = row_bytes(rows, row, NAME);
	field->value = row_bytes(rows, row, VALUE);
	field->expires_at = result_is_null(row.result, row.number, NUMBER) ?
		RDB_NO_EXPIRY :
		row_number(row, NUMBER);
}

static void
start_stream(struct dump_rows *rows, struct row row)
{
	rows->value->stream = (struct rdb_stream){ .last_id = row_id(row, NAME),
		.max_deleted_id = row_id(row, VALUE),
		.entries_added = (uint64_t)row_number(row, NUMBER) };
}

static void
add_entry(struct dump_rows *rows, struct row row)
{
	struct rdb_entry *entry = add(rows, &rows->elements, sizeof(*entry));
	struct result_array fields;

	result_array_open(row.result, row.number, FIELDS, &fields);
	entry->id = row_id(row, NAME);
	entry->pair_count = (size_t)fields.left / 2;
	entry->pairs = rdb_arena_allocate_array(&rows->value->arena,
		entry->pair_count, 2 * sizeof(*entry->pairs));
	for (size_t i = 0; i < 2 * entry->pair_count; i++)
		entry->pairs[i] = keep(rows, result_array_next(&fields));
}

/* Gives the last group what was read of it. */
static void
finish_group(struct dump_rows *rows)
{
	struct rdb_group *groups = rows->groups.items, *group;

	if (rows->groups.count == 0)
		return;
	group = &groups[rows->groups.count - 1];
	group->consumers = rows->consumers.items;
	group->consumer_count = rows->consumers.count;
	group->pending = rows->pending.items;
	group->pending_count = rows->pending.count;
	rows->consumers = rows->pending = (struct rdb_array){ 0 };
	rows->consumer_places = (struct rdb_array){ 0 };
}

static void
add_group(struct dump_rows *rows, struct row row)
{
	struct rdb_group *group;

	finish_group(rows);
	group = add(rows, &rows->groups, sizeof(*group));
	*group = (struct rdb_group){ .name = row_bytes(rows, row, NAME),
		.last_id = row_id(row, VALUE),
		.entries_read = result_is_null(row.result, row.number, NUMBER) ?
			RDB_UNKNOWN_COUNT :
			row_number(row, NUMBER) };
}

static int
compare_places(const void *first, const void *second)
{
	const struct consumer_place *a = first, *b = second;

	return (a->id > b->id) - (a->id < b->id);
}

static void
add_consumer(struct dump_rows *rows, struct row row)
{
	struct rdb_consumer *consumer =
		add(rows, &rows->consumers, sizeof(*consumer));
	struct consumer_place *place =
		add(rows, &rows->consumer_places, sizeof(*place));

	consumer->name = row_bytes(rows, row, NAME);
	consumer->seen_at = row_number(row, NUMBER);
	*place = (struct consumer_place){ row_number(row, OWNER),
		rows->consumers.count - 1 };
}

/* Consumers come before all pending entries of their group. */
static void
add_pending(struct dump_rows *rows, struct row row)
{
	struct rdb_array *places = &rows->consumer_places;
	struct consumer_place wanted = { .id = row_number(row, OWNER) };
	const struct consumer_place *found;
	struct rdb_pending *pending;

	if (rows->pending.count == 0 && places->count > 1)
		qsort(places->items, places->count, sizeof(wanted),
			compare_places);
	found = places->count == 0 ?
		NULL :
		bsearch(&wanted, places->items, places->count, sizeof(wanted),
			compare_places);
	if (found == NULL)
		return;
	pending = add(rows, &rows->pending, sizeof(*pending));
	*pending = (struct rdb_pending){ .id = row_id(row, NAME),
		.delivered_at = row_number(row, NUMBER),
		.delivery_count = (uint64_t)row_number(row, COUNT),
		.consumer = found->place };
}

static enum rdb_type
type_of_kind(char kind)
{
	switch (kind) {
	case 's':
		return RDB_STRING;
	case 'l':
		return RDB_LIST;
	case 't':
		return RDB_SET;
	case 'z':
		return RDB_SORTED_SET;
	case 'h':
		return RDB_HASH;
	default:
		return RDB_STREAM;
	}
}

static void
add_row(struct dump_rows *rows, struct row row)
{
	switch (result_char(row.result, row.number, KIND)) {
	case 's':
		rows->value->string = row_bytes(rows, row, VALUE);
		break;
	case 'l':
	case 't':
		add_item(rows, row);
		break;
	case 'z':
		add_member(rows, row);
		break;
	case 'h':
		add_field(rows, row);
		break;
	case 'x':
		start_stream(rows, row);
		break;
	case 'e':
		add_entry(rows, row);
		break;
	case 'g':
		add_group(rows, row);
		break;
	case 'c':
		add_consumer(rows, row);
		break;
	case 'p':
		add_pending(rows, row);
		break;
	default:
		break;
	}
}

void
dump_rows_add(struct dump_rows *rows, const struct result *result)
{
	if (result->row_count > 0 && rows->value == NULL) {
		rows->value = rdb_value_new(SIZE_MAX);
		rows->value->type = type_of_kind(result_char(result, 0, KIND));
	}
	for (int i = 0; i < result->row_count; i++)
		add_row(rows, (struct row){ result, i });
}

struct rdb_value *
dump_rows_finish(struct dump_rows *rows)
{
	struct rdb_value *value = rows->value;
	struct rdb_array elements = rows->elements;

	if (value == NULL)
		return NULL;
	switch (value->type) {
	case RDB_STRING:
		return value;
	case RDB_LIST:
		value->list =
			(struct rdb_list){ elements.items, elements.count };
		break;
	case RDB_SET:
		value->set = (struct rdb_set){ elements.items, elements.count };
		break;
	case RDB_SORTED_SET:
		value->sorted_set = (struct rdb_sorted_set){ elements.items,
			elements.count };
		break;
	case RDB_HASH:
		value->hash =
			(struct rdb_hash){ elements.items, elements.count };
		break;
	case RDB_STREAM:
		finish_group(rows);
		value->stream.entries = elements.items;
		value->stream.entry_count = elements.count;
		value->stream.groups = rows->groups.items;
		value->stream.group_count = rows->groups.count;
		return value;
	}
	return elements.count > 0 ? value : NULL;
}
