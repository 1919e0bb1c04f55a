/* Accepts connections on TCP (with TLS or not) and unix sockets and deals them to workers.
 *
 * Runs on the main thread's loop. */
#ifndef PROXY_LISTENER_H
#define PROXY_LISTENER_H

#include <stdbool.h>

struct event_base;
struct listener;
struct server;
struct worker;

struct listener *listener_new(struct event_base *base, struct server *server,
	struct worker **workers, int worker_count);
/* Opens what the settings say: every address of `bind` at `port` and, with TLS,
 * at `tls-port`, and `unixsocket`.  False with a sentence in `error` (static or the listener's
 * own) when a needed one cannot be opened; `bind` addresses with a leading '-'
 * may be missing, as in Redis. */
bool listener_open(struct listener *listener, const char **error);
/* CONFIG SET port or bind: opens the new sockets, then closes the old ones;
 * keeps the old ones when that fails. */
bool listener_reopen_tcp(struct listener *listener, const char **error);
/* The same for the sockets with TLS. */
bool listener_reopen_tls(struct listener *listener, const char **error);
/* Takes certificates and the like anew, for connections to come; keeps the old
 * ones when that fails. */
bool listener_renew_tls(struct listener *listener, const char **error);
/* Stops accepting. */
void listener_close(struct listener *listener);
void listener_free(struct listener *listener);
/* "127.0.0.1:6379, [::1]:6379, /run/respgres.sock" for the banner. */
const char *listener_description(const struct listener *listener);

#endif
