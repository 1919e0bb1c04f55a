/* TAG: every subcommand, its options and its errors. */
#include "tests/support/shared_server.h"
#include "tests/support/transcript.h"

#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
play(const struct exchange *exchanges)
{
	redisContext *client = shared_server_clear();

	transcript_play(client, exchanges);
	redisFree(client);
}

Test(tags, set_and_of)
{
	play((struct exchange[]){
		{ "TAG SET k v one two", "+OK" },
		{ "GET k", "$v" },
		{ "TAG OF k", "[$tags [$one $two] $stale :0]" },
		{ "TAG SET k 12 three one one", "+OK" },
		{ "INCR k", ":13" },
		{ "TAG OF k", "[$tags [$one $three] $stale :0]" },
		{ "TAG OF none", "_" },
		{ "SET plain v", "+OK" },
		{ "TAG OF plain", "[$tags [] $stale :0]" },
		{ "TAG SET k v TAGS 0", "+OK" },
		{ "TAG OF k", "[$tags [] $stale :0]" },
		{ "TAG GET one", "[$0 []]" },
		{ 0 },
	});
}

Test(tags, set_takes_options_in_any_order)
{
	play((struct exchange[]){
		{ "TAG SET k v EX 100 a nx b", "+OK" },
		{ "TTL k", ":100" },
		{ "TAG OF k", "[$tags [$a $b] $stale :0]" },
		{ "TAG SET k w a NX", "_" },
		{ "TAG SET none w a XX", "_" },
		{ "TAG SET k w XX c KEEPTTL", "+OK" },
		{ "TTL k", ":100" },
		{ "TAG OF k", "[$tags [$c] $stale :0]" },
		{ "TAG SET k x a GET", "$w" },
		{ "TTL k", ":-1" },
		{ "TAG SET k y a px 200000", "+OK" },
		{ "TTL k", ":200" },
		{ "TAG SET k y a EXAT 33177117420", "+OK" },
		{ "EXPIRETIME k", ":33177117420" },
		{ "TAG SET k y a PXAT 33177117420000", "+OK" },
		{ "EXPIRETIME k", ":33177117420" },
		{ "LPUSH l x", ":1" },
		{ "TAG SET l y a GET",
			"-WRONGTYPE Operation against a key holding the wrong "
			"kind of value" },
		{ "TAG SET l y a", "+OK" },
		{ "GET l", "$y" },
		{ 0 },
	});
}

Test(tags, set_refuses_what_it_does_not_know)
{
	play((struct exchange[]){
		{ "TAG SET k v",
			"-ERR wrong number of arguments for 'tag|set' command" },
		{ "TAG SET k v EX 10",
			"-ERR syntax error, expected at least one tag, or TAGS "
			"and their number" },
		{ "TAG SET k v a NX XX",
			"-ERR syntax error, expected NX or XX, not both" },
		{ "TAG SET k v a EX",
			"-ERR syntax error, expected at most one of EX, PX, "
			"EXAT and PXAT, with its number, and KEEPTTL" },
		{ "TAG SET k v a EX 0",
			"-ERR invalid expire time in 'tag|set' command" },
		{ "TAG SET k v a EX x",
			"-ERR value is not an integer or out of range" },
		{ "TAG SET k v a EX 1 KEEPTTL",
			"-ERR syntax error, expected an expiry or KEEPTTL, not "
			"both" },
		{ "TAG SET k v TAGS 2 a",
			"-ERR syntax error, expected TAGS, the number of tags, "
			"and as many tags" },
		{ "TAG SET k v TAGS x a",
			"-ERR syntax error, expected TAGS, the number of tags, "
			"and as many tags" },
		{ "TAG SET k v a LEASE",
			"-ERR syntax error, expected a token behind LEASE" },
		{ "TAG SET k v a LEASE nonsense",
			"-ERR invalid lease token, expected one that TAG LEASE "
			"gave" },
		{ "TAG SET k v a LEASE 1,2",
			"-ERR invalid lease token, expected one that TAG LEASE "
			"gave" },
		{ "TAG NONSENSE",
			"-ERR unknown subcommand 'NONSENSE'. Try TAG HELP." },
		{ "TAG", "-ERR wrong number of arguments for 'tag' command" },
		{ "EXISTS k", ":0" },
		{ 0 },
	});
}

Test(tags, tags_may_be_named_as_options)
{
	play((struct exchange[]){
		{ "TAG SET k v TAGS 3 nx EX TAGS", "+OK" },
		{ "TAG OF k", "[$tags [$EX $TAGS $nx] $stale :0]" },
		{ "TAG GET TAGS 1 nx", "[$0 [$k]]" },
		{ "TAG COUNT TAGS 1 EX NOT TAGS 1 TAGS", ":0" },
		{ "TAG ADD k ANY", ":1" },
		{ "TAG COUNT TAGS 1 ANY", ":1" },
		{ "TAG INVALIDATE TAGS 1 ANY", ":1" },
		{ "TAG GET a COUNT 0", "-ERR COUNT must be 1 to 10000" },
		{ "TAG GET a CURSOR x", "-ERR invalid cursor" },
		{ "TAG GET a ANY ALL",
			"-ERR syntax error, expected ANY or ALL, not both" },
		{ "TAG GET NOT a",
			"-ERR syntax error, expected at least one tag before "
			"NOT" },
		{ "TAG GET a NOT",
			"-ERR syntax error, expected at least one tag behind "
			"NOT" },
		{ "TAG COUNT a CURSOR 0",
			"-ERR syntax error, CURSOR is no option of "
			"'tag|count'; a tag of that name follows TAGS 1" },
		{ "TAG GET a SOFT",
			"-ERR syntax error, SOFT is no option of 'tag|get'; a "
			"tag of that name follows TAGS 1" },
		{ 0 },
	});
}

/* A command whose words may hold NUL, and how it is answered. */
static void
expect_bytes(redisContext *client, const char *const *words,
	const size_t *sizes, int count, const char *reply)
{
	redisReply *answer =
		redisCommandArgv(client, count, (const char **)words, sizes);

	cr_assert_not_null(answer);
	if (answer->type == REDIS_REPLY_INTEGER)
		cr_expect_eq(answer->integer, atoll(reply));
	else
		cr_expect_str_eq(answer->str, reply);
	freeReplyObject(answer);
}

Test(tags, any_bytes_are_tags)
{
	static const char *const set[] = { "TAG", "SET", "nul", "v", "a\0b" };
	static const char *const count_all[] = { "TAG", "COUNT", "a\0b" };
	static const char *const count_part[] = { "TAG", "COUNT", "a\0c" };
	static const size_t sizes[] = { 3, 3, 3, 1, 3 };
	static const size_t count_sizes[] = { 3, 5, 3 };
	redisContext *client = shared_server_clear();
	char tag[3000], command[8000];

	expect_bytes(client, set, sizes, 5, "OK");
	expect_bytes(client, count_all, count_sizes, 3, "1");
	expect_bytes(client, count_part, count_sizes, 3, "0");
	transcript_play(client,
		(struct exchange[]){
			{ "TAG OF nul", "[$tags [$a\\x00b] $stale :0]" },
			{ "TAG SET \"k\\r\\xff\" v \"\\xff\" \"\" \",\\\\x\"",
				"+OK" },
			{ "TAG OF \"k\\r\\xff\"",
				"[$tags [$ $,\\x $\\xff] $stale :0]" },
			{ "TAG GET \"\"", "[$0 [$k\\x0d\\xff]]" },
			{ "TAG COUNT \"\\xff\" \",\\\\x\" ALL", ":1" },
			{ "TAG LIST MATCH \"\\xff*\"",
				"[$0 [[$tag $\\xff $entries :1 $bytes :4]]]" },
			{ 0 },
		});
	/* Longer than an index takes; they differ in the last byte. */
	memset(tag, 't', sizeof(tag));
	tag[sizeof(tag) - 1] = '\0';
	snprintf(command, sizeof(command), "TAG SET long v %sA", tag);
	transcript_expect(client, command, "+OK");
	snprintf(command, sizeof(command), "TAG COUNT %sA", tag);
	transcript_expect(client, command, ":1");
	snprintf(command, sizeof(command), "TAG COUNT %sB", tag);
	transcript_expect(client, command, ":0");
	snprintf(command, sizeof(command), "TAG LEASE %sB", tag);
	free(transcript_ask(client, command));
	snprintf(command, sizeof(command), "[$tags [$%sA] $stale :0]", tag);
	transcript_expect(client, "TAG OF long", command);
	redisFree(client);
}

Test(tags, any_type_can_have_tags)
{
	play((struct exchange[]){
		{ "HSET h f v", ":1" },
		{ "RPUSH l a b", ":2" },
		{ "SADD s a", ":1" },
		{ "ZADD z 1 a", ":1" },
		{ "XADD x 1-1 f v", "$1-1" },
		{ "SET n 5", "+OK" },
		{ "TAG ADD h t u", ":2" },
		{ "TAG ADD h t", ":0" },
		{ "TAG ADD l t", ":1" },
		{ "TAG ADD s t", ":1" },
		{ "TAG ADD z t", ":1" },
		{ "TAG ADD x t", ":1" },
		{ "TAG ADD n t", ":1" },
		{ "TAG ADD none t", "_" },
		{ "TAG REM none t", "_" },
		{ "TAG GET t WITHVALUES",
			"[$0 [[$h $hash _ :0] [$l $list _ :0] [$s $set _ :0] "
			"[$z $zset _ :0] [$x $stream _ :0] [$n $string $5 "
			":0]]]" },
		{ "HSET h g w", ":1" },
		{ "RPUSH l c", ":3" },
		{ "TAG COUNT t", ":6" },
		{ "TAG REM h t v", ":1" },
		{ "TAG COUNT t", ":5" },
		{ "TAG INVALIDATE t", ":5" },
		{ "EXISTS l s z x n", ":0" },
		{ "HGETALL h", "[$f $v $g $w]" },
		{ "TAG REM h u", ":1" },
		{ "TAG OF h", "[$tags [] $stale :0]" },
		{ 0 },
	});
}

Test(tags, get_finds_any_all_and_not)
{
	play((struct exchange[]){
		{ "TAG SET k1 1 a", "+OK" },
		{ "TAG SET k2 2 a b", "+OK" },
		{ "TAG SET k3 3 b c", "+OK" },
		{ "TAG SET k4 4 a b c", "+OK" },
		{ "TAG GET a", "[$0 [$k1 $k2 $k4]]" },
		{ "TAG GET a c", "[$0 [$k1 $k2 $k3 $k4]]" },
		{ "TAG GET a c any", "[$0 [$k1 $k2 $k3 $k4]]" },
		{ "TAG GET a c ALL", "[$0 [$k4]]" },
		{ "TAG GET a b ALL NOT c", "[$0 [$k2]]" },
		{ "TAG GET a NOT b c", "[$0 [$k1]]" },
		{ "TAG GET a NOT unknown", "[$0 [$k1 $k2 $k4]]" },
		{ "TAG GET a unknown ALL", "[$0 []]" },
		{ "TAG GET a unknown", "[$0 [$k1 $k2 $k4]]" },
		{ "TAG GET unknown", "[$0 []]" },
		{ "TAG GET a a ALL", "[$0 [$k1 $k2 $k4]]" },
		{ "TAG COUNT a c NOT b", ":1" },
		{ "TAG COUNT a c ALL", ":1" },
		{ "TAG GET a ALL COUNT 1 WITHVALUES NOT b",
			"[$0 [[$k1 $string $1 :0]]]" },
		{ "TAG INVALIDATE a b ALL NOT c", ":1" },
		{ "TAG GET a b c", "[$0 [$k1 $k3 $k4]]" },
		{ "TAG INVALIDATE a c", ":3" },
		{ "DBSIZE", ":0" },
		{ "TAG INVALIDATE a unknown", ":0" },
		{ 0 },
	});
}

/* Follows the cursors, and returns how many keys there were. */
static int
count_pages(
	redisContext *client, const char *first, const char *words, int *pages)
{
	char cursor[64];
	int found = 0;

	snprintf(cursor, sizeof(cursor), "%s", first);
	*pages = 0;
	do {
		char command[128];
		redisReply *reply;

		snprintf(command, sizeof(command), "TAG GET big CURSOR %s %s",
			cursor, words);
		reply = redisCommand(client, command);
		cr_assert_eq(reply->type, REDIS_REPLY_ARRAY);
		found += (int)reply->element[1]->elements;
		snprintf(cursor, sizeof(cursor), "%s", reply->element[0]->str);
		freeReplyObject(reply);
		++*pages;
	} while (strcmp(cursor, "0") != 0);
	return found;
}

static void
set_many(redisContext *client, int first, int end)
{
	int stored = 0;

	for (int i = first; i < end; i++)
		redisAppendCommand(
			client, "TAG SET key:%d %d big odd:%d", i, i, i % 2);
	for (int i = first; i < end; i++) {
		redisReply *reply;

		if (redisGetReply(client, (void **)&reply) != REDIS_OK)
			break;
		stored += reply->type == REDIS_REPLY_STATUS;
		freeReplyObject(reply);
	}
	cr_assert_eq(stored, end - first);
}

Test(tags, pages_hold_every_key_once)
{
	redisContext *client = shared_server_clear();
	int pages;

	set_many(client, 0, 250);
	cr_expect_eq(count_pages(client, "0", "COUNT 100", &pages), 250);
	cr_expect_eq(pages, 3);
	cr_expect_eq(count_pages(client, "0", "COUNT 125", &pages), 250);
	cr_expect_eq(pages, 2);
	cr_expect_eq(count_pages(client, "0", "COUNT 10000", &pages), 250);
	cr_expect_eq(pages, 1);
	/* A walk along all keys, as a cursor of a larger tag would have. */
	cr_expect_eq(count_pages(client, "1", "COUNT 60", &pages), 250);
	cr_expect_eq(pages, 5);
	redisFree(client);
}

Test(tags, many_keys_are_changed_in_parts)
{
	enum { MANY = 5001 };
	redisContext *client = shared_server_clear();
	int pages;

	for (int i = 0; i < MANY; i += 1000)
		set_many(client, i, i + 1000 < MANY ? i + 1000 : MANY);
	transcript_expect(client, "TAG COUNT big", ":5001");
	cr_expect_eq(count_pages(client, "0", "COUNT 2000", &pages), MANY);
	transcript_play(client,
		(struct exchange[]){
			{ "TAG INVALIDATE big SOFT", ":5001" },
			{ "TAG OF key:4000",
				"[$tags [$big $odd:0] $stale :1]" },
			{ "TAG TOUCH big 1000", ":5001" },
			{ "EXPIRE key:4999 2000 GT", ":1" },
			{ "EXPIRE key:4999 900 GT", ":0" },
			{ "TAG OF key:4999",
				"[$tags [$big $odd:1] $stale :1]" },
			{ "SET other v", "+OK" },
			{ "TAG INVALIDATE big NOT odd:1", ":2501" },
			{ "TAG COUNT big", ":2500" },
			{ "TAG INVALIDATE odd:1 big ALL", ":2500" },
			{ "DBSIZE", ":1" },
			{ 0 },
		});
	redisFree(client);
}

Test(tags, tags_follow_their_key)
{
	play((struct exchange[]){
		{ "TAG SET k v t", "+OK" },
		{ "SET k w", "+OK" },
		{ "TAG COUNT t", ":1" },
		{ "RENAME k l", "+OK" },
		{ "TAG GET t", "[$0 [$l]]" },
		{ "COPY l m", ":1" },
		{ "TAG GET t", "[$0 [$l $m]]" },
		{ "DEL l", ":1" },
		{ "SET l v", "+OK" },
		{ "TAG GET t", "[$0 [$m]]" },
		{ "DEL m", ":1" },
		{ "TAG LIST", "[$0 []]" },
		/* Overwritten by another type. */
		{ "TAG SET d v t", "+OK" },
		{ "SADD s1 a b", ":2" },
		{ "SUNIONSTORE d s1", ":2" },
		{ "TAG GET t", "[$0 [$d]]" },
		{ "ZADD z1 1 a", ":1" },
		{ "ZUNIONSTORE d 1 z1", ":1" },
		{ "TAG GET t", "[$0 [$d]]" },
		{ "SORT s1 ALPHA STORE d", ":2" },
		{ "TAG GET t", "[$0 [$d]]" },
		{ "SUNIONSTORE d none", ":0" },
		{ "TAG COUNT t", ":0" },
		{ 0 },
	});
}

Test(tags, what_has_expired_leaves_no_tags)
{
	play((struct exchange[]){
		{ "DEBUG SET-ACTIVE-EXPIRE 0", "+OK" },
		{ "TAG SET k v t PXAT 1", "+OK" },
		{ "TAG COUNT t", ":0" },
		{ "TAG OF k", "_" },
		{ "SET k w", "+OK" },
		{ "TAG OF k", "[$tags [] $stale :0]" },
		{ "TAG SET i 5 t PXAT 1", "+OK" },
		{ "INCR i", ":1" },
		{ "TAG OF i", "[$tags [] $stale :0]" },
		{ "TAG SET n 5 t PXAT 1", "+OK" },
		{ "SET n 1 NX", "+OK" },
		{ "TAG OF n", "[$tags [] $stale :0]" },
		{ "TAG SET m 5 t PXAT 1", "+OK" },
		{ "MSET m 1 m2 2", "+OK" },
		{ "TAG OF m", "[$tags [] $stale :0]" },
		{ "TAG SET x 5 t PXAT 1", "+OK" },
		{ "MSETNX x 1 x2 2", ":1" },
		{ "TAG OF x", "[$tags [] $stale :0]" },
		{ "TAG SET p 5 t PXAT 1", "+OK" },
		{ "PFADD p a", ":1" },
		{ "TAG OF p", "[$tags [] $stale :0]" },
		{ "TAG SET h 5 t PXAT 1", "+OK" },
		{ "HSET h f v", ":1" },
		{ "TAG OF h", "[$tags [] $stale :0]" },
		{ "TAG SET b 5 t PXAT 1", "+OK" },
		{ "BITOP NOT b k", ":1" },
		{ "TAG OF b", "[$tags [] $stale :0]" },
		{ "TAG SET u 5 t PXAT 1", "+OK" },
		{ "SADD s a", ":1" },
		{ "SUNIONSTORE u s", ":1" },
		{ "TAG OF u", "[$tags [] $stale :0]" },
		{ "TAG SET g 5 t PXAT 1", "+OK" },
		{ "TAG ADD g t", "_" },
		{ "TAG INVALIDATE t", ":0" },
		{ "DEBUG SET-ACTIVE-EXPIRE 1", "+OK" },
		{ 0 },
	});
}

Test(tags, databases_have_tags_of_their_own)
{
	play((struct exchange[]){
		{ "TAG SET k v t only0", "+OK" },
		{ "SELECT 1", "+OK" },
		{ "TAG GET t", "[$0 []]" },
		{ "TAG SET k1 v t", "+OK" },
		{ "TAG GET t", "[$0 [$k1]]" },
		{ "SELECT 0", "+OK" },
		{ "TAG GET t", "[$0 [$k]]" },
		{ "MOVE k 1", ":1" },
		{ "TAG GET t", "[$0 []]" },
		{ "SELECT 1", "+OK" },
		{ "TAG GET t", "[$0 [$k $k1]]" },
		{ "TAG OF k", "[$tags [$only0 $t] $stale :0]" },
		{ "COPY k k DB 2", ":1" },
		{ "SELECT 2", "+OK" },
		{ "TAG GET only0", "[$0 [$k]]" },
		{ "SWAPDB 1 3", "+OK" },
		{ "SELECT 3", "+OK" },
		{ "TAG GET t", "[$0 [$k $k1]]" },
		{ "TAG INVALIDATE only0", ":1" },
		{ "SELECT 2", "+OK" },
		{ "TAG GET only0", "[$0 [$k]]" },
		{ "FLUSHDB", "+OK" },
		{ "TAG LIST", "[$0 []]" },
		{ "SELECT 3", "+OK" },
		{ "TAG GET t", "[$0 [$k1]]" },
		{ 0 },
	});
}

Test(tags, soft_marks_as_stale)
{
	play((struct exchange[]){
		{ "TAG SET k v t", "+OK" },
		{ "TAG SET l v t u", "+OK" },
		{ "TAG INVALIDATE t SOFT NOT u", ":1" },
		{ "GET k", "$v" },
		{ "TAG GET t WITHVALUES",
			"[$0 [[$k $string $v :1] [$l $string $v :0]]]" },
		{ "TAG INVALIDATE t soft", ":1" },
		{ "TAG INVALIDATE t soft", ":0" },
		{ "TAG OF l", "[$tags [$t $u] $stale :1]" },
		/* The expiry is no new value. */
		{ "EXPIRE k 100", ":1" },
		{ "GETEX k EX 200", "$v" },
		{ "PERSIST k", ":1" },
		{ "RENAME k k2", "+OK" },
		{ "COPY k2 k3", ":1" },
		{ "TAG OF k2", "[$tags [$t] $stale :1]" },
		{ "TAG OF k3", "[$tags [$t] $stale :1]" },
		{ "TAG SET k2 w t", "+OK" },
		{ "TAG OF k2", "[$tags [$t] $stale :0]" },
		{ "SET k3 w", "+OK" },
		{ "TAG OF k3", "[$tags [$t] $stale :0]" },
		{ "APPEND l w", ":2" },
		{ "TAG OF l", "[$tags [$t $u] $stale :0]" },
		{ 0 },
	});
}

/* A lease of the tags. */
static void
lease(redisContext *client, const char *tags, char token[static 256])
{
	char command[256], *reply;

	snprintf(command, sizeof(command), "TAG LEASE %s", tags);
	reply = transcript_ask(client, command);
	cr_assert_eq(reply[0], '$');
	snprintf(token, 256, "%s", reply + 1);
	free(reply);
}

static void
expect_with_lease(redisContext *client, const char *command, const char *token,
	const char *reply)
{
	char text[512];

	snprintf(text, sizeof(text), "%s LEASE %s", command, token);
	transcript_expect(client, text, reply);
}

Test(tags, a_lease_ends_with_an_invalidation)
{
	static const char uncovered[] =
		"-ERR the lease does not cover every tag";
	redisContext *client = shared_server_clear();
	char token[256], other[256];

	lease(client, "a b", token);
	expect_with_lease(client, "TAG SET k v a", token, "+OK");
	expect_with_lease(client, "TAG SET k v b a EX 100", token, "+OK");
	expect_with_lease(client, "TAG SET k w b a NX", token, "_");
	expect_with_lease(client, "TAG SET k w a GET", token,
		"-ERR syntax error, expected GET or LEASE, not both: the reply "
		"could not tell that the lease was refused");
	transcript_expect(client, "TAG SET other v c", "+OK");
	expect_with_lease(client, "TAG SET k v a c", token, uncovered);
	lease(client, "a", other);
	transcript_expect(client, "TAG INVALIDATE b", ":1");
	expect_with_lease(client, "TAG SET k v a", token, "_");
	expect_with_lease(client, "TAG SET k v a", other, "+OK");
	transcript_expect(client, "TAG INVALIDATE a SOFT", ":1");
	expect_with_lease(client, "TAG SET k v a", other, "_");
	lease(client, "a", other);
	expect_with_lease(client, "TAG SET k v a", other, "+OK");
	transcript_expect(client, "TAG OF k", "[$tags [$a] $stale :0]");
	/* Tags that nothing has are kept for leases, too. */
	lease(client, "fresh", other);
	transcript_expect(client, "TAG INVALIDATE fresh", ":0");
	expect_with_lease(client, "TAG SET k v fresh", other, "_");
	lease(client, "fresh", other);
	transcript_expect(client, "FLUSHDB", "+OK");
	expect_with_lease(client, "TAG SET k v fresh", other, "_");
	transcript_expect(client, "EXISTS k", ":0");
	redisFree(client);
}

Test(tags, mset_takes_many_entries)
{
	static const char expected[] =
		"-ERR syntax error, expected key value [EX s | PX ms | EXAT s "
		"| PXAT ms] TAGS n tag\\xe2\\x80\\xa6, again and again";

	play((struct exchange[]){
		{ "TAG MSET a 1 EX 100 TAGS 2 t u b 2 TAGS 0 c x PX 200000 "
		  "TAGS 1 t",
			"+OK" },
		{ "MGET a b c", "[$1 $2 $x]" },
		{ "TTL a", ":100" },
		{ "TTL b", ":-1" },
		{ "TTL c", ":200" },
		{ "TAG GET t", "[$0 [$a $c]]" },
		{ "TAG OF b", "[$tags [] $stale :0]" },
		{ "TAG MSET a 1 TAGS 1 x a 2 TAGS 1 y", "+OK" },
		{ "GET a", "$2" },
		{ "TAG OF a", "[$tags [$y] $stale :0]" },
		{ "TAG MSET a 1 TAGS",
			"-ERR wrong number of arguments for 'tag|mset' "
			"command" },
		{ "TAG MSET a 1 TAGS 1", expected },
		{ "TAG MSET a 1 TAGS 2 x", expected },
		{ "TAG MSET a 1 XX 3 TAGS 0", expected },
		{ "TAG MSET a 1 TAGS 0 b", expected },
		{ "TAG MSET a 1 EX 0 TAGS 0",
			"-ERR invalid expire time in 'tag|mset' command" },
		{ "COMMAND GETKEYS TAG MSET a 1 EX 9 TAGS 1 x b 2 TAGS 0",
			"[$a $b]" },
		{ "COMMAND GETKEYS TAG SET k v t", "[$k]" },
		{ 0 },
	});
}

Test(tags, list_counts_entries_and_bytes)
{
	play((struct exchange[]){
		{ "TAG SET k1 value a:1 a:2", "+OK" },
		{ "TAG SET k2 123 a:2 b:1", "+OK" },
		{ "TAG LIST",
			"[$0 [[$tag $a:1 $entries :1 $bytes :7] [$tag $a:2 "
			"$entries :2 $bytes :12] [$tag $b:1 $entries :1 "
			"$bytes :5]]]" },
		{ "TAG LIST MATCH a:*",
			"[$0 [[$tag $a:1 $entries :1 $bytes :7] [$tag $a:2 "
			"$entries :2 $bytes :12]]]" },
		{ "TAG LIST MATCH *:1 COUNT 100",
			"[$0 [[$tag $a:1 $entries :1 $bytes :7] [$tag $b:1 "
			"$entries :1 $bytes :5]]]" },
		{ "TAG LIST COUNT 2",
			"[$x613a3200 [[$tag $a:1 $entries :1 $bytes :7] [$tag "
			"$a:2 $entries :2 $bytes :12]]]" },
		{ "TAG LIST CURSOR x613a3200 COUNT 2",
			"[$0 [[$tag $b:1 $entries :1 $bytes :5]]]" },
		{ "TAG LIST CURSOR 7", "-ERR invalid cursor" },
		{ "TAG LIST CURSOR xyz", "-ERR invalid cursor" },
		{ "TAG LIST COUNT 0", "-ERR COUNT must be 1 to 10000" },
		{ "TAG LIST a:1",
			"-ERR syntax error, expected MATCH pattern, CURSOR "
			"cursor or COUNT number" },
		{ 0 },
	});
}

Test(tags, touch_sets_the_expiry)
{
	play((struct exchange[]){
		{ "TAG SET a 1 t", "+OK" },
		{ "TAG SET b 1 u EX 5", "+OK" },
		{ "TAG SET c 1 v", "+OK" },
		{ "TAG TOUCH t u none 100", ":2" },
		{ "TTL a", ":100" },
		{ "TTL b", ":100" },
		{ "TTL c", ":-1" },
		{ "TAG TOUCH t",
			"-ERR wrong number of arguments for 'tag|touch' "
			"command" },
		{ "TAG TOUCH t 0", "-ERR the seconds must be 1 to 2147483647" },
		{ "TAG TOUCH t u",
			"-ERR value is not an integer or out of range" },
		{ 0 },
	});
}

Test(tags, pipelined_commands_see_each_other)
{
	redisContext *client = shared_server_clear();

	transcript_play_pipelined(client,
		(struct exchange[]){
			{ "TAG SET a 1 t", "+OK" },
			{ "TAG SET b 2 t u", "+OK" },
			{ "TAG COUNT t", ":2" },
			{ "TAG OF b", "[$tags [$t $u] $stale :0]" },
			{ "TAG INVALIDATE u", ":1" },
			{ "MGET a b", "[$1 _]" },
			{ "TAG ADD a w", ":1" },
			{ "TAG GET t w ALL", "[$0 [$a]]" },
			{ "DEL a", ":1" },
			{ "TAG GET t w", "[$0 []]" },
			{ 0 },
		});
	redisFree(client);
}
