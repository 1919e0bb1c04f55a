/* The counters of all workers together, and rates per second. */
#ifndef COMMANDS_STATISTICS_H
#define COMMANDS_STATISTICS_H

#include <stddef.h>
#include <stdint.h>

struct server;

struct statistics {
	uint64_t connections_received, connections_rejected;
	int64_t connections, blocked, pubsub_connections;
	uint64_t commands, bytes_in, bytes_out, error_replies;
	uint64_t unexpected_errors;
	uint64_t keyspace_hits, keyspace_misses, writes;
	uint64_t authentication_failures, acl_denied;
	uint64_t reads_total, writes_total;
	uint64_t output_limit_disconnections, query_limit_disconnections;
};

struct statistics statistics_sum(const struct server *server);

struct command_statistics {
	uint64_t calls, microseconds, rejected, failed;
};

/* Of the command with that command_table_index(). */
struct command_statistics statistics_of_command(
	const struct server *server, size_t index);

/* How often each histogram bucket was hit (LATENCY_BUCKETS of counters.h);
 * returns the sum. */
uint64_t statistics_histogram(
	const struct server *server, size_t index, uint64_t *buckets);

/* Called by one thread about once a second: keeps the rates of
 * server.rates and the peak of memory. */
void statistics_sample(struct server *server);

/* Bytes that this process has from its allocator. */
size_t statistics_allocated(void);

#endif
