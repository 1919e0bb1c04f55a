/* HyperLogLogs: every command, the bytes of Redis, and many writers. */
#include "tests/support/shared_server.h"
#include "tests/support/transcript.h"

#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#define NO_SKETCH "-WRONGTYPE Key is not a valid HyperLogLog string value."
#define CORRUPT "-INVALIDOBJ Corrupted HLL object detected"

static void
play(const struct exchange *exchanges)
{
	redisContext *client = shared_server_clear();

	transcript_play(client, exchanges);
	redisFree(client);
}

Test(hyperloglogs, elements_are_counted)
{
	play((struct exchange[]){
		{ "PFADD h", ":1" },
		{ "PFADD h", ":0" },
		{ "PFCOUNT h", ":0" },
		{ "PFADD h a b c", ":1" },
		{ "PFADD h a b c", ":0" },
		{ "PFADD h \"\" \"\\xff\"", ":1" },
		{ "PFCOUNT h", ":5" },
		{ "PFCOUNT h", ":5" },
		{ "PFCOUNT none", ":0" },
		{ "PFADD i c d", ":1" },
		{ "PFCOUNT h i", ":6" },
		{ "PFCOUNT h none h", ":5" },
		{ "PFCOUNT none nothing", ":0" },
		{ "TYPE h", "+string" },
		{ "OBJECT ENCODING h", "$raw" },
		{ "PFADD",
			"-ERR wrong number of arguments for 'pfadd' "
			"command" },
		{ 0 },
	});
}

Test(hyperloglogs, bytes_are_those_of_redis)
{
	play((struct exchange[]){
		{ "PFADD h a b c", ":1" },
		{ "GET h",
			"$HYLL\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00"
			"\\x00\\x00\\x80`\\xf3\\x80P\\xb1\\x84K\\xfb\\x80BZ" },
		{ "PFCOUNT h", ":3" },
		{ "GETRANGE h 8 15",
			"$\\x03\\x00\\x00\\x00\\x00\\x00\\x00"
			"\\x00" },
		{ "PFADD h a", ":0" },
		{ "GETRANGE h 15 15", "$\\x00" },
		{ "PFADD h d", ":1" },
		{ "GETRANGE h 15 15", "$\\x80" },
		{ 0 },
	});
}

Test(hyperloglogs, values_from_redis_work)
{
	static const char value[] = "HYLL\1\0\0\0\0\0\0\0\0\0\0\x80"
				    "\x60\xf3\x80\x50\xb1\x84\x4b\xfb\x80"
				    "\x42\x5a";
	redisContext *client = shared_server_clear();

	freeReplyObject(
		redisCommand(client, "SET k %b", value, sizeof(value) - 1));
	transcript_play(client,
		(struct exchange[]){
			{ "PFCOUNT k", ":3" },
			{ "PFADD k c", ":0" },
			{ "PFADD k d", ":1" },
			{ "PFCOUNT k", ":4" },
			{ 0 },
		});
	redisFree(client);
}

Test(hyperloglogs, merging)
{
	play((struct exchange[]){
		{ "PFADD a 1 2 3", ":1" },
		{ "PFADD b 3 4", ":1" },
		{ "PFMERGE c a b none", "+OK" },
		{ "PFCOUNT c", ":4" },
		{ "PFADD d x", ":1" },
		{ "EXPIRE d 100", ":1" },
		{ "PFMERGE d c c", "+OK" },
		{ "PFCOUNT d", ":5" },
		{ "TTL d", ":100" },
		{ "PFMERGE d", "+OK" },
		{ "PFCOUNT d", ":5" },
		{ "PFMERGE e", "+OK" },
		{ "PFCOUNT e", ":0" },
		{ "PFDEBUG ENCODING c", "+sparse" },
		{ "PFDEBUG TODENSE a", ":1" },
		{ "PFMERGE c a", "+OK" },
		{ "PFDEBUG ENCODING c", "+dense" },
		{ "PFCOUNT c", ":4" },
		{ 0 },
	});
}

Test(hyperloglogs, expiry_stays)
{
	play((struct exchange[]){
		{ "PFADD h a", ":1" },
		{ "EXPIRE h 100", ":1" },
		{ "PFADD h b", ":1" },
		{ "PFCOUNT h", ":2" },
		{ "TTL h", ":100" },
		{ "PEXPIREAT h 1", ":1" },
		{ "PFADD h c", ":1" },
		{ "PFCOUNT h", ":1" },
		{ "TTL h", ":-1" },
		{ 0 },
	});
}

Test(hyperloglogs, other_values_are_refused)
{
	play((struct exchange[]){
		{ "MSET s bar n 12", "+OK" },
		{ "HSET hash f v", ":1" },
		{ "PFADD h a", ":1" },
		{ "PFADD s 1", NO_SKETCH },
		{ "PFADD n", NO_SKETCH },
		{ "PFCOUNT s", NO_SKETCH },
		{ "PFCOUNT h s", NO_SKETCH },
		{ "PFMERGE new s", NO_SKETCH },
		{ "PFMERGE s h", NO_SKETCH },
		{ "PFADD hash a",
			"-WRONGTYPE Operation against a key holding the wrong "
			"kind of value" },
		{ "PFCOUNT h hash",
			"-WRONGTYPE Operation against a key holding the wrong "
			"kind of value" },
		{ "EXISTS new", ":0" },
		{ "APPEND h x", ":22" },
		{ "PFCOUNT h", CORRUPT },
		{ "PFCOUNT h none", CORRUPT },
		{ "PFMERGE new h", CORRUPT },
		{ "PFDEBUG GETREG h", CORRUPT },
		{ "PFDEBUG TODENSE h", CORRUPT },
		{ "SETRANGE h 4 \\x00", ":22" },
		{ "PFCOUNT h", NO_SKETCH },
		{ 0 },
	});
}

Test(hyperloglogs, their_inside_shows)
{
	play((struct exchange[]){
		{ "PFADD h abcdefgh", ":1" },
		{ "PFDEBUG DECODE h", "$Z:1383 v:1,1 Z:15000" },
		{ "PFDEBUG encoding h", "+sparse" },
		{ "PFDEBUG TODENSE h", ":1" },
		{ "PFDEBUG TODENSE h", ":0" },
		{ "STRLEN h", ":12304" },
		{ "PFDEBUG ENCODING h", "+dense" },
		{ "PFDEBUG DECODE h", "-ERR HLL encoding is not sparse" },
		{ "PFDEBUG FOO h", "-ERR Unknown PFDEBUG subcommand 'FOO'" },
		{ "PFDEBUG GETREG none",
			"-ERR The specified key does not exist" },
		{ "PFCOUNT h", ":1" },
		{ "PFSELFTEST", "+OK" },
		{ 0 },
	});
}

Test(hyperloglogs, they_become_dense_at_the_limit)
{
	play((struct exchange[]){
		{ "CONFIG SET hll-sparse-max-bytes 22", "+OK" },
		{ "PFADD h a", ":1" },
		{ "PFDEBUG ENCODING h", "+sparse" },
		{ "PFADD h b", ":1" },
		{ "PFDEBUG ENCODING h", "+dense" },
		{ "PFCOUNT h", ":2" },
		{ "CONFIG SET hll-sparse-max-bytes 3000", "+OK" },
		{ 0 },
	});
}

/* Writers that read the same version: one of them wins, the others begin
 * again, and nothing is lost. */
Test(hyperloglogs, many_writers_lose_nothing)
{
	enum { CLIENTS = 12, ROUNDS = 40 };
	redisContext *clients[CLIENTS], *judge = shared_server_clear();
	redisReply *reply;

	for (int i = 0; i < CLIENTS; i++)
		clients[i] = shared_server_connect();
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < CLIENTS; i++) {
			int element = round * CLIENTS + i;

			redisAppendCommand(
				clients[i], "PFADD h element:%d", element);
			redisAppendCommand(clients[i], "PFMERGE sum%d h", i);
			redisAppendCommand(
				judge, "PFADD alone element:%d", element);
		}
		for (int i = 0; i < CLIENTS; i++) {
			for (int j = 0; j < 2; j++) {
				cr_assert_eq(redisGetReply(clients[i],
						     (void **)&reply),
					REDIS_OK);
				cr_expect_neq(reply->type, REDIS_REPLY_ERROR);
				freeReplyObject(reply);
			}
			cr_assert_eq(redisGetReply(judge, (void **)&reply),
				REDIS_OK);
			freeReplyObject(reply);
		}
	}
	reply = redisCommand(judge, "PFCOUNT h");
	for (int i = 0; i < 2; i++) {
		redisReply *other = redisCommand(
			judge, i == 0 ? "PFCOUNT alone" : "PFCOUNT alone h");

		cr_expect_eq(reply->integer, other->integer, "%lld, not %lld",
			reply->integer, other->integer);
		freeReplyObject(other);
	}
	freeReplyObject(reply);
	for (int i = 0; i < CLIENTS; i++)
		redisFree(clients[i]);
	redisFree(judge);
}

static void
expect_sql(const char *query, const char *expected)
{
	PGconn *connection = PQconnectdb(shared_server_conninfo());
	PGresult *result = PQexec(connection, query);

	cr_assert_eq(PQresultStatus(result), PGRES_TUPLES_OK, "%s",
		PQerrorMessage(connection));
	cr_expect_str_eq(PQgetvalue(result, 0, 0), expected, "%s: %s", query,
		PQgetvalue(result, 0, 0));
	PQclear(result);
	PQfinish(connection);
}

Test(hyperloglogs, sql_counts_the_same)
{
	redisContext *client = shared_server_clear();

	transcript_expect(client, "PFADD h a b abcdefgh", ":1");
	expect_sql(
		"SELECT respgres.pfadd(0, 'h', 'b', 'abcdefgh', 'a')", "(,f)");
	expect_sql(
		"SELECT respgres.pfadd(0, 'h', 'a', 'abcdefghi', '')", "(,t)");
	transcript_expect(client, "PFADD h abcdefghi \"\"", ":0");
	transcript_expect(client, "PFCOUNT h", ":5");
	expect_sql("SELECT respgres.pfadd(0, 's', VARIADIC (SELECT array_agg("
		   "i::text::bytea) FROM generate_series(1, 2000) i))",
		"(,t)");
	expect_sql("SELECT respgres.pfcount(0, 's')", "(,2006)");
	transcript_expect(client, "PFCOUNT s", ":2006");
	expect_sql("SELECT coalesce(respgres.pfmerge(0, 'm', 'h', 's', 'none')"
		   ", 'done')",
		"done");
	transcript_expect(client, "PFCOUNT h s", ":2012");
	transcript_expect(client, "PFCOUNT m", ":2012");
	expect_sql("SELECT respgres.pfcount(0, 'm', 'none')", "(,2012)");
	transcript_expect(client, "SET text foo", "+OK");
	expect_sql("SELECT error FROM respgres.pfadd(0, 'text', 'a')",
		NO_SKETCH + 1);
	transcript_expect(client, "APPEND h x", ":12305");
	expect_sql("SELECT respgres.pfmerge(0, 'm', 'h')", NO_SKETCH + 1);
	redisFree(client);
}
