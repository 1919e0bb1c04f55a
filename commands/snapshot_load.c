/* Reading and checking chunks; see snapshot_store.h. */
#include "commands/snapshot_store.h"

#include "commands/errors.h"
#include "storage/base/memory.h"
#include "storage/call.h"
#include "storage/result.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Columns of snapshot_read_chunks. */
enum { HASH, RAW_SIZE, CODEC, DEPTH, DATA, BASE, REFS };

struct load {
	struct snapshot_error *error;
	void (*done)(void *arg, const struct snapshot_chunks *chunks);
	void *arg;
	struct snapshot_chunks chunks;
	char *hashes;
	struct bytes *names; /* each of the hashes */
	uint32_t count;
};

void
snapshot_error_set(struct snapshot_error *error, const char *format, ...)
{
	va_list arguments;

	if (snapshot_has_failed(error))
		return;
	va_start(arguments, format);
	vsnprintf(error->text, sizeof(error->text), format, arguments);
	va_end(arguments);
}

bool
snapshot_failed(struct snapshot_error *error, const struct result *result,
	bool has_error)
{
	switch (result->status) {
	case STORE_OK:
		if (!has_error || result->row_count == 0 ||
			result_is_null(result, 0, 0))
			return false;
		snapshot_error_set(error, "%s", result_text(result, 0, 0));
		return true;
	case STORE_ERROR:
		snapshot_error_set(error, "ERR PostgreSQL: %s (%s)",
			result->error, result->sqlstate);
		return true;
	case STORE_DOWN:
		snapshot_error_set(error, "%s", ERROR_DOWN);
		return true;
	case STORE_UNKNOWN:
		snapshot_error_set(error, "%s", ERROR_UNKNOWN_OUTCOME);
		return true;
	case STORE_REPLY_LOST:
		snapshot_error_set(error, "%s", ERROR_REPLY_LOST);
		return true;
	case STORE_BUSY:
		snapshot_error_set(error, "%s", ERROR_BUSY_QUEUE);
		return true;
	}
	return false;
}

const struct snapshot_chunk *
snapshot_chunks_find(const struct snapshot_chunks *chunks, const char *hash)
{
	for (int i = 0; i < chunks->count; i++)
		if (memcmp(chunks->list[i].hash, hash, SNAPSHOT_HASH_SIZE) == 0)
			return &chunks->list[i];
	return NULL;
}

static void
damaged(struct load *load, const char *hash, const char *reason)
{
	char digits[2 * SNAPSHOT_HASH_SIZE + 1];

	for (int i = 0; i < SNAPSHOT_HASH_SIZE; i++)
		snprintf(digits + 2L * i, 3, "%02x", (unsigned char)hash[i]);
	snapshot_error_set(load->error,
		"ERR the snapshot is damaged: chunk %s %s", digits, reason);
}

/* The raw bytes of a row; data NULL: they cannot be had. */
static struct bytes
decode(struct load *load, const struct result *result, int row)
{
	int64_t size = result_int64(result, row, RAW_SIZE);
	struct bytes data = result_bytes(result, row, DATA), base = { 0 };
	const struct snapshot_chunk *from;
	char *raw;

	if (result_int64(result, row, CODEC) == SNAPSHOT_CODEC_RAW) {
		if (data.size != (size_t)size)
			return (struct bytes){ 0 };
		raw = memory_allocate(data.size + 1);
		memcpy(raw, data.data, data.size);
		return (struct bytes){ raw, data.size };
	}
	if (size < 0 || size > SNAPSHOT_CHUNK_MAX)
		return (struct bytes){ 0 };
	if (!result_is_null(result, row, BASE)) {
		base = result_bytes(result, row, BASE);
		from = base.size == SNAPSHOT_HASH_SIZE ?
			snapshot_chunks_find(&load->chunks, base.data) :
			NULL;
		if (from == NULL)
			return (struct bytes){ 0 };
		base = from->raw;
	}
	raw = memory_allocate((size_t)size + 1);
	if (snapshot_decompress(data, base, raw, (size_t)size))
		return (struct bytes){ raw, (size_t)size };
	free(raw);
	return (struct bytes){ 0 };
}

static bool
add_chunk(struct load *load, const struct result *result, int row)
{
	struct snapshot_chunk *chunk = &load->chunks.list[load->chunks.count];
	struct bytes hash = result_bytes(result, row, HASH);
	char found[SNAPSHOT_HASH_SIZE];

	if (hash.size != SNAPSHOT_HASH_SIZE) {
		snapshot_error_set(load->error,
			"ERR the snapshot is damaged: a chunk has no name");
		return false;
	}
	chunk->depth = (int)result_int64(result, row, DEPTH);
	chunk->refs = result_bytes(result, row, REFS);
	memcpy(chunk->hash, hash.data, SNAPSHOT_HASH_SIZE);
	chunk->raw = decode(load, result, row);
	if (chunk->raw.data == NULL) {
		damaged(load, chunk->hash, "cannot be decompressed");
		return false;
	}
	load->chunks.count++;
	snapshot_chunk_hash(chunk->raw, chunk->refs, found);
	if (memcmp(found, chunk->hash, SNAPSHOT_HASH_SIZE) == 0 &&
		chunk->refs.size % SNAPSHOT_HASH_SIZE == 0)
		return true;
	damaged(load, chunk->hash, "does not match its checksum");
	return false;
}

/* Bases come before what was made from them, as their depth is less. */
static bool
add_chunks(struct load *load, const struct result *result)
{
	load->chunks.list = memory_allocate_zeroed(
		(size_t)result->row_count + 1, sizeof(*load->chunks.list));
	for (int depth = 0; depth <= SNAPSHOT_DEPTH_MAX; depth++)
		for (int row = 0; row < result->row_count; row++)
			if (result_int64(result, row, DEPTH) == depth &&
				!add_chunk(load, result, row))
				return false;
	for (uint32_t i = 0; i < load->count; i++)
		if (snapshot_chunks_find(&load->chunks, load->names[i].data) ==
			NULL) {
			damaged(load, load->names[i].data, "is missing");
			return false;
		}
	return true;
}

static void
load_done(void *arg, const struct result *result)
{
	struct load *load = arg;
	bool sound = !snapshot_failed(load->error, result, false) &&
		add_chunks(load, result);

	load->done(load->arg, sound ? &load->chunks : NULL);
	for (int i = 0; i < load->chunks.count; i++)
		free((char *)load->chunks.list[i].raw.data);
	free(load->chunks.list);
	free(load->hashes);
	free(load->names);
	free(load);
}

void
snapshot_load(struct store *store, int db, struct bytes hashes,
	struct snapshot_error *error,
	void (*done)(void *arg, const struct snapshot_chunks *chunks),
	void *arg)
{
	struct load *load = memory_allocate_zeroed(1, sizeof(*load));
	struct call *call =
		call_new(store, SQL_snapshot_read_chunks, load_done, load);

	load->error = error;
	load->done = done;
	load->arg = arg;
	load->count = (uint32_t)(hashes.size / SNAPSHOT_HASH_SIZE);
	load->hashes = memory_allocate(hashes.size + 1);
	if (hashes.size > 0)
		memcpy(load->hashes, hashes.data, hashes.size);
	load->names = memory_allocate((load->count + 1) * sizeof(*load->names));
	for (uint32_t i = 0; i < load->count; i++)
		load->names[i] = (struct bytes){ load->hashes +
				(size_t)i * SNAPSHOT_HASH_SIZE,
			SNAPSHOT_HASH_SIZE };
	call_bind_bytes_array(call, load->names, load->count);
	call_send_route(call, ROUTE_BULK, db);
}
