/* Hashes whose fields expire; the rows of these commands.
 *
 * Behaviour and texts are those of Redis 8.0.  Times are the database's. */
#include "commands/command.h"
#include "commands/expiry.h"
#include "commands/families.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/server.h"
#include "commands/strings.h"
#include "commands/table.h"
#include "storage/base/bytes.h"
#include "storage/base/clock.h"
#include "storage/base/number.h"
#include "storage/call.h"
#include "storage/result.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The last time that Redis takes for a field, in milliseconds since 1970. */
#define FIELD_EXPIRY_MAX INT64_C(0x3fffffffffff)

/* Columns of all statements here; NOW is hash_expiry's. */
enum { ROW_ERROR, ROW_RESULT, ROW_NOW };

/* The fields among the arguments. */
struct fields {
	int first; /* index of the first one's argument */
	int count;
};

static bool
replied_error(struct request *request, const struct result *result)
{
	if (request_failed(request, result))
		return true;
	if (result_is_null(result, 0, ROW_ERROR))
		return false;
	request_reply_error(request, result_text(result, 0, ROW_ERROR));
	return true;
}

static void
reply_integers(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (replied_error(request, result))
		return;
	reply_array(&request->reply, (size_t)result->row_count);
	for (int row = 0; row < result->row_count; row++)
		reply_integer(
			&request->reply, result_int64(result, row, ROW_RESULT));
	request_finish(request);
}

static void
reply_values(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (replied_error(request, result))
		return;
	reply_array(&request->reply, (size_t)result->row_count);
	for (int row = 0; row < result->row_count; row++)
		if (result_is_null(result, row, ROW_RESULT))
			reply_null(&request->reply);
		else
			strings_reply_bytes(request, result, row, ROW_RESULT);
	request_finish(request);
}

/* Reads FIELDS at argv[index], how many there are, and where: they are all
 * the rest. */
static bool
read_fields(struct request *request, int index, const char *count_error,
	struct fields *fields)
{
	int64_t count;

	if (!request_is_word(request, index, "FIELDS")) {
		request_reply_error(request,
			"ERR Mandatory argument FIELDS is missing or not at "
			"the right position");
		return false;
	}
	if (index + 1 >= request->argc ||
		!number_parse_int64(request->argv[index + 1], &count) ||
		count < 1) {
		request_reply_error(request, count_error);
		return false;
	}
	if (count != request->argc - index - 2) {
		request_reply_error(request,
			"ERR The `numfields` parameter must match the number "
			"of arguments");
		return false;
	}
	*fields = (struct fields){ index + 2, (int)count };
	return true;
}

static bool
read_positive_fields(struct request *request, int index, struct fields *fields)
{
	return read_fields(request, index,
		"ERR Number of fields must be a positive integer", fields);
}

/* Reads argv[index] as a time from 0 on; unlike a key's it may be past. */
static bool
read_time(struct request *request, int index, enum expiry_kind kind,
	enum expiry_unit unit, struct expiry *expiry)
{
	int64_t number, most = FIELD_EXPIRY_MAX;

	if (!request_read_int64(request, index, &number))
		return false;
	if (number < 0) {
		request_reply_error(
			request, "ERR invalid expire time, must be >= 0");
		return false;
	}
	if (kind == EXPIRY_IN_MS)
		most -= clock_wall_us() / 1000;
	if (unit == EXPIRY_SECONDS)
		most /= 1000;
	if (number > most) {
		request_reply_errorf(request,
			"ERR invalid expire time in '%s' command",
			command_table_full_name(
				request->server->commands, request->command));
		return false;
	}
	*expiry = (struct expiry){ kind,
		unit == EXPIRY_SECONDS ? number * 1000 : number };
	return true;
}

static struct call *
new_call(struct request *request, enum statement_id id, call_done done,
	struct fields fields)
{
	struct call *call = call_new(request->store, id, done, request);

	call_bind_key(call, request->db, request->argv[1]);
	call_bind_bytes_array(
		call, request->argv + fields.first, (uint32_t)fields.count);
	return call;
}

/* --- HEXPIRE and the like -------------------------------------------- */

static const char *
read_condition(const struct request *request, int index)
{
	static const char *const words[] = { "NX", "XX", "GT", "LT" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (request_is_word(request, index, words[i]))
			return words[i];
	return NULL;
}

static void
bind_word(struct call *call, const char *word)
{
	if (word == NULL)
		call_bind_null(call, VALUE_TEXT);
	else
		call_bind_text(call, word);
}

static void
expire(struct request *request, enum expiry_kind kind, enum expiry_unit unit)
{
	struct expiry expiry;
	struct fields fields;
	struct call *call;
	const char *condition = read_condition(request, 3);

	if (!read_time(request, 2, kind, unit, &expiry) ||
		!read_fields(request, condition ? 4 : 3,
			"ERR Parameter `numFields` should be greater than 0",
			&fields))
		return;
	call = new_call(request, SQL_hash_expire, reply_integers, fields);
	expiry_bind(call, expiry);
	bind_word(call, condition);
	call_send(call);
}

static void
cmd_hexpire(struct request *request)
{
	expire(request, EXPIRY_IN_MS, EXPIRY_SECONDS);
}

static void
cmd_hpexpire(struct request *request)
{
	expire(request, EXPIRY_IN_MS, EXPIRY_MILLISECONDS);
}

static void
cmd_hexpireat(struct request *request)
{
	expire(request, EXPIRY_AT_MS, EXPIRY_SECONDS);
}

static void
cmd_hpexpireat(struct request *request)
{
	expire(request, EXPIRY_AT_MS, EXPIRY_MILLISECONDS);
}

static void
cmd_hpersist(struct request *request)
{
	struct fields fields;

	if (read_positive_fields(request, 2, &fields))
		call_send(new_call(
			request, SQL_hash_persist, reply_integers, fields));
}

/* --- HTTL and the like ----------------------------------------------- */

/* What becomes of an expiry in milliseconds since 1970. */
typedef int64_t (*expiry_view)(int64_t at_ms, int64_t now_ms);

static int64_t
view_ttl(int64_t at_ms, int64_t now_ms)
{
	return (at_ms - now_ms + 999) / 1000;
}

static int64_t
view_pttl(int64_t at_ms, int64_t now_ms)
{
	return at_ms - now_ms;
}

static int64_t
view_time(int64_t at_ms, int64_t now_ms)
{
	(void)now_ms;
	return (at_ms + 999) / 1000;
}

static int64_t
view_ptime(int64_t at_ms, int64_t now_ms)
{
	(void)now_ms;
	return at_ms;
}

static void
reply_expiries(
	struct request *request, const struct result *result, expiry_view view)
{
	if (replied_error(request, result))
		return;
	reply_array(&request->reply, (size_t)result->row_count);
	for (int row = 0; row < result->row_count; row++) {
		int64_t at_ms = result_int64(result, row, ROW_RESULT);
		int64_t now_ms = result_int64(result, row, ROW_NOW);

		/* Below 0: no expiry, or no field. */
		if (at_ms >= 0)
			at_ms = view(at_ms > now_ms ? at_ms : now_ms, now_ms);
		reply_integer(&request->reply, at_ms);
	}
	request_finish(request);
}

static void
httl_done(void *arg, const struct result *result)
{
	reply_expiries(arg, result, view_ttl);
}

static void
hpttl_done(void *arg, const struct result *result)
{
	reply_expiries(arg, result, view_pttl);
}

static void
hexpiretime_done(void *arg, const struct result *result)
{
	reply_expiries(arg, result, view_time);
}

static void
hpexpiretime_done(void *arg, const struct result *result)
{
	reply_expiries(arg, result, view_ptime);
}

static void
send_expiry(struct request *request, call_done done)
{
	struct fields fields;

	if (read_positive_fields(request, 2, &fields))
		call_send(new_call(request, SQL_hash_expiry, done, fields));
}

static void
cmd_httl(struct request *request)
{
	send_expiry(request, httl_done);
}

static void
cmd_hpttl(struct request *request)
{
	send_expiry(request, hpttl_done);
}

static void
cmd_hexpiretime(struct request *request)
{
	send_expiry(request, hexpiretime_done);
}

static void
cmd_hpexpiretime(struct request *request)
{
	send_expiry(request, hpexpiretime_done);
}

/* --- HGETDEL, HGETEX ------------------------------------------------- */

static void
cmd_hgetdel(struct request *request)
{
	struct fields fields;

	if (read_positive_fields(request, 2, &fields))
		call_send(new_call(
			request, SQL_hash_get_delete, reply_values, fields));
}

static void
cmd_hgetex(struct request *request)
{
	struct expiry expiry = { .kind = EXPIRY_NONE };
	enum expiry_kind kind;
	enum expiry_unit unit;
	struct fields fields;
	struct call *call;
	bool persist = request_is_word(request, 2, "PERSIST");
	int index = persist ? 3 : 2;

	if (expiry_read_option(request, 2, &kind, &unit)) {
		index = 4;
		if (!read_time(request, 3, kind, unit, &expiry))
			return;
	}
	if (!read_positive_fields(request, index, &fields))
		return;
	call = new_call(request, SQL_hash_get_expire, reply_values, fields);
	expiry_bind(call, expiry);
	call_bind_bool(call, persist);
	call_send(call);
}

/* --- HSETEX ---------------------------------------------------------- */

struct set_options {
	const char *condition; /* NULL: none */
	struct expiry expiry;
	bool keep_ttl;
	struct fields fields; /* pairs */
};

static bool
set_condition(
	struct request *request, const char *word, struct set_options *options)
{
	if (options->condition != NULL) {
		request_reply_error(request,
			"ERR Only one of FXX or FNX arguments can be "
			"specified");
		return false;
	}
	options->condition = word;
	return true;
}

static bool
allow_expiry(struct request *request, const struct set_options *options)
{
	if (options->expiry.kind == EXPIRY_NONE && !options->keep_ttl)
		return true;
	request_reply_error(request,
		"ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can "
		"be specified");
	return false;
}

static bool
read_pairs(struct request *request, int index, struct fields *pairs)
{
	int rest = request->argc - index - 2;
	int64_t count;

	if (index >= request->argc - 3) {
		request_reply_error(request,
			"ERR wrong number of arguments for 'hsetex' command");
		return false;
	}
	if (!number_parse_int64(request->argv[index + 1], &count) ||
		count < 1 || count > INT32_MAX) {
		request_reply_error(request, "ERR invalid number of fields");
		return false;
	}
	if (rest % 2 != 0 || count != rest / 2) {
		request_reply_error(request,
			"ERR wrong number of arguments for 'hsetex' command");
		return false;
	}
	*pairs = (struct fields){ index + 2, (int)count };
	return true;
}

static bool
read_set_expiry(struct request *request, int index, enum expiry_kind kind,
	enum expiry_unit unit, struct set_options *options)
{
	if (!allow_expiry(request, options))
		return false;
	if (index >= request->argc) {
		request_reply_error(request, "ERR missing expire time");
		return false;
	}
	return read_time(request, index, kind, unit, &options->expiry);
}

static bool
read_set_options(struct request *request, struct set_options *options)
{
	enum expiry_kind kind;
	enum expiry_unit unit;

	*options = (struct set_options){ .condition = NULL };
	for (int i = 2; i < request->argc; i++) {
		if (request_is_word(request, i, "FIELDS"))
			return read_pairs(request, i, &options->fields);
		if (request_is_word(request, i, "FNX")) {
			if (!set_condition(request, "FNX", options))
				return false;
		} else if (request_is_word(request, i, "FXX")) {
			if (!set_condition(request, "FXX", options))
				return false;
		} else if (request_is_word(request, i, "KEEPTTL")) {
			if (!allow_expiry(request, options))
				return false;
			options->keep_ttl = true;
		} else if (expiry_read_option(request, i, &kind, &unit)) {
			if (!read_set_expiry(request, ++i, kind, unit, options))
				return false;
		} else {
			request_reply_errorf(request,
				"ERR unknown argument: %.*s",
				(int)request->argv[i].size,
				request->argv[i].data);
			return false;
		}
	}
	request_reply_error(request, "ERR missing FIELDS argument");
	return false;
}

static void
cmd_hsetex(struct request *request)
{
	struct set_options options;
	struct bytes *names, *values;
	struct call *call;
	int count;

	if (!read_set_options(request, &options))
		return;
	count = options.fields.count;
	names = request_allocate(request, (size_t)count * sizeof(*names));
	values = request_allocate(request, (size_t)count * sizeof(*values));
	for (int i = 0; i < count; i++) {
		names[i] = request->argv[options.fields.first + i * 2];
		values[i] = request->argv[options.fields.first + i * 2 + 1];
	}
	call = call_new(request->store, SQL_hash_set_expire,
		strings_reply_integer_or_error, request);
	call_bind_key(call, request->db, request->argv[1]);
	call_bind_bytes_array(call, names, (uint32_t)count);
	call_bind_bytes_array(call, values, (uint32_t)count);
	bind_word(call, options.condition);
	expiry_bind(call, options.expiry);
	call_bind_bool(call, options.keep_ttl);
	call_send(call);
}

const struct command hash_expiry_commands[] = {
	{
		.name = "hexpire",
		.usage = "key seconds:integer condition:[NX | XX | GT | LT] "
			 "FIELDS fields:(numfields:integer field...)",
		.summary = "Sets the time to live of fields, in seconds.",
		.since = "7.4.0",
		.complexity = "O(N log n) in the fields named",
		.group = GROUP_HASH,
		.arity = -6,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_HASH,
		.keys = { KEY_AT(1, KEY_RW | KEY_UPDATE) },
		.run = cmd_hexpire,
	},
	{
		.name = "hexpireat",
		.usage =
			"key unix-time-seconds:unix-time condition:[NX | XX | GT | LT] "
			"FIELDS fields:(numfields:integer field...)",
		.summary = "Sets when fields expire, in seconds since 1970.",
		.since = "7.4.0",
		.complexity = "O(N log n) in the fields named",
		.group = GROUP_HASH,
		.arity = -6,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_HASH,
		.keys = { KEY_AT(1, KEY_RW | KEY_UPDATE) },
		.run = cmd_hexpireat,
	},
	{
		.name = "hexpiretime",
		.usage = "key FIELDS fields:(numfields:integer field...)",
		.summary = "Tells when fields expire, in seconds since 1970.",
		.since = "7.4.0",
		.complexity = "O(N log n) in the fields named",
		.group = GROUP_HASH,
		.arity = -5,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_HASH,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.run = cmd_hexpiretime,
	},
	{
		.name = "hgetdel",
		.usage = "key FIELDS fields:(numfields:integer field...)",
		.summary = "Takes fields out of a hash.",
		.since = "8.0.0",
		.complexity = "O(N log n) in the fields named",
		.group = GROUP_HASH,
		.arity = -5,
		.flags = CMD_WRITE | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_HASH,
		.keys = { KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_DELETE) },
		.run = cmd_hgetdel,
	},
	{
		.name = "hgetex",
		.usage =
			"key expiration:[EX seconds:integer | PX milliseconds:integer | "
			"EXAT unix-time-seconds:unix-time | "
			"PXAT unix-time-milliseconds:unix-time | PERSIST] "
			"FIELDS fields:(numfields:integer field...)",
		.summary = "Answers with fields and may change their expiry.",
		.since = "8.0.0",
		.complexity = "O(N log n) in the fields named",
		.group = GROUP_HASH,
		.arity = -5,
		.flags = CMD_WRITE | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_HASH,
		.keys = { KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_UPDATE) },
		.run = cmd_hgetex,
	},
	{
		.name = "hpersist",
		.usage = "key FIELDS fields:(numfields:integer field...)",
		.summary = "Takes the expiry off fields.",
		.since = "7.4.0",
		.complexity = "O(N log n) in the fields named",
		.group = GROUP_HASH,
		.arity = -5,
		.flags = CMD_WRITE | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_HASH,
		.keys = { KEY_AT(1, KEY_RW | KEY_UPDATE) },
		.run = cmd_hpersist,
	},
	{
		.name = "hpexpire",
		.usage =
			"key milliseconds:integer condition:[NX | XX | GT | LT] "
			"FIELDS fields:(numfields:integer field...)",
		.summary = "Sets the time to live of fields, in milliseconds.",
		.since = "7.4.0",
		.complexity = "O(N log n) in the fields named",
		.group = GROUP_HASH,
		.arity = -6,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_HASH,
		.keys = { KEY_AT(1, KEY_RW | KEY_UPDATE) },
		.run = cmd_hpexpire,
	},
	{
		.name = "hpexpireat",
		.usage =
			"key unix-time-milliseconds:unix-time condition:[NX | XX | GT | LT] "
			"FIELDS fields:(numfields:integer field...)",
		.summary =
			"Sets when fields expire, in milliseconds since 1970.",
		.since = "7.4.0",
		.complexity = "O(N log n) in the fields named",
		.group = GROUP_HASH,
		.arity = -6,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_HASH,
		.keys = { KEY_AT(1, KEY_RW | KEY_UPDATE) },
		.run = cmd_hpexpireat,
	},
	{
		.name = "hpexpiretime",
		.usage = "key FIELDS fields:(numfields:integer field...)",
		.summary =
			"Tells when fields expire, in milliseconds since 1970.",
		.since = "7.4.0",
		.complexity = "O(N log n) in the fields named",
		.group = GROUP_HASH,
		.arity = -5,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_HASH,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.run = cmd_hpexpiretime,
	},
	{
		.name = "hpttl",
		.usage = "key FIELDS fields:(numfields:integer field...)",
		.summary = "Tells the time to live of fields, in milliseconds.",
		.since = "7.4.0",
		.complexity = "O(N log n) in the fields named",
		.group = GROUP_HASH,
		.arity = -5,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_HASH,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.tips = { "nondeterministic_output" },
		.run = cmd_hpttl,
	},
	{
		.name = "hsetex",
		.usage =
			"key condition:[FNX | FXX] "
			"expiration:[EX seconds:integer | PX milliseconds:integer | "
			"EXAT unix-time-seconds:unix-time | "
			"PXAT unix-time-milliseconds:unix-time | KEEPTTL] "
			"FIELDS fields:(numfields:integer data:(field value)...)",
		.summary = "Sets fields with one expiry.",
		.since = "8.0.0",
		.complexity = "O(N log n) in the fields named",
		.group = GROUP_HASH,
		.arity = -6,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_HASH,
		.keys = { KEY_AT(1, KEY_RW | KEY_UPDATE) },
		.run = cmd_hsetex,
	},
	{
		.name = "httl",
		.usage = "key FIELDS fields:(numfields:integer field...)",
		.summary = "Tells the time to live of fields, in seconds.",
		.since = "7.4.0",
		.complexity = "O(N log n) in the fields named",
		.group = GROUP_HASH,
		.arity = -5,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_HASH,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.tips = { "nondeterministic_output" },
		.run = cmd_httl,
	},
	{ 0 },
};
