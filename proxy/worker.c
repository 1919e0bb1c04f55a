/* A worker's loop, mailbox and lists; see worker.h. */
#include "proxy/worker.h"

#include "commands/request.h"
#include "commands/server.h"
#include "proxy/client.h"
#include "proxy/tls.h"
#include "storage/base/clock.h"
#include "storage/base/memory.h"
#include "storage/base/settings.h"
#include "storage/store.h"

#include <assert.h>
#include <event2/event.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <unistd.h>

enum {
	FREE_REQUESTS_MAX = 1024,
	DRAIN_LOOK_MS = 20,
	/* For so long after a second client was active, several are. */
	SHARED_US = 5000,
};

struct task {
	struct task *next;
	void (*run)(struct worker *worker, void *arg);
	void *arg;
};

struct worker_state {
	pthread_t thread;
	struct event *turn; /* end of the loop's turn: write output */
	struct event *tick; /* once a second */
	struct event *drain; /* looks whether all is answered */
	int64_t drain_until_us;
	/* The mailbox; below is under the mutex. */
	pthread_mutex_t mutex;
	int wake_fd;
	struct event *wake;
	struct task *tasks, **last_task;
};

/* --- mailbox --------------------------------------------------------- */

void
worker_post(struct worker *worker,
	void (*run)(struct worker *worker, void *arg), void *arg)
{
	struct worker_state *state = worker->state;
	struct task *task = memory_allocate(sizeof(*task));
	uint64_t one = 1;

	*task = (struct task){ NULL, run, arg };
	pthread_mutex_lock(&state->mutex);
	*state->last_task = task;
	state->last_task = &task->next;
	/* The counter cannot overflow: the write always succeeds. */
	if (write(state->wake_fd, &one, sizeof(one)) != sizeof(one))
		abort();
	pthread_mutex_unlock(&state->mutex);
}

static struct task *
take_tasks(struct worker_state *state)
{
	struct task *tasks;

	pthread_mutex_lock(&state->mutex);
	tasks = state->tasks;
	state->tasks = NULL;
	state->last_task = &state->tasks;
	pthread_mutex_unlock(&state->mutex);
	return tasks;
}

static void
on_wake(evutil_socket_t socket, short what, void *arg)
{
	struct worker *worker = arg;
	uint64_t count;
	struct task *task;

	(void)what;
	if (read(socket, &count, sizeof(count)) < 0)
		return;
	task = take_tasks(worker->state);
	while (task != NULL) {
		struct task *next = task->next;

		task->run(worker, task->arg);
		free(task);
		task = next;
	}
}

struct accepted {
	int socket;
	struct ssl_st *tls;
	bool local;
};

static void
take_socket(struct worker *worker, void *arg)
{
	struct accepted *accepted = arg;

	if (worker->draining) {
		tls_free(accepted->tls);
		close(accepted->socket);
		atomic_fetch_sub_explicit(
			&worker->client_count, 1, memory_order_relaxed);
	} else {
		client_new(worker, accepted->socket, accepted->tls,
			accepted->local);
	}
	free(accepted);
}

void
worker_take_socket(
	struct worker *worker, int socket, struct ssl_st *tls, bool local)
{
	struct accepted *accepted = memory_allocate(sizeof(*accepted));

	*accepted = (struct accepted){ socket, tls, local };
	/* Counted here, so that the next choice of a worker sees it. */
	atomic_fetch_add_explicit(
		&worker->client_count, 1, memory_order_relaxed);
	worker_post(worker, take_socket, accepted);
}

/* --- turns ----------------------------------------------------------- */

void
worker_mark_dirty(struct worker *worker, struct client *client)
{
	if (client->dirty)
		return;
	client->dirty = true;
	client->next_dirty = worker->dirty;
	worker->dirty = client;
	event_active(worker->state->turn, EV_TIMEOUT, 1);
}

static void
on_turn(evutil_socket_t socket, short what, void *arg)
{
	struct worker *worker = arg;
	struct client *client = worker->dirty;

	(void)socket;
	(void)what;
	worker->dirty = NULL;
	while (client != NULL) {
		struct client *next = client->next_dirty;

		client->dirty = false;
		client_flush(client);
		client = next;
	}
}

void
worker_note_input(
	struct worker *worker, const struct client *client, int64_t now_us)
{
	if (client != worker->last_active) {
		worker->shared_until_us = now_us + SHARED_US;
		worker->last_active = client;
	}
	if (worker->busy_poll_us > 0 && now_us >= worker->shared_until_us)
		worker->awake_until_us = now_us + worker->busy_poll_us;
}

/* Storage has room again. */
static void
on_drained(void *arg)
{
	struct worker *worker = arg;
	struct client *client = worker->starved;

	worker->starved = NULL;
	while (client != NULL) {
		struct client *next = client->next_starved;

		client->starved = false;
		if (client->socket >= 0)
			client_process(client);
		else
			worker_mark_dirty(worker, client);
		client = next;
	}
}

static void
on_tick(evutil_socket_t socket, short what, void *arg)
{
	struct worker *worker = arg;
	int64_t now_us = clock_monotonic_us();

	(void)socket;
	(void)what;
	for (struct client *client = worker->clients, *next; client != NULL;
		client = next) {
		next = client->next;
		client_tick(client, now_us);
	}
}

/* --- requests -------------------------------------------------------- */

struct request *
worker_take_request(struct worker *worker)
{
	struct request *request = worker->free_requests;

	if (request == NULL)
		return request_new();
	worker->free_requests = request->next;
	worker->free_request_count--;
	request->next = NULL;
	return request;
}

void
worker_give_request(struct worker *worker, struct request *request)
{
	if (request->single_lane)
		storage_leave_single_lane(worker->server->storage);
	request->single_lane = false;
	if (worker->free_request_count >= FREE_REQUESTS_MAX) {
		request_free(request);
		return;
	}
	request_reset(request);
	request->next = worker->free_requests;
	worker->free_requests = request;
	worker->free_request_count++;
}

/* --- draining -------------------------------------------------------- */

static bool
is_drained(const struct worker *worker)
{
	for (const struct client *client = worker->clients; client != NULL;
		client = client->next)
		if (client->in_flight > 0 || client->starved ||
			(client->held && !client->paused) ||
			(client->socket >= 0 && client_output_size(client) > 0))
			return false;
	return true;
}

/* A worker's lanes serve the clients of all others. */
static bool
are_all_drained(const struct server *server)
{
	struct worker *const *workers = server->host_data;

	for (int i = 0; i < server->worker_count; i++)
		if (!workers[i]->drained)
			return false;
	return true;
}

/* Clients with commands already read are answered; then all are closed. */
static void
on_drain(evutil_socket_t socket, short what, void *arg)
{
	struct worker *worker = arg;
	struct timeval soon = { 0, DRAIN_LOOK_MS * 1000 };

	(void)socket;
	(void)what;
	if (is_drained(worker) ||
		clock_monotonic_us() >= worker->state->drain_until_us)
		worker->drained = true;
	if (!are_all_drained(worker->server)) {
		event_add(worker->state->drain, &soon);
		return;
	}
	event_base_loopbreak(worker->base);
}

static void
start_drain(struct worker *worker, void *arg)
{
	worker->draining = true;
	worker->state->drain_until_us =
		clock_monotonic_us() + (int64_t)(intptr_t)arg * 1000;
	for (struct client *client = worker->clients; client != NULL;
		client = client->next)
		if (client->readable != NULL)
			event_del(client->readable);
	on_drain(-1, 0, worker);
}

void
worker_drain(struct worker *worker, int timeout_ms)
{
	worker_post(worker, start_drain, (void *)(intptr_t)timeout_ms);
}

/* --- life ------------------------------------------------------------ */

static struct event_base *
new_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	if (config == NULL)
		abort();
	/* Other threads only write to the mailboxes' descriptors. */
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	base = event_base_new_with_config(config);
	event_config_free(config);
	if (base == NULL || event_base_priority_init(base, 2) != 0)
		abort();
	return base;
}

struct worker *
worker_new(struct server *server, int index)
{
	struct worker *worker = memory_allocate_zeroed(1, sizeof(*worker));
	struct worker_state *state = memory_allocate_zeroed(1, sizeof(*state));
	struct timeval second = { 1, 0 };

	worker->server = server;
	worker->index = index;
	worker->counters = server->counters[index];
	if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
		worker->busy_poll_us =
			settings_get(server->settings, busy_poll);
	worker->state = state;
	worker->read_buffer = memory_allocate(WORKER_READ_SIZE);
	worker->base = new_base();
	state->last_task = &state->tasks;
	pthread_mutex_init(&state->mutex, NULL);
	state->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (state->wake_fd < 0)
		abort();
	state->wake = event_new(worker->base, state->wake_fd,
		EV_READ | EV_PERSIST, on_wake, worker);
	event_priority_set(state->wake, 0);
	event_add(state->wake, NULL);
	state->turn = event_new(worker->base, -1, 0, on_turn, worker);
	event_priority_set(state->turn, 1);
	state->tick = event_new(worker->base, -1, EV_PERSIST, on_tick, worker);
	event_add(state->tick, &second);
	state->drain = evtimer_new(worker->base, on_drain, worker);
	worker->store = store_new(
		server->storage, index, worker->base, on_drained, worker);
	return worker;
}

/* Until drained.  Others that could run get the processor between looks. */
static void *
run(void *arg)
{
	struct worker *worker = arg;

	while (!event_base_got_break(worker->base)) {
		bool awake = worker->awake_until_us > 0;

		event_base_loop(
			worker->base, awake ? EVLOOP_NONBLOCK : EVLOOP_ONCE);
		if (!awake)
			continue;
		if (clock_monotonic_us() >= worker->awake_until_us)
			worker->awake_until_us = 0;
		else
			sched_yield();
	}
	return NULL;
}

void
worker_start(struct worker *worker)
{
	if (pthread_create(&worker->state->thread, NULL, run, worker) != 0)
		abort();
}

void
worker_join(struct worker *worker)
{
	pthread_join(worker->state->thread, NULL);
}

void
worker_free(struct worker *worker)
{
	struct worker_state *state = worker->state;

	store_free(worker->store);
	while (worker->clients != NULL) {
		struct client *client = worker->clients;

		client_abandon(client);
	}
	while (worker->free_requests != NULL) {
		struct request *request = worker->free_requests;

		worker->free_requests = request->next;
		request_free(request);
	}
	event_free(state->wake);
	event_free(state->turn);
	event_free(state->tick);
	event_free(state->drain);
	event_base_free(worker->base);
	close(state->wake_fd);
	pthread_mutex_destroy(&state->mutex);
	free(state);
	free(worker->read_buffer);
	free(worker);
}
