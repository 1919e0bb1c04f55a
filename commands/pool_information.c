/* POOL INFO: how the pool is doing, with a verdict for each indicator. */
#include "commands/command.h"
#include "commands/fields.h"
#include "commands/pool.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/server.h"
#include "storage/call.h"
#include "storage/store.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { INDICATORS_MAX = 16, REASON_SIZE = 240, BATCHES_MIN = 10 };

enum verdict { VERDICT_OK, VERDICT_WARNING, VERDICT_CRITICAL };

static const char *const verdict_names[] = { "ok", "warning", "critical" };

struct indicator {
	const char *name;
	double value;
	enum verdict verdict;
	char reason[REASON_SIZE];
};

/* What the database said of itself. */
struct database {
	bool known;
	char version[64], role[16], error[REASON_SIZE];
	int64_t replicas, lag_bytes;
	double lag_seconds; /* -1: unknown, and so are bytes */
	int64_t most, usable, free, used, ours;
	double started_seconds;
};

struct info {
	struct request *request;
	struct pool_facts *facts;
	struct pool_sum point, all;
	struct database database;
	struct indicator indicators[INDICATORS_MAX];
	int count;
};

/* --- indicators ------------------------------------------------------ */

static void judge(struct info *info, const char *name, double value,
	enum verdict verdict, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

static void
judge(struct info *info, const char *name, double value, enum verdict verdict,
	const char *format, ...)
{
	struct indicator *indicator = &info->indicators[info->count++];
	va_list arguments;

	indicator->name = name;
	indicator->value = value;
	indicator->verdict = verdict;
	va_start(arguments, format);
	vsnprintf(indicator->reason, sizeof(indicator->reason), format,
		arguments);
	va_end(arguments);
}

static enum verdict
grade(double value, double warning, double critical)
{
	return value >= critical ? VERDICT_CRITICAL :
		value >= warning ? VERDICT_WARNING :
				   VERDICT_OK;
}

static void
judge_connections(struct info *info)
{
	const struct pool_sum *all = &info->all;
	int connecting =
		all->states[LANE_CONNECTING] + all->states[LANE_UNRESOLVED];

	judge(info, "disconnected", connecting,
		all->failing > 0       ? VERDICT_CRITICAL :
			connecting > 0 ? VERDICT_WARNING :
					 VERDICT_OK,
		"%d of %d connections are being made%s%s", connecting,
		all->lanes - all->states[LANE_CLOSED],
		all->error != NULL ? ": " : "",
		all->error != NULL ? all->error : "");
}

static void
judge_waits(struct info *info)
{
	double oldest_s = (double)info->all.oldest_us / 1e6;
	double p95_ms =
		(double)lane_wait_percentile(info->point.waits, 95) / 1e3;

	judge(info, "maxwait", oldest_s,
		info->facts->paused ? VERDICT_OK : grade(oldest_s, 0.1, 1),
		"%d calls wait, the first of them for %.3f s%s",
		info->all.queued, oldest_s,
		info->facts->paused ? "; the pool is paused" : "");
	judge(info, "wait_p95_ms", p95_ms, grade(p95_ms, 10, 100),
		"95 %% of the calls on keys were sent within %.1f ms", p95_ms);
}

static void
judge_load(struct info *info)
{
	const struct pool_sum *point = &info->point;
	bool enough = point->recent.batches >= BATCHES_MIN;
	double pressure = pool_pressure(point), busy = pool_busy(point);
	double waiting =
		pool_calls_per_second(point) * pool_mean_wait_us(point) / 1e6;
	double executing =
		pool_calls_per_second(point) * pool_mean_batch_us(point) / 1e6;

	judge(info, "pressure", pressure,
		enough ? grade(pressure, 1.5, 4) : VERDICT_OK,
		"%.2f calls wait and %.2f are executed at a time (%.0f a "
		"second, %.2f ms and %.2f ms each)",
		waiting, executing, pool_calls_per_second(point),
		pool_mean_wait_us(point) / 1e3,
		pool_mean_batch_us(point) / 1e3);
	judge(info, "busy", busy, grade(busy, 0.9, 2),
		"point lanes have a batch under way %.0f %% of the time, of "
		"%.1f calls",
		busy * 100,
		point->recent.batches == 0 ? 0.0 :
					     (double)point->recent.calls /
				(double)point->recent.batches);
}

static void
judge_saturation(struct info *info)
{
	const struct storage *storage = info->request->server->storage;
	long queued = storage_queued(storage);
	int most = storage_options(storage)->queue_max;
	double value = (double)queued / most;

	judge(info, "saturation", value, grade(value, 0.5, 0.9),
		"%ld of %d calls are under way, beyond which clients are not "
		"read",
		queued, most);
}

static void
judge_troubles(struct info *info)
{
	const struct lane_counters *recent = &info->all.recent;
	double seconds = info->all.seconds;

	judge(info, "errors", (double)recent->errors,
		recent->errors > 0 ? VERDICT_WARNING : VERDICT_OK,
		"%llu batches failed in %.0f s, %llu ran again",
		(unsigned long long)recent->errors, seconds,
		(unsigned long long)recent->retries);
	judge(info, "reconnects", (double)recent->reconnects,
		recent->reconnects > 0 ? VERDICT_WARNING : VERDICT_OK,
		"%llu connections were lost in %.0f s",
		(unsigned long long)recent->reconnects, seconds);
}

static void
judge_database(struct info *info)
{
	const struct database *database = &info->database;
	double part = database->usable > 0 ?
		(double)(database->usable - database->free) /
			(double)database->usable :
		1;

	judge(info, "database", database->known,
		database->known ? VERDICT_OK : VERDICT_CRITICAL, "%s",
		database->known ? "answers" : database->error);
	if (!database->known)
		return;
	judge(info, "role", strcmp(database->role, "primary") == 0,
		strcmp(database->role, "primary") == 0 ? VERDICT_OK :
							 VERDICT_CRITICAL,
		"PostgreSQL is the %s%s", database->role,
		strcmp(database->role, "primary") == 0 ?
			"" :
			", where nothing can be written");
	judge(info, "server_connections", part, grade(part, 0.8, 0.95),
		"%lld of %lld connections are free, respgres has %lld",
		(long long)database->free, (long long)database->usable,
		(long long)database->ours);
	if (database->lag_seconds >= 0 || database->replicas > 0)
		judge(info, "lag_seconds",
			database->lag_seconds < 0 ? 0 : database->lag_seconds,
			grade(database->lag_seconds, 5, 60),
			"%lld replicas, %lld bytes behind",
			(long long)database->replicas,
			(long long)database->lag_bytes);
}

/* --- the reply ------------------------------------------------------- */

static enum verdict
worst(const struct info *info)
{
	enum verdict verdict = VERDICT_OK;

	for (int i = 0; i < info->count; i++)
		if (info->indicators[i].verdict > verdict)
			verdict = info->indicators[i].verdict;
	return verdict;
}

static void
add_database(struct fields *fields, const struct database *database)
{
	fields_add_text(fields, "server_version",
		database->known ? database->version : NULL);
	fields_add_text(
		fields, "role", database->known ? database->role : NULL);
	if (!database->known)
		return;
	fields_add(fields, "replicas", database->replicas);
	if (database->lag_seconds >= 0) {
		fields_add(fields, "lag_bytes", database->lag_bytes);
		fields_add_double(fields, "lag_seconds", database->lag_seconds);
	} else {
		fields_add_text(fields, "lag_bytes", NULL);
		fields_add_text(fields, "lag_seconds", NULL);
	}
	fields_add(fields, "server_uptime_seconds",
		(int64_t)database->started_seconds);
	fields_add(fields, "max_connections", database->most);
	fields_add(fields, "usable_connections", database->usable);
	fields_add(fields, "used_connections", database->used);
	fields_add(fields, "free_connections", database->free);
	fields_add(fields, "respgres_connections", database->ours);
}

static void
reply_indicators(struct reply *reply, const struct info *info)
{
	reply_bulk_text(reply, "indicators");
	reply_array(reply, (size_t)info->count);
	for (int i = 0; i < info->count; i++) {
		const struct indicator *indicator = &info->indicators[i];
		struct fields fields = { 0 };

		fields_add_text(&fields, "indicator", indicator->name);
		fields_add_double(&fields, "value", indicator->value);
		fields_add_text(
			&fields, "verdict", verdict_names[indicator->verdict]);
		fields_add_text(&fields, "reason", indicator->reason);
		fields_reply(&fields, reply, 0);
	}
}

static void
reply_info(struct info *info)
{
	struct request *request = info->request;
	const struct storage *storage = request->server->storage;
	const struct pool_sum *point = &info->point;
	struct fields fields = { 0 };

	judge_database(info);
	judge_connections(info);
	judge_waits(info);
	judge_load(info);
	judge_saturation(info);
	judge_troubles(info);
	fields_add_text(
		&fields, "state", info->facts->paused ? "paused" : "running");
	fields_add_text(&fields, "health", verdict_names[worst(info)]);
	fields_add_bool(&fields, "autotune", pool_is_tuned(storage));
	fields_add_double(&fields, "saturation",
		(double)storage_queued(storage) /
			storage_options(storage)->queue_max);
	fields_add_double(&fields, "pressure", pool_pressure(point));
	fields_add_double(&fields, "busy", pool_busy(point));
	fields_add_double(
		&fields, "calls_per_second", pool_calls_per_second(point));
	add_database(&fields, &info->database);
	fields_reply(&fields, &request->reply, 2);
	reply_indicators(&request->reply, info);
	reply_bulk_text(&request->reply, "classes");
	pool_reply_classes(&request->reply, request->server, info->facts,
		POOL_CLASS_COUNT);
	pool_facts_free(info->facts);
	request_finish(request);
}

static void
take_database(void *arg, const struct result *result)
{
	struct info *info = arg;
	struct database *database = &info->database;

	if (result->status != STORE_OK || result->row_count != 1) {
		snprintf(database->error, sizeof(database->error), "%s",
			result->status == STORE_ERROR ? result->error :
							"does not answer");
		reply_info(info);
		return;
	}
	database->known = true;
	snprintf(database->version, sizeof(database->version), "%s",
		result_text(result, 0, 0));
	snprintf(database->role, sizeof(database->role), "%s",
		result_text(result, 0, 1));
	database->replicas = result_int64(result, 0, 2);
	database->lag_bytes = result_int64(result, 0, 3);
	database->lag_seconds =
		result_is_null(result, 0, 4) ? -1 : result_double(result, 0, 4);
	database->most = result_int64(result, 0, 5);
	database->usable = result_int64(result, 0, 6);
	database->free = result_int64(result, 0, 7);
	database->used = result_int64(result, 0, 8);
	database->ours = result_int64(result, 0, 9);
	database->started_seconds = result_double(result, 0, 11);
	reply_info(info);
}

const struct lane_facts *
pool_admin_lane(const struct pool_facts *facts)
{
	for (int i = 0; i < facts->count; i++)
		if (facts->lanes[i].kind == LANE_ADMIN)
			return &facts->lanes[i];
	return NULL;
}

bool
pool_can_ask(const struct pool_facts *facts)
{
	const struct lane_facts *admin = pool_admin_lane(facts);

	return admin != NULL && admin->error[0] == '\0';
}

static void
add_sum(struct pool_sum *all, const struct pool_sum *one)
{
	for (int i = 0; i < LANE_STATE_COUNT; i++)
		all->states[i] += one->states[i];
	all->lanes += one->lanes;
	all->queued += one->queued;
	all->failing += one->failing;
	if (one->error != NULL)
		all->error = one->error;
	if (one->oldest_us > all->oldest_us)
		all->oldest_us = one->oldest_us;
	if (one->seconds > all->seconds)
		all->seconds = one->seconds;
	lane_counters_add(&all->recent, &one->recent);
}

static void
take_facts(void *arg, struct pool_facts *facts)
{
	struct info *info = arg;
	const struct lane_facts *admin = pool_admin_lane(facts);

	info->facts = facts;
	info->point = pool_sum_class(facts, POOL_POINT);
	for (int i = 0; i < POOL_CLASS_COUNT; i++) {
		struct pool_sum sum = pool_sum_class(facts, (enum pool_class)i);

		add_sum(&info->all, &sum);
	}
	if (pool_can_ask(facts)) {
		call_send_route(call_new(info->request->store, SQL_pool_server,
					take_database, info),
			ROUTE_ADMIN, info->request->db);
		return;
	}
	snprintf(info->database.error, sizeof(info->database.error), "%s",
		admin != NULL ? admin->error : "");
	reply_info(info);
}

void
pool_run_info(struct request *request)
{
	struct info *info = request_allocate(request, sizeof(*info));

	memset(info, 0, sizeof(*info));
	info->request = request;
	pool_read(request->store, take_facts, info);
}
