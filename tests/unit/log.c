/* Log lines as they stand in the file. */
#include "storage/base/log.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char path[] = "/tmp/respgres-log-XXXXXX";

static void
begin(void)
{
	close(mkstemp(path));
}

static void
end(void)
{
	unlink(path);
}

TestSuite(log, .init = begin, .fini = end);

/* The file's content; static. */
static char *
content(void)
{
	static char text[1 << 20];
	FILE *stream = fopen(path, "r");
	size_t size = fread(text, 1, sizeof(text) - 1, stream);

	fclose(stream);
	text[size] = '\0';
	return text;
}

/* What stands behind the time. */
static char *
tail(void)
{
	char *text = content();

	cr_assert_gt(strlen(text), 25);
	cr_expect_eq(text[10], 'T');
	cr_expect_eq(text[19], '.');
	cr_expect_eq(text[23], 'Z');
	return text + 25;
}

Test(log, text_quotes_only_what_needs_it)
{
	cr_assert(log_configure(LOG_NOTICE, LOG_FORMAT_TEXT, path));
	log_event(LOG_NOTICE, "it happened", "lane", log_int(-3), "plain",
		log_text("a/b:c"), "empty", log_text(""), "none",
		log_text(NULL), "hard",
		log_text("a \"b\"\\\n\x01\xff=\xc3\xa9"), NULL);
	cr_expect_str_eq(tail(),
		"notice it happened lane=-3 plain=a/b:c "
		"empty=\"\" none=\"\" hard=\"a \\\"b\\\"\\\\\\n\\x01\\xff=\xc3"
		"\xa9\"\n");
}

Test(log, json_is_valid_whatever_the_bytes)
{
	char bytes[256];
	json_t *line;

	for (int i = 0; i < 255; i++)
		bytes[i] = (char)(i + 1);
	bytes[255] = '\0';
	cr_assert(log_configure(LOG_NOTICE, LOG_FORMAT_JSON, path));
	log_event(LOG_WARNING, "an \"event\"", "number", log_int(7), "bytes",
		log_text(bytes), "overlong", log_text("\xc0\x80"), "surrogate",
		log_text("\xed\xa0\x80"), "good", log_text("\xf0\x9f\x98\x80"),
		NULL);
	line = json_loads(content(), 0, NULL);
	cr_assert_not_null(line, "%s", content());
	cr_expect_str_eq(json_string_value(json_object_get(line, "event")),
		"an \"event\"");
	cr_expect_str_eq(
		json_string_value(json_object_get(line, "level")), "warning");
	cr_expect_eq(json_integer_value(json_object_get(line, "number")), 7);
	cr_expect_str_eq(json_string_value(json_object_get(line, "good")),
		"\xf0\x9f\x98\x80");
	cr_expect_eq(
		strlen(json_string_value(json_object_get(line, "time"))), 24);
	json_decref(line);
}

Test(log, lines_below_the_level_are_left_out)
{
	cr_assert(log_configure(LOG_WARNING, LOG_FORMAT_TEXT, path));
	log_event(LOG_NOTICE, "quiet", NULL);
	cr_expect_str_empty(content());
	log_event(LOG_WARNING, "loud", NULL);
	cr_expect_str_eq(tail(), "warning loud\n");
}

Test(log, long_values_are_not_cut)
{
	static char value[100001];

	memset(value, 'x', sizeof(value) - 1);
	cr_assert(log_configure(LOG_NOTICE, LOG_FORMAT_TEXT, path));
	log_event(LOG_NOTICE, "long", "value", log_text(value), NULL);
	cr_expect_eq(strlen(tail()), strlen("notice long value=\n") + 100000);
}

Test(log, a_file_that_cannot_be_opened_changes_nothing)
{
	cr_assert(log_configure(LOG_NOTICE, LOG_FORMAT_TEXT, path));
	errno = 0;
	cr_expect_not(
		log_configure(LOG_DEBUG, LOG_FORMAT_JSON, "/nonexistent/log"));
	cr_expect_eq(errno, ENOENT);
	log_event(LOG_DEBUG, "quiet", NULL);
	log_event(LOG_NOTICE, "still here", NULL);
	cr_expect_str_eq(tail(), "notice still here\n");
}

Test(log, reopening_writes_to_the_new_file_of_that_name)
{
	char moved[sizeof(path) + 4];

	cr_assert(log_configure(LOG_NOTICE, LOG_FORMAT_TEXT, path));
	log_event(LOG_NOTICE, "old", NULL);
	snprintf(moved, sizeof(moved), "%s.1", path);
	cr_assert_eq(rename(path, moved), 0);
	log_event(LOG_NOTICE, "still old", NULL);
	log_reopen();
	log_event(LOG_NOTICE, "new", NULL);
	cr_expect_str_eq(tail(), "notice new\n");
	unlink(moved);
}

enum { THREADS = 4, LINES = 500 };

static void *
write_lines(void *arg)
{
	(void)arg;
	for (int i = 0; i < LINES; i++)
		log_event(LOG_NOTICE, "line", "of", log_int(i), "text",
			log_text("some words"), NULL);
	return NULL;
}

Test(log, threads_do_not_mix_their_lines)
{
	pthread_t threads[THREADS];
	int count = 0;

	cr_assert(log_configure(LOG_NOTICE, LOG_FORMAT_TEXT, path));
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, write_lines, NULL);
	for (int i = 0; i < 100; i++)
		log_reopen();
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (char *line = strtok(content(), "\n"); line != NULL;
		line = strtok(NULL, "\n")) {
		count++;
		cr_expect_str_eq(
			line + strlen(line) - strlen("text=\"some words\""),
			"text=\"some words\"");
	}
	cr_expect_eq(count, THREADS * LINES);
}
