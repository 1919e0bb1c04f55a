/* Makes redis-compat.md from the rows.
 *
 * Rows of the table and of absent.c are joined into one list, sorted by group
 * and name; a command that the table has is left out of absent.c's. */
#include "commands/compat.h"

#include "commands/command.h"
#include "commands/families.h"
#include "commands/table.h"
#include "storage/base/bytes.h"
#include "storage/base/memory.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATE_COUNT = COMMAND_WONT + 1 };

struct line {
	const char *full_name; /* as in "client|kill" */
	const struct command *command;
};

struct page {
	struct line *lines;
	size_t count, capacity;
};

static const char *const state_names[STATE_COUNT] = {
	[COMMAND_FULL] = "full",
	[COMMAND_PARTIAL] = "partial",
	[COMMAND_NOT_YET] = "not yet",
	[COMMAND_WONT] = "won't",
};

static const char *const state_meanings[STATE_COUNT] = {
	[COMMAND_FULL] = "as in Redis 7.0",
	[COMMAND_PARTIAL] = "works, with the difference named",
	[COMMAND_NOT_YET] = "planned",
	[COMMAND_WONT] = "has no place here, for the reason named",
};

static const char *const group_titles[] = {
	[GROUP_GENERIC] = "Keys",
	[GROUP_STRING] = "Strings",
	[GROUP_LIST] = "Lists",
	[GROUP_SET] = "Sets",
	[GROUP_SORTED_SET] = "Sorted sets",
	[GROUP_HASH] = "Hashes",
	[GROUP_PUBSUB] = "Pub/Sub",
	[GROUP_TRANSACTIONS] = "Transactions",
	[GROUP_CONNECTION] = "Connection",
	[GROUP_SERVER] = "Server",
	[GROUP_SCRIPTING] = "Scripts and functions",
	[GROUP_HYPERLOGLOG] = "HyperLogLog",
	[GROUP_CLUSTER] = "Cluster",
	[GROUP_SENTINEL] = "Sentinel",
	[GROUP_GEO] = "Geo",
	[GROUP_STREAM] = "Streams",
	[GROUP_BITMAP] = "Bitmaps",
	[GROUP_TAG] = "Tags",
	[GROUP_SESSION] = "Sessions",
	[GROUP_SNAPSHOT] = "Snapshots",
	[GROUP_POOL] = "Pools",
};

enum { GROUP_COUNT = sizeof(group_titles) / sizeof(group_titles[0]) };

static const char introduction[] =
	"# Redis compatibility\n\n"
	"Every command of Redis 7.0 and every command of our own, with the "
	"version it came with.\n"
	"A subcommand has a line of its own: `CLIENT KILL`.\n"
	"Where a command differs from Redis, the last column says how.\n"
	"Name, arity, flags, keys and arguments of all that we have are "
	"compared with a real Redis server by a test.\n"
	"This page is made by `respgres --compat` from the command table; "
	"change the rows, not the page.\n\n";

static void
add_line(
	struct page *page, const char *full_name, const struct command *command)
{
	if (page->count == page->capacity) {
		page->capacity *= 2;
		page->lines = memory_resize(
			page->lines, page->capacity * sizeof(*page->lines));
	}
	page->lines[page->count++] = (struct line){ full_name, command };
}

static void
collect(struct page *page, const struct command_table *table)
{
	size_t count;
	const struct command *const *list = command_table_list(table, &count);
	const struct command *row;

	for (size_t i = 0; i < count; i++) {
		add_line(
			page, command_table_full_name(table, list[i]), list[i]);
		for (row = list[i]->subcommands; row && row->name; row++)
			add_line(
				page, command_table_full_name(table, row), row);
	}
	for (row = absent_commands; row->name; row++) {
		if (!command_table_find_full(table, bytes_of(row->name)))
			add_line(page, row->name, row);
	}
}

static int
compare_lines(const void *a, const void *b)
{
	const struct line *left = a, *right = b;

	if (left->command->group != right->command->group)
		return (int)left->command->group - (int)right->command->group;
	return strcmp(left->full_name, right->full_name);
}

static void
write_summary(FILE *output, const struct page *page)
{
	size_t counts[STATE_COUNT] = { 0 };

	for (size_t i = 0; i < page->count; i++)
		counts[page->lines[i].command->state]++;
	fputs("| state | commands | meaning |\n|---|---:|---|\n", output);
	for (size_t i = 0; i < STATE_COUNT; i++)
		fprintf(output, "| %s | %zu | %s |\n", state_names[i],
			counts[i], state_meanings[i]);
}

static void
write_name(FILE *output, const char *full_name)
{
	fputc('`', output);
	for (; *full_name; full_name++)
		fputc(*full_name == '|' ? ' ' :
					  toupper((unsigned char)*full_name),
			output);
	fputc('`', output);
}

/* Text of a table's cell, where a bar would end the cell. */
static void
write_cell(FILE *output, const char *text)
{
	for (; text && *text; text++) {
		if (*text == '|')
			fputc('\\', output);
		fputc(*text, output);
	}
}

static void
write_group(FILE *output, const struct page *page, enum command_group group)
{
	bool is_open = false;

	for (size_t i = 0; i < page->count; i++) {
		const struct line *line = &page->lines[i];

		if (line->command->group != group)
			continue;
		if (!is_open)
			fprintf(output,
				"\n## %s\n\n"
				"| command | since | state | difference |\n"
				"|---|---|---|---|\n",
				group_titles[group]);
		is_open = true;
		fputs("| ", output);
		write_name(output, line->full_name);
		fprintf(output, " | %s | %s | ", line->command->since,
			state_names[line->command->state]);
		write_cell(output, line->command->note);
		fputs(" |\n", output);
	}
}

bool
compat_write(FILE *output)
{
	struct command_table *table = command_table_new();
	struct page page = { .capacity = 512 };

	if (!table)
		return false;
	page.lines = memory_allocate(page.capacity * sizeof(*page.lines));
	collect(&page, table);
	qsort(page.lines, page.count, sizeof(*page.lines), compare_lines);
	fputs(introduction, output);
	write_summary(output, &page);
	for (size_t i = 0; i < GROUP_COUNT; i++)
		write_group(output, &page, (enum command_group)i);
	free(page.lines);
	command_table_free(table);
	return fflush(output) == 0 && !ferror(output);
}
