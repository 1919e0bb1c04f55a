/* The settings of an embedded PostgreSQL. */
#ifndef STORAGE_EMBEDDED_SETTINGS_H
#define STORAGE_EMBEDDED_SETTINGS_H

#include "storage/embedded.h"

#include <stdbool.h>
#include <stddef.h>

/* Bytes of memory this process may count on: the machine's, or less when a
 * control group limits it. */
size_t embedded_settings_find_memory(void);

/* Whether the user may set `name`: some settings hold the embedded PostgreSQL
 * together (port, directories). */
bool embedded_settings_may_change(const char *name);

/* The text of the settings file, with the user's settings last so that they
 * win.  `memory` in bytes; `compression` is the value of wal_compression.
 * Freed by the caller. */
char *embedded_settings_print(size_t memory, const char *compression,
	const struct embedded_setting *settings, size_t setting_count);

#endif
