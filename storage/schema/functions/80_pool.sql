-- The connections of respgres as PostgreSQL sees them, and what to make of its
-- settings.  All of it is found by application_name: 'respgres %'.
--
-- Who may not look at other roles' sessions (pg_read_all_stats) sees of them
-- that they are there, and no more.

-- How many connections there may be, and how many are left for this role here.
CREATE OR REPLACE FUNCTION respgres.pool_limits(
    OUT max_connections integer, OUT usable integer, OUT free integer,
    OUT used integer, OUT ours integer, OUT own_limit integer)
LANGUAGE sql STABLE AS $$
    WITH session AS MATERIALIZED (
        SELECT a.usename, a.datname, a.application_name
          FROM pg_stat_activity a
         WHERE a.backend_type = 'client backend'
            OR (a.backend_type IS NULL AND a.usesysid IS NOT NULL)
    ), counted AS MATERIALIZED (
        SELECT count(*)::int AS used,
               (count(*) FILTER (WHERE s.usename = current_user))::int AS role,
               (count(*) FILTER (WHERE s.datname = current_database()))::int
                   AS database,
               (count(*) FILTER (WHERE s.datname = current_database()
                     AND s.application_name LIKE 'respgres %'))::int AS ours
          FROM session s
    ), limits AS MATERIALIZED (
        SELECT current_setting('max_connections')::int AS max_connections,
               current_setting('max_connections')::int -
               current_setting('superuser_reserved_connections')::int -
               coalesce(current_setting('reserved_connections', true), '0')
                   ::int AS usable,
               (SELECT nullif(r.rolconnlimit, -1) FROM pg_roles r
                 WHERE r.rolname = current_user) AS role,
               (SELECT nullif(d.datconnlimit, -1) FROM pg_database d
                 WHERE d.datname = current_database()) AS database
    )
    SELECT l.max_connections, least(l.usable, l.role, l.database),
           greatest(0, least(l.usable - c.used, l.role - c.role,
                             l.database - c.database)),
           c.used, c.ours, least(l.role, l.database)
      FROM limits l CROSS JOIN counted c
$$;

-- The server: its version, its part in replication, its connections.  Lag is
-- that of the furthest replica, or this replica's own; NULL where it is not
-- known.
CREATE OR REPLACE FUNCTION respgres.pool_server(
    OUT version text, OUT role text, OUT replicas integer,
    OUT lag_bytes bigint, OUT lag_seconds double precision,
    OUT max_connections integer, OUT usable integer, OUT free integer,
    OUT used integer, OUT ours integer, OUT in_recovery boolean,
    OUT started_seconds double precision)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    version := current_setting('server_version');
    in_recovery := pg_is_in_recovery();
    role := CASE WHEN in_recovery THEN 'replica' ELSE 'primary' END;
    started_seconds := extract(epoch FROM
        clock_timestamp() - pg_postmaster_start_time());
    SELECT count(*), extract(epoch FROM max(r.replay_lag))
      INTO replicas, lag_seconds
      FROM pg_stat_replication r;
    IF in_recovery THEN
        lag_bytes := pg_wal_lsn_diff(pg_last_wal_receive_lsn(),
                                     pg_last_wal_replay_lsn());
        lag_seconds := CASE WHEN lag_bytes = 0 THEN 0
            ELSE extract(epoch FROM clock_timestamp() -
                         pg_last_xact_replay_timestamp()) END;
    ELSIF replicas > 0 THEN
        lag_bytes := (SELECT max(pg_wal_lsn_diff(pg_current_wal_lsn(),
                                                 r.replay_lsn))
                        FROM pg_stat_replication r);
    END IF;
    SELECT l.max_connections, l.usable, l.free, l.used, l.ours
      INTO max_connections, usable, free, used, ours
      FROM respgres.pool_limits() l;
END
$$;

-- Every connection of any respgres to this database: what it does, which locks
-- it has, whom it waits for and who waits for it.  Times are seconds.
CREATE OR REPLACE FUNCTION respgres.pool_diagnostics()
RETURNS TABLE (pid integer, name text, state text,
               connected_seconds double precision,
               state_seconds double precision,
               transaction_seconds double precision, query text,
               wait_event_type text, wait_event text, locks bigint,
               waits_for text, blocked_by integer[], blocks integer[])
LANGUAGE sql STABLE AS $$
    WITH lock AS MATERIALIZED (
        SELECT l.pid, count(*) FILTER (WHERE l.granted) AS granted,
               min(concat_ws(' ', l.mode, 'on', l.locktype,
                             l.relation::regclass::text,
                             l.transactionid::text))
                   FILTER (WHERE NOT l.granted) AS waits_for
          FROM pg_locks l
         WHERE l.pid IS NOT NULL
         GROUP BY l.pid
    ), waiter AS MATERIALIZED (
        SELECT l.pid, pg_blocking_pids(l.pid) AS blocked_by
          FROM lock l
         WHERE l.waits_for IS NOT NULL
    ), session AS MATERIALIZED (
        SELECT a.pid, a.application_name, a.state, a.backend_start,
               a.state_change, a.xact_start, a.query, a.wait_event_type,
               a.wait_event
          FROM pg_stat_activity a
         WHERE a.datname = current_database()
           AND a.application_name LIKE 'respgres %'
    )
    SELECT s.pid, s.application_name, s.state,
           extract(epoch FROM clock_timestamp() - s.backend_start)::float8,
           extract(epoch FROM clock_timestamp() - s.state_change)::float8,
           extract(epoch FROM clock_timestamp() - s.xact_start)::float8,
           left(s.query, 300), s.wait_event_type, s.wait_event,
           coalesce((SELECT l.granted FROM lock l WHERE l.pid = s.pid), 0),
           (SELECT l.waits_for FROM lock l WHERE l.pid = s.pid),
           (SELECT w.blocked_by FROM waiter w WHERE w.pid = s.pid),
           (SELECT array_agg(w.pid ORDER BY w.pid) FROM waiter w
             WHERE s.pid = ANY (w.blocked_by))
      FROM session s
     ORDER BY s.application_name, s.pid
$$;

-- Checkpoints since the statistics began, by their cause.
CREATE OR REPLACE FUNCTION respgres.checkpoint_counts(
    OUT timed bigint, OUT requested bigint)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    -- PostgreSQL 17 has them in a view of their own.
    IF to_regclass('pg_catalog.pg_stat_checkpointer') IS NULL THEN
        EXECUTE 'SELECT checkpoints_timed, checkpoints_req
                   FROM pg_stat_bgwriter' INTO timed, requested;
    ELSE
        EXECUTE 'SELECT num_timed, num_requested
                   FROM pg_stat_checkpointer' INTO timed, requested;
    END IF;
END
$$;

-- What PostgreSQL's settings are, against a machine with so many bytes of
-- memory and so many cores (NULL: unknown, and left out).  Severity is
-- 'critical', 'warning' or 'info'.
CREATE OR REPLACE FUNCTION respgres.pool_recommend_settings(
    memory bigint, cores integer)
RETURNS TABLE (finding text, severity text, evidence text, effect text,
               action text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    megabyte CONSTANT bigint := 1024 * 1024;
    gigabyte CONSTANT bigint := 1024 * megabyte;
    buffers CONSTANT bigint := pg_size_bytes(current_setting('shared_buffers'));
    cached CONSTANT bigint :=
        pg_size_bytes(current_setting('effective_cache_size'));
    working CONSTANT bigint := pg_size_bytes(current_setting('work_mem'));
    wal CONSTANT bigint := pg_size_bytes(current_setting('max_wal_size'));
    connections CONSTANT bigint := current_setting('max_connections');
    checkpoint_s CONSTANT int := extract(epoch FROM
        current_setting('checkpoint_timeout')::interval);
    -- The lanes' sessions set their own.
    commit_mode CONSTANT text := (SELECT s.reset_val FROM pg_settings s
                                   WHERE s.name = 'synchronous_commit');
    size CONSTANT bigint := pg_database_size(current_database());
    hits bigint;
    reads bigint;
    counts record;
BEGIN
    SELECT d.blks_hit, d.blks_read INTO hits, reads
      FROM pg_stat_database d WHERE d.datname = current_database();
    counts := respgres.checkpoint_counts();

    IF current_setting('fsync') = 'off' THEN
        RETURN QUERY SELECT 'fsync_off', 'critical', 'fsync = off',
            'a crash of the machine can destroy the database',
            'ALTER SYSTEM SET fsync = on; SELECT pg_reload_conf()';
    END IF;
    IF current_setting('full_page_writes') = 'off' THEN
        RETURN QUERY SELECT 'full_page_writes_off', 'critical',
            'full_page_writes = off',
            'a page half written at a crash stays damaged',
            'ALTER SYSTEM SET full_page_writes = on; SELECT pg_reload_conf()';
    END IF;
    IF current_setting('autovacuum') = 'off' THEN
        RETURN QUERY SELECT 'autovacuum_off', 'critical', 'autovacuum = off',
            'dead rows pile up with every write until the disk is full',
            'ALTER SYSTEM SET autovacuum = on; SELECT pg_reload_conf()';
    END IF;

    IF buffers > memory / 5 * 2 THEN
        RETURN QUERY SELECT 'shared_buffers_too_large',
            CASE WHEN buffers > memory / 4 * 3 THEN 'critical'
                 ELSE 'warning' END,
            format('shared_buffers = %s of %s of memory (%s %%)',
                   current_setting('shared_buffers'), pg_size_pretty(memory),
                   buffers * 100 / memory),
            'leaves memory to the system''s cache and to respgres, and keeps '
            'the kernel from killing PostgreSQL',
            format('ALTER SYSTEM SET shared_buffers = ''%sMB'' and a restart '
                   'of PostgreSQL (embedded: postgres-setting '
                   'shared_buffers %sMB)', memory / 4 / megabyte,
                   memory / 4 / megabyte);
    ELSIF buffers < least(memory / 8, size) AND hits + reads > 100000
          AND hits * 20 < (hits + reads) * 19 THEN
        RETURN QUERY SELECT 'shared_buffers_too_small', 'warning',
            format('shared_buffers = %s, the database has %s, and %s %% of '
                   'its pages were found there',
                   current_setting('shared_buffers'), pg_size_pretty(size),
                   hits * 100 / (hits + reads)),
            'keeps the keys in use in memory',
            format('ALTER SYSTEM SET shared_buffers = ''%sMB'' and a restart '
                   'of PostgreSQL (embedded: postgres-setting '
                   'shared_buffers %sMB)', memory / 4 / megabyte,
                   memory / 4 / megabyte);
    END IF;
    IF cached > memory OR cached < memory / 4 THEN
        RETURN QUERY SELECT 'effective_cache_size', 'info',
            format('effective_cache_size = %s of %s of memory',
                   current_setting('effective_cache_size'),
                   pg_size_pretty(memory)),
            'plans of your own queries fit the memory; those of respgres do '
            'not depend on it',
            format('ALTER SYSTEM SET effective_cache_size = ''%sMB''; '
                   'SELECT pg_reload_conf()', memory / 2 / megabyte);
    END IF;
    IF working > 4 * megabyte AND working * connections > memory / 2 THEN
        RETURN QUERY SELECT 'work_mem_too_large', 'warning',
            format('work_mem = %s for up to %s connections, %s of memory',
                   current_setting('work_mem'), connections,
                   pg_size_pretty(memory)),
            'many sorts at once cannot use up the memory; respgres itself '
            'needs little',
            format('ALTER SYSTEM SET work_mem = ''%sMB''; '
                   'SELECT pg_reload_conf()',
                   greatest(4, memory / 4 / connections / megabyte));
    END IF;
    IF connections > greatest(200, 50 * cores) THEN
        RETURN QUERY SELECT 'max_connections_too_large', 'info',
            format('max_connections = %s for %s cores', connections, cores),
            'fewer backends at once do the same work sooner; respgres needs a '
            'few for any number of clients',
            format('ALTER SYSTEM SET max_connections = %s and a restart of '
                   'PostgreSQL', greatest(100, 25 * cores));
    END IF;

    IF counts.requested > 10 AND counts.requested > counts.timed THEN
        RETURN QUERY SELECT 'max_wal_size_too_small', 'warning',
            format('max_wal_size = %s; %s checkpoints because it was reached '
                   'or by request, %s by checkpoint_timeout',
                   current_setting('max_wal_size'), counts.requested,
                   counts.timed),
            'fewer checkpoints: less is written, and latency is even',
            format('ALTER SYSTEM SET max_wal_size = ''%sMB''; '
                   'SELECT pg_reload_conf()',
                   greatest(4 * gigabyte, 2 * wal) / megabyte);
    ELSIF wal < gigabyte THEN
        RETURN QUERY SELECT 'max_wal_size_too_small', 'info',
            format('max_wal_size = %s', current_setting('max_wal_size')),
            'fewer checkpoints under a load of writes',
            'ALTER SYSTEM SET max_wal_size = ''4GB''; SELECT pg_reload_conf()';
    END IF;
    IF checkpoint_s < 300 THEN
        RETURN QUERY SELECT 'checkpoint_timeout_too_short', 'info',
            format('checkpoint_timeout = %s',
                   current_setting('checkpoint_timeout')),
            'each page is written whole to the log once a checkpoint: fewer '
            'of them make a smaller log',
            'ALTER SYSTEM SET checkpoint_timeout = ''15min''; '
            'SELECT pg_reload_conf()';
    END IF;
    IF current_setting('checkpoint_completion_target')::float8 < 0.7 THEN
        RETURN QUERY SELECT 'checkpoint_completion_target_too_low', 'info',
            format('checkpoint_completion_target = %s',
                   current_setting('checkpoint_completion_target')),
            'a checkpoint''s writes are spread, and latency is even',
            'ALTER SYSTEM SET checkpoint_completion_target = 0.9; '
            'SELECT pg_reload_conf()';
    END IF;
    IF commit_mode IN ('off', 'local') THEN
        RETURN QUERY SELECT 'synchronous_commit_off', 'info',
            format('synchronous_commit = %s', commit_mode),
            'commits of your own sessions survive a crash; respgres turns it '
            'on for durable databases',
            'ALTER SYSTEM SET synchronous_commit = on; '
            'SELECT pg_reload_conf()';
    ELSIF commit_mode = 'remote_apply' THEN
        RETURN QUERY SELECT 'synchronous_commit_remote_apply', 'info',
            'synchronous_commit = remote_apply',
            'writes no longer wait until replicas have applied them; with on '
            'they wait until replicas have them on disk',
            'ALTER SYSTEM SET synchronous_commit = on; '
            'SELECT pg_reload_conf()';
    END IF;
END
$$;

-- All findings: about sessions, tables and settings.  `wanted`: how many
-- connections a respgres may open, `connected`: how many it has.
CREATE OR REPLACE FUNCTION respgres.pool_recommend(
    memory bigint DEFAULT NULL, cores integer DEFAULT NULL,
    idle_seconds integer DEFAULT 300, wanted integer DEFAULT NULL,
    connected integer DEFAULT 0)
RETURNS TABLE (finding text, severity text, evidence text, effect text,
               action text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    limits record;
BEGIN
    limits := respgres.pool_limits();
    IF wanted > limits.usable THEN
        RETURN QUERY SELECT 'pool_exceeds_max_connections', 'critical',
            format('respgres may open %s connections; PostgreSQL allows it %s '
                   '(max_connections = %s)', wanted, limits.usable,
                   limits.max_connections),
            'every lane gets its connection; commands on keys of one without '
            'it fail',
            format('POOL RESIZE with fewer lanes, or ALTER SYSTEM SET '
                   'max_connections = %s and a restart of PostgreSQL',
                   wanted + limits.max_connections - limits.usable + 20);
    ELSIF wanted - connected > limits.free THEN
        RETURN QUERY SELECT 'pool_exceeds_max_connections', 'warning',
            format('respgres may open %s connections more; %s are free '
                   '(max_connections = %s, %s in use)', wanted - connected,
                   limits.free, limits.max_connections, limits.used),
            'every lane gets its connection when it needs it',
            format('POOL RESIZE with fewer lanes, or ALTER SYSTEM SET '
                   'max_connections = %s and a restart of PostgreSQL',
                   limits.max_connections + wanted - connected + 20);
    ELSIF limits.free * 10 < limits.usable THEN
        RETURN QUERY SELECT 'connections_nearly_used_up', 'warning',
            format('%s of %s connections are free', limits.free,
                   limits.usable),
            'a lane that loses its connection gets another',
            format('ALTER SYSTEM SET max_connections = %s and a restart of '
                   'PostgreSQL, or fewer sessions',
                   limits.max_connections * 3 / 2);
    END IF;

    RETURN QUERY
    SELECT 'blocked_lane', 'critical',
           format('%s (pid %s) has waited %s s for pid %s: %s', b.name, b.pid,
                  round(b.state_seconds::numeric, 1),
                  array_to_string(b.blocked_by, ', '),
                  coalesce((SELECT format('%s, %s, %s', a.application_name,
                                          coalesce(a.state, 'unknown state'),
                                          left(a.query, 100))
                              FROM pg_stat_activity a
                             WHERE a.pid = b.blocked_by[1]), 'gone')),
           'the commands of that lane''s keys go on',
           format('SELECT pg_terminate_backend(%s)', b.blocked_by[1])
      FROM respgres.pool_diagnostics() b
     WHERE cardinality(b.blocked_by) > 0
       AND b.state_seconds >= 1;
    RETURN QUERY
    SELECT 'idle_in_transaction', 'warning',
           format('pid %s (%s) holds a transaction open, idle for %s s',
                  a.pid, coalesce(nullif(a.application_name, ''), a.usename),
                  round(extract(epoch FROM clock_timestamp() -
                                           a.state_change), 1)),
           'its locks are released, and dead rows can be removed again',
           format('SELECT pg_terminate_backend(%s); ALTER ROLE %I SET '
                  'idle_in_transaction_session_timeout = ''%ss''', a.pid,
                  a.usename, greatest(60, idle_seconds))
      FROM pg_stat_activity a
     WHERE a.state LIKE 'idle in transaction%'
       AND a.state_change <= clock_timestamp() -
                             make_interval(secs => idle_seconds);
    RETURN QUERY
    SELECT 'idle_connections_held', 'info',
           format('%s of %s connections have been idle for %s s or longer',
                  i.idle, i.held, idle_seconds),
           format('frees %s backends and their memory; they come back when '
                  'they are needed', i.idle),
           format('POOL TERMINATE IDLE %s', idle_seconds)
      FROM (SELECT count(*) FILTER (WHERE a.state = 'idle'
                       AND a.state_change <= clock_timestamp() -
                           make_interval(secs => idle_seconds)) AS idle,
                   count(*) AS held
              FROM pg_stat_activity a
             WHERE a.datname = current_database()
               AND a.application_name ~
                   '^respgres .* (point|joint|bulk|stream) [0-9]+$') AS i
     WHERE i.idle > 0;
    RETURN QUERY
    SELECT 'dead_rows', 'warning',
           format('%s.%s has %s dead rows beside %s live ones', t.schemaname,
                  t.relname, t.n_dead_tup, t.n_live_tup),
           'look-ups read fewer pages',
           format('VACUUM %I.%I', t.schemaname, t.relname)
      FROM pg_stat_user_tables t
     WHERE t.schemaname IN ('respgres', 'respgres_cache')
       AND t.n_dead_tup > 50000
       AND t.n_dead_tup > t.n_live_tup;
    RETURN QUERY SELECT * FROM respgres.pool_recommend_settings(memory, cores);
END
$$;
