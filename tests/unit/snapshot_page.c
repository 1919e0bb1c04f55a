/* Pages and indexes of snapshots, and snapshots in one blob. */
#include "commands/snapshot_page.h"

#include "commands/snapshot_chunk.h"
#include "commands/snapshot_portable.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static char digest[] = "0123456789abcdef0123456789ABCDEF";

static void
add_entries(struct rdb_sink *page)
{
	struct snapshot_entry plain = { .key = { "a\0b", 3 },
		.type = 's',
		.expires_at = 17,
		.payload = bytes_of("payload") };
	struct snapshot_entry cut = { .key = bytes_of("c"),
		.type = 'h',
		.in_pieces = true,
		.payload_size = UINT64_C(1) << 33,
		.digest = { digest, SNAPSHOT_HASH_SIZE },
		.pieces = { digest, SNAPSHOT_HASH_SIZE } };

	snapshot_page_add(page, &plain);
	snapshot_page_add(page, &cut);
}

Test(snapshot_page, is_read_as_it_was_written)
{
	struct rdb_sink sink = { 0 };
	struct snapshot_page page;
	struct snapshot_entry entry;

	add_entries(&sink);
	snapshot_page_open(&page, rdb_sink_written(&sink),
		(struct bytes){ digest, SNAPSHOT_HASH_SIZE });
	cr_assert(snapshot_page_next(&page, &entry));
	cr_expect(bytes_equal(entry.key, (struct bytes){ "a\0b", 3 }));
	cr_expect_eq(entry.type, 's');
	cr_expect_eq(entry.expires_at, 17);
	cr_expect_not(entry.in_pieces);
	cr_expect(bytes_equal(entry.payload, bytes_of("payload")));
	cr_assert(snapshot_page_next(&page, &entry));
	cr_expect(entry.in_pieces);
	cr_expect_eq(entry.payload_size, UINT64_C(1) << 33);
	cr_expect_eq(memcmp(entry.pieces.data, digest, SNAPSHOT_HASH_SIZE), 0);
	cr_expect_not(snapshot_page_next(&page, &entry));
	cr_expect_not(page.bad);
	rdb_sink_release(&sink);
}

/* Whatever is missing is noticed. */
Test(snapshot_page, that_is_cut_is_bad)
{
	struct rdb_sink sink = { 0 };
	struct snapshot_page page;
	struct snapshot_entry entry;
	int sound = 0;

	add_entries(&sink);
	for (size_t size = 0; size < sink.size; size++) {
		/* In memory of its own, so that reading beyond it shows. */
		char *copy = malloc(size + 1);

		memcpy(copy, sink.data, size);
		snapshot_page_open(&page, (struct bytes){ copy, size },
			(struct bytes){ digest, SNAPSHOT_HASH_SIZE });
		while (snapshot_page_next(&page, &entry))
			continue;
		sound += !page.bad;
		free(copy);
	}
	/* Even an empty one, as what it refers to is left over. */
	cr_expect_eq(sound, 0);
	snapshot_page_open(&page, rdb_sink_written(&sink), (struct bytes){ 0 });
	while (snapshot_page_next(&page, &entry))
		continue;
	cr_expect(page.bad);
	rdb_sink_release(&sink);
}

Test(snapshot_page, indexes_and_fields)
{
	struct rdb_sink sink = { 0 };
	struct snapshot_page page;
	struct snapshot_index_entry entry;
	struct bytes field;
	int64_t expires_at;

	snapshot_index_add(&sink, bytes_of("first"), 7);
	snapshot_page_open(&page, rdb_sink_written(&sink),
		(struct bytes){ digest, SNAPSHOT_HASH_SIZE });
	cr_assert(snapshot_index_next(&page, &entry));
	cr_expect(bytes_equal(entry.first_key, bytes_of("first")));
	cr_expect_eq(entry.key_count, 7);
	cr_expect_not(snapshot_index_next(&page, &entry));
	cr_expect_not(page.bad);
	snapshot_page_open(&page, rdb_sink_written(&sink), (struct bytes){ 0 });
	cr_expect_not(snapshot_index_next(&page, &entry));
	cr_expect(page.bad);
	rdb_sink_clear(&sink);
	snapshot_fields_add(&sink, bytes_of("field"), 99);
	snapshot_page_open(&page, rdb_sink_written(&sink), (struct bytes){ 0 });
	cr_assert(snapshot_fields_next(&page, &field, &expires_at));
	cr_expect(bytes_equal(field, bytes_of("field")));
	cr_expect_eq(expires_at, 99);
	cr_expect_not(snapshot_fields_next(&page, &field, &expires_at));
	rdb_sink_release(&sink);
}

Test(snapshot_page, blobs_are_read_as_they_were_written)
{
	static struct portable written = {
		.kind = 'k', .created_at = 5, .key_count = 2, .pattern_count = 1
	};
	static struct portable read;
	struct portable_chunk chunk;
	struct rdb_sink sink = { 0 };
	struct bytes part, chunks;
	bool bad = true;

	written.checksum = written.roots =
		(struct bytes){ digest, SNAPSHOT_HASH_SIZE };
	written.agent = bytes_of("agent");
	written.language = bytes_of("simple");
	written.name = bytes_of("");
	written.patterns[0] = bytes_of("*");
	portable_write(&sink, &written);
	portable_write_chunk(&sink, bytes_of("raw"),
		(struct bytes){ digest, SNAPSHOT_HASH_SIZE });
	part = rdb_sink_written(&sink);
	portable_write_end(&sink, &part, 1);
	cr_assert_eq(
		portable_read(rdb_sink_written(&sink), &read), PORTABLE_OK);
	cr_expect_eq(read.kind, 'k');
	cr_expect_eq(read.key_count, 2);
	cr_expect(bytes_equal(read.agent, written.agent));
	cr_expect_null(read.user.data);
	cr_expect_not_null(read.name.data);
	cr_expect(bytes_equal(read.patterns[0], bytes_of("*")));
	chunks = read.chunks;
	cr_assert(portable_next_chunk(&chunks, &chunk, &bad));
	cr_expect(bytes_equal(chunk.raw, bytes_of("raw")));
	cr_expect_eq(chunk.refs.size, SNAPSHOT_HASH_SIZE);
	free(chunk.memory);
	cr_expect_not(portable_next_chunk(&chunks, &chunk, &bad));
	cr_expect_not(bad);
	sink.data[30]++;
	cr_expect_eq(portable_read(rdb_sink_written(&sink), &read),
		PORTABLE_DAMAGED);
	cr_expect_eq(portable_read(bytes_of("something else"), &read),
		PORTABLE_NONE);
	rdb_sink_release(&sink);
}
