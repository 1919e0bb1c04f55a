/* Values of captured keys; see snapshot_reading.h. */
#include "commands/snapshot_reading.h"

#include "commands/rdb_source.h"
#include "commands/rdb_read.h"
#include "commands/rdb_value.h"

#include <stddef.h>

/* What a value may take in memory; see rdb_read_options. */
enum { MEMORY_MIN = 1 << 20, MEMORY_PER_BYTE = 200 };

/* The fields come in the order of the hash. */
static bool
set_expiries(struct rdb_value *value, struct bytes fields)
{
	struct snapshot_page page;
	struct bytes name;
	int64_t expires_at;
	size_t at = 0;

	snapshot_page_open(&page, fields, (struct bytes){ 0 });
	while (snapshot_fields_next(&page, &name, &expires_at)) {
		if (value->type != RDB_HASH || expires_at < 0)
			return false;
		while (at < value->hash.count &&
			!bytes_equal(value->hash.fields[at].field, name))
			at++;
		if (at == value->hash.count)
			return false;
		value->hash.fields[at++].expires_at = expires_at;
	}
	return !page.bad;
}

struct rdb_value *
snapshot_payload_read(struct bytes payload, struct snapshot_error *error)
{
	struct rdb_value *value;
	struct rdb_source source;
	struct bytes fields, dumped;

	if (snapshot_payload_split(payload, &fields, &dumped)) {
		value = rdb_value_new(
			MEMORY_MIN + payload.size * MEMORY_PER_BYTE);
		rdb_source_init(&source, dumped, &value->arena);
		if (rdb_read_value(&source, value) && source.at == source.end &&
			set_expiries(value, fields))
			return value;
		rdb_value_free(value);
	}
	snapshot_error_set(
		error, "ERR the snapshot is damaged: a value cannot be read");
	return NULL;
}

int64_t
snapshot_entry_ttl(const struct snapshot_reading *reading,
	const struct snapshot_entry *entry)
{
	if (entry->expires_at == 0)
		return -1;
	return entry->expires_at > reading->created_at ?
		entry->expires_at - reading->created_at :
		0;
}
