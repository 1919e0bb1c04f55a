/* POOL DIAGNOSTICS: every connection, as respgres and as PostgreSQL sees it.
 *
 * What PostgreSQL says is asked for over the admin lane, which waits behind
 * nothing; while that has no connection the rest is answered alone. */
#include "commands/command.h"
#include "commands/fields.h"
#include "commands/pool.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/server.h"
#include "storage/call.h"

#include <stdlib.h>

struct diagnostics {
	struct request *request;
	struct pool_facts *facts;
	bool all; /* other processes' connections too */
};

static void
reply_pids(struct reply *reply, const char *name, const char *list)
{
	size_t count = *list != '\0';

	reply_bulk_text(reply, name);
	for (const char *at = list; *at != '\0'; at++)
		count += *at == ',';
	reply_array(reply, count);
	while (*list != '\0') {
		char *end;

		reply_integer(reply, strtol(list, &end, 10));
		list = *end == ',' ? end + 1 : end;
	}
}

static int64_t
milliseconds(const struct result *rows, int row, int column)
{
	return (int64_t)(result_double(rows, row, column) * 1000);
}

/* `lane` or `row` may be missing (NULL, -1), not both. */
static void
reply_connection(struct reply *reply, const struct pool_facts *facts,
	const struct lane_facts *lane, const char *class,
	const struct result *rows, int row)
{
	struct fields fields = { 0 };
	bool seen = row >= 0;

	fields_add(&fields, "id",
		lane != NULL ? lane->backend_pid : result_int64(rows, row, 0));
	fields_add_text(&fields, "name",
		lane != NULL ? lane->name : result_text(rows, row, 1));
	fields_add_text(&fields, "class", class);
	if (lane != NULL) {
		fields_add_text(
			&fields, "storage", pool_storage_name(lane->class));
		fields_add_text(
			&fields, "lane_state", pool_state_name(facts, lane));
		fields_add(&fields, "cl_active", lane->active);
		fields_add(&fields, "cl_waiting", lane->queued);
		fields_add(&fields, "maxwait_ms", lane->oldest_us / 1000);
		fields_add_text(&fields, "statement", lane->statement);
		fields_add_text(&fields, "connect_error",
			lane->error[0] != '\0' ? lane->error : NULL);
	}
	if (!seen) {
		fields_reply(&fields, reply, 0);
		return;
	}
	fields_add_text(&fields, "state", result_text(rows, row, 2));
	fields_add(&fields, "age_ms", milliseconds(rows, row, 3));
	fields_add(&fields, "state_ms", milliseconds(rows, row, 4));
	fields_add(&fields, "transaction_ms",
		result_double(rows, row, 5) < 0 ? -1 :
						  milliseconds(rows, row, 5));
	fields_add_text(&fields, "query", result_text(rows, row, 6));
	fields_add_text(&fields, "wait_event_type", result_text(rows, row, 7));
	fields_add_text(&fields, "wait_event", result_text(rows, row, 8));
	fields_add(&fields, "locks", result_int64(rows, row, 9));
	fields_add_text(&fields, "waits_for", result_text(rows, row, 10));
	fields_reply(&fields, reply, 2);
	reply_pids(reply, "blocked_by", result_text(rows, row, 11));
	reply_pids(reply, "blocks", result_text(rows, row, 12));
}

static int
find_row(const struct result *rows, int pid)
{
	for (int row = 0; rows != NULL && pid != 0 && row < rows->row_count;
		row++)
		if (result_int64(rows, row, 0) == pid)
			return row;
	return -1;
}

static bool
is_shown(const struct lane_facts *lane)
{
	return lane->state != LANE_RETIRED && lane->state != LANE_CLOSED;
}

static bool
is_lanes(const struct pool_facts *facts, int64_t pid)
{
	for (int i = 0; i < facts->count; i++)
		if (facts->lanes[i].backend_pid == pid)
			return true;
	return false;
}

/* Of a connection that has no lane here; NULL: it has one, or is not asked
 * for. */
static const char *
class_without_lane(const struct diagnostics *diagnostics,
	const struct result *rows, int row)
{
	const struct pool_facts *facts = diagnostics->facts;
	int64_t pid = result_int64(rows, row, 0);

	if (is_lanes(facts, pid))
		return NULL;
	for (int i = 0; i < PLACE_COUNT; i++)
		if (facts->background[i].backend_pid == pid)
			return pool_class_name(facts->background[i].class);
	return diagnostics->all ? "other" : NULL;
}

static void
reply_all(struct diagnostics *diagnostics, const struct result *rows)
{
	struct request *request = diagnostics->request;
	struct reply *reply = &request->reply;
	struct pool_facts *facts = diagnostics->facts;
	int row_count = rows != NULL ? rows->row_count : 0;
	size_t count = 0;

	for (int i = 0; i < facts->count; i++)
		count += is_shown(&facts->lanes[i]);
	for (int row = 0; row < row_count; row++)
		count += class_without_lane(diagnostics, rows, row) != NULL;
	reply_array(reply, count);
	for (int i = 0; i < facts->count; i++) {
		const struct lane_facts *lane = &facts->lanes[i];

		if (is_shown(lane))
			reply_connection(reply, facts, lane,
				pool_class_name(pool_class_of(lane->kind)),
				rows, find_row(rows, lane->backend_pid));
	}
	for (int row = 0; row < row_count; row++) {
		const char *class = class_without_lane(diagnostics, rows, row);

		if (class != NULL)
			reply_connection(reply, facts, NULL, class, rows, row);
	}
	pool_facts_free(facts);
	request_finish(request);
}

static void
take_rows(void *arg, const struct result *result)
{
	struct diagnostics *diagnostics = arg;
	struct pool_facts *facts = diagnostics->facts;

	if (result->status == STORE_DOWN)
		reply_all(diagnostics, NULL);
	else if (request_failed(diagnostics->request, result))
		pool_facts_free(facts);
	else
		reply_all(diagnostics, result);
}

static void
take_facts(void *arg, struct pool_facts *facts)
{
	struct diagnostics *diagnostics = arg;
	struct request *request = diagnostics->request;

	diagnostics->facts = facts;
	if (!pool_can_ask(facts)) {
		reply_all(diagnostics, NULL);
		return;
	}
	call_send_route(call_new(request->store, SQL_pool_diagnostics,
				take_rows, diagnostics),
		ROUTE_ADMIN, request->db);
}

void
pool_run_diagnostics(struct request *request)
{
	struct diagnostics *diagnostics =
		request_allocate(request, sizeof(*diagnostics));

	*diagnostics = (struct diagnostics){ .request = request };
	if (request->argc > 3 ||
		(request->argc == 3 && !request_is_word(request, 2, "ALL"))) {
		request_reply_syntax_error(request);
		return;
	}
	diagnostics->all = request->argc == 3;
	pool_read(request->store, take_facts, diagnostics);
}
