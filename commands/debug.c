/* DEBUG: what tests and the curious need of the server's inside.
 *
 * A subcommand that only makes sense for Redis' data structures in memory is
 * not here, and answers as an unknown one.  Those that tune when Redis' own
 * background work runs or how it lays out a value are accepted without effect:
 * test suites send them before tests whose subject works here as well. */
#include "commands/debug.h"

#include "commands/command.h"
#include "commands/connection.h"
#include "commands/families.h"
#include "commands/host.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/server.h"
#include "storage/base/glob.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/base/number.h"
#include "storage/base/settings.h"

#include <stdlib.h>
#include <string.h>

struct subcommand {
	const char *name;
	const char *help;
	int least, most; /* arguments, as argc */
	void (*run)(struct request *request);
};

static void run_help(struct request *request);

static void
reply_unknown(struct request *request)
{
	struct bytes name = request->argv[1];

	request_reply_errorf(request,
		"ERR unknown subcommand or wrong number of arguments for "
		"'%.*s'. Try DEBUG HELP.",
		(int)(name.size < 128 ? name.size : 128), name.data);
}

static void
run_change_replication_id(struct request *request)
{
	atomic_fetch_add(&request->server->replication_id_changes, 1);
	request_reply_ok(request);
}

static void
run_client_eviction(struct request *request)
{
	request_reply_error(request, "ERR maxmemory-clients is disabled.");
}

static void
run_config_rewrite(struct request *request)
{
	char *error = NULL;

	if (settings_rewrite(request->server->settings, true, &error)) {
		request_reply_ok(request);
		return;
	}
	request_reply_error(request, error);
	free(error);
}

static void
run_error(struct request *request)
{
	request_reply_error(
		request, request_copy_text(request, request->argv[2]));
}

static void
run_log(struct request *request)
{
	log_event(LOG_WARNING, "DEBUG LOG", "text",
		log_text(request_copy_text(request, request->argv[2])), NULL);
	request_reply_ok(request);
}

static void
run_without_effect(struct request *request)
{
	request_reply_ok(request);
}

static void
run_packed_threshold(struct request *request)
{
	uint64_t size;

	if (!number_parse_memory(request->argv[2], &size) ||
		size > (uint64_t)1 << 32) {
		request_reply_error(request,
			"ERR argument must be a memory value bigger than 1 "
			"and smaller than 4gb");
		return;
	}
	request_reply_ok(request);
}

static void
run_reply_buffer(struct request *request)
{
	if (request_is_word(request, 2, "PEAK-RESET-TIME") ||
		request_is_word(request, 2, "RESIZING"))
		request_reply_ok(request);
	else
		reply_unknown(request);
}

static void
run_set_active_expire(struct request *request)
{
	atomic_store(&request->server->sweeping,
		atoi(request_copy_text(request, request->argv[2])) != 0);
	request_reply_ok(request);
}

static void
run_set_disable_deny_scripts(struct request *request)
{
	atomic_store(&request->server->scripts_may_all,
		atoi(request_copy_text(request, request->argv[2])) != 0);
	request_reply_ok(request);
}

static void
run_set_skip_checksums(struct request *request)
{
	atomic_store(&request->server->ignore_checksums,
		atoi(request_copy_text(request, request->argv[2])) != 0);
	request_reply_ok(request);
}

static void
run_sleep(struct request *request)
{
	double seconds =
		strtod(request_copy_text(request, request->argv[2]), NULL);

	if (seconds > 0 && seconds < 1e6)
		request->server->host->stall(request, (int64_t)(seconds * 1e6));
	request_reply_ok(request);
}

static void
run_stringmatch_length(struct request *request)
{
	int64_t size;
	char *text;

	if (!request_read_int64(request, 2, &size))
		return;
	if (size < 0 || size > 1 << 30) {
		request_reply_error(request, "ERR length is out of range");
		return;
	}
	text = memory_allocate((size_t)size);
	memset(text, 'a', (size_t)size);
	reply_integer(&request->reply,
		glob_match(request->argv[3],
			(struct bytes){ text, (size_t)size }, false));
	free(text);
	request_finish(request);
}

/* --- DEBUG PROTOCOL -------------------------------------------------- */

static void
reply_protocol_map(struct reply *reply)
{
	reply_map(reply, 3);
	for (int i = 0; i < 3; i++) {
		reply_integer(reply, i);
		reply_bool(reply, i == 1);
	}
}

static void
reply_numbers(struct reply *reply)
{
	for (int i = 0; i < 3; i++)
		reply_integer(reply, i);
}

static void
reply_protocol_attribute(struct reply *reply)
{
	if (reply->protocol >= 3) {
		reply_attribute(reply, 1);
		reply_bulk_text(reply, "key-popularity");
		reply_array(reply, 2);
		reply_bulk_text(reply, "key:123");
		reply_integer(reply, 90);
	}
	reply_bulk_text(reply, "Some real reply following the attribute");
}

static void
reply_protocol_push(struct reply *reply)
{
	if (reply->protocol < 3) {
		reply_error(
			reply, "ERR RESP2 is not supported by this command");
		return;
	}
	reply_push(reply, 2);
	reply_bulk_text(reply, "server-cpu-usage");
	reply_integer(reply, 42);
	reply_bulk_text(reply, "Some real reply following the push reply");
}

static void
run_protocol(struct request *request)
{
	struct reply *reply = &request->reply;

	if (request_is_word(request, 2, "string")) {
		reply_bulk_text(reply, "Hello World");
	} else if (request_is_word(request, 2, "integer")) {
		reply_integer(reply, 12345);
	} else if (request_is_word(request, 2, "double")) {
		reply_double(reply, 3.141);
	} else if (request_is_word(request, 2, "bignum")) {
		reply_big_number(
			reply, "1234567999999999999999999999999999999");
	} else if (request_is_word(request, 2, "null")) {
		reply_null(reply);
	} else if (request_is_word(request, 2, "array")) {
		reply_array(reply, 3);
		reply_numbers(reply);
	} else if (request_is_word(request, 2, "set")) {
		reply_set(reply, 3);
		reply_numbers(reply);
	} else if (request_is_word(request, 2, "map")) {
		reply_protocol_map(reply);
	} else if (request_is_word(request, 2, "attrib")) {
		reply_protocol_attribute(reply);
	} else if (request_is_word(request, 2, "push")) {
		reply_protocol_push(reply);
	} else if (request_is_word(request, 2, "true")) {
		reply_bool(reply, true);
	} else if (request_is_word(request, 2, "false")) {
		reply_bool(reply, false);
	} else if (request_is_word(request, 2, "verbatim")) {
		reply_verbatim(
			reply, "txt", bytes_of("This is a verbatim\nstring"));
	} else {
		reply_error(reply,
			"ERR Wrong protocol type name. Please use one of the "
			"following: string|integer|double|bignum|null|array|"
			"set|map|attrib|push|verbatim|true|false");
	}
	request_finish(request);
}

/* --- DEBUG ----------------------------------------------------------- */

static const struct subcommand subcommands[] = {
	{ "change-repl-id", "Makes a new replication id.", 2, 2,
		run_change_replication_id },
	{ "client-eviction", "Shows clients by memory; there is no eviction.",
		2, 2, run_client_eviction },
	{ "config-rewrite-force-all",
		"Rewrites the config file with all "
		"settings.",
		2, 2, run_config_rewrite },
	{ "digest", "A digest of all keys and values.", 2, 2,
		debug_run_digest },
	{ "digest-value", "[key ...]: a digest of each value.", 2, 1 << 30,
		debug_run_digest_value },
	{ "error", "text: answers with that error.", 3, 3, run_error },
	{ "loadaof", "Nothing to load: answers after a round trip.", 2, 2,
		debug_run_reload },
	{ "log", "text: writes to the log.", 3, 3, run_log },
	{ "object", "key: facts about a value.", 3, 3, debug_run_object },
	{ "pause-cron", "0|1: no effect.", 3, 3, run_without_effect },
	{ "populate", "count [prefix] [size]: makes string keys.", 3, 5,
		debug_run_populate },
	{ "protocol", "type: answers with a value of that type.", 3, 3,
		run_protocol },
	{ "quicklist-packed-threshold", "size: no effect.", 3, 3,
		run_packed_threshold },
	{ "reload",
		"[MERGE] [NOFLUSH] [NOSAVE]: nothing to load, answers "
		"after a round trip.",
		2, 1 << 30, debug_run_reload },
	{ "replybuffer", "PEAK-RESET-TIME|RESIZING value: no effect.", 4, 4,
		run_reply_buffer },
	{ "set-active-expire", "0|1: whether expired keys are swept.", 3, 3,
		run_set_active_expire },
	{ "set-disable-deny-scripts",
		"0|1: whether scripts may run every "
		"command.",
		3, 3, run_set_disable_deny_scripts },
	{ "set-skip-checksum-validation",
		"0|1: whether RESTORE takes payloads with a wrong checksum.", 3,
		3, run_set_skip_checksums },
	{ "sleep", "seconds: stops the server for that long.", 3, 3,
		run_sleep },
	{ "stringmatch-len", "length pattern: matches that many times 'a'.", 4,
		4, run_stringmatch_length },
	{ "help", "This list.", 2, 2, run_help },
};

enum { SUBCOMMAND_COUNT = sizeof(subcommands) / sizeof(*subcommands) };

static void
run_help(struct request *request)
{
	struct reply *reply = &request->reply;

	reply_array(reply, SUBCOMMAND_COUNT * 2 + 1);
	reply_simple(reply,
		"DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands "
		"are:");
	for (size_t i = 0; i < SUBCOMMAND_COUNT; i++) {
		char *help = memory_print("    %s", subcommands[i].help);

		reply_simple(reply, subcommands[i].name);
		reply_simple(reply, help);
		free(help);
	}
	request_finish(request);
}

static void
cmd_debug(struct request *request)
{
	if (!settings_is_permitted(settings_get(request->server->settings,
					   enable_debug_command),
		    request->connection->local)) {
		request_reply_error(request,
			"ERR DEBUG command not allowed. If the "
			"enable-debug-command option is set to \"local\", "
			"you can run it from a local connection, otherwise "
			"you need to set this option in the configuration "
			"file, and then restart the server.");
		return;
	}
	for (size_t i = 0; i < SUBCOMMAND_COUNT; i++) {
		const struct subcommand *subcommand = &subcommands[i];

		if (!request_is_word(request, 1, subcommand->name) ||
			request->argc < subcommand->least ||
			request->argc > subcommand->most)
			continue;
		subcommand->run(request);
		return;
	}
	reply_unknown(request);
}

const struct command debug_commands[] = {
	{
		.name = "debug",
		.summary = "Commands for tests and for finding faults.",
		.since = "1.0.0",
		.complexity = "Depends on the subcommand.",
		.group = GROUP_SERVER,
		.arity = -2,
		.flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE |
			CMD_SYSTEM,
		.state = COMMAND_PARTIAL,
		.note = "Off by default, as in Redis. Subcommands about Redis' "
			"data structures in memory do not exist; OBJECT and "
			"digests know strings.",
		.run = cmd_debug,
	},
	{ 0 },
};
