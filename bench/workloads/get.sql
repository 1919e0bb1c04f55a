-- The prepared point select that GET is compared with.
\set n random(0, :keys - 1)
SELECT value FROM respgres.key WHERE db = :db AND key = bench.key(:n);
