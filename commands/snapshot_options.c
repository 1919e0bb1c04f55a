/* Options of the SNAPSHOT commands; see snapshots.h. */
#include "commands/snapshots.h"

#include "commands/request.h"
#include "storage/base/number.h"

#include <stdio.h>
#include <string.h>

enum { SECONDS_MAX = 1 << 30, COUNT_MAX = 100000 };

static const struct {
	const char *name;
	const char *form; /* how the error names it */
	enum { FLAG, BYTES, NUMBER, TWO, REST } kind;
	int64_t least, most;
} words[SNAPSHOT_WORD_COUNT] = {
	[WORD_NAME] = { "NAME", "NAME name", BYTES, 0, 0 },
	[WORD_PARENT] = { "PARENT", "PARENT id", BYTES, 0, 0 },
	[WORD_USER] = { "USER", "USER user", BYTES, 0, 0 },
	[WORD_META] = { "META", "META json", BYTES, 0, 0 },
	[WORD_TTL] = { "TTL", "TTL seconds", NUMBER, 1, SECONDS_MAX },
	[WORD_PIN] = { "PIN", "PIN", FLAG, 0, 0 },
	[WORD_LANG] = { "LANG", "LANG language", BYTES, 0, 0 },
	[WORD_DATA] = { "DATA", "DATA data", BYTES, 0, 0 },
	[WORD_KEYS] = { "KEYS", "KEYS pattern [pattern ...]", REST, 0, 0 },
	[WORD_AT] = { "AT", "AT path", BYTES, 0, 0 },
	[WORD_CURSOR] = { "CURSOR", "CURSOR cursor", BYTES, 0, 0 },
	[WORD_COUNT] = { "COUNT", "COUNT count", NUMBER, 1, COUNT_MAX },
	[WORD_MATCH] = { "MATCH", "MATCH pattern", BYTES, 0, 0 },
	[WORD_AGENT] = { "AGENT", "AGENT agent", BYTES, 0, 0 },
	[WORD_SINCE] = { "SINCE", "SINCE unix-seconds", NUMBER, 0,
		INT64_C(1) << 34 },
	[WORD_UNTIL] = { "UNTIL", "UNTIL unix-seconds", NUMBER, 0,
		INT64_C(1) << 34 },
	[WORD_KEEP] = { "KEEP", "KEEP count", NUMBER, 0, INT64_MAX },
	[WORD_OLDER] = { "OLDER", "OLDER seconds", NUMBER, 0, SECONDS_MAX },
	[WORD_DRYRUN] = { "DRYRUN", "DRYRUN", FLAG, 0, 0 },
	[WORD_NONE] = { "NONE", "NONE", FLAG, 0, 0 },
	[WORD_TO] = { "TO", "TO agent", BYTES, 0, 0 },
	[WORD_PREFIX] = { "PREFIX", "PREFIX from to", TWO, 0, 0 },
	[WORD_REPLACE] = { "REPLACE", "REPLACE", FLAG, 0, 0 },
	[WORD_ABSTTL] = { "ABSTTL", "ABSTTL", FLAG, 0, 0 },
};

static void
reply_expected(struct request *request, uint32_t allowed)
{
	char text[400];
	int size = snprintf(text, sizeof(text), "ERR syntax error, expected");
	const char *between = " ";

	for (int i = 0; i < SNAPSHOT_WORD_COUNT; i++) {
		if (!(allowed >> i & 1) || size >= (int)sizeof(text))
			continue;
		size += snprintf(text + size, sizeof(text) - (size_t)size,
			"%s%s", between, words[i].form);
		between = ", ";
	}
	if (allowed == 0)
		snprintf(text + size, sizeof(text) - (size_t)size,
			" no more arguments");
	request_reply_error(request, text);
}

static int
find_word(const struct request *request, int index, uint32_t allowed)
{
	for (int i = 0; i < SNAPSHOT_WORD_COUNT; i++)
		if ((allowed >> i & 1) &&
			request_is_word(request, index, words[i].name))
			return i;
	return -1;
}

static bool
read_number(struct request *request, int index, int word, int64_t *number)
{
	if (number_parse_int64(request->argv[index], number) &&
		*number >= words[word].least && *number <= words[word].most)
		return true;
	request_reply_errorf(request,
		"ERR expected %s, an integer from %lld to %lld",
		words[word].form, (long long)words[word].least,
		(long long)words[word].most);
	return false;
}

/* How many arguments follow the word. */
static int
count_values(const struct request *request, int index, int word)
{
	switch (words[word].kind) {
	case FLAG:
		return 0;
	case TWO:
		return 2;
	case REST:
		return request->argc - index - 1;
	default:
		return 1;
	}
}

bool
snapshot_read_options(struct request *request, int first, uint32_t allowed,
	struct snapshot_options *options)
{
	uint32_t left = allowed;

	*options = (struct snapshot_options){ 0 };
	for (int i = first; i < request->argc; i++) {
		int word = find_word(request, i, left);
		int count = word < 0 ? 0 : count_values(request, i, word);

		if (word < 0 || i + count >= request->argc ||
			(words[word].kind == REST && count == 0)) {
			reply_expected(request, allowed);
			return false;
		}
		left &= ~(1u << word);
		options->given |= 1u << word;
		if (count > 0)
			options->values[word] = request->argv[i + 1];
		if (words[word].kind == TWO)
			options->prefix_to = request->argv[i + 2];
		if (words[word].kind == NUMBER &&
			!read_number(
				request, i + 1, word, &options->numbers[word]))
			return false;
		if (words[word].kind == REST) {
			options->patterns = request->argv + i + 1;
			options->pattern_count = count;
		}
		i += count;
	}
	return true;
}

bool
snapshot_is_id(struct bytes text)
{
	if (text.size == 0 || text.size > 40)
		return false;
	for (size_t i = 0; i < text.size; i++)
		if (strchr("0123456789abcdef", text.data[i]) == NULL ||
			text.data[i] == '\0')
			return false;
	return true;
}

/* Bytes of the UTF-8 character that begins there; 0: none does. */
static size_t
character_size(struct bytes text, size_t at)
{
	unsigned char lead = (unsigned char)text.data[at];
	size_t size = lead < 0x80 ? 1 :
		lead < 0xc2       ? 0 :
		lead < 0xe0       ? 2 :
		lead < 0xf0       ? 3 :
		lead < 0xf5       ? 4 :
				    0;
	uint32_t code = lead & (0xff >> (size + 1));

	if (lead == 0 || size == 0 || size > text.size - at)
		return 0;
	if (size == 1)
		return 1;
	for (size_t i = 1; i < size; i++) {
		unsigned char byte = (unsigned char)text.data[at + i];

		if (byte >> 6 != 2)
			return 0;
		code = code << 6 | (byte & 0x3f);
	}
	if ((size == 3 &&
		    (code < 0x800 || (code >= 0xd800 && code < 0xe000))) ||
		(size == 4 && (code < 0x10000 || code > 0x10ffff)))
		return 0;
	return size;
}

bool
snapshot_is_text(struct bytes text)
{
	for (size_t i = 0, size; i < text.size; i += size) {
		size = character_size(text, i);
		if (size == 0)
			return false;
	}
	return true;
}

size_t
snapshot_copy_text(struct bytes text, char *copy)
{
	size_t i = 0, size;

	for (; i < text.size; i += size) {
		size = character_size(text, i);
		if (size > 0) {
			memcpy(copy + i, text.data + i, size);
			continue;
		}
		size = 1;
		copy[i] = ' ';
	}
	return i;
}
