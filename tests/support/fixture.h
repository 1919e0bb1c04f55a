/* Servers for tests: each a process of its own, in a temporary directory, on
 * a free port, and gone when the test is.
 *
 * A server dies with the process that started it, however that ends.  Failing
 * to start one fails the test on the spot.  The program is the environment's
 * RESPGRES_BINARY, or build/respgres. */
#ifndef TESTS_SUPPORT_FIXTURE_H
#define TESTS_SUPPORT_FIXTURE_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <sys/types.h>

struct fixture;

/* A server with an embedded PostgreSQL of its own, answering PING.
 * `arguments`: more of the command line, ended by NULL, or NULL. */
struct fixture *fixture_start(const char *const *arguments);

/* A further server on the database of `first`, which must outlive it. */
struct fixture *fixture_start_beside(
	const struct fixture *first, const char *const *arguments);

/* A server on the database that `conninfo` names. */
struct fixture *fixture_start_on(
	const char *conninfo, const char *const *arguments);

/* Ends the server with SIGTERM, and what is left of it by force; removes its
 * directory.  Fails the test when the server did not exit with status 0,
 * unless fixture_kill() ended it. */
void fixture_stop(struct fixture *fixture);

/* Sends a signal and waits until the process is gone; its directory and, with
 * SIGKILL, its PostgreSQL stay behind, for fixture_restart(). */
void fixture_kill(struct fixture *fixture, int signal);

/* Starts the server again after fixture_kill(), on the same port, directory
 * and arguments. */
void fixture_restart(struct fixture *fixture);

int fixture_port(const struct fixture *fixture);
pid_t fixture_process(const struct fixture *fixture);
const char *fixture_directory(const struct fixture *fixture);
const char *fixture_conninfo(const struct fixture *fixture);

/* The path of the file that holds what the server logged. */
const char *fixture_log(const struct fixture *fixture);

/* A new connection; released with redisFree(). */
redisContext *fixture_connect(const struct fixture *fixture);

/* A port on which nothing listens. */
int fixture_find_port(void);

#endif
