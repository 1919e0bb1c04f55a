/* Counting of owners; see shared_bytes.h. */
#include "storage/base/shared_bytes.h"

#include "storage/base/memory.h"

#include <stdlib.h>

struct shared_bytes *
shared_bytes_new(size_t size)
{
	struct shared_bytes *bytes = memory_allocate(sizeof(*bytes) + size);

	atomic_init(&bytes->owners, 1);
	bytes->size = size;
	return bytes;
}

struct shared_bytes *
shared_bytes_keep(struct shared_bytes *bytes)
{
	atomic_fetch_add_explicit(&bytes->owners, 1, memory_order_relaxed);
	return bytes;
}

void
shared_bytes_release(struct shared_bytes *bytes)
{
	if (bytes != NULL &&
		atomic_fetch_sub_explicit(
			&bytes->owners, 1, memory_order_acq_rel) == 1)
		free(bytes);
}
