/* The row that describes one command or subcommand.
 *
 * Rows stand at the foot of each family's file and are the only place where a
 * command's facts are written down: COMMAND, COMMAND DOCS, HELP, ACL
 * categories, key extraction and redis-compat.md are all made from them.
 *
 * Facts follow Redis 7.0 (its COMMAND INFO and COMMAND DOCS); a test compares
 * every row that claims a Redis command with a real redis-server. */
#ifndef COMMANDS_COMMAND_H
#define COMMANDS_COMMAND_H

#include <stdint.h>

struct bytes;
struct request;

enum command_group {
	GROUP_GENERIC,
	GROUP_STRING,
	GROUP_LIST,
	GROUP_SET,
	GROUP_SORTED_SET,
	GROUP_HASH,
	GROUP_PUBSUB,
	GROUP_TRANSACTIONS,
	GROUP_CONNECTION,
	GROUP_SERVER,
	GROUP_SCRIPTING,
	GROUP_HYPERLOGLOG,
	GROUP_CLUSTER,
	GROUP_SENTINEL,
	GROUP_GEO,
	GROUP_STREAM,
	GROUP_BITMAP,
	GROUP_TAG,
	GROUP_SESSION,
	GROUP_SNAPSHOT,
	GROUP_POOL,
};

/* Redis' own flags first; COMMAND INFO shows those, in this order. */
enum command_flag {
	CMD_WRITE = 1 << 0,
	CMD_READONLY = 1 << 1,
	CMD_DENYOOM = 1 << 2,
	CMD_ADMIN = 1 << 4,
	CMD_PUBSUB = 1 << 5,
	CMD_NOSCRIPT = 1 << 6,
	CMD_BLOCKING = 1 << 7,
	CMD_LOADING = 1 << 8,
	CMD_STALE = 1 << 9,
	CMD_SKIP_MONITOR = 1 << 10,
	CMD_SKIP_SLOWLOG = 1 << 11,
	CMD_ASKING = 1 << 12,
	CMD_FAST = 1 << 13,
	CMD_NO_AUTH = 1 << 14,
	CMD_MAY_REPLICATE = 1 << 15,
	CMD_NO_ASYNC_LOADING = 1 << 16,
	CMD_NO_MULTI = 1 << 17,
	CMD_MOVABLE_KEYS = 1 << 18,
	CMD_ALLOW_BUSY = 1 << 19,
	/* In Redis' table, not in COMMAND INFO's flags. */
	CMD_ONLY_SENTINEL = 1 << 20,
	CMD_TOUCHES_ARBITRARY_KEYS = 1 << 21,
	/* Shown between no_auth and no_async_loading: a call without any key
	 * is valid. */
	CMD_NO_MANDATORY_KEYS = 1 << 22,
	/* COMMAND DOCS marks it as one that only servers send ("syscmd"). */
	CMD_SYSTEM = 1 << 23,

	/* Ours: how the command is ordered after the client's earlier ones.
	 * Without either flag a command starts when all earlier commands of
	 * its connection have been answered, and holds back the later ones.
	 *
	 * CMD_LANE: it touches nothing but its keys, through the lanes that
	 * own them, and so may run beside the client's other commands.
	 * CMD_AT_ONCE: it needs no earlier command's effect and no database. */
	CMD_LANE = 1 << 24,
	CMD_AT_ONCE = 1 << 25,
	/* CMD_LISTING, with CMD_LANE: it may read in two steps (listing.h), and
	 * so the client's writes wait for it as for a read of several keys. */
	CMD_LISTING = 1 << 26,
	/* CMD_WAKES: it may add elements to its keys, and then finishes with
	 * blocking_finish().  Where somebody waits for one of them the client's
	 * later commands run when those have been served. */
	CMD_WAKES = 1 << 27,
	/* Allowed in RESP2 while the connection subscribes to something. */
	CMD_WHILE_SUBSCRIBED = 1 << 28,
};

/* ACL categories that do not follow from flags and group (@keyspace,
 * @dangerous and so on); the implied ones are added by the table, as Redis
 * does in setImplicitACLCategories. */
enum command_category {
	CATEGORY_KEYSPACE = 1 << 0,
	CATEGORY_READ = 1 << 1,
	CATEGORY_WRITE = 1 << 2,
	CATEGORY_SET = 1 << 3,
	CATEGORY_SORTEDSET = 1 << 4,
	CATEGORY_LIST = 1 << 5,
	CATEGORY_HASH = 1 << 6,
	CATEGORY_STRING = 1 << 7,
	CATEGORY_BITMAP = 1 << 8,
	CATEGORY_HYPERLOGLOG = 1 << 9,
	CATEGORY_GEO = 1 << 10,
	CATEGORY_STREAM = 1 << 11,
	CATEGORY_PUBSUB = 1 << 12,
	CATEGORY_ADMIN = 1 << 13,
	CATEGORY_FAST = 1 << 14,
	CATEGORY_SLOW = 1 << 15,
	CATEGORY_BLOCKING = 1 << 16,
	CATEGORY_DANGEROUS = 1 << 17,
	CATEGORY_CONNECTION = 1 << 18,
	CATEGORY_TRANSACTION = 1 << 19,
	CATEGORY_SCRIPTING = 1 << 20,
	/* Ours. */
	CATEGORY_TAG = 1 << 21,
	CATEGORY_SESSION = 1 << 22,
	CATEGORY_SNAPSHOT = 1 << 23,
	CATEGORY_POOL = 1 << 24,
};

/* What a command does with the keys of one key spec (Redis' key spec flags). */
enum key_access {
	KEY_RO = 1 << 0,
	KEY_RW = 1 << 1,
	KEY_OW = 1 << 2,
	KEY_RM = 1 << 3,
	KEY_ACCESS = 1 << 4,
	KEY_UPDATE = 1 << 5,
	KEY_INSERT = 1 << 6,
	KEY_DELETE = 1 << 7,
	KEY_NOT_KEY = 1 << 8,
	KEY_INCOMPLETE = 1 << 9,
	KEY_VARIABLE_FLAGS = 1 << 10,
};

enum key_begin {
	KEY_BEGIN_NONE,
	KEY_BEGIN_INDEX,
	KEY_BEGIN_KEYWORD,
	KEY_BEGIN_UNKNOWN
};
enum key_find { KEY_FIND_RANGE, KEY_FIND_KEYNUM, KEY_FIND_UNKNOWN };

/* Where keys stand among the arguments: Redis' key specification
 * (https://redis.io/docs/reference/key-specs/), numbers relative to the begin
 * for RANGE and KEYNUM as COMMAND INFO shows them. */
struct key_spec {
	enum key_begin begin;
	int index; /* KEY_BEGIN_INDEX; for KEYWORD: where the search starts */
	const char *keyword;
	enum key_find find;
	int last_key, key_step, limit; /* RANGE: last relative to the first */
	int keynum_index, first_key; /* KEYNUM, with key_step */
	uint32_t access; /* enum key_access */
	const char *notes;
};

/* `count` 1: the one key at `first`.  KEYS_RANGE: from `first` to `last` (-1:
 * the final argument) in steps. */
#define KEY_AT(first, flags) \
	{ \
		.begin = KEY_BEGIN_INDEX, .index = (first), .key_step = 1, \
		.access = (flags) \
	}
#define KEYS_RANGE(first, last, step, flags) \
	{ \
		.begin = KEY_BEGIN_INDEX, .index = (first), \
		.last_key = (last) < 0 ? (last) : (last) - (first), \
		.key_step = (step), .access = (flags) \
	}
#define KEYS_COUNTED(at, flags) \
	{ \
		.begin = KEY_BEGIN_INDEX, .index = (at), \
		.find = KEY_FIND_KEYNUM, .first_key = 1, .key_step = 1, \
		.access = (flags) \
	}

enum command_state {
	COMMAND_FULL,
	COMMAND_PARTIAL, /* .note names the difference */
	COMMAND_NOT_YET, /* rows of absent.c only */
	COMMAND_WONT, /* rows of absent.c only; .note gives the reason */
};

#define COMMAND_KEY_SPECS_MAX 3

struct command {
	const char *name; /* lower case; a subcommand's without its parent's */
	/* Arguments behind the name, in the grammar of usage.h. */
	const char *usage;
	const char *summary;
	const char *since;
	const char *complexity;
	enum command_group group;
	/* Count of arguments with the name (and subcommand's name); negative:
	 * at least that many. */
	int arity;
	uint32_t flags; /* enum command_flag */
	uint32_t categories; /* enum command_category, beyond the implied */
	struct key_spec keys[COMMAND_KEY_SPECS_MAX];
	const char *tips[4]; /* COMMAND INFO's tips */
	enum command_state state;
	const char *note; /* how it differs from Redis; NULL: it does not */
	const char *deprecated_since, *replaced_by; /* NULL: not deprecated */
	const char *history[8]; /* "6.2.0 what changed" */
	const struct command *subcommands; /* ends with a row without name */
	void (*run)(struct request *request);
	/* COMMAND GETKEYS where key specs cannot tell (SORT, MIGRATE…) or the
	 * access depends on options (SET): as command_find_keys() in table.h;
	 * `access` may be NULL. */
	int (*find_keys)(const struct bytes *argv, int argc, int *indices,
		uint32_t *access, int capacity);
};

#endif
