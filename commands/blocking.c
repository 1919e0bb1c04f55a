/* Attempts, answers and timeouts of requests that wait; see blocking.h.
 *
 * A request registers before its first attempt, so that an addition that
 * commits behind the attempt's back is noticed: every signal that comes while
 * an attempt is under way makes for another one.
 *
 * Whoever adds to a key that is awaited here has its waiters attempted at once,
 * behind its own statement on the key's lane (blocking_expect()): addition and
 * removal then share a batch and its commit.  What that did not serve is
 * attempted again when the addition has been answered. */
#include "commands/blocking.h"

#include "commands/blocking_queue.h"
#include "commands/blocking_state.h"
#include "commands/command.h"
#include "commands/connection.h"
#include "commands/counters.h"
#include "commands/host.h"
#include "commands/request.h"
#include "commands/server.h"
#include "commands/table.h"
#include "storage/base/clock.h"
#include "storage/base/memory.h"
#include "storage/feed.h"
#include "storage/store.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/time.h>

/* A pause may end early, and nobody tells. */
enum { PAUSE_LOOK_US = 50 * 1000 };

enum blocked_ending {
	ENDING_NONE,
	ENDING_TIMEOUT,
	ENDING_ERROR,
	ENDING_CLOSED, /* the connection is gone */
	ENDING_SHUTDOWN, /* it is to be closed */
};

static void on_timer(evutil_socket_t socket, short what, void *arg);

static struct blocking *
hub_of(const struct request *request)
{
	return request->server->blocking;
}

/* --- work ------------------------------------------------------------ */

static void
set_timer(struct blocked *blocked, int64_t until_us)
{
	int64_t left_us = until_us - clock_monotonic_us();
	struct timeval left = { 0, 0 };

	if (left_us > 0) {
		left.tv_sec = left_us / 1000000;
		left.tv_usec = left_us % 1000000;
	}
	if (blocked->timer == NULL)
		blocked->timer =
			evtimer_new(store_event_base(blocked->request->store),
				on_timer, blocked);
	event_add(blocked->timer, &left);
}

static bool
is_paused(const struct request *request)
{
	const struct server *server = request->server;
	int64_t until_us = atomic_load_explicit(
		&server->paused_until_us, memory_order_relaxed);

	return until_us != 0 && clock_monotonic_us() < until_us &&
		((request->command->flags & CMD_WRITE) ||
			!atomic_load_explicit(&server->paused_writes_only,
				memory_order_relaxed));
}

/* Time spent waiting is not the command's. */
static void
stop_clock(struct blocked *blocked)
{
	if (blocked->waits_since_us == 0)
		return;
	blocked->request->started_us +=
		clock_monotonic_us() - blocked->waits_since_us;
	blocked->waits_since_us = 0;
}

static void
begin_attempt(void *arg)
{
	struct blocked *blocked = arg;

	blocked->held = false;
	if (blocked->ending != ENDING_NONE) {
		blocking_end_attempt(blocked, false);
	} else if (is_paused(blocked->request)) {
		blocked->held = true;
		set_timer(blocked, clock_monotonic_us() + PAUSE_LOOK_US);
	} else {
		stop_clock(blocked);
		blocked->tried = true;
		blocked->attempt(blocked, blocked->place->index);
	}
}

static void
finish_addition(void *arg)
{
	struct request *request = arg;

	free(request->addition);
	request->addition = NULL;
	request_finish(request);
}

static void
run_on(struct request *request, const struct store *here, void (*run)(void *),
	void *arg)
{
	if (request->store == here)
		run(arg);
	else
		request->server->host->post(request->connection, run, arg);
}

/* What another worker's request waits with is attempted here when it may: its
 * own worker leaves it alone as long as it is busy. */
static void
start_attempt(struct blocked *blocked, const struct store *here)
{
	struct request *request = blocked->request;

	if (blocked->sender != request->store && is_paused(request))
		blocked->sender = request->store;
	if (blocked->sender == here)
		begin_attempt(blocked);
	else
		run_on(request, here, begin_attempt, blocked);
}

static void
do_work(struct blocking_work *work)
{
	const struct store *here = work->here;

	while (work->attempts != NULL) {
		struct blocked *blocked = work->attempts;

		work->attempts = blocked->next_work;
		start_attempt(blocked, here);
	}
	while (work->finished != NULL) {
		struct addition *addition = work->finished;

		work->finished = addition->next_work;
		run_on(addition->request, here, finish_addition,
			addition->request);
	}
}

/* --- waiting --------------------------------------------------------- */

static void
count_waiting(struct blocked *blocked, int more)
{
	struct request *request = blocked->request;

	counter_add(request->counters->blocked, more);
	atomic_fetch_add_explicit(
		&hub_of(request)->waiting, more, memory_order_relaxed);
}

/* On its worker: ends a wait unless an attempt is under way, whose outcome
 * counts then. */
static void
end_wait(struct blocked *blocked, enum blocked_ending ending)
{
	struct blocking *blocking = hub_of(blocked->request);
	bool idle;

	blocking_lock(blocking);
	if (blocked->ending == ENDING_NONE || ending == ENDING_CLOSED)
		blocked->ending = (int)ending;
	idle = blocked->state == BLOCKED_WAITING;
	if (idle)
		blocked->state = BLOCKED_ATTEMPTING;
	blocking_unlock(blocking);
	if (idle || blocked->held)
		blocking_end_attempt(blocked, false);
}

/* The loop's clock is coarse: a timer may come some milliseconds early. */
static void
on_timer(evutil_socket_t socket, short what, void *arg)
{
	struct blocked *blocked = arg;

	(void)socket;
	(void)what;
	if (blocked->deadline_us != 0 &&
		clock_monotonic_us() >= blocked->deadline_us) {
		end_wait(blocked, ENDING_TIMEOUT);
		return;
	}
	if (blocked->deadline_us != 0)
		set_timer(blocked, blocked->deadline_us);
	if (blocked->held)
		begin_attempt(blocked);
}

static void
unblock(struct connection *connection, enum unblock_reason reason)
{
	static const enum blocked_ending endings[] = {
		[UNBLOCK_TIMEOUT] = ENDING_TIMEOUT,
		[UNBLOCK_ERROR] = ENDING_ERROR,
		[UNBLOCK_CLOSED] = ENDING_CLOSED,
	};

	end_wait(connection->blocked, endings[reason]);
}

static void
start_waiting(struct blocked *blocked)
{
	struct connection *connection = blocked->request->connection;

	blocked->waits = true;
	count_waiting(blocked, 1);
	connection->unblock = unblock;
	connection->blocked = blocked;
	if (blocked->deadline_us != 0)
		set_timer(blocked, blocked->deadline_us);
}

static void
stop_waiting(struct blocked *blocked)
{
	struct connection *connection = blocked->request->connection;

	stop_clock(blocked);
	if (blocked->timer != NULL)
		event_free(blocked->timer);
	blocked->timer = NULL;
	if (!blocked->waits)
		return;
	blocked->waits = false;
	count_waiting(blocked, -1);
	connection->unblock = NULL;
	connection->blocked = NULL;
}

/* Neither served nor to be served any more. */
static void
reply_ending(struct blocked *blocked)
{
	struct request *request = blocked->request;

	switch ((enum blocked_ending)blocked->ending) {
	case ENDING_ERROR:
		request_reply_error(request,
			"UNBLOCKED client unblocked via CLIENT UNBLOCK");
		break;
	case ENDING_SHUTDOWN:
		request->server->host->close(request->connection, false);
		request_finish(request);
		break;
	case ENDING_CLOSED:
		request_finish(request);
		break;
	default:
		blocked->reply_timeout(request);
	}
}

static void
end(struct blocked *blocked, bool served)
{
	struct request *request = blocked->request;

	stop_waiting(blocked);
	request->blocked = NULL;
	if (!served)
		reply_ending(blocked);
	else if (request->addition == NULL)
		request_finish(request);
}

static void
end_attempt(struct blocked *blocked, bool served, bool found)
{
	struct request *request = blocked->request;
	struct blocking *blocking = hub_of(request);
	struct blocking_work work;
	bool over;

	blocking_work_init(&work, request->store);
	blocking_lock(blocking);
	if (request->connection->gone)
		blocked->ending = ENDING_CLOSED;
	else if (blocking->closing && blocked->ending == ENDING_NONE)
		blocked->ending = ENDING_SHUTDOWN;
	else if (request->never_blocks)
		blocked->ending = ENDING_TIMEOUT;
	over = served || blocked->ending != ENDING_NONE;
	if (served && !blocked->waits)
		blocking_note_found(blocked);
	blocking_account_attempt(
		blocked, served, served ? request->addition : NULL);
	if (over) {
		blocked->state = BLOCKED_OVER;
		if (blocked->place_count > 0)
			atomic_fetch_sub(&blocking->registered, 1);
		blocking_leave(&blocking->keys, blocked, &work);
	} else {
		blocked->waits_since_us = clock_monotonic_us();
		if (!blocked->waits) {
			start_waiting(blocked);
			blocking_watch(&blocking->keys, blocked);
		}
		if (found)
			blocking_note_found(blocked);
		blocking_look_again(&blocking->keys, blocked, &work);
		for (int i = 0; found && i < blocked->place_count; i++)
			blocking_raise_outside(&blocking->keys,
				blocked->places[i].queue, &work);
	}
	blocking_unlock(blocking);
	if (over)
		end(blocked, served);
	do_work(&work);
}

void
blocking_end_attempt(struct blocked *blocked, bool served)
{
	end_attempt(blocked, served, false);
}

void
blocking_end_look(struct blocked *blocked, bool found)
{
	end_attempt(blocked, false, found);
}

void
blocking_wait(struct blocked *blocked)
{
	struct request *request = blocked->request;
	struct blocking *blocking = hub_of(request);
	bool behind = false;

	request->blocked = blocked;
	blocked->sender = request->store;
	blocked->state = BLOCKED_ATTEMPTING;
	if (blocked->timeout_us > 0)
		blocked->deadline_us =
			clock_monotonic_us() + blocked->timeout_us;
	if (!request->never_blocks) {
		atomic_fetch_add(&blocking->registered, 1);
		blocking_lock(blocking);
		behind = blocking_enter(&blocking->keys, blocked);
		blocking_unlock(blocking);
	}
	/* What comes for those before it, it must not take. */
	if (behind && blocked->look != NULL)
		blocked->look(blocked);
	else
		blocked->attempt(blocked, -1);
}

/* --- additions ------------------------------------------------------- */

/* The type of the keys to which a command adds; 0: any. */
static char
added_type(const struct request *request)
{
	switch (request->command->group) {
	case GROUP_LIST:
		return 'l';
	case GROUP_SORTED_SET:
	case GROUP_GEO:
		return 'z';
	case GROUP_STREAM:
		return 'x';
	default:
		return 0;
	}
}

/* How many elements it can have added at most. */
static uint64_t
added_bound(const struct request *request)
{
	if (request->key_count != 1)
		return BLOCKING_UNKNOWN;
	switch (added_type(request)) {
	case 'l':
		return (uint64_t)(request->argc - 2);
	case 'z':
		return request->argc >= 4 ? (uint64_t)(request->argc - 2) / 2 :
					    1;
	default:
		return BLOCKING_UNKNOWN;
	}
}

static struct addition *
new_addition(struct request *request)
{
	struct addition *addition =
		memory_allocate_zeroed(1, sizeof(*addition));

	addition->request = request;
	addition->bound = added_bound(request);
	request->addition = addition;
	return addition;
}

/* Signals for the queues of a key; what is for all only where `with_all`. */
static void
add_signals(
	struct request *request, struct blocking_queue *queue, bool with_all)
{
	char type = added_type(request);

	for (; queue != NULL; queue = queue->next) {
		if (queue->places == NULL || (queue->for_all && !with_all) ||
			(type != 0 && queue->type != type))
			continue;
		if (request->addition == NULL)
			new_addition(request);
		blocking_add_signal(queue, request->addition);
	}
}

struct addition *
blocking_expect(struct request *request, struct bytes key)
{
	struct blocking *blocking = hub_of(request);
	struct blocking_name name;

	if (atomic_load_explicit(&blocking->registered, memory_order_relaxed) ==
		0)
		return NULL;
	blocking_name_key(&name, request->db, key);
	blocking_lock(blocking);
	add_signals(
		request, blocking_find_queues(&blocking->keys, &name), false);
	blocking_unlock(blocking);
	return request->addition;
}

static void
raise_all(struct blocking *blocking, struct addition *addition,
	struct blocking_work *work)
{
	/* Held as they are, none of them closes. */
	for (struct blocking_signal *signal = addition->signals; signal != NULL;
		signal = signal->next_of_addition)
		blocking_raise(&blocking->keys, signal, work);
}

static void
lower_all(struct blocking *blocking, struct addition *addition,
	struct blocking_work *work)
{
	struct blocking_signal *signal = addition->signals, *next;

	/* Closing the last one may free the addition. */
	for (; signal != NULL; signal = next) {
		next = signal->next_of_addition;
		blocking_release(&blocking->keys, signal, false, work);
	}
}

void
blocking_expected(struct blocking *blocking, struct addition *addition)
{
	struct blocking_work work;

	if (addition == NULL)
		return;
	blocking_work_init(
		&work, addition->request ? addition->request->store : NULL);
	blocking_lock(blocking);
	addition->raised = true;
	if (addition->request != NULL)
		raise_all(blocking, addition, &work);
	else
		lower_all(blocking, addition, &work);
	blocking_unlock(blocking);
	do_work(&work);
}

/* The request has added nothing, or nothing that was announced. */
static void
detach(struct request *request)
{
	struct blocking *blocking = hub_of(request);
	struct addition *addition = request->addition;
	struct blocking_work work;

	blocking_work_init(&work, request->store);
	request->addition = NULL;
	blocking_lock(blocking);
	addition->request = NULL;
	if (addition->raised)
		lower_all(blocking, addition, &work);
	blocking_unlock(blocking);
	do_work(&work);
}

bool
blocking_may_finish(struct request *request)
{
	if (request->blocked != NULL)
		return false;
	if (request->addition != NULL)
		detach(request);
	return true;
}

static void
release_all(struct blocking *blocking, struct addition *addition,
	struct blocking_work *work)
{
	struct blocking_signal *signal = addition->signals, *next;

	for (; signal != NULL; signal = next) {
		next = signal->next_of_addition;
		blocking_release(&blocking->keys, signal, true, work);
	}
}

/* Finishes the request when those are served whom the signals are for that
 * were added since `lock`. */
static void
raise_and_finish(struct request *request, struct blocking *blocking)
{
	struct addition *addition = request->addition;
	struct blocking_work work;

	blocking_work_init(&work, request->store);
	if (addition != NULL) {
		addition->raised = true;
		raise_all(blocking, addition, &work);
		release_all(blocking, addition, &work);
	}
	blocking_unlock(blocking);
	if (addition == NULL)
		request_finish(request);
	do_work(&work);
}

/* Whether the request finishes at once: nobody waits, or its statement was
 * never sent. */
static bool
wakes_nobody(struct request *request)
{
	if (request->addition != NULL)
		return !request->addition->raised;
	return atomic_load(&hub_of(request)->registered) == 0;
}

void
blocking_finish(struct request *request, int db, const struct bytes *keys,
	int key_count)
{
	struct blocking *blocking = hub_of(request);

	if (wakes_nobody(request)) {
		request_finish(request);
		return;
	}
	blocking_lock(blocking);
	for (int i = 0; i < key_count; i++) {
		struct blocking_name name;

		blocking_name_key(&name, db, keys[i]);
		add_signals(request,
			blocking_find_queues(&blocking->keys, &name), true);
	}
	raise_and_finish(request, blocking);
}

void
blocking_finish_swap(struct request *request, int first, int second)
{
	struct blocking *blocking = hub_of(request);
	struct awaited_key *key, *next;

	if (wakes_nobody(request)) {
		request_finish(request);
		return;
	}
	blocking_lock(blocking);
	HASH_ITER (hh, blocking->keys.table, key, next) {
		int db = blocking_key_database(key);

		if (db == first || db == second)
			add_signals(request, key->queues, true);
	}
	raise_and_finish(request, blocking);
}

void
blocking_notice(struct blocking *blocking, int db, struct bytes key)
{
	struct blocking_name name;
	struct blocking_queue *queue;
	struct blocking_work work;

	blocking_name_indexed(&name, db, key);
	blocking_work_init(&work, NULL);
	blocking_lock(blocking);
	queue = blocking_find_queues(&blocking->keys, &name);
	for (; queue != NULL; queue = queue->next)
		if (queue->places != NULL)
			blocking_raise_outside(&blocking->keys, queue, &work);
	blocking_unlock(blocking);
	do_work(&work);
}

/* --- streams that go away -------------------------------------------- */

/* Wakes those who wait with rivals for the key: they read for a group. */
static void
wake_readers(struct blocking *blocking, struct blocking_queue *queue,
	struct blocking_work *work)
{
	for (; queue != NULL; queue = queue->next)
		if (queue->places != NULL && queue->type == 'x' &&
			!queue->for_all)
			blocking_raise_outside(&blocking->keys, queue, work);
}

static void
wake_all_readers(struct blocking *blocking, struct blocking_work *work)
{
	struct awaited_key *key, *next;

	HASH_ITER (hh, blocking->keys.table, key, next)
		wake_readers(blocking, key->queues, work);
}

static void
wake_readers_of_keys(struct blocking *blocking, const struct request *request,
	struct blocking_work *work)
{
	enum { KEYS_MAX = 64 };
	int indices[KEYS_MAX];
	int count = command_find_keys(request->command, request->argv,
		request->argc, indices, NULL, KEYS_MAX);

	for (int i = 0; i < count && i < KEYS_MAX; i++) {
		struct blocking_name name;

		blocking_name_key(
			&name, request->db, request->argv[indices[i]]);
		wake_readers(blocking,
			blocking_find_queues(&blocking->keys, &name), work);
	}
	/* More than fit: as for a command that names none. */
	if (count > KEYS_MAX)
		wake_all_readers(blocking, work);
}

void
blocking_note_write(const struct request *request)
{
	const struct command *command = request->command;
	struct blocking_work work;
	struct blocking *blocking;

	if (!(command->flags & CMD_WRITE) || command->group == GROUP_STREAM)
		return;
	blocking = hub_of(request);
	if (atomic_load_explicit(&blocking->registered, memory_order_relaxed) ==
		0)
		return;
	blocking_work_init(&work, request->store);
	blocking_lock(blocking);
	if (command->keys[0].begin == KEY_BEGIN_NONE)
		wake_all_readers(blocking, &work);
	else
		wake_readers_of_keys(blocking, request, &work);
	blocking_unlock(blocking);
	do_work(&work);
}

enum blocking_awaited
blocking_find_awaited(struct blocking *blocking, const struct store *store,
	int db, struct bytes key)
{
	struct blocking_name name;
	struct blocking_queue *queue;
	enum blocking_awaited awaited = AWAITED_BY_NOBODY;

	if (atomic_load_explicit(&blocking->registered, memory_order_relaxed) ==
		0)
		return AWAITED_BY_NOBODY;
	blocking_name_key(&name, db, key);
	pthread_mutex_lock(&blocking->mutex);
	queue = blocking_find_queues(&blocking->keys, &name);
	for (; queue != NULL; queue = queue->next) {
		if (queue->places == NULL)
			continue;
		if (queue->elsewhere > 0 ||
			(queue->in_flight > 0 && queue->sender != store))
			awaited = AWAITED;
		else if (awaited == AWAITED_BY_NOBODY)
			awaited = AWAITED_IN_LANE;
	}
	pthread_mutex_unlock(&blocking->mutex);
	return awaited;
}

long
blocking_count(const struct blocking *blocking)
{
	return atomic_load_explicit(&blocking->waiting, memory_order_relaxed);
}

/* --- life ------------------------------------------------------------ */

struct blocking *
blocking_new(struct server *server)
{
	struct blocking *blocking =
		memory_allocate_zeroed(1, sizeof(*blocking));

	blocking->server = server;
	pthread_mutex_init(&blocking->mutex, NULL);
	return blocking;
}

void
blocking_free(struct blocking *blocking)
{
	if (blocking == NULL)
		return;
	blocking_free_keys(&blocking->keys);
	pthread_mutex_destroy(&blocking->mutex);
	free(blocking);
}

void
blocking_close(struct blocking *blocking)
{
	struct blocking_work work;

	blocking_work_init(&work, NULL);
	blocking_lock(blocking);
	blocking->closing = true;
	blocking_claim_waiting(&blocking->keys, ENDING_SHUTDOWN, &work);
	blocking_unlock(blocking);
	do_work(&work);
}
