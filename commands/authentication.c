/* The one user, "default", whose password is the setting requirepass.
 *
 * Passwords are compared by their digests in constant time, so that the time
 * taken says nothing about them. */
#include "commands/authentication.h"

#include "commands/connection.h"
#include "commands/counters.h"
#include "commands/request.h"
#include "commands/server.h"
#include "storage/base/settings.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

bool
authentication_is_missing(
	const struct settings *settings, const struct connection *connection)
{
	return !connection->authenticated &&
		*settings_get_text(settings, requirepass) != '\0';
}

static bool
is_password(struct bytes given, const char *wanted)
{
	unsigned char a[SHA256_DIGEST_LENGTH], b[SHA256_DIGEST_LENGTH];

	SHA256((const unsigned char *)given.data, given.size, a);
	SHA256((const unsigned char *)wanted, strlen(wanted), b);
	return CRYPTO_memcmp(a, b, sizeof(a)) == 0;
}

bool
authentication_try(
	struct request *request, struct bytes user, struct bytes password)
{
	const char *wanted =
		settings_get_text(request->server->settings, requirepass);

	if (!bytes_equal(user, bytes_of("default")) ||
		(*wanted != '\0' && !is_password(password, wanted))) {
		counter_add(request->counters->authentication_failures, 1);
		return false;
	}
	request->connection->user = "default";
	request->connection->authenticated = true;
	return true;
}
