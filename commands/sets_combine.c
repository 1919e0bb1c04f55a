/* Sets of several keys: intersections, unions, differences.
 *
 * Texts: redis 7.0.15 t_set.c (sinterCardCommand). */
#include "commands/sets.h"

#include "commands/listing.h"
#include "commands/request.h"
#include "commands/strings.h"
#include "storage/base/number.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stddef.h>
#include <stdint.h>

/* As combine_sets() in SQL knows them. */
static const char intersection[] = "i", set_union[] = "u", difference[] = "d";

static void
bind_combined(struct request *request, struct call *call)
{
	call_bind_key(call, request->db, request->argv[1]);
	call_bind_bytes_array(
		call, request->argv + 1, (uint32_t)request->argc - 1);
	call_bind_text(call, request->state);
}

static void
write_member(struct request *request, const struct result *result, int row)
{
	strings_reply_bytes(request, result, row, LISTING_FIRST);
}

static void
combine(struct request *request, const char *operation)
{
	static const struct listing listing = {
		.statement = SQL_set_combine,
		.shape = LISTING_SET,
		.type = 't',
		.bind = bind_combined,
		.write_row = write_member,
	};

	request->state = (void *)operation;
	listing_send(request, &listing);
}

void
cmd_sinter(struct request *request)
{
	combine(request, intersection);
}

void
cmd_sunion(struct request *request)
{
	combine(request, set_union);
}

void
cmd_sdiff(struct request *request)
{
	combine(request, difference);
}

static void
store(struct request *request, const char *operation)
{
	struct call *call = call_new(request->store, SQL_set_store,
		strings_reply_integer_or_error, request);

	call_bind_key(call, request->db, request->argv[1]);
	call_bind_bytes_array(
		call, request->argv + 2, (uint32_t)request->argc - 2);
	call_bind_text(call, operation);
	call_send_route(call, request->route, request->db);
}

void
cmd_sinterstore(struct request *request)
{
	store(request, intersection);
}

void
cmd_sunionstore(struct request *request)
{
	store(request, set_union);
}

void
cmd_sdiffstore(struct request *request)
{
	store(request, difference);
}

/* --- SINTERCARD ------------------------------------------------------ */

/* Reads LIMIT; 0: none. */
static bool
read_limit(struct request *request, int index, int64_t *limit)
{
	static const char error[] = "ERR LIMIT can't be negative";

	*limit = 0;
	for (; index < request->argc; index += 2) {
		if (!request_is_word(request, index, "LIMIT") ||
			index + 1 == request->argc) {
			request_reply_syntax_error(request);
			return false;
		}
		if (!request_read_int64_or(request, index + 1, limit, error))
			return false;
		if (*limit < 0) {
			request_reply_error(request, error);
			return false;
		}
	}
	return true;
}

void
cmd_sintercard(struct request *request)
{
	int64_t count, limit;
	struct call *call;

	if (!number_parse_int64(request->argv[1], &count) || count < 1) {
		request_reply_error(
			request, "ERR numkeys should be greater than 0");
		return;
	}
	if (count > request->argc - 2) {
		request_reply_error(request,
			"ERR Number of keys can't be greater than number of "
			"args");
		return;
	}
	if (!read_limit(request, 2 + (int)count, &limit))
		return;
	call = call_new(request->store, SQL_set_count_common,
		strings_reply_integer_or_error, request);
	call_bind_key(call, request->db, request->argv[2]);
	call_bind_bytes_array(call, request->argv + 2, (uint32_t)count);
	call_bind_optional_int64(call, limit != 0, limit);
	call_send(call);
}
