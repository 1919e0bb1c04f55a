/* SNAPSHOT: an agent's memory at points in time; the family's rows.
 *
 * How snapshots are stored: storage/schema/…_snapshots.sql and docs/snapshots.md.
 * None of the handlers touches what the client has under way: they carry no
 * CMD_LANE, and so run alone. */
#include "commands/snapshots.h"

#include "commands/command.h"
#include "commands/families.h"
#include "commands/help.h"

#include <stddef.h>

static const struct command snapshot_subcommands[] = {
	{
		.name = "cleanup",
		.usage = "[AGENT agent] [KEEP count:integer] "
			 "[OLDER seconds:integer] [DRYRUN]",
		.summary =
			"Deletes old snapshots, but no pinned or needed one.",
		.since = "0.1.0",
		.complexity = "O(N) in the snapshots looked at",
		.group = GROUP_SNAPSHOT,
		.arity = -2,
		.flags = CMD_WRITE | CMD_NOSCRIPT | CMD_NO_MULTI,
		.categories = CATEGORY_SNAPSHOT,
		.run = cmd_snapshot_cleanup,
	},
	{
		.name = "create",
		.usage =
			"agent [NAME name] [PARENT id] [USER user] "
			"[META json] [TTL seconds:integer] [PIN] "
			"[LANG language] (DATA data | KEYS pattern:pattern...)",
		.summary = "Keeps data, or keys as they are at one moment.",
		.since = "0.1.0",
		.complexity = "O(N) in the bytes of the data or values",
		.group = GROUP_SNAPSHOT,
		.arity = -5,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_NOSCRIPT | CMD_NO_MULTI,
		.categories = CATEGORY_SNAPSHOT,
		.tips = { "nondeterministic_output" },
		.run = cmd_snapshot_create,
	},
	{
		.name = "delete",
		.usage = "id...",
		.summary = "Deletes snapshots.",
		.since = "0.1.0",
		.complexity = "O(N) in the snapshots and their children",
		.group = GROUP_SNAPSHOT,
		.arity = -3,
		.flags = CMD_WRITE | CMD_NOSCRIPT | CMD_NO_MULTI,
		.categories = CATEGORY_SNAPSHOT,
		.run = cmd_snapshot_delete,
	},
	{
		.name = "diff",
		.usage = "id other-id [CURSOR cursor] [COUNT count:integer]",
		.summary = "Tells what changed from one snapshot to another.",
		.since = "0.1.0",
		.complexity = "O(N) in the pages that differ",
		.group = GROUP_SNAPSHOT,
		.arity = -4,
		.flags = CMD_READONLY | CMD_NOSCRIPT | CMD_NO_MULTI,
		.categories = CATEGORY_SNAPSHOT,
		.run = cmd_snapshot_diff,
	},
	{
		.name = "export",
		.usage = "id",
		.summary = "Answers with a snapshot as one blob.",
		.since = "0.1.0",
		.complexity = "O(N) in the snapshot's bytes",
		.group = GROUP_SNAPSHOT,
		.arity = 3,
		.flags = CMD_READONLY | CMD_NOSCRIPT | CMD_NO_MULTI,
		.categories = CATEGORY_SNAPSHOT,
		.run = cmd_snapshot_export,
	},
	{
		.name = "fork",
		.usage = "id agent",
		.summary = "Gives an agent a snapshot with the same content.",
		.since = "0.1.0",
		.complexity = "O(1)",
		.group = GROUP_SNAPSHOT,
		.arity = 4,
		.flags = CMD_WRITE | CMD_NOSCRIPT | CMD_NO_MULTI,
		.categories = CATEGORY_SNAPSHOT,
		.tips = { "nondeterministic_output" },
		.run = cmd_snapshot_fork,
	},
	{
		.name = "get",
		.usage = "id [AT path]",
		.summary = "Answers with a snapshot's data, or a part of them.",
		.since = "0.1.0",
		.complexity = "O(N) in the data's bytes; O(log N) for a key",
		.group = GROUP_SNAPSHOT,
		.arity = -3,
		.flags = CMD_READONLY | CMD_NOSCRIPT | CMD_NO_MULTI,
		.categories = CATEGORY_SNAPSHOT,
		.run = cmd_snapshot_get,
	},
	{
		.name = "help",
		.summary = "Lists the subcommands.",
		.since = "0.1.0",
		.complexity = "O(1)",
		.group = GROUP_SNAPSHOT,
		.arity = 2,
		.flags = CMD_LOADING | CMD_STALE,
		.categories = CATEGORY_SNAPSHOT,
		.run = help_run,
	},
	{
		.name = "import",
		.usage = "blob [AGENT agent]",
		.summary = "Makes a snapshot of what EXPORT has answered.",
		.since = "0.1.0",
		.complexity = "O(N) in the blob's bytes",
		.group = GROUP_SNAPSHOT,
		.arity = -3,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_NOSCRIPT | CMD_NO_MULTI,
		.categories = CATEGORY_SNAPSHOT,
		.tips = { "nondeterministic_output" },
		.run = cmd_snapshot_import,
	},
	{
		.name = "keys",
		.usage = "id [CURSOR cursor] [COUNT count:integer] "
			 "[MATCH pattern:pattern]",
		.summary = "Lists a snapshot's keys.",
		.since = "0.1.0",
		.complexity = "O(N) in the keys listed",
		.group = GROUP_SNAPSHOT,
		.arity = -3,
		.flags = CMD_READONLY | CMD_NOSCRIPT | CMD_NO_MULTI,
		.categories = CATEGORY_SNAPSHOT,
		.run = cmd_snapshot_keys,
	},
	{
		.name = "list",
		.usage =
			"[AGENT agent] [USER user] [META json] "
			"[SINCE unix-time:unix-time] [UNTIL unix-time:unix-time] "
			"[NAME pattern:pattern] [CURSOR cursor] "
			"[COUNT count:integer]",
		.summary = "Lists snapshots, the latest first.",
		.since = "0.1.0",
		.complexity = "O(log N) and the snapshots listed",
		.group = GROUP_SNAPSHOT,
		.arity = -2,
		.flags = CMD_READONLY | CMD_NOSCRIPT | CMD_NO_MULTI,
		.categories = CATEGORY_SNAPSHOT,
		.tips = { "nondeterministic_output" },
		.run = cmd_snapshot_list,
	},
	{
		.name = "pin",
		.usage = "id...",
		.summary = "Keeps snapshots from CLEANUP and their expiry.",
		.since = "0.1.0",
		.complexity = "O(N) in the snapshots",
		.group = GROUP_SNAPSHOT,
		.arity = -3,
		.flags = CMD_WRITE | CMD_NOSCRIPT | CMD_NO_MULTI,
		.categories = CATEGORY_SNAPSHOT,
		.run = cmd_snapshot_pin,
	},
	{
		.name = "policy",
		.usage = "agent [KEEP count:integer] [OLDER seconds:integer] "
			 "[NONE]",
		.summary =
			"Sets or tells what is cleaned up in the background.",
		.since = "0.1.0",
		.complexity = "O(1)",
		.group = GROUP_SNAPSHOT,
		.arity = -3,
		.flags = CMD_WRITE | CMD_NOSCRIPT | CMD_NO_MULTI,
		.categories = CATEGORY_SNAPSHOT,
		.run = cmd_snapshot_policy,
	},
	{
		.name = "restore",
		.usage = "id [TO agent] [PREFIX from to] [REPLACE] [ABSTTL] "
			 "[DRYRUN]",
		.summary = "Brings captured keys back, all at once.",
		.since = "0.1.0",
		.complexity = "O(N) in the snapshot's bytes",
		.group = GROUP_SNAPSHOT,
		.arity = -3,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_NOSCRIPT | CMD_NO_MULTI,
		.categories = CATEGORY_SNAPSHOT | CATEGORY_KEYSPACE |
			CATEGORY_DANGEROUS,
		.run = cmd_snapshot_restore,
	},
	{
		.name = "search",
		.usage = "query [AGENT agent] [LANG language] "
			 "[COUNT count:integer]",
		.summary = "Finds snapshots by what they hold.",
		.since = "0.1.0",
		.complexity = "O(N) in the matches, of which up to 1500 are "
			      "ranked",
		.group = GROUP_SNAPSHOT,
		.arity = -3,
		.flags = CMD_READONLY | CMD_NOSCRIPT | CMD_NO_MULTI,
		.categories = CATEGORY_SNAPSHOT,
		.tips = { "nondeterministic_output" },
		.run = cmd_snapshot_search,
	},
	{
		.name = "stats",
		.usage = "[AGENT agent]",
		.summary = "Counts snapshots, and the bytes that they take.",
		.since = "0.1.0",
		.complexity = "O(N) in the snapshots and their chunks",
		.group = GROUP_SNAPSHOT,
		.arity = -2,
		.flags = CMD_READONLY | CMD_NOSCRIPT | CMD_NO_MULTI,
		.categories = CATEGORY_SNAPSHOT,
		.tips = { "nondeterministic_output" },
		.run = cmd_snapshot_stats,
	},
	{
		.name = "tree",
		.usage = "agent [CURSOR cursor] [COUNT count:integer]",
		.summary =
			"Lists an agent's snapshots, children behind parents.",
		.since = "0.1.0",
		.complexity = "O(N) in the agent's snapshots",
		.group = GROUP_SNAPSHOT,
		.arity = -3,
		.flags = CMD_READONLY | CMD_NOSCRIPT | CMD_NO_MULTI,
		.categories = CATEGORY_SNAPSHOT,
		.run = cmd_snapshot_tree,
	},
	{
		.name = "unpin",
		.usage = "id...",
		.summary = "Undoes PIN.",
		.since = "0.1.0",
		.complexity = "O(N) in the snapshots",
		.group = GROUP_SNAPSHOT,
		.arity = -3,
		.flags = CMD_WRITE | CMD_NOSCRIPT | CMD_NO_MULTI,
		.categories = CATEGORY_SNAPSHOT,
		.run = cmd_snapshot_unpin,
	},
	{ 0 },
};

const struct command snapshot_commands[] = {
	{
		.name = "snapshot",
		.summary = "Commands about snapshots of an agent's memory.",
		.since = "0.1.0",
		.complexity = "Depends on the subcommand.",
		.group = GROUP_SNAPSHOT,
		.arity = -2,
		.categories = CATEGORY_SNAPSHOT,
		.subcommands = snapshot_subcommands,
	},
	{ 0 },
};
