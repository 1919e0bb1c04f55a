/* What the files of the sorted set family share: windows of the order, replies
 * of members, and the handlers, named here for the rows in sorted_sets.c. */
#ifndef COMMANDS_SORTED_SETS_H
#define COMMANDS_SORTED_SETS_H

#include "storage/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct call;
struct request;
struct result;

/* A place in the order of (score, member): of the set's members, those at it
 * and behind it are one side, those before it the other. */
struct sorted_set_position {
	double score; /* NAN: behind all members */
	bool of_first; /* the score is that of the set's first member */
	struct bytes member; /* in the form that indexes hold */
};

/* A part of a sorted set: SQL's sorted_set_window(). */
struct sorted_set_window {
	/* By rank, from `first` to `last`, negative ones from the end; else
	 * from the position `low` to below `high`. */
	bool by_rank, backwards;
	int64_t first, last;
	struct sorted_set_position low, high;
	/* Of those the members behind the first `offset`, at most `count` of
	 * them; negative: all. */
	int64_t offset, count;
};

enum sorted_set_order { ORDER_RANK, ORDER_SCORE, ORDER_ALPHABET };

/* Reads the bounds argv[low] and argv[high]; on failure it has replied and
 * finished.  The window then has no offset and no limit. */
bool sorted_sets_read_window(struct request *request,
	struct sorted_set_window *window, enum sorted_set_order order, int low,
	int high);

/* Binds the eight parameters of a window, from its first rank to its count;
 * and the four of its two positions alone. */
void sorted_sets_bind_window(
	struct call *call, const struct sorted_set_window *window);
void sorted_sets_bind_positions(
	struct call *call, const struct sorted_set_window *window);

/* Numbers as the text of an SQL array, from request_allocate(). */
const char *sorted_sets_array_text(
	struct request *request, const double *numbers, int count);

/* Adds members: argv[indices[i]] with scores[i].  `flags` are zadd_many()'s. */
enum {
	ADD_ONLY_NEW = 1,
	ADD_ONLY_PRESENT = 2,
	ADD_ONLY_GREATER = 4,
	ADD_ONLY_LESSER = 8,
	ADD_INCREMENT = 16,
};

/* Answers with how many were added, and changed when `count_changed`; with
 * ADD_INCREMENT, of one member, with its score.  The arrays must live as long
 * as the request. */
void sorted_sets_add(struct request *request, const int *indices,
	const double *scores, int count, int flags, bool count_changed);

/* Sends the statement sorted_set_score for the members argv[first…] of
 * argv[key]. */
void sorted_sets_send_scores(struct request *request, int key, int first,
	int count, void (*done)(void *arg, const struct result *result));

/* A continuation for a row of an error text and an integer, which it answers;
 * the key may have got members that somebody waits for. */
void sorted_sets_reply_stored(void *arg, const struct result *result);
/* The same for a destination in argv[key]. */
void sorted_sets_reply_stored_at(
	struct request *request, const struct result *result, int key);

/* Writes member and score: as a pair in RESP3, side by side in RESP2. */
void sorted_sets_write_pair(struct request *request,
	const struct result *result, int row, int column);

/* sorted_sets.c */
void cmd_zcard(struct request *request);
void cmd_zmscore(struct request *request);
void cmd_zrank(struct request *request);
void cmd_zrem(struct request *request);
void cmd_zrevrank(struct request *request);
void cmd_zscore(struct request *request);

/* sorted_sets_add.c */
void cmd_zadd(struct request *request);
void cmd_zincrby(struct request *request);

/* sorted_sets_range.c */
void cmd_zcount(struct request *request);
void cmd_zlexcount(struct request *request);
void cmd_zrange(struct request *request);
void cmd_zrangebylex(struct request *request);
void cmd_zrangebyscore(struct request *request);
void cmd_zrangestore(struct request *request);
void cmd_zremrangebylex(struct request *request);
void cmd_zremrangebyrank(struct request *request);
void cmd_zremrangebyscore(struct request *request);
void cmd_zrevrange(struct request *request);
void cmd_zrevrangebylex(struct request *request);
void cmd_zrevrangebyscore(struct request *request);

/* sorted_sets_pop.c */
void cmd_bzmpop(struct request *request);
void cmd_bzpopmax(struct request *request);
void cmd_bzpopmin(struct request *request);
void cmd_zmpop(struct request *request);
void cmd_zpopmax(struct request *request);
void cmd_zpopmin(struct request *request);

/* sorted_sets_combine.c */
void cmd_zdiff(struct request *request);
void cmd_zdiffstore(struct request *request);
void cmd_zinter(struct request *request);
void cmd_zintercard(struct request *request);
void cmd_zinterstore(struct request *request);
void cmd_zunion(struct request *request);
void cmd_zunionstore(struct request *request);

/* sorted_sets_walk.c */
void cmd_zrandmember(struct request *request);
void cmd_zscan(struct request *request);

#endif
