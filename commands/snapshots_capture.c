/* SNAPSHOT CREATE … KEYS: reads keys as they are at one point in time.
 *
 * One statement reads them all, and so sees one state of the database, while
 * writers go on.  Its rows come in the order of the keys and are made into
 * DUMP's payloads, these into pages.  When the writer of chunks has enough to
 * do the rows wait: never more than some pages and the largest value are in
 * memory.
 *
 * A page ends behind a key whose hash says so, and so do the same keys' pages of
 * other snapshots: a page that did not change is stored already, and one that
 * did is stored as a change to that of the snapshot before. */
#include "commands/snapshot_creation.h"

#include "commands/dump_rows.h"
#include "commands/rdb_format.h"
#include "commands/rdb_write.h"
#include "commands/request.h"
#include "commands/snapshot_page.h"
#include "storage/base/glob.h"
#include "storage/base/memory.h"
#include "storage/call.h"
#include "storage/indexed_key.h"
#include "storage/result.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* Columns of snapshot_capture behind those of dump_rows. */
enum { KEY = 8, TYPE, EXPIRES_AT, NOW };

enum {
	PAGE_KEYS = 128, /* about; a power of 2 */
	PAGE_SIZE = 64 << 10,
	INDEX_PAGES = 512,
	/* Long keys are in order only up to there: respgres.indexed(). */
	PREFIX_SIZE_MAX = 900,
};

struct range {
	struct bytes first, past;
};

/* A page of the snapshot that this one may resemble. */
struct base_page {
	struct bytes first_key;
	char hash[SNAPSHOT_HASH_SIZE];
};

struct capture {
	struct creation *creation;
	struct call *stream; /* NULL: ended */
	bool paused;
	/* What is asked for. */
	struct range *ranges;
	struct bytes *columns[3]; /* first, past, like */
	/* The key under way. */
	struct dump_rows rows;
	struct rdb_sink key;
	bool has_key, wanted;
	char type;
	int64_t expires_at;
	/* The page and the index under way. */
	struct rdb_sink page, page_refs, first_key, index, index_refs;
	uint32_t page_keys, index_pages;
	struct rdb_sink payload, text;
	struct snapshot_cutter cutter;
	/* In the order of their keys; base_at goes along. */
	struct rdb_sink base_memory;
	struct base_page *base;
	size_t base_count, base_at;
};

void
capture_free(struct capture *capture)
{
	if (capture == NULL)
		return;
	dump_rows_release(&capture->rows);
	rdb_sink_release(&capture->key);
	rdb_sink_release(&capture->page);
	rdb_sink_release(&capture->page_refs);
	rdb_sink_release(&capture->first_key);
	rdb_sink_release(&capture->index);
	rdb_sink_release(&capture->index_refs);
	rdb_sink_release(&capture->payload);
	rdb_sink_release(&capture->text);
	rdb_sink_release(&capture->base_memory);
	free(capture->base);
	free(capture);
}

/* --- pages ----------------------------------------------------------- */

static const char *
find_base(struct capture *capture)
{
	struct bytes first = rdb_sink_written(&capture->first_key);

	if (capture->base_count == 0)
		return NULL;
	while (capture->base_at + 1 < capture->base_count &&
		bytes_compare(capture->base[capture->base_at + 1].first_key,
			first) <= 0)
		capture->base_at++;
	return capture->base[capture->base_at].hash;
}

static void
end_index(struct capture *capture)
{
	struct creation *creation = capture->creation;

	if (capture->index_pages == 0)
		return;
	creation_add_root(creation, rdb_sink_written(&capture->index),
		rdb_sink_written(&capture->index_refs),
		creation_base_root(
			creation, creation->roots.size / SNAPSHOT_HASH_SIZE));
	rdb_sink_clear(&capture->index);
	rdb_sink_clear(&capture->index_refs);
	capture->index_pages = 0;
}

static void
end_page(struct capture *capture)
{
	char hash[SNAPSHOT_HASH_SIZE];

	if (capture->page_keys == 0)
		return;
	snapshot_writer_add(capture->creation->writer,
		rdb_sink_written(&capture->page),
		rdb_sink_written(&capture->page_refs), find_base(capture),
		hash);
	snapshot_index_add(&capture->index,
		rdb_sink_written(&capture->first_key), capture->page_keys);
	rdb_sink_bytes(&capture->index_refs, hash, sizeof(hash));
	rdb_sink_clear(&capture->page);
	rdb_sink_clear(&capture->page_refs);
	rdb_sink_clear(&capture->first_key);
	capture->page_keys = 0;
	if (++capture->index_pages == INDEX_PAGES)
		end_index(capture);
}

/* Stores a large payload beside the page. */
static void
add_pieces(struct capture *capture, struct snapshot_entry *entry,
	char digest[static SNAPSHOT_HASH_SIZE])
{
	struct bytes rest = entry->payload;
	size_t before = capture->page_refs.size;

	snapshot_digest(&rest, 1, digest);
	while (rest.size > 0) {
		struct bytes piece = { rest.data,
			snapshot_cut(&capture->cutter, rest) };
		char hash[SNAPSHOT_HASH_SIZE];

		snapshot_writer_add(capture->creation->writer, piece,
			(struct bytes){ 0 }, NULL, hash);
		rdb_sink_bytes(&capture->page_refs, hash, sizeof(hash));
		rest.data += piece.size;
		rest.size -= piece.size;
	}
	entry->in_pieces = true;
	entry->payload_size = entry->payload.size;
	entry->digest = (struct bytes){ digest, SNAPSHOT_HASH_SIZE };
	entry->pieces = (struct bytes){ capture->page_refs.data + before,
		capture->page_refs.size - before };
}

/* Indexes hold keys as PostgreSQL does, since that is their order. */
static void
begin_page(struct capture *capture, struct bytes key)
{
	char form[INDEXED_KEY_SIZE];

	if (!indexed_key_is_plain(key)) {
		indexed_key_make(key, form);
		key = (struct bytes){ form, sizeof(form) };
	}
	rdb_sink_bytes(&capture->first_key, key.data, key.size);
}

static void
add_entry(struct capture *capture)
{
	char digest[SNAPSHOT_HASH_SIZE];
	struct snapshot_entry entry = {
		.key = rdb_sink_written(&capture->key),
		.type = capture->type,
		.expires_at = capture->expires_at,
		.payload = rdb_sink_written(&capture->payload),
	};
	uint64_t hash = XXH3_64bits(entry.key.data, entry.key.size);

	if (entry.key.size > SNAPSHOT_KEY_MAX) {
		snapshot_error_set(&capture->creation->error,
			"ERR a key of over 512 KB is in no snapshot");
		return;
	}
	if (capture->page_keys == 0)
		begin_page(capture, entry.key);
	if (entry.payload.size > SNAPSHOT_INLINE_MAX)
		add_pieces(capture, &entry, digest);
	snapshot_page_add(&capture->page, &entry);
	capture->page_keys++;
	capture->creation->key_count++;
	if (hash % PAGE_KEYS == 0 || capture->page.size >= PAGE_SIZE)
		end_page(capture);
}

/* --- values ---------------------------------------------------------- */

static void
add_text(struct capture *capture, struct bytes text)
{
	char copy[1024];
	size_t left = SNAPSHOT_TEXT_MAX - capture->text.size;

	if (left < 2)
		return;
	if (text.size > left - 1)
		text.size = left - 1;
	while (text.size > 0) {
		struct bytes part = { text.data,
			text.size < sizeof(copy) ? text.size : sizeof(copy) };

		/* Not in the middle of a character. */
		while (part.size < text.size && part.size > sizeof(copy) - 4 &&
			((unsigned char)part.data[part.size] & 0xc0) == 0x80)
			part.size--;
		rdb_sink_bytes(
			&capture->text, copy, snapshot_copy_text(part, copy));
		text.data += part.size;
		text.size -= part.size;
	}
	rdb_sink_byte(&capture->text, ' ');
}

static void
add_value_text(struct capture *capture, const struct rdb_value *value)
{
	switch (value->type) {
	case RDB_STRING:
		add_text(capture, value->string);
		break;
	case RDB_LIST:
		for (size_t i = 0; i < value->list.count; i++)
			add_text(capture, value->list.items[i]);
		break;
	case RDB_SET:
		for (size_t i = 0; i < value->set.count; i++)
			add_text(capture, value->set.members[i]);
		break;
	case RDB_SORTED_SET:
		for (size_t i = 0; i < value->sorted_set.count; i++)
			add_text(capture, value->sorted_set.members[i].member);
		break;
	case RDB_HASH:
		for (size_t i = 0; i < value->hash.count; i++) {
			add_text(capture, value->hash.fields[i].field);
			add_text(capture, value->hash.fields[i].value);
		}
		break;
	case RDB_STREAM:
		for (size_t i = 0; i < value->stream.entry_count; i++) {
			struct rdb_entry *entry = &value->stream.entries[i];

			for (size_t j = 0; j < 2 * entry->pair_count; j++)
				add_text(capture, entry->pairs[j]);
		}
		break;
	}
}

static void
add_field_expiries(struct rdb_sink *fields, const struct rdb_value *value)
{
	for (size_t i = 0; value->type == RDB_HASH && i < value->hash.count;
		i++) {
		const struct rdb_field *field = &value->hash.fields[i];

		if (field->expires_at != RDB_NO_EXPIRY)
			snapshot_fields_add(
				fields, field->field, field->expires_at);
	}
}

/* Plain elements, not packed ones: SQL can read them, and a changed setting
 * changes no payload. */
static bool
write_value(struct rdb_sink *payload, struct rdb_value *value)
{
	struct rdb_write_options options = rdb_write_defaults;
	size_t size;
	char *dumped;

	if (value->type == RDB_LIST) {
		rdb_sink_byte(payload, RDB_ENCODING_LIST);
		rdb_sink_length(payload, value->list.count);
		for (size_t i = 0; i < value->list.count; i++)
			rdb_sink_string(payload, value->list.items[i]);
		return true;
	}
	options.compress = false;
	options.set_members_max = options.sorted_set_members_max = 0;
	options.hash_fields_max = 0;
	dumped = rdb_write(value, &options, &size);
	if (dumped == NULL)
		return false;
	rdb_sink_bytes(payload, dumped, size - RDB_FOOTER_SIZE);
	free(dumped);
	return true;
}

static bool
make_payload(struct capture *capture, struct rdb_value *value)
{
	struct rdb_sink fields;

	rdb_sink_init(&fields, false);
	add_field_expiries(&fields, value);
	rdb_sink_clear(&capture->payload);
	rdb_sink_little_endian(&capture->payload, 4, fields.size);
	rdb_sink_bytes(&capture->payload, fields.data, fields.size);
	rdb_sink_release(&fields);
	return write_value(&capture->payload, value);
}

static void
end_key(struct capture *capture)
{
	struct rdb_value *value;

	if (!capture->has_key)
		return;
	capture->has_key = false;
	value = capture->wanted ? dump_rows_finish(&capture->rows) : NULL;
	if (value != NULL && !snapshot_has_failed(&capture->creation->error)) {
		add_text(capture, rdb_sink_written(&capture->key));
		if (capture->text.size < SNAPSHOT_TEXT_MAX - 1)
			add_value_text(capture, value);
		if (make_payload(capture, value))
			add_entry(capture);
		else
			snapshot_error_set(&capture->creation->error,
				"ERR a value is too large for a snapshot");
	}
	dump_rows_release(&capture->rows);
}

/* --- rows ------------------------------------------------------------ */

static bool
is_wanted(const struct capture *capture, struct bytes key)
{
	const struct snapshot_options *options = &capture->creation->options;

	for (int i = 0; i < options->pattern_count; i++)
		if (glob_match(options->patterns[i], key, false))
			return true;
	return false;
}

static void
add_row(struct capture *capture, const struct result *result, int row)
{
	struct bytes key = result_bytes(result, row, KEY);
	struct result one = *result;

	if (!capture->has_key ||
		!bytes_equal(key, rdb_sink_written(&capture->key))) {
		end_key(capture);
		rdb_sink_clear(&capture->key);
		rdb_sink_bytes(&capture->key, key.data, key.size);
		capture->has_key = true;
		capture->wanted = is_wanted(capture, key);
		capture->type = result_char(result, row, TYPE);
		capture->expires_at = result_int64(result, row, EXPIRES_AT);
		capture->creation->created_at = result_int64(result, row, NOW);
	}
	if (!capture->wanted)
		return;
	one.first_row += row;
	one.row_count = 1;
	dump_rows_add(&capture->rows, &one);
}

static bool
on_rows(void *arg, const struct result *result)
{
	struct capture *capture = arg;

	if (snapshot_has_failed(&capture->creation->error))
		return true;
	for (int row = 0; row < result->row_count; row++)
		add_row(capture, result, row);
	capture->paused = snapshot_writer_is_full(capture->creation->writer);
	return !capture->paused;
}

static void
read_all(void *arg, const struct result *result)
{
	struct capture *capture = arg;
	struct creation *creation = capture->creation;

	capture->stream = NULL;
	if (!snapshot_failed(&creation->error, result, false)) {
		end_key(capture);
		end_page(capture);
		end_index(capture);
	}
	creation->source =
		(struct bytes){ capture->text.data, capture->text.size };
	rdb_sink_init(&capture->text, false);
	creation->fed = true;
	creation_continue(creation);
}

static void
feed_keys(struct creation *creation)
{
	struct capture *capture = creation->capture;

	if (!capture->paused || snapshot_writer_is_full(creation->writer))
		return;
	capture->paused = false;
	call_resume_stream(capture->stream);
}

/* --- what is asked for ----------------------------------------------- */

/* A pattern of LIKE that matches all that the glob-style one does. */
static struct bytes
make_like(struct request *request, struct bytes pattern)
{
	char *like = request_allocate(request, 2 * pattern.size + 1);

	return (struct bytes){ like, glob_print_like(pattern, like) };
}

/* Keys from first to below past hold all that can match. */
static struct range
make_range(struct request *request, struct bytes pattern)
{
	char *first = request_allocate(request, 2 * pattern.size + 2);
	char *past = first + pattern.size + 1;
	size_t size = glob_prefix(pattern, first, NULL), past_size;
	struct range range;

	if (size > PREFIX_SIZE_MAX)
		size = PREFIX_SIZE_MAX;
	range.first = (struct bytes){ first, size };
	memcpy(past, first, size);
	past_size = glob_pass_prefix(past, size);
	if (past_size == 0) {
		/* Behind all keys in their indexed form. */
		past_size = INDEXED_KEY_SIZE + 1;
		past = request_allocate(request, past_size);
		memset(past, 0xff, past_size);
	}
	range.past = (struct bytes){ past, past_size };
	return range;
}

static int
compare_ranges(const void *a, const void *b)
{
	return bytes_compare(((const struct range *)a)->first,
		((const struct range *)b)->first);
}

/* In order, and none of them overlaps another. */
static uint32_t
merge_ranges(struct range *ranges, int count)
{
	uint32_t merged = 0;

	qsort(ranges, (size_t)count, sizeof(*ranges), compare_ranges);
	for (int i = 1; i < count; i++) {
		if (bytes_compare(ranges[i].first, ranges[merged].past) >= 0)
			ranges[++merged] = ranges[i];
		else if (bytes_compare(ranges[i].past, ranges[merged].past) > 0)
			ranges[merged].past = ranges[i].past;
	}
	return merged + 1;
}

static void
read_keys(struct capture *capture)
{
	struct creation *creation = capture->creation;
	struct request *request = creation->request;
	const struct snapshot_options *options = &creation->options;
	size_t count = (size_t)options->pattern_count;
	struct range *ranges =
		request_allocate(request, count * sizeof(*ranges));
	struct bytes *columns =
		request_allocate(request, 3 * count * sizeof(*columns));
	uint32_t merged;

	for (size_t i = 0; i < count; i++) {
		ranges[i] = make_range(request, options->patterns[i]);
		columns[2 * count + i] =
			make_like(request, options->patterns[i]);
	}
	merged = merge_ranges(ranges, options->pattern_count);
	for (uint32_t i = 0; i < merged; i++) {
		columns[i] = ranges[i].first;
		columns[count + i] = ranges[i].past;
	}
	capture->stream = call_new(
		request->store, SQL_snapshot_capture, read_all, capture);
	call_bind_int32(capture->stream, request->db);
	call_bind_bytes_array(capture->stream, columns, merged);
	call_bind_bytes_array(capture->stream, columns + count, merged);
	call_bind_bytes_array(
		capture->stream, columns + 2 * count, (uint32_t)count);
	call_stream(capture->stream, request->db, on_rows);
}

/* --- what it may resemble -------------------------------------------- */

static void
add_base(struct capture *capture, const struct snapshot_chunk *chunk)
{
	struct snapshot_page index;
	struct snapshot_index_entry entry;

	snapshot_page_open(&index, chunk->raw, chunk->refs);
	while (snapshot_index_next(&index, &entry)) {
		struct base_page *page;
		char *key;

		if (capture->base_count % INDEX_PAGES == 0)
			capture->base = memory_resize(capture->base,
				(capture->base_count + INDEX_PAGES) *
					sizeof(*capture->base));
		page = &capture->base[capture->base_count++];
		key = request_allocate(
			capture->creation->request, entry.first_key.size + 1);
		memcpy(key, entry.first_key.data, entry.first_key.size);
		page->first_key = (struct bytes){ key, entry.first_key.size };
		memcpy(page->hash, entry.hash.data, SNAPSHOT_HASH_SIZE);
	}
}

/* `chunks` NULL: it cannot be read, and so is not used. */
static void
base_loaded(void *arg, const struct snapshot_chunks *chunks)
{
	struct capture *capture = arg;
	struct creation *creation = capture->creation;
	const struct snapshot_chunk *chunk;
	const char *root;

	creation->error.text[0] = '\0';
	for (size_t i = 0; chunks != NULL &&
		(root = creation_base_root(creation, i)) != NULL;
		i++)
		if ((chunk = snapshot_chunks_find(chunks, root)) != NULL)
			add_base(capture, chunk);
	read_keys(capture);
}

void
capture_begin(struct creation *creation)
{
	struct capture *capture = memory_allocate_zeroed(1, sizeof(*capture));

	creation->capture = capture;
	creation->feed = feed_keys;
	capture->creation = creation;
	capture->rows.copies = true;
	snapshot_cutter_init(&capture->cutter);
	snapshot_load(creation->request->store, creation->request->db,
		rdb_sink_written(&creation->base), &creation->error,
		base_loaded, capture);
}
