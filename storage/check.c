/* Looks at a database the way respgres will use it, and changes nothing.
 *
 * Each check is one function that prints one finding.  What stops respgres is
 * a failure; what makes it slow or less safe than it looks is a warning. */
#include "storage/check.h"

#include "storage/base/clock.h"
#include "storage/migrate.h"

#include <libpq-fe.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum finding { FINDING_OK, FINDING_WARNING, FINDING_FAILED };

struct check {
	PGconn *connection;
	FILE *out;
	bool failed;
};

static const int64_t skew_limit_us = 500000;

static void __attribute__((format(printf, 4, 5))) report(struct check *check,
	enum finding finding, const char *subject, const char *format, ...)
{
	static const char *const words[] = { "ok", "warning", "FAILED" };
	va_list values;

	fprintf(check->out, "%-8s %-16s ", words[finding], subject);
	va_start(values, format);
	vfprintf(check->out, format, values);
	va_end(values);
	fputc('\n', check->out);
	if (finding == FINDING_FAILED)
		check->failed = true;
}

/* The rows of a question; NULL, and a finding, after an error. */
static PGresult *
ask(struct check *check, const char *subject, const char *sql)
{
	PGresult *result = PQexec(check->connection, sql);
	char *message;

	if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0)
		return result;
	message = PQresultErrorMessage(result);
	report(check, FINDING_FAILED, subject, "%.*s",
		(int)strcspn(message, "\n"), message);
	PQclear(result);
	return NULL;
}

static bool
is_true(const PGresult *result, int column)
{
	return PQgetvalue(result, 0, column)[0] == 't';
}

static bool
check_connection(struct check *check)
{
	const char *host = PQhost(check->connection);
	char *message = PQerrorMessage(check->connection);

	if (PQstatus(check->connection) == CONNECTION_OK) {
		report(check, FINDING_OK, "connection",
			"database \"%s\" on %s port %s%s",
			PQdb(check->connection), host && *host ? host : "?",
			PQport(check->connection),
			PQsslInUse(check->connection) ? ", encrypted" : "");
		return true;
	}
	message[strcspn(message, "\n")] = '\0';
	report(check, FINDING_FAILED, "connection", "%s", message);
	return false;
}

static void
check_version(struct check *check)
{
	int version = PQserverVersion(check->connection);
	bool new_enough = version >= MIGRATE_SERVER_OLDEST;

	report(check, new_enough ? FINDING_OK : FINDING_FAILED, "server",
		new_enough ? "PostgreSQL %s" :
			     "PostgreSQL %s: version 14 or newer is needed",
		PQparameterStatus(check->connection, "server_version"));
}

static void
check_encoding(struct check *check)
{
	PGresult *result = ask(check, "encoding",
		"SELECT pg_encoding_to_char(encoding), datcollate "
		"FROM pg_database WHERE datname = current_database()");

	if (!result)
		return;
	/* Keys and values are bytea, so that only messages depend on it. */
	report(check,
		strcmp(PQgetvalue(result, 0, 0), "UTF8") == 0 ? FINDING_OK :
								FINDING_WARNING,
		"encoding", "%s, collation %s", PQgetvalue(result, 0, 0),
		PQgetvalue(result, 0, 1));
	PQclear(result);
}

static void
check_writable(struct check *check)
{
	PGresult *result = ask(check, "writable",
		"SELECT pg_is_in_recovery(), "
		"current_setting('default_transaction_read_only')::bool");

	if (!result)
		return;
	if (is_true(result, 0))
		report(check, FINDING_FAILED, "writable",
			"the server is a standby: name the primary");
	else if (is_true(result, 1))
		report(check, FINDING_FAILED, "writable",
			"default_transaction_read_only is on");
	else
		report(check, FINDING_OK, "writable", "yes");
	PQclear(result);
}

static void
check_rights(struct check *check, const char *schema)
{
	const char *const values[] = { schema };
	PGresult *result = PQexecParams(check->connection,
		"SELECT current_user, n.oid IS NOT NULL, CASE "
		"WHEN n.oid IS NULL THEN has_database_privilege("
		"current_database(), 'CREATE') "
		"ELSE has_schema_privilege(n.oid, 'USAGE') END, "
		"has_schema_privilege(n.oid, 'CREATE') "
		"FROM (VALUES ($1::text)) wanted (name) "
		"LEFT JOIN pg_namespace n ON n.nspname = wanted.name",
		1, NULL, values, NULL, NULL, 0);
	const char *user;

	if (PQresultStatus(result) != PGRES_TUPLES_OK) {
		report(check, FINDING_FAILED, "rights", "%s",
			PQresultErrorMessage(result));
		PQclear(result);
		return;
	}
	user = PQgetvalue(result, 0, 0);
	if (is_true(result, 1) && is_true(result, 2) && !is_true(result, 3))
		report(check, FINDING_WARNING, "rights",
			"role \"%s\" may use schema %s but not migrate it: "
			"ALTER SCHEMA %s OWNER TO \"%s\"",
			user, schema, schema, user);
	else if (is_true(result, 2))
		report(check, FINDING_OK, "rights",
			is_true(result, 1) ? "role \"%s\" may use schema %s" :
					     "role \"%s\" may create schema %s",
			user, schema);
	else if (is_true(result, 1))
		report(check, FINDING_FAILED, "rights",
			"role \"%s\" may not use schema %s: ALTER SCHEMA "
			"%s OWNER TO \"%s\"",
			user, schema, schema, user);
	else
		report(check, FINDING_FAILED, "rights",
			"role \"%s\" may not create schema %s: CREATE SCHEMA "
			"%s AUTHORIZATION \"%s\"",
			user, schema, schema, user);
	PQclear(result);
}

static void
check_schema(struct check *check, const char *schema)
{
	int theirs = migrate_read_version(check->connection, schema);
	int ours = migrate_newest(migrate_builtin());

	if (theirs < 0)
		report(check, FINDING_FAILED, "schema",
			"%s.migration cannot be read by this role", schema);
	else if (theirs == 0)
		report(check, FINDING_OK, "schema",
			"%s is not there yet: the first start makes it "
			"(version %d)",
			schema, ours);
	else if (theirs > ours)
		report(check, FINDING_FAILED, "schema",
			"%s is at version %d, this respgres knows %d: run a "
			"newer respgres",
			schema, theirs, ours);
	else
		report(check, FINDING_OK, "schema",
			theirs == ours ? "%s is at version %d" :
					 "%s is at version %d: the next start "
					 "takes it to %d",
			schema, theirs, ours);
}

static void
check_durability(struct check *check)
{
	PGresult *result = ask(check, "durability",
		"SELECT current_setting('fsync'), "
		"current_setting('synchronous_commit'), "
		"current_setting('full_page_writes')");
	const char *commit;

	if (!result)
		return;
	commit = PQgetvalue(result, 0, 1);
	if (strcmp(PQgetvalue(result, 0, 0), "on") != 0)
		report(check, FINDING_WARNING, "durability",
			"fsync is off: a crash of the machine can destroy the "
			"whole database");
	else if (strcmp(PQgetvalue(result, 0, 2), "on") != 0)
		report(check, FINDING_WARNING, "durability",
			"full_page_writes is off: a crash of the machine can "
			"destroy pages");
	else if (strcmp(commit, "off") == 0)
		report(check, FINDING_WARNING, "durability",
			"synchronous_commit is off by default; respgres turns "
			"it on for durable databases");
	else
		report(check, FINDING_OK, "durability",
			"fsync on, synchronous_commit %s", commit);
	PQclear(result);
}

static void
check_connections(struct check *check, int needed)
{
	PGresult *result = ask(check, "connections",
		"SELECT current_setting('max_connections')::int "
		"- current_setting('superuser_reserved_connections')::int "
		"- coalesce(current_setting('reserved_connections', true), "
		"'0')::int, "
		"(SELECT count(*) FROM pg_stat_activity "
		"WHERE backend_type = 'client backend' "
		"AND pid <> pg_backend_pid()), "
		"(SELECT rolconnlimit FROM pg_roles "
		"WHERE rolname = current_user)");
	int limit, used, role_limit;

	if (!result)
		return;
	limit = atoi(PQgetvalue(result, 0, 0));
	used = atoi(PQgetvalue(result, 0, 1));
	role_limit = atoi(PQgetvalue(result, 0, 2));
	PQclear(result);
	if (role_limit >= 0 && role_limit < limit)
		limit = role_limit;
	if (needed > limit)
		report(check, FINDING_FAILED, "connections",
			"respgres may open %d, the server allows %d: raise "
			"max_connections or lower the pool",
			needed, limit);
	else if (needed > limit - used)
		report(check, FINDING_WARNING, "connections",
			"respgres may open %d; of %d allowed, %d are in use",
			needed, limit, used);
	else
		report(check, FINDING_OK, "connections",
			"respgres may open %d; of %d allowed, %d are in use",
			needed, limit, used);
}

static void
check_clock(struct check *check)
{
	int64_t before = clock_wall_us();
	PGresult *result = ask(check, "clock",
		"SELECT (extract(epoch FROM clock_timestamp()) * 1000000)"
		"::int8");
	int64_t after = clock_wall_us();
	int64_t skew;

	if (!result)
		return;
	skew = strtoll(PQgetvalue(result, 0, 0), NULL, 10) -
		(before + after) / 2;
	PQclear(result);
	report(check,
		llabs(skew) > skew_limit_us + (after - before) ?
			FINDING_WARNING :
			FINDING_OK,
		"clock",
		"the database's differs by %.3f s; keys expire by the "
		"database's (round trip %.1f ms)",
		(double)skew / 1e6, (double)(after - before) / 1e3);
}

/* A pooler that hands out connections by transaction breaks prepared
 * statements, session locks and LISTEN. */
static void
check_session(struct check *check)
{
	PGresult *first = ask(check, "session", "SELECT pg_backend_pid()");
	int reported = PQbackendPID(check->connection);
	int seen;

	if (!first)
		return;
	seen = atoi(PQgetvalue(first, 0, 0));
	PQclear(first);
	if (seen == reported)
		report(check, FINDING_OK, "session", "direct");
	else
		report(check, FINDING_WARNING, "session",
			"a connection pooler seems to be in between: it must "
			"be in session mode");
}

static void
ignore_notice(void *context, const char *message)
{
	(void)context;
	(void)message;
}

bool
check_database(const char *conninfo, int connections_needed, FILE *out)
{
	static const char *const schemas[] = { "respgres", "respgres_cache" };
	struct check check = { PQconnectdb(conninfo), out, false };

	if (check_connection(&check)) {
		PQsetNoticeProcessor(check.connection, ignore_notice, NULL);
		check_version(&check);
		check_encoding(&check);
		check_writable(&check);
		for (size_t i = 0; i < 2; i++) {
			check_rights(&check, schemas[i]);
			check_schema(&check, schemas[i]);
		}
		check_durability(&check);
		check_connections(&check, connections_needed);
		check_clock(&check);
		check_session(&check);
	}
	PQfinish(check.connection);
	return !check.failed;
}
