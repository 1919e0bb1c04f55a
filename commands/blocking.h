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

struct blocking;
struct request;
struct server;

/* One waiting request, from request_allocate(); the handler fills the first
 * part and then leaves the whole to blocking_wait(). */
struct blocked {
	struct request *request;
	char type; /* of the keys: 'l', 'z' or 'x'; others do not wake it */
	const struct bytes *keys;
	int key_count;
	int64_t timeout_us; /* from now; 0: forever */
	/* Sends a call that would serve the request from keys[index] (-1: from
	 * the first of all keys that has something; the first attempt).  Its
	 * continuation either replies, calls request_finish() and then
	 * blocking_end_attempt(…, true), or blocking_end_attempt(…, false).
	 * An error reply counts as served. */
	void (*attempt)(struct blocked *blocked, int index);
	/* Writes the reply for a timeout (or CLIENT UNBLOCK) and finishes. */
	void (*reply_timeout)(struct request *request);

	/* For blocking.c. */
	struct blocking_place *places;
	int state;
	void *timer;
	int signaled;
};

struct blocking *blocking_new(struct server *server);
void blocking_free(struct blocking *blocking);

/* Attempts at once, and waits when there is nothing.  In a transaction or
 * script it does not wait: the timeout's reply is the answer. */
void blocking_wait(struct blocked *blocked);
void blocking_end_attempt(struct blocked *blocked, bool served);

/* Finishes a request that has replied and may have added elements to `keys` of
 * database `db`: those that wait for them are served first. */
void blocking_finish(struct request *request, int db, const struct bytes *keys,
	int key_count);

/* From any thread: another process or SQL added elements to the key, given in
 * its indexed form. */
void blocking_notice(struct blocking *blocking, int db, struct bytes key);

/* From any thread: whether anybody here waits for the key; for dispatch. */
bool blocking_is_awaited(struct blocking *blocking, int db, struct bytes key);
/* Requests that wait, for INFO's blocked_clients. */
long blocking_count(const struct blocking *blocking);

#endif
