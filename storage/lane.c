/* The queue, batches on their way out and answers on theirs back; see lane.h.
 * What goes wrong is sorted out in lane_recovery.c. */
#include "storage/lane.h"

#include "storage/base/clock.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/batch.h"
#include "storage/gate.h"
#include "storage/lane_session.h"
#include "storage/lane_state.h"
#include "storage/link.h"
#include "storage/store.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

enum {
	/* After a commit of this many calls the lane waits a moment for their
	 * clients to come back; see start_gathering(). */
	GATHER_CALLS_MIN = 8,
	GATHER_MS = 1,
	GATHER_PAUSE_FIRST = 16, /* batches */
	GATHER_PAUSE_LAST = 1024,
	/* Above it the connection is renewed after the batch: libpq keeps
	 * its buffers at the largest size they had. */
	BATCH_SIZE_KEPT_MAX = 16 << 20,
};

static const struct step commit_step = { STEP_COMMIT, 0 };

static void on_connected(void *arg);
static void on_result(void *arg, PGresult *result);
static void on_synced(void *arg);
static void on_lost(void *arg, const char *reason);

static const struct link_handlers link_handlers = {
	.connected = on_connected,
	.result = on_result,
	.synced = on_synced,
	.lost = on_lost,
};

/* --- the queue ------------------------------------------------------- */

void
lane_enqueue(struct lane *lane, struct call *call)
{
	call->next = NULL;
	*lane->tail = call;
	lane->tail = &call->next;
	lane->queued++;
	store_mark_dirty(lane->store, lane);
}

static void
complete_batch(struct batch *batch)
{
	for (int i = 0; i < batch->group_count; i++) {
		struct batch_group *group = &batch->groups[i];

		for (int j = 0; j < group->call_count; j++)
			if (group->calls[j] != NULL)
				call_complete(group->calls[j]);
	}
	batch_clear(batch);
}

/* --- sending --------------------------------------------------------- */

static void
add_step(struct lane *lane, enum step_kind kind, int index)
{
	if (lane->step_count == lane->step_capacity) {
		lane->step_capacity = lane->step_capacity * 2 + 16;
		lane->steps = memory_resize(lane->steps,
			(size_t)lane->step_capacity * sizeof(*lane->steps));
	}
	lane->steps[lane->step_count++] = (struct step){ kind, index };
}

static bool
prepare(struct lane *lane, enum statement_id id)
{
	const struct statement *statement = statement_get(id);

	if (lane->prepared[id])
		return true;
	if (lane->texts[id] == NULL)
		lane->texts[id] = statement_text_for_schema(
			statement->text, lane->schema);
	add_step(lane, STEP_PREPARE, (int)id);
	lane->prepared[id] = true;
	return link_send_prepare(lane->link, statement->name, lane->texts[id]);
}

static bool
send_mark(struct lane *lane)
{
	if (!prepare(lane, SQL_lane_mark))
		return false;
	add_step(lane, STEP_MARK, 0);
	return lane_session_send_mark(
		&lane->session, lane->link, lane->batch_number);
}

/* A broken link reports itself from the loop, so errors are not handled
 * here. */
static void
send_batch(struct lane *lane)
{
	bool sent = true;

	lane->in_flight = true;
	lane->failed = false;
	lane->step_count = lane->steps_answered = 0;
	if (lane->batch.writes) {
		lane->batch_number++;
		sent = send_mark(lane);
	}
	for (int i = 0; sent && i < lane->batch.group_count; i++) {
		struct batch_group *group = &lane->batch.groups[i];

		sent = prepare(lane, batch_group_statement(group));
		add_step(lane, STEP_GROUP, i);
		if (group->calls[0]->on_rows != NULL)
			link_split_next(lane->link);
		sent = sent &&
			batch_send_group(&lane->batch, group, lane->link);
	}
	if (sent)
		link_sync(lane->link);
	lane_count(&lane->counters.batches, 1);
	lane_count(&lane->counters.calls, (uint64_t)lane->batch.call_count);
	lane_count(
		&lane->counters.statements, (uint64_t)lane->batch.group_count);
	lane_count(&lane->counters.bytes_out, lane->batch.size);
	lane->renew = lane->renew || lane->batch.size > BATCH_SIZE_KEPT_MAX;
}

static void
count_waits(struct lane *lane, int64_t queued_us, int calls)
{
	uint64_t wait_us = (uint64_t)(lane->sent_us - queued_us);

	if (calls == 0)
		return;
	lane->waits[latency_bucket(wait_us)] += (uint32_t)calls;
	lane_count(&lane->counters.wait_us, wait_us * (uint64_t)calls);
}

static void
fill_batch(struct lane *lane)
{
	int most = storage_options(store_storage(lane->store))->batch_max;
	/* Calls of one turn have waited equally long. */
	int64_t queued_us = 0;
	int alike = 0;

	lane->sent_us = clock_monotonic_us();
	if (lane->batch.one_write && lane->sent_us > lane->apart_until_us)
		lane->batch.one_write = false;
	while (lane->head != NULL && lane->batch.call_count < most) {
		struct call *call = lane->head;

		/* The batch takes over call->next's neighbours only after
		 * the call itself was accepted. */
		if (!batch_add(&lane->batch, call))
			break;
		lane->head = call->next;
		if (lane->head == NULL)
			lane->tail = &lane->head;
		lane->queued--;
		if (call->waited)
			continue;
		call->waited = true;
		if (call->queued_us != queued_us) {
			count_waits(lane, queued_us, alike);
			queued_us = call->queued_us;
			alike = 0;
		}
		alike++;
	}
	count_waits(lane, queued_us, alike);
}

static bool
enter_gate(struct lane *lane)
{
	if (lane->gate == NULL)
		return true;
	lane->in_gate = gate_enter(lane->gate, lane, lane->kind == LANE_JOINT);
	lane->waiting_for_gate = !lane->in_gate;
	return lane->in_gate;
}

static void
leave_gate(struct lane *lane)
{
	if (lane->in_gate)
		gate_leave(lane->gate, lane->kind == LANE_JOINT);
	else if (lane->waiting_for_gate)
		gate_cancel(lane->gate, lane, lane->kind == LANE_JOINT);
	lane->in_gate = lane->waiting_for_gate = false;
}

static void
connect_link(struct lane *lane)
{
	const struct storage_options *options =
		storage_options(store_storage(lane->store));

	if (lane->link == NULL)
		lane->link = link_new(store_event_base(lane->store),
			options->conninfo, lane->name, &link_handlers, lane);
}

/* A commit costs the same for one call and for a hundred.  Clients that were
 * just answered are about to send their next commands: a batch that waits for
 * most of them is fuller than one with only those that came too late for the
 * last.  Where that proves wrong, the lane does not try again for a while. */
static void
start_gathering(struct lane *lane, int answered)
{
	struct timeval most = { 0, GATHER_MS * 1000 };

	if (lane->gather_pause > 0) {
		lane->gather_pause--;
		return;
	}
	if (answered < GATHER_CALLS_MIN)
		return;
	lane->gather_until = lane->queued +
		answered * 3 /
			(4 * storage_point_lanes(store_storage(lane->store)));
	event_add(lane->gather, &most);
}

static bool
is_gathering(struct lane *lane)
{
	if (!event_pending(lane->gather, EV_TIMEOUT, NULL))
		return false;
	if (lane->queued < lane->gather_until)
		return true;
	event_del(lane->gather);
	lane->gather_next_pause = GATHER_PAUSE_FIRST;
	return false;
}

static void
on_gather(evutil_socket_t socket, short what, void *arg)
{
	struct lane *lane = arg;

	(void)socket;
	(void)what;
	lane->gather_pause = lane->gather_next_pause;
	if (lane->gather_next_pause < GATHER_PAUSE_LAST)
		lane->gather_next_pause *= 2;
	store_mark_dirty(lane->store, lane);
}

void
lane_flush(struct lane *lane)
{
	if (lane->in_flight || event_pending(lane->retry, EV_TIMEOUT, NULL) ||
		is_gathering(lane))
		return;
	if (lane->head == NULL) {
		leave_gate(lane);
		return;
	}
	if (!lane->ready) {
		connect_link(lane);
		lane_watch_deadlines(lane);
		return;
	}
	if (lane->kind != LANE_ADMIN &&
		storage_is_paused(store_storage(lane->store)))
		return;
	if (!enter_gate(lane))
		return;
	fill_batch(lane);
	send_batch(lane);
}

/* --- answers --------------------------------------------------------- */

static void
remember_failure(struct lane *lane, const PGresult *result, struct step step)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message =
		PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	if (lane->failed)
		return;
	lane->failed = true;
	lane->failed_step = step;
	lane_count(&lane->counters.errors, 1);
	snprintf(lane->sqlstate, sizeof(lane->sqlstate), "%s",
		sqlstate ? sqlstate : "XX000");
	snprintf(lane->error, sizeof(lane->error), "%s",
		message ? message : "unknown error");
}

static void
count_bytes_in(struct lane *lane, const PGresult *set)
{
	int rows = PQntuples(set), columns = PQnfields(set);
	uint64_t size = 0;

	for (int row = 0; row < rows; row++)
		for (int column = 0; column < columns; column++)
			size += (uint64_t)PQgetlength(set, row, column);
	lane_count(&lane->counters.bytes_in, size);
}

static void
hand_out_rows(struct lane *lane, PGresult *set)
{
	int group = lane->steps[lane->steps_answered].index;
	struct call *call = lane->batch.groups[group].calls[0];
	struct result result = { .status = STORE_OK,
		.rows = rows_new(set),
		.row_count = PQntuples(set) };

	call->streaming = true;
	if (!call->on_rows(call->arg, &result))
		link_pause(lane->link);
	rows_release(result.rows);
}

void
lane_resume(struct lane *lane)
{
	link_resume(lane->link);
}

static void
on_result(void *arg, PGresult *result)
{
	struct lane *lane = arg;
	ExecStatusType status = PQresultStatus(result);
	struct step step;

	if (!lane->ready) {
		lane_session_result(&lane->session, result);
		return;
	}
	count_bytes_in(lane, result);
	if (status == PGRES_SINGLE_TUPLE) {
		hand_out_rows(lane, result);
		return;
	}
	step = lane->steps_answered < lane->step_count ?
		lane->steps[lane->steps_answered++] :
		commit_step;
	if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
		/* An aborted prepare was never run; neither was a failed
		 * one. */
		if (step.kind == STEP_PREPARE)
			lane->prepared[step.index] = false;
		if (status != PGRES_PIPELINE_ABORTED)
			remember_failure(lane, result, step);
		PQclear(result);
	} else if (step.kind == STEP_GROUP) {
		lane->batch.groups[step.index].result = result;
	} else {
		PQclear(result);
	}
}

/* The next batch is sent before this one's calls are answered, so that
 * PostgreSQL has work meanwhile. */
static void
share_results(struct lane *lane)
{
	struct batch answered = lane->batch;
	int count_answered = answered.call_count;
	bool committed = answered.writes && lane->synchronous;

	lane->batch = lane->spare;
	lane->batch.one_write = answered.one_write;
	lane->retries = 0;
	if (!lane->renew && lane->head != NULL)
		lane_flush(lane);
	for (int i = 0; i < answered.group_count; i++)
		if (!batch_share_result(&answered.groups[i]))
			log_event(LOG_WARNING, "rows do not fit their calls",
				"statement",
				log_text(statement_get(answered.groups[i].id)
						 ->name),
				NULL);
	complete_batch(&answered);
	lane->spare = answered;
	if (committed && !lane->in_flight)
		start_gathering(lane, count_answered);
}

static void
session_ready(struct lane *lane)
{
	if (!lane_session_ok(&lane->session)) {
		log_event(LOG_WARNING, "database session refused", "connection",
			log_text(lane->name), "error",
			log_text(lane->session.error), NULL);
		link_set_error(lane->link, lane->session.error);
		link_give_up(lane->link);
		return;
	}
	lane->ready = true;
	lane->idle_since_us = clock_monotonic_us();
	atomic_fetch_add(&lane->sessions, 1);
	link_accept(lane->link);
	event_del(lane->tick);
	lane_resolve_batch(lane);
	if (lane->head != NULL || lane->renew || lane->retired)
		store_mark_dirty(lane->store, lane);
}

static void
renew(struct lane *lane)
{
	lane->renew = false;
	lane->ready = false;
	lane->session.old_pid = link_backend_pid(lane->link);
	memset(lane->prepared, 0, sizeof(lane->prepared));
	link_renew(lane->link);
}

static void
end_batch(struct lane *lane)
{
	lane->in_flight = false;
	lane->idle_since_us = clock_monotonic_us();
	lane_count(&lane->counters.busy_us,
		(uint64_t)(lane->idle_since_us - lane->sent_us));
}

static void
on_synced(void *arg)
{
	struct lane *lane = arg;

	if (!lane->ready) {
		session_ready(lane);
		return;
	}
	end_batch(lane);
	leave_gate(lane);
	if (lane->failed)
		lane_handle_failure(lane);
	else
		share_results(lane);
	if (lane->head != NULL || lane->renew || lane->retired)
		store_mark_dirty(lane->store, lane);
}

static void
on_connected(void *arg)
{
	struct lane *lane = arg;

	lane->ready = false;
	memset(lane->prepared, 0, sizeof(lane->prepared));
	lane_session_start(&lane->session, lane->link, lane->schema,
		lane->synchronous,
		storage_options(store_storage(lane->store))->instance,
		lane->kind == LANE_POINT || lane->kind == LANE_JOINT ||
			lane->kind == LANE_BULK);
}

static void
on_lost(void *arg, const char *reason)
{
	struct lane *lane = arg;

	(void)reason;
	lane_count(&lane->counters.reconnects, 1);
	leave_gate(lane);
	if (lane->in_flight) {
		end_batch(lane);
		if (lane->batch.writes)
			lane->unresolved = true;
		else
			lane_requeue_batch(lane);
	}
	lane->ready = false;
	if (lane->head != NULL || lane->unresolved)
		lane_watch_deadlines(lane);
}

/* --- life ------------------------------------------------------------ */

struct lane *
lane_new(struct store *store, enum lane_kind kind, enum schema schema,
	bool synchronous, int index, int64_t id, struct gate *gate,
	bool connect)
{
	static const char *const kinds[] = { "point", "joint", "bulk", "stream",
		"admin" };
	struct lane *lane = memory_allocate_zeroed(1, sizeof(*lane));
	struct event_base *base = store_event_base(store);

	lane->store = store;
	lane->kind = kind;
	lane->schema = schema;
	lane->synchronous = synchronous;
	lane->created_us = clock_monotonic_us();
	lane->gate = gate;
	lane->tail = &lane->head;
	batch_init(&lane->batch);
	batch_init(&lane->spare);
	snprintf(lane->name, sizeof(lane->name), "respgres %s %s %d",
		schema == SCHEMA_UNLOGGED ? "cache" :
			synchronous       ? "durable" :
					    "async",
		kinds[kind], index);
	lane_session_init(&lane->session, id);
	lane->tick = evtimer_new(base, lane_on_tick, lane);
	lane->retry = evtimer_new(base, lane_on_retry, lane);
	lane->gather = evtimer_new(base, on_gather, lane);
	lane->gather_next_pause = GATHER_PAUSE_FIRST;
	if (connect)
		connect_link(lane);
	return lane;
}

void
lane_free(struct lane *lane)
{
	if (lane == NULL)
		return;
	link_free(lane->link);
	event_free(lane->tick);
	event_free(lane->retry);
	event_free(lane->gather);
	batch_release(&lane->batch);
	batch_release(&lane->spare);
	for (int i = 0; i < STATEMENT_COUNT; i++)
		free(lane->texts[i]);
	free(lane->steps);
	free(lane);
}

struct store *
lane_store(const struct lane *lane)
{
	return lane->store;
}

void
lane_wake(struct lane *lane)
{
	store_post_wake(lane->store, lane);
}

void
lane_revive(struct lane *lane, bool connect)
{
	lane->retired = false;
	if (connect)
		connect_link(lane);
}

void
lane_retire(struct lane *lane)
{
	lane->retired = true;
	store_mark_dirty(lane->store, lane);
}

bool
lane_close(struct lane *lane)
{
	if (lane->link == NULL || !lane_is_empty(lane))
		return false;
	leave_gate(lane);
	link_free(lane->link);
	lane->link = NULL;
	lane->ready = lane->renew = false;
	/* Nothing is left of it to wait for or to end. */
	lane->session.old_pid = 0;
	memset(lane->prepared, 0, sizeof(lane->prepared));
	return true;
}

void
lane_renew(struct lane *lane)
{
	lane->renew = true;
	store_mark_dirty(lane->store, lane);
}

bool
lane_mark_dirty(struct lane *lane, struct lane *next)
{
	if (lane->dirty)
		return false;
	lane->dirty = true;
	lane->next_dirty = next;
	return true;
}

/* Called by the store just before lane_flush(), outside the link's own
 * handlers: here the link may be renewed. */
struct lane *
lane_take_next_dirty(struct lane *lane)
{
	struct lane *next = lane->next_dirty;

	lane->dirty = false;
	lane->next_dirty = NULL;
	if (lane->retired)
		lane_close(lane);
	else if (lane->renew && !lane->in_flight && lane->ready)
		renew(lane);
	return next;
}
