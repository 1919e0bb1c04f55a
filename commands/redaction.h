/* Which arguments are secrets that MONITOR and SLOWLOG must not show. */
#ifndef COMMANDS_REDACTION_H
#define COMMANDS_REDACTION_H

#include "storage/base/bytes.h"

struct request;

/* argv[index] as it may be shown: itself, or "(redacted)". */
struct bytes redaction_argument(const struct request *request, int index);

#endif
