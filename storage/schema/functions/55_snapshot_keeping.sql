-- Snapshots: how long they are kept, what they take, how they differ.

-- How many of the ids named snapshots.  Children go to the parents of those
-- that are deleted.
CREATE OR REPLACE FUNCTION respgres.snapshot_delete(db int, ids text[])
RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    deleted bigint;
BEGIN
    DELETE FROM respgres.snapshot AS s
     WHERE s.db = snapshot_delete.db
       AND s.id = ANY (ARRAY(
           SELECT o.id FROM respgres.snapshot o
            WHERE o.id = ANY (ids) ORDER BY o.id FOR UPDATE))
       AND (s.pinned OR s.expires_at IS NULL
            OR s.expires_at > respgres.now_ms());
    GET DIAGNOSTICS deleted = ROW_COUNT;
    RETURN deleted;
END
$$;

-- Keeps the snapshots from CLEANUP and their expiry, or no longer; how many
-- that changed.
CREATE OR REPLACE FUNCTION respgres.snapshot_pin(
    db int, ids text[], pinned boolean DEFAULT true) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    changed bigint;
BEGIN
    UPDATE respgres.snapshot AS s SET pinned = snapshot_pin.pinned
     WHERE s.db = snapshot_pin.db
       AND s.id = ANY (ARRAY(
           SELECT o.id FROM respgres.snapshot o
            WHERE o.id = ANY (ids) ORDER BY o.id FOR UPDATE))
       AND s.pinned <> snapshot_pin.pinned
       AND (s.pinned OR s.expires_at IS NULL
            OR s.expires_at > respgres.now_ms());
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN changed;
END
$$;

-- Deletes snapshots that are not among the latest `keep` of their agent, and
-- are older than that, where both are given.  A pinned one stays, and so do the
-- ancestors of all that stay.
CREATE OR REPLACE FUNCTION respgres.snapshot_cleanup(
    db int, agent bytea DEFAULT NULL, keep bigint DEFAULT NULL,
    older_ms bigint DEFAULT NULL, dry_run boolean DEFAULT false)
RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    doomed text[];
BEGIN
    IF keep IS NULL AND older_ms IS NULL THEN
        RETURN;
    END IF;
    -- No snapshot becomes a child of one that is looked at here.
    PERFORM pg_advisory_xact_lock(
        hashtext('respgres snapshots'), snapshot_cleanup.db);
    doomed := ARRAY(
        WITH RECURSIVE ranked AS (
            SELECT s.id, s.parent, s.created_at,
                   s.pinned, row_number() OVER (
                       PARTITION BY s.agent ORDER BY s.id DESC) AS place
              FROM respgres.snapshot s
             WHERE s.db = snapshot_cleanup.db
               AND s.agent = coalesce(snapshot_cleanup.agent, s.agent)
        ), due AS (
            SELECT r.id
              FROM ranked r
             WHERE NOT r.pinned
               AND (keep IS NULL OR r.place > keep)
               AND (older_ms IS NULL
                    OR r.created_at <= respgres.now_ms() - older_ms)
        ), needed AS (
            -- Of whatever agent the descendants are.
            SELECT c.parent AS id
              FROM due d
              JOIN respgres.snapshot c ON c.parent = d.id
             WHERE c.id NOT IN (SELECT o.id FROM due o)
             UNION
            SELECT s.parent
              FROM needed n
              JOIN respgres.snapshot s ON s.id = n.id
             WHERE s.parent IS NOT NULL
        )
        SELECT d.id FROM due d
         WHERE d.id NOT IN (SELECT n.id FROM needed n)
         ORDER BY d.id);
    IF NOT dry_run THEN
        DELETE FROM respgres.snapshot AS s
         WHERE s.id = ANY (doomed) AND NOT s.pinned;
    END IF;
    RETURN QUERY SELECT unnest(doomed);
END
$$;

-- Carries out a cleanup in the background from now on; both NULL: no more.
CREATE OR REPLACE FUNCTION respgres.snapshot_policy_set(
    db int, agent bytea, keep bigint, older_ms bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF keep IS NULL AND older_ms IS NULL THEN
        DELETE FROM respgres.snapshot_policy AS p
         WHERE p.db = snapshot_policy_set.db
           AND p.agent = snapshot_policy_set.agent;
        RETURN;
    END IF;
    INSERT INTO respgres.snapshot_policy AS p
           (db, agent, keep, older_ms, due_at)
    VALUES (db, agent, keep, older_ms, respgres.now_ms())
        ON CONFLICT ON CONSTRAINT snapshot_policy_pkey
        DO UPDATE SET keep = excluded.keep, older_ms = excluded.older_ms,
                      due_at = excluded.due_at;
END
$$;

-- A further snapshot of the same chunks, whose parent is the one that it is of;
-- for another agent, or for the same.
CREATE OR REPLACE FUNCTION respgres.snapshot_fork(
    db int, id text, agent bytea DEFAULT NULL, OUT error text,
    OUT fork_id text)
LANGUAGE plpgsql AS $$
DECLARE
    s record;
    held record;
    new_agent bytea;
BEGIN
    -- A cleanup would not see it.
    PERFORM pg_advisory_xact_lock_shared(
        hashtext('respgres snapshots'), snapshot_fork.db);
    SELECT * INTO s FROM respgres.snapshot o
     WHERE o.id = snapshot_fork.id AND o.db = snapshot_fork.db
       AND (o.pinned OR o.expires_at IS NULL
            OR o.expires_at > respgres.now_ms())
       FOR SHARE;
    IF s.id IS NULL THEN
        error := 'ERR no such snapshot';
        RETURN;
    END IF;
    new_agent := coalesce(snapshot_fork.agent, s.agent);
    IF octet_length(new_agent) NOT BETWEEN 1 AND 1024 THEN
        error := 'ERR the agent must have 1 to 1024 bytes';
        RETURN;
    END IF;
    SELECT * INTO held FROM respgres.snapshot_lock_chunks(s.chunks, NULL);
    IF held.present < held.wanted THEN
        error := 'ERR the snapshot is damaged: chunks are missing';
        RETURN;
    END IF;
    PERFORM respgres.snapshot_count_uses(s.chunks, NULL, 1);
    fork_id := respgres.snapshot_id(respgres.now_ms());
    INSERT INTO respgres.snapshot AS n
           (id, db, kind, created_at, key_count, raw_bytes, stored_bytes,
            agent, name, user_name, parent, patterns, meta, checksum, chunks,
            language, search_text, search)
    VALUES (fork_id, s.db, s.kind, s.created_at, s.key_count, s.raw_bytes, 0,
            new_agent, s.name, s.user_name, s.id, s.patterns, s.meta,
            s.checksum, s.chunks, s.language, s.search_text,
            respgres.snapshot_words(s.db, new_agent, s.name, s.meta,
                                    s.language, s.search_text));
END
$$;

-- Totals of a database, or of one of its agents.  unique_bytes and chunk_bytes
-- count each chunk once; compression is the ratio of these two, sharing how
-- often a byte is used.
CREATE OR REPLACE FUNCTION respgres.snapshot_stats(
    db int, agent bytea DEFAULT NULL)
RETURNS TABLE (
    snapshots bigint, data_snapshots bigint, key_snapshots bigint,
    pinned bigint, keys bigint, raw_bytes bigint, chunks bigint,
    unique_bytes bigint, stored_bytes bigint, search_bytes bigint,
    compression_ratio double precision, sharing_ratio double precision,
    oldest_ms bigint, latest_ms bigint)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH RECURSIVE own AS MATERIALIZED (
        SELECT s.*
          FROM respgres.snapshot s
         WHERE s.db = snapshot_stats.db
           AND s.agent = coalesce(snapshot_stats.agent, s.agent)
           AND (s.pinned OR s.expires_at IS NULL
                OR s.expires_at > respgres.now_ms())
    ), used (hash) AS (
        SELECT h.hash FROM own o, respgres.hashes_of(o.chunks) h
        UNION
        SELECT n.hash
          FROM used u
          JOIN respgres.snapshot_chunk c ON c.hash = u.hash
          CROSS JOIN LATERAL (
               SELECT h.hash FROM respgres.hashes_of(c.refs) h
                UNION ALL
               SELECT c.base WHERE c.base IS NOT NULL) AS n
    ), stored AS (
        SELECT count(*) AS chunks, sum(c.raw_size)::bigint AS raw,
               sum(least(pg_column_size(c.data), octet_length(c.data) + 4)
                   + coalesce(octet_length(c.refs), 0))::bigint AS size
          FROM used u JOIN respgres.snapshot_chunk c ON c.hash = u.hash
    )
    SELECT count(o.id), count(*) FILTER (WHERE o.kind = 'd'),
           count(*) FILTER (WHERE o.kind = 'k'),
           count(*) FILTER (WHERE o.pinned),
           coalesce(sum(o.key_count), 0)::bigint,
           coalesce(sum(o.raw_bytes), 0)::bigint,
           max(t.chunks), coalesce(max(t.raw), 0), coalesce(max(t.size), 0),
           coalesce(sum(pg_column_size(o.search_text)
                        + pg_column_size(o.search)), 0)::bigint,
           max(t.raw)::float8 / nullif(max(t.size), 0),
           sum(o.raw_bytes)::float8 / nullif(max(t.raw), 0),
           min(o.created_at), max(o.created_at)
      FROM stored t LEFT JOIN own o ON true;
END
$$;

-- What was added in each of the last days.
CREATE OR REPLACE FUNCTION respgres.snapshot_growth(
    db int, agent bytea DEFAULT NULL, days int DEFAULT 30)
RETURNS TABLE (day text, snapshots bigint, raw_bytes bigint,
               stored_bytes bigint)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT to_char(to_timestamp(s.created_at / 1000.0) AT TIME ZONE 'UTC',
                   'YYYY-MM-DD'),
           count(*), sum(s.raw_bytes)::bigint, sum(s.stored_bytes)::bigint
      FROM respgres.snapshot s
     WHERE s.db = snapshot_growth.db
       AND s.agent = coalesce(snapshot_growth.agent, s.agent)
       AND s.id >= respgres.snapshot_id_from(
           respgres.now_ms() - days * 86400000::bigint)
     GROUP BY 1 ORDER BY 1;
END
$$;

-- --- JSON ------------------------------------------------------------

-- The part of a document at a JSON path ($.a.b) or JSON pointer (/a/b).
CREATE OR REPLACE FUNCTION respgres.json_at(
    document bytea, path text, OUT error text, OUT part text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    parsed jsonb := respgres.try_json(document);
BEGIN
    IF parsed IS NULL THEN
        error := 'ERR the data is no JSON document';
    ELSIF path = '' OR path LIKE '/%' THEN
        part := parsed #> ARRAY(
            SELECT replace(replace(p.step, '~1', '/'), '~0', '~')
              FROM unnest((string_to_array(path, '/'))[2:])
                   WITH ORDINALITY AS p (step, ordinal)
             ORDER BY p.ordinal);
    ELSE
        part := jsonb_path_query_first(parsed, path::jsonpath);
    END IF;
EXCEPTION WHEN data_exception OR syntax_error_or_access_rule_violation
            OR program_limit_exceeded THEN
    error := 'ERR expected a JSON path like $.a.b or a JSON pointer like '
             '/a/b: ' || SQLERRM;
END
$$;

CREATE OR REPLACE FUNCTION respgres.json_step(path text, step text)
RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT path || '/' || replace(replace(step, '~', '~0'), '/', '~1')
$$;

-- The JSON Patch (RFC 6902) that makes b of a.
CREATE OR REPLACE FUNCTION respgres.json_patch(
    a jsonb, b jsonb, path text DEFAULT '') RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    patch jsonb := '[]';
    step record;
    shared int;
    first int := 0;
    last int := 0;
BEGIN
    IF a = b AND a::text = b::text THEN
        RETURN patch;
    END IF;
    IF jsonb_typeof(a) = 'object' AND jsonb_typeof(b) = 'object' THEN
        FOR step IN
            SELECT coalesce(l.key, r.key) AS key, l.value AS old,
                   r.value AS new
              FROM jsonb_each(a) l FULL JOIN jsonb_each(b) r USING (key)
             ORDER BY 1
        LOOP
            IF step.new IS NULL THEN
                patch := patch || jsonb_build_object('op', 'remove',
                    'path', respgres.json_step(path, step.key));
            ELSIF step.old IS NULL THEN
                patch := patch || jsonb_build_object('op', 'add',
                    'path', respgres.json_step(path, step.key),
                    'value', step.new);
            ELSE
                patch := patch || respgres.json_patch(step.old, step.new,
                    respgres.json_step(path, step.key));
            END IF;
        END LOOP;
        RETURN patch;
    END IF;
    IF jsonb_typeof(a) <> 'array' OR jsonb_typeof(b) <> 'array' THEN
        RETURN jsonb_build_array(jsonb_build_object(
            'op', 'replace', 'path', path, 'value', b));
    END IF;
    -- What is alike at both ends stays.
    shared := least(jsonb_array_length(a), jsonb_array_length(b));
    WHILE first < shared AND (a -> first)::text = (b -> first)::text LOOP
        first := first + 1;
    END LOOP;
    WHILE last < shared - first
          AND (a -> (-1 - last))::text = (b -> (-1 - last))::text LOOP
        last := last + 1;
    END LOOP;
    shared := shared - last;
    FOR i IN first .. shared - 1 LOOP
        patch := patch || respgres.json_patch(a -> i, b -> i,
                                              path || '/' || i);
    END LOOP;
    -- From the end, so that indexes hold while it is carried out.
    FOR i IN REVERSE jsonb_array_length(a) - last - 1 .. shared LOOP
        patch := patch || jsonb_build_object('op', 'remove',
                                             'path', path || '/' || i);
    END LOOP;
    FOR i IN shared .. jsonb_array_length(b) - last - 1 LOOP
        patch := patch || jsonb_build_object('op', 'add',
            'path', path || '/' || i, 'value', b -> i);
    END LOOP;
    RETURN patch;
END
$$;

-- NULL where one of both is no JSON.
CREATE OR REPLACE FUNCTION respgres.json_difference(a bytea, b bytea)
RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT respgres.json_patch(respgres.try_json(a), respgres.try_json(b))
           ::text
     WHERE respgres.try_json(a) IS NOT NULL
       AND respgres.try_json(b) IS NOT NULL
$$;

-- SNAPSHOT DIFF of two data snapshots that SQL can read.
CREATE OR REPLACE FUNCTION respgres.snapshot_diff(
    db int, a text, b text, OUT error text, OUT same boolean,
    OUT patch jsonb)
LANGUAGE plpgsql AS $$
DECLARE
    left_side record;
    right_side record;
BEGIN
    SELECT * INTO left_side FROM respgres.snapshot_get(db, a);
    SELECT * INTO right_side FROM respgres.snapshot_get(db, b);
    error := coalesce(left_side.error, right_side.error);
    IF error IS NULL THEN
        same := left_side.data = right_side.data;
        patch := respgres.json_difference(left_side.data, right_side.data);
    END IF;
END
$$;

-- --- restoring -------------------------------------------------------

-- A database number of its own for a restore into `db`, of the same class.
CREATE OR REPLACE FUNCTION respgres.snapshot_restore_begin(db int)
RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
    staged int;
BEGIN
    LOOP
        staged := db + 1024
            * (1 + nextval('respgres.snapshot_number') % 2000000)::int;
        INSERT INTO respgres.snapshot_restore AS r (staged_db, due_at)
        VALUES (staged, respgres.now_ms() + 600000)
            ON CONFLICT DO NOTHING;
        IF FOUND THEN
            RETURN staged;
        END IF;
    END LOOP;
END
$$;

-- The restore goes on.
CREATE OR REPLACE FUNCTION respgres.snapshot_restore_touch(staged_db int)
RETURNS void
LANGUAGE sql AS $$
    UPDATE respgres.snapshot_restore AS r
       SET due_at = respgres.now_ms() + 600000
     WHERE r.staged_db = snapshot_restore_touch.staged_db AND NOT r.given_up
$$;

-- Gives up a restore; its keys are deleted in the background.
CREATE OR REPLACE FUNCTION respgres.snapshot_restore_drop(staged_db int)
RETURNS void
LANGUAGE sql AS $$
    UPDATE respgres.snapshot_restore AS r
       SET given_up = true, due_at = respgres.now_ms()
     WHERE r.staged_db = snapshot_restore_drop.staged_db
$$;

-- When fields of a hash expire that is being restored: at the times, or as much
-- later as it is since `captured_at`, unless that is 0.
CREATE OR REPLACE FUNCTION respgres.snapshot_restore_fields(
    db int, slot smallint, key bytea, fields bytea[], times bigint[],
    captured_at bigint)
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    k record;
    later bigint := CASE WHEN captured_at = 0 THEN 0
                         ELSE respgres.now_ms() - captured_at END;
BEGIN
    UPDATE respgres.key AS u
       SET fields_expire_at = (SELECT min(t) + later FROM unnest(times) AS t)
     WHERE u.db = snapshot_restore_fields.db
       AND u.key = respgres.indexed(snapshot_restore_fields.key)
       AND u.slot = snapshot_restore_fields.slot
    RETURNING u.content_slot, u.content_id INTO k;
    PERFORM respgres.set_field_expiry(k.content_slot, k.content_id, i.name,
                                      i.at + later)
       FROM unnest(fields, times) AS i (name, at)
      WHERE k.content_id IS NOT NULL;
END
$$;

-- How many of the keys are there.
CREATE OR REPLACE FUNCTION respgres.snapshot_count_keys(
    db int, slots bigint[], keys bytea[]) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT count(*)
      FROM unnest(slots, keys) AS i (slot, key)
      JOIN respgres.key k
        ON k.db = snapshot_count_keys.db AND k.key = respgres.indexed(i.key)
       AND k.slot = i.slot::smallint
     WHERE k.expires_at IS NULL OR k.expires_at > (SELECT respgres.now_ms())
$$;

-- Moves the keys of the staged database to their own, all at once, if they are
-- still as many as `expected` less those that have expired.
CREATE OR REPLACE FUNCTION respgres.snapshot_restore_finish(
    staged_db int, db int, replace boolean, expected bigint,
    OUT error text, OUT restored bigint, OUT replaced bigint)
LANGUAGE plpgsql AS $$
DECLARE
    now_ms bigint := respgres.now_ms();
BEGIN
    restored := 0;
    replaced := 0;
    DELETE FROM respgres.snapshot_restore AS r
     WHERE r.staged_db = snapshot_restore_finish.staged_db
       AND NOT r.given_up;
    IF NOT FOUND THEN
        error := 'ERR the restore was given up';
        RETURN;
    END IF;
    -- In the keys' order, as whoever else locks many does.
    PERFORM FROM respgres.key s
            JOIN respgres.key k
              ON k.db = snapshot_restore_finish.db AND k.key = s.key
             AND k.slot = s.slot
      WHERE s.db = snapshot_restore_finish.staged_db
      ORDER BY k.key
        FOR UPDATE OF k;
    IF NOT replace AND EXISTS (
           SELECT FROM respgres.key s
             JOIN respgres.key k
               ON k.db = snapshot_restore_finish.db AND k.key = s.key
              AND k.slot = s.slot
            WHERE s.db = snapshot_restore_finish.staged_db
              AND (k.expires_at IS NULL OR k.expires_at > now_ms)) THEN
        error := 'BUSYKEY Target key name already exists.';
        PERFORM respgres.snapshot_restore_forget(staged_db);
        RETURN;
    END IF;
    WITH gone AS (
        DELETE FROM respgres.key AS k
         USING respgres.key s
         WHERE s.db = snapshot_restore_finish.staged_db
           AND k.db = snapshot_restore_finish.db AND k.key = s.key
           AND k.slot = s.slot
        RETURNING k.expires_at
    )
    SELECT count(*) FILTER (WHERE g.expires_at IS NULL
                               OR g.expires_at > now_ms)
      INTO replaced FROM gone g;
    UPDATE respgres.key AS k
       SET db = snapshot_restore_finish.db, id = nextval('respgres.key_id')
     WHERE k.db = snapshot_restore_finish.staged_db;
    GET DIAGNOSTICS restored = ROW_COUNT;
    IF restored < expected THEN
        -- They cannot be taken back here: the statement has to fail.
        RAISE EXCEPTION 'the keys were deleted while they were restored';
    END IF;
    IF EXISTS (SELECT FROM respgres.waiter w
                WHERE w.db = snapshot_restore_finish.db) THEN
        PERFORM respgres.wake(k.db, k.slot, coalesce(k.long_key, k.key))
           FROM respgres.waiter w
           JOIN respgres.key k
             ON k.db = w.db AND k.slot = w.slot AND k.key = w.key
          WHERE w.db = snapshot_restore_finish.db
            AND k.type IN ('l', 'z', 'x');
    END IF;
END
$$;

-- Deletes what is left in a staged database, in the background.
CREATE OR REPLACE FUNCTION respgres.snapshot_restore_forget(staged_db int)
RETURNS void
LANGUAGE sql AS $$
    INSERT INTO respgres.snapshot_restore AS r (staged_db, given_up, due_at)
    VALUES (staged_db, true, respgres.now_ms())
        ON CONFLICT DO NOTHING
$$;

-- --- in the background -----------------------------------------------

-- Deletes up to `most` chunks that nobody has used for a while; how many.
CREATE OR REPLACE FUNCTION respgres.snapshot_reap_chunks(
    most bigint, idle_ms bigint DEFAULT 3600000) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    chunk record;
    reaped bigint := 0;
BEGIN
    FOR chunk IN
        DELETE FROM respgres.snapshot_chunk AS c
         WHERE c.hash = ANY (ARRAY(
               SELECT o.hash
                 FROM respgres.snapshot_chunk o
                WHERE o.uses = 0
                  AND o.idle_since <= respgres.now_ms() - idle_ms
                ORDER BY o.idle_since
                LIMIT most
                  FOR UPDATE SKIP LOCKED))
        RETURNING c.refs, c.base
    LOOP
        reaped := reaped + 1;
        IF chunk.refs IS NOT NULL OR chunk.base IS NOT NULL THEN
            PERFORM respgres.snapshot_release(chunk.refs, chunk.base);
        END IF;
    END LOOP;
    RETURN reaped;
END
$$;

-- Whether there is something to do for snapshot_sweep().
CREATE OR REPLACE FUNCTION respgres.snapshot_sweep_is_due() RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
DECLARE
    now_ms bigint := respgres.now_ms();
BEGIN
    RETURN EXISTS (SELECT FROM respgres.snapshot s
                    WHERE s.expires_at <= now_ms AND NOT s.pinned)
        OR EXISTS (SELECT FROM respgres.snapshot_chunk c
                    WHERE c.uses = 0 AND c.idle_since <= now_ms - 3600000)
        OR EXISTS (SELECT FROM respgres.snapshot_policy p
                    WHERE p.due_at <= now_ms)
        OR EXISTS (SELECT FROM respgres.snapshot_restore r
                    WHERE r.due_at <= now_ms);
END
$$;

-- Expired snapshots, policies, idle chunks and abandoned restores; how many
-- rows were deleted.
CREATE OR REPLACE FUNCTION respgres.snapshot_sweep(most bigint)
RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    now_ms bigint := respgres.now_ms();
    swept bigint := 0;
    part bigint;
    policy record;
    job record;
BEGIN
    DELETE FROM respgres.snapshot AS s
     WHERE s.id = ANY (ARRAY(
           SELECT o.id FROM respgres.snapshot o
            WHERE o.expires_at <= now_ms AND NOT o.pinned
            ORDER BY o.expires_at LIMIT most
              FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS part = ROW_COUNT;
    swept := swept + part;
    FOR policy IN
        UPDATE respgres.snapshot_policy AS p
           SET due_at = now_ms + 60000
         WHERE (p.db, p.agent) IN (
               SELECT o.db, o.agent FROM respgres.snapshot_policy o
                WHERE o.due_at <= now_ms LIMIT 10
                  FOR UPDATE SKIP LOCKED)
        RETURNING p.db, p.agent, p.keep, p.older_ms
    LOOP
        swept := swept + (SELECT count(*) FROM respgres.snapshot_cleanup(
            policy.db, policy.agent, policy.keep, policy.older_ms));
    END LOOP;
    swept := swept + respgres.snapshot_reap_chunks(most);
    FOR job IN
        UPDATE respgres.snapshot_restore AS r SET given_up = true
         WHERE r.staged_db IN (
               SELECT o.staged_db FROM respgres.snapshot_restore o
                WHERE o.due_at <= now_ms LIMIT 10 FOR UPDATE SKIP LOCKED)
        RETURNING r.staged_db
    LOOP
        DELETE FROM respgres.key AS k
         WHERE k.ctid = ANY (ARRAY(
               SELECT o.ctid FROM respgres.key o
                WHERE o.db = job.staged_db LIMIT most));
        GET DIAGNOSTICS part = ROW_COUNT;
        swept := swept + part;
        IF part < most THEN
            DELETE FROM respgres.snapshot_restore AS r
             WHERE r.staged_db = job.staged_db;
        END IF;
    END LOOP;
    RETURN swept;
END
$$;
