/* Sends a restored value to PostgreSQL: one statement, with arrays of all
 * elements. */
#include "commands/dump.h"

#include "commands/rdb_format.h"
#include "commands/rdb_sink.h"
#include "commands/rdb_value.h"
#include "commands/request.h"
#include "commands/strings.h"
#include "storage/base/bytes.h"
#include "storage/base/clock.h"
#include "storage/base/number.h"
#include "storage/call.h"

#include <stddef.h>
#include <stdint.h>

/* PostgreSQL takes no message of 1 GB. */
enum { MESSAGE_SIZE_MAX = 1000 << 20 };

/* Bytes that an element of an array takes besides its own. */
enum { ELEMENT_OVERHEAD = 8, NUMBER_SIZE = 8 };

static enum statement_id
statement_of(enum rdb_type type)
{
	static const enum statement_id statements[] = {
		[RDB_STRING] = SQL_restore_string,
		[RDB_LIST] = SQL_restore_list,
		[RDB_SET] = SQL_restore_set,
		[RDB_SORTED_SET] = SQL_restore_sorted_set,
		[RDB_HASH] = SQL_restore_hash,
		[RDB_STREAM] = SQL_restore_stream,
	};

	return statements[type];
}

static size_t
bytes_size(const struct bytes *array, size_t count)
{
	size_t size = 0;

	for (size_t i = 0; i < count; i++)
		size += array[i].size + ELEMENT_OVERHEAD;
	return size;
}

static size_t
stream_size(const struct rdb_stream *stream)
{
	size_t size = 0;

	for (size_t i = 0; i < stream->entry_count; i++) {
		const struct rdb_entry *entry = &stream->entries[i];

		size += bytes_size(entry->pairs, 2 * entry->pair_count) +
			2 * entry->pair_count *
				(RDB_STREAM_ID_SIZE + NUMBER_SIZE +
					2 * ELEMENT_OVERHEAD);
	}
	for (size_t i = 0; i < stream->group_count; i++) {
		const struct rdb_group *group = &stream->groups[i];

		size += group->name.size + 100;
		for (size_t j = 0; j < group->consumer_count; j++)
			size += group->consumers[j].name.size + 70;
		size += group->pending_count * 60;
	}
	return size;
}

/* About how many bytes of parameters it makes, rather too many. */
static size_t
value_size(const struct rdb_value *value)
{
	size_t size = 0;

	switch (value->type) {
	case RDB_STRING:
		return value->string.size;
	case RDB_LIST:
		return bytes_size(value->list.items, value->list.count);
	case RDB_SET:
		return bytes_size(value->set.members, value->set.count);
	case RDB_SORTED_SET:
		for (size_t i = 0; i < value->sorted_set.count; i++)
			size += value->sorted_set.members[i].member.size +
				2 * ELEMENT_OVERHEAD + NUMBER_SIZE;
		return size;
	case RDB_HASH:
		for (size_t i = 0; i < value->hash.count; i++)
			size += value->hash.fields[i].field.size +
				value->hash.fields[i].value.size +
				2 * ELEMENT_OVERHEAD;
		return size;
	case RDB_STREAM:
		return stream_size(&value->stream);
	}
	return size;
}

/* An expiry too far away for 64 bits wraps around in Redis, and lies in the
 * past. */
static void
bind_options(struct call *call, const struct restore_options *options)
{
	int64_t latest = INT64_MAX - clock_wall_us() / 1000;

	call_bind_bool(call, options->replace);
	call_bind_optional_int64(call, options->ttl != 0 && !options->absolute,
		options->ttl < latest ? options->ttl : 0);
	call_bind_optional_int64(
		call, options->ttl != 0 && options->absolute, options->ttl);
	if (options->frequency >= 0)
		call_bind_int64(call, -1 - options->frequency);
	else
		call_bind_optional_int64(
			call, options->idle_s >= 0, options->idle_s);
}

static bool
all_are_numbers(const struct rdb_set *set)
{
	int64_t number;

	for (size_t i = 0; i < set->count; i++)
		if (!number_parse_int64(set->members[i], &number))
			return false;
	return true;
}

static void
bind_sorted_set(struct request *request, struct call *call,
	const struct rdb_sorted_set *set)
{
	struct bytes *members =
		request_allocate(request, set->count * sizeof(*members));
	double *scores =
		request_allocate(request, set->count * sizeof(*scores));

	for (size_t i = 0; i < set->count; i++) {
		members[i] = set->members[i].member;
		scores[i] = set->members[i].score;
	}
	call_bind_bytes_array(call, members, (uint32_t)set->count);
	call_bind_double_array(call, scores, (uint32_t)set->count);
}

static void
bind_hash(
	struct request *request, struct call *call, const struct rdb_hash *hash)
{
	struct bytes *fields =
		request_allocate(request, hash->count * sizeof(*fields));
	struct bytes *values =
		request_allocate(request, hash->count * sizeof(*values));

	for (size_t i = 0; i < hash->count; i++) {
		fields[i] = hash->fields[i].field;
		values[i] = hash->fields[i].value;
	}
	call_bind_bytes_array(call, fields, (uint32_t)hash->count);
	call_bind_bytes_array(call, values, (uint32_t)hash->count);
}

/* The id as 16 bytes that live as long as the request. */
static struct bytes
encode_id(struct request *request, struct rdb_stream_id id)
{
	char *bytes = request_allocate(request, RDB_STREAM_ID_SIZE);

	rdb_stream_id_encode(id, bytes);
	return (struct bytes){ bytes, RDB_STREAM_ID_SIZE };
}

static int64_t
clamp(uint64_t number)
{
	return number > INT64_MAX ? INT64_MAX : (int64_t)number;
}

static size_t
element_count(const struct rdb_stream *stream)
{
	size_t count = 0;

	for (size_t i = 0; i < stream->entry_count; i++)
		count += 2 * stream->entries[i].pair_count;
	return count;
}

/* How many entries the first node has; how many the last, and their bytes. */
static void
bind_nodes(struct call *call, const struct rdb_stream *stream)
{
	const struct rdb_entry *entries = stream->entries;
	size_t count = stream->entry_count;
	int64_t head_count = 0, tail_count = 0, tail_bytes = 0;

	for (size_t i = 0; i < count; i++) {
		head_count += entries[i].node == entries[0].node;
		if (entries[i].node != entries[count - 1].node)
			continue;
		tail_count++;
		for (size_t j = 0; j < 2 * entries[i].pair_count; j++)
			tail_bytes += (int64_t)entries[i].pairs[j].size;
	}
	call_bind_int64(call, head_count);
	call_bind_int64(call, tail_count);
	call_bind_int64(call, tail_bytes);
}

static void
bind_entries(struct request *request, struct call *call,
	const struct rdb_stream *stream)
{
	size_t count = element_count(stream), next = 0;
	struct bytes *ids = request_allocate(request, count * sizeof(*ids));
	struct bytes *elements =
		request_allocate(request, count * sizeof(*elements));
	int64_t *nodes = request_allocate(request, count * sizeof(*nodes));
	char *keys = request_allocate(
		request, stream->entry_count * RDB_STREAM_ID_SIZE);

	for (size_t i = 0; i < stream->entry_count; i++) {
		const struct rdb_entry *entry = &stream->entries[i];
		char *key = keys + i * RDB_STREAM_ID_SIZE;

		rdb_stream_id_encode(entry->id, key);
		for (size_t j = 0; j < 2 * entry->pair_count; j++, next++) {
			ids[next] = (struct bytes){ key, RDB_STREAM_ID_SIZE };
			nodes[next] = (int64_t)entry->node + 1;
			elements[next] = entry->pairs[j];
		}
	}
	call_bind_bytes_array(call, ids, (uint32_t)count);
	call_bind_int64_array(call, nodes, (uint32_t)count);
	call_bind_bytes_array(call, elements, (uint32_t)count);
	bind_nodes(call, stream);
}

static void
bind_groups(struct request *request, struct call *call,
	const struct rdb_stream *stream)
{
	size_t count = stream->group_count;
	struct bytes *names = request_allocate(request, count * sizeof(*names));
	struct bytes *ids = request_allocate(request, count * sizeof(*ids));
	int64_t *reads = request_allocate(request, count * sizeof(*reads));

	for (size_t i = 0; i < count; i++) {
		names[i] = stream->groups[i].name;
		ids[i] = encode_id(request, stream->groups[i].last_id);
		reads[i] = stream->groups[i].entries_read;
	}
	call_bind_bytes_array(call, names, (uint32_t)count);
	call_bind_bytes_array(call, ids, (uint32_t)count);
	call_bind_int64_array(call, reads, (uint32_t)count);
}

static size_t
consumer_count(const struct rdb_stream *stream)
{
	size_t count = 0;

	for (size_t i = 0; i < stream->group_count; i++)
		count += stream->groups[i].consumer_count;
	return count;
}

static void
bind_consumers(struct request *request, struct call *call,
	const struct rdb_stream *stream)
{
	size_t count = consumer_count(stream), first = 0;
	struct bytes *names = request_allocate(request, count * sizeof(*names));
	int64_t *groups = request_allocate(request, count * sizeof(*groups));
	int64_t *seen_at = request_allocate(request, count * sizeof(*seen_at));
	int64_t *pending = request_allocate(request, count * sizeof(*pending));

	for (size_t i = 0; i < stream->group_count; i++) {
		const struct rdb_group *group = &stream->groups[i];

		for (size_t j = 0; j < group->consumer_count; j++) {
			names[first + j] = group->consumers[j].name;
			groups[first + j] = (int64_t)i + 1;
			seen_at[first + j] = group->consumers[j].seen_at;
			pending[first + j] = 0;
		}
		for (size_t j = 0; j < group->pending_count; j++)
			pending[first + group->pending[j].consumer]++;
		first += group->consumer_count;
	}
	call_bind_int64_array(call, groups, (uint32_t)count);
	call_bind_bytes_array(call, names, (uint32_t)count);
	call_bind_int64_array(call, seen_at, (uint32_t)count);
	call_bind_int64_array(call, pending, (uint32_t)count);
}

/* Arrays of a column for each fact about pending entries. */
struct pending_columns {
	int64_t *consumers, *delivered_at, *deliveries;
	struct bytes *ids;
	char *keys;
	size_t count;
};

static void
add_pending(struct pending_columns *columns, size_t consumer,
	const struct rdb_pending *pending)
{
	size_t next = columns->count++;
	char *key = columns->keys + next * RDB_STREAM_ID_SIZE;

	rdb_stream_id_encode(pending->id, key);
	columns->ids[next] = (struct bytes){ key, RDB_STREAM_ID_SIZE };
	columns->consumers[next] = (int64_t)consumer;
	columns->delivered_at[next] = pending->delivered_at;
	columns->deliveries[next] = clamp(pending->delivery_count);
}

static void
bind_pending(struct request *request, struct call *call,
	const struct rdb_stream *stream)
{
	struct pending_columns columns = { .count = 0 };
	size_t count = 0, first_consumer = 1;

	for (size_t i = 0; i < stream->group_count; i++)
		count += stream->groups[i].pending_count;
	columns.consumers = request_allocate(request, count * sizeof(int64_t));
	columns.delivered_at =
		request_allocate(request, count * sizeof(int64_t));
	columns.deliveries = request_allocate(request, count * sizeof(int64_t));
	columns.ids = request_allocate(request, count * sizeof(struct bytes));
	columns.keys = request_allocate(request, count * RDB_STREAM_ID_SIZE);
	for (size_t i = 0; i < stream->group_count; i++) {
		const struct rdb_group *group = &stream->groups[i];

		for (size_t j = 0; j < group->pending_count; j++)
			add_pending(&columns,
				first_consumer + group->pending[j].consumer,
				&group->pending[j]);
		first_consumer += group->consumer_count;
	}
	call_bind_int64_array(call, columns.consumers, (uint32_t)count);
	call_bind_bytes_array(call, columns.ids, (uint32_t)count);
	call_bind_int64_array(call, columns.delivered_at, (uint32_t)count);
	call_bind_int64_array(call, columns.deliveries, (uint32_t)count);
}

static void
bind_stream(struct request *request, struct call *call,
	const struct rdb_stream *stream)
{
	call_bind_int64(call, (int64_t)stream->entry_count);
	call_bind_bytes(call, encode_id(request, stream->last_id));
	call_bind_bytes(call, encode_id(request, stream->max_deleted_id));
	call_bind_int64(call, clamp(stream->entries_added));
	bind_entries(request, call, stream);
	bind_groups(request, call, stream);
	bind_consumers(request, call, stream);
	bind_pending(request, call, stream);
}

static void
bind_value(struct request *request, struct call *call,
	const struct rdb_value *value)
{
	switch (value->type) {
	case RDB_STRING:
		strings_bind_value(call, value->string);
		break;
	case RDB_LIST:
		call_bind_bytes_array(
			call, value->list.items, (uint32_t)value->list.count);
		break;
	case RDB_SET:
		call_bind_bytes_array(
			call, value->set.members, (uint32_t)value->set.count);
		call_bind_bool(call, all_are_numbers(&value->set));
		break;
	case RDB_SORTED_SET:
		bind_sorted_set(request, call, &value->sorted_set);
		break;
	case RDB_HASH:
		bind_hash(request, call, &value->hash);
		break;
	case RDB_STREAM:
		bind_stream(request, call, &value->stream);
		break;
	}
}

bool
restore_send(struct request *request, const struct restore_options *options,
	const struct rdb_value *value,
	void (*done)(void *arg, const struct result *result), void *arg)
{
	struct call *call;

	if (value_size(value) > MESSAGE_SIZE_MAX)
		return false;
	call = call_new(request->store, statement_of(value->type), done, arg);
	call_bind_key(call, request->db, request->argv[1]);
	bind_options(call, options);
	bind_value(request, call, value);
	call_send(call);
	return true;
}
