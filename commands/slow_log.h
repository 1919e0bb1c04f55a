/* The SLOWLOG: commands that took longer than slowlog-log-slower-than.
 *
 * One ring for the process, under a mutex that only slow commands take. */
#ifndef COMMANDS_SLOW_LOG_H
#define COMMANDS_SLOW_LOG_H

#include <stdint.h>

struct request;
struct slow_log;

struct slow_log *slow_log_new(void);
void slow_log_free(struct slow_log *log);
/* Adds the finished request when it was slow enough and its command is not
 * CMD_SKIP_SLOWLOG. Cheap when it was not. */
void slow_log_add(struct request *request, int64_t duration_us);

#endif
