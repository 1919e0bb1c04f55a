/* The autotuner's loop: once a second it reads the lanes, has tune_decide()
 * look at each class, and makes the change; see pool_tune.h for the rules.
 *
 * The connections that the database has left are asked for over the admin
 * lane, every few seconds while the tuner is on. */
#include "storage/base/clock.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/call.h"
#include "storage/embedded_settings.h"
#include "storage/pool_state.h"
#include "storage/store_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	ASK_INTERVAL_US = 5 * 1000 * 1000,
	/* Lanes wait for disks and networks more than they use processors. */
	LANES_PER_CORE = 4,
	LANES_CEILING_LEAST = 2,
	BACKEND_SIZE = 16 << 20, /* bytes, about */
	MEMORY_SHARE = 16, /* so small a part may be backends */
};

static const enum pool_class tuned_classes[] = { POOL_POINT, POOL_BULK };

enum { TUNED_COUNT = sizeof(tuned_classes) / sizeof(tuned_classes[0]) };

/* --- what the database has left -------------------------------------- */

static void
take_limits(void *arg, const struct result *result)
{
	struct pool *pool = arg;

	pool->question = NULL;
	pool->free_connections = pool->max_connections = -1;
	if (result->status != STORE_OK || result->row_count != 1)
		return;
	pool->max_connections = (int)result_int64(result, 0, 0);
	pool->free_connections = (int)result_int64(result, 0, 2);
}

static void
ask_limits(struct pool *pool, int64_t now_us)
{
	if (pool->question != NULL || now_us - pool->asked_us < ASK_INTERVAL_US)
		return;
	pool->asked_us = now_us;
	pool->question =
		call_new(pool->home, SQL_pool_limits, take_limits, pool);
	call_send_route(pool->question, ROUTE_ADMIN, 0);
}

/* --- decisions ------------------------------------------------------- */

struct proposal {
	struct pool *pool;
	struct pool_decision decision;
};

static void
remember(struct pool *pool, const struct pool_decision *decision)
{
	struct pool_tuning *tuning = &pool->tuning;

	if (tuning->count < POOL_DECISIONS_MAX)
		tuning->count++;
	memmove(tuning->decisions + 1, tuning->decisions,
		(size_t)(tuning->count - 1) * sizeof(*decision));
	tuning->decisions[0] = *decision;
	log_event(LOG_NOTICE, "pool autotune", "class",
		log_text(pool_class_name(decision->class)), "from",
		log_int(decision->before), "to", log_int(decision->after),
		"reason", log_text(decision->reason), NULL);
}

static void
note_result(void *arg, const struct pool_outcome *outcome)
{
	struct proposal *proposal = arg;
	struct pool_decision *decision = &proposal->decision;

	decision->before = outcome->before;
	decision->after = outcome->after;
	if (outcome->error[0] != '\0') {
		decision->failed = true;
		snprintf(decision->reason, sizeof(decision->reason), "%.*s",
			(int)sizeof(decision->reason) - 1, outcome->error);
	}
	remember(proposal->pool, decision);
	free(proposal);
}

static void
change_size(struct pool *pool, enum pool_class class, int size,
	const struct pool_decision *decision)
{
	struct proposal *proposal = memory_allocate(sizeof(*proposal));
	struct pool_change *change;

	*proposal = (struct proposal){ pool, *decision };
	change =
		pool_resize_new(pool->home, class, 0, 0, note_result, proposal);
	change->size = size;
	pool_submit_change(change);
}

static void
decide(struct pool *pool, enum pool_class class,
	const struct tune_sample *sample)
{
	struct pool_decision decision = { .time_us = clock_wall_us(),
		.class = class,
		.before = sample->size,
		.after = sample->size };
	int size = tune_decide(&pool->tunes[class], sample, decision.reason);

	if (size != sample->size)
		change_size(pool, class, size, &decision);
	else if (decision.reason[0] != '\0')
		remember(pool, &decision);
}

/* --- samples --------------------------------------------------------- */

struct sum {
	struct lane_counters counters;
	uint32_t waits[LATENCY_BUCKETS];
	int lanes;
};

static const struct lane_facts *
find_lane(const struct pool_facts *facts, const struct lane_facts *lane, int at)
{
	/* Nearly always in the same place. */
	if (at < facts->count && strcmp(facts->lanes[at].name, lane->name) == 0)
		return &facts->lanes[at];
	for (int i = 0; i < facts->count; i++)
		if (strcmp(facts->lanes[i].name, lane->name) == 0)
			return &facts->lanes[i];
	return NULL;
}

static void
add_second(struct sum *sum, const struct lane_facts *now,
	const struct lane_facts *before)
{
	struct lane_counters second =
		lane_counters_since(&now->counters, &before->counters);

	lane_counters_add(&sum->counters, &second);
	for (int i = 0; i < LATENCY_BUCKETS; i++)
		sum->waits[i] += now->all_waits[i] - before->all_waits[i];
	sum->lanes += now->state != LANE_RETIRED;
}

static int
ceiling(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN) * LANES_PER_CORE;
	long memory = (long)(embedded_settings_find_memory() / MEMORY_SHARE /
		BACKEND_SIZE);
	long least = cores < memory ? cores : memory;

	return least < LANES_CEILING_LEAST ? LANES_CEILING_LEAST : (int)least;
}

static double
ratio(double a, double b)
{
	return b > 0 ? a / b : 0;
}

static void
fill_sample(struct tune_sample *sample, const struct sum *sum, double seconds)
{
	const struct lane_counters *second = &sum->counters;

	sample->calls_per_second = (double)second->calls / seconds;
	sample->busy = ratio(
		(double)second->busy_us / 1e6, seconds * (double)sum->lanes);
	sample->pressure = ratio(
		ratio((double)second->wait_us, (double)second->calls),
		ratio((double)second->busy_us, (double)second->batches));
	sample->wait_p95_us = lane_wait_percentile(sum->waits, 95);
}

/* Of the storage class whose lanes are the busiest. */
static struct tune_sample
take_sample(const struct pool *pool, const struct pool_facts *facts,
	enum pool_class class, double seconds)
{
	struct pool_size size = pool_size(pool->storage, class);
	struct tune_sample busiest = { .busy = -1 };

	for (int i = 0; i < CLASS_COUNT; i++) {
		struct tune_sample sample = { .busy = 0 };
		struct sum sum = { .lanes = 0 };

		for (int j = 0; j < facts->count; j++) {
			const struct lane_facts *now = &facts->lanes[j];
			const struct lane_facts *before;

			if (pool_class_of(now->kind) != class ||
				now->class != (enum storage_class)i)
				continue;
			before = find_lane(pool->before, now, j);
			if (before != NULL)
				add_second(&sum, now, before);
		}
		fill_sample(&sample, &sum, seconds);
		if (sample.busy > busiest.busy)
			busiest = sample;
	}
	busiest.size = size.lanes;
	busiest.least = size.least;
	busiest.most = size.most;
	busiest.ceiling = ceiling();
	busiest.free_connections = pool->free_connections;
	busiest.reserve = pool->max_connections / 10;
	busiest.cost = facts->used_classes;
	return busiest;
}

static void
take_facts(void *arg, struct pool_facts *facts)
{
	struct pool *pool = arg;
	int64_t now_us = clock_monotonic_us();
	double seconds = (double)(now_us - pool->before_us) / 1e6;

	pool->reading = false;
	if (!pool->tuned) {
		pool_facts_free(facts);
		return;
	}
	for (size_t i = 0; pool->before != NULL && i < TUNED_COUNT; i++) {
		enum pool_class class = tuned_classes[i];

		pool->tuning.samples[class] =
			take_sample(pool, facts, class, seconds);
		pool->tuning.sampled[class] = true;
		if (pool->change == NULL && !facts->paused)
			decide(pool, class, &pool->tuning.samples[class]);
	}
	pool_facts_free(pool->before);
	pool->before = facts;
	pool->before_us = now_us;
}

void
pool_tune_tick(struct pool *pool)
{
	if (!pool->tuned || pool->reading)
		return;
	ask_limits(pool, clock_monotonic_us());
	pool->reading = true;
	pool_read(pool->home, take_facts, pool);
}

/* --- AUTOTUNE -------------------------------------------------------- */

static void
start_tuning(struct pool_change *change)
{
	struct pool *pool = change->pool;
	bool on = change->looks_good;

	if (on && !pool->tuned)
		memset(pool->tunes, 0, sizeof(pool->tunes));
	if (pool->tuned != on)
		log_event(LOG_NOTICE,
			on ? "pool autotune on" : "pool autotune off", NULL);
	pool->tuned = on;
	pool_facts_free(pool->before);
	pool->before = NULL;
	memset(pool->tuning.sampled, 0, sizeof(pool->tuning.sampled));
	pool_finish_change(change);
}

void
pool_set_tuning(struct store *store, bool on, pool_done done, void *arg)
{
	struct pool_change *change = pool_change_new(store, done, arg);

	change->looks_good = on;
	change->start = start_tuning;
	pool_submit_change(change);
}

bool
pool_is_tuned(const struct storage *storage)
{
	return storage->pool->tuned;
}

struct tuning_read {
	struct pool_tuning tuning;
	void (*done)(void *arg, const struct pool_tuning *tuning);
	void *arg;
};

static void
copy_tuning(struct store *store, void *arg)
{
	struct tuning_read *read = arg;
	struct pool *pool = store->storage->pool;

	if (store != pool->home)
		return;
	read->tuning = pool->tuning;
	read->tuning.on = pool->tuned;
}

static void
end_tuning_read(void *arg)
{
	struct tuning_read *read = arg;

	read->done(read->arg, &read->tuning);
	free(read);
}

void
pool_read_tuning(struct store *store,
	void (*done)(void *arg, const struct pool_tuning *tuning), void *arg)
{
	struct tuning_read *read = memory_allocate_zeroed(1, sizeof(*read));

	read->done = done;
	read->arg = arg;
	pool_walk(store, copy_tuning, end_tuning_read, read);
}

void
pool_tune_free(struct pool *pool)
{
	pool_facts_free(pool->before);
	/* Its lane has ended, and with it the only other owner. */
	free(pool->question);
}
