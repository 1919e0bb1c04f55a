/* Short answers in one piece, long ones row by row; see listing.h. */
#include "commands/listing.h"

#include "commands/errors.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/strings.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stddef.h>

enum { SHORT_ROWS = 1000 };

struct listing_state {
	struct request *request;
	const struct listing *listing;
	bool started; /* the header is written */
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

static bool
is_wrong_type(const struct listing *listing, const struct result *result)
{
	return listing->type != 0 && result->row_count > 0 &&
		result_char(result, 0, LISTING_TYPE) != listing->type;
}

/* Writes the rows, and before the first of them the header for `total`. */
static void
write_rows(struct listing_state *state, const struct result *result,
	int64_t total)
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
	struct call *call = call_new(state->request->store,
		state->listing->statement, done, state);

	state->listing->bind(state->request, call);
	return call;
}

static void
long_done(void *arg, const struct result *result)
{
	struct listing_state *state = arg;

	if (request_failed(state->request, result))
		return;
	if (is_wrong_type(state->listing, result)) {
		request_reply_error(state->request, ERROR_WRONG_TYPE);
		return;
	}
	if (result->row_count > 0)
		write_rows(state, result,
			result_int64(result, 0, LISTING_TOTAL));
	strings_count_lookup(state->request, result->row_count > 0);
	finish(state);
}

static void
send_long(struct listing_state *state)
{
	struct call *call = new_call(state, long_done);

	call_bind_null(call, VALUE_INT64);
	call_send_route(call, ROUTE_BULK, state->request->db);
}

static void
short_done(void *arg, const struct result *result)
{
	struct listing_state *state = arg;

	if (result->status == STORE_OK && result->row_count > SHORT_ROWS)
		send_long(state);
	else
		long_done(state, result);
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
