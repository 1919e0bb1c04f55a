/* Settings changed while running: CONFIG GET, SET, REWRITE, and reload. */
#include "storage/base/settings.h"

#include "storage/base/memory.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct settings *settings;
static char *error;
static char directory[] = "/tmp/respgres-change-XXXXXX";

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

TestSuite(settings_change, .init = begin, .fini = end);

static void
write_file(const char *name, const char *text)
{
	FILE *stream = fopen(name, "w");

	cr_assert_not_null(stream);
	fputs(text, stream);
	fclose(stream);
}

static const char *
read_file(const char *name)
{
	static char text[65536];
	FILE *stream = fopen(name, "r");
	size_t size = fread(text, 1, sizeof(text) - 1, stream);

	fclose(stream);
	text[size] = '\0';
	return text;
}

static void
load(const char *file)
{
	char *argv[] = { "respgres", (char *)file, NULL };
	struct settings_actions actions;

	cr_assert(settings_load(settings, 2, argv, &actions, &error), "%s",
		error);
}

/* Sets pairs of name and value, ended by NULL. */
#define SET(...) set(false, (const char *[]){ __VA_ARGS__, NULL })

static bool
set(bool allow_protected, const char **words)
{
	struct settings_change changes[8];
	size_t count = 0;

	for (; *words != NULL; words += 2)
		changes[count++] = (struct settings_change){ bytes_of(words[0]),
			bytes_of(words[1]) };
	free(error);
	error = NULL;
	return settings_set(settings, changes, count, allow_protected, &error);
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

struct hook {
	int calls;
	bool refuse;
	int64_t seen;
};

static bool
apply(void *arg, const char **reason)
{
	struct hook *hook = arg;

	hook->calls++;
	hook->seen = settings_get(settings, maxclients);
	*reason = "not today";
	return !hook->refuse;
}

Test(settings_change, errors_are_those_of_redis)
{
	cr_expect_not(SET("port", "1", "nope", "2"));
	cr_expect_str_eq(error,
		"ERR Unknown option or number of arguments for "
		"CONFIG SET - 'nope'");
	cr_expect_not(SET("DAEMONIZE", "yes"));
	cr_expect_str_eq(error,
		"ERR CONFIG SET failed (possibly related to "
		"argument 'DAEMONIZE') - can't set immutable config");
	cr_expect_not(SET("maxmemory", "1", "maxmemory", "2"));
	cr_expect_str_eq(error,
		"ERR CONFIG SET failed (possibly related to "
		"argument 'maxmemory') - duplicate parameter");
	cr_expect_not(SET("dir", "/"));
	cr_expect_str_eq(error,
		"ERR CONFIG SET failed (possibly related to "
		"argument 'dir') - can't set protected config");
	cr_expect_not(SET("maxmemory", "10", "maxmemory-clients", "200%"));
	cr_expect_str_eq(error,
		"ERR CONFIG SET failed (possibly related to "
		"argument 'maxmemory-clients') - percentage argument must be "
		"less or equal to 100");
	expect_value("maxmemory", "0");
}

Test(settings_change, all_or_nothing)
{
	cr_assert(SET("maxmemory", "10000001", "save", "3000 5",
			  "repl-backlog-size", "10000002"),
		"%s", error);
	expect_value("maxmemory", "10000001");
	expect_value("save", "3000 5");
	cr_expect_not(SET("maxmemory", "5", "save", "", "hz", "x"));
	expect_value("maxmemory", "10000001");
	expect_value("save", "3000 5");
}

Test(settings_change, a_hook_sees_the_new_value_once)
{
	struct hook hook = { 0 };

	settings_set_apply_hook(settings, "maxclients", apply, &hook);
	settings_set_apply_hook(settings, "timeout", apply, &hook);
	cr_assert(SET("maxclients", "5", "timeout", "7"));
	cr_expect_eq(hook.calls, 1);
	cr_expect_eq(hook.seen, 5);
	cr_assert(SET("maxclients", "5"));
	cr_expect_eq(hook.calls, 1, "the same value need not be applied");
}

Test(settings_change, a_refusing_hook_takes_everything_back)
{
	struct hook good = { 0 }, bad = { .refuse = true };

	settings_set_apply_hook(settings, "maxclients", apply, &good);
	settings_set_apply_hook(settings, "port", apply, &bad);
	cr_expect_not(SET("maxclients", "5", "port", "7", "save", ""));
	cr_expect_str_eq(error,
		"ERR CONFIG SET failed (possibly related to "
		"argument 'port') - not today");
	expect_value("maxclients", "10000");
	expect_value("port", "6379");
	expect_value("save", "3600 1 300 100 60 10000");
	cr_expect_eq(good.calls, 2, "applied, and applied again");
	cr_expect_eq(good.seen, 10000);
}

Test(settings_change, a_failing_change_leaves_the_directory)
{
	char *before = getcwd(NULL, 0), *after;
	const char *changes[] = { "dir", "/", "hz", "x", NULL };
	const char *good[] = { "dir", "/", NULL };

	cr_expect_not(set(true, changes));
	after = getcwd(NULL, 0);
	cr_expect_str_eq(after, before);
	free(after);
	cr_expect(set(true, good));
	after = getcwd(NULL, 0);
	cr_expect_str_eq(after, "/");
	free(after);
	free(before);
}

Test(settings_change, values_are_put_into_their_form)
{
	cr_assert(SET("notify-keyspace-events", "KEA", "hz", "100000",
			  "client-output-buffer-limit", "pubsub 1kb 2kb 3",
			  "loglevel", "WARNING", "maxmemory", "1mb"),
		"%s", error);
	expect_value("notify-keyspace-events", "AKE");
	expect_value("hz", "500");
	expect_value("client-output-buffer-limit",
		"normal 0 0 0 slave "
		"268435456 67108864 60 pubsub 1024 2048 3");
	expect_value("loglevel", "warning");
	expect_value("maxmemory", "1048576");
	cr_assert(SET("notify-keyspace-events", "gKm", "bind", ""));
	expect_value("notify-keyspace-events", "gKm");
	expect_value("bind", "");
}

Test(settings_change, get_matches_each_name_once)
{
	struct bytes patterns[] = { bytes_of("maxmemory"),
		bytes_of("MaxMemory*"), bytes_of("*of"), bytes_of("nothing") };
	size_t count;
	int of = 0;
	struct settings_pair *pairs =
		settings_list(settings, patterns, 4, &count);

	for (size_t i = 0; i < count; i++) {
		of += strcmp(pairs[i].name, "slaveof") == 0 ||
			strcmp(pairs[i].name, "replicaof") == 0;
		for (size_t j = 0; j < i; j++)
			cr_expect_str_neq(pairs[i].name, pairs[j].name);
	}
	cr_expect_eq(of, 2);
	cr_expect_eq(count, 7);
	settings_pairs_free(pairs, count);
}

Test(settings_change, hidden_settings_are_found_by_name_only)
{
	struct bytes pattern = bytes_of("key-load-dela?");
	size_t count;

	expect_value("key-load-delay", "0");
	settings_pairs_free(settings_list(settings, &pattern, 1, &count), 0);
	cr_expect_eq(count, 0);
}

/* A client may write back what it has read. */
Test(settings_change, what_get_shows_can_be_set)
{
	struct bytes pattern = bytes_of("*");
	static const char *const redis_immutable =
		" rdbchecksum daemonize "
		"io-threads-do-reads always-show-logo set-proc-title "
		"syslog-enabled cluster-enabled disable-thp aclfile "
		"unixsocket pidfile cluster-config-file syslog-ident "
		"appendfilename appenddirname server_cpulist bio_cpulist "
		"aof_rewrite_cpulist bgsave_cpulist logfile supervised "
		"syslog-facility enable-protected-configs "
		"enable-debug-command enable-module-command databases "
		"io-threads tcp-backlog cluster-port unixsocketperm "
		"socket-mark-id replicaof slaveof ";
	size_t count;
	struct settings_pair *pairs =
		settings_list(settings, &pattern, 1, &count);

	cr_expect_gt(count, 190);
	for (size_t i = 0; i < count; i++) {
		char *name = memory_print(" %s ", pairs[i].name);
		const char *words[] = { pairs[i].name, pairs[i].value, NULL };
		bool done = set(true, words);

		cr_expect_eq(done, strstr(redis_immutable, name) == NULL,
			"%s: %s", pairs[i].name, error);
		expect_value(pairs[i].name, pairs[i].value);
		free(name);
	}
	settings_pairs_free(pairs, count);
}

Test(settings_change, rewrite_needs_a_file)
{
	cr_expect_not(settings_rewrite(settings, false, &error));
	cr_expect_str_eq(
		error, "ERR The server is running without a config file");
}

Test(settings_change, rewrite_keeps_comments_and_order)
{
	write_file("a.conf",
		"# first\nport 7001\n\n# second\nSAVE 900 1\n"
		"save 300 10\nmaxclients 5\n\n\n# last\nbad line here\n"
		"timeout 0\n");
	write_file("b.conf",
		"# first\nport 7001\n\n# second\nSAVE 900 1\n"
		"save 300 10\nmaxclients 5\n\n\n# last\ntimeout 0\n");
	chmod("b.conf", 0600);
	load("b.conf");
	cr_assert(SET("save", "60 1", "requirepass", "a \"b\"", "maxclients",
			  "6", "maxmemory", "2mb"),
		"%s", error);
	/* Since it was loaded somebody added a line. */
	cr_assert_eq(rename("a.conf", "b.conf"), 0);
	chmod("b.conf", 0600);
	cr_assert(settings_rewrite(settings, false, &error), "%s", error);
	error = memory_print(
		"# first\nport 7001\n\n# second\nsave 60 1\n"
		"\nmaxclients 6\n\n# last\n# ??? bad line here\n"
		"timeout 0\n# Generated by CONFIG REWRITE\ndir \"%s\"\n"
		"requirepass \"a \\\"b\\\"\"\nmaxmemory 2mb\n",
		directory);
	cr_expect_str_eq(read_file("b.conf"), error);
	struct stat status;
	stat("b.conf", &status);
	cr_expect_eq(status.st_mode & 0777, 0600);
}

Test(settings_change, rewriting_twice_is_the_same_as_once)
{
	char *once;

	write_file("a.conf", "port 7001\n");
	load("a.conf");
	cr_assert(SET("maxclients", "6", "save", ""));
	cr_assert(settings_rewrite(settings, false, &error));
	once = memory_copy_string(read_file("a.conf"));
	cr_assert(settings_rewrite(settings, false, &error));
	cr_expect_str_eq(read_file("a.conf"), once);
	free(once);
}

/* Every value, written out and read back, is the same. */
Test(settings_change, rewritten_settings_read_back)
{
	struct bytes pattern = bytes_of("*");
	size_t count;
	struct settings_pair *pairs;

	write_file("a.conf",
		"database-class 1 cache\n"
		"postgres-setting a 'b c'\npostgres-setting d ''\n"
		"unixsocketperm 700\nbind 127.0.0.1\n");
	load("a.conf");
	cr_assert(SET("requirepass", "\x01 \xff'\"\\", "maxmemory-clients",
			  "5%", "shutdown-on-sigint", "nosave force",
			  "notify-keyspace-events", "Kg$", "save", "1 2 3 4",
			  "client-output-buffer-limit", "normal 1 2 3"),
		"%s", error);
	pairs = settings_list(settings, &pattern, 1, &count);
	cr_assert(settings_rewrite(settings, true, &error), "%s", error);
	settings_free(settings);
	settings = settings_new();
	load("a.conf");
	for (size_t i = 0; i < count; i++)
		expect_value(pairs[i].name, pairs[i].value);
	settings_pairs_free(pairs, count);
}

Test(settings_change, rewrite_reports_what_failed)
{
	write_file("a.conf", "port 7001\n");
	load("a.conf");
	cr_assert_eq(unlink("a.conf"), 0);
	cr_assert_eq(mkdir("a.conf", 0700), 0);
	cr_expect_not(settings_rewrite(settings, false, &error));
	cr_expect_eq(strncmp(error, "ERR Rewriting config file: ", 27), 0, "%s",
		error);
}

Test(settings_change, reload_applies_what_can_change)
{
	struct hook hook = { 0 };

	settings_set_apply_hook(settings, "maxclients", apply, &hook);
	write_file("a.conf", "port 7001\nmaxclients 5\ndatabases 4\n");
	load("a.conf");
	cr_assert(SET("timeout", "9"));
	write_file("a.conf", "port 7001\nmaxclients 6\ndatabases 5\n");
	cr_assert(settings_reload(settings, &error), "%s", error);
	cr_expect_str_eq(
		error, "changed: maxclients; needs a restart: databases");
	expect_value("maxclients", "6");
	expect_value("databases", "4");
	expect_value("timeout", "9");
	cr_expect_eq(hook.calls, 1);
	free(error);
	write_file("a.conf", "port 7001\nmaxclients 6\ndatabases 4\n");
	cr_assert(settings_reload(settings, &error));
	cr_expect_str_empty(error);
}

Test(settings_change, reload_of_a_broken_file_changes_nothing)
{
	write_file("a.conf", "maxclients 5\n");
	load("a.conf");
	write_file("a.conf", "maxclients 6\nport x\n");
	cr_expect_not(settings_reload(settings, &error));
	cr_expect_not_null(strstr(error, "a.conf', at line 2"), "%s", error);
	expect_value("maxclients", "5");
}

Test(settings_change, reload_takes_back_what_a_hook_refuses)
{
	struct hook hook = { .refuse = true };

	write_file("a.conf", "maxclients 5\n");
	load("a.conf");
	settings_set_apply_hook(settings, "port", apply, &hook);
	write_file("a.conf", "maxclients 6\nport 7002\n");
	cr_expect_not(settings_reload(settings, &error));
	cr_expect_str_eq(error, "port: not today");
	expect_value("maxclients", "5");
	expect_value("port", "6379");
}

Test(settings_change, options_still_win_after_a_reload)
{
	char *argv[] = { "respgres", "a.conf", "--maxclients", "9", "--dir",
		"data", NULL };
	struct settings_actions actions;

	cr_assert_eq(mkdir("data", 0700), 0);
	write_file("a.conf", "maxclients 5\n");
	cr_assert(settings_load(settings, 6, argv, &actions, &error), "%s",
		error);
	write_file("../a.conf", "maxclients 6\ntimeout 3\n");
	cr_assert(settings_reload(settings, &error), "%s", error);
	cr_expect_str_eq(error, "changed: timeout");
	expect_value("maxclients", "9");
}

static void *
read_text(void *arg)
{
	_Atomic bool *stop = arg;

	while (!atomic_load(stop)) {
		const char *text = settings_get_text(settings, requirepass);

		cr_assert(strcmp(text, "") == 0 ||
			strcmp(text, "a long password of some length") == 0);
	}
	return NULL;
}

Test(settings_change, readers_need_no_lock)
{
	_Atomic bool stop = false;
	pthread_t reader;

	pthread_create(&reader, NULL, read_text, &stop);
	for (int i = 0; i < 2000; i++)
		cr_assert(SET("requirepass",
			i % 2 ? "" : "a long password of some length"));
	atomic_store(&stop, true);
	pthread_join(reader, NULL);
}
