/* Calls from workers to the main thread; see main_tasks.h. */
#include "proxy/main_tasks.h"

#include "storage/base/memory.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct main_task {
	struct main_task *next;
	bool (*run)(void *arg, const char **error);
	void *arg;
	const char *error;
	bool done, result;
};

struct main_tasks {
	pthread_mutex_t mutex;
	pthread_cond_t finished;
	struct main_task *first;
	struct event *wake;
	int wake_fd;
	bool closed;
};

static void
finish_locked(struct main_tasks *tasks, struct main_task *task, bool result)
{
	task->result = result;
	task->done = true;
	pthread_cond_broadcast(&tasks->finished);
}

static void
on_wake(evutil_socket_t socket, short what, void *arg)
{
	struct main_tasks *tasks = arg;
	uint64_t count;

	(void)what;
	if (read(socket, &count, sizeof(count)) < 0)
		return;
	pthread_mutex_lock(&tasks->mutex);
	while (tasks->first != NULL) {
		struct main_task *task = tasks->first;
		bool result;

		tasks->first = task->next;
		pthread_mutex_unlock(&tasks->mutex);
		result = task->run(task->arg, &task->error);
		pthread_mutex_lock(&tasks->mutex);
		finish_locked(tasks, task, result);
	}
	pthread_mutex_unlock(&tasks->mutex);
}

struct main_tasks *
main_tasks_new(struct event_base *base)
{
	struct main_tasks *tasks = memory_allocate_zeroed(1, sizeof(*tasks));

	pthread_mutex_init(&tasks->mutex, NULL);
	pthread_cond_init(&tasks->finished, NULL);
	tasks->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (tasks->wake_fd < 0)
		abort();
	tasks->wake = event_new(
		base, tasks->wake_fd, EV_READ | EV_PERSIST, on_wake, tasks);
	event_add(tasks->wake, NULL);
	return tasks;
}

void
main_tasks_free(struct main_tasks *tasks)
{
	if (tasks == NULL)
		return;
	event_free(tasks->wake);
	close(tasks->wake_fd);
	pthread_cond_destroy(&tasks->finished);
	pthread_mutex_destroy(&tasks->mutex);
	free(tasks);
}

bool
main_tasks_run(struct main_tasks *tasks,
	bool (*run)(void *arg, const char **error), void *arg,
	const char **error)
{
	struct main_task task = { .run = run, .arg = arg };
	uint64_t one = 1;

	pthread_mutex_lock(&tasks->mutex);
	if (tasks->closed || write(tasks->wake_fd, &one, sizeof(one)) < 0) {
		pthread_mutex_unlock(&tasks->mutex);
		*error = "the server is shutting down";
		return false;
	}
	task.next = tasks->first;
	/* The list has let go of the task when it is done, and this function
	 * does not return earlier. */
	/* cppcheck-suppress autoVariables */
	tasks->first = &task;
	while (!task.done)
		pthread_cond_wait(&tasks->finished, &tasks->mutex);
	pthread_mutex_unlock(&tasks->mutex);
	*error = task.error;
	return task.result;
}

void
main_tasks_close(struct main_tasks *tasks)
{
	pthread_mutex_lock(&tasks->mutex);
	tasks->closed = true;
	for (struct main_task *task = tasks->first; task != NULL;
		task = task->next) {
		task->error = "the server is shutting down";
		finish_locked(tasks, task, false);
	}
	tasks->first = NULL;
	pthread_mutex_unlock(&tasks->mutex);
}
