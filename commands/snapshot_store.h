/* Chunks of snapshots in PostgreSQL: reading and writing many of them.
 *
 * Both work in steps, on the thread of the store, and hold a bounded part of a
 * snapshot at a time.  What fails is noted as the text of an error; whoever
 * began it replies that in the end. */
#ifndef COMMANDS_SNAPSHOT_STORE_H
#define COMMANDS_SNAPSHOT_STORE_H

#include "commands/snapshot_chunk.h"
#include "storage/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct result;
struct store;

/* Empty: all is well.  The first error stays. */
struct snapshot_error {
	char text[256];
};

void snapshot_error_set(struct snapshot_error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Notes a result that is not STORE_OK, or whose first row has an error text in
 * its first column when `has_error` says that such a column is there. */
bool snapshot_failed(struct snapshot_error *error, const struct result *result,
	bool has_error);
static inline bool
snapshot_has_failed(const struct snapshot_error *error)
{
	return error->text[0] != '\0';
}

/* --- reading --------------------------------------------------------- */

struct snapshot_chunk {
	char hash[SNAPSHOT_HASH_SIZE];
	int depth;
	struct bytes raw, refs;
};

struct snapshot_chunks {
	int count;
	struct snapshot_chunk *list;
};

/* NULL: it is not among them. */
const struct snapshot_chunk *snapshot_chunks_find(
	const struct snapshot_chunks *chunks, const char *hash);

/* Reads the chunks with the hashes, one behind the other in `hashes`, which are
 * copied, and checks them.  done() is called once, later, with all of them, or
 * with NULL and the error noted.  They are gone when it returns. */
void snapshot_load(struct store *store, int db, struct bytes hashes,
	struct snapshot_error *error,
	void (*done)(void *arg, const struct snapshot_chunks *chunks),
	void *arg);

/* --- writing --------------------------------------------------------- */

/* Stores chunks in the order in which they were added. */
struct snapshot_writer;

/* `progress` is called whenever the writer has less to do than before. */
struct snapshot_writer *snapshot_writer_new(struct store *store, int db,
	bool compress, struct snapshot_error *error,
	void (*progress)(void *arg), void *arg);
/* Only when it is idle. */
void snapshot_writer_free(struct snapshot_writer *writer);

/* Takes copies, and tells the chunk's hash.  `base`: the hash of a chunk that
 * may be similar, or NULL. */
void snapshot_writer_add(struct snapshot_writer *writer, struct bytes raw,
	struct bytes refs, const char *base,
	char hash[static SNAPSHOT_HASH_SIZE]);
/* Whether nothing more should be added until progress. */
bool snapshot_writer_is_full(const struct snapshot_writer *writer);
/* Nothing queued or under way; after an error, too. */
bool snapshot_writer_is_idle(const struct snapshot_writer *writer);
/* Bytes of all chunks added, and those that storing them took. */
int64_t snapshot_writer_raw_bytes(const struct snapshot_writer *writer);
int64_t snapshot_writer_stored_bytes(const struct snapshot_writer *writer);

#endif
