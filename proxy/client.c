/* Reading, ordering and writing for one client; see client.h. */
#include "proxy/client.h"

#include "commands/authentication.h"
#include "commands/counters.h"
#include "commands/host.h"
#include "commands/pubsub.h"
#include "commands/request.h"
#include "commands/server.h"
#include "proxy/dispatch.h"
#include "proxy/parser.h"
#include "proxy/pause.h"
#include "proxy/tls.h"
#include "proxy/worker.h"
#include "storage/base/clock.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/base/settings.h"
#include "storage/base/shared_bytes.h"
#include "storage/store.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	/* A client that does not read its answers is not read either, from
	 * this many bytes on. */
	OUTPUT_HIGH_WATER = 4 << 20,
	/* What a reply may be before the first is known. */
	REPLY_SIZE_FIRST = 128 * 1024,
	UNAUTHENTICATED_ARGUMENTS_MAX = 10,
	UNAUTHENTICATED_BULK_MAX = 16384,
	UNAUTHENTICATED_BUFFER_MAX = 256 * 1024,
	UNAUTHENTICATED_OUTPUT_MAX = 1024, /* beyond what the socket takes */
	REUSED_PARSER_SIZE_MAX = 64 * 1024,
	/* Copying so few bytes of a message costs less than sharing them. */
	COPIED_MESSAGE_MAX = 2048,
	/* A long answer holds a connection to the database: who does not read
	 * half of OUTPUT_HIGH_WATER of it in so long a time is closed. */
	STUCK_US = 30 * 1000 * 1000,
};

static void finish_request(struct request *request);

/* --- life ------------------------------------------------------------ */

static void
free_client(struct client *client)
{
	struct worker *worker = client->worker;

	*client->previous = client->next;
	if (client->next != NULL)
		client->next->previous = client->previous;
	atomic_fetch_sub_explicit(
		&worker->client_count, 1, memory_order_relaxed);
	counter_add(worker->counters->connections, -1);
	if (client->partial != NULL)
		worker_give_request(worker, client->partial);
	parser_free(client->parser);
	if (client->output != NULL)
		evbuffer_free(client->output);
	free(client->connection.name);
	free(client->connection.library_name);
	free(client->connection.library_version);
	free(client);
}

static void
close_socket(struct client *client)
{
	if (client->socket < 0)
		return;
	if (client->connection.monitor)
		client->worker->server->host->set_monitor(
			&client->connection, false);
	pause_forget(client);
	event_free(client->readable);
	if (client->writable != NULL)
		event_free(client->writable);
	client->readable = client->writable = NULL;
	tls_free(client->tls);
	client->tls = NULL;
	close(client->socket);
	client->socket = -1;
	client->closing = true;
	client->connection.gone = true;
	pubsub_leave(client->worker->server->pubsub, &client->connection);
	if (client->connection.unblock != NULL)
		client->connection.unblock(&client->connection, UNBLOCK_CLOSED);
}

void
client_abandon(struct client *client)
{
	close_socket(client);
	while (client->first != NULL) {
		struct request *request = client->first;

		client->first = request->next;
		worker_give_request(client->worker, request);
	}
	client->in_flight = 0;
	free_client(client);
}

/* A client on a list of the worker is freed when that list comes to it. */
static void
free_if_done(struct client *client)
{
	if (client->socket < 0 && client->in_flight == 0 && !client->dirty &&
		!client->starved && !client->in_process)
		free_client(client);
}

void
client_close(struct client *client, bool after_output)
{
	client->closing = true;
	if (client->readable != NULL)
		event_del(client->readable);
	if (!after_output)
		close_socket(client);
	/* Freed at the turn's end: callers still hold it. */
	worker_mark_dirty(client->worker, client);
}

/* --- output ---------------------------------------------------------- */

size_t
client_output_size(const struct client *client)
{
	return client->output ? evbuffer_get_length(client->output) : 0;
}

/* client-output-buffer-limit of the client's class. */
static bool
exceeds_output_limit(struct client *client)
{
	const struct settings_output_limit *limit =
		&client->worker->server->settings
			 ->output_limits[client->connection.subscriptions ?
					 CLIENT_CLASS_PUBSUB :
					 CLIENT_CLASS_NORMAL];
	int64_t size = (int64_t)client_output_size(client);
	int64_t hard = settings_get(limit, hard_bytes);
	int64_t soft = settings_get(limit, soft_bytes);
	int64_t now_us;

	if ((hard > 0 && size > hard) ||
		(size > UNAUTHENTICATED_OUTPUT_MAX &&
			authentication_is_missing(
				client->worker->server->settings,
				&client->connection)))
		return true;
	if (soft == 0 || size <= soft) {
		client->soft_limit_since_us = 0;
		return false;
	}
	now_us = clock_monotonic_us();
	if (client->soft_limit_since_us == 0)
		client->soft_limit_since_us = now_us;
	return now_us - client->soft_limit_since_us >
		settings_get(limit, soft_seconds) * 1000000;
}

static void
on_writable(evutil_socket_t socket, short what, void *arg)
{
	struct client *client = arg;

	(void)socket;
	(void)what;
	client->want_write = false;
	worker_mark_dirty(client->worker, client);
	if (client->reads_when_writable)
		event_active(client->readable, EV_READ, 1);
}

static void
wait_until_writable(struct client *client)
{
	if (client->writable == NULL) {
		client->writable = event_new(client->worker->base,
			client->socket, EV_WRITE, on_writable, client);
		event_priority_set(client->writable, 0);
	}
	event_add(client->writable, NULL);
	client->want_write = true;
}

/* False when the connection is broken. */
static bool
write_output(struct client *client)
{
	struct counters *counters = client->worker->counters;

	while (client_output_size(client) > 0) {
		int written = client->tls != NULL ?
			tls_write(client->tls, client->output) :
			evbuffer_write(client->output, client->socket);

		if (written <= 0) {
			if (errno != EAGAIN && errno != EINTR)
				return false;
			wait_until_writable(client);
			break;
		}
		counter_add(counters->bytes_out, (uint64_t)written);
		counter_add(counters->writes_total, 1);
		client->connection.bytes_out += (uint64_t)written;
	}
	return true;
}

/* After output was written, or when nobody is there to read it any more. */
static void
make_room(struct client *client)
{
	void (*room)(struct request * request);

	if (client->stuck_since_us == 0 || client->first == NULL ||
		client->first->when_room == NULL ||
		(client->socket >= 0 &&
			client_output_size(client) > OUTPUT_HIGH_WATER / 2))
		return;
	client->stuck_since_us = 0;
	room = client->first->when_room;
	client->first->when_room = NULL;
	room(client->first);
}

void
client_flush(struct client *client)
{
	bool was_full;

	if (client->socket >= 0 && !client->want_write) {
		was_full = client_output_size(client) > OUTPUT_HIGH_WATER;
		if (!write_output(client))
			close_socket(client);
		else if (was_full &&
			client_output_size(client) <= OUTPUT_HIGH_WATER)
			client_process(client);
	}
	if (client->socket >= 0 && exceeds_output_limit(client)) {
		counter_add(
			client->worker->counters->output_limit_disconnections,
			1);
		log_event(LOG_WARNING, "output buffer limit reached", "client",
			log_int((long long)client->connection.id), NULL);
		close_socket(client);
	}
	if ((client->closing || (client->ended && !client->held)) &&
		client->socket >= 0 && client_output_size(client) == 0 &&
		client->in_flight == 0)
		close_socket(client);
	make_room(client);
	free_if_done(client);
}

/* --- requests -------------------------------------------------------- */

/* Whether this reply is to be sent, by CLIENT REPLY. */
static bool
wants_reply(struct connection *connection)
{
	switch (connection->reply_mode) {
	case REPLY_ON:
		return true;
	case REPLY_SKIP_NEXT:
		connection->reply_mode = REPLY_SKIP;
		return false;
	case REPLY_SKIP:
		connection->reply_mode = REPLY_ON;
		return false;
	default:
		return false;
	}
}

/* The same for a part of a reply: the request is not over. */
static bool
wants_reply_now(const struct connection *connection)
{
	return connection->reply_mode == REPLY_ON;
}

void
client_push(struct client *client, struct bytes resp)
{
	if (client->socket < 0 || client->closing ||
		client->connection.reply_mode == REPLY_OFF)
		return;
	if (client->output == NULL)
		client->output = evbuffer_new();
	evbuffer_add(client->output, resp.data, resp.size);
	worker_mark_dirty(client->worker, client);
}

static void
release_shared(const void *data, size_t size, void *arg)
{
	(void)data;
	(void)size;
	shared_bytes_release(arg);
}

void
client_push_shared(
	struct client *client, struct bytes head, struct shared_bytes *body)
{
	if (client->socket < 0 || client->closing)
		return;
	if (client->output == NULL)
		client->output = evbuffer_new();
	if (client->connection.protocol > 2) {
		evbuffer_add(client->output, ">", 1);
		head.data++;
		head.size--;
	}
	evbuffer_add(client->output, head.data, head.size);
	if (body->size <= COPIED_MESSAGE_MAX)
		evbuffer_add(client->output, body->data, body->size);
	else
		evbuffer_add_reference(client->output, body->data, body->size,
			release_shared, shared_bytes_keep(body));
	worker_mark_dirty(client->worker, client);
}

/* Learns what the client's replies are like: at once when they grow, slowly
 * when they shrink. */
static void
expect_reply(struct client *client, size_t size)
{
	if (size > client->reply_size)
		client->reply_size = size;
	else
		client->reply_size -= (client->reply_size - size + 7) / 8;
}

/* Sends the replies of finished requests at the head of the queue. */
static void
send_finished(struct client *client)
{
	while (client->first != NULL && client->first->finished) {
		struct request *request = client->first;
		bool wanted = wants_reply(&client->connection);

		client->first = request->next;
		if (client->first == NULL)
			client->last = &client->first;
		if (client->socket >= 0 && (wanted || request->is_push)) {
			size_t before;

			if (client->output == NULL)
				client->output = evbuffer_new();
			before = client_output_size(client);
			reply_drain(&request->reply, client->output);
			expect_reply(
				client, client_output_size(client) - before);
			worker_mark_dirty(client->worker, client);
		}
		client->in_flight--;
		worker_give_request(client->worker, request);
	}
	client_start_when_first(client);
}

void
client_start_when_first(struct client *client)
{
	struct request *first = client->first;
	void (*start)(struct request * request);

	if (first == NULL || first->finished || first->when_first == NULL)
		return;
	start = first->when_first;
	first->when_first = NULL;
	start(first);
}

bool
client_send_part(struct client *client, struct request *request)
{
	struct evbuffer *lost;

	if (client->socket >= 0 && wants_reply_now(&client->connection)) {
		if (client->output == NULL)
			client->output = evbuffer_new();
		reply_drain(&request->reply, client->output);
		worker_mark_dirty(client->worker, client);
	} else {
		lost = evbuffer_new();
		reply_drain(&request->reply, lost);
		evbuffer_free(lost);
	}
	if (client_output_size(client) <= OUTPUT_HIGH_WATER)
		return true;
	client->stuck_since_us = clock_monotonic_us();
	return false;
}

static void
finish_request(struct request *request)
{
	struct client *client = client_of(request->connection);

	request->finished = true;
	client->tracks[request->track]--;
	dispatch_account(request);
	send_finished(client);
	if (client->connection.close_after_reply && client->in_flight == 0) {
		client_close(client, true);
		return;
	}
	if (client->socket < 0)
		worker_mark_dirty(client->worker, client);
	else if (!client->in_process)
		client_process(client);
}

static void
queue_request(struct client *client, struct request *request)
{
	request->next = NULL;
	*client->last = request;
	client->last = &request->next;
	client->in_flight++;
	client->tracks[request->track]++;
}

static void
report_protocol_error(struct client *client)
{
	struct request *request = client->partial;

	/* As the last answer, behind those of the requests before it. */
	client->partial = NULL;
	client->held = false;
	request->connection = &client->connection;
	request->server = client->worker->server;
	request->counters = client->worker->counters;
	request->track = TRACK_FREE;
	reply_init(&request->reply, client->connection.protocol);
	reply_errorf(&request->reply, "ERR %s", parser_error(client->parser));
	client->connection.close_after_reply = true;
	queue_request(client, request);
	finish_request(request);
}

static struct parser_limits
limits_of(struct client *client)
{
	struct settings *settings = client->worker->server->settings;
	struct parser_limits limits = {
		.arguments_max = INT_MAX,
		.bulk_size_max = settings_get(settings, proto_max_bulk_len),
		.buffer_size_max = (size_t)settings_get(
			settings, client_query_buffer_limit),
		.authenticated = true,
	};

	if (authentication_is_missing(settings, &client->connection)) {
		limits.authenticated = false;
		limits.arguments_max = UNAUTHENTICATED_ARGUMENTS_MAX;
		limits.bulk_size_max = UNAUTHENTICATED_BULK_MAX;
		limits.buffer_size_max = UNAUTHENTICATED_BUFFER_MAX;
	}
	return limits;
}

/* Reads the next request into client->partial; false: none is complete. */
static bool
read_request(struct client *client)
{
	struct parser_limits limits = limits_of(client);

	if (client->partial == NULL)
		client->partial = worker_take_request(client->worker);
	switch (parser_read(client->parser, client->partial, &limits)) {
	case PARSER_REQUEST:
		client->held = true;
		dispatch_prepare(client, client->partial);
		return true;
	case PARSER_ERROR:
		report_protocol_error(client);
		return false;
	case PARSER_TOO_LARGE:
		counter_add(
			client->worker->counters->query_limit_disconnections,
			1);
		client_close(client, false);
		return false;
	default:
		if (parser_is_empty(client->parser)) {
			worker_give_request(client->worker, client->partial);
			client->partial = NULL;
		}
		return false;
	}
}

/* Whether the worker, the storage and the client's own buffers have room. */
static bool
may_go_on(struct client *client)
{
	struct worker *worker = client->worker;
	int most = (int)settings_get(
		worker->server->settings, client_pipeline_max);

	if (client->closing || client->connection.close_after_reply)
		return false;
	if (client->in_flight >= most ||
		client_output_size(client) +
				(size_t)client->in_flight * client->reply_size >
			OUTPUT_HIGH_WATER)
		return false;
	/* Of a pause somebody must be able to say that it is over. */
	if (storage_is_saturated(worker->server->storage) &&
		(client->in_flight > 0 ||
			!storage_is_paused(worker->server->storage))) {
		if (!client->starved) {
			client->starved = true;
			client->next_starved = worker->starved;
			worker->starved = client;
		}
		return false;
	}
	return true;
}

/* Input is only asked for when what was read before could be started. */
static void
adjust_reading(struct client *client, bool hungry)
{
	if (client->socket < 0 || client->closing || client->ended ||
		client->worker->draining)
		return;
	if (!hungry) {
		event_del(client->readable);
		return;
	}
	event_add(client->readable, NULL);
	if (client->tls != NULL && tls_has_input(client->tls))
		event_active(client->readable, EV_READ, 1);
}

void
client_process(struct client *client)
{
	bool room = true;

	if (client->in_process)
		return;
	client->in_process = true;
	while (client->parser != NULL && client->socket >= 0) {
		struct request *request;

		room = may_go_on(client);
		if (!room || (!client->held && !read_request(client)))
			break;
		request = client->partial;
		room = dispatch_may_start(client, request);
		if (!room)
			break;
		client->partial = NULL;
		client->held = false;
		queue_request(client, request);
		dispatch_start(client, request);
	}
	client->in_process = false;
	adjust_reading(client, room);
}

/* --- input ----------------------------------------------------------- */

/* The peer closed its side; it may still read what it asked for before, but
 * nobody should give to it what others wait for. */
static void
end_input(struct client *client)
{
	if (client->connection.unblock != NULL) {
		client_close(client, false);
		return;
	}
	client->connection.gone = true;
	client->ended = true;
	event_del(client->readable);
	worker_mark_dirty(client->worker, client);
}

static ssize_t
read_input(struct client *client, const struct parser_target *target)
{
	ssize_t size;

	if (client->tls == NULL)
		return read(client->socket, target->data, target->size);
	size = tls_read(client->tls, target->data, target->size);
	client->reads_when_writable =
		size < 0 && tls_reads_when_writable(client->tls);
	if (client->reads_when_writable && !client->want_write)
		wait_until_writable(client);
	return size;
}

static void
on_readable(evutil_socket_t socket, short what, void *arg)
{
	struct client *client = arg;
	struct worker *worker = client->worker;
	struct parser_target target;
	ssize_t size;

	(void)socket;
	(void)what;
	if (client->parser == NULL)
		client->parser = parser_new();
	target = parser_next_target(
		client->parser, worker->read_buffer, WORKER_READ_SIZE);
	size = read_input(client, &target);
	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size == 0) {
		end_input(client);
		return;
	}
	if (size < 0) {
		client_close(client, false);
		return;
	}
	counter_add(worker->counters->bytes_in, (uint64_t)size);
	counter_add(worker->counters->reads_total, 1);
	client->connection.bytes_in += (uint64_t)size;
	client->connection.last_used_us = clock_monotonic_us();
	worker_note_input(worker, client, client->connection.last_used_us);
	parser_feed(client->parser, &target, (size_t)size);
	client_process(client);
	if (worker_serves_one(worker))
		store_flush(worker->store);
}

struct client *
client_new(struct worker *worker, int socket, struct ssl_st *tls, bool local)
{
	struct client *client = memory_allocate_zeroed(1, sizeof(*client));
	struct connection *connection = &client->connection;

	connection->id =
		atomic_fetch_add(&worker->server->next_connection_id, 1) + 1;
	connection->protocol = 2;
	connection->user = "default";
	connection->local = local;
	connection->worker = worker->index;
	connection->authenticated = *settings_get_text(worker->server->settings,
					    requirepass) == '\0';
	connection->created_us = connection->last_used_us =
		clock_monotonic_us();
	connection->finish = finish_request;
	client->worker = worker;
	client->socket = socket;
	client->tls = tls;
	client->last = &client->first;
	client->reply_size = REPLY_SIZE_FIRST;
	client->readable = event_new(worker->base, socket, EV_READ | EV_PERSIST,
		on_readable, client);
	event_priority_set(client->readable, 0);
	event_add(client->readable, NULL);
	client->next = worker->clients;
	client->previous = &worker->clients;
	if (client->next != NULL)
		client->next->previous = &client->next;
	worker->clients = client;
	counter_add(worker->counters->connections_received, 1);
	counter_add(worker->counters->connections, 1);
	return client;
}

/* --- idleness -------------------------------------------------------- */

/* A client that has sent more behind a command that blocks is not read. */
static bool
has_hung_up(const struct client *client)
{
	struct pollfd descriptor = { .fd = client->socket,
		.events = POLLRDHUP };

	return poll(&descriptor, 1, 0) > 0;
}

void
client_tick(struct client *client, int64_t now_us)
{
	int64_t timeout_s =
		settings_get(client->worker->server->settings, timeout);
	int64_t idle_us = now_us - client->connection.last_used_us;

	if (client->socket < 0)
		return;
	if (exceeds_output_limit(client))
		worker_mark_dirty(client->worker, client);
	if (client->stuck_since_us != 0 &&
		now_us - client->stuck_since_us > STUCK_US) {
		log_event(LOG_WARNING, "client does not read a long answer",
			"client", log_int((long long)client->connection.id),
			NULL);
		client_close(client, false);
		return;
	}
	if (client->connection.unblock != NULL && client->held &&
		has_hung_up(client)) {
		client_close(client, false);
		return;
	}
	if (client->in_flight > 0 || client->held)
		return;
	if (timeout_s > 0 && idle_us > timeout_s * 1000000 &&
		!client->connection.monitor &&
		client->connection.subscriptions == NULL) {
		log_event(LOG_VERBOSE, "idle client closed", "client",
			log_int((long long)client->connection.id), NULL);
		client_close(client, false);
		return;
	}
	if (client->parser != NULL && parser_is_empty(client->parser) &&
		(idle_us > 1000000 ||
			parser_allocated(client->parser) >
				REUSED_PARSER_SIZE_MAX)) {
		parser_free(client->parser);
		client->parser = NULL;
	}
	if (client->output != NULL && client_output_size(client) == 0 &&
		idle_us > 1000000) {
		evbuffer_free(client->output);
		client->output = NULL;
	}
}
