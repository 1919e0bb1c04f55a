/* SNAPSHOT LIST, TREE, SEARCH and STATS: what SQL finds, as maps. */
#include "commands/snapshots.h"

#include "commands/reply.h"
#include "commands/request.h"
#include "storage/base/glob.h"
#include "storage/call.h"
#include "storage/result.h"

#include <string.h>

enum { LIST_COUNT = 100, TREE_COUNT = 1000, SEARCH_COUNT = 10 };

struct listed {
	struct snapshot_options options;
	int64_t count, cursor;
	struct request *request;
	struct rows *stats;
};

static struct listed *
read_listed(struct request *request, int first, uint32_t allowed, int64_t count)
{
	struct listed *listed = request_allocate(request, sizeof(*listed));

	*listed = (struct listed){ .request = request, .count = count };
	if (!snapshot_read_options(request, first, allowed, &listed->options))
		return NULL;
	if (snapshot_has(&listed->options, WORD(COUNT)))
		listed->count = listed->options.numbers[WORD_COUNT];
	return listed;
}

static void
bind_bytes(struct call *call, const struct listed *listed, uint32_t word)
{
	call_bind_optional_bytes(call,
		snapshot_has(&listed->options, 1u << word),
		listed->options.values[word]);
}

static void
reply_rows(struct request *request, const struct result *result, int first)
{
	reply_array(&request->reply, (size_t)result->row_count);
	for (int row = 0; row < result->row_count; row++)
		snapshot_reply_row(request, result, row, first);
}

/* --- LIST ------------------------------------------------------------ */

static void
list_done(void *arg, const struct result *result)
{
	struct listed *listed = arg;
	struct request *request = listed->request;

	if (request_failed(request, result))
		return;
	reply_array(&request->reply, 2);
	if (result->row_count == listed->count)
		reply_bulk(&request->reply,
			result_bytes(result, result->row_count - 1, 0));
	else
		reply_bulk_text(&request->reply, "0");
	reply_rows(request, result, 0);
	request_finish(request);
}

static void
bind_time(struct call *call, const struct listed *listed, uint32_t word)
{
	call_bind_optional_int64(call,
		snapshot_has(&listed->options, 1u << word),
		listed->options.numbers[word] * 1000);
}

/* The pattern for LIKE, which says the same as list_is_sound() allows no
 * brackets, and the range of names that begin as it does. */
static void
bind_name(struct call *call, const struct listed *listed)
{
	struct request *request = listed->request;
	struct bytes pattern = listed->options.values[WORD_NAME];
	char *like = request_allocate(request, 4 * pattern.size + 1);
	char *first = like + 2 * pattern.size, *past;
	size_t size, past_size;

	call_bind_bytes(
		call, (struct bytes){ like, glob_print_like(pattern, like) });
	size = glob_prefix(pattern, first, NULL);
	past = first + size;
	memcpy(past, first, size);
	past_size = glob_pass_prefix(past, size);
	call_bind_optional_bytes(
		call, past_size > 0, (struct bytes){ first, size });
	call_bind_optional_bytes(
		call, past_size > 0, (struct bytes){ past, past_size });
}

/* False: it has replied what is wrong. */
static bool
list_is_sound(const struct listed *listed)
{
	struct bytes cursor = listed->options.values[WORD_CURSOR];
	struct bytes pattern = listed->options.values[WORD_NAME];

	if (snapshot_has(&listed->options, WORD(CURSOR)) &&
		!snapshot_is_id(cursor)) {
		request_reply_error(listed->request, "ERR invalid cursor");
		return false;
	}
	if (pattern.size > 0 &&
		memchr(pattern.data, '[', pattern.size) != NULL) {
		request_reply_error(listed->request,
			"ERR NAME expects a pattern of * and ?, without [");
		return false;
	}
	return true;
}

static void
bind_cursor(struct call *call, const struct listed *listed)
{
	struct bytes cursor = listed->options.values[WORD_CURSOR];

	if (cursor.size == 0 || bytes_is_word(cursor, "0"))
		call_bind_null(call, VALUE_TEXT);
	else
		call_bind_text(
			call, request_copy_text(listed->request, cursor));
}

static void
send_list(struct listed *listed)
{
	struct request *request = listed->request;
	struct call *call =
		call_new(request->store, SQL_snapshot_list, list_done, listed);

	call_bind_int32(call, request->db);
	bind_bytes(call, listed, WORD_AGENT);
	bind_bytes(call, listed, WORD_USER);
	bind_bytes(call, listed, WORD_META);
	bind_time(call, listed, WORD_SINCE);
	bind_time(call, listed, WORD_UNTIL);
	if (snapshot_has(&listed->options, WORD(NAME)))
		bind_name(call, listed);
	else
		for (int i = 0; i < 3; i++)
			call_bind_null(call, VALUE_BYTES);
	bind_cursor(call, listed);
	call_bind_int64(call, listed->count);
	call_send_route(call, ROUTE_BULK, request->db);
}

static void
meta_checked(void *arg, const struct result *result)
{
	struct listed *listed = arg;

	if (request_failed(listed->request, result))
		return;
	if (result_int64(result, 0, 0))
		send_list(listed);
	else
		request_reply_error(
			listed->request, "ERR META must be a JSON document");
}

void
cmd_snapshot_list(struct request *request)
{
	struct listed *listed = read_listed(request, 2,
		WORD(AGENT) | WORD(USER) | WORD(META) | WORD(SINCE) |
			WORD(UNTIL) | WORD(NAME) | WORD(CURSOR) | WORD(COUNT),
		LIST_COUNT);
	struct call *call;

	if (listed == NULL || !list_is_sound(listed))
		return;
	if (!snapshot_has(&listed->options, WORD(META))) {
		send_list(listed);
		return;
	}
	call = call_new(
		request->store, SQL_snapshot_is_json, meta_checked, listed);
	bind_bytes(call, listed, WORD_META);
	call_send_route(call, ROUTE_BULK, request->db);
}

/* --- TREE ------------------------------------------------------------ */

static void
tree_done(void *arg, const struct result *result)
{
	struct listed *listed = arg;
	struct request *request = listed->request;

	if (request_failed(request, result))
		return;
	reply_array(&request->reply, 2);
	reply_bulk_integer(&request->reply,
		result->row_count == listed->count ?
			listed->cursor + listed->count :
			0);
	reply_rows(request, result, 0);
	request_finish(request);
}

void
cmd_snapshot_tree(struct request *request)
{
	struct listed *listed =
		read_listed(request, 3, WORD(CURSOR) | WORD(COUNT), TREE_COUNT);
	struct call *call;

	if (listed == NULL)
		return;
	if (snapshot_has(&listed->options, WORD(CURSOR)) &&
		!request_parse_cursor(request,
			listed->options.values[WORD_CURSOR], &listed->cursor))
		return;
	call = call_new(request->store, SQL_snapshot_tree, tree_done, listed);
	call_bind_int32(call, request->db);
	call_bind_bytes(call, request->argv[2]);
	call_bind_int64(call, listed->cursor);
	call_bind_int64(call, listed->count);
	call_send_route(call, ROUTE_BULK, request->db);
}

/* --- SEARCH ---------------------------------------------------------- */

static void
search_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	struct snapshot_error error = { "" };

	if (snapshot_failed(&error, result, true)) {
		snapshot_reply_failed(request, &error);
		return;
	}
	reply_rows(request, result, 1);
	request_finish(request);
}

void
cmd_snapshot_search(struct request *request)
{
	struct bytes query = request->argv[2];
	struct listed *listed = read_listed(request, 3,
		WORD(AGENT) | WORD(LANG) | WORD(COUNT), SEARCH_COUNT);
	struct call *call;

	if (listed == NULL)
		return;
	if (!snapshot_is_text(query) ||
		!snapshot_is_text(listed->options.values[WORD_LANG])) {
		request_reply_error(
			request, "ERR the query and LANG must be UTF-8 text");
		return;
	}
	call = call_new(
		request->store, SQL_snapshot_search, search_done, request);
	call_bind_int32(call, request->db);
	call_bind_text(call, request_copy_text(request, query));
	bind_bytes(call, listed, WORD_AGENT);
	call_bind_text(call,
		request_copy_text(request,
			snapshot_has(&listed->options, WORD(LANG)) ?
				listed->options.values[WORD_LANG] :
				bytes_of("simple")));
	call_bind_int64(call, listed->count);
	call_send_route(call, ROUTE_BULK, request->db);
}

/* --- STATS ----------------------------------------------------------- */

static void
growth_done(void *arg, const struct result *result)
{
	struct listed *listed = arg;
	struct request *request = listed->request;
	struct result stats = { .rows = listed->stats, .row_count = 1 };
	int count = result_column_count(&stats);

	if (request_failed(request, result)) {
		rows_release(listed->stats);
		return;
	}
	reply_map(&request->reply, (size_t)count + 1);
	for (int column = 0; column < count; column++) {
		reply_bulk_text(
			&request->reply, result_column_name(&stats, column));
		snapshot_reply_column(request, &stats, 0, column);
	}
	reply_bulk_text(&request->reply, "growth_per_day");
	reply_rows(request, result, 0);
	rows_release(listed->stats);
	request_finish(request);
}

static void
send_stats(struct listed *listed, enum statement_id id, call_done done)
{
	struct request *request = listed->request;
	struct call *call = call_new(request->store, id, done, listed);

	call_bind_int32(call, request->db);
	bind_bytes(call, listed, WORD_AGENT);
	call_send_route(call, ROUTE_BULK, request->db);
}

static void
stats_done(void *arg, const struct result *result)
{
	struct listed *listed = arg;

	if (request_failed(listed->request, result))
		return;
	listed->stats = rows_hold(result->rows);
	send_stats(listed, SQL_snapshot_growth, growth_done);
}

void
cmd_snapshot_stats(struct request *request)
{
	struct listed *listed = read_listed(request, 2, WORD(AGENT), 0);

	if (listed != NULL)
		send_stats(listed, SQL_snapshot_stats, stats_done);
}
