/* The codec of DUMP's payloads against a real redis-server: what it dumps is
 * read and written again, and it restores that as the same value. */
#include "commands/rdb_read.h"
#include "commands/rdb_write.h"
#include "storage/base/bytes.h"
#include "storage/base/memory.h"
#include "tests/support/dump_values.h"
#include "tests/support/reference_server.h"

#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

static struct reference_server *server;
static redisContext *redis;

static void
start(void)
{
	server = reference_server_start(&redis);
}

static void
stop(void)
{
	reference_server_stop(server);
}

TestSuite(dump_codec, .init = start, .fini = stop);

static void
expect_same(const char *what, const char *format, const char *other_format)
{
	char *expected = reference_ask(redis, format),
	     *actual = reference_ask(redis, other_format);

	cr_expect_str_eq(actual, expected, "%s: %s", what, format);
	free(expected);
	free(actual);
}

static redisReply *
dump(const char *key)
{
	redisReply *reply = redisCommand(redis, "DUMP %s", key);

	cr_assert(reply && reply->type == REDIS_REPLY_STRING, "DUMP %s", key);
	return reply;
}

static struct rdb_value *
decode(struct bytes payload, const char *what)
{
	struct rdb_read_options options = { .memory_max = SIZE_MAX };
	struct rdb_value *value;
	enum rdb_read_status status = rdb_read(payload, &options, &value);

	cr_assert_eq(status, RDB_READ_OK, "%s: status %d", what, status);
	return value;
}

/* Has Redis restore what the codec makes of `payload` as the key "copy". */
static void
restore_copy(struct bytes payload, bool compress, const char *what)
{
	struct rdb_write_options options = rdb_write_defaults;
	struct rdb_value *value = decode(payload, what);
	redisReply *reply;
	char *written;
	size_t size;

	options.compress = compress;
	written = rdb_write(value, &options, &size);
	cr_assert_not_null(written);
	reply = redisCommand(redis, "RESTORE copy 0 %b REPLACE", written, size);
	cr_assert_not_null(reply);
	cr_expect_neq(
		reply->type, REDIS_REPLY_ERROR, "%s: %s", what, reply->str);
	freeReplyObject(reply);
	rdb_value_free(value);
	free(written);
}

static void
expect_copy_is_same(const char *what)
{
	expect_same(what, "DEBUG DIGEST-VALUE key", "DEBUG DIGEST-VALUE copy");
	expect_same(what, "OBJECT ENCODING key", "OBJECT ENCODING copy");
}

/* What is written without compression equals what Redis writes. */
static void
expect_same_bytes(const char *what)
{
	struct rdb_write_options options = rdb_write_defaults;
	redisReply *original;
	struct rdb_value *value;
	char *written;
	size_t size;

	reference_run(redis, "CONFIG SET rdbcompression no");
	original = dump("key");
	options.compress = false;
	value = decode((struct bytes){ original->str, original->len }, what);
	written = rdb_write(value, &options, &size);
	cr_assert_not_null(written);
	cr_expect(size == original->len &&
			memcmp(written, original->str, size) == 0,
		"%s: %zu bytes differ from Redis' %zu", what, size,
		(size_t)original->len);
	rdb_value_free(value);
	free(written);
	freeReplyObject(original);
	reference_run(redis, "CONFIG SET rdbcompression yes");
}

/* The value of the key "key" survives, and its bytes are the same. */
static void
check(const char *what, const char *encoding)
{
	redisReply *original = dump("key");
	struct bytes payload = { original->str, original->len };
	char *actual = reference_ask(redis, "OBJECT ENCODING key");

	cr_expect_eq(strncmp(actual, encoding, strlen(encoding)), 0, "%s is %s",
		what, actual);
	free(actual);
	restore_copy(payload, true, what);
	expect_copy_is_same(what);
	restore_copy(payload, false, what);
	expect_copy_is_same(what);
	freeReplyObject(original);
	expect_same_bytes(what);
	reference_run(redis, "DEL key copy");
}

/* Runs Lua with KEYS[1] = key and ARGV[1] = number. */
static void
script(const char *code, long number)
{
	reference_run(redis, "EVAL %s 1 key %d", code, (int)number);
}

Test(dump_codec, strings)
{
	static const char *const texts[] = { "", "a", "0", "-1", "127", "128",
		"-128", "-129", "32767", "32768", "-32769", "2147483647",
		"2147483648", "-2147483648", "-2147483649",
		"9223372036854775807", "-9223372036854775808",
		"9223372036854775808", "007", "+1", " 1", "1.5",
		"aaaaaaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaaaaaaa",
		"no two bytes of this are: 0123456789" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		reference_run(redis, "SET key %s", texts[i]);
		check(texts[i], "");
	}
}

Test(dump_codec, binary_and_long_strings)
{
	static const size_t sizes[] = { 3, 63, 64, 255, 256, 16383, 16384,
		100000, 5000000 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char *text = memory_allocate(sizes[i]);

		for (size_t j = 0; j < sizes[i]; j++)
			text[j] = (char)(j * j % 251 + j / 1000);
		reference_run(redis, "SET key %b", text, sizes[i]);
		check("binary", "");
		memset(text, 0, sizes[i]);
		reference_run(redis, "SET key %b", text, sizes[i]);
		check("zeros", "");
		free(text);
	}
}

Test(dump_codec, lists)
{
	static const int counts[] = { 1, 30, 60, 200, 3000 };

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		script(DUMP_ELEMENTS
			"for i = 1, ARGV[1] do "
			"  redis.call('RPUSH', KEYS[1], element(i)) end",
			counts[i]);
		check("list", "quicklist");
	}
	script("for i = 1, ARGV[1] do redis.call('RPUSH', KEYS[1], i) end",
		100000);
	check("long list", "quicklist");
}

Test(dump_codec, lists_with_other_node_sizes)
{
	static const int limits[] = { -5, -4, -3, -1, 1, 2, 100, 0, 40000 };

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct rdb_write_options options = rdb_write_defaults;
		struct rdb_value *value;
		redisReply *original;
		char *written;
		size_t size;

		reference_run(redis,
			"CONFIG SET list-max-listpack-size %d rdbcompression no",
			limits[i]);
		script(DUMP_ELEMENTS
			"for i = 1, ARGV[1] do "
			"  redis.call('RPUSH', KEYS[1], element(i)) end",
			500);
		original = dump("key");
		value = decode(
			(struct bytes){ original->str, original->len }, "list");
		options.compress = false;
		options.list_node_size = limits[i];
		written = rdb_write(value, &options, &size);
		cr_expect(size == original->len &&
				memcmp(written, original->str, size) == 0,
			"list-max-listpack-size %d", limits[i]);
		free(written);
		rdb_value_free(value);
		freeReplyObject(original);
		reference_run(redis, "DEL key");
	}
}

Test(dump_codec, plain_nodes_of_lists)
{
	redisReply *original;

	reference_run(redis, "DEBUG QUICKLIST-PACKED-THRESHOLD 100b");
	script(DUMP_ELEMENTS "for i = 1, ARGV[1] do "
			     "  redis.call('RPUSH', KEYS[1], element(i)) end",
		200);
	original = dump("key");
	restore_copy((struct bytes){ original->str, original->len }, true,
		"plain nodes");
	expect_copy_is_same("plain nodes");
	freeReplyObject(original);
}

Test(dump_codec, sets)
{
	static const int counts[] = { 1, 30, 60, 200, 3000 };

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		script(DUMP_ELEMENTS
			"for i = 1, ARGV[1] do "
			"  redis.call('SADD', KEYS[1], element(i)) end",
			counts[i]);
		check("set", counts[i] == 1 ? "intset" : "hashtable");
	}
}

Test(dump_codec, sets_of_numbers)
{
	reference_run(redis, "SADD key 1 2 3 -32768 32767");
	check("16 bits", "intset");
	reference_run(redis, "SADD key 1 2 3 -32769");
	check("32 bits", "intset");
	reference_run(redis, "SADD key 2147483648 -1");
	check("64 bits", "intset");
	reference_run(
		redis, "SADD key 9223372036854775807 -9223372036854775808 0");
	check("extremes", "intset");
	script("for i = 1, ARGV[1] do redis.call('SADD', KEYS[1], i * 7) end",
		512);
	check("512 numbers", "intset");
	script("for i = 1, ARGV[1] do redis.call('SADD', KEYS[1], i * 7) end",
		513);
	check("513 numbers", "hashtable");
}

Test(dump_codec, sorted_sets)
{
	reference_run(redis,
		"ZADD key 1 a 1.5 b -2 c inf d -inf e 0 f -0.0 g 1e300 h 3e-310 i "
		"4611686018427387903 j 4611686018427387904 k 9.3e18 l -9.3e18 m "
		"1e17 n 127 o 128 p 4096 q 0.1 1 3 2 3 10 3 b:");
	check("scores", "listpack");
	script("for i = 1, ARGV[1] do "
	       "  redis.call('ZADD', KEYS[1], (i * 37) % 100 / 8, 'm' .. i) end",
		128);
	check("128 members", "listpack");
	script("for i = 1, ARGV[1] do "
	       "  redis.call('ZADD', KEYS[1], (i * 37) % 100 / 8, 'm' .. i) end",
		129);
	check("129 members", "skiplist");
	script(DUMP_ELEMENTS
		"for i = 1, ARGV[1] do "
		"  redis.call('ZADD', KEYS[1], i % 17, element(i)) end",
		2000);
	check("long members", "skiplist");
}

Test(dump_codec, hashes)
{
	script("for i = 1, ARGV[1] do redis.call('HSET', KEYS[1], 'f' .. i, "
	       "  i * 1000) end",
		512);
	check("512 fields", "listpack");
	script("for i = 1, ARGV[1] do redis.call('HSET', KEYS[1], 'f' .. i, "
	       "  i * 1000) end",
		513);
	check("513 fields", "hashtable");
	script(DUMP_ELEMENTS
		"for i = 1, ARGV[1] do redis.call('HSET', KEYS[1], element(i), "
		"  element(i % 60 + 1)) end",
		1000);
	check("long fields", "hashtable");
	script("redis.call('HSET', KEYS[1], '', '', '1', ('x'):rep(64), "
	       "  ('y'):rep(64), '')",
		0);
	check("64 bytes", "listpack");
}

static void
check_stream(const char *what)
{
	redisReply *original = dump("key");
	struct bytes payload = { original->str, original->len };

	restore_copy(payload, true, what);
	expect_copy_is_same(what);
	expect_same(what, "XINFO STREAM key FULL COUNT 0",
		"XINFO STREAM copy FULL COUNT 0");
	freeReplyObject(original);
	expect_same_bytes(what);
	reference_run(redis, "DEL key copy");
}

Test(dump_codec, streams)
{
	reference_run(redis, "XADD key 1-1 a 1");
	check_stream("one entry");
	script("for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], "
	       "  (1600000000000 + i * i) .. '-' .. i % 7, 'field', i) end",
		1000);
	check_stream("1000 entries");
	script("for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], i .. '-0', "
	       "  'a' .. i % 3, ('b'):rep(i % 500), '', i) end",
		500);
	check_stream("fields in turn");
	script(DUMP_ELEMENTS
		"for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], i .. '-1', "
		"  element(i), element(i + 1), 'x', element(i + 2)) end",
		300);
	check_stream("long fields");
	reference_run(redis,
		"XADD key 18446744073709551615-18446744073709551614 f v");
	reference_run(redis,
		"XADD key 18446744073709551615-18446744073709551615 f v");
	check_stream("extreme ids");
	reference_run(redis, "XGROUP CREATE key group $ MKSTREAM");
	check_stream("no entries");
}

Test(dump_codec, streams_with_other_node_sizes)
{
	struct rdb_write_options options = rdb_write_defaults;
	struct rdb_value *value;
	redisReply *original;
	char *written;
	size_t size;

	reference_run(redis,
		"CONFIG SET stream-node-max-bytes 0 stream-node-max-entries 5000 "
		"rdbcompression no");
	script("for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], i .. '-0', "
	       "  'f', i) end",
		12000);
	original = dump("key");
	value = decode(
		(struct bytes){ original->str, original->len }, "stream");
	options.compress = false;
	options.stream_node_size_max = 0;
	options.stream_node_entries_max = 5000;
	written = rdb_write(value, &options, &size);
	cr_expect(size == original->len &&
		memcmp(written, original->str, size) == 0);
	free(written);
	rdb_value_free(value);
	freeReplyObject(original);
}

Test(dump_codec, streams_with_groups)
{
	script("for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], i .. '-0', "
	       "  'f', i) end "
	       "redis.call('XGROUP', 'CREATE', KEYS[1], 'g1', '0') "
	       "redis.call('XGROUP', 'CREATE', KEYS[1], 'g2', '3', "
	       "  'ENTRIESREAD', '3') "
	       "redis.call('XGROUP', 'CREATE', KEYS[1], 'g0', '$') "
	       "redis.call('XGROUP', 'CREATE', KEYS[1], '', '9-9') "
	       "for i = 1, 20 do redis.call('XREADGROUP', 'GROUP', 'g1', "
	       "  'c' .. i % 3, 'COUNT', 10, 'STREAMS', KEYS[1], '>') end "
	       "redis.call('XACK', KEYS[1], 'g1', '5-0', '77-0') "
	       "redis.call('XCLAIM', KEYS[1], 'g1', 'c9', 0, '6-0', "
	       "  'RETRYCOUNT', 70) "
	       "redis.call('XGROUP', 'CREATECONSUMER', KEYS[1], 'g2', 'idle') "
	       "redis.call('XREADGROUP', 'GROUP', 'g2', '', 'COUNT', 1, "
	       "  'STREAMS', KEYS[1], '>')",
		300);
	check_stream("groups");
}

/* The payload does not keep tombstones, so its bytes are not Redis'. */
Test(dump_codec, streams_with_deleted_entries)
{
	redisReply *original;

	script("for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], i .. '-0', "
	       "  'f', i) end "
	       "redis.call('XGROUP', 'CREATE', KEYS[1], 'g', '0') "
	       "redis.call('XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', 50, "
	       "  'STREAMS', KEYS[1], '>') "
	       "for i = 3, ARGV[1], 7 do redis.call('XDEL', KEYS[1], i .. '-0') "
	       "  end "
	       "redis.call('XTRIM', KEYS[1], 'MINID', 11)",
		250);
	original = dump("key");
	restore_copy((struct bytes){ original->str, original->len }, true,
		"deleted entries");
	expect_copy_is_same("deleted entries");
	expect_same("entries", "XRANGE key - +", "XRANGE copy - +");
	expect_same("groups", "XINFO GROUPS key", "XINFO GROUPS copy");
	expect_same("pending", "XPENDING key g", "XPENDING copy g");
	freeReplyObject(original);

	reference_run(redis, "XTRIM key MAXLEN 0");
	original = dump("key");
	restore_copy((struct bytes){ original->str, original->len }, true,
		"all deleted");
	expect_same("all deleted", "XINFO STREAM key FULL COUNT 0",
		"XINFO STREAM copy FULL COUNT 0");
	freeReplyObject(original);
}
