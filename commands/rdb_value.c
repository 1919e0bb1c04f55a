/* A value of any type; see rdb_value.h. */
#include "commands/rdb_value.h"

#include "storage/base/memory.h"

#include <stdlib.h>

struct rdb_value *
rdb_value_new(size_t memory_max)
{
	struct rdb_value *value = memory_allocate_zeroed(1, sizeof(*value));

	value->type = RDB_STRING;
	value->string = bytes_of("");
	rdb_arena_init(&value->arena, memory_max);
	return value;
}

void
rdb_value_free(struct rdb_value *value)
{
	if (value == NULL)
		return;
	rdb_arena_release(&value->arena);
	free(value);
}

int
rdb_stream_id_compare(struct rdb_stream_id a, struct rdb_stream_id b)
{
	if (a.ms != b.ms)
		return a.ms < b.ms ? -1 : 1;
	return (a.seq > b.seq) - (a.seq < b.seq);
}
