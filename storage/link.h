/* One libpq connection in pipeline mode on an event loop.
 *
 * The link connects by itself, again and again with back-off, sends what it is
 * given, and hands results back in order.  It knows nothing of calls, batches
 * or retries: that is the lane's.  All functions run on the loop's thread.
 *
 * Source: PostgreSQL documentation, "Pipeline Mode" (libpq). */
#ifndef STORAGE_LINK_H
#define STORAGE_LINK_H

#include <libpq-fe.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct event_base;
struct link;

/* What other threads may know of a link. */
struct link_place {
	atomic_bool used; /* there is a link */
	atomic_int backend_pid; /* 0: not connected */
	atomic_bool active; /* answers are to come */
};

struct link_handlers {
	/* Connected, in pipeline mode, nothing sent yet. */
	void (*connected)(void *arg);
	/* One statement's result, or behind all of them the error of their
	 * commit; the handler owns it. */
	void (*result)(void *arg, PGresult *result);
	/* Everything up to one link_sync() was answered. */
	void (*synced)(void *arg);
	/* The connection is gone, with all that was not synced; a new one is
	 * under way.  `reason` is libpq's message. */
	void (*lost)(void *arg, const char *reason);
	/* A notification on a channel that the connection listens to.  NULL
	 * where it does not. */
	void (*notified)(void *arg, const char *channel, const char *payload);
};

/* `conninfo` is copied; `name` becomes application_name.  Connects at once. */
struct link *link_new(struct event_base *base, const char *conninfo,
	const char *name, const struct link_handlers *handlers, void *arg);
/* Shows the link there until it is freed. */
void link_show(struct link *link, struct link_place *place);
/* Closes without calling handlers. */
void link_free(struct link *link);

enum { LINK_PARAMETERS_MAX = 32 }; /* of a statement */

/* Parameters are in binary format; they are copied before the return.  False:
 * the connection is broken; lost() follows from the loop. */
bool link_send_prepare(struct link *link, const char *name, const char *text);
bool link_send_execute(struct link *link, const char *name, int count,
	const char *const *values, const int *sizes);
/* The result of the statement sent next comes row by row: one result of status
 * PGRES_SINGLE_TUPLE for each, and behind them one without rows. */
void link_split_next(struct link *link);
/* Hands out no more results, and reads no more, until link_resume(). */
void link_pause(struct link *link);
void link_resume(struct link *link);
/* An unprepared statement, with text parameters and binary result. */
bool link_send_query(struct link *link, const char *text, int count,
	const char *const *values);
bool link_sync(struct link *link);

/* The backend's process ID, 0 while not connected. */
int link_backend_pid(const struct link *link);
bool link_is_connected(const struct link *link);
/* Why there is no connection: the last failure since one proved good, or "". */
const char *link_error(const struct link *link);
/* Its owner's reason against what the connection answered. */
void link_set_error(struct link *link, const char *reason);
/* The connection proved good: the next back-off starts small again. */
void link_accept(struct link *link);
/* Drops the connection because what it answered will not do; the next attempt
 * comes after a back-off.  No lost() is called; allowed inside handlers. */
void link_give_up(struct link *link);
/* Drops the connection and connects anew, to give back large buffers.  Only
 * when nothing is in flight; no lost() is called. */
void link_renew(struct link *link);

#endif
