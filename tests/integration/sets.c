/* Sets: every command, its options and its errors. */
#include "tests/support/shared_server.h"
#include "tests/support/transcript.h"

#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WRONG_TYPE \
	"-WRONGTYPE Operation against a key holding the wrong kind of value"
#define NOT_INTEGER "-ERR value is not an integer or out of range"

static void
play(const struct exchange *exchanges)
{
	redisContext *client = shared_server_clear();

	transcript_play(client, exchanges);
	redisFree(client);
}

Test(sets, members_are_added_and_removed)
{
	play((struct exchange[]){
		{ "SADD s a b a c", ":3" },
		{ "SADD s c d", ":1" },
		{ "SCARD s", ":4" },
		{ "SCARD none", ":0" },
		{ "SISMEMBER s a", ":1" },
		{ "SISMEMBER s z", ":0" },
		{ "SISMEMBER none a", ":0" },
		{ "SMISMEMBER s a z b a", "[:1 :0 :1 :1]" },
		{ "SMISMEMBER none a b", "[:0 :0]" },
		{ "SREM s a a z", ":1" },
		{ "SREM none a", ":0" },
		{ "SCARD s", ":3" },
		{ "SREM s b c d e", ":3" },
		{ "EXISTS s", ":0" },
		{ "SMEMBERS s", "[]" },
		{ 0 },
	});
}

Test(sets, integers_come_in_order)
{
	play((struct exchange[]){
		{ "SADD s 5 -3 100 7 20 -20 0 9223372036854775807 "
		  "-9223372036854775808",
			":9" },
		{ "SMEMBERS s",
			"[$-9223372036854775808 $-20 $-3 $0 $5 $7 $20 $100 "
			"$9223372036854775807]" },
		{ "OBJECT ENCODING s", "$intset" },
		{ "SADD s 007", ":1" },
		{ "OBJECT ENCODING s", "$hashtable" },
		{ "SREM s 007", ":1" },
		{ "OBJECT ENCODING s", "$hashtable" },
		{ "SADD big 9223372036854775808", ":1" },
		{ "OBJECT ENCODING big", "$hashtable" },
		{ "CONFIG SET set-max-intset-entries 2", "+OK" },
		{ "SADD few 1 2", ":2" },
		{ "OBJECT ENCODING few", "$intset" },
		{ "SADD few 3", ":1" },
		{ "OBJECT ENCODING few", "$hashtable" },
		{ "CONFIG SET set-max-intset-entries 512", "+OK" },
		{ 0 },
	});
}

Test(sets, several_are_combined)
{
	play((struct exchange[]){
		{ "SADD a 1 2 3 4", ":4" },
		{ "SADD b 3 4 5", ":3" },
		{ "SADD c 4 6", ":2" },
		{ "SINTER a b c", "[$4]" },
		{ "SINTER a none", "[]" },
		{ "SINTERSTORE d a a", ":4" },
		{ "SINTERSTORE d a b", ":2" },
		{ "SMEMBERS d", "[$3 $4]" },
		{ "SUNIONSTORE d a b c none c", ":6" },
		{ "SMEMBERS d", "[$1 $2 $3 $4 $5 $6]" },
		{ "SDIFFSTORE d a b c", ":2" },
		{ "SMEMBERS d", "[$1 $2]" },
		{ "SDIFF none a", "[]" },
		{ "SDIFF a a", "[]" },
		{ "SDIFF a b a", "[]" },
		{ "SUNION none none", "[]" },
		{ "SINTERCARD 2 a b", ":2" },
		{ "SINTERCARD 2 a b LIMIT 1", ":1" },
		{ "SINTERCARD 2 a b LIMIT 0", ":2" },
		{ "SINTERCARD 2 a none", ":0" },
		{ "SUNIONSTORE a a b", ":5" },
		{ "SMEMBERS a", "[$1 $2 $3 $4 $5]" },
		{ "SDIFFSTORE a a a", ":0" },
		{ "EXISTS a", ":0" },
		{ "SET str v EX 100", "+OK" },
		{ "SINTERSTORE str b c", ":1" },
		{ "TTL str", ":-1" },
		{ "SMEMBERS str", "[$4]" },
		{ "SINTERSTORE str none", ":0" },
		{ "EXISTS str", ":0" },
		{ 0 },
	});
}

Test(sets, members_move)
{
	play((struct exchange[]){
		{ "SADD s a b", ":2" },
		{ "SMOVE s t a", ":1" },
		{ "SMOVE s t a", ":0" },
		{ "SMEMBERS t", "[$a]" },
		{ "SADD s a", ":1" },
		{ "SMOVE s t a", ":1" },
		{ "SCARD t", ":1" },
		{ "SMOVE s s b", ":1" },
		{ "SMOVE s s z", ":0" },
		{ "SMOVE s t b", ":1" },
		{ "EXISTS s", ":0" },
		{ "SCARD t", ":2" },
		{ "SMOVE none t a", ":0" },
		{ 0 },
	});
}

Test(sets, other_types_are_refused)
{
	static const char *const commands[] = { "SADD x a", "SREM x a",
		"SCARD x", "SMEMBERS x", "SISMEMBER x a", "SMISMEMBER x a b",
		"SPOP x", "SPOP x 1", "SPOP x 0", "SRANDMEMBER x",
		"SRANDMEMBER x 1", "SRANDMEMBER x 0", "SSCAN x 0",
		"SMOVE x s a", "SMOVE s x a", "SMOVE s x none", "SINTER x",
		"SINTER none x", "SINTER s x", "SUNION none x", "SDIFF x none",
		"SDIFF none x", "SINTERSTORE d none x", "SUNIONSTORE d s x",
		"SDIFFSTORE d x", "SINTERCARD 2 x none" };
	redisContext *client = shared_server_clear();

	transcript_expect(client, "SET x v", "+OK");
	transcript_expect(client, "SADD s a", ":1");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		transcript_expect(client, commands[i], WRONG_TYPE);
	transcript_expect(client, "SMOVE none x a", ":0");
	transcript_expect(client, "EXISTS d", ":0");
	transcript_expect(client, "SCARD s", ":1");
	redisFree(client);
}

Test(sets, arguments_are_checked)
{
	play((struct exchange[]){
		{ "SPOP s -1", "-ERR value is out of range, must be positive" },
		{ "SPOP s x", "-ERR value is out of range, must be positive" },
		{ "SPOP s 1 2", "-ERR syntax error" },
		{ "SRANDMEMBER s x", NOT_INTEGER },
		{ "SRANDMEMBER s 1 2", "-ERR syntax error" },
		{ "SRANDMEMBER s -9223372036854775808",
			"-ERR value is out of range, value must between "
			"-9223372036854775807 and 9223372036854775807" },
		{ "SINTERCARD 0 s", "-ERR numkeys should be greater than 0" },
		{ "SINTERCARD x s", "-ERR numkeys should be greater than 0" },
		{ "SINTERCARD 2 s",
			"-ERR Number of keys can't be greater than number of "
			"args" },
		{ "SINTERCARD 1 s LIMIT", "-ERR syntax error" },
		{ "SINTERCARD 1 s FOO 1", "-ERR syntax error" },
		{ "SINTERCARD 1 s LIMIT -1", "-ERR LIMIT can't be negative" },
		{ "SINTERCARD 1 s LIMIT x", "-ERR LIMIT can't be negative" },
		{ "SSCAN s 0 COUNT 0", "-ERR syntax error" },
		{ "SSCAN s 0 NOVALUES", "-ERR syntax error" },
		{ "SSCAN s x", "-ERR invalid cursor" },
		{ 0 },
	});
}

Test(sets, random_members_are_taken_out)
{
	play((struct exchange[]){
		{ "SPOP none", "_" },
		{ "SPOP none 2", "[]" },
		{ "SRANDMEMBER none", "_" },
		{ "SRANDMEMBER none -2", "[]" },
		{ "SADD s a", ":1" },
		{ "SRANDMEMBER s", "$a" },
		{ "SRANDMEMBER s 5", "[$a]" },
		{ "SRANDMEMBER s -3", "[$a $a $a]" },
		{ "SRANDMEMBER s 0", "[]" },
		{ "SPOP s 0", "[]" },
		{ "SPOP s", "$a" },
		{ "EXISTS s", ":0" },
		{ "SADD s a", ":1" },
		{ "SPOP s 5", "[$a]" },
		{ "EXISTS s", ":0" },
		{ 0 },
	});
}

Test(sets, expired_keys_begin_anew)
{
	play((struct exchange[]){
		{ "SADD s a b", ":2" },
		{ "PEXPIREAT s 1", ":1" },
		{ "SMEMBERS s", "[]" },
		{ "SISMEMBER s a", ":0" },
		{ "SINTER s", "[]" },
		{ "SUNION s", "[]" },
		{ "SREM s a", ":0" },
		{ "SADD s c", ":1" },
		{ "SMEMBERS s", "[$c]" },
		{ "TTL s", ":-1" },
		{ 0 },
	});
}

Test(sets, members_are_bytes_of_any_size)
{
	static const size_t sizes[] = { 0, 1, 1023, 1024, 1025, 100000 };
	redisContext *client = shared_server_clear();
	redisReply *reply;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t size = sizes[i];
		char *bytes = malloc(size + 1);

		for (size_t j = 0; j < size; j++)
			bytes[j] = (char)(j * 7 + j / 256 + 255);
		for (int round = 0; round < 2; round++) {
			reply = redisCommand(client, "SADD s %b", bytes, size);
			cr_expect_eq(reply->integer, round == 0, "%zu", size);
			freeReplyObject(reply);
		}
		reply = redisCommand(client, "SMOVE s t %b", bytes, size);
		cr_expect_eq(reply->integer, 1, "%zu", size);
		freeReplyObject(reply);
		reply = redisCommand(client, "SPOP t");
		cr_assert_eq(reply->len, (int)size);
		cr_expect(memcmp(reply->str, bytes, size) == 0);
		freeReplyObject(reply);
		free(bytes);
	}
	transcript_expect(client, "EXISTS s t", ":0");
	redisFree(client);
}

static void
fill(redisContext *client, int count)
{
	for (int i = 0; i < count; i++)
		redisAppendCommand(client, "SADD s m%d", i);
	for (int i = 0; i < count; i++) {
		redisReply *reply;

		cr_assert_eq(redisGetReply(client, (void **)&reply), REDIS_OK);
		cr_expect_eq(reply->integer, 1);
		freeReplyObject(reply);
	}
}

static int
mark(const redisReply *members, bool *seen)
{
	int count = 0;

	for (size_t i = 0; i < members->elements; i++) {
		int member = atoi(members->element[i]->str + 1);

		count += !seen[member];
		seen[member] = true;
	}
	return count;
}

/* Asks for `wanted` members and expects as many, all different. */
static void
expect_different(
	redisContext *client, const char *command, int wanted, bool *seen)
{
	redisReply *reply = redisCommand(client, command, wanted);

	cr_expect_eq(reply->elements, (size_t)wanted, "%s", command);
	cr_expect_eq(mark(reply, seen), wanted, "%s", command);
	freeReplyObject(reply);
}

Test(sets, a_scan_meets_every_member_once)
{
	enum { COUNT = 3000 };
	static bool seen[COUNT];
	redisContext *client = shared_server_clear();
	char cursor[32] = "0";
	int met = 0;

	fill(client, COUNT);
	do {
		redisReply *reply =
			redisCommand(client, "SSCAN s %s COUNT 100", cursor);

		snprintf(cursor, sizeof(cursor), "%s", reply->element[0]->str);
		met += mark(reply->element[1], seen);
		freeReplyObject(reply);
	} while (strcmp(cursor, "0") != 0);
	cr_expect_eq(met, COUNT);
	redisFree(client);
}

Test(sets, long_answers_are_complete)
{
	enum { COUNT = 2500 };
	redisContext *client = shared_server_clear();
	static const char *const commands[] = { "SMEMBERS s", "SUNION s none",
		"SINTER s s", "SDIFF s none" };

	fill(client, COUNT);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		bool seen[COUNT] = { false };

		expect_different(client, commands[i], COUNT, seen);
	}
	redisFree(client);
}

Test(sets, random_members_are_all_alike)
{
	/* More than are looked at one by one. */
	enum { COUNT = 1000, DRAWS = 100000 };
	static int hits[COUNT];
	redisContext *client = shared_server_clear();
	redisReply *reply;
	const double mean = (double)DRAWS / COUNT;
	double chi_square = 0;

	fill(client, COUNT);
	reply = redisCommand(client, "SRANDMEMBER s -%d", DRAWS);
	cr_assert_eq(reply->elements, DRAWS);
	for (int i = 0; i < DRAWS; i++)
		hits[atoi(reply->element[i]->str + 1)]++;
	for (int i = 0; i < COUNT; i++) {
		double excess = hits[i] - mean;

		chi_square += excess * excess / mean;
	}
	/* 999 degrees of freedom: one in a million is above. */
	cr_expect_lt(chi_square, 1225);
	freeReplyObject(reply);
	redisFree(client);
}

Test(sets, random_members_differ_when_they_must)
{
	enum { COUNT = 1500 };
	bool popped[COUNT] = { false };
	redisContext *client = shared_server_clear();

	fill(client, COUNT);
	for (int wanted = 1; wanted <= COUNT; wanted *= 3) {
		bool seen[COUNT] = { false };

		expect_different(client, "SRANDMEMBER s %d", wanted, seen);
	}
	for (int wanted = 1; wanted <= COUNT / 3; wanted *= 3)
		expect_different(client, "SPOP s %d", wanted, popped);
	transcript_expect(client, "SCARD s", ":1136");
	expect_different(client, "SPOP s %d", 1136, popped);
	transcript_expect(client, "EXISTS s", ":0");
	redisFree(client);
}

static void
expect_bytes(int fd, const char *command, const char *reply)
{
	size_t size = strlen(reply), got = 0;
	char *buffer = calloc(1, size + 1);

	cr_assert_eq(
		write(fd, command, strlen(command)), (ssize_t)strlen(command));
	while (got < size) {
		ssize_t count = read(fd, buffer + got, size - got);

		cr_assert_gt(count, 0);
		got += (size_t)count;
	}
	cr_expect_str_eq(buffer, reply, "%s", command);
	free(buffer);
}

Test(sets, protocols_shape_the_answers)
{
	redisContext *client = shared_server_clear();
	char greeting[1000];

	expect_bytes(client->fd, "SADD s a\r\n", ":1\r\n");
	expect_bytes(client->fd, "SMEMBERS s\r\n", "*1\r\n$1\r\na\r\n");
	cr_assert_eq(write(client->fd, "HELLO 3\r\n", 9), 9);
	cr_assert_gt(read(client->fd, greeting, sizeof(greeting)), 0);
	expect_bytes(client->fd, "SMEMBERS s\r\n", "~1\r\n$1\r\na\r\n");
	expect_bytes(client->fd, "SINTER s\r\n", "~1\r\n$1\r\na\r\n");
	expect_bytes(client->fd, "SUNION none\r\n", "~0\r\n");
	expect_bytes(client->fd, "SRANDMEMBER s 1\r\n", "*1\r\n$1\r\na\r\n");
	expect_bytes(client->fd, "SPOP s 1\r\n", "~1\r\n$1\r\na\r\n");
	expect_bytes(client->fd, "SPOP s\r\n", "_\r\n");
	redisFree(client);
}

/* Pipelined, many calls share an execution; each answers for itself. */
Test(sets, a_client_sees_its_own_writes_in_order)
{
	static const struct exchange exchanges[] = {
		{ "SADD s a", ":1" },
		{ "SADD s a", ":0" },
		{ "SADD str a", WRONG_TYPE },
		{ "SADD s a b", ":1" },
		{ "SISMEMBER s b", ":1" },
		{ "SREM str a", WRONG_TYPE },
		{ "SREM s a none", ":1" },
		{ "SADD s a", ":1" },
		{ "SMOVE s t a", ":1" },
		{ "SCARD t", ":1" },
		{ "SREM t a", ":1" },
		{ "SREM s b", ":1" },
		{ "EXISTS s t", ":0" },
	};
	enum { ROUNDS = 50, COUNT = sizeof(exchanges) / sizeof(exchanges[0]) };
	redisContext *client = shared_server_clear();

	transcript_expect(client, "SET str v", "+OK");
	for (int i = 0; i < ROUNDS; i++)
		for (int j = 0; j < COUNT; j++)
			redisAppendCommand(client, exchanges[j].command);
	for (int i = 0; i < ROUNDS * COUNT; i++) {
		const char *wanted = exchanges[i % COUNT].reply;
		redisReply *reply;

		cr_assert_eq(redisGetReply(client, (void **)&reply), REDIS_OK);
		if (wanted[0] == ':')
			cr_expect_eq(reply->integer, atoi(wanted + 1),
				"%s: %lld", exchanges[i % COUNT].command,
				reply->integer);
		else
			cr_expect_str_eq(reply->str, wanted + 1, "%s",
				exchanges[i % COUNT].command);
		freeReplyObject(reply);
	}
	redisFree(client);
}
