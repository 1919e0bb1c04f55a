/* The directory of an embedded PostgreSQL: its parts, made and checked. */
#ifndef STORAGE_EMBEDDED_CLUSTER_H
#define STORAGE_EMBEDDED_CLUSTER_H

#include "storage/embedded.h"
#include "storage/embedded_binaries.h"
#include "storage/embedded_process.h"

#include <stdbool.h>
#include <stddef.h>

/* All strings are absolute paths, owned by the struct. */
struct cluster {
	char *directory;
	char *data;
	char *log;
	char *socket_directory;
	bool socket_elsewhere; /* under /tmp, for the length of the path */
	int lock; /* descriptor, -1 when not held */
	struct process_user user;
	struct binaries binaries;
};

/* Makes the directory ready to start PostgreSQL in: locks it, finds user and
 * programs, waits for a PostgreSQL that still shuts down, makes the cluster if
 * there is none, writes the settings.  Whatever it returns, the caller calls
 * cluster_close().  False leaves a sentence in `error`. */
bool cluster_open(struct cluster *cluster,
	const struct embedded_options *options, char *error, size_t error_size);

/* Opens the log to append to, after moving aside one of more than 64 MB.
 * Returns a descriptor, or -1 with errno set. */
int cluster_open_log(const struct cluster *cluster);

/* Releases the lock and the memory. */
void cluster_close(struct cluster *cluster);

#endif
