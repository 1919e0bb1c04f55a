/* Walking through the keys of a snapshot; see snapshot_cursor.h. */
#include "commands/snapshot_cursor.h"

#include "commands/rdb_sink.h"
#include "storage/base/memory.h"
#include "storage/indexed_key.h"

#include <stdlib.h>
#include <string.h>

enum { GROUP_PAGES = 8 };

struct listed_page {
	char hash[SNAPSHOT_HASH_SIZE];
	size_t key_at, key_size; /* of the first key in `keys` */
};

struct loaded_page {
	struct bytes raw, refs;
};

struct snapshot_cursor {
	struct snapshot_cursor_options options;
	struct rdb_sink roots, keys, pages; /* of struct listed_page */
	bool opened, waiting;
	size_t next; /* page to be entered */
	/* Pages that are in memory, from `group_first` on. */
	struct loaded_page group[GROUP_PAGES];
	size_t group_first, group_count;
	bool in_page;
	struct snapshot_page page;
	/* The entry whose pieces are read, and its payload. */
	struct snapshot_entry entry;
	bool has_entry;
	struct rdb_sink payload;
};

static const struct listed_page *
listed(const struct snapshot_cursor *cursor, size_t page)
{
	return (const struct listed_page *)(const void *)cursor->pages.data +
		page;
}

size_t
snapshot_cursor_page_count(const struct snapshot_cursor *cursor)
{
	return cursor->pages.size / sizeof(struct listed_page);
}

static void
drop_group(struct snapshot_cursor *cursor)
{
	for (size_t i = 0; i < cursor->group_count; i++) {
		free((char *)cursor->group[i].raw.data);
		free((char *)cursor->group[i].refs.data);
	}
	cursor->group_count = 0;
}

void
snapshot_cursor_free(struct snapshot_cursor *cursor)
{
	if (cursor == NULL)
		return;
	drop_group(cursor);
	rdb_sink_release(&cursor->roots);
	rdb_sink_release(&cursor->keys);
	rdb_sink_release(&cursor->pages);
	rdb_sink_release(&cursor->payload);
	free(cursor);
}

static void
resume(struct snapshot_cursor *cursor)
{
	cursor->waiting = false;
	cursor->options.resume(cursor->options.arg);
}

static enum cursor_step
wait(struct snapshot_cursor *cursor, struct bytes hashes,
	void (*done)(void *arg, const struct snapshot_chunks *chunks))
{
	cursor->waiting = true;
	snapshot_load(cursor->options.store, cursor->options.db, hashes,
		cursor->options.error, done, cursor);
	return CURSOR_WAIT;
}

/* --- opening --------------------------------------------------------- */

static bool
add_index(struct snapshot_cursor *cursor, const struct snapshot_chunk *chunk)
{
	struct snapshot_page index;
	struct snapshot_index_entry entry;

	snapshot_page_open(&index, chunk->raw, chunk->refs);
	while (snapshot_index_next(&index, &entry)) {
		struct listed_page page = { .key_at = cursor->keys.size,
			.key_size = entry.first_key.size };

		memcpy(page.hash, entry.hash.data, SNAPSHOT_HASH_SIZE);
		rdb_sink_bytes(&cursor->keys, entry.first_key.data,
			entry.first_key.size);
		rdb_sink_bytes(&cursor->pages, &page, sizeof(page));
	}
	return !index.bad;
}

static void
opened(void *arg, const struct snapshot_chunks *chunks)
{
	struct snapshot_cursor *cursor = arg;
	size_t count = cursor->roots.size / SNAPSHOT_HASH_SIZE;

	for (size_t i = 0; chunks != NULL && i < count; i++)
		if (!add_index(cursor,
			    snapshot_chunks_find(chunks,
				    cursor->roots.data +
					    i * SNAPSHOT_HASH_SIZE)))
			snapshot_error_set(cursor->options.error,
				"ERR the snapshot is damaged: an index is bad");
	cursor->opened = true;
	resume(cursor);
}

struct snapshot_cursor *
snapshot_cursor_new(
	const struct snapshot_cursor_options *options, struct bytes roots)
{
	struct snapshot_cursor *cursor =
		memory_allocate_zeroed(1, sizeof(*cursor));

	cursor->options = *options;
	rdb_sink_bytes(&cursor->roots, roots.data, roots.size);
	wait(cursor, rdb_sink_written(&cursor->roots), opened);
	return cursor;
}

/* --- going on -------------------------------------------------------- */

static struct bytes
copy(struct bytes bytes)
{
	char *memory = memory_allocate(bytes.size + 1);

	if (bytes.size > 0)
		memcpy(memory, bytes.data, bytes.size);
	return (struct bytes){ memory, bytes.size };
}

static void
pages_loaded(void *arg, const struct snapshot_chunks *chunks)
{
	struct snapshot_cursor *cursor = arg;
	size_t count = cursor->group_count;

	cursor->group_count = 0;
	for (size_t i = 0; chunks != NULL && i < count; i++) {
		const struct snapshot_chunk *chunk = snapshot_chunks_find(
			chunks, listed(cursor, cursor->group_first + i)->hash);

		cursor->group[cursor->group_count++] =
			(struct loaded_page){ copy(chunk->raw),
				copy(chunk->refs) };
	}
	resume(cursor);
}

static enum cursor_step
load_pages(struct snapshot_cursor *cursor)
{
	size_t count = snapshot_cursor_page_count(cursor) - cursor->next;
	size_t most = cursor->options.one_page ? 1 : GROUP_PAGES;
	char hashes[GROUP_PAGES * SNAPSHOT_HASH_SIZE];

	if (count > most)
		count = most;
	drop_group(cursor);
	cursor->group_first = cursor->next;
	cursor->group_count = count;
	for (size_t i = 0; i < count; i++)
		memcpy(hashes + i * SNAPSHOT_HASH_SIZE,
			listed(cursor, cursor->next + i)->hash,
			SNAPSHOT_HASH_SIZE);
	return wait(cursor,
		(struct bytes){ hashes, count * SNAPSHOT_HASH_SIZE },
		pages_loaded);
}

static enum cursor_step
enter_page(struct snapshot_cursor *cursor)
{
	size_t at = cursor->next - cursor->group_first;

	if (cursor->next >= snapshot_cursor_page_count(cursor))
		return CURSOR_END;
	if (cursor->next < cursor->group_first || at >= cursor->group_count)
		return load_pages(cursor);
	snapshot_page_open(
		&cursor->page, cursor->group[at].raw, cursor->group[at].refs);
	cursor->in_page = true;
	cursor->next++;
	return CURSOR_ENTRY;
}

static void
pieces_loaded(void *arg, const struct snapshot_chunks *chunks)
{
	struct snapshot_cursor *cursor = arg;
	struct snapshot_entry *entry = &cursor->entry;
	struct bytes pieces = entry->pieces;
	char digest[SNAPSHOT_HASH_SIZE];

	for (; chunks != NULL && pieces.size > 0;
		pieces.data += SNAPSHOT_HASH_SIZE,
		pieces.size -= SNAPSHOT_HASH_SIZE) {
		const struct snapshot_chunk *chunk =
			snapshot_chunks_find(chunks, pieces.data);

		rdb_sink_bytes(
			&cursor->payload, chunk->raw.data, chunk->raw.size);
	}
	entry->payload = rdb_sink_written(&cursor->payload);
	snapshot_digest(&entry->payload, 1, digest);
	if (chunks != NULL &&
		(entry->payload.size != entry->payload_size ||
			memcmp(digest, entry->digest.data,
				SNAPSHOT_HASH_SIZE) != 0))
		snapshot_error_set(cursor->options.error,
			"ERR the snapshot is damaged: a value does not match "
			"its checksum");
	cursor->has_entry = true;
	resume(cursor);
}

/* A value of many pieces is as large in memory as it is. */
static enum cursor_step
load_pieces(struct snapshot_cursor *cursor, const struct snapshot_entry *entry)
{
	cursor->entry = *entry;
	rdb_sink_clear(&cursor->payload);
	return wait(cursor, entry->pieces, pieces_loaded);
}

enum cursor_step
snapshot_cursor_next(
	struct snapshot_cursor *cursor, struct snapshot_entry *entry)
{
	enum cursor_step step;

	if (cursor->waiting || !cursor->opened)
		return CURSOR_WAIT;
	if (snapshot_has_failed(cursor->options.error))
		return CURSOR_FAILED;
	if (cursor->has_entry) {
		cursor->has_entry = false;
		*entry = cursor->entry;
		return CURSOR_ENTRY;
	}
	for (;;) {
		if (!cursor->in_page &&
			(step = enter_page(cursor)) != CURSOR_ENTRY)
			return step;
		if (snapshot_page_next(&cursor->page, entry))
			break;
		cursor->in_page = false;
		if (!cursor->page.bad)
			continue;
		snapshot_error_set(cursor->options.error,
			"ERR the snapshot is damaged: a page is bad");
		return CURSOR_FAILED;
	}
	if (cursor->options.with_payloads && entry->in_pieces)
		return load_pieces(cursor, entry);
	return CURSOR_ENTRY;
}

void
snapshot_cursor_seek(struct snapshot_cursor *cursor, size_t page)
{
	cursor->in_page = cursor->has_entry = false;
	cursor->next = page;
}

size_t
snapshot_cursor_find(const struct snapshot_cursor *cursor, struct bytes key)
{
	size_t low = 0, high = snapshot_cursor_page_count(cursor);
	char form[INDEXED_KEY_SIZE];

	if (!indexed_key_is_plain(key)) {
		indexed_key_make(key, form);
		key = (struct bytes){ form, sizeof(form) };
	}
	/* The last page that begins at or before the key. */
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		const struct listed_page *page = listed(cursor, middle);
		struct bytes first = { cursor->keys.data + page->key_at,
			page->key_size };

		if (bytes_compare(first, key) <= 0)
			low = middle;
		else
			high = middle;
	}
	return low;
}

const char *
snapshot_cursor_next_page(const struct snapshot_cursor *cursor)
{
	if (cursor->waiting || !cursor->opened || cursor->has_entry ||
		(cursor->in_page && cursor->page.at < cursor->page.end) ||
		cursor->next >= snapshot_cursor_page_count(cursor))
		return NULL;
	return listed(cursor, cursor->next)->hash;
}

void
snapshot_cursor_skip_page(struct snapshot_cursor *cursor)
{
	snapshot_cursor_seek(cursor, cursor->next + 1);
}

size_t
snapshot_cursor_page(const struct snapshot_cursor *cursor)
{
	return cursor->next - 1;
}

bool
snapshot_cursor_is_waiting(const struct snapshot_cursor *cursor)
{
	return cursor->waiting;
}
