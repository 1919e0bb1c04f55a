/* From a payload of DUMP to a value; see rdb_read.h. */
#include "commands/rdb_read.h"

#include "commands/rdb_checksum.h"
#include "commands/rdb_format.h"
#include "commands/rdb_little_endian.h"
#include "commands/rdb_packed.h"
#include "commands/rdb_read_stream.h"
#include "commands/rdb_unique.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef bool (*open_packed)(struct rdb_packed *packed, struct bytes raw);

/* Lists and sets are arrays of struct bytes. */
static bool
add_text(struct rdb_source *source, struct rdb_array *array, struct bytes text)
{
	struct bytes *item = rdb_array_add(source->arena, array, sizeof(*item));

	if (item != NULL)
		*item = text;
	return item != NULL;
}

/* Appends all elements of a packed form to an array of struct bytes. */
static bool
add_packed(struct rdb_source *source, open_packed open, struct bytes raw,
	struct rdb_array *array)
{
	struct rdb_packed packed;
	struct rdb_element element;
	enum rdb_packed_step step;
	struct bytes text;

	if (!open(&packed, raw))
		return false;
	while ((step = rdb_packed_next(&packed, &element)) ==
		RDB_PACKED_ELEMENT) {
		if (!rdb_element_text(&element, source->arena, &text) ||
			!add_text(source, array, text))
			return false;
	}
	return step == RDB_PACKED_END;
}

/* Reads a count and that many strings. */
static bool
read_strings(struct rdb_source *source, struct rdb_array *array)
{
	uint64_t count;
	struct bytes text;

	if (!rdb_source_length(source, &count))
		return false;
	while (count-- > 0) {
		if (!rdb_source_string(source, &text) ||
			!add_text(source, array, text))
			return false;
	}
	return true;
}

static bool
read_packed_strings(
	struct rdb_source *source, open_packed open, struct rdb_array *array)
{
	struct bytes raw;

	return rdb_source_string(source, &raw) &&
		add_packed(source, open, raw, array);
}

static bool
read_node(struct rdb_source *source, open_packed open, bool has_kind,
	struct rdb_array *array)
{
	uint64_t kind = RDB_NODE_PACKED;
	struct bytes raw;

	if (has_kind &&
		(!rdb_source_length(source, &kind) ||
			(kind != RDB_NODE_PLAIN && kind != RDB_NODE_PACKED)))
		return false;
	if (!rdb_source_string(source, &raw) || raw.size == 0)
		return false;
	return kind == RDB_NODE_PLAIN ? add_text(source, array, raw) :
					add_packed(source, open, raw, array);
}

static bool
read_quicklist(struct rdb_source *source, open_packed open, bool has_kind,
	struct rdb_array *array)
{
	uint64_t count;

	if (!rdb_source_length(source, &count))
		return false;
	while (count-- > 0)
		if (!read_node(source, open, has_kind, array))
			return false;
	return true;
}

static bool
read_list(struct rdb_source *source, enum rdb_encoding encoding,
	struct rdb_list *list)
{
	struct rdb_array array = { 0 };
	bool read;

	switch (encoding) {
	case RDB_ENCODING_LIST:
		read = read_strings(source, &array);
		break;
	case RDB_ENCODING_LIST_ZIPLIST:
		read = read_packed_strings(source, rdb_ziplist_open, &array);
		break;
	case RDB_ENCODING_LIST_QUICKLIST:
		read = read_quicklist(source, rdb_ziplist_open, false, &array);
		break;
	default:
		read = read_quicklist(source, rdb_listpack_open, true, &array);
	}
	*list = (struct rdb_list){ array.items, array.count };
	return read && list->count > 0;
}

static bool
read_set(struct rdb_source *source, enum rdb_encoding encoding,
	struct rdb_set *set)
{
	struct rdb_array array = { 0 };
	bool read = encoding == RDB_ENCODING_SET_INTSET ?
		read_packed_strings(source, rdb_intset_open, &array) :
		read_strings(source, &array);

	*set = (struct rdb_set){ array.items, array.count };
	return read && set->count > 0 &&
		rdb_names_differ(
			set->members, set->count, sizeof(*set->members));
}

/* A score in a packed form, read as Redis does: what begins like a number is
 * that number, and anything else 0 (redis 7.0.15 t_zset.c, zzlStrtod). */
static bool
parse_packed_score(const struct rdb_element *element, double *score)
{
	char text[128];
	size_t size = element->text.size;

	if (element->is_number) {
		*score = (double)element->number;
		return true;
	}
	if (size > sizeof(text) - 1)
		size = sizeof(text) - 1;
	memcpy(text, element->text.data, size);
	text[size] = '\0';
	*score = strtod(text, NULL);
	return !isnan(*score);
}

static bool
read_packed_members(
	struct rdb_source *source, open_packed open, struct rdb_array *array)
{
	struct rdb_packed packed;
	struct rdb_element element;
	struct rdb_scored_member *member = NULL;
	enum rdb_packed_step step;
	struct bytes raw;

	if (!rdb_source_string(source, &raw) || !open(&packed, raw))
		return false;
	while ((step = rdb_packed_next(&packed, &element)) ==
		RDB_PACKED_ELEMENT) {
		if (packed.count % 2 == 0 && member != NULL) {
			if (!parse_packed_score(&element, &member->score))
				return false;
			continue;
		}
		member = rdb_array_add(source->arena, array, sizeof(*member));
		if (member == NULL ||
			!rdb_element_text(
				&element, source->arena, &member->member))
			return false;
	}
	return step == RDB_PACKED_END && packed.count % 2 == 0;
}

static bool
read_members(struct rdb_source *source, bool binary, struct rdb_array *array)
{
	struct rdb_scored_member *member;
	uint64_t count;

	if (!rdb_source_length(source, &count))
		return false;
	while (count-- > 0) {
		member = rdb_array_add(source->arena, array, sizeof(*member));
		if (member == NULL ||
			!rdb_source_string(source, &member->member) ||
			!(binary ? rdb_source_score_binary(
					   source, &member->score) :
				   rdb_source_score_text(
					   source, &member->score)))
			return false;
	}
	return true;
}

static bool
read_sorted_set(struct rdb_source *source, enum rdb_encoding encoding,
	struct rdb_sorted_set *set)
{
	struct rdb_array array = { 0 };
	bool read;

	switch (encoding) {
	case RDB_ENCODING_ZSET:
		read = read_members(source, false, &array);
		break;
	case RDB_ENCODING_ZSET_2:
		read = read_members(source, true, &array);
		break;
	case RDB_ENCODING_ZSET_ZIPLIST:
		read = read_packed_members(source, rdb_ziplist_open, &array);
		break;
	default:
		read = read_packed_members(source, rdb_listpack_open, &array);
	}
	*set = (struct rdb_sorted_set){ array.items, array.count };
	return read && set->count > 0 &&
		rdb_names_differ(
			set->members, set->count, sizeof(*set->members));
}

static struct rdb_field *
add_field(struct rdb_source *source, struct rdb_array *array)
{
	struct rdb_field *field =
		rdb_array_add(source->arena, array, sizeof(*field));

	if (field != NULL)
		field->expires_at = RDB_NO_EXPIRY;
	return field;
}

static bool
read_packed_fields(
	struct rdb_source *source, open_packed open, struct rdb_array *array)
{
	struct rdb_packed packed;
	struct rdb_element element;
	struct rdb_field *field = NULL;
	enum rdb_packed_step step;
	struct bytes raw;

	if (!rdb_source_string(source, &raw) || !open(&packed, raw))
		return false;
	while ((step = rdb_packed_next(&packed, &element)) ==
		RDB_PACKED_ELEMENT) {
		bool is_value = packed.count % 2 == 0;

		if (!is_value && (field = add_field(source, array)) == NULL)
			return false;
		if (!rdb_element_text(&element, source->arena,
			    is_value ? &field->value : &field->field))
			return false;
	}
	return step == RDB_PACKED_END && packed.count % 2 == 0;
}

static bool
read_fields(struct rdb_source *source, struct rdb_array *array)
{
	struct rdb_field *field;
	uint64_t count;

	if (!rdb_source_length(source, &count))
		return false;
	while (count-- > 0) {
		field = add_field(source, array);
		if (field == NULL ||
			!rdb_source_string(source, &field->field) ||
			!rdb_source_string(source, &field->value))
			return false;
	}
	return true;
}

static bool
read_hash(struct rdb_source *source, enum rdb_encoding encoding,
	struct rdb_hash *hash)
{
	struct rdb_array array = { 0 };
	bool read;

	switch (encoding) {
	case RDB_ENCODING_HASH:
		read = read_fields(source, &array);
		break;
	case RDB_ENCODING_HASH_ZIPMAP:
		read = read_packed_fields(source, rdb_zipmap_open, &array);
		break;
	case RDB_ENCODING_HASH_ZIPLIST:
		read = read_packed_fields(source, rdb_ziplist_open, &array);
		break;
	default:
		read = read_packed_fields(source, rdb_listpack_open, &array);
	}
	*hash = (struct rdb_hash){ array.items, array.count };
	return read && hash->count > 0 &&
		rdb_names_differ(
			hash->fields, hash->count, sizeof(*hash->fields));
}

bool
rdb_read_value(struct rdb_source *source, struct rdb_value *value)
{
	uint8_t encoding;

	if (!rdb_source_byte(source, &encoding))
		return false;
	switch (encoding) {
	case RDB_ENCODING_STRING:
		value->type = RDB_STRING;
		return rdb_source_string(source, &value->string);
	case RDB_ENCODING_LIST:
	case RDB_ENCODING_LIST_ZIPLIST:
	case RDB_ENCODING_LIST_QUICKLIST:
	case RDB_ENCODING_LIST_QUICKLIST_2:
		value->type = RDB_LIST;
		return read_list(source, encoding, &value->list);
	case RDB_ENCODING_SET:
	case RDB_ENCODING_SET_INTSET:
		value->type = RDB_SET;
		return read_set(source, encoding, &value->set);
	case RDB_ENCODING_ZSET:
	case RDB_ENCODING_ZSET_2:
	case RDB_ENCODING_ZSET_ZIPLIST:
	case RDB_ENCODING_ZSET_LISTPACK:
		value->type = RDB_SORTED_SET;
		return read_sorted_set(source, encoding, &value->sorted_set);
	case RDB_ENCODING_HASH:
	case RDB_ENCODING_HASH_ZIPMAP:
	case RDB_ENCODING_HASH_ZIPLIST:
	case RDB_ENCODING_HASH_LISTPACK:
		value->type = RDB_HASH;
		return read_hash(source, encoding, &value->hash);
	case RDB_ENCODING_STREAM_LISTPACKS:
	case RDB_ENCODING_STREAM_LISTPACKS_2:
		value->type = RDB_STREAM;
		return rdb_read_stream(source,
			encoding == RDB_ENCODING_STREAM_LISTPACKS_2,
			&value->stream);
	default:
		return false;
	}
}

bool
rdb_footer_is_valid(struct bytes payload, bool ignore_checksum)
{
	const uint8_t *footer;
	struct bytes checked;

	if (payload.size < RDB_FOOTER_SIZE)
		return false;
	checked = (struct bytes){ payload.data,
		payload.size - RDB_CHECKSUM_SIZE };
	footer = (const uint8_t *)payload.data + payload.size - RDB_FOOTER_SIZE;
	if (little_endian_unsigned(footer, RDB_VERSION_SIZE) > RDB_VERSION)
		return false;
	return ignore_checksum ||
		little_endian_unsigned(footer + RDB_VERSION_SIZE,
			RDB_CHECKSUM_SIZE) == rdb_checksum(checked);
}

enum rdb_read_status
rdb_read(struct bytes payload, const struct rdb_read_options *options,
	struct rdb_value **value)
{
	enum rdb_read_status status = RDB_READ_BAD_DATA;
	struct rdb_value *read;
	struct rdb_source source;

	*value = NULL;
	if (!rdb_footer_is_valid(payload, options->ignore_checksum))
		return RDB_READ_WRONG_FOOTER;
	payload.size -= RDB_FOOTER_SIZE;
	read = rdb_value_new(options->memory_max);
	rdb_source_init(&source, payload, &read->arena);
	if (rdb_read_value(&source, read)) {
		*value = read;
		return RDB_READ_OK;
	}
	if (read->arena.exhausted)
		status = RDB_READ_TOO_LARGE;
	rdb_value_free(read);
	return status;
}
