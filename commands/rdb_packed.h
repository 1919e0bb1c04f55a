/* Reads the four packed forms in which Redis keeps small collections:
 * listpack, ziplist, zipmap and intset.
 *
 * All are walked alike: one is opened with its form's function, which checks
 * the head, and then rdb_packed_next() gives an element at a time and checks
 * it.  The element before RDB_PACKED_END is only to be trusted after
 * RDB_PACKED_END, which says that all is sound.  A zipmap gives its fields and
 * values in turn. */
#ifndef COMMANDS_RDB_PACKED_H
#define COMMANDS_RDB_PACKED_H

#include "commands/rdb_arena.h"
#include "storage/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rdb_packed_step {
	RDB_PACKED_ELEMENT,
	RDB_PACKED_END,
	RDB_PACKED_BROKEN,
};

/* An element is kept as a number or as bytes of the packed form. */
struct rdb_element {
	bool is_number;
	int64_t number;
	struct bytes text;
};

struct rdb_packed {
	const uint8_t *start; /* of the first element */
	const uint8_t *at;
	const uint8_t *end; /* behind the last element */
	size_t count; /* elements given so far */
	size_t announced; /* by the head; SIZE_MAX when it does not know */
	enum rdb_packed_step (*next)(
		struct rdb_packed *packed, struct rdb_element *element);
	union {
		struct {
			uint32_t tail_offset; /* of the last from the first */
			size_t previous_size; /* of the element given last */
		} ziplist;
		struct {
			size_t width; /* of a number, in bytes */
			int64_t previous; /* number; they ascend */
		} intset;
	};
};

/* Each returns false when the head is not sound. */
bool rdb_listpack_open(struct rdb_packed *packed, struct bytes raw);
bool rdb_ziplist_open(struct rdb_packed *packed, struct bytes raw);
bool rdb_zipmap_open(struct rdb_packed *packed, struct bytes raw);
bool rdb_intset_open(struct rdb_packed *packed, struct bytes raw);

static inline enum rdb_packed_step
rdb_packed_next(struct rdb_packed *packed, struct rdb_element *element)
{
	return packed->next(packed, element);
}

/* The element as bytes; a number's digits are put into the arena.  False when
 * that is exhausted. */
bool rdb_element_text(const struct rdb_element *element,
	struct rdb_arena *arena, struct bytes *text);

#endif
