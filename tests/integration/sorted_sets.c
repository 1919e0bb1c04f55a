/* Sorted sets: every command, its options and its errors. */
#include "tests/support/shared_server.h"
#include "tests/support/transcript.h"

#include <criterion/criterion.h>
#include <hiredis/hiredis.h>

static void
play(const struct exchange *exchanges)
{
	redisContext *client = shared_server_clear();

	transcript_play(client, exchanges);
	redisFree(client);
}

Test(sorted_sets, members_have_scores)
{
	play((struct exchange[]){
		{ "ZADD z 10 a 20 b 30 c", ":3" },
		{ "ZADD z 11 a 20 b 40 d", ":1" },
		{ "ZSCORE z a", "$11" },
		{ "ZSCORE z none", "_" },
		{ "ZSCORE none a", "_" },
		{ "ZMSCORE z a none c", "[$11 _ $30]" },
		{ "ZMSCORE none a", "[_]" },
		{ "ZCARD z", ":4" },
		{ "ZCARD none", ":0" },
		{ "ZADD z 5 a 6 a", ":0" },
		{ "ZSCORE z a", "$6" },
		{ "ZRANK z b", ":1" },
		{ "ZREVRANK z b", ":2" },
		{ "ZRANK z none", "_" },
		{ "ZRANK none b", "_" },
		{ "ZREM z a b none a", ":2" },
		{ "ZREM z c d", ":2" },
		{ "EXISTS z", ":0" },
		{ "ZREM z c", ":0" },
		{ 0 },
	});
}

Test(sorted_sets, zadd_takes_conditions)
{
	play((struct exchange[]){
		{ "ZADD z NX 1 a 1 b", ":2" },
		{ "ZADD z NX 2 a 3 c", ":1" },
		{ "ZADD z XX 5 a 6 none", ":0" },
		{ "ZADD z XX CH 7 a 1 b 6 none", ":1" },
		{ "ZADD z GT CH 6 a 2 b", ":1" },
		{ "ZADD z LT CH 6 a 3 b", ":1" },
		{ "ZADD z CH 6 a 9 b 8 d", ":2" },
		{ "ZADD none XX 1 a", ":0" },
		{ "EXISTS none", ":0" },
		{ "ZADD z INCR 3 a", "$9" },
		{ "ZADD z INCR NX 3 a", "_" },
		{ "ZADD z INCR XX 3 none", "_" },
		{ "ZADD z INCR GT -3 a", "_" },
		{ "ZADD z INCR LT -3 a", "$6" },
		{ "ZRANGE z 0 -1 WITHSCORES", "[$c $3 $a $6 $d $8 $b $9]" },
		{ "ZADD z NX XX 1 a",
			"-ERR XX and NX options at the same time are not "
			"compatible" },
		{ "ZADD z NX GT 1 a",
			"-ERR GT, LT, and/or NX options at the same time are "
			"not compatible" },
		{ "ZADD z GT LT 1 a",
			"-ERR GT, LT, and/or NX options at the same time are "
			"not compatible" },
		{ "ZADD z INCR 1 a 2 b",
			"-ERR INCR option supports a single "
			"increment-element pair" },
		{ "ZADD z 1",
			"-ERR wrong number of arguments for 'zadd' command" },
		{ "ZADD z 1 a 2", "-ERR syntax error" },
		{ "ZADD z NX 1 x 2 x", ":1" },
		{ "ZSCORE z x", "$1" },
		{ 0 },
	});
}

Test(sorted_sets, scores_are_written_as_redis_does)
{
	play((struct exchange[]){
		{ "ZADD z 0.1 a 1.5e300 b -inf c +inf d 3.0 e 1e17 f "
		  "12345678901234567 g -0.25 h",
			":8" },
		{ "ZRANGE z 0 -1 WITHSCORES",
			"[$c $-inf $h $-0.25 $a $0.10000000000000001 $e $3 "
			"$g $12345678901234568 $f $1e+17 $b "
			"$1.5000000000000001e+300 $d $inf]" },
		{ "ZINCRBY z 0.2 a", "$0.30000000000000004" },
		{ "ZINCRBY z 1 d", "$inf" },
		{ "ZINCRBY z -inf d",
			"-ERR resulting score is not a number (NaN)" },
		{ "ZINCRBY z nan a", "-ERR value is not a valid float" },
		{ "ZINCRBY z x a", "-ERR value is not a valid float" },
		{ "ZADD z nan a", "-ERR value is not a valid float" },
		{ "ZADD z 1 a x b", "-ERR value is not a valid float" },
		{ "ZADD z 1e400 a", "-ERR value is not a valid float" },
		{ "ZADD z \"\" a", "-ERR value is not a valid float" },
		{ "ZADD z 0x10 a", ":0" },
		{ "ZSCORE z a", "$16" },
		{ "ZADD z INCR 1.7e308 m", "$1.6999999999999999e+308" },
		{ "ZADD z INCR 1.7e308 m", "$inf" },
		{ "ZINCRBY new 5 a", "$5" },
		{ "ZINCRBY new -5 a", "$0" },
		{ "ZSCORE new a", "$0" },
		{ 0 },
	});
}

Test(sorted_sets, zrange_goes_by_rank)
{
	play((struct exchange[]){
		{ "ZADD z 1 a 2 b 2 c 3 d", ":4" },
		{ "ZRANGE z 0 -1", "[$a $b $c $d]" },
		{ "ZRANGE z 1 2", "[$b $c]" },
		{ "ZRANGE z -2 10 WITHSCORES", "[$c $2 $d $3]" },
		{ "ZRANGE z 3 1", "[]" },
		{ "ZRANGE z 4 5", "[]" },
		{ "ZRANGE z 0 -1 REV", "[$d $c $b $a]" },
		{ "ZRANGE z 0 1 REV WITHSCORES", "[$d $3 $c $2]" },
		{ "ZREVRANGE z 0 1", "[$d $c]" },
		{ "ZREVRANGE z -1 -1 WITHSCORES", "[$a $1]" },
		{ "ZRANGE none 0 -1", "[]" },
		{ "ZRANGE z 0 x",
			"-ERR value is not an integer or out of range" },
		{ "ZRANGE z 0 1 LIMIT 0 1",
			"-ERR syntax error, LIMIT is only supported in "
			"combination with either BYSCORE or BYLEX" },
		{ "ZRANGE z 0 1 LIMIT 0 -1", "[$a $b]" },
		{ "ZRANGE z 0 1 FOO", "-ERR syntax error" },
		{ "ZREVRANGE z 0 1 REV", "-ERR syntax error" },
		{ 0 },
	});
}

Test(sorted_sets, zrange_goes_by_score)
{
	play((struct exchange[]){
		{ "ZADD z -inf a 1 b 2 c 3 d 4 e +inf f", ":6" },
		{ "ZRANGEBYSCORE z -inf 2", "[$a $b $c]" },
		{ "ZRANGEBYSCORE z (1 (4", "[$c $d]" },
		{ "ZRANGEBYSCORE z (-inf (+inf WITHSCORES",
			"[$b $1 $c $2 $d $3 $e $4]" },
		{ "ZRANGEBYSCORE z (+inf +inf", "[]" },
		{ "ZRANGEBYSCORE z 3 1", "[]" },
		{ "ZRANGE z 1 3 BYSCORE LIMIT 1 1", "[$c]" },
		{ "ZRANGE z 1 3 BYSCORE LIMIT 1 -1", "[$c $d]" },
		{ "ZRANGE z 1 3 BYSCORE LIMIT -1 2", "[]" },
		{ "ZRANGE z 1 3 BYSCORE LIMIT 9 2", "[]" },
		{ "ZRANGE z 3 1 BYSCORE REV LIMIT 1 5 WITHSCORES",
			"[$c $2 $b $1]" },
		{ "ZREVRANGEBYSCORE z +inf (2", "[$f $e $d]" },
		{ "ZREVRANGEBYSCORE z 4 -inf LIMIT 1 2", "[$d $c]" },
		{ "ZCOUNT z 1 3", ":3" },
		{ "ZCOUNT z (1 3", ":2" },
		{ "ZCOUNT z -inf +inf", ":6" },
		{ "ZCOUNT z 3 1", ":0" },
		{ "ZCOUNT none 1 2", ":0" },
		{ "ZCOUNT z a 2", "-ERR min or max is not a float" },
		{ "ZRANGEBYSCORE z 1 nan", "-ERR min or max is not a float" },
		{ "ZRANGEBYSCORE z 1 2 LIMIT 1", "-ERR syntax error" },
		{ "ZRANGE z 1 2 BYSCORE BYLEX", "-ERR syntax error" },
		{ "ZREMRANGEBYSCORE z (1 3", ":2" },
		{ "ZRANGE z 0 -1", "[$a $b $e $f]" },
		{ "ZREMRANGEBYSCORE z -inf inf", ":4" },
		{ "EXISTS z", ":0" },
		{ "ZREMRANGEBYSCORE z 1 x", "-ERR min or max is not a float" },
		{ 0 },
	});
}

/* Of members with several scores Redis takes those behind the first that fits. */
Test(sorted_sets, zrange_goes_by_alphabet_over_scores)
{
	play((struct exchange[]){
		{ "ZADD z 1 a 2 b 3 c 4 d", ":4" },
		{ "ZRANGE z [b [c BYLEX", "[$b $c]" },
		{ "ZRANGE z (c [b BYLEX REV", "[$b]" },
		{ "ZRANGE z - (c BYLEX", "[$a $b]" },
		{ "ZRANGE z (c + BYLEX", "[$d]" },
		{ "ZRANGE z [x + BYLEX", "[]" },
		{ "ZLEXCOUNT z [b +", ":3" },
		{ "ZRANGESTORE y z [b [c BYLEX", ":2" },
		{ "ZRANGE y 0 -1 WITHSCORES", "[$b $2 $c $3]" },
		{ "ZREMRANGEBYLEX z [b [c", ":2" },
		{ "ZRANGE z 0 -1", "[$a $d]" },
		{ 0 },
	});
}

Test(sorted_sets, zrange_goes_by_alphabet)
{
	play((struct exchange[]){
		{ "ZADD z 0 a 0 b 0 c 0 cc 0 \"\" 0 \"\\xff\\xfe\"", ":6" },
		{ "ZRANGEBYLEX z - +", "[$ $a $b $c $cc $\\xff\\xfe]" },
		{ "ZRANGEBYLEX z - [c", "[$ $a $b $c]" },
		{ "ZRANGEBYLEX z (a (cc", "[$b $c]" },
		{ "ZRANGEBYLEX z [ [b", "[$ $a $b]" },
		{ "ZRANGEBYLEX z ( + LIMIT 1 2", "[$b $c]" },
		{ "ZREVRANGEBYLEX z + [b", "[$\\xff\\xfe $cc $c $b]" },
		{ "ZRANGE z [c - BYLEX REV LIMIT 0 2", "[$c $b]" },
		{ "ZRANGEBYLEX z + -", "[]" },
		{ "ZRANGEBYLEX z a b",
			"-ERR min or max not valid string range item" },
		{ "ZRANGEBYLEX z - b",
			"-ERR min or max not valid string range item" },
		{ "ZRANGE z - + BYLEX WITHSCORES",
			"-ERR syntax error, WITHSCORES not supported in "
			"combination with BYLEX" },
		{ "ZLEXCOUNT z - +", ":6" },
		{ "ZLEXCOUNT z [b (cc", ":2" },
		{ "ZLEXCOUNT none - +", ":0" },
		{ "ZLEXCOUNT z a +",
			"-ERR min or max not valid string range item" },
		{ "ZREMRANGEBYLEX z [b (cc", ":2" },
		{ "ZREMRANGEBYLEX z - x",
			"-ERR min or max not valid string range item" },
		{ "ZRANGE z 0 -1", "[$ $a $cc $\\xff\\xfe]" },
		{ "ZREMRANGEBYLEX z - +", ":4" },
		{ "EXISTS z", ":0" },
		{ 0 },
	});
}

Test(sorted_sets, ranges_are_removed_by_rank)
{
	play((struct exchange[]){
		{ "ZADD z 1 a 2 b 3 c 4 d", ":4" },
		{ "ZREMRANGEBYRANK z 1 2", ":2" },
		{ "ZRANGE z 0 -1", "[$a $d]" },
		{ "ZREMRANGEBYRANK z -1 -1", ":1" },
		{ "ZREMRANGEBYRANK z 5 6", ":0" },
		{ "ZREMRANGEBYRANK z 0 -1", ":1" },
		{ "EXISTS z", ":0" },
		{ "ZREMRANGEBYRANK z 0 -1", ":0" },
		{ "ZREMRANGEBYRANK z 0 x",
			"-ERR value is not an integer or out of range" },
		{ 0 },
	});
}

Test(sorted_sets, ranges_are_stored)
{
	play((struct exchange[]){
		{ "ZADD z 1 a 2 b 3 c 4 d", ":4" },
		{ "ZRANGESTORE y z 1 2", ":2" },
		{ "ZRANGE y 0 -1 WITHSCORES", "[$b $2 $c $3]" },
		{ "ZRANGESTORE y z (2 +inf BYSCORE", ":2" },
		{ "ZRANGE y 0 -1 WITHSCORES", "[$c $3 $d $4]" },
		{ "ZRANGESTORE y z 0 1 REV", ":2" },
		{ "ZRANGE y 0 -1 WITHSCORES", "[$c $3 $d $4]" },
		{ "ZRANGESTORE y z 4 1 BYSCORE REV LIMIT 1 2", ":2" },
		{ "ZRANGE y 0 -1 WITHSCORES", "[$b $2 $c $3]" },
		{ "ZRANGESTORE z z 0 2", ":3" },
		{ "ZRANGE z 0 -1", "[$a $b $c]" },
		{ "SET y text EX 100", "+OK" },
		{ "ZRANGESTORE y z 0 -1", ":3" },
		{ "TTL y", ":-1" },
		{ "ZRANGESTORE y none 0 -1", ":0" },
		{ "EXISTS y", ":0" },
		{ "ZRANGESTORE y z 0 -1 WITHSCORES", "-ERR syntax error" },
		{ "SET s text", "+OK" },
		{ "ZRANGESTORE y s 0 -1",
			"-WRONGTYPE Operation against a key holding the "
			"wrong kind of value" },
		{ "ZRANGESTORE y z 0 -1 LIMIT 0 1",
			"-ERR syntax error, LIMIT is only supported in "
			"combination with either BYSCORE or BYLEX" },
		{ 0 },
	});
}

Test(sorted_sets, members_are_popped)
{
	play((struct exchange[]){
		{ "ZADD z 1 a 2 b 3 c 4 d 5 e", ":5" },
		{ "ZPOPMIN z", "[$a $1]" },
		{ "ZPOPMAX z", "[$e $5]" },
		{ "ZPOPMIN z 0", "[]" },
		{ "ZPOPMIN z 2", "[$b $2 $c $3]" },
		{ "ZPOPMAX z 10", "[$d $4]" },
		{ "EXISTS z", ":0" },
		{ "ZPOPMIN z", "[]" },
		{ "ZPOPMIN z -1",
			"-ERR value is out of range, must be positive" },
		{ "ZPOPMIN z x",
			"-ERR value is out of range, must be positive" },
		{ "ZPOPMIN z 1 2", "-ERR syntax error" },
		{ "ZADD y 1 a 2 b", ":2" },
		{ "ZMPOP 2 none y MIN", "[$y [[$a $1]]]" },
		{ "ZMPOP 1 y MAX COUNT 5", "[$y [[$b $2]]]" },
		{ "ZMPOP 1 y MAX", "_" },
		{ "ZMPOP 0 y MAX", "-ERR numkeys should be greater than 0" },
		{ "ZMPOP 1 y",
			"-ERR wrong number of arguments for 'zmpop' command" },
		{ "ZMPOP 1 y FOO", "-ERR syntax error" },
		{ "ZMPOP 1 y MIN COUNT 0",
			"-ERR count should be greater than 0" },
		{ "ZMPOP 1 y MIN COUNT 1 COUNT 1", "-ERR syntax error" },
		{ "ZMPOP 3 y MIN", "-ERR syntax error" },
		{ 0 },
	});
}

Test(sorted_sets, sets_are_combined)
{
	play((struct exchange[]){
		{ "ZADD a 1 x 2 y 3 z", ":3" },
		{ "ZADD b 10 y 20 z 30 w", ":3" },
		{ "SADD s x w", ":2" },
		{ "ZUNION 2 a b WITHSCORES", "[$x $1 $y $12 $z $23 $w $30]" },
		{ "ZUNION 2 a b WEIGHTS 2 0.5 AGGREGATE MAX WITHSCORES",
			"[$x $2 $y $5 $z $10 $w $15]" },
		{ "ZUNION 3 a b s AGGREGATE MIN WITHSCORES",
			"[$w $1 $x $1 $y $2 $z $3]" },
		{ "ZINTER 2 a b WITHSCORES", "[$y $12 $z $23]" },
		{ "ZINTER 2 a s WEIGHTS 1 10 WITHSCORES", "[$x $11]" },
		{ "ZINTER 2 a none", "[]" },
		{ "ZINTER 3 a b a AGGREGATE SUM WITHSCORES",
			"[$y $14 $z $26]" },
		{ "ZDIFF 2 a b WITHSCORES", "[$x $1]" },
		{ "ZDIFF 3 b a s", "[]" },
		{ "ZDIFF 2 none a", "[]" },
		{ "ZINTERCARD 2 a b", ":2" },
		{ "ZINTERCARD 2 a b LIMIT 1", ":1" },
		{ "ZINTERCARD 2 a b LIMIT 0", ":2" },
		{ "ZUNIONSTORE d 2 a b", ":4" },
		{ "ZRANGE d 0 -1 WITHSCORES", "[$x $1 $y $12 $z $23 $w $30]" },
		{ "ZINTERSTORE d 2 a d WEIGHTS 1 -1", ":3" },
		{ "ZRANGE d 0 -1 WITHSCORES", "[$z $-20 $y $-10 $x $0]" },
		{ "ZDIFFSTORE d 2 a b", ":1" },
		{ "ZRANGE d 0 -1", "[$x]" },
		{ "ZDIFFSTORE d 2 a a", ":0" },
		{ "EXISTS d", ":0" },
		{ "ZUNIONSTORE s 1 s", ":2" },
		{ "TYPE s", "+zset" },
		{ "ZUNION 0 a",
			"-ERR at least 1 input key is needed for 'zunion' "
			"command" },
		{ "ZUNION 3 a b", "-ERR syntax error" },
		{ "ZUNION x a",
			"-ERR value is not an integer or out of range" },
		{ "ZUNION 1 a WEIGHTS 1 2", "-ERR syntax error" },
		{ "ZUNION 1 a WEIGHTS x", "-ERR weight value is not a float" },
		{ "ZUNION 1 a AGGREGATE AVG", "-ERR syntax error" },
		{ "ZUNIONSTORE d 1 a WITHSCORES", "-ERR syntax error" },
		{ "ZDIFF 1 a WEIGHTS 1", "-ERR syntax error" },
		{ "ZINTERCARD 1 a WITHSCORES", "-ERR syntax error" },
		{ "ZINTERCARD 1 a LIMIT -1", "-ERR LIMIT can't be negative" },
		{ "ZINTERCARD 1 a LIMIT x", "-ERR LIMIT can't be negative" },
		{ 0 },
	});
}

Test(sorted_sets, what_is_no_number_counts_as_zero)
{
	play((struct exchange[]){
		{ "ZADD a inf x", ":1" },
		{ "ZADD b -inf x", ":1" },
		{ "ZUNION 2 a b WITHSCORES", "[$x $0]" },
		{ "ZUNION 1 a WEIGHTS 0 WITHSCORES", "[$x $0]" },
		{ "ZINTER 3 a b a WITHSCORES", "[$x $inf]" },
		{ "ZADD c 1e308 x 1e-300 y", ":2" },
		{ "ZUNION 2 c c WITHSCORES",
			"[$y $2.0000000000000001e-300 $x $inf]" },
		{ "ZUNION 1 c WEIGHTS 1e-300 WITHSCORES",
			"[$y $0 $x $100000000]" },
		{ "ZUNION 1 c WEIGHTS -1e300 WITHSCORES", "[$x $-inf $y $-1]" },
		{ 0 },
	});
}

Test(sorted_sets, other_types_are_refused)
{
	play((struct exchange[]){
		{ "SET s text", "+OK" },
		{ "ZADD s 1 a",
			"-WRONGTYPE Operation against a key holding the "
			"wrong kind of value" },
		{ "ZINCRBY s 1 a",
			"-WRONGTYPE Operation against a key holding the "
			"wrong kind of value" },
		{ "ZREM s a",
			"-WRONGTYPE Operation against a key holding the "
			"wrong kind of value" },
		{ "ZSCORE s a",
			"-WRONGTYPE Operation against a key holding the "
			"wrong kind of value" },
		{ "ZMSCORE s a",
			"-WRONGTYPE Operation against a key holding the "
			"wrong kind of value" },
		{ "ZCARD s",
			"-WRONGTYPE Operation against a key holding the "
			"wrong kind of value" },
		{ "ZCOUNT s 1 2",
			"-WRONGTYPE Operation against a key holding the "
			"wrong kind of value" },
		{ "ZLEXCOUNT s - +",
			"-WRONGTYPE Operation against a key holding the "
			"wrong kind of value" },
		{ "ZRANK s a",
			"-WRONGTYPE Operation against a key holding the "
			"wrong kind of value" },
		{ "ZRANGE s 0 -1",
			"-WRONGTYPE Operation against a key holding the "
			"wrong kind of value" },
		{ "ZRANGEBYSCORE s 1 2",
			"-WRONGTYPE Operation against a key holding the "
			"wrong kind of value" },
		{ "ZREVRANGEBYLEX s + -",
			"-WRONGTYPE Operation against a key holding the "
			"wrong kind of value" },
		{ "ZPOPMIN s",
			"-WRONGTYPE Operation against a key holding the "
			"wrong kind of value" },
		{ "ZPOPMAX s 0",
			"-WRONGTYPE Operation against a key holding the "
			"wrong kind of value" },
		{ "ZMPOP 2 none s MIN",
			"-WRONGTYPE Operation against a key holding the "
			"wrong kind of value" },
		{ "BZPOPMIN none s 1",
			"-WRONGTYPE Operation against a key holding the "
			"wrong kind of value" },
		{ "BZMPOP 1 1 s MAX",
			"-WRONGTYPE Operation against a key holding the "
			"wrong kind of value" },
		{ "ZRANDMEMBER s",
			"-WRONGTYPE Operation against a key holding the "
			"wrong kind of value" },
		{ "ZRANDMEMBER s 2",
			"-WRONGTYPE Operation against a key holding the "
			"wrong kind of value" },
		{ "ZREMRANGEBYRANK s 0 1",
			"-WRONGTYPE Operation against a key holding the "
			"wrong kind of value" },
		{ "ZUNION 2 none s",
			"-WRONGTYPE Operation against a key holding the "
			"wrong kind of value" },
		{ "ZINTERCARD 1 s",
			"-WRONGTYPE Operation against a key holding the "
			"wrong kind of value" },
		{ "ZUNIONSTORE d 1 s",
			"-WRONGTYPE Operation against a key holding the "
			"wrong kind of value" },
		{ "ZSCAN s 0",
			"-WRONGTYPE Operation against a key holding the "
			"wrong kind of value" },
		{ "GET s", "$text" },
		{ 0 },
	});
}

Test(sorted_sets, random_members_and_scans)
{
	play((struct exchange[]){
		{ "ZADD z 1 a", ":1" },
		{ "ZRANDMEMBER z", "$a" },
		{ "ZRANDMEMBER z 5", "[$a]" },
		{ "ZRANDMEMBER z -3 WITHSCORES", "[$a $1 $a $1 $a $1]" },
		{ "ZRANDMEMBER z 0", "[]" },
		{ "ZRANDMEMBER none", "_" },
		{ "ZRANDMEMBER none 3", "[]" },
		{ "ZRANDMEMBER z x",
			"-ERR value is not an integer or out of range" },
		{ "ZRANDMEMBER z -9223372036854775808",
			"-ERR value is out of range, value must between "
			"-9223372036854775807 and 9223372036854775807" },
		{ "ZRANDMEMBER z -9223372036854775807 WITHSCORES",
			"-ERR value is out of range" },
		{ "ZRANDMEMBER z 1 FOO", "-ERR syntax error" },
		{ "ZSCAN z 0", "[$0 [$a $1]]" },
		{ "ZSCAN z 0 MATCH b*", "[$0 []]" },
		{ "ZSCAN none 0", "[$0 []]" },
		{ "ZSCAN z x", "-ERR invalid cursor" },
		{ "ZSCAN z 0 COUNT 0", "-ERR syntax error" },
		{ "ZSCAN z 0 NOVALUES", "-ERR syntax error" },
		{ 0 },
	});
}

Test(sorted_sets, waiting_without_need)
{
	play((struct exchange[]){
		{ "ZADD z 1 a 2 b 3 c", ":3" },
		{ "BZPOPMIN none z 0", "[$z $a $1]" },
		{ "BZPOPMAX z none 0", "[$z $c $3]" },
		{ "BZMPOP 0 2 none z MIN COUNT 5", "[$z [[$b $2]]]" },
		{ "BZPOPMIN z 0.01", "_" },
		{ "BZPOPMAX z -1", "-ERR timeout is negative" },
		{ "BZPOPMAX z x",
			"-ERR timeout is not a float or out of range" },
		{ "BZMPOP 0.01 1 z MAX", "_" },
		{ "BZMPOP -1 1 z MAX", "-ERR timeout is negative" },
		{ "BZMPOP 0 0 z MAX", "-ERR numkeys should be greater than 0" },
		{ "BZMPOP 0 1 z FOO", "-ERR syntax error" },
		{ 0 },
	});
}
