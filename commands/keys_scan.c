/* Walking through the keys: SCAN, KEYS, RANDOMKEY, DBSIZE.
 *
 * SCAN keeps no state: its cursor is the id of the last row it has seen.  Ids
 * only grow, so a key that is there throughout is met at its old id or at a
 * later one.  A pattern that begins literally is answered at once from the
 * primary key's order when few keys begin so. */
#include "commands/keys.h"

#include "commands/errors.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "storage/base/glob.h"
#include "storage/base/number.h"
#include "storage/call.h"
#include "storage/result.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SCAN_COUNT = 10,
	/* Keys with the pattern's beginning that one reply may look at. */
	RANGE_COUNT = 1000,
	/* Long keys are in order only up to there: respgres.indexed(). */
	PREFIX_SIZE_MAX = 900,
	CURSOR_SIZE_MAX = 32,
};

/* Columns of key_scan and key_range. */
enum { SCAN_ID, SCAN_TYPE, SCAN_LIVE, SCAN_KEY };

struct scan {
	struct bytes pattern; /* empty data: none */
	char type; /* 0: any; '?': one that no key has */
	int64_t cursor, count, range_count;
	/* Keys from `first` to below `end` hold all that can match. */
	struct bytes first, end;
};

static char
type_of_word(struct bytes word)
{
	for (const char *type = "sltzhx"; *type != '\0'; type++)
		if (bytes_is_word(word, keys_type_name(*type)))
			return *type;
	return '?';
}

/* Finds the range of keys that begin as the pattern does; false when that is
 * no range, or not one in the index. */
static bool
find_range(struct request *request, struct scan *scan)
{
	char *first, *end;
	size_t size;

	if (scan->pattern.data == NULL)
		return false;
	first = request_allocate(request, 2 * scan->pattern.size + 2);
	size = glob_prefix(scan->pattern, first, NULL);
	if (size == 0 || size > PREFIX_SIZE_MAX)
		return false;
	scan->first = (struct bytes){ first, size };
	end = memcpy(first + scan->pattern.size + 1, first, size);
	size = glob_pass_prefix(end, size);
	if (size == 0)
		return false;
	scan->end = (struct bytes){ end, size };
	return true;
}

static bool
is_wanted(const struct scan *scan, const struct result *result, int row)
{
	if (!result_int64(result, row, SCAN_LIVE))
		return false;
	if (scan->type && result_char(result, row, SCAN_TYPE) != scan->type)
		return false;
	return scan->pattern.data == NULL ||
		glob_match(scan->pattern, result_bytes(result, row, SCAN_KEY),
			false);
}

static void
reply_keys(struct request *request, const struct result *result)
{
	const struct scan *scan = request->state;
	size_t count = 0;

	for (int row = 0; row < result->row_count; row++)
		count += is_wanted(scan, result, row);
	reply_array(&request->reply, count);
	for (int row = 0; row < result->row_count; row++)
		if (is_wanted(scan, result, row))
			reply_bulk(&request->reply,
				result_bytes(result, row, SCAN_KEY));
}

static void
send_walk(struct request *request, call_done done)
{
	const struct scan *scan = request->state;
	struct call *call =
		call_new(request->store, SQL_key_scan, done, request);

	call_bind_int32(call, request->db);
	call_bind_int64(call, scan->cursor);
	call_bind_int64(call, scan->count);
	call_send_route(call, ROUTE_BULK, request->db);
}

static void
send_range(struct request *request, call_done done)
{
	const struct scan *scan = request->state;
	struct call *call =
		call_new(request->store, SQL_key_range, done, request);

	call_bind_int32(call, request->db);
	call_bind_bytes(call, scan->first);
	call_bind_bytes(call, scan->end);
	call_bind_int64(call, scan->range_count);
	call_send_route(call, ROUTE_BULK, request->db);
}

/* --- SCAN ------------------------------------------------------------ */

static void
reply_scan(struct request *request, const struct result *result, int64_t cursor)
{
	reply_array(&request->reply, 2);
	reply_bulk_integer(&request->reply, cursor);
	reply_keys(request, result);
	request_finish(request);
}

static void
walk_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	const struct scan *scan = request->state;
	int64_t cursor = 0;

	if (request_failed(request, result))
		return;
	if (result->row_count == scan->count)
		cursor = result_int64(result, result->row_count - 1, SCAN_ID);
	reply_scan(request, result, cursor);
}

static void
range_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	const struct scan *scan = request->state;

	if (request_failed(request, result))
		return;
	if (result->row_count == scan->range_count)
		send_walk(request, walk_done);
	else
		reply_scan(request, result, 0);
}

bool
keys_read_cursor(struct request *request, int index, int64_t *cursor)
{
	struct bytes word = request->argv[index];
	char text[CURSOR_SIZE_MAX];
	unsigned long number;
	char *end;

	errno = 0;
	if (word.size < sizeof(text)) {
		memcpy(text, word.data, word.size);
		text[word.size] = '\0';
		number = strtoul(text, &end, 10);
		if (!isspace((unsigned char)text[0]) &&
			end == text + word.size && errno == 0) {
			/* No id is above INT64_MAX: the walk is at its end. */
			*cursor = number > INT64_MAX ? INT64_MAX :
						       (int64_t)number;
			return true;
		}
	}
	request_reply_error(request, "ERR invalid cursor");
	return false;
}

static bool
read_scan_options(struct request *request, struct scan *scan)
{
	for (int i = 2; i < request->argc; i += 2) {
		bool more = i + 1 < request->argc;

		if (more && request_is_word(request, i, "COUNT")) {
			if (!request_read_int64(request, i + 1, &scan->count))
				return false;
			if (scan->count >= 1)
				continue;
		} else if (more && request_is_word(request, i, "MATCH")) {
			scan->pattern = request->argv[i + 1];
			continue;
		} else if (more && request_is_word(request, i, "TYPE")) {
			scan->type = type_of_word(request->argv[i + 1]);
			continue;
		}
		request_reply_syntax_error(request);
		return false;
	}
	return true;
}

void
cmd_scan(struct request *request)
{
	struct scan *scan = request_allocate(request, sizeof(*scan));

	*scan = (struct scan){ .count = SCAN_COUNT };
	request->state = scan;
	if (!keys_read_cursor(request, 1, &scan->cursor) ||
		!read_scan_options(request, scan))
		return;
	scan->range_count =
		scan->count < INT64_MAX / 10 ? scan->count * 10 : INT64_MAX - 1;
	if (scan->range_count < RANGE_COUNT)
		scan->range_count = RANGE_COUNT;
	scan->range_count++;
	if (scan->cursor == 0 && find_range(request, scan))
		send_range(request, range_done);
	else
		send_walk(request, walk_done);
}

/* --- the others ------------------------------------------------------ */

static void
keys_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	reply_keys(request, result);
	request_finish(request);
}

void
cmd_keys(struct request *request)
{
	struct scan *scan = request_allocate(request, sizeof(*scan));

	*scan = (struct scan){ .pattern = request->argv[1],
		.count = INT64_MAX,
		.range_count = INT64_MAX };
	request->state = scan;
	if (find_range(request, scan))
		send_range(request, keys_done);
	else
		send_walk(request, keys_done);
}

static void
randomkey_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	if (result_is_null(result, 0, 0))
		request_reply_null(request);
	else
		request_reply_bulk(request, result_bytes(result, 0, 0));
}

void
cmd_randomkey(struct request *request)
{
	struct call *call = call_new(
		request->store, SQL_key_random, randomkey_done, request);

	call_bind_int32(call, request->db);
	call_send_route(call, ROUTE_BULK, request->db);
}

static void
dbsize_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (!request_failed(request, result))
		request_reply_integer(request, result_int64(result, 0, 0));
}

void
cmd_dbsize(struct request *request)
{
	struct call *call =
		call_new(request->store, SQL_key_count, dbsize_done, request);

	call_bind_int32(call, request->db);
	call_send_route(call, ROUTE_BULK, request->db);
}
