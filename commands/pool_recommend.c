/* POOL RECOMMEND: what to change, why, and how.
 *
 * What only this process knows (how long calls wait, which lanes cannot
 * connect) is found here; sessions, tables and settings are looked at by
 * respgres.pool_recommend(). */
#include "commands/command.h"
#include "commands/fields.h"
#include "commands/pool.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/server.h"
#include "storage/call.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	FINDINGS_MAX = 64,
	TEXT_SIZE = 400,
	IDLE_SECONDS = 300,
	BATCHES_MIN = 10,
	LONG_BATCH_US = 5 * 1000 * 1000,
};

static const char *const severities[] = { "critical", "warning", "info" };

struct finding {
	char name[64], severity[16];
	char evidence[TEXT_SIZE], effect[TEXT_SIZE], action[TEXT_SIZE];
};

struct recommend {
	struct request *request;
	struct pool_facts *facts;
	int64_t idle_seconds, memory, cores;
	struct finding *findings;
	int count;
};

static struct finding *
add(struct recommend *recommend, const char *name, const char *severity)
{
	struct finding *finding =
		&recommend->findings[recommend->count < FINDINGS_MAX - 1 ?
				recommend->count++ :
				FINDINGS_MAX - 1];

	snprintf(finding->name, sizeof(finding->name), "%s", name);
	snprintf(finding->severity, sizeof(finding->severity), "%s", severity);
	return finding;
}

static void print(char text[static TEXT_SIZE], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void
print(char text[static TEXT_SIZE], const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, TEXT_SIZE, format, arguments);
	va_end(arguments);
}

/* --- what this process knows ----------------------------------------- */

static void
find_small_pool(struct recommend *recommend, enum pool_class class)
{
	const struct storage *storage = recommend->request->server->storage;
	struct pool_sum sum = pool_sum_class(recommend->facts, class);
	struct pool_size size = pool_size(storage, class);
	double p95_ms = (double)lane_wait_percentile(sum.waits, 95) / 1e3;
	struct finding *finding;
	int more = size.lanes + (size.lanes + 1) / 2;

	if (sum.recent.batches < BATCHES_MIN || pool_busy(&sum) < 0.85 ||
		pool_pressure(&sum) < 1.5 || p95_ms < 1)
		return;
	finding = add(recommend, "pool_too_small", "warning");
	print(finding->evidence,
		"%s lanes: %d, busy %.0f %% of the time; 95 %% of the calls "
		"wait up to %.1f ms, on average %.1f times as long as a batch "
		"takes (%.1f ms)",
		pool_class_name(class), size.lanes, pool_busy(&sum) * 100,
		p95_ms, pool_pressure(&sum), pool_mean_batch_us(&sum) / 1e3);
	print(finding->effect,
		"more batches at a time, shorter waits, as far as the "
		"database has processors and disks for it");
	print(finding->action,
		"POOL RESIZE %s %d %d, or POOL AUTOTUNE ON (at the start: "
		"lanes %d); fuller batches with a larger lane-batch-max",
		pool_class_name(class), more,
		more > size.most ? more : size.most, more);
}

static void
find_failing_lanes(struct recommend *recommend)
{
	const struct pool_facts *facts = recommend->facts;
	int failing = 0, connected = 0;
	const char *error = "";
	struct finding *finding;

	for (int i = 0; i < facts->count; i++) {
		const struct lane_facts *lane = &facts->lanes[i];

		connected += lane->backend_pid != 0 && lane->error[0] == '\0';
		if (lane->error[0] == '\0')
			continue;
		failing++;
		error = lane->error;
	}
	if (failing == 0)
		return;
	/* PostgreSQL lets some in and not all: there are too many of them. */
	finding = add(recommend,
		connected > 0 && strstr(error, "connection") != NULL ?
			"connections_refused" :
			"disconnected",
		"critical");
	print(finding->evidence, "%d connections cannot be made, %d are: %s",
		failing, connected, error);
	print(finding->effect,
		"commands on the keys of those lanes are executed");
	print(finding->action,
		connected > 0 ?
			"raise max_connections, end other sessions, or POOL "
			"RESIZE with fewer lanes" :
			"see that PostgreSQL runs and that respgres may "
			"connect (respgres --check)");
}

static void
find_long_batches(struct recommend *recommend)
{
	const struct pool_facts *facts = recommend->facts;

	for (int i = 0; i < facts->count; i++) {
		const struct lane_facts *lane = &facts->lanes[i];
		struct finding *finding;

		if (lane->state != LANE_ACTIVE || lane->kind == LANE_STREAM ||
			lane->kind == LANE_BULK ||
			lane->state_us < LONG_BATCH_US)
			continue;
		finding = add(recommend, "long_batch", "warning");
		print(finding->evidence,
			"%s (pid %d) has run %s for %.1f s; %d calls wait "
			"behind it",
			lane->name, lane->backend_pid,
			lane->statement != NULL ? lane->statement : "a batch",
			(double)lane->state_us / 1e6, lane->queued);
		print(finding->effect,
			"the commands of that lane's keys go on");
		print(finding->action,
			"POOL DIAGNOSTICS tells what it waits for; POOL "
			"TERMINATE %d has the batch run again on a new "
			"connection",
			lane->backend_pid);
	}
}

static void
find_pause(struct recommend *recommend)
{
	struct finding *finding;

	if (!recommend->facts->paused)
		return;
	finding = add(recommend, "paused", "warning");
	print(finding->evidence, "the pool is paused");
	print(finding->effect, "clients are served again");
	print(finding->action, "POOL RESUME");
}

/* --- the reply ------------------------------------------------------- */

static void
reply_finding(struct reply *reply, const struct finding *finding)
{
	struct fields fields = { 0 };

	fields_add_text(&fields, "finding", finding->name);
	fields_add_text(&fields, "severity", finding->severity);
	fields_add_text(&fields, "evidence", finding->evidence);
	fields_add_text(&fields, "effect", finding->effect);
	fields_add_text(&fields, "action", finding->action);
	fields_reply(&fields, reply, 0);
}

static void
reply_findings(struct recommend *recommend)
{
	struct request *request = recommend->request;

	reply_array(&request->reply, (size_t)recommend->count);
	for (size_t i = 0; i < sizeof(severities) / sizeof(severities[0]); i++)
		for (int j = 0; j < recommend->count; j++)
			if (strcmp(recommend->findings[j].severity,
				    severities[i]) == 0)
				reply_finding(&request->reply,
					&recommend->findings[j]);
	pool_facts_free(recommend->facts);
	request_finish(request);
}

static void
take_findings(void *arg, const struct result *result)
{
	struct recommend *recommend = arg;
	struct pool_facts *facts = recommend->facts;

	if (result->status == STORE_DOWN) {
		reply_findings(recommend);
		return;
	}
	if (request_failed(recommend->request, result)) {
		pool_facts_free(facts);
		return;
	}
	for (int row = 0; row < result->row_count; row++) {
		struct finding *finding =
			add(recommend, result_text(result, row, 0),
				result_text(result, row, 1));

		print(finding->evidence, "%s", result_text(result, row, 2));
		print(finding->effect, "%s", result_text(result, row, 3));
		print(finding->action, "%s", result_text(result, row, 4));
	}
	reply_findings(recommend);
}

static int
count_connected(const struct pool_facts *facts)
{
	int count = 0;

	for (int i = 0; i < facts->count; i++)
		count += facts->lanes[i].backend_pid != 0;
	for (int i = 0; i < PLACE_COUNT; i++)
		count += facts->background[i].backend_pid != 0;
	return count;
}

static void
ask_database(struct recommend *recommend)
{
	struct request *request = recommend->request;
	const struct storage *storage = request->server->storage;
	struct call *call = call_new(
		request->store, SQL_pool_recommend, take_findings, recommend);

	call_bind_optional_int64(
		call, recommend->memory > 0, recommend->memory);
	if (recommend->cores > 0)
		call_bind_int32(call, (int32_t)recommend->cores);
	else
		call_bind_null(call, VALUE_INT32);
	call_bind_int32(call, (int32_t)recommend->idle_seconds);
	call_bind_int32(call,
		pool_connections(storage, POOL_POINT,
			pool_size(storage, POOL_POINT).lanes));
	call_bind_int32(call, count_connected(recommend->facts));
	call_send_route(call, ROUTE_ADMIN, request->db);
}

static void
take_facts(void *arg, struct pool_facts *facts)
{
	struct recommend *recommend = arg;

	recommend->facts = facts;
	find_small_pool(recommend, POOL_POINT);
	find_small_pool(recommend, POOL_BULK);
	find_failing_lanes(recommend);
	find_long_batches(recommend);
	find_pause(recommend);
	if (pool_can_ask(facts))
		ask_database(recommend);
	else
		reply_findings(recommend);
}

/* --- RECOMMEND ------------------------------------------------------- */

static bool
read_number(struct request *request, int index, int64_t most, int64_t *value)
{
	if (index >= request->argc) {
		request_reply_syntax_error(request);
		return false;
	}
	if (!request_read_int64(request, index, value))
		return false;
	if (*value >= 0 && *value <= most)
		return true;
	request_reply_errorf(request, "ERR %.*s must be 0 to %" PRId64,
		(int)request->argv[index - 1].size,
		request->argv[index - 1].data, most);
	return false;
}

void
pool_run_recommend(struct request *request)
{
	struct recommend *recommend =
		request_allocate(request, sizeof(*recommend));
	struct pool_machine machine = pool_machine(request->server->storage);

	*recommend = (struct recommend){ .request = request,
		.idle_seconds = IDLE_SECONDS,
		.memory = machine.memory,
		.cores = machine.cores };
	for (int i = 2; i < request->argc; i += 2) {
		int64_t *value, most = INT_MAX;

		if (request_is_word(request, i, "IDLE")) {
			value = &recommend->idle_seconds;
		} else if (request_is_word(request, i, "CORES")) {
			value = &recommend->cores;
		} else if (request_is_word(request, i, "MEMORY")) {
			value = &recommend->memory;
			most = (int64_t)1 << 50;
		} else {
			request_reply_syntax_error(request);
			return;
		}
		if (!read_number(request, i + 1, most, value))
			return;
	}
	recommend->findings = request_allocate(
		request, FINDINGS_MAX * sizeof(*recommend->findings));
	pool_read(request->store, take_facts, recommend);
}
