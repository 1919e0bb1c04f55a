/* What the files of the TAG family share: their handlers, named here for the
 * rows in tags.c, and how tags are read from the arguments.
 *
 * Tags stand among options.  A word that is an option's name is that option,
 * unless it is one of the n arguments behind TAGS n, which are tags whatever
 * they are. */
#ifndef COMMANDS_TAGS_H
#define COMMANDS_TAGS_H

#include "storage/base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

struct call;
struct request;

enum { TAGS_OF_KEY_MAX = 1000 };

/* A list that points into the arguments. */
struct tag_names {
	struct bytes *list;
	uint32_t count;
};

/* An empty list with room for all arguments; from request_allocate(). */
struct tag_names tags_new_names(struct request *request);
void tags_add(struct tag_names *names, struct bytes tag);
/* The arguments from argv[first] to before argv[end]. */
struct tag_names tags_between(struct request *request, int first, int end);

/* Reads "TAGS n tag…" at argv[*index] and moves the index to its last word.  On
 * failure it has replied and finished. */
bool tags_read_counted(
	struct request *request, int *index, struct tag_names *names);

/* Replies "ERR syntax error, expected …" and finishes. */
void tags_reply_expected(struct request *request, const char *expected);

/* Which keys, and how much of them is told. */
enum tag_option {
	TAG_WITH_PAGES = 1 << 0, /* CURSOR, COUNT, WITHVALUES */
	TAG_WITH_SOFT = 1 << 1,
};

struct tag_filter {
	struct tag_names tags, without;
	bool any, all, soft, with_values;
	int64_t cursor, count;
};

/* Reads argv[2] and on; `options` are those that the command has.  On failure
 * it has replied and finished. */
bool tags_read_filter(
	struct request *request, uint32_t options, struct tag_filter *filter);

/* Binds database, tags, whether all of them, and the tags not to have. */
void tags_bind_filter(struct request *request, struct call *call,
	const struct tag_filter *filter);

/* tags_set.c */
void tags_run_set(struct request *request);
void tags_run_mset(struct request *request);
int tags_find_mset_keys(const struct bytes *argv, int argc, int *indices,
	uint32_t *access, int capacity);

/* tags_find.c */
void tags_run_count(struct request *request);
void tags_run_get(struct request *request);
void tags_run_list(struct request *request);
void tags_run_of(struct request *request);

/* tags_change.c */
void tags_run_invalidate(struct request *request);
void tags_run_touch(struct request *request);

/* tags_info.c */
void tags_run_info(struct request *request);

#endif
