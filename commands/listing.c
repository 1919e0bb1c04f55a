/* Short answers in one piece, long ones row by row; see listing.h. */
#include "commands/listing.h"

#include "commands/errors.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/strings.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stddef.h>

enum {
	SHORT_ROWS = 1000,
	PART_SIZE = 64 * 1024, /* bytes of a long answer that leave together */
};

struct listing_state {
	struct request *request;
	const struct listing *listing;
	struct call *stream;
	bool started; /* the header is written */
	bool sent; /* a part of the reply has left */
	const char *error;
};

static void
write_header(struct listing_state *state, int64_t rows)
{
	struct reply *reply = &state->request->reply;
	const struct listing *listing = state->listing;

	state->started = true;
	switch (listing->shape) {
	case LISTING_ARRAY:
		reply_array(reply, (size_t)(rows * listing->replies_per_row));
		break;
	case LISTING_SET:
		reply_set(reply, (size_t)rows);
		break;
	case LISTING_MAP:
		reply_map(reply, (size_t)rows);
		break;
	}
}

/* What is wrong with the key's type; NULL: nothing. */
static const char *
find_error(const struct listing *listing, const struct result *result)
{
	char type;

	if (listing->type == 0 || result->row_count == 0)
		return NULL;
	type = result_char(result, 0, LISTING_TYPE);
	if (type == listing->type)
		return NULL;
	return listing->find_error != NULL ? listing->find_error(type) :
					     ERROR_WRONG_TYPE;
}

/* Writes the rows, and before the first of them the header for `total`. */
static void
write_rows(
	struct listing_state *state, const struct result *result, int64_t total)
{
	if (!state->started) {
		if (result_is_null(result, 0, LISTING_FIRST))
			total = 0;
		write_header(state, total);
		if (total == 0)
			return;
	}
	for (int row = 0; row < result->row_count; row++)
		state->listing->write_row(state->request, result, row);
}

static void
finish(struct listing_state *state)
{
	struct request *request = state->request;

	if (!state->started && state->listing->reply_absent != NULL) {
		state->listing->reply_absent(request);
		return;
	}
	if (!state->started)
		write_header(state, 0);
	request_finish(request);
}

static struct call *
new_call(struct listing_state *state, call_done done)
{
	struct call *call = call_new(
		state->request->store, state->listing->statement, done, state);

	state->listing->bind(state->request, call);
	return call;
}

/* --- long answers ---------------------------------------------------- */

static void
on_room(struct request *request)
{
	struct listing_state *state = request->listing;

	call_resume_stream(state->stream);
}

static bool
long_rows(void *arg, const struct result *result)
{
	struct listing_state *state = arg;

	/* The key may have become another since the short answer. */
	if (state->error == NULL)
		state->error = find_error(state->listing, result);
	if (state->error != NULL)
		return true;
	write_rows(state, result, result_int64(result, 0, LISTING_TOTAL));
	if (reply_size(&state->request->reply) < PART_SIZE)
		return true;
	state->sent = true;
	return request_send_part(state->request, on_room);
}

static void
long_done(void *arg, const struct result *result)
{
	struct listing_state *state = arg;

	state->stream = NULL;
	if (result->status != STORE_OK && state->sent) {
		request_break_off(state->request);
		return;
	}
	if (result->status != STORE_OK && state->started) {
		int protocol = state->request->reply.protocol;

		/* Not in the middle of an array. */
		reply_release(&state->request->reply);
		reply_init(&state->request->reply, protocol);
	}
	if (request_failed(state->request, result))
		return;
	if (state->error != NULL)
		request_reply_error(state->request, state->error);
	else
		finish(state);
}

static void
send_long(struct request *request)
{
	struct listing_state *state = request->listing;

	state->stream = new_call(state, long_done);
	call_bind_null(state->stream, VALUE_INT64);
	call_stream(state->stream, request->db, long_rows);
}

/* --- short answers --------------------------------------------------- */

static void
short_done(void *arg, const struct result *result)
{
	struct listing_state *state = arg;
	struct request *request = state->request;

	if (request_failed(request, result))
		return;
	strings_count_lookup(request, result->row_count > 0);
	state->error = find_error(state->listing, result);
	if (state->error != NULL) {
		request_reply_error(request, state->error);
	} else if (result->row_count > SHORT_ROWS) {
		request->listing = state;
		request_when_first(request, send_long);
	} else {
		if (result->row_count > 0)
			write_rows(state, result, result->row_count);
		finish(state);
	}
}

void
listing_send(struct request *request, const struct listing *listing)
{
	struct listing_state *state = request_allocate(request, sizeof(*state));
	struct call *call;

	*state = (struct listing_state){ .request = request,
		.listing = listing };
	call = new_call(state, short_done);
	call_bind_int64(call, SHORT_ROWS + 1);
	call_send(call);
}
