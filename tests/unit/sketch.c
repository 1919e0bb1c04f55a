/* HyperLogLog sketches: the bytes and the counts that Redis 7.0.15 gives. */
#include "commands/sketch.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

enum { SPARSE_MAX = 3000 };

/* Header of a sparse sketch without a count. */
#define SPARSE "HYLL\1\0\0\0\0\0\0\0\0\0\0\0"
#define VALUE(text) ((struct bytes){ text, sizeof(text) - 1 })

static void
expect_bytes(const struct sketch *sketch, struct bytes expected)
{
	char *runs = sketch_describe_runs(sketch_bytes(sketch));

	cr_expect(bytes_equal(sketch_bytes(sketch), expected), "%s", runs);
	free(runs);
}

static void
expect_runs(const struct sketch *sketch, const char *expected)
{
	char *runs = sketch_describe_runs(sketch_bytes(sketch));

	cr_expect_str_eq(runs, expected);
	free(runs);
}

static enum sketch_change
add(struct sketch *sketch, int index, int rank)
{
	return sketch_add(sketch,
		(struct sketch_mark){ (uint16_t)index, (uint8_t)rank },
		SPARSE_MAX);
}

/* Adds the numbers from `first` to `last`, as texts. */
static void
add_numbers(struct sketch *sketch, int first, int last)
{
	char text[16];

	for (int i = first; i <= last; i++) {
		snprintf(text, sizeof(text), "%d", i);
		sketch_add(sketch, sketch_hash(bytes_of(text)), SPARSE_MAX);
	}
}

static uint64_t
count(const struct sketch *sketch)
{
	uint64_t counted = 0;

	cr_expect(sketch_estimate(sketch_bytes(sketch), &counted));
	return counted;
}

static void
expect_mark(const char *element, int index, int rank)
{
	struct sketch_mark mark = sketch_hash(bytes_of(element));

	cr_expect_eq(mark.index, index, "'%s': %d", element, mark.index);
	cr_expect_eq(mark.rank, rank, "'%s': %d", element, mark.rank);
}

Test(sketch, elements_hash_as_in_redis)
{
	expect_mark("", 5938, 2);
	expect_mark("abcdefgh", 1383, 1);
	expect_mark("abcdefghi", 6903, 1);
}

Test(sketch, an_empty_one_is_one_run)
{
	struct sketch sketch;
	uint64_t known;

	sketch_init(&sketch);
	expect_bytes(&sketch, VALUE(SPARSE "\x7f\xff"));
	cr_expect(sketch_is_valid(sketch_bytes(&sketch)));
	cr_expect_not(sketch_is_dense(sketch_bytes(&sketch)));
	cr_expect(sketch_read_count(sketch_bytes(&sketch), &known));
	cr_expect_eq(known, 0);
	cr_expect_eq(count(&sketch), 0);
	sketch_outdate_count(&sketch);
	cr_expect_not(sketch_read_count(sketch_bytes(&sketch), &known));
	sketch_release(&sketch);
}

Test(sketch, elements_split_runs)
{
	static const char *const elements[] = { "a", "b", "c" };
	struct sketch sketch;

	sketch_init(&sketch);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(
			sketch_add(&sketch, sketch_hash(bytes_of(elements[i])),
				SPARSE_MAX),
			SKETCH_CHANGED);
	cr_expect_eq(
		sketch_add(&sketch, sketch_hash(bytes_of("b")), SPARSE_MAX),
		SKETCH_UNCHANGED);
	expect_bytes(&sketch,
		VALUE(SPARSE "\x60\xf3\x80\x50\xb1\x84\x4b\xfb\x80\x42\x5a"));
	cr_expect_eq(count(&sketch), 3);
	sketch_release(&sketch);
}

Test(sketch, neighbours_of_one_rank_join)
{
	struct sketch sketch;

	sketch_init(&sketch);
	for (int i = 0; i < 6; i++)
		add(&sketch, 100 + i, 7);
	expect_runs(&sketch, "Z:100 v:7,4 v:7,2 Z:16278");
	cr_expect_eq(add(&sketch, 102, 7), SKETCH_UNCHANGED);
	cr_expect_eq(add(&sketch, 102, 9), SKETCH_CHANGED);
	expect_runs(&sketch, "Z:100 v:7,2 v:9,1 v:7,3 Z:16278");
	add(&sketch, 0, 1);
	add(&sketch, SKETCH_REGISTERS - 1, 32);
	add(&sketch, 50, 1);
	expect_runs(&sketch,
		"v:1,1 z:49 v:1,1 z:49 v:7,2 v:9,1 v:7,3 Z:16277 v:32,1");
	sketch_release(&sketch);
}

Test(sketch, a_high_rank_makes_it_dense)
{
	uint8_t ranks[SKETCH_REGISTERS] = { 0 };
	struct sketch sketch;

	sketch_init(&sketch);
	add(&sketch, 16383, 5);
	cr_expect_eq(add(&sketch, 3, 33), SKETCH_CHANGED);
	cr_expect(sketch_is_dense(sketch_bytes(&sketch)));
	cr_expect_eq(sketch.size, SKETCH_DENSE_SIZE);
	cr_expect(sketch_is_valid(sketch_bytes(&sketch)));
	cr_expect(sketch_merge(ranks, sketch_bytes(&sketch)));
	for (int i = 0; i < SKETCH_REGISTERS; i++)
		cr_expect_eq(ranks[i], i == 3 ? 33 : i == 16383 ? 5 : 0);
	sketch_release(&sketch);
}

Test(sketch, counts_are_those_of_redis)
{
	struct sketch sketch, dense;

	sketch_init(&sketch);
	sketch_init(&dense);
	cr_expect(sketch_make_dense(&dense));
	add_numbers(&sketch, 1, 1000);
	add_numbers(&dense, 1, 1000);
	cr_expect_eq(count(&sketch), 1001);
	cr_expect_eq(count(&dense), 1001);
	cr_expect_eq(sketch.size, 1922);
	add_numbers(&sketch, 1001, 2000);
	cr_expect(sketch_is_dense(sketch_bytes(&sketch)));
	cr_expect_eq(count(&sketch), 2006);
	sketch_release(&sketch);
	sketch_release(&dense);
}

Test(sketch, merging_is_counting_together)
{
	uint8_t ranks[SKETCH_REGISTERS] = { 0 };
	struct sketch one, two, both;

	sketch_init(&one);
	sketch_init(&two);
	sketch_init(&both);
	add_numbers(&one, 1, 600);
	add_numbers(&two, 400, 5000);
	add_numbers(&both, 1, 5000);
	cr_expect(sketch_merge(ranks, sketch_bytes(&one)));
	cr_expect(sketch_merge(ranks, sketch_bytes(&two)));
	cr_expect_eq(sketch_estimate_ranks(ranks), count(&both));
	sketch_release(&one);
	sketch_release(&two);
	sketch_release(&both);
}

Test(sketch, other_strings_are_none)
{
	cr_expect_not(sketch_is_valid(VALUE("")));
	cr_expect_not(sketch_is_valid(VALUE("HYLL")));
	cr_expect_not(sketch_is_valid(VALUE("HYLK\1\0\0\0\0\0\0\0\0\0\0\0")));
	cr_expect_not(sketch_is_valid(VALUE("HYLL\2\0\0\0\0\0\0\0\0\0\0\0")));
	cr_expect_not(sketch_is_valid(VALUE("HYLL\0\0\0\0\0\0\0\0\0\0\0\0")));
	cr_expect(sketch_is_valid(VALUE(SPARSE)));
}

static void
expect_corrupt(struct bytes value)
{
	uint8_t ranks[SKETCH_REGISTERS] = { 0 };
	struct sketch sketch;
	uint64_t counted;

	cr_expect_not(sketch_estimate(value, &counted));
	cr_expect_not(sketch_merge(ranks, value));
	sketch_copy(&sketch, value);
	cr_expect_not(sketch_make_dense(&sketch));
	cr_expect_eq(add(&sketch, 16383, 60), SKETCH_CORRUPT);
	add(&sketch, 16383, 6);
	add(&sketch, 0, 6);
	sketch_release(&sketch);
}

Test(sketch, wrong_counts_of_registers_are_found)
{
	expect_corrupt(VALUE(SPARSE));
	expect_corrupt(VALUE(SPARSE "\x7f"));
	expect_corrupt(VALUE(SPARSE "\x7f\xfe"));
	expect_corrupt(VALUE(SPARSE "\x7f\xff\x80"));
	expect_corrupt(VALUE(SPARSE "\x7f\xff\x7f\xff\xff"));
}

Test(sketch, any_bytes_are_survived)
{
	enum { ROUNDS = 20000, SIZE_MAX_ = 60 };
	char bytes[SKETCH_HEADER_SIZE + SIZE_MAX_] = SPARSE;
	struct bytes value = { bytes, 0 };
	struct sketch sketch;
	uint64_t counted;

	srand(7);
	for (int i = 0; i < ROUNDS; i++) {
		value.size = SKETCH_HEADER_SIZE + (size_t)rand() % SIZE_MAX_;
		for (size_t j = SKETCH_HEADER_SIZE; j < value.size; j++)
			bytes[j] = (char)rand();
		sketch_copy(&sketch, value);
		for (int j = 0; j < 5; j++)
			add(&sketch, rand() % SKETCH_REGISTERS,
				1 + rand() % 33);
		sketch_estimate(sketch_bytes(&sketch), &counted);
		free(sketch_describe_runs(sketch_bytes(&sketch)));
		sketch_release(&sketch);
	}
}
