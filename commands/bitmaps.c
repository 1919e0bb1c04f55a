/* Bitmap commands: bits of strings; the family's rows.
 *
 * All is computed in PostgreSQL: a bitmap may be large, and what is asked of
 * it small. */
#include "commands/bitmaps.h"

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

#define ERROR_BIT "ERR bit is not an integer or out of range"

bool
bitmaps_read_offset(
	struct request *request, int index, int width, int64_t *offset)
{
	struct bytes text = request->argv[index];
	int64_t bytes_max =
		settings_get(request->server->settings, proto_max_bulk_len);
	int64_t factor = 1;

	if (width > 0 && text.size > 0 && text.data[0] == '#') {
		text.data++;
		text.size--;
		factor = width;
	}
	if (number_parse_int64(text, offset) &&
		!__builtin_mul_overflow(*offset, factor, offset) &&
		*offset >= 0 && *offset / 8 < bytes_max)
		return true;
	request_reply_error(request, ERROR_BIT_OFFSET);
	return false;
}

static void
setbit_done(void *arg, const struct result *result)
{
	enum { ERROR, PREVIOUS, CHANGED };
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	if (!result_is_null(result, 0, ERROR)) {
		request_reply_error(request, result_text(result, 0, ERROR));
		return;
	}
	if (result_int64(result, 0, CHANGED))
		counter_add(request->counters->writes, 1);
	request_reply_integer(request, result_int64(result, 0, PREVIOUS));
}

static void
cmd_setbit(struct request *request)
{
	struct call *call;
	int64_t offset, bit;

	if (!bitmaps_read_offset(request, 2, 0, &offset) ||
		!request_read_int64_or(request, 3, &bit, ERROR_BIT))
		return;
	if (bit != 0 && bit != 1) {
		request_reply_error(request, ERROR_BIT);
		return;
	}
	call = call_new(
		request->store, SQL_bitmap_set_bit, setbit_done, request);
	call_bind_key(call, request->db, request->argv[1]);
	call_bind_int64(call, offset);
	call_bind_int32(call, (int32_t)bit);
	call_send(call);
}

/* What a read of a missing key answers, and the error in the arguments that
 * Redis finds only once it has found the key. */
struct read_outcome {
	int64_t absent;
	const char *error;
};

static void
read_done(void *arg, const struct result *result)
{
	enum { TYPE = 1, VALUE };
	struct request *request = arg;
	const struct read_outcome *outcome = request->state;

	if (request_failed(request, result))
		return;
	strings_count_lookup(request, result->row_count > 0);
	if (result->row_count == 0)
		request_reply_integer(request, outcome->absent);
	else if (result_char(result, 0, TYPE) != 's')
		request_reply_error(request, ERROR_WRONG_TYPE);
	else if (outcome->error != NULL)
		request_reply_error(request, outcome->error);
	else
		request_reply_integer(request, result_int64(result, 0, VALUE));
}

static struct call *
new_read(struct request *request, enum statement_id id, int64_t absent,
	const char *error)
{
	struct read_outcome *outcome =
		request_allocate(request, sizeof(*outcome));
	struct call *call;

	*outcome = (struct read_outcome){ absent, error };
	request->state = outcome;
	/* With an error only the key's type matters. */
	if (error != NULL)
		id = SQL_string_length;
	call = call_new(request->store, id, read_done, request);
	call_bind_key(call, request->db, request->argv[1]);
	return call;
}

static void
cmd_getbit(struct request *request)
{
	struct call *call;
	int64_t offset;

	if (!bitmaps_read_offset(request, 2, 0, &offset))
		return;
	call = new_read(request, SQL_bitmap_get_bit, 0, NULL);
	call_bind_int64(call, offset);
	call_send(call);
}

/* Reads argv[index] as BYTE or BIT. */
static const char *
read_unit(const struct request *request, int index, bool *by_bit)
{
	*by_bit = request_is_word(request, index, "BIT");
	return *by_bit || request_is_word(request, index, "BYTE") ?
		NULL :
		ERROR_SYNTAX;
}

static const char *
read_position(const struct request *request, int index, int64_t *position)
{
	return number_parse_int64(request->argv[index], position) ?
		NULL :
		ERROR_NOT_INTEGER;
}

struct range {
	int64_t first, last;
	bool by_bit;
};

static const char *
read_count_range(const struct request *request, struct range *range)
{
	const char *error = NULL;

	*range = (struct range){ 0, -1, false };
	if (request->argc == 2)
		return NULL;
	if (request->argc != 4 && request->argc != 5)
		return ERROR_SYNTAX;
	error = read_position(request, 2, &range->first);
	if (error == NULL)
		error = read_position(request, 3, &range->last);
	/* Such a range is empty whatever its unit. */
	if (error == NULL && range->first < 0 && range->last < 0 &&
		range->first > range->last)
		return NULL;
	if (error == NULL && request->argc == 5)
		error = read_unit(request, 4, &range->by_bit);
	return error;
}

static void
cmd_bitcount(struct request *request)
{
	struct range range;
	const char *error = read_count_range(request, &range);
	struct call *call = new_read(request, SQL_bitmap_count_bits, 0, error);

	if (error == NULL) {
		call_bind_int64(call, range.first);
		call_bind_int64(call, range.last);
		call_bind_bool(call, range.by_bit);
	}
	call_send(call);
}

static const char *
read_find_range(const struct request *request, struct range *range)
{
	const char *error;

	*range = (struct range){ 0, 0, false };
	if (request->argc > 6)
		return ERROR_SYNTAX;
	if (request->argc == 3)
		return NULL;
	error = read_position(request, 3, &range->first);
	if (error == NULL && request->argc == 6)
		error = read_unit(request, 5, &range->by_bit);
	if (error == NULL && request->argc > 4)
		error = read_position(request, 4, &range->last);
	return error;
}

static void
cmd_bitpos(struct request *request)
{
	struct range range;
	const char *error;
	struct call *call;
	int64_t bit;

	if (!request_read_int64(request, 2, &bit))
		return;
	if (bit != 0 && bit != 1) {
		request_reply_error(
			request, "ERR The bit argument must be 1 or 0.");
		return;
	}
	error = read_find_range(request, &range);
	call = new_read(request, SQL_bitmap_find_bit, -bit, error);
	if (error == NULL) {
		call_bind_int32(call, (int32_t)bit);
		call_bind_int64(call, range.first);
		call_bind_optional_int64(call, request->argc > 4, range.last);
		call_bind_bool(call, range.by_bit);
	}
	call_send(call);
}

static void
bitop_done(void *arg, const struct result *result)
{
	enum { ERROR, LENGTH };
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	if (!result_is_null(result, 0, ERROR)) {
		request_reply_error(request, result_text(result, 0, ERROR));
		return;
	}
	counter_add(request->counters->writes, 1);
	request_reply_integer(request, result_int64(result, 0, LENGTH));
}

static const char *
read_operation(const struct request *request)
{
	static const char *const names[] = { "AND", "OR", "XOR", "NOT" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (request_is_word(request, 1, names[i]))
			return names[i];
	return NULL;
}

static void
cmd_bitop(struct request *request)
{
	const char *operation = read_operation(request);
	struct call *call;

	if (operation == NULL) {
		request_reply_syntax_error(request);
		return;
	}
	if (operation[0] == 'N' && request->argc != 4) {
		request_reply_error(request,
			"ERR BITOP NOT must be called with a single source "
			"key.");
		return;
	}
	call = call_new(
		request->store, SQL_bitmap_combine, bitop_done, request);
	call_bind_int32(call, request->db);
	call_bind_text(call, operation);
	call_bind_bytes(call, request->argv[2]);
	call_bind_bytes_array(
		call, request->argv + 3, (uint32_t)request->argc - 3);
	/* It names no key to a lane. */
	call_send_route(call, ROUTE_JOINT, request->db);
}

const struct command bitmap_commands[] = {
	{
		.name = "bitcount",
		.usage = "key index:[start:integer end:integer "
			 "index_unit:[BYTE | BIT]@7.0.0]",
		.summary = "Counts the bits that are set.",
		.since = "2.6.0",
		.complexity = "O(N) in the bytes of the range",
		.group = GROUP_BITMAP,
		.arity = -2,
		.flags = CMD_READONLY | CMD_LANE,
		.categories = CATEGORY_BITMAP,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.history = { "7.0.0 BYTE and BIT." },
		.run = cmd_bitcount,
	},
	{
		.name = "bitfield",
		.usage = "key operation:[GET encoding_offset:(encoding "
			 "offset:integer) | write:([OVERFLOW "
			 "wrap_sat_fail:(WRAP | SAT | FAIL)] "
			 "write_operation:(SET encoding_offset_value:("
			 "encoding offset:integer value:integer) | INCRBY "
			 "encoding_offset_increment:(encoding offset:integer "
			 "increment:integer)))]...",
		.summary = "Reads and writes integers of any width in a "
			   "string.",
		.since = "3.2.0",
		.complexity = "O(1) for each operation",
		.group = GROUP_BITMAP,
		.arity = -2,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_LANE,
		.categories = CATEGORY_BITMAP,
		.keys = {
			{
				.begin = KEY_BEGIN_INDEX, .index = 1,
				.key_step = 1,
				.access = KEY_RW | KEY_ACCESS | KEY_UPDATE |
					KEY_VARIABLE_FLAGS,
				.notes = "With GET alone it only reads.",
			},
		},
		.run = cmd_bitfield,
	},
	{
		.name = "bitfield_ro",
		.usage = "key [GET encoding_offset:(encoding "
			 "offset:integer)]...",
		.summary = "Reads integers of any width in a string.",
		.since = "6.0.0",
		.complexity = "O(1) for each operation",
		.group = GROUP_BITMAP,
		.arity = -2,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_BITMAP,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.run = cmd_bitfield_ro,
	},
	{
		.name = "bitop",
		.usage = "operation destkey:key key...",
		.summary = "Combines strings bit by bit.",
		.since = "2.6.0",
		.complexity = "O(N) in all bytes",
		.group = GROUP_BITMAP,
		.arity = -4,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_LANE,
		.categories = CATEGORY_BITMAP,
		.keys = {
			KEY_AT(2, KEY_OW | KEY_UPDATE),
			KEYS_RANGE(3, -1, 1, KEY_RO | KEY_ACCESS),
		},
		.run = cmd_bitop,
	},
	{
		.name = "bitpos",
		.usage = "key bit:integer index:[start:integer "
			 "end_index:[end:integer "
			 "index_unit:[BYTE | BIT]@7.0.0]]",
		.summary = "Finds the first bit that is set or clear.",
		.since = "2.8.7",
		.complexity = "O(N) in the bytes of the range",
		.group = GROUP_BITMAP,
		.arity = -3,
		.flags = CMD_READONLY | CMD_LANE,
		.categories = CATEGORY_BITMAP,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.history = { "7.0.0 BYTE and BIT." },
		.run = cmd_bitpos,
	},
	{
		.name = "getbit",
		.usage = "key offset:integer",
		.summary = "Answers with one bit.",
		.since = "2.2.0",
		.complexity = "O(1)",
		.group = GROUP_BITMAP,
		.arity = 3,
		.flags = CMD_READONLY | CMD_FAST | CMD_LANE,
		.categories = CATEGORY_BITMAP,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.run = cmd_getbit,
	},
	{
		.name = "setbit",
		.usage = "key offset:integer value:integer",
		.summary = "Sets or clears one bit.",
		.since = "2.2.0",
		.complexity = "O(N) in the bytes of the string",
		.group = GROUP_BITMAP,
		.arity = 4,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_LANE,
		.categories = CATEGORY_BITMAP,
		.keys = { KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_UPDATE) },
		.run = cmd_setbit,
	},
	{ 0 },
};
