/* Fields that expire: every command of that kind, and what others see. */
#include "tests/support/shared_server.h"
#include "tests/support/transcript.h"

#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <unistd.h>

#define NO_FIELDS \
	"-ERR Mandatory argument FIELDS is missing or not at the right position"
#define NOT_MATCHING \
	"-ERR The `numfields` parameter must match the number of arguments"
#define NOT_INTEGER "-ERR value is not an integer or out of range"

static void
play(const struct exchange *exchanges)
{
	redisContext *client = shared_server_clear();

	transcript_play(client, exchanges);
	redisFree(client);
}

Test(hash_expiry, times_are_set_and_told)
{
	play((struct exchange[]){
		{ "HSET h a 1 b 2 c 3", ":3" },
		{ "HEXPIRE h 100 FIELDS 2 a none", "[:1 :-2]" },
		{ "HTTL h FIELDS 3 a b none", "[:100 :-1 :-2]" },
		{ "HPEXPIRE h 200000 FIELDS 1 a", "[:1]" },
		{ "HTTL h FIELDS 1 a", "[:200]" },
		{ "HEXPIREAT h 33177117420 FIELDS 1 a", "[:1]" },
		{ "HEXPIRETIME h FIELDS 2 a b", "[:33177117420 :-1]" },
		{ "HPEXPIREAT h 33177117420001 FIELDS 1 a", "[:1]" },
		{ "HPEXPIRETIME h FIELDS 1 a", "[:33177117420001]" },
		{ "HEXPIRETIME h FIELDS 1 a", "[:33177117421]" },
		{ "HPERSIST h FIELDS 3 a b none", "[:1 :-1 :-2]" },
		{ "HPERSIST h FIELDS 1 a", "[:-1]" },
		{ "HTTL h FIELDS 1 a", "[:-1]" },
		{ "HEXPIRE none 1 FIELDS 2 a b", "[:-2 :-2]" },
		{ "HTTL none FIELDS 2 a b", "[:-2 :-2]" },
		{ "HPERSIST none FIELDS 2 a b", "[:-2 :-2]" },
		{ "EXISTS none", ":0" },
		{ "HGETALL h", "[$a $1 $b $2 $c $3]" },
		{ 0 },
	});
}

Test(hash_expiry, conditions_hold_back)
{
	play((struct exchange[]){
		{ "HSET h a 1 b 2", ":2" },
		{ "HEXPIREAT h 33177000100 XX FIELDS 1 a", "[:0]" },
		{ "HEXPIREAT h 33177000100 GT FIELDS 1 a", "[:0]" },
		{ "HEXPIREAT h 33177000100 NX FIELDS 1 a", "[:1]" },
		{ "HEXPIREAT h 33177000200 NX FIELDS 2 a b", "[:0 :1]" },
		{ "HEXPIREAT h 33177000050 gt FIELDS 1 a", "[:0]" },
		{ "HEXPIREAT h 33177000150 GT FIELDS 1 a", "[:1]" },
		{ "HEXPIREAT h 33177000200 LT FIELDS 1 a", "[:0]" },
		{ "HEXPIREAT h 33177000060 LT FIELDS 1 a", "[:1]" },
		{ "HEXPIREAT h 33177000070 XX FIELDS 1 a", "[:1]" },
		{ "HEXPIRETIME h FIELDS 2 a b", "[:33177000070 :33177000200]" },
		{ "HPERSIST h FIELDS 1 a", "[:1]" },
		{ "HEXPIREAT h 33177000080 LT FIELDS 1 a", "[:1]" },
		{ "HEXPIREAT h 1 GT FIELDS 1 a", "[:0]" },
		{ 0 },
	});
}

Test(hash_expiry, what_is_past_removes)
{
	play((struct exchange[]){
		{ "HSET h a 1 b 2 c 3", ":3" },
		{ "HEXPIRE h 0 FIELDS 3 a none a", "[:2 :-2 :-2]" },
		{ "HLEN h", ":2" },
		{ "HPEXPIREAT h 1 FIELDS 2 b c", "[:2 :2]" },
		{ "EXISTS h", ":0" },
		{ 0 },
	});
}

Test(hash_expiry, arguments_are_checked)
{
	play((struct exchange[]){
		{ "HSET h a 1", ":1" },
		{ "HEXPIRE h 1 a",
			"-ERR wrong number of arguments for 'hexpire' "
			"command" },
		{ "HEXPIRE h 1 NX XX FIELDS 1 a", NO_FIELDS },
		{ "HEXPIRE h 1 1 a b", NO_FIELDS },
		{ "HEXPIRE h x FIELDS 1 a", NOT_INTEGER },
		{ "HEXPIRE h -1 FIELDS 1 a",
			"-ERR invalid expire time, must be >= 0" },
		{ "HEXPIRE h 70368744178 FIELDS 1 a",
			"-ERR invalid expire time in 'hexpire' command" },
		{ "HPEXPIREAT h 70368744177664 FIELDS 1 a",
			"-ERR invalid expire time in 'hpexpireat' command" },
		{ "HPEXPIREAT h 70368744177663 FIELDS 1 a", "[:1]" },
		{ "HEXPIRE h 1 FIELDS 0 a",
			"-ERR Parameter `numFields` should be greater than "
			"0" },
		{ "HEXPIRE h 1 FIELDS x a",
			"-ERR Parameter `numFields` should be greater than "
			"0" },
		{ "HEXPIRE h 1 FIELDS 2 a", NOT_MATCHING },
		{ "HEXPIRE h 1 FIELDS 1 a b", NOT_MATCHING },
		{ "HTTL h 1 a b", NO_FIELDS },
		{ "HTTL h FIELDS 0 a",
			"-ERR Number of fields must be a positive integer" },
		{ "HTTL h FIELDS 2 a", NOT_MATCHING },
		{ "HPERSIST h FIELDS 2 a", NOT_MATCHING },
		{ "HGETDEL h FOO 1 a", NO_FIELDS },
		{ "HGETDEL h FIELDS x a",
			"-ERR Number of fields must be a positive integer" },
		{ "HGETEX h EX 1 PX 1 FIELDS 1 a", NO_FIELDS },
		{ "HGETEX h EX -1 FIELDS 1 a",
			"-ERR invalid expire time, must be >= 0" },
		{ "HSETEX h FOO FIELDS 1 a b", "-ERR unknown argument: FOO" },
		{ "HSETEX h FNX FXX FIELDS 1 a b",
			"-ERR Only one of FXX or FNX arguments can be "
			"specified" },
		{ "HSETEX h EX 1 KEEPTTL FIELDS 1 a b",
			"-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL "
			"arguments can be specified" },
		{ "HSETEX h FIELDS x a b", "-ERR invalid number of fields" },
		{ "HSETEX h FIELDS 2 a b c",
			"-ERR wrong number of arguments for 'hsetex' "
			"command" },
		{ "HGET h a", "$1" },
		{ 0 },
	});
}

Test(hash_expiry, hgetdel_takes_out)
{
	play((struct exchange[]){
		{ "HSET h a 1 b 2", ":2" },
		{ "HGETDEL h FIELDS 3 a none a", "[$1 _ _]" },
		{ "HGETALL h", "[$b $2]" },
		{ "HGETDEL h FIELDS 1 b", "[$2]" },
		{ "EXISTS h", ":0" },
		{ "HGETDEL h FIELDS 2 a b", "[_ _]" },
		{ 0 },
	});
}

Test(hash_expiry, hgetex_reads_and_sets)
{
	play((struct exchange[]){
		{ "HSET h a 1 b 2", ":2" },
		{ "HGETEX h FIELDS 2 a none", "[$1 _]" },
		{ "HGETEX h EX 100 FIELDS 2 a none", "[$1 _]" },
		{ "HTTL h FIELDS 2 a b", "[:100 :-1]" },
		{ "HGETEX h FIELDS 1 a", "[$1]" },
		{ "HTTL h FIELDS 1 a", "[:100]" },
		{ "HGETEX h PERSIST FIELDS 1 a", "[$1]" },
		{ "HTTL h FIELDS 1 a", "[:-1]" },
		{ "HGETEX h PXAT 33177117420000 FIELDS 1 a", "[$1]" },
		{ "HEXPIRETIME h FIELDS 1 a", "[:33177117420]" },
		{ "HGETEX h EXAT 1 FIELDS 2 a b", "[$1 $2]" },
		{ "EXISTS h", ":0" },
		{ "HGETEX none EX 1 FIELDS 1 a", "[_]" },
		{ 0 },
	});
}

Test(hash_expiry, hsetex_sets_with_expiry)
{
	play((struct exchange[]){
		{ "HSETEX h EX 100 FIELDS 2 a 1 b 2", ":1" },
		{ "HTTL h FIELDS 2 a b", "[:100 :100]" },
		{ "HSETEX h FNX FIELDS 2 a 3 c 4", ":0" },
		{ "HSETEX h FXX FIELDS 2 a 3 c 4", ":0" },
		{ "HGETALL h", "[$a $1 $b $2]" },
		{ "HSETEX h FXX KEEPTTL FIELDS 2 a 3 b 4", ":1" },
		{ "HTTL h FIELDS 1 a", "[:100]" },
		{ "HSETEX h FIELDS 1 a 5", ":1" },
		{ "HTTL h FIELDS 2 a b", "[:-1 :100]" },
		{ "HSETEX h FNX PX 200000 FIELDS 1 c 6", ":1" },
		{ "HTTL h FIELDS 1 c", "[:200]" },
		{ "HSETEX h EX 0 FIELDS 3 a 7 b 8 c 9", ":1" },
		{ "EXISTS h", ":0" },
		{ "HSETEX h FXX FIELDS 1 a 1", ":0" },
		{ "HSETEX h PXAT 1 FIELDS 1 a 1", ":1" },
		{ "EXISTS h", ":0" },
		{ 0 },
	});
}

Test(hash_expiry, writes_keep_it_or_take_it_off)
{
	play((struct exchange[]){
		{ "HSETEX h EX 100 FIELDS 4 a 1 b 2 c 3 d 4", ":1" },
		{ "HSET h a 5", ":0" },
		{ "HINCRBY h b 1", ":3" },
		{ "HINCRBYFLOAT h c 1.5", "$4.5" },
		{ "HSETNX h d 5", ":0" },
		{ "HTTL h FIELDS 4 a b c d", "[:-1 :100 :100 :100]" },
		{ "COPY h copy", ":1" },
		{ "HTTL copy FIELDS 2 a b", "[:-1 :100]" },
		{ "RENAME copy new", "+OK" },
		{ "HTTL new FIELDS 2 a b", "[:-1 :100]" },
		{ 0 },
	});
}

Test(hash_expiry, nobody_sees_an_expired_field)
{
	redisContext *client = shared_server_clear();

	transcript_expect(client, "HSET h a 1 b 2 c 3", ":3");
	transcript_expect(client, "HPEXPIRE h 30 FIELDS 2 a b", "[:1 :1]");
	usleep(50000);
	transcript_play(client,
		(struct exchange[]){
			{ "HGET h a", "_" },
			{ "HMGET h a c", "[_ $3]" },
			{ "HEXISTS h a", ":0" },
			{ "HSTRLEN h a", ":0" },
			{ "HLEN h", ":1" },
			{ "HGETALL h", "[$c $3]" },
			{ "HKEYS h", "[$c]" },
			{ "HVALS h", "[$3]" },
			{ "HSCAN h 0", "[$0 [$c $3]]" },
			{ "HRANDFIELD h", "$c" },
			{ "HRANDFIELD h 3", "[$c]" },
			{ "HRANDFIELD h -2", "[$c $c]" },
			{ "HTTL h FIELDS 2 a c", "[:-2 :-1]" },
			{ "HGETEX h EX 10 FIELDS 1 a", "[_]" },
			{ "HDEL h a", ":0" },
			{ "HSET h b 9", ":1" },
			{ "HTTL h FIELDS 1 b", "[:-1]" },
			{ "HINCRBY h a 5", ":5" },
			{ "HLEN h", ":3" },
			{ 0 },
		});
	redisFree(client);
}

Test(hash_expiry, a_hash_of_expired_fields_begins_anew)
{
	redisContext *client = shared_server_clear();

	transcript_expect(client, "HSETEX h PX 20 FIELDS 2 a 1 b 2", ":1");
	transcript_expect(client, "HSETEX i PX 20 FIELDS 1 a 1", ":1");
	usleep(40000);
	transcript_play(client,
		(struct exchange[]){
			{ "HGETALL h", "[]" },
			{ "HLEN h", ":0" },
			{ "HRANDFIELD h", "_" },
			{ "HRANDFIELD h 2", "[]" },
			{ "HDEL h a", ":0" },
			{ "EXISTS h", ":0" },
			{ "HSETNX i a 2", ":1" },
			{ "HGETALL i", "[$a $2]" },
			{ "HLEN i", ":1" },
			{ 0 },
		});
	redisFree(client);
}

static long
ask_database(const char *query)
{
	PGconn *link = PQconnectdb(shared_server_conninfo());
	PGresult *result = PQexec(link, query);
	long answer;

	cr_assert_eq(PQresultStatus(result), PGRES_TUPLES_OK, "%s: %s", query,
		PQerrorMessage(link));
	cr_assert_eq(PQntuples(result), 1, "%s", query);
	answer = atol(PQgetvalue(result, 0, 0));
	PQclear(result);
	PQfinish(link);
	return answer;
}

Test(hash_expiry, the_sweeper_removes_them)
{
	redisContext *client = shared_server_clear();

	transcript_expect(client, "HSET h a 1 b 2 c 3 d 4", ":4");
	transcript_expect(client, "HPEXPIRE h 1 FIELDS 3 a b c", "[:1 :1 :1]");
	transcript_expect(client, "HEXPIRE h 100 FIELDS 1 d", "[:1]");
	transcript_expect(client, "HSETEX i PX 1 FIELDS 2 a 1 b 2", ":1");
	usleep(20000);
	/* The server's own may have been first. */
	while (ask_database("SELECT respgres.sweep_fields(2)") > 0)
		;
	cr_expect_eq(ask_database("SELECT size FROM respgres.key"), 1);
	cr_expect_eq(ask_database("SELECT count(*) FROM respgres.hash_field f "
				  "JOIN respgres.key k USING (content_id)"),
		1);
	cr_expect_eq(ask_database("SELECT count(*) FROM respgres.hash_field f "
				  "JOIN respgres.key k USING (content_id) "
				  "WHERE k.fields_expire_at = f.expires_at"),
		1);
	transcript_expect(client, "HGETALL h", "[$d $4]");
	transcript_expect(client, "EXISTS i", ":0");
	redisFree(client);
}
