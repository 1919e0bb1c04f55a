/* MEMORY: the process's own memory, and the size of a key in PostgreSQL. */
#include "commands/command.h"
#include "commands/families.h"
#include "commands/help.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/server.h"
#include "commands/statistics.h"
#include "storage/call.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

enum { SAMPLES_DEFAULT = 5 }; /* elements of a collection */

static void
reply_usage(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	if (result->row_count == 0)
		request_reply_null(request);
	else
		request_reply_integer(request, result_int64(result, 0, 0));
}

static void
cmd_memory_usage(struct request *request)
{
	struct call *call;
	int64_t samples = SAMPLES_DEFAULT;

	for (int i = 3; i < request->argc; i += 2) {
		if (i + 1 < request->argc &&
			request_is_word(request, i, "SAMPLES") &&
			!request_read_int64(request, i + 1, &samples))
			return;
		if (i + 1 == request->argc ||
			!request_is_word(request, i, "SAMPLES") ||
			samples < 0) {
			request_reply_syntax_error(request);
			return;
		}
	}
	call = call_new(request->store, SQL_memory_usage, reply_usage, request);
	call_bind_key(call, request->db, request->argv[2]);
	call_bind_int64(call, samples);
	call_send(call);
}

static void
reply_named(struct reply *reply, const char *name, int64_t value)
{
	reply_bulk_text(reply, name);
	reply_integer(reply, value);
}

static void
reply_ratio(struct reply *reply, const char *name, double value)
{
	reply_bulk_text(reply, name);
	reply_double(reply, value);
}

static void
cmd_memory_stats(struct request *request)
{
	struct server *server = request->server;
	struct reply *reply = &request->reply;
	int64_t used = (int64_t)statistics_allocated();
	int64_t peak = atomic_load(&server->peak_memory);
	int64_t resident = atomic_load(&server->used_memory);

	if (peak < used)
		peak = used;
	reply_map(reply, 27);
	reply_named(reply, "peak.allocated", peak);
	reply_named(reply, "total.allocated", used);
	reply_named(reply, "startup.allocated", 0);
	reply_named(reply, "replication.backlog", 0);
	reply_named(reply, "clients.slaves", 0);
	reply_named(reply, "clients.normal", 0);
	reply_named(reply, "cluster.links", 0);
	reply_named(reply, "aof.buffer", 0);
	reply_named(reply, "lua.caches", 0);
	reply_named(reply, "functions.caches", 0);
	reply_named(reply, "overhead.total", used);
	reply_named(reply, "keys.count", 0);
	reply_named(reply, "keys.bytes-per-key", 0);
	reply_named(reply, "dataset.bytes", 0);
	reply_ratio(reply, "dataset.percentage", 0);
	reply_ratio(
		reply, "peak.percentage", 100.0 * (double)used / (double)peak);
	reply_named(reply, "allocator.allocated", used);
	reply_named(reply, "allocator.active", used);
	reply_named(reply, "allocator.resident", resident);
	reply_ratio(reply, "allocator-fragmentation.ratio", 1);
	reply_named(reply, "allocator-fragmentation.bytes", 0);
	reply_ratio(
		reply, "allocator-rss.ratio", (double)resident / (double)used);
	reply_named(reply, "allocator-rss.bytes", resident - used);
	reply_ratio(reply, "rss-overhead.ratio", 1);
	reply_named(reply, "rss-overhead.bytes", 0);
	reply_ratio(reply, "fragmentation", (double)resident / (double)used);
	reply_named(reply, "fragmentation.bytes", resident - used);
	request_finish(request);
}

static void
cmd_memory_doctor(struct request *request)
{
	char text[256];
	char used[32], resident[32];

	snprintf(used, sizeof(used), "%zu kB", statistics_allocated() / 1024);
	snprintf(resident, sizeof(resident), "%lld kB",
		(long long)atomic_load(&request->server->used_memory) / 1024);
	snprintf(text, sizeof(text),
		"The data are in PostgreSQL; this process only holds clients' "
		"buffers.\nIt uses %s, and %s with what the allocator keeps. "
		"There is nothing to treat.\n",
		used, resident);
	reply_verbatim(&request->reply, "txt", bytes_of(text));
	request_finish(request);
}

static void
cmd_memory_malloc_stats(struct request *request)
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	if (stream == NULL || malloc_info(0, stream) != 0 ||
		fclose(stream) != 0) {
		request_reply_error(
			request, "ERR the allocator gives no statistics");
		return;
	}
	reply_verbatim(&request->reply, "txt", (struct bytes){ text, size });
	free(text);
	request_finish(request);
}

static void
cmd_memory_purge(struct request *request)
{
	malloc_trim(0);
	request_reply_ok(request);
}

static const struct command memory_subcommands[] = {
	{
		.name = "doctor",
		.summary = "Explains the use of memory.",
		.since = "4.0.0",
		.complexity = "O(1)",
		.group = GROUP_SERVER,
		.arity = 2,
		.tips = {
			"nondeterministic_output",
			"request_policy:all_shards",
			"response_policy:special",
		},
		.run = cmd_memory_doctor,
	},
	{
		.name = "help",
		.summary = "Lists the subcommands.",
		.since = "4.0.0",
		.complexity = "O(1)",
		.group = GROUP_SERVER,
		.arity = 2,
		.flags = CMD_LOADING | CMD_STALE,
		.run = help_run,
	},
	{
		.name = "malloc-stats",
		.summary = "Shows the allocator's statistics.",
		.since = "4.0.0",
		.complexity = "Grows with the memory in use.",
		.group = GROUP_SERVER,
		.arity = 2,
		.tips = {
			"nondeterministic_output",
			"request_policy:all_shards",
			"response_policy:special",
		},
		.run = cmd_memory_malloc_stats,
	},
	{
		.name = "purge",
		.summary = "Asks the allocator to return free memory.",
		.since = "4.0.0",
		.complexity = "Grows with the memory in use.",
		.group = GROUP_SERVER,
		.arity = 2,
		.tips = {
			"request_policy:all_shards",
			"response_policy:all_succeeded",
		},
		.run = cmd_memory_purge,
	},
	{
		.name = "stats",
		.summary = "Shows where the memory went.",
		.since = "4.0.0",
		.complexity = "O(1)",
		.group = GROUP_SERVER,
		.arity = 2,
		.tips = {
			"nondeterministic_output",
			"request_policy:all_shards",
			"response_policy:special",
		},
		.state = COMMAND_PARTIAL,
		.note = "Data are in PostgreSQL: keys and dataset are 0.",
		.run = cmd_memory_stats,
	},
	{
		.name = "usage",
		.usage = "key [SAMPLES count:integer]",
		.summary = "Tells the memory that a key takes.",
		.since = "4.0.0",
		.complexity = "O(N) in the samples",
		.group = GROUP_SERVER,
		.arity = -3,
		.flags = CMD_READONLY | CMD_LANE,
		.keys = { KEY_AT(2, KEY_RO) },
		.state = COMMAND_PARTIAL,
		.note = "Bytes of the key's row, as PostgreSQL stores it.",
		.run = cmd_memory_usage,
	},
	{ 0 },
};

const struct command memory_commands[] = {
	{
		.name = "memory",
		.summary = "Commands about memory.",
		.since = "4.0.0",
		.complexity = "Depends on the subcommand.",
		.group = GROUP_SERVER,
		.arity = -2,
		.subcommands = memory_subcommands,
	},
	{ 0 },
};
