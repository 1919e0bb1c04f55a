/* Which arguments of SESSION must not be shown: tokens, and values of fields.
 *
 * What cannot be understood counts as a secret from there on. */
#include "commands/sessions.h"

#include "commands/request.h"

#include <stddef.h>

/* Words with how many arguments follow, and which of these is a secret (0:
 * none). */
struct option {
	const char *word;
	int count, secret;
};

enum {
	REST = -1, /* all that follow */
	VALUES = -1, /* every second one */
};

static const struct option options[] = {
	{ "ABSOLUTE", 1, 0 },
	{ "ACTIVE", 1, 0 },
	{ "AGENT", 1, 0 },
	{ "BY", 1, 0 },
	{ "COUNT", 1, 0 },
	{ "CURSOR", 1, 0 },
	{ "DATA", REST, VALUES },
	{ "DEVICE", 1, 0 },
	{ "EXCEPT", 1, 0 },
	{ "FIELD", 2, 2 },
	{ "GENERATE", 0, 0 },
	{ "ID", 1, 0 },
	{ "IDLE", 1, 0 },
	{ "IDS", REST, 0 },
	{ "IP", 1, 0 },
	{ "SINCE", 1, 0 },
	{ "TOKEN", 1, 1 },
	{ "TOP", 1, 0 },
	{ "TTL", 1, 0 },
	{ "USER", 1, 0 },
	{ "WITHDATA", 0, 0 },
};

static const struct option *
find_option(const struct request *request, int index)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (request_is_word(request, index, options[i].word))
			return &options[i];
	return NULL;
}

/* LIMIT is followed by one word more in CREATE than elsewhere, where that is an
 * option itself or nothing. */
static int
skip_limit(const struct request *request, int at)
{
	bool has_word = at + 2 < request->argc &&
		(request_is_word(request, at + 2, "EVICT") ||
			request_is_word(request, at + 2, "REJECT"));

	return at + (has_word ? 3 : 2);
}

static bool
is_secret_option(const struct request *request, int first, int index)
{
	for (int at = first; at <= index;) {
		const struct option *option = find_option(request, at);

		if (request_is_word(request, at, "LIMIT")) {
			at = skip_limit(request, at);
			continue;
		}
		if (option == NULL)
			return true;
		if (option->count == REST)
			return option->secret == VALUES && index > at &&
				(index - at) % 2 == 0;
		if (index <= at + option->count)
			return option->secret != 0 &&
				index == at + option->secret;
		at += option->count + 1;
	}
	return false;
}

bool
sessions_is_secret(const struct request *request, int index)
{
	if (index < 2)
		return false;
	if (request_is_word(request, 1, "TOKEN"))
		return true;
	if (request_is_word(request, 1, "SET"))
		return index >= 4 && index % 2 == 0;
	if (request_is_word(request, 1, "ROTATE"))
		return index > 2 && is_secret_option(request, 3, index);
	if (request_is_word(request, 1, "CREATE") ||
		request_is_word(request, 1, "LIST") ||
		request_is_word(request, 1, "COUNT") ||
		request_is_word(request, 1, "BULKDEL"))
		return is_secret_option(request, 2, index);
	return false;
}
