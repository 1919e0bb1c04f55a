/* SORT and SORT_RO: the elements of a collection in order, as the reply or as
 * a new list. */
#include "commands/blocking.h"
#include "commands/command.h"
#include "commands/errors.h"
#include "commands/families.h"
#include "commands/listing.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/strings.h"
#include "storage/base/bytes.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ERROR_NOT_NUMBERS \
	"ERR One or more scores can't be converted into double"

/* sort_list's column behind those of every listing. */
enum { SORT_VALUE = LISTING_FIRST + 1 };

struct sort {
	const struct bytes *by, *store; /* NULL: not given */
	struct bytes *got; /* the patterns of GET */
	uint32_t got_count;
	int64_t start, count;
	bool descending, alpha, writes;
};

/* Whether a pattern names other keys, and not always the same. */
static bool
has_star(struct bytes pattern)
{
	return memchr(pattern.data, '*', strnlen(pattern.data, pattern.size)) !=
		NULL;
}

static void
take_by(struct sort *sort, const struct bytes *pattern)
{
	/* A pattern without a star means not to sort, and goes on meaning it
	 * when another follows. */
	if (sort->by == NULL || has_star(*sort->by))
		sort->by = pattern;
}

/* Reads the option at `index`; how many arguments it has, or -1 when it has
 * replied and finished. */
static int
read_option(struct request *request, struct sort *sort, int index)
{
	int left = request->argc - index - 1;

	if (request_is_word(request, index, "ASC")) {
		sort->descending = false;
		return 0;
	}
	if (request_is_word(request, index, "DESC")) {
		sort->descending = true;
		return 0;
	}
	if (request_is_word(request, index, "ALPHA")) {
		sort->alpha = true;
		return 0;
	}
	if (left >= 2 && request_is_word(request, index, "LIMIT")) {
		bool read =
			request_read_int64(request, index + 1, &sort->start) &&
			request_read_int64(request, index + 2, &sort->count);

		return read ? 2 : -1;
	}
	if (left >= 1 && sort->writes &&
		request_is_word(request, index, "STORE")) {
		sort->store = &request->argv[index + 1];
		return 1;
	}
	if (left >= 1 && request_is_word(request, index, "BY")) {
		take_by(sort, &request->argv[index + 1]);
		return 1;
	}
	if (left >= 1 && request_is_word(request, index, "GET")) {
		sort->got[sort->got_count++] = request->argv[index + 1];
		return 1;
	}
	request_reply_syntax_error(request);
	return -1;
}

/* NULL when it has replied and finished. */
static struct sort *
read_sort(struct request *request)
{
	struct sort *sort = request_allocate(request, sizeof(*sort));

	*sort = (struct sort){
		.count = -1,
		.writes = (request->command->flags & CMD_WRITE) != 0,
		.got = request_allocate(request,
			(size_t)request->argc / 2 * sizeof(*sort->got)),
	};
	for (int i = 2; i < request->argc; i++) {
		int arguments = read_option(request, sort, i);

		if (arguments < 0)
			return NULL;
		i += arguments;
	}
	return sort;
}

static void
bind_options(const struct sort *sort, struct call *call)
{
	if (sort->by != NULL)
		call_bind_bytes(call, *sort->by);
	else
		call_bind_null(call, VALUE_BYTES);
	call_bind_bytes_array(call, sort->got, sort->got_count);
	call_bind_int64(call, sort->start);
	call_bind_int64(call, sort->count);
	call_bind_bool(call, sort->descending);
	call_bind_bool(call, sort->alpha);
}

/* --- the reply ------------------------------------------------------- */

static void
bind_list(struct request *request, struct call *call)
{
	call_bind_key(call, request->db, request->argv[1]);
	bind_options(request->state, call);
	/* What a script is given must not depend on chance. */
	call_bind_bool(call, request->never_blocks);
}

static void
write_value(struct request *request, const struct result *result, int row)
{
	if (result_is_null(result, row, SORT_VALUE))
		reply_null(&request->reply);
	else
		strings_reply_bytes(request, result, row, SORT_VALUE);
}

static const char *
find_error(char type)
{
	return type == 'n' ? ERROR_NOT_NUMBERS : ERROR_WRONG_TYPE;
}

static const struct listing sorted = {
	.statement = SQL_sort_list,
	.shape = LISTING_ARRAY,
	.type = 'l',
	.replies_per_row = 1,
	.bind = bind_list,
	.write_row = write_value,
	.find_error = find_error,
};

/* --- a new list ------------------------------------------------------ */

static void
stored_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	const struct sort *sort = request->state;

	if (request_failed(request, result))
		return;
	if (!result_is_null(result, 0, 0)) {
		request_reply_error(request, result_text(result, 0, 0));
		return;
	}
	reply_integer(&request->reply, result_int64(result, 0, 1));
	blocking_finish(request, request->db, sort->store, 1);
}

static void
send_store(struct request *request, const struct sort *sort)
{
	struct call *call =
		call_new(request->store, SQL_sort_store, stored_done, request);

	call_bind_key(call, request->db, request->argv[1]);
	call_bind_key(call, request->db, *sort->store);
	bind_options(sort, call);
	call_send_route(call, ROUTE_JOINT, request->db);
}

static void
cmd_sort(struct request *request)
{
	struct sort *sort = read_sort(request);

	if (sort == NULL)
		return;
	request->state = sort;
	if (sort->store != NULL)
		send_store(request, sort);
	else
		listing_send(request, &sorted);
}

/* --- keys ------------------------------------------------------------ */

static int
add_key(int *indices, uint32_t *access, int capacity, int count, int index,
	uint32_t flags)
{
	if (count < capacity) {
		indices[count] = index;
		if (access != NULL)
			access[count] = flags;
	}
	return count + 1;
}

static int
find_source(const struct bytes *argv, int argc, int *indices, uint32_t *access,
	int capacity)
{
	(void)argv;
	if (argc < 2)
		return -1;
	return add_key(indices, access, capacity, 0, 1, KEY_RO | KEY_ACCESS);
}

/* The source, and the destination of the last STORE. */
static int
find_both(const struct bytes *argv, int argc, int *indices, uint32_t *access,
	int capacity)
{
	int store = 0;
	int count = find_source(argv, argc, indices, access, capacity);

	for (int i = 2; i < argc; i++) {
		if (bytes_is_word(argv[i], "LIMIT"))
			i += 2;
		else if (bytes_is_word(argv[i], "GET") ||
			bytes_is_word(argv[i], "BY"))
			i++;
		else if (bytes_is_word(argv[i], "STORE") && i + 1 < argc)
			store = i + 1;
	}
	if (count < 0 || store == 0)
		return count;
	return add_key(
		indices, access, capacity, count, store, KEY_OW | KEY_UPDATE);
}

/* clang-format off */
#define PATTERN_KEYS { \
		.begin = KEY_BEGIN_UNKNOWN, .find = KEY_FIND_UNKNOWN, \
		.access = KEY_RO | KEY_ACCESS, \
		.notes = "The keys of BY and GET follow from the elements.", \
	}
/* clang-format on */

const struct command sort_commands[] = {
	{
		.name = "sort",
		.usage =
			"key [BY pattern:pattern#1] [LIMIT offset_count:(offset:integer count:integer)] [GET pattern:pattern#1]... order:[ASC | DESC] [sorting=ALPHA] [STORE destination:key#2]",
		.summary =
			"Puts the elements of a list, set or sorted set in order, or stores them so.",
		.since = "1.0.0",
		.complexity =
			"O(N*log(N)) in the elements; O(N) in those asked for when they are not sorted",
		.group = GROUP_GENERIC,
		.arity = -2,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_WAKES,
		.categories = CATEGORY_SET | CATEGORY_SORTEDSET |
			CATEGORY_LIST | CATEGORY_DANGEROUS,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS), PATTERN_KEYS,
			{
				.begin = KEY_BEGIN_UNKNOWN,
				.find = KEY_FIND_UNKNOWN,
				.access = KEY_OW | KEY_UPDATE,
				.notes =
					"STORE may stand anywhere among the options.",
			} },
		.run = cmd_sort,
		.find_keys = find_both,
	},
	{
		.name = "sort_ro",
		.usage =
			"key [BY pattern:pattern#1] [LIMIT offset_count:(offset:integer count:integer)] [GET pattern:pattern#1]... order:[ASC | DESC] [sorting=ALPHA]",
		.summary =
			"Puts the elements of a list, set or sorted set in order, and only reads.",
		.since = "7.0.0",
		.complexity =
			"O(N*log(N)) in the elements; O(N) in those asked for when they are not sorted",
		.group = GROUP_GENERIC,
		.arity = -2,
		.flags = CMD_READONLY,
		.categories = CATEGORY_SET | CATEGORY_SORTEDSET |
			CATEGORY_LIST | CATEGORY_DANGEROUS,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS), PATTERN_KEYS },
		.run = cmd_sort,
		.find_keys = find_source,
	},
	{ 0 },
};
