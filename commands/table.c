/* Joins the families' rows into the command table.
 *
 * Rows stay where their family wrote them, constant; what is derived from them
 * (full name, implied categories, the old-style key range, the dense number)
 * stands in entries beside them.  Two hashes find an entry: by full name, in
 * small letters, and by the row's address, for callers who hold the row.  All
 * is built once; look-ups write nothing, so they need no lock. */
#include "commands/table.h"

#include "commands/command.h"
#include "commands/families.h"
#include "commands/usage.h"
#include "storage/base/bytes.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"

#include <ctype.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

enum { FULL_NAME_SIZE = 64 };

struct entry {
	const struct command *command, *parent;
	char full_name[FULL_NAME_SIZE]; /* as in "client|kill" */
	char upper_name[FULL_NAME_SIZE]; /* as in "CLIENT|KILL" */
	size_t index;
	uint32_t flags, categories;
	struct key_range range;
	UT_hash_handle by_name, by_row;
};

struct command_table {
	struct entry *entries; /* `count` of them, commands and subcommands */
	size_t count, capacity;
	struct entry *names, *rows; /* heads of the hashes */
	const struct command **list; /* commands in name order */
	size_t list_count;
	bool is_broken;
};

static const struct command *const families[] = {
#define FAMILY(array) array,
	COMMAND_FAMILIES(FAMILY)
#undef FAMILY
};

/* Redis' implied categories (redis 7.0.15 server.c,
 * setImplicitACLCategories). */
static uint32_t
imply_categories(const struct command *command)
{
	static const struct {
		uint32_t flag, categories;
	} rules[] = {
		{ CMD_WRITE, CATEGORY_WRITE },
		{ CMD_ADMIN, CATEGORY_ADMIN | CATEGORY_DANGEROUS },
		{ CMD_PUBSUB, CATEGORY_PUBSUB },
		{ CMD_FAST, CATEGORY_FAST },
		{ CMD_BLOCKING, CATEGORY_BLOCKING },
	};
	uint32_t categories = command->categories;

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (command->flags & rules[i].flag)
			categories |= rules[i].categories;
	}
	/* A read-only script may still run anything that reads. */
	if ((command->flags & CMD_READONLY) &&
		!(categories & CATEGORY_SCRIPTING))
		categories |= CATEGORY_READ;
	if (!(categories & CATEGORY_FAST))
		categories |= CATEGORY_SLOW;
	return categories;
}

static size_t
count_key_specs(const struct command *command)
{
	size_t count = 0;

	while (count < COMMAND_KEY_SPECS_MAX &&
		command->keys[count].begin != KEY_BEGIN_NONE)
		count++;
	return count;
}

static bool
is_range(const struct key_spec *spec)
{
	return spec->begin == KEY_BEGIN_INDEX && spec->find == KEY_FIND_RANGE;
}

static int
absolute_last(const struct key_spec *spec)
{
	return spec->last_key < 0 ? spec->last_key :
				    spec->index + spec->last_key;
}

/* Folds the key specs into one first-last-step range, as clients from before
 * key specs know it, and marks what the range leaves out (redis 7.0.15
 * server.c, populateCommandLegacyRangeSpec). */
static void
derive_range(struct entry *entry)
{
	const struct key_spec *specs = entry->command->keys;
	size_t count = count_key_specs(entry->command);
	int first = INT_MAX, last = 0;

	for (size_t i = 0; i < count; i++) {
		if (specs[i].access & KEY_INCOMPLETE)
			entry->flags |= CMD_MOVABLE_KEYS;
	}
	if (count == 1 && is_range(specs)) {
		entry->range = (struct key_range){ specs->index,
			absolute_last(specs), specs->key_step };
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (!is_range(&specs[i]) || specs[i].key_step != 1 ||
			(last != 0 && last != specs[i].index - 1)) {
			entry->flags |= CMD_MOVABLE_KEYS;
			continue;
		}
		if (specs[i].index < first)
			first = specs[i].index;
		/* As unsigned, a count from the end is beyond any index. */
		if ((unsigned)absolute_last(&specs[i]) > (unsigned)last)
			last = absolute_last(&specs[i]);
	}
	if (first != INT_MAX)
		entry->range = (struct key_range){ first, last, 1 };
}

static void
report(struct command_table *table, const struct entry *entry,
	const char *problem)
{
	log_event(LOG_WARNING, "broken command row", "command",
		log_text(entry->full_name), "problem", log_text(problem), NULL);
	table->is_broken = true;
}

static void
check_usage(struct command_table *table, const struct entry *entry)
{
	const char *error;
	size_t position;
	struct usage *usage =
		usage_parse(entry->command->usage, &error, &position);

	if (!usage)
		report(table, entry, error);
	free(usage);
}

static void
lower_copy(char *copy, struct bytes name)
{
	for (size_t i = 0; i < name.size; i++) {
		char c = name.data[i];

		copy[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
}

static struct entry *
find_lower(const struct command_table *table, const char *name, size_t size)
{
	struct entry *entry;

	HASH_FIND(by_name, table->names, name, size, entry);
	return entry;
}

static void
add_row(struct command_table *table, const struct command *command,
	const struct command *parent)
{
	struct entry *entry = &table->entries[table->count];
	int size;

	*entry = (struct entry){
		.command = command,
		.parent = parent,
		.index = table->count++,
		.flags = command->flags,
		.categories = imply_categories(command),
	};
	size = snprintf(entry->full_name, sizeof(entry->full_name), "%s%s%s",
		parent ? parent->name : "", parent ? "|" : "", command->name);
	if ((size_t)size >= sizeof(entry->full_name)) {
		report(table, entry, "the name is too long");
		return;
	}
	for (int i = 0; i <= size; i++)
		entry->upper_name[i] =
			(char)toupper((unsigned char)entry->full_name[i]);
	derive_range(entry);
	check_usage(table, entry);
	if (command->arity == 0)
		report(table, entry, "no arity");
	if (!command->run && !command->subcommands)
		report(table, entry, "no handler");
	if (find_lower(table, entry->full_name, (size_t)size)) {
		report(table, entry, "two rows with this name");
		return;
	}
	HASH_ADD_KEYPTR(
		by_name, table->names, entry->full_name, (size_t)size, entry);
	HASH_ADD(by_row, table->rows, command, sizeof(entry->command), entry);
}

static size_t
count_rows(const struct command *rows)
{
	size_t count = 0;

	for (; rows && rows->name; rows++)
		count += 1 + count_rows(rows->subcommands);
	return count;
}

static void
add_family(struct command_table *table, const struct command *rows)
{
	for (; rows->name; rows++) {
		const struct command *row = rows->subcommands;

		table->list[table->list_count++] = rows;
		add_row(table, rows, NULL);
		for (; row && row->name; row++)
			add_row(table, row, rows);
	}
}

static int
compare_names(const void *a, const void *b)
{
	const struct command *const *left = a, *const *right = b;

	return strcmp((*left)->name, (*right)->name);
}

struct command_table *
command_table_new(void)
{
	struct command_table *table = memory_allocate_zeroed(1, sizeof(*table));
	size_t family_count = sizeof(families) / sizeof(families[0]);

	for (size_t i = 0; i < family_count; i++)
		table->capacity += count_rows(families[i]);
	/* Entries never move: the hashes point into them. */
	table->entries =
		memory_allocate_zeroed(table->capacity, sizeof(struct entry));
	table->list =
		memory_allocate_zeroed(table->capacity, sizeof(*table->list));
	for (size_t i = 0; i < family_count; i++)
		add_family(table, families[i]);
	qsort(table->list, table->list_count, sizeof(*table->list),
		compare_names);
	if (table->is_broken) {
		command_table_free(table);
		return NULL;
	}
	return table;
}

void
command_table_free(struct command_table *table)
{
	if (!table)
		return;
	HASH_CLEAR(by_name, table->names);
	HASH_CLEAR(by_row, table->rows);
	free(table->entries);
	free(table->list);
	free(table);
}

/* Every row that a caller can hold is in the table; for another this ends the
 * process at the first use, by a null pointer. */
static const struct entry *
entry_of(const struct command_table *table, const struct command *command)
{
	struct entry *entry;

	HASH_FIND(by_row, table->rows, &command, sizeof(command), entry);
	return entry;
}

const struct command *
command_table_find_full(
	const struct command_table *table, struct bytes full_name)
{
	char lower[FULL_NAME_SIZE];
	const struct entry *entry;

	if (full_name.size > sizeof(lower))
		return NULL;
	lower_copy(lower, full_name);
	entry = find_lower(table, lower, full_name.size);
	return entry ? entry->command : NULL;
}

const struct command *
command_table_find(const struct command_table *table, struct bytes name)
{
	char lower[FULL_NAME_SIZE];
	const struct entry *entry;

	if (name.size > sizeof(lower))
		return NULL;
	lower_copy(lower, name);
	entry = find_lower(table, lower, name.size);
	return entry && !entry->parent ? entry->command : NULL;
}

const struct command *
command_table_find_subcommand(const struct command_table *table,
	const struct command *parent, struct bytes name)
{
	char lower[FULL_NAME_SIZE];
	size_t size = strlen(parent->name);
	const struct entry *entry;

	if (size + 1 + name.size > sizeof(lower))
		return NULL;
	memcpy(lower, parent->name, size);
	lower[size++] = '|';
	lower_copy(lower + size, name);
	entry = find_lower(table, lower, size + name.size);
	return entry ? entry->command : NULL;
}

const struct command *const *
command_table_list(const struct command_table *table, size_t *count)
{
	*count = table->list_count;
	return table->list;
}

const struct command *
command_table_parent(
	const struct command_table *table, const struct command *command)
{
	return entry_of(table, command)->parent;
}

const char *
command_table_full_name(
	const struct command_table *table, const struct command *command)
{
	return entry_of(table, command)->full_name;
}

const char *
command_table_upper_name(
	const struct command_table *table, const struct command *command)
{
	return entry_of(table, command)->upper_name;
}

size_t
command_table_index(
	const struct command_table *table, const struct command *command)
{
	return entry_of(table, command)->index;
}

size_t
command_table_index_count(const struct command_table *table)
{
	return table->count;
}

uint32_t
command_table_categories(
	const struct command_table *table, const struct command *command)
{
	return entry_of(table, command)->categories;
}

uint32_t
command_table_flags(
	const struct command_table *table, const struct command *command)
{
	return entry_of(table, command)->flags;
}

struct key_range
command_table_key_range(
	const struct command_table *table, const struct command *command)
{
	return entry_of(table, command)->range;
}
