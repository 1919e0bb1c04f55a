/* What `--check` finds in databases that will do and that won't. */
#include "storage/check.h"
#include "storage/migrate.h"
#include "tests/support/shared_postgres.h"

#include <criterion/criterion.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static PGconn *connection; /* to the database that is checked */
static char *conninfo;
static char *text;

/* A connection that works; fails the test otherwise. */
static PGconn *
connect_to(const char *where)
{
	PGconn *opened = PQconnectdb(where);

	cr_assert_eq(
		PQstatus(opened), CONNECTION_OK, "%s", PQerrorMessage(opened));
	return opened;
}

/* Runs statements as the superuser, in the test's own database. */
static void
execute_as_superuser(const char *sql)
{
	char where[512];
	PGconn *own;
	PGresult *result;

	snprintf(where, sizeof(where), "%s dbname=%s",
		shared_postgres_admin_conninfo(), PQdb(connection));
	own = connect_to(where);
	result = PQexec(own, sql);
	cr_assert_eq(PQresultStatus(result), PGRES_COMMAND_OK, "%s",
		PQerrorMessage(own));
	PQclear(result);
	PQfinish(own);
}

static void
make_database(void)
{
	conninfo = shared_postgres_new_database();
	connection = connect_to(conninfo);
}

static void
release(void)
{
	PQfinish(connection);
	free(conninfo);
	free(text);
}

TestSuite(check, .init = make_database, .fini = release, .timeout = 120);

static bool
check(const char *where, int connections)
{
	size_t size = 0;
	FILE *out;
	bool passed;

	free(text);
	text = NULL;
	out = open_memstream(&text, &size);
	passed = check_database(where, connections, out);
	fclose(out);
	return passed;
}

/* Whether a line begins with `finding` and `subject` and holds `part`. */
static void
expect_line(const char *finding, const char *subject, const char *part)
{
	char start[64];

	snprintf(start, sizeof(start), "%-8s %-16s ", finding, subject);
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
		size_t size = strcspn(line, "\n");
		const char *found = strstr(line, part);

		if (strncmp(line, start, strlen(start)) == 0 && found &&
			found < line + size)
			return;
	}
	cr_expect(false, "no line \"%s... %s\" in:\n%s", start, part, text);
}

Test(check, an_empty_database_of_ours_will_do)
{
	cr_expect(check(conninfo, 20), "%s", text);
	expect_line("ok", "connection", PQdb(connection));
	expect_line("ok", "server", "PostgreSQL");
	expect_line("ok", "encoding", "UTF8");
	expect_line("ok", "rights", "may create schema respgres");
	expect_line("ok", "schema", "respgres_cache is not there yet");
	expect_line("warning", "durability", "fsync is off");
	expect_line("ok", "clock", "differs by");
	expect_line("ok", "session", "direct");
}

Test(check, it_changes_nothing)
{
	PGresult *result;

	check(conninfo, 20);
	result = PQexec(connection,
		"SELECT FROM pg_namespace "
		"WHERE nspname LIKE 'respgres%'");
	cr_expect_eq(PQresultStatus(result), PGRES_TUPLES_OK);
	cr_expect_eq(PQntuples(result), 0);
	PQclear(result);
}

Test(check, a_migrated_database_shows_its_version)
{
	char error[512], part[64];

	cr_assert(migrate_run(connection, error, sizeof(error)), "%s", error);
	cr_expect(check(conninfo, 20), "%s", text);
	snprintf(part, sizeof(part), "respgres is at version %d",
		migrate_newest(migrate_builtin()));
	expect_line("ok", "schema", part);
	PQclear(PQexec(connection,
		"INSERT INTO respgres.migration "
		"VALUES (9999, 'later', now(), '')"));
	cr_expect_not(check(conninfo, 20));
	expect_line("FAILED", "schema", "version 9999");
}

Test(check, too_many_connections_fail)
{
	cr_expect_not(check(conninfo, 1000));
	expect_line("FAILED", "connections", "may open 1000");
}

Test(check, a_role_without_rights_fails)
{
	char weak[512];

	execute_as_superuser("CREATE ROLE weak LOGIN");
	snprintf(weak, sizeof(weak), "%s user=weak", conninfo);
	cr_expect_not(check(weak, 20));
	expect_line("FAILED", "rights", "may not create schema respgres");
}

Test(check, a_read_only_database_fails)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
		"ALTER DATABASE %s SET default_transaction_read_only = on",
		PQdb(connection));
	execute_as_superuser(sql);
	cr_expect_not(check(conninfo, 20));
	expect_line("FAILED", "writable", "default_transaction_read_only");
}

Test(check, a_server_that_does_not_answer_fails)
{
	cr_expect_not(check("host=/nonexistent dbname=x", 20));
	expect_line("FAILED", "connection", "/nonexistent");
}
