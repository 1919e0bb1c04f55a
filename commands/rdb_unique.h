/* Whether names are all different. */
#ifndef COMMANDS_RDB_UNIQUE_H
#define COMMANDS_RDB_UNIQUE_H

#include <stdbool.h>
#include <stddef.h>

/* `items` are `count` structs of `size` bytes, whose first member is a struct
 * bytes.  Takes count * log(count) steps whatever the names are, and 16 bytes
 * for each meanwhile. */
bool rdb_names_differ(const void *items, size_t count, size_t size);

#endif
