/* Payloads of DUMP that were tampered with: the codec accepts none that a real
 * redis-server refuses, and what both accept is the same value to both.
 *
 * Changes are random, from a fixed seed; HOSTILE_ROUNDS and HOSTILE_SEED in the
 * environment ask for more or others. */
#include "commands/rdb_checksum.h"
#include "commands/rdb_format.h"
#include "commands/rdb_little_endian.h"
#include "commands/rdb_read.h"
#include "commands/rdb_write.h"
#include "storage/base/bytes.h"
#include "storage/base/memory.h"
#include "tests/support/reference_server.h"

#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLE_COUNT = 16, GROWTH_MAX = 16, DEFAULT_ROUNDS = 3000 };

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

TestSuite(dump_hostile, .init = start, .fini = stop);

static unsigned
random_below(unsigned *seed, size_t bound)
{
	return (unsigned)rand_r(seed) % (unsigned)bound;
}

/* One value of each encoding, under the keys 0 to SAMPLE_COUNT - 1. */
static void
make_samples(void)
{
	static const char *const commands[SAMPLE_COUNT] = {
		"SET 0 some-text",
		"SET 1 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbb",
		"RPUSH 2 a 1 300 -70000 bb 99999999999",
		"SADD 3 a b c 1 2",
		"SADD 4 1 2 3 400 70000",
		"ZADD 5 1 a 2.5 b 300 c",
		"HSET 6 a 1 b 2 c d e 500",
		"XADD 7 1-1 a 1 b 2",
		"XADD 7 2-1 a 3 b 4",
		"XADD 7 3-7 c 3 d 4 e 5",
		"XADD 8 1-1 a 1",
		"XADD 8 2-1 a 1",
		"XGROUP CREATE 8 g 0",
		"XREADGROUP GROUP g c COUNT 1 STREAMS 8 >",
		"XREADGROUP GROUP g d COUNT 1 STREAMS 8 >",
		"XDEL 8 1-1",
	};

	for (size_t i = 0; i < SAMPLE_COUNT; i++)
		reference_run(redis, commands[i]);
	reference_run(redis,
		"CONFIG SET zset-max-listpack-entries 0 "
		"hash-max-listpack-entries 0");
	reference_run(redis, "ZADD 9 1 a 2.5 b 300 c");
	reference_run(redis, "HSET 10 a 1 b 2 c d e 500");
	reference_run(redis,
		"CONFIG SET zset-max-listpack-entries 128 "
		"hash-max-listpack-entries 512");
}

/* Changes a few bytes of the body; returns its new size. */
static size_t
tamper(uint8_t *body, size_t size, unsigned *seed)
{
	unsigned changes = 1 + random_below(seed, 3);

	for (unsigned i = 0; i < changes; i++) {
		size_t at = random_below(seed, size);

		switch (random_below(seed, 6)) {
		case 0:
			body[at] = (uint8_t)random_below(seed, 256);
			break;
		case 1:
			body[at] ^= (uint8_t)(1 << random_below(seed, 8));
			break;
		case 2:
			body[at]++;
			break;
		case 3:
			body[at]--;
			break;
		case 4:
			memmove(body + at + 1, body + at, size - at);
			size++;
			break;
		default:
			if (size < 2)
				break;
			memmove(body + at, body + at + 1, size - at - 1);
			size--;
		}
	}
	return size;
}

/* Appends version and checksum. */
static struct bytes
seal(uint8_t *body, size_t size)
{
	little_endian_store(body + size, RDB_VERSION_SIZE, RDB_VERSION);
	size += RDB_VERSION_SIZE;
	little_endian_store(body + size, RDB_CHECKSUM_SIZE,
		rdb_checksum((struct bytes){ (char *)body, size }));
	return (struct bytes){ (char *)body, size + RDB_CHECKSUM_SIZE };
}

static bool
redis_accepts(const char *key, struct bytes payload)
{
	redisReply *reply = redisCommand(redis, "RESTORE %s 0 %b REPLACE", key,
		payload.data, payload.size);
	bool accepts;

	cr_assert_not_null(reply, "redis-server is gone");
	accepts = reply->type != REDIS_REPLY_ERROR;
	freeReplyObject(reply);
	return accepts;
}

static char *
in_hexadecimal(struct bytes payload)
{
	char *text = memory_allocate(2 * payload.size + 1);

	for (size_t i = 0; i < payload.size; i++)
		sprintf(text + 2 * i, "%02x", (uint8_t)payload.data[i]);
	return text;
}

static void
expect_same_value(struct rdb_value *value, struct bytes payload)
{
	size_t size;
	char *written = rdb_write(value, &rdb_write_defaults, &size);
	char *hexadecimal = in_hexadecimal(payload);
	char *expected, *actual;

	cr_assert(redis_accepts("copy", (struct bytes){ written, size }),
		"copy of %s", hexadecimal);
	expected = reference_ask(redis, "DEBUG DIGEST-VALUE tampered");
	actual = reference_ask(redis, "DEBUG DIGEST-VALUE copy");
	cr_expect_str_eq(actual, expected, "%s", hexadecimal);
	free(expected);
	free(actual);
	free(written);
	free(hexadecimal);
}

static void
compare_verdicts(struct bytes payload, size_t counts[static 3])
{
	struct rdb_read_options options = { .memory_max = 1 << 24 };
	struct rdb_value *value;
	enum rdb_read_status status = rdb_read(payload, &options, &value);
	bool accepted = redis_accepts("tampered", payload);
	char *hexadecimal = in_hexadecimal(payload);

	cr_expect(accepted || status != RDB_READ_OK, "Redis alone refuses %s",
		hexadecimal);
	if (accepted && status == RDB_READ_OK)
		expect_same_value(value, payload);
	if (accepted && status != RDB_READ_OK && getenv("HOSTILE_ROUNDS"))
		fprintf(stderr, "only Redis accepts %s\n", hexadecimal);
	counts[accepted ? (status == RDB_READ_OK ? 0 : 1) : 2]++;
	rdb_value_free(value);
	free(hexadecimal);
}

Test(dump_hostile, tampered_payloads_are_judged_as_by_redis)
{
	const char *rounds = getenv("HOSTILE_ROUNDS");
	const char *first = getenv("HOSTILE_SEED");
	unsigned seed = first ? (unsigned)atoi(first) : 1;
	size_t counts[3] = { 0 };

	reference_run(redis, "CONFIG SET sanitize-dump-payload yes");
	make_samples();
	for (int i = rounds ? atoi(rounds) : DEFAULT_ROUNDS; i > 0; i--) {
		redisReply *dump = redisCommand(redis, "DUMP %d", i % 11);
		uint8_t *body = memory_allocate(dump->len + GROWTH_MAX);
		size_t size = dump->len - RDB_FOOTER_SIZE;

		memcpy(body, dump->str, size);
		size = tamper(body, size, &seed);
		compare_verdicts(seal(body, size), counts);
		free(body);
		freeReplyObject(dump);
	}
	fprintf(stderr, "%zu accepted, %zu by Redis alone, %zu refused\n",
		counts[0], counts[1], counts[2]);
	cr_expect_gt(counts[0], 0);
	cr_expect_gt(counts[2], 0);
}
