/* XREAD's attempts; see streams_read.h.
 *
 * An attempt reads up to some entries of each key.  Should there be more, the
 * answer is read again as a stream of rows, which passes through in bounded
 * memory. */
#include "commands/streams_read.h"

#include "commands/errors.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/streams.h"
#include "commands/strings.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stddef.h>
#include <string.h>

enum {
	SHORT_ENTRIES = 1000, /* of a key */
	PART_SIZE = 64 * 1024, /* bytes of a long answer that leave together */
};

/* Columns of stream_read; stream_read_all has more. */
enum {
	READ_ORDINAL,
	READ_TYPE,
	READ_LAST_ID,
	READ_ID,
	READ_FIELDS,
	READ_TOTAL
};

/* The keys of an attempt: all, or the one that something was added to. */
struct attempt {
	struct reading *reading;
	int first, count;
};

/* The rows of one key. */
struct key_rows {
	int first, count;
	int entries;
};

static int64_t
wanted_count(const struct reading *reading, bool has_waited)
{
	if (reading->count == 0 && has_waited)
		return STREAMS_WAITED_COUNT;
	return reading->count;
}

static void
bind_key(struct call *call, struct reading *reading, int index, int64_t most)
{
	const struct stream_position *position = &reading->positions[index];

	call_bind_key(call, reading->request->db, reading->keys[index]);
	if (position->is_open)
		call_bind_null(call, VALUE_BYTES);
	else
		streams_bind_id(reading->request, call, position->after);
	call_bind_optional_int64(call, most > 0, most);
}

/* --- long answers ---------------------------------------------------- */

/* Headers up to that of the element: keys that are gone by now have none. */
static void
write_headers(struct reading *reading, int element, int64_t entries)
{
	while (reading->sent_element < element) {
		int next = ++reading->sent_element;

		streams_write_stream_header(reading->request,
			reading->keys[reading->sent_keys[next]],
			next == element ? entries : 0);
	}
}

static void
on_room(struct request *request)
{
	struct reading *reading = request->state;

	call_resume_stream(reading->stream);
}

static bool
long_rows(void *arg, const struct result *result)
{
	struct reading *reading = arg;
	struct request *request = reading->request;

	for (int row = 0; row < result->row_count; row++) {
		bool is_entry = !result_is_null(result, row, READ_ID);

		write_headers(reading,
			(int)result_int64(result, row, READ_ORDINAL) - 1,
			is_entry ? result_int64(result, row, READ_TOTAL) : 0);
		if (is_entry)
			streams_write_entry(request, result, row, READ_ID);
	}
	if (reply_size(&request->reply) < PART_SIZE)
		return true;
	reading->sent_part = true;
	return request_send_part(request, on_room);
}

static void
long_done(void *arg, const struct result *result)
{
	struct reading *reading = arg;
	struct request *request = reading->request;
	bool waits = reading->waits; /* else a failure frees the request */

	if (result->status != STORE_OK && reading->sent_part) {
		request_break_off(request);
	} else if (result->status != STORE_OK) {
		int protocol = request->reply.protocol;

		/* Not in the middle of an array. */
		reply_release(&request->reply);
		reply_init(&request->reply, protocol);
		request_failed(request, result);
	} else {
		write_headers(reading, reading->sent_key_count - 1, 0);
		streams_end_attempt(reading, true);
		return;
	}
	if (waits)
		blocking_end_attempt(&reading->blocked, true);
}

static void
send_long(struct request *request)
{
	struct reading *reading = request->state;

	reading->stream = call_new(
		request->store, SQL_stream_read_all, long_done, reading);
	for (int i = 0; i < reading->sent_key_count; i++) {
		if (i > 0)
			call_next_element(reading->stream);
		bind_key(reading->stream, reading, reading->sent_keys[i],
			reading->count);
	}
	reading->sent_element = -1;
	streams_write_header(request, reading->sent_key_count);
	call_stream(reading->stream, request->db, long_rows);
}

/* --- short answers --------------------------------------------------- */

static struct key_rows *
index_rows(const struct attempt *attempt, const struct result *result)
{
	size_t size = (size_t)attempt->count * sizeof(struct key_rows);
	struct key_rows *keys =
		request_allocate(attempt->reading->request, size);

	memset(keys, 0, size);
	for (int row = 0; row < result->row_count; row++) {
		struct key_rows *key =
			&keys[result_int64(result, row, READ_ORDINAL) -
				result->first_element - 1];

		if (key->count++ == 0)
			key->first = row;
		key->entries += !result_is_null(result, row, READ_ID);
	}
	return keys;
}

/* What "$" stands for, as the first attempt has found it. */
static void
settle_positions(const struct attempt *attempt, const struct key_rows *keys,
	const struct result *result)
{
	for (int i = 0; i < attempt->count; i++) {
		struct stream_position *position =
			&attempt->reading->positions[attempt->first + i];

		if (position->is_open && keys[i].count > 0)
			position->after = stream_id_decode(result_bytes(
				result, keys[i].first, READ_LAST_ID));
		position->is_open = false;
	}
}

static bool
has_wrong_type(const struct attempt *attempt, const struct key_rows *keys,
	const struct result *result)
{
	for (int i = 0; i < attempt->count; i++)
		if (keys[i].count > 0 &&
			result_char(result, keys[i].first, READ_TYPE) != 'x')
			return true;
	return false;
}

/* Notes the keys to be sent; whether all their entries are here. */
static bool
collect_keys(const struct attempt *attempt, const struct key_rows *keys)
{
	struct reading *reading = attempt->reading;
	bool complete = true;

	reading->sent_keys = request_allocate(reading->request,
		(size_t)attempt->count * sizeof(*reading->sent_keys));
	reading->sent_key_count = 0;
	for (int i = 0; i < attempt->count; i++) {
		if (keys[i].entries > 0)
			reading->sent_keys[reading->sent_key_count++] =
				attempt->first + i;
		if (keys[i].entries > SHORT_ENTRIES)
			complete = false;
	}
	return complete;
}

static void
write_short(const struct attempt *attempt, const struct key_rows *keys,
	const struct result *result)
{
	struct reading *reading = attempt->reading;

	streams_write_header(reading->request, reading->sent_key_count);
	for (int i = 0; i < attempt->count; i++) {
		if (keys[i].entries == 0)
			continue;
		streams_write_stream_header(reading->request,
			reading->keys[attempt->first + i], keys[i].entries);
		for (int j = 0; j < keys[i].entries; j++)
			streams_write_entry(reading->request, result,
				keys[i].first + j, READ_ID);
	}
}

static void
serve(const struct attempt *attempt, const struct key_rows *keys,
	const struct result *result)
{
	struct reading *reading = attempt->reading;
	bool complete = collect_keys(attempt, keys);

	if (reading->sent_key_count == 0) {
		streams_end_attempt(reading, false);
	} else if (!complete) {
		request_when_first(reading->request, send_long);
	} else {
		write_short(attempt, keys, result);
		streams_end_attempt(reading, true);
	}
}

static void
attempt_done(void *arg, const struct result *result)
{
	const struct attempt *attempt = arg;
	struct reading *reading = attempt->reading;
	struct request *request = reading->request;
	bool waits = reading->waits; /* else a failure frees the request */
	struct key_rows *keys;

	if (result->status != STORE_OK) {
		request_failed(request, result);
		if (waits)
			blocking_end_attempt(&reading->blocked, true);
		return;
	}
	keys = index_rows(attempt, result);
	if (has_wrong_type(attempt, keys, result)) {
		/* Later the key may have become anything. */
		if (!reading->blocked.waits)
			reply_error(&request->reply, ERROR_WRONG_TYPE);
		streams_end_attempt(reading, !reading->blocked.waits);
		return;
	}
	for (int i = 0; i < attempt->count; i++)
		strings_count_lookup(request, keys[i].count > 0);
	settle_positions(attempt, keys, result);
	serve(attempt, keys, result);
}

void
streams_attempt_read(struct blocked *blocked, int index)
{
	struct request *request = blocked->request;
	struct reading *reading = request->state;
	struct attempt *attempt = request_allocate(request, sizeof(*attempt));
	int64_t most = wanted_count(reading, index >= 0);
	struct call *call;

	*attempt = (struct attempt){ reading, index < 0 ? 0 : index,
		index < 0 ? reading->key_count : 1 };
	if (most == 0 || most > SHORT_ENTRIES)
		most = SHORT_ENTRIES + 1;
	call = call_new(request->store, SQL_stream_read, attempt_done, attempt);
	for (int i = 0; i < attempt->count; i++) {
		if (i > 0)
			call_next_element(call);
		bind_key(call, reading, attempt->first + i, most);
	}
	call_send(call);
}
