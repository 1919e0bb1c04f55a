/* Lets a worker have something done on the main thread, and wait for it. */
#ifndef PROXY_MAIN_TASKS_H
#define PROXY_MAIN_TASKS_H

#include <stdbool.h>

struct event_base;
struct main_tasks;

struct main_tasks *main_tasks_new(struct event_base *base);
void main_tasks_free(struct main_tasks *tasks);
/* From any other thread: runs task(arg, error) on the main thread's loop and
 * returns what it returned.  After main_tasks_close() it fails at once. */
bool main_tasks_run(struct main_tasks *tasks,
	bool (*task)(void *arg, const char **error), void *arg,
	const char **error);
/* On the main thread: fails what waits and whatever comes later. */
void main_tasks_close(struct main_tasks *tasks);

#endif
