/* Who waits for the feed, and for an answer about others; see
 * pubsub_exchange.h. */
#include "commands/pubsub_exchange.h"

#include "commands/connection.h"
#include "commands/host.h"
#include "commands/pubsub.h"
#include "commands/request.h"
#include "commands/server.h"
#include "storage/base/clock.h"
#include "storage/base/memory.h"
#include "storage/feed.h"
#include "storage/messages.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

enum {
	/* After the last subscription others are told no sooner that nobody is
	 * here: the next one need not wait then. */
	LINGER_US = 60 * 1000 * 1000,
	PATIENCE_US = 1500 * 1000,
};

/* A request that waits; in its own memory. */
struct exchange_wait {
	struct exchange_wait *next;
	struct request *request;
	void (*go_on)(struct request *request);
	bool sharded;
	uint64_t question; /* whose answer it waits for */
	enum messages_others others; /* the answer */
};

struct pubsub_exchange {
	struct server *server;
	struct feed *feed;
	struct messages *messages;
	pthread_mutex_t mutex;
	/* Under the mutex. */
	bool listening;
	int64_t listened_us; /* when somebody last wanted to */
	struct exchange_wait *subscribers, *publishers;
};

static struct exchange_wait *
new_wait(struct request *request, void (*go_on)(struct request *request))
{
	struct exchange_wait *wait = request_allocate(request, sizeof(*wait));

	*wait = (struct exchange_wait){ .request = request, .go_on = go_on };
	return wait;
}

/* --- listening ------------------------------------------------------- */

void
pubsub_exchange_listen(
	struct request *request, void (*go_on)(struct request *request))
{
	struct pubsub_exchange *exchange = request->server->exchange;
	bool listening, first = false;

	pthread_mutex_lock(&exchange->mutex);
	exchange->listened_us = clock_monotonic_us();
	listening = exchange->listening || exchange->feed == NULL;
	if (!listening) {
		struct exchange_wait *wait = new_wait(request, go_on);

		first = exchange->subscribers == NULL;
		wait->next = exchange->subscribers;
		exchange->subscribers = wait;
		if (first)
			feed_listen(exchange->feed, true);
	}
	pthread_mutex_unlock(&exchange->mutex);
	if (listening)
		go_on(request);
}

static void
go_on_subscribing(void *arg)
{
	struct exchange_wait *wait = arg;

	wait->go_on(wait->request);
}

static void
on_settled(void *arg)
{
	struct pubsub_exchange *exchange = arg;
	struct exchange_wait *wait;

	pthread_mutex_lock(&exchange->mutex);
	exchange->listening = true;
	wait = exchange->subscribers;
	exchange->subscribers = NULL;
	pthread_mutex_unlock(&exchange->mutex);
	while (wait != NULL) {
		struct exchange_wait *next = wait->next;

		exchange->server->host->post(
			wait->request->connection, go_on_subscribing, wait);
		wait = next;
	}
}

static void
on_message(void *arg, bool sharded, struct bytes channel, struct bytes payload)
{
	struct pubsub_exchange *exchange = arg;

	pubsub_deliver(exchange->server->pubsub, sharded, channel, payload,
		PUBSUB_NO_WORKER);
}

static bool
has_subscribers(const struct pubsub *pubsub)
{
	for (int kind = 0; kind < CHANNEL_KIND_COUNT; kind++)
		if (pubsub_channels(pubsub, (enum channel_kind)kind) > 0)
			return true;
	return false;
}

static void
on_tick(void *arg)
{
	struct pubsub_exchange *exchange = arg;
	int64_t quiet_us;
	bool late;

	pthread_mutex_lock(&exchange->mutex);
	quiet_us = clock_monotonic_us() - exchange->listened_us;
	late = exchange->subscribers != NULL && quiet_us > PATIENCE_US;
	if (exchange->listening && quiet_us > LINGER_US &&
		!has_subscribers(exchange->server->pubsub)) {
		exchange->listening = false;
		feed_listen(exchange->feed, false);
	}
	pthread_mutex_unlock(&exchange->mutex);
	if (late)
		on_settled(exchange);
}

/* --- publishing ------------------------------------------------------ */

static void
wait_for_answer(struct pubsub_exchange *exchange, struct exchange_wait *wait,
	uint64_t question)
{
	wait->question = question;
	wait->next = exchange->publishers;
	exchange->publishers = wait;
}

/* Others listen.  False: the request waits until there is room. */
static bool
send_to_others(struct pubsub_exchange *exchange, struct request *request,
	bool sharded, void (*go_on)(struct request *request))
{
	struct exchange_wait *wait;
	uint64_t question;
	bool sent;

	pthread_mutex_lock(&exchange->mutex);
	sent = messages_send(exchange->messages, sharded, request->argv[1],
		request->argv[2], &question);
	if (!sent) {
		wait = new_wait(request, go_on);
		wait->sharded = sharded;
		wait_for_answer(exchange, wait, question);
	}
	pthread_mutex_unlock(&exchange->mutex);
	return sent;
}

void
pubsub_exchange_publish(struct request *request, bool sharded,
	void (*go_on)(struct request *request))
{
	struct pubsub_exchange *exchange = request->server->exchange;
	enum messages_others others = OTHERS_ABSENT;
	struct exchange_wait *wait;
	uint64_t question;

	if (exchange->messages != NULL)
		others = messages_others(exchange->messages, &question);
	if (others == OTHERS_UNKNOWN) {
		/* Again, so that the answer does not come in between. */
		pthread_mutex_lock(&exchange->mutex);
		others = messages_others(exchange->messages, &question);
		if (others == OTHERS_UNKNOWN) {
			wait = new_wait(request, go_on);
			wait->sharded = sharded;
			wait_for_answer(exchange, wait, question);
		}
		pthread_mutex_unlock(&exchange->mutex);
		if (others == OTHERS_UNKNOWN)
			return;
	}
	if (others == OTHERS_ABSENT ||
		send_to_others(exchange, request, sharded, go_on))
		go_on(request);
}

static void
go_on_publishing(void *arg)
{
	struct exchange_wait *wait = arg;
	struct request *request = wait->request;

	if (wait->others == OTHERS_ABSENT ||
		send_to_others(request->server->exchange, request,
			wait->sharded, wait->go_on))
		wait->go_on(request);
}

static void
on_answered(void *arg, uint64_t question, enum messages_others others)
{
	struct pubsub_exchange *exchange = arg;
	struct exchange_wait **place = &exchange->publishers, *answered = NULL;

	pthread_mutex_lock(&exchange->mutex);
	while (*place != NULL) {
		struct exchange_wait *wait = *place;

		if (wait->question > question) {
			place = &wait->next;
			continue;
		}
		*place = wait->next;
		wait->others = others;
		wait->next = answered;
		answered = wait;
	}
	pthread_mutex_unlock(&exchange->mutex);
	while (answered != NULL) {
		struct exchange_wait *next = answered->next;

		exchange->server->host->post(answered->request->connection,
			go_on_publishing, answered);
		answered = next;
	}
}

/* --- life ------------------------------------------------------------ */

struct pubsub_exchange *
pubsub_exchange_new(struct server *server)
{
	struct pubsub_exchange *exchange =
		memory_allocate_zeroed(1, sizeof(*exchange));

	exchange->server = server;
	pthread_mutex_init(&exchange->mutex, NULL);
	return exchange;
}

void
pubsub_exchange_open(struct pubsub_exchange *exchange, struct event_base *base,
	struct feed *feed)
{
	static const struct feed_message_handlers feed_handlers = {
		.settled = on_settled,
		.message = on_message,
		.tick = on_tick,
	};
	static const struct messages_handlers handlers = {
		.answered = on_answered,
	};

	exchange->feed = feed;
	feed_handle_messages(feed, &feed_handlers, exchange);
	exchange->messages = messages_new(
		base, exchange->server->storage, &handlers, exchange);
}

void
pubsub_exchange_free(struct pubsub_exchange *exchange)
{
	if (exchange == NULL)
		return;
	messages_free(exchange->messages);
	pthread_mutex_destroy(&exchange->mutex);
	free(exchange);
}
