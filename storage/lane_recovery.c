/* Failed and lost batches, and calls that wait too long; see lane_state.h. */
#include "storage/lane.h"

#include "storage/base/clock.h"
#include "storage/base/log.h"
#include "storage/batch.h"
#include "storage/lane_session.h"
#include "storage/lane_state.h"
#include "storage/store.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

enum {
	TICK_MS = 100, /* between looks at deadlines while disconnected */
	/* After a deadlock, for so long one writing statement a batch. */
	APART_MS = 30000,
	RETRIES_MAX = 50,
	RETRY_DELAY_MAX_MS = 50,
};

static void
complete_with(struct call *call, enum store_status status)
{
	call->result.status = status;
	call_complete(call);
}

void
lane_requeue_batch(struct lane *lane)
{
	struct call *first = NULL, **tail = &first, *broken = NULL;

	for (int i = 0; i < lane->batch.group_count; i++) {
		struct batch_group *group = &lane->batch.groups[i];

		for (int j = 0; j < group->call_count; j++) {
			struct call *call = group->calls[j];

			if (call == NULL)
				continue;
			rows_release(call->result.rows);
			call->result.rows = NULL;
			if (call->streaming) {
				/* Alone in its batch. */
				broken = call;
				continue;
			}
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
	if (broken != NULL)
		complete_with(broken, STORE_DOWN);
}

/* --- failures -------------------------------------------------------- */

/* Another process' lanes write the same keys, in another order.  One statement
 * locks in the order of its keys, so that such batches do not meet head-on. */
static void
stay_apart(struct lane *lane)
{
	lane->batch.one_write = true;
	lane->apart_until_us = clock_monotonic_us() + (int64_t)APART_MS * 1000;
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

/* The index of the group that failed; -1: it may have been any. */
static int
failed_group(const struct lane *lane)
{
	const struct batch_group *groups = lane->batch.groups;
	int i = 0;

	if (lane->batch.group_count == 1)
		return 0;
	switch (lane->failed_step.kind) {
	case STEP_PREPARE:
		/* Every group of that statement fails alike; take the
		 * first. */
		while (i + 1 < lane->batch.group_count &&
			(int)batch_group_statement(&groups[i]) !=
				lane->failed_step.index)
			i++;
		return i;
	case STEP_GROUP:
		return lane->failed_step.index;
	default:
		return -1;
	}
}

/* The statement itself is at fault: its calls go on apart from each other,
 * a single one is answered with the error. */
static void
isolate_failure(struct lane *lane)
{
	int failed = failed_group(lane);
	struct batch_group *group;

	if (failed < 0) {
		for (int i = 0; i < lane->batch.group_count; i++)
			set_alone(&lane->batch.groups[i]);
		return;
	}
	group = &lane->batch.groups[failed];
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

void
lane_handle_failure(struct lane *lane)
{
	bool transient = has_sqlstate(lane, "40P01") ||
		has_sqlstate(lane, "40001") || has_sqlstate(lane, "55P03");
	bool at_fault = false;

	lane->retries++;
	if (has_sqlstate(lane, "40P01"))
		stay_apart(lane);
	if (has_sqlstate(lane, "26000") || has_sqlstate(lane, "42P05")) {
		/* The server forgot our statements, or has them already. */
		for (int i = 0; i < STATEMENT_COUNT; i++)
			lane->prepared[i] = false;
		lane->renew = lane->renew || has_sqlstate(lane, "42P05");
	} else if (has_sqlstate(lane, "0A000")) {
		lane->renew = true; /* the tables changed under a plan */
	} else if (!transient) {
		at_fault = true;
		lane->retries--;
	}
	if (lane->retries > RETRIES_MAX) {
		at_fault = true;
		lane->retries = 0;
	}
	if (at_fault)
		isolate_failure(lane);
	lane_count(&lane->counters.retries, 1);
	lane_requeue_batch(lane);
	if (transient)
		retry_later(lane);
}

void
lane_on_retry(evutil_socket_t socket, short what, void *arg)
{
	struct lane *lane = arg;

	(void)socket;
	(void)what;
	store_mark_dirty(lane->store, lane);
}

/* --- lost batches ---------------------------------------------------- */

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

void
lane_resolve_batch(struct lane *lane)
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
	lane_requeue_batch(lane);
}

/* --- deadlines ------------------------------------------------------- */

void
lane_watch_deadlines(struct lane *lane)
{
	struct timeval interval = { 0, TICK_MS * 1000 };

	if (!event_pending(lane->tick, EV_TIMEOUT, NULL))
		event_add(lane->tick, &interval);
}

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

/* Clients wait through a pause: their time begins anew behind it. */
static void
forget_deadlines(struct lane *lane)
{
	for (struct call *call = lane->head; call != NULL; call = call->next)
		call->deadline_us = 0;
	for (int i = 0; i < lane->batch.group_count; i++) {
		struct batch_group *group = &lane->batch.groups[i];

		for (int j = 0; j < group->call_count; j++)
			if (group->calls[j] != NULL)
				group->calls[j]->deadline_us = 0;
	}
}

void
lane_on_tick(evutil_socket_t socket, short what, void *arg)
{
	struct lane *lane = arg;
	int64_t now_us = clock_monotonic_us();

	(void)socket;
	(void)what;
	if (lane->ready)
		return;
	if (lane->kind != LANE_ADMIN &&
		storage_is_paused(store_storage(lane->store))) {
		forget_deadlines(lane);
	} else {
		if (lane->unresolved)
			expire_unresolved(lane, now_us);
		expire_queue(lane, now_us);
	}
	if (lane->head != NULL || lane->unresolved)
		lane_watch_deadlines(lane);
}
