/* SNAPSHOT GET and KEYS. */
#include "commands/snapshots.h"

#include "commands/keys.h"
#include "commands/rdb_read.h"
#include "commands/rdb_value.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/snapshot_cursor.h"
#include "commands/snapshot_reading.h"
#include "storage/base/glob.h"
#include "storage/base/memory.h"
#include "storage/call.h"
#include "storage/result.h"

#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS_COUNT = 100 };

/* --- a snapshot's row ------------------------------------------------ */

static void
found(void *arg, const struct result *result)
{
	struct snapshot_reading *reading = arg;
	struct bytes chunks, checksum;

	if (!snapshot_failed(&reading->error, result, false) &&
		result->row_count == 0)
		snapshot_error_set(&reading->error, "ERR no such snapshot");
	if (!snapshot_has_failed(&reading->error)) {
		reading->kind = result_char(result, 0, FIND_KIND);
		chunks = result_bytes(result, 0, FIND_CHUNKS);
		rdb_sink_bytes(&reading->roots, chunks.data, chunks.size);
		checksum = result_bytes(result, 0, FIND_CHECKSUM);
		if (checksum.size == SNAPSHOT_HASH_SIZE)
			memcpy(reading->checksum, checksum.data, checksum.size);
		reading->created_at = result_int64(result, 0, FIND_CREATED_AT);
		reading->facts = rows_hold(result->rows);
	}
	reading->found(reading);
}

struct snapshot_reading *
snapshot_reading_new(struct request *request, struct bytes id,
	enum statement_id statement, void (*done)(struct snapshot_reading *))
{
	struct snapshot_reading *reading =
		memory_allocate_zeroed(1, sizeof(*reading));
	struct call *call;

	reading->request = request;
	reading->found = done;
	call = call_new(request->store, statement, found, reading);
	call_bind_int32(call, request->db);
	/* No row has the empty id. */
	call_bind_text(
		call, snapshot_is_id(id) ? request_copy_text(request, id) : "");
	call_send_route(call, ROUTE_BULK, request->db);
	return reading;
}

void
snapshot_reading_free(struct snapshot_reading *reading)
{
	if (reading == NULL)
		return;
	snapshot_cursor_free(reading->cursor);
	rows_release(reading->facts);
	rdb_sink_release(&reading->roots);
	rdb_sink_release(&reading->data);
	free(reading);
}

void
snapshot_reading_fail(struct snapshot_reading *reading)
{
	struct request *request = reading->request;

	reply_error(&request->reply, reading->error.text);
	snapshot_reading_free(reading);
	request_finish(request);
}

static void
open_cursor(struct snapshot_reading *reading, bool with_payloads, bool one_page,
	void (*resume)(void *arg), void *arg)
{
	struct snapshot_cursor_options options = {
		.store = reading->request->store,
		.db = reading->request->db,
		.error = &reading->error,
		.with_payloads = with_payloads,
		.one_page = one_page,
		.resume = resume,
		.arg = arg,
	};
	struct bytes roots = rdb_sink_written(&reading->roots);
	char digest[SNAPSHOT_HASH_SIZE];

	snapshot_digest(&roots, 1, digest);
	if (memcmp(digest, reading->checksum, sizeof(digest)) != 0)
		snapshot_error_set(&reading->error,
			"ERR the snapshot is damaged: its checksum differs");
	reading->cursor = snapshot_cursor_new(&options, roots);
}

void
snapshot_reading_open(struct snapshot_reading *reading, bool with_payloads,
	bool one_page, void (*resume)(void *arg))
{
	open_cursor(reading, with_payloads, one_page, resume, reading);
}

void
snapshot_reading_open_for(struct snapshot_reading *reading, bool with_payloads,
	void (*resume)(void *arg), void *arg)
{
	open_cursor(reading, with_payloads, false, resume, arg);
}

/* --- data ------------------------------------------------------------ */

static void load_data(struct snapshot_reading *reading);

static void
pieces_loaded(void *arg, const struct snapshot_chunks *chunks)
{
	struct snapshot_reading *reading = arg;
	struct bytes data;
	char digest[SNAPSHOT_HASH_SIZE];

	for (size_t i = 0; chunks != NULL && i < reading->loading; i++) {
		const struct snapshot_chunk *chunk = snapshot_chunks_find(
			chunks,
			reading->roots.data +
				(reading->loaded + i) * SNAPSHOT_HASH_SIZE);

		rdb_sink_bytes(
			&reading->data, chunk->raw.data, chunk->raw.size);
	}
	reading->loaded += reading->loading;
	if (!snapshot_has_failed(&reading->error) &&
		reading->loaded < reading->roots.size / SNAPSHOT_HASH_SIZE) {
		load_data(reading);
		return;
	}
	data = rdb_sink_written(&reading->data);
	snapshot_digest(&data, 1, digest);
	if (memcmp(digest, reading->checksum, sizeof(digest)) != 0)
		snapshot_error_set(&reading->error,
			"ERR the snapshot is damaged: its checksum differs");
	reading->found(reading);
}

static void
load_data(struct snapshot_reading *reading)
{
	enum { PIECES = 32 };
	size_t count = reading->roots.size / SNAPSHOT_HASH_SIZE;

	reading->loading = count - reading->loaded;
	if (reading->loading > PIECES)
		reading->loading = PIECES;
	snapshot_load(reading->request->store, reading->request->db,
		(struct bytes){ reading->roots.data +
				reading->loaded * SNAPSHOT_HASH_SIZE,
			reading->loading * SNAPSHOT_HASH_SIZE },
		&reading->error, pieces_loaded, reading);
}

void
snapshot_reading_load_data(struct snapshot_reading *reading,
	void (*done)(struct snapshot_reading *reading))
{
	reading->found = done;
	reading->loaded = 0;
	load_data(reading);
}

/* --- GET ------------------------------------------------------------- */

static void
reply_facts(struct snapshot_reading *reading)
{
	struct request *request = reading->request;
	struct result facts = { .rows = reading->facts, .row_count = 1 };
	int count = result_column_count(&facts);
	bool has_data = reading->kind != 'k';

	reply_map(&request->reply,
		(size_t)count - FIND_FACTS + (has_data ? 1 : 0));
	for (int i = FIND_FACTS; i < count; i++) {
		reply_bulk_text(&request->reply, result_column_name(&facts, i));
		snapshot_reply_column(request, &facts, 0, i);
	}
	if (has_data) {
		reply_bulk_text(&request->reply, "data");
		reply_bulk(&request->reply, rdb_sink_written(&reading->data));
	}
	snapshot_reading_free(reading);
	request_finish(request);
}

static void
part_found(void *arg, const struct result *result)
{
	struct snapshot_reading *reading = arg;
	struct request *request = reading->request;

	if (snapshot_failed(&reading->error, result, true)) {
		snapshot_reading_fail(reading);
		return;
	}
	if (result_is_null(result, 0, 1))
		reply_null(&request->reply);
	else
		reply_bulk(&request->reply, result_bytes(result, 0, 1));
	snapshot_reading_free(reading);
	request_finish(request);
}

static void
get_part(struct snapshot_reading *reading)
{
	struct request *request = reading->request;
	struct bytes path = request->argv[4];
	struct bytes data = rdb_sink_written(&reading->data);
	struct call *call;

	if (!snapshot_is_text(path)) {
		snapshot_error_set(
			&reading->error, "ERR the path must be UTF-8 text");
		snapshot_reading_fail(reading);
		return;
	}
	call = call_new(
		request->store, SQL_snapshot_json_at, part_found, reading);
	call_bind_bytes(call, data.size > 0 ? data : bytes_of(""));
	call_bind_text(call, request_copy_text(request, path));
	call_send_route(call, ROUTE_BULK, request->db);
}

static void
data_loaded(struct snapshot_reading *reading)
{
	if (snapshot_has_failed(&reading->error))
		snapshot_reading_fail(reading);
	else if (reading->request->argc > 3)
		get_part(reading);
	else
		reply_facts(reading);
}

/* A map of four, of which the caller writes the last. */
static void
reply_entry(struct reply *reply, const struct snapshot_reading *reading,
	const struct snapshot_entry *entry)
{
	reply_map(reply, 4);
	reply_bulk_text(reply, "key");
	reply_bulk(reply, entry->key);
	reply_bulk_text(reply, "type");
	reply_bulk_text(reply, keys_type_name(entry->type));
	reply_bulk_text(reply, "pttl");
	reply_integer(reply, snapshot_entry_ttl(reading, entry));
}

static void
reply_key(struct snapshot_reading *reading, const struct snapshot_entry *entry)
{
	struct request *request = reading->request;
	struct reply *reply = &request->reply;
	struct rdb_value *value =
		snapshot_payload_read(entry->payload, &reading->error);

	if (value == NULL) {
		snapshot_reading_fail(reading);
		return;
	}
	reply_entry(reply, reading, entry);
	reply_bulk_text(reply, "value");
	snapshot_reply_value(request, value);
	rdb_value_free(value);
	snapshot_reading_free(reading);
	request_finish(request);
}

static void
look_for_key(void *arg)
{
	struct snapshot_reading *reading = arg;
	struct request *request = reading->request;
	struct bytes key = request->argv[4];
	struct snapshot_entry entry;
	enum cursor_step step;

	if (!reading->sought) {
		reading->sought = true;
		reading->page = snapshot_cursor_find(reading->cursor, key);
		snapshot_cursor_seek(reading->cursor, reading->page);
	}
	while ((step = snapshot_cursor_next(reading->cursor, &entry)) ==
		CURSOR_ENTRY) {
		if (snapshot_cursor_page(reading->cursor) != reading->page)
			break;
		if (bytes_equal(entry.key, key)) {
			reply_key(reading, &entry);
			return;
		}
	}
	if (step == CURSOR_WAIT)
		return;
	if (step == CURSOR_FAILED) {
		snapshot_reading_fail(reading);
		return;
	}
	reply_null(&request->reply);
	snapshot_reading_free(reading);
	request_finish(request);
}

static void
check_keys(void *arg)
{
	struct snapshot_reading *reading = arg;

	if (snapshot_has_failed(&reading->error))
		snapshot_reading_fail(reading);
	else
		reply_facts(reading);
}

static void
get_found(struct snapshot_reading *reading)
{
	if (snapshot_has_failed(&reading->error))
		snapshot_reading_fail(reading);
	else if (reading->kind != 'k')
		snapshot_reading_load_data(reading, data_loaded);
	else if (reading->request->argc > 3)
		snapshot_reading_open(reading, true, true, look_for_key);
	else
		snapshot_reading_open(reading, false, true, check_keys);
}

void
cmd_snapshot_get(struct request *request)
{
	struct snapshot_options options;

	if (snapshot_read_options(request, 3, WORD(AT), &options))
		snapshot_reading_new(request, request->argv[2],
			SQL_snapshot_find, get_found);
}

/* --- KEYS ------------------------------------------------------------ */

struct key_list {
	struct snapshot_options options;
	int64_t cursor, count, listed;
	struct reply entries;
};

static void
reply_key_list(struct snapshot_reading *reading, size_t cursor)
{
	struct request *request = reading->request;
	struct key_list *list = request->state;
	struct evbuffer *buffer = evbuffer_new();

	reply_array(&request->reply, 2);
	reply_bulk_integer(&request->reply, (int64_t)cursor);
	reply_array(&request->reply, (size_t)list->listed);
	reply_drain(&list->entries, buffer);
	reply_raw(&request->reply,
		(struct bytes){ (char *)evbuffer_pullup(buffer, -1),
			evbuffer_get_length(buffer) });
	evbuffer_free(buffer);
	snapshot_reading_free(reading);
	request_finish(request);
}

static void
list_key(struct snapshot_reading *reading, const struct snapshot_entry *entry)
{
	struct key_list *list = reading->request->state;
	struct reply *reply = &list->entries;

	if (snapshot_has(&list->options, WORD(MATCH)) &&
		!glob_match(
			list->options.values[WORD_MATCH], entry->key, false))
		return;
	list->listed++;
	reply_entry(reply, reading, entry);
	reply_bulk_text(reply, "bytes");
	reply_integer(reply, (int64_t)entry->payload_size);
}

/* Whole pages, until there are enough keys. */
static void
list_keys(void *arg)
{
	struct snapshot_reading *reading = arg;
	struct key_list *list = reading->request->state;
	struct snapshot_entry entry;
	enum cursor_step step;

	if (!reading->sought) {
		reading->sought = true;
		snapshot_cursor_seek(reading->cursor, (size_t)list->cursor);
	}
	for (;;) {
		/* Between pages, behind the first. */
		if (reading->page > 0 && list->listed >= list->count &&
			snapshot_cursor_next_page(reading->cursor) != NULL) {
			reply_key_list(reading, reading->page);
			return;
		}
		step = snapshot_cursor_next(reading->cursor, &entry);
		if (step != CURSOR_ENTRY)
			break;
		reading->page = snapshot_cursor_page(reading->cursor) + 1;
		list_key(reading, &entry);
	}
	if (step == CURSOR_WAIT)
		return;
	if (step == CURSOR_END) {
		reply_key_list(reading, 0);
		return;
	}
	reply_release(&list->entries);
	snapshot_reading_fail(reading);
}

static void
keys_found(struct snapshot_reading *reading)
{
	if (!snapshot_has_failed(&reading->error) && reading->kind != 'k')
		snapshot_error_set(&reading->error,
			"ERR the snapshot holds data, no keys");
	if (snapshot_has_failed(&reading->error))
		snapshot_reading_fail(reading);
	else
		snapshot_reading_open(reading, false, false, list_keys);
}

void
cmd_snapshot_keys(struct request *request)
{
	struct key_list *list = request_allocate(request, sizeof(*list));

	*list = (struct key_list){ .count = KEYS_COUNT };
	if (!snapshot_read_options(request, 3,
		    WORD(CURSOR) | WORD(COUNT) | WORD(MATCH), &list->options))
		return;
	if (snapshot_has(&list->options, WORD(CURSOR)) &&
		!request_parse_cursor(request,
			list->options.values[WORD_CURSOR], &list->cursor))
		return;
	if (snapshot_has(&list->options, WORD(COUNT)))
		list->count = list->options.numbers[WORD_COUNT];
	request->state = list;
	reply_init(&list->entries, request->reply.protocol);
	snapshot_reading_new(
		request, request->argv[2], SQL_snapshot_find, keys_found);
}
