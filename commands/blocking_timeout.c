/* How long a command may wait, in Redis' words; see blocking.h. */
#include "commands/blocking.h"

#include "commands/request.h"
#include "storage/base/number.h"

#include <math.h>

/* A century. */
#define TIMEOUT_MAX_MS INT64_C(3155760000000)

bool
blocking_read_timeout(struct request *request, int index, int64_t *timeout_us)
{
	long double seconds, milliseconds;

	if (!number_parse_long_double(request->argv[index], &seconds)) {
		request_reply_error(
			request, "ERR timeout is not a float or out of range");
		return false;
	}
	milliseconds = ceill(seconds * 1000);
	/* So is what overflows, in Redis. */
	if (milliseconds < 0 || milliseconds >= (long double)INT64_MAX) {
		request_reply_error(request, "ERR timeout is negative");
		return false;
	}
	*timeout_us = milliseconds < TIMEOUT_MAX_MS ?
		(int64_t)milliseconds * 1000 :
		(int64_t)TIMEOUT_MAX_MS * 1000;
	return true;
}
