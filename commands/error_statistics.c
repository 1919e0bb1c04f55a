/* Error codes and their counts, a small hash table; see error_statistics.h.
 *
 * Codes can be made by scripts, so their number is bounded: beyond it an
 * unknown one counts as "ERR". */
#include "commands/error_statistics.h"

#include "commands/request.h"
#include "commands/server.h"
#include "storage/base/memory.h"

#include <event2/buffer.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

enum { CODE_SIZE = 64, CODES_MAX = 1024 };

struct error_count {
	char code[CODE_SIZE];
	unsigned long long count;
	UT_hash_handle hh;
};

struct error_statistics {
	pthread_mutex_t mutex;
	struct error_count *counts;
};

struct error_statistics *
error_statistics_new(void)
{
	struct error_statistics *statistics =
		memory_allocate_zeroed(1, sizeof(*statistics));

	pthread_mutex_init(&statistics->mutex, NULL);
	return statistics;
}

static void
clear(struct error_statistics *statistics)
{
	struct error_count *entry = statistics->counts;

	/* Frees the table alone; the entries stay linked. */
	HASH_CLEAR(hh, statistics->counts);
	while (entry != NULL) {
		struct error_count *next = entry->hh.next;

		free(entry);
		entry = next;
	}
}

void
error_statistics_free(struct error_statistics *statistics)
{
	if (statistics == NULL)
		return;
	clear(statistics);
	pthread_mutex_destroy(&statistics->mutex);
	free(statistics);
}

/* The first word of the error; "ERR" where there is none. */
static void
read_code(struct request *request, char code[static CODE_SIZE])
{
	const struct reply *reply = &request->reply;
	char start[CODE_SIZE + 1];
	const char *end;
	size_t size;

	if (reply->earlier != NULL) {
		ssize_t copied =
			evbuffer_copyout(reply->earlier, start, sizeof(start));

		size = copied > 0 ? (size_t)copied : 0;
	} else {
		size = reply->size < sizeof(start) ? reply->size :
						     sizeof(start);
		memcpy(start, reply->data, size);
	}
	end = size > 1 ? memchr(start + 1, ' ', size - 1) : NULL;
	strcpy(code, "ERR");
	if (end == NULL || end == start + 1 || start[0] != '-')
		return;
	memcpy(code, start + 1, (size_t)(end - start - 1));
	code[end - start - 1] = '\0';
}

static struct error_count *
find_or_add(struct error_statistics *statistics, const char *code)
{
	struct error_count *entry;

	HASH_FIND_STR(statistics->counts, code, entry);
	if (entry != NULL)
		return entry;
	if (HASH_COUNT(statistics->counts) >= CODES_MAX) {
		HASH_FIND_STR(statistics->counts, "ERR", entry);
		return entry;
	}
	entry = memory_allocate_zeroed(1, sizeof(*entry));
	strcpy(entry->code, code);
	HASH_ADD_STR(statistics->counts, code, entry);
	return entry;
}

void
error_statistics_count(struct request *request)
{
	struct error_statistics *statistics = request->server->errors;
	struct error_count *entry;
	char code[CODE_SIZE];

	read_code(request, code);
	pthread_mutex_lock(&statistics->mutex);
	entry = find_or_add(statistics, code);
	if (entry != NULL)
		entry->count++;
	pthread_mutex_unlock(&statistics->mutex);
}

static int
compare_codes(struct error_count *a, struct error_count *b)
{
	return strcmp(a->code, b->code);
}

void
error_statistics_each(struct server *server,
	void (*visit)(const char *code, unsigned long long count, void *arg),
	void *arg)
{
	struct error_statistics *statistics = server->errors;
	struct error_count *entry, *next;

	pthread_mutex_lock(&statistics->mutex);
	HASH_SORT(statistics->counts, compare_codes);
	HASH_ITER (hh, statistics->counts, entry, next)
		visit(entry->code, entry->count, arg);
	pthread_mutex_unlock(&statistics->mutex);
}

void
error_statistics_reset(struct server *server)
{
	struct error_statistics *statistics = server->errors;

	pthread_mutex_lock(&statistics->mutex);
	clear(statistics);
	pthread_mutex_unlock(&statistics->mutex);
}
