/* The server that all tests of a program share; see shared_server.h.  Only
 * programs that use these functions link this file, and with it the hooks. */
#include "tests/support/shared_server.h"

#include "tests/support/fixture.h"
#include "tests/support/scratch.h"

#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char port_variable[] = "RESPGRES_TEST_PORT";
static const char conninfo_variable[] = "RESPGRES_TEST_CONNINFO";

/* In the process that runs the tests; NULL in theirs. */
static struct fixture *server;

ReportHook(PRE_ALL)(struct criterion_test_set *tests)
{
	static const char *const arguments[] = { "--enable-debug-command",
		"yes", NULL };
	char port[16];

	(void)tests;
	server = fixture_start(arguments);
	snprintf(port, sizeof(port), "%d", fixture_port(server));
	setenv(port_variable, port, 1);
	setenv(conninfo_variable, fixture_conninfo(server), 1);
}

ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
	(void)stats;
	fixture_stop(server);
	server = NULL;
}

static const char *
get_variable(const char *name)
{
	const char *value = getenv(name);

	if (!value)
		scratch_fail("%s is not set: no test runs", name);
	return value;
}

int
shared_server_port(void)
{
	return atoi(get_variable(port_variable));
}

const char *
shared_server_conninfo(void)
{
	return get_variable(conninfo_variable);
}

redisContext *
shared_server_connect(void)
{
	redisContext *context = redisConnect("127.0.0.1", shared_server_port());

	if (!context || context->err)
		scratch_fail("cannot connect: %s",
			context ? context->errstr : "out of memory");
	return context;
}

redisContext *
shared_server_clear(void)
{
	redisContext *context = shared_server_connect();
	redisReply *reply = redisCommand(context, "FLUSHALL");

	if (!reply || reply->type != REDIS_REPLY_STATUS)
		scratch_fail(
			"FLUSHALL: %s", reply ? reply->str : context->errstr);
	freeReplyObject(reply);
	return context;
}
