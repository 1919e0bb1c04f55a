/* Who waits for what, and what was added; for blocking.c alone.
 *
 * Every function is called with the lock held and starts nothing itself: what
 * is to be done (attempts to begin, requests to finish) goes to a list that
 * blocking.c works off once the lock is released.
 *
 * Each key has a queue for each type of waiter.  An addition raises a signal in
 * the queue, which may begin as many attempts as there are new elements; an
 * attempt that finds nothing takes all signals back that were raised before it
 * began.  The signal is over when it can begin no more and all its attempts
 * have ended, and the addition's request finishes when all its signals are. */
#ifndef COMMANDS_BLOCKING_QUEUE_H
#define COMMANDS_BLOCKING_QUEUE_H

#include "commands/blocking.h"
#include "storage/base/bytes.h"
#include "storage/feed.h"
#include "storage/indexed_key.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

struct store;

/* Attempts without end: nobody knows how many elements were added. */
#define BLOCKING_UNKNOWN UINT64_MAX

enum blocked_state {
	BLOCKED_ATTEMPTING, /* busy: nobody else begins anything with it */
	BLOCKED_WAITING,
	BLOCKED_OVER,
};

struct blocking_place {
	struct blocking_place *prev, *next; /* the queue, in order of arrival */
	struct blocked *blocked;
	struct blocking_queue *queue;
	int index; /* of the key */
	/* Came while it was busy; only where an addition is for all. */
	struct blocking_signal *missed;
};

struct blocking_signal {
	struct blocking_signal *prev, *next; /* of the queue */
	struct blocking_queue *queue;
	struct addition *addition; /* NULL: from outside */
	struct blocking_signal *next_of_addition;
	uint64_t number; /* grows with each signal of the queue */
	uint64_t left; /* attempts that it may still begin */
	uint64_t served;
	int in_flight; /* attempts */
	bool held; /* more may come: its request has not replied yet */
};

/* What one request has added. */
struct addition {
	struct request *request; /* NULL: finished without waiting for it */
	uint64_t bound; /* of elements for each key */
	struct blocking_signal *signals;
	int open; /* signals that are not over */
	/* The attempt that served the request itself, when that added. */
	struct blocking_signal *parent;
	bool raised; /* its statement is on the way */
	bool closed; /* its request is being finished */
	struct addition *next_work;
};

struct blocking_queue {
	struct blocking_queue *next; /* of the key */
	struct awaited_key *key;
	char type;
	bool for_all; /* an addition is for everybody who waits */
	struct blocking_place *places;
	/* Of the places, those that are not attempted in the key's lane. */
	int elsewhere;
	struct blocking_signal *signals;
	uint64_t latest; /* number of the last signal */
	int in_flight; /* attempts, all sent by one worker */
	const struct store *sender; /* its */
	int window; /* how many there may be */
	bool touched; /* on the list of those that may be empty now */
	struct blocking_queue *next_touched;
	size_t rivals_size;
	char rivals[];
};

enum key_watch { KEY_UNWATCHED, KEY_WATCHED, KEY_LEAVING };

/* Kept for a while after the last one has left: workers come again. */
struct awaited_key {
	UT_hash_handle hh;
	struct feed_key feed_key; /* the feed's until it is released */
	enum key_watch watch;
	struct awaited_key *prev, *next; /* idle ones */
	bool idle;
	int64_t idle_since_us; /* monotonic */
	/* Whoever looked last found nothing. */
	bool empty;
	struct blocking_queue *queues;
	size_t size;
	char name[]; /* a struct blocking_name's */
};

/* What is to be done once the lock is released. */
struct blocking_work {
	struct store *here; /* the calling worker's; NULL: no worker */
	struct blocked *attempts, **last_attempt;
	struct addition *finished, **last_finished;
};

void blocking_work_init(struct blocking_work *work, struct store *here);

struct awaited_keys {
	struct awaited_key *table;
	struct awaited_key *idle; /* those idle for longest first */
	struct feed *feed;
	struct blocking_queue *touched;
};

/* Under what a key is known here: the database's number and the indexed key. */
struct blocking_name {
	size_t size;
	char text[sizeof(int32_t) + INDEXED_KEY_SIZE];
};

void blocking_name_key(struct blocking_name *name, int db, struct bytes key);
/* The same from a key that is in its indexed form already. */
void blocking_name_indexed(
	struct blocking_name *name, int db, struct bytes indexed);

/* Enters the request, which is busy, into the queues of its keys; whether
 * anybody is before it who wants the same, or there seems to be nothing. */
bool blocking_enter(struct awaited_keys *keys, struct blocked *blocked);
/* Takes it out of all. */
void blocking_leave(struct awaited_keys *keys, struct blocked *blocked,
	struct blocking_work *work);
/* It has found nothing, and waits: additions by others are watched. */
void blocking_watch(struct awaited_keys *keys, struct blocked *blocked);
/* It has found something without waiting. */
void blocking_note_found(struct blocked *blocked);
/* It waits again: what came meanwhile may begin attempts. */
void blocking_look_again(struct awaited_keys *keys, struct blocked *blocked,
	struct blocking_work *work);
/* Its attempt has ended.  `addition`: what it added itself, or NULL. */
void blocking_account_attempt(
	struct blocked *blocked, bool served, struct addition *addition);

int blocking_key_database(const struct awaited_key *key);
/* NULL: nobody waits for it. */
struct blocking_queue *blocking_find_queues(
	struct awaited_keys *keys, const struct blocking_name *name);
/* The addition's signal in the queue: new and held, or there already. */
struct blocking_signal *blocking_add_signal(
	struct blocking_queue *queue, struct addition *addition);
/* Begins attempts for the signal: as many as the addition's bound allows. */
void blocking_raise(struct awaited_keys *keys, struct blocking_signal *signal,
	struct blocking_work *work);
/* Its request has replied: nothing more comes, or (unless `added`) came. */
void blocking_release(struct awaited_keys *keys, struct blocking_signal *signal,
	bool added, struct blocking_work *work);
/* Something was added by somebody else. */
void blocking_raise_outside(struct awaited_keys *keys,
	struct blocking_queue *queue, struct blocking_work *work);

/* Makes all that wait busy, and work, with that ending. */
void blocking_claim_waiting(
	struct awaited_keys *keys, int ending, struct blocking_work *work);
/* Ends the watch of keys for which nobody has waited for a while. */
void blocking_leave_idle(struct awaited_keys *keys);
/* The feed has released the key. */
void blocking_forget_key(struct awaited_keys *keys, struct feed_key *feed_key);
/* Ends what the functions above have begun: forgets queues that are empty. */
void blocking_tidy(struct awaited_keys *keys);
void blocking_free_keys(struct awaited_keys *keys);

#endif
