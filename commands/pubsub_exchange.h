/* Messages between this process's clients and others': other instances' and
 * SQL's.
 *
 * Before a client's subscription is confirmed, others know that this instance
 * wants to be told; before a message is acknowledged, this instance knows
 * whether others want to be.  While one instance is alone, neither takes a
 * statement more than one each MESSAGES_LEASE_MS.
 *
 * Where the database is away messages go to the process's own clients only, and
 * no command waits for longer than about two seconds. */
#ifndef COMMANDS_PUBSUB_EXCHANGE_H
#define COMMANDS_PUBSUB_EXCHANGE_H

#include <stdbool.h>

struct event_base;
struct feed;
struct pubsub_exchange;
struct request;
struct server;

struct pubsub_exchange *pubsub_exchange_new(struct server *server);
/* On the thread of `base`, which runs all that is between instances. */
void pubsub_exchange_open(struct pubsub_exchange *exchange,
	struct event_base *base, struct feed *feed);
/* Ends what uses the storage.  On the same thread, when no worker runs. */
void pubsub_exchange_free(struct pubsub_exchange *exchange);

/* Calls go_on(request), maybe at once, when messages of others come. */
void pubsub_exchange_listen(
	struct request *request, void (*go_on)(struct request *request));
/* Sends argv[2] to the subscribers of argv[1] of other instances, if there are
 * any, and calls go_on(request), maybe at once. */
void pubsub_exchange_publish(struct request *request, bool sharded,
	void (*go_on)(struct request *request));

#endif
