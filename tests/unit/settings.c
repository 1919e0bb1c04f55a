/* Settings from files and the command line: syntax, errors, includes. */
#include "storage/base/settings.h"

#include "storage/base/log.h"
#include "storage/base/memory.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

static struct settings *settings;
static char *error;
static char directory[] = "/tmp/respgres-settings-XXXXXX";

static void
begin(void)
{
	cr_assert_not_null(mkdtemp(directory));
	cr_assert_eq(chdir(directory), 0);
	unsetenv("DATABASE_URL");
	settings = settings_new();
}

static void
end(void)
{
	char *command = memory_print("rm -rf %s", directory);

	settings_free(settings);
	free(error);
	cr_expect_eq(system(command), 0);
	free(command);
}

TestSuite(settings, .init = begin, .fini = end);

static void
write_file(const char *name, const char *text)
{
	FILE *stream = fopen(name, "w");

	cr_assert_not_null(stream);
	fputs(text, stream);
	fclose(stream);
}

static void
expect_value(const char *name, const char *expected)
{
	struct bytes pattern = bytes_of(name);
	size_t count;
	struct settings_pair *pairs =
		settings_list(settings, &pattern, 1, &count);

	cr_assert_eq(count, 1, "no setting '%s'", name);
	cr_expect_str_eq(pairs[0].value, expected, "%s is '%s', not '%s'", name,
		pairs[0].value, expected);
	settings_pairs_free(pairs, count);
}

static void
expect_refused(const char *text, const char *part)
{
	free(error);
	error = NULL;
	cr_expect_not(settings_load_text(settings, "test.conf", text, &error),
		"'%s' was accepted", text);
	cr_expect_not_null(
		strstr(error, part), "'%s' is not in: %s", part, error);
}

static struct settings_actions actions;

#define LOAD(...) load((char *[]){ "respgres", ##__VA_ARGS__, NULL })

static bool
load(char **argv)
{
	int argc = 0;

	while (argv[argc] != NULL)
		argc++;
	free(error);
	error = NULL;
	return settings_load(settings, argc, argv, &actions, &error);
}

Test(settings, defaults_are_those_of_redis)
{
	expect_value("port", "6379");
	expect_value("bind", "* -::*");
	expect_value("save", "3600 1 300 100 60 10000");
	expect_value("maxmemory-policy", "noeviction");
	expect_value("client-output-buffer-limit",
		"normal 0 0 0 slave "
		"268435456 67108864 60 pubsub 33554432 8388608 60");
	expect_value("unixsocketperm", "0");
	expect_value("lua-time-limit", "5000");
	cr_expect_eq(settings_get(settings, loglevel), LOG_NOTICE);
	cr_expect_eq(settings_get(&settings->output_limits[CLIENT_CLASS_PUBSUB],
			     soft_bytes),
		8388608);
	cr_expect_eq(settings_database_class(settings, 0), DATABASE_DURABLE);
}

Test(settings, syntax_is_that_of_redis_conf)
{
	cr_assert(settings_load_text(settings, "test.conf",
			  "# a comment\n"
			  "\n"
			  "  PORT\t7001  \r\n"
			  "requirepass \"a b\\x41\\n\\\"c\\\"\"\n"
			  "logfile 'it\\'s'\n"
			  "maxmemory 1gb\n"
			  "unixsocketperm 700\n"
			  "maxmemory-clients 5%\n"
			  "bind 127.0.0.1 -::1\n"
			  "list-max-ziplist-value 64\n"
			  "shutdown-on-sigint force nosave now\n"
			  "notify-keyspace-events Ex$lshzetgd\n"
			  "latency-tracking-info-percentiles 50 99.90 100.0\n"
			  "loglevel DEBUG",
			  &error),
		"%s", error);
	expect_value("port", "7001");
	expect_value("requirepass", "a bA\n\"c\"");
	expect_value("logfile", "it's");
	expect_value("maxmemory", "1073741824");
	expect_value("unixsocketperm", "700");
	expect_value("maxmemory-clients", "5%");
	expect_value("bind", "127.0.0.1 -::1");
	expect_value("shutdown-on-sigint", "nosave now force");
	expect_value("notify-keyspace-events", "AE");
	expect_value("latency-tracking-info-percentiles", "50 99.9 100");
	cr_expect_eq(settings_get(settings, unixsocketperm), 0700);
	cr_expect_eq(settings_get(settings, loglevel), LOG_DEBUG);
	cr_expect(settings_get(settings, notify_flags) & NOTIFY_EXPIRED);
	cr_expect_not(settings_get(settings, notify_flags) & NOTIFY_KEYSPACE);
}

Test(settings, errors_name_the_file_and_the_line)
{
	expect_refused("port 1\n\n  port  abc ", "*** FATAL CONFIG FILE ERROR");
	expect_refused("port 1\n\n  port  abc ",
		"Reading the configuration file 'test.conf', at line 3\n"
		">>> 'port  abc'\n"
		"argument couldn't be parsed into an integer\n");
	expect_refused("port", "wrong number of arguments");
	expect_refused("port 1 2", "wrong number of arguments");
	expect_refused(
		"port 65536", "argument must be between 0 and 65535 inclusive");
	expect_refused("unixsocketperm 1000",
		"argument must be between 0 and 777 inclusive");
	expect_refused(
		"unixsocketperm 9", "couldn't be parsed as an octal number");
	expect_refused("maxmemory 5x", "argument must be a memory value");
	expect_refused("daemonize maybe", "argument must be 'yes' or 'no'");
	expect_refused("loglevel loud",
		"argument(s) must be one of the "
		"following: debug, verbose, notice, warning\n");
	expect_refused(
		"requirepass \"abc", "Unbalanced quotes in configuration line");
	expect_refused("requirepass \"abc\"d", "Unbalanced quotes");
	expect_refused("no-such-thing 1",
		"Bad directive or wrong number of arguments");
	expect_refused("save 1", "Invalid save parameters");
	expect_refused("save 0 1", "Invalid save parameters");
	expect_refused("client-output-buffer-limit master 1 2 3",
		"Invalid client class");
	expect_refused("client-output-buffer-limit normal 1 2",
		"Wrong number of arguments in buffer limit");
	expect_refused("client-output-buffer-limit normal 1 2 x",
		"Error in hard, soft or soft_seconds");
	expect_refused("rename-command flushall x", "not supported");
	expect_refused("replicaof 127.0.0.1 abc", "Invalid master port");
	expect_refused("replicaof 127.0.0.1 6379", "not supported");
	expect_refused("database-class 1 slow", "durable, async, cache");
	expect_refused("notify-keyspace-events q", "Invalid event class");
	expect_refused("latency-tracking-info-percentiles 101", "[0.0,100.0]");
	expect_refused("dir /nonexistent", "No such file or directory");
	expect_refused("shutdown-on-sigint save nosave", "simultaneously");
}

Test(settings, directives_of_lists_add_up)
{
	cr_assert(settings_load_text(settings, "test.conf",
			  "save 900 1\nsave 300 10\n"
			  "bind 1.1.1.1\nbind 2.2.2.2\n"
			  "client-output-buffer-limit normal 1mb 2kb 3\n"
			  "client-output-buffer-limit replica 4 5 6\n"
			  "postgres-setting shared_buffers 64MB\n"
			  "postgres-setting search_path 'a, b'\n"
			  "database-class 1 async\ndatabase-class 2 CACHE\n"
			  "database-class 1 durable\n",
			  &error),
		"%s", error);
	expect_value("save", "900 1 300 10");
	expect_value("bind", "2.2.2.2");
	expect_value("client-output-buffer-limit",
		"normal 1048576 2048 3 "
		"slave 4 5 6 pubsub 33554432 8388608 60");
	expect_value(
		"postgres-setting", "shared_buffers 64MB search_path \"a, b\"");
	cr_expect_eq(settings_database_class(settings, 0), DATABASE_DURABLE);
	cr_expect_eq(settings_database_class(settings, 1), DATABASE_DURABLE);
	cr_expect_eq(settings_database_class(settings, 2), DATABASE_CACHE);
	cr_expect_eq(settings_get(&settings->output_limits[CLIENT_CLASS_NORMAL],
			     hard_bytes),
		1048576);
}

Test(settings, an_alias_is_the_same_setting)
{
	cr_assert(settings_load_text(settings, "test.conf",
		"hash-max-listpack-entries 20\nhash-max-ziplist-entries 21\n",
		&error));
	expect_value("hash-max-listpack-entries", "21");
	expect_value("hash-max-ziplist-entries", "21");
}

Test(settings, options_override_the_file)
{
	write_file("a.conf", "port 7001\nsave 900 1\nloglevel verbose\n");
	cr_assert(LOAD("a.conf", "--port", "7002", "--save", "100 100"), "%s",
		error);
	expect_value("port", "7002");
	expect_value("save", "900 1 100 100");
	expect_value("loglevel", "verbose");
	cr_expect_str_eq(
		settings_file(settings) + strlen(directory) + 1, "a.conf");
}

Test(settings, save_may_be_given_empty)
{
	cr_assert(LOAD("--save", "--loglevel", "debug"), "%s", error);
	expect_value("save", "");
	expect_value("loglevel", "debug");
}

Test(settings, save_may_be_given_empty_at_the_end)
{
	cr_assert(
		LOAD("--proc-title-template", "--save", "--save"), "%s", error);
	expect_value("save", "");
	expect_value("proc-title-template", "--save");
}

Test(settings, save_may_be_an_empty_word)
{
	cr_assert(LOAD("--save", "", "--bind", "1.1.1.1", "2.2.2.2"), "%s",
		error);
	expect_value("save", "");
	expect_value("bind", "1.1.1.1 2.2.2.2");
}

Test(settings, options_come_in_the_forms_that_redis_takes)
{
	cr_assert(
		LOAD("--maxmemory '700mb'", "--maxmemory-policy volatile-lru",
			"--logfile", "--my--log", "--shutdown-on-sigint",
			"nosave", "force", "now", "--requirepass", "two words"),
		"%s", error);
	expect_value("maxmemory", "734003200");
	expect_value("maxmemory-policy", "volatile-lru");
	expect_value("logfile", "--my--log");
	expect_value("shutdown-on-sigint", "nosave now force");
	expect_value("requirepass", "two words");
}

Test(settings, wrong_options_are_errors)
{
	cr_expect_not(LOAD("--port"));
	cr_expect_not_null(strstr(error, "'port'\nwrong number of arguments"),
		"%s", error);
	cr_expect_not(LOAD("--port", "6379", "6380"));
	cr_expect_not_null(strstr(error,
				   "'port \"6379\" \"6380\"'\nwrong "
				   "number of arguments"),
		"%s", error);
	cr_expect_not(LOAD("--port", "--loglevel", "verbose"));
	cr_expect_not_null(strstr(error, "'port \"--loglevel\" \"verbose\"'"),
		"%s", error);
	cr_expect_not(LOAD("--no-such-option", "1"));
	cr_expect_not(LOAD("missing.conf"));
	cr_expect_not_null(
		strstr(error, "No such file or directory"), "%s", error);
	cr_expect_not(LOAD("--logfile", "/nonexistent/log"));
	cr_expect_not_null(
		strstr(error, "Can't open the log file"), "%s", error);
}

Test(settings, actions_are_told_apart_from_values)
{
	cr_assert(LOAD("--check", "--port", "7003", "--migrate-only"), "%s",
		error);
	cr_expect(actions.check);
	cr_expect(actions.migrate_only);
	cr_expect_not(actions.help);
	expect_value("port", "7003");
	cr_expect(LOAD("--requirepass", "--check"), "%s", error);
	cr_expect_not(actions.check);
	expect_value("requirepass", "--check");
	cr_expect(LOAD("-v"));
	cr_expect(actions.version);
}

Test(settings, a_dash_reads_standard_input)
{
	write_file("input", "port 7004\nmaxclients 5\n");
	cr_assert_not_null(freopen("input", "r", stdin));
	cr_assert(LOAD("-", "--maxclients", "6"), "%s", error);
	expect_value("port", "7004");
	expect_value("maxclients", "6");
}

Test(settings, includes_are_read_in_place)
{
	write_file("one.conf", "port 7005\nmaxclients 5\n");
	write_file("two.conf", "maxclients 6\n");
	write_file("a.conf",
		"port 1\ninclude one.conf\ninclude *wo.conf\n"
		"include nothing*.conf\n");
	cr_assert(LOAD("a.conf"), "%s", error);
	expect_value("port", "7005");
	expect_value("maxclients", "6");
}

Test(settings, an_error_in_an_include_names_the_include)
{
	write_file("one.conf", "\nport x\n");
	write_file("a.conf", "include one.conf\n");
	cr_expect_not(LOAD("a.conf"));
	cr_expect_not_null(strstr(error, "one.conf', at line 2\n>>> 'port x'"),
		"%s", error);
	write_file("a.conf", "include a.conf\n");
	cr_expect_not(LOAD("a.conf"));
	cr_expect_not_null(strstr(error, "nested too deeply"), "%s", error);
	write_file("a.conf", "include missing.conf\n");
	cr_expect_not(LOAD("a.conf"));
	cr_expect_not_null(
		strstr(error, "can't open config file"), "%s", error);
}

Test(settings, dir_is_entered)
{
	char *here;

	cr_assert_eq(system("mkdir data"), 0);
	cr_assert(LOAD("--dir", "data"), "%s", error);
	here = getcwd(NULL, 0);
	expect_value("dir", here);
	cr_expect_str_eq(here + strlen(here) - 5, "/data");
	free(here);
}

Test(settings, the_database_is_named_in_one_of_three_ways)
{
	cr_assert(LOAD());
	cr_expect_str_empty(settings_database(settings));
	setenv("DATABASE_URL", "postgresql:///a", 1);
	cr_assert(LOAD());
	cr_expect_str_eq(settings_database(settings), "postgresql:///a");
	cr_assert(LOAD("--postgres", "dbname=b host=/tmp"));
	cr_expect_str_eq(settings_database(settings), "dbname=b host=/tmp");
}

Test(settings, workers_follow_io_threads_unless_given)
{
	cr_expect_geq(settings_worker_count(settings), 1);
	cr_assert(LOAD("--io-threads", "4"));
	cr_expect_eq(settings_worker_count(settings), 4);
	cr_assert(LOAD("--worker-threads", "3"));
	cr_expect_eq(settings_worker_count(settings), 3);
}

Test(settings, quoting_and_splitting_are_inverse)
{
	char text[256];
	size_t count;
	char *quoted, **words;

	for (int i = 0; i < 255; i++)
		text[i] = (char)(i + 1);
	text[255] = '\0';
	quoted = settings_quote(text);
	for (char *at = quoted; *at != '\0'; at++)
		cr_expect(*at >= ' ' && *at < 127);
	words = settings_split(quoted, &count);
	cr_assert_eq(count, 1);
	cr_expect_str_eq(words[0], text);
	settings_words_free(words, count);
	free(quoted);
}

Test(settings, documentation_lists_every_setting)
{
	char *page;
	size_t size;
	FILE *stream = open_memstream(&page, &size);

	settings_print_documentation(stream);
	fclose(stream);
	cr_expect_not_null(strstr(page, "| `lanes` | `0` | at start |"));
	cr_expect_not_null(strstr(page, "`slave-priority`"));
	free(page);
}
