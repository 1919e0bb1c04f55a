/* One command of one connection, from its arguments to its answer.
 *
 * A handler (command.run) is called once, on the worker that owns the
 * connection, and either writes the reply and calls request_finish(), or
 * starts a call on storage whose continuation does so later on the same
 * thread.  request_finish() is called exactly once.  The request_reply_*()
 * forms write and finish in one step.
 *
 * argv, arena memory and the reply live until request_finish() returns.  The
 * connection may be closed by its peer in between; the request lives on, its
 * reply is then thrown away. */
#ifndef COMMANDS_REQUEST_H
#define COMMANDS_REQUEST_H

#include "commands/command.h"
#include "commands/reply.h"
#include "storage/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct addition;
struct blocked;
struct connection;
struct counters;
struct listing_state;
struct server;
struct store;
struct result;

enum { REQUEST_ARENA_SIZE = 512, REQUEST_INLINE_ARGUMENTS = 8 };

/* A block of memory that dies with the request. */
struct request_block;

struct request {
	struct bytes *argv; /* argv[0] is the command's name as it was sent */
	int argc;
	int db; /* the connection's database when the request was read */
	const struct command *command;
	struct connection *connection;
	struct server *server; /* the process: settings, counters, host */
	struct store *store; /* this worker's way to PostgreSQL */
	struct reply reply;
	/* For the handler's own use between its steps. */
	void *state;
	struct listing_state *listing; /* listing.c's own */
	int64_t started_us; /* monotonic; when the handler was called */
	struct counters *counters; /* this worker's */
	/* Where its calls on keys go: ROUTE_KEY, or ROUTE_JOINT for a write
	 * to several keys (enum call_route). */
	int route;
	int key_count;
	bool single_lane; /* relies on the order that one lane keeps */

	/* In a transaction or script, where nothing waits. */
	bool never_blocks;
	/* blocking.c's own: what it waits with, and whom it wakes. */
	struct blocked *blocked;
	struct addition *addition;

	/* Set by request_when_first() and request_send_part(). */
	void (*when_first)(struct request *request);
	void (*when_room)(struct request *request);

	/* The reply is sent whatever CLIENT REPLY says. */
	bool is_push;

	/* For proxy/ and request.c. */
	struct request *next; /* the connection's next request */
	bool finished;
	int track; /* enum track of proxy/client.h */
	const char *refusal; /* the error it is answered with, or NULL */
	int argument_capacity;
	struct request_block *blocks;
	size_t arena_used;
	struct bytes inline_arguments[REQUEST_INLINE_ARGUMENTS];
	_Alignas(16) char arena[REQUEST_ARENA_SIZE];
};

/* An empty request; release it with request_free(). */
struct request *request_new(void);
/* Gives back everything but the request itself, which is then empty again. */
void request_reset(struct request *request);
void request_free(struct request *request);
/* Appends an argument: `data` stays the caller's and must live as long as the
 * request (see request_allocate()). */
void request_append_argument(struct request *request, struct bytes data);
/* Makes the request free `block` (from malloc) when it ends. */
void request_take_block(struct request *request, void *block);

/* Ends the request: the reply leaves when all earlier ones have. */
void request_finish(struct request *request);

/* Answers of unbounded length leave in parts.  Calls start(request) when the
 * request is the first of its connection's that is not finished, maybe at
 * once: only then request_send_part() is allowed. */
void request_when_first(
	struct request *request, void (*start)(struct request *request));
/* Sends what was replied so far.  False when the client is slow to read it:
 * room(request) is called later, when more is wanted. */
bool request_send_part(
	struct request *request, void (*room)(struct request *request));
/* Ends a request that has sent a part and cannot send the rest: the connection
 * is closed, which is the only way to say so. */
void request_break_off(struct request *request);

void request_reply_ok(struct request *request);
void request_reply_error(struct request *request, const char *text);
void request_reply_errorf(struct request *request, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void request_reply_integer(struct request *request, int64_t value);
void request_reply_bulk(struct request *request, struct bytes value);
void request_reply_null(struct request *request);

/* Memory that lives as long as the request; aligned for any type. */
void *request_allocate(struct request *request, size_t size);
/* A NUL-terminated copy in the request's memory, which ends for readers of C
 * strings at the first NUL of `text`. */
const char *request_copy_text(struct request *request, struct bytes text);

/* Typed readers of argv[index].  On failure they have replied with Redis'
 * text and finished the request: the handler just returns. */
bool request_read_int64(struct request *request, int index, int64_t *value);
/* The same with an error text of the caller's instead of "ERR value is not an
 * integer or out of range". */
bool request_read_int64_or(
	struct request *request, int index, int64_t *value, const char *error);
bool request_read_double(struct request *request, int index, double *value);
/* The cursor of a listing that Redis does not have: a number from 0 on; fails
 * as the readers do.  Redis' own scans: keys_read_cursor(). */
bool request_parse_cursor(
	struct request *request, struct bytes word, int64_t *cursor);

/* Whether argv[index] is `word`, in any case. */
bool request_is_word(
	const struct request *request, int index, const char *word);

/* Replies "ERR syntax error" and finishes. */
void request_reply_syntax_error(struct request *request);

/* Replies for a result that is not STORE_OK (database away, and so on), with
 * the text that errors.h gives it, and finishes; returns true when it did. */
bool request_failed(struct request *request, const struct result *result);

#endif
