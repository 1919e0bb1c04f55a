/* Workers' mailboxes and the choice of lanes; see store.h. */
#include "storage/store.h"

#include "storage/base/memory.h"
#include "storage/gate.h"

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

struct lane_set {
	struct gate *gate;
	struct lane **point;
	struct lane *joint;
	struct lane **bulk;
	struct lane **stream; /* one for each store */
	atomic_uint next_bulk;
};

struct storage {
	struct storage_options options;
	struct store **stores;
	int store_count;
	bool lanes_created;
	struct lane_set sets[CLASS_COUNT];
	atomic_long queued;
	atomic_size_t queued_size;
	atomic_bool saturated;
};

struct store {
	struct storage *storage;
	int index;
	struct event_base *base;
	struct event *turn; /* end of the loop's turn */
	struct lane *dirty;
	struct call *free_calls;
	int free_count;
	void (*drained)(void *arg);
	void *drained_arg;

	/* The mailbox; everything below is under the mutex. */
	pthread_mutex_t mutex;
	int wake_fd;
	struct event *wake;
	bool woken;
	struct call *incoming, **incoming_tail;
	struct call *completed, **completed_tail;
	struct lane *wanting[STORAGE_DATABASES_MAX];
	int wanting_count;
	bool announce_drained;
};

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
	assert(store->wanting_count < STORAGE_DATABASES_MAX);
	store->wanting[store->wanting_count++] = lane;
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
on_wake(evutil_socket_t socket, short what, void *arg)
{
	struct store *store = arg;
	struct call *incoming, *completed;
	struct lane *wanting[STORAGE_DATABASES_MAX];
	int wanting_count;
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
	wanting_count = store->wanting_count;
	memcpy(wanting, store->wanting,
		(size_t)wanting_count * sizeof(wanting[0]));
	store->wanting_count = 0;
	drained = store->announce_drained;
	store->announce_drained = false;
	pthread_mutex_unlock(&store->mutex);

	enqueue_all(incoming);
	for (int i = 0; i < wanting_count; i++)
		store_mark_dirty(store, wanting[i]);
	finish_all(store, completed);
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
	unsigned next;

	switch (call->route) {
	case ROUTE_JOINT:
		/* A single lane is alone as it is. */
		return storage->options.lanes == 1 ? set->point[0] : set->joint;
	case ROUTE_STREAM:
		return set->stream[call->store->index];
	case ROUTE_BULK:
		next = atomic_fetch_add_explicit(
			&set->next_bulk, 1, memory_order_relaxed);
		return set->bulk[next % (unsigned)storage->options.bulk_lanes];
	default:
		return set
			->point[call->hash % (uint64_t)storage->options.lanes];
	}
}

void
store_send(struct store *store, struct call *call)
{
	struct storage *storage = store->storage;
	struct lane *lane;
	long queued = atomic_fetch_add_explicit(
		&storage->queued, 1, memory_order_relaxed);
	size_t size = atomic_fetch_add_explicit(
		&storage->queued_size, call->size, memory_order_relaxed);

	if (queued >= storage->options.queue_max ||
		size + call->size >= storage->options.queue_max_size)
		atomic_store(&storage->saturated, true);
	lane = lane_for(storage, call);
	call->lane = lane;
	if (lane_store(lane) == store)
		lane_enqueue(lane, call);
	else
		post(lane_store(lane), &lane_store(lane)->incoming_tail, call);
}

static void
create_set(struct storage *storage, enum storage_class class, int64_t *id)
{
	const struct storage_options *options = &storage->options;
	struct lane_set *set = &storage->sets[class];
	enum schema schema =
		class == CLASS_CACHE ? SCHEMA_UNLOGGED : SCHEMA_LOGGED;
	bool connect = storage_database_of_class(storage, class) >= 0;
	int owner = 0;

	for (int i = 0; i < options->lanes; i++)
		set->point[i] = lane_new(
			storage->stores[owner++ % storage->store_count],
			LANE_POINT, schema, class == CLASS_DURABLE, i, (*id)++,
			set->gate, connect);
	set->joint = lane_new(storage->stores[0], LANE_JOINT, schema,
		class == CLASS_DURABLE, 0, (*id)++, set->gate,
		connect && options->lanes > 1);
	for (int i = 0; i < options->bulk_lanes; i++)
		set->bulk[i] = lane_new(
			storage->stores[owner++ % storage->store_count],
			LANE_BULK, schema, class == CLASS_DURABLE, i, (*id)++,
			NULL, connect && i == 0);
	for (int i = 0; i < storage->store_count; i++)
		set->stream[i] = lane_new(storage->stores[i], LANE_STREAM,
			schema, class == CLASS_DURABLE, i, (*id)++, NULL,
			false);
}

struct storage *
storage_new(const struct storage_options *options, int store_count)
{
	struct storage *storage = memory_allocate_zeroed(1, sizeof(*storage));

	storage->options = *options;
	storage->options.conninfo = memory_copy_string(options->conninfo);
	storage->store_count = store_count;
	storage->stores = memory_allocate_zeroed(
		(size_t)store_count, sizeof(*storage->stores));
	for (int i = 0; i < CLASS_COUNT; i++) {
		struct lane_set *set = &storage->sets[i];

		set->gate = gate_new();
		set->point = memory_allocate_zeroed(
			(size_t)options->lanes, sizeof(*set->point));
		set->bulk = memory_allocate_zeroed(
			(size_t)options->bulk_lanes, sizeof(*set->bulk));
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
	storage->lanes_created = true;
	for (int i = 0; i < CLASS_COUNT; i++)
		create_set(storage, (enum storage_class)i, &id);
}

void
storage_free(struct storage *storage)
{
	if (storage == NULL)
		return;
	for (int i = 0; i < CLASS_COUNT; i++) {
		gate_free(storage->sets[i].gate);
		free(storage->sets[i].point);
		free(storage->sets[i].bulk);
		free(storage->sets[i].stream);
	}
	free(storage->stores);
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
	assert(db >= 0 && db < STORAGE_DATABASES_MAX);
	return (enum storage_class)storage->options.class_of_database[db];
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

void
storage_each_lane(struct storage *storage,
	void (*visit)(struct lane *lane, void *arg), void *arg)
{
	for (int i = 0; i < CLASS_COUNT; i++) {
		struct lane_set *set = &storage->sets[i];

		for (int j = 0; j < storage->options.lanes; j++)
			visit(set->point[j], arg);
		visit(set->joint, arg);
		for (int j = 0; j < storage->options.bulk_lanes; j++)
			visit(set->bulk[j], arg);
		for (int j = 0; j < storage->store_count; j++)
			visit(set->stream[j], arg);
	}
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
	if (storage->lanes_created)
		storage_each_lane(storage, free_lane, NULL);
	storage->lanes_created = false;
}

void
store_free(struct store *store)
{
	event_free(store->turn);
	event_free(store->wake);
	close(store->wake_fd);
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
