/* SNAPSHOT DELETE, PIN, UNPIN, CLEANUP, POLICY and FORK. */
#include "commands/snapshots.h"

#include "commands/reply.h"
#include "commands/request.h"
#include "storage/call.h"
#include "storage/result.h"

#include <string.h>

static void
reply_count(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (!request_failed(request, result))
		request_reply_integer(request, result_int64(result, 0, 0));
}

/* The ids from argv[2] on, with commas between; what is none is left out. */
static const char *
join_ids(struct request *request)
{
	char *joined = request_allocate(request, (size_t)request->argc * 41);
	size_t size = 0;

	for (int i = 2; i < request->argc; i++) {
		struct bytes id = request->argv[i];

		if (!snapshot_is_id(id))
			continue;
		if (size > 0)
			joined[size++] = ',';
		memcpy(joined + size, id.data, id.size);
		size += id.size;
	}
	joined[size] = '\0';
	return joined;
}

static struct call *
new_ids_call(struct request *request, enum statement_id id)
{
	struct call *call = call_new(request->store, id, reply_count, request);

	call_bind_int32(call, request->db);
	call_bind_text(call, join_ids(request));
	return call;
}

void
cmd_snapshot_delete(struct request *request)
{
	call_send_route(new_ids_call(request, SQL_snapshot_delete), ROUTE_BULK,
		request->db);
}

static void
set_pin(struct request *request, bool pinned)
{
	struct call *call = new_ids_call(request, SQL_snapshot_pin);

	call_bind_bool(call, pinned);
	call_send_route(call, ROUTE_BULK, request->db);
}

void
cmd_snapshot_pin(struct request *request)
{
	set_pin(request, true);
}

void
cmd_snapshot_unpin(struct request *request)
{
	set_pin(request, false);
}

/* --- CLEANUP, POLICY ------------------------------------------------- */

static void
bind_limits(struct call *call, const struct snapshot_options *options)
{
	call_bind_optional_int64(call, snapshot_has(options, WORD(KEEP)),
		options->numbers[WORD_KEEP]);
	call_bind_optional_int64(call, snapshot_has(options, WORD(OLDER)),
		options->numbers[WORD_OLDER] * 1000);
}

static void
cleanup_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	reply_map(&request->reply, 2);
	reply_bulk_text(&request->reply, "deleted");
	reply_integer(&request->reply, result->row_count);
	reply_bulk_text(&request->reply, "ids");
	reply_array(&request->reply, (size_t)result->row_count);
	for (int row = 0; row < result->row_count; row++)
		reply_bulk(&request->reply, result_bytes(result, row, 0));
	request_finish(request);
}

void
cmd_snapshot_cleanup(struct request *request)
{
	struct snapshot_options options;
	struct call *call;

	if (!snapshot_read_options(request, 2,
		    WORD(AGENT) | WORD(KEEP) | WORD(OLDER) | WORD(DRYRUN),
		    &options))
		return;
	if (!snapshot_has(&options, WORD(KEEP) | WORD(OLDER))) {
		request_reply_error(request,
			"ERR syntax error, expected KEEP count, OLDER seconds "
			"or both");
		return;
	}
	call = call_new(
		request->store, SQL_snapshot_cleanup, cleanup_done, request);
	call_bind_int32(call, request->db);
	call_bind_optional_bytes(call, snapshot_has(&options, WORD(AGENT)),
		options.values[WORD_AGENT]);
	bind_limits(call, &options);
	call_bind_bool(call, snapshot_has(&options, WORD(DRYRUN)));
	call_send_route(call, ROUTE_BULK, request->db);
}

static void
policy_read(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	if (result->row_count == 0) {
		request_reply_null(request);
		return;
	}
	snapshot_reply_row(request, result, 0, 0);
	request_finish(request);
}

static void
policy_set(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (!request_failed(request, result))
		request_reply_ok(request);
}

void
cmd_snapshot_policy(struct request *request)
{
	struct snapshot_options options;
	struct bytes agent = request->argv[2];
	struct call *call;
	bool none, limits;

	if (!snapshot_read_options(request, 3,
		    WORD(KEEP) | WORD(OLDER) | WORD(NONE), &options))
		return;
	none = snapshot_has(&options, WORD(NONE));
	limits = snapshot_has(&options, WORD(KEEP) | WORD(OLDER));
	if (none && limits) {
		request_reply_error(request,
			"ERR syntax error, expected NONE alone, or KEEP and "
			"OLDER");
		return;
	}
	if (agent.size == 0 || agent.size > 1024) {
		request_reply_error(
			request, "ERR the agent must have 1 to 1024 bytes");
		return;
	}
	call = call_new(request->store,
		none || limits ? SQL_snapshot_policy_set :
				 SQL_snapshot_policy_get,
		none || limits ? policy_set : policy_read, request);
	call_bind_int32(call, request->db);
	call_bind_bytes(call, agent);
	if (none || limits)
		bind_limits(call, &options);
	call_send_route(call, ROUTE_BULK, request->db);
}

/* --- FORK ------------------------------------------------------------ */

static void
forked(void *arg, const struct result *result)
{
	struct request *request = arg;
	struct snapshot_error error = { "" };

	if (snapshot_failed(&error, result, true))
		snapshot_reply_failed(request, &error);
	else
		request_reply_bulk(request, result_bytes(result, 0, 1));
}

void
cmd_snapshot_fork(struct request *request)
{
	struct bytes id = request->argv[2];
	struct call *call;

	if (!snapshot_is_id(id)) {
		request_reply_error(request, "ERR no such snapshot");
		return;
	}
	call = call_new(request->store, SQL_snapshot_fork, forked, request);
	call_bind_int32(call, request->db);
	call_bind_text(call, request_copy_text(request, id));
	call_bind_bytes(call, request->argv[3]);
	call_send_route(call, ROUTE_BULK, request->db);
}
