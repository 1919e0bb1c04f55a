/* The process as commands see it: made once by proxy/, shared by all workers.
 *
 * Pointers are set before the workers start and do not change; what they point
 * to says itself how threads use it. */
#ifndef COMMANDS_SERVER_H
#define COMMANDS_SERVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct blocking;
struct command_table;
struct counters;
struct error_statistics;
struct feed;
struct host;
struct latency_monitor;
struct pubsub;
struct pubsub_exchange;
struct settings;
struct slow_log;
struct storage;

/* The Redis whose commands and replies these are. */
#define SERVER_REDIS_VERSION "7.0.15"
/* Our own. */
#define SERVER_VERSION "0.1.0"

/* Per second; kept by statistics_sample(). */
struct rates {
	_Atomic uint64_t commands, bytes_in, bytes_out;
	/* Of the sampling thread only. */
	uint64_t last_commands, last_bytes_in, last_bytes_out;
	int64_t sampled_us;
};

struct server {
	struct settings *settings;
	const struct command_table *commands;
	struct storage *storage;
	struct blocking *blocking; /* requests that wait for keys */
	struct pubsub *pubsub; /* channels and their subscribers */
	struct pubsub_exchange *exchange; /* messages of other instances */
	struct feed *feed; /* what others do */
	const struct host *host;
	void *host_data; /* proxy's own: its array of workers */
	/* Ends the process as SIGTERM does; from any thread. */
	void (*shutdown)(struct server *server);
	struct counters **counters; /* one for each worker */
	int worker_count;
	struct slow_log *slow_log;
	struct latency_monitor *latency;
	char run_id[41]; /* 40 hexadecimal digits, new at each start */
	int64_t started_wall_us;
	_Atomic uint64_t next_connection_id;
	_Atomic int monitors; /* connections in MONITOR */
	_Atomic bool sweeping; /* DEBUG SET-ACTIVE-EXPIRE */
	_Atomic bool scripts_may_all; /* DEBUG SET-DISABLE-DENY-SCRIPTS */
	_Atomic bool ignore_checksums; /* DEBUG SET-SKIP-CHECKSUM-VALIDATION */
	_Atomic uint64_t expired_keys;
	_Atomic int64_t used_memory; /* bytes; sampled about once a second */
	_Atomic int64_t peak_memory; /* bytes from the allocator */
	struct rates rates;
	_Atomic uint64_t saves, writes_at_last_save;
	_Atomic int saves_running;
	_Atomic int64_t last_save_s; /* Unix time */
	_Atomic unsigned replication_id_changes;
	_Atomic int64_t paused_until_us; /* monotonic; 0: no pause */
	_Atomic bool paused_writes_only;
	struct error_statistics *errors;
	const char *executable; /* path of the program */
	const char *database_summary; /* "embedded /path" or host and dbname */
};

#endif
