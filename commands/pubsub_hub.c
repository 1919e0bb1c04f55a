/* Subscriptions and the way of a message to them; see pubsub.h.
 *
 * The table of channels and the inboxes are under the hub's lock.  A channel's
 * list of one worker's subscriptions is only touched on that worker's thread,
 * without the lock; `count` beside it tells others whether it has any.  A
 * channel in an inbox cannot go away: the inbox's worker still subscribes to
 * it, and empties its inbox before it no longer does. */
#include "commands/pubsub.h"

#include "commands/connection.h"
#include "commands/counters.h"
#include "commands/host.h"
#include "commands/reply.h"
#include "commands/server.h"
#include "storage/base/glob.h"
#include "storage/base/memory.h"
#include "storage/base/number.h"
#include "storage/base/shared_bytes.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

enum { HEAD_EXTRA = 64, BULK_EXTRA = NUMBER_INT64_SIZE + 5 };

struct subscription {
	struct subscription *prev, *next; /* the worker's to the channel */
	struct connection *connection;
	struct channel *channel;
	UT_hash_handle hh; /* the connection's, by name */
};

struct subscriptions {
	struct subscription *tables[CHANNEL_KIND_COUNT]; /* in their order */
	int counts[CHANNEL_KIND_COUNT];
};

struct channel_place {
	int count; /* under the lock */
	struct subscription *list; /* the worker's own */
};

/* A channel, or a pattern of channels. */
struct channel {
	UT_hash_handle hh; /* by name */
	enum channel_kind kind;
	struct bytes name;
	struct bytes head; /* of its messages, in RESP2 */
	long subscribers; /* under the lock */
	struct channel_place places[]; /* one for each worker */
};

/* A message on its way to one worker's subscriptions to one channel. */
struct delivery {
	struct delivery *next;
	struct channel *channel;
	struct shared_bytes *body;
};

struct deliveries {
	struct delivery *first, **last;
};

struct pubsub {
	struct server *server;
	pthread_mutex_t mutex;
	/* Under the mutex. */
	struct channel *channels[CHANNEL_KIND_COUNT];
	struct deliveries *inboxes; /* one for each worker */
	_Atomic long counts[CHANNEL_KIND_COUNT]; /* of channels */
};

/* --- deliveries ------------------------------------------------------ */

static void
deliveries_init(struct deliveries *deliveries)
{
	deliveries->first = NULL;
	deliveries->last = &deliveries->first;
}

static void
deliveries_append(struct deliveries *deliveries, struct channel *channel,
	struct shared_bytes *body)
{
	struct delivery *delivery = memory_allocate(sizeof(*delivery));

	*delivery = (struct delivery){ NULL, channel, shared_bytes_keep(body) };
	*deliveries->last = delivery;
	deliveries->last = &delivery->next;
}

/* Under the lock. */
static struct deliveries
take_inbox(struct pubsub *pubsub, int worker)
{
	struct deliveries *inbox = &pubsub->inboxes[worker], taken;

	deliveries_init(&taken);
	if (inbox->first != NULL) {
		taken.first = inbox->first;
		taken.last = inbox->last;
		deliveries_init(inbox);
	}
	return taken;
}

/* On the worker's thread, without the lock. */
static void
deliver(struct pubsub *pubsub, struct deliveries *deliveries, int worker)
{
	const struct host *host = pubsub->server->host;
	struct delivery *delivery = deliveries->first;

	while (delivery != NULL) {
		struct delivery *next = delivery->next;
		struct channel *channel = delivery->channel;
		struct subscription *subscription;

		DL_FOREACH (channel->places[worker].list, subscription)
			host->push(subscription->connection, channel->head,
				delivery->body);
		shared_bytes_release(delivery->body);
		free(delivery);
		delivery = next;
	}
	deliveries_init(deliveries);
}

struct inbox_visit {
	struct pubsub *pubsub;
	int worker;
};

static void
empty_inbox(void *arg)
{
	struct inbox_visit *visit = arg;
	struct pubsub *pubsub = visit->pubsub;
	struct deliveries taken;

	pthread_mutex_lock(&pubsub->mutex);
	taken = take_inbox(pubsub, visit->worker);
	pthread_mutex_unlock(&pubsub->mutex);
	deliver(pubsub, &taken, visit->worker);
	free(visit);
}

static void
wake(struct pubsub *pubsub, int worker)
{
	struct inbox_visit *visit = memory_allocate(sizeof(*visit));

	*visit = (struct inbox_visit){ pubsub, worker };
	pubsub->server->host->post_to_worker(
		pubsub->server, worker, empty_inbox, visit);
}

/* --- messages -------------------------------------------------------- */

static char *
put_bulk(char *at, struct bytes value)
{
	*at++ = '$';
	at += number_print_int64(at, (int64_t)value.size);
	*at++ = '\r';
	*at++ = '\n';
	if (value.size > 0)
		memcpy(at, value.data, value.size);
	at += value.size;
	*at++ = '\r';
	*at++ = '\n';
	return at;
}

/* What follows the head: the channel and the payload. */
static struct shared_bytes *
make_body(struct bytes channel, struct bytes payload)
{
	struct shared_bytes *body = shared_bytes_new(
		channel.size + payload.size + (size_t)2 * BULK_EXTRA);
	char *end = put_bulk(put_bulk(body->data, channel), payload);

	body->size = (size_t)(end - body->data);
	return body;
}

static size_t
print_head(char *head, enum channel_kind kind, struct bytes name)
{
	static const char *const words[] = {
		[CHANNEL_PLAIN] = "message",
		[CHANNEL_PATTERN] = "pmessage",
		[CHANNEL_SHARD] = "smessage",
	};
	bool is_pattern = kind == CHANNEL_PATTERN;
	char *at = head;

	memcpy(at, is_pattern ? "*4\r\n" : "*3\r\n", 4);
	at = put_bulk(at + 4, bytes_of(words[kind]));
	if (is_pattern)
		at = put_bulk(at, name);
	return (size_t)(at - head);
}

static struct channel *
find_channel(struct pubsub *pubsub, enum channel_kind kind, struct bytes name)
{
	struct channel *channel;

	HASH_FIND(hh, pubsub->channels[kind], name.data, name.size, channel);
	return channel;
}

/* Messages of one publication, for each worker. */
struct publication {
	struct pubsub *pubsub;
	struct bytes name, payload;
	struct shared_bytes *body; /* NULL until somebody wants it */
	int home; /* the publisher's worker */
	struct deliveries local;
	uint64_t woken; /* workers whose inboxes were empty */
	long count;
};

/* Under the lock. */
static void
publish_to(struct publication *publication, struct channel *channel)
{
	struct pubsub *pubsub = publication->pubsub;

	publication->count += channel->subscribers;
	if (publication->body == NULL)
		publication->body =
			make_body(publication->name, publication->payload);
	for (int i = 0; i < pubsub->server->worker_count; i++) {
		struct deliveries *inbox = &pubsub->inboxes[i];

		if (channel->places[i].count == 0)
			continue;
		if (i == publication->home) {
			deliveries_append(&publication->local, channel,
				publication->body);
			continue;
		}
		if (inbox->first == NULL)
			publication->woken |= UINT64_C(1) << (i % 64);
		deliveries_append(inbox, channel, publication->body);
	}
}

static void
publish_to_patterns(struct publication *publication)
{
	struct channel *pattern, *next;

	HASH_ITER (hh, publication->pubsub->channels[CHANNEL_PATTERN], pattern,
		next)
		if (glob_match(pattern->name, publication->name, false))
			publish_to(publication, pattern);
}

long
pubsub_deliver(struct pubsub *pubsub, bool sharded, struct bytes name,
	struct bytes payload, int worker)
{
	enum channel_kind kind = sharded ? CHANNEL_SHARD : CHANNEL_PLAIN;
	struct publication publication = {
		.pubsub = pubsub,
		.name = name,
		.payload = payload,
		.home = worker,
	};
	struct channel *channel;

	if (pubsub_channels(pubsub, kind) == 0 &&
		(sharded || pubsub_channels(pubsub, CHANNEL_PATTERN) == 0))
		return 0;
	deliveries_init(&publication.local);
	pthread_mutex_lock(&pubsub->mutex);
	channel = find_channel(pubsub, kind, name);
	if (channel != NULL)
		publish_to(&publication, channel);
	if (!sharded)
		publish_to_patterns(&publication);
	pthread_mutex_unlock(&pubsub->mutex);
	deliver(pubsub, &publication.local, worker);
	for (int i = 0; i < pubsub->server->worker_count; i++)
		if (publication.woken >> (i % 64) & 1 && i != worker)
			wake(pubsub, i);
	shared_bytes_release(publication.body);
	return publication.count;
}

/* --- subscriptions --------------------------------------------------- */

static struct channel *
new_channel(struct pubsub *pubsub, enum channel_kind kind, struct bytes name)
{
	int workers = pubsub->server->worker_count;
	size_t places = (size_t)workers * sizeof(struct channel_place);
	struct channel *channel;
	char *texts;

	channel = memory_allocate_zeroed(
		1, sizeof(*channel) + places + 2 * name.size + HEAD_EXTRA);
	texts = (char *)channel + sizeof(*channel) + places;
	channel->kind = kind;
	if (name.size > 0)
		memcpy(texts, name.data, name.size);
	channel->name = (struct bytes){ texts, name.size };
	texts += name.size;
	channel->head = (struct bytes){ texts, print_head(texts, kind, name) };
	HASH_ADD_KEYPTR(hh, pubsub->channels[kind], channel->name.data,
		channel->name.size, channel);
	atomic_fetch_add_explicit(
		&pubsub->counts[kind], 1, memory_order_relaxed);
	return channel;
}

static struct subscription *
find_subscription(const struct connection *connection, enum channel_kind kind,
	struct bytes name)
{
	struct subscription *subscription = NULL;

	if (connection->subscriptions != NULL)
		HASH_FIND(hh, connection->subscriptions->tables[kind],
			name.data, name.size, subscription);
	return subscription;
}

static void
count_connection(
	struct pubsub *pubsub, const struct connection *connection, int more)
{
	struct counters *counters =
		pubsub->server->counters[connection->worker];

	counter_add(counters->pubsub_connections, more);
}

static void
add_to_connection(
	struct connection *connection, struct subscription *subscription)
{
	struct subscriptions *all = connection->subscriptions;
	struct channel *channel = subscription->channel;

	HASH_ADD_KEYPTR(hh, all->tables[channel->kind], channel->name.data,
		channel->name.size, subscription);
	all->counts[channel->kind]++;
}

void
pubsub_subscribe(struct pubsub *pubsub, struct connection *connection,
	enum channel_kind kind, struct bytes name)
{
	int worker = connection->worker;
	struct subscription *subscription;
	struct channel *channel;
	struct deliveries before;

	if (find_subscription(connection, kind, name) != NULL)
		return;
	if (connection->subscriptions == NULL) {
		connection->subscriptions = memory_allocate_zeroed(
			1, sizeof(*connection->subscriptions));
		count_connection(pubsub, connection, 1);
	}
	subscription = memory_allocate_zeroed(1, sizeof(*subscription));
	pthread_mutex_lock(&pubsub->mutex);
	before = take_inbox(pubsub, worker);
	channel = find_channel(pubsub, kind, name);
	if (channel == NULL)
		channel = new_channel(pubsub, kind, name);
	channel->subscribers++;
	channel->places[worker].count++;
	pthread_mutex_unlock(&pubsub->mutex);
	deliver(pubsub, &before, worker);
	subscription->connection = connection;
	subscription->channel = channel;
	DL_APPEND(channel->places[worker].list, subscription);
	add_to_connection(connection, subscription);
}

static void
end_subscription(struct pubsub *pubsub, struct subscription *subscription)
{
	struct connection *connection = subscription->connection;
	struct channel *channel = subscription->channel;
	enum channel_kind kind = channel->kind;
	struct deliveries before;
	bool unused;

	pthread_mutex_lock(&pubsub->mutex);
	before = take_inbox(pubsub, connection->worker);
	channel->places[connection->worker].count--;
	unused = --channel->subscribers == 0;
	if (unused) {
		HASH_DELETE(hh, pubsub->channels[kind], channel);
		atomic_fetch_sub_explicit(
			&pubsub->counts[kind], 1, memory_order_relaxed);
	}
	pthread_mutex_unlock(&pubsub->mutex);
	deliver(pubsub, &before, connection->worker);
	DL_DELETE(channel->places[connection->worker].list, subscription);
	HASH_DELETE(hh, connection->subscriptions->tables[kind], subscription);
	connection->subscriptions->counts[kind]--;
	free(subscription);
	if (unused)
		free(channel);
}

static void
forget_if_none(struct pubsub *pubsub, struct connection *connection)
{
	for (int kind = 0; kind < CHANNEL_KIND_COUNT; kind++)
		if (connection->subscriptions->counts[kind] > 0)
			return;
	free(connection->subscriptions);
	connection->subscriptions = NULL;
	count_connection(pubsub, connection, -1);
}

void
pubsub_unsubscribe(struct pubsub *pubsub, struct connection *connection,
	enum channel_kind kind, struct bytes name)
{
	struct subscription *subscription =
		find_subscription(connection, kind, name);

	if (subscription == NULL)
		return;
	end_subscription(pubsub, subscription);
	forget_if_none(pubsub, connection);
}

struct bytes
pubsub_first(const struct connection *connection, enum channel_kind kind)
{
	const struct subscription *first = connection->subscriptions == NULL ?
		NULL :
		connection->subscriptions->tables[kind];

	return first == NULL ? (struct bytes){ NULL, 0 } : first->channel->name;
}

void
pubsub_leave(struct pubsub *pubsub, struct connection *connection)
{
	if (connection->subscriptions == NULL)
		return;
	for (int kind = 0; kind < CHANNEL_KIND_COUNT; kind++) {
		struct subscription *subscription, *next;

		HASH_ITER (hh, connection->subscriptions->tables[kind],
			subscription, next)
			end_subscription(pubsub, subscription);
	}
	forget_if_none(pubsub, connection);
}

int
pubsub_subscriptions(
	const struct connection *connection, enum channel_kind kind)
{
	return connection->subscriptions == NULL ?
		0 :
		connection->subscriptions->counts[kind];
}

/* --- what there is --------------------------------------------------- */

long
pubsub_channels(const struct pubsub *pubsub, enum channel_kind kind)
{
	return atomic_load_explicit(
		&pubsub->counts[kind], memory_order_relaxed);
}

long
pubsub_subscribers(
	struct pubsub *pubsub, enum channel_kind kind, struct bytes name)
{
	const struct channel *channel;
	long count;

	pthread_mutex_lock(&pubsub->mutex);
	channel = find_channel(pubsub, kind, name);
	count = channel == NULL ? 0 : channel->subscribers;
	pthread_mutex_unlock(&pubsub->mutex);
	return count;
}

void
pubsub_reply_channels(struct pubsub *pubsub, struct reply *reply,
	enum channel_kind kind, const struct bytes *pattern)
{
	struct channel *channel, *next;
	size_t count = 0;

	pthread_mutex_lock(&pubsub->mutex);
	HASH_ITER (hh, pubsub->channels[kind], channel, next)
		count += pattern == NULL ||
			glob_match(*pattern, channel->name, false);
	reply_array(reply, count);
	HASH_ITER (hh, pubsub->channels[kind], channel, next)
		if (pattern == NULL ||
			glob_match(*pattern, channel->name, false))
			reply_bulk(reply, channel->name);
	pthread_mutex_unlock(&pubsub->mutex);
}

/* --- life ------------------------------------------------------------ */

struct pubsub *
pubsub_new(struct server *server)
{
	struct pubsub *pubsub = memory_allocate_zeroed(1, sizeof(*pubsub));

	pubsub->server = server;
	pthread_mutex_init(&pubsub->mutex, NULL);
	pubsub->inboxes = memory_allocate_zeroed(
		(size_t)server->worker_count, sizeof(*pubsub->inboxes));
	for (int i = 0; i < server->worker_count; i++)
		deliveries_init(&pubsub->inboxes[i]);
	return pubsub;
}

void
pubsub_free(struct pubsub *pubsub)
{
	if (pubsub == NULL)
		return;
	free(pubsub->inboxes);
	pthread_mutex_destroy(&pubsub->mutex);
	free(pubsub);
}
