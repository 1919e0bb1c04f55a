/* RESP2 and RESP3 encoding; see reply.h. */
#include "commands/reply.h"

#include "storage/base/memory.h"
#include "storage/base/number.h"

#include <event2/buffer.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { HEADER_SIZE = 32 };

void
reply_init(struct reply *reply, int protocol)
{
	reply->protocol = protocol;
	reply->is_error = false;
	reply->data = reply->space;
	reply->size = 0;
	reply->capacity = sizeof(reply->space);
	reply->earlier = NULL;
}

static void
drop_data(struct reply *reply)
{
	if (reply->data != reply->space)
		free(reply->data);
	reply->data = reply->space;
	reply->size = 0;
	reply->capacity = sizeof(reply->space);
}

void
reply_release(struct reply *reply)
{
	drop_data(reply);
	if (reply->earlier != NULL)
		evbuffer_free(reply->earlier);
	reply->earlier = NULL;
}

static void
free_data(const void *data, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	free((void *)data);
}

/* Hands the bytes over to `output`: large ones without a copy. */
static void
move_data(struct reply *reply, struct evbuffer *output)
{
	if (reply->data == reply->space) {
		evbuffer_add(output, reply->data, reply->size);
	} else {
		evbuffer_add_reference(
			output, reply->data, reply->size, free_data, NULL);
		reply->data = reply->space;
		reply->capacity = sizeof(reply->space);
	}
	reply->size = 0;
}

void
reply_drain(struct reply *reply, struct evbuffer *output)
{
	if (reply->earlier != NULL) {
		evbuffer_add_buffer(output, reply->earlier);
		evbuffer_free(reply->earlier);
		reply->earlier = NULL;
	}
	move_data(reply, output);
}

size_t
reply_size(const struct reply *reply)
{
	return reply->size +
		(reply->earlier ? evbuffer_get_length(reply->earlier) : 0);
}

static char *
reserve(struct reply *reply, size_t size)
{
	char *at;

	if (reply->capacity - reply->size < size) {
		size_t capacity = (reply->size + size) * 2;

		if (reply->data == reply->space) {
			reply->data = memory_allocate(capacity);
			memcpy(reply->data, reply->space, reply->size);
		} else {
			reply->data = memory_resize(reply->data, capacity);
		}
		reply->capacity = capacity;
	}
	at = reply->data + reply->size;
	reply->size += size;
	return at;
}

static void
put(struct reply *reply, const char *data, size_t size)
{
	if (size > 0)
		memcpy(reserve(reply, size), data, size);
}

/* One type byte, a number, and the line's end. */
static void
put_header(struct reply *reply, char type, int64_t value)
{
	char line[HEADER_SIZE];
	size_t size;

	line[0] = type;
	size = 1 + number_print_int64(line + 1, value);
	line[size++] = '\r';
	line[size++] = '\n';
	put(reply, line, size);
}

static void
put_line(struct reply *reply, char type, struct bytes text)
{
	char *at = reserve(reply, text.size + 3);

	*at++ = type;
	memcpy(at, text.data, text.size);
	at[text.size] = '\r';
	at[text.size + 1] = '\n';
}

void
reply_simple(struct reply *reply, const char *text)
{
	put_line(reply, '+', bytes_of(text));
}

void
reply_error(struct reply *reply, const char *text)
{
	size_t size = strlen(text);
	char *at;

	if (reply_size(reply) == 0)
		reply->is_error = true;
	put_line(reply, '-', (struct bytes){ text, size });
	at = reply->data + reply->size - 2 - size;
	for (size_t i = 0; i < size; i++)
		if (at[i] == '\r' || at[i] == '\n')
			at[i] = ' ';
}

void
reply_errorf(struct reply *reply, const char *format, ...)
{
	va_list arguments;
	char *text = NULL;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	reply_error(reply, text ? text : "ERR out of memory");
	free(text);
}

void
reply_integer(struct reply *reply, int64_t value)
{
	put_header(reply, ':', value);
}

void
reply_bulk(struct reply *reply, struct bytes value)
{
	put_header(reply, '$', (int64_t)value.size);
	put(reply, value.data, value.size);
	put(reply, "\r\n", 2);
}

void
reply_bulk_text(struct reply *reply, const char *text)
{
	reply_bulk(reply, bytes_of(text));
}

void
reply_bulk_integer(struct reply *reply, int64_t value)
{
	char digits[NUMBER_INT64_SIZE];
	size_t size = number_print_int64(digits, value);

	reply_bulk(reply, (struct bytes){ digits, size });
}

struct lent_value {
	void (*release)(void *arg);
	void *arg;
};

static void
release_lent(const void *data, size_t size, void *arg)
{
	struct lent_value *lent = arg;

	(void)data;
	(void)size;
	lent->release(lent->arg);
	free(lent);
}

void
reply_bulk_lent(struct reply *reply, struct bytes value,
	void (*release)(void *arg), void *arg)
{
	struct lent_value *lent = memory_allocate(sizeof(*lent));

	*lent = (struct lent_value){ release, arg };
	put_header(reply, '$', (int64_t)value.size);
	if (reply->earlier == NULL)
		reply->earlier = evbuffer_new();
	move_data(reply, reply->earlier);
	evbuffer_add_reference(
		reply->earlier, value.data, value.size, release_lent, lent);
	put(reply, "\r\n", 2);
}

void
reply_double(struct reply *reply, double value)
{
	char digits[NUMBER_DOUBLE_SIZE];
	size_t size = number_print_double(digits, value);
	struct bytes text = { digits, size };

	if (reply->protocol > 2)
		put_line(reply, ',', text);
	else
		reply_bulk(reply, text);
}

void
reply_bool(struct reply *reply, bool value)
{
	if (reply->protocol > 2)
		put(reply, value ? "#t\r\n" : "#f\r\n", 4);
	else
		reply_integer(reply, value);
}

void
reply_big_number(struct reply *reply, const char *digits)
{
	if (reply->protocol > 2)
		put_line(reply, '(', bytes_of(digits));
	else
		reply_bulk_text(reply, digits);
}

void
reply_verbatim(struct reply *reply, const char *format, struct bytes value)
{
	if (reply->protocol < 3) {
		reply_bulk(reply, value);
		return;
	}
	put_header(reply, '=', (int64_t)value.size + 4);
	put(reply, format, 3);
	put(reply, ":", 1);
	put(reply, value.data, value.size);
	put(reply, "\r\n", 2);
}

void
reply_null(struct reply *reply)
{
	if (reply->protocol > 2)
		put(reply, "_\r\n", 3);
	else
		put(reply, "$-1\r\n", 5);
}

void
reply_null_array(struct reply *reply)
{
	if (reply->protocol > 2)
		put(reply, "_\r\n", 3);
	else
		put(reply, "*-1\r\n", 5);
}

void
reply_array(struct reply *reply, size_t count)
{
	put_header(reply, '*', (int64_t)count);
}

void
reply_map(struct reply *reply, size_t pairs)
{
	if (reply->protocol > 2)
		put_header(reply, '%', (int64_t)pairs);
	else
		put_header(reply, '*', (int64_t)pairs * 2);
}

void
reply_set(struct reply *reply, size_t count)
{
	put_header(reply, reply->protocol > 2 ? '~' : '*', (int64_t)count);
}

void
reply_push(struct reply *reply, size_t count)
{
	put_header(reply, reply->protocol > 2 ? '>' : '*', (int64_t)count);
}

void
reply_attribute(struct reply *reply, size_t pairs)
{
	put_header(reply, '|', (int64_t)pairs);
}

void
reply_raw(struct reply *reply, struct bytes resp)
{
	put(reply, resp.data, resp.size);
}
