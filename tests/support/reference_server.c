/* A real redis-server; see reference_server.h. */
#include "tests/support/reference_server.h"

#include "storage/base/memory.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct reference_server {
	char directory[64], socket[80], log[80];
	pid_t process;
	redisContext *redis;
};

static void
run(const struct reference_server *server)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execlp("redis-server", "redis-server", "--port", "0", "--unixsocket",
		server->socket, "--save", "", "--dir", server->directory,
		"--logfile", "redis.log", "--enable-debug-command", "yes",
		NULL);
	_exit(127);
}

static redisContext *
connect_to(const char *socket)
{
	for (int i = 0; i < 500; i++) {
		redisContext *redis = redisConnectUnix(socket);

		if (redis != NULL && redis->err == 0)
			return redis;
		redisFree(redis);
		usleep(20000);
	}
	cr_assert_fail("redis-server does not start");
	return NULL;
}

struct reference_server *
reference_server_start(redisContext **redis)
{
	struct reference_server *server =
		memory_allocate_zeroed(1, sizeof(*server));

	snprintf(server->directory, sizeof(server->directory), "%s",
		"/tmp/reference-XXXXXX");
	cr_assert_not_null(mkdtemp(server->directory));
	snprintf(server->socket, sizeof(server->socket), "%s/redis",
		server->directory);
	snprintf(server->log, sizeof(server->log), "%s/redis.log",
		server->directory);
	server->process = fork();
	cr_assert_neq(server->process, -1);
	if (server->process == 0)
		run(server);
	server->redis = connect_to(server->socket);
	*redis = server->redis;
	return server;
}

void
reference_server_stop(struct reference_server *server)
{
	redisFree(server->redis);
	kill(server->process, SIGKILL);
	waitpid(server->process, NULL, 0);
	unlink(server->socket);
	unlink(server->log);
	rmdir(server->directory);
	free(server);
}

static redisReply *
vcommand(redisContext *redis, const char *format, va_list arguments)
{
	redisReply *reply = redisvCommand(redis, format, arguments);

	cr_assert_not_null(reply, "%s: %s", format, redis->errstr);
	return reply;
}

void
reference_run(redisContext *redis, const char *format, ...)
{
	va_list arguments;
	redisReply *reply;

	va_start(arguments, format);
	reply = vcommand(redis, format, arguments);
	va_end(arguments);
	cr_assert_neq(
		reply->type, REDIS_REPLY_ERROR, "%s: %s", format, reply->str);
	freeReplyObject(reply);
}

static void
print_reply(const redisReply *reply, FILE *output)
{
	switch (reply->type) {
	case REDIS_REPLY_ARRAY:
		for (size_t i = 0; i < reply->elements; i++)
			print_reply(reply->element[i], output);
		break;
	case REDIS_REPLY_INTEGER:
		fprintf(output, "%lld ", reply->integer);
		break;
	case REDIS_REPLY_NIL:
		fputs("nil ", output);
		break;
	default:
		fwrite(reply->str, 1, reply->len, output);
		fputc(' ', output);
	}
}

char *
reference_ask(redisContext *redis, const char *format, ...)
{
	char *text = NULL;
	size_t size;
	FILE *output = open_memstream(&text, &size);
	va_list arguments;
	redisReply *reply;

	va_start(arguments, format);
	reply = vcommand(redis, format, arguments);
	va_end(arguments);
	print_reply(reply, output);
	fclose(output);
	freeReplyObject(reply);
	return text;
}
