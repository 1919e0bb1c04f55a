/* Comparing replies with a redis-server's; see judge.h. */
#include "tests/support/judge.h"

#include "tests/support/reference_server.h"
#include "tests/support/transcript.h"

#include <criterion/criterion.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

/* What is left out: the expression's only group. */
static const char *const moments[] = {
	":([0-9]{13})[] ]",
	"\\$idle :([0-9]+)",
	"\\[\\$[0-9]+-[0-9]+ \\$[^] ]+ :([0-9]+) :[0-9]+\\]",
	"\\$radix-tree-keys :([0-9]+)",
	"\\$radix-tree-nodes :([0-9]+)",
};

static void
leave_out(char *text, const char *expression)
{
	regex_t compiled;
	regmatch_t matches[2];

	cr_assert_eq(regcomp(&compiled, expression, REG_EXTENDED), 0);
	while (regexec(&compiled, text, 2, matches, 0) == 0) {
		char *first = text + matches[1].rm_so;
		char *end = text + matches[1].rm_eo;

		*first = '?';
		memmove(first + 1, end, strlen(end) + 1);
		text = first + 1;
	}
	regfree(&compiled);
}

static char *
ask(redisContext *client, const char *command)
{
	char *text = transcript_ask(client, command);

	for (size_t i = 0; i < sizeof(moments) / sizeof(*moments); i++)
		leave_out(text, moments[i]);
	return text;
}

void
judge_play(redisContext *client, const char *const *commands)
{
	redisContext *redis;
	struct reference_server *judge = reference_server_start(&redis);

	for (; *commands != NULL; commands++) {
		char *theirs = ask(redis, *commands);
		char *ours = ask(client, *commands);

		cr_expect_str_eq(ours, theirs, "%s: '%s' instead of '%s'",
			*commands, ours, theirs);
		free(theirs);
		free(ours);
	}
	reference_server_stop(judge);
}
