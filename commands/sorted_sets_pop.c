/* Taking the first or last members: ZPOPMIN, ZMPOP, and those that wait. */
#include "commands/sorted_sets.h"

#include "commands/blocking.h"
#include "commands/errors.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/strings.h"
#include "storage/base/bytes.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stddef.h>

/* Columns of sorted_set_pop and sorted_set_pop_first. */
enum { POP_ERROR, POP_MEMBER, POP_SCORE, POP_KEY };

struct pop {
	struct blocked blocked;
	bool from_end;
	int64_t count;
	bool nested; /* each member and score in an array of their own */
	int index; /* of the key that is attempted; -1: all of them */
};

/* Whether the result is an error, which then is the answer. */
static bool
replied_error(struct request *request, const struct result *result)
{
	if (request_failed(request, result))
		return true;
	if (result->row_count == 0 || result_is_null(result, 0, POP_ERROR))
		return false;
	request_reply_error(request, result_text(result, 0, POP_ERROR));
	return true;
}

static void
write_members(struct request *request, const struct result *result, bool nested)
{
	for (int row = 0; row < result->row_count; row++) {
		if (nested)
			reply_array(&request->reply, 2);
		strings_reply_bytes(request, result, row, POP_MEMBER);
		reply_double(
			&request->reply, result_double(result, row, POP_SCORE));
	}
}

static struct pop *
new_pop(struct request *request)
{
	struct pop *pop = request_allocate(request, sizeof(*pop));

	*pop = (struct pop){ .count = 1 };
	request->state = pop;
	return pop;
}

/* --- ZPOPMIN, ZPOPMAX ------------------------------------------------ */

static void
pop_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	const struct pop *pop = request->state;
	size_t rows = (size_t)result->row_count;

	if (replied_error(request, result))
		return;
	reply_array(&request->reply, pop->nested ? rows : rows * 2);
	write_members(request, result, pop->nested);
	request_finish(request);
}

static struct call *
new_call(struct request *request, const struct pop *pop, struct bytes key,
	call_done done, void *arg)
{
	struct call *call =
		call_new(request->store, SQL_sorted_set_pop, done, arg);

	call_bind_key(call, request->db, key);
	call_bind_bool(call, pop->from_end);
	call_bind_int64(call, pop->count);
	return call;
}

static void
pop(struct request *request, bool from_end)
{
	const char *error = "ERR value is out of range, must be positive";
	struct pop *pop = new_pop(request);

	if (request->argc > 3) {
		request_reply_syntax_error(request);
		return;
	}
	if (request->argc == 3) {
		if (!request_read_int64_or(request, 2, &pop->count, error))
			return;
		if (pop->count < 0) {
			request_reply_error(request, error);
			return;
		}
		pop->nested = request->reply.protocol > 2;
	}
	pop->from_end = from_end;
	call_send(new_call(request, pop, request->argv[1], pop_done, request));
}

void
cmd_zpopmin(struct request *request)
{
	pop(request, false);
}

void
cmd_zpopmax(struct request *request)
{
	pop(request, true);
}

/* --- ZMPOP ----------------------------------------------------------- */

/* Writes the key and its members: in two arrays, or in one. */
static void
write_key_and_members(
	struct request *request, const struct result *result, struct bytes key)
{
	const struct pop *pop = request->state;
	size_t rows = (size_t)result->row_count;

	reply_array(&request->reply, pop->nested ? 2 : 1 + rows * 2);
	reply_bulk(&request->reply, key);
	if (pop->nested)
		reply_array(&request->reply, rows);
	write_members(request, result, pop->nested);
}

/* Of sorted_set_pop_first. */
static struct bytes
popped_key(const struct request *request, const struct result *result)
{
	const struct pop *pop = request->state;

	return pop->blocked.keys[result_int64(result, 0, POP_KEY) - 1];
}

static void
pop_first_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (replied_error(request, result))
		return;
	if (result->row_count == 0)
		reply_null_array(&request->reply);
	else
		write_key_and_members(
			request, result, popped_key(request, result));
	request_finish(request);
}

static void
send_pop_first(struct request *request, const struct pop *pop, call_done done,
	void *arg)
{
	const struct blocked *blocked = &pop->blocked;
	struct call *call =
		call_new(request->store, SQL_sorted_set_pop_first, done, arg);

	call_bind_key(call, request->db, blocked->keys[0]);
	call_bind_bytes_array(
		call, blocked->keys, (uint32_t)blocked->key_count);
	call_bind_bool(call, pop->from_end);
	call_bind_int64(call, pop->count);
	call_send_route(call, blocked->key_count > 1 ? ROUTE_JOINT : ROUTE_KEY,
		request->db);
}

/* Reads from `numkeys` at argv[at] on; false when it has replied. */
static bool
read_mpop(struct request *request, struct pop *pop, int at)
{
	const char *few = "ERR numkeys should be greater than 0";
	const char *none = "ERR count should be greater than 0";
	int64_t keys;
	int where;

	if (!request_read_int64_or(request, at, &keys, few))
		return false;
	if (keys < 1) {
		request_reply_error(request, few);
		return false;
	}
	if (keys >= request->argc - at - 1) {
		request_reply_syntax_error(request);
		return false;
	}
	where = at + (int)keys + 1;
	pop->blocked.keys = request->argv + at + 1;
	pop->blocked.key_count = (int)keys;
	pop->nested = true;
	pop->from_end = request_is_word(request, where, "MAX");
	if ((!pop->from_end && !request_is_word(request, where, "MIN")) ||
		(request->argc != where + 1 &&
			(request->argc != where + 3 ||
				!request_is_word(
					request, where + 1, "COUNT")))) {
		request_reply_syntax_error(request);
		return false;
	}
	if (request->argc == where + 1)
		return true;
	if (!request_read_int64_or(request, where + 2, &pop->count, none))
		return false;
	if (pop->count >= 1)
		return true;
	request_reply_error(request, none);
	return false;
}

void
cmd_zmpop(struct request *request)
{
	struct pop *pop = new_pop(request);

	if (read_mpop(request, pop, 1))
		send_pop_first(request, pop, pop_first_done, request);
}

/* --- BZPOPMIN, BZPOPMAX, BZMPOP -------------------------------------- */

static void
attempt_done(void *arg, const struct result *result)
{
	struct pop *pop = arg;
	struct request *request = pop->blocked.request;
	bool later = pop->index >= 0;

	if (result->status == STORE_OK &&
		(result->row_count == 0 ||
			(later && !result_is_null(result, 0, POP_ERROR)))) {
		blocking_end_attempt(&pop->blocked, false);
		return;
	}
	if (!replied_error(request, result))
		write_key_and_members(request, result,
			later ? pop->blocked.keys[pop->index] :
				popped_key(request, result));
	blocking_end_attempt(&pop->blocked, true);
}

static void
attempt(struct blocked *blocked, int index)
{
	struct request *request = blocked->request;
	struct pop *pop = request->state;

	pop->index = index;
	if (index < 0)
		send_pop_first(request, pop, attempt_done, pop);
	else
		call_send(new_call(
			request, pop, blocked->keys[index], attempt_done, pop));
}

static void
reply_timeout(struct request *request)
{
	reply_null_array(&request->reply);
	request_finish(request);
}

static void
wait_for_keys(struct request *request, struct pop *pop)
{
	pop->blocked.request = request;
	pop->blocked.type = 'z';
	pop->blocked.attempt = attempt;
	pop->blocked.reply_timeout = reply_timeout;
	blocking_wait(&pop->blocked);
}

static void
pop_waiting(struct request *request, bool from_end)
{
	struct pop *pop = new_pop(request);

	if (!blocking_read_timeout(
		    request, request->argc - 1, &pop->blocked.timeout_us))
		return;
	pop->from_end = from_end;
	pop->blocked.keys = request->argv + 1;
	pop->blocked.key_count = request->argc - 2;
	wait_for_keys(request, pop);
}

void
cmd_bzpopmin(struct request *request)
{
	pop_waiting(request, false);
}

void
cmd_bzpopmax(struct request *request)
{
	pop_waiting(request, true);
}

void
cmd_bzmpop(struct request *request)
{
	struct pop *pop = new_pop(request);

	if (read_mpop(request, pop, 2) &&
		blocking_read_timeout(request, 1, &pop->blocked.timeout_us))
		wait_for_keys(request, pop);
}
