-- What the pool asks about the database it is connected to (POOL).

-- name: pool_limits
SELECT max_connections, usable, free, used, ours, own_limit
  FROM respgres.pool_limits()

-- name: pool_server
SELECT version, role, replicas, lag_bytes, lag_seconds, max_connections, usable,
       free, used, ours, in_recovery, started_seconds
  FROM respgres.pool_server()

-- name: pool_diagnostics
SELECT pid, name, state, connected_seconds, state_seconds,
       coalesce(transaction_seconds, -1), coalesce(query, ''),
       coalesce(wait_event_type, ''), coalesce(wait_event, ''), locks,
       coalesce(waits_for, ''), coalesce(array_to_string(blocked_by, ','), ''),
       coalesce(array_to_string(blocks, ','), '')
  FROM respgres.pool_diagnostics()

-- name: pool_recommend
SELECT finding, severity, evidence, effect, action
  FROM respgres.pool_recommend($1::int8, $2::int4, $3::int4, $4::int4,
                               $5::int4)

-- name: pool_terminate
-- Ends one backend, if it is a respgres' own on this database.
SELECT pg_terminate_backend(a.pid)
  FROM pg_stat_activity a
 WHERE a.pid = $1::int4
   AND a.datname = current_database()
   AND a.usename = current_user
   AND a.application_name LIKE 'respgres %'
   AND a.pid <> pg_backend_pid()
