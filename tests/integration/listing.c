/* Long answers: whole, in order among other commands, in bounded memory. */
#include "tests/support/fixture.h"

#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <libpq-fe.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	FIELDS = 300000,
	VALUE_SIZE = 100,
	/* Bytes of the answer to HGETALL are over 30 MB. */
	GROWTH_MAX_KB = 24 * 1024,
};

static struct fixture *fixture;

static void
ask_postgres(const char *sql)
{
	PGconn *connection = PQconnectdb(fixture_conninfo(fixture));
	PGresult *result = PQexec(connection, sql);

	cr_assert_eq(PQresultStatus(result), PGRES_TUPLES_OK, "%s",
		PQerrorMessage(connection));
	PQclear(result);
	PQfinish(connection);
}

static void
start(void)
{
	fixture = fixture_start(NULL);
	ask_postgres("SELECT respgres.hset(0, 'big', "
		     "ARRAY(SELECT convert_to('f' || i, 'UTF8') "
		     "FROM generate_series(1, 300000) i), "
		     "ARRAY(SELECT convert_to(lpad(i::text, 100, 'v'), 'UTF8') "
		     "FROM generate_series(1, 300000) i))");
}

static void
stop(void)
{
	fixture_stop(fixture);
}

TestSuite(listing, .init = start, .fini = stop, .timeout = 240);

static long
resident_kb(void)
{
	char path[64], line[256];
	long size = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%ld/status",
		(long)fixture_process(fixture));
	file = fopen(path, "r");
	cr_assert_not_null(file);
	while (fgets(line, sizeof(line), file))
		sscanf(line, "VmRSS: %ld", &size);
	fclose(file);
	return size;
}

static void
expect_all_fields(redisReply *reply)
{
	char *seen = calloc(FIELDS + 1, 1);

	cr_assert_eq(reply->type, REDIS_REPLY_ARRAY);
	cr_assert_eq(reply->elements, 2 * FIELDS);
	for (size_t i = 0; i < reply->elements; i += 2) {
		int number = atoi(reply->element[i]->str + 1);

		cr_assert(number >= 1 && number <= FIELDS && !seen[number]);
		seen[number] = 1;
		cr_assert_eq(reply->element[i + 1]->len, VALUE_SIZE);
		cr_assert_eq(atoi(reply->element[i + 1]->str +
				     strspn(reply->element[i + 1]->str, "v")),
			number);
	}
	free(seen);
}

Test(listing, a_long_answer_is_whole_and_in_its_place)
{
	redisContext *client = fixture_connect(fixture);
	redisReply *reply;

	redisAppendCommand(client, "SET a 1");
	redisAppendCommand(client, "HGETALL big");
	redisAppendCommand(client, "HSET big f1 changed");
	redisAppendCommand(client, "HGETALL big");
	redisAppendCommand(client, "HGET big f1");
	for (int i = 0; i < 5; i++) {
		cr_assert_eq(redisGetReply(client, (void **)&reply), REDIS_OK);
		if (i == 1)
			expect_all_fields(reply);
		if (i == 3)
			cr_expect_eq(reply->elements, 2 * FIELDS);
		if (i == 4)
			cr_expect_str_eq(reply->str, "changed");
		freeReplyObject(reply);
	}
	redisFree(client);
}

Test(listing, who_does_not_read_costs_little_and_holds_up_nobody)
{
	redisContext *slow = fixture_connect(fixture);
	redisContext *other = fixture_connect(fixture);
	redisReply *reply = redisCommand(other, "PING");
	long before = resident_kb();

	freeReplyObject(reply);
	redisAppendCommand(slow, "HGETALL big");
	while (slow->obuf != NULL && sdslen(slow->obuf) > 0) {
		int done;

		cr_assert_eq(redisBufferWrite(slow, &done), REDIS_OK);
	}
	/* Until the server has filled what it may. */
	for (int i = 0; i < 20; i++) {
		usleep(50000);
		reply = redisCommand(other, "HGET big f7");
		cr_assert_eq(reply->type, REDIS_REPLY_STRING);
		freeReplyObject(reply);
	}
#if !defined(__SANITIZE_ADDRESS__)
	cr_expect_lt(resident_kb() - before, GROWTH_MAX_KB);
#endif
	cr_assert_eq(redisGetReply(slow, (void **)&reply), REDIS_OK);
	expect_all_fields(reply);
	freeReplyObject(reply);
	(void)before;
	redisFree(slow);
	redisFree(other);
}

Test(listing, who_leaves_midway_holds_up_nobody)
{
	redisContext *client;
	redisReply *reply;

	for (int i = 0; i < 3; i++) {
		client = fixture_connect(fixture);
		cr_assert_gt(send(client->fd, "HGETALL big\r\n", 13, 0), 0);
		usleep(20000);
		redisFree(client);
	}
	client = fixture_connect(fixture);
	reply = redisCommand(client, "HGETALL big");
	expect_all_fields(reply);
	freeReplyObject(reply);
	redisFree(client);
}

/* The rest cannot be had any more, and half an answer is none. */
Test(listing, a_lost_backend_ends_the_connection)
{
	redisContext *slow = fixture_connect(fixture), *other;
	struct pollfd readable = { .fd = slow->fd, .events = POLLIN };
	redisReply *reply;

	cr_assert_gt(send(slow->fd, "HGETALL big\r\n", 13, 0), 0);
	cr_assert_eq(poll(&readable, 1, 10000), 1);
	ask_postgres("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
		     "WHERE application_name LIKE 'respgres % stream %'");
	cr_expect_eq(redisGetReply(slow, (void **)&reply), REDIS_ERR);
	redisFree(slow);
	other = fixture_connect(fixture);
	reply = redisCommand(other, "HGETALL big");
	expect_all_fields(reply);
	freeReplyObject(reply);
	redisFree(other);
}
