/* Reading and writing IDs of stream entries; see stream_id.h.
 * Source: Redis 7.0.15, t_stream.c (streamGenericParseIDOrReply). */
#include "commands/stream_id.h"

#include "storage/base/number.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_SIZE_MAX = 127 };

/* Canonical numbers, and whatever else strtoull() takes: "007", "+7". */
static bool
parse_unsigned(const char *text, size_t size, uint64_t *value)
{
	int64_t number;
	char *end;

	if (number_parse_int64((struct bytes){ text, size }, &number)) {
		*value = (uint64_t)number;
		return number >= 0;
	}
	errno = 0;
	*value = strtoull(text, &end, 10);
	return errno == 0 && size > 0 && end == text + size;
}

static bool
parse(struct bytes text, uint64_t missing_seq, struct stream_id *id,
	bool *has_seq)
{
	char copy[TEXT_SIZE_MAX + 1], *dash;
	struct stream_id parsed = { .seq = missing_seq };
	size_t ms_size = text.size;

	if (text.size > TEXT_SIZE_MAX)
		return false;
	if (text.size > 0)
		memcpy(copy, text.data, text.size);
	copy[text.size] = '\0';
	dash = memchr(copy, '-', text.size);
	if (dash != NULL) {
		size_t seq_size = text.size - (size_t)(dash + 1 - copy);

		*dash = '\0';
		ms_size = (size_t)(dash - copy);
		if (has_seq != NULL && strcmp(dash + 1, "*") == 0) {
			parsed.seq = 0;
			*has_seq = false;
		} else if (!parse_unsigned(dash + 1, seq_size, &parsed.seq)) {
			return false;
		}
	}
	if (!parse_unsigned(copy, ms_size, &parsed.ms))
		return false;
	*id = parsed;
	return true;
}

bool
stream_id_parse(struct bytes text, uint64_t missing_seq, struct stream_id *id)
{
	return parse(text, missing_seq, id, NULL);
}

bool
stream_id_parse_bound(
	struct bytes text, uint64_t missing_seq, struct stream_id *id)
{
	if (bytes_is_word(text, "-"))
		*id = STREAM_ID_MIN;
	else if (bytes_is_word(text, "+"))
		*id = STREAM_ID_MAX;
	else
		return parse(text, missing_seq, id, NULL);
	return true;
}

bool
stream_id_parse_new(struct bytes text, struct stream_id *id, bool *has_seq)
{
	*has_seq = true;
	return parse(text, 0, id, has_seq);
}

int
stream_id_compare(struct stream_id a, struct stream_id b)
{
	if (a.ms != b.ms)
		return a.ms < b.ms ? -1 : 1;
	return (a.seq > b.seq) - (a.seq < b.seq);
}

bool
stream_id_increment(struct stream_id *id)
{
	if (stream_id_compare(*id, STREAM_ID_MAX) == 0)
		return false;
	if (++id->seq == 0)
		id->ms++;
	return true;
}

bool
stream_id_decrement(struct stream_id *id)
{
	if (stream_id_compare(*id, STREAM_ID_MIN) == 0)
		return false;
	if (id->seq-- == 0)
		id->ms--;
	return true;
}

size_t
stream_id_print(char buffer[static STREAM_ID_TEXT_SIZE], struct stream_id id)
{
	return (size_t)snprintf(buffer, STREAM_ID_TEXT_SIZE,
		"%" PRIu64 "-%" PRIu64, id.ms, id.seq);
}

void
stream_id_encode(char buffer[static STREAM_ID_SIZE], struct stream_id id)
{
	uint64_t halves[2] = { htobe64(id.ms), htobe64(id.seq) };

	memcpy(buffer, halves, sizeof(halves));
}

struct stream_id
stream_id_decode(struct bytes encoded)
{
	uint64_t halves[2];

	assert(encoded.size == sizeof(halves));
	memcpy(halves, encoded.data, sizeof(halves));
	return (struct stream_id){ be64toh(halves[0]), be64toh(halves[1]) };
}
