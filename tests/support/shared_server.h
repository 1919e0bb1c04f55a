/* One server for all tests of a program, started before the first of them.
 *
 * Criterion runs each test in a process of its own, so the server belongs to
 * the process that runs them, which names its port in the environment.  The
 * tests of such a program run one at a time (-j1, see run-tests). */
#ifndef TESTS_SUPPORT_SHARED_SERVER_H
#define TESTS_SUPPORT_SHARED_SERVER_H

#include <hiredis/hiredis.h>

/* A connection to the shared server, all of whose data are deleted first.
 * Released with redisFree(). */
redisContext *shared_server_clear(void);

/* A further connection; nothing is deleted. */
redisContext *shared_server_connect(void);

int shared_server_port(void);
const char *shared_server_conninfo(void);

#endif
