/* Keys under other names and in other places: RENAME, COPY, MOVE. */
#include "commands/keys.h"

#include "commands/request.h"
#include "commands/strings.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stddef.h>

static void
rename_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	if (!result_is_null(result, 0, 0))
		request_reply_error(request, result_text(result, 0, 0));
	else
		request_reply_ok(request);
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
	send_rename(request, true, strings_reply_integer_or_error);
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
	call = call_new(request->store, SQL_key_copy,
		strings_reply_integer_or_error, request);
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
	call = call_new(request->store, SQL_key_move,
		strings_reply_integer_or_error, request);
	call_bind_key(call, request->db, request->argv[1]);
	call_bind_int32(call, db);
	call_send_route(call, ROUTE_JOINT, request->db);
}
