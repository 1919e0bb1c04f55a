/* XREAD and XREADGROUP.
 *
 * Both may wait (commands/blocking.h).  What an XREAD wants is fixed by its
 * first attempt, which finds out what "$" stands for; an XREADGROUP waits for
 * what its group has not read yet, whatever that is by then. */
#include "commands/streams_read.h"

#include "commands/errors.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/streams.h"
#include "storage/base/bytes.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A thousand years: in microseconds it can be added to the time. */
static const int64_t TIMEOUT_MAX_MS = 1000LL * 366 * 24 * 3600 * 1000;

static const char *const refusal_of_dollar =
	"ERR The $ ID is meaningless in the context of XREADGROUP: you want to "
	"read the history of this consumer by specifying a proper ID, or use "
	"the > ID to get new messages. The $ ID would just return an empty "
	"result set.";
static const char *const refusal_of_greater =
	"ERR The > ID can be specified only when calling XREADGROUP using the "
	"GROUP <group> <consumer> option.";

/* --- arguments ------------------------------------------------------- */

static bool
read_timeout(struct request *request, int index, int64_t *timeout_ms)
{
	if (!request_read_int64_or(request, index, timeout_ms,
		    "ERR timeout is not an integer or out of range"))
		return false;
	if (*timeout_ms < 0) {
		request_reply_error(request, "ERR timeout is negative");
		return false;
	}
	if (*timeout_ms > TIMEOUT_MAX_MS)
		*timeout_ms = TIMEOUT_MAX_MS;
	return true;
}

static bool
refuse_for_xread(struct request *request, const char *option)
{
	request_reply_errorf(request,
		"ERR The %s option is only supported by XREADGROUP. You called "
		"XREAD instead.",
		option);
	return false;
}

/* One option, *index moved to its last argument. */
static bool
read_option(struct request *request, int *index, struct reading *reading)
{
	int more = request->argc - 1 - *index;

	if (more > 0 && request_is_word(request, *index, "BLOCK")) {
		reading->waits = true;
		return read_timeout(request, ++*index, &reading->timeout_ms);
	}
	if (more > 0 && request_is_word(request, *index, "COUNT")) {
		if (!request_read_int64(request, ++*index, &reading->count))
			return false;
		if (reading->count < 0)
			reading->count = 0;
		return true;
	}
	if (more > 1 && request_is_word(request, *index, "GROUP")) {
		if (!reading->with_group)
			return refuse_for_xread(request, "GROUP");
		reading->group = request->argv[*index + 1];
		reading->consumer = request->argv[*index + 2];
		*index += 2;
		return true;
	}
	if (request_is_word(request, *index, "NOACK")) {
		if (!reading->with_group)
			return refuse_for_xread(request, "NOACK");
		reading->no_ack = true;
		return true;
	}
	request_reply_syntax_error(request);
	return false;
}

/* Returns whether the ID is accepted. */
static bool
read_position(struct reading *reading, int i)
{
	struct stream_position *position = &reading->positions[i];
	struct bytes text = reading->keys[reading->key_count + i];
	bool is_dollar = bytes_is_word(text, "$");
	bool is_greater = bytes_is_word(text, ">");

	*position = (struct stream_position){ 0 };
	if (reading->with_group && is_dollar) {
		reading->refusal = refusal_of_dollar;
		return false;
	}
	if (!reading->with_group && is_greater) {
		reading->refusal = refusal_of_greater;
		return false;
	}
	if (is_dollar || is_greater) {
		position->is_open = true;
		return true;
	}
	reading->refusal = STREAMS_ERROR_ID;
	if (!stream_id_parse(text, 0, &position->after))
		return false;
	/* For Redis that is what ">" stands for. */
	position->is_open = reading->with_group &&
		stream_id_compare(position->after, STREAM_ID_MAX) == 0;
	return true;
}

static void
read_positions(struct request *request, int first, struct reading *reading)
{
	int count = (request->argc - first) / 2;

	reading->keys = &request->argv[first];
	reading->key_count = count;
	reading->positions = request_allocate(
		request, (size_t)(count + 1) * sizeof(*reading->positions));
	for (reading->refused = 0; reading->refused < count; reading->refused++)
		if (!read_position(reading, reading->refused))
			return;
}

static bool
read_arguments(struct request *request, struct reading *reading)
{
	int i;

	for (i = 1; i < request->argc; i++) {
		if (i + 1 < request->argc &&
			request_is_word(request, i, "STREAMS"))
			break;
		if (!read_option(request, &i, reading))
			return false;
	}
	if (i == request->argc) {
		request_reply_syntax_error(request);
		return false;
	}
	if ((request->argc - ++i) % 2 != 0) {
		request_reply_error(request,
			"ERR Unbalanced XREAD list of streams: for each stream "
			"key an ID or '$' must be specified.");
		return false;
	}
	if (reading->with_group && reading->group.data == NULL) {
		request_reply_error(
			request, "ERR Missing GROUP option for XREADGROUP");
		return false;
	}
	read_positions(request, i, reading);
	return true;
}

/* --- an ID is refused, unless a key before it is --------------------- */

/* Columns of stream_look. */
enum { LOOK_TYPE = 1, LOOK_GROUP, LOOK_HAS_NEW };

/* Whether one of the first `count` keys has another type or no such group: it
 * has then replied. */
static bool
write_key_error(
	const struct reading *reading, const struct result *result, int count)
{
	struct request *request = reading->request;
	int row = -1;

	for (int i = 0; i < count; i++) {
		int found = result_row_of_element(result, i, row);

		if (found >= 0 &&
			result_char(result, found, LOOK_TYPE) != 'x') {
			reply_error(&request->reply, ERROR_WRONG_TYPE);
			return true;
		}
		if (reading->with_group &&
			(found < 0 ||
				result_is_null(result, found, LOOK_GROUP))) {
			streams_write_absence(request,
				(struct stream_place){ ABSENT_IN_XREADGROUP,
					reading->keys[i], reading->group },
				false);
			return true;
		}
		if (found >= 0)
			row = found;
	}
	return false;
}

static void
send_look(struct reading *reading, int count, call_done done)
{
	struct request *request = reading->request;
	struct call *call =
		call_new(request->store, SQL_stream_look, done, reading);

	for (int i = 0; i < count; i++) {
		if (i > 0)
			call_next_element(call);
		call_bind_key(call, request->db, reading->keys[i]);
		call_bind_bytes(call, reading->group);
	}
	call_send(call);
}

static void
refused_done(void *arg, const struct result *result)
{
	struct reading *reading = arg;
	struct request *request = reading->request;

	if (request_failed(request, result))
		return;
	if (!write_key_error(reading, result, reading->refused + 1))
		reply_error(&request->reply, reading->refusal);
	request_finish(request);
}

/* --- ends and replies ------------------------------------------------ */

static void
reply_nothing(struct request *request)
{
	reply_null_array(&request->reply);
	request_finish(request);
}

void
streams_end_attempt(struct reading *reading, bool served)
{
	if (reading->waits)
		blocking_end_attempt(&reading->blocked, served);
	else if (served)
		request_finish(reading->request);
	else
		reply_nothing(reading->request);
}

void
streams_write_header(struct request *request, int streams)
{
	if (request->reply.protocol == 2)
		reply_array(&request->reply, (size_t)streams);
	else
		reply_map(&request->reply, (size_t)streams);
}

void
streams_write_stream_header(
	struct request *request, struct bytes key, int64_t entries)
{
	if (request->reply.protocol == 2)
		reply_array(&request->reply, 2);
	reply_bulk(&request->reply, key);
	reply_array(&request->reply, (size_t)entries);
}

/* --- looking before taking ------------------------------------------- */

static void
look_done(void *arg, const struct result *result)
{
	struct reading *reading = arg;
	struct request *request = reading->request;
	bool found = false;

	if (request_failed(request, result) ||
		write_key_error(reading, result, reading->key_count)) {
		blocking_end_attempt(&reading->blocked, true);
		return;
	}
	for (int row = 0; row < result->row_count; row++)
		found = found || result_int64(result, row, LOOK_HAS_NEW);
	blocking_end_look(&reading->blocked, found);
}

static void
look(struct blocked *blocked)
{
	struct reading *reading = blocked->request->state;

	send_look(reading, reading->key_count, look_done);
}

/* What is pending is delivered again, whoever waits. */
static bool
reads_new_entries_only(const struct reading *reading)
{
	for (int i = 0; i < reading->key_count; i++)
		if (!reading->positions[i].is_open)
			return false;
	return reading->with_group;
}

/* --- handlers -------------------------------------------------------- */

static void
run(struct request *request, bool with_group)
{
	struct reading *reading = request_allocate(request, sizeof(*reading));
	struct blocked *blocked = &reading->blocked;

	memset(reading, 0, sizeof(*reading));
	request->state = reading;
	reading->request = request;
	reading->with_group = with_group;
	if (!read_arguments(request, reading))
		return;
	if (reading->refused < reading->key_count) {
		send_look(reading, reading->refused + 1, refused_done);
		return;
	}
	*blocked = (struct blocked){ .request = request,
		.type = 'x',
		.keys = reading->keys,
		.key_count = reading->key_count,
		.timeout_us = reading->timeout_ms * 1000,
		.rivals = reading->group,
		.look = reads_new_entries_only(reading) ? look : NULL,
		.attempt = with_group ? streams_attempt_group_read :
					streams_attempt_read,
		.reply_timeout = reply_nothing };
	if (reading->waits)
		blocking_wait(blocked);
	else
		blocked->attempt(blocked, -1);
}

void
cmd_xread(struct request *request)
{
	run(request, false);
}

void
cmd_xreadgroup(struct request *request)
{
	run(request, true);
}
