/* Whole databases: FLUSHALL, FLUSHDB, SWAPDB.
 *
 * Each comes after all that any worker was sent before, as it would in Redis:
 * whoever began to wait for a key just before a flush learns that it is gone. */
#include "commands/keys.h"

#include "commands/blocking.h"
#include "commands/errors.h"
#include "commands/host.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/server.h"
#include "storage/base/memory.h"
#include "storage/call.h"
#include "storage/result.h"
#include "storage/store.h"

static bool
read_flush_option(struct request *request)
{
	/* Neither makes a difference: flushing never frees memory here. */
	if (request->argc == 1 ||
		(request->argc == 2 &&
			(request_is_word(request, 1, "SYNC") ||
				request_is_word(request, 1, "ASYNC"))))
		return true;
	request_reply_syntax_error(request);
	return false;
}

/* One answer for the flushes of several storage classes. */
struct flush {
	int pending;
	bool failed;
};

static void
flush_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	struct flush *flush = request->state;

	flush->pending--;
	if (result->status != STORE_OK && !flush->failed) {
		/* Its error is the answer, when all have come back. */
		flush->failed = true;
		if (flush->pending == 0) {
			request_failed(request, result);
			return;
		}
	}
	if (flush->pending > 0)
		return;
	if (flush->failed)
		request_reply_error(
			request, "ERR not every database could be flushed");
	else
		request_reply_ok(request);
}

static void
send_flush(struct request *request, int db, bool all)
{
	struct call *call =
		call_new(request->store, SQL_keys_flush, flush_done, request);

	if (all)
		call_bind_null(call, VALUE_INT32);
	else
		call_bind_int32(call, db);
	call_send_route(call, ROUTE_JOINT, db);
}

static void
flush_one(void *arg)
{
	struct request *request = arg;

	send_flush(request, request->db, false);
}

void
cmd_flushdb(struct request *request)
{
	struct flush *flush;

	if (!read_flush_option(request))
		return;
	flush = request_allocate(request, sizeof(*flush));
	*flush = (struct flush){ .pending = 1 };
	request->state = flush;
	request->server->host->settle(request, flush_one, request);
}

static void
flush_all(void *arg)
{
	struct request *request = arg;
	struct flush *flush = request->state;
	const struct storage *storage = request->server->storage;
	int durable = storage_database_of_class(storage, CLASS_DURABLE);
	int async = storage_database_of_class(storage, CLASS_ASYNC);
	int cache = storage_database_of_class(storage, CLASS_CACHE);
	/* Durable and async databases share their tables. */
	int logged = durable >= 0 ? durable : async;

	flush->pending = (logged >= 0) + (cache >= 0);
	if (logged >= 0)
		send_flush(request, logged, true);
	if (cache >= 0)
		send_flush(request, cache, true);
}

void
cmd_flushall(struct request *request)
{
	if (!read_flush_option(request))
		return;
	request->state = request_allocate(request, sizeof(struct flush));
	*(struct flush *)request->state = (struct flush){ 0 };
	request->server->host->settle(request, flush_all, request);
}

static void
swapdb_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	const int *databases = request->state;

	if (request_failed(request, result))
		return;
	reply_simple(&request->reply, "OK");
	blocking_finish_swap(request, databases[0], databases[1]);
}

static void
swap(void *arg)
{
	struct request *request = arg;
	const int *databases = request->state;
	struct call *call =
		call_new(request->store, SQL_keys_swap, swapdb_done, request);

	call_bind_int32(call, databases[0]);
	call_bind_int32(call, databases[1]);
	call_send_route(call, ROUTE_JOINT, databases[0]);
}

void
cmd_swapdb(struct request *request)
{
	int *databases = request_allocate(request, 2 * sizeof(*databases));
	int *first = &databases[0], *second = &databases[1];

	if (!keys_read_database(
		    request, 1, "ERR invalid first DB index", first) ||
		!keys_read_database(
			request, 2, "ERR invalid second DB index", second) ||
		!keys_have_one_class(request, *first, *second))
		return;
	request->state = databases;
	request->server->host->settle(request, swap, request);
}
