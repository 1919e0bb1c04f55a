/* The families whose rows make the command table: one line each.
 *
 * A family's file ends with its array of rows, which ends with a row without
 * a name. */
#ifndef COMMANDS_FAMILIES_H
#define COMMANDS_FAMILIES_H

#include "commands/command.h"

/* clang-format off */
#define COMMAND_FAMILIES(family) \
	family(bitmap_commands) \
	family(client_commands) \
	family(cluster_commands) \
	family(config_commands) \
	family(connection_commands) \
	family(debug_commands) \
	family(dump_commands) \
	family(geo_commands) \
	family(hash_commands) \
	family(hash_expiry_commands) \
	family(hyperloglog_commands) \
	family(info_commands) \
	family(introspection_commands) \
	family(key_commands) \
	family(latency_commands) \
	family(list_commands) \
	family(memory_commands) \
	family(module_commands) \
	family(pool_commands) \
	family(pubsub_commands) \
	family(server_commands) \
	family(session_commands) \
	family(set_commands) \
	family(slow_log_commands) \
	family(snapshot_commands) \
	family(sort_commands) \
	family(sorted_set_commands) \
	family(stream_commands) \
	family(string_commands) \
	family(tag_commands)
/* clang-format on */

#define DECLARE_FAMILY(array) extern const struct command array[];
COMMAND_FAMILIES(DECLARE_FAMILY)
#undef DECLARE_FAMILY

/* Redis' commands that we do not have (absent.c): names, groups, reasons.
 * They are no part of the table. */
extern const struct command absent_commands[];

#endif
