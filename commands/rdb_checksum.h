/* CRC-64 as Redis computes it: the Jones polynomial, reflected, from 0. */
#ifndef COMMANDS_RDB_CHECKSUM_H
#define COMMANDS_RDB_CHECKSUM_H

#include "storage/base/bytes.h"

#include <stdint.h>

uint64_t rdb_checksum(struct bytes data);

#endif
