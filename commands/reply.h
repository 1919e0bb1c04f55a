/* Encodes replies as RESP2 or RESP3.
 *
 * RESP is decoded in proxy/, where the bytes arrive, and encoded here, because
 * handlers write replies: the one asymmetry of the layers.
 *
 * A reply is a growing run of bytes, kept by its request until its turn in the
 * connection's order of answers.  Large values can be lent instead of copied.
 * Where RESP2 lacks a type, the functions write what Redis writes instead
 * (a map as a flat array, a double as a bulk string, and so on).
 * Source: https://github.com/redis/redis-specifications/blob/master/protocol/RESP3.md */
#ifndef COMMANDS_REPLY_H
#define COMMANDS_REPLY_H

#include "storage/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct evbuffer;

enum { REPLY_INLINE_SIZE = 128 };

struct reply {
	int protocol; /* 2 or 3 */
	bool is_error; /* its first element is an error */
	char *data; /* points to `space` until it outgrows it */
	size_t size, capacity;
	struct evbuffer *earlier; /* full or lent parts that precede data */
	char space[REPLY_INLINE_SIZE];
};

void reply_init(struct reply *reply, int protocol);
void reply_release(struct reply *reply);
/* Moves everything written so far to the end of `output` and empties it. */
void reply_drain(struct reply *reply, struct evbuffer *output);
/* Bytes written and not yet drained. */
size_t reply_size(const struct reply *reply);

void reply_simple(struct reply *reply, const char *text); /* +text */
/* -text; `text` starts with the code, as in "ERR syntax error".  CR and LF in
 * it become spaces. */
void reply_error(struct reply *reply, const char *text);
void reply_errorf(struct reply *reply, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void reply_integer(struct reply *reply, int64_t value);
void reply_bulk(struct reply *reply, struct bytes value);
void reply_bulk_text(struct reply *reply, const char *text);
void reply_bulk_integer(struct reply *reply, int64_t value);
/* Like reply_bulk, without a copy: `value` stays valid until release(arg) is
 * called, from this thread. */
void reply_bulk_lent(struct reply *reply, struct bytes value,
	void (*release)(void *arg), void *arg);
/* Redis' number format: %.17g, inf, -inf; RESP3 double, RESP2 bulk. */
void reply_double(struct reply *reply, double value);
void reply_bool(struct reply *reply, bool value);
void reply_big_number(struct reply *reply, const char *digits);
/* RESP3 verbatim string; `format` is three letters, "txt" or "mkd". */
void reply_verbatim(
	struct reply *reply, const char *format, struct bytes value);
void reply_null(struct reply *reply); /* _ or $-1 */
void reply_null_array(struct reply *reply); /* _ or *-1 */
/* Headers; the elements follow.  For a map and an attribute `pairs` counts
 * key/value pairs. */
void reply_array(struct reply *reply, size_t count);
void reply_map(struct reply *reply, size_t pairs);
void reply_set(struct reply *reply, size_t count);
void reply_push(struct reply *reply, size_t count);
void reply_attribute(struct reply *reply, size_t pairs); /* RESP3 only */
/* Bytes that are already RESP. */
void reply_raw(struct reply *reply, struct bytes resp);

#endif
