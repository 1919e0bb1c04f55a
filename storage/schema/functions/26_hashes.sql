-- Hashes: what an application may call, and the set-based functions of lanes.
--
-- As in 20_strings.sql an expected failure is the text in `error`, and a slot
-- of NULL is computed.  Functions named …_many take what statement.h calls
-- repeated keys: dbs, slots and keys hold each key once, in order; of_key tells
-- for each element the number of its key.  Their rows have the element's
-- ordinal, and NULL where its key holds another type.

-- Sets fields; per element whether it is new.  The fields of one key differ.
CREATE OR REPLACE FUNCTION respgres.hset_many(
    dbs int[], slots smallint[], keys bytea[], of_key int[],
    fields bytea[], "values" bytea[])
RETURNS TABLE (ordinal bigint, added boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    k record;
    news boolean[];
    growths bigint[];
BEGIN
    SELECT * INTO k FROM respgres.open_keys(dbs, slots, keys, 'h', true);
    PERFORM respgres.drop_expired_fields(dbs, slots, keys, k.content_ids,
                                         k.fields_expire_at);
    -- Rows come back in the order in which they go in.
    WITH stored AS (
        INSERT INTO respgres.hash_field AS f
               (slot, content_id, hash, field, long_field, value)
        SELECT k.content_slots[i.of_key], k.content_ids[i.of_key],
               respgres.element_hash(i.field), respgres.indexed(i.field),
               respgres.long(i.field), i.value
          FROM unnest(of_key, fields, "values") AS i (of_key, field, value)
         WHERE k.content_ids[i.of_key] > 0
            ON CONFLICT (slot, content_id, hash, field) DO UPDATE
           SET value = excluded.value, expires_at = NULL
        RETURNING f.xmax = 0 AS is_new
    )
    SELECT array_agg(s.is_new) INTO news FROM stored s;
    IF news IS NULL OR cardinality(news) < cardinality(of_key) THEN
        -- Some keys hold another type: their elements get NULL.
        SELECT array_agg(CASE WHEN p.place IS NOT NULL
                              THEN news[p.place] END ORDER BY p.ordinal)
          INTO news
          FROM (SELECT i.ordinal,
                       CASE WHEN k.content_ids[i.of_key] > 0
                            THEN count(*) FILTER (
                                 WHERE k.content_ids[i.of_key] > 0)
                                 OVER (ORDER BY i.ordinal) END AS place
                  FROM unnest(of_key) WITH ORDINALITY
                       AS i (of_key, ordinal)) AS p;
    END IF;
    growths := ARRAY(
        SELECT count(*) FILTER (WHERE i.is_new)
          FROM unnest(of_key, news) AS i (of_key, is_new)
         GROUP BY i.of_key ORDER BY i.of_key);
    PERFORM respgres.close_keys(dbs, slots, keys, k.content_ids, growths);
    RETURN QUERY
    SELECT i.ordinal, i.is_new
      FROM unnest(news) WITH ORDINALITY AS i (is_new, ordinal);
END
$$;

-- Removes fields; per element whether it was there.  The fields of one key
-- differ.
CREATE OR REPLACE FUNCTION respgres.hdel_many(
    dbs int[], slots smallint[], keys bytea[], of_key int[], fields bytea[])
RETURNS TABLE (ordinal bigint, removed boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    k record;
    gone boolean[];
    growths bigint[];
BEGIN
    SELECT * INTO k FROM respgres.open_keys(dbs, slots, keys, 'h', false);
    PERFORM respgres.drop_expired_fields(dbs, slots, keys, k.content_ids,
                                         k.fields_expire_at);
    gone := ARRAY(SELECT CASE WHEN c.content_id = -1 THEN NULL ELSE false END
                    FROM unnest(of_key) WITH ORDINALITY AS i (of_key, ordinal)
                   CROSS JOIN LATERAL (SELECT k.content_ids[i.of_key])
                         AS c (content_id)
                   ORDER BY i.ordinal);
    FOR ordinal IN
        DELETE FROM respgres.hash_field AS f
         USING unnest(of_key, fields) WITH ORDINALITY
               AS i (of_key, field, ordinal)
         WHERE f.slot = k.content_slots[i.of_key]
           AND f.content_id = k.content_ids[i.of_key]
           AND f.hash = respgres.element_hash(i.field)
           AND f.field = respgres.indexed(i.field)
        RETURNING i.ordinal
    LOOP
        gone[ordinal] := true;
    END LOOP;
    growths := ARRAY(
        SELECT CASE WHEN bool_or(i.gone)
                    THEN -count(*) FILTER (WHERE i.gone) END
          FROM unnest(of_key, gone) AS i (of_key, gone)
         GROUP BY i.of_key ORDER BY i.of_key);
    PERFORM respgres.close_keys(dbs, slots, keys, k.content_ids, growths);
    RETURN QUERY
    SELECT i.ordinal, i.gone
      FROM unnest(gone) WITH ORDINALITY AS i (gone, ordinal);
END
$$;

-- Deletes the expired fields of locked hashes.
CREATE OR REPLACE FUNCTION respgres.drop_expired_fields(
    dbs int[], slots smallint[], keys bytea[], content_ids bigint[],
    fields_expire_at bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    now_ms bigint := respgres.now_ms();
    i int;
    dropped bigint;
BEGIN
    -- Most hashes have no such fields.
    IF coalesce(array_position(ARRAY(
           SELECT e.at <= now_ms
             FROM unnest(fields_expire_at) AS e (at)
            WHERE e.at IS NOT NULL), true), 0) = 0 THEN
        RETURN;
    END IF;
    FOR i IN 1 .. cardinality(keys) LOOP
        CONTINUE WHEN fields_expire_at[i] IS NULL
                   OR fields_expire_at[i] > now_ms;
        DELETE FROM respgres.hash_field AS f
         USING respgres.key k
         WHERE k.db = dbs[i] AND k.key = respgres.indexed(keys[i])
           AND k.slot = slots[i] AND f.slot = k.content_slot
           AND f.content_id = k.content_id AND f.expires_at <= now_ms;
        GET DIAGNOSTICS dropped = ROW_COUNT;
        UPDATE respgres.key AS u
           SET size = u.size - dropped,
               fields_expire_at = (
                   SELECT min(f.expires_at) FROM respgres.hash_field f
                    WHERE f.slot = u.content_slot
                      AND f.content_id = u.content_id)
         WHERE u.db = dbs[i] AND u.key = respgres.indexed(keys[i])
           AND u.slot = slots[i];
    END LOOP;
END
$$;

-- How many of the fields are new.
CREATE OR REPLACE FUNCTION respgres.hset(
    db int, key bytea, fields bytea[], "values" bytea[],
    slot smallint DEFAULT NULL, OUT error text, OUT added bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    -- Of a field given twice the last value counts.
    SELECT CASE WHEN bool_or(m.added IS NULL) THEN respgres.wrong_type() END,
           count(*) FILTER (WHERE m.added)
      INTO error, added
      FROM (SELECT array_agg(d.field) AS fields, array_agg(d.value) AS values
              FROM (SELECT DISTINCT ON (i.field) i.field, i.value
                      FROM unnest(hset.fields, hset."values") WITH ORDINALITY
                           AS i (field, value, ordinal)
                     ORDER BY i.field, i.ordinal DESC) AS d) AS g
     CROSS JOIN LATERAL respgres.hset_many(
           ARRAY[hset.db],
           ARRAY[coalesce(hset.slot, respgres.slot(hset.key))],
           ARRAY[hset.key], array_fill(1, ARRAY[cardinality(g.fields)]),
           g.fields, g.values) AS m;
END
$$;
