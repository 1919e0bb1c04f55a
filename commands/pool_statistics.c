/* POOL STATS: what lanes did and do, per class and per lane.
 *
 * Names are PgBouncer's where they mean the same, with a call in the place of
 * its client, a lane's connection in that of its server, and a batch in that
 * of its transaction (its documentation, SHOW POOLS and SHOW STATS). */
#include "commands/command.h"
#include "commands/fields.h"
#include "commands/pool.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/server.h"

#include <stddef.h>

static const char *const state_names[LANE_STATE_COUNT] = {
	[LANE_CLOSED] = "closed",
	[LANE_RETIRED] = "retired",
	[LANE_CONNECTING] = "connecting",
	[LANE_UNRESOLVED] = "unresolved",
	[LANE_IDLE] = "idle",
	[LANE_GATED] = "gated",
	[LANE_ACTIVE] = "active",
};

/* --- sums ------------------------------------------------------------ */

static void
add_lane(struct pool_sum *sum, const struct lane_facts *lane)
{
	double seconds = (double)lane->recent_us / 1e6;

	sum->states[lane->state]++;
	sum->lanes += lane->state != LANE_RETIRED;
	sum->queued += lane->queued;
	sum->active += lane->active;
	if (lane->oldest_us > sum->oldest_us)
		sum->oldest_us = lane->oldest_us;
	if (lane->error[0] != '\0') {
		sum->failing++;
		sum->error = lane->error;
	}
	lane_counters_add(&sum->counters, &lane->counters);
	if (seconds > sum->seconds)
		sum->seconds = seconds;
	lane_counters_add(&sum->recent, &lane->recent);
	for (int i = 0; i < LATENCY_BUCKETS; i++)
		sum->waits[i] += lane->recent_waits[i];
}

struct pool_sum
pool_sum_class(const struct pool_facts *facts, enum pool_class class)
{
	struct pool_sum sum = { .class = class };

	for (int i = 0; i < facts->count; i++)
		if (pool_class_of(facts->lanes[i].kind) == class)
			add_lane(&sum, &facts->lanes[i]);
	return sum;
}

static double
ratio(double a, double b)
{
	return b > 0 ? a / b : 0;
}

double
pool_busy(const struct pool_sum *sum)
{
	int connected = sum->states[LANE_IDLE] + sum->states[LANE_ACTIVE] +
		sum->states[LANE_GATED];

	return ratio((double)sum->recent.busy_us / 1e6,
		sum->seconds * (double)connected);
}

double
pool_calls_per_second(const struct pool_sum *sum)
{
	return ratio((double)sum->recent.calls, sum->seconds);
}

double
pool_mean_wait_us(const struct pool_sum *sum)
{
	return ratio((double)sum->recent.wait_us, (double)sum->recent.calls);
}

double
pool_mean_batch_us(const struct pool_sum *sum)
{
	return ratio((double)sum->recent.busy_us, (double)sum->recent.batches);
}

/* By Little's law, calls per second times the mean wait are the calls that
 * wait, and times the mean time of a batch those being executed. */
double
pool_pressure(const struct pool_sum *sum)
{
	return ratio(pool_mean_wait_us(sum), pool_mean_batch_us(sum));
}

/* --- fields ---------------------------------------------------------- */

const char *pool_storage_name(enum storage_class class)
{
	static const char *const names[CLASS_COUNT] = { "durable", "async",
		"cache" };

	return names[class];
}

const char *
pool_state_name(const struct pool_facts *facts, const struct lane_facts *lane)
{
	if (facts->paused && lane->kind != LANE_ADMIN &&
		(lane->state == LANE_IDLE || lane->state == LANE_GATED))
		return "paused";
	return state_names[lane->state];
}

static void
add_waits(struct fields *fields, const uint32_t waits[LATENCY_BUCKETS])
{
	fields_add(fields, "wait_p50_us",
		(int64_t)lane_wait_percentile(waits, 50));
	fields_add(fields, "wait_p95_us",
		(int64_t)lane_wait_percentile(waits, 95));
	fields_add(fields, "wait_p99_us",
		(int64_t)lane_wait_percentile(waits, 99));
}

static void
add_totals(struct fields *fields, const struct lane_counters *counters)
{
	fields_add(fields, "total_xact_count", (int64_t)counters->batches);
	fields_add(fields, "total_query_count", (int64_t)counters->statements);
	fields_add(fields, "total_call_count", (int64_t)counters->calls);
	fields_add(fields, "total_xact_time", (int64_t)counters->busy_us);
	fields_add(fields, "total_wait_time", (int64_t)counters->wait_us);
	fields_add(fields, "bytes_out", (int64_t)counters->bytes_out);
	fields_add(fields, "bytes_in", (int64_t)counters->bytes_in);
	fields_add(fields, "errors", (int64_t)counters->errors);
	fields_add(fields, "retries", (int64_t)counters->retries);
	fields_add(fields, "reconnects", (int64_t)counters->reconnects);
}

static void
add_averages(struct fields *fields, const struct pool_sum *sum)
{
	const struct lane_counters *recent = &sum->recent;

	fields_add_double(fields, "avg_xact_count",
		ratio((double)recent->batches, sum->seconds));
	fields_add_double(fields, "avg_query_count",
		ratio((double)recent->statements, sum->seconds));
	fields_add_double(fields, "avg_call_count", pool_calls_per_second(sum));
	fields_add_double(fields, "avg_xact_time", pool_mean_batch_us(sum));
	fields_add_double(fields, "avg_wait_time", pool_mean_wait_us(sum));
	fields_add_double(fields, "calls_per_batch",
		ratio((double)recent->calls, (double)recent->batches));
	fields_add_double(fields, "busy", pool_busy(sum));
	fields_add_double(fields, "pressure", pool_pressure(sum));
}

static void
add_queue(struct fields *fields, int active, int queued, int64_t oldest_us)
{
	fields_add(fields, "cl_active", active);
	fields_add(fields, "cl_waiting", queued);
	fields_add(fields, "maxwait", oldest_us / 1000000);
	fields_add(fields, "maxwait_us", oldest_us % 1000000);
}

static void
add_background(struct pool_sum *sum, const struct pool_facts *facts)
{
	for (int i = 0; i < PLACE_COUNT; i++) {
		const struct pool_background *one = &facts->background[i];

		if (one->class != sum->class || !one->used)
			continue;
		sum->lanes++;
		sum->states[one->backend_pid == 0 ? LANE_CONNECTING :
				one->active       ? LANE_ACTIVE :
						    LANE_IDLE]++;
	}
}

static void
reply_class(struct reply *reply, const struct server *server,
	const struct pool_facts *facts, enum pool_class class)
{
	struct pool_sum sum = pool_sum_class(facts, class);
	struct pool_size size = pool_size(server->storage, class);
	struct fields fields = { 0 };
	bool background = class == POOL_ADMIN || class == POOL_LISTENER;
	bool paused = facts->paused && !background;
	int ready;

	if (background) {
		add_background(&sum, facts);
		size.lanes = size.least = size.most = sum.lanes;
	}
	ready = sum.states[LANE_IDLE] + sum.states[LANE_GATED];
	fields_add_text(&fields, "class", pool_class_name(class));
	fields_add(&fields, "lanes", size.lanes);
	fields_add(&fields, "min", size.least);
	fields_add(&fields, "max", size.most);
	add_queue(&fields, sum.active, sum.queued, sum.oldest_us);
	fields_add(&fields, "sv_active", sum.states[LANE_ACTIVE]);
	fields_add(&fields, "sv_idle", paused ? 0 : sum.states[LANE_IDLE]);
	fields_add(&fields, "sv_gated", paused ? 0 : sum.states[LANE_GATED]);
	fields_add(&fields, "sv_paused", paused ? ready : 0);
	fields_add(&fields, "sv_login",
		sum.states[LANE_CONNECTING] + sum.states[LANE_UNRESOLVED]);
	fields_add(&fields, "sv_unresolved", sum.states[LANE_UNRESOLVED]);
	fields_add(&fields, "sv_closed", sum.states[LANE_CLOSED]);
	add_waits(&fields, sum.waits);
	add_totals(&fields, &sum.counters);
	add_averages(&fields, &sum);
	fields_reply(&fields, reply, 0);
}

void
pool_reply_classes(struct reply *reply, const struct server *server,
	const struct pool_facts *facts, enum pool_class only)
{
	bool all = only == POOL_CLASS_COUNT;

	reply_array(reply, all ? POOL_CLASS_COUNT : 1);
	for (int i = 0; i < POOL_CLASS_COUNT; i++)
		if (all || only == (enum pool_class)i)
			reply_class(reply, server, facts, (enum pool_class)i);
}

static void
reply_lane(struct reply *reply, const struct pool_facts *facts,
	const struct lane_facts *lane)
{
	struct pool_sum sum = { .class = pool_class_of(lane->kind) };
	struct fields fields = { 0 };

	add_lane(&sum, lane);
	fields_add_text(&fields, "name", lane->name);
	fields_add_text(&fields, "class", pool_class_name(sum.class));
	fields_add_text(&fields, "storage", pool_storage_name(lane->class));
	fields_add_text(&fields, "state", pool_state_name(facts, lane));
	fields_add(&fields, "id", lane->backend_pid);
	add_queue(&fields, lane->active, lane->queued, lane->oldest_us);
	add_waits(&fields, lane->recent_waits);
	add_totals(&fields, &lane->counters);
	add_averages(&fields, &sum);
	fields_reply(&fields, reply, 0);
}

/* Lanes that never were of use are not worth a line. */
static bool
is_shown(const struct lane_facts *lane, enum pool_class only)
{
	if (only != POOL_CLASS_COUNT && pool_class_of(lane->kind) != only)
		return false;
	return (lane->state != LANE_CLOSED && lane->state != LANE_RETIRED) ||
		lane->counters.calls > 0;
}

static void
reply_lanes(struct reply *reply, const struct pool_facts *facts,
	enum pool_class only)
{
	size_t count = 0;

	for (int i = 0; i < facts->count; i++)
		count += is_shown(&facts->lanes[i], only);
	reply_array(reply, count);
	for (int i = 0; i < facts->count; i++)
		if (is_shown(&facts->lanes[i], only))
			reply_lane(reply, facts, &facts->lanes[i]);
}

/* --- STATS ----------------------------------------------------------- */

struct stats {
	struct request *request;
	enum pool_class only;
};

static void
reply_stats(void *arg, struct pool_facts *facts)
{
	const struct stats *stats = arg;
	struct request *request = stats->request;
	struct reply *reply = &request->reply;
	struct fields fields = { 0 };
	double seconds = 0;

	for (int i = 0; i < facts->count; i++)
		if ((double)facts->lanes[i].recent_us / 1e6 > seconds)
			seconds = (double)facts->lanes[i].recent_us / 1e6;
	fields_add_bool(&fields, "paused", facts->paused);
	fields_add_double(&fields, "stats_period", seconds);
	fields_reply(&fields, reply, 2);
	reply_bulk_text(reply, "classes");
	pool_reply_classes(reply, request->server, facts, stats->only);
	reply_bulk_text(reply, "connections");
	reply_lanes(reply, facts, stats->only);
	pool_facts_free(facts);
	request_finish(request);
}

void
pool_run_stats(struct request *request)
{
	struct stats *stats = request_allocate(request, sizeof(*stats));

	*stats = (struct stats){ request, POOL_CLASS_COUNT };
	if (request->argc > 3) {
		request_reply_syntax_error(request);
		return;
	}
	if (request->argc == 3 &&
		!pool_class_find(request->argv[2], &stats->only)) {
		request_reply_error(request,
			"ERR unknown class; the classes are point, "
			"transaction, bulk, stream, listener and admin");
		return;
	}
	pool_read(request->store, reply_stats, stats);
}
