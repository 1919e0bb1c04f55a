/* Allocation that ends the process instead of failing; see memory.h. */
#include "storage/base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *
checked(void *block)
{
	if (block == NULL) {
		fputs("respgres: out of memory\n", stderr);
		abort();
	}
	return block;
}

void *
memory_allocate(size_t size)
{
	return checked(malloc(size ? size : 1));
}

void *
memory_allocate_zeroed(size_t count, size_t size)
{
	return checked(calloc(count ? count : 1, size ? size : 1));
}

void *
memory_resize(void *block, size_t size)
{
	return checked(realloc(block, size ? size : 1));
}

char *
memory_copy_string(const char *text)
{
	return checked(strdup(text));
}

char *
memory_print(const char *format, ...)
{
	char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	return checked(text);
}
