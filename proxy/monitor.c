/* Lines for monitors; see monitor.h.
 *
 * Each worker keeps a list of its own monitors.  A line is made once, on the
 * worker whose client sent the command, and posted to the others, so every
 * monitor sees one client's commands in their order. */
#include "proxy/monitor.h"

#include "commands/command.h"
#include "commands/connection.h"
#include "commands/host.h"
#include "commands/redaction.h"
#include "commands/request.h"
#include "commands/server.h"
#include "proxy/client.h"
#include "proxy/worker.h"
#include "storage/base/clock.h"
#include "storage/base/memory.h"

#include <ctype.h>
#include <event2/buffer.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct monitor_line {
	atomic_int references;
	size_t size;
	char text[];
};

static void
append_quoted(struct evbuffer *line, struct bytes text)
{
	static const char plain[] = "\n\r\t\a\b\"\\";
	static const char letters[] = "nrtab\"\\";

	evbuffer_add(line, "\"", 1);
	for (size_t i = 0; i < text.size; i++) {
		unsigned char c = (unsigned char)text.data[i];
		const char *special = c ? strchr(plain, c) : NULL;

		if (special != NULL)
			evbuffer_add_printf(
				line, "\\%c", letters[special - plain]);
		else if (c >= ' ' && c <= '~')
			evbuffer_add(line, &text.data[i], 1);
		else
			evbuffer_add_printf(line, "\\x%02x", c);
	}
	evbuffer_add(line, "\"", 1);
}

struct monitor_line *
monitor_line_new(const struct request *request)
{
	struct connection_facts facts;
	int64_t now_us = clock_wall_us();
	struct evbuffer *buffer;
	struct monitor_line *line;
	size_t size;

	if (atomic_load_explicit(
		    &request->server->monitors, memory_order_relaxed) == 0 ||
		(request->command->flags & (CMD_SKIP_MONITOR | CMD_ADMIN)))
		return NULL;
	buffer = evbuffer_new();
	client_describe(client_of(request->connection), &facts);
	if (facts.unix_socket)
		*strrchr(facts.address, ':') = '\0';
	evbuffer_add_printf(buffer, "+%" PRId64 ".%06" PRId64 " [%d %s%s]",
		now_us / 1000000, now_us % 1000000, request->db,
		facts.unix_socket ? "unix:" : "", facts.address);
	for (int i = 0; i < request->argc; i++) {
		evbuffer_add(buffer, " ", 1);
		append_quoted(buffer, redaction_argument(request, i));
	}
	evbuffer_add(buffer, "\r\n", 2);
	size = evbuffer_get_length(buffer);
	line = memory_allocate(sizeof(*line) + size);
	line->size = size;
	evbuffer_remove(buffer, line->text, size);
	evbuffer_free(buffer);
	return line;
}

static void
show(struct worker *worker, void *arg)
{
	struct monitor_line *line = arg;

	for (struct client *client = worker->monitors; client != NULL;
		client = client->next_monitor)
		client_push(client, (struct bytes){ line->text, line->size });
	if (atomic_fetch_sub(&line->references, 1) == 1)
		free(line);
}

void
monitor_show(struct worker *home, struct monitor_line *line)
{
	struct server *server = home->server;
	struct worker **workers = server->host_data;

	if (line == NULL)
		return;
	atomic_init(&line->references, server->worker_count);
	for (int i = 0; i < server->worker_count; i++)
		if (workers[i] != home)
			worker_post(workers[i], show, line);
	show(home, line);
}

void
monitor_set(struct connection *connection, bool on)
{
	struct client *client = client_of(connection);
	struct worker *worker = client->worker;
	struct client **place = &worker->monitors;

	if (connection->monitor == on)
		return;
	connection->monitor = on;
	atomic_fetch_add(&worker->server->monitors, on ? 1 : -1);
	if (on) {
		client->next_monitor = worker->monitors;
		worker->monitors = client;
		return;
	}
	while (*place != client)
		place = &(*place)->next_monitor;
	*place = client->next_monitor;
}
