/* Settings that are lists: their words checked and brought into the one form
 * that CONFIG GET shows, and the numbers that hot paths read made from it.
 * The texts of errors are those of Redis 7.0.15 where it has the list too. */
#include "storage/base/settings_row.h"

#include "storage/base/memory.h"
#include "storage/base/number.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>

/* Appends `word` behind a space; releases `text`, which may be NULL. */
static char *
add_word(char *text, const char *word)
{
	char *longer;

	if (text == NULL || *text == '\0') {
		free(text);
		return memory_copy_string(word);
	}
	longer = memory_print("%s %s", text, word);
	free(text);
	return longer;
}

static bool
is_empty(struct setting_words words)
{
	return words.count == 0 ||
		(words.count == 1 && *words.items[0] == '\0');
}

static char *
join(struct setting_words words, const char *previous)
{
	char *text = memory_copy_string(previous);

	for (size_t i = 0; i < words.count; i++)
		text = add_word(text, words.items[i]);
	return text;
}

static char *
parse_bind(struct setting_words words, const char *previous, bool append,
	const char **error)
{
	enum { ADDRESSES_MAX = 16 };

	(void)previous;
	(void)append;
	if (words.count > ADDRESSES_MAX) {
		*error = "Too many bind addresses specified.";
		return NULL;
	}
	if (is_empty(words))
		return memory_copy_string("");
	return join(words, "");
}

const struct setting_list_kind setting_list_bind = { .parse = parse_bind };

static char *
parse_save(struct setting_words words, const char *previous, bool append,
	const char **error)
{
	if (is_empty(words))
		return memory_copy_string(
			append && words.count == 0 ? previous : "");
	*error = "Invalid save parameters";
	if (words.count % 2 != 0)
		return NULL;
	for (size_t i = 0; i < words.count; i++) {
		char *end;
		long value = strtol(words.items[i], &end, 10);

		if (*end != '\0' || value < (i % 2 == 0 ? 1 : 0))
			return NULL;
	}
	return join(words, append ? previous : "");
}

const struct setting_list_kind setting_list_save = {
	.parse = parse_save,
	.words_per_line = 2,
	.accumulates = true,
};

struct output_limit {
	int64_t hard_bytes, soft_bytes, soft_seconds;
};

static const char *const class_names[CLIENT_CLASS_COUNT] = {
	[CLIENT_CLASS_NORMAL] = "normal",
	[CLIENT_CLASS_REPLICA] = "slave",
	[CLIENT_CLASS_PUBSUB] = "pubsub",
};

static int
find_class(const char *name)
{
	if (strcasecmp(name, "replica") == 0)
		return CLIENT_CLASS_REPLICA;
	for (int i = 0; i < CLIENT_CLASS_COUNT; i++)
		if (strcasecmp(name, class_names[i]) == 0)
			return i;
	return -1;
}

/* One group of four words; NULL, or what is wrong with it. */
static const char *
read_output_limit(char *const *words, struct output_limit limits[])
{
	int class = find_class(words[0]);
	uint64_t hard, soft;
	int64_t seconds;
	char *end;

	if (class < 0)
		return "Invalid client class specified in buffer limit "
		       "configuration.";
	seconds = strtoll(words[3], &end, 10);
	if (!number_parse_memory(bytes_of(words[1]), &hard) ||
		!number_parse_memory(bytes_of(words[2]), &soft) ||
		hard > INT64_MAX || soft > INT64_MAX || seconds < 0 ||
		*end != '\0')
		return "Error in hard, soft or soft_seconds setting in buffer "
		       "limit configuration.";
	limits[class].hard_bytes = (int64_t)hard;
	limits[class].soft_bytes = (int64_t)soft;
	limits[class].soft_seconds = seconds;
	return NULL;
}

static const char *
read_output_limits(struct setting_words words, struct output_limit limits[])
{
	const char *error = NULL;

	if (words.count % 4 != 0)
		return "Wrong number of arguments in buffer limit "
		       "configuration.";
	for (size_t i = 0; error == NULL && i < words.count; i += 4)
		error = read_output_limit(words.items + i, limits);
	return error;
}

static void
read_output_limits_text(const char *text, struct output_limit limits[])
{
	struct setting_words words;
	char **items = settings_split(text, &words.count);

	words.items = items;
	read_output_limits(words, limits);
	settings_words_free(items, words.count);
}

static char *
parse_output_limits(struct setting_words words, const char *previous,
	bool append, const char **error)
{
	struct output_limit limits[CLIENT_CLASS_COUNT] = { 0 };
	char *text = NULL;

	(void)append;
	read_output_limits_text(previous, limits);
	*error = read_output_limits(words, limits);
	if (*error != NULL)
		return NULL;
	for (int i = 0; i < CLIENT_CLASS_COUNT; i++) {
		char *group =
			memory_print("%s %" PRId64 " %" PRId64 " %" PRId64,
				class_names[i], limits[i].hard_bytes,
				limits[i].soft_bytes, limits[i].soft_seconds);

		text = add_word(text, group);
		free(group);
	}
	return text;
}

const struct setting_list_kind setting_list_output_limits = {
	.parse = parse_output_limits,
	.words_per_line = 4,
};

static char *
parse_oom_scores(struct setting_words words, const char *previous, bool append,
	const char **error)
{
	(void)previous;
	(void)append;
	if (words.count != 3) {
		*error = "wrong number of arguments";
		return NULL;
	}
	for (size_t i = 0; i < words.count; i++) {
		char *end;
		long value = strtol(words.items[i], &end, 10);

		if (*end != '\0' || value < -2000 || value > 2000) {
			*error = "Invalid oom-score-adj-values, elements must "
				 "be between -2000 and 2000.";
			return NULL;
		}
	}
	return join(words, "");
}

const struct setting_list_kind setting_list_oom_scores = {
	.parse = parse_oom_scores,
};

static char *
parse_percentiles(struct setting_words words, const char *previous, bool append,
	const char **error)
{
	char *text = memory_copy_string("");

	(void)previous;
	(void)append;
	if (is_empty(words))
		return text;
	for (size_t i = 0; i < words.count; i++) {
		char print[64];
		size_t size;
		double value;

		*error = "Invalid latency-tracking-info-percentiles "
			 "parameters";
		if (!number_parse_double(bytes_of(words.items[i]), &value))
			goto refuse;
		*error = "latency-tracking-info-percentiles parameters should "
			 "sit between [0.0,100.0]";
		if (value > 100.0 || value < 0.0)
			goto refuse;
		size = (size_t)snprintf(print, sizeof(print), "%f", value);
		while (print[size - 1] == '0')
			size--;
		if (print[size - 1] == '.')
			size--;
		print[size] = '\0';
		text = add_word(text, print);
	}
	return text;

refuse:
	free(text);
	return NULL;
}

const struct setting_list_kind setting_list_percentiles = {
	.parse = parse_percentiles,
};

/* In the order in which CONFIG GET shows the letters. */
static const struct {
	char letter;
	int flag;
} events[] = {
	{ 'g', NOTIFY_GENERIC },
	{ '$', NOTIFY_STRING },
	{ 'l', NOTIFY_LIST },
	{ 's', NOTIFY_SET },
	{ 'h', NOTIFY_HASH },
	{ 'z', NOTIFY_SORTED_SET },
	{ 'x', NOTIFY_EXPIRED },
	{ 'e', NOTIFY_EVICTED },
	{ 't', NOTIFY_STREAM },
	{ 'd', NOTIFY_MODULE },
	{ 'n', NOTIFY_NEW },
	{ 'K', NOTIFY_KEYSPACE },
	{ 'E', NOTIFY_KEYEVENT },
	{ 'm', NOTIFY_KEY_MISS },
};

enum {
	EVENT_COUNT = sizeof(events) / sizeof(events[0]),
	/* What the letter A stands for; shown instead of those, and of n. */
	NOTIFY_ALL = NOTIFY_GENERIC | NOTIFY_STRING | NOTIFY_LIST | NOTIFY_SET |
		NOTIFY_HASH | NOTIFY_SORTED_SET | NOTIFY_EXPIRED |
		NOTIFY_EVICTED | NOTIFY_STREAM | NOTIFY_MODULE,
};

/* The flags of the letters, or -1. */
static int
read_events(const char *letters)
{
	int flags = 0;

	for (; *letters != '\0'; letters++) {
		int flag = *letters == 'A' ? NOTIFY_ALL : 0;

		for (size_t i = 0; i < EVENT_COUNT; i++)
			if (events[i].letter == *letters)
				flag = events[i].flag;
		if (flag == 0)
			return -1;
		flags |= flag;
	}
	return flags;
}

static char *
parse_notify(struct setting_words words, const char *previous, bool append,
	const char **error)
{
	char letters[EVENT_COUNT + 2];
	size_t size = 0;
	int flags, shown = NOTIFY_ALL | NOTIFY_NEW;

	(void)previous;
	(void)append;
	flags = read_events(words.items[0]);
	if (flags < 0) {
		*error = "Invalid event class character. Use "
			 "'Ag$lshzxeKEtmdn'.";
		return NULL;
	}
	if ((flags & NOTIFY_ALL) == NOTIFY_ALL)
		letters[size++] = 'A';
	else
		shown = 0;
	for (size_t i = 0; i < EVENT_COUNT; i++)
		if ((flags & ~shown) & events[i].flag)
			letters[size++] = events[i].letter;
	letters[size] = '\0';
	return memory_copy_string(letters);
}

const struct setting_list_kind setting_list_notify = {
	.parse = parse_notify,
	.is_one_word = true,
};

static char *
parse_replicaof(struct setting_words words, const char *previous, bool append,
	const char **error)
{
	char *end;
	long port;

	(void)previous;
	(void)append;
	*error = "wrong number of arguments";
	if (words.count != 2)
		return is_empty(words) && words.count == 1 ?
			memory_copy_string("") :
			NULL;
	if (strcasecmp(words.items[0], "no") == 0 &&
		strcasecmp(words.items[1], "one") == 0)
		return memory_copy_string("");
	port = strtol(words.items[1], &end, 10);
	*error = *end != '\0' || port < 0 || port > 65535 ?
		"Invalid master port" :
		"Redis replication is not supported: start any number of "
		"servers on one database instead";
	return NULL;
}

const struct setting_list_kind setting_list_replicaof = {
	.parse = parse_replicaof,
};

static bool
needs_quotes(const char *word)
{
	if (*word == '\0')
		return true;
	for (; *word != '\0'; word++)
		if (!isgraph((unsigned char)*word) || *word == '"' ||
			*word == '\'' || *word == '\\')
			return true;
	return false;
}

/* Pairs of name and value; values keep their spaces by quotes. */
static char *
parse_pairs(struct setting_words words, const char *previous, bool append,
	const char **error)
{
	char *text = memory_copy_string(append ? previous : "");

	if (is_empty(words)) {
		*text = '\0';
		return text;
	}
	if (words.count % 2 != 0) {
		*error = "argument must be pairs of name and value";
		free(text);
		return NULL;
	}
	for (size_t i = 0; i < words.count; i++) {
		char *quoted = needs_quotes(words.items[i]) ?
			settings_quote(words.items[i]) :
			NULL;

		text = add_word(text, quoted != NULL ? quoted : words.items[i]);
		free(quoted);
	}
	return text;
}

const struct setting_list_kind setting_list_pairs = {
	.parse = parse_pairs,
	.words_per_line = 2,
	.accumulates = true,
};

static const char *const database_classes[] = {
	[DATABASE_DURABLE] = "durable",
	[DATABASE_ASYNC] = "async",
	[DATABASE_CACHE] = "cache",
};

static int
find_database_class(const char *name)
{
	for (int i = DATABASE_DURABLE; i <= DATABASE_CACHE; i++)
		if (strcasecmp(name, database_classes[i]) == 0)
			return i;
	return -1;
}

static char *
parse_classes(struct setting_words words, const char *previous, bool append,
	const char **error)
{
	if (is_empty(words))
		return memory_copy_string("");
	*error = "argument must be a database's number and one of the "
		 "following: durable, async, cache";
	if (words.count % 2 != 0)
		return NULL;
	for (size_t i = 0; i < words.count; i += 2) {
		int64_t number;

		if (!number_parse_int64(bytes_of(words.items[i]), &number) ||
			number < 0 ||
			find_database_class(words.items[i + 1]) < 0)
			return NULL;
	}
	return join(words, append ? previous : "");
}

const struct setting_list_kind setting_list_classes = {
	.parse = parse_classes,
	.words_per_line = 2,
	.accumulates = true,
};

enum settings_database_class
settings_database_class(const struct settings *settings, int number)
{
	enum settings_database_class class = DATABASE_DURABLE;
	const char *text = settings_get_text(settings, database_class);
	char **words;
	size_t count;

	if (*text == '\0')
		return class;
	words = settings_split(text, &count);
	for (size_t i = 0; i + 1 < count; i += 2)
		if (strtol(words[i], NULL, 10) == number)
			class = (enum settings_database_class)
				find_database_class(words[i + 1]);
	settings_words_free(words, count);
	return class;
}

void
setting_derive(struct settings *settings, const struct setting_row *row,
	const char *text)
{
	if (row->list == &setting_list_notify) {
		atomic_store(&settings->notify_flags, read_events(text));
	} else if (row->list == &setting_list_output_limits) {
		struct output_limit limits[CLIENT_CLASS_COUNT] = { 0 };

		read_output_limits_text(text, limits);
		for (int i = 0; i < CLIENT_CLASS_COUNT; i++) {
			struct settings_output_limit *limit =
				&settings->output_limits[i];

			atomic_store(&limit->hard_bytes, limits[i].hard_bytes);
			atomic_store(&limit->soft_bytes, limits[i].soft_bytes);
			atomic_store(
				&limit->soft_seconds, limits[i].soft_seconds);
		}
	}
}
