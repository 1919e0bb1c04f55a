/* Long keys in indexes; see indexed_key.h. */
#include "storage/indexed_key.h"

#include <openssl/sha.h>

void
indexed_key_make(struct bytes key, char form[static INDEXED_KEY_SIZE])
{
	memcpy(form, key.data, INDEXED_KEY_PREFIX);
	SHA256((const unsigned char *)key.data, key.size,
		(unsigned char *)form + INDEXED_KEY_PREFIX);
}
