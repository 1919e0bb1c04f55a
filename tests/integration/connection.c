/* The protocol as a client on a plain connection sees it. */
#include "tests/support/fixture.h"
#include "tests/support/shared_server.h"

#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* Sends bytes as they are and expects exactly these back. */
static void
expect_answer(redisContext *client, const char *sent, const char *expected)
{
	size_t size = strlen(expected), have = 0;
	char answer[4096];

	cr_assert_eq(
		write(client->fd, sent, strlen(sent)), (ssize_t)strlen(sent));
	cr_assert_lt(size, sizeof(answer));
	while (have < size) {
		ssize_t got = read(client->fd, answer + have, size - have);

		cr_assert_gt(got, 0, "closed after '%.*s'", (int)have, answer);
		have += got;
	}
	cr_expect(memcmp(answer, expected, size) == 0, "'%s' for '%s'",
		(answer[size] = '\0', answer), sent);
}

Test(connection, inline_commands_work)
{
	redisContext *client = shared_server_clear();

	expect_answer(client, "PING\r\n", "+PONG\r\n");
	expect_answer(
		client, "SET k \"a b\"\r\nGET k\n", "+OK\r\n$3\r\na b\r\n");
	redisFree(client);
}

Test(connection, requests_may_arrive_byte_by_byte)
{
	static const char request[] =
		"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\nabc\r\n";
	redisContext *client = shared_server_clear();
	char byte[2] = "";

	for (size_t i = 0; i < strlen(request) - 1; i++) {
		byte[0] = request[i];
		cr_assert_eq(write(client->fd, byte, 1), 1);
	}
	expect_answer(client, "\n", "+OK\r\n");
	expect_answer(
		client, "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", "$3\r\nabc\r\n");
	redisFree(client);
}

Test(connection, answers_keep_the_order_of_requests)
{
	enum { COUNT = 2000 };
	redisContext *client = shared_server_clear();

	for (int i = 0; i < COUNT; i++) {
		redisAppendCommand(client, "SET key:%d %d", i % 13, i);
		redisAppendCommand(client, "GET key:%d", i % 13);
		redisAppendCommand(client, "ECHO %d", i);
	}
	for (int i = 0; i < COUNT; i++) {
		redisReply *reply;

		for (int part = 0; part < 3; part++) {
			cr_assert_eq(redisGetReply(client, (void **)&reply),
				REDIS_OK, "%s", client->errstr);
			if (part > 0)
				cr_expect_eq(atoi(reply->str), i, "%s for %d",
					reply->str, i);
			freeReplyObject(reply);
		}
	}
	redisFree(client);
}

Test(connection, acknowledged_writes_survive_a_kill)
{
	struct fixture *server = fixture_start(NULL);
	redisContext *client = fixture_connect(server);
	redisReply *reply = redisCommand(client, "SET kept %s", "value");

	cr_assert_str_eq(reply->str, "OK");
	freeReplyObject(reply);
	redisFree(client);
	fixture_kill(server, SIGKILL);
	fixture_restart(server);
	client = fixture_connect(server);
	reply = redisCommand(client, "GET kept");
	cr_assert_eq(reply->type, REDIS_REPLY_STRING);
	cr_expect_str_eq(reply->str, "value");
	freeReplyObject(reply);
	redisFree(client);
	fixture_stop(server);
}

Test(connection, two_servers_share_a_database)
{
	struct fixture *other;
	redisContext *client = shared_server_clear(), *beside;
	redisReply *reply;

	other = fixture_start_on(shared_server_conninfo(), NULL);
	beside = fixture_connect(other);
	freeReplyObject(redisCommand(client, "SET shared 1"));
	reply = redisCommand(beside, "INCR shared");
	cr_expect_eq(reply->type, REDIS_REPLY_INTEGER);
	cr_expect_eq(reply->integer, 2);
	freeReplyObject(reply);
	redisFree(beside);
	redisFree(client);
	fixture_stop(other);
}
