/* Channels, patterns, and the connections that subscribe to them.
 *
 * The hub is shared by all workers.  A message goes at once into the output of
 * the publishing worker's own subscribers, and into the inboxes of the other
 * workers concerned:
 *
 *	PUBLISH on worker 0 ─┬─▶ its subscribers' output
 *	                     └─▶ inbox of worker 1 ──posted──▶ its subscribers
 *
 * A worker empties its inbox before it changes a subscription of one of its
 * connections, so every subscription gets what was published while it lasted,
 * no less and no more, as if there were one thread.
 *
 * A message's bytes exist once, however many receive it. */
#ifndef COMMANDS_PUBSUB_H
#define COMMANDS_PUBSUB_H

#include "storage/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>

struct connection;
struct pubsub;
struct reply;
struct server;
struct subscriptions;

enum channel_kind {
	CHANNEL_PLAIN, /* SUBSCRIBE */
	CHANNEL_PATTERN, /* PSUBSCRIBE */
	CHANNEL_SHARD, /* SSUBSCRIBE */
	CHANNEL_KIND_COUNT
};

enum { PUBSUB_NO_WORKER = -1 };

/* Belongs to the server. */
struct pubsub *pubsub_new(struct server *server);
/* After all connections are closed. */
void pubsub_free(struct pubsub *pubsub);

/* --- on the connection's worker -------------------------------------- */

/* Nothing happens where it subscribes already, or does not. */
void pubsub_subscribe(struct pubsub *pubsub, struct connection *connection,
	enum channel_kind kind, struct bytes name);
void pubsub_unsubscribe(struct pubsub *pubsub, struct connection *connection,
	enum channel_kind kind, struct bytes name);
/* The name that has been subscribed to for the longest; data NULL: none.  It is
 * valid until it is unsubscribed from. */
struct bytes pubsub_first(
	const struct connection *connection, enum channel_kind kind);
/* Ends all subscriptions, silently: RESET, and the connection's end. */
void pubsub_leave(struct pubsub *pubsub, struct connection *connection);
/* How many subscriptions of the kind it has. */
int pubsub_subscriptions(
	const struct connection *connection, enum channel_kind kind);

/* --- from any thread ------------------------------------------------- */

/* Gives the message to the subscribers in this process; returns how many
 * subscriptions it goes to.  `worker`: the calling one's number, or
 * PUBSUB_NO_WORKER. */
long pubsub_deliver(struct pubsub *pubsub, bool sharded, struct bytes channel,
	struct bytes payload, int worker);

/* Channels of a kind (or patterns) that somebody subscribes to. */
long pubsub_channels(const struct pubsub *pubsub, enum channel_kind kind);
/* Subscriptions to one channel. */
long pubsub_subscribers(
	struct pubsub *pubsub, enum channel_kind kind, struct bytes name);
/* Writes the array of the channels that match; `pattern` NULL: all. */
void pubsub_reply_channels(struct pubsub *pubsub, struct reply *reply,
	enum channel_kind kind, const struct bytes *pattern);

#endif
