/* `respgres --check`: whether a database will do, in words for a person. */
#ifndef STORAGE_CHECK_H
#define STORAGE_CHECK_H

#include <stdbool.h>
#include <stdio.h>

/* Reaches the database of `conninfo` (a libpq connection string or URI) and
 * prints one line per finding to `out`: "ok", "warning" or "FAILED", what was
 * looked at, and what to do about it.  `connections_needed` is how many
 * connections this respgres may open.  Changes nothing in the database.
 * Returns false when anything failed; a warning is no failure. */
bool check_database(const char *conninfo, int connections_needed, FILE *out);

#endif
