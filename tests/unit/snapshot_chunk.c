/* Chunks of snapshots: their names, how they are cut and compressed. */
#include "commands/snapshot_chunk.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 1 << 20 };

/* Bytes that no compression makes smaller. */
static char *
make_noise(size_t size)
{
	char *noise = malloc(size);
	uint64_t state = 1;

	for (size_t i = 0; i < size; i++) {
		state = state * UINT64_C(6364136223846793005) + 1;
		noise[i] = (char)(state >> 56);
	}
	return noise;
}

static void
expect_hash(struct bytes raw, struct bytes refs, const char *digits)
{
	char hash[SNAPSHOT_HASH_SIZE], text[65];

	snapshot_chunk_hash(raw, refs, hash);
	for (int i = 0; i < SNAPSHOT_HASH_SIZE; i++)
		snprintf(text + 2 * i, 3, "%02x", (unsigned char)hash[i]);
	cr_expect_str_eq(text, digits);
}

Test(snapshot_chunk, is_named_by_what_it_holds)
{
	/* printf '\0abc' | sha256sum; printf '\1%032dabc' 0 | sha256sum */
	expect_hash(bytes_of("abc"), (struct bytes){ 0 },
		"609f6e36d2405585188d5cfd761f407c"
		"7cc46a7d3f314c88270469dde315fcd1");
	expect_hash(bytes_of("abc"),
		bytes_of("00000000000000000000000000000000"),
		"4a0646e229b508bf61d9f19ff9caa7eb"
		"b4c2f8e24d259a77dde2f71ad9c4ce0d");
}

static void
expect_round(struct bytes raw, struct bytes base, size_t most)
{
	size_t size;
	char *data = snapshot_compress(raw, base, &size);
	char *back = malloc(raw.size + 1);

	cr_assert_not_null(data);
	cr_expect_leq(size, most);
	cr_assert(snapshot_decompress(
		(struct bytes){ data, size }, base, back, raw.size));
	cr_expect_eq(memcmp(back, raw.data, raw.size), 0);
	/* Another size, or a part of the data, is none. */
	cr_expect_not(snapshot_decompress(
		(struct bytes){ data, size }, base, back, raw.size - 1));
	cr_expect_not(snapshot_decompress(
		(struct bytes){ data, size - 1 }, base, back, raw.size));
	free(data);
	free(back);
}

Test(snapshot_chunk, comes_back)
{
	char *text = malloc(SIZE), *noise = make_noise(SIZE);
	size_t size;

	memset(text, 'x', SIZE);
	expect_round((struct bytes){ text, SIZE }, (struct bytes){ 0 }, 1000);
	expect_round((struct bytes){ text, 100 }, (struct bytes){ 0 }, 99);
	cr_expect_null(snapshot_compress(
		(struct bytes){ noise, SIZE }, (struct bytes){ 0 }, &size));
	/* Against a base the same noise takes next to nothing. */
	memcpy(text, noise, SIZE);
	memcpy(text + SIZE / 2, "changed", 7);
	expect_round((struct bytes){ text, SIZE },
		(struct bytes){ noise, SIZE }, 1000);
	free(text);
	free(noise);
}

Test(snapshot_chunk, that_would_be_too_large_stays_within_its_size)
{
	enum { ROOM = 1000 };
	char *zeros = calloc(1, SIZE), *room = malloc(ROOM);
	size_t size;
	char *data = snapshot_compress(
		(struct bytes){ zeros, SIZE }, (struct bytes){ 0 }, &size);

	cr_expect_not(snapshot_decompress(
		(struct bytes){ data, size }, (struct bytes){ 0 }, room, ROOM));
	free(zeros);
	free(room);
	free(data);
}

/* The cuts of `data`; how many. */
static size_t
cut_all(struct bytes data, size_t *cuts)
{
	struct snapshot_cutter cutter;
	size_t count = 0, at = 0;

	snapshot_cutter_init(&cutter);
	while (at < data.size) {
		size_t size = snapshot_cut(&cutter,
			(struct bytes){ data.data + at, data.size - at });

		cr_assert_gt(size, 0);
		cr_assert_leq(size, SNAPSHOT_PIECE_MAX);
		at += size;
		cuts[count++] = at;
	}
	cr_expect_eq(at, data.size);
	return count;
}

Test(snapshot_chunk, is_cut_where_its_content_says)
{
	static size_t cuts[SIZE], moved[SIZE];
	char *noise = make_noise(SIZE), *other = malloc(SIZE + 5);
	size_t count = cut_all((struct bytes){ noise, SIZE }, cuts);
	size_t same = 0, moved_count;

	cr_expect_gt(count, 16);
	cr_expect_lt(count, 100);
	memcpy(other, noise, SIZE / 3);
	memcpy(other + SIZE / 3, "12345", 5);
	memcpy(other + SIZE / 3 + 5, noise + SIZE / 3, SIZE - SIZE / 3);
	moved_count = cut_all((struct bytes){ other, SIZE + 5 }, moved);
	for (size_t i = 0, j = 0; i < count && j < moved_count; i++) {
		size_t wanted = cuts[i] + (cuts[i] > SIZE / 3 ? 5 : 0);

		while (j < moved_count && moved[j] < wanted)
			j++;
		same += j < moved_count && moved[j] == wanted;
	}
	cr_expect_geq(same + 3, count);
	free(noise);
	free(other);
}
