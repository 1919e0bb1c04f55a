/* Tags among options; see tags.h. */
#include "commands/tags.h"

#include "commands/keys.h"
#include "commands/request.h"
#include "commands/table.h"
#include "commands/server.h"
#include "storage/base/number.h"
#include "storage/call.h"

#include <stddef.h>

enum { FILTER_COUNT = 100, FILTER_COUNT_MAX = 10000 };

struct tag_names
tags_new_names(struct request *request)
{
	struct tag_names names = {
		.list = request_allocate(
			request, (size_t)request->argc * sizeof(*names.list)),
	};

	return names;
}

void
tags_add(struct tag_names *names, struct bytes tag)
{
	names->list[names->count++] = tag;
}

struct tag_names
tags_between(struct request *request, int first, int end)
{
	return (struct tag_names){ request->argv + first,
		(uint32_t)(end - first) };
}

void
tags_reply_expected(struct request *request, const char *expected)
{
	request_reply_errorf(
		request, "ERR syntax error, expected %s", expected);
}

bool
tags_read_counted(struct request *request, int *index, struct tag_names *names)
{
	int64_t count = -1;

	if (*index + 1 < request->argc)
		number_parse_int64(request->argv[*index + 1], &count);
	if (count < 0 || count > request->argc - *index - 2) {
		tags_reply_expected(
			request, "TAGS, the number of tags, and as many tags");
		return false;
	}
	*index += 2;
	for (int64_t i = 0; i < count; i++)
		tags_add(names, request->argv[*index + i]);
	*index += (int)count - 1;
	return true;
}

/* --- filters --------------------------------------------------------- */

struct filter_reader {
	struct request *request;
	struct tag_filter *filter;
	struct tag_names *names; /* that a plain word goes to */
	uint32_t options;
	int index;
};

static bool
read_option(struct filter_reader *reader, uint32_t option, bool *value)
{
	struct request *request = reader->request;

	if (!(reader->options & option)) {
		request_reply_errorf(request,
			"ERR syntax error, %.20s is no option of '%s'; "
			"a tag of that name follows TAGS 1",
			request->argv[reader->index].data,
			command_table_full_name(
				request->server->commands, request->command));
		return false;
	}
	*value = true;
	return true;
}

static bool
read_number(struct filter_reader *reader, int64_t *value)
{
	bool given;

	if (!read_option(reader, TAG_WITH_PAGES, &given))
		return false;
	if (++reader->index >= reader->request->argc) {
		tags_reply_expected(
			reader->request, "a number behind CURSOR and COUNT");
		return false;
	}
	return value == &reader->filter->cursor ?
		keys_read_cursor(reader->request, reader->index, value) :
		request_read_int64(reader->request, reader->index, value);
}

static bool
read_word(struct filter_reader *reader)
{
	struct request *request = reader->request;
	struct tag_filter *filter = reader->filter;
	int index = reader->index;

	if (request_is_word(request, index, "TAGS"))
		return tags_read_counted(
			request, &reader->index, reader->names);
	if (request_is_word(request, index, "ANY"))
		filter->any = true;
	else if (request_is_word(request, index, "ALL"))
		filter->all = true;
	else if (request_is_word(request, index, "NOT"))
		reader->names = &filter->without;
	else if (request_is_word(request, index, "CURSOR"))
		return read_number(reader, &filter->cursor);
	else if (request_is_word(request, index, "COUNT"))
		return read_number(reader, &filter->count);
	else if (request_is_word(request, index, "WITHVALUES"))
		return read_option(
			reader, TAG_WITH_PAGES, &filter->with_values);
	else if (request_is_word(request, index, "SOFT"))
		return read_option(reader, TAG_WITH_SOFT, &filter->soft);
	else
		tags_add(reader->names, request->argv[index]);
	return true;
}

bool
tags_read_filter(
	struct request *request, uint32_t options, struct tag_filter *filter)
{
	struct filter_reader reader = { request, filter, &filter->tags, options,
		2 };

	*filter = (struct tag_filter){
		.tags = tags_new_names(request),
		.without = tags_new_names(request),
		.count = FILTER_COUNT,
	};
	for (; reader.index < request->argc; reader.index++)
		if (!read_word(&reader))
			return false;
	if (filter->any && filter->all)
		tags_reply_expected(request, "ANY or ALL, not both");
	else if (filter->tags.count == 0)
		tags_reply_expected(request, "at least one tag before NOT");
	else if (reader.names == &filter->without && filter->without.count == 0)
		tags_reply_expected(request, "at least one tag behind NOT");
	else if (filter->count < 1 || filter->count > FILTER_COUNT_MAX)
		request_reply_errorf(
			request, "ERR COUNT must be 1 to %d", FILTER_COUNT_MAX);
	else
		return true;
	return false;
}

void
tags_bind_filter(struct request *request, struct call *call,
	const struct tag_filter *filter)
{
	call_bind_int32(call, request->db);
	call_bind_bytes_array(call, filter->tags.list, filter->tags.count);
	call_bind_bool(call, filter->all);
	call_bind_bytes_array(
		call, filter->without.list, filter->without.count);
}
