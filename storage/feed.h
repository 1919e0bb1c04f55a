/* What others do to keys that this process cares about, and publish.
 *
 * Clients wait for keys; elements may be added by another process or by SQL.
 * The feed registers such keys in the database (respgres.waiter), where adders
 * look, and listens for their notifications.  Registering closes the race with
 * adders that are at work: see functions/12_feed.sql.
 *
 *	(new) ─▶ unregistered ──batch──▶ watched ──no longer wanted─▶ unregistered ─▶ (released)
 *	              ▲                      │
 *	              └──connection lost─────┘
 *
 * While no key is watched nothing is sent, and after a while the connections
 * are closed.  The instance's rows mean something only while it holds the
 * advisory lock of its number, which the listening connection does.
 *
 * What other instances' clients and SQL publish comes the same way: while
 * feed_listen() says so the instance is in respgres.listener.
 *
 * feed_watch(), feed_unwatch() and feed_listen() may be called from any thread;
 * all else, the handlers included, runs on the thread of the event base. */
#ifndef STORAGE_FEED_H
#define STORAGE_FEED_H

#include "storage/base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct feed;
struct storage;

/* Part of the owner's own structure; zeroed at first. */
struct feed_key {
	/* Set by the owner before the first feed_watch(). */
	struct bytes key; /* in its indexed form */
	int db, slot;

	/* For feed.c. */
	struct feed_key *prev, *next; /* of those to do, or of the others */
	struct feed_key *next_mail; /* under the mutex, as the two below */
	bool mailed, wanted;
	bool known, watched;
	bool to_do; /* which list it is on */
	bool busy; /* in the batch under way; on the list of the others */
	int64_t retry_at_us;
};

struct feed_handlers {
	/* Somebody else added to the key. */
	void (*added)(void *arg, int db, struct bytes indexed);
	/* From now on additions are told; what came before may not have been:
	 * look once.  May come several times. */
	void (*watched)(void *arg, struct feed_key *key);
	/* The key, which was not wanted any more, is the owner's again. */
	void (*released)(void *arg, struct feed_key *key);
	/* About once a second while any key is known. */
	void (*tick)(void *arg);
};

struct feed_message_handlers {
	/* From now on messages come, after feed_listen(); or nobody can tell
	 * for how long none will, as the database is away.  May come several
	 * times. */
	void (*settled)(void *arg);
	void (*message)(void *arg, bool sharded, struct bytes channel,
		struct bytes payload);
	/* About once a second while the feed listens for messages. */
	void (*tick)(void *arg);
};

/* The instance's number is the storage's. */
struct feed *feed_new(struct event_base *base, const struct storage *storage);
/* Before anything is watched or listened for. */
void feed_handle_keys(
	struct feed *feed, const struct feed_handlers *handlers, void *arg);
void feed_handle_messages(struct feed *feed,
	const struct feed_message_handlers *handlers, void *arg);
/* Keys are released without a call. */
void feed_free(struct feed *feed);

/* The key must stay where it is until it is released. */
void feed_watch(struct feed *feed, struct feed_key *key);
void feed_unwatch(struct feed *feed, struct feed_key *key);

/* Whether messages of others are wanted. */
void feed_listen(struct feed *feed, bool wanted);

#endif
