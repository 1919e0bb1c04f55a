/* Arguments and replies that all stream commands have; see streams.h. */
#include "commands/streams.h"

#include "commands/errors.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "storage/base/bytes.h"
#include "storage/call.h"
#include "storage/result.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Columns of stream_look. */
enum { LOOK_TYPE = 1, LOOK_GROUP };

/* --- arguments ------------------------------------------------------- */

bool
streams_read_id(struct request *request, int index, struct stream_id *id)
{
	if (stream_id_parse(request->argv[index], 0, id))
		return true;
	request_reply_error(request, STREAMS_ERROR_ID);
	return false;
}

bool
streams_read_bound(struct request *request, int index, bool is_last,
	struct stream_id *bound)
{
	struct bytes text = request->argv[index];
	uint64_t missing = is_last ? UINT64_MAX : 0;
	bool excludes = text.size > 1 && text.data[0] == '(';

	if (excludes) {
		text = (struct bytes){ text.data + 1, text.size - 1 };
		if (!stream_id_parse(text, missing, bound)) {
			request_reply_error(request, STREAMS_ERROR_ID);
			return false;
		}
	} else if (!stream_id_parse_bound(text, missing, bound)) {
		request_reply_error(request, STREAMS_ERROR_ID);
		return false;
	}
	if (!excludes ||
		(is_last ? stream_id_decrement(bound) :
			   stream_id_increment(bound)))
		return true;
	request_reply_errorf(request, "ERR invalid %s ID for the interval",
		is_last ? "end" : "start");
	return false;
}

static struct bytes
encode_id(struct request *request, struct stream_id id)
{
	char *encoded = request_allocate(request, STREAM_ID_SIZE);

	stream_id_encode(encoded, id);
	return (struct bytes){ encoded, STREAM_ID_SIZE };
}

void
streams_bind_id(struct request *request, struct call *call, struct stream_id id)
{
	call_bind_bytes(call, encode_id(request, id));
}

bool
streams_encode_ids(
	struct request *request, int first, int last, struct bytes **encoded)
{
	struct bytes *ids = request_allocate(
		request, (size_t)(last - first + 1) * sizeof(*ids));

	for (int i = first; i < last; i++) {
		struct stream_id id;

		if (!stream_id_parse(request->argv[i], 0, &id))
			return false;
		ids[i - first] = encode_id(request, id);
	}
	*encoded = ids;
	return true;
}

/* --- replies --------------------------------------------------------- */

void
streams_write_id(struct request *request, struct bytes encoded)
{
	char text[STREAM_ID_TEXT_SIZE];
	size_t size = stream_id_print(text, stream_id_decode(encoded));

	reply_bulk(&request->reply, (struct bytes){ text, size });
}

void
streams_write_entry(struct request *request, const struct result *result,
	int row, int column)
{
	struct reply *reply = &request->reply;
	struct result_array fields;

	reply_array(reply, 2);
	streams_write_id(request, result_bytes(result, row, column));
	if (!result_array_open(result, row, column + 1, &fields)) {
		reply_null_array(reply);
		return;
	}
	reply_array(reply, (size_t)fields.left);
	while (fields.left > 0)
		reply_bulk(reply, result_array_next(&fields));
}

/* Redis prints names as C strings: up to the first NUL. */
static int
shown_size(struct bytes name)
{
	return (int)strnlen(name.data, name.size);
}

static void
write_no_group(struct request *request, const char *format, struct bytes first,
	struct bytes second)
{
	reply_errorf(&request->reply, format, shown_size(first), first.data,
		shown_size(second), second.data);
}

static void
write_no_group_of_key(struct request *request, struct stream_place place)
{
	write_no_group(request,
		"NOGROUP No such consumer group '%.*s' for key name '%.*s'",
		place.group, place.key);
}

bool
streams_write_absence(
	struct request *request, struct stream_place place, bool key_is_there)
{
	struct reply *reply = &request->reply;

	switch (place.absence) {
	case ABSENT_IS_ZERO:
		reply_integer(reply, 0);
		return true;
	case ABSENT_IS_IGNORED:
		return false;
	case ABSENT_NO_SUCH_KEY:
		reply_error(reply, ERROR_NO_KEY);
		return true;
	case ABSENT_IN_XGROUP:
		if (key_is_there)
			write_no_group_of_key(request, place);
		else
			reply_error(reply,
				"ERR The XGROUP subcommand requires the key to "
				"exist. Note that for CREATE you may want to "
				"use the MKSTREAM option to create an empty "
				"stream automatically.");
		return true;
	case ABSENT_IN_XINFO:
		if (key_is_there)
			write_no_group_of_key(request, place);
		else
			reply_error(reply, ERROR_NO_KEY);
		return true;
	case ABSENT_KEY_OR_GROUP:
		write_no_group(request,
			"NOGROUP No such key '%.*s' or consumer group '%.*s'",
			place.key, place.group);
		return true;
	case ABSENT_IN_XREADGROUP:
		write_no_group(request,
			"NOGROUP No such key '%.*s' or consumer group '%.*s' "
			"in XREADGROUP with GROUP option",
			place.key, place.group);
		return true;
	case ABSENT_WHILE_BLOCKED:
		reply_error(reply,
			key_is_there ? "NOGROUP the consumer group this client "
				       "was blocked on no longer exists" :
				       "UNBLOCKED the stream key no longer "
				       "exists");
		return true;
	}
	return false;
}

bool
streams_failed(struct request *request, const struct result *result, int column,
	struct stream_place place)
{
	const char *error;
	bool key_is_there;

	if (request_failed(request, result))
		return true;
	if (result->row_count == 0 || result_is_null(result, 0, column))
		return false;
	error = result_text(result, 0, column);
	key_is_there = strcmp(error, "NOGROUP") == 0;
	if (!key_is_there && strcmp(error, "NOKEY") != 0 &&
		place.absence != ABSENT_WHILE_BLOCKED)
		reply_error(&request->reply, error);
	else
		streams_write_absence(request, place, key_is_there);
	request_finish(request);
	return true;
}

void
streams_reply_count(void *arg, const struct result *result)
{
	struct request *request = arg;
	struct stream_place place = { .absence = ABSENT_IS_ZERO };

	if (!streams_failed(request, result, 0, place))
		request_reply_integer(request, result_int64(result, 0, 1));
}

/* --- errors that come after a look at the key ------------------------ */

struct refusal {
	struct request *request;
	struct stream_place place;
	const char *error;
};

static void
refuse_done(void *arg, const struct result *result)
{
	struct refusal *refusal = arg;
	struct request *request = refusal->request;
	bool key_is_there = result->row_count > 0;
	bool all_there = key_is_there;

	if (request_failed(request, result))
		return;
	if (key_is_there && refusal->place.group.data != NULL)
		all_there = !result_is_null(result, 0, LOOK_GROUP);
	if (key_is_there && result_char(result, 0, LOOK_TYPE) != 'x')
		reply_error(&request->reply, ERROR_WRONG_TYPE);
	else if (all_there ||
		!streams_write_absence(request, refusal->place, key_is_there))
		reply_error(&request->reply, refusal->error);
	request_finish(request);
}

void
streams_refuse(
	struct request *request, struct stream_place place, const char *error)
{
	struct refusal *refusal = request_allocate(request, sizeof(*refusal));
	struct call *call;

	*refusal = (struct refusal){ request, place, error };
	call = call_new(request->store, SQL_stream_look, refuse_done, refusal);
	call_bind_key(call, request->db, place.key);
	call_bind_bytes(call, place.group);
	call_send(call);
}

const char *
streams_subcommand_error(struct request *request)
{
	enum { SHOWN_MAX = 128, SIZE = 256 };
	char *text = request_allocate(request, SIZE);
	struct bytes container = request->argv[0], name = request->argv[1];
	int shown = shown_size(name);
	int size = snprintf(text, SIZE,
		"ERR unknown subcommand or wrong number of arguments for "
		"'%.*s'. Try ",
		shown < SHOWN_MAX ? shown : SHOWN_MAX, name.data);

	for (size_t i = 0; i < container.size; i++)
		text[size++] = (char)toupper((unsigned char)container.data[i]);
	snprintf(text + size, (size_t)(SIZE - size), " HELP.");
	return text;
}
