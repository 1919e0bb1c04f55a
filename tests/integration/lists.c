/* Lists: every command, its options and its errors. */
#include "tests/support/shared_server.h"
#include "tests/support/transcript.h"

#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <libpq-fe.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOT_INTEGER "-ERR value is not an integer or out of range"
#define WRONG_TYPE \
	"-WRONGTYPE Operation against a key holding the wrong kind of value"

static void
play(const struct exchange *exchanges)
{
	redisContext *client = shared_server_clear();

	transcript_play(client, exchanges);
	redisFree(client);
}

Test(lists, push_and_pop_at_both_ends)
{
	play((struct exchange[]){
		{ "RPUSH k a b c", ":3" },
		{ "LPUSH k 1 2 3", ":6" },
		{ "LRANGE k 0 -1", "[$3 $2 $1 $a $b $c]" },
		{ "LPOP k", "$3" },
		{ "RPOP k", "$c" },
		{ "LPOP k 2", "[$2 $1]" },
		{ "RPOP k 5", "[$b $a]" },
		{ "EXISTS k", ":0" },
		{ "LPOP k", "_" },
		{ "RPOP k 1", "_" },
		{ "LPOP k 0", "_" },
		{ "RPUSH k x", ":1" },
		{ "LPOP k 0", "[]" },
		{ "LPOP k -1", "-ERR value is out of range, must be positive" },
		{ "LPOP k x", "-ERR value is out of range, must be positive" },
		{ "LPOP k 1 2",
			"-ERR wrong number of arguments for 'lpop' command" },
		{ "LPOP k 9223372036854775807", "[$x]" },
		{ "RPUSH k",
			"-ERR wrong number of arguments for 'rpush' command" },
		{ 0 },
	});
}

Test(lists, push_only_to_lists_that_are_there)
{
	play((struct exchange[]){
		{ "LPUSHX k a", ":0" },
		{ "RPUSHX k a b", ":0" },
		{ "EXISTS k", ":0" },
		{ "RPUSH k a", ":1" },
		{ "LPUSHX k b c", ":3" },
		{ "RPUSHX k d e", ":5" },
		{ "LRANGE k 0 -1", "[$c $b $a $d $e]" },
		{ 0 },
	});
}

Test(lists, index_and_range)
{
	play((struct exchange[]){
		{ "LLEN k", ":0" },
		{ "LINDEX k 0", "_" },
		{ "LINDEX k x", "_" },
		{ "LRANGE k 0 -1", "[]" },
		{ "RPUSH k a b c d e", ":5" },
		{ "LLEN k", ":5" },
		{ "LINDEX k 0", "$a" },
		{ "LINDEX k 4", "$e" },
		{ "LINDEX k 5", "_" },
		{ "LINDEX k -1", "$e" },
		{ "LINDEX k -5", "$a" },
		{ "LINDEX k -6", "_" },
		{ "LINDEX k 9223372036854775807", "_" },
		{ "LINDEX k -9223372036854775808", "_" },
		{ "LINDEX k x", NOT_INTEGER },
		{ "LRANGE k 1 3", "[$b $c $d]" },
		{ "LRANGE k -2 -1", "[$d $e]" },
		{ "LRANGE k -100 0", "[$a]" },
		{ "LRANGE k 3 100", "[$d $e]" },
		{ "LRANGE k 3 1", "[]" },
		{ "LRANGE k 5 9", "[]" },
		{ "LRANGE k -9223372036854775808 9223372036854775807",
			"[$a $b $c $d $e]" },
		{ "LRANGE k 9223372036854775807 -9223372036854775808", "[]" },
		{ "LRANGE k 0 x", NOT_INTEGER },
		{ "LSET k 0 A", "+OK" },
		{ "LSET k -1 E", "+OK" },
		{ "LSET k 5 x", "-ERR index out of range" },
		{ "LSET k -6 x", "-ERR index out of range" },
		{ "LSET k 9223372036854775807 x", "-ERR index out of range" },
		{ "LSET k x x", NOT_INTEGER },
		{ "LSET none 0 x", "-ERR no such key" },
		{ "LSET none x x", "-ERR no such key" },
		{ "LRANGE k 0 -1", "[$A $b $c $d $E]" },
		{ 0 },
	});
}

Test(lists, insert_remove_and_trim)
{
	play((struct exchange[]){
		{ "LINSERT k BEFORE a b", ":0" },
		{ "RPUSH k a b c d", ":4" },
		{ "LINSERT k before a 0", ":5" },
		{ "LINSERT k AFTER d e", ":6" },
		{ "LINSERT k AFTER b bb", ":7" },
		{ "LINSERT k BEFORE c cc", ":8" },
		{ "LINSERT k BEFORE none x", ":-1" },
		{ "LINSERT k AT a x", "-ERR syntax error" },
		{ "LRANGE k 0 -1", "[$0 $a $b $bb $cc $c $d $e]" },
		{ "DEL k", ":1" },
		{ "RPUSH k x a x b x c x", ":7" },
		{ "LREM k 1 x", ":1" },
		{ "LREM k -1 x", ":1" },
		{ "LRANGE k 0 -1", "[$a $x $b $x $c]" },
		{ "LREM k 0 none", ":0" },
		{ "LREM k -9223372036854775808 x", ":2" },
		{ "LRANGE k 0 -1", "[$a $b $c]" },
		{ "LREM none 0 x", ":0" },
		{ "LREM k x x", NOT_INTEGER },
		{ "LREM k 5 a", ":1" },
		{ "LREM k 0 c", ":1" },
		{ "LREM k 0 b", ":1" },
		{ "EXISTS k", ":0" },
		{ "RPUSH k a b c d e", ":5" },
		{ "LTRIM k 1 -2", "+OK" },
		{ "LRANGE k 0 -1", "[$b $c $d]" },
		{ "LTRIM k -2 100", "+OK" },
		{ "LRANGE k 0 -1", "[$c $d]" },
		{ "LTRIM k 0 0", "+OK" },
		{ "LTRIM k 1 0", "+OK" },
		{ "EXISTS k", ":0" },
		{ "LTRIM k 0 1", "+OK" },
		{ "LTRIM k 0 x", NOT_INTEGER },
		{ 0 },
	});
}

Test(lists, positions_of_an_item)
{
	play((struct exchange[]){
		{ "LPOS k a", "_" },
		{ "LPOS k a COUNT 0", "[]" },
		{ "RPUSH k a b c 1 2 3 c c", ":8" },
		{ "LPOS k c", ":2" },
		{ "LPOS k none", "_" },
		{ "LPOS k none COUNT 2", "[]" },
		{ "LPOS k c RANK 1", ":2" },
		{ "LPOS k c RANK 2", ":6" },
		{ "LPOS k c RANK 4", "_" },
		{ "LPOS k c RANK -1", ":7" },
		{ "LPOS k c RANK -3", ":2" },
		{ "LPOS k c RANK -9223372036854775808", ":7" },
		{ "LPOS k c COUNT 0", "[:2 :6 :7]" },
		{ "LPOS k c COUNT 2", "[:2 :6]" },
		{ "LPOS k c COUNT 0 RANK 2", "[:6 :7]" },
		{ "LPOS k c COUNT 2 RANK -1", "[:7 :6]" },
		{ "LPOS k a COUNT 0 MAXLEN 1", "[:0]" },
		{ "LPOS k c COUNT 0 MAXLEN 7", "[:2 :6]" },
		{ "LPOS k c COUNT 0 MAXLEN 7 RANK 2", "[:6]" },
		{ "LPOS k c RANK -1 MAXLEN 1", ":7" },
		{ "LPOS k a RANK -1 MAXLEN 7", "_" },
		{ "LPOS k a MAXLEN 9223372036854775807", ":0" },
		{ "LPOS k a RANK 0",
			"-ERR RANK can't be zero: use 1 to start from the first "
			"match, 2 from the second ... or use negative to start "
			"from the end of the list" },
		{ "LPOS k a COUNT -1", "-ERR COUNT can't be negative" },
		{ "LPOS k a MAXLEN x", "-ERR MAXLEN can't be negative" },
		{ "LPOS k a RANK", "-ERR syntax error" },
		{ "LPOS k a FOO 1", "-ERR syntax error" },
		{ 0 },
	});
}

Test(lists, move_between_lists)
{
	play((struct exchange[]){
		{ "LMOVE a b LEFT RIGHT", "_" },
		{ "RPUSH a 1 2 3 4", ":4" },
		{ "LMOVE a b LEFT RIGHT", "$1" },
		{ "LMOVE a b right left", "$4" },
		{ "RPOPLPUSH a b", "$3" },
		{ "LMOVE a b LEFT LEFT", "$2" },
		{ "EXISTS a", ":0" },
		{ "LRANGE b 0 -1", "[$2 $3 $4 $1]" },
		{ "LMOVE b b LEFT RIGHT", "$2" },
		{ "RPOPLPUSH b b", "$2" },
		{ "LMOVE b b LEFT LEFT", "$2" },
		{ "LRANGE b 0 -1", "[$2 $3 $4 $1]" },
		{ "LMOVE b b UP LEFT", "-ERR syntax error" },
		{ "SET s v", "+OK" },
		{ "LMOVE s b LEFT LEFT", WRONG_TYPE },
		{ "LMOVE b s LEFT LEFT", WRONG_TYPE },
		{ "LMOVE none s LEFT LEFT", "_" },
		{ "LLEN b", ":4" },
		{ 0 },
	});
}

Test(lists, pop_from_the_first_of_several)
{
	play((struct exchange[]){
		{ "LMPOP 2 a b LEFT", "_" },
		{ "RPUSH b 1 2 3 4 5", ":5" },
		{ "LMPOP 2 a b LEFT", "[$b [$1]]" },
		{ "LMPOP 2 a b RIGHT COUNT 2", "[$b [$5 $4]]" },
		{ "RPUSH a x", ":1" },
		{ "LMPOP 2 a b right count 9", "[$a [$x]]" },
		{ "LMPOP 1 b LEFT COUNT 9", "[$b [$2 $3]]" },
		{ "EXISTS a b", ":0" },
		{ "SET s v", "+OK" },
		{ "LMPOP 2 a s LEFT", WRONG_TYPE },
		{ "LMPOP 0 a LEFT", "-ERR numkeys should be greater than 0" },
		{ "LMPOP x a LEFT", "-ERR numkeys should be greater than 0" },
		{ "LMPOP 2 a LEFT", "-ERR syntax error" },
		{ "LMPOP 1 a UP", "-ERR syntax error" },
		{ "LMPOP 1 a LEFT COUNT 0",
			"-ERR count should be greater than 0" },
		{ "LMPOP 1 a LEFT COUNT", "-ERR syntax error" },
		{ "LMPOP 1 a LEFT COUNT 1 COUNT 2", "-ERR syntax error" },
		{ 0 },
	});
}

Test(lists, refuse_other_types)
{
	play((struct exchange[]){
		{ "SET s v", "+OK" },
		{ "LPUSH s a", WRONG_TYPE },
		{ "RPUSHX s a", WRONG_TYPE },
		{ "LPOP s", WRONG_TYPE },
		{ "RPOP s 2", WRONG_TYPE },
		{ "LLEN s", WRONG_TYPE },
		{ "LINDEX s 0", WRONG_TYPE },
		{ "LINDEX s x", WRONG_TYPE },
		{ "LRANGE s 0 -1", WRONG_TYPE },
		{ "LSET s 0 v", WRONG_TYPE },
		{ "LINSERT s BEFORE a b", WRONG_TYPE },
		{ "LREM s 0 a", WRONG_TYPE },
		{ "LTRIM s 0 1", WRONG_TYPE },
		{ "LPOS s a", WRONG_TYPE },
		{ "LPOS s a COUNT 0", WRONG_TYPE },
		{ "RPUSH k v", ":1" },
		{ "GET k", WRONG_TYPE },
		{ "TYPE k", "+list" },
		{ 0 },
	});
}

Test(lists, an_expired_list_is_no_more)
{
	redisContext *client = shared_server_clear();

	transcript_expect(client, "DEBUG SET-ACTIVE-EXPIRE 0", "+OK");
	transcript_expect(client, "RPUSH k a b c", ":3");
	transcript_expect(client, "PEXPIRE k 1", ":1");
	transcript_expect(client, "BLPOP none 0.02", "_");
	transcript_expect(client, "LLEN k", ":0");
	transcript_expect(client, "LPOP k", "_");
	transcript_expect(client, "RPUSH k d", ":1");
	transcript_expect(client, "LRANGE k 0 -1", "[$d]");
	transcript_expect(client, "TTL k", ":-1");
	transcript_expect(client, "EXPIRE k 100", ":1");
	transcript_expect(client, "RPUSH k e", ":2");
	transcript_expect(client, "TTL k", ":100");
	transcript_expect(client, "DEBUG SET-ACTIVE-EXPIRE 1", "+OK");
	redisFree(client);
}

Test(lists, hold_any_bytes_of_any_size)
{
	redisContext *client = shared_server_clear();
	size_t size = 150000;
	char *large = malloc(size);
	const char *words[] = { "RPUSH", "k", "\0\xff\r\n", large, "" };
	size_t sizes[] = { 5, 1, 4, size, 0 };
	redisReply *reply;

	for (size_t i = 0; i < size; i++)
		large[i] = (char)(i * 7919 >> 3);
	freeReplyObject(redisCommandArgv(client, 5, words, sizes));
	reply = redisCommand(client, "LRANGE k 0 -1");
	cr_assert_eq(reply->elements, 3);
	cr_expect_eq(reply->element[0]->len, 4);
	cr_expect_eq(memcmp(reply->element[0]->str, "\0\xff\r\n", 4), 0);
	cr_expect_eq((size_t)reply->element[1]->len, size);
	cr_expect_eq(memcmp(reply->element[1]->str, large, size), 0);
	cr_expect_eq(reply->element[2]->len, 0);
	freeReplyObject(reply);
	reply = redisCommand(client, "LPOS k %b", large, size);
	cr_expect_eq(reply->integer, 1);
	freeReplyObject(reply);
	transcript_expect(client, "RPOP k", "$");
	reply = redisCommand(client, "RPOP k");
	cr_expect_eq((size_t)reply->len, size);
	freeReplyObject(reply);
	free(large);
	redisFree(client);
}

Test(lists, pipelined_commands_keep_their_order)
{
	redisContext *client = shared_server_clear();
	redisReply *reply;

	for (int i = 0; i < 500; i++) {
		redisAppendCommand(client, "RPUSH k %d %d", i, i);
		redisAppendCommand(client, "LPUSH k x");
		redisAppendCommand(client, "LPOP k");
		redisAppendCommand(client, "RPOP k");
		redisAppendCommand(client, "LINDEX k -1");
		redisAppendCommand(client, "LLEN k");
	}
	for (int i = 0; i < 500; i++) {
		for (int j = 0; j < 6; j++) {
			long long expected[] = { i + 2, i + 3, 0, i, i, i + 1 };

			cr_assert_eq(redisGetReply(client, (void **)&reply),
				REDIS_OK);
			if (j == 2)
				cr_expect_str_eq(reply->str, "x");
			else if (j == 3 || j == 4)
				cr_expect_eq(atoll(reply->str), expected[j]);
			else
				cr_expect_eq(reply->integer, expected[j]);
			freeReplyObject(reply);
		}
	}
	redisFree(client);
}

/* --- against a model ------------------------------------------------- */

enum { MODEL_MAX = 4000 };

struct model {
	int items[MODEL_MAX];
	int count;
};

static void
model_insert(struct model *model, int at, int value)
{
	memmove(model->items + at + 1, model->items + at,
		(size_t)(model->count - at) * sizeof(int));
	model->items[at] = value;
	model->count++;
}

static void
model_remove(struct model *model, int at)
{
	model->count--;
	memmove(model->items + at, model->items + at + 1,
		(size_t)(model->count - at) * sizeof(int));
}

static int
model_find(const struct model *model, int value)
{
	for (int i = 0; i < model->count; i++)
		if (model->items[i] == value)
			return i;
	return -1;
}

/* LREM; how many were removed. */
static int
model_remove_value(struct model *model, int count, int value)
{
	int most = count == 0 ? model->count : abs(count), removed = 0;

	if (count >= 0) {
		for (int i = 0; i < model->count && removed < most;)
			if (model->items[i] == value) {
				model_remove(model, i);
				removed++;
			} else {
				i++;
			}
		return removed;
	}
	for (int i = model->count - 1; i >= 0 && removed < most; i--)
		if (model->items[i] == value) {
			model_remove(model, i);
			removed++;
		}
	return removed;
}

static long long
ask(redisContext *client, const char *format, ...)
{
	va_list arguments;
	redisReply *reply;
	long long answer;

	va_start(arguments, format);
	reply = redisvCommand(client, format, arguments);
	va_end(arguments);
	cr_assert_not_null(reply);
	cr_assert_neq(
		reply->type, REDIS_REPLY_ERROR, "%s: %s", format, reply->str);
	answer = reply->type == REDIS_REPLY_INTEGER ? reply->integer :
		reply->str != NULL                  ? atoll(reply->str) :
						      -1;
	freeReplyObject(reply);
	return answer;
}

static void
step(redisContext *client, struct model *model)
{
	int value = rand() % 8, other = rand() % 8, at, count;
	int size = model->count;

	switch (rand() % 8) {
	case 0:
		model_insert(model, 0, value);
		model_insert(model, 0, other);
		cr_expect_eq(
			ask(client, "LPUSH k %d %d", value, other), size + 2);
		break;
	case 1:
	case 2:
		model_insert(model, size, value);
		model_insert(model, size + 1, other);
		cr_expect_eq(
			ask(client, "RPUSH k %d %d", value, other), size + 2);
		break;
	case 3:
	case 4:
		at = model_find(model, value);
		count = rand() % 2;
		if (at >= 0)
			model_insert(model, at + count, other);
		cr_expect_eq(ask(client, "LINSERT k %s %d %d",
				     count ? "AFTER" : "BEFORE", value, other),
			size == 0      ? 0 :
				at < 0 ? -1 :
					 model->count);
		break;
	case 5:
		count = rand() % 7 - 3;
		cr_expect_eq(ask(client, "LREM k %d %d", count, value),
			model_remove_value(model, count, value));
		break;
	case 6:
		if (size < 20)
			break;
		ask(client, "LTRIM k 3 -3");
		for (int i = 0; i < 3; i++)
			model_remove(model, 0);
		model->count -= 2;
		break;
	default:
		if (size == 0)
			break;
		at = rand() % size;
		model->items[at] = value;
		ask(client, "LSET k %d %d", rand() % 2 ? at : at - size, value);
	}
}

static void
compare(redisContext *client, const struct model *model, PGconn *sql)
{
	redisReply *reply = redisCommand(client, "LRANGE k 0 -1");
	PGresult *result;

	cr_assert_eq((int)reply->elements, model->count);
	for (int i = 0; i < model->count; i++)
		cr_expect_eq(
			atoi(reply->element[i]->str), model->items[i], "%d", i);
	freeReplyObject(reply);
	/* The positions are dense, and no row is left over. */
	result = PQexec(sql,
		"SELECT count(*) = max(k.size) AND "
		"min(l.position) = max(k.first_position) AND "
		"max(l.position) = max(k.first_position + k.size - 1) "
		"FROM respgres.key k JOIN respgres.list_item l "
		"ON l.content_id = k.content_id WHERE k.key = 'k'");
	cr_expect(model->count == 0 ||
		strcmp(PQgetvalue(result, 0, 0), "t") == 0);
	PQclear(result);
}

Test(lists, random_changes_leave_what_a_model_says)
{
	redisContext *client = shared_server_clear();
	PGconn *sql = PQconnectdb(shared_server_conninfo());
	struct model *model = calloc(1, sizeof(*model));

	srand(20240607);
	for (int i = 0; i < 600; i++) {
		step(client, model);
		if (i % 10 == 0)
			compare(client, model, sql);
	}
	free(model);
	PQfinish(sql);
	redisFree(client);
}

/* --- from SQL -------------------------------------------------------- */

static void
expect_sql(PGconn *sql, const char *text, const char *expected)
{
	PGresult *result = PQexec(sql, text);

	cr_assert_eq(PQresultStatus(result), PGRES_TUPLES_OK, "%s: %s", text,
		PQerrorMessage(sql));
	cr_expect_str_eq(PQgetvalue(result, 0, 0), expected, "%s: %s", text,
		PQgetvalue(result, 0, 0));
	PQclear(result);
}

Test(lists, sql_functions_do_the_same)
{
	redisContext *client = shared_server_clear();
	PGconn *sql = PQconnectdb(shared_server_conninfo());

	expect_sql(sql, "SELECT length FROM respgres.rpush(0, 'k', 'a', 'b')",
		"2");
	expect_sql(sql,
		"SELECT length FROM respgres.lpush(0, 'k', VARIADIC "
		"ARRAY['y', 'x']::bytea[])",
		"4");
	transcript_expect(client, "LRANGE k 0 -1", "[$x $y $a $b]");
	expect_sql(sql, "SELECT length FROM respgres.llen(0, 'k')", "4");
	expect_sql(sql,
		"SELECT string_agg(convert_from(value, 'UTF8'), ',' "
		"ORDER BY index) FROM respgres.lrange(0, 'k', 1, -2)",
		"y,a");
	expect_sql(sql,
		"SELECT convert_from(value, 'UTF8') FROM respgres.lpop(0, 'k')",
		"x");
	expect_sql(sql,
		"SELECT string_agg(convert_from(value, 'UTF8'), ',') "
		"FROM respgres.rpop(0, 'k', 2)",
		"b,a");
	expect_sql(sql,
		"SELECT convert_from(value, 'UTF8') "
		"FROM respgres.lmove(0, 'k', 'l', true, false)",
		"y");
	transcript_expect(client, "LRANGE l 0 -1", "[$y]");
	transcript_expect(client, "EXISTS k", ":0");
	transcript_expect(client, "SET s v", "+OK");
	expect_sql(sql, "SELECT error FROM respgres.rpush(0, 's', 'a')",
		&WRONG_TYPE[1]);
	expect_sql(
		sql, "SELECT length FROM respgres.lpushx(0, 'none', 'a')", "0");
	PQfinish(sql);
	redisFree(client);
}
