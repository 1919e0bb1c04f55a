/* COMMAND: what the server can tell about its own commands, all of it from
 * the command table.
 *
 * Texts and the order of checks follow redis 7.0.15 server.c. */
#include "commands/command.h"
#include "commands/describe.h"
#include "commands/families.h"
#include "commands/help.h"
#include "commands/names.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/server.h"
#include "commands/table.h"
#include "storage/base/bytes.h"
#include "storage/base/glob.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static void
describe_all(struct request *request)
{
	const struct command_table *table = request->server->commands;
	size_t count;
	const struct command *const *list = command_table_list(table, &count);

	reply_array(&request->reply, count);
	for (size_t i = 0; i < count; i++)
		describe_info(&request->reply, table, list[i]);
}

static void
cmd_command(struct request *request)
{
	describe_all(request);
	request_finish(request);
}

static void
cmd_command_count(struct request *request)
{
	size_t count;

	command_table_list(request->server->commands, &count);
	request_reply_integer(request, (int64_t)count);
}

static void
cmd_command_info(struct request *request)
{
	const struct command_table *table = request->server->commands;

	if (request->argc == 2) {
		describe_all(request);
		request_finish(request);
		return;
	}
	reply_array(&request->reply, (size_t)request->argc - 2);
	for (int i = 2; i < request->argc; i++) {
		const struct command *command =
			command_table_find_full(table, request->argv[i]);

		if (command)
			describe_info(&request->reply, table, command);
		else
			reply_null(&request->reply);
	}
	request_finish(request);
}

static void
document(struct request *request, const struct command *command)
{
	const struct command_table *table = request->server->commands;

	reply_bulk_text(
		&request->reply, command_table_full_name(table, command));
	describe_docs(&request->reply, table, command);
}

static void
cmd_command_docs(struct request *request)
{
	const struct command_table *table = request->server->commands;
	size_t count;
	const struct command *const *list = command_table_list(table, &count);

	if (request->argc == 2) {
		reply_map(&request->reply, count);
		for (size_t i = 0; i < count; i++)
			document(request, list[i]);
		request_finish(request);
		return;
	}
	/* Names that no command has are passed over. */
	count = 0;
	for (int i = 2; i < request->argc; i++)
		count += command_table_find_full(table, request->argv[i]) !=
			NULL;
	reply_map(&request->reply, count);
	for (int i = 2; i < request->argc; i++) {
		const struct command *command =
			command_table_find_full(table, request->argv[i]);

		if (command)
			document(request, command);
	}
	request_finish(request);
}

/* What COMMAND LIST leaves in; all fields 0: everything. */
struct list_filter {
	bool by_module, by_category, by_pattern;
	struct bytes value;
};

static bool
filter_passes(const struct list_filter *filter,
	const struct command_table *table, const struct command *command)
{
	if (filter->by_module)
		return false; /* No command here comes from a module. */
	if (filter->by_category)
		return command_table_categories(table, command) &
			category_by_name(filter->value);
	if (filter->by_pattern)
		return glob_match(filter->value,
			bytes_of(command_table_full_name(table, command)),
			true);
	return true;
}

/* Counts the full names that pass, and writes them when `reply` is given. */
static size_t
list_names(struct reply *reply, const struct command_table *table,
	const struct list_filter *filter, const struct command *command)
{
	const struct command *row = command->subcommands;
	size_t count = 0;

	if (filter_passes(filter, table, command)) {
		count++;
		if (reply)
			reply_bulk_text(
				reply, command_table_full_name(table, command));
	}
	for (; row && row->name; row++)
		count += list_names(reply, table, filter, row);
	return count;
}

/* FILTERBY, if it is given; false after replying a syntax error. */
static bool
read_filter(struct request *request, struct list_filter *filter)
{
	if (request->argc == 2)
		return true;
	if (request->argc != 5 || !request_is_word(request, 2, "filterby")) {
		request_reply_syntax_error(request);
		return false;
	}
	filter->by_module = request_is_word(request, 3, "module");
	filter->by_category = request_is_word(request, 3, "aclcat");
	filter->by_pattern = request_is_word(request, 3, "pattern");
	filter->value = request->argv[4];
	if (filter->by_module || filter->by_category || filter->by_pattern)
		return true;
	request_reply_syntax_error(request);
	return false;
}

static void
cmd_command_list(struct request *request)
{
	const struct command_table *table = request->server->commands;
	struct list_filter filter = { 0 };
	size_t count, total = 0;
	const struct command *const *list = command_table_list(table, &count);

	if (!read_filter(request, &filter))
		return;
	for (size_t i = 0; i < count; i++)
		total += list_names(NULL, table, &filter, list[i]);
	reply_array(&request->reply, total);
	for (size_t i = 0; i < count; i++)
		list_names(&request->reply, table, &filter, list[i]);
	request_finish(request);
}

/* The row of the command that stands behind COMMAND GETKEYS; NULL when there
 * is none. */
static const struct command *
find_inner(
	const struct command_table *table, const struct bytes *argv, int argc)
{
	const struct command *command = command_table_find(table, argv[0]);

	if (!command || !command->subcommands || argc == 1)
		return command;
	return command_table_find_subcommand(table, command, argv[1]);
}

static bool
fits_arity(const struct command *command, int argc)
{
	return command->arity >= 0 ? argc == command->arity :
				     argc >= -command->arity;
}

static void
reply_keys(struct request *request, bool with_access)
{
	const struct bytes *argv = request->argv + 2;
	int argc = request->argc - 2, count;
	const struct command *command =
		find_inner(request->server->commands, argv, argc);
	int *indices;
	uint32_t *access;

	if (!command) {
		request_reply_error(request, "ERR Invalid command specified");
		return;
	}
	if (!command_has_keys(command)) {
		request_reply_error(
			request, "ERR The command has no key arguments");
		return;
	}
	if (!fits_arity(command, argc)) {
		request_reply_error(request,
			"ERR Invalid number of arguments "
			"specified for command");
		return;
	}
	indices = request_allocate(request, (size_t)argc * sizeof(*indices));
	access = request_allocate(request, (size_t)argc * sizeof(*access));
	count = command_find_keys(command, argv, argc, indices, access, argc);
	assert(count <= argc); /* No argument is a key twice. */
	if (count <= 0 && !(command->flags & CMD_NO_MANDATORY_KEYS)) {
		request_reply_error(
			request, "ERR Invalid arguments specified for command");
		return;
	}
	if (count < 0)
		count = 0;
	reply_array(&request->reply, (size_t)count);
	for (int i = 0; i < count; i++) {
		if (with_access)
			reply_array(&request->reply, 2);
		reply_bulk(&request->reply, argv[indices[i]]);
		if (with_access)
			describe_flags(&request->reply, key_access_names,
				access[i], "");
	}
	request_finish(request);
}

static void
cmd_command_getkeys(struct request *request)
{
	reply_keys(request, false);
}

static void
cmd_command_getkeysandflags(struct request *request)
{
	reply_keys(request, true);
}

static const struct command command_subcommands[] = {
	{
		.name = "count",
		.summary = "Counts the commands.",
		.since = "2.8.13",
		.complexity = "O(1)",
		.group = GROUP_SERVER,
		.arity = 2,
		.flags = CMD_LOADING | CMD_STALE | CMD_AT_ONCE,
		.categories = CATEGORY_CONNECTION,
		.run = cmd_command_count,
	},
	{
		.name = "docs",
		.usage = "[command-name...]",
		.summary = "Documents commands.",
		.since = "7.0.0",
		.complexity = "O(N) in the commands asked for",
		.group = GROUP_SERVER,
		.arity = -2,
		.flags = CMD_LOADING | CMD_STALE | CMD_AT_ONCE,
		.categories = CATEGORY_CONNECTION,
		.tips = { "nondeterministic_output_order" },
		.run = cmd_command_docs,
	},
	{
		.name = "getkeys",
		.summary = "Picks the keys out of a command.",
		.since = "2.8.13",
		.complexity = "O(N) in the arguments",
		.group = GROUP_SERVER,
		.arity = -4,
		.flags = CMD_LOADING | CMD_STALE | CMD_AT_ONCE,
		.categories = CATEGORY_CONNECTION,
		.run = cmd_command_getkeys,
	},
	{
		.name = "getkeysandflags",
		.summary = "Picks the keys and their use out of a command.",
		.since = "7.0.0",
		.complexity = "O(N) in the arguments",
		.group = GROUP_SERVER,
		.arity = -4,
		.flags = CMD_LOADING | CMD_STALE | CMD_AT_ONCE,
		.categories = CATEGORY_CONNECTION,
		.run = cmd_command_getkeysandflags,
	},
	{
		.name = "help",
		.summary = "Lists the subcommands.",
		.since = "5.0.0",
		.complexity = "O(1)",
		.group = GROUP_SERVER,
		.arity = 2,
		.flags = CMD_LOADING | CMD_STALE | CMD_AT_ONCE,
		.categories = CATEGORY_CONNECTION,
		.run = help_run,
	},
	{
		.name = "info",
		.usage = "[command-name...]",
		.summary = "Describes the named commands.",
		.since = "2.8.13",
		.complexity = "O(N) in the commands asked for",
		.group = GROUP_SERVER,
		.arity = -2,
		.flags = CMD_LOADING | CMD_STALE | CMD_AT_ONCE,
		.categories = CATEGORY_CONNECTION,
		.tips = { "nondeterministic_output_order" },
		.history = {
			"7.0.0 All commands when none is named.",
		},
		.run = cmd_command_info,
	},
	{
		.name = "list",
		.usage =
			"[FILTERBY (MODULE module-name | ACLCAT category | "
			"PATTERN pattern:pattern)]",
		.summary = "Lists the names of the commands.",
		.since = "7.0.0",
		.complexity = "O(N) in the commands",
		.group = GROUP_SERVER,
		.arity = -2,
		.flags = CMD_LOADING | CMD_STALE | CMD_AT_ONCE,
		.categories = CATEGORY_CONNECTION,
		.tips = { "nondeterministic_output_order" },
		.run = cmd_command_list,
	},
	{ 0 },
};

const struct command introspection_commands[] = {
	{
		.name = "command",
		.summary = "Describes every command.",
		.since = "2.8.13",
		.complexity = "O(N) in the commands",
		.group = GROUP_SERVER,
		.arity = -1,
		.flags = CMD_LOADING | CMD_STALE | CMD_AT_ONCE,
		.categories = CATEGORY_CONNECTION,
		.tips = { "nondeterministic_output_order" },
		.subcommands = command_subcommands,
		.run = cmd_command,
	},
	{ 0 },
};
