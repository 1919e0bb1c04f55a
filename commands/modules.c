/* MODULE: there are none, which clients ask for. */
#include "commands/command.h"
#include "commands/families.h"
#include "commands/help.h"
#include "commands/reply.h"
#include "commands/request.h"

static void
cmd_module_list(struct request *request)
{
	reply_array(&request->reply, 0);
	request_finish(request);
}

static const struct command module_subcommands[] = {
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
		.name = "list",
		.summary = "Lists the modules that are loaded.",
		.since = "4.0.0",
		.complexity = "O(1)",
		.group = GROUP_SERVER,
		.arity = 2,
		.flags = CMD_ADMIN | CMD_NOSCRIPT,
		.tips = { "nondeterministic_output_order" },
		.run = cmd_module_list,
	},
	{ 0 },
};

const struct command module_commands[] = {
	{
		.name = "module",
		.summary = "Commands about modules.",
		.since = "4.0.0",
		.complexity = "Depends on the subcommand.",
		.group = GROUP_SERVER,
		.arity = -2,
		.subcommands = module_subcommands,
	},
	{ 0 },
};
