/* Writes a row as COMMAND INFO and COMMAND DOCS show it, in Redis 7.0's form
 * (redis 7.0.15 server.c, addReplyCommandInfo and addReplyCommandDocs). */
#ifndef COMMANDS_DESCRIBE_H
#define COMMANDS_DESCRIBE_H

#include "commands/command.h"
#include "commands/names.h"
#include "commands/reply.h"
#include "commands/table.h"

#include <stdint.h>

/* A set of the words for those bits of `flags` that `names` knows, as status
 * replies with `prefix` before each. */
void describe_flags(struct reply *reply, const struct flag_name *names,
	uint32_t flags, const char *prefix);

/* The array of ten that COMMAND INFO has for a command, its subcommands
 * included. */
void describe_info(struct reply *reply, const struct command_table *table,
	const struct command *command);

/* The map that COMMAND DOCS has for a command, its subcommands included. */
void describe_docs(struct reply *reply, const struct command_table *table,
	const struct command *command);

#endif
