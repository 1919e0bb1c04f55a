/* What the files of the geo family share: units, positions, distances as
 * arguments and replies; the handlers, named here for the rows in geo.c. */
#ifndef COMMANDS_GEO_H
#define COMMANDS_GEO_H

#include "commands/geohash.h"

#include <stdbool.h>

struct request;

/* Readers of arguments; on failure they have replied and finished. */

/* argv[index] and the next: longitude and latitude. */
bool geo_read_position(
	struct request *request, int index, struct geo_position *position);
/* A unit: its meters. */
bool geo_read_unit(struct request *request, int index, double *meters);

/* Writes a distance, in the unit that it is given in, with four decimals. */
void geo_write_distance(struct request *request, double distance);
/* Writes an array of longitude and latitude. */
void geo_write_position(struct request *request, struct geo_position position);

/* geo_search.c */
void cmd_georadius(struct request *request);
void cmd_georadius_ro(struct request *request);
void cmd_georadiusbymember(struct request *request);
void cmd_georadiusbymember_ro(struct request *request);
void cmd_geosearch(struct request *request);
void cmd_geosearchstore(struct request *request);

#endif
