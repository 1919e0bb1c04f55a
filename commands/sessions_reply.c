/* A session's row as a map. */
#include "commands/sessions.h"

#include "commands/reply.h"
#include "commands/request.h"
#include "storage/result.h"

#include <inttypes.h>
#include <openssl/sha.h>
#include <stddef.h>

/* Binary columns and numbers, in the order of the map. */
static const struct {
	const char *name;
	int column;
	bool is_number;
} shown[] = {
	{ "user", SESSION_USER, false },
	{ "created_at_ms", SESSION_CREATED_AT, true },
	{ "accessed_at_ms", SESSION_ACCESSED_AT, true },
	{ "expires_at_ms", SESSION_EXPIRES_AT, true },
	{ "absolute_at_ms", SESSION_ABSOLUTE_AT, true },
	{ "ttl_ms", SESSION_TTL_MS, true },
	{ "ip", SESSION_IP, false },
	{ "agent", SESSION_AGENT, false },
	{ "device", SESSION_DEVICE, false },
};

enum { SHOWN_COUNT = sizeof(shown) / sizeof(shown[0]) };

static void
reply_data(struct reply *reply, const struct result *result, int row)
{
	struct result_array names, values;

	if (!result_array_open(result, row, SESSION_FIELD_NAMES, &names) ||
		!result_array_open(
			result, row, SESSION_FIELD_VALUES, &values)) {
		reply_map(reply, 0);
		return;
	}
	reply_map(reply, (size_t)names.left);
	while (names.left > 0) {
		reply_bulk(reply, result_array_next(&names));
		reply_bulk(reply, result_array_next(&values));
	}
}

void
sessions_reply_row(struct reply *reply, const struct result *result, int row,
	struct bytes id, bool with_data)
{
	reply_map(reply, (size_t)SHOWN_COUNT + 1 + with_data);
	reply_bulk_text(reply, "id");
	reply_bulk(reply, id);
	for (int i = 0; i < SHOWN_COUNT; i++) {
		int column = shown[i].column;

		reply_bulk_text(reply, shown[i].name);
		if (result_is_null(result, row, column))
			reply_null(reply);
		else if (shown[i].is_number)
			reply_integer(reply, result_int64(result, row, column));
		else
			reply_bulk(reply, result_bytes(result, row, column));
	}
	if (with_data) {
		reply_bulk_text(reply, "data");
		reply_data(reply, result, row);
	}
}

static void
reply_field(struct reply *reply, const struct result *result, int row,
	struct bytes field)
{
	struct result_array names, values;

	if (result_array_open(result, row, SESSION_FIELD_NAMES, &names) &&
		result_array_open(result, row, SESSION_FIELD_VALUES, &values)) {
		while (names.left > 0) {
			struct bytes name = result_array_next(&names);
			struct bytes value = result_array_next(&values);

			if (bytes_equal(name, field)) {
				reply_bulk(reply, value);
				return;
			}
		}
	}
	reply_null(reply);
}

void
sessions_reply_fields(struct reply *reply, const struct result *result, int row,
	const struct bytes *fields, int count)
{
	reply_map(reply, (size_t)count);
	for (int i = 0; i < count; i++) {
		reply_bulk(reply, fields[i]);
		reply_field(reply, result, row, fields[i]);
	}
}

bool
sessions_read_number(struct request *request, int index, const char *what,
	int64_t most, int64_t *value)
{
	if (!request_read_int64(request, index, value))
		return false;
	if (*value >= 1 && *value <= most)
		return true;
	request_reply_errorf(
		request, "ERR %s must be 1 to %" PRId64, what, most);
	return false;
}

bool
sessions_read_seconds(
	struct request *request, int index, const char *what, int64_t *ms)
{
	if (!sessions_read_number(
		    request, index, what, SESSION_SECONDS_MAX, ms))
		return false;
	*ms *= 1000;
	return true;
}

struct bytes
sessions_hash_token(struct request *request, struct bytes token)
{
	unsigned char *hash = request_allocate(request, SESSION_HASH_SIZE);

	SHA256((const unsigned char *)token.data, token.size, hash);
	return (struct bytes){ (const char *)hash, SESSION_HASH_SIZE };
}
