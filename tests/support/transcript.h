/* Commands and the replies they must give, one line each.
 *
 * A command is written as for redis-cli: words, "…" with \n and \xHH.  A reply
 * is written with RESP's first byte and without its lengths: +OK, :1, $text,
 * _ for null, -ERR text, [:1 $a _] for arrays; bytes that do not print are
 * \xHH. */
#ifndef TESTS_SUPPORT_TRANSCRIPT_H
#define TESTS_SUPPORT_TRANSCRIPT_H

#include <hiredis/hiredis.h>
#include <stddef.h>

struct exchange {
	const char *command, *reply;
};

/* The reply to a command; released with free(). */
char *transcript_ask(redisContext *client, const char *command);

/* The same in two steps, for commands that wait: sends it, and takes the next
 * reply, which must come within 5 seconds. */
void transcript_send(redisContext *client, const char *command);
void transcript_receive(redisContext *client, const char *reply);

/* Fails the test, naming the command, when the reply is another. */
void transcript_expect(
	redisContext *client, const char *command, const char *reply);

/* Each exchange in turn; the last one has no command. */
void transcript_play(redisContext *client, const struct exchange *exchanges);

/* The same with all commands sent before the first reply is read. */
void transcript_play_pipelined(
	redisContext *client, const struct exchange *exchanges);

#endif
