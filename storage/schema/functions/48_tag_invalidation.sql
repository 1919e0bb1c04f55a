-- Tags: changing all keys that have them.
--
-- Lanes plan without looking at statistics: where rows are known already, a
-- condition on tags ends with IS TRUE, so that the index of tags is no choice.
--
-- In one transaction where it is an application's, or where the keys are few.
-- Where they are many, a transaction of their own for each few thousand: what
-- is to be done is written down first, together with the invalidation of
-- leases, and so it gets done whatever happens; see step_tag_work().

-- Voids the leases of the tags.  Who stores under one of them is waited for, and
-- from now until the transaction ends nobody can.
CREATE OR REPLACE FUNCTION respgres.void_leases(db int, tags bytea[])
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    -- Even of a tag that is not there: somebody may be about to lease it.
    ids bigint[] := respgres.make_tags(db, tags);
BEGIN
    PERFORM FROM respgres.tag t
      WHERE t.id = ANY (ids) ORDER BY t.id FOR NO KEY UPDATE;
    UPDATE respgres.tag AS u SET generation = u.generation + 1
     WHERE u.id = ANY (ids);
END
$$;

-- Does the operation to locked rows; the ids of those that it changed.
CREATE OR REPLACE FUNCTION respgres.change_rows(
    ctids tid[], operation "char", expires_at bigint) RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
    changed bigint[];
BEGIN
    CASE operation
    WHEN 'd' THEN
        WITH gone AS (
            DELETE FROM respgres.key AS d WHERE d.ctid = ANY (ctids)
            RETURNING d.id
        )
        SELECT array_agg(g.id) INTO changed FROM gone g;
    WHEN 's' THEN
        WITH marked AS (
            UPDATE respgres.key AS u
               SET stale_version = u.version
             WHERE u.ctid = ANY (ctids)
               AND u.stale_version IS DISTINCT FROM u.version
            RETURNING u.id
        )
        SELECT array_agg(m.id) INTO changed FROM marked m;
    WHEN 't' THEN
        WITH touched AS (
            UPDATE respgres.key AS u
               SET expires_at = change_rows.expires_at,
                   sweep_at = LEAST(u.sweep_at, change_rows.expires_at),
                   version = u.version + 1,
                   stale_version = u.stale_version + 1,
                   touched_at = respgres.now_ms() / 1000
             WHERE u.ctid = ANY (ctids)
            RETURNING u.id
        )
        SELECT array_agg(t.id) INTO changed FROM touched t;
    END CASE;
    RETURN coalesce(changed, '{}');
END
$$;

-- Does the operation to all keys that are found, in this transaction; how many
-- it changed.
CREATE OR REPLACE FUNCTION respgres.change_tagged(
    db int, tags bytea[], match_all boolean, without bytea[],
    operation "char", expires_at bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    now_ms bigint := respgres.now_ms();
    s record;
    found tid[];
BEGIN
    IF operation <> 't' THEN
        PERFORM respgres.void_leases(db, tags);
    END IF;
    SELECT * INTO s
      FROM respgres.tag_search(db, tags, match_all, without);
    IF s.any_of IS NULL AND s.all_of IS NULL THEN
        RETURN 0;
    END IF;
    -- A snapshot of the transaction's start misses what was stored since: the
    -- sweeper looks again when this is committed.
    IF operation <> 't' AND current_setting('transaction_isolation')
                            NOT IN ('read committed', 'read uncommitted') THEN
        INSERT INTO respgres.tag_work AS n
               (first_new_id, started_at, db, vanished, operation, any_of,
                all_of, none_of)
        VALUES (0, 0, change_tagged.db, 1, change_tagged.operation, s.any_of,
                s.all_of, s.none_of);
    END IF;
    found := ARRAY(
        SELECT k.ctid
          FROM respgres.key k
         WHERE (k.tags && s.any_of OR k.tags @> s.all_of)
           AND (s.none_of IS NULL OR NOT k.tags && s.none_of)
           AND (k.expires_at IS NULL OR k.expires_at > now_ms)
         ORDER BY k.db, k.key
           FOR UPDATE);
    RETURN cardinality(respgres.change_rows(found, operation, expires_at));
END
$$;

-- Deletes every key with any or all of the tags and none of the others, or
-- marks it as stale; how many there were.  Leases of the tags are void.
CREATE OR REPLACE FUNCTION respgres.tag_invalidate(
    db int, tags bytea[], match_all boolean DEFAULT false,
    without bytea[] DEFAULT '{}', soft boolean DEFAULT false)
RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
    RETURN respgres.change_tagged(
        db, tags, match_all, without,
        CASE WHEN soft THEN 's'::"char" ELSE 'd'::"char" END, NULL);
END
$$;

-- The same with tags as text, in UTF-8.
CREATE OR REPLACE FUNCTION respgres.tag_invalidate(
    tags text[], match_all boolean DEFAULT false,
    without text[] DEFAULT '{}', soft boolean DEFAULT false,
    db int DEFAULT 0) RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
    RETURN respgres.tag_invalidate(
        db, ARRAY(SELECT convert_to(u.tag, 'UTF8') FROM unnest(tags) AS u (tag)
                   WHERE u.tag IS NOT NULL),
        match_all,
        ARRAY(SELECT convert_to(u.tag, 'UTF8')
                FROM unnest(without) AS u (tag)),
        soft);
END
$$;

-- Has every key with any of the tags expire in so many seconds; how many there
-- are.
CREATE OR REPLACE FUNCTION respgres.tag_touch(
    db int, tags bytea[], seconds bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
    RETURN respgres.change_tagged(
        db, tags, false, '{}', 't', respgres.now_ms() + seconds * 1000);
END
$$;

-- --- for the proxy ---------------------------------------------------

-- The same without waiting for whoever holds keys.  state 0: it is done to
-- `count` keys; 1: nothing is done, as somebody holds one of the keys; 2: these
-- are more than `few`, and step_tag_work(work_id) does it to some at a time.
CREATE OR REPLACE FUNCTION respgres.start_tag_work(
    db int, tags bytea[], match_all boolean, without bytea[],
    operation "char", ttl_ms bigint, few bigint,
    OUT state int, OUT count bigint, OUT work_id bigint)
LANGUAGE plpgsql AS $$
DECLARE
    now_ms bigint := respgres.now_ms();
    expiry bigint := now_ms + ttl_ms;
    s record;
    found tid[];
    held tid[];
BEGIN
    state := 0;
    count := 0;
    IF operation <> 't' THEN
        PERFORM respgres.void_leases(db, tags);
    END IF;
    SELECT * INTO s
      FROM respgres.tag_search(db, tags, match_all, without);
    IF s.any_of IS NULL AND s.all_of IS NULL THEN
        RETURN;
    END IF;
    found := ARRAY(
        SELECT k.ctid
          FROM respgres.key k
         WHERE (k.tags && s.any_of OR k.tags @> s.all_of)
           AND (s.none_of IS NULL OR NOT k.tags && s.none_of)
           AND (k.expires_at IS NULL OR k.expires_at > now_ms)
           AND (operation <> 's'
                OR k.stale_version IS DISTINCT FROM k.version)
         LIMIT few + 1);
    IF cardinality(found) > few THEN
        state := 2;
        INSERT INTO respgres.tag_work AS n
               (first_new_id, started_at, expires_at, db, operation, any_of,
                all_of, none_of)
        VALUES (nextval('respgres.key_id'), now_ms, expiry, start_tag_work.db,
                start_tag_work.operation, s.any_of, s.all_of, s.none_of)
        RETURNING n.id INTO work_id;
        count := respgres.collect_tag_work(work_id, 0);
        RETURN;
    END IF;
    held := ARRAY(
        SELECT k.ctid
          FROM respgres.key k
         WHERE k.ctid = ANY (found)
           AND (k.tags && s.any_of OR k.tags @> s.all_of) IS TRUE
           AND (s.none_of IS NULL OR NOT k.tags && s.none_of)
           FOR UPDATE SKIP LOCKED);
    IF cardinality(held) = cardinality(found) THEN
        count := cardinality(respgres.change_rows(held, operation, expiry));
        RETURN;
    END IF;
    -- Gives back what it holds.
    RAISE SQLSTATE 'RG001';
EXCEPTION WHEN SQLSTATE 'RG001' THEN
    state := 1;
    count := 0;
    work_id := NULL;
END
$$;

-- Writes down which keys are to be changed, from an id on; how many.
CREATE OR REPLACE FUNCTION respgres.collect_tag_work(
    work_id bigint, from_id bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    -- Keys that are changed together.
    width CONSTANT int := 4000;
    now_ms bigint := respgres.now_ms();
    collected bigint;
    w respgres.tag_work;
BEGIN
    SELECT * INTO w FROM respgres.tag_work o
     WHERE o.id = collect_tag_work.work_id;
    WITH parts AS (
        INSERT INTO respgres.tag_work_part AS n (work_id, ctids, ids)
        SELECT w.id, array_agg(f.ctid), array_agg(f.id)
          FROM (SELECT k.ctid, k.id, row_number() OVER () AS number
                  FROM respgres.key k
                 WHERE (k.tags && w.any_of OR k.tags @> w.all_of)
                   AND (w.none_of IS NULL OR NOT k.tags && w.none_of)
                   AND (k.expires_at IS NULL OR k.expires_at > now_ms)
                   AND (w.operation <> 's'
                        OR k.stale_version IS DISTINCT FROM k.version)
                   AND k.id + 0 >= from_id) AS f
         GROUP BY f.number / width
        RETURNING cardinality(n.ids) AS size
    )
    SELECT coalesce(sum(p.size), 0) INTO collected FROM parts p;
    RETURN collected;
END
$$;

-- Does a part of the work, in a short transaction that waits for nobody.  0:
-- nothing is left; 1: there is more; 2: there is more, but somebody holds it.
CREATE OR REPLACE FUNCTION respgres.step_tag_work(work_id bigint) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
    w respgres.tag_work;
    p respgres.tag_work_part;
    done bigint[];
    moved boolean := true;
BEGIN
    SELECT * INTO w FROM respgres.tag_work o
     WHERE o.id = step_tag_work.work_id;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    SELECT * INTO p FROM respgres.tag_work_part o
     WHERE o.work_id = w.id ORDER BY o.part LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        IF EXISTS (SELECT FROM respgres.tag_work_part o
                    WHERE o.work_id = w.id) THEN
            -- Another session is at the last ones.
            RETURN 2;
        END IF;
        RETURN respgres.end_tag_work(w.id)::int;
    END IF;
    DELETE FROM respgres.tag_work_part AS d
     WHERE d.work_id = p.work_id AND d.part = p.part;
    IF p.ctids IS NOT NULL THEN
        done := respgres.change_part(w, p.ctids);
    END IF;
    IF coalesce(cardinality(done), 0) < cardinality(p.ids) THEN
        moved := respgres.step_moved(w, p.attempt, ARRAY(
            SELECT u.id FROM unnest(p.ids) AS u (id)
            EXCEPT SELECT u.id FROM unnest(done) AS u (id)));
    END IF;
    RETURN CASE WHEN moved OR p.attempt = 0 THEN 1 ELSE 2 END;
END
$$;

-- Does the work's operation to those of the rows that still are to have it and
-- that nobody holds; the ids of those that it changed.
CREATE OR REPLACE FUNCTION respgres.change_part(
    w respgres.tag_work, ctids tid[]) RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
    patience text := current_setting('lock_timeout');
    done bigint[];
BEGIN
    -- Locking rows first costs as much as deleting them.  Without, a row that
    -- somebody holds is waited for, but not for long: he may wait for us.
    IF w.operation = 'd' THEN
        BEGIN
            PERFORM set_config('lock_timeout', '5ms', true);
            WITH gone AS (
                DELETE FROM respgres.key AS d
                 WHERE d.ctid = ANY (ctids) AND d.db = w.db
                   AND (d.tags && w.any_of OR d.tags @> w.all_of) IS TRUE
                   AND (w.none_of IS NULL OR NOT d.tags && w.none_of)
                RETURNING d.id
            )
            SELECT array_agg(g.id) INTO done FROM gone g;
            PERFORM set_config('lock_timeout', patience, true);
            RETURN done;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            NULL;
        END;
    END IF;
    RETURN respgres.change_rows(ARRAY(
        SELECT k.ctid
          FROM respgres.key k
         WHERE k.ctid = ANY (ctids) AND k.db = w.db
           AND (k.tags && w.any_of OR k.tags @> w.all_of) IS TRUE
           AND (w.none_of IS NULL OR NOT k.tags && w.none_of)
           FOR UPDATE SKIP LOCKED), w.operation, w.expires_at);
END
$$;

-- The same for keys that are not where they were, by their ids.  Those that
-- somebody holds come again; false when it is all of them.
CREATE OR REPLACE FUNCTION respgres.step_moved(
    w respgres.tag_work, attempt int, ids bigint[]) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    there bigint[];
    later bigint[];
BEGIN
    there := ARRAY(
        SELECT k.id FROM respgres.key k
         WHERE k.db = w.db AND k.id = ANY (ids));
    IF cardinality(there) < cardinality(ids) THEN
        UPDATE respgres.tag_work AS u
           SET vanished = u.vanished + cardinality(ids) - cardinality(there)
         WHERE u.id = w.id;
    END IF;
    there := respgres.change_rows(ARRAY(
        SELECT k.ctid
          FROM respgres.key k
         WHERE k.db = w.db AND k.id = ANY (there)
           AND (k.tags && w.any_of OR k.tags @> w.all_of) IS TRUE
           AND (w.none_of IS NULL OR NOT k.tags && w.none_of)
           FOR UPDATE SKIP LOCKED), w.operation, w.expires_at);
    later := ARRAY(
        SELECT k.id
          FROM respgres.key k
         WHERE k.db = w.db AND k.id = ANY (ids) AND k.id <> ALL (there)
           AND (k.tags && w.any_of OR k.tags @> w.all_of) IS TRUE
           AND (w.none_of IS NULL OR NOT k.tags && w.none_of)
           AND (w.operation <> 's'
                OR k.stale_version IS DISTINCT FROM k.version));
    IF cardinality(later) > 0 THEN
        INSERT INTO respgres.tag_work_part AS n (work_id, attempt, ids)
        VALUES (w.id, step_moved.attempt + 1, later);
    END IF;
    RETURN cardinality(later) < cardinality(ids);
END
$$;

-- No part is left, it seems; false when that is so, and the work done.  Keys that have got another
-- id meanwhile are looked for once.
CREATE OR REPLACE FUNCTION respgres.end_tag_work(work_id bigint)
RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    w respgres.tag_work;
BEGIN
    SELECT * INTO w FROM respgres.tag_work o
     WHERE o.id = end_tag_work.work_id FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF EXISTS (SELECT FROM respgres.tag_work_part o
                WHERE o.work_id = w.id) THEN
        RETURN true;
    END IF;
    IF w.vanished > 0 AND NOT w.looked_again THEN
        UPDATE respgres.tag_work AS u SET looked_again = true
         WHERE u.id = w.id;
        IF respgres.collect_tag_work(w.id, w.first_new_id) > 0 THEN
            RETURN true;
        END IF;
    END IF;
    DELETE FROM respgres.tag_work AS d WHERE d.id = w.id;
    RETURN false;
END
$$;
