/* HyperLogLog sketches; see sketch.h.
 *
 * The estimate is Otmar Ertl's, "New cardinality estimation algorithms for
 * HyperLogLog sketches", arXiv:1702.01284, section 4 (improved raw estimator).
 * Elements are hashed with Austin Appleby's MurmurHash64A. */
#include "commands/sketch.h"

#include "storage/base/memory.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ENCODING_AT = 4,
	ENCODING_DENSE = 0,
	ENCODING_SPARSE = 1,
	INDEX_BITS = 14,
	RANK_MAX = 64 - INDEX_BITS + 1, /* that hashing can give */
	RANK_BITS = 6,
	RANK_MASK = (1 << RANK_BITS) - 1,
	RANK_COUNT = 1 << RANK_BITS, /* with those of corrupt sketches */
	ZERO_RUN_MAX = 64,
	VALUE_RUN_MAX = 4,
	VALUE_RANK_MAX = 32,
	SPLIT_SIZE_MAX = 5, /* bytes: two long zero runs and a value */
	MERGE_STEPS = 5,
};

/* --- hashing --------------------------------------------------------- */

static uint64_t
read_little_endian(const unsigned char *data, size_t size)
{
	uint64_t word = 0;

	for (size_t i = size; i-- > 0;)
		word = word << 8 | data[i];
	return word;
}

static uint64_t
hash_bytes(struct bytes text)
{
	static const uint64_t seed = 0xadc83b19;
	static const uint64_t factor = 0xc6a4a7935bd1e995;
	const unsigned char *data = (const unsigned char *)text.data;
	uint64_t hash = seed ^ (text.size * factor);
	size_t left = text.size;

	for (; left >= 8; data += 8, left -= 8) {
		uint64_t word = read_little_endian(data, 8) * factor;

		word = (word ^ word >> 47) * factor;
		hash = (hash ^ word) * factor;
	}
	if (left > 0)
		hash = (hash ^ read_little_endian(data, left)) * factor;
	hash = (hash ^ hash >> 47) * factor;
	return hash ^ hash >> 47;
}

struct sketch_mark
sketch_hash(struct bytes element)
{
	uint64_t hash = hash_bytes(element);
	/* The bit behind the highest ends the longest run of zeros. */
	uint64_t rest = hash >> INDEX_BITS | 1ULL << (RANK_MAX - 1);

	return (struct sketch_mark){
		.index = hash & (SKETCH_REGISTERS - 1),
		.rank = (uint8_t)(__builtin_ctzll(rest) + 1),
	};
}

/* --- values ---------------------------------------------------------- */

bool
sketch_is_dense(struct bytes value)
{
	return value.data[ENCODING_AT] == ENCODING_DENSE;
}

bool
sketch_is_valid(struct bytes value)
{
	if (value.size < SKETCH_HEADER_SIZE ||
		memcmp(value.data, "HYLL", 4) != 0)
		return false;
	if (sketch_is_dense(value))
		return value.size == SKETCH_DENSE_SIZE;
	return value.data[ENCODING_AT] == ENCODING_SPARSE;
}

static void
reserve(struct sketch *sketch, size_t size)
{
	if (size <= sketch->capacity)
		return;
	sketch->capacity = size * 2;
	sketch->data = memory_resize(sketch->data, sketch->capacity);
}

void
sketch_copy(struct sketch *sketch, struct bytes value)
{
	*sketch = (struct sketch){ 0 };
	reserve(sketch, value.size);
	memcpy(sketch->data, value.data, value.size);
	sketch->size = value.size;
}

void
sketch_init(struct sketch *sketch)
{
	static const char empty[] = "HYLL\1\0\0\0\0\0\0\0\0\0\0\0\x7f\xff";

	sketch_copy(sketch, (struct bytes){ empty, sizeof(empty) - 1 });
}

void
sketch_release(struct sketch *sketch)
{
	free(sketch->data);
}

struct bytes
sketch_bytes(const struct sketch *sketch)
{
	return (struct bytes){ (const char *)sketch->data, sketch->size };
}

void
sketch_outdate_count(struct sketch *sketch)
{
	sketch->data[SKETCH_HEADER_SIZE - 1] |= 0x80;
}

bool
sketch_read_count(struct bytes value, uint64_t *count)
{
	const unsigned char *data = (const unsigned char *)value.data;

	*count = read_little_endian(data + SKETCH_COUNT_AT, 8);
	return *count >> 63 == 0;
}

/* --- dense registers ------------------------------------------------- */

/* The byte where a register begins, and its lowest bit there.  The last
 * register ends with its byte: none reaches behind the value. */
static size_t
dense_place(int index, int *shift)
{
	*shift = index * RANK_BITS % 8;
	return SKETCH_HEADER_SIZE + (size_t)(index * RANK_BITS / 8);
}

static uint8_t
dense_get(const unsigned char *data, int index)
{
	int shift;
	size_t at = dense_place(index, &shift);
	int bits = data[at] >> shift;

	if (shift > 8 - RANK_BITS)
		bits |= data[at + 1] << (8 - shift);
	return (uint8_t)(bits & RANK_MASK);
}

static void
dense_set(unsigned char *data, int index, uint8_t rank)
{
	int shift;
	size_t at = dense_place(index, &shift);

	data[at] &= (unsigned char)~(RANK_MASK << shift);
	data[at] |= (unsigned char)(rank << shift);
	if (shift > 8 - RANK_BITS) {
		data[at + 1] &= (unsigned char)~(RANK_MASK >> (8 - shift));
		data[at + 1] |= (unsigned char)(rank >> (8 - shift));
	}
}

static enum sketch_change
dense_add(struct sketch *sketch, struct sketch_mark mark)
{
	if (dense_get(sketch->data, mark.index) >= mark.rank)
		return SKETCH_UNCHANGED;
	dense_set(sketch->data, mark.index, mark.rank);
	return SKETCH_CHANGED;
}

/* --- sparse runs ----------------------------------------------------- */

struct run {
	int count; /* registers */
	uint8_t rank; /* of each; 0 for zeros */
	bool is_long; /* zeros in two bytes */
	size_t size; /* bytes */
};

/* The run at `at`.  One that is cut off ends with a zero byte. */
static struct run
read_run(const unsigned char *data, size_t size, size_t at)
{
	unsigned char first = data[at];
	unsigned char second = at + 1 < size ? data[at + 1] : 0;

	if (first & 0x80)
		return (struct run){ (first & 3) + 1,
			(uint8_t)((first >> 2 & 31) + 1), false, 1 };
	if (first & 0x40)
		return (struct run){ ((first & 63) << 8 | second) + 1, 0, true,
			2 };
	return (struct run){ first + 1, 0, false, 1 };
}

static unsigned char
value_run(uint8_t rank, int count)
{
	return (unsigned char)(0x80 | (rank - 1) << 2 | (count - 1));
}

/* Writes a run of 0 or more registers; returns its bytes. */
static size_t
write_run(unsigned char *data, uint8_t rank, int count)
{
	if (count == 0)
		return 0;
	if (rank > 0) {
		data[0] = value_run(rank, count);
		return 1;
	}
	if (count <= ZERO_RUN_MAX) {
		data[0] = (unsigned char)(count - 1);
		return 1;
	}
	data[0] = (unsigned char)(0x40 | (count - 1) >> 8);
	data[1] = (unsigned char)(count - 1);
	return 2;
}

/* Calls visit for each run; false when they are not of as many registers as
 * there must be. */
static bool
each_run(struct bytes value, void (*visit)(void *arg, int index, struct run),
	void *arg)
{
	const unsigned char *data = (const unsigned char *)value.data;
	size_t at = SKETCH_HEADER_SIZE;
	int index = 0;

	while (at < value.size) {
		struct run run = read_run(data, value.size, at);

		if (run.count > SKETCH_REGISTERS - index)
			return false;
		visit(arg, index, run);
		index += run.count;
		at += run.size;
	}
	return index == SKETCH_REGISTERS;
}

static void
copy_run_to_dense(void *arg, int index, struct run run)
{
	unsigned char *data = arg;

	for (int i = 0; run.rank > 0 && i < run.count; i++)
		dense_set(data, index + i, run.rank);
}

bool
sketch_make_dense(struct sketch *sketch)
{
	unsigned char *dense;

	if (sketch_is_dense(sketch_bytes(sketch)))
		return true;
	dense = memory_allocate_zeroed(1, SKETCH_DENSE_SIZE);
	memcpy(dense, sketch->data, SKETCH_HEADER_SIZE);
	dense[ENCODING_AT] = ENCODING_DENSE;
	if (!each_run(sketch_bytes(sketch), copy_run_to_dense, dense)) {
		free(dense);
		return false;
	}
	free(sketch->data);
	*sketch =
		(struct sketch){ dense, SKETCH_DENSE_SIZE, SKETCH_DENSE_SIZE };
	return true;
}

/* The run that holds a register. */
struct place {
	struct run run;
	size_t at; /* bytes from the start of the value */
	size_t previous; /* where the run before it is, or its own place */
	int first; /* its first register */
};

static bool
find_run(const struct sketch *sketch, int index, struct place *place)
{
	size_t at = SKETCH_HEADER_SIZE, previous = at;
	int first = 0;

	while (at < sketch->size) {
		struct run run = read_run(sketch->data, sketch->size, at);

		if (index < first + run.count) {
			*place = (struct place){ run, at, previous, first };
			return true;
		}
		previous = at;
		at += run.size;
		first += run.count;
	}
	return false;
}

/* What takes the run's place when one of its registers changes: what is
 * before that, the register, what is behind. */
static size_t
split_run(const struct place *place, struct sketch_mark mark,
	unsigned char split[static SPLIT_SIZE_MAX])
{
	int before = mark.index - place->first;
	int behind = place->run.count - before - 1;
	size_t size = write_run(split, place->run.rank, before);

	size += write_run(split + size, mark.rank, 1);
	return size + write_run(split + size, place->run.rank, behind);
}

/* Joins runs of one rank, a few steps from `at` on as Redis does, so that the
 * bytes are the same. */
static void
join_runs(struct sketch *sketch, size_t at)
{
	for (int i = 0; i < MERGE_STEPS && at < sketch->size; i++) {
		unsigned char *data = sketch->data;
		struct run run = read_run(data, sketch->size, at), next;

		if (run.rank > 0 && at + 1 < sketch->size) {
			next = read_run(data, sketch->size, at + 1);
			if (next.rank == run.rank &&
				run.count + next.count <= VALUE_RUN_MAX) {
				data[at + 1] = value_run(
					run.rank, run.count + next.count);
				memmove(data + at, data + at + 1,
					sketch->size - at - 1);
				sketch->size--;
				continue;
			}
		}
		at += run.size;
	}
}

static enum sketch_change
add_as_dense(struct sketch *sketch, struct sketch_mark mark)
{
	if (!sketch_make_dense(sketch))
		return SKETCH_CORRUPT;
	return dense_add(sketch, mark);
}

static enum sketch_change
sparse_add(struct sketch *sketch, struct sketch_mark mark, size_t sparse_max)
{
	unsigned char split[SPLIT_SIZE_MAX];
	struct place place;
	size_t size, old_size, behind;

	if (mark.rank > VALUE_RANK_MAX)
		return add_as_dense(sketch, mark);
	if (!find_run(sketch, mark.index, &place))
		return SKETCH_CORRUPT;
	if (place.run.rank >= mark.rank)
		return SKETCH_UNCHANGED;
	size = split_run(&place, mark, split);
	/* A run that is cut off has less than it should. */
	behind = sketch->size - place.at;
	old_size = place.run.size < behind ? place.run.size : behind;
	behind -= old_size;
	if (size > old_size && sketch->size + size - old_size > sparse_max)
		return add_as_dense(sketch, mark);
	reserve(sketch, sketch->size + SPLIT_SIZE_MAX);
	memmove(sketch->data + place.at + size,
		sketch->data + place.at + old_size, behind);
	memcpy(sketch->data + place.at, split, size);
	sketch->size += size - old_size;
	join_runs(sketch, place.previous);
	return SKETCH_CHANGED;
}

enum sketch_change
sketch_add(struct sketch *sketch, struct sketch_mark mark, size_t sparse_max)
{
	if (sketch_is_dense(sketch_bytes(sketch)))
		return dense_add(sketch, mark);
	return sparse_add(sketch, mark, sparse_max);
}

/* --- merging and estimating ------------------------------------------ */

static void
merge_run(void *arg, int index, struct run run)
{
	uint8_t *ranks = arg;

	for (int i = 0; i < run.count; i++)
		if (run.rank > ranks[index + i])
			ranks[index + i] = run.rank;
}

bool
sketch_merge(uint8_t *ranks, struct bytes value)
{
	if (!sketch_is_dense(value))
		return each_run(value, merge_run, ranks);
	for (int i = 0; i < SKETCH_REGISTERS; i++) {
		uint8_t rank = dense_get((const unsigned char *)value.data, i);

		if (rank > ranks[i])
			ranks[i] = rank;
	}
	return true;
}

/* Ertl's sigma: the share of registers at 0. */
static double
estimate_zeros(double x)
{
	double scale = 1, sum = x, former;

	if (x == 1)
		return INFINITY;
	do {
		former = sum;
		x *= x;
		sum += x * scale;
		scale += scale;
	} while (sum != former);
	return sum;
}

/* Ertl's tau: the share of registers below the highest rank. */
static double
estimate_full(double x)
{
	double scale = 1, sum = 1 - x, former;

	if (x == 0 || x == 1)
		return 0;
	do {
		former = sum;
		x = sqrt(x);
		scale *= 0.5;
		sum -= pow(1 - x, 2) * scale;
	} while (sum != former);
	return sum / 3;
}

/* From how many registers have each rank. */
static uint64_t
estimate(const int *counts)
{
	static const double half_by_ln2 = 0.721347520444481703680;
	double registers = SKETCH_REGISTERS;
	double sum = registers *
		estimate_full((registers - counts[RANK_MAX]) / registers);

	for (int rank = RANK_MAX - 1; rank >= 1; rank--)
		sum = (sum + counts[rank]) * 0.5;
	sum += registers * estimate_zeros(counts[0] / registers);
	/* Only a corrupt sketch has no rank that can be. */
	if (sum == 0)
		return 1ULL << 63;
	return (uint64_t)llroundl(half_by_ln2 * registers * registers / sum);
}

uint64_t
sketch_estimate_ranks(const uint8_t *ranks)
{
	int counts[RANK_COUNT] = { 0 };

	for (int i = 0; i < SKETCH_REGISTERS; i++)
		counts[ranks[i] & RANK_MASK]++;
	return estimate(counts);
}

static void
count_run(void *arg, int index, struct run run)
{
	int *counts = arg;

	(void)index;
	counts[run.rank] += run.count;
}

bool
sketch_estimate(struct bytes value, uint64_t *count)
{
	int counts[RANK_COUNT] = { 0 };

	if (!sketch_is_dense(value)) {
		if (!each_run(value, count_run, counts))
			return false;
	} else {
		for (int i = 0; i < SKETCH_REGISTERS; i++)
			counts[dense_get(
				(const unsigned char *)value.data, i)]++;
	}
	*count = estimate(counts);
	return true;
}

char *
sketch_describe_runs(struct bytes value)
{
	const unsigned char *data = (const unsigned char *)value.data;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert(out != NULL);
	for (size_t at = SKETCH_HEADER_SIZE; at < value.size;) {
		struct run run = read_run(data, value.size, at);

		if (at > SKETCH_HEADER_SIZE)
			fputc(' ', out);
		if (run.rank > 0)
			fprintf(out, "v:%d,%d", run.rank, run.count);
		else
			fprintf(out, "%c:%d", run.is_long ? 'Z' : 'z',
				run.count);
		at += run.size;
	}
	fclose(out);
	return text;
}
