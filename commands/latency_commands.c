/* LATENCY: what the latency monitor and the commands' histograms know. */
#include "commands/command.h"
#include "commands/counters.h"
#include "commands/families.h"
#include "commands/help.h"
#include "commands/latency.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/server.h"
#include "commands/statistics.h"
#include "commands/table.h"
#include "storage/base/clock.h"
#include "storage/base/settings.h"

#include <event2/buffer.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GRAPH_COLUMNS = 80, GRAPH_ROWS = 4, LABEL_SIZE = 24 };

static struct latency_history *
new_history(struct request *request)
{
	return request_allocate(request, sizeof(struct latency_history));
}

static void
cmd_latency_latest(struct request *request)
{
	struct latency_monitor *monitor = request->server->latency;
	struct latency_history *history = new_history(request);
	const char *events[LATENCY_EVENTS_MAX];
	size_t count = latency_events(monitor, events), known = 0;

	/* Another thread may forget an event in between. */
	for (size_t i = 0; i < count; i++)
		if (latency_read(monitor, bytes_of(events[i]), history))
			events[known++] = events[i];
	reply_array(&request->reply, known);
	for (size_t i = 0; i < known; i++) {
		struct latency_sample last = { 0, 0 };

		if (latency_read(monitor, bytes_of(events[i]), history))
			last = history->samples[history->count - 1];
		reply_array(&request->reply, 4);
		reply_bulk_text(&request->reply, events[i]);
		reply_integer(&request->reply, last.time_s);
		reply_integer(&request->reply, last.duration_ms);
		reply_integer(&request->reply, history->greatest_ms);
	}
	request_finish(request);
}

static void
cmd_latency_history(struct request *request)
{
	struct latency_history *history = new_history(request);
	size_t count = 0;

	if (latency_read(request->server->latency, request->argv[2], history))
		count = history->count;
	reply_array(&request->reply, count);
	for (size_t i = 0; i < count; i++) {
		reply_array(&request->reply, 2);
		reply_integer(&request->reply, history->samples[i].time_s);
		reply_integer(&request->reply, history->samples[i].duration_ms);
	}
	request_finish(request);
}

static void
cmd_latency_reset(struct request *request)
{
	struct latency_monitor *monitor = request->server->latency;
	const char *events[LATENCY_EVENTS_MAX];
	size_t count = latency_events(monitor, events);
	int64_t forgotten = 0;

	for (int i = 2; i < request->argc; i++)
		forgotten += latency_forget(monitor, request->argv[i]);
	for (size_t i = 0; request->argc == 2 && i < count; i++)
		forgotten += latency_forget(monitor, bytes_of(events[i]));
	request_reply_integer(request, forgotten);
}

/* --- pictures and advice --------------------------------------------- */

/* Least and greatest of the samples, and their mean. */
struct spread {
	int64_t least, greatest;
	double mean;
};

static struct spread
measure(const struct latency_history *history)
{
	struct spread spread = { INT64_MAX, 0, 0 };

	for (size_t i = 0; i < history->count; i++) {
		int64_t duration = history->samples[i].duration_ms;

		if (duration < spread.least)
			spread.least = duration;
		if (duration > spread.greatest)
			spread.greatest = duration;
		spread.mean += (double)duration / (double)history->count;
	}
	return spread;
}

/* How long ago, as "12s", "3m", "4h" or "5d". */
static void
print_age(char label[static LABEL_SIZE], int64_t age_s)
{
	static const struct {
		int64_t seconds;
		char unit;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	size_t i = 0;

	while (i < 3 && age_s < units[i].seconds)
		i++;
	snprintf(label, LABEL_SIZE, "%" PRId64 "%c", age_s / units[i].seconds,
		units[i].unit);
}

/* One row of the graph: bars rise from the bottom in half steps. */
static void
draw_row(struct evbuffer *text, const struct latency_history *history,
	size_t first, struct spread spread, int row)
{
	int64_t range = spread.greatest - spread.least + 1;

	for (size_t i = first; i < history->count; i++) {
		int64_t above = history->samples[i].duration_ms - spread.least;
		int height = (int)(above * GRAPH_ROWS * 2 / range) + 1;
		int left = height - row * 2;

		evbuffer_add(text, left >= 2 ? "#" : left == 1 ? "_" : " ", 1);
	}
	evbuffer_add(text, "\n", 1);
}

static void
draw_labels(struct evbuffer *text, const struct latency_history *history,
	size_t first)
{
	int64_t now_s = clock_wall_us() / 1000000;
	bool more = true;

	evbuffer_add(text, "\n", 1);
	for (size_t line = 0; more; line++) {
		more = false;
		for (size_t i = first; i < history->count; i++) {
			char label[LABEL_SIZE];

			print_age(label, now_s - history->samples[i].time_s);
			if (line >= strlen(label)) {
				evbuffer_add(text, " ", 1);
				continue;
			}
			evbuffer_add(text, &label[line], 1);
			more = more || line + 1 < strlen(label);
		}
		evbuffer_add(text, "\n", 1);
	}
}

static void
reply_text(struct request *request, struct evbuffer *text)
{
	size_t size = evbuffer_get_length(text);

	reply_verbatim(&request->reply, "txt",
		(struct bytes){
			(const char *)evbuffer_pullup(text, -1), size });
	evbuffer_free(text);
	request_finish(request);
}

static void
cmd_latency_graph(struct request *request)
{
	struct latency_history *history = new_history(request);
	struct evbuffer *text;
	struct spread spread;
	size_t first;

	if (!latency_read(
		    request->server->latency, request->argv[2], history)) {
		request_reply_errorf(request,
			"ERR No samples available for event '%.*s'",
			(int)request->argv[2].size, request->argv[2].data);
		return;
	}
	spread = measure(history);
	first = history->count > GRAPH_COLUMNS ?
		history->count - GRAPH_COLUMNS :
		0;
	text = evbuffer_new();
	evbuffer_add_printf(text,
		"%s - high %" PRId64 " ms, low %" PRId64
		" ms (all time high %" PRId64 " ms)\n",
		history->event, spread.greatest, spread.least,
		history->greatest_ms);
	for (int i = 0; i < GRAPH_COLUMNS; i++)
		evbuffer_add(text, "-", 1);
	evbuffer_add(text, "\n", 1);
	for (int row = GRAPH_ROWS - 1; row >= 0; row--)
		draw_row(text, history, first, spread, row);
	draw_labels(text, history, first);
	reply_text(request, text);
}

static void
advise(struct evbuffer *text, const char *event)
{
	if (strcmp(event, "command") == 0)
		evbuffer_add_printf(text,
			"  Look at SLOWLOG for the commands, and at "
			"pg_stat_activity for what PostgreSQL waits for.\n");
	else if (strcmp(event, "fast-command") == 0)
		evbuffer_add_printf(text,
			"  These wait for one round trip and one flush of the "
			"log: look at the disk of PostgreSQL and at the "
			"network on the way to it.\n");
}

static void
cmd_latency_doctor(struct request *request)
{
	struct latency_history *history = new_history(request);
	struct latency_monitor *monitor = request->server->latency;
	const char *events[LATENCY_EVENTS_MAX];
	size_t count = latency_events(monitor, events);
	struct evbuffer *text = evbuffer_new();

	if (settings_get(
		    request->server->settings, latency_monitor_threshold) == 0)
		evbuffer_add_printf(text,
			"The latency monitor is off: CONFIG SET "
			"latency-monitor-threshold <milliseconds> starts "
			"it.\n");
	else if (count == 0)
		evbuffer_add_printf(text,
			"No delay has reached latency-monitor-threshold.\n");
	for (size_t i = 0; i < count; i++) {
		struct spread spread;

		if (!latency_read(monitor, bytes_of(events[i]), history))
			continue;
		spread = measure(history);
		evbuffer_add_printf(text,
			"%s: %zu seconds with delays, %.0f ms on average, "
			"%" PRId64 " ms at worst.\n",
			events[i], history->count, spread.mean,
			history->greatest_ms);
		advise(text, events[i]);
	}
	reply_text(request, text);
}

/* --- histograms ------------------------------------------------------ */

/* Counts by powers of two: [n] holds durations below 2^n microseconds. */
enum { POWERS = 40 };

static size_t
gather_powers(const uint64_t *buckets, uint64_t *powers)
{
	size_t used = 0;

	memset(powers, 0, POWERS * sizeof(*powers));
	for (int i = 0; i < LATENCY_BUCKETS; i++) {
		uint64_t end = latency_bucket_end(i);
		int power = end == 0 ? 0 : 64 - __builtin_clzll(end);

		if (buckets[i] == 0)
			continue;
		used += powers[power] == 0;
		powers[power] += buckets[i];
	}
	return used;
}

static void
reply_histogram(struct request *request, const struct command *command)
{
	const struct server *server = request->server;
	struct reply *reply = &request->reply;
	uint64_t buckets[LATENCY_BUCKETS], powers[POWERS], sum = 0;
	uint64_t calls = statistics_histogram(server,
		command_table_index(server->commands, command), buckets);
	size_t used = gather_powers(buckets, powers);

	reply_bulk_text(
		reply, command_table_full_name(server->commands, command));
	reply_map(reply, 2);
	reply_bulk_text(reply, "calls");
	reply_integer(reply, (int64_t)calls);
	reply_bulk_text(reply, "histogram_usec");
	reply_map(reply, used);
	for (int power = 0; power < POWERS; power++) {
		if (powers[power] == 0)
			continue;
		sum += powers[power];
		reply_integer(reply, (int64_t)1 << power);
		reply_integer(reply, (int64_t)sum);
	}
}

struct selection {
	struct request *request;
	const struct command **commands;
	size_t count;
};

static void
select_called(struct selection *selection, const struct command *command)
{
	const struct server *server = selection->request->server;
	uint64_t buckets[LATENCY_BUCKETS];

	if (statistics_histogram(server,
		    command_table_index(server->commands, command),
		    buckets) > 0)
		selection->commands[selection->count++] = command;
	for (const struct command *sub = command->subcommands;
		sub != NULL && sub->name != NULL; sub++)
		select_called(selection, sub);
}

static void
select_named(struct selection *selection)
{
	struct request *request = selection->request;
	const struct command_table *table = request->server->commands;

	for (int i = 2; i < request->argc; i++) {
		const struct command *command =
			command_table_find_full(table, request->argv[i]);

		if (command != NULL)
			select_called(selection, command);
	}
}

static void
cmd_latency_histogram(struct request *request)
{
	const struct command_table *table = request->server->commands;
	struct selection selection = { .request = request };
	size_t count, most = command_table_index_count(table);
	const struct command *const *list = command_table_list(table, &count);

	/* A name may be given more than once. */
	if (request->argc > 2)
		most *= (size_t)request->argc - 2;
	selection.commands = request_allocate(
		request, most * sizeof(const struct command *));
	if (request->argc > 2)
		select_named(&selection);
	for (size_t i = 0; request->argc == 2 && i < count; i++)
		select_called(&selection, list[i]);
	reply_map(&request->reply, selection.count);
	for (size_t i = 0; i < selection.count; i++)
		reply_histogram(request, selection.commands[i]);
	request_finish(request);
}

static const struct command latency_subcommands[] = {
	{
		.name = "doctor",
		.summary = "Explains the delays that were seen.",
		.since = "2.8.13",
		.complexity = "O(1)",
		.group = GROUP_SERVER,
		.arity = 2,
		.flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
		.tips = {
			"nondeterministic_output",
			"request_policy:all_nodes",
			"response_policy:special",
		},
		.run = cmd_latency_doctor,
	},
	{
		.name = "graph",
		.usage = "event",
		.summary = "Draws the delays of one event.",
		.since = "2.8.13",
		.complexity = "O(1)",
		.group = GROUP_SERVER,
		.arity = 3,
		.flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
		.tips = {
			"nondeterministic_output",
			"request_policy:all_nodes",
			"response_policy:special",
		},
		.run = cmd_latency_graph,
	},
	{
		.name = "help",
		.summary = "Lists the subcommands.",
		.since = "2.8.13",
		.complexity = "O(1)",
		.group = GROUP_SERVER,
		.arity = 2,
		.flags = CMD_LOADING | CMD_STALE,
		.run = help_run,
	},
	{
		.name = "histogram",
		.usage = "[command...]",
		.summary = "Shows how long commands took, as a distribution.",
		.since = "7.0.0",
		.complexity = "O(N) in the commands",
		.group = GROUP_SERVER,
		.arity = -2,
		.flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
		.tips = {
			"nondeterministic_output",
			"request_policy:all_nodes",
			"response_policy:special",
		},
		.run = cmd_latency_histogram,
	},
	{
		.name = "history",
		.usage = "event",
		.summary = "Lists the delays of one event.",
		.since = "2.8.13",
		.complexity = "O(1)",
		.group = GROUP_SERVER,
		.arity = 3,
		.flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
		.tips = {
			"nondeterministic_output",
			"request_policy:all_nodes",
			"response_policy:special",
		},
		.run = cmd_latency_history,
	},
	{
		.name = "latest",
		.summary = "Shows the latest delay of every event.",
		.since = "2.8.13",
		.complexity = "O(1)",
		.group = GROUP_SERVER,
		.arity = 2,
		.flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
		.tips = {
			"nondeterministic_output",
			"request_policy:all_nodes",
			"response_policy:special",
		},
		.run = cmd_latency_latest,
	},
	{
		.name = "reset",
		.usage = "[event...]",
		.summary = "Forgets the delays of events.",
		.since = "2.8.13",
		.complexity = "O(1)",
		.group = GROUP_SERVER,
		.arity = -2,
		.flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
		.tips = {
			"request_policy:all_nodes",
			"response_policy:all_succeeded",
		},
		.run = cmd_latency_reset,
	},
	{ 0 },
};

const struct command latency_commands[] = {
	{
		.name = "latency",
		.summary = "Commands about delays.",
		.since = "2.8.13",
		.complexity = "Depends on the subcommand.",
		.group = GROUP_SERVER,
		.arity = -2,
		.subcommands = latency_subcommands,
	},
	{ 0 },
};
