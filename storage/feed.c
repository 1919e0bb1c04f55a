/* Keys and notifications; see feed.h.
 *
 *	no link ──first key──▶ connecting ──settings, lock, LISTEN, own old rows─▶ listening
 *	   ▲                        ▲                                                │
 *	   └──no key for a while────┴──────────────────lost──────────────────────────┘
 *
 * Registering begins when LISTEN has been committed: whoever sees a row is
 * heard. */
#include "storage/feed.h"

#include "storage/base/clock.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/feed_state.h"
#include "storage/link.h"
#include "storage/store.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utlist.h>

enum {
	IDLE_US = 60 * 1000 * 1000, /* then the connections are closed */
	INDEXED_KEY_MAX = 1024,
};

static const struct timeval second = { 1, 0 }, soon = { 0, 100 * 1000 };

/* --- keys ------------------------------------------------------------ */

bool
feed_wants(struct feed *feed, const struct feed_key *key)
{
	bool wanted;

	pthread_mutex_lock(&feed->mutex);
	wanted = key->wanted;
	pthread_mutex_unlock(&feed->mutex);
	return wanted;
}

void
feed_list(struct feed *feed, struct feed_key *key, bool to_do)
{
	if (key->known && key->to_do == to_do)
		return;
	if (key->known && key->to_do)
		DL_DELETE(feed->to_do, key);
	else if (key->known)
		DL_DELETE(feed->others, key);
	key->known = true;
	key->to_do = to_do;
	if (to_do)
		DL_APPEND(feed->to_do, key);
	else
		DL_APPEND(feed->others, key);
}

void
feed_release(struct feed *feed, struct feed_key *key)
{
	bool mailed;

	pthread_mutex_lock(&feed->mutex);
	mailed = key->mailed || key->wanted;
	pthread_mutex_unlock(&feed->mutex);
	/* It comes again with the mail. */
	feed_list(feed, key, false);
	if (mailed)
		return;
	DL_DELETE(feed->others, key);
	key->known = false;
	feed->handlers.released(feed->arg, key);
}

static void
post(struct feed *feed, struct feed_key *key, bool wanted)
{
	uint64_t one = 1;

	pthread_mutex_lock(&feed->mutex);
	key->wanted = wanted;
	if (!key->mailed) {
		key->mailed = true;
		key->next_mail = feed->mail;
		feed->mail = key;
		/* The counter cannot overflow: the write succeeds. */
		if (write(feed->wake_fd, &one, sizeof(one)) != sizeof(one))
			abort();
	}
	pthread_mutex_unlock(&feed->mutex);
}

void
feed_watch(struct feed *feed, struct feed_key *key)
{
	post(feed, key, true);
}

void
feed_unwatch(struct feed *feed, struct feed_key *key)
{
	post(feed, key, false);
}

static void connect_link(struct feed *feed);

static void
on_mail(evutil_socket_t socket, short what, void *arg)
{
	struct feed *feed = arg;
	struct feed_key *mail;
	uint64_t count;

	(void)what;
	if (read(socket, &count, sizeof(count)) < 0)
		return;
	pthread_mutex_lock(&feed->mutex);
	mail = feed->mail;
	feed->mail = NULL;
	for (struct feed_key *key = mail; key != NULL; key = key->next_mail)
		key->mailed = false;
	pthread_mutex_unlock(&feed->mutex);
	/* A key may be posted again from here on, but its link in this list is
	 * read before it can be released. */
	while (mail != NULL) {
		struct feed_key *key = mail;

		mail = key->next_mail;
		/* One that is busy is looked at when it no longer is. */
		if (!key->busy)
			feed_list(feed, key, true);
	}
	if (feed->to_do != NULL || feed_has_listeners(feed)) {
		feed->idle_since_us = 0;
		connect_link(feed);
	}
	registrar_go_on(feed);
	feed_go_on_listening(feed);
}

static void
close_links(struct feed *feed)
{
	link_free(feed->link);
	feed->link = NULL;
	feed->listening = false;
	feed->step = FEED_IDLE;
	registrar_close(feed);
}

void
feed_retry_soon(struct feed *feed)
{
	event_add(feed->timer, &soon);
}

static void
on_timer(evutil_socket_t socket, short what, void *arg)
{
	struct feed *feed = arg;
	int64_t now_us = clock_monotonic_us();

	(void)socket;
	(void)what;
	if (feed_has_listeners(feed)) {
		feed_tick_messages(feed);
		event_add(feed->timer, &second);
	}
	if (feed->to_do != NULL || feed->others != NULL) {
		feed->handlers.tick(feed->arg);
		event_add(feed->timer, &second);
		registrar_go_on(feed);
		return;
	}
	if (feed_has_listeners(feed))
		return;
	if (feed->idle_since_us == 0) {
		feed->idle_since_us = now_us;
	} else if (now_us - feed->idle_since_us > IDLE_US) {
		close_links(feed);
		return;
	}
	event_add(feed->timer, &second);
}

/* --- the listening connection ---------------------------------------- */

void
feed_send_query(struct feed *feed, enum statement_id id, enum schema schema,
	int count, const char *const *values)
{
	char *text = statement_text_for_schema(statement_get(id)->text, schema);

	link_send_query(feed->link, text, count, values);
	free(text);
}

static void
on_connected(void *arg)
{
	struct feed *feed = arg;
	char pid[16];
	const char *settings[] = { "off", feed->instance };
	const char *instance[] = { feed->instance }, *old[] = { pid };

	feed->failed = false;
	feed->step = FEED_SETUP;
	snprintf(pid, sizeof(pid), "%d", feed->old_pid);
	feed_send_query(feed, SQL_session_settings, SCHEMA_LOGGED, 2, settings);
	feed_send_query(feed, SQL_lane_terminate, SCHEMA_LOGGED, 1, old);
	feed_send_query(feed, SQL_lane_claim, SCHEMA_LOGGED, 1, instance);
	link_send_query(feed->link, "LISTEN \"respgres.wake\"", 0, NULL);
	link_send_query(feed->link, "LISTEN \"respgres_cache.wake\"", 0, NULL);
	link_send_query(feed->link, "LISTEN \"respgres.message\"", 0, NULL);
	feed_send_query(feed, SQL_messages_leave, SCHEMA_LOGGED, 1, instance);
	for (int schema = 0; schema < SCHEMA_COUNT; schema++)
		feed_send_query(feed, SQL_feed_forget_instances,
			(enum schema)schema, 1, instance);
	link_sync(feed->link);
	feed->old_pid = link_backend_pid(feed->link);
}

static void
on_result(void *arg, PGresult *result)
{
	struct feed *feed = arg;
	ExecStatusType status = PQresultStatus(result);

	if (status == PGRES_FATAL_ERROR) {
		feed->failed = true;
		log_event(LOG_WARNING, "the feed cannot listen", "error",
			log_text(PQresultErrorField(
				result, PG_DIAG_MESSAGE_PRIMARY)),
			NULL);
	}
	feed_read_messages(feed, result);
	PQclear(result);
}

static void
on_synced(void *arg)
{
	struct feed *feed = arg;

	if (feed->step != FEED_SETUP) {
		feed_end_step(feed);
		return;
	}
	feed->step = FEED_IDLE;
	if (feed->failed) {
		link_give_up(feed->link);
		return;
	}
	link_accept(feed->link);
	feed->listening = true;
	registrar_go_on(feed);
	feed_go_on_listening(feed);
}

static void
on_lost(void *arg, const char *reason)
{
	struct feed *feed = arg;

	(void)reason;
	feed->listening = false;
	registrar_start_anew(feed);
	feed_lose_messages(feed);
}

/* "database key", the key in hex; false when it is something else. */
static bool
read_payload(const char *payload, int *db, char key[static INDEXED_KEY_MAX],
	size_t *size)
{
	char *hex;
	long number = strtol(payload, &hex, 10);

	if (hex == payload || *hex++ != ' ' || number < 0 ||
		number >= STORAGE_DATABASES_MAX)
		return false;
	*db = (int)number;
	*size = 0;
	for (; hex[0] != '\0'; hex += 2) {
		unsigned byte;
		char pair[3] = { hex[0], hex[1], '\0' };

		if (*size == INDEXED_KEY_MAX || sscanf(pair, "%2x", &byte) != 1)
			return false;
		key[(*size)++] = (char)byte;
		if (hex[1] == '\0')
			return false;
	}
	return true;
}

static void
on_notified(void *arg, const char *channel, const char *payload)
{
	struct feed *feed = arg;
	char key[INDEXED_KEY_MAX];
	size_t size;
	int db;

	if (strcmp(channel, "respgres.message") == 0) {
		feed_note_message(feed, payload);
		return;
	}
	if (read_payload(payload, &db, key, &size))
		feed->handlers.added(
			feed->arg, db, (struct bytes){ key, size });
}

static void
connect_link(struct feed *feed)
{
	static const struct link_handlers handlers = {
		.connected = on_connected,
		.result = on_result,
		.synced = on_synced,
		.lost = on_lost,
		.notified = on_notified,
	};

	if (feed->link != NULL)
		return;
	feed->link =
		link_new(feed->base, storage_options(feed->storage)->conninfo,
			"respgres feed", &handlers, feed);
	link_show(feed->link, storage_place(feed->storage, PLACE_FEED));
	event_add(feed->timer, &second);
}

/* --- life ------------------------------------------------------------ */

struct feed *
feed_new(struct event_base *base, const struct storage *storage)
{
	struct feed *feed = memory_allocate_zeroed(1, sizeof(*feed));

	feed->base = base;
	feed->storage = storage;
	snprintf(feed->instance, sizeof(feed->instance), "%" PRId64,
		storage_options(storage)->instance);
	feed->timer = evtimer_new(base, on_timer, feed);
	feed->grace = evtimer_new(base, feed_on_grace, feed);
	pthread_mutex_init(&feed->mutex, NULL);
	feed->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (feed->wake_fd < 0)
		abort();
	feed->wake = event_new(
		base, feed->wake_fd, EV_READ | EV_PERSIST, on_mail, feed);
	event_add(feed->wake, NULL);
	return feed;
}

void
feed_handle_keys(
	struct feed *feed, const struct feed_handlers *handlers, void *arg)
{
	feed->handlers = *handlers;
	feed->arg = arg;
}

void
feed_free(struct feed *feed)
{
	if (feed == NULL)
		return;
	close_links(feed);
	feed->message_handlers = (struct feed_message_handlers){ 0 };
	feed_lose_messages(feed);
	event_free(feed->timer);
	event_free(feed->grace);
	event_free(feed->wake);
	close(feed->wake_fd);
	pthread_mutex_destroy(&feed->mutex);
	free(feed);
}
