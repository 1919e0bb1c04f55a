/* Chunks of snapshots; see snapshot_chunk.h.
 *
 * The cuts are those of FastCDC (Xia et al., USENIX ATC 2016) in its simplest
 * form: a rolling hash of the last 64 bytes, cut where 15 of its bits are
 * zero. */
#include "commands/snapshot_chunk.h"

#include "storage/base/memory.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <zstd.h>

enum {
	LEVEL = 3, /* zstd's own default */
	/* Enough for a chunk behind its base. */
	WINDOW_LOG = 22,
	PIECE_MIN = 8 << 10,
	PIECE_BITS = 15, /* about 32 KB beyond the least */
};

void
snapshot_digest(const struct bytes *parts, int count,
	char digest[static SNAPSHOT_HASH_SIZE])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool done = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL);

	for (int i = 0; done && i < count; i++)
		done = EVP_DigestUpdate(context, parts[i].data, parts[i].size);
	done = done &&
		EVP_DigestFinal_ex(context, (unsigned char *)digest, NULL);
	/* It needs memory alone. */
	assert(done);
	EVP_MD_CTX_free(context);
}

void
snapshot_chunk_hash(struct bytes raw, struct bytes refs,
	char hash[static SNAPSHOT_HASH_SIZE])
{
	static const char kinds[] = { 0, 1 };
	struct bytes parts[] = { { &kinds[refs.size > 0], 1 }, refs, raw };

	snapshot_digest(parts, 3, hash);
}

/* --- compression ----------------------------------------------------- */

char *
snapshot_compress(struct bytes raw, struct bytes base, size_t *size)
{
	ZSTD_CCtx *context = ZSTD_createCCtx();
	size_t capacity = ZSTD_compressBound(raw.size);
	char *data = memory_allocate(capacity);
	size_t written;

	assert(context != NULL);
	ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
	if (base.size > 0) {
		ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, WINDOW_LOG);
		ZSTD_CCtx_refPrefix(context, base.data, base.size);
	}
	written = ZSTD_compress2(context, data, capacity, raw.data, raw.size);
	ZSTD_freeCCtx(context);
	if (ZSTD_isError(written) || written >= raw.size) {
		free(data);
		return NULL;
	}
	*size = written;
	return data;
}

bool
snapshot_decompress(
	struct bytes data, struct bytes base, char *raw, size_t raw_size)
{
	ZSTD_DCtx *context = ZSTD_createDCtx();
	size_t written;

	assert(context != NULL);
	ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, WINDOW_LOG);
	if (base.size > 0)
		ZSTD_DCtx_refPrefix(context, base.data, base.size);
	written = ZSTD_decompressDCtx(
		context, raw, raw_size, data.data, data.size);
	ZSTD_freeDCtx(context);
	return !ZSTD_isError(written) && written == raw_size;
}

/* --- cutting --------------------------------------------------------- */

/* SplitMix64: any fixed and evenly spread numbers would do, but they must
 * never change. */
void
snapshot_cutter_init(struct snapshot_cutter *cutter)
{
	uint64_t state = 0;

	for (int i = 0; i < 256; i++) {
		uint64_t mixed = state += UINT64_C(0x9e3779b97f4a7c15);

		mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
		cutter->gear[i] = mixed ^ mixed >> 31;
	}
}

size_t
snapshot_cut(const struct snapshot_cutter *cutter, struct bytes rest)
{
	uint64_t hash = 0;
	size_t most =
		rest.size < SNAPSHOT_PIECE_MAX ? rest.size : SNAPSHOT_PIECE_MAX;

	for (size_t i = PIECE_MIN; i < most; i++) {
		hash = (hash << 1) + cutter->gear[(unsigned char)rest.data[i]];
		/* The upper bits have seen the most bytes. */
		if (hash >> (64 - PIECE_BITS) == 0)
			return i + 1;
	}
	return most;
}
