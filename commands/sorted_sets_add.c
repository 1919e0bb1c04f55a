/* ZADD and ZINCRBY: members come in with their scores. */
#include "commands/sorted_sets.h"

#include "commands/blocking.h"
#include "commands/collections.h"
#include "commands/errors.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "storage/base/number.h"
#include "storage/call.h"
#include "storage/result.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Columns of sorted_set_add, and the states of a member there. */
enum { ADD_STATE = 1, ADD_SCORE };
enum { STATE_NOTHING, STATE_ADDED, STATE_CHANGED, STATE_SAME, STATE_NAN };

/* Columns of sorted_set_add_repeated. */
enum { REPEATED_ERROR, REPEATED_ADDED, REPEATED_CHANGED };

struct addition {
	struct request *request;
	bool count_changed;
};

static void
finish_added(struct request *request)
{
	blocking_finish(request, request->db, request->argv + 1, 1);
}

static void
increment_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result) ||
		collections_wrong_type(request, result, ADD_STATE))
		return;
	switch (result_int64(result, 0, ADD_STATE)) {
	case STATE_NAN:
		reply_error(&request->reply,
			"ERR resulting score is not a number (NaN)");
		break;
	case STATE_NOTHING:
		reply_null(&request->reply);
		break;
	default:
		reply_double(
			&request->reply, result_double(result, 0, ADD_SCORE));
	}
	finish_added(request);
}

static void
add_done(void *arg, const struct result *result)
{
	const struct addition *addition = arg;
	struct request *request = addition->request;
	int64_t count = 0;

	if (request_failed(request, result) ||
		collections_wrong_type(request, result, ADD_STATE))
		return;
	for (int row = 0; row < result->row_count; row++) {
		int64_t state = result_int64(result, row, ADD_STATE);

		count += state == STATE_ADDED ||
			(addition->count_changed && state == STATE_CHANGED);
	}
	reply_integer(&request->reply, count);
	finish_added(request);
}

static void
add_repeated_done(void *arg, const struct result *result)
{
	const struct addition *addition = arg;
	struct request *request = addition->request;
	int64_t count;

	if (request_failed(request, result))
		return;
	if (!result_is_null(result, 0, REPEATED_ERROR)) {
		request_reply_error(
			request, result_text(result, 0, REPEATED_ERROR));
		return;
	}
	count = result_int64(result, 0, REPEATED_ADDED);
	if (addition->count_changed)
		count += result_int64(result, 0, REPEATED_CHANGED);
	reply_integer(&request->reply, count);
	finish_added(request);
}

const char *
sorted_sets_array_text(
	struct request *request, const double *numbers, int count)
{
	size_t room = (size_t)count * NUMBER_DOUBLE_SIZE + 3;
	char *text = request_allocate(request, room), *at = text;

	*at++ = '{';
	for (int i = 0; i < count; i++) {
		if (i > 0)
			*at++ = ',';
		/* PostgreSQL reads inf as well. */
		at += number_print_double(at, numbers[i]);
	}
	*at++ = '}';
	*at = '\0';
	return text;
}

/* Members that come twice are added one after the other, for which there is a
 * function. */
static void
add_repeated(struct addition *addition, const int *indices,
	const double *scores, int count, int flags)
{
	struct request *request = addition->request;
	struct bytes *members =
		request_allocate(request, (size_t)count * sizeof(*members));
	struct call *call = call_new(request->store,
		SQL_sorted_set_add_repeated, add_repeated_done, addition);

	for (int i = 0; i < count; i++)
		members[i] = request->argv[indices[i]];
	call_bind_key(call, request->db, request->argv[1]);
	call_bind_bytes_array(call, members, (uint32_t)count);
	call_bind_text(call, sorted_sets_array_text(request, scores, count));
	call_bind_int32(call, flags);
	call_send(call);
}

void
sorted_sets_add(struct request *request, const int *indices,
	const double *scores, int count, int flags, bool count_changed)
{
	struct addition *addition =
		request_allocate(request, sizeof(*addition));
	int step = count > 1 ? indices[1] - indices[0] : 1, *distinct;
	struct call *call;

	*addition = (struct addition){ request, count_changed };
	if (collections_find_distinct(request, indices[0], step, &distinct) <
		count) {
		add_repeated(addition, indices, scores, count, flags);
		return;
	}
	call = flags & ADD_INCREMENT ?
		call_new(request->store, SQL_sorted_set_add, increment_done,
			request) :
		call_new(
			request->store, SQL_sorted_set_add, add_done, addition);
	for (int i = 0; i < count; i++) {
		if (i == 0) {
			call_bind_key(call, request->db, request->argv[1]);
		} else {
			call_next_element(call);
			call_bind_same_key(call);
		}
		call_bind_bytes(call, request->argv[indices[i]]);
		call_bind_double(call, scores[i]);
		call_bind_int32(call, flags);
	}
	call_send(call);
}

/* Reads options from argv[2] on; returns where they end. */
static int
read_options(const struct request *request, int *flags, bool *count_changed)
{
	static const struct {
		const char *word;
		int flag;
	} options[] = {
		{ "NX", ADD_ONLY_NEW },
		{ "XX", ADD_ONLY_PRESENT },
		{ "GT", ADD_ONLY_GREATER },
		{ "LT", ADD_ONLY_LESSER },
		{ "INCR", ADD_INCREMENT },
		{ "CH", 0 },
	};
	enum { OPTION_COUNT = sizeof(options) / sizeof(options[0]) };
	int index, i;

	for (index = 2; index < request->argc; index++) {
		for (i = 0; i < OPTION_COUNT; i++)
			if (request_is_word(request, index, options[i].word))
				break;
		if (i == OPTION_COUNT)
			break;
		*flags |= options[i].flag;
		*count_changed = *count_changed || options[i].flag == 0;
	}
	return index;
}

static const char *
find_conflict(int flags, int count)
{
	enum { GREATER_OR_LESSER = ADD_ONLY_GREATER | ADD_ONLY_LESSER };

	if ((flags & ADD_ONLY_NEW) && (flags & ADD_ONLY_PRESENT))
		return "ERR XX and NX options at the same time are not "
		       "compatible";
	if (((flags & ADD_ONLY_NEW) && (flags & GREATER_OR_LESSER)) ||
		(flags & GREATER_OR_LESSER) == GREATER_OR_LESSER)
		return "ERR GT, LT, and/or NX options at the same time are "
		       "not compatible";
	if ((flags & ADD_INCREMENT) && count > 1)
		return "ERR INCR option supports a single increment-element "
		       "pair";
	return NULL;
}

static void
add(struct request *request, int flags)
{
	bool count_changed = false;
	int first = read_options(request, &flags, &count_changed);
	int count = (request->argc - first) / 2, *indices;
	const char *conflict;
	double *scores;

	if (count == 0 || (request->argc - first) % 2 != 0) {
		request_reply_syntax_error(request);
		return;
	}
	conflict = find_conflict(flags, count);
	if (conflict != NULL) {
		request_reply_error(request, conflict);
		return;
	}
	indices = request_allocate(request, (size_t)count * sizeof(*indices));
	scores = request_allocate(request, (size_t)count * sizeof(*scores));
	for (int i = 0; i < count; i++) {
		if (!request_read_double(request, first + 2 * i, &scores[i]))
			return;
		indices[i] = first + 2 * i + 1;
	}
	sorted_sets_add(request, indices, scores, count, flags, count_changed);
}

void
cmd_zadd(struct request *request)
{
	add(request, 0);
}

void
cmd_zincrby(struct request *request)
{
	add(request, ADD_INCREMENT);
}
