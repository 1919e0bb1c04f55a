/* The process towards its surroundings: pid file, daemon, systemd, help. */
#ifndef PROXY_PROCESS_H
#define PROXY_PROCESS_H

#include <stdio.h>

struct settings;

/* daemonize yes: goes on in a child without a terminal; the caller's process
 * ends.  Before any thread or descriptor matters. */
void process_daemonize(const struct settings *settings);
/* Writes the pid file; tells systemd (supervised) that clients may come. */
void process_ready(const struct settings *settings);
/* Removes the pid file; tells systemd. */
void process_stopping(const struct settings *settings);
void process_print_help(FILE *output);

#endif
