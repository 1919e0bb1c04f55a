/* BITFIELD: integers of any width in a string.
 *
 * The operations are checked here and sent as texts, which is also how an
 * application gives them to the SQL function. */
#include "commands/bitmaps.h"

#include "commands/counters.h"
#include "commands/errors.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "storage/base/number.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stddef.h>
#include <stdio.h>

/* Of one operation's text: "INCRBY i64 ", two numbers, separators. */
enum { OPERATION_SIZE = 64 };

#define ERROR_FIELD_TYPE \
	"ERR Invalid bitfield type. Use something like i16 u8. Note that " \
	"u64 is not supported but i64 is."

/* What has been read so far. */
struct fields {
	char *text; /* operations with ";" between them */
	size_t size;
	int64_t count; /* but for OVERFLOW */
	bool writes;
};

static const char *
read_field_type(struct bytes text, char *sign, int *width)
{
	int64_t number;
	struct bytes digits = { text.data + 1, text.size - 1 };

	if (text.size < 2 || (text.data[0] != 'i' && text.data[0] != 'u') ||
		!number_parse_int64(digits, &number) || number < 1 ||
		number > (text.data[0] == 'i' ? 64 : 63))
		return ERROR_FIELD_TYPE;
	*sign = text.data[0];
	*width = (int)number;
	return NULL;
}

static void
append(struct fields *fields, const char *text, int size)
{
	if (fields->size > 0)
		fields->text[fields->size++] = ';';
	memcpy(fields->text + fields->size, text, (size_t)size + 1);
	fields->size += (size_t)size;
}

/* Reads "OVERFLOW how"; false when it has replied. */
static bool
read_overflow(struct request *request, int index, struct fields *fields)
{
	static const char *const names[] = { "WRAP", "SAT", "FAIL" };
	char text[OPERATION_SIZE];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!request_is_word(request, index, names[i]))
			continue;
		append(fields, text,
			snprintf(text, sizeof(text), "OVERFLOW %s", names[i]));
		return true;
	}
	request_reply_error(request, "ERR Invalid OVERFLOW type specified");
	return false;
}

/* Reads "verb type offset [value]"; false when it has replied. */
static bool
read_operation(struct request *request, int index, const char *verb,
	bool has_value, struct fields *fields)
{
	const char *error;
	char text[OPERATION_SIZE], sign;
	int width, size;
	int64_t offset, value;

	error = read_field_type(request->argv[index + 1], &sign, &width);
	if (error != NULL) {
		request_reply_error(request, error);
		return false;
	}
	if (!bitmaps_read_offset(request, index + 2, width, &offset) ||
		(has_value && !request_read_int64(request, index + 3, &value)))
		return false;
	if (has_value)
		size = snprintf(text, sizeof(text), "%s %c%d %lld %lld", verb,
			sign, width, (long long)offset, (long long)value);
	else
		size = snprintf(text, sizeof(text), "%s %c%d %lld", verb, sign,
			width, (long long)offset);
	append(fields, text, size);
	fields->writes = fields->writes || has_value;
	fields->count++;
	return true;
}

/* Reads all operations; false when it has replied. */
static bool
read_fields(struct request *request, struct fields *fields)
{
	int argc = request->argc;
	/* The shortest operation has two words. */
	size_t most = (size_t)argc / 2 * OPERATION_SIZE + 1;

	*fields = (struct fields){ .text = request_allocate(request, most) };
	fields->text[0] = '\0';
	for (int i = 2; i < argc;) {
		int left = argc - i - 1;
		bool read;

		if (request_is_word(request, i, "GET") && left >= 2) {
			read = read_operation(request, i, "GET", false, fields);
			i += 3;
		} else if (request_is_word(request, i, "SET") && left >= 3) {
			read = read_operation(request, i, "SET", true, fields);
			i += 4;
		} else if (request_is_word(request, i, "INCRBY") && left >= 3) {
			read = read_operation(
				request, i, "INCRBY", true, fields);
			i += 4;
		} else if (request_is_word(request, i, "OVERFLOW") &&
			left >= 1) {
			read = read_overflow(request, i + 1, fields);
			i += 2;
		} else {
			request_reply_syntax_error(request);
			return false;
		}
		if (!read)
			return false;
	}
	return true;
}

static void
fields_done(void *arg, const struct result *result)
{
	enum { ERROR, ANSWER, CHANGED };
	struct request *request = arg;
	uint64_t changes = 0;

	if (request_failed(request, result))
		return;
	if (result->row_count > 0 && !result_is_null(result, 0, ERROR)) {
		request_reply_error(request, result_text(result, 0, ERROR));
		return;
	}
	reply_array(&request->reply, (size_t)result->row_count);
	for (int i = 0; i < result->row_count; i++) {
		if (result_is_null(result, i, ANSWER))
			reply_null(&request->reply);
		else
			reply_integer(&request->reply,
				result_int64(result, i, ANSWER));
		changes += result_int64(result, i, CHANGED) != 0;
	}
	counter_add(request->counters->writes, changes);
	request_finish(request);
}

static void
send_fields(struct request *request, const struct fields *fields)
{
	struct call *call = call_new(request->store,
		fields->writes ? SQL_bitmap_change_fields :
				 SQL_bitmap_get_fields,
		fields_done, request);

	call_bind_key(call, request->db, request->argv[1]);
	call_bind_text(call, fields->text);
	call_send(call);
}

void
cmd_bitfield(struct request *request)
{
	struct fields fields;

	if (read_fields(request, &fields))
		send_fields(request, &fields);
}

void
cmd_bitfield_ro(struct request *request)
{
	struct fields fields;

	if (!read_fields(request, &fields))
		return;
	if (fields.writes)
		request_reply_error(request,
			"ERR BITFIELD_RO only supports the GET subcommand");
	else
		send_fields(request, &fields);
}
