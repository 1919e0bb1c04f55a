/* Streams: entries of a key, each a row; XLEN, ranges, XDEL, XSETID, and the
 * family's rows.  The others have files of their own: see streams.h. */
#include "commands/streams.h"

#include "commands/command.h"
#include "commands/errors.h"
#include "commands/families.h"
#include "commands/help.h"
#include "commands/listing.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/strings.h"
#include "storage/base/bytes.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stddef.h>
#include <stdint.h>

/* --- XLEN ------------------------------------------------------------ */

static void
length_done(void *arg, const struct result *result)
{
	enum { TYPE = 1, SIZE };
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	strings_count_lookup(request, result->row_count > 0);
	if (result->row_count == 0)
		request_reply_integer(request, 0);
	else if (result_char(result, 0, TYPE) != 'x')
		request_reply_error(request, ERROR_WRONG_TYPE);
	else
		request_reply_integer(request, result_int64(result, 0, SIZE));
}

static void
cmd_xlen(struct request *request)
{
	struct call *call = call_new(
		request->store, SQL_stream_length, length_done, request);

	call_bind_key(call, request->db, request->argv[1]);
	call_send(call);
}

/* --- XRANGE and XREVRANGE -------------------------------------------- */

struct range {
	struct stream_id first, last;
	int64_t count; /* -1: all */
};

static void
bind_range(struct request *request, struct call *call)
{
	const struct range *range = request->state;

	call_bind_key(call, request->db, request->argv[1]);
	streams_bind_id(request, call, range->first);
	streams_bind_id(request, call, range->last);
	call_bind_optional_int64(call, range->count >= 0, range->count);
}

static void
write_range_row(struct request *request, const struct result *result, int row)
{
	streams_write_entry(request, result, row, LISTING_FIRST);
}

static bool
read_count(struct request *request, int64_t *count)
{
	*count = -1;
	for (int i = 4; i < request->argc; i++) {
		if (!request_is_word(request, i, "COUNT") ||
			i + 1 == request->argc) {
			request_reply_syntax_error(request);
			return false;
		}
		if (!request_read_int64(request, ++i, count))
			return false;
		if (*count < 0)
			*count = 0;
	}
	return true;
}

/* A count of 0 is answered with a null array where there is a stream. */
static void
count_of_zero_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	bool found = result->row_count > 0;

	if (request_failed(request, result))
		return;
	if (found && result_char(result, 0, 1) != 'x')
		reply_error(&request->reply, ERROR_WRONG_TYPE);
	else if (found)
		reply_null_array(&request->reply);
	else
		reply_array(&request->reply, 0);
	request_finish(request);
}

static void
send_range(struct request *request, int first, int last,
	const struct listing *listing)
{
	struct range *range = request_allocate(request, sizeof(*range));
	struct call *call;

	request->state = range;
	if (!streams_read_bound(request, first, false, &range->first) ||
		!streams_read_bound(request, last, true, &range->last) ||
		!read_count(request, &range->count))
		return;
	if (range->count != 0) {
		listing_send(request, listing);
		return;
	}
	call = call_new(
		request->store, SQL_stream_length, count_of_zero_done, request);
	call_bind_key(call, request->db, request->argv[1]);
	call_send(call);
}

static void
cmd_xrange(struct request *request)
{
	static const struct listing listing = {
		.statement = SQL_stream_range,
		.shape = LISTING_ARRAY,
		.type = 'x',
		.replies_per_row = 1,
		.bind = bind_range,
		.write_row = write_range_row,
	};

	send_range(request, 2, 3, &listing);
}

static void
cmd_xrevrange(struct request *request)
{
	static const struct listing listing = {
		.statement = SQL_stream_range_backwards,
		.shape = LISTING_ARRAY,
		.type = 'x',
		.replies_per_row = 1,
		.bind = bind_range,
		.write_row = write_range_row,
	};

	send_range(request, 3, 2, &listing);
}

/* --- XDEL and XSETID ------------------------------------------------- */

static void
cmd_xdel(struct request *request)
{
	struct bytes *ids;
	struct call *call;

	if (!streams_encode_ids(request, 2, request->argc, &ids)) {
		streams_refuse(request,
			(struct stream_place){ .absence = ABSENT_IS_ZERO,
				.key = request->argv[1] },
			STREAMS_ERROR_ID);
		return;
	}
	call = call_new(request->store, SQL_stream_delete, streams_reply_count,
		request);
	call_bind_key(call, request->db, request->argv[1]);
	call_bind_bytes_array(call, ids, (uint32_t)(request->argc - 2));
	call_send(call);
}

struct set_id_options {
	int64_t entries_added; /* -1: as it is */
	struct stream_id max_deleted; /* 0-0: likewise */
};

static bool
read_set_id_options(struct request *request, struct stream_id id,
	struct set_id_options *options)
{
	for (int i = 3; i < request->argc; i++) {
		bool more = i + 1 < request->argc;

		if (more && request_is_word(request, i, "ENTRIESADDED")) {
			if (!request_read_int64(
				    request, ++i, &options->entries_added))
				return false;
			if (options->entries_added < 0) {
				request_reply_error(request,
					"ERR entries_added must be positive");
				return false;
			}
		} else if (more &&
			request_is_word(request, i, "MAXDELETEDID")) {
			if (!streams_read_id(
				    request, ++i, &options->max_deleted))
				return false;
			if (stream_id_compare(id, options->max_deleted) < 0) {
				request_reply_error(request,
					"ERR The ID specified in XSETID is "
					"smaller than the provided "
					"max_deleted_entry_id");
				return false;
			}
		} else {
			request_reply_syntax_error(request);
			return false;
		}
	}
	return true;
}

static void
set_id_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	if (result_is_null(result, 0, 0))
		request_reply_ok(request);
	else
		request_reply_error(request, result_text(result, 0, 0));
}

static void
cmd_xsetid(struct request *request)
{
	struct set_id_options options = { .entries_added = -1 };
	struct stream_id id;
	struct call *call;

	if (!streams_read_id(request, 2, &id) ||
		!read_set_id_options(request, id, &options))
		return;
	call = call_new(
		request->store, SQL_stream_set_id, set_id_done, request);
	call_bind_key(call, request->db, request->argv[1]);
	streams_bind_id(request, call, id);
	call_bind_optional_int64(
		call, options.entries_added >= 0, options.entries_added);
	if (stream_id_compare(options.max_deleted, STREAM_ID_MIN) > 0)
		streams_bind_id(request, call, options.max_deleted);
	else
		call_bind_null(call, VALUE_BYTES);
	call_send(call);
}

static const struct command xgroup_subcommands[] = {
	{
		.name = "create",
		.usage = "key groupname id:(id | new_id='$') [MKSTREAM] "
			 "[ENTRIESREAD entries_read:integer]",
		.summary = "Makes a consumer group.",
		.since = "5.0.0",
		.complexity = "O(1)",
		.group = GROUP_STREAM,
		.arity = -5,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_LANE,
		.categories = CATEGORY_STREAM,
		.keys = { KEY_AT(2, KEY_RW | KEY_INSERT) },
		.history = { "7.0.0 `ENTRIESREAD`." },
		.run = cmd_xgroup_create,
	},
	{
		.name = "createconsumer",
		.usage = "key groupname consumername",
		.summary = "Makes a consumer of a group.",
		.since = "6.2.0",
		.complexity = "O(1)",
		.group = GROUP_STREAM,
		.arity = 5,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_LANE,
		.categories = CATEGORY_STREAM,
		.keys = { KEY_AT(2, KEY_RW | KEY_INSERT) },
		.run = cmd_xgroup_createconsumer,
	},
	{
		.name = "delconsumer",
		.usage = "key groupname consumername",
		.summary = "Deletes a consumer and what is pending with it.",
		.since = "5.0.0",
		.complexity = "O(N) in the entries pending with it",
		.group = GROUP_STREAM,
		.arity = 5,
		.flags = CMD_WRITE | CMD_LANE,
		.categories = CATEGORY_STREAM,
		.keys = { KEY_AT(2, KEY_RW | KEY_DELETE) },
		.run = cmd_xgroup_delconsumer,
	},
	{
		.name = "destroy",
		.usage = "key groupname",
		.summary = "Deletes a consumer group.",
		.since = "5.0.0",
		.complexity = "O(N) in the entries pending in it",
		.group = GROUP_STREAM,
		.arity = 4,
		.flags = CMD_WRITE | CMD_LANE | CMD_WAKES,
		.categories = CATEGORY_STREAM,
		.keys = { KEY_AT(2, KEY_RW | KEY_DELETE) },
		.run = cmd_xgroup_destroy,
	},
	{
		.name = "help",
		.summary = "Lists the subcommands.",
		.since = "5.0.0",
		.complexity = "O(1)",
		.group = GROUP_STREAM,
		.arity = 2,
		.flags = CMD_LOADING | CMD_STALE,
		.categories = CATEGORY_STREAM,
		.run = help_run,
	},
	{
		.name = "setid",
		.usage = "key groupname id:(id | new_id='$') "
			 "[ENTRIESREAD entries_read:integer]",
		.summary = "Sets the entry up to which a group has read.",
		.since = "5.0.0",
		.complexity = "O(1)",
		.group = GROUP_STREAM,
		.arity = -5,
		.flags = CMD_WRITE | CMD_LANE,
		.categories = CATEGORY_STREAM,
		.keys = { KEY_AT(2, KEY_RW | KEY_UPDATE) },
		.history = { "7.0.0 `ENTRIESREAD`." },
		.run = cmd_xgroup_setid,
	},
	{ 0 },
};

static const struct command xinfo_subcommands[] = {
	{
		.name = "consumers",
		.usage = "key groupname",
		.summary = "Lists the consumers of a group.",
		.since = "5.0.0",
		.complexity = "O(N) in the consumers",
		.group = GROUP_STREAM,
		.arity = 4,
		.flags = CMD_READONLY | CMD_LANE,
		.categories = CATEGORY_STREAM,
		.keys = { KEY_AT(2, KEY_RO | KEY_ACCESS) },
		.tips = { "nondeterministic_output" },
		.run = cmd_xinfo_consumers,
	},
	{
		.name = "groups",
		.usage = "key",
		.summary = "Lists the groups of a stream.",
		.since = "5.0.0",
		.complexity = "O(N) in the groups and their consumers",
		.group = GROUP_STREAM,
		.arity = 3,
		.flags = CMD_READONLY | CMD_LANE,
		.categories = CATEGORY_STREAM,
		.keys = { KEY_AT(2, KEY_RO | KEY_ACCESS) },
		.history = { "7.0.0 The fields `entries-read` and `lag`." },
		.run = cmd_xinfo_groups,
	},
	{
		.name = "help",
		.summary = "Lists the subcommands.",
		.since = "5.0.0",
		.complexity = "O(1)",
		.group = GROUP_STREAM,
		.arity = 2,
		.flags = CMD_LOADING | CMD_STALE,
		.categories = CATEGORY_STREAM,
		.run = help_run,
	},
	{
		.name = "stream",
		.usage = "key [FULL ([COUNT count:integer])]",
		.summary = "Tells about a stream.",
		.since = "5.0.0",
		.complexity = "O(1)",
		.group = GROUP_STREAM,
		.arity = -3,
		.flags = CMD_READONLY | CMD_LANE,
		.categories = CATEGORY_STREAM,
		.keys = { KEY_AT(2, KEY_RO | KEY_ACCESS) },
		.history = { "6.0.0 `FULL`.",
			"7.0.0 The fields `max-deleted-entry-id`, `entries-added`, `recorded-first-entry-id`, `entries-read` and `lag`." },
		.state = COMMAND_PARTIAL,
		.note = "There is no radix tree: radix-tree-nodes is one more than radix-tree-keys, the nodes by which ~ trims.",
		.run = cmd_xinfo_stream,
	},
	{ 0 },
};

const struct command stream_commands[] = {
	{
		.name = "xack",
		.usage = "key group id...",
		.summary = "Acknowledges entries that were delivered.",
		.since = "5.0.0",
		.complexity = "O(N) in the IDs",
		.group = GROUP_STREAM,
		.arity = -4,
		.flags = CMD_WRITE | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_STREAM,
		.keys = { KEY_AT(1, KEY_RW | KEY_UPDATE) },
		.run = cmd_xack,
	},
	{
		.name = "xadd",
		.usage =
			"key [NOMKSTREAM@6.2.0] trim:[strategy:(MAXLEN | "
			"MINID@6.2.0) operator:[equal='=' | approximately='~'] "
			"threshold [LIMIT count:integer@6.2.0]] "
			"id_or_auto:(auto_id='*' | id) field_value:(field value)...",
		.summary = "Adds an entry to a stream.",
		.since = "5.0.0",
		.complexity = "O(1), and O(N) in the entries that are trimmed",
		.group = GROUP_STREAM,
		.arity = -5,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST | CMD_LANE |
			CMD_WAKES,
		.categories = CATEGORY_STREAM,
		.keys = { {
			.begin = KEY_BEGIN_INDEX,
			.index = 1,
			.key_step = 1,
			.access = KEY_RW | KEY_UPDATE,
			.notes = "UPDATE, not INSERT: it may trim.",
		} },
		.tips = { "nondeterministic_output" },
		.history = { "6.2.0 `NOMKSTREAM`, `MINID` and `LIMIT`.",
			"7.0.0 IDs of the form `<ms>-*`." },
		.state = COMMAND_PARTIAL,
		.note = "With ~ the bytes of a node are those of its fields, so nodes limited by stream-node-max-bytes differ a little.",
		.run = cmd_xadd,
	},
	{
		.name = "xautoclaim",
		.usage = "key group consumer min-idle-time start "
			 "[COUNT count:integer] [JUSTID]",
		.summary =
			"Takes over entries that have been pending for long.",
		.since = "6.2.0",
		.complexity = "O(N) in COUNT",
		.group = GROUP_STREAM,
		.arity = -6,
		.flags = CMD_WRITE | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_STREAM,
		.keys = { KEY_AT(1, KEY_RW | KEY_DELETE) },
		.tips = { "nondeterministic_output" },
		.history = { "7.0.0 The reply's list of deleted entries, which are no longer pending." },
		.run = cmd_xautoclaim,
	},
	{
		.name = "xclaim",
		.usage =
			"key group consumer min-idle-time id... [IDLE ms:integer] "
			"[TIME unix-time-milliseconds:unix-time] "
			"[RETRYCOUNT count:integer] [FORCE] [JUSTID] [LASTID id]",
		.summary = "Takes over pending entries.",
		.since = "5.0.0",
		.complexity = "O(N) in the IDs",
		.group = GROUP_STREAM,
		.arity = -6,
		.flags = CMD_WRITE | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_STREAM,
		.keys = { KEY_AT(1, KEY_RW | KEY_UPDATE) },
		.tips = { "nondeterministic_output" },
		.run = cmd_xclaim,
	},
	{
		.name = "xdel",
		.usage = "key id...",
		.summary = "Deletes entries.",
		.since = "5.0.0",
		.complexity = "O(N) in the IDs",
		.group = GROUP_STREAM,
		.arity = -3,
		.flags = CMD_WRITE | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_STREAM,
		.keys = { KEY_AT(1, KEY_RW | KEY_DELETE) },
		.run = cmd_xdel,
	},
	{
		.name = "xgroup",
		.summary = "Holds the commands on consumer groups.",
		.since = "5.0.0",
		.complexity = "Depends on the subcommand.",
		.group = GROUP_STREAM,
		.arity = -2,
		.subcommands = xgroup_subcommands,
	},
	{
		.name = "xinfo",
		.summary = "Holds the commands that tell about streams.",
		.since = "5.0.0",
		.complexity = "Depends on the subcommand.",
		.group = GROUP_STREAM,
		.arity = -2,
		.subcommands = xinfo_subcommands,
	},
	{
		.name = "xlen",
		.usage = "key",
		.summary = "Tells how many entries there are.",
		.since = "5.0.0",
		.complexity = "O(1)",
		.group = GROUP_STREAM,
		.arity = 2,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_STREAM,
		.keys = { KEY_AT(1, KEY_RO) },
		.run = cmd_xlen,
	},
	{
		.name = "xpending",
		.usage =
			"key group filters:[[IDLE min-idle-time:integer@6.2.0] "
			"start end count:integer [consumer]]",
		.summary = "Lists what was delivered and not acknowledged.",
		.since = "5.0.0",
		.complexity =
			"O(N) in the entries; with IDLE in those looked at, without a range in the consumers",
		.group = GROUP_STREAM,
		.arity = -3,
		.flags = CMD_READONLY | CMD_LANE | CMD_LISTING,
		.categories = CATEGORY_STREAM,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.tips = { "nondeterministic_output" },
		.history = { "6.2.0 `IDLE` and exclusive ranges." },
		.run = cmd_xpending,
	},
	{
		.name = "xrange",
		.usage = "key start end [COUNT count:integer]",
		.summary = "Answers with a range of entries.",
		.since = "5.0.0",
		.complexity = "O(N) in the entries",
		.group = GROUP_STREAM,
		.arity = -4,
		.flags = CMD_READONLY | CMD_LANE | CMD_LISTING,
		.categories = CATEGORY_STREAM,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.history = { "6.2.0 Exclusive ranges." },
		.run = cmd_xrange,
	},
	{
		.name = "xread",
		.usage = "[COUNT count:integer] [BLOCK milliseconds:integer] "
			 "STREAMS (key... id...)",
		.summary =
			"Answers with entries of several streams, or waits for them.",
		.since = "5.0.0",
		.complexity = "O(N) in the entries",
		.group = GROUP_STREAM,
		.arity = -4,
		.flags = CMD_READONLY | CMD_BLOCKING | CMD_MOVABLE_KEYS,
		.categories = CATEGORY_STREAM,
		.keys = { {
			.begin = KEY_BEGIN_KEYWORD,
			.keyword = "STREAMS",
			.index = 1,
			.last_key = -1,
			.key_step = 1,
			.limit = 2,
			.access = KEY_RO | KEY_ACCESS,
		} },
		.run = cmd_xread,
	},
	{
		.name = "xreadgroup",
		.usage =
			"GROUP group_consumer:(group consumer) "
			"[COUNT count:integer] [BLOCK milliseconds:integer] [NOACK] "
			"STREAMS (key... id...)",
		.summary =
			"Delivers entries to a consumer of a group, or waits for them.",
		.since = "5.0.0",
		.complexity = "O(N) in the entries",
		.group = GROUP_STREAM,
		.arity = -7,
		.flags = CMD_WRITE | CMD_BLOCKING | CMD_MOVABLE_KEYS,
		.categories = CATEGORY_STREAM,
		.keys = { {
			.begin = KEY_BEGIN_KEYWORD,
			.keyword = "STREAMS",
			.index = 4,
			.last_key = -1,
			.key_step = 1,
			.limit = 2,
			.access = KEY_RO | KEY_ACCESS,
		} },
		.run = cmd_xreadgroup,
	},
	{
		.name = "xrevrange",
		.usage = "key end start [COUNT count:integer]",
		.summary =
			"Answers with a range of entries, the last one first.",
		.since = "5.0.0",
		.complexity = "O(N) in the entries",
		.group = GROUP_STREAM,
		.arity = -4,
		.flags = CMD_READONLY | CMD_LANE | CMD_LISTING,
		.categories = CATEGORY_STREAM,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.history = { "6.2.0 Exclusive ranges." },
		.run = cmd_xrevrange,
	},
	{
		.name = "xsetid",
		.usage =
			"key last-id [ENTRIESADDED entries_added:integer@7.0.0] "
			"[MAXDELETEDID max_deleted_entry_id@7.0.0]",
		.summary = "Sets what a stream remembers beside its entries.",
		.since = "5.0.0",
		.complexity = "O(1)",
		.group = GROUP_STREAM,
		.arity = -3,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_STREAM,
		.keys = { KEY_AT(1, KEY_RW | KEY_UPDATE) },
		.history = { "7.0.0 `ENTRIESADDED` and `MAXDELETEDID`." },
		.run = cmd_xsetid,
	},
	{
		.name = "xtrim",
		.usage = "key trim:(strategy:(MAXLEN | MINID@6.2.0) "
			 "operator:[equal='=' | approximately='~'] threshold "
			 "[LIMIT count:integer@6.2.0])",
		.summary = "Trims a stream to its last entries.",
		.since = "5.0.0",
		.complexity = "O(N) in the entries that are trimmed",
		.group = GROUP_STREAM,
		.arity = -4,
		.flags = CMD_WRITE | CMD_LANE,
		.categories = CATEGORY_STREAM,
		.keys = { KEY_AT(1, KEY_RW | KEY_DELETE) },
		.tips = { "nondeterministic_output" },
		.history = { "6.2.0 `MINID` and `LIMIT`." },
		.state = COMMAND_PARTIAL,
		.note = "As XADD's trimming.",
		.run = cmd_xtrim,
	},
	{ 0 },
};
