/* Replies of the SNAPSHOT commands that are made of rows or values. */
#include "commands/snapshots.h"

#include "commands/rdb_value.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "storage/result.h"

#include <inttypes.h>
#include <stdio.h>

void
snapshot_reply_column(struct request *request, const struct result *result,
	int row, int column)
{
	struct reply *reply = &request->reply;

	if (result_is_null(result, row, column)) {
		reply_null(reply);
		return;
	}
	switch (result_column_type(result, column)) {
	case RESULT_INTEGER:
		reply_integer(reply, result_int64(result, row, column));
		break;
	case RESULT_BOOLEAN:
		reply_bool(reply, result_int64(result, row, column) != 0);
		break;
	case RESULT_DOUBLE:
		reply_double(reply, result_double(result, row, column));
		break;
	case RESULT_BYTES:
		reply_bulk(reply, result_bytes(result, row, column));
		break;
	}
}

void
snapshot_reply_row(struct request *request, const struct result *result,
	int row, int first)
{
	int count = result_column_count(result);

	reply_map(&request->reply, (size_t)(count - first));
	for (int column = first; column < count; column++) {
		reply_bulk_text(
			&request->reply, result_column_name(result, column));
		snapshot_reply_column(request, result, row, column);
	}
}

bool
snapshot_reply_failed(
	struct request *request, const struct snapshot_error *error)
{
	if (!snapshot_has_failed(error))
		return false;
	request_reply_error(request, error->text);
	return true;
}

/* --- values ---------------------------------------------------------- */

static void
reply_id(struct reply *reply, struct rdb_stream_id id)
{
	char text[48];

	snprintf(text, sizeof(text), "%" PRIu64 "-%" PRIu64, id.ms, id.seq);
	reply_bulk_text(reply, text);
}

static void
reply_stream(struct reply *reply, const struct rdb_stream *stream)
{
	reply_array(reply, stream->entry_count);
	for (size_t i = 0; i < stream->entry_count; i++) {
		const struct rdb_entry *entry = &stream->entries[i];

		reply_array(reply, 2);
		reply_id(reply, entry->id);
		reply_array(reply, 2 * entry->pair_count);
		for (size_t j = 0; j < 2 * entry->pair_count; j++)
			reply_bulk(reply, entry->pairs[j]);
	}
}

void
snapshot_reply_value(struct request *request, const struct rdb_value *value)
{
	struct reply *reply = &request->reply;

	switch (value->type) {
	case RDB_STRING:
		reply_bulk(reply, value->string);
		break;
	case RDB_LIST:
		reply_array(reply, value->list.count);
		for (size_t i = 0; i < value->list.count; i++)
			reply_bulk(reply, value->list.items[i]);
		break;
	case RDB_SET:
		reply_set(reply, value->set.count);
		for (size_t i = 0; i < value->set.count; i++)
			reply_bulk(reply, value->set.members[i]);
		break;
	case RDB_SORTED_SET:
		reply_map(reply, value->sorted_set.count);
		for (size_t i = 0; i < value->sorted_set.count; i++) {
			reply_bulk(reply, value->sorted_set.members[i].member);
			reply_double(reply, value->sorted_set.members[i].score);
		}
		break;
	case RDB_HASH:
		reply_map(reply, value->hash.count);
		for (size_t i = 0; i < value->hash.count; i++) {
			reply_bulk(reply, value->hash.fields[i].field);
			reply_bulk(reply, value->hash.fields[i].value);
		}
		break;
	case RDB_STREAM:
		reply_stream(reply, &value->stream);
		break;
	}
}
