/* What a feed consists of, for feed.c and feed_register.c alone.
 *
 * feed.c listens and keeps the keys; feed_register.c writes and deletes their
 * rows, on a connection of its own, because that may have to wait for adders
 * while notifications must not.  feed_messages.c is about messages. */
#ifndef STORAGE_FEED_STATE_H
#define STORAGE_FEED_STATE_H

#include "storage/feed.h"
#include "storage/statement.h"

#include <event2/util.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct event;
struct feed_message;
struct link;

enum { FEED_BATCH_MAX = 200 };

enum register_step {
	REGISTER_IDLE,
	REGISTER_SETTINGS,
	REGISTER_INSERT,
	REGISTER_WAIT, /* for adders, all keys at once */
	REGISTER_WAIT_ONE, /* one key after the other */
	REGISTER_DELETE,
};

/* Belongs to feed_register.c. */
struct registrar {
	struct link *link; /* NULL until it is needed */
	bool ready; /* its session is set up */
	enum register_step step;
	bool failed;
	enum schema schema;
	struct feed_key *batch[FEED_BATCH_MAX];
	int count;
	int one; /* REGISTER_WAIT_ONE: which */
};

/* What the listening connection is asked; one thing at a time. */
enum feed_step {
	FEED_IDLE,
	FEED_SETUP,
	FEED_REGISTER,
	FEED_LEAVE,
	FEED_TAKE, /* the first message, which is stored */
};

struct feed {
	struct event_base *base;
	const struct storage *storage;
	struct feed_handlers handlers;
	void *arg;
	char instance[24];
	struct feed_key *to_do; /* keys for the registrar to look at */
	struct feed_key *others;
	struct event *timer; /* while there are keys or a link */
	int64_t idle_since_us; /* monotonic; 0: keys are known */

	struct link *link; /* that listens; NULL until it is needed */
	bool listening;
	int old_pid; /* its former backend */
	enum feed_step step;
	bool failed;

	struct registrar registrar;

	struct feed_message_handlers message_handlers;
	void *message_arg;
	bool registered; /* others tell us what they publish */
	struct event *grace;
	struct feed_message *messages; /* not handed out yet, in order */

	pthread_mutex_t mutex;
	int wake_fd;
	struct event *wake;
	struct feed_key *mail; /* under the mutex, as the next */
	bool listen_wanted;
};

/* Whether the owner wants the key to be watched. */
bool feed_wants(struct feed *feed, const struct feed_key *key);
/* Puts the key on one of the lists. */
void feed_list(struct feed *feed, struct feed_key *key, bool to_do);
/* Forgets a key that is neither wanted nor watched. */
void feed_release(struct feed *feed, struct feed_key *key);

/* Sends a statement with text parameters on the listening connection. */
void feed_send_query(struct feed *feed, enum statement_id id,
	enum schema schema, int count, const char *const *values);

/* A notification came. */
void feed_note_message(struct feed *feed, const char *payload);
/* Does what is to be done about messages, if the connection is free. */
void feed_go_on_listening(struct feed *feed);
void feed_read_messages(struct feed *feed, const PGresult *result);
void feed_end_step(struct feed *feed);
void feed_on_grace(evutil_socket_t socket, short what, void *arg);
/* About once a second. */
void feed_tick_messages(struct feed *feed);
bool feed_has_listeners(struct feed *feed);
/* The listening connection was lost, or cannot be had. */
void feed_lose_messages(struct feed *feed);

/* Has registrar_go_on() called soon. */
void feed_retry_soon(struct feed *feed);

/* Writes and deletes rows as the keys want it, while the feed listens. */
void registrar_go_on(struct feed *feed);
/* No key is watched any more: the listening connection was lost. */
void registrar_start_anew(struct feed *feed);
void registrar_close(struct feed *feed);

#endif
