/* Ziplists: the packed form before Redis 7 (redis 7.0.15 ziplist.c).
 *
 *	size of all (4) | offset of the last element (4) | count (2)
 *	| elements | 255
 *
 * in little endian; a count of 65535 means unknown.  An element is
 *
 *	size of the one before (1, or 254 and 4) | kind (1, 2 or 5) | bytes
 *
 * where the kind holds a string's length, or says how wide a number is. */
#include "commands/rdb_packed.h"

#include "commands/rdb_little_endian.h"

enum {
	HEAD_SIZE = 10,
	TERMINATOR = 255,
	COUNT_UNKNOWN = 65535,
	LONG_PREVIOUS = 254,
};

/* Kinds: the upper two bits of strings, whole bytes of numbers. */
enum {
	STRING_6_BITS = 0,
	STRING_14_BITS = 1,
	STRING_32_BITS = 2,
	NUMBER_16 = 0xc0,
	NUMBER_32 = 0xd0,
	NUMBER_64 = 0xe0,
	NUMBER_24 = 0xf0,
	NUMBER_8 = 0xfe,
	NUMBER_TINY_FIRST = 0xf1, /* 0 to 12, in the kind itself */
	NUMBER_TINY_LAST = 0xfd,
};

static size_t
bytes_left(const struct rdb_packed *packed)
{
	return (size_t)(packed->end - packed->at);
}

/* Moves past the size of the element before, which must be right. */
static bool
check_previous(struct rdb_packed *packed)
{
	size_t previous;

	if (*packed->at < LONG_PREVIOUS) {
		previous = *packed->at;
		packed->at += 1;
	} else {
		if (bytes_left(packed) < 5)
			return false;
		previous = little_endian_unsigned(packed->at + 1, 4);
		packed->at += 5;
	}
	return previous == packed->ziplist.previous_size;
}

static size_t
number_width(uint8_t kind)
{
	switch (kind) {
	case NUMBER_8:
		return 1;
	case NUMBER_16:
		return 2;
	case NUMBER_24:
		return 3;
	case NUMBER_32:
		return 4;
	case NUMBER_64:
		return 8;
	default:
		return 0;
	}
}

static bool
read_number(struct rdb_packed *packed, uint8_t kind, int64_t *number)
{
	size_t width = number_width(kind);

	if (kind >= NUMBER_TINY_FIRST && kind <= NUMBER_TINY_LAST) {
		*number = kind - NUMBER_TINY_FIRST;
		return true;
	}
	if (width == 0 || bytes_left(packed) < width)
		return false;
	*number = little_endian_signed(packed->at, width);
	packed->at += width;
	return true;
}

/* Reads the length's other bytes, in big endian, and the string. */
static bool
read_string(struct rdb_packed *packed, uint8_t kind, struct bytes *text)
{
	static const size_t further_bytes[] = {
		[STRING_6_BITS] = 0, [STRING_14_BITS] = 1, [STRING_32_BITS] = 4
	};
	size_t further = further_bytes[kind >> 6];
	size_t length = kind >> 6 == STRING_32_BITS ? 0 : kind & 0x3f;

	if (bytes_left(packed) < further)
		return false;
	for (size_t i = 0; i < further; i++)
		length = length << 8 | *packed->at++;
	if (bytes_left(packed) < length)
		return false;
	*text = (struct bytes){ (const char *)packed->at, length };
	packed->at += length;
	return true;
}

static bool
read_element(struct rdb_packed *packed, struct rdb_element *element)
{
	uint8_t kind;

	if (!check_previous(packed) || bytes_left(packed) < 1)
		return false;
	kind = *packed->at++;
	element->is_number = kind >> 6 == 3;
	if (element->is_number)
		return read_number(packed, kind, &element->number);
	return read_string(packed, kind, &element->text);
}

static bool
end_is_sound(const struct rdb_packed *packed)
{
	size_t last_offset = (size_t)(packed->end - packed->start) -
		packed->ziplist.previous_size;

	if (packed->count > 0 && packed->ziplist.tail_offset != last_offset)
		return false;
	return packed->announced == SIZE_MAX ||
		packed->announced == packed->count;
}

static enum rdb_packed_step
next(struct rdb_packed *packed, struct rdb_element *element)
{
	const uint8_t *begin = packed->at;

	if (packed->at == packed->end)
		return end_is_sound(packed) ? RDB_PACKED_END :
					      RDB_PACKED_BROKEN;
	if (*packed->at == TERMINATOR || !read_element(packed, element))
		return RDB_PACKED_BROKEN;
	packed->ziplist.previous_size = (size_t)(packed->at - begin);
	packed->count++;
	return RDB_PACKED_ELEMENT;
}

bool
rdb_ziplist_open(struct rdb_packed *packed, struct bytes raw)
{
	const uint8_t *head = (const uint8_t *)raw.data;
	uint32_t tail_offset;
	size_t count;

	if (raw.size < HEAD_SIZE + 1 || head[raw.size - 1] != TERMINATOR ||
		little_endian_unsigned(head, 4) != raw.size)
		return false;
	tail_offset = (uint32_t)little_endian_unsigned(head + 4, 4);
	count = little_endian_unsigned(head + 8, 2);
	if (tail_offset > raw.size - 1)
		return false;
	*packed = (struct rdb_packed){ .start = head + HEAD_SIZE,
		.at = head + HEAD_SIZE,
		.end = head + raw.size - 1,
		.announced = count == COUNT_UNKNOWN ? SIZE_MAX : count,
		.next = next,
		.ziplist = { .tail_offset = tail_offset - HEAD_SIZE } };
	return true;
}
