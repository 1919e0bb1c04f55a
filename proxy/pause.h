/* CLIENT PAUSE: holds commands back for a while. */
#ifndef PROXY_PAUSE_H
#define PROXY_PAUSE_H

#include <stdbool.h>
#include <stdint.h>

struct client;
struct request;
struct server;

/* Whether the client's request may not start now because of a pause; the
 * client counts as blocked then, and is processed again when the pause ends. */
bool pause_holds(struct client *client, const struct request *request);
/* The client does not wait for the end of a pause any more. */
void pause_forget(struct client *client);
/* As host.pause says. */
void pause_set(struct server *server, int64_t until_us, bool writes_only);

#endif
