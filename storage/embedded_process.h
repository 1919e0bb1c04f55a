/* Child processes of the embedded PostgreSQL, run as an unprivileged user.
 *
 * PostgreSQL refuses to run as root; started by root, its programs run as
 * another user, found once with process_user_find(). */
#ifndef STORAGE_EMBEDDED_PROCESS_H
#define STORAGE_EMBEDDED_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { PROCESS_GROUPS_LIMIT = 64 };

/* Whom to run as.  `change` is false when that is who we are already. */
struct process_user {
	bool change;
	uid_t uid;
	gid_t gid;
	gid_t groups[PROCESS_GROUPS_LIMIT];
	int group_count;
	char name[64];
};

/* Fills `user`: ourselves unless we are root; then the user `preferred`, which
 * may be NULL or "" for `postgres`.  Where there is no `postgres`, `nobody`
 * takes its place.  Returns false with a sentence in `error`. */
bool process_user_find(const char *preferred, struct process_user *user,
	char *error, size_t error_size);

/* Whether `user` may pass through every directory of the absolute path `path`,
 * itself included.  When not, `blocked` holds the first that stops it. */
bool process_user_reaches(const struct process_user *user, const char *path,
	char *blocked, size_t blocked_size);

/* Starts arguments[0] (an absolute path) as `user`, with its own session, no
 * input, both outputs to the descriptor `output`, a small clean environment
 * and no other descriptor of ours.  It gets SIGINT when the calling thread
 * dies, on systems that can do that: so call from the main thread.
 * Returns its id, or -1 with errno set.  The caller reaps it. */
pid_t process_start(const char *const *arguments,
	const struct process_user *user, int output);

/* Runs as process_start() does, waits for the end, and leaves the last bytes
 * of what it wrote in `output`, NUL-terminated.  Returns its exit status, or
 * -1 when it could not be started or was killed. */
int process_run(const char *const *arguments, const struct process_user *user,
	char *output, size_t output_size);

#endif
