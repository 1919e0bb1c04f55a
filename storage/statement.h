/* The registry of SQL statements: each block of the files in storage/sql.
 *
 * The block's name is the identifier here, the prepared statement's name in
 * PostgreSQL, and the thing to grep for. */
#ifndef STORAGE_STATEMENT_H
#define STORAGE_STATEMENT_H

#include <stdbool.h>

/* How the calls of a batch share one execution of the statement. */
enum set_mode {
	/* Never: each call is an execution of its own. */
	SET_NONE,
	/* Parameters become arrays, one element per call (or several).  The
	 * first result column is the 1-based ordinal of the element; a write
	 * returns at most one row for an element. */
	SET_ORDINAL,
	/* The first result column is the element's key; elements go out in
	 * key order, and rows come back in it, some of them left out. */
	SET_KEY,
	/* A read of one database: the parameters are its number and the keys
	 * in their indexed form, as an array.  The first result column is the
	 * key in that form; rows come in any order, a key at most once. */
	SET_MATCH,
	/* No rows come back: every element succeeded. */
	SET_ALL,
};

enum statement_id {
#define SQL(name, mode, single, write, repeats, distinct, text) SQL_##name,
#include "statements.def"
#undef SQL
	STATEMENT_COUNT
};

/* The two copies of the schema that a statement can address. */
enum schema {
	SCHEMA_LOGGED, /* respgres */
	SCHEMA_UNLOGGED, /* respgres_cache */
	SCHEMA_COUNT
};

struct statement {
	const char *name;
	enum set_mode mode;
	/* A form for one element alone, with scalar parameters and the same
	 * result columns; the statement itself where there is none. */
	enum statement_id single;
	bool write;
	/* SET_ORDINAL: calls on one key share an execution, which applies them
	 * in the order of their ordinals.  Its first three parameters hold each
	 * key once, in order; the fourth, int4[], tells for each element the
	 * number of its key, from 1; the others have an entry an element. */
	bool repeats;
	/* With `repeats`: the number of a bytea parameter (from 5) in which the
	 * elements of one key must differ; 0: none. */
	int distinct;
	const char *text;
};

const struct statement *statement_get(enum statement_id id);

/* A copy of `text` for `schema`: owned by the caller, released with free().
 * The texts in the tree name the schema respgres; the copy for unlogged data
 * names respgres_cache instead. */
char *statement_text_for_schema(const char *text, enum schema schema);

#endif
