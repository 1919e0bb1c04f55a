/* Consumer groups: every command, its options and its errors, judged by a real
 * redis-server; who waits; and that no entry goes to two consumers. */
#include "tests/support/fixture.h"
#include "tests/support/judge.h"
#include "tests/support/shared_server.h"
#include "tests/support/transcript.h"

#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
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

Test(stream_groups, groups_and_consumers_are_made_and_deleted)
{
	judge((const char *[]){
		"XGROUP CREATE s g $ MKSTREAM",
		"XINFO STREAM s",
		"XINFO GROUPS s",
		"XGROUP CREATE s g $",
		"XGROUP CREATE s g 0 MKSTREAM",
		"XGROUP CREATE s h x",
		"XGROUP CREATE s h x MKSTREAM",
		"XGROUP CREATE s h -",
		"XGROUP CREATE s h 0 FOO",
		"XGROUP CREATE s h 0 ENTRIESREAD",
		"XGROUP CREATE s h 0 ENTRIESREAD x",
		"XGROUP CREATE s h 0 ENTRIESREAD -2",
		"XGROUP CREATE s h 0 ENTRIESREAD -1",
		"XGROUP CREATE s i 5-5 ENTRIESREAD 7 MKSTREAM",
		"XGROUP CREATE s",
		"XGROUP CREATE s j 0 MKSTREAM MKSTREAM MKSTREAM MKSTREAM",
		"XGROUP CREATE none j 0 MKSTREAM MKSTREAM MKSTREAM MKSTREAM",
		"EXISTS none",
		"XGROUP SETID s g",
		"XGROUP SETID s g 0 FOO",
		"XGROUP SETID s g x",
		"XGROUP SETID s nog x",
		"XGROUP SETID s nog 0",
		"XGROUP SETID s g -",
		"XGROUP SETID s g +",
		"XGROUP SETID s g 3-4 ENTRIESREAD 9",
		"XGROUP SETID s g 3-4 ENTRIESREAD 9 ENTRIESREAD 9",
		"XGROUP SETID s g 3-4 MKSTREAM",
		"XINFO GROUPS s",
		"XGROUP CREATECONSUMER s g c",
		"XGROUP CREATECONSUMER s g c",
		"XGROUP CREATECONSUMER s nog c",
		"XGROUP CREATECONSUMER s \"a\\x00b\" c",
		"XGROUP DELCONSUMER s g c",
		"XGROUP DELCONSUMER s g c",
		"XGROUP DELCONSUMER s nog c",
		"XGROUP DESTROY s g",
		"XGROUP DESTROY s g",
		"XGROUP FOO",
		"XGROUP",
		"XGROUP HELP x",
		"XINFO FOO",
		"XINFO",
		"XINFO STREAM",
		"XINFO STREAM s FULL 1",
		"XINFO STREAM s FULL COUNT x",
		"XINFO STREAM s FULL COUNT",
		"XINFO STREAM s FULL COUNT 1 2",
		"XINFO STREAM s COUNT 1",
		"XINFO GROUPS s x",
		"XINFO CONSUMERS s",
		"XINFO CONSUMERS s nog",
		"XINFO STREAM s FULL",
		NULL,
	});
}

Test(stream_groups, entries_are_delivered_pending_and_acknowledged)
{
	judge((const char *[]){
		"XADD s 1 a 1",
		"XADD s 2 a 2",
		"XADD s 3 a 3",
		"XADD s 4 a 4",
		"XGROUP CREATE s g 0",
		"XPENDING s g",
		"XREADGROUP GROUP g c COUNT 1 STREAMS s >",
		"XINFO GROUPS s",
		"XREADGROUP GROUP g d COUNT 2 STREAMS s >",
		"XINFO GROUPS s",
		"XREADGROUP GROUP g c STREAMS s 0",
		"XREADGROUP GROUP g d STREAMS s 0",
		"XREADGROUP GROUP g d STREAMS s 2",
		"XREADGROUP GROUP g d COUNT 1 STREAMS s 0",
		"XREADGROUP GROUP g e STREAMS s 0",
		"XREADGROUP GROUP g e STREAMS s 18446744073709551615-18446744073709551615",
		"XREADGROUP GROUP g e STREAMS s >",
		"XREADGROUP GROUP g e BLOCK 10 STREAMS s >",
		"XREADGROUP GROUP g e BLOCK 10 STREAMS s 0",
		"XREADGROUP GROUP nog e STREAMS s >",
		"XREADGROUP GROUP nog e STREAMS s x",
		"XREADGROUP GROUP g e STREAMS s x",
		"XREADGROUP GROUP g e STREAMS s $",
		"XREADGROUP GROUP g e STREAMS s none > >",
		"XPENDING s g",
		"XPENDING s g - + 10",
		"XPENDING s g - + 2",
		"XPENDING s g - + 10 d",
		"XPENDING s g - + 10 nobody",
		"XPENDING s g (1 3 10",
		"XPENDING s g - + -1",
		"XPENDING s g - + x",
		"XPENDING s g x + 10",
		"XPENDING s g - x 10",
		"XPENDING s g (- + 10",
		"XPENDING s g IDLE 0 - + 10",
		"XPENDING s g IDLE 100000 - + 10",
		"XPENDING s g IDLE x - + 10",
		"XPENDING s g IDLE 5 - +",
		"XPENDING s g IDLE 5",
		"XPENDING s g - +",
		"XPENDING s g - + 10 c d e f",
		"XPENDING s nog",
		"XPENDING s nog - + 10",
		"XINFO CONSUMERS s g",
		"XINFO STREAM s FULL",
		"XINFO STREAM s FULL COUNT 1",
		"XINFO STREAM s FULL COUNT 0",
		"XINFO STREAM s FULL COUNT -3",
		"XACK s g 1 1 2",
		"XACK s g 1",
		"XACK s nog 3",
		"XACK s nog x",
		"XACK s g 3 x",
		"XPENDING s g",
		"XDEL s 3",
		"XREADGROUP GROUP g d STREAMS s 0",
		"XGROUP DELCONSUMER s g d",
		"XGROUP DELCONSUMER s g e",
		"XPENDING s g",
		"XGROUP SETID s g 0",
		"XREADGROUP GROUP g x NOACK STREAMS s >",
		"XINFO CONSUMERS s g",
		"XINFO GROUPS s",
		"XGROUP SETID s g 0",
		"XREADGROUP GROUP g x STREAMS s >",
		"XGROUP SETID s g 1",
		"XREADGROUP GROUP g y STREAMS s >",
		"XPENDING s g - + 10",
		"XINFO CONSUMERS s g",
		"XPENDING s g",
		NULL,
	});
}

Test(stream_groups, pending_entries_are_claimed)
{
	judge((const char *[]){
		"XADD s 1 a 1",
		"XADD s 2 a 2",
		"XADD s 3 a 3",
		"XADD s 4 a 4",
		"XADD s 5 a 5",
		"XGROUP CREATE s g 0",
		"XREADGROUP GROUP g c COUNT 3 STREAMS s >",
		"XCLAIM s g d 0 1",
		"XCLAIM s g d 100000 2",
		"XCLAIM s g d 0 2 3 JUSTID",
		"XPENDING s g - + 10",
		"XCLAIM s g d 0 4",
		"XCLAIM s g e 0 4 FORCE",
		"XCLAIM s g e 0 5 FORCE JUSTID",
		"XCLAIM s g e 0 6 FORCE",
		"XPENDING s g - + 10",
		"XCLAIM s g f 0 1 RETRYCOUNT 9",
		"XCLAIM s g f 0 1 RETRYCOUNT -9 IDLE 1000 TIME 5",
		"XCLAIM s g f 0 1 IDLE -5",
		"XCLAIM s g f 0 1 IDLE 9223372036854775807",
		"XCLAIM s g f 0 1 2 3 LASTID 9 FORCE JUSTID",
		"XINFO GROUPS s",
		"XCLAIM s g f -10 1",
		"XCLAIM s g f 0 x",
		"XCLAIM s g f 0 1 FOO",
		"XCLAIM s g f 0 1 IDLE",
		"XCLAIM s g f 0 1 IDLE x",
		"XCLAIM s g f 0 1 TIME x",
		"XCLAIM s g f 0 1 RETRYCOUNT x",
		"XCLAIM s g f 0 1 LASTID x",
		"XCLAIM s g f x 1",
		"XCLAIM s nog f x 1",
		"XCLAIM s nog f 0 1",
		"XCLAIM s g f 0 1 JUSTID 2",
		"XPENDING s g - + 10",
		"XDEL s 2",
		"XCLAIM s g h 0 1 2 3",
		"XPENDING s g - + 10",
		"XINFO CONSUMERS s g",
		"XDEL s 3",
		"XAUTOCLAIM s g i 0 0",
		"XAUTOCLAIM s g i 0 0 COUNT 1",
		"XAUTOCLAIM s g j 0 4 COUNT 1 JUSTID",
		"XAUTOCLAIM s g j 0 (4 COUNT 1 JUSTID",
		"XAUTOCLAIM s g j 100000 -",
		"XAUTOCLAIM s g j 100000 +",
		"XAUTOCLAIM s g j 0 0 COUNT 0",
		"XAUTOCLAIM s g j 0 0 COUNT x",
		"XAUTOCLAIM s g j 0 0 FOO",
		"XAUTOCLAIM s g j x 0",
		"XAUTOCLAIM s g j 0 x",
		"XAUTOCLAIM s g j 0 (18446744073709551615-18446744073709551615",
		"XAUTOCLAIM s nog j 0 0",
		"XPENDING s g - + 10",
		"XINFO CONSUMERS s g",
		NULL,
	});
}

Test(stream_groups, lag_is_known_or_not)
{
	judge((const char *[]){
		"XADD s 1 a 1",
		"XADD s 2 a 1",
		"XADD s 3 a 1",
		"XGROUP CREATE s g 0",
		"XINFO GROUPS s",
		"XDEL s 2",
		"XINFO GROUPS s",
		"XREADGROUP GROUP g c COUNT 1 STREAMS s >",
		"XINFO GROUPS s",
		"XREADGROUP GROUP g c COUNT 1 STREAMS s >",
		"XINFO GROUPS s",
		"XADD s 4 a 1",
		"XINFO GROUPS s",
		"XDEL s 1",
		"XGROUP CREATE s h 0",
		"XGROUP CREATE s i 3",
		"XGROUP CREATE s j 9",
		"XGROUP CREATE s k $",
		"XINFO GROUPS s",
		"XREADGROUP GROUP h c COUNT 1 STREAMS s >",
		"XREADGROUP GROUP i c COUNT 1 STREAMS s >",
		"XADD s 5 a 1",
		"XADD s 6 a 1",
		"XINFO GROUPS s",
		"XDEL s 5",
		"XINFO GROUPS s",
		"XREADGROUP GROUP h c COUNT 1 STREAMS s >",
		"XREADGROUP GROUP i c STREAMS s >",
		"XREADGROUP GROUP j c STREAMS s >",
		"XINFO GROUPS s",
		"XTRIM s MAXLEN 0",
		"XINFO GROUPS s",
		"XADD s 10 a 1",
		"XINFO GROUPS s",
		"XREADGROUP GROUP j c STREAMS s >",
		"XREADGROUP GROUP k c STREAMS s >",
		"XINFO GROUPS s",
		"COPY s t",
		"XINFO STREAM t FULL",
		"RENAME t u",
		"XINFO STREAM u FULL",
		NULL,
	});
}

Test(stream_groups, several_streams_are_read_for_a_group)
{
	judge((const char *[]){
		"XGROUP CREATE a g 0 MKSTREAM",
		"XGROUP CREATE b g 0 MKSTREAM",
		"XADD b 1 x 1",
		"XADD a 1 x 1",
		"XADD a 2 x 2",
		"XREADGROUP GROUP g c COUNT 1 STREAMS b a > >",
		"XREADGROUP GROUP g c STREAMS a b > >",
		"XREADGROUP GROUP g c STREAMS a b > >",
		"XREADGROUP GROUP g c STREAMS a b 0 >",
		"XREADGROUP GROUP g c STREAMS a b 0 0",
		"XREADGROUP GROUP g c STREAMS a a 0 1",
		"XREADGROUP GROUP g c STREAMS a none 0 0",
		"XREADGROUP GROUP g c STREAMS a none x 0",
		"XREADGROUP GROUP g c STREAMS none a x 0",
		"SET str x",
		"XREADGROUP GROUP g c STREAMS a str 0 0",
		NULL,
	});
}

/* --- waiting --------------------------------------------------------- */

/* Sends a command that waits, and lets the server begin with it. */
static redisContext *
wait_with(redisContext *client, const char *command)
{
	redisContext *waiting = shared_server_connect();

	redisAppendCommand(waiting, command);
	cr_assert_eq(redisBufferWrite(waiting, &(int){ 0 }), REDIS_OK);
	for (int i = 0; i < 500; i++) {
		char *info = transcript_ask(client, "INFO clients");
		bool waits = strstr(info, "blocked_clients:0") == NULL;

		free(info);
		if (waits)
			return waiting;
		usleep(10000);
	}
	cr_assert_fail("%s does not wait", command);
	return NULL;
}

static void
expect_answer(redisContext *waiting, const char *text)
{
	redisReply *reply, *last;

	cr_assert_eq(redisGetReply(waiting, (void **)&reply), REDIS_OK);
	for (last = reply; last->type == REDIS_REPLY_ARRAY;)
		last = last->element[last->elements - 1];
	cr_expect_str_eq(last->str, text, "%s", last->str);
	freeReplyObject(reply);
	redisFree(waiting);
}

/* One who waits, and how that ends. */
static void
expect_ending(const char *waiting, const char *command, const char *answer)
{
	redisContext *client = shared_server_clear();
	redisContext *other;

	transcript_expect(client, "XGROUP CREATE s g 0 MKSTREAM", "+OK");
	transcript_expect(client, "XADD t 1 a 1", "$1-0");
	transcript_expect(client, "XGROUP CREATE t g 0", "+OK");
	other = wait_with(client, waiting);
	free(transcript_ask(client, command));
	expect_answer(other, answer);
	redisFree(client);
}

#define WAIT_IN_GROUP "XREADGROUP GROUP g c BLOCK 0 STREAMS s >"
#define NO_KEY "UNBLOCKED the stream key no longer exists"
#define NO_GROUP \
	"NOGROUP the consumer group this client was blocked on no longer exists"

Test(stream_groups, who_waits_gets_what_is_added)
{
	expect_ending("XREAD BLOCK 0 STREAMS s $", "XADD s * a value", "value");
	expect_ending("XREAD BLOCK 0 STREAMS none s $ 5", "XADD none * a value",
		"value");
	expect_ending(WAIT_IN_GROUP, "XADD s * a value", "value");
	expect_ending(WAIT_IN_GROUP, "XADD s MAXLEN 5 * a value", "value");
	expect_ending("XREADGROUP GROUP g c BLOCK 0 NOACK STREAMS s >",
		"XADD s NOMKSTREAM * a value", "value");
}

Test(stream_groups, who_waits_is_told_when_the_group_is_gone)
{
	expect_ending(WAIT_IN_GROUP, "XGROUP DESTROY s g", NO_GROUP);
	expect_ending(WAIT_IN_GROUP, "DEL s", NO_KEY);
	expect_ending(WAIT_IN_GROUP, "UNLINK x y s", NO_KEY);
	expect_ending(WAIT_IN_GROUP, "SET s x", NO_KEY);
	expect_ending(WAIT_IN_GROUP, "RENAME s u", NO_KEY);
	expect_ending(WAIT_IN_GROUP, "FLUSHALL", NO_KEY);
	expect_ending(WAIT_IN_GROUP, "FLUSHDB", NO_KEY);
	expect_ending(WAIT_IN_GROUP, "EXPIRE s -1", NO_KEY);
	expect_ending(WAIT_IN_GROUP, "RENAME t s", "1");
}

/* On another worker, and not known to wait when the flush is sent. */
Test(stream_groups, who_came_before_a_flush_is_told_of_it)
{
	redisContext *client = shared_server_clear();

	for (int i = 0; i < 20; i++) {
		redisContext *waiting = shared_server_connect();

		transcript_expect(
			client, "XGROUP CREATE s g 0 MKSTREAM", "+OK");
		transcript_expect(waiting, "PING", "+PONG");
		redisAppendCommand(waiting, WAIT_IN_GROUP);
		cr_assert_eq(redisBufferWrite(waiting, &(int){ 0 }), REDIS_OK);
		transcript_expect(client, "FLUSHALL", "+OK");
		expect_answer(waiting, NO_KEY);
	}
	redisFree(client);
}

Test(stream_groups, each_entry_goes_to_one_who_waits_and_to_all_readers)
{
	redisContext *client = shared_server_clear(), *waiting[4];

	transcript_expect(client, "XGROUP CREATE s g 0 MKSTREAM", "+OK");
	for (int i = 0; i < 4; i++) {
		waiting[i] = shared_server_connect();
		redisAppendCommand(waiting[i],
			i < 2 ? "XREADGROUP GROUP g c%d BLOCK 0 COUNT 1 "
				"STREAMS s >" :
				"XREAD BLOCK 0 STREAMS s $",
			i);
		redisBufferWrite(waiting[i], &(int){ 0 });
		usleep(100000);
	}
	transcript_expect(client, "XADD s 1 a first", "$1-0");
	expect_answer(waiting[0], "first");
	expect_answer(waiting[2], "first");
	expect_answer(waiting[3], "first");
	transcript_expect(client, "XADD s 2 a second", "$2-0");
	expect_answer(waiting[1], "second");
	transcript_expect(
		client, "XPENDING s g", "[:2 $1-0 $2-0 [[$c0 $1] [$c1 $1]]]");
	redisFree(client);
}

/* --- many consumers -------------------------------------------------- */

enum { ENTRIES = 400, CONSUMERS = 8 };

static atomic_int times_delivered[ENTRIES + 1];
static atomic_int delivered, acknowledged;

struct consumer {
	int port, number;
	pthread_t thread;
};

/* Takes what a reply of XREADGROUP holds, and acknowledges it. */
static void
take_entries(redisContext *client, const redisReply *entries)
{
	char command[1000] = "XACK s g";
	size_t size = strlen(command);
	redisReply *reply;

	for (size_t i = 0; i < entries->elements; i++) {
		const char *id = entries->element[i]->element[0]->str;

		atomic_fetch_add(&times_delivered[atoi(id)], 1);
		size += (size_t)snprintf(
			command + size, sizeof(command) - size, " %s", id);
	}
	atomic_fetch_add(&delivered, (int)entries->elements);
	reply = redisCommand(client, command);
	atomic_fetch_add(&acknowledged, (int)reply->integer);
	freeReplyObject(reply);
}

static void *
consume(void *arg)
{
	const struct consumer *consumer = arg;
	redisContext *client = redisConnect("127.0.0.1", consumer->port);

	while (atomic_load(&delivered) < ENTRIES) {
		redisReply *reply = redisCommand(client,
			"XREADGROUP GROUP g c%d COUNT %d BLOCK 50 STREAMS s >",
			consumer->number, 1 + consumer->number);

		if (reply == NULL)
			break;
		if (reply->type == REDIS_REPLY_ARRAY)
			take_entries(client, reply->element[0]->element[1]);
		freeReplyObject(reply);
	}
	redisFree(client);
	return NULL;
}

Test(stream_groups, no_entry_goes_to_two_consumers_of_two_processes)
{
	redisContext *client = shared_server_clear();
	struct fixture *other =
		fixture_start_on(shared_server_conninfo(), NULL);
	struct consumer consumers[CONSUMERS];

	transcript_expect(client, "XGROUP CREATE s g 0 MKSTREAM", "+OK");
	for (int i = 0; i < CONSUMERS; i++) {
		consumers[i] =
			(struct consumer){ .port = i % 2 ? fixture_port(other) :
							   shared_server_port(),
				.number = i };
		pthread_create(
			&consumers[i].thread, NULL, consume, &consumers[i]);
	}
	for (int i = 1; i <= ENTRIES; i++) {
		redisReply *reply =
			redisCommand(client, "XADD s %d a %d", i, i);

		cr_assert_eq(reply->type, REDIS_REPLY_STRING, "%s", reply->str);
		freeReplyObject(reply);
	}
	for (int i = 0; i < CONSUMERS; i++)
		pthread_join(consumers[i].thread, NULL);
	for (int i = 1; i <= ENTRIES; i++)
		cr_expect_eq(times_delivered[i], 1, "entry %d: %d times", i,
			times_delivered[i]);
	cr_expect_eq(acknowledged, ENTRIES);
	transcript_expect(client, "XPENDING s g", "[:0 _ _ _]");
	fixture_stop(other);
	redisFree(client);
}
