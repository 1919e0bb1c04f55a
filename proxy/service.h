/* The running server: everything between the configuration and the sockets,
 * put together and taken apart in order.
 *
 * Used by the main thread only. */
#ifndef PROXY_SERVICE_H
#define PROXY_SERVICE_H

#include <stdbool.h>

struct event_base;
struct service;
struct settings;

/* `conninfo` and `database_summary` (one phrase for the banner) are copied.
 * The schema is up to date.  Starts workers, then listens.  Returns NULL with
 * a sentence in `*error`, to be released with free(). */
struct service *service_start(struct event_base *base,
	struct settings *settings, const char *conninfo,
	const char *database_summary, void (*shutdown)(void *arg), void *arg,
	char **error);

/* How many database connections a service with these settings may open. */
int service_connections(const struct settings *settings);

/* Reads the config file again, on a worker; the report goes to the log. */
void service_reload(struct service *service);

/* Stops accepting, answers what was read, closes, and frees. */
void service_stop(struct service *service);

/* What is listened on, for the banner. */
const char *service_listening(const struct service *service);

#endif
