/* Commands about connections and the server as a whole. */
#include "tests/support/fixture.h"
#include "tests/support/shared_server.h"

#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void
expect_reply(redisReply *reply, int type, const char *text)
{
	cr_assert_not_null(reply, "the connection was closed");
	cr_expect_eq(reply->type, type, "type %d, '%s'", reply->type,
		reply->str ? reply->str : "");
	if (text != NULL)
		cr_expect_str_eq(reply->str ? reply->str : "", text);
	freeReplyObject(reply);
}

/* The number behind `name` and ":" in INFO; -1: there is none. */
static long long
read_info(redisContext *client, const char *name)
{
	redisReply *reply = redisCommand(client, "INFO everything");
	char wanted[64];
	const char *line;
	long long number;

	cr_assert_not_null(reply);
	snprintf(wanted, sizeof(wanted), "\r\n%s:", name);
	line = strstr(reply->str, wanted);
	number = line != NULL ? atoll(line + strlen(wanted)) : -1;
	freeReplyObject(reply);
	return number;
}

static double
now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

Test(server, info_counts_connections_of_all_workers)
{
	enum { COUNT = 8 };
	redisContext *client = shared_server_clear(), *more[COUNT];
	long long before = read_info(client, "connected_clients");

	for (int i = 0; i < COUNT; i++) {
		more[i] = shared_server_connect();
		expect_reply(redisCommand(more[i], "PING"), REDIS_REPLY_STATUS,
			"PONG");
	}
	cr_expect_eq(read_info(client, "connected_clients"), before + COUNT);
	for (int i = 0; i < COUNT; i++)
		redisFree(more[i]);
	redisFree(client);
}

Test(server, info_shows_keys_of_each_database)
{
	redisContext *client = shared_server_clear();
	redisReply *reply;

	expect_reply(redisCommand(client, "SET a 1"), REDIS_REPLY_STATUS, "OK");
	expect_reply(redisCommand(client, "SET b 1 EX 999"), REDIS_REPLY_STATUS,
		"OK");
	reply = redisCommand(client, "INFO keyspace");
	cr_expect(strstr(reply->str, "db0:keys=2,expires=1,avg_ttl=99") != NULL,
		"%s", reply->str);
	freeReplyObject(reply);
	redisFree(client);
}

Test(server, client_kill_closes_the_connection_of_that_id)
{
	redisContext *client = shared_server_clear();
	redisContext *victim = shared_server_connect();
	redisReply *reply = redisCommand(victim, "CLIENT ID");
	long long id = reply->integer;

	freeReplyObject(reply);
	reply = redisCommand(client, "CLIENT KILL ID %lld", id);
	cr_expect_eq(reply->integer, 1);
	freeReplyObject(reply);
	cr_expect_null(redisCommand(victim, "PING"));
	redisFree(victim);
	redisFree(client);
}

/* Seconds that a write waits for the end of a pause of 300 ms, and whether it
 * was seen waiting. */
static double
write_in_a_pause(redisContext *client, redisContext *writer, bool *seen)
{
	double start = now_s();
	void *reply;

	expect_reply(redisCommand(client, "CLIENT PAUSE 300 WRITE"),
		REDIS_REPLY_STATUS, "OK");
	redisAppendCommand(writer, "SET a 1");
	redisBufferWrite(writer, NULL);
	do
		*seen = read_info(client, "blocked_clients") == 1;
	while (!*seen && now_s() < start + 0.25);
	cr_assert_eq(redisGetReply(writer, &reply), REDIS_OK);
	expect_reply(reply, REDIS_REPLY_STATUS, "OK");
	return now_s() - start;
}

/* A busy machine may be late, but not every time. */
Test(server, a_pause_ends_in_time_and_counts_as_blocked)
{
	redisContext *client = shared_server_clear();
	redisContext *writer = shared_server_connect();
	double passed;
	bool seen;

	for (int attempt = 1;; attempt++) {
		passed = write_in_a_pause(client, writer, &seen);
		cr_expect_gt(passed, 0.29, "%f seconds", passed);
		if ((seen && passed < 0.45) || attempt == 20)
			break;
	}
	cr_expect(seen, "the writer did not wait");
	cr_expect_lt(passed, 0.45, "%f seconds", passed);
	cr_expect_eq(read_info(client, "blocked_clients"), 0);
	redisFree(writer);
	redisFree(client);
}

Test(server, replies_are_silenced_as_asked)
{
	redisContext *client = shared_server_clear();
	void *reply = NULL;

	redisAppendCommand(client, "CLIENT REPLY SKIP");
	redisAppendCommand(client, "ECHO skipped");
	redisAppendCommand(client, "ECHO first");
	redisAppendCommand(client, "CLIENT REPLY OFF");
	redisAppendCommand(client, "ECHO silent");
	redisAppendCommand(client, "CLIENT REPLY ON");
	cr_assert_eq(redisGetReply(client, &reply), REDIS_OK);
	expect_reply(reply, REDIS_REPLY_STRING, "first");
	cr_assert_eq(redisGetReply(client, &reply), REDIS_OK);
	expect_reply(reply, REDIS_REPLY_STATUS, "OK");
	redisFree(client);
}

Test(server, a_monitor_sees_other_clients_without_their_secrets)
{
	redisContext *client = shared_server_clear();
	redisContext *monitor = shared_server_connect();
	void *reply = NULL;

	expect_reply(
		redisCommand(monitor, "MONITOR"), REDIS_REPLY_STATUS, "OK");
	freeReplyObject(redisCommand(client, "AUTH hidden"));
	cr_assert_eq(redisGetReply(monitor, &reply), REDIS_OK);
	cr_expect_not_null(
		strstr(((redisReply *)reply)->str, "\"AUTH\" \"(redacted)\""));
	freeReplyObject(reply);
	redisFree(monitor);
	redisFree(client);
}

Test(server, passwords_are_asked_for)
{
	static const char *const arguments[] = { "--requirepass", "right",
		NULL };
	struct fixture *fixture =
		fixture_start_on(shared_server_conninfo(), arguments);
	redisContext *client = fixture_connect(fixture);

	expect_reply(redisCommand(client, "GET absent"), REDIS_REPLY_ERROR,
		"NOAUTH Authentication required.");
	expect_reply(redisCommand(client, "AUTH wrong"), REDIS_REPLY_ERROR,
		"WRONGPASS invalid username-password pair or user is "
		"disabled.");
	expect_reply(redisCommand(client, "AUTH default right"),
		REDIS_REPLY_STATUS, "OK");
	expect_reply(redisCommand(client, "GET absent"), REDIS_REPLY_NIL, NULL);
	expect_reply(
		redisCommand(client, "RESET"), REDIS_REPLY_STATUS, "RESET");
	expect_reply(redisCommand(client, "GET absent"), REDIS_REPLY_ERROR,
		"NOAUTH Authentication required.");
	redisFree(client);
	fixture_stop(fixture);
}

Test(server, debug_is_refused_unless_enabled)
{
	struct fixture *fixture =
		fixture_start_on(shared_server_conninfo(), NULL);
	redisContext *client = fixture_connect(fixture);
	redisReply *reply = redisCommand(client, "DEBUG SLEEP 0");

	cr_expect_eq(reply->type, REDIS_REPLY_ERROR);
	cr_expect_not_null(strstr(reply->str, "DEBUG command not allowed"));
	freeReplyObject(reply);
	redisFree(client);
	fixture_stop(fixture);
}

Test(server, the_slow_log_keeps_cut_arguments)
{
	redisContext *client = shared_server_clear();
	char text[201];
	redisReply *reply;

	memset(text, 'x', 200);
	text[200] = '\0';
	freeReplyObject(redisCommand(client, "SLOWLOG RESET"));
	freeReplyObject(
		redisCommand(client, "CONFIG SET slowlog-log-slower-than 0"));
	freeReplyObject(redisCommand(client, "ECHO %s", text));
	freeReplyObject(redisCommand(
		client, "CONFIG SET slowlog-log-slower-than 10000"));
	reply = redisCommand(client, "SLOWLOG GET 1");
	cr_assert_eq(reply->elements, 1);
	cr_expect_not_null(
		strstr(reply->element[0]->element[3]->element[1]->str,
			"xx... (72 more bytes)"));
	freeReplyObject(reply);
	redisFree(client);
}
