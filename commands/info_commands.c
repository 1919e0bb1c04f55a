/* Sections of INFO about commands and their errors; see info.h. */
#include "commands/counters.h"
#include "commands/error_statistics.h"
#include "commands/info.h"
#include "commands/request.h"
#include "commands/server.h"
#include "commands/statistics.h"
#include "commands/table.h"
#include "storage/base/settings.h"

#include <event2/buffer.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Calls print for every command and subcommand. */
static void
each_command(struct evbuffer *text, struct request *request,
	void (*print)(struct evbuffer *text, const struct server *server,
		const struct command *command))
{
	const struct server *server = request->server;
	size_t count;
	const struct command *const *list =
		command_table_list(server->commands, &count);

	for (size_t i = 0; i < count; i++) {
		const struct command *sub = list[i]->subcommands;

		print(text, server, list[i]);
		for (; sub != NULL && sub->name != NULL; sub++)
			print(text, server, sub);
	}
}

static void
print_calls(struct evbuffer *text, const struct server *server,
	const struct command *command)
{
	struct command_statistics sum = statistics_of_command(
		server, command_table_index(server->commands, command));

	if (sum.calls + sum.rejected + sum.failed == 0)
		return;
	evbuffer_add_printf(text,
		"cmdstat_%s:calls=%" PRIu64 ",usec=%" PRIu64
		",usec_per_call=%.2f,rejected_calls=%" PRIu64
		",failed_calls=%" PRIu64 "\r\n",
		command_table_full_name(server->commands, command), sum.calls,
		sum.microseconds,
		sum.calls == 0 ? 0.0 :
				 (double)sum.microseconds / (double)sum.calls,
		sum.rejected, sum.failed);
}

void
info_print_commandstats(struct evbuffer *text, struct request *request)
{
	evbuffer_add_printf(text, "# Commandstats\r\n");
	each_command(text, request, print_calls);
}

/* Characters that would break a line of INFO. */
static void
print_error(const char *code, unsigned long long count, void *arg)
{
	char safe[128];

	snprintf(safe, sizeof(safe), "%s", code);
	for (char *c = safe; *c != '\0'; c++)
		if (strchr("#:\n\r", *c) != NULL)
			*c = '_';
	evbuffer_add_printf(arg, "errorstat_%s:count=%llu\r\n", safe, count);
}

void
info_print_errorstats(struct evbuffer *text, struct request *request)
{
	evbuffer_add_printf(text, "# Errorstats\r\n");
	error_statistics_each(request->server, print_error, text);
}

/* --- latency --------------------------------------------------------- */

/* The duration that `percent` of the calls did not exceed. */
static uint64_t
percentile(const uint64_t *buckets, uint64_t calls, double percent)
{
	double wanted = percent / 100 * (double)calls;
	uint64_t seen = 0;
	int last = 0;

	for (int i = 0; i < LATENCY_BUCKETS; i++) {
		if (buckets[i] == 0)
			continue;
		last = i;
		seen += buckets[i];
		if ((double)seen >= wanted)
			break;
	}
	return latency_bucket_end(last);
}

static void
print_percentiles(struct evbuffer *text, const struct server *server,
	const struct command *command)
{
	uint64_t buckets[LATENCY_BUCKETS];
	uint64_t calls = statistics_histogram(server,
		command_table_index(server->commands, command), buckets);
	const char *rest = settings_get_text(
		server->settings, latency_tracking_info_percentiles);
	const char *separator = "";
	char *end;

	if (calls == 0)
		return;
	evbuffer_add_printf(text, "latency_percentiles_usec_%s:",
		command_table_full_name(server->commands, command));
	for (;; rest = end) {
		double percent = strtod(rest, &end);

		if (end == rest)
			break;
		evbuffer_add_printf(text, "%sp%.*s=%.3f", separator,
			(int)strcspn(rest + strspn(rest, " "), " "),
			rest + strspn(rest, " "),
			(double)percentile(buckets, calls, percent));
		separator = ",";
	}
	evbuffer_add_printf(text, "\r\n");
}

void
info_print_latencystats(struct evbuffer *text, struct request *request)
{
	evbuffer_add_printf(text, "# Latencystats\r\n");
	if (settings_get(request->server->settings, latency_tracking))
		each_command(text, request, print_percentiles);
}
