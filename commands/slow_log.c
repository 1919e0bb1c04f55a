/* The ring of slow commands, and SLOWLOG; see slow_log.h.
 *
 * Entries are copies, so that they outlive their requests; arguments are cut
 * where Redis cuts them (redis 7.0.15 slowlog.c). */
#include "commands/slow_log.h"

#include "commands/command.h"
#include "commands/connection.h"
#include "commands/families.h"
#include "commands/help.h"
#include "commands/host.h"
#include "commands/redaction.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/server.h"
#include "storage/base/clock.h"
#include "storage/base/memory.h"
#include "storage/base/settings.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARGUMENTS_MAX = 32, ARGUMENT_SIZE_MAX = 128, TAIL_SIZE = 64 };

struct entry {
	struct entry *older;
	int64_t id, time_s, duration_us;
	char *address, *name;
	int argc;
	struct bytes argv[ARGUMENTS_MAX]; /* owned */
};

struct slow_log {
	pthread_mutex_t mutex;
	struct entry *newest;
	int64_t next_id, count;
};

struct slow_log *
slow_log_new(void)
{
	struct slow_log *log = memory_allocate_zeroed(1, sizeof(*log));

	pthread_mutex_init(&log->mutex, NULL);
	return log;
}

static void
free_entries(struct entry *entry)
{
	while (entry != NULL) {
		struct entry *older = entry->older;

		for (int i = 0; i < entry->argc; i++)
			free((char *)entry->argv[i].data);
		free(entry->address);
		free(entry->name);
		free(entry);
		entry = older;
	}
}

void
slow_log_free(struct slow_log *log)
{
	if (log == NULL)
		return;
	free_entries(log->newest);
	pthread_mutex_destroy(&log->mutex);
	free(log);
}

/* --- adding ---------------------------------------------------------- */

static struct bytes
copy_argument(struct bytes argument)
{
	bool cut = argument.size > ARGUMENT_SIZE_MAX;
	size_t size = cut ? ARGUMENT_SIZE_MAX : argument.size;
	char *copy = memory_allocate(size + TAIL_SIZE);

	memcpy(copy, argument.data, size);
	if (cut)
		size += (size_t)snprintf(copy + size, TAIL_SIZE,
			"... (%zu more bytes)", argument.size - size);
	return (struct bytes){ copy, size };
}

static void
copy_arguments(struct entry *entry, const struct request *request)
{
	bool cut = request->argc > ARGUMENTS_MAX;
	int shown = cut ? ARGUMENTS_MAX - 1 : request->argc;

	for (int i = 0; i < shown; i++)
		entry->argv[i] = copy_argument(redaction_argument(request, i));
	entry->argc = shown;
	if (cut) {
		char *rest = memory_print(
			"... (%d more arguments)", request->argc - shown);

		entry->argv[entry->argc++] = bytes_of(rest);
	}
}

static struct entry *
new_entry(const struct request *request, int64_t duration_us)
{
	struct entry *entry = memory_allocate_zeroed(1, sizeof(*entry));
	struct connection *connection = request->connection;
	struct connection_facts facts;

	request->server->host->describe(connection, &facts);
	entry->time_s = clock_wall_us() / 1000000;
	entry->duration_us = duration_us;
	entry->address = memory_copy_string(facts.address);
	entry->name =
		memory_copy_string(connection->name ? connection->name : "");
	copy_arguments(entry, request);
	return entry;
}

/* Takes what is beyond `most` entries off the log; the caller frees it. */
static struct entry *
cut_oldest(struct slow_log *log, int64_t most)
{
	struct entry **place = &log->newest, *rest;

	if (log->count <= most)
		return NULL;
	for (int64_t i = 0; i < most; i++)
		place = &(*place)->older;
	rest = *place;
	*place = NULL;
	log->count = most;
	return rest;
}

void
slow_log_add(struct request *request, int64_t duration_us)
{
	struct slow_log *log = request->server->slow_log;
	struct settings *settings = request->server->settings;
	int64_t least_us = settings_get(settings, slowlog_log_slower_than);
	struct entry *entry, *rest;

	if (least_us < 0 || duration_us < least_us ||
		(request->command->flags & CMD_SKIP_SLOWLOG))
		return;
	entry = new_entry(request, duration_us);
	pthread_mutex_lock(&log->mutex);
	entry->id = log->next_id++;
	entry->older = log->newest;
	log->newest = entry;
	log->count++;
	rest = cut_oldest(log, settings_get(settings, slowlog_max_len));
	pthread_mutex_unlock(&log->mutex);
	free_entries(rest);
}

/* --- SLOWLOG --------------------------------------------------------- */

static void
reply_entry(struct reply *reply, const struct entry *entry)
{
	reply_array(reply, 6);
	reply_integer(reply, entry->id);
	reply_integer(reply, entry->time_s);
	reply_integer(reply, entry->duration_us);
	reply_array(reply, (size_t)entry->argc);
	for (int i = 0; i < entry->argc; i++)
		reply_bulk(reply, entry->argv[i]);
	reply_bulk_text(reply, entry->address);
	reply_bulk_text(reply, entry->name);
}

static void
cmd_slowlog_get(struct request *request)
{
	static const char error[] =
		"ERR count should be greater than or equal to -1";
	struct slow_log *log = request->server->slow_log;
	const struct entry *entry;
	int64_t count = 10;

	if (request->argc > 3) {
		request_reply_error(request,
			"ERR unknown subcommand or wrong number of arguments "
			"for 'get'. Try SLOWLOG HELP.");
		return;
	}
	if (request->argc == 3) {
		if (!request_read_int64_or(request, 2, &count, error))
			return;
		if (count < -1) {
			request_reply_error(request, error);
			return;
		}
	}
	pthread_mutex_lock(&log->mutex);
	if (count == -1 || count > log->count)
		count = log->count;
	reply_array(&request->reply, (size_t)count);
	entry = log->newest;
	for (int64_t i = 0; i < count; i++, entry = entry->older)
		reply_entry(&request->reply, entry);
	pthread_mutex_unlock(&log->mutex);
	request_finish(request);
}

static void
cmd_slowlog_len(struct request *request)
{
	struct slow_log *log = request->server->slow_log;
	int64_t count;

	pthread_mutex_lock(&log->mutex);
	count = log->count;
	pthread_mutex_unlock(&log->mutex);
	request_reply_integer(request, count);
}

static void
cmd_slowlog_reset(struct request *request)
{
	struct slow_log *log = request->server->slow_log;
	struct entry *all;

	pthread_mutex_lock(&log->mutex);
	all = cut_oldest(log, 0);
	pthread_mutex_unlock(&log->mutex);
	free_entries(all);
	request_reply_ok(request);
}

static const struct command slow_log_subcommands[] = {
	{
		.name = "get",
		.usage = "[count:integer]",
		.summary = "Shows the newest entries of the log.",
		.since = "2.2.12",
		.complexity = "O(N) in the entries shown",
		.group = GROUP_SERVER,
		.arity = -2,
		.flags = CMD_ADMIN | CMD_LOADING | CMD_STALE,
		.tips = {
			"request_policy:all_nodes",
			"nondeterministic_output",
		},
		.history = {
			"4.0.0 The client's address and name.",
		},
		.run = cmd_slowlog_get,
	},
	{
		.name = "help",
		.summary = "Lists the subcommands.",
		.since = "6.2.0",
		.complexity = "O(1)",
		.group = GROUP_SERVER,
		.arity = 2,
		.flags = CMD_LOADING | CMD_STALE,
		.run = help_run,
	},
	{
		.name = "len",
		.summary = "Counts the entries of the log.",
		.since = "2.2.12",
		.complexity = "O(1)",
		.group = GROUP_SERVER,
		.arity = 2,
		.flags = CMD_ADMIN | CMD_LOADING | CMD_STALE,
		.tips = {
			"request_policy:all_nodes",
			"response_policy:agg_sum",
			"nondeterministic_output",
		},
		.run = cmd_slowlog_len,
	},
	{
		.name = "reset",
		.summary = "Empties the log.",
		.since = "2.2.12",
		.complexity = "O(N) in the entries",
		.group = GROUP_SERVER,
		.arity = 2,
		.flags = CMD_ADMIN | CMD_LOADING | CMD_STALE,
		.tips = {
			"request_policy:all_nodes",
			"response_policy:all_succeeded",
		},
		.run = cmd_slowlog_reset,
	},
	{ 0 },
};

const struct command slow_log_commands[] = {
	{
		.name = "slowlog",
		.summary = "Commands about the log of slow commands.",
		.since = "2.2.12",
		.complexity = "Depends on the subcommand.",
		.group = GROUP_SERVER,
		.arity = -2,
		.subcommands = slow_log_subcommands,
	},
	{ 0 },
};
