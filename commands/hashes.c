/* Hashes: fields of a key, each a row; the family's rows.
 *
 * Texts: redis 7.0.15 t_hash.c. */
#include "commands/hashes.h"

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

#include <math.h>
#include <stddef.h>
#include <stdint.h>

/* Columns of hash_get, hash_value_length and hash_length. */
enum { GET_TYPE = 1, GET_VALUE };

/* Columns of hash_increment. */
enum { INCREMENT_ERROR = 1, INCREMENT_NUMBER };

static void
hset_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result) ||
		collections_wrong_type(request, result, 1))
		return;
	request_reply_integer(request, collections_count_true(result, 1));
}

static void
hmset_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (!request_failed(request, result) &&
		!collections_wrong_type(request, result, 1))
		request_reply_ok(request);
}

static void
send_set(struct request *request, call_done done)
{
	struct call *call;
	int *indices, count;

	if (request->argc % 2 != 0) {
		request_reply_errorf(request,
			"ERR wrong number of arguments for '%s' command",
			request->command->name);
		return;
	}
	count = collections_find_distinct(request, 2, 2, &indices);
	call = call_new(request->store, SQL_hash_set, done, request);
	for (int i = 0; i < count; i++) {
		if (i == 0) {
			call_bind_key(call, request->db, request->argv[1]);
		} else {
			call_next_element(call);
			call_bind_same_key(call);
		}
		call_bind_bytes(call, request->argv[indices[i]]);
		call_bind_bytes(call, request->argv[indices[i] + 1]);
	}
	call_send(call);
}

static void
cmd_hset(struct request *request)
{
	send_set(request, hset_done);
}

static void
cmd_hmset(struct request *request)
{
	send_set(request, hmset_done);
}

static void
hget_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	bool found = result->row_count > 0;

	if (request_failed(request, result))
		return;
	strings_count_lookup(request, found);
	if (found && result_char(result, 0, GET_TYPE) != 'h')
		reply_error(&request->reply, ERROR_WRONG_TYPE);
	else if (!found || result_is_null(result, 0, GET_VALUE))
		reply_null(&request->reply);
	else
		strings_reply_bytes(request, result, 0, GET_VALUE);
	request_finish(request);
}

static void
cmd_hget(struct request *request)
{
	struct call *call =
		call_new(request->store, SQL_hash_get, hget_done, request);

	call_bind_key(call, request->db, request->argv[1]);
	call_bind_bytes(call, request->argv[2]);
	call_send(call);
}

/* --- HMGET ----------------------------------------------------------- */

static void
hmget_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	int row = -1;

	if (request_failed(request, result))
		return;
	strings_count_lookup(request, result->row_count > 0);
	if (result->row_count > 0 && result_char(result, 0, GET_TYPE) != 'h') {
		request_reply_error(request, ERROR_WRONG_TYPE);
		return;
	}
	reply_array(&request->reply, (size_t)request->argc - 2);
	for (int i = 0; i < request->argc - 2; i++) {
		int found = result_row_of_element(result, i, row);

		if (found < 0 || result_is_null(result, found, GET_VALUE))
			reply_null(&request->reply);
		else
			strings_reply_bytes(request, result, found, GET_VALUE);
		if (found >= 0)
			row = found;
	}
	request_finish(request);
}

static void
cmd_hmget(struct request *request)
{
	struct call *call =
		call_new(request->store, SQL_hash_get, hmget_done, request);

	for (int i = 2; i < request->argc; i++) {
		if (i > 2)
			call_next_element(call);
		call_bind_key(call, request->db, request->argv[1]);
		call_bind_bytes(call, request->argv[i]);
	}
	call_send(call);
}

/* --- HEXISTS, HSTRLEN ------------------------------------------------ */

/* False when it has replied: an error, or 0 where there is no field. */
static bool
has_field(struct request *request, const struct result *result)
{
	bool found = result->row_count > 0;

	if (request_failed(request, result))
		return false;
	strings_count_lookup(request, found);
	if (found && result_char(result, 0, GET_TYPE) != 'h')
		request_reply_error(request, ERROR_WRONG_TYPE);
	else if (!found || result_is_null(result, 0, GET_VALUE))
		request_reply_integer(request, 0);
	else
		return true;
	return false;
}

static void
hexists_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (has_field(request, result))
		request_reply_integer(request, 1);
}

static void
hstrlen_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (has_field(request, result))
		request_reply_integer(
			request, result_int64(result, 0, GET_VALUE));
}

static void
send_value_length(struct request *request, call_done done)
{
	struct call *call =
		call_new(request->store, SQL_hash_value_length, done, request);

	call_bind_key(call, request->db, request->argv[1]);
	call_bind_bytes(call, request->argv[2]);
	call_send(call);
}

static void
cmd_hexists(struct request *request)
{
	send_value_length(request, hexists_done);
}

static void
cmd_hstrlen(struct request *request)
{
	send_value_length(request, hstrlen_done);
}

/* --- HSETNX, HINCRBY, HINCRBYFLOAT ----------------------------------- */

static void
cmd_hsetnx(struct request *request)
{
	struct call *call = call_new(request->store, SQL_hash_set_absent,
		strings_reply_integer_or_error, request);

	call_bind_key(call, request->db, request->argv[1]);
	call_bind_bytes(call, request->argv[2]);
	call_bind_bytes(call, request->argv[3]);
	call_send(call);
}

static void
hincrby_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	if (!result_is_null(result, 0, INCREMENT_ERROR))
		request_reply_error(
			request, result_text(result, 0, INCREMENT_ERROR));
	else
		request_reply_integer(
			request, result_int64(result, 0, INCREMENT_NUMBER));
}

static void
cmd_hincrby(struct request *request)
{
	struct call *call;
	int64_t by;

	if (!request_read_int64(request, 3, &by))
		return;
	call = call_new(
		request->store, SQL_hash_increment, hincrby_done, request);
	call_bind_key(call, request->db, request->argv[1]);
	call_bind_bytes(call, request->argv[2]);
	call_bind_int64(call, by);
	call_send(call);
}

static void
cmd_hincrbyfloat(struct request *request)
{
	char *digits;
	long double by;
	struct call *call;

	if (!number_parse_long_double(request->argv[3], &by)) {
		request_reply_error(request, ERROR_NOT_FLOAT);
		return;
	}
	if (!isfinite(by)) {
		request_reply_error(request, "ERR value is NaN or Infinity");
		return;
	}
	digits = request_allocate(request, NUMBER_LONG_DOUBLE_SIZE);
	number_print_long_double(digits, by);
	call = call_new(request->store, SQL_hash_increment_float,
		strings_reply_value_or_error, request);
	call_bind_key(call, request->db, request->argv[1]);
	call_bind_bytes(call, request->argv[2]);
	call_bind_text(call, digits);
	call_send(call);
}

static void
cmd_hdel(struct request *request)
{
	int *indices;
	int count = collections_find_distinct(request, 2, 1, &indices);
	struct call *call = call_new(request->store, SQL_hash_delete,
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

static void
hlen_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	strings_count_lookup(request, result->row_count > 0);
	if (result->row_count == 0)
		request_reply_integer(request, 0);
	else if (result_char(result, 0, GET_TYPE) != 'h')
		request_reply_error(request, ERROR_WRONG_TYPE);
	else
		request_reply_integer(
			request, result_int64(result, 0, GET_VALUE));
}

static void
cmd_hlen(struct request *request)
{
	struct call *call =
		call_new(request->store, SQL_hash_length, hlen_done, request);

	call_bind_key(call, request->db, request->argv[1]);
	call_send(call);
}

const struct command hash_commands[] = {
	{
		.name = "hdel",
		.usage = "key field...",
		.summary = "Removes fields of a hash.",
		.since = "2.0.0",
		.complexity = "O(N) in the fields",
		.group = GROUP_HASH,
		.arity = -3,
		.flags = CMD_WRITE | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_HASH,
		.keys = { KEY_AT(1, KEY_RW | KEY_DELETE) },
		.history = { "2.4.0 Several fields." },
		.run = cmd_hdel,
	},
	{
		.name = "hexists",
		.usage = "key field",
		.summary = "Tells whether a field is there.",
		.since = "2.0.0",
		.complexity = "O(log n)",
		.group = GROUP_HASH,
		.arity = 3,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_HASH,
		.keys = { KEY_AT(1, KEY_RO) },
		.run = cmd_hexists,
	},
	{
		.name = "hget",
		.usage = "key field",
		.summary = "Answers with the value of a field.",
		.since = "2.0.0",
		.complexity = "O(log n)",
		.group = GROUP_HASH,
		.arity = 3,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_HASH,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.run = cmd_hget,
	},
	{
		.name = "hgetall",
		.usage = "key",
		.summary = "Answers with all fields and values.",
		.since = "2.0.0",
		.complexity = "O(N) in the hash's fields",
		.group = GROUP_HASH,
		.arity = 2,
		.flags = CMD_READONLY | CMD_LANE | CMD_LISTING,
		.categories = CATEGORY_HASH,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.tips = { "nondeterministic_output_order" },
		.run = cmd_hgetall,
	},
	{
		.name = "hincrby",
		.usage = "key field increment:integer",
		.summary = "Adds to a field that is an integer.",
		.since = "2.0.0",
		.complexity = "O(log n)",
		.group = GROUP_HASH,
		.arity = 4,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_HASH,
		.keys = { KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_UPDATE) },
		.run = cmd_hincrby,
	},
	{
		.name = "hincrbyfloat",
		.usage = "key field increment:double",
		.summary = "Adds to a field that is a number.",
		.since = "2.6.0",
		.complexity = "O(log n)",
		.group = GROUP_HASH,
		.arity = 4,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_HASH,
		.keys = { KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_UPDATE) },
		.run = cmd_hincrbyfloat,
	},
	{
		.name = "hkeys",
		.usage = "key",
		.summary = "Answers with the names of all fields.",
		.since = "2.0.0",
		.complexity = "O(N) in the hash's fields",
		.group = GROUP_HASH,
		.arity = 2,
		.flags = CMD_READONLY | CMD_LANE | CMD_LISTING,
		.categories = CATEGORY_HASH,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.tips = { "nondeterministic_output_order" },
		.run = cmd_hkeys,
	},
	{
		.name = "hlen",
		.usage = "key",
		.summary = "Tells how many fields there are.",
		.since = "2.0.0",
		.complexity = "O(1)",
		.group = GROUP_HASH,
		.arity = 2,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_HASH,
		.keys = { KEY_AT(1, KEY_RO) },
		.run = cmd_hlen,
	},
	{
		.name = "hmget",
		.usage = "key field...",
		.summary = "Answers with the values of fields.",
		.since = "2.0.0",
		.complexity = "O(N) in the fields",
		.group = GROUP_HASH,
		.arity = -3,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_HASH,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.run = cmd_hmget,
	},
	{
		.name = "hmset",
		.usage = "key field_value:(field value)...",
		.summary = "Sets fields of a hash.",
		.since = "2.0.0",
		.complexity = "O(N) in the fields",
		.group = GROUP_HASH,
		.arity = -4,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_HASH,
		.keys = { KEY_AT(1, KEY_RW | KEY_UPDATE) },
		.deprecated_since = "4.0.0",
		.replaced_by = "`HSET` with multiple field-value pairs",
		.run = cmd_hmset,
	},
	{
		.name = "hrandfield",
		.usage = "key options:[count:integer [WITHVALUES]]",
		.summary = "Answers with fields drawn by chance.",
		.since = "6.2.0",
		.complexity = "O(N log n) in the fields drawn",
		.group = GROUP_HASH,
		.arity = -2,
		.flags = CMD_READONLY | CMD_LANE | CMD_LISTING,
		.categories = CATEGORY_HASH,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.tips = { "nondeterministic_output" },
		.run = cmd_hrandfield,
	},
	{
		.name = "hscan",
		.usage =
			"key cursor:integer [MATCH pattern:pattern] [COUNT count:integer]",
		.summary = "Walks through the fields of a hash.",
		.since = "2.8.0",
		.complexity = "O(log n) for each call and field",
		.group = GROUP_HASH,
		.arity = -3,
		.flags = CMD_READONLY | CMD_LANE,
		.categories = CATEGORY_HASH,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.tips = { "nondeterministic_output" },
		.run = cmd_hscan,
	},
	{
		.name = "hset",
		.usage = "key field_value:(field value)...",
		.summary = "Sets fields of a hash.",
		.since = "2.0.0",
		.complexity = "O(N) in the fields",
		.group = GROUP_HASH,
		.arity = -4,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_HASH,
		.keys = { KEY_AT(1, KEY_RW | KEY_UPDATE) },
		.history = { "4.0.0 Several fields." },
		.run = cmd_hset,
	},
	{
		.name = "hsetnx",
		.usage = "key field value",
		.summary = "Sets a field that is not there.",
		.since = "2.0.0",
		.complexity = "O(log n)",
		.group = GROUP_HASH,
		.arity = 4,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_HASH,
		.keys = { KEY_AT(1, KEY_RW | KEY_INSERT) },
		.run = cmd_hsetnx,
	},
	{
		.name = "hstrlen",
		.usage = "key field",
		.summary = "Tells how long a field's value is.",
		.since = "3.2.0",
		.complexity = "O(log n)",
		.group = GROUP_HASH,
		.arity = 3,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_HASH,
		.keys = { KEY_AT(1, KEY_RO) },
		.run = cmd_hstrlen,
	},
	{
		.name = "hvals",
		.usage = "key",
		.summary = "Answers with all values.",
		.since = "2.0.0",
		.complexity = "O(N) in the hash's fields",
		.group = GROUP_HASH,
		.arity = 2,
		.flags = CMD_READONLY | CMD_LANE | CMD_LISTING,
		.categories = CATEGORY_HASH,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.tips = { "nondeterministic_output_order" },
		.run = cmd_hvals,
	},
	{ 0 },
};
