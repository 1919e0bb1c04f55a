/* Joins the rows of all families into one table.
 *
 * The table is built once at start and read-only afterwards, so any thread
 * may use it without a lock. */
#ifndef COMMANDS_TABLE_H
#define COMMANDS_TABLE_H

#include "commands/command.h"
#include "storage/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct command_table;

/* Returns NULL after logging when rows contradict each other (two with one
 * name, a broken usage line). */
struct command_table *command_table_new(void);
void command_table_free(struct command_table *table);

/* The row of a command by its name in any case, or NULL. */
const struct command *command_table_find(
	const struct command_table *table, struct bytes name);

/* The same by its full name, as in "client|kill"; or NULL. */
const struct command *command_table_find_full(
	const struct command_table *table, struct bytes full_name);

/* The subcommand's row of `parent`, or NULL. */
const struct command *command_table_find_subcommand(
	const struct command_table *table, const struct command *parent,
	struct bytes name);

/* Rows in name order, subcommands apart; `count` receives how many. */
const struct command *const *command_table_list(
	const struct command_table *table, size_t *count);

/* The row whose .subcommands this one is in; NULL for a command. */
const struct command *command_table_parent(
	const struct command_table *table, const struct command *command);

/* "get", or "client|kill" for a subcommand; static storage of the table. */
const char *command_table_full_name(
	const struct command_table *table, const struct command *command);

/* "GET", or "CLIENT|KILL"; likewise. */
const char *command_table_upper_name(
	const struct command_table *table, const struct command *command);

/* A small dense number for per-command counters: 0 to count - 1, subcommands
 * included. */
size_t command_table_index(
	const struct command_table *table, const struct command *command);
size_t command_table_index_count(const struct command_table *table);

/* All ACL categories, the implied ones included (enum command_category). */
uint32_t command_table_categories(
	const struct command_table *table, const struct command *command);

/* The row's flags (enum command_flag) with CMD_MOVABLE_KEYS where the keys do
 * not follow from first_key, last_key and key_step alone. */
uint32_t command_table_flags(
	const struct command_table *table, const struct command *command);

/* The range of keys that COMMAND INFO shows besides the key specs; `last` is
 * negative when it counts from the end.  All 0: no keys. */
struct key_range {
	int first, last, step;
};
struct key_range command_table_key_range(
	const struct command_table *table, const struct command *command);

/* Whether any argument can be a key: a key spec or .find_keys says so. */
bool command_has_keys(const struct command *command);

/* Indices of the keys among `argv` by the command's key specs.
 *
 * argv[0] is the command's name, argv[1] of a subcommand its own.  Writes up to
 * `capacity` indices and each one's access flags (`access` may be NULL);
 * returns how many there are, also those beyond `capacity`, or -1 when the
 * arguments do not fit the specs ("ERR Invalid arguments specified for
 * command"). */
int command_find_keys(const struct command *command, const struct bytes *argv,
	int argc, int *indices, uint32_t *access, int capacity);

#endif
