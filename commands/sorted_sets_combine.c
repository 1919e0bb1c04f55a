/* Several sorted sets at once: ZUNION, ZINTER, ZDIFF and what stores them. */
#include "commands/sorted_sets.h"

#include "commands/errors.h"
#include "commands/listing.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/strings.h"
#include "storage/base/bytes.h"
#include "storage/base/number.h"
#include "storage/call.h"
#include "storage/result.h"

#include <inttypes.h>
#include <stddef.h>

struct combination {
	const char *operation; /* "union", "inter" or "diff" */
	bool stores, counts;
	int keys; /* the index of the first of them */
	int key_count;
	const char *weights; /* an array's text; NULL: all 1 */
	const char *aggregate;
	bool with_scores;
	int64_t limit; /* 0: none */
	struct listing listing;
};

/* Reads the number of keys and finds them. */
static bool
read_keys(struct request *request, struct combination *combination)
{
	int at = combination->keys - 1;
	int64_t count;

	if (!request_read_int64(request, at, &count))
		return false;
	if (count < 1) {
		request_reply_errorf(request,
			"ERR at least 1 input key is needed for '%s' command",
			request->command->name);
		return false;
	}
	if (count > request->argc - at - 1) {
		request_reply_syntax_error(request);
		return false;
	}
	combination->key_count = (int)count;
	return true;
}

static bool
read_weights(
	struct request *request, struct combination *combination, int first)
{
	int count = combination->key_count;
	double *weights =
		request_allocate(request, (size_t)count * sizeof(*weights));

	for (int i = 0; i < count; i++)
		if (!number_parse_double(
			    request->argv[first + i], &weights[i])) {
			request_reply_error(
				request, "ERR weight value is not a float");
			return false;
		}
	combination->weights = sorted_sets_array_text(request, weights, count);
	return true;
}

static bool
read_aggregate(
	struct request *request, struct combination *combination, int index)
{
	static const char *const names[] = { "SUM", "MIN", "MAX" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (request_is_word(request, index, names[i])) {
			combination->aggregate = names[i];
			return true;
		}
	request_reply_syntax_error(request);
	return false;
}

static bool
read_limit(struct request *request, struct combination *combination, int index)
{
	const char *error = "ERR LIMIT can't be negative";

	if (!request_read_int64_or(request, index, &combination->limit, error))
		return false;
	if (combination->limit >= 0)
		return true;
	request_reply_error(request, error);
	return false;
}

static bool
read_options(struct request *request, struct combination *combination)
{
	bool weighs = !combination->counts && combination->operation[0] != 'd';
	int i = combination->keys + combination->key_count;

	while (i < request->argc) {
		int left = request->argc - i;

		if (weighs && left > combination->key_count &&
			request_is_word(request, i, "WEIGHTS")) {
			if (!read_weights(request, combination, i + 1))
				return false;
			i += combination->key_count + 1;
		} else if (weighs && left >= 2 &&
			request_is_word(request, i, "AGGREGATE")) {
			if (!read_aggregate(request, combination, i + 1))
				return false;
			i += 2;
		} else if (!combination->stores && !combination->counts &&
			request_is_word(request, i, "WITHSCORES")) {
			combination->with_scores = true;
			i++;
		} else if (combination->counts && left >= 2 &&
			request_is_word(request, i, "LIMIT")) {
			if (!read_limit(request, combination, i + 1))
				return false;
			i += 2;
		} else {
			request_reply_syntax_error(request);
			return false;
		}
	}
	return true;
}

static void
bind_operands(struct request *request, struct call *call)
{
	const struct combination *combination = request->state;

	call_bind_text(call, combination->operation);
	call_bind_bytes_array(call, request->argv + combination->keys,
		(uint32_t)combination->key_count);
	if (combination->weights != NULL)
		call_bind_text(call, combination->weights);
	else
		call_bind_null(call, VALUE_TEXT);
	call_bind_text(call, combination->aggregate);
}

static void
bind_listing(struct request *request, struct call *call)
{
	const struct combination *combination = request->state;

	call_bind_key(call, request->db, request->argv[combination->keys]);
	bind_operands(request, call);
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
send_listing(struct request *request)
{
	struct combination *combination = request->state;
	bool scores = combination->with_scores;

	combination->listing = (struct listing){
		.statement = SQL_sorted_set_combine,
		.shape = LISTING_ARRAY,
		.type = 'z',
		.replies_per_row =
			scores && request->reply.protocol == 2 ? 2 : 1,
		.bind = bind_listing,
		.write_row = scores ? write_member_and_score : write_member,
	};
	listing_send(request, &combination->listing);
}

static void
count_done(void *arg, const struct result *result)
{
	enum { WRONG_TYPE, COUNT };
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	if (!result_is_null(result, 0, WRONG_TYPE))
		request_reply_error(request, ERROR_WRONG_TYPE);
	else
		request_reply_integer(request, result_int64(result, 0, COUNT));
}

static void
send_count(struct request *request)
{
	const struct combination *combination = request->state;
	struct call *call = call_new(request->store,
		SQL_sorted_set_combine_count, count_done, request);

	call_bind_key(call, request->db, request->argv[combination->keys]);
	call_bind_bytes_array(call, request->argv + combination->keys,
		(uint32_t)combination->key_count);
	call_bind_optional_int64(
		call, combination->limit > 0, combination->limit);
	call_send_route(call, request->route, request->db);
}

static void
send_store(struct request *request)
{
	struct call *call =
		call_new(request->store, SQL_sorted_set_store_combination,
			sorted_sets_reply_stored, request);

	call_bind_key(call, request->db, request->argv[1]);
	bind_operands(request, call);
	call_send_route(call, request->route, request->db);
}

static void
combine(struct request *request, struct combination combination)
{
	struct combination *kept = request_allocate(request, sizeof(*kept));

	combination.keys = combination.stores ? 3 : 2;
	combination.aggregate = "SUM";
	if (!read_keys(request, &combination) ||
		!read_options(request, &combination))
		return;
	*kept = combination;
	request->state = kept;
	if (kept->stores)
		send_store(request);
	else if (kept->counts)
		send_count(request);
	else
		send_listing(request);
}

void
cmd_zunion(struct request *request)
{
	combine(request, (struct combination){ .operation = "union" });
}

void
cmd_zunionstore(struct request *request)
{
	combine(request,
		(struct combination){ .operation = "union", .stores = true });
}

void
cmd_zinter(struct request *request)
{
	combine(request, (struct combination){ .operation = "inter" });
}

void
cmd_zintercard(struct request *request)
{
	combine(request,
		(struct combination){ .operation = "inter", .counts = true });
}

void
cmd_zinterstore(struct request *request)
{
	combine(request,
		(struct combination){ .operation = "inter", .stores = true });
}

void
cmd_zdiff(struct request *request)
{
	combine(request, (struct combination){ .operation = "diff" });
}

void
cmd_zdiffstore(struct request *request)
{
	combine(request,
		(struct combination){ .operation = "diff", .stores = true });
}
