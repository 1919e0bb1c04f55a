/* Queues of waiting requests, and signals; see blocking_queue.h.
 *
 * Attempts of one queue run side by side only when one worker sends them, whose
 * calls to the key's lane keep their order, so that elements go to waiters in the order
 * in which these came.  A waiter that is busy with another of its keys holds up
 * those behind it: if it finds nothing there, it is the first here. */
#include "commands/blocking_queue.h"

#include "commands/request.h"
#include "storage/base/clock.h"
#include "storage/base/memory.h"
#include "storage/slot.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
	WINDOW_MAX = 64,
	LINGER_US = 10 * 1000 * 1000, /* how long an idle key is watched */
};

void
blocking_work_init(struct blocking_work *work, struct store *here)
{
	work->here = here;
	work->attempts = NULL;
	work->last_attempt = &work->attempts;
	work->finished = NULL;
	work->last_finished = &work->finished;
}

/* --- keys ------------------------------------------------------------ */

void
blocking_name_indexed(struct blocking_name *name, int db, struct bytes indexed)
{
	int32_t number = db;

	memcpy(name->text, &number, sizeof(number));
	if (indexed.size > INDEXED_KEY_SIZE)
		indexed.size = INDEXED_KEY_SIZE;
	memcpy(name->text + sizeof(number), indexed.data, indexed.size);
	name->size = sizeof(number) + indexed.size;
}

void
blocking_name_key(struct blocking_name *name, int db, struct bytes key)
{
	char form[INDEXED_KEY_SIZE];

	if (!indexed_key_is_plain(key)) {
		indexed_key_make(key, form);
		key = (struct bytes){ form, sizeof(form) };
	}
	blocking_name_indexed(name, db, key);
}

static struct awaited_key *
find_key(struct awaited_keys *keys, const struct blocking_name *name)
{
	struct awaited_key *key;

	HASH_FIND(hh, keys->table, name->text, name->size, key);
	return key;
}

struct blocking_queue *
blocking_find_queues(
	struct awaited_keys *keys, const struct blocking_name *name)
{
	struct awaited_key *key = find_key(keys, name);

	return key ? key->queues : NULL;
}

int
blocking_key_database(const struct awaited_key *key)
{
	int32_t number;

	memcpy(&number, key->name, sizeof(number));
	return number;
}

/* `key` is the one that the name stands for. */
static struct awaited_key *
make_key(struct awaited_keys *keys, const struct blocking_name *name, int db,
	struct bytes whole)
{
	struct awaited_key *key = find_key(keys, name);

	if (key != NULL && key->idle) {
		key->idle = false;
		DL_DELETE(keys->idle, key);
	}
	if (key != NULL)
		return key;
	key = memory_allocate_zeroed(1, sizeof(*key) + name->size);
	key->size = name->size;
	memcpy(key->name, name->text, name->size);
	key->feed_key.db = db;
	key->feed_key.slot = slot_of_key(whole);
	key->feed_key.key = (struct bytes){ key->name + sizeof(int32_t),
		key->size - sizeof(int32_t) };
	HASH_ADD_KEYPTR(hh, keys->table, key->name, key->size, key);
	return key;
}

static struct blocking_queue *
make_queue(struct awaited_key *key, const struct blocked *blocked)
{
	struct bytes rivals = blocked->rivals;
	struct blocking_queue *queue;

	LL_FOREACH (key->queues, queue)
		if (queue->type == blocked->type &&
			bytes_equal((struct bytes){ queue->rivals,
					    queue->rivals_size },
				rivals))
			return queue;
	queue = memory_allocate_zeroed(1, sizeof(*queue) + rivals.size);
	queue->key = key;
	queue->type = blocked->type;
	queue->for_all = blocked->type == 'x' && rivals.size == 0;
	queue->window = 1;
	queue->rivals_size = rivals.size;
	if (rivals.size > 0)
		memcpy(queue->rivals, rivals.data, rivals.size);
	LL_APPEND(key->queues, queue);
	return queue;
}

static void
touch(struct awaited_keys *keys, struct blocking_queue *queue)
{
	if (queue->touched)
		return;
	queue->touched = true;
	queue->next_touched = keys->touched;
	keys->touched = queue;
}

static void
free_key(struct awaited_keys *keys, struct awaited_key *key)
{
	if (key->idle)
		DL_DELETE(keys->idle, key);
	HASH_DEL(keys->table, key);
	free(key);
}

static void
free_queue(struct awaited_keys *keys, struct blocking_queue *queue)
{
	struct awaited_key *key = queue->key;

	LL_DELETE(key->queues, queue);
	free(queue);
	if (key->queues != NULL)
		return;
	if (key->watch == KEY_UNWATCHED) {
		free_key(keys, key);
	} else if (!key->idle) {
		key->idle = true;
		key->idle_since_us = clock_monotonic_us();
		DL_APPEND(keys->idle, key);
	}
}

void
blocking_tidy(struct awaited_keys *keys)
{
	while (keys->touched != NULL) {
		struct blocking_queue *queue = keys->touched;

		keys->touched = queue->next_touched;
		queue->touched = false;
		if (queue->places == NULL && queue->signals == NULL &&
			queue->in_flight == 0)
			free_queue(keys, queue);
	}
}

void
blocking_free_keys(struct awaited_keys *keys)
{
	struct awaited_key *key, *next_key;

	HASH_ITER (hh, keys->table, key, next_key) {
		struct blocking_queue *queue, *next_queue;

		LL_FOREACH_SAFE (key->queues, queue, next_queue) {
			struct blocking_signal *signal, *next;

			DL_FOREACH_SAFE (queue->signals, signal, next)
				free(signal);
			/* The last one may take the key along. */
			free_queue(keys, queue);
		}
	}
	HASH_ITER (hh, keys->table, key, next_key)
		free_key(keys, key);
}

/* --- attempts -------------------------------------------------------- */

/* Whoever adds also takes, where the key's lane keeps the order. */
static struct store *
choose_sender(const struct blocked *blocked, const struct blocking_work *work)
{
	bool here =
		blocked->in_lane && work->here != NULL && blocked->ending == 0;

	return here ? work->here : blocked->request->store;
}

static void
launch(struct blocking_place *place, struct blocking_signal *signal,
	struct blocking_work *work)
{
	struct blocked *blocked = place->blocked;
	struct blocking_queue *queue = place->queue;

	blocked->state = BLOCKED_ATTEMPTING;
	blocked->place = place;
	blocked->signal = signal;
	blocked->launched = queue->latest;
	blocked->tried = false;
	blocked->next_work = NULL;
	signal->in_flight++;
	queue->in_flight++;
	blocked->sender = choose_sender(blocked, work);
	queue->sender = blocked->sender;
	*work->last_attempt = blocked;
	work->last_attempt = &blocked->next_work;
}

static struct blocking_signal *
first_signal(const struct blocking_queue *queue)
{
	struct blocking_signal *signal;

	DL_FOREACH (queue->signals, signal)
		if (signal->left > 0)
			return signal;
	return NULL;
}

/* Of those whose attempt is not under way here. */
static struct blocking_place *
first_place(const struct blocking_queue *queue)
{
	struct blocking_place *place;

	DL_FOREACH (queue->places, place)
		if (place->blocked->place != place)
			return place;
	return NULL;
}

static bool
launch_next(struct blocking_queue *queue, struct blocking_work *work)
{
	struct blocking_signal *signal = first_signal(queue);
	struct blocking_place *place;

	if (signal == NULL)
		return false;
	if (queue->in_flight >=
		(signal->left == BLOCKING_UNKNOWN ? queue->window : WINDOW_MAX))
		return false;
	place = first_place(queue);
	if (place == NULL || place->blocked->state != BLOCKED_WAITING ||
		(queue->in_flight > 0 &&
			queue->sender != choose_sender(place->blocked, work)))
		return false;
	if (signal->left != BLOCKING_UNKNOWN)
		signal->left--;
	launch(place, signal, work);
	return true;
}

/* --- signals --------------------------------------------------------- */

static bool
is_over(const struct blocking_signal *signal)
{
	return !signal->held && signal->in_flight == 0 &&
		(signal->left == 0 || signal->queue->places == NULL);
}

static struct blocking_signal *
find_over(const struct blocking_queue *queue)
{
	struct blocking_signal *signal;

	DL_FOREACH (queue->signals, signal)
		/* The analyzer does not see that a freed one has left the
		 * list. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		if (is_over(signal))
			return signal;
	return NULL;
}

static void settle(struct awaited_keys *keys, struct blocking_queue *queue,
	struct blocking_work *work);

static void
close_signal(struct awaited_keys *keys, struct blocking_signal *signal,
	struct blocking_work *work)
{
	struct addition *addition = signal->addition;
	struct blocking_signal *parent;

	DL_DELETE(signal->queue->signals, signal);
	if (addition != NULL)
		LL_DELETE2(addition->signals, signal, next_of_addition);
	free(signal);
	if (addition == NULL || --addition->open > 0)
		return;
	parent = addition->parent;
	if (addition->request == NULL) {
		free(addition);
	} else {
		addition->closed = true;
		addition->next_work = NULL;
		*work->last_finished = addition;
		work->last_finished = &addition->next_work;
	}
	/* What the served request added has been served as well. */
	if (parent != NULL) {
		parent->in_flight--;
		settle(keys, parent->queue, work);
	}
}

/* Closes what is over.  An inner settle() of the same queue may have done so
 * already, hence the look from the start. */
static void
settle(struct awaited_keys *keys, struct blocking_queue *queue,
	struct blocking_work *work)
{
	struct blocking_signal *signal;

	touch(keys, queue);
	while ((signal = find_over(queue)) != NULL)
		close_signal(keys, signal, work);
}

static void
advance(struct awaited_keys *keys, struct blocking_queue *queue,
	struct blocking_work *work)
{
	if (!queue->for_all)
		while (launch_next(queue, work))
			;
	settle(keys, queue, work);
}

struct blocking_signal *
blocking_add_signal(struct blocking_queue *queue, struct addition *addition)
{
	struct blocking_signal *signal;

	LL_FOREACH2(addition->signals, signal, next_of_addition)
	if (signal->queue == queue)
		return signal;
	signal = memory_allocate_zeroed(1, sizeof(*signal));
	signal->queue = queue;
	signal->addition = addition;
	signal->held = true;
	DL_APPEND(queue->signals, signal);
	LL_PREPEND2(addition->signals, signal, next_of_addition);
	addition->open++;
	return signal;
}

/* Everybody looks; who is busy will when that is over. */
static void
raise_for_all(struct awaited_keys *keys, struct blocking_signal *signal,
	struct blocking_work *work)
{
	struct blocking_place *place;

	DL_FOREACH (signal->queue->places, place) {
		if (place->blocked->state == BLOCKED_WAITING) {
			launch(place, signal, work);
			continue;
		}
		if (place->missed != NULL)
			place->missed->in_flight--;
		place->missed = signal;
		signal->in_flight++;
	}
	settle(keys, signal->queue, work);
}

static void
raise(struct awaited_keys *keys, struct blocking_signal *signal, uint64_t bound,
	struct blocking_work *work)
{
	uint64_t begun = signal->served + (uint64_t)signal->in_flight;

	signal->number = ++signal->queue->latest;
	if (signal->queue->for_all) {
		signal->left = 0;
		raise_for_all(keys, signal, work);
		return;
	}
	if (bound == BLOCKING_UNKNOWN)
		signal->left = bound;
	else
		signal->left = bound > begun ? bound - begun : 0;
	advance(keys, signal->queue, work);
}

void
blocking_raise(struct awaited_keys *keys, struct blocking_signal *signal,
	struct blocking_work *work)
{
	raise(keys, signal, signal->addition->bound, work);
}

void
blocking_release(struct awaited_keys *keys, struct blocking_signal *signal,
	bool added, struct blocking_work *work)
{
	signal->held = false;
	if (!added)
		signal->left = 0;
	settle(keys, signal->queue, work);
}

void
blocking_raise_outside(struct awaited_keys *keys, struct blocking_queue *queue,
	struct blocking_work *work)
{
	struct blocking_signal *signal;

	DL_FOREACH (queue->signals, signal)
		if (signal->addition == NULL)
			break;
	if (signal == NULL) {
		signal = memory_allocate_zeroed(1, sizeof(*signal));
		signal->queue = queue;
		DL_APPEND(queue->signals, signal);
	}
	raise(keys, signal, BLOCKING_UNKNOWN, work);
}

/* There was nothing: not of any addition that was known when the attempt
 * began.  One that has been confirmed since may have come later. */
static void
take_back(struct blocking_signal *cause, uint64_t launched)
{
	struct blocking_signal *signal;

	DL_FOREACH (cause->queue->signals, signal)
		if (signal->number <= launched)
			signal->left = 0;
	if (cause->number > launched && cause->left != BLOCKING_UNKNOWN)
		cause->left++;
}

/* --- waiters --------------------------------------------------------- */

static bool
is_elsewhere(const struct blocking_queue *queue, const struct blocked *blocked)
{
	return !blocked->in_lane || queue->for_all;
}

bool
blocking_enter(struct awaited_keys *keys, struct blocked *blocked)
{
	struct request *request = blocked->request;
	bool behind = false;

	blocked->places = request_allocate(
		request, (size_t)blocked->key_count * sizeof(*blocked->places));
	for (int i = 0; i < blocked->key_count; i++) {
		struct blocking_name name;
		struct blocking_queue *queue;
		struct blocking_place *place;

		blocking_name_key(&name, request->db, blocked->keys[i]);
		queue = make_queue(
			make_key(keys, &name, request->db, blocked->keys[i]),
			blocked);
		/* A key that is named twice. */
		if (queue->places != NULL &&
			queue->places->prev->blocked == blocked)
			continue;
		place = &blocked->places[blocked->place_count++];
		*place = (struct blocking_place){
			.blocked = blocked, .queue = queue, .index = i
		};
		queue->elsewhere += is_elsewhere(queue, blocked);
		behind = behind || queue->key->empty ||
			(queue->places != NULL && !queue->for_all);
		DL_APPEND(queue->places, place);
	}
	return behind;
}

void
blocking_watch(struct awaited_keys *keys, struct blocked *blocked)
{
	for (int i = 0; i < blocked->place_count; i++) {
		struct awaited_key *key = blocked->places[i].queue->key;

		key->empty = true;
		if (key->watch == KEY_WATCHED || keys->feed == NULL)
			continue;
		key->watch = KEY_WATCHED;
		feed_watch(keys->feed, &key->feed_key);
	}
}

void
blocking_note_found(struct blocked *blocked)
{
	for (int i = 0; i < blocked->place_count; i++)
		blocked->places[i].queue->key->empty = false;
}

void
blocking_leave_idle(struct awaited_keys *keys)
{
	int64_t now_us = clock_monotonic_us();
	struct awaited_key *key, *next;

	DL_FOREACH_SAFE (keys->idle, key, next) {
		if (now_us - key->idle_since_us < LINGER_US)
			break;
		DL_DELETE(keys->idle, key);
		key->idle = false;
		key->watch = KEY_LEAVING;
		feed_unwatch(keys->feed, &key->feed_key);
	}
}

void
blocking_forget_key(struct awaited_keys *keys, struct feed_key *feed_key)
{
	struct awaited_key *key = (struct awaited_key *)((char *)feed_key -
		offsetof(struct awaited_key, feed_key));

	/* Who came meanwhile has had it watched again. */
	if (key->watch == KEY_WATCHED)
		return;
	key->watch = KEY_UNWATCHED;
	if (key->queues == NULL)
		free_key(keys, key);
}

void
blocking_leave(struct awaited_keys *keys, struct blocked *blocked,
	struct blocking_work *work)
{
	for (int i = 0; i < blocked->place_count; i++) {
		struct blocking_place *place = &blocked->places[i];

		if (place->missed != NULL)
			place->missed->in_flight--;
		place->queue->elsewhere -= is_elsewhere(place->queue, blocked);
		DL_DELETE(place->queue->places, place);
	}
	for (int i = 0; i < blocked->place_count; i++)
		advance(keys, blocked->places[i].queue, work);
	blocked->place_count = 0;
}

void
blocking_look_again(struct awaited_keys *keys, struct blocked *blocked,
	struct blocking_work *work)
{
	blocked->state = BLOCKED_WAITING;
	for (int i = 0; i < blocked->place_count; i++) {
		struct blocking_place *place = &blocked->places[i];
		struct blocking_signal *missed = place->missed;

		if (missed != NULL && blocked->state == BLOCKED_WAITING) {
			place->missed = NULL;
			missed->in_flight--;
			launch(place, missed, work);
		}
		advance(keys, place->queue, work);
	}
}

void
blocking_account_attempt(
	struct blocked *blocked, bool served, struct addition *addition)
{
	struct blocking_signal *signal = blocked->signal;
	struct blocking_queue *queue;

	if (blocked->place == NULL)
		return;
	queue = blocked->place->queue;
	blocked->place = NULL;
	blocked->signal = NULL;
	queue->in_flight--;
	/* An error takes nothing: the next one may have it. */
	if (!blocked->tried || (served && blocked->request->reply.is_error)) {
		if (signal->left != BLOCKING_UNKNOWN)
			signal->left++;
	} else if (!served) {
		queue->window = 1;
		if (!queue->for_all)
			take_back(signal, blocked->launched);
	} else {
		queue->window = queue->window * 2 < WINDOW_MAX ?
			queue->window * 2 :
			WINDOW_MAX;
		signal->served++;
	}
	if (addition != NULL && !addition->closed)
		addition->parent = signal;
	else
		signal->in_flight--;
}

void
blocking_claim_waiting(
	struct awaited_keys *keys, int ending, struct blocking_work *work)
{
	struct awaited_key *key, *next;
	struct blocking_queue *queue;
	struct blocking_place *place;

	HASH_ITER (hh, keys->table, key, next)
		LL_FOREACH (key->queues, queue)
			DL_FOREACH (queue->places, place) {
				struct blocked *blocked = place->blocked;

				if (blocked->state != BLOCKED_WAITING)
					continue;
				blocked->state = BLOCKED_ATTEMPTING;
				blocked->ending = ending;
				blocked->next_work = NULL;
				*work->last_attempt = blocked;
				work->last_attempt = &blocked->next_work;
			}
}
