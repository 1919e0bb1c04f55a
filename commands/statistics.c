/* Sums over workers; see statistics.h. */
#include "commands/statistics.h"

#include "commands/counters.h"
#include "commands/server.h"
#include "storage/base/clock.h"

#include <malloc.h>

struct statistics
statistics_sum(const struct server *server)
{
	struct statistics sum = { 0 };

	for (int i = 0; i < server->worker_count; i++) {
		struct counters *counters = server->counters[i];

#define ADD(field) sum.field += counter_get(counters->field)
		ADD(connections_received);
		ADD(connections_rejected);
		ADD(connections);
		ADD(blocked);
		ADD(pubsub_connections);
		ADD(commands);
		ADD(bytes_in);
		ADD(bytes_out);
		ADD(error_replies);
		ADD(unexpected_errors);
		ADD(keyspace_hits);
		ADD(keyspace_misses);
		ADD(writes);
		ADD(authentication_failures);
		ADD(acl_denied);
		ADD(reads_total);
		ADD(writes_total);
		ADD(output_limit_disconnections);
		ADD(query_limit_disconnections);
#undef ADD
	}
	return sum;
}

struct command_statistics
statistics_of_command(const struct server *server, size_t index)
{
	struct command_statistics sum = { 0 };

	for (int i = 0; i < server->worker_count; i++) {
		struct command_counters *command =
			&server->counters[i]->commands_by_index[index];

		sum.calls += counter_get(command->calls);
		sum.microseconds += counter_get(command->microseconds);
		sum.rejected += counter_get(command->rejected);
		sum.failed += counter_get(command->failed);
	}
	return sum;
}

uint64_t
statistics_histogram(
	const struct server *server, size_t index, uint64_t *buckets)
{
	uint64_t sum = 0;

	for (int bucket = 0; bucket < LATENCY_BUCKETS; bucket++) {
		buckets[bucket] = 0;
		for (int i = 0; i < server->worker_count; i++)
			buckets[bucket] +=
				counter_get(server->counters[i]
						    ->commands_by_index[index]
						    .latency[bucket]);
		sum += buckets[bucket];
	}
	return sum;
}

static uint64_t
per_second(uint64_t now, uint64_t before, int64_t elapsed_us)
{
	/* CONFIG RESETSTAT may have come in between. */
	if (now < before || elapsed_us <= 0)
		return 0;
	return (uint64_t)((double)(now - before) * 1e6 / (double)elapsed_us);
}

void
statistics_sample(struct server *server)
{
	struct rates *rates = &server->rates;
	struct statistics now = statistics_sum(server);
	int64_t now_us = clock_monotonic_us();
	int64_t elapsed_us = now_us - rates->sampled_us;
	int64_t allocated = (int64_t)statistics_allocated();

	atomic_store(&rates->commands,
		per_second(now.commands, rates->last_commands, elapsed_us));
	atomic_store(&rates->bytes_in,
		per_second(now.bytes_in, rates->last_bytes_in, elapsed_us));
	atomic_store(&rates->bytes_out,
		per_second(now.bytes_out, rates->last_bytes_out, elapsed_us));
	rates->last_commands = now.commands;
	rates->last_bytes_in = now.bytes_in;
	rates->last_bytes_out = now.bytes_out;
	rates->sampled_us = now_us;
	if (allocated > atomic_load(&server->peak_memory))
		atomic_store(&server->peak_memory, allocated);
}

size_t
statistics_allocated(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}
