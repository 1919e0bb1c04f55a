/* Bytes that several owners share, on any threads, and nobody changes.
 *
 * The last one to release them frees them. */
#ifndef STORAGE_BASE_SHARED_BYTES_H
#define STORAGE_BASE_SHARED_BYTES_H

#include <stdatomic.h>
#include <stddef.h>

struct shared_bytes {
	atomic_int owners;
	size_t size;
	char data[];
};

/* For one owner, who fills them before anybody else sees them. */
struct shared_bytes *shared_bytes_new(size_t size);
/* For one owner more. */
struct shared_bytes *shared_bytes_keep(struct shared_bytes *bytes);
/* NULL is allowed. */
void shared_bytes_release(struct shared_bytes *bytes);

#endif
