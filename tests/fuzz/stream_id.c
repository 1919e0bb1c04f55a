/* Fuzz target: any text is read as an ID or refused; what was read keeps its
 * value when written and read again, and its order when encoded. */
#include "commands/stream_id.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
	if (!holds)
		abort();
}

static void
check_id(struct stream_id id)
{
	char text[STREAM_ID_TEXT_SIZE], encoded[STREAM_ID_SIZE];
	char next_encoded[STREAM_ID_SIZE];
	struct stream_id again, next = id;

	check(stream_id_print(text, id) == strlen(text));
	check(stream_id_parse(bytes_of(text), 0, &again));
	check(stream_id_compare(id, again) == 0);
	stream_id_encode(encoded, id);
	again = stream_id_decode((struct bytes){ encoded, sizeof(encoded) });
	check(stream_id_compare(id, again) == 0);
	if (!stream_id_increment(&next))
		return;
	stream_id_encode(next_encoded, next);
	check(stream_id_compare(id, next) < 0);
	check(memcmp(encoded, next_encoded, sizeof(encoded)) < 0);
	check(stream_id_decrement(&next));
	check(stream_id_compare(id, next) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes text = { (const char *)data, size };
	struct stream_id id;
	bool has_seq;

	if (stream_id_parse(text, UINT64_MAX, &id)) {
		check_id(id);
		check(stream_id_parse_bound(text, UINT64_MAX, &id));
		check(stream_id_parse_new(text, &id, &has_seq) && has_seq);
	}
	if (stream_id_parse_bound(text, 0, &id))
		check_id(id);
	if (stream_id_parse_new(text, &id, &has_seq))
		check_id(id);
	return 0;
}
