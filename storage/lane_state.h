/* What a lane consists of, for lane*.c alone.
 *
 * lane.c sends batches and takes their answers; lane_recovery.c decides what
 * becomes of the calls of a batch that failed or was lost, and of those that
 * wait while there is no connection; lane_facts.c tells what the lane does. */
#ifndef STORAGE_LANE_STATE_H
#define STORAGE_LANE_STATE_H

#include "storage/base/latency_buckets.h"
#include "storage/batch.h"
#include "storage/call.h"
#include "storage/lane.h"
#include "storage/lane_session.h"
#include "storage/statement.h"

#include <event2/util.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct event;
struct gate;
struct link;
struct store;

/* What had been counted at some time. */
struct lane_mark {
	int64_t at_us; /* monotonic; 0: at the start */
	struct lane_counters counters;
	uint32_t waits[LATENCY_BUCKETS];
};

enum step_kind { STEP_MARK, STEP_PREPARE, STEP_GROUP, STEP_COMMIT };

/* What the next result answers. */
struct step {
	enum step_kind kind;
	int index; /* a statement, or a group */
};

struct lane {
	struct store *store;
	struct gate *gate;
	enum lane_kind kind;
	enum schema schema;
	bool synchronous;
	struct lane_session session;
	struct link *link;
	struct event *tick, *retry, *gather;
	char name[64];
	struct lane *next_dirty;
	bool dirty;

	struct call *head, **tail;
	int queued;
	int gather_until; /* calls in the queue that end the gathering */
	int gather_pause; /* batches to go without gathering */
	int gather_next_pause;

	struct batch batch; /* in flight, or being filled */
	struct batch spare; /* empty */
	bool in_flight; /* sent, not synced */
	bool in_gate, waiting_for_gate;
	int64_t batch_number;
	bool unresolved; /* the batch was lost with its connection */
	int retries;
	int64_t apart_until_us; /* see stay_apart() */
	bool renew;
	bool retired; /* no calls are sent to it */
	int64_t created_us; /* monotonic */
	int64_t sent_us; /* monotonic; when the batch in flight was sent */
	int64_t idle_since_us; /* when the last one was answered */

	struct step *steps;
	int step_count, step_capacity, steps_answered;
	bool failed;
	struct step failed_step;
	char sqlstate[6];
	char error[160];

	atomic_bool ready; /* the session is set up */
	bool prepared[STATEMENT_COUNT];
	char *texts[STATEMENT_COUNT]; /* for this lane's schema, when used */
	atomic_uint sessions; /* set up so far */
	struct {
		_Atomic uint64_t batches, calls, statements, retries,
			reconnects, errors, bytes_out, bytes_in, busy_us,
			wait_us;
	} counters; /* written here only, read by any thread */
	/* Calls by how long they waited; on the owner's thread only. */
	uint32_t waits[LATENCY_BUCKETS];
	struct lane_mark marks[2]; /* the older one first */
};

static inline void
lane_count(_Atomic uint64_t *counter, uint64_t more)
{
	atomic_store_explicit(counter,
		atomic_load_explicit(counter, memory_order_relaxed) + more,
		memory_order_relaxed);
}

/* Puts the batch's calls back before all others, in their order. */
void lane_requeue_batch(struct lane *lane);

/* PostgreSQL rolled the whole batch back; `failed_step`, `sqlstate` and
 * `error` say why.  Queues again what may run again. */
void lane_handle_failure(struct lane *lane);

/* After a new connection: what became of the batch that was in flight. */
void lane_resolve_batch(struct lane *lane);

/* Has lane_on_tick() called soon, unless it will be already. */
void lane_watch_deadlines(struct lane *lane);

/* The timers `tick` and `retry`; `arg` is the lane. */
void lane_on_tick(evutil_socket_t socket, short what, void *arg);
void lane_on_retry(evutil_socket_t socket, short what, void *arg);

#endif
