/* A snapshot while it is read; what the files that read one share. */
#ifndef COMMANDS_SNAPSHOT_READING_H
#define COMMANDS_SNAPSHOT_READING_H

#include "commands/rdb_sink.h"
#include "commands/snapshot_page.h"
#include "commands/snapshot_store.h"
#include "storage/base/bytes.h"
#include "storage/statement.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rdb_value;
struct request;
struct rows;
struct snapshot_cursor;

/* Columns that snapshot_find and snapshot_export begin with. */
enum {
	FIND_KIND,
	FIND_CHUNKS,
	FIND_CHECKSUM,
	FIND_CREATED_AT,
	FIND_AGENT,
	FIND_FACTS,
};

struct snapshot_reading {
	struct request *request;
	struct snapshot_error error;
	void (*found)(struct snapshot_reading *reading);
	void *state; /* the command's own */
	char kind;
	int64_t created_at;
	char checksum[SNAPSHOT_HASH_SIZE];
	struct rdb_sink roots; /* hashes of the uppermost chunks */
	struct rows *facts; /* the row */
	struct rdb_sink data;
	size_t loaded, loading; /* pieces */
	struct snapshot_cursor *cursor;
	bool sought;
	size_t page;
};

/* Finds the snapshot, and calls found(), also when there is none: the error
 * says so.  The reading is the caller's. */
struct snapshot_reading *snapshot_reading_new(struct request *request,
	struct bytes id, enum statement_id statement,
	void (*found)(struct snapshot_reading *reading));
void snapshot_reading_free(struct snapshot_reading *reading);
/* Replies the error, finishes and frees. */
void snapshot_reading_fail(struct snapshot_reading *reading);

/* Makes the cursor; see snapshot_cursor.h. */
void snapshot_reading_open(struct snapshot_reading *reading, bool with_payloads,
	bool one_page, void (*resume)(void *arg));
/* The same, several pages at a time and resuming with another argument. */
void snapshot_reading_open_for(struct snapshot_reading *reading,
	bool with_payloads, void (*resume)(void *arg), void *arg);
/* Reads the payload into `data`, and checks it. */
void snapshot_reading_load_data(struct snapshot_reading *reading,
	void (*done)(struct snapshot_reading *reading));

/* The value of an entry's payload, which must outlive it, with its fields'
 * expiry; NULL, and the error noted, when it is none. */
struct rdb_value *snapshot_payload_read(
	struct bytes payload, struct snapshot_error *error);
/* Milliseconds that the key had to live when it was captured; -1: no end. */
int64_t snapshot_entry_ttl(const struct snapshot_reading *reading,
	const struct snapshot_entry *entry);

#endif
