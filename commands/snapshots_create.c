/* SNAPSHOT CREATE: of data, which are cut into pieces; keys are read by
 * snapshots_capture.c.
 *
 * Chunks are stored in short transactions of their own.  The last one adds the
 * snapshot, which nobody sees before; chunks of one that never came are reaped
 * like those of a deleted one. */
#include "commands/snapshot_creation.h"

#include "commands/reply.h"
#include "commands/request.h"
#include "commands/server.h"
#include "storage/base/memory.h"
#include "storage/base/settings.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stdlib.h>

enum {
	DATA_MAX = 512 << 20,
	/* JSON of up to this is searched as its words, other data as the text
	 * that they begin with. */
	DOCUMENT_MAX = 1 << 20,
};

static void
creation_free(struct creation *creation)
{
	capture_free(creation->capture);
	snapshot_writer_free(creation->writer);
	rdb_sink_release(&creation->base);
	rdb_sink_release(&creation->roots);
	free((char *)creation->source.data);
	free(creation);
}

static void
finish(struct creation *creation, struct bytes id)
{
	struct request *request = creation->request;

	if (snapshot_has_failed(&creation->error))
		reply_error(&request->reply, creation->error.text);
	else
		reply_bulk(&request->reply, id);
	creation_free(creation);
	request_finish(request);
}

static void
added(void *arg, const struct result *result)
{
	struct creation *creation = arg;
	struct bytes id = { 0 };

	if (!snapshot_failed(&creation->error, result, true))
		id = result_bytes(result, 0, 1);
	finish(creation, id);
}

static void
bind_optional(struct call *call, const struct creation *creation, uint32_t word)
{
	call_bind_optional_bytes(call,
		snapshot_has(&creation->options, 1u << word),
		creation->options.values[word]);
}

static void
bind_optional_text(
	struct call *call, const struct creation *creation, uint32_t word)
{
	if (snapshot_has(&creation->options, 1u << word))
		call_bind_text(call,
			request_copy_text(creation->request,
				creation->options.values[word]));
	else
		call_bind_null(call, VALUE_TEXT);
}

static void
bind_language(struct call *call, const struct creation *creation)
{
	if (snapshot_has(&creation->options, WORD(LANG)))
		bind_optional_text(call, creation, WORD_LANG);
	else
		call_bind_text(call, "simple");
}

/* Bytes without data would be NULL. */
static void
bind_bytes(struct call *call, struct bytes bytes)
{
	call_bind_bytes(call, bytes.size > 0 ? bytes : bytes_of(""));
}

static void
bind_kind(struct call *call, const struct creation *creation)
{
	call_bind_text(call, creation->kind == 'k' ? "k" : "d");
}

/* All chunks are stored. */
static void
add(struct creation *creation)
{
	struct snapshot_options *options = &creation->options;
	struct bytes roots = rdb_sink_written(&creation->roots);
	struct call *call = call_new(
		creation->request->store, SQL_snapshot_add, added, creation);

	creation->adding = true;
	if (creation->kind == 'k')
		snapshot_digest(&roots, 1, creation->checksum);
	call_bind_int32(call, creation->request->db);
	bind_kind(call, creation);
	call_bind_bytes(call, creation->agent);
	bind_optional(call, creation, WORD_NAME);
	bind_optional_text(call, creation, WORD_PARENT);
	bind_optional(call, creation, WORD_USER);
	bind_optional(call, creation, WORD_META);
	call_bind_optional_int64(call, snapshot_has(options, WORD(TTL)),
		options->numbers[WORD_TTL] * 1000);
	call_bind_bool(call, snapshot_has(options, WORD(PIN)));
	bind_language(call, creation);
	call_bind_bytes_array(
		call, options->patterns, (uint32_t)options->pattern_count);
	call_bind_optional_int64(
		call, creation->created_at > 0, creation->created_at);
	call_bind_int64(call, creation->key_count);
	call_bind_int64(call, snapshot_writer_raw_bytes(creation->writer));
	call_bind_int64(call, snapshot_writer_stored_bytes(creation->writer));
	call_bind_bytes(
		call, (struct bytes){ creation->checksum, SNAPSHOT_HASH_SIZE });
	bind_bytes(call, roots);
	bind_bytes(call, creation->source);
	call_send_route(call, ROUTE_BULK, creation->request->db);
}

void
creation_continue(struct creation *creation)
{
	if (creation->adding)
		return;
	if (!creation->fed)
		creation->feed(creation);
	if (creation->adding || !creation->fed ||
		!snapshot_writer_is_idle(creation->writer))
		return;
	if (snapshot_has_failed(&creation->error))
		finish(creation, (struct bytes){ 0 });
	else
		add(creation);
}

static void
progress(void *arg)
{
	creation_continue(arg);
}

struct creation *
creation_new(struct request *request, char kind)
{
	struct creation *creation =
		memory_allocate_zeroed(1, sizeof(*creation));

	creation->request = request;
	creation->kind = kind;
	creation->writer = snapshot_writer_new(request->store, request->db,
		settings_get(request->server->settings, snapshot_compression),
		&creation->error, progress, creation);
	rdb_sink_init(&creation->base, false);
	rdb_sink_init(&creation->roots, false);
	return creation;
}

void
creation_add_root(struct creation *creation, struct bytes raw,
	struct bytes refs, const char *base)
{
	char hash[SNAPSHOT_HASH_SIZE];

	snapshot_writer_add(creation->writer, raw, refs, base, hash);
	rdb_sink_bytes(&creation->roots, hash, SNAPSHOT_HASH_SIZE);
}

const char *
creation_base_root(const struct creation *creation, size_t number)
{
	if (number >= creation->base.size / SNAPSHOT_HASH_SIZE)
		return NULL;
	return creation->base.data + number * SNAPSHOT_HASH_SIZE;
}

/* --- the beginning --------------------------------------------------- */

static void
begun(void *arg, const struct result *result)
{
	struct creation *creation = arg;
	void (*begin)(struct creation * creation) = creation->feed;
	struct bytes base;

	if (snapshot_failed(&creation->error, result, true)) {
		finish(creation, (struct bytes){ 0 });
		return;
	}
	base = result_bytes(result, 0, 1);
	rdb_sink_bytes(&creation->base, base.data,
		base.size - base.size % SNAPSHOT_HASH_SIZE);
	begin(creation);
}

/* What PostgreSQL would refuse with an error of its own. */
static bool
is_sound(struct creation *creation)
{
	const struct snapshot_options *options = &creation->options;

	if (snapshot_has(options, WORD(PARENT)) &&
		!snapshot_is_id(options->values[WORD_PARENT]))
		snapshot_error_set(
			&creation->error, "ERR no such parent snapshot");
	else if (snapshot_has(options, WORD(LANG)) &&
		!snapshot_is_text(options->values[WORD_LANG]))
		snapshot_error_set(&creation->error,
			"ERR unknown language, expected its name as text");
	return !snapshot_has_failed(&creation->error);
}

void
creation_begin(
	struct creation *creation, void (*begin)(struct creation *creation))
{
	struct call *call;

	if (!is_sound(creation)) {
		finish(creation, (struct bytes){ 0 });
		return;
	}
	creation->feed = begin;
	call = call_new(
		creation->request->store, SQL_snapshot_begin, begun, creation);
	call_bind_int32(call, creation->request->db);
	bind_kind(call, creation);
	call_bind_bytes(call, creation->agent);
	bind_optional_text(call, creation, WORD_PARENT);
	bind_optional(call, creation, WORD_META);
	bind_language(call, creation);
	call_send_route(call, ROUTE_BULK, creation->request->db);
}

/* --- data ------------------------------------------------------------ */

static void
feed_data(struct creation *creation)
{
	struct bytes rest = creation->options.values[WORD_DATA];
	struct snapshot_cutter cutter;

	snapshot_cutter_init(&cutter);
	rest.data += creation->position;
	rest.size -= creation->position;
	while (rest.size > 0 && !snapshot_writer_is_full(creation->writer)) {
		size_t size = snapshot_cut(&cutter, rest);
		size_t number = creation->roots.size / SNAPSHOT_HASH_SIZE;

		/* Before the writer can ask for more. */
		creation->position += size;
		creation->fed = size == rest.size;
		creation_add_root(creation, (struct bytes){ rest.data, size },
			(struct bytes){ 0 },
			creation_base_root(creation, number));
		rest.data += size;
		rest.size -= size;
	}
}

static struct bytes
source_of(struct bytes data)
{
	size_t size = data.size;
	char *copy;

	if (size > DOCUMENT_MAX)
		size = SNAPSHOT_TEXT_MAX;
	copy = memory_allocate(size + 1);
	return (struct bytes){ copy,
		snapshot_copy_text((struct bytes){ data.data, size }, copy) };
}

static void
begin_data(struct creation *creation)
{
	struct bytes data = creation->options.values[WORD_DATA];

	snapshot_digest(&data, 1, creation->checksum);
	creation->source = source_of(data);
	creation->feed = feed_data;
	creation->fed = data.size == 0;
	creation_continue(creation);
}

void
cmd_snapshot_create(struct request *request)
{
	struct snapshot_options options;
	struct creation *creation;
	bool keys;

	if (!snapshot_read_options(request, 3,
		    WORD(NAME) | WORD(PARENT) | WORD(USER) | WORD(META) |
			    WORD(TTL) | WORD(PIN) | WORD(LANG) | WORD(DATA) |
			    WORD(KEYS),
		    &options))
		return;
	keys = snapshot_has(&options, WORD(KEYS));
	if (keys == snapshot_has(&options, WORD(DATA))) {
		request_reply_error(request,
			"ERR syntax error, expected either DATA data or KEYS "
			"pattern [pattern ...]");
		return;
	}
	if (options.values[WORD_DATA].size > DATA_MAX) {
		request_reply_error(
			request, "ERR the data must have up to 512 MB");
		return;
	}
	creation = creation_new(request, keys ? 'k' : 'd');
	creation->options = options;
	creation->agent = request->argv[2];
	creation_begin(creation, keys ? capture_begin : begin_data);
}
