/* Lists' commands that wait: BLPOP and its like.
 *
 * Several keys are looked at in one statement before anything is taken: taking
 * from the first of several lists runs on the joint lane, which holds up the
 * others, and whoever comes to wait mostly finds nothing. */
#include "commands/blocking.h"
#include "commands/errors.h"
#include "commands/lists.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/strings.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stddef.h>

struct waiting_pop {
	struct blocked blocked; /* first */
	struct lists_pop pop;
	bool nested; /* the reply has a list of items */
	int tried; /* the key of the attempt; -1: all */
};

struct waiting_move {
	struct blocked blocked; /* first */
	bool from_front, to_front;
	bool again; /* not the first attempt */
};

static void
reply_nothing(struct request *request)
{
	reply_null_array(&request->reply);
	request_finish(request);
}

/* An error that is the answer, whatever the attempt. */
static bool
failed(struct blocked *blocked, const struct result *result)
{
	if (!request_failed(blocked->request, result))
		return false;
	blocking_end_attempt(blocked, true);
	return true;
}

/* Wrong types are an error at first, and nothing to wake up for later. */
static void
end_wrong_type(struct blocked *blocked, bool first)
{
	if (first)
		reply_error(&blocked->request->reply, ERROR_WRONG_TYPE);
	blocking_end_attempt(blocked, first);
}

/* list_length of the keys; the first that is there decides. */
static void
look_done(void *arg, const struct result *result)
{
	struct blocked *blocked = arg;

	if (failed(blocked, result))
		return;
	if (result->row_count > 0 && result_char(result, 0, 1) != 'l')
		end_wrong_type(blocked, true);
	else
		blocking_end_look(blocked, result->row_count > 0);
}

static void
send_look(struct blocked *blocked, call_done done)
{
	struct request *request = blocked->request;
	struct call *call =
		call_new(request->store, SQL_list_length, done, blocked);

	call_bind_keys(call, request->db, blocked->keys, blocked->key_count);
	call_send(call);
}

static void
look(struct blocked *blocked)
{
	send_look(blocked, look_done);
}

/* --- popping --------------------------------------------------------- */

static void
serve(struct waiting_pop *waiting, const struct result *result, int key,
	int column)
{
	struct request *request = waiting->blocked.request;

	reply_array(&request->reply, 2);
	reply_bulk(&request->reply, waiting->blocked.keys[key]);
	if (waiting->nested)
		reply_array(&request->reply, (size_t)result->row_count);
	for (int row = 0; row < result->row_count; row++)
		strings_reply_bytes(request, result, row, column);
	blocking_end_attempt(&waiting->blocked, true);
}

/* From one key: the columns are the ordinal or an error, and the value. */
static void
pop_done(void *arg, const struct result *result)
{
	struct waiting_pop *waiting = arg;
	struct blocked *blocked = &waiting->blocked;

	if (failed(blocked, result))
		return;
	if (result->row_count == 0)
		blocking_end_attempt(blocked, false);
	else if (result_is_null(result, 0, 1))
		end_wrong_type(blocked, waiting->tried < 0);
	else
		serve(waiting, result, waiting->tried < 0 ? 0 : waiting->tried,
			1);
}

static void
pop_from(struct waiting_pop *waiting, int key)
{
	struct request *request = waiting->blocked.request;
	struct call *call;

	if (waiting->nested)
		call = call_new_for(waiting->blocked.sender, request->store,
			SQL_list_pop_several, pop_done, waiting);
	else
		call = call_new_for(waiting->blocked.sender, request->store,
			waiting->pop.front ? SQL_list_pop_front :
					     SQL_list_pop_back,
			pop_done, waiting);
	call_bind_key(call, request->db, waiting->blocked.keys[key]);
	if (waiting->nested) {
		call_bind_bool(call, waiting->pop.front);
		call_bind_int64(call, waiting->pop.count);
	}
	call_send(call);
}

static void
pop_first_done(void *arg, const struct result *result)
{
	struct waiting_pop *waiting = arg;
	struct blocked *blocked = &waiting->blocked;

	if (failed(blocked, result))
		return;
	if (result->row_count == 0)
		blocking_end_attempt(blocked, false);
	else if (!result_is_null(result, 0, 0))
		end_wrong_type(blocked, true);
	else
		serve(waiting, result, (int)result_int64(result, 0, 1) - 1, 2);
}

/* Whether there is any key at all. */
static void
seen_first(void *arg, const struct result *result)
{
	struct waiting_pop *waiting = arg;
	struct blocked *blocked = &waiting->blocked;
	struct request *request = blocked->request;
	struct call *call;

	if (failed(blocked, result))
		return;
	if (result->row_count == 0) {
		blocking_end_attempt(blocked, false);
		return;
	}
	call = call_new(
		request->store, SQL_list_pop_first, pop_first_done, waiting);
	call_bind_int32(call, request->db);
	call_bind_bytes_array(
		call, blocked->keys, (uint32_t)blocked->key_count);
	call_bind_bool(call, waiting->pop.front);
	call_bind_int64(call, waiting->pop.count);
	call_send_route(call, ROUTE_JOINT, request->db);
}

static void
attempt_pop(struct blocked *blocked, int index)
{
	struct waiting_pop *waiting = (struct waiting_pop *)blocked;

	waiting->tried = index;
	if (index >= 0 || blocked->key_count == 1)
		pop_from(waiting, index < 0 ? 0 : index);
	else
		send_look(blocked, seen_first);
}

static struct waiting_pop *
new_pop(struct request *request, int timeout)
{
	struct waiting_pop *waiting =
		request_allocate(request, sizeof(*waiting));

	*waiting = (struct waiting_pop){ .blocked = {
						 .request = request,
						 .type = 'l',
						 .in_lane = true,
						 .attempt = attempt_pop,
						 .look = look,
						 .reply_timeout = reply_nothing,
					 } };
	if (!blocking_read_timeout(
		    request, timeout, &waiting->blocked.timeout_us))
		return NULL;
	return waiting;
}

static void
wait_for_keys(struct waiting_pop *waiting)
{
	struct request *request = waiting->blocked.request;

	waiting->blocked.keys = &request->argv[waiting->pop.first_key];
	waiting->blocked.key_count = waiting->pop.key_count;
	blocking_wait(&waiting->blocked);
}

static void
wait_for_end(struct request *request, bool front)
{
	struct waiting_pop *waiting = new_pop(request, request->argc - 1);

	if (waiting == NULL)
		return;
	waiting->pop = (struct lists_pop){
		.first_key = 1,
		.key_count = request->argc - 2,
		.front = front,
		.count = 1,
	};
	wait_for_keys(waiting);
}

void
cmd_blpop(struct request *request)
{
	wait_for_end(request, true);
}

void
cmd_brpop(struct request *request)
{
	wait_for_end(request, false);
}

void
cmd_blmpop(struct request *request)
{
	struct lists_pop pop;
	struct waiting_pop *waiting;

	if (!lists_read_pop(request, 2, &pop))
		return;
	waiting = new_pop(request, 1);
	if (waiting == NULL)
		return;
	waiting->pop = pop;
	waiting->nested = true;
	wait_for_keys(waiting);
}

/* --- moving ---------------------------------------------------------- */

static void
move_done(void *arg, const struct result *result)
{
	struct waiting_move *waiting = arg;
	struct blocked *blocked = &waiting->blocked;
	struct request *request = blocked->request;

	if (failed(blocked, result))
		return;
	if (!result_is_null(result, 0, 0)) {
		/* The destination's type is an error at any time. */
		end_wrong_type(blocked,
			!waiting->again || result_int64(result, 0, 2) != 0);
	} else if (result_is_null(result, 0, 1)) {
		blocking_end_attempt(blocked, false);
	} else {
		strings_reply_bytes(request, result, 0, 1);
		blocking_finish(request, request->db, &request->argv[2], 1);
		blocking_end_attempt(blocked, true);
	}
}

static void
attempt_move(struct blocked *blocked, int index)
{
	struct waiting_move *waiting = (struct waiting_move *)blocked;
	struct request *request = blocked->request;
	struct call *call =
		call_new(request->store, SQL_list_move, move_done, waiting);

	waiting->again = index >= 0;
	call_bind_key(call, request->db, request->argv[1]);
	call_bind_key(call, request->db, request->argv[2]);
	call_bind_bool(call, waiting->from_front);
	call_bind_bool(call, waiting->to_front);
	call_send_route(call, ROUTE_JOINT, request->db);
}

static void
reply_not_moved(struct request *request)
{
	if (request->never_blocks)
		reply_null(&request->reply);
	else
		reply_null_array(&request->reply);
	request_finish(request);
}

static void
wait_to_move(struct request *request, bool from_front, bool to_front)
{
	struct waiting_move *waiting =
		request_allocate(request, sizeof(*waiting));

	*waiting = (struct waiting_move){
		.blocked = {
			.request = request,
			.type = 'l',
			.keys = &request->argv[1],
			.key_count = 1,
			.attempt = attempt_move,
			.look = look,
			.reply_timeout = reply_not_moved,
		},
		.from_front = from_front,
		.to_front = to_front,
	};
	if (blocking_read_timeout(
		    request, request->argc - 1, &waiting->blocked.timeout_us))
		blocking_wait(&waiting->blocked);
}

void
cmd_blmove(struct request *request)
{
	bool from_front, to_front;

	if (lists_read_end(request, 3, &from_front) &&
		lists_read_end(request, 4, &to_front))
		wait_to_move(request, from_front, to_front);
}

void
cmd_brpoplpush(struct request *request)
{
	wait_to_move(request, false, true);
}
