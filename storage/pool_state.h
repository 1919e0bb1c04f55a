/* What the pool consists of, for pool*.c alone.
 *
 * The pool lives on the thread of the first store.  pool.c reads lanes and
 * runs changes one after another; pool_resize.c and pool_change.c are the
 * changes; pool_autotune.c makes some by itself. */
#ifndef STORAGE_POOL_STATE_H
#define STORAGE_POOL_STATE_H

#include "storage/pool.h"
#include "storage/pool_tune.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct call;
struct event;
struct lane;
struct pool;
struct storage;
struct store;

struct pool_change {
	struct pool_change *next;
	struct pool *pool;
	struct store *origin; /* whose thread done() is called on */
	pool_done done;
	void *arg;
	/* On the pool's thread: begins; ends with pool_finish_change(). */
	void (*start)(struct pool_change *change);
	/* Called by the timer of pool_step_later(). */
	void (*step)(struct pool_change *change);
	void (*look)(struct lane *lane, void *change);
	struct pool_outcome outcome;
	int64_t deadline_us; /* monotonic */
	int64_t delay_us; /* between looks */
	bool looks_good; /* the look under way has found nothing against it */

	/* Resizing. */
	enum pool_class class;
	int least, most;
	int size; /* 0: the nearest to the present one */
	bool was_single;
	/* Pausing, closing. */
	int64_t limit_us;
	/* Reconnecting. */
	struct lane **lanes;
	int lane_count, lane_capacity, lane_next;
	unsigned sessions; /* of the lane, before */
};

struct pool {
	struct storage *storage;
	struct store *home;
	struct event *timer; /* of the change under way */
	struct event *tick; /* once a second */
	int ticks;
	atomic_bool closing;
	struct pool_change *change; /* under way */
	struct pool_change *waiting, **waiting_tail;
	struct {
		atomic_int least, most;
	} bounds[POOL_CLASS_COUNT];

	/* The autotuner. */
	atomic_bool tuned;
	struct tune tunes[POOL_CLASS_COUNT];
	struct pool_facts *before; /* a second ago */
	int64_t before_us;
	struct call *question; /* about the database, under way */
	int free_connections, max_connections; /* -1: unknown */
	int64_t asked_us;
	bool reading;
	struct pool_tuning tuning;
};

/* Runs visit(store, arg) on each store's thread in turn, then done(arg) on
 * that of `home`; from any thread. */
void pool_walk(struct store *home,
	void (*visit)(struct store *store, void *arg), void (*done)(void *arg),
	void *arg);

/* The same for a change; done(change) may be pool_end_change. */
void pool_walk_change(struct pool_change *change,
	void (*visit)(struct store *store, void *change),
	void (*done)(void *change));
/* Runs look(lane, change) on each lane, which may find that the change does not
 * look good, then done(change). */
void pool_look_at_lanes(struct pool_change *change,
	void (*look)(struct lane *lane, void *change),
	void (*done)(void *change));

/* A change with its done(), to be filled in and submitted. */
struct pool_change *pool_change_new(
	struct store *origin, pool_done done, void *arg);
/* Runs it when those before it are over. */
void pool_submit_change(struct pool_change *change);
/* On the pool's thread. */
void pool_finish_change(struct pool_change *change);
void pool_end_change(void *change);
void pool_fail_change(struct pool_change *change, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Has `step` called after a moment, longer each time. */
void pool_step_later(
	struct pool_change *change, void (*step)(struct pool_change *change));
void pool_set_patience(struct pool_change *change, int64_t patience_ms);
bool pool_is_overdue(const struct pool_change *change);

/* pool_resize.c */
struct pool_change *pool_resize_new(struct store *origin, enum pool_class class,
	int least, int most, pool_done done, void *arg);

/* pool_autotune.c, on the pool's thread. */
void pool_tune_tick(struct pool *pool);
void pool_tune_free(struct pool *pool);

#endif
