/* SESSION: sessions by id and by token; the family's rows.
 *
 * Sessions are no keys: they have a store of their own in each database.  Their
 * ids go to lanes as keys do, so that one session's commands keep their order. */
#include "commands/sessions.h"

#include "commands/collections.h"
#include "commands/command.h"
#include "commands/families.h"
#include "commands/help.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "storage/call.h"
#include "storage/result.h"

#include <openssl/crypto.h>
#include <stddef.h>
#include <stdlib.h>

/* As TTL and its like answer. */
enum { NO_EXPIRY = -1, NO_SESSION = -2 };

/* --- ids ------------------------------------------------------------- */

static int
compare_ids(const void *a, const void *b)
{
	return bytes_compare(
		*(const struct bytes *)a, *(const struct bytes *)b);
}

int
sessions_sort_ids(struct bytes *ids, int count)
{
	int distinct = 0;

	qsort(ids, (size_t)count, sizeof(*ids), compare_ids);
	for (int i = 0; i < count; i++)
		if (i == 0 || !bytes_equal(ids[distinct - 1], ids[i]))
			ids[distinct++] = ids[i];
	return distinct;
}

static void
count_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (!request_failed(request, result))
		request_reply_integer(request, result->row_count);
}

/* A statement about each of the ids from argv[2] on; answers with how many rows
 * come back. */
static void
send_ids(struct request *request, enum statement_id id)
{
	int count = request->argc - 2;
	struct bytes *ids =
		request_allocate(request, (size_t)count * sizeof(*ids));
	struct call *call = call_new(request->store, id, count_done, request);

	for (int i = 0; i < count; i++)
		ids[i] = request->argv[i + 2];
	count = sessions_sort_ids(ids, count);
	call_bind_keys(call, request->db, ids, count);
	call_send_route(call, request->route, request->db);
}

static void
cmd_session_del(struct request *request)
{
	send_ids(request, SQL_session_delete);
}

static void
cmd_session_touch(struct request *request)
{
	send_ids(request, SQL_session_touch);
}

static void
exists_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	const int *count = request->state;
	int found = 0;

	if (request_failed(request, result))
		return;
	for (int i = 0; i < *count; i++)
		found += result_row_of_element(result, i, -1) >= 0;
	request_reply_integer(request, found);
}

static void
cmd_session_exists(struct request *request)
{
	int *count = request_allocate(request, sizeof(*count));
	struct bytes *ids =
		request_allocate(request, (size_t)request->argc * sizeof(*ids));
	struct call *call = call_new(
		request->store, SQL_session_exists, exists_done, request);

	for (int i = 2; i < request->argc; i++)
		ids[i - 2] = request->argv[i];
	*count = sessions_sort_ids(ids, request->argc - 2);
	request->state = count;
	call_bind_keys(call, request->db, ids, *count);
	call_send_route(call, request->route, request->db);
}

/* --- GET, TOKEN ------------------------------------------------------ */

struct get {
	bool touch;
	int first_field; /* among the arguments; 0: the whole session */
};

static void
get_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	const struct get *get = request->state;
	int first = get->first_field;

	if (request_failed(request, result))
		return;
	if (result->row_count == 0)
		reply_null(&request->reply);
	else if (first == 0)
		sessions_reply_row(
			&request->reply, result, 0, request->argv[2], true);
	else
		sessions_reply_fields(&request->reply, result, 0,
			request->argv + first, request->argc - first);
	request_finish(request);
}

static bool
read_get(struct request *request, struct get *get)
{
	for (int at = 3; at < request->argc; at++) {
		if (request_is_word(request, at, "TOUCH")) {
			get->touch = true;
		} else if (request_is_word(request, at, "FIELDS") &&
			at + 1 < request->argc) {
			get->first_field = at + 1;
			return true;
		} else {
			request_reply_error(request,
				"ERR syntax error, expected TOUCH or FIELDS "
				"field ...");
			return false;
		}
	}
	return true;
}

static void
cmd_session_get(struct request *request)
{
	struct get *get = request_allocate(request, sizeof(*get));
	struct call *call;

	*get = (struct get){ 0 };
	if (request->argc > 3 && !read_get(request, get))
		return;
	request->state = get;
	call = call_new(request->store,
		get->touch ? SQL_session_get_touch : SQL_session_get, get_done,
		request);
	call_bind_key(call, request->db, request->argv[2]);
	call_send(call);
}

static void
token_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	const struct bytes *hash = request->state;
	struct bytes found;

	if (request_failed(request, result))
		return;
	if (result->row_count > 0) {
		found = result_bytes(result, 0, SESSION_TOKEN_HASH);
		if (found.size == hash->size &&
			CRYPTO_memcmp(found.data, hash->data, hash->size) ==
				0) {
			sessions_reply_row(&request->reply, result, 0,
				result_bytes(result, 0, SESSION_ID), true);
			request_finish(request);
			return;
		}
	}
	request_reply_null(request);
}

/* The index is searched for the token's hash, so its time tells nothing about
 * the token. */
static void
cmd_session_token(struct request *request)
{
	struct bytes *hash = request_allocate(request, sizeof(*hash));
	struct call *call = call_new(
		request->store, SQL_session_by_token, token_done, request);

	*hash = sessions_hash_token(request, request->argv[2]);
	request->state = hash;
	call_bind_key(call, request->db, *hash);
	call_send(call);
}

/* --- SET, UNSET, EXTEND ---------------------------------------------- */

static void
changed_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (!request_failed(request, result))
		request_reply_integer(request, result->row_count > 0);
}

static void
cmd_session_set(struct request *request)
{
	struct call *call;
	int *indices, count;

	if (request->argc % 2 == 0) {
		request_reply_error(request,
			"ERR syntax error, expected a value for each field");
		return;
	}
	count = collections_find_distinct(request, 3, 2, &indices);
	call = call_new(request->store, SQL_session_set, changed_done, request);
	for (int i = 0; i < count; i++) {
		if (i > 0)
			call_next_element(call);
		call_bind_key(call, request->db, request->argv[2]);
		call_bind_bytes(call, request->argv[indices[i]]);
		call_bind_bytes(call, request->argv[indices[i] + 1]);
	}
	call_send(call);
}

static void
unset_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (!request_failed(request, result))
		request_reply_integer(request, result_int64(result, 0, 0));
}

static void
cmd_session_unset(struct request *request)
{
	struct call *call = call_new(
		request->store, SQL_session_unset, unset_done, request);

	call_bind_key(call, request->db, request->argv[2]);
	call_bind_bytes_array(
		call, request->argv + 3, (uint32_t)request->argc - 3);
	call_send(call);
}

static void
extend_done(void *arg, const struct result *result)
{
	enum { LEFT_MS = 1 };
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	if (result->row_count == 0)
		request_reply_integer(request, NO_SESSION);
	else if (result_is_null(result, 0, LEFT_MS))
		request_reply_integer(request, NO_EXPIRY);
	else
		request_reply_integer(request,
			(result_int64(result, 0, LEFT_MS) + 500) / 1000);
}

static void
cmd_session_extend(struct request *request)
{
	struct call *call;
	int64_t ms;

	if (!sessions_read_seconds(request, 3, "seconds", &ms))
		return;
	call = call_new(
		request->store, SQL_session_extend, extend_done, request);
	call_bind_key(call, request->db, request->argv[2]);
	call_bind_int64(call, ms);
	call_send(call);
}

/* --- EVENTS ---------------------------------------------------------- */

static void
events_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	if (!request_is_word(request, 2, "STATUS"))
		request_reply_ok(request);
	else
		request_reply_bulk(request,
			bytes_of(result_int64(result, 0, 0) ? "on" : "off"));
}

static void
cmd_session_events(struct request *request)
{
	bool status = request_is_word(request, 2, "STATUS");
	bool on = request_is_word(request, 2, "ON");
	struct call *call;

	if (!status && !on && !request_is_word(request, 2, "OFF")) {
		request_reply_error(request,
			"ERR syntax error, expected ON, OFF or STATUS");
		return;
	}
	call = call_new(
		request->store, SQL_session_events, events_done, request);
	call_bind_int32(call, request->db);
	if (status)
		call_bind_null(call, VALUE_BOOL);
	else
		call_bind_bool(call, on);
	call_send_route(call, ROUTE_JOINT, request->db);
}

/* --- rows ------------------------------------------------------------ */

#define SESSION_FILTERS \
	"[USER user] [ACTIVE seconds:integer] [IDLE seconds:integer] " \
	"[IP address] [SINCE time:unix-time] [FIELD filter:(field value)] "

static const struct command session_subcommands[] = {
	{
		.name = "analytics",
		.usage = "[WINDOW seconds:integer] [TOP count:integer]",
		.summary = "Tells what happened to sessions lately.",
		.since = "0.1.0",
		.complexity = "O(N) in the live sessions, and in the minutes "
			      "of the window",
		.group = GROUP_SESSION,
		.arity = -2,
		.flags = CMD_READONLY,
		.categories = CATEGORY_SESSION,
		.tips = { "nondeterministic_output" },
		.run = sessions_run_analytics,
	},
	{
		.name = "bulkdel",
		.usage = SESSION_FILTERS "[EXCEPT excepted]... [IDS id...]",
		.summary = "Ends sessions by what they are.",
		.since = "0.1.0",
		.complexity = "O(M log n) in the sessions found",
		.group = GROUP_SESSION,
		.arity = -4,
		.flags = CMD_WRITE,
		.categories = CATEGORY_SESSION | CATEGORY_DANGEROUS,
		.run = sessions_run_bulk_delete,
	},
	{
		.name = "cleanup",
		.usage = "INACTIVE seconds:integer [LIMIT count:integer]",
		.summary = "Ends sessions that were not used for long.",
		.since = "0.1.0",
		.complexity = "O(M log n) in the sessions found",
		.group = GROUP_SESSION,
		.arity = -4,
		.flags = CMD_WRITE,
		.categories = CATEGORY_SESSION | CATEGORY_DANGEROUS,
		.run = sessions_run_cleanup,
	},
	{
		.name = "count",
		.usage = SESSION_FILTERS "[BY what:(USER | IP | AGENT)] "
					 "[LIMIT count:integer]",
		.summary = "Counts sessions.",
		.since = "0.1.0",
		.complexity = "O(M) in the sessions found",
		.group = GROUP_SESSION,
		.arity = -2,
		.flags = CMD_READONLY,
		.categories = CATEGORY_SESSION,
		.run = sessions_run_count,
	},
	{
		.name = "create",
		.usage = "[ID id] [USER user] [TTL seconds:integer] "
			 "[ABSOLUTE seconds:integer] "
			 "[TOKEN token | GENERATE] [IP address] "
			 "[AGENT agent] [DEVICE device] "
			 "[LIMIT limit:(count:integer (EVICT | REJECT))] "
			 "[DATA data:(field value)...]",
		.summary = "Creates a session.",
		.since = "0.1.0",
		.complexity = "O(log n); with LIMIT O(M) in the user's "
			      "sessions",
		.group = GROUP_SESSION,
		.arity = -2,
		.flags = CMD_WRITE | CMD_DENYOOM,
		.categories = CATEGORY_SESSION,
		.run = sessions_run_create,
	},
	{
		.name = "del",
		.usage = "id...",
		.summary = "Ends sessions.",
		.since = "0.1.0",
		.complexity = "O(N log n) in the ids",
		.group = GROUP_SESSION,
		.arity = -3,
		.flags = CMD_WRITE | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_SESSION,
		.keys = { KEYS_RANGE(2, -1, 1, KEY_NOT_KEY | KEY_RM) },
		.run = cmd_session_del,
	},
	{
		.name = "events",
		.usage = "action:(ON | OFF | STATUS)",
		.summary = "Switches notifications about sessions.",
		.since = "0.1.0",
		.complexity = "O(1)",
		.group = GROUP_SESSION,
		.arity = 3,
		.flags = CMD_WRITE | CMD_ADMIN,
		.categories = CATEGORY_SESSION,
		.run = cmd_session_events,
	},
	{
		.name = "exists",
		.usage = "id...",
		.summary = "Counts those sessions that are there.",
		.since = "0.1.0",
		.complexity = "O(N log n) in the ids",
		.group = GROUP_SESSION,
		.arity = -3,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_SESSION,
		.keys = { KEYS_RANGE(2, -1, 1, KEY_NOT_KEY | KEY_RO) },
		.run = cmd_session_exists,
	},
	{
		.name = "extend",
		.usage = "id seconds:integer",
		.summary = "Moves a session's expiry further away.",
		.since = "0.1.0",
		.complexity = "O(log n)",
		.group = GROUP_SESSION,
		.arity = 4,
		.flags = CMD_WRITE | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_SESSION,
		.keys = { KEY_AT(2, KEY_NOT_KEY | KEY_RW | KEY_UPDATE) },
		.run = cmd_session_extend,
	},
	{
		.name = "get",
		.usage = "id [TOUCH] [FIELDS field...]",
		.summary = "Answers with a session.",
		.since = "0.1.0",
		.complexity = "O(log n)",
		.group = GROUP_SESSION,
		.arity = -3,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_SESSION,
		.keys = { KEY_AT(2, KEY_NOT_KEY | KEY_RO | KEY_ACCESS) },
		.run = cmd_session_get,
	},
	{
		.name = "help",
		.summary = "Lists the subcommands.",
		.since = "0.1.0",
		.complexity = "O(1)",
		.group = GROUP_SESSION,
		.arity = 2,
		.flags = CMD_LOADING | CMD_STALE,
		.categories = CATEGORY_SESSION,
		.run = help_run,
	},
	{
		.name = "list",
		.usage = SESSION_FILTERS "[CURSOR cursor:integer] "
					 "[COUNT count:integer] [WITHDATA]",
		.summary = "Walks through sessions.",
		.since = "0.1.0",
		.complexity = "O(log n + M) for M sessions of a user or an "
			      "address; see the documentation",
		.group = GROUP_SESSION,
		.arity = -2,
		.flags = CMD_READONLY,
		.categories = CATEGORY_SESSION,
		.tips = { "nondeterministic_output" },
		.run = sessions_run_list,
	},
	{
		.name = "rotate",
		.usage = "id [ID new-id] [TOKEN token | GENERATE]",
		.summary = "Gives a session another id and token.",
		.since = "0.1.0",
		.complexity = "O(log n)",
		.group = GROUP_SESSION,
		.arity = -3,
		.flags = CMD_WRITE | CMD_FAST,
		.categories = CATEGORY_SESSION,
		.keys = { KEY_AT(2, KEY_NOT_KEY | KEY_RM) },
		.run = sessions_run_rotate,
	},
	{
		.name = "set",
		.usage = "id data:(field value)...",
		.summary = "Sets fields of a session.",
		.since = "0.1.0",
		.complexity = "O(log n + N log N) in the session's fields",
		.group = GROUP_SESSION,
		.arity = -5,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_SESSION,
		.keys = { KEY_AT(2, KEY_NOT_KEY | KEY_RW | KEY_UPDATE) },
		.run = cmd_session_set,
	},
	{
		.name = "token",
		.usage = "token",
		.summary = "Answers with the session that has a token.",
		.since = "0.1.0",
		.complexity = "O(log n)",
		.group = GROUP_SESSION,
		.arity = 3,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE | CMD_LISTING,
		.categories = CATEGORY_SESSION,
		.run = cmd_session_token,
	},
	{
		.name = "touch",
		.usage = "id...",
		.summary = "Notes that sessions are used, which puts off "
			   "their expiry.",
		.since = "0.1.0",
		.complexity = "O(N log n) in the ids",
		.group = GROUP_SESSION,
		.arity = -3,
		.flags = CMD_WRITE | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_SESSION,
		.keys = { KEYS_RANGE(2, -1, 1, KEY_NOT_KEY | KEY_RW) },
		.run = cmd_session_touch,
	},
	{
		.name = "unset",
		.usage = "id field...",
		.summary = "Removes fields of a session.",
		.since = "0.1.0",
		.complexity = "O(log n + N) in the session's fields",
		.group = GROUP_SESSION,
		.arity = -4,
		.flags = CMD_WRITE | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_SESSION,
		.keys = { KEY_AT(2, KEY_NOT_KEY | KEY_RW | KEY_DELETE) },
		.run = cmd_session_unset,
	},
	{ 0 },
};

const struct command session_commands[] = {
	{
		.name = "session",
		.summary = "A container for commands about sessions.",
		.since = "0.1.0",
		.complexity = "Depends on subcommand.",
		.group = GROUP_SESSION,
		.arity = -2,
		.categories = CATEGORY_SESSION,
		.subcommands = session_subcommands,
	},
	{ 0 },
};
