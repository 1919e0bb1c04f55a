/* The part of rdb_write.h for streams. */
#ifndef COMMANDS_RDB_WRITE_STREAM_H
#define COMMANDS_RDB_WRITE_STREAM_H

#include "commands/rdb_sink.h"
#include "commands/rdb_value.h"
#include "commands/rdb_write.h"

#include <stdbool.h>

/* Writes all behind the type.  False when an entry is too large. */
bool rdb_write_stream(struct rdb_sink *sink, const struct rdb_stream *stream,
	const struct rdb_write_options *options);

#endif
