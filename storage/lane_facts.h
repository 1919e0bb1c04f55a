/* What a lane is doing, and what it did lately. */
#ifndef STORAGE_LANE_FACTS_H
#define STORAGE_LANE_FACTS_H

#include "storage/base/latency_buckets.h"
#include "storage/lane.h"
#include "storage/store.h"

#include <stdbool.h>
#include <stdint.h>

enum lane_state {
	LANE_CLOSED, /* connects with its next call */
	LANE_RETIRED, /* belongs to no key any more */
	LANE_CONNECTING,
	LANE_UNRESOLVED, /* connecting, and a batch was lost */
	LANE_IDLE,
	LANE_GATED, /* waits for the joint lane, or that for the others */
	LANE_ACTIVE,
	LANE_STATE_COUNT
};

enum { LANE_NAME_SIZE = 64, LANE_ERROR_SIZE = 200 };

struct lane_facts {
	char name[LANE_NAME_SIZE]; /* application_name of its connection */
	enum lane_kind kind;
	enum storage_class class;
	enum lane_state state;
	int backend_pid; /* 0: not connected */
	int queued; /* calls that wait */
	int active; /* calls in the batch under way, or unresolved */
	const char *statement; /* the first of that batch; NULL: none */
	int64_t state_us; /* for how long it is idle or active; else 0 */
	int64_t oldest_us; /* how long the first in the queue waits */
	char error[LANE_ERROR_SIZE]; /* why it is not connected */
	struct lane_counters counters; /* since the start */
	uint32_t all_waits[LATENCY_BUCKETS]; /* calls by how long they waited */
	/* The last quarter of a minute, or up to two. */
	int64_t recent_us;
	struct lane_counters recent;
	uint32_t recent_waits[LATENCY_BUCKETS];
};

/* All on the thread of the lane's owner. */
void lane_read_facts(struct lane *lane, struct lane_facts *facts);
/* Ends a quarter of a minute. */
void lane_turn_mark(struct lane *lane);

/* The time that `percent` of the calls did not exceed, in microseconds. */
uint64_t lane_wait_percentile(
	const uint32_t waits[static LATENCY_BUCKETS], int percent);

/* a += b, and a - b. */
void lane_counters_add(struct lane_counters *a, const struct lane_counters *b);
struct lane_counters lane_counters_since(
	const struct lane_counters *a, const struct lane_counters *b);

#endif
