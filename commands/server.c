/* Commands about the process as a whole: ROLE, TIME, SAVE, SHUTDOWN…
 *
 * What Redis saves to a file is already in PostgreSQL here, whose log has
 * every acknowledged write; SAVE and its like ask it for a checkpoint, which
 * makes a later crash recovery shorter. */
#include "commands/server.h"

#include "commands/command.h"
#include "commands/connection.h"
#include "commands/families.h"
#include "commands/host.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/statistics.h"
#include "storage/base/clock.h"
#include "storage/base/log.h"
#include "storage/call.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
cmd_time(struct request *request)
{
	int64_t now_us = clock_wall_us();

	reply_array(&request->reply, 2);
	reply_bulk_integer(&request->reply, now_us / 1000000);
	reply_bulk_integer(&request->reply, now_us % 1000000);
	request_finish(request);
}

static void
cmd_role(struct request *request)
{
	reply_array(&request->reply, 3);
	reply_bulk_text(&request->reply, "master");
	reply_integer(&request->reply, 0);
	reply_array(&request->reply, 0);
	request_finish(request);
}

static void
cmd_monitor(struct request *request)
{
	request->server->host->set_monitor(request->connection, true);
	request_reply_ok(request);
}

/* --- saving ---------------------------------------------------------- */

static void
note_save(struct server *server, const struct result *result)
{
	if (result->status != STORE_OK) {
		log_event(LOG_WARNING, "checkpoint failed", "error",
			log_text(result->error), NULL);
		return;
	}
	atomic_store(&server->last_save_s, clock_wall_us() / 1000000);
	atomic_store(
		&server->writes_at_last_save, statistics_sum(server).writes);
	atomic_fetch_add(&server->saves, 1);
}

static void
start_checkpoint(struct request *request, call_done done, void *arg)
{
	call_send_route(call_new(request->store, SQL_checkpoint, done, arg),
		ROUTE_BULK, request->db);
}

static void
reply_saved(void *arg, const struct result *result)
{
	struct request *request = arg;

	note_save(request->server, result);
	/* 42501: insufficient_privilege. */
	if (result->status == STORE_ERROR &&
		strcmp(result->sqlstate, "42501") == 0)
		request_reply_error(request,
			"ERR the database role may not run CHECKPOINT; every "
			"acknowledged write is already in PostgreSQL's log");
	else if (!request_failed(request, result))
		request_reply_ok(request);
}

static void
cmd_save(struct request *request)
{
	start_checkpoint(request, reply_saved, request);
}

static void
end_background_save(void *arg, const struct result *result)
{
	struct server *server = arg;

	note_save(server, result);
	atomic_fetch_sub(&server->saves_running, 1);
}

static void
save_in_background(struct request *request, const char *answer)
{
	struct server *server = request->server;

	atomic_fetch_add(&server->saves_running, 1);
	start_checkpoint(request, end_background_save, server);
	reply_simple(&request->reply, answer);
	request_finish(request);
}

static void
cmd_bgsave(struct request *request)
{
	if (request->argc > 2 ||
		(request->argc == 2 &&
			!request_is_word(request, 1, "SCHEDULE")))
		request_reply_syntax_error(request);
	else if (atomic_load(&request->server->saves_running) > 0)
		request_reply_error(
			request, "ERR Background save already in progress");
	else
		save_in_background(request, "Background saving started");
}

static void
cmd_bgrewriteaof(struct request *request)
{
	save_in_background(
		request, "Background append only file rewriting started");
}

static void
cmd_lastsave(struct request *request)
{
	request_reply_integer(
		request, atomic_load(&request->server->last_save_s));
}

/* --- SHUTDOWN -------------------------------------------------------- */

static void
cmd_shutdown(struct request *request)
{
	struct server *server = request->server;
	bool abort_it = false, save = false, no_save = false, others = false;

	for (int i = 1; i < request->argc; i++) {
		if (request_is_word(request, i, "SAVE")) {
			save = true;
		} else if (request_is_word(request, i, "NOSAVE")) {
			no_save = true;
		} else if (request_is_word(request, i, "NOW") ||
			request_is_word(request, i, "FORCE")) {
			others = true;
		} else if (request_is_word(request, i, "ABORT")) {
			abort_it = true;
		} else {
			request_reply_syntax_error(request);
			return;
		}
	}
	if ((save && no_save) || (abort_it && (save || no_save || others))) {
		request_reply_syntax_error(request);
		return;
	}
	if (abort_it) {
		request_reply_error(request, "ERR No shutdown in progress.");
		return;
	}
	log_event(LOG_WARNING, "shutdown requested by a client", "client",
		log_int((long long)request->connection->id), NULL);
	/* The answer to a shutdown is the end of the connection. */
	server->host->close(request->connection, false);
	server->shutdown(server);
	request_finish(request);
}

/* --- LOLWUT ---------------------------------------------------------- */

enum {
	PICTURE_COLUMNS = 60,
	PICTURE_ROWS = 12,
	PICTURE_COLUMNS_MAX = 200,
	PICTURE_ROWS_MAX = 100,
};

static bool
read_picture_size(struct request *request, int index, int most, int64_t *size)
{
	if (index >= request->argc)
		return true;
	if (!request_read_int64(request, index, size))
		return false;
	if (*size < 1)
		*size = 1;
	if (*size > most)
		*size = most;
	return true;
}

/* A maze of slashes, another one each second. */
static void
cmd_lolwut(struct request *request)
{
	bool versioned = request_is_word(request, 1, "VERSION");
	int first = versioned ? 3 : 1;
	int64_t version, columns = PICTURE_COLUMNS, rows = PICTURE_ROWS;
	unsigned seed = (unsigned)(clock_wall_us() / 1000000);
	char *picture, *next;

	if (versioned && request->argc > 2 &&
		!request_read_int64(request, 2, &version))
		return;
	if (!read_picture_size(request, first, PICTURE_COLUMNS_MAX, &columns) ||
		!read_picture_size(request, first + 1, PICTURE_ROWS_MAX, &rows))
		return;
	picture =
		request_allocate(request, (size_t)((columns + 1) * rows) + 80);
	next = picture;
	for (int64_t row = 0; row < rows; row++) {
		for (int64_t column = 0; column < columns; column++)
			*next++ = rand_r(&seed) & 0x100 ? '/' : '\\';
		*next++ = '\n';
	}
	next += sprintf(next, "\nrespgres %s, as Redis ver. %s\n",
		SERVER_VERSION, SERVER_REDIS_VERSION);
	reply_verbatim(&request->reply, "txt",
		(struct bytes){ picture, (size_t)(next - picture) });
	request_finish(request);
}

const struct command server_commands[] = {
	{
		.name = "bgrewriteaof",
		.summary = "Rewrites the append-only file in the background.",
		.since = "1.0.0",
		.complexity = "O(1)",
		.group = GROUP_SERVER,
		.arity = 1,
		.flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_NO_ASYNC_LOADING,
		.state = COMMAND_PARTIAL,
		.note = "Runs CHECKPOINT: PostgreSQL's log has every write.",
		.run = cmd_bgrewriteaof,
	},
	{
		.name = "bgsave",
		.usage = "[SCHEDULE@3.2.2]",
		.summary = "Saves the data in the background.",
		.since = "1.0.0",
		.complexity = "O(1)",
		.group = GROUP_SERVER,
		.arity = -1,
		.flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_NO_ASYNC_LOADING,
		.history = {
			"3.2.2 SCHEDULE.",
		},
		.state = COMMAND_PARTIAL,
		.note = "Runs CHECKPOINT; there is no dump file.",
		.run = cmd_bgsave,
	},
	{
		.name = "lastsave",
		.summary = "Tells when the data were last saved, as Unix time.",
		.since = "1.0.0",
		.complexity = "O(1)",
		.group = GROUP_SERVER,
		.arity = 1,
		.flags = CMD_LOADING | CMD_STALE | CMD_FAST | CMD_AT_ONCE,
		.categories = CATEGORY_ADMIN | CATEGORY_DANGEROUS,
		.tips = { "nondeterministic_output" },
		.state = COMMAND_PARTIAL,
		.note = "The last checkpoint asked for, or the start.",
		.run = cmd_lastsave,
	},
	{
		.name = "lolwut",
		.usage = "[VERSION version:integer]",
		.summary = "Draws a picture and tells the version.",
		.since = "5.0.0",
		.group = GROUP_SERVER,
		.arity = -1,
		.flags = CMD_READONLY | CMD_FAST,
		.state = COMMAND_PARTIAL,
		.note = "A picture of our own.",
		.run = cmd_lolwut,
	},
	{
		.name = "monitor",
		.summary = "Shows every command as the server runs it.",
		.since = "1.0.0",
		.group = GROUP_SERVER,
		.arity = 1,
		.flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
		.run = cmd_monitor,
	},
	{
		.name = "role",
		.summary = "Tells the server's part in replication.",
		.since = "2.8.12",
		.complexity = "O(1)",
		.group = GROUP_SERVER,
		.arity = 1,
		.flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST |
			CMD_AT_ONCE,
		.categories = CATEGORY_ADMIN | CATEGORY_DANGEROUS,
		.state = COMMAND_PARTIAL,
		.note = "Always master: instances share one PostgreSQL.",
		.run = cmd_role,
	},
	{
		.name = "save",
		.summary = "Saves the data and waits for it.",
		.since = "1.0.0",
		.complexity = "O(N) in all keys",
		.group = GROUP_SERVER,
		.arity = 1,
		.flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_NO_ASYNC_LOADING |
			CMD_NO_MULTI,
		.state = COMMAND_PARTIAL,
		.note = 
			"Runs CHECKPOINT, which the database role must be "
			"allowed to do.",
		.run = cmd_save,
	},
	{
		.name = "shutdown",
		.usage =
			"nosave_save:[NOSAVE | SAVE] [NOW@7.0.0] "
			"[FORCE@7.0.0] [ABORT@7.0.0]",
		.summary = "Ends the server.",
		.since = "1.0.0",
		.complexity = "O(N) in all keys when it saves, else O(1)",
		.group = GROUP_SERVER,
		.arity = -1,
		.flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE |
			CMD_NO_MULTI | CMD_ALLOW_BUSY,
		.history = {
			"7.0.0 NOW, FORCE and ABORT.",
		},
		.state = COMMAND_PARTIAL,
		.note = 
			"All forms end the process once commands under way "
			"are answered; nothing needs saving.",
		.run = cmd_shutdown,
	},
	{
		.name = "time",
		.summary = "Answers with the server's time.",
		.since = "2.6.0",
		.complexity = "O(1)",
		.group = GROUP_SERVER,
		.arity = 1,
		.flags = CMD_LOADING | CMD_STALE | CMD_FAST | CMD_AT_ONCE,
		.tips = { "nondeterministic_output" },
		.run = cmd_time,
	},
	{ 0 },
};
