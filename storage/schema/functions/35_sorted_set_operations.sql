-- Unions, intersections and differences of sorted sets and sets (whose members
-- have score 1), and all that stores a sorted set as a whole.

-- The product of two numbers, infinite or 0 where PostgreSQL would refuse it.
CREATE OR REPLACE FUNCTION respgres.multiply_extremes(
    a double precision, b double precision) RETURNS double precision
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN a * b;
EXCEPTION WHEN numeric_value_out_of_range THEN
    IF abs(a) < 1 OR abs(b) < 1 THEN
        RETURN 0;
    END IF;
    RETURN CASE WHEN (a < 0) = (b < 0) THEN 'Infinity'::double precision
                ELSE '-Infinity' END;
END
$$;

-- A score with its weight; what is no number counts as 0.
CREATE OR REPLACE FUNCTION respgres.weigh_score(
    score double precision, weight double precision)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN weight = 1 THEN score
        WHEN score = 0 OR weight = 0 THEN
            CASE WHEN abs(score) = 'Infinity' OR abs(weight) = 'Infinity'
                 THEN 0 ELSE score * weight END
        WHEN abs(score) BETWEEN 1e-150 AND 1e150
             AND abs(weight) BETWEEN 1e-150 AND 1e150 THEN score * weight
        WHEN abs(score) = 'Infinity' OR abs(weight) = 'Infinity'
        THEN score * weight
        ELSE respgres.multiply_extremes(score, weight) END
$$;

-- One step of a sum in which infinities that cancel each other count as 0.
CREATE OR REPLACE FUNCTION respgres.sum_scores_step(
    total double precision, score double precision) RETURNS double precision
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    IF abs(total) < 1e300 AND abs(score) < 1e300 THEN
        RETURN total + score;
    END IF;
    total := respgres.add_scores(total, score);
    RETURN CASE WHEN total = 'NaN' THEN 0 ELSE total END;
END
$$;

CREATE OR REPLACE AGGREGATE respgres.sum_scores(double precision) (
    SFUNC = respgres.sum_scores_step,
    STYPE = double precision,
    PARALLEL = SAFE
);

-- The live keys among `keys`, in order, with the contents that an operation
-- reads; smallest first unless `in_order`.
CREATE OR REPLACE FUNCTION respgres.sorted_set_operands(
    db int, keys bytea[], weights double precision[], in_order boolean)
RETURNS TABLE (ordinal bigint, type "char", slot smallint, content_id bigint,
               size bigint, weight double precision)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT i.ordinal, k.type, k.content_slot, k.content_id, k.size,
           coalesce(weights[i.ordinal], 1)
      FROM unnest(keys) WITH ORDINALITY AS i (key, ordinal)
      JOIN respgres.key k
        ON k.db = sorted_set_operands.db AND k.key = respgres.indexed(i.key)
     WHERE k.expires_at IS NULL OR k.expires_at > respgres.now_ms()
     ORDER BY CASE WHEN NOT in_order THEN k.size END, i.ordinal;
END
$$;

-- The type of a key among them that is neither a set nor a sorted set, or
-- NULL.
CREATE OR REPLACE FUNCTION respgres.wrong_operand(db int, keys bytea[])
RETURNS "char"
LANGUAGE sql STABLE AS $$
    SELECT k.type
      FROM unnest(keys) AS i (key)
      JOIN respgres.key k
        ON k.db = wrong_operand.db AND k.key = respgres.indexed(i.key)
     WHERE k.type NOT IN ('z', 't')
       AND (k.expires_at IS NULL OR k.expires_at > respgres.now_ms())
     LIMIT 1
$$;

-- The members of a content, whatever its type.
CREATE OR REPLACE FUNCTION respgres.operand_members(
    type "char", slot smallint, content_id bigint)
RETURNS TABLE (hash int, member bytea, long_member bytea,
               score double precision)
LANGUAGE sql STABLE ROWS 1000 AS $$
    SELECT m.hash, m.member, m.long_member, m.score
      FROM respgres.sorted_set_member m
     WHERE operand_members.type = 'z' AND m.slot = operand_members.slot
       AND m.content_id = operand_members.content_id
    UNION ALL
    SELECT m.hash, m.member, m.long_member, 1
      FROM respgres.set_member m
     WHERE operand_members.type = 't' AND m.slot = operand_members.slot
       AND m.content_id = operand_members.content_id
$$;

-- The score of a member, in its indexed form; no row when it is not there.
CREATE OR REPLACE FUNCTION respgres.operand_score(
    type "char", slot smallint, content_id bigint, hash int, member bytea)
RETURNS TABLE (score double precision)
LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT m.score
      FROM respgres.sorted_set_member m
     WHERE operand_score.type = 'z' AND m.slot = operand_score.slot
       AND m.content_id = operand_score.content_id
       AND m.hash = operand_score.hash AND m.member = operand_score.member
    UNION ALL
    SELECT 1
      FROM respgres.set_member m
     WHERE operand_score.type = 't' AND m.slot = operand_score.slot
       AND m.content_id = operand_score.content_id
       AND m.hash = operand_score.hash AND m.member = operand_score.member
$$;

-- operation: 'union', 'inter' or 'diff'.  weights: NULL, or one for each key;
-- aggregate: 'SUM', 'MIN' or 'MAX'.  In no order; up to `most` (NULL: all).
CREATE OR REPLACE FUNCTION respgres.combine_sorted_sets(
    operation text, db int, keys bytea[], weights double precision[],
    aggregate text, most bigint DEFAULT NULL)
RETURNS TABLE (hash int, member bytea, long_member bytea,
               score double precision)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    types "char"[];
    slots smallint[];
    content_ids bigint[];
    factors double precision[];
    first bigint;
BEGIN
    SELECT array_agg(o.type), array_agg(o.slot), array_agg(o.content_id),
           array_agg(o.weight), min(o.ordinal)
      INTO types, slots, content_ids, factors, first
      FROM respgres.sorted_set_operands(
           db, keys, weights, operation = 'diff') o;
    IF operation = 'union' AND aggregate = 'SUM' THEN
        RETURN QUERY
        SELECT m.hash, m.member, m.long_member,
               respgres.sum_scores(respgres.weigh_score(m.score, o.weight))
          FROM unnest(types, slots, content_ids, factors)
               AS o (type, slot, content_id, weight)
         CROSS JOIN LATERAL respgres.operand_members(
               o.type, o.slot, o.content_id) m
         GROUP BY m.hash, m.member, m.long_member;
    ELSIF operation = 'union' THEN
        RETURN QUERY
        SELECT m.hash, m.member, m.long_member,
               CASE aggregate
               WHEN 'MIN' THEN min(respgres.weigh_score(m.score, o.weight))
               ELSE max(respgres.weigh_score(m.score, o.weight)) END
          FROM unnest(types, slots, content_ids, factors)
               AS o (type, slot, content_id, weight)
         CROSS JOIN LATERAL respgres.operand_members(
               o.type, o.slot, o.content_id) m
         GROUP BY m.hash, m.member, m.long_member;
    ELSIF operation = 'inter' THEN
        IF coalesce(cardinality(types), 0) < cardinality(keys) THEN
            RETURN;
        END IF;
        -- The smallest set's members, looked up in all sets.
        RETURN QUERY
        SELECT m.hash, m.member, m.long_member, s.score
          FROM respgres.operand_members(types[1], slots[1], content_ids[1]) m
         CROSS JOIN LATERAL (
               SELECT count(*) AS sets,
                      CASE aggregate
                      WHEN 'SUM' THEN respgres.sum_scores(
                           respgres.weigh_score(x.score, o.weight))
                      WHEN 'MIN' THEN min(
                           respgres.weigh_score(x.score, o.weight))
                      ELSE max(respgres.weigh_score(x.score, o.weight)) END
                      AS score
                 FROM unnest(types, slots, content_ids, factors)
                      AS o (type, slot, content_id, weight)
                CROSS JOIN LATERAL respgres.operand_score(
                      o.type, o.slot, o.content_id, m.hash, m.member) x) AS s
         WHERE s.sets = cardinality(keys)
         LIMIT most;
    ELSIF first = 1 THEN
        RETURN QUERY
        SELECT m.hash, m.member, m.long_member, m.score
          FROM respgres.operand_members(types[1], slots[1], content_ids[1]) m
         WHERE NOT EXISTS (
               SELECT FROM unnest(types[2:], slots[2:], content_ids[2:])
                      AS o (type, slot, content_id)
                CROSS JOIN LATERAL respgres.operand_score(
                      o.type, o.slot, o.content_id, m.hash, m.member) x
               OFFSET 0);
    END IF;
END
$$;

-- Puts a sorted set, whose members stand in a content of their own, in the
-- place of whatever the locked key holds; false when another session was first
-- to make the key.
CREATE OR REPLACE FUNCTION respgres.replace_with_sorted_set(
    db int, slot smallint, key bytea, content_id bigint, size bigint)
RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    kept bigint[];
BEGIN
    DELETE FROM respgres.key AS d
     WHERE d.db = replace_with_sorted_set.db
       AND d.key = respgres.indexed(replace_with_sorted_set.key)
       AND d.slot = replace_with_sorted_set.slot
    RETURNING respgres.kept_tags(d.tags, d.expires_at) INTO kept;
    IF size = 0 THEN
        RETURN true;
    END IF;
    INSERT INTO respgres.key AS n
           (db, slot, key, long_key, type, content_id, content_slot, size,
            first_position, touched_at, tags)
    VALUES (replace_with_sorted_set.db, replace_with_sorted_set.slot,
            respgres.indexed(replace_with_sorted_set.key),
            respgres.long(replace_with_sorted_set.key), 'z',
            replace_with_sorted_set.content_id, replace_with_sorted_set.slot,
            replace_with_sorted_set.size, 0, respgres.now_ms() / 1000,
            kept)
        ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        DELETE FROM respgres.sorted_set_member AS d
         WHERE d.slot = replace_with_sorted_set.slot
           AND d.content_id = replace_with_sorted_set.content_id;
        RETURN false;
    END IF;
    IF size > 1024 THEN
        PERFORM respgres.rebuild_sorted_set_blocks(slot, content_id, size);
    END IF;
    PERFORM respgres.wake(db, slot, key);
    RETURN true;
END
$$;

-- How many members the destination has.
CREATE OR REPLACE FUNCTION respgres.store_combination(
    operation text, db int, slot smallint, destination bytea, keys bytea[],
    weights double precision[], aggregate text,
    OUT error text, OUT size bigint)
LANGUAGE plpgsql AS $$
DECLARE
    new_id bigint;
BEGIN
    LOOP
        PERFORM respgres.lock_key(db, slot, destination);
        IF respgres.wrong_operand(db, keys) IS NOT NULL THEN
            error := respgres.wrong_type();
            RETURN;
        END IF;
        new_id := nextval('respgres.key_id');
        INSERT INTO respgres.sorted_set_member
               (content_id, score, hash, slot, member, long_member)
        SELECT new_id, c.score, c.hash,
               store_combination.slot, c.member, c.long_member
          FROM respgres.combine_sorted_sets(operation, db, keys, weights,
                                            aggregate) c;
        GET DIAGNOSTICS size = ROW_COUNT;
        EXIT WHEN respgres.replace_with_sorted_set(
            db, slot, destination, new_id, size);
    END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION respgres.zunionstore(
    db int, destination bytea, keys bytea[],
    weights double precision[] DEFAULT NULL, aggregate text DEFAULT 'SUM',
    slot smallint DEFAULT NULL, OUT error text, OUT size bigint)
LANGUAGE plpgsql AS $$
BEGIN
    SELECT s.error, s.size INTO error, size
      FROM respgres.store_combination(
           'union', db, coalesce(slot, respgres.slot(destination)),
           destination, keys, weights, aggregate) s;
END
$$;

CREATE OR REPLACE FUNCTION respgres.zinterstore(
    db int, destination bytea, keys bytea[],
    weights double precision[] DEFAULT NULL, aggregate text DEFAULT 'SUM',
    slot smallint DEFAULT NULL, OUT error text, OUT size bigint)
LANGUAGE plpgsql AS $$
BEGIN
    SELECT s.error, s.size INTO error, size
      FROM respgres.store_combination(
           'inter', db, coalesce(slot, respgres.slot(destination)),
           destination, keys, weights, aggregate) s;
END
$$;

CREATE OR REPLACE FUNCTION respgres.zdiffstore(
    db int, destination bytea, keys bytea[], slot smallint DEFAULT NULL,
    OUT error text, OUT size bigint)
LANGUAGE plpgsql AS $$
BEGIN
    SELECT s.error, s.size INTO error, size
      FROM respgres.store_combination(
           'diff', db, coalesce(slot, respgres.slot(destination)),
           destination, keys, NULL, 'SUM') s;
END
$$;

-- ZRANGESTORE: the parameters behind the source are sorted_set_window()'s.
CREATE OR REPLACE FUNCTION respgres.zrangestore(
    db int, slot smallint, destination bytea, source bytea, backwards boolean,
    first bigint, last bigint, low double precision, low_member bytea,
    high double precision, high_member bytea, skipped bigint, taken bigint,
    OUT error text, OUT size bigint)
LANGUAGE plpgsql AS $$
DECLARE
    new_id bigint;
BEGIN
    LOOP
        PERFORM respgres.lock_key(db, slot, destination);
        SELECT s.error INTO error
          FROM respgres.find_sorted_set(db, NULL, source) s;
        IF error IS NOT NULL THEN
            RETURN;
        END IF;
        new_id := nextval('respgres.key_id');
        INSERT INTO respgres.sorted_set_member
               (content_id, score, hash, slot, member, long_member)
        SELECT new_id, m.score, m.hash, zrangestore.slot,
               m.indexed_member, respgres.long(m.member)
          FROM respgres.find_sorted_set(db, NULL, source) s
         CROSS JOIN LATERAL respgres.sorted_set_range(
               s.content_slot, s.content_id, s.size, backwards, first, last,
               low, low_member, high, high_member, skipped, taken) m;
        GET DIAGNOSTICS size = ROW_COUNT;
        EXIT WHEN respgres.replace_with_sorted_set(
            db, slot, destination, new_id, size);
    END LOOP;
END
$$;
