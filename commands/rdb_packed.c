/* What the packed forms have in common; see rdb_packed.h. */
#include "commands/rdb_packed.h"

#include "storage/base/number.h"

#include <string.h>

bool
rdb_element_text(const struct rdb_element *element, struct rdb_arena *arena,
	struct bytes *text)
{
	char digits[NUMBER_INT64_SIZE];
	size_t size;
	char *copy;

	if (!element->is_number) {
		*text = element->text;
		return true;
	}
	size = number_print_int64(digits, element->number);
	copy = rdb_arena_allocate(arena, size);
	if (copy == NULL)
		return false;
	memcpy(copy, digits, size);
	*text = (struct bytes){ copy, size };
	return true;
}
