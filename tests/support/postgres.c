/* Starts a PostgreSQL for a test; see postgres.h. */
#include "tests/support/postgres.h"

#include "tests/support/scratch.h"

#include <glob.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

enum { ARGUMENTS_MAX = 64, START_MS = 60 * 1000 };

static const char log_name[] = "postgres.log";

struct postgres {
	struct scratch scratch;
	char programs[200];
	char data[300];
	char conninfo[400], admin_conninfo[400];
	pid_t process; /* 0: ended */
	const char *arguments[ARGUMENTS_MAX];
	char program[300];
};

static void
find_programs(struct postgres *postgres)
{
	glob_t found;
	int newest = -1;

	if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) != 0)
		scratch_fail("no PostgreSQL server is installed");
	for (size_t i = 0; i < found.gl_pathc; i++) {
		int version = 0;

		if (sscanf(found.gl_pathv[i], "/usr/lib/postgresql/%d",
			    &version) == 1 &&
			version > newest) {
			newest = version;
			snprintf(postgres->programs, sizeof(postgres->programs),
				"/usr/lib/postgresql/%d/bin", version);
		}
	}
	globfree(&found);
}

static void
make_cluster(struct postgres *postgres)
{
	char program[300];
	const char *arguments[] = { program, "--pgdata", postgres->data,
		"--auth", "trust", "--username", "postgres", "--encoding",
		"UTF8", "--locale", "C", "--no-sync", NULL };
	int status = 0;
	pid_t process;

	if (mkdir(postgres->data, 0700) != 0)
		scratch_fail("cannot make %s", postgres->data);
	scratch_give_away(postgres->data);
	snprintf(program, sizeof(program), "%s/initdb", postgres->programs);
	process =
		scratch_run(&postgres->scratch, arguments, "initdb.log", true);
	if (!scratch_wait(process, START_MS, &status) || status != 0) {
		scratch_show(&postgres->scratch, "initdb.log");
		scratch_fail("initdb failed");
	}
}

static void
set_arguments(struct postgres *postgres, const char *const *settings)
{
	const char *first[] = { postgres->program, "-D", postgres->data, "-k",
		postgres->data, "-c", "listen_addresses=", "-c", "port=5432",
		"-c", "fsync=off", "-c", "full_page_writes=off" };
	int count = 0;

	snprintf(postgres->program, sizeof(postgres->program), "%s/postgres",
		postgres->programs);
	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
		postgres->arguments[count++] = first[i];
	while (settings && *settings) {
		if (count >= ARGUMENTS_MAX - 2)
			scratch_fail("too many settings");
		postgres->arguments[count++] = "-c";
		postgres->arguments[count++] = *settings++;
	}
	postgres->arguments[count] = NULL;
}

/* False when it ended instead of accepting connections. */
static bool
launch(struct postgres *postgres)
{
	int status;

	postgres->process = scratch_run(
		&postgres->scratch, postgres->arguments, log_name, true);
	for (int waited_ms = 0; waited_ms < START_MS; waited_ms += 10) {
		if (PQping(postgres->admin_conninfo) == PQPING_OK)
			return true;
		if (scratch_wait(postgres->process, 10, &status))
			return false;
	}
	return false;
}

/* The remains of a killed postmaster hold its shared memory for a moment. */
static void
launch_at_last(struct postgres *postgres)
{
	const struct timespec pause = { 0, 100 * 1000 * 1000 };

	for (int attempt = 0; attempt < 50; attempt++) {
		if (launch(postgres))
			return;
		nanosleep(&pause, NULL);
	}
	scratch_show(&postgres->scratch, log_name);
	scratch_fail("PostgreSQL does not start");
}

static void
execute(const char *conninfo, const char *sql)
{
	PGconn *connection = PQconnectdb(conninfo);
	PGresult *result = PQexec(connection, sql);

	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		scratch_fail("%s: %s", sql, PQerrorMessage(connection));
	PQclear(result);
	PQfinish(connection);
}

struct postgres *
postgres_start(const char *const *settings)
{
	struct postgres *postgres = calloc(1, sizeof(*postgres));

	if (!postgres)
		scratch_fail("out of memory");
	find_programs(postgres);
	scratch_init(&postgres->scratch);
	snprintf(postgres->data, sizeof(postgres->data), "%s/pgdata",
		postgres->scratch.path);
	snprintf(postgres->conninfo, sizeof(postgres->conninfo),
		"host=%s port=5432 user=respgres dbname=respgres",
		postgres->data);
	snprintf(postgres->admin_conninfo, sizeof(postgres->admin_conninfo),
		"host=%s port=5432 user=postgres dbname=postgres",
		postgres->data);
	make_cluster(postgres);
	set_arguments(postgres, settings);
	if (!launch(postgres)) {
		scratch_show(&postgres->scratch, log_name);
		scratch_fail("PostgreSQL does not start");
	}
	execute(postgres->admin_conninfo, "CREATE ROLE respgres LOGIN");
	execute(postgres->admin_conninfo,
		"CREATE DATABASE respgres OWNER respgres");
	return postgres;
}

static void
end(struct postgres *postgres, int signal)
{
	int status;

	if (postgres->process == 0)
		return;
	kill(postgres->process, signal);
	if (!scratch_wait(postgres->process, START_MS, &status))
		scratch_fail("PostgreSQL outlived signal %d", signal);
	postgres->process = 0;
}

void
postgres_stop(struct postgres *postgres)
{
	end(postgres, SIGINT);
	scratch_fini(&postgres->scratch);
	free(postgres);
}

void
postgres_kill(struct postgres *postgres)
{
	end(postgres, SIGKILL);
}

void
postgres_restart(struct postgres *postgres)
{
	end(postgres, SIGQUIT);
	launch_at_last(postgres);
}

const char *
postgres_conninfo(const struct postgres *postgres)
{
	return postgres->conninfo;
}

const char *
postgres_admin_conninfo(const struct postgres *postgres)
{
	return postgres->admin_conninfo;
}

pid_t
postgres_process(const struct postgres *postgres)
{
	return postgres->process;
}
