/* INFO: which sections, in which order, and those that ask the database.
 *
 * The text is written section by section.  Keyspace and Postgres wait for
 * PostgreSQL; when that cannot be reached they have no lines, so that INFO
 * still answers. */
#include "commands/info.h"

#include "commands/command.h"
#include "commands/families.h"
#include "commands/host.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/server.h"
#include "storage/lane.h"
#include "storage/store.h"

#include <event2/buffer.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

struct info {
	struct request *request;
	struct evbuffer *text;
	uint32_t wanted; /* a bit for each row of sections[] */
	size_t next; /* the section to print */
	enum storage_class class; /* Keyspace: the one to ask about */
	/* Postgres: */
	struct lane_counters lanes;
	int lane_count, lanes_connected;
};

struct section {
	const char *name;
	bool by_default;
	void (*print)(struct evbuffer *text, struct request *request);
	/* Instead of print: writes later, then goes on with go_on(). */
	void (*start)(struct info *info);
};

static void go_on(struct info *info);
static void start_keyspace(struct info *info);
static void start_postgres(struct info *info);

static const struct section sections[] = {
	{ "server", true, info_print_server, NULL },
	{ "clients", true, info_print_clients, NULL },
	{ "memory", true, info_print_memory, NULL },
	{ "persistence", true, info_print_persistence, NULL },
	{ "stats", true, info_print_stats, NULL },
	{ "replication", true, info_print_replication, NULL },
	{ "cpu", true, info_print_cpu, NULL },
	{ "modules", true, info_print_modules, NULL },
	{ "commandstats", false, info_print_commandstats, NULL },
	{ "errorstats", true, info_print_errorstats, NULL },
	{ "latencystats", false, info_print_latencystats, NULL },
	{ "cluster", true, info_print_cluster, NULL },
	{ "keyspace", true, NULL, start_keyspace },
	{ "postgres", false, NULL, start_postgres },
};

enum { SECTION_COUNT = sizeof(sections) / sizeof(*sections) };

/* --- Keyspace -------------------------------------------------------- */

static void ask_keyspace(struct info *info);

static void
print_keyspace(void *arg, const struct result *result)
{
	struct info *info = arg;

	for (int row = 0; result->status == STORE_OK && row < result->row_count;
		row++) {
		/* Keys on their way into another database. */
		if (result_int64(result, row, 0) >= STORAGE_DATABASES_MAX)
			continue;
		evbuffer_add_printf(info->text,
			"db%" PRId64 ":keys=%" PRId64 ",expires=%" PRId64
			",avg_ttl=%" PRId64 "\r\n",
			result_int64(result, row, 0),
			result_int64(result, row, 1),
			result_int64(result, row, 2),
			result_int64(result, row, 3));
	}
	info->class ++;
	ask_keyspace(info);
}

/* Durable and async databases are in the same tables. */
static bool
is_asked_with_another(const struct storage *storage, enum storage_class class)
{
	return class == CLASS_ASYNC &&
		storage_database_of_class(storage, CLASS_DURABLE) >= 0;
}

static void
ask_keyspace(struct info *info)
{
	const struct storage *storage = info->request->server->storage;

	for (; info->class < CLASS_COUNT; info->class ++) {
		int db = storage_database_of_class(storage, info->class);

		if (db < 0 || is_asked_with_another(storage, info->class))
			continue;
		call_send_route(
			call_new(info->request->store, SQL_keyspace_counts,
				print_keyspace, info),
			ROUTE_BULK, db);
		return;
	}
	go_on(info);
}

static void
start_keyspace(struct info *info)
{
	evbuffer_add_printf(info->text, "# Keyspace\r\n");
	info->class = CLASS_DURABLE;
	ask_keyspace(info);
}

/* --- Postgres -------------------------------------------------------- */

static void
print_database(void *arg, const struct result *result)
{
	struct info *info = arg;

	if (result->status == STORE_OK && result->row_count == 1) {
		evbuffer_add_printf(info->text, "postgres_version:%s\r\n",
			result_text(result, 0, 0));
		evbuffer_add_printf(info->text,
			"postgres_database_size:%" PRId64 "\r\n",
			result_int64(result, 0, 1));
	}
	go_on(info);
}

static void
print_lanes(void *arg)
{
	struct info *info = arg;
	const struct server *server = info->request->server;
	const struct lane_counters *lanes = &info->lanes;

	evbuffer_add_printf(info->text,
		"# Postgres\r\n"
		"postgres_database:%s\r\n"
		"postgres_lanes:%d\r\n"
		"postgres_lanes_connected:%d\r\n"
		"postgres_queued_calls:%ld\r\n"
		"postgres_calls:%" PRIu64 "\r\n"
		"postgres_statements:%" PRIu64 "\r\n"
		"postgres_batches:%" PRIu64 "\r\n"
		"postgres_retries:%" PRIu64 "\r\n"
		"postgres_reconnects:%" PRIu64 "\r\n"
		"postgres_errors:%" PRIu64 "\r\n",
		server->database_summary, info->lane_count,
		info->lanes_connected, storage_queued(server->storage),
		lanes->calls, lanes->statements, lanes->batches, lanes->retries,
		lanes->reconnects, lanes->errors);
	call_send_route(call_new(info->request->store, SQL_database_facts,
				print_database, info),
		ROUTE_BULK, info->request->db);
}

struct lane_visit {
	struct info *info;
	struct store *store;
};

static void
add_lane(struct lane *lane, void *arg)
{
	struct lane_visit *visit = arg;
	struct info *info = visit->info;
	struct lane_counters counters;

	if (lane_store(lane) != visit->store)
		return;
	counters = lane_read_counters(lane);
	info->lane_count++;
	info->lanes_connected += lane_is_connected(lane);
	info->lanes.batches += counters.batches;
	info->lanes.calls += counters.calls;
	info->lanes.statements += counters.statements;
	info->lanes.retries += counters.retries;
	info->lanes.reconnects += counters.reconnects;
	info->lanes.errors += counters.errors;
}

/* Lanes are read on the threads that use them. */
static void
add_lanes(struct store *store, void *arg)
{
	struct lane_visit visit = { arg, store };

	storage_each_lane(store_storage(store), add_lane, &visit);
}

static void
start_postgres(struct info *info)
{
	info->request->server->host->each_worker(
		info->request, add_lanes, info, print_lanes);
}

/* --- INFO ------------------------------------------------------------ */

static void
reply_info(struct info *info)
{
	struct request *request = info->request;
	size_t size = evbuffer_get_length(info->text);

	reply_verbatim(&request->reply, "txt",
		(struct bytes){
			(const char *)evbuffer_pullup(info->text, -1), size });
	evbuffer_free(info->text);
	request_finish(request);
}

/* Prints the sections that follow, up to one that has to wait. */
static void
go_on(struct info *info)
{
	while (info->next < SECTION_COUNT) {
		const struct section *section = &sections[info->next];

		if (!(info->wanted & 1u << info->next++))
			continue;
		if (evbuffer_get_length(info->text) > 0)
			evbuffer_add(info->text, "\r\n", 2);
		if (section->start != NULL) {
			section->start(info);
			return;
		}
		section->print(info->text, info->request);
	}
	reply_info(info);
}

static uint32_t
default_sections(void)
{
	uint32_t wanted = 0;

	for (size_t i = 0; i < SECTION_COUNT; i++)
		if (sections[i].by_default)
			wanted |= 1u << i;
	return wanted;
}

static uint32_t
read_section(struct request *request, int index)
{
	if (request_is_word(request, index, "all") ||
		request_is_word(request, index, "everything"))
		return (1u << SECTION_COUNT) - 1;
	if (request_is_word(request, index, "default"))
		return default_sections();
	for (size_t i = 0; i < SECTION_COUNT; i++)
		if (request_is_word(request, index, sections[i].name))
			return 1u << i;
	return 0;
}

static void
cmd_info(struct request *request)
{
	struct info *info = request_allocate(request, sizeof(*info));

	*info = (struct info){ .request = request };
	info->text = evbuffer_new();
	if (request->argc == 1)
		info->wanted = default_sections();
	for (int i = 1; i < request->argc; i++)
		info->wanted |= read_section(request, i);
	go_on(info);
}

const struct command info_commands[] = {
	{
		.name = "info",
		.usage = "[section...]",
		.summary = "Reports on the state of the server.",
		.since = "1.0.0",
		.complexity = "O(1)",
		.group = GROUP_SERVER,
		.arity = -1,
		.flags = CMD_LOADING | CMD_STALE,
		.categories = CATEGORY_DANGEROUS,
		.tips = {
			"nondeterministic_output",
			"request_policy:all_shards",
			"response_policy:special",
		},
		.history = {
			"7.0.0 More than one section.",
		},
		.note = "Key counts are estimates beyond about a million rows; "
			"client_recent_max_* and memory per purpose are 0.",
		.state = COMMAND_PARTIAL,
		.run = cmd_info,
	},
	{ 0 },
};
