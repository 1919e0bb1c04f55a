/* Log lines: one write(2) each, so that lines of several threads, and of
 * several processes appending to one file, never mix.
 *
 * The file is always written through the same descriptor: another file is put
 * in its place with dup2(), which is atomic, so a thread that writes meanwhile
 * hits the old file or the new one, never a closed or foreign descriptor.  For
 * the same reason the descriptor stays open after a return to stderr.
 *
 * Nothing here uses storage/base/memory.h, which logs when it fails. */
#include "storage/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct log_value {
	const char *text; /* NULL: the value is `number` */
	long long number;
};

/* More fields than any one line has. */
enum { RING_COUNT = 64 };

struct line {
	char *data;
	size_t size, capacity;
	bool full; /* memory ran out: the rest is left out */
	char space[2048];
};

static struct {
	_Atomic int level, format, target;
	pthread_mutex_t lock; /* guards the two below */
	int file; /* -1 until a file is first used */
	char path[PATH_MAX];
} state = {
	.level = LOG_NOTICE,
	.format = LOG_FORMAT_TEXT,
	.target = STDERR_FILENO,
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.file = -1,
};

static struct log_value *
next_value(void)
{
	static _Thread_local struct log_value ring[RING_COUNT];
	static _Thread_local unsigned int next;

	return &ring[next++ % RING_COUNT];
}

const struct log_value *
log_int(long long value)
{
	struct log_value *slot = next_value();

	slot->text = NULL;
	slot->number = value;
	return slot;
}

const struct log_value *
log_text(const char *text)
{
	struct log_value *slot = next_value();

	slot->text = text != NULL ? text : "";
	return slot;
}

static void
line_add(struct line *line, const char *data, size_t size)
{
	if (line->full)
		return;
	if (line->size + size > line->capacity) {
		size_t capacity = (line->size + size) * 2;
		char *larger = malloc(capacity);

		if (larger == NULL) {
			line->full = true;
			return;
		}
		memcpy(larger, line->data, line->size);
		if (line->data != line->space)
			free(line->data);
		line->data = larger;
		line->capacity = capacity;
	}
	memcpy(line->data + line->size, data, size);
	line->size += size;
}

static void
line_add_text(struct line *line, const char *text)
{
	line_add(line, text, strlen(text));
}

__attribute__((format(printf, 2, 3))) static void
line_print(struct line *line, const char *format, ...)
{
	char buffer[64];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(buffer, sizeof(buffer), format, arguments);
	va_end(arguments);
	line_add_text(line, buffer);
}

/* The bytes of the well-formed UTF-8 character at `text`, or 0.  Overlong
 * forms, surrogates and values over U+10FFFF are not well-formed (RFC 3629). */
static size_t
utf8_size(const unsigned char *text)
{
	size_t size = text[0] < 0x80 ? 1 :
		text[0] < 0xc2       ? 0 :
		text[0] < 0xe0       ? 2 :
		text[0] < 0xf0       ? 3 :
		text[0] < 0xf5       ? 4 :
				       0;

	for (size_t i = 1; i < size; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	if ((text[0] == 0xe0 && text[1] < 0xa0) ||
		(text[0] == 0xed && text[1] > 0x9f) ||
		(text[0] == 0xf0 && text[1] < 0x90) ||
		(text[0] == 0xf4 && text[1] > 0x8f))
		return 0;
	return size;
}

/* Escapes for both formats; they differ in bytes that JSON cannot carry. */
static void
line_add_escaped(struct line *line, const char *text, enum log_format format)
{
	const unsigned char *at = (const unsigned char *)text;

	while (*at != '\0') {
		size_t size = utf8_size(at);

		if (*at == '"' || *at == '\\')
			line_print(line, "\\%c", *at);
		else if (*at == '\n')
			line_add_text(line, "\\n");
		else if (*at == '\r')
			line_add_text(line, "\\r");
		else if (*at == '\t')
			line_add_text(line, "\\t");
		else if (size != 0 && *at >= 0x20 && *at != 0x7f)
			line_add(line, (const char *)at, size);
		else if (format == LOG_FORMAT_TEXT)
			line_print(line, "\\x%02x", *at);
		else if (size != 0)
			line_print(line, "\\u%04x", *at);
		else
			line_add_text(line, "\\ufffd");
		at += size != 0 ? size : 1;
	}
}

static bool
needs_quotes(const char *text)
{
	if (*text == '\0')
		return true;
	for (const unsigned char *at = (const unsigned char *)text; *at; at++)
		if (*at <= ' ' || *at == '"' || *at == '=' || *at == '\\' ||
			*at >= 0x7f)
			return true;
	return false;
}

static void
line_add_value(struct line *line, const struct log_value *value,
	enum log_format format)
{
	if (value->text == NULL) {
		line_print(line, "%lld", value->number);
	} else if (format == LOG_FORMAT_TEXT && !needs_quotes(value->text)) {
		line_add_text(line, value->text);
	} else {
		line_add(line, "\"", 1);
		line_add_escaped(line, value->text, format);
		line_add(line, "\"", 1);
	}
}

static void
line_add_head(struct line *line, enum log_level level, const char *event,
	enum log_format format)
{
	static const char *const names[] = { "debug", "verbose", "notice",
		"warning" };
	char second[32];
	struct timespec now;
	struct tm parts;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &parts);
	strftime(second, sizeof(second), "%Y-%m-%dT%H:%M:%S", &parts);
	if (format == LOG_FORMAT_JSON)
		line_add_text(line, "{\"time\":\"");
	line_print(line, "%s.%03dZ", second, (int)(now.tv_nsec / 1000000));
	line_print(line,
		format == LOG_FORMAT_JSON ? "\",\"level\":\"%s\",\"event\":\"" :
					    " %s ",
		names[level]);
	line_add_escaped(line, event, format);
	if (format == LOG_FORMAT_JSON)
		line_add(line, "\"", 1);
}

static void
line_add_field(struct line *line, const char *name,
	const struct log_value *value, enum log_format format)
{
	line_add_text(line, format == LOG_FORMAT_JSON ? ",\"" : " ");
	line_add_escaped(line, name, format);
	line_add_text(line, format == LOG_FORMAT_JSON ? "\":" : "=");
	line_add_value(line, value, format);
}

static void
line_write(const struct line *line)
{
	int target = atomic_load(&state.target);
	const char *at = line->data;
	size_t left = line->size;

	while (left > 0) {
		ssize_t written = write(target, at, left);

		/* Where the log cannot be written there is nobody to tell. */
		if (written < 0 && errno != EINTR)
			return;
		if (written > 0) {
			at += written;
			left -= (size_t)written;
		}
	}
}

void
log_event(enum log_level level, const char *event, ...)
{
	enum log_format format = (enum log_format)atomic_load(&state.format);
	int saved_errno = errno;
	struct line line;
	const char *name;
	va_list pairs;

	if ((int)level < atomic_load(&state.level))
		return;
	line.data = line.space;
	line.size = 0;
	line.capacity = sizeof(line.space);
	line.full = false;
	line_add_head(&line, level, event, format);
	va_start(pairs, event);
	while ((name = va_arg(pairs, const char *)) != NULL)
		line_add_field(&line, name,
			va_arg(pairs, const struct log_value *), format);
	va_end(pairs);
	line_add_text(&line, format == LOG_FORMAT_JSON ? "}\n" : "\n");
	line_write(&line);
	if (line.data != line.space)
		free(line.data);
	errno = saved_errno;
}

/* Opens `path` in place of the current file; the caller holds the lock. */
static bool
open_file(const char *path)
{
	int opened =
		open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	if (opened < 0)
		return false;
	if (state.file < 0) {
		state.file = opened;
		return true;
	}
	if (dup3(opened, state.file, O_CLOEXEC) < 0) {
		int error = errno;

		close(opened);
		errno = error;
		return false;
	}
	close(opened);
	return true;
}

bool
log_configure(enum log_level level, enum log_format format, const char *path)
{
	bool configured = true;

	pthread_mutex_lock(&state.lock);
	if (strlen(path) >= sizeof(state.path)) {
		errno = ENAMETOOLONG;
		configured = false;
	} else if (*path == '\0') {
		state.path[0] = '\0';
		atomic_store(&state.target, STDERR_FILENO);
	} else if (strcmp(path, state.path) != 0) {
		configured = open_file(path);
		if (configured) {
			memcpy(state.path, path, strlen(path) + 1);
			atomic_store(&state.target, state.file);
		}
	}
	if (configured) {
		atomic_store(&state.level, level);
		atomic_store(&state.format, format);
	}
	pthread_mutex_unlock(&state.lock);
	return configured;
}

void
log_reopen(void)
{
	pthread_mutex_lock(&state.lock);
	/* On failure the old file goes on being written. */
	if (state.path[0] != '\0')
		open_file(state.path);
	pthread_mutex_unlock(&state.lock);
}
