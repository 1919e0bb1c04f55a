/* Starts programs as an unprivileged user.
 *
 * The process may have threads when it forks, so between fork and exec there
 * are only async-signal-safe calls: arguments, environment and groups are
 * ready beforehand.  All signals are blocked over the fork, because a handler
 * running in the child would write to the parent's event loop.
 *
 * The parent-death signal is set after the change of user, which clears it;
 * a parent that died before that moment shows as another parent id. */
#include "storage/embedded_process.h"

#include "storage/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

enum { EXIT_NOT_STARTED = 126, ENVIRONMENT_LIMIT = 16 };

static bool
user_fill(struct process_user *user, const struct passwd *entry)
{
	*user = (struct process_user){ .uid = entry->pw_uid,
		.gid = entry->pw_gid,
		.group_count = PROCESS_GROUPS_LIMIT };
	snprintf(user->name, sizeof(user->name), "%s", entry->pw_name);
	if (getgrouplist(entry->pw_name, entry->pw_gid, user->groups,
		    &user->group_count) < 0) {
		user->groups[0] = entry->pw_gid;
		user->group_count = 1;
	}
	return true;
}

static bool
user_is_self(struct process_user *user)
{
	const struct passwd *entry = getpwuid(geteuid());

	*user = (struct process_user){ .uid = geteuid(), .gid = getegid() };
	if (entry)
		snprintf(user->name, sizeof(user->name), "%s", entry->pw_name);
	else
		snprintf(
			user->name, sizeof(user->name), "%ld", (long)geteuid());
	return true;
}

bool
process_user_find(const char *preferred, struct process_user *user, char *error,
	size_t error_size)
{
	bool fallback =
		!preferred || !*preferred || strcmp(preferred, "postgres") == 0;
	const char *name = fallback ? "postgres" : preferred;
	const struct passwd *entry;

	if (geteuid() != 0)
		return user_is_self(user);
	entry = getpwnam(name);
	if (!entry && fallback)
		entry = getpwnam("nobody");
	if (!entry) {
		snprintf(error, error_size,
			"there is no user \"%s\" to run PostgreSQL as: create "
			"it (useradd --system %s) or name another with "
			"embedded-user",
			name, name);
		return false;
	}
	if (entry->pw_uid == 0) {
		snprintf(error, error_size,
			"PostgreSQL cannot run as \"%s\", who is root: name "
			"another user with embedded-user",
			name);
		return false;
	}
	user_fill(user, entry);
	user->change = true;
	return true;
}

/* In the child: gives up root for good. */
static bool
become_user(const struct process_user *user)
{
	if (!user->change)
		return true;
	return setgroups((size_t)user->group_count, user->groups) == 0 &&
		setgid(user->gid) == 0 && setuid(user->uid) == 0;
}

/* In the child: how many leading directories of `path` the user may enter. */
static int
count_reachable(char *path)
{
	int reachable = 0;
	char *end = path;

	do {
		char kept;

		end += strcspn(end, "/");
		kept = *end;
		*end = '\0';
		if (*path && access(path, X_OK) != 0)
			return reachable;
		*end = kept;
		reachable++;
	} while (*end++);
	return -1;
}

bool
process_user_reaches(const struct process_user *user, const char *path,
	char *blocked, size_t blocked_size)
{
	char *copy = memory_copy_string(path);
	const char *end = path;
	int status = 0;
	pid_t child;

	child = fork();
	if (child == 0) {
		int reachable = become_user(user) ? count_reachable(copy) : 0;

		_exit(reachable < 0 ? 0 : reachable + 1);
	}
	free(copy);
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (child < 0 || !WIFEXITED(status))
		status = 1 << 8;
	if (WEXITSTATUS(status) == 0)
		return true;
	for (int left = WEXITSTATUS(status); left > 0; left--)
		end += strcspn(end, "/") + (left > 1);
	snprintf(blocked, blocked_size, "%.*s",
		end == path ? 1 : (int)(end - path), end == path ? "/" : path);
	return false;
}

/* Variables of ours that the child should see; PGDATA and its like would
 * change what PostgreSQL does. */
static void
fill_environment(char **environment)
{
	static const char *const kept[] = { "PATH", "HOME", "TZ", "TZDIR",
		"LD_LIBRARY_PATH", "TMPDIR" };
	size_t count = 0;

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		const char *value = getenv(kept[i]);

		if (value)
			environment[count++] =
				memory_print("%s=%s", kept[i], value);
	}
	environment[count++] = memory_copy_string("LC_ALL=C");
	environment[count] = NULL;
}

static void
free_environment(char **environment)
{
	for (; *environment; environment++)
		free(*environment);
}

static void
reset_signals(void)
{
	struct sigaction standard = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		sigaction(number, &standard, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void
redirect(int output)
{
	int nothing = open("/dev/null", O_RDONLY);

	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	if (nothing >= 0)
		dup2(nothing, STDIN_FILENO);
#ifdef CLOSE_RANGE_UNSHARE
	if (close_range(3, ~0U, 0) == 0)
		return;
#endif
	for (long descriptor = 3; descriptor < sysconf(_SC_OPEN_MAX);
		descriptor++)
		close((int)descriptor);
}

static void
die_with_parent(pid_t parent)
{
#ifdef __linux__
	prctl(PR_SET_PDEATHSIG, SIGINT);
#endif
	if (getppid() != parent)
		_exit(EXIT_NOT_STARTED);
}

static void __attribute__((noreturn))
run_child(const char *const *arguments, char *const *environment,
	const struct process_user *user, int output, pid_t parent)
{
	static const char refused[] = "cannot change to the user that "
				      "PostgreSQL shall run as\n";
	static const char missing[] = "cannot execute the program\n";
	ssize_t written = 0;

	reset_signals();
	setsid();
	redirect(output);
	umask(0077);
	if (!become_user(user)) {
		written = write(STDERR_FILENO, refused, sizeof(refused) - 1);
		_exit(written < 0 ? EXIT_FAILURE : EXIT_NOT_STARTED);
	}
	die_with_parent(parent);
	if (chdir("/") == 0)
		execve(arguments[0], (char *const *)arguments, environment);
	written = write(STDERR_FILENO, missing, sizeof(missing) - 1);
	_exit(written < 0 ? EXIT_FAILURE : EXIT_NOT_STARTED);
}

pid_t
process_start(const char *const *arguments, const struct process_user *user,
	int output)
{
	char *environment[ENVIRONMENT_LIMIT];
	pid_t parent = getpid();
	sigset_t all, before;
	pid_t child;
	int failure;

	fill_environment(environment);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	child = fork();
	if (child == 0)
		run_child(arguments, environment, user, output, parent);
	failure = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	free_environment(environment);
	errno = failure;
	return child;
}

/* Reads to the end, keeping the last `size` - 1 bytes. */
static void
read_tail(int descriptor, char *tail, size_t size)
{
	char chunk[1024];
	size_t used = 0;

	for (;;) {
		ssize_t count = read(descriptor, chunk, sizeof(chunk));
		const char *from = chunk;

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			break;
		if ((size_t)count > size - 1) {
			from += (size_t)count - (size - 1);
			count = (ssize_t)(size - 1);
		}
		if (used + (size_t)count > size - 1) {
			size_t surplus = used + (size_t)count - (size - 1);

			memmove(tail, tail + surplus, used - surplus);
			used -= surplus;
		}
		memcpy(tail + used, from, (size_t)count);
		used += (size_t)count;
	}
	tail[used] = '\0';
}

int
process_run(const char *const *arguments, const struct process_user *user,
	char *output, size_t output_size)
{
	int ends[2], status = 0;
	pid_t child, reaped;

	output[0] = '\0';
	if (pipe(ends) != 0)
		return -1;
	fcntl(ends[0], F_SETFD, FD_CLOEXEC);
	fcntl(ends[1], F_SETFD, FD_CLOEXEC);
	child = process_start(arguments, user, ends[1]);
	close(ends[1]);
	if (child > 0)
		read_tail(ends[0], output, output_size);
	close(ends[0]);
	if (child < 0)
		return -1;
	do
		reaped = waitpid(child, &status, 0);
	while (reaped < 0 && errno == EINTR);
	return reaped == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
