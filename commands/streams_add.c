/* XADD and XTRIM.
 *
 * Entries go to PostgreSQL set-based: the fields of each as the text of a
 * bytea[], because arrays of arrays of different lengths are nothing it knows.
 * Large ones go alone, as they are. */
#include "commands/streams.h"

#include "commands/blocking.h"
#include "commands/command.h"
#include "commands/errors.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/server.h"
#include "storage/base/bytes.h"
#include "storage/base/settings.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stddef.h>

enum {
	TEXT_BYTES_MAX = 16 * 1024, /* of an entry that is sent as text */
	ENTRY_BYTES_MAX = 1 << 30,
	LIMIT_NODES = 100,
	LIMIT_MAX = 1000 * 1000,
	LIMIT_WITHOUT_NODES = 10 * 1000,
};

enum trim_kind { TRIM_NONE, TRIM_TO_LENGTH, TRIM_TO_ID };

struct add_options {
	bool has_id, has_seq; /* as in "5-1"; "5-*" has no seq */
	struct stream_id id;
	bool makes_no_stream;
	enum trim_kind trim;
	bool trims_nodes; /* "~" */
	int64_t maxlen;
	struct stream_id minid;
	bool has_limit;
	int64_t limit; /* of entries to trim; 0: any number */
};

/* --- options --------------------------------------------------------- */

/* [=|~] threshold, from argv[*index] on, which is moved to the threshold. */
static bool
read_trim(struct request *request, int *index, enum trim_kind kind,
	struct add_options *options)
{
	bool has_sign = *index + 2 < request->argc;

	if (options->trim != TRIM_NONE) {
		request_reply_error(request,
			"ERR syntax error, MAXLEN and MINID options at the "
			"same time are not compatible");
		return false;
	}
	options->trim = kind;
	options->trims_nodes =
		has_sign && request_is_word(request, *index + 1, "~");
	if (options->trims_nodes ||
		(has_sign && request_is_word(request, *index + 1, "=")))
		++*index;
	++*index;
	if (kind == TRIM_TO_ID)
		return streams_read_id(request, *index, &options->minid);
	if (!request_read_int64(request, *index, &options->maxlen))
		return false;
	if (options->maxlen >= 0)
		return true;
	request_reply_error(request, "ERR The MAXLEN argument must be >= 0.");
	return false;
}

static bool
read_limit(struct request *request, int index, struct add_options *options)
{
	options->has_limit = true;
	if (!request_read_int64(request, index, &options->limit))
		return false;
	if (options->limit >= 0)
		return true;
	request_reply_error(request, "ERR The LIMIT argument must be >= 0.");
	return false;
}

/* What goes with what (streamParseAddOrTrimArgsOrReply). */
static bool
check_options(
	struct request *request, struct add_options *options, bool is_trim)
{
	const char *error = NULL;

	if (options->limit != 0 && options->trim == TRIM_NONE)
		error = "ERR syntax error, LIMIT cannot be used without "
			"specifying a trimming strategy";
	else if (is_trim && options->trim == TRIM_NONE)
		error = "ERR syntax error, XTRIM must be called with a "
			"trimming strategy";
	else if (options->has_limit && !options->trims_nodes)
		error = "ERR syntax error, LIMIT cannot be used without the "
			"special ~ option";
	if (error != NULL)
		request_reply_error(request, error);
	return error == NULL;
}

static void
set_default_limit(const struct request *request, struct add_options *options)
{
	int64_t entries = settings_get(
		request->server->settings, stream_node_max_entries);

	if (options->has_limit || !options->trims_nodes)
		return;
	if (entries == 0)
		options->limit = LIMIT_WITHOUT_NODES;
	else if (entries > LIMIT_MAX / LIMIT_NODES)
		options->limit = LIMIT_MAX;
	else
		options->limit = entries * LIMIT_NODES;
}

/* Returns the index of the ID (XADD), argc when there is none, or -1 when it
 * has replied. */
static int
read_options(struct request *request, struct add_options *options, bool is_trim)
{
	int i;

	for (i = 2; i < request->argc; i++) {
		bool more = i + 1 < request->argc;

		if (!is_trim && request_is_word(request, i, "*"))
			break;
		if (more && request_is_word(request, i, "MAXLEN")) {
			if (!read_trim(request, &i, TRIM_TO_LENGTH, options))
				return -1;
		} else if (more && request_is_word(request, i, "MINID")) {
			if (!read_trim(request, &i, TRIM_TO_ID, options))
				return -1;
		} else if (more && request_is_word(request, i, "LIMIT")) {
			if (!read_limit(request, ++i, options))
				return -1;
		} else if (is_trim) {
			request_reply_syntax_error(request);
			return -1;
		} else if (request_is_word(request, i, "NOMKSTREAM")) {
			options->makes_no_stream = true;
		} else if (stream_id_parse_new(request->argv[i], &options->id,
				   &options->has_seq)) {
			options->has_id = true;
			break;
		} else {
			request_reply_error(request, STREAMS_ERROR_ID);
			return -1;
		}
	}
	if (!check_options(request, options, is_trim))
		return -1;
	set_default_limit(request, options);
	return i;
}

static void
bind_threshold(struct request *request, struct call *call,
	const struct add_options *options)
{
	call_bind_optional_int64(
		call, options->trim == TRIM_TO_LENGTH, options->maxlen);
	if (options->trim == TRIM_TO_ID)
		streams_bind_id(request, call, options->minid);
	else
		call_bind_null(call, VALUE_BYTES);
	call_bind_bool(call, options->trims_nodes);
	call_bind_int64(call, options->limit);
}

/* --- XADD ------------------------------------------------------------ */

/* Columns of the stream_add statements. */
enum { ADD_ID = 1, ADD_ERROR };

static void
add_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	if (!result_is_null(result, 0, ADD_ERROR)) {
		request_reply_error(request, result_text(result, 0, ADD_ERROR));
	} else if (result_is_null(result, 0, ADD_ID)) {
		request_reply_null(request);
	} else {
		streams_write_id(request, result_bytes(result, 0, ADD_ID));
		blocking_finish(request, request->db, &request->argv[1], 1);
	}
}

/* The text of a bytea[]: {\\x6b,\\x76}. */
static const char *
print_fields(struct request *request, int first, size_t bytes)
{
	size_t count = (size_t)(request->argc - first);
	char *text = request_allocate(request, bytes * 2 + count * 4 + 2);
	char *at = text;

	for (int i = first; i < request->argc; i++) {
		*at++ = i == first ? '{' : ',';
		*at++ = '\\';
		*at++ = '\\';
		*at++ = 'x';
		at = bytes_write_hex(request->argv[i], at);
	}
	*at++ = '}';
	*at = '\0';
	return text;
}

/* As storage counts: less 2^63, since it knows no unsigned numbers. */
static void
bind_half(struct call *call, bool given, uint64_t half)
{
	call_bind_optional_int64(call, given, (int64_t)(half ^ (1ULL << 63)));
}

static void
send_add(struct request *request, const struct add_options *options, int first,
	size_t bytes)
{
	const struct settings *settings = request->server->settings;
	bool alone = bytes > TEXT_BYTES_MAX || options->makes_no_stream;
	enum statement_id id = SQL_stream_add;
	struct call *call;

	if (alone)
		id = SQL_stream_add_one;
	else if (options->trim != TRIM_NONE)
		id = SQL_stream_add_trimmed;
	call = call_new(request->store, id, add_done, request);
	call_bind_key(call, request->db, request->argv[1]);
	bind_half(call, options->has_id, options->id.ms);
	bind_half(call, options->has_id && options->has_seq, options->id.seq);
	if (alone)
		call_bind_bytes_array(call, &request->argv[first],
			(uint32_t)(request->argc - first));
	else
		call_bind_text(call, print_fields(request, first, bytes));
	call_bind_int64(call, (int64_t)bytes);
	call_bind_int64(call, settings_get(settings, stream_node_max_entries));
	call_bind_int64(call, settings_get(settings, stream_node_max_bytes));
	if (alone)
		call_bind_bool(call, !options->makes_no_stream);
	if (alone || options->trim != TRIM_NONE)
		bind_threshold(request, call, options);
	call_send(call);
}

void
cmd_xadd(struct request *request)
{
	struct add_options options = { 0 };
	int first = read_options(request, &options, false) + 1;
	size_t bytes = 0;

	if (first == 0)
		return;
	if (request->argc - first < 2 || (request->argc - first) % 2 != 0) {
		request_reply_error(request,
			"ERR wrong number of arguments for 'xadd' command");
		return;
	}
	if (options.has_id && options.has_seq &&
		stream_id_compare(options.id, STREAM_ID_MIN) == 0) {
		request_reply_error(request,
			"ERR The ID specified in XADD must be greater than "
			"0-0");
		return;
	}
	for (int i = first; i < request->argc; i++)
		bytes += request->argv[i].size;
	if (bytes > ENTRY_BYTES_MAX)
		request_reply_error(
			request, "ERR Elements are too large to be stored");
	else
		send_add(request, &options, first, bytes);
}

/* --- XTRIM ----------------------------------------------------------- */

void
cmd_xtrim(struct request *request)
{
	struct add_options options = { 0 };
	struct call *call;

	if (read_options(request, &options, true) < 0)
		return;
	call = call_new(
		request->store, SQL_stream_trim, streams_reply_count, request);
	call_bind_key(call, request->db, request->argv[1]);
	bind_threshold(request, call, &options);
	call_send(call);
}
