/* Workers' mailboxes and the choice of lanes; see store.h. */
#include "storage/store.h"

#include "storage/base/clock.h"
#include "storage/base/memory.h"
#include "storage/gate.h"
#include "storage/link.h"
#include "storage/pool.h"
#include "storage/store_state.h"

#include <assert.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum { FREE_CALLS_MAX = 4096 };

/* --- mailbox --------------------------------------------------------- */

/* With the mutex held. */
static void
wake_locked(struct store *store)
{
	uint64_t one = 1;

	if (store->woken)
		return;
	store->woken = true;
	if (write(store->wake_fd, &one, sizeof(one)) < 0)
		store->woken = false;
}

static void
post(struct store *store, struct call ***tail, struct call *call)
{
	call->next = NULL;
	pthread_mutex_lock(&store->mutex);
	**tail = call;
	*tail = &call->next;
	wake_locked(store);
	pthread_mutex_unlock(&store->mutex);
}

void
store_post_wake(struct store *store, struct lane *lane)
{
	pthread_mutex_lock(&store->mutex);
	if (store->wanting_count == store->wanting_capacity) {
		store->wanting_capacity = store->wanting_capacity * 2 + 16;
		store->wanting = memory_resize(store->wanting,
			(size_t)store->wanting_capacity *
				sizeof(*store->wanting));
	}
	store->wanting[store->wanting_count++] = lane;
	wake_locked(store);
	pthread_mutex_unlock(&store->mutex);
}

void
store_post(struct store *store, void (*run)(struct store *store, void *arg),
	void *arg)
{
	struct store_task *task = memory_allocate(sizeof(*task));

	*task = (struct store_task){ NULL, run, arg };
	pthread_mutex_lock(&store->mutex);
	*store->tasks_tail = task;
	store->tasks_tail = &task->next;
	wake_locked(store);
	pthread_mutex_unlock(&store->mutex);
}

/* Whole in the sender's thread, so that it happens once for a falling edge. */
static void
announce_drained(struct storage *storage)
{
	for (int i = 0; i < storage->store_count; i++) {
		struct store *store = storage->stores[i];

		if (store == NULL)
			continue;
		pthread_mutex_lock(&store->mutex);
		store->announce_drained = true;
		wake_locked(store);
		pthread_mutex_unlock(&store->mutex);
	}
}

static void
count_finished(struct storage *storage, size_t size)
{
	long left = atomic_fetch_sub_explicit(
			    &storage->queued, 1, memory_order_relaxed) -
		1;
	size_t left_size = atomic_fetch_sub_explicit(&storage->queued_size,
				   size, memory_order_relaxed) -
		size;

	if (atomic_load_explicit(&storage->saturated, memory_order_relaxed) &&
		left < storage->options.queue_max / 2 &&
		left_size < storage->options.queue_max_size / 2 &&
		atomic_exchange(&storage->saturated, false))
		announce_drained(storage);
}

static void
finish_here(struct store *store, struct call *call)
{
	count_finished(store->storage, call->size);
	call_finish(call);
}

static void
finish_all(struct store *store, struct call *call)
{
	while (call != NULL) {
		struct call *next = call->next;

		finish_here(store, call);
		call = next;
	}
}

/* With the mutex held: takes what other workers have sent to these lanes. */
static struct call *
take_incoming(struct store *store)
{
	struct call *incoming = store->incoming;

	store->incoming = NULL;
	store->incoming_tail = &store->incoming;
	return incoming;
}

static void
enqueue_all(struct call *call)
{
	while (call != NULL) {
		struct call *next = call->next;

		lane_enqueue(call->lane, call);
		call = next;
	}
}

void
store_receive(struct store *store)
{
	struct call *incoming;

	pthread_mutex_lock(&store->mutex);
	incoming = take_incoming(store);
	pthread_mutex_unlock(&store->mutex);
	enqueue_all(incoming);
}

static void
run_all(struct store *store, struct store_task *task)
{
	while (task != NULL) {
		struct store_task *next = task->next;

		task->run(store, task->arg);
		free(task);
		task = next;
	}
}

static void
on_wake(evutil_socket_t socket, short what, void *arg)
{
	struct store *store = arg;
	struct call *incoming, *completed;
	struct store_task *tasks;
	uint64_t count;
	bool drained;

	(void)what;
	if (read(socket, &count, sizeof(count)) < 0)
		count = 0;
	pthread_mutex_lock(&store->mutex);
	store->woken = false;
	incoming = take_incoming(store);
	completed = store->completed;
	store->completed = NULL;
	store->completed_tail = &store->completed;
	tasks = store->tasks;
	store->tasks = NULL;
	store->tasks_tail = &store->tasks;
	for (int i = 0; i < store->wanting_count; i++)
		store_mark_dirty(store, store->wanting[i]);
	store->wanting_count = 0;
	drained = store->announce_drained;
	store->announce_drained = false;
	pthread_mutex_unlock(&store->mutex);

	enqueue_all(incoming);
	finish_all(store, completed);
	run_all(store, tasks);
	if (drained)
		store->drained(store->drained_arg);
}

/* A call completed on its own thread is finished at once: continuations never
 * touch the lane that is in the middle of its batch, they only queue more. */
void
store_post_completed(struct store *store, struct call *call)
{
	if (lane_store(call->lane) == store)
		finish_here(store, call);
	else
		post(store, &store->completed_tail, call);
}

/* --- turns ----------------------------------------------------------- */

void
store_mark_dirty(struct store *store, struct lane *lane)
{
	if (!lane_mark_dirty(lane, store->dirty))
		return;
	store->dirty = lane;
	event_active(store->turn, EV_TIMEOUT, 1);
}

void
store_flush(struct store *store)
{
	struct lane *lane = store->dirty;

	event_del(store->turn);
	store->dirty = NULL;
	store->turn_us = 0;
	while (lane != NULL) {
		struct lane *next = lane_take_next_dirty(lane);

		lane_flush(lane);
		lane = next;
	}
}

static void
on_turn(evutil_socket_t socket, short what, void *arg)
{
	(void)socket;
	(void)what;
	store_flush(arg);
}

/* --- lanes ----------------------------------------------------------- */

static struct lane *
lane_for(struct storage *storage, struct call *call)
{
	struct lane_set *set =
		&storage->sets[storage_class_of(storage, call->db)];
	int count = atomic_load_explicit(
		&storage->point_lanes, memory_order_relaxed);
	unsigned next;

	switch (call->route) {
	case ROUTE_JOINT:
		/* A single lane is alone as it is. */
		return count == 1 ? set->point[0] : set->joint;
	case ROUTE_STREAM:
		return set->stream[call->store->index];
	case ROUTE_BULK:
		next = atomic_fetch_add_explicit(
			&set->next_bulk, 1, memory_order_relaxed);
		count = atomic_load_explicit(
			&storage->bulk_lanes, memory_order_relaxed);
		return set->bulk[next % (unsigned)count];
	case ROUTE_ADMIN:
		return storage->admin;
	default:
		return set->point[call->hash % (uint64_t)count];
	}
}

static void
send_to_lane(struct store *store, struct call *call)
{
	struct lane *lane = lane_for(store->storage, call);

	call->lane = lane;
	if (lane_store(lane) == store)
		lane_enqueue(lane, call);
	else
		post(lane_store(lane), &lane_store(lane)->incoming_tail, call);
}

/* One look at the clock for all calls that are sent together. */
static int64_t
turn_time(struct store *store)
{
	if (store->turn_us == 0) {
		store->turn_us = clock_monotonic_us();
		event_active(store->turn, EV_TIMEOUT, 1);
	}
	return store->turn_us;
}

void
store_send(struct store *store, struct call *call)
{
	struct storage *storage = store->storage;
	long queued = atomic_fetch_add_explicit(
		&storage->queued, 1, memory_order_relaxed);
	size_t size = atomic_fetch_add_explicit(
		&storage->queued_size, call->size, memory_order_relaxed);

	if (queued >= storage->options.queue_max ||
		size + call->size >= storage->options.queue_max_size)
		atomic_store(&storage->saturated, true);
	call->queued_us = turn_time(store);
	if (store->holds &&
		(call->route == ROUTE_KEY || call->route == ROUTE_JOINT)) {
		call->next = NULL;
		*store->held_tail = call;
		store->held_tail = &call->next;
		return;
	}
	send_to_lane(store, call);
}

void
store_hold(struct store *store)
{
	store->holds = true;
}

void
store_release(struct store *store)
{
	struct call *call = store->held;

	store->holds = false;
	store->held = NULL;
	store->held_tail = &store->held;
	while (call != NULL) {
		struct call *next = call->next;

		send_to_lane(store, call);
		call = next;
	}
}

/* A lane's number in the database: point lanes of a class, its joint lane, its
 * bulk lanes, its stream lanes; the admin lane behind all. */
static int64_t
lane_id(const struct storage *storage, enum storage_class class, int place)
{
	enum { PLACES = 1 << 16 };

	return storage->first_lane_id + (int64_t) class * PLACES + place;
}

static struct lane *
make_lane(struct store *store, enum storage_class class, enum lane_kind kind,
	int index, bool connect)
{
	static const int first_place[] = {
		[LANE_POINT] = 0,
		[LANE_JOINT] = STORAGE_POINT_LANES_MAX,
		[LANE_BULK] = STORAGE_POINT_LANES_MAX + 1,
		[LANE_STREAM] =
			STORAGE_POINT_LANES_MAX + STORAGE_BULK_LANES_MAX + 1,
		[LANE_ADMIN] = 0, /* of a class of its own */
	};
	struct storage *storage = store->storage;
	bool gated = kind == LANE_POINT || kind == LANE_JOINT;

	return lane_new(store, kind,
		class == CLASS_CACHE ? SCHEMA_UNLOGGED : SCHEMA_LOGGED,
		class == CLASS_DURABLE, index,
		lane_id(storage, kind == LANE_ADMIN ? CLASS_COUNT : class,
			first_place[kind] + index),
		gated ? storage->sets[class].gate : NULL, connect);
}

/* Where the bulk lanes begin in the round of the stores. */
static struct store *
owner_of(struct storage *storage, enum lane_kind kind, int index)
{
	int turn = kind == LANE_BULK ? storage->options.lanes + index : index;

	return storage->stores[turn % storage->store_count];
}

static void
open_lane(struct store *store, enum storage_class class, enum lane_kind kind,
	int index, struct lane *_Atomic *place, bool connect)
{
	struct lane *lane = *place;

	if (owner_of(store->storage, kind, index) != store)
		return;
	if (lane == NULL)
		*place = make_lane(store, class, kind, index, connect);
	else
		lane_revive(lane, connect);
}

void
store_open_lanes(struct store *store, int point_lanes, int bulk_lanes)
{
	struct storage *storage = store->storage;

	for (int i = 0; i < CLASS_COUNT; i++) {
		enum storage_class class = (enum storage_class)i;
		struct lane_set *set = &storage->sets[i];
		bool used = storage_database_of_class(storage, class) >= 0;

		for (int j = 0; j < point_lanes; j++)
			open_lane(store, class, LANE_POINT, j, &set->point[j],
				used);
		/* All but the first connect with their first call. */
		for (int j = 0; j < bulk_lanes; j++)
			open_lane(store, class, LANE_BULK, j, &set->bulk[j],
				used && j == 0);
	}
}

struct storage *
storage_new(const struct storage_options *options, int store_count)
{
	struct storage *storage = memory_allocate_zeroed(1, sizeof(*storage));

	storage->options = *options;
	storage->options.conninfo = memory_copy_string(options->conninfo);
	storage->point_lanes = options->lanes;
	storage->bulk_lanes = options->bulk_lanes;
	storage->single_lane = options->lanes == 1;
	storage->places =
		memory_allocate_zeroed(PLACE_COUNT, sizeof(*storage->places));
	storage->store_count = store_count;
	storage->stores = memory_allocate_zeroed(
		(size_t)store_count, sizeof(*storage->stores));
	for (int i = 0; i < CLASS_COUNT; i++) {
		struct lane_set *set = &storage->sets[i];

		set->gate = gate_new();
		set->stream = memory_allocate_zeroed(
			(size_t)store_count, sizeof(*set->stream));
	}
	return storage;
}

void
storage_create_lanes(struct storage *storage)
{
	int64_t id = 0;

	if (getrandom(&id, sizeof(id), 0) != sizeof(id))
		id = (int64_t)getpid() << 32 ^ time(NULL);
	id &= INT64_MAX >> 1; /* room to count up */
	storage->first_lane_id = id;
	storage->lanes_created = true;
	/* First, so that it is there to tell why others are not. */
	storage->admin = make_lane(
		storage->stores[0], CLASS_DURABLE, LANE_ADMIN, 0, true);
	for (int i = 0; i < storage->store_count; i++)
		store_open_lanes(storage->stores[i], storage->options.lanes,
			storage->options.bulk_lanes);
	for (int i = 0; i < CLASS_COUNT; i++) {
		enum storage_class class = (enum storage_class)i;
		struct lane_set *set = &storage->sets[i];

		set->joint = make_lane(storage->stores[0], class, LANE_JOINT, 0,
			storage->options.lanes > 1 &&
				storage_database_of_class(storage, class) >= 0);
		for (int j = 0; j < storage->store_count; j++)
			set->stream[j] = make_lane(storage->stores[j], class,
				LANE_STREAM, j, false);
	}
	storage->pool = pool_new(storage);
}

void
storage_free(struct storage *storage)
{
	if (storage == NULL)
		return;
	for (int i = 0; i < CLASS_COUNT; i++) {
		gate_free(storage->sets[i].gate);
		free(storage->sets[i].stream);
	}
	free(storage->stores);
	free(storage->places);
	free((char *)storage->options.conninfo);
	free(storage);
}

const struct storage_options *
storage_options(const struct storage *storage)
{
	return &storage->options;
}

enum storage_class
storage_class_of(const struct storage *storage, int db)
{
	assert(db >= 0);
	/* What lies above are keys on the way into the database below. */
	return (enum storage_class)
		storage->options.class_of_database[db % STORAGE_DATABASES_MAX];
}

int
storage_database_of_class(
	const struct storage *storage, enum storage_class class)
{
	for (int db = 0; db < storage->options.databases; db++)
		if (storage->options.class_of_database[db] == class)
			return db;
	return -1;
}

bool
storage_is_saturated(const struct storage *storage)
{
	return atomic_load_explicit(&storage->saturated, memory_order_relaxed);
}

long
storage_queued(const struct storage *storage)
{
	return atomic_load_explicit(&storage->queued, memory_order_relaxed);
}

int
storage_point_lanes(const struct storage *storage)
{
	return atomic_load_explicit(
		&storage->point_lanes, memory_order_relaxed);
}

bool
storage_use_single_lane(struct storage *storage)
{
	if (!atomic_load_explicit(&storage->single_lane, memory_order_relaxed))
		return false;
	atomic_fetch_add(&storage->single_lane_users, 1);
	/* It may have changed in between; then the count is not looked at. */
	if (atomic_load(&storage->single_lane))
		return true;
	storage_leave_single_lane(storage);
	return false;
}

void
storage_leave_single_lane(struct storage *storage)
{
	atomic_fetch_sub(&storage->single_lane_users, 1);
}

struct link_place *
storage_place(const struct storage *storage, enum storage_place place)
{
	return &storage->places[place];
}

bool
storage_is_paused(const struct storage *storage)
{
	return atomic_load_explicit(&storage->paused, memory_order_relaxed);
}

const atomic_bool *
storage_paused_flag(const struct storage *storage)
{
	return &storage->paused;
}

void
storage_each_lane(struct storage *storage,
	void (*visit)(struct lane *lane, void *arg), void *arg)
{
	for (int i = 0; i < CLASS_COUNT; i++) {
		struct lane_set *set = &storage->sets[i];
		struct lane *lane;

		for (int j = 0; j < STORAGE_POINT_LANES_MAX &&
			(lane = set->point[j]) != NULL;
			j++)
			visit(lane, arg);
		visit(set->joint, arg);
		for (int j = 0; j < STORAGE_BULK_LANES_MAX &&
			(lane = set->bulk[j]) != NULL;
			j++)
			visit(lane, arg);
		for (int j = 0; j < storage->store_count; j++)
			visit(set->stream[j], arg);
	}
	visit(storage->admin, arg);
}

struct own_visit {
	struct store *store;
	void (*visit)(struct lane *lane, void *arg);
	void *arg;
};

static void
visit_own(struct lane *lane, void *arg)
{
	const struct own_visit *own = arg;

	if (lane_store(lane) == own->store)
		own->visit(lane, own->arg);
}

void
store_each_lane(struct store *store,
	void (*visit)(struct lane *lane, void *arg), void *arg)
{
	struct own_visit own = { store, visit, arg };

	storage_each_lane(store->storage, visit_own, &own);
}

/* --- life of a worker's store ---------------------------------------- */

struct store *
store_new(struct storage *storage, int index, struct event_base *base,
	void (*drained)(void *arg), void *arg)
{
	struct store *store = memory_allocate_zeroed(1, sizeof(*store));

	store->storage = storage;
	store->index = index;
	store->base = base;
	store->drained = drained;
	store->drained_arg = arg;
	store->incoming_tail = &store->incoming;
	store->completed_tail = &store->completed;
	store->tasks_tail = &store->tasks;
	store->held_tail = &store->held;
	pthread_mutex_init(&store->mutex, NULL);
	store->turn = event_new(base, -1, 0, on_turn, store);
	/* After all input of this turn was read. */
	event_priority_set(store->turn, event_base_get_npriorities(base) - 1);
	store->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert(store->wake_fd >= 0);
	store->wake = event_new(
		base, store->wake_fd, EV_READ | EV_PERSIST, on_wake, store);
	event_add(store->wake, NULL);
	storage->stores[index] = store;
	return store;
}

static void
free_lane(struct lane *lane, void *arg)
{
	(void)arg;
	lane_free(lane);
}

void
storage_free_lanes(struct storage *storage)
{
	if (!storage->lanes_created)
		return;
	pool_free(storage->pool);
	storage_each_lane(storage, free_lane, NULL);
	storage->lanes_created = false;
}

void
store_free(struct store *store)
{
	event_free(store->turn);
	event_free(store->wake);
	close(store->wake_fd);
	while (store->tasks != NULL) {
		struct store_task *task = store->tasks;

		store->tasks = task->next;
		free(task);
	}
	free(store->wanting);
	while (store->free_calls != NULL) {
		struct call *call = store->free_calls;

		store->free_calls = call->next;
		free(call);
	}
	pthread_mutex_destroy(&store->mutex);
	free(store);
}

struct storage *
store_storage(const struct store *store)
{
	return store->storage;
}

struct event_base *
store_event_base(const struct store *store)
{
	return store->base;
}

struct call *
store_take_call(struct store *store)
{
	struct call *call = store->free_calls;

	if (call == NULL)
		return memory_allocate(sizeof(*call));
	store->free_calls = call->next;
	store->free_count--;
	return call;
}

void
store_give_call(struct store *store, struct call *call)
{
	if (store->free_count >= FREE_CALLS_MAX) {
		free(call);
		return;
	}
	call->next = store->free_calls;
	store->free_calls = call;
	store->free_count++;
}
