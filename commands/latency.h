/* The latency monitor: spikes of named events (LATENCY).
 *
 * One for the process, under a mutex that only spikes take. */
#ifndef COMMANDS_LATENCY_H
#define COMMANDS_LATENCY_H

#include "storage/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct latency_monitor;
struct request;
struct server;

struct latency_monitor *latency_monitor_new(void);
void latency_monitor_free(struct latency_monitor *monitor);
/* Notes a spike of `event` (a static text) when it reaches
 * latency-monitor-threshold. */
void latency_add(struct server *server, const char *event, int64_t duration_ms);
/* The same for a finished command: event "command" or "fast-command". */
void latency_add_command(struct request *request, int64_t duration_us);

enum { LATENCY_SAMPLES_MAX = 160, LATENCY_EVENTS_MAX = 32 };

struct latency_sample {
	int64_t time_s, duration_ms;
};

/* A copy of what is known about one event, oldest sample first; one sample
 * for each second that had a spike. */
struct latency_history {
	const char *event;
	int64_t greatest_ms; /* ever */
	size_t count; /* at least 1 */
	struct latency_sample samples[LATENCY_SAMPLES_MAX];
};

/* False: the event is not known. */
bool latency_read(struct latency_monitor *monitor, struct bytes event,
	struct latency_history *history);
/* Names of the events that are known; returns how many. */
size_t latency_events(struct latency_monitor *monitor,
	const char *events[static LATENCY_EVENTS_MAX]);
/* Forgets the event; false: it was not known. */
bool latency_forget(struct latency_monitor *monitor, struct bytes event);

#endif
