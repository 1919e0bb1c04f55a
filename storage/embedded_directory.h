/* The directory of an embedded PostgreSQL: made, locked, private to it.
 *
 * Part of embedded_cluster; each function returns false with a sentence in
 * `failure`. */
#ifndef STORAGE_EMBEDDED_DIRECTORY_H
#define STORAGE_EMBEDDED_DIRECTORY_H

#include "storage/embedded_cluster.h"

#include <stdbool.h>
#include <stddef.h>

/* Where the sentence that fails a start goes. */
struct failure {
	char *text;
	size_t size;
};

/* Prints the sentence; returns false. */
bool failure_print(struct failure *failure, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Makes `path` with its parents, fills the cluster's paths, and makes sure
 * that its user can get there. */
bool directory_open(
	struct cluster *cluster, const char *path, struct failure *failure);

/* Keeps every other respgres out until cluster_close(). */
bool directory_lock(struct cluster *cluster, struct failure *failure);

/* Makes `path` a directory of the user's that nobody else may enter. */
bool directory_make_private(const struct cluster *cluster, const char *path,
	struct failure *failure);

/* Decides where the socket goes and makes that directory. */
bool directory_place_socket(struct cluster *cluster, struct failure *failure);

/* Writes a file whole or not at all. */
bool directory_write_file(
	const char *path, const char *text, struct failure *failure);

/* The first line of a file, or "". */
void directory_read_line(const char *path, char *line, size_t size);

#endif
