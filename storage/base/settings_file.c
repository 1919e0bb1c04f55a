/* Reads directives from files, standard input and the command line, at the
 * start and again for settings_reload().
 *
 * The command line is turned into lines that are parsed after the file, as
 * redis-server does, so that both have one syntax and one set of errors.
 *
 * A reload parses everything into a scratch copy first; nothing is changed
 * unless all of it is valid. */
#include "storage/base/settings_row.h"

#include "storage/base/memory.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <unistd.h>

enum { INCLUDE_DEPTH_MAX = 16 };

/* What is being parsed. */
struct source {
	const char *name; /* NULL: the command line */
	int depth; /* of includes */
};

static bool load_file(
	struct settings *settings, const char *path, int depth, char **error);

/* Directives that Redis still takes and forgets; with one argument each. */
static const char *const forgotten[] = { "list-max-ziplist-entries",
	"list-max-ziplist-value", "lua-replicate-commands" };

/* Directives that are understood and refused. */
static const struct {
	const char *name, *reason;
} refused[] = {
	{ "rename-command",
		"rename-command is not supported; deny commands "
		"to a user with ACL SETUSER instead" },
	{ "user", "ACL users in the configuration file are not supported" },
	{ "loadmodule", "modules are not supported" },
	{ "sentinel", "sentinel directive while not in sentinel mode" },
};

/* The whole of a stream, NUL-terminated; NULL with errno. */
static char *
read_stream(FILE *stream)
{
	size_t capacity = 4096, size = 0, count;
	char *text = memory_allocate(capacity + 1);

	while ((count = fread(text + size, 1, capacity - size, stream)) > 0) {
		size += count;
		if (size == capacity) {
			capacity *= 2;
			text = memory_resize(text, capacity + 1);
		}
	}
	text[size] = '\0';
	if (ferror(stream) || memchr(text, '\0', size) != NULL) {
		if (!ferror(stream))
			errno = EILSEQ;
		free(text);
		return NULL;
	}
	return text;
}

/* A relative path begins at the working directory of these settings. */
static char *
resolve(const struct settings *settings, const char *path)
{
	if (*path == '/')
		return memory_copy_string(path);
	return memory_print("%s/%s", settings_get_text(settings, dir), path);
}

static bool
include(struct settings *settings, const char *pattern, int depth, char **error)
{
	char *path = resolve(settings, pattern);
	bool loaded = true;
	glob_t found;

	if (depth >= INCLUDE_DEPTH_MAX) {
		*error = memory_copy_string("includes are nested too deeply");
		loaded = false;
	} else if (strpbrk(pattern, "*?[") == NULL) {
		loaded = load_file(settings, path, depth + 1, error);
	} else if (glob(path, 0, NULL, &found) == 0) {
		for (size_t i = 0; loaded && i < found.gl_pathc; i++)
			loaded = load_file(
				settings, found.gl_pathv[i], depth + 1, error);
		globfree(&found);
	}
	free(path);
	return loaded;
}

static bool
set_row(struct settings *settings, const struct setting_row *row,
	struct setting_words words, char **error)
{
	bool is_several =
		(row->kind == SETTING_KIND_LIST && !row->list->is_one_word) ||
		(row->flags & SETTING_BITS);
	char **split = NULL;
	union setting_value value;
	bool valid;

	if (!is_several && words.count != 1) {
		*error = memory_copy_string("wrong number of arguments");
		return false;
	}
	if (is_several && words.count == 1 && *words.items[0] != '\0') {
		split = settings_split(words.items[0], &words.count);
		if (split == NULL) {
			*error = memory_copy_string(
				"Unbalanced quotes in argument");
			return false;
		}
		words.items = split;
	}
	valid = setting_parse(settings, row, words, &value, error);
	if (valid)
		setting_store(settings, row, value);
	if (split != NULL)
		settings_words_free(split, words.count);
	return valid;
}

/* One directive that is not a setting.  `*error` without a ">>>" line of its
 * own, but for an error inside an included file, which has one. */
static bool
run_directive(struct settings *settings, struct setting_words words,
	const struct source *source, bool *is_complete, char **error)
{
	const char *name = words.items[0];

	if (strcasecmp(name, "include") == 0 && words.count == 2) {
		*is_complete = source->depth < INCLUDE_DEPTH_MAX;
		return include(settings, words.items[1], source->depth, error);
	}
	for (size_t i = 0; i < sizeof(forgotten) / sizeof(forgotten[0]); i++)
		if (strcasecmp(name, forgotten[i]) == 0 && words.count == 2)
			return true;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (strcasecmp(name, refused[i].name) == 0) {
			*error = memory_copy_string(refused[i].reason);
			return false;
		}
	*error = memory_copy_string(
		"Bad directive or wrong number of arguments");
	return false;
}

static bool
run_line(struct settings *settings, const char *line,
	const struct source *source, bool *is_complete, char **error)
{
	struct setting_words words;
	char **items = settings_split(line, &words.count);
	const struct setting_row *row;
	bool valid = true;

	if (items == NULL) {
		*error = memory_copy_string(
			"Unbalanced quotes in configuration line");
		return false;
	}
	words.items = items;
	row = words.count > 0 ? setting_find(bytes_of(items[0])) : NULL;
	if (row != NULL) {
		struct setting_words arguments = { items + 1, words.count - 1 };

		valid = set_row(settings, row, arguments, error);
	} else if (words.count > 0) {
		valid = run_directive(
			settings, words, source, is_complete, error);
	}
	settings_words_free(items, words.count);
	return valid;
}

static char *
describe(
	const struct source *source, int number, const char *line, char *reason)
{
	char *text;

	if (source->name == NULL)
		text = memory_print(
			"*** FATAL CONFIG FILE ERROR (respgres) "
			"***\nReading the command line\n>>> '%s'\n%s\n",
			line, reason);
	else
		text = memory_print(
			"*** FATAL CONFIG FILE ERROR (respgres) "
			"***\nReading the configuration file '%s', at line %d"
			"\n>>> '%s'\n%s\n",
			source->name, number, line, reason);
	free(reason);
	return text;
}

static char *
trim(char *line)
{
	size_t size;

	line += strspn(line, " \t\r");
	size = strlen(line);
	while (size > 0 && strchr(" \t\r", line[size - 1]) != NULL)
		size--;
	line[size] = '\0';
	return line;
}

static bool
load_lines(struct settings *settings, const struct source *source,
	const char *text, char **error)
{
	char *copy = memory_copy_string(text), *rest = copy, *line;
	bool loaded = true;
	int number = 0;

	while (loaded && (line = strsep(&rest, "\n")) != NULL) {
		bool is_complete = false;

		number++;
		line = trim(line);
		if (*line == '\0' || *line == '#')
			continue;
		loaded = run_line(settings, line, source, &is_complete, error);
		if (!loaded && !is_complete)
			*error = describe(source, number, line, *error);
	}
	free(copy);
	return loaded;
}

static bool
load_file(struct settings *settings, const char *path, int depth, char **error)
{
	struct source source = { .name = path, .depth = depth };
	FILE *stream = fopen(path, "re");
	char *text = stream != NULL ? read_stream(stream) : NULL;
	bool loaded;

	if (text == NULL)
		*error = memory_print("Fatal error, can't open config file "
				      "'%s': %s\n",
			path, strerror(errno));
	if (stream != NULL)
		fclose(stream);
	if (text == NULL)
		return false;
	loaded = load_lines(settings, &source, text, error);
	free(text);
	return loaded;
}

/* The file, then what `-` read, then the options. */
static bool
load_all(struct settings *settings, char **error)
{
	struct settings_state *state = settings->state;
	struct source input = { .name = "standard input" };
	struct source options = { .name = NULL };
	bool loaded;

	state->given = memory_allocate_zeroed(
		setting_row_count, sizeof(*state->given));
	loaded = (state->file == NULL ||
			 load_file(settings, state->file, 0, error)) &&
		(state->input == NULL ||
			load_lines(settings, &input, state->input, error)) &&
		(state->options == NULL ||
			load_lines(settings, &options, state->options, error));
	free(state->given);
	state->given = NULL;
	return loaded;
}

/* A log file that cannot be written is an error while there is still a
 * terminal to say so. */
static bool
try_log_file(const struct settings *settings, char **error)
{
	const char *path = settings_get_text(settings, logfile);
	int file;

	if (*path == '\0')
		return true;
	file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (file < 0) {
		*error = memory_print("*** FATAL CONFIG FILE ERROR (respgres) "
				      "***\nCan't open the log file: %s\n",
			strerror(errno));
		return false;
	}
	close(file);
	return true;
}

void
setting_remember_loaded(struct settings *settings, const struct settings *from)
{
	struct settings_state *state = settings->state;

	if (state->loaded == NULL)
		state->loaded = memory_allocate(
			setting_row_count * sizeof(*state->loaded));
	for (size_t i = 0; i < setting_row_count; i++) {
		const struct setting_row *row = &setting_rows[i];
		union setting_value value = setting_read(from, row);

		if (row->kind == SETTING_KIND_TEXT ||
			row->kind == SETTING_KIND_LIST)
			value.text = setting_intern(settings, value.text);
		state->loaded[i] = value;
	}
}

static bool
take_action(const char *argument, struct settings_actions *actions)
{
	if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0)
		actions->help = true;
	else if (strcmp(argument, "--version") == 0 ||
		strcmp(argument, "-v") == 0)
		actions->version = true;
	else if (strcmp(argument, "--check") == 0)
		actions->check = true;
	else if (strcmp(argument, "--migrate-only") == 0)
		actions->migrate_only = true;
	else if (strcmp(argument, "--compat") == 0)
		actions->compat = true;
	else if (strcmp(argument, "--settings") == 0)
		actions->settings = true;
	else
		return false;
	return true;
}

/* Appends to the options; `before` separates it from what is there. */
static void
add_option(char **options, const char *before, const char *text)
{
	char *longer = memory_print(
		"%s%s%s", *options, **options != '\0' ? before : "", text);

	free(*options);
	*options = longer;
}

/* Begins a line with the option's name; returns whether a value must follow,
 * whatever it looks like. */
static bool
add_option_name(char **options, const char *argument, const char *next)
{
	size_t count;
	char **words;

	add_option(options, "\n", argument + 2);
	words = settings_split(argument, &count);
	if (words != NULL)
		settings_words_free(words, count);
	if (words == NULL || count != 1)
		return false;
	/* The value of --save may be left out, for scripts whose list of
	 * snapshots is empty. */
	if (strcasecmp(argument, "--save") == 0 &&
		(next == NULL || strncmp(next, "--", 2) == 0)) {
		add_option(options, " ", "\"\"");
		return false;
	}
	return next != NULL;
}

static char *
read_options(int argc, char **argv, int first, bool *wants_input,
	struct settings_actions *actions)
{
	char *options = memory_copy_string("");
	bool needs_value = false;

	for (int i = first; i < argc; i++) {
		const char *argument = argv[i];

		if (strcmp(argument, "-") == 0 && (i == 1 || i == argc - 1)) {
			*wants_input = true;
		} else if (!needs_value && take_action(argument, actions)) {
			continue;
		} else if (!needs_value && strncmp(argument, "--", 2) == 0) {
			needs_value = add_option_name(&options, argument,
				i + 1 < argc ? argv[i + 1] : NULL);
		} else {
			char *quoted = settings_quote(argument);

			add_option(&options, " ", quoted);
			free(quoted);
			needs_value = false;
		}
	}
	return options;
}

static void
forget_sources(struct settings_state *state)
{
	free(state->file);
	free(state->input);
	free(state->options);
	free(state->database_url);
	state->file = state->input = state->options = NULL;
	state->database_url = NULL;
}

bool
settings_load(struct settings *settings, int argc, char **argv,
	struct settings_actions *actions, char **error)
{
	struct settings_state *state = settings->state;
	const char *database_url = getenv("DATABASE_URL");
	bool has_file = argc > 1 && argv[1][0] != '-';
	bool wants_input = false;

	*actions = (struct settings_actions){ 0 };
	forget_sources(state);
	if (has_file)
		state->file = resolve(settings, argv[1]);
	state->options = read_options(
		argc, argv, has_file ? 2 : 1, &wants_input, actions);
	if (actions->help || actions->version)
		return true;
	if (wants_input)
		state->input = read_stream(stdin);
	if (wants_input && state->input == NULL) {
		*error = memory_print("Fatal error, can't read standard "
				      "input: %s\n",
			strerror(errno));
		return false;
	}
	if (database_url != NULL && *database_url != '\0')
		state->database_url = memory_copy_string(database_url);
	if (!load_all(settings, error) || !try_log_file(settings, error))
		return false;
	setting_remember_loaded(settings, settings);
	return true;
}

bool
settings_load_text(struct settings *settings, const char *name,
	const char *text, char **error)
{
	struct settings_state *state = settings->state;
	struct source source = { .name = name };
	bool loaded;

	state->given = memory_allocate_zeroed(
		setting_row_count, sizeof(*state->given));
	loaded = load_lines(settings, &source, text, error);
	free(state->given);
	state->given = NULL;
	return loaded;
}

/* A copy that has read everything anew, or NULL. */
static struct settings *
load_scratch(const struct settings *settings, char **error)
{
	const struct settings_state *state = settings->state;
	const struct setting_row *directory = setting_find(bytes_of("dir"));
	struct settings *scratch = settings_new();
	struct settings_state *own = scratch->state;
	union setting_value start;

	own->is_scratch = true;
	start.text = setting_intern(scratch, state->start_directory);
	setting_store(scratch, directory, start);
	if (state->file != NULL)
		own->file = memory_copy_string(state->file);
	if (state->input != NULL)
		own->input = memory_copy_string(state->input);
	if (state->options != NULL)
		own->options = memory_copy_string(state->options);
	if (load_all(scratch, error))
		return scratch;
	settings_free(scratch);
	return NULL;
}

static void
add_name(char **list, const char *name)
{
	char *longer =
		memory_print("%s%s%s", *list, **list != '\0' ? ", " : "", name);

	free(*list);
	*list = longer;
}

/* The changes to make: what the file says differently from when it was last
 * read, so that a CONFIG SET of something else stays.  Lists the names. */
static size_t
compare(struct settings *settings, const struct settings *scratch,
	struct setting_change *changes, char **changed, char **restart)
{
	size_t count = 0;

	for (size_t i = 0; i < setting_row_count; i++) {
		const struct setting_row *row = &setting_rows[i];
		union setting_value now = setting_read(settings, row);
		union setting_value wanted = setting_read(scratch, row);

		if (setting_equal(row, now, wanted))
			continue;
		if (row->flags & SETTING_IMMUTABLE) {
			add_name(restart, row->name);
			continue;
		}
		if (settings->state->loaded != NULL &&
			setting_equal(row, wanted, settings->state->loaded[i]))
			continue;
		if (row->kind == SETTING_KIND_TEXT ||
			row->kind == SETTING_KIND_LIST)
			wanted.text = setting_intern(settings, wanted.text);
		changes[count++] = (struct setting_change){ row, wanted };
		add_name(changed, row->name);
	}
	return count;
}

bool
settings_reload(struct settings *settings, char **report)
{
	struct setting_change *changes =
		memory_allocate(setting_row_count * sizeof(*changes));
	char *changed = memory_copy_string("");
	char *restart = memory_copy_string("");
	const struct setting_row *refusing = NULL;
	const char *reason = NULL;
	struct settings *scratch;
	size_t count;

	pthread_mutex_lock(&settings->state->lock);
	scratch = load_scratch(settings, report);
	if (scratch == NULL)
		goto cleanup;
	count = compare(settings, scratch, changes, &changed, &restart);
	refusing = setting_apply(settings, changes, count, &reason);
	if (refusing != NULL) {
		*report = memory_print("%s: %s", refusing->name,
			reason != NULL ? reason : "cannot be applied");
		goto cleanup;
	}
	setting_remember_loaded(settings, scratch);
	*report = memory_print("%s%s%s%s%s",
		*changed != '\0' ? "changed: " : "", changed,
		*changed != '\0' && *restart != '\0' ? "; " : "",
		*restart != '\0' ? "needs a restart: " : "", restart);
cleanup:
	pthread_mutex_unlock(&settings->state->lock);
	free(changes);
	free(changed);
	free(restart);
	if (scratch == NULL)
		return false;
	settings_free(scratch);
	return refusing == NULL;
}
