/* Commands typed as a line, as through telnet: words, with quotes. */
#ifndef PROXY_INLINE_COMMAND_H
#define PROXY_INLINE_COMMAND_H

#include "storage/base/bytes.h"

#include <stdbool.h>

struct request;

/* Appends the words of `line` as arguments.  "…" knows the escapes \n \r \t
 * \b \a \xHH and \c for any other c; '…' knows \'.  False: unbalanced quotes,
 * or text right behind a closing quote.
 * Source: Redis 7.0.15, sds.c (sdssplitargs). */
bool inline_command_split(struct bytes line, struct request *request);

#endif
