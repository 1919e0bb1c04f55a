/* A snapshot while it is made; what the files that make one share. */
#ifndef COMMANDS_SNAPSHOT_CREATION_H
#define COMMANDS_SNAPSHOT_CREATION_H

#include "commands/rdb_sink.h"
#include "commands/snapshot_store.h"
#include "commands/snapshots.h"
#include "storage/base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

struct capture;
struct request;

enum { SNAPSHOT_TEXT_MAX = 64 << 10 }; /* bytes that search looks at */

struct creation {
	struct request *request;
	struct bytes agent;
	struct snapshot_options options;
	char kind; /* d data, k keys */
	struct snapshot_error error;
	struct snapshot_writer *writer;
	/* Calls for more chunks when the writer has room. */
	void (*feed)(struct creation *creation);
	bool fed; /* the writer has got all */
	bool adding; /* the last step is under way */
	struct rdb_sink base; /* hashes of what it may resemble */
	struct rdb_sink roots; /* hashes of its uppermost chunks */
	struct bytes source; /* what its text is made of */
	int64_t created_at, key_count;
	char checksum[SNAPSHOT_HASH_SIZE];
	struct capture *capture;
	/* Data: how much of it has been fed. */
	size_t position;
};

/* The request's, with options that were not given; ends with a reply of the
 * snapshot's id. */
struct creation *creation_new(struct request *request, char kind);
/* Checks the facts, finds what it may resemble, and then begin() is called. */
void creation_begin(
	struct creation *creation, void (*begin)(struct creation *creation));
/* Goes on when the writer has got more, or all: makes the snapshot when it has
 * stored that, or replies the error. */
void creation_continue(struct creation *creation);
/* A chunk that is one of the uppermost. */
void creation_add_root(struct creation *creation, struct bytes raw,
	struct bytes refs, const char *base);
/* The hash of the n-th uppermost chunk of what it may resemble, or NULL. */
const char *creation_base_root(const struct creation *creation, size_t number);

/* snapshots_capture.c: begins to read the keys. */
void capture_begin(struct creation *creation);
void capture_free(struct capture *capture);

#endif
