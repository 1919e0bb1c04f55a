/* Numbers that stand in payloads.
 *
 * Names and values: redis 7.0.15 rdb.h.  A payload is
 *
 *	type (1 byte) | value | version (2 bytes) | CRC-64 of all before (8 bytes)
 *
 * with version and CRC-64 in little endian. */
#ifndef COMMANDS_RDB_FORMAT_H
#define COMMANDS_RDB_FORMAT_H

enum {
	RDB_VERSION = 10, /* Redis 7.0's; what is newer is refused */
	RDB_VERSION_SIZE = 2,
	RDB_CHECKSUM_SIZE = 8,
	RDB_FOOTER_SIZE = RDB_VERSION_SIZE + RDB_CHECKSUM_SIZE,
};

/* The type byte: how the value is encoded. */
enum rdb_encoding {
	RDB_ENCODING_STRING = 0,
	RDB_ENCODING_LIST = 1,
	RDB_ENCODING_SET = 2,
	RDB_ENCODING_ZSET = 3, /* scores as text */
	RDB_ENCODING_HASH = 4,
	RDB_ENCODING_ZSET_2 = 5, /* scores as doubles */
	RDB_ENCODING_MODULE = 6,
	RDB_ENCODING_MODULE_2 = 7,
	RDB_ENCODING_HASH_ZIPMAP = 9,
	RDB_ENCODING_LIST_ZIPLIST = 10,
	RDB_ENCODING_SET_INTSET = 11,
	RDB_ENCODING_ZSET_ZIPLIST = 12,
	RDB_ENCODING_HASH_ZIPLIST = 13,
	RDB_ENCODING_LIST_QUICKLIST = 14, /* nodes are ziplists */
	RDB_ENCODING_STREAM_LISTPACKS = 15,
	RDB_ENCODING_HASH_LISTPACK = 16,
	RDB_ENCODING_ZSET_LISTPACK = 17,
	RDB_ENCODING_LIST_QUICKLIST_2 = 18, /* nodes are listpacks or plain */
	RDB_ENCODING_STREAM_LISTPACKS_2 = 19, /* with counts and tombstone */
};

/* A length begins with a byte whose upper two bits say how it goes on. */
enum {
	RDB_LENGTH_6_BITS = 0,
	RDB_LENGTH_14_BITS = 1,
	RDB_LENGTH_SPECIAL = 3, /* no length, but how a string is encoded */
	RDB_LENGTH_32_BITS = 0x80, /* whole bytes from here */
	RDB_LENGTH_64_BITS = 0x81,
};

/* The other six bits after RDB_LENGTH_SPECIAL. */
enum {
	RDB_STRING_INT8 = 0,
	RDB_STRING_INT16 = 1,
	RDB_STRING_INT32 = 2,
	RDB_STRING_LZF = 3,
};

/* Length bytes of a score as text that stand for a score themselves. */
enum {
	RDB_SCORE_NAN = 253,
	RDB_SCORE_INFINITY = 254,
	RDB_SCORE_MINUS_INFINITY = 255,
};

/* What a node of a quicklist is. */
enum {
	RDB_NODE_PLAIN = 1, /* one item as it is */
	RDB_NODE_PACKED = 2, /* a listpack */
};

/* Flags of an entry in a stream's listpack. */
enum {
	RDB_ENTRY_DELETED = 1,
	RDB_ENTRY_SAME_FIELDS = 2, /* as the listpack's master entry */
};

enum { RDB_STREAM_ID_SIZE = 16 }; /* two 64-bit numbers in big endian */

#endif
