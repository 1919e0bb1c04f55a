/* Pages of a snapshot's keys, and indexes of pages.
 *
 * A page is entries in the order of their keys, little endian:
 *
 *	key        size (4), bytes
 *	type       one byte: s l t z h x
 *	expiry     milliseconds since 1970 (8), 0: none
 *	payload    size (4) and bytes; or 2^32 - 1, the size (8), SHA-256 (32)
 *	           and in how many pieces (4) it is stored, which are the next
 *	           ones that the chunk refers to
 *
 * A payload is the size (4) and bytes of when fields of a hash expire, and then
 * DUMP's without its footer.  A field is milliseconds since 1970 (8), size (4)
 * and bytes of its name.
 *
 * An index has for each page, which is the next one that the chunk refers to,
 * the size (4) and bytes of its first key and the count (4) of its keys. */
#ifndef COMMANDS_SNAPSHOT_PAGE_H
#define COMMANDS_SNAPSHOT_PAGE_H

#include "commands/rdb_sink.h"
#include "storage/base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	/* A larger payload is stored in pieces. */
	SNAPSHOT_INLINE_MAX = 4 << 10,
	SNAPSHOT_KEY_MAX = 512 << 10,
};

struct snapshot_entry {
	struct bytes key;
	char type;
	int64_t expires_at; /* 0: never */
	bool in_pieces;
	struct bytes payload; /* unless in pieces */
	uint64_t payload_size;
	struct bytes digest, pieces; /* if in pieces; hashes */
};

void snapshot_page_add(
	struct rdb_sink *page, const struct snapshot_entry *entry);

/* Reads entries out of bytes that may be anything. */
struct snapshot_page {
	const char *at, *end;
	struct bytes refs; /* those not met yet */
	bool bad; /* what is here is no page */
};

void snapshot_page_open(
	struct snapshot_page *page, struct bytes raw, struct bytes refs);
/* False at the end, or when the page is bad. */
bool snapshot_page_next(
	struct snapshot_page *page, struct snapshot_entry *entry);

struct snapshot_index_entry {
	struct bytes first_key;
	uint32_t key_count;
	struct bytes hash;
};

void snapshot_index_add(
	struct rdb_sink *index, struct bytes first_key, uint32_t key_count);
bool snapshot_index_next(
	struct snapshot_page *index, struct snapshot_index_entry *entry);

/* Splits a payload; false when it is none. */
bool snapshot_payload_split(
	struct bytes payload, struct bytes *fields, struct bytes *dumped);
/* Fields that expire, opened like a page. */
void snapshot_fields_add(
	struct rdb_sink *fields, struct bytes field, int64_t expires_at);
bool snapshot_fields_next(
	struct snapshot_page *fields, struct bytes *field, int64_t *expires_at);

#endif
