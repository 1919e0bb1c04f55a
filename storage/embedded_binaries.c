/* Looks for PostgreSQL where packages and builds put it.
 *
 * A directory counts when it holds both initdb and postgres, executable, and
 * postgres names a version of 14 or newer.  The first directory of a version
 * wins, so packaged programs go before what PATH happens to hold. */
#include "storage/embedded_binaries.h"

#include "storage/base/memory.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const usual_places[] = {
	"/usr/lib/postgresql/*/bin", /* Debian, Ubuntu */
	"/usr/pgsql-*/bin", /* PGDG on RPM systems */
	"/usr/libexec/postgresql*", /* Alpine */
	"/usr/lib/postgresql*/bin", /* SUSE */
	"/usr/lib64/postgresql*/bin", /* Gentoo */
	"/usr/local/pgsql/bin", /* built from source */
	"/opt/homebrew/opt/postgresql*/bin", /* Homebrew */
	"/usr/local/opt/postgresql*/bin", /* Homebrew on Intel */
	"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
	"/opt/postgresql*/bin",
	"/opt/pgsql*/bin",
	"/Library/PostgreSQL/*/bin",
};

struct search {
	int wanted;
	const struct process_user *user;
	struct binaries best;
	int oldest_seen; /* a version too old to use, or 0: for the error */
};

static bool
is_program(const char *directory, const char *name)
{
	char *path = memory_print("%s/%s", directory, name);
	bool yes = access(path, X_OK) == 0;

	free(path);
	return yes;
}

/* The major version that `directory`/postgres names; 0 when none. */
static int
read_major(const char *directory, const struct process_user *user)
{
	char *program = memory_print("%s/postgres", directory);
	const char *const arguments[] = { program, "--version", NULL };
	char output[256];
	int major = 0;

	if (process_run(arguments, user, output, sizeof(output)) != 0 ||
		sscanf(output, "postgres (PostgreSQL) %d", &major) != 1)
		major = 0;
	free(program);
	return major;
}

static void
consider(struct search *search, const char *directory)
{
	int major;

	if (search->wanted && search->best.major == search->wanted)
		return;
	if (!is_program(directory, "initdb") ||
		!is_program(directory, "postgres"))
		return;
	major = read_major(directory, search->user);
	if (major > 0 && major < BINARIES_OLDEST_MAJOR)
		search->oldest_seen = major;
	if (major < BINARIES_OLDEST_MAJOR ||
		(major != search->wanted && major <= search->best.major))
		return;
	free(search->best.directory);
	search->best.directory = memory_copy_string(directory);
	search->best.major = major;
}

static void
consider_usual_places(struct search *search)
{
	for (size_t i = 0; i < sizeof(usual_places) / sizeof(usual_places[0]);
		i++) {
		glob_t matches;

		if (glob(usual_places[i], 0, NULL, &matches) != 0)
			continue;
		for (size_t j = 0; j < matches.gl_pathc; j++)
			consider(search, matches.gl_pathv[j]);
		globfree(&matches);
	}
}

static void
consider_pg_config(struct search *search, const char *directory)
{
	char *program = memory_print("%s/pg_config", directory);
	const char *const arguments[] = { program, "--bindir", NULL };
	char output[512];

	if (access(program, X_OK) == 0 &&
		process_run(arguments, search->user, output, sizeof(output)) ==
			0) {
		output[strcspn(output, "\n")] = '\0';
		consider(search, output);
	}
	free(program);
}

static void
consider_path(struct search *search)
{
	const char *path = getenv("PATH");
	char *list = memory_copy_string(path ? path : "/usr/bin:/bin");
	char *rest = list, *directory;

	while ((directory = strsep(&rest, ":"))) {
		if (directory[0] != '/')
			continue;
		consider(search, directory);
		consider_pg_config(search, directory);
	}
	free(list);
}

static void
explain_missing(const struct search *search, const char *directory, char *error,
	size_t error_size)
{
	char older[64] = "";

	if (search->oldest_seen)
		snprintf(older, sizeof(older), " (found %d, which is too old)",
			search->oldest_seen);
	if (directory)
		snprintf(error, error_size,
			"postgres-bindir %s does not hold initdb and postgres "
			"of PostgreSQL %d or newer%s",
			directory, BINARIES_OLDEST_MAJOR, older);
	else
		snprintf(error, error_size,
			"no PostgreSQL server of version %d or newer is "
			"installed%s: install one (Debian, Ubuntu: apt install "
			"postgresql; Fedora, RHEL: dnf install "
			"postgresql-server; Alpine: apk add postgresql), name "
			"its programs with postgres-bindir, or name a running "
			"database",
			BINARIES_OLDEST_MAJOR, older);
}

bool
binaries_find(const char *directory, int major, const struct process_user *user,
	struct binaries *found, char *error, size_t error_size)
{
	struct search search = { .wanted = major, .user = user };
	bool named = directory && *directory;

	if (named) {
		consider(&search, directory);
	} else {
		consider_usual_places(&search);
		consider_path(&search);
	}
	if (!search.best.directory) {
		explain_missing(
			&search, named ? directory : NULL, error, error_size);
		return false;
	}
	*found = search.best;
	return true;
}
