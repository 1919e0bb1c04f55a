-- What became of sessions: events are written as they happen, each a row, so
-- that writers never wait for a common counter.  In the background they are
-- taken out and added to the summary; whoever asks adds up both, which one
-- snapshot shows exactly once.

-- The number of a class of lengths, each 5 % longer than the one before.
CREATE OR REPLACE FUNCTION respgres.session_length(ms bigint) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT int4send(floor(ln(greatest(ms, 1)) / ln(1.05))::integer)
$$;

-- The middle of such a class, in milliseconds.
CREATE OR REPLACE FUNCTION respgres.session_length_ms(label bytea)
RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT round(exp((('x' || encode(label, 'hex'))::bit(32)::integer + 0.5)
                     * ln(1.05)))::bigint
$$;

-- Events and what the summary counts of each.
CREATE OR REPLACE FUNCTION respgres.session_parts(
    happened_at bigint, created_at bigint, kind "char", agent bytea,
    device bytea)
RETURNS TABLE (part "char", label bytea, total_ms bigint)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 2 AS $$
    SELECT kind, ''::bytea,
           CASE WHEN kind IN ('c', 'r') THEN 0
                ELSE greatest(happened_at - created_at, 0) END
     UNION ALL
    SELECT 'A', agent, 0 WHERE kind = 'c' AND agent IS NOT NULL
     UNION ALL
    SELECT 'D', device, 0 WHERE kind = 'c' AND device IS NOT NULL
     UNION ALL
    SELECT 'L', respgres.session_length(happened_at - created_at), 0
     WHERE kind NOT IN ('c', 'r')
$$;

-- By how much an event changes the number of sessions.
CREATE OR REPLACE FUNCTION respgres.session_change(kind "char")
RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE kind WHEN 'c' THEN 1 WHEN 'r' THEN 0 ELSE -1 END
$$;

-- Adds up to `most` events to the summary; how many that were.
CREATE OR REPLACE FUNCTION respgres.session_sum_up(most bigint)
RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    taken bigint;
BEGIN
    WITH gone AS (
        DELETE FROM respgres.session_event AS d
         WHERE d.ctid = ANY (ARRAY(
               SELECT e.ctid FROM respgres.session_event e
                ORDER BY e.happened_at LIMIT most
                  FOR UPDATE SKIP LOCKED))
        RETURNING d.*
    ), totals AS (
        INSERT INTO respgres.session_total AS s (sessions, db)
        SELECT sum(respgres.session_change(g.kind)), g.db
          FROM gone g GROUP BY g.db ORDER BY g.db
            ON CONFLICT (db) DO UPDATE
           SET sessions = s.sessions + excluded.sessions
    ), users AS (
        INSERT INTO respgres.session_user AS s (sessions, db, user_name)
        SELECT sum(respgres.session_change(g.kind)), g.db, g.user_name
          FROM gone g
         WHERE g.user_name IS NOT NULL AND g.kind <> 'r'
         GROUP BY g.db, g.user_name
            ON CONFLICT (db, user_name) DO UPDATE
           SET sessions = s.sessions + excluded.sessions
    ), added AS (
        INSERT INTO respgres.session_summary AS s
               (period, count, total_ms, db, kind, label)
        SELECT g.happened_at - g.happened_at % 60000, count(*),
               sum(p.total_ms), g.db, p.part, p.label
          FROM gone g
         CROSS JOIN LATERAL respgres.session_parts(
               g.happened_at, g.created_at, g.kind, g.agent, g.device) AS p
         GROUP BY 1, g.db, p.part, p.label
         ORDER BY g.db, 1, p.part, p.label
            ON CONFLICT (db, period, kind, label) DO UPDATE
           SET count = s.count + excluded.count,
               total_ms = s.total_ms + excluded.total_ms
    )
    SELECT count(*) INTO taken FROM gone;
    RETURN taken;
END
$$;

-- How long the summary tells minutes of labels and lengths, and how long it is
-- kept.
CREATE OR REPLACE FUNCTION respgres.session_minutes_ms() RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT 3 * 3600000::bigint $$;

CREATE OR REPLACE FUNCTION respgres.session_history_ms() RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT 31 * 86400000::bigint $$;

-- Makes hours of old minutes, and forgets what is too old.  An hour more than
-- is asked about by the minute, so that no hour is half folded while it is.
CREATE OR REPLACE FUNCTION respgres.session_fold(most bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    now_ms bigint := respgres.now_ms();
    folded bigint;
    dropped bigint;
BEGIN
    WITH gone AS (
        DELETE FROM respgres.session_summary AS d
         WHERE d.ctid = ANY (ARRAY(
               SELECT o.ctid FROM respgres.session_summary o
                WHERE o.kind IN ('A', 'D', 'L') AND o.period % 3600000 <> 0
                  AND o.period < now_ms - respgres.session_minutes_ms()
                                 - 3600000
                ORDER BY o.period LIMIT most))
        RETURNING d.*
    ), added AS (
        INSERT INTO respgres.session_summary AS s
               (period, count, total_ms, db, kind, label)
        SELECT g.period - g.period % 3600000, sum(g.count), 0, g.db, g.kind,
               g.label
          FROM gone g
         GROUP BY 1, g.db, g.kind, g.label
            ON CONFLICT (db, period, kind, label) DO UPDATE
           SET count = s.count + excluded.count
    )
    SELECT count(*) INTO folded FROM gone;
    DELETE FROM respgres.session_summary AS d
     WHERE d.ctid = ANY (ARRAY(
           SELECT o.ctid FROM respgres.session_summary o
            WHERE o.period < now_ms - respgres.session_history_ms() - 3600000
            LIMIT most));
    GET DIAGNOSTICS dropped = ROW_COUNT;
    DELETE FROM respgres.session_user AS d
     WHERE d.ctid = ANY (ARRAY(
           SELECT o.ctid FROM respgres.session_user o
            WHERE o.sessions = 0 LIMIT most));
    RETURN greatest(folded, dropped);
END
$$;

-- --- the sweeper's part ----------------------------------------------

-- Whether there is something to sweep, at little cost; `inactive_ms` as below.
CREATE OR REPLACE FUNCTION respgres.session_sweep_due(inactive_ms bigint)
RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
DECLARE
    now_ms bigint := respgres.now_ms();
BEGIN
    RETURN EXISTS (SELECT FROM respgres.session s WHERE s.sweep_at <= now_ms)
        OR EXISTS (SELECT FROM respgres.session_event e
                    WHERE e.happened_at <= now_ms - 5000)
        OR (inactive_ms > 0
            AND EXISTS (SELECT FROM respgres.session_activity a
                         WHERE a.active_at <= now_ms - inactive_ms - 60000));
END
$$;

-- Ends sessions that have expired and, unless inactive_ms is 0, those that were
-- not used for so long (and up to a minute); sums up what happened.  At most
-- `most` of each; the largest of the counts.  What somebody holds is left for
-- the next time.
CREATE OR REPLACE FUNCTION respgres.session_sweep(
    most bigint, inactive_ms bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    now_ms bigint := respgres.now_ms();
    due record;
    swept bigint;
BEGIN
    SELECT array_agg(o.db) FILTER (WHERE o.expired) AS dbs,
           array_agg(o.slot) FILTER (WHERE o.expired) AS slots,
           array_agg(o.id) FILTER (WHERE o.expired) AS ids,
           array_agg(o.ctid) FILTER (WHERE NOT o.expired) AS moved,
           count(*) AS count
      INTO due
      FROM (SELECT s.db, s.slot, s.id, s.ctid,
                   coalesce(s.expires_at <= now_ms, false) AS expired
              FROM respgres.session s
             WHERE s.sweep_at <= now_ms
             ORDER BY s.sweep_at LIMIT most
               FOR UPDATE SKIP LOCKED) AS o;
    swept := due.count;
    IF due.moved IS NOT NULL THEN
        UPDATE respgres.session AS s SET sweep_at = s.expires_at
         WHERE s.ctid = ANY (due.moved);
    END IF;
    IF due.ids IS NOT NULL THEN
        PERFORM respgres.session_end(due.dbs, due.slots, due.ids, 'x');
    END IF;
    IF inactive_ms > 0 THEN
        SELECT array_agg(o.db) AS dbs, array_agg(o.slot) AS slots,
               array_agg(o.id) AS ids, count(*) AS count
          INTO due
          FROM (SELECT s.db, s.slot, s.id
                  FROM respgres.session_activity a
                  JOIN respgres.session s
                    ON s.db = a.db AND s.number = a.number
                 WHERE a.active_at <= now_ms - inactive_ms - 60000
                   AND s.accessed_at <= now_ms - inactive_ms
                 ORDER BY a.active_at LIMIT most
                   FOR UPDATE OF s SKIP LOCKED) AS o;
        IF due.ids IS NOT NULL THEN
            PERFORM respgres.session_end(due.dbs, due.slots, due.ids, 'i');
            swept := greatest(swept, due.count);
        END IF;
    END IF;
    IF EXISTS (SELECT FROM respgres.session_event e
                WHERE e.happened_at <= now_ms - 5000) THEN
        swept := greatest(swept, respgres.session_sum_up(most),
                          respgres.session_fold(most));
    END IF;
    RETURN swept;
END
$$;

-- --- asking ----------------------------------------------------------

-- When a window of so many milliseconds begins: with a full minute, or, when
-- minutes of labels may be folded, a full hour.
CREATE OR REPLACE FUNCTION respgres.session_window_start(
    now_ms bigint, window_ms bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
    SELECT w.start - w.start % CASE
               WHEN window_ms <= respgres.session_minutes_ms() THEN 60000
               ELSE 3600000 END
      FROM (SELECT now_ms - window_ms) AS w (start)
$$;

-- Counts of a database since `start`, as in the summary, of what is summed up,
-- what is not yet, and what has expired and was not swept yet.
CREATE OR REPLACE FUNCTION respgres.session_counts(db int, start bigint)
RETURNS TABLE (period bigint, kind "char", label bytea, count numeric,
               total_ms numeric)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    now_ms bigint := respgres.now_ms();
BEGIN
    RETURN QUERY
    SELECT u.period, u.kind, u.label, sum(u.count), sum(u.total_ms)
      FROM (SELECT s.period, s.kind, s.label, s.count, s.total_ms
              FROM respgres.session_summary s
             WHERE s.db = session_counts.db AND s.period >= start
             UNION ALL
            SELECT e.happened_at - e.happened_at % 60000, p.part, p.label, 1,
                   p.total_ms
              FROM (SELECT v.happened_at, v.created_at, v.kind, v.agent,
                           v.device
                      FROM respgres.session_event v
                     WHERE v.db = session_counts.db
                       AND v.happened_at >= start
                     UNION ALL
                    SELECT x.expires_at, x.number >> 20, 'x'::"char", NULL,
                           NULL
                      FROM respgres.session x
                     WHERE x.db = session_counts.db
                       AND x.sweep_at <= now_ms AND x.expires_at <= now_ms
                       AND x.expires_at >= start) AS e
             CROSS JOIN LATERAL respgres.session_parts(
                   e.happened_at, e.created_at, e.kind, e.agent, e.device)
                   AS p) AS u
     GROUP BY u.period, u.kind, u.label;
END
$$;

-- The `most` users with the most sessions now.  Whom events that are not summed
-- up change is counted apart; so many more than `most` are looked at.
CREATE OR REPLACE FUNCTION respgres.session_top_users(db int, most bigint)
RETURNS TABLE (user_name bytea, sessions bigint)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    now_ms bigint := respgres.now_ms();
    names bytea[];
    changes bigint[];
BEGIN
    SELECT array_agg(c.user_name), array_agg(c.change) INTO names, changes
      FROM (SELECT e.user_name, sum(e.change) AS change
              FROM (SELECT v.user_name,
                           respgres.session_change(v.kind) AS change
                      FROM respgres.session_event v
                     WHERE v.db = session_top_users.db
                       AND v.happened_at > 0
                       AND v.user_name IS NOT NULL
                     UNION ALL
                    SELECT x.user_name, -1
                      FROM respgres.session x
                     WHERE x.db = session_top_users.db
                       AND x.user_name IS NOT NULL
                       AND x.sweep_at <= now_ms AND x.expires_at <= now_ms)
                   AS e
             GROUP BY e.user_name) AS c;
    RETURN QUERY
    SELECT t.user_name, coalesce(max(t.sessions) FILTER (WHERE t.is_changed),
                                 max(t.sessions))
      FROM ((SELECT u.user_name, u.sessions, false AS is_changed
               FROM respgres.session_user u
              WHERE u.db = session_top_users.db AND u.sessions > 0
              ORDER BY u.sessions DESC, u.user_name
              LIMIT most + coalesce(cardinality(names), 0))
             UNION ALL
            SELECT n.name, coalesce(u.sessions, 0) + n.change, true
              FROM unnest(names, changes) AS n (name, change)
              LEFT JOIN respgres.session_user u
                ON u.db = session_top_users.db AND u.user_name = n.name) AS t
     GROUP BY t.user_name
    HAVING coalesce(max(t.sessions) FILTER (WHERE t.is_changed),
                    max(t.sessions)) > 0
     ORDER BY 2 DESC, 1
     LIMIT most;
END
$$;

-- What happened in a database in the last window_ms, in sections: totals by
-- name; hours by their start, with sessions created (count) and ended (second);
-- the `most` most frequent agents and devices by sessions created, and users by
-- sessions that they have now.
CREATE OR REPLACE FUNCTION respgres.session_analyze(
    db int, window_ms bigint, most bigint)
RETURNS TABLE (section text, label bytea, count bigint, second bigint)
LANGUAGE plpgsql STABLE SET enable_seqscan = on SET work_mem = '32MB' AS $$
#variable_conflict use_column
DECLARE
    now_ms bigint := respgres.now_ms();
    start bigint := respgres.session_window_start(now_ms, window_ms);
    live record;
BEGIN
    SELECT respgres.session_count_all(session_analyze.db) AS sessions,
           respgres.session_count_used(session_analyze.db,
                                       now_ms - window_ms) AS active
      INTO live;
    RETURN QUERY
    WITH counts AS MATERIALIZED (
        SELECT * FROM respgres.session_counts(session_analyze.db, start)
    ), minutes AS (
        SELECT c.period,
               sum(c.count) FILTER (WHERE c.kind = 'c') AS created,
               sum(c.count) FILTER (WHERE c.kind IN ('x', 'd', 'e', 'i'))
               AS ended
          FROM counts c
         WHERE c.kind IN ('c', 'x', 'd', 'e', 'i')
         GROUP BY c.period
    ), peak AS (
        -- From now back: as many as there are after each minute, and before it.
        SELECT max(greatest(a.after,
                            a.after - a.created + a.ended)) AS sessions
          FROM (SELECT coalesce(m.created, 0) AS created,
                       coalesce(m.ended, 0) AS ended,
                       live.sessions - coalesce(sum(
                           coalesce(m.created, 0) - coalesce(m.ended, 0))
                           OVER (ORDER BY m.period DESC
                                 ROWS BETWEEN UNBOUNDED PRECEDING
                                          AND 1 PRECEDING), 0) AS after
                  FROM minutes m) AS a
    ), lengths AS (
        SELECT c.label, sum(c.count) AS count,
               sum(sum(c.count)) OVER (ORDER BY c.label) AS through,
               sum(sum(c.count)) OVER () AS ends
          FROM counts c WHERE c.kind = 'L' GROUP BY c.label
    ), ends AS (
        SELECT sum(c.count) AS count, sum(c.total_ms) AS total_ms
          FROM counts c WHERE c.kind IN ('x', 'd', 'e', 'i')
    )
    SELECT 'total', convert_to(t.name, 'UTF8'), t.value::bigint,
           NULL::bigint
      FROM (SELECT 1, 'window_start_ms', start::numeric
             UNION ALL SELECT 2, 'sessions', live.sessions
             UNION ALL SELECT 3, 'active', live.active
             UNION ALL
            SELECT k.place, k.name,
                   (SELECT coalesce(sum(c.count), 0) FROM counts c
                     WHERE c.kind = k.kind)
              FROM (VALUES (4, 'created', 'c'::"char"), (5, 'expired', 'x'),
                           (6, 'deleted', 'd'), (7, 'evicted', 'e'),
                           (8, 'inactive', 'i'), (9, 'rotated', 'r'))
                   AS k (place, name, kind)
             UNION ALL
            SELECT 10, 'peak', greatest(p.sessions, live.sessions)
              FROM peak p
             UNION ALL
            SELECT 11, 'mean_duration_ms', round(e.total_ms / e.count)
              FROM ends e
             UNION ALL
            SELECT 12, 'p95_duration_ms',
                   (SELECT respgres.session_length_ms(l.label)
                      FROM lengths l WHERE l.through >= l.ends * 0.95
                     ORDER BY l.label LIMIT 1))
           AS t (place, name, value)
     UNION ALL
    (SELECT 'hour', convert_to((m.period - m.period % 3600000)::text, 'UTF8'),
            coalesce(sum(m.created), 0)::bigint,
            coalesce(sum(m.ended), 0)::bigint
       FROM minutes m GROUP BY m.period - m.period % 3600000
      ORDER BY m.period - m.period % 3600000)
     UNION ALL
    (SELECT 'device', c.label, sum(c.count)::bigint, NULL
       FROM counts c WHERE c.kind = 'D' GROUP BY c.label
      ORDER BY 3 DESC, 2 LIMIT most)
     UNION ALL
    (SELECT 'agent', c.label, sum(c.count)::bigint, NULL
       FROM counts c WHERE c.kind = 'A' GROUP BY c.label
      ORDER BY 3 DESC, 2 LIMIT most)
     UNION ALL
    (SELECT 'user', u.user_name, u.sessions, NULL
       FROM respgres.session_top_users(session_analyze.db, most) u
      ORDER BY 3 DESC, 2);
END
$$;

-- Empties the sessions of a database, or of all when db is NULL.
CREATE OR REPLACE FUNCTION respgres.session_flush(db int) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    -- Bytes of table up to which rows are deleted.
    small CONSTANT bigint := 2 << 20;
BEGIN
    IF pg_relation_size('respgres.session') > small THEN
        LOCK TABLE respgres.session, respgres.session_activity
            IN ACCESS EXCLUSIVE MODE;
        IF session_flush.db IS NULL OR NOT EXISTS (
               SELECT FROM respgres.session s WHERE s.db < session_flush.db)
           AND NOT EXISTS (
               SELECT FROM respgres.session s WHERE s.db > session_flush.db)
        THEN
            TRUNCATE respgres.session, respgres.session_activity;
        END IF;
    END IF;
    DELETE FROM respgres.session AS d
     WHERE session_flush.db IS NULL OR d.db = session_flush.db;
    DELETE FROM respgres.session_activity AS d
     WHERE session_flush.db IS NULL OR d.db = session_flush.db;
    DELETE FROM respgres.session_event AS d
     WHERE session_flush.db IS NULL OR d.db = session_flush.db;
    DELETE FROM respgres.session_summary AS d
     WHERE session_flush.db IS NULL OR d.db = session_flush.db;
    DELETE FROM respgres.session_user AS d
     WHERE session_flush.db IS NULL OR d.db = session_flush.db;
    DELETE FROM respgres.session_total AS d
     WHERE session_flush.db IS NULL OR d.db = session_flush.db;
END
$$;

-- Exchanges the sessions of two databases, while nobody else changes one.
CREATE OR REPLACE FUNCTION respgres.session_swap(first_db int, second_db int)
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    -- Where one waits for the other's place.
    aside CONSTANT int := -1 - first_db;
    step record;
BEGIN
    IF NOT EXISTS (SELECT FROM respgres.session s
                    WHERE s.db IN (first_db, second_db))
       AND NOT EXISTS (SELECT FROM respgres.session_event e
                        WHERE e.db IN (first_db, second_db))
       AND NOT EXISTS (SELECT FROM respgres.session_summary s
                        WHERE s.db IN (first_db, second_db)) THEN
        RETURN;
    END IF;
    LOCK TABLE respgres.session, respgres.session_activity,
        respgres.session_event, respgres.session_summary,
        respgres.session_user, respgres.session_total IN SHARE ROW EXCLUSIVE MODE;
    FOR step IN SELECT * FROM (VALUES (first_db, aside),
                                      (second_db, first_db),
                                      (aside, second_db)) AS m (old, new)
    LOOP
        UPDATE respgres.session AS u SET db = step.new WHERE u.db = step.old;
        UPDATE respgres.session_activity AS u SET db = step.new
         WHERE u.db = step.old;
        UPDATE respgres.session_event AS u SET db = step.new
         WHERE u.db = step.old;
        UPDATE respgres.session_summary AS u SET db = step.new
         WHERE u.db = step.old;
        UPDATE respgres.session_user AS u SET db = step.new
         WHERE u.db = step.old;
        UPDATE respgres.session_total AS u SET db = step.new
         WHERE u.db = step.old;
    END LOOP;
END
$$;
