/* How many lanes a class should have, from what one second showed.
 *
 * A batching lane is not too slow because it is busy: its batches grow.  It is
 * when calls wait for longer than a batch takes, that is, when by Little's law
 * more calls wait than are being executed.  Then one more lane may help, or
 * may not, where the database itself is the limit; so each step up is a trial
 * that is taken back unless it pays. */
#ifndef STORAGE_POOL_TUNE_H
#define STORAGE_POOL_TUNE_H

#include <stdbool.h>
#include <stdint.h>

enum { TUNE_REASON_SIZE = 160 };

struct tune_sample {
	int size, least, most;
	int ceiling; /* what cores and memory allow */
	int free_connections; /* of the database; -1: unknown */
	int reserve; /* of them to leave to others */
	int cost; /* connections for one lane more */
	double calls_per_second;
	double busy; /* part of the lanes' time, 0 to 1 */
	double pressure; /* calls that wait to calls being executed */
	uint64_t wait_p95_us;
};

struct tune {
	int hot, cold; /* seconds in a row */
	int trial_from; /* size before the trial; 0: none */
	int trial_seconds;
	double trial_calls;
	uint64_t trial_wait_us;
	int rest, next_rest; /* seconds without trials */
	bool held; /* that a limit holds it back has been said */
};

/* The size to have; `reason` is set when it differs, or when a limit first
 * keeps it from growing. */
int tune_decide(struct tune *tune, const struct tune_sample *sample,
	char reason[static TUNE_REASON_SIZE]);

#endif
