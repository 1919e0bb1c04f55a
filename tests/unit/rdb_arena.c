/* The arena of values: alignment, growing arrays, and its limit. */
#include "commands/rdb_arena.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

Test(rdb_arena, blocks_are_aligned_and_apart)
{
	struct rdb_arena arena;
	char *blocks[300];

	rdb_arena_init(&arena, SIZE_MAX);
	for (size_t i = 0; i < 300; i++) {
		blocks[i] = rdb_arena_allocate(&arena, i * 20);
		cr_assert_not_null(blocks[i]);
		cr_expect_eq((uintptr_t)blocks[i] % 16, 0);
		memset(blocks[i], (int)i, i * 20);
	}
	for (size_t i = 0; i < 300; i++)
		for (size_t j = 0; j < i * 20; j++)
			cr_assert_eq(blocks[i][j], (char)i);
	rdb_arena_release(&arena);
	cr_expect_eq(arena.size, 0);
}

Test(rdb_arena, arrays_keep_their_items_while_they_grow)
{
	struct rdb_arena arena;
	struct rdb_array array = { 0 };

	rdb_arena_init(&arena, SIZE_MAX);
	for (size_t i = 0; i < 100000; i++) {
		size_t *item = rdb_array_add(&arena, &array, sizeof(*item));

		*item = i;
	}
	cr_expect_eq(array.count, 100000);
	for (size_t i = 0; i < array.count; i++)
		cr_assert_eq(((size_t *)array.items)[i], i);
	rdb_arena_release(&arena);
}

Test(rdb_arena, holds_no_more_than_its_limit)
{
	struct rdb_arena arena;
	struct rdb_array array = { 0 };

	rdb_arena_init(&arena, 100000);
	cr_expect_null(rdb_arena_allocate(&arena, 100001));
	cr_expect(arena.exhausted);
	cr_expect_null(rdb_arena_allocate(&arena, SIZE_MAX));
	cr_expect_null(rdb_arena_allocate_array(&arena, SIZE_MAX / 4, 8));
	cr_expect_eq(arena.size, 0);
	while (rdb_array_add(&arena, &array, 16) != NULL)
		cr_assert_lt(array.count, 100000 / 16);
	cr_expect_leq(arena.size, 100000);
	cr_expect_geq(array.count, 1000);
	rdb_arena_release(&arena);
}
