/* Fuzz target: anything given to SNAPSHOT IMPORT is read or refused without a
 * fault, and so are the pages and values in it.  The checksum at the end is made
 * right, or nothing behind it would be reached. */
#include "commands/rdb_value.h"
#include "commands/snapshot_chunk.h"
#include "commands/snapshot_page.h"
#include "commands/snapshot_portable.h"
#include "commands/snapshot_reading.h"
#include "storage/base/bytes.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_page(struct bytes raw, struct bytes refs)
{
	struct snapshot_page page;
	struct snapshot_entry entry;
	struct snapshot_index_entry index_entry;

	snapshot_page_open(&page, raw, refs);
	while (snapshot_page_next(&page, &entry)) {
		struct snapshot_error error = { "" };

		if (!entry.in_pieces)
			rdb_value_free(
				snapshot_payload_read(entry.payload, &error));
	}
	snapshot_page_open(&page, raw, refs);
	while (snapshot_index_next(&page, &index_entry))
		continue;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct portable portable;
	struct portable_chunk chunk;
	struct bytes checked = { (const char *)data, size };
	char *blob = malloc(size + SNAPSHOT_HASH_SIZE);
	bool bad;

	read_page(checked, (struct bytes){ 0 });
	memcpy(blob, data, size);
	snapshot_digest(&checked, 1, blob + size);
	if (portable_read((struct bytes){ blob, size + SNAPSHOT_HASH_SIZE },
		    &portable) == PORTABLE_OK)
		while (portable_next_chunk(&portable.chunks, &chunk, &bad)) {
			read_page(chunk.raw, chunk.refs);
			free(chunk.memory);
		}
	free(blob);
	return 0;
}
