/* What other instances' clients and SQL publish; see feed.h and messages.h.
 *
 *	unwanted ──feed_listen()──▶ row inserted ──lease──▶ listening ──▶ row deleted
 *
 * A publisher may rely for MESSAGES_LEASE_MS on nobody having been there; when
 * that is over since the row was committed, every message comes.
 *
 * Notifications are handled in their order.  One that only has the number of a
 * stored message holds up those behind it until the message is there. */
#include "storage/feed_state.h"

#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/link.h"
#include "storage/messages.h"
#include "storage/store.h"

#include <event2/event.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

/* The lease and what two clocks may differ by meanwhile. */
static const struct timeval grace = { 0, (MESSAGES_LEASE_MS + 5) * 1000 };

struct feed_message {
	struct feed_message *prev, *next;
	bool sharded, stored;
	int64_t number;
	struct bytes channel, payload; /* unless stored; behind it */
};

static void
ask(struct feed *feed, enum feed_step step, enum statement_id id,
	const char *value)
{
	feed->step = step;
	feed->failed = false;
	feed_send_query(feed, id, SCHEMA_LOGGED, 1, &value);
	link_sync(feed->link);
}

static bool
wants_messages(struct feed *feed)
{
	bool wanted;

	pthread_mutex_lock(&feed->mutex);
	wanted = feed->listen_wanted;
	pthread_mutex_unlock(&feed->mutex);
	return wanted;
}

void
feed_listen(struct feed *feed, bool wanted)
{
	uint64_t one = 1;

	pthread_mutex_lock(&feed->mutex);
	feed->listen_wanted = wanted;
	if (write(feed->wake_fd, &one, sizeof(one)) != sizeof(one))
		abort();
	pthread_mutex_unlock(&feed->mutex);
}

void
feed_handle_messages(struct feed *feed,
	const struct feed_message_handlers *handlers, void *arg)
{
	feed->message_handlers = *handlers;
	feed->message_arg = arg;
}

/* --- notifications --------------------------------------------------- */

/* Base64 with line ends, into `data`, which has room for three quarters of it;
 * false: it is something else. */
static bool
decode(const char *text, size_t size, char *data, struct bytes *decoded)
{
	EVP_ENCODE_CTX *context = EVP_ENCODE_CTX_new();
	int first = 0, last = 0, status;

	if (context == NULL)
		abort();
	EVP_DecodeInit(context);
	status = EVP_DecodeUpdate(context, (unsigned char *)data, &first,
		(const unsigned char *)text, (int)size);
	if (status >= 0)
		status = EVP_DecodeFinal(
			context, (unsigned char *)data + first, &last);
	EVP_ENCODE_CTX_free(context);
	*decoded = (struct bytes){ data, (size_t)(first + last) };
	return status >= 0;
}

/* "letter instance number [channel payload]"; NULL: nothing for us. */
static struct feed_message *
read_message(const struct feed *feed, const char *text)
{
	bool stored = text[0] == 'M' || text[0] == 'S';
	size_t size = strlen(text);
	struct feed_message *message;
	int64_t instance, number;
	const char *channel, *payload;
	int used = 0;
	char *data;

	if (strchr("mMsS", text[0]) == NULL ||
		sscanf(text + 1, " %" SCNd64 " %" SCNd64 "%n", &instance,
			&number, &used) != 2 ||
		instance == storage_options(feed->storage)->instance)
		return NULL;
	message = memory_allocate_zeroed(1, sizeof(*message) + size);
	message->sharded = text[0] == 's' || text[0] == 'S';
	message->stored = stored;
	message->number = number;
	if (stored)
		return message;
	channel = text + 1 + used;
	payload = *channel == ' ' ? strchr(channel + 1, ' ') : NULL;
	data = (char *)message + sizeof(*message);
	if (payload != NULL &&
		decode(channel + 1, (size_t)(payload - channel - 1), data,
			&message->channel) &&
		decode(payload + 1, strlen(payload + 1),
			data + message->channel.size, &message->payload))
		return message;
	free(message);
	return NULL;
}

static void
end_first(struct feed *feed)
{
	struct feed_message *first = feed->messages;

	DL_DELETE(feed->messages, first);
	free(first);
}

/* Hands out messages up to one that is stored. */
static void
hand_out(struct feed *feed)
{
	while (feed->messages != NULL && !feed->messages->stored) {
		const struct feed_message *first = feed->messages;

		feed->message_handlers.message(feed->message_arg,
			first->sharded, first->channel, first->payload);
		end_first(feed);
	}
}

void
feed_note_message(struct feed *feed, const char *payload)
{
	struct feed_message *message = read_message(feed, payload);

	if (message == NULL || feed->message_handlers.message == NULL) {
		free(message);
		return;
	}
	DL_APPEND(feed->messages, message);
	feed_go_on_listening(feed);
}

/* --- the row --------------------------------------------------------- */

void
feed_go_on_listening(struct feed *feed)
{
	bool wanted;

	hand_out(feed);
	if (!feed->listening || feed->step != FEED_IDLE)
		return;
	wanted = wants_messages(feed);
	if (wanted != feed->registered) {
		ask(feed, wanted ? FEED_REGISTER : FEED_LEAVE,
			wanted ? SQL_messages_listen : SQL_messages_leave,
			feed->instance);
	} else if (feed->messages != NULL) {
		char number[24];

		snprintf(number, sizeof(number), "%" PRId64,
			feed->messages->number);
		ask(feed, FEED_TAKE, SQL_messages_take, number);
	}
}

/* The stored message that comes first. */
static void
take(struct feed *feed, const PGresult *result)
{
	struct bytes values[2];

	if (PQntuples(result) != 1)
		return;
	for (int i = 0; i < 2; i++)
		values[i] = (struct bytes){ PQgetvalue(result, 0, i),
			(size_t)PQgetlength(result, 0, i) };
	feed->message_handlers.message(feed->message_arg,
		feed->messages->sharded, values[0], values[1]);
}

void
feed_read_messages(struct feed *feed, const PGresult *result)
{
	if (feed->step == FEED_TAKE &&
		PQresultStatus(result) == PGRES_TUPLES_OK)
		take(feed, result);
}

/* The last statement of the step has its answer. */
void
feed_end_step(struct feed *feed)
{
	enum feed_step step = feed->step;

	feed->step = FEED_IDLE;
	switch (step) {
	case FEED_REGISTER:
		/* Else the timer tries again. */
		if (feed->failed)
			return;
		feed->registered = true;
		event_add(feed->grace, &grace);
		break;
	case FEED_LEAVE:
		if (feed->failed)
			return;
		feed->registered = false;
		break;
	case FEED_TAKE:
		end_first(feed);
		break;
	default:
		break;
	}
	feed_go_on_listening(feed);
}

void
feed_on_grace(evutil_socket_t socket, short what, void *arg)
{
	struct feed *feed = arg;

	(void)socket;
	(void)what;
	if (feed->registered && feed->message_handlers.settled != NULL)
		feed->message_handlers.settled(feed->message_arg);
}

void
feed_tick_messages(struct feed *feed)
{
	if (feed->message_handlers.tick != NULL)
		feed->message_handlers.tick(feed->message_arg);
	feed_go_on_listening(feed);
}

bool
feed_has_listeners(struct feed *feed)
{
	return feed->registered || wants_messages(feed);
}

/* What was told while the connection was away is lost. */
void
feed_lose_messages(struct feed *feed)
{
	feed->step = FEED_IDLE;
	feed->registered = false;
	event_del(feed->grace);
	while (feed->messages != NULL)
		end_first(feed);
	if (wants_messages(feed) && feed->message_handlers.settled != NULL)
		feed->message_handlers.settled(feed->message_arg);
}
