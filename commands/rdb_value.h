/* A value of any type as DUMP's payloads carry it, independent of their
 * encodings and of PostgreSQL.
 *
 * rdb_read() makes one from a payload and rdb_write() a payload from one.  The
 * arrays live in the value's arena; their bytes may also belong to whatever
 * the value was made from (a payload, a result), which then has to outlive
 * it. */
#ifndef COMMANDS_RDB_VALUE_H
#define COMMANDS_RDB_VALUE_H

#include "commands/rdb_arena.h"
#include "storage/base/bytes.h"

#include <stddef.h>
#include <stdint.h>

enum rdb_type {
	RDB_STRING,
	RDB_LIST,
	RDB_SET,
	RDB_SORTED_SET,
	RDB_HASH,
	RDB_STREAM,
};

enum {
	RDB_NO_EXPIRY = -1, /* of a hash's field */
	RDB_UNKNOWN_COUNT = -1, /* entries that a group has read */
};

struct rdb_list {
	struct bytes *items;
	size_t count;
};

struct rdb_set {
	struct bytes *members; /* all different */
	size_t count;
};

struct rdb_scored_member {
	struct bytes member;
	double score; /* never NaN */
};

struct rdb_sorted_set {
	struct rdb_scored_member *members; /* all different, in any order */
	size_t count;
};

struct rdb_field {
	struct bytes field, value;
	int64_t expires_at; /* ms of the Unix time, or RDB_NO_EXPIRY */
};

struct rdb_hash {
	struct rdb_field *fields; /* all different */
	size_t count;
};

struct rdb_stream_id {
	uint64_t ms, seq;
};

struct rdb_entry {
	struct rdb_stream_id id;
	struct bytes *pairs; /* field, value, field, value, ... */
	size_t pair_count;
	size_t node; /* of which listpack it came, from 0 */
};

struct rdb_consumer {
	struct bytes name;
	int64_t seen_at; /* ms of the Unix time */
};

/* An entry that was delivered and not acknowledged. */
struct rdb_pending {
	struct rdb_stream_id id;
	int64_t delivered_at; /* ms of the Unix time */
	uint64_t delivery_count;
	size_t consumer; /* index among the group's consumers */
};

struct rdb_group {
	struct bytes name;
	struct rdb_stream_id last_id; /* the last one delivered */
	int64_t entries_read; /* or RDB_UNKNOWN_COUNT */
	struct rdb_consumer *consumers; /* all different */
	size_t consumer_count;
	struct rdb_pending *pending; /* ids ascend */
	size_t pending_count;
};

struct rdb_stream {
	struct rdb_entry *entries; /* ids ascend */
	size_t entry_count;
	struct rdb_stream_id last_id; /* not less than any entry's */
	struct rdb_stream_id max_deleted_id;
	uint64_t entries_added; /* ever */
	struct rdb_group *groups; /* all different */
	size_t group_count;
};

struct rdb_value {
	enum rdb_type type;
	union {
		struct bytes string;
		struct rdb_list list;
		struct rdb_set set;
		struct rdb_sorted_set sorted_set;
		struct rdb_hash hash;
		struct rdb_stream stream;
	};
	struct rdb_arena arena;
};

/* An empty string, whose arena holds at most `memory_max` bytes. */
struct rdb_value *rdb_value_new(size_t memory_max);
void rdb_value_free(struct rdb_value *value); /* may be NULL */

/* Less than, equal to or greater than 0, as a is to b. */
int rdb_stream_id_compare(struct rdb_stream_id a, struct rdb_stream_id b);

#endif
