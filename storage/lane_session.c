/* The first statements of a lane's connection; see lane_session.h. */
#include "storage/lane_session.h"

#include "storage/link.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Position of lane_last_batch among the statements of the start. */
enum { ANSWER_LAST_BATCH = 3 };

void
lane_session_init(struct lane_session *session, int64_t id)
{
	memset(session, 0, sizeof(*session));
	session->id = id;
}

static void
send(struct link *link, enum statement_id id, enum schema schema, int count,
	const char *const *values)
{
	char *text = statement_text_for_schema(statement_get(id)->text, schema);

	link_send_query(link, text, count, values);
	free(text);
}

void
lane_session_start(struct lane_session *session, struct link *link,
	enum schema schema, bool synchronous, int64_t instance, bool claim)
{
	char id[24], pid[16], number[24];
	const char *settings[] = { synchronous ? "on" : "off", number };
	const char *lane[] = { id }, *old[] = { pid };

	session->answered = 0;
	session->failed = false;
	session->last_batch = 0;
	snprintf(id, sizeof(id), "%" PRId64, session->id);
	snprintf(pid, sizeof(pid), "%d", session->old_pid);
	snprintf(number, sizeof(number), "%" PRId64, instance);
	send(link, SQL_session_settings, schema, 2, settings);
	if (claim) {
		send(link, SQL_lane_terminate, schema, 1, old);
		send(link, SQL_lane_claim, schema, 1, lane);
		send(link, SQL_lane_last_batch, schema, 1, lane);
	}
	link_sync(link);
	session->old_pid = link_backend_pid(link);
}

void
lane_session_result(struct lane_session *session, PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);
	uint64_t number;

	if (status == PGRES_FATAL_ERROR) {
		session->failed = true;
		snprintf(session->error, sizeof(session->error), "%s",
			PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
	} else if (session->answered == ANSWER_LAST_BATCH &&
		status == PGRES_TUPLES_OK && PQntuples(result) == 1) {
		memcpy(&number, PQgetvalue(result, 0, 0), sizeof(number));
		session->last_batch = (int64_t)be64toh(number);
	}
	session->answered++;
	PQclear(result);
}

bool
lane_session_ok(const struct lane_session *session)
{
	return !session->failed;
}

bool
lane_session_send_mark(const struct lane_session *session, struct link *link,
	int64_t batch_number)
{
	uint64_t lane = htobe64((uint64_t)session->id);
	uint64_t batch = htobe64((uint64_t)batch_number);
	const char *values[] = { (char *)&lane, (char *)&batch };
	const int sizes[] = { sizeof(lane), sizeof(batch) };

	return link_send_execute(
		link, statement_get(SQL_lane_mark)->name, 2, values, sizes);
}
