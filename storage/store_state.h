/* What storage and its stores consist of, for store.c and pool*.c alone.
 *
 * store.c carries calls to lanes and back; pool*.c watches the lanes, and
 * changes how many there are while calls go on. */
#ifndef STORAGE_STORE_STATE_H
#define STORAGE_STORE_STATE_H

#include "storage/call.h"
#include "storage/lane.h"
#include "storage/store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct event;
struct event_base;
struct gate;
struct link_place;
struct pool;

/* Lanes are never freed while workers run: one that is not wanted any more is
 * retired, and comes back when it is.  Each is made on its owner's thread; the
 * first free place ends the array. */
struct lane_set {
	struct gate *gate;
	struct lane *_Atomic point[STORAGE_POINT_LANES_MAX];
	struct lane *joint;
	struct lane *_Atomic bulk[STORAGE_BULK_LANES_MAX];
	struct lane **stream; /* one for each store */
	atomic_uint next_bulk;
};

struct storage {
	struct storage_options options;
	struct store **stores;
	int store_count;
	bool lanes_created;
	struct lane_set sets[CLASS_COUNT];
	struct lane *admin;
	struct pool *pool;
	struct link_place *places; /* PLACE_COUNT of them */
	int64_t first_lane_id;
	/* How many of the lanes calls are dealt out to.  The first changes
	 * only while every store holds its calls back. */
	atomic_int point_lanes, bulk_lanes;
	/* Requests may rely on one lane that keeps the order of all; and those
	 * under way that do. */
	atomic_bool single_lane;
	atomic_long single_lane_users;
	atomic_bool paused; /* lanes send nothing */
	atomic_long queued;
	atomic_size_t queued_size;
	atomic_bool saturated;
};

struct store_task {
	struct store_task *next;
	void (*run)(struct store *store, void *arg);
	void *arg;
};

struct store {
	struct storage *storage;
	int index;
	struct event_base *base;
	struct event *turn; /* end of the loop's turn */
	int64_t turn_us; /* when its first call was sent; 0: none was */
	struct lane *dirty;
	struct call *free_calls;
	int free_count;
	void (*drained)(void *arg);
	void *drained_arg;
	/* While the map from keys to lanes changes: calls in their order. */
	bool holds;
	struct call *held, **held_tail;

	/* The mailbox; everything below is under the mutex. */
	pthread_mutex_t mutex;
	int wake_fd;
	struct event *wake;
	bool woken;
	struct call *incoming, **incoming_tail;
	struct call *completed, **completed_tail;
	struct store_task *tasks, **tasks_tail;
	struct lane **wanting;
	int wanting_count, wanting_capacity;
	bool announce_drained;
};

/* From any thread: runs task(store, arg) on the store's, behind the calls that
 * were posted to it before. */
void store_post(struct store *store,
	void (*run)(struct store *store, void *arg), void *arg);

/* On the store's thread: keeps calls that need the map from keys to lanes;
 * sends them, in their order. */
void store_hold(struct store *store);
void store_release(struct store *store);

/* On the store's thread: its own lanes of every class that calls may be sent
 * to, up to the given numbers; those made here connect when their class is in
 * use. */
void store_open_lanes(struct store *store, int point_lanes, int bulk_lanes);
/* On the store's thread: its own lanes. */
void store_each_lane(struct store *store,
	void (*visit)(struct lane *lane, void *arg), void *arg);

#endif
