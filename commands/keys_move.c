/* Keys under other names and in other places: RENAME, COPY, MOVE. */
#include "commands/keys.h"

#include "commands/blocking.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stddef.h>

static void
rename_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	if (!result_is_null(result, 0, 0)) {
		request_reply_error(request, result_text(result, 0, 0));
	} else {
		reply_simple(&request->reply, "OK");
		blocking_finish(request, request->db, &request->argv[2], 1);
	}
}

/* A row of an error or NULL, and whether the key is there now. */
static void
reply_done(struct request *request, const struct result *result, int db,
	const struct bytes *key)
{
	if (request_failed(request, result))
		return;
	if (!result_is_null(result, 0, 0)) {
		request_reply_error(request, result_text(result, 0, 0));
	} else if (result_int64(result, 0, 1) == 0) {
		request_reply_integer(request, 0);
	} else {
		reply_integer(&request->reply, 1);
		blocking_finish(request, db, key, 1);
	}
}

static void
renamenx_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	reply_done(request, result, request->db, &request->argv[2]);
}

/* The database stands in the request's state. */
static void
copy_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	reply_done(request, result, *(int *)request->state, &request->argv[2]);
}

static void
move_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	reply_done(request, result, *(int *)request->state, &request->argv[1]);
}

static void
remember_database(struct request *request, int db)
{
	int *state = request_allocate(request, sizeof(*state));

	*state = db;
	request->state = state;
}

static void
send_rename(struct request *request, bool only_absent, call_done done)
{
	struct call *call =
		call_new(request->store, SQL_key_rename, done, request);

	call_bind_key(call, request->db, request->argv[1]);
	call_bind_key(call, request->db, request->argv[2]);
	call_bind_bool(call, only_absent);
	call_send_route(call, request->route, request->db);
}

void
cmd_rename(struct request *request)
{
	send_rename(request, false, rename_done);
}

void
cmd_renamenx(struct request *request)
{
	send_rename(request, true, renamenx_done);
}

void
cmd_copy(struct request *request)
{
	struct call *call;
	bool replace = false;
	int db = request->db;

	for (int i = 3; i < request->argc; i++) {
		if (request_is_word(request, i, "REPLACE")) {
			replace = true;
		} else if (request_is_word(request, i, "DB") &&
			i + 1 < request->argc) {
			if (!keys_read_database(request, ++i, NULL, &db))
				return;
		} else {
			request_reply_syntax_error(request);
			return;
		}
	}
	if (!keys_have_one_class(request, request->db, db))
		return;
	remember_database(request, db);
	call = call_new(request->store, SQL_key_copy, copy_done, request);
	call_bind_key(call, request->db, request->argv[1]);
	call_bind_key(call, db, request->argv[2]);
	call_bind_bool(call, replace);
	call_send_route(call, request->route, request->db);
}

/* Not along a lane: the key in the other database may have another. */
void
cmd_move(struct request *request)
{
	struct call *call;
	int db;

	if (!keys_read_database(request, 2, NULL, &db) ||
		!keys_have_one_class(request, request->db, db))
		return;
	remember_database(request, db);
	call = call_new(request->store, SQL_key_move, move_done, request);
	call_bind_key(call, request->db, request->argv[1]);
	call_bind_int32(call, db);
	call_send_route(call, ROUTE_JOINT, request->db);
}
