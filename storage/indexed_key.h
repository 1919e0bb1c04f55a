/* The form of a key that indexes hold: SQL's respgres.indexed(), in C.
 *
 * An index entry takes no more than about 2,700 bytes, so a key of 1,024 bytes
 * or more stands there as its first 992 bytes and its SHA-256. */
#ifndef STORAGE_INDEXED_KEY_H
#define STORAGE_INDEXED_KEY_H

#include "storage/base/bytes.h"

#include <stdbool.h>

enum { INDEXED_KEY_SIZE = 1024, INDEXED_KEY_PREFIX = 992 };

/* Whether the key is its own indexed form. */
static inline bool
indexed_key_is_plain(struct bytes key)
{
	return key.size < INDEXED_KEY_SIZE;
}

/* Writes the form of a key that is not plain. */
void indexed_key_make(struct bytes key, char form[static INDEXED_KEY_SIZE]);

#endif
