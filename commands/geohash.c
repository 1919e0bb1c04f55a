/* Geohashes; see geohash.h. */
#include "commands/geohash.h"

#include <math.h>
#include <stddef.h>

/* Meters: Earth's radius, and half the side of the Mercator projection. */
#define EARTH_RADIUS 6372797.560856
#define MERCATOR_MAX 20037726.37
#define RADIAN (M_PI / 180.0)

enum { BITS = 2 * GEOHASH_STEP_MAX };

/* A cell by the numbers of its column and row, of 2^step each. */
struct cell {
	uint64_t column, row;
};

/* The edges of a cell. */
struct edges {
	double west, east, south, north;
};

bool
geohash_is_valid(struct geo_position position)
{
	return position.longitude >= -GEOHASH_LONGITUDE_MAX &&
		position.longitude <= GEOHASH_LONGITUDE_MAX &&
		position.latitude >= -GEOHASH_LATITUDE_MAX &&
		position.latitude <= GEOHASH_LATITUDE_MAX;
}

/* Moves the lower 32 bits apart: bit n becomes bit 2n. */
static uint64_t
spread(uint64_t bits)
{
	static const uint64_t masks[] = { 0x0000ffff0000ffff,
		0x00ff00ff00ff00ff, 0x0f0f0f0f0f0f0f0f, 0x3333333333333333,
		0x5555555555555555 };

	bits &= UINT32_MAX;
	for (int i = 0; i < 5; i++)
		bits = (bits | bits << (16 >> i)) & masks[i];
	return bits;
}

/* The reverse, of the even bits. */
static uint64_t
gather(uint64_t bits)
{
	static const uint64_t masks[] = { 0x3333333333333333,
		0x0f0f0f0f0f0f0f0f, 0x00ff00ff00ff00ff, 0x0000ffff0000ffff,
		0x00000000ffffffff };

	bits &= 0x5555555555555555;
	for (int i = 0; i < 5; i++)
		bits = (bits | bits >> (1 << i)) & masks[i];
	return bits;
}

static uint64_t
cell_bits(struct cell cell)
{
	return spread(cell.row) | spread(cell.column) << 1;
}

static struct cell
find_cell(struct geo_position position, double latitude_max, int step)
{
	double latitude = (position.latitude + latitude_max) /
		(latitude_max + latitude_max);
	double longitude = (position.longitude + GEOHASH_LONGITUDE_MAX) /
		(GEOHASH_LONGITUDE_MAX + GEOHASH_LONGITUDE_MAX);
	double count = (double)(1ULL << step);

	return (struct cell){ (uint64_t)(longitude * count),
		(uint64_t)(latitude * count) };
}

static struct edges
cell_edges(struct cell cell, int step)
{
	double count = (double)(1ULL << step);
	double height = GEOHASH_LATITUDE_MAX + GEOHASH_LATITUDE_MAX;
	double width = GEOHASH_LONGITUDE_MAX + GEOHASH_LONGITUDE_MAX;

	return (struct edges){
		.west = -GEOHASH_LONGITUDE_MAX +
			(double)cell.column / count * width,
		.east = -GEOHASH_LONGITUDE_MAX +
			(double)(cell.column + 1) / count * width,
		.south = -GEOHASH_LATITUDE_MAX +
			(double)cell.row / count * height,
		.north = -GEOHASH_LATITUDE_MAX +
			(double)(cell.row + 1) / count * height,
	};
}

double
geohash_score(struct geo_position position)
{
	return (double)cell_bits(
		find_cell(position, GEOHASH_LATITUDE_MAX, GEOHASH_STEP_MAX));
}

bool
geohash_position(double score, struct geo_position *position)
{
	struct edges edges;
	uint64_t bits;

	if (!(score >= 0 && score < (double)(1ULL << 62)))
		return false;
	bits = (uint64_t)score;
	edges = cell_edges((struct cell){ gather(bits >> 1), gather(bits) },
		GEOHASH_STEP_MAX);
	/* A position on the map's edge is in a cell beyond it. */
	position->longitude =
		fmin((edges.west + edges.east) / 2, GEOHASH_LONGITUDE_MAX);
	position->latitude =
		fmin((edges.south + edges.north) / 2, GEOHASH_LATITUDE_MAX);
	return true;
}

void
geohash_text(
	struct geo_position position, char text[static GEOHASH_TEXT_SIZE + 1])
{
	static const char letters[] = "0123456789bcdefghjkmnpqrstuvwxyz";
	uint64_t bits = cell_bits(find_cell(position, 90, GEOHASH_STEP_MAX));

	/* The eleventh letter would need three bits more: it is always 0. */
	for (int i = 0; i < GEOHASH_TEXT_SIZE - 1; i++)
		text[i] = letters[bits >> (BITS - 5 * (i + 1)) & 31];
	text[GEOHASH_TEXT_SIZE - 1] = '0';
	text[GEOHASH_TEXT_SIZE] = '\0';
}

double
geohash_distance(struct geo_position a, struct geo_position b)
{
	double latitude_a = a.latitude * RADIAN;
	double latitude_b = b.latitude * RADIAN;
	double u, v = sin((b.longitude * RADIAN - a.longitude * RADIAN) / 2);

	if (v == 0.0)
		return EARTH_RADIUS * fabs(latitude_b - latitude_a);
	u = sin((latitude_b - latitude_a) / 2);
	return 2.0 * EARTH_RADIUS *
		asin(sqrt(u * u + cos(latitude_a) * cos(latitude_b) * v * v));
}

/* The edges of the area as Redis takes them: above and below by the latitude,
 * aside at the edge that is farther from the equator in the north, and nearer
 * to it in the south. */
static struct edges
area_edges(const struct geo_area *area)
{
	double height = area->is_box ? area->height / 2 : area->radius;
	double width = area->is_box ? area->width / 2 : area->radius;
	double latitude = area->center.latitude;
	double up = height / EARTH_RADIUS / RADIAN;
	double edge = latitude < 0 ? latitude - up : latitude + up;
	double aside = width / EARTH_RADIUS / cos(edge * RADIAN) / RADIAN;

	return (struct edges){
		.west = area->center.longitude - aside,
		.east = area->center.longitude + aside,
		.south = latitude - up,
		.north = latitude + up,
	};
}

/* The step whose cells, three by three, are likely to hold a circle. */
static int
estimate_step(double radius, double latitude)
{
	int step = 1;

	if (radius == 0)
		return GEOHASH_STEP_MAX;
	while (radius < MERCATOR_MAX) {
		radius *= 2;
		step++;
	}
	step -= 2;
	/* Cells are narrower towards the poles. */
	if (fabs(latitude) > 66)
		step--;
	if (fabs(latitude) > 80)
		step--;
	if (step < 1)
		return 1;
	return step > GEOHASH_STEP_MAX ? GEOHASH_STEP_MAX : step;
}

/* The cell so many columns east and rows north; around the edges of the map. */
static struct cell
move_cell(struct cell cell, int east, int north, int step)
{
	uint64_t mask = (1ULL << step) - 1;

	if (east != 0)
		cell.column = (cell.column + (uint64_t)east) & mask;
	if (north != 0)
		cell.row = (cell.row + (uint64_t)north) & mask;
	return cell;
}

static bool
reaches_beyond(const struct edges *area, struct cell center, int step)
{
	return cell_edges(move_cell(center, 0, 1, step), step).north <
		area->north ||
		cell_edges(move_cell(center, 0, -1, step), step).south >
		area->south ||
		cell_edges(move_cell(center, 1, 0, step), step).east <
		area->east ||
		cell_edges(move_cell(center, -1, 0, step), step).west >
		area->west;
}

int
geohash_cover(const struct geo_area *area,
	struct geo_range ranges[static GEOHASH_CELLS_MAX])
{
	/* The center, then its neighbours: east and north. */
	static const int moves[GEOHASH_CELLS_MAX][2] = { { 0, 0 }, { 0, 1 },
		{ 0, -1 }, { 1, 0 }, { -1, 0 }, { 1, 1 }, { -1, 1 }, { 1, -1 },
		{ -1, -1 } };
	double radius = area->is_box ?
		sqrt(area->width / 2 * (area->width / 2) +
			area->height / 2 * (area->height / 2)) :
		area->radius;
	struct edges edges = area_edges(area), inner;
	int step = estimate_step(radius, area->center.latitude), count = 0;
	struct cell center =
		find_cell(area->center, GEOHASH_LATITUDE_MAX, step);

	if (step > 1 && reaches_beyond(&edges, center, step)) {
		step--;
		center = find_cell(area->center, GEOHASH_LATITUDE_MAX, step);
	}
	inner = cell_edges(center, step);
	for (size_t i = 0; i < GEOHASH_CELLS_MAX; i++) {
		int east = moves[i][0], north = moves[i][1];
		double size = (double)(1ULL << (BITS - 2 * step));
		double low;

		/* Neighbours on sides where the center's cell holds all. */
		if (step >= 2 &&
			((north < 0 && inner.south < edges.south) ||
				(north > 0 && inner.north > edges.north) ||
				(east < 0 && inner.west < edges.west) ||
				(east > 0 && inner.east > edges.east)))
			continue;
		low = size *
			(double)cell_bits(move_cell(center, east, north, step));
		/* In the largest cells, neighbours are the same. */
		if (count > 1 && ranges[count - 1].low == low)
			continue;
		ranges[count++] = (struct geo_range){ low, low + size };
	}
	return count;
}
