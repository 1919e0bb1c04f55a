/* Commands about the sender's own connection: AUTH, HELLO, SELECT…
 *
 * Most of them touch nothing but struct connection and start at once, beside
 * the connection's commands under way: what those need of it was copied into
 * their requests when they started. */
#include "commands/connection.h"

#include "commands/authentication.h"
#include "commands/client_name.h"
#include "commands/command.h"
#include "commands/errors.h"
#include "commands/families.h"
#include "commands/host.h"
#include "commands/pubsub.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/server.h"
#include "storage/base/number.h"
#include "storage/base/settings.h"
#include "storage/store.h"

#include <limits.h>
#include <stdlib.h>

static void
cmd_auth(struct request *request)
{
	const char *password =
		settings_get_text(request->server->settings, requirepass);
	bool named = request->argc == 3;

	if (request->argc > 3) {
		request_reply_syntax_error(request);
		return;
	}
	if (!named && *password == '\0') {
		request_reply_error(request,
			"ERR AUTH <password> called without any password "
			"configured for the default user. Are you sure your "
			"configuration is correct?");
		return;
	}
	if (authentication_try(request,
		    named ? request->argv[1] : bytes_of("default"),
		    request->argv[named ? 2 : 1]))
		request_reply_ok(request);
	else
		request_reply_error(request, ERROR_WRONG_PASSWORD);
}

static void
cmd_echo(struct request *request)
{
	request_reply_bulk(request, request->argv[1]);
}

/* --- HELLO ----------------------------------------------------------- */

/* The options behind the version; false when it has answered an error. */
static bool
read_hello_options(struct request *request)
{
	struct bytes *argv = request->argv;
	int i = 2;

	while (i < request->argc) {
		int left = request->argc - 1 - i;

		if (request_is_word(request, i, "AUTH") && left >= 2) {
			if (!authentication_try(
				    request, argv[i + 1], argv[i + 2])) {
				request_reply_error(
					request, ERROR_WRONG_PASSWORD);
				return false;
			}
			i += 3;
		} else if (request_is_word(request, i, "SETNAME") && left) {
			if (!client_name_set(
				    &request->connection->name, argv[i + 1])) {
				request_reply_error(request, ERROR_CLIENT_NAME);
				return false;
			}
			i += 2;
		} else {
			request_reply_errorf(request,
				"ERR Syntax error in HELLO option '%.*s'",
				(int)argv[i].size, argv[i].data);
			return false;
		}
	}
	return true;
}

static void
reply_hello(struct request *request)
{
	struct reply *reply = &request->reply;

	reply_map(reply, 7);
	reply_bulk_text(reply, "server");
	reply_bulk_text(reply, "redis");
	reply_bulk_text(reply, "version");
	reply_bulk_text(reply, SERVER_REDIS_VERSION);
	reply_bulk_text(reply, "proto");
	reply_integer(reply, request->connection->protocol);
	reply_bulk_text(reply, "id");
	reply_integer(reply, (int64_t)request->connection->id);
	reply_bulk_text(reply, "mode");
	reply_bulk_text(reply,
		settings_get(request->server->settings, cluster_enabled) ?
			"cluster" :
			"standalone");
	reply_bulk_text(reply, "role");
	reply_bulk_text(reply, "master");
	reply_bulk_text(reply, "modules");
	reply_array(reply, 0);
	request_finish(request);
}

static void
cmd_hello(struct request *request)
{
	struct connection *connection = request->connection;
	int64_t version = 0;

	if (request->argc > 1 &&
		!request_read_int64_or(request, 1, &version,
			"ERR Protocol version is not an integer or out of "
			"range"))
		return;
	if (request->argc > 1 && (version < 2 || version > 3)) {
		request_reply_error(
			request, "NOPROTO unsupported protocol version");
		return;
	}
	if (!read_hello_options(request))
		return;
	if (authentication_is_missing(request->server->settings, connection)) {
		request_reply_error(request,
			"NOAUTH HELLO must be called with the client already "
			"authenticated, otherwise the HELLO AUTH <user> "
			"<pass> option can be used to authenticate the client "
			"and select the RESP protocol version at the same "
			"time");
		return;
	}
	if (version != 0)
		connection->protocol = (int)version;
	request->reply.protocol = connection->protocol;
	reply_hello(request);
}

/* --- the others ------------------------------------------------------ */

/* Where only messages are expected, PONG looks like one. */
static void
reply_pong_message(struct request *request)
{
	struct reply *reply = &request->reply;

	reply_array(reply, 2);
	reply_bulk_text(reply, "pong");
	if (request->argc == 2)
		reply_bulk(reply, request->argv[1]);
	else
		reply_bulk_text(reply, "");
	request_finish(request);
}

static void
cmd_ping(struct request *request)
{
	const struct connection *connection = request->connection;

	if (request->argc > 2) {
		request_reply_error(request,
			"ERR wrong number of arguments for 'ping' command");
		return;
	}
	if (connection->subscriptions != NULL && connection->protocol == 2) {
		reply_pong_message(request);
		return;
	}
	if (request->argc == 2) {
		request_reply_bulk(request, request->argv[1]);
		return;
	}
	reply_simple(&request->reply, "PONG");
	request_finish(request);
}

static void
cmd_quit(struct request *request)
{
	request->connection->close_after_reply = true;
	request_reply_ok(request);
}

static void
cmd_reset(struct request *request)
{
	struct connection *connection = request->connection;

	request->server->host->set_monitor(connection, false);
	pubsub_leave(request->server->pubsub, connection);
	free(connection->name);
	connection->name = NULL;
	connection->db = 0;
	connection->protocol = 2;
	connection->reply_mode = REPLY_ON;
	connection->no_evict = connection->no_touch = false;
	connection->user = "default";
	connection->authenticated =
		*settings_get_text(request->server->settings, requirepass) ==
		'\0';
	request->reply.protocol = 2;
	reply_simple(&request->reply, "RESET");
	request_finish(request);
}

static void
cmd_select(struct request *request)
{
	int64_t db;

	if (!request_read_int64(request, 1, &db))
		return;
	if (db < INT_MIN || db > INT_MAX) {
		request_reply_errorf(request,
			"ERR value is out of range, value must between %d and "
			"%d",
			INT_MIN, INT_MAX);
		return;
	}
	if (db < 0 ||
		db >= storage_options(request->server->storage)->databases) {
		request_reply_error(request, ERROR_DB_INDEX);
		return;
	}
	request->connection->db = (int)db;
	request_reply_ok(request);
}

const struct command connection_commands[] = {
	{
		.name = "auth",
		.usage = "[username@6.0.0] password",
		.summary = "Logs the connection in.",
		.since = "1.0.0",
		.complexity = "O(N) in the passwords of the user",
		.group = GROUP_CONNECTION,
		.arity = -2,
		.flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST |
			CMD_NO_AUTH | CMD_ALLOW_BUSY | CMD_AT_ONCE,
		.categories = CATEGORY_CONNECTION,
		.history = {
			"6.0.0 A user name before the password.",
		},
		.run = cmd_auth,
	},
	{
		.name = "echo",
		.usage = "message",
		.summary = "Answers with its argument.",
		.since = "1.0.0",
		.complexity = "O(1)",
		.group = GROUP_CONNECTION,
		.arity = 2,
		.flags = CMD_LOADING | CMD_STALE | CMD_FAST | CMD_AT_ONCE,
		.categories = CATEGORY_CONNECTION,
		.run = cmd_echo,
	},
	{
		.name = "hello",
		.usage =
			"arguments:[protover:integer "
			"[AUTH username_password:(username password)] "
			"[SETNAME clientname]]",
		.summary =
			"Chooses the protocol version and describes the "
			"server.",
		.since = "6.0.0",
		.complexity = "O(1)",
		.group = GROUP_CONNECTION,
		.arity = -1,
		.flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST |
			CMD_NO_AUTH | CMD_ALLOW_BUSY | CMD_AT_ONCE,
		.categories = CATEGORY_CONNECTION,
		.history = {
			"6.2.0 The version may be left out.",
		},
		.run = cmd_hello,
	},
	{
		.name = "ping",
		.usage = "[message]",
		.summary = "Answers PONG, or its argument.",
		.since = "1.0.0",
		.complexity = "O(1)",
		.group = GROUP_CONNECTION,
		.arity = -1,
		.flags = CMD_FAST | CMD_AT_ONCE | CMD_WHILE_SUBSCRIBED,
		.categories = CATEGORY_CONNECTION,
		.tips = {
			"request_policy:all_shards",
			"response_policy:all_succeeded",
		},
		.run = cmd_ping,
	},
	{
		.name = "quit",
		.summary = "Closes the connection.",
		.since = "1.0.0",
		.complexity = "O(1)",
		.group = GROUP_CONNECTION,
		.arity = -1,
		.flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST |
			CMD_NO_AUTH | CMD_ALLOW_BUSY | CMD_WHILE_SUBSCRIBED | CMD_AT_ONCE,
		.categories = CATEGORY_CONNECTION,
		.run = cmd_quit,
	},
	{
		.name = "reset",
		.summary =
			"Puts the connection back into the state it began "
			"with.",
		.since = "6.2.0",
		.complexity = "O(1)",
		.group = GROUP_CONNECTION,
		.arity = 1,
		.flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST |
			CMD_NO_AUTH | CMD_ALLOW_BUSY | CMD_WHILE_SUBSCRIBED,
		.categories = CATEGORY_CONNECTION,
		.run = cmd_reset,
	},
	{
		.name = "select",
		.usage = "index:integer",
		.summary = "Changes the database of the connection.",
		.since = "1.0.0",
		.complexity = "O(1)",
		.group = GROUP_CONNECTION,
		.arity = 2,
		.flags = CMD_LOADING | CMD_STALE | CMD_FAST | CMD_AT_ONCE,
		.categories = CATEGORY_CONNECTION,
		.run = cmd_select,
	},
	{ 0 },
};
