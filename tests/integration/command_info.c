/* Compares the rows of every Redis command with a real redis-server: what
 * COMMAND INFO and COMMAND DOCS say, field by field.
 *
 * Our side is the encoder called in this process; theirs is a redis-server
 * that each test starts on a unix socket of its own.  Texts that are written
 * in our own words (summary, complexity, what changed, notes) are compared by
 * presence only. */
#include "commands/command.h"
#include "commands/describe.h"
#include "commands/families.h"
#include "commands/names.h"
#include "commands/reply.h"
#include "commands/table.h"
#include "storage/base/bytes.h"
#include "tests/support/resp.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static struct command_table *table;
static FILE *redis;
static pid_t redis_process;
static char directory[] = "/tmp/command-info-XXXXXX";

static void
run_redis(const char *socket_path)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execlp("redis-server", "redis-server", "--port", "0", "--unixsocket",
		socket_path, "--save", "", "--dir", directory, "--logfile",
		"redis.log", NULL);
	_exit(127);
}

static FILE *
connect_to(const char *socket_path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
	for (int i = 0; i < 3000; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		cr_assert_neq(fd, -1);
		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) ==
			0)
			return fdopen(fd, "r");
		close(fd);
		usleep(20000);
	}
	cr_assert_fail("redis-server does not start");
	return NULL;
}

static void
start(void)
{
	char socket_path[64];

	table = command_table_new();
	cr_assert_not_null(table);
	cr_assert_not_null(mkdtemp(directory));
	snprintf(socket_path, sizeof(socket_path), "%s/redis", directory);
	redis_process = fork();
	cr_assert_neq(redis_process, -1);
	if (redis_process == 0)
		run_redis(socket_path);
	redis = connect_to(socket_path);
}

static void
stop(void)
{
	char path[64];

	fclose(redis);
	kill(redis_process, SIGKILL);
	waitpid(redis_process, NULL, 0);
	snprintf(path, sizeof(path), "%s/redis", directory);
	unlink(path);
	snprintf(path, sizeof(path), "%s/redis.log", directory);
	unlink(path);
	rmdir(directory);
	command_table_free(table);
}

TestSuite(command_info, .init = start, .fini = stop);

typedef void (*describe)(struct reply *reply, const struct command_table *table,
	const struct command *command);

/* What our encoder writes, read again. */
static struct resp *
read_ours(describe encode, const struct command *command)
{
	struct evbuffer *bytes = evbuffer_new();
	struct reply reply;
	struct resp *parsed;
	FILE *input;

	reply_init(&reply, 2);
	encode(&reply, table, command);
	reply_drain(&reply, bytes);
	reply_release(&reply);
	input = fmemopen(
		evbuffer_pullup(bytes, -1), evbuffer_get_length(bytes), "r");
	cr_assert_not_null(input);
	parsed = resp_read(input);
	cr_assert_eq(
		fgetc(input), EOF, "'%s': more than one reply", command->name);
	fclose(input);
	evbuffer_free(bytes);
	return parsed;
}

static struct resp *
ask_redis(const char *command, const char *name)
{
	struct resp *reply;

	dprintf(fileno(redis), "%s %s\r\n", command, name);
	reply = resp_read(redis);
	cr_assert_neq(reply->type, '-', "%s", reply->text);
	return reply;
}

/* Expects both to be the same, types included; NULL: not there. */
static void
expect_same(const char *name, const char *field, const struct resp *ours,
	const struct resp *theirs)
{
	char *our_text = resp_text(ours), *their_text = resp_text(theirs);

	cr_expect_str_eq(our_text, their_text, "%s: %s is\n  %s, not\n  %s",
		name, field, our_text, their_text);
	free(our_text);
	free(their_text);
}

static void
expect_same_presence(const char *name, const char *field,
	const struct resp *ours, const struct resp *theirs)
{
	cr_expect_eq(resp_value(ours, field) != NULL,
		resp_value(theirs, field) != NULL, "%s: %s is %s", name, field,
		resp_value(ours, field) ? "too much" : "missing");
}

static void
compare_key_specs(
	const char *name, const struct resp *ours, const struct resp *theirs)
{
	static const char *const fields[] = { "flags", "begin_search",
		"find_keys" };

	cr_expect_eq(ours->count, theirs->count, "%s: %zu key specs, not %zu",
		name, ours->count, theirs->count);
	for (size_t i = 0; i < ours->count && i < theirs->count; i++) {
		for (size_t f = 0; f < 3; f++)
			expect_same(name, fields[f],
				resp_value(ours->items[i], fields[f]),
				resp_value(theirs->items[i], fields[f]));
		expect_same_presence(
			name, "notes", ours->items[i], theirs->items[i]);
	}
}

enum { INFO_KEY_SPECS = 8, INFO_SUBCOMMANDS = 9, INFO_FIELDS = 10 };

static void
compare_info(
	const char *name, const struct resp *ours, const struct resp *theirs)
{
	static const char *const fields[] = { "name", "arity", "flags",
		"first key", "last key", "step", "categories", "tips" };

	cr_assert_eq(ours->count, INFO_FIELDS, "%s", name);
	for (size_t i = 0; i < INFO_KEY_SPECS; i++)
		expect_same(name, fields[i], ours->items[i], theirs->items[i]);
	compare_key_specs(name, ours->items[INFO_KEY_SPECS],
		theirs->items[INFO_KEY_SPECS]);
	cr_expect(theirs->items[INFO_SUBCOMMANDS]->count > 0 ||
			ours->items[INFO_SUBCOMMANDS]->count == 0,
		"%s: is no container in Redis", name);
}

static void
compare_history(
	const char *name, const struct resp *ours, const struct resp *theirs)
{
	if (!ours || !theirs)
		return;
	cr_expect_eq(ours->count, theirs->count, "%s: history", name);
	for (size_t i = 0; i < ours->count && i < theirs->count; i++)
		expect_same(name, "history", ours->items[i]->items[0],
			theirs->items[i]->items[0]);
}

static void
compare_docs(
	const char *name, const struct resp *ours, const struct resp *theirs)
{
	static const char *const same[] = { "since", "group", "doc_flags",
		"deprecated_since", "replaced_by", "arguments" };
	static const char *const present[] = { "summary", "complexity",
		"history" };

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		expect_same(name, same[i], resp_value(ours, same[i]),
			resp_value(theirs, same[i]));
	for (size_t i = 0; i < sizeof(present) / sizeof(present[0]); i++)
		expect_same_presence(name, present[i], ours, theirs);
	compare_history(name, resp_value(ours, "history"),
		resp_value(theirs, "history"));
}

/* Whether a command came after Redis 7.0. */
static bool
is_newer(const struct command *row)
{
	int major = 0, minor = 0;

	sscanf(row->since, "%d.%d", &major, &minor);
	return major > 7 || (major == 7 && minor > 0);
}

/* Visits every row whose command Redis 7.0 has, subcommands too. */
static void
each_row(void (*visit)(const char *name, const struct command *row))
{
	size_t count, visited = 0;
	const struct command *const *list = command_table_list(table, &count);

	for (size_t i = 0; i < count; i++) {
		const struct command *row = list[i]->subcommands;

		if (list[i]->group >= GROUP_TAG || is_newer(list[i]))
			continue;
		visit(list[i]->name, list[i]);
		visited++;
		for (; row && row->name; row++) {
			if (is_newer(row))
				continue;
			visit(command_table_full_name(table, row), row);
		}
	}
	cr_assert(visited > 0);
}

static void
check_info(const char *name, const struct command *row)
{
	struct resp *ours = read_ours(describe_info, row);
	struct resp *theirs = ask_redis("COMMAND INFO", name);

	cr_expect_neq(theirs->items[0]->type, '_',
		"%s: Redis has no such command", name);
	if (theirs->items[0]->type != '_')
		compare_info(name, ours, theirs->items[0]);
	resp_free(ours);
	resp_free(theirs);
}

Test(command_info, info_is_what_redis_says)
{
	each_row(check_info);
}

static void
check_docs(const char *name, const struct command *row)
{
	struct resp *ours = read_ours(describe_docs, row);
	struct resp *theirs = ask_redis("COMMAND DOCS", name);

	cr_expect_eq(theirs->count, 2, "%s: Redis has no such command", name);
	if (theirs->count == 2)
		compare_docs(name, ours, theirs->items[1]);
	resp_free(ours);
	resp_free(theirs);
}

Test(command_info, docs_are_what_redis_says)
{
	each_row(check_docs);
}

static const struct command *
find_absent(const char *name)
{
	for (const struct command *row = absent_commands; row->name; row++) {
		if (strcmp(row->name, name) == 0)
			return row;
	}
	return NULL;
}

Test(command_info, every_command_of_redis_is_there_or_absent)
{
	struct resp *names = ask_redis("COMMAND LIST", "");

	cr_assert_gt(names->count, 300);
	for (size_t i = 0; i < names->count; i++) {
		const char *name = names->items[i]->text;

		cr_expect(find_absent(name) ||
				command_table_find_full(table, bytes_of(name)),
			"'%s' is neither in a family nor in absent.c", name);
	}
	resp_free(names);
}

Test(command_info, absent_commands_are_named_as_in_redis)
{
	for (const struct command *row = absent_commands; row->name; row++) {
		struct resp *theirs = ask_redis("COMMAND DOCS", row->name);
		const struct resp *docs;

		/* Only a redis-sentinel has those. */
		if (row->group == GROUP_SENTINEL) {
			resp_free(theirs);
			continue;
		}
		cr_expect_eq(theirs->count, 2, "%s: Redis has no such command",
			row->name);
		docs = theirs->count == 2 ? theirs->items[1] : NULL;
		if (docs) {
			cr_expect_str_eq(resp_value(docs, "since")->text,
				row->since, "%s", row->name);
			cr_expect_str_eq(resp_value(docs, "group")->text,
				group_name(row->group), "%s", row->name);
		}
		resp_free(theirs);
	}
}
