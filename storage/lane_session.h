/* Sets up a lane's connection, and knows whether its last batch was committed.
 *
 * A lane is known to the database by a random number of 63 bits: the key of
 * its row in respgres.lane and of the advisory lock that its backend holds. */
#ifndef STORAGE_LANE_SESSION_H
#define STORAGE_LANE_SESSION_H

#include "storage/statement.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

struct link;

struct lane_session {
	int64_t id;
	int old_pid; /* the backend before this one, 0: none */
	int64_t last_batch; /* as the database has it; 0: none */
	int answered;
	bool failed;
	char error[160];
};

void lane_session_init(struct lane_session *session, int64_t id);

/* Sends the session's settings; with `claim` also ends the old backend, waits
 * for the lane's lock and asks for the last committed batch.  One Sync. */
void lane_session_start(struct lane_session *session, struct link *link,
	enum schema schema, bool synchronous, int64_t instance, bool claim);
/* Takes over the answer to one of those statements. */
void lane_session_result(struct lane_session *session, PGresult *result);
/* After the sync: whether all succeeded; else `error` says why. */
bool lane_session_ok(const struct lane_session *session);

/* Executes the prepared statement that records the batch's number. */
bool lane_session_send_mark(const struct lane_session *session,
	struct link *link, int64_t batch_number);

#endif
