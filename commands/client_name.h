/* The names that a client gives itself. */
#ifndef COMMANDS_CLIENT_NAME_H
#define COMMANDS_CLIENT_NAME_H

#include "storage/base/bytes.h"

#include <stdbool.h>

struct connection;

#define ERROR_CLIENT_NAME \
	"ERR Client names cannot contain spaces, newlines or special characters."

/* Replaces the owned text `*name`; an empty one makes it NULL.  False when it
 * has characters that would break the lines of CLIENT LIST. */
bool client_name_set(char **name, struct bytes value);

#endif
