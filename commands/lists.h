/* What the files of the list family share: their handlers, named here for the
 * rows in lists.c, and a few readers. */
#ifndef COMMANDS_LISTS_H
#define COMMANDS_LISTS_H

#include <stdbool.h>
#include <stdint.h>

struct request;

/* What LMPOP and BLMPOP say after the timeout. */
struct lists_pop {
	int first_key, key_count; /* among the arguments */
	bool front;
	int64_t count;
};

/* Readers of arguments; false when they have replied an error and finished. */
bool lists_read_end(struct request *request, int index, bool *front);
bool lists_read_pop(
	struct request *request, int numkeys, struct lists_pop *pop);

/* lists_inside.c */
void cmd_lindex(struct request *request);
void cmd_linsert(struct request *request);
void cmd_lpos(struct request *request);
void cmd_lrange(struct request *request);
void cmd_lrem(struct request *request);
void cmd_lset(struct request *request);
void cmd_ltrim(struct request *request);

/* lists_blocking.c */
void cmd_blmove(struct request *request);
void cmd_blmpop(struct request *request);
void cmd_blpop(struct request *request);
void cmd_brpop(struct request *request);
void cmd_brpoplpush(struct request *request);

#endif
