/* Items within a list: by index, by value, by range. */
#include "commands/errors.h"
#include "commands/listing.h"
#include "commands/lists.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/strings.h"
#include "storage/base/number.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stddef.h>

/* Columns of list_length and list_index. */
enum { GET_TYPE = 1, GET_VALUE };

static struct call *
key_call(struct request *request, enum statement_id id, call_done done)
{
	struct call *call = call_new(request->store, id, done, request);

	call_bind_key(call, request->db, request->argv[1]);
	return call;
}

/* A result whose first column is an error or NULL. */
static void
reply_ok_or_error(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	if (!result_is_null(result, 0, 0))
		request_reply_error(request, result_text(result, 0, 0));
	else
		request_reply_ok(request);
}

/* --- by index -------------------------------------------------------- */

/* The index is no number, which only matters where there is a list. */
static void
bad_index_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	bool writes = (request->command->flags & CMD_WRITE) != 0;

	if (request_failed(request, result))
		return;
	if (result->row_count > 0 && result_char(result, 0, GET_TYPE) != 'l')
		request_reply_error(request, ERROR_WRONG_TYPE);
	else if (result->row_count > 0)
		request_reply_error(request, ERROR_NOT_INTEGER);
	else if (writes)
		request_reply_error(request, ERROR_NO_KEY);
	else
		request_reply_null(request);
}

static bool
read_index(struct request *request, int64_t *index)
{
	if (number_parse_int64(request->argv[2], index))
		return true;
	call_send(key_call(request, SQL_list_length, bad_index_done));
	return false;
}

static void
lindex_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	bool found = result->row_count > 0;

	if (request_failed(request, result))
		return;
	strings_count_lookup(request, found);
	if (found && result_char(result, 0, GET_TYPE) != 'l')
		reply_error(&request->reply, ERROR_WRONG_TYPE);
	else if (!found || result_is_null(result, 0, GET_VALUE))
		reply_null(&request->reply);
	else
		strings_reply_bytes(request, result, 0, GET_VALUE);
	request_finish(request);
}

void
cmd_lindex(struct request *request)
{
	struct call *call;
	int64_t index;

	if (!read_index(request, &index))
		return;
	call = key_call(request, SQL_list_index, lindex_done);
	call_bind_int64(call, index);
	call_send(call);
}

void
cmd_lset(struct request *request)
{
	struct call *call;
	int64_t index;

	if (!read_index(request, &index))
		return;
	call = key_call(request, SQL_list_set, reply_ok_or_error);
	call_bind_int64(call, index);
	call_bind_bytes(call, request->argv[3]);
	call_send(call);
}

/* --- by range -------------------------------------------------------- */

struct range {
	int64_t start, stop;
};

static struct range *
read_range(struct request *request)
{
	struct range *range = request_allocate(request, sizeof(*range));

	if (!request_read_int64(request, 2, &range->start) ||
		!request_read_int64(request, 3, &range->stop))
		return NULL;
	return range;
}

static void
bind_range(struct request *request, struct call *call)
{
	const struct range *range = request->state;

	call_bind_key(call, request->db, request->argv[1]);
	call_bind_int64(call, range->start);
	call_bind_int64(call, range->stop);
}

static void
write_value(struct request *request, const struct result *result, int row)
{
	strings_reply_bytes(request, result, row, LISTING_FIRST);
}

void
cmd_lrange(struct request *request)
{
	static const struct listing listing = {
		.statement = SQL_list_range,
		.shape = LISTING_ARRAY,
		.type = 'l',
		.replies_per_row = 1,
		.bind = bind_range,
		.write_row = write_value,
	};

	request->state = read_range(request);
	if (request->state != NULL)
		listing_send(request, &listing);
}

void
cmd_ltrim(struct request *request)
{
	struct range *range = read_range(request);
	struct call *call;

	if (range == NULL)
		return;
	call = key_call(request, SQL_list_trim, reply_ok_or_error);
	call_bind_int64(call, range->start);
	call_bind_int64(call, range->stop);
	call_send(call);
}

/* --- by value -------------------------------------------------------- */

void
cmd_linsert(struct request *request)
{
	bool before = request_is_word(request, 2, "BEFORE");
	struct call *call;

	if (!before && !request_is_word(request, 2, "AFTER")) {
		request_reply_syntax_error(request);
		return;
	}
	call = key_call(
		request, SQL_list_insert, strings_reply_integer_or_error);
	call_bind_bool(call, before);
	call_bind_bytes(call, request->argv[3]);
	call_bind_bytes(call, request->argv[4]);
	call_send(call);
}

void
cmd_lrem(struct request *request)
{
	struct call *call;
	int64_t count;

	if (!request_read_int64(request, 2, &count))
		return;
	call = key_call(
		request, SQL_list_remove, strings_reply_integer_or_error);
	call_bind_int64(call, count);
	call_bind_bytes(call, request->argv[3]);
	call_send(call);
}

struct search {
	int64_t rank, count, most_compared; /* count -1: the first, alone */
};

static void
bind_search(struct request *request, struct call *call)
{
	const struct search *search = request->state;

	call_bind_key(call, request->db, request->argv[1]);
	call_bind_bytes(call, request->argv[2]);
	call_bind_int64(call, search->rank);
	call_bind_int64(call, search->most_compared);
	call_bind_optional_int64(call, search->count > 0, search->count);
}

static void
write_index(struct request *request, const struct result *result, int row)
{
	reply_integer(
		&request->reply, result_int64(result, row, LISTING_FIRST));
}

static void
lpos_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	bool found = result->row_count > 0;

	if (request_failed(request, result))
		return;
	strings_count_lookup(request, found);
	if (found && result_char(result, 0, LISTING_TYPE) != 'l')
		request_reply_error(request, ERROR_WRONG_TYPE);
	else if (!found || result_is_null(result, 0, LISTING_FIRST))
		request_reply_null(request);
	else
		request_reply_integer(
			request, result_int64(result, 0, LISTING_FIRST));
}

static bool
read_not_negative(
	struct request *request, int index, int64_t *value, const char *error)
{
	if (!request_read_int64_or(request, index, value, error))
		return false;
	if (*value >= 0)
		return true;
	request_reply_error(request, error);
	return false;
}

static bool
read_rank(struct request *request, int index, int64_t *rank)
{
	if (!request_read_int64(request, index, rank))
		return false;
	/* The least number has no opposite; Redis takes it for the last. */
	if (*rank == INT64_MIN)
		*rank = -1;
	if (*rank != 0)
		return true;
	request_reply_error(request,
		"ERR RANK can't be zero: use 1 to start from the first match, "
		"2 from the second ... or use negative to start from the end "
		"of the list");
	return false;
}

static bool
read_search(struct request *request, struct search *search)
{
	*search = (struct search){ .rank = 1, .count = -1 };
	for (int i = 3; i < request->argc; i += 2) {
		bool read;

		if (i + 1 == request->argc) {
			request_reply_syntax_error(request);
			return false;
		}
		if (request_is_word(request, i, "RANK")) {
			read = read_rank(request, i + 1, &search->rank);
		} else if (request_is_word(request, i, "COUNT")) {
			read = read_not_negative(request, i + 1, &search->count,
				"ERR COUNT can't be negative");
		} else if (request_is_word(request, i, "MAXLEN")) {
			read = read_not_negative(request, i + 1,
				&search->most_compared,
				"ERR MAXLEN can't be negative");
		} else {
			request_reply_syntax_error(request);
			read = false;
		}
		if (!read)
			return false;
	}
	return true;
}

void
cmd_lpos(struct request *request)
{
	static const struct listing listing = {
		.statement = SQL_list_positions,
		.shape = LISTING_ARRAY,
		.type = 'l',
		.replies_per_row = 1,
		.bind = bind_search,
		.write_row = write_index,
	};
	struct search *search = request_allocate(request, sizeof(*search));
	struct call *call;

	if (!read_search(request, search))
		return;
	request->state = search;
	if (search->count >= 0) {
		listing_send(request, &listing);
		return;
	}
	call = call_new(request->store, SQL_list_positions, lpos_done, request);
	bind_search(request, call);
	call_bind_int64(call, 1);
	call_send(call);
}
