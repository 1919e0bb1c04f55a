/* Builds and takes apart the running server; see service.h. */
#include "proxy/service.h"

#include "commands/blocking.h"
#include "commands/counters.h"
#include "commands/error_statistics.h"
#include "commands/latency.h"
#include "commands/pubsub.h"
#include "commands/pubsub_exchange.h"
#include "commands/server.h"
#include "commands/slow_log.h"
#include "commands/statistics.h"
#include "commands/table.h"
#include "proxy/host.h"
#include "proxy/listener.h"
#include "proxy/main_tasks.h"
#include "proxy/worker.h"
#include "storage/base/clock.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/base/settings.h"
#include "storage/feed.h"
#include "storage/pool.h"
#include "storage/store.h"
#include "storage/sweeper.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	LANES_DEFAULT = 2,
	BULK_LANES = 2,
	DESCRIPTORS_RESERVED = 64, /* for lanes, listeners, logs */
};

struct service {
	struct event_base *base;
	struct server server;
	struct command_table *commands;
	struct worker **workers;
	struct listener *listener;
	struct main_tasks *tasks;
	struct event *sample;
	struct sweeper *sweeper;
	char *database_summary;
	char executable[4096];
	void (*shutdown)(void *arg);
	void *shutdown_arg;
};

/* --- parts ----------------------------------------------------------- */

static int64_t
make_instance(void)
{
	int64_t instance;

	if (getrandom(&instance, sizeof(instance), 0) != sizeof(instance))
		abort();
	return (instance & INT64_MAX) | 1;
}

static struct storage *
make_storage(
	const struct settings *settings, const char *conninfo, int worker_count)
{
	struct storage_options options = {
		.conninfo = conninfo,
		.instance = make_instance(),
		.lanes = (int)settings_get(settings, lanes),
		.bulk_lanes = BULK_LANES,
		.batch_max = (int)settings_get(settings, lane_batch_max),
		.queue_max = (int)settings_get(settings, lane_queue_max),
		.queue_max_size =
			(size_t)settings_get(settings, lane_queue_max_bytes),
		.timeout_ms = (int)settings_get(settings, postgres_timeout),
		.databases = (int)settings_get(settings, databases),
	};

	if (options.lanes == 0)
		options.lanes = LANES_DEFAULT;
	if (options.databases > STORAGE_DATABASES_MAX)
		options.databases = STORAGE_DATABASES_MAX;
	for (int db = 0; db < options.databases; db++) {
		static const enum storage_class classes[] = {
			[DATABASE_DURABLE] = CLASS_DURABLE,
			[DATABASE_ASYNC] = CLASS_ASYNC,
			[DATABASE_CACHE] = CLASS_CACHE,
		};

		options.class_of_database[db] =
			classes[settings_database_class(settings, db)];
	}
	return storage_new(&options, worker_count);
}

/* The lanes of each storage class in use, those for long answers included, and
 * the pool's own, the sweeper's, the feed's two and that of messages. */
int
service_connections(const struct settings *settings)
{
	bool used[DATABASE_CACHE + 1] = { false };
	int lanes = (int)settings_get(settings, lanes), classes = 0;

	for (int db = 0; db < settings_get(settings, databases) &&
		db < STORAGE_DATABASES_MAX;
		db++)
		used[settings_database_class(settings, db)] = true;
	for (int i = 0; i <= DATABASE_CACHE; i++)
		classes += used[i];
	lanes = (lanes ? lanes : LANES_DEFAULT) + 1 + BULK_LANES +
		settings_worker_count(settings);
	return classes * lanes + 5;
}

static struct counters *
make_counters(const struct command_table *commands)
{
	struct counters *counters =
		memory_allocate_zeroed(1, sizeof(*counters));

	counters->commands_by_index =
		memory_allocate_zeroed(command_table_index_count(commands),
			sizeof(*counters->commands_by_index));
	return counters;
}

static void
make_run_id(char run_id[static 41])
{
	unsigned char bytes[20];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		abort();
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(run_id + i * 2, 3, "%02x", bytes[i]);
}

/* As many clients as maxclients says need as many descriptors. */
static void
raise_descriptor_limit(const struct settings *settings)
{
	rlim_t wanted = (rlim_t)settings_get(settings, maxclients) +
		DESCRIPTORS_RESERVED;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = wanted;
	if (limit.rlim_max < wanted)
		limit.rlim_max = wanted;
	if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
		return;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	log_event(LOG_WARNING, "fewer descriptors than maxclients needs",
		"available", log_int((long long)limit.rlim_cur), "wanted",
		log_int((long long)wanted), NULL);
}

/* Resident memory, for INFO and the rule of maxmemory. */
static void
sample_memory(evutil_socket_t socket, short what, void *arg)
{
	struct service *service = arg;
	FILE *file = fopen("/proc/self/statm", "re");
	long total = 0, resident = 0;

	(void)socket;
	(void)what;
	statistics_sample(&service->server);
	if (file == NULL)
		return;
	if (fscanf(file, "%ld %ld", &total, &resident) == 2)
		atomic_store(&service->server.used_memory,
			(int64_t)resident * sysconf(_SC_PAGESIZE));
	fclose(file);
}

/* --- changes while running ------------------------------------------- */

static bool
reopen_tcp(void *arg, const char **error)
{
	struct service *service = arg;

	return listener_reopen_tcp(service->listener, error);
}

static bool
reopen_tls(void *arg, const char **error)
{
	struct service *service = arg;

	return listener_reopen_tls(service->listener, error);
}

static bool
reopen_all(void *arg, const char **error)
{
	return reopen_tcp(arg, error) && reopen_tls(arg, error);
}

static bool
renew_tls(void *arg, const char **error)
{
	struct service *service = arg;

	return listener_renew_tls(service->listener, error);
}

/* The hooks are called on a worker, under the settings' lock: the listener
 * belongs to the main thread, which never takes that lock. */
static bool
apply_port(void *arg, const char **error)
{
	struct service *service = arg;

	return main_tasks_run(service->tasks, reopen_tcp, service, error);
}

static bool
apply_tls_port(void *arg, const char **error)
{
	struct service *service = arg;

	return main_tasks_run(service->tasks, reopen_tls, service, error);
}

static bool
apply_bind(void *arg, const char **error)
{
	struct service *service = arg;

	return main_tasks_run(service->tasks, reopen_all, service, error);
}

static bool
apply_tls(void *arg, const char **error)
{
	struct service *service = arg;

	return main_tasks_run(service->tasks, renew_tls, service, error);
}

static bool
apply_log(void *arg, const char **error)
{
	const struct service *service = arg;
	const struct settings *settings = service->server.settings;

	*error = NULL;
	return log_configure((enum log_level)settings_get(settings, loglevel),
		(enum log_format)settings_get(settings, log_format),
		settings_get_text(settings, logfile));
}

static bool
apply_maxclients(void *arg, const char **error)
{
	const struct service *service = arg;

	*error = NULL;
	raise_descriptor_limit(service->server.settings);
	return true;
}

static void
set_apply_hooks(struct service *service)
{
	static const char *const tls_names[] = { "tls-cert-file",
		"tls-key-file", "tls-key-file-pass", "tls-ca-cert-file",
		"tls-ca-cert-dir", "tls-dh-params-file", "tls-auth-clients",
		"tls-protocols", "tls-ciphers", "tls-ciphersuites",
		"tls-prefer-server-ciphers", "tls-session-caching",
		"tls-session-cache-size", "tls-session-cache-timeout", NULL };
	struct settings *settings = service->server.settings;

	settings_set_apply_hook(settings, "port", apply_port, service);
	settings_set_apply_hook(settings, "bind", apply_bind, service);
	for (int i = 0; tls_names[i] != NULL; i++)
		settings_set_apply_hook(
			settings, tls_names[i], apply_tls, service);
	settings_set_apply_hook(settings, "tls-port", apply_tls_port, service);
	settings_set_apply_hook(settings, "loglevel", apply_log, service);
	settings_set_apply_hook(settings, "log-format", apply_log, service);
	settings_set_apply_hook(
		settings, "maxclients", apply_maxclients, service);
}

/* Certificates change in files whose names stay. */
static void
reload_certificates(struct service *service)
{
	const char *error = NULL;

	if (!apply_tls(service, &error))
		log_event(LOG_WARNING, "certificates not reloaded", "error",
			log_text(error), NULL);
}

static void
reload(struct worker *worker, void *arg)
{
	char *report = NULL;
	bool done = settings_reload(worker->server->settings, &report);

	log_event(done ? LOG_NOTICE : LOG_WARNING,
		done ? "configuration reloaded" : "configuration not reloaded",
		"report", log_text(report), NULL);
	free(report);
	if (done)
		reload_certificates(arg);
}

void
service_reload(struct service *service)
{
	worker_post(service->workers[0], reload, service);
}

/* --- start and stop -------------------------------------------------- */

static void
shut_down(struct server *server)
{
	struct service *service = (struct service *)((char *)server -
		offsetof(struct service, server));

	service->shutdown(service->shutdown_arg);
}

static void
fill_server(struct service *service, struct settings *settings,
	const char *conninfo, int worker_count)
{
	struct server *server = &service->server;
	ssize_t size;

	server->settings = settings;
	server->commands = service->commands;
	server->storage = make_storage(settings, conninfo, worker_count);
	server->host = &host_functions;
	server->shutdown = shut_down;
	server->host_data = service->workers;
	server->worker_count = worker_count;
	server->slow_log = slow_log_new();
	server->latency = latency_monitor_new();
	server->blocking = blocking_new(server);
	server->pubsub = pubsub_new(server);
	server->exchange = pubsub_exchange_new(server);
	server->errors = error_statistics_new();
	make_run_id(server->run_id);
	server->started_wall_us = clock_wall_us();
	atomic_store(&server->last_save_s, server->started_wall_us / 1000000);
	server->rates.sampled_us = clock_monotonic_us();
	atomic_store(&server->sweeping, true);
	size = readlink("/proc/self/exe", service->executable,
		sizeof(service->executable) - 1);
	service->executable[size > 0 ? size : 0] = '\0';
	server->executable = service->executable;
	server->database_summary = service->database_summary;
	server->counters = memory_allocate_zeroed(
		(size_t)worker_count, sizeof(*server->counters));
	for (int i = 0; i < worker_count; i++)
		server->counters[i] = make_counters(service->commands);
}

static void
free_service(struct service *service)
{
	struct server *server = &service->server;

	sweeper_free(service->sweeper);
	storage_free_lanes(server->storage);
	for (int i = 0; i < server->worker_count; i++) {
		worker_free(service->workers[i]);
		free(server->counters[i]->commands_by_index);
		free(server->counters[i]);
	}
	free(server->counters);
	feed_free(server->feed);
	pubsub_exchange_free(server->exchange);
	blocking_free(server->blocking);
	pubsub_free(server->pubsub);
	storage_free(server->storage);
	slow_log_free(server->slow_log);
	latency_monitor_free(server->latency);
	error_statistics_free(server->errors);
	listener_free(service->listener);
	main_tasks_free(service->tasks);
	if (service->sample != NULL)
		event_free(service->sample);
	command_table_free(service->commands);
	free(service->workers);
	free(service->database_summary);
	free(service);
}

static void
stop_workers(struct service *service)
{
	int timeout_ms =
		(int)settings_get(service->server.settings, shutdown_timeout) *
		1000;

	blocking_close(service->server.blocking);
	pool_close(service->server.storage);
	for (int i = 0; i < service->server.worker_count; i++)
		worker_drain(service->workers[i], timeout_ms);
	for (int i = 0; i < service->server.worker_count; i++)
		worker_join(service->workers[i]);
}

static void
count_expired(void *arg, uint64_t count)
{
	struct server *server = arg;

	atomic_fetch_add_explicit(
		&server->expired_keys, count, memory_order_relaxed);
}

struct service *
service_start(struct event_base *base, struct settings *settings,
	const char *conninfo, const char *database_summary,
	void (*shutdown)(void *arg), void *arg, char **error)
{
	struct service *service = memory_allocate_zeroed(1, sizeof(*service));
	int worker_count = settings_worker_count(settings);
	struct timeval second = { 1, 0 };
	const char *reason = NULL;

	service->base = base;
	service->shutdown = shutdown;
	service->shutdown_arg = arg;
	service->database_summary = memory_copy_string(database_summary);
	service->commands = command_table_new();
	if (service->commands == NULL) {
		*error = memory_copy_string("the command table is broken");
		free(service->database_summary);
		free(service);
		return NULL;
	}
	raise_descriptor_limit(settings);
	service->workers = memory_allocate_zeroed(
		(size_t)worker_count, sizeof(*service->workers));
	fill_server(service, settings, conninfo, worker_count);
	service->tasks = main_tasks_new(base);
	for (int i = 0; i < worker_count; i++)
		service->workers[i] = worker_new(&service->server, i);
	storage_create_lanes(service->server.storage);
	service->listener = listener_new(
		base, &service->server, service->workers, worker_count);
	if (!listener_open(service->listener, &reason)) {
		*error = memory_copy_string(reason);
		free_service(service);
		return NULL;
	}
	set_apply_hooks(service);
	service->server.feed = feed_new(base, service->server.storage);
	blocking_listen(service->server.blocking, service->server.feed);
	pubsub_exchange_open(
		service->server.exchange, base, service->server.feed);
	service->sweeper = sweeper_new(base, conninfo,
		&(struct sweeper_options){ .settings = settings,
			.active = &service->server.sweeping,
			.paused_until_us = &service->server.paused_until_us,
			.held = storage_paused_flag(service->server.storage),
			.place = storage_place(
				service->server.storage, PLACE_SWEEPER) },
		count_expired, &service->server);
	service->sample =
		event_new(base, -1, EV_PERSIST, sample_memory, service);
	event_add(service->sample, &second);
	sample_memory(-1, 0, service);
	for (int i = 0; i < worker_count; i++)
		worker_start(service->workers[i]);
	return service;
}

void
service_stop(struct service *service)
{
	listener_close(service->listener);
	main_tasks_close(service->tasks);
	stop_workers(service);
	free_service(service);
}

const char *
service_listening(const struct service *service)
{
	return listener_description(service->listener);
}
