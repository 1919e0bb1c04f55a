/* Bitmaps: every command, its options and its errors. */
#include "tests/support/shared_server.h"
#include "tests/support/transcript.h"

#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#define BAD_OFFSET "-ERR bit offset is not an integer or out of range"
#define BAD_BIT "-ERR bit is not an integer or out of range"
#define BAD_TYPE \
	"-ERR Invalid bitfield type. Use something like i16 u8. Note that " \
	"u64 is not supported but i64 is."
#define NOT_INTEGER "-ERR value is not an integer or out of range"
#define SYNTAX "-ERR syntax error"
#define WRONG_TYPE \
	"-WRONGTYPE Operation against a key holding the wrong kind of value"

static void
play(const struct exchange *exchanges)
{
	redisContext *client = shared_server_clear();

	transcript_play(client, exchanges);
	redisFree(client);
}

Test(bitmaps, bits_are_set_and_got)
{
	play((struct exchange[]){
		{ "SETBIT b 1 1", ":0" },
		{ "OBJECT ENCODING b", "$raw" },
		{ "GET b", "$@" },
		{ "SETBIT b 1 0", ":1" },
		{ "GET b", "$\\x00" },
		{ "SETBIT b 23 1", ":0" },
		{ "GET b", "$\\x00\\x00\\x01" },
		{ "GETBIT b 23", ":1" },
		{ "GETBIT b 22", ":0" },
		{ "GETBIT b 24", ":0" },
		{ "GETBIT b 4294967295", ":0" },
		{ "GETBIT none 5", ":0" },
		{ "SET n 1", "+OK" },
		{ "GETBIT n 2", ":1" },
		{ "SETBIT n 6 1", ":0" },
		{ "GET n", "$3" },
		{ "OBJECT ENCODING n", "$raw" },
		{ "INCR n", ":4" },
		{ "SET text @", "+OK" },
		{ "SETBIT text 1 1", ":1" },
		{ "OBJECT ENCODING text", "$raw" },
		{ "EXPIRE text 100", ":1" },
		{ "SETBIT text 2 1", ":0" },
		{ "TTL text", ":100" },
		{ "PEXPIREAT text 1", ":1" },
		{ "GETBIT text 1", ":0" },
		{ "SETBIT text 1 0", ":0" },
		{ "GET text", "$\\x00" },
		{ "TTL text", ":-1" },
		{ 0 },
	});
}

Test(bitmaps, what_is_no_bit_is_refused)
{
	play((struct exchange[]){
		{ "SETBIT b -1 1", BAD_OFFSET },
		{ "SETBIT b 4294967296 1", BAD_OFFSET },
		{ "SETBIT b x 2", BAD_OFFSET },
		{ "SETBIT b #1 1", BAD_OFFSET },
		{ "SETBIT b 1 2", BAD_BIT },
		{ "SETBIT b 1 -1", BAD_BIT },
		{ "SETBIT b 1 x", BAD_BIT },
		{ "GETBIT b 4294967296", BAD_OFFSET },
		{ "EXISTS b", ":0" },
		{ "HSET h f v", ":1" },
		{ "SETBIT h 1 1", WRONG_TYPE },
		{ "GETBIT h 1", WRONG_TYPE },
		{ "BITCOUNT h", WRONG_TYPE },
		{ "BITCOUNT h a", WRONG_TYPE },
		{ "BITPOS h 1", WRONG_TYPE },
		{ "BITFIELD h", WRONG_TYPE },
		{ "BITFIELD h SET u8 0 1", WRONG_TYPE },
		{ "BITOP NOT d h", WRONG_TYPE },
		{ "BITOP NOT h none", ":0" },
		{ "EXISTS h", ":0" },
		{ 0 },
	});
}

Test(bitmaps, bits_are_counted)
{
	play((struct exchange[]){
		{ "SET k foobar", "+OK" },
		{ "BITCOUNT k", ":26" },
		{ "BITCOUNT k 0 0", ":4" },
		{ "BITCOUNT k 1 1 byte", ":6" },
		{ "BITCOUNT k 5 30 BIT", ":17" },
		{ "BITCOUNT k -5 -2", ":18" },
		{ "BITCOUNT k -2 -5", ":0" },
		{ "BITCOUNT k -5 -13 BIT", ":0" },
		{ "BITCOUNT k -9223372036854775808 9223372036854775807",
			":26" },
		{ "BITCOUNT k 4 2", ":0" },
		{ "BITCOUNT k 0", SYNTAX },
		{ "BITCOUNT k 0 1 HELLO", SYNTAX },
		{ "BITCOUNT k 0 1 BIT BIT", SYNTAX },
		{ "BITCOUNT k a 1", NOT_INTEGER },
		{ "BITCOUNT none a", ":0" },
		{ "SET n 3", "+OK" },
		{ "BITCOUNT n", ":4" },
		{ "SET e \"\"", "+OK" },
		{ "BITCOUNT e", ":0" },
		{ "BITCOUNT e 0 -1 BIT", ":0" },
		{ 0 },
	});
}

Test(bitmaps, bits_are_found)
{
	play((struct exchange[]){
		{ "SET k \"\\xff\\xf0\"", "+OK" },
		{ "SETBIT k 23 0", ":0" },
		{ "BITPOS k 0", ":12" },
		{ "BITPOS k 1", ":0" },
		{ "BITPOS k 0 0 0", ":-1" },
		{ "BITPOS k 1 2", ":-1" },
		{ "BITPOS k 0 2", ":16" },
		{ "BITPOS k 1 12 -1 BIT", ":-1" },
		{ "BITPOS k 1 7 15 BIT", ":7" },
		{ "BITPOS k 0 3 11 bit", ":-1" },
		{ "BITPOS k 0 3 12 bit", ":12" },
		{ "BITPOS k 1 -17 -1 BIT", ":7" },
		{ "SET f \"\\xff\\xff\"", "+OK" },
		{ "BITPOS f 0", ":16" },
		{ "BITPOS f 0 1", ":16" },
		{ "BITPOS f 0 0 -1", ":-1" },
		{ "BITPOS f 0 9", ":-1" },
		{ "BITPOS none 0", ":0" },
		{ "BITPOS none 1 0 -1", ":-1" },
		{ "SET e \"\"", "+OK" },
		{ "BITPOS e 0", ":-1" },
		{ "BITPOS k 2", "-ERR The bit argument must be 1 or 0." },
		{ "BITPOS k x", NOT_INTEGER },
		{ "BITPOS k 1 x", NOT_INTEGER },
		{ "BITPOS k 1 0 x FOO", SYNTAX },
		{ "BITPOS k 1 0 1 BIT BIT", SYNTAX },
		{ "BITPOS none 0 x", ":0" },
		{ 0 },
	});
}

Test(bitmaps, strings_are_combined)
{
	play((struct exchange[]){
		{ "MSET a \"\\x0f\\xff\\x01\" b \"\\xf1\\x0f\" n 7", "+OK" },
		{ "BITOP AND d a b", ":3" },
		{ "GET d", "$\\x01\\x0f\\x00" },
		{ "OBJECT ENCODING d", "$raw" },
		{ "EXPIRE d 100", ":1" },
		{ "BITOP or d a b", ":3" },
		{ "TTL d", ":-1" },
		{ "GET d", "$\\xff\\xff\\x01" },
		{ "BITOP XOR d a b none", ":3" },
		{ "GET d", "$\\xfe\\xf0\\x01" },
		{ "BITOP NOT d a", ":3" },
		{ "GET d", "$\\xf0\\x00\\xfe" },
		{ "BITOP AND a a a", ":3" },
		{ "GET a", "$\\x0f\\xff\\x01" },
		{ "BITOP AND a a none", ":3" },
		{ "GET a", "$\\x00\\x00\\x00" },
		{ "BITOP OR d n", ":1" },
		{ "GET d", "$7" },
		{ "INCR d", ":8" },
		{ "BITOP OR d none nothing", ":0" },
		{ "EXISTS d", ":0" },
		{ "BITOP NOT d a b",
			"-ERR BITOP NOT must be called with a single source "
			"key." },
		{ "BITOP NAND d a b", SYNTAX },
		{ "HSET h f v", ":1" },
		{ "BITOP OR h a", ":3" },
		{ "TYPE h", "+string" },
		{ 0 },
	});
}

Test(bitmaps, fields_are_read_and_written)
{
	play((struct exchange[]){
		{ "BITFIELD f SET i8 0 -100 GET i8 0 GET u8 0",
			"[:0 :-100 :156]" },
		{ "BITFIELD f SET u8 #1 255 GET u4 6", "[:0 :3]" },
		{ "GET f", "$\\x9c\\xff" },
		{ "BITFIELD f INCRBY i5 100 1 GET u4 0", "[:1 :9]" },
		{ "STRLEN f", ":14" },
		{ "OBJECT ENCODING f", "$raw" },
		{ "BITFIELD f", "[]" },
		{ "BITFIELD none GET i64 3 GET u63 #100", "[:0 :0]" },
		{ "EXISTS none", ":0" },
		{ "BITFIELD_RO f GET u8 0 GET i1 0", "[:156 :-1]" },
		{ "BITFIELD_RO f SET u8 0 1",
			"-ERR BITFIELD_RO only supports the GET subcommand" },
		{ "BITFIELD g SET i64 3 -9223372036854775808 GET i64 3",
			"[:0 :-9223372036854775808]" },
		{ "BITFIELD g INCRBY i64 3 -1 GET i64 3",
			"[:9223372036854775807 :9223372036854775807]" },
		{ "EXPIRE g 100", ":1" },
		{ "BITFIELD g SET u1 0 1", "[:0]" },
		{ "TTL g", ":100" },
		{ "SET n 12", "+OK" },
		{ "BITFIELD n GET u8 0 INCRBY u8 8 1", "[:49 :51]" },
		{ "GET n", "$13" },
		{ 0 },
	});
}

Test(bitmaps, fields_overflow)
{
	play((struct exchange[]){
		{ "BITFIELD f SET u8 0 300 GET u8 0", "[:0 :44]" },
		{ "BITFIELD f OVERFLOW SAT INCRBY u8 0 300", "[:255]" },
		{ "BITFIELD f OVERFLOW sat INCRBY u8 0 -300", "[:0]" },
		{ "BITFIELD f OVERFLOW SAT SET u8 0 -1 GET u8 0", "[:0 :255]" },
		{ "BITFIELD f INCRBY u8 0 1", "[:0]" },
		{ "BITFIELD f INCRBY i8 0 127 INCRBY i8 0 1", "[:127 :-128]" },
		{ "BITFIELD f OVERFLOW SAT INCRBY i8 0 -1", "[:-128]" },
		{ "BITFIELD f OVERFLOW FAIL INCRBY i8 0 -1 OVERFLOW WRAP "
		  "INCRBY i8 0 -1",
			"[_ :127]" },
		{ "BITFIELD new OVERFLOW FAIL SET u2 20 4", "[_]" },
		{ "GET new", "$\\x00\\x00\\x00" },
		{ 0 },
	});
}

Test(bitmaps, what_is_no_field_is_refused)
{
	play((struct exchange[]){
		{ "BITFIELD f GET u64 0", BAD_TYPE },
		{ "BITFIELD f GET i65 0", BAD_TYPE },
		{ "BITFIELD f GET i0 0", BAD_TYPE },
		{ "BITFIELD f GET x8 0", BAD_TYPE },
		{ "BITFIELD f GET u 0", BAD_TYPE },
		{ "BITFIELD f GET u8 -1", BAD_OFFSET },
		{ "BITFIELD f GET u8 #x", BAD_OFFSET },
		{ "BITFIELD f GET u8 #536870912", BAD_OFFSET },
		{ "BITFIELD f GET u8 4294967295", "[:0]" },
		{ "BITFIELD f SET u8 0 x", NOT_INTEGER },
		{ "BITFIELD f SET u8 0", SYNTAX },
		{ "BITFIELD f FOO u8 0 1", SYNTAX },
		{ "BITFIELD f OVERFLOW foo",
			"-ERR Invalid OVERFLOW type specified" },
		{ "EXISTS f", ":0" },
		{ 0 },
	});
}

Test(bitmaps, changes_are_counted)
{
	redisContext *client = shared_server_clear();
	static const char *const commands[] = { "SETBIT k 0 0", "SETBIT k 0 0",
		"SETBIT k 0 1", "SETBIT k 90 0", "BITFIELD k SET i5 0 3",
		"BITFIELD k SET i5 0 3", "BITFIELD k SET i5 0 1 SET i5 5 1" };
	long before, after;
	char *info;

	info = transcript_ask(client, "INFO persistence");
	before = atol(strstr(info, "last_save:") + 10);
	free(info);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		free(transcript_ask(client, commands[i]));
	info = transcript_ask(client, "INFO persistence");
	after = atol(strstr(info, "last_save:") + 10);
	free(info);
	cr_expect_eq(after - before, 6, "%ld changes", after - before);
	redisFree(client);
}

Test(bitmaps, large_ones_work)
{
	play((struct exchange[]){
		{ "SETBIT big 160000000 1", ":0" },
		{ "STRLEN big", ":20000001" },
		{ "GETBIT big 160000000", ":1" },
		{ "BITCOUNT big", ":1" },
		{ "BITCOUNT big 100 160000000 BIT", ":1" },
		{ "BITPOS big 1", ":160000000" },
		{ "BITOP NOT rest big", ":20000001" },
		{ "BITCOUNT rest", ":160000007" },
		{ "BITPOS rest 0", ":160000000" },
		{ "BITOP XOR all rest big", ":20000001" },
		{ "BITPOS all 0", ":160000008" },
		{ "BITFIELD all INCRBY u63 159999900 1 GET u63 159999837",
			"[:0 :9223372036854775807]" },
		{ "DEL big rest all", ":3" },
		{ 0 },
	});
}

/* A pipeline's commands see the earlier ones, on one key and on several. */
Test(bitmaps, a_client_sees_its_own_writes_in_order)
{
	enum { ROUNDS = 100 };
	redisContext *client = shared_server_clear();
	redisReply *reply;

	for (int i = 0; i < ROUNDS; i++) {
		redisAppendCommand(client, "SETBIT k %d 1", i);
		redisAppendCommand(client, "BITCOUNT k");
		redisAppendCommand(client, "BITOP OR copy k none");
		redisAppendCommand(client, "BITCOUNT copy");
		redisAppendCommand(client, "BITFIELD sum INCRBY u16 0 1");
	}
	for (int i = 0; i < ROUNDS * 5; i++) {
		cr_assert_eq(redisGetReply(client, (void **)&reply), REDIS_OK);
		if (i % 5 == 1 || i % 5 == 3)
			cr_expect_eq(reply->integer, i / 5 + 1);
		if (i % 5 == 4)
			cr_expect_eq(reply->element[0]->integer, i / 5 + 1);
		freeReplyObject(reply);
	}
	redisFree(client);
}

Test(bitmaps, many_writers_lose_nothing)
{
	enum { CLIENTS = 8, BITS = 100 };
	redisContext *clients[CLIENTS], *judge = shared_server_clear();
	redisReply *reply;

	for (int i = 0; i < CLIENTS; i++) {
		clients[i] = shared_server_connect();
		for (int j = 0; j < BITS; j++) {
			redisAppendCommand(
				clients[i], "SETBIT k %d 1", j * CLIENTS + i);
			redisAppendCommand(
				clients[i], "BITFIELD n INCRBY u32 0 1");
		}
	}
	for (int j = 0; j < BITS * 2; j++)
		for (int i = 0; i < CLIENTS; i++) {
			cr_assert_eq(redisGetReply(clients[i], (void **)&reply),
				REDIS_OK);
			freeReplyObject(reply);
		}
	transcript_expect(judge, "BITCOUNT k", ":800");
	transcript_expect(judge, "BITFIELD n GET u32 0", "[:800]");
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

Test(bitmaps, sql_does_the_same)
{
	redisContext *client = shared_server_clear();

	expect_sql("SELECT respgres.setbit(0, 'k', 9, 1)", "(,0,t)");
	expect_sql("SELECT respgres.setbit(0, 'k', 9, 1)", "(,1,f)");
	transcript_expect(client, "GET k", "$\\x00@");
	expect_sql("SELECT respgres.getbit(0, 'k', 9)", "(,1)");
	expect_sql("SELECT respgres.getbit(0, 'none', 9)", "(,0)");
	expect_sql("SELECT respgres.bitcount(0, 'k')", "(,1)");
	expect_sql("SELECT respgres.bitcount(0, 'k', 9, 9, true)", "(,1)");
	expect_sql("SELECT respgres.bitcount(0, 'none')", "(,0)");
	expect_sql("SELECT respgres.bitpos(0, 'k', 1)", "(,9)");
	expect_sql("SELECT respgres.bitpos(0, 'none', 0, 0, -1)", "(,0)");
	expect_sql("SELECT respgres.bitop(0, 'or', 'd', 'k', 'none')", "(,2)");
	transcript_expect(client, "GETBIT d 9", ":1");
	expect_sql("SELECT array_agg(f.result) FROM respgres.bitfield(0, 'k', "
		   "ARRAY['SET u8 #0 300', 'get u8 0', 'OVERFLOW FAIL', "
		   "'INCRBY u2 0 7']) f",
		"{0,44,NULL}");
	expect_sql("SELECT f.error FROM respgres.bitfield(0, 'k', "
		   "ARRAY['SET u64 0 3']) f",
		"ERR syntax error");
	expect_sql("SELECT error FROM respgres.setbit(0, 'k', -1, 1)",
		BAD_OFFSET + 1);
	transcript_expect(client, "HSET h f v", ":1");
	expect_sql("SELECT error FROM respgres.setbit(0, 'h', 1, 1)",
		WRONG_TYPE + 1);
	expect_sql(
		"SELECT error FROM respgres.getbit(0, 'h', 1)", WRONG_TYPE + 1);
	expect_sql("SELECT error FROM respgres.bitop(0, 'not', 'd', 'h')",
		WRONG_TYPE + 1);
	redisFree(client);
}
