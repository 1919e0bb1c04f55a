/* From a payload of DUMP to a value.
 *
 * Accepts what Redis 7.0 and older have written, in every encoding, and checks
 * it as Redis does with `sanitize-dump-payload yes`.  It is stricter in what no
 * Redis writes: streams whose ids do not ascend up to their last id, whose
 * entries have no field, or whose listpacks are wrong about their size, scores that are no number, a value that
 * reaches into the footer.  As in Redis, bytes
 * between the value and the footer do no harm, and a module's value is bad data
 * where the module is not loaded. */
#ifndef COMMANDS_RDB_READ_H
#define COMMANDS_RDB_READ_H

#include "commands/rdb_source.h"
#include "commands/rdb_value.h"
#include "storage/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>

enum rdb_read_status {
	RDB_READ_OK,
	RDB_READ_WRONG_FOOTER, /* version or checksum */
	RDB_READ_BAD_DATA,
	RDB_READ_TOO_LARGE, /* would take more than memory_max */
};

struct rdb_read_options {
	bool ignore_checksum;
	/* Bytes that the value may take besides the payload.  It takes up to
	 * 50 times the payload's size for small elements, and for compressed
	 * ones 88 times as much again. */
	size_t memory_max;
};

/* Whether version and checksum are those of a payload that can be read. */
bool rdb_footer_is_valid(struct bytes payload, bool ignore_checksum);

/* On RDB_READ_OK `*value` is the payload's, which must outlive it; released
 * with rdb_value_free().  Otherwise it is NULL. */
enum rdb_read_status rdb_read(struct bytes payload,
	const struct rdb_read_options *options, struct rdb_value **value);

/* Reads a value without footer, beginning with its type, into an empty value,
 * and leaves `source` behind it.  The source's arena is the value's.  Returns
 * false when the data are bad or the arena is exhausted. */
bool rdb_read_value(struct rdb_source *source, struct rdb_value *value);

#endif
