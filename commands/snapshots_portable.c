/* SNAPSHOT EXPORT and IMPORT; the blob's form is in snapshot_portable.h. */
#include "commands/snapshots.h"

#include "commands/reply.h"
#include "commands/request.h"
#include "commands/snapshot_creation.h"
#include "commands/snapshot_portable.h"
#include "commands/snapshot_reading.h"
#include "storage/base/memory.h"
#include "storage/result.h"

#include <stdlib.h>
#include <string.h>

enum {
	LEVELS = 3, /* indexes, pages, pieces */
	GROUP = 16,
	BLOB_MAX = 512 << 20,
};

/* --- EXPORT ---------------------------------------------------------- */

/* Columns of snapshot_export behind those that it has in common. */
enum { NAME = FIND_FACTS, USER, META, LANGUAGE, PATTERNS, KEY_COUNT, TEXT };

struct export
{
	struct snapshot_reading *reading;
	int level;
	/* Hashes of each level's chunks, and the chunks as they are written. */
	struct rdb_sink hashes[LEVELS + 1], chunks[LEVELS];
	size_t done, loading; /* bytes of the level's hashes */
};

static void load_chunks(struct export *export);

static void
free_export(struct export *export)
{
	for (int i = 0; i < LEVELS; i++) {
		rdb_sink_release(&export->hashes[i]);
		rdb_sink_release(&export->chunks[i]);
	}
	rdb_sink_release(&export->hashes[LEVELS]);
	free(export);
}

static void
fail_export(struct export *export)
{
	struct snapshot_reading *reading = export->reading;

	free_export(export);
	snapshot_reading_fail(reading);
}

static struct bytes
fact(const struct result *facts, int column)
{
	if (result_is_null(facts, 0, column))
		return (struct bytes){ 0 };
	return result_bytes(facts, 0, column);
}

static void
write_facts(struct export *export, struct rdb_sink *sink)
{
	struct snapshot_reading *reading = export->reading;
	struct result facts = { .rows = reading->facts, .row_count = 1 };
	struct portable *portable =
		memory_allocate_zeroed(1, sizeof(*portable));
	struct result_array patterns;

	portable->kind = reading->kind;
	portable->created_at = reading->created_at;
	portable->key_count = result_int64(&facts, 0, KEY_COUNT);
	portable->checksum =
		(struct bytes){ reading->checksum, SNAPSHOT_HASH_SIZE };
	portable->agent = fact(&facts, FIND_AGENT);
	portable->name = fact(&facts, NAME);
	portable->user = fact(&facts, USER);
	portable->meta = fact(&facts, META);
	portable->language = fact(&facts, LANGUAGE);
	portable->text = fact(&facts, TEXT);
	if (result_array_open(&facts, 0, PATTERNS, &patterns))
		while (patterns.left > 0 &&
			portable->pattern_count < PORTABLE_PATTERNS_MAX)
			portable->patterns[portable->pattern_count++] =
				result_array_next(&patterns);
	portable->roots = reading->roots.size > 0 ?
		rdb_sink_written(&reading->roots) :
		bytes_of("");
	portable_write(sink, portable);
	free(portable);
}

static void
reply_blob(struct export *export)
{
	struct request *request = export->reading->request;
	struct bytes parts[LEVELS + 1];
	struct rdb_sink blob;

	rdb_sink_init(&blob, false);
	write_facts(export, &blob);
	/* What is referred to comes first. */
	for (int i = LEVELS; i-- > 0;)
		rdb_sink_bytes(
			&blob, export->chunks[i].data, export->chunks[i].size);
	parts[0] = rdb_sink_written(&blob);
	portable_write_end(&blob, parts, 1);
	reply_bulk_lent(
		&request->reply, rdb_sink_written(&blob), free, blob.data);
	snapshot_reading_free(export->reading);
	free_export(export);
	request_finish(request);
}

static void
next_level(struct export *export)
{
	export->done = 0;
	if (++export->level < LEVELS)
		load_chunks(export);
	else
		reply_blob(export);
}

static void
chunks_loaded(void *arg, const struct snapshot_chunks *chunks)
{
	struct export *export = arg;
	const char *hashes = export->hashes[export->level].data;
	size_t size = 0;

	if (chunks == NULL) {
		fail_export(export);
		return;
	}
	for (size_t i = 0; i < export->loading; i += SNAPSHOT_HASH_SIZE) {
		const struct snapshot_chunk *chunk =
			snapshot_chunks_find(chunks, hashes + export->done + i);

		portable_write_chunk(&export->chunks[export->level], chunk->raw,
			chunk->refs);
		rdb_sink_bytes(&export->hashes[export->level + 1],
			chunk->refs.data, chunk->refs.size);
	}
	for (int i = 0; i < LEVELS; i++)
		size += export->chunks[i].size;
	if (size > BLOB_MAX - (1 << 20)) {
		snapshot_error_set(&export->reading->error,
			"ERR the snapshot takes more than 512 MB");
		fail_export(export);
		return;
	}
	export->done += export->loading;
	load_chunks(export);
}

static void
load_chunks(struct export *export)
{
	struct rdb_sink *hashes = &export->hashes[export->level];
	struct snapshot_reading *reading = export->reading;

	export->loading = hashes->size - export->done;
	if (export->loading == 0) {
		next_level(export);
		return;
	}
	if (export->loading > (size_t)GROUP * SNAPSHOT_HASH_SIZE)
		export->loading = (size_t)GROUP * SNAPSHOT_HASH_SIZE;
	snapshot_load(reading->request->store, reading->request->db,
		(struct bytes){ hashes->data + export->done, export->loading },
		&reading->error, chunks_loaded, export);
}

static void
export_found(struct snapshot_reading *reading)
{
	struct export *export;

	if (snapshot_has_failed(&reading->error)) {
		snapshot_reading_fail(reading);
		return;
	}
	export = memory_allocate_zeroed(1, sizeof(*export));
	export->reading = reading;
	rdb_sink_bytes(
		&export->hashes[0], reading->roots.data, reading->roots.size);
	load_chunks(export);
}

void
cmd_snapshot_export(struct request *request)
{
	snapshot_reading_new(
		request, request->argv[2], SQL_snapshot_export, export_found);
}

/* --- IMPORT ---------------------------------------------------------- */

struct import {
	struct portable portable;
	struct bytes rest; /* chunks not yet fed */
};

static void
feed_chunks(struct creation *creation)
{
	struct import *import = creation->request->state;
	struct portable_chunk chunk;
	char hash[SNAPSHOT_HASH_SIZE];
	bool bad = false;

	while (!snapshot_writer_is_full(creation->writer)) {
		if (!portable_next_chunk(&import->rest, &chunk, &bad)) {
			creation->fed = true;
			break;
		}
		snapshot_writer_add(
			creation->writer, chunk.raw, chunk.refs, NULL, hash);
		free(chunk.memory);
	}
	if (bad)
		snapshot_error_set(&creation->error,
			"ERR the blob is damaged: a chunk cannot be read");
}

static void
begin_chunks(struct creation *creation)
{
	creation->feed = feed_chunks;
	creation_continue(creation);
}

static void
set_option(struct creation *creation, int word, struct bytes value)
{
	if (value.data == NULL)
		return;
	creation->options.given |= 1u << word;
	creation->options.values[word] = value;
}

static void
set_facts(struct creation *creation, const struct portable *portable)
{
	struct bytes text = portable->text;
	char *copy = memory_allocate(SNAPSHOT_TEXT_MAX + 1);

	set_option(creation, WORD_NAME, portable->name);
	set_option(creation, WORD_USER, portable->user);
	set_option(creation, WORD_META, portable->meta);
	set_option(creation, WORD_LANG, portable->language);
	creation->options.patterns = portable->patterns;
	creation->options.pattern_count = (int)portable->pattern_count;
	creation->created_at = portable->created_at;
	creation->key_count = portable->key_count;
	memcpy(creation->checksum, portable->checksum.data, SNAPSHOT_HASH_SIZE);
	rdb_sink_bytes(
		&creation->roots, portable->roots.data, portable->roots.size);
	if (text.size > SNAPSHOT_TEXT_MAX)
		text.size = SNAPSHOT_TEXT_MAX;
	creation->source =
		(struct bytes){ copy, snapshot_copy_text(text, copy) };
}

static const char *
status_error(enum portable_status status)
{
	switch (status) {
	case PORTABLE_NONE:
		return "ERR expected a blob that SNAPSHOT EXPORT has answered";
	case PORTABLE_NEWER:
		return "ERR the blob is of a newer version than this server";
	default:
		return "ERR the blob is damaged: its checksum or form is wrong";
	}
}

void
cmd_snapshot_import(struct request *request)
{
	struct snapshot_options options;
	struct import *import;
	struct creation *creation;
	enum portable_status status;

	if (!snapshot_read_options(request, 3, WORD(AGENT), &options))
		return;
	import = request_allocate(request, sizeof(*import));
	memset(import, 0, sizeof(*import));
	status = portable_read(request->argv[2], &import->portable);
	if (status != PORTABLE_OK) {
		request_reply_error(request, status_error(status));
		return;
	}
	import->rest = import->portable.chunks;
	request->state = import;
	creation = creation_new(request, import->portable.kind);
	creation->agent = snapshot_has(&options, WORD(AGENT)) ?
		options.values[WORD_AGENT] :
		import->portable.agent;
	set_facts(creation, &import->portable);
	creation_begin(creation, begin_chunks);
}
