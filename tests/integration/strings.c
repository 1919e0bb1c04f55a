/* Strings: every command, its options and its errors. */
#include "tests/support/shared_server.h"
#include "tests/support/transcript.h"

#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#define NOT_INTEGER "-ERR value is not an integer or out of range"

static void
play(const struct exchange *exchanges)
{
	redisContext *client = shared_server_clear();

	transcript_play(client, exchanges);
	redisFree(client);
}

Test(strings, set_takes_conditions)
{
	play((struct exchange[]){
		{ "SET k v XX", "_" },
		{ "SET k v NX", "+OK" },
		{ "SET k w NX", "_" },
		{ "GET k", "$v" },
		{ "SET k w XX", "+OK" },
		{ "GET k", "$w" },
		{ "SET k v NX XX", "-ERR syntax error" },
		{ "SET k v nx nx", "_" },
		{ "SETNX k v", ":0" },
		{ "SETNX l 1", ":1" },
		{ "GET l", "$1" },
		{ "SET k v foo", "-ERR syntax error" },
		{ "SET k", "-ERR wrong number of arguments for 'set' command" },
		{ 0 },
	});
}

Test(strings, set_answers_the_previous_value)
{
	play((struct exchange[]){
		{ "SET k 1 GET", "_" },
		{ "SET k 2 GET", "$1" },
		{ "SET k 3 NX GET", "$2" },
		{ "GET k", "$2" },
		{ "SET k 3 XX GET GET", "$2" },
		{ "SET none 3 XX GET", "_" },
		{ "EXISTS none", ":0" },
		{ "GETSET k abc", "$3" },
		{ "GETSET new 1", "_" },
		{ "GETDEL k", "$abc" },
		{ "GETDEL k", "_" },
		{ 0 },
	});
}

Test(strings, set_takes_an_expiry)
{
	play((struct exchange[]){
		{ "SET k v EX 100", "+OK" },
		{ "TTL k", ":100" },
		{ "SET k w KEEPTTL", "+OK" },
		{ "TTL k", ":100" },
		{ "SET k w", "+OK" },
		{ "TTL k", ":-1" },
		{ "SET k v PX 100000", "+OK" },
		{ "TTL k", ":100" },
		{ "SET k v EXAT 33177117420", "+OK" },
		{ "EXPIRETIME k", ":33177117420" },
		{ "SET k v PXAT 33177117420000 XX", "+OK" },
		{ "PEXPIRETIME k", ":33177117420000" },
		{ "SET k v PXAT 1", "+OK" },
		{ "EXISTS k", ":0" },
		{ "SET k v XX", "_" },
		{ "SET k v NX EX 7", "+OK" },
		{ "TTL k", ":7" },
		{ "SETEX k 10 v", "+OK" },
		{ "PSETEX k 20000 v", "+OK" },
		{ "TTL k", ":20" },
		{ "SET k v EX 1 EX 30", "+OK" },
		{ "TTL k", ":30" },
		{ 0 },
	});
}

Test(strings, what_is_no_expiry_is_refused)
{
	play((struct exchange[]){
		{ "SET k v EX", "-ERR syntax error" },
		{ "SET k v EX 1 PX 1", "-ERR syntax error" },
		{ "SET k v EX 1 KEEPTTL", "-ERR syntax error" },
		{ "SET k v KEEPTTL EX 1", "-ERR syntax error" },
		{ "SET k v EX a", NOT_INTEGER },
		{ "SET k v EX 0", "-ERR invalid expire time in 'set' command" },
		{ "SET k v PX -1",
			"-ERR invalid expire time in 'set' command" },
		{ "SET k v EX 9223372036854775",
			"-ERR invalid expire time in 'set' command" },
		{ "SETEX k 0 v",
			"-ERR invalid expire time in 'setex' command" },
		{ "PSETEX k -1 v",
			"-ERR invalid expire time in 'psetex' command" },
		{ "EXISTS k", ":0" },
		{ 0 },
	});
}

Test(strings, getex_changes_the_expiry)
{
	play((struct exchange[]){
		{ "SET k v", "+OK" },
		{ "GETEX k EX 100", "$v" },
		{ "TTL k", ":100" },
		{ "GETEX k", "$v" },
		{ "TTL k", ":100" },
		{ "GETEX k PERSIST", "$v" },
		{ "TTL k", ":-1" },
		{ "GETEX k EXAT 33177117420", "$v" },
		{ "EXPIRETIME k", ":33177117420" },
		{ "GETEX k PXAT 1", "$v" },
		{ "EXISTS k", ":0" },
		{ "GETEX k PX 5", "_" },
		{ "GETEX k PERSIST EX 5", "-ERR syntax error" },
		{ "GETEX k EX 5 PERSIST", "-ERR syntax error" },
		{ "GETEX k EX 0",
			"-ERR invalid expire time in 'getex' command" },
		{ 0 },
	});
}

Test(strings, many_keys_at_once)
{
	play((struct exchange[]){
		{ "MSET a 1 b two a 3", "+OK" },
		{ "MGET a none b a", "[$3 _ $two $3]" },
		{ "MGET b", "[$two]" },
		{ "MGET none", "[_]" },
		{ "MSETNX c 1 a 2", ":0" },
		{ "EXISTS c", ":0" },
		{ "MSETNX c 1 d 2 c 3", ":1" },
		{ "MGET c d", "[$3 $2]" },
		{ "MSET a",
			"-ERR wrong number of arguments for 'mset' command" },
		{ "MSET a 1 b",
			"-ERR wrong number of arguments for 'mset' command" },
		{ "MSETNX a 1 b",
			"-ERR wrong number of arguments for 'msetnx' command" },
		{ "SET e 1 PXAT 1", "+OK" },
		{ "MSETNX e 2 f 3", ":1" },
		{ "MGET e f", "[$2 $3]" },
		{ "TTL e", ":-1" },
		{ "MSET a 1 b 2 c 3", "+OK" },
		{ 0 },
	});
}

Test(strings, numbers_count)
{
	play((struct exchange[]){
		{ "INCR n", ":1" },
		{ "INCRBY n 41", ":42" },
		{ "DECR n", ":41" },
		{ "DECRBY n 50", ":-9" },
		{ "GET n", "$-9" },
		{ "SET n 9223372036854775806", "+OK" },
		{ "INCR n", ":9223372036854775807" },
		{ "INCR n", "-ERR increment or decrement would overflow" },
		{ "GET n", "$9223372036854775807" },
		{ "SET n -9223372036854775807", "+OK" },
		{ "DECRBY n 2", "-ERR increment or decrement would overflow" },
		{ "DECRBY n 1", ":-9223372036854775808" },
		{ "DECRBY n -9223372036854775808",
			"-ERR decrement would overflow" },
		{ "INCRBY n 1.5", NOT_INTEGER },
		{ "INCRBY n -0", NOT_INTEGER },
		{ "SET n 012", "+OK" },
		{ "INCR n", NOT_INTEGER },
		{ "GET n", "$012" },
		{ "SET n -0", "+OK" },
		{ "INCR n", NOT_INTEGER },
		{ "SET n 9223372036854775808", "+OK" },
		{ "INCR n", NOT_INTEGER },
		{ "SET n \"1 \"", "+OK" },
		{ "INCR n", NOT_INTEGER },
		{ "SET n 1 EX 100", "+OK" },
		{ "INCR n", ":2" },
		{ "TTL n", ":100" },
		{ "SET n 5 PXAT 1", "+OK" },
		{ "INCR n", ":1" },
		{ "TTL n", ":-1" },
		{ 0 },
	});
}

Test(strings, changed_in_place_they_still_count)
{
	play((struct exchange[]){
		{ "APPEND n 1", ":1" },
		{ "OBJECT ENCODING n", "$int" },
		{ "APPEND n 0", ":2" },
		{ "OBJECT ENCODING n", "$raw" },
		{ "INCR n", ":11" },
		{ "OBJECT ENCODING n", "$int" },
		{ "SETRANGE n 1 x", ":2" },
		{ "GET n", "$1x" },
		{ "INCR n", NOT_INTEGER },
		{ 0 },
	});
}

Test(strings, fractions_count)
{
	play((struct exchange[]){
		{ "INCRBYFLOAT f 10.5", "$10.5" },
		{ "INCRBYFLOAT f 0.1", "$10.6" },
		{ "INCRBYFLOAT f -5", "$5.6" },
		{ "INCRBYFLOAT f 5.0e3", "$5005.6" },
		{ "INCRBYFLOAT f 0.4", "$5006" },
		{ "INCRBYFLOAT f abc", "-ERR value is not a valid float" },
		{ "INCRBYFLOAT f \" 1\"", "-ERR value is not a valid float" },
		{ "INCRBYFLOAT f inf",
			"-ERR increment would produce NaN or Infinity" },
		{ "SET f 17179869184", "+OK" },
		{ "INCRBYFLOAT f 1.5", "$17179869185.5" },
		{ "SET f \" 1\"", "+OK" },
		{ "INCRBYFLOAT f 1", "-ERR value is not a valid float" },
		{ "SET f 1", "+OK" },
		{ "SETRANGE f 2 2", ":3" },
		{ "INCRBYFLOAT f 1", "-ERR value is not a valid float" },
		{ "SET f 1e2 EX 100", "+OK" },
		{ "INCRBYFLOAT f 1", "$101" },
		{ "TTL f", ":100" },
		{ 0 },
	});
}

Test(strings, parts_are_read_and_written)
{
	play((struct exchange[]){
		{ "SET k \"Hello World\"", "+OK" },
		{ "GETRANGE k 0 4", "$Hello" },
		{ "GETRANGE k -5 -1", "$World" },
		{ "GETRANGE k -5 -7", "$" },
		{ "GETRANGE k -100 100", "$Hello World" },
		{ "GETRANGE k 5 1", "$" },
		{ "GETRANGE k 100 200", "$" },
		{ "GETRANGE k 0 -9223372036854775808", "$H" },
		{ "GETRANGE k 9223372036854775807 9223372036854775807", "$" },
		{ "GETRANGE none 0 -1", "$" },
		{ "GETRANGE k a 1", NOT_INTEGER },
		{ "SUBSTR k 6 -1", "$World" },
		{ "SETRANGE k 6 Redis", ":11" },
		{ "GET k", "$Hello Redis" },
		{ "SETRANGE k 13 !", ":14" },
		{ "GET k", "$Hello Redis\\x00\\x00!" },
		{ "SETRANGE none 0 \"\"", ":0" },
		{ "EXISTS none", ":0" },
		{ "SETRANGE none 2 x", ":3" },
		{ "SETRANGE k -1 x", "-ERR offset is out of range" },
		{ "SETRANGE k 536870912 x",
			"-ERR string exceeds maximum allowed size "
			"(proto-max-bulk-len)" },
		{ "SET n 1234", "+OK" },
		{ "GETRANGE n 1 2", "$23" },
		{ "STRLEN n", ":4" },
		{ "STRLEN absent", ":0" },
		{ 0 },
	});
}

Test(strings, lcs_finds_runs)
{
	play((struct exchange[]){
		{ "MSET a ohmytext b mynewtext", "+OK" },
		{ "LCS a b", "$mytext" },
		{ "LCS a b LEN", ":6" },
		{ "LCS a b IDX",
			"[$matches [[[:4 :7] [:5 :8]] [[:2 :3] [:0 :1]]] "
			"$len :6]" },
		{ "LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN",
			"[$matches [[[:4 :7] [:5 :8] :4]] $len :6]" },
		{ "LCS a none", "$" },
		{ "LCS a b LEN IDX",
			"-ERR If you want both the length and indexes, please "
			"just use IDX." },
		{ "LCS a b FOO", "-ERR syntax error" },
		{ "LCS a a", "$ohmytext" },
		{ 0 },
	});
}

static void
expect_same(
	redisContext *client, const char *key, const char *value, size_t size)
{
	redisReply *reply = redisCommand(client, "GET %s", key);

	cr_assert_eq(reply->type, REDIS_REPLY_STRING);
	cr_assert_eq((size_t)reply->len, size);
	cr_expect(memcmp(reply->str, value, size) == 0);
	freeReplyObject(reply);
}

Test(strings, values_are_bytes_of_any_size)
{
	static const size_t sizes[] = { 0, 1, 256, 16383, 16384, 100000,
		20000000 };
	redisContext *client = shared_server_clear();

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char *value = malloc(sizes[i] + 1);

		for (size_t j = 0; j < sizes[i]; j++)
			value[j] = (char)(j * 7 + j / 256);
		freeReplyObject(
			redisCommand(client, "SET big %b", value, sizes[i]));
		expect_same(client, "big", value, sizes[i]);
		freeReplyObject(redisCommand(
			client, "APPEND big2 %b", value, sizes[i]));
		free(value);
	}
	transcript_expect(client, "STRLEN big", ":20000000");
	transcript_expect(client, "STRLEN big2", ":20133024");
	redisFree(client);
}

Test(strings, long_keys_are_told_apart)
{
	enum { SIZE = 3000 };
	redisContext *client = shared_server_clear();
	char key[SIZE];
	redisReply *reply;

	memset(key, 'k', sizeof(key));
	for (int i = 0; i < 3; i++) {
		key[SIZE - 1] = (char)('a' + i);
		freeReplyObject(redisCommand(
			client, "INCRBY %b %d", key, (size_t)SIZE, i + 1));
	}
	for (int i = 0; i < 3; i++) {
		key[SIZE - 1] = (char)('a' + i);
		reply = redisCommand(client, "GET %b", key, (size_t)SIZE);
		cr_expect_eq(atoi(reply->str), i + 1);
		freeReplyObject(reply);
	}
	reply = redisCommand(client, "KEYS *");
	cr_expect_eq(reply->elements, 3);
	for (size_t i = 0; i < reply->elements; i++)
		cr_expect_eq(reply->element[i]->len, SIZE);
	freeReplyObject(reply);
	redisFree(client);
}

Test(strings, a_client_sees_its_own_writes_in_order)
{
	enum { ROUNDS = 200 };
	static const char *const commands[] = { "SET p %d", "INCR p",
		"APPEND p 0", "INCR p", "GETDEL p", "EXISTS p", "SET p x",
		"INCR p", "DEL p", "GET p" };
	enum { COUNT = sizeof(commands) / sizeof(commands[0]) };
	redisContext *client = shared_server_clear();
	redisReply *reply;

	for (int i = 0; i < ROUNDS; i++)
		for (int j = 0; j < COUNT; j++)
			redisAppendCommand(client, commands[j], i);
	for (int i = 0; i < ROUNDS; i++) {
		for (int j = 0; j < COUNT; j++) {
			cr_assert_eq(redisGetReply(client, (void **)&reply),
				REDIS_OK);
			if (j == 3)
				cr_expect_eq(reply->integer, (i + 1) * 10 + 1,
					"%lld in round %d", reply->integer, i);
			if (j == 5)
				cr_expect_eq(reply->integer, 0);
			if (j == 7)
				cr_expect_eq(reply->type, REDIS_REPLY_ERROR);
			if (j == 9)
				cr_expect_eq(reply->type, REDIS_REPLY_NIL);
			freeReplyObject(reply);
		}
	}
	redisFree(client);
}
