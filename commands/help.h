/* The HELP subcommand of every container, made from its subcommands' rows. */
#ifndef COMMANDS_HELP_H
#define COMMANDS_HELP_H

struct request;

/* Handler of a container's "help" row: each subcommand with its arguments and
 * summary, in the order of the rows, HELP last. */
void help_run(struct request *request);

#endif
