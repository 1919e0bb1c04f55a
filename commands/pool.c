/* POOL: the connections to PostgreSQL, what they do, and changes to them.
 *
 * What is told stands in pool_statistics.c, pool_information.c,
 * pool_diagnostics.c and pool_recommend.c; changes are made by storage/pool.h
 * and begin here. */
#include "commands/pool.h"

#include "commands/command.h"
#include "commands/families.h"
#include "commands/fields.h"
#include "commands/help.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/server.h"
#include "storage/call.h"
#include "storage/store.h"

#include <inttypes.h>
#include <limits.h>
#include <stddef.h>

enum { PAUSE_SECONDS = 10, PAUSE_SECONDS_MAX = 3600 };

/* --- outcomes -------------------------------------------------------- */

static bool
failed(struct request *request, const struct pool_outcome *outcome)
{
	if (outcome->error[0] == '\0')
		return false;
	request_reply_errorf(request, "ERR %s", outcome->error);
	return true;
}

static void
reply_ok(void *arg, const struct pool_outcome *outcome)
{
	struct request *request = arg;

	if (!failed(request, outcome))
		request_reply_ok(request);
}

static void
reply_count(void *arg, const struct pool_outcome *outcome)
{
	struct request *request = arg;

	if (!failed(request, outcome))
		request_reply_integer(request, outcome->count);
}

/* --- RESIZE ---------------------------------------------------------- */

struct resize {
	struct request *request;
	enum pool_class class;
	int64_t least, most;
};

static void
reply_resized(void *arg, const struct pool_outcome *outcome)
{
	const struct resize *resize = arg;
	struct request *request = resize->request;
	struct fields fields = { 0 };

	if (failed(request, outcome))
		return;
	fields_add_text(&fields, "class", pool_class_name(resize->class));
	fields_add(&fields, "min", resize->least);
	fields_add(&fields, "max", resize->most);
	fields_add(&fields, "before", outcome->before);
	fields_add(&fields, "after", outcome->after);
	fields_reply(&fields, &request->reply, 0);
	request_finish(request);
}

static void
take_limits(void *arg, const struct result *result)
{
	struct resize *resize = arg;
	struct request *request = resize->request;
	int needed = pool_connections(
		request->server->storage, resize->class, (int)resize->most);

	if (request_failed(request, result))
		return;
	/* Fewer lanes are better than too many, even if still too many. */
	if (needed > result_int64(result, 0, 1) &&
		resize->most >
			pool_size(request->server->storage, resize->class)
				.lanes) {
		request_reply_errorf(request,
			"ERR %" PRId64 " %s lanes would need %d connections; "
			"PostgreSQL allows %" PRId64
			" (max_connections %" PRId64 ")",
			resize->most, pool_class_name(resize->class), needed,
			result_int64(result, 0, 1), result_int64(result, 0, 0));
		return;
	}
	pool_resize(request->store, resize->class, (int)resize->least,
		(int)resize->most, reply_resized, resize);
}

static bool
read_resize(struct request *request, struct resize *resize)
{
	static const char numbers[] = "ERR min and max must be integers";
	int most = STORAGE_POINT_LANES_MAX;

	if (!pool_class_find(request->argv[2], &resize->class) ||
		pool_size(request->server->storage, resize->class).fixed) {
		request_reply_error(request,
			"ERR the classes whose size can be changed are point "
			"and bulk");
		return false;
	}
	if (!request_read_int64_or(request, 3, &resize->least, numbers) ||
		!request_read_int64_or(request, 4, &resize->most, numbers))
		return false;
	if (resize->class == POOL_BULK)
		most = STORAGE_BULK_LANES_MAX;
	if (resize->least >= 1 && resize->least <= resize->most &&
		resize->most <= most)
		return true;
	request_reply_errorf(
		request, "ERR min must be 1 to max, and max at most %d", most);
	return false;
}

static void
cmd_pool_resize(struct request *request)
{
	struct resize *resize = request_allocate(request, sizeof(*resize));

	*resize = (struct resize){ .request = request };
	if (!read_resize(request, resize))
		return;
	call_send_route(
		call_new(request->store, SQL_pool_limits, take_limits, resize),
		ROUTE_ADMIN, request->db);
}

/* --- PAUSE, RESUME, RECONNECT ---------------------------------------- */

static void
cmd_pool_pause(struct request *request)
{
	int64_t seconds = PAUSE_SECONDS;

	if (request->argc != 2 &&
		(request->argc != 4 ||
			!request_is_word(request, 2, "TIMEOUT"))) {
		request_reply_syntax_error(request);
		return;
	}
	if (request->argc == 4 && !request_read_int64(request, 3, &seconds))
		return;
	if (seconds < 1 || seconds > PAUSE_SECONDS_MAX) {
		request_reply_errorf(request,
			"ERR the timeout must be 1 to %d seconds",
			PAUSE_SECONDS_MAX);
		return;
	}
	pool_pause(request->store, seconds * 1000, reply_ok, request);
}

static void
cmd_pool_resume(struct request *request)
{
	pool_resume(request->store, reply_ok, request);
}

static void
cmd_pool_reconnect(struct request *request)
{
	pool_reconnect(request->store, reply_count, request);
}

/* --- TERMINATE ------------------------------------------------------- */

static void
take_terminated(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	if (result->row_count == 0)
		request_reply_error(request,
			"ERR no connection of respgres to this database has "
			"that id; POOL DIAGNOSTICS ALL lists them");
	else
		request_reply_integer(request, result_int64(result, 0, 0));
}

static void
terminate_idle(struct request *request)
{
	int64_t seconds;

	if (request->argc != 4) {
		request_reply_syntax_error(request);
		return;
	}
	if (!request_read_int64(request, 3, &seconds))
		return;
	if (seconds < 0 || seconds > INT_MAX) {
		request_reply_error(
			request, "ERR the seconds must not be negative");
		return;
	}
	pool_close_idle(
		request->store, seconds * 1000000, reply_count, request);
}

static void
cmd_pool_terminate(struct request *request)
{
	struct call *call;
	int64_t id;

	if (request_is_word(request, 2, "IDLE")) {
		terminate_idle(request);
		return;
	}
	if (request->argc != 3) {
		request_reply_syntax_error(request);
		return;
	}
	if (!request_read_int64_or(request, 2, &id,
		    "ERR expected IDLE and seconds, or the id of a connection"))
		return;
	if (id < 1 || id > INT_MAX)
		id = 0;
	call = call_new(
		request->store, SQL_pool_terminate, take_terminated, request);
	call_bind_int32(call, (int32_t)id);
	call_send_route(call, ROUTE_ADMIN, request->db);
}

/* --- AUTOTUNE -------------------------------------------------------- */

static void
reply_sample(struct reply *reply, enum pool_class class,
	const struct tune_sample *sample)
{
	struct fields fields = { 0 };

	fields_add_text(&fields, "class", pool_class_name(class));
	fields_add(&fields, "lanes", sample->size);
	fields_add(&fields, "min", sample->least);
	fields_add(&fields, "max", sample->most);
	fields_add(&fields, "machine_max", sample->ceiling);
	fields_add(&fields, "free_connections", sample->free_connections);
	fields_add_double(
		&fields, "calls_per_second", sample->calls_per_second);
	fields_add_double(&fields, "busy", sample->busy);
	fields_add_double(&fields, "pressure", sample->pressure);
	fields_add(&fields, "wait_p95_us", (int64_t)sample->wait_p95_us);
	fields_reply(&fields, reply, 0);
}

static void
reply_decision(struct reply *reply, const struct pool_decision *decision)
{
	struct fields fields = { 0 };

	fields_add(&fields, "time_ms", decision->time_us / 1000);
	fields_add_text(&fields, "class", pool_class_name(decision->class));
	fields_add(&fields, "from", decision->before);
	fields_add(&fields, "to", decision->after);
	fields_add_bool(&fields, "failed", decision->failed);
	fields_add_text(&fields, "reason", decision->reason);
	fields_reply(&fields, reply, 0);
}

static void
reply_tuning(void *arg, const struct pool_tuning *tuning)
{
	struct request *request = arg;
	struct reply *reply = &request->reply;
	struct fields fields = { 0 };
	size_t sampled = 0;

	for (int i = 0; i < POOL_CLASS_COUNT; i++)
		sampled += tuning->sampled[i];
	fields_add_text(&fields, "autotune", tuning->on ? "on" : "off");
	fields_add(&fields, "interval_ms", 1000);
	fields_reply(&fields, reply, 2);
	reply_bulk_text(reply, "classes");
	reply_array(reply, sampled);
	for (int i = 0; i < POOL_CLASS_COUNT; i++)
		if (tuning->sampled[i])
			reply_sample(
				reply, (enum pool_class)i, &tuning->samples[i]);
	reply_bulk_text(reply, "decisions");
	reply_array(reply, (size_t)tuning->count);
	for (int i = 0; i < tuning->count; i++)
		reply_decision(reply, &tuning->decisions[i]);
	request_finish(request);
}

static void
cmd_pool_autotune(struct request *request)
{
	if (request_is_word(request, 2, "STATUS"))
		pool_read_tuning(request->store, reply_tuning, request);
	else if (request_is_word(request, 2, "ON"))
		pool_set_tuning(request->store, true, reply_ok, request);
	else if (request_is_word(request, 2, "OFF"))
		pool_set_tuning(request->store, false, reply_ok, request);
	else
		request_reply_syntax_error(request);
}

/* --- rows ------------------------------------------------------------ */

static const struct command pool_subcommands[] = {
	{
		.name = "autotune",
		.usage = "action:(ON | OFF | STATUS)",
		.summary = "Lets the pool choose how many lanes it has.",
		.since = "0.1.0",
		.complexity =
			"O(N) in the decisions kept for STATUS, else O(1)",
		.group = GROUP_POOL,
		.arity = 3,
		.flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE |
			CMD_NO_MULTI,
		.categories = CATEGORY_POOL,
		.run = cmd_pool_autotune,
	},
	{
		.name = "diagnostics",
		.usage = "[ALL]",
		.summary =
			"Shows each connection, its locks and who blocks whom.",
		.since = "0.1.0",
		.complexity = "O(N) in the database's sessions and locks",
		.group = GROUP_POOL,
		.arity = -2,
		.flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE |
			CMD_NO_MULTI,
		.categories = CATEGORY_POOL,
		.tips = { "nondeterministic_output" },
		.run = pool_run_diagnostics,
	},
	{
		.name = "help",
		.summary = "Lists the subcommands.",
		.since = "0.1.0",
		.complexity = "O(1)",
		.group = GROUP_POOL,
		.arity = 2,
		.flags = CMD_LOADING | CMD_STALE,
		.categories = CATEGORY_POOL,
		.run = help_run,
	},
	{
		.name = "info",
		.summary = "Judges the state of the pool and its database.",
		.since = "0.1.0",
		.complexity = "O(N) in the lanes and the database's sessions",
		.group = GROUP_POOL,
		.arity = 2,
		.flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_NO_MULTI,
		.categories = CATEGORY_POOL | CATEGORY_DANGEROUS,
		.tips = { "nondeterministic_output" },
		.run = pool_run_info,
	},
	{
		.name = "pause",
		.usage = "[TIMEOUT seconds:integer]",
		.summary = "Lets batches end, and then has clients wait.",
		.since = "0.1.0",
		.complexity = "O(N) in the lanes",
		.group = GROUP_POOL,
		.arity = -2,
		.flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE |
			CMD_NO_MULTI,
		.categories = CATEGORY_POOL,
		.run = cmd_pool_pause,
	},
	{
		.name = "recommend",
		.usage = "[IDLE seconds:integer] [MEMORY bytes:integer] "
			 "[CORES count:integer]",
		.summary = "Finds what should be changed, and says how.",
		.since = "0.1.0",
		.complexity = "O(N) in the database's sessions and locks",
		.group = GROUP_POOL,
		.arity = -2,
		.flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE |
			CMD_NO_MULTI,
		.categories = CATEGORY_POOL,
		.tips = { "nondeterministic_output" },
		.run = pool_run_recommend,
	},
	{
		.name = "reconnect",
		.summary = "Replaces the connections, one after another.",
		.since = "0.1.0",
		.complexity = "O(N) in the connections",
		.group = GROUP_POOL,
		.arity = 2,
		.flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE |
			CMD_NO_MULTI,
		.categories = CATEGORY_POOL,
		.run = cmd_pool_reconnect,
	},
	{
		.name = "resize",
		.usage = "class min:integer max:integer",
		.summary = "Sets how many lanes a class may have.",
		.since = "0.1.0",
		.complexity = "O(N) in the lanes",
		.group = GROUP_POOL,
		.arity = 5,
		.flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE |
			CMD_NO_MULTI,
		.categories = CATEGORY_POOL,
		.run = cmd_pool_resize,
	},
	{
		.name = "resume",
		.summary = "Ends a pause.",
		.since = "0.1.0",
		.complexity = "O(N) in the lanes",
		.group = GROUP_POOL,
		.arity = 2,
		.flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE |
			CMD_NO_MULTI,
		.categories = CATEGORY_POOL,
		.run = cmd_pool_resume,
	},
	{
		.name = "stats",
		.usage = "[class]",
		.summary = "Counts what each class and connection did.",
		.since = "0.1.0",
		.complexity = "O(N) in the lanes",
		.group = GROUP_POOL,
		.arity = -2,
		.flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_NO_MULTI,
		.categories = CATEGORY_POOL | CATEGORY_DANGEROUS,
		.tips = { "nondeterministic_output" },
		.run = pool_run_stats,
	},
	{
		.name = "terminate",
		.usage = "target:(IDLE seconds:integer | id:integer)",
		.summary = "Ends connections that are idle, or one of them.",
		.since = "0.1.0",
		.complexity = "O(N) in the lanes",
		.group = GROUP_POOL,
		.arity = -3,
		.flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE |
			CMD_NO_MULTI,
		.categories = CATEGORY_POOL,
		.run = cmd_pool_terminate,
	},
	{ 0 },
};

const struct command pool_commands[] = {
	{
		.name = "pool",
		.summary = "Commands about the connections to PostgreSQL.",
		.since = "0.1.0",
		.complexity = "Depends on the subcommand.",
		.group = GROUP_POOL,
		.arity = -2,
		.categories = CATEGORY_POOL,
		.subcommands = pool_subcommands,
	},
	{ 0 },
};
