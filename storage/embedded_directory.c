/* The directory of an embedded PostgreSQL: made, locked, private to it.
 *
 * Run by root, the directory itself stays root's: only pgdata and run are the
 * other user's, so that PostgreSQL cannot put a link where we write. */
#include "storage/embedded_directory.h"

#include "storage/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

bool
failure_print(struct failure *failure, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	vsnprintf(failure->text, failure->size, format, values);
	va_end(values);
	return false;
}

static bool
make_directories(const char *path, struct failure *failure)
{
	char *copy = memory_copy_string(path);
	bool made = true;

	for (char *end = copy + 1; made; end++) {
		char kept;

		end += strcspn(end, "/");
		kept = *end;
		*end = '\0';
		/* Others may pass through, never list: what is inside has its
		 * own, stricter rights.  A umask must not prevent it. */
		if (mkdir(copy, 0711) == 0)
			made = chmod(copy, 0711) == 0;
		else
			made = errno == EEXIST;
		if (!made)
			failure_print(failure, "cannot make directory %s: %s",
				copy, strerror(errno));
		*end = kept;
		if (!kept)
			break;
	}
	free(copy);
	return made;
}

/* What there is of `path`: itself, or the nearest parent.  Freed by the
 * caller; NULL when there is nothing. */
static char *
find_existing(const char *path)
{
	char *copy = memory_copy_string(path);
	char *found = realpath(copy, NULL);

	while (!found && errno == ENOENT) {
		char *slash = strrchr(copy, '/');

		if (slash && slash != copy)
			*slash = '\0';
		else
			strcpy(copy, slash ? "/" : ".");
		found = realpath(copy, NULL);
	}
	free(copy);
	return found;
}

static bool
check_reach(const struct cluster *cluster, const char *path,
	struct failure *failure)
{
	char blocked[PATH_MAX];
	char *existing = find_existing(path);
	bool reaches = existing &&
		process_user_reaches(
			&cluster->user, existing, blocked, sizeof(blocked));

	if (!existing)
		failure_print(failure, "cannot use directory %s: %s", path,
			strerror(errno));
	else if (!reaches)
		failure_print(failure,
			"user \"%s\", whom PostgreSQL runs as, may not enter "
			"%s: allow it (chmod o+x %s), use a directory "
			"elsewhere such as /var/lib/respgres, or name another "
			"user with embedded-user",
			cluster->user.name, blocked, blocked);
	free(existing);
	return reaches;
}

bool
directory_open(
	struct cluster *cluster, const char *path, struct failure *failure)
{
	if (!path || !*path)
		return failure_print(
			failure, "the embedded PostgreSQL needs a directory");
	if (!check_reach(cluster, path, failure) ||
		!make_directories(path, failure))
		return false;
	cluster->directory = realpath(path, NULL);
	if (!cluster->directory)
		return failure_print(failure, "cannot use directory %s: %s",
			path, strerror(errno));
	cluster->data = memory_print("%s/pgdata", cluster->directory);
	cluster->log = memory_print("%s/postgres.log", cluster->directory);
	if (strpbrk(cluster->directory, "\n,\""))
		return failure_print(failure,
			"directory %s: PostgreSQL takes no comma, quotation "
			"mark or line end in its path",
			path);
	return true;
}

bool
directory_lock(struct cluster *cluster, struct failure *failure)
{
	char *path = memory_print("%s/respgres.lock", cluster->directory);
	char holder[32] = "";
	bool locked = false;

	cluster->lock =
		open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (cluster->lock < 0) {
		failure_print(
			failure, "cannot open %s: %s", path, strerror(errno));
	} else if (flock(cluster->lock, LOCK_EX | LOCK_NB) != 0) {
		if (read(cluster->lock, holder, sizeof(holder) - 1) <= 0)
			snprintf(holder, sizeof(holder), "unknown");
		holder[strcspn(holder, "\n")] = '\0';
		failure_print(failure,
			"another respgres (process %s) uses %s: stop it, or "
			"give this one a directory of its own",
			holder, cluster->directory);
	} else {
		locked = ftruncate(cluster->lock, 0) == 0 &&
			dprintf(cluster->lock, "%ld\n", (long)getpid()) > 0;
		if (!locked)
			failure_print(failure, "cannot write %s: %s", path,
				strerror(errno));
	}
	free(path);
	return locked;
}

/* Makes `path` a directory of the user's that nobody else may enter. */
bool
directory_make_private(const struct cluster *cluster, const char *path,
	struct failure *failure)
{
	int descriptor;
	bool made;

	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return failure_print(failure, "cannot make directory %s: %s",
			path, strerror(errno));
	descriptor =
		open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	made = descriptor >= 0 && fchmod(descriptor, 0700) == 0 &&
		(!cluster->user.change ||
			fchown(descriptor, cluster->user.uid,
				cluster->user.gid) == 0);
	if (!made)
		failure_print(failure,
			"cannot give directory %s to user \"%s\": %s", path,
			cluster->user.name, strerror(errno));
	if (descriptor >= 0)
		close(descriptor);
	return made;
}

/* Writes a file whole or not at all. */
bool
directory_write_file(
	const char *path, const char *text, struct failure *failure)
{
	char *temporary = memory_print("%s.new", path);
	int descriptor;
	bool written = false;

	unlink(temporary);
	descriptor =
		open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (descriptor >= 0) {
		size_t size = strlen(text);

		written = write(descriptor, text, size) == (ssize_t)size &&
			fchmod(descriptor, 0644) == 0 && fsync(descriptor) == 0;
		written = close(descriptor) == 0 && written &&
			rename(temporary, path) == 0;
	}
	if (!written)
		failure_print(
			failure, "cannot write %s: %s", path, strerror(errno));
	free(temporary);
	return written;
}

/* The first line of a file, or "". */
void
directory_read_line(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "re");

	if (!file || !fgets(line, (int)size, file))
		line[0] = '\0';
	if (file)
		fclose(file);
	line[strcspn(line, "\n")] = '\0';
}

static bool
socket_fits(const char *directory)
{
	struct sockaddr_un address;

	return strlen(directory) + strlen("/.s.PGSQL.5432") <
		sizeof(address.sun_path);
}

/* Whether a directory noted by an earlier start is still ours alone: /tmp is
 * everybody's. */
static bool
is_private(const struct cluster *cluster, const char *path)
{
	struct stat found;

	return lstat(path, &found) == 0 && S_ISDIR(found.st_mode) &&
		found.st_uid == cluster->user.uid &&
		(found.st_mode & 0777) == 0700;
}

static bool
place_socket_elsewhere(struct cluster *cluster, struct failure *failure)
{
	char *note = memory_print("%s/socket-directory", cluster->directory);
	char path[PATH_MAX];
	bool placed = true;

	directory_read_line(note, path, sizeof(path));
	if (!path[0] || !is_private(cluster, path)) {
		char *text;

		snprintf(path, sizeof(path), "/tmp/respgres-XXXXXX");
		text = mkdtemp(path);
		placed = text ? directory_make_private(cluster, path, failure) :
				failure_print(failure, "cannot make %s: %s",
					path, strerror(errno));
		text = memory_print("%s\n", path);
		placed = placed && directory_write_file(note, text, failure);
		free(text);
	}
	if (placed) {
		cluster->socket_directory = memory_copy_string(path);
		cluster->socket_elsewhere = true;
	}
	free(note);
	return placed;
}

bool
directory_place_socket(struct cluster *cluster, struct failure *failure)
{
	char *path = memory_print("%s/run", cluster->directory);

	if (!socket_fits(path)) {
		free(path);
		return place_socket_elsewhere(cluster, failure);
	}
	cluster->socket_directory = path;
	return directory_make_private(cluster, path, failure);
}
