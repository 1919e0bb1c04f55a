/* What the files of DUMP and RESTORE share. */
#ifndef COMMANDS_DUMP_H
#define COMMANDS_DUMP_H

#include <stdbool.h>
#include <stdint.h>

struct call;
struct rdb_value;
struct request;
struct result;

/* What RESTORE's options say. */
struct restore_options {
	bool replace, absolute;
	int64_t idle_s; /* -1: not given */
	int64_t frequency; /* -1: not given */
	int64_t ttl; /* ms from now or since 1970; 0: none */
};

/* Sends the value to its key, argv[1]; `done` is the continuation of `arg`.
 * The value stays the caller's, until then.  False when it is too large for a
 * message to PostgreSQL: nothing was sent. */
bool restore_send(struct request *request,
	const struct restore_options *options, const struct rdb_value *value,
	void (*done)(void *arg, const struct result *result), void *arg);

/* restore.c */
void cmd_restore(struct request *request);

#endif
