/* INFO errorstats: how often each error code was answered.
 *
 * One for the process, under a mutex that only error replies take. */
#ifndef COMMANDS_ERROR_STATISTICS_H
#define COMMANDS_ERROR_STATISTICS_H

struct error_statistics;
struct request;
struct server;

struct error_statistics *error_statistics_new(void);
void error_statistics_free(struct error_statistics *statistics);
/* Counts the code of the request's error reply, which is not drained yet. */
void error_statistics_count(struct request *request);
/* Calls visit for each code in alphabetical order. */
void error_statistics_each(struct server *server,
	void (*visit)(const char *code, unsigned long long count, void *arg),
	void *arg);
void error_statistics_reset(struct server *server);

#endif
