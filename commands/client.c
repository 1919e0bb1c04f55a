/* CLIENT: what a connection says of itself, and pauses.
 *
 * CLIENT LIST and KILL are in client_list.c. */
#include "commands/client.h"

#include "commands/client_name.h"
#include "commands/command.h"
#include "commands/connection.h"
#include "commands/families.h"
#include "commands/help.h"
#include "commands/host.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/server.h"
#include "storage/base/clock.h"
#include "storage/base/memory.h"

#include <stdlib.h>
#include <string.h>

/* --- names ----------------------------------------------------------- */

bool
client_name_set(char **name, struct bytes value)
{
	char *copy = NULL;

	for (size_t i = 0; i < value.size; i++)
		if (value.data[i] < '!' || value.data[i] > '~')
			return false;
	if (value.size > 0) {
		copy = memory_allocate(value.size + 1);
		memcpy(copy, value.data, value.size);
		copy[value.size] = '\0';
	}
	free(*name);
	*name = copy;
	return true;
}

static void
cmd_client_getname(struct request *request)
{
	const char *name = request->connection->name;

	if (name != NULL)
		request_reply_bulk(request, bytes_of(name));
	else
		request_reply_null(request);
}

static void
cmd_client_setname(struct request *request)
{
	if (client_name_set(&request->connection->name, request->argv[2]))
		request_reply_ok(request);
	else
		request_reply_error(request, ERROR_CLIENT_NAME);
}

static void
cmd_client_setinfo(struct request *request)
{
	struct connection *connection = request->connection;
	bool is_name = request_is_word(request, 2, "LIB-NAME");

	if (!is_name && !request_is_word(request, 2, "LIB-VER")) {
		request_reply_errorf(request, "ERR Unrecognized option '%.*s'",
			(int)request->argv[2].size, request->argv[2].data);
		return;
	}
	if (client_name_set(is_name ? &connection->library_name :
				      &connection->library_version,
		    request->argv[3]))
		request_reply_ok(request);
	else
		request_reply_errorf(request,
			"ERR %s cannot contain spaces, newlines or special "
			"characters.",
			is_name ? "lib-name" : "lib-ver");
}

static void
cmd_client_id(struct request *request)
{
	request_reply_integer(request, (int64_t)request->connection->id);
}

/* --- switches -------------------------------------------------------- */

/* ON or OFF at argv[2]; false when it has answered a syntax error. */
static bool
read_switch(struct request *request, bool *on)
{
	*on = request_is_word(request, 2, "ON");
	if (*on || request_is_word(request, 2, "OFF"))
		return true;
	request_reply_syntax_error(request);
	return false;
}

static void
cmd_client_no_evict(struct request *request)
{
	if (read_switch(request, &request->connection->no_evict))
		request_reply_ok(request);
}

static void
cmd_client_no_touch(struct request *request)
{
	if (read_switch(request, &request->connection->no_touch))
		request_reply_ok(request);
}

/* Whether the answers to OFF and SKIP themselves are sent is decided when they
 * would leave, by the mode set here. */
static void
cmd_client_reply(struct request *request)
{
	struct connection *connection = request->connection;

	if (request_is_word(request, 2, "ON")) {
		connection->reply_mode = REPLY_ON;
	} else if (request_is_word(request, 2, "OFF")) {
		connection->reply_mode = REPLY_OFF;
	} else if (request_is_word(request, 2, "SKIP")) {
		if (connection->reply_mode != REPLY_OFF)
			connection->reply_mode = REPLY_SKIP_NEXT;
	} else {
		request_reply_syntax_error(request);
		return;
	}
	request_reply_ok(request);
}

/* --- tracking -------------------------------------------------------- */

static void
cmd_client_getredir(struct request *request)
{
	request_reply_integer(request, -1);
}

static void
cmd_client_trackinginfo(struct request *request)
{
	struct reply *reply = &request->reply;

	reply_map(reply, 3);
	reply_bulk_text(reply, "flags");
	reply_set(reply, 1);
	reply_bulk_text(reply, "off");
	reply_bulk_text(reply, "redirect");
	reply_integer(reply, -1);
	reply_bulk_text(reply, "prefixes");
	reply_array(reply, 0);
	request_finish(request);
}

/* --- pauses ---------------------------------------------------------- */

static void
cmd_client_pause(struct request *request)
{
	struct server *server = request->server;
	int64_t now_us = clock_monotonic_us(), timeout_ms;
	int64_t until_us = atomic_load(&server->paused_until_us);
	bool writes_only = request_is_word(request, 3, "WRITE");

	if (request->argc > 4) {
		request_reply_error(request,
			"ERR wrong number of arguments for 'client|pause' "
			"command");
		return;
	}
	if (request->argc == 4 && !writes_only &&
		!request_is_word(request, 3, "ALL")) {
		request_reply_error(
			request, "ERR CLIENT PAUSE mode must be WRITE or ALL");
		return;
	}
	if (!request_read_int64_or(request, 2, &timeout_ms,
		    "ERR timeout is not an integer or out of range"))
		return;
	if (timeout_ms < 0) {
		request_reply_error(request, "ERR timeout is negative");
		return;
	}
	if (timeout_ms > (INT64_MAX - now_us) / 1000)
		timeout_ms = (INT64_MAX - now_us) / 1000;
	/* A pause can be made longer and stricter, not shorter. */
	if (until_us > now_us)
		writes_only =
			writes_only && atomic_load(&server->paused_writes_only);
	if (now_us + timeout_ms * 1000 > until_us)
		until_us = now_us + timeout_ms * 1000;
	server->host->pause(server, until_us, writes_only);
	request_reply_ok(request);
}

static void
cmd_client_unpause(struct request *request)
{
	request->server->host->pause(request->server, 0, false);
	request_reply_ok(request);
}

/* --- unblocking ------------------------------------------------------ */

struct unblocking {
	struct request *request;
	uint64_t id;
	bool as_error, done;
};

static void
unblock(struct connection *connection, void *arg)
{
	struct unblocking *unblocking = arg;

	if (connection->id != unblocking->id || connection->unblock == NULL)
		return;
	connection->unblock(connection,
		unblocking->as_error ? UNBLOCK_ERROR : UNBLOCK_TIMEOUT);
	unblocking->done = true;
}

static void
reply_unblocked(void *arg)
{
	struct unblocking *unblocking = arg;

	request_reply_integer(unblocking->request, unblocking->done);
}

static void
cmd_client_unblock(struct request *request)
{
	struct unblocking *unblocking =
		request_allocate(request, sizeof(*unblocking));
	bool as_error = request_is_word(request, 3, "ERROR");
	int64_t id;

	if (request->argc > 4) {
		request_reply_error(request,
			"ERR wrong number of arguments for 'client|unblock' "
			"command");
		return;
	}
	if (request->argc == 4 && !as_error &&
		!request_is_word(request, 3, "TIMEOUT")) {
		request_reply_error(request,
			"ERR CLIENT UNBLOCK reason should be TIMEOUT or "
			"ERROR");
		return;
	}
	if (!request_read_int64(request, 2, &id))
		return;
	*unblocking =
		(struct unblocking){ request, (uint64_t)id, as_error, false };
	request->server->host->each_connection(
		request, unblock, unblocking, reply_unblocked);
}

static const struct command client_subcommands[] = {
	{
		.name = "getname",
		.summary = "Answers with the name of the connection.",
		.since = "2.6.9",
		.complexity = "O(1)",
		.group = GROUP_CONNECTION,
		.arity = 2,
		.flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_AT_ONCE,
		.categories = CATEGORY_CONNECTION,
		.run = cmd_client_getname,
	},
	{
		.name = "getredir",
		.summary =
			"Answers with the client that gets the invalidations.",
		.since = "6.0.0",
		.complexity = "O(1)",
		.group = GROUP_CONNECTION,
		.arity = 2,
		.flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_AT_ONCE,
		.categories = CATEGORY_CONNECTION,
		.state = COMMAND_PARTIAL,
		.note = "Tracking is always off.",
		.run = cmd_client_getredir,
	},
	{
		.name = "help",
		.summary = "Lists the subcommands.",
		.since = "5.0.0",
		.complexity = "O(1)",
		.group = GROUP_CONNECTION,
		.arity = 2,
		.flags = CMD_LOADING | CMD_STALE,
		.categories = CATEGORY_CONNECTION,
		.run = help_run,
	},
	{
		.name = "id",
		.summary = "Answers with the number of the connection.",
		.since = "5.0.0",
		.complexity = "O(1)",
		.group = GROUP_CONNECTION,
		.arity = 2,
		.flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_AT_ONCE,
		.categories = CATEGORY_CONNECTION,
		.run = cmd_client_id,
	},
	{
		.name = "info",
		.summary = "Describes the connection that asks.",
		.since = "6.2.0",
		.complexity = "O(1)",
		.group = GROUP_CONNECTION,
		.arity = 2,
		.flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_AT_ONCE,
		.categories = CATEGORY_CONNECTION,
		.tips = { "nondeterministic_output" },
		.run = client_run_info,
	},
	{
		.name = "kill",
		.usage =
			"filter:(ip:port:string!2.8.12 | "
			"new-format:([ID client-id:integer@2.8.12] | "
			"[TYPE normal_master_slave_pubsub:(NORMAL | "
			"MASTER@3.2.0 | SLAVE | REPLICA@5.0.0 | "
			"PUBSUB)@2.8.12] | [USER username] | "
			"[ADDR ip:port:string] | "
			"[LADDR ip:port:string@6.2.0] | [SKIPME yes/no])...)",
		.summary = "Closes the connections that match.",
		.since = "2.4.0",
		.complexity = "O(N) in the connections",
		.group = GROUP_CONNECTION,
		.arity = -3,
		.flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
		.categories = CATEGORY_CONNECTION,
		.history = {
			"2.8.12 Filters.",
			"2.8.12 The filter ID.",
			"3.2.0 TYPE master.",
			"5.0.0 TYPE replica; slave stays as its old name.",
			"6.2.0 The filter LADDR.",
		},
		.run = client_run_kill,
	},
	{
		.name = "list",
		.usage =
			"[TYPE normal_master_replica_pubsub:(NORMAL | "
			"MASTER | REPLICA | PUBSUB)@5.0.0] [ID "
			"(client-id:integer...)@6.2.0]",
		.summary = "Describes the open connections.",
		.since = "2.4.0",
		.complexity = "O(N) in the connections",
		.group = GROUP_CONNECTION,
		.arity = -2,
		.flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
		.categories = CATEGORY_CONNECTION,
		.tips = { "nondeterministic_output" },
		.history = {
			"2.8.12 The field id.",
			"5.0.0 The filter TYPE.",
			"6.0.0 The field user.",
			"6.2.0 argv-mem, tot-mem, laddr, redir; the filter ID.",
			"7.0.0 The fields resp, multi-mem, rbs and rbp.",
			"7.0.3 The field ssub.",
		},
		.run = client_run_list,
	},
	{
		.name = "no-evict",
		.usage = "enabled:(ON | OFF)",
		.summary = "Excepts the connection from client eviction.",
		.since = "7.0.0",
		.complexity = "O(1)",
		.group = GROUP_CONNECTION,
		.arity = 3,
		.flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE |
			CMD_AT_ONCE,
		.categories = CATEGORY_CONNECTION,
		.run = cmd_client_no_evict,
	},
	{
		.name = "no-touch",
		.usage = "enabled:(ON | OFF)",
		.summary = "Keeps the connection's reads from counting as use.",
		.since = "7.2.0",
		.complexity = "O(1)",
		.group = GROUP_CONNECTION,
		.arity = 3,
		.flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_AT_ONCE,
		.categories = CATEGORY_CONNECTION,
		.run = cmd_client_no_touch,
	},
	{
		.name = "pause",
		.usage = "timeout:integer mode:[WRITE | ALL]@6.2.0",
		.summary = "Holds back commands for a time.",
		.since = "2.9.50",
		.complexity = "O(1)",
		.group = GROUP_CONNECTION,
		.arity = -3,
		.flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
		.categories = CATEGORY_CONNECTION,
		.history = {
			"6.2.0 The mode WRITE.",
		},
		.run = cmd_client_pause,
	},
	{
		.name = "reply",
		.usage = "on_off_skip:(ON | OFF | SKIP)",
		.summary = "Turns the connection's replies off or on.",
		.since = "3.2.0",
		.complexity = "O(1)",
		.group = GROUP_CONNECTION,
		.arity = 3,
		.flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
		.categories = CATEGORY_CONNECTION,
		.run = cmd_client_reply,
	},
	{
		.name = "setinfo",
		.usage =
			"attr:([LIB-NAME libname] | [LIB-VER libver])",
		.summary = "Tells which library the client uses.",
		.since = "7.2.0",
		.complexity = "O(1)",
		.group = GROUP_CONNECTION,
		.arity = 4,
		.flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_AT_ONCE,
		.categories = CATEGORY_CONNECTION,
		.run = cmd_client_setinfo,
	},
	{
		.name = "setname",
		.usage = "connection-name",
		.summary = "Names the connection.",
		.since = "2.6.9",
		.complexity = "O(1)",
		.group = GROUP_CONNECTION,
		.arity = 3,
		.flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_AT_ONCE,
		.categories = CATEGORY_CONNECTION,
		.run = cmd_client_setname,
	},
	{
		.name = "trackinginfo",
		.summary = "Shows how the connection is tracked.",
		.since = "6.2.0",
		.complexity = "O(1)",
		.group = GROUP_CONNECTION,
		.arity = 2,
		.flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_AT_ONCE,
		.categories = CATEGORY_CONNECTION,
		.state = COMMAND_PARTIAL,
		.note = "Tracking is always off.",
		.run = cmd_client_trackinginfo,
	},
	{
		.name = "unblock",
		.usage = "client-id:integer timeout_error:[TIMEOUT | ERROR]",
		.summary = "Wakes a client from a blocking command.",
		.since = "5.0.0",
		.complexity = "O(log N) in the connections",
		.group = GROUP_CONNECTION,
		.arity = -3,
		.flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
		.categories = CATEGORY_CONNECTION,
		.run = cmd_client_unblock,
	},
	{
		.name = "unpause",
		.summary = "Lets paused clients go on.",
		.since = "6.2.0",
		.complexity = "O(N) in the paused clients",
		.group = GROUP_CONNECTION,
		.arity = 2,
		.flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
		.categories = CATEGORY_CONNECTION,
		.run = cmd_client_unpause,
	},
	{ 0 },
};

const struct command client_commands[] = {
	{
		.name = "client",
		.summary = "Commands about client connections.",
		.since = "2.4.0",
		.complexity = "Depends on the subcommand.",
		.group = GROUP_CONNECTION,
		.arity = -2,
		.subcommands = client_subcommands,
	},
	{ 0 },
};
