/* Geo: positions as scores of a sorted set; adding and showing them, and the
 * family's rows. */
#include "commands/geo.h"

#include "commands/command.h"
#include "commands/errors.h"
#include "commands/families.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/sorted_sets.h"
#include "commands/strings.h"
#include "storage/base/number.h"
#include "storage/result.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>

enum { DISTANCE_SIZE = 32 };

/* Columns of sorted_set_score. */
enum { LOOK_TYPE = 1, LOOK_SCORE };

bool
geo_read_position(
	struct request *request, int index, struct geo_position *position)
{
	if (!request_read_double(request, index, &position->longitude) ||
		!request_read_double(request, index + 1, &position->latitude))
		return false;
	if (geohash_is_valid(*position))
		return true;
	request_reply_errorf(request,
		"ERR invalid longitude,latitude pair %f,%f",
		position->longitude, position->latitude);
	return false;
}

bool
geo_read_unit(struct request *request, int index, double *meters)
{
	static const struct {
		const char *name;
		double meters;
	} units[] = {
		{ "m", 1 },
		{ "km", 1000 },
		{ "ft", 0.3048 },
		{ "mi", 1609.34 },
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (request_is_word(request, index, units[i].name)) {
			*meters = units[i].meters;
			return true;
		}
	request_reply_error(request,
		"ERR unsupported unit provided. please use M, KM, FT, MI");
	return false;
}

void
geo_write_distance(struct request *request, double distance)
{
	int64_t parts = llrint(distance * 10000);
	char text[DISTANCE_SIZE];

	snprintf(text, sizeof(text), "%" PRId64 ".%04" PRId64, parts / 10000,
		parts % 10000);
	reply_bulk_text(&request->reply, text);
}

static void
write_coordinate(struct request *request, double degrees)
{
	char digits[NUMBER_LONG_DOUBLE_SIZE];

	number_print_long_double(digits, degrees);
	if (request->reply.protocol < 3) {
		reply_bulk_text(&request->reply, digits);
		return;
	}
	reply_raw(&request->reply, bytes_of(","));
	reply_raw(&request->reply, bytes_of(digits));
	reply_raw(&request->reply, bytes_of("\r\n"));
}

void
geo_write_position(struct request *request, struct geo_position position)
{
	reply_array(&request->reply, 2);
	write_coordinate(request, position.longitude);
	write_coordinate(request, position.latitude);
}

static void
cmd_geoadd(struct request *request)
{
	int first = 2, flags = 0, count, *indices;
	bool count_changed = false;
	double *scores;

	for (; first < request->argc; first++)
		if (request_is_word(request, first, "NX"))
			flags |= ADD_ONLY_NEW;
		else if (request_is_word(request, first, "XX"))
			flags |= ADD_ONLY_PRESENT;
		else if (request_is_word(request, first, "CH"))
			count_changed = true;
		else
			break;
	count = (request->argc - first) / 3;
	if (count == 0 || (request->argc - first) % 3 != 0 ||
		flags == (ADD_ONLY_NEW | ADD_ONLY_PRESENT)) {
		request_reply_syntax_error(request);
		return;
	}
	indices = request_allocate(request, (size_t)count * sizeof(*indices));
	scores = request_allocate(request, (size_t)count * sizeof(*scores));
	for (int i = 0; i < count; i++) {
		struct geo_position position;

		if (!geo_read_position(request, first + 3 * i, &position))
			return;
		scores[i] = geohash_score(position);
		indices[i] = first + 3 * i + 2;
	}
	sorted_sets_add(request, indices, scores, count, flags, count_changed);
}

/* Whether the result is an error or another type, which then is the
 * answer. */
static bool
has_replied(struct request *request, const struct result *result)
{
	if (request_failed(request, result))
		return true;
	strings_count_lookup(request, result->row_count > 0);
	if (result->row_count == 0 || result_char(result, 0, LOOK_TYPE) == 'z')
		return false;
	request_reply_error(request, ERROR_WRONG_TYPE);
	return true;
}

/* The position of the element's member; false when it is not there. */
static bool
find_position(
	const struct result *result, int element, struct geo_position *position)
{
	return result->row_count > 0 &&
		!result_is_null(result, element, LOOK_SCORE) &&
		geohash_position(
			result_double(result, element, LOOK_SCORE), position);
}

static void
geopos_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	struct geo_position position;

	if (has_replied(request, result))
		return;
	reply_array(&request->reply, (size_t)request->argc - 2);
	for (int i = 0; i < request->argc - 2; i++)
		if (find_position(result, i, &position))
			geo_write_position(request, position);
		else
			reply_null_array(&request->reply);
	request_finish(request);
}

static void
geohash_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	char text[GEOHASH_TEXT_SIZE + 1];
	struct geo_position position;

	if (has_replied(request, result))
		return;
	reply_array(&request->reply, (size_t)request->argc - 2);
	for (int i = 0; i < request->argc - 2; i++)
		if (find_position(result, i, &position)) {
			geohash_text(position, text);
			reply_bulk_text(&request->reply, text);
		} else {
			reply_null(&request->reply);
		}
	request_finish(request);
}

/* Looks the members up; without any, the key alone: it may be of another
 * type. */
static void
send_members(struct request *request,
	void (*done)(void *arg, const struct result *result))
{
	int count = request->argc - 2;

	sorted_sets_send_scores(
		request, 1, count > 0 ? 2 : 1, count > 0 ? count : 1, done);
}

static void
cmd_geopos(struct request *request)
{
	send_members(request, geopos_done);
}

static void
cmd_geohash(struct request *request)
{
	send_members(request, geohash_done);
}

static void
geodist_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	const double *meters = request->state;
	struct geo_position from, to;

	if (has_replied(request, result))
		return;
	if (find_position(result, 0, &from) && find_position(result, 1, &to))
		geo_write_distance(
			request, geohash_distance(from, to) / *meters);
	else
		reply_null(&request->reply);
	request_finish(request);
}

static void
cmd_geodist(struct request *request)
{
	double *meters = request_allocate(request, sizeof(*meters));

	*meters = 1;
	if (request->argc > 5)
		request_reply_syntax_error(request);
	else if (request->argc < 5 || geo_read_unit(request, 4, meters)) {
		request->state = meters;
		sorted_sets_send_scores(request, 1, 2, 2, geodist_done);
	}
}

const struct command geo_commands[] = {
	{
		.name = "geoadd",
		.usage = "key condition:[NX | XX]@6.2.0 [change=CH@6.2.0] "
			 "longitude_latitude_member:(longitude:double "
			 "latitude:double member)...",
		.summary = "Adds positions to a geospatial index.",
		.since = "3.2.0",
		.complexity = "O(log N) for each position",
		.group = GROUP_GEO,
		.arity = -5,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_LANE | CMD_WAKES,
		.categories = CATEGORY_GEO,
		.keys = { KEY_AT(1, KEY_RW | KEY_UPDATE) },
		.history = { "6.2.0 CH, NX and XX." },
		.run = cmd_geoadd,
	},
	{
		.name = "geodist",
		.usage = "key member1 member2 unit:[M | KM | FT | "
			 "MI]",
		.summary = "Tells the distance between two members.",
		.since = "3.2.0",
		.complexity = "O(1)",
		.group = GROUP_GEO,
		.arity = -4,
		.flags = CMD_READONLY | CMD_LANE,
		.categories = CATEGORY_GEO,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.run = cmd_geodist,
	},
	{
		.name = "geohash",
		.usage = "key member...",
		.summary = "Answers with members' positions as geohash texts.",
		.since = "3.2.0",
		.complexity = "O(1) for each member",
		.group = GROUP_GEO,
		.arity = -2,
		.flags = CMD_READONLY | CMD_LANE,
		.categories = CATEGORY_GEO,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.run = cmd_geohash,
	},
	{
		.name = "geopos",
		.usage = "key member...",
		.summary = "Answers with members' longitudes and latitudes.",
		.since = "3.2.0",
		.complexity = "O(1) for each member",
		.group = GROUP_GEO,
		.arity = -2,
		.flags = CMD_READONLY | CMD_LANE,
		.categories = CATEGORY_GEO,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.run = cmd_geopos,
	},
	{
		.name = "georadius",
		.usage = "key longitude:double latitude:double radius:double "
			 "unit:(M | KM | FT | MI) [WITHCOORD] "
			 "[WITHDIST] [WITHHASH] [COUNT count:integer "
			 "[ANY@6.2.0]] order:[ASC | DESC] [STORE key] "
			 "[STOREDIST key]",
		.summary = "Finds the members within a distance from a "
			   "position.",
		.since = "3.2.0",
		.complexity = "O(N + log M) with M members, N of them in cells "
			      "near by",
		.group = GROUP_GEO,
		.arity = -6,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_MOVABLE_KEYS | CMD_WAKES,
		.categories = CATEGORY_GEO,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS),
			{ .begin = KEY_BEGIN_KEYWORD,
				.index = 6,
				.keyword = "STORE",
				.key_step = 1,
				.access = KEY_OW | KEY_UPDATE },
			{ .begin = KEY_BEGIN_KEYWORD,
				.index = 6,
				.keyword = "STOREDIST",
				.key_step = 1,
				.access = KEY_OW | KEY_UPDATE } },
		.deprecated_since = "6.2.0",
		.replaced_by = "`GEOSEARCH` and `GEOSEARCHSTORE` with the "
			       "`BYRADIUS` argument",
		.history = { "6.2.0 ANY.", "7.0.0 Units in capitals." },
		.run = cmd_georadius,
	},
	{
		.name = "georadius_ro",
		.usage = "key longitude:double latitude:double radius:double "
			 "unit:(M | KM | FT | MI) [WITHCOORD] "
			 "[WITHDIST] [WITHHASH] [COUNT count:integer "
			 "[ANY@6.2.0]] order:[ASC | DESC]",
		.summary = "Finds the members within a distance from a "
			   "position.",
		.since = "3.2.10",
		.complexity = "O(N + log M) with M members, N of them in cells "
			      "near by",
		.group = GROUP_GEO,
		.arity = -6,
		.flags = CMD_READONLY | CMD_LANE | CMD_LISTING,
		.categories = CATEGORY_GEO,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.deprecated_since = "6.2.0",
		.replaced_by = "`GEOSEARCH` with the `BYRADIUS` argument",
		.history = { "6.2.0 ANY." },
		.run = cmd_georadius_ro,
	},
	{
		.name = "georadiusbymember",
		.usage = "key member radius:double unit:(M | KM | FT | "
			 "MI) [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT "
			 "count:integer [ANY]] order:[ASC | DESC] [STORE "
			 "key] [STOREDIST key]",
		.summary = "Finds the members within a distance from another.",
		.since = "3.2.0",
		.complexity = "O(N + log M) with M members, N of them in cells "
			      "near by",
		.group = GROUP_GEO,
		.arity = -5,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_MOVABLE_KEYS | CMD_WAKES,
		.categories = CATEGORY_GEO,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS),
			{ .begin = KEY_BEGIN_KEYWORD,
				.index = 5,
				.keyword = "STORE",
				.key_step = 1,
				.access = KEY_OW | KEY_UPDATE },
			{ .begin = KEY_BEGIN_KEYWORD,
				.index = 5,
				.keyword = "STOREDIST",
				.key_step = 1,
				.access = KEY_OW | KEY_UPDATE } },
		.deprecated_since = "6.2.0",
		.replaced_by = "`GEOSEARCH` and `GEOSEARCHSTORE` with the "
			       "`BYRADIUS` and `FROMMEMBER` arguments",
		.history = { "7.0.0 Units in capitals." },
		.run = cmd_georadiusbymember,
	},
	{
		.name = "georadiusbymember_ro",
		.usage = "key member radius:double unit:(M | KM | FT | "
			 "MI) [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT "
			 "count:integer [ANY]] order:[ASC | DESC]",
		.summary = "Finds the members within a distance from another.",
		.since = "3.2.10",
		.complexity = "O(N + log M) with M members, N of them in cells "
			      "near by",
		.group = GROUP_GEO,
		.arity = -5,
		.flags = CMD_READONLY | CMD_LANE | CMD_LISTING,
		.categories = CATEGORY_GEO,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.deprecated_since = "6.2.0",
		.replaced_by =
			"`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` "
			"arguments",
		.run = cmd_georadiusbymember_ro,
	},
	{
		.name = "geosearch",
		.usage = "key from:(FROMMEMBER member | FROMLONLAT "
			 "longitude_latitude:(longitude:double "
			 "latitude:double)) by:(circle:(BYRADIUS "
			 "radius:double unit:(M | KM | FT | MI)) | "
			 "box:(BYBOX width:double height:double unit:(M | "
			 "KM | FT | MI))) order:[ASC | DESC] [COUNT "
			 "count:integer [ANY]] [WITHCOORD] [WITHDIST] "
			 "[WITHHASH]",
		.summary = "Finds the members in a circle or box.",
		.since = "6.2.0",
		.complexity = "O(N + log M) with M members, N of them in cells "
			      "near by",
		.group = GROUP_GEO,
		.arity = -7,
		.flags = CMD_READONLY | CMD_LANE | CMD_LISTING,
		.categories = CATEGORY_GEO,
		.keys = { KEY_AT(1, KEY_RO | KEY_ACCESS) },
		.history = { "7.0.0 Units in capitals." },
		.run = cmd_geosearch,
	},
	{
		.name = "geosearchstore",
		.usage = "destination:key source:key from:(FROMMEMBER member "
			 "| FROMLONLAT longitude_latitude:(longitude:double "
			 "latitude:double)) by:(circle:(BYRADIUS "
			 "radius:double unit:(M | KM | FT | MI)) | "
			 "box:(BYBOX width:double height:double unit:(M | "
			 "KM | FT | MI))) order:[ASC | DESC] [COUNT "
			 "count:integer [ANY]] [STOREDIST]",
		.summary = "Stores the members in a circle or box.",
		.since = "6.2.0",
		.complexity = "O(N + log M) with M members, N of them in cells "
			      "near by",
		.group = GROUP_GEO,
		.arity = -8,
		.flags = CMD_WRITE | CMD_DENYOOM | CMD_WAKES,
		.categories = CATEGORY_GEO,
		.keys = { KEY_AT(1, KEY_OW | KEY_UPDATE),
			KEY_AT(2, KEY_RO | KEY_ACCESS) },
		.history = { "7.0.0 Units in capitals." },
		.run = cmd_geosearchstore,
	},
	{ 0 },
};
