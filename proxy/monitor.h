/* MONITOR: shows every command of every worker to those who asked. */
#ifndef PROXY_MONITOR_H
#define PROXY_MONITOR_H

#include <stdbool.h>

struct connection;
struct request;

/* Sends the request's line to all monitors; cheap when there are none. */
void monitor_feed(const struct request *request);
/* Makes the connection a monitor, or ends that (host.set_monitor). */
void monitor_set(struct connection *connection, bool on);

#endif
