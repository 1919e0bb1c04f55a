/* Commands that wait: who is served when, and what ends a wait. */
#include "tests/support/fixture.h"
#include "tests/support/shared_server.h"
#include "tests/support/transcript.h"

#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS = 8 };

static redisContext *main_client, *clients[CLIENTS];

static void
start(void)
{
	main_client = shared_server_clear();
	for (int i = 0; i < CLIENTS; i++)
		clients[i] = shared_server_connect();
}

static void
stop(void)
{
	for (int i = 0; i < CLIENTS; i++)
		if (clients[i] != NULL)
			redisFree(clients[i]);
	redisFree(main_client);
}

TestSuite(blocking, .init = start, .fini = stop);

static void
sleep_ms(int milliseconds)
{
	usleep((useconds_t)milliseconds * 1000);
}

static double
now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Waits until so many clients of the server are blocked. */
static void
wait_for_blocked(redisContext *client, int count)
{
	char line[40];

	snprintf(line, sizeof(line), "blocked_clients:%d\r\n", count);
	for (int i = 0; i < 1000; i++) {
		redisReply *info = redisCommand(client, "INFO clients");
		bool done = strstr(info->str, line) != NULL;

		freeReplyObject(info);
		if (done)
			return;
		sleep_ms(5);
	}
	cr_assert_fail("there are not %d blocked clients", count);
}

static void
expect(const char *command, const char *reply)
{
	transcript_expect(main_client, command, reply);
}

/* The client waits from now on; `count` do then. */
static void
block(int client, const char *command, int count)
{
	transcript_send(clients[client], command);
	wait_for_blocked(main_client, count);
}

/* --- order ----------------------------------------------------------- */

Test(blocking, the_first_to_come_is_served_first)
{
	block(0, "BLPOP k 0", 1);
	block(1, "BRPOP k 0", 2);
	block(2, "BLPOP k 0", 3);
	expect("RPUSH k a", ":1");
	transcript_receive(clients[0], "[$k $a]");
	expect("RPUSH k b c d", ":3");
	transcript_receive(clients[1], "[$k $d]");
	transcript_receive(clients[2], "[$k $b]");
	expect("LRANGE k 0 -1", "[$c]");
	wait_for_blocked(main_client, 0);
}

Test(blocking, many_are_served_in_order_by_one_command)
{
	char reply[32];

	for (int i = 0; i < CLIENTS; i++)
		block(i, "BLPOP k 0", i + 1);
	expect("RPUSH k 0 1 2 3 4 5 6 7 8 9", ":10");
	for (int i = 0; i < CLIENTS; i++) {
		snprintf(reply, sizeof(reply), "[$k $%d]", i);
		transcript_receive(clients[i], reply);
	}
	expect("LRANGE k 0 -1", "[$8 $9]");
}

Test(blocking, a_newcomer_does_not_overtake)
{
	/* All at once, so that looks and attempts are under way when the
	 * element comes. */
	for (int round = 0; round < 30; round++) {
		expect("SET s string", "+OK");
		transcript_send(clients[0], "BLMOVE k s LEFT LEFT 0");
		transcript_send(clients[1], "BLPOP k 0");
		expect("RPUSH k a", ":1");
		transcript_receive(clients[0],
			"-WRONGTYPE Operation against a key holding the wrong "
			"kind of value");
		transcript_receive(clients[1], "[$k $a]");
	}
}

Test(blocking, waits_for_several_keys)
{
	block(0, "BLPOP a b a c 0", 1);
	expect("RPUSH c 3", ":1");
	transcript_receive(clients[0], "[$c $3]");
	expect("RPUSH c 3", ":1");
	expect("RPUSH b 2", ":1");
	transcript_expect(clients[0], "BLPOP a b a c 0", "[$b $2]");
	transcript_expect(clients[0], "BRPOP a b a c 0", "[$c $3]");
	block(0, "BLPOP a b 0", 1);
	block(1, "BLPOP b 0", 2);
	expect("RPUSH b x", ":1");
	transcript_receive(clients[0], "[$b $x]");
	expect("RPUSH b y", ":1");
	transcript_receive(clients[1], "[$b $y]");
}

Test(blocking, the_adders_next_command_finds_waiters_served)
{
	for (int round = 0; round < 20; round++) {
		block(0, "BLPOP k 0", 1);
		block(1, "BLMOVE k to LEFT RIGHT 0", 2);
		block(2, "BLPOP to 0", 3);
		transcript_send(main_client, "RPUSH k a b c");
		transcript_send(main_client, "LLEN k");
		transcript_send(main_client, "EXISTS to");
		transcript_receive(main_client, ":3");
		transcript_receive(main_client, ":1");
		transcript_receive(main_client, ":0");
		transcript_receive(clients[0], "[$k $a]");
		transcript_receive(clients[1], "$b");
		transcript_receive(clients[2], "[$to $b]");
		expect("DEL k", ":1");
	}
}

Test(blocking, moves_are_chained)
{
	block(0, "BLMOVE a b RIGHT LEFT 0", 1);
	block(1, "BRPOPLPUSH b c 0", 2);
	block(2, "BLMPOP 0 1 c LEFT COUNT 5", 3);
	expect("RPUSH a x", ":1");
	expect("EXISTS a b c", ":0");
	transcript_receive(clients[0], "$x");
	transcript_receive(clients[1], "$x");
	transcript_receive(clients[2], "[$c [$x]]");
}

Test(blocking, moves_in_a_circle)
{
	block(0, "BRPOPLPUSH a b 0", 1);
	block(1, "BRPOPLPUSH b a 0", 2);
	block(2, "BRPOPLPUSH self self 0", 3);
	expect("RPUSH a x", ":1");
	expect("LRANGE a 0 -1", "[$x]");
	expect("EXISTS b", ":0");
	expect("RPUSH self y", ":1");
	transcript_receive(clients[0], "$x");
	transcript_receive(clients[1], "$x");
	transcript_receive(clients[2], "$y");
	expect("LRANGE self 0 -1", "[$y]");
}

/* --- what wakes ------------------------------------------------------ */

Test(blocking, other_types_do_not_wake)
{
	block(0, "BLPOP k 0", 1);
	expect("SET k v", "+OK");
	expect("ZADD z 1 a", ":1");
	expect("RENAME z k", "+OK");
	wait_for_blocked(main_client, 1);
	expect("DEL k", ":1");
	expect("LPUSH k v", ":1");
	transcript_receive(clients[0], "[$k $v]");
	expect("SET k v", "+OK");
	transcript_expect(clients[0], "BLPOP none k 0",
		"-WRONGTYPE Operation against a key holding the wrong kind of "
		"value");
	block(0, "BLPOP l 0", 1);
	transcript_expect(clients[1], "BLPOP l k 0",
		"-WRONGTYPE Operation against a key holding the wrong kind of "
		"value");
}

Test(blocking, keys_that_move_into_place_wake)
{
	block(0, "BLPOP k 0", 1);
	expect("RPUSH a 1", ":1");
	expect("RENAME a k", "+OK");
	transcript_receive(clients[0], "[$k $1]");
	block(0, "BLPOP k 0", 1);
	expect("RPUSH a 2", ":1");
	expect("RENAMENX a k", ":1");
	transcript_receive(clients[0], "[$k $2]");
	block(0, "BLPOP k 0", 1);
	expect("RPUSH a 3", ":1");
	expect("COPY a k", ":1");
	transcript_receive(clients[0], "[$k $3]");
	block(0, "BLPOP k 0", 1);
	expect("SELECT 1", "+OK");
	expect("RPUSH k 4", ":1");
	expect("MOVE k 0", ":1");
	transcript_receive(clients[0], "[$k $4]");
	block(0, "BLPOP k 0", 1);
	expect("RPUSH k 5", ":1");
	expect("SWAPDB 0 1", "+OK");
	transcript_receive(clients[0], "[$k $5]");
	expect("SWAPDB 0 1", "+OK");
}

Test(blocking, databases_are_apart)
{
	block(0, "BLPOP k 0", 1);
	expect("SELECT 2", "+OK");
	expect("RPUSH k elsewhere", ":1");
	expect("SELECT 0", "+OK");
	expect("RPUSH k here", ":1");
	transcript_receive(clients[0], "[$k $here]");
}

Test(blocking, any_bytes_and_long_keys)
{
	char command[4000], reply[4000], key[1500];

	memset(key, 'k', sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	snprintf(command, sizeof(command), "BLPOP \"\\xff\\x01\" %s 0", key);
	block(0, command, 1);
	snprintf(command, sizeof(command), "RPUSH %s \"\\x80\\r\\n\"", key);
	expect(command, ":1");
	snprintf(reply, sizeof(reply), "[$%s $\\x80\\x0d\\x0a]", key);
	transcript_receive(clients[0], reply);
	block(0, "BLPOP \"\\xff\\x01\" 0", 1);
	expect("RPUSH \"\\xff\\x01\" v", ":1");
	transcript_receive(clients[0], "[$\\xff\\x01 $v]");
}

/* --- what ends a wait ------------------------------------------------ */

Test(blocking, timeouts_are_exact)
{
	double began = now_s(), took;

	transcript_expect(clients[0], "BLPOP k 0.25", "_");
	took = now_s() - began;
	cr_expect(took >= 0.25 && took < 0.6, "%f", took);
	transcript_expect(clients[0], "BLMOVE k l LEFT LEFT 0.01", "_");
	transcript_expect(clients[0], "BRPOPLPUSH k l 0.001", "_");
	transcript_expect(clients[0], "BLMPOP 0.001 2 k l LEFT", "_");
	wait_for_blocked(main_client, 0);
	/* The list is whole, and the queue works. */
	block(0, "BLPOP k 0", 1);
	expect("RPUSH k a b", ":2");
	transcript_receive(clients[0], "[$k $a]");
	expect("LLEN k", ":1");
}

Test(blocking, timeouts_are_checked)
{
	static const struct exchange exchanges[] = {
		{ "BLPOP k x", "-ERR timeout is not a float or out of range" },
		{ "BLPOP k nan",
			"-ERR timeout is not a float or out of range" },
		{ "BLPOP k -1", "-ERR timeout is negative" },
		{ "BLPOP k inf", "-ERR timeout is negative" },
		{ "BLPOP k 1e30", "-ERR timeout is negative" },
		{ "BRPOP k -0.1", "-ERR timeout is negative" },
		{ "BLMOVE a b LEFT RIGHT x",
			"-ERR timeout is not a float or out of range" },
		{ "BLMOVE a b LEFT MIDDLE x", "-ERR syntax error" },
		{ "BRPOPLPUSH a b -2", "-ERR timeout is negative" },
		{ "BLMPOP x 1 k LEFT",
			"-ERR timeout is not a float or out of range" },
		{ "BLMPOP x 0 k LEFT",
			"-ERR numkeys should be greater than 0" },
		{ "BLMPOP 1 2 k LEFT", "-ERR syntax error" },
		{ "BLMPOP 1 1 k LEFT COUNT 0",
			"-ERR count should be greater than 0" },
		{ "BLMPOP 1 1 k LEFT COUNT 1 COUNT 1", "-ERR syntax error" },
		{ 0 },
	};

	transcript_play(main_client, exchanges);
}

Test(blocking, client_unblock_ends_a_wait)
{
	char command[64];
	char *id = transcript_ask(clients[0], "CLIENT ID");

	block(0, "BLPOP k 0", 1);
	snprintf(command, sizeof(command), "CLIENT UNBLOCK %s", id + 1);
	expect(command, ":1");
	transcript_receive(clients[0], "_");
	expect(command, ":0");
	block(0, "BLPOP k 0", 1);
	snprintf(command, sizeof(command), "CLIENT UNBLOCK %s ERROR", id + 1);
	expect(command, ":1");
	transcript_receive(
		clients[0], "-UNBLOCKED client unblocked via CLIENT UNBLOCK");
	block(0, "BLPOP k 0", 1);
	expect("RPUSH k v", ":1");
	transcript_receive(clients[0], "[$k $v]");
	free(id);
}

Test(blocking, a_blocked_client_is_listed_and_killed)
{
	char command[64];
	char *id = transcript_ask(clients[0], "CLIENT ID");
	redisReply *list;

	block(0, "BLPOP k 0", 1);
	snprintf(command, sizeof(command), "CLIENT LIST ID %s", id + 1);
	list = redisCommand(main_client, command);
	cr_expect_not_null(strstr(list->str, " flags=b "));
	cr_expect_not_null(strstr(list->str, " cmd=blpop "));
	freeReplyObject(list);
	snprintf(command, sizeof(command), "CLIENT KILL ID %s", id + 1);
	expect(command, ":1");
	wait_for_blocked(main_client, 0);
	expect("RPUSH k v", ":1");
	expect("LLEN k", ":1");
	free(id);
}

Test(blocking, a_client_that_goes_takes_nothing)
{
	block(0, "BLPOP k 0", 1);
	block(1, "BLPOP k 0", 2);
	redisFree(clients[0]);
	clients[0] = NULL;
	wait_for_blocked(main_client, 1);
	expect("RPUSH k v", ":1");
	transcript_receive(clients[1], "[$k $v]");
	/* One that has sent more is noticed within a second or so. */
	transcript_send(clients[2], "BLPOP k 0");
	transcript_send(clients[2], "PING");
	wait_for_blocked(main_client, 1);
	redisFree(clients[2]);
	clients[2] = NULL;
	wait_for_blocked(main_client, 0);
	expect("RPUSH k v", ":1");
	expect("LLEN k", ":1");
}

Test(blocking, a_pause_holds_back_what_is_added_outside)
{
	PGconn *sql = PQconnectdb(shared_server_conninfo());

	block(0, "BLPOP k 0", 1);
	block(1, "BLPOP other 0.3", 2);
	/* Until its key is registered. */
	sleep_ms(200);
	expect("CLIENT PAUSE 60000 WRITE", "+OK");
	PQclear(PQexec(sql, "SELECT respgres.rpush(0, 'k', 'v')"));
	transcript_receive(clients[1], "_");
	sleep_ms(200);
	expect("LLEN k", ":1");
	expect("CLIENT UNPAUSE", "+OK");
	transcript_receive(clients[0], "[$k $v]");
	PQfinish(sql);
}

Test(blocking, later_commands_wait_for_the_answer)
{
	transcript_send(clients[0], "BLPOP k 0");
	transcript_send(clients[0], "PING");
	transcript_send(clients[0], "LLEN k");
	wait_for_blocked(main_client, 1);
	expect("RPUSH k a b", ":2");
	transcript_receive(clients[0], "[$k $a]");
	transcript_receive(clients[0], "+PONG");
	transcript_receive(clients[0], ":1");
}

/* --- other processes and SQL ----------------------------------------- */

static void
run(PGconn *sql, const char *text)
{
	PGresult *result = PQexec(sql, text);
	ExecStatusType status = PQresultStatus(result);

	cr_assert(status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK,
		"%s: %s", text, PQerrorMessage(sql));
	PQclear(result);
}

/* Waits until the key is registered by so many servers. */
static void
wait_for_registered(PGconn *sql, const char *key, int count)
{
	const char *values[] = { key };

	for (int i = 0; i < 1000; i++) {
		PGresult *result = PQexecParams(sql,
			"SELECT count(*) FROM respgres.waiter "
			"WHERE key = convert_to($1, 'UTF8')",
			1, NULL, values, NULL, NULL, 0);
		bool done = atoi(PQgetvalue(result, 0, 0)) == count;

		PQclear(result);
		if (done)
			return;
		sleep_ms(20);
	}
	cr_assert_fail("%s is not registered %d times", key, count);
}

Test(blocking, sql_wakes_with_its_commit_and_not_without)
{
	PGconn *sql = PQconnectdb(shared_server_conninfo());
	PGconn *other = PQconnectdb(shared_server_conninfo());

	block(0, "BLPOP k 0", 1);
	wait_for_registered(sql, "k", 1);
	run(sql, "BEGIN");
	run(sql, "SELECT respgres.rpush(0, 'k', 'no')");
	run(sql, "ROLLBACK");
	sleep_ms(100);
	wait_for_blocked(main_client, 1);
	run(sql, "BEGIN");
	run(sql, "SELECT respgres.rpush(0, 'k', 'yes', 'more')");
	sleep_ms(100);
	wait_for_blocked(main_client, 1);
	run(sql, "COMMIT");
	transcript_receive(clients[0], "[$k $yes]");
	run(sql, "SELECT respgres.del(0, 'k')");
	/* A snapshot from before the registration does not see it. */
	run(sql, "BEGIN ISOLATION LEVEL REPEATABLE READ");
	run(sql, "SELECT count(*) FROM respgres.key");
	block(0, "BLPOP snapshot 0", 1);
	wait_for_registered(other, "snapshot", 1);
	run(sql, "SELECT respgres.rpush(0, 'snapshot', 'late')");
	run(sql, "COMMIT");
	transcript_receive(clients[0], "[$snapshot $late]");
	PQfinish(sql);
	PQfinish(other);
}

Test(blocking, an_adder_at_work_is_not_missed)
{
	PGconn *sql = PQconnectdb(shared_server_conninfo());

	/* It has looked for waiters before there were any. */
	run(sql, "BEGIN");
	run(sql, "SELECT respgres.rpush(0, 'new', 'v')");
	block(0, "BLPOP new 0", 1);
	block(1, "BLPOP another 0", 2);
	sleep_ms(700);
	expect("RPUSH another v", ":1");
	transcript_receive(clients[1], "[$another $v]");
	wait_for_blocked(main_client, 1);
	run(sql, "COMMIT");
	transcript_receive(clients[0], "[$new $v]");
	PQfinish(sql);
}

Test(blocking, registrations_end_some_time_after_the_wait)
{
	PGconn *sql = PQconnectdb(shared_server_conninfo());

	transcript_expect(clients[0], "BLPOP brief 0.1", "_");
	wait_for_registered(sql, "brief", 1);
	wait_for_registered(sql, "brief", 0);
	block(0, "BLPOP brief 0", 1);
	wait_for_registered(sql, "brief", 1);
	run(sql, "SELECT respgres.rpush(0, 'brief', 'v')");
	transcript_receive(clients[0], "[$brief $v]");
	PQfinish(sql);
}

Test(blocking, two_servers_wake_each_other)
{
	struct fixture *beside =
		fixture_start_on(shared_server_conninfo(), NULL);
	redisContext *there = fixture_connect(beside);
	redisContext *waiter = fixture_connect(beside);
	PGconn *sql = PQconnectdb(shared_server_conninfo());

	block(0, "BLPOP k 0", 1);
	transcript_send(waiter, "BLPOP l 0");
	wait_for_blocked(there, 1);
	wait_for_registered(sql, "k", 1);
	wait_for_registered(sql, "l", 1);
	transcript_expect(there, "RPUSH k v", ":1");
	transcript_receive(clients[0], "[$k $v]");
	expect("RPUSH l w", ":1");
	transcript_receive(waiter, "[$l $w]");
	/* Both wait for one key: each element is given once. */
	block(0, "BLPOP m 0", 1);
	transcript_send(waiter, "BLPOP m 0");
	wait_for_blocked(there, 1);
	wait_for_registered(sql, "m", 2);
	transcript_expect(there, "RPUSH m v", ":1");
	transcript_expect(there, "RPUSH m v", ":1");
	transcript_receive(clients[0], "[$m $v]");
	transcript_receive(waiter, "[$m $v]");
	transcript_expect(there, "LLEN m", ":0");
	redisFree(there);
	redisFree(waiter);
	/* What a server waited for that was killed is forgotten by the next. */
	fixture_kill(beside, SIGKILL);
	fixture_stop(beside);
	PQfinish(sql);
}

Test(blocking, a_lost_feed_comes_back)
{
	PGconn *sql = PQconnectdb(shared_server_conninfo());

	block(0, "BLPOP k 0", 1);
	block(1, "BLPOP l 0", 2);
	wait_for_registered(sql, "k", 1);
	wait_for_registered(sql, "l", 1);
	run(sql, "BEGIN");
	run(sql,
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
		"WHERE application_name LIKE 'respgres feed%'");
	/* Nobody hears of this one. */
	run(sql, "SELECT respgres.rpush(0, 'k', 'v')");
	run(sql, "COMMIT");
	transcript_receive(clients[0], "[$k $v]");
	wait_for_registered(sql, "l", 1);
	run(sql, "SELECT respgres.rpush(0, 'l', 'w')");
	transcript_receive(clients[1], "[$l $w]");
	PQfinish(sql);
}

Test(blocking, a_server_that_ends_closes_who_waits)
{
	struct fixture *server =
		fixture_start_on(shared_server_conninfo(), NULL);
	redisContext *waiter = fixture_connect(server);
	redisContext *observer = fixture_connect(server);
	void *reply;

	transcript_send(waiter, "BLPOP k 0");
	wait_for_blocked(observer, 1);
	/* Checks that it ends in time and well. */
	fixture_stop(server);
	cr_expect_eq(redisGetReply(waiter, &reply), REDIS_ERR);
	redisFree(waiter);
	redisFree(observer);
	expect("RPUSH k v", ":1");
	expect("LLEN k", ":1");
}
