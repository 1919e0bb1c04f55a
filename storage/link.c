/* A pipelined connection on the loop; see link.h.
 *
 * connecting ──PQconnectPoll──▶ connected ──error──▶ waiting ──timer──▶ connecting
 *
 * `outstanding` and `syncs` count the answers still to come.  They tell when
 * PQgetResult() has nothing more to say, which libpq itself does not in
 * pipeline mode.  A commit that fails is one answer more than there were
 * statements, before that of its sync. */
#include "storage/link.h"

#include "storage/base/log.h"
#include "storage/base/memory.h"

#include <assert.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

enum { BACKOFF_FIRST_MS = 20, BACKOFF_LAST_MS = 2000, CONNECT_TIMEOUT_S = 10 };

struct link {
	struct event_base *base;
	PGconn *connection;
	char *conninfo, *name;
	const struct link_handlers *handlers;
	void *arg;
	struct event *io; /* read, or what PQconnectPoll() waits for */
	struct event *writable;
	struct event *timer; /* back-off, or the limit of connecting */
	bool connected;
	bool broken; /* libpq took a statement's half */
	int outstanding; /* statements */
	int syncs;
	bool split; /* a result is to come row by row */
	int before_split; /* results before that one */
	bool paused;
	int backoff_ms;
	bool given_up; /* close as soon as no handler runs */
	char error[200];
	struct link_place *place; /* NULL: nobody else knows of it */
};

static void connect_start(struct link *link);

static void
show(struct link *link)
{
	if (link->place == NULL)
		return;
	link->place->used = true;
	link->place->backend_pid = link_backend_pid(link);
	link->place->active = link->outstanding + link->syncs > 0;
}

void
link_show(struct link *link, struct link_place *place)
{
	link->place = place;
	show(link);
}

static void
stop_events(struct link *link)
{
	if (link->io != NULL)
		event_free(link->io);
	if (link->writable != NULL)
		event_free(link->writable);
	link->io = link->writable = NULL;
	event_del(link->timer);
}

static void
close_connection(struct link *link)
{
	stop_events(link);
	if (link->connection != NULL)
		PQfinish(link->connection);
	link->connection = NULL;
	link->connected = link->broken = false;
	link->outstanding = link->syncs = 0;
	link->split = link->paused = false;
	show(link);
}

const char *
link_error(const struct link *link)
{
	return link->error;
}

void
link_set_error(struct link *link, const char *reason)
{
	snprintf(link->error, sizeof(link->error), "%s", reason);
}

static void
wait_and_reconnect(struct link *link)
{
	/* Half fixed, half random: many lanes should not come back at once. */
	int wait_ms = link->backoff_ms / 2 +
		(int)(random() % (link->backoff_ms / 2 + 1));
	struct timeval wait = { wait_ms / 1000, wait_ms % 1000 * 1000 };

	link->backoff_ms *= 2;
	if (link->backoff_ms > BACKOFF_LAST_MS)
		link->backoff_ms = BACKOFF_LAST_MS;
	event_add(link->timer, &wait);
}

static void
fail(struct link *link)
{
	char *reason = memory_copy_string(
		link->connection ? PQerrorMessage(link->connection) : "");
	size_t size = strlen(reason);

	while (size > 0 && reason[size - 1] == '\n')
		reason[--size] = '\0';
	log_event(link->connected ? LOG_WARNING : LOG_VERBOSE,
		"database connection lost", "connection", log_text(link->name),
		"reason", log_text(reason), NULL);
	link_set_error(link, reason);
	close_connection(link);
	wait_and_reconnect(link);
	link->handlers->lost(link->arg, reason);
	free(reason);
}

/* libpq wants to be told when the statement is the one whose result is next. */
static void
split_if_next(struct link *link)
{
	if (link->split && link->before_split == 0 &&
		PQsetSingleRowMode(link->connection) == 1)
		link->split = false;
}

static void
count_answer(struct link *link, const PGresult *result)
{
	if (PQresultStatus(result) == PGRES_SINGLE_TUPLE)
		return;
	if (link->outstanding > 0)
		link->outstanding--;
	if (link->split)
		link->before_split--;
}

/* Hands out every complete result.  A handler may send more, and may not free
 * or renew the link. */
static void
deliver_results(struct link *link)
{
	PGconn *connection = link->connection;

	while (link->outstanding + link->syncs > 0 && !link->paused) {
		PGresult *result;

		split_if_next(link);
		if (PQisBusy(connection))
			return;
		result = PQgetResult(connection);
		if (result == NULL) {
			if (PQstatus(connection) == CONNECTION_BAD)
				return;
			continue;
		}
		if (PQstatus(connection) == CONNECTION_BAD &&
			PQresultStatus(result) != PGRES_TUPLES_OK &&
			PQresultStatus(result) != PGRES_SINGLE_TUPLE &&
			PQresultStatus(result) != PGRES_COMMAND_OK &&
			PQresultStatus(result) != PGRES_PIPELINE_SYNC) {
			PQclear(result);
			return;
		}
		if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
			link->syncs--;
			PQclear(result);
			link->handlers->synced(link->arg);
		} else {
			count_answer(link, result);
			link->handlers->result(link->arg, result);
		}
	}
}

static void
deliver_notifications(struct link *link)
{
	PGnotify *notification;

	while ((notification = PQnotifies(link->connection)) != NULL) {
		if (link->handlers->notified != NULL)
			link->handlers->notified(link->arg,
				notification->relname, notification->extra);
		PQfreemem(notification);
	}
}

static void
flush(struct link *link)
{
	int pending = PQflush(link->connection);

	/* A failed write shows up as a failed read, after what had arrived. */
	if (pending == 1)
		event_add(link->writable, NULL);
	else if (pending < 0)
		event_active(link->io, EV_READ, 1);
}

static void
on_writable(evutil_socket_t socket, short what, void *arg)
{
	(void)socket;
	(void)what;
	flush(arg);
}

static void
on_readable(evutil_socket_t socket, short what, void *arg)
{
	struct link *link = arg;
	bool alive = link->paused || PQconsumeInput(link->connection) == 1;

	(void)socket;
	(void)what;
	deliver_results(link);
	show(link);
	if (link->given_up) {
		link->given_up = false;
		close_connection(link);
		wait_and_reconnect(link);
		return;
	}
	if (!alive || link->broken ||
		PQstatus(link->connection) == CONNECTION_BAD) {
		fail(link);
		return;
	}
	/* Nothing is asked, so nothing but notices may come: reading them
	 * also finds a connection that was closed while idle. */
	if (link->outstanding + link->syncs == 0)
		PQisBusy(link->connection);
	deliver_notifications(link);
}

static void
connect_done(struct link *link)
{
	int socket = PQsocket(link->connection);

	event_del(link->timer);
	if (PQsetnonblocking(link->connection, 1) != 0 ||
		PQenterPipelineMode(link->connection) != 1) {
		fail(link);
		return;
	}
	link->io = event_new(
		link->base, socket, EV_READ | EV_PERSIST, on_readable, link);
	link->writable =
		event_new(link->base, socket, EV_WRITE, on_writable, link);
	event_add(link->io, NULL);
	link->connected = true;
	show(link);
	link->handlers->connected(link->arg);
}

static void connect_poll(evutil_socket_t socket, short what, void *arg);

static void
connect_wait(struct link *link, short what)
{
	/* libpq may change its socket from one poll to the next. */
	if (link->io != NULL)
		event_free(link->io);
	link->io = event_new(link->base, PQsocket(link->connection), what,
		connect_poll, link);
	event_add(link->io, NULL);
}

static void
connect_poll(evutil_socket_t socket, short what, void *arg)
{
	struct link *link = arg;

	(void)socket;
	(void)what;
	switch (PQconnectPoll(link->connection)) {
	case PGRES_POLLING_OK:
		event_free(link->io);
		link->io = NULL;
		connect_done(link);
		break;
	case PGRES_POLLING_READING:
		connect_wait(link, EV_READ);
		break;
	case PGRES_POLLING_WRITING:
		connect_wait(link, EV_WRITE);
		break;
	default:
		fail(link);
	}
}

static void
ignore_notice(void *arg, const char *message)
{
	const struct link *link = arg;

	log_event(LOG_DEBUG, "database notice", "connection",
		log_text(link->name), "message", log_text(message), NULL);
}

static void
connect_start(struct link *link)
{
	static const char *const keywords[] = { "dbname", "application_name",
		"client_encoding", NULL };
	const char *values[] = { link->conninfo, link->name, "UTF8", NULL };
	struct timeval limit = { CONNECT_TIMEOUT_S, 0 };

	link->connection = PQconnectStartParams(keywords, values, 1);
	if (link->connection == NULL ||
		PQstatus(link->connection) == CONNECTION_BAD) {
		fail(link);
		return;
	}
	PQsetNoticeProcessor(link->connection, ignore_notice, link);
	event_add(link->timer, &limit);
	connect_wait(link, EV_WRITE);
}

static void
on_timer(evutil_socket_t socket, short what, void *arg)
{
	struct link *link = arg;

	(void)socket;
	(void)what;
	if (link->connection == NULL)
		connect_start(link);
	else if (!link->connected)
		fail(link);
}

struct link *
link_new(struct event_base *base, const char *conninfo, const char *name,
	const struct link_handlers *handlers, void *arg)
{
	struct link *link = memory_allocate_zeroed(1, sizeof(*link));

	link->base = base;
	link->conninfo = memory_copy_string(conninfo);
	link->name = memory_copy_string(name);
	link->handlers = handlers;
	link->arg = arg;
	link->backoff_ms = BACKOFF_FIRST_MS;
	link->timer = evtimer_new(base, on_timer, link);
	/* From the loop: handlers must not run before the owner is complete. */
	event_active(link->timer, EV_TIMEOUT, 1);
	return link;
}

void
link_free(struct link *link)
{
	if (link == NULL)
		return;
	close_connection(link);
	if (link->place != NULL)
		link->place->used = false;
	event_free(link->timer);
	free(link->conninfo);
	free(link->name);
	free(link);
}

static bool
sent(struct link *link, int success, int *count)
{
	if (success == 1) {
		++*count;
	} else {
		link->broken = true;
		event_active(link->io, EV_READ, 1);
	}
	return success == 1;
}

bool
link_send_prepare(struct link *link, const char *name, const char *text)
{
	return sent(link, PQsendPrepare(link->connection, name, text, 0, NULL),
		&link->outstanding);
}

bool
link_send_execute(struct link *link, const char *name, int count,
	const char *const *values, const int *sizes)
{
	static const int binary[LINK_PARAMETERS_MAX] = {
		[0 ... LINK_PARAMETERS_MAX - 1] = 1
	};

	assert(count <= LINK_PARAMETERS_MAX);
	return sent(link,
		PQsendQueryPrepared(link->connection, name, count, values,
			sizes, binary, 1),
		&link->outstanding);
}

void
link_split_next(struct link *link)
{
	link->split = true;
	link->before_split = link->outstanding;
}

void
link_pause(struct link *link)
{
	link->paused = true;
	if (link->connected)
		event_del(link->io);
}

void
link_resume(struct link *link)
{
	link->paused = false;
	if (!link->connected)
		return;
	event_add(link->io, NULL);
	/* Rows may be waiting in libpq's buffer. */
	event_active(link->io, EV_READ, 1);
}

bool
link_send_query(struct link *link, const char *text, int count,
	const char *const *values)
{
	return sent(link,
		PQsendQueryParams(link->connection, text, count, NULL, values,
			NULL, NULL, 1),
		&link->outstanding);
}

bool
link_sync(struct link *link)
{
	bool success =
		sent(link, PQpipelineSync(link->connection), &link->syncs);

	if (success)
		flush(link);
	show(link);
	return success;
}

int
link_backend_pid(const struct link *link)
{
	return link->connected ? PQbackendPID(link->connection) : 0;
}

bool
link_is_connected(const struct link *link)
{
	return link->connected;
}

void
link_give_up(struct link *link)
{
	link->given_up = true;
}

void
link_accept(struct link *link)
{
	link->backoff_ms = BACKOFF_FIRST_MS;
	link->error[0] = '\0';
}

void
link_renew(struct link *link)
{
	close_connection(link);
	event_active(link->timer, EV_TIMEOUT, 1);
}
