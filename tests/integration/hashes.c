/* Hashes: every command, its options and its errors. */
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

Test(hashes, fields_are_set_and_read)
{
	play((struct exchange[]){
		{ "HSET h a 1", ":1" },
		{ "HSET h a 2 b 3 a 4", ":1" },
		{ "HGET h a", "$4" },
		{ "HGET h none", "_" },
		{ "HGET none a", "_" },
		{ "HMSET h c 5", "+OK" },
		{ "HLEN h", ":3" },
		{ "HLEN none", ":0" },
		{ "HMGET h a none b a", "[$4 _ $3 $4]" },
		{ "HMGET none a b", "[_ _]" },
		{ "HEXISTS h a", ":1" },
		{ "HEXISTS h none", ":0" },
		{ "HEXISTS none a", ":0" },
		{ "HSTRLEN h a", ":1" },
		{ "HSTRLEN h none", ":0" },
		{ "HSTRLEN none a", ":0" },
		{ "HSETNX h a 9", ":0" },
		{ "HSETNX h d 9", ":1" },
		{ "HSETNX new a 1", ":1" },
		{ "HGETALL h", "[$a $4 $b $3 $c $5 $d $9]" },
		{ "HKEYS h", "[$a $b $c $d]" },
		{ "HVALS h", "[$4 $3 $5 $9]" },
		{ "HGETALL none", "[]" },
		{ "HDEL h a none a c", ":2" },
		{ "HDEL none a", ":0" },
		{ "HGETALL h", "[$b $3 $d $9]" },
		{ "HDEL h b d", ":2" },
		{ "EXISTS h", ":0" },
		{ 0 },
	});
}

Test(hashes, small_ones_keep_the_order_of_insertion)
{
	play((struct exchange[]){
		{ "HSET h z 1 m 2 a 3 m 4", ":3" },
		{ "HSET h a 5 b 6", ":1" },
		{ "HGETALL h", "[$z $1 $m $4 $a $5 $b $6]" },
		{ "HDEL h z", ":1" },
		{ "HSET h z 7", ":1" },
		{ "HKEYS h", "[$m $a $b $z]" },
		{ "COPY h copy", ":1" },
		{ "HKEYS copy", "[$m $a $b $z]" },
		{ 0 },
	});
}

Test(hashes, numbers_count)
{
	play((struct exchange[]){
		{ "HINCRBY h n 5", ":5" },
		{ "HINCRBY h n -7", ":-2" },
		{ "HGET h n", "$-2" },
		{ "HINCRBY h n x", NOT_INTEGER },
		{ "HSET h max 9223372036854775807", ":1" },
		{ "HINCRBY h max 1",
			"-ERR increment or decrement would overflow" },
		{ "HGET h max", "$9223372036854775807" },
		{ "HSET h bad \" 11\" zero 012 big 9223372036854775808", ":3" },
		{ "HINCRBY h bad 1", "-ERR hash value is not an integer" },
		{ "HINCRBY h zero 1", "-ERR hash value is not an integer" },
		{ "HINCRBY h big 1",
			"-ERR increment or decrement would overflow" },
		{ "HINCRBYFLOAT h f 10.5", "$10.5" },
		{ "HINCRBYFLOAT h f 1.5e2", "$160.5" },
		{ "HINCRBYFLOAT h f -160.5", "$0" },
		{ "HINCRBYFLOAT h bad 1", "-ERR hash value is not a float" },
		{ "HINCRBYFLOAT h f x", "-ERR value is not a valid float" },
		{ "HINCRBYFLOAT h f inf", "-ERR value is NaN or Infinity" },
		{ "HINCRBYFLOAT none f +inf", "-ERR value is NaN or Infinity" },
		{ "EXISTS none", ":0" },
		{ 0 },
	});
}

Test(hashes, other_types_are_refused)
{
	static const char *const commands[] = { "HSET s f v", "HMSET s f v",
		"HSETNX s f v", "HGET s f", "HMGET s f g", "HDEL s f", "HLEN s",
		"HGETALL s", "HKEYS s", "HVALS s", "HEXISTS s f", "HSTRLEN s f",
		"HINCRBY s f 1", "HINCRBYFLOAT s f 1", "HRANDFIELD s",
		"HRANDFIELD s 1", "HRANDFIELD s 0", "HSCAN s 0",
		"HEXPIRE s 1 FIELDS 1 f", "HPERSIST s FIELDS 1 f",
		"HTTL s FIELDS 1 f", "HGETDEL s FIELDS 1 f",
		"HGETEX s FIELDS 1 f", "HGETEX s EX 1 FIELDS 1 f",
		"HSETEX s FIELDS 1 f v" };
	redisContext *client = shared_server_clear();

	transcript_expect(client, "SET s v", "+OK");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		transcript_expect(client, commands[i], WRONG_TYPE);
	transcript_expect(client, "GET s", "$v");
	redisFree(client);
}

Test(hashes, arguments_are_checked)
{
	play((struct exchange[]){
		{ "HSET h a",
			"-ERR wrong number of arguments for 'hset' command" },
		{ "HSET h a 1 b",
			"-ERR wrong number of arguments for 'hset' command" },
		{ "HMSET h a 1 b",
			"-ERR wrong number of arguments for 'hmset' command" },
		{ "HRANDFIELD h x", NOT_INTEGER },
		{ "HRANDFIELD h 1 FOO", "-ERR syntax error" },
		{ "HRANDFIELD h 1 WITHVALUES 2", "-ERR syntax error" },
		{ "HRANDFIELD h -9223372036854775808",
			"-ERR value is out of range, value must between "
			"-9223372036854775807 and 9223372036854775807" },
		{ "HRANDFIELD h 9223372036854775807 WITHVALUES",
			"-ERR value is out of range" },
		{ "HSCAN h x", "-ERR invalid cursor" },
		{ "HSCAN h 0 COUNT 0", "-ERR syntax error" },
		{ "HSCAN h 0 COUNT x", NOT_INTEGER },
		{ "HSCAN h 0 TYPE hash", "-ERR syntax error" },
		{ "EXISTS h", ":0" },
		{ 0 },
	});
}

Test(hashes, expired_keys_begin_anew)
{
	play((struct exchange[]){
		{ "HSET h a 1 b 2", ":2" },
		{ "PEXPIREAT h 1", ":1" },
		{ "HGETALL h", "[]" },
		{ "HDEL h a", ":0" },
		{ "HSET h c 3", ":1" },
		{ "HGETALL h", "[$c $3]" },
		{ "TTL h", ":-1" },
		{ "PEXPIREAT h 1", ":1" },
		{ "HINCRBY h c 1", ":1" },
		{ "HLEN h", ":1" },
		{ 0 },
	});
}

Test(hashes, names_and_values_are_bytes_of_any_size)
{
	static const size_t sizes[] = { 0, 1, 1023, 1024, 1025, 100000 };
	redisContext *client = shared_server_clear();
	redisReply *reply;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t size = sizes[i];
		char *bytes = malloc(size + 1);

		for (size_t j = 0; j < size; j++)
			bytes[j] = (char)(j * 7 + j / 256 + 255);
		reply = redisCommand(
			client, "HSET h %b %b", bytes, size, bytes, size);
		cr_expect_eq(reply->integer, 1, "%zu", size);
		freeReplyObject(reply);
		reply = redisCommand(
			client, "HSET h %b %b", bytes, size, bytes, size);
		cr_expect_eq(reply->integer, 0, "%zu", size);
		freeReplyObject(reply);
		reply = redisCommand(client, "HGET h %b", bytes, size);
		cr_assert_eq(reply->type, REDIS_REPLY_STRING);
		cr_assert_eq(reply->len, (int)size);
		cr_expect(memcmp(reply->str, bytes, size) == 0);
		freeReplyObject(reply);
		reply = redisCommand(client, "HGETALL h");
		cr_assert_eq(reply->elements, 2 * (i + 1));
		cr_assert_eq(reply->element[2 * i]->len, (int)size);
		cr_expect(memcmp(reply->element[2 * i]->str, bytes, size) == 0);
		freeReplyObject(reply);
		free(bytes);
	}
	redisFree(client);
}

static void
fill(redisContext *client, int count)
{
	for (int i = 0; i < count; i++)
		redisAppendCommand(client, "HSET h f%d %d", i, i);
	for (int i = 0; i < count; i++) {
		redisReply *reply;

		cr_assert_eq(redisGetReply(client, (void **)&reply), REDIS_OK);
		cr_expect_eq(reply->integer, 1);
		freeReplyObject(reply);
	}
}

/* Marks the field of each pair in `seen`; how many are new. */
static int
mark(const redisReply *pairs, bool *seen, size_t step)
{
	int count = 0;

	for (size_t i = 0; i < pairs->elements; i += step) {
		int field = atoi(pairs->element[i]->str + 1);

		if (step == 2)
			cr_expect_eq(atoi(pairs->element[i + 1]->str), field);
		count += !seen[field];
		seen[field] = true;
	}
	return count;
}

Test(hashes, a_scan_meets_every_field_once)
{
	enum { COUNT = 3000 };
	static bool seen[COUNT];
	redisContext *client = shared_server_clear();
	char cursor[32] = "0";
	int met = 0, calls = 0;

	fill(client, COUNT);
	do {
		redisReply *reply =
			redisCommand(client, "HSCAN h %s COUNT 100", cursor);

		snprintf(cursor, sizeof(cursor), "%s", reply->element[0]->str);
		met += mark(reply->element[1], seen, 2);
		freeReplyObject(reply);
		calls++;
	} while (strcmp(cursor, "0") != 0);
	cr_expect_eq(met, COUNT);
	cr_expect(calls >= 29 && calls <= 31, "%d", calls);
	redisFree(client);
}

Test(hashes, a_scan_filters)
{
	play((struct exchange[]){
		{ "HSET h aa 1 ab 2 b 3", ":3" },
		{ "HSCAN h 0 MATCH b", "[$0 [$b $3]]" },
		{ "HSCAN h 0 MATCH b NOVALUES", "[$0 [$b]]" },
		{ "HSCAN h 0 MATCH x*", "[$0 []]" },
		{ "HSCAN none 0", "[$0 []]" },
		{ "HSCAN h 99999999999", "[$0 []]" },
		{ 0 },
	});
}

Test(hashes, long_answers_are_complete)
{
	enum { COUNT = 2500 };
	static bool seen[COUNT];
	redisContext *client = shared_server_clear();
	redisReply *reply;

	fill(client, COUNT);
	reply = redisCommand(client, "HGETALL h");
	cr_expect_eq(reply->elements, 2 * COUNT);
	cr_expect_eq(mark(reply, seen, 2), COUNT);
	freeReplyObject(reply);
	reply = redisCommand(client, "HRANDFIELD h %d", COUNT + 1);
	cr_expect_eq(reply->elements, COUNT);
	memset(seen, 0, sizeof(seen));
	cr_expect_eq(mark(reply, seen, 1), COUNT);
	freeReplyObject(reply);
	transcript_expect(client, "HLEN h", ":2500");
	redisFree(client);
}

Test(hashes, random_fields_are_all_alike)
{
	/* More than are looked at one by one. */
	enum { COUNT = 1000, DRAWS = 100000 };
	static int hits[COUNT];
	redisContext *client = shared_server_clear();
	redisReply *reply;
	const double mean = (double)DRAWS / COUNT;
	double chi_square = 0;

	fill(client, COUNT);
	reply = redisCommand(client, "HRANDFIELD h -%d", DRAWS);
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

Test(hashes, random_fields_differ_when_they_must)
{
	enum { COUNT = 1000 };
	redisContext *client = shared_server_clear();

	fill(client, COUNT);
	for (int wanted = 1; wanted <= COUNT; wanted *= 3) {
		bool seen[COUNT] = { false };
		redisReply *reply = redisCommand(
			client, "HRANDFIELD h %d WITHVALUES", wanted);

		cr_expect_eq(reply->elements, 2 * (size_t)wanted);
		cr_expect_eq(mark(reply, seen, 2), wanted);
		freeReplyObject(reply);
	}
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

Test(hashes, protocols_shape_the_answers)
{
	redisContext *client = shared_server_clear();
	char greeting[1000];

	expect_bytes(client->fd, "HSET h a 1\r\n", ":1\r\n");
	expect_bytes(
		client->fd, "HGETALL h\r\n", "*2\r\n$1\r\na\r\n$1\r\n1\r\n");
	expect_bytes(client->fd, "HRANDFIELD h -2 WITHVALUES\r\n",
		"*4\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\na\r\n$1\r\n1\r\n");
	cr_assert_eq(write(client->fd, "HELLO 3\r\n", 9), 9);
	cr_assert_gt(read(client->fd, greeting, sizeof(greeting)), 0);
	expect_bytes(
		client->fd, "HGETALL h\r\n", "%1\r\n$1\r\na\r\n$1\r\n1\r\n");
	expect_bytes(client->fd, "HRANDFIELD h -2 WITHVALUES\r\n",
		"*2\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n"
		"*2\r\n$1\r\na\r\n$1\r\n1\r\n");
	expect_bytes(client->fd, "HRANDFIELD h 1\r\n", "*1\r\n$1\r\na\r\n");
	expect_bytes(client->fd, "HGET h none\r\n", "_\r\n");
	expect_bytes(client->fd, "HGETALL none\r\n", "%0\r\n");
	redisFree(client);
}

Test(hashes, encodings_are_those_of_redis)
{
	play((struct exchange[]){
		{ "HSET h a 1", ":1" },
		{ "OBJECT ENCODING h", "$listpack" },
		{ "CONFIG SET hash-max-ziplist-value 3", "+OK" },
		{ "HSET h a abc", ":0" },
		{ "OBJECT ENCODING h", "$listpack" },
		{ "HSET h abcd 1", ":1" },
		{ "OBJECT ENCODING h", "$hashtable" },
		{ "CONFIG SET hash-max-listpack-value 64", "+OK" },
		{ "OBJECT ENCODING h", "$listpack" },
		{ "CONFIG SET hash-max-listpack-entries 1", "+OK" },
		{ "OBJECT ENCODING h", "$hashtable" },
		{ "CONFIG SET hash-max-listpack-entries 512", "+OK" },
		{ 0 },
	});
}

/* Pipelined, many calls share an execution; each answers for itself. */
Test(hashes, a_client_sees_its_own_writes_in_order)
{
	static const struct exchange exchanges[] = {
		{ "HSET h a 1", ":1" },
		{ "HSET h a 2", ":0" },
		{ "HSET str f v", WRONG_TYPE },
		{ "HINCRBY h a 5", ":7" },
		{ "HINCRBY h a 1", ":8" },
		{ "HGET h a", "$8" },
		{ "HINCRBY str a 1", WRONG_TYPE },
		{ "HDEL str a", WRONG_TYPE },
		{ "HSET h b 1 c 2", ":2" },
		{ "HDEL h b b c none", ":2" },
		{ "HDEL h b", ":0" },
		{ "HLEN h", ":1" },
		{ "HDEL h a", ":1" },
		{ "EXISTS h", ":0" },
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
