/* Zipmaps: hashes of Redis before 2.6 (redis 7.0.15 zipmap.c).
 *
 *	count (1) | length, field | length, unused (1), value, unused bytes | ...
 *	| 255
 *
 * A length is one byte, or 254 and four bytes in little endian; the count is
 * unknown from 254 on. */
#include "commands/rdb_packed.h"

#include "commands/rdb_little_endian.h"

enum { LONG_LENGTH = 254, TERMINATOR = 255, COUNT_UNKNOWN = 254 };

/* Moves past a length.  False when it does not fit, or is longer than need
 * be. */
static bool
read_length(struct rdb_packed *packed, size_t *length)
{
	size_t left = (size_t)(packed->end - packed->at);

	if (left < 1)
		return false;
	*length = *packed->at;
	if (*length < LONG_LENGTH) {
		packed->at += 1;
		return true;
	}
	if (left < 5)
		return false;
	*length = little_endian_unsigned(packed->at + 1, 4);
	packed->at += 5;
	return *length >= LONG_LENGTH;
}

static bool
read_text(struct rdb_packed *packed, size_t length, struct bytes *text)
{
	if (length > (size_t)(packed->end - packed->at))
		return false;
	*text = (struct bytes){ (const char *)packed->at, length };
	packed->at += length;
	return true;
}

static bool
read_element(struct rdb_packed *packed, bool is_value, struct bytes *text)
{
	size_t length, unused = 0;
	struct bytes skipped;

	if (!read_length(packed, &length))
		return false;
	if (is_value) {
		if (packed->at == packed->end)
			return false;
		unused = *packed->at++;
	}
	return read_text(packed, length, text) &&
		read_text(packed, unused, &skipped);
}

static enum rdb_packed_step
next(struct rdb_packed *packed, struct rdb_element *element)
{
	bool is_value = packed->count % 2 == 1;

	if (packed->at == packed->end) {
		if (is_value || packed->count == 0 ||
			(packed->announced != SIZE_MAX &&
				packed->announced != packed->count / 2))
			return RDB_PACKED_BROKEN;
		return RDB_PACKED_END;
	}
	/* The terminator cannot stand where a field begins. */
	if (!is_value && *packed->at == TERMINATOR)
		return RDB_PACKED_BROKEN;
	element->is_number = false;
	if (!read_element(packed, is_value, &element->text))
		return RDB_PACKED_BROKEN;
	packed->count++;
	return RDB_PACKED_ELEMENT;
}

bool
rdb_zipmap_open(struct rdb_packed *packed, struct bytes raw)
{
	const uint8_t *head = (const uint8_t *)raw.data;

	if (raw.size < 2 || head[raw.size - 1] != TERMINATOR)
		return false;
	*packed = (struct rdb_packed){ .start = head + 1,
		.at = head + 1,
		.end = head + raw.size - 1,
		.announced = head[0] == COUNT_UNKNOWN ? SIZE_MAX : head[0],
		.next = next };
	return true;
}
