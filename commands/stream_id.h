/* IDs of stream entries: two unsigned numbers, milliseconds and a sequence
 * number, written "5-1".
 *
 * PostgreSQL keeps them as 16 bytes, each number big-endian, so that the order
 * of bytes is theirs. */
#ifndef COMMANDS_STREAM_ID_H
#define COMMANDS_STREAM_ID_H

#include "storage/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stream_id {
	uint64_t ms, seq;
};

enum {
	STREAM_ID_SIZE = 16, /* encoded */
	STREAM_ID_TEXT_SIZE = 42, /* printed, with its NUL */
};

#define STREAM_ID_MIN ((struct stream_id){ 0, 0 })
#define STREAM_ID_MAX ((struct stream_id){ UINT64_MAX, UINT64_MAX })

/* "ms-seq", or "ms" with `missing_seq`; a number is what strtoull() takes, as
 * in Redis.  On failure returns false and leaves `id`. */
bool stream_id_parse(
	struct bytes text, uint64_t missing_seq, struct stream_id *id);
/* Also "-" and "+", the least and the greatest ID. */
bool stream_id_parse_bound(
	struct bytes text, uint64_t missing_seq, struct stream_id *id);
/* Also "ms-*": `has_seq` is false then. */
bool stream_id_parse_new(
	struct bytes text, struct stream_id *id, bool *has_seq);

/* Less than, equal to or greater than 0, as memcmp(). */
int stream_id_compare(struct stream_id a, struct stream_id b);

/* The next ID and the one before; false, and `id` is left, when there is
 * none. */
bool stream_id_increment(struct stream_id *id);
bool stream_id_decrement(struct stream_id *id);

/* Returns the size without the NUL it appends. */
size_t stream_id_print(
	char buffer[static STREAM_ID_TEXT_SIZE], struct stream_id id);

void stream_id_encode(char buffer[static STREAM_ID_SIZE], struct stream_id id);
/* `encoded` has STREAM_ID_SIZE bytes. */
struct stream_id stream_id_decode(struct bytes encoded);

#endif
