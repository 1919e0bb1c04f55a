-- Sorted sets: what an application may call, and the set-based functions of
-- lanes, as in 26_hashes.sql.  Blocks: see 33_sorted_set_blocks.sql.

-- The sum, where PostgreSQL would refuse one that is too large for a number.
CREATE OR REPLACE FUNCTION respgres.add_scores(
    a double precision, b double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN a > 0 AND b > 1.7976931348623157e308 - a THEN 'Infinity'
                WHEN a < 0 AND b < -1.7976931348623157e308 - a
                THEN '-Infinity'
                ELSE a + b END
$$;

-- Makes those of the locked keys that are not there (without a content_id) and
-- are to get elements, at once with their sizes: `filled` has one for each
-- key.  They need no close_keys(), and `made` tells which they are.  To those
-- that another session has made meanwhile, elements are added.
CREATE OR REPLACE FUNCTION respgres.make_filled_keys(
    dbs int[], slots smallint[], keys bytea[], want "char", filled bigint[],
    INOUT content_ids bigint[], INOUT content_slots smallint[],
    INOUT sizes bigint[], OUT made boolean[])
LANGUAGE plpgsql AS $$
DECLARE
    new_ids bigint[];
    wanted int := 0;
BEGIN
    WITH stored AS (
        INSERT INTO respgres.key AS n
               (db, slot, key, long_key, type, content_id, content_slot, size,
                first_position, touched_at)
        SELECT i.db, i.slot, respgres.indexed(i.key), respgres.long(i.key),
               want, nextval('respgres.key_id'), i.slot, i.size, 0,
               t.now / 1000
          FROM unnest(dbs, slots, keys, content_ids, filled)
               AS i (db, slot, key, content_id, size)
         CROSS JOIN (SELECT respgres.now_ms()) AS t (now)
         WHERE i.content_id IS NULL AND i.size > 0
            ON CONFLICT DO NOTHING
        RETURNING n.content_id
    )
    SELECT array_agg(s.content_id) INTO new_ids FROM stored s;
    made := array_fill(false, ARRAY[cardinality(keys)]);
    FOR i IN 1 .. cardinality(keys) LOOP
        IF content_ids[i] IS NULL AND filled[i] > 0 THEN
            wanted := wanted + 1;
            made[i] := true;
            content_ids[i] := new_ids[wanted];
            content_slots[i] := slots[i];
            sizes[i] := 0;
        END IF;
    END LOOP;
    IF wanted = coalesce(cardinality(new_ids), 0) THEN
        RETURN;
    END IF;
    -- Not all could be made: as for any keys.
    UPDATE respgres.key AS u SET size = 0
     WHERE u.content_id = ANY (new_ids);
    made := NULL;
    SELECT k.content_ids, k.content_slots, k.sizes
      INTO content_ids, content_slots, sizes
      FROM respgres.open_keys(dbs, slots, keys, want, true) k;
END
$$;

-- Adds members or changes their scores.  Flags of each element: 1 only new
-- ones, 2 only those that are there, 4 only to greater scores, 8 only to
-- lesser ones, 16 the score is an increment.  States: 0 nothing was done,
-- 1 added, 2 changed, 3 the score was that before, 4 it would be no number.
CREATE OR REPLACE FUNCTION respgres.zadd_many(
    dbs int[], slots smallint[], keys bytea[], of_key int[],
    members bytea[], scores double precision[], flags int[])
RETURNS TABLE (ordinal bigint, state int, score double precision)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    content_ids bigint[];
    content_slots smallint[];
    sizes bigint[];
    olds double precision[];
    news double precision[];
    states int[];
    growths bigint[];
    made boolean[];
BEGIN
    SELECT k.content_ids, k.content_slots, k.sizes
      INTO content_ids, content_slots, sizes
      FROM respgres.open_keys(dbs, slots, keys, 'z', false) k;
    IF array_position(content_ids, NULL) > 0 THEN
        -- New members make new keys, of a size that is known before.
        SELECT m.content_ids, m.content_slots, m.sizes, m.made
          INTO content_ids, content_slots, sizes, made
          FROM respgres.make_filled_keys(
               dbs, slots, keys, 'z', ARRAY(
               SELECT count(*) FILTER (WHERE i.flags & 2 = 0)
                 FROM unnest(of_key, flags) AS i (of_key, flags)
                GROUP BY i.of_key ORDER BY i.of_key),
               content_ids, content_slots, sizes) m;
    END IF;
    -- Rows keep the order in which elements come in.
    WITH i AS MATERIALIZED (
        SELECT e.of_key, e.member, respgres.element_hash(e.member) AS hash,
               o.ctid AS place, o.score AS old, n.score AS new,
               CASE WHEN content_ids[e.of_key] = -1 THEN NULL
                    WHEN n.score = 'NaN' THEN 4
                    WHEN o.score IS NULL
                    THEN CASE WHEN e.flags & 2 = 0 THEN 1 ELSE 0 END
                    WHEN e.flags & 1 <> 0
                      OR (e.flags & 4 <> 0 AND n.score <= o.score)
                      OR (e.flags & 8 <> 0 AND n.score >= o.score) THEN 0
                    WHEN n.score = o.score THEN 3
                    ELSE 2 END AS state
          FROM unnest(of_key, members, scores, flags)
               AS e (of_key, member, score, flags)
          LEFT JOIN respgres.sorted_set_member o
            ON o.slot = content_slots[e.of_key]
           AND o.content_id = content_ids[e.of_key]
           AND o.hash = respgres.element_hash(e.member)
           AND o.member = respgres.indexed(e.member)
         CROSS JOIN LATERAL (SELECT
               CASE WHEN e.flags & 16 <> 0 AND o.score IS NOT NULL
                    THEN respgres.add_scores(o.score, e.score)
                    ELSE e.score END) AS n (score)
    ), inserted AS (
        INSERT INTO respgres.sorted_set_member
               (content_id, score, hash, slot, member, long_member)
        SELECT content_ids[i.of_key], i.new, i.hash,
               content_slots[i.of_key], respgres.indexed(i.member),
               respgres.long(i.member)
          FROM i
         WHERE i.state = 1
    ), changed AS (
        UPDATE respgres.sorted_set_member AS u
           SET score = i.new
          FROM i
         WHERE i.state = 2 AND u.ctid = i.place
    )
    SELECT array_agg(i.old), array_agg(CASE WHEN i.state IN (1, 2)
                                            THEN i.new ELSE i.old END),
           array_agg(i.state), array_agg(i.new)
      INTO olds, news, states, scores
      FROM i;
    growths := ARRAY(
        SELECT CASE WHEN bool_or(i.state IN (1, 2))
                    THEN count(*) FILTER (WHERE i.state = 1) END
          FROM unnest(of_key, states) AS i (of_key, state)
         GROUP BY i.of_key ORDER BY i.of_key);
    IF 512 < ANY (sizes) OR cardinality(members) > 512 THEN
        PERFORM respgres.count_sorted_set_changes(
            content_slots, content_ids, sizes, growths, of_key, members,
            olds, news);
    END IF;
    IF false = ANY (made) OR made IS NULL THEN
        PERFORM respgres.close_keys(
            dbs, slots, keys, content_ids,
            ARRAY(SELECT CASE WHEN i.made IS NOT TRUE THEN i.growth END
                    FROM unnest(growths, made) WITH ORDINALITY
                         AS i (growth, made, ordinal)
                   ORDER BY i.ordinal));
    END IF;
    PERFORM respgres.wake_many(dbs, slots, keys, content_ids);
    RETURN QUERY
    SELECT i.ordinal, i.state, i.score
      FROM unnest(states, scores) WITH ORDINALITY
           AS i (state, score, ordinal);
END
$$;

-- Removes members; per element whether it was there.
CREATE OR REPLACE FUNCTION respgres.zrem_many(
    dbs int[], slots smallint[], keys bytea[], of_key int[], members bytea[])
RETURNS TABLE (ordinal bigint, removed boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    k record;
    m record;
    olds double precision[] := array_fill(NULL::double precision,
                                          ARRAY[cardinality(members)]);
    growths bigint[];
BEGIN
    SELECT * INTO k FROM respgres.open_keys(dbs, slots, keys, 'z', false);
    FOR m IN
        DELETE FROM respgres.sorted_set_member AS d
         USING unnest(of_key, members) WITH ORDINALITY
               AS i (of_key, member, ordinal)
         WHERE d.slot = k.content_slots[i.of_key]
           AND d.content_id = k.content_ids[i.of_key]
           AND d.hash = respgres.element_hash(i.member)
           AND d.member = respgres.indexed(i.member)
        RETURNING i.ordinal, d.score
    LOOP
        olds[m.ordinal] := m.score;
    END LOOP;
    growths := ARRAY(
        SELECT CASE WHEN count(i.old) > 0 THEN -count(i.old) END
          FROM unnest(of_key, olds) AS i (of_key, old)
         GROUP BY i.of_key ORDER BY i.of_key);
    IF 512 < ANY (k.sizes) THEN
        PERFORM respgres.count_sorted_set_changes(
            k.content_slots, k.content_ids, k.sizes, growths, of_key, members,
            olds, array_fill(NULL::double precision,
                             ARRAY[cardinality(members)]));
    END IF;
    PERFORM respgres.close_keys(dbs, slots, keys, k.content_ids, growths);
    RETURN QUERY
    SELECT i.ordinal, CASE WHEN k.content_ids[i.of_key] = -1 THEN NULL
                           ELSE i.old IS NOT NULL END
      FROM unnest(of_key, olds) WITH ORDINALITY AS i (of_key, old, ordinal);
END
$$;

-- The same for one key, whose members may repeat: of each the first counts,
-- then the second, and so on, as if they came one by one.
CREATE OR REPLACE FUNCTION respgres.zadd_repeated(
    db int, slot smallint, key bytea, members bytea[],
    scores double precision[], flags int,
    OUT error text, OUT added bigint, OUT changed bigint)
LANGUAGE plpgsql AS $$
DECLARE
    g record;
    m record;
BEGIN
    added := 0;
    changed := 0;
    FOR g IN
        SELECT array_agg(r.member ORDER BY r.ordinal) AS members,
               array_agg(r.score ORDER BY r.ordinal) AS scores
          FROM (SELECT i.member, i.score, i.ordinal,
                       row_number() OVER (PARTITION BY i.member
                                          ORDER BY i.ordinal) AS round
                  FROM unnest(members, scores) WITH ORDINALITY
                       AS i (member, score, ordinal)) AS r
         GROUP BY r.round ORDER BY r.round
    LOOP
        SELECT count(*) FILTER (WHERE z.state IS NULL) AS wrong,
               count(*) FILTER (WHERE z.state = 1) AS added,
               count(*) FILTER (WHERE z.state = 2) AS changed
          INTO m
          FROM respgres.zadd_many(
               ARRAY[db], ARRAY[slot], ARRAY[key],
               array_fill(1, ARRAY[cardinality(g.members)]), g.members,
               g.scores, array_fill(flags, ARRAY[cardinality(g.members)])) z;
        IF m.wrong > 0 THEN
            error := respgres.wrong_type();
            added := NULL;
            changed := NULL;
            RETURN;
        END IF;
        added := added + m.added;
        changed := changed + m.changed;
    END LOOP;
END
$$;

-- How many members were added, and how many scores were changed.  condition:
-- 'NX' or 'XX'; comparison: 'GT' or 'LT'.
CREATE OR REPLACE FUNCTION respgres.zadd(
    db int, key bytea, members bytea[], scores double precision[],
    condition text DEFAULT NULL, comparison text DEFAULT NULL,
    slot smallint DEFAULT NULL,
    OUT error text, OUT added bigint, OUT changed bigint)
LANGUAGE plpgsql AS $$
BEGIN
    IF 'NaN' = ANY (scores) THEN
        error := 'ERR value is not a valid float';
        RETURN;
    END IF;
    SELECT * INTO error, added, changed
      FROM respgres.zadd_repeated(
           db, coalesce(slot, respgres.slot(key)), key, members, scores,
           CASE condition WHEN 'NX' THEN 1 WHEN 'XX' THEN 2 ELSE 0 END
           + CASE comparison WHEN 'GT' THEN 4 WHEN 'LT' THEN 8 ELSE 0 END);
END
$$;

CREATE OR REPLACE FUNCTION respgres.zadd(
    db int, key bytea, member bytea, score double precision,
    condition text DEFAULT NULL, comparison text DEFAULT NULL,
    slot smallint DEFAULT NULL,
    OUT error text, OUT added bigint, OUT changed bigint)
LANGUAGE plpgsql AS $$
BEGIN
    SELECT * INTO error, added, changed
      FROM respgres.zadd(db, key, ARRAY[member], ARRAY[score], condition,
                         comparison, slot);
END
$$;

CREATE OR REPLACE FUNCTION respgres.zincrby(
    db int, key bytea, increment double precision, member bytea,
    slot smallint DEFAULT NULL,
    OUT error text, OUT score double precision)
LANGUAGE plpgsql AS $$
DECLARE
    z record;
BEGIN
    IF increment = 'NaN' THEN
        error := 'ERR value is not a valid float';
        RETURN;
    END IF;
    SELECT * INTO z
      FROM respgres.zadd_many(
           ARRAY[db], ARRAY[coalesce(slot, respgres.slot(key))], ARRAY[key],
           ARRAY[1], ARRAY[member], ARRAY[increment], ARRAY[16]);
    IF z.state IS NULL THEN
        error := respgres.wrong_type();
    ELSIF z.state = 4 THEN
        error := 'ERR resulting score is not a number (NaN)';
    ELSE
        score := z.score;
    END IF;
END
$$;

-- How many of the members there were.
CREATE OR REPLACE FUNCTION respgres.zrem(
    db int, key bytea, members bytea[], slot smallint DEFAULT NULL,
    OUT error text, OUT removed bigint)
LANGUAGE plpgsql AS $$
BEGIN
    SELECT CASE WHEN bool_or(m.removed IS NULL) THEN respgres.wrong_type() END,
           count(*) FILTER (WHERE m.removed)
      INTO error, removed
      FROM (SELECT array_agg(DISTINCT i.member) AS members
              FROM unnest(zrem.members) AS i (member)) AS g
     CROSS JOIN LATERAL respgres.zrem_many(
           ARRAY[db], ARRAY[coalesce(slot, respgres.slot(key))], ARRAY[key],
           array_fill(1, ARRAY[cardinality(g.members)]), g.members) AS m;
END
$$;

-- The content of a sorted set for a function that reads; all NULL without one.
CREATE OR REPLACE FUNCTION respgres.find_sorted_set(
    db int, slot smallint, key bytea,
    OUT error text, OUT content_id bigint, OUT content_slot smallint,
    OUT size bigint)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    found_type "char";
BEGIN
    SELECT k.type, k.content_id, k.content_slot, k.size
      INTO found_type, content_id, content_slot, size
      FROM respgres.key k
     WHERE k.db = find_sorted_set.db
       AND k.key = respgres.indexed(find_sorted_set.key)
       AND k.slot = coalesce(find_sorted_set.slot,
                             respgres.slot(find_sorted_set.key))
       AND (k.expires_at IS NULL OR k.expires_at > respgres.now_ms());
    IF found_type <> 'z' THEN
        error := respgres.wrong_type();
        content_id := NULL;
        content_slot := NULL;
        size := NULL;
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION respgres.zcard(
    db int, key bytea, slot smallint DEFAULT NULL,
    OUT error text, OUT size bigint)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    SELECT s.error, CASE WHEN s.error IS NULL THEN coalesce(s.size, 0) END
      INTO error, size
      FROM respgres.find_sorted_set(db, slot, key) s;
END
$$;

CREATE OR REPLACE FUNCTION respgres.zscore(
    db int, key bytea, member bytea, slot smallint DEFAULT NULL,
    OUT error text, OUT score double precision)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    SELECT s.error, m.score INTO error, score
      FROM respgres.find_sorted_set(db, slot, key) s
      LEFT JOIN respgres.sorted_set_member m
        ON m.slot = s.content_slot AND m.content_id = s.content_id
       AND m.hash = respgres.element_hash(zscore.member)
       AND m.member = respgres.indexed(zscore.member);
END
$$;

-- From 0 on, in ascending order or in the reverse; NULL: it is not there.
CREATE OR REPLACE FUNCTION respgres.zrank(
    db int, key bytea, member bytea, reverse boolean DEFAULT false,
    slot smallint DEFAULT NULL, OUT error text, OUT rank bigint)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    s record;
    m record;
BEGIN
    SELECT * INTO s FROM respgres.find_sorted_set(db, slot, key);
    error := s.error;
    SELECT o.score, o.member INTO m
      FROM respgres.sorted_set_member o
     WHERE o.slot = s.content_slot AND o.content_id = s.content_id
       AND o.hash = respgres.element_hash(zrank.member)
       AND o.member = respgres.indexed(zrank.member);
    IF FOUND THEN
        rank := respgres.sorted_set_rank(s.content_slot, s.content_id, s.size,
                                         m.score, m.member);
        IF reverse THEN
            rank := s.size - 1 - rank;
        END IF;
    END IF;
END
$$;

-- How many members have scores from `low` to `high`.
CREATE OR REPLACE FUNCTION respgres.zcount(
    db int, key bytea, low double precision DEFAULT '-Infinity',
    high double precision DEFAULT 'Infinity', slot smallint DEFAULT NULL,
    OUT error text, OUT count bigint)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    s record;
    next_score double precision;
BEGIN
    SELECT * INTO s FROM respgres.find_sorted_set(db, slot, key);
    error := s.error;
    count := CASE WHEN error IS NULL THEN 0 END;
    IF s.content_id IS NULL OR high < low THEN
        RETURN;
    END IF;
    SELECT coalesce(min(m.score), 'NaN') INTO next_score
      FROM respgres.sorted_set_member m
     WHERE m.slot = s.content_slot AND m.content_id = s.content_id
       AND m.slot >= 0
       AND m.score > high;
    count := respgres.sorted_set_rank(s.content_slot, s.content_id, s.size,
                                      next_score, '')
           - respgres.sorted_set_rank(s.content_slot, s.content_id, s.size,
                                      low, '');
END
$$;

-- Members with scores, by rank as ZRANGE, also in the reverse order.
CREATE OR REPLACE FUNCTION respgres.zrange(
    db int, key bytea, first bigint DEFAULT 0, last bigint DEFAULT -1,
    reverse boolean DEFAULT false, slot smallint DEFAULT NULL)
RETURNS TABLE (member bytea, score double precision)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    s record;
BEGIN
    SELECT * INTO s FROM respgres.find_sorted_set(db, slot, key);
    RETURN QUERY
    SELECT m.member, m.score
      FROM respgres.sorted_set_range(
           s.content_slot, s.content_id, s.size, reverse, first, last,
           NULL, NULL, NULL, NULL, NULL, NULL) m;
END
$$;

-- Members with scores from `low` to `high`, as ZRANGE … BYSCORE with a LIMIT.
CREATE OR REPLACE FUNCTION respgres.zrangebyscore(
    db int, key bytea, low double precision DEFAULT '-Infinity',
    high double precision DEFAULT 'Infinity', reverse boolean DEFAULT false,
    "offset" bigint DEFAULT 0, "limit" bigint DEFAULT NULL,
    slot smallint DEFAULT NULL)
RETURNS TABLE (member bytea, score double precision)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    s record;
    next_score double precision;
BEGIN
    SELECT * INTO s FROM respgres.find_sorted_set(db, slot, key);
    SELECT coalesce(min(m.score), 'NaN') INTO next_score
      FROM respgres.sorted_set_member m
     WHERE m.slot = s.content_slot AND m.content_id = s.content_id
       AND m.slot >= 0
       AND m.score > high;
    RETURN QUERY
    SELECT m.member, m.score
      FROM respgres.sorted_set_range(
           s.content_slot, s.content_id, s.size, reverse, NULL, NULL,
           low, '', next_score, '', "offset", "limit") m;
END
$$;

-- The members of a window: the parameters are sorted_set_window()'s.
CREATE OR REPLACE FUNCTION respgres.sorted_set_range(
    slot smallint, content_id bigint, size bigint, backwards boolean,
    first bigint, last bigint, low double precision, low_member bytea,
    high double precision, high_member bytea, skipped bigint, taken bigint)
RETURNS TABLE (member bytea, score double precision, hash int,
               indexed_member bytea)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    w record;
BEGIN
    SELECT * INTO w
      FROM respgres.sorted_set_window(
           slot, content_id, size, backwards, first, last, low, low_member,
           high, high_member, skipped, taken);
    IF w.low IS NULL THEN
        RETURN;
    ELSIF backwards THEN
        RETURN QUERY
        SELECT coalesce(m.long_member, m.member), m.score, m.hash, m.member
          FROM respgres.sorted_set_member m
         WHERE m.slot = sorted_set_range.slot
           AND m.content_id = sorted_set_range.content_id
           AND m.slot >= 0
           AND ROW(m.score, m.member) >= ROW(w.low, w.low_member)
           AND ROW(m.score, m.member) < ROW(w.high, w.high_member)
         ORDER BY m.score DESC, m.member DESC
        OFFSET w.skip LIMIT w.count;
    ELSE
        RETURN QUERY
        SELECT coalesce(m.long_member, m.member), m.score, m.hash, m.member
          FROM respgres.sorted_set_member m
         WHERE m.slot = sorted_set_range.slot
           AND m.content_id = sorted_set_range.content_id
           AND m.slot >= 0
           AND ROW(m.score, m.member) >= ROW(w.low, w.low_member)
           AND ROW(m.score, m.member) < ROW(w.high, w.high_member)
         ORDER BY m.score, m.member
        OFFSET w.skip LIMIT w.count;
    END IF;
END
$$;

-- Takes up to `count` members from the beginning, or the end, in order; a row
-- with an error for a key of another type.
CREATE OR REPLACE FUNCTION respgres.zpop(
    db int, slot smallint, key bytea, from_end boolean, count bigint)
RETURNS TABLE (error text, member bytea, score double precision)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    k record;
    p record;
    popped int;
BEGIN
    SELECT * INTO k FROM respgres.open_key(db, slot, key, 'z', false);
    IF k.error IS NOT NULL THEN
        RETURN QUERY SELECT k.error, NULL::bytea, NULL::double precision;
        RETURN;
    ELSIF k.content_id IS NULL OR count <= 0 THEN
        RETURN;
    END IF;
    IF from_end THEN
        SELECT array_agg(o.ctid) AS places, array_agg(o.score) AS scores,
               array_agg(o.member) AS members,
               array_agg(o.long_member) AS long_members INTO p
          FROM (SELECT m.ctid, m.score, m.member, m.long_member
                  FROM respgres.sorted_set_member m
                 WHERE m.slot = k.content_slot AND m.content_id = k.content_id
                   AND m.slot >= 0
                 ORDER BY m.score DESC, m.member DESC LIMIT zpop.count) AS o;
    ELSE
        SELECT array_agg(o.ctid) AS places, array_agg(o.score) AS scores,
               array_agg(o.member) AS members,
               array_agg(o.long_member) AS long_members INTO p
          FROM (SELECT m.ctid, m.score, m.member, m.long_member
                  FROM respgres.sorted_set_member m
                 WHERE m.slot = k.content_slot AND m.content_id = k.content_id
                   AND m.slot >= 0
                 ORDER BY m.score, m.member LIMIT zpop.count) AS o;
    END IF;
    popped := cardinality(p.places);
    DELETE FROM respgres.sorted_set_member AS d
     WHERE d.ctid = ANY (p.places);
    IF k.size > 512 AND popped > 64 THEN
        PERFORM respgres.count_sorted_set_removal(
            k.content_slot, k.content_id, k.size, k.size - popped,
            p.scores[CASE WHEN from_end THEN popped ELSE 1 END],
            p.members[CASE WHEN from_end THEN popped ELSE 1 END],
            p.scores[CASE WHEN from_end THEN 1 ELSE popped END],
            p.members[CASE WHEN from_end THEN 1 ELSE popped END]);
    ELSIF k.size > 512 THEN
        PERFORM respgres.count_sorted_set_changes(
            ARRAY[k.content_slot], ARRAY[k.content_id], ARRAY[k.size],
            ARRAY[-popped::bigint], array_fill(1, ARRAY[popped]),
            ARRAY(SELECT coalesce(o.long_member, o.member)
                    FROM unnest(p.members, p.long_members)
                         AS o (member, long_member)),
            p.scores, array_fill(NULL::double precision, ARRAY[popped]));
    END IF;
    PERFORM respgres.close_key(db, slot, key, k.size - popped);
    RETURN QUERY
    SELECT NULL::text, coalesce(o.long_member, o.member), o.score
      FROM unnest(p.members, p.long_members, p.scores)
           AS o (member, long_member, score);
END
$$;

CREATE OR REPLACE FUNCTION respgres.zpopmin(
    db int, key bytea, count bigint DEFAULT 1, slot smallint DEFAULT NULL)
RETURNS TABLE (error text, member bytea, score double precision)
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY
    SELECT * FROM respgres.zpop(
        db, coalesce(slot, respgres.slot(key)), key, false, count);
END
$$;

CREATE OR REPLACE FUNCTION respgres.zpopmax(
    db int, key bytea, count bigint DEFAULT 1, slot smallint DEFAULT NULL)
RETURNS TABLE (error text, member bytea, score double precision)
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY
    SELECT * FROM respgres.zpop(
        db, coalesce(slot, respgres.slot(key)), key, true, count);
END
$$;

-- The first of the keys that there is, and what zpop() takes from it; a row
-- with an error when that is of another type, none without such a key.
CREATE OR REPLACE FUNCTION respgres.zpop_first(
    db int, keys bytea[], from_end boolean, count bigint)
RETURNS TABLE (error text, member bytea, score double precision,
               key_number int)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    k record;
BEGIN
    FOR k IN
        SELECT o.slot, i.key, i.ordinal
          FROM unnest(keys) WITH ORDINALITY AS i (key, ordinal)
          JOIN respgres.key o
            ON o.db = zpop_first.db AND o.key = respgres.indexed(i.key)
         ORDER BY i.ordinal
    LOOP
        RETURN QUERY
        SELECT p.*, k.ordinal::int
          FROM respgres.zpop(db, k.slot, k.key, from_end, count) p;
        EXIT WHEN FOUND;
    END LOOP;
END
$$;

-- Removes the members of a window: by rank, or from one position to below
-- another, as for sorted_set_window().
CREATE OR REPLACE FUNCTION respgres.zremrange(
    db int, slot smallint, key bytea, first bigint, last bigint,
    low double precision, low_member bytea,
    high double precision, high_member bytea,
    OUT error text, OUT removed bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    k record;
    w record;
    stop record;
BEGIN
    removed := 0;
    SELECT * INTO k FROM respgres.open_key(db, slot, key, 'z', false);
    error := k.error;
    IF k.content_id IS NULL THEN
        RETURN;
    END IF;
    SELECT * INTO w
      FROM respgres.sorted_set_window(
           k.content_slot, k.content_id, k.size, false, first, last, low,
           low_member, high, high_member, NULL, NULL);
    IF w.low IS NULL THEN
        RETURN;
    END IF;
    IF first IS NOT NULL THEN
        IF w.skip > 0 THEN
            SELECT a.score AS low, a.member AS low_member INTO w.low,
                   w.low_member
              FROM respgres.sorted_set_at(
                   k.content_slot, k.content_id, k.size, w.skip) a;
        END IF;
        SELECT a.score, a.member INTO stop
          FROM respgres.sorted_set_at(
               k.content_slot, k.content_id, k.size,
               respgres.sorted_set_rank(k.content_slot, k.content_id, k.size,
                                        w.low, w.low_member) + w.count) a;
        IF stop.score IS NOT NULL THEN
            w.high := stop.score;
            w.high_member := stop.member;
        END IF;
    END IF;
    DELETE FROM respgres.sorted_set_member AS d
     WHERE d.ctid = ANY (ARRAY(
           SELECT o.ctid
             FROM respgres.sorted_set_member o
            WHERE o.slot = k.content_slot AND o.content_id = k.content_id
              AND o.slot >= 0
              AND ROW(o.score, o.member) >= ROW(w.low, w.low_member)
              AND ROW(o.score, o.member) < ROW(w.high, w.high_member)
            ORDER BY o.score, o.member));
    GET DIAGNOSTICS removed = ROW_COUNT;
    IF removed > 0 THEN
        PERFORM respgres.count_sorted_set_removal(
            k.content_slot, k.content_id, k.size, k.size - removed,
            w.low, w.low_member, w.high, w.high_member);
        PERFORM respgres.close_key(db, slot, key, k.size - removed);
    END IF;
END
$$;

-- `count` random members: distinct ones when it is positive, else any, up to
-- `most` of them (NULL: all).
CREATE OR REPLACE FUNCTION respgres.random_sorted_set_members(
    slot smallint, content_id bigint, size bigint, count bigint, most bigint)
RETURNS TABLE (member bytea, score double precision)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    drawn int[] := '{}';
    rank bigint;
BEGIN
    IF count > 0 AND count > size / 3 THEN
        RETURN QUERY
        SELECT coalesce(m.long_member, m.member), m.score
          FROM respgres.sorted_set_member m
         WHERE m.slot = random_sorted_set_members.slot
           AND m.content_id = random_sorted_set_members.content_id
         ORDER BY random() LIMIT LEAST(random_sorted_set_members.count, most);
        RETURN;
    END IF;
    FOR rank IN
        SELECT d.rank
          FROM respgres.random_ranks(
               size, LEAST(abs(random_sorted_set_members.count), most),
               random_sorted_set_members.count > 0) AS d (rank)
    LOOP
        RETURN QUERY
        SELECT coalesce(m.long_member, m.member), m.score
          FROM respgres.sorted_set_at(slot, content_id, size, rank) a
         CROSS JOIN LATERAL (
               SELECT o.member, o.long_member, o.score
                 FROM respgres.sorted_set_member o
                WHERE o.slot = random_sorted_set_members.slot
                  AND o.content_id = random_sorted_set_members.content_id
                  AND o.slot >= 0
                  AND o.score = a.score AND o.member = a.member
                LIMIT 1) AS m;
    END LOOP;
END
$$;

-- Draws numbers from 0 to below `size`; distinct ones should be few.
CREATE OR REPLACE FUNCTION respgres.random_ranks(
    size bigint, count bigint, distinct_ones boolean) RETURNS SETOF bigint
LANGUAGE sql VOLATILE AS $$
    SELECT d.rank
      FROM (SELECT floor(random() * size)::bigint AS rank
              FROM generate_series(1, CASE WHEN distinct_ones
                                           THEN count * 3 + 20
                                           ELSE count END)) AS d
     WHERE NOT distinct_ones
    UNION ALL
    (SELECT d.rank
      FROM (SELECT DISTINCT floor(random() * size)::bigint AS rank
              FROM generate_series(1, CASE WHEN distinct_ones
                                           THEN count * 3 + 20
                                           ELSE 0 END)) AS d
     ORDER BY random() LIMIT count)
$$;
