/* Whole payloads of DUMP: footers, what is refused, and the way from a value to
 * a payload and back. */
#include "commands/rdb_checksum.h"
#include "commands/rdb_format.h"
#include "commands/rdb_read.h"
#include "commands/rdb_sink.h"
#include "commands/rdb_write.h"
#include "storage/base/bytes.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const struct rdb_read_options options = { .memory_max = 1 << 20 };

static enum rdb_read_status
read_sealed(const void *body, size_t size, unsigned version)
{
	struct rdb_value *value;
	enum rdb_read_status status;
	struct rdb_sink sink;

	rdb_sink_init(&sink, false);
	rdb_sink_bytes(&sink, body, size);
	rdb_sink_little_endian(&sink, RDB_VERSION_SIZE, version);
	rdb_sink_little_endian(&sink, RDB_CHECKSUM_SIZE,
		rdb_checksum(rdb_sink_written(&sink)));
	status = rdb_read(rdb_sink_written(&sink), &options, &value);
	cr_expect_eq(value != NULL, status == RDB_READ_OK);
	rdb_value_free(value);
	rdb_sink_release(&sink);
	return status;
}

#define READ(literal) read_sealed(literal, sizeof(literal) - 1, RDB_VERSION)

Test(rdb_payload, string_is_what_redis_dumps)
{
	struct rdb_value *value = rdb_value_new(0);
	size_t size;
	char *payload;

	/* SET a 10; DUMP a, as in Redis' documentation, for version 10. */
	value->string = bytes_of("10");
	payload = rdb_write(value, &rdb_write_defaults, &size);
	cr_expect_eq(size, 13);
	cr_expect_eq(memcmp(payload, "\x00\xc0\x0a\x0a\x00", 5), 0);
	free(payload);
	rdb_value_free(value);
}

Test(rdb_payload, footer)
{
	struct rdb_read_options unchecked = { .memory_max = 1000,
		.ignore_checksum = true };
	static const char zero[] = "\0\x01"
				   "a\x06\0\0\0\0\0\0\0\0\0";
	struct bytes payload = { zero, sizeof(zero) - 1 };
	struct rdb_value *value;

	cr_expect_eq(
		rdb_read(payload, &options, &value), RDB_READ_WRONG_FOOTER);
	cr_expect_null(value);
	cr_expect_eq(rdb_read(payload, &unchecked, &value), RDB_READ_OK);
	cr_expect(bytes_equal(value->string, bytes_of("a")));
	rdb_value_free(value);
	for (size_t size = 0; size < RDB_FOOTER_SIZE; size++)
		cr_expect_eq(rdb_read((struct bytes){ zero, size }, &unchecked,
				     &value),
			RDB_READ_WRONG_FOOTER);
	payload.size = RDB_FOOTER_SIZE;
	cr_expect_eq(rdb_read((struct bytes){ "\0\0\0\0\0\0\0\0\0\0", 10 },
			     &unchecked, &value),
		RDB_READ_BAD_DATA);
	for (unsigned version = 1; version <= 10; version++)
		cr_expect_eq(read_sealed("\0\x01"
					 "a",
				     3, version),
			RDB_READ_OK);
	cr_expect_eq(read_sealed("\0\x01"
				 "a",
			     3, 11),
		RDB_READ_WRONG_FOOTER);
	cr_expect_eq(read_sealed("\0\x01"
				 "a",
			     3, 256),
		RDB_READ_WRONG_FOOTER);
}

Test(rdb_payload, bytes_behind_the_value_do_no_harm)
{
	cr_expect_eq(READ("\0\x01"
			  "abcd"),
		RDB_READ_OK);
}

Test(rdb_payload, value_does_not_reach_into_the_footer)
{
	cr_expect_eq(READ("\0\x02"
			  "a"),
		RDB_READ_BAD_DATA);
}

Test(rdb_payload, unknown_types_and_modules)
{
	cr_expect_eq(READ(""), RDB_READ_BAD_DATA);
	cr_expect_eq(READ("\x06\x01\0"), RDB_READ_BAD_DATA);
	cr_expect_eq(READ("\x07\x01\0"), RDB_READ_BAD_DATA);
	cr_expect_eq(READ("\x08\x01\0"), RDB_READ_BAD_DATA);
	cr_expect_eq(READ("\x14\x01\0"), RDB_READ_BAD_DATA);
	cr_expect_eq(READ("\xff\x01\0"), RDB_READ_BAD_DATA);
}

Test(rdb_payload, empty_collections)
{
	cr_expect_eq(READ("\x01\0"), RDB_READ_BAD_DATA);
	cr_expect_eq(READ("\x02\0"), RDB_READ_BAD_DATA);
	cr_expect_eq(READ("\x03\0"), RDB_READ_BAD_DATA);
	cr_expect_eq(READ("\x04\0"), RDB_READ_BAD_DATA);
	cr_expect_eq(READ("\x05\0"), RDB_READ_BAD_DATA);
	cr_expect_eq(READ("\x0e\0"), RDB_READ_BAD_DATA);
	cr_expect_eq(READ("\x10\x07\x07\0\0\0\0\0\xff"), RDB_READ_BAD_DATA);
	cr_expect_eq(READ("\x11\x07\x07\0\0\0\0\0\xff"), RDB_READ_BAD_DATA);
	cr_expect_eq(READ("\x12\0"), RDB_READ_BAD_DATA);
	cr_expect_eq(
		READ("\x12\x01\x02\x07\x07\0\0\0\0\0\xff"), RDB_READ_BAD_DATA);
	cr_expect_eq(READ("\x12\x01\x01\0"), RDB_READ_BAD_DATA);
	/* But a stream may be. */
	cr_expect_eq(READ("\x0f\0\0\0\0\0"), RDB_READ_OK);
	cr_expect_eq(READ("\x13\0\0\0\0\0\0\0\0\0\0"), RDB_READ_OK);
}

Test(rdb_payload, duplicates)
{
	cr_expect_eq(READ("\x02\x02\x01"
			  "a\x01"
			  "a"),
		RDB_READ_BAD_DATA);
	/* The same as a number and as text. */
	cr_expect_eq(READ("\x02\x02\x01"
			  "1\xc0\x01"),
		RDB_READ_BAD_DATA);
	cr_expect_eq(READ("\x04\x02\x01"
			  "a\x01"
			  "b\x01"
			  "a\x01"
			  "c"),
		RDB_READ_BAD_DATA);
	cr_expect_eq(READ("\x10\x0f\x0f\0\0\0\x04\0\x01\x01\x02\x01\x01\x01"
			  "\x03\x01\xff"),
		RDB_READ_BAD_DATA);
	cr_expect_eq(READ("\x11\x0f\x0f\0\0\0\x04\0\x01\x01\x02\x01\x01\x01"
			  "\x03\x01\xff"),
		RDB_READ_BAD_DATA);
	/* A list may have them. */
	cr_expect_eq(READ("\x01\x02\x01"
			  "a\x01"
			  "a"),
		RDB_READ_OK);
}

Test(rdb_payload, odd_counts_in_pairs)
{
	cr_expect_eq(READ("\x10\x0b\x0b\0\0\0\x02\0\x01\x01\x02\x01\xff"),
		RDB_READ_OK);
	cr_expect_eq(READ("\x10\x09\x09\0\0\0\x01\0\x01\x01\xff"),
		RDB_READ_BAD_DATA);
	cr_expect_eq(READ("\x11\x09\x09\0\0\0\x01\0\x01\x01\xff"),
		RDB_READ_BAD_DATA);
}

Test(rdb_payload, scores_that_are_no_number)
{
	cr_expect_eq(READ("\x05\x01\x01"
			  "a\0\0\0\0\0\0\xf8\x7f"),
		RDB_READ_BAD_DATA);
	cr_expect_eq(READ("\x03\x01\x01"
			  "a\xfd"),
		RDB_READ_BAD_DATA);
	cr_expect_eq(READ("\x11\x0e\x0e\0\0\0\x02\0\x01\x01\x83nan\x04\xff"),
		RDB_READ_BAD_DATA);
}

/* Counts that promise more than there is cost no memory. */
Test(rdb_payload, counts_are_not_believed)
{
	static const char counts[] = "\x00\x81\x7f\xff\xff\xff\xff\xff\xff\xff";
	static const uint8_t encodings[] = { 1, 2, 3, 4, 5, 14, 15, 18, 19 };

	for (size_t i = 0; i < sizeof(encodings); i++) {
		char body[sizeof(counts)];

		memcpy(body, counts, sizeof(counts));
		body[0] = (char)encodings[i];
		cr_expect_eq(read_sealed(body, sizeof(counts) - 1, RDB_VERSION),
			RDB_READ_BAD_DATA);
	}
}

/* 60,000 small numbers make 1 MB. */
Test(rdb_payload, memory_is_limited)
{
	struct rdb_sink sink;

	rdb_sink_init(&sink, false);
	rdb_sink_byte(&sink, RDB_ENCODING_LIST);
	rdb_sink_length(&sink, 60000);
	for (int i = 0; i < 60000; i++)
		rdb_sink_string(&sink, bytes_of("7"));
	cr_expect_eq(read_sealed(sink.data, sink.size, RDB_VERSION),
		RDB_READ_TOO_LARGE);
	rdb_sink_release(&sink);
}

/* A stream of two entries with a group, two consumers and pending entries. */
static struct rdb_value *
make_stream(void)
{
	static struct bytes pairs[4];
	static struct rdb_entry entries[2] = {
		{ .id = { 5, 1 }, .pairs = pairs, .pair_count = 1 },
		{ .id = { 6, 0 }, .pairs = pairs, .pair_count = 2 }
	};
	static struct rdb_consumer consumers[2] = { { .seen_at = 1000 },
		{ .seen_at = 2000 } };
	static struct rdb_pending pending[3] = {
		{ .id = { 4, 9 },
			.delivered_at = 7,
			.delivery_count = 300,
			.consumer = 1 },
		{ .id = { 5, 1 },
			.delivered_at = 8,
			.delivery_count = 1,
			.consumer = 0 },
		{ .id = { 6, 0 },
			.delivered_at = 9,
			.delivery_count = 2,
			.consumer = 1 },
	};
	static struct rdb_group group = { .last_id = { 6, 0 },
		.entries_read = RDB_UNKNOWN_COUNT,
		.consumers = consumers,
		.consumer_count = 2,
		.pending = pending,
		.pending_count = 3 };
	struct rdb_value *value = rdb_value_new(0);

	/* A test may have changed it. */
	entries[1].id = (struct rdb_stream_id){ 6, 0 };
	pairs[0] = bytes_of("field");
	pairs[1] = bytes_of("value");
	pairs[2] = bytes_of("7");
	pairs[3] = bytes_of("");
	consumers[0].name = bytes_of("first");
	consumers[1].name = bytes_of("second");
	group.name = bytes_of("group");
	value->type = RDB_STREAM;
	value->stream = (struct rdb_stream){ .entries = entries,
		.entry_count = 2,
		.last_id = { 7, 7 },
		.max_deleted_id = { 4, 9 },
		.entries_added = 10,
		.groups = &group,
		.group_count = 1 };
	return value;
}

Test(rdb_payload, stream_comes_back)
{
	struct rdb_value *value = make_stream(), *read;
	const struct rdb_stream *stream;
	size_t size;
	char *payload = rdb_write(value, &rdb_write_defaults, &size);

	cr_assert_eq(rdb_read((struct bytes){ payload, size }, &options, &read),
		RDB_READ_OK);
	cr_assert_eq(read->type, RDB_STREAM);
	stream = &read->stream;
	cr_assert_eq(stream->entry_count, 2);
	cr_expect_eq(stream->entries[1].id.ms, 6);
	cr_expect_eq(stream->entries[1].pair_count, 2);
	cr_expect(bytes_equal(stream->entries[1].pairs[2], bytes_of("7")));
	cr_expect_eq(stream->last_id.seq, 7);
	cr_expect_eq(stream->max_deleted_id.ms, 4);
	cr_expect_eq(stream->entries_added, 10);
	cr_assert_eq(stream->group_count, 1);
	cr_expect_eq(stream->groups[0].entries_read, RDB_UNKNOWN_COUNT);
	cr_assert_eq(stream->groups[0].pending_count, 3);
	cr_expect_eq(stream->groups[0].pending[0].consumer, 1);
	cr_expect_eq(stream->groups[0].pending[0].delivery_count, 300);
	cr_expect_eq(stream->groups[0].pending[1].consumer, 0);
	cr_expect_eq(stream->groups[0].consumers[1].seen_at, 2000);
	rdb_value_free(read);
	rdb_value_free(value);
	free(payload);
}

static void
expect_bad_stream(struct rdb_value *value, const char *why)
{
	struct rdb_value *read;
	size_t size;
	char *payload = rdb_write(value, &rdb_write_defaults, &size);

	cr_expect_eq(rdb_read((struct bytes){ payload, size }, &options, &read),
		RDB_READ_BAD_DATA, "%s", why);
	rdb_value_free(read);
	rdb_value_free(value);
	free(payload);
}

Test(rdb_payload, streams_that_contradict_themselves)
{
	struct rdb_value *value = make_stream();

	value->stream.last_id.ms = 5;
	expect_bad_stream(value, "last id");

	value = make_stream();
	value->stream.entries[1].id = value->stream.entries[0].id;
	expect_bad_stream(value, "ids do not ascend");

	value = make_stream();
	value->stream.groups[0].consumers[0].name = bytes_of("second");
	expect_bad_stream(value, "consumers of one name");

	value = make_stream();
	value->stream.groups[0].pending[2].id.ms = 5;
	expect_bad_stream(value, "pending ids do not ascend");
}

Test(rdb_payload, sorted_set_is_put_in_order)
{
	struct rdb_scored_member members[] = { { { "c", 1 }, 1 },
		{ { "b", 1 }, 2 }, { { "a", 1 }, 2 }, { { "d", 1 }, -1 } };
	struct rdb_value *value = rdb_value_new(0), *read;
	size_t size;
	char *payload;

	value->type = RDB_SORTED_SET;
	value->sorted_set = (struct rdb_sorted_set){ members, 4 };
	payload = rdb_write(value, &rdb_write_defaults, &size);
	cr_assert_eq(rdb_read((struct bytes){ payload, size }, &options, &read),
		RDB_READ_OK);
	cr_expect_eq(read->sorted_set.members[0].member.data[0], 'd');
	cr_expect_eq(read->sorted_set.members[1].member.data[0], 'c');
	cr_expect_eq(read->sorted_set.members[2].member.data[0], 'a');
	cr_expect_eq(read->sorted_set.members[3].member.data[0], 'b');
	rdb_value_free(read);
	rdb_value_free(value);
	free(payload);
}
