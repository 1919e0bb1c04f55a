/* One statement at a time, each its own transaction; see sweeper.h.
 *
 *	connected ─▶ settings ─▶ claim ──held──▶ sweep of each schema ─▶ pause
 *	                          ▲  │                   ▲   │full       │
 *	                          └──┘ a second later    └───┘◀──────────┘
 *
 * While batches come back full the next starts where the last ended, so that
 * it need not step over what was just deleted; the first after a pause starts
 * from the beginning again. */
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
};

/* What was asked last. */
enum sweeper_step { STEP_NONE, STEP_SETTINGS, STEP_CLAIM, STEP_SWEEP,
	STEP_REAP };

struct sweeper {
	struct sweeper_options options;
	void (*expired)(void *arg, uint64_t count);
	void *arg;
	struct link *link;
	struct event *timer;
	bool elected;
	enum sweeper_step step;
	enum schema schema;
	bool prepared[SCHEMA_COUNT];
	bool failed;
	int64_t batch; /* rows asked for */
	int64_t due, deleted, last_at; /* what came back */
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

/* A statement without preparation, in its schema's words. */
static void
ask(struct sweeper *sweeper, enum sweeper_step step, enum statement_id id,
	enum schema schema, int count, const char *const *values)
{
	char *text =
		statement_text_for_schema(statement_get(id)->text, schema);

	sweeper->step = step;
	sweeper->failed = false;
	if (link_send_query(sweeper->link, text, count, values))
		link_sync(sweeper->link);
	free(text);
}

static void
ask_for_sweep(struct sweeper *sweeper, enum schema schema, int64_t start_at)
{
	static const char *const names[SCHEMA_COUNT] = { "sweep",
		"sweep_cache" };
	uint64_t parameters[] = {
		htobe64((uint64_t)settings_get(sweeper->options.settings,
			sweep_batch)),
		htobe64((uint64_t)start_at),
	};
	const char *values[] = { (char *)&parameters[0],
		(char *)&parameters[1] };
	const int sizes[] = { sizeof(uint64_t), sizeof(uint64_t) };
	bool sent = true;

	sweeper->step = STEP_SWEEP;
	sweeper->schema = schema;
	sweeper->failed = false;
	sweeper->batch = (int64_t)be64toh(parameters[0]);
	if (!sweeper->prepared[schema]) {
		char *text = statement_text_for_schema(
			statement_get(SQL_sweeper_sweep)->text, schema);

		sent = link_send_prepare(sweeper->link, names[schema], text);
		sweeper->prepared[schema] = true;
		free(text);
	}
	if (sent && link_send_execute(sweeper->link, names[schema], 2, values,
			    sizes))
		link_sync(sweeper->link);
}

static void
ask_for_claim(struct sweeper *sweeper)
{
	ask(sweeper, STEP_CLAIM, SQL_sweeper_claim, SCHEMA_LOGGED, 0, NULL);
}

/* What comes after a schema's sweep: more of it, the next schema, and in the
 * end a pause. */
static bool
may_sweep(const struct sweeper *sweeper)
{
	return atomic_load(sweeper->options.active) &&
		clock_monotonic_us() >=
			atomic_load(sweeper->options.paused_until_us);
}

static void
go_on(struct sweeper *sweeper)
{
	if (sweeper->deleted > 0)
		sweeper->expired(sweeper->arg, (uint64_t)sweeper->deleted);
	if (sweeper->due == sweeper->batch && may_sweep(sweeper)) {
		ask_for_sweep(sweeper, sweeper->schema, sweeper->last_at);
	} else if (sweeper->schema + 1 < SCHEMA_COUNT) {
		ask_for_sweep(sweeper, sweeper->schema + 1, INT64_MIN);
	} else {
		wait_ms(sweeper,
			settings_get(sweeper->options.settings,
				sweep_interval));
	}
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
		ask_for_claim(sweeper);
	} else if (now_us - sweeper->reaped_us > REAP_INTERVAL_US) {
		sweeper->reaped_us = now_us;
		sweeper->schema = SCHEMA_LOGGED;
		ask(sweeper, STEP_REAP, SQL_sweeper_reap_lanes, SCHEMA_LOGGED,
			0, NULL);
	} else if (may_sweep(sweeper)) {
		ask_for_sweep(sweeper, SCHEMA_LOGGED, INT64_MIN);
	} else {
		wait_ms(sweeper,
			settings_get(sweeper->options.settings,
				sweep_interval));
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
on_result(void *arg, PGresult *result)
{
	struct sweeper *sweeper = arg;
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
		if (status != PGRES_PIPELINE_ABORTED)
			log_event(LOG_WARNING, "sweeping failed", "error",
				log_text(PQresultErrorField(result,
					PG_DIAG_MESSAGE_PRIMARY)),
				NULL);
		sweeper->failed = true;
	} else if (sweeper->step == STEP_CLAIM) {
		sweeper->elected = *PQgetvalue(result, 0, 0) != 0;
	} else if (sweeper->step == STEP_SWEEP && PQntuples(result) == 1) {
		sweeper->due = read_int64(result, 0);
		sweeper->deleted = read_int64(result, 1);
		sweeper->last_at = read_int64(result, 2);
	}
	PQclear(result);
}

static void
on_synced(void *arg)
{
	struct sweeper *sweeper = arg;

	link_accept(sweeper->link);
	if (sweeper->failed) {
		memset(sweeper->prepared, 0, sizeof(sweeper->prepared));
		/* A statement may or may not be prepared now: start anew. */
		link_give_up(sweeper->link);
		sweeper->elected = false;
		sweeper->step = STEP_NONE;
		return;
	}
	switch (sweeper->step) {
	case STEP_SETTINGS:
		ask_for_claim(sweeper);
		break;
	case STEP_CLAIM:
		if (sweeper->elected)
			log_event(LOG_VERBOSE, "sweeping expired keys", NULL);
		wait_ms(sweeper, sweeper->elected ? 0 : CLAIM_INTERVAL_MS);
		break;
	case STEP_SWEEP:
		go_on(sweeper);
		break;
	case STEP_REAP:
		if (++sweeper->schema < SCHEMA_COUNT)
			ask(sweeper, STEP_REAP, SQL_sweeper_reap_lanes,
				sweeper->schema, 0, NULL);
		else
			wait_ms(sweeper, 0);
		break;
	case STEP_NONE:
		break;
	}
}

static void
on_connected(void *arg)
{
	struct sweeper *sweeper = arg;
	/* Nothing is lost with a deletion of what has expired. */
	const char *values[] = { "off" };

	sweeper->elected = false;
	memset(sweeper->prepared, 0, sizeof(sweeper->prepared));
	ask(sweeper, STEP_SETTINGS, SQL_session_settings, SCHEMA_LOGGED, 1,
		values);
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
	sweeper->link = link_new(base, conninfo, "respgres sweeper", &handlers,
		sweeper);
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
