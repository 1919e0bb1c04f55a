/* Values with their tags: TAG SET, TAG MSET.
 *
 * Plain ones run set-based, in their key's lane; what has a condition, a lease
 * or looks at the previous value, as a call each. */
#include "commands/tags.h"

#include "commands/command.h"
#include "commands/expiry.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/strings.h"
#include "storage/base/bytes.h"
#include "storage/base/number.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct tag_set {
	struct tag_names tags;
	const char *condition; /* NX, XX or NULL */
	bool get, keep_ttl;
	struct bytes lease; /* no data: none */
	struct expiry expiry;
};

/* --- reading --------------------------------------------------------- */

struct set_reader {
	struct request *request;
	struct tag_set *set;
	enum expiry_kind kind;
	enum expiry_unit unit;
	int index;
	bool counted; /* TAGS was given: maybe with no tag */
};

static bool
read_expiry(struct set_reader *reader)
{
	struct request *request = reader->request;

	if (reader->set->expiry.kind != EXPIRY_NONE || reader->set->keep_ttl ||
		reader->index + 1 >= request->argc) {
		tags_reply_expected(request,
			"at most one of EX, PX, EXAT and PXAT, with its "
			"number, and KEEPTTL");
		return false;
	}
	return expiry_read(request, ++reader->index, reader->kind, reader->unit,
		false, &reader->set->expiry);
}

static bool
is_token(struct bytes word)
{
	for (size_t i = 0; i < word.size; i++)
		if ((word.data[i] < '0' || word.data[i] > '9') &&
			word.data[i] != '.' && word.data[i] != ',')
			return false;
	return word.size > 0;
}

static bool
read_lease(struct set_reader *reader)
{
	struct request *request = reader->request;
	int index = ++reader->index;

	if (index >= request->argc) {
		tags_reply_expected(request, "a token behind LEASE");
		return false;
	}
	if (!is_token(request->argv[index])) {
		request_reply_error(request,
			"ERR invalid lease token, expected one that TAG LEASE "
			"gave");
		return false;
	}
	reader->set->lease = request->argv[index];
	return true;
}

static bool
read_condition(struct set_reader *reader, const char *condition)
{
	if (reader->set->condition != NULL &&
		strcmp(reader->set->condition, condition) != 0) {
		tags_reply_expected(reader->request, "NX or XX, not both");
		return false;
	}
	reader->set->condition = condition;
	return true;
}

static bool
read_keep_ttl(struct set_reader *reader)
{
	if (reader->set->expiry.kind != EXPIRY_NONE) {
		tags_reply_expected(
			reader->request, "an expiry or KEEPTTL, not both");
		return false;
	}
	reader->set->keep_ttl = true;
	return true;
}

static bool
read_word(struct set_reader *reader)
{
	struct request *request = reader->request;
	int index = reader->index;

	if (request_is_word(request, index, "TAGS")) {
		reader->counted = true;
		return tags_read_counted(
			request, &reader->index, &reader->set->tags);
	}
	if (request_is_word(request, index, "NX"))
		return read_condition(reader, "NX");
	if (request_is_word(request, index, "XX"))
		return read_condition(reader, "XX");
	if (request_is_word(request, index, "KEEPTTL"))
		return read_keep_ttl(reader);
	if (request_is_word(request, index, "LEASE"))
		return read_lease(reader);
	if (expiry_read_option(request, index, &reader->kind, &reader->unit))
		return read_expiry(reader);
	if (request_is_word(request, index, "GET"))
		reader->set->get = true;
	else
		tags_add(&reader->set->tags, request->argv[index]);
	return true;
}

static bool
has_too_many(struct request *request, const struct tag_names *tags)
{
	if (tags->count <= TAGS_OF_KEY_MAX)
		return false;
	request_reply_errorf(
		request, "ERR a key has at most %d tags", TAGS_OF_KEY_MAX);
	return true;
}

static bool
read_set(struct request *request, struct tag_set *set)
{
	struct set_reader reader = { .request = request, .set = set };

	*set = (struct tag_set){ .tags = tags_new_names(request) };
	for (reader.index = 4; reader.index < request->argc; reader.index++)
		if (!read_word(&reader))
			return false;
	if (set->tags.count == 0 && !reader.counted)
		tags_reply_expected(
			request, "at least one tag, or TAGS and their number");
	else if (set->get && set->lease.data != NULL)
		tags_reply_expected(request,
			"GET or LEASE, not both: the reply could not tell that "
			"the lease was refused");
	else
		return !has_too_many(request, &set->tags);
	return false;
}

/* --- sending --------------------------------------------------------- */

/* PostgreSQL's text form of bytea, with commas between the tags. */
static struct bytes
print_tags(struct request *request, const struct tag_names *tags)
{
	size_t size = 0;
	char *text, *at;

	for (uint32_t i = 0; i < tags->count; i++)
		size += 3 + 2 * tags->list[i].size;
	text = at = request_allocate(request, size + 1);
	for (uint32_t i = 0; i < tags->count; i++) {
		if (i > 0)
			*at++ = ',';
		*at++ = '\\';
		*at++ = 'x';
		at = bytes_write_hex(tags->list[i], at);
	}
	*at = '\0';
	return (struct bytes){ text, (size_t)(at - text) };
}

static void
stored_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (!request_failed(request, result))
		request_reply_ok(request);
}

static void
bind_entry(struct request *request, struct call *call, struct bytes key,
	struct bytes value, struct expiry expiry, const struct tag_names *tags)
{
	call_bind_key(call, request->db, key);
	strings_bind_value(call, value);
	expiry_bind(call, expiry);
	call_bind_text(call, print_tags(request, tags).data);
}

/* Columns of tag_set_if. */
enum { IF_ERROR, IF_DONE, IF_PREVIOUS };

static void
if_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	const struct tag_set *set = request->state;

	if (request_failed(request, result))
		return;
	if (!result_is_null(result, 0, IF_ERROR)) {
		request_reply_error(request, result_text(result, 0, IF_ERROR));
	} else if (set->get) {
		strings_count_lookup(
			request, !result_is_null(result, 0, IF_PREVIOUS));
		if (result_is_null(result, 0, IF_PREVIOUS))
			reply_null(&request->reply);
		else
			strings_reply_bytes(request, result, 0, IF_PREVIOUS);
		request_finish(request);
	} else if (result_int64(result, 0, IF_DONE)) {
		request_reply_ok(request);
	} else {
		request_reply_null(request);
	}
}

static void
send_looking(struct request *request, const struct tag_set *set)
{
	struct call *call =
		call_new(request->store, SQL_tag_set_if, if_done, request);

	call_bind_key(call, request->db, request->argv[2]);
	call_bind_bytes(call, request->argv[3]);
	call_bind_bytes_array(call, set->tags.list, set->tags.count);
	if (set->condition == NULL)
		call_bind_null(call, VALUE_TEXT);
	else
		call_bind_text(call, set->condition);
	expiry_bind(call, set->expiry);
	call_bind_bool(call, set->keep_ttl);
	call_bind_bool(call, set->get);
	if (set->lease.data == NULL)
		call_bind_null(call, VALUE_TEXT);
	else
		call_bind_text(call, request_copy_text(request, set->lease));
	call_send(call);
}

void
tags_run_set(struct request *request)
{
	struct tag_set *set = request_allocate(request, sizeof(*set));
	struct call *call;

	if (!read_set(request, set))
		return;
	request->state = set;
	if (set->condition != NULL || set->get || set->keep_ttl ||
		set->lease.data != NULL) {
		send_looking(request, set);
		return;
	}
	call = call_new(request->store, SQL_tag_set, stored_done, request);
	bind_entry(request, call, request->argv[2], request->argv[3],
		set->expiry, &set->tags);
	call_send(call);
}

/* --- many keys ------------------------------------------------------- */

/* An entry is: key value [EX seconds | …] TAGS n tag…  Returns the index behind
 * it, or -1 when the arguments are none; `expiry` is the index of its option or
 * 0, `tags` that of TAGS. */
static int
find_entry_end(
	const struct bytes *argv, int argc, int first, int *expiry, int *tags)
{
	int at = first + 2;
	int64_t count;

	*expiry = 0;
	if (at < argc && !bytes_is_word(argv[at], "TAGS")) {
		*expiry = at;
		at += 2;
	}
	if (at + 1 >= argc || !bytes_is_word(argv[at], "TAGS") ||
		!number_parse_int64(argv[at + 1], &count) || count < 0 ||
		count > argc - at - 2)
		return -1;
	*tags = at;
	return at + 2 + (int)count;
}

int
tags_find_mset_keys(const struct bytes *argv, int argc, int *indices,
	uint32_t *access, int capacity)
{
	int count = 0, expiry, tags;

	for (int at = 2; at < argc;) {
		if (count < capacity) {
			indices[count] = at;
			if (access != NULL)
				access[count] = KEY_OW | KEY_UPDATE;
		}
		count++;
		at = find_entry_end(argv, argc, at, &expiry, &tags);
		if (at < 0)
			return -1;
	}
	return count > 0 ? count : -1;
}

struct entry {
	struct bytes key, value;
	struct tag_names tags;
	struct expiry expiry;
	int index; /* of the key among the arguments */
};

/* By key; of equal ones the first given comes first. */
static int
compare_entries(const void *a, const void *b)
{
	const struct entry *left = a, *right = b;
	int order = bytes_compare(left->key, right->key);

	return order != 0 ? order : left->index - right->index;
}

static bool
read_entry(struct request *request, int *at, struct entry *entry)
{
	enum expiry_kind kind = EXPIRY_NONE;
	enum expiry_unit unit = EXPIRY_SECONDS;
	int expiry, tags,
		end = find_entry_end(
			request->argv, request->argc, *at, &expiry, &tags);

	*entry = (struct entry){ .index = *at };
	if (end < 0 ||
		(expiry > 0 &&
			!expiry_read_option(request, expiry, &kind, &unit))) {
		tags_reply_expected(request,
			"key value [EX s | PX ms | EXAT s | PXAT ms] TAGS n "
			"tag…, again and again");
		return false;
	}
	entry->key = request->argv[*at];
	entry->value = request->argv[*at + 1];
	entry->tags = tags_between(request, tags + 2, end);
	*at = end;
	return !has_too_many(request, &entry->tags) &&
		(expiry == 0 ||
			expiry_read(request, expiry + 1, kind, unit, false,
				&entry->expiry));
}

void
tags_run_mset(struct request *request)
{
	size_t most = (size_t)request->argc / 4, count = 0, bound = 0;
	struct entry *entries =
		request_allocate(request, (most + 1) * sizeof(*entries));
	struct call *call;

	for (int at = 2; at < request->argc; count++)
		if (!read_entry(request, &at, &entries[count]))
			return;
	qsort(entries, count, sizeof(*entries), compare_entries);
	call = call_new(request->store, SQL_tag_set, stored_done, request);
	for (size_t i = 0; i < count; i++) {
		/* The last entry of a key counts. */
		if (i + 1 < count &&
			bytes_equal(entries[i].key, entries[i + 1].key))
			continue;
		if (bound++ > 0)
			call_next_element(call);
		bind_entry(request, call, entries[i].key, entries[i].value,
			entries[i].expiry, &entries[i].tags);
	}
	call_send_route(call, request->route, request->db);
}
