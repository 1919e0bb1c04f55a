/* What commands need from the process around them.
 *
 * proxy/ implements it; commands/ only knows these function pointers, so that
 * dependencies point one way.  All are called on the worker of `request`, except
 * where it says otherwise. */
#ifndef COMMANDS_HOST_H
#define COMMANDS_HOST_H

#include "storage/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct connection;
struct request;
struct server;
struct shared_bytes;
struct store;

/* Facts of a connection that only the socket's side knows (CLIENT LIST). */
struct connection_facts {
	char address[128], local_address[128];
	int socket;
	size_t query_size, query_free, arguments_size;
	size_t output_size, output_chunks;
	size_t total_memory;
	int requests; /* in flight */
	bool blocked, closing, unix_socket;
	char events[3]; /* "r", "rw" */
};

struct host {
	/* Visits every connection of the process, worker by worker, each on
	 * its own worker's thread, one worker after the other; then calls
	 * done(arg) on the caller's.  `visit` must not block. */
	void (*each_connection)(struct request *request,
		void (*visit)(struct connection *connection, void *arg),
		void *arg, void (*done)(void *arg));
	/* Runs visit(store, arg) on every worker's thread, one after the
	 * other, then done(arg) on the caller's. */
	void (*each_worker)(struct request *request,
		void (*visit)(struct store *store, void *arg), void *arg,
		void (*done)(void *arg));
	/* Calls done(arg) on the caller's worker, after every command that had
	 * arrived at any worker before. */
	void (*settle)(
		struct request *request, void (*done)(void *arg), void *arg);
	/* See request_when_first(), request_send_part(). */
	void (*when_first)(struct request *request);
	bool (*send_part)(struct request *request);
	void (*describe)(
		struct connection *connection, struct connection_facts *facts);
	/* From any thread: has run(arg) called on the connection's worker.
	 * The connection must have a request under way until then. */
	void (*post)(struct connection *connection, void (*run)(void *arg),
		void *arg);
	/* From any thread: the same on a worker's thread, by its number. */
	void (*post_to_worker)(struct server *server, int worker,
		void (*run)(void *arg), void *arg);
	/* On the connection's own worker: sends a message that answers no
	 * request, behind the answers sent so far.  `head` is RESP2's, and
	 * becomes RESP3's by another first byte; `body` is kept until it is
	 * sent. */
	void (*push)(struct connection *connection, struct bytes head,
		struct shared_bytes *body);
	/* On the connection's own worker. With `after_reply` its pending
	 * answers are still sent. */
	void (*close)(struct connection *connection, bool after_reply);
	/* CONFIG RESETSTAT: sets each worker's counters back to zero on its
	 * own thread, then calls done(arg) on the caller's. */
	void (*reset_statistics)(
		struct request *request, void (*done)(void *arg), void *arg);
	/* CLIENT PAUSE: holds back commands that start until `until_us`
	 * (monotonic); 0 ends the pause. */
	void (*pause)(
		struct server *server, int64_t until_us, bool writes_only);
	/* DEBUG SLEEP: keeps every worker from working for that long; returns
	 * when that is over. */
	void (*stall)(struct request *request, int64_t duration_us);
	/* Shows the connection every command, or ends that. */
	void (*set_monitor)(struct connection *connection, bool on);
};

#endif
