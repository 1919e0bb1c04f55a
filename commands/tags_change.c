/* Changing all keys of tags: TAG INVALIDATE, TAG TOUCH.
 *
 *	start ──few──▶ done in one transaction
 *	  │ │└─somebody holds a key──▶ the same, alone on the joint lane
 *	  │many
 *	  ▼
 *	step ─▶ step ─▶ … ─▶ done
 *
 * A transaction that changed a million rows would hold all their locks for
 * seconds, and who writes one of these keys would hold up its lane.  So what is
 * many is done a few thousand at a time, without waiting for anybody, on the
 * connections for slow work, where other calls go in between.  What is to be
 * done is committed before the first step; should the process end, the sweeper
 * goes on. */
#include "commands/tags.h"

#include "commands/reply.h"
#include "commands/request.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stddef.h>
#include <stdint.h>

enum {
	/* Rows that one transaction may change. */
	FEW = 2000,
	STEPS_AT_ONCE = 2,
	TOUCH_SECONDS_MAX = INT32_MAX,
};

/* Answers of tag_start. */
enum { START_STATE, START_COUNT, START_WORK };
enum { STATE_DONE, STATE_HELD, STATE_MANY };

struct change {
	struct request *request;
	struct tag_filter filter;
	const char *operation; /* as in respgres.tag_work */
	int64_t ttl_ms;
	int64_t count; /* of the keys */
	int64_t work;
	int in_flight; /* steps */
	bool failed; /* one of them */
};

static void
changed_done(void *arg, const struct result *result)
{
	struct change *change = arg;

	if (!request_failed(change->request, result))
		request_reply_integer(
			change->request, result_int64(result, 0, 0));
}

static void send_step(struct change *change);

static void
step_done(void *arg, const struct result *result)
{
	struct change *change = arg;
	bool failed = result->status != STORE_OK;

	change->in_flight--;
	if (!failed && !change->failed && result_int64(result, 0, 0)) {
		send_step(change);
		return;
	}
	change->failed = change->failed || failed;
	if (change->in_flight > 0)
		return;
	if (failed)
		request_failed(change->request, result);
	else if (change->failed)
		request_reply_error(change->request,
			"ERR the work could not be ended here and goes on in "
			"the background");
	else
		request_reply_integer(change->request, change->count);
}

static void
send_step(struct change *change)
{
	struct call *call = call_new(
		change->request->store, SQL_tag_step, step_done, change);

	change->in_flight++;
	call_bind_int64(call, change->work);
	call_run_alone(call);
	call_send_route(call, ROUTE_BULK, change->request->db);
}

static void
bind_change(struct call *call, const struct change *change)
{
	tags_bind_filter(change->request, call, &change->filter);
	call_bind_text(call, change->operation);
	if (change->ttl_ms == 0)
		call_bind_null(call, VALUE_INT64);
	else
		call_bind_int64(call, change->ttl_ms);
}

static void
started(void *arg, const struct result *result)
{
	struct change *change = arg;
	struct request *request = change->request;
	struct call *call;

	if (request_failed(request, result))
		return;
	switch (result_int64(result, 0, START_STATE)) {
	case STATE_HELD:
		call = call_new(
			request->store, SQL_tag_change, changed_done, change);
		bind_change(call, change);
		call_send_route(call, ROUTE_JOINT, request->db);
		break;
	case STATE_MANY:
		change->count = result_int64(result, 0, START_COUNT);
		change->work = result_int64(result, 0, START_WORK);
		for (int i = 0; i < STEPS_AT_ONCE; i++)
			send_step(change);
		break;
	default:
		request_reply_integer(
			request, result_int64(result, 0, START_COUNT));
	}
}

static void
start(struct change *change)
{
	struct request *request = change->request;
	struct call *call =
		call_new(request->store, SQL_tag_start, started, change);

	bind_change(call, change);
	call_bind_int64(call, FEW);
	/* Its locks should not last as long as a neighbour's work. */
	call_run_alone(call);
	call_send_route(call, ROUTE_BULK, request->db);
}

void
tags_run_invalidate(struct request *request)
{
	struct change *change = request_allocate(request, sizeof(*change));

	*change = (struct change){ .request = request };
	if (!tags_read_filter(request, TAG_WITH_SOFT, &change->filter))
		return;
	change->operation = change->filter.soft ? "s" : "d";
	start(change);
}

void
tags_run_touch(struct request *request)
{
	struct change *change = request_allocate(request, sizeof(*change));
	int64_t seconds;

	*change = (struct change){ .request = request, .operation = "t" };
	if (!request_read_int64(request, request->argc - 1, &seconds))
		return;
	if (seconds < 1 || seconds > TOUCH_SECONDS_MAX) {
		request_reply_errorf(request, "ERR the seconds must be 1 to %d",
			TOUCH_SECONDS_MAX);
		return;
	}
	change->filter.tags = tags_between(request, 2, request->argc - 1);
	change->ttl_ms = seconds * 1000;
	start(change);
}
