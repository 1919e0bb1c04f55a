/* COMMAND and HELP, run without a server: a request, its handler, the bytes of
 * its reply. */
#include "commands/command.h"
#include "commands/compat.h"
#include "commands/connection.h"
#include "commands/request.h"
#include "commands/server.h"
#include "commands/table.h"
#include "storage/base/bytes.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char answer[1 << 20];

/* Keeps what the client would be sent. */
static void
keep_answer(struct request *request)
{
	struct evbuffer *output = evbuffer_new();
	ev_ssize_t size;

	reply_drain(&request->reply, output);
	size = evbuffer_remove(output, answer, sizeof(answer) - 1);
	answer[size < 0 ? 0 : size] = '\0';
	evbuffer_free(output);
}

/* The reply to `line`, split at spaces, as RESP; static storage. */
static const char *
run(const char *line, int protocol)
{
	struct command_table *table = command_table_new();
	struct server server = { .commands = table };
	struct connection connection = { .finish = keep_answer };
	struct request *request = request_new();
	char *words = strdup(line), *rest = words, *word;
	const struct command *row;

	cr_assert_not_null(table);
	while ((word = strsep(&rest, " ")))
		request_append_argument(request, bytes_of(word));
	row = command_table_find(table, request->argv[0]);
	if (row->subcommands && request->argc > 1)
		row = command_table_find_subcommand(
			table, row, request->argv[1]);
	cr_assert_not_null(row, "%s", line);
	request->command = row;
	request->server = &server;
	request->connection = &connection;
	request->reply.protocol = protocol;
	answer[0] = '\0';
	row->run(request);
	request_free(request);
	free(words);
	command_table_free(table);
	return answer;
}

Test(command, info_answers_null_for_what_is_no_command)
{
	cr_expect_str_eq(run("command info nonsense command|list|x", 2),
		"*2\r\n$-1\r\n$-1\r\n");
}

Test(command, info_describes_a_subcommand)
{
	cr_expect_str_eq(run("command info COMMAND|COUNT", 2),
		"*1\r\n*10\r\n$13\r\ncommand|count\r\n:2\r\n"
		"*2\r\n+loading\r\n+stale\r\n:0\r\n:0\r\n:0\r\n"
		"*2\r\n+@slow\r\n+@connection\r\n*0\r\n*0\r\n*0\r\n");
}

Test(command, docs_leaves_out_what_is_no_command)
{
	cr_expect_str_eq(run("command docs nonsense", 2), "*0\r\n");
	cr_expect_str_eq(run("command docs nonsense", 3), "%0\r\n");
}

Test(command, docs_has_maps_in_resp3)
{
	const char *text = run("command docs command|docs", 3);

	cr_expect_eq(strncmp(text, "%1\r\n$12\r\ncommand|docs\r\n%5\r\n", 26),
		0, "%s", text);
	cr_expect_not_null(
		strstr(text,
			"%3\r\n$4\r\nname\r\n$12\r\n"
			"command-name\r\n$4\r\ntype\r\n$6\r\nstring\r\n$5\r\nflags\r\n"
			"~2\r\n+optional\r\n+multiple\r\n"),
		"%s", text);
}

Test(command, list_filters)
{
	cr_expect_str_eq(run("command list filterby pattern COMM*|in?o", 2),
		"*1\r\n$12\r\ncommand|info\r\n");
	cr_expect_str_eq(
		run("command list filterby aclcat nonsense", 2), "*0\r\n");
	cr_expect_str_eq(
		run("command list filterby module nonsense", 2), "*0\r\n");
	cr_expect_not_null(
		strstr(run("command list filterby aclcat CONNECTION", 2),
			"$15\r\ncommand|getkeys\r\n"));
	cr_expect_not_null(
		strstr(run("command list", 2), "$15\r\ncommand|getkeys\r\n"));
}

Test(command, list_refuses_other_words)
{
	static const char *const lines[] = {
		"command list x",
		"command list filterby",
		"command list filterby pattern",
		"command list filterby x y",
		"command list filterby pattern x y",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		cr_expect_str_eq(run(lines[i], 2), "-ERR syntax error\r\n",
			"%s", lines[i]);
}

Test(command, getkeys_refuses_what_has_no_keys)
{
	cr_expect_str_eq(run("command getkeys nonsense a", 2),
		"-ERR Invalid command specified\r\n");
	cr_expect_str_eq(run("command getkeys command nonsense", 2),
		"-ERR Invalid command specified\r\n");
	cr_expect_str_eq(run("command getkeys command count", 2),
		"-ERR The command has no key arguments\r\n");
}

Test(command, getkeys_picks_the_keys)
{
	cr_expect_str_eq(run("command getkeys GET a", 2), "*1\r\n$1\r\na\r\n");
	cr_expect_str_eq(run("command getkeys mset a 1 b 2", 2),
		"*2\r\n$1\r\na\r\n$1\r\nb\r\n");
	cr_expect_str_eq(run("command getkeys get a b", 2),
		"-ERR Invalid number of arguments specified for command\r\n");
	cr_expect_str_eq(run("command getkeys mget", 2),
		"-ERR Invalid number of arguments specified for command\r\n");
}

Test(command, getkeysandflags_tells_how_keys_are_used)
{
	cr_expect_str_eq(run("command getkeysandflags set a 1", 2),
		"*1\r\n*2\r\n$1\r\na\r\n*2\r\n+OW\r\n+update\r\n");
	cr_expect_str_eq(run("command getkeysandflags set a 1 get", 3),
		"*1\r\n*2\r\n$1\r\na\r\n"
		"~3\r\n+RW\r\n+access\r\n+update\r\n");
}

Test(command, getkeys_has_no_limit_of_its_own)
{
	enum { KEYS = 10000 };
	char *line = malloc(32 + KEYS * 2);
	char *end = line + sprintf(line, "command getkeys mget");

	for (int i = 0; i < KEYS; i++)
		end += sprintf(end, " k");
	cr_expect_eq(strncmp(run(line, 2), "*10000\r\n$1\r\nk\r\n", 15), 0);
	free(line);
}

Test(command, help_has_a_line_and_a_summary_for_each_subcommand)
{
	const char *text = run("command help", 2);

	cr_expect_eq(strncmp(text, "*17\r\n+COMMAND <subcommand> ", 27), 0,
		"%s", text);
	cr_expect_not_null(strstr(text, "\r\n+(no subcommand)\r\n"));
	cr_expect_not_null(strstr(text,
		"\r\n+LIST [FILTERBY (MODULE "
		"module-name | ACLCAT category | PATTERN pattern)]\r\n+    "));
	cr_expect_not_null(strstr(text, "\r\n+HELP\r\n+    "));
}

Test(compat, page_names_every_state_once)
{
	char *page;
	size_t size;
	FILE *output = open_memstream(&page, &size);

	cr_assert(compat_write(output));
	fclose(output);
	cr_expect_not_null(strstr(page, "\n| full | "));
	cr_expect_not_null(strstr(page, "\n| not yet | "));
	cr_expect_not_null(strstr(page,
		"\n## Server\n\n| command | since "
		"| state | difference |\n|---|---|---|---|\n"));
	cr_expect_not_null(
		strstr(page, "\n| `COMMAND DOCS` | 7.0.0 | full |  |\n"));
	cr_expect_not_null(strstr(page, "\n| `REPLICAOF` | 5.0.0 | won't | "));
	free(page);
}
