/* HyperLogLog sketches: counting distinct elements approximately, in the bytes
 * that Redis 7.0 uses, so that values can go both ways.
 *
 * A sketch is a header of 16 bytes and 16384 registers, each the highest rank
 * (length of a run of zeros in an element's hash, plus one) seen:
 *
 *	"HYLL" | encoding | 3 unused | count, 8 bytes little endian
 *
 * The count is what was computed last; its highest bit set means that the
 * registers have changed since.  Dense registers have 6 bits each, from the
 * lowest bit of the first byte on.  Sparse ones are runs:
 *
 *	00nnnnnn           n + 1 registers of 0
 *	01nnnnnn nnnnnnnn  n + 1 registers of 0
 *	1rrrrrnn           n + 1 registers of r + 1
 *
 * Values come from clients and may be corrupt: no function trusts them. */
#ifndef COMMANDS_SKETCH_H
#define COMMANDS_SKETCH_H

#include "storage/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SKETCH_REGISTERS = 1 << 14,
	SKETCH_HEADER_SIZE = 16,
	SKETCH_COUNT_AT = 8, /* where the count stands in the header */
	SKETCH_DENSE_SIZE = SKETCH_HEADER_SIZE + SKETCH_REGISTERS * 6 / 8,
};

/* A copy that grows. */
struct sketch {
	unsigned char *data;
	size_t size, capacity;
};

/* What one element does: raises a register to a rank, if it is lower. */
struct sketch_mark {
	uint16_t index;
	uint8_t rank;
};

enum sketch_change { SKETCH_UNCHANGED, SKETCH_CHANGED, SKETCH_CORRUPT };

/* Whether header and size are those of a sketch; its runs may be corrupt all
 * the same.  The functions below want such values. */
bool sketch_is_valid(struct bytes value);
bool sketch_is_dense(struct bytes value);

/* An empty sketch, sparse, with a count of 0; released with sketch_release(),
 * as is a copy. */
void sketch_init(struct sketch *sketch);
void sketch_copy(struct sketch *sketch, struct bytes value);
void sketch_release(struct sketch *sketch);
struct bytes sketch_bytes(const struct sketch *sketch);

struct sketch_mark sketch_hash(struct bytes element);
/* Becomes dense when it would grow beyond `sparse_max` bytes, or for a rank
 * that sparse registers cannot hold.  When corrupt it is half done. */
enum sketch_change sketch_add(
	struct sketch *sketch, struct sketch_mark mark, size_t sparse_max);
/* False when it is corrupt. */
bool sketch_make_dense(struct sketch *sketch);
/* Says that the registers have changed since the count was taken. */
void sketch_outdate_count(struct sketch *sketch);

/* The count in the header; false when it is out of date. */
bool sketch_read_count(struct bytes value, uint64_t *count);
/* Estimates the count; false when the sketch is corrupt. */
bool sketch_estimate(struct bytes value, uint64_t *count);

/* Raises each of SKETCH_REGISTERS ranks to the sketch's; false when that is
 * corrupt. */
bool sketch_merge(uint8_t *ranks, struct bytes value);
uint64_t sketch_estimate_ranks(const uint8_t *ranks);

/* The runs as a text like "Z:100 v:3,2 z:7"; released with free(). */
char *sketch_describe_runs(struct bytes value);

#endif
