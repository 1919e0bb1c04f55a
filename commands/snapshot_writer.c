/* Storing chunks; see snapshot_store.h.
 *
 * What is queued goes in batches.  A batch first asks which chunks are there
 * already, then reads those that the others may be changes to, compresses, and
 * stores: three round trips, and what did not change costs the first alone. */
#include "commands/snapshot_store.h"

#include "storage/base/memory.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stdlib.h>
#include <string.h>

enum {
	BATCH_COUNT = 32,
	BATCH_SIZE = 1 << 20,
	QUEUE_SIZE = 2 << 20, /* raw bytes that make it full */
};

struct pending {
	struct pending *next;
	char hash[SNAPSHOT_HASH_SIZE];
	char base[SNAPSHOT_HASH_SIZE];
	bool has_base, known;
	int64_t codec, depth, raw_size;
	char *raw, *refs, *data; /* data NULL: raw */
	size_t refs_size, data_size;
};

struct snapshot_writer {
	struct store *store;
	int db;
	bool compress, busy;
	struct snapshot_error *error;
	void (*progress)(void *arg);
	void *arg;
	struct pending *first, **last;
	size_t queued_size;
	int64_t raw_bytes, stored_bytes;

	/* The batch. */
	int count;
	struct pending *batch[BATCH_COUNT];
	struct bytes columns[4][BATCH_COUNT];
	int64_t numbers[3][BATCH_COUNT];
	char bases[BATCH_COUNT * SNAPSHOT_HASH_SIZE];
	struct snapshot_error ignored;
};

struct snapshot_writer *
snapshot_writer_new(struct store *store, int db, bool compress,
	struct snapshot_error *error, void (*progress)(void *arg), void *arg)
{
	struct snapshot_writer *writer =
		memory_allocate_zeroed(1, sizeof(*writer));

	writer->store = store;
	writer->db = db;
	writer->compress = compress;
	writer->error = error;
	writer->progress = progress;
	writer->arg = arg;
	writer->last = &writer->first;
	return writer;
}

static void
free_pending(struct pending *pending)
{
	free(pending->raw);
	free(pending->refs);
	free(pending->data);
	free(pending);
}

static void
drop_queue(struct snapshot_writer *writer)
{
	while (writer->first != NULL) {
		struct pending *pending = writer->first;

		writer->first = pending->next;
		free_pending(pending);
	}
	writer->last = &writer->first;
	writer->queued_size = 0;
}

void
snapshot_writer_free(struct snapshot_writer *writer)
{
	if (writer == NULL)
		return;
	drop_queue(writer);
	free(writer);
}

bool
snapshot_writer_is_full(const struct snapshot_writer *writer)
{
	return writer->queued_size >= QUEUE_SIZE;
}

bool
snapshot_writer_is_idle(const struct snapshot_writer *writer)
{
	return !writer->busy && writer->first == NULL;
}

int64_t
snapshot_writer_raw_bytes(const struct snapshot_writer *writer)
{
	return writer->raw_bytes;
}

int64_t
snapshot_writer_stored_bytes(const struct snapshot_writer *writer)
{
	return writer->stored_bytes;
}

/* --- a batch --------------------------------------------------------- */

static void start_batch(struct snapshot_writer *writer);

static void
end_batch(struct snapshot_writer *writer)
{
	for (int i = 0; i < writer->count; i++)
		free_pending(writer->batch[i]);
	writer->count = 0;
	writer->busy = false;
	if (snapshot_has_failed(writer->error))
		drop_queue(writer);
	else
		start_batch(writer);
	writer->progress(writer->arg);
}

static void
put_done(void *arg, const struct result *result)
{
	struct snapshot_writer *writer = arg;

	if (!snapshot_failed(writer->error, result, true))
		writer->stored_bytes += result_int64(result, 0, 1);
	end_batch(writer);
}

static void
put(struct snapshot_writer *writer)
{
	struct bytes(*columns)[BATCH_COUNT] = writer->columns;
	int64_t(*numbers)[BATCH_COUNT] = writer->numbers;
	uint32_t count = 0;
	struct call *call;

	for (int i = 0; i < writer->count; i++) {
		struct pending *pending = writer->batch[i];

		if (pending->known)
			continue;
		columns[0][count] =
			(struct bytes){ pending->hash, SNAPSHOT_HASH_SIZE };
		numbers[0][count] = pending->raw_size;
		numbers[1][count] = pending->codec;
		numbers[2][count] = pending->depth;
		columns[1][count] = pending->data != NULL ?
			(struct bytes){ pending->data, pending->data_size } :
			(struct bytes){ pending->raw,
				(size_t)pending->raw_size };
		columns[2][count] = (struct bytes){ pending->base,
			pending->has_base ? SNAPSHOT_HASH_SIZE : 0 };
		columns[3][count++] =
			(struct bytes){ pending->refs, pending->refs_size };
	}
	if (count == 0) {
		end_batch(writer);
		return;
	}
	call = call_new(
		writer->store, SQL_snapshot_put_chunks, put_done, writer);
	call_bind_bytes_array(call, columns[0], count);
	for (int i = 0; i < 3; i++)
		call_bind_int64_array(call, numbers[i], count);
	for (int i = 1; i < 4; i++)
		call_bind_bytes_array(call, columns[i], count);
	call_bind_bool(call, !writer->compress);
	call_send_route(call, ROUTE_BULK, writer->db);
}

static void
compress(struct pending *pending, const struct snapshot_chunk *base)
{
	struct bytes raw = { pending->raw, (size_t)pending->raw_size };
	struct bytes before = { 0 };
	int depth = 0;

	if (base != NULL && base->depth < SNAPSHOT_DEPTH_MAX) {
		before = base->raw;
		depth = base->depth + 1;
	}
	pending->data = snapshot_compress(raw, before, &pending->data_size);
	pending->has_base = pending->data != NULL && depth > 0;
	if (pending->data == NULL)
		return;
	pending->codec = SNAPSHOT_CODEC_ZSTD;
	pending->depth = depth;
}

/* `chunks` NULL: a base is gone or damaged, and so none is used. */
static void
bases_loaded(void *arg, const struct snapshot_chunks *chunks)
{
	struct snapshot_writer *writer = arg;

	for (int i = 0; i < writer->count; i++) {
		struct pending *pending = writer->batch[i];

		if (!pending->known)
			compress(pending,
				chunks != NULL && pending->has_base ?
					snapshot_chunks_find(
						chunks, pending->base) :
					NULL);
	}
	put(writer);
}

static void
load_bases(struct snapshot_writer *writer)
{
	size_t size = 0;

	for (int i = 0; i < writer->count; i++) {
		struct pending *pending = writer->batch[i];

		if (!pending->has_base || pending->known)
			continue;
		memcpy(writer->bases + size, pending->base, SNAPSHOT_HASH_SIZE);
		size += SNAPSHOT_HASH_SIZE;
	}
	if (size == 0) {
		bases_loaded(writer, NULL);
		return;
	}
	writer->ignored.text[0] = '\0';
	snapshot_load(writer->store, writer->db,
		(struct bytes){ writer->bases, size }, &writer->ignored,
		bases_loaded, writer);
}

static void
known_done(void *arg, const struct result *result)
{
	struct snapshot_writer *writer = arg;

	if (snapshot_failed(writer->error, result, false)) {
		end_batch(writer);
		return;
	}
	for (int row = 0; row < result->row_count; row++) {
		struct bytes hash = result_bytes(result, row, 0);

		for (int i = 0; i < writer->count; i++)
			writer->batch[i]->known |=
				hash.size == SNAPSHOT_HASH_SIZE &&
				memcmp(hash.data, writer->batch[i]->hash,
					hash.size) == 0;
	}
	if (writer->compress) {
		load_bases(writer);
		return;
	}
	for (int i = 0; i < writer->count; i++)
		writer->batch[i]->has_base = false;
	put(writer);
}

static void
start_batch(struct snapshot_writer *writer)
{
	size_t size = 0;
	struct call *call;

	if (writer->first == NULL)
		return;
	while (writer->first != NULL && writer->count < BATCH_COUNT &&
		size < BATCH_SIZE) {
		struct pending *pending = writer->first;

		writer->first = pending->next;
		size += (size_t)pending->raw_size;
		writer->columns[0][writer->count] =
			(struct bytes){ pending->hash, SNAPSHOT_HASH_SIZE };
		writer->batch[writer->count++] = pending;
	}
	if (writer->first == NULL)
		writer->last = &writer->first;
	writer->queued_size -= size;
	writer->busy = true;
	call = call_new(
		writer->store, SQL_snapshot_known_chunks, known_done, writer);
	call_bind_bytes_array(
		call, writer->columns[0], (uint32_t)writer->count);
	call_bind_bool(call, !writer->compress);
	call_send_route(call, ROUTE_BULK, writer->db);
}

static char *
copy(struct bytes bytes)
{
	char *memory = memory_allocate(bytes.size + 1);

	if (bytes.size > 0)
		memcpy(memory, bytes.data, bytes.size);
	return memory;
}

void
snapshot_writer_add(struct snapshot_writer *writer, struct bytes raw,
	struct bytes refs, const char *base,
	char hash[static SNAPSHOT_HASH_SIZE])
{
	struct pending *pending;

	snapshot_chunk_hash(raw, refs, hash);
	writer->raw_bytes += (int64_t)raw.size;
	if (snapshot_has_failed(writer->error))
		return;
	pending = memory_allocate_zeroed(1, sizeof(*pending));
	memcpy(pending->hash, hash, SNAPSHOT_HASH_SIZE);
	pending->raw = copy(raw);
	pending->raw_size = (int64_t)raw.size;
	pending->refs = copy(refs);
	pending->refs_size = refs.size;
	pending->has_base = base != NULL;
	if (base != NULL)
		memcpy(pending->base, base, SNAPSHOT_HASH_SIZE);
	*writer->last = pending;
	writer->last = &pending->next;
	writer->queued_size += raw.size;
	if (!writer->busy)
		start_batch(writer);
}
