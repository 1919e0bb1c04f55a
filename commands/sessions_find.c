/* SESSION LIST, COUNT, BULKDEL and CLEANUP: sessions by what they are.
 *
 * Sessions are walked in the order of their creation, and a cursor is the number
 * of the last one: it needs no state, and a session that is there throughout is
 * met once.  Many are deleted in parts, so that nobody waits for long; those
 * created after the first part are left alone. */
#include "commands/sessions.h"

#include "commands/reply.h"
#include "commands/request.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stddef.h>

#define FILTERS "USER, ACTIVE, IDLE, IP, SINCE, FIELD"

enum {
	LIST_COUNT = 10,
	LIST_COUNT_MAX = 10000,
	GROUPS = 100,
	GROUPS_MAX = 10000,
	PART = 1000, /* sessions deleted at once */
};

struct filter {
	struct bytes user, ip, field, value; /* no data: not given */
	int64_t active_ms, idle_ms; /* 0: not given */
	int64_t since_ms;
	bool has_since, has_any;
};

enum taken { TAKEN, NOT_TAKEN, TAKEN_WRONG };

/* Reads a filter at argv[*at] and moves behind it.  TAKEN_WRONG: it has
 * replied. */
static enum taken
take_filter(struct request *request, int *at, struct filter *filter)
{
	int word = *at, value = word + 1;
	bool right = true;

	if (value >= request->argc)
		return NOT_TAKEN;
	*at += 2;
	if (request_is_word(request, word, "USER")) {
		filter->user = request->argv[value];
	} else if (request_is_word(request, word, "IP")) {
		filter->ip = request->argv[value];
	} else if (request_is_word(request, word, "ACTIVE")) {
		right = sessions_read_seconds(
			request, value, "ACTIVE", &filter->active_ms);
	} else if (request_is_word(request, word, "IDLE")) {
		right = sessions_read_seconds(
			request, value, "IDLE", &filter->idle_ms);
	} else if (request_is_word(request, word, "SINCE")) {
		filter->has_since = true;
		right = sessions_read_number(request, value, "SINCE",
			SESSION_SECONDS_MAX, &filter->since_ms);
		filter->since_ms *= 1000;
	} else if (request_is_word(request, word, "FIELD") &&
		value + 1 < request->argc) {
		filter->field = request->argv[value];
		filter->value = request->argv[value + 1];
		*at += 1;
	} else {
		*at = word;
		return NOT_TAKEN;
	}
	filter->has_any = true;
	return right ? TAKEN : TAKEN_WRONG;
}

static void
bind_bytes(struct call *call, struct bytes value)
{
	call_bind_optional_bytes(call, value.data != NULL, value);
}

static void
bind_filter(struct call *call, int db, const struct filter *filter)
{
	call_bind_int32(call, db);
	bind_bytes(call, filter->user);
	call_bind_optional_int64(
		call, filter->active_ms > 0, filter->active_ms);
	call_bind_optional_int64(call, filter->idle_ms > 0, filter->idle_ms);
	bind_bytes(call, filter->ip);
	call_bind_optional_int64(call, filter->has_since, filter->since_ms);
	bind_bytes(call, filter->field);
	bind_bytes(call, filter->value);
}

/* --- LIST ------------------------------------------------------------ */

struct list {
	struct filter filter;
	int64_t cursor, count;
	bool with_data;
};

static void
list_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	const struct list *list = request->state;
	struct reply *reply = &request->reply;
	int64_t cursor = 0;

	if (request_failed(request, result))
		return;
	if (result->row_count == list->count)
		cursor = result_int64(
			result, result->row_count - 1, SESSION_KEY);
	reply_array(reply, 2);
	reply_bulk_integer(reply, cursor);
	reply_array(reply, (size_t)result->row_count);
	for (int row = 0; row < result->row_count; row++)
		sessions_reply_row(reply, result, row,
			result_bytes(result, row, SESSION_ID), list->with_data);
	request_finish(request);
}

static bool
read_list(struct request *request, struct list *list)
{
	for (int at = 2; at < request->argc;) {
		enum taken taken = take_filter(request, &at, &list->filter);
		bool has_value = at + 1 < request->argc;

		if (taken == TAKEN_WRONG)
			return false;
		if (taken == TAKEN)
			continue;
		if (request_is_word(request, at, "WITHDATA")) {
			list->with_data = true;
			at++;
		} else if (has_value &&
			request_is_word(request, at, "CURSOR")) {
			if (!request_parse_cursor(request,
				    request->argv[at + 1], &list->cursor))
				return false;
			at += 2;
		} else if (has_value && request_is_word(request, at, "COUNT")) {
			if (!sessions_read_number(request, at + 1, "COUNT",
				    LIST_COUNT_MAX, &list->count))
				return false;
			at += 2;
		} else {
			request_reply_error(request,
				"ERR syntax error, expected " FILTERS
				", CURSOR, COUNT or WITHDATA");
			return false;
		}
	}
	return true;
}

void
sessions_run_list(struct request *request)
{
	struct list *list = request_allocate(request, sizeof(*list));
	struct call *call;

	*list = (struct list){ .count = LIST_COUNT };
	if (!read_list(request, list))
		return;
	request->state = list;
	call = call_new(request->store, SQL_session_list, list_done, request);
	bind_filter(call, request->db, &list->filter);
	call_bind_int64(call, list->cursor);
	call_bind_int64(call, list->count);
	call_send_route(call, ROUTE_BULK, request->db);
}

/* --- COUNT ----------------------------------------------------------- */

struct count {
	struct filter filter;
	const char *by; /* the column; NULL: one number */
	int64_t most;
};

static void
count_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (!request_failed(request, result))
		request_reply_integer(request, result_int64(result, 0, 0));
}

static void
groups_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	reply_map(&request->reply, (size_t)result->row_count);
	for (int row = 0; row < result->row_count; row++) {
		reply_bulk(&request->reply, result_bytes(result, row, 0));
		reply_integer(&request->reply, result_int64(result, row, 1));
	}
	request_finish(request);
}

static const char *
find_column(const struct request *request, int index)
{
	if (request_is_word(request, index, "USER"))
		return "user_name";
	if (request_is_word(request, index, "IP"))
		return "ip";
	if (request_is_word(request, index, "AGENT"))
		return "agent";
	return NULL;
}

static bool
read_count(struct request *request, struct count *count)
{
	for (int at = 2; at < request->argc;) {
		enum taken taken = take_filter(request, &at, &count->filter);
		bool has_value = at + 1 < request->argc;

		if (taken == TAKEN_WRONG)
			return false;
		if (taken == TAKEN)
			continue;
		if (has_value && request_is_word(request, at, "BY") &&
			(count->by = find_column(request, at + 1)) != NULL) {
			at += 2;
		} else if (has_value && request_is_word(request, at, "LIMIT")) {
			if (!sessions_read_number(request, at + 1, "LIMIT",
				    GROUPS_MAX, &count->most))
				return false;
			at += 2;
		} else {
			request_reply_error(request,
				"ERR syntax error, expected " FILTERS
				", BY USER, BY IP, BY AGENT or LIMIT");
			return false;
		}
	}
	return true;
}

void
sessions_run_count(struct request *request)
{
	struct count count = { .most = GROUPS };
	struct call *call;

	if (!read_count(request, &count))
		return;
	call = call_new(request->store,
		count.by ? SQL_session_count_by : SQL_session_count,
		count.by ? groups_done : count_done, request);
	bind_filter(call, request->db, &count.filter);
	if (count.by != NULL) {
		call_bind_text(call, count.by);
		call_bind_int64(call, count.most);
	}
	call_send_route(call, ROUTE_BULK, request->db);
}

/* --- BULKDEL, CLEANUP ------------------------------------------------ */

enum { BULK_ENDED, BULK_LAST };

struct bulk {
	struct filter filter;
	const char *why; /* 'd' deleted, 'i' inactive */
	struct bytes *excepted;
	uint32_t excepted_count;
	int64_t after, left, ended;
};

static void send_part(struct request *request);

static void
part_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	struct bulk *bulk = request->state;

	if (request_failed(request, result))
		return;
	bulk->ended += result_int64(result, 0, BULK_ENDED);
	bulk->left -= result_int64(result, 0, BULK_ENDED);
	bulk->after = result_int64(result, 0, BULK_LAST);
	if (result_is_null(result, 0, BULK_LAST) || bulk->left <= 0)
		request_reply_integer(request, bulk->ended);
	else
		send_part(request);
}

static void
send_part(struct request *request)
{
	const struct bulk *bulk = request->state;
	struct call *call = call_new(
		request->store, SQL_session_bulk_delete, part_done, request);

	bind_filter(call, request->db, &bulk->filter);
	call_bind_bytes_array(call, bulk->excepted, bulk->excepted_count);
	call_bind_int64(call, bulk->after);
	call_bind_int64(call, bulk->left < PART ? bulk->left : PART);
	call_bind_text(call, bulk->why);
	call_send_route(call, ROUTE_JOINT, request->db);
}

static void
ids_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (!request_failed(request, result))
		request_reply_integer(request, result->row_count);
}

static bool
is_excepted(const struct bulk *bulk, struct bytes id)
{
	for (uint32_t i = 0; i < bulk->excepted_count; i++)
		if (bytes_equal(bulk->excepted[i], id))
			return true;
	return false;
}

/* The ids from argv[first] on, but those excepted. */
static void
delete_ids(struct request *request, const struct bulk *bulk, int first)
{
	struct bytes *ids = request_allocate(
		request, (size_t)(request->argc - first) * sizeof(*ids));
	struct call *call;
	int count = 0;

	for (int i = first; i < request->argc; i++)
		if (!is_excepted(bulk, request->argv[i]))
			ids[count++] = request->argv[i];
	count = sessions_sort_ids(ids, count);
	if (count == 0) {
		request_reply_integer(request, 0);
		return;
	}
	call = call_new(request->store, SQL_session_delete, ids_done, request);
	call_bind_keys(call, request->db, ids, count);
	call_send_route(call, ROUTE_JOINT, request->db);
}

/* Finds where the ids begin that follow IDS; 0: there are none, -1: it has
 * replied. */
static int
read_bulk(struct request *request, struct bulk *bulk)
{
	for (int at = 2; at < request->argc;) {
		enum taken taken = take_filter(request, &at, &bulk->filter);
		bool has_value = at + 1 < request->argc;

		if (taken == TAKEN_WRONG)
			return -1;
		if (taken == TAKEN)
			continue;
		if (has_value && request_is_word(request, at, "EXCEPT")) {
			bulk->excepted[bulk->excepted_count++] =
				request->argv[at + 1];
			at += 2;
		} else if (has_value && !bulk->filter.has_any &&
			request_is_word(request, at, "IDS")) {
			return at + 1;
		} else {
			request_reply_error(request,
				"ERR syntax error, expected " FILTERS
				", EXCEPT or, without filters, IDS");
			return -1;
		}
	}
	return 0;
}

void
sessions_run_bulk_delete(struct request *request)
{
	struct bulk *bulk = request_allocate(request, sizeof(*bulk));
	int first;

	*bulk = (struct bulk){ .why = "d", .left = INT64_MAX };
	bulk->excepted = request_allocate(
		request, (size_t)request->argc * sizeof(struct bytes));
	request->state = bulk;
	first = read_bulk(request, bulk);
	if (first > 0)
		delete_ids(request, bulk, first);
	else if (first == 0 && bulk->filter.has_any)
		send_part(request);
	else if (first == 0)
		request_reply_error(request,
			"ERR syntax error, expected IDS or one of " FILTERS
			" at least");
}

void
sessions_run_cleanup(struct request *request)
{
	struct bulk *bulk = request_allocate(request, sizeof(*bulk));
	bool right = false;

	*bulk = (struct bulk){ .why = "i", .left = INT64_MAX };
	request->state = bulk;
	for (int at = 2; at < request->argc; at += 2) {
		right = at + 1 < request->argc;
		if (right && request_is_word(request, at, "INACTIVE")) {
			if (!sessions_read_seconds(request, at + 1, "INACTIVE",
				    &bulk->filter.idle_ms))
				return;
		} else if (right && request_is_word(request, at, "LIMIT")) {
			if (!sessions_read_number(request, at + 1, "LIMIT",
				    INT64_MAX, &bulk->left))
				return;
		} else {
			right = false;
			break;
		}
	}
	if (right && bulk->filter.idle_ms > 0)
		send_part(request);
	else
		request_reply_error(request,
			"ERR syntax error, expected INACTIVE seconds and, if "
			"wanted, LIMIT n");
}
