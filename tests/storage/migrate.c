/* The runner of migrations, with sets of its own, on a real database. */
#include "storage/migrate.h"
#include "tests/support/shared_postgres.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct migration_target durable = { "respgres", false };
static const struct migration_target cache = { "respgres_cache", true };

static const struct migration migrations[] = {
	{ 1, "thing", "CREATE TABLE respgres.thing (i int);" },
	{ 2, "more",
		"-- once\nCREATE TABLE respgres.single (i int);"
		"INSERT INTO respgres.thing VALUES (1);" },
	{ 3, "last", "ALTER TABLE respgres.thing ADD j int;" },
};

static const struct migration functions[] = {
	{ 0, "answer",
		"CREATE OR REPLACE FUNCTION respgres.answer() RETURNS int "
		"LANGUAGE plpgsql AS 'BEGIN RETURN 42; END';" },
};

static PGconn *connection;
static char *conninfo;
static char error[2048];

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

/* The single value that `sql` returns, or the error. */
static const char *
ask(const char *sql)
{
	static char answer[1024];
	PGresult *result = PQexec(connection, sql);

	if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0)
		snprintf(
			answer, sizeof(answer), "%s", PQgetvalue(result, 0, 0));
	else
		snprintf(answer, sizeof(answer), "%s",
			PQresultErrorMessage(result));
	PQclear(result);
	return answer;
}

static void
connect_to_fresh(void)
{
	conninfo = shared_postgres_new_database();
	connection = connect_to(conninfo);
}

static void
disconnect(void)
{
	PQfinish(connection);
	free(conninfo);
}

TestSuite(
	migrate, .init = connect_to_fresh, .fini = disconnect, .timeout = 120);

static bool
apply(size_t migration_count, size_t function_count,
	struct migration_target target)
{
	struct migration_set set = { migrations, migration_count, functions,
		function_count };

	error[0] = '\0';
	return migrate_apply(connection, &set, target, error, sizeof(error));
}

static void
expect_answer(const char *sql, const char *expected)
{
	const char *answer = ask(sql);

	cr_expect_str_eq(answer, expected, "%s: \"%s\", not \"%s\"", sql,
		answer, expected);
}

static void
expect_error(const char *part)
{
	cr_expect(
		strstr(error, part), "\"%s\" does not say \"%s\"", error, part);
}

Test(migrate, rewrites_whole_words_only)
{
	struct migration_target other = { "other", true };
	char *text = migrate_rewrite("create table respgres.a; "
				     "xrespgres.b respgres_cache.c "
				     "RECREATE TABLE 'respgres' (respgres.d)",
		other);

	cr_expect_str_eq(text,
		"CREATE UNLOGGED TABLE other.a; xrespgres.b respgres_cache.c "
		"RECREATE TABLE 'respgres' (other.d)");
	free(text);
}

Test(migrate, applies_all_and_notes_them)
{
	cr_assert(apply(3, 1, durable), "%s", error);
	expect_answer("SELECT string_agg(number || name, ' ' ORDER BY number) "
		      "FROM respgres.migration",
		"0functions 1thing 2more 3last");
	expect_answer("SELECT i FROM respgres.thing WHERE j IS NULL", "1");
	expect_answer("SELECT respgres.answer()", "42");
	cr_expect_eq(migrate_read_version(connection, "respgres"), 3);
	cr_expect_eq(migrate_read_version(connection, "elsewhere"), 0);
}

Test(migrate, applies_only_what_is_missing)
{
	cr_assert(apply(1, 1, durable), "%s", error);
	cr_assert(apply(3, 1, durable), "%s", error);
	cr_assert(apply(3, 1, durable), "%s", error);
	expect_answer("SELECT count(*) FROM respgres.thing", "1");
}

Test(migrate, the_cache_schema_is_unlogged_and_leaves_out_what_is_once)
{
	cr_assert(apply(3, 1, cache), "%s", error);
	expect_answer("SELECT relpersistence FROM pg_class "
		      "WHERE oid = 'respgres_cache.thing'::regclass",
		"u");
	expect_answer(
		"SELECT to_regclass('respgres_cache.single') IS NULL", "t");
	expect_answer("SELECT to_regnamespace('respgres') IS NULL", "t");
	expect_answer("SELECT respgres_cache.answer()", "42");
	expect_answer("SELECT string_agg(number::text, ' ' ORDER BY number) "
		      "FROM respgres_cache.migration",
		"0 1 3");
}

Test(migrate, a_second_run_writes_nothing)
{
	char before[64];

	cr_assert(apply(3, 1, durable), "%s", error);
	snprintf(before, sizeof(before), "%s",
		ask("SELECT oid::text || xmin FROM pg_proc "
		    "WHERE proname = 'answer'"));
	cr_assert(apply(3, 1, durable), "%s", error);
	expect_answer("SELECT oid::text || xmin FROM pg_proc "
		      "WHERE proname = 'answer'",
		before);
}

Test(migrate, changed_functions_are_applied_again)
{
	struct migration changed = { 0, "answer",
		"CREATE OR REPLACE FUNCTION respgres.answer() RETURNS int "
		"LANGUAGE plpgsql AS 'BEGIN RETURN 43; END';" };
	struct migration_set set = { migrations, 3, &changed, 1 };

	cr_assert(apply(3, 1, durable), "%s", error);
	cr_assert(
		migrate_apply(connection, &set, durable, error, sizeof(error)),
		"%s", error);
	expect_answer("SELECT respgres.answer()", "43");
}

Test(migrate, a_newer_database_is_refused_and_untouched)
{
	cr_assert(apply(3, 0, durable), "%s", error);
	cr_expect_not(apply(2, 1, durable));
	expect_error("is at version 3 (last)");
	expect_error("versions up to 2");
	expect_answer(
		"SELECT count(*) FROM pg_proc WHERE proname = 'answer'", "0");
}

Test(migrate, a_changed_migration_is_refused)
{
	struct migration changed = { 1, "thing",
		"CREATE TABLE respgres.thing (i bigint);" };
	struct migration_set set = { &changed, 1, NULL, 0 };

	cr_assert(apply(1, 0, durable), "%s", error);
	cr_expect_not(
		migrate_apply(connection, &set, durable, error, sizeof(error)));
	expect_error("migration 1 (thing)");
	expect_error("other contents");
}

Test(migrate, a_failing_migration_is_taken_back_whole)
{
	struct migration failing[] = {
		migrations[0],
		{ 2, "wrong",
			"CREATE TABLE respgres.half (i int);\nSELECT nothing" }
	};
	struct migration_set set = { failing, 2, functions, 1 };

	cr_expect_not(
		migrate_apply(connection, &set, durable, error, sizeof(error)));
	expect_error("migration \"wrong\" of schema respgres failed");
	expect_error("LINE 2");
	expect_answer("SELECT to_regclass('respgres.half') IS NULL", "t");
	cr_expect_eq(migrate_read_version(connection, "respgres"), 1);
	/* The lock is free again. */
	cr_expect(apply(1, 1, durable), "%s", error);
}

Test(migrate, a_failing_function_keeps_the_old_ones)
{
	struct migration failing[] = {
		{ 0, "answer",
			"CREATE OR REPLACE FUNCTION respgres.answer() RETURNS "
			"int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'" },
		{ 0, "wrong", "CREATE FUNCTION nonsense" },
	};
	struct migration_set set = { migrations, 3, failing, 2 };

	cr_assert(apply(3, 1, durable), "%s", error);
	cr_expect_not(
		migrate_apply(connection, &set, durable, error, sizeof(error)));
	expect_error("function file \"wrong\"");
	expect_answer("SELECT respgres.answer()", "42");
}

Test(migrate, instances_that_start_together_wait_for_each_other)
{
	enum { INSTANCES = 5 };
	static const struct migration slow[] = {
		{ 1, "slow",
			"SELECT pg_sleep(0.3); CREATE TABLE respgres.thing "
			"(i int); INSERT INTO respgres.thing VALUES (1)" },
	};
	struct migration_set set = { slow, 1, functions, 1 };

	for (int i = 0; i < INSTANCES; i++) {
		if (fork() == 0) {
			PGconn *own = PQconnectdb(conninfo);

			_exit(!migrate_apply(
				own, &set, durable, error, sizeof(error)));
		}
	}
	for (int i = 0; i < INSTANCES; i++) {
		int status = -1;

		wait(&status);
		cr_expect_eq(status, 0);
	}
	expect_answer("SELECT count(*) FROM respgres.thing", "1");
}

Test(migrate, a_role_without_rights_is_told_what_an_administrator_can_do)
{
	char weak[512];
	PGconn *own;

	execute_as_superuser("CREATE ROLE weak LOGIN");
	snprintf(weak, sizeof(weak), "%s user=weak", conninfo);
	own = connection;
	connection = connect_to(weak);
	PQfinish(own);
	cr_expect_not(apply(3, 1, durable));
	expect_error("role \"weak\" may not create schema respgres");
	expect_error("CREATE SCHEMA respgres AUTHORIZATION \"weak\"");
	execute_as_superuser("CREATE SCHEMA respgres AUTHORIZATION weak");
	cr_expect(apply(3, 1, durable), "%s", error);
	expect_answer("SELECT respgres.answer()", "42");
}

Test(migrate, reading_is_enough_where_everything_is_in_place)
{
	char weak[512];

	cr_assert(apply(3, 1, durable), "%s", error);
	execute_as_superuser(
		"CREATE ROLE reader LOGIN;"
		"GRANT USAGE ON SCHEMA respgres TO reader;"
		"GRANT SELECT ON ALL TABLES IN SCHEMA respgres TO reader");
	snprintf(weak, sizeof(weak), "%s user=reader", conninfo);
	PQfinish(connection);
	connection = connect_to(weak);
	cr_expect(apply(3, 1, durable), "%s", error);
}

Test(migrate, a_statement_timeout_of_the_role_does_not_stop_it)
{
	static const struct migration slow[] = { { 1, "slow",
		"SELECT pg_sleep(0.3)" } };
	struct migration_set set = { slow, 1, NULL, 0 };

	PQclear(PQexec(connection, "SET statement_timeout = 100"));
	cr_expect(
		migrate_apply(connection, &set, durable, error, sizeof(error)),
		"%s", error);
}

Test(migrate, the_builtin_set_makes_both_schemas_twice_over)
{
	cr_assert(migrate_run(connection, error, sizeof(error)), "%s", error);
	cr_assert(migrate_run(connection, error, sizeof(error)), "%s", error);
	cr_expect_eq(migrate_read_version(connection, "respgres"),
		migrate_newest(migrate_builtin()));
	/* No table of the cache is logged but the note of its migrations. */
	expect_answer("SELECT count(*) FROM pg_class WHERE relkind = 'r' "
		      "AND relpersistence <> 'u' AND relname <> 'migration' "
		      "AND relnamespace = 'respgres_cache'::regnamespace",
		"0");
}
