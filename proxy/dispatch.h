/* What every command passes between the parser and its handler: is it known,
 * are its arguments complete, may this client send it, may it start yet. */
#ifndef PROXY_DISPATCH_H
#define PROXY_DISPATCH_H

#include <stdbool.h>

struct client;
struct request;

/* A request was read: finds its command and its track.  Errors are kept for
 * dispatch_start(), which answers them in their turn. */
void dispatch_prepare(struct client *client, struct request *request);

/* Whether the request may run beside what the client has in flight. */
bool dispatch_may_start(struct client *client, const struct request *request);

/* Runs the handler, or answers with the error. */
void dispatch_start(struct client *client, struct request *request);

/* The request has finished: counters, slow log. */
void dispatch_account(struct request *request);

#endif
