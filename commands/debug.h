/* DEBUG's subcommands that ask PostgreSQL about keys. */
#ifndef COMMANDS_DEBUG_H
#define COMMANDS_DEBUG_H

struct request;

void debug_run_digest(struct request *request);
void debug_run_digest_value(struct request *request);
void debug_run_object(struct request *request);
void debug_run_populate(struct request *request);
void debug_run_reload(struct request *request);

#endif
