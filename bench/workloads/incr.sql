-- The prepared update of a random counter that INCR is compared with.
\set n random(0, :keys - 1)
UPDATE respgres.key
   SET number = number + 1, version = version + 1,
       touched_at = extract(epoch FROM now())::int4
 WHERE db = 0 AND key = bench.counter(:n)
RETURNING number;
