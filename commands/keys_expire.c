/* Expiry: setting it, taking it off, telling it.
 *
 * An expiry in the past is stored like any other: the key is dead from then
 * on, and the sweeper removes its row. */
#include "commands/keys.h"

#include "commands/errors.h"
#include "commands/expiry.h"
#include "commands/request.h"
#include "commands/strings.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stdint.h>

/* As key_expire takes them. */
enum {
	EXPIRE_NX = 1,
	EXPIRE_XX = 2,
	EXPIRE_GT = 4,
	EXPIRE_LT = 8,
};

static bool
read_conditions(struct request *request, int *conditions)
{
	static const struct {
		const char *word;
		int condition;
	} options[] = {
		{ "NX", EXPIRE_NX },
		{ "XX", EXPIRE_XX },
		{ "GT", EXPIRE_GT },
		{ "LT", EXPIRE_LT },
	};
	enum { COUNT = sizeof(options) / sizeof(options[0]) };

	*conditions = 0;
	for (int i = 3; i < request->argc; i++) {
		int j = 0;

		while (j < COUNT &&
			!request_is_word(request, i, options[j].word))
			j++;
		if (j == COUNT) {
			request_reply_errorf(request,
				"ERR Unsupported option %.*s",
				(int)request->argv[i].size,
				request->argv[i].data);
			return false;
		}
		*conditions |= options[j].condition;
	}
	return true;
}

static bool
conditions_fit(struct request *request, int conditions)
{
	if ((conditions & EXPIRE_NX) && conditions != EXPIRE_NX) {
		request_reply_error(request,
			"ERR NX and XX, GT or LT options at the same time "
			"are not compatible");
		return false;
	}
	if ((conditions & EXPIRE_GT) && (conditions & EXPIRE_LT)) {
		request_reply_error(request,
			"ERR GT and LT options at the same time are not "
			"compatible");
		return false;
	}
	return true;
}

static void
reply_changed(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (!request_failed(request, result))
		request_reply_integer(request, result->row_count);
}

static void
expire(struct request *request, enum expiry_kind kind, enum expiry_unit unit)
{
	struct expiry expiry;
	struct call *call;
	int conditions;

	if (!read_conditions(request, &conditions) ||
		!conditions_fit(request, conditions) ||
		!expiry_read(request, 2, kind, unit, true, &expiry))
		return;
	call = call_new(request->store, SQL_key_expire, reply_changed, request);
	call_bind_key(call, request->db, request->argv[1]);
	expiry_bind(call, expiry);
	call_bind_int32(call, conditions);
	call_send(call);
}

void
cmd_expire(struct request *request)
{
	expire(request, EXPIRY_IN_MS, EXPIRY_SECONDS);
}

void
cmd_pexpire(struct request *request)
{
	expire(request, EXPIRY_IN_MS, EXPIRY_MILLISECONDS);
}

void
cmd_expireat(struct request *request)
{
	expire(request, EXPIRY_AT_MS, EXPIRY_SECONDS);
}

void
cmd_pexpireat(struct request *request)
{
	expire(request, EXPIRY_AT_MS, EXPIRY_MILLISECONDS);
}

void
cmd_persist(struct request *request)
{
	struct call *call = call_new(
		request->store, SQL_key_persist, reply_changed, request);

	call_bind_key(call, request->db, request->argv[1]);
	call_send(call);
}

/* --- telling it ------------------------------------------------------ */

/* The expiry in milliseconds since 1970, or Redis' -1 (none) or -2 (no such
 * key), with the database's time; false when it has replied. */
static bool
read_expiry(struct request *request, const struct result *result,
	int64_t *expires_at_ms, int64_t *now_ms)
{
	if (request_failed(request, result))
		return false;
	strings_count_lookup(request, result->row_count > 0);
	*expires_at_ms = -2;
	if (result->row_count == 0)
		return true;
	*expires_at_ms = -1;
	*now_ms = result_int64(result, 0, LOOK_NOW);
	if (!result_is_null(result, 0, LOOK_EXPIRES_AT))
		*expires_at_ms = result_int64(result, 0, LOOK_EXPIRES_AT);
	return true;
}

static void
ttl_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	int64_t at_ms, now_ms;

	if (read_expiry(request, result, &at_ms, &now_ms))
		request_reply_integer(request,
			at_ms < 0 ? at_ms : (at_ms - now_ms + 500) / 1000);
}

static void
pttl_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	int64_t at_ms, now_ms;

	if (read_expiry(request, result, &at_ms, &now_ms))
		request_reply_integer(
			request, at_ms < 0 ? at_ms : at_ms - now_ms);
}

static void
expiretime_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	int64_t at_ms, now_ms;

	if (read_expiry(request, result, &at_ms, &now_ms))
		request_reply_integer(
			request, at_ms < 0 ? at_ms : (at_ms + 500) / 1000);
}

static void
pexpiretime_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	int64_t at_ms, now_ms;

	if (read_expiry(request, result, &at_ms, &now_ms))
		request_reply_integer(request, at_ms);
}

void
cmd_ttl(struct request *request)
{
	keys_look(request, 1, ttl_done);
}

void
cmd_pttl(struct request *request)
{
	keys_look(request, 1, pttl_done);
}

void
cmd_expiretime(struct request *request)
{
	keys_look(request, 1, expiretime_done);
}

void
cmd_pexpiretime(struct request *request)
{
	keys_look(request, 1, pexpiretime_done);
}
