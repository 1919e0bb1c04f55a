/* LCS: the longest common subsequence of two strings.
 *
 * A table holds the length of the longest common subsequence of each pair of
 * beginnings; walking back from its last cell finds the subsequence, and its
 * runs of equal bytes, from the end.  Ties go the way redis 7.0.15 takes them
 * (t_string.c, lcsCommand), so that the same one of several comes out. */
#include "commands/strings.h"

#include "commands/errors.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/server.h"
#include "storage/base/memory.h"
#include "storage/base/number.h"
#include "storage/base/settings.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stdlib.h>

/* Columns of string_get. */
enum { GET_TYPE = 1, GET_NUMBER, GET_VALUE };

struct lcs_options {
	bool length, indices, with_lengths;
	int64_t least_length;
};

/* Equal bytes that end before `a_end` and `b_end`. */
struct run {
	uint32_t a_end, b_end, size;
};

struct lcs {
	struct bytes a, b;
	uint32_t *table; /* (a.size + 1) rows of b.size + 1 */
	char *common;
	uint32_t size; /* of the subsequence */
	struct run *runs;
	uint32_t run_count, run_capacity;
};

static uint32_t *
cell(const struct lcs *lcs, size_t i, size_t j)
{
	return &lcs->table[i * (lcs->b.size + 1) + j];
}

static void
fill_table(struct lcs *lcs)
{
	for (size_t i = 1; i <= lcs->a.size; i++) {
		for (size_t j = 1; j <= lcs->b.size; j++) {
			uint32_t above = *cell(lcs, i - 1, j);
			uint32_t left = *cell(lcs, i, j - 1);

			if (lcs->a.data[i - 1] == lcs->b.data[j - 1])
				*cell(lcs, i, j) = *cell(lcs, i - 1, j - 1) + 1;
			else
				*cell(lcs, i, j) = above > left ? above : left;
		}
	}
	lcs->size = *cell(lcs, lcs->a.size, lcs->b.size);
}

/* Byte i of a and j of b (from 1) are equal: they extend the run that begins
 * behind them, or begin one. */
static void
note_match(struct lcs *lcs, uint32_t i, uint32_t j)
{
	if (lcs->run_count > 0) {
		struct run *last = &lcs->runs[lcs->run_count - 1];

		if (last->a_end - last->size == i &&
			last->b_end - last->size == j) {
			last->size++;
			return;
		}
	}
	if (lcs->run_count == lcs->run_capacity) {
		lcs->run_capacity = lcs->run_capacity * 2 + 16;
		lcs->runs = memory_resize(
			lcs->runs, lcs->run_capacity * sizeof(*lcs->runs));
	}
	lcs->runs[lcs->run_count++] = (struct run){ i, j, 1 };
}

static void
walk_back(struct lcs *lcs)
{
	uint32_t i = (uint32_t)lcs->a.size, j = (uint32_t)lcs->b.size;
	uint32_t at = lcs->size;

	lcs->common = memory_allocate(lcs->size + 1);
	while (i > 0 && j > 0) {
		if (lcs->a.data[i - 1] == lcs->b.data[j - 1]) {
			note_match(lcs, i, j);
			lcs->common[--at] = lcs->a.data[i - 1];
			i--;
			j--;
		} else if (*cell(lcs, i - 1, j) > *cell(lcs, i, j - 1)) {
			i--;
		} else {
			j--;
		}
	}
}

static void
reply_run(struct reply *reply, const struct run *run, bool with_length)
{
	reply_array(reply, with_length ? 3 : 2);
	reply_array(reply, 2);
	reply_integer(reply, run->a_end - run->size);
	reply_integer(reply, run->a_end - 1);
	reply_array(reply, 2);
	reply_integer(reply, run->b_end - run->size);
	reply_integer(reply, run->b_end - 1);
	if (with_length)
		reply_integer(reply, run->size);
}

static void
reply_runs(struct reply *reply, const struct lcs *lcs,
	const struct lcs_options *options)
{
	size_t count = 0;

	for (uint32_t i = 0; i < lcs->run_count; i++)
		count += lcs->runs[i].size >= options->least_length;
	reply_map(reply, 2);
	reply_bulk_text(reply, "matches");
	reply_array(reply, count);
	for (uint32_t i = 0; i < lcs->run_count; i++)
		if (lcs->runs[i].size >= options->least_length)
			reply_run(reply, &lcs->runs[i], options->with_lengths);
	reply_bulk_text(reply, "len");
	reply_integer(reply, lcs->size);
}

static bool
read_options(struct request *request, struct lcs_options *options)
{
	for (int i = 3; i < request->argc; i++) {
		if (request_is_word(request, i, "IDX")) {
			options->indices = true;
		} else if (request_is_word(request, i, "LEN")) {
			options->length = true;
		} else if (request_is_word(request, i, "WITHMATCHLEN")) {
			options->with_lengths = true;
		} else if (request_is_word(request, i, "MINMATCHLEN") &&
			i + 1 < request->argc) {
			if (!request_read_int64(
				    request, ++i, &options->least_length))
				return false;
		} else {
			request_reply_syntax_error(request);
			return false;
		}
	}
	if (options->length && options->indices) {
		request_reply_error(request,
			"ERR If you want both the length and indexes, "
			"please just use IDX.");
		return false;
	}
	return true;
}

static bool
allocate_table(struct request *request, struct lcs *lcs)
{
	size_t cells,
		limit = (size_t)settings_get(
			request->server->settings, proto_max_bulk_len);

	if (__builtin_mul_overflow(lcs->a.size + 1, lcs->b.size + 1, &cells) ||
		cells > limit / sizeof(*lcs->table)) {
		request_reply_error(request,
			"ERR Insufficient memory, transient memory for LCS "
			"exceeds proto-max-bulk-len");
		return false;
	}
	lcs->table = memory_allocate_zeroed(cells, sizeof(*lcs->table));
	return true;
}

static void
compare(struct request *request, struct lcs *lcs)
{
	struct lcs_options options = { .least_length = 0 };

	if (!read_options(request, &options) || !allocate_table(request, lcs))
		return;
	fill_table(lcs);
	if (!options.length)
		walk_back(lcs);
	if (options.indices)
		reply_runs(&request->reply, lcs, &options);
	else if (options.length)
		reply_integer(&request->reply, lcs->size);
	else
		reply_bulk(&request->reply,
			(struct bytes){ lcs->common, lcs->size });
	free(lcs->table);
	free(lcs->common);
	free(lcs->runs);
	request_finish(request);
}

static struct bytes
read_value(const struct result *result, int row, char *digits)
{
	if (row < 0)
		return bytes_of("");
	if (result_is_null(result, row, GET_NUMBER))
		return result_bytes(result, row, GET_VALUE);
	return (struct bytes){ digits,
		number_print_int64(
			digits, result_int64(result, row, GET_NUMBER)) };
}

static void
lcs_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	char digits[2][NUMBER_INT64_SIZE];
	struct lcs lcs = { .table = NULL };
	int first, second;

	if (request_failed(request, result))
		return;
	for (int i = 0; i < result->row_count; i++) {
		if (result_char(result, i, GET_TYPE) == 's')
			continue;
		request_reply_error(request,
			"ERR The specified keys must contain string values");
		return;
	}
	first = result_row_of_element(result, 0, -1);
	second = result_row_of_element(result, 1, first);
	lcs.a = read_value(result, first, digits[0]);
	lcs.b = read_value(result, second, digits[1]);
	compare(request, &lcs);
}

void
cmd_lcs(struct request *request)
{
	struct call *call =
		call_new(request->store, SQL_string_get, lcs_done, request);

	call_bind_keys(call, request->db, request->argv + 1, 2);
	call_send_route(call, request->route, request->db);
}
