/* Answers HELP from the rows, so that it cannot disagree with them. */
#include "commands/help.h"

#include "commands/command.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/server.h"
#include "commands/table.h"
#include "commands/usage.h"
#include "storage/base/memory.h"

#include <assert.h>
#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static void
upper(char *text)
{
	for (; *text; text++)
		*text = (char)toupper((unsigned char)*text);
}

/* "    " and the summary, one line. */
static void
reply_summary(struct reply *reply, const struct command *row)
{
	char *line = memory_print("    %s", row->summary);

	reply_simple(reply, line);
	free(line);
}

static void
reply_row(struct reply *reply, const struct command *row)
{
	const char *error;
	size_t position;
	struct usage *usage = usage_parse(row->usage, &error, &position);
	char *name = memory_copy_string(row->name), *syntax, *line;

	assert(usage); /* The table refuses rows whose usage is broken. */
	syntax = usage_syntax(usage);
	upper(name);
	line = memory_print("%s%s%s", name, *syntax ? " " : "", syntax);
	reply_simple(reply, line);
	reply_summary(reply, row);
	free(line);
	free(syntax);
	free(name);
	free(usage);
}

void
help_run(struct request *request)
{
	struct reply *reply = &request->reply;
	const struct command *help = request->command, *row;
	const struct command *parent =
		command_table_parent(request->server->commands, help);
	char *name = memory_copy_string(parent->name), *line;
	bool runs_alone = parent->run && parent->arity == -1;
	size_t lines = 1 + (runs_alone ? 2 : 0);

	for (row = parent->subcommands; row->name; row++)
		lines += 2;
	upper(name);
	line = memory_print("%s <subcommand> [<arg> [value] [opt] ...]. "
			    "Subcommands are:",
		name);
	reply_array(reply, lines);
	reply_simple(reply, line);
	free(line);
	free(name);
	if (runs_alone) {
		reply_simple(reply, "(no subcommand)");
		reply_summary(reply, parent);
	}
	for (row = parent->subcommands; row->name; row++) {
		if (row != help)
			reply_row(reply, row);
	}
	reply_row(reply, help);
	request_finish(request);
}
