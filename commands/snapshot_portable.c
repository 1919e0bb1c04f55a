/* Writing and reading exported snapshots; see snapshot_portable.h. */
#include "commands/snapshot_portable.h"

#include "commands/rdb_little_endian.h"
#include "storage/base/memory.h"

#include <stdlib.h>
#include <string.h>

static const char magic[] = "RESPGRES SNAPSHOT\n";

enum {
	MAGIC_SIZE = sizeof(magic) - 1,
	RAW_MAX = 512 << 20,
};

/* --- writing --------------------------------------------------------- */

static void
write_bytes(struct rdb_sink *sink, struct bytes bytes)
{
	if (bytes.data == NULL) {
		rdb_sink_little_endian(sink, 4, UINT32_MAX);
		return;
	}
	rdb_sink_little_endian(sink, 4, bytes.size);
	rdb_sink_bytes(sink, bytes.data, bytes.size);
}

void
portable_write(struct rdb_sink *sink, const struct portable *portable)
{
	rdb_sink_bytes(sink, magic, MAGIC_SIZE);
	rdb_sink_little_endian(sink, 4, PORTABLE_VERSION);
	rdb_sink_byte(sink, (uint8_t)portable->kind);
	rdb_sink_little_endian(sink, 8, (uint64_t)portable->created_at);
	rdb_sink_little_endian(sink, 8, (uint64_t)portable->key_count);
	rdb_sink_bytes(sink, portable->checksum.data, SNAPSHOT_HASH_SIZE);
	write_bytes(sink, portable->agent);
	write_bytes(sink, portable->name);
	write_bytes(sink, portable->user);
	write_bytes(sink, portable->meta);
	write_bytes(sink, portable->language);
	write_bytes(sink, portable->text);
	rdb_sink_little_endian(sink, 4, portable->pattern_count);
	for (uint32_t i = 0; i < portable->pattern_count; i++)
		write_bytes(sink, portable->patterns[i]);
	write_bytes(sink, portable->roots);
}

void
portable_write_chunk(struct rdb_sink *sink, struct bytes raw, struct bytes refs)
{
	struct bytes data = raw;
	char *compressed = NULL;

	if (raw.size <= SNAPSHOT_CHUNK_MAX)
		compressed =
			snapshot_compress(raw, (struct bytes){ 0 }, &data.size);
	if (compressed != NULL)
		data.data = compressed;
	else
		data = raw;
	rdb_sink_byte(sink, 1);
	rdb_sink_little_endian(sink, 4, raw.size);
	rdb_sink_byte(sink,
		compressed != NULL ? SNAPSHOT_CODEC_ZSTD : SNAPSHOT_CODEC_RAW);
	write_bytes(sink, refs.data != NULL ? refs : bytes_of(""));
	write_bytes(sink, data);
	free(compressed);
}

void
portable_write_end(struct rdb_sink *sink, const struct bytes *parts, int count)
{
	enum { PARTS_MAX = 8 };
	struct bytes all[PARTS_MAX + 1];
	char digest[SNAPSHOT_HASH_SIZE];

	for (int i = 0; i < count; i++)
		all[i] = parts[i];
	all[count] = (struct bytes){ "", 1 };
	snapshot_digest(all, count + 1, digest);
	rdb_sink_byte(sink, 0);
	rdb_sink_bytes(sink, digest, sizeof(digest));
}

/* --- reading --------------------------------------------------------- */

struct source {
	struct bytes rest;
	bool bad;
};

static struct bytes
take(struct source *source, uint64_t size)
{
	struct bytes bytes = { source->rest.data, (size_t)size };

	if (source->bad || size > source->rest.size) {
		source->bad = true;
		return (struct bytes){ 0 };
	}
	source->rest.data += size;
	source->rest.size -= size;
	return bytes;
}

static uint64_t
take_number(struct source *source, size_t size)
{
	struct bytes bytes = take(source, size);

	return source->bad ?
		0 :
		little_endian_unsigned((const uint8_t *)bytes.data, size);
}

static struct bytes
take_bytes(struct source *source)
{
	uint64_t size = take_number(source, 4);

	if (size == UINT32_MAX)
		return (struct bytes){ 0 };
	return take(source, size);
}

static bool
has_sound_end(struct bytes blob)
{
	char digest[SNAPSHOT_HASH_SIZE];
	struct bytes checked = { blob.data, blob.size - SNAPSHOT_HASH_SIZE };

	snapshot_digest(&checked, 1, digest);
	return memcmp(digest, checked.data + checked.size, sizeof(digest)) == 0;
}

static void
read_facts(struct source *source, struct portable *portable)
{
	portable->kind = (char)take_number(source, 1);
	portable->created_at = (int64_t)take_number(source, 8);
	portable->key_count = (int64_t)take_number(source, 8);
	portable->checksum = take(source, SNAPSHOT_HASH_SIZE);
	portable->agent = take_bytes(source);
	portable->name = take_bytes(source);
	portable->user = take_bytes(source);
	portable->meta = take_bytes(source);
	portable->language = take_bytes(source);
	portable->text = take_bytes(source);
	portable->pattern_count = (uint32_t)take_number(source, 4);
	if (portable->pattern_count > PORTABLE_PATTERNS_MAX) {
		source->bad = true;
		return;
	}
	for (uint32_t i = 0; i < portable->pattern_count; i++)
		portable->patterns[i] = take_bytes(source);
	portable->roots = take_bytes(source);
}

enum portable_status
portable_read(struct bytes blob, struct portable *portable)
{
	struct source source = { .rest = blob };
	uint64_t version;

	if (blob.size < MAGIC_SIZE + 4 + SNAPSHOT_HASH_SIZE ||
		memcmp(blob.data, magic, MAGIC_SIZE) != 0)
		return PORTABLE_NONE;
	take(&source, MAGIC_SIZE);
	version = take_number(&source, 4);
	if (version > PORTABLE_VERSION)
		return PORTABLE_NEWER;
	if (version == 0 || !has_sound_end(blob))
		return PORTABLE_DAMAGED;
	source.rest.size -= SNAPSHOT_HASH_SIZE;
	read_facts(&source, portable);
	portable->chunks = source.rest;
	if (source.bad || portable->agent.data == NULL ||
		portable->language.data == NULL ||
		portable->roots.size % SNAPSHOT_HASH_SIZE != 0 ||
		portable->created_at < 0 || portable->key_count < 0 ||
		(portable->kind != 'd' && portable->kind != 'k'))
		return PORTABLE_DAMAGED;
	return PORTABLE_OK;
}

/* Never more memory than the greatest chunk that we write takes. */
static bool
unpack(struct portable_chunk *chunk, uint64_t codec, uint64_t raw_size,
	struct bytes data)
{
	chunk->raw = data;
	if (codec == SNAPSHOT_CODEC_RAW)
		return data.size == raw_size && raw_size <= RAW_MAX;
	if (codec != SNAPSHOT_CODEC_ZSTD || raw_size > SNAPSHOT_CHUNK_MAX)
		return false;
	chunk->memory = memory_allocate((size_t)raw_size + 1);
	chunk->raw = (struct bytes){ chunk->memory, (size_t)raw_size };
	if (snapshot_decompress(
		    data, (struct bytes){ 0 }, chunk->memory, (size_t)raw_size))
		return true;
	free(chunk->memory);
	chunk->memory = NULL;
	return false;
}

bool
portable_next_chunk(
	struct bytes *chunks, struct portable_chunk *chunk, bool *bad)
{
	struct source source = { .rest = *chunks };
	uint64_t more = take_number(&source, 1), raw_size, codec;
	struct bytes data;

	*chunk = (struct portable_chunk){ 0 };
	if (!source.bad && more == 0) {
		*bad = source.rest.size > 0;
		return false;
	}
	raw_size = take_number(&source, 4);
	codec = take_number(&source, 1);
	chunk->refs = take_bytes(&source);
	data = take_bytes(&source);
	*bad = source.bad || more != 1 || data.data == NULL ||
		chunk->refs.size % SNAPSHOT_HASH_SIZE != 0 ||
		!unpack(chunk, codec, raw_size, data);
	*chunks = source.rest;
	return !*bad;
}
