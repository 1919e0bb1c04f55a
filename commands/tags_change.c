/* Changing all keys of tags: TAG INVALIDATE, TAG TOUCH.
 *
 *	start ──few──▶ done, in one transaction
 *	 │ ▲ └─somebody holds a key──▶ a moment later
 *	 │ └─────────────────────────────┘
 *	 │many, or held for too long
 *	 ▼
 *	step ─▶ step ─▶ … ─▶ done
 *
 * A transaction that changed a million rows would hold all their locks for
 * seconds, and who writes one of these keys would hold up its lane.  So what is
 * many is done a few thousand at a time, without waiting for anybody, on the
 * connections for slow work, where other calls go in between.  What is to be
 * done is committed before the first step; should the process end, the sweeper
 * goes on. */
#include "commands/tags.h"

#include "commands/request.h"
#include "storage/call.h"
#include "storage/result.h"
#include "storage/store.h"

#include <event2/event.h>
#include <event2/util.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>

enum {
	/* Rows that one transaction may change. */
	FEW = 2000,
	STARTS_MAX = 6,
	/* Between attempts at what somebody holds; doubled each time. */
	DELAY_FIRST_MS = 2,
	DELAY_LAST_MS = 128,
	TOUCH_SECONDS_MAX = INT32_MAX,
};

/* Answers of tag_start. */
enum { START_STATE, START_COUNT, START_WORK };
enum { STATE_DONE, STATE_HELD, STATE_MANY };
/* Answers of tag_step. */
enum { STEP_DONE, STEP_MORE, STEP_HELD };

struct change {
	struct request *request;
	struct tag_filter filter;
	const char *operation; /* as in respgres.tag_work */
	int64_t ttl_ms;
	int starts;
	int delay_ms;
	int64_t count; /* of the keys */
	int64_t work;
};

static void
wait_a_moment(struct change *change, event_callback_fn again)
{
	struct timeval delay = { 0, change->delay_ms * 1000 };

	if (change->delay_ms < DELAY_LAST_MS)
		change->delay_ms *= 2;
	event_base_once(store_event_base(change->request->store), -1,
		EV_TIMEOUT, again, change, &delay);
}

/* --- steps ----------------------------------------------------------- */

static void send_step(struct change *change);

static void
on_step(evutil_socket_t socket, short what, void *arg)
{
	(void)socket;
	(void)what;
	send_step(arg);
}

static void
step_done(void *arg, const struct result *result)
{
	struct change *change = arg;

	if (request_failed(change->request, result))
		return;
	switch (result_int64(result, 0, 0)) {
	case STEP_MORE:
		change->delay_ms = DELAY_FIRST_MS;
		send_step(change);
		break;
	case STEP_HELD:
		wait_a_moment(change, on_step);
		break;
	default:
		request_reply_integer(change->request, change->count);
	}
}

static void
send_step(struct change *change)
{
	struct call *call = call_new(
		change->request->store, SQL_tag_step, step_done, change);

	call_bind_int64(call, change->work);
	call_run_alone(call);
	call_send_route(call, ROUTE_BULK, change->request->db);
}

/* --- the start ------------------------------------------------------- */

static void send_start(struct change *change);

static void
on_start(evutil_socket_t socket, short what, void *arg)
{
	(void)socket;
	(void)what;
	send_start(arg);
}

static void
started(void *arg, const struct result *result)
{
	struct change *change = arg;
	struct request *request = change->request;

	if (request_failed(request, result))
		return;
	switch (result_int64(result, 0, START_STATE)) {
	case STATE_HELD:
		wait_a_moment(change, on_start);
		break;
	case STATE_MANY:
		change->count = result_int64(result, 0, START_COUNT);
		change->work = result_int64(result, 0, START_WORK);
		change->delay_ms = DELAY_FIRST_MS;
		send_step(change);
		break;
	default:
		request_reply_integer(
			request, result_int64(result, 0, START_COUNT));
	}
}

static void
send_start(struct change *change)
{
	struct request *request = change->request;
	struct call *call =
		call_new(request->store, SQL_tag_start, started, change);

	tags_bind_filter(request, call, &change->filter);
	call_bind_text(call, change->operation);
	call_bind_optional_int64(call, change->ttl_ms != 0, change->ttl_ms);
	/* What is held for long is taken for many, and done in steps. */
	call_bind_int64(call, ++change->starts < STARTS_MAX ? FEW : 0);
	/* Its locks should not last as long as a neighbour's work. */
	call_run_alone(call);
	call_send_route(call, ROUTE_BULK, request->db);
}

/* --- commands -------------------------------------------------------- */

static struct change *
new_change(struct request *request)
{
	struct change *change = request_allocate(request, sizeof(*change));

	*change = (struct change){
		.request = request,
		.delay_ms = DELAY_FIRST_MS,
	};
	return change;
}

void
tags_run_invalidate(struct request *request)
{
	struct change *change = new_change(request);

	if (!tags_read_filter(request, TAG_WITH_SOFT, &change->filter))
		return;
	change->operation = change->filter.soft ? "s" : "d";
	send_start(change);
}

void
tags_run_touch(struct request *request)
{
	struct change *change = new_change(request);
	int64_t seconds;

	if (!request_read_int64(request, request->argc - 1, &seconds))
		return;
	if (seconds < 1 || seconds > TOUCH_SECONDS_MAX) {
		request_reply_errorf(request, "ERR the seconds must be 1 to %d",
			TOUCH_SECONDS_MAX);
		return;
	}
	change->filter.tags = tags_between(request, 2, request->argc - 1);
	change->ttl_ms = seconds * 1000;
	change->operation = "t";
	send_start(change);
}
