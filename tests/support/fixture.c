/* Starts respgres for a test; see fixture.h.
 *
 * The port is chosen below the range that outgoing connections use, so that
 * none of them takes it between the choice and the server's bind. */
#include "tests/support/fixture.h"

#include "tests/support/scratch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ARGUMENTS_MAX = 64, START_MS = 90 * 1000, STOP_MS = 60 * 1000 };

static const char log_name[] = "respgres.log";

struct fixture {
	struct scratch scratch;
	pid_t process; /* 0: ended by fixture_kill() */
	int port;
	char binary[PATH_MAX];
	char port_text[16];
	char conninfo[512];
	char log[300];
	bool embedded;
	char **arguments; /* ours, then the caller's */
};

int
fixture_find_port(void)
{
	for (int attempt = 0; attempt < 1000; attempt++) {
		struct sockaddr_in address = { .sin_family = AF_INET };
		unsigned int random;
		int port, listener, failed;

		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			break;
		port = 10000 + random % 20000;
		listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		address.sin_port = htons(port);
		address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		failed = bind(
			listener, (struct sockaddr *)&address, sizeof(address));
		close(listener);
		if (failed == 0)
			return port;
	}
	scratch_fail("no free port");
}

static void
find_binary(struct fixture *fixture)
{
	const char *named = getenv("RESPGRES_BINARY");

	if (!named || !*named)
		named = "build/respgres";
	if (access(named, X_OK) != 0)
		scratch_fail("%s: %s", named, strerror(errno));
	/* Its process starts in another directory. */
	if (named[0] != '/') {
		if (!getcwd(fixture->binary, sizeof(fixture->binary)))
			scratch_fail("getcwd: %s", strerror(errno));
		strcat(fixture->binary, "/");
	}
	if (strlen(fixture->binary) + strlen(named) >= sizeof(fixture->binary))
		scratch_fail("the path of %s is too long", named);
	strcat(fixture->binary, named);
}

static void
set_arguments(
	struct fixture *fixture, const char *conninfo, const char *const *more)
{
	const char *first[] = { fixture->binary, "--port", fixture->port_text,
		"--bind", "127.0.0.1", "--dir", fixture->scratch.path,
		conninfo ? "--postgres" : NULL, conninfo };
	int count = 0;

	fixture->arguments = calloc(ARGUMENTS_MAX, sizeof(char *));
	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
		if (first[i])
			fixture->arguments[count++] = strdup(first[i]);
	while (more && *more) {
		if (count == ARGUMENTS_MAX - 1)
			scratch_fail("too many arguments");
		fixture->arguments[count++] = strdup(*more++);
	}
}

/* Where the embedded PostgreSQL listens: beside its data, unless that path is
 * too long for a socket. */
static void
set_embedded_conninfo(struct fixture *fixture)
{
	char path[320], directory[256] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/respgres-data/socket-directory",
		fixture->scratch.path);
	file = fopen(path, "re");
	if (file) {
		if (!fgets(directory, sizeof(directory), file))
			scratch_fail("%s is empty", path);
		directory[strcspn(directory, "\n")] = '\0';
		fclose(file);
	} else {
		snprintf(directory, sizeof(directory),
			"%.200s/respgres-data/run", fixture->scratch.path);
	}
	snprintf(fixture->conninfo, sizeof(fixture->conninfo),
		"host=%s port=5432 user=respgres dbname=respgres", directory);
}

static bool
answers(const struct fixture *fixture)
{
	struct timeval timeout = { 1, 0 };
	redisContext *context =
		redisConnectWithTimeout("127.0.0.1", fixture->port, timeout);
	redisReply *reply = NULL;
	bool pong = false;

	if (context && !context->err) {
		redisSetTimeout(context, timeout);
		reply = redisCommand(context, "PING");
		/* A password that the test asked for is an answer too. */
		pong = reply &&
			(reply->type == REDIS_REPLY_STATUS ||
				(reply->type == REDIS_REPLY_ERROR &&
					strncmp(reply->str, "NOAUTH", 6) == 0));
	}
	if (reply)
		freeReplyObject(reply);
	if (context)
		redisFree(context);
	return pong;
}

static void
launch(struct fixture *fixture)
{
	int status;

	fixture->process = scratch_run(&fixture->scratch,
		(const char *const *)fixture->arguments, log_name, false);
	for (int waited_ms = 0; !answers(fixture); waited_ms += 10) {
		if (scratch_wait(fixture->process, 10, &status)) {
			scratch_show(&fixture->scratch, log_name);
			scratch_fail("the server ended at its start, status %x",
				status);
		}
		if (waited_ms > START_MS) {
			scratch_show(&fixture->scratch, log_name);
			scratch_fail("the server does not answer");
		}
	}
	if (fixture->embedded)
		set_embedded_conninfo(fixture);
}

static struct fixture *
start(const char *conninfo, const char *const *arguments)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	if (!fixture)
		scratch_fail("out of memory");
	/* Only what a test says decides about the database. */
	unsetenv("DATABASE_URL");
	find_binary(fixture);
	scratch_init(&fixture->scratch);
	fixture->port = fixture_find_port();
	fixture->embedded = conninfo == NULL;
	if (conninfo)
		snprintf(fixture->conninfo, sizeof(fixture->conninfo), "%s",
			conninfo);
	snprintf(fixture->port_text, sizeof(fixture->port_text), "%d",
		fixture->port);
	snprintf(fixture->log, sizeof(fixture->log), "%s/%s",
		fixture->scratch.path, log_name);
	set_arguments(fixture, conninfo, arguments);
	launch(fixture);
	return fixture;
}

struct fixture *
fixture_start(const char *const *arguments)
{
	return start(NULL, arguments);
}

struct fixture *
fixture_start_beside(const struct fixture *first, const char *const *arguments)
{
	return start(first->conninfo, arguments);
}

struct fixture *
fixture_start_on(const char *conninfo, const char *const *arguments)
{
	return start(conninfo, arguments);
}

void
fixture_kill(struct fixture *fixture, int signal)
{
	int status;

	kill(fixture->process, signal);
	if (!scratch_wait(fixture->process, STOP_MS, &status))
		scratch_fail("the server outlived signal %d", signal);
	fixture->process = 0;
}

void
fixture_restart(struct fixture *fixture)
{
	launch(fixture);
}

void
fixture_stop(struct fixture *fixture)
{
	int status = 0;
	bool ended = true;

	if (fixture->process) {
		kill(fixture->process, SIGTERM);
		ended = scratch_wait(fixture->process, STOP_MS, &status);
	}
	if (!ended || status != 0)
		scratch_show(&fixture->scratch, log_name);
	scratch_fini(&fixture->scratch);
	for (char **argument = fixture->arguments; *argument; argument++)
		free(*argument);
	free(fixture->arguments);
	free(fixture);
	if (!ended)
		scratch_fail("the server did not stop on SIGTERM");
	if (status != 0)
		scratch_fail("the server ended with status %x", status);
}

int
fixture_port(const struct fixture *fixture)
{
	return fixture->port;
}

pid_t
fixture_process(const struct fixture *fixture)
{
	return fixture->process;
}

const char *
fixture_directory(const struct fixture *fixture)
{
	return fixture->scratch.path;
}

const char *
fixture_conninfo(const struct fixture *fixture)
{
	return fixture->conninfo;
}

const char *
fixture_log(const struct fixture *fixture)
{
	return fixture->log;
}

redisContext *
fixture_connect(const struct fixture *fixture)
{
	redisContext *context = redisConnect("127.0.0.1", fixture->port);

	if (!context || context->err)
		scratch_fail("cannot connect: %s",
			context ? context->errstr : "out of memory");
	return context;
}
