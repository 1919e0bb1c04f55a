/* Looking tags and keys up: TAG OF, GET, COUNT, LIST.
 *
 * Searches go to the connections for slow reads, as a tag may have millions of
 * keys. */
#include "commands/tags.h"

#include "commands/errors.h"
#include "commands/keys.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/strings.h"
#include "storage/base/bytes.h"
#include "storage/base/glob.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* --- OF -------------------------------------------------------------- */

static void
of_done(void *arg, const struct result *result)
{
	enum { STALE = 1, TAGS };
	struct request *request = arg;
	struct reply *reply = &request->reply;
	struct result_array tags;

	if (request_failed(request, result))
		return;
	if (result->row_count == 0) {
		request_reply_null(request);
		return;
	}
	reply_map(reply, 2);
	reply_bulk_text(reply, "tags");
	result_array_open(result, 0, TAGS, &tags);
	reply_array(reply, (size_t)tags.left);
	while (tags.left > 0)
		reply_bulk(reply, result_array_next(&tags));
	reply_bulk_text(reply, "stale");
	reply_bool(reply, result_int64(result, 0, STALE) != 0);
	request_finish(request);
}

void
tags_run_of(struct request *request)
{
	struct call *call =
		call_new(request->store, SQL_tag_of, of_done, request);

	call_bind_key(call, request->db, request->argv[2]);
	call_send(call);
}

/* --- GET, COUNT ------------------------------------------------------ */

/* Columns of tag_find; its first row has the cursor alone. */
enum { FOUND_CURSOR, FOUND_KEY, FOUND_TYPE, FOUND_VALUE, FOUND_STALE };

static void
reply_found(struct request *request, const struct result *result, int row)
{
	struct reply *reply = &request->reply;

	reply_array(reply, 4);
	reply_bulk(reply, result_bytes(result, row, FOUND_KEY));
	reply_bulk_text(
		reply, keys_type_name(result_char(result, row, FOUND_TYPE)));
	if (result_is_null(result, row, FOUND_VALUE))
		reply_null(reply);
	else
		strings_reply_bytes(request, result, row, FOUND_VALUE);
	reply_bool(reply, result_int64(result, row, FOUND_STALE) != 0);
}

static void
get_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	const struct tag_filter *filter = request->state;
	struct reply *reply = &request->reply;

	if (request_failed(request, result))
		return;
	reply_array(reply, 2);
	reply_bulk_integer(reply, result_int64(result, 0, FOUND_CURSOR));
	reply_array(reply, (size_t)result->row_count - 1);
	if (result->row_count == 1 && filter->cursor == 0)
		strings_count_lookup(request, false);
	for (int row = 1; row < result->row_count; row++) {
		strings_count_lookup(request, true);
		if (filter->with_values)
			reply_found(request, result, row);
		else
			reply_bulk(reply, result_bytes(result, row, FOUND_KEY));
	}
	request_finish(request);
}

void
tags_run_get(struct request *request)
{
	struct tag_filter *filter = request_allocate(request, sizeof(*filter));
	struct call *call;

	if (!tags_read_filter(request, TAG_WITH_PAGES, filter))
		return;
	request->state = filter;
	call = call_new(request->store, SQL_tag_find, get_done, request);
	tags_bind_filter(request, call, filter);
	call_bind_int64(call, filter->cursor);
	call_bind_int64(call, filter->count);
	call_bind_bool(call, filter->with_values);
	call_send_route(call, ROUTE_BULK, request->db);
}

static void
count_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (!request_failed(request, result))
		request_reply_integer(request, result_int64(result, 0, 0));
}

void
tags_run_count(struct request *request)
{
	struct tag_filter filter = { 0 };
	struct call *call;

	if (!tags_read_filter(request, 0, &filter))
		return;
	call = call_new(request->store, SQL_tag_count, count_done, request);
	tags_bind_filter(request, call, &filter);
	call_send_route(call, ROUTE_BULK, request->db);
}

/* --- LIST ------------------------------------------------------------ */

enum {
	LIST_COUNT = 100,
	LIST_COUNT_MAX = 10000,
	/* Long names are in order only up to there: respgres.indexed(). */
	PREFIX_SIZE_MAX = 900,
};

/* Columns of tag_names and of tag_sizes. */
enum { NAMES_ID, NAMES_NAME, NAMES_INDEXED };
enum { SIZES_ID, SIZES_ENTRIES, SIZES_BYTES };

/* The catalogue is walked in the order of names: the cursor is the name that
 * the next page begins with, in hexadecimal digits behind an x. */
struct list {
	struct bytes pattern; /* no data: none */
	struct bytes from, end; /* names of the page; `end` without data: all */
	int64_t count;
	struct result names; /* rows held until the reply */
	int64_t *ids; /* of the names that match */
	int *rows;
	uint32_t matches;
};

static void
reply_cursor(struct request *request, const struct list *list)
{
	const struct result *names = &list->names;
	struct bytes last;
	char *text;

	if (names->row_count < list->count) {
		reply_bulk_text(&request->reply, "0");
		return;
	}
	last = result_bytes(names, names->row_count - 1, NAMES_INDEXED);
	text = request_allocate(request, 2 * last.size + 4);
	text[0] = 'x';
	/* The first name that is greater. */
	memcpy(bytes_write_hex(last, text + 1), "00", 3);
	reply_bulk_text(&request->reply, text);
}

static void
reply_list(struct request *request, const struct list *list,
	const struct result *sizes)
{
	struct reply *reply = &request->reply;
	size_t used = 0;

	for (uint32_t i = 0; i < list->matches; i++)
		used += result_int64(sizes, (int)i, SIZES_ENTRIES) > 0;
	reply_array(reply, 2);
	reply_cursor(request, list);
	reply_array(reply, used);
	for (uint32_t i = 0; i < list->matches; i++) {
		int64_t entries = result_int64(sizes, (int)i, SIZES_ENTRIES);

		if (entries == 0)
			continue;
		reply_map(reply, 3);
		reply_bulk_text(reply, "tag");
		reply_bulk(reply,
			result_bytes(&list->names, list->rows[i], NAMES_NAME));
		reply_bulk_text(reply, "entries");
		reply_integer(reply, entries);
		reply_bulk_text(reply, "bytes");
		reply_integer(reply, result_int64(sizes, (int)i, SIZES_BYTES));
	}
	request_finish(request);
}

static void
sizes_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	struct list *list = request->state;
	struct rows *rows = list->names.rows;

	if (!request_failed(request, result))
		reply_list(request, list, result);
	rows_release(rows);
}

static void
names_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	struct list *list = request->state;
	struct call *call;

	if (request_failed(request, result))
		return;
	list->names = *result;
	list->ids = request_allocate(
		request, (size_t)result->row_count * sizeof(*list->ids) + 1);
	list->rows = request_allocate(
		request, (size_t)result->row_count * sizeof(*list->rows) + 1);
	for (int row = 0; row < result->row_count; row++) {
		if (list->pattern.data != NULL &&
			!glob_match(list->pattern,
				result_bytes(result, row, NAMES_NAME), false))
			continue;
		list->ids[list->matches] = result_int64(result, row, NAMES_ID);
		list->rows[list->matches++] = row;
	}
	if (list->matches == 0) {
		reply_list(request, list, result);
		return;
	}
	rows_hold(result->rows);
	call = call_new(request->store, SQL_tag_sizes, sizes_done, request);
	call_bind_int64_array(call, list->ids, list->matches);
	call_send_route(call, ROUTE_BULK, request->db);
}

static int
hexadecimal(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static bool
read_cursor(struct request *request, int index, struct bytes *from)
{
	struct bytes word = request->argv[index];
	char *name;

	*from = (struct bytes){ "", 0 };
	if (bytes_equal(word, bytes_of("0")))
		return true;
	if (word.size % 2 == 0 || word.data[0] != 'x') {
		request_reply_error(request, "ERR invalid cursor");
		return false;
	}
	name = request_allocate(request, word.size);
	for (size_t i = 1; i < word.size; i += 2) {
		int high = hexadecimal(word.data[i]),
		    low = hexadecimal(word.data[i + 1]);

		if (high < 0 || low < 0) {
			request_reply_error(request, "ERR invalid cursor");
			return false;
		}
		name[i / 2] = (char)(high << 4 | low);
	}
	*from = (struct bytes){ name, word.size / 2 };
	return true;
}

/* Leaves out names that cannot match because of how the pattern begins. */
static void
narrow(struct request *request, struct list *list)
{
	char *first, *end;
	size_t size;

	if (list->pattern.data == NULL)
		return;
	first = request_allocate(request, 2 * list->pattern.size + 2);
	size = glob_prefix(list->pattern, first, NULL);
	if (size == 0 || size > PREFIX_SIZE_MAX)
		return;
	if (bytes_compare((struct bytes){ first, size }, list->from) > 0)
		list->from = (struct bytes){ first, size };
	end = memcpy(first + list->pattern.size + 1, first, size);
	size = glob_pass_prefix(end, size);
	if (size > 0)
		list->end = (struct bytes){ end, size };
}

static bool
read_list(struct request *request, struct list *list)
{
	*list = (struct list){ .count = LIST_COUNT,
		.from = (struct bytes){ "", 0 } };
	for (int i = 2; i < request->argc; i += 2) {
		bool more = i + 1 < request->argc;

		if (more && request_is_word(request, i, "MATCH")) {
			list->pattern = request->argv[i + 1];
		} else if (more && request_is_word(request, i, "CURSOR")) {
			if (!read_cursor(request, i + 1, &list->from))
				return false;
		} else if (more && request_is_word(request, i, "COUNT")) {
			if (!request_read_int64(request, i + 1, &list->count))
				return false;
		} else {
			tags_reply_expected(request,
				"MATCH pattern, CURSOR cursor or COUNT number");
			return false;
		}
	}
	if (list->count >= 1 && list->count <= LIST_COUNT_MAX)
		return true;
	request_reply_errorf(
		request, "ERR COUNT must be 1 to %d", LIST_COUNT_MAX);
	return false;
}

void
tags_run_list(struct request *request)
{
	struct list *list = request_allocate(request, sizeof(*list));
	struct call *call;

	if (!read_list(request, list))
		return;
	request->state = list;
	narrow(request, list);
	call = call_new(request->store, SQL_tag_names, names_done, request);
	call_bind_int32(call, request->db);
	call_bind_bytes(call, list->from);
	call_bind_optional_bytes(call, list->end.data != NULL, list->end);
	call_bind_int64(call, list->count);
	call_send_route(call, ROUTE_BULK, request->db);
}
