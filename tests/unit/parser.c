/* Requests from bytes: whole, in any split, and wrong ones. */
#include "commands/request.h"
#include "proxy/parser.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct parser_limits generous = {
	.arguments_max = INT_MAX,
	.bulk_size_max = 512 << 20,
	.buffer_size_max = 1 << 30,
	.authenticated = true,
};

/* Everything that came out, as words in brackets: "[SET][k][v];[PING];". */
struct transcript {
	char text[4096];
	size_t size;
	enum parser_status last;
	char error[128];
};

static void
note_request(struct transcript *transcript, const struct request *request)
{
	for (int i = 0; i < request->argc; i++)
		transcript->size += (size_t)snprintf(
			transcript->text + transcript->size,
			sizeof(transcript->text) - transcript->size, "[%.*s]",
			(int)request->argv[i].size, request->argv[i].data);
	transcript->size +=
		(size_t)snprintf(transcript->text + transcript->size,
			sizeof(transcript->text) - transcript->size, ";");
}

/* Feeds `size` bytes at a time. */
static struct transcript
parse(const char *input, size_t size, size_t step,
	const struct parser_limits *limits)
{
	struct transcript transcript = { .last = PARSER_MORE };
	struct parser *parser = parser_new();
	struct request *request = request_new();
	char shared[64 * 1024];

	for (size_t at = 0; at < size && transcript.last != PARSER_ERROR &&
		transcript.last != PARSER_TOO_LARGE;) {
		struct parser_target target =
			parser_next_target(parser, shared, sizeof(shared));
		size_t take = size - at < step ? size - at : step;

		if (take > target.size)
			take = target.size;
		memcpy(target.data, input + at, take);
		parser_feed(parser, &target, take);
		at += take;
		while ((transcript.last = parser_read(
				parser, request, limits)) == PARSER_REQUEST) {
			note_request(&transcript, request);
			request_reset(request);
		}
	}
	snprintf(transcript.error, sizeof(transcript.error), "%s",
		parser_error(parser));
	request_free(request);
	parser_free(parser);
	return transcript;
}

static struct transcript
parse_text(const char *input)
{
	return parse(input, strlen(input), strlen(input), &generous);
}

Test(parser, reads_pipelined_arrays_and_inline_commands)
{
	struct transcript seen = parse_text("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"
					    "PING\r\n"
					    "SET \"a\\x41 b\" 'it\\'s'\r\n"
					    "\r\n*0\r\n*-1\r\n"
					    "*1\r\n$0\r\n\r\n");

	cr_assert(eq(str, seen.text, "[GET][k];[PING];[SET][aA b][it's];[];"));
	cr_assert(eq(int, seen.last, PARSER_MORE));
}

Test(parser, gives_the_same_requests_for_every_split)
{
	static const char input[] = "*3\r\n$3\r\nSET\r\n$5\r\nhello\r\n"
				    "$10\r\n0123\r\n6789\r\nECHO x\r\n"
				    "*2\r\n$3\r\nDEL\r\n$1\r\nz\r\n";
	struct transcript whole = parse_text(input);

	for (size_t step = 1; step < sizeof(input); step++) {
		struct transcript split =
			parse(input, sizeof(input) - 1, step, &generous);

		cr_assert(eq(str, split.text, whole.text), "step %zu", step);
	}
	cr_assert(eq(str, whole.text,
		"[SET][hello][0123\r\n6789];[ECHO][x];[DEL][z];"));
}

Test(parser, reads_a_large_value_in_any_split)
{
	enum { VALUE_SIZE = 200 * 1000 };
	static const size_t steps[] = { 7, 1000, 4096, 65536, 300 * 1000 };
	char *input = malloc(VALUE_SIZE + 100);
	int head = sprintf(
		input, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n", VALUE_SIZE);
	size_t size = (size_t)head;

	memset(input + size, 'v', VALUE_SIZE);
	size += VALUE_SIZE;
	size += (size_t)sprintf(input + size, "\r\nPING\r\n");
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		struct parser *parser = parser_new();
		struct request *request = request_new();
		char shared[64 * 1024];
		int requests = 0;

		for (size_t at = 0; at < size;) {
			struct parser_target target = parser_next_target(
				parser, shared, sizeof(shared));
			size_t take =
				size - at < steps[i] ? size - at : steps[i];

			if (take > target.size)
				take = target.size;
			memcpy(target.data, input + at, take);
			parser_feed(parser, &target, take);
			at += take;
			while (parser_read(parser, request, &generous) ==
				PARSER_REQUEST) {
				if (requests++ == 0) {
					cr_assert(eq(int, request->argc, 3));
					cr_assert(eq(sz, request->argv[2].size,
						VALUE_SIZE));
					cr_assert(eq(int,
						memcmp(request->argv[2].data,
							input + head,
							VALUE_SIZE),
						0));
				}
				request_reset(request);
			}
		}
		cr_assert(eq(int, requests, 2), "step %zu", steps[i]);
		cr_assert(parser_is_empty(parser));
		request_free(request);
		parser_free(parser);
	}
	free(input);
}

struct wrong {
	const char *input, *error;
};

Test(parser, refuses_with_redis_words)
{
	static const struct wrong cases[] = {
		{ "*3\r\n$3\r\nSET\r\n$1\r\nx\r\nfooz\r\n",
			"Protocol error: expected '$', got 'f'" },
		{ "*20000000000\r\n",
			"Protocol error: invalid multibulk length" },
		{ "*x\r\n", "Protocol error: invalid multibulk length" },
		{ "*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$-10\r\n",
			"Protocol error: invalid bulk length" },
		{ "*2\r\n$3\r\nGET\r\n$-1\r\n",
			"Protocol error: invalid bulk length" },
		{ "*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$2000000000\r\n",
			"Protocol error: invalid bulk length" },
		{ "*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$blabla\r\n",
			"Protocol error: invalid bulk length" },
		{ "*1\r\n:1\r\n", "Protocol error: expected '$', got ':'" },
		{ "*1\r\n+a\r\n", "Protocol error: expected '$', got '+'" },
		{ "*1\r\n*1\r\n$1\r\na\r\n",
			"Protocol error: expected '$', got '*'" },
		{ "set \"a\r\n",
			"Protocol error: unbalanced quotes in request" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (size_t step = 1; step < 40; step += 38) {
			struct transcript seen = parse(cases[i].input,
				strlen(cases[i].input), step, &generous);

			cr_assert(eq(int, seen.last, PARSER_ERROR), "%s",
				cases[i].input);
			cr_assert(eq(str, seen.error, (char *)cases[i].error));
		}
}

Test(parser, bounds_what_an_unauthenticated_peer_may_send)
{
	struct parser_limits strict = { .arguments_max = 10,
		.bulk_size_max = 16384,
		.buffer_size_max = 65536,
		.authenticated = false };
	struct transcript seen = parse("*11\r\n", 5, 5, &strict);

	cr_assert(eq(str, seen.error,
		"Protocol error: unauthenticated multibulk length"));
	seen = parse("*1\r\n$20000\r\n", 12, 12, &strict);
	cr_assert(eq(str, seen.error,
		"Protocol error: unauthenticated bulk length"));
}

Test(parser, bounds_lines)
{
	size_t size = 70 * 1024;
	char *line = malloc(size);
	struct transcript seen;

	memset(line, 'A', size);
	seen = parse(line, size, 4096, &generous);
	cr_assert(
		eq(str, seen.error, "Protocol error: too big inline request"));
	line[0] = '*';
	seen = parse(line, size, 4096, &generous);
	cr_assert(eq(
		str, seen.error, "Protocol error: too big mbulk count string"));
	free(line);
}
