/* What the files of the string family share: their handlers, named here for
 * the rows in strings.c, and a few replies. */
#ifndef COMMANDS_STRINGS_H
#define COMMANDS_STRINGS_H

#include "storage/base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

struct call;
struct request;
struct result;

/* Binds the two columns of a string's value: bytea and int8, one of them NULL.
 * `value` is borrowed until the continuation. */
void strings_bind_value(struct call *call, struct bytes value);

/* Writes the bytes in `column`; large ones are lent from the result's rows. */
void strings_reply_bytes(struct request *request, const struct result *result,
	int row, int column);

/* Continuations that answer and finish.  The result has one row whose first
 * column is an error text or NULL; the second is the answer: bytes or null,
 * and an integer. */
void strings_reply_value_or_error(void *arg, const struct result *result);
void strings_reply_integer_or_error(void *arg, const struct result *result);

/* Counts a look-up for INFO. */
void strings_count_lookup(struct request *request, bool found);

/* strings_set.c */
void cmd_getset(struct request *request);
void cmd_mset(struct request *request);
void cmd_msetnx(struct request *request);
void cmd_psetex(struct request *request);
void cmd_set(struct request *request);
void cmd_setex(struct request *request);
void cmd_setnx(struct request *request);
int strings_set_find_keys(const struct bytes *argv, int argc, int *indices,
	uint32_t *access, int capacity);

/* strings_number.c */
void cmd_decr(struct request *request);
void cmd_decrby(struct request *request);
void cmd_incr(struct request *request);
void cmd_incrby(struct request *request);
void cmd_incrbyfloat(struct request *request);

/* strings_lcs.c */
void cmd_lcs(struct request *request);

#endif
