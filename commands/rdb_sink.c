/* Writes the parts that payloads are made of; see rdb_sink.h. */
#include "commands/rdb_sink.h"

#include "commands/rdb_format.h"
#include "commands/rdb_little_endian.h"
#include "storage/base/memory.h"
#include "storage/base/number.h"

#include <endian.h>
#include <limits.h>
#include <lzf.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIRST_CAPACITY = 256,
	LENGTH_SIZE_MAX = 9,
	/* Shorter strings Redis does not try to compress, and it wants to
	 * save at least LZF_SAVING bytes. */
	LZF_SIZE_MIN = 21,
	LZF_SAVING = 4,
	NUMBER_DIGITS_MAX = 11, /* of 32 bits, with a sign */
};

void
rdb_sink_init(struct rdb_sink *sink, bool compress)
{
	*sink = (struct rdb_sink){ .compress = compress };
}

void
rdb_sink_release(struct rdb_sink *sink)
{
	free(sink->data);
	rdb_sink_init(sink, sink->compress);
}

void
rdb_sink_clear(struct rdb_sink *sink)
{
	sink->size = 0;
}

struct bytes
rdb_sink_written(const struct rdb_sink *sink)
{
	return (struct bytes){ sink->data, sink->size };
}

/* Makes room for `size` more bytes. */
static void
reserve(struct rdb_sink *sink, size_t size)
{
	size_t capacity = sink->capacity ? sink->capacity : FIRST_CAPACITY;

	if (size <= sink->capacity - sink->size)
		return;
	while (capacity - sink->size < size)
		capacity *= 2;
	sink->data = memory_resize(sink->data, capacity);
	sink->capacity = capacity;
}

void
rdb_sink_bytes(struct rdb_sink *sink, const void *bytes, size_t size)
{
	if (size == 0)
		return;
	reserve(sink, size);
	memcpy(sink->data + sink->size, bytes, size);
	sink->size += size;
}

void
rdb_sink_byte(struct rdb_sink *sink, uint8_t byte)
{
	rdb_sink_bytes(sink, &byte, 1);
}

void
rdb_sink_little_endian(struct rdb_sink *sink, size_t size, uint64_t number)
{
	uint8_t bytes[8];

	little_endian_store(bytes, size, number);
	rdb_sink_bytes(sink, bytes, size);
}

static size_t
encode_length(uint8_t bytes[static LENGTH_SIZE_MAX], uint64_t length)
{
	uint32_t length32 = htobe32((uint32_t)length);
	uint64_t length64 = htobe64(length);

	if (length < 1 << 6) {
		bytes[0] = (uint8_t)length;
		return 1;
	}
	if (length < 1 << 14) {
		bytes[0] = RDB_LENGTH_14_BITS << 6 | (uint8_t)(length >> 8);
		bytes[1] = (uint8_t)length;
		return 2;
	}
	if (length <= UINT32_MAX) {
		bytes[0] = RDB_LENGTH_32_BITS;
		memcpy(bytes + 1, &length32, sizeof(length32));
		return 1 + sizeof(length32);
	}
	bytes[0] = RDB_LENGTH_64_BITS;
	memcpy(bytes + 1, &length64, sizeof(length64));
	return 1 + sizeof(length64);
}

void
rdb_sink_length(struct rdb_sink *sink, uint64_t length)
{
	uint8_t bytes[LENGTH_SIZE_MAX];
	size_t size = encode_length(bytes, length);

	rdb_sink_bytes(sink, bytes, size);
}

void
rdb_sink_insert_length(struct rdb_sink *sink, size_t offset, uint64_t length)
{
	uint8_t bytes[LENGTH_SIZE_MAX];
	size_t size = encode_length(bytes, length);

	reserve(sink, size);
	memmove(sink->data + offset + size, sink->data + offset,
		sink->size - offset);
	memcpy(sink->data + offset, bytes, size);
	sink->size += size;
}

static bool
write_number(struct rdb_sink *sink, struct bytes string)
{
	size_t width;
	uint8_t kind;
	int64_t number;

	if (string.size > NUMBER_DIGITS_MAX ||
		!number_parse_int64(string, &number) || number < INT32_MIN ||
		number > INT32_MAX)
		return false;
	if (number >= INT8_MIN && number <= INT8_MAX) {
		kind = RDB_STRING_INT8;
		width = 1;
	} else if (number >= INT16_MIN && number <= INT16_MAX) {
		kind = RDB_STRING_INT16;
		width = 2;
	} else {
		kind = RDB_STRING_INT32;
		width = 4;
	}
	rdb_sink_byte(sink, RDB_LENGTH_SPECIAL << 6 | kind);
	rdb_sink_little_endian(sink, width, (uint64_t)number);
	return true;
}

/* The compressed bytes are made where they may stand at the earliest, behind
 * the longest head, and then moved up to their head. */
static bool
write_compressed(struct rdb_sink *sink, struct bytes string)
{
	uint8_t head[1 + 2 * LENGTH_SIZE_MAX];
	size_t head_size = 1;
	unsigned size;

	if (!sink->compress || string.size < LZF_SIZE_MIN ||
		string.size > UINT_MAX)
		return false;
	reserve(sink, sizeof(head) + string.size);
	size = lzf_compress(string.data, (unsigned)string.size,
		sink->data + sink->size + sizeof(head),
		(unsigned)string.size - LZF_SAVING);
	if (size == 0)
		return false;
	head[0] = RDB_LENGTH_SPECIAL << 6 | RDB_STRING_LZF;
	head_size += encode_length(head + head_size, size);
	head_size += encode_length(head + head_size, string.size);
	memmove(sink->data + sink->size + head_size,
		sink->data + sink->size + sizeof(head), size);
	memcpy(sink->data + sink->size, head, head_size);
	sink->size += head_size + size;
	return true;
}

void
rdb_sink_string(struct rdb_sink *sink, struct bytes string)
{
	if (write_number(sink, string) || write_compressed(sink, string))
		return;
	rdb_sink_length(sink, string.size);
	rdb_sink_bytes(sink, string.data, string.size);
}

void
rdb_sink_score(struct rdb_sink *sink, double score)
{
	uint64_t bits;

	memcpy(&bits, &score, sizeof(bits));
	rdb_sink_little_endian(sink, sizeof(bits), bits);
}

void
rdb_sink_time(struct rdb_sink *sink, int64_t ms)
{
	rdb_sink_little_endian(sink, sizeof(ms), (uint64_t)ms);
}

void
rdb_sink_stream_id(struct rdb_sink *sink, struct rdb_stream_id id)
{
	rdb_sink_length(sink, id.ms);
	rdb_sink_length(sink, id.seq);
}

void
rdb_stream_id_encode(struct rdb_stream_id id, char *bytes)
{
	uint64_t parts[2] = { htobe64(id.ms), htobe64(id.seq) };

	memcpy(bytes, parts, sizeof(parts));
}

void
rdb_sink_stream_key(struct rdb_sink *sink, struct rdb_stream_id id)
{
	char key[RDB_STREAM_ID_SIZE];

	rdb_stream_id_encode(id, key);
	rdb_sink_bytes(sink, key, sizeof(key));
}
