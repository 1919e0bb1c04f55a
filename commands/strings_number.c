/* Strings as numbers: INCR, DECR and their like. */
#include "commands/strings.h"

#include "commands/errors.h"
#include "commands/request.h"
#include "storage/base/number.h"
#include "storage/call.h"
#include "storage/result.h"

#include <math.h>
#include <stdint.h>

/* Columns of string_increment. */
enum { INCREMENT_TYPE = 1, INCREMENT_NUMBER };

static void
increment_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	if (result->row_count == 0)
		request_reply_error(request, ERROR_OVERFLOW);
	else if (result_char(result, 0, INCREMENT_TYPE) != 's')
		request_reply_error(request, ERROR_WRONG_TYPE);
	else if (result_is_null(result, 0, INCREMENT_NUMBER))
		request_reply_error(request, ERROR_NOT_INTEGER);
	else
		request_reply_integer(
			request, result_int64(result, 0, INCREMENT_NUMBER));
}

static void
increment(struct request *request, int64_t by)
{
	struct call *call = call_new(
		request->store, SQL_string_increment, increment_done, request);

	call_bind_key(call, request->db, request->argv[1]);
	call_bind_int64(call, by);
	call_send(call);
}

void
cmd_incr(struct request *request)
{
	increment(request, 1);
}

void
cmd_decr(struct request *request)
{
	increment(request, -1);
}

void
cmd_incrby(struct request *request)
{
	int64_t by;

	if (request_read_int64(request, 2, &by))
		increment(request, by);
}

void
cmd_decrby(struct request *request)
{
	int64_t by;

	if (!request_read_int64(request, 2, &by))
		return;
	if (by == INT64_MIN)
		request_reply_error(request, "ERR decrement would overflow");
	else
		increment(request, -by);
}

void
cmd_incrbyfloat(struct request *request)
{
	char *digits;
	long double by;
	struct call *call;

	if (!number_parse_long_double(request->argv[2], &by)) {
		request_reply_error(request, ERROR_NOT_FLOAT);
		return;
	}
	if (!isfinite(by)) {
		request_reply_error(
			request, "ERR increment would produce NaN or Infinity");
		return;
	}
	digits = request_allocate(request, NUMBER_LONG_DOUBLE_SIZE);
	number_print_long_double(digits, by);
	call = call_new(request->store, SQL_string_increment_float,
		strings_reply_value_or_error, request);
	call_bind_key(call, request->db, request->argv[1]);
	call_bind_text(call, digits);
	call_send(call);
}
