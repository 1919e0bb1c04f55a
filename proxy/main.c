/* The program: reads the configuration, finds or starts PostgreSQL, starts the
 * service, and waits for signals.
 *
 * The main thread owns signals, the listening sockets and the embedded
 * PostgreSQL; clients are served by workers. */
#include "commands/compat.h"
#include "commands/server.h"
#include "proxy/process.h"
#include "proxy/service.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/base/settings.h"
#include "storage/check.h"
#include "storage/embedded.h"
#include "storage/migrate.h"

#include <event2/event.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum { ERROR_SIZE = 1024, EMBEDDED_SETTINGS_MAX = 128 };

struct program {
	struct settings *settings;
	struct event_base *base;
	struct embedded *embedded; /* NULL: somebody else's PostgreSQL */
	struct service *service;
	struct event *events[8];
	int event_count;
	bool stopping;
};

static volatile sig_atomic_t stop_requested;

/* --- the database ---------------------------------------------------- */

static bool
start_embedded(struct program *program, char *error, size_t size)
{
	const struct settings *settings = program->settings;
	struct embedded_setting extra[EMBEDDED_SETTINGS_MAX];
	struct embedded_options options = {
		.directory = settings_get_text(settings, embedded_directory),
		.binaries = settings_get_text(settings, postgres_bindir),
		.user = settings_get_text(settings, embedded_user),
		.settings = extra,
		.stop_requested = &stop_requested,
	};
	size_t count = 0;
	char **words = settings_split(
		settings_get_text(settings, postgres_setting), &count);

	for (size_t i = 0;
		i + 1 < count && options.setting_count < EMBEDDED_SETTINGS_MAX;
		i += 2)
		extra[options.setting_count++] =
			(struct embedded_setting){ words[i], words[i + 1] };
	program->embedded = embedded_start(&options, error, size);
	settings_words_free(words, count);
	return program->embedded != NULL;
}

static const char *
conninfo_of(const struct program *program)
{
	return program->embedded ? embedded_conninfo(program->embedded) :
				   settings_database(program->settings);
}

static bool
migrate(const char *conninfo, char *error, size_t size)
{
	PGconn *connection = PQconnectdb(conninfo);
	bool done = false;

	if (PQstatus(connection) != CONNECTION_OK)
		snprintf(error, size, "%s", PQerrorMessage(connection));
	else
		done = migrate_run(connection, error, size);
	PQfinish(connection);
	return done;
}

/* Names the database without its password. */
static char *
describe_database(const struct program *program)
{
	PQconninfoOption *options;
	const char *host = "", *name = "";
	char *text;

	if (program->embedded != NULL)
		return memory_print("embedded PostgreSQL in %s",
			settings_get_text(
				program->settings, embedded_directory));
	options = PQconninfoParse(conninfo_of(program), NULL);
	for (PQconninfoOption *option = options;
		option != NULL && option->keyword != NULL; option++) {
		if (option->val == NULL)
			continue;
		if (strcmp(option->keyword, "host") == 0)
			host = option->val;
		else if (strcmp(option->keyword, "dbname") == 0)
			name = option->val;
	}
	text = memory_print(
		"PostgreSQL%s%s, database %s", *host ? " at " : "", host, name);
	PQconninfoFree(options);
	return text;
}

/* --- signals --------------------------------------------------------- */

static void
stop(void *arg)
{
	struct program *program = arg;

	event_base_loopbreak(program->base);
}

static void
on_stop_signal(evutil_socket_t number, short what, void *arg)
{
	struct program *program = arg;

	(void)what;
	log_event(LOG_NOTICE, "shutting down", "signal",
		log_text(strsignal((int)number)), NULL);
	stop(program);
}

static void
on_reload_signal(evutil_socket_t number, short what, void *arg)
{
	const struct program *program = arg;

	(void)number;
	(void)what;
	log_reopen();
	service_reload(program->service);
}

static void
on_supervise(evutil_socket_t number, short what, void *arg)
{
	const struct program *program = arg;

	(void)number;
	(void)what;
	embedded_check(program->embedded);
}

/* Before the loop runs: only notes that a stop was asked for. */
static void
note_stop(int number)
{
	(void)number;
	stop_requested = 1;
}

/* SHUTDOWN comes from a worker's thread; a signal is the way to the loop. */
static void
stop_from_worker(void *arg)
{
	(void)arg;
	kill(getpid(), SIGTERM);
}

static void
add_event(struct program *program, struct event *event,
	const struct timeval *interval)
{
	event_add(event, interval);
	program->events[program->event_count++] = event;
}

static void
watch_signals(struct program *program)
{
	static const struct timeval second = { 1, 0 };
	struct event_base *base = program->base;

	add_event(program, evsignal_new(base, SIGTERM, on_stop_signal, program),
		NULL);
	add_event(program, evsignal_new(base, SIGINT, on_stop_signal, program),
		NULL);
	add_event(program,
		evsignal_new(base, SIGHUP, on_reload_signal, program), NULL);
	if (program->embedded == NULL)
		return;
	add_event(program, evsignal_new(base, SIGCHLD, on_supervise, program),
		NULL);
	add_event(program,
		event_new(base, -1, EV_PERSIST, on_supervise, program),
		&second);
}

/* --- running --------------------------------------------------------- */

static void
print_banner(const struct program *program, const char *database)
{
	log_event(LOG_NOTICE, "respgres is ready", "version",
		log_text(SERVER_VERSION), "listening",
		log_text(service_listening(program->service)), "data",
		log_text(database), "process", log_int(getpid()), NULL);
}

static bool
serve(struct program *program, char **error)
{
	char *database = describe_database(program);
	bool done = false;

	program->service = service_start(program->base, program->settings,
		conninfo_of(program), database, stop_from_worker, program,
		error);
	if (program->service == NULL)
		goto cleanup;
	watch_signals(program);
	print_banner(program, database);
	process_ready(program->settings);
	if (!stop_requested)
		event_base_dispatch(program->base);
	process_stopping(program->settings);
	service_stop(program->service);
	done = true;
cleanup:
	free(database);
	return done;
}

static int
run(struct program *program, const struct settings_actions *actions)
{
	char error[ERROR_SIZE] = "", *service_error = NULL;
	int status = EXIT_FAILURE;

	if (*settings_database(program->settings) == '\0' &&
		!start_embedded(program, error, sizeof(error)))
		goto cleanup;
	if (actions->check) {
		status = check_database(conninfo_of(program),
				 service_connections(program->settings),
				 stdout) ?
			EXIT_SUCCESS :
			EXIT_FAILURE;
		goto cleanup;
	}
	if (!migrate(conninfo_of(program), error, sizeof(error)))
		goto cleanup;
	if (actions->migrate_only || serve(program, &service_error))
		status = EXIT_SUCCESS;
cleanup:
	if (service_error != NULL)
		snprintf(error, sizeof(error), "%s", service_error);
	if (*error != '\0')
		log_event(LOG_WARNING, "respgres cannot run", "reason",
			log_text(error), NULL);
	free(service_error);
	embedded_stop(program->embedded);
	return status;
}

static void
prepare_process(void)
{
	struct sigaction note = { .sa_handler = note_stop };

	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGTERM, &note, NULL);
	sigaction(SIGINT, &note, NULL);
}

static struct event_base *
new_base(void)
{
	struct event_base *base = event_base_new();

	if (base == NULL)
		abort();
	return base;
}

/* What needs no database.  Returns false when there is more to do. */
static bool
answer_at_once(const struct settings_actions *actions)
{
	if (actions->version)
		printf("respgres %s (libpq %d)\n", SERVER_VERSION,
			PQlibVersion());
	else if (actions->help)
		process_print_help(stdout);
	else if (actions->compat)
		compat_write(stdout);
	else if (actions->settings)
		settings_print_documentation(stdout);
	else
		return false;
	return true;
}

int
main(int argc, char **argv)
{
	struct program program = { .settings = settings_new() };
	struct settings_actions actions = { 0 };
	char *error = NULL;
	int status = EXIT_FAILURE;

	if (!settings_load(program.settings, argc, argv, &actions, &error)) {
		fprintf(stderr, "%s\n", error);
		goto cleanup;
	}
	if (answer_at_once(&actions)) {
		status = EXIT_SUCCESS;
		goto cleanup;
	}
	if (!log_configure(
		    (enum log_level)settings_get(program.settings, loglevel),
		    (enum log_format)settings_get(program.settings, log_format),
		    settings_get_text(program.settings, logfile))) {
		perror("respgres: logfile");
		goto cleanup;
	}
	process_daemonize(program.settings);
	prepare_process();
	program.base = new_base();
	status = run(&program, &actions);
	for (int i = 0; i < program.event_count; i++)
		event_free(program.events[i]);
	event_base_free(program.base);
cleanup:
	free(error);
	settings_free(program.settings);
	return status;
}
