/* Secrets among arguments; the same ones that Redis hides
 * (redis 7.0.15, callers of redactClientCommandArgument), and sessions'. */
#include "commands/redaction.h"

#include "commands/request.h"
#include "commands/sessions.h"
#include "storage/base/settings.h"

#include <stdbool.h>

static bool
is_hello_secret(const struct request *request, int index)
{
	for (int i = 2; i < request->argc; i++) {
		if (request_is_word(request, i, "AUTH") && index > i)
			return index <= i + 2;
		if (request_is_word(request, i, "SETNAME"))
			i++;
	}
	return false;
}

/* Whether argv[index] follows the word AUTH or AUTH2 of a MIGRATE. */
static bool
is_migrate_secret(const struct request *request, int index)
{
	return index > 6 &&
		(request_is_word(request, index - 1, "AUTH") ||
			request_is_word(request, index - 1, "AUTH2") ||
			request_is_word(request, index - 2, "AUTH2"));
}

static bool
is_secret(const struct request *request, int index)
{
	if (index == 0)
		return false;
	if (request_is_word(request, 0, "AUTH"))
		return true;
	if (request_is_word(request, 0, "HELLO"))
		return is_hello_secret(request, index);
	if (request_is_word(request, 0, "MIGRATE"))
		return is_migrate_secret(request, index);
	if (request_is_word(request, 0, "ACL"))
		return index > 1 && request_is_word(request, 1, "SETUSER");
	if (request_is_word(request, 0, "SESSION"))
		return sessions_is_secret(request, index);
	if (request_is_word(request, 0, "CONFIG"))
		return index > 2 && index % 2 == 1 &&
			request_is_word(request, 1, "SET") &&
			settings_is_sensitive(request->argv[index - 1]);
	return false;
}

struct bytes
redaction_argument(const struct request *request, int index)
{
	return is_secret(request, index) ? bytes_of("(redacted)") :
					   request->argv[index];
}
