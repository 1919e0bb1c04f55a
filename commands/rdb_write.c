/* From a value to a payload of DUMP; see rdb_write.h. */
#include "commands/rdb_write.h"

#include "commands/rdb_checksum.h"
#include "commands/rdb_format.h"
#include "commands/rdb_listpack.h"
#include "commands/rdb_sink.h"
#include "commands/rdb_write_stream.h"
#include "storage/base/memory.h"
#include "storage/base/number.h"

#include <limits.h>
#include <stdlib.h>

const struct rdb_write_options rdb_write_defaults = {
	.compress = true,
	.list_node_size = -2,
	.set_members_max = 512,
	.sorted_set_members_max = 128,
	.sorted_set_member_size_max = 64,
	.hash_fields_max = 512,
	.hash_field_size_max = 64,
	.stream_node_size_max = 4096,
	.stream_node_entries_max = 100,
};

enum {
	/* Larger listpacks are avoided: their sizes have 32 bits. */
	LISTPACK_SIZE_MAX = 1 << 30,
	/* An item from here on is a node of its own, and no listpack. */
	PLAIN_ITEM_SIZE = 1 << 30,
	/* What one more item is taken to need besides its bytes. */
	ITEM_OVERHEAD = 8,
	/* Bytes of a node when its items are counted. */
	COUNTED_NODE_SIZE_MAX = 8192,
};

/* Whether a node of `size` bytes and `count` items, one more item included,
 * is within list-max-listpack-size: a number of items, or from -1 to -5 one of
 * five sizes (redis 7.0.15 quicklist.c, _quicklistNodeAllowInsert). */
static bool
node_has_room(int limit, size_t size, size_t count)
{
	if (limit < 0)
		return size <= (size_t)4096 << (limit < -5 ? 4 : -limit - 1);
	return size <= COUNTED_NODE_SIZE_MAX &&
		count <= (size_t)(limit > SHRT_MAX ? SHRT_MAX : limit);
}

struct list_writer {
	struct rdb_sink *sink;
	struct rdb_sink node;
	size_t node_items;
	size_t nodes;
};

static void
end_node(struct list_writer *writer)
{
	if (writer->node_items == 0)
		return;
	rdb_listpack_end(&writer->node, writer->node_items);
	rdb_sink_length(writer->sink, RDB_NODE_PACKED);
	rdb_sink_string(writer->sink, rdb_sink_written(&writer->node));
	rdb_sink_clear(&writer->node);
	writer->node_items = 0;
	writer->nodes++;
}

static void
add_item(struct list_writer *writer, struct bytes item, int limit)
{
	size_t size =
		rdb_listpack_size(&writer->node) + item.size + ITEM_OVERHEAD;

	if (item.size >= PLAIN_ITEM_SIZE) {
		end_node(writer);
		rdb_sink_length(writer->sink, RDB_NODE_PLAIN);
		rdb_sink_string(writer->sink, item);
		writer->nodes++;
		return;
	}
	if (!node_has_room(limit, size, writer->node_items + 1))
		end_node(writer);
	if (writer->node_items == 0)
		rdb_listpack_begin(&writer->node);
	rdb_listpack_add(&writer->node, item);
	writer->node_items++;
}

static void
write_list(
	struct rdb_sink *sink, const struct rdb_list *list, int node_size_limit)
{
	struct list_writer writer = { .sink = sink };
	size_t begin;

	rdb_sink_byte(sink, RDB_ENCODING_LIST_QUICKLIST_2);
	begin = sink->size;
	rdb_sink_init(&writer.node, false);
	for (size_t i = 0; i < list->count; i++)
		add_item(&writer, list->items[i], node_size_limit);
	end_node(&writer);
	rdb_sink_release(&writer.node);
	rdb_sink_insert_length(sink, begin, writer.nodes);
}

static int
compare_numbers(const void *first, const void *second)
{
	int64_t a = *(const int64_t *)first, b = *(const int64_t *)second;

	return (a > b) - (a < b);
}

/* The members as ascending numbers, to be freed; NULL when one is none. */
static int64_t *
set_numbers(const struct rdb_set *set)
{
	int64_t *numbers = memory_allocate_zeroed(set->count, sizeof(*numbers));

	for (size_t i = 0; i < set->count; i++) {
		if (!number_parse_int64(set->members[i], &numbers[i])) {
			free(numbers);
			return NULL;
		}
	}
	qsort(numbers, set->count, sizeof(*numbers), compare_numbers);
	return numbers;
}

static size_t
intset_width(int64_t least, int64_t greatest)
{
	if (least >= INT16_MIN && greatest <= INT16_MAX)
		return 2;
	return least >= INT32_MIN && greatest <= INT32_MAX ? 4 : 8;
}

static bool
write_intset(
	struct rdb_sink *sink, const struct rdb_set *set, size_t members_max)
{
	struct rdb_sink intset;
	int64_t *numbers = NULL;
	size_t width;

	if (set->count > 0 && set->count <= members_max &&
		set->count <= UINT32_MAX)
		numbers = set_numbers(set);
	if (numbers == NULL)
		return false;
	width = intset_width(numbers[0], numbers[set->count - 1]);
	rdb_sink_init(&intset, false);
	rdb_sink_little_endian(&intset, 4, width);
	rdb_sink_little_endian(&intset, 4, set->count);
	for (size_t i = 0; i < set->count; i++)
		rdb_sink_little_endian(&intset, width, (uint64_t)numbers[i]);
	rdb_sink_byte(sink, RDB_ENCODING_SET_INTSET);
	rdb_sink_string(sink, rdb_sink_written(&intset));
	rdb_sink_release(&intset);
	free(numbers);
	return true;
}

static void
write_set(struct rdb_sink *sink, const struct rdb_set *set, size_t members_max)
{
	if (write_intset(sink, set, members_max))
		return;
	rdb_sink_byte(sink, RDB_ENCODING_SET);
	rdb_sink_length(sink, set->count);
	for (size_t i = 0; i < set->count; i++)
		rdb_sink_string(sink, set->members[i]);
}

static int
compare_members(const void *first, const void *second)
{
	const struct rdb_scored_member *a = first, *b = second;

	if (a->score != b->score)
		return a->score < b->score ? -1 : 1;
	return bytes_compare(a->member, b->member);
}

static void
order_members(struct rdb_sorted_set *set)
{
	for (size_t i = 1; i < set->count; i++) {
		if (compare_members(&set->members[i - 1], &set->members[i]) <=
			0)
			continue;
		qsort(set->members, set->count, sizeof(*set->members),
			compare_members);
		return;
	}
}

static bool
sorted_set_is_packed(const struct rdb_sorted_set *set,
	const struct rdb_write_options *options)
{
	size_t total = 0;

	if (set->count > options->sorted_set_members_max)
		return false;
	for (size_t i = 0; i < set->count; i++) {
		size_t size = set->members[i].member.size;

		total += size;
		if (size > options->sorted_set_member_size_max ||
			total > LISTPACK_SIZE_MAX)
			return false;
	}
	return true;
}

/* As a number where it is a whole one that fits, and else as text (redis 7.0.15
 * t_zset.c, zzlInsertAt). */
static void
add_score(struct rdb_sink *listpack, double score)
{
	static const double safe = (double)(INT64_MAX / 2);
	char text[NUMBER_DOUBLE_SIZE];
	size_t size;

	if (score >= -safe && score <= safe &&
		(double)(int64_t)score == score) {
		rdb_listpack_add_number(listpack, (int64_t)score);
		return;
	}
	size = number_print_double(text, score);
	rdb_listpack_add(listpack, (struct bytes){ text, size });
}

/* Ends a listpack and writes it as one string. */
static void
write_listpack(struct rdb_sink *sink, enum rdb_encoding encoding,
	struct rdb_sink *listpack, size_t count)
{
	rdb_listpack_end(listpack, count);
	rdb_sink_byte(sink, encoding);
	rdb_sink_string(sink, rdb_sink_written(listpack));
	rdb_sink_release(listpack);
}

static void
write_sorted_set(struct rdb_sink *sink, struct rdb_sorted_set *set,
	const struct rdb_write_options *options)
{
	struct rdb_sink listpack;

	order_members(set);
	if (!sorted_set_is_packed(set, options)) {
		rdb_sink_byte(sink, RDB_ENCODING_ZSET_2);
		rdb_sink_length(sink, set->count);
		for (size_t i = set->count; i-- > 0;) {
			rdb_sink_string(sink, set->members[i].member);
			rdb_sink_score(sink, set->members[i].score);
		}
		return;
	}
	rdb_sink_init(&listpack, false);
	rdb_listpack_begin(&listpack);
	for (size_t i = 0; i < set->count; i++) {
		rdb_listpack_add(&listpack, set->members[i].member);
		add_score(&listpack, set->members[i].score);
	}
	write_listpack(
		sink, RDB_ENCODING_ZSET_LISTPACK, &listpack, 2 * set->count);
}

static bool
hash_is_packed(
	const struct rdb_hash *hash, const struct rdb_write_options *options)
{
	size_t total = 0;

	if (hash->count > options->hash_fields_max)
		return false;
	for (size_t i = 0; i < hash->count; i++) {
		const struct rdb_field *field = &hash->fields[i];

		total += field->field.size + field->value.size;
		if (field->field.size > options->hash_field_size_max ||
			field->value.size > options->hash_field_size_max ||
			total > LISTPACK_SIZE_MAX)
			return false;
	}
	return true;
}

static void
write_hash(struct rdb_sink *sink, const struct rdb_hash *hash,
	const struct rdb_write_options *options)
{
	struct rdb_sink listpack;

	if (!hash_is_packed(hash, options)) {
		rdb_sink_byte(sink, RDB_ENCODING_HASH);
		rdb_sink_length(sink, hash->count);
		for (size_t i = 0; i < hash->count; i++) {
			rdb_sink_string(sink, hash->fields[i].field);
			rdb_sink_string(sink, hash->fields[i].value);
		}
		return;
	}
	rdb_sink_init(&listpack, false);
	rdb_listpack_begin(&listpack);
	for (size_t i = 0; i < hash->count; i++) {
		rdb_listpack_add(&listpack, hash->fields[i].field);
		rdb_listpack_add(&listpack, hash->fields[i].value);
	}
	write_listpack(
		sink, RDB_ENCODING_HASH_LISTPACK, &listpack, 2 * hash->count);
}

static bool
write_value(struct rdb_sink *sink, struct rdb_value *value,
	const struct rdb_write_options *options)
{
	switch (value->type) {
	case RDB_STRING:
		rdb_sink_byte(sink, RDB_ENCODING_STRING);
		rdb_sink_string(sink, value->string);
		return true;
	case RDB_LIST:
		write_list(sink, &value->list, options->list_node_size);
		return true;
	case RDB_SET:
		write_set(sink, &value->set, options->set_members_max);
		return true;
	case RDB_SORTED_SET:
		write_sorted_set(sink, &value->sorted_set, options);
		return true;
	case RDB_HASH:
		write_hash(sink, &value->hash, options);
		return true;
	case RDB_STREAM:
		rdb_sink_byte(sink, RDB_ENCODING_STREAM_LISTPACKS_2);
		return rdb_write_stream(sink, &value->stream, options);
	}
	return false;
}

char *
rdb_write(struct rdb_value *value, const struct rdb_write_options *options,
	size_t *size)
{
	struct rdb_sink sink;

	rdb_sink_init(&sink, options->compress);
	if (!write_value(&sink, value, options)) {
		rdb_sink_release(&sink);
		return NULL;
	}
	rdb_sink_little_endian(&sink, RDB_VERSION_SIZE, RDB_VERSION);
	rdb_sink_little_endian(&sink, RDB_CHECKSUM_SIZE,
		rdb_checksum(rdb_sink_written(&sink)));
	*size = sink.size;
	return sink.data;
}
