/* MONITOR: shows every command of every worker to those who asked. */
#ifndef PROXY_MONITOR_H
#define PROXY_MONITOR_H

#include <stdbool.h>

struct connection;
struct monitor_line;
struct request;
struct worker;

/* The line that shows the request, made before it runs; NULL, at no cost,
 * when there are no monitors or the command is not shown to them. */
struct monitor_line *monitor_line_new(const struct request *request);
/* Sends the line (or nothing, for NULL) to all monitors, and takes it over;
 * `home` is the request's worker.  Called once the request has run, so that
 * monitors see what it made of them. */
void monitor_show(struct worker *home, struct monitor_line *line);
/* Makes the connection a monitor, or ends that (host.set_monitor). */
void monitor_set(struct connection *connection, bool on);

#endif
