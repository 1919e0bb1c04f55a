/* Encodes a group's parameters in PostgreSQL's binary format and sends it.
 *
 * Source: PostgreSQL, src/backend/utils/adt/arrayfuncs.c (array_recv) for the
 * binary form of arrays. */
#include "storage/batch.h"

#include "storage/base/memory.h"
#include "storage/link.h"

#include <arpa/inet.h>
#include <endian.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
	BUFFER_KEPT_MAX = 1 << 20, /* bytes kept from one batch to the next */
	ARRAY_HEADER_SIZE = 20,
	KEY_COLUMNS = 3, /* database, slot, key */
};

/* One element's row of values in a set-based group. */
struct element {
	const struct value *values;
};

static char *
reserve(struct batch *batch, size_t size)
{
	char *at;

	if (batch->buffer_size + size > batch->buffer_capacity) {
		batch->buffer_capacity = (batch->buffer_size + size) * 2;
		batch->buffer =
			memory_resize(batch->buffer, batch->buffer_capacity);
	}
	at = batch->buffer + batch->buffer_size;
	batch->buffer_size += size;
	return at;
}

static void
put_int32(char *at, uint32_t value)
{
	value = htonl(value);
	memcpy(at, &value, sizeof(value));
}

static uint32_t
type_oid(enum value_type type)
{
	switch (type) {
	case VALUE_BOOL:
		return 16;
	case VALUE_INT16:
		return 21;
	case VALUE_INT32:
		return 23;
	case VALUE_INT64:
		return 20;
	case VALUE_DOUBLE:
		return 701;
	case VALUE_TEXT:
		return 25;
	default:
		return 17;
	}
}

static int
type_size(enum value_type type)
{
	switch (type) {
	case VALUE_BOOL:
		return 1;
	case VALUE_INT16:
		return 2;
	case VALUE_INT32:
		return 4;
	default:
		return 8;
	}
}

static void
put_number(char *at, const struct value *value)
{
	uint64_t eight = htobe64((uint64_t)value->integer);
	int size = type_size(value->type);

	/* A double's bits share the integer's place; big-endian numbers end
	 * with their low bytes. */
	memcpy(at, (char *)&eight + sizeof(eight) - size, (size_t)size);
}

static bool
is_bytes(enum value_type type)
{
	return type == VALUE_BYTES || type == VALUE_TEXT;
}

static void
put_array_header(struct batch *batch, uint32_t oid, uint32_t count)
{
	char *at = reserve(batch, count ? ARRAY_HEADER_SIZE : 12);

	put_int32(at, count ? 1 : 0); /* dimensions */
	put_int32(at + 4, 1); /* may hold NULL */
	put_int32(at + 8, oid);
	if (count) {
		put_int32(at + 12, count);
		put_int32(at + 16, 1); /* lower bound */
	}
}

static void
put_array_bytes(struct batch *batch, struct bytes bytes)
{
	char *at;

	if (bytes.data == NULL) {
		put_int32(reserve(batch, 4), UINT32_MAX);
		return;
	}
	at = reserve(batch, 4 + bytes.size);
	put_int32(at, (uint32_t)bytes.size);
	memcpy(at + 4, bytes.data, bytes.size);
}

static void
put_array_element(struct batch *batch, const struct value *value)
{
	char *at;

	if (value->is_null) {
		put_int32(reserve(batch, 4), UINT32_MAX);
	} else if (is_bytes(value->type)) {
		put_array_bytes(batch, value->bytes);
	} else {
		int size = type_size(value->type);

		at = reserve(batch, 4 + (size_t)size);
		put_int32(at, (uint32_t)size);
		put_number(at + 4, value);
	}
}

static int
compare_elements(const void *a, const void *b)
{
	const struct value *left = ((const struct element *)a)->values;
	const struct value *right = ((const struct element *)b)->values;

	if (left[0].integer != right[0].integer)
		return left[0].integer < right[0].integer ? -1 : 1;
	return bytes_compare(left[2].bytes, right[2].bytes);
}

static int
compare_calls(const void *a, const void *b)
{
	const struct call *first = *(struct call *const *)a;
	const struct call *second = *(struct call *const *)b;
	struct element left = { first->values }, right = { second->values };
	int order = compare_elements(&left, &right);

	return order != 0 ? order : first->sequence - second->sequence;
}

/* The group's elements in the order in which they are sent: by key for
 * writes, so that two processes lock rows in one order. */
static struct element *
collect_elements(struct batch_group *group)
{
	const struct statement *statement = statement_get(group->id);
	struct element *elements = memory_allocate(
		(size_t)group->element_count * sizeof(*elements));
	int count = 0;

	if (statement->write && statement->mode != SET_ALL)
		qsort(group->calls, (size_t)group->call_count,
			sizeof(struct call *), compare_calls);
	for (int i = 0; i < group->call_count; i++) {
		const struct call *call = group->calls[i];

		for (int j = 0; j < call->element_count; j++)
			elements[count++].values = call->values +
				(ptrdiff_t)j * call->column_count;
	}
	if (statement->mode == SET_ALL)
		qsort(elements, (size_t)count, sizeof(*elements),
			compare_elements);
	return elements;
}

static void
encode_column(struct batch *batch, const struct element *elements, int count,
	int column)
{
	put_array_header(batch, type_oid(elements[0].values[column].type),
		(uint32_t)count);
	for (int i = 0; i < count; i++)
		put_array_element(batch, &elements[i].values[column]);
}

/* SET_MATCH: the database, and the keys. */
static int
encode_match(struct batch *batch, const struct element *elements, int count,
	size_t *offsets)
{
	const struct value *db = &elements[0].values[0];

	offsets[0] = batch->buffer_size;
	put_number(reserve(batch, (size_t)type_size(db->type)), db);
	offsets[1] = batch->buffer_size;
	encode_column(batch, elements, count, 2);
	offsets[2] = batch->buffer_size;
	return 2;
}

static int
encode_columns(struct batch *batch, const struct element *elements, int count,
	int columns, size_t *offsets)
{
	for (int column = 0; column < columns; column++) {
		offsets[column] = batch->buffer_size;
		encode_column(batch, elements, count, column);
	}
	offsets[columns] = batch->buffer_size;
	return columns;
}

/* A statement that repeats keys: each key once, the number of its key for each
 * element, and the elements' own columns. */
static int
encode_repeats(struct batch *batch, const struct element *elements, int count,
	int columns, size_t *offsets)
{
	struct element *keys = memory_allocate((size_t)count * sizeof(*keys));
	int key_count = 0;

	for (int i = 0; i < count; i++)
		if (i == 0 ||
			compare_elements(&elements[i - 1], &elements[i]) != 0)
			keys[key_count++] = elements[i];
	encode_columns(batch, keys, key_count, KEY_COLUMNS, offsets);
	free(keys);
	put_array_header(batch, type_oid(VALUE_INT32), (uint32_t)count);
	key_count = 0;
	for (int i = 0; i < count; i++) {
		struct value number = { .type = VALUE_INT32 };

		key_count += i == 0 ||
			compare_elements(&elements[i - 1], &elements[i]) != 0;
		number.integer = key_count;
		put_array_element(batch, &number);
	}
	for (int column = KEY_COLUMNS; column < columns; column++) {
		offsets[column + 1] = batch->buffer_size;
		encode_column(batch, elements, count, column);
	}
	offsets[columns + 1] = batch->buffer_size;
	return columns + 1;
}

static int
encode_set(struct batch *batch, struct batch_group *group, size_t *offsets)
{
	const struct statement *statement = statement_get(group->id);
	struct element *elements = collect_elements(group);
	int columns = group->calls[0]->column_count;
	int count = group->element_count;

	if (statement->mode == SET_MATCH)
		columns = encode_match(batch, elements, count, offsets);
	else if (statement->repeats)
		columns = encode_repeats(
			batch, elements, count, columns, offsets);
	else
		columns = encode_columns(
			batch, elements, count, columns, offsets);
	free(elements);
	return columns;
}

static bool
send_set(struct batch *batch, struct batch_group *group, struct link *link)
{
	size_t offsets[LINK_PARAMETERS_MAX + 1];
	const char *values[LINK_PARAMETERS_MAX];
	int sizes[LINK_PARAMETERS_MAX];
	int columns = encode_set(batch, group, offsets);

	for (int i = 0; i < columns; i++) {
		values[i] = batch->buffer + offsets[i];
		sizes[i] = (int)(offsets[i + 1] - offsets[i]);
	}
	return link_send_execute(
		link, statement_get(group->id)->name, columns, values, sizes);
}

static void
put_array_number(struct batch *batch, const struct value *value)
{
	char *at = reserve(batch, 12);

	put_int32(at, 8);
	put_number(at + 4, value);
}

static bool
is_array(enum value_type type)
{
	return type == VALUE_BYTES_ARRAY || type == VALUE_INT64_ARRAY ||
		type == VALUE_DOUBLE_ARRAY;
}

/* An array that is one value of its call. */
static void
put_array(struct batch *batch, const struct value *value)
{
	struct value number = { .type = VALUE_INT64 };

	if (value->type == VALUE_BYTES_ARRAY) {
		put_array_header(batch, type_oid(VALUE_BYTES), value->count);
		for (uint32_t i = 0; i < value->count; i++)
			put_array_bytes(batch, value->array[i]);
		return;
	}
	if (value->type == VALUE_DOUBLE_ARRAY)
		number.type = VALUE_DOUBLE;
	put_array_header(batch, type_oid(number.type), value->count);
	for (uint32_t i = 0; i < value->count; i++) {
		if (number.type == VALUE_DOUBLE)
			number.number = value->numbers[i];
		else
			number.integer = value->integers[i];
		put_array_number(batch, &number);
	}
}

static bool
send_single(struct batch *batch, struct call *call, const char *name,
	struct link *link)
{
	size_t offsets[LINK_PARAMETERS_MAX];
	const char *values[LINK_PARAMETERS_MAX];
	int sizes[LINK_PARAMETERS_MAX];
	int count = call->value_count;

	for (int i = 0; i < count; i++) {
		const struct value *value = &call->values[i];

		offsets[i] = batch->buffer_size;
		if (is_array(value->type)) {
			put_array(batch, value);
		} else if (!value->is_null && !is_bytes(value->type)) {
			put_number(
				reserve(batch, (size_t)type_size(value->type)),
				value);
		}
		sizes[i] = (int)(batch->buffer_size - offsets[i]);
	}
	for (int i = 0; i < count; i++) {
		const struct value *value = &call->values[i];

		values[i] = value->is_null ? NULL : batch->buffer + offsets[i];
		if (is_bytes(value->type) && !value->is_null) {
			values[i] = value->bytes.data ? value->bytes.data : "";
			sizes[i] = (int)value->bytes.size;
		}
	}
	return link_send_execute(link, name, count, values, sizes);
}

bool
batch_send_group(
	struct batch *batch, struct batch_group *group, struct link *link)
{
	enum statement_id id = batch_group_statement(group);
	bool sent;

	batch->buffer_size = 0;
	reserve(batch, 1); /* so that a pointer into it is never NULL */
	if (statement_get(id)->mode == SET_NONE)
		sent = send_single(
			batch, group->calls[0], statement_get(id)->name, link);
	else
		sent = send_set(batch, group, link);
	if (batch->buffer_capacity > BUFFER_KEPT_MAX) {
		free(batch->buffer);
		batch->buffer = NULL;
		batch->buffer_capacity = 0;
	}
	return sent;
}
