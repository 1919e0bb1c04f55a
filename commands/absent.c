/* Commands of Redis 7.0 that this server does not have, or never will, with
 * the reason.
 *
 * They appear in redis-compat.md and nowhere else.  A subcommand stands here
 * by its full name.  Who adds a command removes its row here; a test finds
 * names that stand in both places. */
#include "commands/command.h"
#include "commands/families.h"

#include <stddef.h>

#define NOT_YET(full_name, of, version) \
	{ \
		.name = full_name, .group = GROUP_##of, .since = version, \
		.state = COMMAND_NOT_YET \
	}

#define WONT(full_name, of, version, reason) \
	{ \
		.name = full_name, .group = GROUP_##of, .since = version, \
		.state = COMMAND_WONT, .note = reason \
	}

#define REPLICATION \
	"The data are replicated by PostgreSQL; any number of servers may " \
	"stand before it."
#define NO_MODULES "There are no loadable modules; PostgreSQL has extensions."
#define NO_SLOT_OWNERS \
	"Every server serves all slots; where their rows lie is Citus' matter."
#define SENTINEL \
	"Failover is PostgreSQL's; connections find the new primary by " \
	"themselves."
#define NO_DEBUGGER "There is no debugger for scripts."

const struct command absent_commands[] = {
	NOT_YET("migrate", GENERIC, "2.6.0"),
	NOT_YET("discard", TRANSACTIONS, "2.0.0"),
	NOT_YET("exec", TRANSACTIONS, "1.2.0"),
	NOT_YET("multi", TRANSACTIONS, "1.2.0"),
	NOT_YET("unwatch", TRANSACTIONS, "2.2.0"),
	NOT_YET("watch", TRANSACTIONS, "2.2.0"),
	NOT_YET("client|caching", CONNECTION, "6.0.0"),
	NOT_YET("client|tracking", CONNECTION, "6.0.0"),
	NOT_YET("acl", SERVER, "6.0.0"),
	NOT_YET("acl|cat", SERVER, "6.0.0"),
	NOT_YET("acl|deluser", SERVER, "6.0.0"),
	NOT_YET("acl|dryrun", SERVER, "7.0.0"),
	NOT_YET("acl|genpass", SERVER, "6.0.0"),
	NOT_YET("acl|getuser", SERVER, "6.0.0"),
	NOT_YET("acl|help", SERVER, "6.0.0"),
	NOT_YET("acl|list", SERVER, "6.0.0"),
	NOT_YET("acl|load", SERVER, "6.0.0"),
	NOT_YET("acl|log", SERVER, "6.0.0"),
	NOT_YET("acl|save", SERVER, "6.0.0"),
	NOT_YET("acl|setuser", SERVER, "6.0.0"),
	NOT_YET("acl|users", SERVER, "6.0.0"),
	NOT_YET("acl|whoami", SERVER, "6.0.0"),
	WONT("failover", SERVER, "6.2.0", REPLICATION),
	WONT("module|load", SERVER, "4.0.0", NO_MODULES),
	WONT("module|loadex", SERVER, "7.0.0", NO_MODULES),
	WONT("module|unload", SERVER, "4.0.0", NO_MODULES),
	WONT("psync", SERVER, "2.8.0", REPLICATION),
	WONT("replconf", SERVER, "3.0.0", REPLICATION),
	WONT("replicaof", SERVER, "5.0.0", REPLICATION),
	WONT("restore-asking", SERVER, "3.0.0", NO_SLOT_OWNERS),
	WONT("slaveof", SERVER, "1.0.0", REPLICATION),
	WONT("sync", SERVER, "1.0.0", REPLICATION),
	NOT_YET("eval", SCRIPTING, "2.6.0"),
	NOT_YET("eval_ro", SCRIPTING, "7.0.0"),
	NOT_YET("evalsha", SCRIPTING, "2.6.0"),
	NOT_YET("evalsha_ro", SCRIPTING, "7.0.0"),
	NOT_YET("fcall", SCRIPTING, "7.0.0"),
	NOT_YET("fcall_ro", SCRIPTING, "7.0.0"),
	NOT_YET("function", SCRIPTING, "7.0.0"),
	NOT_YET("function|delete", SCRIPTING, "7.0.0"),
	NOT_YET("function|dump", SCRIPTING, "7.0.0"),
	NOT_YET("function|flush", SCRIPTING, "7.0.0"),
	NOT_YET("function|help", SCRIPTING, "7.0.0"),
	NOT_YET("function|kill", SCRIPTING, "7.0.0"),
	NOT_YET("function|list", SCRIPTING, "7.0.0"),
	NOT_YET("function|load", SCRIPTING, "7.0.0"),
	NOT_YET("function|restore", SCRIPTING, "7.0.0"),
	NOT_YET("function|stats", SCRIPTING, "7.0.0"),
	NOT_YET("script", SCRIPTING, "2.6.0"),
	WONT("script|debug", SCRIPTING, "3.2.0", NO_DEBUGGER),
	NOT_YET("script|exists", SCRIPTING, "2.6.0"),
	NOT_YET("script|flush", SCRIPTING, "2.6.0"),
	NOT_YET("script|help", SCRIPTING, "5.0.0"),
	NOT_YET("script|kill", SCRIPTING, "2.6.0"),
	NOT_YET("script|load", SCRIPTING, "2.6.0"),
	WONT("asking", CLUSTER, "3.0.0", NO_SLOT_OWNERS),
	WONT("cluster|addslots", CLUSTER, "3.0.0", NO_SLOT_OWNERS),
	WONT("cluster|addslotsrange", CLUSTER, "7.0.0", NO_SLOT_OWNERS),
	WONT("cluster|bumpepoch", CLUSTER, "3.0.0", NO_SLOT_OWNERS),
	WONT("cluster|count-failure-reports", CLUSTER, "3.0.0", NO_SLOT_OWNERS),
	WONT("cluster|delslots", CLUSTER, "3.0.0", NO_SLOT_OWNERS),
	WONT("cluster|delslotsrange", CLUSTER, "7.0.0", NO_SLOT_OWNERS),
	WONT("cluster|failover", CLUSTER, "3.0.0", NO_SLOT_OWNERS),
	WONT("cluster|flushslots", CLUSTER, "3.0.0", NO_SLOT_OWNERS),
	WONT("cluster|forget", CLUSTER, "3.0.0", NO_SLOT_OWNERS),
	WONT("cluster|meet", CLUSTER, "3.0.0", NO_SLOT_OWNERS),
	WONT("cluster|replicate", CLUSTER, "3.0.0", NO_SLOT_OWNERS),
	WONT("cluster|reset", CLUSTER, "3.0.0", NO_SLOT_OWNERS),
	WONT("cluster|saveconfig", CLUSTER, "3.0.0", NO_SLOT_OWNERS),
	WONT("cluster|set-config-epoch", CLUSTER, "3.0.0", NO_SLOT_OWNERS),
	WONT("cluster|setslot", CLUSTER, "3.0.0", NO_SLOT_OWNERS),
	WONT("sentinel", SENTINEL, "2.8.4", SENTINEL),
	WONT("sentinel|ckquorum", SENTINEL, "2.8.4", SENTINEL),
	WONT("sentinel|config", SENTINEL, "6.2.0", SENTINEL),
	WONT("sentinel|debug", SENTINEL, "7.0.0", SENTINEL),
	WONT("sentinel|failover", SENTINEL, "2.8.4", SENTINEL),
	WONT("sentinel|flushconfig", SENTINEL, "2.8.4", SENTINEL),
	WONT("sentinel|get-master-addr-by-name", SENTINEL, "2.8.4", SENTINEL),
	WONT("sentinel|help", SENTINEL, "6.2.0", SENTINEL),
	WONT("sentinel|info-cache", SENTINEL, "3.2.0", SENTINEL),
	WONT("sentinel|is-master-down-by-addr", SENTINEL, "2.8.4", SENTINEL),
	WONT("sentinel|master", SENTINEL, "2.8.4", SENTINEL),
	WONT("sentinel|masters", SENTINEL, "2.8.4", SENTINEL),
	WONT("sentinel|monitor", SENTINEL, "2.8.4", SENTINEL),
	WONT("sentinel|myid", SENTINEL, "6.2.0", SENTINEL),
	WONT("sentinel|pending-scripts", SENTINEL, "2.8.4", SENTINEL),
	WONT("sentinel|remove", SENTINEL, "2.8.4", SENTINEL),
	WONT("sentinel|replicas", SENTINEL, "5.0.0", SENTINEL),
	WONT("sentinel|reset", SENTINEL, "2.8.4", SENTINEL),
	WONT("sentinel|sentinels", SENTINEL, "2.8.4", SENTINEL),
	WONT("sentinel|set", SENTINEL, "2.8.4", SENTINEL),
	WONT("sentinel|simulate-failure", SENTINEL, "3.2.0", SENTINEL),
	WONT("sentinel|slaves", SENTINEL, "2.8.0", SENTINEL),
	{ 0 },
};
