/* Streams: every command without groups, its options and its errors; a real
 * redis-server judges the replies. */
#include "tests/support/judge.h"
#include "tests/support/shared_server.h"
#include "tests/support/transcript.h"

#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
judge(const char *const *commands)
{
	redisContext *client = shared_server_clear();

	judge_play(client, commands);
	redisFree(client);
}

Test(streams, entries_are_added_with_ids_of_all_forms)
{
	judge((const char *[]){
		"XADD s 1-1 a 1",
		"XADD s 1-1 a 1",
		"XADD s 1-0 a 1",
		"XADD s 0-0 a 1",
		"XADD s 0-* a 1",
		"XADD s 1-* a 1",
		"XADD s 5 a 1 b 2 c 3",
		"XADD s 5-* a \"\"",
		"XADD s 7-* a 1",
		"XADD s bad a 1",
		"XADD s - a 1",
		"XADD s + a 1",
		"XADD s $ a 1",
		"XADD s 1-1-1 a 1",
		"XADD s 8-* a 1 b",
		"XADD s 8-*",
		"XADD s",
		"XADD s *",
		"XADD s * a",
		"XADD s 007-9 \"\\x00\\xff\" \"\\x01\\n\"",
		"XADD s 18446744073709551616 a 1",
		"XADD s maxlen 2 9 a 1",
		"XLEN s",
		"XRANGE s - +",
		"XADD s MAXLEN 0 10 a 1",
		"XRANGE s - +",
		"XINFO STREAM s",
		"XADD s nomkstream 11 a 1",
		"XADD none NOMKSTREAM 11 a 1",
		"EXISTS none",
		"XADD s 18446744073709551615-18446744073709551615 a b",
		"XADD s * a b",
		"XADD s 1-1 a b",
		"XADD s 18446744073709551615-* a b",
		NULL,
	});
}

Test(streams, a_key_of_another_type_is_an_error)
{
	judge((const char *[]){
		"SET str x",
		"XADD str * a 1",
		"XADD str 0-0 a 1",
		"XLEN str",
		"XRANGE str - +",
		"XRANGE str - + COUNT 0",
		"XRANGE str x +",
		"XREVRANGE str + -",
		"XDEL str 1",
		"XDEL str x",
		"XTRIM str MAXLEN 1",
		"XSETID str 1-1",
		"XREAD STREAMS str 0",
		"XREAD STREAMS str $",
		"XREAD STREAMS str x",
		"XREADGROUP GROUP g c STREAMS str >",
		"XREADGROUP GROUP g c STREAMS str x",
		"XGROUP CREATE str g $",
		"XGROUP CREATE str g x MKSTREAM",
		"XGROUP SETID str g $",
		"XGROUP DESTROY str g",
		"XGROUP CREATECONSUMER str g c",
		"XGROUP DELCONSUMER str g c",
		"XACK str g 1",
		"XACK str g x",
		"XPENDING str g",
		"XPENDING str g - + 10",
		"XCLAIM str g c 0 1",
		"XCLAIM str g c x 1",
		"XAUTOCLAIM str g c 0 0",
		"XINFO STREAM str",
		"XINFO STREAM str FULL",
		"XINFO STREAM str FOO",
		"XINFO GROUPS str",
		"XINFO CONSUMERS str g",
		"TYPE str",
		NULL,
	});
}

Test(streams, a_key_that_is_not_there_is_an_empty_stream)
{
	judge((const char *[]){
		"XLEN none",
		"XRANGE none - +",
		"XRANGE none - + COUNT 0",
		"XREVRANGE none + - COUNT 5",
		"XDEL none 1",
		"XDEL none x",
		"XTRIM none MAXLEN 1",
		"XSETID none 1-1",
		"XREAD STREAMS none 0",
		"XREAD STREAMS none $",
		"XREAD STREAMS none x",
		"XREADGROUP GROUP g c STREAMS none >",
		"XREADGROUP GROUP g c STREAMS none x",
		"XREADGROUP GROUP g c STREAMS none $",
		"XREAD STREAMS none >",
		"XGROUP CREATE none g $",
		"XGROUP CREATE none g x",
		"XGROUP SETID none g $",
		"XGROUP DESTROY none g",
		"XGROUP CREATECONSUMER none g c",
		"XGROUP DELCONSUMER none g c",
		"XACK none g 1",
		"XACK none g x",
		"XPENDING none g",
		"XPENDING none g - + 10",
		"XCLAIM none g c 0 1",
		"XCLAIM none g c x 1",
		"XCLAIM none g c 0 1 FOO",
		"XAUTOCLAIM none g c 0 0",
		"XAUTOCLAIM none g c x 0",
		"XINFO STREAM none",
		"XINFO STREAM none FULL",
		"XINFO STREAM none FOO",
		"XINFO GROUPS none",
		"XINFO CONSUMERS none g",
		"EXISTS none",
		NULL,
	});
}

Test(streams, ranges_exclude_limit_and_turn_round)
{
	judge((const char *[]){
		"XADD s 1-1 a 1",
		"XADD s 1-2 a 2",
		"XADD s 2-0 a 3",
		"XADD s 3-0 a 4",
		"XADD s 3-18446744073709551615 a 5",
		"XRANGE s - +",
		"XRANGE s 1 +",
		"XRANGE s 1 1",
		"XRANGE s 1-2 3",
		"XRANGE s (1-1 (3-0",
		"XRANGE s (1-1 (2",
		"XRANGE s ( +",
		"XRANGE s (- +",
		"XRANGE s - (+",
		"XRANGE s (18446744073709551615-18446744073709551615 +",
		"XRANGE s - (0-0",
		"XRANGE s 3 1",
		"XRANGE s x +",
		"XRANGE s - x",
		"XRANGE s - + COUNT 2",
		"XRANGE s - + COUNT 0",
		"XRANGE s - + COUNT -1",
		"XRANGE s - + COUNT x",
		"XRANGE s - + COUNT",
		"XRANGE s - + FOO 2",
		"XRANGE s - + COUNT 1 COUNT 2",
		"XREVRANGE s + -",
		"XREVRANGE s + - COUNT 2",
		"XREVRANGE s (3 (1-1",
		"XREVRANGE s 3 1",
		"XREVRANGE s - +",
		"XREVRANGE s + - COUNT 0",
		"XDEL s 1-2 1-2 9-9",
		"XDEL s 1-2",
		"XDEL s 1-1 x",
		"XLEN s",
		"XINFO STREAM s",
		"XDEL s 1-1 2",
		"XINFO STREAM s",
		"XDEL s 3 3-18446744073709551615",
		"XINFO STREAM s",
		"XINFO STREAM s FULL",
		"EXISTS s",
		"XADD s 3-18446744073709551615 a 5",
		"XADD s * a 5 b",
		"XADD s 4 a 5",
		"XRANGE s - +",
		NULL,
	});
}

Test(streams, trimming_takes_its_options)
{
	judge((const char *[]){
		"XADD s 1 a 1",
		"XADD s 2 a 1",
		"XADD s 3 a 1",
		"XTRIM s",
		"XTRIM s MAXLEN",
		"XTRIM s MAXLEN x",
		"XTRIM s MAXLEN -1",
		"XTRIM s MAXLEN =",
		"XTRIM s MAXLEN 1 MINID 1",
		"XTRIM s MAXLEN ~ 1 LIMIT -1",
		"XTRIM s MAXLEN ~ 1 LIMIT x",
		"XTRIM s MAXLEN 1 LIMIT 5",
		"XTRIM s LIMIT 5",
		"XTRIM s LIMIT 5 FOO",
		"XTRIM s FOO 1",
		"XTRIM s MINID x",
		"XTRIM s MINID ~ x",
		"XTRIM s MINID = 2",
		"XTRIM s MAXLEN = 5",
		"XTRIM s MAXLEN ~ 0 LIMIT 1",
		"XTRIM s MAXLEN ~ 0 LIMIT 0",
		"XLEN s",
		"XINFO STREAM s",
		"XADD s MAXLEN ~ 5 LIMIT 3 MINID 3 4 a 1",
		"XADD s LIMIT 3 4 a 1",
		"XADD s MINID 3 LIMIT 3 4 a 1",
		"XADD s MAXLEN 5 NOMKSTREAM 4 a 1",
		"XADD s MAXLEN 5 = 5 a 1",
		"XADD s MAXLEN = 5 6 a 1",
		"XADD s MINID ~ 6 7 a 1",
		"XADD s MINID 9 8 a 1",
		"XLEN s",
		"XINFO STREAM s",
		NULL,
	});
}

Test(streams, what_a_stream_remembers_can_be_set)
{
	judge((const char *[]){
		"XADD s 1-1 a 1",
		"XADD s 2-1 a 1",
		"XSETID s",
		"XSETID s x",
		"XSETID s 1-1",
		"XSETID s 5-1",
		"XINFO STREAM s",
		"XSETID s 6-1 ENTRIESADDED 100",
		"XSETID s 6-1 ENTRIESADDED 1",
		"XSETID s 6-1 ENTRIESADDED -1",
		"XSETID s 6-1 ENTRIESADDED x",
		"XSETID s 6-1 MAXDELETEDID 7",
		"XSETID s 6-1 MAXDELETEDID x",
		"XSETID s 6-1 MAXDELETEDID 1",
		"XSETID s 6-1 ENTRIESADDED 50 MAXDELETEDID 3-3",
		"XSETID s 6-1 FOO",
		"XSETID s 6-1 ENTRIESADDED",
		"XINFO STREAM s",
		"XADD s 6-* a 1",
		"XINFO STREAM s FULL",
		"XTRIM s MAXLEN 0",
		"XSETID s 0-0",
		"XINFO STREAM s",
		NULL,
	});
}

Test(streams, several_streams_are_read_at_once)
{
	judge((const char *[]){
		"XADD a 1 x 1",
		"XADD a 2 x 2",
		"XADD b 5 x 5",
		"XREAD STREAMS a b 0 0",
		"XREAD STREAMS a b 1 5",
		"XREAD STREAMS a b $ $",
		"XREAD COUNT 1 STREAMS a b 0 0",
		"XREAD COUNT 0 STREAMS a b 0 0",
		"XREAD COUNT -5 STREAMS a b 0 0",
		"XREAD COUNT x STREAMS a b 0 0",
		"XREAD STREAMS a a 0 1",
		"XREAD STREAMS none a 0 0",
		"XREAD STREAMS a",
		"XREAD STREAMS a b 0",
		"XREAD STREAMS",
		"XREAD COUNT 1",
		"XREAD FOO STREAMS a 0",
		"XREAD BLOCK x STREAMS a 0",
		"XREAD BLOCK -1 STREAMS a 0",
		"XREAD BLOCK 9223372036854775807 STREAMS a 0",
		"XREAD BLOCK 10 STREAMS a 2",
		"XREAD BLOCK 10 STREAMS a b $ 9",
		"XREAD BLOCK 10 STREAMS a b 0 9",
		"XREAD GROUP g c STREAMS a >",
		"XREAD NOACK STREAMS a >",
		"XREAD STREAMS a >",
		"XREAD STREAMS a b 0 x",
		"XREAD STREAMS a b x 0",
		"XREAD STREAMS a 18446744073709551615-18446744073709551615",
		"XREADGROUP STREAMS a >",
		"XREADGROUP NOACK COUNT 1 STREAMS a >",
		"XREADGROUP GROUP g c STREAMS a >",
		"XREADGROUP GROUP g c COUNT 2 NOACK",
		"XREADGROUP GROUP g c COUNT 2 NOACK FOO",
		"SET str x",
		"XREAD STREAMS a str 0 0",
		"XREAD STREAMS a str 0 x",
		"XREAD STREAMS a str x 0",
		"XREAD STREAMS none str x 0",
		NULL,
	});
}

/* The first row's columns, separated by "|". */
static void
sql_expect(const char *query, const char *row)
{
	PGconn *connection = PQconnectdb(shared_server_conninfo());
	PGresult *result = PQexec(connection, query);
	char text[500] = "";
	size_t size = 0;

	cr_assert_eq(PQresultStatus(result), PGRES_TUPLES_OK, "%s",
		PQerrorMessage(connection));
	cr_assert_gt(PQntuples(result), 0, "%s", query);
	for (int i = 0; i < PQnfields(result); i++)
		size += (size_t)snprintf(text + size, sizeof(text) - size,
			"%s%s", i > 0 ? "|" : "", PQgetvalue(result, 0, i));
	cr_expect_str_eq(text, row, "%s: %s", query, text);
	PQclear(result);
	PQfinish(connection);
}

/* Nodes have stream-node-max-entries entries, those that were deleted too. */
Test(streams, approximate_trimming_removes_whole_nodes)
{
	enum { COMMANDS = 60 };
	char numbers[COMMANDS][40];
	const char *commands[COMMANDS + 20];
	int count = 0;

	commands[count++] = "CONFIG SET stream-node-max-entries 5";
	for (int i = 1; i <= COMMANDS; i++) {
		snprintf(numbers[i - 1], sizeof(numbers[0]), "XADD s %d-1 a %d",
			i, i);
		commands[count++] = numbers[i - 1];
	}
	commands[count++] = "XTRIM s MAXLEN ~ 52";
	commands[count++] = "XTRIM s MAXLEN ~ 51";
	commands[count++] = "XTRIM s MAXLEN 53";
	commands[count++] = "XTRIM s MAXLEN ~ 52";
	commands[count++] = "XDEL s 9 10";
	commands[count++] = "XTRIM s MAXLEN ~ 50";
	commands[count++] = "XTRIM s MINID ~ 16-1";
	commands[count++] = "XTRIM s MINID ~ 25-1";
	commands[count++] = "XTRIM s MINID ~ 26 LIMIT 4";
	commands[count++] = "XTRIM s MINID ~ 26";
	commands[count++] = "XADD s MAXLEN ~ 30 LIMIT 7 61-1 a 61";
	commands[count++] = "XRANGE s - +";
	commands[count++] = "XINFO STREAM s";
	commands[count++] = "XDEL s 61-1";
	commands[count++] = "XADD s MAXLEN ~ 20 62-1 a 62";
	commands[count++] = "XADD s MAXLEN ~ 0 63-1 a 63";
	commands[count++] = "XADD s MINID ~ 65 64-1 a 64";
	commands[count++] = "XINFO STREAM s";
	commands[count] = NULL;
	judge(commands);
}

/* Pipelined, many entries share an execution; each trims as if alone. */
Test(streams, a_pipeline_of_additions_is_as_good_as_one_after_the_other)
{
	static const struct exchange exchanges[] = {
		{ "XADD s 1-1 a 1", "$1-1" },
		{ "XADD s 1-* a 2", "$1-2" },
		{ "XADD t MAXLEN 2 1 a 1", "$1-0" },
		{ "XADD s 1-2 a 3",
			"-ERR The ID specified in XADD is equal or smaller "
			"than the target stream top item" },
		{ "XADD t MAXLEN 2 2 a 2", "$2-0" },
		{ "XADD str 1 a 1",
			"-WRONGTYPE Operation against a key holding the wrong "
			"kind of value" },
		{ "XADD t MINID 9 3 a 3", "$3-0" },
		{ "XADD t MAXLEN 3 4 a 4", "$4-0" },
		{ "XADD t MAXLEN 9 5 a 5", "$5-0" },
		{ "XADD s 2 a 4", "$2-0" },
		{ "XLEN t", ":2" },
		{ "XRANGE s - +",
			"[[$1-1 [$a $1]] [$1-2 [$a $2]] [$2-0 [$a $4]]]" },
		{ "XRANGE t - +", "[[$4-0 [$a $4]] [$5-0 [$a $5]]]" },
		{ 0 },
	};
	redisContext *client = shared_server_clear();

	transcript_expect(client, "SET str x", "+OK");
	transcript_play_pipelined(client, exchanges);
	redisFree(client);
}

Test(streams, ids_of_the_clock_grow_with_it_and_with_what_is_there)
{
	redisContext *client = shared_server_clear();
	char *first = transcript_ask(client, "XADD s * a 1");
	char *second = transcript_ask(client, "XADD s * a 2");
	char *time = transcript_ask(client, "TIME");

	cr_expect_lt(strcmp(first, second), 0, "%s %s", first, second);
	cr_expect_eq(strncmp(first + 1, time + 2, 9), 0, "%s %s", first, time);
	transcript_expect(
		client, "XADD t 9999999999999-5 a 1", "$9999999999999-5");
	transcript_expect(client, "XADD t * a 1", "$9999999999999-6");
	transcript_expect(client,
		"XADD t 9999999999999-18446744073709551615 a 1",
		"$9999999999999-18446744073709551615");
	transcript_expect(client, "XADD t * a 1", "$10000000000000-0");
	free(first);
	free(second);
	free(time);
	redisFree(client);
}

static void
expect_long_value(redisContext *client, size_t size)
{
	char *value = malloc(size);
	redisReply *reply;

	cr_assert_not_null(value);
	for (size_t i = 0; i < size; i++)
		value[i] = (char)(i * 7 % 256);
	reply = redisCommand(client, "XADD s %d-1 %b %b", (int)size, value,
		size < 2000 ? size : 2000, value, size);
	cr_assert_eq(reply->type, REDIS_REPLY_STRING, "%s", reply->str);
	freeReplyObject(reply);
	reply = redisCommand(
		client, "XRANGE s %d-1 %d-1", (int)size, (int)size);
	cr_assert_eq(reply->elements, 1);
	cr_expect_eq(reply->element[0]->element[1]->element[1]->len, (int)size);
	cr_expect_eq(memcmp(reply->element[0]->element[1]->element[1]->str,
			     value, size),
		0);
	freeReplyObject(reply);
	free(value);
}

Test(streams, values_hold_any_bytes_and_are_long)
{
	const size_t sizes[] = { 1, 256, 1500, 8000, 8200, 20000, 150000,
		3000000 };
	redisContext *client = shared_server_clear();

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		expect_long_value(client, sizes[i]);
	redisFree(client);
}

/* More than one piece of an answer holds. */
Test(streams, long_answers_are_complete)
{
	enum { ENTRIES = 2500 };
	redisContext *client = shared_server_clear();
	redisReply *reply;

	for (int i = 1; i <= ENTRIES; i++)
		redisAppendCommand(
			client, "XADD {s}%d %d-1 field value-%d", i % 2, i, i);
	for (int i = 1; i <= ENTRIES; i++) {
		cr_assert_eq(redisGetReply(client, (void **)&reply), REDIS_OK);
		cr_assert_eq(reply->type, REDIS_REPLY_STRING);
		freeReplyObject(reply);
	}
	reply = redisCommand(client, "XREAD STREAMS {s}0 none {s}1 0 0 400");
	cr_assert_eq(reply->elements, 2);
	cr_expect_eq(reply->element[0]->element[1]->elements, ENTRIES / 2);
	cr_expect_eq(
		reply->element[1]->element[1]->elements, ENTRIES / 2 - 200);
	cr_expect_str_eq(reply->element[1]->element[0]->str, "{s}1");
	cr_expect_str_eq(
		reply->element[1]->element[1]->element[0]->element[0]->str,
		"401-1");
	freeReplyObject(reply);
	reply = redisCommand(client, "XRANGE {s}1 - +");
	cr_expect_eq(reply->elements, ENTRIES / 2);
	freeReplyObject(reply);
	transcript_expect(client, "XREAD COUNT 1 STREAMS {s}1 2499",
		"[[${s}1 [[$2499-1 [$field $value-2499]]]]]");
	redisFree(client);
}

Test(streams, expired_streams_are_gone)
{
	redisContext *client = shared_server_clear();

	transcript_expect(client, "XADD s 5 a 1", "$5-0");
	transcript_expect(client, "PEXPIRE s 1", ":1");
	usleep(20000);
	transcript_expect(client, "XLEN s", ":0");
	transcript_expect(client, "XRANGE s - +", "[]");
	transcript_expect(client, "XREAD STREAMS s 0", "_");
	transcript_expect(client, "XINFO STREAM s", "-ERR no such key");
	transcript_expect(client, "XADD s NOMKSTREAM 6 a 1", "_");
	transcript_expect(client, "XADD s 1 a 1", "$1-0");
	transcript_expect(client, "TTL s", ":-1");
	transcript_expect(client, "XLEN s", ":1");
	redisFree(client);
}

static void
expect_bytes(int fd, const char *command, const char *reply)
{
	char text[2000];
	size_t size = 0;

	cr_assert_eq(
		write(fd, command, strlen(command)), (ssize_t)strlen(command));
	while (size < strlen(reply)) {
		ssize_t got = read(fd, text + size, sizeof(text) - 1 - size);

		cr_assert_gt(got, 0);
		size += (size_t)got;
	}
	text[size] = '\0';
	cr_expect_str_eq(text, reply, "of %s", command);
}

Test(streams, protocols_shape_the_answers)
{
	redisContext *client = shared_server_clear();
	char greeting[1000];
	int fd = client->fd;

	expect_bytes(fd, "XADD s 1-1 a 1\r\n", "$3\r\n1-1\r\n");
	expect_bytes(fd, "XREAD STREAMS s 0\r\n",
		"*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-1\r\n"
		"*2\r\n$1\r\na\r\n$1\r\n1\r\n");
	expect_bytes(fd, "XREAD STREAMS s 1-1\r\n", "*-1\r\n");
	expect_bytes(fd, "XRANGE s - + COUNT 0\r\n", "*-1\r\n");
	cr_assert_eq(write(fd, "HELLO 3\r\n", 9), 9);
	cr_assert_gt(read(fd, greeting, sizeof(greeting)), 0);
	expect_bytes(fd, "XREAD STREAMS s 0\r\n",
		"%1\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-1\r\n"
		"*2\r\n$1\r\na\r\n$1\r\n1\r\n");
	expect_bytes(fd, "XREAD STREAMS s 1-1\r\n", "_\r\n");
	expect_bytes(fd, "XGROUP CREATE s g 0\r\n", "+OK\r\n");
	expect_bytes(fd, "XINFO GROUPS s\r\n",
		"*1\r\n%6\r\n$4\r\nname\r\n$1\r\ng\r\n$9\r\nconsumers\r\n:0\r\n"
		"$7\r\npending\r\n:0\r\n$17\r\nlast-delivered-id\r\n"
		"$3\r\n0-0\r\n$12\r\nentries-read\r\n_\r\n$3\r\nlag\r\n:1\r\n");
	expect_bytes(fd, "XREADGROUP GROUP g c STREAMS s >\r\n",
		"%1\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-1\r\n"
		"*2\r\n$1\r\na\r\n$1\r\n1\r\n");
	redisFree(client);
}

Test(streams, sql_adds_reads_and_shows_rows)
{
	const struct exchange exchanges[] = {
		{ "XRANGE s - +",
			"[[$5-1 [$name $caf\\xc3\\xa9 $n $1]] [$6-0 [$n $2]]]" },
		{ "XLEN s", ":2" },
		{ 0 },
	};
	redisContext *client = shared_server_clear();

	sql_expect("SELECT * FROM respgres.xadd(0, 's', "
		   "'{name,\"caf\xc3\xa9\",n,1}', '5-1')",
		"|5-1");
	sql_expect(
		"SELECT * FROM respgres.xadd(0, 's', '{n,2}', '6-*')", "|6-0");
	sql_expect("SELECT * FROM respgres.xadd(0, 's', '{n,2}', '6-0')",
		"ERR The ID specified in XADD is equal or smaller than the "
		"target stream top item|");
	transcript_play(client, exchanges);
	sql_expect("SELECT id, fields ->> 'name' FROM respgres.streams "
		   "WHERE key = 's' ORDER BY id LIMIT 1",
		"5-1|caf\xc3\xa9");
	sql_expect("SELECT id, fields[2] FROM respgres.xrange(0, 's', '6')",
		"6-0|\\x32");
	sql_expect("SELECT respgres.xlen(0, 's')", "2");
	sql_expect("SELECT * FROM respgres.xtrim(0, 's', 1)", "|1");
	sql_expect("SELECT * FROM respgres.xdel(0, 's', '6-0')", "|1");
	transcript_expect(client, "XLEN s", ":0");
	transcript_expect(client, "EXISTS s", ":1");
	redisFree(client);
}
