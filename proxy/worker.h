/* One thread, one event loop, its clients, its way to PostgreSQL.
 *
 * Workers share the server (settings, table, counters) and nothing else; they
 * ask each other for things with worker_post(). */
#ifndef PROXY_WORKER_H
#define PROXY_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client;
struct counters;
struct event_base;
struct request;
struct server;
struct ssl_st;
struct store;

enum { WORKER_READ_SIZE = 64 * 1024 };

struct worker {
	int index;
	struct server *server;
	struct event_base *base;
	struct store *store;
	struct counters *counters;
	_Atomic int client_count;
	struct client *clients; /* doubly linked */
	struct client *dirty; /* with output to write at the turn's end */
	struct client *monitors;
	struct client *starved; /* to be read again when storage drained */
	struct request *free_requests;
	int free_request_count;
	bool draining; /* reads no more from its clients */
	_Atomic bool drained; /* and all that was read is answered */
	char *read_buffer; /* WORKER_READ_SIZE, shared by its clients */
	/* Until then the loop looks for input instead of sleeping; see
	 * worker_note_input(). */
	int64_t busy_poll_us, awake_until_us;
	const struct client *last_active;
	int64_t shared_until_us;
	struct worker_state *state; /* private to worker.c */
};

/* Makes the worker's loop, on the caller's thread; storage is attached to it
 * before worker_start(). */
struct worker *worker_new(struct server *server, int index);
void worker_start(struct worker *worker);
/* Waits for the thread's end (see worker_stop()). */
void worker_join(struct worker *worker);
void worker_free(struct worker *worker);

/* From any thread: runs task(worker, arg) on the worker's thread, in the order
 * of posting. */
void worker_post(struct worker *worker,
	void (*task)(struct worker *worker, void *arg), void *arg);

/* From any thread: serves an accepted socket, with `tls` (NULL: none), which
 * becomes the worker's as well. */
void worker_take_socket(
	struct worker *worker, int socket, struct ssl_st *tls, bool local);

/* From any thread: stops reading from clients, and ends the loop once every
 * request of all workers is answered and its answer written, or at the
 * deadline. */
void worker_drain(struct worker *worker, int timeout_ms);

/* On the worker's thread: the client sent something.  While one client alone is
 * active, the worker does not sleep for a moment, as being woken costs both
 * sides more than the work that they wait for (the setting busy-poll). */
void worker_note_input(
	struct worker *worker, const struct client *client, int64_t now_us);
/* Whether that is so: nobody else's commands are worth waiting for. */
static inline bool
worker_serves_one(const struct worker *worker)
{
	return worker->awake_until_us > 0;
}

/* On the worker's thread. */
void worker_mark_dirty(struct worker *worker, struct client *client);
struct request *worker_take_request(struct worker *worker);
void worker_give_request(struct worker *worker, struct request *request);

#endif
