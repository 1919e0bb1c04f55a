-- Lists: what an application may call, and the set-based functions of lanes.
--
-- As in 26_hashes.sql: `error`, slots of NULL, and functions named …_many with
-- repeated keys.  An item's position is the key's first_position plus its
-- index: positions are dense, and either end grows and shrinks without touching
-- the other items.

-- Pushes at the front or the back, where not `make` only to lists that are
-- there; per element that is the last of its command the list's length after
-- it, NULL where the key holds another type.
CREATE OR REPLACE FUNCTION respgres.push_many(
    dbs int[], slots smallint[], keys bytea[], of_key int[],
    "values" bytea[], lasts boolean[], front boolean, make boolean)
RETURNS TABLE (ordinal bigint, length bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    k record;
    starts bigint[];
    counts bigint[];
BEGIN
    SELECT * INTO k FROM respgres.open_keys(dbs, slots, keys, 'l', make);
    -- A key's elements stand together.
    SELECT array_agg(g.start ORDER BY g.of_key),
           array_agg(g.count ORDER BY g.of_key)
      INTO starts, counts
      FROM (SELECT i.of_key, min(i.ordinal) AS start, count(*) AS count
              FROM unnest(of_key) WITH ORDINALITY AS i (of_key, ordinal)
             GROUP BY i.of_key) AS g;
    INSERT INTO respgres.list_item AS l (content_id, position, slot, value)
    SELECT k.content_ids[i.of_key],
           CASE WHEN front
                THEN k.first_positions[i.of_key] - 1
                     - (i.ordinal - starts[i.of_key])
                ELSE k.first_positions[i.of_key] + k.sizes[i.of_key]
                     + (i.ordinal - starts[i.of_key]) END,
           k.content_slots[i.of_key], i.value
      FROM unnest(of_key, "values") WITH ORDINALITY
           AS i (of_key, value, ordinal)
     WHERE k.content_ids[i.of_key] > 0;
    PERFORM respgres.close_keys(
        dbs, slots, keys, k.content_ids, counts,
        CASE WHEN front THEN ARRAY(
             SELECT c.first_position - c.count
               FROM unnest(k.first_positions, counts) WITH ORDINALITY
                    AS c (first_position, count, ordinal)
              ORDER BY c.ordinal) END);
    PERFORM respgres.wake_many(dbs, slots, keys, k.content_ids);
    RETURN QUERY
    SELECT i.ordinal,
           CASE WHEN k.content_ids[i.of_key] IS NULL THEN 0
                WHEN k.content_ids[i.of_key] > 0
                THEN k.sizes[i.of_key] + i.ordinal - starts[i.of_key] + 1 END
      FROM unnest(of_key, lasts) WITH ORDINALITY
           AS i (of_key, last, ordinal)
     WHERE i.last
     ORDER BY i.ordinal;
END
$$;

-- Takes an item for each element, from the front or the back, in their order;
-- no row where there is none left, a value of NULL where the key holds another
-- type.
CREATE OR REPLACE FUNCTION respgres.pop_many(
    dbs int[], slots smallint[], keys bytea[], of_key int[], front boolean)
RETURNS TABLE (ordinal bigint, value bytea)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    k record;
    starts bigint[];
    counts bigint[];
BEGIN
    SELECT * INTO k FROM respgres.open_keys(dbs, slots, keys, 'l', false);
    -- How many each key has for its elements.
    SELECT array_agg(g.start ORDER BY g.of_key),
           array_agg(LEAST(g.count, k.sizes[g.of_key]) ORDER BY g.of_key)
      INTO starts, counts
      FROM (SELECT i.of_key, min(i.ordinal) AS start, count(*) AS count
              FROM unnest(of_key) WITH ORDINALITY AS i (of_key, ordinal)
             GROUP BY i.of_key) AS g;
    RETURN QUERY
    WITH gone AS (
        DELETE FROM respgres.list_item AS l
         USING unnest(of_key) WITH ORDINALITY AS i (of_key, ordinal)
         WHERE l.slot = k.content_slots[i.of_key]
           AND l.content_id = k.content_ids[i.of_key]
           AND l.position = k.first_positions[i.of_key]
               + CASE WHEN front THEN i.ordinal - starts[i.of_key]
                      ELSE k.sizes[i.of_key] - 1
                           - (i.ordinal - starts[i.of_key]) END
        RETURNING i.ordinal, l.value
    )
    SELECT g.ordinal, g.value FROM gone g
     UNION ALL
    SELECT i.ordinal, NULL
      FROM unnest(of_key) WITH ORDINALITY AS i (of_key, ordinal)
     WHERE k.content_ids[i.of_key] = -1
     ORDER BY 1;
    PERFORM respgres.close_keys(
        dbs, slots, keys, k.content_ids,
        ARRAY(SELECT -c.count FROM unnest(counts) WITH ORDINALITY
                     AS c (count, ordinal) ORDER BY c.ordinal),
        CASE WHEN front THEN ARRAY(
             SELECT c.first_position + c.count
               FROM unnest(k.first_positions, counts) WITH ORDINALITY
                    AS c (first_position, count, ordinal)
              ORDER BY c.ordinal) END);
END
$$;

-- The same for one element, with fewer statements: a change of the key's row
-- locks it and tells what it has become.

CREATE OR REPLACE FUNCTION respgres.push_one(
    db int, slot smallint, key bytea, value bytea, front boolean,
    make boolean) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    k record;
BEGIN
    LOOP
        UPDATE respgres.key AS u
           SET size = u.size + 1,
               first_position = u.first_position
                                - CASE WHEN front THEN 1 ELSE 0 END,
               version = u.version + 1,
               touched_at = respgres.now_ms() / 1000
         WHERE u.db = push_one.db AND u.key = respgres.indexed(push_one.key)
           AND u.slot = push_one.slot AND u.type = 'l'
           AND (u.expires_at IS NULL OR u.expires_at > respgres.now_ms())
        RETURNING u.content_id, u.content_slot, u.size,
                  u.first_position + CASE WHEN front THEN 0
                                          ELSE u.size - 1 END AS position
          INTO k;
        EXIT WHEN FOUND;
        SELECT l.id, l.type INTO k FROM respgres.lock_key(db, slot, key) l;
        IF k.id IS NULL THEN
            IF NOT make THEN
                RETURN 0;
            END IF;
            INSERT INTO respgres.key AS n
                   (db, slot, key, long_key, type, content_id, content_slot,
                    size, first_position, touched_at)
            VALUES (push_one.db, push_one.slot,
                    respgres.indexed(push_one.key),
                    respgres.long(push_one.key), 'l',
                    nextval('respgres.key_id'), push_one.slot, 1, 0,
                    respgres.now_ms() / 1000)
                ON CONFLICT DO NOTHING
            RETURNING n.content_id, n.content_slot, n.size,
                      n.first_position AS position
              INTO k;
            EXIT WHEN FOUND;
        ELSIF k.type <> 'l' THEN
            RETURN NULL;
        END IF;
    END LOOP;
    INSERT INTO respgres.list_item AS l (content_id, position, slot, value)
    VALUES (k.content_id, k.position, k.content_slot, push_one.value);
    PERFORM respgres.wake(db, slot, key);
    RETURN k.size;
END
$$;

CREATE OR REPLACE FUNCTION respgres.pop_one(
    db int, slot smallint, key bytea, front boolean,
    OUT there boolean, OUT value bytea)
LANGUAGE plpgsql AS $$
DECLARE
    k record;
BEGIN
    LOOP
        UPDATE respgres.key AS u
           SET size = u.size - 1,
               first_position = u.first_position
                                + CASE WHEN front THEN 1 ELSE 0 END,
               version = u.version + 1,
               touched_at = respgres.now_ms() / 1000
         WHERE u.db = pop_one.db AND u.key = respgres.indexed(pop_one.key)
           AND u.slot = pop_one.slot AND u.type = 'l'
           AND (u.expires_at IS NULL OR u.expires_at > respgres.now_ms())
        RETURNING u.content_id, u.content_slot, u.size,
                  u.first_position + CASE WHEN front THEN -1
                                          ELSE u.size END AS position
          INTO k;
        EXIT WHEN FOUND;
        SELECT l.id, l.type INTO k FROM respgres.lock_key(db, slot, key) l;
        there := k.id IS NOT NULL;
        IF NOT there OR k.type <> 'l' THEN
            RETURN;
        END IF;
    END LOOP;
    there := true;
    DELETE FROM respgres.list_item AS l
     WHERE l.slot = k.content_slot AND l.content_id = k.content_id
       AND l.position = k.position
    RETURNING l.value INTO value;
    IF k.size = 0 THEN
        DELETE FROM respgres.key AS d
         WHERE d.db = pop_one.db AND d.key = respgres.indexed(pop_one.key)
           AND d.slot = pop_one.slot;
    END IF;
END
$$;

-- --- for applications ------------------------------------------------

CREATE OR REPLACE FUNCTION respgres.push(
    db int, key bytea, "values" bytea[], front boolean, make boolean,
    slot smallint DEFAULT NULL, OUT error text, OUT length bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    count int := cardinality("values");
BEGIN
    IF coalesce(count, 0) = 0 THEN
        error := 'ERR there is nothing to push';
        RETURN;
    END IF;
    SELECT m.length INTO length
      FROM respgres.push_many(
           ARRAY[push.db],
           ARRAY[coalesce(push.slot, respgres.slot(push.key))],
           ARRAY[push.key], array_fill(1, ARRAY[count]), "values",
           array_fill(false, ARRAY[count - 1]) || true, front, make) AS m;
    IF length IS NULL THEN
        error := respgres.wrong_type();
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION respgres.lpush(
    db int, key bytea, VARIADIC "values" bytea[],
    OUT error text, OUT length bigint)
LANGUAGE plpgsql AS $$
BEGIN
    SELECT * INTO error, length
      FROM respgres.push(db, key, "values", true, true);
END
$$;

CREATE OR REPLACE FUNCTION respgres.rpush(
    db int, key bytea, VARIADIC "values" bytea[],
    OUT error text, OUT length bigint)
LANGUAGE plpgsql AS $$
BEGIN
    SELECT * INTO error, length
      FROM respgres.push(db, key, "values", false, true);
END
$$;

CREATE OR REPLACE FUNCTION respgres.lpushx(
    db int, key bytea, VARIADIC "values" bytea[],
    OUT error text, OUT length bigint)
LANGUAGE plpgsql AS $$
BEGIN
    SELECT * INTO error, length
      FROM respgres.push(db, key, "values", true, false);
END
$$;

CREATE OR REPLACE FUNCTION respgres.rpushx(
    db int, key bytea, VARIADIC "values" bytea[],
    OUT error text, OUT length bigint)
LANGUAGE plpgsql AS $$
BEGIN
    SELECT * INTO error, length
      FROM respgres.push(db, key, "values", false, false);
END
$$;

-- Takes up to `count` items from an end, a row each, beginning with the
-- outermost; no row when there is no list, a value of NULL when there is one
-- and the count is 0.
CREATE OR REPLACE FUNCTION respgres.pop(
    db int, key bytea, front boolean, count bigint DEFAULT 1,
    slot smallint DEFAULT NULL)
RETURNS TABLE (error text, value bytea)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    k record;
    taken bigint;
    low bigint;
BEGIN
    slot := coalesce(slot, respgres.slot(key));
    SELECT * INTO k FROM respgres.open_key(db, slot, key, 'l', false);
    IF k.error IS NOT NULL THEN
        RETURN QUERY SELECT k.error, NULL::bytea;
    END IF;
    IF k.content_id IS NULL THEN
        RETURN;
    END IF;
    taken := LEAST(GREATEST(count, 0), k.size);
    IF taken = 0 THEN
        RETURN QUERY SELECT NULL::text, NULL::bytea;
        RETURN;
    END IF;
    low := k.first_position + CASE WHEN front THEN 0
                                   ELSE k.size - taken END;
    RETURN QUERY
    WITH gone AS (
        DELETE FROM respgres.list_item AS l
         WHERE l.slot = k.content_slot AND l.content_id = k.content_id
           AND l.position >= low AND l.position < low + taken
        RETURNING l.position, l.value
    )
    SELECT NULL::text, g.value FROM gone g
     ORDER BY CASE WHEN front THEN g.position ELSE -g.position END;
    PERFORM respgres.close_key(
        db, slot, key, k.size - taken,
        k.first_position + CASE WHEN front THEN taken ELSE 0 END);
END
$$;

CREATE OR REPLACE FUNCTION respgres.lpop(
    db int, key bytea, count bigint DEFAULT 1)
RETURNS TABLE (error text, value bytea)
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT * FROM respgres.pop(db, key, true, count);
END
$$;

CREATE OR REPLACE FUNCTION respgres.rpop(
    db int, key bytea, count bigint DEFAULT 1)
RETURNS TABLE (error text, value bytea)
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT * FROM respgres.pop(db, key, false, count);
END
$$;

CREATE OR REPLACE FUNCTION respgres.llen(
    db int, key bytea, OUT error text, OUT length bigint)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    SELECT CASE WHEN k.type <> 'l' THEN respgres.wrong_type() END,
           CASE WHEN k.type = 'l' THEN k.size END
      INTO error, length
      FROM respgres.key k
     WHERE k.db = llen.db AND k.key = respgres.indexed(llen.key)
       AND k.slot = respgres.slot(llen.key)
       AND (k.expires_at IS NULL OR k.expires_at > respgres.now_ms());
    IF NOT FOUND THEN
        length := 0;
    END IF;
END
$$;

-- Indices as in LRANGE; of another type: no rows.
CREATE OR REPLACE FUNCTION respgres.lrange(
    db int, key bytea, start bigint DEFAULT 0, stop bigint DEFAULT -1)
RETURNS TABLE (index bigint, value bytea)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT l.position - k.first_position, l.value
      FROM respgres.key k
      JOIN respgres.list_item l
        ON l.slot = k.content_slot AND l.content_id = k.content_id
       AND l.position >= k.first_position
           + CASE WHEN start < 0 THEN k.size + start ELSE start END
       AND l.position <= k.first_position
           + CASE WHEN stop < 0 THEN k.size + stop
                  ELSE LEAST(stop, k.size) END
     WHERE k.db = lrange.db AND k.key = respgres.indexed(lrange.key)
       AND k.slot = respgres.slot(lrange.key) AND k.type = 'l'
       AND (k.expires_at IS NULL OR k.expires_at > respgres.now_ms())
     ORDER BY l.position;
END
$$;

-- --- inside a list ---------------------------------------------------

-- Moves the items at `low` to `high`.  Uniqueness is checked row by row, so
-- they go by way of positions where nothing ever is.
CREATE OR REPLACE FUNCTION respgres.move_items(
    slot smallint, content_id bigint, low bigint, high bigint,
    distance bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    away CONSTANT bigint := 1::bigint << 62;
BEGIN
    IF low > high OR distance = 0 THEN
        RETURN;
    END IF;
    UPDATE respgres.list_item AS l
       SET position = l.position + away
     WHERE l.slot = move_items.slot AND l.content_id = move_items.content_id
       AND l.position >= low AND l.position <= high;
    UPDATE respgres.list_item AS l
       SET position = l.position - away + distance
     WHERE l.slot = move_items.slot AND l.content_id = move_items.content_id
       AND l.position >= low + away AND l.position <= high + away;
END
$$;

CREATE OR REPLACE FUNCTION respgres.lset(
    db int, key bytea, index bigint, value bytea,
    slot smallint DEFAULT NULL, OUT error text)
LANGUAGE plpgsql AS $$
DECLARE
    k record;
BEGIN
    slot := coalesce(slot, respgres.slot(key));
    SELECT * INTO k FROM respgres.open_key(db, slot, key, 'l', false);
    error := k.error;
    IF error IS NULL AND k.content_id IS NULL THEN
        error := 'ERR no such key';
    ELSIF error IS NULL THEN
        IF index < 0 THEN
            index := index + k.size;
        END IF;
        IF index < 0 OR index >= k.size THEN
            error := 'ERR index out of range';
            RETURN;
        END IF;
        UPDATE respgres.list_item AS l
           SET value = lset.value
         WHERE l.slot = k.content_slot AND l.content_id = k.content_id
           AND l.position = k.first_position + index;
        PERFORM respgres.close_key(db, slot, key, k.size);
    END IF;
END
$$;

-- The length, 0: no list, -1: no such item.
CREATE OR REPLACE FUNCTION respgres.linsert(
    db int, key bytea, before boolean, pivot bytea, value bytea,
    slot smallint DEFAULT NULL, OUT error text, OUT length bigint)
LANGUAGE plpgsql AS $$
DECLARE
    k record;
    place bigint;
BEGIN
    slot := coalesce(slot, respgres.slot(key));
    SELECT * INTO k FROM respgres.open_key(db, slot, key, 'l', false);
    error := k.error;
    IF k.content_id IS NULL THEN
        length := 0;
        RETURN;
    END IF;
    SELECT l.position INTO place
      FROM respgres.list_item l
     WHERE l.slot = k.content_slot AND l.content_id = k.content_id
       AND l.value = linsert.pivot
     ORDER BY l.slot, l.content_id, l.position
     LIMIT 1;
    IF NOT FOUND THEN
        length := -1;
        RETURN;
    END IF;
    -- The first position whose item is to stand behind the new one.
    place := place + CASE WHEN before THEN 0 ELSE 1 END;
    IF place - k.first_position < k.size / 2 THEN
        PERFORM respgres.move_items(k.content_slot, k.content_id,
                                    k.first_position, place - 1, -1);
        place := place - 1;
        k.first_position := k.first_position - 1;
    ELSE
        PERFORM respgres.move_items(k.content_slot, k.content_id, place,
                                    k.first_position + k.size - 1, 1);
    END IF;
    INSERT INTO respgres.list_item AS l (content_id, position, slot, value)
    VALUES (k.content_id, place, k.content_slot, linsert.value);
    length := k.size + 1;
    PERFORM respgres.close_key(db, slot, key, length, k.first_position);
END
$$;

-- Removes items that are equal to the value: the first `count`, or the last
-- -count, or all (0).
CREATE OR REPLACE FUNCTION respgres.lrem(
    db int, key bytea, count bigint, value bytea,
    slot smallint DEFAULT NULL, OUT error text, OUT removed bigint)
LANGUAGE plpgsql AS $$
DECLARE
    k record;
    gone bigint[];
BEGIN
    slot := coalesce(slot, respgres.slot(key));
    removed := 0;
    SELECT * INTO k FROM respgres.open_key(db, slot, key, 'l', false);
    error := k.error;
    IF k.content_id IS NULL THEN
        RETURN;
    END IF;
    IF count >= 0 THEN
        gone := ARRAY(
            SELECT l.position FROM respgres.list_item l
             WHERE l.slot = k.content_slot AND l.content_id = k.content_id
               AND l.value = lrem.value
             ORDER BY l.slot, l.content_id, l.position
             LIMIT nullif(lrem.count, 0));
    ELSE
        gone := ARRAY(
            SELECT g.position
              FROM (SELECT l.position FROM respgres.list_item l
                     WHERE l.slot = k.content_slot
                       AND l.content_id = k.content_id
                       AND l.value = lrem.value
                     ORDER BY l.slot DESC, l.content_id DESC, l.position DESC
                     -- The least number has no opposite.
                     LIMIT -GREATEST(lrem.count, -9223372036854775807)) AS g
             ORDER BY g.position);
    END IF;
    removed := cardinality(gone);
    IF removed > 0 THEN
        PERFORM respgres.remove_items(
            db, slot, key, k.content_slot, k.content_id, k.first_position,
            k.size, gone);
    END IF;
END
$$;

-- Deletes the items at the positions `gone`, in order, and closes the gaps from
-- the side where fewer items move.
CREATE OR REPLACE FUNCTION respgres.remove_items(
    db int, slot smallint, key bytea, content_slot smallint,
    content_id bigint, first_position bigint, size bigint, gone bigint[])
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    away CONSTANT bigint := 1::bigint << 62;
    removed bigint := cardinality(gone);
    last_position bigint := first_position + size - 1;
    from_front boolean := gone[removed] - first_position
                          < last_position - gone[1];
BEGIN
    IF removed < size THEN
        DELETE FROM respgres.list_item AS l
         USING unnest(gone) AS g (position)
         WHERE l.slot = remove_items.content_slot
           AND l.content_id = remove_items.content_id
           AND l.position = g.position;
        -- Between two gaps all items move by as many as there are gaps on
        -- the side to which they go.
        UPDATE respgres.list_item AS l
           SET position = l.position + away + g.distance
          FROM (SELECT CASE WHEN from_front
                            THEN lag(p.position, 1, first_position - 1)
                                 OVER (ORDER BY p.ordinal) ELSE p.position
                       END AS low,
                       CASE WHEN from_front THEN p.position
                            ELSE lead(p.position, 1, last_position + 1)
                                 OVER (ORDER BY p.ordinal) END AS high,
                       CASE WHEN from_front THEN removed - p.ordinal + 1
                            ELSE -p.ordinal END AS distance
                  FROM unnest(gone) WITH ORDINALITY
                       AS p (position, ordinal)) AS g
         WHERE l.slot = remove_items.content_slot
           AND l.content_id = remove_items.content_id
           AND l.position > g.low AND l.position < g.high;
        UPDATE respgres.list_item AS l
           SET position = l.position - away
         WHERE l.slot = remove_items.content_slot
           AND l.content_id = remove_items.content_id
           AND l.position > away / 2;
    END IF;
    PERFORM respgres.close_key(
        db, slot, key, size - removed,
        first_position + CASE WHEN from_front THEN removed ELSE 0 END);
END
$$;

CREATE OR REPLACE FUNCTION respgres.ltrim(
    db int, key bytea, start bigint, stop bigint,
    slot smallint DEFAULT NULL, OUT error text)
LANGUAGE plpgsql AS $$
DECLARE
    k record;
    first_kept bigint;
    last_kept bigint;
BEGIN
    slot := coalesce(slot, respgres.slot(key));
    SELECT * INTO k FROM respgres.open_key(db, slot, key, 'l', false);
    error := k.error;
    IF k.content_id IS NULL THEN
        RETURN;
    END IF;
    start := GREATEST(CASE WHEN start < 0 THEN k.size + start ELSE start END,
                      0);
    stop := LEAST(CASE WHEN stop < 0 THEN k.size + stop ELSE stop END,
                  k.size - 1);
    IF start > stop THEN
        -- The rows are reaped later.
        PERFORM respgres.close_key(db, slot, key, 0);
        RETURN;
    END IF;
    first_kept := k.first_position + start;
    last_kept := k.first_position + stop;
    DELETE FROM respgres.list_item AS l
     WHERE l.slot = k.content_slot AND l.content_id = k.content_id
       AND l.position < first_kept;
    DELETE FROM respgres.list_item AS l
     WHERE l.slot = k.content_slot AND l.content_id = k.content_id
       AND l.position > last_kept;
    PERFORM respgres.close_key(db, slot, key, stop - start + 1, first_kept);
END
$$;

-- --- several lists ---------------------------------------------------

-- Takes an item from an end of one list to an end of another or the same; its
-- value, and whether there was one (an error may be the destination's).
CREATE OR REPLACE FUNCTION respgres.lmove(
    db int, source bytea, destination bytea, from_front boolean,
    to_front boolean, source_slot smallint DEFAULT NULL,
    destination_slot smallint DEFAULT NULL,
    OUT error text, OUT value bytea, OUT taken boolean)
LANGUAGE plpgsql AS $$
DECLARE
    s record;
    d record;
    place bigint;
BEGIN
    source_slot := coalesce(source_slot, respgres.slot(source));
    destination_slot := coalesce(destination_slot,
                                 respgres.slot(destination));
    PERFORM FROM respgres.lock_two_keys(
        db, source_slot, source, db, destination_slot, destination);
    SELECT * INTO s
      FROM respgres.open_key(db, source_slot, source, 'l', false);
    error := s.error;
    taken := s.content_id IS NOT NULL;
    IF NOT taken THEN
        RETURN;
    END IF;
    IF source <> destination THEN
        SELECT * INTO d FROM respgres.open_key(
            db, destination_slot, destination, 'l', true);
        error := d.error;
        IF error IS NOT NULL THEN
            RETURN;
        END IF;
    END IF;
    DELETE FROM respgres.list_item AS l
     WHERE l.slot = s.content_slot AND l.content_id = s.content_id
       AND l.position = s.first_position
           + CASE WHEN from_front THEN 0 ELSE s.size - 1 END
    RETURNING l.value INTO value;
    s.size := s.size - 1;
    IF from_front THEN
        s.first_position := s.first_position + 1;
    END IF;
    IF source = destination THEN
        d := s;
    ELSE
        PERFORM respgres.close_key(
            db, source_slot, source, s.size, s.first_position);
    END IF;
    IF to_front THEN
        d.first_position := d.first_position - 1;
        place := d.first_position;
    ELSE
        place := d.first_position + d.size;
    END IF;
    INSERT INTO respgres.list_item AS l (content_id, position, slot, value)
    VALUES (d.content_id, place, d.content_slot, lmove.value);
    PERFORM respgres.close_key(db, destination_slot, destination,
                               d.size + 1, d.first_position);
    PERFORM respgres.wake(db, destination_slot, destination);
END
$$;

-- Pops from the first of the lists that is there: a row for each item, with
-- the number of its key from 1.
CREATE OR REPLACE FUNCTION respgres.lmpop(
    db int, keys bytea[], front boolean, count bigint DEFAULT 1)
RETURNS TABLE (error text, of_key int, value bytea)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    FOR i IN 1 .. cardinality(keys) LOOP
        RETURN QUERY
        SELECT p.error, i, p.value
          FROM respgres.pop(db, keys[i], front, count) AS p;
        EXIT WHEN FOUND;
    END LOOP;
END
$$;
