/* Where the machine's own PostgreSQL server programs are. */
#ifndef STORAGE_EMBEDDED_BINARIES_H
#define STORAGE_EMBEDDED_BINARIES_H

#include "storage/embedded_process.h"

#include <stdbool.h>
#include <stddef.h>

enum { BINARIES_OLDEST_MAJOR = 14 };

struct binaries {
	char *directory; /* holds initdb and postgres; freed by the caller */
	int major; /* 15 */
};

/* Finds the newest PostgreSQL >= 14 that has initdb and postgres.
 *
 *   directory  where to look and nowhere else, or NULL or "" to search
 *   major      the version an existing cluster needs, or 0 for the newest
 *   user       whom to run `postgres --version` as
 *
 * With `major` given and another found, the newest is returned all the same:
 * the caller compares, and can name both.  Returns false with a sentence in
 * `error` when there is none. */
bool binaries_find(const char *directory, int major,
	const struct process_user *user, struct binaries *found, char *error,
	size_t error_size);

#endif
