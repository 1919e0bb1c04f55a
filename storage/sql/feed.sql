-- Statements of the feed (storage/feed.h).  Arrays come as text.

-- name: feed_forget_instances
-- write
-- Rows of this instance, from before its connection was lost, and of those
-- that are gone.
-- scan: a row for each key that somebody waits for, once for each connection.
DELETE FROM respgres.waiter w
 WHERE w.instance = $1::bigint
    OR w.instance NOT IN (SELECT respgres.living_instances())

-- name: feed_register
-- write
INSERT INTO respgres.waiter (instance, db, slot, key)
SELECT $1::bigint, i.db, i.slot, i.key
  FROM unnest($2::int[], $3::smallint[], $4::bytea[]) AS i (db, slot, key)
    ON CONFLICT DO NOTHING

-- name: feed_wait_for_adders
-- write
SELECT respgres.wait_for_adders($1::int[], $2::smallint[], $3::bytea[],
                                $4::text)

-- name: feed_unregister
-- write
DELETE FROM respgres.waiter w
 USING unnest($2::int[], $3::smallint[], $4::bytea[]) AS i (db, slot, key)
 WHERE w.slot = i.slot AND w.db = i.db AND w.key = i.key
   AND w.instance = $1::bigint
