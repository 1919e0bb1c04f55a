/* Writes redis-compat.md: every command of Redis 7.0 and of ours, and whether
 * we have it. */
#ifndef COMMANDS_COMPAT_H
#define COMMANDS_COMPAT_H

#include <stdbool.h>
#include <stdio.h>

/* Writes the page from the command table and absent.c; the same rows give the
 * same bytes.  Returns false, after logging, when the rows contradict each
 * other or the file cannot be written. */
bool compat_write(FILE *output);

#endif
