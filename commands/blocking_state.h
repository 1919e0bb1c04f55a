/* What the hub of waiting requests consists of, for the blocking files alone. */
#ifndef COMMANDS_BLOCKING_STATE_H
#define COMMANDS_BLOCKING_STATE_H

#include "commands/blocking_queue.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct server;

struct blocking {
	struct server *server;
	pthread_mutex_t mutex;
	struct awaited_keys keys; /* under the mutex */
	bool closing; /* likewise */
	_Atomic long registered, waiting;
};

static inline void
blocking_lock(struct blocking *blocking)
{
	pthread_mutex_lock(&blocking->mutex);
}

static inline void
blocking_unlock(struct blocking *blocking)
{
	blocking_tidy(&blocking->keys);
	pthread_mutex_unlock(&blocking->mutex);
}

#endif
