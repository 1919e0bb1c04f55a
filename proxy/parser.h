/* Bytes from a socket → requests.
 *
 * Arrays of bulk strings are read by hiredis' reader with object functions of
 * our own, so that an argument costs a copy into its request and no malloc.
 * A line that does not start with '*' is an inline command.  A bulk string of
 * PARSER_LARGE_SIZE or more is read from the socket straight into the block
 * that its request keeps.
 *
 * Every length is checked before memory is taken for it.
 * Source: https://redis.io/docs/reference/protocol-spec/; error texts from
 * Redis 7.0.15, networking.c (processMultibulkBuffer, processInlineBuffer). */
#ifndef PROXY_PARSER_H
#define PROXY_PARSER_H

#include "storage/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PARSER_LARGE_SIZE = 32 * 1024 };

struct parser;
struct request;

/* What a peer may make us hold; changes apply to what is read next. */
struct parser_limits {
	int64_t arguments_max;
	int64_t bulk_size_max;
	size_t buffer_size_max; /* of one command that is not complete */
	bool authenticated; /* chooses the error text */
};

enum parser_status {
	PARSER_REQUEST, /* one was filled */
	PARSER_MORE, /* more bytes are needed */
	PARSER_ERROR, /* parser_error() says why; nothing more is read */
	PARSER_TOO_LARGE, /* the query buffer limit: close without reply */
};

struct parser *parser_new(void);
void parser_free(struct parser *parser);

/* Where the next bytes from the socket should go: into the large value being
 * read, or else into `shared`, which parser_feed() then takes them from. */
struct parser_target {
	char *data;
	size_t size;
};
struct parser_target parser_next_target(
	struct parser *parser, char *shared, size_t shared_size);
/* `size` bytes were read into that target. */
void parser_feed(
	struct parser *parser, const struct parser_target *target, size_t size);

/* Reads the next request into `request`, which is empty; a request that is not
 * complete stays in it, and the next call must come with the same one.  Empty
 * commands are passed over. */
enum parser_status parser_read(struct parser *parser, struct request *request,
	const struct parser_limits *limits);

/* The error's text without the leading "ERR ". */
const char *parser_error(const struct parser *parser);

/* Nothing of a request is held: the parser could be freed without loss. */
bool parser_is_empty(const struct parser *parser);
/* Bytes held that are not in a request yet, and the room behind them. */
size_t parser_buffered(const struct parser *parser);
size_t parser_allocated(const struct parser *parser);

#endif
