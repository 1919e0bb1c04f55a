/* The latency monitor: spikes of named events (LATENCY).
 *
 * One for the process, under a mutex that only spikes take. */
#ifndef COMMANDS_LATENCY_H
#define COMMANDS_LATENCY_H

#include <stdint.h>

struct latency_monitor;
struct request;
struct server;

struct latency_monitor *latency_monitor_new(void);
void latency_monitor_free(struct latency_monitor *monitor);
/* Notes a spike of `event` (a static text) when it reaches
 * latency-monitor-threshold. */
void latency_add(struct server *server, const char *event,
	int64_t duration_ms);
/* The same for a finished command: event "command" or "fast-command". */
void latency_add_command(struct request *request, int64_t duration_us);

#endif
