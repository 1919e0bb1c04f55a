-- Statements of the lanes themselves: the session's settings, and the proof
-- of which batch was committed last.

-- name: session_settings
-- The lanes' statements are short and prepared once.  Their plans must not
-- depend on the day's statistics: every look-up goes through an index.
-- $1: 'on' or 'off'.  A durable lane keeps a stricter setting of the server's
-- (remote_apply and so on).  $2: the instance's number, so that it is not told
-- what it does itself.
SELECT set_config('search_path', 'pg_catalog', false),
       set_config('respgres.instance', $2, false),
       set_config('plan_cache_mode', 'force_generic_plan', false),
       set_config('enable_seqscan', 'off', false),
       set_config('enable_hashjoin', 'off', false),
       set_config('enable_mergejoin', 'off', false),
       set_config('jit', 'off', false),
       set_config('bytea_output', 'hex', false),
       set_config('statement_timeout', '0', false),
       set_config('lock_timeout', '0', false),
       set_config('synchronous_commit',
                  CASE WHEN $1 = 'off' THEN 'off'
                       WHEN current_setting('synchronous_commit')
                            IN ('off', 'local') THEN 'on'
                       ELSE current_setting('synchronous_commit') END, false)

-- name: lane_terminate
-- Ends the lane's former backend, should it still be at work.
SELECT pg_terminate_backend(pid)
  FROM pg_stat_activity
 WHERE pid = $1::int
   AND pid <> pg_backend_pid()
   AND usename = current_user
   AND application_name LIKE 'respgres %'

-- name: lane_claim
-- Waits until the former backend is gone: it held the same lock.
SELECT pg_advisory_lock($1::bigint)

-- name: lane_last_batch
SELECT batch FROM respgres.lane WHERE id = $1::bigint

-- name: lane_mark
-- write
-- First statement of every writing batch; see storage/lane.h.
INSERT INTO respgres.lane AS l (id, batch) VALUES ($1::bigint, $2::bigint)
    ON CONFLICT (id) DO UPDATE SET batch = excluded.batch, marked_at = now()
