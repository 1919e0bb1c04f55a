-- Statements of the sweeper (storage/sweeper.h).

-- name: sweeper_claim
-- One sweeper for a database: whoever holds the lock.
SELECT pg_try_advisory_lock(hashtext('respgres sweeper'), 0)

-- name: sweeper_patience
-- Rather than wait for a row, the sweeper comes again.
SELECT set_config('lock_timeout', '10ms', false)

-- name: sweeper_sweep
-- write
-- Looks at up to $1 rows that are due: deletes what has expired, and notes the
-- later or no expiry of what has not.  Rows that somebody holds are left for
-- the next time.  How many were due, how many were deleted, the first and the
-- last time of looking among them, now, and whether there are contents, tags,
-- sessions or snapshots to sweep.  $2: milliseconds after which unused sessions
-- end, or 0.
WITH due AS MATERIALIZED (
    SELECT k.ctid, k.sweep_at,
           coalesce(k.expires_at <= n.now, false) AS expired
      FROM respgres.key k, (SELECT respgres.now_ms()) AS n (now)
     WHERE k.sweep_at <= (SELECT respgres.now_ms())
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
       (SELECT min(d.sweep_at) FROM due d),
       (SELECT max(d.sweep_at) FROM due d), respgres.now_ms(),
       EXISTS (SELECT FROM respgres.dropped_content)
       OR EXISTS (SELECT FROM respgres.hash_field f
                   WHERE f.expires_at <= (SELECT respgres.now_ms()))
       OR respgres.session_sweep_due($2::int8)
       OR respgres.tags_are_due()
       OR respgres.snapshot_sweep_is_due()

-- name: sweeper_sweep_range
-- write
-- How many were deleted, and now.
SELECT respgres.sweep_range($1::int8, $2::int8), respgres.now_ms()

-- name: sweeper_sweep_contents
-- write
-- How many rows of dropped contents, expired fields and sessions were deleted.
SELECT respgres.sweep_contents($1::int8, $2::int8)

-- name: sweeper_reap_lanes
-- write
-- Forgets connections of instances that are gone, and what these waited for:
-- nobody holds their lock.
-- scan: a row for each connection and each awaited key, once a minute.
WITH waiters AS (
    DELETE FROM respgres.waiter w
     WHERE w.instance NOT IN (SELECT respgres.living_instances())
)
DELETE FROM respgres.lane l
 USING (SELECT o.id
          FROM respgres.lane o
         WHERE o.marked_at < now() - interval '1 hour'
        OFFSET 0) AS old (id)
 WHERE l.id = old.id AND pg_try_advisory_xact_lock(old.id)
