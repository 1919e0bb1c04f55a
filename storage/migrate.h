/* Brings a database's schema to what this program needs.
 *
 * A migration is a numbered, append-only SQL file, applied once, in a
 * transaction of its own, and noted in the table `migration` of its schema.
 * The functions (the SQL API) are no migrations: all their files are applied
 * again, in one transaction, when their common checksum differs from the noted
 * one.
 *
 * The schema exists twice: `respgres`, and `respgres_cache` of unlogged tables
 * for databases of the class cache.  The files name the first; for the second
 * the text "respgres." becomes "respgres_cache." and "CREATE TABLE" becomes
 * "CREATE UNLOGGED TABLE".  A file whose first line is "-- once" is for
 * `respgres` alone.  So the files write the schema before every name, and a
 * bare `respgres` (a channel, a setting) stays what it is.
 *
 * An ordinary role will do: it needs to own the schemas, or to be allowed to
 * create schemas in the database.  Where everything is in place, nothing is
 * written, and reading is enough. */
#ifndef STORAGE_MIGRATE_H
#define STORAGE_MIGRATE_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

struct migration {
	int number; /* from 1, ascending; 0 for functions */
	const char *name;
	const char *sql;
};

struct migration_set {
	const struct migration *migrations;
	size_t migration_count;
	const struct migration *functions;
	size_t function_count;
};

struct migration_target {
	const char *schema; /* a plain identifier */
	bool unlogged;
};

enum { MIGRATE_SERVER_OLDEST = 140000 };

/* Brings both schemas up to date with the set built into the program.
 * `connection` is idle and belongs to a session of its own (no pooler that
 * hands out transactions), because an advisory lock of the session keeps
 * other instances waiting meanwhile.  Blocks.  Returns false with a sentence
 * in `error`; what was applied until then stays. */
bool migrate_run(PGconn *connection, char *error, size_t error_size);

/* The same for one schema and any set. */
bool migrate_apply(PGconn *connection, const struct migration_set *set,
	struct migration_target target, char *error, size_t error_size);

/* The set built into the program, and its highest number. */
const struct migration_set *migrate_builtin(void);
int migrate_newest(const struct migration_set *set);

/* The highest number applied to `schema`; 0 when there is no such schema, -1
 * when it cannot be read. */
int migrate_read_version(PGconn *connection, const char *schema);

/* `sql`, written for `respgres`, as it is for `target`.  Freed by the caller.
 */
char *migrate_rewrite(const char *sql, struct migration_target target);

#endif
