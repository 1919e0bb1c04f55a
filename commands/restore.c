/* RESTORE: makes a key of a payload of DUMP, of ours or of a Redis up to 7.0.
 *
 * Redis looks first whether the key is there, and at the payload after that.
 * We know what is wrong with a payload before we have asked PostgreSQL, and so
 * ask for the key only to know which of both errors to tell. */
#include "commands/dump.h"

#include "commands/blocking.h"
#include "commands/errors.h"
#include "commands/keys.h"
#include "commands/rdb_read.h"
#include "commands/rdb_value.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/server.h"
#include "storage/base/bytes.h"
#include "storage/base/number.h"
#include "storage/result.h"

#include <stdatomic.h>
#include <stdint.h>

#define ERROR_BUSY_KEY "BUSYKEY Target key name already exists."
#define ERROR_TOO_LARGE "ERR the value is too large to be restored"

/* Memory for a value: so much, and for each byte of its payload. */
enum { MEMORY_MIN = 256 << 20, MEMORY_PER_BYTE = 32 };

static bool
read_idle_time(
	struct request *request, int index, struct restore_options *options)
{
	if (!request_read_int64(request, index, &options->idle_s))
		return false;
	if (options->idle_s >= 0)
		return true;
	request_reply_error(
		request, "ERR Invalid IDLETIME value, must be >= 0");
	return false;
}

static bool
read_frequency(
	struct request *request, int index, struct restore_options *options)
{
	if (!request_read_int64(request, index, &options->frequency))
		return false;
	if (options->frequency >= 0 && options->frequency <= 255)
		return true;
	request_reply_error(
		request, "ERR Invalid FREQ value, must be >= 0 and <= 255");
	return false;
}

/* Redis' rules (redis 7.0.15 cluster.c, restoreCommand). */
static bool
read_options(struct request *request, struct restore_options *options)
{
	for (int i = 4; i < request->argc; i++) {
		bool has_more = i + 1 < request->argc;

		if (request_is_word(request, i, "REPLACE")) {
			options->replace = true;
		} else if (request_is_word(request, i, "ABSTTL")) {
			options->absolute = true;
		} else if (request_is_word(request, i, "IDLETIME") &&
			has_more && options->frequency == -1) {
			if (!read_idle_time(request, ++i, options))
				return false;
		} else if (request_is_word(request, i, "FREQ") && has_more &&
			options->idle_s == -1) {
			if (!read_frequency(request, ++i, options))
				return false;
		} else {
			request_reply_syntax_error(request);
			return false;
		}
	}
	return true;
}

static void
looked(void *arg, const struct result *result)
{
	struct request *request = arg;
	const char *error = request->state;

	if (!request_failed(request, result))
		request_reply_error(request,
			result->row_count > 0 ? ERROR_BUSY_KEY : error);
}

/* Answers with the error, unless the key is there and must not be replaced. */
static void
refuse(struct request *request, const struct restore_options *options,
	const char *error)
{
	if (options->replace) {
		request_reply_error(request, error);
		return;
	}
	request->state = (void *)error;
	keys_look(request, 1, looked);
}

static const char *
status_error(enum rdb_read_status status)
{
	switch (status) {
	case RDB_READ_WRONG_FOOTER:
		return "ERR DUMP payload version or checksum are wrong";
	case RDB_READ_TOO_LARGE:
		return ERROR_TOO_LARGE;
	default:
		return "ERR Bad data format";
	}
}

static const char *
read_ttl(struct request *request, struct restore_options *options)
{
	if (!number_parse_int64(request->argv[2], &options->ttl))
		return ERROR_NOT_INTEGER;
	return options->ttl < 0 ? "ERR Invalid TTL value, must be >= 0" : NULL;
}

static void
restored(void *arg, const struct result *result)
{
	struct request *request = arg;

	rdb_value_free(request->state);
	request->state = NULL;
	if (request_failed(request, result))
		return;
	if (!result_is_null(result, 0, 0)) {
		request_reply_error(request, result_text(result, 0, 0));
		return;
	}
	reply_simple(&request->reply, "OK");
	blocking_finish(request, request->db, &request->argv[1], 1);
}

void
cmd_restore(struct request *request)
{
	struct restore_options options = { .idle_s = -1, .frequency = -1 };
	struct bytes payload = request->argv[3];
	struct rdb_read_options limits = {
		.ignore_checksum =
			atomic_load(&request->server->ignore_checksums),
		.memory_max = MEMORY_MIN + payload.size * MEMORY_PER_BYTE,
	};
	struct rdb_value *value;
	enum rdb_read_status status;
	const char *error;

	if (!read_options(request, &options))
		return;
	error = read_ttl(request, &options);
	if (error != NULL) {
		refuse(request, &options, error);
		return;
	}
	/* Only one of both is kept, whatever was given. */
	if (keys_use_lfu(request))
		options.idle_s = -1;
	else
		options.frequency = -1;
	status = rdb_read(payload, &limits, &value);
	if (status != RDB_READ_OK) {
		refuse(request, &options, status_error(status));
		return;
	}
	request->state = value;
	if (!restore_send(request, &options, value, restored, request)) {
		rdb_value_free(value);
		refuse(request, &options, ERROR_TOO_LARGE);
	}
}
