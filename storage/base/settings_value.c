/* Values of settings: parsed, printed, read and published.
 *
 * A value is published by one atomic store; texts are interned first and
 * outlive every reader, which is what lets readers go without a lock. */
#include "storage/base/settings_row.h"

#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/base/number.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

struct interned {
	UT_hash_handle hh;
	char text[];
};

const struct setting_choice setting_choice_evictions[] = {
	{ "volatile-lru", EVICTION_VOLATILE_LRU },
	{ "volatile-lfu", EVICTION_VOLATILE_LFU },
	{ "volatile-random", EVICTION_VOLATILE_RANDOM },
	{ "volatile-ttl", EVICTION_VOLATILE_TTL },
	{ "allkeys-lru", EVICTION_ALLKEYS_LRU },
	{ "allkeys-lfu", EVICTION_ALLKEYS_LFU },
	{ "allkeys-random", EVICTION_ALLKEYS_RANDOM },
	{ "noeviction", EVICTION_NONE },
	{ NULL, 0 },
};

const struct setting_choice setting_choice_supervised[] = {
	{ "upstart", SUPERVISED_UPSTART },
	{ "systemd", SUPERVISED_SYSTEMD },
	{ "auto", SUPERVISED_AUTO },
	{ "no", SUPERVISED_NO },
	{ NULL, 0 },
};

const struct setting_choice setting_choice_permissions[] = {
	{ "no", PERMISSION_NO },
	{ "yes", PERMISSION_YES },
	{ "local", PERMISSION_LOCAL },
	{ NULL, 0 },
};

const struct setting_choice setting_choice_log_levels[] = {
	{ "debug", LOG_DEBUG },
	{ "verbose", LOG_VERBOSE },
	{ "notice", LOG_NOTICE },
	{ "warning", LOG_WARNING },
	{ NULL, 0 },
};

const struct setting_choice setting_choice_log_formats[] = {
	{ "text", LOG_FORMAT_TEXT },
	{ "json", LOG_FORMAT_JSON },
	{ NULL, 0 },
};

const struct setting_choice setting_choice_shutdown_options[] = {
	{ "default", SHUTDOWN_DEFAULT },
	{ "save", SHUTDOWN_SAVE },
	{ "nosave", SHUTDOWN_NOSAVE },
	{ "now", SHUTDOWN_NOW },
	{ "force", SHUTDOWN_FORCE },
	{ NULL, 0 },
};

const struct setting_choice setting_choice_tls_auth_clients[] = {
	{ "no", TLS_AUTH_CLIENTS_NO },
	{ "yes", TLS_AUTH_CLIENTS_YES },
	{ "optional", TLS_AUTH_CLIENTS_OPTIONAL },
	{ NULL, 0 },
};

/* The values of the rest matter to nobody. */

const struct setting_choice setting_choice_syslog_facilities[] = {
	{ "user", 1 },
	{ "local0", 2 },
	{ "local1", 3 },
	{ "local2", 4 },
	{ "local3", 5 },
	{ "local4", 6 },
	{ "local5", 7 },
	{ "local6", 8 },
	{ "local7", 9 },
	{ NULL, 0 },
};

const struct setting_choice setting_choice_oom_score_adj[] = {
	{ "no", 0 },
	{ "yes", 1 },
	{ "relative", 1 },
	{ "absolute", 2 },
	{ NULL, 0 },
};

const struct setting_choice setting_choice_acl_pubsub_default[] = {
	{ "allchannels", 1 },
	{ "resetchannels", 0 },
	{ NULL, 0 },
};

const struct setting_choice setting_choice_sanitize_dump_payload[] = {
	{ "no", 0 },
	{ "yes", 1 },
	{ "clients", 2 },
	{ NULL, 0 },
};

const struct setting_choice setting_choice_append_fsync[] = {
	{ "everysec", 0 },
	{ "always", 1 },
	{ "no", 2 },
	{ NULL, 0 },
};

const struct setting_choice setting_choice_repl_diskless_load[] = {
	{ "disabled", 0 },
	{ "on-empty-db", 1 },
	{ "swapdb", 2 },
	{ NULL, 0 },
};

const struct setting_choice setting_choice_propagation_errors[] = {
	{ "ignore", 0 },
	{ "panic", 1 },
	{ "panic-on-replicas", 2 },
	{ NULL, 0 },
};

const struct setting_choice setting_choice_endpoint_types[] = {
	{ "ip", 0 },
	{ "hostname", 1 },
	{ "unknown-endpoint", 2 },
	{ NULL, 0 },
};

const char *
setting_intern(struct settings *settings, const char *text)
{
	struct interned *entry;
	size_t size = strlen(text);

	HASH_FIND(hh, settings->state->interned, text, size, entry);
	if (entry == NULL) {
		entry = memory_allocate(sizeof(*entry) + size + 1);
		memcpy(entry->text, text, size + 1);
		HASH_ADD(hh, settings->state->interned, text[0], size, entry);
	}
	return entry->text;
}

void
setting_interned_free(struct interned *interned)
{
	struct interned *entry = interned, *next;

	/* Clearing frees the table; the entries stay chained. */
	HASH_CLEAR(hh, interned);
	for (; entry != NULL; entry = next) {
		next = entry->hh.next;
		free(entry);
	}
}

static bool
parse_boolean(const char *word, int64_t *number, char **error)
{
	*number = strcasecmp(word, "yes") == 0;
	if (*number || strcasecmp(word, "no") == 0)
		return true;
	*error = memory_copy_string("argument must be 'yes' or 'no'");
	return false;
}

/* A number in one of the forms; false without an error text. */
static bool
parse_form(enum setting_form form, const char *word, int64_t *number)
{
	struct bytes text = bytes_of(word);
	uint64_t size;
	char *end;

	switch (form) {
	case SETTING_INTEGER:
		return number_parse_int64(text, number);
	case SETTING_OCTAL:
		errno = 0;
		*number = strtoll(word, &end, 8);
		return errno == 0 && *end == '\0';
	case SETTING_MEMORY_OR_PERCENT:
		if (text.size > 1 && word[text.size - 1] == '%') {
			text.size--;
			if (!number_parse_int64(text, number) || *number < 0)
				return false;
			*number = -*number;
			return true;
		}
		/* fall through */
	case SETTING_MEMORY:
		if (!number_parse_memory(text, &size) || size > INT64_MAX)
			return false;
		*number = (int64_t)size;
		return true;
	}
	return false;
}

static bool
parse_number(const struct setting_row *row, const char *word, int64_t *number,
	char **error)
{
	static const char *const complaints[] = {
		[SETTING_INTEGER] =
			"argument couldn't be parsed into an integer",
		[SETTING_MEMORY] = "argument must be a memory value",
		[SETTING_MEMORY_OR_PERCENT] =
			"argument must be a memory or percent value",
		[SETTING_OCTAL] =
			"argument couldn't be parsed as an octal number",
	};

	if (!parse_form(row->form, word, number)) {
		*error = memory_copy_string(complaints[row->form]);
		return false;
	}
	if (*number >= row->least && *number <= row->greatest)
		return true;
	if (row->form == SETTING_MEMORY_OR_PERCENT && *number < 0)
		*error = memory_print("percentage argument must be less or "
				      "equal to %" PRId64,
			-row->least);
	else
		*error = memory_print(row->form == SETTING_OCTAL ?
				"argument must be between %" PRIo64
				" and %" PRIo64 " inclusive" :
				"argument must be between %" PRId64
				" and %" PRId64 " inclusive",
			row->least, row->greatest);
	return false;
}

static const struct setting_choice *
find_choice(const struct setting_choice *choices, const char *word)
{
	for (; choices->name != NULL; choices++)
		if (strcasecmp(choices->name, word) == 0)
			return choices;
	return NULL;
}

static bool
parse_choice(const struct setting_row *row, struct setting_words words,
	int64_t *number, char **error)
{
	bool valid = words.count > 0;

	*number = 0;
	for (size_t i = 0; valid && i < words.count; i++) {
		const struct setting_choice *choice =
			find_choice(row->choices, words.items[i]);

		valid = choice != NULL;
		if (valid)
			*number |= choice->value;
	}
	if (valid)
		return true;
	*error = memory_copy_string(
		"argument(s) must be one of the following: ");
	for (const struct setting_choice *choice = row->choices; choice->name;
		choice++) {
		char *longer = memory_print("%s%s%s", *error, choice->name,
			choice[1].name != NULL ? ", " : "");

		free(*error);
		*error = longer;
	}
	return false;
}

/* The absolute path of a directory, from the working directory of these
 * settings; a scratch copy only looks. */
static bool
parse_directory(struct settings *settings, const char *word,
	union setting_value *value, char **error)
{
	char *path, *resolved;
	struct stat status;
	bool valid;

	path = *word == '/' ?
		memory_copy_string(word) :
		memory_print("%s/%s", settings_get_text(settings, dir), word);
	resolved = *word != '\0' ? realpath(path, NULL) : NULL;
	valid = resolved != NULL && stat(resolved, &status) == 0;
	if (valid && !S_ISDIR(status.st_mode)) {
		errno = ENOTDIR;
		valid = false;
	}
	if (valid && !settings->state->is_scratch)
		valid = chdir(resolved) == 0;
	if (valid)
		value->text = setting_intern(settings, resolved);
	else
		*error = memory_copy_string(
			strerror(*word != '\0' ? errno : ENOENT));
	free(resolved);
	free(path);
	return valid;
}

static bool
parse_list(struct settings *settings, const struct setting_row *row,
	struct setting_words words, union setting_value *value, char **error)
{
	bool *given = settings->state->given;
	bool append = given != NULL && given[row - setting_rows];
	const char *complaint = NULL;
	char *text = row->list->parse(words, setting_read(settings, row).text,
		append && row->list->accumulates, &complaint);

	if (text == NULL) {
		*error = memory_copy_string(complaint);
		return false;
	}
	if (given != NULL)
		given[row - setting_rows] = true;
	value->text = setting_intern(settings, text);
	free(text);
	return true;
}

bool
setting_parse(struct settings *settings, const struct setting_row *row,
	struct setting_words words, union setting_value *value, char **error)
{
	const char *complaint = NULL;
	bool valid = true;

	switch (row->kind) {
	case SETTING_KIND_BOOLEAN:
		valid = parse_boolean(words.items[0], &value->number, error);
		break;
	case SETTING_KIND_NUMBER:
		valid = parse_number(
			row, words.items[0], &value->number, error);
		break;
	case SETTING_KIND_CHOICE:
		valid = parse_choice(row, words, &value->number, error);
		break;
	case SETTING_KIND_LIST:
		return parse_list(settings, row, words, value, error);
	case SETTING_KIND_TEXT:
		if (row->flags & SETTING_DIRECTORY)
			return parse_directory(
				settings, words.items[0], value, error);
		value->text = setting_intern(settings, words.items[0]);
		break;
	}
	if (valid && row->check != NULL && !row->check(value, &complaint)) {
		*error = memory_copy_string(complaint);
		return false;
	}
	return valid;
}

union setting_value
setting_read(const struct settings *settings, const struct setting_row *row)
{
	const char *field = (const char *)settings + row->offset;
	union setting_value value = { 0 };

	switch (row->kind) {
	case SETTING_KIND_BOOLEAN:
		value.number = atomic_load((const _Atomic bool *)field);
		break;
	case SETTING_KIND_NUMBER:
		value.number = atomic_load((const _Atomic int64_t *)field);
		break;
	case SETTING_KIND_CHOICE:
		value.number = atomic_load((const _Atomic int *)field);
		break;
	case SETTING_KIND_TEXT:
	case SETTING_KIND_LIST:
		value.text = atomic_load((const char *_Atomic const *)field);
		break;
	}
	return value;
}

bool
setting_equal(const struct setting_row *row, union setting_value a,
	union setting_value b)
{
	if (row->kind == SETTING_KIND_TEXT || row->kind == SETTING_KIND_LIST)
		return strcmp(a.text, b.text) == 0;
	return a.number == b.number;
}

bool
setting_store(struct settings *settings, const struct setting_row *row,
	union setting_value value)
{
	char *field = (char *)settings + row->offset;
	bool changed = !setting_equal(row, setting_read(settings, row), value);

	switch (row->kind) {
	case SETTING_KIND_BOOLEAN:
		atomic_store((_Atomic bool *)field, value.number != 0);
		break;
	case SETTING_KIND_NUMBER:
		atomic_store((_Atomic int64_t *)field, value.number);
		break;
	case SETTING_KIND_CHOICE:
		atomic_store((_Atomic int *)field, (int)value.number);
		break;
	case SETTING_KIND_TEXT:
		if ((row->flags & SETTING_DIRECTORY) &&
			!settings->state->is_scratch && chdir(value.text) != 0)
			log_event(LOG_WARNING, "cannot change directory",
				"path", log_text(value.text), "error",
				log_text(strerror(errno)), NULL);
		atomic_store((const char *_Atomic *)field, value.text);
		break;
	case SETTING_KIND_LIST:
		atomic_store((const char *_Atomic *)field, value.text);
		setting_derive(settings, row, value.text);
		break;
	}
	return changed;
}

static char *
print_choice(const struct setting_row *row, int value)
{
	char *text = NULL;
	int left = value;

	for (const struct setting_choice *choice = row->choices; choice->name;
		choice++) {
		if (choice->value == value) {
			free(text);
			return memory_copy_string(choice->name);
		}
		if ((row->flags & SETTING_BITS) && choice->value != 0 &&
			(left & choice->value) == choice->value) {
			char *longer =
				memory_print("%s%s%s", text != NULL ? text : "",
					text != NULL ? " " : "", choice->name);

			free(text);
			text = longer;
			left &= ~choice->value;
		}
	}
	return text != NULL ? text : memory_copy_string("unknown");
}

char *
setting_print(const struct setting_row *row, union setting_value value)
{
	switch (row->kind) {
	case SETTING_KIND_BOOLEAN:
		return memory_copy_string(value.number ? "yes" : "no");
	case SETTING_KIND_NUMBER:
		if (row->form == SETTING_OCTAL)
			return memory_print("%" PRIo64, value.number);
		if (row->form == SETTING_MEMORY_OR_PERCENT && value.number < 0)
			return memory_print("%" PRId64 "%%", -value.number);
		return memory_print("%" PRId64, value.number);
	case SETTING_KIND_CHOICE:
		return print_choice(row, (int)value.number);
	case SETTING_KIND_TEXT:
	case SETTING_KIND_LIST:
		break;
	}
	return memory_copy_string(value.text);
}
