/* Allocation that cannot fail: out of memory ends the process with a log line,
 * because the state is in PostgreSQL and a restart is cheap.  Sizes are bytes.
 * Each result is released with free(). */
#ifndef STORAGE_BASE_MEMORY_H
#define STORAGE_BASE_MEMORY_H

#include <stddef.h>

void *memory_allocate(size_t size) __attribute__((malloc, returns_nonnull));
void *memory_allocate_zeroed(size_t count, size_t size)
	__attribute__((malloc, returns_nonnull));
void *memory_resize(void *block, size_t size) __attribute__((returns_nonnull));
char *memory_copy_string(const char *text)
	__attribute__((malloc, returns_nonnull));
char *memory_print(const char *format, ...)
	__attribute__((malloc, returns_nonnull, format(printf, 1, 2)));

#endif
