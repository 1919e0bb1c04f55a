/* Members in no order: ZSCAN and ZRANDMEMBER.
 *
 * ZSCAN walks in the order of the members' hashes, which are 32 bits; its
 * cursor is one more than the last hash it has seen, all of whose members it
 * has shown.  So a member that is there throughout is met, without any
 * state. */
#include "commands/sorted_sets.h"

#include "commands/errors.h"
#include "commands/listing.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/server.h"
#include "commands/strings.h"
#include "storage/base/glob.h"
#include "storage/base/number.h"
#include "storage/base/settings.h"
#include "storage/call.h"
#include "storage/result.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SCAN_COUNT = 10, CURSOR_SIZE_MAX = 32 };

/* Columns of sorted_set_scan. */
enum { SCAN_TYPE, SCAN_HASH, SCAN_MEMBER, SCAN_SCORE };

struct walk {
	struct bytes pattern; /* empty data: none */
	uint64_t cursor;
	int64_t count;
};

static void
reply_empty_scan(struct request *request)
{
	reply_array(&request->reply, 2);
	reply_bulk_text(&request->reply, "0");
	reply_array(&request->reply, 0);
	request_finish(request);
}

static bool
is_wanted(const struct walk *walk, const struct result *result, int row)
{
	return walk->pattern.data == NULL ||
		glob_match(walk->pattern,
			result_bytes(result, row, SCAN_MEMBER), false);
}

static void
write_found(struct request *request, const struct result *result)
{
	const struct walk *walk = request->state;
	char digits[NUMBER_DOUBLE_SIZE];
	size_t count = 0;

	for (int row = 0; row < result->row_count; row++)
		count += is_wanted(walk, result, row);
	reply_array(&request->reply, count * 2);
	for (int row = 0; row < result->row_count; row++) {
		if (!is_wanted(walk, result, row))
			continue;
		strings_reply_bytes(request, result, row, SCAN_MEMBER);
		/* A text in RESP3, too. */
		number_print_double(
			digits, result_double(result, row, SCAN_SCORE));
		reply_bulk_text(&request->reply, digits);
	}
}

static void
scan_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	const struct walk *walk = request->state;
	int64_t last, cursor = 0;
	int rows = result->row_count;

	if (request_failed(request, result))
		return;
	strings_count_lookup(request, rows > 0);
	if (rows > 0 && result_char(result, 0, SCAN_TYPE) != 'z') {
		request_reply_error(request, ERROR_WRONG_TYPE);
		return;
	}
	if (rows == 0 || result_is_null(result, 0, SCAN_MEMBER)) {
		reply_empty_scan(request);
		return;
	}
	last = result_int64(result, rows - 1, SCAN_HASH);
	if (rows >= walk->count && last < INT32_MAX)
		cursor = last - INT32_MIN + 1;
	reply_array(&request->reply, 2);
	reply_bulk_integer(&request->reply, cursor);
	write_found(request, result);
	request_finish(request);
}

static bool
read_cursor(struct request *request, uint64_t *cursor)
{
	struct bytes word = request->argv[2];
	char text[CURSOR_SIZE_MAX], *end;

	if (word.size < sizeof(text)) {
		memcpy(text, word.data, word.size);
		text[word.size] = '\0';
		errno = 0;
		*cursor = strtoul(text, &end, 10);
		if (!isspace((unsigned char)text[0]) &&
			end == text + word.size && errno == 0)
			return true;
	}
	request_reply_error(request, "ERR invalid cursor");
	return false;
}

static bool
read_options(struct request *request, struct walk *walk)
{
	for (int i = 3; i < request->argc; i += 2) {
		bool more = i + 1 < request->argc;

		if (more && request_is_word(request, i, "COUNT")) {
			if (!request_read_int64(request, i + 1, &walk->count))
				return false;
			if (walk->count >= 1)
				continue;
		} else if (more && request_is_word(request, i, "MATCH")) {
			walk->pattern = request->argv[i + 1];
			continue;
		}
		request_reply_syntax_error(request);
		return false;
	}
	return true;
}

void
cmd_zscan(struct request *request)
{
	struct walk *walk = request_allocate(request, sizeof(*walk));
	int64_t together;
	struct call *call;

	*walk = (struct walk){ .count = SCAN_COUNT };
	request->state = walk;
	if (!read_cursor(request, &walk->cursor) ||
		!read_options(request, walk))
		return;
	together = settings_get(
		request->server->settings, zset_max_listpack_entries);
	call = call_new(
		request->store, SQL_sorted_set_scan, scan_done, request);
	call_bind_key(call, request->db, request->argv[1]);
	if (walk->cursor == 0)
		call_bind_null(call, VALUE_INT32);
	else if (walk->cursor > UINT32_MAX)
		call_bind_int32(call, INT32_MAX);
	else
		call_bind_int32(
			call, (int32_t)((int64_t)walk->cursor - 1 + INT32_MIN));
	call_bind_int64(call, walk->count);
	call_bind_int64(call, together);
	call_send(call);
}

/* --- ZRANDMEMBER ----------------------------------------------------- */

struct draw {
	int64_t count;
	struct listing listing;
};

static void
random_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	strings_count_lookup(request, result->row_count > 0);
	if (result->row_count == 0)
		reply_null(&request->reply);
	else if (result_char(result, 0, LISTING_TYPE) != 'z')
		reply_error(&request->reply, ERROR_WRONG_TYPE);
	else
		strings_reply_bytes(request, result, 0, LISTING_FIRST);
	request_finish(request);
}

static void
bind_draw(struct request *request, struct call *call)
{
	const struct draw *draw = request->state;

	call_bind_key(call, request->db, request->argv[1]);
	call_bind_int64(call, draw->count);
}

static void
write_member(struct request *request, const struct result *result, int row)
{
	strings_reply_bytes(request, result, row, LISTING_FIRST);
}

static void
write_member_and_score(
	struct request *request, const struct result *result, int row)
{
	sorted_sets_write_pair(request, result, row, LISTING_FIRST);
}

static void
draw_one(struct request *request)
{
	struct call *call = call_new(
		request->store, SQL_sorted_set_random, random_done, request);

	call_bind_key(call, request->db, request->argv[1]);
	call_bind_int64(call, 1);
	call_bind_int64(call, 1);
	call_send(call);
}

static bool
read_draw(struct request *request, struct draw *draw, bool *scores)
{
	if (!request_read_int64(request, 2, &draw->count))
		return false;
	*scores = request_is_word(request, 3, "WITHSCORES");
	if (draw->count == INT64_MIN) {
		request_reply_error(request,
			"ERR value is out of range, value must between "
			"-9223372036854775807 and 9223372036854775807");
		return false;
	}
	if (request->argc > 4 || (request->argc == 4 && !*scores)) {
		request_reply_syntax_error(request);
		return false;
	}
	if (*scores &&
		(draw->count < -INT64_MAX / 2 || draw->count > INT64_MAX / 2)) {
		request_reply_error(request, "ERR value is out of range");
		return false;
	}
	return true;
}

void
cmd_zrandmember(struct request *request)
{
	struct draw *draw = request_allocate(request, sizeof(*draw));
	bool scores = false;

	if (request->argc == 2) {
		draw_one(request);
		return;
	}
	if (!read_draw(request, draw, &scores))
		return;
	draw->listing = (struct listing){
		.statement = SQL_sorted_set_random,
		.shape = LISTING_ARRAY,
		.type = 'z',
		.replies_per_row =
			scores && request->reply.protocol == 2 ? 2 : 1,
		.bind = bind_draw,
		.write_row = scores ? write_member_and_score : write_member,
	};
	request->state = draw;
	listing_send(request, &draw->listing);
}
