-- Hashes: what an application may call, and the set-based functions of lanes.
--
-- As in 20_strings.sql an expected failure is the text in `error`, and a slot
-- of NULL is computed.  Functions named …_many take what statement.h calls
-- repeated keys: dbs, slots and keys hold each key once, in order; of_key tells
-- for each element the number of its key.  They return the ordinals of the
-- elements that made a difference, ascending; negative ones are of elements
-- whose key holds another type.

-- The part of such a result that tells of keys of another type.
CREATE OR REPLACE FUNCTION respgres.misplaced(
    of_key int[], content_ids bigint[]) RETURNS bigint[]
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF array_position(content_ids, -1::bigint) IS NULL THEN
        RETURN '{}';
    END IF;
    RETURN ARRAY(
        SELECT -i.ordinal
          FROM unnest(of_key) WITH ORDINALITY AS i (of_key, ordinal)
         WHERE content_ids[i.of_key] = -1);
END
$$;

-- Both parts of such a result in order.
CREATE OR REPLACE FUNCTION respgres.join_ordinals(
    ordinals bigint[], misplaced bigint[]) RETURNS bigint[]
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF cardinality(misplaced) = 0 THEN
        RETURN ordinals;
    END IF;
    RETURN ARRAY(SELECT o.n FROM unnest(ordinals || misplaced) AS o (n)
                  ORDER BY abs(o.n));
END
$$;

-- Deletes the expired fields of locked hashes.
CREATE OR REPLACE FUNCTION respgres.drop_expired_fields(
    dbs int[], slots smallint[], keys bytea[], content_ids bigint[],
    content_slots smallint[], fields_expire_at bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    now_ms bigint := respgres.now_ms();
    dropped bigint;
BEGIN
    FOR i IN 1 .. cardinality(keys) LOOP
        CONTINUE WHEN fields_expire_at[i] IS NULL
                   OR fields_expire_at[i] > now_ms;
        DELETE FROM respgres.hash_field AS f
         WHERE f.slot = content_slots[i] AND f.content_id = content_ids[i]
           AND f.expires_at <= now_ms;
        GET DIAGNOSTICS dropped = ROW_COUNT;
        UPDATE respgres.key AS u
           SET size = u.size - dropped,
               fields_expire_at = respgres.first_expiry(u.content_slot,
                                                        u.content_id)
         WHERE u.db = dbs[i] AND u.key = respgres.indexed(keys[i])
           AND u.slot = slots[i];
    END LOOP;
END
$$;

-- When the first of a hash's fields expires, or NULL.
CREATE OR REPLACE FUNCTION respgres.first_expiry(
    content_slot smallint, content_id bigint) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT f.expires_at
              FROM respgres.hash_field f
             WHERE f.slot = first_expiry.content_slot
               AND f.content_id = first_expiry.content_id
               AND f.expires_at IS NOT NULL
             ORDER BY f.slot, f.content_id, f.expires_at
             LIMIT 1);
END
$$;

-- How many elements each of `count` keys has.
CREATE OR REPLACE FUNCTION respgres.counts_by_key(count int, of_key int[])
RETURNS bigint[]
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF count = cardinality(of_key) THEN
        RETURN array_fill(1::bigint, ARRAY[count]);
    END IF;
    RETURN ARRAY(SELECT count(*) FROM unnest(of_key) AS i (key)
                  GROUP BY i.key ORDER BY i.key);
END
$$;

-- Sets fields; which are new.  The fields of one key differ.
CREATE OR REPLACE FUNCTION respgres.hset_many(
    dbs int[], slots smallint[], keys bytea[], of_key int[],
    fields bytea[], "values" bytea[]) RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
    now_ms bigint := respgres.now_ms();
    opened record;
    news bigint[];
    misplaced bigint[] := '{}';
    places bigint[];
BEGIN
    -- A hash that is set changes in any case: where all are there, one
    -- statement locks and changes their rows.
    WITH changed AS (
        UPDATE respgres.key AS u
           SET version = u.version + 1, touched_at = now_ms / 1000
          FROM unnest(dbs, slots, keys) AS i (db, slot, key)
         WHERE u.db = i.db AND u.key = respgres.indexed(i.key)
           AND u.slot = i.slot AND u.type = 'h'
           AND (u.expires_at IS NULL OR u.expires_at > now_ms)
        RETURNING u.content_id, u.content_slot, u.fields_expire_at
    )
    SELECT array_agg(c.content_id) AS content_ids,
           array_agg(c.content_slot) AS content_slots,
           array_agg(c.fields_expire_at) AS fields_expire_at,
           NULL::boolean[] AS made,
           min(c.fields_expire_at) AS first_expiry, count(*) AS count
      INTO opened FROM changed c;
    IF opened.count < cardinality(keys) THEN
        SELECT o.*, (SELECT min(e.at)
                       FROM unnest(o.fields_expire_at) AS e (at))
               AS first_expiry
          INTO opened
          FROM respgres.open_keys(
               dbs, slots, keys, 'h', true,
               respgres.counts_by_key(cardinality(keys), of_key)) o;
        misplaced := respgres.misplaced(of_key, opened.content_ids);
    END IF;
    IF opened.first_expiry <= now_ms THEN
        PERFORM respgres.drop_expired_fields(
            dbs, slots, keys, opened.content_ids, opened.content_slots,
            opened.fields_expire_at);
    END IF;
    IF cardinality(misplaced) > 0 THEN
        SELECT array_agg(i.ordinal), array_agg(i.of_key),
               array_agg(i.field), array_agg(i.value)
          INTO places, of_key, fields, "values"
          FROM unnest(of_key, fields, "values") WITH ORDINALITY
               AS i (of_key, field, value, ordinal)
         WHERE opened.content_ids[i.of_key] > 0;
    END IF;
    -- Rows come back in the order in which they go in.
    WITH stored AS (
        INSERT INTO respgres.hash_field AS f
               (slot, content_id, hash, field, long_field, value)
        SELECT opened.content_slots[i.of_key], opened.content_ids[i.of_key],
               respgres.element_hash(i.field), respgres.indexed(i.field),
               respgres.long(i.field), i.value
          FROM unnest(of_key, fields, "values") AS i (of_key, field, value)
            ON CONFLICT (slot, content_id, hash, field) DO UPDATE
           SET value = excluded.value, expires_at = NULL
        RETURNING f.xmax = 0 AS is_new
    )
    SELECT coalesce(array_agg(s.ordinal) FILTER (WHERE s.is_new), '{}')
      INTO news
      FROM (SELECT r.is_new, row_number() OVER () AS ordinal
              FROM stored r) AS s;
    IF cardinality(news) > 0 AND NOT coalesce(true = ALL (opened.made), false)
    THEN
        UPDATE respgres.key AS u
           SET size = u.size + g.growth
          FROM (SELECT o.key, count(*) AS growth
                  FROM (SELECT of_key[n.ordinal] AS key
                          FROM unnest(news) AS n (ordinal)) AS o
                 GROUP BY o.key) AS g
         WHERE u.db = dbs[g.key] AND u.key = respgres.indexed(keys[g.key])
           AND u.slot = slots[g.key]
           AND NOT coalesce(opened.made[g.key], false);
    END IF;
    IF cardinality(misplaced) > 0 THEN
        news := ARRAY(SELECT places[n.ordinal]
                        FROM unnest(news) AS n (ordinal));
    END IF;
    RETURN respgres.join_ordinals(news, misplaced);
END
$$;

-- Removes fields; which were there.  The fields of one key differ.
CREATE OR REPLACE FUNCTION respgres.hdel_many(
    dbs int[], slots smallint[], keys bytea[], of_key int[], fields bytea[])
RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
    now_ms bigint := respgres.now_ms();
    opened record;
    removed bigint[];
BEGIN
    SELECT * INTO opened
      FROM respgres.open_keys(dbs, slots, keys, 'h', false);
    IF now_ms >= ANY (opened.fields_expire_at) THEN
        PERFORM respgres.drop_expired_fields(
            dbs, slots, keys, opened.content_ids, opened.content_slots,
            opened.fields_expire_at);
    END IF;
    WITH gone AS (
        DELETE FROM respgres.hash_field AS f
         USING unnest(of_key, fields) WITH ORDINALITY
               AS i (of_key, field, ordinal)
         WHERE f.slot = opened.content_slots[i.of_key]
           AND f.content_id = opened.content_ids[i.of_key]
           AND f.hash = respgres.element_hash(i.field)
           AND f.field = respgres.indexed(i.field)
        RETURNING i.ordinal
    )
    SELECT coalesce(array_agg(g.ordinal), '{}') INTO removed FROM gone g;
    PERFORM respgres.close_keys(
        dbs, slots, keys, opened.content_ids,
        respgres.shrinkages(cardinality(keys), of_key, removed));
    RETURN respgres.join_ordinals(
        removed, respgres.misplaced(of_key, opened.content_ids));
END
$$;

-- For close_keys(): how much each of `count` keys has lost when the elements
-- with these ordinals are gone; NULL: nothing.
CREATE OR REPLACE FUNCTION respgres.shrinkages(
    count int, of_key int[], removed bigint[]) RETURNS bigint[]
LANGUAGE plpgsql STABLE AS $$
DECLARE
    growths bigint[] := array_fill(NULL::bigint, ARRAY[count]);
    g record;
BEGIN
    FOR g IN SELECT o.key, count(*) AS lost
               FROM (SELECT of_key[r.ordinal] AS key
                       FROM unnest(removed) AS r (ordinal)) AS o
              GROUP BY o.key
    LOOP
        growths[g.key] := -g.lost;
    END LOOP;
    RETURN growths;
END
$$;

-- Adds to fields that are integers, in the order of the elements.
CREATE OR REPLACE FUNCTION respgres.hincrby_many(
    dbs int[], slots smallint[], keys bytea[], of_key int[],
    fields bytea[], increments bigint[])
RETURNS TABLE (ordinal bigint, error text, number bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    now_ms bigint := respgres.now_ms();
    opened record;
    done record;
BEGIN
    SELECT * INTO opened
      FROM respgres.open_keys(dbs, slots, keys, 'h', true);
    IF now_ms >= ANY (opened.fields_expire_at) THEN
        PERFORM respgres.drop_expired_fields(
            dbs, slots, keys, opened.content_ids, opened.content_slots,
            opened.fields_expire_at);
    END IF;
    WITH sums AS MATERIALIZED (
        SELECT i.of_key, i.field, i.ordinal, f.value IS NULL AS is_new,
               i.is_last, i.sum + CASE
                   WHEN f.value IS NULL THEN 0
                   WHEN octet_length(f.value) <= 20
                        AND encode(f.value, 'escape')
                            ~ '^(0|-?[1-9][0-9]{0,18})$'
                   THEN encode(f.value, 'escape')::numeric END AS sum
          FROM (SELECT u.*, sum(u.increment) OVER before AS sum,
                       lead(u.ordinal) OVER before IS NULL AS is_last
                  FROM unnest(of_key, fields, increments) WITH ORDINALITY
                       AS u (of_key, field, increment, ordinal)
                WINDOW before AS (PARTITION BY u.of_key, u.field
                                  ORDER BY u.ordinal)) AS i
          LEFT JOIN respgres.hash_field f
            ON f.slot = opened.content_slots[i.of_key]
           AND f.content_id = opened.content_ids[i.of_key]
           AND f.hash = respgres.element_hash(i.field)
           AND f.field = respgres.indexed(i.field)
         WHERE opened.content_ids[i.of_key] > 0
    ), verdict AS MATERIALIZED (
        SELECT coalesce(bool_or(s.sum NOT BETWEEN -9223372036854775808
                                AND 9223372036854775807), false) AS overflows
          FROM sums s
    ), stored AS (
        INSERT INTO respgres.hash_field AS f
               (slot, content_id, hash, field, long_field, value)
        SELECT opened.content_slots[s.of_key], opened.content_ids[s.of_key],
               respgres.element_hash(s.field), respgres.indexed(s.field),
               respgres.long(s.field), convert_to(s.sum::text, 'UTF8')
          FROM sums s
         WHERE s.is_last AND s.sum IS NOT NULL
           AND NOT (SELECT v.overflows FROM verdict v)
            ON CONFLICT (slot, content_id, hash, field) DO UPDATE
           SET value = excluded.value
    )
    SELECT (SELECT v.overflows FROM verdict v) AS overflows,
           array_agg(s.of_key) AS of_key, array_agg(s.sum) AS sums,
           array_agg(s.ordinal) AS ordinals,
           array_agg(s.is_new AND s.is_last) AS is_new
      INTO done FROM sums s;
    IF done.overflows AND cardinality(of_key) > 1 THEN
        -- One by one, so that it counts for nobody else.
        FOR i IN 1 .. cardinality(of_key) LOOP
            RETURN QUERY
            SELECT i::bigint, m.error, m.number
              FROM respgres.hincrby_many(
                   dbs[of_key[i]:of_key[i]], slots[of_key[i]:of_key[i]],
                   keys[of_key[i]:of_key[i]], ARRAY[1],
                   fields[i:i], increments[i:i]) AS m;
        END LOOP;
        PERFORM respgres.close_keys(
            dbs, slots, keys, opened.content_ids,
            array_fill(NULL::bigint, ARRAY[cardinality(keys)]));
        RETURN;
    ELSIF done.overflows THEN
        RETURN QUERY SELECT 1::bigint,
            'ERR increment or decrement would overflow', NULL::bigint;
        RETURN;
    END IF;
    UPDATE respgres.key AS u
       SET size = u.size + g.growth, version = u.version + 1,
           touched_at = now_ms / 1000
      FROM (SELECT d.of_key, count(*) FILTER (WHERE d.is_new) AS growth
              FROM unnest(done.of_key, done.is_new, done.sums)
                   AS d (of_key, is_new, sum)
             WHERE d.sum IS NOT NULL
             GROUP BY d.of_key) AS g
     WHERE u.db = dbs[g.of_key] AND u.key = respgres.indexed(keys[g.of_key])
       AND u.slot = slots[g.of_key];
    RETURN QUERY
    SELECT r.ordinal, CASE WHEN r.sum IS NULL
                           THEN 'ERR hash value is not an integer' END,
           r.sum::bigint
      FROM unnest(done.ordinals, done.sums) AS r (ordinal, sum)
     UNION ALL
    SELECT -m.ordinal, respgres.wrong_type(), NULL
      FROM unnest(respgres.misplaced(of_key, opened.content_ids))
           AS m (ordinal)
     ORDER BY 1;
END
$$;

-- Locks a hash as open_key() does, without expired fields.
CREATE OR REPLACE FUNCTION respgres.open_hash(
    db int, slot smallint, key bytea, make boolean,
    OUT error text, OUT content_id bigint, OUT content_slot smallint,
    OUT size bigint)
LANGUAGE plpgsql AS $$
DECLARE
    o record;
BEGIN
    SELECT * INTO o FROM respgres.open_key(db, slot, key, 'h', make);
    error := o.error;
    content_id := o.content_id;
    content_slot := o.content_slot;
    size := o.size;
    IF o.fields_expire_at <= respgres.now_ms() AND content_id IS NOT NULL THEN
        PERFORM respgres.drop_expired_fields(
            ARRAY[db], ARRAY[slot], ARRAY[key], ARRAY[content_id],
            ARRAY[content_slot], ARRAY[o.fields_expire_at]);
        SELECT k.size INTO size
          FROM respgres.key k
         WHERE k.db = open_hash.db AND k.key = respgres.indexed(open_hash.key)
           AND k.slot = open_hash.slot;
        IF size = 0 AND NOT make THEN
            PERFORM respgres.close_key(db, slot, key, 0);
            content_id := NULL;
        END IF;
    END IF;
END
$$;

-- One field of a hash that open_hash() locked; value is NULL when it is not
-- there.
CREATE OR REPLACE FUNCTION respgres.find_field(
    content_slot smallint, content_id bigint, name bytea,
    OUT value bytea, OUT expires_at bigint)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    SELECT f.value, f.expires_at INTO value, expires_at
      FROM respgres.hash_field f
     WHERE f.slot = find_field.content_slot
       AND f.content_id = find_field.content_id
       AND f.hash = respgres.element_hash(name)
       AND f.field = respgres.indexed(name)
       AND (f.expires_at IS NULL OR f.expires_at > respgres.now_ms());
END
$$;

-- Stores one field of a locked hash, with its expiry; whether it is new.
CREATE OR REPLACE FUNCTION respgres.store_field(
    content_slot smallint, content_id bigint, name bytea, new_value bytea,
    new_expiry bigint DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    is_new boolean;
BEGIN
    INSERT INTO respgres.hash_field AS f
           (slot, content_id, hash, field, long_field, value, expires_at)
    VALUES (store_field.content_slot, store_field.content_id,
            respgres.element_hash(name), respgres.indexed(name),
            respgres.long(name), new_value, new_expiry)
        ON CONFLICT ON CONSTRAINT hash_field_pkey DO UPDATE
       SET value = excluded.value, expires_at = excluded.expires_at
    RETURNING f.xmax = 0 INTO is_new;
    RETURN is_new;
END
$$;

-- Removes one field of a locked hash; whether it was there.
CREATE OR REPLACE FUNCTION respgres.remove_field(
    content_slot smallint, content_id bigint, name bytea) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM respgres.hash_field AS f
     WHERE f.slot = remove_field.content_slot
       AND f.content_id = remove_field.content_id
       AND f.hash = respgres.element_hash(name)
       AND f.field = respgres.indexed(name);
    RETURN FOUND;
END
$$;

-- How many of the fields are new.
CREATE OR REPLACE FUNCTION respgres.hset(
    db int, key bytea, fields bytea[], "values" bytea[],
    slot smallint DEFAULT NULL, OUT error text, OUT added bigint)
LANGUAGE plpgsql AS $$
DECLARE
    ordinals bigint[];
BEGIN
    -- Of a field given twice the last value counts.
    SELECT respgres.hset_many(
               ARRAY[hset.db],
               ARRAY[coalesce(hset.slot, respgres.slot(hset.key))],
               ARRAY[hset.key], array_agg(1), array_agg(d.field),
               array_agg(d.value))
      INTO ordinals
      FROM (SELECT l.field, l.value
              FROM (SELECT DISTINCT ON (i.field) i.field, i.value, i.ordinal
                      FROM unnest(hset.fields, hset."values")
                           WITH ORDINALITY AS i (field, value, ordinal)
                     ORDER BY i.field, i.ordinal DESC) AS l
             ORDER BY l.ordinal) AS d;
    IF ordinals[1] < 0 THEN
        error := respgres.wrong_type();
    ELSE
        added := cardinality(ordinals);
    END IF;
END
$$;

-- How many of the fields there were.
CREATE OR REPLACE FUNCTION respgres.hdel(
    db int, key bytea, fields bytea[], slot smallint DEFAULT NULL,
    OUT error text, OUT removed bigint)
LANGUAGE plpgsql AS $$
DECLARE
    ordinals bigint[];
BEGIN
    SELECT respgres.hdel_many(
               ARRAY[hdel.db],
               ARRAY[coalesce(hdel.slot, respgres.slot(hdel.key))],
               ARRAY[hdel.key], array_agg(1), array_agg(d.field))
      INTO ordinals
      FROM (SELECT DISTINCT i.field FROM unnest(hdel.fields) AS i (field))
           AS d;
    IF ordinals[1] < 0 THEN
        error := respgres.wrong_type();
    ELSE
        removed := cardinality(ordinals);
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION respgres.hincrby(
    db int, key bytea, field bytea, increment bigint,
    slot smallint DEFAULT NULL, OUT error text, OUT number bigint)
LANGUAGE plpgsql AS $$
BEGIN
    SELECT m.error, m.number INTO error, number
      FROM respgres.hincrby_many(
               ARRAY[hincrby.db],
               ARRAY[coalesce(hincrby.slot, respgres.slot(hincrby.key))],
               ARRAY[hincrby.key], ARRAY[1], ARRAY[hincrby.field],
               ARRAY[hincrby.increment]) AS m;
END
$$;

CREATE OR REPLACE FUNCTION respgres.hsetnx(
    db int, key bytea, field bytea, value bytea,
    slot smallint DEFAULT NULL, OUT error text, OUT done boolean)
LANGUAGE plpgsql AS $$
DECLARE
    h record;
BEGIN
    slot := coalesce(slot, respgres.slot(key));
    SELECT * INTO h FROM respgres.open_hash(db, slot, key, true);
    error := h.error;
    IF error IS NOT NULL THEN
        RETURN;
    END IF;
    SELECT f.value IS NULL INTO done
      FROM respgres.find_field(h.content_slot, h.content_id, field) f;
    IF done THEN
        PERFORM respgres.store_field(h.content_slot, h.content_id, field,
                                     hsetnx.value);
        PERFORM respgres.close_key(db, slot, key, h.size + 1);
    END IF;
END
$$;

-- By the arithmetic of respgres.incrbyfloat().  The field keeps its expiry.
CREATE OR REPLACE FUNCTION respgres.hincrbyfloat(
    db int, key bytea, field bytea, increment numeric,
    slot smallint DEFAULT NULL, OUT error text, OUT value bytea)
LANGUAGE plpgsql AS $$
DECLARE
    h record;
    old record;
    digits text := '0';
    is_new boolean;
BEGIN
    slot := coalesce(slot, respgres.slot(key));
    SELECT * INTO h FROM respgres.open_hash(db, slot, key, true);
    error := h.error;
    IF error IS NOT NULL THEN
        RETURN;
    END IF;
    SELECT * INTO old
      FROM respgres.find_field(h.content_slot, h.content_id, field);
    IF old.value IS NOT NULL THEN
        digits := CASE WHEN octet_length(old.value) < 5120
                       THEN encode(old.value, 'escape') END;
    END IF;
    IF digits ~* '^[+-]?inf(inity)?$' THEN
        error := 'ERR increment would produce NaN or Infinity';
        RETURN;
    ELSIF digits IS NULL OR digits !~
        '^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?$' THEN
        error := 'ERR hash value is not a float';
        RETURN;
    END IF;
    value := convert_to(
        trim_scale(round(digits::numeric + increment, 17))::text, 'UTF8');
    is_new := respgres.store_field(h.content_slot, h.content_id, field,
                                   hincrbyfloat.value, old.expires_at);
    PERFORM respgres.close_key(db, slot, key, h.size + is_new::int);
END
$$;

-- NULL: no such field.
CREATE OR REPLACE FUNCTION respgres.hget(
    db int, key bytea, field bytea, slot smallint DEFAULT NULL,
    OUT error text, OUT value bytea)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    h record;
BEGIN
    SELECT * INTO h FROM respgres.look_key(db, slot, key, 'h');
    error := h.error;
    SELECT f.value INTO value
      FROM respgres.find_field(h.content_slot, h.content_id, field) f;
END
$$;

CREATE OR REPLACE FUNCTION respgres.hmget(
    db int, key bytea, fields bytea[], slot smallint DEFAULT NULL,
    OUT error text, OUT "values" bytea[])
LANGUAGE plpgsql STABLE AS $$
DECLARE
    h record;
BEGIN
    SELECT * INTO h FROM respgres.look_key(db, slot, key, 'h');
    error := h.error;
    IF error IS NULL THEN
        "values" := ARRAY(
            SELECT (SELECT f.value FROM respgres.find_field(
                        h.content_slot, h.content_id, i.field) f)
              FROM unnest(hmget.fields) WITH ORDINALITY AS i (field, ordinal)
             ORDER BY i.ordinal);
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION respgres.hexists(
    db int, key bytea, field bytea, slot smallint DEFAULT NULL,
    OUT error text, OUT is_there boolean)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    SELECT g.error, g.value IS NOT NULL INTO error, is_there
      FROM respgres.hget(db, key, field, slot) g;
END
$$;

CREATE OR REPLACE FUNCTION respgres.hlen(
    db int, key bytea, slot smallint DEFAULT NULL,
    OUT error text, OUT length bigint)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    h record;
BEGIN
    SELECT * INTO h FROM respgres.look_key(db, slot, key, 'h');
    error := h.error;
    IF error IS NULL THEN
        length := coalesce(h.size, 0) - (
            SELECT count(*) FROM respgres.hash_field f
             WHERE f.slot = h.content_slot AND f.content_id = h.content_id
               AND f.expires_at <= respgres.now_ms());
    END IF;
END
$$;

-- No rows when there is no such key, or one of another type.
CREATE OR REPLACE FUNCTION respgres.hgetall(
    db int, key bytea, slot smallint DEFAULT NULL)
RETURNS TABLE (field bytea, value bytea)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    h record;
    now_ms bigint := respgres.now_ms();
BEGIN
    SELECT * INTO h FROM respgres.look_key(db, slot, key, 'h');
    RETURN QUERY
    SELECT coalesce(f.long_field, f.field), f.value
      FROM respgres.hash_field f
     WHERE f.slot = h.content_slot AND f.content_id = h.content_id
       AND (f.expires_at IS NULL OR f.expires_at > now_ms)
     ORDER BY f.ordinal;
END
$$;

CREATE OR REPLACE FUNCTION respgres.hkeys(
    db int, key bytea, slot smallint DEFAULT NULL) RETURNS SETOF bytea
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY SELECT a.field FROM respgres.hgetall(db, key, slot) a;
END
$$;

CREATE OR REPLACE FUNCTION respgres.hvals(
    db int, key bytea, slot smallint DEFAULT NULL) RETURNS SETOF bytea
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY SELECT a.value FROM respgres.hgetall(db, key, slot) a;
END
$$;
