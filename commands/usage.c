/* Parses usage lines into argument trees.
 *
 * Recursive descent over the grammar of usage.h.  The tree, its nodes and its
 * strings are one allocation: a first pass over the text bounds how many nodes
 * and bytes it can need, so that nothing moves while it is built. */
#include "commands/usage.h"

#include "storage/base/memory.h"

#include <assert.h>
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct parser {
	const char *text, *at;
	const char *error; /* the first one; NULL while all is well */
	struct usage_argument *nodes, *nodes_end;
	char *strings, *strings_end;
	int next_key_spec;
};

/* A list under construction. */
struct sequence {
	struct usage_argument *first, **last;
	size_t count;
};

static const char *const type_names[] = {
	[USAGE_STRING] = "string",
	[USAGE_INTEGER] = "integer",
	[USAGE_DOUBLE] = "double",
	[USAGE_KEY] = "key",
	[USAGE_PATTERN] = "pattern",
	[USAGE_UNIX_TIME] = "unix-time",
	[USAGE_PURE_TOKEN] = "pure-token",
	[USAGE_ONEOF] = "oneof",
	[USAGE_BLOCK] = "block",
};

static struct usage_argument *parse_item(struct parser *parser);

const char *
usage_type_name(enum usage_type type)
{
	return type_names[type];
}

static void
fail(struct parser *parser, const char *error)
{
	if (!parser->error)
		parser->error = error;
}

static struct usage_argument *
new_node(struct parser *parser)
{
	struct usage_argument *node = parser->nodes++;

	assert(node < parser->nodes_end);
	*node = (struct usage_argument){ .key_spec = -1 };
	return node;
}

static char *
copy_text(struct parser *parser, const char *text, size_t size)
{
	char *copy = parser->strings;

	assert(parser->strings + size + 1 <= parser->strings_end);
	memcpy(copy, text, size);
	copy[size] = '\0';
	parser->strings += size + 1;
	return copy;
}

static char *
copy_lower(struct parser *parser, const char *text)
{
	char *copy = copy_text(parser, text, strlen(text));

	for (char *c = copy; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return copy;
}

static bool
is_word_character(char c)
{
	return isalnum((unsigned char)c) || (c != '\0' && strchr("-_/:", c));
}

static void
skip_spaces(struct parser *parser)
{
	while (*parser->at == ' ')
		parser->at++;
}

/* Whether the text from `at` has the form of an unquoted TOKEN; `size`
 * receives its length. */
static bool
is_token(const char *at, size_t *size)
{
	bool has_letter = false;
	size_t n;

	for (n = 0; is_word_character(at[n]); n++) {
		if (islower((unsigned char)at[n]) || strchr("/:", at[n]))
			return false;
		has_letter |= isupper((unsigned char)at[n]) != 0;
	}
	*size = n;
	return has_letter && at[n] != '=';
}

/* A TOKEN, quoted or not, or NULL when none stands here. */
static char *
parse_token(struct parser *parser)
{
	size_t size;
	char *token;

	if (*parser->at == '\'') {
		const char *end = strchr(parser->at + 1, '\'');

		if (!end) {
			fail(parser, "a quoted token without an end");
			return NULL;
		}
		token = copy_text(
			parser, parser->at + 1, (size_t)(end - parser->at - 1));
		parser->at = end + 1;
		return token;
	}
	if (!is_token(parser->at, &size))
		return NULL;
	token = copy_text(parser, parser->at, size);
	parser->at += size;
	return token;
}

static char *
parse_version(struct parser *parser)
{
	const char *start = ++parser->at;
	size_t size;

	/* A full stop belongs to the version only before a digit. */
	while (isdigit((unsigned char)*parser->at) ||
		(*parser->at == '.' && isdigit((unsigned char)parser->at[1])))
		parser->at++;
	size = (size_t)(parser->at - start);
	if (size == 0)
		fail(parser, "a mark without a version");
	return copy_text(parser, start, size);
}

static void
mark_multiple(struct parser *parser, struct usage_argument *node)
{
	if (strncmp(parser->at, "...", 3) != 0)
		return;
	parser->at += 3;
	if (node->multiple)
		fail(parser, "\"...\" twice");
	node->multiple = true;
}

static void
parse_marks(struct parser *parser, struct usage_argument *node)
{
	if (*parser->at == '#') {
		char *end;

		node->key_spec = (int)strtol(parser->at + 1, &end, 10);
		if (end == parser->at + 1)
			fail(parser, "\"#\" without a number");
		parser->at = end;
	}
	if (*parser->at == '@')
		node->since = parse_version(parser);
	if (*parser->at == '!')
		node->deprecated_since = parse_version(parser);
	mark_multiple(parser, node);
}

static struct sequence
parse_sequence(struct parser *parser)
{
	struct sequence sequence = { .count = 0 };

	sequence.last = &sequence.first;
	for (;;) {
		const char *end = parser->at;
		struct usage_argument *node;

		skip_spaces(parser);
		if (*parser->at == '\0' || strchr("|)]", *parser->at))
			return sequence;
		if (sequence.count > 0 && parser->at == end) {
			fail(parser, "no space between arguments");
			return sequence;
		}
		node = parse_item(parser);
		if (parser->error)
			return sequence;
		*sequence.last = node;
		sequence.last = &node->next;
		sequence.count++;
	}
}

static void
set_children(struct usage_argument *node, enum usage_type type,
	struct sequence children)
{
	node->type = type;
	node->children = children.first;
	node->child_count = children.count;
	if (!node->name && children.first)
		node->name = children.first->name;
}

/* One choice as a single argument: several items become a block. */
static struct usage_argument *
wrap_choice(struct parser *parser, struct sequence choice)
{
	struct usage_argument *node;

	if (choice.count == 1)
		return choice.first;
	node = new_node(parser);
	set_children(node, USAGE_BLOCK, choice);
	return node;
}

/* The choices up to `close`, as children of `node`.  The opening bracket has
 * been read. */
static void
parse_choices(struct parser *parser, char close, struct usage_argument *node)
{
	struct sequence choice = parse_sequence(parser),
			choices = { .count = 0 };

	if (choice.count == 0)
		fail(parser, "an empty choice");
	if (!parser->error && *parser->at == close) {
		parser->at++;
		set_children(node, USAGE_BLOCK, choice);
		return;
	}
	choices.last = &choices.first;
	for (;;) {
		struct usage_argument *child;

		if (parser->error)
			return;
		child = wrap_choice(parser, choice);
		*choices.last = child;
		choices.last = &child->next;
		choices.count++;
		if (*parser->at != '|')
			break;
		parser->at++;
		choice = parse_sequence(parser);
		if (choice.count == 0)
			fail(parser, "an empty choice");
	}
	if (*parser->at != close) {
		fail(parser, "a bracket without its end");
		return;
	}
	parser->at++;
	set_children(node, USAGE_ONEOF, choices);
}

/* "[…]", with the name that stood before it, or NULL. */
static struct usage_argument *
parse_option(struct parser *parser, char *name)
{
	struct usage_argument *node = new_node(parser), *only;

	parser->at++;
	node->name = name;
	parse_choices(parser, ']', node);
	if (parser->error)
		return node;
	only = node->children;
	if (name || node->type == USAGE_ONEOF || node->child_count > 1) {
		node->optional = true;
		parse_marks(parser, node);
		return node;
	}
	if (only->optional)
		fail(parser, "\"[[\"");
	only->optional = true;
	if (strncmp(parser->at, "...", 3) == 0)
		only->multiple_token = only->token != NULL;
	mark_multiple(parser, only);
	return only;
}

/* "(…)" behind an optional TOKEN and name. */
static struct usage_argument *
parse_group(struct parser *parser, char *token, char *name)
{
	struct usage_argument *node = new_node(parser);

	parser->at++;
	node->token = token;
	node->name = name ? name : token ? copy_lower(parser, token) : NULL;
	parse_choices(parser, ')', node);
	if (!parser->error)
		parse_marks(parser, node);
	return node;
}

static bool
find_type(const char *name, enum usage_type *type)
{
	for (size_t i = 0; i < USAGE_ONEOF; i++) {
		if (strcmp(name, type_names[i]) == 0) {
			*type = (enum usage_type)i;
			return true;
		}
	}
	return false;
}

static void
count_key(struct parser *parser, struct usage_argument *node)
{
	if (node->type != USAGE_KEY)
		return;
	if (node->key_spec < 0)
		node->key_spec = parser->next_key_spec;
	parser->next_key_spec = node->key_spec + 1;
}

/* A value whose word has been read. */
static struct usage_argument *
parse_value(struct parser *parser, char *token, char *name)
{
	struct usage_argument *node = new_node(parser);
	char *colon = strrchr(name, ':');

	node->token = token;
	node->name = name;
	node->type = strcmp(name, "key") == 0 ? USAGE_KEY : USAGE_STRING;
	if (colon) {
		*colon = '\0';
		if (!find_type(colon + 1, &node->type))
			fail(parser, "an unknown type");
	}
	parse_marks(parser, node);
	count_key(parser, node);
	return node;
}

static struct usage_argument *
parse_pure_token(struct parser *parser, char *name)
{
	struct usage_argument *node = new_node(parser);

	node->type = USAGE_PURE_TOKEN;
	node->token = parse_token(parser);
	if (!node->token) {
		fail(parser, "\"=\" without a token");
		return node;
	}
	node->name = name ? name : copy_lower(parser, node->token);
	parse_marks(parser, node);
	return node;
}

/* What begins with a word in small letters, or with one that has a type or a
 * bracket: value, named group, named option, named token. */
static struct usage_argument *
parse_named(struct parser *parser, char *token)
{
	const char *start = parser->at;
	size_t size = 0;
	char *name, next;

	while (is_word_character(start[size]))
		size++;
	if (size == 0) {
		fail(parser, "neither a name nor a token");
		return NULL;
	}
	parser->at += size;
	name = copy_text(parser, start, size);
	next = *parser->at;
	if (name[size - 1] == ':' && (next == '(' || next == '[')) {
		name[size - 1] = '\0';
		return next == '(' ? parse_group(parser, token, name) :
				     parse_option(parser, name);
	}
	if (*parser->at == '=' && !token) {
		parser->at++;
		return parse_pure_token(parser, name);
	}
	return parse_value(parser, token, name);
}

/* Whether the TOKEN that ends at `at` belongs to what follows it. */
static bool
token_leads(const char *at)
{
	size_t size;

	if (*at != ' ')
		return false;
	while (*at == ' ')
		at++;
	if (*at == '(')
		return true;
	if (!is_word_character(*at) || is_token(at, &size))
		return false;
	/* name=TOKEN and name:[…] stand for themselves. */
	while (is_word_character(*at))
		at++;
	return *at != '=' && *at != '[';
}

static struct usage_argument *
parse_item(struct parser *parser)
{
	const char *start = parser->at;
	char *token;

	if (*start == '[')
		return parse_option(parser, NULL);
	if (*start == '(')
		return parse_group(parser, NULL, NULL);
	token = parse_token(parser);
	if (parser->error)
		return NULL;
	if (!token)
		return parse_named(parser, NULL);
	if (!token_leads(parser->at)) {
		parser->at = start;
		return parse_pure_token(parser, NULL);
	}
	skip_spaces(parser);
	if (*parser->at == '(')
		return parse_group(parser, token, NULL);
	return parse_named(parser, token);
}

/* The most nodes that the text can make: one a word and two a bracket or
 * choice. */
static size_t
node_bound(const char *text)
{
	size_t count = 1;
	char previous = ' ';

	for (; *text; previous = *text++) {
		if (strchr("[(|", *text))
			count += 2;
		else if (strchr(" [(", previous) && *text != ' ')
			count++;
	}
	return count;
}

struct usage *
usage_parse(const char *text, const char **error, size_t *position)
{
	const char *line = text ? text : "";
	size_t nodes = node_bound(line);
	/* A token's text may be copied three times: as a leading token that
	 * turns out not to be one, as itself, as a name. */
	size_t bytes = 3 * (strlen(line) + 4 * nodes);
	size_t nodes_size = nodes * sizeof(struct usage_argument);
	struct usage *usage =
		memory_allocate(sizeof(*usage) + nodes_size + bytes);
	struct usage_argument *first = (struct usage_argument *)(usage + 1);
	struct parser parser = {
		.text = line,
		.at = line,
		.nodes = first,
		.nodes_end = first + nodes,
		.strings = (char *)(first + nodes),
		.strings_end = (char *)(first + nodes) + bytes,
	};
	struct sequence sequence = parse_sequence(&parser);

	if (!parser.error && *parser.at != '\0')
		fail(&parser, "a closing bracket or \"|\" too many");
	if (parser.error) {
		*error = parser.error;
		*position = (size_t)(parser.at - parser.text);
		free(usage);
		return NULL;
	}
	usage->arguments = sequence.first;
	usage->count = sequence.count;
	return usage;
}
