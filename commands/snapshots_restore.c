/* SNAPSHOT RESTORE.
 *
 * Keys are made in a database of their own that nobody can select, one
 * statement each and many under way.  The last statement moves them all, and
 * deletes those that they replace: readers see the old keys until then, and
 * then the new ones.  What a restore that fails leaves behind is deleted in the
 * background. */
#include "commands/snapshots.h"

#include "commands/blocking.h"
#include "commands/dump.h"
#include "commands/rdb_value.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/snapshot_cursor.h"
#include "commands/snapshot_reading.h"
#include "storage/base/clock.h"
#include "storage/base/memory.h"
#include "storage/call.h"
#include "storage/result.h"
#include "storage/slot.h"

#include <stdlib.h>
#include <string.h>

enum {
	CALLS_MAX = 64,
	CALLS_SIZE_MAX = 8 << 20, /* bytes of payloads under way */
	COUNTED_KEYS = 1000, /* that DRYRUN asks for together */
	TOUCH_US = 60 * 1000000, /* well before it would be given up */
};

struct restore {
	struct snapshot_reading *reading;
	struct snapshot_options options;
	struct bytes from, to; /* prefixes; `from` empty: none */
	int staged_db;
	bool staged; /* there is something to give up */
	bool counting; /* DRYRUN's call is under way */
	bool finishing;
	enum cursor_step step;
	int64_t touched_us;
	int calls;
	size_t calls_size;
	int64_t keys, lasting, skipped, expired, present, bytes;
	/* DRYRUN: keys to be counted. */
	struct rdb_sink names;
	size_t ends[COUNTED_KEYS];
	struct bytes counted[COUNTED_KEYS];
	int64_t slots[COUNTED_KEYS];
	uint32_t counted_count;
};

/* One key on its way. */
struct restored_key {
	struct restore *restore;
	struct request *scratch; /* restore_send() works on a request */
	struct rdb_value *value;
	char *payload;
	size_t size;
	struct bytes *fields;
	int64_t *times;
};

static void go_on(void *arg);

static bool
is_dry(const struct restore *restore)
{
	return snapshot_has(&restore->options, WORD(DRYRUN));
}

static void
free_restore(struct restore *restore)
{
	snapshot_reading_free(restore->reading);
	rdb_sink_release(&restore->names);
	free(restore);
}

/* --- the end --------------------------------------------------------- */

static void
reply_restored(struct restore *restore, int64_t replaced)
{
	struct request *request = restore->reading->request;
	struct reply *reply = &request->reply;
	bool dry = is_dry(restore);

	reply_map(reply, 6);
	reply_bulk_text(reply, "keys");
	reply_integer(reply, restore->keys);
	reply_bulk_text(reply, "replaced");
	reply_integer(reply, replaced);
	reply_bulk_text(reply, "skipped");
	reply_integer(reply, restore->skipped);
	reply_bulk_text(reply, "expired");
	reply_integer(reply, restore->expired);
	reply_bulk_text(reply, "bytes");
	reply_integer(reply, restore->bytes);
	reply_bulk_text(reply, "dryrun");
	reply_bool(reply, dry);
	free_restore(restore);
	if (dry)
		request_finish(request);
	else
		blocking_finish_swap(request, request->db, request->db);
}

static void
fail(struct restore *restore)
{
	struct request *request = restore->reading->request;

	reply_error(&request->reply, restore->reading->error.text);
	free_restore(restore);
	request_finish(request);
}

static void
given_up(void *arg, const struct result *result)
{
	(void)result;
	fail(arg);
}

static void
give_up(struct restore *restore)
{
	struct request *request = restore->reading->request;
	struct call *call;

	if (!restore->staged) {
		fail(restore);
		return;
	}
	call = call_new(
		request->store, SQL_snapshot_restore_drop, given_up, restore);
	call_bind_int32(call, restore->staged_db);
	call_send_route(call, ROUTE_BULK, request->db);
}

static void
moved(void *arg, const struct result *result)
{
	struct restore *restore = arg;

	if (snapshot_failed(&restore->reading->error, result, true)) {
		give_up(restore);
		return;
	}
	restore->keys = result_int64(result, 0, 1);
	reply_restored(restore, result_int64(result, 0, 2));
}

static void
move(struct restore *restore)
{
	struct request *request = restore->reading->request;
	struct call *call = call_new(
		request->store, SQL_snapshot_restore_finish, moved, restore);

	call_bind_int32(call, restore->staged_db);
	call_bind_int32(call, request->db);
	call_bind_bool(call, snapshot_has(&restore->options, WORD(REPLACE)));
	call_bind_int64(call, restore->lasting);
	call_send_route(call, ROUTE_BULK, request->db);
}

/* Once nothing is under way. */
static void
finish(struct restore *restore)
{
	if (restore->finishing)
		return;
	restore->finishing = true;
	if (snapshot_has_failed(&restore->reading->error))
		give_up(restore);
	else if (is_dry(restore))
		reply_restored(restore, restore->present);
	else
		move(restore);
}

/* --- a key ----------------------------------------------------------- */

static void
end_key(struct restored_key *key)
{
	struct restore *restore = key->restore;

	restore->calls--;
	restore->calls_size -= key->size;
	request_free(key->scratch);
	rdb_value_free(key->value);
	free(key->payload);
	free(key->fields);
	free(key->times);
	free(key);
	go_on(restore);
}

static void
fields_restored(void *arg, const struct result *result)
{
	struct restored_key *key = arg;

	snapshot_failed(&key->restore->reading->error, result, false);
	end_key(key);
}

/* Times of a hash's fields are as far from the capture's as they were. */
static uint32_t
collect_fields(struct restored_key *key)
{
	const struct rdb_hash *hash = &key->value->hash;
	uint32_t count = 0;

	if (key->value->type != RDB_HASH)
		return 0;
	key->fields = memory_allocate((hash->count + 1) * sizeof(*key->fields));
	key->times = memory_allocate((hash->count + 1) * sizeof(*key->times));
	for (size_t i = 0; i < hash->count; i++) {
		if (hash->fields[i].expires_at == RDB_NO_EXPIRY)
			continue;
		key->fields[count] = hash->fields[i].field;
		key->times[count++] = hash->fields[i].expires_at;
	}
	return count;
}

static void
key_restored(void *arg, const struct result *result)
{
	struct restored_key *key = arg;
	struct restore *restore = key->restore;
	uint32_t count;
	struct call *call;

	if (snapshot_failed(&restore->reading->error, result, true) ||
		(count = collect_fields(key)) == 0) {
		end_key(key);
		return;
	}
	call = call_new(restore->reading->request->store,
		SQL_snapshot_restore_fields, fields_restored, key);
	call_bind_key(call, restore->staged_db, key->scratch->argv[1]);
	call_bind_bytes_array(call, key->fields, count);
	call_bind_int64_array(call, key->times, count);
	call_bind_int64(call,
		snapshot_has(&restore->options, WORD(ABSTTL)) ?
			0 :
			restore->reading->created_at);
	call_send(call);
}

static void
touched(void *arg, const struct result *result)
{
	struct restore *restore = arg;

	snapshot_failed(&restore->reading->error, result, false);
	restore->calls--;
	go_on(restore);
}

/* Says now and then that it goes on. */
static void
touch(struct restore *restore)
{
	int64_t now_us = clock_monotonic_us();
	struct request *request = restore->reading->request;
	struct call *call;

	if (now_us - restore->touched_us < TOUCH_US)
		return;
	restore->touched_us = now_us;
	restore->calls++;
	call = call_new(
		request->store, SQL_snapshot_restore_touch, touched, restore);
	call_bind_int32(call, restore->staged_db);
	call_send_route(call, ROUTE_BULK, request->db);
}

/* The name that the key gets; data NULL: it is left out. */
static struct bytes
rename_key(const struct restore *restore, struct bytes key, char **memory)
{
	struct bytes from = restore->from, to = restore->to;
	size_t rest = key.size - from.size;

	if (key.size < from.size ||
		(from.size > 0 && memcmp(key.data, from.data, from.size) != 0))
		return (struct bytes){ 0 };
	*memory = memory_allocate(to.size + rest + 1);
	if (to.size > 0)
		memcpy(*memory, to.data, to.size);
	memcpy(*memory + to.size, key.data + from.size, rest);
	return (struct bytes){ *memory, to.size + rest };
}

static void
send_key(struct restore *restore, const struct snapshot_entry *entry,
	struct bytes name, char *name_memory)
{
	struct restored_key *key = memory_allocate_zeroed(1, sizeof(*key));
	struct restore_options options = { .idle_s = -1, .frequency = -1 };
	struct request *scratch = request_new();
	const struct request *request = restore->reading->request;
	int64_t ttl = snapshot_entry_ttl(restore->reading, entry);

	key->restore = restore;
	key->scratch = scratch;
	key->size = entry->payload.size;
	key->payload = memory_allocate(entry->payload.size + 1);
	memcpy(key->payload, entry->payload.data, entry->payload.size);
	scratch->store = request->store;
	scratch->server = request->server;
	scratch->db = restore->staged_db;
	request_take_block(scratch, name_memory);
	request_append_argument(scratch, bytes_of("restore"));
	request_append_argument(scratch, name);
	if (entry->expires_at > 0) {
		options.absolute =
			snapshot_has(&restore->options, WORD(ABSTTL));
		options.ttl = options.absolute ? entry->expires_at : ttl;
	} else {
		restore->lasting++;
	}
	restore->calls++;
	restore->calls_size += key->size;
	restore->keys++;
	key->value =
		snapshot_payload_read((struct bytes){ key->payload, key->size },
			&restore->reading->error);
	if (key->value != NULL &&
		restore_send(scratch, &options, key->value, key_restored, key))
		return;
	snapshot_error_set(&restore->reading->error,
		"ERR a value is too large to be restored");
	restore->calls--;
	restore->calls_size -= key->size;
	request_free(scratch);
	rdb_value_free(key->value);
	free(key->payload);
	free(key);
}

/* --- DRYRUN ---------------------------------------------------------- */

static void
counted(void *arg, const struct result *result)
{
	struct restore *restore = arg;

	if (!snapshot_failed(&restore->reading->error, result, false))
		restore->present += result_int64(result, 0, 0);
	restore->counting = false;
	restore->counted_count = 0;
	rdb_sink_clear(&restore->names);
	go_on(restore);
}

static void
count_keys(struct restore *restore)
{
	struct request *request = restore->reading->request;
	struct call *call = call_new(
		request->store, SQL_snapshot_count_keys, counted, restore);
	size_t start = 0;

	for (uint32_t i = 0; i < restore->counted_count; i++) {
		struct bytes key = { restore->names.data + start,
			restore->ends[i] - start };

		restore->counted[i] = key;
		restore->slots[i] = slot_of_key(key);
		start = restore->ends[i];
	}
	restore->counting = true;
	call_bind_int32(call, request->db);
	call_bind_int64_array(call, restore->slots, restore->counted_count);
	call_bind_bytes_array(call, restore->counted, restore->counted_count);
	call_send_route(call, ROUTE_BULK, request->db);
}

static void
count_key(struct restore *restore, const struct snapshot_entry *entry,
	struct bytes name, char *name_memory)
{
	struct rdb_value *value =
		snapshot_payload_read(entry->payload, &restore->reading->error);

	rdb_value_free(value);
	restore->keys++;
	rdb_sink_bytes(&restore->names, name.data, name.size);
	restore->ends[restore->counted_count++] = restore->names.size;
	free(name_memory);
}

/* --- going through the snapshot -------------------------------------- */

static void
take(struct restore *restore, const struct snapshot_entry *entry)
{
	char *memory = NULL;
	struct bytes name = rename_key(restore, entry->key, &memory);
	bool absolute = snapshot_has(&restore->options, WORD(ABSTTL));

	if (name.data == NULL) {
		restore->skipped++;
		return;
	}
	if ((absolute && entry->expires_at > 0 &&
		    entry->expires_at <= clock_wall_us() / 1000) ||
		snapshot_entry_ttl(restore->reading, entry) == 0) {
		restore->expired++;
		free(memory);
		return;
	}
	restore->bytes += (int64_t)entry->payload_size;
	if (is_dry(restore)) {
		count_key(restore, entry, name, memory);
		return;
	}
	send_key(restore, entry, name, memory);
	touch(restore);
}

static bool
has_room(const struct restore *restore)
{
	return !restore->counting && restore->counted_count < COUNTED_KEYS &&
		restore->calls < CALLS_MAX &&
		restore->calls_size < CALLS_SIZE_MAX &&
		!snapshot_has_failed(&restore->reading->error);
}

static void
go_on(void *arg)
{
	struct restore *restore = arg;
	struct snapshot_entry entry;

	/* While pages are read, keys before them come back. */
	restore->step = CURSOR_ENTRY;
	while (has_room(restore)) {
		restore->step =
			snapshot_cursor_next(restore->reading->cursor, &entry);
		if (restore->step != CURSOR_ENTRY)
			break;
		take(restore, &entry);
	}
	if (restore->calls > 0 || restore->counting ||
		snapshot_cursor_is_waiting(restore->reading->cursor))
		return;
	if (restore->counted_count > 0 &&
		!snapshot_has_failed(&restore->reading->error))
		count_keys(restore);
	else if (restore->step != CURSOR_ENTRY ||
		snapshot_has_failed(&restore->reading->error))
		finish(restore);
}

/* --- the beginning --------------------------------------------------- */

static void
begun(void *arg, const struct result *result)
{
	struct restore *restore = arg;

	if (snapshot_failed(&restore->reading->error, result, false)) {
		fail(restore);
		return;
	}
	restore->staged_db = (int)result_int64(result, 0, 0);
	restore->staged = true;
	restore->touched_us = clock_monotonic_us();
	snapshot_reading_open_for(restore->reading, true, go_on, restore);
}

/* Data have no keys: they become the agent's latest snapshot. */
static void
forked(void *arg, const struct result *result)
{
	struct restore *restore = arg;
	struct request *request = restore->reading->request;

	if (snapshot_failed(&restore->reading->error, result, true)) {
		fail(restore);
		return;
	}
	reply_map(&request->reply, 2);
	reply_bulk_text(&request->reply, "snapshot");
	reply_bulk(&request->reply, result_bytes(result, 0, 1));
	reply_bulk_text(&request->reply, "bytes");
	reply_integer(&request->reply, (int64_t)restore->reading->data.size);
	free_restore(restore);
	request_finish(request);
}

static void
data_loaded(struct snapshot_reading *reading)
{
	struct restore *restore = reading->state;
	struct request *request = reading->request;
	struct bytes id = request->argv[2];
	struct call *call;

	if (snapshot_has_failed(&reading->error)) {
		fail(restore);
		return;
	}
	if (is_dry(restore)) {
		reply_map(&request->reply, 2);
		reply_bulk_text(&request->reply, "snapshot");
		reply_null(&request->reply);
		reply_bulk_text(&request->reply, "bytes");
		reply_integer(&request->reply, (int64_t)reading->data.size);
		free_restore(restore);
		request_finish(request);
		return;
	}
	call = call_new(request->store, SQL_snapshot_fork, forked, restore);
	call_bind_int32(call, request->db);
	call_bind_text(call, request_copy_text(request, id));
	call_bind_optional_bytes(call,
		snapshot_has(&restore->options, WORD(TO)),
		restore->options.values[WORD_TO]);
	call_send_route(call, ROUTE_BULK, request->db);
}

/* Without PREFIX, TO exchanges the agent that keys begin with. */
static void
choose_prefixes(struct restore *restore, struct bytes agent)
{
	struct request *request = restore->reading->request;
	struct bytes to = restore->options.values[WORD_TO];
	char *memory;

	if (snapshot_has(&restore->options, WORD(PREFIX))) {
		restore->from = restore->options.values[WORD_PREFIX];
		restore->to = restore->options.prefix_to;
		return;
	}
	if (!snapshot_has(&restore->options, WORD(TO)))
		return;
	memory = request_allocate(request, agent.size + to.size + 2);
	memcpy(memory, agent.data, agent.size);
	memory[agent.size] = ':';
	restore->from = (struct bytes){ memory, agent.size + 1 };
	memory += agent.size + 1;
	memcpy(memory, to.data, to.size);
	memory[to.size] = ':';
	restore->to = (struct bytes){ memory, to.size + 1 };
}

static void
restore_found(struct snapshot_reading *reading)
{
	struct restore *restore = reading->state;
	struct request *request = reading->request;
	struct result facts = { .rows = reading->facts, .row_count = 1 };
	struct call *call;

	if (snapshot_has_failed(&reading->error)) {
		fail(restore);
		return;
	}
	if (reading->kind != 'k') {
		snapshot_reading_load_data(reading, data_loaded);
		return;
	}
	choose_prefixes(restore, result_bytes(&facts, 0, FIND_AGENT));
	if (is_dry(restore)) {
		snapshot_reading_open_for(reading, true, go_on, restore);
		return;
	}
	call = call_new(
		request->store, SQL_snapshot_restore_begin, begun, restore);
	call_bind_int32(call, request->db);
	call_send_route(call, ROUTE_BULK, request->db);
}

void
cmd_snapshot_restore(struct request *request)
{
	struct snapshot_options options;
	struct restore *restore;

	if (!snapshot_read_options(request, 3,
		    WORD(TO) | WORD(PREFIX) | WORD(REPLACE) | WORD(ABSTTL) |
			    WORD(DRYRUN),
		    &options))
		return;
	restore = memory_allocate_zeroed(1, sizeof(*restore));
	restore->options = options;
	restore->reading = snapshot_reading_new(
		request, request->argv[2], SQL_snapshot_find, restore_found);
	restore->reading->state = restore;
}
