/* The form in which SNAPSHOT EXPORT answers with a snapshot, little endian:
 *
 *	"RESPGRES SNAPSHOT\n", version (4)
 *	kind (1), created at (8), keys (8), SHA-256 as the snapshot's (32)
 *	agent, name, user, meta, language, text: each size (4) and bytes; a size
 *	of 2^32 - 1 is none
 *	patterns: count (4), each size and bytes
 *	uppermost chunks: size and bytes of their hashes
 *	chunks, each behind those that it refers to:
 *		1 (1), raw size (4), codec (1), references, data
 *	0 (1), SHA-256 of all before (32) */
#ifndef COMMANDS_SNAPSHOT_PORTABLE_H
#define COMMANDS_SNAPSHOT_PORTABLE_H

#include "commands/rdb_sink.h"
#include "commands/snapshot_chunk.h"
#include "storage/base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum { PORTABLE_VERSION = 1, PORTABLE_PATTERNS_MAX = 1000 };

struct portable {
	char kind;
	int64_t created_at, key_count;
	struct bytes checksum;
	/* data NULL: none. */
	struct bytes agent, name, user, meta, language, text;
	uint32_t pattern_count;
	struct bytes patterns[PORTABLE_PATTERNS_MAX];
	struct bytes roots;
	struct bytes chunks; /* from the first on */
};

void portable_write(struct rdb_sink *sink, const struct portable *portable);
void portable_write_chunk(
	struct rdb_sink *sink, struct bytes raw, struct bytes refs);
/* Of all parts of the blob before, in their order. */
void portable_write_end(
	struct rdb_sink *sink, const struct bytes *parts, int count);

enum portable_status {
	PORTABLE_OK,
	PORTABLE_NONE, /* it is something else */
	PORTABLE_NEWER, /* of a version to come */
	PORTABLE_DAMAGED,
};

/* Reads a blob that may hold anything; what is read points into it. */
enum portable_status portable_read(
	struct bytes blob, struct portable *portable);

struct portable_chunk {
	struct bytes refs;
	struct bytes raw;
	char *memory; /* to be freed; NULL: raw points into the blob */
};

/* The first of the chunks, which are then those behind it.  False at the end,
 * or with `*bad` when it is none. */
bool portable_next_chunk(
	struct bytes *chunks, struct portable_chunk *chunk, bool *bad);

#endif
