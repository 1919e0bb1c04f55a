/* Writes the parts that payloads are made of into a growing run of bytes. */
#ifndef COMMANDS_RDB_SINK_H
#define COMMANDS_RDB_SINK_H

#include "commands/rdb_value.h"
#include "storage/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rdb_sink {
	char *data;
	size_t size, capacity;
	bool compress; /* strings of more than 20 bytes, when it helps */
};

void rdb_sink_init(struct rdb_sink *sink, bool compress);
void rdb_sink_release(struct rdb_sink *sink);
/* Forgets what was written and keeps the memory. */
void rdb_sink_clear(struct rdb_sink *sink);
struct bytes rdb_sink_written(const struct rdb_sink *sink);

void rdb_sink_bytes(struct rdb_sink *sink, const void *bytes, size_t size);
void rdb_sink_byte(struct rdb_sink *sink, uint8_t byte);
void rdb_sink_little_endian(
	struct rdb_sink *sink, size_t size, uint64_t number);
void rdb_sink_length(struct rdb_sink *sink, uint64_t length);
/* The same in front of what was written from `offset` on. */
void rdb_sink_insert_length(
	struct rdb_sink *sink, size_t offset, uint64_t length);
/* A string in the shortest form: number, compressed, or as it is. */
void rdb_sink_string(struct rdb_sink *sink, struct bytes string);
void rdb_sink_score(struct rdb_sink *sink, double score);
void rdb_sink_time(struct rdb_sink *sink, int64_t ms);
/* An id as two lengths, and as 16 bytes. */
void rdb_sink_stream_id(struct rdb_sink *sink, struct rdb_stream_id id);
void rdb_sink_stream_key(struct rdb_sink *sink, struct rdb_stream_id id);

/* The id in exactly 16 bytes. */
void rdb_stream_id_encode(struct rdb_stream_id id, char *bytes);

#endif
