/* Positions on Earth as numbers: geohashes of up to 52 bits.
 *
 * Longitude and latitude are each halved `step` times, and the bits that tell
 * which half alternate, the longitude's first.  So a geohash names a cell, and
 * all positions in it have a range of 52-bit geohashes, which are the scores
 * of a sorted set.  The latitude's range is that of the Mercator projection.
 *
 * Results are to the bit those of redis 7.0.15 (geohash.c, geohash_helper.c). */
#ifndef COMMANDS_GEOHASH_H
#define COMMANDS_GEOHASH_H

#include <stdbool.h>
#include <stdint.h>

enum { GEOHASH_STEP_MAX = 26, GEOHASH_TEXT_SIZE = 11, GEOHASH_CELLS_MAX = 9 };

#define GEOHASH_LATITUDE_MAX 85.05112878
#define GEOHASH_LONGITUDE_MAX 180.0

struct geo_position {
	double longitude, latitude;
};

/* The area of a search: a circle, or a box that is `width` wide at each
 * latitude.  In meters. */
struct geo_area {
	struct geo_position center;
	bool is_box;
	double radius, width, height;
};

/* Scores from `low` to below `high`. */
struct geo_range {
	double low, high;
};

/* Whether the position can have a geohash: it is not too near to a pole. */
bool geohash_is_valid(struct geo_position position);

/* The score of a valid position, and the middle of a score's cell; false for a
 * score that is no geohash. */
double geohash_score(struct geo_position position);
bool geohash_position(double score, struct geo_position *position);

/* The usual geohash text (geohash.org), whose latitudes go to 90 degrees, of
 * eleven letters and a NUL. */
void geohash_text(
	struct geo_position position, char text[static GEOHASH_TEXT_SIZE + 1]);

/* Meters along the great circle. */
double geohash_distance(struct geo_position a, struct geo_position b);

/* Finds ranges of scores that cover the area: the cell of its center and those
 * around it that it reaches, in Redis' order.  Returns how many. */
int geohash_cover(const struct geo_area *area,
	struct geo_range ranges[static GEOHASH_CELLS_MAX]);

#endif
