/* The queue, the question and the connection; see messages.h.
 *
 *	no link ──wanted──▶ connecting ──settings──▶ ready ⇄ batch under way
 *	   ▲                    ▲                      │
 *	   └──unused for long───┴────────lost──────────┘
 *
 * A batch is what was queued, and behind it the question, in one transaction. */
#include "storage/messages.h"

#include "storage/base/clock.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/link.h"
#include "storage/statement.h"
#include "storage/store.h"

#include <event2/event.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	LEASE_US = MESSAGES_LEASE_MS * 1000,
	RENEW_US = LEASE_US / 2,
	PATIENCE_US = 1500 * 1000, /* of those who wait for an answer */
	/* An instance that is told needlessly costs little. */
	OTHERS_US = 1000 * 1000,
	IDLE_US = 60 * 1000 * 1000,
	REAP_US = 60 * 1000 * 1000,
	QUEUE_MAX_SIZE = 16 << 20,
	BATCH_MAX = 1000,
};

enum messages_step {
	MESSAGES_IDLE,
	MESSAGES_SETTINGS,
	MESSAGES_PREPARE,
	MESSAGES_BATCH,
	MESSAGES_REAP,
};

struct message {
	struct message *next;
	bool sharded;
	struct bytes channel, payload; /* behind it */
};

struct messages {
	struct event_base *base;
	const struct storage *storage;
	struct messages_handlers handlers;
	void *arg;
	char instance[24];
	struct link *link;
	enum messages_step step;
	bool ready, failed, others_listen;
	uint64_t question; /* the one under way */
	int64_t asked_us; /* monotonic, as all here */
	int64_t used_us, reaped_us;
	struct event *timer; /* while there is a link */

	/* Answers, and the number of questions asked. */
	_Atomic int64_t absent_until_us, renew_at_us, listen_until_us;
	_Atomic bool unreachable;
	_Atomic bool woken;
	int wake_fd;
	struct event *wake;

	pthread_mutex_t mutex;
	/* Under the mutex. */
	struct message *queue, **last;
	size_t queue_size;
	uint64_t questions;
};

/* --- from any thread ------------------------------------------------- */

static void
wake(struct messages *messages)
{
	uint64_t one = 1;

	if (atomic_exchange(&messages->woken, true))
		return;
	/* The counter cannot overflow: the write succeeds. */
	if (write(messages->wake_fd, &one, sizeof(one)) != sizeof(one))
		abort();
}

/* The number of the next question. */
static uint64_t
next_question(struct messages *messages)
{
	uint64_t next;

	pthread_mutex_lock(&messages->mutex);
	next = messages->questions + 1;
	pthread_mutex_unlock(&messages->mutex);
	return next;
}

enum messages_others
messages_others(struct messages *messages, uint64_t *question)
{
	int64_t now_us = clock_monotonic_us();

	if (now_us < atomic_load(&messages->absent_until_us)) {
		if (now_us >= atomic_load(&messages->renew_at_us))
			wake(messages);
		return OTHERS_ABSENT;
	}
	if (now_us < atomic_load(&messages->listen_until_us))
		return OTHERS_LISTEN;
	*question = next_question(messages);
	wake(messages);
	return atomic_load(&messages->unreachable) ? OTHERS_ABSENT :
						     OTHERS_UNKNOWN;
}

static struct message *
new_message(bool sharded, struct bytes channel, struct bytes payload)
{
	struct message *message =
		memory_allocate(sizeof(*message) + channel.size + payload.size);
	char *data = (char *)message + sizeof(*message);

	message->next = NULL;
	message->sharded = sharded;
	if (channel.size > 0)
		memcpy(data, channel.data, channel.size);
	message->channel = (struct bytes){ data, channel.size };
	data += channel.size;
	if (payload.size > 0)
		memcpy(data, payload.data, payload.size);
	message->payload = (struct bytes){ data, payload.size };
	return message;
}

static size_t
size_of(const struct message *message)
{
	return sizeof(*message) + message->channel.size + message->payload.size;
}

bool
messages_send(struct messages *messages, bool sharded, struct bytes channel,
	struct bytes payload, uint64_t *question)
{
	struct message *message = new_message(sharded, channel, payload);
	bool room;

	pthread_mutex_lock(&messages->mutex);
	/* One message may be larger than all. */
	room = messages->queue_size < QUEUE_MAX_SIZE;
	if (room) {
		*messages->last = message;
		messages->last = &message->next;
		messages->queue_size += size_of(message);
	}
	*question = messages->questions + 1;
	pthread_mutex_unlock(&messages->mutex);
	if (!room)
		free(message);
	wake(messages);
	return room;
}

/* --- the connection -------------------------------------------------- */

static void
send_query(struct messages *messages, enum statement_id id, int count,
	const char *const *values)
{
	char *text = statement_text_for_schema(
		statement_get(id)->text, SCHEMA_LOGGED);

	link_send_query(messages->link, text, count, values);
	free(text);
}

static void
ask(struct messages *messages, enum messages_step step, enum statement_id id,
	int count, const char *const *values)
{
	messages->step = step;
	messages->failed = false;
	send_query(messages, id, count, values);
	link_sync(messages->link);
}

static void
prepare(struct messages *messages)
{
	const struct statement *statement = statement_get(SQL_messages_send);
	char *text = statement_text_for_schema(statement->text, SCHEMA_LOGGED);

	messages->step = MESSAGES_PREPARE;
	messages->failed = false;
	link_send_prepare(messages->link, statement->name, text);
	link_sync(messages->link);
	free(text);
}

static void
send_one(struct messages *messages, const struct message *message)
{
	const char sharded = message->sharded ? 1 : 0;
	const char *values[] = { message->channel.data, message->payload.data,
		&sharded };
	int sizes[] = { (int)message->channel.size, (int)message->payload.size,
		1 };

	link_send_execute(messages->link,
		statement_get(SQL_messages_send)->name, 3, values, sizes);
}

/* Takes up to BATCH_MAX messages off the queue, and gives the question its
 * number. */
static struct message *
take_batch(struct messages *messages)
{
	struct message *batch, **end = &batch;

	pthread_mutex_lock(&messages->mutex);
	batch = messages->queue;
	for (int i = 0; i < BATCH_MAX && *end != NULL; i++) {
		messages->queue_size -= size_of(*end);
		end = &(*end)->next;
	}
	messages->queue = *end;
	if (messages->queue == NULL)
		messages->last = &messages->queue;
	*end = NULL;
	messages->question = ++messages->questions;
	pthread_mutex_unlock(&messages->mutex);
	return batch;
}

static void
send_batch(struct messages *messages)
{
	const char *instance[] = { messages->instance };
	struct message *message;

	messages->used_us = messages->asked_us = clock_monotonic_us();
	message = take_batch(messages);
	while (message != NULL) {
		struct message *next = message->next;

		send_one(messages, message);
		free(message);
		message = next;
	}
	ask(messages, MESSAGES_BATCH, SQL_messages_others, 1, instance);
}

static void connect_link(struct messages *messages);

/* Whether something is to be sent or asked. */
static bool
is_wanted(struct messages *messages)
{
	bool queued;

	if (atomic_exchange(&messages->woken, false))
		return true;
	pthread_mutex_lock(&messages->mutex);
	queued = messages->queue != NULL;
	pthread_mutex_unlock(&messages->mutex);
	return queued;
}

static void
go_on(struct messages *messages)
{
	if (!messages->ready || messages->step != MESSAGES_IDLE)
		return;
	if (is_wanted(messages)) {
		send_batch(messages);
	} else if (clock_monotonic_us() - messages->reaped_us > REAP_US) {
		messages->reaped_us = clock_monotonic_us();
		ask(messages, MESSAGES_REAP, SQL_messages_reap, 0, NULL);
	}
}

static void
on_wake(evutil_socket_t socket, short what, void *arg)
{
	struct messages *messages = arg;
	uint64_t count;

	(void)what;
	if (read(socket, &count, sizeof(count)) < 0)
		return;
	connect_link(messages);
	go_on(messages);
}

/* The answer does not come: until it does, nobody waits for one. */
static void
give_up_waiting(struct messages *messages)
{
	atomic_store(&messages->unreachable, true);
	messages->handlers.answered(messages->arg, UINT64_MAX, OTHERS_ABSENT);
}

static bool
is_late(const struct messages *messages)
{
	return !messages->ready ||
		(messages->step == MESSAGES_BATCH &&
			clock_monotonic_us() - messages->asked_us >
				PATIENCE_US);
}

static void
on_timer(evutil_socket_t socket, short what, void *arg)
{
	struct messages *messages = arg;

	(void)socket;
	(void)what;
	if (is_late(messages))
		give_up_waiting(messages);
	if (messages->ready && messages->step == MESSAGES_IDLE &&
		clock_monotonic_us() - messages->used_us > IDLE_US) {
		link_free(messages->link);
		messages->link = NULL;
		messages->ready = false;
		event_del(messages->timer);
		return;
	}
	go_on(messages);
}

/* --- answers --------------------------------------------------------- */

static void
on_connected(void *arg)
{
	struct messages *messages = arg;
	const char *settings[] = { "off", messages->instance };

	ask(messages, MESSAGES_SETTINGS, SQL_session_settings, 2, settings);
}

static void
on_result(void *arg, PGresult *result)
{
	struct messages *messages = arg;

	if (PQresultStatus(result) == PGRES_FATAL_ERROR) {
		messages->failed = true;
		log_event(LOG_WARNING, "messages were not sent", "error",
			log_text(PQresultErrorField(
				result, PG_DIAG_MESSAGE_PRIMARY)),
			NULL);
	} else if (messages->step == MESSAGES_BATCH &&
		PQresultStatus(result) == PGRES_TUPLES_OK &&
		PQntuples(result) == 1 && PQgetlength(result, 0, 0) == 1) {
		/* The question's answer is the batch's last. */
		messages->others_listen = *PQgetvalue(result, 0, 0) != 0;
	}
	PQclear(result);
}

static void
answer(struct messages *messages)
{
	enum messages_others others = OTHERS_ABSENT;

	atomic_store(&messages->unreachable, false);
	/* What was asked last is not known: it is asked again. */
	if (messages->failed || messages->others_listen) {
		others = OTHERS_LISTEN;
		atomic_store(&messages->absent_until_us, 0);
		atomic_store(&messages->listen_until_us,
			messages->asked_us + OTHERS_US);
	} else {
		atomic_store(
			&messages->renew_at_us, messages->asked_us + RENEW_US);
		atomic_store(&messages->listen_until_us, 0);
		atomic_store(&messages->absent_until_us,
			messages->asked_us + LEASE_US);
	}
	messages->handlers.answered(messages->arg, messages->question, others);
}

static void
on_synced(void *arg)
{
	struct messages *messages = arg;
	enum messages_step step = messages->step;

	messages->step = MESSAGES_IDLE;
	switch (step) {
	case MESSAGES_SETTINGS:
		if (messages->failed)
			link_give_up(messages->link);
		else
			prepare(messages);
		return;
	case MESSAGES_PREPARE:
		if (messages->failed) {
			link_give_up(messages->link);
			return;
		}
		link_accept(messages->link);
		messages->ready = true;
		messages->used_us = clock_monotonic_us();
		atomic_store(&messages->unreachable, false);
		break;
	case MESSAGES_BATCH:
		answer(messages);
		break;
	default:
		break;
	}
	go_on(messages);
}

static void
free_all(struct message *message)
{
	while (message != NULL) {
		struct message *next = message->next;

		free(message);
		message = next;
	}
}

/* Nobody else can be told, or needs to be. */
static void
on_lost(void *arg, const char *reason)
{
	struct messages *messages = arg;
	struct message *message;

	(void)reason;
	messages->ready = false;
	messages->step = MESSAGES_IDLE;
	atomic_store(&messages->unreachable, true);
	atomic_store(&messages->absent_until_us, 0);
	atomic_store(&messages->listen_until_us, 0);
	for (;;) {
		message = take_batch(messages);
		if (message == NULL)
			break;
		free_all(message);
	}
	messages->handlers.answered(
		messages->arg, messages->question, OTHERS_ABSENT);
}

static void
connect_link(struct messages *messages)
{
	static const struct link_handlers handlers = {
		.connected = on_connected,
		.result = on_result,
		.synced = on_synced,
		.lost = on_lost,
	};
	static const struct timeval second = { 1, 0 };

	if (messages->link != NULL)
		return;
	messages->link = link_new(messages->base,
		storage_options(messages->storage)->conninfo,
		"respgres messages", &handlers, messages);
	link_show(messages->link,
		storage_place(messages->storage, PLACE_MESSAGES));
	event_add(messages->timer, &second);
}

/* --- life ------------------------------------------------------------ */

struct messages *
messages_new(struct event_base *base, const struct storage *storage,
	const struct messages_handlers *handlers, void *arg)
{
	struct messages *messages =
		memory_allocate_zeroed(1, sizeof(*messages));

	messages->base = base;
	messages->storage = storage;
	messages->handlers = *handlers;
	messages->arg = arg;
	messages->last = &messages->queue;
	messages->reaped_us = clock_monotonic_us();
	snprintf(messages->instance, sizeof(messages->instance), "%" PRId64,
		storage_options(storage)->instance);
	pthread_mutex_init(&messages->mutex, NULL);
	messages->timer = event_new(base, -1, EV_PERSIST, on_timer, messages);
	messages->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (messages->wake_fd < 0)
		abort();
	messages->wake = event_new(base, messages->wake_fd,
		EV_READ | EV_PERSIST, on_wake, messages);
	event_add(messages->wake, NULL);
	return messages;
}

void
messages_free(struct messages *messages)
{
	if (messages == NULL)
		return;
	link_free(messages->link);
	free_all(messages->queue);
	event_free(messages->timer);
	event_free(messages->wake);
	close(messages->wake_fd);
	pthread_mutex_destroy(&messages->mutex);
	free(messages);
}
