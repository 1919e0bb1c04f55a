/* Writing replies on one line; see transcript.h. */
#include "tests/support/transcript.h"

#include "storage/base/settings.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
write_bytes(FILE *output, const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		unsigned char byte = (unsigned char)data[i];

		if (byte < ' ' || byte > '~')
			fprintf(output, "\\x%02x", byte);
		else
			fputc(byte, output);
	}
}

static void
write_reply(FILE *output, const redisReply *reply)
{
	switch (reply->type) {
	case REDIS_REPLY_STATUS:
		fputc('+', output);
		write_bytes(output, reply->str, (size_t)reply->len);
		break;
	case REDIS_REPLY_ERROR:
		fputc('-', output);
		write_bytes(output, reply->str, (size_t)reply->len);
		break;
	case REDIS_REPLY_STRING:
		fputc('$', output);
		write_bytes(output, reply->str, (size_t)reply->len);
		break;
	case REDIS_REPLY_INTEGER:
		fprintf(output, ":%lld", reply->integer);
		break;
	case REDIS_REPLY_NIL:
		fputc('_', output);
		break;
	default:
		fputc('[', output);
		for (size_t i = 0; i < reply->elements; i++) {
			if (i > 0)
				fputc(' ', output);
			write_reply(output, reply->element[i]);
		}
		fputc(']', output);
	}
}

static redisReply *
send_words(redisContext *client, const char *command)
{
	size_t count;
	char **words = settings_split(command, &count);
	redisReply *reply;

	cr_assert_not_null(words, "unbalanced quotes: %s", command);
	reply = redisCommandArgv(
		client, (int)count, (const char **)words, NULL);
	settings_words_free(words, count);
	return reply;
}

/* Takes over the reply. */
static char *
reply_text(redisContext *client, redisReply *reply, const char *command)
{
	char *text;
	size_t size;
	FILE *output = open_memstream(&text, &size);

	cr_assert_not_null(output);
	cr_assert_not_null(reply, "%s: %s", command, client->errstr);
	write_reply(output, reply);
	fclose(output);
	freeReplyObject(reply);
	return text;
}

char *
transcript_ask(redisContext *client, const char *command)
{
	return reply_text(client, send_words(client, command), command);
}

void
transcript_send(redisContext *client, const char *command)
{
	size_t count;
	char **words = settings_split(command, &count);
	int written = 0;

	cr_assert_not_null(words, "unbalanced quotes: %s", command);
	redisAppendCommandArgv(client, (int)count, (const char **)words, NULL);
	settings_words_free(words, count);
	while (!written)
		cr_assert_eq(redisBufferWrite(client, &written), REDIS_OK,
			"%s: %s", command, client->errstr);
}

void
transcript_receive(redisContext *client, const char *expected)
{
	static const struct timeval limit = { 5, 0 };
	void *reply = NULL;
	char *text;

	redisSetTimeout(client, limit);
	cr_assert_eq(redisGetReply(client, &reply), REDIS_OK,
		"%s instead of %s", client->errstr, expected);
	text = reply_text(client, reply, expected);
	cr_expect_str_eq(
		text, expected, "'%s' instead of '%s'", text, expected);
	free(text);
}

static void
expect_text(char *text, const struct exchange *exchange)
{
	cr_expect_str_eq(text, exchange->reply, "%s: '%s' instead of '%s'",
		exchange->command, text, exchange->reply);
	free(text);
}

void
transcript_expect(redisContext *client, const char *command, const char *reply)
{
	struct exchange exchange = { command, reply };

	expect_text(transcript_ask(client, command), &exchange);
}

void
transcript_play(redisContext *client, const struct exchange *exchanges)
{
	for (; exchanges->command != NULL; exchanges++)
		transcript_expect(client, exchanges->command, exchanges->reply);
}

static void
append_words(redisContext *client, const char *command)
{
	size_t count;
	char **words = settings_split(command, &count);

	cr_assert_not_null(words, "unbalanced quotes: %s", command);
	redisAppendCommandArgv(client, (int)count, (const char **)words, NULL);
	settings_words_free(words, count);
}

void
transcript_play_pipelined(
	redisContext *client, const struct exchange *exchanges)
{
	for (const struct exchange *at = exchanges; at->command != NULL; at++)
		append_words(client, at->command);
	for (; exchanges->command != NULL; exchanges++) {
		redisReply *reply = NULL;

		redisGetReply(client, (void **)&reply);
		expect_text(reply_text(client, reply, exchanges->command),
			exchanges);
	}
}
