/* Commands on keys of any type, and whole databases. */
#include "tests/support/shared_server.h"
#include "tests/support/transcript.h"

#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOT_INTEGER "-ERR value is not an integer or out of range"

static void
play(const struct exchange *exchanges)
{
	redisContext *client = shared_server_clear();

	transcript_play(client, exchanges);
	redisFree(client);
}

/* A number that PostgreSQL answers. */
static int
query(const char *sql)
{
	PGconn *connection = PQconnectdb(shared_server_conninfo());
	PGresult *result = PQexec(connection, sql);
	int number;

	cr_assert_eq(PQresultStatus(result), PGRES_TUPLES_OK, "%s",
		PQerrorMessage(connection));
	number = atoi(PQgetvalue(result, 0, 0));
	PQclear(result);
	PQfinish(connection);
	return number;
}

Test(keys, del_exists_touch_count)
{
	play((struct exchange[]){
		{ "MSET a 1 b 2 c 3 d 4", "+OK" },
		{ "EXISTS a a none b", ":3" },
		{ "TOUCH a a none b", ":3" },
		{ "DEL a a none", ":1" },
		{ "UNLINK b c c", ":2" },
		{ "DBSIZE", ":1" },
		{ "SET d 1 PXAT 1", "+OK" },
		{ "EXISTS d", ":0" },
		{ "TOUCH d", ":0" },
		{ "DEL d", ":0" },
		{ "DBSIZE", ":0" },
		{ "TYPE none", "+none" },
		{ "SET s 1", "+OK" },
		{ "TYPE s", "+string" },
		{ 0 },
	});
}

Test(keys, expire_takes_conditions)
{
	play((struct exchange[]){
		{ "SET k v", "+OK" },
		{ "EXPIRE none 10", ":0" },
		{ "EXPIRE k 100 XX", ":0" },
		{ "EXPIRE k 100 GT", ":0" },
		{ "EXPIRE k 100 NX", ":1" },
		{ "EXPIRE k 200 NX", ":0" },
		{ "TTL k", ":100" },
		{ "EXPIRE k 50 GT", ":0" },
		{ "EXPIRE k 200 GT", ":1" },
		{ "EXPIRE k 300 LT", ":0" },
		{ "EXPIRE k 100 XX LT", ":1" },
		{ "TTL k", ":100" },
		{ "PERSIST k", ":1" },
		{ "PERSIST k", ":0" },
		{ "EXPIRE k 50 LT", ":1" },
		{ "EXPIRE k 1 NX XX",
			"-ERR NX and XX, GT or LT options at the same time "
			"are not compatible" },
		{ "EXPIRE k 1 GT LT",
			"-ERR GT and LT options at the same time are not "
			"compatible" },
		{ "EXPIRE k 1 foo", "-ERR Unsupported option foo" },
		{ "EXPIRE k a", NOT_INTEGER },
		{ "PEXPIRE k 9223372036854770000",
			"-ERR invalid expire time in 'pexpire' command" },
		{ "EXPIRE k 9223372036854776",
			"-ERR invalid expire time in 'expire' command" },
		{ "EXPIREAT k 33177117420", ":1" },
		{ "EXPIRETIME k", ":33177117420" },
		{ "PEXPIREAT k 33177117420123", ":1" },
		{ "PEXPIRETIME k", ":33177117420123" },
		{ "EXPIRE k -1", ":1" },
		{ "EXISTS k", ":0" },
		{ "TTL k", ":-2" },
		{ "SET k v", "+OK" },
		{ "PTTL k", ":-1" },
		{ 0 },
	});
}

Test(keys, rename_moves_value_and_expiry)
{
	play((struct exchange[]){
		{ "RENAME none x", "-ERR no such key" },
		{ "SET a 1 EX 100", "+OK" },
		{ "SET b 2", "+OK" },
		{ "RENAME a b", "+OK" },
		{ "GET b", "$1" },
		{ "TTL b", ":100" },
		{ "EXISTS a", ":0" },
		{ "SET a 3", "+OK" },
		{ "RENAMENX a b", ":0" },
		{ "RENAMENX a c", ":1" },
		{ "RENAMENX c c", ":0" },
		{ "RENAME c c", "+OK" },
		{ "GET c", "$3" },
		{ "SET old 1 PXAT 1", "+OK" },
		{ "RENAMENX c old", ":1" },
		{ "TTL old", ":-1" },
		{ "RENAME c old", "-ERR no such key" },
		{ 0 },
	});
}

Test(keys, copy_and_move_between_databases)
{
	play((struct exchange[]){
		{ "SET a 1 EX 100", "+OK" },
		{ "COPY a b", ":1" },
		{ "TTL b", ":100" },
		{ "COPY a b", ":0" },
		{ "SET a 2", "+OK" },
		{ "COPY a b REPLACE", ":1" },
		{ "GET b", "$2" },
		{ "TTL b", ":-1" },
		{ "COPY none b", ":0" },
		{ "COPY a a",
			"-ERR source and destination objects are the same" },
		{ "COPY a a DB 1", ":1" },
		{ "COPY a b DB 99999", "-ERR DB index is out of range" },
		{ "COPY a b FOO", "-ERR syntax error" },
		{ "MOVE a 1", ":0" },
		{ "MOVE b 1", ":1" },
		{ "MOVE b 1", ":0" },
		{ "MOVE a 0",
			"-ERR source and destination objects are the same" },
		{ "MOVE a x", NOT_INTEGER },
		{ "MOVE a 99999", "-ERR DB index is out of range" },
		{ "SELECT 1", "+OK" },
		{ "MGET a b", "[$2 $2]" },
		{ "DBSIZE", ":2" },
		{ "SWAPDB 0 1", "+OK" },
		{ "DBSIZE", ":1" },
		{ "GET b", "_" },
		{ "SWAPDB x 1", "-ERR invalid first DB index" },
		{ "SWAPDB 0 y", "-ERR invalid second DB index" },
		{ "SWAPDB 0 99999", "-ERR DB index is out of range" },
		{ "FLUSHDB", "+OK" },
		{ "DBSIZE", ":0" },
		{ "SELECT 0", "+OK" },
		{ "DBSIZE", ":2" },
		{ "FLUSHALL FOO", "-ERR syntax error" },
		{ "FLUSHALL ASYNC", "+OK" },
		{ "DBSIZE", ":0" },
		{ "RANDOMKEY", "_" },
		{ 0 },
	});
}

Test(keys, object_describes_values)
{
	play((struct exchange[]){
		{ "SET n 1", "+OK" },
		{ "SET e 12345678901234567890123456789012345678901234", "+OK" },
		{ "SET r 123456789012345678901234567890123456789012345",
			"+OK" },
		{ "OBJECT ENCODING n", "$int" },
		{ "OBJECT ENCODING e", "$embstr" },
		{ "OBJECT ENCODING r", "$raw" },
		{ "OBJECT ENCODING none", "_" },
		{ "OBJECT REFCOUNT n", ":1" },
		{ "OBJECT IDLETIME none", "_" },
		{ "OBJECT FREQ n",
			"-ERR An LFU maxmemory policy is not selected, access "
			"frequency not tracked. Please note that when "
			"switching between policies at runtime LRU and LFU "
			"data will take some time to adjust." },
		{ 0 },
	});
}

Test(keys, wait_lets_its_timeout_pass)
{
	play((struct exchange[]){
		{ "WAIT 0 0", ":0" },
		{ "WAIT 1 20", ":0" },
		{ "WAIT a 1", NOT_INTEGER },
		{ "WAIT 1 a",
			"-ERR timeout is not an integer or out of range" },
		{ "WAIT 1 -1", "-ERR timeout is negative" },
		{ 0 },
	});
}

/* Walks to the end; counts[i] is how often key "<prefix>i" came. */
static int
scan_all(redisContext *client, const char *options, const char *prefix,
	int *counts, int count)
{
	char cursor[32] = "0";
	int calls = 0;

	memset(counts, 0, sizeof(*counts) * (size_t)count);
	do {
		char command[200];
		redisReply *reply;

		snprintf(command, sizeof(command), "SCAN %s %s", cursor,
			options);
		reply = redisCommand(client, command);
		cr_assert_eq(reply->type, REDIS_REPLY_ARRAY, "%s", reply->str);
		snprintf(cursor, sizeof(cursor), "%s", reply->element[0]->str);
		for (size_t i = 0; i < reply->element[1]->elements; i++) {
			const char *key = reply->element[1]->element[i]->str;

			cr_assert_eq(strncmp(key, prefix, strlen(prefix)), 0);
			counts[atoi(key + strlen(prefix))]++;
		}
		freeReplyObject(reply);
		calls++;
	} while (strcmp(cursor, "0") != 0);
	return calls;
}

static void
fill(redisContext *client, const char *prefix, int count)
{
	redisReply *reply;

	for (int i = 0; i < count; i++)
		redisAppendCommand(client, "SET %s%d v", prefix, i);
	for (int i = 0; i < count; i++) {
		cr_assert_eq(redisGetReply(client, (void **)&reply), REDIS_OK);
		freeReplyObject(reply);
	}
}

Test(keys, scan_meets_every_key_once)
{
	enum { COUNT = 500 };
	redisContext *client = shared_server_clear();
	int counts[COUNT];

	fill(client, "key:", COUNT);
	cr_expect_gt(scan_all(client, "", "key:", counts, COUNT), 40);
	for (int i = 0; i < COUNT; i++)
		cr_expect_eq(counts[i], 1, "%d times key:%d", counts[i], i);
	cr_expect_gt(scan_all(client, "MATCH *9 COUNT 100 TYPE string",
			     "key:", counts, COUNT),
		4);
	for (int i = 0; i < COUNT; i++)
		cr_expect_eq(counts[i], i % 10 == 9);
	scan_all(client, "TYPE list", "key:", counts, COUNT);
	for (int i = 0; i < COUNT; i++)
		cr_expect_eq(counts[i], 0);
	redisFree(client);
}

Test(keys, scan_answers_a_small_range_at_once)
{
	enum { COUNT = 1500 };
	redisContext *client = shared_server_clear();
	int counts[COUNT];

	fill(client, "many:", COUNT);
	fill(client, "few:", 20);
	cr_expect_eq(scan_all(client, "MATCH few:*", "few:", counts, COUNT), 1);
	for (int i = 0; i < 20; i++)
		cr_expect_eq(counts[i], 1);
	cr_expect_gt(
		scan_all(client, "MATCH many:*", "many:", counts, COUNT), 1);
	for (int i = 0; i < COUNT; i++)
		cr_expect_eq(counts[i], 1);
	redisFree(client);
}

/* A key that is renamed over must not move behind the walk. */
Test(keys, scan_meets_a_key_that_is_renamed_over)
{
	enum { COUNT = 40 };
	redisContext *client = shared_server_clear();
	bool met = false;
	char cursor[32] = "0";

	transcript_expect(client, "SET early 1", "+OK");
	fill(client, "key:", COUNT);
	transcript_expect(client, "SET late 1", "+OK");
	for (int call = 0; call == 0 || strcmp(cursor, "0") != 0; call++) {
		redisReply *reply = redisCommand(client, "SCAN %s", cursor);

		snprintf(cursor, sizeof(cursor), "%s", reply->element[0]->str);
		for (size_t i = 0; i < reply->element[1]->elements; i++)
			if (strcmp(reply->element[1]->element[i]->str,
				    "late") == 0)
				met = true;
		freeReplyObject(reply);
		if (call == 1)
			transcript_expect(client, "RENAME early late", "+OK");
	}
	cr_expect(met);
	redisFree(client);
}

Test(keys, scan_checks_its_arguments)
{
	play((struct exchange[]){
		{ "SCAN a", "-ERR invalid cursor" },
		{ "SCAN \" 1\"", "-ERR invalid cursor" },
		{ "SCAN 0 COUNT 0", "-ERR syntax error" },
		{ "SCAN 0 COUNT a", NOT_INTEGER },
		{ "SCAN 0 MATCH", "-ERR syntax error" },
		{ "SCAN 0 FOO 1", "-ERR syntax error" },
		{ "SCAN 18446744073709551615", "[$0 []]" },
		{ "SCAN 0", "[$0 []]" },
		{ 0 },
	});
}

Test(keys, keys_match_patterns)
{
	play((struct exchange[]){
		{ "MSET foo_a 1 foo_b 2 bar 3 \"\" 4 \"\\xff\\xff\" 5", "+OK" },
		{ "KEYS foo_?", "[$foo_a $foo_b]" },
		{ "KEYS foo_[^a]", "[$foo_b]" },
		{ "KEYS bar", "[$bar]" },
		{ "KEYS \"\\xff*\"", "[$\\xff\\xff]" },
		{ "KEYS none*", "[]" },
		{ "DBSIZE", ":5" },
		{ "DEL foo_a foo_b bar \"\"", ":4" },
		{ "RANDOMKEY", "$\\xff\\xff" },
		{ "SET z 1 PXAT 1", "+OK" },
		{ "KEYS z*", "[]" },
		{ "KEYS *", "[$\\xff\\xff]" },
		{ 0 },
	});
}

Test(keys, randomkey_finds_each_key)
{
	enum { COUNT = 10 };
	redisContext *client = shared_server_clear();
	int counts[COUNT] = { 0 };

	fill(client, "key:", COUNT);
	for (int i = 0; i < 400; i++) {
		redisReply *reply = redisCommand(client, "RANDOMKEY");

		counts[atoi(reply->str + strlen("key:"))]++;
		freeReplyObject(reply);
	}
	for (int i = 0; i < COUNT; i++)
		cr_expect_gt(counts[i], 0, "key:%d never came", i);
	redisFree(client);
}

Test(keys, flushing_a_large_database_spares_the_others)
{
	redisContext *client = shared_server_clear();

	transcript_expect(client, "SELECT 1", "+OK");
	transcript_expect(client, "SET kept 1", "+OK");
	transcript_expect(client, "SELECT 0", "+OK");
	query("INSERT INTO respgres.key (db, slot, key, type, value, "
	      "touched_at) SELECT 0, respgres.slot(k), k, 's', k, 0 FROM ("
	      "SELECT convert_to('k' || i, 'UTF8') FROM "
	      "generate_series(1, 50000) i) AS s (k); SELECT 1");
	transcript_expect(client, "GET k777", "$k777");
	transcript_expect(client, "DBSIZE", ":50000");
	transcript_expect(client, "FLUSHDB", "+OK");
	transcript_expect(client, "DBSIZE", ":0");
	transcript_expect(client, "SELECT 1", "+OK");
	transcript_expect(client, "GET kept", "$1");
	transcript_expect(client, "FLUSHALL", "+OK");
	transcript_expect(client, "GET kept", "_");
	redisFree(client);
}

static bool
comes_to(const char *sql, int expected)
{
	for (int i = 0; i < 1000; i++) {
		if (query(sql) == expected)
			return true;
		usleep(50000);
	}
	return false;
}

Test(keys, sweeper_deletes_what_has_expired)
{
	redisContext *client = shared_server_clear();

	transcript_expect(client, "SET gone 1 PX 10", "+OK");
	transcript_expect(client, "SET past 1 PXAT 1", "+OK");
	/* So late that a busy machine gets the next two commands done. */
	transcript_expect(client, "SET later 1 PX 2000", "+OK");
	transcript_expect(client, "SET kept 1 PX 2000", "+OK");
	transcript_expect(client, "EXPIREAT later 33177117420", ":1");
	transcript_expect(client, "PERSIST kept", ":1");
	cr_expect(comes_to("SELECT count(*) FROM respgres.key", 2));
	cr_expect(comes_to("SELECT count(*) FROM respgres.key "
			   "WHERE sweep_at = expires_at OR "
			   "(sweep_at IS NULL AND expires_at IS NULL)",
		2));
	transcript_expect(client, "EXPIRETIME later", ":33177117420");
	transcript_expect(client, "TTL kept", ":-1");
	redisFree(client);
}

Test(keys, sweeper_deletes_masses)
{
	redisContext *client = shared_server_clear();

	query("INSERT INTO respgres.key (db, slot, key, type, number, "
	      "touched_at, expires_at, sweep_at) SELECT 0, respgres.slot(k), "
	      "k, 's', 1, 0, e, e - i % 2 FROM (SELECT i, "
	      "convert_to('k' || i, 'UTF8'), "
	      "respgres.now_ms() + 500 + i / 100 * 7 % 800 FROM "
	      "generate_series(1, 100000) i) AS s (i, k, e); SELECT 1");
	transcript_expect(client, "SET kept 1 EX 100", "+OK");
	cr_expect(comes_to("SELECT count(*) FROM respgres.key", 1));
	transcript_expect(client, "GET kept", "$1");
	redisFree(client);
}
