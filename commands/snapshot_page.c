/* Writing and reading pages; see snapshot_page.h. */
#include "commands/snapshot_page.h"

#include "commands/rdb_little_endian.h"
#include "commands/snapshot_chunk.h"

#include <string.h>

static void
add_bytes(struct rdb_sink *sink, struct bytes bytes)
{
	rdb_sink_little_endian(sink, 4, bytes.size);
	rdb_sink_bytes(sink, bytes.data, bytes.size);
}

void
snapshot_page_add(struct rdb_sink *page, const struct snapshot_entry *entry)
{
	add_bytes(page, entry->key);
	rdb_sink_byte(page, (uint8_t)entry->type);
	rdb_sink_little_endian(page, 8, (uint64_t)entry->expires_at);
	if (!entry->in_pieces) {
		add_bytes(page, entry->payload);
		return;
	}
	rdb_sink_little_endian(page, 4, UINT32_MAX);
	rdb_sink_little_endian(page, 8, entry->payload_size);
	rdb_sink_bytes(page, entry->digest.data, SNAPSHOT_HASH_SIZE);
	rdb_sink_little_endian(
		page, 4, entry->pieces.size / SNAPSHOT_HASH_SIZE);
}

void
snapshot_index_add(
	struct rdb_sink *index, struct bytes first_key, uint32_t key_count)
{
	add_bytes(index, first_key);
	rdb_sink_little_endian(index, 4, key_count);
}

void
snapshot_fields_add(
	struct rdb_sink *fields, struct bytes field, int64_t expires_at)
{
	rdb_sink_little_endian(fields, 8, (uint64_t)expires_at);
	add_bytes(fields, field);
}

/* --- reading --------------------------------------------------------- */

void
snapshot_page_open(
	struct snapshot_page *page, struct bytes raw, struct bytes refs)
{
	if (raw.size == 0)
		raw.data = "";
	if (refs.size == 0)
		refs.data = "";
	*page = (struct snapshot_page){
		.at = raw.data, .end = raw.data + raw.size, .refs = refs
	};
}

/* The next bytes; false, and a bad page, when there are fewer. */
static bool
take(struct snapshot_page *page, uint64_t size, struct bytes *bytes)
{
	if (page->bad || size > (uint64_t)(page->end - page->at)) {
		page->bad = true;
		*bytes = (struct bytes){ 0 };
		return false;
	}
	*bytes = (struct bytes){ page->at, (size_t)size };
	page->at += size;
	return true;
}

static uint64_t
take_number(struct snapshot_page *page, size_t size)
{
	struct bytes bytes;

	if (!take(page, size, &bytes))
		return 0;
	return little_endian_unsigned((const uint8_t *)bytes.data, size);
}

static struct bytes
take_sized(struct snapshot_page *page)
{
	struct bytes bytes;

	take(page, take_number(page, 4), &bytes);
	return bytes;
}

static struct bytes
take_refs(struct snapshot_page *page, uint64_t count)
{
	struct bytes refs = { page->refs.data,
		(size_t)count * SNAPSHOT_HASH_SIZE };

	if (count > page->refs.size / SNAPSHOT_HASH_SIZE) {
		page->bad = true;
		return (struct bytes){ 0 };
	}
	page->refs.data += refs.size;
	page->refs.size -= refs.size;
	return refs;
}

/* Whether there is more; what it refers to must end with it. */
static bool
has_more(struct snapshot_page *page)
{
	if (page->at == page->end && page->refs.size > 0)
		page->bad = true;
	return !page->bad && page->at < page->end;
}

bool
snapshot_page_next(struct snapshot_page *page, struct snapshot_entry *entry)
{
	uint64_t size;

	*entry = (struct snapshot_entry){ 0 };
	if (!has_more(page))
		return false;
	entry->key = take_sized(page);
	entry->type = (char)take_number(page, 1);
	entry->expires_at = (int64_t)take_number(page, 8);
	size = take_number(page, 4);
	if (size == UINT32_MAX) {
		entry->in_pieces = true;
		entry->payload_size = take_number(page, 8);
		take(page, SNAPSHOT_HASH_SIZE, &entry->digest);
		entry->pieces = take_refs(page, take_number(page, 4));
	} else {
		entry->payload_size = size;
		take(page, size, &entry->payload);
	}
	if (entry->type == '\0' || strchr("sltzhx", entry->type) == NULL ||
		entry->expires_at < 0)
		page->bad = true;
	return !page->bad;
}

bool
snapshot_index_next(
	struct snapshot_page *index, struct snapshot_index_entry *entry)
{
	if (!has_more(index))
		return false;
	entry->first_key = take_sized(index);
	entry->key_count = (uint32_t)take_number(index, 4);
	entry->hash = take_refs(index, 1);
	return !index->bad;
}

bool
snapshot_payload_split(
	struct bytes payload, struct bytes *fields, struct bytes *dumped)
{
	struct snapshot_page page;

	snapshot_page_open(&page, payload, (struct bytes){ 0 });
	*fields = take_sized(&page);
	*dumped = (struct bytes){ page.at, (size_t)(page.end - page.at) };
	return !page.bad;
}

bool
snapshot_fields_next(
	struct snapshot_page *fields, struct bytes *field, int64_t *expires_at)
{
	if (!has_more(fields))
		return false;
	*expires_at = (int64_t)take_number(fields, 8);
	*field = take_sized(fields);
	return !fields->bad;
}
