/* XINFO: what there is to know about a stream, its groups and consumers. */
#include "commands/streams.h"

#include "commands/errors.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/strings.h"
#include "storage/base/bytes.h"
#include "storage/base/number.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stddef.h>
#include <stdint.h>

/* XINFO <subcommand> key … */
enum { KEY = 2, GROUP = 3 };

static void
write_field(struct request *request, const char *name, int64_t value)
{
	reply_bulk_text(&request->reply, name);
	reply_integer(&request->reply, value);
}

static void
write_id_field(struct request *request, const char *name,
	const struct result *result, int row, int column)
{
	reply_bulk_text(&request->reply, name);
	streams_write_id(request, result_bytes(result, row, column));
}

/* A number, or null. */
static void
write_known_field(struct request *request, const char *name,
	const struct result *result, int row, int column)
{
	reply_bulk_text(&request->reply, name);
	if (result_is_null(result, row, column))
		reply_null(&request->reply);
	else
		reply_integer(
			&request->reply, result_int64(result, row, column));
}

static void
write_name(struct request *request, const struct result *result, int row,
	int column)
{
	reply_bulk_text(&request->reply, "name");
	strings_reply_bytes(request, result, row, column);
}

/* The type of the key is in column 0 of the first row: true when it is no
 * stream or not there; it has then replied and finished. */
static bool
is_no_stream(struct request *request, const struct result *result)
{
	bool found = result->row_count > 0;

	if (request_failed(request, result))
		return true;
	strings_count_lookup(request, found);
	if (found && result_char(result, 0, 0) == 'x')
		return false;
	request_reply_error(request, found ? ERROR_WRONG_TYPE : ERROR_NO_KEY);
	return true;
}

static struct call *
new_call(struct request *request, enum statement_id id, call_done done)
{
	struct call *call = call_new(request->store, id, done, request);

	call_bind_key(call, request->db, request->argv[KEY]);
	return call;
}

/* --- XINFO GROUPS ---------------------------------------------------- */

static void
groups_done(void *arg, const struct result *result)
{
	enum { TYPE, NAME, CONSUMERS, PENDING, LAST_ID, ENTRIES_READ, LAG };
	struct request *request = arg;
	int rows = result->row_count;

	if (is_no_stream(request, result))
		return;
	if (result_is_null(result, 0, NAME))
		rows = 0;
	reply_array(&request->reply, (size_t)rows);
	for (int row = 0; row < rows; row++) {
		reply_map(&request->reply, 6);
		write_name(request, result, row, NAME);
		write_field(request, "consumers",
			result_int64(result, row, CONSUMERS));
		write_field(
			request, "pending", result_int64(result, row, PENDING));
		write_id_field(
			request, "last-delivered-id", result, row, LAST_ID);
		write_known_field(
			request, "entries-read", result, row, ENTRIES_READ);
		write_known_field(request, "lag", result, row, LAG);
	}
	request_finish(request);
}

void
cmd_xinfo_groups(struct request *request)
{
	call_send(new_call(request, SQL_stream_groups, groups_done));
}

/* --- XINFO CONSUMERS ------------------------------------------------- */

static void
consumers_done(void *arg, const struct result *result)
{
	enum { TYPE, GROUP_ID, NAME, PENDING, IDLE };
	struct request *request = arg;
	int rows = result->row_count;

	if (is_no_stream(request, result))
		return;
	if (result_is_null(result, 0, GROUP_ID)) {
		streams_write_absence(request,
			(struct stream_place){ ABSENT_IN_XINFO,
				request->argv[KEY], request->argv[GROUP] },
			true);
		request_finish(request);
		return;
	}
	if (result_is_null(result, 0, NAME))
		rows = 0;
	reply_array(&request->reply, (size_t)rows);
	for (int row = 0; row < rows; row++) {
		reply_map(&request->reply, 3);
		write_name(request, result, row, NAME);
		write_field(
			request, "pending", result_int64(result, row, PENDING));
		write_field(request, "idle", result_int64(result, row, IDLE));
	}
	request_finish(request);
}

void
cmd_xinfo_consumers(struct request *request)
{
	struct call *call =
		new_call(request, SQL_stream_consumers, consumers_done);

	call_bind_bytes(call, request->argv[GROUP]);
	call_send(call);
}

/* --- XINFO STREAM ---------------------------------------------------- */

/* What it says with FULL and without.  Nodes are not kept in a radix tree:
 * its inner nodes are as many as a small one's. */
static void
write_length_and_nodes(struct request *request, int64_t length, int64_t nodes)
{
	write_field(request, "length", length);
	write_field(request, "radix-tree-keys", nodes);
	write_field(request, "radix-tree-nodes", nodes + 1);
}

static void
write_edge(struct request *request, const char *name,
	const struct result *result, int id_column, int fields_column)
{
	reply_bulk_text(&request->reply, name);
	if (result_is_null(result, 0, fields_column))
		reply_null(&request->reply);
	else
		streams_write_entry(request, result, 0, id_column);
}

static void
info_done(void *arg, const struct result *result)
{
	enum {
		TYPE,
		SIZE,
		NODES,
		LAST_ID,
		MAX_DELETED_ID,
		ENTRIES_ADDED,
		RECORDED_FIRST_ID,
		GROUPS,
		FIRST_ID,
		FIRST_FIELDS,
		END_ID,
		END_FIELDS,
	};
	struct request *request = arg;

	if (is_no_stream(request, result))
		return;
	reply_map(&request->reply, 10);
	write_length_and_nodes(request, result_int64(result, 0, SIZE),
		result_int64(result, 0, NODES));
	write_id_field(request, "last-generated-id", result, 0, LAST_ID);
	write_id_field(
		request, "max-deleted-entry-id", result, 0, MAX_DELETED_ID);
	write_field(request, "entries-added",
		result_int64(result, 0, ENTRIES_ADDED));
	write_id_field(request, "recorded-first-entry-id", result, 0,
		RECORDED_FIRST_ID);
	write_field(request, "groups", result_int64(result, 0, GROUPS));
	write_edge(request, "first-entry", result, FIRST_ID, FIRST_FIELDS);
	write_edge(request, "last-entry", result, END_ID, END_FIELDS);
	request_finish(request);
}

/* --- XINFO STREAM FULL ----------------------------------------------- */

/* Columns of stream_info_full, and its kinds of rows behind the first one. */
enum {
	FULL_KIND,
	FULL_ID,
	FULL_FIELDS,
	FULL_NAME,
	FULL_OTHER_ID,
	FULL_N1,
	FULL_N2,
	FULL_N3,
	FULL_N4,
};
enum {
	KIND_ENTRY = 'e',
	KIND_GROUP = 'g',
	KIND_GROUP_PENDING = 'p',
	KIND_CONSUMER = 'c',
	KIND_CONSUMER_PENDING = 'q',
};

/* Rows that are read one after the other. */
struct rows_reader {
	struct request *request;
	const struct result *result;
	int row;
};

static bool
is_kind(const struct rows_reader *reader, int row, char kind)
{
	return row < reader->result->row_count &&
		result_char(reader->result, row, FULL_KIND) == kind;
}

static size_t
count_next(const struct rows_reader *reader, char kind)
{
	int end = reader->row;

	while (is_kind(reader, end, kind))
		end++;
	return (size_t)(end - reader->row);
}

static int64_t
number(const struct rows_reader *reader, int column)
{
	return result_int64(reader->result, reader->row, column);
}

static void
write_pending_list(struct rows_reader *reader, char kind)
{
	struct request *request = reader->request;
	struct reply *reply = &request->reply;
	bool of_group = kind == KIND_GROUP_PENDING;

	reply_bulk_text(reply, "pending");
	reply_array(reply, count_next(reader, kind));
	for (; is_kind(reader, reader->row, kind); reader->row++) {
		reply_array(reply, of_group ? 4 : 3);
		streams_write_id(request,
			result_bytes(reader->result, reader->row, FULL_ID));
		if (of_group)
			strings_reply_bytes(request, reader->result,
				reader->row, FULL_NAME);
		reply_integer(reply, number(reader, FULL_N1));
		reply_integer(reply, number(reader, FULL_N2));
	}
}

static void
write_full_consumer(struct rows_reader *reader)
{
	struct request *request = reader->request;

	reply_map(&request->reply, 4);
	write_name(request, reader->result, reader->row, FULL_NAME);
	write_field(request, "seen-time", number(reader, FULL_N1));
	write_field(request, "pel-count", number(reader, FULL_N2));
	reader->row++;
	write_pending_list(reader, KIND_CONSUMER_PENDING);
}

static void
write_full_group(struct rows_reader *reader)
{
	struct request *request = reader->request;
	const struct result *result = reader->result;
	int row = reader->row++;
	int64_t consumers = result_int64(result, row, FULL_N4);

	reply_map(&request->reply, 7);
	write_name(request, result, row, FULL_NAME);
	write_id_field(request, "last-delivered-id", result, row, FULL_ID);
	write_known_field(request, "entries-read", result, row, FULL_N1);
	write_known_field(request, "lag", result, row, FULL_N2);
	write_field(request, "pel-count", result_int64(result, row, FULL_N3));
	write_pending_list(reader, KIND_GROUP_PENDING);
	reply_bulk_text(&request->reply, "consumers");
	reply_array(&request->reply, (size_t)consumers);
	while (is_kind(reader, reader->row, KIND_CONSUMER))
		write_full_consumer(reader);
}

static void
write_full(struct rows_reader *reader)
{
	struct request *request = reader->request;
	struct reply *reply = &request->reply;
	const struct result *result = reader->result;
	int row = reader->row++;
	size_t groups = 0;

	reply_map(reply, 9);
	write_length_and_nodes(request, result_int64(result, row, FULL_N1),
		result_int64(result, row, FULL_N2));
	write_id_field(request, "last-generated-id", result, row, FULL_ID);
	write_id_field(request, "max-deleted-entry-id", result, row, FULL_NAME);
	write_field(
		request, "entries-added", result_int64(result, row, FULL_N3));
	write_id_field(
		request, "recorded-first-entry-id", result, row, FULL_OTHER_ID);
	reply_bulk_text(reply, "entries");
	reply_array(reply, count_next(reader, KIND_ENTRY));
	for (; is_kind(reader, reader->row, KIND_ENTRY); reader->row++)
		streams_write_entry(request, result, reader->row, FULL_ID);
	for (row = reader->row; row < result->row_count; row++)
		groups += is_kind(reader, row, KIND_GROUP);
	reply_bulk_text(reply, "groups");
	reply_array(reply, groups);
	while (is_kind(reader, reader->row, KIND_GROUP))
		write_full_group(reader);
}

static void
full_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	struct rows_reader reader = { request, result, 0 };

	if (is_no_stream(request, result))
		return;
	write_full(&reader);
	request_finish(request);
}

static void
send_full(struct request *request, int64_t count)
{
	struct call *call = new_call(request, SQL_stream_info_full, full_done);

	call_bind_optional_int64(call, count > 0, count);
	call_send(call);
}

/* [FULL [COUNT count]] */
void
cmd_xinfo_stream(struct request *request)
{
	enum { FULL = 3, COUNT, NUMBER, END };
	struct stream_place place = { .absence = ABSENT_NO_SUCH_KEY,
		.key = request->argv[KEY] };
	const char *error = NULL;
	int64_t count = 10;

	if (request->argc == FULL) {
		call_send(new_call(request, SQL_stream_info, info_done));
		return;
	}
	if (!request_is_word(request, FULL, "FULL") ||
		(request->argc != COUNT &&
			(request->argc != END ||
				!request_is_word(request, COUNT, "COUNT"))))
		error = streams_subcommand_error(request);
	else if (request->argc == END &&
		!number_parse_int64(request->argv[NUMBER], &count))
		error = ERROR_NOT_INTEGER;
	if (error != NULL)
		streams_refuse(request, place, error);
	else
		send_full(request, count < 0 ? 10 : count);
}
