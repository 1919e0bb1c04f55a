/* Requests that wait for a key: BLPOP, BZPOPMIN, XREAD BLOCK and the like.
 *
 * A waiting request holds neither a lane nor a connection.  Who adds elements
 * to a key tells so when it finishes (blocking_finish()); those that wait for
 * that key are then served one after the other, in the order in which they
 * began to wait, before the adding client's next command runs.  Additions by
 * other processes and by SQL arrive as notifications.
 *
 *	waits ──added──▶ attempt ──served──▶ answered
 *	  ▲                 │
 *	  └──nothing there──┘        timeout, CLIENT UNBLOCK, close: answered
 *
 * Requests of all workers share the queues, under one lock; each request is
 * attempted, answered and timed out on its own worker's thread. */
#ifndef COMMANDS_BLOCKING_H
#define COMMANDS_BLOCKING_H

#include "storage/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct addition;
struct blocking;
struct blocking_place;
struct blocking_signal;
struct event;
struct feed;
struct request;
struct server;
struct store;

/* One waiting request, zeroed and from request_allocate(); the handler fills
 * the first part and then leaves the whole to blocking_wait(). */
struct blocked {
	struct request *request;
	char type; /* of the keys: 'l', 'z' or 'x'; others do not wake it */
	const struct bytes *keys;
	int key_count;
	int64_t timeout_us; /* from now; 0: forever */
	/* Streams: who waits with the same name (a group's) competes for the
	 * same entries, so that when one finds nothing the others need not
	 * look.  Empty: an addition is for all who wait (XREAD).  Lists and
	 * sorted sets leave it empty: there all compete. */
	struct bytes rivals;
	/* Every attempt from one key does nothing but a call_send() with that
	 * key alone, of a call_new_for(sender, …): the worker that adds makes
	 * it, so that it follows the addition in the key's lane. */
	bool in_lane;
	/* Sends a call that would serve the request from keys[index] (-1: from
	 * the first of all keys that has something; the first attempt).  Its
	 * continuation either replies and calls blocking_end_attempt(…, true),
	 * or calls blocking_end_attempt(…, false).  An error reply counts as
	 * served; a key of another type is an error of the first attempt and
	 * nothing there in a later one.  The request, once it has replied, is
	 * finished by blocking_end_attempt(); a request_finish() before it (or
	 * blocking_finish(), where serving adds to another key) does no harm. */
	void (*attempt)(struct blocked *blocked, int index);
	/* May be NULL.  Called instead of the first attempt where others wait
	 * already: takes nothing, but only sees whether one of the keys has
	 * something, and ends with blocking_end_look() or an error. */
	void (*look)(struct blocked *blocked);
	/* Writes the reply for a timeout (or CLIENT UNBLOCK) and finishes. */
	void (*reply_timeout)(struct request *request);

	/* Whose thread attempts: request->store, unless in_lane. */
	struct store *sender;

	/* For blocking.c. */
	struct blocking_place *places; /* in the queues of its keys */
	int place_count;
	int state, ending;
	bool waits; /* for the first time after its first attempt */
	bool held; /* by CLIENT PAUSE; its attempt has not begun */
	bool tried; /* it has */
	int64_t deadline_us, waits_since_us; /* monotonic */
	struct event *timer;
	struct blocking_place *place; /* whose attempt is under way */
	struct blocking_signal *signal; /* that caused it */
	uint64_t launched; /* the queue's last signal then */
	struct blocked *next_work;
};

/* Belongs to the server. */
struct blocking *blocking_new(struct server *server);
/* Lets it know, from then on, what other processes and SQL add.  The feed is
 * freed before it. */
void blocking_listen(struct blocking *blocking, struct feed *feed);
/* After all workers have ended. */
void blocking_free(struct blocking *blocking);
/* Closes the connections of all requests that wait, and of those that would
 * wait from now on: the process ends. */
void blocking_close(struct blocking *blocking);

/* Attempts at once, and waits when there is nothing.  Where the request never
 * blocks (in a transaction or script), the timeout's reply is the answer. */
void blocking_wait(struct blocked *blocked);
/* A timeout in seconds, as Redis reads it; false when it has replied an error
 * and finished. */
bool blocking_read_timeout(
	struct request *request, int index, int64_t *timeout_us);
/* Ends an attempt, and the request when it was served. */
void blocking_end_attempt(struct blocked *blocked, bool served);

/* Ends a look that was no error.  Who waits is served in turn when it found
 * something. */
void blocking_end_look(struct blocked *blocked, bool found);

/* Finishes a request that has replied and may have added elements to `keys` of
 * database `db`: those that wait for them are served first. */
void blocking_finish(struct request *request, int db, const struct bytes *keys,
	int key_count);

/* The same for all keys of two databases, which were exchanged. */
void blocking_finish_swap(struct request *request, int first, int second);

/* For request.c: a request is about to be finished.  If it is a write, streams
 * may be gone for whose groups somebody waits, who is to be told. */
void blocking_note_write(const struct request *request);

/* From any thread: another process or SQL added elements to the key, given in
 * its indexed form. */
void blocking_notice(struct blocking *blocking, int db, struct bytes key);

enum blocking_awaited {
	AWAITED_BY_NOBODY,
	/* Who waits is served, by blocking_expect(), before anything that the
	 * worker of `store` sends to the key's lane after the addition. */
	AWAITED_IN_LANE,
	AWAITED,
};

/* From any thread: whether anybody here waits for the key; for dispatch. */
enum blocking_awaited blocking_find_awaited(struct blocking *blocking,
	const struct store *store, int db, struct bytes key);
/* Requests that wait, for INFO's blocked_clients. */
long blocking_count(const struct blocking *blocking);

/* For dispatch: a request that adds elements to the one key `key` is about to
 * run.  Those that wait for them may then be served in the same batch as the
 * addition: blocking_expect() before the handler is called, and with what it
 * returned (NULL: nobody waits) blocking_expected() after that, when the
 * request may be gone. */
struct addition *blocking_expect(struct request *request, struct bytes key);
void blocking_expected(struct blocking *blocking, struct addition *addition);

/* For request.c: the request, which has blocked or an addition, is to be
 * finished.  False: it will be, by blocking.c. */
bool blocking_may_finish(struct request *request);

#endif
