/* Structured log lines, as text or JSON, to stderr or a file.
 *
 * Safe to call from any thread.  A line has a level, an event name in words,
 * and pairs of field name and value:
 *
 *	log_event(LOG_NOTICE, "database connection lost",
 *		"lane", log_int(3), "error", log_text(message), NULL);
 *
 * text: 2026-11-23T10:00:00.123Z notice database connection lost lane=3 error="..."
 * JSON: {"time":"...","level":"notice","event":"...","lane":3,"error":"..."} */
#ifndef STORAGE_BASE_LOG_H
#define STORAGE_BASE_LOG_H

#include <stdbool.h>

/* Redis' levels (redis.conf, loglevel). */
enum log_level { LOG_DEBUG, LOG_VERBOSE, LOG_NOTICE, LOG_WARNING };

enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* A field's value; lives until the end of the log_event() call that it is
 * written in (they are kept in a small ring of the thread's own). */
struct log_value;
const struct log_value *log_int(long long value);
const struct log_value *log_text(const char *text); /* NULL logs as "" */

/* Writes one line when `level` is at or above the threshold.  The pairs are
 * (const char *name, const struct log_value *value), ended by NULL. */
void log_event(enum log_level level, const char *event, ...)
	__attribute__((sentinel));

/* Sets level and format; `path` is "" for stderr.  Returns false with errno
 * set when the file cannot be opened; the old target then stays. */
bool log_configure(
	enum log_level level, enum log_format format, const char *path);

/* Closes and opens the file again (for log rotation); harmless for stderr. */
void log_reopen(void);

#endif
