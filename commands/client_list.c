/* CLIENT INFO, LIST and KILL.
 *
 * Every worker is visited in turn, on its own thread, and leaves its part with
 * the request: lines for LIST, a count for KILL. */
#include "commands/client.h"
#include "commands/command.h"
#include "commands/connection.h"
#include "commands/host.h"
#include "commands/pubsub.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/server.h"
#include "commands/table.h"
#include "storage/base/clock.h"
#include "storage/base/memory.h"
#include "storage/base/number.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- one line -------------------------------------------------------- */

/* Redis' letters for what a connection is in (redis 7.0.15 networking.c,
 * catClientInfoString). */
static void
print_flags(const struct connection *connection,
	const struct connection_facts *facts, char flags[static 16])
{
	char *next = flags;

	if (connection->monitor)
		*next++ = 'O';
	if (connection->subscriptions != NULL)
		*next++ = 'P';
	if (facts->blocked)
		*next++ = 'b';
	if (connection->close_after_reply)
		*next++ = 'c';
	if (facts->closing)
		*next++ = 'A';
	if (facts->unix_socket)
		*next++ = 'U';
	if (connection->no_evict)
		*next++ = 'e';
	if (next == flags)
		*next++ = 'N';
	*next = '\0';
}

/* The line of one connection, with its newline; owned by the caller. */
static char *
print_line(const struct server *server, struct connection *connection)
{
	struct connection_facts facts;
	int64_t now_us = clock_monotonic_us();
	char flags[16];
	const char *command = connection->last_command == NULL ?
		"NULL" :
		command_table_full_name(
			server->commands, connection->last_command);

	server->host->describe(connection, &facts);
	print_flags(connection, &facts, flags);
	return memory_print(
		"id=%" PRIu64 " addr=%s laddr=%s fd=%d name=%s "
		"age=%" PRId64 " idle=%" PRId64
		" flags=%s db=%d sub=%d psub=%d "
		"ssub=%d multi=-1 qbuf=%zu qbuf-free=%zu argv-mem=%zu "
		"multi-mem=0 rbs=0 rbp=0 obl=0 oll=%zu omem=%zu tot-mem=%zu "
		"events=%s cmd=%s user=%s redir=-1 resp=%d\n",
		connection->id, facts.address, facts.local_address,
		facts.socket, connection->name ? connection->name : "",
		(now_us - connection->created_us) / 1000000,
		(now_us - connection->last_used_us) / 1000000, flags,
		connection->db, pubsub_subscriptions(connection, CHANNEL_PLAIN),
		pubsub_subscriptions(connection, CHANNEL_PATTERN),
		pubsub_subscriptions(connection, CHANNEL_SHARD),
		facts.query_size, facts.query_free, facts.arguments_size,
		facts.output_chunks, facts.output_size, facts.total_memory,
		facts.events, command, connection->user, connection->protocol);
}

void
client_run_info(struct request *request)
{
	char *line = print_line(request->server, request->connection);

	reply_verbatim(&request->reply, "txt", bytes_of(line));
	free(line);
	request_finish(request);
}

/* --- types ----------------------------------------------------------- */

enum client_type {
	TYPE_ANY,
	TYPE_NORMAL,
	TYPE_REPLICA,
	TYPE_MASTER,
	TYPE_PUBSUB
};

/* False when it has answered an error. */
static bool
read_type(struct request *request, int index, enum client_type *type)
{
	static const struct {
		const char *name;
		enum client_type type;
	} types[] = {
		{ "normal", TYPE_NORMAL },
		{ "slave", TYPE_REPLICA },
		{ "replica", TYPE_REPLICA },
		{ "master", TYPE_MASTER },
		{ "pubsub", TYPE_PUBSUB },
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (request_is_word(request, index, types[i].name)) {
			*type = types[i].type;
			return true;
		}
	request_reply_errorf(request, "ERR Unknown client type '%.*s'",
		(int)request->argv[index].size, request->argv[index].data);
	return false;
}

/* None is a master's or a replica's: there is no replication. */
static bool
is_of_type(const struct connection *connection, enum client_type type)
{
	return type == TYPE_ANY ||
		type ==
		(connection->subscriptions != NULL ? TYPE_PUBSUB : TYPE_NORMAL);
}

/* --- LIST ------------------------------------------------------------ */

struct line {
	uint64_t id;
	char *text;
};

struct listing {
	struct request *request;
	enum client_type type;
	const uint64_t *ids; /* NULL: all */
	size_t id_count;
	struct line *lines;
	size_t count, capacity;
};

static bool
is_listed(const struct listing *listing, uint64_t id)
{
	for (size_t i = 0; i < listing->id_count; i++)
		if (listing->ids[i] == id)
			return true;
	return listing->ids == NULL;
}

static void
add_line(struct connection *connection, void *arg)
{
	struct listing *listing = arg;

	if (!is_of_type(connection, listing->type) ||
		!is_listed(listing, connection->id))
		return;
	if (listing->count == listing->capacity) {
		listing->capacity = listing->capacity * 2 + 16;
		listing->lines = memory_resize(listing->lines,
			listing->capacity * sizeof(*listing->lines));
	}
	listing->lines[listing->count++] = (struct line){ connection->id,
		print_line(listing->request->server, connection) };
}

static int
compare_lines(const void *left, const void *right)
{
	const struct line *a = left, *b = right;

	return (a->id > b->id) - (a->id < b->id);
}

static void
reply_lines(void *arg)
{
	struct listing *listing = arg;
	size_t size = 0;
	char *text, *end;

	if (listing->count > 0)
		qsort(listing->lines, listing->count, sizeof(*listing->lines),
			compare_lines);
	for (size_t i = 0; i < listing->count; i++)
		size += strlen(listing->lines[i].text);
	text = end = memory_allocate(size + 1);
	for (size_t i = 0; i < listing->count; i++) {
		end = stpcpy(end, listing->lines[i].text);
		free(listing->lines[i].text);
	}
	free(listing->lines);
	reply_verbatim(
		&listing->request->reply, "txt", (struct bytes){ text, size });
	free(text);
	request_finish(listing->request);
}

/* The ids behind CLIENT LIST ID; NULL when it has answered an error. */
static uint64_t *
read_ids(struct request *request)
{
	uint64_t *ids =
		request_allocate(request, (size_t)request->argc * sizeof(*ids));
	int64_t id;

	for (int i = 3; i < request->argc; i++) {
		if (!request_read_int64_or(
			    request, i, &id, "ERR Invalid client ID"))
			return NULL;
		ids[i - 3] = (uint64_t)id;
	}
	return ids;
}

void
client_run_list(struct request *request)
{
	struct listing *listing = request_allocate(request, sizeof(*listing));

	*listing = (struct listing){ .request = request };
	if (request->argc == 4 && request_is_word(request, 2, "TYPE")) {
		if (!read_type(request, 3, &listing->type))
			return;
	} else if (request->argc > 3 && request_is_word(request, 2, "ID")) {
		listing->ids = read_ids(request);
		listing->id_count = (size_t)request->argc - 3;
		if (listing->ids == NULL)
			return;
	} else if (request->argc != 2) {
		request_reply_syntax_error(request);
		return;
	}
	request->server->host->each_connection(
		request, add_line, listing, reply_lines);
}

/* --- KILL ------------------------------------------------------------ */

struct killing {
	struct request *request;
	bool old_form, skip_me;
	struct bytes address, local_address; /* data NULL: any */
	enum client_type type;
	uint64_t id; /* 0: any */
	int64_t killed;
};

static bool
is_address(struct bytes wanted, const char *address)
{
	return wanted.data == NULL || bytes_equal(wanted, bytes_of(address));
}

static void
kill_if_matching(struct connection *connection, void *arg)
{
	struct killing *killing = arg;
	const struct host *host = killing->request->server->host;
	struct connection_facts facts;
	bool me = connection == killing->request->connection;

	host->describe(connection, &facts);
	if (!is_address(killing->address, facts.address) ||
		!is_address(killing->local_address, facts.local_address) ||
		!is_of_type(connection, killing->type) ||
		(killing->id != 0 && killing->id != connection->id) ||
		(me && killing->skip_me))
		return;
	killing->killed++;
	/* The one who asks still gets the answer. */
	if (me)
		connection->close_after_reply = true;
	else
		host->close(connection, false);
}

static void
reply_killed(void *arg)
{
	struct killing *killing = arg;

	if (!killing->old_form)
		request_reply_integer(killing->request, killing->killed);
	else if (killing->killed == 0)
		request_reply_error(killing->request, "ERR No such client");
	else
		request_reply_ok(killing->request);
}

static bool
read_id(struct request *request, int index, uint64_t *id)
{
	static const char error[] = "ERR client-id should be greater than 0";
	int64_t value;

	if (!request_read_int64_or(request, index, &value, error))
		return false;
	if (value < 1) {
		request_reply_error(request, error);
		return false;
	}
	*id = (uint64_t)value;
	return true;
}

/* One filter and its value; false when it has answered an error. */
static bool
read_filter(struct killing *killing, int index)
{
	struct request *request = killing->request;
	struct bytes value = request->argv[index + 1];

	if (request_is_word(request, index, "ID"))
		return read_id(request, index + 1, &killing->id);
	if (request_is_word(request, index, "TYPE"))
		return read_type(request, index + 1, &killing->type);
	if (request_is_word(request, index, "ADDR")) {
		killing->address = value;
		return true;
	}
	if (request_is_word(request, index, "LADDR")) {
		killing->local_address = value;
		return true;
	}
	if (request_is_word(request, index, "USER")) {
		if (bytes_equal(value, bytes_of("default")))
			return true;
		request_reply_errorf(request, "ERR No such user '%.*s'",
			(int)value.size, value.data);
		return false;
	}
	if (request_is_word(request, index, "SKIPME") &&
		(bytes_is_word(value, "yes") || bytes_is_word(value, "no"))) {
		killing->skip_me = bytes_is_word(value, "yes");
		return true;
	}
	request_reply_syntax_error(request);
	return false;
}

void
client_run_kill(struct request *request)
{
	struct killing *killing = request_allocate(request, sizeof(*killing));

	*killing = (struct killing){ .request = request, .skip_me = true };
	if (request->argc == 3) {
		killing->old_form = true;
		killing->skip_me = false;
		killing->address = request->argv[2];
	} else {
		for (int i = 2; i < request->argc; i += 2) {
			if (i + 1 == request->argc) {
				request_reply_syntax_error(request);
				return;
			}
			if (!read_filter(killing, i))
				return;
		}
	}
	request->server->host->each_connection(
		request, kill_if_matching, killing, reply_killed);
}
