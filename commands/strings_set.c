/* SET in all its spellings.
 *
 * Plain ones, with an expiry or a condition, run set-based; the previous value
 * and KEEPTTL need a look at the locked row first. */
#include "commands/strings.h"

#include "commands/command.h"
#include "commands/errors.h"
#include "commands/expiry.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "storage/base/bytes.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stdlib.h>

enum set_condition { SET_ALWAYS, SET_IF_ABSENT, SET_IF_PRESENT };

struct set_options {
	enum set_condition condition;
	bool get, keep_ttl;
	struct expiry expiry;
};

/* Redis' rules of what excludes what (parseExtendedStringArgumentsOrReply):
 * the same option may be repeated. */
static bool
read_options(struct request *request, struct set_options *options)
{
	enum expiry_kind kind = EXPIRY_NONE;
	enum expiry_unit unit = EXPIRY_SECONDS;
	int value = 0;

	for (int i = 3; i < request->argc; i++) {
		enum expiry_kind former = kind;
		enum expiry_unit former_unit = unit;

		if (request_is_word(request, i, "NX") &&
			options->condition != SET_IF_PRESENT) {
			options->condition = SET_IF_ABSENT;
		} else if (request_is_word(request, i, "XX") &&
			options->condition != SET_IF_ABSENT) {
			options->condition = SET_IF_PRESENT;
		} else if (request_is_word(request, i, "GET")) {
			options->get = true;
		} else if (request_is_word(request, i, "KEEPTTL") &&
			kind == EXPIRY_NONE) {
			options->keep_ttl = true;
		} else if (!options->keep_ttl && i + 1 < request->argc &&
			expiry_read_option(request, i, &kind, &unit) &&
			(former == EXPIRY_NONE ||
				(kind == former && unit == former_unit))) {
			value = ++i;
		} else {
			request_reply_syntax_error(request);
			return false;
		}
	}
	return value == 0 ||
		expiry_read(
			request, value, kind, unit, false, &options->expiry);
}

static void
stored_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (!request_failed(request, result))
		request_reply_ok(request);
}

static void
conditional_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	if (result->row_count > 0)
		request_reply_ok(request);
	else
		request_reply_null(request);
}

static void
send_plain(struct request *request, enum statement_id id, call_done done,
	struct bytes value, struct expiry expiry)
{
	struct call *call = call_new(request->store, id, done, request);

	call_bind_key(call, request->db, request->argv[1]);
	strings_bind_value(call, value);
	expiry_bind(call, expiry);
	call_send(call);
}

/* Columns of string_set_if. */
enum { IF_ERROR, IF_DONE, IF_PREVIOUS };

static void
if_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	if (!result_is_null(result, 0, IF_ERROR))
		request_reply_error(request, result_text(result, 0, IF_ERROR));
	else if (result_int64(result, 0, IF_DONE))
		request_reply_ok(request);
	else
		request_reply_null(request);
}

static void
if_get_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	if (!result_is_null(result, 0, IF_ERROR)) {
		request_reply_error(request, result_text(result, 0, IF_ERROR));
		return;
	}
	strings_count_lookup(request, !result_is_null(result, 0, IF_PREVIOUS));
	if (result_is_null(result, 0, IF_PREVIOUS))
		reply_null(&request->reply);
	else
		strings_reply_bytes(request, result, 0, IF_PREVIOUS);
	request_finish(request);
}

static void
send_looking(struct request *request, const struct set_options *options)
{
	static const char *const conditions[] = {
		[SET_IF_ABSENT] = "NX",
		[SET_IF_PRESENT] = "XX",
	};
	struct call *call = call_new(request->store, SQL_string_set_if,
		options->get ? if_get_done : if_done, request);

	call_bind_key(call, request->db, request->argv[1]);
	call_bind_bytes(call, request->argv[2]);
	if (options->condition == SET_ALWAYS)
		call_bind_null(call, VALUE_TEXT);
	else
		call_bind_text(call, conditions[options->condition]);
	expiry_bind(call, options->expiry);
	call_bind_bool(call, options->keep_ttl);
	call_bind_bool(call, options->get);
	call_send(call);
}

void
cmd_set(struct request *request)
{
	struct set_options options = { .condition = SET_ALWAYS };
	struct bytes value = request->argv[2];

	if (!read_options(request, &options))
		return;
	if (options.get || options.keep_ttl)
		send_looking(request, &options);
	else if (options.condition == SET_IF_ABSENT)
		send_plain(request, SQL_string_set_absent, conditional_done,
			value, options.expiry);
	else if (options.condition == SET_IF_PRESENT)
		send_plain(request, SQL_string_set_present, conditional_done,
			value, options.expiry);
	else
		send_plain(request, SQL_string_set, stored_done, value,
			options.expiry);
}

int
strings_set_find_keys(const struct bytes *argv, int argc, int *indices,
	uint32_t *access, int capacity)
{
	bool get = false;

	for (int i = 3; i < argc; i++)
		get = get || bytes_is_word(argv[i], "GET");
	if (argc < 2)
		return -1;
	if (capacity > 0) {
		indices[0] = 1;
		if (access != NULL)
			access[0] = get ? KEY_RW | KEY_ACCESS | KEY_UPDATE :
					  KEY_OW | KEY_UPDATE;
	}
	return 1;
}

void
cmd_setex(struct request *request)
{
	struct expiry expiry;

	if (expiry_read(
		    request, 2, EXPIRY_IN_MS, EXPIRY_SECONDS, false, &expiry))
		send_plain(request, SQL_string_set, stored_done,
			request->argv[3], expiry);
}

void
cmd_psetex(struct request *request)
{
	struct expiry expiry;

	if (expiry_read(request, 2, EXPIRY_IN_MS, EXPIRY_MILLISECONDS, false,
		    &expiry))
		send_plain(request, SQL_string_set, stored_done,
			request->argv[3], expiry);
}

static void
setnx_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (!request_failed(request, result))
		request_reply_integer(request, result->row_count > 0);
}

void
cmd_setnx(struct request *request)
{
	struct expiry none = { .kind = EXPIRY_NONE };

	send_plain(request, SQL_string_set_absent, setnx_done, request->argv[2],
		none);
}

void
cmd_getset(struct request *request)
{
	struct set_options options = { .get = true };

	send_looking(request, &options);
}

/* --- many keys ------------------------------------------------------- */

static bool
has_whole_pairs(struct request *request)
{
	if (request->argc % 2 == 1)
		return true;
	request_reply_errorf(request,
		"ERR wrong number of arguments for '%s' command",
		request->command->name);
	return false;
}

/* By key; of equal ones the first given comes first. */
static int
compare_arguments(const void *a, const void *b)
{
	const struct bytes *left = *(const struct bytes *const *)a;
	const struct bytes *right = *(const struct bytes *const *)b;
	int order = bytes_compare(*left, *right);

	return order != 0 ? order : (left > right) - (left < right);
}

void
cmd_mset(struct request *request)
{
	struct expiry none = { .kind = EXPIRY_NONE };
	size_t count = (size_t)request->argc / 2, bound = 0;
	const struct bytes **keys;
	struct call *call;

	if (!has_whole_pairs(request))
		return;
	keys = request_allocate(request, count * sizeof(*keys));
	for (size_t i = 0; i < count; i++)
		keys[i] = &request->argv[1 + 2 * i];
	qsort(keys, count, sizeof(*keys), compare_arguments);
	call = call_new(request->store, SQL_string_set, stored_done, request);
	for (size_t i = 0; i < count; i++) {
		/* The last value of a key counts. */
		if (i + 1 < count && bytes_equal(*keys[i], *keys[i + 1]))
			continue;
		if (bound++ > 0)
			call_next_element(call);
		call_bind_key(call, request->db, keys[i][0]);
		strings_bind_value(call, keys[i][1]);
		expiry_bind(call, none);
	}
	call_send_route(call, request->route, request->db);
}

void
cmd_msetnx(struct request *request)
{
	uint32_t count = (uint32_t)request->argc / 2;
	struct bytes *keys, *values;
	struct call *call;

	if (!has_whole_pairs(request))
		return;
	keys = request_allocate(request, 2 * count * sizeof(*keys));
	values = keys + count;
	for (uint32_t i = 0; i < count; i++) {
		keys[i] = request->argv[1 + 2 * i];
		values[i] = request->argv[2 + 2 * i];
	}
	call = call_new(request->store, SQL_string_set_all_absent,
		strings_reply_integer_or_error, request);
	call_bind_int32(call, request->db);
	call_bind_bytes_array(call, keys, count);
	call_bind_bytes_array(call, values, count);
	/* It names no key to a lane. */
	call_send_route(call, ROUTE_JOINT, request->db);
}
