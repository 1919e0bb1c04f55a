/* What XREAD and XREADGROUP share. */
#ifndef COMMANDS_STREAMS_READ_H
#define COMMANDS_STREAMS_READ_H

#include "commands/blocking.h"
#include "commands/stream_id.h"
#include "storage/base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

struct call;
struct request;

/* Redis' count for those who have waited and gave none. */
enum { STREAMS_WAITED_COUNT = 1000 };

/* Where one stream is read. */
struct stream_position {
	struct stream_id after;
	bool is_open; /* "$", until that is known; ">" */
};

/* A request of either, which is its state. */
struct reading {
	struct blocked blocked;
	struct request *request;
	bool with_group, no_ack, waits;
	int64_t timeout_ms, count; /* a count of 0: all */
	struct bytes group, consumer;
	struct bytes *keys;
	int key_count;
	struct stream_position *positions;
	/* The first key whose ID is refused, and why; key_count: none. */
	int refused;
	const char *refusal;
	/* XREAD's long answer. */
	struct call *stream;
	int *sent_keys, sent_key_count, sent_element;
	bool sent_part;
};

/* Begin an attempt at keys[index], or (-1) at all of them. */
void streams_attempt_read(struct blocked *blocked, int index);
void streams_attempt_group_read(struct blocked *blocked, int index);

/* Ends an attempt that has replied, or found nothing.  Where the request does
 * not wait it is finished. */
void streams_end_attempt(struct reading *reading, bool served);

/* The headers of an answer and of each of its streams. */
void streams_write_header(struct request *request, int streams);
void streams_write_stream_header(
	struct request *request, struct bytes key, int64_t entries);

#endif
