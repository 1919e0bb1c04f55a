/* Functions that commands call in proxy/; see commands/host.h. */
#include "proxy/host.h"

#include "commands/connection.h"
#include "commands/counters.h"
#include "commands/error_statistics.h"
#include "commands/host.h"
#include "commands/request.h"
#include "commands/server.h"
#include "commands/table.h"
#include "proxy/client.h"
#include "proxy/monitor.h"
#include "proxy/pause.h"
#include "proxy/walk.h"
#include "proxy/worker.h"
#include "storage/base/clock.h"
#include "storage/base/memory.h"
#include "storage/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct visit {
	void (*connection)(struct connection *connection, void *arg);
	void (*worker)(struct store *store, void *arg);
	void (*done)(void *arg);
	void *arg;
};

static struct worker *
worker_of(struct request *request)
{
	return client_of(request->connection)->worker;
}

static void
when_first(struct request *request)
{
	client_start_when_first(client_of(request->connection));
}

static bool
send_part(struct request *request)
{
	return client_send_part(client_of(request->connection), request);
}

static void
visit_worker(struct worker *worker, void *arg)
{
	struct visit *visit = arg;

	if (visit->worker != NULL) {
		visit->worker(worker->store, visit->arg);
		return;
	}
	for (struct client *client = worker->clients, *next; client != NULL;
		client = next) {
		next = client->next;
		if (client->socket >= 0)
			visit->connection(&client->connection, visit->arg);
	}
}

static void
end_visit(void *arg)
{
	struct visit *visit = arg;

	visit->done(visit->arg);
	free(visit);
}

static void
each_connection(struct request *request,
	void (*visit_connection)(struct connection *connection, void *arg),
	void *arg, void (*done)(void *arg))
{
	struct visit *visit = memory_allocate(sizeof(*visit));

	*visit = (struct visit){ visit_connection, NULL, done, arg };
	walk_workers(worker_of(request), visit_worker, end_visit, visit);
}

static void
each_worker(struct request *request,
	void (*visit_each)(struct store *store, void *arg), void *arg,
	void (*done)(void *arg))
{
	struct visit *visit = memory_allocate(sizeof(*visit));

	*visit = (struct visit){ NULL, visit_each, done, arg };
	walk_workers(worker_of(request), visit_worker, end_visit, visit);
}

static void
settle(struct request *request, void (*done)(void *arg), void *arg)
{
	walk_settled_workers(worker_of(request), done, arg);
}

static void
describe(struct connection *connection, struct connection_facts *facts)
{
	client_describe(client_of(connection), facts);
}

struct posted {
	void (*run)(void *arg);
	void *arg;
};

static void
run_posted(struct worker *worker, void *arg)
{
	struct posted *posted = arg;

	/* What the poster sent to this worker's lanes was first. */
	store_receive(worker->store);
	posted->run(posted->arg);
	free(posted);
}

static void
post(struct connection *connection, void (*run)(void *arg), void *arg)
{
	struct posted *posted = memory_allocate(sizeof(*posted));

	*posted = (struct posted){ run, arg };
	worker_post(client_of(connection)->worker, run_posted, posted);
}

static void
post_to_worker(
	struct server *server, int worker, void (*run)(void *arg), void *arg)
{
	struct worker **workers = server->host_data;
	struct posted *posted = memory_allocate(sizeof(*posted));

	*posted = (struct posted){ run, arg };
	worker_post(workers[worker], run_posted, posted);
}

static void
push(struct connection *connection, struct bytes head,
	struct shared_bytes *body)
{
	client_push_shared(client_of(connection), head, body);
}

static void
close_connection(struct connection *connection, bool after_reply)
{
	struct client *client = client_of(connection);

	if (after_reply && client->in_flight > 0)
		connection->close_after_reply = true;
	else
		client_close(client, after_reply);
}

/* --- statistics ------------------------------------------------------ */

static void
zero(_Atomic uint64_t *counter)
{
	atomic_store_explicit(counter, 0, memory_order_relaxed);
}

static void
zero_command(struct command_counters *command)
{
	zero(&command->calls);
	zero(&command->microseconds);
	zero(&command->rejected);
	zero(&command->failed);
	for (int i = 0; i < LATENCY_BUCKETS; i++)
		atomic_store_explicit(
			&command->latency[i], 0, memory_order_relaxed);
}

/* Only what Redis forgets as well: present connections stay counted. */
static void
reset_worker(struct worker *worker, void *arg)
{
	struct counters *counters = worker->counters;
	size_t count = command_table_index_count(worker->server->commands);

	(void)arg;
	zero(&counters->connections_received);
	zero(&counters->connections_rejected);
	zero(&counters->commands);
	zero(&counters->bytes_in);
	zero(&counters->bytes_out);
	zero(&counters->error_replies);
	zero(&counters->unexpected_errors);
	zero(&counters->keyspace_hits);
	zero(&counters->keyspace_misses);
	zero(&counters->authentication_failures);
	zero(&counters->acl_denied);
	zero(&counters->reads_total);
	zero(&counters->writes_total);
	zero(&counters->output_limit_disconnections);
	zero(&counters->query_limit_disconnections);
	for (size_t i = 0; i < count; i++)
		zero_command(&counters->commands_by_index[i]);
}

static void
reset_statistics(struct request *request, void (*done)(void *arg), void *arg)
{
	struct visit *visit = memory_allocate(sizeof(*visit));

	error_statistics_reset(request->server);
	zero(&request->server->expired_keys);
	*visit = (struct visit){ .done = done, .arg = arg };
	walk_workers(worker_of(request), reset_worker, end_visit, visit);
}

/* --- DEBUG SLEEP ----------------------------------------------------- */

static void
sleep_until(struct worker *worker, void *arg)
{
	int64_t *until_us = arg;
	struct timespec until = { *until_us / 1000000,
		*until_us % 1000000 * 1000 };

	(void)worker;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) ==
		EINTR)
		;
	free(until_us);
}

static void
stall(struct request *request, int64_t duration_us)
{
	struct server *server = request->server;
	struct worker **workers = server->host_data;
	struct worker *home = worker_of(request);
	int64_t until = clock_monotonic_us() + duration_us;

	for (int i = 0; i < server->worker_count; i++) {
		int64_t *until_us = memory_allocate(sizeof(*until_us));

		*until_us = until;
		if (workers[i] == home)
			sleep_until(home, until_us);
		else
			worker_post(workers[i], sleep_until, until_us);
	}
}

const struct host host_functions = {
	.each_connection = each_connection,
	.each_worker = each_worker,
	.settle = settle,
	.when_first = when_first,
	.send_part = send_part,
	.describe = describe,
	.post = post,
	.post_to_worker = post_to_worker,
	.push = push,
	.close = close_connection,
	.reset_statistics = reset_statistics,
	.pause = pause_set,
	.stall = stall,
	.set_monitor = monitor_set,
};
