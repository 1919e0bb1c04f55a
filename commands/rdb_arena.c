/* Memory that is released all at once; see rdb_arena.h.
 *
 * Small requests are cut from chunks, each twice as large as the one before up
 * to CHUNK_SIZE_MAX.  A large one has a chunk of its own, so that a growing
 * array can be moved by realloc() and leaves nothing behind. */
#include "commands/rdb_arena.h"

#include "storage/base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
	ALIGNMENT = 16,
	CHUNK_SIZE_MIN = 1024,
	CHUNK_SIZE_MAX = 64 * 1024,
	LARGE_SIZE = 4096, /* from here on a request has its own chunk */
	FIRST_CAPACITY = 8,
};

struct rdb_chunk {
	struct rdb_chunk *prev, *next;
	size_t size, used; /* of data */
	_Alignas(ALIGNMENT) char data[];
};

void
rdb_arena_init(struct rdb_arena *arena, size_t limit)
{
	*arena = (struct rdb_arena){ .limit = limit };
}

void
rdb_arena_release(struct rdb_arena *arena)
{
	struct rdb_chunk *chunk, *next;

	DL_FOREACH_SAFE (arena->chunks, chunk, next)
		free(chunk);
	rdb_arena_init(arena, arena->limit);
}

/* Charges `size` more bytes, or refuses. */
static bool
charge(struct rdb_arena *arena, size_t size)
{
	if (size > arena->limit - arena->size) {
		arena->exhausted = true;
		return false;
	}
	arena->size += size;
	return true;
}

static struct rdb_chunk *
add_chunk(struct rdb_arena *arena, size_t size)
{
	struct rdb_chunk *chunk;

	if (!charge(arena, size))
		return NULL;
	chunk = memory_allocate(sizeof(*chunk) + size);
	chunk->size = size;
	chunk->used = 0;
	DL_PREPEND(arena->chunks, chunk);
	return chunk;
}

static bool
start_chunk(struct rdb_arena *arena)
{
	size_t size = arena->current ? arena->current->size * 2 : 0;
	struct rdb_chunk *chunk;

	if (size < CHUNK_SIZE_MIN)
		size = CHUNK_SIZE_MIN;
	if (size > CHUNK_SIZE_MAX)
		size = CHUNK_SIZE_MAX;
	if (size < LARGE_SIZE && arena->current != NULL)
		size = LARGE_SIZE;
	chunk = add_chunk(arena, size);
	if (chunk != NULL)
		arena->current = chunk;
	return chunk != NULL;
}

/* `size` is a multiple of ALIGNMENT. */
static void *
allocate_small(struct rdb_arena *arena, size_t size)
{
	void *memory;

	while (arena->current == NULL ||
		size > arena->current->size - arena->current->used) {
		if (!start_chunk(arena))
			return NULL;
	}
	memory = arena->current->data + arena->current->used;
	arena->current->used += size;
	return memory;
}

void *
rdb_arena_allocate(struct rdb_arena *arena, size_t size)
{
	struct rdb_chunk *chunk;

	if (size > SIZE_MAX / 2) {
		arena->exhausted = true;
		return NULL;
	}
	if (size < LARGE_SIZE)
		return allocate_small(
			arena, (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
	chunk = add_chunk(arena, size);
	return chunk ? chunk->data : NULL;
}

void *
rdb_arena_allocate_array(struct rdb_arena *arena, size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total))
		total = SIZE_MAX;
	return rdb_arena_allocate(arena, total);
}

/* Makes a large block, which is the whole of its chunk, `size` bytes long. */
static void *
resize_large(struct rdb_arena *arena, void *block, size_t size)
{
	struct rdb_chunk *chunk = (struct rdb_chunk *)((char *)block -
		offsetof(struct rdb_chunk, data));

	if (!charge(arena, size - chunk->size))
		return NULL;
	DL_DELETE(arena->chunks, chunk);
	chunk = memory_resize(chunk, sizeof(*chunk) + size);
	chunk->size = size;
	DL_PREPEND(arena->chunks, chunk);
	return chunk->data;
}

static bool
grow(struct rdb_arena *arena, struct rdb_array *array, size_t size)
{
	size_t capacity =
		array->capacity ? array->capacity * 2 : FIRST_CAPACITY;
	size_t old_size = array->capacity * size;
	void *items;

	if (old_size >= LARGE_SIZE) {
		items = resize_large(arena, array->items, capacity * size);
	} else {
		items = rdb_arena_allocate(arena, capacity * size);
		if (items != NULL && array->count > 0)
			memcpy(items, array->items, array->count * size);
	}
	if (items == NULL)
		return false;
	array->items = items;
	array->capacity = capacity;
	return true;
}

void *
rdb_array_add(struct rdb_arena *arena, struct rdb_array *array, size_t size)
{
	if (array->count == array->capacity && !grow(arena, array, size))
		return NULL;
	return (char *)array->items + array->count++ * size;
}
