-- Statements of the sweeper (storage/sweeper.h).

-- name: sweeper_claim
-- One sweeper for a database: whoever holds the lock.
SELECT pg_try_advisory_lock(hashtext('respgres sweeper'), 0)

-- name: sweeper_sweep
-- write
-- Looks at up to $1 rows that are due, from $2 on: deletes what has expired,
-- and notes the later or no expiry of what has not.  Rows that somebody holds
-- are left for the next time.  How many were due, how many were deleted, and
-- the last time of looking among them.
WITH due AS MATERIALIZED (
    SELECT k.ctid, k.sweep_at, n.now,
           coalesce(k.expires_at <= n.now, false) AS expired
      FROM respgres.key k, (SELECT respgres.now_ms()) AS n (now)
     WHERE k.sweep_at <= (SELECT respgres.now_ms())
       AND k.sweep_at >= $2::int8
     ORDER BY k.sweep_at
     LIMIT $1::int8
       FOR UPDATE OF k SKIP LOCKED
), gone AS (
    DELETE FROM respgres.key k
     WHERE k.ctid = ANY (ARRAY(SELECT d.ctid FROM due d WHERE d.expired))
    RETURNING 1
), moved AS (
    UPDATE respgres.key k
       SET sweep_at = k.expires_at
     WHERE k.ctid = ANY (ARRAY(SELECT d.ctid FROM due d WHERE NOT d.expired))
)
SELECT (SELECT count(*) FROM due), (SELECT count(*) FROM gone),
       (SELECT max(d.sweep_at) FROM due d)

-- name: sweeper_reap_lanes
-- write
-- Forgets connections of instances that are gone: nobody holds their lock.
DELETE FROM respgres.lane l
 USING (SELECT o.id
          FROM respgres.lane o
         WHERE o.marked_at < now() - interval '1 hour'
        OFFSET 0) AS old (id)
 WHERE l.id = old.id AND pg_try_advisory_xact_lock(old.id)
