/* Starts, supervises and stops the embedded PostgreSQL.
 *
 * The postmaster is our direct child in a session of its own, so a Ctrl-C at
 * the terminal reaches us alone and we stop it in order.  Should we be killed,
 * the system sends it SIGINT, which is PostgreSQL's fast shutdown; the next
 * start waits for that to end (embedded_cluster.c).
 *
 * A postmaster that dies is started again: at once the first time, then after
 * a pause that doubles up to ten seconds, until it has lived for a minute.  A
 * backend that dies is the postmaster's own business. */
#include "storage/embedded.h"

#include "storage/base/clock.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/embedded_cluster.h"
#include "storage/embedded_process.h"

#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const int64_t second_us = 1000000;
static const int64_t silence_limit_us = 300 * 1000000LL;
static const int64_t retry_limit_us = 60 * 1000000LL;
static const int64_t pause_start_us = 250000;
static const int64_t pause_limit_us = 2 * 1000000LL;
static const int64_t settled_us = 60 * 1000000LL;

struct embedded {
	struct cluster cluster;
	char *conninfo;
	pid_t process; /* 0: down */
	off_t log_offset; /* where this postmaster's lines begin */
	int64_t started_us;
	int64_t pause_us; /* before the next start */
	int64_t start_at_us; /* when down: the end of that pause */
	const volatile sig_atomic_t *stop_requested;
};

/* One parameter of a connection string, quoted as libpq wants it. */
static char *
quote_parameter(const char *value)
{
	char *quoted = memory_allocate(2 * strlen(value) + 3);
	char *to = quoted;

	*to++ = '\'';
	for (; *value; value++) {
		if (*value == '\'' || *value == '\\')
			*to++ = '\\';
		*to++ = *value;
	}
	*to++ = '\'';
	*to = '\0';
	return quoted;
}

static char *
print_conninfo(
	const struct embedded *embedded, const char *user, const char *database)
{
	char *host = quote_parameter(embedded->cluster.socket_directory);
	char *text = memory_print(
		"host=%s port=5432 user=%s dbname=%s", host, user, database);

	free(host);
	return text;
}

static bool
launch(struct embedded *embedded)
{
	const struct cluster *cluster = &embedded->cluster;
	char *program =
		memory_print("%s/postgres", cluster->binaries.directory);
	char *socket = memory_print(
		"unix_socket_directories=\"%s\"", cluster->socket_directory);
	const char *const arguments[] = { program, "-D", cluster->data, "-p",
		"5432", "-c", socket, NULL };
	int log = cluster_open_log(cluster);
	pid_t process = -1;
	int failure = errno;

	embedded->started_us = clock_monotonic_us();
	if (log >= 0) {
		embedded->log_offset = lseek(log, 0, SEEK_END);
		process = process_start(arguments, &cluster->user, log);
		failure = errno;
		close(log);
	}
	if (process < 0)
		log_event(LOG_WARNING, "cannot start PostgreSQL", "program",
			log_text(program), "error", log_text(strerror(failure)),
			NULL);
	embedded->process = process > 0 ? process : 0;
	free(program);
	free(socket);
	errno = failure;
	return process > 0;
}

/* Whether the child has ended; then it is reaped, and `how` says in words. */
static bool
has_ended(struct embedded *embedded, char *how, size_t how_size)
{
	int status = 0;
	pid_t reaped;

	do
		reaped = waitpid(embedded->process, &status, WNOHANG);
	while (reaped < 0 && errno == EINTR);
	if (reaped == 0)
		return false;
	if (reaped < 0)
		snprintf(how, how_size, "it was reaped elsewhere");
	else if (WIFSIGNALED(status))
		snprintf(
			how, how_size, "killed by signal %d", WTERMSIG(status));
	else
		snprintf(how, how_size, "exit status %d", WEXITSTATUS(status));
	embedded->process = 0;
	return true;
}

/* What the last postmaster logged, the end of it. */
static void
read_log(const struct embedded *embedded, char *text, size_t size)
{
	int log = open(embedded->cluster.log, O_RDONLY | O_CLOEXEC);
	off_t offset = embedded->log_offset;
	ssize_t count = 0;
	struct stat found;

	if (log >= 0 && fstat(log, &found) == 0) {
		if (found.st_size - offset > (off_t)size - 1)
			offset = found.st_size - ((off_t)size - 1);
		count = pread(log, text, size - 1, offset);
	}
	if (log >= 0)
		close(log);
	while (count > 0 && text[count - 1] == '\n')
		count--;
	text[count > 0 ? count : 0] = '\0';
}

/* A killed postmaster's backends hold its shared memory until they notice. */
static bool
is_passing_trouble(const char *log)
{
	return strstr(log, "pre-existing shared memory block") ||
		strstr(log, "lock file \"postmaster.pid\" already exists") ||
		strstr(log, "Is another postmaster");
}

enum start_outcome { START_DONE, START_AGAIN, START_FAILED };

/* Waits until the postmaster accepts connections, or is gone. */
static enum start_outcome
wait_until_ready(struct embedded *embedded, char *error, size_t error_size)
{
	char *superuser = print_conninfo(
		embedded, "postgres", "postgres connect_timeout=5");
	int64_t silent_since = embedded->started_us;
	int64_t told = embedded->started_us;
	enum start_outcome outcome = START_FAILED;
	char how[64], log[1024];

	for (;; usleep(20000)) {
		int64_t now = clock_monotonic_us();
		PGPing ping = PQping(superuser);

		if (ping == PQPING_OK) {
			outcome = START_DONE;
			break;
		}
		if (has_ended(embedded, how, sizeof(how))) {
			read_log(embedded, log, sizeof(log));
			snprintf(error, error_size,
				"PostgreSQL did not start (%s); %s ends: %s",
				how, embedded->cluster.log, log);
			if (is_passing_trouble(log))
				outcome = START_AGAIN;
			break;
		}
		if (ping == PQPING_REJECT)
			silent_since = now;
		if (now - silent_since > silence_limit_us) {
			snprintf(error, error_size,
				"PostgreSQL does not answer on %s",
				embedded->cluster.socket_directory);
			break;
		}
		if (embedded->stop_requested && *embedded->stop_requested) {
			snprintf(error, error_size, "interrupted");
			break;
		}
		if (now - told > 3 * second_us) {
			told = now;
			log_event(LOG_NOTICE, "waiting for PostgreSQL",
				"seconds",
				log_int((now - embedded->started_us) /
					second_us),
				"recovering",
				log_text(ping == PQPING_REJECT ? "yes" : "no"),
				NULL);
		}
	}
	free(superuser);
	return outcome;
}

static bool
start_until_ready(struct embedded *embedded, char *error, size_t error_size)
{
	int64_t first = clock_monotonic_us();
	int64_t pause = pause_start_us;

	for (;;) {
		if (!launch(embedded)) {
			snprintf(error, error_size,
				"cannot start PostgreSQL: %s", strerror(errno));
			return false;
		}
		switch (wait_until_ready(embedded, error, error_size)) {
		case START_DONE:
			return true;
		case START_FAILED:
			return false;
		case START_AGAIN:
			break;
		}
		if (clock_monotonic_us() - first > retry_limit_us)
			return false;
		log_event(LOG_NOTICE,
			"PostgreSQL is not gone yet, trying again", "pause_ms",
			log_int(pause / 1000), NULL);
		usleep((useconds_t)pause);
		if (pause < 5 * second_us)
			pause *= 2;
	}
}

/* Runs `make` unless `question` returns a row. */
static bool
ensure(PGconn *connection, const char *question, const char *make)
{
	PGresult *result = PQexec(connection, question);
	bool done = PQresultStatus(result) == PGRES_TUPLES_OK;
	bool present = done && PQntuples(result) > 0;

	PQclear(result);
	if (!done || present)
		return done;
	result = PQexec(connection, make);
	done = PQresultStatus(result) == PGRES_COMMAND_OK;
	PQclear(result);
	return done;
}

static bool
make_database(struct embedded *embedded, char *error, size_t error_size)
{
	char *conninfo = print_conninfo(
		embedded, "postgres", "postgres connect_timeout=5");
	PGconn *connection = PQconnectdb(conninfo);
	bool made = PQstatus(connection) == CONNECTION_OK &&
		ensure(connection,
			"SELECT FROM pg_roles WHERE rolname = 'respgres'",
			"CREATE ROLE respgres LOGIN") &&
		/* For SAVE, from PostgreSQL 15 on. */
		ensure(connection,
			"SELECT WHERE NOT EXISTS (SELECT FROM pg_roles "
			"WHERE rolname = 'pg_checkpoint') OR EXISTS ("
			"SELECT FROM pg_auth_members m JOIN pg_roles r "
			"ON r.oid = m.roleid WHERE m.member = "
			"'respgres'::regrole AND r.rolname = 'pg_checkpoint')",
			"GRANT pg_checkpoint TO respgres") &&
		ensure(connection,
			"SELECT FROM pg_database WHERE datname = 'respgres'",
			"CREATE DATABASE respgres OWNER respgres "
			"TEMPLATE template0 ENCODING 'UTF8' "
			"LC_COLLATE 'C' LC_CTYPE 'C'");

	if (!made)
		snprintf(error, error_size,
			"cannot make the database in the embedded PostgreSQL: "
			"%s",
			PQerrorMessage(connection));
	PQfinish(connection);
	free(conninfo);
	return made;
}

struct embedded *
embedded_start(
	const struct embedded_options *options, char *error, size_t error_size)
{
	struct embedded *embedded =
		memory_allocate_zeroed(1, sizeof(struct embedded));

	embedded->pause_us = pause_start_us;
	embedded->stop_requested = options->stop_requested;
	if (!cluster_open(&embedded->cluster, options, error, error_size) ||
		!start_until_ready(embedded, error, error_size) ||
		!make_database(embedded, error, error_size)) {
		embedded_stop(embedded);
		return NULL;
	}
	embedded->conninfo = print_conninfo(embedded, "respgres", "respgres");
	log_event(LOG_NOTICE, "embedded PostgreSQL started", "version",
		log_int(embedded->cluster.binaries.major), "process",
		log_int(embedded->process), "directory",
		log_text(embedded->cluster.directory), "socket",
		log_text(embedded->cluster.socket_directory), "user",
		log_text(embedded->cluster.user.name), NULL);
	return embedded;
}

const char *
embedded_conninfo(const struct embedded *embedded)
{
	return embedded->conninfo;
}

pid_t
embedded_process(const struct embedded *embedded)
{
	return embedded->process;
}

static void
note_death(struct embedded *embedded, const char *how, int64_t now)
{
	char log[512];
	bool settled = now - embedded->started_us > settled_us;

	if (settled)
		embedded->pause_us = pause_start_us;
	embedded->start_at_us = now + embedded->pause_us;
	read_log(embedded, log, sizeof(log));
	log_event(LOG_WARNING, "embedded PostgreSQL died", "how", log_text(how),
		"restart_in_ms", log_int(embedded->pause_us / 1000), "log_end",
		log_text(log), NULL);
	embedded->pause_us *= 2;
	if (embedded->pause_us > pause_limit_us)
		embedded->pause_us = pause_limit_us;
}

enum embedded_state
embedded_check(struct embedded *embedded)
{
	int64_t now = clock_monotonic_us();
	char how[64];

	if (embedded->process && has_ended(embedded, how, sizeof(how)))
		note_death(embedded, how, now);
	if (embedded->process)
		return EMBEDDED_RUNNING;
	if (now < embedded->start_at_us)
		return EMBEDDED_DOWN;
	if (!launch(embedded)) {
		embedded->start_at_us = now + embedded->pause_us;
		return EMBEDDED_DOWN;
	}
	log_event(LOG_NOTICE, "embedded PostgreSQL started again", "process",
		log_int(embedded->process), NULL);
	return EMBEDDED_RUNNING;
}

/* Sends a signal and waits for the end, but not for ever. */
static bool
stop_with(struct embedded *embedded, int number, int limit_seconds)
{
	int64_t start = clock_monotonic_us();
	int64_t told = start;
	char how[64];

	kill(embedded->process, number);
	while (!has_ended(embedded, how, sizeof(how))) {
		int64_t now = clock_monotonic_us();

		if (now - start > limit_seconds * second_us)
			return false;
		if (now - told > 5 * second_us) {
			told = now;
			log_event(LOG_NOTICE,
				"waiting for embedded PostgreSQL to stop",
				"seconds", log_int((now - start) / second_us),
				NULL);
		}
		usleep(10000);
	}
	log_event(LOG_NOTICE, "embedded PostgreSQL stopped", "how",
		log_text(how), NULL);
	return true;
}

static void
remove_socket_directory(const struct cluster *cluster)
{
	char *note;

	if (!cluster->socket_elsewhere || rmdir(cluster->socket_directory) != 0)
		return;
	note = memory_print("%s/socket-directory", cluster->directory);
	unlink(note);
	free(note);
}

void
embedded_stop(struct embedded *embedded)
{
	if (!embedded)
		return;
	if (embedded->process && !stop_with(embedded, SIGINT, 60) &&
		!stop_with(embedded, SIGQUIT, 10))
		stop_with(embedded, SIGKILL, 10);
	remove_socket_directory(&embedded->cluster);
	cluster_close(&embedded->cluster);
	free(embedded->conninfo);
	free(embedded);
}
