/* A temporary directory and the processes that work in it; both are gone when
 * it is released, and also when the process that made it dies. */
#ifndef TESTS_SUPPORT_SCRATCH_H
#define TESTS_SUPPORT_SCRATCH_H

#include <stdbool.h>
#include <sys/types.h>

struct scratch {
	char path[256];
	int keeper_input;
	pid_t keeper;
};

/* Makes a directory that every user may pass through. */
void scratch_init(struct scratch *scratch);

/* Waits until the noted processes and the directory are gone. */
void scratch_fini(struct scratch *scratch);

/* Starts argv[0] in the directory, with output appended to the file `log` of
 * it, as the unprivileged user (see below) or as this one.  It gets SIGTERM
 * when this process dies, and is noted for the end.  Must be called by a
 * thread that lives as long as the process should. */
pid_t scratch_run(struct scratch *scratch, const char *const *argv,
	const char *log, bool unprivileged);

/* Waits at most `timeout_ms` for the process; false when it still runs. */
bool scratch_wait(pid_t process, int timeout_ms, int *status);

/* When this process is root: gives `path` to the user that PostgreSQL can run
 * as; else nothing. */
void scratch_give_away(const char *path);

/* Prints the end of the file for whoever looks into a failure. */
void scratch_show(const struct scratch *scratch, const char *log);

/* Prints the message and ends the process: in a test, that test fails. */
_Noreturn void scratch_fail(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

#endif
