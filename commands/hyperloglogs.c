/* HyperLogLog commands; the family's rows.
 *
 * They read a value, compute on it here, and write the new one if nobody has
 * changed the key meanwhile; if somebody has, they begin again.  That is
 * several calls, so a command that writes runs alone among its client's. */
#include "commands/hyperloglogs.h"

#include "commands/command.h"
#include "commands/counters.h"
#include "commands/errors.h"
#include "commands/families.h"
#include "commands/request.h"
#include "commands/server.h"
#include "commands/strings.h"
#include "storage/base/number.h"
#include "storage/base/settings.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stddef.h>
#include <string.h>

enum { COUNT_SIZE = 8 };

static size_t
sparse_max(const struct request *request)
{
	return (size_t)settings_get(
		request->server->settings, hll_sparse_max_bytes);
}

void
hyperloglogs_read(struct request *request, int index,
	void (*done)(void *arg, const struct result *result))
{
	struct call *call =
		call_new(request->store, SQL_string_get_version, done, request);

	call_bind_key(call, request->db, request->argv[index]);
	call_send(call);
}

bool
hyperloglogs_take(struct request *request, const struct result *result, int row,
	struct bytes *value)
{
	if (result_char(result, row, SKETCH_TYPE) != 's') {
		request_reply_error(request, ERROR_WRONG_TYPE);
		return false;
	}
	*value = result_bytes(result, row, SKETCH_VALUE);
	if (!sketch_is_valid(*value)) {
		request_reply_error(request, ERROR_NO_SKETCH);
		return false;
	}
	return true;
}

void
hyperloglogs_replace(struct request *request, int index,
	const struct result *result, struct sketch *sketch,
	void (*done)(void *arg, const struct result *result))
{
	bool is_new = result->row_count == 0;
	struct call *call = call_new(request->store,
		is_new ? SQL_string_create_raw : SQL_string_replace_if_version,
		done, request);

	request_take_block(request, sketch->data);
	call_bind_key(call, request->db, request->argv[index]);
	call_bind_bytes(call, sketch_bytes(sketch));
	if (!is_new) {
		call_bind_int64(call, result_int64(result, 0, SKETCH_ID));
		call_bind_int64(call, result_int64(result, 0, SKETCH_VERSION));
	}
	call_send(call);
}

/* --- PFADD ----------------------------------------------------------- */

static void add_read(void *arg, const struct result *result);

static void
add_written(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	if (result->row_count == 0) {
		hyperloglogs_read(request, 1, add_read);
		return;
	}
	counter_add(request->counters->writes, 1);
	request_reply_integer(request, 1);
}

/* Adds all elements. */
static enum sketch_change
add_elements(const struct request *request, struct sketch *sketch)
{
	size_t most = sparse_max(request);
	enum sketch_change change = SKETCH_UNCHANGED;

	for (int i = 2; i < request->argc; i++) {
		enum sketch_change one =
			sketch_add(sketch, sketch_hash(request->argv[i]), most);

		if (one == SKETCH_CORRUPT)
			return one;
		if (one == SKETCH_CHANGED)
			change = one;
	}
	return change;
}

static void
add_read(void *arg, const struct result *result)
{
	struct request *request = arg;
	bool is_new = result->row_count == 0;
	struct sketch sketch;
	struct bytes value;
	enum sketch_change change;

	if (request_failed(request, result))
		return;
	if (is_new)
		sketch_init(&sketch);
	else if (hyperloglogs_take(request, result, 0, &value))
		sketch_copy(&sketch, value);
	else
		return;
	change = add_elements(request, &sketch);
	if (is_new || change == SKETCH_CHANGED) {
		sketch_outdate_count(&sketch);
		hyperloglogs_replace(request, 1, result, &sketch, add_written);
		return;
	}
	sketch_release(&sketch);
	if (change == SKETCH_CORRUPT)
		request_reply_error(request, ERROR_CORRUPT_SKETCH);
	else
		request_reply_integer(request, 0);
}

static void
cmd_pfadd(struct request *request)
{
	hyperloglogs_read(request, 1, add_read);
}

/* --- PFCOUNT --------------------------------------------------------- */

/* What is counted while the value gets to know it. */
struct known_count {
	uint64_t count;
	char bytes[COUNT_SIZE]; /* little endian */
};

static void
count_kept(void *arg, const struct result *result)
{
	struct request *request = arg;
	const struct known_count *known = request->state;

	/* Kept or not, it is the count. */
	(void)result;
	request_reply_integer(request, (int64_t)known->count);
}

static void
keep_count(struct request *request, const struct result *result, uint64_t count)
{
	struct known_count *known = request_allocate(request, sizeof(*known));
	struct call *call;

	known->count = count;
	for (int i = 0; i < COUNT_SIZE; i++)
		known->bytes[i] = (char)(count >> 8 * i);
	request->state = known;
	call = call_new(request->store, SQL_hyperloglog_keep_count, count_kept,
		request);
	call_bind_key(call, request->db, request->argv[1]);
	call_bind_bytes(call, (struct bytes){ known->bytes, COUNT_SIZE });
	call_bind_int64(call, result_int64(result, 0, SKETCH_ID));
	call_bind_int64(call, result_int64(result, 0, SKETCH_VERSION));
	call_send(call);
}

static void
count_one(void *arg, const struct result *result)
{
	struct request *request = arg;
	struct bytes value;
	uint64_t count;

	if (request_failed(request, result))
		return;
	strings_count_lookup(request, result->row_count > 0);
	if (result->row_count == 0)
		request_reply_integer(request, 0);
	else if (!hyperloglogs_take(request, result, 0, &value))
		return;
	else if (sketch_read_count(value, &count))
		request_reply_integer(request, (int64_t)count);
	else if (sketch_estimate(value, &count))
		keep_count(request, result, count);
	else
		request_reply_error(request, ERROR_CORRUPT_SKETCH);
}

/* Merges the sketches of argv[1] and on; false when it has replied.  Tells
 * whether one is dense. */
static bool
merge_all(struct request *request, const struct result *result, uint8_t *ranks,
	bool *dense)
{
	int row = -1;

	*dense = false;
	memset(ranks, 0, SKETCH_REGISTERS);
	for (int i = 0; i < request->argc - 1; i++) {
		int found = result_row_of_element(result, i, row);
		struct bytes value;

		strings_count_lookup(request, found >= 0);
		if (found < 0)
			continue;
		row = found;
		if (!hyperloglogs_take(request, result, row, &value))
			return false;
		*dense = *dense || sketch_is_dense(value);
		if (!sketch_merge(ranks, value)) {
			request_reply_error(request, ERROR_CORRUPT_SKETCH);
			return false;
		}
	}
	return true;
}

static void
read_all(struct request *request,
	void (*done)(void *arg, const struct result *result))
{
	struct call *call =
		call_new(request->store, SQL_string_get_version, done, request);

	call_bind_keys(call, request->db, request->argv + 1, request->argc - 1);
	call_send_route(call, request->route, request->db);
}

static void
count_many(void *arg, const struct result *result)
{
	struct request *request = arg;
	uint8_t ranks[SKETCH_REGISTERS];
	bool dense;

	if (!request_failed(request, result) &&
		merge_all(request, result, ranks, &dense))
		request_reply_integer(
			request, (int64_t)sketch_estimate_ranks(ranks));
}

static void
cmd_pfcount(struct request *request)
{
	if (request->argc == 2)
		hyperloglogs_read(request, 1, count_one);
	else
		read_all(request, count_many);
}

/* --- PFMERGE --------------------------------------------------------- */

static void merge_read(void *arg, const struct result *result);

static void
merge_written(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	if (!result_int64(result, 0, 0)) {
		read_all(request, merge_read);
		return;
	}
	counter_add(request->counters->writes, 1);
	request_reply_ok(request);
}

/* The ids or versions of all keys' contents as a text; 0 for no key. */
static const char *
print_column(struct request *request, const struct result *result, int column)
{
	int count = request->argc - 1, row = -1;
	char *text = request_allocate(
		request, (size_t)count * (NUMBER_INT64_SIZE + 1));
	size_t size = 0;

	for (int i = 0; i < count; i++) {
		int found = result_row_of_element(result, i, row);

		if (found >= 0)
			row = found;
		if (i > 0)
			text[size++] = ' ';
		size += number_print_int64(text + size,
			found >= 0 ? result_int64(result, row, column) : 0);
	}
	return text;
}

static void
merge_write(struct request *request, const struct result *result,
	struct sketch *sketch)
{
	struct call *call = call_new(request->store,
		SQL_string_replace_if_versions, merge_written, request);

	request_take_block(request, sketch->data);
	call_bind_key(call, request->db, request->argv[1]);
	call_bind_bytes(call, sketch_bytes(sketch));
	call_bind_bytes_array(
		call, request->argv + 1, (uint32_t)request->argc - 1);
	call_bind_text(call, print_column(request, result, SKETCH_ID));
	call_bind_text(call, print_column(request, result, SKETCH_VERSION));
	call_send_route(call, request->route, request->db);
}

static void
merge_read(void *arg, const struct result *result)
{
	struct request *request = arg;
	uint8_t ranks[SKETCH_REGISTERS];
	struct sketch sketch;
	bool dense;
	int row;

	if (request_failed(request, result) ||
		!merge_all(request, result, ranks, &dense))
		return;
	/* The destination is a source, too. */
	row = result_row_of_element(result, 0, -1);
	if (row < 0)
		sketch_init(&sketch);
	else
		sketch_copy(&sketch, result_bytes(result, row, SKETCH_VALUE));
	/* Neither fails: what is corrupt was found in merging. */
	if (dense)
		(void)sketch_make_dense(&sketch);
	for (int i = 0; i < SKETCH_REGISTERS; i++)
		if (ranks[i] > 0)
			(void)sketch_add(&sketch,
				(struct sketch_mark){ (uint16_t)i, ranks[i] },
				sparse_max(request));
	sketch_outdate_count(&sketch);
	merge_write(request, result, &sketch);
}

static void
cmd_pfmerge(struct request *request)
{
	read_all(request, merge_read);
}

const struct command hyperloglog_commands[] = {
	{
		.name = "pfadd",
		.usage = "key [element]...",
		.summary = "Adds elements to a HyperLogLog.",
		.since = "2.8.9",
		.complexity = "O(1) for each element",
		.group = GROUP_HYPERLOGLOG,
		.arity = -2,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
		.categories = CATEGORY_HYPERLOGLOG,
		.keys = { KEY_AT(1, KEY_RW | KEY_INSERT) },
		.run = cmd_pfadd,
	},
	{
		.name = "pfcount",
		.usage = "key...",
		.summary = "Estimates how many distinct elements were added.",
		.since = "2.8.9",
		.complexity = "O(1) for one key, O(N) in the keys",
		.group = GROUP_HYPERLOGLOG,
		.arity = -2,
		.flags = CMD_READONLY | CMD_LANE,
		.categories = CATEGORY_HYPERLOGLOG,
		.keys = {
			{
				.begin = KEY_BEGIN_INDEX, .index = 1,
				.last_key = -1, .key_step = 1,
				.access = KEY_RW | KEY_ACCESS,
				.notes = "The count is kept in the value.",
			},
		},
		.run = cmd_pfcount,
	},
	{
		.name = "pfdebug",
		.usage = "subcommand key",
		.summary = "Shows or changes how a HyperLogLog is stored.",
		.since = "2.8.9",
		.complexity = "N/A",
		.group = GROUP_HYPERLOGLOG,
		.arity = 3,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_ADMIN | CMD_SYSTEM,
		.categories = CATEGORY_HYPERLOGLOG,
		.keys = { KEY_AT(2, KEY_RW | KEY_ACCESS) },
		.run = cmd_pfdebug,
	},
	{
		.name = "pfmerge",
		.usage = "destkey:key sourcekey:key...",
		.summary = "Adds HyperLogLogs to another.",
		.since = "2.8.9",
		.complexity = "O(N) in the keys",
		.group = GROUP_HYPERLOGLOG,
		.arity = -2,
		.flags = CMD_WRITE | CMD_DENYOOM,
		.categories = CATEGORY_HYPERLOGLOG,
		.keys = {
			KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_INSERT),
			KEYS_RANGE(2, -1, 1, KEY_RO | KEY_ACCESS),
		},
		.run = cmd_pfmerge,
	},
	{
		.name = "pfselftest",
		.summary = "Tests the registers and the estimates.",
		.since = "2.8.9",
		.complexity = "N/A",
		.group = GROUP_HYPERLOGLOG,
		.arity = 1,
		.flags = CMD_ADMIN | CMD_SYSTEM,
		.categories = CATEGORY_HYPERLOGLOG,
		.run = cmd_pfselftest,
	},
	{ 0 },
};
