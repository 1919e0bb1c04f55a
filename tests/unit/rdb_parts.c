/* The parts of DUMP's payloads: what is written is read as the same, and
 * nothing is read that is not there. */
#include "commands/rdb_checksum.h"
#include "commands/rdb_sink.h"
#include "commands/rdb_source.h"
#include "commands/rdb_unique.h"
#include "commands/rdb_value.h"
#include "storage/base/bytes.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct rdb_arena arena;
static struct rdb_sink sink;
static struct rdb_source source;

static void
setup(void)
{
	rdb_arena_init(&arena, 1 << 20);
	rdb_sink_init(&sink, true);
}

static void
teardown(void)
{
	rdb_arena_release(&arena);
	rdb_sink_release(&sink);
}

TestSuite(rdb_parts, .init = setup, .fini = teardown);

static void
read_written(void)
{
	rdb_source_init(&source, rdb_sink_written(&sink), &arena);
}

static void
read_bytes(const char *data, size_t size)
{
	rdb_source_init(&source, (struct bytes){ data, size }, &arena);
}

static uint64_t
checksum_bit_by_bit(struct bytes data)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < data.size; i++) {
		sum ^= (unsigned char)data.data[i];
		for (int bit = 0; bit < 8; bit++)
			sum = sum >> 1 ^ (sum & 1 ? 0x95ac9329ac4bc9b5 : 0);
	}
	return sum;
}

Test(rdb_parts, checksum_is_that_of_redis)
{
	char text[100];

	/* The value that redis 7.0.15 crc64.c gives for it. */
	cr_expect_eq(rdb_checksum(bytes_of("123456789")), 0xe9c6d914c4b8d9ca);
	for (size_t size = 0; size < sizeof(text); size++) {
		struct bytes data = { text, size };

		text[size] = (char)(size * 77 + 200);
		cr_expect_eq(rdb_checksum(data), checksum_bit_by_bit(data),
			"%zu bytes", size);
	}
}

Test(rdb_parts, lengths_of_all_sizes)
{
	static const struct {
		uint64_t length;
		size_t size;
	} cases[] = { { 0, 1 }, { 63, 1 }, { 64, 2 }, { 16383, 2 },
		{ 16384, 5 }, { UINT32_MAX, 5 }, { 1ULL << 32, 9 },
		{ UINT64_MAX, 9 } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t length = 0;

		rdb_sink_clear(&sink);
		rdb_sink_length(&sink, cases[i].length);
		cr_expect_eq(sink.size, cases[i].size);
		read_written();
		cr_expect(rdb_source_length(&source, &length));
		cr_expect_eq(length, cases[i].length);
		cr_expect_eq(source.at, source.end);
		for (size_t size = 0; size < sink.size; size++) {
			read_bytes(sink.data, size);
			cr_expect_not(rdb_source_length(&source, &length));
		}
	}
	read_bytes("\x82\0\0\0\0\0\0\0\0", 9);
	cr_expect_not(rdb_source_length(&source, &(uint64_t){ 0 }));
}

Test(rdb_parts, lengths_are_inserted)
{
	rdb_sink_bytes(&sink, "abcd", 4);
	rdb_sink_insert_length(&sink, 2, 64);
	cr_expect_eq(sink.size, 6);
	cr_expect_eq(memcmp(sink.data,
			     "ab\x40\x40"
			     "cd",
			     6),
		0);
	rdb_sink_insert_length(&sink, 6, 1);
	cr_expect_eq(sink.data[6], 1);
}

static void
expect_string(struct bytes text, size_t written_size)
{
	struct bytes read;

	rdb_sink_clear(&sink);
	rdb_sink_string(&sink, text);
	cr_expect_eq(sink.size, written_size, "%zu bytes instead of %zu",
		sink.size, written_size);
	read_written();
	cr_assert(rdb_source_string(&source, &read));
	cr_expect(bytes_equal(read, text));
	cr_expect_eq(source.at, source.end);
	for (size_t size = 0; size < sink.size; size++) {
		read_bytes(sink.data, size);
		cr_expect_not(rdb_source_string(&source, &read), "%zu", size);
	}
}

Test(rdb_parts, strings)
{
	expect_string(bytes_of(""), 1);
	expect_string(bytes_of("a"), 2);
	expect_string((struct bytes){ "\0\xff\n", 3 }, 4);
	expect_string(bytes_of("0"), 2);
	expect_string(bytes_of("-128"), 2);
	expect_string(bytes_of("-129"), 3);
	expect_string(bytes_of("32767"), 3);
	expect_string(bytes_of("32768"), 5);
	expect_string(bytes_of("-2147483648"), 5);
	expect_string(bytes_of("2147483648"), 11);
	expect_string(bytes_of("00"), 3);
	expect_string(bytes_of("aaaaaaaaaaaaaaaaaaaa"), 21);
}

Test(rdb_parts, strings_are_compressed_when_it_helps)
{
	char zeros[5000] = { 0 }, noise[5000];
	struct bytes read;
	uint32_t state = 1;

	for (size_t i = 0; i < sizeof(noise); i++) {
		state = state * 1664525 + 1013904223;
		noise[i] = (char)(state >> 24);
	}
	rdb_sink_string(&sink, (struct bytes){ zeros, sizeof(zeros) });
	cr_expect_lt(sink.size, 100);
	rdb_sink_string(&sink, (struct bytes){ noise, sizeof(noise) });
	cr_expect_gt(sink.size, 5000);
	read_written();
	cr_assert(rdb_source_string(&source, &read));
	cr_expect(bytes_equal(read, (struct bytes){ zeros, sizeof(zeros) }));
	cr_assert(rdb_source_string(&source, &read));
	cr_expect(bytes_equal(read, (struct bytes){ noise, sizeof(noise) }));
}

#define EXPECT_BAD_STRING(literal) \
	do { \
		read_bytes(literal, sizeof(literal) - 1); \
		cr_expect_not(rdb_source_string( \
			&source, &(struct bytes){ NULL, 0 })); \
	} while (0)

Test(rdb_parts, impossible_strings)
{
	EXPECT_BAD_STRING("");
	EXPECT_BAD_STRING("\x05"
			  "abc");
	EXPECT_BAD_STRING("\x81\xff\xff\xff\xff\xff\xff\xff\xff"
			  "abc");
	EXPECT_BAD_STRING("\xc4\x01"); /* no such encoding */
	EXPECT_BAD_STRING("\xc2\x01\x02\x03");
	EXPECT_BAD_STRING("\xc3\x02\x05\x04"); /* ends too early */
	EXPECT_BAD_STRING("\xc3\x02\x06\x00"
			  "a"); /* less than it says */
	EXPECT_BAD_STRING("\xc3\x02\x05\x20\x05"); /* refers to before */
}

/* 300 bytes that claim to stand for 4 GB are refused without an allocation, and
 * what could be true stays within the arena's limit. */
Test(rdb_parts, compressed_strings_claim_too_much)
{
	char claim[310] = "\xc3\x41\x2c\x80\xff\xff\xff\xff";
	struct bytes read;

	read_bytes(claim, sizeof(claim));
	cr_expect_not(rdb_source_string(&source, &read));
	cr_expect_eq(arena.size, 0);
	cr_expect_not(arena.exhausted);

	memcpy(claim, "\xc3\x41\x2c\x80\x00\x00\x60\x00", 8);
	arena.limit = 20000;
	read_bytes(claim, sizeof(claim));
	cr_expect_not(rdb_source_string(&source, &read));
	cr_expect(arena.exhausted);
}

Test(rdb_parts, scores)
{
	static const double scores[] = { 0, -0.0, 1.5, -1e300, 3e-310, INFINITY,
		-INFINITY };
	double score = 7;

	for (size_t i = 0; i < sizeof(scores) / sizeof(scores[0]); i++) {
		rdb_sink_clear(&sink);
		rdb_sink_score(&sink, scores[i]);
		read_written();
		cr_expect(rdb_source_score_binary(&source, &score));
		cr_expect_eq(score, scores[i]);
		cr_expect_eq(signbit(score), signbit(scores[i]));
	}
	rdb_sink_clear(&sink);
	rdb_sink_score(&sink, NAN);
	read_written();
	cr_expect_not(rdb_source_score_binary(&source, &score));

	read_bytes("\x04-2.5\xfe\xff\xfd", 8);
	cr_expect(rdb_source_score_text(&source, &score));
	cr_expect_eq(score, -2.5);
	cr_expect(rdb_source_score_text(&source, &score));
	cr_expect_eq(score, INFINITY);
	cr_expect(rdb_source_score_text(&source, &score));
	cr_expect_eq(score, -INFINITY);
	cr_expect_not(rdb_source_score_text(&source, &score));
	read_bytes("\x03nan", 4);
	cr_expect_not(rdb_source_score_text(&source, &score));
	read_bytes("\x01x", 2);
	cr_expect_not(rdb_source_score_text(&source, &score));
	read_bytes("\x00", 1);
	cr_expect_not(rdb_source_score_text(&source, &score));
	read_bytes("\x05"
		   "1.5",
		4);
	cr_expect_not(rdb_source_score_text(&source, &score));
}

Test(rdb_parts, ids_and_times)
{
	struct rdb_stream_id id = { 0x0102030405060708, UINT64_MAX };
	struct rdb_stream_id read = { 0, 0 };
	int64_t ms = 0;

	rdb_sink_stream_key(&sink, id);
	cr_expect_eq(sink.size, 16);
	cr_expect_eq(sink.data[0], 1);
	rdb_sink_stream_id(&sink, id);
	rdb_sink_time(&sink, -2);
	read_written();
	cr_expect(rdb_source_stream_key(&source, &read));
	cr_expect_eq(rdb_stream_id_compare(read, id), 0);
	cr_expect(rdb_source_stream_id(&source, &read));
	cr_expect_eq(rdb_stream_id_compare(read, id), 0);
	cr_expect(rdb_source_time(&source, &ms));
	cr_expect_eq(ms, -2);
	cr_expect_not(rdb_source_time(&source, &ms));
}

Test(rdb_parts, names_differ)
{
	struct rdb_field fields[1000] = { 0 };
	char texts[1000][8];

	for (size_t i = 0; i < 1000; i++) {
		snprintf(texts[i], sizeof(texts[i]), "f%zu", i);
		fields[i].field = bytes_of(texts[i]);
		fields[i].value = bytes_of("same");
	}
	cr_expect(rdb_names_differ(fields, 0, sizeof(fields[0])));
	cr_expect(rdb_names_differ(fields, 1, sizeof(fields[0])));
	cr_expect(rdb_names_differ(fields, 1000, sizeof(fields[0])));
	fields[998].field = bytes_of("f3");
	cr_expect_not(rdb_names_differ(fields, 1000, sizeof(fields[0])));
	fields[998].field = (struct bytes){ "f3\0", 3 };
	cr_expect(rdb_names_differ(fields, 1000, sizeof(fields[0])));
	fields[0].field = fields[1].field = bytes_of("");
	cr_expect_not(rdb_names_differ(fields, 2, sizeof(fields[0])));
}
