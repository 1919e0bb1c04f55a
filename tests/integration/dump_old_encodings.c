/* Payloads in the encodings of older versions, which no redis-server at hand
 * writes any more, but reads: the codec makes the same value of them.
 *
 * The payloads are put together here, by the descriptions in redis 7.0.15
 * ziplist.c, zipmap.c and rdb.c. */
#include "commands/rdb_checksum.h"
#include "commands/rdb_format.h"
#include "commands/rdb_read.h"
#include "commands/rdb_sink.h"
#include "commands/rdb_write.h"
#include "storage/base/bytes.h"
#include "storage/base/number.h"
#include "tests/support/reference_server.h"

#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct reference_server *server;
static redisContext *redis;

static void
start(void)
{
	server = reference_server_start(&redis);
	reference_run(redis, "CONFIG SET sanitize-dump-payload yes");
}

static void
stop(void)
{
	reference_server_stop(server);
}

TestSuite(dump_old_encodings, .init = start, .fini = stop);

static void
seal(struct rdb_sink *sink, unsigned version)
{
	rdb_sink_little_endian(sink, RDB_VERSION_SIZE, version);
	rdb_sink_little_endian(
		sink, RDB_CHECKSUM_SIZE, rdb_checksum(rdb_sink_written(sink)));
}

static void
restore(const char *key, struct bytes payload, const char *what)
{
	redisReply *reply = redisCommand(redis, "RESTORE %s 0 %b REPLACE", key,
		payload.data, payload.size);

	cr_assert_not_null(reply);
	cr_assert_neq(reply->type, REDIS_REPLY_ERROR, "%s as %s: %s", what, key,
		reply->str);
	freeReplyObject(reply);
}

/* Redis makes the same of the payload as of the codec's, with each version up
 * to its own.  Releases the sink, whose footer is missing. */
static void
check(struct rdb_sink *sink, const char *what)
{
	struct rdb_read_options options = { .memory_max = SIZE_MAX };
	struct rdb_value *value;
	char *written, *expected, *actual;
	size_t size;

	seal(sink, 6);
	restore("old", rdb_sink_written(sink), what);
	cr_assert_eq(rdb_read(rdb_sink_written(sink), &options, &value),
		RDB_READ_OK, "%s", what);
	written = rdb_write(value, &rdb_write_defaults, &size);
	restore("new", (struct bytes){ written, size }, what);
	expected = reference_ask(redis, "DEBUG DIGEST-VALUE old");
	actual = reference_ask(redis, "DEBUG DIGEST-VALUE new");
	cr_expect_str_eq(actual, expected, "%s", what);
	free(expected);
	free(actual);
	free(written);
	rdb_value_free(value);
	rdb_sink_release(sink);
}

/* What a test puts into collections: numbers of all widths, and strings whose
 * lengths lie on both sides of every limit. */
enum { ELEMENT_COUNT = 60, ELEMENT_SIZE_MAX = 70000 };

static struct bytes
element(unsigned i, char buffer[static ELEMENT_SIZE_MAX])
{
	static const char *const numbers[] = { "0", "1", "11", "12", "13",
		"127", "128", "-1", "-128", "-129", "32767", "32768", "-32768",
		"-32769", "8388607", "8388608", "-8388608", "-8388609",
		"2147483647", "2147483648", "-2147483648", "-2147483649",
		"9223372036854775807", "-9223372036854775808",
		"9223372036854775808", "01", "-0", "1.5", "", "inf" };
	static const size_t sizes[] = { 5, 62, 63, 64, 65, 240, 246, 247, 248,
		249, 250, 251, 252, 253, 254, 255, 256, 16383, 16384, 69000 };
	size_t count = sizeof(numbers) / sizeof(numbers[0]), size;

	if (i < count)
		return bytes_of(numbers[i]);
	size = sizes[i % (sizeof(sizes) / sizeof(sizes[0]))];
	memset(buffer, (int)('a' + i % 26), size);
	snprintf(buffer, size, "%u", i);
	return (struct bytes){ buffer, size };
}

/* A ziplist: elements behind a head of HEAD_SIZE bytes. */
struct ziplist {
	struct rdb_sink body;
	size_t last_offset, last_size, count;
};

static const size_t HEAD_SIZE = 10;

static void
ziplist_add_number(struct rdb_sink *body, int64_t number)
{
	if (number >= 0 && number <= 12) {
		rdb_sink_byte(body, (uint8_t)(0xf1 + number));
	} else if (number >= INT8_MIN && number <= INT8_MAX) {
		rdb_sink_byte(body, 0xfe);
		rdb_sink_little_endian(body, 1, (uint64_t)number);
	} else if (number >= INT16_MIN && number <= INT16_MAX) {
		rdb_sink_byte(body, 0xc0);
		rdb_sink_little_endian(body, 2, (uint64_t)number);
	} else if (number >= -(1 << 23) && number < 1 << 23) {
		rdb_sink_byte(body, 0xf0);
		rdb_sink_little_endian(body, 3, (uint64_t)number);
	} else if (number >= INT32_MIN && number <= INT32_MAX) {
		rdb_sink_byte(body, 0xd0);
		rdb_sink_little_endian(body, 4, (uint64_t)number);
	} else {
		rdb_sink_byte(body, 0xe0);
		rdb_sink_little_endian(body, 8, (uint64_t)number);
	}
}

static void
ziplist_add_string(struct rdb_sink *body, struct bytes text)
{
	if (text.size < 1 << 6) {
		rdb_sink_byte(body, (uint8_t)text.size);
	} else if (text.size < 1 << 14) {
		rdb_sink_byte(body, (uint8_t)(0x40 | text.size >> 8));
		rdb_sink_byte(body, (uint8_t)text.size);
	} else {
		rdb_sink_byte(body, 0x80);
		for (int shift = 24; shift >= 0; shift -= 8)
			rdb_sink_byte(body, (uint8_t)(text.size >> shift));
	}
	rdb_sink_bytes(body, text.data, text.size);
}

static void
ziplist_add(struct ziplist *list, struct bytes text)
{
	struct rdb_sink *body = &list->body;
	int64_t number;

	list->last_offset = body->size;
	if (list->last_size < 254) {
		rdb_sink_byte(body, (uint8_t)list->last_size);
	} else {
		rdb_sink_byte(body, 254);
		rdb_sink_little_endian(body, 4, list->last_size);
	}
	if (number_parse_int64(text, &number))
		ziplist_add_number(body, number);
	else
		ziplist_add_string(body, text);
	list->last_size = body->size - list->last_offset;
	list->count++;
}

/* Writes the ziplist as a string, and empties it. */
static void
ziplist_write(struct rdb_sink *sink, struct ziplist *list)
{
	struct rdb_sink whole;

	rdb_sink_init(&whole, false);
	rdb_sink_little_endian(&whole, 4, HEAD_SIZE + list->body.size + 1);
	rdb_sink_little_endian(&whole, 4, HEAD_SIZE + list->last_offset);
	rdb_sink_little_endian(
		&whole, 2, list->count < 65535 ? list->count : 65535);
	rdb_sink_bytes(&whole, list->body.data, list->body.size);
	rdb_sink_byte(&whole, 255);
	rdb_sink_string(sink, rdb_sink_written(&whole));
	rdb_sink_release(&whole);
	rdb_sink_release(&list->body);
	*list = (struct ziplist){ 0 };
}

/* A sink that begins with the encoding; for half of them strings are
 * compressed. */
static struct rdb_sink
begin(enum rdb_encoding encoding)
{
	struct rdb_sink sink;

	rdb_sink_init(&sink, encoding % 2 == 0);
	rdb_sink_byte(&sink, encoding);
	return sink;
}

static const enum rdb_encoding plain_encodings[] = { RDB_ENCODING_LIST,
	RDB_ENCODING_SET, RDB_ENCODING_HASH };

Test(dump_old_encodings, plain_collections)
{
	static char buffer[ELEMENT_SIZE_MAX];

	for (int i = 0; i < 3; i++) {
		struct rdb_sink sink = begin(plain_encodings[i]);

		rdb_sink_length(&sink,
			plain_encodings[i] == RDB_ENCODING_HASH ?
				ELEMENT_COUNT / 2 :
				ELEMENT_COUNT);
		for (unsigned j = 0; j < ELEMENT_COUNT; j++)
			rdb_sink_string(&sink, element(j, buffer));
		check(&sink, "plain");
	}
}

Test(dump_old_encodings, scores_as_text)
{
	static const char *const scores[] = { "1", "-3", "0.5", "1e300", "-0",
		"17.25", "3e-310", " 8", "0x10", "4611686018427387904" };
	size_t count = sizeof(scores) / sizeof(scores[0]);
	struct rdb_sink sink = begin(RDB_ENCODING_ZSET);
	char name[32];

	rdb_sink_length(&sink, count + 2);
	for (size_t i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "member %zu", i);
		rdb_sink_string(&sink, bytes_of(name));
		rdb_sink_byte(&sink, (uint8_t)strlen(scores[i]));
		rdb_sink_bytes(&sink, scores[i], strlen(scores[i]));
	}
	rdb_sink_string(&sink, bytes_of("inf"));
	rdb_sink_byte(&sink, RDB_SCORE_INFINITY);
	rdb_sink_string(&sink, bytes_of("-inf"));
	rdb_sink_byte(&sink, RDB_SCORE_MINUS_INFINITY);
	check(&sink, "scores as text");
}

static void
check_ziplist(enum rdb_encoding encoding, unsigned first, unsigned count)
{
	static char buffer[ELEMENT_SIZE_MAX];
	struct rdb_sink sink = begin(encoding);
	struct ziplist list = { 0 };
	char what[64];

	for (unsigned i = first; i < first + count; i++)
		ziplist_add(&list, element(i, buffer));
	ziplist_write(&sink, &list);
	snprintf(what, sizeof(what), "encoding %u, %u elements from %u",
		encoding, count, first);
	check(&sink, what);
}

Test(dump_old_encodings, ziplists)
{
	check_ziplist(RDB_ENCODING_LIST_ZIPLIST, 0, ELEMENT_COUNT);
	check_ziplist(RDB_ENCODING_HASH_ZIPLIST, 0, ELEMENT_COUNT);
	check_ziplist(RDB_ENCODING_LIST_ZIPLIST, 30, 1);
	check_ziplist(RDB_ENCODING_LIST_ZIPLIST, 0, 70000);
	for (unsigned i = 0; i < 30; i++)
		check_ziplist(RDB_ENCODING_HASH_ZIPLIST, i, 30);
}

Test(dump_old_encodings, ziplists_of_sorted_sets)
{
	static const char *const members[] = { "c", "-1.5", "a", "0", "1", "1",
		"b", "2.25", "long member, longer than others", "1000000",
		"last", "inf" };
	struct rdb_sink sink = begin(RDB_ENCODING_ZSET_ZIPLIST);
	struct ziplist list = { 0 };

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		ziplist_add(&list, bytes_of(members[i]));
	ziplist_write(&sink, &list);
	check(&sink, "sorted set");
}

Test(dump_old_encodings, quicklists_of_ziplists)
{
	static char buffer[ELEMENT_SIZE_MAX];
	struct rdb_sink sink = begin(RDB_ENCODING_LIST_QUICKLIST);
	struct ziplist list = { 0 };

	rdb_sink_length(&sink, ELEMENT_COUNT / 10 + 1);
	ziplist_write(&sink, &list); /* an empty node is skipped */
	for (unsigned i = 0; i < ELEMENT_COUNT; i++) {
		ziplist_add(&list, element(i, buffer));
		if (i % 10 == 9)
			ziplist_write(&sink, &list);
	}
	check(&sink, "quicklist");
}

static void
zipmap_add_length(struct rdb_sink *map, size_t length)
{
	if (length < 254) {
		rdb_sink_byte(map, (uint8_t)length);
		return;
	}
	rdb_sink_byte(map, 254);
	rdb_sink_little_endian(map, 4, length);
}

static void
check_zipmap(unsigned fields)
{
	static char buffer[ELEMENT_SIZE_MAX];
	struct rdb_sink sink = begin(RDB_ENCODING_HASH_ZIPMAP), map;

	rdb_sink_init(&map, false);
	rdb_sink_byte(&map, (uint8_t)(fields < 254 ? fields : 254));
	for (unsigned i = 0; i < fields; i++) {
		struct bytes text = element(i, buffer);

		zipmap_add_length(&map, text.size);
		rdb_sink_bytes(&map, text.data, text.size);
		text = element(fields - i, buffer);
		zipmap_add_length(&map, text.size);
		rdb_sink_byte(&map, (uint8_t)(i % 5));
		rdb_sink_bytes(&map, text.data, text.size);
		rdb_sink_bytes(&map, "....", i % 5);
	}
	rdb_sink_byte(&map, 255);
	rdb_sink_string(&sink, rdb_sink_written(&map));
	rdb_sink_release(&map);
	check(&sink, "zipmap");
}

Test(dump_old_encodings, zipmaps)
{
	check_zipmap(1);
	check_zipmap(ELEMENT_COUNT);
	check_zipmap(253);
	check_zipmap(254);
	check_zipmap(400);
}

/* Copies what lies between two places of a payload. */
static void
copy(struct rdb_sink *sink, const char *from, const char *to)
{
	rdb_sink_bytes(sink, from, (size_t)(to - from));
}

static void
skip_lengths(struct rdb_source *source, int count)
{
	uint64_t length;

	for (int i = 0; i < count; i++)
		cr_assert(rdb_source_length(source, &length));
}

static void
skip_strings(struct rdb_source *source, uint64_t count)
{
	struct bytes string;

	for (uint64_t i = 0; i < count; i++)
		cr_assert(rdb_source_string(source, &string));
}

/* Leaves out of a stream with one group what Redis 5 did not write. */
static void
write_old_stream(struct rdb_sink *sink, struct bytes payload)
{
	struct rdb_arena arena;
	struct rdb_source source;
	const char *from = payload.data + 1;
	uint64_t count;

	payload.size -= RDB_FOOTER_SIZE;
	rdb_arena_init(&arena, SIZE_MAX);
	rdb_source_init(&source, payload, &arena);
	source.at++;
	cr_assert(rdb_source_length(&source, &count));
	skip_strings(&source, 2 * count);
	skip_lengths(&source, 3); /* length, last id */
	copy(sink, from, source.at);
	skip_lengths(&source, 5); /* first id, max deleted id, entries added */
	from = source.at;
	skip_lengths(&source, 1); /* groups */
	skip_strings(&source, 1); /* name */
	skip_lengths(&source, 2); /* last id */
	copy(sink, from, source.at);
	skip_lengths(&source, 1); /* entries read */
	copy(sink, source.at, source.end);
	rdb_arena_release(&arena);
}

static void
check_stream(const char *group_id)
{
	struct rdb_sink sink = begin(RDB_ENCODING_STREAM_LISTPACKS);
	redisReply *dump;
	char *expected, *actual;

	for (int i = 1; i <= 300; i++)
		reference_run(redis, "XADD key %d-1 field %d", i, i);
	reference_run(redis, "XGROUP CREATE key group %s", group_id);
	reference_run(redis, "XREADGROUP GROUP group c COUNT 5 STREAMS key >");
	reference_run(redis, "XREADGROUP GROUP group d COUNT 5 STREAMS key >");
	reference_run(redis, "XGROUP SETID key group %s", group_id);
	dump = redisCommand(redis, "DUMP key");
	write_old_stream(&sink, (struct bytes){ dump->str, dump->len });
	freeReplyObject(dump);
	check(&sink, group_id);
	expected = reference_ask(redis, "XINFO STREAM old FULL COUNT 0");
	actual = reference_ask(redis, "XINFO STREAM new FULL COUNT 0");
	cr_expect_str_eq(actual, expected, "group at %s", group_id);
	free(expected);
	free(actual);
	reference_run(redis, "DEL key");
}

Test(dump_old_encodings, streams)
{
	check_stream("0");
	check_stream("1-0");
	check_stream("1-1");
	check_stream("1-2");
	check_stream("299-1");
	check_stream("300-1");
	check_stream("300-2");
}
