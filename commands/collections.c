/* Arguments and replies that all collections have; see collections.h. */
#include "commands/collections.h"

#include "commands/errors.h"
#include "commands/request.h"
#include "storage/base/bytes.h"
#include "storage/result.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct numbered {
	struct bytes bytes;
	int index;
	int first; /* index of the first that is equal */
};

static int
compare_bytes(const void *a, const void *b)
{
	const struct numbered *left = a, *right = b;
	int order = bytes_compare(left->bytes, right->bytes);

	return order != 0 ? order : left->index - right->index;
}

static int
compare_first(const void *a, const void *b)
{
	const struct numbered *left = a, *right = b;

	return left->first - right->first;
}

/* Leaves the last of those that are equal, each with where the first was. */
static int
drop_equal(struct numbered *sorted, int count)
{
	int distinct = 0, first = 0;

	for (int i = 0; i < count; i++) {
		if (i == 0 ||
			!bytes_equal(sorted[i - 1].bytes, sorted[i].bytes))
			first = sorted[i].index;
		sorted[i].first = first;
		if (i + 1 == count ||
			!bytes_equal(sorted[i].bytes, sorted[i + 1].bytes))
			sorted[distinct++] = sorted[i];
	}
	return distinct;
}

int
collections_find_distinct(
	struct request *request, int first, int step, int **indices)
{
	int count = (request->argc - first + step - 1) / step;
	struct numbered *all =
		request_allocate(request, (size_t)count * sizeof(*all));

	*indices = request_allocate(request, (size_t)count * sizeof(**indices));
	for (int i = 0; i < count; i++)
		all[i] = (struct numbered){ request->argv[first + i * step],
			first + i * step, 0 };
	if (count > 1) {
		qsort(all, (size_t)count, sizeof(*all), compare_bytes);
		count = drop_equal(all, count);
		qsort(all, (size_t)count, sizeof(*all), compare_first);
	}
	for (int i = 0; i < count; i++)
		(*indices)[i] = all[i].index;
	return count;
}

bool
collections_wrong_type(
	struct request *request, const struct result *result, int column)
{
	for (int row = 0; row < result->row_count; row++)
		if (result_is_null(result, row, column)) {
			request_reply_error(request, ERROR_WRONG_TYPE);
			return true;
		}
	return false;
}

int
collections_count_true(const struct result *result, int column)
{
	int count = 0;

	for (int row = 0; row < result->row_count; row++)
		count += result_int64(result, row, column) != 0;
	return count;
}

void
collections_reply_count(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result) ||
		collections_wrong_type(request, result, 1))
		return;
	request_reply_integer(request, collections_count_true(result, 1));
}

bool
collections_read_count(struct request *request, int index, int64_t *count)
{
	if (!request_read_int64(request, index, count))
		return false;
	if (*count != INT64_MIN)
		return true;
	request_reply_errorf(request,
		"ERR value is out of range, value must between %" PRId64
		" and %" PRId64,
		-INT64_MAX, INT64_MAX);
	return false;
}
