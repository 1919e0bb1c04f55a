/* Hashes: fields of a key, each a row; the family's rows. */
#include "commands/collections.h"
#include "commands/command.h"
#include "commands/errors.h"
#include "commands/families.h"
#include "commands/listing.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/strings.h"
#include "storage/base/bytes.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stddef.h>

/* Columns of hash_get and hash_length. */
enum { GET_TYPE = 1, GET_VALUE };

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

static void
bind_key(struct request *request, struct call *call)
{
	call_bind_key(call, request->db, request->argv[1]);
}

static void
write_pair(struct request *request, const struct result *result, int row)
{
	reply_bulk(&request->reply, result_bytes(result, row, LISTING_FIRST));
	strings_reply_bytes(request, result, row, LISTING_FIRST + 1);
}

static void
cmd_hgetall(struct request *request)
{
	static const struct listing listing = {
		.statement = SQL_hash_all,
		.shape = LISTING_MAP,
		.type = 'h',
		.bind = bind_key,
		.write_row = write_pair,
	};

	listing_send(request, &listing);
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
		.name = "hget",
		.usage = "key field",
		.summary = "Answers with the value of a field.",
		.since = "2.0.0",
		.complexity = "O(1)",
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
	{ 0 },
};
