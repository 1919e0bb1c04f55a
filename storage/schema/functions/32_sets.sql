-- Sets: what an application may call, and the set-based functions of lanes.
--
-- Conventions as in 26_hashes.sql.  In a set's key row `raw` remembers that it
-- once held a member that is no integer, as Redis' encodings do.

-- Adds members; which are new.  The members of one key differ; integers tells
-- which are canonical 64-bit integers.
CREATE OR REPLACE FUNCTION respgres.sadd_many(
    dbs int[], slots smallint[], keys bytea[], of_key int[],
    members bytea[], integers boolean[]) RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
    opened record;
    news record;
BEGIN
    SELECT * INTO opened
      FROM respgres.open_keys(
           dbs, slots, keys, 't', true,
           respgres.counts_by_key(cardinality(keys), of_key),
           ARRAY(SELECT NOT bool_and(i.is_integer)
                   FROM unnest(of_key, integers) AS i (of_key, is_integer)
                  GROUP BY i.of_key ORDER BY i.of_key));
    WITH fresh AS MATERIALIZED (
        SELECT i.ordinal, i.of_key, i.member, i.is_integer
          FROM unnest(of_key, members, integers) WITH ORDINALITY
               AS i (of_key, member, is_integer, ordinal)
         WHERE opened.content_ids[i.of_key] > 0
           AND NOT EXISTS (
               SELECT FROM respgres.set_member o
                WHERE o.slot = opened.content_slots[i.of_key]
                  AND o.content_id = opened.content_ids[i.of_key]
                  AND o.hash = respgres.element_hash(i.member)
                  AND o.member = respgres.indexed(i.member))
    ), added AS (
        INSERT INTO respgres.set_member AS m
               (slot, content_id, hash, member, long_member)
        SELECT opened.content_slots[f.of_key], opened.content_ids[f.of_key],
               respgres.element_hash(f.member), respgres.indexed(f.member),
               respgres.long(f.member)
          FROM fresh f
    )
    SELECT coalesce(array_agg(f.ordinal), '{}') AS ordinals,
           array_agg(f.of_key) AS of_key,
           array_agg(f.is_integer) AS integers
      INTO news FROM fresh f;
    IF cardinality(news.ordinals) > 0
       AND NOT coalesce(true = ALL (opened.made), false) THEN
        UPDATE respgres.key AS u
           SET size = u.size + g.growth, version = u.version + 1,
               raw = u.raw OR NOT g.integers,
               touched_at = respgres.now_ms() / 1000
          FROM (SELECT n.of_key, count(*) AS growth,
                       bool_and(n.is_integer) AS integers
                  FROM unnest(news.of_key, news.integers)
                       AS n (of_key, is_integer)
                 GROUP BY n.of_key) AS g
         WHERE u.db = dbs[g.of_key]
           AND u.key = respgres.indexed(keys[g.of_key])
           AND u.slot = slots[g.of_key]
           AND NOT coalesce(opened.made[g.of_key], false);
    END IF;
    RETURN respgres.join_ordinals(
        news.ordinals, respgres.misplaced(of_key, opened.content_ids));
END
$$;

-- Removes members; which were there.  The members of one key differ.
CREATE OR REPLACE FUNCTION respgres.srem_many(
    dbs int[], slots smallint[], keys bytea[], of_key int[], members bytea[])
RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
    opened record;
    removed bigint[];
BEGIN
    SELECT * INTO opened
      FROM respgres.open_keys(dbs, slots, keys, 't', false);
    WITH gone AS (
        DELETE FROM respgres.set_member AS m
         USING unnest(of_key, members) WITH ORDINALITY
               AS i (of_key, member, ordinal)
         WHERE m.slot = opened.content_slots[i.of_key]
           AND m.content_id = opened.content_ids[i.of_key]
           AND m.hash = respgres.element_hash(i.member)
           AND m.member = respgres.indexed(i.member)
        RETURNING i.ordinal
    )
    SELECT coalesce(array_agg(g.ordinal), '{}') INTO removed FROM gone g;
    IF cardinality(removed) > 0 THEN
        PERFORM respgres.close_keys(
            dbs, slots, keys, opened.content_ids,
            respgres.shrinkages(cardinality(keys), of_key, removed));
    END IF;
    RETURN respgres.join_ordinals(
        removed, respgres.misplaced(of_key, opened.content_ids));
END
$$;

-- How many of the members are new.
CREATE OR REPLACE FUNCTION respgres.sadd(
    db int, key bytea, members bytea[], slot smallint DEFAULT NULL,
    OUT error text, OUT added bigint)
LANGUAGE plpgsql AS $$
DECLARE
    ordinals bigint[];
BEGIN
    SELECT respgres.sadd_many(
               ARRAY[sadd.db],
               ARRAY[coalesce(sadd.slot, respgres.slot(sadd.key))],
               ARRAY[sadd.key], array_agg(1), array_agg(d.member),
               array_agg(respgres.as_number(d.member) IS NOT NULL))
      INTO ordinals
      FROM (SELECT DISTINCT i.member
              FROM unnest(sadd.members) AS i (member)) AS d;
    IF ordinals[1] < 0 THEN
        error := respgres.wrong_type();
    ELSE
        added := cardinality(ordinals);
    END IF;
END
$$;

-- How many of the members there were.
CREATE OR REPLACE FUNCTION respgres.srem(
    db int, key bytea, members bytea[], slot smallint DEFAULT NULL,
    OUT error text, OUT removed bigint)
LANGUAGE plpgsql AS $$
DECLARE
    ordinals bigint[];
BEGIN
    SELECT respgres.srem_many(
               ARRAY[srem.db],
               ARRAY[coalesce(srem.slot, respgres.slot(srem.key))],
               ARRAY[srem.key], array_agg(1), array_agg(d.member))
      INTO ordinals
      FROM (SELECT DISTINCT i.member
              FROM unnest(srem.members) AS i (member)) AS d;
    IF ordinals[1] < 0 THEN
        error := respgres.wrong_type();
    ELSE
        removed := cardinality(ordinals);
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION respgres.sismember(
    db int, key bytea, member bytea, slot smallint DEFAULT NULL,
    OUT error text, OUT is_member boolean)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    s record;
BEGIN
    SELECT * INTO s FROM respgres.look_key(db, slot, key, 't');
    error := s.error;
    IF error IS NULL THEN
        is_member := EXISTS (
            SELECT FROM respgres.set_member m
             WHERE m.slot = s.content_slot AND m.content_id = s.content_id
               AND m.hash = respgres.element_hash(sismember.member)
               AND m.member = respgres.indexed(sismember.member));
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION respgres.scard(
    db int, key bytea, slot smallint DEFAULT NULL,
    OUT error text, OUT size bigint)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    SELECT s.error, CASE WHEN s.error IS NULL THEN coalesce(s.size, 0) END
      INTO error, size
      FROM respgres.look_key(db, slot, key, 't') s;
END
$$;

-- No rows when there is no such key, or one of another type.
CREATE OR REPLACE FUNCTION respgres.smembers(
    db int, key bytea, slot smallint DEFAULT NULL) RETURNS SETOF bytea
LANGUAGE plpgsql STABLE AS $$
DECLARE
    s record;
BEGIN
    SELECT * INTO s FROM respgres.look_key(db, slot, key, 't');
    RETURN QUERY
    SELECT coalesce(m.long_member, m.member)
      FROM respgres.set_member m
     WHERE m.slot = s.content_slot AND m.content_id = s.content_id;
END
$$;

-- Takes `count` members out, any of them.  A row for each, or one with an
-- error.
CREATE OR REPLACE FUNCTION respgres.spop(
    db int, key bytea, count bigint DEFAULT 1, slot smallint DEFAULT NULL)
RETURNS TABLE (error text, member bytea)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    s record;
    popped bigint;
BEGIN
    slot := coalesce(slot, respgres.slot(key));
    SELECT * INTO s FROM respgres.open_key(db, slot, key, 't', false);
    IF s.error IS NOT NULL THEN
        error := s.error;
        RETURN NEXT;
        RETURN;
    ELSIF s.content_id IS NULL OR count <= 0 THEN
        RETURN;
    ELSIF count >= s.size THEN
        RETURN QUERY
        SELECT NULL::text, coalesce(m.long_member, m.member)
          FROM respgres.set_member m
         WHERE m.slot = s.content_slot AND m.content_id = s.content_id;
        PERFORM respgres.close_key(db, slot, key, 0);
        RETURN;
    END IF;
    RETURN QUERY
    DELETE FROM respgres.set_member AS m
     WHERE m.ctid = ANY (ARRAY(
           SELECT r.place
             FROM respgres.random_members(s.content_slot, s.content_id,
                                          s.size, spop.count,
                                          spop.count = 1) r))
    RETURNING NULL::text, coalesce(m.long_member, m.member);
    GET DIAGNOSTICS popped = ROW_COUNT;
    PERFORM respgres.close_key(db, slot, key, s.size - popped);
END
$$;

CREATE OR REPLACE FUNCTION respgres.smove(
    db int, key bytea, new_key bytea, member bytea,
    slot smallint DEFAULT NULL, new_slot smallint DEFAULT NULL,
    OUT error text, OUT done boolean)
LANGUAGE plpgsql AS $$
DECLARE
    s record;
    target record;
BEGIN
    slot := coalesce(slot, respgres.slot(key));
    new_slot := coalesce(new_slot, respgres.slot(new_key));
    PERFORM respgres.lock_two_keys(db, slot, key, db, new_slot, new_key);
    SELECT * INTO s FROM respgres.open_key(db, slot, key, 't', false);
    error := s.error;
    done := false;
    IF error IS NOT NULL OR s.content_id IS NULL THEN
        RETURN;
    END IF;
    SELECT * INTO target
      FROM respgres.open_key(db, new_slot, new_key, 't', false);
    error := target.error;
    IF error IS NOT NULL THEN
        done := NULL;
        RETURN;
    END IF;
    SELECT i.is_member INTO done
      FROM respgres.sismember(db, key, member, slot) i;
    IF done AND key <> new_key THEN
        PERFORM respgres.srem(db, key, ARRAY[member], slot);
        PERFORM respgres.sadd(db, new_key, ARRAY[member], new_slot);
    END IF;
END
$$;

-- The sets that these keys name, in their order, each content once; error when
-- there is one of another type.  all_there: no key is missing.
CREATE OR REPLACE FUNCTION respgres.look_sets(
    db int, keys bytea[],
    OUT error text, OUT content_ids bigint[], OUT content_slots smallint[],
    OUT sizes bigint[], OUT all_there boolean)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    now_ms bigint := respgres.now_ms();
BEGIN
    SELECT CASE WHEN bool_or(c.type <> 't') THEN respgres.wrong_type() END,
           array_agg(c.content_id ORDER BY c.ordinal),
           array_agg(c.content_slot ORDER BY c.ordinal),
           array_agg(c.size ORDER BY c.ordinal),
           coalesce(sum(c.keys), 0) = cardinality(look_sets.keys)
      INTO error, content_ids, content_slots, sizes, all_there
      FROM (SELECT k.id, k.type, k.content_id, k.content_slot, k.size,
                   min(i.ordinal) AS ordinal, count(*) AS keys
              FROM unnest(look_sets.keys) WITH ORDINALITY AS i (key, ordinal)
              JOIN respgres.key k
                ON k.db = look_sets.db AND k.key = respgres.indexed(i.key)
             WHERE k.expires_at IS NULL OR k.expires_at > now_ms
             GROUP BY k.id, k.type, k.content_id, k.content_slot,
                      k.size) AS c;
END
$$;

-- What is in all of these sets: the members of the smallest, each looked up in
-- the others, the smaller ones first.  NULL: all of them.
CREATE OR REPLACE FUNCTION respgres.intersect_sets(
    content_ids bigint[], content_slots smallint[], sizes bigint[],
    most bigint)
RETURNS TABLE (hash int, member bytea, long_member bytea)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    SELECT array_agg(s.content_id ORDER BY s.size),
           array_agg(s.content_slot ORDER BY s.size)
      INTO content_ids, content_slots
      FROM unnest(intersect_sets.content_ids, intersect_sets.content_slots,
                  intersect_sets.sizes) AS s (content_id, content_slot, size);
    RETURN QUERY
    SELECT m.hash, m.member, m.long_member
      FROM respgres.set_member m
     WHERE m.slot = intersect_sets.content_slots[1]
       AND m.content_id = intersect_sets.content_ids[1]
       AND NOT EXISTS (
           SELECT FROM generate_series(
                           2, cardinality(intersect_sets.content_ids)) AS n (i)
            WHERE NOT EXISTS (
                  SELECT FROM respgres.set_member o
                   WHERE o.slot = intersect_sets.content_slots[n.i]
                     AND o.content_id = intersect_sets.content_ids[n.i]
                     AND o.hash = m.hash AND o.member = m.member))
     LIMIT most;
END
$$;

-- What is in any of these sets: the members of each that are in none before.
CREATE OR REPLACE FUNCTION respgres.unite_sets(
    content_ids bigint[], content_slots smallint[], most bigint)
RETURNS TABLE (hash int, member bytea, long_member bytea)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT m.hash, m.member, m.long_member
      FROM generate_series(1, cardinality(unite_sets.content_ids)) AS s (i)
      JOIN respgres.set_member m
        ON m.slot = unite_sets.content_slots[s.i]
       AND m.content_id = unite_sets.content_ids[s.i]
     WHERE NOT EXISTS (
           SELECT FROM generate_series(1, s.i - 1) AS n (i)
             JOIN respgres.set_member o
               ON o.slot = unite_sets.content_slots[n.i]
              AND o.content_id = unite_sets.content_ids[n.i]
              AND o.hash = m.hash AND o.member = m.member)
     LIMIT most;
END
$$;

-- What is in the set of these numbers and in none of the others.
CREATE OR REPLACE FUNCTION respgres.subtract_sets(
    first_id bigint, first_slot smallint,
    content_ids bigint[], content_slots smallint[], most bigint)
RETURNS TABLE (hash int, member bytea, long_member bytea)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT m.hash, m.member, m.long_member
      FROM respgres.set_member m
     WHERE m.slot = first_slot AND m.content_id = first_id
       AND NOT EXISTS (
           SELECT FROM generate_series(
                           1, cardinality(subtract_sets.content_ids)) AS n (i)
             JOIN respgres.set_member o
               ON o.slot = subtract_sets.content_slots[n.i]
              AND o.content_id = subtract_sets.content_ids[n.i]
              AND o.hash = m.hash AND o.member = m.member)
     LIMIT most;
END
$$;

-- SINTER, SUNION and SDIFF: operation is 'i', 'u' or 'd'.  Up to `most` rows
-- (NULL: all), or one row with an error.
CREATE OR REPLACE FUNCTION respgres.combine_sets(
    db int, keys bytea[], operation "char", most bigint)
RETURNS TABLE (error text, hash int, member bytea, long_member bytea)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    s record;
    f record;
BEGIN
    SELECT * INTO s FROM respgres.look_sets(db, keys);
    IF s.error IS NOT NULL THEN
        error := s.error;
        RETURN NEXT;
    ELSIF s.content_ids IS NULL OR (operation = 'i' AND NOT s.all_there) THEN
        NULL;
    ELSIF operation = 'i' THEN
        RETURN QUERY SELECT NULL::text, c.* FROM respgres.intersect_sets(
            s.content_ids, s.content_slots, s.sizes, most) c;
    ELSIF operation = 'u' THEN
        RETURN QUERY SELECT NULL::text, c.* FROM respgres.unite_sets(
            s.content_ids, s.content_slots, most) c;
    ELSE
        SELECT * INTO f FROM respgres.look_sets(db, keys[1:1]);
        -- The first is empty, or given again.
        IF f.content_ids IS NULL OR keys[1] = ANY (keys[2:]) THEN
            RETURN;
        END IF;
        RETURN QUERY SELECT NULL::text, c.* FROM respgres.subtract_sets(
            f.content_ids[1], f.content_slots[1],
            s.content_ids[2:], s.content_slots[2:], most) c;
    END IF;
END
$$;

-- SINTERSTORE, SUNIONSTORE and SDIFFSTORE; how many members were stored.
CREATE OR REPLACE FUNCTION respgres.store_combined_sets(
    db int, slot smallint, key bytea, keys bytea[], operation "char",
    OUT error text, OUT stored bigint)
LANGUAGE plpgsql AS $$
DECLARE
    new_id bigint := nextval('respgres.key_id');
    kept bigint[];
BEGIN
    slot := coalesce(slot, respgres.slot(key));
    PERFORM FROM (
        SELECT k.id
          FROM (SELECT DISTINCT respgres.indexed(u.key) AS key
                  FROM unnest(keys || store_combined_sets.key) AS u (key)
                 ORDER BY 1) AS i
          JOIN respgres.key k
            ON k.db = store_combined_sets.db AND k.key = i.key
         ORDER BY i.key
           FOR UPDATE OF k) AS locked;
    WITH result AS (
        SELECT c.* FROM respgres.combine_sets(
            store_combined_sets.db, keys, operation, NULL) c
    ), added AS (
        INSERT INTO respgres.set_member AS m
               (content_id, hash, slot, member, long_member)
        SELECT new_id, r.hash, store_combined_sets.slot, r.member,
               r.long_member
          FROM result r
         WHERE r.error IS NULL
    )
    SELECT min(r.error), count(*) INTO error, stored FROM result r;
    IF error IS NOT NULL THEN
        stored := NULL;
        RETURN;
    END IF;
    LOOP
        DELETE FROM respgres.key AS d
         WHERE d.db = store_combined_sets.db
           AND d.key = respgres.indexed(store_combined_sets.key)
           AND d.slot = store_combined_sets.slot
        RETURNING respgres.kept_tags(d.tags, d.expires_at) INTO kept;
        EXIT WHEN stored = 0;
        INSERT INTO respgres.key AS n
               (db, slot, key, long_key, type, content_id, content_slot,
                size, first_position, touched_at, tags)
        VALUES (store_combined_sets.db, store_combined_sets.slot,
                respgres.indexed(store_combined_sets.key),
                respgres.long(store_combined_sets.key), 't', new_id,
                store_combined_sets.slot, stored, 0,
                respgres.now_ms() / 1000, kept)
            ON CONFLICT DO NOTHING;
        EXIT WHEN FOUND;
    END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION respgres.sinter(db int, keys bytea[])
RETURNS TABLE (error text, member bytea)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT c.error, coalesce(c.long_member, c.member)
      FROM respgres.combine_sets(db, keys, 'i', NULL) c;
END
$$;

CREATE OR REPLACE FUNCTION respgres.sunion(db int, keys bytea[])
RETURNS TABLE (error text, member bytea)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT c.error, coalesce(c.long_member, c.member)
      FROM respgres.combine_sets(db, keys, 'u', NULL) c;
END
$$;

CREATE OR REPLACE FUNCTION respgres.sdiff(db int, keys bytea[])
RETURNS TABLE (error text, member bytea)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT c.error, coalesce(c.long_member, c.member)
      FROM respgres.combine_sets(db, keys, 'd', NULL) c;
END
$$;

CREATE OR REPLACE FUNCTION respgres.sinterstore(
    db int, key bytea, keys bytea[], slot smallint DEFAULT NULL,
    OUT error text, OUT stored bigint)
LANGUAGE plpgsql AS $$
BEGIN
    SELECT s.error, s.stored INTO error, stored
      FROM respgres.store_combined_sets(db, slot, key, keys, 'i') s;
END
$$;

CREATE OR REPLACE FUNCTION respgres.sunionstore(
    db int, key bytea, keys bytea[], slot smallint DEFAULT NULL,
    OUT error text, OUT stored bigint)
LANGUAGE plpgsql AS $$
BEGIN
    SELECT s.error, s.stored INTO error, stored
      FROM respgres.store_combined_sets(db, slot, key, keys, 'u') s;
END
$$;

CREATE OR REPLACE FUNCTION respgres.sdiffstore(
    db int, key bytea, keys bytea[], slot smallint DEFAULT NULL,
    OUT error text, OUT stored bigint)
LANGUAGE plpgsql AS $$
BEGIN
    SELECT s.error, s.stored INTO error, stored
      FROM respgres.store_combined_sets(db, slot, key, keys, 'd') s;
END
$$;
