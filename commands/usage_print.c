/* Prints argument trees: as usage lines again, and as the syntax that people
 * read in HELP and in the documents.
 *
 * Both are the same walk; the human form leaves out names, types and marks of
 * what has a token, and shows repetition as "x [x ...]". */
#include "commands/usage.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct printer {
	FILE *output;
	bool human;
	int next_key_spec;
};

static void print_item(
	struct printer *printer, const struct usage_argument *argument);

static bool
is_plain_token(const char *text)
{
	bool has_letter = false;

	for (; *text; text++) {
		if (isupper((unsigned char)*text))
			has_letter = true;
		else if (!isdigit((unsigned char)*text) && !strchr("-_", *text))
			return false;
	}
	return has_letter;
}

static bool
is_group(const struct usage_argument *argument)
{
	return argument->type == USAGE_ONEOF || argument->type == USAGE_BLOCK;
}

static void
print_token(struct printer *printer, const char *token)
{
	bool plain = printer->human || is_plain_token(token);

	if (printer->human && *token == '\0')
		token = "\"\""; /* an empty argument, as a shell shows it */
	fprintf(printer->output, plain ? "%s" : "'%s'", token);
}

static void
print_children(struct printer *printer, const struct usage_argument *group)
{
	const struct usage_argument *child;

	for (child = group->children; child; child = child->next) {
		print_item(printer, child);
		if (child->next)
			fputs(group->type == USAGE_ONEOF ? " | " : " ",
				printer->output);
	}
}

static void
print_marks(struct printer *printer, const struct usage_argument *argument)
{
	int key_spec = argument->key_spec;

	if (printer->human)
		return;
	if (argument->type == USAGE_KEY) {
		if (key_spec != printer->next_key_spec)
			fprintf(printer->output, "#%d", key_spec);
		printer->next_key_spec = key_spec + 1;
	} else if (key_spec >= 0) {
		fprintf(printer->output, "#%d", key_spec);
	}
	if (argument->since)
		fprintf(printer->output, "@%s", argument->since);
	if (argument->deprecated_since)
		fprintf(printer->output, "!%s", argument->deprecated_since);
}

static void
print_pure_token(struct printer *printer, const struct usage_argument *argument)
{
	FILE *output = printer->output;

	if (!argument->token) {
		fputs(argument->name, output);
		if (!printer->human)
			fputs(":pure-token", output);
		return;
	}
	if (!printer->human) {
		const char *name = argument->name, *token = argument->token;
		bool follows = strlen(name) == strlen(token);

		for (size_t i = 0; follows && name[i]; i++)
			follows = name[i] == tolower((unsigned char)token[i]);
		if (!follows)
			fprintf(output, "%s=", name);
	}
	print_token(printer, argument->token);
}

static void
print_value(struct printer *printer, const struct usage_argument *argument)
{
	const char *name = argument->name;
	bool is_key = strcmp(name, "key") == 0;
	bool is_default = argument->type == USAGE_STRING ?
		!is_key && !is_plain_token(name) && !strchr(name, ':') :
		argument->type == USAGE_KEY && is_key;

	fputs(name, printer->output);
	if (!printer->human && !is_default)
		fprintf(printer->output, ":%s",
			usage_type_name(argument->type));
}

/* Whether a group's name is the one it would have without being given it. */
static bool
has_default_name(const struct usage_argument *group)
{
	if (group->token)
		return strcasecmp(group->name, group->token) == 0;
	return strcmp(group->name, group->children->name) == 0;
}

static void
print_group(struct printer *printer, const struct usage_argument *group,
	char open, char close)
{
	bool bare = printer->human && open == '(' && group->type == USAGE_BLOCK;

	if (!printer->human && !has_default_name(group))
		fprintf(printer->output, "%s:", group->name);
	if (!bare)
		fputc(open, printer->output);
	print_children(printer, group);
	if (!bare)
		fputc(close, printer->output);
}

/* The argument without what makes it optional. */
static void
print_core(struct printer *printer, const struct usage_argument *argument)
{
	if (argument->type == USAGE_PURE_TOKEN) {
		print_pure_token(printer, argument);
	} else {
		if (argument->token) {
			print_token(printer, argument->token);
			fputc(' ', printer->output);
		}
		if (is_group(argument))
			print_group(printer, argument, '(', ')');
		else
			print_value(printer, argument);
	}
	print_marks(printer, argument);
}

static void
print_repeated(struct printer *printer, const struct usage_argument *argument)
{
	struct usage_argument again = *argument;

	print_core(printer, argument);
	if (!argument->multiple)
		return;
	if (!argument->multiple_token)
		again.token = NULL;
	fputs(" [", printer->output);
	print_core(printer, &again);
	fputs(" ...]", printer->output);
}

static void
print_human(struct printer *printer, const struct usage_argument *argument)
{
	bool bracketed = argument->optional;
	bool one_bracket = bracketed && !argument->token &&
		is_group(argument) && !argument->multiple;

	if (one_bracket) {
		print_group(printer, argument, '[', ']');
		return;
	}
	if (bracketed)
		fputc('[', printer->output);
	print_repeated(printer, argument);
	if (bracketed)
		fputc(']', printer->output);
}

static void
print_item(struct printer *printer, const struct usage_argument *argument)
{
	FILE *output = printer->output;
	const char *dots = argument->multiple ? "..." : "";

	if (printer->human) {
		print_human(printer, argument);
		return;
	}
	if (!argument->optional) {
		print_core(printer, argument);
		fputs(dots, output);
		return;
	}
	if (is_group(argument) && !argument->token &&
		(argument->child_count > 1)) {
		print_group(printer, argument, '[', ']');
		print_marks(printer, argument);
		fputs(dots, output);
		return;
	}
	fputc('[', output);
	print_core(printer, argument);
	fprintf(output, argument->multiple_token ? "]%s" : "%s]", dots);
}

static char *
print_usage(const struct usage *usage, bool human)
{
	const struct usage_argument *argument;
	struct printer printer = { .human = human };
	char *text;
	size_t size;

	printer.output = open_memstream(&text, &size);
	assert(printer.output);
	for (argument = usage->arguments; argument; argument = argument->next) {
		print_item(&printer, argument);
		if (argument->next)
			fputc(' ', printer.output);
	}
	fclose(printer.output);
	return text;
}

char *
usage_text(const struct usage *usage)
{
	return print_usage(usage, false);
}

char *
usage_syntax(const struct usage *usage)
{
	return print_usage(usage, true);
}
