/* SESSION: what each subcommand answers, and its errors. */
#include "tests/support/shared_server.h"
#include "tests/support/transcript.h"

#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#define NOT_INTEGER "-ERR value is not an integer or out of range"
#define FILTERS "USER, ACTIVE, IDLE, IP, SINCE, FIELD"
#define CREATED(id) "[$id $" id " $token _ $evicted :0]"

static void
play(const struct exchange *exchanges)
{
	redisContext *client = shared_server_clear();

	transcript_play(client, exchanges);
	redisFree(client);
}

Test(sessions, fields_are_set_read_and_removed)
{
	play((struct exchange[]){
		{ "SESSION CREATE ID s DATA a 1 b 2 a 3", CREATED("s") },
		{ "SESSION GET s FIELDS a b c", "[$a $3 $b $2 $c _]" },
		{ "SESSION SET s b 4 c 5", ":1" },
		{ "SESSION SET s c 6 c 7", ":1" },
		{ "SESSION GET s FIELDS a b c", "[$a $3 $b $4 $c $7]" },
		{ "SESSION UNSET s a none c", ":2" },
		{ "SESSION GET s FIELDS a b", "[$a _ $b $4]" },
		{ "SESSION UNSET s b", ":1" },
		{ "SESSION UNSET s b", ":0" },
		{ "SESSION SET s new \"\"", ":1" },
		{ "SESSION GET s FIELDS new", "[$new $]" },
		{ "SESSION SET none a 1", ":0" },
		{ "SESSION UNSET none a", ":0" },
		{ "SESSION GET none", "_" },
		{ "SESSION GET none FIELDS a", "_" },
		{ "SESSION GET none TOUCH", "_" },
		{ "SESSION CREATE ID empty", CREATED("empty") },
		{ "SESSION GET empty FIELDS a", "[$a _]" },
		{ "SESSION UNSET empty a", ":0" },
		{ "SESSION SET s a",
			"-ERR wrong number of arguments for "
			"'session|set' command" },
		{ "SESSION SET s a 1 b",
			"-ERR syntax error, expected a value for each field" },
		{ "SESSION GET s NONSENSE",
			"-ERR syntax error, expected TOUCH "
			"or FIELDS field ..." },
		{ "SESSION GET s FIELDS",
			"-ERR syntax error, expected TOUCH "
			"or FIELDS field ..." },
		{ 0 },
	});
}

Test(sessions, ids_are_counted_once)
{
	play((struct exchange[]){
		{ "SESSION CREATE ID a", CREATED("a") },
		{ "SESSION CREATE ID b", CREATED("b") },
		{ "SESSION EXISTS a", ":1" },
		{ "SESSION EXISTS none", ":0" },
		{ "SESSION EXISTS a b none a", ":2" },
		{ "SESSION TOUCH a", ":1" },
		{ "SESSION TOUCH a none b a", ":2" },
		{ "SESSION DEL none", ":0" },
		{ "SESSION DEL a none a", ":1" },
		{ "SESSION EXISTS a b", ":1" },
		{ "SESSION COUNT", ":1" },
		{ "SESSION DEL b a", ":1" },
		{ "SESSION COUNT", ":0" },
		{ "DBSIZE", ":0" },
		{ 0 },
	});
}

Test(sessions, what_exists_is_not_created_again)
{
	play((struct exchange[]){
		{ "SESSION CREATE ID s TOKEN secret", CREATED("s") },
		{ "SESSION CREATE ID s",
			"-SESSIONEXISTS a session with this id exists "
			"already" },
		{ "SESSION CREATE ID t TOKEN secret",
			"-SESSIONEXISTS a session with this token exists "
			"already" },
		{ "SESSION EXISTS t", ":0" },
		{ "SESSION DEL s", ":1" },
		{ "SESSION CREATE ID t TOKEN secret", CREATED("t") },
		{ "SELECT 1", "+OK" },
		{ "SESSION EXISTS t", ":0" },
		{ "SESSION CREATE ID t TOKEN secret", CREATED("t") },
		{ "SESSION CREATE ID ''", "-ERR ID must have 1 to 512 bytes" },
		{ "SESSION CREATE ID u TOKEN ''",
			"-ERR TOKEN must not be empty" },
		{ 0 },
	});
}

Test(sessions, expiry_rolls_and_ends)
{
	play((struct exchange[]){
		{ "SESSION CREATE ID s TTL 100", CREATED("s") },
		{ "SESSION EXTEND s 50", ":150" },
		{ "SESSION TOUCH s", ":1" },
		{ "SESSION EXTEND s 1", ":151" },
		{ "SESSION CREATE ID a TTL 100 ABSOLUTE 120", CREATED("a") },
		{ "SESSION EXTEND a 50", ":120" },
		{ "SESSION CREATE ID b ABSOLUTE 70", CREATED("b") },
		{ "SESSION EXTEND b 50", ":70" },
		{ "SESSION CREATE ID forever", CREATED("forever") },
		{ "SESSION EXTEND forever 50", ":-1" },
		{ "SESSION TOUCH forever", ":1" },
		{ "SESSION EXTEND forever 50", ":-1" },
		{ "SESSION EXTEND none 50", ":-2" },
		{ "SESSION EXTEND s 0",
			"-ERR seconds must be 1 to 3153600000" },
		{ "SESSION EXTEND s -5",
			"-ERR seconds must be 1 to 3153600000" },
		{ "SESSION EXTEND s x", NOT_INTEGER },
		{ "SESSION CREATE TTL 0", "-ERR TTL must be 1 to 3153600000" },
		{ "SESSION CREATE TTL 3153600001",
			"-ERR TTL must be 1 to 3153600000" },
		{ "SESSION CREATE ABSOLUTE x", NOT_INTEGER },
		{ 0 },
	});
}

Test(sessions, limits_reject_or_evict)
{
	play((struct exchange[]){
		{ "SESSION CREATE ID a USER u LIMIT 2 REJECT", CREATED("a") },
		{ "SESSION CREATE ID b USER u LIMIT 2 REJECT", CREATED("b") },
		{ "SESSION CREATE ID c USER u LIMIT 2 REJECT",
			"-SESSIONLIMIT the user has 2 sessions, and may have "
			"2" },
		{ "SESSION CREATE ID c USER other LIMIT 2 REJECT",
			CREATED("c") },
		{ "SESSION TOUCH a", ":1" },
		{ "SESSION CREATE ID d USER u LIMIT 2 EVICT",
			"[$id $d $token _ $evicted :1]" },
		{ "SESSION EXISTS a", ":1" },
		{ "SESSION EXISTS b", ":0" },
		{ "SESSION CREATE ID d USER u LIMIT 1 EVICT",
			"-SESSIONEXISTS a session with this id exists "
			"already" },
		{ "SESSION COUNT USER u", ":2" },
		{ "SESSION CREATE ID e USER u LIMIT 1 EVICT",
			"[$id $e $token _ $evicted :2]" },
		{ "SESSION COUNT USER u", ":1" },
		{ "SESSION CREATE LIMIT 1 EVICT",
			"-ERR syntax error, expected USER with LIMIT" },
		{ "SESSION CREATE USER u LIMIT 1",
			"-ERR syntax error, expected LIMIT n EVICT or LIMIT n "
			"REJECT" },
		{ "SESSION CREATE USER u LIMIT 0 EVICT",
			"-ERR LIMIT must be 1 to 1000000" },
		{ 0 },
	});
}

Test(sessions, filters_find_sessions)
{
	play((struct exchange[]){
		{ "SESSION CREATE ID a USER u IP 10.0.0.1 AGENT x DATA r 1",
			CREATED("a") },
		{ "SESSION CREATE ID b USER u IP ::1 AGENT y DATA r 2",
			CREATED("b") },
		{ "SESSION CREATE ID c USER v IP nowhere AGENT x DATA r 1",
			CREATED("c") },
		{ "SESSION COUNT user u", ":2" },
		{ "SESSION COUNT IP 0:0:0:0:0:0:0:1", ":1" },
		{ "SESSION COUNT IP nowhere", ":1" },
		{ "SESSION COUNT FIELD r 1", ":2" },
		{ "SESSION COUNT FIELD r 1 USER u", ":1" },
		{ "SESSION COUNT FIELD 1 r", ":0" },
		{ "SESSION COUNT ACTIVE 100", ":3" },
		{ "SESSION COUNT IDLE 100", ":0" },
		{ "SESSION COUNT SINCE 1", ":3" },
		{ "SESSION COUNT SINCE 3000000000", ":0" },
		{ "SESSION COUNT BY USER", "[$u :2 $v :1]" },
		{ "SESSION COUNT BY IP LIMIT 2", "[$10.0.0.1 :1 $::1 :1]" },
		{ "SESSION COUNT ACTIVE 100 BY AGENT LIMIT 1", "[$x :2]" },
		{ "SESSION COUNT BY DEVICE",
			"-ERR syntax error, expected " FILTERS
			", BY USER, BY IP, BY AGENT or LIMIT" },
		{ "SESSION COUNT ACTIVE x", NOT_INTEGER },
		{ "SESSION COUNT ACTIVE",
			"-ERR syntax error, expected " FILTERS
			", BY USER, BY IP, BY AGENT or LIMIT" },
		{ "SESSION LIST USER none", "[$0 []]" },
		{ "SESSION LIST CURSOR x", "-ERR invalid cursor" },
		{ "SESSION LIST CURSOR -1", "-ERR invalid cursor" },
		{ "SESSION LIST COUNT 0", "-ERR COUNT must be 1 to 10000" },
		{ "SESSION LIST FIELD r",
			"-ERR syntax error, expected " FILTERS
			", CURSOR, COUNT or WITHDATA" },
		{ 0 },
	});
}

Test(sessions, many_are_deleted_by_what_they_are)
{
	play((struct exchange[]){
		{ "SESSION CREATE ID a USER u", CREATED("a") },
		{ "SESSION CREATE ID b USER u", CREATED("b") },
		{ "SESSION CREATE ID c USER u", CREATED("c") },
		{ "SESSION CREATE ID d USER v", CREATED("d") },
		{ "SESSION CREATE ID e USER w", CREATED("e") },
		{ "SESSION BULKDEL USER u EXCEPT b", ":2" },
		{ "SESSION EXISTS a", ":0" },
		{ "SESSION EXISTS b", ":1" },
		{ "SESSION BULKDEL EXCEPT d IDS b d none b", ":1" },
		{ "SESSION EXISTS d", ":1" },
		{ "SESSION BULKDEL EXCEPT d IDS d", ":0" },
		{ "SESSION BULKDEL IDS d d", ":1" },
		{ "SESSION BULKDEL USER none", ":0" },
		{ "SESSION COUNT", ":1" },
		{ "SESSION BULKDEL EXCEPT e",
			"-ERR syntax error, expected IDS or one of " FILTERS
			" at least" },
		{ "SESSION BULKDEL USER u IDS a",
			"-ERR syntax error, expected " FILTERS
			", EXCEPT or, without filters, IDS" },
		{ "SESSION BULKDEL",
			"-ERR wrong number of arguments for 'session|bulkdel' "
			"command" },
		{ "SESSION CLEANUP INACTIVE 100", ":0" },
		{ "SESSION CLEANUP INACTIVE 100 LIMIT 5", ":0" },
		{ "SESSION CLEANUP LIMIT 5",
			"-ERR syntax error, expected INACTIVE seconds and, if "
			"wanted, LIMIT n" },
		{ "SESSION CLEANUP INACTIVE 0",
			"-ERR INACTIVE must be 1 to 3153600000" },
		{ "SESSION COUNT", ":1" },
		{ 0 },
	});
}

Test(sessions, rotation_ends_the_old_names)
{
	play((struct exchange[]){
		{ "SESSION CREATE ID s TOKEN old DATA a 1", CREATED("s") },
		{ "SESSION ROTATE s ID t TOKEN new", "[$id $t $token _]" },
		{ "SESSION GET s", "_" },
		{ "SESSION TOKEN old", "_" },
		{ "SESSION GET t FIELDS a", "[$a $1]" },
		{ "SESSION ROTATE s", "_" },
		{ "SESSION ROTATE t ID t",
			"-SESSIONEXISTS a session with this id exists "
			"already" },
		{ "SESSION CREATE ID u TOKEN taken", CREATED("u") },
		{ "SESSION ROTATE t ID u",
			"-SESSIONEXISTS a session with this id exists "
			"already" },
		{ "SESSION ROTATE t ID v TOKEN taken",
			"-SESSIONEXISTS a session with this token exists "
			"already" },
		{ "SESSION EXISTS t u v", ":2" },
		{ "SESSION CREATE ID plain", CREATED("plain") },
		{ "SESSION ROTATE plain ID other", "[$id $other $token _]" },
		{ "SESSION ROTATE t NONSENSE",
			"-ERR syntax error, expected ID, TOKEN or GENERATE" },
		{ "SESSION ROTATE t TOKEN a GENERATE",
			"-ERR syntax error, expected one of TOKEN and "
			"GENERATE" },
		{ "SESSION ROTATE t ID",
			"-ERR syntax error, expected ID, TOKEN or GENERATE" },
		{ 0 },
	});
}

Test(sessions, any_bytes_are_kept)
{
	play((struct exchange[]){
		{ "SESSION CREATE ID \"\\x01\\xff\" USER \"\\x01u\" "
		  "DATA \"\\x01\" \"\\xff\\x01\"",
			"[$id $\\x01\\xff $token _ $evicted :0]" },
		{ "SESSION GET \"\\x01\\xff\" FIELDS \"\\x01\"",
			"[$\\x01 $\\xff\\x01]" },
		{ "SESSION COUNT USER \"\\x01u\"", ":1" },
		{ "SESSION COUNT USER u", ":0" },
		{ "SESSION COUNT FIELD \"\\x01\" \"\\xff\\x01\"", ":1" },
		{ "SESSION COUNT BY USER", "[$\\x01u :1]" },
		{ "SESSION EXISTS \"\\x01\\xff\" \"\\x01\"", ":1" },
		{ "SESSION DEL \"\\x01\\xff\"", ":1" },
		{ 0 },
	});
}

Test(sessions, words_are_checked)
{
	play((struct exchange[]){
		{ "SESSION CREATE NONSENSE",
			"-ERR syntax error, expected ID, USER, TTL, ABSOLUTE, "
			"TOKEN, GENERATE, IP, AGENT, DEVICE, LIMIT or DATA" },
		{ "SESSION CREATE DATA a",
			"-ERR syntax error, expected a value for each field "
			"of DATA" },
		{ "SESSION CREATE TOKEN a GENERATE",
			"-ERR syntax error, expected one of TOKEN and "
			"GENERATE" },
		{ "SESSION",
			"-ERR wrong number of arguments for 'session' "
			"command" },
		{ "SESSION nonsense",
			"-ERR unknown subcommand 'nonsense'. "
			"Try SESSION HELP." },
		{ "SESSION EVENTS MAYBE",
			"-ERR syntax error, expected ON, OFF or STATUS" },
		{ "SESSION EVENTS STATUS", "$off" },
		{ "SESSION ANALYTICS NONSENSE 1",
			"-ERR syntax error, expected WINDOW seconds or TOP "
			"n" },
		{ "SESSION ANALYTICS WINDOW 2678401",
			"-ERR WINDOW must be 1 to 2678400" },
		{ "COMMAND GETKEYS SESSION GET s",
			"-ERR The command has no key arguments" },
		{ 0 },
	});
}

Test(sessions, flushing_and_swapping_take_them_along)
{
	play((struct exchange[]){
		{ "SESSION CREATE ID s", CREATED("s") },
		{ "SELECT 1", "+OK" },
		{ "SESSION CREATE ID t", CREATED("t") },
		{ "SWAPDB 0 1", "+OK" },
		{ "SESSION EXISTS s", ":1" },
		{ "SESSION EXISTS t", ":0" },
		{ "FLUSHDB", "+OK" },
		{ "SESSION EXISTS s", ":0" },
		{ "SELECT 0", "+OK" },
		{ "SESSION EXISTS t", ":1" },
		{ "FLUSHALL", "+OK" },
		{ "SESSION COUNT", ":0" },
		{ 0 },
	});
}

Test(sessions, a_clients_commands_keep_their_order)
{
	redisContext *client = shared_server_clear();

	transcript_play_pipelined(client,
		(struct exchange[]){
			{ "SESSION CREATE ID s DATA n 0", CREATED("s") },
			{ "SESSION SET s n 1", ":1" },
			{ "SESSION GET s FIELDS n", "[$n $1]" },
			{ "SESSION SET s n 2", ":1" },
			{ "SESSION TOUCH s none", ":1" },
			{ "SESSION GET s TOUCH FIELDS n", "[$n $2]" },
			{ "SESSION COUNT", ":1" },
			{ "SESSION UNSET s n", ":1" },
			{ "SESSION GET s FIELDS n", "[$n _]" },
			{ "SESSION ROTATE s ID r", "[$id $r $token _]" },
			{ "SESSION EXISTS s r", ":1" },
			{ "SESSION DEL r s", ":1" },
			{ "SESSION EXISTS r", ":0" },
			{ 0 },
		});
	redisFree(client);
}

/* The 43 characters after `name` in a reply. */
static char *
find_secret(const char *reply, const char *name)
{
	char *wanted, *secret;
	const char *at;

	cr_assert_gt(asprintf(&wanted, "$%s $", name), 0);
	at = strstr(reply, wanted);
	cr_assert_not_null(at, "%s in %s", name, reply);
	secret = strndup(at + strlen(wanted), 43);
	cr_expect_eq(strspn(secret,
			     "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			     "abcdefghijklmnopqrstuvwxyz0123456789-_"),
		43, "%s", secret);
	free(wanted);
	return secret;
}

static char *
ask_about(redisContext *client, const char *format, const char *name)
{
	char *command, *reply;

	cr_assert_gt(asprintf(&command, format, name), 0);
	reply = transcript_ask(client, command);
	free(command);
	return reply;
}

Test(sessions, ids_and_tokens_are_made)
{
	redisContext *client = shared_server_clear();
	char *created = transcript_ask(client, "SESSION CREATE GENERATE");
	char *id = find_secret(created, "id");
	char *token = find_secret(created, "token");
	char *found = ask_about(client, "SESSION TOKEN %s", token);
	char *rotated, *new_id, *new_token, *old;

	cr_expect_str_neq(id, token);
	cr_expect_not_null(strstr(found, id), "%s", found);
	rotated = ask_about(client, "SESSION ROTATE %s", id);
	new_id = find_secret(rotated, "id");
	new_token = find_secret(rotated, "token");
	cr_expect_str_neq(new_id, id);
	cr_expect_str_neq(new_token, token);
	old = ask_about(client, "SESSION TOKEN %s", token);
	cr_expect_str_eq(old, "_");
	free(old);
	old = ask_about(client, "SESSION TOKEN %s", new_token);
	cr_expect_not_null(strstr(old, new_id), "%s", old);
	free(old);
	free(new_token);
	free(new_id);
	free(rotated);
	free(found);
	free(token);
	free(id);
	free(created);
	redisFree(client);
}

Test(sessions, zero_bytes_are_kept)
{
	static const char bytes[] = "a\0\xff";
	redisContext *client = shared_server_clear();
	redisReply *reply = redisCommand(client,
		"SESSION CREATE ID %b USER %b TOKEN %b DATA %b %b", bytes,
		(size_t)3, bytes, (size_t)3, bytes, (size_t)3, bytes, (size_t)3,
		bytes, (size_t)3);

	cr_assert_eq(reply->type, REDIS_REPLY_ARRAY, "%s", reply->str);
	freeReplyObject(reply);
	reply = redisCommand(client, "SESSION TOKEN %b", bytes, (size_t)3);
	cr_assert_eq(reply->elements, 22);
	cr_expect_arr_eq(reply->element[1]->str, bytes, 3);
	cr_expect_arr_eq(reply->element[3]->str, bytes, 3);
	cr_expect_arr_eq(reply->element[21]->element[0]->str, bytes, 3);
	cr_expect_arr_eq(reply->element[21]->element[1]->str, bytes, 3);
	freeReplyObject(reply);
	reply = redisCommand(client, "SESSION COUNT USER %b", bytes, (size_t)3);
	cr_expect_eq(reply->integer, 1);
	freeReplyObject(reply);
	reply = redisCommand(client, "SESSION COUNT USER %b", bytes, (size_t)1);
	cr_expect_eq(reply->integer, 0);
	freeReplyObject(reply);
	redisFree(client);
}

Test(sessions, long_ids_are_refused_and_long_data_kept)
{
	enum { SIZE = 150000, NAME = 2000 };
	redisContext *client = shared_server_clear();
	char *big = malloc(SIZE);
	redisReply *reply;

	memset(big, 'x', SIZE);
	reply = redisCommand(client, "SESSION CREATE ID %b", big, (size_t)513);
	cr_expect_str_eq(reply->str, "ERR ID must have 1 to 512 bytes");
	freeReplyObject(reply);
	reply = redisCommand(client,
		"SESSION CREATE ID %b USER %b AGENT %b DATA %b %b", big,
		(size_t)512, big, (size_t)512, big, (size_t)NAME, big,
		(size_t)NAME, big, (size_t)SIZE);
	cr_assert_eq(reply->type, REDIS_REPLY_ARRAY, "%s", reply->str);
	freeReplyObject(reply);
	reply = redisCommand(client, "SESSION GET %b FIELDS %b", big,
		(size_t)512, big, (size_t)NAME);
	cr_assert_eq(reply->elements, 2);
	cr_expect_eq(reply->element[1]->len, SIZE);
	freeReplyObject(reply);
	reply = redisCommand(client, "SESSION COUNT FIELD %b %b", big,
		(size_t)NAME, big, (size_t)SIZE);
	cr_expect_eq(reply->integer, 1);
	freeReplyObject(reply);
	reply = redisCommand(client, "SESSION GET %b", big, (size_t)NAME);
	cr_expect_eq(reply->type, REDIS_REPLY_NIL);
	freeReplyObject(reply);
	reply = redisCommand(client, "SESSION EXISTS %b %b", big, (size_t)NAME,
		"a", (size_t)1);
	cr_expect_eq(reply->integer, 0);
	freeReplyObject(reply);
	free(big);
	redisFree(client);
}

Test(sessions, lists_are_walked_by_cursor)
{
	enum { COUNT = 25, PAGE = 7 };
	redisContext *client = shared_server_clear();
	char cursor[32] = "0";
	bool seen[COUNT] = { false };
	int pages = 0;

	for (int i = 0; i < COUNT; i++) {
		redisReply *reply = redisCommand(client,
			"SESSION CREATE ID %d USER %s", i, i % 5 ? "u" : "v");

		cr_assert_eq(reply->type, REDIS_REPLY_ARRAY);
		freeReplyObject(reply);
	}
	do {
		redisReply *reply = redisCommand(client,
			"SESSION LIST USER u CURSOR %s COUNT %d WITHDATA",
			cursor, PAGE);

		cr_assert_eq(reply->elements, 2);
		snprintf(cursor, sizeof(cursor), "%s", reply->element[0]->str);
		for (size_t i = 0; i < reply->element[1]->elements; i++) {
			redisReply *map = reply->element[1]->element[i];

			cr_assert_eq(map->elements, 22);
			cr_assert_str_eq(map->element[0]->str, "id");
			cr_expect(!seen[atoi(map->element[1]->str)]);
			seen[atoi(map->element[1]->str)] = true;
		}
		freeReplyObject(reply);
		pages++;
	} while (strcmp(cursor, "0") != 0);
	cr_expect_eq(pages, 3);
	for (int i = 0; i < COUNT; i++)
		cr_expect_eq(seen[i], i % 5 != 0);
	redisFree(client);
}

Test(sessions, secrets_are_not_shown)
{
	redisContext *client = shared_server_clear();
	char *shown;

	free(transcript_ask(client, "CONFIG SET slowlog-log-slower-than 0"));
	free(transcript_ask(client, "SLOWLOG RESET"));
	free(transcript_ask(client,
		"SESSION CREATE ID shown TOKEN hidden1 USER token LIMIT 3 "
		"EVICT DATA name hidden2 other hidden3"));
	free(transcript_ask(client, "SESSION SET shown name hidden4"));
	free(transcript_ask(client, "SESSION TOKEN hidden5"));
	free(transcript_ask(client, "SESSION ROTATE shown TOKEN hidden6"));
	free(transcript_ask(client, "SESSION COUNT FIELD name hidden7"));
	free(transcript_ask(client, "SESSION LIST USER u FIELD name hidden8"));
	free(transcript_ask(client, "SESSION BULKDEL FIELD name hidden9"));
	free(transcript_ask(client, "SESSION CREATE WRONG hidden10"));
	shown = transcript_ask(client, "SLOWLOG GET 100");
	cr_expect_null(strstr(shown, "hidden"), "%s", shown);
	cr_expect_not_null(strstr(shown, "$shown"), "%s", shown);
	cr_expect_not_null(strstr(shown, "$name"), "%s", shown);
	free(shown);
	free(transcript_ask(
		client, "CONFIG SET slowlog-log-slower-than 10000"));
	redisFree(client);
}
