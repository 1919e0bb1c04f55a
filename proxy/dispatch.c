/* Checks, ordering and accounting of commands; see dispatch.h.
 *
 * Ordering.  A client's commands on single keys run side by side: a key's
 * lane keeps their order.  A snapshot read of several keys waits for the
 * client's writes, and they for it; a write to several keys runs on the joint
 * lane, beside its like only; everything else runs alone.  So a client's later
 * command sees its earlier ones, pipelined or not.
 *
 * Who waits for what a command adds is served before the client's next command:
 * in the key's lane, behind the addition, or else the command runs alone. */
#include "proxy/dispatch.h"

#include "commands/authentication.h"
#include "commands/blocking.h"
#include "commands/command.h"
#include "commands/counters.h"
#include "commands/errors.h"
#include "commands/request.h"
#include "commands/server.h"
#include "commands/table.h"
#include "proxy/client.h"
#include "proxy/monitor.h"
#include "proxy/pause.h"
#include "proxy/worker.h"
#include "storage/base/clock.h"
#include "storage/base/settings.h"
#include "storage/call.h"
#include "storage/store.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	SHOWN_NAME_MAX = 128, /* of an unknown command */
	SHOWN_ARGUMENTS_MAX = 128,
	REFUSAL_SIZE = 512,
	KEYS_COUNTED_MAX = 4,
};

static void __attribute__((format(printf, 2, 3)))
refuse(struct request *request, const char *format, ...)
{
	char *text = request_allocate(request, REFUSAL_SIZE);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, REFUSAL_SIZE, format, arguments);
	va_end(arguments);
	request->refusal = text;
}

static int
shown_size(struct bytes text, int most)
{
	return (int)(text.size < (size_t)most ? text.size : (size_t)most);
}

static void
refuse_unknown(struct request *request)
{
	char shown[REFUSAL_SIZE] = "";
	int size = 0;

	for (int i = 1; i < request->argc && size < SHOWN_ARGUMENTS_MAX; i++)
		size += snprintf(shown + size, sizeof(shown) - (size_t)size,
			"'%.*s' ",
			shown_size(
				request->argv[i], SHOWN_ARGUMENTS_MAX - size),
			request->argv[i].data);
	refuse(request,
		"ERR unknown command '%.*s', with args beginning with: %s",
		shown_size(request->argv[0], SHOWN_NAME_MAX),
		request->argv[0].data, shown);
}

static void
find_command(const struct command_table *table, struct request *request)
{
	const struct command *command = command_table_find(
				     table, request->argv[0]),
			     *sub;

	if (command == NULL) {
		refuse_unknown(request);
		return;
	}
	request->command = command;
	if (command->subcommands == NULL || request->argc < 2)
		return;
	sub = command_table_find_subcommand(table, command, request->argv[1]);
	if (sub != NULL)
		request->command = sub;
	else
		refuse(request, "ERR unknown subcommand '%.*s'. Try %s HELP.",
			shown_size(request->argv[1], SHOWN_NAME_MAX),
			request->argv[1].data,
			command_table_upper_name(table, command));
}

static void
check_arity(const struct command_table *table, struct request *request)
{
	const struct command *command = request->command;
	bool fits = command->arity < 0 ? request->argc >= -command->arity :
					 request->argc == command->arity;

	if (request->refusal == NULL && (!fits || command->run == NULL))
		refuse(request,
			"ERR wrong number of arguments for '%s' command",
			command_table_full_name(table, command));
}

static bool
is_out_of_memory(const struct server *server)
{
	int64_t limit = settings_get(server->settings, maxmemory);

	return limit > 0 &&
		atomic_load_explicit(
			&server->used_memory, memory_order_relaxed) > limit;
}

static void
check_permission(const struct client *client, struct request *request)
{
	uint32_t flags = request->command->flags;

	if (request->refusal != NULL)
		return;
	if (!(flags & CMD_NO_AUTH) &&
		authentication_is_missing(
			request->server->settings, &client->connection))
		request->refusal = ERROR_NO_AUTH;
	else if ((flags & CMD_DENYOOM) && is_out_of_memory(request->server))
		request->refusal = ERROR_OOM;
	else if (!(flags & CMD_WHILE_SUBSCRIBED) &&
		client->connection.subscriptions != NULL &&
		client->connection.protocol == 2)
		refuse(request,
			"ERR Can't execute '%s': only (P|S)SUBSCRIBE / "
			"(P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in "
			"this context",
			command_table_full_name(
				request->server->commands, request->command));
}

/* How many keys the arguments name, or names of something else that go to lanes
 * as keys do; the indices of the first of them go to `indices`. */
static int
find_keys(const struct request *request, int indices[static KEYS_COUNTED_MAX])
{
	const struct key_spec *spec = &request->command->keys[0];

	indices[0] = spec->index;
	if ((spec->access & KEY_NOT_KEY) && spec->last_key < 0) {
		for (int i = 1; i < KEYS_COUNTED_MAX; i++)
			indices[i] = spec->index + i;
		return request->argc - spec->index;
	}

	if (spec->begin == KEY_BEGIN_INDEX && spec->find == KEY_FIND_RANGE &&
		spec->last_key == 0 &&
		request->command->keys[1].begin == KEY_BEGIN_NONE)
		return 1;
	return command_find_keys(request->command, request->argv, request->argc,
		indices, NULL, KEYS_COUNTED_MAX);
}

static enum blocking_awaited
find_awaited(const struct client *client, const struct request *request,
	const int *indices)
{
	enum blocking_awaited most = AWAITED_BY_NOBODY;

	for (int i = 0; i < request->key_count && i < KEYS_COUNTED_MAX; i++) {
		enum blocking_awaited awaited = blocking_find_awaited(
			request->server->blocking, request->store,
			client->connection.db, request->argv[indices[i]]);

		if (awaited > most)
			most = awaited;
	}
	return most;
}

/* The client's later commands must find those served who wait for what this
 * one adds. */
static bool
holds_back(const struct client *client, const struct request *request,
	const int *indices)
{
	enum blocking_awaited awaited = find_awaited(client, request, indices);

	return awaited == AWAITED ||
		(awaited == AWAITED_IN_LANE &&
			(request->route != ROUTE_KEY ||
				request->key_count != 1));
}

static bool
use_single_lane(struct request *request)
{
	request->single_lane =
		storage_use_single_lane(request->server->storage);
	return request->single_lane;
}

static void
choose_track(const struct client *client, struct request *request)
{
	uint32_t flags = request->command->flags;
	int indices[KEYS_COUNTED_MAX];

	request->route = ROUTE_KEY;
	if (flags & CMD_AT_ONCE) {
		request->track = TRACK_FREE;
		return;
	}
	request->track = TRACK_ALONE;
	request->key_count = find_keys(request, indices);
	if (request->key_count > 1 && (flags & CMD_WRITE))
		request->route = ROUTE_JOINT;
	if (!(flags & CMD_LANE))
		return;
	/* One lane keeps the order of all that goes through it. */
	if (flags & CMD_LISTING)
		request->track = TRACK_READ_MANY;
	else if (request->key_count <= 1 || use_single_lane(request))
		request->track = flags & CMD_WRITE ? TRACK_WRITE : TRACK_READ;
	else
		request->track =
			flags & CMD_WRITE ? TRACK_JOINT : TRACK_READ_MANY;
	if ((flags & CMD_WAKES) && holds_back(client, request, indices))
		request->track = TRACK_ALONE;
}

/* Those who wait for what the command adds to its only key may be served in
 * its own batch. */
static struct addition *
expect_addition(struct request *request)
{
	int indices[KEYS_COUNTED_MAX];

	if (!(request->command->flags & CMD_WAKES) ||
		!(request->command->flags & CMD_LANE) ||
		request->route != ROUTE_KEY || request->key_count != 1)
		return NULL;
	find_keys(request, indices);
	return blocking_expect(request, request->argv[indices[0]]);
}

void
dispatch_prepare(struct client *client, struct request *request)
{
	struct worker *worker = client->worker;

	request->connection = &client->connection;
	request->server = worker->server;
	request->store = worker->store;
	request->counters = worker->counters;
	request->track = TRACK_FREE;
	request->refusal = NULL;
	find_command(worker->server->commands, request);
	if (request->command == NULL)
		return;
	check_arity(worker->server->commands, request);
	if (request->refusal == NULL)
		choose_track(client, request);
}

bool
dispatch_may_start(struct client *client, const struct request *request)
{
	const int *tracks = client->tracks;

	if (tracks[TRACK_ALONE] > 0)
		return false;
	if (pause_holds(client, request))
		return false;
	switch ((enum track)request->track) {
	case TRACK_FREE:
		return true;
	case TRACK_READ:
		return tracks[TRACK_JOINT] == 0;
	case TRACK_WRITE:
		return tracks[TRACK_JOINT] + tracks[TRACK_READ_MANY] == 0;
	case TRACK_READ_MANY:
		return tracks[TRACK_JOINT] + tracks[TRACK_WRITE] == 0;
	case TRACK_JOINT:
		return tracks[TRACK_READ] + tracks[TRACK_WRITE] +
			tracks[TRACK_READ_MANY] ==
			0;
	default:
		return client->in_flight == 0;
	}
}

void
dispatch_start(struct client *client, struct request *request)
{
	struct connection *connection = &client->connection;
	struct blocking *blocking = request->server->blocking;
	struct addition *addition;
	struct monitor_line *line;

	/* As they are now: an earlier command may have changed them. */
	request->db = connection->db;
	request->reply.protocol = connection->protocol;
	request->started_us = clock_monotonic_us();
	connection->commands++;
	if (request->command == NULL) { /* unknown, thus refused */
		request_reply_error(request, request->refusal);
		return;
	}
	check_permission(client, request);
	if (request->refusal != NULL) {
		counter_add(request->counters
				    ->commands_by_index[command_table_index(
					    request->server->commands,
					    request->command)]
				    .rejected,
			1);
		request_reply_error(request, request->refusal);
		return;
	}
	connection->last_command = request->command;
	line = monitor_line_new(request);
	addition = expect_addition(request);
	request->command->run(request);
	blocking_expected(blocking, addition);
	monitor_show(client->worker, line);
}
