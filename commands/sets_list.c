/* Sets: all members, some in turn, some by chance.
 *
 * Texts: redis 7.0.15 t_set.c (spopWithCountCommand, srandmemberCommand). */
#include "commands/sets.h"

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

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What set_random draws when no count is given: one, with repetition. */
enum { ONE_DRAW = -1 };

/* Columns of set_pop. */
enum { POP_ERROR, POP_MEMBER };

static void
write_member(struct request *request, const struct result *result, int row)
{
	strings_reply_bytes(request, result, row, LISTING_FIRST);
}

static void
bind_integer_limit(struct request *request, struct call *call)
{
	call_bind_int64(call,
		settings_get(
			request->server->settings, set_max_intset_entries));
}

static void
bind_members(struct request *request, struct call *call)
{
	call_bind_key(call, request->db, request->argv[1]);
	bind_integer_limit(request, call);
}

void
cmd_smembers(struct request *request)
{
	static const struct listing listing = {
		.statement = SQL_set_members,
		.shape = LISTING_SET,
		.type = 't',
		.bind = bind_members,
		.write_row = write_member,
	};

	listing_send(request, &listing);
}

void
cmd_sscan(struct request *request)
{
	static const struct collection_scan scan = {
		.statement = SQL_set_scan,
		.type = 't',
		.bind = bind_integer_limit,
	};

	collections_scan(request, &scan);
}

/* --- SRANDMEMBER ----------------------------------------------------- */

static void
random_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	strings_count_lookup(request, result->row_count > 0);
	if (result->row_count > 0 &&
		result_char(result, 0, LISTING_TYPE) != 't') {
		request_reply_error(request, ERROR_WRONG_TYPE);
		return;
	}
	if (result->row_count == 0 || result_is_null(result, 0, LISTING_FIRST))
		reply_null(&request->reply);
	else
		strings_reply_bytes(request, result, 0, LISTING_FIRST);
	request_finish(request);
}

static void
bind_random(struct request *request, struct call *call)
{
	const int64_t *count = request->state;

	call_bind_key(call, request->db, request->argv[1]);
	call_bind_int64(call, *count);
}

void
cmd_srandmember(struct request *request)
{
	static const struct listing listing = {
		.statement = SQL_set_random,
		.shape = LISTING_ARRAY,
		.type = 't',
		.replies_per_row = 1,
		.bind = bind_random,
		.write_row = write_member,
	};
	int64_t *count = request_allocate(request, sizeof(*count));
	struct call *call;

	request->state = count;
	*count = ONE_DRAW;
	if (request->argc > 3) {
		request_reply_syntax_error(request);
		return;
	}
	if (request->argc == 3) {
		if (collections_read_count(request, 2, count))
			listing_send(request, &listing);
		return;
	}
	call = call_new(request->store, SQL_set_random, random_done, request);
	bind_random(request, call);
	call_bind_int64(call, 1);
	call_send(call);
}

/* --- SPOP ------------------------------------------------------------ */

static bool
replied_error(struct request *request, const struct result *result)
{
	if (request_failed(request, result))
		return true;
	if (result->row_count == 0 || result_is_null(result, 0, POP_ERROR))
		return false;
	request_reply_error(request, result_text(result, 0, POP_ERROR));
	return true;
}

static void
pop_one_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (replied_error(request, result))
		return;
	if (result->row_count == 0)
		reply_null(&request->reply);
	else
		strings_reply_bytes(request, result, 0, POP_MEMBER);
	request_finish(request);
}

static void
pop_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (replied_error(request, result))
		return;
	reply_set(&request->reply, (size_t)result->row_count);
	for (int row = 0; row < result->row_count; row++)
		strings_reply_bytes(request, result, row, POP_MEMBER);
	request_finish(request);
}

void
cmd_spop(struct request *request)
{
	bool counted = request->argc == 3;
	int64_t count = 1;
	struct call *call;

	if (request->argc > 3) {
		request_reply_syntax_error(request);
		return;
	}
	if (counted &&
		(!number_parse_int64(request->argv[2], &count) || count < 0)) {
		request_reply_error(
			request, "ERR value is out of range, must be positive");
		return;
	}
	call = call_new(request->store, SQL_set_pop,
		counted ? pop_done : pop_one_done, request);
	call_bind_key(call, request->db, request->argv[1]);
	call_bind_int64(call, count);
	call_send(call);
}
