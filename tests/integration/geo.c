/* Geo: every command, its options and its errors. */
#include "tests/support/shared_server.h"
#include "tests/support/transcript.h"

#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

static void
play(const struct exchange *exchanges)
{
	redisContext *client = shared_server_clear();

	transcript_play(client, exchanges);
	redisFree(client);
}

Test(geo, positions_are_added_and_shown)
{
	play((struct exchange[]){
		{ "GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 "
		  "Catania",
			":2" },
		{ "GEOADD g 13.5 38 Palermo", ":0" },
		{ "GEOADD g NX 0 0 Palermo 2 48 Paris", ":1" },
		{ "GEOADD g XX CH 13.361389 38.115556 Palermo 0 0 none", ":1" },
		{ "GEOPOS g Palermo none Paris",
			"[[$13.36138933897018433 $38.11555639549629859] _ "
			"[$2.00000256299972534 $48.00000065343533606]]" },
		{ "GEOPOS none a", "[_]" },
		{ "GEOPOS g", "[]" },
		{ "GEOHASH g Palermo none Catania",
			"[$sqc8b49rny0 _ $sqdtr74hyu0]" },
		{ "GEOHASH g", "[]" },
		{ "ZSCORE g Palermo", "$3479099956230698" },
		{ "GEODIST g Palermo Catania", "$166274.1516" },
		{ "GEODIST g Palermo Catania km", "$166.2742" },
		{ "GEODIST g Palermo Catania MI", "$103.3182" },
		{ "GEODIST g Palermo Palermo ft", "$0.0000" },
		{ "GEODIST g Palermo none", "_" },
		{ "GEODIST none a b", "_" },
		{ "GEODIST g a b c",
			"-ERR unsupported unit provided. please use M, KM, "
			"FT, MI" },
		{ "GEODIST g a b m x", "-ERR syntax error" },
		{ "GEOADD g 181 0 a",
			"-ERR invalid longitude,latitude pair "
			"181.000000,0.000000" },
		{ "GEOADD g 0 85.1 a",
			"-ERR invalid longitude,latitude pair "
			"0.000000,85.100000" },
		{ "GEOADD g x 0 a", "-ERR value is not a valid float" },
		{ "GEOADD g 0 0",
			"-ERR wrong number of arguments for 'geoadd' command" },
		{ "GEOADD g NX XX 0 0 a", "-ERR syntax error" },
		{ "GEOADD g 180 85.05112878 corner", ":1" },
		{ "GEOPOS g corner", "[[$180 $85.0511287799999991]]" },
		{ 0 },
	});
}

Test(geo, circles_and_boxes_are_searched)
{
	play((struct exchange[]){
		{ "GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 "
		  "Catania 12.758489 38.788135 edge1 17.241510 38.788135 edge2",
			":4" },
		{ "GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km ASC",
			"[$Catania $Palermo]" },
		{ "GEOSEARCH g FROMLONLAT 15 37 BYBOX 400 400 km ASC "
		  "WITHCOORD WITHDIST WITHHASH",
			"[[$Catania $56.4413 :3479447370796909 "
			"[$15.08726745843887329 $37.50266842333162032]] "
			"[$Palermo $190.4424 :3479099956230698 "
			"[$13.36138933897018433 $38.11555639549629859]] "
			"[$edge2 $279.7403 :3481342659049484 "
			"[$17.24151045083999634 $38.78813451624225195]] "
			"[$edge1 $279.7405 :3479273021651468 "
			"[$12.7584877610206604 $38.78813451624225195]]]" },
		{ "GEOSEARCH g FROMMEMBER Palermo BYRADIUS 500 km DESC COUNT "
		  "2",
			"[$edge2 $Catania]" },
		{ "GEOSEARCH g FROMMEMBER Palermo BYRADIUS 500 km COUNT 1 ANY",
			"[$Palermo]" },
		{ "GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 0 m", "[]" },
		{ "GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 300000 ft WITHDIST",
			"[[$Catania $185174.7305]]" },
		{ "GEORADIUS g 15 37 200 km WITHDIST ASC",
			"[[$Catania $56.4413] [$Palermo $190.4424]]" },
		{ "GEORADIUS_RO g 15 37 200 km COUNT 1 WITHCOORD",
			"[[$Catania [$15.08726745843887329 "
			"$37.50266842333162032]]]" },
		{ "GEORADIUSBYMEMBER g Palermo 200 km ASC",
			"[$Palermo $edge1 $Catania]" },
		{ "GEORADIUSBYMEMBER_RO g Catania 200 mi WITHDIST DESC",
			"[[$edge1 $154.6354] [$edge2 $146.9728] [$Palermo "
			"$103.3182] [$Catania $0.0000]]" },
		{ "GEOSEARCH none FROMMEMBER a BYRADIUS 1 m", "[]" },
		{ "GEORADIUSBYMEMBER none a x km", "[]" },
		{ "GEOADD w 179.9 0 east -179.9 0 west", ":2" },
		{ "GEOSEARCH w FROMLONLAT 180 0 BYRADIUS 50 km ASC",
			"[$east]" },
		{ 0 },
	});
}

Test(geo, searches_are_stored)
{
	play((struct exchange[]){
		{ "GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 "
		  "Catania",
			":2" },
		{ "GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS 200 km", ":2" },
		{ "ZRANGE d 0 -1 WITHSCORES",
			"[$Palermo $3479099956230698 $Catania "
			"$3479447370796909]" },
		{ "GEOSEARCHSTORE d g FROMMEMBER Catania BYBOX 1000 1000 km "
		  "COUNT 1 STOREDIST",
			":1" },
		{ "ZRANGE d 0 -1 WITHSCORES", "[$Catania $0]" },
		{ "GEORADIUS g 15 37 200 km STORE d", ":2" },
		{ "ZCARD d", ":2" },
		{ "GEORADIUSBYMEMBER g Palermo 200 km STOREDIST d", ":2" },
		{ "ZRANGE d 0 0", "[$Palermo]" },
		{ "GEOSEARCHSTORE d g FROMLONLAT 0 0 BYRADIUS 1 m", ":0" },
		{ "EXISTS d", ":0" },
		{ "GEOSEARCHSTORE g g FROMLONLAT 15 37 BYRADIUS 100 km", ":1" },
		{ "ZRANGE g 0 -1", "[$Catania]" },
		{ "SET d text", "+OK" },
		{ "GEOSEARCHSTORE d none FROMMEMBER a BYRADIUS 1 m", ":0" },
		{ "EXISTS d", ":0" },
		{ 0 },
	});
}

Test(geo, geo_errors)
{
	play((struct exchange[]){
		{ "GEOADD g 13 38 a", ":1" },
		{ "SET s text", "+OK" },
		{ "GEOADD s 0 0 a",
			"-WRONGTYPE Operation against a key holding the "
			"wrong kind of value" },
		{ "GEOPOS s a",
			"-WRONGTYPE Operation against a key holding the "
			"wrong kind of value" },
		{ "GEOHASH s",
			"-WRONGTYPE Operation against a key holding the "
			"wrong kind of value" },
		{ "GEODIST s a b",
			"-WRONGTYPE Operation against a key holding the "
			"wrong kind of value" },
		{ "GEORADIUS s 0 0 1 m",
			"-WRONGTYPE Operation against a key holding the "
			"wrong kind of value" },
		{ "GEORADIUSBYMEMBER s a 1 m",
			"-WRONGTYPE Operation against a key holding the "
			"wrong kind of value" },
		{ "GEOSEARCH s FROMMEMBER a BYRADIUS 1 m",
			"-WRONGTYPE Operation against a key holding the "
			"wrong kind of value" },
		{ "GEOSEARCHSTORE d s FROMLONLAT 0 0 BYRADIUS 1 m",
			"-WRONGTYPE Operation against a key holding the "
			"wrong kind of value" },
		{ "GEORADIUSBYMEMBER g none 1 m",
			"-ERR could not decode requested zset member" },
		{ "GEOSEARCH g FROMMEMBER none BYRADIUS 1 m",
			"-ERR could not decode requested zset member" },
		{ "GEORADIUS g 0 0 x m", "-ERR need numeric radius" },
		{ "GEORADIUS g 0 0 -1 m", "-ERR radius cannot be negative" },
		{ "GEORADIUS g 0 0 1 yd",
			"-ERR unsupported unit provided. please use M, KM, "
			"FT, MI" },
		{ "GEORADIUS g 0 0 1 m FOO", "-ERR syntax error" },
		{ "GEORADIUS g 0 0 1 m COUNT 0", "-ERR COUNT must be > 0" },
		{ "GEORADIUS g 0 0 1 m COUNT x",
			"-ERR value is not an integer or out of range" },
		{ "GEORADIUS g 0 0 1 m ANY",
			"-ERR the ANY argument requires COUNT argument" },
		{ "GEORADIUS g 0 0 1 m STORE d WITHDIST",
			"-ERR STORE option in GEORADIUS is not compatible "
			"with WITHDIST, WITHHASH and WITHCOORD options" },
		{ "GEORADIUS_RO g 0 0 1 m STORE d", "-ERR syntax error" },
		{ "GEORADIUSBYMEMBER_RO g a 1 m STORE d", "-ERR syntax error" },
		{ "GEOSEARCH g BYRADIUS 1 m",
			"-ERR wrong number of arguments for 'geosearch' "
			"command" },
		{ "GEOSEARCH g FROMLONLAT 0 0",
			"-ERR wrong number of arguments for 'geosearch' "
			"command" },
		{ "GEOSEARCH g FROMLONLAT 0 0 BYBOX x 1 m",
			"-ERR need numeric width" },
		{ "GEOSEARCH g FROMLONLAT 0 0 BYBOX 1 x m",
			"-ERR need numeric height" },
		{ "GEOSEARCH g FROMLONLAT 0 0 BYBOX -1 1 m",
			"-ERR height or width cannot be negative" },
		{ "GEOSEARCH g FROMLONLAT 0 0 BYRADIUS 1 m BYBOX 1 1 m",
			"-ERR syntax error" },
		{ "GEOSEARCH g FROMLONLAT 0 0 FROMMEMBER a BYRADIUS 1 m",
			"-ERR syntax error" },
		{ "GEOSEARCH g FROMLONLAT 0 99 BYRADIUS 1 m",
			"-ERR invalid longitude,latitude pair "
			"0.000000,99.000000" },
		{ "GEOSEARCH g FROMLONLAT 0 0 BYRADIUS 1 m STOREDIST",
			"-ERR syntax error" },
		{ "GEOSEARCHSTORE d g FROMLONLAT 0 0 BYRADIUS 1 m WITHDIST",
			"-ERR GEOSEARCHSTORE is not compatible with "
			"WITHDIST, WITHHASH and WITHCOORD options" },
		{ 0 },
	});
}

/* A search through cells finds what measuring every member finds. */
Test(geo, no_member_near_by_is_missed)
{
	redisContext *client = shared_server_clear();

	srand(3);
	for (int i = 0; i < 2000; i++) {
		redisAppendCommand(client, "GEOADD g %f %f m%d",
			rand() % 360000 / 1000.0 - 180,
			rand() % 160000 / 1000.0 - 80, i);
		redisAppendCommand(client, "GEOADD g %f %f n%d",
			rand() % 1000 / 1000.0 + 10,
			rand() % 1000 / 1000.0 + 50, i);
	}
	for (int i = 0; i < 4000; i++) {
		redisReply *reply;

		cr_assert_eq(redisGetReply(client, (void **)&reply), REDIS_OK);
		freeReplyObject(reply);
	}
	for (int round = 0; round < 20; round++) {
		double meters = 100 << round % 16;
		redisReply *found = redisCommand(client,
			"GEOSEARCH g FROMMEMBER n%d BYRADIUS %f m", round,
			meters);
		size_t expected = 0;

		for (int i = 0; i < 4000; i++)
			redisAppendCommand(client, "GEODIST g n%d %s%d", round,
				i % 2 ? "m" : "n", i / 2);
		for (int i = 0; i < 4000; i++) {
			redisReply *reply;

			cr_assert_eq(redisGetReply(client, (void **)&reply),
				REDIS_OK);
			expected += atof(reply->str) <= meters;
			freeReplyObject(reply);
		}
		cr_expect_eq(found->elements, expected, "%f m: %lu of %lu",
			meters, (unsigned long)found->elements,
			(unsigned long)expected);
		freeReplyObject(found);
	}
	redisFree(client);
}
