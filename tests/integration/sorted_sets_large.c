/* Sorted sets: ranks in large sets, any bytes, RESP3, scans, waiting. */
#include "tests/support/shared_server.h"
#include "tests/support/transcript.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static void
play(const struct exchange *exchanges)
{
	redisContext *client = shared_server_clear();

	transcript_play(client, exchanges);
	redisFree(client);
}

/* --- ranks in large sets --------------------------------------------- */

static void
ask(redisContext *client, const char *format, ...)
{
	va_list arguments;
	redisReply *reply;

	va_start(arguments, format);
	reply = redisvCommand(client, format, arguments);
	va_end(arguments);
	cr_assert_not_null(reply, "%s", format);
	cr_assert_neq(
		reply->type, REDIS_REPLY_ERROR, "%s: %s", format, reply->str);
	freeReplyObject(reply);
}

/* Sends `count` members in one command: numbers up to `range`, with scores of
 * which many are equal. */
static void
add_members(redisContext *client, int count, int range)
{
	char **words = malloc(sizeof(*words) * (2 + 2 * (size_t)count));

	words[0] = strdup("ZADD");
	words[1] = strdup("z");
	for (int i = 0; i < count; i++) {
		cr_assert_geq(asprintf(&words[2 + 2 * i], "%d",
				      rand() % (range / 4 + 1)),
			0);
		cr_assert_geq(
			asprintf(&words[3 + 2 * i], "m%d", rand() % range), 0);
	}
	freeReplyObject(redisCommandArgv(
		client, 2 + 2 * count, (const char **)words, NULL));
	for (int i = 0; i < 2 + 2 * count; i++)
		free(words[i]);
	free(words);
}

static void
remove_members(redisContext *client, int count, int range)
{
	for (int i = 0; i < count; i++)
		redisAppendCommand(client, "ZREM z m%d", rand() % range);
	for (int i = 0; i < count; i++) {
		redisReply *reply;

		cr_assert_eq(redisGetReply(client, (void **)&reply), REDIS_OK);
		freeReplyObject(reply);
	}
}

static void
change_at_random(redisContext *client, int range)
{
	int from = rand() % range / 4;

	switch (rand() % 10) {
	case 0:
		ask(client, "ZREMRANGEBYRANK z %d %d", from,
			from + rand() % 700);
		break;
	case 1:
		ask(client, "ZREMRANGEBYSCORE z (%d %d", from,
			from + rand() % 150);
		break;
	case 2:
		ask(client, "ZPOPMIN z %d", rand() % 200);
		break;
	case 3:
		ask(client, "ZPOPMAX z %d", rand() % 200);
		break;
	case 4:
		remove_members(client, rand() % 400, range);
		break;
	case 5:
		for (int i = 0; i < 20; i++)
			ask(client, "ZINCRBY z %d m%d", rand() % 100 - 50,
				rand() % range);
		break;
	case 6:
		ask(client, "COPY z y REPLACE");
		ask(client, "RENAME y z");
		break;
	case 7:
		ask(client, "ZUNIONSTORE z 1 z WEIGHTS 2");
		break;
	default:
		add_members(client, 1 + rand() % 900, range);
	}
}

static long long
ask_integer(redisContext *client, const char *command, const char *member)
{
	redisReply *reply = *member == '\0' ?
		redisCommand(client, "%s z", command) :
		redisCommand(client, "%s z %s", command, member);
	long long value;

	cr_assert_eq(
		reply->type, REDIS_REPLY_INTEGER, "%s %s", command, member);
	value = reply->integer;
	freeReplyObject(reply);
	return value;
}

static void
expect_range(redisContext *client, const redisReply *all, size_t from)
{
	redisReply *part = redisCommand(client, "ZRANGE z %lu %lu",
		(unsigned long)from, (unsigned long)from + 3);
	redisReply *back = redisCommand(client, "ZREVRANGE z %lu %lu",
		(unsigned long)(all->elements - 1 - from),
		(unsigned long)(all->elements - 1 - from));

	for (size_t i = 0; i < part->elements; i++)
		cr_assert_str_eq(
			part->element[i]->str, all->element[from + i]->str);
	cr_assert_eq(back->elements, 1);
	cr_assert_str_eq(back->element[0]->str, all->element[from]->str);
	freeReplyObject(part);
	freeReplyObject(back);
}

/* Compares ranks with the places in the whole list, which needs none. */
static void
expect_right_ranks(redisContext *client, int samples)
{
	redisReply *all = redisCommand(client, "ZRANGE z 0 -1");
	redisReply *size = redisCommand(client, "ZCARD z");
	redisReply *counted = redisCommand(client, "ZCOUNT z -inf (50");
	redisReply *listed = redisCommand(client, "ZRANGEBYSCORE z -inf (50");

	cr_assert_eq((long long)all->elements, size->integer);
	cr_assert_eq(counted->integer, (long long)listed->elements);
	for (int i = 0; i < samples && all->elements > 0; i++) {
		size_t at = (size_t)rand() % all->elements;
		const char *member = all->element[at]->str;

		cr_assert_eq(ask_integer(client, "ZRANK", member),
			(long long)at, "the rank of %s", member);
		cr_assert_eq(ask_integer(client, "ZREVRANK", member),
			(long long)(all->elements - 1 - at));
		expect_range(client, all, at);
	}
	freeReplyObject(all);
	freeReplyObject(size);
	freeReplyObject(counted);
	freeReplyObject(listed);
}

Test(sorted_sets_large, ranks_are_right_while_a_set_grows_and_shrinks)
{
	redisContext *client = shared_server_clear();

	srand(7);
	for (int round = 0; round < 60; round++) {
		/* Around the sizes at which counting changes. */
		change_at_random(client, round % 20 < 10 ? 6000 : 1500);
		expect_right_ranks(client, 12);
	}
	redisFree(client);
}

Test(sorted_sets_large, ranks_are_right_in_a_very_large_set, .timeout = 120)
{
	redisContext *client = shared_server_clear();

	srand(8);
	for (int i = 0; i < 60; i++)
		add_members(client, 3000, 400000);
	expect_right_ranks(client, 30);
	for (int i = 0; i < 10; i++)
		change_at_random(client, 400000);
	expect_right_ranks(client, 30);
	ask(client, "ZREMRANGEBYRANK z 1000 150000");
	expect_right_ranks(client, 30);
	redisFree(client);
}

/* --- any bytes, any size --------------------------------------------- */

Test(sorted_sets_large, members_are_any_bytes_of_any_size)
{
	redisContext *client = shared_server_clear();
	size_t size = 200000;
	char *member = malloc(size);
	redisReply *reply;

	memset(member, 'x', size);
	for (size_t part = 1023; part <= size; part += size / 2 - 600) {
		reply = redisCommand(client, "ZADD z %lu %b",
			(unsigned long)part, member, part);
		cr_assert_eq(reply->integer, 1);
		freeReplyObject(reply);
		reply = redisCommand(client, "ZSCORE z %b", member, part);
		cr_expect_eq(atoi(reply->str), (int)part);
		freeReplyObject(reply);
		reply = redisCommand(client, "ZRANGEBYSCORE z %lu %lu",
			(unsigned long)part, (unsigned long)part);
		cr_assert_eq(reply->elements, 1);
		cr_expect_eq((size_t)reply->element[0]->len, part);
		freeReplyObject(reply);
	}
	reply = redisCommand(client, "ZADD z 1 %b 2 %b 3 %b", "", (size_t)0,
		"\0\xff", (size_t)2, "a\0b", (size_t)3);
	cr_expect_eq(reply->integer, 3);
	freeReplyObject(reply);
	transcript_expect(client, "ZRANGE z 0 2", "[$ $\\x00\\xff $a\\x00b]");
	reply = redisCommand(client, "ZREM z %b", "a\0b", (size_t)3);
	cr_expect_eq(reply->integer, 1);
	freeReplyObject(reply);
	free(member);
	redisFree(client);
}

Test(sorted_sets_large, a_long_answer_comes_whole)
{
	redisContext *client = shared_server_clear();
	redisReply *reply;

	add_members(client, 5000, 1000000);
	reply = redisCommand(client, "ZRANGE z 0 -1 WITHSCORES");
	cr_expect_eq(
		reply->elements, 2 * (size_t)ask_integer(client, "ZCARD", ""));
	freeReplyObject(reply);
	redisFree(client);
}

/* --- RESP3, expiry, scanning ----------------------------------------- */

/* Sends inline commands, of which the last is PING, and expects `replies` at
 * the end of what comes back. */
static void
expect_raw(int port, const char *commands, const char *replies)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval patience = { .tv_sec = 10 };
	int connection = socket(AF_INET, SOCK_STREAM, 0);
	char answer[2000] = "";
	size_t size = 0;

	setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience,
		sizeof(patience));
	cr_assert_eq(connect(connection, (struct sockaddr *)&address,
			     sizeof(address)),
		0);
	cr_assert_gt(write(connection, commands, strlen(commands)), 0);
	while (strstr(answer, "+PONG\r\n") == NULL) {
		ssize_t count = read(
			connection, answer + size, sizeof(answer) - 1 - size);

		cr_assert_gt(count, 0);
		size += (size_t)count;
		answer[size] = '\0';
	}
	close(connection);
	cr_expect(strstr(answer, replies) != NULL, "%s instead of %s", answer,
		replies);
}

Test(sorted_sets_large, scores_are_doubles_in_resp3)
{
	redisContext *client = shared_server_clear();

	ask(client, "ZADD z 1 a 2.5 b inf c");
	ask(client, "ZADD y 1 a 2.5 b inf c");
	expect_raw(shared_server_port(),
		"HELLO 3\r\nZSCORE z b\r\nZINCRBY z 1 c\r\n"
		"ZMSCORE z a none\r\nZRANGE z 0 1 WITHSCORES\r\nPING\r\n",
		",2.5\r\n,inf\r\n*2\r\n,1\r\n_\r\n"
		"*2\r\n*2\r\n$1\r\na\r\n,1\r\n*2\r\n$1\r\nb\r\n,2.5\r\n"
		"+PONG\r\n");
	expect_raw(shared_server_port(),
		"HELLO 3\r\nZPOPMIN y\r\nZPOPMIN y 1\r\n"
		"ZMPOP 1 y MIN\r\nZSCAN z 0 MATCH a\r\nBZPOPMIN z 0\r\n"
		"ZSCORE none b\r\nZADD z INCR XX 1 none\r\nPING\r\n",
		"*2\r\n$1\r\na\r\n,1\r\n*1\r\n*2\r\n$1\r\nb\r\n"
		",2.5\r\n*2\r\n$1\r\ny\r\n*1\r\n*2\r\n$1\r\nc\r\n,inf\r\n"
		"*2\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n"
		"*3\r\n$1\r\nz\r\n$1\r\na\r\n,1\r\n_\r\n_\r\n+PONG\r\n");
	redisFree(client);
}

Test(sorted_sets_large, an_expired_set_is_none)
{
	play((struct exchange[]){
		{ "ZADD z 1 a 2 b", ":2" },
		{ "PEXPIRE z 1", ":1" },
		{ "DEBUG SLEEP 0.01", "+OK" },
		{ "ZCARD z", ":0" },
		{ "ZRANGE z 0 -1", "[]" },
		{ "ZADD z XX 1 a", ":0" },
		{ "ZADD z 3 c", ":1" },
		{ "ZRANGE z 0 -1 WITHSCORES", "[$c $3]" },
		{ "TTL z", ":-1" },
		{ "ZUNIONSTORE z 2 z none", ":1" },
		{ 0 },
	});
}

Test(sorted_sets_large, scan_meets_all_members)
{
	redisContext *client = shared_server_clear();
	char cursor[32] = "0";
	size_t found = 0, size;

	add_members(client, 900, 1000000);
	size = (size_t)ask_integer(client, "ZCARD", "");
	do {
		redisReply *reply =
			redisCommand(client, "ZSCAN z %s COUNT 50", cursor);

		cr_assert_eq(reply->elements, 2);
		found += reply->element[1]->elements / 2;
		snprintf(cursor, sizeof(cursor), "%s", reply->element[0]->str);
		freeReplyObject(reply);
	} while (strcmp(cursor, "0") != 0);
	cr_expect_eq(found, size);
	redisFree(client);
}

Test(sorted_sets_large, random_members_are_distinct_and_evenly_drawn)
{
	redisContext *client = shared_server_clear();
	int drawn[20] = { 0 };
	redisReply *reply;

	for (int i = 0; i < 20; i++)
		ask(client, "ZADD z %d %d", i, i);
	reply = redisCommand(client, "ZRANDMEMBER z 15");
	cr_assert_eq(reply->elements, 15);
	for (size_t i = 0; i < 15; i++)
		cr_expect_eq(drawn[atoi(reply->element[i]->str)]++, 0);
	freeReplyObject(reply);
	memset(drawn, 0, sizeof(drawn));
	reply = redisCommand(client, "ZRANDMEMBER z -4000");
	cr_assert_eq(reply->elements, 4000);
	for (size_t i = 0; i < 4000; i++)
		drawn[atoi(reply->element[i]->str)]++;
	freeReplyObject(reply);
	for (int i = 0; i < 20; i++)
		cr_expect(drawn[i] > 130 && drawn[i] < 280, "%d: %d times", i,
			drawn[i]);
	redisFree(client);
}

/* --- waiting --------------------------------------------------------- */

Test(sorted_sets_large, who_waits_is_served_when_members_come)
{
	redisContext *client = shared_server_clear();
	redisContext *first = shared_server_connect();
	redisContext *second = shared_server_connect();
	redisReply *reply;

	redisAppendCommand(first, "BZPOPMIN y z 5");
	redisBufferWrite(first, NULL);
	usleep(100000);
	redisAppendCommand(second, "BZMPOP 5 1 z MAX COUNT 10");
	redisBufferWrite(second, NULL);
	usleep(100000);
	transcript_expect(client, "ZADD z 1 a 2 b 3 c", ":3");
	cr_assert_eq(redisGetReply(first, (void **)&reply), REDIS_OK);
	cr_assert_eq(reply->elements, 3);
	cr_expect_str_eq(reply->element[1]->str, "a");
	freeReplyObject(reply);
	cr_assert_eq(redisGetReply(second, (void **)&reply), REDIS_OK);
	cr_assert_eq(reply->elements, 2);
	cr_expect_eq(reply->element[1]->elements, 2);
	freeReplyObject(reply);
	transcript_expect(client, "EXISTS z", ":0");
	redisFree(first);
	redisFree(second);
	redisFree(client);
}

/* --- from SQL -------------------------------------------------------- */

/* Expects the answer as one line: columns apart by |, rows by a space. */
static void
expect_sql(PGconn *connection, const char *sql, const char *expected)
{
	PGresult *result = PQexec(connection, sql);
	char line[1000] = "";

	cr_assert_eq(PQresultStatus(result), PGRES_TUPLES_OK, "%s: %s", sql,
		PQerrorMessage(connection));
	for (int row = 0; row < PQntuples(result); row++)
		for (int column = 0; column < PQnfields(result); column++)
			snprintf(line + strlen(line),
				sizeof(line) - strlen(line), "%s%s",
				column > 0      ? "|" :
					row > 0 ? " " :
						  "",
				PQgetvalue(result, row, column));
	cr_expect_str_eq(line, expected, "%s: '%s' instead of '%s'", sql, line,
		expected);
	PQclear(result);
}

Test(sorted_sets_large, sql_and_clients_see_one_set)
{
	static const struct {
		const char *sql, *answer;
	} cases[] = {
		{ "SELECT * FROM respgres.zadd(0, 'z', 'a', 1)", "|1|0" },
		{ "SELECT * FROM respgres.zadd(0, 'z', "
		  "'{a,b,c,b}'::bytea[], '{5,2,3,4}')",
			"|2|2" },
		{ "SELECT * FROM respgres.zadd(0, 'z', 'a', 9, 'NX')", "|0|0" },
		{ "SELECT * FROM respgres.zadd(0, 'z', 'a', 4, NULL, 'GT')",
			"|0|0" },
		{ "SELECT * FROM respgres.zincrby(0, 'z', 0.5, 'c')", "|3.5" },
		{ "SELECT score FROM respgres.zscore(0, 'z', 'b')", "4" },
		{ "SELECT rank FROM respgres.zrank(0, 'z', 'a')", "2" },
		{ "SELECT rank FROM respgres.zrank(0, 'z', 'a', true)", "0" },
		{ "SELECT size FROM respgres.zcard(0, 'z')", "3" },
		{ "SELECT count FROM respgres.zcount(0, 'z', 3.5, 4)", "2" },
		{ "SELECT convert_from(member, 'UTF8'), score "
		  "FROM respgres.zrange(0, 'z', 0, 1, reverse => true)",
			"a|5 b|4" },
		{ "SELECT convert_from(member, 'UTF8') "
		  "FROM respgres.zrangebyscore(0, 'z', 3, 5, \"limit\" => 2)",
			"c b" },
		{ "SELECT convert_from(member, 'UTF8'), score "
		  "FROM respgres.sorted_sets ORDER BY score",
			"c|3.5 b|4 a|5" },
		{ "SELECT size FROM respgres.zunionstore(0, 'y', '{z,z}')",
			"3" },
		{ "SELECT size FROM respgres.zinterstore(0, 'x', '{z,none}')",
			"0" },
		{ "SELECT size FROM respgres.zdiffstore(0, 'x', '{z,none}')",
			"3" },
		{ "SELECT convert_from(member, 'UTF8'), score "
		  "FROM respgres.zpopmin(0, 'y', 2)",
			"c|7 b|8" },
		{ "SELECT removed FROM respgres.zrem(0, 'z', '{a,a,none}')",
			"1" },
		{ "SELECT error FROM respgres.zadd(0, 's', 'a', 1)",
			"WRONGTYPE Operation against a key holding the wrong "
			"kind of value" },
		{ "SELECT added FROM respgres.geoadd(0, 'g', 'Palermo', "
		  "13.361389, 38.115556)",
			"1" },
		{ "SELECT added FROM respgres.geoadd(0, 'g', 'Catania', "
		  "15.087269, 37.502669)",
			"1" },
		{ "SELECT round(distance) FROM respgres.geodist(0, 'g', "
		  "'Palermo', 'Catania')",
			"166274" },
		{ "SELECT convert_from(member, 'UTF8'), round(distance) "
		  "FROM respgres.geosearch(0, 'g', 15, 37, 200000)",
			"Catania|56441 Palermo|190442" },
	};
	redisContext *client = shared_server_clear();
	PGconn *connection = PQconnectdb(shared_server_conninfo());

	ask(client, "SET s text");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_sql(connection, cases[i].sql, cases[i].answer);
	transcript_expect(
		client, "ZRANGE z 0 -1 WITHSCORES", "[$c $3.5 $b $4]");
	transcript_expect(client, "GEODIST g Palermo Catania", "$166274.1516");
	PQfinish(connection);
	redisFree(client);
}
