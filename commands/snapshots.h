/* What the files of the family SNAPSHOT share: their options, their handlers,
 * named here for the rows in snapshots.c, and replies made of rows. */
#ifndef COMMANDS_SNAPSHOTS_H
#define COMMANDS_SNAPSHOTS_H

#include "commands/snapshot_store.h"
#include "storage/base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

struct request;
struct result;
struct rdb_value;

/* The words that options begin with. */
enum snapshot_word {
	WORD_NAME,
	WORD_PARENT,
	WORD_USER,
	WORD_META,
	WORD_TTL,
	WORD_PIN,
	WORD_LANG,
	WORD_DATA,
	WORD_KEYS,
	WORD_AT,
	WORD_CURSOR,
	WORD_COUNT,
	WORD_MATCH,
	WORD_AGENT,
	WORD_SINCE,
	WORD_UNTIL,
	WORD_KEEP,
	WORD_OLDER,
	WORD_DRYRUN,
	WORD_NONE,
	WORD_TO,
	WORD_PREFIX,
	WORD_REPLACE,
	WORD_ABSTTL,
	SNAPSHOT_WORD_COUNT
};

/* A set of words. */
#define WORD(name) (1u << WORD_##name)

struct snapshot_options {
	uint32_t given; /* words */
	/* By word: its value; of PREFIX the first of two. */
	struct bytes values[SNAPSHOT_WORD_COUNT];
	int64_t numbers[SNAPSHOT_WORD_COUNT]; /* TTL, COUNT, … */
	struct bytes prefix_to;
	const struct bytes *patterns; /* behind KEYS, up to the end */
	int pattern_count;
};

/* Reads the options from argv[first] on, each of `allowed` at most once and in
 * any order.  False: it has replied what is wrong. */
bool snapshot_read_options(struct request *request, int first, uint32_t allowed,
	struct snapshot_options *options);
static inline bool
snapshot_has(const struct snapshot_options *options, uint32_t words)
{
	return (options->given & words) != 0;
}

/* Whether it may be an id; what is not is in no row. */
bool snapshot_is_id(struct bytes text);
bool snapshot_is_text(struct bytes text); /* UTF-8 without a NUL */
/* Copies with a space for each byte that is not part of that; the size. */
size_t snapshot_copy_text(struct bytes text, char *copy);

/* Writes the columns from `first` on of a row as a map. */
void snapshot_reply_row(struct request *request, const struct result *result,
	int row, int first);
void snapshot_reply_column(struct request *request, const struct result *result,
	int row, int column);
/* Replies with the error and finishes, if there is one. */
bool snapshot_reply_failed(
	struct request *request, const struct snapshot_error *error);

/* A value for people: a bulk, an array, a map; see docs/snapshots.md. */
void snapshot_reply_value(
	struct request *request, const struct rdb_value *value);

/* snapshots_create.c */
void cmd_snapshot_create(struct request *request);
/* snapshots_read.c */
void cmd_snapshot_get(struct request *request);
void cmd_snapshot_keys(struct request *request);
/* snapshots_lists.c */
void cmd_snapshot_list(struct request *request);
void cmd_snapshot_tree(struct request *request);
void cmd_snapshot_search(struct request *request);
void cmd_snapshot_stats(struct request *request);
/* snapshots_keep.c */
void cmd_snapshot_delete(struct request *request);
void cmd_snapshot_pin(struct request *request);
void cmd_snapshot_unpin(struct request *request);
void cmd_snapshot_cleanup(struct request *request);
void cmd_snapshot_policy(struct request *request);
void cmd_snapshot_fork(struct request *request);
/* snapshots_restore.c */
void cmd_snapshot_restore(struct request *request);
/* snapshots_diff.c */
void cmd_snapshot_diff(struct request *request);
/* snapshots_portable.c */
void cmd_snapshot_export(struct request *request);
void cmd_snapshot_import(struct request *request);

#endif
