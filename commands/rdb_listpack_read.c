/* Reads listpacks; see rdb_packed.h, and rdb_listpack.h for the form. */
#include "commands/rdb_listpack.h"
#include "commands/rdb_little_endian.h"
#include "commands/rdb_packed.h"

enum { BACK_SIZE_MAX = 5 };

static size_t
bytes_left(const struct rdb_packed *packed)
{
	return (size_t)(packed->end - packed->at);
}

/* Takes the element's first bytes, of which there are `size`. */
static const uint8_t *
take(struct rdb_packed *packed, size_t size)
{
	const uint8_t *taken = packed->at;

	if (bytes_left(packed) < size)
		return NULL;
	packed->at += size;
	return taken;
}

static bool
read_wide_number(struct rdb_packed *packed, size_t width, int64_t *number)
{
	const uint8_t *taken = take(packed, 1 + width);

	if (taken != NULL)
		*number = little_endian_signed(taken + 1, width);
	return taken != NULL;
}

static bool
read_13_bits(struct rdb_packed *packed, int64_t *number)
{
	const uint8_t *taken = take(packed, 2);

	if (taken == NULL)
		return false;
	*number = (taken[0] & 0x1f) << 8 | taken[1];
	if (*number >= 1 << 12)
		*number -= 1 << 13;
	return true;
}

static bool
read_number(struct rdb_packed *packed, uint8_t kind, int64_t *number)
{
	if (kind < RDB_LISTPACK_STRING_6) {
		*number = kind;
		packed->at++;
		return true;
	}
	if (kind < RDB_LISTPACK_STRING_12)
		return read_13_bits(packed, number);
	switch (kind) {
	case RDB_LISTPACK_NUMBER_16:
		return read_wide_number(packed, 2, number);
	case RDB_LISTPACK_NUMBER_24:
		return read_wide_number(packed, 3, number);
	case RDB_LISTPACK_NUMBER_32:
		return read_wide_number(packed, 4, number);
	case RDB_LISTPACK_NUMBER_64:
		return read_wide_number(packed, 8, number);
	default:
		return false;
	}
}

static bool
read_string(struct rdb_packed *packed, uint8_t kind, struct bytes *text)
{
	const uint8_t *taken;
	size_t length;

	if (kind < RDB_LISTPACK_NUMBER_13) {
		taken = take(packed, 1);
		length = kind & 0x3f;
	} else if (kind < RDB_LISTPACK_STRING_32) {
		taken = take(packed, 2);
		length = taken ? (size_t)(kind & 0xf) << 8 | taken[1] : 0;
	} else {
		taken = take(packed, 5);
		length = taken ? little_endian_unsigned(taken + 1, 4) : 0;
	}
	if (taken == NULL || (taken = take(packed, length)) == NULL)
		return false;
	*text = (struct bytes){ (const char *)taken, length };
	return true;
}

/* The size in front of `end`, whose first byte, read backwards, comes last and
 * has the top bit clear.  UINT64_MAX when it does not end. */
static uint64_t
read_size_backwards(const uint8_t *end)
{
	uint64_t size = 0;

	for (unsigned i = 0; i < BACK_SIZE_MAX; i++) {
		uint8_t byte = *--end;

		size |= (uint64_t)(byte & 0x7f) << (7 * i);
		if ((byte & 0x80) == 0)
			return size;
	}
	return UINT64_MAX;
}

/* Moves past the size of the element that began at `begin`. */
static bool
check_size(struct rdb_packed *packed, const uint8_t *begin)
{
	uint64_t size = (uint64_t)(packed->at - begin);

	return take(packed, rdb_listpack_back_size(size)) != NULL &&
		read_size_backwards(packed->at) == size;
}

static bool
is_string(uint8_t kind)
{
	return (kind & 0xc0) == RDB_LISTPACK_STRING_6 ||
		(kind & 0xf0) == RDB_LISTPACK_STRING_12 ||
		kind == RDB_LISTPACK_STRING_32;
}

static enum rdb_packed_step
next(struct rdb_packed *packed, struct rdb_element *element)
{
	const uint8_t *begin = packed->at;
	bool read;

	if (packed->at == packed->end)
		return packed->announced == SIZE_MAX ||
				packed->announced == packed->count ?
			RDB_PACKED_END :
			RDB_PACKED_BROKEN;
	element->is_number = !is_string(*begin);
	read = element->is_number ?
		read_number(packed, *begin, &element->number) :
		read_string(packed, *begin, &element->text);
	if (!read || !check_size(packed, begin))
		return RDB_PACKED_BROKEN;
	packed->count++;
	return RDB_PACKED_ELEMENT;
}

bool
rdb_listpack_open(struct rdb_packed *packed, struct bytes raw)
{
	const uint8_t *head = (const uint8_t *)raw.data;
	size_t count;

	if (raw.size < RDB_LISTPACK_HEAD_SIZE + RDB_LISTPACK_END_SIZE ||
		head[raw.size - 1] != RDB_LISTPACK_TERMINATOR ||
		little_endian_unsigned(head, 4) != raw.size)
		return false;
	count = little_endian_unsigned(head + 4, 2);
	*packed = (struct rdb_packed){ .start = head + RDB_LISTPACK_HEAD_SIZE,
		.at = head + RDB_LISTPACK_HEAD_SIZE,
		.end = head + raw.size - 1,
		.announced =
			count == RDB_LISTPACK_COUNT_UNKNOWN ? SIZE_MAX : count,
		.next = next };
	return true;
}
