/* Sorted sets: members of a key with scores, each a row; single members, and
 * the family's rows. */
#include "commands/sorted_sets.h"

#include "commands/blocking.h"
#include "commands/collections.h"
#include "commands/command.h"
#include "commands/errors.h"
#include "commands/families.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/strings.h"
#include "storage/base/bytes.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stddef.h>

/* Columns of sorted_set_score, sorted_set_rank and sorted_set_size. */
enum { LOOK_TYPE = 1, LOOK_SCORE, LOOK_RANK = 2, LOOK_SIZE = 2, RANK_SIZE };

/* Whether the result is an error or another type, which then is the
 * answer. */
static bool
has_replied(struct request *request, const struct result *result)
{
	if (request_failed(request, result))
		return true;
	strings_count_lookup(request, result->row_count > 0);
	if (result->row_count == 0 || result_char(result, 0, LOOK_TYPE) == 'z')
		return false;
	request_reply_error(request, ERROR_WRONG_TYPE);
	return true;
}

void
sorted_sets_write_pair(struct request *request, const struct result *result,
	int row, int column)
{
	if (request->reply.protocol > 2)
		reply_array(&request->reply, 2);
	strings_reply_bytes(request, result, row, column);
	reply_double(&request->reply, result_double(result, row, column + 1));
}

void
sorted_sets_reply_stored_at(
	struct request *request, const struct result *result, int key)
{
	if (request_failed(request, result))
		return;
	if (!result_is_null(result, 0, 0)) {
		request_reply_error(request, result_text(result, 0, 0));
		return;
	}
	reply_integer(&request->reply, result_int64(result, 0, 1));
	blocking_finish(request, request->db, request->argv + key, 1);
}

void
sorted_sets_reply_stored(void *arg, const struct result *result)
{
	sorted_sets_reply_stored_at(arg, result, 1);
}

void
sorted_sets_send_scores(struct request *request, int key, int first, int count,
	void (*done)(void *arg, const struct result *result))
{
	struct call *call =
		call_new(request->store, SQL_sorted_set_score, done, request);

	for (int i = 0; i < count; i++) {
		if (i > 0)
			call_next_element(call);
		call_bind_key(call, request->db, request->argv[key]);
		call_bind_bytes(call, request->argv[first + i]);
	}
	call_send(call);
}

static void
zscore_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (has_replied(request, result))
		return;
	if (result->row_count == 0 || result_is_null(result, 0, LOOK_SCORE))
		reply_null(&request->reply);
	else
		reply_double(
			&request->reply, result_double(result, 0, LOOK_SCORE));
	request_finish(request);
}

void
cmd_zscore(struct request *request)
{
	sorted_sets_send_scores(request, 1, 2, 1, zscore_done);
}

static void
zmscore_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (has_replied(request, result))
		return;
	reply_array(&request->reply, (size_t)request->argc - 2);
	for (int i = 0; i < request->argc - 2; i++)
		if (result->row_count == 0 ||
			result_is_null(result, i, LOOK_SCORE))
			reply_null(&request->reply);
		else
			reply_double(&request->reply,
				result_double(result, i, LOOK_SCORE));
	request_finish(request);
}

void
cmd_zmscore(struct request *request)
{
	sorted_sets_send_scores(request, 1, 2, request->argc - 2, zmscore_done);
}

static void
zrank_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (has_replied(request, result))
		return;
	if (result->row_count == 0 || result_is_null(result, 0, LOOK_RANK))
		request_reply_null(request);
	else
		request_reply_integer(
			request, result_int64(result, 0, LOOK_RANK));
}

static void
zrevrank_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (has_replied(request, result))
		return;
	if (result->row_count == 0 || result_is_null(result, 0, LOOK_RANK))
		request_reply_null(request);
	else
		request_reply_integer(request,
			result_int64(result, 0, RANK_SIZE) - 1 -
				result_int64(result, 0, LOOK_RANK));
}

static void
send_rank(struct request *request, call_done done)
{
	struct call *call =
		call_new(request->store, SQL_sorted_set_rank, done, request);

	call_bind_key(call, request->db, request->argv[1]);
	call_bind_bytes(call, request->argv[2]);
	call_send(call);
}

void
cmd_zrank(struct request *request)
{
	send_rank(request, zrank_done);
}

void
cmd_zrevrank(struct request *request)
{
	send_rank(request, zrevrank_done);
}

static void
zcard_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (has_replied(request, result))
		return;
	if (result->row_count == 0)
		request_reply_integer(request, 0);
	else
		request_reply_integer(
			request, result_int64(result, 0, LOOK_SIZE));
}

void
cmd_zcard(struct request *request)
{
	struct call *call = call_new(
		request->store, SQL_sorted_set_size, zcard_done, request);

	call_bind_key(call, request->db, request->argv[1]);
	call_send(call);
}

void
cmd_zrem(struct request *request)
{
	int *indices;
	int count = collections_find_distinct(request, 2, 1, &indices);
	struct call *call = call_new(request->store, SQL_sorted_set_remove,
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

const struct command sorted_set_commands[] = {
	{
		.name = "bzmpop",
		.usage = "timeout:double numkeys:integer key... where:(MIN | "
			 "MAX) [COUNT count:integer]",
		.summary = "Takes the first or last members of the first set "
			   "that has some, waiting for one if need be.",
		.since = "7.0.0",
		.complexity = "O(log N) for each member taken",
		.group = GROUP_SORTED_SET,
		.arity = -5,
		.flags = CMD_WRITE | CMD_BLOCKING | CMD_MOVABLE_KEYS,
		.categories = CATEGORY_SORTEDSET,
		.keys = { KEYS_COUNTED(2, KEY_RW | KEY_ACCESS | KEY_DELETE) },
		.run = cmd_bzmpop,
	},
	{
		.name = "bzpopmax",
		.usage = "key... timeout:double",
		.summary = "Takes the member with the greatest score, waiting "
			   "for one if need be.",
		.since = "5.0.0",
		.complexity = "O(log N) in the set's members",
		.group = GROUP_SORTED_SET,
		.arity = -3,
		.flags = CMD_WRITE | CMD_NOSCRIPT | CMD_FAST | CMD_BLOCKING,
		.categories = CATEGORY_SORTEDSET,
		.keys = { KEYS_RANGE(
			1, -2, 1, KEY_RW | KEY_ACCESS | KEY_DELETE) },
		.history = { "6.0.0 A timeout may have decimals." },
		.run = cmd_bzpopmax,
	},
	{
		.name = "bzpopmin",
		.usage = "key... timeout:double",
		.summary = "Takes the member with the least score, waiting for "
			   "one if need be.",
		.since = "5.0.0",
		.complexity = "O(log N) in the set's members",
		.group = GROUP_SORTED_SET,
		.arity = -3,
		.flags = CMD_WRITE | CMD_NOSCRIPT | CMD_FAST | CMD_BLOCKING,
		.categories = CATEGORY_SORTEDSET,
		.keys = { KEYS_RANGE(
			1, -2, 1, KEY_RW | KEY_ACCESS | KEY_DELETE) },
		.history = { "6.0.0 A timeout may have decimals." },
		.run = cmd_bzpopmin,
	},
	{
		.name = "zadd",
		.usage = "key condition:[NX | XX]@3.0.2 comparison:[GT | "
			 "LT]@6.2.0 [change=CH@3.0.2] [increment=INCR@3.0.2] "
			 "score_member:(score:double member)...",
		.summary = "Adds members to a sorted set or changes their "
			   "scores.",
		.since = "1.2.0",
		.complexity = "O(log N) for each member",
		.group = GROUP_SORTED_SET,
		.arity = -4,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST | CMD_LANE |
			CMD_WAKES,
		.categories = CATEGORY_SORTEDSET,
		.keys = { KEY_AT(1, KEY_RW | KEY_UPDATE) },
		.history = { "2.4.0 Several members.",
			"3.0.2 XX, NX, CH and INCR.", "6.2.0 GT and LT." },
		.run = cmd_zadd,
	},
	{
		.name = "zcard",
		.usage = "key",
		.summary = "Tells how many members there are.",
		.since = "1.2.0",
		.complexity = "O(1)",
		.group = GROUP_SORTED_SET,
		.arity = 2,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_SORTEDSET,
		.keys = { KEY_AT(1, KEY_RO) },
		.run = cmd_zcard,
	},
	{
		.name = "zcount",
		.usage = "key min:double max:double",
		.summary = "Counts the members with scores in a range.",
		.since = "2.0.0",
		.complexity = "O(log N) in the set's members",
		.group = GROUP_SORTED_SET,
		.arity = 4,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_SORTEDSET,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.run = cmd_zcount,
	},
	{
		.name = "zdiff",
		.usage = "numkeys:integer key... [WITHSCORES]",
		.summary = "Answers with the members of the first set that no "
			   "other has.",
		.since = "6.2.0",
		.complexity =
			"O(N log K) with N members of the first of K sets",
		.group = GROUP_SORTED_SET,
		.arity = -3,
		.flags = CMD_READONLY | CMD_MOVABLE_KEYS | CMD_LANE |
			CMD_LISTING,
		.categories = CATEGORY_SORTEDSET,
		.keys = { KEYS_COUNTED(1, KEY_RO | KEY_ACCESS) },
		.run = cmd_zdiff,
	},
	{
		.name = "zdiffstore",
		.usage = "destination:key numkeys:integer key...",
		.summary = "Stores the members of the first set that no other "
			   "has.",
		.since = "6.2.0",
		.complexity =
			"O(N log K) with N members of the first of K sets",
		.group = GROUP_SORTED_SET,
		.arity = -4,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_MOVABLE_KEYS | CMD_LANE |
			CMD_WAKES,
		.categories = CATEGORY_SORTEDSET,
		.keys = { KEY_AT(1, KEY_OW | KEY_UPDATE),
			KEYS_COUNTED(2, KEY_RO | KEY_ACCESS) },
		.run = cmd_zdiffstore,
	},
	{
		.name = "zincrby",
		.usage = "key increment:integer member",
		.summary = "Adds to the score of a member.",
		.since = "1.2.0",
		.complexity = "O(log N) in the set's members",
		.group = GROUP_SORTED_SET,
		.arity = 4,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST | CMD_LANE |
			CMD_WAKES,
		.categories = CATEGORY_SORTEDSET,
		.keys = { KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_UPDATE) },
		.run = cmd_zincrby,
	},
	{
		.name = "zinter",
		.usage = "numkeys:integer key... [WEIGHTS weight:integer...] "
			 "[AGGREGATE (SUM | MIN | MAX)] [WITHSCORES]",
		.summary = "Answers with the members that all sets have.",
		.since = "6.2.0",
		.complexity = "O(N K) with N members of the smallest of K sets",
		.group = GROUP_SORTED_SET,
		.arity = -3,
		.flags = CMD_READONLY | CMD_MOVABLE_KEYS | CMD_LANE |
			CMD_LISTING,
		.categories = CATEGORY_SORTEDSET,
		.keys = { KEYS_COUNTED(1, KEY_RO | KEY_ACCESS) },
		.run = cmd_zinter,
	},
	{
		.name = "zintercard",
		.usage = "numkeys:integer key... [LIMIT limit:integer]",
		.summary = "Counts the members that all sets have.",
		.since = "7.0.0",
		.complexity = "O(N K) with N members of the smallest of K sets",
		.group = GROUP_SORTED_SET,
		.arity = -3,
		.flags = CMD_READONLY | CMD_MOVABLE_KEYS | CMD_LANE,
		.categories = CATEGORY_SORTEDSET,
		.keys = { KEYS_COUNTED(1, KEY_RO | KEY_ACCESS) },
		.run = cmd_zintercard,
	},
	{
		.name = "zinterstore",
		.usage = "destination:key numkeys:integer key... [WEIGHTS "
			 "weight:integer...] [AGGREGATE (SUM | MIN | MAX)]",
		.summary = "Stores the members that all sets have.",
		.since = "2.0.0",
		.complexity = "O(N K) with N members of the smallest of K sets",
		.group = GROUP_SORTED_SET,
		.arity = -4,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_MOVABLE_KEYS | CMD_LANE |
			CMD_WAKES,
		.categories = CATEGORY_SORTEDSET,
		.keys = { KEY_AT(1, KEY_OW | KEY_UPDATE),
			KEYS_COUNTED(2, KEY_RO | KEY_ACCESS) },
		.run = cmd_zinterstore,
	},
	{
		.name = "zlexcount",
		.usage = "key min max",
		.summary = "Counts the members in an alphabetical range.",
		.since = "2.8.9",
		.complexity = "O(log N) in the set's members",
		.group = GROUP_SORTED_SET,
		.arity = 4,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_SORTEDSET,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.run = cmd_zlexcount,
	},
	{
		.name = "zmpop",
		.usage = "numkeys:integer key... where:(MIN | MAX) [COUNT "
			 "count:integer]",
		.summary = "Takes the first or last members of the first set "
			   "that has some.",
		.since = "7.0.0",
		.complexity = "O(log N) for each member taken",
		.group = GROUP_SORTED_SET,
		.arity = -4,
		.flags = CMD_WRITE | CMD_MOVABLE_KEYS | CMD_LANE,
		.categories = CATEGORY_SORTEDSET,
		.keys = { KEYS_COUNTED(1, KEY_RW | KEY_ACCESS | KEY_DELETE) },
		.run = cmd_zmpop,
	},
	{
		.name = "zmscore",
		.usage = "key member...",
		.summary = "Answers with the scores of members.",
		.since = "6.2.0",
		.complexity = "O(M) in the members asked for",
		.group = GROUP_SORTED_SET,
		.arity = -3,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_SORTEDSET,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.run = cmd_zmscore,
	},
	{
		.name = "zpopmax",
		.usage = "key [count:integer]",
		.summary = "Takes the members with the greatest scores.",
		.since = "5.0.0",
		.complexity = "O(log N) for each member taken",
		.group = GROUP_SORTED_SET,
		.arity = -2,
		.flags = CMD_WRITE | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_SORTEDSET,
		.keys = { KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_DELETE) },
		.run = cmd_zpopmax,
	},
	{
		.name = "zpopmin",
		.usage = "key [count:integer]",
		.summary = "Takes the members with the least scores.",
		.since = "5.0.0",
		.complexity = "O(log N) for each member taken",
		.group = GROUP_SORTED_SET,
		.arity = -2,
		.flags = CMD_WRITE | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_SORTEDSET,
		.keys = { KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_DELETE) },
		.run = cmd_zpopmin,
	},
	{
		.name = "zrandmember",
		.usage = "key options:[count:integer [WITHSCORES]]",
		.summary = "Answers with random members.",
		.since = "6.2.0",
		.complexity = "O(log N) for each member in the answer",
		.group = GROUP_SORTED_SET,
		.arity = -2,
		.flags = CMD_READONLY | CMD_LANE | CMD_LISTING,
		.categories = CATEGORY_SORTEDSET,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.tips = { "nondeterministic_output" },
		.run = cmd_zrandmember,
	},
	{
		.name = "zrange",
		.usage = "key start stop sortby:[BYSCORE | BYLEX]@6.2.0 "
			 "[REV@6.2.0] [LIMIT offset_count:(offset:integer "
			 "count:integer)@6.2.0] [WITHSCORES]",
		.summary = "Answers with members by rank, score or alphabet.",
		.since = "1.2.0",
		.complexity = "O(log N + M) with N members, M of them in the "
			      "answer",
		.group = GROUP_SORTED_SET,
		.arity = -4,
		.flags = CMD_READONLY | CMD_LANE | CMD_LISTING,
		.categories = CATEGORY_SORTEDSET,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.history = { "6.2.0 REV, BYSCORE, BYLEX and LIMIT." },
		.run = cmd_zrange,
	},
	{
		.name = "zrangebylex",
		.usage = "key min max [LIMIT offset_count:(offset:integer "
			 "count:integer)]",
		.summary = "Answers with the members in an alphabetical range.",
		.since = "2.8.9",
		.complexity = "O(log N + M) with N members, M of them in the "
			      "answer",
		.group = GROUP_SORTED_SET,
		.arity = -4,
		.flags = CMD_READONLY | CMD_LANE | CMD_LISTING,
		.categories = CATEGORY_SORTEDSET,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.deprecated_since = "6.2.0",
		.replaced_by = "`ZRANGE` with the `BYLEX` argument",
		.run = cmd_zrangebylex,
	},
	{
		.name = "zrangebyscore",
		.usage = "key min:double max:double [WITHSCORES@2.0.0] "
			 "[LIMIT offset_count:(offset:integer "
			 "count:integer)]",
		.summary = "Answers with the members with scores in a range.",
		.since = "1.0.5",
		.complexity = "O(log N + M) with N members, M of them in the "
			      "answer",
		.group = GROUP_SORTED_SET,
		.arity = -4,
		.flags = CMD_READONLY | CMD_LANE | CMD_LISTING,
		.categories = CATEGORY_SORTEDSET,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.deprecated_since = "6.2.0",
		.replaced_by = "`ZRANGE` with the `BYSCORE` argument",
		.history = { "2.0.0 WITHSCORES." },
		.run = cmd_zrangebyscore,
	},
	{
		.name = "zrangestore",
		.usage = "dst:key src:key min max sortby:[BYSCORE | BYLEX] "
			 "[REV] [LIMIT offset_count:(offset:integer "
			 "count:integer)]",
		.summary = "Stores members of another set by rank, score or "
			   "alphabet.",
		.since = "6.2.0",
		.complexity = "O(log N + M log M) with N members, M of them "
			      "stored",
		.group = GROUP_SORTED_SET,
		.arity = -5,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_LANE | CMD_WAKES,
		.categories = CATEGORY_SORTEDSET,
		.keys = { KEY_AT(1, KEY_OW | KEY_UPDATE),
			KEY_AT(2, KEY_RO | KEY_ACCESS) },
		.run = cmd_zrangestore,
	},
	{
		.name = "zrank",
		.usage = "key member",
		.summary = "Tells how many members come before one.",
		.since = "2.0.0",
		.complexity = "O(log N) in the set's members",
		.group = GROUP_SORTED_SET,
		.arity = 3,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_SORTEDSET,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.run = cmd_zrank,
	},
	{
		.name = "zrem",
		.usage = "key member...",
		.summary = "Removes members of a sorted set.",
		.since = "1.2.0",
		.complexity = "O(log N) for each member",
		.group = GROUP_SORTED_SET,
		.arity = -3,
		.flags = CMD_WRITE | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_SORTEDSET,
		.keys = { KEY_AT(1, KEY_RW | KEY_DELETE) },
		.history = { "2.4.0 Several members." },
		.run = cmd_zrem,
	},
	{
		.name = "zremrangebylex",
		.usage = "key min max",
		.summary = "Removes the members in an alphabetical range.",
		.since = "2.8.9",
		.complexity = "O(log N + M) with M members removed",
		.group = GROUP_SORTED_SET,
		.arity = 4,
		.flags = CMD_WRITE | CMD_LANE,
		.categories = CATEGORY_SORTEDSET,
		.keys = { KEY_AT(1, KEY_RW | KEY_DELETE) },
		.run = cmd_zremrangebylex,
	},
	{
		.name = "zremrangebyrank",
		.usage = "key start:integer stop:integer",
		.summary = "Removes members by rank.",
		.since = "2.0.0",
		.complexity = "O(log N + M) with M members removed",
		.group = GROUP_SORTED_SET,
		.arity = 4,
		.flags = CMD_WRITE | CMD_LANE,
		.categories = CATEGORY_SORTEDSET,
		.keys = { KEY_AT(1, KEY_RW | KEY_DELETE) },
		.run = cmd_zremrangebyrank,
	},
	{
		.name = "zremrangebyscore",
		.usage = "key min:double max:double",
		.summary = "Removes the members with scores in a range.",
		.since = "1.2.0",
		.complexity = "O(log N + M) with M members removed",
		.group = GROUP_SORTED_SET,
		.arity = 4,
		.flags = CMD_WRITE | CMD_LANE,
		.categories = CATEGORY_SORTEDSET,
		.keys = { KEY_AT(1, KEY_RW | KEY_DELETE) },
		.run = cmd_zremrangebyscore,
	},
	{
		.name = "zrevrange",
		.usage = "key start:integer stop:integer [WITHSCORES]",
		.summary = "Answers with members by rank, from the end.",
		.since = "1.2.0",
		.complexity = "O(log N + M) with N members, M of them in the "
			      "answer",
		.group = GROUP_SORTED_SET,
		.arity = -4,
		.flags = CMD_READONLY | CMD_LANE | CMD_LISTING,
		.categories = CATEGORY_SORTEDSET,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.deprecated_since = "6.2.0",
		.replaced_by = "`ZRANGE` with the `REV` argument",
		.run = cmd_zrevrange,
	},
	{
		.name = "zrevrangebylex",
		.usage = "key max min [LIMIT offset_count:(offset:integer "
			 "count:integer)]",
		.summary = "Answers with the members in an alphabetical range, "
			   "from the end.",
		.since = "2.8.9",
		.complexity = "O(log N + M) with N members, M of them in the "
			      "answer",
		.group = GROUP_SORTED_SET,
		.arity = -4,
		.flags = CMD_READONLY | CMD_LANE | CMD_LISTING,
		.categories = CATEGORY_SORTEDSET,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.deprecated_since = "6.2.0",
		.replaced_by = "`ZRANGE` with the `REV` and `BYLEX` arguments",
		.run = cmd_zrevrangebylex,
	},
	{
		.name = "zrevrangebyscore",
		.usage = "key max:double min:double [WITHSCORES] [LIMIT "
			 "offset_count:(offset:integer count:integer)]",
		.summary = "Answers with the members with scores in a range, "
			   "from the end.",
		.since = "2.2.0",
		.complexity = "O(log N + M) with N members, M of them in the "
			      "answer",
		.group = GROUP_SORTED_SET,
		.arity = -4,
		.flags = CMD_READONLY | CMD_LANE | CMD_LISTING,
		.categories = CATEGORY_SORTEDSET,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.deprecated_since = "6.2.0",
		.replaced_by =
			"`ZRANGE` with the `REV` and `BYSCORE` arguments",
		.history = { "2.1.6 Bounds may be left out of the range." },
		.run = cmd_zrevrangebyscore,
	},
	{
		.name = "zrevrank",
		.usage = "key member",
		.summary = "Tells how many members come behind one.",
		.since = "2.0.0",
		.complexity = "O(log N) in the set's members",
		.group = GROUP_SORTED_SET,
		.arity = 3,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_SORTEDSET,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.run = cmd_zrevrank,
	},
	{
		.name = "zscan",
		.usage = "key cursor:integer [MATCH pattern:pattern] [COUNT "
			 "count:integer]",
		.summary = "Walks through the members and scores.",
		.since = "2.8.0",
		.complexity = "O(N) for the whole walk",
		.group = GROUP_SORTED_SET,
		.arity = -3,
		.flags = CMD_READONLY | CMD_LANE,
		.categories = CATEGORY_SORTEDSET,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.tips = { "nondeterministic_output" },
		.run = cmd_zscan,
	},
	{
		.name = "zscore",
		.usage = "key member",
		.summary = "Answers with the score of a member.",
		.since = "1.2.0",
		.complexity = "O(1)",
		.group = GROUP_SORTED_SET,
		.arity = 3,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_SORTEDSET,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.run = cmd_zscore,
	},
	{
		.name = "zunion",
		.usage = "numkeys:integer key... [WEIGHTS weight:integer...] "
			 "[AGGREGATE (SUM | MIN | MAX)] [WITHSCORES]",
		.summary = "Answers with the members of all sets, their scores "
			   "combined.",
		.since = "6.2.0",
		.complexity =
			"O(N + M log M) with N members in all, M different "
			"ones",
		.group = GROUP_SORTED_SET,
		.arity = -3,
		.flags = CMD_READONLY | CMD_MOVABLE_KEYS | CMD_LANE |
			CMD_LISTING,
		.categories = CATEGORY_SORTEDSET,
		.keys = { KEYS_COUNTED(1, KEY_RO | KEY_ACCESS) },
		.run = cmd_zunion,
	},
	{
		.name = "zunionstore",
		.usage = "destination:key numkeys:integer key... [WEIGHTS "
			 "weight:integer...] [AGGREGATE (SUM | MIN | MAX)]",
		.summary = "Stores the members of all sets, their scores "
			   "combined.",
		.since = "2.0.0",
		.complexity =
			"O(N + M log M) with N members in all, M different "
			"ones",
		.group = GROUP_SORTED_SET,
		.arity = -4,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_MOVABLE_KEYS | CMD_LANE |
			CMD_WAKES,
		.categories = CATEGORY_SORTEDSET,
		.keys = { KEY_AT(1, KEY_OW | KEY_UPDATE),
			KEYS_COUNTED(2, KEY_RO | KEY_ACCESS) },
		.run = cmd_zunionstore,
	},
	{ 0 },
};
