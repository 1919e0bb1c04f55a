/* The samples of the latency monitor; see latency.h.
 *
 * Within one second only the worst spike of an event is kept. */
#include "commands/latency.h"

#include "commands/command.h"
#include "commands/request.h"
#include "commands/server.h"
#include "storage/base/clock.h"
#include "storage/base/memory.h"
#include "storage/base/settings.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct event {
	const char *name; /* NULL: unused */
	int64_t greatest_ms;
	size_t next, count; /* of the ring */
	struct latency_sample samples[LATENCY_SAMPLES_MAX];
};

struct latency_monitor {
	pthread_mutex_t mutex;
	struct event events[LATENCY_EVENTS_MAX];
};

struct latency_monitor *
latency_monitor_new(void)
{
	struct latency_monitor *monitor =
		memory_allocate_zeroed(1, sizeof(*monitor));

	pthread_mutex_init(&monitor->mutex, NULL);
	return monitor;
}

void
latency_monitor_free(struct latency_monitor *monitor)
{
	if (monitor == NULL)
		return;
	pthread_mutex_destroy(&monitor->mutex);
	free(monitor);
}

static struct event *
find(struct latency_monitor *monitor, struct bytes name)
{
	for (size_t i = 0; i < LATENCY_EVENTS_MAX; i++) {
		struct event *event = &monitor->events[i];

		if (event->name != NULL &&
			bytes_equal(bytes_of(event->name), name))
			return event;
	}
	return NULL;
}

/* NULL when there are too many, which a fixed set of names never are. */
static struct event *
find_or_add(struct latency_monitor *monitor, const char *name)
{
	struct event *event = find(monitor, bytes_of(name));

	if (event != NULL)
		return event;
	for (size_t i = 0; i < LATENCY_EVENTS_MAX; i++) {
		event = &monitor->events[i];
		if (event->name != NULL)
			continue;
		memset(event, 0, sizeof(*event));
		event->name = name;
		return event;
	}
	return NULL;
}

static void
add_sample(struct event *event, int64_t now_s, int64_t duration_ms)
{
	struct latency_sample *last =
		&event->samples[(event->next + LATENCY_SAMPLES_MAX - 1) %
			LATENCY_SAMPLES_MAX];

	if (duration_ms > event->greatest_ms)
		event->greatest_ms = duration_ms;
	if (event->count > 0 && last->time_s == now_s) {
		if (duration_ms > last->duration_ms)
			last->duration_ms = duration_ms;
		return;
	}
	event->samples[event->next] =
		(struct latency_sample){ now_s, duration_ms };
	event->next = (event->next + 1) % LATENCY_SAMPLES_MAX;
	if (event->count < LATENCY_SAMPLES_MAX)
		event->count++;
}

void
latency_add(struct server *server, const char *event, int64_t duration_ms)
{
	struct latency_monitor *monitor = server->latency;
	int64_t least_ms =
		settings_get(server->settings, latency_monitor_threshold);
	struct event *found;

	if (least_ms == 0 || duration_ms < least_ms)
		return;
	pthread_mutex_lock(&monitor->mutex);
	found = find_or_add(monitor, event);
	if (found != NULL)
		add_sample(found, clock_wall_us() / 1000000, duration_ms);
	pthread_mutex_unlock(&monitor->mutex);
}

void
latency_add_command(struct request *request, int64_t duration_us)
{
	latency_add(request->server,
		request->command->flags & CMD_FAST ? "fast-command" : "command",
		duration_us / 1000);
}

bool
latency_read(struct latency_monitor *monitor, struct bytes name,
	struct latency_history *history)
{
	const struct event *event;

	pthread_mutex_lock(&monitor->mutex);
	event = find(monitor, name);
	if (event != NULL) {
		history->event = event->name;
		history->greatest_ms = event->greatest_ms;
		history->count = event->count;
		for (size_t i = 0; i < event->count; i++)
			history->samples[i] =
				event->samples[(event->next +
						       LATENCY_SAMPLES_MAX -
						       event->count + i) %
					LATENCY_SAMPLES_MAX];
	}
	pthread_mutex_unlock(&monitor->mutex);
	return event != NULL;
}

size_t
latency_events(struct latency_monitor *monitor,
	const char *events[static LATENCY_EVENTS_MAX])
{
	size_t count = 0;

	pthread_mutex_lock(&monitor->mutex);
	for (size_t i = 0; i < LATENCY_EVENTS_MAX; i++)
		if (monitor->events[i].name != NULL)
			events[count++] = monitor->events[i].name;
	pthread_mutex_unlock(&monitor->mutex);
	return count;
}

bool
latency_forget(struct latency_monitor *monitor, struct bytes name)
{
	struct event *event;

	pthread_mutex_lock(&monitor->mutex);
	event = find(monitor, name);
	if (event != NULL)
		event->name = NULL;
	pthread_mutex_unlock(&monitor->mutex);
	return event != NULL;
}
