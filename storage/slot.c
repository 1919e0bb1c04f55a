/* CRC16 of a key's hash tag; see slot.h. */
#include "storage/slot.h"

#include <stdint.h>

/* CRC16/XMODEM by half bytes: a table of 16 entries stays in the cache. */
static uint16_t
crc16(const unsigned char *data, size_t size)
{
	static const uint16_t table[16] = {
		0x0000,
		0x1021,
		0x2042,
		0x3063,
		0x4084,
		0x50a5,
		0x60c6,
		0x70e7,
		0x8108,
		0x9129,
		0xa14a,
		0xb16b,
		0xc18c,
		0xd1ad,
		0xe1ce,
		0xf1ef,
	};
	uint16_t crc = 0;

	for (size_t i = 0; i < size; i++) {
		crc = (uint16_t)(crc << 4) ^
			table[(crc >> 12) ^ (data[i] >> 4)];
		crc = (uint16_t)(crc << 4) ^
			table[(crc >> 12) ^ (data[i] & 15)];
	}
	return crc;
}

int
slot_of_key(struct bytes key)
{
	const char *open = key.size ? memchr(key.data, '{', key.size) : NULL;
	const char *end = key.data + key.size, *close;

	if (open != NULL) {
		close = memchr(open + 1, '}', (size_t)(end - open - 1));
		if (close != NULL && close > open + 1)
			key = (struct bytes){ open + 1,
				(size_t)(close - open - 1) };
	}
	return crc16((const unsigned char *)key.data, key.size) % SLOT_COUNT;
}
