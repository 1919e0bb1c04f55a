/* Chunks of snapshots: what names them, how they are cut and compressed.
 *
 * Pure functions; what is stored where is snapshot_store.h's matter. */
#ifndef COMMANDS_SNAPSHOT_CHUNK_H
#define COMMANDS_SNAPSHOT_CHUNK_H

#include "storage/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SNAPSHOT_HASH_SIZE = 32,
	SNAPSHOT_CHUNK_MAX = 1 << 20, /* raw bytes */
	SNAPSHOT_PIECE_MAX = 64 << 10, /* of those that are cut */
	SNAPSHOT_CODEC_RAW = 0,
	SNAPSHOT_CODEC_ZSTD = 1,
	/* Chunks that may have to be read to read one. */
	SNAPSHOT_DEPTH_MAX = 8,
};

/* SHA-256 of the parts, one behind the other. */
void snapshot_digest(const struct bytes *parts, int count,
	char digest[static SNAPSHOT_HASH_SIZE]);

/* A chunk's name: SHA-256 of a zero and the raw bytes, or where it refers to
 * others of a one, their hashes (`refs`) and the raw bytes. */
void snapshot_chunk_hash(struct bytes raw, struct bytes refs,
	char hash[static SNAPSHOT_HASH_SIZE]);

/* Compresses with zstd, as what follows `base` (may be empty).  The result is
 * to be freed; NULL: it would not be smaller. */
char *snapshot_compress(struct bytes raw, struct bytes base, size_t *size);
/* Fills `raw`, of exactly raw_size bytes; false: that is not what `data` is. */
bool snapshot_decompress(
	struct bytes data, struct bytes base, char *raw, size_t raw_size);

/* Cuts where the content says so, so that a change moves no other cut. */
struct snapshot_cutter {
	uint64_t gear[256];
};

void snapshot_cutter_init(struct snapshot_cutter *cutter);
/* The size of the first piece of `rest`, which is not empty. */
size_t snapshot_cut(const struct snapshot_cutter *cutter, struct bytes rest);

#endif
