/* Reads streams out of payloads; see rdb_read_stream.h.
 *
 *	count of listpacks | (id of the first entry, listpack)... | length
 *	| last id | [first id | max deleted id | entries added]
 *	| count of groups | group...
 *
 * What is in brackets came with Redis 7.  A listpack holds
 *
 *	entries | deleted | count of fields, fields | 0 | entry...
 *
 * and an entry
 *
 *	flags | ms - first ms | seq - first seq | [count of fields]
 *	| values, or fields and values | count of these elements
 *
 * The fields in front are those of most entries, which then have only values.
 * (redis 7.0.15 rdb.c, rdbSaveObject; t_stream.c, streamAppendItem) */
#include "commands/rdb_read_stream.h"

#include "commands/rdb_format.h"
#include "commands/rdb_packed.h"
#include "commands/rdb_unique.h"

struct node {
	struct rdb_source *source;
	struct rdb_packed packed;
	struct rdb_stream_id first;
	size_t number; /* of this listpack */
	struct bytes *fields; /* of the master entry */
	size_t field_count;
};

static bool
next_number(struct node *node, int64_t *number)
{
	struct rdb_element element;

	if (rdb_packed_next(&node->packed, &element) != RDB_PACKED_ELEMENT ||
		!element.is_number)
		return false;
	*number = element.number;
	return true;
}

static bool
next_text(struct node *node, struct bytes *text)
{
	struct rdb_element element;

	return rdb_packed_next(&node->packed, &element) == RDB_PACKED_ELEMENT &&
		rdb_element_text(&element, node->source->arena, text);
}

/* A count of elements that follow, of which each takes a byte at least. */
static bool
next_count(struct node *node, size_t *count)
{
	int64_t number;

	if (!next_number(node, &number) || number < 0 ||
		number > node->packed.end - node->packed.at)
		return false;
	*count = (size_t)number;
	return true;
}

/* Reads the head; `*entries` includes the deleted ones. */
static bool
read_master_entry(struct node *node, uint64_t *entries)
{
	int64_t live, deleted, zero;

	if (!next_number(node, &live) || !next_number(node, &deleted) ||
		live < 0 || deleted < 0 ||
		!next_count(node, &node->field_count))
		return false;
	*entries = (uint64_t)live + (uint64_t)deleted;
	node->fields = rdb_arena_allocate_array(
		node->source->arena, node->field_count, sizeof(*node->fields));
	if (node->fields == NULL)
		return false;
	for (size_t i = 0; i < node->field_count; i++)
		if (!next_text(node, &node->fields[i]))
			return false;
	return next_number(node, &zero) && zero == 0;
}

static bool
read_pairs(struct node *node, bool same_fields, struct rdb_entry *entry)
{
	entry->pair_count = node->field_count;
	if (!same_fields && !next_count(node, &entry->pair_count))
		return false;
	if (entry->pair_count == 0 ||
		entry->pair_count >
			(size_t)(node->packed.end - node->packed.at))
		return false;
	entry->pairs = rdb_arena_allocate_array(node->source->arena,
		entry->pair_count, 2 * sizeof(*entry->pairs));
	if (entry->pairs == NULL)
		return false;
	for (size_t i = 0; i < entry->pair_count; i++) {
		struct bytes *pair = &entry->pairs[2 * i];

		if (same_fields)
			pair[0] = node->fields[i];
		else if (!next_text(node, &pair[0]))
			return false;
		if (!next_text(node, &pair[1]))
			return false;
	}
	return true;
}

static bool
read_entry(struct node *node, struct rdb_entry *entry, bool *deleted)
{
	int64_t flags, ms, seq, elements;
	size_t before = node->packed.count;

	if (!next_number(node, &flags) || !next_number(node, &ms) ||
		!next_number(node, &seq) ||
		!read_pairs(node, flags & RDB_ENTRY_SAME_FIELDS, entry) ||
		!next_number(node, &elements) ||
		elements != (int64_t)(node->packed.count - before - 1))
		return false;
	entry->id.ms = node->first.ms + (uint64_t)ms;
	entry->id.seq = node->first.seq + (uint64_t)seq;
	entry->node = node->number;
	*deleted = flags & RDB_ENTRY_DELETED;
	return true;
}

/* Ids, deleted ones included, must ascend; `last` is the greatest so far. */
static bool
add_entries(struct node *node, uint64_t count, struct rdb_array *array,
	struct rdb_stream_id *last)
{
	struct rdb_entry entry, *added;
	struct rdb_element element;
	bool deleted;

	while (count-- > 0) {
		if (!read_entry(node, &entry, &deleted) ||
			rdb_stream_id_compare(entry.id, *last) <= 0)
			return false;
		*last = entry.id;
		if (deleted)
			continue;
		added = rdb_array_add(
			node->source->arena, array, sizeof(*added));
		if (added == NULL)
			return false;
		*added = entry;
	}
	return rdb_packed_next(&node->packed, &element) == RDB_PACKED_END;
}

static bool
read_node(struct rdb_source *source, size_t number, struct rdb_array *array,
	struct rdb_stream_id *last)
{
	struct node node = { .source = source, .number = number };
	struct bytes key, raw;
	uint64_t entries;

	if (!rdb_source_string(source, &key) ||
		key.size != RDB_STREAM_ID_SIZE ||
		!rdb_source_string(source, &raw) ||
		!rdb_listpack_open(&node.packed, raw))
		return false;
	node.first = rdb_stream_id_decode(key.data);
	return read_master_entry(&node, &entries) &&
		add_entries(&node, entries, array, last);
}

static bool
read_entries(struct rdb_source *source, struct rdb_stream *stream)
{
	struct rdb_stream_id last = { 0 };
	struct rdb_array array = { 0 };
	uint64_t nodes, left, length;

	if (!rdb_source_length(source, &nodes))
		return false;
	for (left = nodes; left > 0; left--)
		if (!read_node(source, nodes - left, &array, &last))
			return false;
	stream->entries = array.items;
	stream->entry_count = array.count;
	if (!rdb_source_length(source, &length) ||
		!rdb_source_stream_id(source, &stream->last_id))
		return false;
	return (length == 0 || nodes > 0) &&
		rdb_stream_id_compare(stream->last_id, last) >= 0;
}

static bool
read_counts(struct rdb_source *source, struct rdb_stream *stream)
{
	struct rdb_stream_id first_id; /* known from the entries */

	return rdb_source_stream_id(source, &first_id) &&
		rdb_source_stream_id(source, &stream->max_deleted_id) &&
		rdb_source_length(source, &stream->entries_added);
}

int64_t
rdb_estimate_entries_read(
	const struct rdb_stream *stream, struct rdb_stream_id id)
{
	int order = rdb_stream_id_compare(id, stream->last_id);

	if (stream->entries_added == 0)
		return 0;
	if (order == 0 || (order < 0 && stream->entry_count == 0))
		return (int64_t)stream->entries_added;
	if (order > 0)
		return RDB_UNKNOWN_COUNT;
	order = rdb_stream_id_compare(id, stream->entries[0].id);
	if (order > 0 ||
		rdb_stream_id_compare(
			stream->max_deleted_id, stream->entries[0].id) >= 0)
		return RDB_UNKNOWN_COUNT;
	return (int64_t)(stream->entries_added - stream->entry_count) +
		(order == 0);
}

static bool
read_pending(struct rdb_source *source, struct rdb_group *group)
{
	struct rdb_array array = { 0 };
	struct rdb_stream_id last = { 0 };
	struct rdb_pending *pending;
	uint64_t count;

	if (!rdb_source_length(source, &count))
		return false;
	while (count-- > 0) {
		pending =
			rdb_array_add(source->arena, &array, sizeof(*pending));
		if (pending == NULL ||
			!rdb_source_stream_key(source, &pending->id) ||
			!rdb_source_time(source, &pending->delivered_at) ||
			!rdb_source_length(source, &pending->delivery_count) ||
			(array.count > 1 &&
				rdb_stream_id_compare(pending->id, last) <= 0))
			return false;
		last = pending->id;
		pending->consumer = SIZE_MAX;
	}
	group->pending = array.items;
	group->pending_count = array.count;
	return true;
}

static struct rdb_pending *
find_pending(const struct rdb_group *group, struct rdb_stream_id id)
{
	size_t low = 0, high = group->pending_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order =
			rdb_stream_id_compare(id, group->pending[middle].id);

		if (order == 0)
			return &group->pending[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* Gives the consumer its pending entries, each of which has one owner. */
static bool
read_ownership(
	struct rdb_source *source, struct rdb_group *group, size_t consumer)
{
	struct rdb_pending *pending;
	struct rdb_stream_id id;
	uint64_t count;

	if (!rdb_source_length(source, &count))
		return false;
	while (count-- > 0) {
		if (!rdb_source_stream_key(source, &id))
			return false;
		pending = find_pending(group, id);
		if (pending == NULL || pending->consumer != SIZE_MAX)
			return false;
		pending->consumer = consumer;
	}
	return true;
}

static bool
read_consumers(struct rdb_source *source, struct rdb_group *group)
{
	struct rdb_array array = { 0 };
	struct rdb_consumer *consumer;
	uint64_t count;

	if (!rdb_source_length(source, &count))
		return false;
	while (count-- > 0) {
		consumer =
			rdb_array_add(source->arena, &array, sizeof(*consumer));
		if (consumer == NULL ||
			!rdb_source_string(source, &consumer->name) ||
			!rdb_source_time(source, &consumer->seen_at) ||
			!read_ownership(source, group, array.count - 1))
			return false;
	}
	group->consumers = array.items;
	group->consumer_count = array.count;
	for (size_t i = 0; i < group->pending_count; i++)
		if (group->pending[i].consumer == SIZE_MAX)
			return false;
	return rdb_names_differ(
		group->consumers, group->consumer_count, sizeof(*consumer));
}

static bool
read_entries_read(struct rdb_source *source, bool has_counts,
	const struct rdb_stream *stream, struct rdb_group *group)
{
	uint64_t count;

	if (!has_counts) {
		group->entries_read =
			rdb_estimate_entries_read(stream, group->last_id);
		return true;
	}
	if (!rdb_source_length(source, &count))
		return false;
	group->entries_read =
		count > INT64_MAX ? RDB_UNKNOWN_COUNT : (int64_t)count;
	return true;
}

static bool
read_groups(
	struct rdb_source *source, bool has_counts, struct rdb_stream *stream)
{
	struct rdb_array array = { 0 };
	struct rdb_group *group;
	uint64_t count;

	if (!rdb_source_length(source, &count))
		return false;
	while (count-- > 0) {
		group = rdb_array_add(source->arena, &array, sizeof(*group));
		if (group == NULL || !rdb_source_string(source, &group->name) ||
			!rdb_source_stream_id(source, &group->last_id) ||
			!read_entries_read(source, has_counts, stream, group) ||
			!read_pending(source, group) ||
			!read_consumers(source, group))
			return false;
	}
	stream->groups = array.items;
	stream->group_count = array.count;
	return rdb_names_differ(
		stream->groups, stream->group_count, sizeof(*group));
}

bool
rdb_read_stream(
	struct rdb_source *source, bool has_counts, struct rdb_stream *stream)
{
	*stream = (struct rdb_stream){ 0 };
	if (!read_entries(source, stream))
		return false;
	if (!has_counts)
		stream->entries_added = stream->entry_count;
	else if (!read_counts(source, stream))
		return false;
	return read_groups(source, has_counts, stream);
}
