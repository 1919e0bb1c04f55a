/* What the files of the stream family share: arguments, replies, and the
 * handlers for the rows in streams.c. */
#ifndef COMMANDS_STREAMS_H
#define COMMANDS_STREAMS_H

#include "commands/stream_id.h"
#include "storage/base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

struct call;
struct request;
struct result;

#define STREAMS_ERROR_ID \
	"ERR Invalid stream ID specified as stream command argument"

/* --- arguments ------------------------------------------------------- */

/* argv[index] as an ID, "-" and "+" refused; on failure it has replied and
 * finished, as have the functions below. */
bool streams_read_id(struct request *request, int index, struct stream_id *id);
/* An end of a range, "(" excluding it; where `is_last`, a missing second number
 * is the greatest. */
bool streams_read_bound(struct request *request, int index, bool is_last,
	struct stream_id *bound);

/* Binds 16 bytes that live as long as the request. */
void streams_bind_id(
	struct request *request, struct call *call, struct stream_id id);
/* The IDs argv[first] to argv[last - 1] as a bytea[]; false, and nothing is
 * bound, when one is no ID. */
bool streams_encode_ids(
	struct request *request, int first, int last, struct bytes **encoded);

/* --- replies --------------------------------------------------------- */

/* An encoded ID as text. */
void streams_write_id(struct request *request, struct bytes encoded);
/* The ID in `column` and the fields in the next one: [id, [name, value…]]. */
void streams_write_entry(struct request *request, const struct result *result,
	int row, int column);

/* What a command says when there is no such stream or group. */
enum stream_absence {
	ABSENT_IS_ZERO,
	ABSENT_IS_IGNORED,
	ABSENT_NO_SUCH_KEY,
	ABSENT_IN_XGROUP,
	ABSENT_IN_XINFO, /* ABSENT_NO_SUCH_KEY, or a group as in XGROUP */
	ABSENT_KEY_OR_GROUP,
	ABSENT_IN_XREADGROUP,
	ABSENT_WHILE_BLOCKED,
};

struct stream_place {
	enum stream_absence absence;
	struct bytes key, group; /* a group without data: none is meant */
};

/* The result's error in `column` of its first row, if there is one: replies
 * with it and finishes. */
bool streams_failed(struct request *request, const struct result *result,
	int column, struct stream_place place);
/* Replies that the group, or the key, is absent, without finishing; false:
 * there is nothing to say. */
bool streams_write_absence(
	struct request *request, struct stream_place place, bool key_is_there);
/* Replies with `error`, which lives as long as the request, unless the key has
 * another type or something is absent: Redis looks at that before it reads
 * certain arguments. */
void streams_refuse(
	struct request *request, struct stream_place place, const char *error);

/* A continuation: an error in column 0, or an integer in column 1. */
void streams_reply_count(void *arg, const struct result *result);

/* Redis' words for wrong arguments of a subcommand; from request_allocate(). */
const char *streams_subcommand_error(struct request *request);

/* --- handlers -------------------------------------------------------- */

void cmd_xadd(struct request *request);
void cmd_xtrim(struct request *request);

void cmd_xread(struct request *request);
void cmd_xreadgroup(struct request *request);

void cmd_xack(struct request *request);
void cmd_xgroup_create(struct request *request);
void cmd_xgroup_createconsumer(struct request *request);
void cmd_xgroup_delconsumer(struct request *request);
void cmd_xgroup_destroy(struct request *request);
void cmd_xgroup_setid(struct request *request);

void cmd_xautoclaim(struct request *request);
void cmd_xclaim(struct request *request);
void cmd_xpending(struct request *request);

void cmd_xinfo_consumers(struct request *request);
void cmd_xinfo_groups(struct request *request);
void cmd_xinfo_stream(struct request *request);

#endif
