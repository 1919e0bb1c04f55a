-- SORT: lists, sets and sorted sets in order, by what other keys hold.
--
-- Weights and what is to be got are looked up by index, a key at a time, in the
-- snapshot in which the elements are read.  Keys that patterns name are found
-- without their slot, which follows from the key.

-- A pattern's parts: what a key's name has before and behind the element, and
-- the field when the value is one of a hash.  A prefix of NULL names no key.
-- Redis looks for "*" and "->" up to the first zero byte.
CREATE OR REPLACE FUNCTION respgres.sort_pattern(
    pattern bytea, OUT prefix bytea, OUT suffix bytea, OUT field bytea,
    OUT is_element boolean)
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    -- Where the text ends, from 1.
    ending int := coalesce(
        nullif(position('\x00'::bytea IN pattern), 0),
        octet_length(pattern) + 1);
    star int := position('\x2a'::bytea IN pattern);
    arrow int;
BEGIN
    is_element := ending = 2 AND substr(pattern, 1, 1) = '\x23';
    IF is_element OR star = 0 OR star > ending THEN
        RETURN;
    END IF;
    prefix := substr(pattern, 1, star - 1);
    suffix := substr(pattern, star + 1);
    arrow := position('\x2d3e'::bytea IN suffix);
    IF arrow > 0 AND star + arrow + 2 < ending THEN
        field := substr(suffix, arrow + 2);
        suffix := substr(suffix, 1, arrow - 1);
    END IF;
END
$$;

-- What a pattern names for an element; no row when there is nothing.  Made to
-- be inlined.
CREATE OR REPLACE FUNCTION respgres.sort_look_up(
    db int, prefix bytea, element bytea, suffix bytea, field bytea,
    now_ms bigint)
RETURNS TABLE (value bytea, number bigint)
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN sort_look_up.field IS NULL THEN k.value ELSE f.value END,
           k.number
      FROM respgres.key k
      LEFT JOIN respgres.hash_field f
        ON f.slot = k.content_slot AND f.content_id = k.content_id
       AND f.hash = respgres.element_hash(sort_look_up.field)
       AND f.field = respgres.indexed(sort_look_up.field)
       AND (f.expires_at IS NULL OR f.expires_at > sort_look_up.now_ms)
     WHERE k.db = sort_look_up.db
       AND k.key = respgres.indexed(sort_look_up.prefix
                                    || sort_look_up.element
                                    || sort_look_up.suffix)
       AND (k.expires_at IS NULL OR k.expires_at > sort_look_up.now_ms)
       AND k.type = CASE WHEN sort_look_up.field IS NULL THEN 's'
                         ELSE 'h' END::"char"
       AND (sort_look_up.field IS NULL OR f.value IS NOT NULL)
$$;

-- The number that a text is for C's strtod(), which reads up to the first zero
-- byte and takes no text for 0; NULL when it is none, or none that a double
-- can hold.
CREATE OR REPLACE FUNCTION respgres.sort_number(value bytea)
RETURNS double precision
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    digits text := split_part(encode(value, 'escape'), '\000', 1);
    number double precision;
BEGIN
    IF digits = '' THEN
        RETURN 0;
    END IF;
    -- PostgreSQL allows blanks behind the number.
    IF digits ~ '[ \t\n\v\f\r]$' THEN
        RETURN NULL;
    END IF;
    number := digits::double precision;
    -- Smaller ones are not exact, unless they are written in hexadecimal.
    IF number = 'NaN' OR (abs(number) < 2.2250738585072014e-308
                          AND number <> 0 AND digits !~* '^\s*[+-]?0x') THEN
        RETURN NULL;
    END IF;
    RETURN number;
EXCEPTION
    WHEN invalid_text_representation OR numeric_value_out_of_range THEN
        RETURN NULL;
END
$$;

-- A collection's elements from `start` on, `count` of them, as they stand: a
-- list's by position, a sorted set's by score, a set's in any order.
CREATE OR REPLACE FUNCTION respgres.unsorted_elements(
    type "char", content_slot smallint, content_id bigint,
    first_position bigint, size bigint, start bigint, count bigint,
    descending boolean)
RETURNS TABLE (place bigint, value bytea)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    low bigint;
BEGIN
    IF type = 'l' THEN
        low := first_position + CASE WHEN descending
                                     THEN size - start - count
                                     ELSE start END;
        RETURN QUERY
        SELECT CASE WHEN descending THEN low + count - l.position
                    ELSE l.position - low + 1 END, l.value
          FROM respgres.list_item l
         WHERE l.slot = content_slot
           AND l.content_id = unsorted_elements.content_id
           AND l.position >= low AND l.position < low + count
         ORDER BY 1;
    ELSIF type = 't' THEN
        RETURN QUERY
        SELECT row_number() OVER (), coalesce(o.long_member, o.member)
          FROM (SELECT m.member, m.long_member
                  FROM respgres.set_member m
                 WHERE m.slot = content_slot
                   AND m.content_id = unsorted_elements.content_id
                 ORDER BY m.slot, m.content_id, m.hash, m.member
                OFFSET start LIMIT count) AS o;
    ELSE
        RETURN QUERY
        SELECT row_number() OVER (), m.member
          FROM respgres.sorted_set_range(
               content_slot, unsorted_elements.content_id, size, descending,
               NULL, NULL, '-Infinity', '', 'NaN', '', start, count) m;
    END IF;
END
$$;

-- The elements in order of their weights: of what the pattern's parts name, or
-- of themselves (no prefix).  Numbers that are equal leave the order to the
-- elements' bytes; texts that are equal leave it to the collection.  One row
-- that is `bad` when a weight is no number.
CREATE OR REPLACE FUNCTION respgres.sorted_elements(
    db int, type "char", content_slot smallint, content_id bigint,
    prefix bytea, suffix bytea, field bytea, start bigint, count bigint,
    descending boolean, alpha boolean)
RETURNS TABLE (place bigint, value bytea, bad boolean)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    now_ms bigint := respgres.now_ms();
    is_number CONSTANT text :=
        '^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,2})?$';
BEGIN
    RETURN QUERY
    SELECT row_number() OVER (), o.value, o.bad
      FROM (SELECT w.value, w.bad
              FROM (SELECT n.value, n.native, n.text, n.number,
                           bool_or(n.number IS NULL) OVER () AS bad
                      FROM (SELECT e.value, e.native,
                                   CASE WHEN NOT alpha OR prefix IS NULL
                                        THEN e.value
                                        ELSE respgres.string_bytes(
                                             v.value, v.number) END,
                                   CASE WHEN alpha THEN 0
                                        WHEN v.number IS NOT NULL
                                        THEN v.number::double precision
                                        WHEN v.value IS NULL THEN 0
                                        -- Within what a double can hold.
                                        WHEN octet_length(v.value) <= 100
                                             AND encode(v.value, 'escape')
                                                 ~ is_number
                                        THEN encode(v.value, 'escape')
                                             ::double precision
                                        ELSE respgres.sort_number(v.value) END
                              FROM respgres.collection_elements(
                                   type, content_slot,
                                   sorted_elements.content_id) e
                              LEFT JOIN LATERAL (
                                   SELECT l.value, l.number
                                     FROM respgres.sort_look_up(
                                          db, prefix, e.value, suffix, field,
                                          now_ms) l
                                    UNION ALL
                                   SELECT e.value, NULL
                                    WHERE prefix IS NULL) AS v ON true
                           ) AS n (value, native, text, number)
                   ) AS w
             ORDER BY CASE WHEN descending THEN -w.number ELSE w.number END,
                      CASE WHEN NOT descending THEN w.text END
                          NULLS FIRST,
                      CASE WHEN descending THEN w.text END
                          DESC NULLS LAST,
                      w.native
            OFFSET start LIMIT count) AS o;
END
$$;

-- All elements, and by what they stand in the collection.  Made to be inlined.
CREATE OR REPLACE FUNCTION respgres.collection_elements(
    type "char", content_slot smallint, content_id bigint)
RETURNS TABLE (value bytea, native double precision)
LANGUAGE sql STABLE AS $$
    SELECT l.value, l.position::double precision
      FROM respgres.list_item l
     WHERE collection_elements.type = 'l'
       AND l.slot = collection_elements.content_slot
       AND l.content_id = collection_elements.content_id
     UNION ALL
    SELECT coalesce(m.long_member, m.member), m.hash::double precision
      FROM respgres.set_member m
     WHERE collection_elements.type = 't'
       AND m.slot = collection_elements.content_slot
       AND m.content_id = collection_elements.content_id
     UNION ALL
    SELECT coalesce(m.long_member, m.member), m.score
      FROM respgres.sorted_set_member m
     WHERE collection_elements.type = 'z'
       AND m.slot = collection_elements.content_slot
       AND m.content_id = collection_elements.content_id
$$;

-- What SORT answers: a row for each value, numbered from 1, with their total;
-- one row without a place when there is none, or with an error; no row when
-- there is no key.  `in_order`: also sets that are not to be sorted come in a
-- certain order.  With `most`, an answer that has as many rows or takes its
-- time is that many rows without values: whoever asked does so again, without
-- `most`, where it holds up nobody.
CREATE OR REPLACE FUNCTION respgres.sort_rows(
    db int, slot smallint, key bytea, by bytea, "get" bytea[],
    start bigint, count bigint, descending boolean, alpha boolean,
    in_order boolean, most bigint)
RETURNS TABLE (error text, total bigint, place bigint, value bytea)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    quickly CONSTANT bigint := 1000;
    not_numbers CONSTANT text :=
        'ERR One or more scores can''t be converted into double';
    now_ms bigint := respgres.now_ms();
    k record;
    weight record;
    parts record;
    unsorted boolean;
    got int := GREATEST(coalesce(cardinality("get"), 0), 1);
BEGIN
    SELECT o.type, o.content_slot, o.content_id, o.first_position, o.size
      INTO k
      FROM respgres.key o
     WHERE o.db = sort_rows.db AND o.slot = sort_rows.slot
       AND o.key = respgres.indexed(sort_rows.key)
       AND (o.expires_at IS NULL OR o.expires_at > now_ms);
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF k.type NOT IN ('l', 't', 'z') THEN
        RETURN QUERY SELECT respgres.wrong_type(), 0::bigint, NULL::bigint,
                            NULL::bytea;
        RETURN;
    END IF;
    SELECT p.prefix, p.suffix, p.field INTO weight
      FROM respgres.sort_pattern(by) p;
    unsorted := by IS NOT NULL AND weight.prefix IS NULL;
    IF unsorted AND k.type = 't' AND in_order THEN
        unsorted := false;
        alpha := true;
    END IF;
    start := LEAST(GREATEST(start, 0), k.size);
    count := LEAST(CASE WHEN count < 0 THEN k.size ELSE count END,
                   k.size - start);
    total := count * got;
    IF total >= most
       OR (most IS NOT NULL AND NOT unsorted AND k.size * got > quickly) THEN
        RETURN QUERY SELECT NULL::text, total, i.place, NULL::bytea
                       FROM generate_series(1, most) AS i (place);
        RETURN;
    END IF;
    SELECT array_agg(p.prefix ORDER BY g.ordinal) AS prefixes,
           array_agg(p.suffix ORDER BY g.ordinal) AS suffixes,
           array_agg(p.field ORDER BY g.ordinal) AS fields,
           array_agg(p.is_element ORDER BY g.ordinal) AS are_elements
      INTO parts
      FROM unnest("get") WITH ORDINALITY AS g (pattern, ordinal)
     CROSS JOIN LATERAL respgres.sort_pattern(g.pattern) p;
    IF NOT unsorted THEN
        -- A weight that is no number is found even where none is wanted.
        start := CASE WHEN count > 0 THEN start ELSE 0 END;
        count := GREATEST(count, CASE WHEN alpha THEN 0 ELSE 1 END);
    END IF;
    RETURN QUERY
    SELECT CASE WHEN e.bad THEN not_numbers END, total,
           (e.place - 1) * got + g.ordinal,
           CASE WHEN g.is_element THEN e.value
                ELSE respgres.string_bytes(v.value, v.number) END
      FROM (SELECT u.place, u.value, false
              FROM respgres.unsorted_elements(
                   k.type, k.content_slot, k.content_id, k.first_position,
                   k.size, start, count, descending) u
             WHERE unsorted
             UNION ALL
            SELECT s.place, s.value, s.bad
              FROM respgres.sorted_elements(
                   db, k.type, k.content_slot, k.content_id, weight.prefix,
                   weight.suffix, weight.field, start, count, descending,
                   alpha) s
             WHERE NOT unsorted) AS e (place, value, bad)
     CROSS JOIN unnest(parts.prefixes, parts.suffixes, parts.fields,
                       coalesce(parts.are_elements, ARRAY[true]))
                WITH ORDINALITY
                AS g (prefix, suffix, field, is_element, ordinal)
      LEFT JOIN LATERAL respgres.sort_look_up(
           db, g.prefix, e.value, g.suffix, g.field, now_ms) v ON true
     WHERE CASE WHEN e.bad THEN e.place = 1 AND g.ordinal = 1
                ELSE total > 0 END
     ORDER BY 3;
    IF NOT FOUND THEN
        RETURN QUERY SELECT NULL::text, 0::bigint, NULL::bigint, NULL::bytea;
    END IF;
END
$$;

-- --- for applications ------------------------------------------------

-- The values that SORT answers with, in its order.
CREATE OR REPLACE FUNCTION respgres.sort(
    db int, key bytea, by bytea DEFAULT NULL, "get" bytea[] DEFAULT NULL,
    start bigint DEFAULT 0, count bigint DEFAULT -1,
    descending boolean DEFAULT false, alpha boolean DEFAULT false,
    slot smallint DEFAULT NULL)
RETURNS TABLE (error text, value bytea)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT r.error, r.value
      FROM respgres.sort_rows(
           sort.db, coalesce(sort.slot, respgres.slot(sort.key)), sort.key,
           by, "get", start, count, descending, alpha, true, NULL) r
     WHERE r.place IS NOT NULL OR r.error IS NOT NULL
     ORDER BY r.place;
END
$$;

-- SORT with STORE: makes the values a list, in place of whatever the
-- destination holds, and tells its length.
CREATE OR REPLACE FUNCTION respgres.sort_store(
    db int, key bytea, destination bytea, by bytea DEFAULT NULL,
    "get" bytea[] DEFAULT NULL, start bigint DEFAULT 0,
    count bigint DEFAULT -1, descending boolean DEFAULT false,
    alpha boolean DEFAULT false, slot smallint DEFAULT NULL,
    destination_slot smallint DEFAULT NULL,
    OUT error text, OUT length bigint)
LANGUAGE plpgsql AS $$
DECLARE
    locked record;
    kept bigint[];
    new_id bigint := nextval('respgres.key_id');
BEGIN
    slot := coalesce(slot, respgres.slot(key));
    destination_slot := coalesce(destination_slot,
                                 respgres.slot(destination));
    SELECT * INTO locked FROM respgres.lock_two_keys(
        db, slot, key, db, destination_slot, destination);
    WITH sorted AS MATERIALIZED (
        SELECT r.error, r.place, r.value
          FROM respgres.sort_rows(
               sort_store.db, sort_store.slot, sort_store.key, by, "get",
               start, count, descending, alpha, true, NULL) r
    ), stored AS (
        INSERT INTO respgres.list_item AS l
               (content_id, position, slot, value)
        SELECT new_id, s.place - 1, destination_slot, coalesce(s.value, '')
          FROM sorted s
         WHERE s.error IS NULL AND s.place IS NOT NULL
    )
    SELECT min(s.error), count(s.place) INTO error, length FROM sorted s;
    IF error IS NOT NULL THEN
        length := NULL;
        RETURN;
    END IF;
    IF length = 0 AND locked.second_id IS NULL THEN
        -- What is there by now came later.
        RETURN;
    END IF;
    LOOP
        DELETE FROM respgres.key AS d
         WHERE d.db = sort_store.db
           AND d.key = respgres.indexed(destination)
           AND d.slot = destination_slot
        RETURNING respgres.kept_tags(d.tags, d.expires_at) INTO kept;
        EXIT WHEN length = 0;
        INSERT INTO respgres.key AS n
               (db, slot, key, long_key, type, content_id, content_slot,
                size, first_position, touched_at, tags)
        VALUES (sort_store.db, destination_slot,
                respgres.indexed(destination), respgres.long(destination),
                'l', new_id, destination_slot, length, 0,
                respgres.now_ms() / 1000, kept)
            ON CONFLICT DO NOTHING;
        EXIT WHEN FOUND;
    END LOOP;
    IF length > 0 THEN
        PERFORM respgres.wake(db, destination_slot, destination);
    END IF;
END
$$;
