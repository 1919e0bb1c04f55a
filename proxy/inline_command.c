/* Splits a line into words; see inline_command.h. */
#include "proxy/inline_command.h"

#include "commands/request.h"

#include <ctype.h>

struct scanner {
	const char *at, *end;
	char *out; /* room for the whole line; words follow each other */
};

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return tolower((unsigned char)c) - 'a' + 10;
}

static char
escaped(char c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	case 'b':
		return '\b';
	case 'a':
		return '\a';
	default:
		return c;
	}
}

/* Behind a closing quote stands a blank or the end. */
static bool
ends_word(const struct scanner *scanner)
{
	return scanner->at == scanner->end ||
		isspace((unsigned char)*scanner->at);
}

static bool
read_double_quoted(struct scanner *scanner)
{
	while (scanner->at < scanner->end) {
		char c = *scanner->at++;
		size_t left = (size_t)(scanner->end - scanner->at);

		if (c == '"')
			return ends_word(scanner);
		if (c == '\\' && left >= 3 && *scanner->at == 'x' &&
			isxdigit((unsigned char)scanner->at[1]) &&
			isxdigit((unsigned char)scanner->at[2])) {
			c = (char)(hex_value(scanner->at[1]) * 16 +
				hex_value(scanner->at[2]));
			scanner->at += 3;
		} else if (c == '\\' && left >= 1) {
			c = escaped(*scanner->at++);
		}
		*scanner->out++ = c;
	}
	return false;
}

static bool
read_single_quoted(struct scanner *scanner)
{
	while (scanner->at < scanner->end) {
		char c = *scanner->at++;

		if (c == '\'')
			return ends_word(scanner);
		if (c == '\\' && scanner->at < scanner->end &&
			*scanner->at == '\'')
			c = *scanner->at++;
		*scanner->out++ = c;
	}
	return false;
}

static bool
read_word(struct scanner *scanner)
{
	while (!ends_word(scanner)) {
		char c = *scanner->at++;

		if (c == '"')
			return read_double_quoted(scanner);
		if (c == '\'')
			return read_single_quoted(scanner);
		*scanner->out++ = c;
	}
	return true;
}

bool
inline_command_split(struct bytes line, struct request *request)
{
	struct scanner scanner = { line.data, line.data + line.size,
		request_allocate(request, line.size + 1) };

	for (;;) {
		char *word = scanner.out;

		while (scanner.at < scanner.end &&
			isspace((unsigned char)*scanner.at))
			scanner.at++;
		if (scanner.at == scanner.end)
			return true;
		if (!read_word(&scanner))
			return false;
		request_append_argument(request,
			(struct bytes){ word, (size_t)(scanner.out - word) });
	}
}
