/* The chain of tasks from worker to worker; see walk.h. */
#include "proxy/walk.h"

#include "commands/server.h"
#include "proxy/worker.h"
#include "storage/base/memory.h"

#include <stdlib.h>

struct walk {
	struct worker *home;
	void (*visit)(struct worker *worker, void *arg);
	void (*done)(void *arg);
	void *arg;
};

static void
step(struct worker *worker, void *arg)
{
	struct walk *walk = arg;
	struct worker **workers = worker->server->host_data;
	int next = worker->index + 1;

	walk->visit(worker, walk->arg);
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

void
walk_workers(struct worker *home,
	void (*visit)(struct worker *worker, void *arg),
	void (*done)(void *arg), void *arg)
{
	struct worker **workers = home->server->host_data;
	struct walk *walk = memory_allocate(sizeof(*walk));

	*walk = (struct walk){ home, visit, done, arg };
	if (home->server->worker_count == 1)
		step(home, walk);
	else
		worker_post(workers[home->index == 0 ? 1 : 0], step, walk);
}
