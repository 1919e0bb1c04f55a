/* Writes listpacks; see rdb_listpack.h.  Which of several sizes an element
 * gets is as in redis 7.0.15 listpack.c, so that the bytes come out the same. */
#include "commands/rdb_listpack.h"

#include "commands/rdb_little_endian.h"
#include "storage/base/number.h"

#include <assert.h>
#include <string.h>

/* Sizes from which one more byte is needed at an element's end.  The latter
 * three are one less than they could be: so Redis writes and expects them. */
enum {
	BACK_2_BYTES = 128,
	BACK_3_BYTES = 16383,
	BACK_4_BYTES = 2097151,
	BACK_5_BYTES = 268435455,
};

enum { NUMBER_SIZE_MAX = 9 };

size_t
rdb_listpack_back_size(uint64_t size)
{
	if (size < BACK_2_BYTES)
		return 1;
	if (size < BACK_3_BYTES)
		return 2;
	if (size < BACK_4_BYTES)
		return 3;
	return size < BACK_5_BYTES ? 4 : 5;
}

/* Appends the size of the element whose `size` bytes were just written. */
static void
end_element(struct rdb_sink *sink, uint64_t size)
{
	size_t back_size = rdb_listpack_back_size(size);
	uint8_t bytes[5];

	for (size_t i = back_size; i-- > 0; size >>= 7)
		bytes[i] = (uint8_t)(size & 0x7f) | (i > 0 ? 0x80 : 0);
	rdb_sink_bytes(sink, bytes, back_size);
}

void
rdb_listpack_begin(struct rdb_sink *sink)
{
	static const uint8_t head[RDB_LISTPACK_HEAD_SIZE];

	rdb_sink_bytes(sink, head, sizeof(head));
}

static size_t
encode_wide_number(uint8_t bytes[static NUMBER_SIZE_MAX], int64_t number)
{
	size_t width;

	if (number >= INT16_MIN && number <= INT16_MAX) {
		bytes[0] = RDB_LISTPACK_NUMBER_16;
		width = 2;
	} else if (number >= -(1 << 23) && number < 1 << 23) {
		bytes[0] = RDB_LISTPACK_NUMBER_24;
		width = 3;
	} else if (number >= INT32_MIN && number <= INT32_MAX) {
		bytes[0] = RDB_LISTPACK_NUMBER_32;
		width = 4;
	} else {
		bytes[0] = RDB_LISTPACK_NUMBER_64;
		width = 8;
	}
	little_endian_store(bytes + 1, width, (uint64_t)number);
	return 1 + width;
}

static size_t
encode_number(uint8_t bytes[static NUMBER_SIZE_MAX], int64_t number)
{
	if (number >= 0 && number < 1 << 7) {
		bytes[0] = (uint8_t)number;
		return 1;
	}
	if (number >= -(1 << 12) && number < 1 << 12) {
		bytes[0] = RDB_LISTPACK_NUMBER_13 |
			(uint8_t)((uint64_t)number >> 8 & 0x1f);
		bytes[1] = (uint8_t)number;
		return 2;
	}
	return encode_wide_number(bytes, number);
}

void
rdb_listpack_add_number(struct rdb_sink *sink, int64_t number)
{
	uint8_t bytes[NUMBER_SIZE_MAX];
	size_t size = encode_number(bytes, number);

	rdb_sink_bytes(sink, bytes, size);
	end_element(sink, size);
}

size_t
rdb_listpack_number_size(int64_t number)
{
	uint8_t bytes[NUMBER_SIZE_MAX];
	size_t size = encode_number(bytes, number);

	return size + rdb_listpack_back_size(size);
}

static void
add_string(struct rdb_sink *sink, struct bytes text)
{
	uint8_t head[5];
	size_t head_size;

	if (text.size < 1 << 6) {
		head[0] = RDB_LISTPACK_STRING_6 | (uint8_t)text.size;
		head_size = 1;
	} else if (text.size < 1 << 12) {
		head[0] = RDB_LISTPACK_STRING_12 | (uint8_t)(text.size >> 8);
		head[1] = (uint8_t)text.size;
		head_size = 2;
	} else {
		head[0] = RDB_LISTPACK_STRING_32;
		little_endian_store(head + 1, 4, text.size);
		head_size = 5;
	}
	rdb_sink_bytes(sink, head, head_size);
	rdb_sink_bytes(sink, text.data, text.size);
	end_element(sink, head_size + text.size);
}

void
rdb_listpack_add(struct rdb_sink *sink, struct bytes text)
{
	int64_t number;

	if (number_parse_int64(text, &number))
		rdb_listpack_add_number(sink, number);
	else
		add_string(sink, text);
}

size_t
rdb_listpack_size(const struct rdb_sink *sink)
{
	return sink->size + RDB_LISTPACK_END_SIZE;
}

void
rdb_listpack_end(struct rdb_sink *sink, size_t count)
{
	rdb_sink_byte(sink, RDB_LISTPACK_TERMINATOR);
	assert(sink->size <= UINT32_MAX);
	if (count > RDB_LISTPACK_COUNT_UNKNOWN)
		count = RDB_LISTPACK_COUNT_UNKNOWN;
	little_endian_store((uint8_t *)sink->data, 4, sink->size);
	little_endian_store((uint8_t *)sink->data + 4, 2, count);
}
