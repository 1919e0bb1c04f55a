/* WAIT, which has nothing to wait for.
 *
 * A write is answered after PostgreSQL has made it safe, on its replicas too
 * when synchronous_commit asks for them; Redis' own replicas do not exist. */
#include "commands/keys.h"

#include "commands/request.h"
#include "storage/store.h"

#include <event2/event.h>
#include <stdint.h>
#include <sys/time.h>

static void
wait_done(evutil_socket_t socket, short what, void *arg)
{
	(void)socket;
	(void)what;
	request_reply_integer(arg, 0);
}

/* As in Redis without replicas, time passes. */
void
cmd_wait(struct request *request)
{
	int64_t replicas, timeout_ms;
	struct timeval timeout;

	if (!request_read_int64(request, 1, &replicas) ||
		!request_read_int64_or(request, 2, &timeout_ms,
			"ERR timeout is not an integer or out of range"))
		return;
	if (timeout_ms < 0) {
		request_reply_error(request, "ERR timeout is negative");
		return;
	}
	if (replicas <= 0 || timeout_ms == 0) {
		request_reply_integer(request, 0);
		return;
	}
	timeout.tv_sec = timeout_ms / 1000;
	timeout.tv_usec = timeout_ms % 1000 * 1000;
	event_base_once(store_event_base(request->store), -1, EV_TIMEOUT,
		wait_done, request, &timeout);
}
