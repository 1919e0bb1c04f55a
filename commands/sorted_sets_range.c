/* Parts of a sorted set by rank, score or alphabet: ZRANGE and its like. */
#include "commands/sorted_sets.h"

#include "commands/errors.h"
#include "commands/listing.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/strings.h"
#include "storage/base/bytes.h"
#include "storage/call.h"
#include "storage/indexed_key.h"
#include "storage/result.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* A score as a bound: what strtod() reads up to the first NUL. */
static bool
read_score(struct request *request, struct bytes text, double *score,
	bool *exclusive)
{
	const char *copy = request_copy_text(request, text);
	char *end;

	*exclusive = copy[0] == '(';
	*score = strtod(copy + *exclusive, &end);
	return *end == '\0' && !isnan(*score);
}

/* The position before all scores above `score`. */
static double
next_score(double score)
{
	return isinf(score) && score > 0 ? NAN : nextafter(score, INFINITY);
}

static bool
read_scores(struct request *request, struct sorted_set_window *window, int low,
	int high)
{
	bool above, below;

	if (!read_score(
		    request, request->argv[low], &window->low.score, &above) ||
		!read_score(request, request->argv[high], &window->high.score,
			&below)) {
		request_reply_error(request, "ERR min or max is not a float");
		return false;
	}
	if (above)
		window->low.score = next_score(window->low.score);
	if (!below)
		window->high.score = next_score(window->high.score);
	window->low.member = window->high.member = bytes_of("");
	return true;
}

/* The member itself, or what follows it first when `behind`. */
static struct bytes
member_position(struct request *request, struct bytes member, bool behind)
{
	size_t room = member.size < INDEXED_KEY_SIZE ? member.size + 1 :
						       INDEXED_KEY_SIZE + 1;
	char *form = request_allocate(request, room);
	size_t size = member.size;

	if (indexed_key_is_plain(member)) {
		memcpy(form, member.data, member.size);
	} else {
		indexed_key_make(member, form);
		size = INDEXED_KEY_SIZE;
	}
	if (behind)
		form[size++] = '\0';
	return (struct bytes){ form, size };
}

static bool
read_letters(struct request *request, struct bytes text, bool is_high,
	struct sorted_set_position *position)
{
	char first = '\0';

	if (text.size > 0)
		first = text.data[0];
	position->member = bytes_of("");
	if (first == '-' || first == '+') {
		position->score = first == '-' ? -INFINITY : NAN;
		return text.size == 1 || text.data[1] == '\0';
	}
	if (first != '[' && first != '(')
		return false;
	position->of_first = true;
	position->member = member_position(request,
		(struct bytes){ text.data + 1, text.size - 1 },
		(first == '(') != is_high);
	return true;
}

static bool
read_alphabet(struct request *request, struct sorted_set_window *window,
	int low, int high)
{
	if (read_letters(request, request->argv[low], false, &window->low) &&
		read_letters(request, request->argv[high], true, &window->high))
		return true;
	request_reply_error(
		request, "ERR min or max not valid string range item");
	return false;
}

bool
sorted_sets_read_window(struct request *request,
	struct sorted_set_window *window, enum sorted_set_order order, int low,
	int high)
{
	*window = (struct sorted_set_window){ .count = -1 };
	if (order == ORDER_SCORE)
		return read_scores(request, window, low, high);
	if (order == ORDER_ALPHABET)
		return read_alphabet(request, window, low, high);
	window->by_rank = true;
	return request_read_int64(request, low, &window->first) &&
		request_read_int64(request, high, &window->last);
}

static void
bind_position(struct call *call, const struct sorted_set_position *position)
{
	if (position->of_first)
		call_bind_null(call, VALUE_DOUBLE);
	else
		call_bind_double(call, position->score);
	call_bind_bytes(call, position->member);
}

void
sorted_sets_bind_positions(
	struct call *call, const struct sorted_set_window *window)
{
	bind_position(call, &window->low);
	bind_position(call, &window->high);
}

static void
bind_ranks(struct call *call, const struct sorted_set_window *window)
{
	if (window->by_rank) {
		call_bind_int64(call, window->first);
		call_bind_int64(call, window->last);
	} else {
		call_bind_null(call, VALUE_INT64);
		call_bind_null(call, VALUE_INT64);
	}
}

void
sorted_sets_bind_window(
	struct call *call, const struct sorted_set_window *window)
{
	bind_ranks(call, window);
	sorted_sets_bind_positions(call, window);
	call_bind_int64(call, window->offset);
	call_bind_int64(call, window->count);
}

/* --- ZRANGE ---------------------------------------------------------- */

/* What the options of ZRANGE and of its older forms say. */
struct range {
	struct sorted_set_window window;
	bool with_scores;
	bool auto_order, auto_direction; /* BYSCORE…, REV are options */
	enum sorted_set_order order;
	bool backwards;
	int64_t offset, count;
	int key; /* its index */
	struct listing listing;
};

/* Reads the option at argv[*index], and leaves the index at its last word;
 * false when it has replied. */
static bool
read_option(
	struct request *request, struct range *range, bool store, int *index)
{
	int i = *index;

	if (!store && request_is_word(request, i, "WITHSCORES")) {
		range->with_scores = true;
	} else if (request_is_word(request, i, "LIMIT") &&
		i + 2 < request->argc) {
		*index += 2;
		return request_read_int64(request, i + 1, &range->offset) &&
			request_read_int64(request, i + 2, &range->count);
	} else if (range->auto_direction && !range->backwards &&
		request_is_word(request, i, "REV")) {
		range->backwards = true;
	} else if (range->auto_order && range->order == ORDER_RANK &&
		request_is_word(request, i, "BYLEX")) {
		range->order = ORDER_ALPHABET;
	} else if (range->auto_order && range->order == ORDER_RANK &&
		request_is_word(request, i, "BYSCORE")) {
		range->order = ORDER_SCORE;
	} else {
		request_reply_syntax_error(request);
		return false;
	}
	return true;
}

/* Reads all from argv[range->key] on. */
static bool
read_range(struct request *request, struct range *range, bool store)
{
	int low = range->key + 1, high = range->key + 2;
	bool swapped;

	range->count = -1;
	for (int i = range->key + 3; i < request->argc; i++)
		if (!read_option(request, range, store, &i))
			return false;
	if (range->count != -1 && range->order == ORDER_RANK) {
		request_reply_error(request,
			"ERR syntax error, LIMIT is only supported in "
			"combination with either BYSCORE or BYLEX");
		return false;
	}
	if (range->with_scores && range->order == ORDER_ALPHABET) {
		request_reply_error(request,
			"ERR syntax error, WITHSCORES not supported in "
			"combination with BYLEX");
		return false;
	}
	swapped = range->backwards && range->order != ORDER_RANK;
	if (!sorted_sets_read_window(request, &range->window, range->order,
		    swapped ? high : low, swapped ? low : high))
		return false;
	range->window.backwards = range->backwards;
	if (range->order != ORDER_RANK) {
		range->window.offset = range->offset;
		range->window.count = range->count;
	}
	return true;
}

static void
bind_range(struct request *request, struct call *call)
{
	const struct range *range = request->state;

	call_bind_key(call, request->db, request->argv[range->key]);
	sorted_sets_bind_window(call, &range->window);
}

static void
write_member(struct request *request, const struct result *result, int row)
{
	strings_reply_bytes(request, result, row, LISTING_FIRST);
}

static void
write_member_and_score(
	struct request *request, const struct result *result, int row)
{
	sorted_sets_write_pair(request, result, row, LISTING_FIRST);
}

static void
send_range(struct request *request, struct range range)
{
	struct range *kept = request_allocate(request, sizeof(*kept));
	bool flat = request->reply.protocol == 2;

	range.key = 1;
	if (!read_range(request, &range, false))
		return;
	range.listing = (struct listing){
		.statement = range.backwards ? SQL_sorted_set_range_backwards :
					       SQL_sorted_set_range,
		.shape = LISTING_ARRAY,
		.type = 'z',
		.replies_per_row = range.with_scores && flat ? 2 : 1,
		.bind = bind_range,
		.write_row = range.with_scores ? write_member_and_score :
						 write_member,
	};
	*kept = range;
	request->state = kept;
	listing_send(request, &kept->listing);
}

void
cmd_zrange(struct request *request)
{
	send_range(request,
		(struct range){ .auto_order = true, .auto_direction = true });
}

void
cmd_zrevrange(struct request *request)
{
	send_range(request, (struct range){ .backwards = true });
}

void
cmd_zrangebyscore(struct request *request)
{
	send_range(request, (struct range){ .order = ORDER_SCORE });
}

void
cmd_zrevrangebyscore(struct request *request)
{
	send_range(request,
		(struct range){ .order = ORDER_SCORE, .backwards = true });
}

void
cmd_zrangebylex(struct request *request)
{
	send_range(request, (struct range){ .order = ORDER_ALPHABET });
}

void
cmd_zrevrangebylex(struct request *request)
{
	send_range(request,
		(struct range){ .order = ORDER_ALPHABET, .backwards = true });
}

void
cmd_zrangestore(struct request *request)
{
	struct range range = {
		.key = 2,
		.auto_order = true,
		.auto_direction = true,
	};
	struct call *call;

	if (!read_range(request, &range, true))
		return;
	call = call_new(request->store, SQL_sorted_set_store_range,
		sorted_sets_reply_stored, request);
	call_bind_key(call, request->db, request->argv[1]);
	call_bind_bytes(call, request->argv[2]);
	call_bind_bool(call, range.backwards);
	sorted_sets_bind_window(call, &range.window);
	call_send_route(call, request->route, request->db);
}

/* --- counting and removing ------------------------------------------- */

static void
count_done(void *arg, const struct result *result)
{
	enum { COUNT_TYPE, COUNT_SIZE };
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	strings_count_lookup(request, result->row_count > 0);
	if (result->row_count == 0)
		request_reply_integer(request, 0);
	else if (result_char(result, 0, COUNT_TYPE) != 'z')
		request_reply_error(request, ERROR_WRONG_TYPE);
	else
		request_reply_integer(
			request, result_int64(result, 0, COUNT_SIZE));
}

static void
count(struct request *request, enum sorted_set_order order)
{
	struct sorted_set_window window;
	struct call *call;

	if (!sorted_sets_read_window(request, &window, order, 2, 3))
		return;
	call = call_new(
		request->store, SQL_sorted_set_count, count_done, request);
	call_bind_key(call, request->db, request->argv[1]);
	sorted_sets_bind_positions(call, &window);
	call_send(call);
}

void
cmd_zcount(struct request *request)
{
	count(request, ORDER_SCORE);
}

void
cmd_zlexcount(struct request *request)
{
	count(request, ORDER_ALPHABET);
}

static void
remove_range(struct request *request, enum sorted_set_order order)
{
	struct sorted_set_window window;
	struct call *call;

	if (!sorted_sets_read_window(request, &window, order, 2, 3))
		return;
	call = call_new(request->store, SQL_sorted_set_remove_range,
		strings_reply_integer_or_error, request);
	call_bind_key(call, request->db, request->argv[1]);
	bind_ranks(call, &window);
	sorted_sets_bind_positions(call, &window);
	call_send(call);
}

void
cmd_zremrangebyrank(struct request *request)
{
	remove_range(request, ORDER_RANK);
}

void
cmd_zremrangebyscore(struct request *request)
{
	remove_range(request, ORDER_SCORE);
}

void
cmd_zremrangebylex(struct request *request)
{
	remove_range(request, ORDER_ALPHABET);
}
