/* Makes and checks the directory of an embedded PostgreSQL.
 *
 * Run by root, the directory itself stays root's: only pgdata and run are the
 * other user's, so that PostgreSQL cannot put a link where we write.  A
 * cluster comes into being by the renaming of pgdata.new, so a crash in the
 * middle of initdb leaves something that the next start throws away. */
#include "storage/embedded_cluster.h"

#include "storage/base/clock.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/embedded_settings.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const off_t log_limit = 64 * 1024 * 1024;
static const int64_t shutdown_limit_us = 60 * 1000000LL;
static const int64_t foreign_limit_us = 5 * 1000000LL;

/* The sentence that fails the start. */
struct failure {
	char *text;
	size_t size;
};

static bool __attribute__((format(printf, 2, 3)))
fail(struct failure *failure, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	vsnprintf(failure->text, failure->size, format, values);
	va_end(values);
	return false;
}

/* The directory itself. */

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
		 * own, stricter rights. */
		if (mkdir(copy, 0711) != 0 && errno != EEXIST)
			made = fail(failure, "cannot make directory %s: %s",
				copy, strerror(errno));
		*end = kept;
		if (!kept)
			break;
	}
	free(copy);
	return made;
}

static bool
open_directory(struct cluster *cluster, const char *path,
	struct failure *failure)
{
	char blocked[PATH_MAX];

	if (!path || !*path)
		return fail(failure,
			"the embedded PostgreSQL needs a directory");
	if (!make_directories(path, failure))
		return false;
	cluster->directory = realpath(path, NULL);
	if (!cluster->directory)
		return fail(failure, "cannot use directory %s: %s", path,
			strerror(errno));
	cluster->data = memory_print("%s/pgdata", cluster->directory);
	cluster->log = memory_print("%s/postgres.log", cluster->directory);
	if (strchr(cluster->directory, '\n') ||
		strchr(cluster->directory, ','))
		return fail(failure,
			"directory %s: PostgreSQL takes no comma or line end "
			"in its path",
			path);
	if (process_user_reaches(&cluster->user, cluster->directory, blocked,
		    sizeof(blocked)))
		return true;
	return fail(failure,
		"user \"%s\", whom PostgreSQL runs as, may not enter %s: allow "
		"it (chmod o+x %s), use a directory elsewhere such as "
		"/var/lib/respgres, or name another user with embedded-user",
		cluster->user.name, blocked, blocked);
}

static bool
lock_directory(struct cluster *cluster, struct failure *failure)
{
	char *path = memory_print("%s/respgres.lock", cluster->directory);
	char holder[32] = "";
	bool locked = false;

	cluster->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		0600);
	if (cluster->lock < 0) {
		fail(failure, "cannot open %s: %s", path, strerror(errno));
	} else if (flock(cluster->lock, LOCK_EX | LOCK_NB) != 0) {
		if (read(cluster->lock, holder, sizeof(holder) - 1) <= 0)
			snprintf(holder, sizeof(holder), "unknown");
		holder[strcspn(holder, "\n")] = '\0';
		fail(failure,
			"another respgres (process %s) uses %s: stop it, or "
			"give this one a directory of its own",
			holder, cluster->directory);
	} else {
		locked = ftruncate(cluster->lock, 0) == 0 &&
			dprintf(cluster->lock, "%ld\n", (long)getpid()) > 0;
		if (!locked)
			fail(failure, "cannot write %s: %s", path,
				strerror(errno));
	}
	free(path);
	return locked;
}

/* Makes `path` a directory of the user's that nobody else may enter. */
static bool
make_private_directory(const struct cluster *cluster, const char *path,
	struct failure *failure)
{
	int descriptor;
	bool made;

	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return fail(failure, "cannot make directory %s: %s", path,
			strerror(errno));
	descriptor = open(path,
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	made = descriptor >= 0 && fchmod(descriptor, 0700) == 0 &&
		(!cluster->user.change ||
			fchown(descriptor, cluster->user.uid,
				cluster->user.gid) == 0);
	if (!made)
		fail(failure, "cannot give directory %s to user \"%s\": %s",
			path, cluster->user.name, strerror(errno));
	if (descriptor >= 0)
		close(descriptor);
	return made;
}

/* Writes a file whole or not at all. */
static bool
write_file(const char *path, const char *text, struct failure *failure)
{
	char *temporary = memory_print("%s.new", path);
	int descriptor;
	bool written = false;

	unlink(temporary);
	descriptor = open(temporary,
		O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (descriptor >= 0) {
		size_t size = strlen(text);

		written = write(descriptor, text, size) == (ssize_t)size &&
			fchmod(descriptor, 0644) == 0 &&
			fsync(descriptor) == 0;
		written = close(descriptor) == 0 && written &&
			rename(temporary, path) == 0;
	}
	if (!written)
		fail(failure, "cannot write %s: %s", path, strerror(errno));
	free(temporary);
	return written;
}

/* The first line of a file, or "". */
static void
read_line(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "re");

	if (!file || !fgets(line, (int)size, file))
		line[0] = '\0';
	if (file)
		fclose(file);
	line[strcspn(line, "\n")] = '\0';
}

/* The cluster in it. */

/* The version of the cluster at hand: 0 without one, -1 when unreadable. */
static int
read_cluster_major(const struct cluster *cluster)
{
	char *path = memory_print("%s/PG_VERSION", cluster->data);
	char line[32];
	struct stat found;
	int major = 0;

	if (lstat(cluster->data, &found) == 0) {
		read_line(path, line, sizeof(line));
		major = isdigit((unsigned char)line[0]) ? atoi(line) : -1;
	}
	free(path);
	return major;
}

static bool
find_binaries(struct cluster *cluster, const char *directory, int major,
	struct failure *failure)
{
	if (major < 0)
		return fail(failure,
			"%s is not a PostgreSQL cluster that can be read: move "
			"it away, or use another directory",
			cluster->data);
	if (!binaries_find(directory, major, &cluster->user,
		    &cluster->binaries, failure->text, failure->size))
		return false;
	if (major == 0 || major == cluster->binaries.major)
		return true;
	return fail(failure,
		"%s was made by PostgreSQL %d, but the server found in %s is "
		"%d: install PostgreSQL %d beside it, or convert the data with "
		"pg_upgrade, or use another directory",
		cluster->data, major, cluster->binaries.directory,
		cluster->binaries.major, major);
}

static bool
check_owner(const struct cluster *cluster, struct failure *failure)
{
	struct stat found;

	if (stat(cluster->data, &found) != 0)
		return fail(failure, "cannot look at %s: %s", cluster->data,
			strerror(errno));
	if (found.st_uid == cluster->user.uid)
		return true;
	return fail(failure,
		"%s belongs to user %ld, but PostgreSQL would run as \"%s\": "
		"name the owner with embedded-user, or change the owner (chown "
		"-R %s %s)",
		cluster->data, (long)found.st_uid, cluster->user.name,
		cluster->user.name, cluster->data);
}

static bool
remove_tree(const struct cluster *cluster, const char *path,
	struct failure *failure)
{
	const char *const arguments[] = { "/bin/rm", "-rf", "--", path, NULL };
	char output[512];

	/* Its contents as the user who made them; the directory itself is in
	 * ours, where that user may not remove. */
	process_run(arguments, &cluster->user, output, sizeof(output));
	if (rmdir(path) == 0 || errno == ENOENT)
		return true;
	return fail(failure, "cannot remove %s, left by an earlier start: %s",
		path, strerror(errno));
}

static bool
run_initdb(const struct cluster *cluster, const char *path,
	struct failure *failure)
{
	char *program =
		memory_print("%s/initdb", cluster->binaries.directory);
	char *data = memory_print("--pgdata=%s", path);
	const char *const arguments[] = { program, data, "--username=postgres",
		"--encoding=UTF8", "--locale=C", "--data-checksums",
		"--auth-local=trust", "--auth-host=reject", NULL };
	char output[1024];
	int status = process_run(arguments, &cluster->user, output,
		sizeof(output));

	if (status != 0)
		fail(failure, "initdb failed as user \"%s\": %s",
			cluster->user.name, output);
	free(program);
	free(data);
	return status == 0;
}

static bool
include_settings(const char *path, struct failure *failure)
{
	char *file_name = memory_print("%s/postgresql.conf", path);
	int descriptor =
		open(file_name, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	bool written = descriptor >= 0 &&
		dprintf(descriptor,
			"\ninclude_if_exists = '../postgresql.conf'\n") > 0 &&
		fsync(descriptor) == 0;

	if (!written)
		fail(failure, "cannot write %s: %s", file_name,
			strerror(errno));
	if (descriptor >= 0)
		close(descriptor);
	free(file_name);
	return written;
}

static void
sync_directory(const char *path)
{
	int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (descriptor < 0)
		return;
	fsync(descriptor);
	close(descriptor);
}

static bool
make_cluster(const struct cluster *cluster, struct failure *failure)
{
	char *fresh = memory_print("%s.new", cluster->data);
	bool made;

	log_event(LOG_NOTICE, "making a PostgreSQL cluster", "directory",
		log_text(cluster->data), "version",
		log_int(cluster->binaries.major), "user",
		log_text(cluster->user.name), NULL);
	made = remove_tree(cluster, fresh, failure) &&
		make_private_directory(cluster, fresh, failure) &&
		run_initdb(cluster, fresh, failure) &&
		include_settings(fresh, failure);
	if (made && rename(fresh, cluster->data) != 0)
		made = fail(failure, "cannot rename %s: %s", fresh,
			strerror(errno));
	if (made)
		sync_directory(cluster->directory);
	free(fresh);
	return made;
}

/* A PostgreSQL of an earlier respgres. */

/* The live postmaster of this cluster, or 0.  `status` is what it last wrote
 * of itself: "starting", "ready", "stopping". */
static pid_t
find_postmaster(const struct cluster *cluster, char *status, size_t size)
{
	char *path = memory_print("%s/postmaster.pid", cluster->data);
	FILE *file = fopen(path, "re");
	char line[PATH_MAX] = "";
	char link[64], at[PATH_MAX];
	ssize_t at_size;
	pid_t found = 0;

	free(path);
	status[0] = '\0';
	if (!file)
		return 0;
	for (int number = 1; fgets(line, sizeof(line), file); number++) {
		line[strcspn(line, " \n")] = '\0';
		if (number == 1)
			found = (pid_t)atol(line);
		if (number == 8)
			snprintf(status, size, "%.*s", (int)size - 1, line);
	}
	fclose(file);
	if (found <= 1 || (kill(found, 0) != 0 && errno == ESRCH))
		return 0;
	/* The id may be another process' by now; a postmaster's working
	 * directory is its cluster. */
	snprintf(link, sizeof(link), "/proc/%ld/cwd", (long)found);
	at_size = readlink(link, at, sizeof(at));
	if (at_size > 0 && ((size_t)at_size != strlen(cluster->data) ||
			memcmp(at, cluster->data, (size_t)at_size) != 0))
		return 0;
	return found;
}

static bool
wait_for_old_postmaster(const struct cluster *cluster,
	const volatile sig_atomic_t *stop_requested, struct failure *failure)
{
	int64_t start = clock_monotonic_us();
	int64_t told = 0;
	char status[32];
	pid_t old;

	while ((old = find_postmaster(cluster, status, sizeof(status)))) {
		int64_t waited = clock_monotonic_us() - start;
		bool stopping = strcmp(status, "stopping") == 0;

		if (waited > (stopping ? shutdown_limit_us : foreign_limit_us))
			return fail(failure,
				"PostgreSQL (process %ld) already runs in %s "
				"without this respgres: stop it (kill -INT "
				"%ld), or name it as the database to use",
				(long)old, cluster->data, (long)old);
		if (stop_requested && *stop_requested)
			return fail(failure, "interrupted");
		if (told == 0 || waited - told > 5000000) {
			told = waited + 1;
			log_event(LOG_NOTICE,
				"waiting for an earlier PostgreSQL to stop",
				"process", log_int(old), "status",
				log_text(status), NULL);
		}
		usleep(100000);
	}
	return true;
}

/* Where the socket goes. */

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

	read_line(note, path, sizeof(path));
	if (!path[0] || !is_private(cluster, path)) {
		char *text;

		snprintf(path, sizeof(path), "/tmp/respgres-XXXXXX");
		text = mkdtemp(path);
		placed = text ? make_private_directory(cluster, path, failure)
			      : fail(failure, "cannot make %s: %s", path,
					strerror(errno));
		text = memory_print("%s\n", path);
		placed = placed && write_file(note, text, failure);
		free(text);
	}
	if (placed) {
		cluster->socket_directory = memory_copy_string(path);
		cluster->socket_elsewhere = true;
	}
	free(note);
	return placed;
}

static bool
place_socket(struct cluster *cluster, struct failure *failure)
{
	char *path = memory_print("%s/run", cluster->directory);

	if (!socket_fits(path)) {
		free(path);
		return place_socket_elsewhere(cluster, failure);
	}
	cluster->socket_directory = path;
	return make_private_directory(cluster, path, failure);
}

/* Settings and log. */

/* lz4 when this build has it: it costs a third of what pglz does. */
static const char *
choose_compression(const struct cluster *cluster)
{
	char *program =
		memory_print("%s/postgres", cluster->binaries.directory);
	const char *const arguments[] = { program, "-D", cluster->data, "-C",
		"wal_compression", "-c", "wal_compression=lz4", NULL };
	char output[256];
	bool has_lz4 = process_run(arguments, &cluster->user, output,
			       sizeof(output)) == 0;

	free(program);
	return has_lz4 ? "lz4" : "on";
}

static bool
write_settings(const struct cluster *cluster,
	const struct embedded_options *options, struct failure *failure)
{
	size_t memory = options->memory ? options->memory
					: embedded_settings_find_memory();
	char *path = memory_print("%s/postgresql.conf", cluster->directory);
	char *text;
	bool written = true;

	for (size_t i = 0; i < options->setting_count; i++) {
		const char *name = options->settings[i].name;

		if (!embedded_settings_may_change(name))
			written = fail(failure,
				"postgres-setting %s: respgres needs its own "
				"value of it",
				name);
		if (!*name || name[strspn(name,
				"abcdefghijklmnopqrstuvwxyz"
				"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				"0123456789_.")])
			written = fail(failure,
				"postgres-setting %s is not the name of a "
				"setting",
				name);
	}
	/* Asked with the defaults in force: a bad setting of the user's would
	 * fail the question, not the answer. */
	if (written)
		written = write_file(path, "", failure);
	if (written) {
		text = embedded_settings_print(memory, choose_compression(cluster),
			options->settings, options->setting_count);
		written = write_file(path, text, failure);
		free(text);
	}
	free(path);
	return written;
}

int
cluster_open_log(const struct cluster *cluster)
{
	struct stat found;

	if (stat(cluster->log, &found) == 0 && found.st_size > log_limit) {
		char *older = memory_print("%s.1", cluster->log);

		rename(cluster->log, older);
		free(older);
	}
	return open(cluster->log,
		O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

bool
cluster_open(struct cluster *cluster, const struct embedded_options *options,
	char *error, size_t error_size)
{
	struct failure failure = { error, error_size };
	int major;

	*cluster = (struct cluster){ .lock = -1 };
	if (!process_user_find(options->user, &cluster->user, error,
		    error_size) ||
		!open_directory(cluster, options->directory, &failure) ||
		!lock_directory(cluster, &failure))
		return false;
	major = read_cluster_major(cluster);
	if (!find_binaries(cluster, options->binaries, major, &failure))
		return false;
	if (major == 0 ? !make_cluster(cluster, &failure)
		       : !check_owner(cluster, &failure))
		return false;
	return wait_for_old_postmaster(cluster, options->stop_requested,
		       &failure) &&
		place_socket(cluster, &failure) &&
		write_settings(cluster, options, &failure);
}

void
cluster_close(struct cluster *cluster)
{
	if (cluster->lock >= 0)
		close(cluster->lock);
	free(cluster->directory);
	free(cluster->data);
	free(cluster->log);
	free(cluster->socket_directory);
	free(cluster->binaries.directory);
}
