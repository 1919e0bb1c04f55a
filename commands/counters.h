/* Numbers that INFO shows.
 *
 * Each worker has counters of its own and is the only one to write them, so
 * counting costs no lock; whoever reads adds all workers' up. */
#ifndef COMMANDS_COUNTERS_H
#define COMMANDS_COUNTERS_H

#include "storage/base/latency_buckets.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct command_counters {
	_Atomic uint64_t calls, microseconds, rejected, failed;
	_Atomic uint32_t latency[LATENCY_BUCKETS];
};

struct counters {
	_Atomic uint64_t connections_received, connections_rejected;
	_Atomic int64_t connections, blocked, pubsub_connections;
	_Atomic uint64_t commands, bytes_in, bytes_out, error_replies;
	_Atomic uint64_t unexpected_errors;
	_Atomic uint64_t keyspace_hits, keyspace_misses, writes;
	_Atomic uint64_t authentication_failures, acl_denied;
	_Atomic uint64_t reads_total, writes_total; /* system calls */
	_Atomic uint64_t output_limit_disconnections;
	_Atomic uint64_t query_limit_disconnections;
	/* One for each command_table_index(). */
	struct command_counters *commands_by_index;
};

/* Only for the counters' own worker. */
#define counter_add(counter, amount) \
	atomic_store_explicit(&(counter), \
		atomic_load_explicit(&(counter), memory_order_relaxed) + \
			(amount), \
		memory_order_relaxed)
#define counter_get(counter) \
	atomic_load_explicit(&(counter), memory_order_relaxed)

#endif
