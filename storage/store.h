/* The process's storage, and each worker's way into it.
 *
 * struct storage is shared: the lanes of every storage class, dealt out to the
 * workers, and the gates between them.  struct store is one worker's: its
 * loop, its lanes, and the mailbox through which other workers hand it calls
 * for its lanes, and results of its own calls.
 *
 * A key belongs to one lane of the process, so that two connections never
 * wait for each other's row locks. */
#ifndef STORAGE_STORE_H
#define STORAGE_STORE_H

#include "storage/call.h"
#include "storage/lane.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct link_place;
struct storage;
struct store;

enum storage_class { CLASS_DURABLE, CLASS_ASYNC, CLASS_CACHE, CLASS_COUNT };

enum {
	STORAGE_DATABASES_MAX = 1024,
	STORAGE_POINT_LANES_MAX = 256, /* of each class */
	STORAGE_BULK_LANES_MAX = 64,
};

struct storage_options {
	const char *conninfo;
	int64_t instance; /* this process's number; random, positive */
	/* At the start; the pool may change them later. */
	int lanes; /* point lanes of each class; at least 1 */
	int bulk_lanes;
	int batch_max; /* calls */
	int queue_max; /* calls in the process before clients must wait */
	size_t queue_max_size; /* their bytes */
	int timeout_ms; /* how long a call waits for an absent database */
	int databases;
	unsigned char class_of_database[STORAGE_DATABASES_MAX];
};

struct storage *storage_new(
	const struct storage_options *options, int store_count);
void storage_free(struct storage *storage);
const struct storage_options *storage_options(const struct storage *storage);

/* Start, all on one thread before the workers run: storage_new(), store_new()
 * for each worker's loop, storage_create_lanes().  From then on a store is used
 * on its worker's thread only.  End: when no call is under way and all workers
 * have stopped, store_free() for each, then storage_free(), behind what shows
 * itself in a storage_place().
 *
 * `drained` is called on the worker's thread when storage_is_saturated() has
 * become false again.  The loop needs at least two priorities; its lowest is
 * used for the end of a turn. */
struct store *store_new(struct storage *storage, int index,
	struct event_base *base, void (*drained)(void *arg), void *arg);
void storage_create_lanes(struct storage *storage);
void storage_free_lanes(struct storage *storage);
void store_free(struct store *store);

struct storage *store_storage(const struct store *store);
struct event_base *store_event_base(const struct store *store);

/* Sends what was queued now, not at the end of the turn: when nothing more is
 * to come. */
void store_flush(struct store *store);

/* Whether so much is queued that clients should not be read from. */
bool storage_is_saturated(const struct storage *storage);
/* Calls sent and not finished, in the whole process. */
long storage_queued(const struct storage *storage);

enum storage_class storage_class_of(const struct storage *storage, int db);
/* Databases of the class: the lowest number of one, or -1. */
int storage_database_of_class(
	const struct storage *storage, enum storage_class class);

/* Point lanes that keys of a class are dealt out to. */
int storage_point_lanes(const struct storage *storage);
/* Whether one lane keeps the order of all calls of a class.  A request that
 * relies on it says so before its first call and when it has ended: the number
 * of lanes changes when nobody does. */
bool storage_use_single_lane(struct storage *storage);
void storage_leave_single_lane(struct storage *storage);
/* Lanes send nothing until the pool is resumed (pool.h). */
bool storage_is_paused(const struct storage *storage);
const atomic_bool *storage_paused_flag(const struct storage *storage);

/* Where connections without a lane are shown. */
enum storage_place {
	PLACE_SWEEPER,
	PLACE_FEED,
	PLACE_REGISTRAR,
	PLACE_MESSAGES,
	PLACE_COUNT
};
struct link_place *storage_place(
	const struct storage *storage, enum storage_place place);

/* Each lane of the process, for statistics. */
void storage_each_lane(struct storage *storage,
	void (*visit)(struct lane *lane, void *arg), void *arg);

/* Puts into their lanes the calls that other workers have sent to this one's
 * before: what is sent now comes behind them. */
void store_receive(struct store *store);

/* For call.c and lane.c. */
void store_send(struct store *store, struct call *call);
void store_mark_dirty(struct store *store, struct lane *lane);
void store_post_wake(struct store *store, struct lane *lane);
void store_post_completed(struct store *store, struct call *call);
struct call *store_take_call(struct store *store);
void store_give_call(struct store *store, struct call *call);

#endif
