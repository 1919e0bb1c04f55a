/* Intsets: numbers of one width, ascending (redis 7.0.15 intset.c).
 *
 *	width (4) | count (4) | numbers
 *
 * all in little endian. */
#include "commands/rdb_packed.h"

#include "commands/rdb_little_endian.h"

enum { HEAD_SIZE = 8 };

static enum rdb_packed_step
next(struct rdb_packed *packed, struct rdb_element *element)
{
	int64_t number;

	if (packed->at == packed->end)
		return RDB_PACKED_END;
	number = little_endian_signed(packed->at, packed->intset.width);
	if (packed->count > 0 && number <= packed->intset.previous)
		return RDB_PACKED_BROKEN;
	packed->intset.previous = number;
	packed->at += packed->intset.width;
	packed->count++;
	*element = (struct rdb_element){ .is_number = true, .number = number };
	return RDB_PACKED_ELEMENT;
}

bool
rdb_intset_open(struct rdb_packed *packed, struct bytes raw)
{
	const uint8_t *head = (const uint8_t *)raw.data;
	uint64_t width, count;

	if (raw.size < HEAD_SIZE)
		return false;
	width = little_endian_unsigned(head, 4);
	count = little_endian_unsigned(head + 4, 4);
	if ((width != 2 && width != 4 && width != 8) || count == 0 ||
		HEAD_SIZE + width * count != raw.size)
		return false;
	*packed = (struct rdb_packed){ .start = head + HEAD_SIZE,
		.at = head + HEAD_SIZE,
		.end = head + raw.size,
		.announced = count,
		.next = next,
		.intset = { .width = width } };
	return true;
}
