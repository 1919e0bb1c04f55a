/* Who a connection is: passwords, and AUTH's part of HELLO. */
#ifndef COMMANDS_AUTHENTICATION_H
#define COMMANDS_AUTHENTICATION_H

#include "storage/base/bytes.h"

#include <stdbool.h>

struct connection;
struct request;
struct settings;

/* Whether the connection must log in before it may run commands. */
bool authentication_is_missing(
	const struct settings *settings, const struct connection *connection);

/* Logs the request's connection in when name and password are right; counts
 * the failure when they are not. */
bool authentication_try(
	struct request *request, struct bytes user, struct bytes password);

#endif
