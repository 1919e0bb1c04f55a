/* What an embedded PostgreSQL is tuned to: many small transactions, few
 * connections, tables whose rows are updated again and again.
 *
 * The text goes to a file that the cluster's own postgresql.conf includes
 * last, so ALTER SYSTEM still wins for whoever wants to try something. */
#include "storage/embedded_settings.h"

#include "storage/base/memory.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

static const uint64_t mebibyte = 1024 * 1024;

static uint64_t
read_limit(const char *path)
{
	FILE *file = fopen(path, "re");
	uint64_t limit = 0;

	if (!file)
		return UINT64_MAX;
	/* "max" in the second version of control groups is no number. */
	if (fscanf(file, "%" SCNu64, &limit) != 1 || limit == 0)
		limit = UINT64_MAX;
	fclose(file);
	return limit;
}

static uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t
clamp(uint64_t value, uint64_t low, uint64_t high)
{
	return value < low ? low : least(value, high);
}

size_t
embedded_settings_find_memory(void)
{
	uint64_t machine = (uint64_t)sysconf(_SC_PHYS_PAGES) *
		(uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t limit = least(read_limit("/sys/fs/cgroup/memory.max"),
		read_limit("/sys/fs/cgroup/memory/memory.limit_in_bytes"));

	return (size_t)least(machine, limit);
}

bool
embedded_settings_may_change(const char *name)
{
	static const char *const ours[] = { "port", "data_directory",
		"unix_socket_directories", "unix_socket_permissions",
		"config_file", "hba_file", "external_pid_file",
		"logging_collector" };

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		if (strcasecmp(name, ours[i]) == 0)
			return false;
	}
	return true;
}

static void
print_quoted(FILE *out, const char *value)
{
	fputc('\'', out);
	for (; *value; value++) {
		if (*value == '\'' || *value == '\\')
			fputc(*value, out);
		fputc(*value == '\n' ? ' ' : *value, out);
	}
	fputs("'\n", out);
}

static void
print_memory(FILE *out, uint64_t memory)
{
	fprintf(out, "shared_buffers = %" PRIu64 "MB\n",
		clamp(memory / 4, 128 * mebibyte, 8192 * mebibyte) / mebibyte);
	fprintf(out, "effective_cache_size = %" PRIu64 "MB\n",
		clamp(memory / 2, 256 * mebibyte, UINT64_MAX) / mebibyte);
	fprintf(out, "maintenance_work_mem = %" PRIu64 "MB\n",
		clamp(memory / 32, 32 * mebibyte, 256 * mebibyte) / mebibyte);
}

char *
embedded_settings_print(size_t memory, const char *compression,
	const struct embedded_setting *settings, size_t setting_count)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	fputs("# Written by respgres at each start: changes here are lost.\n"
	      "# Use postgres-setting in its configuration, or ALTER SYSTEM.\n"
	      "listen_addresses = ''\n"
	      "unix_socket_permissions = 0700\n"
	      "logging_collector = off\n"
	      "cluster_name = 'respgres'\n"
	      "max_connections = 100\n"
	      "huge_pages = try\n"
	      "wal_level = replica\n"
	      "min_wal_size = 512MB\n"
	      "max_wal_size = 4GB\n"
	      "checkpoint_timeout = 15min\n"
	      "checkpoint_completion_target = 0.9\n"
	      "random_page_cost = 1.1\n"
	      "jit = off\n"
	      "track_io_timing = off\n"
	      "log_min_messages = warning\n"
	      "log_line_prefix = '%m [%p] '\n"
	      /* A table of hot counters is dead rows within minutes. */
	      "autovacuum_naptime = 15s\n"
	      "autovacuum_vacuum_cost_limit = 2000\n"
	      "autovacuum_vacuum_scale_factor = 0.05\n"
	      "autovacuum_vacuum_insert_scale_factor = 0.1\n"
	      "autovacuum_analyze_scale_factor = 0.05\n",
		out);
	print_memory(out, memory);
	fprintf(out, "wal_compression = %s\n", compression);
	for (size_t i = 0; i < setting_count; i++) {
		fprintf(out, "%s = ", settings[i].name);
		print_quoted(out, settings[i].value);
	}
	if (fclose(out) != 0)
		abort();
	return text;
}
