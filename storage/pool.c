/* Reading the lanes, and the queue of changes; see pool.h. */
#include "storage/pool.h"

#include "storage/base/clock.h"
#include "storage/base/memory.h"
#include "storage/embedded_settings.h"
#include "storage/link.h"
#include "storage/pool_state.h"
#include "storage/store_state.h"

#include <event2/event.h>
#include <libpq-fe.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum {
	MARK_SECONDS = 15, /* see lane_turn_mark() */
	DELAY_FIRST_US = 500,
	DELAY_LAST_US = 20000,
	POINT_LANES_MOST = 16,
	BULK_LANES_MOST = 8,
};

static const char *const class_names[POOL_CLASS_COUNT] = {
	[POOL_POINT] = "point",
	[POOL_TRANSACTION] = "transaction",
	[POOL_BULK] = "bulk",
	[POOL_STREAM] = "stream",
	[POOL_LISTENER] = "listener",
	[POOL_ADMIN] = "admin",
};

const char *pool_class_name(enum pool_class class)
{
	return class_names[class];
}

bool
pool_class_find(struct bytes name, enum pool_class *class)
{
	for (int i = 0; i < POOL_CLASS_COUNT; i++)
		if (bytes_is_word(name, class_names[i])) {
			*class = (enum pool_class)i;
			return true;
		}
	return false;
}

enum pool_class
pool_class_of(enum lane_kind kind)
{
	static const enum pool_class classes[LANE_KIND_COUNT] = {
		[LANE_POINT] = POOL_POINT,
		[LANE_JOINT] = POOL_TRANSACTION,
		[LANE_BULK] = POOL_BULK,
		[LANE_STREAM] = POOL_STREAM,
		[LANE_ADMIN] = POOL_ADMIN,
	};

	return classes[kind];
}

struct pool_size
pool_size(const struct storage *storage, enum pool_class class)
{
	const struct pool *pool = storage->pool;
	struct pool_size size = { 1, 1, 1, true };

	switch (class) {
	case POOL_POINT:
		size.lanes = storage->point_lanes;
		break;
	case POOL_BULK:
		size.lanes = storage->bulk_lanes;
		break;
	case POOL_STREAM:
		size.lanes = size.least = size.most = storage->store_count;
		return size;
	default:
		return size;
	}
	size.least = pool->bounds[class].least;
	size.most = pool->bounds[class].most;
	size.fixed = false;
	return size;
}

int
pool_connections(
	const struct storage *storage, enum pool_class class, int lanes)
{
	enum { OTHERS = 4 /* the pool's, the sweeper's, the feed's two */ };
	int point = class == POOL_POINT ? lanes : storage->point_lanes;
	int bulk = class == POOL_BULK ? lanes : storage->bulk_lanes;
	int joint = point > 1, used = 0;

	for (int i = 0; i < CLASS_COUNT; i++)
		used += storage_database_of_class(
				storage, (enum storage_class)i) >= 0;
	return used * (point + joint + bulk + storage->store_count) + OTHERS;
}

static bool
is_this_machine(const char *host)
{
	return host == NULL || *host == '\0' || *host == '/' || *host == '@' ||
		strcmp(host, "localhost") == 0 ||
		strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}

struct pool_machine
pool_machine(const struct storage *storage)
{
	PQconninfoOption *options =
		PQconninfoParse(storage->options.conninfo, NULL);
	struct pool_machine machine = { 0, 0 };
	const char *host = getenv("PGHOST");

	for (PQconninfoOption *option = options;
		option != NULL && option->keyword != NULL; option++)
		if (option->val != NULL &&
			(strcmp(option->keyword, "host") == 0 ||
				strcmp(option->keyword, "hostaddr") == 0))
			host = option->val;
	if (is_this_machine(host)) {
		machine.memory = (int64_t)embedded_settings_find_memory();
		machine.cores = (int)sysconf(_SC_NPROCESSORS_ONLN);
	}
	PQconninfoFree(options);
	return machine;
}

/* --- walking --------------------------------------------------------- */

struct walk {
	struct store *home;
	int next;
	void (*visit)(struct store *store, void *arg);
	void (*done)(void *arg);
	void *arg;
};

static void
end_walk(struct store *store, void *arg)
{
	struct walk *walk = arg;

	(void)store;
	walk->done(walk->arg);
	free(walk);
}

static void
walk_on(struct store *store, void *arg)
{
	struct walk *walk = arg;
	struct storage *storage = store->storage;

	walk->visit(store, walk->arg);
	if (++walk->next < storage->store_count)
		store_post(storage->stores[walk->next], walk_on, walk);
	else
		store_post(walk->home, end_walk, walk);
}

void
pool_walk(struct store *home, void (*visit)(struct store *store, void *arg),
	void (*done)(void *arg), void *arg)
{
	struct walk *walk = memory_allocate(sizeof(*walk));

	*walk = (struct walk){ home, 0, visit, done, arg };
	store_post(home->storage->stores[0], walk_on, walk);
}

void
pool_walk_change(struct pool_change *change,
	void (*visit)(struct store *store, void *change),
	void (*done)(void *change))
{
	pool_walk(change->pool->home, visit, done, change);
}

static void
look_at_store(struct store *store, void *arg)
{
	struct pool_change *change = arg;

	store_each_lane(store, change->look, change);
}

void
pool_look_at_lanes(struct pool_change *change,
	void (*look)(struct lane *lane, void *change),
	void (*done)(void *change))
{
	change->look = look;
	change->looks_good = true;
	pool_walk_change(change, look_at_store, done);
}

/* --- reading --------------------------------------------------------- */

struct reading {
	struct storage *storage;
	struct pool_facts *facts;
	void (*done)(void *arg, struct pool_facts *facts);
	void *arg;
};

static void
add_lane(struct lane *lane, void *arg)
{
	const struct reading *reading = arg;
	struct pool_facts *facts = reading->facts;
	struct lane_facts *place;

	if (facts->count == facts->capacity) {
		facts->capacity = facts->capacity * 2 + 16;
		facts->lanes = memory_resize(facts->lanes,
			(size_t)facts->capacity * sizeof(*facts->lanes));
	}
	place = &facts->lanes[facts->count];
	lane_read_facts(lane, place);
	/* Lanes of classes that no database has are there, but of no use. */
	if (place->kind == LANE_ADMIN ||
		storage_database_of_class(reading->storage, place->class) >= 0)
		facts->count++;
}

static void
read_store(struct store *store, void *arg)
{
	store_each_lane(store, add_lane, arg);
}

static void
read_background(struct reading *reading)
{
	static const enum pool_class classes_of_places[PLACE_COUNT] = {
		[PLACE_SWEEPER] = POOL_ADMIN,
		[PLACE_FEED] = POOL_LISTENER,
		[PLACE_REGISTRAR] = POOL_LISTENER,
		[PLACE_MESSAGES] = POOL_LISTENER,
	};

	for (int i = 0; i < PLACE_COUNT; i++) {
		const struct link_place *place = &reading->storage->places[i];

		reading->facts->background[i] = (struct pool_background){
			.class = classes_of_places[i],
			.used = place->used,
			.active = place->active,
			.backend_pid = place->backend_pid,
		};
	}
}

static void
end_reading(void *arg)
{
	struct reading *reading = arg;

	read_background(reading);

	reading->done(reading->arg, reading->facts);
	free(reading);
}

void
pool_read(struct store *store,
	void (*done)(void *arg, struct pool_facts *facts), void *arg)
{
	struct storage *storage = store->storage;
	struct reading *reading = memory_allocate(sizeof(*reading));

	*reading = (struct reading){ storage,
		memory_allocate_zeroed(1, sizeof(*reading->facts)), done, arg };
	reading->facts->paused = storage->paused;
	for (int i = 0; i < CLASS_COUNT; i++)
		reading->facts->used_classes +=
			storage_database_of_class(
				storage, (enum storage_class)i) >= 0;
	pool_walk(store, read_store, end_reading, reading);
}

void
pool_facts_free(struct pool_facts *facts)
{
	if (facts == NULL)
		return;
	free(facts->lanes);
	free(facts);
}

/* --- changes --------------------------------------------------------- */

struct pool_change *
pool_change_new(struct store *origin, pool_done done, void *arg)
{
	struct pool_change *change = memory_allocate_zeroed(1, sizeof(*change));

	change->pool = origin->storage->pool;
	change->origin = origin;
	change->done = done;
	change->arg = arg;
	return change;
}

static void
free_change(struct pool_change *change)
{
	free(change->lanes);
	free(change);
}

static void
start_next(struct pool *pool)
{
	struct pool_change *change = pool->waiting;

	if (pool->change != NULL || change == NULL)
		return;
	pool->waiting = change->next;
	if (pool->waiting == NULL)
		pool->waiting_tail = &pool->waiting;
	pool->change = change;
	change->start(change);
}

static void
take_change(struct store *store, void *arg)
{
	struct pool *pool = store->storage->pool;
	struct pool_change *change = arg;

	change->next = NULL;
	*pool->waiting_tail = change;
	pool->waiting_tail = &change->next;
	start_next(pool);
}

void
pool_submit_change(struct pool_change *change)
{
	store_post(change->pool->home, take_change, change);
}

static void
tell_outcome(struct store *store, void *arg)
{
	struct pool_change *change = arg;

	(void)store;
	change->done(change->arg, &change->outcome);
	free_change(change);
}

void
pool_finish_change(struct pool_change *change)
{
	struct pool *pool = change->pool;

	event_del(pool->timer);
	pool->change = NULL;
	store_post(change->origin, tell_outcome, change);
	start_next(pool);
}

void
pool_end_change(void *change)
{
	pool_finish_change(change);
}

void
pool_fail_change(struct pool_change *change, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(change->outcome.error, sizeof(change->outcome.error), format,
		arguments);
	va_end(arguments);
}

void
pool_step_later(
	struct pool_change *change, void (*step)(struct pool_change *change))
{
	struct timeval delay = { 0, (suseconds_t)change->delay_us };

	change->step = step;
	event_add(change->pool->timer, &delay);
	change->delay_us = change->delay_us * 3 / 2;
	if (change->delay_us > DELAY_LAST_US)
		change->delay_us = DELAY_LAST_US;
}

void
pool_set_patience(struct pool_change *change, int64_t patience_ms)
{
	change->deadline_us = clock_monotonic_us() + patience_ms * 1000;
	change->delay_us = DELAY_FIRST_US;
}

bool
pool_is_overdue(const struct pool_change *change)
{
	return clock_monotonic_us() >= change->deadline_us;
}

static void
on_timer(evutil_socket_t socket, short what, void *arg)
{
	struct pool *pool = arg;

	(void)socket;
	(void)what;
	if (pool->change != NULL)
		pool->change->step(pool->change);
}

/* --- life ------------------------------------------------------------ */

static void
turn_mark(struct lane *lane, void *arg)
{
	(void)arg;
	lane_turn_mark(lane);
}

static void
turn_marks(struct store *store, void *arg)
{
	store_each_lane(store, turn_mark, arg);
}

static void
ignore(void *arg)
{
	(void)arg;
}

static void
on_tick(evutil_socket_t socket, short what, void *arg)
{
	struct pool *pool = arg;

	(void)socket;
	(void)what;
	if (pool->closing)
		return;
	if (++pool->ticks % MARK_SECONDS == 0)
		pool_walk(pool->home, turn_marks, ignore, NULL);
	pool_tune_tick(pool);
}

/* Of a class of which nobody has set them yet. */
static void
set_bounds(struct pool *pool, enum pool_class class, int lanes, int most)
{
	pool->bounds[class].least = 1;
	pool->bounds[class].most = lanes > most ? lanes : most;
}

struct pool *
pool_new(struct storage *storage)
{
	struct pool *pool = memory_allocate_zeroed(1, sizeof(*pool));
	struct timeval second = { 1, 0 };

	pool->storage = storage;
	pool->home = storage->stores[0];
	pool->waiting_tail = &pool->waiting;
	pool->free_connections = pool->max_connections = -1;
	set_bounds(pool, POOL_POINT, storage->options.lanes, POINT_LANES_MOST);
	set_bounds(
		pool, POOL_BULK, storage->options.bulk_lanes, BULK_LANES_MOST);
	pool->timer = evtimer_new(pool->home->base, on_timer, pool);
	pool->tick = event_new(pool->home->base, -1, EV_PERSIST, on_tick, pool);
	event_add(pool->tick, &second);
	return pool;
}

void
pool_free(struct pool *pool)
{
	if (pool == NULL)
		return;
	event_free(pool->timer);
	event_free(pool->tick);
	if (pool->change != NULL)
		free_change(pool->change);
	while (pool->waiting != NULL) {
		struct pool_change *change = pool->waiting;

		pool->waiting = change->next;
		free_change(change);
	}
	pool_tune_free(pool);
	free(pool);
}
