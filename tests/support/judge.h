/* Plays commands at a real redis-server and at a client's server, and expects
 * the same replies.
 *
 * Commands are written as in transcript.h.  What depends on the moment (times
 * of 13 digits, idle times) is left out of the comparison, and so are the nodes
 * of a stream. */
#ifndef TESTS_SUPPORT_JUDGE_H
#define TESTS_SUPPORT_JUDGE_H

#include <hiredis/hiredis.h>

/* `commands` ends with NULL.  The redis-server starts empty. */
void judge_play(redisContext *client, const char *const *commands);

#endif
