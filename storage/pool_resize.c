/* More or fewer lanes, while calls go on; see pool.h.
 *
 * Which point lane a key belongs to changes with their number, so a call must
 * not be sent to its new lane before all calls of its old one have ended.
 * Every store therefore holds its calls back, in their order, until all lanes
 * are empty.  Lanes to be added connect before that, so that clients wait for
 * a batch and not for a connection; when they cannot, nothing has changed.
 *
 *	open ─▶ connected ─▶ no request needs a single lane ─▶ hold ─▶ empty
 *	                                   retire ◀─ release ◀─ new number ◀─┘
 *
 * Calls of bulk lanes have no order to keep. */
#include "storage/lane.h"
#include "storage/pool_state.h"
#include "storage/store_state.h"

#include <assert.h>
#include <stdio.h>

enum { CONNECT_PATIENCE_MS = 10000, DRAIN_PATIENCE_MS = 5000 };

static struct storage *
storage_of(const struct pool_change *change)
{
	return change->pool->storage;
}

/* --- the end --------------------------------------------------------- */

/* Why the first lane that is to go is not connected, if it is not. */
static void
note_error(struct lane *lane, struct pool_change *change)
{
	struct lane_facts facts;
	size_t size = sizeof(change->outcome.error);

	if (change->outcome.error[0] != '?')
		return;
	lane_read_facts(lane, &facts);
	if (facts.error[0] != '\0')
		snprintf(change->outcome.error, size,
			"a new connection cannot be made: %s", facts.error);
}

/* Its own lanes beyond the present number. */
static void
retire_surplus(struct store *store, void *arg)
{
	struct pool_change *change = arg;
	struct storage *storage = store->storage;
	struct lane *lane;

	for (int i = 0; i < CLASS_COUNT; i++) {
		struct lane_set *set = &storage->sets[i];

		for (int j = storage->point_lanes;
			j < STORAGE_POINT_LANES_MAX &&
			(lane = set->point[j]) != NULL;
			j++) {
			if (lane_store(lane) != store)
				continue;
			note_error(lane, change);
			lane_retire(lane);
		}
		for (int j = storage->bulk_lanes; j < STORAGE_BULK_LANES_MAX &&
			(lane = set->bulk[j]) != NULL;
			j++)
			if (lane_store(lane) == store)
				lane_retire(lane);
	}
}

static void
say_it_took_too_long(void *arg)
{
	struct pool_change *change = arg;

	if (change->outcome.error[0] == '?')
		pool_fail_change(change,
			"new connections took longer than %d s",
			CONNECT_PATIENCE_MS / 1000);
	pool_finish_change(change);
}

/* Nothing was changed; the new lanes go. */
static void
give_up(struct pool_change *change)
{
	storage_of(change)->single_lane = change->was_single;
	change->outcome.after = change->outcome.before;
	pool_walk_change(change, retire_surplus, say_it_took_too_long);
}

static void
set_bounds(struct pool_change *change)
{
	struct pool *pool = change->pool;

	if (change->least == 0)
		return;
	pool->bounds[change->class].least = change->least;
	pool->bounds[change->class].most = change->most;
}

/* --- holding, draining, dealing out anew ----------------------------- */

static void
release_and_retire(struct store *store, void *arg)
{
	store_release(store);
	retire_surplus(store, arg);
}

static void
release(struct store *store, void *arg)
{
	(void)arg;
	store_release(store);
}

static void
give_up_held(void *arg)
{
	give_up(arg);
}

static void look_at_lanes(struct pool_change *change);

static void
look_at_lane(struct lane *lane, void *arg)
{
	struct pool_change *change = arg;
	enum lane_kind kind = lane_kind(lane);

	if ((kind == LANE_POINT || kind == LANE_JOINT) && !lane_is_empty(lane))
		change->looks_good = false;
}

static void
end_look(void *arg)
{
	struct pool_change *change = arg;
	struct storage *storage = storage_of(change);

	if (change->looks_good) {
		storage->point_lanes = change->outcome.after;
		storage->single_lane = change->outcome.after == 1;
		set_bounds(change);
		pool_walk_change(change, release_and_retire, pool_end_change);
	} else if (pool_is_overdue(change)) {
		pool_fail_change(change,
			"a lane did not become empty within %d s; see POOL "
			"DIAGNOSTICS",
			DRAIN_PATIENCE_MS / 1000);
		pool_walk_change(change, release, give_up_held);
	} else {
		pool_step_later(change, look_at_lanes);
	}
}

/* Every store holds by now, and tasks run behind the calls that were posted
 * before them: a store whose lanes are empty stays so. */
static void
look_at_lanes(struct pool_change *change)
{
	pool_look_at_lanes(change, look_at_lane, end_look);
}

static void
hold_store(struct store *store, void *arg)
{
	(void)arg;
	store_hold(store);
}

static void
start_looking(void *arg)
{
	look_at_lanes(arg);
}

static void
hold(struct pool_change *change)
{
	pool_set_patience(change, DRAIN_PATIENCE_MS);
	pool_walk_change(change, hold_store, start_looking);
}

/* --- opening --------------------------------------------------------- */

static void
wait_for_users(struct pool_change *change)
{
	if (storage_of(change)->single_lane_users == 0) {
		hold(change);
	} else if (pool_is_overdue(change)) {
		pool_fail_change(change,
			"commands of several keys did not end within %d s",
			DRAIN_PATIENCE_MS / 1000);
		give_up(change);
	} else {
		pool_step_later(change, wait_for_users);
	}
}

static void
leave_single_lane(struct pool_change *change)
{
	storage_of(change)->single_lane = false;
	pool_set_patience(change, DRAIN_PATIENCE_MS);
	wait_for_users(change);
}

static bool
are_new_lanes_connected(const struct pool_change *change)
{
	struct storage *storage = storage_of(change);

	for (int i = 0; i < CLASS_COUNT; i++) {
		if (storage_database_of_class(storage, (enum storage_class)i) <
			0)
			continue;
		for (int j = change->outcome.before; j < change->outcome.after;
			j++)
			if (!lane_is_connected(storage->sets[i].point[j]))
				return false;
	}
	return true;
}

static void
wait_for_connections(struct pool_change *change)
{
	if (are_new_lanes_connected(change)) {
		leave_single_lane(change);
	} else if (pool_is_overdue(change)) {
		pool_fail_change(change, "?");
		give_up(change);
	} else {
		pool_step_later(change, wait_for_connections);
	}
}

static void
open_lanes(struct store *store, void *arg)
{
	const struct pool_change *change = arg;
	struct storage *storage = store->storage;

	if (change->class == POOL_BULK)
		store_open_lanes(
			store, storage->point_lanes, change->outcome.after);
	else
		store_open_lanes(
			store, change->outcome.after, storage->bulk_lanes);
}

static void
start_connecting(void *arg)
{
	struct pool_change *change = arg;

	pool_set_patience(change, CONNECT_PATIENCE_MS);
	wait_for_connections(change);
}

static void
set_bulk_lanes(void *arg)
{
	struct pool_change *change = arg;

	storage_of(change)->bulk_lanes = change->outcome.after;
	set_bounds(change);
	pool_walk_change(change, retire_surplus, pool_end_change);
}

static int
nearest(const struct pool_change *change, int size)
{
	int least = change->least, most = change->most;

	if (change->size != 0)
		return change->size;
	return size < least ? least : size > most ? most : size;
}

static void
start(struct pool_change *change)
{
	struct storage *storage = storage_of(change);
	struct pool_outcome *outcome = &change->outcome;

	outcome->before = outcome->after =
		pool_size(storage, change->class).lanes;
	change->was_single = storage->single_lane;
	if (storage->paused) {
		pool_fail_change(change, "the pool is paused");
		pool_finish_change(change);
		return;
	}
	outcome->after = nearest(change, outcome->before);
	if (outcome->after == outcome->before) {
		set_bounds(change);
		pool_finish_change(change);
	} else if (change->class == POOL_BULK) {
		pool_walk_change(change, open_lanes, set_bulk_lanes);
	} else if (outcome->after > outcome->before) {
		pool_walk_change(change, open_lanes, start_connecting);
	} else {
		hold(change);
	}
}

struct pool_change *
pool_resize_new(struct store *origin, enum pool_class class, int least,
	int most, pool_done done, void *arg)
{
	struct pool_change *change = pool_change_new(origin, done, arg);

	assert(class == POOL_POINT || class == POOL_BULK);
	change->class = class;
	change->least = least;
	change->most = most;
	change->start = start;
	return change;
}

void
pool_resize(struct store *store, enum pool_class class, int least, int most,
	pool_done done, void *arg)
{
	pool_submit_change(
		pool_resize_new(store, class, least, most, done, arg));
}
