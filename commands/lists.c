/* Lists: their ends, and the family's rows. */
#include "commands/lists.h"

#include "commands/blocking.h"
#include "commands/command.h"
#include "commands/errors.h"
#include "commands/families.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/strings.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stddef.h>

/* Columns of list_length. */
enum { LENGTH_TYPE = 1, LENGTH };

bool
lists_read_end(struct request *request, int index, bool *front)
{
	*front = request_is_word(request, index, "LEFT");
	if (*front || request_is_word(request, index, "RIGHT"))
		return true;
	request_reply_syntax_error(request);
	return false;
}

static bool
read_positive(
	struct request *request, int index, int64_t *value, const char *error)
{
	if (!request_read_int64_or(request, index, value, error))
		return false;
	if (*value > 0)
		return true;
	request_reply_error(request, error);
	return false;
}

bool
lists_read_pop(struct request *request, int numkeys, struct lists_pop *pop)
{
	int64_t count;
	int end;

	if (!read_positive(request, numkeys, &count,
		    "ERR numkeys should be greater than 0"))
		return false;
	if (count >= request->argc - numkeys - 1) {
		request_reply_syntax_error(request);
		return false;
	}
	pop->first_key = numkeys + 1;
	pop->key_count = (int)count;
	pop->count = 1;
	end = pop->first_key + pop->key_count;
	if (!lists_read_end(request, end, &pop->front))
		return false;
	if (end + 1 == request->argc)
		return true;
	if (end + 3 != request->argc ||
		!request_is_word(request, end + 1, "COUNT")) {
		/* A wrong count is found before what follows it. */
		if (end + 3 < request->argc &&
			request_is_word(request, end + 1, "COUNT") &&
			!read_positive(request, end + 2, &pop->count,
				"ERR count should be greater than 0"))
			return false;
		request_reply_syntax_error(request);
		return false;
	}
	return read_positive(request, end + 2, &pop->count,
		"ERR count should be greater than 0");
}

/* --- pushing --------------------------------------------------------- */

static void
push_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	if (result_is_null(result, 0, 1)) {
		request_reply_error(request, ERROR_WRONG_TYPE);
		return;
	}
	reply_integer(&request->reply, result_int64(result, 0, 1));
	blocking_finish(request, request->db, &request->argv[1], 1);
}

static void
send_push(struct request *request, enum statement_id id)
{
	struct call *call = call_new(request->store, id, push_done, request);

	for (int i = 2; i < request->argc; i++) {
		if (i == 2) {
			call_bind_key(call, request->db, request->argv[1]);
		} else {
			call_next_element(call);
			call_bind_same_key(call);
		}
		call_bind_bytes(call, request->argv[i]);
		call_bind_bool(call, i + 1 == request->argc);
	}
	call_send(call);
}

static void
cmd_lpush(struct request *request)
{
	send_push(request, SQL_list_push_front);
}

static void
cmd_rpush(struct request *request)
{
	send_push(request, SQL_list_push_back);
}

static void
cmd_lpushx(struct request *request)
{
	send_push(request, SQL_list_push_front_existing);
}

static void
cmd_rpushx(struct request *request)
{
	send_push(request, SQL_list_push_back_existing);
}

/* --- popping --------------------------------------------------------- */

static void
pop_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	if (result->row_count == 0)
		reply_null(&request->reply);
	else if (result_is_null(result, 0, 1))
		reply_error(&request->reply, ERROR_WRONG_TYPE);
	else
		strings_reply_bytes(request, result, 0, 1);
	request_finish(request);
}

static void
pop_several_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	if (result->row_count == 0) {
		reply_null_array(&request->reply);
	} else if (!result_is_null(result, 0, 0)) {
		reply_error(&request->reply, result_text(result, 0, 0));
	} else if (result_is_null(result, 0, 1)) {
		reply_array(&request->reply, 0);
	} else {
		reply_array(&request->reply, (size_t)result->row_count);
		for (int row = 0; row < result->row_count; row++)
			strings_reply_bytes(request, result, row, 1);
	}
	request_finish(request);
}

static void
send_pop(struct request *request, bool front)
{
	static const char *const error =
		"ERR value is out of range, must be positive";
	struct call *call;
	int64_t count;

	if (request->argc > 3) {
		request_reply_errorf(request,
			"ERR wrong number of arguments for '%s' command",
			request->command->name);
		return;
	}
	if (request->argc == 2) {
		call = call_new(request->store,
			front ? SQL_list_pop_front : SQL_list_pop_back,
			pop_done, request);
		call_bind_key(call, request->db, request->argv[1]);
		call_send(call);
		return;
	}
	if (!request_read_int64_or(request, 2, &count, error))
		return;
	if (count < 0) {
		request_reply_error(request, error);
		return;
	}
	call = call_new(request->store, SQL_list_pop_several, pop_several_done,
		request);
	call_bind_key(call, request->db, request->argv[1]);
	call_bind_bool(call, front);
	call_bind_int64(call, count);
	call_send(call);
}

static void
cmd_lpop(struct request *request)
{
	send_pop(request, true);
}

static void
cmd_rpop(struct request *request)
{
	send_pop(request, false);
}

static void
lmpop_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	const struct lists_pop *pop = request->state;

	if (request_failed(request, result))
		return;
	if (result->row_count == 0) {
		reply_null_array(&request->reply);
	} else if (!result_is_null(result, 0, 0)) {
		reply_error(&request->reply, result_text(result, 0, 0));
	} else {
		int64_t key = result_int64(result, 0, 1) - 1;

		reply_array(&request->reply, 2);
		reply_bulk(
			&request->reply, request->argv[pop->first_key + key]);
		reply_array(&request->reply, (size_t)result->row_count);
		for (int row = 0; row < result->row_count; row++)
			strings_reply_bytes(request, result, row, 2);
	}
	request_finish(request);
}

static void
cmd_lmpop(struct request *request)
{
	struct lists_pop *pop = request_allocate(request, sizeof(*pop));
	struct call *call;

	if (!lists_read_pop(request, 1, pop))
		return;
	request->state = pop;
	call = call_new(
		request->store, SQL_list_pop_first, lmpop_done, request);
	call_bind_int32(call, request->db);
	call_bind_bytes_array(
		call, &request->argv[pop->first_key], (uint32_t)pop->key_count);
	call_bind_bool(call, pop->front);
	call_bind_int64(call, pop->count);
	call_send_route(call, ROUTE_JOINT, request->db);
}

/* --- moving ---------------------------------------------------------- */

static void
move_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	if (!result_is_null(result, 0, 0)) {
		request_reply_error(request, result_text(result, 0, 0));
	} else if (result_is_null(result, 0, 1)) {
		request_reply_null(request);
	} else {
		strings_reply_bytes(request, result, 0, 1);
		blocking_finish(request, request->db, &request->argv[2], 1);
	}
}

static void
send_move(struct request *request, bool from_front, bool to_front)
{
	struct call *call =
		call_new(request->store, SQL_list_move, move_done, request);

	call_bind_key(call, request->db, request->argv[1]);
	call_bind_key(call, request->db, request->argv[2]);
	call_bind_bool(call, from_front);
	call_bind_bool(call, to_front);
	call_send_route(call, request->route, request->db);
}

static void
cmd_lmove(struct request *request)
{
	bool from_front, to_front;

	if (lists_read_end(request, 3, &from_front) &&
		lists_read_end(request, 4, &to_front))
		send_move(request, from_front, to_front);
}

static void
cmd_rpoplpush(struct request *request)
{
	send_move(request, false, true);
}

/* --- length ---------------------------------------------------------- */

static void
llen_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	strings_count_lookup(request, result->row_count > 0);
	if (result->row_count == 0)
		request_reply_integer(request, 0);
	else if (result_char(result, 0, LENGTH_TYPE) != 'l')
		request_reply_error(request, ERROR_WRONG_TYPE);
	else
		request_reply_integer(request, result_int64(result, 0, LENGTH));
}

static void
cmd_llen(struct request *request)
{
	struct call *call =
		call_new(request->store, SQL_list_length, llen_done, request);

	call_bind_key(call, request->db, request->argv[1]);
	call_send(call);
}

const struct command list_commands[] = {
	{
		.name = "blmove",
		.usage =
			"source:key destination:key wherefrom:(LEFT | RIGHT) whereto:(LEFT | RIGHT) timeout:double",
		.summary =
			"Moves an item from one list to another; waits for one.",
		.since = "6.2.0",
		.complexity = "O(log N) in the lists' items",
		.group = GROUP_LIST,
		.arity = 6,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_NOSCRIPT | CMD_BLOCKING |
			CMD_WAKES,
		.categories = CATEGORY_LIST,
		.keys = { KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_DELETE),
			KEY_AT(2, KEY_RW | KEY_INSERT) },
		.run = cmd_blmove,
	},
	{
		.name = "blmpop",
		.usage =
			"timeout:double numkeys:integer key... where:(LEFT | RIGHT) [COUNT count:integer]",
		.summary =
			"Removes items of the first list that has some; waits for one.",
		.since = "7.0.0",
		.complexity = "O(N+M) in the keys and the items removed",
		.group = GROUP_LIST,
		.arity = -5,
		.flags = CMD_WRITE | CMD_BLOCKING,
		.categories = CATEGORY_LIST,
		.keys = { KEYS_COUNTED(2, KEY_RW | KEY_ACCESS | KEY_DELETE) },
		.run = cmd_blmpop,
	},
	{
		.name = "blpop",
		.usage = "key... timeout:double",
		.summary = "Removes the first item of a list; waits for one.",
		.since = "2.0.0",
		.complexity = "O(N) in the keys",
		.group = GROUP_LIST,
		.arity = -3,
		.flags = CMD_WRITE | CMD_NOSCRIPT | CMD_BLOCKING,
		.categories = CATEGORY_LIST,
		.keys = { KEYS_RANGE(
			1, -2, 1, KEY_RW | KEY_ACCESS | KEY_DELETE) },
		.history = { "6.0.0 The timeout may have a fraction." },
		.run = cmd_blpop,
	},
	{
		.name = "brpop",
		.usage = "key... timeout:double",
		.summary = "Removes the last item of a list; waits for one.",
		.since = "2.0.0",
		.complexity = "O(N) in the keys",
		.group = GROUP_LIST,
		.arity = -3,
		.flags = CMD_WRITE | CMD_NOSCRIPT | CMD_BLOCKING,
		.categories = CATEGORY_LIST,
		.keys = { KEYS_RANGE(
			1, -2, 1, KEY_RW | KEY_ACCESS | KEY_DELETE) },
		.history = { "6.0.0 The timeout may have a fraction." },
		.run = cmd_brpop,
	},
	{
		.name = "brpoplpush",
		.usage = "source:key destination:key timeout:double",
		.summary =
			"Moves the last item of a list to the front of another; waits for one.",
		.since = "2.2.0",
		.complexity = "O(log N) in the lists' items",
		.group = GROUP_LIST,
		.arity = 4,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_NOSCRIPT | CMD_BLOCKING |
			CMD_WAKES,
		.categories = CATEGORY_LIST,
		.keys = { KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_DELETE),
			KEY_AT(2, KEY_RW | KEY_INSERT) },
		.deprecated_since = "6.2.0",
		.replaced_by = "`BLMOVE` with the `RIGHT` and `LEFT` arguments",
		.history = { "6.0.0 The timeout may have a fraction." },
		.run = cmd_brpoplpush,
	},
	{
		.name = "lindex",
		.usage = "key index:integer",
		.summary = "Answers with the item at an index.",
		.since = "1.0.0",
		.complexity = "O(log N) in the list's items",
		.group = GROUP_LIST,
		.arity = 3,
		.flags = CMD_READONLY | CMD_LANE,
		.categories = CATEGORY_LIST,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.run = cmd_lindex,
	},
	{
		.name = "linsert",
		.usage = "key where:(BEFORE | AFTER) pivot element",
		.summary = "Inserts an item before or after another.",
		.since = "2.2.0",
		.complexity = "O(N) in the list's items",
		.group = GROUP_LIST,
		.arity = 5,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_LANE,
		.categories = CATEGORY_LIST,
		.keys = { KEY_AT(1, KEY_RW | KEY_INSERT) },
		.run = cmd_linsert,
	},
	{
		.name = "llen",
		.usage = "key",
		.summary = "Tells how many items there are.",
		.since = "1.0.0",
		.complexity = "O(1)",
		.group = GROUP_LIST,
		.arity = 2,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_LIST,
		.keys = { KEY_AT(1, KEY_RO) },
		.run = cmd_llen,
	},
	{
		.name = "lmove",
		.usage =
			"source:key destination:key wherefrom:(LEFT | RIGHT) whereto:(LEFT | RIGHT)",
		.summary = "Moves an item from one list to another.",
		.since = "6.2.0",
		.complexity = "O(log N) in the lists' items",
		.group = GROUP_LIST,
		.arity = 5,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_LANE | CMD_WAKES,
		.categories = CATEGORY_LIST,
		.keys = { KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_DELETE),
			KEY_AT(2, KEY_RW | KEY_INSERT) },
		.run = cmd_lmove,
	},
	{
		.name = "lmpop",
		.usage =
			"numkeys:integer key... where:(LEFT | RIGHT) [COUNT count:integer]",
		.summary = "Removes items of the first list that has some.",
		.since = "7.0.0",
		.complexity = "O(N+M) in the keys and the items removed",
		.group = GROUP_LIST,
		.arity = -4,
		.flags = CMD_WRITE,
		.categories = CATEGORY_LIST,
		.keys = { KEYS_COUNTED(1, KEY_RW | KEY_ACCESS | KEY_DELETE) },
		.run = cmd_lmpop,
	},
	{
		.name = "lpop",
		.usage = "key [count:integer@6.2.0]",
		.summary = "Removes the first items of a list.",
		.since = "1.0.0",
		.complexity = "O(N) in the items removed",
		.group = GROUP_LIST,
		.arity = -2,
		.flags = CMD_WRITE | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_LIST,
		.keys = { KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_DELETE) },
		.history = { "6.2.0 Several items." },
		.run = cmd_lpop,
	},
	{
		.name = "lpos",
		.usage =
			"key element [RANK rank:integer] [COUNT num-matches:integer] [MAXLEN len:integer]",
		.summary = "Tells at which indices an item is.",
		.since = "6.0.6",
		.complexity = "O(N) in the list's items",
		.group = GROUP_LIST,
		.arity = -3,
		.flags = CMD_READONLY | CMD_LANE | CMD_LISTING,
		.categories = CATEGORY_LIST,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.run = cmd_lpos,
	},
	{
		.name = "lpush",
		.usage = "key element...",
		.summary = "Adds items at the front of a list.",
		.since = "1.0.0",
		.complexity = "O(N) in the items added",
		.group = GROUP_LIST,
		.arity = -3,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST | CMD_LANE |
			CMD_WAKES,
		.categories = CATEGORY_LIST,
		.keys = { KEY_AT(1, KEY_RW | KEY_INSERT) },
		.history = { "2.4.0 Several items." },
		.run = cmd_lpush,
	},
	{
		.name = "lpushx",
		.usage = "key element...",
		.summary = "Adds items at the front of a list that is there.",
		.since = "2.2.0",
		.complexity = "O(N) in the items added",
		.group = GROUP_LIST,
		.arity = -3,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST | CMD_LANE |
			CMD_WAKES,
		.categories = CATEGORY_LIST,
		.keys = { KEY_AT(1, KEY_RW | KEY_INSERT) },
		.history = { "4.0.0 Several items." },
		.run = cmd_lpushx,
	},
	{
		.name = "lrange",
		.usage = "key start:integer stop:integer",
		.summary = "Answers with the items of a range.",
		.since = "1.0.0",
		.complexity = "O(N) in the range's items",
		.group = GROUP_LIST,
		.arity = 4,
		.flags = CMD_READONLY | CMD_LANE | CMD_LISTING,
		.categories = CATEGORY_LIST,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.run = cmd_lrange,
	},
	{
		.name = "lrem",
		.usage = "key count:integer element",
		.summary = "Removes items that are equal to one.",
		.since = "1.0.0",
		.complexity = "O(N) in the list's items",
		.group = GROUP_LIST,
		.arity = 4,
		.flags = CMD_WRITE | CMD_LANE,
		.categories = CATEGORY_LIST,
		.keys = { KEY_AT(1, KEY_RW | KEY_DELETE) },
		.run = cmd_lrem,
	},
	{
		.name = "lset",
		.usage = "key index:integer element",
		.summary = "Replaces the item at an index.",
		.since = "1.0.0",
		.complexity = "O(log N) in the list's items",
		.group = GROUP_LIST,
		.arity = 4,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_LANE,
		.categories = CATEGORY_LIST,
		.keys = { KEY_AT(1, KEY_RW | KEY_UPDATE) },
		.run = cmd_lset,
	},
	{
		.name = "ltrim",
		.usage = "key start:integer stop:integer",
		.summary = "Removes all items but those of a range.",
		.since = "1.0.0",
		.complexity = "O(N) in the items removed",
		.group = GROUP_LIST,
		.arity = 4,
		.flags = CMD_WRITE | CMD_LANE,
		.categories = CATEGORY_LIST,
		.keys = { KEY_AT(1, KEY_RW | KEY_DELETE) },
		.run = cmd_ltrim,
	},
	{
		.name = "rpop",
		.usage = "key [count:integer@6.2.0]",
		.summary = "Removes the last items of a list.",
		.since = "1.0.0",
		.complexity = "O(N) in the items removed",
		.group = GROUP_LIST,
		.arity = -2,
		.flags = CMD_WRITE | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_LIST,
		.keys = { KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_DELETE) },
		.history = { "6.2.0 Several items." },
		.run = cmd_rpop,
	},
	{
		.name = "rpoplpush",
		.usage = "source:key destination:key",
		.summary =
			"Moves the last item of a list to the front of another.",
		.since = "1.2.0",
		.complexity = "O(log N) in the lists' items",
		.group = GROUP_LIST,
		.arity = 3,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_LANE | CMD_WAKES,
		.categories = CATEGORY_LIST,
		.keys = { KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_DELETE),
			KEY_AT(2, KEY_RW | KEY_INSERT) },
		.deprecated_since = "6.2.0",
		.replaced_by = "`LMOVE` with the `RIGHT` and `LEFT` arguments",
		.run = cmd_rpoplpush,
	},
	{
		.name = "rpush",
		.usage = "key element...",
		.summary = "Adds items at the back of a list.",
		.since = "1.0.0",
		.complexity = "O(N) in the items added",
		.group = GROUP_LIST,
		.arity = -3,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST | CMD_LANE |
			CMD_WAKES,
		.categories = CATEGORY_LIST,
		.keys = { KEY_AT(1, KEY_RW | KEY_INSERT) },
		.history = { "2.4.0 Several items." },
		.run = cmd_rpush,
	},
	{
		.name = "rpushx",
		.usage = "key element...",
		.summary = "Adds items at the back of a list that is there.",
		.since = "2.2.0",
		.complexity = "O(N) in the items added",
		.group = GROUP_LIST,
		.arity = -3,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST | CMD_LANE |
			CMD_WAKES,
		.categories = CATEGORY_LIST,
		.keys = { KEY_AT(1, KEY_RW | KEY_INSERT) },
		.history = { "4.0.0 Several items." },
		.run = cmd_rpushx,
	},
	{ 0 },
};
