/* The chain of tasks from worker to worker; see walk.h. */
#include "proxy/walk.h"

#include "commands/server.h"
#include "proxy/worker.h"
#include "storage/base/memory.h"

#include <event2/event.h>
#include <stdlib.h>
#include <sys/time.h>

struct walk {
	struct worker *home;
	void (*visit)(struct worker *worker, void *arg); /* NULL: settles */
	void (*done)(void *arg);
	void *arg;
	struct worker *settling;
};

static void step(struct worker *worker, void *arg);

static void
go_on(struct worker *worker, struct walk *walk)
{
	struct worker **workers = worker->server->host_data;
	int next = worker->index + 1;

	if (worker == walk->home) {
		walk->done(walk->arg);
		free(walk);
		return;
	}
	if (next == walk->home->index)
		next++;
	if (next >= worker->server->worker_count)
		next = walk->home->index;
	worker_post(workers[next], step, walk);
}

static void
on_settled(evutil_socket_t socket, short what, void *arg)
{
	struct walk *walk = arg;

	(void)socket;
	(void)what;
	go_on(walk->settling, walk);
}

/* The mailbox comes before the sockets that were found readable with it; a
 * timer that is due at once comes behind them. */
static void
settle(struct worker *worker, struct walk *walk)
{
	struct timeval now = { 0, 0 };

	walk->settling = worker;
	if (event_base_once(
		    worker->base, -1, EV_TIMEOUT, on_settled, walk, &now) != 0)
		go_on(worker, walk);
}

static void
step(struct worker *worker, void *arg)
{
	struct walk *walk = arg;

	if (walk->visit == NULL) {
		settle(worker, walk);
		return;
	}
	walk->visit(worker, walk->arg);
	go_on(worker, walk);
}

static void
start(struct walk walk)
{
	struct worker *home = walk.home;
	struct worker **workers = home->server->host_data;
	struct walk *copy = memory_allocate(sizeof(*copy));

	*copy = walk;
	if (home->server->worker_count == 1)
		step(home, copy);
	else
		worker_post(workers[home->index == 0 ? 1 : 0], step, copy);
}

void
walk_workers(struct worker *home,
	void (*visit)(struct worker *worker, void *arg),
	void (*done)(void *arg), void *arg)
{
	start((struct walk){
		.home = home, .visit = visit, .done = done, .arg = arg });
}

void
walk_settled_workers(struct worker *home, void (*done)(void *arg), void *arg)
{
	start((struct walk){ .home = home, .done = done, .arg = arg });
}
