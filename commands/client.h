/* Handlers of CLIENT that need every connection of the process. */
#ifndef COMMANDS_CLIENT_H
#define COMMANDS_CLIENT_H

struct request;

void client_run_info(struct request *request);
void client_run_list(struct request *request);
void client_run_kill(struct request *request);

#endif
