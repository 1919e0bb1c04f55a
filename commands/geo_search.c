/* Searching around a position: GEOSEARCH, GEORADIUS and their like.
 *
 * The position of a member, where one is the center, is read first; then the
 * cells that cover the area are searched by ranges of scores, and what they
 * hold is measured and sorted, in one statement. */
#include "commands/geo.h"

#include "commands/errors.h"
#include "commands/listing.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/sorted_sets.h"
#include "commands/strings.h"
#include "storage/base/number.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stddef.h>

/* Columns of geo_search. */
enum {
	SEARCH_MEMBER = LISTING_FIRST,
	SEARCH_SCORE,
	SEARCH_DISTANCE,
	SEARCH_LONGITUDE,
	SEARCH_LATITUDE,
};

/* Columns of sorted_set_score. */
enum { LOOK_TYPE = 1, LOOK_SCORE };

/* What a command can say. */
enum {
	FORM_SEARCH = 1, /* the center and the area are options */
	FORM_STORE = 2, /* the first key is the destination */
	FORM_READ_ONLY = 4, /* no STORE */
};

enum sorting { SORT_NONE, SORT_NEAREST, SORT_FARTHEST };

struct search {
	int form, key; /* key: index of the searched set */
	int member; /* index of the member in the center; 0: a position */
	bool has_center, has_area;
	struct geo_area area; /* in units until it is searched */
	double unit; /* in meters */
	bool with_distance, with_hash, with_position, any;
	enum sorting sorting;
	int64_t count; /* 0: all */
	int store; /* index of the destination; 0: none */
	bool store_distance;
	const char *lows, *highs; /* arrays' texts */
	struct listing listing;
};

/* --- arguments ------------------------------------------------------- */

static bool
read_length(struct request *request, int index, double *length,
	const char *error, const char *negative)
{
	if (!number_parse_double(request->argv[index], length)) {
		request_reply_error(request, error);
		return false;
	}
	if (*length >= 0)
		return true;
	request_reply_error(request, negative);
	return false;
}

static bool
read_radius(struct request *request, struct search *search, int index)
{
	search->has_area = true;
	return read_length(request, index, &search->area.radius,
		       "ERR need numeric radius",
		       "ERR radius cannot be negative") &&
		geo_read_unit(request, index + 1, &search->unit);
}

static bool
read_box(struct request *request, struct search *search, int index)
{
	const char *negative = "ERR height or width cannot be negative";
	struct geo_area *area = &search->area;

	search->has_area = area->is_box = true;
	if (!number_parse_double(request->argv[index], &area->width)) {
		request_reply_error(request, "ERR need numeric width");
		return false;
	}
	return read_length(request, index + 1, &area->height,
		       "ERR need numeric height", negative) &&
		read_length(request, index, &area->width, "", negative) &&
		geo_read_unit(request, index + 2, &search->unit);
}

static bool
read_count(struct request *request, struct search *search, int index)
{
	if (!request_read_int64(request, index, &search->count))
		return false;
	if (search->count > 0)
		return true;
	request_reply_error(request, "ERR COUNT must be > 0");
	return false;
}

/* An option of one word; false when it is none. */
static bool
read_word(const struct request *request, struct search *search, int index)
{
	if (request_is_word(request, index, "WITHDIST"))
		search->with_distance = true;
	else if (request_is_word(request, index, "WITHHASH"))
		search->with_hash = true;
	else if (request_is_word(request, index, "WITHCOORD"))
		search->with_position = true;
	else if (request_is_word(request, index, "ANY"))
		search->any = true;
	else if (request_is_word(request, index, "ASC"))
		search->sorting = SORT_NEAREST;
	else if (request_is_word(request, index, "DESC"))
		search->sorting = SORT_FARTHEST;
	else if (search->form & FORM_STORE &&
		request_is_word(request, index, "STOREDIST"))
		search->store_distance = true;
	else
		return false;
	return true;
}

/* An option of GEOSEARCH for center or area: the arguments it takes behind
 * its name, 0 when it is none, or -1 when it has replied. */
static int
read_place(struct request *request, struct search *search, int index)
{
	int left = request->argc - index - 1;
	bool by_member = search->member > 0;

	if (left >= 1 && (!search->has_center || by_member) &&
		request_is_word(request, index, "FROMMEMBER")) {
		search->has_center = true;
		search->member = index + 1;
		return 1;
	}
	if (left >= 2 && !by_member &&
		request_is_word(request, index, "FROMLONLAT")) {
		search->has_center = true;
		return geo_read_position(
			       request, index + 1, &search->area.center) ?
			2 :
			-1;
	}
	if (left >= 2 && !search->area.is_box &&
		request_is_word(request, index, "BYRADIUS"))
		return read_radius(request, search, index + 1) ? 2 : -1;
	if (left >= 3 && (!search->has_area || search->area.is_box) &&
		request_is_word(request, index, "BYBOX"))
		return read_box(request, search, index + 1) ? 3 : -1;
	return 0;
}

static bool
read_store(struct request *request, struct search *search, int index)
{
	bool distance = request_is_word(request, index, "STOREDIST");

	if (search->form != 0 || index + 1 >= request->argc ||
		(!distance && !request_is_word(request, index, "STORE")))
		return false;
	search->store = index + 1;
	search->store_distance = distance;
	return true;
}

static bool
read_options(struct request *request, struct search *search, int first)
{
	for (int i = first; i < request->argc; i++) {
		int taken = 0;

		if (read_word(request, search, i))
			continue;
		if (i + 1 < request->argc &&
			request_is_word(request, i, "COUNT")) {
			if (!read_count(request, search, i + 1))
				return false;
			taken = 1;
		} else if (read_store(request, search, i)) {
			taken = 1;
		} else if (search->form & FORM_SEARCH) {
			taken = read_place(request, search, i);
		}
		if (taken == 0)
			request_reply_syntax_error(request);
		if (taken <= 0)
			return false;
		i += taken;
	}
	return true;
}

/* Whether the options fit together; if not, it has replied. */
static bool
check_options(struct request *request, const struct search *search)
{
	const char *name = search->form & FORM_STORE ?
		"GEOSEARCHSTORE" :
		"STORE option in GEORADIUS";
	struct bytes sent = request->argv[0];

	if (search->store > 0 &&
		(search->with_distance || search->with_hash ||
			search->with_position))
		request_reply_errorf(request,
			"ERR %s is not compatible with WITHDIST, WITHHASH and "
			"WITHCOORD options",
			name);
	else if (!search->has_center)
		request_reply_errorf(request,
			"ERR exactly one of FROMMEMBER or FROMLONLAT can be "
			"specified for %.*s",
			(int)sent.size, sent.data);
	else if (!search->has_area)
		request_reply_errorf(request,
			"ERR exactly one of BYRADIUS and BYBOX can be "
			"specified for %.*s",
			(int)sent.size, sent.data);
	else if (search->any && search->count == 0)
		request_reply_error(request,
			"ERR the ANY argument requires COUNT argument");
	else
		return true;
	return false;
}

/* --- the search ------------------------------------------------------ */

static void
bind_area(struct call *call, const struct search *search)
{
	const struct geo_area *area = &search->area;

	call_bind_text(call, search->lows);
	call_bind_text(call, search->highs);
	call_bind_double(call, area->center.longitude);
	call_bind_double(call, area->center.latitude);
	if (area->is_box) {
		call_bind_null(call, VALUE_DOUBLE);
		call_bind_double(call, area->width);
		call_bind_double(call, area->height);
	} else {
		call_bind_double(call, area->radius);
		call_bind_null(call, VALUE_DOUBLE);
		call_bind_null(call, VALUE_DOUBLE);
	}
	call_bind_int32(call, search->sorting);
	call_bind_optional_int64(call, search->count > 0, search->count);
	call_bind_bool(call, search->any);
}

static void
bind_search(struct request *request, struct call *call)
{
	const struct search *search = request->state;

	call_bind_key(call, request->db, request->argv[search->key]);
	bind_area(call, search);
}

static void
write_found(struct request *request, const struct result *result, int row)
{
	const struct search *search = request->state;
	int options = search->with_distance + search->with_hash +
		search->with_position;

	if (options > 0)
		reply_array(&request->reply, (size_t)options + 1);
	strings_reply_bytes(request, result, row, SEARCH_MEMBER);
	if (search->with_distance)
		geo_write_distance(request,
			result_double(result, row, SEARCH_DISTANCE) /
				search->unit);
	if (search->with_hash)
		reply_integer(&request->reply,
			(int64_t)result_double(result, row, SEARCH_SCORE));
	if (search->with_position)
		geo_write_position(request,
			(struct geo_position){
				result_double(result, row, SEARCH_LONGITUDE),
				result_double(result, row, SEARCH_LATITUDE) });
}

static void
stored_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	const struct search *search = request->state;

	sorted_sets_reply_stored_at(request, result, search->store);
}

static void
send_store(struct request *request, const struct search *search)
{
	struct call *call = call_new(
		request->store, SQL_geo_search_store, stored_done, request);

	call_bind_key(call, request->db, request->argv[search->store]);
	call_bind_bytes(call, request->argv[search->key]);
	bind_area(call, search);
	if (search->store_distance)
		call_bind_double(call, search->unit);
	else
		call_bind_null(call, VALUE_DOUBLE);
	call_send_route(call, request->route, request->db);
}

/* Searches around the center, which is known now. */
static void
send_search(struct request *request, struct search *search)
{
	struct geo_range ranges[GEOHASH_CELLS_MAX];
	double lows[GEOHASH_CELLS_MAX], highs[GEOHASH_CELLS_MAX];
	int count;

	search->area.radius *= search->unit;
	search->area.width *= search->unit;
	search->area.height *= search->unit;
	if (search->count > 0 && search->sorting == SORT_NONE && !search->any)
		search->sorting = SORT_NEAREST;
	count = geohash_cover(&search->area, ranges);
	for (int i = 0; i < count; i++) {
		lows[i] = ranges[i].low;
		highs[i] = ranges[i].high;
	}
	search->lows = sorted_sets_array_text(request, lows, count);
	search->highs = sorted_sets_array_text(request, highs, count);
	if (search->store > 0) {
		send_store(request, search);
		return;
	}
	search->listing = (struct listing){
		.statement = SQL_geo_search,
		.shape = LISTING_ARRAY,
		.type = 'z',
		.replies_per_row = 1,
		.bind = bind_search,
		.write_row = write_found,
	};
	listing_send(request, &search->listing);
}

/* Takes the center from the member that was looked up.  Without a key it stays
 * as it is: nothing will be found.  False when the result is an error, which
 * then is the answer. */
static bool
take_center(struct request *request, struct search *search,
	const struct result *result)
{
	if (request_failed(request, result))
		return false;
	if (result->row_count == 0)
		return true;
	if (result_char(result, 0, LOOK_TYPE) != 'z')
		request_reply_error(request, ERROR_WRONG_TYPE);
	else if (result_is_null(result, 0, LOOK_SCORE) ||
		!geohash_position(result_double(result, 0, LOOK_SCORE),
			&search->area.center))
		request_reply_error(
			request, "ERR could not decode requested zset member");
	else
		return true;
	return false;
}

static void
member_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	struct search *search = request->state;

	if (take_center(request, search, result))
		send_search(request, search);
}

static void
start(struct request *request, struct search *search, int first_option)
{
	request->state = search;
	if (!read_options(request, search, first_option) ||
		!check_options(request, search))
		return;
	if (search->member > 0)
		sorted_sets_send_scores(
			request, search->key, search->member, 1, member_done);
	else
		send_search(request, search);
}

static struct search *
new_search(struct request *request, int form)
{
	struct search *search = request_allocate(request, sizeof(*search));

	*search = (struct search){ .form = form, .key = 1, .unit = 1 };
	return search;
}

static void
search_around_position(struct request *request, int form)
{
	struct search *search = new_search(request, form);

	search->has_center = true;
	if (geo_read_position(request, 2, &search->area.center) &&
		read_radius(request, search, 4))
		start(request, search, 6);
}

/* The member comes first here: Redis reads no radius when there is no key. */
static void
center_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	struct search *search = request->state;
	bool found = result->row_count > 0;

	if (!take_center(request, search, result) ||
		(found && !read_radius(request, search, 3)))
		return;
	search->has_area = true;
	if (read_options(request, search, 5) && check_options(request, search))
		send_search(request, search);
}

static void
search_around_member(struct request *request, int form)
{
	struct search *search = new_search(request, form);

	search->has_center = true;
	request->state = search;
	sorted_sets_send_scores(request, search->key, 2, 1, center_done);
}

void
cmd_georadius(struct request *request)
{
	search_around_position(request, 0);
}

void
cmd_georadius_ro(struct request *request)
{
	search_around_position(request, FORM_READ_ONLY);
}

void
cmd_georadiusbymember(struct request *request)
{
	search_around_member(request, 0);
}

void
cmd_georadiusbymember_ro(struct request *request)
{
	search_around_member(request, FORM_READ_ONLY);
}

void
cmd_geosearch(struct request *request)
{
	start(request, new_search(request, FORM_SEARCH), 2);
}

void
cmd_geosearchstore(struct request *request)
{
	struct search *search = new_search(request, FORM_SEARCH | FORM_STORE);

	search->store = 1;
	search->key = 2;
	start(request, search, 3);
}
