/* Deletes the rows of keys that have expired.
 *
 * Readers never see an expired key, so this is about space and about being
 * noticed (the expired event).  Of all processes on a database one sweeps: the
 * one that holds a lock; the others ask for it now and then.  It deletes in
 * small transactions on a connection of its own, never waits for a row that
 * somebody else holds, and so stalls nobody.
 *
 * All functions run on the thread of the event base. */
#ifndef STORAGE_SWEEPER_H
#define STORAGE_SWEEPER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct link_place;
struct settings;
struct sweeper;

struct sweeper_options {
	/* sweep-interval and sweep-batch; read again for each sweep. */
	const struct settings *settings;
	/* While it is false nothing is swept (DEBUG SET-ACTIVE-EXPIRE). */
	const _Atomic bool *active;
	/* Nothing is swept before that monotonic time (CLIENT PAUSE). */
	const _Atomic int64_t *paused_until_us;
	/* While it is true nothing is swept (POOL PAUSE). */
	const _Atomic bool *held;
	struct link_place *place; /* where its connection is shown */
};

/* `conninfo` is copied.  `expired` is told how many keys each sweep has
 * deleted, when that is not 0. */
struct sweeper *sweeper_new(struct event_base *base, const char *conninfo,
	const struct sweeper_options *options,
	void (*expired)(void *arg, uint64_t count), void *arg);
void sweeper_free(struct sweeper *sweeper);

/* Whether this process is the one that sweeps. */
bool sweeper_is_elected(const struct sweeper *sweeper);

#endif
