/* A real redis-server, the judge of what respgres does.
 *
 * It listens on a unix socket in a directory of its own, saves nothing, and
 * ends with the process that started it. */
#ifndef TESTS_SUPPORT_REFERENCE_SERVER_H
#define TESTS_SUPPORT_REFERENCE_SERVER_H

#include <hiredis/hiredis.h>

struct reference_server;

/* Starts it, or fails the test; `redis` is a connection that it owns. */
struct reference_server *reference_server_start(redisContext **redis);
/* Stops it and removes its files. */
void reference_server_stop(struct reference_server *server);

/* Runs a command that must succeed; the format is hiredis'. */
void reference_run(redisContext *redis, const char *format, ...);
/* The reply, with its elements separated by spaces; to be freed. */
char *reference_ask(redisContext *redis, const char *format, ...);

#endif
