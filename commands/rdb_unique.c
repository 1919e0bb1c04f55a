/* Whether names are all different; see rdb_unique.h.
 *
 * They are sorted by a hash, so that most comparisons look at neighbouring
 * numbers and not all over the memory, and by their bytes where hashes are
 * equal.  A hash table would have to be keyed against names that were made to
 * collide. */
#include "commands/rdb_unique.h"

#include "storage/base/bytes.h"
#include "storage/base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <xxhash.h>

struct hashed_name {
	uint64_t hash;
	const struct bytes *name;
};

static int
compare(const void *first, const void *second)
{
	const struct hashed_name *a = first, *b = second;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return bytes_compare(*a->name, *b->name);
}

bool
rdb_names_differ(const void *items, size_t count, size_t size)
{
	struct hashed_name *names;
	bool differ = true;

	if (count < 2)
		return true;
	names = memory_allocate_zeroed(count, sizeof(*names));
	for (size_t i = 0; i < count; i++) {
		names[i].name =
			(const struct bytes *)((const char *)items + i * size);
		names[i].hash =
			XXH3_64bits(names[i].name->data, names[i].name->size);
	}
	qsort(names, count, sizeof(*names), compare);
	for (size_t i = 1; i < count && differ; i++)
		differ = compare(&names[i - 1], &names[i]) != 0;
	free(names);
	return differ;
}
