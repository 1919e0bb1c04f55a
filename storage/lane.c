/* Sends batches, sorts out failures, resolves lost commits; see lane.h. */
#include "storage/lane.h"

#include "storage/base/clock.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/batch.h"
#include "storage/gate.h"
#include "storage/lane_session.h"
#include "storage/link.h"
#include "storage/store.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

enum {
	TICK_MS = 100, /* between looks at deadlines while disconnected */
	/* After a commit of this many calls the lane waits a moment for their
	 * clients to come back; see start_gathering(). */
	GATHER_CALLS_MIN = 8,
	GATHER_MS = 1,
	GATHER_PAUSE_FIRST = 16, /* batches */
	GATHER_PAUSE_LAST = 1024,
	/* After a deadlock, for so long one writing statement a batch. */
	APART_MS = 30000,
	RETRIES_MAX = 50,
	RETRY_DELAY_MAX_MS = 50,
	/* Above it the connection is renewed after the batch: libpq keeps
	 * its buffers at the largest size they had. */
	BATCH_SIZE_KEPT_MAX = 16 << 20,
};

enum step_kind { STEP_MARK, STEP_PREPARE, STEP_GROUP, STEP_COMMIT };

/* What the next result answers. */
struct step {
	enum step_kind kind;
	int index; /* a statement, or a group */
};

static const struct step commit_step = { STEP_COMMIT, 0 };

struct lane {
	struct store *store;
	struct gate *gate;
	enum lane_kind kind;
	enum schema schema;
	bool synchronous;
	struct lane_session session;
	struct link *link;
	struct event *tick, *retry, *gather;
	char name[64];
	struct lane *next_dirty;
	bool dirty;

	struct call *head, **tail;
	int queued;
	int gather_until; /* calls in the queue that end the gathering */
	int gather_pause; /* batches to go without gathering */
	int gather_next_pause;

	struct batch batch; /* in flight, or being filled */
	struct batch spare; /* empty */
	bool in_flight; /* sent, not synced */
	bool in_gate, waiting_for_gate;
	int64_t batch_number;
	bool unresolved; /* the batch was lost with its connection */
	int retries;
	int64_t apart_until_us; /* see stay_apart() */
	bool renew;

	struct step *steps;
	int step_count, step_capacity, steps_answered;
	bool failed;
	struct step failed_step;
	char sqlstate[6];
	char error[160];

	atomic_bool ready; /* the session is set up */
	atomic_int backend_pid;
	bool prepared[STATEMENT_COUNT];
	char *texts[STATEMENT_COUNT]; /* for this lane's schema, when used */
	struct {
		_Atomic uint64_t batches, calls, statements, retries,
			reconnects, errors;
	} counters; /* written here only, read by any thread */
};

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

static void
count(_Atomic uint64_t *counter, int more)
{
	atomic_fetch_add_explicit(
		counter, (uint64_t)more, memory_order_relaxed);
}

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

/* Puts the batch's calls back before all others, in their order. */
static void
requeue_batch(struct lane *lane)
{
	struct call *first = NULL, **tail = &first;

	for (int i = 0; i < lane->batch.group_count; i++) {
		struct batch_group *group = &lane->batch.groups[i];

		for (int j = 0; j < group->call_count; j++) {
			struct call *call = group->calls[j];

			if (call == NULL)
				continue;
			rows_release(call->result.rows);
			call->result.rows = NULL;
			*tail = call;
			tail = &call->next;
			lane->queued++;
		}
	}
	if (first != NULL) {
		*tail = lane->head;
		if (lane->head == NULL)
			lane->tail = tail;
		lane->head = first;
	}
	batch_clear(&lane->batch);
	store_mark_dirty(lane->store, lane);
}

static void
complete_with(struct call *call, enum store_status status)
{
	call->result.status = status;
	call_complete(call);
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
		sent = sent &&
			batch_send_group(&lane->batch, group, lane->link);
	}
	if (sent)
		link_sync(lane->link);
	count(&lane->counters.batches, 1);
	count(&lane->counters.calls, lane->batch.call_count);
	count(&lane->counters.statements, lane->batch.group_count);
	lane->renew = lane->batch.size > BATCH_SIZE_KEPT_MAX;
}

/* Another process' lanes write the same keys, in another order.  One statement
 * locks in the order of its keys, so that such batches do not meet head-on. */
static void
stay_apart(struct lane *lane)
{
	lane->batch.one_write = true;
	lane->apart_until_us = clock_monotonic_us() + (int64_t)APART_MS * 1000;
}

static void
fill_batch(struct lane *lane)
{
	int most = storage_options(store_storage(lane->store))->batch_max;

	if (lane->batch.one_write &&
		clock_monotonic_us() > lane->apart_until_us)
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
	}
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
watch_deadlines(struct lane *lane)
{
	struct timeval interval = { 0, TICK_MS * 1000 };

	if (!event_pending(lane->tick, EV_TIMEOUT, NULL))
		event_add(lane->tick, &interval);
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
			(4 *
				storage_options(store_storage(lane->store))
					->lanes);
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
		watch_deadlines(lane);
		return;
	}
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
	count(&lane->counters.errors, 1);
	snprintf(lane->sqlstate, sizeof(lane->sqlstate), "%s",
		sqlstate ? sqlstate : "XX000");
	snprintf(lane->error, sizeof(lane->error), "%s",
		message ? message : "unknown error");
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

static bool
has_sqlstate(const struct lane *lane, const char *sqlstate)
{
	return strcmp(lane->sqlstate, sqlstate) == 0;
}

static void
retry_later(struct lane *lane)
{
	int most = lane->retries < RETRY_DELAY_MAX_MS ? lane->retries :
							RETRY_DELAY_MAX_MS;
	struct timeval delay = { 0, (int)(random() % (most * 1000 + 1)) };

	if (lane->retries > 1)
		event_add(lane->retry, &delay);
}

static void
set_alone(struct batch_group *group)
{
	for (int i = 0; i < group->call_count; i++)
		group->calls[i]->alone = true;
}

/* The group that failed; NULL: it may have been any. */
static struct batch_group *
failed_group(struct lane *lane)
{
	struct batch_group *groups = lane->batch.groups;
	int i = 0;

	if (lane->batch.group_count == 1)
		return &groups[0];
	switch (lane->failed_step.kind) {
	case STEP_PREPARE:
		/* Every group of that statement fails alike; take the
		 * first. */
		while (i + 1 < lane->batch.group_count &&
			(int)batch_group_statement(&groups[i]) !=
				lane->failed_step.index)
			i++;
		return &groups[i];
	case STEP_GROUP:
		return &groups[lane->failed_step.index];
	default:
		return NULL;
	}
}

/* The statement itself is at fault: its calls go on apart from each other,
 * a single one is answered with the error. */
static void
isolate_failure(struct lane *lane)
{
	struct batch_group *group = failed_group(lane);

	if (group == NULL) {
		for (int i = 0; i < lane->batch.group_count; i++)
			set_alone(&lane->batch.groups[i]);
		return;
	}
	if (group->call_count > 1) {
		set_alone(group);
		return;
	}
	log_event(LOG_WARNING, "statement failed", "statement",
		log_text(statement_get(group->id)->name), "sqlstate",
		log_text(lane->sqlstate), "error", log_text(lane->error), NULL);
	memcpy(group->calls[0]->result.sqlstate, lane->sqlstate,
		sizeof(lane->sqlstate));
	memcpy(group->calls[0]->result.error, lane->error, sizeof(lane->error));
	complete_with(group->calls[0], STORE_ERROR);
	group->calls[0] = NULL;
}

/* PostgreSQL rolled the whole batch back. */
static void
handle_failure(struct lane *lane)
{
	bool transient = has_sqlstate(lane, "40P01") ||
		has_sqlstate(lane, "40001") || has_sqlstate(lane, "55P03");

	lane->retries++;
	if (has_sqlstate(lane, "40P01"))
		stay_apart(lane);
	if (has_sqlstate(lane, "26000") || has_sqlstate(lane, "42P05")) {
		/* The server forgot our statements, or has them already. */
		for (int i = 0; i < STATEMENT_COUNT; i++)
			lane->prepared[i] = false;
		lane->renew = has_sqlstate(lane, "42P05");
	} else if (has_sqlstate(lane, "0A000")) {
		lane->renew = true; /* the tables changed under a plan */
	} else if (!transient) {
		isolate_failure(lane);
		lane->retries--;
	}
	if (lane->retries > RETRIES_MAX) {
		isolate_failure(lane);
		lane->retries = 0;
	}
	count(&lane->counters.retries, 1);
	requeue_batch(lane);
	if (transient)
		retry_later(lane);
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

/* The answer to a call of a batch that was committed unseen; STORE_BUSY: it
 * reads what nothing after it in the batch wrote, so it may read once more. */
static enum store_status
status_of_committed(struct lane *lane, int group, const struct call *call)
{
	const struct statement *statement = statement_get(call->id);

	if (statement->mode == SET_ALL)
		return STORE_OK;
	if (statement->write)
		return STORE_REPLY_LOST;
	if (batch_is_last_on_its_keys(&lane->batch, group, call))
		return STORE_BUSY;
	return STORE_DOWN;
}

/* Takes out and answers the calls that must not run again. */
static void
answer_committed(struct lane *lane)
{
	for (int i = 0; i < lane->batch.group_count; i++) {
		struct batch_group *group = &lane->batch.groups[i];

		for (int j = 0; j < group->call_count; j++) {
			struct call *call = group->calls[j];
			enum store_status status = call == NULL ?
				STORE_BUSY :
				status_of_committed(lane, i, call);

			if (status == STORE_BUSY)
				continue;
			complete_with(call, status);
			group->calls[j] = NULL;
		}
	}
}

/* After a new connection: what became of the batch that was in flight. */
static void
resolve_batch(struct lane *lane)
{
	bool committed = lane->session.last_batch == lane->batch_number;

	if (!lane->unresolved)
		return;
	lane->unresolved = false;
	log_event(LOG_NOTICE, "lost batch resolved", "connection",
		log_text(lane->name), "committed", log_int(committed), "calls",
		log_int(lane->batch.call_count), NULL);
	if (committed)
		answer_committed(lane);
	requeue_batch(lane);
}

static void
session_ready(struct lane *lane)
{
	if (!lane_session_ok(&lane->session)) {
		log_event(LOG_WARNING, "database session refused", "connection",
			log_text(lane->name), "error",
			log_text(lane->session.error), NULL);
		link_give_up(lane->link);
		return;
	}
	lane->ready = true;
	link_accept(lane->link);
	event_del(lane->tick);
	resolve_batch(lane);
	if (lane->head != NULL)
		store_mark_dirty(lane->store, lane);
}

static void
renew(struct lane *lane)
{
	lane->renew = lane->ready = false;
	lane->session.old_pid = link_backend_pid(lane->link);
	memset(lane->prepared, 0, sizeof(lane->prepared));
	link_renew(lane->link);
}

static void
on_synced(void *arg)
{
	struct lane *lane = arg;

	if (!lane->ready) {
		session_ready(lane);
		return;
	}
	lane->in_flight = false;
	leave_gate(lane);
	if (lane->failed)
		handle_failure(lane);
	else
		share_results(lane);
	if (lane->head != NULL || lane->renew)
		store_mark_dirty(lane->store, lane);
}

static void
on_connected(void *arg)
{
	struct lane *lane = arg;

	lane->ready = false;
	lane->backend_pid = link_backend_pid(lane->link);
	memset(lane->prepared, 0, sizeof(lane->prepared));
	lane_session_start(&lane->session, lane->link, lane->schema,
		lane->synchronous, lane->kind != LANE_BULK);
}

static void
on_lost(void *arg, const char *reason)
{
	struct lane *lane = arg;

	(void)reason;
	lane->backend_pid = 0;
	count(&lane->counters.reconnects, 1);
	leave_gate(lane);
	if (lane->in_flight) {
		lane->in_flight = false;
		if (lane->batch.writes)
			lane->unresolved = true;
		else
			requeue_batch(lane);
	}
	lane->ready = false;
	if (lane->head != NULL || lane->unresolved)
		watch_deadlines(lane);
}

/* --- deadlines ------------------------------------------------------- */

/* Deadlines are set when the database is first seen away, so that a healthy
 * lane need not read the clock for each call. */
static bool
is_overdue(struct lane *lane, struct call *call, int64_t now_us)
{
	if (call->deadline_us == 0)
		call->deadline_us = now_us +
			(int64_t)storage_options(store_storage(lane->store))
					->timeout_ms *
				1000;
	return call->deadline_us <= now_us;
}

/* Overdue calls are taken out first and answered then: a continuation may
 * queue another call. */
static void
expire_queue(struct lane *lane, int64_t now_us)
{
	struct call **link = &lane->head, *overdue = NULL, **last = &overdue;

	while (*link != NULL) {
		struct call *call = *link;

		if (!is_overdue(lane, call, now_us)) {
			link = &call->next;
			continue;
		}
		*link = call->next;
		call->next = NULL;
		*last = call;
		last = &call->next;
		lane->queued--;
	}
	lane->tail = link;
	while (overdue != NULL) {
		struct call *call = overdue;

		overdue = call->next;
		complete_with(call, STORE_DOWN);
	}
}

static void
expire_unresolved(struct lane *lane, int64_t now_us)
{
	for (int i = 0; i < lane->batch.group_count; i++) {
		struct batch_group *group = &lane->batch.groups[i];

		for (int j = 0; j < group->call_count; j++) {
			if (group->calls[j] == NULL ||
				!is_overdue(lane, group->calls[j], now_us))
				continue;
			complete_with(group->calls[j], STORE_UNKNOWN);
			group->calls[j] = NULL;
		}
	}
}

static void
on_tick(evutil_socket_t socket, short what, void *arg)
{
	struct lane *lane = arg;
	int64_t now_us = clock_monotonic_us();

	(void)socket;
	(void)what;
	if (lane->ready)
		return;
	if (lane->unresolved)
		expire_unresolved(lane, now_us);
	expire_queue(lane, now_us);
	if (lane->head != NULL || lane->unresolved)
		watch_deadlines(lane);
}

static void
on_retry(evutil_socket_t socket, short what, void *arg)
{
	struct lane *lane = arg;

	(void)socket;
	(void)what;
	store_mark_dirty(lane->store, lane);
}

/* --- life ------------------------------------------------------------ */

struct lane *
lane_new(struct store *store, enum lane_kind kind, enum schema schema,
	bool synchronous, int index, int64_t id, struct gate *gate,
	bool connect)
{
	static const char *const kinds[] = { "point", "joint", "bulk" };
	struct lane *lane = memory_allocate_zeroed(1, sizeof(*lane));
	struct event_base *base = store_event_base(store);

	lane->store = store;
	lane->kind = kind;
	lane->schema = schema;
	lane->synchronous = synchronous;
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
	lane->tick = evtimer_new(base, on_tick, lane);
	lane->retry = evtimer_new(base, on_retry, lane);
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

bool
lane_is_connected(const struct lane *lane)
{
	return lane->ready;
}

bool
lane_is_idle(const struct lane *lane)
{
	return lane->head == NULL && !lane->in_flight && !lane->unresolved;
}

struct lane_counters
lane_read_counters(const struct lane *lane)
{
	return (struct lane_counters){
		.batches = lane->counters.batches,
		.calls = lane->counters.calls,
		.statements = lane->counters.statements,
		.retries = lane->counters.retries,
		.reconnects = lane->counters.reconnects,
		.errors = lane->counters.errors,
	};
}

int
lane_backend_pid(const struct lane *lane)
{
	return lane->backend_pid;
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
	if (lane->renew && !lane->in_flight && lane->ready)
		renew(lane);
	return next;
}
