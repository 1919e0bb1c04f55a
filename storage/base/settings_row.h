/* What the files settings*.c share: the table of rows, and values as such.
 * Nobody else includes this. */
#ifndef STORAGE_BASE_SETTINGS_ROW_H
#define STORAGE_BASE_SETTINGS_ROW_H

#include "storage/base/settings.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum setting_flag {
	SETTING_MODIFIABLE = 0,
	SETTING_IMMUTABLE = 1 << 0, /* CONFIG SET refuses it */
	SETTING_HIDDEN = 1 << 1, /* CONFIG GET finds it by its name only */
	SETTING_SENSITIVE = 1 << 2, /* its value is a secret */
	SETTING_PROTECTED = 1 << 3, /* needs enable-protected-configs */
	SETTING_VOLATILE = 1 << 4, /* applied even if the value is the same */
	SETTING_BITS = 1 << 5, /* a choice of several words */
	SETTING_DIRECTORY = 1 << 6, /* the value is the working directory */
	SETTING_OURS = 1 << 7, /* Redis has no such setting */
};

enum setting_kind {
	SETTING_KIND_BOOLEAN,
	SETTING_KIND_NUMBER,
	SETTING_KIND_CHOICE,
	SETTING_KIND_TEXT,
	SETTING_KIND_LIST,
};

enum setting_form {
	SETTING_INTEGER,
	SETTING_MEMORY,
	SETTING_MEMORY_OR_PERCENT, /* percents are kept negative */
	SETTING_OCTAL,
};

/* Ends with a row without name; the first name of a value is its print. */
struct setting_choice {
	const char *name;
	int value;
};

/* Numbers, booleans and choices use `number`, the others `text`. */
union setting_value {
	int64_t number;
	const char *text;
};

/* Words borrowed from somewhere. */
struct setting_words {
	char *const *items;
	size_t count;
};

struct setting_list_kind {
	/* Makes the list's new text, to be freed, from its words.  `previous`
	 * is the text so far: for kinds that merge, and, with `append`, for
	 * those whose directive may be repeated. */
	char *(*parse)(struct setting_words words, const char *previous,
		bool append, const char **error);
	/* The directive may be repeated in a file, a few words each time. */
	size_t words_per_line; /* 0: one line holds all */
	/* Repetitions add to the list; the first one drops the default. */
	bool accumulates;
	bool is_one_word;
};

struct setting_row {
	const char *name;
	const char *alias; /* or NULL */
	enum setting_kind kind;
	uint32_t flags;
	size_t offset; /* of the field in struct settings */
	int64_t least, greatest;
	union setting_value standard; /* the default */
	enum setting_form form;
	const struct setting_choice *choices;
	const struct setting_list_kind *list;
	/* Refuses a value (NULL: none) or puts it right; the text in `error`
	 * is static. */
	bool (*check)(union setting_value *value, const char **error);
	const char *effect; /* why it does nothing here, or NULL */
	const char *help;
};

/* Ends with a row without name. */
extern const struct setting_row setting_rows[];
extern const size_t setting_row_count;

/* By name or alias, in any case; or NULL. */
const struct setting_row *setting_find(struct bytes name);

/* The private part of struct settings. */
struct settings_state {
	pthread_mutex_t lock; /* of all changes */
	struct interned *interned; /* every text that ever was a value */
	struct setting_hook {
		bool (*apply)(void *arg, const char **error);
		void *arg;
	} * hooks; /* per row */
	/* Per row: a list that this load has given already. */
	bool *given;
	bool is_scratch; /* only parsed: no effects outside, such as chdir */
	/* Per row: what the last load of file and options said, against which
	 * settings_reload() sees what has changed; NULL before. */
	union setting_value *loaded;
	char *start_directory; /* where relative paths of a load begin */
	char *file; /* absolute path, or NULL */
	char *input; /* what `-` read, or NULL */
	char *options; /* the command line as directives, or NULL */
	char *database_url;
};

/* The stored text equal to `text`, kept until settings_free(). */
const char *setting_intern(struct settings *settings, const char *text);
void setting_interned_free(struct interned *interned);

/* Parses a value without storing it; its text is interned.  Changes into the
 * directory where the row says so: storing the old value goes back.  On
 * failure `*error` is a text to be freed. */
bool setting_parse(struct settings *settings, const struct setting_row *row,
	struct setting_words words, union setting_value *value, char **error);

union setting_value setting_read(
	const struct settings *settings, const struct setting_row *row);
/* Publishes the value and what is made from it; true when it has changed. */
bool setting_store(struct settings *settings, const struct setting_row *row,
	union setting_value value);
bool setting_equal(const struct setting_row *row, union setting_value a,
	union setting_value b);

/* The value as CONFIG GET prints it; to be freed. */
char *setting_print(const struct setting_row *row, union setting_value value);

/* A change made while running; values are parsed and interned. */
struct setting_change {
	const struct setting_row *row;
	union setting_value value;
};

/* Stores and applies all changes or none; the caller holds the lock.  On
 * failure returns the row whose hook refused, with a static text or NULL in
 * `*error`; NULL is success. */
const struct setting_row *setting_apply(struct settings *settings,
	const struct setting_change *changes, size_t count, const char **error);

/* Keeps the values of `from` as what file and options say. */
void setting_remember_loaded(
	struct settings *settings, const struct settings *from);

/* Makes settings->output_limits or ->notify_flags from the list's text. */
void setting_derive(struct settings *settings, const struct setting_row *row,
	const char *text);

extern const struct setting_list_kind setting_list_bind, setting_list_save,
	setting_list_output_limits, setting_list_oom_scores,
	setting_list_percentiles, setting_list_notify, setting_list_replicaof,
	setting_list_pairs, setting_list_classes;

extern const struct setting_choice setting_choice_evictions[],
	setting_choice_supervised[], setting_choice_permissions[],
	setting_choice_log_levels[], setting_choice_log_formats[],
	setting_choice_shutdown_options[], setting_choice_tls_auth_clients[],
	setting_choice_syslog_facilities[], setting_choice_oom_score_adj[],
	setting_choice_acl_pubsub_default[],
	setting_choice_sanitize_dump_payload[], setting_choice_append_fsync[],
	setting_choice_repl_diskless_load[],
	setting_choice_propagation_errors[], setting_choice_endpoint_types[];

bool setting_check_ticks(union setting_value *value, const char **error);
bool setting_check_shutdown(union setting_value *value, const char **error);
bool setting_check_no_acl_file(union setting_value *value, const char **error);
bool setting_check_no_defragmentation(
	union setting_value *value, const char **error);
bool setting_check_title_template(
	union setting_value *value, const char **error);
bool setting_check_database_file_name(
	union setting_value *value, const char **error);
bool setting_check_append_file_name(
	union setting_value *value, const char **error);
bool setting_check_append_directory_name(
	union setting_value *value, const char **error);
bool setting_check_host_name(union setting_value *value, const char **error);

#endif
