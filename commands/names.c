/* Names of command flags, ACL categories, key accesses and groups, in the
 * order in which Redis 7.0 shows them (COMMAND INFO, ACL CAT). */
#include "commands/names.h"

#include "commands/command.h"
#include "storage/base/bytes.h"

#include <stddef.h>
#include <stdint.h>

const struct flag_name command_flag_names[] = {
	{ CMD_WRITE, "write" },
	{ CMD_READONLY, "readonly" },
	{ CMD_DENYOOM, "denyoom" },
	{ CMD_ADMIN, "admin" },
	{ CMD_PUBSUB, "pubsub" },
	{ CMD_NOSCRIPT, "noscript" },
	{ CMD_BLOCKING, "blocking" },
	{ CMD_LOADING, "loading" },
	{ CMD_STALE, "stale" },
	{ CMD_SKIP_MONITOR, "skip_monitor" },
	{ CMD_SKIP_SLOWLOG, "skip_slowlog" },
	{ CMD_ASKING, "asking" },
	{ CMD_FAST, "fast" },
	{ CMD_NO_AUTH, "no_auth" },
	{ CMD_NO_MANDATORY_KEYS, "no_mandatory_keys" },
	{ CMD_NO_ASYNC_LOADING, "no_async_loading" },
	{ CMD_NO_MULTI, "no_multi" },
	{ CMD_MOVABLE_KEYS, "movablekeys" },
	{ CMD_ALLOW_BUSY, "allow_busy" },
	{ 0, NULL },
};

const struct flag_name category_names[] = {
	{ CATEGORY_KEYSPACE, "keyspace" },
	{ CATEGORY_READ, "read" },
	{ CATEGORY_WRITE, "write" },
	{ CATEGORY_SET, "set" },
	{ CATEGORY_SORTEDSET, "sortedset" },
	{ CATEGORY_LIST, "list" },
	{ CATEGORY_HASH, "hash" },
	{ CATEGORY_STRING, "string" },
	{ CATEGORY_BITMAP, "bitmap" },
	{ CATEGORY_HYPERLOGLOG, "hyperloglog" },
	{ CATEGORY_GEO, "geo" },
	{ CATEGORY_STREAM, "stream" },
	{ CATEGORY_PUBSUB, "pubsub" },
	{ CATEGORY_ADMIN, "admin" },
	{ CATEGORY_FAST, "fast" },
	{ CATEGORY_SLOW, "slow" },
	{ CATEGORY_BLOCKING, "blocking" },
	{ CATEGORY_DANGEROUS, "dangerous" },
	{ CATEGORY_CONNECTION, "connection" },
	{ CATEGORY_TRANSACTION, "transaction" },
	{ CATEGORY_SCRIPTING, "scripting" },
	{ CATEGORY_TAG, "tag" },
	{ CATEGORY_SESSION, "session" },
	{ CATEGORY_SNAPSHOT, "snapshot" },
	{ CATEGORY_POOL, "pool" },
	{ 0, NULL },
};

const struct flag_name key_access_names[] = {
	{ KEY_RO, "RO" },
	{ KEY_RW, "RW" },
	{ KEY_OW, "OW" },
	{ KEY_RM, "RM" },
	{ KEY_ACCESS, "access" },
	{ KEY_UPDATE, "update" },
	{ KEY_INSERT, "insert" },
	{ KEY_DELETE, "delete" },
	{ KEY_NOT_KEY, "not_key" },
	{ KEY_INCOMPLETE, "incomplete" },
	{ KEY_VARIABLE_FLAGS, "variable_flags" },
	{ 0, NULL },
};

static const char *const group_names[] = {
	[GROUP_GENERIC] = "generic",
	[GROUP_STRING] = "string",
	[GROUP_LIST] = "list",
	[GROUP_SET] = "set",
	[GROUP_SORTED_SET] = "sorted-set",
	[GROUP_HASH] = "hash",
	[GROUP_PUBSUB] = "pubsub",
	[GROUP_TRANSACTIONS] = "transactions",
	[GROUP_CONNECTION] = "connection",
	[GROUP_SERVER] = "server",
	[GROUP_SCRIPTING] = "scripting",
	[GROUP_HYPERLOGLOG] = "hyperloglog",
	[GROUP_CLUSTER] = "cluster",
	[GROUP_SENTINEL] = "sentinel",
	[GROUP_GEO] = "geo",
	[GROUP_STREAM] = "stream",
	[GROUP_BITMAP] = "bitmap",
	[GROUP_TAG] = "tag",
	[GROUP_SESSION] = "session",
	[GROUP_SNAPSHOT] = "snapshot",
	[GROUP_POOL] = "pool",
};

const char *
group_name(enum command_group group)
{
	return group_names[group];
}

uint32_t
category_by_name(struct bytes name)
{
	for (const struct flag_name *row = category_names; row->name; row++) {
		if (bytes_is_word(name, row->name))
			return row->flag;
	}
	return 0;
}
