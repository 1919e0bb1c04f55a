/* XREADGROUP's attempts; see streams_read.h. */
#include "commands/streams_read.h"

#include "commands/errors.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/streams.h"
#include "storage/base/bytes.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stddef.h>

/* Columns of the stream_group_read statements. */
enum { READ_NUMBER, READ_ERROR, READ_ID };

/* The key that an attempt is about; -1: all. */
struct attempt {
	struct reading *reading;
	int index;
};

static bool
is_of_key(const struct result *result, int row, int64_t number)
{
	return row < result->row_count &&
		result_int64(result, row, READ_NUMBER) == number;
}

static int
count_streams(const struct result *result)
{
	int streams = 0;

	for (int row = 0; row < result->row_count; row++)
		streams += row == 0 ||
			!is_of_key(result, row - 1,
				result_int64(result, row, READ_NUMBER));
	return streams;
}

/* The rows of one key, of which the first may stand for none; returns the
 * first of the next. */
static int
write_stream(
	const struct attempt *attempt, const struct result *result, int row)
{
	struct reading *reading = attempt->reading;
	int64_t number = result_int64(result, row, READ_NUMBER);
	int key = attempt->index < 0 ? (int)number - 1 : attempt->index;
	int end = row;

	while (is_of_key(result, end, number))
		end++;
	if (result_is_null(result, row, READ_ID))
		row++;
	streams_write_stream_header(
		reading->request, reading->keys[key], end - row);
	for (; row < end; row++)
		streams_write_entry(reading->request, result, row, READ_ID);
	return end;
}

static void
attempt_done(void *arg, const struct result *result)
{
	const struct attempt *attempt = arg;
	struct reading *reading = attempt->reading;
	struct request *request = reading->request;
	bool waits = reading->waits; /* else a failure frees the request */
	struct stream_place place = { .absence = reading->blocked.waits ?
			ABSENT_WHILE_BLOCKED :
			ABSENT_IN_XREADGROUP,
		.key = reading->keys[attempt->index < 0 ? 0 : attempt->index],
		.group = reading->group };

	if (result->row_count > 0 && attempt->index < 0)
		place.key =
			reading->keys[result_int64(result, 0, READ_NUMBER) - 1];
	if (streams_failed(request, result, READ_ERROR, place)) {
		if (waits)
			blocking_end_attempt(&reading->blocked, true);
		return;
	}
	if (result->row_count == 0) {
		streams_end_attempt(reading, false);
		return;
	}
	streams_write_header(request, count_streams(result));
	for (int row = 0; row < result->row_count;)
		row = write_stream(attempt, result, row);
	streams_end_attempt(reading, true);
}

static void
bind_consumer(const struct reading *reading, struct call *call)
{
	call_bind_bytes(call, reading->group);
	call_bind_bytes(call, reading->consumer);
}

static void
bind_count(const struct reading *reading, struct call *call, bool has_waited)
{
	int64_t count = reading->count;

	if (count == 0 && has_waited)
		count = STREAMS_WAITED_COUNT;
	call_bind_optional_int64(call, count > 0, count);
	call_bind_bool(call, reading->no_ack);
}

static void
send_one(struct attempt *attempt)
{
	struct reading *reading = attempt->reading;
	struct request *request = reading->request;
	int key = attempt->index < 0 ? 0 : attempt->index;
	struct call *call = call_new(
		request->store, SQL_stream_group_read, attempt_done, attempt);

	call_bind_key(call, request->db, reading->keys[key]);
	bind_consumer(reading, call);
	if (reading->positions[key].is_open)
		call_bind_null(call, VALUE_BYTES);
	else
		streams_bind_id(request, call, reading->positions[key].after);
	bind_count(reading, call, attempt->index >= 0);
	call_send(call);
}

static void
send_many(struct attempt *attempt)
{
	struct reading *reading = attempt->reading;
	struct request *request = reading->request;
	struct bytes *afters = request_allocate(
		request, (size_t)reading->key_count * sizeof(*afters));
	struct call *call = call_new(request->store, SQL_stream_group_read_many,
		attempt_done, attempt);

	for (int i = 0; i < reading->key_count; i++) {
		char *encoded = NULL;

		if (!reading->positions[i].is_open) {
			encoded = request_allocate(request, STREAM_ID_SIZE);
			stream_id_encode(encoded, reading->positions[i].after);
		}
		afters[i] = (struct bytes){ encoded,
			encoded != NULL ? STREAM_ID_SIZE : 0 };
	}
	call_bind_key(call, request->db, reading->keys[0]);
	call_bind_bytes_array(
		call, reading->keys, (uint32_t)reading->key_count);
	bind_consumer(reading, call);
	call_bind_bytes_array(call, afters, (uint32_t)reading->key_count);
	bind_count(reading, call, false);
	call_send_route(call, request->route, request->db);
}

void
streams_attempt_group_read(struct blocked *blocked, int index)
{
	struct request *request = blocked->request;
	struct attempt *attempt = request_allocate(request, sizeof(*attempt));

	*attempt = (struct attempt){ request->state, index };
	if (index < 0 && blocked->key_count > 1)
		send_many(attempt);
	else
		send_one(attempt);
}
