/* The private PostgreSQL that respgres runs when no database is named.
 *
 * Everything lives in one directory:
 *
 *	respgres.lock     held by the respgres that uses the directory
 *	pgdata/           the cluster; database `respgres`, owned by `respgres`
 *	run/              its socket, readable by the owner and root alone
 *	socket-directory  where the socket is instead, when the path is too long
 *	postgresql.conf   our settings, rewritten at each start
 *	postgres.log      what PostgreSQL says; postgres.log.1 is older
 *
 * There are no threads and no signal handlers in here: every function is
 * called from the main thread, which owns signals and the event loop.
 * PostgreSQL is stopped by the death of the thread that started it, so a
 * worker thread must never start it. */
#ifndef STORAGE_EMBEDDED_H
#define STORAGE_EMBEDDED_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct embedded_setting {
	const char *name;
	const char *value;
};

/* All of it is borrowed during embedded_start(), except stop_requested. */
struct embedded_options {
	const char *directory; /* made when missing, with its parents */
	const char *binaries; /* postgres-bindir; NULL or "" searches */
	const char *user; /* embedded-user, for root; NULL or "" is
				* postgres, or nobody where that is missing */
	size_t memory; /* bytes to plan with; 0 asks the machine */
	const struct embedded_setting *settings; /* win over ours */
	size_t setting_count;
	/* When not NULL and set by a signal handler, embedded_start() gives up
	 * and stops what it had started. */
	const volatile sig_atomic_t *stop_requested;
};

enum embedded_state {
	EMBEDDED_RUNNING,
	EMBEDDED_DOWN, /* died; embedded_check() will start it again */
};

struct embedded;

/* Makes the cluster when there is none, starts PostgreSQL, waits until it
 * accepts connections, and makes role and database.  Blocks; progress goes to
 * the log.  Returns NULL with a sentence for the user in `error`. */
struct embedded *embedded_start(
	const struct embedded_options *options, char *error, size_t error_size);

/* How to reach the database as its owner, for libpq.  Valid until stopped. */
const char *embedded_conninfo(const struct embedded *embedded);

/* The postmaster's process id, or 0 while it is down. */
pid_t embedded_process(const struct embedded *embedded);

/* Supervision: call on SIGCHLD and about once a second.  Reaps a dead
 * postmaster and, after a growing pause, starts another.  Never blocks. */
enum embedded_state embedded_check(struct embedded *embedded);

/* Stops PostgreSQL: fast, after 60 seconds immediately, then by force.  Blocks
 * until it is gone; releases the directory and `embedded`.  NULL is fine. */
void embedded_stop(struct embedded *embedded);

#endif
