/* TAG INFO: what the tagged keys of a database are like, and whether all is
 * well. */
#include "commands/tags.h"

#include "commands/fields.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/server.h"
#include "commands/statistics.h"
#include "storage/call.h"
#include "storage/result.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

enum {
	TOP_COUNT = 10,
	REASONS_MAX = 8,
	REASON_SIZE = 160,
	/* Below so many look-ups a rate means nothing. */
	LOOKUPS_MIN = 1000,
	/* And of so few entries, how many are stale. */
	ENTRIES_MIN = 100,
	DEAD_ROWS_MIN = 10000,
	UNFINISHED_LONG_MS = 60000,
};

/* Columns of tag_facts. */
enum {
	FACT_ENTRIES,
	FACT_BYTES,
	FACT_STALE,
	FACT_TAGS,
	FACT_SAMPLED,
	FACT_DEAD_ROWS,
	FACT_LIVE_ROWS,
	FACT_UNFINISHED,
	FACT_UNFINISHED_MS,
};

struct facts {
	int64_t entries, bytes, stale, tags, dead_rows, live_rows, unfinished,
		unfinished_ms;
	double sampled, hit_rate;
	uint64_t hits, misses;
	const char *health;
	int reason_count;
	char reasons[REASONS_MAX][REASON_SIZE];
};

static void __attribute__((format(printf, 3, 4)))
give_reason(struct facts *facts, const char *health, const char *format, ...)
{
	va_list arguments;

	/* "critical" stays. */
	if (facts->health[0] != 'c')
		facts->health = health;
	va_start(arguments, format);
	vsnprintf(facts->reasons[facts->reason_count++], REASON_SIZE, format,
		arguments);
	va_end(arguments);
}

static void
judge(struct facts *facts)
{
	facts->health = "ok";
	if (facts->hits + facts->misses >= LOOKUPS_MIN && facts->hit_rate < 0.5)
		give_reason(facts, "warning",
			"%.0f %% of the look-ups found nothing",
			(1 - facts->hit_rate) * 100);
	if (facts->entries >= ENTRIES_MIN && facts->stale * 10 > facts->entries)
		give_reason(facts, "warning",
			"%" PRId64 " of %" PRId64 " entries are stale",
			facts->stale, facts->entries);
	if (facts->dead_rows > DEAD_ROWS_MIN &&
		facts->dead_rows > facts->live_rows / 4)
		give_reason(facts, "warning",
			"%" PRId64 " dead rows beside %" PRId64
			" live ones: autovacuum lags behind, and searches read "
			"them too",
			facts->dead_rows, facts->live_rows);
	if (facts->unfinished_ms > UNFINISHED_LONG_MS)
		give_reason(facts, "critical",
			"an invalidation has been under way for %" PRId64
			" seconds: somebody may hold its keys",
			facts->unfinished_ms / 1000);
}

static void
read_facts(struct request *request, const struct result *result,
	struct facts *facts)
{
	struct statistics statistics = statistics_sum(request->server);
	uint64_t lookups;

	facts->entries = result_int64(result, 0, FACT_ENTRIES);
	facts->bytes = result_int64(result, 0, FACT_BYTES);
	facts->stale = result_int64(result, 0, FACT_STALE);
	facts->tags = result_int64(result, 0, FACT_TAGS);
	facts->sampled = result_double(result, 0, FACT_SAMPLED);
	facts->dead_rows = result_int64(result, 0, FACT_DEAD_ROWS);
	facts->live_rows = result_int64(result, 0, FACT_LIVE_ROWS);
	facts->unfinished = result_int64(result, 0, FACT_UNFINISHED);
	facts->unfinished_ms = result_int64(result, 0, FACT_UNFINISHED_MS);
	facts->hits = statistics.keyspace_hits;
	facts->misses = statistics.keyspace_misses;
	lookups = facts->hits + facts->misses;
	facts->hit_rate = lookups ? (double)facts->hits / (double)lookups : 0;
	facts->reason_count = 0;
	judge(facts);
}

static void
reply_facts(struct request *request, const struct facts *facts)
{
	struct reply *reply = &request->reply;
	struct fields fields = { 0 };
	uint64_t lookups = facts->hits + facts->misses;

	fields_add(&fields, "entries", facts->entries);
	fields_add(&fields, "bytes", facts->bytes);
	fields_add(&fields, "tags", facts->tags);
	fields_add(&fields, "stale", facts->stale);
	fields_add_double(&fields, "sampled", facts->sampled);
	fields_add(&fields, "hits", (int64_t)facts->hits);
	fields_add(&fields, "misses", (int64_t)facts->misses);
	fields_add_double(&fields, "hit_rate", facts->hit_rate);
	fields_add_double(
		&fields, "miss_rate", lookups ? 1 - facts->hit_rate : 0);
	fields_add(&fields, "expired",
		(int64_t)atomic_load(&request->server->expired_keys));
	fields_add(&fields, "invalidations_running", facts->unfinished);
	fields_add_text(&fields, "health", facts->health);
	fields_reply(&fields, reply, 2);
	reply_bulk_text(reply, "reasons");
	reply_array(reply, (size_t)facts->reason_count);
	for (int i = 0; i < facts->reason_count; i++)
		reply_bulk_text(reply, facts->reasons[i]);
}

static void
top_done(void *arg, const struct result *result)
{
	enum { TAG, ENTRIES };
	struct request *request = arg;
	struct reply *reply = &request->reply;

	if (request_failed(request, result))
		return;
	reply_facts(request, request->state);
	reply_bulk_text(reply, "top");
	reply_array(reply, (size_t)result->row_count);
	for (int row = 0; row < result->row_count; row++) {
		reply_map(reply, 2);
		reply_bulk_text(reply, "tag");
		reply_bulk(reply, result_bytes(result, row, TAG));
		reply_bulk_text(reply, "entries");
		reply_integer(reply, result_int64(result, row, ENTRIES));
	}
	request_finish(request);
}

static void
facts_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	struct call *call;

	if (request_failed(request, result))
		return;
	request->state = request_allocate(request, sizeof(struct facts));
	read_facts(request, result, request->state);
	call = call_new(request->store, SQL_tag_top, top_done, request);
	call_bind_int32(call, request->db);
	call_bind_int64(call, TOP_COUNT);
	call_send_route(call, ROUTE_BULK, request->db);
}

void
tags_run_info(struct request *request)
{
	struct call *call =
		call_new(request->store, SQL_tag_facts, facts_done, request);

	call_bind_int32(call, request->db);
	call_send_route(call, ROUTE_BULK, request->db);
}
