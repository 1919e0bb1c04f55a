/* SORT and SORT_RO: what they order by, what they answer, what they store. */
#include "tests/support/shared_server.h"
#include "tests/support/transcript.h"

#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOT_NUMBERS "-ERR One or more scores can't be converted into double"
#define NOT_INTEGER "-ERR value is not an integer or out of range"
#define SYNTAX "-ERR syntax error"
#define WRONG_TYPE \
	"-WRONGTYPE Operation against a key holding the wrong kind of value"

static void
play(const struct exchange *exchanges)
{
	redisContext *client = shared_server_clear();

	transcript_play(client, exchanges);
	redisFree(client);
}

Test(sort, elements_are_their_own_weights)
{
	play((struct exchange[]){
		{ "SORT none", "[]" },
		{ "SORT_RO none", "[]" },
		{ "RPUSH l 3 10 1 2", ":4" },
		{ "SORT l", "[$1 $2 $3 $10]" },
		{ "SORT l ASC", "[$1 $2 $3 $10]" },
		{ "SORT l DESC asc", "[$1 $2 $3 $10]" },
		{ "SORT_RO l desc", "[$10 $3 $2 $1]" },
		{ "SORT l ALPHA", "[$1 $10 $2 $3]" },
		{ "SORT l ALPHA DESC", "[$3 $2 $10 $1]" },
		{ "SADD s 9 8 -1.5 +7 1e1", ":5" },
		{ "SORT s", "[$-1.5 $+7 $8 $9 $1e1]" },
		{ "SADD letters b aa a B \"\\xff\"", ":5" },
		{ "SORT letters ALPHA", "[$B $a $aa $b $\\xff]" },
		{ "SORT letters ALPHA DESC", "[$\\xff $b $aa $a $B]" },
		{ "SORT letters", NOT_NUMBERS },
		{ 0 },
	});
}

Test(sort, numbers_are_those_of_c)
{
	static const char *const numbers[] = { "\"\"", "inf", "-INF",
		"infinity", "0x10", "0x1p-1074", ".5", "5.", "+5", "\" 5\"",
		"\"\\t5\"", "1e308", "2.2250738585072014e-308",
		"9223372036854775807" };
	static const char *const others[] = { "x", "\" \"", "nan", "\"5 \"",
		"\"5\\n\"", "0x", "1e", "1_0", "12a", "1e309", "1e-310",
		"2.2250738585072011e-308", "\"\\xff\"", "5\\\\", "--5" };
	redisContext *client = shared_server_clear();
	char command[64];

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		snprintf(command, sizeof(command), "RPUSH l %s", numbers[i]);
		free(transcript_ask(client, command));
		snprintf(command, sizeof(command), "SORT l LIMIT 0 0");
		transcript_expect(client, command, "[]");
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		transcript_expect(client, "DEL l", ":1");
		snprintf(command, sizeof(command), "RPUSH l %s", others[i]);
		transcript_expect(client, command, ":1");
		transcript_expect(client, "SORT l LIMIT 0 0", NOT_NUMBERS);
		transcript_expect(client, "SORT l LIMIT 5 5", NOT_NUMBERS);
		transcript_expect(client, "SORT l BY none_* LIMIT 0 0", "[]");
	}
	redisFree(client);
}

/* Redis reads numbers and patterns as C strings, elements and keys as bytes. */
Test(sort, zero_bytes_end_numbers_and_patterns)
{
	static const char number[] = "5\0x", weight[] = "w_5\0x",
			  pattern[] = "x\0*";
	redisContext *client = shared_server_clear();
	redisReply *reply;

	reply = redisCommand(client, "RPUSH l 10 %b 7", number, (size_t)3);
	freeReplyObject(reply);
	transcript_expect(client, "SORT l", "[$5\\x00x $7 $10]");
	reply = redisCommand(client, "SET %b 8", weight, (size_t)5);
	freeReplyObject(reply);
	transcript_expect(client, "SORT l BY w_* DESC", "[$5\\x00x $7 $10]");
	reply = redisCommand(
		client, "SORT l BY %b LIMIT 0 1", pattern, (size_t)3);
	cr_expect_str_eq(reply->element[0]->str, "10");
	freeReplyObject(reply);
	redisFree(client);
}

Test(sort, weights_are_those_of_other_keys)
{
	play((struct exchange[]){
		{ "RPUSH l a b c d", ":4" },
		{ "MSET w_a 3 w_b 1.5 w_c 2", "+OK" },
		{ "SORT l BY w_*", "[$d $b $c $a]" },
		{ "SORT l BY w_* DESC", "[$a $c $b $d]" },
		{ "SORT l BY w_* GET # GET w_*", "[$d _ $b $1.5 $c $2 $a $3]" },
		{ "HSET h_a f 1 g-> x", ":2" },
		{ "HSET h_b f 3", ":1" },
		{ "HSET h_c f 2", ":1" },
		{ "SORT l BY h_*->f", "[$d $a $c $b]" },
		{ "SORT l BY h_*->f GET h_*->g->", "[_ $x _ _]" },
		{ "SORT l BY h_*->none", "[$a $b $c $d]" },
		{ "HPEXPIREAT h_b 1 FIELDS 1 f", "[:2]" },
		{ "SORT l BY h_*->f", "[$b $d $a $c]" },
		{ "SET w_d word", "+OK" },
		{ "SORT l BY w_*", NOT_NUMBERS },
		{ "SORT l BY w_* ALPHA", "[$b $c $a $d]" },
		{ "DEL w_c", ":1" },
		{ "SORT l BY w_* ALPHA", "[$c $b $a $d]" },
		{ "SORT l BY w_* ALPHA DESC", "[$d $a $b $c]" },
		{ "SET w_c \"\"", "+OK" },
		{ "SORT l BY w_* ALPHA", "[$c $b $a $d]" },
		{ "PEXPIREAT w_d 1", ":1" },
		{ "SORT l BY w_*", "[$c $d $b $a]" },
		{ "SORT l BY x*y*z", "[$a $b $c $d]" },
		/* Other types have no weight, nor have other keys' names. */
		{ "RPUSH t_a 1", ":1" },
		{ "SORT l BY t_* GET t_* LIMIT 0 1", "[_]" },
		{ "SORT l BY t_*->f GET w_*->f LIMIT 0 1", "[_]" },
		{ "SET h_a->f x", "+OK" },
		{ "SORT l BY nosort GET h_*-> LIMIT 0 1", "[_]" },
		{ "SET h_a-> 100", "+OK" },
		{ "SORT l BY nosort GET h_*-> LIMIT 0 1", "[$100]" },
		{ 0 },
	});
}

Test(sort, equal_weights_leave_the_order_to_the_elements)
{
	play((struct exchange[]){
		{ "RPUSH l b c a C", ":4" },
		{ "SORT l BY none_*", "[$C $a $b $c]" },
		{ "SORT l BY none_* DESC", "[$c $b $a $C]" },
		{ "MSET w_a x w_b x", "+OK" },
		{ "SORT l BY w_* ALPHA", "[$c $C $b $a]" },
		{ "SORT l BY w_* ALPHA DESC", "[$b $a $c $C]" },
		{ 0 },
	});
}

Test(sort, what_is_got_is_in_the_patterns)
{
	play((struct exchange[]){
		{ "RPUSH l 2 1", ":2" },
		{ "MSET v_1 one v_2 2 1 self fixed x", "+OK" },
		{ "SORT l GET v_*", "[$one $2]" },
		{ "SORT l GET # GET fixed GET *", "[$1 _ $self $2 _ _]" },
		{ "SORT l GET # GET #", "[$1 $1 $2 $2]" },
		{ "SORT l DESC LIMIT 1 1 GET v_* GET #", "[$one $1]" },
		{ "SORT_RO l GET v_* GET x", "[$one _ $2 _]" },
		{ 0 },
	});
}

Test(sort, a_pattern_without_a_star_leaves_the_order)
{
	play((struct exchange[]){
		{ "RPUSH l c a b x", ":4" },
		{ "SORT l BY nosort", "[$c $a $b $x]" },
		{ "SORT l BY nosort DESC", "[$x $b $a $c]" },
		{ "SORT l BY nosort LIMIT 1 2", "[$a $b]" },
		{ "SORT l BY nosort DESC LIMIT 1 2", "[$b $a]" },
		{ "SORT l BY nosort BY w_*", "[$c $a $b $x]" },
		{ "SORT l BY w_* BY nosort", "[$c $a $b $x]" },
		{ "SORT l BY nosort STORE d", ":4" },
		{ "LRANGE d 0 -1", "[$c $a $b $x]" },
		{ "SADD s c a b x", ":4" },
		{ "SORT s BY nosort STORE d", ":4" },
		{ "LRANGE d 0 -1", "[$a $b $c $x]" },
		{ "SORT s BY nosort LIMIT 1 2 DESC STORE d", ":2" },
		{ "LRANGE d 0 -1", "[$c $b]" },
		{ "SORT s BY nosort LIMIT 4 2", "[]" },
		{ 0 },
	});
}

Test(sort, sorted_sets_are_sorted_by_score_when_left_so)
{
	play((struct exchange[]){
		{ "ZADD z 1 a 5 b 2 c 10 d 3 e 3 E", ":6" },
		{ "SORT z", NOT_NUMBERS },
		{ "SORT z ALPHA DESC", "[$e $d $c $b $a $E]" },
		{ "SORT z BY nosort", "[$a $c $E $e $b $d]" },
		{ "SORT z BY nosort DESC", "[$d $b $e $E $c $a]" },
		{ "SORT z BY nosort LIMIT 0 1", "[$a]" },
		{ "SORT z BY nosort DESC LIMIT 1 2", "[$b $e]" },
		{ "SORT z BY nosort LIMIT 6 10", "[]" },
		{ "SORT z BY nosort LIMIT -10 100", "[$a $c $E $e $b $d]" },
		{ "MSET w_a 2 w_b 1", "+OK" },
		{ "SORT z BY w_*", "[$E $c $d $e $b $a]" },
		{ "SORT z BY nosort DESC STORE z", ":6" },
		{ "LRANGE z 0 -1", "[$d $b $e $E $c $a]" },
		{ 0 },
	});
}

Test(sort, limits_are_those_of_redis)
{
	play((struct exchange[]){
		{ "RPUSH l 3 1 2", ":3" },
		{ "SORT l LIMIT 0 2", "[$1 $2]" },
		{ "SORT l LIMIT 2 9223372036854775807", "[$3]" },
		{ "SORT l LIMIT 3 1", "[]" },
		{ "SORT l LIMIT 9223372036854775807 1", "[]" },
		{ "SORT l LIMIT 0 0", "[]" },
		{ "SORT l LIMIT 1 -1", "[$2 $3]" },
		{ "SORT l LIMIT 1 -9223372036854775808", "[$2 $3]" },
		{ "SORT l LIMIT -5 2", "[$1 $2]" },
		{ "SORT l LIMIT 0 1 LIMIT 1 1", "[$2]" },
		{ "SORT l LIMIT 1 0 STORE d", ":0" },
		{ "EXISTS d", ":0" },
		{ 0 },
	});
}

Test(sort, what_is_wrong_is_refused)
{
	play((struct exchange[]){
		{ "SORT", "-ERR wrong number of arguments for 'sort' command" },
		{ "SORT_RO",
			"-ERR wrong number of arguments for 'sort_ro' command" },
		{ "SET str v", "+OK" },
		{ "SORT str", WRONG_TYPE },
		{ "SORT_RO str", WRONG_TYPE },
		{ "SORT str BY nosort LIMIT 0 0", WRONG_TYPE },
		{ "SORT str STORE d", WRONG_TYPE },
		{ "HSET h f v", ":1" },
		{ "SORT h", WRONG_TYPE },
		{ "SORT h STORE h", WRONG_TYPE },
		{ "HGET h f", "$v" },
		{ "SORT str x", SYNTAX },
		{ "SORT str BY", SYNTAX },
		{ "SORT str GET", SYNTAX },
		{ "SORT str STORE", SYNTAX },
		{ "SORT str LIMIT 1", SYNTAX },
		{ "SORT str LIMIT a 1", NOT_INTEGER },
		{ "SORT str LIMIT 1 9223372036854775808", NOT_INTEGER },
		{ "SORT str x LIMIT a 1", SYNTAX },
		{ "SORT_RO l STORE d", SYNTAX },
		{ "RPUSH l 1 x", ":2" },
		{ "SET d v EX 100", "+OK" },
		{ "SORT l STORE d", NOT_NUMBERS },
		{ "GET d", "$v" },
		{ "TTL d", ":100" },
		{ 0 },
	});
}

Test(sort, the_destination_is_a_list_of_what_would_be_answered)
{
	play((struct exchange[]){
		{ "RPUSH l 2 3 1", ":3" },
		{ "SET d v EX 100", "+OK" },
		{ "SORT l STORE d", ":3" },
		{ "TYPE d", "+list" },
		{ "TTL d", ":-1" },
		{ "LRANGE d 0 -1", "[$1 $2 $3]" },
		{ "RPUSH d 4", ":4" },
		{ "LPUSH d 0", ":5" },
		{ "LRANGE d 0 -1", "[$0 $1 $2 $3 $4]" },
		{ "SET v_2 two", "+OK" },
		{ "SORT l GET # GET v_* STORE d", ":6" },
		{ "LRANGE d 0 -1", "[$1 $ $2 $two $3 $]" },
		{ "SORT l DESC STORE none STORE d", ":3" },
		{ "EXISTS none", ":0" },
		{ "EXPIRE l 100", ":1" },
		{ "SORT l DESC STORE l", ":3" },
		{ "LRANGE l 0 -1", "[$3 $2 $1]" },
		{ "TTL l", ":-1" },
		{ "SORT none STORE d", ":0" },
		{ "EXISTS d", ":0" },
		{ "SORT l LIMIT 7 1 STORE l", ":0" },
		{ "EXISTS l", ":0" },
		{ 0 },
	});
}

Test(sort, long_bytes_are_kept)
{
	static const size_t sizes[] = { 1023, 1024, 3000, 100001 };
	redisContext *client = shared_server_clear();
	char *bytes = malloc(100002);

	memset(bytes, 'b', 100002);
	for (size_t i = 0; i < 4; i++) {
		redisReply *reply;

		freeReplyObject(redisCommand(client, "DEL s l d"));
		freeReplyObject(
			redisCommand(client, "SADD s %b a", bytes, sizes[i]));
		freeReplyObject(redisCommand(client, "SET w_%b %b", bytes,
			sizes[i], bytes, sizes[i]));
		freeReplyObject(redisCommand(client, "HSET h_%b %b %b", bytes,
			sizes[i], bytes, sizes[i], bytes, sizes[i]));
		reply = redisCommand(client,
			"SORT s ALPHA BY w_* GET # GET h_*->%b STORE d", bytes,
			sizes[i]);
		cr_assert_eq(reply->integer, 4);
		freeReplyObject(reply);
		reply = redisCommand(client, "LRANGE d 0 -1");
		cr_assert_eq(reply->elements, 4);
		cr_assert_str_eq(reply->element[0]->str, "a");
		cr_assert_str_eq(reply->element[1]->str, "");
		for (int j = 2; j < 4; j++) {
			cr_assert_eq(reply->element[j]->len, sizes[i]);
			cr_assert_eq(
				memcmp(reply->element[j]->str, bytes, sizes[i]),
				0);
		}
		freeReplyObject(reply);
	}
	free(bytes);
	redisFree(client);
}

/* More than fits one short answer, and what takes its time. */
Test(sort, many_are_answered_whole, .timeout = 120)
{
	enum { COUNT = 3000 };
	redisContext *client = shared_server_clear();
	redisReply *reply;

	for (int i = 0; i < COUNT; i++)
		redisAppendCommand(
			client, "RPUSH l %d", (int)((long)i * 1999 % COUNT));
	for (int i = 0; i < COUNT; i++) {
		cr_assert_eq(redisGetReply(client, (void **)&reply), REDIS_OK);
		freeReplyObject(reply);
	}
	transcript_expect(client, "SET v_7 x", "+OK");
	reply = redisCommand(client, "SORT l GET # GET v_*");
	cr_assert_eq(reply->elements, 2 * COUNT);
	for (int i = 0; i < COUNT; i++) {
		cr_assert_eq(atoi(reply->element[2 * i]->str), i);
		cr_assert_eq(reply->element[2 * i + 1]->type,
			i == 7 ? REDIS_REPLY_STRING : REDIS_REPLY_NIL);
	}
	freeReplyObject(reply);
	transcript_expect(client, "SORT l DESC LIMIT 1 2", "[$2998 $2997]");
	transcript_expect(client, "SORT l LIMIT 5000 1", "[]");
	transcript_expect(client, "SORT l BY nosort LIMIT 1 1", "[$1999]");
	transcript_expect(client, "SORT l BY none_* STORE d", ":3000");
	transcript_expect(client, "LRANGE d 0 2", "[$0 $1 $10]");
	transcript_expect(client, "RPUSH l x", ":3001");
	transcript_expect(client, "SORT l", NOT_NUMBERS);
	transcript_expect(client, "SORT l LIMIT 0 1", NOT_NUMBERS);
	redisFree(client);
}

Test(sort, who_waits_for_the_destination_is_served)
{
	redisContext *client = shared_server_clear();
	redisContext *waiting = shared_server_connect();
	redisReply *reply;
	int done = 0;

	redisAppendCommand(waiting, "BLPOP d 20");
	while (!done)
		cr_assert_eq(redisBufferWrite(waiting, &done), REDIS_OK);
	usleep(300000);
	transcript_expect(client, "RPUSH l 2 1", ":2");
	transcript_expect(client, "SORT l STORE d", ":2");
	cr_assert_eq(redisGetReply(waiting, (void **)&reply), REDIS_OK);
	cr_assert_eq(reply->elements, 2);
	cr_expect_str_eq(reply->element[1]->str, "1");
	freeReplyObject(reply);
	transcript_expect(client, "LRANGE d 0 -1", "[$2]");
	redisFree(waiting);
	redisFree(client);
}

Test(sort, keys_are_found)
{
	play((struct exchange[]){
		{ "COMMAND GETKEYS SORT a STORE d", "[$a $d]" },
		{ "COMMAND GETKEYS SORT a STORE x STORE d", "[$a $d]" },
		{ "COMMAND GETKEYS SORT a BY store GET store LIMIT store 1",
			"[$a]" },
		{ "COMMAND GETKEYS SORT a STORE", "[$a]" },
		{ "COMMAND GETKEYS SORT_RO a STORE d", "[$a]" },
		{ "COMMAND GETKEYSANDFLAGS SORT a STORE d",
			"[[$a [+RO +access]] [$d [+OW +update]]]" },
		{ 0 },
	});
}

Test(sort, sql_sorts)
{
	redisContext *client = shared_server_clear();
	PGconn *postgres = PQconnectdb(shared_server_conninfo());
	PGresult *result;

	transcript_expect(client, "RPUSH l b a c", ":3");
	transcript_expect(client, "MSET w_a 2 w_b 1 w_c 3", "+OK");
	result = PQexec(postgres,
		"SELECT string_agg(convert_from(value, 'UTF8'), ' ') "
		"FROM respgres.sort(0, 'l', by => 'w_*', "
		"get => ARRAY['#', 'w_*']::bytea[], count => 2)");
	cr_assert_str_eq(PQgetvalue(result, 0, 0), "b 1 a 2");
	PQclear(result);
	result = PQexec(postgres, "SELECT error FROM respgres.sort(0, 'l')");
	cr_assert_str_eq(PQgetvalue(result, 0, 0), NOT_NUMBERS + 1);
	PQclear(result);
	result = PQexec(postgres,
		"SELECT length FROM respgres.sort_store(0, 'l', 'd', "
		"alpha => true)");
	cr_assert_str_eq(PQgetvalue(result, 0, 0), "3");
	PQclear(result);
	PQfinish(postgres);
	transcript_expect(client, "LRANGE d 0 -1", "[$a $b $c]");
	redisFree(client);
}
