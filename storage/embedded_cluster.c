/* Makes and checks the cluster of an embedded PostgreSQL.
 *
 * A cluster comes into being by the renaming of pgdata.new, so a crash in the
 * middle of initdb leaves something that the next start throws away. */
#include "storage/embedded_cluster.h"

#include "storage/base/clock.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/embedded_directory.h"
#include "storage/embedded_settings.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const off_t log_limit = 64 * 1024 * 1024;
static const int64_t shutdown_limit_us = 60 * 1000000LL;
static const int64_t foreign_limit_us = 5 * 1000000LL;

/* The version of the cluster at hand: 0 without one, -1 when unreadable. */
static int
read_cluster_major(const struct cluster *cluster)
{
	char *path = memory_print("%s/PG_VERSION", cluster->data);
	char line[32];
	struct stat found;
	int major = 0;

	if (lstat(cluster->data, &found) == 0) {
		directory_read_line(path, line, sizeof(line));
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
		return failure_print(failure,
			"%s is not a PostgreSQL cluster that can be read: move "
			"it away, or use another directory",
			cluster->data);
	if (!binaries_find(directory, major, &cluster->user, &cluster->binaries,
		    failure->text, failure->size))
		return false;
	if (major == 0 || major == cluster->binaries.major)
		return true;
	if (major < BINARIES_OLDEST_MAJOR)
		return failure_print(failure,
			"%s was made by PostgreSQL %d, which is too old: "
			"convert the data to %d with pg_upgrade, or use "
			"another directory",
			cluster->data, major, cluster->binaries.major);
	return failure_print(failure,
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
		return failure_print(failure, "cannot look at %s: %s",
			cluster->data, strerror(errno));
	if (found.st_uid == cluster->user.uid)
		return true;
	return failure_print(failure,
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
	return failure_print(failure,
		"cannot remove %s, left by an earlier start: %s", path,
		strerror(errno));
}

static bool
run_initdb(const struct cluster *cluster, const char *path,
	struct failure *failure)
{
	char *program = memory_print("%s/initdb", cluster->binaries.directory);
	char *data = memory_print("--pgdata=%s", path);
	const char *const arguments[] = { program, data, "--username=postgres",
		"--encoding=UTF8", "--locale=C", "--data-checksums",
		"--auth-local=trust", "--auth-host=reject", NULL };
	char output[1024];
	int status =
		process_run(arguments, &cluster->user, output, sizeof(output));

	if (status != 0)
		failure_print(failure, "initdb failed as user \"%s\": %s",
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
		failure_print(failure, "cannot write %s: %s", file_name,
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
		directory_make_private(cluster, fresh, failure) &&
		run_initdb(cluster, fresh, failure) &&
		include_settings(fresh, failure);
	if (made && rename(fresh, cluster->data) != 0)
		made = failure_print(failure, "cannot rename %s: %s", fresh,
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
	/* The id may be another process' by now, or nobody has reaped it; a
	 * postmaster's working directory is its cluster. */
	snprintf(link, sizeof(link), "/proc/%ld/cwd", (long)found);
	at_size = readlink(link, at, sizeof(at));
	if (at_size < 0 && errno == ENOENT && access("/proc/self", F_OK) == 0)
		return 0;
	if (at_size > 0 &&
		((size_t)at_size != strlen(cluster->data) ||
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
			return failure_print(failure,
				"PostgreSQL (process %ld) already runs in %s "
				"without this respgres: stop it (kill -INT "
				"%ld), or name it as the database to use",
				(long)old, cluster->data, (long)old);
		if (stop_requested && *stop_requested)
			return failure_print(failure, "interrupted");
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
	size_t memory = options->memory ? options->memory :
					  embedded_settings_find_memory();
	char *path = memory_print("%s/postgresql.conf", cluster->directory);
	char *text;
	bool written = true;

	for (size_t i = 0; i < options->setting_count; i++) {
		const char *name = options->settings[i].name;

		if (!embedded_settings_may_change(name))
			written = failure_print(failure,
				"postgres-setting %s: respgres needs its own "
				"value of it",
				name);
		if (!*name ||
			name[strspn(name,
				"abcdefghijklmnopqrstuvwxyz"
				"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				"0123456789_.")])
			written = failure_print(failure,
				"postgres-setting %s is not the name of a "
				"setting",
				name);
	}
	/* Asked with the defaults in force: a bad setting of the user's would
	 * fail the question, not the answer. */
	if (written)
		written = directory_write_file(path, "", failure);
	if (written) {
		text = embedded_settings_print(memory,
			choose_compression(cluster), options->settings,
			options->setting_count);
		written = directory_write_file(path, text, failure);
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
	if (!process_user_find(
		    options->user, &cluster->user, error, error_size) ||
		!directory_open(cluster, options->directory, &failure) ||
		!directory_lock(cluster, &failure))
		return false;
	major = read_cluster_major(cluster);
	if (!find_binaries(cluster, options->binaries, major, &failure))
		return false;
	if (major == 0 ? !make_cluster(cluster, &failure) :
			 !check_owner(cluster, &failure))
		return false;
	return wait_for_old_postmaster(
		       cluster, options->stop_requested, &failure) &&
		directory_place_socket(cluster, &failure) &&
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
