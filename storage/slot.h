/* Redis Cluster's hash slots.
 * Source: https://redis.io/docs/reference/cluster-spec/, "Key distribution
 * model"; CRC16/XMODEM. */
#ifndef STORAGE_SLOT_H
#define STORAGE_SLOT_H

#include "storage/base/bytes.h"

enum { SLOT_COUNT = 16384 };

/* 0 to SLOT_COUNT - 1: CRC16 of the key's hash tag, or of the whole key. */
int slot_of_key(struct bytes key);

#endif
