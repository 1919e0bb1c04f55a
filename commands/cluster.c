/* CLUSTER, READONLY and READWRITE, as one node that owns all slots.
 *
 * Nothing is clustered here: any number of servers serve the same database, all
 * of it.  With `cluster-enabled yes` a server says so in the words of Redis
 * Cluster, so that clients that know nothing else can talk to it. */
#include "commands/command.h"
#include "commands/families.h"
#include "commands/help.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/server.h"
#include "storage/base/settings.h"
#include "storage/call.h"
#include "storage/result.h"
#include "storage/slot.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { BUS_PORT_DISTANCE = 10000, TEXT_SIZE = 1024 };

/* False when it has replied that there is no cluster. */
static bool
is_enabled(struct request *request)
{
	if (settings_get(request->server->settings, cluster_enabled))
		return true;
	request_reply_error(
		request, "ERR This instance has cluster support disabled");
	return false;
}

/* In the request's memory.  Empty: clients stay with the address that they
 * have. */
static const char *
own_address(struct request *request)
{
	return request_copy_text(request,
		bytes_of(settings_get_text(
			request->server->settings, cluster_announce_ip)));
}

static int64_t
own_port(const struct request *request)
{
	int64_t announced =
		settings_get(request->server->settings, cluster_announce_port);

	return announced != 0 ? announced :
				settings_get(request->server->settings, port);
}

static int64_t
own_bus_port(const struct request *request)
{
	int64_t announced = settings_get(
		request->server->settings, cluster_announce_bus_port);

	return announced != 0 ? announced :
				own_port(request) + BUS_PORT_DISTANCE;
}

static void
reply_plain(struct request *request, const char *text)
{
	reply_verbatim(&request->reply, "txt", bytes_of(text));
	request_finish(request);
}

/* --- about the node -------------------------------------------------- */

static void
cmd_cluster_info(struct request *request)
{
	char text[TEXT_SIZE];

	if (!is_enabled(request))
		return;
	snprintf(text, sizeof(text),
		"cluster_state:ok\r\n"
		"cluster_slots_assigned:%d\r\n"
		"cluster_slots_ok:%d\r\n"
		"cluster_slots_pfail:0\r\n"
		"cluster_slots_fail:0\r\n"
		"cluster_known_nodes:1\r\n"
		"cluster_size:1\r\n"
		"cluster_current_epoch:0\r\n"
		"cluster_my_epoch:0\r\n"
		"cluster_stats_messages_sent:0\r\n"
		"cluster_stats_messages_received:0\r\n"
		"total_cluster_links_buffer_limit_exceeded:0\r\n",
		SLOT_COUNT, SLOT_COUNT);
	reply_plain(request, text);
}

static void
cmd_cluster_myid(struct request *request)
{
	if (is_enabled(request))
		request_reply_bulk(request, bytes_of(request->server->run_id));
}

static void
cmd_cluster_nodes(struct request *request)
{
	char text[TEXT_SIZE];

	if (!is_enabled(request))
		return;
	snprintf(text, sizeof(text),
		"%s %.512s:%" PRId64 "@%" PRId64
		" myself,master - 0 0 0 connected 0-%d\n",
		request->server->run_id, own_address(request),
		own_port(request), own_bus_port(request), SLOT_COUNT - 1);
	reply_plain(request, text);
}

static void
cmd_cluster_slots(struct request *request)
{
	struct reply *reply = &request->reply;

	if (!is_enabled(request))
		return;
	reply_array(reply, 1);
	reply_array(reply, 3);
	reply_integer(reply, 0);
	reply_integer(reply, SLOT_COUNT - 1);
	reply_array(reply, 4);
	reply_bulk_text(reply, own_address(request));
	reply_integer(reply, own_port(request));
	reply_bulk_text(reply, request->server->run_id);
	reply_array(reply, 0);
	request_finish(request);
}

static void
reply_fact(struct reply *reply, const char *name, const char *value)
{
	reply_bulk_text(reply, name);
	reply_bulk_text(reply, value);
}

static void
cmd_cluster_shards(struct request *request)
{
	struct reply *reply = &request->reply;
	const char *address;

	if (!is_enabled(request))
		return;
	address = own_address(request);
	reply_array(reply, 1);
	reply_map(reply, 2);
	reply_bulk_text(reply, "slots");
	reply_array(reply, 2);
	reply_integer(reply, 0);
	reply_integer(reply, SLOT_COUNT - 1);
	reply_bulk_text(reply, "nodes");
	reply_array(reply, 1);
	reply_map(reply, 7);
	reply_fact(reply, "id", request->server->run_id);
	reply_bulk_text(reply, "port");
	reply_integer(reply, own_port(request));
	reply_fact(reply, "ip", address);
	reply_fact(reply, "endpoint", address);
	reply_fact(reply, "role", "master");
	reply_bulk_text(reply, "replication-offset");
	reply_integer(reply, 0);
	reply_fact(reply, "health", "online");
	request_finish(request);
}

static void
cmd_cluster_links(struct request *request)
{
	if (!is_enabled(request))
		return;
	reply_array(&request->reply, 0);
	request_finish(request);
}

static void
cmd_cluster_replicas(struct request *request)
{
	struct bytes id = request->argv[2];

	if (!is_enabled(request))
		return;
	if (!bytes_equal(id, bytes_of(request->server->run_id))) {
		request_reply_errorf(request, "ERR Unknown node %s",
			request_copy_text(request, id));
		return;
	}
	reply_array(&request->reply, 0);
	request_finish(request);
}

static void
cmd_readonly(struct request *request)
{
	if (is_enabled(request))
		request_reply_ok(request);
}

/* --- keys of a slot -------------------------------------------------- */

static void
cmd_cluster_keyslot(struct request *request)
{
	if (is_enabled(request))
		request_reply_integer(request, slot_of_key(request->argv[2]));
}

static void
count_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (!request_failed(request, result))
		request_reply_integer(request, result_int64(result, 0, 0));
}

static void
cmd_cluster_countkeysinslot(struct request *request)
{
	struct call *call;
	int64_t slot;

	if (!is_enabled(request) || !request_read_int64(request, 2, &slot))
		return;
	if (slot < 0 || slot >= SLOT_COUNT) {
		request_reply_error(request, "ERR Invalid slot");
		return;
	}
	call = call_new(
		request->store, SQL_key_count_in_slot, count_done, request);
	call_bind_int32(call, request->db);
	call_bind_int32(call, (int32_t)slot);
	call_send_route(call, ROUTE_BULK, request->db);
}

static void
keys_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	reply_array(&request->reply, (size_t)result->row_count);
	for (int row = 0; row < result->row_count; row++)
		reply_bulk(&request->reply, result_bytes(result, row, 0));
	request_finish(request);
}

static void
cmd_cluster_getkeysinslot(struct request *request)
{
	struct call *call;
	int64_t slot, count;

	if (!is_enabled(request) || !request_read_int64(request, 2, &slot) ||
		!request_read_int64(request, 3, &count))
		return;
	if (slot < 0 || slot >= SLOT_COUNT || count < 0) {
		request_reply_error(
			request, "ERR Invalid slot or number of keys");
		return;
	}
	call = call_new(
		request->store, SQL_key_names_in_slot, keys_done, request);
	call_bind_int32(call, request->db);
	call_bind_int32(call, (int32_t)slot);
	call_bind_int64(call, count);
	call_send_route(call, ROUTE_BULK, request->db);
}

/* --- rows ------------------------------------------------------------ */

#define NOTE_ENABLED "With `cluster-enabled yes`: one node that owns all slots."

static const struct command cluster_subcommands[] = {
	{
		.name = "countkeysinslot",
		.usage = "slot:integer",
		.summary = "Counts the keys of a slot.",
		.since = "3.0.0",
		.complexity = "O(N) in the keys of the database",
		.group = GROUP_CLUSTER,
		.arity = 3,
		.flags = CMD_STALE,
		.state = COMMAND_PARTIAL,
		.note = NOTE_ENABLED,
		.run = cmd_cluster_countkeysinslot,
	},
	{
		.name = "getkeysinslot",
		.usage = "slot:integer count:integer",
		.summary = "Lists keys of a slot.",
		.since = "3.0.0",
		.complexity = "O(N) in the keys of the database",
		.group = GROUP_CLUSTER,
		.arity = 4,
		.flags = CMD_STALE,
		.tips = { "nondeterministic_output" },
		.state = COMMAND_PARTIAL,
		.note = NOTE_ENABLED,
		.run = cmd_cluster_getkeysinslot,
	},
	{
		.name = "help",
		.summary = "Lists the subcommands.",
		.since = "5.0.0",
		.complexity = "O(1)",
		.group = GROUP_CLUSTER,
		.arity = 2,
		.flags = CMD_LOADING | CMD_STALE,
		.run = help_run,
	},
	{
		.name = "info",
		.summary = "Tells the state of the cluster.",
		.since = "3.0.0",
		.complexity = "O(1)",
		.group = GROUP_CLUSTER,
		.arity = 2,
		.flags = CMD_STALE,
		.tips = { "nondeterministic_output" },
		.state = COMMAND_PARTIAL,
		.note = NOTE_ENABLED,
		.run = cmd_cluster_info,
	},
	{
		.name = "keyslot",
		.usage = "key:string",
		.summary = "Tells the slot of a key.",
		.since = "3.0.0",
		.complexity = "O(N) in the bytes of the key",
		.group = GROUP_CLUSTER,
		.arity = 3,
		.flags = CMD_STALE,
		.state = COMMAND_PARTIAL,
		.note = NOTE_ENABLED,
		.run = cmd_cluster_keyslot,
	},
	{
		.name = "links",
		.summary = "Lists the links to other nodes.",
		.since = "7.0.0",
		.complexity = "O(1)",
		.group = GROUP_CLUSTER,
		.arity = 2,
		.flags = CMD_STALE,
		.tips = { "nondeterministic_output" },
		.state = COMMAND_PARTIAL,
		.note = NOTE_ENABLED,
		.run = cmd_cluster_links,
	},
	{
		.name = "myid",
		.summary = "Tells the node's id.",
		.since = "3.0.0",
		.complexity = "O(1)",
		.group = GROUP_CLUSTER,
		.arity = 2,
		.flags = CMD_STALE,
		.state = COMMAND_PARTIAL,
		.note = NOTE_ENABLED " The id is new at each start.",
		.run = cmd_cluster_myid,
	},
	{
		.name = "nodes",
		.summary = "Lists the nodes.",
		.since = "3.0.0",
		.complexity = "O(1)",
		.group = GROUP_CLUSTER,
		.arity = 2,
		.flags = CMD_STALE,
		.tips = { "nondeterministic_output" },
		.state = COMMAND_PARTIAL,
		.note = NOTE_ENABLED,
		.run = cmd_cluster_nodes,
	},
	{
		.name = "replicas",
		.usage = "node-id",
		.summary = "Lists the replicas of a node.",
		.since = "5.0.0",
		.complexity = "O(1)",
		.group = GROUP_CLUSTER,
		.arity = 3,
		.flags = CMD_ADMIN | CMD_STALE,
		.tips = { "nondeterministic_output" },
		.state = COMMAND_PARTIAL,
		.note = NOTE_ENABLED,
		.run = cmd_cluster_replicas,
	},
	{
		.name = "shards",
		.summary = "Lists slots with their nodes.",
		.since = "7.0.0",
		.complexity = "O(1)",
		.group = GROUP_CLUSTER,
		.arity = 2,
		.flags = CMD_STALE,
		.tips = { "nondeterministic_output" },
		.state = COMMAND_PARTIAL,
		.note = NOTE_ENABLED,
		.run = cmd_cluster_shards,
	},
	{
		.name = "slaves",
		.usage = "node-id",
		.summary = "Lists the replicas of a node.",
		.since = "3.0.0",
		.complexity = "O(1)",
		.group = GROUP_CLUSTER,
		.arity = 3,
		.flags = CMD_ADMIN | CMD_STALE,
		.tips = { "nondeterministic_output" },
		.state = COMMAND_PARTIAL,
		.note = NOTE_ENABLED,
		.deprecated_since = "5.0.0",
		.replaced_by = "`CLUSTER REPLICAS`",
		.run = cmd_cluster_replicas,
	},
	{
		.name = "slots",
		.summary = "Lists slots with the addresses of their nodes.",
		.since = "3.0.0",
		.complexity = "O(1)",
		.group = GROUP_CLUSTER,
		.arity = 2,
		.flags = CMD_STALE,
		.tips = { "nondeterministic_output" },
		.state = COMMAND_PARTIAL,
		.note = NOTE_ENABLED,
		.deprecated_since = "7.0.0",
		.replaced_by = "`CLUSTER SHARDS`",
		.history = { "4.0.0 Node ids.",
			"7.0.0 Further facts about the network." },
		.run = cmd_cluster_slots,
	},
	{ 0 },
};

const struct command cluster_commands[] = {
	{
		.name = "cluster",
		.summary = "Commands about the cluster.",
		.since = "3.0.0",
		.complexity = "Depends on the subcommand.",
		.group = GROUP_CLUSTER,
		.arity = -2,
		.subcommands = cluster_subcommands,
	},
	{
		.name = "readonly",
		.summary = "Allows reads from a replica of the cluster.",
		.since = "3.0.0",
		.complexity = "O(1)",
		.group = GROUP_CLUSTER,
		.arity = 1,
		.flags = CMD_LOADING | CMD_STALE | CMD_FAST,
		.categories = CATEGORY_CONNECTION,
		.state = COMMAND_PARTIAL,
		.note = NOTE_ENABLED " There are no replicas.",
		.run = cmd_readonly,
	},
	{
		.name = "readwrite",
		.summary = "Takes READONLY back.",
		.since = "3.0.0",
		.complexity = "O(1)",
		.group = GROUP_CLUSTER,
		.arity = 1,
		.flags = CMD_LOADING | CMD_STALE | CMD_FAST,
		.categories = CATEGORY_CONNECTION,
		.state = COMMAND_PARTIAL,
		.note = NOTE_ENABLED " There are no replicas.",
		.run = cmd_readonly,
	},
	{ 0 },
};
