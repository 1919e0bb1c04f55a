/* The SQL texts that the build embeds; see statement.h. */
#include "storage/statement.h"

#include "storage/base/memory.h"

#include <stdlib.h>
#include <string.h>

static const struct statement statements[STATEMENT_COUNT] = {
#define SQL(name, mode, single, write, repeats, distinct, text) \
	{ #name, mode, SQL_##single, write, repeats, distinct, text },
#include "statements.def"
#undef SQL
};

const struct statement *
statement_get(enum statement_id id)
{
	return &statements[id];
}

char *
statement_text_for_schema(const char *text, enum schema schema)
{
	static const char from[] = "respgres.", to[] = "respgres_cache.";
	size_t extra = 0;
	char *copy, *out;
	const char *at;

	if (schema == SCHEMA_LOGGED)
		return memory_copy_string(text);
	for (at = text; (at = strstr(at, from)) != NULL; at += sizeof(from) - 1)
		extra += sizeof(to) - sizeof(from);
	out = copy = memory_allocate(strlen(text) + extra + 1);
	while ((at = strstr(text, from)) != NULL) {
		memcpy(out, text, at - text);
		out += at - text;
		memcpy(out, to, sizeof(to) - 1);
		out += sizeof(to) - 1;
		text = at + sizeof(from) - 1;
	}
	memcpy(out, text, strlen(text) + 1);
	return copy;
}
