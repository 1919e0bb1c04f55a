/* Binding parameters and finishing calls; see call.h. */
#include "storage/call.h"

#include "storage/base/memory.h"
#include "storage/indexed_key.h"
#include "storage/lane.h"
#include "storage/slot.h"
#include "storage/store.h"

#include <assert.h>
#include <stdlib.h>
#include <xxhash.h>

struct call_block {
	struct call_block *next;
	char data[];
};

struct call *
call_new_for(struct store *sender, struct store *store, enum statement_id id,
	call_done done, void *arg)
{
	struct call *call = store_take_call(sender);

	call->store = store;
	call->sender = sender;
	call->id = id;
	call->done = done;
	call->arg = arg;
	call->next = NULL;
	call->route = ROUTE_KEY;
	call->db = 0;
	call->hash = 0;
	call->keyed = call->alone = call->streaming = false;
	call->on_rows = NULL;
	call->waited = false;
	call->queued_us = call->deadline_us = 0;
	call->element_count = 1;
	call->column_count = call->sequence = 0;
	call->value_count = 0;
	call->values = call->inline_values;
	call->value_capacity = CALL_INLINE_VALUES;
	call->size = 0;
	call->blocks = NULL;
	call->result = (struct result){ .status = STORE_OK };
	return call;
}

struct call *
call_new(struct store *store, enum statement_id id, call_done done, void *arg)
{
	return call_new_for(store, store, id, done, arg);
}

static struct value *
next_value(struct call *call, enum value_type type)
{
	struct value *value;

	if (call->value_count == call->value_capacity) {
		size_t size = (size_t)call->value_capacity * sizeof(*value);

		call->value_capacity *= 2;
		if (call->values == call->inline_values) {
			call->values = memory_allocate(size * 2);
			memcpy(call->values, call->inline_values, size);
		} else {
			call->values = memory_resize(call->values, size * 2);
		}
	}
	value = &call->values[call->value_count++];
	value->type = type;
	value->is_null = false;
	value->count = 0;
	call->size += 8;
	return value;
}

void
call_bind_int32(struct call *call, int32_t value)
{
	next_value(call, VALUE_INT32)->integer = value;
}

void
call_bind_int64(struct call *call, int64_t value)
{
	next_value(call, VALUE_INT64)->integer = value;
}

void
call_bind_bool(struct call *call, bool value)
{
	next_value(call, VALUE_BOOL)->integer = value;
}

void
call_bind_double(struct call *call, double value)
{
	next_value(call, VALUE_DOUBLE)->number = value;
}

void
call_bind_null(struct call *call, enum value_type type)
{
	next_value(call, type)->is_null = true;
}

void
call_bind_bytes(struct call *call, struct bytes value)
{
	next_value(call, VALUE_BYTES)->bytes = value;
	call->size += value.size;
}

void
call_bind_text(struct call *call, const char *value)
{
	next_value(call, VALUE_TEXT)->bytes = bytes_of(value);
}

void
call_bind_optional_int64(struct call *call, bool given, int64_t value)
{
	if (given)
		call_bind_int64(call, value);
	else
		call_bind_null(call, VALUE_INT64);
}

void
call_bind_optional_bytes(struct call *call, bool given, struct bytes value)
{
	if (given)
		call_bind_bytes(call, value);
	else
		call_bind_null(call, VALUE_BYTES);
}

void
call_bind_bytes_array(
	struct call *call, const struct bytes *array, uint32_t count)
{
	struct value *value = next_value(call, VALUE_BYTES_ARRAY);

	value->array = array;
	value->count = count;
	for (uint32_t i = 0; i < count; i++)
		call->size += array[i].size + 4;
}

void
call_bind_int64_array(struct call *call, const int64_t *array, uint32_t count)
{
	struct value *value = next_value(call, VALUE_INT64_ARRAY);

	value->integers = array;
	value->count = count;
	call->size += (sizeof(*array) + 4) * (size_t)count;
}

void
call_bind_double_array(struct call *call, const double *array, uint32_t count)
{
	struct value *value = next_value(call, VALUE_DOUBLE_ARRAY);

	value->numbers = array;
	value->count = count;
	call->size += (sizeof(*array) + 4) * (size_t)count;
}

/* Rows are matched to calls by key, and a long key comes back in its indexed
 * form: it goes out in that form too, or alone. */
static struct bytes
prepare_long_key(struct call *call, struct bytes key)
{
	enum set_mode mode = statement_get(call->id)->mode;
	struct call_block *block;

	if (mode == SET_KEY)
		call->alone = true;
	if (mode != SET_MATCH)
		return key;
	block = memory_allocate(sizeof(*block) + INDEXED_KEY_SIZE);
	indexed_key_make(key, block->data);
	block->next = call->blocks;
	call->blocks = block;
	return (struct bytes){ block->data, INDEXED_KEY_SIZE };
}

void
call_bind_key(struct call *call, int db, struct bytes key)
{
	struct value *value;

	if (!call->keyed) {
		call->keyed = true;
		call->db = db;
		call->hash = XXH3_64bits_withSeed(
			key.data, key.size, (XXH64_hash_t)db);
	}
	call_bind_int32(call, db);
	value = next_value(call, VALUE_INT16);
	value->integer = slot_of_key(key);
	if (!indexed_key_is_plain(key))
		key = prepare_long_key(call, key);
	call_bind_bytes(call, key);
}

void
call_bind_same_key(struct call *call)
{
	for (int i = 0; i < 3; i++) {
		struct value *value = next_value(call, VALUE_INT32);

		*value = call->values[i];
	}
}

void
call_bind_keys(struct call *call, int db, const struct bytes *keys, int count)
{
	for (int i = 0; i < count; i++) {
		if (i > 0)
			call_next_element(call);
		call_bind_key(call, db, keys[i]);
	}
}

void
call_next_element(struct call *call)
{
	if (call->element_count == 1)
		call->column_count = call->value_count;
	call->element_count++;
}

static void
send_along(struct call *call, enum call_route route)
{
	if (call->element_count == 1)
		call->column_count = call->value_count;
	assert(call->value_count == call->column_count * call->element_count);
	call->route = route;
	store_send(call->sender, call);
}

void
call_send(struct call *call)
{
	assert(call->keyed);
	send_along(call, ROUTE_KEY);
}

void
call_send_route(struct call *call, enum call_route route, int db)
{
	if (!call->keyed)
		call->db = db;
	send_along(call, route);
}

void
call_run_alone(struct call *call)
{
	call->alone = true;
}

void
call_stream(struct call *call, int db, call_on_rows on_rows)
{
	call->alone = true;
	call->on_rows = on_rows;
	call_send_route(call, ROUTE_STREAM, db);
}

void
call_resume_stream(struct call *call)
{
	lane_resume(call->lane);
}

void
call_complete(struct call *call)
{
	store_post_completed(call->store, call);
}

void
call_finish(struct call *call)
{
	call->done(call->arg, &call->result);
	rows_release(call->result.rows);
	while (call->blocks != NULL) {
		struct call_block *block = call->blocks;

		call->blocks = block->next;
		free(block);
	}
	if (call->values != call->inline_values)
		free(call->values);
	store_give_call(call->store, call);
}
