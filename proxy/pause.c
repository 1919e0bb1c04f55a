/* Pauses of all workers; see pause.h.
 *
 * Each worker has a timer of its own for the end of each pause, so that its
 * clients go on in time; a timer that finds the pause longer waits again. */
#include "proxy/pause.h"

#include "commands/command.h"
#include "commands/counters.h"
#include "commands/request.h"
#include "commands/server.h"
#include "proxy/client.h"
#include "proxy/worker.h"
#include "storage/base/clock.h"

#include <event2/event.h>
#include <stdatomic.h>
#include <sys/time.h>

static int64_t
paused_until(const struct server *server)
{
	return atomic_load_explicit(
		&server->paused_until_us, memory_order_relaxed);
}

bool
pause_holds(struct client *client, const struct request *request)
{
	const struct server *server = client->worker->server;
	int64_t until_us = paused_until(server);

	if (until_us == 0 || request->command == NULL ||
		request->refusal != NULL || clock_monotonic_us() >= until_us ||
		(atomic_load_explicit(
			 &server->paused_writes_only, memory_order_relaxed) &&
			!(request->command->flags &
				(CMD_WRITE | CMD_MAY_REPLICATE)))) {
		pause_forget(client);
		return false;
	}
	if (!client->paused) {
		client->paused = true;
		counter_add(client->worker->counters->blocked, 1);
	}
	return true;
}

void
pause_forget(struct client *client)
{
	if (!client->paused)
		return;
	client->paused = false;
	counter_add(client->worker->counters->blocked, -1);
}

static void
resume(struct worker *worker)
{
	for (struct client *client = worker->clients, *next; client != NULL;
		client = next) {
		next = client->next;
		if (!client->paused)
			continue;
		pause_forget(client);
		client_process(client);
	}
}

static void start_timer(struct worker *worker, void *arg);

/* The loop's clock is coarse: a timer may come some milliseconds early. */
static void
on_end(evutil_socket_t socket, short what, void *arg)
{
	(void)socket;
	(void)what;
	start_timer(arg, NULL);
}

/* On the worker's thread. */
static void
start_timer(struct worker *worker, void *arg)
{
	int64_t left_us = paused_until(worker->server) - clock_monotonic_us();
	struct timeval left;

	(void)arg;
	if (left_us <= 0) {
		resume(worker);
		return;
	}
	left.tv_sec = left_us / 1000000;
	left.tv_usec = left_us % 1000000;
	event_base_once(worker->base, -1, EV_TIMEOUT, on_end, worker, &left);
}

void
pause_set(struct server *server, int64_t until_us, bool writes_only)
{
	struct worker **workers = server->host_data;

	atomic_store(&server->paused_writes_only, writes_only);
	atomic_store(&server->paused_until_us, until_us);
	for (int i = 0; i < server->worker_count; i++)
		worker_post(workers[i], start_timer, NULL);
}
