/* CLIENT PAUSE: holds commands back for a while. */
#ifndef PROXY_PAUSE_H
#define PROXY_PAUSE_H

#include <stdbool.h>
#include <stdint.h>

struct request;
struct server;

/* Whether the request may not start now because of a pause; its client is
 * processed again when the pause ends. */
bool pause_holds(const struct server *server, const struct request *request);
/* As host.pause says. */
void pause_set(struct server *server, int64_t until_us, bool writes_only);

#endif
