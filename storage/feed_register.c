/* The rows of watched keys; see feed_state.h.
 *
 * A batch of keys is first inserted and committed: who adds from then on sees
 * the rows and notifies.  Then those are waited for who were adding already
 * and may have looked too early: all at once while nobody is, else key by key,
 * so that a long transaction of somebody's delays the keys that it touches and
 * no others. */
#include "storage/feed_state.h"

#include "storage/base/clock.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/link.h"
#include "storage/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { RETRY_US = 50 * 1000 };

static const char patience_together[] = "5ms", patience_one[] = "200ms";

static enum schema
schema_of(const struct feed *feed, const struct feed_key *key)
{
	return storage_class_of(feed->storage, key->db) == CLASS_CACHE ?
		SCHEMA_UNLOGGED :
		SCHEMA_LOGGED;
}

/* --- asking ---------------------------------------------------------- */

static void
ask(struct feed *feed, enum register_step step, enum statement_id id, int count,
	const char *const *values)
{
	struct registrar *registrar = &feed->registrar;
	char *text = statement_text_for_schema(
		statement_get(id)->text, registrar->schema);

	registrar->step = step;
	registrar->failed = false;
	if (link_send_query(registrar->link, text, count, values))
		link_sync(registrar->link);
	free(text);
}

/* The keys `first` to `end` of the batch as arrays: databases, slots, keys. */
struct arrays {
	char *texts[3];
};

static struct arrays
print_arrays(const struct registrar *registrar, int first, int end)
{
	struct arrays arrays;
	size_t sizes[3];
	FILE *output[3];

	for (int i = 0; i < 3; i++) {
		output[i] = open_memstream(&arrays.texts[i], &sizes[i]);
		if (output[i] == NULL)
			abort();
		fputc('{', output[i]);
	}
	for (int i = first; i < end; i++) {
		const struct feed_key *key = registrar->batch[i];
		const char *comma = i > first ? "," : "";

		fprintf(output[0], "%s%d", comma, key->db);
		fprintf(output[1], "%s%d", comma, key->slot);
		fprintf(output[2], "%s\"\\\\x", comma);
		for (size_t j = 0; j < key->key.size; j++)
			fprintf(output[2], "%02x",
				(unsigned char)key->key.data[j]);
		fputc('"', output[2]);
	}
	for (int i = 0; i < 3; i++) {
		fputc('}', output[i]);
		fclose(output[i]);
	}
	return arrays;
}

static void
free_arrays(struct arrays *arrays)
{
	for (int i = 0; i < 3; i++)
		free(arrays->texts[i]);
}

static void
ask_about_rows(struct feed *feed, enum register_step step, enum statement_id id)
{
	struct arrays arrays =
		print_arrays(&feed->registrar, 0, feed->registrar.count);
	const char *values[] = { feed->instance, arrays.texts[0],
		arrays.texts[1], arrays.texts[2] };

	ask(feed, step, id, 4, values);
	free_arrays(&arrays);
}

static void
wait_for_adders(struct feed *feed, enum register_step step, int first, int end,
	const char *patience)
{
	struct arrays arrays = print_arrays(&feed->registrar, first, end);
	const char *values[] = { arrays.texts[0], arrays.texts[1],
		arrays.texts[2], patience };

	ask(feed, step, SQL_feed_wait_for_adders, 4, values);
	free_arrays(&arrays);
}

/* --- batches --------------------------------------------------------- */

static void
settle(struct feed *feed, struct feed_key *key, bool watched)
{
	key->busy = false;
	key->watched = watched;
	if (feed_wants(feed, key) != watched)
		feed_list(feed, key, true);
	if (watched)
		feed->handlers.watched(feed->arg, key);
}

static void
end_batch(struct feed *feed, bool watched)
{
	struct registrar *registrar = &feed->registrar;

	registrar->step = REGISTER_IDLE;
	while (registrar->count > 0)
		settle(feed, registrar->batch[--registrar->count], watched);
	registrar_go_on(feed);
}

static int
compare_keys(const void *a, const void *b)
{
	const struct feed_key *left = *(struct feed_key *const *)a;
	const struct feed_key *right = *(struct feed_key *const *)b;

	if (left->db != right->db)
		return left->db < right->db ? -1 : 1;
	return bytes_compare(left->key, right->key);
}

/* Whether the key, which needs something done, can be in the batch. */
static bool
fits_batch(const struct feed *feed, const struct feed_key *key)
{
	const struct registrar *registrar = &feed->registrar;

	return registrar->count == 0 ||
		(registrar->count < FEED_BATCH_MAX &&
			registrar->batch[0]->watched == key->watched &&
			registrar->schema == schema_of(feed, key));
}

/* Gathers keys that are to be watched, or that are not any more. */
static void
gather(struct feed *feed)
{
	struct registrar *registrar = &feed->registrar;
	int64_t now_us = clock_monotonic_us();
	struct feed_key *key, *next;

	DL_FOREACH_SAFE (feed->to_do, key, next) {
		bool wanted = feed_wants(feed, key);

		if (!wanted && !key->watched) {
			feed_release(feed, key);
		} else if (wanted == key->watched) {
			feed_list(feed, key, false);
		} else if (key->retry_at_us <= now_us &&
			fits_batch(feed, key)) {
			registrar->schema = schema_of(feed, key);
			key->busy = true;
			registrar->batch[registrar->count++] = key;
			feed_list(feed, key, false);
		}
		if (registrar->count == FEED_BATCH_MAX)
			break;
	}
	qsort(registrar->batch, (size_t)registrar->count,
		sizeof(registrar->batch[0]), compare_keys);
}

static void
put_off(struct feed *feed, struct feed_key *key)
{
	key->retry_at_us = clock_monotonic_us() + RETRY_US;
	feed_retry_soon(feed);
}

static void
wait_for_one(struct feed *feed)
{
	int one = feed->registrar.one;

	wait_for_adders(feed, REGISTER_WAIT_ONE, one, one + 1, patience_one);
}

/* The key of the last statement has its answer. */
static void
after_one(struct feed *feed)
{
	struct registrar *registrar = &feed->registrar;
	struct feed_key *key = registrar->batch[registrar->one];

	if (registrar->failed)
		put_off(feed, key);
	settle(feed, key, !registrar->failed);
	registrar->one++;
	if (registrar->one < registrar->count) {
		wait_for_one(feed);
		return;
	}
	registrar->count = 0;
	registrar->step = REGISTER_IDLE;
	registrar_go_on(feed);
}

static void connect_registrar(struct feed *feed);

void
registrar_go_on(struct feed *feed)
{
	struct registrar *registrar = &feed->registrar;

	if (!feed->listening || registrar->step != REGISTER_IDLE ||
		feed->to_do == NULL)
		return;
	if (!registrar->ready) {
		connect_registrar(feed);
		return;
	}
	gather(feed);
	if (registrar->count == 0)
		return;
	if (registrar->batch[0]->watched)
		ask_about_rows(feed, REGISTER_DELETE, SQL_feed_unregister);
	else
		ask_about_rows(feed, REGISTER_INSERT, SQL_feed_register);
}

/* --- answers --------------------------------------------------------- */

static void
on_connected(void *arg)
{
	struct feed *feed = arg;
	const char *settings[] = { "off", feed->instance };

	feed->registrar.schema = SCHEMA_LOGGED;
	ask(feed, REGISTER_SETTINGS, SQL_session_settings, 2, settings);
}

/* 55P03: it took too long; 40P01: a deadlock. */
static bool
is_about_locks(const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	return sqlstate != NULL &&
		(strcmp(sqlstate, "55P03") == 0 ||
			strcmp(sqlstate, "40P01") == 0);
}

static void
on_result(void *arg, PGresult *result)
{
	struct feed *feed = arg;

	if (PQresultStatus(result) == PGRES_FATAL_ERROR) {
		feed->registrar.failed = true;
		if (!is_about_locks(result))
			log_event(LOG_WARNING, "registering keys failed",
				"error",
				log_text(PQresultErrorField(
					result, PG_DIAG_MESSAGE_PRIMARY)),
				NULL);
	}
	PQclear(result);
}

/* Whatever failed for another reason than locks is tried again later. */
static void
put_batch_off(struct feed *feed)
{
	struct registrar *registrar = &feed->registrar;
	bool watched = registrar->step == REGISTER_DELETE;

	for (int i = 0; i < registrar->count; i++)
		put_off(feed, registrar->batch[i]);
	end_batch(feed, watched);
}

static void
on_synced(void *arg)
{
	struct feed *feed = arg;
	struct registrar *registrar = &feed->registrar;

	switch (registrar->step) {
	case REGISTER_SETTINGS:
		registrar->step = REGISTER_IDLE;
		if (registrar->failed) {
			link_give_up(registrar->link);
			break;
		}
		registrar->ready = true;
		link_accept(registrar->link);
		registrar_go_on(feed);
		break;
	case REGISTER_INSERT:
		if (registrar->failed)
			put_batch_off(feed);
		else
			wait_for_adders(feed, REGISTER_WAIT, 0,
				registrar->count, patience_together);
		break;
	case REGISTER_WAIT:
		if (!registrar->failed) {
			end_batch(feed, true);
			break;
		}
		registrar->one = 0;
		wait_for_one(feed);
		break;
	case REGISTER_WAIT_ONE:
		after_one(feed);
		break;
	case REGISTER_DELETE:
		if (registrar->failed)
			put_batch_off(feed);
		else
			end_batch(feed, false);
		break;
	case REGISTER_IDLE:
		break;
	}
}

/* What was under way is done again. */
static void
forget_batch(struct feed *feed)
{
	struct registrar *registrar = &feed->registrar;
	bool watched = registrar->step == REGISTER_DELETE;
	int first = registrar->step == REGISTER_WAIT_ONE ? registrar->one : 0;

	registrar->step = REGISTER_IDLE;
	while (registrar->count > first) {
		struct feed_key *key = registrar->batch[--registrar->count];

		key->busy = false;
		key->watched = watched;
		feed_list(feed, key, true);
	}
	registrar->count = 0;
}

static void
on_lost(void *arg, const char *reason)
{
	struct feed *feed = arg;

	(void)reason;
	feed->registrar.ready = false;
	forget_batch(feed);
}

static void
connect_registrar(struct feed *feed)
{
	static const struct link_handlers handlers = {
		.connected = on_connected,
		.result = on_result,
		.synced = on_synced,
		.lost = on_lost,
	};

	if (feed->registrar.link != NULL)
		return;
	feed->registrar.link =
		link_new(feed->base, storage_options(feed->storage)->conninfo,
			"respgres feed registrar", &handlers, feed);
	link_show(feed->registrar.link,
		storage_place(feed->storage, PLACE_REGISTRAR));
}

void
registrar_close(struct feed *feed)
{
	link_free(feed->registrar.link);
	feed->registrar.link = NULL;
	feed->registrar.ready = false;
	forget_batch(feed);
}

void
registrar_start_anew(struct feed *feed)
{
	struct feed_key *key, *next;

	/* A batch under way would be answered as if nothing had happened. */
	registrar_close(feed);
	DL_FOREACH_SAFE (feed->others, key, next) {
		key->watched = false;
		feed_list(feed, key, true);
	}
	DL_FOREACH (feed->to_do, key)
		key->watched = false;
}
