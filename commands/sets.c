/* Sets: members of a key, each a row; the family's rows. */
#include "commands/sets.h"

#include "commands/collections.h"
#include "commands/command.h"
#include "commands/errors.h"
#include "commands/families.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/strings.h"
#include "storage/base/bytes.h"
#include "storage/base/number.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Columns of set_contains and set_size. */
enum { LOOK_TYPE = 1, LOOK_ANSWER };

static void
cmd_sadd(struct request *request)
{
	int *indices;
	int count = collections_find_distinct(request, 2, 1, &indices);
	struct call *call = call_new(
		request->store, SQL_set_add, collections_reply_count, request);

	for (int i = 0; i < count; i++) {
		struct bytes member = request->argv[indices[i]];
		int64_t number;

		if (i == 0) {
			call_bind_key(call, request->db, request->argv[1]);
		} else {
			call_next_element(call);
			call_bind_same_key(call);
		}
		call_bind_bytes(call, member);
		call_bind_bool(call, number_parse_int64(member, &number));
	}
	call_send(call);
}

static void
cmd_srem(struct request *request)
{
	int *indices;
	int count = collections_find_distinct(request, 2, 1, &indices);
	struct call *call = call_new(request->store, SQL_set_remove,
		collections_reply_count, request);

	for (int i = 0; i < count; i++) {
		if (i == 0) {
			call_bind_key(call, request->db, request->argv[1]);
		} else {
			call_next_element(call);
			call_bind_same_key(call);
		}
		call_bind_bytes(call, request->argv[indices[i]]);
	}
	call_send(call);
}

/* Replies to what is no set; false when there is one. */
static bool
replied_otherwise(struct request *request, const struct result *result)
{
	if (request_failed(request, result))
		return true;
	strings_count_lookup(request, result->row_count > 0);
	if (result->row_count == 0 || result_char(result, 0, LOOK_TYPE) == 't')
		return false;
	request_reply_error(request, ERROR_WRONG_TYPE);
	return true;
}

static void
reply_answer(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (replied_otherwise(request, result))
		return;
	request_reply_integer(request,
		result->row_count > 0 ? result_int64(result, 0, LOOK_ANSWER) :
					0);
}

static void
cmd_scard(struct request *request)
{
	struct call *call =
		call_new(request->store, SQL_set_size, reply_answer, request);

	call_bind_key(call, request->db, request->argv[1]);
	call_send(call);
}

static void
cmd_sismember(struct request *request)
{
	struct call *call = call_new(
		request->store, SQL_set_contains, reply_answer, request);

	call_bind_key(call, request->db, request->argv[1]);
	call_bind_bytes(call, request->argv[2]);
	call_send(call);
}

static void
smismember_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	int row = -1;

	if (replied_otherwise(request, result))
		return;
	reply_array(&request->reply, (size_t)request->argc - 2);
	for (int i = 0; i < request->argc - 2; i++) {
		int found = result_row_of_element(result, i, row);

		reply_integer(&request->reply,
			found < 0 ? 0 :
				    result_int64(result, found, LOOK_ANSWER));
		if (found >= 0)
			row = found;
	}
	request_finish(request);
}

static void
cmd_smismember(struct request *request)
{
	struct call *call = call_new(
		request->store, SQL_set_contains, smismember_done, request);

	for (int i = 2; i < request->argc; i++) {
		if (i > 2)
			call_next_element(call);
		call_bind_key(call, request->db, request->argv[1]);
		call_bind_bytes(call, request->argv[i]);
	}
	call_send(call);
}

static void
cmd_smove(struct request *request)
{
	struct call *call = call_new(request->store, SQL_set_move,
		strings_reply_integer_or_error, request);

	call_bind_key(call, request->db, request->argv[1]);
	call_bind_key(call, request->db, request->argv[2]);
	call_bind_bytes(call, request->argv[3]);
	call_send_route(call, request->route, request->db);
}

const struct command set_commands[] = {
	{
		.name = "sadd",
		.usage = "key member...",
		.summary = "Adds members to a set.",
		.since = "1.0.0",
		.complexity = "O(N log n) in the members named",
		.group = GROUP_SET,
		.arity = -3,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_SET,
		.keys = { KEY_AT(1, KEY_RW | KEY_INSERT) },
		.history = { "2.4.0 Several members." },
		.run = cmd_sadd,
	},
	{
		.name = "scard",
		.usage = "key",
		.summary = "Tells how many members there are.",
		.since = "1.0.0",
		.complexity = "O(1)",
		.group = GROUP_SET,
		.arity = 2,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_SET,
		.keys = { KEY_AT(1, KEY_RO) },
		.run = cmd_scard,
	},
	{
		.name = "sdiff",
		.usage = "key...",
		.summary =
			"Answers with what is in the first set and in no other.",
		.since = "1.0.0",
		.complexity =
			"O(N log n) in the first set's members, for each other set",
		.group = GROUP_SET,
		.arity = -2,
		.flags = CMD_READONLY | CMD_LANE | CMD_LISTING,
		.categories = CATEGORY_SET,
		.keys = { KEYS_RANGE(1, -1, 1, KEY_RO | KEY_ACCESS) },
		.tips = { "nondeterministic_output_order" },
		.run = cmd_sdiff,
	},
	{
		.name = "sdiffstore",
		.usage = "destination:key key...",
		.summary = "Stores what is in the first set and in no other.",
		.since = "1.0.0",
		.complexity =
			"O(N log n) in the first set's members, for each other set",
		.group = GROUP_SET,
		.arity = -3,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_LANE,
		.categories = CATEGORY_SET,
		.keys = { KEY_AT(1, KEY_OW | KEY_UPDATE),
			KEYS_RANGE(2, -1, 1, KEY_RO | KEY_ACCESS) },
		.run = cmd_sdiffstore,
	},
	{
		.name = "sinter",
		.usage = "key...",
		.summary = "Answers with what is in all of the sets.",
		.since = "1.0.0",
		.complexity =
			"O(N log n) in the smallest set's members, for each other set",
		.group = GROUP_SET,
		.arity = -2,
		.flags = CMD_READONLY | CMD_LANE | CMD_LISTING,
		.categories = CATEGORY_SET,
		.keys = { KEYS_RANGE(1, -1, 1, KEY_RO | KEY_ACCESS) },
		.tips = { "nondeterministic_output_order" },
		.run = cmd_sinter,
	},
	{
		.name = "sintercard",
		.usage = "numkeys:integer key... [LIMIT limit:integer]",
		.summary = "Counts what is in all of the sets.",
		.since = "7.0.0",
		.complexity =
			"O(N log n) in the smallest set's members, for each other set",
		.group = GROUP_SET,
		.arity = -3,
		.flags = CMD_READONLY | CMD_MOVABLE_KEYS | CMD_LANE |
			CMD_LISTING,
		.categories = CATEGORY_SET,
		.keys = { KEYS_COUNTED(1, KEY_RO | KEY_ACCESS) },
		.run = cmd_sintercard,
	},
	{
		.name = "sinterstore",
		.usage = "destination:key key...",
		.summary = "Stores what is in all of the sets.",
		.since = "1.0.0",
		.complexity =
			"O(N log n) in the smallest set's members, for each other set",
		.group = GROUP_SET,
		.arity = -3,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_LANE,
		.categories = CATEGORY_SET,
		.keys = { KEY_AT(1, KEY_RW | KEY_UPDATE),
			KEYS_RANGE(2, -1, 1, KEY_RO | KEY_ACCESS) },
		.run = cmd_sinterstore,
	},
	{
		.name = "sismember",
		.usage = "key member",
		.summary = "Tells whether a member is there.",
		.since = "1.0.0",
		.complexity = "O(log n)",
		.group = GROUP_SET,
		.arity = 3,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_SET,
		.keys = { KEY_AT(1, KEY_RO) },
		.run = cmd_sismember,
	},
	{
		.name = "smembers",
		.usage = "key",
		.summary = "Answers with all members.",
		.since = "1.0.0",
		.complexity = "O(N) in the set's members",
		.group = GROUP_SET,
		.arity = 2,
		.flags = CMD_READONLY | CMD_LANE | CMD_LISTING,
		.categories = CATEGORY_SET,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.tips = { "nondeterministic_output_order" },
		.run = cmd_smembers,
	},
	{
		.name = "smismember",
		.usage = "key member...",
		.summary = "Tells which members are there.",
		.since = "6.2.0",
		.complexity = "O(N log n) in the members named",
		.group = GROUP_SET,
		.arity = -3,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_SET,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.run = cmd_smismember,
	},
	{
		.name = "smove",
		.usage = "source:key destination:key member",
		.summary = "Moves a member to another set.",
		.since = "1.0.0",
		.complexity = "O(log n)",
		.group = GROUP_SET,
		.arity = 4,
		.flags = CMD_WRITE | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_SET,
		.keys = { KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_DELETE),
			KEY_AT(2, KEY_RW | KEY_INSERT) },
		.run = cmd_smove,
	},
	{
		.name = "spop",
		.usage = "key [count:integer@3.2.0]",
		.summary = "Takes members out, drawn by chance.",
		.since = "1.0.0",
		.complexity = "O(N log n) in the members taken",
		.group = GROUP_SET,
		.arity = -2,
		.flags = CMD_WRITE | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_SET,
		.keys = { KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_DELETE) },
		.tips = { "nondeterministic_output" },
		.history = { "3.2.0 A count." },
		.run = cmd_spop,
	},
	{
		.name = "srandmember",
		.usage = "key [count:integer@2.6.0]",
		.summary = "Answers with members drawn by chance.",
		.since = "1.0.0",
		.complexity = "O(N log n) in the members drawn",
		.group = GROUP_SET,
		.arity = -2,
		.flags = CMD_READONLY | CMD_LANE | CMD_LISTING,
		.categories = CATEGORY_SET,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.tips = { "nondeterministic_output" },
		.history = { "2.6.0 A count." },
		.run = cmd_srandmember,
	},
	{
		.name = "srem",
		.usage = "key member...",
		.summary = "Removes members of a set.",
		.since = "1.0.0",
		.complexity = "O(N log n) in the members named",
		.group = GROUP_SET,
		.arity = -3,
		.flags = CMD_WRITE | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_SET,
		.keys = { KEY_AT(1, KEY_RW | KEY_DELETE) },
		.history = { "2.4.0 Several members." },
		.run = cmd_srem,
	},
	{
		.name = "sscan",
		.usage =
			"key cursor:integer [MATCH pattern:pattern] [COUNT count:integer]",
		.summary = "Walks through the members of a set.",
		.since = "2.8.0",
		.complexity = "O(log n) for each call and member",
		.group = GROUP_SET,
		.arity = -3,
		.flags = CMD_READONLY | CMD_LANE,
		.categories = CATEGORY_SET,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.tips = { "nondeterministic_output" },
		.run = cmd_sscan,
	},
	{
		.name = "sunion",
		.usage = "key...",
		.summary = "Answers with what is in any of the sets.",
		.since = "1.0.0",
		.complexity =
			"O(N log n) in all members, for each set before theirs",
		.group = GROUP_SET,
		.arity = -2,
		.flags = CMD_READONLY | CMD_LANE | CMD_LISTING,
		.categories = CATEGORY_SET,
		.keys = { KEYS_RANGE(1, -1, 1, KEY_RO | KEY_ACCESS) },
		.tips = { "nondeterministic_output_order" },
		.run = cmd_sunion,
	},
	{
		.name = "sunionstore",
		.usage = "destination:key key...",
		.summary = "Stores what is in any of the sets.",
		.since = "1.0.0",
		.complexity =
			"O(N log n) in all members, for each set before theirs",
		.group = GROUP_SET,
		.arity = -3,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_LANE,
		.categories = CATEGORY_SET,
		.keys = { KEY_AT(1, KEY_OW | KEY_UPDATE),
			KEYS_RANGE(2, -1, 1, KEY_RO | KEY_ACCESS) },
		.run = cmd_sunionstore,
	},
	{ 0 },
};
