/* Applies migrations under an advisory lock.
 *
 * The lock is tried and tried again rather than waited for: waiting in the
 * server would fall to a statement_timeout of the role's.
 *
 * An applied migration whose file has changed since is an error and not
 * repaired: two databases of the same number would differ. */
#include "storage/migrate.h"

#include "storage/base/clock.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"

#include <openssl/evp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "respgres" in ASCII: a number nobody else is likely to choose. */
#define LOCK_NUMBER "8243121619580642675"

enum { CHECKSUM_SIZE = 65, FUNCTIONS_NUMBER = 0 };

static const int64_t lock_limit_us = 600 * 1000000LL;

/* One run over one schema. */
struct run {
	PGconn *connection;
	const struct migration_set *set;
	struct migration_target target;
	char *error;
	size_t error_size;
};

static bool __attribute__((format(printf, 2, 3)))
fail(struct run *run, const char *format, ...)
{
	va_list values;
	size_t size;

	va_start(values, format);
	vsnprintf(run->error, run->error_size, format, values);
	va_end(values);
	/* libpq ends its messages with a line end. */
	size = strlen(run->error);
	while (size > 0 && run->error[size - 1] == '\n')
		run->error[--size] = '\0';
	return false;
}

/* Runs a statement for its rows; NULL after an error, which is in `error`. */
static PGresult *
query(struct run *run, const char *doing, const char *sql)
{
	PGresult *result = PQexec(run->connection, sql);

	if (PQresultStatus(result) == PGRES_TUPLES_OK ||
		PQresultStatus(result) == PGRES_COMMAND_OK)
		return result;
	fail(run, "%s: %s", doing, PQerrorMessage(run->connection));
	PQclear(result);
	return NULL;
}

static bool
execute(struct run *run, const char *doing, const char *sql)
{
	PGresult *result = query(run, doing, sql);

	PQclear(result);
	return result != NULL;
}

/* The answer to a question that returns one boolean. */
static bool
ask(struct run *run, const char *sql, bool *answer)
{
	PGresult *result = query(run, "cannot read the schema", sql);

	if (result)
		*answer = PQntuples(result) == 1 &&
			PQgetvalue(result, 0, 0)[0] == 't';
	PQclear(result);
	return result != NULL;
}

static bool __attribute__((format(printf, 3, 4)))
ask_format(struct run *run, bool *answer, const char *format, ...)
{
	char sql[512];
	va_list values;

	va_start(values, format);
	vsnprintf(sql, sizeof(sql), format, values);
	va_end(values);
	return ask(run, sql, answer);
}

/* Texts. */

static void
checksum_add(EVP_MD_CTX *context, const char *text)
{
	/* With its NUL, so that what moves from one text to the next shows. */
	if (EVP_DigestUpdate(context, text, strlen(text) + 1) != 1)
		abort();
}

static EVP_MD_CTX *
checksum_begin(void)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (!context || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
		abort();
	return context;
}

static void
checksum_end(EVP_MD_CTX *context, char checksum[CHECKSUM_SIZE])
{
	unsigned char digest[EVP_MAX_MD_SIZE];

	if (EVP_DigestFinal_ex(context, digest, NULL) != 1)
		abort();
	EVP_MD_CTX_free(context);
	for (int i = 0; i < (CHECKSUM_SIZE - 1) / 2; i++)
		snprintf(checksum + 2 * i, 3, "%02x", digest[i]);
}

static void
checksum_text(const char *text, char checksum[CHECKSUM_SIZE])
{
	EVP_MD_CTX *context = checksum_begin();

	checksum_add(context, text);
	checksum_end(context, checksum);
}

static void
checksum_functions(
	const struct migration_set *set, char checksum[CHECKSUM_SIZE])
{
	EVP_MD_CTX *context = checksum_begin();

	for (size_t i = 0; i < set->function_count; i++) {
		checksum_add(context, set->functions[i].name);
		checksum_add(context, set->functions[i].sql);
	}
	checksum_end(context, checksum);
}

static bool
is_word_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c >= '0' && c <= '9') || c == '_' || c == '$';
}

char *
migrate_rewrite(const char *sql, struct migration_target target)
{
	static const char schema[] = "respgres.";
	static const char table[] = "CREATE TABLE";
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	const char *start = sql;

	if (!out)
		abort();
	while (*sql) {
		bool at_word = sql == start || !is_word_character(sql[-1]);

		if (at_word && strncmp(sql, schema, sizeof(schema) - 1) == 0) {
			fprintf(out, "%s.", target.schema);
			sql += sizeof(schema) - 1;
		} else if (at_word && target.unlogged &&
			strncasecmp(sql, table, sizeof(table) - 1) == 0) {
			fputs("CREATE UNLOGGED TABLE", out);
			sql += sizeof(table) - 1;
		} else {
			fputc(*sql++, out);
		}
	}
	if (fclose(out) != 0)
		abort();
	return text;
}

/* Whether `migration` belongs to the run's schema. */
static bool
applies(const struct run *run, const struct migration *migration)
{
	static const char once[] = "-- once";
	const char *end = migration->sql + sizeof(once) - 1;

	return strncmp(migration->sql, once, sizeof(once) - 1) != 0 ||
		is_word_character(*end) ||
		strcmp(run->target.schema, "respgres") == 0;
}

int
migrate_newest(const struct migration_set *set)
{
	int newest = 0;

	for (size_t i = 0; i < set->migration_count; i++) {
		if (set->migrations[i].number > newest)
			newest = set->migrations[i].number;
	}
	return newest;
}

/* Transactions. */

static bool
begin(struct run *run)
{
	char sql[512];

	snprintf(sql, sizeof(sql),
		"BEGIN;"
		"SET LOCAL client_min_messages = warning;"
		"SET LOCAL statement_timeout = 0;"
		"SET LOCAL lock_timeout = 0;"
		"SET LOCAL search_path = %s",
		run->target.schema);
	return execute(run, "cannot begin a transaction", sql);
}

/* Commits when `done`, else takes all back and keeps the first error. */
static bool
end(struct run *run, bool done)
{
	if (done)
		return execute(run, "cannot commit", "COMMIT");
	PQclear(PQexec(run->connection, "ROLLBACK"));
	return false;
}

static bool
apply_text(struct run *run, const char *kind, const struct migration *text)
{
	char *sql = migrate_rewrite(text->sql, run->target);
	char *doing = memory_print("%s \"%s\" of schema %s failed", kind,
		text->name, run->target.schema);
	bool applied = execute(run, doing, sql);

	free(doing);
	free(sql);
	return applied;
}

static bool
note(struct run *run, int number, const char *name, const char *checksum)
{
	char number_text[16];
	const char *const values[] = { number_text, name, checksum };
	char *sql = memory_print(
		"INSERT INTO %s.migration (number, name, checksum) "
		"VALUES ($1::int, $2, $3) ON CONFLICT (number) DO UPDATE SET "
		"name = excluded.name, checksum = excluded.checksum, "
		"applied_at = now()",
		run->target.schema);
	PGresult *result;
	bool noted;

	snprintf(number_text, sizeof(number_text), "%d", number);
	result = PQexecParams(
		run->connection, sql, 3, NULL, values, NULL, NULL, 0);
	noted = PQresultStatus(result) == PGRES_COMMAND_OK;
	if (!noted)
		fail(run, "cannot note migration \"%s\": %s", name,
			PQerrorMessage(run->connection));
	PQclear(result);
	free(sql);
	return noted;
}

/* The schema and its table of migrations. */

static bool
refuse_schema(struct run *run, bool exists)
{
	return fail(run,
		"role \"%s\" may not %s schema %s of database \"%s\": let an "
		"administrator run %s SCHEMA %s %s \"%s\" there",
		PQuser(run->connection), exists ? "create tables in" : "create",
		run->target.schema, PQdb(run->connection),
		exists ? "ALTER" : "CREATE", run->target.schema,
		exists ? "OWNER TO" : "AUTHORIZATION", PQuser(run->connection));
}

static bool
make_schema(struct run *run)
{
	const char *schema = run->target.schema;
	bool exists, allowed;
	char sql[256];

	if (!ask_format(run, &exists,
		    "SELECT to_regnamespace('%s') IS NOT NULL", schema))
		return false;
	if (exists)
		return ask_format(run, &allowed,
			       "SELECT has_schema_privilege('%s', 'CREATE')",
			       schema) &&
			(allowed || refuse_schema(run, exists));
	if (!ask(run,
		    "SELECT has_database_privilege(current_database(), "
		    "'CREATE')",
		    &allowed))
		return false;
	if (!allowed)
		return refuse_schema(run, exists);
	snprintf(sql, sizeof(sql), "CREATE SCHEMA %s", schema);
	return execute(run, "cannot create the schema", sql);
}

static bool
make_table(struct run *run)
{
	char *sql = memory_print("CREATE TABLE %s.migration ("
				 "number int PRIMARY KEY, "
				 "name text NOT NULL, "
				 "applied_at timestamptz NOT NULL "
				 "DEFAULT now(), "
				 "checksum text NOT NULL)",
		run->target.schema);
	bool made;

	if (!begin(run)) {
		free(sql);
		return false;
	}
	made = end(run,
		make_schema(run) &&
			execute(run, "cannot create the table of migrations",
				sql));
	free(sql);
	return made;
}

static PGresult *
read_applied(struct run *run)
{
	char *sql =
		memory_print("SELECT number, name, checksum FROM %s.migration "
			     "ORDER BY number",
			run->target.schema);
	PGresult *applied =
		query(run, "cannot read which migrations are there", sql);

	free(sql);
	return applied;
}

/* The checksum noted under `number`, or NULL. */
static const char *
find_checksum(const PGresult *applied, int number)
{
	for (int row = 0; row < PQntuples(applied); row++) {
		if (atoi(PQgetvalue(applied, row, 0)) == number)
			return PQgetvalue(applied, row, 2);
	}
	return NULL;
}

/* The run. */

static bool
check_not_newer(struct run *run, const PGresult *applied)
{
	int newest = migrate_newest(run->set);
	int last = PQntuples(applied) - 1;
	int theirs = last < 0 ? 0 : atoi(PQgetvalue(applied, last, 0));

	if (theirs <= newest)
		return true;
	return fail(run,
		"schema %s of database \"%s\" is at version %d (%s), and this "
		"respgres knows versions up to %d: run a newer respgres",
		run->target.schema, PQdb(run->connection), theirs,
		PQgetvalue(applied, last, 1), newest);
}

static bool
apply_migration(
	struct run *run, const struct migration *migration, const char *noted)
{
	char checksum[CHECKSUM_SIZE];

	checksum_text(migration->sql, checksum);
	if (noted && strcmp(noted, checksum) == 0)
		return true;
	if (noted)
		return fail(run,
			"migration %d (%s) of schema %s was applied with other "
			"contents than this respgres has: the database belongs "
			"to another build",
			migration->number, migration->name, run->target.schema);
	log_event(LOG_NOTICE, "applying a migration", "schema",
		log_text(run->target.schema), "number",
		log_int(migration->number), "name", log_text(migration->name),
		NULL);
	return begin(run) &&
		end(run,
			apply_text(run, "migration", migration) &&
				note(run, migration->number, migration->name,
					checksum));
}

static bool
apply_functions(struct run *run, const char *noted)
{
	char checksum[CHECKSUM_SIZE];
	bool applied = true;

	checksum_functions(run->set, checksum);
	if (noted && strcmp(noted, checksum) == 0)
		return true;
	log_event(LOG_NOTICE, "applying the functions", "schema",
		log_text(run->target.schema), NULL);
	if (!begin(run))
		return false;
	for (size_t i = 0; applied && i < run->set->function_count; i++) {
		const struct migration *text = &run->set->functions[i];

		if (applies(run, text))
			applied = apply_text(run, "function file", text);
	}
	return end(run,
		applied && note(run, FUNCTIONS_NUMBER, "functions", checksum));
}

static bool
apply_all(struct run *run)
{
	PGresult *applied;
	bool exists, done;

	if (!ask_format(run, &exists,
		    "SELECT to_regclass('%s.migration') IS NOT NULL",
		    run->target.schema))
		return false;
	if (!exists && !make_table(run))
		return false;
	applied = read_applied(run);
	if (!applied)
		return false;
	done = check_not_newer(run, applied);
	for (size_t i = 0; done && i < run->set->migration_count; i++) {
		const struct migration *migration = &run->set->migrations[i];

		if (applies(run, migration))
			done = apply_migration(run, migration,
				find_checksum(applied, migration->number));
	}
	if (done)
		done = apply_functions(
			run, find_checksum(applied, FUNCTIONS_NUMBER));
	PQclear(applied);
	return done;
}

static bool
take_lock(struct run *run)
{
	int64_t start = clock_monotonic_us();
	bool taken = false, told = false;

	while (ask(
		run, "SELECT pg_try_advisory_lock(" LOCK_NUMBER ")", &taken)) {
		if (taken)
			return true;
		if (clock_monotonic_us() - start > lock_limit_us)
			return fail(run,
				"another respgres has been migrating the "
				"database for ten minutes: see pg_locks, "
				"locktype advisory");
		if (!told)
			log_event(LOG_NOTICE,
				"waiting for another respgres to migrate the "
				"database",
				NULL);
		told = true;
		usleep(100000);
	}
	return false;
}

static bool
check_server(struct run *run)
{
	int version = PQserverVersion(run->connection);

	if (PQstatus(run->connection) != CONNECTION_OK)
		return fail(run, "not connected to PostgreSQL: %s",
			PQerrorMessage(run->connection));
	if (version < MIGRATE_SERVER_OLDEST)
		return fail(run,
			"the server is PostgreSQL %d.%d, and respgres needs %d "
			"or newer",
			version / 10000, version % 10000,
			MIGRATE_SERVER_OLDEST / 10000);
	return true;
}

bool
migrate_apply(PGconn *connection, const struct migration_set *set,
	struct migration_target target, char *error, size_t error_size)
{
	struct run run = { connection, set, target, error, error_size };
	bool done;

	if (!check_server(&run) || !take_lock(&run))
		return false;
	done = apply_all(&run);
	PQclear(PQexec(
		connection, "SELECT pg_advisory_unlock(" LOCK_NUMBER ")"));
	return done;
}

bool
migrate_run(PGconn *connection, char *error, size_t error_size)
{
	static const struct migration_target targets[] = {
		{ "respgres", false },
		{ "respgres_cache", true },
	};

	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		if (!migrate_apply(connection, migrate_builtin(), targets[i],
			    error, error_size))
			return false;
	}
	return true;
}

int
migrate_read_version(PGconn *connection, const char *schema)
{
	char error[256];
	struct run run = { .connection = connection,
		.target = { .schema = schema },
		.error = error,
		.error_size = sizeof(error) };
	PGresult *applied;
	int version = 0;
	bool exists;

	if (!ask_format(&run, &exists,
		    "SELECT to_regclass('%s.migration') IS NOT NULL", schema))
		return -1;
	if (!exists)
		return 0;
	applied = read_applied(&run);
	if (!applied)
		return -1;
	if (PQntuples(applied) > 0)
		version = atoi(PQgetvalue(applied, PQntuples(applied) - 1, 0));
	PQclear(applied);
	return version;
}
