-- Ten random keys in ascending order, one from each tenth of the keys: no key
-- comes twice in a statement, and transactions cannot deadlock.
\set n0 random(:keys / 10 * 0, :keys / 10 * 1 - 1)
\set n1 random(:keys / 10 * 1, :keys / 10 * 2 - 1)
\set n2 random(:keys / 10 * 2, :keys / 10 * 3 - 1)
\set n3 random(:keys / 10 * 3, :keys / 10 * 4 - 1)
\set n4 random(:keys / 10 * 4, :keys / 10 * 5 - 1)
\set n5 random(:keys / 10 * 5, :keys / 10 * 6 - 1)
\set n6 random(:keys / 10 * 6, :keys / 10 * 7 - 1)
\set n7 random(:keys / 10 * 7, :keys / 10 * 8 - 1)
\set n8 random(:keys / 10 * 8, :keys / 10 * 9 - 1)
\set n9 random(:keys / 10 * 9, :keys / 10 * 10 - 1)
SELECT value FROM respgres.key
 WHERE db = :db
   AND key IN (bench.key(:n0), bench.key(:n1), bench.key(:n2),
               bench.key(:n3), bench.key(:n4), bench.key(:n5),
               bench.key(:n6), bench.key(:n7), bench.key(:n8),
               bench.key(:n9));
