/* The part of rdb_read.h for streams. */
#ifndef COMMANDS_RDB_READ_STREAM_H
#define COMMANDS_RDB_READ_STREAM_H

#include "commands/rdb_source.h"
#include "commands/rdb_value.h"

#include <stdbool.h>

/* `has_counts` tells the encoding of Redis 7 from that of Redis 5. */
bool rdb_read_stream(
	struct rdb_source *source, bool has_counts, struct rdb_stream *stream);

/* What streams of Redis 5 do not say: how many entries a group has read whose
 * last one is `id` (redis 7.0.15 t_stream.c,
 * streamEstimateDistanceFromFirstEverEntry). */
int64_t rdb_estimate_entries_read(
	const struct rdb_stream *stream, struct rdb_stream_id id);

#endif
