/* One statement at a time, each its own transaction; see sweeper.h.
 *
 *	connected ─▶ settings ─▶ claim ──held──▶ sweep of each schema ─▶ pause
 *	                          ▲  │                ▲   │full           │
 *	                          └──┘ a second later │   ▼               │
 *	                                              └─ ranges ◀─────────┘
 *
 * Where collections were dropped, or fields of hashes or sessions expired, their
 * rows (contents) follow when a schema's sweep is done.
 *
 * A sweep takes rows in the order in which they are due, locks what nobody
 * else holds, and sorts out what has another expiry by now.  When it comes back
 * full there is a mass of keys that expire together: the rest goes range by
 * range, each as long in time as gives about RANGE_ROWS rows, which is several
 * times as fast and leaves the sorting out to the sweep that follows. */
#include "storage/sweeper.h"

#include "storage/base/clock.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/base/settings.h"
#include "storage/link.h"
#include "storage/statement.h"

#include <endian.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

enum {
	CLAIM_INTERVAL_MS = 1000,
	REAP_INTERVAL_US = 60 * 1000 * 1000,
	RANGE_ROWS = 40000,
	CAUGHT_UP_MS = 1000, /* so near to now the ranges end */
	PARAMETERS_MAX = 2,
};

/* What was asked last. */
enum sweeper_step {
	STEP_NONE,
	STEP_SETTINGS,
	STEP_PATIENCE,
	STEP_CLAIM,
	STEP_SWEEP,
	STEP_RANGE,
	STEP_CONTENTS,
	STEP_REAP,
};

enum sweeper_failure { FAILURE_NONE, FAILURE_LOCKED, FAILURE_OTHER };

struct sweeper {
	struct sweeper_options options;
	void (*expired)(void *arg, uint64_t count);
	void *arg;
	struct link *link;
	struct event *timer;
	bool elected;
	enum sweeper_step step;
	enum schema schema;
	bool prepared[SCHEMA_COUNT][STATEMENT_COUNT];
	enum sweeper_failure failure;
	int64_t asked; /* rows of this sweep, at the most */
	int64_t due, deleted, first_at, last_at, now_ms; /* what came back */
	bool contents_due;
	/* The range under way, and how long the next is. */
	int64_t range_start, range_end, range_ms;
	int64_t reaped_us; /* monotonic */
};

static void
wait_ms(struct sweeper *sweeper, int64_t interval_ms)
{
	struct timeval interval = { interval_ms / 1000,
		interval_ms % 1000 * 1000 };

	sweeper->step = STEP_NONE;
	event_add(sweeper->timer, &interval);
}

/* --- asking ---------------------------------------------------------- */

/* A statement without preparation, in its schema's words. */
static void
ask(struct sweeper *sweeper, enum sweeper_step step, enum statement_id id,
	int count, const char *const *values)
{
	char *text = statement_text_for_schema(
		statement_get(id)->text, sweeper->schema);

	sweeper->step = step;
	sweeper->failure = FAILURE_NONE;
	if (link_send_query(sweeper->link, text, count, values))
		link_sync(sweeper->link);
	free(text);
}

/* A statement that is asked again and again, with int8 parameters. */
static void
ask_prepared(struct sweeper *sweeper, enum sweeper_step step,
	enum statement_id id, int count, const int64_t *numbers)
{
	bool *prepared = &sweeper->prepared[sweeper->schema][id];
	char *name = memory_print(
		"%s_%d", statement_get(id)->name, (int)sweeper->schema);
	uint64_t parameters[PARAMETERS_MAX];
	const char *values[PARAMETERS_MAX];
	int sizes[PARAMETERS_MAX];
	bool sent = true;

	sweeper->step = step;
	sweeper->failure = FAILURE_NONE;
	for (int i = 0; i < count; i++) {
		parameters[i] = htobe64((uint64_t)numbers[i]);
		values[i] = (char *)&parameters[i];
		sizes[i] = sizeof(parameters[i]);
	}
	if (!*prepared) {
		char *text = statement_text_for_schema(
			statement_get(id)->text, sweeper->schema);

		sent = link_send_prepare(sweeper->link, name, text);
		*prepared = true;
		free(text);
	}
	if (sent &&
		link_send_execute(sweeper->link, name, count, values, sizes))
		link_sync(sweeper->link);
	free(name);
}

static int64_t
session_inactive_ms(const struct sweeper *sweeper)
{
	return settings_get(
		       sweeper->options.settings, session_inactive_seconds) *
		1000;
}

static void
sweep(struct sweeper *sweeper, enum schema schema)
{
	int64_t numbers[2];

	sweeper->schema = schema;
	sweeper->asked = settings_get(sweeper->options.settings, sweep_batch);
	numbers[0] = sweeper->asked;
	numbers[1] = session_inactive_ms(sweeper);
	ask_prepared(sweeper, STEP_SWEEP, SQL_sweeper_sweep, 2, numbers);
}

static void
sweep_range(struct sweeper *sweeper)
{
	int64_t bounds[] = { sweeper->range_start,
		sweeper->range_start + sweeper->range_ms };

	if (bounds[1] > sweeper->now_ms)
		bounds[1] = sweeper->now_ms;
	sweeper->range_end = bounds[1];
	ask_prepared(sweeper, STEP_RANGE, SQL_sweeper_sweep_range, 2, bounds);
}

static void
claim(struct sweeper *sweeper)
{
	sweeper->schema = SCHEMA_LOGGED;
	ask(sweeper, STEP_CLAIM, SQL_sweeper_claim, 0, NULL);
}

static void
pause_sweeping(struct sweeper *sweeper)
{
	wait_ms(sweeper,
		settings_get(sweeper->options.settings, sweep_interval));
}

static bool
may_sweep(const struct sweeper *sweeper)
{
	return atomic_load(sweeper->options.active) &&
		!atomic_load(sweeper->options.held) &&
		clock_monotonic_us() >=
		atomic_load(sweeper->options.paused_until_us);
}

/* --- what comes next ------------------------------------------------- */

static void
next_schema(struct sweeper *sweeper)
{
	if (sweeper->schema + 1 < SCHEMA_COUNT && may_sweep(sweeper))
		sweep(sweeper, sweeper->schema + 1);
	else
		pause_sweeping(sweeper);
}

/* As many rows at a time as keys: their masses are left to the next sweep, so
 * that keys that expire meanwhile do not wait. */
static void
sweep_contents(struct sweeper *sweeper)
{
	int64_t numbers[] = { sweeper->asked, session_inactive_ms(sweeper) };

	ask_prepared(
		sweeper, STEP_CONTENTS, SQL_sweeper_sweep_contents, 2, numbers);
}

static void
after_contents(struct sweeper *sweeper)
{
	if (sweeper->deleted >= sweeper->asked && may_sweep(sweeper))
		sweep(sweeper, sweeper->schema);
	else
		next_schema(sweeper);
}

/* The rows of a full sweep tell how long in time a range should be. */
static void
start_ranges(struct sweeper *sweeper)
{
	int64_t span_ms = sweeper->last_at - sweeper->first_at + 1;

	sweeper->range_ms = span_ms < INT64_MAX / RANGE_ROWS ?
		span_ms * RANGE_ROWS / sweeper->asked + 1 :
		span_ms;
	/* The last millisecond of the sweep may have more rows. */
	sweeper->range_start = sweeper->last_at - 1;
	sweep_range(sweeper);
}

static void
after_sweep(struct sweeper *sweeper)
{
	bool done = sweeper->due < sweeper->asked;

	if (done && sweeper->contents_due && may_sweep(sweeper))
		sweep_contents(sweeper);
	else if (done || !may_sweep(sweeper))
		next_schema(sweeper);
	else if (sweeper->deleted * 2 > sweeper->due)
		start_ranges(sweeper);
	else
		sweep(sweeper, sweeper->schema);
}

static void
after_range(struct sweeper *sweeper)
{
	bool caught_up = sweeper->deleted < sweeper->asked &&
		sweeper->now_ms - sweeper->range_end < CAUGHT_UP_MS;

	if (sweeper->deleted < RANGE_ROWS / 2 &&
		sweeper->range_ms < INT64_MAX / 4)
		sweeper->range_ms *= 2;
	else if (sweeper->deleted > RANGE_ROWS * 2 && sweeper->range_ms > 1)
		sweeper->range_ms /= 2;
	sweeper->range_start = sweeper->range_end;
	if (!caught_up && may_sweep(sweeper))
		sweep_range(sweeper);
	else
		sweep(sweeper, sweeper->schema);
}

static void
on_timer(evutil_socket_t socket, short what, void *arg)
{
	struct sweeper *sweeper = arg;
	int64_t now_us = clock_monotonic_us();

	(void)socket;
	(void)what;
	if (!link_is_connected(sweeper->link))
		return;
	if (!sweeper->elected) {
		claim(sweeper);
	} else if (now_us - sweeper->reaped_us > REAP_INTERVAL_US) {
		sweeper->reaped_us = now_us;
		sweeper->schema = SCHEMA_LOGGED;
		ask(sweeper, STEP_REAP, SQL_sweeper_reap_lanes, 0, NULL);
	} else if (may_sweep(sweeper)) {
		sweep(sweeper, SCHEMA_LOGGED);
	} else {
		pause_sweeping(sweeper);
	}
}

/* --- answers --------------------------------------------------------- */

static int64_t
read_int64(const PGresult *result, int column)
{
	uint64_t value;

	if (PQgetisnull(result, 0, column) ||
		PQgetlength(result, 0, column) != sizeof(value))
		return 0;
	memcpy(&value, PQgetvalue(result, 0, column), sizeof(value));
	return (int64_t)be64toh(value);
}

static void
read_rows(struct sweeper *sweeper, const PGresult *result)
{
	if (PQntuples(result) != 1)
		return;
	switch (sweeper->step) {
	case STEP_CLAIM:
		sweeper->elected = *PQgetvalue(result, 0, 0) != 0;
		break;
	case STEP_SWEEP:
		sweeper->due = read_int64(result, 0);
		sweeper->deleted = read_int64(result, 1);
		sweeper->first_at = read_int64(result, 2);
		sweeper->last_at = read_int64(result, 3);
		sweeper->now_ms = read_int64(result, 4);
		sweeper->contents_due = *PQgetvalue(result, 0, 5) != 0;
		break;
	case STEP_CONTENTS:
		sweeper->deleted = read_int64(result, 0);
		break;
	case STEP_RANGE:
		sweeper->deleted = read_int64(result, 0);
		sweeper->now_ms = read_int64(result, 1);
		break;
	default:
		break;
	}
}

static void
note_failure(struct sweeper *sweeper, const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	if (PQresultStatus(result) == PGRES_PIPELINE_ABORTED)
		return;
	/* Lock timeouts and deadlocks. */
	if (sqlstate != NULL &&
		(strcmp(sqlstate, "55P03") == 0 ||
			strcmp(sqlstate, "40P01") == 0)) {
		sweeper->failure = FAILURE_LOCKED;
		return;
	}
	sweeper->failure = FAILURE_OTHER;
	log_event(LOG_WARNING, "sweeping failed", "error",
		log_text(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)),
		NULL);
}

static void
on_result(void *arg, PGresult *result)
{
	struct sweeper *sweeper = arg;
	ExecStatusType status = PQresultStatus(result);

	if (status == PGRES_TUPLES_OK)
		read_rows(sweeper, result);
	else if (status != PGRES_COMMAND_OK)
		note_failure(sweeper, result);
	PQclear(result);
}

static void
go_on(struct sweeper *sweeper)
{
	switch (sweeper->step) {
	case STEP_SETTINGS:
		ask(sweeper, STEP_PATIENCE, SQL_sweeper_patience, 0, NULL);
		break;
	case STEP_PATIENCE:
		claim(sweeper);
		break;
	case STEP_CLAIM:
		if (sweeper->elected)
			log_event(LOG_VERBOSE, "sweeping expired keys", NULL);
		wait_ms(sweeper, sweeper->elected ? 0 : CLAIM_INTERVAL_MS);
		break;
	case STEP_SWEEP:
	case STEP_RANGE:
		if (sweeper->deleted > 0)
			sweeper->expired(
				sweeper->arg, (uint64_t)sweeper->deleted);
		if (sweeper->step == STEP_SWEEP)
			after_sweep(sweeper);
		else
			after_range(sweeper);
		break;
	case STEP_CONTENTS:
		after_contents(sweeper);
		break;
	case STEP_REAP:
		if (++sweeper->schema < SCHEMA_COUNT)
			ask(sweeper, STEP_REAP, SQL_sweeper_reap_lanes, 0,
				NULL);
		else
			wait_ms(sweeper, 0);
		break;
	case STEP_NONE:
		break;
	}
}

static void
on_synced(void *arg)
{
	struct sweeper *sweeper = arg;

	link_accept(sweeper->link);
	switch (sweeper->failure) {
	case FAILURE_NONE:
		go_on(sweeper);
		break;
	case FAILURE_LOCKED:
		pause_sweeping(sweeper);
		break;
	case FAILURE_OTHER:
		/* What is prepared now is not known: start anew. */
		sweeper->elected = false;
		sweeper->step = STEP_NONE;
		link_give_up(sweeper->link);
		break;
	}
}

static void
on_connected(void *arg)
{
	struct sweeper *sweeper = arg;
	/* Nothing is lost with a deletion of what has expired. */
	const char *values[] = { "off", "0" };

	sweeper->elected = false;
	sweeper->schema = SCHEMA_LOGGED;
	memset(sweeper->prepared, 0, sizeof(sweeper->prepared));
	ask(sweeper, STEP_SETTINGS, SQL_session_settings, 2, values);
}

static void
on_lost(void *arg, const char *reason)
{
	struct sweeper *sweeper = arg;

	(void)reason;
	event_del(sweeper->timer);
	sweeper->elected = false;
	sweeper->step = STEP_NONE;
}

struct sweeper *
sweeper_new(struct event_base *base, const char *conninfo,
	const struct sweeper_options *options,
	void (*expired)(void *arg, uint64_t count), void *arg)
{
	static const struct link_handlers handlers = {
		.connected = on_connected,
		.result = on_result,
		.synced = on_synced,
		.lost = on_lost,
	};
	struct sweeper *sweeper = memory_allocate_zeroed(1, sizeof(*sweeper));

	sweeper->options = *options;
	sweeper->expired = expired;
	sweeper->arg = arg;
	sweeper->timer = evtimer_new(base, on_timer, sweeper);
	sweeper->link = link_new(
		base, conninfo, "respgres sweeper", &handlers, sweeper);
	link_show(sweeper->link, options->place);
	return sweeper;
}

void
sweeper_free(struct sweeper *sweeper)
{
	if (sweeper == NULL)
		return;
	link_free(sweeper->link);
	event_free(sweeper->timer);
	free(sweeper);
}

bool
sweeper_is_elected(const struct sweeper *sweeper)
{
	return sweeper->elected;
}
