/* Writes streams into payloads; see rdb_read_stream.c for the form. */
#include "commands/rdb_write_stream.h"

#include "commands/rdb_format.h"
#include "commands/rdb_listpack.h"
#include "storage/base/memory.h"

#include <stdlib.h>

enum {
	ENTRY_SIZE_MAX = 1 << 30, /* of fields and values (t_stream.c) */
	ENTRY_FIXED_ELEMENTS = 3, /* flags, and the id in two */
};

static size_t
pairs_size(const struct rdb_entry *entry)
{
	size_t size = 0;

	for (size_t i = 0; i < 2 * entry->pair_count; i++)
		size += entry->pairs[i].size;
	return size;
}

static bool
has_same_fields(const struct rdb_entry *entry, const struct rdb_entry *master)
{
	if (entry->pair_count != master->pair_count)
		return false;
	for (size_t i = 0; i < entry->pair_count; i++)
		if (!bytes_equal(entry->pairs[2 * i], master->pairs[2 * i]))
			return false;
	return true;
}

/* A listpack without its first element, the number of entries, which is known
 * only at the end. */
struct node {
	struct rdb_sink body;
	size_t entries;
	size_t elements;
};

static void
add_master_entry(struct node *node, const struct rdb_entry *master)
{
	rdb_listpack_add_number(&node->body, 0); /* deleted */
	rdb_listpack_add_number(&node->body, (int64_t)master->pair_count);
	for (size_t i = 0; i < master->pair_count; i++)
		rdb_listpack_add(&node->body, master->pairs[2 * i]);
	rdb_listpack_add_number(&node->body, 0);
	node->elements += 3 + master->pair_count;
}

static void
add_entry(struct node *node, const struct rdb_entry *entry,
	const struct rdb_entry *master)
{
	bool same_fields = has_same_fields(entry, master);
	size_t elements = ENTRY_FIXED_ELEMENTS + entry->pair_count +
		(same_fields ? 0 : 1 + entry->pair_count);
	struct rdb_sink *body = &node->body;

	rdb_listpack_add_number(body, same_fields ? RDB_ENTRY_SAME_FIELDS : 0);
	rdb_listpack_add_number(body, (int64_t)(entry->id.ms - master->id.ms));
	rdb_listpack_add_number(
		body, (int64_t)(entry->id.seq - master->id.seq));
	if (!same_fields)
		rdb_listpack_add_number(body, (int64_t)entry->pair_count);
	for (size_t i = 0; i < entry->pair_count; i++) {
		if (!same_fields)
			rdb_listpack_add(body, entry->pairs[2 * i]);
		rdb_listpack_add(body, entry->pairs[2 * i + 1]);
	}
	rdb_listpack_add_number(body, (int64_t)elements);
	node->elements += elements + 1;
	node->entries++;
}

/* Whether XADD would put the entry into the listpack as it is (redis 7.0.15
 * t_stream.c, streamAppendItem). */
static bool
node_has_room(const struct node *node, const struct rdb_entry *entry,
	const struct rdb_write_options *options)
{
	size_t size_max = options->stream_node_size_max;
	size_t size = RDB_LISTPACK_HEAD_SIZE + node->body.size +
		rdb_listpack_number_size((int64_t)node->entries) +
		RDB_LISTPACK_END_SIZE;

	if (size_max == 0 || size_max > ENTRY_SIZE_MAX)
		size_max = ENTRY_SIZE_MAX;
	return size + pairs_size(entry) < size_max &&
		(options->stream_node_entries_max == 0 ||
			node->entries < options->stream_node_entries_max);
}

static void
write_node(
	struct rdb_sink *sink, const struct node *node, struct rdb_stream_id id)
{
	char key[RDB_STREAM_ID_SIZE];
	struct rdb_sink listpack;

	rdb_stream_id_encode(id, key);
	rdb_sink_string(sink, (struct bytes){ key, sizeof(key) });
	rdb_sink_init(&listpack, false);
	rdb_listpack_begin(&listpack);
	rdb_listpack_add_number(&listpack, (int64_t)node->entries);
	rdb_sink_bytes(&listpack, node->body.data, node->body.size);
	rdb_listpack_end(&listpack, node->elements + 1);
	rdb_sink_string(sink, rdb_sink_written(&listpack));
	rdb_sink_release(&listpack);
}

/* False when an entry is too large for a listpack. */
static bool
write_nodes(struct rdb_sink *sink, const struct rdb_stream *stream,
	const struct rdb_write_options *options)
{
	size_t begin = sink->size, nodes = 0, i = 0;

	while (i < stream->entry_count) {
		const struct rdb_entry *master = &stream->entries[i];
		struct node node = { .entries = 0 };

		if (pairs_size(master) > ENTRY_SIZE_MAX)
			return false;
		rdb_sink_init(&node.body, false);
		add_master_entry(&node, master);
		do
			add_entry(&node, &stream->entries[i++], master);
		while (i < stream->entry_count &&
			node_has_room(&node, &stream->entries[i], options));
		write_node(sink, &node, master->id);
		rdb_sink_release(&node.body);
		nodes++;
	}
	rdb_sink_insert_length(sink, begin, nodes);
	return true;
}

static void
write_pending(struct rdb_sink *sink, const struct rdb_group *group)
{
	rdb_sink_length(sink, group->pending_count);
	for (size_t i = 0; i < group->pending_count; i++) {
		const struct rdb_pending *pending = &group->pending[i];

		rdb_sink_stream_key(sink, pending->id);
		rdb_sink_time(sink, pending->delivered_at);
		rdb_sink_length(sink, pending->delivery_count);
	}
}

/* The pending entries' indices, each consumer's together and in their order;
 * consumer i's begin at starts[i] and end at starts[i + 1].  Both arrays are to
 * be freed. */
static size_t *
sort_by_consumer(const struct rdb_group *group, size_t **starts)
{
	size_t *indices =
		memory_allocate_zeroed(group->pending_count, sizeof(*indices));
	size_t *begin = memory_allocate_zeroed(
		group->consumer_count + 2, sizeof(*begin));

	/* begin[c + 2] counts c's, then begin[c + 1] is where c's next goes. */
	for (size_t i = 0; i < group->pending_count; i++)
		begin[group->pending[i].consumer + 2]++;
	for (size_t i = 2; i < group->consumer_count + 2; i++)
		begin[i] += begin[i - 1];
	for (size_t i = 0; i < group->pending_count; i++)
		indices[begin[group->pending[i].consumer + 1]++] = i;
	*starts = begin;
	return indices;
}

static void
write_consumers(struct rdb_sink *sink, const struct rdb_group *group)
{
	size_t *starts;
	size_t *indices = sort_by_consumer(group, &starts);

	rdb_sink_length(sink, group->consumer_count);
	for (size_t i = 0; i < group->consumer_count; i++) {
		rdb_sink_string(sink, group->consumers[i].name);
		rdb_sink_time(sink, group->consumers[i].seen_at);
		rdb_sink_length(sink, starts[i + 1] - starts[i]);
		for (size_t j = starts[i]; j < starts[i + 1]; j++)
			rdb_sink_stream_key(
				sink, group->pending[indices[j]].id);
	}
	free(starts);
	free(indices);
}

static void
write_groups(struct rdb_sink *sink, const struct rdb_stream *stream)
{
	rdb_sink_length(sink, stream->group_count);
	for (size_t i = 0; i < stream->group_count; i++) {
		const struct rdb_group *group = &stream->groups[i];

		rdb_sink_string(sink, group->name);
		rdb_sink_stream_id(sink, group->last_id);
		rdb_sink_length(sink, (uint64_t)group->entries_read);
		write_pending(sink, group);
		write_consumers(sink, group);
	}
}

bool
rdb_write_stream(struct rdb_sink *sink, const struct rdb_stream *stream,
	const struct rdb_write_options *options)
{
	struct rdb_stream_id first = { 0 };

	if (!write_nodes(sink, stream, options))
		return false;
	if (stream->entry_count > 0)
		first = stream->entries[0].id;
	rdb_sink_length(sink, stream->entry_count);
	rdb_sink_stream_id(sink, stream->last_id);
	rdb_sink_stream_id(sink, first);
	rdb_sink_stream_id(sink, stream->max_deleted_id);
	rdb_sink_length(sink, stream->entries_added);
	write_groups(sink, stream);
	return true;
}
