/* Hashes: all fields, some in turn, some by chance.
 *
 * Texts: redis 7.0.15 t_hash.c (hrandfieldCommand). */
#include "commands/hashes.h"

#include "commands/collections.h"
#include "commands/collections_scan.h"
#include "commands/errors.h"
#include "commands/listing.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/server.h"
#include "commands/strings.h"
#include "storage/base/settings.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What hash_random draws when no count is given: one, with repetition. */
enum { ONE_DRAW = -1 };

static void
bind_key(struct request *request, struct call *call)
{
	call_bind_key(call, request->db, request->argv[1]);
}

static void
write_one(struct request *request, const struct result *result, int row)
{
	strings_reply_bytes(request, result, row, LISTING_FIRST);
}

static void
write_pair(struct request *request, const struct result *result, int row)
{
	strings_reply_bytes(request, result, row, LISTING_FIRST);
	strings_reply_bytes(request, result, row, LISTING_FIRST + 1);
}

void
cmd_hgetall(struct request *request)
{
	static const struct listing listing = {
		.statement = SQL_hash_all,
		.shape = LISTING_MAP,
		.type = 'h',
		.bind = bind_key,
		.write_row = write_pair,
	};

	listing_send(request, &listing);
}

void
cmd_hkeys(struct request *request)
{
	static const struct listing listing = {
		.statement = SQL_hash_fields,
		.shape = LISTING_ARRAY,
		.type = 'h',
		.replies_per_row = 1,
		.bind = bind_key,
		.write_row = write_one,
	};

	listing_send(request, &listing);
}

void
cmd_hvals(struct request *request)
{
	static const struct listing listing = {
		.statement = SQL_hash_values,
		.shape = LISTING_ARRAY,
		.type = 'h',
		.replies_per_row = 1,
		.bind = bind_key,
		.write_row = write_one,
	};

	listing_send(request, &listing);
}

/* --- HRANDFIELD ------------------------------------------------------ */

static void
bind_random(struct request *request, struct call *call)
{
	const int64_t *count = request->state;

	bind_key(request, call);
	call_bind_int64(call, *count);
}

/* In RESP3 each field stands with its value in an array of their own. */
static void
write_random_pair(struct request *request, const struct result *result, int row)
{
	if (request->reply.protocol >= 3)
		reply_array(&request->reply, 2);
	write_pair(request, result, row);
}

static void
random_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	strings_count_lookup(request, result->row_count > 0);
	if (result->row_count > 0 &&
		result_char(result, 0, LISTING_TYPE) != 'h') {
		request_reply_error(request, ERROR_WRONG_TYPE);
		return;
	}
	if (result->row_count == 0 || result_is_null(result, 0, LISTING_FIRST))
		reply_null(&request->reply);
	else
		strings_reply_bytes(request, result, 0, LISTING_FIRST);
	request_finish(request);
}

static void
send_one_random(struct request *request)
{
	struct call *call =
		call_new(request->store, SQL_hash_random, random_done, request);

	bind_key(request, call);
	call_bind_int64(call, ONE_DRAW);
	call_bind_int64(call, 1);
	call_send(call);
}

static void
send_random(struct request *request, bool with_values)
{
	struct listing *listing = request_allocate(request, sizeof(*listing));

	*listing = (struct listing){
		.statement = SQL_hash_random,
		.shape = LISTING_ARRAY,
		.type = 'h',
		.replies_per_row =
			with_values && request->reply.protocol < 3 ? 2 : 1,
		.bind = bind_random,
		.write_row = with_values ? write_random_pair : write_one,
	};
	listing_send(request, listing);
}

void
cmd_hrandfield(struct request *request)
{
	bool with_values = request->argc == 4;
	int64_t *count;

	if (request->argc == 2) {
		send_one_random(request);
		return;
	}
	count = request_allocate(request, sizeof(*count));
	request->state = count;
	if (!collections_read_count(request, 2, count))
		return;
	if (request->argc > 4 ||
		(with_values && !request_is_word(request, 3, "WITHVALUES")))
		request_reply_syntax_error(request);
	else if (with_values &&
		(*count < -INT64_MAX / 2 || *count > INT64_MAX / 2))
		request_reply_error(request, "ERR value is out of range");
	else
		send_random(request, with_values);
}

/* --- HSCAN ----------------------------------------------------------- */

static void
bind_limits(struct request *request, struct call *call)
{
	const struct settings *settings = request->server->settings;

	call_bind_int64(
		call, settings_get(settings, hash_max_listpack_entries));
	call_bind_int64(call, settings_get(settings, hash_max_listpack_value));
}

static void
write_value(struct request *request, const struct result *result, int row)
{
	strings_reply_bytes(request, result, row, SCAN_ROW_REST);
}

void
cmd_hscan(struct request *request)
{
	static const struct collection_scan scan = {
		.statement = SQL_hash_scan,
		.type = 'h',
		.has_values = true,
		.takes_novalues = true,
		.bind = bind_limits,
		.write_value = write_value,
	};

	collections_scan(request, &scan);
}
