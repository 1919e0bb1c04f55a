/* The arguments of a command, written as one line.
 *
 * A row's .usage is the syntax line of the command's page and also data: it is
 * parsed into the argument tree that COMMAND DOCS shows.
 *
 *	usage  = { item }
 *	item   = value | token | group | option
 *	value  = [ TOKEN ] name [ ":" type ] marks
 *	token  = [ name "=" ] TOKEN marks
 *	group  = [ TOKEN ] [ name ":" ] "(" choices ")" marks
 *	option = [ name ":" ] "[" choices "]" marks
 *	choices = usage { "|" usage }
 *	marks  = [ "#" key spec ] [ "@" since ] [ "!" deprecated since ] [ "..." ]
 *	type   = "string" | "integer" | "double" | "key" | "pattern" |
 *		 "unix-time" | "pure-token"
 *
 * - A value without a type is a string; a value named "key" is a key.
 * - A TOKEN is a word in capitals (digits, "-" and "_" may be in it) or stands
 *   in single quotes: '*', '' for the empty one.  It belongs to the value or group that follows
 *   it, and is an argument of its own when nothing, "|", another TOKEN or a
 *   bracket "[" follows, or when it is given a name or a mark.  Its name is
 *   then itself in small letters: change=CH gives it another.
 * - A group with one choice is a block, with several a oneof; a choice of
 *   several items is a block of its own.  Without a name it has that of its
 *   TOKEN in small letters, else that of its first argument.
 * - "[x]" makes x optional.  With several items or choices, or a name, it is
 *   an optional block or oneof.
 * - "x..." may be given several times: "GET pattern..." once the token and
 *   many values, "[GET pattern]..." both many times.
 * - The n-th key belongs to key spec n, from 0; key#1 says otherwise, and the
 *   keys after it count on from there.
 *
 * Example: "key value condition:[NX | XX]@2.6.12 [GET@6.2.0]
 * expiration:[EX seconds:integer | KEEPTTL]" */
#ifndef COMMANDS_USAGE_H
#define COMMANDS_USAGE_H

#include <stdbool.h>
#include <stddef.h>

enum usage_type {
	USAGE_STRING,
	USAGE_INTEGER,
	USAGE_DOUBLE,
	USAGE_KEY,
	USAGE_PATTERN,
	USAGE_UNIX_TIME,
	USAGE_PURE_TOKEN,
	USAGE_ONEOF,
	USAGE_BLOCK,
};

struct usage_argument {
	const char *name;
	const char *token; /* NULL: none */
	const char *since; /* NULL: as old as the command */
	const char *deprecated_since; /* NULL: it is not */
	enum usage_type type;
	int key_spec; /* -1: none */
	bool optional, multiple, multiple_token;
	size_t child_count; /* of a oneof or block */
	struct usage_argument *children; /* the first of them, then .next */
	struct usage_argument *next;
};

struct usage {
	size_t count;
	struct usage_argument *arguments; /* the first, then .next */
};

/* Parses a usage line; NULL stands for a command without arguments.  Returns
 * one block to free(), or NULL with `error` set to what is wrong and
 * `position` to where it is in the text, in bytes. */
struct usage *usage_parse(
	const char *text, const char **error, size_t *position);

/* The tree as a usage line again, without what follows from defaults.  To be
 * freed. */
char *usage_text(const struct usage *usage);

/* The tree as people read it: "key value [NX | XX] [EX seconds]".  To be
 * freed. */
char *usage_syntax(const struct usage *usage);

/* COMMAND DOCS' word for a type: "unix-time". */
const char *usage_type_name(enum usage_type type);

#endif
