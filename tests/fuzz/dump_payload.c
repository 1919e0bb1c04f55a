/* Fuzz target: any payload of DUMP is read or refused without a fault and
 * within its memory; and what was read is written such that it is read as the
 * same again. */
#include "commands/rdb_format.h"
#include "commands/rdb_read.h"
#include "commands/rdb_write.h"
#include "storage/base/bytes.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MEMORY_MAX = 64 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool condition)
{
	if (!condition)
		abort();
}

static struct rdb_value *
read_back(struct bytes payload)
{
	struct rdb_read_options options = { .memory_max = SIZE_MAX };
	struct rdb_value *value;

	require(rdb_read(payload, &options, &value) == RDB_READ_OK);
	return value;
}

/* Writes the value by small or usual limits, reads that, and writes it again:
 * both must be the same bytes, which they are without compression only. */
static void
write_and_read(struct rdb_value *value, struct rdb_write_options options)
{
	struct rdb_value *again;
	size_t size, size_again;
	char *written = rdb_write(value, &options, &size), *written_again;

	require(written != NULL);
	again = read_back((struct bytes){ written, size });
	written_again = rdb_write(again, &options, &size_again);
	if (!options.compress)
		require(size == size_again &&
			memcmp(written, written_again, size) == 0);
	free(written);
	free(written_again);
	rdb_value_free(again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rdb_read_options options = { .ignore_checksum = true,
		.memory_max = MEMORY_MAX };
	struct rdb_write_options plain = rdb_write_defaults;
	struct rdb_write_options small = { .list_node_size = 2,
		.stream_node_size_max = 100,
		.stream_node_entries_max = 2 };
	struct bytes payload = { (const char *)data, size };
	struct rdb_value *value;

	if (rdb_read(payload, &options, &value) != RDB_READ_OK)
		return 0;
	plain.compress = false;
	write_and_read(value, plain);
	write_and_read(value, small);
	write_and_read(value, rdb_write_defaults);
	rdb_value_free(value);
	return 0;
}
