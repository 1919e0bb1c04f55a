/* CONFIG: settings read and changed while the server runs.
 *
 * storage/base/settings.h does the work; here are arguments and replies.
 * Texts follow redis 7.0.15 config.c. */
#include "commands/command.h"
#include "commands/connection.h"
#include "commands/families.h"
#include "commands/help.h"
#include "commands/host.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/server.h"
#include "storage/base/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

static void
cmd_config_get(struct request *request)
{
	size_t count;
	struct settings_pair *pairs = settings_list(request->server->settings,
		request->argv + 2, (size_t)request->argc - 2, &count);

	reply_map(&request->reply, count);
	for (size_t i = 0; i < count; i++) {
		reply_bulk_text(&request->reply, pairs[i].name);
		reply_bulk_text(&request->reply, pairs[i].value);
	}
	settings_pairs_free(pairs, count);
	request_finish(request);
}

/* OK, or the error that a change of settings has left, which is released. */
static void
reply_outcome(struct request *request, bool done, char *error)
{
	if (done) {
		request_reply_ok(request);
		return;
	}
	request_reply_error(request, error);
	free(error);
}

static void
cmd_config_set(struct request *request)
{
	struct settings *settings = request->server->settings;
	size_t count = ((size_t)request->argc - 2) / 2;
	bool allow_protected = settings_is_permitted(
		settings_get(settings, enable_protected_configs),
		request->connection->local);
	struct settings_change *changes;
	char *error = NULL;
	bool done;

	if (request->argc % 2 != 0) {
		request_reply_syntax_error(request);
		return;
	}
	changes = request_allocate(request, count * sizeof(*changes));
	for (size_t i = 0; i < count; i++) {
		changes[i].name = request->argv[2 + i * 2];
		changes[i].value = request->argv[3 + i * 2];
	}
	done = settings_set(settings, changes, count, allow_protected, &error);
	reply_outcome(request, done, error);
}

static void
cmd_config_rewrite(struct request *request)
{
	char *error = NULL;
	bool done = settings_rewrite(request->server->settings, false, &error);

	reply_outcome(request, done, error);
}

static void
finish_resetstat(void *arg)
{
	request_reply_ok(arg);
}

static void
cmd_config_resetstat(struct request *request)
{
	request->server->host->reset_statistics(
		request, finish_resetstat, request);
}

static const struct command config_subcommands[] = {
	{
		.name = "get",
		.usage = "parameter:(parameter)...",
		.summary = "Shows the settings whose names match.",
		.since = "2.0.0",
		.complexity = "O(N) in the settings asked for",
		.group = GROUP_SERVER,
		.arity = -3,
		.flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
		.history = {
			"7.0.0 Several patterns in one call.",
		},
		.run = cmd_config_get,
	},
	{
		.name = "help",
		.summary = "Lists the subcommands.",
		.since = "5.0.0",
		.complexity = "O(1)",
		.group = GROUP_SERVER,
		.arity = 2,
		.flags = CMD_LOADING | CMD_STALE,
		.run = help_run,
	},
	{
		.name = "resetstat",
		.summary = "Sets the statistics of INFO back to zero.",
		.since = "2.0.0",
		.complexity = "O(1)",
		.group = GROUP_SERVER,
		.arity = 2,
		.flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
		.run = cmd_config_resetstat,
	},
	{
		.name = "rewrite",
		.summary = "Writes the settings into the config file.",
		.since = "2.8.0",
		.complexity = "O(N) in the settings",
		.group = GROUP_SERVER,
		.arity = 2,
		.flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
		.run = cmd_config_rewrite,
	},
	{
		.name = "set",
		.usage = "parameter_value:(parameter value)...",
		.summary = "Changes settings, all of those given or none.",
		.since = "2.0.0",
		.complexity = "O(N) in the settings given",
		.group = GROUP_SERVER,
		.arity = -4,
		.flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
		.tips = { "request_policy:all_nodes",
			"response_policy:all_succeeded" },
		.history = {
			"7.0.0 Several settings in one call.",
		},
		.run = cmd_config_set,
	},
	{ 0 },
};

const struct command config_commands[] = {
	{
		.name = "config",
		.summary = "Settings of the server.",
		.since = "2.0.0",
		.complexity = "Depends on the subcommand.",
		.group = GROUP_SERVER,
		.arity = -2,
		.subcommands = config_subcommands,
	},
	{ 0 },
};
