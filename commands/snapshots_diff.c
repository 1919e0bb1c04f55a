/* SNAPSHOT DIFF: what the second of two snapshots has more, less, or other.
 *
 * Keys of both are walked through side by side; pages that both have are left
 * out, and so cost nothing. */
#include "commands/snapshots.h"

#include "commands/reply.h"
#include "commands/request.h"
#include "commands/snapshot_cursor.h"
#include "commands/snapshot_reading.h"
#include "storage/base/memory.h"
#include "storage/call.h"
#include "storage/indexed_key.h"
#include "storage/result.h"

#include <stdlib.h>
#include <string.h>

enum { DIFFERENCES = 1000 };
enum { ADDED, REMOVED, CHANGED, KIND_COUNT };

struct side {
	struct snapshot_reading *reading;
	struct snapshot_entry entry;
	bool has_entry, ended;
};

struct diff {
	struct request *request;
	struct snapshot_options options;
	int64_t cursor, count; /* differences to leave out, and to tell */
	int64_t met;
	struct side sides[2];
	bool at_end;
	int found; /* readings that have been found */
	/* Keys, each behind its size; and how many. */
	struct rdb_sink keys[KIND_COUNT];
	size_t counts[KIND_COUNT];
};

static void
free_diff(struct diff *diff)
{
	snapshot_reading_free(diff->sides[0].reading);
	snapshot_reading_free(diff->sides[1].reading);
	for (int i = 0; i < KIND_COUNT; i++)
		rdb_sink_release(&diff->keys[i]);
	free(diff);
}

/* Replies an error of either side, when there is one. */
static bool
failed(struct diff *diff)
{
	struct request *request = diff->request;

	for (int i = 0; i < 2; i++) {
		const struct snapshot_error *error =
			&diff->sides[i].reading->error;

		if (!snapshot_has_failed(error))
			continue;
		reply_error(&request->reply, error->text);
		free_diff(diff);
		request_finish(request);
		return true;
	}
	return false;
}

/* --- keys ------------------------------------------------------------ */

static void
reply_keys(struct diff *diff)
{
	static const char *const names[] = { "added", "removed", "changed" };
	struct request *request = diff->request;
	struct reply *reply = &request->reply;

	reply_map(reply, KIND_COUNT + 2);
	reply_bulk_text(reply, "kind");
	reply_bulk_text(reply, "keys");
	reply_bulk_text(reply, "cursor");
	reply_bulk_integer(reply, diff->at_end ? 0 : diff->met);
	for (int i = 0; i < KIND_COUNT; i++) {
		const char *at = diff->keys[i].data;

		reply_bulk_text(reply, names[i]);
		reply_array(reply, diff->counts[i]);
		for (size_t j = 0; j < diff->counts[i]; j++) {
			uint64_t size;

			memcpy(&size, at, sizeof(size));
			at += sizeof(size);
			reply_bulk(reply, (struct bytes){ at, size });
			at += size;
		}
	}
	free_diff(diff);
	request_finish(request);
}

static void
add_difference(struct diff *diff, int kind, struct bytes key)
{
	uint64_t size = key.size;

	if (diff->met++ < diff->cursor)
		return;
	rdb_sink_bytes(&diff->keys[kind], &size, sizeof(size));
	rdb_sink_bytes(&diff->keys[kind], key.data, key.size);
	diff->counts[kind]++;
}

/* In the order of the pages. */
static int
compare_keys(struct bytes a, struct bytes b)
{
	char forms[2][INDEXED_KEY_SIZE];

	if (!indexed_key_is_plain(a)) {
		indexed_key_make(a, forms[0]);
		a = (struct bytes){ forms[0], INDEXED_KEY_SIZE };
	}
	if (!indexed_key_is_plain(b)) {
		indexed_key_make(b, forms[1]);
		b = (struct bytes){ forms[1], INDEXED_KEY_SIZE };
	}
	return bytes_compare(a, b);
}

/* A different way of cutting is no difference. */
static bool
is_same(const struct snapshot_entry *a, const struct snapshot_entry *b)
{
	if (a->type != b->type || a->expires_at != b->expires_at ||
		a->in_pieces != b->in_pieces ||
		a->payload_size != b->payload_size)
		return false;
	return a->in_pieces ? bytes_equal(a->digest, b->digest) :
			      bytes_equal(a->payload, b->payload);
}

/* Leaves out pages that both have next. */
static void
skip_pages(struct diff *diff)
{
	struct snapshot_cursor *a = diff->sides[0].reading->cursor;
	struct snapshot_cursor *b = diff->sides[1].reading->cursor;
	const char *next[2];

	if (diff->sides[0].has_entry || diff->sides[1].has_entry)
		return;
	while ((next[0] = snapshot_cursor_next_page(a)) != NULL &&
		(next[1] = snapshot_cursor_next_page(b)) != NULL &&
		memcmp(next[0], next[1], SNAPSHOT_HASH_SIZE) == 0) {
		snapshot_cursor_skip_page(a);
		snapshot_cursor_skip_page(b);
	}
}

/* False: not yet. */
static bool
fetch(struct side *side)
{
	enum cursor_step step;

	if (side->has_entry || side->ended)
		return true;
	step = snapshot_cursor_next(side->reading->cursor, &side->entry);
	side->has_entry = step == CURSOR_ENTRY;
	side->ended = step == CURSOR_END;
	return step != CURSOR_WAIT;
}

static void
compare_entries(struct diff *diff)
{
	struct side *a = &diff->sides[0], *b = &diff->sides[1];
	int order = a->ended ? 1 :
		b->ended     ? -1 :
			       compare_keys(a->entry.key, b->entry.key);

	if (order < 0)
		add_difference(diff, REMOVED, a->entry.key);
	else if (order > 0)
		add_difference(diff, ADDED, b->entry.key);
	else if (!is_same(&a->entry, &b->entry))
		add_difference(diff, CHANGED, b->entry.key);
	if (order <= 0)
		a->has_entry = false;
	if (order >= 0)
		b->has_entry = false;
}

static void
compare(void *arg)
{
	struct diff *diff = arg;
	struct side *a = &diff->sides[0], *b = &diff->sides[1];

	for (;;) {
		bool ready;

		if (snapshot_cursor_is_waiting(a->reading->cursor) ||
			snapshot_cursor_is_waiting(b->reading->cursor))
			return;
		if (failed(diff))
			return;
		if (diff->met >= diff->cursor + diff->count)
			break;
		skip_pages(diff);
		/* Both may have to read. */
		ready = fetch(a);
		if (!fetch(b) || !ready)
			return;
		if (failed(diff))
			return;
		if (a->ended && b->ended) {
			diff->at_end = true;
			break;
		}
		compare_entries(diff);
	}
	reply_keys(diff);
}

/* --- data ------------------------------------------------------------ */

static void
reply_data(struct diff *diff, struct bytes patch)
{
	struct request *request = diff->request;
	struct reply *reply = &request->reply;
	struct bytes a = rdb_sink_written(&diff->sides[0].reading->data);
	struct bytes b = rdb_sink_written(&diff->sides[1].reading->data);

	reply_map(reply, 5);
	reply_bulk_text(reply, "kind");
	reply_bulk_text(reply, "data");
	reply_bulk_text(reply, "same");
	reply_bool(reply, bytes_equal(a, b));
	reply_bulk_text(reply, "bytes_before");
	reply_integer(reply, (int64_t)a.size);
	reply_bulk_text(reply, "bytes_after");
	reply_integer(reply, (int64_t)b.size);
	reply_bulk_text(reply, "patch");
	if (patch.data == NULL)
		reply_null(reply);
	else
		reply_bulk(reply, patch);
	free_diff(diff);
	request_finish(request);
}

static void
patched(void *arg, const struct result *result)
{
	struct diff *diff = arg;
	struct snapshot_error *error = &diff->sides[0].reading->error;

	if (snapshot_failed(error, result, false))
		failed(diff);
	else if (result->row_count == 0 || result_is_null(result, 0, 0))
		reply_data(diff, (struct bytes){ 0 });
	else
		reply_data(diff, result_bytes(result, 0, 0));
}

static void
data_loaded(struct snapshot_reading *reading)
{
	struct diff *diff = reading->state;
	struct request *request = diff->request;
	struct call *call;

	if (++diff->found < 2 || failed(diff))
		return;
	call = call_new(
		request->store, SQL_snapshot_json_difference, patched, diff);
	for (int i = 0; i < 2; i++) {
		struct bytes data =
			rdb_sink_written(&diff->sides[i].reading->data);

		call_bind_bytes(call, data.size > 0 ? data : bytes_of(""));
	}
	call_send_route(call, ROUTE_BULK, request->db);
}

/* --- the beginning --------------------------------------------------- */

static void
found(struct snapshot_reading *reading)
{
	struct diff *diff = reading->state;
	struct side *sides = diff->sides;

	if (++diff->found < 2)
		return;
	diff->found = 0;
	if (failed(diff))
		return;
	if (sides[0].reading->kind != sides[1].reading->kind)
		snapshot_error_set(&sides[0].reading->error,
			"ERR one of the snapshots holds data, the other keys");
	if (failed(diff))
		return;
	for (int i = 0; i < 2; i++)
		if (reading->kind == 'k')
			snapshot_reading_open_for(
				sides[i].reading, false, compare, diff);
		else
			snapshot_reading_load_data(
				sides[i].reading, data_loaded);
}

void
cmd_snapshot_diff(struct request *request)
{
	struct snapshot_options options;
	struct diff *diff;
	int64_t cursor = 0;

	if (!snapshot_read_options(
		    request, 4, WORD(CURSOR) | WORD(COUNT), &options))
		return;
	if (snapshot_has(&options, WORD(CURSOR)) &&
		!request_parse_cursor(
			request, options.values[WORD_CURSOR], &cursor))
		return;
	diff = memory_allocate_zeroed(1, sizeof(*diff));
	diff->request = request;
	diff->cursor = cursor;
	diff->count = snapshot_has(&options, WORD(COUNT)) ?
		options.numbers[WORD_COUNT] :
		DIFFERENCES;
	for (int i = 0; i < 2; i++) {
		diff->sides[i].reading = snapshot_reading_new(request,
			request->argv[2 + i], SQL_snapshot_find, found);
		diff->sides[i].reading->state = diff;
	}
}
