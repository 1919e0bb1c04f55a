/* String commands that read, and that change a part; the family's rows.
 *
 * A string that is a canonical integer is a number in its row (see
 * storage/schema), so a value has two columns here and in SQL. */
#include "commands/strings.h"

#include "commands/command.h"
#include "commands/counters.h"
#include "commands/errors.h"
#include "commands/expiry.h"
#include "commands/families.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "storage/base/number.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stddef.h>

enum { LEND_SIZE = 16 * 1024 }; /* bytes; a smaller value is copied */

/* Columns of string_get. */
enum { GET_TYPE = 1, GET_NUMBER, GET_VALUE };

void
strings_bind_value(struct call *call, struct bytes value)
{
	int64_t number;

	if (number_parse_int64(value, &number)) {
		call_bind_null(call, VALUE_BYTES);
		call_bind_int64(call, number);
	} else {
		call_bind_bytes(call, value);
		call_bind_null(call, VALUE_INT64);
	}
}

void
strings_count_lookup(struct request *request, bool found)
{
	if (found)
		counter_add(request->counters->keyspace_hits, 1);
	else
		counter_add(request->counters->keyspace_misses, 1);
}

void
strings_reply_bytes(struct request *request, const struct result *result,
	int row, int column)
{
	struct bytes value = result_bytes(result, row, column);

	if (value.size < LEND_SIZE)
		reply_bulk(&request->reply, value);
	else
		reply_bulk_lent(&request->reply, value, rows_release,
			rows_hold(result->rows));
}

/* A row of string_get. */
static void
reply_string(struct request *request, const struct result *result, int row)
{
	if (!result_is_null(result, row, GET_NUMBER))
		reply_bulk_integer(
			&request->reply, result_int64(result, row, GET_NUMBER));
	else
		strings_reply_bytes(request, result, row, GET_VALUE);
}

/* The error in the row's first column, if there is one. */
static bool
replied_error(struct request *request, const struct result *result)
{
	if (request_failed(request, result))
		return true;
	if (result_is_null(result, 0, 0))
		return false;
	request_reply_error(request, result_text(result, 0, 0));
	return true;
}

void
strings_reply_value_or_error(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (replied_error(request, result))
		return;
	if (result_is_null(result, 0, 1))
		reply_null(&request->reply);
	else
		strings_reply_bytes(request, result, 0, 1);
	request_finish(request);
}

void
strings_reply_integer_or_error(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (!replied_error(request, result))
		request_reply_integer(request, result_int64(result, 0, 1));
}

static void
get_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	strings_count_lookup(request, result->row_count > 0);
	if (result->row_count == 0)
		reply_null(&request->reply);
	else if (result_char(result, 0, GET_TYPE) != 's')
		reply_error(&request->reply, ERROR_WRONG_TYPE);
	else
		reply_string(request, result, 0);
	request_finish(request);
}

static void
cmd_get(struct request *request)
{
	struct call *call =
		call_new(request->store, SQL_string_get, get_done, request);

	call_bind_key(call, request->db, request->argv[1]);
	call_send(call);
}

static void
mget_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	int row = -1;

	if (request_failed(request, result))
		return;
	reply_array(&request->reply, (size_t)request->argc - 1);
	for (int i = 0; i < request->argc - 1; i++) {
		int found = result_row_of_element(result, i, row);

		strings_count_lookup(request, found >= 0);
		if (found >= 0)
			row = found;
		if (found >= 0 && result_char(result, row, GET_TYPE) == 's')
			reply_string(request, result, row);
		else
			reply_null(&request->reply);
	}
	request_finish(request);
}

static void
cmd_mget(struct request *request)
{
	struct call *call =
		call_new(request->store, SQL_string_get, mget_done, request);

	call_bind_keys(call, request->db, request->argv + 1, request->argc - 1);
	call_send_route(call, request->route, request->db);
}

static void
strlen_done(void *arg, const struct result *result)
{
	enum { TYPE = 1, SIZE };
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	strings_count_lookup(request, result->row_count > 0);
	if (result->row_count == 0)
		request_reply_integer(request, 0);
	else if (result_char(result, 0, TYPE) != 's')
		request_reply_error(request, ERROR_WRONG_TYPE);
	else
		request_reply_integer(request, result_int64(result, 0, SIZE));
}

static void
cmd_strlen(struct request *request)
{
	struct call *call = call_new(
		request->store, SQL_string_length, strlen_done, request);

	call_bind_key(call, request->db, request->argv[1]);
	call_send(call);
}

static void
getrange_done(void *arg, const struct result *result)
{
	enum { TYPE = 1, PART };
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	strings_count_lookup(request, result->row_count > 0);
	if (result->row_count == 0)
		reply_bulk_text(&request->reply, "");
	else if (result_char(result, 0, TYPE) != 's')
		reply_error(&request->reply, ERROR_WRONG_TYPE);
	else
		strings_reply_bytes(request, result, 0, PART);
	request_finish(request);
}

static void
cmd_getrange(struct request *request)
{
	struct call *call;
	int64_t first, last;

	if (!request_read_int64(request, 2, &first) ||
		!request_read_int64(request, 3, &last))
		return;
	call = call_new(
		request->store, SQL_string_get_range, getrange_done, request);
	call_bind_key(call, request->db, request->argv[1]);
	call_bind_int64(call, first);
	call_bind_int64(call, last);
	call_send(call);
}

static void
cmd_getdel(struct request *request)
{
	struct call *call = call_new(request->store, SQL_string_get_delete,
		strings_reply_value_or_error, request);

	call_bind_key(call, request->db, request->argv[1]);
	call_send(call);
}

/* GETEX's option, of which there is one at the most. */
static bool
read_getex_options(
	struct request *request, struct expiry *expiry, bool *persist)
{
	enum expiry_kind kind = EXPIRY_NONE;
	enum expiry_unit unit = EXPIRY_SECONDS;
	int value = 0;

	*persist = false;
	for (int i = 2; i < request->argc; i++) {
		enum expiry_kind former = kind;
		enum expiry_unit former_unit = unit;
		bool taken = kind != EXPIRY_NONE;

		if (request_is_word(request, i, "PERSIST") && !taken) {
			*persist = true;
		} else if (!*persist && i + 1 < request->argc &&
			expiry_read_option(request, i, &kind, &unit) &&
			(!taken || (kind == former && unit == former_unit))) {
			value = ++i;
		} else {
			request_reply_syntax_error(request);
			return false;
		}
	}
	*expiry = (struct expiry){ .kind = EXPIRY_NONE };
	return value == 0 ||
		expiry_read(request, value, kind, unit, false, expiry);
}

static void
cmd_getex(struct request *request)
{
	struct expiry expiry;
	struct call *call;
	bool persist;

	if (!read_getex_options(request, &expiry, &persist))
		return;
	if (expiry.kind == EXPIRY_NONE && !persist) {
		cmd_get(request);
		return;
	}
	call = call_new(request->store, SQL_string_get_expire,
		strings_reply_value_or_error, request);
	call_bind_key(call, request->db, request->argv[1]);
	expiry_bind(call, expiry);
	call_bind_bool(call, persist);
	call_send(call);
}

static void
cmd_append(struct request *request)
{
	struct call *call = call_new(request->store, SQL_string_append,
		strings_reply_integer_or_error, request);

	call_bind_key(call, request->db, request->argv[1]);
	call_bind_bytes(call, request->argv[2]);
	call_send(call);
}

static void
cmd_setrange(struct request *request)
{
	struct call *call;
	int64_t offset;

	if (!request_read_int64(request, 2, &offset))
		return;
	call = call_new(request->store, SQL_string_set_range,
		strings_reply_integer_or_error, request);
	call_bind_key(call, request->db, request->argv[1]);
	call_bind_int64(call, offset);
	call_bind_bytes(call, request->argv[3]);
	call_send(call);
}

const struct command string_commands[] = {
	{
		.name = "append",
		.usage = "key value",
		.summary = "Adds to the end of a string.",
		.since = "2.0.0",
		.complexity = "O(N) in the new length",
		.group = GROUP_STRING,
		.arity = 3,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_STRING,
		.keys = { KEY_AT(1, KEY_RW | KEY_INSERT) },
		.run = cmd_append,
	},
	{
		.name = "decr",
		.usage = "key",
		.summary = "Takes one from a number.",
		.since = "1.0.0",
		.complexity = "O(1)",
		.group = GROUP_STRING,
		.arity = 2,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_STRING,
		.keys = { KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_UPDATE) },
		.run = cmd_decr,
	},
	{
		.name = "decrby",
		.usage = "key decrement:integer",
		.summary = "Takes an integer from a number.",
		.since = "1.0.0",
		.complexity = "O(1)",
		.group = GROUP_STRING,
		.arity = 3,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_STRING,
		.keys = { KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_UPDATE) },
		.run = cmd_decrby,
	},
	{
		.name = "get",
		.usage = "key",
		.summary = "Answers with the string at a key.",
		.since = "1.0.0",
		.complexity = "O(1)",
		.group = GROUP_STRING,
		.arity = 2,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_STRING,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.run = cmd_get,
	},
	{
		.name = "getdel",
		.usage = "key",
		.summary =
			"Answers with the string at a key and removes the key.",
		.since = "6.2.0",
		.complexity = "O(1)",
		.group = GROUP_STRING,
		.arity = 2,
		.flags = CMD_WRITE | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_STRING,
		.keys = { KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_DELETE) },
		.run = cmd_getdel,
	},
	{
		.name = "getex",
		.usage =
			"key expiration:[EX seconds:integer | "
			"PX milliseconds:integer | "
			"EXAT unix-time-seconds:unix-time | "
			"PXAT unix-time-milliseconds:unix-time | PERSIST]",
		.summary =
			"Answers with the string at a key and may set its "
			"expiry.",
		.since = "6.2.0",
		.complexity = "O(1)",
		.group = GROUP_STRING,
		.arity = -2,
		.flags = CMD_WRITE | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_STRING,
		.keys = {
			{
				.begin = KEY_BEGIN_INDEX, .index = 1,
				.key_step = 1,
				.access = KEY_RW | KEY_ACCESS | KEY_UPDATE,
				.notes = "The expiry may change.",
			},
		},
		.run = cmd_getex,
	},
	{
		.name = "getrange",
		.usage = "key start:integer end:integer",
		.summary = "Answers with a part of a string.",
		.since = "2.4.0",
		.complexity = "O(N) in the length of the part",
		.group = GROUP_STRING,
		.arity = 4,
		.flags = CMD_READONLY | CMD_LANE,
		.categories = CATEGORY_STRING,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.run = cmd_getrange,
	},
	{
		.name = "getset",
		.usage = "key value",
		.summary = "Sets a string and answers with the old one.",
		.since = "1.0.0",
		.complexity = "O(1)",
		.group = GROUP_STRING,
		.arity = 3,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_STRING,
		.keys = { KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_UPDATE) },
		.deprecated_since = "6.2.0",
		.replaced_by = "`SET` with the `!GET` argument",
		.run = cmd_getset,
	},
	{
		.name = "incr",
		.usage = "key",
		.summary = "Adds one to a number.",
		.since = "1.0.0",
		.complexity = "O(1)",
		.group = GROUP_STRING,
		.arity = 2,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_STRING,
		.keys = { KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_UPDATE) },
		.run = cmd_incr,
	},
	{
		.name = "incrby",
		.usage = "key increment:integer",
		.summary = "Adds an integer to a number.",
		.since = "1.0.0",
		.complexity = "O(1)",
		.group = GROUP_STRING,
		.arity = 3,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_STRING,
		.keys = { KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_UPDATE) },
		.run = cmd_incrby,
	},
	{
		.name = "incrbyfloat",
		.usage = "key increment:double",
		.summary = "Adds a floating-point number to a number.",
		.since = "2.6.0",
		.complexity = "O(1)",
		.group = GROUP_STRING,
		.arity = 3,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_STRING,
		.keys = { KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_UPDATE) },
		.run = cmd_incrbyfloat,
	},
	{
		.name = "lcs",
		.usage =
			"key1:key key2:key#0 [LEN] [IDX] "
			"[MINMATCHLEN len:integer] [WITHMATCHLEN]",
		.summary =
			"Finds the longest common subsequence of two strings.",
		.since = "7.0.0",
		.complexity = "O(N*M) in the two lengths",
		.group = GROUP_STRING,
		.arity = -3,
		.flags = CMD_READONLY | CMD_LANE,
		.categories = CATEGORY_STRING,
		.keys = { KEYS_RANGE(1, 2, 1, KEY_RO | KEY_ACCESS) },
		.run = cmd_lcs,
	},
	{
		.name = "mget",
		.usage = "key...",
		.summary = "Answers with the strings at many keys.",
		.since = "1.0.0",
		.complexity = "O(N) in the keys",
		.group = GROUP_STRING,
		.arity = -2,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_STRING,
		.keys = { KEYS_RANGE(1, -1, 1, KEY_RO | KEY_ACCESS) },
		.tips = { "request_policy:multi_shard" },
		.run = cmd_mget,
	},
	{
		.name = "mset",
		.usage = "key_value:(key value)...",
		.summary = "Sets many strings.",
		.since = "1.0.1",
		.complexity = "O(N) in the keys",
		.group = GROUP_STRING,
		.arity = -3,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_LANE,
		.categories = CATEGORY_STRING,
		.keys = { KEYS_RANGE(1, -1, 2, KEY_OW | KEY_UPDATE) },
		.tips = {
			"request_policy:multi_shard",
			"response_policy:all_succeeded",
		},
		.run = cmd_mset,
	},
	{
		.name = "msetnx",
		.usage = "key_value:(key value)...",
		.summary = "Sets many strings if none of the keys exists.",
		.since = "1.0.1",
		.complexity = "O(N) in the keys",
		.group = GROUP_STRING,
		.arity = -3,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_LANE,
		.categories = CATEGORY_STRING,
		.keys = { KEYS_RANGE(1, -1, 2, KEY_OW | KEY_INSERT) },
		.tips = {
			"request_policy:multi_shard",
			"response_policy:agg_min",
		},
		.run = cmd_msetnx,
	},
	{
		.name = "psetex",
		.usage = "key milliseconds:integer value",
		.summary = "Sets a string and its expiry in milliseconds.",
		.since = "2.6.0",
		.complexity = "O(1)",
		.group = GROUP_STRING,
		.arity = 4,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_LANE,
		.categories = CATEGORY_STRING,
		.keys = { KEY_AT(1, KEY_OW | KEY_UPDATE) },
		.run = cmd_psetex,
	},
	{
		.name = "set",
		.usage =
			"key value condition:[NX | XX]@2.6.12 [GET@6.2.0] "
			"expiration:[EX seconds:integer@2.6.12 | "
			"PX milliseconds:integer@2.6.12 | "
			"EXAT unix-time-seconds:unix-time@6.2.0 | "
			"PXAT unix-time-milliseconds:unix-time@6.2.0 | "
			"KEEPTTL@6.0.0]",
		.summary = "Sets a string, on conditions and with an expiry.",
		.since = "1.0.0",
		.complexity = "O(1)",
		.group = GROUP_STRING,
		.arity = -3,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_LANE,
		.categories = CATEGORY_STRING,
		.keys = {
			{
				.begin = KEY_BEGIN_INDEX, .index = 1,
				.key_step = 1,
				.access = KEY_RW | KEY_ACCESS | KEY_UPDATE |
					KEY_VARIABLE_FLAGS,
				.notes = "GET reads the old value.",
			},
		},
		.history = {
			"2.6.12 EX, PX, NX and XX.",
			"6.0.0 KEEPTTL.",
			"6.2.0 GET, EXAT and PXAT.",
			"7.0.0 NX and GET together.",
		},
		.find_keys = strings_set_find_keys,
		.run = cmd_set,
	},
	{
		.name = "setex",
		.usage = "key seconds:integer value",
		.summary = "Sets a string and its expiry in seconds.",
		.since = "2.0.0",
		.complexity = "O(1)",
		.group = GROUP_STRING,
		.arity = 4,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_LANE,
		.categories = CATEGORY_STRING,
		.keys = { KEY_AT(1, KEY_OW | KEY_UPDATE) },
		.run = cmd_setex,
	},
	{
		.name = "setnx",
		.usage = "key value",
		.summary = "Sets a string if the key does not exist.",
		.since = "1.0.0",
		.complexity = "O(1)",
		.group = GROUP_STRING,
		.arity = 3,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_STRING,
		.keys = { KEY_AT(1, KEY_OW | KEY_INSERT) },
		.run = cmd_setnx,
	},
	{
		.name = "setrange",
		.usage = "key offset:integer value",
		.summary = "Overwrites a part of a string.",
		.since = "2.2.0",
		.complexity = "O(N) in the new length",
		.group = GROUP_STRING,
		.arity = 4,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_LANE,
		.categories = CATEGORY_STRING,
		.keys = { KEY_AT(1, KEY_RW | KEY_UPDATE) },
		.run = cmd_setrange,
	},
	{
		.name = "strlen",
		.usage = "key",
		.summary = "Tells the length of a string.",
		.since = "2.2.0",
		.complexity = "O(1)",
		.group = GROUP_STRING,
		.arity = 2,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_STRING,
		.keys = { KEY_AT(1, KEY_RO) },
		.run = cmd_strlen,
	},
	{
		.name = "substr",
		.usage = "key start:integer end:integer",
		.summary = "Answers with a part of a string.",
		.since = "1.0.0",
		.complexity = "O(N) in the length of the part",
		.group = GROUP_STRING,
		.arity = 4,
		.flags = CMD_READONLY | CMD_LANE,
		.categories = CATEGORY_STRING,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.deprecated_since = "2.0.0",
		.replaced_by = "`GETRANGE`",
		.run = cmd_getrange,
	},
	{ 0 },
};
