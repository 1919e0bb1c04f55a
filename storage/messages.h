/* Sends messages to other instances' clients.
 *
 * Nothing is sent while no other instance listens.  Whether one does is asked
 * of the database, and the answer may be relied on for MESSAGES_LEASE_MS from
 * the asking: who begins to listen waits for that long before it tells its
 * client so (feed.h).  While clients publish the answer is renewed in the
 * background; while they do not, there is neither a question nor, after a
 * while, a connection.
 *
 *	publish ──nobody listens──▶ done
 *	   │ somebody does
 *	   ▼
 *	queue ──one batch at a time──▶ respgres.publish(), commit
 *
 * Messages leave in the order of messages_send().  One that is under way when
 * the connection breaks is lost, as are those that are sent while there is none:
 * as in Redis, a message that cannot be delivered is not kept.
 *
 * messages_others() and messages_send() may be called from any thread; all else,
 * the handlers included, happens on the thread of the event base. */
#ifndef STORAGE_MESSAGES_H
#define STORAGE_MESSAGES_H

#include "storage/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct messages;
struct storage;

enum { MESSAGES_LEASE_MS = 20 };

enum messages_others {
	OTHERS_ABSENT, /* no other instance listens, or none can be reached */
	OTHERS_LISTEN,
	OTHERS_UNKNOWN, /* answered() tells soon */
};

struct messages_handlers {
	/* An answer came, to a question asked after all calls of
	 * messages_others() that returned a number up to `question`; and what
	 * was queued then has been sent. */
	void (*answered)(
		void *arg, uint64_t question, enum messages_others others);
};

struct messages *messages_new(struct event_base *base,
	const struct storage *storage, const struct messages_handlers *handlers,
	void *arg);
void messages_free(struct messages *messages);

/* `*question` (of OTHERS_UNKNOWN): the number of the answer to wait for. */
enum messages_others messages_others(
	struct messages *messages, uint64_t *question);
/* Queues a message.  False: too much is queued, and the message is not; the
 * answer numbered `*question` tells when to try again. */
bool messages_send(struct messages *messages, bool sharded,
	struct bytes channel, struct bytes payload, uint64_t *question);

#endif
