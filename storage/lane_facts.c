/* Reading a lane's state and counters; see lane_facts.h.
 *
 * "Lately" is what was counted since the older of two marks, which are moved
 * on every quarter of a minute: a bounded past at the cost of two copies. */
#include "storage/lane_facts.h"

#include "storage/base/clock.h"
#include "storage/lane_state.h"
#include "storage/link.h"

#include <stdio.h>
#include <string.h>

enum lane_kind
lane_kind(const struct lane *lane)
{
	return lane->kind;
}

bool
lane_is_connected(const struct lane *lane)
{
	return lane->ready;
}

unsigned
lane_sessions(const struct lane *lane)
{
	return lane->sessions;
}

bool
lane_is_empty(const struct lane *lane)
{
	return lane->head == NULL && !lane->in_flight && !lane->unresolved;
}

bool
lane_is_busy(const struct lane *lane)
{
	return lane->in_flight;
}

struct lane_counters
lane_read_counters(const struct lane *lane)
{
	return (struct lane_counters){
		.batches = lane->counters.batches,
		.calls = lane->counters.calls,
		.statements = lane->counters.statements,
		.retries = lane->counters.retries,
		.reconnects = lane->counters.reconnects,
		.errors = lane->counters.errors,
		.bytes_out = lane->counters.bytes_out,
		.bytes_in = lane->counters.bytes_in,
		.busy_us = lane->counters.busy_us,
		.wait_us = lane->counters.wait_us,
	};
}

void
lane_counters_add(struct lane_counters *a, const struct lane_counters *b)
{
	a->batches += b->batches;
	a->calls += b->calls;
	a->statements += b->statements;
	a->retries += b->retries;
	a->reconnects += b->reconnects;
	a->errors += b->errors;
	a->bytes_out += b->bytes_out;
	a->bytes_in += b->bytes_in;
	a->busy_us += b->busy_us;
	a->wait_us += b->wait_us;
}

struct lane_counters
lane_counters_since(
	const struct lane_counters *a, const struct lane_counters *b)
{
	return (struct lane_counters){
		.batches = a->batches - b->batches,
		.calls = a->calls - b->calls,
		.statements = a->statements - b->statements,
		.retries = a->retries - b->retries,
		.reconnects = a->reconnects - b->reconnects,
		.errors = a->errors - b->errors,
		.bytes_out = a->bytes_out - b->bytes_out,
		.bytes_in = a->bytes_in - b->bytes_in,
		.busy_us = a->busy_us - b->busy_us,
		.wait_us = a->wait_us - b->wait_us,
	};
}

uint64_t
lane_wait_percentile(const uint32_t waits[static LATENCY_BUCKETS], int percent)
{
	uint64_t sum = 0, seen = 0, wanted;

	for (int i = 0; i < LATENCY_BUCKETS; i++)
		sum += waits[i];
	wanted = (sum * (uint64_t)percent + 99) / 100;
	for (int i = 0; sum > 0 && i < LATENCY_BUCKETS; i++) {
		seen += waits[i];
		if (seen >= wanted)
			return latency_bucket_end(i);
	}
	return 0;
}

/* A batch under way counts as far as it has come. */
static struct lane_counters
counters_now(const struct lane *lane, int64_t now_us)
{
	struct lane_counters counters = lane_read_counters(lane);

	if (lane->in_flight)
		counters.busy_us += (uint64_t)(now_us - lane->sent_us);
	return counters;
}

void
lane_turn_mark(struct lane *lane)
{
	int64_t now_us = clock_monotonic_us();
	struct lane_mark *mark = &lane->marks[1];

	lane->marks[0] = *mark;
	mark->at_us = now_us;
	mark->counters = counters_now(lane, now_us);
	memcpy(mark->waits, lane->waits, sizeof(mark->waits));
}

static enum lane_state
state_of(const struct lane *lane)
{
	if (lane->in_flight)
		return LANE_ACTIVE;
	if (lane->unresolved)
		return LANE_UNRESOLVED;
	if (lane->link == NULL)
		return lane->retired ? LANE_RETIRED : LANE_CLOSED;
	if (!lane->ready)
		return LANE_CONNECTING;
	return lane->waiting_for_gate ? LANE_GATED : LANE_IDLE;
}

static void
read_recent(const struct lane *lane, struct lane_facts *facts, int64_t now_us)
{
	const struct lane_mark *mark = &lane->marks[0];
	struct lane_counters now = counters_now(lane, now_us);

	facts->recent = lane_counters_since(&now, &mark->counters);
	facts->recent_us =
		now_us - (mark->at_us != 0 ? mark->at_us : lane->created_us);
	for (int i = 0; i < LATENCY_BUCKETS; i++)
		facts->recent_waits[i] = lane->waits[i] - mark->waits[i];
	memcpy(facts->all_waits, lane->waits, sizeof(facts->all_waits));
}

static const char *
statement_of(const struct lane *lane)
{
	if (lane->batch.group_count == 0)
		return NULL;
	return statement_get(lane->batch.groups[0].id)->name;
}

void
lane_read_facts(struct lane *lane, struct lane_facts *facts)
{
	int64_t now_us = clock_monotonic_us();

	*facts = (struct lane_facts){
		.kind = lane->kind,
		.class = lane->schema == SCHEMA_UNLOGGED ? CLASS_CACHE :
			lane->synchronous                ? CLASS_DURABLE :
							   CLASS_ASYNC,
		.state = state_of(lane),
		.queued = lane->queued,
		.counters = counters_now(lane, now_us),
	};
	snprintf(facts->name, sizeof(facts->name), "%s", lane->name);
	if (lane->link != NULL) {
		facts->backend_pid = link_backend_pid(lane->link);
		snprintf(facts->error, sizeof(facts->error), "%s",
			link_error(lane->link));
	}
	if (lane->in_flight || lane->unresolved) {
		facts->active = lane->batch.call_count;
		facts->statement = statement_of(lane);
	}
	if (facts->state == LANE_ACTIVE)
		facts->state_us = now_us - lane->sent_us;
	else if (facts->state == LANE_IDLE)
		facts->state_us = now_us - lane->idle_since_us;
	if (lane->head != NULL)
		facts->oldest_us = now_us - lane->head->queued_us;
	read_recent(lane, facts, now_us);
}
