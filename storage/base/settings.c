/* Settings while the server runs: defaults, CONFIG GET and CONFIG SET.
 *
 * A change is parsed in full before anything is stored, then stored, then
 * applied by the hooks; when a hook refuses, the old values are stored again
 * and the hooks that ran run once more.  One lock orders all changes. */
#include "storage/base/settings_row.h"

#include "storage/base/glob.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

struct settings *
settings_new(void)
{
	struct settings *settings =
		memory_allocate_zeroed(1, sizeof(*settings));
	struct settings_state *state =
		memory_allocate_zeroed(1, sizeof(*state));
	char *directory = getcwd(NULL, 0);

	settings->state = state;
	pthread_mutex_init(&state->lock, NULL);
	state->hooks = memory_allocate_zeroed(
		setting_row_count, sizeof(*state->hooks));
	state->start_directory =
		directory != NULL ? directory : memory_copy_string("/");
	for (size_t i = 0; i < setting_row_count; i++) {
		const struct setting_row *row = &setting_rows[i];
		union setting_value value = row->standard;
		char *field = (char *)settings + row->offset;

		if (row->flags & SETTING_DIRECTORY)
			value.text = state->start_directory;
		if (row->kind == SETTING_KIND_TEXT ||
			row->kind == SETTING_KIND_LIST) {
			value.text = setting_intern(settings, value.text);
			atomic_init((const char *_Atomic *)field, value.text);
		}
		if (!(row->flags & SETTING_DIRECTORY))
			setting_store(settings, row, value);
	}
	return settings;
}

void
settings_free(struct settings *settings)
{
	struct settings_state *state;

	if (settings == NULL)
		return;
	state = settings->state;
	pthread_mutex_destroy(&state->lock);
	setting_interned_free(state->interned);
	free(state->hooks);
	free(state->given);
	free(state->loaded);
	free(state->file);
	free(state->input);
	free(state->options);
	free(state->database_url);
	free(state->start_directory);
	free(state);
	free(settings);
}

void
settings_set_apply_hook(struct settings *settings, const char *name,
	bool (*apply)(void *arg, const char **error), void *arg)
{
	const struct setting_row *row = setting_find(bytes_of(name));
	struct setting_hook *hook;

	assert(row != NULL);
	hook = &settings->state->hooks[row - setting_rows];
	pthread_mutex_lock(&settings->state->lock);
	hook->apply = apply;
	hook->arg = arg;
	pthread_mutex_unlock(&settings->state->lock);
}

/* Whether one of the first `count` changes has the hook of `row` too. */
static bool
is_hooked_before(const struct settings *settings,
	const struct setting_row *const *rows, size_t count,
	const struct setting_row *row)
{
	const struct setting_hook *hooks = settings->state->hooks;
	const struct setting_hook *hook = &hooks[row - setting_rows];

	for (size_t i = 0; i < count; i++) {
		const struct setting_hook *other =
			&hooks[rows[i] - setting_rows];

		if (other->apply == hook->apply && other->arg == hook->arg)
			return true;
	}
	return false;
}

static bool
run_hook(const struct settings *settings, const struct setting_row *row,
	const char **error)
{
	const struct setting_hook *hook =
		&settings->state->hooks[row - setting_rows];

	*error = NULL;
	return hook->apply(hook->arg, error);
}

/* Puts the values back and applies them again where they had been applied. */
static void
restore(struct settings *settings, const struct setting_change *changes,
	const union setting_value *before, size_t count,
	const struct setting_row *const *applied, size_t applied_count)
{
	for (size_t i = 0; i < count; i++)
		setting_store(settings, changes[i].row, before[i]);
	for (size_t i = 0; i < applied_count; i++) {
		const struct setting_row *row = applied[i];
		const char *error;

		assert(row != NULL);
		if (!run_hook(settings, row, &error))
			log_event(LOG_WARNING,
				"cannot go back to the old setting", "setting",
				log_text(row->name), "error", log_text(error),
				NULL);
	}
}

const struct setting_row *
setting_apply(struct settings *settings, const struct setting_change *changes,
	size_t count, const char **error)
{
	union setting_value *before = memory_allocate(count * sizeof(*before));
	const struct setting_row **applied =
		memory_allocate(count * sizeof(*applied));
	const struct setting_row *refused = NULL;
	size_t to_apply = 0, done = 0;

	for (size_t i = 0; i < count; i++)
		before[i] = setting_read(settings, changes[i].row);
	for (size_t i = 0; i < count; i++) {
		const struct setting_row *row = changes[i].row;
		bool changed = setting_store(settings, row, changes[i].value);

		if ((changed || (row->flags & SETTING_VOLATILE)) &&
			settings->state->hooks[row - setting_rows].apply &&
			!is_hooked_before(settings, applied, to_apply, row))
			applied[to_apply++] = row;
	}
	while (refused == NULL && done < to_apply) {
		if (!run_hook(settings, applied[done], error))
			refused = applied[done];
		done++;
	}
	if (refused != NULL) {
		const char *refusal = *error;

		restore(settings, changes, before, count, applied, done);
		*error = refusal;
	}
	free(before);
	free(applied);
	return refused;
}

/* CONFIG SET splits a list's value at each space, without regard to quotes. */
static char **
split_at_spaces(char *text, size_t *count)
{
	char **words = memory_allocate((strlen(text) + 2) * sizeof(*words));
	char *rest = *text != '\0' ? text : NULL;

	*count = 0;
	while (rest != NULL)
		words[(*count)++] = strsep(&rest, " ");
	return words;
}

static bool
parse_change(struct settings *settings, const struct setting_row *row,
	struct bytes value, union setting_value *parsed, char **error)
{
	bool is_several =
		(row->kind == SETTING_KIND_LIST && !row->list->is_one_word) ||
		(row->flags & SETTING_BITS);
	struct setting_words words = { .count = 1 };
	char **split = NULL, *text;
	bool valid;

	if (memchr(value.data, '\0', value.size) != NULL) {
		*error = memory_copy_string("argument contains a NUL byte");
		return false;
	}
	text = strndup(value.data, value.size);
	words.items = &text;
	if (is_several)
		words.items = split = split_at_spaces(text, &words.count);
	valid = setting_parse(settings, row, words, parsed, error);
	free(split);
	free(text);
	return valid;
}

static char *
failure(struct bytes name, const char *reason)
{
	return memory_print("ERR CONFIG SET failed (possibly related to "
			    "argument '%.*s')%s%s",
		(int)name.size, name.data, reason != NULL ? " - " : "",
		reason != NULL ? reason : "");
}

/* The row's name or alias, whichever the client used. */
static const char *
spelling(const struct setting_row *row, struct bytes name)
{
	return row->alias != NULL && bytes_is_word(name, row->alias) ?
		row->alias :
		row->name;
}

/* Whether the settings named may be changed at all; fills in the rows. */
static bool
find_changes(const struct settings_change *changes, size_t count,
	bool allow_protected, struct setting_change *found, char **error)
{
	for (size_t i = 0; i < count; i++) {
		const struct setting_row *row = setting_find(changes[i].name);
		const char *reason = NULL;

		if (row == NULL) {
			*error = memory_print(
				"ERR Unknown option or number "
				"of arguments for CONFIG SET - '%.*s'",
				(int)changes[i].name.size,
				changes[i].name.data);
			return false;
		}
		/* Ours are let through here to be compared: a client may
		 * set what CONFIG GET shows. */
		if ((row->flags & SETTING_IMMUTABLE) &&
			!(row->flags & SETTING_OURS))
			reason = "can't set immutable config";
		else if ((row->flags & SETTING_PROTECTED) && !allow_protected)
			reason = "can't set protected config";
		for (size_t j = 0; reason == NULL && j < i; j++)
			if (found[j].row == row)
				reason = "duplicate parameter";
		if (reason != NULL) {
			*error = failure(changes[i].name, reason);
			return false;
		}
		found[i].row = row;
	}
	return true;
}

static bool
parse_changes(struct settings *settings, const struct settings_change *changes,
	size_t count, struct setting_change *parsed, char **error)
{
	for (size_t i = 0; i < count; i++) {
		const struct setting_row *row = parsed[i].row;
		union setting_value before = setting_read(settings, row);
		char *reason = NULL;

		if (parse_change(settings, row, changes[i].value,
			    &parsed[i].value, &reason) &&
			(row->flags & SETTING_IMMUTABLE) &&
			!setting_equal(row, before, parsed[i].value))
			reason = memory_copy_string(
				"can't set immutable config");
		if (reason == NULL)
			continue;
		*error = failure(
			bytes_of(spelling(row, changes[i].name)), reason);
		free(reason);
		/* A directory was entered when it was parsed. */
		for (size_t j = 0; j < i; j++)
			if (parsed[j].row->flags & SETTING_DIRECTORY)
				setting_store(settings, parsed[j].row,
					setting_read(settings, parsed[j].row));
		return false;
	}
	return true;
}

bool
settings_set(struct settings *settings, const struct settings_change *changes,
	size_t count, bool allow_protected, char **error)
{
	struct setting_change *parsed =
		memory_allocate_zeroed(count, sizeof(*parsed));
	const struct setting_row *refused;
	const char *reason = NULL;
	bool done = false;

	pthread_mutex_lock(&settings->state->lock);
	if (!find_changes(changes, count, allow_protected, parsed, error) ||
		!parse_changes(settings, changes, count, parsed, error))
		goto cleanup;
	refused = setting_apply(settings, parsed, count, &reason);
	if (refused != NULL) {
		*error = failure(bytes_of(refused->name), reason);
		goto cleanup;
	}
	done = true;
cleanup:
	pthread_mutex_unlock(&settings->state->lock);
	free(parsed);
	return done;
}

static void
add_pair(struct settings *settings, struct settings_pair **pairs, size_t *count,
	struct bytes name, const struct setting_row *row)
{
	struct settings_pair *pair;

	for (size_t i = 0; i < *count; i++)
		if (bytes_is_word(name, (*pairs)[i].name))
			return;
	*pairs = memory_resize(*pairs, (*count + 1) * sizeof(**pairs));
	pair = &(*pairs)[(*count)++];
	pair->name = memory_print("%.*s", (int)name.size, name.data);
	pair->value = setting_print(row, setting_read(settings, row));
}

static void
add_matches(struct settings *settings, struct settings_pair **pairs,
	size_t *count, struct bytes pattern)
{
	for (const struct setting_row *row = setting_rows; row->name; row++) {
		if (row->flags & SETTING_HIDDEN)
			continue;
		if (glob_match(pattern, bytes_of(row->name), true))
			add_pair(settings, pairs, count, bytes_of(row->name),
				row);
		if (row->alias != NULL &&
			glob_match(pattern, bytes_of(row->alias), true))
			add_pair(settings, pairs, count, bytes_of(row->alias),
				row);
	}
}

static bool
has_wildcard(struct bytes pattern)
{
	for (size_t i = 0; i < pattern.size; i++)
		if (memchr("[*?", pattern.data[i], 3) != NULL)
			return true;
	return false;
}

struct settings_pair *
settings_list(struct settings *settings, const struct bytes *patterns,
	size_t pattern_count, size_t *count)
{
	struct settings_pair *pairs = NULL;

	*count = 0;
	for (size_t i = 0; i < pattern_count; i++) {
		const struct setting_row *row;

		if (has_wildcard(patterns[i])) {
			add_matches(settings, &pairs, count, patterns[i]);
			continue;
		}
		row = setting_find(patterns[i]);
		if (row != NULL)
			add_pair(settings, &pairs, count, patterns[i], row);
	}
	return pairs;
}

void
settings_pairs_free(struct settings_pair *pairs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(pairs[i].name);
		free(pairs[i].value);
	}
	free(pairs);
}

const char *
settings_file(const struct settings *settings)
{
	return settings->state->file;
}

const char *
settings_database(const struct settings *settings)
{
	const char *given = settings_get_text(settings, postgres);

	if (*given != '\0' || settings->state->database_url == NULL)
		return given;
	return settings->state->database_url;
}

int
settings_worker_count(const struct settings *settings)
{
	int64_t count = settings_get(settings, worker_threads);
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	if (count == 0 && settings_get(settings, io_threads) > 1)
		count = settings_get(settings, io_threads);
	/* The other half of the processors is for PostgreSQL. */
	if (count == 0)
		count = processors > 3 ? processors / 2 : 1;
	return (int)count;
}
