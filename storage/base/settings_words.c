/* Lines as words, by redis.conf's rules (redis 7.0.15 sds.c, sdssplitargs and
 * sdscatrepr). */
#include "storage/base/settings.h"

#include "storage/base/memory.h"

#include <ctype.h>
#include <stdlib.h>

static int
hexadecimal(char digit)
{
	return isdigit((unsigned char)digit) ?
		digit - '0' :
		tolower((unsigned char)digit) - 'a' + 10;
}

/* Undoes the escape that `at` points to, behind its backslash. */
static const char *
unescape(const char *at, char *byte)
{
	static const char letters[] = "nrtba", bytes[] = "\n\r\t\b\a";
	const char *letter = strchr(letters, *at);

	if (*at == 'x' && isxdigit((unsigned char)at[1]) &&
		isxdigit((unsigned char)at[2])) {
		*byte = (char)(hexadecimal(at[1]) * 16 + hexadecimal(at[2]));
		return at + 3;
	}
	*byte = letter != NULL ? bytes[letter - letters] : *at;
	return at + 1;
}

/* Reads the rest of a quoted word behind its quote; NULL when the quote is not
 * closed, or not followed by a blank. */
static const char *
read_quoted(const char *at, char quote, char *word, size_t *size)
{
	while (*at != quote) {
		if (*at == '\0')
			return NULL;
		if (*at == '\\' && quote == '"' && at[1] != '\0') {
			at = unescape(at + 1, &word[(*size)++]);
		} else if (*at == '\\' && quote == '\'' && at[1] == '\'') {
			word[(*size)++] = '\'';
			at += 2;
		} else {
			word[(*size)++] = *at++;
		}
	}
	at++;
	return *at == '\0' || isspace((unsigned char)*at) ? at : NULL;
}

/* Reads one word into `word`, which has room for the whole line. */
static const char *
read_word(const char *at, char *word, size_t *size)
{
	*size = 0;
	while (*at != '\0' && strchr(" \n\r\t", *at) == NULL) {
		if (*at == '"' || *at == '\'')
			return read_quoted(at + 1, *at, word, size);
		word[(*size)++] = *at++;
	}
	return at;
}

char **
settings_split(const char *line, size_t *count)
{
	char **words = memory_allocate(sizeof(*words));
	char *word = memory_allocate(strlen(line) + 1);
	size_t size;

	*count = 0;
	for (;;) {
		while (isspace((unsigned char)*line))
			line++;
		if (*line == '\0')
			break;
		line = read_word(line, word, &size);
		if (line == NULL) {
			settings_words_free(words, *count);
			words = NULL;
			*count = 0;
			break;
		}
		words = memory_resize(words, (*count + 1) * sizeof(*words));
		words[*count] = memory_allocate(size + 1);
		memcpy(words[*count], word, size);
		words[(*count)++][size] = '\0';
	}
	free(word);
	return words;
}

void
settings_words_free(char **words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(words[i]);
	free(words);
}

char *
settings_quote(const char *text)
{
	static const char letters[] = "nrtba\\\"", bytes[] = "\n\r\t\b\a\\\"";
	char *quoted = memory_allocate(strlen(text) * 4 + 3);
	char *at = quoted;

	*at++ = '"';
	for (; *text != '\0'; text++) {
		const char *special = strchr(bytes, *text);

		if (special != NULL) {
			*at++ = '\\';
			*at++ = letters[special - bytes];
		} else if (isprint((unsigned char)*text)) {
			*at++ = *text;
		} else {
			at += sprintf(at, "\\x%02x", (unsigned char)*text);
		}
	}
	*at++ = '"';
	*at = '\0';
	return quoted;
}
