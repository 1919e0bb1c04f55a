/* XPENDING, XCLAIM and XAUTOCLAIM: entries that wait for their XACK. */
#include "commands/streams.h"

#include "commands/errors.h"
#include "commands/listing.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/strings.h"
#include "storage/base/bytes.h"
#include "storage/base/number.h"
#include "storage/call.h"
#include "storage/result.h"

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static struct stream_place
place_of(const struct request *request)
{
	return (struct stream_place){ ABSENT_KEY_OR_GROUP, request->argv[1],
		request->argv[2] };
}

static void
bind_group(struct request *request, struct call *call)
{
	call_bind_key(call, request->db, request->argv[1]);
	call_bind_bytes(call, request->argv[2]);
}

/* --- XPENDING key group ---------------------------------------------- */

/* Columns of stream_pending_summary. */
enum {
	SUMMARY_TYPE,
	SUMMARY_GROUP,
	SUMMARY_FIRST,
	SUMMARY_LAST,
	SUMMARY_CONSUMER,
	SUMMARY_PENDING,
};

static void
write_summary(struct request *request, const struct result *result)
{
	struct reply *reply = &request->reply;
	int64_t total = 0;

	reply_array(reply, 4);
	for (int row = 0; row < result->row_count; row++)
		total += result_int64(result, row, SUMMARY_PENDING);
	reply_integer(reply, total);
	if (total == 0) {
		reply_null(reply);
		reply_null(reply);
		reply_null_array(reply);
		return;
	}
	streams_write_id(request, result_bytes(result, 0, SUMMARY_FIRST));
	streams_write_id(request, result_bytes(result, 0, SUMMARY_LAST));
	reply_array(reply, (size_t)result->row_count);
	for (int row = 0; row < result->row_count; row++) {
		reply_array(reply, 2);
		strings_reply_bytes(request, result, row, SUMMARY_CONSUMER);
		reply_bulk_integer(
			reply, result_int64(result, row, SUMMARY_PENDING));
	}
}

static void
summary_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	bool found = result->row_count > 0;

	if (request_failed(request, result))
		return;
	strings_count_lookup(request, found);
	if (found && result_char(result, 0, SUMMARY_TYPE) != 'x')
		reply_error(&request->reply, ERROR_WRONG_TYPE);
	else if (!found || result_is_null(result, 0, SUMMARY_GROUP))
		streams_write_absence(request, place_of(request), found);
	else
		write_summary(request, result);
	request_finish(request);
}

/* --- XPENDING key group [IDLE ms] start end count [consumer] --------- */

struct pending_range {
	struct stream_id first, last;
	int64_t count, min_idle_ms;
	struct bytes consumer; /* without data: all */
};

static void
bind_range(struct request *request, struct call *call)
{
	const struct pending_range *range = request->state;

	bind_group(request, call);
	streams_bind_id(request, call, range->first);
	streams_bind_id(request, call, range->last);
	call_bind_int64(call, range->count);
	call_bind_optional_bytes(
		call, range->consumer.data != NULL, range->consumer);
	call_bind_int64(call, range->min_idle_ms);
}

static void
write_pending(struct request *request, const struct result *result, int row)
{
	enum { ID = LISTING_FIRST, CONSUMER, IDLE, DELIVERIES };
	struct reply *reply = &request->reply;

	reply_array(reply, 4);
	streams_write_id(request, result_bytes(result, row, ID));
	strings_reply_bytes(request, result, row, CONSUMER);
	reply_integer(reply, result_int64(result, row, IDLE));
	reply_integer(reply, result_int64(result, row, DELIVERIES));
}

static void
reply_absent(struct request *request)
{
	streams_write_absence(request, place_of(request), false);
	request_finish(request);
}

static bool
read_range(struct request *request, struct pending_range *range)
{
	int first = 3;

	if (request_is_word(request, 3, "IDLE")) {
		if (!request_read_int64(request, 4, &range->min_idle_ms))
			return false;
		if (request->argc < 8) {
			request_reply_syntax_error(request);
			return false;
		}
		first = 5;
	}
	if (!request_read_int64(request, first + 2, &range->count) ||
		!streams_read_bound(request, first, false, &range->first) ||
		!streams_read_bound(request, first + 1, true, &range->last))
		return false;
	if (range->count < 0)
		range->count = 0;
	if (first + 3 < request->argc)
		range->consumer = request->argv[first + 3];
	return true;
}

void
cmd_xpending(struct request *request)
{
	static const struct listing listing = {
		.statement = SQL_stream_pending_range,
		.shape = LISTING_ARRAY,
		.type = 'x',
		.replies_per_row = 1,
		.bind = bind_range,
		.write_row = write_pending,
		.reply_absent = reply_absent,
	};
	struct pending_range *range;

	if (request->argc == 3) {
		struct call *call = call_new(request->store,
			SQL_stream_pending_summary, summary_done, request);

		bind_group(request, call);
		call_send(call);
		return;
	}
	if (request->argc < 6 || request->argc > 9) {
		request_reply_syntax_error(request);
		return;
	}
	range = request_allocate(request, sizeof(*range));
	memset(range, 0, sizeof(*range));
	request->state = range;
	if (read_range(request, range))
		listing_send(request, &listing);
}

/* --- XCLAIM ---------------------------------------------------------- */

enum { CONSUMER = 3, MIN_IDLE, FIRST_ID };

struct claim {
	int64_t min_idle_ms;
	struct bytes *ids;
	int id_count;
	bool has_idle, has_time, force, just_id, has_last;
	int64_t idle_ms, time_ms;
	int64_t deliveries; /* below 0: once more */
	struct stream_id last;
};

/* Reads a number; on failure returns false with the error in *error. */
static bool
read_number(const struct request *request, int index, const char *text,
	int64_t *value, const char **error)
{
	if (number_parse_int64(request->argv[index], value))
		return true;
	*error = text;
	return false;
}

static const char *
unknown_option_error(struct request *request, int index)
{
	struct bytes option = request->argv[index];
	size_t size = strnlen(option.data, option.size);
	char *text = request_allocate(request, size + 64);

	snprintf(text, size + 64, "ERR Unrecognized XCLAIM option '%.*s'",
		(int)size, option.data);
	return text;
}

static bool
read_claim_option(struct request *request, int *index, struct claim *claim,
	const char **error)
{
	bool more = *index + 1 < request->argc;

	if (request_is_word(request, *index, "FORCE")) {
		claim->force = true;
	} else if (request_is_word(request, *index, "JUSTID")) {
		claim->just_id = true;
	} else if (more && request_is_word(request, *index, "IDLE")) {
		claim->has_idle = true;
		claim->has_time = false;
		return read_number(request, ++*index,
			"ERR Invalid IDLE option argument for XCLAIM",
			&claim->idle_ms, error);
	} else if (more && request_is_word(request, *index, "TIME")) {
		claim->has_time = true;
		claim->has_idle = false;
		return read_number(request, ++*index,
			"ERR Invalid TIME option argument for XCLAIM",
			&claim->time_ms, error);
	} else if (more && request_is_word(request, *index, "RETRYCOUNT")) {
		return read_number(request, ++*index,
			"ERR Invalid RETRYCOUNT option argument for XCLAIM",
			&claim->deliveries, error);
	} else if (more && request_is_word(request, *index, "LASTID")) {
		claim->has_last = true;
		*error = STREAMS_ERROR_ID;
		return stream_id_parse(
			request->argv[++*index], 0, &claim->last);
	} else {
		*error = unknown_option_error(request, *index);
		return false;
	}
	return true;
}

/* NULL, or the error. */
static const char *
read_claim(struct request *request, struct claim *claim)
{
	const char *error = NULL;
	int last = FIRST_ID;

	claim->deliveries = -1;
	if (!read_number(request, MIN_IDLE,
		    "ERR Invalid min-idle-time argument for XCLAIM",
		    &claim->min_idle_ms, &error))
		return error;
	while (last < request->argc &&
		stream_id_parse(request->argv[last], 0, &claim->last))
		last++;
	claim->id_count = last - FIRST_ID;
	streams_encode_ids(request, FIRST_ID, last, &claim->ids);
	for (int i = last; i < request->argc; i++)
		if (!read_claim_option(request, &i, claim, &error))
			return error;
	return NULL;
}

/* An error in column 0 of a claim's first row; replies and finishes. */
static bool
claim_failed(struct request *request, const struct result *result)
{
	return streams_failed(request, result, 0, place_of(request));
}

static void
claim_done(void *arg, const struct result *result)
{
	enum { ID = 1, FIELDS };
	struct request *request = arg;
	const struct claim *claim = request->state;

	if (claim_failed(request, result))
		return;
	reply_array(&request->reply, (size_t)result->row_count);
	for (int row = 0; row < result->row_count; row++)
		if (claim->just_id)
			streams_write_id(
				request, result_bytes(result, row, ID));
		else
			streams_write_entry(request, result, row, ID);
	request_finish(request);
}

void
cmd_xclaim(struct request *request)
{
	struct claim *claim = request_allocate(request, sizeof(*claim));
	const char *error;
	struct call *call;

	memset(claim, 0, sizeof(*claim));
	request->state = claim;
	error = read_claim(request, claim);
	if (error != NULL) {
		streams_refuse(request, place_of(request), error);
		return;
	}
	call = call_new(request->store, SQL_stream_claim, claim_done, request);
	bind_group(request, call);
	call_bind_bytes(call, request->argv[CONSUMER]);
	call_bind_int64(call, claim->min_idle_ms);
	call_bind_bytes_array(call, claim->ids, (uint32_t)claim->id_count);
	/* What lies in the future is now. */
	call_bind_optional_int64(
		call, claim->has_idle, claim->idle_ms < 0 ? 0 : claim->idle_ms);
	call_bind_optional_int64(call, claim->has_time, claim->time_ms);
	call_bind_optional_int64(
		call, claim->deliveries >= 0, claim->deliveries);
	call_bind_bool(call, claim->force);
	call_bind_bool(call, claim->just_id);
	if (claim->has_last)
		streams_bind_id(request, call, claim->last);
	else
		call_bind_null(call, VALUE_BYTES);
	call_send(call);
}

/* --- XAUTOCLAIM ------------------------------------------------------ */

/* Columns of stream_claim_idle, and its kinds of rows. */
enum { IDLE_KIND = 1, IDLE_ID };
enum { KIND_ENTRY = 'e', KIND_DELETED = 'd', KIND_NEXT = 'n' };

static size_t
count_kind(const struct result *result, char kind)
{
	size_t count = 0;

	for (int row = 0; row < result->row_count; row++)
		count += result_char(result, row, IDLE_KIND) == kind;
	return count;
}

static void
write_kind(struct request *request, const struct result *result, char kind,
	bool just_id)
{
	for (int row = 0; row < result->row_count; row++) {
		if (result_char(result, row, IDLE_KIND) != kind)
			continue;
		if (just_id)
			streams_write_id(
				request, result_bytes(result, row, IDLE_ID));
		else
			streams_write_entry(request, result, row, IDLE_ID);
	}
}

static void
claim_idle_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	const bool *just_id = request->state;

	if (claim_failed(request, result))
		return;
	reply_array(&request->reply, 3);
	write_kind(request, result, KIND_NEXT, true);
	reply_array(&request->reply, count_kind(result, KIND_ENTRY));
	write_kind(request, result, KIND_ENTRY, *just_id);
	reply_array(&request->reply, count_kind(result, KIND_DELETED));
	write_kind(request, result, KIND_DELETED, true);
	request_finish(request);
}

static bool
read_claim_idle(struct request *request, int64_t *count, bool *just_id)
{
	/* Redis' bound: what it has to allocate for the answer fits a long. */
	const int64_t count_max = LONG_MAX / STREAM_ID_SIZE;

	for (int i = FIRST_ID + 1; i < request->argc; i++) {
		if (request_is_word(request, i, "COUNT") &&
			i + 1 < request->argc) {
			if (!request_read_int64_or(request, ++i, count,
				    "ERR COUNT must be > 0"))
				return false;
			if (*count < 1 || *count > count_max) {
				request_reply_error(
					request, "ERR COUNT must be > 0");
				return false;
			}
		} else if (request_is_word(request, i, "JUSTID")) {
			*just_id = true;
		} else {
			request_reply_syntax_error(request);
			return false;
		}
	}
	return true;
}

void
cmd_xautoclaim(struct request *request)
{
	bool *just_id = request_allocate(request, sizeof(*just_id));
	int64_t min_idle_ms, count = 100;
	struct stream_id from;
	struct call *call;

	*just_id = false;
	request->state = just_id;
	if (!request_read_int64_or(request, MIN_IDLE, &min_idle_ms,
		    "ERR Invalid min-idle-time argument for XAUTOCLAIM") ||
		!streams_read_bound(request, FIRST_ID, false, &from) ||
		!read_claim_idle(request, &count, just_id))
		return;
	call = call_new(request->store, SQL_stream_claim_idle, claim_idle_done,
		request);
	bind_group(request, call);
	call_bind_bytes(call, request->argv[CONSUMER]);
	call_bind_int64(call, min_idle_ms);
	streams_bind_id(request, call, from);
	call_bind_int64(call, count);
	call_bind_bool(call, *just_id);
	call_send(call);
}
