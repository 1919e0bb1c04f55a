/* What the files of the hash family share: their handlers, named here for the
 * rows in hashes.c. */
#ifndef COMMANDS_HASHES_H
#define COMMANDS_HASHES_H

struct request;

/* hashes_list.c */
void cmd_hgetall(struct request *request);
void cmd_hkeys(struct request *request);
void cmd_hrandfield(struct request *request);
void cmd_hscan(struct request *request);
void cmd_hvals(struct request *request);

#endif
