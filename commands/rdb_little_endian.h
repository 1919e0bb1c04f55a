/* Numbers of one to eight bytes in little endian, at any address. */
#ifndef COMMANDS_RDB_LITTLE_ENDIAN_H
#define COMMANDS_RDB_LITTLE_ENDIAN_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t
little_endian_unsigned(const uint8_t *bytes, size_t size)
{
	uint64_t number = 0;

	for (size_t i = size; i-- > 0;)
		number = number << 8 | bytes[i];
	return number;
}

/* Two's complement. */
static inline int64_t
little_endian_signed(const uint8_t *bytes, size_t size)
{
	unsigned unused = 64 - 8 * (unsigned)size;

	return (int64_t)(little_endian_unsigned(bytes, size) << unused) >>
		unused;
}

static inline void
little_endian_store(uint8_t *bytes, size_t size, uint64_t number)
{
	for (size_t i = 0; i < size; i++, number >>= 8)
		bytes[i] = (uint8_t)number;
}

#endif
