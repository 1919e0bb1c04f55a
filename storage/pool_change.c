/* Pausing, replacing and closing connections; see pool.h. */
#include "storage/base/memory.h"
#include "storage/lane.h"
#include "storage/pool_state.h"
#include "storage/store_state.h"

#include <stdlib.h>

enum { RECONNECT_PATIENCE_MS = 10000 };

/* --- PAUSE and RESUME ------------------------------------------------ */

static void
wake_lane(struct lane *lane, void *arg)
{
	store_mark_dirty(arg, lane);
}

static void
wake_lanes(struct store *store, void *arg)
{
	(void)arg;
	store_each_lane(store, wake_lane, store);
}

static void
look_at_lane(struct lane *lane, void *arg)
{
	struct pool_change *change = arg;

	if (lane_kind(lane) != LANE_ADMIN && lane_is_busy(lane))
		change->looks_good = false;
}

static void look_for_batches(struct pool_change *change);

static void
end_look(void *arg)
{
	struct pool_change *change = arg;
	struct storage *storage = change->pool->storage;

	if (!storage->paused) {
		pool_fail_change(change, "it was resumed meanwhile");
		pool_finish_change(change);
	} else if (change->looks_good) {
		pool_finish_change(change);
	} else if (pool_is_overdue(change)) {
		storage->paused = false;
		pool_fail_change(change,
			"a batch did not end in time, so the pool runs on; see "
			"POOL DIAGNOSTICS");
		pool_walk_change(change, wake_lanes, pool_end_change);
	} else {
		pool_step_later(change, look_for_batches);
	}
}

static void
look_for_batches(struct pool_change *change)
{
	pool_look_at_lanes(change, look_at_lane, end_look);
}

static void
start_pause(struct pool_change *change)
{
	change->pool->storage->paused = true;
	pool_set_patience(change, change->limit_us / 1000);
	look_for_batches(change);
}

void
pool_pause(struct store *store, int64_t timeout_ms, pool_done done, void *arg)
{
	struct pool_change *change = pool_change_new(store, done, arg);

	change->limit_us = timeout_ms * 1000;
	change->start = start_pause;
	pool_submit_change(change);
}

struct resuming {
	pool_done done;
	void *arg;
};

static void
end_resume(void *arg)
{
	struct resuming *resuming = arg;
	struct pool_outcome outcome = { .error = "" };

	resuming->done(resuming->arg, &outcome);
	free(resuming);
}

/* No change like the others: it does not wait for them. */
void
pool_resume(struct store *store, pool_done done, void *arg)
{
	struct resuming *resuming = memory_allocate(sizeof(*resuming));

	*resuming = (struct resuming){ done, arg };
	store->storage->paused = false;
	pool_walk(store, wake_lanes, end_resume, resuming);
}

void
pool_close(struct storage *storage)
{
	storage->pool->closing = true;
	storage->paused = false;
	for (int i = 0; i < storage->store_count; i++)
		store_post(storage->stores[i], wake_lanes, NULL);
}

/* --- RECONNECT ------------------------------------------------------- */

static void replace_next(struct pool_change *change);

static void
note_lane(struct lane *lane, void *arg)
{
	struct pool_change *change = arg;
	struct lane_facts facts;

	lane_read_facts(lane, &facts);
	if (facts.state == LANE_CLOSED || facts.state == LANE_RETIRED)
		return;
	if (change->lane_count == change->lane_capacity) {
		change->lane_capacity = change->lane_capacity * 2 + 16;
		change->lanes = memory_resize(change->lanes,
			(size_t)change->lane_capacity * sizeof(*change->lanes));
	}
	change->lanes[change->lane_count++] = lane;
}

static void
note_lanes(struct store *store, void *arg)
{
	store_each_lane(store, note_lane, arg);
}

static struct lane *
lane_under_way(const struct pool_change *change)
{
	return change->lanes[change->lane_next];
}

static void
describe_failure(struct store *store, void *arg)
{
	struct pool_change *change = arg;
	struct lane_facts facts;

	if (lane_store(lane_under_way(change)) != store)
		return;
	lane_read_facts(lane_under_way(change), &facts);
	pool_fail_change(change,
		"%d of %d connections were replaced; '%s' is not connected: %s",
		change->outcome.count, change->lane_count, facts.name,
		facts.error[0] != '\0' ? facts.error : "it takes too long");
}

static void
wait_for_session(struct pool_change *change)
{
	const struct lane *lane = lane_under_way(change);
	bool connected = lane_is_connected(lane);

	if (connected && lane_sessions(lane) != change->sessions) {
		change->outcome.count++;
	} else if (!pool_is_overdue(change)) {
		pool_step_later(change, wait_for_session);
		return;
	} else if (!connected) {
		pool_walk_change(change, describe_failure, pool_end_change);
		return;
	} else {
		/* Its batch takes long; it is replaced behind it. */
		pool_fail_change(change,
			"a connection is still at work and will be replaced "
			"behind that");
	}
	change->lane_next++;
	replace_next(change);
}

static void
replace_lane(struct store *store, void *arg)
{
	struct pool_change *change = arg;
	struct lane *lane = lane_under_way(change);

	if (lane_store(lane) != store)
		return;
	change->sessions = lane_sessions(lane);
	if (lane_is_connected(lane))
		lane_renew(lane);
}

static void
start_waiting(void *arg)
{
	struct pool_change *change = arg;

	pool_set_patience(change, RECONNECT_PATIENCE_MS);
	wait_for_session(change);
}

static void
replace_next(struct pool_change *change)
{
	if (change->lane_next == change->lane_count)
		pool_finish_change(change);
	else
		pool_walk_change(change, replace_lane, start_waiting);
}

static void
start_replacing(void *arg)
{
	replace_next(arg);
}

static void
start_reconnect(struct pool_change *change)
{
	pool_walk_change(change, note_lanes, start_replacing);
}

void
pool_reconnect(struct store *store, pool_done done, void *arg)
{
	struct pool_change *change = pool_change_new(store, done, arg);

	change->start = start_reconnect;
	pool_submit_change(change);
}

/* --- TERMINATE IDLE -------------------------------------------------- */

static void
close_idle_lane(struct lane *lane, void *arg)
{
	struct pool_change *change = arg;
	struct lane_facts facts;

	lane_read_facts(lane, &facts);
	if (facts.kind != LANE_ADMIN && facts.state == LANE_IDLE &&
		facts.state_us >= change->limit_us && lane_close(lane))
		change->outcome.count++;
}

static void
close_idle_lanes(struct store *store, void *arg)
{
	store_each_lane(store, close_idle_lane, arg);
}

static void
start_closing(struct pool_change *change)
{
	pool_walk_change(change, close_idle_lanes, pool_end_change);
}

void
pool_close_idle(struct store *store, int64_t idle_us, pool_done done, void *arg)
{
	struct pool_change *change = pool_change_new(store, done, arg);

	change->limit_us = idle_us;
	change->start = start_closing;
	pool_submit_change(change);
}
