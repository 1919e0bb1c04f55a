/* DUMP and RESTORE: values go from a real redis-server through ours and back,
 * and both answer alike. */
#include "storage/base/bytes.h"
#include "storage/base/memory.h"
#include "tests/support/dump_values.h"
#include "tests/support/reference_server.h"
#include "tests/support/shared_server.h"
#include "tests/support/transcript.h"

#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct reference_server *server;
static redisContext *redis; /* the real one */
static redisContext *ours;

static void
start(void)
{
	server = reference_server_start(&redis);
	ours = shared_server_clear();
}

static void
stop(void)
{
	redisFree(ours);
	reference_server_stop(server);
}

TestSuite(dump, .init = start, .fini = stop, .timeout = 120);

static redisReply *
dump(redisContext *from, const char *key)
{
	redisReply *reply = redisCommand(from, "DUMP %s", key);

	cr_assert(reply && reply->type == REDIS_REPLY_STRING, "DUMP %s: %s",
		key, reply ? reply->str : from->errstr);
	return reply;
}

static void
restore(redisContext *to, const char *key, const redisReply *payload,
	const char *what)
{
	redisReply *reply = redisCommand(
		to, "RESTORE %s 0 %b REPLACE", key, payload->str, payload->len);

	cr_assert(reply && reply->type == REDIS_REPLY_STATUS, "%s: %s", what,
		reply ? reply->str : to->errstr);
	freeReplyObject(reply);
}

static void
expect_same(const char *what, const char *format, const char *other_format)
{
	char *expected = reference_ask(redis, format);
	char *actual = reference_ask(redis, other_format);

	cr_expect_str_eq(actual, expected, "%s: %s", what, format);
	free(expected);
	free(actual);
}

/* Both servers answer alike. */
static void
expect_same_here(const char *what, const char *command)
{
	char *expected = reference_ask(redis, command);
	char *actual = reference_ask(ours, command);

	cr_expect_str_eq(actual, expected, "%s: %s", what, command);
	free(expected);
	free(actual);
}

/* Redis' value "key" goes through our server and comes back as "copy". */
static void
check_journey(const char *what)
{
	redisReply *payload = dump(redis, "key");

	restore(ours, "key", payload, what);
	freeReplyObject(payload);
	payload = dump(ours, "key");
	restore(redis, "copy", payload, what);
	freeReplyObject(payload);
	expect_same(what, "DEBUG DIGEST-VALUE key", "DEBUG DIGEST-VALUE copy");
	expect_same(what, "OBJECT ENCODING key", "OBJECT ENCODING copy");
	reference_run(redis, "DEL key copy");
}

static void
script(const char *code, int number)
{
	reference_run(redis, "EVAL %s 1 key %d", code, number);
}

Test(dump, strings_travel)
{
	static const char *const texts[] = { "", "a", "0", "-129", "32768",
		"9223372036854775807", "9223372036854775808", "007",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	char *large = memory_allocate_zeroed(1, 300000);

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		reference_run(redis, "SET key %s", texts[i]);
		check_journey(texts[i]);
	}
	large[7] = '\xff';
	reference_run(redis, "SET key %b", large, (size_t)300000);
	check_journey("300,000 bytes");
	free(large);
}

Test(dump, collections_travel)
{
	static const struct {
		const char *code;
		int number;
	} values[] = {
		{ "redis.call('RPUSH', KEYS[1], element(i))", 1 },
		{ "redis.call('RPUSH', KEYS[1], element(i))", 60 },
		{ "redis.call('RPUSH', KEYS[1], element(i % 50 + 1))", 999 },
		{ "redis.call('RPUSH', KEYS[1], element(i))", 1200 },
		{ "redis.call('SADD', KEYS[1], i * 7)", 300 },
		{ "redis.call('SADD', KEYS[1], element(i))", 60 },
		{ "redis.call('SADD', KEYS[1], element(i))", 1200 },
		{ "redis.call('ZADD', KEYS[1], i % 7 - 3.5, 'm' .. i)", 100 },
		{ "redis.call('ZADD', KEYS[1], i * 1e300, i)", 10 },
		{ "redis.call('ZADD', KEYS[1], i % 17, element(i))", 1200 },
		{ "redis.call('HSET', KEYS[1], 'f' .. i, i)", 300 },
		{ "redis.call('HSET', KEYS[1], element(i), element(i + 1))",
			60 },
		{ "redis.call('HSET', KEYS[1], element(i), i)", 1200 },
		{ "redis.call('XADD', KEYS[1], i .. '-1', 'a', i, 'b', i)",
			300 },
		{ "redis.call('XADD', KEYS[1], i .. '-1', 'f', element(i))",
			60 },
		{ "redis.call('XADD', KEYS[1], i .. '-1', 'f' .. i % 3, i)",
			1200 },
	};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		char *code = memory_print("%s for i = 1, ARGV[1] do %s end",
			DUMP_ELEMENTS, values[i].code);

		script(code, values[i].number);
		check_journey(values[i].code);
		free(code);
	}
}

Test(dump, odd_values_travel)
{
	reference_run(redis, "ZADD key inf a -inf b -0.0 c 3e-310 d 0.1 e");
	check_journey("scores");
	reference_run(redis, "RPUSH key %s %s", "", "");
	check_journey("empty items");
	reference_run(redis, "HSET key %s %s", "", "");
	check_journey("empty field");
	reference_run(redis, "SADD key -1 9223372036854775807");
	check_journey("wide numbers");
}

/* What DEBUG DIGEST-VALUE does not look at. */
static void
check_stream_journey(const char *what)
{
	redisReply *payload = dump(redis, "key");

	restore(ours, "key", payload, what);
	freeReplyObject(payload);
	expect_same_here(what, "XRANGE key - +");
	expect_same_here(what, "XINFO GROUPS key");
	expect_same_here(what, "XPENDING key g1");
	payload = dump(ours, "key");
	restore(redis, "copy", payload, what);
	freeReplyObject(payload);
	expect_same(what, "XINFO STREAM key FULL COUNT 0",
		"XINFO STREAM copy FULL COUNT 0");
	expect_same(what, "DEBUG DIGEST-VALUE key", "DEBUG DIGEST-VALUE copy");
	reference_run(redis, "DEL key copy");
}

Test(dump, groups_of_streams_travel)
{
	for (int entries = 10; entries <= 10000; entries *= 10) {
		script("for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], "
		       "  i .. '-0', 'f', i) end "
		       "redis.call('XGROUP', 'CREATE', KEYS[1], 'g1', '0') "
		       "redis.call('XGROUP', 'CREATE', KEYS[1], 'g2', '3', "
		       "  'ENTRIESREAD', '3') "
		       "redis.call('XGROUP', 'CREATE', KEYS[1], "
		       "  ('long'):rep(400), '9-9') "
		       "for i = 1, 50 do redis.call('XREADGROUP', 'GROUP', "
		       "  'g1', 'c' .. i * 7 % 30, 'COUNT', 100, 'STREAMS', "
		       "  KEYS[1], '>') end "
		       "redis.call('XACK', KEYS[1], 'g1', '5-0', '77-0') "
		       "redis.call('XCLAIM', KEYS[1], 'g1', 'c9', 0, '6-0', "
		       "  'RETRYCOUNT', 70) "
		       "redis.call('XGROUP', 'CREATECONSUMER', KEYS[1], 'g2', "
		       "  ('idle'):rep(300))",
			entries);
		check_stream_journey("groups");
	}
	reference_run(redis, "XGROUP CREATE key g $ MKSTREAM");
	check_stream_journey("no entries");
	reference_run(redis,
		"XADD key 18446744073709551615-18446744073709551615 "
		"f v");
	check_stream_journey("greatest id");
	reference_run(redis, "XADD key 1-1 f v");
	reference_run(redis, "XADD key 2-1 f v");
	reference_run(redis, "XDEL key 2-1");
	reference_run(redis, "XDEL key 1-1");
	check_stream_journey("all deleted");
}

/* What was restored is as good as what was made by commands: the same ones do
 * the same to it on both servers. */
static void
check_use(const char *code, const char *const *commands)
{
	redisReply *payload;

	script(code, 3000);
	payload = dump(redis, "key");
	restore(ours, "key", payload, code);
	freeReplyObject(payload);
	for (int i = 0; commands[i] != NULL; i++)
		expect_same_here(code, commands[i]);
	payload = dump(ours, "key");
	restore(redis, "copy", payload, code);
	freeReplyObject(payload);
	expect_same(code, "DEBUG DIGEST-VALUE key", "DEBUG DIGEST-VALUE copy");
	reference_run(redis, "DEL key copy");
}

Test(dump, restored_values_are_used_like_others)
{
	check_use("for i = 1, ARGV[1] do redis.call('RPUSH', KEYS[1], i) end",
		(const char *const[]){ "LPUSH key a", "RPUSH key b c",
			"LINDEX key 1500", "LPOP key 5", "RPOP key 2",
			"LINSERT key BEFORE 100 x", "LREM key 1 200",
			"LTRIM key 10 2000", "LLEN key", "LRANGE key 80 100",
			NULL });
	check_use("for i = 1, ARGV[1] do redis.call('SADD', KEYS[1], i) end",
		(const char *const[]){ "SADD key 1 a", "SREM key 2 3 b",
			"SISMEMBER key 4", "SCARD key", NULL });
	check_use("for i = 1, ARGV[1] do redis.call('ZADD', KEYS[1], i * 7919 "
		  "  % 1009, 'm' .. i) end",
		(const char *const[]){ "ZRANK key m77", "ZREVRANK key m2999",
			"ZRANGE key 1500 1510 WITHSCORES", "ZADD key 5 new",
			"ZINCRBY key 100 m5", "ZRANK key m5", "ZPOPMIN key 10",
			"ZCOUNT key 100 500", "ZREMRANGEBYRANK key 100 2000",
			"ZRANK key m5", "ZRANGE key 0 30 REV", "ZCARD key",
			NULL });
	check_use("for i = 1, ARGV[1] do redis.call('HSET', KEYS[1], 'f' .. i, "
		  "  i) end",
		(const char *const[]){ "HSET key f1 x g y", "HDEL key f2 h",
			"HINCRBY key f3 5", "HLEN key", "HGET key f3", NULL });
	check_use(
		"for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], i .. '-1', "
		"  'f', i) end "
		"redis.call('XGROUP', 'CREATE', KEYS[1], 'g', '0') "
		"redis.call('XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', 1500, "
		"  'STREAMS', KEYS[1], '>') ",
		(const char *const[]){ "XADD key 3000-1 f v",
			"XADD key 3000-* f v", "XLEN key", "XDEL key 1-1 7-1",
			"XACK key g 1-1 2-1 3-1 2000-1", "XPENDING key g",
			"XREADGROUP GROUP g c COUNT 2 STREAMS key >",
			"XREADGROUP GROUP g d COUNT 2 STREAMS key 0",
			"XTRIM key MAXLEN ~ 2100", "XLEN key",
			"XTRIM key MAXLEN 1950", "XRANGE key - + COUNT 3",
			"XINFO GROUPS key", NULL });
}

Test(dump, long_and_binary_keys)
{
	char *key = memory_allocate_zeroed(1, 3000);
	redisReply *payload, *reply;

	key[1] = '\xff';
	reference_run(redis, "HSET key a 1");
	payload = dump(redis, "key");
	for (size_t size = 2; size <= 3000; size += 2998) {
		reply = redisCommand(ours, "RESTORE %b 0 %b", key, size,
			payload->str, payload->len);
		cr_expect_eq(reply->type, REDIS_REPLY_STATUS);
		freeReplyObject(reply);
		reply = redisCommand(ours, "DUMP %b", key, size);
		cr_expect_eq(reply->len, payload->len);
		cr_expect_eq(memcmp(reply->str, payload->str, reply->len), 0);
		freeReplyObject(reply);
	}
	freeReplyObject(payload);
	free(key);
}

Test(dump, payloads_are_those_of_redis)
{
	static const char *const commands[] = { "SET key 300", "SET key text",
		"RPUSH key a 1 b -70000", "SADD key 3 1 2",
		"ZADD key 1 a 2.5 b", "HSET key b 1 a 2" };

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		redisReply *theirs, *payload;

		reference_run(redis, commands[i]);
		theirs = dump(redis, "key");
		restore(ours, "key", theirs, commands[i]);
		payload = dump(ours, "key");
		cr_expect(payload->len == theirs->len &&
				memcmp(payload->str, theirs->str,
					theirs->len) == 0,
			"%s", commands[i]);
		freeReplyObject(theirs);
		freeReplyObject(payload);
		reference_run(redis, "DEL key");
	}
}

/* The reply to a RESTORE with the words in front of and behind the payload, as
 * text: from both servers, which must agree. */
static void
expect_alike(const char *before, const redisReply *payload, const char *after)
{
	redisContext *both[] = { redis, ours };
	char *replies[2];

	for (int i = 0; i < 2; i++) {
		char *format = memory_print("RESTORE %s %%b %s", before, after);

		replies[i] = reference_ask(
			both[i], format, payload->str, payload->len);
		free(format);
	}
	cr_expect_str_eq(
		replies[1], replies[0], "RESTORE %s … %s", before, after);
	free(replies[0]);
	free(replies[1]);
}

Test(dump, errors_are_those_of_redis)
{
	static const char *const options[] = { "", "REPLACE", "ABSTTL",
		"replace absttl", "nonsense", "IDLETIME", "FREQ", "IDLETIME 1",
		"IDLETIME -1", "IDLETIME x", "FREQ 255", "FREQ 256", "FREQ -1",
		"FREQ x", "IDLETIME 1 FREQ 1", "FREQ 1 IDLETIME 1",
		"REPLACE IDLETIME 5", "IDLETIME 9223372036854775807 REPLACE",
		"REPLACE REPLACE" };
	static const char *const times[] = { "0", "1000000", "-1", "x",
		"9223372036854775807", "9223372036854775808" };
	redisReply *payload, broken = { 0 };
	char before[64];

	reference_run(redis, "SET here text");
	payload = dump(redis, "here");
	restore(ours, "here", payload, "here");
	broken.str = memory_allocate(payload->len);
	broken.len = payload->len;
	memcpy(broken.str, payload->str, payload->len);
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		for (size_t j = 0; j < sizeof(times) / sizeof(times[0]); j++) {
			snprintf(before, sizeof(before), "here %s", times[j]);
			expect_alike(before, payload, options[i]);
			snprintf(before, sizeof(before), "k%zu-%zu %s", i, j,
				times[j]);
			expect_alike(before, payload, options[i]);
			broken.str[2] ^= 1;
			expect_alike(before, &broken, options[i]);
			expect_alike("here 0", &broken, options[i]);
			broken.str[2] ^= 1;
		}
	}
	free(broken.str);
	freeReplyObject(payload);
}

Test(dump, payloads_that_are_refused)
{
	redisReply payload = { 0 };
	char newer[] = "\0\x01"
		       "a\x0b\0........",
	     bad[] = "\0\x05"
		     "a\x0a\0........";

	payload.str = "";
	expect_alike("k 0", &payload, "");
	payload.str = "short";
	payload.len = 5;
	expect_alike("k 0", &payload, "");
	payload.str = newer;
	payload.len = 13;
	expect_alike("k 0", &payload, "");
	reference_run(redis, "DEBUG SET-SKIP-CHECKSUM-VALIDATION 1");
	reference_run(ours, "DEBUG SET-SKIP-CHECKSUM-VALIDATION 1");
	expect_alike("k 0", &payload, "");
	payload.str = bad;
	bad[1] = '\x41'; /* a length beyond the footer, too */
	expect_alike("k 0", &payload, "");
	reference_run(ours, "DEBUG SET-SKIP-CHECKSUM-VALIDATION 0");
	expect_alike("k", &payload, "");
}

Test(dump, expiry)
{
	redisReply *payload, *reply;
	long long ttl;

	reference_run(redis, "RPUSH key a b c");
	payload = dump(redis, "key");
	reply = redisCommand(
		ours, "RESTORE k 50000 %b", payload->str, payload->len);
	cr_expect_eq(reply->type, REDIS_REPLY_STATUS);
	freeReplyObject(reply);
	reply = redisCommand(ours, "PTTL k");
	ttl = reply->integer;
	cr_expect(ttl > 40000 && ttl <= 50000, "%lld", ttl);
	freeReplyObject(reply);
	transcript_expect(ours, "TYPE k", "+list");

	reply = redisCommand(ours, "RESTORE k 32503680000000 %b ABSTTL REPLACE",
		payload->str, payload->len);
	cr_expect_eq(reply->type, REDIS_REPLY_STATUS);
	freeReplyObject(reply);
	transcript_expect(ours, "PEXPIRETIME k", ":32503680000000");

	/* In the past: as if it had expired, and the old one is gone. */
	reply = redisCommand(ours, "RESTORE k 1000 %b ABSTTL REPLACE",
		payload->str, payload->len);
	cr_expect_eq(reply->type, REDIS_REPLY_STATUS);
	freeReplyObject(reply);
	transcript_expect(ours, "EXISTS k", ":0");
	transcript_expect(ours, "DUMP k", "_");

	/* What has expired is in nobody's way. */
	reply = redisCommand(
		ours, "RESTORE k 1 %b", payload->str, payload->len);
	freeReplyObject(reply);
	usleep(20000);
	transcript_expect(ours, "DUMP k", "_");
	reply = redisCommand(
		ours, "RESTORE k 0 %b", payload->str, payload->len);
	cr_expect_eq(reply->type, REDIS_REPLY_STATUS);
	freeReplyObject(reply);
	transcript_expect(ours, "TTL k", ":-1");
	freeReplyObject(payload);
}

Test(dump, idle_time)
{
	redisReply *payload, *reply;

	reference_run(redis, "SET key 1");
	payload = dump(redis, "key");
	reply = redisCommand(ours, "RESTORE k 0 %b IDLETIME 1000", payload->str,
		payload->len);
	cr_expect_eq(reply->type, REDIS_REPLY_STATUS);
	freeReplyObject(reply);
	reply = redisCommand(ours, "OBJECT IDLETIME k");
	cr_expect(reply->integer >= 1000 && reply->integer <= 1010, "%lld",
		reply->integer);
	freeReplyObject(reply);
	transcript_expect(ours, "INCR k", ":2");
	transcript_expect(ours, "OBJECT ENCODING k", "$int");
	freeReplyObject(payload);
}

/* It is kept in place of the idle time, by policy, until the next write. */
Test(dump, frequency)
{
	redisReply *payload, *reply;

	reference_run(redis, "SET key 1");
	payload = dump(redis, "key");
	transcript_expect(
		ours, "CONFIG SET maxmemory-policy allkeys-lfu", "+OK");
	reply = redisCommand(
		ours, "RESTORE k 0 %b FREQ 100", payload->str, payload->len);
	cr_expect_eq(reply->type, REDIS_REPLY_STATUS);
	freeReplyObject(reply);
	transcript_expect(ours, "OBJECT FREQ k", ":100");
	transcript_expect(
		ours, "CONFIG SET maxmemory-policy noeviction", "+OK");
	transcript_expect(ours, "OBJECT IDLETIME k", ":0");
	reply = redisCommand(ours, "RESTORE k 0 %b REPLACE FREQ 100",
		payload->str, payload->len);
	freeReplyObject(reply);
	transcript_expect(ours, "OBJECT IDLETIME k", ":0");
	freeReplyObject(payload);
}

static void
wait_for_blocked_client(void)
{
	for (int i = 0; i < 500; i++) {
		char *clients = reference_ask(ours, "INFO clients");
		bool blocked = strstr(clients, "blocked_clients:1\r") != NULL;

		free(clients);
		if (blocked)
			return;
		usleep(10000);
	}
	cr_assert_fail("nobody waits");
}

/* One who waits for a list gets what is restored. */
Test(dump, restoring_wakes_those_who_wait)
{
	redisContext *waiting = shared_server_connect();
	redisReply *payload, *reply;
	int written = 0;

	reference_run(redis, "RPUSH key a b");
	payload = dump(redis, "key");
	redisAppendCommand(waiting, "BLPOP k 30");
	while (!written)
		cr_assert_eq(redisBufferWrite(waiting, &written), REDIS_OK);
	wait_for_blocked_client();
	restore(ours, "k", payload, "list");
	cr_assert_eq(redisGetReply(waiting, (void **)&reply), REDIS_OK);
	cr_assert_eq(reply->type, REDIS_REPLY_ARRAY);
	cr_expect_str_eq(reply->element[1]->str, "a");
	transcript_expect(ours, "LRANGE k 0 -1", "[$b]");
	freeReplyObject(reply);
	freeReplyObject(payload);
	redisFree(waiting);
}

/* Another type takes the place of one, and of the old nothing is left. */
Test(dump, replacing_changes_the_type)
{
	redisReply *payload;

	reference_run(redis, "HSET key f v");
	payload = dump(redis, "key");
	transcript_expect(ours, "SET k text", "+OK");
	restore(ours, "k", payload, "hash");
	transcript_expect(ours, "HGETALL k", "[$f $v]");
	transcript_expect(ours, "HSET k g w", ":1");
	restore(ours, "k", payload, "hash");
	transcript_expect(ours, "HLEN k", ":1");
	freeReplyObject(payload);
	reference_run(redis, "SET other 12");
	payload = dump(redis, "other");
	restore(ours, "k", payload, "string");
	transcript_expect(ours, "GET k", "$12");
	transcript_expect(ours, "HGET k f",
		"-WRONGTYPE Operation against a key holding the wrong kind of "
		"value");
	freeReplyObject(payload);
}

/* The thresholds are the settings'. */
Test(dump, thresholds_are_settings)
{
	redisReply *reply;

	transcript_expect(ours, "HSET h a 1 b 2", ":2");
	reply = dump(ours, "h");
	cr_expect_eq(reply->str[0], 16);
	freeReplyObject(reply);
	transcript_expect(
		ours, "CONFIG SET hash-max-listpack-entries 1", "+OK");
	reply = dump(ours, "h");
	cr_expect_eq(reply->str[0], 4);
	freeReplyObject(reply);
	transcript_expect(
		ours, "CONFIG SET hash-max-listpack-entries 512", "+OK");
}

/* A pipeline of them keeps its order. */
Test(dump, pipelines)
{
	redisReply *payload, *reply;

	reference_run(redis, "SET key 5");
	payload = dump(redis, "key");
	for (int i = 0; i < 100; i++) {
		redisAppendCommand(ours, "RESTORE p%d 0 %b", i, payload->str,
			payload->len);
		redisAppendCommand(ours, "INCRBY p%d %d", i, i);
		redisAppendCommand(ours, "DUMP p%d", i);
		redisAppendCommand(ours, "DEL p%d", i);
	}
	for (int i = 0; i < 100; i++) {
		redisGetReply(ours, (void **)&reply);
		cr_expect_eq(reply->type, REDIS_REPLY_STATUS);
		freeReplyObject(reply);
		redisGetReply(ours, (void **)&reply);
		cr_expect_eq(reply->integer, 5 + i);
		freeReplyObject(reply);
		redisGetReply(ours, (void **)&reply);
		cr_assert_eq(reply->type, REDIS_REPLY_STRING);
		cr_expect_eq(reply->str[2], 5 + i);
		freeReplyObject(reply);
		redisGetReply(ours, (void **)&reply);
		cr_expect_eq(reply->integer, 1);
		freeReplyObject(reply);
	}
	freeReplyObject(payload);
}
