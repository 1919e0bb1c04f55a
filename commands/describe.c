/* Encodes rows for COMMAND INFO and COMMAND DOCS.
 *
 * Maps and sets state their size first, so each has a counting line beside
 * the lines that write it; they must agree. */
#include "commands/describe.h"

#include "commands/command.h"
#include "commands/names.h"
#include "commands/reply.h"
#include "commands/table.h"
#include "commands/usage.h"
#include "storage/base/bytes.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum document_flag { DOCUMENT_DEPRECATED = 1, DOCUMENT_SYSTEM = 2 };

static const struct flag_name document_flag_names[] = {
	{ DOCUMENT_DEPRECATED, "deprecated" },
	{ DOCUMENT_SYSTEM, "syscmd" },
	{ 0, NULL },
};

enum argument_flag {
	ARGUMENT_OPTIONAL = 1,
	ARGUMENT_MULTIPLE = 2,
	ARGUMENT_MULTIPLE_TOKEN = 4,
};

static const struct flag_name argument_flag_names[] = {
	{ ARGUMENT_OPTIONAL, "optional" },
	{ ARGUMENT_MULTIPLE, "multiple" },
	{ ARGUMENT_MULTIPLE_TOKEN, "multiple_token" },
	{ 0, NULL },
};

static size_t
count_texts(const char *const *texts, size_t capacity)
{
	size_t count = 0;

	while (count < capacity && texts[count])
		count++;
	return count;
}

#define COUNT_TEXTS(array) \
	count_texts(array, sizeof(array) / sizeof((array)[0]))

static size_t
count_rows(const struct command *rows)
{
	size_t count = 0;

	while (rows && rows[count].name)
		count++;
	return count;
}

/* A pair of a map whose value is a text; nothing when there is none. */
static void
text_pair(struct reply *reply, const char *name, const char *value)
{
	if (!value)
		return;
	reply_bulk_text(reply, name);
	reply_bulk_text(reply, value);
}

static void
integer_pair(struct reply *reply, const char *name, int value)
{
	reply_bulk_text(reply, name);
	reply_integer(reply, value);
}

void
describe_flags(struct reply *reply, const struct flag_name *names,
	uint32_t flags, const char *prefix)
{
	const struct flag_name *row;
	size_t count = 0;

	for (row = names; row->name; row++)
		count += (flags & row->flag) != 0;
	reply_set(reply, count);
	for (row = names; row->name; row++) {
		char text[64] = "";

		if (!(flags & row->flag))
			continue;
		assert(strlen(prefix) + strlen(row->name) < sizeof(text));
		strcat(strcpy(text, prefix), row->name);
		reply_simple(reply, text);
	}
}

/* {"type": type, "spec": {…`pairs`…}}; the caller writes the pairs. */
static void
open_search(
	struct reply *reply, const char *name, const char *type, size_t pairs)
{
	reply_bulk_text(reply, name);
	reply_map(reply, 2);
	text_pair(reply, "type", type);
	reply_bulk_text(reply, "spec");
	reply_map(reply, pairs);
}

static void
describe_begin(struct reply *reply, const struct key_spec *spec)
{
	if (spec->begin == KEY_BEGIN_INDEX) {
		open_search(reply, "begin_search", "index", 1);
		integer_pair(reply, "index", spec->index);
	} else if (spec->begin == KEY_BEGIN_KEYWORD) {
		open_search(reply, "begin_search", "keyword", 2);
		text_pair(reply, "keyword", spec->keyword);
		integer_pair(reply, "startfrom", spec->index);
	} else {
		open_search(reply, "begin_search", "unknown", 0);
	}
}

static void
describe_find(struct reply *reply, const struct key_spec *spec)
{
	if (spec->find == KEY_FIND_RANGE) {
		open_search(reply, "find_keys", "range", 3);
		integer_pair(reply, "lastkey", spec->last_key);
		integer_pair(reply, "keystep", spec->key_step);
		integer_pair(reply, "limit", spec->limit);
	} else if (spec->find == KEY_FIND_KEYNUM) {
		open_search(reply, "find_keys", "keynum", 3);
		integer_pair(reply, "keynumidx", spec->keynum_index);
		integer_pair(reply, "firstkey", spec->first_key);
		integer_pair(reply, "keystep", spec->key_step);
	} else {
		open_search(reply, "find_keys", "unknown", 0);
	}
}

static void
describe_key_specs(struct reply *reply, const struct key_spec *specs)
{
	size_t count = 0;

	while (count < COMMAND_KEY_SPECS_MAX &&
		specs[count].begin != KEY_BEGIN_NONE)
		count++;
	reply_set(reply, count);
	for (size_t i = 0; i < count; i++) {
		reply_map(reply, specs[i].notes ? 4 : 3);
		text_pair(reply, "notes", specs[i].notes);
		reply_bulk_text(reply, "flags");
		describe_flags(reply, key_access_names, specs[i].access, "");
		describe_begin(reply, &specs[i]);
		describe_find(reply, &specs[i]);
	}
}

static void
describe_tips(struct reply *reply, const struct command *command)
{
	size_t count = COUNT_TEXTS(command->tips);

	reply_set(reply, count);
	for (size_t i = 0; i < count; i++)
		reply_bulk_text(reply, command->tips[i]);
}

void
describe_info(struct reply *reply, const struct command_table *table,
	const struct command *command)
{
	const struct command *row = command->subcommands;
	struct key_range range = command_table_key_range(table, command);

	reply_array(reply, 10);
	reply_bulk_text(reply, command_table_full_name(table, command));
	reply_integer(reply, command->arity);
	describe_flags(reply, command_flag_names,
		command_table_flags(table, command), "");
	reply_integer(reply, range.first);
	reply_integer(reply, range.last);
	reply_integer(reply, range.step);
	describe_flags(reply, category_names,
		command_table_categories(table, command), "@");
	describe_tips(reply, command);
	describe_key_specs(reply, command->keys);
	if (!row) {
		reply_set(reply, 0);
		return;
	}
	reply_array(reply, count_rows(row));
	for (; row->name; row++)
		describe_info(reply, table, row);
}

static void
describe_history(struct reply *reply, const struct command *command)
{
	size_t count = COUNT_TEXTS(command->history);

	reply_bulk_text(reply, "history");
	reply_set(reply, count);
	for (size_t i = 0; i < count; i++) {
		const char *entry = command->history[i];
		size_t version = strcspn(entry, " ");

		reply_array(reply, 2);
		reply_bulk(reply, (struct bytes){ entry, version });
		reply_bulk_text(
			reply, entry + version + strspn(entry + version, " "));
	}
}

static uint32_t
argument_flags(const struct usage_argument *argument)
{
	return (argument->optional ? ARGUMENT_OPTIONAL : 0) |
		(argument->multiple ? ARGUMENT_MULTIPLE : 0) |
		(argument->multiple_token ? ARGUMENT_MULTIPLE_TOKEN : 0);
}

static void
describe_arguments(struct reply *reply, const struct usage_argument *argument,
	size_t count)
{
	reply_array(reply, count);
	for (; argument; argument = argument->next) {
		uint32_t flags = argument_flags(argument);
		size_t pairs = 2 + (argument->key_spec >= 0) +
			(argument->token != NULL) + (argument->since != NULL) +
			(argument->deprecated_since != NULL) + (flags != 0) +
			(argument->children != NULL);

		reply_map(reply, pairs);
		text_pair(reply, "name", argument->name);
		text_pair(reply, "type", usage_type_name(argument->type));
		if (argument->key_spec >= 0)
			integer_pair(
				reply, "key_spec_index", argument->key_spec);
		text_pair(reply, "token", argument->token);
		text_pair(reply, "since", argument->since);
		text_pair(
			reply, "deprecated_since", argument->deprecated_since);
		if (flags) {
			reply_bulk_text(reply, "flags");
			describe_flags(reply, argument_flag_names, flags, "");
		}
		if (!argument->children)
			continue;
		reply_bulk_text(reply, "arguments");
		describe_arguments(
			reply, argument->children, argument->child_count);
	}
}

static void
describe_usage(struct reply *reply, const struct command *command)
{
	const char *error;
	size_t position;
	struct usage *usage = usage_parse(command->usage, &error, &position);

	assert(usage); /* The table refuses rows whose usage is broken. */
	reply_bulk_text(reply, "arguments");
	describe_arguments(reply, usage->arguments, usage->count);
	free(usage);
}

static uint32_t
document_flags(const struct command *command)
{
	return (command->deprecated_since ? DOCUMENT_DEPRECATED : 0) |
		(command->flags & CMD_SYSTEM ? DOCUMENT_SYSTEM : 0);
}

static size_t
count_document_pairs(const struct command *command)
{
	return 1 + (command->summary != NULL) + (command->since != NULL) +
		(command->complexity != NULL) + (document_flags(command) != 0) +
		(command->deprecated_since != NULL) +
		(command->replaced_by != NULL) + (command->history[0] != NULL) +
		(command->usage != NULL) + (command->subcommands != NULL);
}

void
describe_docs(struct reply *reply, const struct command_table *table,
	const struct command *command)
{
	const struct command *row = command->subcommands;
	uint32_t flags = document_flags(command);

	reply_map(reply, count_document_pairs(command));
	text_pair(reply, "summary", command->summary);
	text_pair(reply, "since", command->since);
	text_pair(reply, "group", group_name(command->group));
	text_pair(reply, "complexity", command->complexity);
	if (flags) {
		reply_bulk_text(reply, "doc_flags");
		describe_flags(reply, document_flag_names, flags, "");
	}
	text_pair(reply, "deprecated_since", command->deprecated_since);
	text_pair(reply, "replaced_by", command->replaced_by);
	if (command->history[0])
		describe_history(reply, command);
	if (command->usage)
		describe_usage(reply, command);
	if (!row)
		return;
	reply_bulk_text(reply, "subcommands");
	reply_map(reply, count_rows(row));
	for (; row->name; row++) {
		reply_bulk_text(reply, command_table_full_name(table, row));
		describe_docs(reply, table, row);
	}
}
