/* Shared turns for lanes, exclusive turns for the joint lane; see gate.h.
 *
 * Invariant: `admitted` lanes were woken after an exclusive turn and have
 * neither entered nor cancelled; while there are any, the joint lane waits. */
#include "storage/gate.h"

#include "storage/base/memory.h"
#include "storage/lane.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

enum { GATE_WAITERS_MAX = 256 };

struct gate {
	pthread_mutex_t mutex;
	int entered; /* lanes with a batch in flight */
	int admitted;
	bool exclusive; /* the joint lane has a batch in flight */
	struct lane *joint_waiting;
	struct lane *waiting[GATE_WAITERS_MAX];
	int waiting_count;
	struct lane *admitted_lanes[GATE_WAITERS_MAX];
};

struct gate *
gate_new(void)
{
	struct gate *gate = memory_allocate_zeroed(1, sizeof(*gate));

	pthread_mutex_init(&gate->mutex, NULL);
	return gate;
}

void
gate_free(struct gate *gate)
{
	if (gate == NULL)
		return;
	pthread_mutex_destroy(&gate->mutex);
	free(gate);
}

static bool
take_out(struct lane **lanes, int *count, const struct lane *lane)
{
	for (int i = 0; i < *count; i++)
		if (lanes[i] == lane) {
			lanes[i] = lanes[--*count];
			return true;
		}
	return false;
}

static void
wake_joint(struct gate *gate)
{
	if (gate->joint_waiting != NULL && gate->entered == 0 &&
		gate->admitted == 0 && !gate->exclusive)
		lane_wake(gate->joint_waiting);
}

static bool
enter_exclusive(struct gate *gate, struct lane *lane)
{
	if (gate->entered > 0 || gate->admitted > 0 || gate->exclusive) {
		gate->joint_waiting = lane;
		return false;
	}
	gate->joint_waiting = NULL;
	gate->exclusive = true;
	return true;
}

static bool
enter_shared(struct gate *gate, struct lane *lane)
{
	bool admitted = take_out(gate->admitted_lanes, &gate->admitted, lane);

	if (!admitted && (gate->exclusive || gate->joint_waiting != NULL)) {
		take_out(gate->waiting, &gate->waiting_count, lane);
		assert(gate->waiting_count < GATE_WAITERS_MAX);
		gate->waiting[gate->waiting_count++] = lane;
		return false;
	}
	gate->entered++;
	return true;
}

bool
gate_enter(struct gate *gate, struct lane *lane, bool exclusive)
{
	bool entered;

	pthread_mutex_lock(&gate->mutex);
	entered = exclusive ? enter_exclusive(gate, lane) :
			      enter_shared(gate, lane);
	pthread_mutex_unlock(&gate->mutex);
	return entered;
}

/* Lets in the lanes that waited for the joint lane. */
static void
admit_waiting(struct gate *gate)
{
	for (int i = 0; i < gate->waiting_count; i++) {
		gate->admitted_lanes[gate->admitted++] = gate->waiting[i];
		lane_wake(gate->waiting[i]);
	}
	gate->waiting_count = 0;
}

void
gate_leave(struct gate *gate, bool exclusive)
{
	pthread_mutex_lock(&gate->mutex);
	if (exclusive) {
		gate->exclusive = false;
		admit_waiting(gate);
	} else {
		assert(gate->entered > 0);
		gate->entered--;
	}
	wake_joint(gate);
	pthread_mutex_unlock(&gate->mutex);
}

void
gate_cancel(struct gate *gate, struct lane *lane, bool exclusive)
{
	pthread_mutex_lock(&gate->mutex);
	if (exclusive) {
		if (gate->joint_waiting == lane) {
			gate->joint_waiting = NULL;
			admit_waiting(gate);
		}
	} else {
		take_out(gate->waiting, &gate->waiting_count, lane);
		take_out(gate->admitted_lanes, &gate->admitted, lane);
		wake_joint(gate);
	}
	pthread_mutex_unlock(&gate->mutex);
}
