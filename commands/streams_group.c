/* XGROUP's subcommands and XACK. */
#include "commands/streams.h"

#include "commands/blocking.h"
#include "commands/collections.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "storage/base/bytes.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stdint.h>

/* XGROUP <subcommand> key group … */
enum { KEY = 2, GROUP, FIRST };

static struct stream_place
place_of(const struct request *request)
{
	return (struct stream_place){ ABSENT_IN_XGROUP, request->argv[KEY],
		request->argv[GROUP] };
}

static void
ok_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (!streams_failed(request, result, 0, place_of(request)))
		request_reply_ok(request);
}

static void
count_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (!streams_failed(request, result, 0, place_of(request)))
		request_reply_integer(request, result_int64(result, 0, 1));
}

static struct call *
new_call(struct request *request, enum statement_id id, call_done done)
{
	struct call *call = call_new(request->store, id, done, request);

	call_bind_key(call, request->db, request->argv[KEY]);
	call_bind_bytes(call, request->argv[GROUP]);
	return call;
}

struct group_options {
	bool makes_stream;
	int64_t entries_read; /* -1: unknown */
};

static bool
read_options(
	struct request *request, bool is_create, struct group_options *options)
{
	options->entries_read = -1;
	for (int i = FIRST + 1; i < request->argc; i++) {
		if (is_create && request_is_word(request, i, "MKSTREAM")) {
			options->makes_stream = true;
		} else if (request_is_word(request, i, "ENTRIESREAD") &&
			i + 1 < request->argc) {
			if (!request_read_int64(
				    request, ++i, &options->entries_read))
				return false;
			if (options->entries_read < -1) {
				request_reply_error(request,
					"ERR value for ENTRIESREAD must be "
					"positive or -1");
				return false;
			}
		} else {
			request_reply_error(
				request, streams_subcommand_error(request));
			return false;
		}
	}
	return true;
}

/* NULL: the last entry. */
static void
bind_position(
	struct request *request, struct call *call, const struct stream_id *id)
{
	char *text = request_allocate(request, STREAM_ID_TEXT_SIZE);

	if (id == NULL) {
		call_bind_text(call, "$");
		return;
	}
	stream_id_print(text, *id);
	call_bind_text(call, text);
}

static void
bind_entries_read(struct call *call, const struct group_options *options)
{
	call_bind_optional_int64(
		call, options->entries_read >= 0, options->entries_read);
}

void
cmd_xgroup_create(struct request *request)
{
	struct group_options options = { 0 };
	struct stream_place place = place_of(request);
	bool is_end = request_is_word(request, FIRST, "$");
	struct stream_id id;
	struct call *call;

	if (!read_options(request, true, &options))
		return;
	/* Repeated options are more arguments than it takes. */
	if (request->argc > FIRST + 4) {
		streams_refuse(request,
			(struct stream_place){ options.makes_stream ?
					ABSENT_IS_IGNORED :
					ABSENT_IN_XGROUP,
				place.key, { 0 } },
			streams_subcommand_error(request));
		return;
	}
	if (!is_end && !stream_id_parse(request->argv[FIRST], 0, &id)) {
		place.group = (struct bytes){ 0 };
		if (options.makes_stream)
			place.absence = ABSENT_IS_IGNORED;
		streams_refuse(request, place, STREAMS_ERROR_ID);
		return;
	}
	call = new_call(request, SQL_stream_group_create, ok_done);
	bind_position(request, call, is_end ? NULL : &id);
	call_bind_bool(call, options.makes_stream);
	bind_entries_read(call, &options);
	call_send(call);
}

void
cmd_xgroup_setid(struct request *request)
{
	struct group_options options = { 0 };
	bool is_end = request_is_word(request, FIRST, "$");
	struct stream_id id;
	struct call *call;

	if (!read_options(request, false, &options))
		return;
	if (request->argc > FIRST + 3) {
		streams_refuse(request, place_of(request),
			streams_subcommand_error(request));
		return;
	}
	if (!is_end && !stream_id_parse_bound(request->argv[FIRST], 0, &id)) {
		streams_refuse(request, place_of(request), STREAMS_ERROR_ID);
		return;
	}
	call = new_call(request, SQL_stream_group_set_id, ok_done);
	bind_position(request, call, is_end ? NULL : &id);
	bind_entries_read(call, &options);
	call_send(call);
}

/* Those who wait for the group's entries are told. */
static void
destroy_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (streams_failed(request, result, 0, place_of(request)))
		return;
	reply_integer(&request->reply, result_int64(result, 0, 1));
	blocking_finish(request, request->db, &request->argv[KEY], 1);
}

void
cmd_xgroup_destroy(struct request *request)
{
	call_send(new_call(request, SQL_stream_group_destroy, destroy_done));
}

void
cmd_xgroup_createconsumer(struct request *request)
{
	struct call *call =
		new_call(request, SQL_stream_consumer_create, count_done);

	call_bind_bytes(call, request->argv[FIRST]);
	call_send(call);
}

void
cmd_xgroup_delconsumer(struct request *request)
{
	struct call *call =
		new_call(request, SQL_stream_consumer_delete, count_done);

	call_bind_bytes(call, request->argv[FIRST]);
	call_send(call);
}

/* --- XACK key group id… ---------------------------------------------- */

void
cmd_xack(struct request *request)
{
	enum { FIRST_ID = 3 };
	struct bytes *ids;
	struct call *call;

	if (!streams_encode_ids(request, FIRST_ID, request->argc, &ids)) {
		streams_refuse(request,
			(struct stream_place){ ABSENT_IS_ZERO, request->argv[1],
				request->argv[2] },
			STREAMS_ERROR_ID);
		return;
	}
	call = call_new(request->store, SQL_stream_acknowledge,
		collections_reply_count, request);
	for (int i = FIRST_ID; i < request->argc; i++) {
		if (i == FIRST_ID) {
			call_bind_key(call, request->db, request->argv[1]);
		} else {
			call_next_element(call);
			call_bind_same_key(call);
		}
		call_bind_bytes(call, request->argv[2]);
		call_bind_bytes(call, ids[i - FIRST_ID]);
	}
	call_send(call);
}
