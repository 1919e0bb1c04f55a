/* SUBSCRIBE and its like, PUBLISH, PUBSUB.
 *
 * Confirmations are pushes: they are sent even where CLIENT REPLY silences
 * answers. */
#include "commands/pubsub.h"

#include "commands/command.h"
#include "commands/connection.h"
#include "commands/families.h"
#include "commands/help.h"
#include "commands/pubsub_exchange.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/server.h"

#include <stdbool.h>
#include <string.h>

static struct pubsub *
hub_of(const struct request *request)
{
	return request->server->pubsub;
}

/* --- subscriptions --------------------------------------------------- */

static void
confirm(struct request *request, const char *word, enum channel_kind kind,
	const struct bytes *name)
{
	const struct connection *connection = request->connection;
	struct reply *reply = &request->reply;
	int count = kind == CHANNEL_SHARD ?
		pubsub_subscriptions(connection, CHANNEL_SHARD) :
		pubsub_subscriptions(connection, CHANNEL_PLAIN) +
			pubsub_subscriptions(connection, CHANNEL_PATTERN);

	reply_push(reply, 3);
	reply_bulk_text(reply, word);
	if (name != NULL)
		reply_bulk(reply, *name);
	else
		reply_null(reply);
	reply_integer(reply, count);
}

static void
subscribe_now(struct request *request, const char *word, enum channel_kind kind)
{
	/* Since it was closed nothing would end its subscriptions. */
	if (request->connection->gone) {
		request_finish(request);
		return;
	}
	request->is_push = true;
	for (int i = 1; i < request->argc; i++) {
		pubsub_subscribe(hub_of(request), request->connection, kind,
			request->argv[i]);
		confirm(request, word, kind, &request->argv[i]);
	}
	request_finish(request);
}

static void
unsubscribe_from_all(
	struct request *request, const char *word, enum channel_kind kind)
{
	struct connection *connection = request->connection;
	struct bytes first = pubsub_first(connection, kind);

	if (first.data == NULL)
		confirm(request, word, kind, NULL);
	while (first.data != NULL) {
		char *copy = request_allocate(request, first.size);
		struct bytes name = { copy, first.size };

		if (first.size > 0)
			memcpy(copy, first.data, first.size);
		pubsub_unsubscribe(hub_of(request), connection, kind, name);
		confirm(request, word, kind, &name);
		first = pubsub_first(connection, kind);
	}
}

static void
unsubscribe(struct request *request, const char *word, enum channel_kind kind)
{
	request->is_push = true;
	if (request->argc == 1)
		unsubscribe_from_all(request, word, kind);
	for (int i = 1; i < request->argc; i++) {
		pubsub_unsubscribe(hub_of(request), request->connection, kind,
			request->argv[i]);
		confirm(request, word, kind, &request->argv[i]);
	}
	request_finish(request);
}

static void
subscribe(struct request *request)
{
	subscribe_now(request, "subscribe", CHANNEL_PLAIN);
}

static void
psubscribe(struct request *request)
{
	subscribe_now(request, "psubscribe", CHANNEL_PATTERN);
}

static void
ssubscribe(struct request *request)
{
	subscribe_now(request, "ssubscribe", CHANNEL_SHARD);
}

static void
cmd_subscribe(struct request *request)
{
	pubsub_exchange_listen(request, subscribe);
}

static void
cmd_unsubscribe(struct request *request)
{
	unsubscribe(request, "unsubscribe", CHANNEL_PLAIN);
}

static void
cmd_psubscribe(struct request *request)
{
	pubsub_exchange_listen(request, psubscribe);
}

static void
cmd_punsubscribe(struct request *request)
{
	unsubscribe(request, "punsubscribe", CHANNEL_PATTERN);
}

static void
cmd_ssubscribe(struct request *request)
{
	pubsub_exchange_listen(request, ssubscribe);
}

static void
cmd_sunsubscribe(struct request *request)
{
	unsubscribe(request, "sunsubscribe", CHANNEL_SHARD);
}

/* --- publishing ------------------------------------------------------ */

static void
publish(struct request *request)
{
	request_reply_integer(request,
		pubsub_deliver(hub_of(request), false, request->argv[1],
			request->argv[2], request->connection->worker));
}

static void
spublish(struct request *request)
{
	request_reply_integer(request,
		pubsub_deliver(hub_of(request), true, request->argv[1],
			request->argv[2], request->connection->worker));
}

static void
cmd_publish(struct request *request)
{
	pubsub_exchange_publish(request, false, publish);
}

static void
cmd_spublish(struct request *request)
{
	pubsub_exchange_publish(request, true, spublish);
}

/* --- PUBSUB ---------------------------------------------------------- */

static void
reply_channels(struct request *request, enum channel_kind kind)
{
	if (request->argc > 3) {
		request_reply_errorf(request,
			"ERR unknown subcommand or wrong number of arguments "
			"for '%.128s'. Try PUBSUB HELP.",
			request->argv[1].data);
		return;
	}
	pubsub_reply_channels(hub_of(request), &request->reply, kind,
		request->argc == 3 ? &request->argv[2] : NULL);
	request_finish(request);
}

static void
reply_subscribers(struct request *request, enum channel_kind kind)
{
	struct reply *reply = &request->reply;

	reply_array(reply, (size_t)(request->argc - 2) * 2);
	for (int i = 2; i < request->argc; i++) {
		reply_bulk(reply, request->argv[i]);
		reply_integer(reply,
			pubsub_subscribers(
				hub_of(request), kind, request->argv[i]));
	}
	request_finish(request);
}

static void
cmd_pubsub_channels(struct request *request)
{
	reply_channels(request, CHANNEL_PLAIN);
}

static void
cmd_pubsub_shardchannels(struct request *request)
{
	reply_channels(request, CHANNEL_SHARD);
}

static void
cmd_pubsub_numsub(struct request *request)
{
	reply_subscribers(request, CHANNEL_PLAIN);
}

static void
cmd_pubsub_shardnumsub(struct request *request)
{
	reply_subscribers(request, CHANNEL_SHARD);
}

static void
cmd_pubsub_numpat(struct request *request)
{
	request_reply_integer(
		request, pubsub_channels(hub_of(request), CHANNEL_PATTERN));
}

static const struct command pubsub_subcommands[] = {
	{
		.name = "channels",
		.usage = "[pattern:pattern]",
		.summary = "Lists the channels that have subscribers.",
		.since = "2.8.0",
		.complexity = "O(N) in the channels",
		.group = GROUP_PUBSUB,
		.arity = -2,
		.flags = CMD_PUBSUB | CMD_LOADING | CMD_STALE,
		.state = COMMAND_PARTIAL,
		.note = "Those of this server.",
		.run = cmd_pubsub_channels,
	},
	{
		.name = "help",
		.summary = "Lists the subcommands.",
		.since = "6.2.0",
		.complexity = "O(1)",
		.group = GROUP_PUBSUB,
		.arity = 2,
		.flags = CMD_LOADING | CMD_STALE,
		.run = help_run,
	},
	{
		.name = "numpat",
		.summary = "Counts the patterns that have subscribers.",
		.since = "2.8.0",
		.complexity = "O(1)",
		.group = GROUP_PUBSUB,
		.arity = 2,
		.flags = CMD_PUBSUB | CMD_LOADING | CMD_STALE,
		.state = COMMAND_PARTIAL,
		.note = "Those of this server.",
		.run = cmd_pubsub_numpat,
	},
	{
		.name = "numsub",
		.usage = "[channel...]",
		.summary = "Counts the subscribers of channels.",
		.since = "2.8.0",
		.complexity = "O(N) in the channels asked for",
		.group = GROUP_PUBSUB,
		.arity = -2,
		.flags = CMD_PUBSUB | CMD_LOADING | CMD_STALE,
		.state = COMMAND_PARTIAL,
		.note = "Those of this server.",
		.run = cmd_pubsub_numsub,
	},
	{
		.name = "shardchannels",
		.usage = "[pattern:pattern]",
		.summary = "Lists the shard channels that have subscribers.",
		.since = "7.0.0",
		.complexity = "O(N) in the shard channels",
		.group = GROUP_PUBSUB,
		.arity = -2,
		.flags = CMD_PUBSUB | CMD_LOADING | CMD_STALE,
		.state = COMMAND_PARTIAL,
		.note = "Those of this server.",
		.run = cmd_pubsub_shardchannels,
	},
	{
		.name = "shardnumsub",
		.usage = "[shardchannel...]",
		.summary = "Counts the subscribers of shard channels.",
		.since = "7.0.0",
		.complexity = "O(N) in the channels asked for",
		.group = GROUP_PUBSUB,
		.arity = -2,
		.flags = CMD_PUBSUB | CMD_LOADING | CMD_STALE,
		.state = COMMAND_PARTIAL,
		.note = "Those of this server.",
		.run = cmd_pubsub_shardnumsub,
	},
	{ 0 },
};

const struct command pubsub_commands[] = {
	{
		.name = "psubscribe",
		.usage = "pattern:(pattern:pattern)...",
		.summary = "Receives what is published to matching channels.",
		.since = "2.0.0",
		.complexity = "O(N) in the patterns given",
		.group = GROUP_PUBSUB,
		.arity = -2,
		.flags = CMD_PUBSUB | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE |
			CMD_WHILE_SUBSCRIBED,
		.run = cmd_psubscribe,
	},
	{
		.name = "publish",
		.usage = "channel message",
		.summary = "Sends a message to the subscribers of a channel.",
		.since = "2.0.0",
		.complexity =
			"O(N+M) in the channel's subscribers and all patterns",
		.group = GROUP_PUBSUB,
		.arity = 3,
		.flags = CMD_PUBSUB | CMD_LOADING | CMD_STALE | CMD_FAST |
			CMD_MAY_REPLICATE,
		.state = COMMAND_PARTIAL,
		.note = "Counts the receivers at this server.",
		.run = cmd_publish,
	},
	{
		.name = "pubsub",
		.summary = "Commands about channels and subscribers.",
		.since = "2.8.0",
		.complexity = "Depends on the subcommand.",
		.group = GROUP_PUBSUB,
		.arity = -2,
		.subcommands = pubsub_subcommands,
	},
	{
		.name = "punsubscribe",
		.usage = "[pattern:pattern...]",
		.summary = "Ends subscriptions to patterns, or to all.",
		.since = "2.0.0",
		.complexity = "O(N) in the patterns given",
		.group = GROUP_PUBSUB,
		.arity = -1,
		.flags = CMD_PUBSUB | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE |
			CMD_WHILE_SUBSCRIBED,
		.run = cmd_punsubscribe,
	},
	{
		.name = "spublish",
		.usage = "shardchannel message",
		.summary = "Sends a message to the subscribers of a shard "
			   "channel.",
		.since = "7.0.0",
		.complexity = "O(N) in the channel's subscribers",
		.group = GROUP_PUBSUB,
		.arity = 3,
		.flags = CMD_PUBSUB | CMD_LOADING | CMD_STALE | CMD_FAST |
			CMD_MAY_REPLICATE,
		.keys = { KEY_AT(1, KEY_NOT_KEY) },
		.state = COMMAND_PARTIAL,
		.note = "Counts the receivers at this server.",
		.run = cmd_spublish,
	},
	{
		.name = "ssubscribe",
		.usage = "shardchannel...",
		.summary = "Receives what is published to shard channels.",
		.since = "7.0.0",
		.complexity = "O(N) in the channels given",
		.group = GROUP_PUBSUB,
		.arity = -2,
		.flags = CMD_PUBSUB | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE |
			CMD_WHILE_SUBSCRIBED,
		.keys = { KEYS_RANGE(1, -1, 1, KEY_NOT_KEY) },
		.run = cmd_ssubscribe,
	},
	{
		.name = "subscribe",
		.usage = "channel...",
		.summary = "Receives what is published to channels.",
		.since = "2.0.0",
		.complexity = "O(N) in the channels given",
		.group = GROUP_PUBSUB,
		.arity = -2,
		.flags = CMD_PUBSUB | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE |
			CMD_WHILE_SUBSCRIBED,
		.run = cmd_subscribe,
	},
	{
		.name = "sunsubscribe",
		.usage = "[shardchannel...]",
		.summary = "Ends subscriptions to shard channels, or to all.",
		.since = "7.0.0",
		.complexity = "O(N) in the channels given",
		.group = GROUP_PUBSUB,
		.arity = -1,
		.flags = CMD_PUBSUB | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE |
			CMD_WHILE_SUBSCRIBED,
		.keys = { KEYS_RANGE(1, -1, 1, KEY_NOT_KEY) },
		.run = cmd_sunsubscribe,
	},
	{
		.name = "unsubscribe",
		.usage = "[channel...]",
		.summary = "Ends subscriptions to channels, or to all.",
		.since = "2.0.0",
		.complexity = "O(N) in the channels given",
		.group = GROUP_PUBSUB,
		.arity = -1,
		.flags = CMD_PUBSUB | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE |
			CMD_WHILE_SUBSCRIBED,
		.run = cmd_unsubscribe,
	},
	{ 0 },
};
