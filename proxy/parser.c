/* Requests by way of hiredis' reader; see parser.h.
 *
 * The reader calls create_array() and create_string() while it walks the
 * bytes.  Two things it does not do are done around it: a length is checked
 * as soon as its line is complete (hiredis 0.14 looks at it only when all of
 * the bulk string has arrived), and a large bulk string is taken out of the
 * stream, with an empty one fed in its place. */
#include "proxy/parser.h"

#include "commands/request.h"
#include "proxy/inline_command.h"
#include "storage/base/memory.h"
#include "storage/base/number.h"

#include <hiredis/read.h>
#include <hiredis/sds.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	LINE_SIZE_MAX = 64 * 1024, /* PROTO_INLINE_MAX_SIZE */
	ERROR_SIZE = 128,
};

struct parser {
	redisReader *reader;
	struct request *request; /* being filled */
	char *large; /* the large value being read, with its CRLF */
	size_t large_size, large_filled;
	bool large_complete; /* its stand-in is in the reader */
	const struct parser_limits *limits; /* during parser_read() */
	char error[ERROR_SIZE];
};

/* --- the reader's object functions ----------------------------------- */

static int in_reader; /* an address: what the reader takes for an object */

static bool
fail(struct parser *parser, const char *text)
{
	snprintf(parser->error, sizeof(parser->error), "Protocol error: %s",
		text);
	return false;
}

static bool
fail_type(struct parser *parser, char type)
{
	snprintf(parser->error, sizeof(parser->error),
		"Protocol error: expected '$', got '%c'", type);
	return false;
}

static bool
fail_bulk_size(struct parser *parser)
{
	return fail(parser,
		parser->limits->authenticated ? "invalid bulk length" :
						"unauthenticated bulk length");
}

static void *
create_string(const redisReadTask *task, char *data, size_t size)
{
	struct parser *parser = task->privdata;
	char *copy;

	if (task->parent == NULL || task->type != REDIS_REPLY_STRING) {
		fail_type(parser, task->type == REDIS_REPLY_STATUS ? '+' : '-');
		return NULL;
	}
	if ((int64_t)size > parser->limits->bulk_size_max) {
		fail_bulk_size(parser);
		return NULL;
	}
	if (parser->large_complete) {
		request_append_argument(parser->request,
			(struct bytes){
				parser->large, parser->large_size - 2 });
		request_take_block(parser->request, parser->large);
		parser->large = NULL;
		parser->large_complete = false;
		return &in_reader;
	}
	copy = request_allocate(parser->request, size + 1);
	memcpy(copy, data, size);
	copy[size] = '\0';
	request_append_argument(parser->request, (struct bytes){ copy, size });
	return &in_reader;
}

static void *
create_array(const redisReadTask *task, int count)
{
	(void)count;
	if (task->parent != NULL) {
		fail_type(task->privdata, '*');
		return NULL;
	}
	return &in_reader;
}

static void *
create_integer(const redisReadTask *task, long long value)
{
	(void)value;
	fail_type(task->privdata, ':');
	return NULL;
}

/* *-1 is an empty command. */
static void *
create_nil(const redisReadTask *task)
{
	if (task->parent == NULL)
		return &in_reader;
	fail(task->privdata, "invalid bulk length");
	return NULL;
}

static void
free_object(void *object)
{
	(void)object;
}

static redisReplyObjectFunctions object_functions = {
	.createString = create_string,
	.createArray = create_array,
	.createInteger = create_integer,
	.createNil = create_nil,
	.freeObject = free_object,
};

/* --- life ------------------------------------------------------------ */

struct parser *
parser_new(void)
{
	struct parser *parser = memory_allocate_zeroed(1, sizeof(*parser));

	parser->reader = redisReaderCreateWithFunctions(&object_functions);
	if (parser->reader == NULL)
		abort();
	parser->reader->privdata = parser;
	return parser;
}

void
parser_free(struct parser *parser)
{
	if (parser == NULL)
		return;
	redisReaderFree(parser->reader);
	free(parser->large);
	free(parser);
}

const char *
parser_error(const struct parser *parser)
{
	return parser->error;
}

size_t
parser_buffered(const struct parser *parser)
{
	return parser->reader->len - parser->reader->pos + parser->large_filled;
}

size_t
parser_allocated(const struct parser *parser)
{
	return sdsalloc(parser->reader->buf) + parser->large_size;
}

/* Whether the reader stands between two commands. */
static bool
between_commands(const struct parser *parser)
{
	const redisReader *reader = parser->reader;

	return reader->ridx < 0 ||
		(reader->ridx == 0 && reader->rstack[0].type < 0);
}

bool
parser_is_empty(const struct parser *parser)
{
	return parser_buffered(parser) == 0 && parser->large == NULL &&
		between_commands(parser);
}

/* --- input ----------------------------------------------------------- */

struct parser_target
parser_next_target(struct parser *parser, char *shared, size_t shared_size)
{
	if (parser->large != NULL && parser->large_filled < parser->large_size)
		return (struct parser_target){ parser->large +
				parser->large_filled,
			parser->large_size - parser->large_filled };
	return (struct parser_target){ shared, shared_size };
}

static void
feed(struct parser *parser, const char *data, size_t size)
{
	if (redisReaderFeed(parser->reader, data, size) != REDIS_OK)
		abort(); /* out of memory */
}

void
parser_feed(
	struct parser *parser, const struct parser_target *target, size_t size)
{
	if (parser->large == NULL ||
		parser->large_filled == parser->large_size) {
		feed(parser, target->data, size);
		return;
	}
	parser->large_filled += size;
	if (parser->large_filled == parser->large_size) {
		parser->large_complete = true;
		parser->large_filled = 0;
		feed(parser, "0\r\n\r\n", 5);
	}
}

/* --- lengths --------------------------------------------------------- */

static struct bytes
unread(const struct parser *parser)
{
	const redisReader *reader = parser->reader;

	return (struct bytes){ reader->buf + reader->pos,
		reader->len - reader->pos };
}

/* The reader takes an item's type byte before the rest of its line is there.
 */
static bool
type_was_read(const struct parser *parser)
{
	const redisReader *reader = parser->reader;

	return reader->ridx >= 0 && reader->rstack[reader->ridx].type >= 0;
}

/* Reads the number up to "\r\n" that `data` starts with.  Returns the size of
 * both, 0 while they are not complete. */
static size_t
read_length(struct bytes data, int64_t *length, bool *valid)
{
	const char *end = memchr(data.data, '\r', data.size);

	if (end == NULL || (size_t)(end - data.data) + 1 >= data.size)
		return 0;
	*valid = number_parse_int64(
		(struct bytes){ data.data, (size_t)(end - data.data) }, length);
	return (size_t)(end - data.data) + 2;
}

static bool
check_array(struct parser *parser, struct bytes data)
{
	const struct parser_limits *limits = parser->limits;
	int64_t count = 0;
	bool valid = false;

	if (read_length(data, &count, &valid) == 0)
		return data.size <= LINE_SIZE_MAX ||
			fail(parser, "too big mbulk count string");
	if (!valid || count > INT_MAX)
		return fail(parser, "invalid multibulk length");
	if (count > limits->arguments_max)
		return fail(parser,
			limits->authenticated ?
				"invalid multibulk length" :
				"unauthenticated multibulk length");
	return true;
}

/* Takes the beginning of a large value, whose line takes `line_size` bytes of
 * `data`, out of the reader. */
static void
begin_large(struct parser *parser, struct bytes data, size_t line_size,
	size_t length)
{
	redisReader *reader = parser->reader;
	size_t there = data.size - line_size;

	parser->large_size = length + 2;
	parser->large = memory_allocate(parser->large_size);
	memcpy(parser->large, data.data + line_size, there);
	parser->large_filled = there;
	/* An incomplete value is all that the reader had left. */
	sdsIncrLen(reader->buf, -(int)data.size);
	reader->len -= data.size;
}

static bool
check_bulk(struct parser *parser, struct bytes data)
{
	int64_t length = 0;
	bool valid = false;
	size_t line_size = read_length(data, &length, &valid);

	if (line_size == 0)
		return data.size <= LINE_SIZE_MAX ||
			fail(parser, "too big bulk count string");
	if (!valid || length < 0)
		return fail(parser, "invalid bulk length");
	if (length > parser->limits->bulk_size_max)
		return fail_bulk_size(parser);
	if (length >= PARSER_LARGE_SIZE && type_was_read(parser) &&
		data.size < line_size + (size_t)length + 2)
		begin_large(parser, data, line_size, (size_t)length);
	return true;
}

/* Looks at the line that the reader would read next. */
static bool
check_next(struct parser *parser)
{
	struct bytes data = unread(parser);
	bool between = between_commands(parser);

	if (data.size == 0 || parser->large_complete)
		return true;
	if (!type_was_read(parser)) {
		if (!between && data.data[0] != '$')
			return fail_type(parser, data.data[0]);
		data.data++;
		data.size--;
	}
	if (between || parser->reader->ridx == 0)
		return check_array(parser, data);
	if (type_was_read(parser) &&
		parser->reader->rstack[parser->reader->ridx].type !=
			REDIS_REPLY_STRING)
		return true; /* create_…() will refuse it by its type */
	return check_bulk(parser, data);
}

/* --- reading --------------------------------------------------------- */

/* A line that is no array.  Returns PARSER_MORE when it was empty or is not
 * complete: `*passed` tells which. */
static enum parser_status
read_inline(struct parser *parser, struct request *request, bool *passed)
{
	struct bytes data = unread(parser);
	const char *end = memchr(data.data, '\n', data.size);
	size_t size;

	*passed = false;
	if (end == NULL) {
		if (data.size <= LINE_SIZE_MAX)
			return PARSER_MORE;
		fail(parser, "too big inline request");
		return PARSER_ERROR;
	}
	size = (size_t)(end - data.data);
	parser->reader->pos += size + 1;
	if (size > 0 && data.data[size - 1] == '\r')
		size--;
	if (!inline_command_split((struct bytes){ data.data, size }, request)) {
		fail(parser, "unbalanced quotes in request");
		return PARSER_ERROR;
	}
	*passed = request->argc == 0;
	return request->argc > 0 ? PARSER_REQUEST : PARSER_MORE;
}

/* The reader's own complaint, in Redis' words. */
static void
fail_as_reader(struct parser *parser)
{
	static const char type_error[] = "Protocol error, got \"";
	const char *text = parser->reader->errstr;

	if (parser->error[0] != '\0')
		return;
	if (strncmp(text, type_error, sizeof(type_error) - 1) == 0)
		fail_type(parser, text[sizeof(type_error) - 1]);
	else if (strcasestr(text, "multi-bulk") != NULL)
		fail(parser, "invalid multibulk length");
	else
		fail(parser, "invalid bulk length");
}

/* Whether the next line is an array of less than no elements, which is passed
 * over as an empty one; the reader would refuse it. */
static bool
is_negative_array(struct parser *parser, size_t *line_size)
{
	struct bytes data = unread(parser);
	int64_t count = 0;
	bool valid = false;

	data.data++;
	data.size--;
	*line_size = read_length(data, &count, &valid) + 1;
	return *line_size > 1 && valid && count < 0;
}

static enum parser_status
read_array(struct parser *parser, struct request *request, bool *passed)
{
	void *done = NULL;
	size_t line_size = 0;

	if (!check_next(parser))
		return PARSER_ERROR;
	if (between_commands(parser)) {
		*passed = is_negative_array(parser, &line_size);
		if (*passed)
			parser->reader->pos += line_size;
		/* The reader would take the '*' and leave the number. */
		if (line_size <= 1 || *passed)
			return PARSER_MORE;
	}
	parser->request = request;
	if (redisReaderGetReply(parser->reader, &done) != REDIS_OK) {
		fail_as_reader(parser);
		return PARSER_ERROR;
	}
	*passed = done != NULL && request->argc == 0;
	if (done != NULL)
		return PARSER_REQUEST;
	return check_next(parser) ? PARSER_MORE : PARSER_ERROR;
}

enum parser_status
parser_read(struct parser *parser, struct request *request,
	const struct parser_limits *limits)
{
	enum parser_status status;
	bool again;

	parser->limits = limits;
	if (parser->large != NULL && !parser->large_complete)
		return PARSER_MORE;
	do {
		struct bytes data = unread(parser);

		again = false;
		if (data.size == 0)
			return PARSER_MORE;
		if (between_commands(parser) && data.data[0] != '*') {
			status = read_inline(parser, request, &again);
		} else {
			status = read_array(parser, request, &again);
		}
	} while (again);
	if (status == PARSER_MORE &&
		parser_buffered(parser) > limits->buffer_size_max)
		return PARSER_TOO_LARGE;
	return status;
}
