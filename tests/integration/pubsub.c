/* Pub/sub within one server, in RESP2: pubsub.py has the rest. */
#include "tests/support/shared_server.h"
#include "tests/support/transcript.h"

#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUBSCRIBERS = 4 };

/* Connections are dealt out to the workers in turn, so the subscribers are on
 * all of them. */
static redisContext *client, *subscribers[SUBSCRIBERS];

static void
start(void)
{
	client = shared_server_clear();
	for (int i = 0; i < SUBSCRIBERS; i++)
		subscribers[i] = shared_server_connect();
}

static void
stop(void)
{
	for (int i = 0; i < SUBSCRIBERS; i++)
		if (subscribers[i] != NULL)
			redisFree(subscribers[i]);
	redisFree(client);
}

TestSuite(pubsub, .init = start, .fini = stop);

Test(pubsub, a_message_reaches_all_who_subscribe)
{
	for (int i = 0; i < SUBSCRIBERS; i++)
		transcript_expect(
			subscribers[i], "SUBSCRIBE a", "[$subscribe $a :1]");
	transcript_expect(client, "PUBLISH a \"x\\x01\\xff\"", ":4");
	transcript_expect(client, "PUBLISH a \"\"", ":4");
	transcript_expect(client, "PUBLISH b y", ":0");
	for (int i = 0; i < SUBSCRIBERS; i++) {
		transcript_receive(
			subscribers[i], "[$message $a $x\\x01\\xff]");
		transcript_receive(subscribers[i], "[$message $a $]");
	}
}

Test(pubsub, patterns_and_channels_count_together)
{
	redisContext *one = subscribers[0];

	transcript_send(one, "SUBSCRIBE a.b c");
	transcript_receive(one, "[$subscribe $a.b :1]");
	transcript_receive(one, "[$subscribe $c :2]");
	transcript_send(one, "PSUBSCRIBE a.* *.b");
	transcript_receive(one, "[$psubscribe $a.* :3]");
	transcript_receive(one, "[$psubscribe $*.b :4]");
	transcript_expect(one, "SSUBSCRIBE a.b", "[$ssubscribe $a.b :1]");
	transcript_expect(client, "PUBLISH a.b 1", ":3");
	transcript_receive(one, "[$message $a.b $1]");
	transcript_receive(one, "[$pmessage $a.* $a.b $1]");
	transcript_receive(one, "[$pmessage $*.b $a.b $1]");
	transcript_expect(client, "SPUBLISH a.b 2", ":1");
	transcript_receive(one, "[$smessage $a.b $2]");
	transcript_expect(client, "PUBSUB NUMPAT", ":2");
	transcript_expect(
		one, "UNSUBSCRIBE nothing", "[$unsubscribe $nothing :4]");
	transcript_expect(one, "PUNSUBSCRIBE a.*", "[$punsubscribe $a.* :3]");
	transcript_send(one, "UNSUBSCRIBE");
	transcript_receive(one, "[$unsubscribe $a.b :2]");
	transcript_receive(one, "[$unsubscribe $c :1]");
	transcript_expect(one, "UNSUBSCRIBE", "[$unsubscribe _ :1]");
	transcript_expect(one, "PUNSUBSCRIBE", "[$punsubscribe $*.b :0]");
	transcript_expect(one, "PUNSUBSCRIBE", "[$punsubscribe _ :0]");
	transcript_expect(one, "PING", "[$pong $]");
	transcript_expect(one, "SUNSUBSCRIBE", "[$sunsubscribe $a.b :0]");
	transcript_expect(one, "SUNSUBSCRIBE", "[$sunsubscribe _ :0]");
	transcript_expect(one, "PING", "+PONG");
}

Test(pubsub, subscribers_may_do_little_else)
{
	redisContext *one = subscribers[0];

	transcript_expect(one, "SUBSCRIBE a", "[$subscribe $a :1]");
	transcript_expect(one, "SUBSCRIBE a", "[$subscribe $a :1]");
	transcript_expect(one, "GET k",
		"-ERR Can't execute 'get': only (P|S)SUBSCRIBE / "
		"(P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this "
		"context");
	transcript_expect(one, "CLIENT LIST",
		"-ERR Can't execute 'client|list': only (P|S)SUBSCRIBE / "
		"(P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this "
		"context");
	transcript_expect(one, "PING x", "[$pong $x]");
	transcript_expect(one, "RESET", "+RESET");
	transcript_expect(one, "GET k", "_");
	transcript_expect(client, "PUBLISH a x", ":0");
	transcript_expect(one, "SUBSCRIBE a", "[$subscribe $a :1]");
	transcript_expect(one, "QUIT", "+OK");
}

Test(pubsub, pubsub_shows_what_there_is)
{
	const struct exchange exchanges[] = {
		{ "PUBSUB CHANNELS", "[$news.a]" },
		{ "PUBSUB CHANNELS n*", "[$news.a]" },
		{ "PUBSUB CHANNELS x*", "[]" },
		{ "PUBSUB CHANNELS x y",
			"-ERR unknown subcommand or wrong number of arguments "
			"for 'CHANNELS'. Try PUBSUB HELP." },
		{ "PUBSUB NUMSUB", "[]" },
		{ "PUBSUB NUMSUB news.a x", "[$news.a :2 $x :0]" },
		{ "PUBSUB SHARDCHANNELS", "[$shard]" },
		{ "PUBSUB SHARDNUMSUB shard news.a", "[$shard :1 $news.a :0]" },
		{ "PUBSUB NUMPAT", ":1" },
		{ "PUBSUB NUMPAT x",
			"-ERR wrong number of arguments for 'pubsub|numpat' "
			"command" },
		{ "PUBSUB nothing",
			"-ERR unknown subcommand 'nothing'. Try PUBSUB HELP." },
		{ "PUBSUB",
			"-ERR wrong number of arguments for 'pubsub' "
			"command" },
		{ 0 },
	};

	transcript_expect(
		subscribers[0], "SUBSCRIBE news.a", "[$subscribe $news.a :1]");
	transcript_expect(
		subscribers[1], "SUBSCRIBE news.a", "[$subscribe $news.a :1]");
	transcript_expect(
		subscribers[1], "PSUBSCRIBE p*", "[$psubscribe $p* :2]");
	transcript_expect(
		subscribers[2], "PSUBSCRIBE p*", "[$psubscribe $p* :1]");
	transcript_expect(
		subscribers[3], "SSUBSCRIBE shard", "[$ssubscribe $shard :1]");
	transcript_play(client, exchanges);
}

static void
expect_in_reply(const char *command, const char *part)
{
	redisReply *reply = redisCommand(client, command);

	cr_assert_not_null(reply);
	cr_expect(reply->str != NULL && strstr(reply->str, part) != NULL,
		"%s lacks %s: %s", command, part, reply->str);
	freeReplyObject(reply);
}

Test(pubsub, connections_show_their_subscriptions)
{
	transcript_send(subscribers[0], "SUBSCRIBE a b");
	transcript_receive(subscribers[0], "[$subscribe $a :1]");
	transcript_receive(subscribers[0], "[$subscribe $b :2]");
	transcript_expect(
		subscribers[0], "PSUBSCRIBE p", "[$psubscribe $p :3]");
	transcript_expect(
		subscribers[0], "SSUBSCRIBE s", "[$ssubscribe $s :1]");
	expect_in_reply(
		"CLIENT LIST TYPE pubsub", "flags=P db=0 sub=2 psub=1 ssub=1 ");
	expect_in_reply("INFO stats", "pubsub_channels:2\r\n");
	expect_in_reply("INFO stats", "pubsub_patterns:1\r\n");
	expect_in_reply("INFO stats", "pubsubshard_channels:1\r\n");
	transcript_expect(client, "CLIENT KILL TYPE pubsub", ":1");
	transcript_expect(client, "CLIENT LIST TYPE pubsub", "$");
	transcript_expect(client, "PUBLISH a x", ":0");
}

Test(pubsub, a_long_message_arrives_whole)
{
	enum { SIZE = 3000000 };
	char *payload = malloc(SIZE);
	redisReply *reply;

	cr_assert_not_null(payload);
	for (int i = 0; i < SIZE; i++)
		payload[i] = (char)(i * 7 >> 3);
	transcript_expect(
		subscribers[0], "PSUBSCRIBE *", "[$psubscribe $* :1]");
	transcript_expect(subscribers[1], "SUBSCRIBE a", "[$subscribe $a :1]");
	reply = redisCommand(client, "PUBLISH a %b", payload, (size_t)SIZE);
	cr_expect_eq(reply->integer, 2);
	freeReplyObject(reply);
	for (int i = 0; i < 2; i++) {
		void *message;
		redisReply *last;

		cr_assert_eq(redisGetReply(subscribers[i], &message), REDIS_OK);
		reply = message;
		last = reply->element[reply->elements - 1];
		cr_expect_eq(last->len, SIZE);
		cr_expect_eq(memcmp(last->str, payload, SIZE), 0);
		freeReplyObject(reply);
	}
	free(payload);
}
