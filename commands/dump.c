/* DUMP: a value as Redis would write it to a file; the family's rows.
 *
 * Short values come through the key's lane.  Long ones are asked for again, on
 * the connection for streams, so that neither lane nor libpq has to hold all of
 * their rows; the payload itself is made in memory, as it is one string. */
#include "commands/dump.h"

#include "commands/command.h"
#include "commands/dump_rows.h"
#include "commands/families.h"
#include "commands/rdb_write.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/server.h"
#include "commands/strings.h"
#include "storage/base/bytes.h"
#include "storage/base/settings.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stdlib.h>

enum { SHORT_ROWS = 1000 };

struct dump {
	struct request *request;
	struct dump_rows rows;
};

static struct rdb_write_options
write_options(const struct request *request)
{
	struct settings *settings = request->server->settings;

	return (struct rdb_write_options){
		.compress = settings_get(settings, rdbcompression),
		.list_node_size =
			(int)settings_get(settings, list_max_listpack_size),
		.set_members_max =
			(size_t)settings_get(settings, set_max_intset_entries),
		.sorted_set_members_max = (size_t)settings_get(
			settings, zset_max_listpack_entries),
		.sorted_set_member_size_max =
			(size_t)settings_get(settings, zset_max_listpack_value),
		.hash_fields_max = (size_t)settings_get(
			settings, hash_max_listpack_entries),
		.hash_field_size_max =
			(size_t)settings_get(settings, hash_max_listpack_value),
		.stream_node_size_max =
			(size_t)settings_get(settings, stream_node_max_bytes),
		.stream_node_entries_max =
			(size_t)settings_get(settings, stream_node_max_entries),
	};
}

/* Replies with the payload of the value (NULL: null), and finishes. */
static void
finish(struct dump *dump)
{
	struct request *request = dump->request;
	struct rdb_value *value = dump_rows_finish(&dump->rows);
	struct rdb_write_options options = write_options(request);
	char *payload;
	size_t size;

	strings_count_lookup(request, value != NULL);
	if (value == NULL) {
		reply_null(&request->reply);
	} else if ((payload = rdb_write(value, &options, &size)) == NULL) {
		reply_error(&request->reply,
			"ERR the value is too large for a payload");
	} else {
		reply_bulk_lent(&request->reply,
			(struct bytes){ payload, size }, free, payload);
	}
	dump_rows_release(&dump->rows);
	request_finish(request);
}

static bool
long_rows(void *arg, const struct result *result)
{
	struct dump *dump = arg;

	dump_rows_add(&dump->rows, result);
	return true;
}

static void
long_done(void *arg, const struct result *result)
{
	struct dump *dump = arg;

	if (request_failed(dump->request, result))
		dump_rows_release(&dump->rows);
	else
		finish(dump);
}

static struct call *
new_call(
	struct dump *dump, void (*done)(void *arg, const struct result *result))
{
	struct request *request = dump->request;
	struct call *call = call_new(request->store, SQL_dump_rows, done, dump);

	call_bind_key(call, request->db, request->argv[1]);
	return call;
}

static void
send_long(struct dump *dump)
{
	struct call *call = new_call(dump, long_done);

	dump->rows.copies = true;
	call_bind_null(call, VALUE_INT64);
	call_stream(call, dump->request->db, long_rows);
}

static void
short_done(void *arg, const struct result *result)
{
	struct dump *dump = arg;

	if (request_failed(dump->request, result))
		return;
	if (dump_rows_are_too_many(result)) {
		send_long(dump);
		return;
	}
	dump_rows_add(&dump->rows, result);
	finish(dump);
}

static void
cmd_dump(struct request *request)
{
	struct dump *dump = request_allocate(request, sizeof(*dump));
	struct call *call;

	*dump = (struct dump){ .request = request };
	call = new_call(dump, short_done);
	call_bind_int64(call, SHORT_ROWS);
	call_send(call);
}

const struct command dump_commands[] = {
	{
		.name = "dump",
		.usage = "key",
		.summary = "Answers with a value in the form of Redis' files.",
		.since = "2.6.0",
		.complexity = "O(N) in the value's elements and bytes",
		.group = GROUP_GENERIC,
		.arity = 2,
		.flags = CMD_READONLY | CMD_LANE | CMD_LISTING,
		.categories = CATEGORY_KEYSPACE,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.tips = { "nondeterministic_output" },
		.run = cmd_dump,
	},
	{
		.name = "restore",
		.usage = "key ttl:integer serialized-value [REPLACE@3.0.0] "
			 "[ABSTTL@5.0.0] [IDLETIME seconds:integer@5.0.0] "
			 "[FREQ frequency:integer@5.0.0]",
		.summary = "Makes a key of what DUMP has answered.",
		.since = "2.6.0",
		.complexity = "O(N) in the value's elements and bytes",
		.group = GROUP_GENERIC,
		.arity = -4,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_LANE | CMD_WAKES,
		.categories = CATEGORY_KEYSPACE | CATEGORY_DANGEROUS,
		.keys = { KEY_AT(1, KEY_OW | KEY_UPDATE) },
		.history = { "3.0.0 REPLACE.", "5.0.0 ABSTTL.",
			"5.0.0 IDLETIME, FREQ." },
		.run = cmd_restore,
	},
	{ 0 },
};
