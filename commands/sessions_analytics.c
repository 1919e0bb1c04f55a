/* SESSION ANALYTICS: rows of sections become one map. */
#include "commands/sessions.h"

#include "commands/reply.h"
#include "commands/request.h"
#include "storage/base/number.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stddef.h>
#include <string.h>

enum { WINDOW_SECONDS = 86400, TOP = 10, TOP_MAX = 1000 };

/* As respgres.session_history_ms() has it. */
enum { WINDOW_SECONDS_MAX = 31 * 86400 };

/* Columns of session_analytics. */
enum { COLUMN_SECTION, COLUMN_LABEL, COLUMN_COUNT, COLUMN_SECOND };

static bool
is_in(const struct result *result, int row, const char *section)
{
	return strcmp(result_text(result, row, COLUMN_SECTION), section) == 0;
}

static size_t
count_rows(const struct result *result, const char *section)
{
	size_t count = 0;

	for (int row = 0; row < result->row_count; row++)
		count += is_in(result, row, section);
	return count;
}

static void
reply_pairs(
	struct reply *reply, const struct result *result, const char *section)
{
	for (int row = 0; row < result->row_count; row++) {
		if (!is_in(result, row, section))
			continue;
		reply_bulk(reply, result_bytes(result, row, COLUMN_LABEL));
		if (result_is_null(result, row, COLUMN_COUNT))
			reply_null(reply);
		else
			reply_integer(
				reply, result_int64(result, row, COLUMN_COUNT));
	}
}

static void
reply_map_of(struct reply *reply, const struct result *result, const char *name,
	const char *section)
{
	reply_bulk_text(reply, name);
	reply_map(reply, count_rows(result, section));
	reply_pairs(reply, result, section);
}

static void
reply_hours(struct reply *reply, const struct result *result)
{
	reply_bulk_text(reply, "per_hour");
	reply_array(reply, count_rows(result, "hour"));
	for (int row = 0; row < result->row_count; row++) {
		int64_t start_ms = 0;

		if (!is_in(result, row, "hour"))
			continue;
		number_parse_int64(
			result_bytes(result, row, COLUMN_LABEL), &start_ms);
		reply_map(reply, 3);
		reply_bulk_text(reply, "start_ms");
		reply_integer(reply, start_ms);
		reply_bulk_text(reply, "created");
		reply_integer(reply, result_int64(result, row, COLUMN_COUNT));
		reply_bulk_text(reply, "ended");
		reply_integer(reply, result_int64(result, row, COLUMN_SECOND));
	}
}

static void
analytics_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	struct reply *reply = &request->reply;

	if (request_failed(request, result))
		return;
	reply_map(reply, count_rows(result, "total") + 4);
	reply_pairs(reply, result, "total");
	reply_hours(reply, result);
	reply_map_of(reply, result, "devices", "device");
	reply_map_of(reply, result, "agents", "agent");
	reply_map_of(reply, result, "users", "user");
	request_finish(request);
}

void
sessions_run_analytics(struct request *request)
{
	int64_t window = WINDOW_SECONDS, top = TOP;
	struct call *call;

	for (int at = 2; at < request->argc; at += 2) {
		bool has_value = at + 1 < request->argc;

		if (has_value && request_is_word(request, at, "WINDOW")) {
			if (!sessions_read_number(request, at + 1, "WINDOW",
				    WINDOW_SECONDS_MAX, &window))
				return;
		} else if (has_value && request_is_word(request, at, "TOP")) {
			if (!sessions_read_number(
				    request, at + 1, "TOP", TOP_MAX, &top))
				return;
		} else {
			request_reply_error(request,
				"ERR syntax error, expected WINDOW seconds or "
				"TOP n");
			return;
		}
	}
	call = call_new(
		request->store, SQL_session_analytics, analytics_done, request);
	call_bind_int32(call, request->db);
	call_bind_int64(call, window * 1000);
	call_bind_int64(call, top);
	call_send_route(call, ROUTE_BULK, request->db);
}
