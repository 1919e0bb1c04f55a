/* From a value to a payload of DUMP, as Redis 7.0 writes and reads them.
 *
 * Below Redis' thresholds a collection becomes a listpack or intset, and above
 * a plain list of elements; the bytes are Redis' own, save for compressed
 * strings and streams in which entries were deleted.  The format has no place
 * for the expiry of a hash's fields: it is left out. */
#ifndef COMMANDS_RDB_WRITE_H
#define COMMANDS_RDB_WRITE_H

#include "commands/rdb_value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Redis' settings; each `_max` is the last that is packed. */
struct rdb_write_options {
	bool compress; /* rdbcompression */
	int list_node_size; /* list-max-listpack-size */
	size_t set_members_max; /* set-max-intset-entries */
	size_t sorted_set_members_max; /* zset-max-listpack-entries */
	size_t sorted_set_member_size_max; /* zset-max-listpack-value */
	size_t hash_fields_max; /* hash-max-listpack-entries */
	size_t hash_field_size_max; /* hash-max-listpack-value */
	size_t stream_node_size_max; /* stream-node-max-bytes, 0: none */
	size_t stream_node_entries_max; /* stream-node-max-entries, 0: none */
};

/* What Redis does without a configuration. */
extern const struct rdb_write_options rdb_write_defaults;

/* The payload, to be freed.  A sorted set's members may be put in order.  NULL
 * when no payload can hold it: an entry of a stream that is over 1 GB. */
char *rdb_write(struct rdb_value *value,
	const struct rdb_write_options *options, size_t *size);

#endif
