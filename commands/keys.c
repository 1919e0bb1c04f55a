/* Commands about keys whatever they hold; the family's rows. */
#include "commands/keys.h"

#include "commands/command.h"
#include "commands/errors.h"
#include "commands/families.h"
#include "commands/help.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/server.h"
#include "commands/strings.h"
#include "storage/base/memory.h"
#include "storage/base/number.h"
#include "storage/base/settings.h"
#include "storage/call.h"
#include "storage/result.h"
#include "storage/store.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>

void
keys_look(struct request *request, int index,
	void (*done)(void *arg, const struct result *result))
{
	struct call *call =
		call_new(request->store, SQL_key_look, done, request);

	call_bind_key(call, request->db, request->argv[index]);
	call_send(call);
}

bool
keys_read_database(
	struct request *request, int index, const char *error, int *db)
{
	int64_t number;

	if (!request_read_int64_or(request, index, &number,
		    error != NULL ? error : ERROR_NOT_INTEGER))
		return false;
	if (number < INT_MIN || number > INT_MAX) {
		request_reply_error(request,
			error != NULL ? error :
					"ERR value is out of range, value must "
					"between -2147483648 and 2147483647");
		return false;
	}
	if (number < 0 ||
		number >=
			storage_options(request->server->storage)->databases) {
		request_reply_error(request, ERROR_DB_INDEX);
		return false;
	}
	*db = (int)number;
	return true;
}

bool
keys_have_one_class(struct request *request, int db, int other_db)
{
	const struct storage *storage = request->server->storage;

	if (storage_class_of(storage, db) ==
		storage_class_of(storage, other_db))
		return true;
	request_reply_error(request,
		"ERR source and destination databases have different storage "
		"classes");
	return false;
}

/* --- several keys ---------------------------------------------------- */

static int
compare_keys(const void *a, const void *b)
{
	return bytes_compare(**(const struct bytes *const *)a,
		**(const struct bytes *const *)b);
}

/* Binds the arguments from the first on, each key once and in order, as all
 * lock that lock several.  counts[i] becomes how often the i-th was given. */
static void
bind_distinct_keys(struct request *request, struct call *call, int *counts)
{
	size_t count = (size_t)request->argc - 1;
	const struct bytes **keys =
		request_allocate(request, count * sizeof(*keys));
	int distinct = 0;

	for (size_t i = 0; i < count; i++)
		keys[i] = &request->argv[i + 1];
	qsort(keys, count, sizeof(*keys), compare_keys);
	for (size_t i = 0; i < count; i++) {
		if (i > 0 && bytes_equal(*keys[i - 1], *keys[i])) {
			counts[distinct - 1]++;
			continue;
		}
		if (i > 0)
			call_next_element(call);
		call_bind_key(call, request->db, *keys[i]);
		counts[distinct++] = 1;
	}
}

static void
del_done(void *arg, const struct result *result)
{
	enum { LIVE = 1 };
	struct request *request = arg;
	int deleted = 0;

	if (request_failed(request, result))
		return;
	for (int i = 0; i < result->row_count; i++)
		deleted += (int)result_int64(result, i, LIVE);
	atomic_fetch_add_explicit(&request->server->expired_keys,
		(uint64_t)(result->row_count - deleted), memory_order_relaxed);
	request_reply_integer(request, deleted);
}

static void
cmd_del(struct request *request)
{
	struct call *call =
		call_new(request->store, SQL_key_delete, del_done, request);
	int *counts = request_allocate(
		request, (size_t)request->argc * sizeof(*counts));

	bind_distinct_keys(request, call, counts);
	call_send_route(call, request->route, request->db);
}

static void
touch_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	const int *counts = request->state;
	int row = -1, touched = 0;

	if (request_failed(request, result))
		return;
	for (int i = 0; row + 1 < result->row_count; i++) {
		int found = result_row_of_element(result, i, row);

		if (found >= 0) {
			row = found;
			touched += counts[i];
		}
	}
	request_reply_integer(request, touched);
}

static void
cmd_touch(struct request *request)
{
	struct call *call =
		call_new(request->store, SQL_key_touch, touch_done, request);
	int *counts = request_allocate(
		request, (size_t)request->argc * sizeof(*counts));

	request->state = counts;
	bind_distinct_keys(request, call, counts);
	/* Redis counts it among the reads; rows are written nevertheless. */
	call_send_route(
		call, request->argc > 2 ? ROUTE_JOINT : ROUTE_KEY, request->db);
}

static void
exists_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	for (int i = 1; i < request->argc; i++)
		strings_count_lookup(request, i <= result->row_count);
	request_reply_integer(request, result->row_count);
}

static void
cmd_exists(struct request *request)
{
	struct call *call =
		call_new(request->store, SQL_key_look, exists_done, request);

	call_bind_keys(call, request->db, request->argv + 1, request->argc - 1);
	call_send_route(call, request->route, request->db);
}

const char *
keys_type_name(char type)
{
	switch (type) {
	case 's':
		return "string";
	case 'l':
		return "list";
	case 't':
		return "set";
	case 'z':
		return "zset";
	case 'h':
		return "hash";
	default:
		return "stream";
	}
}

static void
type_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	reply_simple(&request->reply,
		result->row_count == 0 ?
			"none" :
			keys_type_name(result_char(result, 0, LOOK_TYPE)));
	request_finish(request);
}

static void
cmd_type(struct request *request)
{
	keys_look(request, 1, type_done);
}

static const struct command object_subcommands[] = {
	{
		.name = "encoding",
		.usage = "key",
		.summary = "Tells how a value is encoded.",
		.since = "2.2.3",
		.complexity = "O(1)",
		.group = GROUP_GENERIC,
		.arity = 3,
		.flags = CMD_READONLY | CMD_LANE,
		.categories = CATEGORY_KEYSPACE,
		.keys = { KEY_AT(2, KEY_RO) },
		.tips = { "nondeterministic_output" },
		.run = cmd_object_encoding,
	},
	{
		.name = "freq",
		.usage = "key",
		.summary = "Tells how often a key is used.",
		.since = "4.0.0",
		.complexity = "O(1)",
		.group = GROUP_GENERIC,
		.arity = 3,
		.flags = CMD_READONLY | CMD_LANE,
		.categories = CATEGORY_KEYSPACE,
		.keys = { KEY_AT(2, KEY_RO) },
		.tips = { "nondeterministic_output" },
		.state = COMMAND_PARTIAL,
		.note = "The count is always 0: reads do not change rows.",
		.run = cmd_object_freq,
	},
	{
		.name = "help",
		.summary = "Lists the subcommands.",
		.since = "6.2.0",
		.complexity = "O(1)",
		.group = GROUP_GENERIC,
		.arity = 2,
		.flags = CMD_LOADING | CMD_STALE,
		.categories = CATEGORY_KEYSPACE,
		.run = help_run,
	},
	{
		.name = "idletime",
		.usage = "key",
		.summary = "Tells the seconds since a key was last used.",
		.since = "2.2.3",
		.complexity = "O(1)",
		.group = GROUP_GENERIC,
		.arity = 3,
		.flags = CMD_READONLY | CMD_LANE,
		.categories = CATEGORY_KEYSPACE,
		.keys = { KEY_AT(2, KEY_RO) },
		.tips = { "nondeterministic_output" },
		.state = COMMAND_PARTIAL,
		.note = "Counts from the last write or TOUCH: reads do not "
			"change rows.",
		.run = cmd_object_idletime,
	},
	{
		.name = "refcount",
		.usage = "key",
		.summary = "Tells the references to a value.",
		.since = "2.2.3",
		.complexity = "O(1)",
		.group = GROUP_GENERIC,
		.arity = 3,
		.flags = CMD_READONLY | CMD_LANE,
		.categories = CATEGORY_KEYSPACE,
		.keys = { KEY_AT(2, KEY_RO) },
		.tips = { "nondeterministic_output" },
		.run = cmd_object_refcount,
	},
	{ 0 },
};

const struct command key_commands[] = {
	{
		.name = "copy",
		.usage =
			"source:key destination:key "
			"[DB destination-db:integer] [REPLACE]",
		.summary = "Copies a key and its value to another key.",
		.since = "6.2.0",
		.complexity =
			"O(N) in the elements of a collection, O(1) for a "
			"string",
		.group = GROUP_GENERIC,
		.arity = -3,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_LANE | CMD_WAKES,
		.categories = CATEGORY_KEYSPACE,
		.keys = {
			KEY_AT(1, KEY_RO | KEY_ACCESS),
			KEY_AT(2, KEY_OW | KEY_UPDATE),
		},
		.state = COMMAND_PARTIAL,
		.note =
			"Not between databases of different storage "
			"classes.",
		.run = cmd_copy,
	},
	{
		.name = "del",
		.usage = "key...",
		.summary = "Removes keys and their values.",
		.since = "1.0.0",
		.complexity = "O(N) in the keys",
		.group = GROUP_GENERIC,
		.arity = -2,
		.flags = CMD_WRITE | CMD_LANE,
		.categories = CATEGORY_KEYSPACE,
		.keys = { KEYS_RANGE(1, -1, 1, KEY_RM | KEY_DELETE) },
		.tips = {
			"request_policy:multi_shard",
			"response_policy:agg_sum",
		},
		.run = cmd_del,
	},
	{
		.name = "exists",
		.usage = "key...",
		.summary = "Counts those keys that exist.",
		.since = "1.0.0",
		.complexity = "O(N) in the keys",
		.group = GROUP_GENERIC,
		.arity = -2,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_KEYSPACE,
		.keys = { KEYS_RANGE(1, -1, 1, KEY_RO) },
		.tips = {
			"request_policy:multi_shard",
			"response_policy:agg_sum",
		},
		.history = {
			"3.0.3 More than one key.",
		},
		.run = cmd_exists,
	},
	{
		.name = "expire",
		.usage =
			"key seconds:integer condition:[NX | XX | GT | "
			"LT]@7.0.0",
		.summary = "Limits a key's life to a number of seconds.",
		.since = "1.0.0",
		.complexity = "O(1)",
		.group = GROUP_GENERIC,
		.arity = -3,
		.flags = CMD_WRITE | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_KEYSPACE,
		.keys = { KEY_AT(1, KEY_RW | KEY_UPDATE) },
		.history = {
			"7.0.0 NX, XX, GT and LT.",
		},
		.run = cmd_expire,
	},
	{
		.name = "expireat",
		.usage =
			"key unix-time-seconds:unix-time condition:[NX | XX | "
			"GT | LT]@7.0.0",
		.summary = "Ends a key's life at a Unix time.",
		.since = "1.2.0",
		.complexity = "O(1)",
		.group = GROUP_GENERIC,
		.arity = -3,
		.flags = CMD_WRITE | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_KEYSPACE,
		.keys = { KEY_AT(1, KEY_RW | KEY_UPDATE) },
		.history = {
			"7.0.0 NX, XX, GT and LT.",
		},
		.run = cmd_expireat,
	},
	{
		.name = "expiretime",
		.usage = "key",
		.summary = "Tells when a key expires, as Unix time.",
		.since = "7.0.0",
		.complexity = "O(1)",
		.group = GROUP_GENERIC,
		.arity = 2,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_KEYSPACE,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.run = cmd_expiretime,
	},
	{
		.name = "keys",
		.usage = "pattern:pattern",
		.summary = "Lists the keys that match a pattern.",
		.since = "1.0.0",
		.complexity = "O(N) in the keys of the database",
		.group = GROUP_GENERIC,
		.arity = 2,
		.flags = CMD_READONLY,
		.categories = CATEGORY_KEYSPACE | CATEGORY_DANGEROUS,
		.tips = {
			"request_policy:all_shards",
			"nondeterministic_output_order",
		},
		.run = cmd_keys,
	},
	{
		.name = "move",
		.usage = "key db:integer",
		.summary = "Moves a key to another database.",
		.since = "1.0.0",
		.complexity = "O(1)",
		.group = GROUP_GENERIC,
		.arity = 3,
		.flags = CMD_WRITE | CMD_FAST | CMD_WAKES,
		.categories = CATEGORY_KEYSPACE,
		.keys = { KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_UPDATE) },
		.state = COMMAND_PARTIAL,
		.note =
			"Not between databases of different storage "
			"classes.",
		.run = cmd_move,
	},
	{
		.name = "object",
		.summary = "Commands about how a value is stored.",
		.since = "2.2.3",
		.complexity = "Depends on the subcommand.",
		.group = GROUP_GENERIC,
		.arity = -2,
		.subcommands = object_subcommands,
	},
	{
		.name = "persist",
		.usage = "key",
		.summary = "Takes the expiry off a key.",
		.since = "2.2.0",
		.complexity = "O(1)",
		.group = GROUP_GENERIC,
		.arity = 2,
		.flags = CMD_WRITE | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_KEYSPACE,
		.keys = { KEY_AT(1, KEY_RW | KEY_UPDATE) },
		.run = cmd_persist,
	},
	{
		.name = "pexpire",
		.usage =
			"key milliseconds:integer condition:[NX | XX | GT | "
			"LT]@7.0.0",
		.summary = "Limits a key's life to a number of milliseconds.",
		.since = "2.6.0",
		.complexity = "O(1)",
		.group = GROUP_GENERIC,
		.arity = -3,
		.flags = CMD_WRITE | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_KEYSPACE,
		.keys = { KEY_AT(1, KEY_RW | KEY_UPDATE) },
		.history = {
			"7.0.0 NX, XX, GT and LT.",
		},
		.run = cmd_pexpire,
	},
	{
		.name = "pexpireat",
		.usage =
			"key unix-time-milliseconds:unix-time condition:[NX | "
			"XX | GT | LT]@7.0.0",
		.summary = "Ends a key's life at a Unix time in milliseconds.",
		.since = "2.6.0",
		.complexity = "O(1)",
		.group = GROUP_GENERIC,
		.arity = -3,
		.flags = CMD_WRITE | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_KEYSPACE,
		.keys = { KEY_AT(1, KEY_RW | KEY_UPDATE) },
		.history = {
			"7.0.0 NX, XX, GT and LT.",
		},
		.run = cmd_pexpireat,
	},
	{
		.name = "pexpiretime",
		.usage = "key",
		.summary =
			"Tells when a key expires, as Unix time in "
			"milliseconds.",
		.since = "7.0.0",
		.complexity = "O(1)",
		.group = GROUP_GENERIC,
		.arity = 2,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_KEYSPACE,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.run = cmd_pexpiretime,
	},
	{
		.name = "pttl",
		.usage = "key",
		.summary = "Tells the milliseconds left to a key.",
		.since = "2.6.0",
		.complexity = "O(1)",
		.group = GROUP_GENERIC,
		.arity = 2,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_KEYSPACE,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.tips = { "nondeterministic_output" },
		.history = {
			"2.8.0 The reply -2.",
		},
		.run = cmd_pttl,
	},
	{
		.name = "randomkey",
		.summary = "Answers with any one key.",
		.since = "1.0.0",
		.complexity = "O(1)",
		.group = GROUP_GENERIC,
		.arity = 1,
		.flags = CMD_READONLY | CMD_TOUCHES_ARBITRARY_KEYS,
		.categories = CATEGORY_KEYSPACE,
		.tips = {
			"request_policy:all_shards",
			"nondeterministic_output",
		},
		.run = cmd_randomkey,
	},
	{
		.name = "rename",
		.usage = "key newkey:key",
		.summary = "Gives a key another name.",
		.since = "1.0.0",
		.complexity = "O(1)",
		.group = GROUP_GENERIC,
		.arity = 3,
		.flags = CMD_WRITE | CMD_LANE | CMD_WAKES,
		.categories = CATEGORY_KEYSPACE,
		.keys = {
			KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_DELETE),
			KEY_AT(2, KEY_OW | KEY_UPDATE),
		},
		.run = cmd_rename,
	},
	{
		.name = "renamenx",
		.usage = "key newkey:key",
		.summary = "Gives a key a name that no key has yet.",
		.since = "1.0.0",
		.complexity = "O(1)",
		.group = GROUP_GENERIC,
		.arity = 3,
		.flags = CMD_WRITE | CMD_FAST | CMD_LANE | CMD_WAKES,
		.categories = CATEGORY_KEYSPACE,
		.keys = {
			KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_DELETE),
			KEY_AT(2, KEY_OW | KEY_INSERT),
		},
		.history = {
			"3.2.0 The same name twice is no error.",
		},
		.run = cmd_renamenx,
	},
	{
		.name = "scan",
		.usage =
			"cursor:integer [MATCH pattern:pattern] "
			"[COUNT count:integer] [TYPE type@6.0.0]",
		.summary = "Walks through the keys of the database.",
		.since = "2.8.0",
		.complexity = "O(1) a call, O(N) the whole walk",
		.group = GROUP_GENERIC,
		.arity = -2,
		.flags = CMD_READONLY | CMD_TOUCHES_ARBITRARY_KEYS,
		.categories = CATEGORY_KEYSPACE,
		.tips = { "nondeterministic_output", "request_policy:special" },
		.history = {
			"6.0.0 TYPE.",
		},
		.run = cmd_scan,
	},
	{
		.name = "touch",
		.usage = "key...",
		.summary = "Marks keys as used and counts them.",
		.since = "3.2.1",
		.complexity = "O(N) in the keys",
		.group = GROUP_GENERIC,
		.arity = -2,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_KEYSPACE,
		.keys = { KEYS_RANGE(1, -1, 1, KEY_RO) },
		.tips = {
			"request_policy:multi_shard",
			"response_policy:agg_sum",
		},
		.run = cmd_touch,
	},
	{
		.name = "ttl",
		.usage = "key",
		.summary = "Tells the seconds left to a key.",
		.since = "1.0.0",
		.complexity = "O(1)",
		.group = GROUP_GENERIC,
		.arity = 2,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_KEYSPACE,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.tips = { "nondeterministic_output" },
		.history = {
			"2.8.0 The reply -2.",
		},
		.run = cmd_ttl,
	},
	{
		.name = "type",
		.usage = "key",
		.summary = "Tells the type of a key's value.",
		.since = "1.0.0",
		.complexity = "O(1)",
		.group = GROUP_GENERIC,
		.arity = 2,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_KEYSPACE,
		.keys = { KEY_AT(1, KEY_RO) },
		.run = cmd_type,
	},
	{
		.name = "unlink",
		.usage = "key...",
		.summary =
			"Removes keys; their contents are cleared away later.",
		.since = "4.0.0",
		.complexity = "O(1) a key",
		.group = GROUP_GENERIC,
		.arity = -2,
		.flags = CMD_WRITE | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_KEYSPACE,
		.keys = { KEYS_RANGE(1, -1, 1, KEY_RM | KEY_DELETE) },
		.tips = {
			"request_policy:multi_shard",
			"response_policy:agg_sum",
		},
		.run = cmd_del,
	},
	{
		.name = "wait",
		.usage = "numreplicas:integer timeout:integer",
		.summary = "Waits until replicas have the earlier writes.",
		.since = "3.0.0",
		.complexity = "O(1)",
		.group = GROUP_GENERIC,
		.arity = 3,
		.flags = CMD_NOSCRIPT,
		.categories = CATEGORY_CONNECTION,
		.tips = {
			"request_policy:all_shards",
			"response_policy:agg_min",
		},
		.state = COMMAND_PARTIAL,
		.note =
			"There are no replicas to wait for; with a timeout "
			"of 0 it answers at once instead of never.",
		.run = cmd_wait,
	},
	{
		.name = "dbsize",
		.summary = "Counts the keys of the database.",
		.since = "1.0.0",
		.complexity = "O(N), counting the database's rows in an index.",
		.group = GROUP_SERVER,
		.arity = 1,
		.flags = CMD_READONLY | CMD_FAST,
		.categories = CATEGORY_KEYSPACE,
		.tips = {
			"request_policy:all_shards",
			"response_policy:agg_sum",
		},
		.run = cmd_dbsize,
	},
	{
		.name = "flushall",
		.usage = "[ASYNC@4.0.0 | SYNC@6.2.0]",
		.summary = "Removes every key of every database.",
		.since = "1.0.0",
		.complexity = "O(N) in all keys",
		.group = GROUP_SERVER,
		.arity = -1,
		.flags = CMD_WRITE,
		.categories = CATEGORY_KEYSPACE | CATEGORY_DANGEROUS,
		.tips = {
			"request_policy:all_shards",
			"response_policy:all_succeeded",
		},
		.history = {
			"4.0.0 ASYNC.",
			"6.2.0 SYNC.",
		},
		.run = cmd_flushall,
	},
	{
		.name = "flushdb",
		.usage = "[ASYNC@4.0.0 | SYNC@6.2.0]",
		.summary = "Removes every key of the database.",
		.since = "1.0.0",
		.complexity = "O(N) in the keys of the database",
		.group = GROUP_SERVER,
		.arity = -1,
		.flags = CMD_WRITE,
		.categories = CATEGORY_KEYSPACE | CATEGORY_DANGEROUS,
		.tips = {
			"request_policy:all_shards",
			"response_policy:all_succeeded",
		},
		.history = {
			"4.0.0 ASYNC.",
			"6.2.0 SYNC.",
		},
		.run = cmd_flushdb,
	},
	{
		.name = "swapdb",
		.usage = "index1:integer index2:integer",
		.summary = "Exchanges two databases.",
		.since = "4.0.0",
		.complexity =
			"O(N) in the clients that watch or wait for keys of "
			"either",
		.group = GROUP_SERVER,
		.arity = 3,
		.flags = CMD_WRITE | CMD_FAST | CMD_WAKES,
		.categories = CATEGORY_KEYSPACE | CATEGORY_DANGEROUS,
		.state = COMMAND_PARTIAL,
		.note =
			"Not between databases of different storage "
			"classes; takes time for each key.",
		.run = cmd_swapdb,
	},
	{ 0 },
};
