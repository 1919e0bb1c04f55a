/* One client's connection: input, requests in flight, output in order.
 *
 * Requests stand in a queue in the order in which they were read.  They may be
 * finished in any order; their replies leave in the queue's.  dispatch.h says
 * when the next one may start; until then the client is not read any further,
 * so one client holds a bounded number of requests.
 *
 * A client lives until its socket is closed and its last request has finished.
 * All functions run on its worker's thread. */
#ifndef PROXY_CLIENT_H
#define PROXY_CLIENT_H

#include "commands/connection.h"
#include "storage/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>

struct connection_facts;
struct event;
struct evbuffer;
struct parser;
struct request;
struct shared_bytes;
struct ssl_st;
struct worker;

/* What is in flight decides what may start; see dispatch.c. */
enum track {
	TRACK_FREE, /* needs nothing of the others */
	TRACK_READ, /* one key, read */
	TRACK_WRITE, /* one key, written */
	TRACK_READ_MANY, /* several keys, read in one snapshot */
	TRACK_JOINT, /* several keys, written */
	TRACK_ALONE, /* everything else */
	TRACK_COUNT
};

struct client {
	struct connection connection; /* first: see client_of() */
	struct worker *worker;
	int socket; /* -1 once closed */
	struct ssl_st *tls; /* NULL: none; see tls.h */
	struct event *readable, *writable;
	struct parser *parser; /* NULL while idle */
	struct evbuffer *output; /* NULL while idle */
	struct client *next, **previous; /* the worker's list */
	struct client *next_dirty, *next_starved, *next_monitor;
	bool dirty, starved;
	bool want_write; /* the socket was full */
	bool reads_when_writable; /* TLS has to write before it can read */
	bool closing; /* write what is left, then close */
	bool ended; /* the peer sent its last byte */
	bool in_process; /* client_process() is on the stack */
	bool paused; /* held back by CLIENT PAUSE; see pause.h */
	struct request *first, **last; /* in flight, in order */
	struct request *partial; /* being read, or read and held back */
	bool held; /* `partial` is complete and may not start yet */
	int in_flight;
	int tracks[TRACK_COUNT]; /* in flight, of each */
	int64_t soft_limit_since_us;
	int64_t stuck_since_us; /* a part waits for room; 0: none */
	size_t reply_size; /* what the next replies are taken to be */
};

/* Takes over `socket`, which is non-blocking, and `tls` (NULL: none). */
struct client *client_new(
	struct worker *worker, int socket, struct ssl_st *tls, bool local);

static inline struct client *
client_of(struct connection *connection)
{
	return (struct client *)connection;
}

/* Parses and starts what it can, then asks for more input. */
void client_process(struct client *client);
/* Writes what is pending; called at the end of the loop's turn. */
void client_flush(struct client *client);
/* Closes the socket now, or after its pending output; requests in flight go on
 * without a reader. */
void client_close(struct client *client, bool after_output);
/* Frees the client with whatever it has in flight: when its worker ended. */
void client_abandon(struct client *client);
/* Frees memory that an idle client does not need, and closes it when it has
 * been idle for `timeout`; called about once a second. */
void client_tick(struct client *client, int64_t now_us);
void client_describe(struct client *client, struct connection_facts *facts);
/* Sends RESP that answers no request, behind the answers sent so far. */
void client_push(struct client *client, struct bytes resp);
/* The same whatever CLIENT REPLY says, in the client's protocol: see push() in
 * commands/host.h. */
void client_push_shared(
	struct client *client, struct bytes head, struct shared_bytes *body);
/* Lets a request that wants to be the first of those in flight start, if it is
 * (request_when_first()). */
void client_start_when_first(struct client *client);
/* Sends what the first request has replied so far; false when the client has
 * not read enough of it: the request's when_room is called when it has. */
bool client_send_part(struct client *client, struct request *request);
/* Bytes of output not yet written. */
size_t client_output_size(const struct client *client);

#endif
