/* Reads the parts that payloads are made of; see rdb_source.h. */
#include "commands/rdb_source.h"

#include "commands/rdb_format.h"
#include "commands/rdb_little_endian.h"
#include "storage/base/number.h"

#include <endian.h>
#include <limits.h>
#include <lzf.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* LZF's best case: three bytes stand for 264. */
enum { LZF_EXPANSION_MAX = 88 };

void
rdb_source_init(
	struct rdb_source *source, struct bytes input, struct rdb_arena *arena)
{
	source->at = input.data;
	source->end = input.data + input.size;
	source->arena = arena;
}

/* The next `size` bytes, NULL when there are fewer. */
static const char *
take(struct rdb_source *source, uint64_t size)
{
	const char *taken = source->at;

	if (size > (uint64_t)(source->end - source->at))
		return NULL;
	source->at += size;
	return taken;
}

static bool
take_copy(struct rdb_source *source, void *copy, size_t size)
{
	const char *taken = take(source, size);

	if (taken != NULL)
		memcpy(copy, taken, size);
	return taken != NULL;
}

bool
rdb_source_byte(struct rdb_source *source, uint8_t *byte)
{
	return take_copy(source, byte, 1);
}

static bool
read_long_length(struct rdb_source *source, uint8_t first, uint64_t *length)
{
	uint32_t length32;

	switch (first) {
	case RDB_LENGTH_32_BITS:
		if (!take_copy(source, &length32, sizeof(length32)))
			return false;
		*length = be32toh(length32);
		return true;
	case RDB_LENGTH_64_BITS:
		if (!take_copy(source, length, sizeof(*length)))
			return false;
		*length = be64toh(*length);
		return true;
	default:
		return false;
	}
}

/* A length, or with `is_special` how a string is encoded. */
static bool
read_length(struct rdb_source *source, uint64_t *length, bool *is_special)
{
	uint8_t first, second;

	*is_special = false;
	if (!rdb_source_byte(source, &first))
		return false;
	switch (first >> 6) {
	case RDB_LENGTH_6_BITS:
		*length = first;
		return true;
	case RDB_LENGTH_14_BITS:
		if (!rdb_source_byte(source, &second))
			return false;
		*length = (uint64_t)(first & 0x3f) << 8 | second;
		return true;
	case RDB_LENGTH_SPECIAL:
		*length = first & 0x3f;
		*is_special = true;
		return true;
	default:
		return read_long_length(source, first, length);
	}
}

bool
rdb_source_length(struct rdb_source *source, uint64_t *length)
{
	bool is_special;

	return read_length(source, length, &is_special);
}

static bool
read_number(struct rdb_source *source, size_t size, struct bytes *string)
{
	const char *taken = take(source, size);
	char digits[NUMBER_INT64_SIZE];
	char *text;

	if (taken == NULL)
		return false;
	string->size = number_print_int64(
		digits, little_endian_signed((const uint8_t *)taken, size));
	text = rdb_arena_allocate(source->arena, string->size);
	if (text == NULL)
		return false;
	memcpy(text, digits, string->size);
	string->data = text;
	return true;
}

static bool
read_compressed(struct rdb_source *source, struct bytes *string)
{
	uint64_t compressed_size, size;
	const char *compressed;
	char *text;

	if (!rdb_source_length(source, &compressed_size) ||
		!rdb_source_length(source, &size) || size > UINT_MAX)
		return false;
	compressed = take(source, compressed_size);
	if (compressed == NULL || size / LZF_EXPANSION_MAX > compressed_size ||
		compressed_size > UINT_MAX)
		return false;
	*string = bytes_of("");
	if (size == 0)
		return true;
	if (compressed_size == 0)
		return false;
	text = rdb_arena_allocate(source->arena, size);
	if (text == NULL)
		return false;
	*string = (struct bytes){ text, size };
	return lzf_decompress(compressed, (unsigned)compressed_size, text,
		       (unsigned)size) == size;
}

bool
rdb_source_string(struct rdb_source *source, struct bytes *string)
{
	uint64_t length;
	bool is_special;

	if (!read_length(source, &length, &is_special))
		return false;
	if (!is_special) {
		string->data = take(source, length);
		string->size = length;
		return string->data != NULL;
	}
	switch (length) {
	case RDB_STRING_INT8:
		return read_number(source, 1, string);
	case RDB_STRING_INT16:
		return read_number(source, 2, string);
	case RDB_STRING_INT32:
		return read_number(source, 4, string);
	case RDB_STRING_LZF:
		return read_compressed(source, string);
	default:
		return false;
	}
}

bool
rdb_source_score_text(struct rdb_source *source, double *score)
{
	char text[UINT8_MAX + 1] = "";
	char *end;
	uint8_t size;

	if (!rdb_source_byte(source, &size))
		return false;
	switch (size) {
	case RDB_SCORE_NAN:
		return false;
	case RDB_SCORE_INFINITY:
		*score = INFINITY;
		return true;
	case RDB_SCORE_MINUS_INFINITY:
		*score = -INFINITY;
		return true;
	default:
		if (!take_copy(source, text, size))
			return false;
		*score = strtod(text, &end);
		return end != text && !isnan(*score);
	}
}

bool
rdb_source_score_binary(struct rdb_source *source, double *score)
{
	uint64_t bits;

	if (!take_copy(source, &bits, sizeof(bits)))
		return false;
	bits = le64toh(bits);
	memcpy(score, &bits, sizeof(bits));
	return !isnan(*score);
}

bool
rdb_source_time(struct rdb_source *source, int64_t *ms)
{
	uint64_t bits;

	if (!take_copy(source, &bits, sizeof(bits)))
		return false;
	*ms = (int64_t)le64toh(bits);
	return true;
}

bool
rdb_source_stream_id(struct rdb_source *source, struct rdb_stream_id *id)
{
	return rdb_source_length(source, &id->ms) &&
		rdb_source_length(source, &id->seq);
}

struct rdb_stream_id
rdb_stream_id_decode(const char *bytes)
{
	uint64_t parts[2];

	memcpy(parts, bytes, sizeof(parts));
	return (struct rdb_stream_id){ be64toh(parts[0]), be64toh(parts[1]) };
}

bool
rdb_source_stream_key(struct rdb_source *source, struct rdb_stream_id *id)
{
	const char *taken = take(source, RDB_STREAM_ID_SIZE);

	if (taken == NULL)
		return false;
	*id = rdb_stream_id_decode(taken);
	return true;
}
