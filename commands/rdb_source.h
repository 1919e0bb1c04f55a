/* Reads the parts that payloads are made of, one after another.
 *
 * Every function returns false when the input ends too early, says something
 * impossible, or the arena is exhausted; then nothing more can be read.  What
 * is read borrows from the input where it can, and else lives in the arena. */
#ifndef COMMANDS_RDB_SOURCE_H
#define COMMANDS_RDB_SOURCE_H

#include "commands/rdb_arena.h"
#include "commands/rdb_value.h"
#include "storage/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rdb_source {
	const char *at, *end;
	struct rdb_arena *arena;
};

void rdb_source_init(
	struct rdb_source *source, struct bytes input, struct rdb_arena *arena);

bool rdb_source_byte(struct rdb_source *source, uint8_t *byte);

/* A length or count.  As in Redis, where one is expected the mark of a special
 * string counts as the number in its other bits. */
bool rdb_source_length(struct rdb_source *source, uint64_t *length);

/* A string, plain, a number or compressed. */
bool rdb_source_string(struct rdb_source *source, struct bytes *string);

bool rdb_source_score_text(struct rdb_source *source, double *score);
bool rdb_source_score_binary(struct rdb_source *source, double *score);
bool rdb_source_time(struct rdb_source *source, int64_t *ms);
/* An id as two lengths, and as 16 bytes. */
bool rdb_source_stream_id(struct rdb_source *source, struct rdb_stream_id *id);
bool rdb_source_stream_key(struct rdb_source *source, struct rdb_stream_id *id);

/* The id in exactly 16 bytes. */
struct rdb_stream_id rdb_stream_id_decode(const char *bytes);

#endif
