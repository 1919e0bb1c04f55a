/* The handlers of POOL's subcommands, and what they share. */
#ifndef COMMANDS_POOL_H
#define COMMANDS_POOL_H

#include "storage/pool.h"

#include <stdbool.h>
#include <stdint.h>

struct fields;
struct reply;
struct request;
struct server;

void pool_run_stats(struct request *request);
void pool_run_info(struct request *request);
void pool_run_diagnostics(struct request *request);
void pool_run_recommend(struct request *request);

/* The lanes of one class, of all storage classes, together. */
struct pool_sum {
	enum pool_class class;
	int states[LANE_STATE_COUNT], lanes;
	int queued, active;
	int64_t oldest_us; /* the longest wait under way */
	int failing; /* lanes that cannot connect */
	const char *error; /* why, of one of them; NULL: none */
	struct lane_counters counters; /* since the start */
	double seconds; /* that `recent` and `waits` are about */
	struct lane_counters recent;
	uint32_t waits[LATENCY_BUCKETS];
};

struct pool_sum pool_sum_class(
	const struct pool_facts *facts, enum pool_class class);

/* What lanes did lately. */
double pool_busy(const struct pool_sum *sum); /* part of their time, 0 to 1 */
double pool_calls_per_second(const struct pool_sum *sum);
double pool_mean_wait_us(const struct pool_sum *sum); /* of a call */
double pool_mean_batch_us(const struct pool_sum *sum);
/* Calls that wait to calls being executed, by Little's law. */
double pool_pressure(const struct pool_sum *sum);

const char *pool_storage_name(enum storage_class class);
/* "active", or "paused" for a lane that could send and must not. */
const char *pool_state_name(
	const struct pool_facts *facts, const struct lane_facts *lane);
/* Writes the array of the classes' maps; `only` POOL_CLASS_COUNT: all. */
void pool_reply_classes(struct reply *reply, const struct server *server,
	const struct pool_facts *facts, enum pool_class only);

/* Whether the database can be asked about itself: it did not refuse its last
 * connection for that. */
bool pool_can_ask(const struct pool_facts *facts);
const struct lane_facts *pool_admin_lane(const struct pool_facts *facts);

#endif
