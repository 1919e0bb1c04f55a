/* What a client's connection is in, as far as commands know and change it.
 *
 * proxy/ embeds one in each client.  It belongs to one worker and is touched
 * on that worker's thread only. */
#ifndef COMMANDS_CONNECTION_H
#define COMMANDS_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

struct blocked;
struct command;
struct request;
struct subscriptions;

enum unblock_reason {
	UNBLOCK_TIMEOUT, /* as its timeout does */
	UNBLOCK_ERROR, /* with the error UNBLOCKED */
	UNBLOCK_CLOSED, /* nobody is there to read an answer */
};

enum reply_mode {
	REPLY_ON,
	REPLY_OFF,
	REPLY_SKIP_NEXT, /* CLIENT REPLY SKIP was just read */
	REPLY_SKIP, /* this request is the one */
};

struct connection {
	uint64_t id; /* from 1, never used again */
	int worker; /* its number; the connection stays there */
	int db;
	int protocol; /* 2 or 3 */
	bool authenticated;
	const char *user; /* "default"; not owned */
	char *name; /* CLIENT SETNAME; owned, NULL: none */
	char *library_name, *library_version; /* CLIENT SETINFO; owned */
	enum reply_mode reply_mode;
	bool no_evict, no_touch, monitor;
	bool close_after_reply; /* QUIT and fatal errors */
	bool gone; /* its peer has closed, or it was closed */
	bool local; /* came over a unix or loopback socket */
	int64_t created_us, last_used_us; /* monotonic */
	const struct command *last_command;
	uint64_t commands, bytes_in, bytes_out;
	/* Set while a command of the connection blocks: ends it. */
	void (*unblock)(
		struct connection *connection, enum unblock_reason reason);
	struct blocked *blocked; /* blocking.c's own */
	/* pubsub_hub.c's own; NULL: it subscribes to nothing. */
	struct subscriptions *subscriptions;
	/* Set by proxy/: ends a request of this connection. */
	void (*finish)(struct request *request);
};

#endif
