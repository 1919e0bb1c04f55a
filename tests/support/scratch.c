/* Temporary directories that do not outlive their test.
 *
 * A keeper (a shell that waits for the end of its input) stands beside each
 * directory.  Its input ends when scratch_fini() closes the pipe or when this
 * process is gone for whatever reason; then it ends the processes whose ids
 * stand in the file `processes`, and removes the directory. */
#include "tests/support/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char keeper_script[] =
	"trap '' HUP INT TERM\n"
	"read -r line\n"
	"left() { for p in $(cat \"$1/processes\" 2>/dev/null); do\n"
	"	kill -0 $p 2>/dev/null && return 0; done; return 1; }\n"
	"send() { for p in $(cat \"$2/processes\" 2>/dev/null); do\n"
	"	kill -$1 $p 2>/dev/null; done; }\n"
	"send TERM \"$1\"\n"
	"n=0; while left \"$1\" && [ $n -lt 200 ]; do\n"
	"	sleep 0.05; n=$((n + 1)); done\n"
	"send KILL \"$1\"\n"
	/* A PostgreSQL that lost its server may still be writing. */
	"n=0; until rm -rf \"$1\" 2>/dev/null || [ $n -gt 100 ]; do\n"
	"	sleep 0.05; n=$((n + 1)); done\n";

void
scratch_fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("test support: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	abort();
}

static void
start_keeper(struct scratch *scratch)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		scratch_fail("pipe: %s", strerror(errno));
	scratch->keeper = fork();
	if (scratch->keeper < 0)
		scratch_fail("fork: %s", strerror(errno));
	if (scratch->keeper == 0) {
		int null = open("/dev/null", O_RDWR);

		setsid();
		dup2(ends[0], 0);
		dup2(null, 1);
		dup2(null, 2);
		close_range(3, ~0U, 0);
		execl("/bin/sh", "sh", "-c", keeper_script, "keeper",
			scratch->path, (char *)NULL);
		_exit(127);
	}
	close(ends[0]);
	scratch->keeper_input = ends[1];
}

void
scratch_init(struct scratch *scratch)
{
	const char *parent = getenv("TMPDIR");

	snprintf(scratch->path, sizeof(scratch->path),
		"%s/respgres-test-XXXXXX", parent && *parent ? parent : "/tmp");
	if (!mkdtemp(scratch->path) || chmod(scratch->path, 0711) != 0)
		scratch_fail("%s: %s", scratch->path, strerror(errno));
	start_keeper(scratch);
}

void
scratch_fini(struct scratch *scratch)
{
	close(scratch->keeper_input);
	while (waitpid(scratch->keeper, NULL, 0) < 0 && errno == EINTR)
		;
}

static const struct passwd *
find_unprivileged(void)
{
	const struct passwd *user;

	if (geteuid() != 0)
		return NULL;
	user = getpwnam("postgres");
	if (!user)
		user = getpwnam("nobody");
	if (!user)
		scratch_fail("no user to run PostgreSQL as");
	return user;
}

void
scratch_give_away(const char *path)
{
	const struct passwd *user = find_unprivileged();

	if (user && chown(path, user->pw_uid, user->pw_gid) != 0)
		scratch_fail("chown %s: %s", path, strerror(errno));
}

static void
note_process(struct scratch *scratch, pid_t process)
{
	char path[300];
	FILE *file;

	snprintf(path, sizeof(path), "%s/processes", scratch->path);
	file = fopen(path, "ae");
	if (!file || fprintf(file, "%d\n", process) < 0 || fclose(file) != 0)
		scratch_fail("%s: %s", path, strerror(errno));
}

/* The child's side of scratch_run(). */
static _Noreturn void
become(const struct scratch *scratch, const char *const *argv, const char *log,
	const struct passwd *user, pid_t parent)
{
	int output, null = open("/dev/null", O_RDONLY);

	if (chdir(scratch->path) != 0)
		_exit(126);
	output = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);
	dup2(null, 0);
	dup2(output, 1);
	dup2(output, 2);
	close_range(3, ~0U, 0);
	if (user &&
		(initgroups(user->pw_name, user->pw_gid) != 0 ||
			setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0))
		_exit(126);
	/* After setuid(), which clears it. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(126);
	execv(argv[0], (char *const *)argv);
	dprintf(2, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

pid_t
scratch_run(struct scratch *scratch, const char *const *argv, const char *log,
	bool unprivileged)
{
	const struct passwd *user = unprivileged ? find_unprivileged() : NULL;
	pid_t parent = getpid(), process = fork();

	if (process < 0)
		scratch_fail("fork: %s", strerror(errno));
	if (process == 0)
		become(scratch, argv, log, user, parent);
	note_process(scratch, process);
	return process;
}

bool
scratch_wait(pid_t process, int timeout_ms, int *status)
{
	const struct timespec pause = { 0, 5 * 1000 * 1000 };

	for (int waited_ms = 0;; waited_ms += 5) {
		if (waitpid(process, status, WNOHANG) == process)
			return true;
		if (waited_ms >= timeout_ms)
			return false;
		nanosleep(&pause, NULL);
	}
}

void
scratch_show(const struct scratch *scratch, const char *log)
{
	char path[300], buffer[4096];
	FILE *file;
	size_t size;

	snprintf(path, sizeof(path), "%s/%s", scratch->path, log);
	file = fopen(path, "re");
	if (!file)
		return;
	if (fseek(file, -(long)sizeof(buffer), SEEK_END) != 0)
		rewind(file);
	size = fread(buffer, 1, sizeof(buffer), file);
	fprintf(stderr, "--- the end of %s\n", path);
	fwrite(buffer, 1, size, stderr);
	fputs("---\n", stderr);
	fclose(file);
}
