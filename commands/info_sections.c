/* Sections of INFO that describe the process; see info.h.
 *
 * Fields are those of Redis 7.0.15 in its order (server.c,
 * genRedisInfoString).  What has no counterpart here (snapshots, replication,
 * eviction, defragmentation) says so with the value of a Redis that does not
 * use it. */
#include "commands/counters.h"
#include "commands/info.h"
#include "commands/pubsub.h"
#include "commands/request.h"
#include "commands/server.h"
#include "commands/statistics.h"
#include "storage/base/clock.h"
#include "storage/base/settings.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

/* One line; INFO's lines end like the protocol's. */
#define line(text, format, ...) \
	evbuffer_add_printf(text, format "\r\n", ##__VA_ARGS__)

const char *
info_print_human(char text[static INFO_HUMAN_SIZE], size_t size)
{
	static const char units[] = "KMGTP";
	double scaled = (double)size / 1024;
	size_t unit = 0;

	if (size < 1024) {
		snprintf(text, INFO_HUMAN_SIZE, "%zuB", size);
		return text;
	}
	for (; scaled >= 1024 && unit < sizeof(units) - 2; unit++)
		scaled /= 1024;
	snprintf(text, INFO_HUMAN_SIZE, "%.2f%c", scaled, units[unit]);
	return text;
}

void
info_print_server(struct evbuffer *text, struct request *request)
{
	const struct server *server = request->server;
	const char *file = settings_file(server->settings);
	int64_t now_us = clock_wall_us();
	int64_t uptime_s = (now_us - server->started_wall_us) / 1000000;
	int hz = (int)settings_get(server->settings, hz);
	struct utsname system;

	uname(&system);
	line(text, "# Server");
	line(text, "redis_version:%s", SERVER_REDIS_VERSION);
	line(text, "redis_git_sha1:00000000");
	line(text, "redis_git_dirty:0");
	line(text, "redis_build_id:0");
	line(text, "redis_mode:%s",
		settings_get(server->settings, cluster_enabled) ? "cluster" :
								  "standalone");
	line(text, "os:%s %s %s", system.sysname, system.release,
		system.machine);
	line(text, "arch_bits:%zu", sizeof(void *) * 8);
	line(text, "monotonic_clock:POSIX clock_gettime");
	line(text, "multiplexing_api:epoll");
	line(text, "atomicvar_api:c11-builtin");
	line(text, "gcc_version:%d.%d.%d", __GNUC__, __GNUC_MINOR__,
		__GNUC_PATCHLEVEL__);
	line(text, "process_id:%ld", (long)getpid());
	line(text, "process_supervised:%s",
		settings_get(server->settings, supervised) ==
				SUPERVISED_SYSTEMD ?
			"systemd" :
			"no");
	line(text, "run_id:%s", server->run_id);
	line(text, "tcp_port:%" PRId64, settings_get(server->settings, port));
	line(text, "server_time_usec:%" PRId64, now_us);
	line(text, "uptime_in_seconds:%" PRId64, uptime_s);
	line(text, "uptime_in_days:%" PRId64, uptime_s / 86400);
	line(text, "hz:%d", hz);
	line(text, "configured_hz:%d", hz);
	line(text, "lru_clock:%" PRId64, now_us / 1000000 & 0xffffff);
	line(text, "executable:%s", server->executable);
	line(text, "config_file:%s", file ? file : "");
	line(text, "io_threads_active:%d", server->worker_count > 1);
	line(text, "respgres_version:%s", SERVER_VERSION);
}

void
info_print_clients(struct evbuffer *text, struct request *request)
{
	struct statistics sum = statistics_sum(request->server);

	line(text, "# Clients");
	line(text, "connected_clients:%" PRId64, sum.connections);
	line(text, "cluster_connections:0");
	line(text, "maxclients:%" PRId64,
		settings_get(request->server->settings, maxclients));
	line(text, "client_recent_max_input_buffer:0");
	line(text, "client_recent_max_output_buffer:0");
	line(text, "blocked_clients:%" PRId64, sum.blocked);
	line(text, "tracking_clients:0");
	line(text, "clients_in_timeout_table:0");
}

/* --- memory ---------------------------------------------------------- */

static void
print_size(struct evbuffer *text, const char *name, size_t size)
{
	char human[INFO_HUMAN_SIZE];

	line(text, "%s:%zu", name, size);
	line(text, "%s_human:%s", name, info_print_human(human, size));
}

static const char *
eviction_name(const struct settings *settings)
{
	static const char *const names[] = {
		[EVICTION_VOLATILE_LRU] = "volatile-lru",
		[EVICTION_VOLATILE_LFU] = "volatile-lfu",
		[EVICTION_VOLATILE_RANDOM] = "volatile-random",
		[EVICTION_VOLATILE_TTL] = "volatile-ttl",
		[EVICTION_ALLKEYS_LRU] = "allkeys-lru",
		[EVICTION_ALLKEYS_LFU] = "allkeys-lfu",
		[EVICTION_ALLKEYS_RANDOM] = "allkeys-random",
		[EVICTION_NONE] = "noeviction",
	};

	return names[settings_get(settings, maxmemory_policy)];
}

static void
print_process_memory(struct evbuffer *text, const struct server *server)
{
	size_t used = statistics_allocated();
	size_t resident = (size_t)atomic_load(&server->used_memory);
	size_t peak = (size_t)atomic_load(&server->peak_memory);

	if (peak < used)
		peak = used;
	print_size(text, "used_memory", used);
	print_size(text, "used_memory_rss", resident);
	print_size(text, "used_memory_peak", peak);
	line(text, "used_memory_peak_perc:%.2f%%",
		100.0 * (double)used / (double)peak);
	/* Data are in PostgreSQL: all of it is overhead. */
	line(text, "used_memory_overhead:%zu", used);
	line(text, "used_memory_startup:0");
	line(text, "used_memory_dataset:0");
	line(text, "used_memory_dataset_perc:0.00%%");
	line(text, "allocator_allocated:%zu", used);
	line(text, "allocator_active:%zu", used);
	line(text, "allocator_resident:%zu", resident);
	print_size(text, "total_system_memory",
		(size_t)sysconf(_SC_PHYS_PAGES) *
			(size_t)sysconf(_SC_PAGESIZE));
}

static void
print_script_memory(struct evbuffer *text)
{
	line(text, "used_memory_lua:0");
	line(text, "used_memory_vm_eval:0");
	line(text, "used_memory_lua_human:0B");
	line(text, "used_memory_scripts_eval:0");
	line(text, "number_of_cached_scripts:0");
	line(text, "number_of_functions:0");
	line(text, "number_of_libraries:0");
	line(text, "used_memory_vm_functions:0");
	print_size(text, "used_memory_vm_total", 0);
	line(text, "used_memory_functions:0");
	print_size(text, "used_memory_scripts", 0);
}

void
info_print_memory(struct evbuffer *text, struct request *request)
{
	const struct server *server = request->server;
	double used = (double)statistics_allocated();
	double resident = (double)atomic_load(&server->used_memory);

	line(text, "# Memory");
	print_process_memory(text, server);
	print_script_memory(text);
	print_size(text, "maxmemory",
		(size_t)settings_get(server->settings, maxmemory));
	line(text, "maxmemory_policy:%s", eviction_name(server->settings));
	line(text, "allocator_frag_ratio:1.00");
	line(text, "allocator_frag_bytes:0");
	line(text, "allocator_rss_ratio:%.2f", resident / used);
	line(text, "allocator_rss_bytes:%.0f", resident - used);
	line(text, "rss_overhead_ratio:1.00");
	line(text, "rss_overhead_bytes:0");
	line(text, "mem_fragmentation_ratio:%.2f", resident / used);
	line(text, "mem_fragmentation_bytes:%.0f", resident - used);
	line(text, "mem_not_counted_for_evict:0");
	line(text, "mem_replication_backlog:0");
	line(text, "mem_total_replication_buffers:0");
	line(text, "mem_clients_slaves:0");
	line(text, "mem_clients_normal:0");
	line(text, "mem_cluster_links:0");
	line(text, "mem_aof_buffer:0");
	line(text, "mem_allocator:libc");
	line(text, "active_defrag_running:0");
	line(text, "lazyfree_pending_objects:0");
	line(text, "lazyfreed_objects:0");
}

/* --- persistence and replication ------------------------------------- */

/* Every write is durable when it is answered: nothing waits to be saved. */
void
info_print_persistence(struct evbuffer *text, struct request *request)
{
	const struct server *server = request->server;
	uint64_t writes = statistics_sum(server).writes;
	uint64_t saved = atomic_load(&server->writes_at_last_save);

	line(text, "# Persistence");
	line(text, "loading:0");
	line(text, "async_loading:0");
	line(text, "current_cow_peak:0");
	line(text, "current_cow_size:0");
	line(text, "current_cow_size_age:0");
	line(text, "current_fork_perc:0.00");
	line(text, "current_save_keys_processed:0");
	line(text, "current_save_keys_total:0");
	line(text, "rdb_changes_since_last_save:%" PRIu64, writes - saved);
	line(text, "rdb_bgsave_in_progress:%d",
		atomic_load(&server->saves_running) > 0);
	line(text, "rdb_last_save_time:%" PRId64,
		atomic_load(&server->last_save_s));
	line(text, "rdb_last_bgsave_status:ok");
	line(text, "rdb_last_bgsave_time_sec:-1");
	line(text, "rdb_current_bgsave_time_sec:-1");
	line(text, "rdb_saves:%" PRIu64, atomic_load(&server->saves));
	line(text, "rdb_last_cow_size:0");
	line(text, "rdb_last_load_keys_expired:0");
	line(text, "rdb_last_load_keys_loaded:0");
	line(text, "aof_enabled:%d",
		settings_get(server->settings, appendonly));
	line(text, "aof_rewrite_in_progress:0");
	line(text, "aof_rewrite_scheduled:0");
	line(text, "aof_last_rewrite_time_sec:-1");
	line(text, "aof_current_rewrite_time_sec:-1");
	line(text, "aof_last_bgrewrite_status:ok");
	line(text, "aof_rewrites:0");
	line(text, "aof_rewrites_consecutive_failures:0");
	line(text, "aof_last_write_status:ok");
	line(text, "aof_last_cow_size:0");
	line(text, "module_fork_in_progress:0");
	line(text, "module_fork_last_cow_size:0");
}

void
info_print_replication(struct evbuffer *text, struct request *request)
{
	const struct server *server = request->server;

	line(text, "# Replication");
	line(text, "role:master");
	line(text, "connected_slaves:0");
	line(text, "master_failover_state:no-failover");
	/* Readers only compare it with what they saw before. */
	line(text, "master_replid:%.32s%08x", server->run_id,
		atomic_load(&server->replication_id_changes));
	line(text, "master_replid2:%040d", 0);
	line(text, "master_repl_offset:0");
	line(text, "second_repl_offset:-1");
	line(text, "repl_backlog_active:0");
	line(text, "repl_backlog_size:%" PRId64,
		settings_get(server->settings, repl_backlog_size));
	line(text, "repl_backlog_first_byte_offset:0");
	line(text, "repl_backlog_histlen:0");
}

/* --- stats ----------------------------------------------------------- */

static void
print_traffic(struct evbuffer *text, const struct server *server,
	const struct statistics *sum)
{
	const struct rates *rates = &server->rates;

	line(text, "total_connections_received:%" PRIu64,
		sum->connections_received);
	line(text, "total_commands_processed:%" PRIu64, sum->commands);
	line(text, "instantaneous_ops_per_sec:%" PRIu64,
		atomic_load(&rates->commands));
	line(text, "total_net_input_bytes:%" PRIu64, sum->bytes_in);
	line(text, "total_net_output_bytes:%" PRIu64, sum->bytes_out);
	line(text, "total_net_repl_input_bytes:0");
	line(text, "total_net_repl_output_bytes:0");
	line(text, "instantaneous_input_kbps:%.2f",
		(double)atomic_load(&rates->bytes_in) / 1024);
	line(text, "instantaneous_output_kbps:%.2f",
		(double)atomic_load(&rates->bytes_out) / 1024);
	line(text, "instantaneous_input_repl_kbps:0.00");
	line(text, "instantaneous_output_repl_kbps:0.00");
	line(text, "rejected_connections:%" PRIu64, sum->connections_rejected);
	line(text, "sync_full:0");
	line(text, "sync_partial_ok:0");
	line(text, "sync_partial_err:0");
}

void
info_print_stats(struct evbuffer *text, struct request *request)
{
	const struct server *server = request->server;
	struct statistics sum = statistics_sum(server);

	line(text, "# Stats");
	print_traffic(text, server, &sum);
	line(text, "expired_keys:%" PRIu64, atomic_load(&server->expired_keys));
	line(text, "expired_stale_perc:0.00");
	line(text, "expired_time_cap_reached_count:0");
	line(text, "expire_cycle_cpu_milliseconds:0");
	line(text, "evicted_keys:0");
	line(text, "evicted_clients:0");
	line(text, "total_eviction_exceeded_time:0");
	line(text, "current_eviction_exceeded_time:0");
	line(text, "keyspace_hits:%" PRIu64, sum.keyspace_hits);
	line(text, "keyspace_misses:%" PRIu64, sum.keyspace_misses);
	line(text, "pubsub_channels:%ld",
		pubsub_channels(server->pubsub, CHANNEL_PLAIN));
	line(text, "pubsub_patterns:%ld",
		pubsub_channels(server->pubsub, CHANNEL_PATTERN));
	line(text, "pubsubshard_channels:%ld",
		pubsub_channels(server->pubsub, CHANNEL_SHARD));
	line(text, "latest_fork_usec:0");
	line(text, "total_forks:0");
	line(text, "migrate_cached_sockets:0");
	line(text, "slave_expires_tracked_keys:0");
	line(text, "active_defrag_hits:0");
	line(text, "active_defrag_misses:0");
	line(text, "active_defrag_key_hits:0");
	line(text, "active_defrag_key_misses:0");
	line(text, "total_active_defrag_time:0");
	line(text, "current_active_defrag_time:0");
	line(text, "tracking_total_keys:0");
	line(text, "tracking_total_items:0");
	line(text, "tracking_total_prefixes:0");
	line(text, "unexpected_error_replies:%" PRIu64, sum.unexpected_errors);
	line(text, "total_error_replies:%" PRIu64, sum.error_replies);
	line(text, "dump_payload_sanitizations:0");
	line(text, "total_reads_processed:%" PRIu64, sum.reads_total);
	line(text, "total_writes_processed:%" PRIu64, sum.writes_total);
	line(text, "io_threaded_reads_processed:0");
	line(text, "io_threaded_writes_processed:0");
	line(text, "reply_buffer_shrinks:0");
	line(text, "reply_buffer_expands:0");
}

/* --- the rest -------------------------------------------------------- */

static double
seconds(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

void
info_print_cpu(struct evbuffer *text, struct request *request)
{
	struct rusage process, children, thread;

	(void)request;
	getrusage(RUSAGE_SELF, &process);
	getrusage(RUSAGE_CHILDREN, &children);
	getrusage(RUSAGE_THREAD, &thread);
	line(text, "# CPU");
	line(text, "used_cpu_sys:%.6f", seconds(process.ru_stime));
	line(text, "used_cpu_user:%.6f", seconds(process.ru_utime));
	line(text, "used_cpu_sys_children:%.6f", seconds(children.ru_stime));
	line(text, "used_cpu_user_children:%.6f", seconds(children.ru_utime));
	line(text, "used_cpu_sys_main_thread:%.6f", seconds(thread.ru_stime));
	line(text, "used_cpu_user_main_thread:%.6f", seconds(thread.ru_utime));
}

void
info_print_modules(struct evbuffer *text, struct request *request)
{
	(void)request;
	line(text, "# Modules");
}

void
info_print_cluster(struct evbuffer *text, struct request *request)
{
	line(text, "# Cluster");
	line(text, "cluster_enabled:%d",
		settings_get(request->server->settings, cluster_enabled) != 0);
}
