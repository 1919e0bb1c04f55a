/* What the files of the key family share: their handlers, named here for the
 * rows in keys.c. */
#ifndef COMMANDS_KEYS_H
#define COMMANDS_KEYS_H

#include <stdbool.h>
#include <stdint.h>

struct request;
struct result;

/* Columns of key_look and, with the last, key_look_inside. */
enum {
	LOOK_TYPE = 1,
	LOOK_EXPIRES_AT,
	LOOK_NOW,
	LOOK_IS_NUMBER,
	LOOK_IS_RAW,
	LOOK_SIZE,
	LOOK_IDLE_S,
	LOOK_IS_COMPACT,
};

/* What TYPE calls the type of a key's row. */
const char *keys_type_name(char type);

/* Sends key_look for argv[index] to the key's lane. */
void keys_look(struct request *request, int index,
	void (*done)(void *arg, const struct result *result));

/* The same with key_look_inside, for keys_encoding(). */
void keys_look_inside(struct request *request, int index,
	void (*done)(void *arg, const struct result *result));

/* The name of the encoding of the value in a row of key_look_inside. */
const char *keys_encoding(const struct result *result);

/* Reads argv[index] as the cursor of a scan; on failure it has replied and
 * finished. */
bool keys_read_cursor(struct request *request, int index, int64_t *cursor);

/* Whether maxmemory-policy counts uses instead of noting the last one. */
bool keys_use_lfu(const struct request *request);

/* Reads argv[index] as a database number; on failure it has replied, with
 * `error` (NULL: Redis' usual text) for what is no number, and finished. */
bool keys_read_database(
	struct request *request, int index, const char *error, int *db);

/* Whether the databases are of one storage class; if not, it has replied and
 * finished. */
bool keys_have_one_class(struct request *request, int db, int other_db);

/* keys_expire.c */
void cmd_expire(struct request *request);
void cmd_expireat(struct request *request);
void cmd_expiretime(struct request *request);
void cmd_persist(struct request *request);
void cmd_pexpire(struct request *request);
void cmd_pexpireat(struct request *request);
void cmd_pexpiretime(struct request *request);
void cmd_pttl(struct request *request);
void cmd_ttl(struct request *request);

/* keys_scan.c */
void cmd_dbsize(struct request *request);
void cmd_keys(struct request *request);
void cmd_randomkey(struct request *request);
void cmd_scan(struct request *request);

/* keys_object.c */
void cmd_object_encoding(struct request *request);
void cmd_object_freq(struct request *request);
void cmd_object_idletime(struct request *request);
void cmd_object_refcount(struct request *request);

/* keys_move.c */
void cmd_copy(struct request *request);
void cmd_move(struct request *request);
void cmd_rename(struct request *request);
void cmd_renamenx(struct request *request);

/* keys_wait.c */
void cmd_wait(struct request *request);

/* keys_database.c */
void cmd_flushall(struct request *request);
void cmd_flushdb(struct request *request);
void cmd_swapdb(struct request *request);

#endif
