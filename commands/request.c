/* Memory, argument readers and short replies of a request; see request.h. */
#include "commands/request.h"

#include "commands/blocking.h"
#include "commands/connection.h"
#include "commands/errors.h"
#include "commands/host.h"
#include "commands/server.h"
#include "storage/base/memory.h"
#include "storage/base/number.h"
#include "storage/result.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct request_block {
	struct request_block *next;
	void *memory;
};

struct request *
request_new(void)
{
	struct request *request = memory_allocate(sizeof(*request));

	memset(request, 0, offsetof(struct request, inline_arguments));
	request->argv = request->inline_arguments;
	request->argument_capacity = REQUEST_INLINE_ARGUMENTS;
	reply_init(&request->reply, 2);
	return request;
}

void
request_reset(struct request *request)
{
	while (request->blocks != NULL) {
		struct request_block *block = request->blocks;

		request->blocks = block->next;
		free(block->memory);
		free(block);
	}
	reply_release(&request->reply);
	memset(request, 0, offsetof(struct request, inline_arguments));
	request->argv = request->inline_arguments;
	request->argument_capacity = REQUEST_INLINE_ARGUMENTS;
	reply_init(&request->reply, 2);
}

void
request_free(struct request *request)
{
	if (request == NULL)
		return;
	request_reset(request);
	free(request);
}

void
request_take_block(struct request *request, void *memory)
{
	struct request_block *block = memory_allocate(sizeof(*block));

	block->memory = memory;
	block->next = request->blocks;
	request->blocks = block;
}

void *
request_allocate(struct request *request, size_t size)
{
	size_t rounded = (size + 15) & ~(size_t)15;
	void *memory;

	if (rounded <= REQUEST_ARENA_SIZE - request->arena_used) {
		memory = request->arena + request->arena_used;
		request->arena_used += rounded;
		return memory;
	}
	memory = memory_allocate(size);
	request_take_block(request, memory);
	return memory;
}

const char *
request_copy_text(struct request *request, struct bytes text)
{
	char *copy = request_allocate(request, text.size + 1);

	if (text.size > 0)
		memcpy(copy, text.data, text.size);
	copy[text.size] = '\0';
	return copy;
}

void
request_append_argument(struct request *request, struct bytes data)
{
	if (request->argc == request->argument_capacity) {
		struct bytes *larger = request_allocate(request,
			(size_t)request->argument_capacity * 2 *
				sizeof(*larger));

		memcpy(larger, request->argv,
			(size_t)request->argc * sizeof(*larger));
		request->argv = larger;
		request->argument_capacity *= 2;
	}
	request->argv[request->argc++] = data;
}

void
request_finish(struct request *request)
{
	if ((request->blocked != NULL || request->addition != NULL) &&
		!blocking_may_finish(request))
		return;
	if (request->command != NULL)
		blocking_note_write(request);
	request->connection->finish(request);
}

void
request_when_first(
	struct request *request, void (*start)(struct request *request))
{
	request->when_first = start;
	request->server->host->when_first(request);
}

bool
request_send_part(
	struct request *request, void (*room)(struct request *request))
{
	request->when_room = NULL;
	if (request->server->host->send_part(request))
		return true;
	request->when_room = room;
	return false;
}

void
request_break_off(struct request *request)
{
	request->server->host->close(request->connection, false);
	request_finish(request);
}

void
request_reply_ok(struct request *request)
{
	reply_simple(&request->reply, "OK");
	request_finish(request);
}

void
request_reply_error(struct request *request, const char *text)
{
	reply_error(&request->reply, text);
	request_finish(request);
}

void
request_reply_errorf(struct request *request, const char *format, ...)
{
	va_list arguments;
	char *text = NULL;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	reply_error(&request->reply, text ? text : "ERR out of memory");
	free(text);
	request_finish(request);
}

void
request_reply_integer(struct request *request, int64_t value)
{
	reply_integer(&request->reply, value);
	request_finish(request);
}

void
request_reply_bulk(struct request *request, struct bytes value)
{
	reply_bulk(&request->reply, value);
	request_finish(request);
}

void
request_reply_null(struct request *request)
{
	reply_null(&request->reply);
	request_finish(request);
}

void
request_reply_syntax_error(struct request *request)
{
	request_reply_error(request, ERROR_SYNTAX);
}

bool
request_read_int64_or(
	struct request *request, int index, int64_t *value, const char *error)
{
	if (number_parse_int64(request->argv[index], value))
		return true;
	request_reply_error(request, error);
	return false;
}

bool
request_read_int64(struct request *request, int index, int64_t *value)
{
	return request_read_int64_or(request, index, value, ERROR_NOT_INTEGER);
}

bool
request_parse_cursor(
	struct request *request, struct bytes word, int64_t *cursor)
{
	if (number_parse_int64(word, cursor) && *cursor >= 0)
		return true;
	request_reply_error(request, "ERR invalid cursor");
	return false;
}

bool
request_read_double(struct request *request, int index, double *value)
{
	if (number_parse_double(request->argv[index], value))
		return true;
	request_reply_error(request, ERROR_NOT_FLOAT);
	return false;
}

bool
request_is_word(const struct request *request, int index, const char *word)
{
	return index < request->argc &&
		bytes_is_word(request->argv[index], word);
}

bool
request_failed(struct request *request, const struct result *result)
{
	switch (result->status) {
	case STORE_OK:
		return false;
	case STORE_ERROR:
		request_reply_errorf(request, "ERR PostgreSQL: %s (%s)",
			result->error, result->sqlstate);
		return true;
	case STORE_DOWN:
		request_reply_error(request, ERROR_DOWN);
		return true;
	case STORE_UNKNOWN:
		request_reply_error(request, ERROR_UNKNOWN_OUTCOME);
		return true;
	case STORE_REPLY_LOST:
		request_reply_error(request, ERROR_REPLY_LOST);
		return true;
	case STORE_BUSY:
		request_reply_error(request, ERROR_BUSY_QUEUE);
		return true;
	}
	return false;
}
