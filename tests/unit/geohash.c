/* Geohashes: scores, texts, distances, and the cells that cover an area. */
#include "commands/geohash.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

static struct geo_position
at(double longitude, double latitude)
{
	return (struct geo_position){ longitude, latitude };
}

/* A number from 0 to below `most`. */
static double
draw(double most)
{
	return most * rand() / ((double)RAND_MAX + 1);
}

Test(geohash, scores_are_those_of_redis)
{
	cr_expect_eq(geohash_score(at(13.361389, 38.115556)), 3479099956230698);
	cr_expect_eq(geohash_score(at(15.087269, 37.502669)), 3479447370796909);
	cr_expect_eq(geohash_score(at(-180, -GEOHASH_LATITUDE_MAX)), 0);
}

Test(geohash, a_score_gives_the_position_back)
{
	struct geo_position position;

	cr_assert(geohash_position(3479099956230698, &position));
	cr_expect_eq(position.longitude, 13.36138933897018433);
	cr_expect_eq(position.latitude, 38.11555639549629859);
	for (int i = 0; i < 10000; i++) {
		struct geo_position drawn = at(draw(360) - 180, draw(170) - 85);

		cr_assert(geohash_position(geohash_score(drawn), &position));
		cr_expect_float_eq(position.longitude, drawn.longitude, 3e-6);
		cr_expect_float_eq(position.latitude, drawn.latitude, 2e-6);
	}
}

Test(geohash, what_is_no_score_has_no_position)
{
	struct geo_position position;

	cr_expect_not(geohash_position(-1, &position));
	cr_expect_not(geohash_position(INFINITY, &position));
	cr_expect_not(geohash_position(NAN, &position));
	cr_expect_not(geohash_is_valid(at(180.1, 0)));
	cr_expect_not(geohash_is_valid(at(0, -85.06)));
	cr_expect_not(geohash_is_valid(at(NAN, 0)));
	cr_expect(geohash_is_valid(at(-180, GEOHASH_LATITUDE_MAX)));
}

Test(geohash, the_edge_of_the_map_keeps_its_position)
{
	struct geo_position position, edge = at(180, GEOHASH_LATITUDE_MAX);

	cr_assert(geohash_position(geohash_score(edge), &position));
	cr_expect_eq(position.longitude, edge.longitude);
	cr_expect_eq(position.latitude, edge.latitude);
}

Test(geohash, texts_are_those_of_geohash_org)
{
	char text[GEOHASH_TEXT_SIZE + 1];
	struct geo_position position;

	geohash_position(3479099956230698, &position);
	geohash_text(position, text);
	cr_expect_str_eq(text, "sqc8b49rny0");
	geohash_position(3479447370796909, &position);
	geohash_text(position, text);
	cr_expect_str_eq(text, "sqdtr74hyu0");
}

Test(geohash, distances_are_along_the_sphere)
{
	double quarter = M_PI / 2 * 6372797.560856;

	cr_expect_float_eq(
		geohash_distance(at(13.36138933897018433, 38.11555639549629859),
			at(15.08726745843887329, 37.50266842333162032)),
		166274.1516, 1e-4);
	cr_expect_float_eq(
		geohash_distance(at(0, 0), at(90, 0)), quarter, 1e-3);
	cr_expect_float_eq(
		geohash_distance(at(5, 0), at(5, 45)), quarter / 2, 1e-3);
	cr_expect_eq(geohash_distance(at(1, 2), at(1, 2)), 0);
}

static bool
covers(const struct geo_range *ranges, int count, double score)
{
	for (int i = 0; i < count; i++)
		if (score >= ranges[i].low && score < ranges[i].high)
			return true;
	return false;
}

Test(geohash, cells_cover_what_is_within_the_radius)
{
	struct geo_range ranges[GEOHASH_CELLS_MAX];

	for (int i = 0; i < 20000; i++) {
		struct geo_area area = {
			.center = at(draw(360) - 180, draw(130) - 65),
			.radius = exp(draw(13)),
		};
		double degrees = area.radius / 111000;
		struct geo_position near = at(
			area.center.longitude + draw(2 * degrees) - degrees,
			area.center.latitude + draw(2 * degrees) - degrees);
		int count;

		if (!geohash_is_valid(near) ||
			geohash_distance(area.center, near) > area.radius)
			continue;
		count = geohash_cover(&area, ranges);
		cr_assert(covers(ranges, count, geohash_score(near)),
			"%f %f is %f m from %f %f, radius %f", near.longitude,
			near.latitude, geohash_distance(area.center, near),
			area.center.longitude, area.center.latitude,
			area.radius);
	}
}

Test(geohash, ranges_do_not_overlap)
{
	struct geo_range ranges[GEOHASH_CELLS_MAX];

	for (int i = 0; i < 2000; i++) {
		struct geo_area area = {
			.center = at(draw(360) - 180, draw(160) - 80),
			.is_box = true,
			.width = exp(draw(18)),
			.height = exp(draw(18)),
		};
		int count = geohash_cover(&area, ranges);

		cr_assert_geq(count, 1);
		for (int j = 0; j < count; j++)
			for (int k = 0; k < j; k++)
				cr_expect(ranges[j].low >= ranges[k].high ||
					ranges[j].high <= ranges[k].low);
	}
}
