/* Walking through the elements of one key; see collections_scan.h. */
#include "commands/collections_scan.h"

#include "commands/errors.h"
#include "commands/keys.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/strings.h"
#include "storage/base/glob.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stddef.h>
#include <stdint.h>

enum { SCAN_COUNT = 10, HASH_COUNT_BITS = 32 };

/* Columns before the name. */
enum { SCAN_ROW_TYPE, SCAN_ROW_WANTED, SCAN_ROW_HASH };

struct walk {
	struct request *request;
	const struct collection_scan *scan;
	struct bytes pattern; /* without data: none */
	int64_t count;
	bool names_only;
};

static bool
read_options(struct walk *walk)
{
	struct request *request = walk->request;

	for (int i = 3; i < request->argc; i++) {
		bool more = i + 1 < request->argc;

		if (more && request_is_word(request, i, "COUNT")) {
			if (!request_read_int64(request, ++i, &walk->count))
				return false;
			if (walk->count >= 1)
				continue;
		} else if (more && request_is_word(request, i, "MATCH")) {
			walk->pattern = request->argv[++i];
			continue;
		} else if (walk->scan->takes_novalues &&
			request_is_word(request, i, "NOVALUES")) {
			walk->names_only = true;
			continue;
		}
		request_reply_syntax_error(request);
		return false;
	}
	return true;
}

static bool
is_wanted(const struct walk *walk, const struct result *result, int row)
{
	return !result_is_null(result, row, SCAN_ROW_HASH) &&
		(walk->pattern.data == NULL ||
			glob_match(walk->pattern,
				result_bytes(result, row, SCAN_ROW_NAME),
				false));
}

static int64_t
next_cursor(const struct result *result)
{
	int last = result->row_count - 1;
	int64_t next;

	if (last < 0 || result_is_null(result, last, SCAN_ROW_HASH) ||
		result->row_count < result_int64(result, 0, SCAN_ROW_WANTED))
		return 0;
	next = result_int64(result, last, SCAN_ROW_HASH) - INT32_MIN + 1;
	return next >> HASH_COUNT_BITS ? 0 : next;
}

static void
reply_elements(const struct walk *walk, const struct result *result)
{
	struct reply *reply = &walk->request->reply;
	bool pairs = walk->scan->has_values && !walk->names_only;
	size_t count = 0;

	for (int row = 0; row < result->row_count; row++)
		count += is_wanted(walk, result, row);
	reply_array(reply, pairs ? count * 2 : count);
	for (int row = 0; row < result->row_count; row++) {
		if (!is_wanted(walk, result, row))
			continue;
		strings_reply_bytes(walk->request, result, row, SCAN_ROW_NAME);
		if (pairs)
			walk->scan->write_value(walk->request, result, row);
	}
}

static void
scan_done(void *arg, const struct result *result)
{
	struct walk *walk = arg;
	struct request *request = walk->request;

	if (request_failed(request, result))
		return;
	if (result->row_count > 0 &&
		result_char(result, 0, SCAN_ROW_TYPE) != walk->scan->type) {
		request_reply_error(request, ERROR_WRONG_TYPE);
		return;
	}
	reply_array(&request->reply, 2);
	reply_bulk_integer(&request->reply, next_cursor(result));
	reply_elements(walk, result);
	request_finish(request);
}

static void
reply_end(struct request *request)
{
	reply_array(&request->reply, 2);
	reply_bulk_text(&request->reply, "0");
	reply_array(&request->reply, 0);
	request_finish(request);
}

void
collections_scan(struct request *request, const struct collection_scan *scan)
{
	struct walk *walk = request_allocate(request, sizeof(*walk));
	struct call *call;
	int64_t cursor;

	*walk = (struct walk){
		.request = request, .scan = scan, .count = SCAN_COUNT
	};
	if (!keys_read_cursor(request, 2, &cursor) || !read_options(walk))
		return;
	if (cursor >> HASH_COUNT_BITS) {
		reply_end(request);
		return;
	}
	call = call_new(request->store, scan->statement, scan_done, walk);
	call_bind_key(call, request->db, request->argv[1]);
	call_bind_int32(call, (int32_t)(cursor + INT32_MIN));
	call_bind_int64(call, walk->count);
	if (scan->bind != NULL)
		scan->bind(request, call);
	call_send(call);
}
