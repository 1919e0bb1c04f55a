/* CRC-64 by eight tables, eight bytes a step; see rdb_checksum.h.
 *
 * No library at hand has this polynomial (liblzma's is ECMA's).  The tables are
 * filled once and constant from then on. */
#include "commands/rdb_checksum.h"

#include <endian.h>
#include <pthread.h>
#include <string.h>

/* 0xad93d23594c935a9 with its bits in the opposite order. */
#define POLYNOMIAL UINT64_C(0x95ac9329ac4bc9b5)

static uint64_t tables[8][256];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void
fill_tables(void)
{
	for (unsigned byte = 0; byte < 256; byte++) {
		uint64_t sum = byte;

		for (int bit = 0; bit < 8; bit++)
			sum = (sum >> 1) ^ (sum & 1 ? POLYNOMIAL : 0);
		tables[0][byte] = sum;
	}
	for (int i = 1; i < 8; i++) {
		for (unsigned byte = 0; byte < 256; byte++) {
			uint64_t sum = tables[i - 1][byte];

			tables[i][byte] = tables[0][sum & 0xff] ^ (sum >> 8);
		}
	}
}

uint64_t
rdb_checksum(struct bytes data)
{
	const char *at = data.data;
	size_t left = data.size;
	uint64_t sum = 0;

	pthread_once(&tables_once, fill_tables);
	for (; left >= 8; left -= 8, at += 8) {
		uint64_t word;

		memcpy(&word, at, sizeof(word));
		word = le64toh(word) ^ sum;
		sum = 0;
		for (int i = 0; i < 8; i++)
			sum ^= tables[7 - i][(word >> (8 * i)) & 0xff];
	}
	for (; left > 0; left--, at++)
		sum = tables[0][(sum ^ (unsigned char)*at) & 0xff] ^ (sum >> 8);
	return sum;
}
