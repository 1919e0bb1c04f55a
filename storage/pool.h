/* Watches the lanes, and changes them while calls go on.
 *
 * The pool is what an operator sees of the lanes: classes of connections with
 * sizes, a state, a past.  Each storage class in use has lanes of every class.
 * Changes are made one after another; those that come meanwhile wait.  While
 * one is made calls may wait, but none fails, is lost or overtakes another on
 * its key:
 *
 *	resize     new lanes connect ─▶ all stores hold their calls ─▶ the lanes
 *	           run empty ─▶ keys are dealt out anew ─▶ held calls are sent
 *	pause      batches under way end, lanes send nothing until the resume
 *	reconnect  lane by lane, between two batches
 *
 * All functions are called on the thread of `store`, where done() is called
 * as well, later. */
#ifndef STORAGE_POOL_H
#define STORAGE_POOL_H

#include "storage/base/bytes.h"
#include "storage/lane_facts.h"
#include "storage/pool_tune.h"
#include "storage/store.h"

#include <stdbool.h>
#include <stdint.h>

struct pool;
struct storage;
struct store;

enum pool_class {
	POOL_POINT, /* commands on one key */
	POOL_TRANSACTION, /* writes to several keys */
	POOL_BULK, /* slow reads */
	POOL_STREAM, /* long answers, one a worker */
	POOL_LISTENER, /* notifications */
	POOL_ADMIN, /* the pool's own questions, the sweeper */
	POOL_CLASS_COUNT
};

const char *pool_class_name(enum pool_class class);
/* By name, in any case; false: there is none. */
bool pool_class_find(struct bytes name, enum pool_class *class);
enum pool_class pool_class_of(enum lane_kind kind);

struct pool_size {
	int lanes, least, most; /* of each storage class */
	bool fixed; /* cannot be changed */
};

/* From any thread. */
struct pool_size pool_size(
	const struct storage *storage, enum pool_class class);
/* How many connections the process may open when each storage class in use has
 * `lanes` lanes of the class. */
int pool_connections(
	const struct storage *storage, enum pool_class class, int lanes);
/* The machine that PostgreSQL runs on, when it is this one. */
struct pool_machine {
	int64_t memory; /* bytes; 0: another machine, unknown */
	int cores;
};
struct pool_machine pool_machine(const struct storage *storage);
/* Whether the autotuner is on. */
bool pool_is_tuned(const struct storage *storage);

/* A connection without a lane. */
struct pool_background {
	enum pool_class class;
	bool used, active;
	int backend_pid; /* 0: not connected */
};

struct pool_facts {
	struct pool_background background[PLACE_COUNT];
	struct lane_facts *lanes;
	int count, capacity;
	int used_classes; /* storage classes in use */
	bool paused;
};

/* Reads every lane on its own thread.  done() takes over the facts. */
void pool_read(struct store *store,
	void (*done)(void *arg, struct pool_facts *facts), void *arg);
void pool_facts_free(struct pool_facts *facts);

enum { POOL_ERROR_SIZE = 400, POOL_DECISIONS_MAX = 64 };

struct pool_outcome {
	char error[POOL_ERROR_SIZE]; /* a sentence; "": it succeeded */
	int before, after; /* lanes, of a resize */
	int count; /* connections replaced or closed */
};

typedef void (*pool_done)(void *arg, const struct pool_outcome *outcome);

/* Sets the bounds, and the number of lanes to the nearest within them. */
void pool_resize(struct store *store, enum pool_class class, int least,
	int most, pool_done done, void *arg);
/* Done when no batch is under way.  Where that takes longer, the pause is
 * ended again. */
void pool_pause(
	struct store *store, int64_t timeout_ms, pool_done done, void *arg);
void pool_resume(struct store *store, pool_done done, void *arg);
/* The process ends: nothing is paused or tuned any more.  From any thread. */
void pool_close(struct storage *storage);
void pool_reconnect(struct store *store, pool_done done, void *arg);
/* Ends the connections that have had nothing to do for so long. */
void pool_close_idle(
	struct store *store, int64_t idle_us, pool_done done, void *arg);

struct pool_decision {
	int64_t time_us; /* wall clock */
	enum pool_class class;
	int before, after;
	bool failed;
	char reason[TUNE_REASON_SIZE];
};

struct pool_tuning {
	bool on;
	struct tune_sample samples[POOL_CLASS_COUNT]; /* of the last second */
	bool sampled[POOL_CLASS_COUNT];
	struct pool_decision decisions[POOL_DECISIONS_MAX]; /* newest first */
	int count;
};

void pool_set_tuning(struct store *store, bool on, pool_done done, void *arg);
/* The tuning is valid until done() returns. */
void pool_read_tuning(struct store *store,
	void (*done)(void *arg, const struct pool_tuning *tuning), void *arg);

/* For store.c: before the workers run, and when they have ended. */
struct pool *pool_new(struct storage *storage);
void pool_free(struct pool *pool);

#endif
