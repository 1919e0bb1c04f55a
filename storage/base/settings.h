/* Every directive: its value, where it came from, and how it changes.
 *
 * The rows stand in settings.def, once: they yield the fields below, the
 * defaults, redis.conf parsing, command-line options, CONFIG GET/SET/REWRITE
 * and the option list of the documentation.
 *
 * Threads.  Any thread reads a value at any time without a lock:
 *
 *	settings_get(settings, maxclients)        numbers, booleans, choices
 *	settings_get_text(settings, requirepass)  text and lists, never NULL
 *
 * A text stays valid until settings_free(), even after the setting has been
 * changed (values are interned, so a setting that goes back and forth does not
 * grow memory); read it once per use rather than twice.  All functions that
 * change settings take the lock inside; apply hooks run under it and must not
 * call them.  Two settings changed by one CONFIG SET may be seen one before
 * the other.
 *
 * A list's text is its words as CONFIG GET shows them; settings_split() takes
 * it apart. */
#ifndef STORAGE_BASE_SETTINGS_H
#define STORAGE_BASE_SETTINGS_H

#include "storage/base/bytes.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum settings_eviction {
	EVICTION_VOLATILE_LRU,
	EVICTION_VOLATILE_LFU,
	EVICTION_VOLATILE_RANDOM,
	EVICTION_VOLATILE_TTL,
	EVICTION_ALLKEYS_LRU,
	EVICTION_ALLKEYS_LFU,
	EVICTION_ALLKEYS_RANDOM,
	EVICTION_NONE,
};

enum settings_tls_auth_clients {
	TLS_AUTH_CLIENTS_NO,
	TLS_AUTH_CLIENTS_YES,
	TLS_AUTH_CLIENTS_OPTIONAL,
};
enum settings_supervised {
	SUPERVISED_NO,
	SUPERVISED_UPSTART,
	SUPERVISED_SYSTEMD,
	SUPERVISED_AUTO,
};

/* Who may use protected settings and commands (enable-debug-command…). */
enum settings_permission { PERMISSION_NO, PERMISSION_YES, PERMISSION_LOCAL };

enum settings_database_class {
	DATABASE_DURABLE,
	DATABASE_ASYNC,
	DATABASE_CACHE,
};

/* notify-keyspace-events, Redis' letters. */
enum settings_notify {
	NOTIFY_KEYSPACE = 1 << 0, /* K */
	NOTIFY_KEYEVENT = 1 << 1, /* E */
	NOTIFY_GENERIC = 1 << 2, /* g */
	NOTIFY_STRING = 1 << 3, /* $ */
	NOTIFY_LIST = 1 << 4, /* l */
	NOTIFY_SET = 1 << 5, /* s */
	NOTIFY_HASH = 1 << 6, /* h */
	NOTIFY_SORTED_SET = 1 << 7, /* z */
	NOTIFY_EXPIRED = 1 << 8, /* x */
	NOTIFY_EVICTED = 1 << 9, /* e */
	NOTIFY_STREAM = 1 << 10, /* t */
	NOTIFY_KEY_MISS = 1 << 11, /* m; not in A */
	NOTIFY_MODULE = 1 << 13, /* d */
	NOTIFY_NEW = 1 << 14, /* n; not in A */
};

/* shutdown-on-sigint, shutdown-on-sigterm. */
enum settings_shutdown {
	SHUTDOWN_DEFAULT = 0,
	SHUTDOWN_SAVE = 1 << 0,
	SHUTDOWN_NOSAVE = 1 << 1,
	SHUTDOWN_NOW = 1 << 2,
	SHUTDOWN_FORCE = 1 << 3,
};

enum settings_client_class {
	CLIENT_CLASS_NORMAL,
	CLIENT_CLASS_REPLICA,
	CLIENT_CLASS_PUBSUB,
	CLIENT_CLASS_COUNT,
};

/* client-output-buffer-limit of one class; 0: no limit.  Read each part with
 * settings_get(&settings->output_limits[class], hard_bytes). */
struct settings_output_limit {
	_Atomic int64_t hard_bytes, soft_bytes, soft_seconds;
};

struct settings_state;

#define SETTING_BOOLEAN(field, ...) _Atomic bool field;
#define SETTING_NUMBER(field, ...) _Atomic int64_t field;
#define SETTING_CHOICE(field, ...) _Atomic int field;
#define SETTING_TEXT(field, ...) const char *_Atomic field;
#define SETTING_LIST(field, ...) const char *_Atomic field;
struct settings {
#include "storage/base/settings.def"
	/* Made from lists whenever they change. */
	struct settings_output_limit output_limits[CLIENT_CLASS_COUNT];
	_Atomic int notify_flags; /* enum settings_notify */
	struct settings_state *state; /* private to settings*.c */
};
#undef SETTING_BOOLEAN
#undef SETTING_NUMBER
#undef SETTING_CHOICE
#undef SETTING_TEXT
#undef SETTING_LIST

#define settings_get(settings, field) \
	atomic_load_explicit(&(settings)->field, memory_order_relaxed)
#define settings_get_text(settings, field) \
	atomic_load_explicit(&(settings)->field, memory_order_acquire)

/* Settings at their defaults.  Released with settings_free(), once no other
 * thread reads them. */
struct settings *settings_new(void);
void settings_free(struct settings *settings);

/* What the command line asks for besides settings; for the caller to do. */
struct settings_actions {
	bool help; /* --help, -h */
	bool version; /* --version, -v */
	bool check; /* --check */
	bool migrate_only; /* --migrate-only */
	bool compat; /* --compat */
	bool settings; /* --settings */
};

/* Reads the command line, as redis-server does:
 *
 *	[config-file] [-] [--directive value…]… [--check] [--migrate-only] …
 *
 * then the file and standard input (`-`), which the options override.  Changes
 * into `dir` where it is given.  Called once, before other threads start.
 * On failure returns false and `*error` is a text for stderr that names file
 * and line, to be released with free(). */
bool settings_load(struct settings *settings, int argc, char **argv,
	struct settings_actions *actions, char **error);

/* Parses `text` as if it were the file `name`; as settings_load() else. */
bool settings_load_text(struct settings *settings, const char *name,
	const char *text, char **error);

/* Reads the file again (SIGHUP) and applies what differs, all or nothing.
 * Options of the command line still override it.  Returns false with `*report`
 * saying why when nothing was changed; else `*report` names what was changed
 * and what differs but needs a restart, or is "" if the file says nothing new.
 * Release `*report` with free(). */
bool settings_reload(struct settings *settings, char **report);

/* The config file's absolute path, or NULL. */
const char *settings_file(const struct settings *settings);

/* Registers what makes a change of setting `name` take effect while running:
 * called after the new value is in place, by CONFIG SET and settings_reload().
 * When it returns false (with a static text in `*error`, or NULL), all
 * settings of the change go back and the hooks that ran run again.  Settings
 * that share `apply` and `arg` are applied once. */
void settings_set_apply_hook(struct settings *settings, const char *name,
	bool (*apply)(void *arg, const char **error), void *arg);

struct settings_change {
	struct bytes name, value;
};

/* CONFIG SET: all changes, or none.  `allow_protected`: the client may change
 * protected settings (see settings_is_permitted).  On failure `*error` is
 * Redis' whole error text with its code, to be released with free(). */
bool settings_set(struct settings *settings,
	const struct settings_change *changes, size_t count,
	bool allow_protected, char **error);

/* Whether the value of setting `name` is a secret that MONITOR and SLOWLOG
 * must not show. */
bool settings_is_sensitive(struct bytes name);

static inline bool
settings_is_permitted(int permission, bool client_is_local)
{
	return permission == PERMISSION_YES ||
		(permission == PERMISSION_LOCAL && client_is_local);
}

struct settings_pair {
	char *name, *value;
};

/* CONFIG GET: the settings whose name matches one of the patterns, each once.
 * A name without pattern characters is returned as it was asked for, and also
 * finds hidden settings.  Release with settings_pairs_free(). */
struct settings_pair *settings_list(struct settings *settings,
	const struct bytes *patterns, size_t pattern_count, size_t *count);
void settings_pairs_free(struct settings_pair *pairs, size_t count);

/* CONFIG REWRITE: writes the values into the config file, keeping its comments
 * and order.  `everything`: also values that are at their default (for DEBUG
 * CONFIG-REWRITE-FORCE-ALL).  On failure `*error` is Redis' whole error text,
 * to be released with free(). */
bool settings_rewrite(struct settings *settings, bool everything, char **error);

/* The conninfo of the database to use: `postgres`, else the environment's
 * DATABASE_URL as it was at settings_load(), else "" for the embedded one. */
const char *settings_database(const struct settings *settings);

/* How many worker threads to run: worker-threads, else io-threads when it is
 * over 1, else one per two CPUs. */
int settings_worker_count(const struct settings *settings);

/* database-class of database `number`; durable unless set. */
enum settings_database_class settings_database_class(
	const struct settings *settings, int number);

/* Splits a line into words by redis.conf's rules: blanks, "…" with escapes
 * (\n \r \t \b \a \xHH), '…' with \'.  Returns the words, each NUL-terminated
 * (one may hold NUL inside if \x00 was written), or NULL when quotes are
 * unbalanced.  Release with settings_words_free(). */
char **settings_split(const char *line, size_t *count);
void settings_words_free(char **words, size_t count);

/* `text` in double quotes, with the escapes that settings_split() undoes. */
char *settings_quote(const char *text);

/* Lists all settings in Markdown: name, default, whether it can be changed
 * while running, what it does, and which have no effect here and why. */
void settings_print_documentation(FILE *output);

#endif
