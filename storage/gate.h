/* Lets the lanes of one storage class run side by side, and the joint lane
 * alone.
 *
 * A lane's batch locks rows in the order in which clients sent them, so a
 * statement over several lanes' keys could deadlock with it.  Instead the
 * joint lane waits until no lane has a batch in flight, runs everything that
 * gathered meanwhile in one batch, and lets the lanes go on.  Each side is let
 * in after one turn of the other at the most.
 *
 * One mutex operation per batch, not per command. */
#ifndef STORAGE_GATE_H
#define STORAGE_GATE_H

#include <stdbool.h>

struct gate;
struct lane;

struct gate *gate_new(void);
void gate_free(struct gate *gate);

/* Whether the lane may send a batch now.  When not, lane_wake() is called once
 * it may try again, from any thread; a lane that no longer wants to enter then
 * says so with gate_cancel(). */
bool gate_enter(struct gate *gate, struct lane *lane, bool exclusive);
void gate_leave(struct gate *gate, bool exclusive);
void gate_cancel(struct gate *gate, struct lane *lane, bool exclusive);

#endif
