/* TAG: keys that are found and invalidated by names that they share.
 *
 * A key's tags stand in its row, so commands on one key go through its lane;
 * searches are in tags_find.c, and what changes all keys of a tag is in
 * tags_change.c. */
#include "commands/tags.h"

#include "commands/command.h"
#include "commands/families.h"
#include "commands/help.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stddef.h>

/* --- ADD, REM -------------------------------------------------------- */

/* Columns of tag_add and tag_remove. */
enum { CHANGED_ERROR, CHANGED_COUNT };

static void
changed_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	if (!result_is_null(result, 0, CHANGED_ERROR))
		request_reply_error(
			request, result_text(result, 0, CHANGED_ERROR));
	else if (result_is_null(result, 0, CHANGED_COUNT))
		request_reply_null(request);
	else
		request_reply_integer(
			request, result_int64(result, 0, CHANGED_COUNT));
}

static void
send_changed(struct request *request, enum statement_id id)
{
	struct tag_names tags = tags_between(request, 3, request->argc);
	struct call *call = call_new(request->store, id, changed_done, request);

	call_bind_key(call, request->db, request->argv[2]);
	call_bind_bytes_array(call, tags.list, tags.count);
	call_send(call);
}

static void
cmd_tag_add(struct request *request)
{
	send_changed(request, SQL_tag_add);
}

static void
cmd_tag_rem(struct request *request)
{
	send_changed(request, SQL_tag_remove);
}

/* --- LEASE ----------------------------------------------------------- */

static void
lease_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (!request_failed(request, result))
		request_reply_bulk(request, result_bytes(result, 0, 0));
}

static void
send_lease(struct request *request, enum statement_id id, call_done done)
{
	struct tag_names tags = tags_between(request, 2, request->argc);
	struct call *call = call_new(request->store, id, done, request);

	call_bind_key(call, request->db, request->argv[2]);
	call_bind_bytes_array(call, tags.list, tags.count);
	call_send(call);
}

static void
look_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	if (result_is_null(result, 0, 0))
		send_lease(request, SQL_tag_lease, lease_done);
	else
		request_reply_bulk(request, result_bytes(result, 0, 0));
}

/* Mostly a look will do, which waits for no commit. */
static void
cmd_tag_lease(struct request *request)
{
	send_lease(request, SQL_tag_lease_look, look_done);
}

/* --- rows ------------------------------------------------------------ */

static const struct command tag_subcommands[] = {
	{
		.name = "add",
		.usage = "key tag...",
		.summary = "Gives a key of any type more tags.",
		.since = "0.1.0",
		.complexity = "O(N) in the key's tags and those given",
		.group = GROUP_TAG,
		.arity = -4,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_LANE,
		.categories = CATEGORY_TAG,
		.keys = { KEY_AT(2, KEY_RW | KEY_UPDATE) },
		.run = cmd_tag_add,
	},
	{
		.name = "count",
		.usage =
			"tag... match:[ANY | ALL] [NOT without...]",
		.summary = "Counts the keys with these tags.",
		.since = "0.1.0",
		.complexity = "O(N) in the keys with these tags",
		.group = GROUP_TAG,
		.arity = -3,
		.flags = CMD_READONLY | CMD_LANE | CMD_LISTING,
		.categories = CATEGORY_TAG,
		.run = tags_run_count,
	},
	{
		.name = "get",
		.usage =
			"tag... match:[ANY | ALL] [NOT without...] "
			"[CURSOR cursor:integer] [COUNT count:integer] "
			"[WITHVALUES]",
		.summary = "Lists the keys with these tags, with their values.",
		.since = "0.1.0",
		.complexity =
			"O(N) in the keys with these tags, up to a bound for "
			"each page",
		.group = GROUP_TAG,
		.arity = -3,
		.flags = CMD_READONLY | CMD_LANE | CMD_LISTING,
		.categories = CATEGORY_TAG,
		.tips = { "nondeterministic_output_order" },
		.run = tags_run_get,
	},
	{
		.name = "help",
		.summary = "Lists the subcommands.",
		.since = "0.1.0",
		.complexity = "O(1)",
		.group = GROUP_TAG,
		.arity = 2,
		.flags = CMD_LOADING | CMD_STALE,
		.categories = CATEGORY_TAG,
		.run = help_run,
	},
	{
		.name = "info",
		.summary = "Tells what the tagged keys are like, and judges.",
		.since = "0.1.0",
		.complexity =
			"O(N) in the keys, up to a bound, and in the tags",
		.group = GROUP_TAG,
		.arity = 2,
		.flags = CMD_READONLY,
		.categories = CATEGORY_TAG | CATEGORY_DANGEROUS,
		.tips = { "nondeterministic_output" },
		.run = tags_run_info,
	},
	{
		.name = "invalidate",
		.usage =
			"tag... match:[ANY | ALL] [NOT without...] [SOFT]",
		.summary =
			"Deletes all keys with these tags, or marks them as "
			"stale.",
		.since = "0.1.0",
		.complexity = "O(N) in the keys with these tags",
		.group = GROUP_TAG,
		.arity = -3,
		.flags = CMD_WRITE,
		.categories = CATEGORY_TAG,
		.run = tags_run_invalidate,
	},
	{
		.name = "lease",
		.usage = "tag...",
		.summary =
			"Gives a token for TAG SET, void once one of the tags "
			"is invalidated.",
		.since = "0.1.0",
		.complexity = "O(N) in the tags",
		.group = GROUP_TAG,
		.arity = -3,
		.flags = CMD_WRITE | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_TAG,
		.tips = { "nondeterministic_output" },
		.run = cmd_tag_lease,
	},
	{
		.name = "list",
		.usage =
			"[MATCH pattern:pattern] [CURSOR cursor] "
			"[COUNT count:integer]",
		.summary = "Lists the tags with their keys' number and bytes.",
		.since = "0.1.0",
		.complexity = "O(N) in the keys with the tags of the page",
		.group = GROUP_TAG,
		.arity = -2,
		.flags = CMD_READONLY | CMD_LANE | CMD_LISTING,
		.categories = CATEGORY_TAG,
		.run = tags_run_list,
	},
	{
		.name = "mset",
		.usage =
			"entry:(key value expiration:[EX seconds:integer | "
			"PX milliseconds:integer | "
			"EXAT unix-time-seconds:unix-time | "
			"PXAT unix-time-milliseconds:unix-time] "
			"TAGS count:integer [tag]...)...",
		.summary =
			"Sets many keys, each with its own tags and expiry.",
		.since = "0.1.0",
		.complexity = "O(N) in the keys and tags",
		.group = GROUP_TAG,
		.arity = -6,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_MOVABLE_KEYS | CMD_LANE,
		.categories = CATEGORY_TAG,
		.keys = {
			{
				.begin = KEY_BEGIN_INDEX, .index = 2,
				.find = KEY_FIND_UNKNOWN,
				.access = KEY_OW | KEY_UPDATE |
					KEY_INCOMPLETE,
			},
		},
		.find_keys = tags_find_mset_keys,
		.run = tags_run_mset,
	},
	{
		.name = "of",
		.usage = "key",
		.summary = "Tells a key's tags, and whether it is stale.",
		.since = "0.1.0",
		.complexity = "O(N) in the key's tags",
		.group = GROUP_TAG,
		.arity = 3,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_TAG,
		.keys = { KEY_AT(2, KEY_RO | KEY_ACCESS) },
		.run = tags_run_of,
	},
	{
		.name = "rem",
		.usage = "key tag...",
		.summary = "Takes tags from a key.",
		.since = "0.1.0",
		.complexity = "O(N) in the key's tags and those given",
		.group = GROUP_TAG,
		.arity = -4,
		.flags = CMD_WRITE | CMD_LANE,
		.categories = CATEGORY_TAG,
		.keys = { KEY_AT(2, KEY_RW | KEY_UPDATE) },
		.run = cmd_tag_rem,
	},
	{
		.name = "set",
		.usage =
			"key value tag... expiration:[EX seconds:integer | "
			"PX milliseconds:integer | "
			"EXAT unix-time-seconds:unix-time | "
			"PXAT unix-time-milliseconds:unix-time | KEEPTTL] "
			"condition:[NX | XX] [GET] [LEASE token] "
			"[TAGS count:integer [counted-tag]...]",
		.summary = "Sets a string with its tags.",
		.since = "0.1.0",
		.complexity = "O(N) in the tags",
		.group = GROUP_TAG,
		.arity = -5,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_LANE,
		.categories = CATEGORY_TAG,
		.keys = { KEY_AT(2, KEY_RW | KEY_ACCESS | KEY_UPDATE) },
		.run = tags_run_set,
	},
	{
		.name = "touch",
		.usage = "tag... seconds:integer",
		.summary = "Sets the expiry of all keys with any of the tags.",
		.since = "0.1.0",
		.complexity = "O(N) in the keys with these tags",
		.group = GROUP_TAG,
		.arity = -4,
		.flags = CMD_WRITE,
		.categories = CATEGORY_TAG,
		.run = tags_run_touch,
	},
	{ 0 },
};

const struct command tag_commands[] = {
	{
		.name = "tag",
		.summary = "Commands about keys with tags.",
		.since = "0.1.0",
		.complexity = "Depends on the subcommand.",
		.group = GROUP_TAG,
		.arity = -2,
		.categories = CATEGORY_TAG,
		.subcommands = tag_subcommands,
	},
	{ 0 },
};
