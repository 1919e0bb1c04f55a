/* The PostgreSQL that all tests of a program share; see shared_postgres.h.
 * Only programs that use it link this file, and with it the hooks. */
#include "tests/support/shared_postgres.h"

#include "tests/support/postgres.h"
#include "tests/support/scratch.h"

#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char variable[] = "RESPGRES_TEST_POSTGRES";

/* In the process that runs the tests; NULL in theirs. */
static struct postgres *postgres;

ReportHook(PRE_ALL)(struct criterion_test_set *tests)
{
	(void)tests;
	postgres = postgres_start(NULL);
	setenv(variable, postgres_admin_conninfo(postgres), 1);
}

ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
	(void)stats;
	postgres_stop(postgres);
	postgres = NULL;
}

const char *
shared_postgres_admin_conninfo(void)
{
	const char *conninfo = getenv(variable);

	if (!conninfo)
		scratch_fail("%s is not set: no test runs", variable);
	return conninfo;
}

char *
shared_postgres_new_database(void)
{
	static int count;
	const char *admin = shared_postgres_admin_conninfo();
	PGconn *connection = PQconnectdb(admin);
	PGresult *result;
	char name[40], sql[120], *conninfo;

	snprintf(name, sizeof(name), "test_%d_%d", getpid(), ++count);
	snprintf(sql, sizeof(sql), "CREATE DATABASE %s OWNER respgres", name);
	result = PQexec(connection, sql);
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		scratch_fail("%s: %s", sql, PQerrorMessage(connection));
	PQclear(result);
	if (asprintf(&conninfo, "host=%s port=5432 user=respgres dbname=%s",
		    PQhost(connection), name) < 0)
		scratch_fail("out of memory");
	PQfinish(connection);
	return conninfo;
}
