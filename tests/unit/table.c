/* table.h: look-up, what is derived from rows, and keys among arguments. */
#include "commands/table.h"

#include "commands/command.h"
#include "commands/families.h"
#include "storage/base/bytes.h"

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static struct command_table *table;

static void
make_table(void)
{
	table = command_table_new();
	cr_assert_not_null(table);
}

static void
free_table(void)
{
	command_table_free(table);
}

TestSuite(table, .init = make_table, .fini = free_table);

static const struct command *
find(const char *full_name)
{
	return command_table_find_full(table, bytes_of(full_name));
}

Test(table, finds_commands_in_any_case)
{
	const struct command *command =
		command_table_find(table, bytes_of("CoMMand"));

	cr_assert_not_null(command);
	cr_expect_str_eq(command->name, "command");
	cr_expect_null(command_table_find(table, bytes_of("comman")));
	cr_expect_null(command_table_find(table, bytes_of("commands")));
	cr_expect_null(command_table_find(table, bytes_of("")));
	cr_expect_null(
		command_table_find(table, (struct bytes){ "command\0", 8 }));
}

Test(table, a_name_of_any_length_is_no_command)
{
	static char name[100000];

	memset(name, 'x', sizeof(name));
	for (size_t size = 0; size < sizeof(name); size += 1 + size / 2)
		cr_expect_null(command_table_find(
			table, (struct bytes){ name, size }));
}

Test(table, finds_subcommands_only_under_their_parent)
{
	const struct command *parent =
		command_table_find(table, bytes_of("command"));
	const struct command *info =
		command_table_find_subcommand(table, parent, bytes_of("INFO"));

	cr_assert_not_null(info);
	cr_expect_eq(info, find("Command|Info"));
	cr_expect_eq(command_table_parent(table, info), parent);
	cr_expect_null(command_table_parent(table, parent));
	cr_expect_str_eq(command_table_full_name(table, info), "command|info");
	cr_expect_null(command_table_find(table, bytes_of("command|info")));
	cr_expect_null(
		command_table_find_subcommand(table, parent, bytes_of("")));
	cr_expect_null(command_table_find_subcommand(
		table, parent, bytes_of("info|x")));
	cr_expect_null(find("command|info|x"));
}

Test(table, lists_commands_by_name_and_numbers_all_rows_once)
{
	size_t count, rows = 0, total = command_table_index_count(table);
	const struct command *const *list = command_table_list(table, &count);
	bool seen[4096] = { false };

	cr_assert(count > 0 && total < 4096);
	for (size_t i = 0; i < count; i++) {
		const struct command *row = list[i]->subcommands;

		if (i > 0)
			cr_expect_lt(
				strcmp(list[i - 1]->name, list[i]->name), 0);
		seen[command_table_index(table, list[i])] = true;
		for (; row && row->name; row++)
			seen[command_table_index(table, row)] = true;
	}
	for (size_t i = 0; i < total; i++)
		rows += seen[i];
	cr_expect_eq(rows, total);
	cr_expect_not(seen[total]);
}

Test(table, implies_categories_from_flags)
{
	uint32_t categories = command_table_categories(table, find("command"));

	cr_expect_eq(categories, CATEGORY_CONNECTION | CATEGORY_SLOW);
}

Test(table, absent_commands_have_no_row)
{
	for (const struct command *row = absent_commands; row->name; row++)
		cr_expect_null(find(row->name),
			"'%s' is there: remove it from absent.c", row->name);
}

Test(table, absent_commands_stand_once_and_refusals_have_a_reason)
{
	for (const struct command *row = absent_commands; row->name; row++) {
		cr_expect_not_null(row->since);
		cr_expect(row->state == COMMAND_NOT_YET ||
			row->state == COMMAND_WONT);
		cr_expect((row->state == COMMAND_WONT) == (row->note != NULL),
			"'%s'", row->name);
		for (const struct command *other = row + 1; other->name;
			other++)
			cr_expect_str_neq(row->name, other->name);
	}
}

static void
check_row(const char *name, const struct command *row)
{
	cr_expect_not_null(row->summary, "%s", name);
	cr_expect_not_null(row->since, "%s", name);
	cr_expect((row->state == COMMAND_PARTIAL) == (row->note != NULL),
		"%s: a note, and only a note, makes it partial", name);
	cr_expect(row->state <= COMMAND_PARTIAL, "%s", name);
}

Test(table, rows_are_complete)
{
	size_t count;
	const struct command *const *list = command_table_list(table, &count);

	for (size_t i = 0; i < count; i++) {
		const struct command *row = list[i]->subcommands;

		check_row(list[i]->name, list[i]);
		for (; row && row->name; row++)
			check_row(command_table_full_name(table, row), row);
	}
}

Test(table, every_container_has_help)
{
	size_t count;
	const struct command *const *list = command_table_list(table, &count);

	for (size_t i = 0; i < count; i++) {
		if (list[i]->subcommands)
			cr_expect_not_null(command_table_find_subcommand(table,
						   list[i], bytes_of("help")),
				"%s", list[i]->name);
	}
}

/* Splits `line` at spaces, finds the keys and prints them again: "a:RO b:RW",
 * "none" or "misfit". */
static const char *
keys_of(const struct command *command, const char *line)
{
	static char words[256], text[256];
	struct bytes argv[32];
	uint32_t access[32];
	int indices[32], argc = 0, count;
	char *rest = words, *word;

	strcpy(words, line);
	while ((word = strsep(&rest, " ")))
		argv[argc++] = bytes_of(word);
	count = command_find_keys(command, argv, argc, indices, access, 32);
	if (count < 0)
		return "misfit";
	strcpy(text, count ? "" : "none");
	for (int i = 0; i < count; i++)
		sprintf(text + strlen(text), "%s%s:%s", i ? " " : "",
			argv[indices[i]].data,
			access[i] & KEY_RW ? "RW" : "RO");
	return text;
}

Test(keys, stand_at_one_place)
{
	struct command row = { .arity = 2, .keys = { KEY_AT(1, KEY_RO) } };

	cr_expect_str_eq(keys_of(&row, "get a"), "a:RO");
	cr_expect_str_eq(keys_of(&row, "get"), "misfit");
	cr_expect(command_has_keys(&row));
}

Test(keys, stand_in_ranges_with_steps)
{
	struct command mset = { .keys = { KEYS_RANGE(1, -1, 2, KEY_RW) } };
	struct command blpop = { .keys = { KEYS_RANGE(1, -2, 1, KEY_RW) } };
	struct command rename = { .keys = { KEYS_RANGE(1, 2, 1, KEY_RW) } };

	cr_expect_str_eq(keys_of(&mset, "mset a 1 b 2"), "a:RW b:RW");
	cr_expect_str_eq(keys_of(&mset, "mset"), "misfit");
	cr_expect_str_eq(keys_of(&blpop, "blpop a b 0"), "a:RW b:RW");
	cr_expect_str_eq(keys_of(&blpop, "blpop 0"), "misfit");
	cr_expect_str_eq(keys_of(&rename, "rename a b"), "a:RW b:RW");
	cr_expect_str_eq(keys_of(&rename, "rename a"), "misfit");
}

Test(keys, are_counted_by_an_argument)
{
	struct command row = { .keys = { KEYS_COUNTED(2, KEY_RO) } };

	cr_expect_str_eq(keys_of(&row, "eval s 2 a b c"), "a:RO b:RO");
	cr_expect_str_eq(keys_of(&row, "eval s 3 a b"), "misfit");
	cr_expect_str_eq(keys_of(&row, "eval s 0"), "misfit");
	cr_expect_str_eq(keys_of(&row, "eval s -1 a"), "misfit");
	cr_expect_str_eq(keys_of(&row, "eval s x a"), "misfit");
	cr_expect_str_eq(
		keys_of(&row, "eval s 99999999999999999999 a"), "misfit");
	cr_expect_str_eq(keys_of(&row, "eval s"), "misfit");
	row.flags = CMD_NO_MANDATORY_KEYS;
	cr_expect_str_eq(keys_of(&row, "eval s 0"), "none");
}

Test(keys, follow_keywords)
{
	struct command streams = { .keys = { {
					   .begin = KEY_BEGIN_KEYWORD,
					   .index = 1,
					   .keyword = "STREAMS",
					   .last_key = -1,
					   .key_step = 1,
					   .limit = 2,
					   .access = KEY_RO,
				   } } };
	struct command last = { .keys = { {
					.begin = KEY_BEGIN_KEYWORD,
					.index = -2,
					.keyword = "KEYS",
					.last_key = -1,
					.key_step = 1,
					.access = KEY_RO,
				} } };

	cr_expect_str_eq(keys_of(&streams, "xread count 1 streams a b 0 0"),
		"a:RO b:RO");
	cr_expect_str_eq(keys_of(&streams, "xread streams"), "misfit");
	cr_expect_str_eq(keys_of(&streams, "xread a b"), "none");
	cr_expect_str_eq(keys_of(&last, "migrate h p keys a b"), "a:RO b:RO");
	cr_expect_str_eq(keys_of(&last, "migrate h p a b"), "none");
	cr_expect_str_eq(keys_of(&last, "migrate"), "none");
}

static int
find_second(const struct bytes *argv, int argc, int *indices, uint32_t *access,
	int capacity)
{
	(void)argv;
	if (argc < 3 || capacity < 1)
		return 0;
	indices[0] = 2;
	if (access)
		access[0] = KEY_RW;
	return 1;
}

Test(keys, ask_the_row_when_specs_cannot_tell)
{
	struct command row = {
		.keys = { KEY_AT(1, KEY_RO) },
		.find_keys = find_second,
	};

	cr_expect_str_eq(keys_of(&row, "x a b"), "a:RO");
	row.keys[0].access = KEY_RO | KEY_INCOMPLETE;
	cr_expect_str_eq(keys_of(&row, "x a b"), "b:RW");
	row.keys[0].access = KEY_RO | KEY_VARIABLE_FLAGS;
	cr_expect_str_eq(keys_of(&row, "x a b"), "b:RW");
	row.keys[0].access = KEY_RO;
	row.keys[0].begin = KEY_BEGIN_UNKNOWN;
	cr_expect_str_eq(keys_of(&row, "x a b"), "b:RW");
}

Test(keys, beyond_capacity_are_counted_but_not_written)
{
	struct command row = { .keys = { KEYS_RANGE(1, -1, 1, KEY_RO) } };
	struct bytes argv[] = { bytes_of("del"), bytes_of("a"), bytes_of("b"),
		bytes_of("c") };
	int indices[3] = { 0, 77, 77 };

	cr_expect_eq(command_find_keys(&row, argv, 4, indices, NULL, 1), 3);
	cr_expect_eq(indices[0], 1);
	cr_expect_eq(indices[1], 77);
}

Test(keys, that_are_none_are_passed_over)
{
	struct command row = { .keys = { KEY_AT(1, KEY_NOT_KEY) } };

	cr_expect_not(command_has_keys(&row));
	cr_expect_str_eq(keys_of(&row, "spublish channel x"), "none");
}
