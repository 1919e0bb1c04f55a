/* Writes listpacks; rdb_packed.h reads them.
 *
 * The form (redis 7.0.15 listpack.c):
 *
 *	size of all (4) | count (2) | elements | 255
 *
 * in little endian; a count of 65535 means unknown.  An element is
 *
 *	kind and number or length | string | size of both, readable backwards
 */
#ifndef COMMANDS_RDB_LISTPACK_H
#define COMMANDS_RDB_LISTPACK_H

#include "commands/rdb_sink.h"
#include "storage/base/bytes.h"

#include <stddef.h>
#include <stdint.h>

enum {
	RDB_LISTPACK_HEAD_SIZE = 6,
	RDB_LISTPACK_END_SIZE = 1,
	RDB_LISTPACK_TERMINATOR = 255,
	RDB_LISTPACK_COUNT_UNKNOWN = 65535,
};

/* The first byte of an element. */
enum {
	RDB_LISTPACK_NUMBER_7 = 0x00, /* 0xxxxxxx: an unsigned number */
	RDB_LISTPACK_STRING_6 = 0x80, /* 10xxxxxx: length */
	RDB_LISTPACK_NUMBER_13 = 0xc0, /* 110xxxxx and a byte */
	RDB_LISTPACK_STRING_12 = 0xe0, /* 1110xxxx and a byte: length */
	RDB_LISTPACK_STRING_32 = 0xf0, /* and 4 bytes: length */
	RDB_LISTPACK_NUMBER_16 = 0xf1, /* and the number */
	RDB_LISTPACK_NUMBER_24 = 0xf2,
	RDB_LISTPACK_NUMBER_32 = 0xf3,
	RDB_LISTPACK_NUMBER_64 = 0xf4,
};

/* Bytes that the size at an element's end takes. */
size_t rdb_listpack_back_size(uint64_t size);

/* Writes a listpack's head into an empty sink, then its elements, and its end.
 * Only rdb_listpack_end() makes it a sound listpack. */
void rdb_listpack_begin(struct rdb_sink *sink);
void rdb_listpack_add_number(struct rdb_sink *sink, int64_t number);
/* A text in the one spelling of a number is kept as a number. */
void rdb_listpack_add(struct rdb_sink *sink, struct bytes text);
void rdb_listpack_end(struct rdb_sink *sink, size_t count);

/* Bytes that the number takes as an element. */
size_t rdb_listpack_number_size(int64_t number);
/* Bytes of the listpack so far, had it been ended. */
size_t rdb_listpack_size(const struct rdb_sink *sink);

#endif
