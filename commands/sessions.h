/* The handlers of SESSION's subcommands, and what they share. */
#ifndef COMMANDS_SESSIONS_H
#define COMMANDS_SESSIONS_H

#include "storage/base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

struct reply;
struct request;
struct result;

enum {
	/* Of an id, a user and an address: they must fit an index. */
	SESSION_NAME_MAX = 512,
	SESSION_TEXT_MAX = 4096, /* of an agent and a device */
	SESSION_HASH_SIZE = 32, /* SHA-256 */
	SESSION_SECRET_SIZE = 43, /* 32 random bytes as base64url */
};

/* A century: sums of times stay far from their limit. */
#define SESSION_SECONDS_MAX INT64_C(3153600000)

/* --- sessions.c ------------------------------------------------------ */

/* Brings ids into order and leaves out repetitions; how many remain. */
int sessions_sort_ids(struct bytes *ids, int count);

/* --- sessions_create.c ----------------------------------------------- */

void sessions_run_create(struct request *request);
void sessions_run_rotate(struct request *request);

/* --- sessions_find.c: what has filters ------------------------------- */

void sessions_run_list(struct request *request);
void sessions_run_count(struct request *request);
void sessions_run_bulk_delete(struct request *request);
void sessions_run_cleanup(struct request *request);

/* --- sessions_analytics.c -------------------------------------------- */

void sessions_run_analytics(struct request *request);

/* --- shared ---------------------------------------------------------- */

/* Columns of a session's row; the first one is the statement's own. */
enum {
	SESSION_KEY,
	SESSION_ID,
	SESSION_USER,
	SESSION_CREATED_AT,
	SESSION_ACCESSED_AT,
	SESSION_EXPIRES_AT,
	SESSION_ABSOLUTE_AT,
	SESSION_TTL_MS,
	SESSION_IP,
	SESSION_AGENT,
	SESSION_DEVICE,
	SESSION_FIELD_NAMES,
	SESSION_FIELD_VALUES,
	SESSION_TOKEN_HASH, /* of session_by_token */
};

/* Writes the map of a session, with its data or without. */
void sessions_reply_row(struct reply *reply, const struct result *result,
	int row, struct bytes id, bool with_data);
/* Writes the map of `count` fields; those that are not there are null. */
void sessions_reply_fields(struct reply *reply, const struct result *result,
	int row, const struct bytes *fields, int count);

/* Reads argv[index] as a number of seconds, from 1 to SESSION_SECONDS_MAX, into
 * milliseconds.  On failure it has replied, naming `what`, and finished. */
bool sessions_read_seconds(
	struct request *request, int index, const char *what, int64_t *ms);
/* The same for a whole number from 1 to `most`. */
bool sessions_read_number(struct request *request, int index, const char *what,
	int64_t most, int64_t *value);

/* SHA-256 of a token, in memory of the request. */
struct bytes sessions_hash_token(struct request *request, struct bytes token);

/* --- sessions_secrets.c ---------------------------------------------- */

/* Whether argv[index] of a SESSION command is a token or a session's data. */
bool sessions_is_secret(const struct request *request, int index);

#endif
