/* Memory that is released all at once, within a limit.
 *
 * What a hostile payload makes us allocate must have a bound: every request is
 * charged against the arena's limit, and beyond it the functions return NULL
 * and note that the arena is exhausted. */
#ifndef COMMANDS_RDB_ARENA_H
#define COMMANDS_RDB_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct rdb_chunk;

struct rdb_arena {
	struct rdb_chunk *chunks;
	struct rdb_chunk *current; /* small requests share it; may be NULL */
	size_t size, limit; /* bytes held, and at the most */
	bool exhausted; /* a request was refused */
};

/* A growing array within an arena. */
struct rdb_array {
	void *items;
	size_t count, capacity;
};

/* At most `limit` bytes are held; SIZE_MAX means no bound. */
void rdb_arena_init(struct rdb_arena *arena, size_t limit);
void rdb_arena_release(struct rdb_arena *arena);

/* Aligned for anything.  NULL when that would exceed the limit. */
void *rdb_arena_allocate(struct rdb_arena *arena, size_t size);
/* The same for `count` times `size` bytes. */
void *rdb_arena_allocate_array(
	struct rdb_arena *arena, size_t count, size_t size);

/* Room for one more item of `size` bytes, always the same for an array, behind
 * the others; the items may move.  NULL when that would exceed the limit. */
void *rdb_array_add(
	struct rdb_arena *arena, struct rdb_array *array, size_t size);

#endif
