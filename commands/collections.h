/* What the families of collections share. */
#ifndef COMMANDS_COLLECTIONS_H
#define COMMANDS_COLLECTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct request;
struct result;

/* Of the arguments argv[first], argv[first + step]…, the last of each that are
 * equal: writes their indices, in the order in which the first ones stood, to
 * an array from request_allocate(), and returns how many there are. */
int collections_find_distinct(
	struct request *request, int first, int step, int **indices);

/* Whether any row's `column` is NULL, which the set-based functions answer for
 * a key of another type; it has then replied WRONGTYPE and finished. */
bool collections_wrong_type(
	struct request *request, const struct result *result, int column);

/* How many rows have true in `column`. */
int collections_count_true(const struct result *result, int column);

/* A continuation that answers with that count of column 1, and finishes. */
void collections_reply_count(void *arg, const struct result *result);

/* Reads argv[index] as how many random elements are wanted; below 0: with
 * repetition.  On failure it has replied and finished. */
bool collections_read_count(struct request *request, int index, int64_t *count);

#endif
