/* The queue in front of one pipelined connection.
 *
 * A lane gathers the calls of one turn of its worker's loop, sends them as one
 * batch behind one Sync, so that they commit together, and gathers the next
 * while that is under way.  It retries what PostgreSQL asks to retry, runs a
 * failing call apart from its neighbours, and after a lost connection finds
 * out whether the batch was committed before it repeats anything:
 *
 *	idle ──call──▶ queued ──turn──▶ in flight ──synced──▶ idle or queued
 *	                 ▲                  │lost
 *	                 │not committed     ▼
 *	                 └──────────── unresolved ──committed──▶ answered
 *
 * Each writing batch first writes its number into the lane's row of
 * respgres.lane, in the same transaction.  A new connection waits for the old
 * backend's end (both hold the lane's advisory lock) and reads that number.
 *
 * All functions run on the owner's thread, except where it says otherwise. */
#ifndef STORAGE_LANE_H
#define STORAGE_LANE_H

#include "storage/call.h"

#include <stdbool.h>
#include <stdint.h>

struct gate;
struct lane;
struct storage_options;
struct store;

enum lane_kind { LANE_POINT, LANE_JOINT, LANE_BULK, LANE_STREAM };

struct lane_counters {
	uint64_t batches, calls, statements, retries, reconnects, errors;
};

/* Connects when `connect` or else with the first call. */
struct lane *lane_new(struct store *store, enum lane_kind kind,
	enum schema schema, bool synchronous, int index, int64_t id,
	struct gate *gate, bool connect);
void lane_free(struct lane *lane);

struct store *lane_store(const struct lane *lane);

/* Queues the call; it is sent by the next lane_flush(). */
void lane_enqueue(struct lane *lane, struct call *call);
void lane_flush(struct lane *lane);

/* Goes on with a stream whose taker wanted a pause. */
void lane_resume(struct lane *lane);

/* From any thread: has lane_flush() called on the owner's. */
void lane_wake(struct lane *lane);

/* From any thread. */
bool lane_is_connected(const struct lane *lane);
struct lane_counters lane_read_counters(const struct lane *lane);

/* For the store: its list of lanes that want a flush. */
struct lane *lane_take_next_dirty(struct lane *lane);
bool lane_mark_dirty(struct lane *lane, struct lane *next);

#endif
