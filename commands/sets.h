/* What the files of the set family share: their handlers, named here for the
 * rows in sets.c. */
#ifndef COMMANDS_SETS_H
#define COMMANDS_SETS_H

struct request;

/* sets_combine.c */
void cmd_sdiff(struct request *request);
void cmd_sdiffstore(struct request *request);
void cmd_sinter(struct request *request);
void cmd_sintercard(struct request *request);
void cmd_sinterstore(struct request *request);
void cmd_sunion(struct request *request);
void cmd_sunionstore(struct request *request);

/* sets_list.c */
void cmd_smembers(struct request *request);
void cmd_spop(struct request *request);
void cmd_srandmember(struct request *request);
void cmd_sscan(struct request *request);

#endif
