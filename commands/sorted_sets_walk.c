/* Members in no order: ZSCAN and ZRANDMEMBER. */
#include "commands/sorted_sets.h"

#include "commands/collections.h"
#include "commands/collections_scan.h"
#include "commands/errors.h"
#include "commands/listing.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/server.h"
#include "commands/strings.h"
#include "storage/base/number.h"
#include "storage/base/settings.h"
#include "storage/call.h"
#include "storage/result.h"

/* How large a set may be whose members ZSCAN shows all at once. */
static void
bind_limits(struct request *request, struct call *call)
{
	const struct settings *settings = request->server->settings;

	call_bind_int64(
		call, settings_get(settings, zset_max_listpack_entries));
	call_bind_int64(call, settings_get(settings, zset_max_listpack_value));
}

/* A text in RESP3, too. */
static void
write_score(struct request *request, const struct result *result, int row)
{
	char digits[NUMBER_DOUBLE_SIZE];

	number_print_double(digits, result_double(result, row, SCAN_ROW_REST));
	reply_bulk_text(&request->reply, digits);
}

void
cmd_zscan(struct request *request)
{
	static const struct collection_scan scan = {
		.statement = SQL_sorted_set_scan,
		.type = 'z',
		.has_values = true,
		.bind = bind_limits,
		.write_value = write_score,
	};

	collections_scan(request, &scan);
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
	if (!collections_read_count(request, 2, &draw->count))
		return false;
	*scores = request_is_word(request, 3, "WITHSCORES");
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
