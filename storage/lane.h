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

enum lane_kind {
	LANE_POINT,
	LANE_JOINT,
	LANE_BULK,
	LANE_STREAM,
	LANE_ADMIN,
	LANE_KIND_COUNT
};

struct lane_counters {
	uint64_t batches, calls, statements, retries, reconnects, errors;
	uint64_t bytes_out, bytes_in; /* of parameters and of values */
	uint64_t busy_us; /* with a batch under way */
	uint64_t wait_us; /* of all calls, from being queued to being sent */
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
enum lane_kind lane_kind(const struct lane *lane);
bool lane_is_connected(const struct lane *lane);
struct lane_counters lane_read_counters(const struct lane *lane);
/* How often a connection of the lane became ready. */
unsigned lane_sessions(const struct lane *lane);

/* Calls are or may be sent to it (again); connects where asked to. */
void lane_revive(struct lane *lane, bool connect);
/* No calls will be sent to it: its connection ends once it has nothing to do. */
void lane_retire(struct lane *lane);
/* Nothing queued, under way or unresolved. */
bool lane_is_empty(const struct lane *lane);
/* A batch is under way. */
bool lane_is_busy(const struct lane *lane);
/* Ends the connection of an empty lane until its next call; false: it has none
 * or is not empty.  Outside the link's handlers. */
bool lane_close(struct lane *lane);
/* Replaces the connection once no batch is under way. */
void lane_renew(struct lane *lane);

/* For the store: its list of lanes that want a flush. */
struct lane *lane_take_next_dirty(struct lane *lane);
bool lane_mark_dirty(struct lane *lane, struct lane *next);

#endif
