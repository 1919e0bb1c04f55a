/* The embedded PostgreSQL, on real clusters: first start, what a start
 * refuses, and what survives a kill of either process.
 *
 * Making a cluster takes a second or two, so one is made before the first test
 * and the others start from a copy. */
#include "storage/embedded.h"
#include "storage/embedded_settings.h"

#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TEMPLATE_VARIABLE "RESPGRES_TEST_TEMPLATE"

/* A state that must come is waited for; only when it does not come does the
 * time matter, so it is long enough for any machine. */
enum { PATH_SIZE = 512, ERROR_SIZE = 2048, PATIENCE_S = 60 };

static char error[ERROR_SIZE];
static char directory[PATH_SIZE]; /* of the current test */

static void
run_command(const char *format, const char *a, const char *b)
{
	char command[4 * PATH_SIZE];

	snprintf(command, sizeof(command), format, a, b);
	if (system(command) != 0) {
		fprintf(stderr, "failed: %s\n", command);
		abort();
	}
}

static void
make_temporary(char *path)
{
	snprintf(path, PATH_SIZE, "/tmp/respgres-test-XXXXXX");
	if (!mkdtemp(path) || chmod(path, 0711) != 0)
		abort();
}

static struct embedded *
start_with(struct embedded_options options)
{
	if (!options.directory)
		options.directory = directory;
	options.memory = 512 * 1024 * 1024;
	return embedded_start(&options, error, sizeof(error));
}

static struct embedded *
start(void)
{
	struct embedded *embedded =
		start_with((struct embedded_options){ .directory = NULL });

	cr_assert_not_null(embedded, "%s", error);
	return embedded;
}

ReportHook(PRE_ALL)(struct criterion_test_set *tests)
{
	char path[PATH_SIZE];
	struct embedded_options options = { .directory = path };
	struct embedded *embedded;

	(void)tests;
	make_temporary(path);
	embedded = start_with(options);
	if (!embedded) {
		fprintf(stderr, "no cluster to test with: %s\n", error);
		exit(EXIT_FAILURE);
	}
	embedded_stop(embedded);
	setenv(TEMPLATE_VARIABLE, path, 1);
}

ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
	(void)stats;
	run_command("rm -rf %s%s", getenv(TEMPLATE_VARIABLE), "");
}

static void
make_empty(void)
{
	make_temporary(directory);
}

static void
make_copy(void)
{
	make_temporary(directory);
	run_command("cp -a %s/. %s", getenv(TEMPLATE_VARIABLE), directory);
}

static void
remove_directory(void)
{
	run_command("rm -rf %s%s", directory, "");
}

static char answer[256];

/* The single value that `sql` returns, or the error's text. */
static const char *
ask(const struct embedded *embedded, const char *sql)
{
	PGconn *connection = PQconnectdb(embedded_conninfo(embedded));
	PGresult *result = PQexec(connection, sql);

	if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0)
		snprintf(
			answer, sizeof(answer), "%s", PQgetvalue(result, 0, 0));
	else
		snprintf(answer, sizeof(answer), "%s",
			PQerrorMessage(connection));
	PQclear(result);
	PQfinish(connection);
	return answer;
}

static void
expect_answer(
	const struct embedded *embedded, const char *sql, const char *expected)
{
	cr_expect_str_eq(ask(embedded, sql), expected, "%s: \"%s\", not \"%s\"",
		sql, answer, expected);
}

static void
expect_error(const char *part)
{
	cr_expect(
		strstr(error, part), "\"%s\" does not say \"%s\"", error, part);
}

static double
now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Supervises until a connection works again. */
static bool
comes_back(struct embedded *embedded)
{
	double until = now_s() + PATIENCE_S;

	while (now_s() < until) {
		if (embedded_check(embedded) == EMBEDDED_RUNNING &&
			PQping(embedded_conninfo(embedded)) == PQPING_OK)
			return true;
		usleep(50000);
	}
	return false;
}

/* Whether a process has ended, reaped or not: not all are our children. */
static bool
is_gone(pid_t process)
{
	char path[64], target[PATH_SIZE];

	snprintf(path, sizeof(path), "/proc/%ld/exe", (long)process);
	return readlink(path, target, sizeof(target)) < 0 && errno == ENOENT;
}

static bool
goes(pid_t process)
{
	double until = now_s() + PATIENCE_S;

	while (!is_gone(process) && now_s() < until)
		usleep(20000);
	return is_gone(process);
}

TestSuite(
	embedded, .init = make_copy, .fini = remove_directory, .timeout = 240);
TestSuite(embedded_fresh, .init = make_empty, .fini = remove_directory,
	.timeout = 240);

Test(embedded_fresh, first_start_makes_cluster_and_database)
{
	struct embedded *embedded = start();
	char path[PATH_SIZE + 16];
	struct stat found;

	expect_answer(embedded,
		"SELECT current_database() || ' ' || current_user",
		"respgres respgres");
	expect_answer(embedded,
		"SELECT rolsuper OR rolcreaterole OR rolcreatedb OR "
		"rolreplication FROM pg_roles WHERE rolname = current_user",
		"f");
	expect_answer(embedded,
		"SELECT pg_get_userbyid(datdba) || ' ' || "
		"pg_encoding_to_char(encoding) || ' ' || datcollate || ' ' || "
		"datctype FROM pg_database WHERE datname = 'respgres'",
		"respgres UTF8 C C");
	expect_answer(embedded, "SHOW data_checksums", "on");
	expect_answer(embedded, "SHOW listen_addresses", "");
	expect_answer(embedded, "SHOW max_wal_size", "4GB");
	expect_answer(embedded, "SHOW shared_buffers", "128MB");
	snprintf(path, sizeof(path), "%s/run", directory);
	cr_assert_eq(stat(path, &found), 0);
	cr_expect_eq(found.st_mode & 0777, 0700);
	embedded_stop(embedded);
}

Test(embedded_fresh, remains_of_an_interrupted_initdb_are_thrown_away)
{
	struct embedded *embedded;

	run_command("cp -a %s/pgdata %s/pgdata.new", getenv(TEMPLATE_VARIABLE),
		directory);
	run_command("rm %s/pgdata.new/global/pg_control%s", directory, "");
	embedded = start();
	expect_answer(embedded, "SELECT 1", "1");
	embedded_stop(embedded);
}

Test(embedded_fresh, missing_directories_are_made)
{
	char path[PATH_SIZE + 16];
	struct embedded *embedded;

	umask(077);
	snprintf(path, sizeof(path), "%s/a/b", directory);
	embedded = start_with((struct embedded_options){ .directory = path });
	cr_assert_not_null(embedded, "%s", error);
	embedded_stop(embedded);
}

Test(embedded, data_survive_a_restart)
{
	struct embedded *embedded = start();

	ask(embedded, "CREATE SCHEMA kept");
	embedded_stop(embedded);
	embedded = start();
	expect_answer(embedded, "SELECT to_regnamespace('kept')", "kept");
	embedded_stop(embedded);
}

Test(embedded, stop_ends_the_postmaster_in_order)
{
	struct embedded *embedded = start();
	PGconn *busy = PQconnectdb(embedded_conninfo(embedded));
	pid_t process = embedded_process(embedded);

	cr_assert_eq(PQstatus(busy), CONNECTION_OK);
	cr_assert(PQsendQuery(busy, "SELECT pg_sleep(60)"));
	embedded_stop(embedded);
	cr_expect(is_gone(process));
	run_command("grep -q 'database system is shut down' "
		    "%s/postgres.log && test ! -e %s/pgdata/postmaster.pid",
		directory, directory);
	PQfinish(busy);
}

Test(embedded, stopping_nothing_is_fine)
{
	embedded_stop(NULL);
}

Test(embedded, settings_of_the_user_win)
{
	struct embedded_setting settings[] = {
		{ "max_connections", "37" },
		{ "application_name", "it's a \\ test" },
	};
	struct embedded *embedded = start_with((struct embedded_options){
		.settings = settings, .setting_count = 2 });

	cr_assert_not_null(embedded, "%s", error);
	expect_answer(embedded, "SHOW max_connections", "37");
	expect_answer(embedded, "SHOW application_name", "it's a \\ test");
	embedded_stop(embedded);
}

Test(embedded, settings_that_hold_it_together_are_refused)
{
	struct embedded_setting port = { "Port", "1" };
	struct embedded_setting bad = { "jit = on\nport", "1" };

	cr_expect_null(start_with((struct embedded_options){
		.settings = &port, .setting_count = 1 }));
	expect_error("postgres-setting Port");
	cr_expect_null(start_with((struct embedded_options){
		.settings = &bad, .setting_count = 1 }));
	expect_error("not the name of a setting");
}

Test(embedded, a_bad_setting_is_told_in_the_words_of_postgresql)
{
	struct embedded_setting bad = { "max_connections", "many" };

	cr_expect_null(start_with((struct embedded_options){
		.settings = &bad, .setting_count = 1 }));
	expect_error("max_connections");
	expect_error("many");
}

Test(embedded, a_second_instance_is_refused)
{
	struct embedded *first = start();
	char holder[32];

	cr_expect_null(
		start_with((struct embedded_options){ .directory = NULL }));
	snprintf(holder, sizeof(holder), "process %ld", (long)getpid());
	expect_error("another respgres");
	expect_error(holder);
	expect_answer(first, "SELECT 1", "1");
	embedded_stop(first);
}

Test(embedded, a_killed_postmaster_is_started_again)
{
	struct embedded *embedded = start();
	PGconn *busy = PQconnectdb(embedded_conninfo(embedded));
	pid_t before = embedded_process(embedded);

	ask(embedded, "CREATE SCHEMA kept");
	cr_assert(PQsendQuery(busy, "SELECT pg_sleep(60)"));
	kill(before, SIGKILL);
	cr_assert(comes_back(embedded));
	cr_expect_neq(embedded_process(embedded), before);
	expect_answer(embedded, "SELECT to_regnamespace('kept')", "kept");
	PQfinish(busy);
	embedded_stop(embedded);
}

/* Kills the postmaster; seconds until it is started again. */
static double
kill_and_time_the_pause(struct embedded *embedded)
{
	double start = now_s();
	pid_t before = embedded_process(embedded);

	kill(before, SIGKILL);
	while (embedded_check(embedded) == EMBEDDED_DOWN ||
		embedded_process(embedded) == before) {
		cr_assert_lt(now_s(), start + PATIENCE_S, "it stays down");
		usleep(10000);
	}
	return now_s() - start;
}

Test(embedded, a_postmaster_that_keeps_dying_is_given_pauses)
{
	static const double pauses[] = { 0.25, 0.5, 1, 2, 2, 2 };
	struct embedded *embedded = start();

	for (size_t i = 0; i < sizeof(pauses) / sizeof(pauses[0]); i++) {
		double pause = kill_and_time_the_pause(embedded);

		cr_expect_geq(pause, pauses[i], "pause %zu: %f s", i, pause);
		/* The slack is for a busy machine; without the upper limit
		 * the last pause, of 8 s, would exceed it. */
		cr_expect_lt(pause, pauses[i] + 6, "pause %zu: %f s", i, pause);
	}
	cr_assert(comes_back(embedded));
	embedded_stop(embedded);
}

/* Leaves a backend that computes for two seconds, and so does not notice that
 * its postmaster is killed. */
static void
kill_busy(const struct embedded *embedded)
{
	PGconn *busy = PQconnectdb(embedded_conninfo(embedded));

	PQsendQuery(busy,
		"SET application_name = 'busy'; "
		"DO $$ BEGIN WHILE clock_timestamp() < now() + interval '2 s' "
		"LOOP END LOOP; END $$");
	while (strcmp(ask(embedded,
			      "SELECT 1 FROM pg_stat_activity "
			      "WHERE application_name = 'busy'"),
		       "1") != 0)
		usleep(10000);
	kill(embedded_process(embedded), SIGKILL);
}

/* Starts it in a process that is then killed, after `before` if that is not
 * NULL; returns its postmaster. */
static pid_t
start_and_be_killed(void (*before)(const struct embedded *embedded))
{
	int ends[2];
	pid_t parent, postmaster = 0;

	cr_assert_eq(pipe(ends), 0);
	parent = fork();
	if (parent == 0) {
		struct embedded *embedded = start_with(
			(struct embedded_options){ .directory = NULL });

		postmaster = embedded ? embedded_process(embedded) : 0;
		if (embedded && before)
			before(embedded);
		if (write(ends[1], &postmaster, sizeof(postmaster)) < 0)
			_exit(1);
		pause();
	}
	close(ends[1]);
	cr_assert_eq(read(ends[0], &postmaster, sizeof(postmaster)),
		sizeof(postmaster));
	close(ends[0]);
	kill(parent, SIGKILL);
	waitpid(parent, NULL, 0);
	cr_assert_gt(postmaster, 0);
	return postmaster;
}

Test(embedded, a_killed_respgres_takes_postgresql_along)
{
	cr_expect(goes(start_and_be_killed(NULL)));
}

Test(embedded, starts_while_the_postgresql_of_a_killed_one_shuts_down)
{
	pid_t before = start_and_be_killed(NULL);
	struct embedded *embedded = start();

	cr_expect(goes(before));
	expect_answer(embedded, "SELECT 1", "1");
	embedded_stop(embedded);
}

Test(embedded, starts_when_a_killed_postmaster_left_a_busy_backend)
{
	pid_t postmaster = start_and_be_killed(kill_busy);
	struct embedded *embedded;

	cr_expect(goes(postmaster));
	embedded = start();
	expect_answer(embedded, "SELECT 1", "1");
	embedded_stop(embedded);
}

Test(embedded, a_path_too_long_for_a_socket_gets_one_elsewhere)
{
	char path[PATH_SIZE + 128], note[PATH_SIZE + 256], socket[64] = "";
	struct embedded *embedded;
	struct stat found;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%0100d", directory, 0);
	snprintf(note, sizeof(note), "%s/socket-directory", path);
	cr_assert_eq(mkdir(path, 0711), 0);
	run_command("mv %s/pgdata %s/", directory, path);
	embedded = start_with((struct embedded_options){ .directory = path });
	cr_assert_not_null(embedded, "%s", error);
	expect_answer(embedded, "SELECT 1", "1");
	file = fopen(note, "r");
	cr_assert_not_null(file);
	cr_expect_eq(fscanf(file, "%63s", socket), 1);
	fclose(file);
	cr_assert_eq(stat(socket, &found), 0);
	cr_expect_eq(found.st_mode & 0777, 0700);
	embedded_stop(embedded);
	cr_expect_neq(stat(socket, &found), 0);
	cr_expect_neq(stat(note, &found), 0);
}

Test(embedded, a_cluster_of_another_version_is_refused)
{
	char path[PATH_SIZE + 32];
	FILE *file;

	snprintf(path, sizeof(path), "%s/pgdata/PG_VERSION", directory);
	file = fopen(path, "w");
	cr_assert_not_null(file);
	fputs("99\n", file);
	fclose(file);
	cr_expect_null(
		start_with((struct embedded_options){ .directory = NULL }));
	expect_error("was made by PostgreSQL 99, but the server found in");
	expect_error("install PostgreSQL 99");
	expect_error("pg_upgrade");
}

Test(embedded_fresh, a_directory_that_is_no_cluster_is_refused)
{
	run_command("mkdir %s/pgdata%s", directory, "");
	cr_expect_null(
		start_with((struct embedded_options){ .directory = NULL }));
	expect_error("is not a PostgreSQL cluster");
}

Test(embedded_fresh, programs_are_looked_for_where_told)
{
	cr_expect_null(start_with(
		(struct embedded_options){ .binaries = "/nonexistent" }));
	expect_error("postgres-bindir /nonexistent");
}

Test(embedded, a_request_to_stop_ends_the_wait)
{
	static volatile sig_atomic_t requested = 1;
	pid_t postmaster = start_and_be_killed(NULL);

	/* Whether it still shuts down or not, nothing may stay running. */
	cr_expect_null(start_with(
		(struct embedded_options){ .stop_requested = &requested }));
	expect_error("interrupted");
	cr_expect(goes(postmaster));
	run_command("test ! -e %s/pgdata/postmaster.pid%s", directory, "");
}

Test(embedded, postgresql_inherits_neither_descriptors_nor_ignored_signals)
{
	int leaked = open("/dev/null", O_RDONLY);
	char path[64], line[256];
	struct embedded *embedded;
	FILE *status;

	/* One that PostgreSQL does not set itself. */
	signal(SIGPROF, SIG_IGN);
	embedded = start();
	snprintf(path, sizeof(path), "/proc/%ld/status",
		(long)embedded_process(embedded));
	status = fopen(path, "r");
	cr_assert_not_null(status);
	while (fgets(line, sizeof(line), status)) {
		unsigned long long ignored;

		if (sscanf(line, "SigIgn: %llx", &ignored) == 1)
			cr_expect_eq(ignored & (1ull << (SIGPROF - 1)), 0);
	}
	fclose(status);
	snprintf(path, sizeof(path), "/proc/%ld/fd/%d",
		(long)embedded_process(embedded), leaked);
	cr_expect(readlink(path, line, sizeof(line)) < 0 ||
		strncmp(line, "/dev/null", 9) != 0);
	embedded_stop(embedded);
	close(leaked);
}

Test(embedded, a_big_log_is_moved_aside)
{
	struct embedded *embedded;

	run_command("truncate -s 65M %s/postgres.log%s", directory, "");
	embedded = start();
	embedded_stop(embedded);
	run_command("test $(stat -c %%s %s/postgres.log) -lt 1000000 && "
		    "test -s %s/postgres.log.1",
		directory, directory);
}

/* What only root can try. */

static void
need_root(void)
{
	if (geteuid() == 0)
		return;
	/* A skipped test is not finished with .fini. */
	remove_directory();
	cr_skip_test("needs root");
}

Test(embedded_fresh, a_user_who_cannot_get_there_is_told_where_it_ends)
{
	char path[PATH_SIZE + 16];

	need_root();
	cr_assert_eq(chmod(directory, 0700), 0);
	snprintf(path, sizeof(path), "%s/below", directory);
	cr_expect_null(
		start_with((struct embedded_options){ .directory = path }));
	expect_error("may not enter");
	expect_error(directory);
	cr_expect_neq(access(path, F_OK), 0);
}

Test(embedded_fresh, root_runs_it_as_another_user)
{
	const struct passwd *nobody = getpwnam("nobody");
	struct embedded *embedded;
	char path[PATH_SIZE + 16];
	struct stat found;

	need_root();
	embedded = start_with((struct embedded_options){ .user = "nobody" });
	cr_assert_not_null(embedded, "%s", error);
	snprintf(path, sizeof(path), "/proc/%ld",
		(long)embedded_process(embedded));
	cr_assert_eq(stat(path, &found), 0);
	cr_expect_eq(found.st_uid, nobody->pw_uid);
	cr_assert_eq(stat(directory, &found), 0);
	cr_expect_eq(found.st_uid, 0);
	embedded_stop(embedded);
	cr_expect_null(start_with(
		(struct embedded_options){ .user = "no-such-user" }));
	expect_error("there is no user \"no-such-user\"");
	cr_expect_null(
		start_with((struct embedded_options){ .user = "daemon" }));
	expect_error("belongs to user");
}

Test(embedded_fresh, somebody_else_runs_it_as_themselves)
{
	const struct passwd *nobody = getpwnam("nobody");
	struct embedded *embedded;
	char path[PATH_SIZE + 16];
	struct stat found;

	need_root();
	cr_assert_eq(chown(directory, nobody->pw_uid, nobody->pw_gid), 0);
	cr_assert(setgroups(0, NULL) == 0 && setgid(nobody->pw_gid) == 0 &&
		setuid(nobody->pw_uid) == 0);
	embedded = start_with((struct embedded_options){ .user = "postgres" });
	cr_assert_not_null(embedded, "%s", error);
	snprintf(path, sizeof(path), "/proc/%ld",
		(long)embedded_process(embedded));
	cr_assert_eq(stat(path, &found), 0);
	cr_expect_eq(found.st_uid, nobody->pw_uid);
	embedded_stop(embedded);
}

Test(embedded_settings, memory_sets_the_buffers_within_bounds)
{
	char *small = embedded_settings_print(64 << 20, "on", NULL, 0);
	char *medium = embedded_settings_print(4ul << 30, "lz4", NULL, 0);
	char *big = embedded_settings_print(256ul << 30, "on", NULL, 0);

	cr_expect(strstr(small, "shared_buffers = 128MB\n"));
	cr_expect(strstr(medium, "shared_buffers = 1024MB\n"));
	cr_expect(strstr(medium, "wal_compression = lz4\n"));
	cr_expect(strstr(big, "shared_buffers = 8192MB\n"));
	free(small);
	free(medium);
	free(big);
}
