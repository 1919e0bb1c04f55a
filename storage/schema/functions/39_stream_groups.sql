-- Consumer groups of streams, and what was delivered to their consumers.
--
-- Whoever changes a group holds the lock of its stream's key.  That changes
-- neither the key's version nor its row.  An `error` of NOKEY means that there
-- is no such key, one of NOGROUP that the stream has no such group.

-- How many entries had been added when the one with that ID was; NULL when
-- that cannot be told.
CREATE OR REPLACE FUNCTION respgres.stream_distance(
    s respgres.stream, size bigint, id bytea) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN s.entries_added = 0 THEN 0
        WHEN id = s.last_id OR (size = 0 AND id < s.last_id)
        THEN s.entries_added
        WHEN id > s.last_id OR id > s.first_id THEN NULL
        -- Entries have been deleted from the midst of it.
        WHEN s.max_deleted_id <> '\x00000000000000000000000000000000'
             AND s.max_deleted_id >= s.first_id THEN NULL
        ELSE s.entries_added - size + (id = s.first_id)::int END
$$;

-- Whether entries after `id` have been deleted from the midst of the stream.
CREATE OR REPLACE FUNCTION respgres.stream_has_gaps(
    s respgres.stream, size bigint, id bytea) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT size > 0
       AND s.max_deleted_id <> '\x00000000000000000000000000000000'
       AND s.max_deleted_id >= s.first_id AND s.max_deleted_id >= id
$$;

-- How many entries a group has yet to read; NULL when that cannot be told.
CREATE OR REPLACE FUNCTION respgres.stream_lag(
    s respgres.stream, size bigint, read_id bytea, entries_read bigint)
RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN s.entries_added = 0 THEN 0
        WHEN entries_read IS NOT NULL
             AND NOT respgres.stream_has_gaps(s, size, read_id)
        THEN s.entries_added - entries_read
        ELSE s.entries_added
           - respgres.stream_distance(s, size, read_id) END
$$;

-- Locks a stream's key for a change of one of its groups.
CREATE OR REPLACE FUNCTION respgres.open_group(
    db int, slot smallint, key bytea, name bytea,
    OUT error text, OUT content_id bigint, OUT content_slot smallint,
    OUT size bigint, OUT group_id bigint, OUT last_id bytea,
    OUT entries_read bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    k record;
BEGIN
    SELECT * INTO k FROM respgres.open_key(db, slot, key, 'x', false);
    error := k.error;
    content_id := k.content_id;
    content_slot := k.content_slot;
    size := k.size;
    SELECT g.id, g.last_id, g.entries_read
      INTO group_id, last_id, entries_read
      FROM respgres.stream_group g
     WHERE g.slot = k.content_slot AND g.content_id = k.content_id
       AND g.name = respgres.indexed(open_group.name);
    IF error IS NULL AND group_id IS NULL THEN
        error := CASE WHEN content_id IS NULL THEN 'NOKEY'
                      ELSE 'NOGROUP' END;
    END IF;
END
$$;

-- Makes a group that has yet to read what comes after `id` ('$': after what is
-- there); `make` makes an empty stream where there is none.
CREATE OR REPLACE FUNCTION respgres.xgroup_create(
    db int, key bytea, name bytea, id text DEFAULT '$',
    make boolean DEFAULT false, entries_read bigint DEFAULT NULL,
    slot smallint DEFAULT NULL, OUT error text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    k record;
    zero CONSTANT bytea := '\x00000000000000000000000000000000';
    last_id bytea;
BEGIN
    IF xgroup_create.id <> '$'
       AND respgres.stream_id(xgroup_create.id) IS NULL THEN
        error := respgres.stream_id_error();
        RETURN;
    END IF;
    SELECT * INTO k FROM respgres.open_key(
        db, coalesce(xgroup_create.slot, respgres.slot(key)), key, 'x', make);
    error := k.error;
    IF error IS NULL AND k.content_id IS NULL THEN
        error := 'ERR The XGROUP subcommand requires the key to exist. Note '
              || 'that for CREATE you may want to use the MKSTREAM option to '
              || 'create an empty stream automatically.';
    END IF;
    IF error IS NOT NULL THEN
        RETURN;
    END IF;
    SELECT s.last_id INTO last_id FROM respgres.stream s
     WHERE s.slot = k.content_slot AND s.content_id = k.content_id;
    IF last_id IS NULL THEN
        INSERT INTO respgres.stream
               (slot, content_id, last_id, max_deleted_id)
        VALUES (k.content_slot, k.content_id, zero, zero);
        last_id := zero;
    END IF;
    INSERT INTO respgres.stream_group
           (slot, content_id, name, long_name, last_id, entries_read)
    VALUES (k.content_slot, k.content_id, respgres.indexed(xgroup_create.name),
            respgres.long(xgroup_create.name),
            coalesce(respgres.stream_id(nullif(xgroup_create.id, '$')),
                     last_id),
            xgroup_create.entries_read)
        ON CONFLICT (slot, content_id, name) DO NOTHING;
    IF NOT FOUND THEN
        error := 'BUSYGROUP Consumer Group name already exists';
    END IF;
END
$$;

-- Moves a group to another entry ('$': the last one).
CREATE OR REPLACE FUNCTION respgres.xgroup_setid(
    db int, key bytea, name bytea, id text DEFAULT '$',
    entries_read bigint DEFAULT NULL, slot smallint DEFAULT NULL,
    OUT error text)
LANGUAGE plpgsql AS $$
DECLARE
    g record;
BEGIN
    SELECT * INTO g FROM respgres.open_group(
        db, coalesce(slot, respgres.slot(key)), key, name);
    error := g.error;
    UPDATE respgres.stream_group AS u
       SET last_id = coalesce(
               respgres.stream_id(nullif(xgroup_setid.id, '$')), s.last_id),
           entries_read = xgroup_setid.entries_read
      FROM respgres.stream s
     WHERE g.error IS NULL
       AND s.slot = g.content_slot AND s.content_id = g.content_id
       AND u.slot = g.content_slot AND u.content_id = g.content_id
       AND u.name = respgres.indexed(xgroup_setid.name);
END
$$;

-- Deletes a group; whether it was there.
CREATE OR REPLACE FUNCTION respgres.xgroup_destroy(
    db int, key bytea, name bytea, slot smallint DEFAULT NULL,
    OUT error text, OUT destroyed boolean)
LANGUAGE plpgsql AS $$
DECLARE
    g record;
BEGIN
    SELECT * INTO g FROM respgres.open_group(
        db, coalesce(slot, respgres.slot(key)), key, name);
    error := nullif(g.error, 'NOGROUP');
    DELETE FROM respgres.stream_pending AS d
     WHERE d.slot = g.content_slot AND d.group_id = g.group_id;
    DELETE FROM respgres.stream_consumer AS d
     WHERE d.slot = g.content_slot AND d.group_id = g.group_id;
    DELETE FROM respgres.stream_group AS d
     WHERE d.slot = g.content_slot AND d.content_id = g.content_id
       AND d.name = respgres.indexed(xgroup_destroy.name);
    destroyed := FOUND;
    IF destroyed THEN
        PERFORM respgres.wake(db, coalesce(slot, respgres.slot(key)), key);
    END IF;
END
$$;

-- Makes a consumer; whether it is new.
CREATE OR REPLACE FUNCTION respgres.xgroup_createconsumer(
    db int, key bytea, "group" bytea, name bytea, slot smallint DEFAULT NULL,
    OUT error text, OUT created boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    g record;
BEGIN
    SELECT * INTO g FROM respgres.open_group(
        db, coalesce(xgroup_createconsumer.slot, respgres.slot(key)), key,
        "group");
    error := g.error;
    IF error IS NULL THEN
        INSERT INTO respgres.stream_consumer
               (slot, group_id, name, long_name, seen_at)
        VALUES (g.content_slot, g.group_id,
                respgres.indexed(xgroup_createconsumer.name),
                respgres.long(xgroup_createconsumer.name), respgres.now_ms())
            ON CONFLICT (slot, group_id, name) DO NOTHING;
        created := FOUND;
    END IF;
END
$$;

-- Deletes a consumer; how many entries were pending with it, which no consumer
-- of the group has any more.
CREATE OR REPLACE FUNCTION respgres.xgroup_delconsumer(
    db int, key bytea, "group" bytea, name bytea, slot smallint DEFAULT NULL,
    OUT error text, OUT pending bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    g record;
    taker_id bigint;
BEGIN
    SELECT * INTO g FROM respgres.open_group(
        db, coalesce(xgroup_delconsumer.slot, respgres.slot(key)), key,
        "group");
    error := g.error;
    DELETE FROM respgres.stream_consumer AS d
     WHERE d.slot = g.content_slot AND d.group_id = g.group_id
       AND d.name = respgres.indexed(xgroup_delconsumer.name)
    RETURNING d.id INTO taker_id;
    DELETE FROM respgres.stream_pending AS d
     WHERE d.slot = g.content_slot AND d.group_id = g.group_id
       AND d.consumer_id = taker_id;
    GET DIAGNOSTICS pending = ROW_COUNT;
END
$$;

-- The consumer of that name, made where there is none, has been seen, and has
-- `growth` more entries.
CREATE OR REPLACE FUNCTION respgres.see_consumer(
    slot smallint, group_id bigint, name bytea, now_ms bigint, growth bigint)
RETURNS bigint
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    found_id bigint;
BEGIN
    UPDATE respgres.stream_consumer AS u
       SET seen_at = now_ms, pending = u.pending + growth,
           active_at = CASE WHEN growth > 0 THEN now_ms ELSE u.active_at END
     WHERE u.slot = see_consumer.slot AND u.group_id = see_consumer.group_id
       AND u.name = respgres.indexed(see_consumer.name)
    RETURNING u.id INTO found_id;
    IF found_id IS NULL THEN
        INSERT INTO respgres.stream_consumer AS n
               (slot, group_id, name, long_name, seen_at, active_at, pending)
        VALUES (see_consumer.slot, see_consumer.group_id,
                respgres.indexed(see_consumer.name),
                respgres.long(see_consumer.name), now_ms,
                CASE WHEN growth > 0 THEN now_ms END, growth)
        RETURNING n.id INTO found_id;
    END IF;
    RETURN found_id;
END
$$;

-- Takes entries out of a group's pending ones, whoever has them; how many
-- there were.
CREATE OR REPLACE FUNCTION respgres.drop_pending(
    slot smallint, group_id bigint, ids bytea[]) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    c record;
    dropped bigint := 0;
BEGIN
    FOR c IN
        WITH gone AS (
            DELETE FROM respgres.stream_pending AS d
             WHERE d.slot = drop_pending.slot
               AND d.group_id = drop_pending.group_id
               AND d.entry_id = ANY (ids)
            RETURNING d.consumer_id
        )
        SELECT g.consumer_id, count(*) AS count FROM gone g
         GROUP BY g.consumer_id
    LOOP
        UPDATE respgres.stream_consumer AS u
           SET pending = u.pending - c.count
         WHERE u.slot = drop_pending.slot
           AND u.group_id = drop_pending.group_id AND u.id = c.consumer_id;
        dropped := dropped + c.count;
    END LOOP;
    RETURN dropped;
END
$$;

-- Acknowledges entries; per element whether it was pending, NULL where the key
-- holds another type.
CREATE OR REPLACE FUNCTION respgres.xack_many(
    dbs int[], slots smallint[], keys bytea[], of_key int[],
    groups bytea[], ids bytea[])
RETURNS TABLE (ordinal bigint, acknowledged boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    k record;
    d record;
    -- Of each element.
    group_slots smallint[];
    group_ids bigint[];
    gone boolean[];
    -- Of each that was pending.
    gone_slots smallint[] := '{}';
    gone_groups bigint[] := '{}';
    gone_consumers bigint[] := '{}';
BEGIN
    SELECT * INTO k FROM respgres.open_keys(dbs, slots, keys, 'x', false);
    SELECT array_agg(c.slot ORDER BY i.ordinal),
           array_agg((SELECT g.id FROM respgres.stream_group g
                       WHERE g.slot = c.slot AND g.content_id = c.content_id
                         AND g.name = respgres.indexed(i.name))
                     ORDER BY i.ordinal),
           array_agg(CASE WHEN c.content_id = -1 THEN NULL ELSE false END
                     ORDER BY i.ordinal)
      INTO group_slots, group_ids, gone
      FROM unnest(of_key, groups) WITH ORDINALITY AS i (of_key, name, ordinal)
     CROSS JOIN LATERAL (SELECT k.content_slots[i.of_key],
                                k.content_ids[i.of_key])
           AS c (slot, content_id);
    FOR d IN
        DELETE FROM respgres.stream_pending AS p
         USING unnest(group_slots, group_ids, ids) WITH ORDINALITY
               AS i (slot, group_id, id, ordinal)
         WHERE p.slot = i.slot AND p.group_id = i.group_id
           AND p.entry_id = i.id
        RETURNING i.ordinal, p.slot, p.group_id, p.consumer_id
    LOOP
        gone[d.ordinal] := true;
        gone_slots := gone_slots || d.slot;
        gone_groups := gone_groups || d.group_id;
        gone_consumers := gone_consumers || d.consumer_id;
    END LOOP;
    UPDATE respgres.stream_consumer AS u
       SET pending = u.pending - c.count
      FROM (SELECT i.slot, i.group_id, i.id, count(*) AS count
              FROM unnest(gone_slots, gone_groups, gone_consumers)
                   AS i (slot, group_id, id)
             GROUP BY i.slot, i.group_id, i.id) AS c
     WHERE u.slot = c.slot AND u.group_id = c.group_id AND u.id = c.id;
    RETURN QUERY
    SELECT i.ordinal, i.gone
      FROM unnest(gone) WITH ORDINALITY AS i (gone, ordinal);
END
$$;

-- How many of the entries were pending.
CREATE OR REPLACE FUNCTION respgres.xack(
    db int, key bytea, "group" bytea, VARIADIC ids text[],
    OUT error text, OUT acknowledged bigint)
LANGUAGE sql AS $$
    SELECT CASE WHEN bool_or(m.acknowledged IS NULL)
                THEN respgres.wrong_type() END,
           count(*) FILTER (WHERE m.acknowledged)
      FROM (SELECT array_agg(respgres.stream_id(i.id)) AS ids
              FROM unnest(xack.ids) AS i (id)) AS g
     CROSS JOIN LATERAL respgres.xack_many(
           ARRAY[xack.db], ARRAY[respgres.slot(xack.key)], ARRAY[xack.key],
           array_fill(1, ARRAY[cardinality(g.ids)]),
           array_fill(xack."group", ARRAY[cardinality(g.ids)]), g.ids) AS m
$$;

-- Delivers to a consumer what its group has not read yet (`after` NULL), up to
-- `most` entries (NULL: all); no rows when there is nothing.  Or, again, what
-- is pending with the consumer after an ID: a row without an ID, then one for
-- each entry, its fields NULL where it was deleted.  An error is the only row.
CREATE OR REPLACE FUNCTION respgres.read_group(
    db int, slot smallint, key bytea, "group" bytea, consumer bytea,
    after bytea, most bigint, no_ack boolean)
RETURNS TABLE (error text, id bytea, fields bytea[])
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    now_ms bigint := respgres.now_ms();
    k record;
    g record;
    taker_id bigint;
    ids bytea[] := '{}';
    last_read bytea;
    growth int := 0;
BEGIN
    SELECT * INTO k FROM respgres.lock_key(db, slot, key);
    SELECT o.slot, o.id, o.last_id, o.entries_read,
           -- A group that was moved back reads again what somebody has.
           EXISTS (SELECT FROM respgres.stream_pending p
                    WHERE p.slot = o.slot AND p.group_id = o.id
                      AND p.entry_id > o.last_id) AS was_moved
      INTO g
      FROM respgres.stream_group o
     WHERE o.slot = k.content_slot AND o.content_id = k.content_id
       AND o.name = respgres.indexed("group");
    IF g.id IS NULL OR after IS NOT NULL THEN
        error := CASE WHEN k.id IS NULL THEN 'NOKEY'
                      WHEN k.type <> 'x' THEN respgres.wrong_type()
                      WHEN g.id IS NULL THEN 'NOGROUP' END;
        RETURN NEXT;
        IF error IS NULL THEN
            RETURN QUERY
            SELECT NULL::text, n.id, n.fields
              FROM respgres.deliver_again(
                   k.content_id, k.content_slot, g.id, consumer, now_ms, after,
                   most) AS n;
        END IF;
        RETURN;
    END IF;
    FOR id, fields IN
        SELECT e.id, e.fields FROM respgres.stream_entry e
         WHERE e.slot = k.content_slot AND e.content_id = k.content_id
           AND e.id > g.last_id
         ORDER BY e.id LIMIT most
    LOOP
        ids := ids || id;
        RETURN NEXT;
    END LOOP;
    IF cardinality(ids) = 0 THEN
        RETURN;
    END IF;
    last_read := ids[cardinality(ids)];
    IF NOT no_ack THEN
        growth := cardinality(ids);
        IF g.was_moved THEN
            PERFORM respgres.drop_pending(g.slot, g.id, ids);
        END IF;
    END IF;
    taker_id := respgres.see_consumer(g.slot, g.id, consumer, now_ms, growth);
    IF growth > 0 THEN
        INSERT INTO respgres.stream_pending
               (slot, group_id, entry_id, consumer_id, delivered_at,
                deliveries)
        SELECT g.slot, g.id, i.id, taker_id, now_ms, 1
          FROM unnest(ids) AS i (id);
    END IF;
    UPDATE respgres.stream_group AS u
       SET last_id = last_read,
           entries_read = respgres.count_read(
               s, k.size, u.entries_read, ids[1], last_read,
               cardinality(ids))
      FROM respgres.stream s
     WHERE u.slot = k.content_slot AND u.content_id = k.content_id
       AND u.name = respgres.indexed("group")
       AND s.slot = k.content_slot AND s.content_id = k.content_id;
END
$$;

-- What a group's entries_read is after reading `count` entries from first_id
-- to last_id.
CREATE OR REPLACE FUNCTION respgres.count_read(
    s respgres.stream, size bigint, entries_read bigint, first_id bytea,
    last_id bytea, count bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN entries_read IS NOT NULL
             AND NOT respgres.stream_has_gaps(s, size, first_id)
        THEN entries_read + count
        WHEN s.entries_added = 0 THEN entries_read
        -- Known after the first one, it is counted on.
        WHEN NOT respgres.stream_has_gaps(s, size, first_id)
             AND respgres.stream_distance(s, size, first_id) IS NOT NULL
        THEN respgres.stream_distance(s, size, first_id) + count - 1
        ELSE respgres.stream_distance(s, size, last_id) END
$$;

CREATE OR REPLACE FUNCTION respgres.deliver_again(
    content_id bigint, slot smallint, group_id bigint, consumer bytea,
    now_ms bigint, after bytea, most bigint)
RETURNS TABLE (id bytea, fields bytea[])
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    taker_id bigint := respgres.see_consumer(
        slot, group_id, consumer, now_ms, 0);
    ids bytea[] := '{}';
BEGIN
    FOR id, fields IN
        SELECT p.entry_id, e.fields
          FROM respgres.stream_pending p
          LEFT JOIN respgres.stream_entry e
            ON e.slot = p.slot AND e.content_id = deliver_again.content_id
           AND e.id = p.entry_id
         WHERE p.slot = deliver_again.slot
           AND p.group_id = deliver_again.group_id
           AND p.consumer_id = taker_id
           AND p.entry_id > after
         ORDER BY p.entry_id LIMIT most
    LOOP
        IF fields IS NOT NULL THEN
            ids := ids || id;
        END IF;
        RETURN NEXT;
    END LOOP;
    UPDATE respgres.stream_pending AS u
       SET delivered_at = now_ms, deliveries = u.deliveries + 1
     WHERE u.slot = deliver_again.slot AND u.group_id = deliver_again.group_id
       AND u.entry_id = ANY (ids);
END
$$;

-- Reads several streams, and each for one group: read_group() with the number
-- of the key.  An error of any key is the only row.
CREATE OR REPLACE FUNCTION respgres.read_group_many(
    db int, keys bytea[], "group" bytea, consumer bytea, afters bytea[],
    most bigint, no_ack boolean)
RETURNS TABLE (number int, error text, id bytea, fields bytea[])
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    one bytea;
BEGIN
    FOR one IN SELECT DISTINCT u.key FROM unnest(keys) AS u (key) ORDER BY 1
    LOOP
        PERFORM respgres.lock_key(db, respgres.slot(one), one);
    END LOOP;
    FOR i IN 1 .. cardinality(keys) LOOP
        SELECT o.error INTO error
          FROM respgres.open_group(db, respgres.slot(keys[i]), keys[i],
                                   "group") AS o;
        IF error IS NOT NULL THEN
            number := i;
            RETURN NEXT;
            RETURN;
        END IF;
    END LOOP;
    FOR i IN 1 .. cardinality(keys) LOOP
        RETURN QUERY
        SELECT i, r.error, r.id, r.fields
          FROM respgres.read_group(
               db, respgres.slot(keys[i]), keys[i], "group", consumer,
               afters[i], most, no_ack) AS r;
    END LOOP;
END
$$;

-- Delivers to a consumer what its group has not read yet, up to `most` entries.
-- Without a group: one row with an error.
CREATE OR REPLACE FUNCTION respgres.xreadgroup(
    db int, key bytea, "group" bytea, consumer bytea,
    most bigint DEFAULT NULL, no_ack boolean DEFAULT false)
RETURNS TABLE (error text, id text, fields bytea[])
LANGUAGE sql AS $$
    SELECT r.error, respgres.stream_id_text(r.id), r.fields
      FROM respgres.read_group(db, respgres.slot(key), key, "group", consumer,
                               NULL, most, no_ack) AS r
$$;

-- Gives a pending entry to a consumer.
CREATE OR REPLACE FUNCTION respgres.give_pending(
    slot smallint, group_id bigint, entry_id bytea, from_id bigint,
    to_id bigint, delivered_at bigint, deliveries bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE respgres.stream_pending AS u
       SET consumer_id = to_id, delivered_at = give_pending.delivered_at,
           deliveries = give_pending.deliveries
     WHERE u.slot = give_pending.slot AND u.group_id = give_pending.group_id
       AND u.entry_id = give_pending.entry_id;
    IF from_id <> to_id THEN
        UPDATE respgres.stream_consumer AS u
           SET pending = u.pending + CASE u.id WHEN to_id THEN 1 ELSE -1 END
         WHERE u.slot = give_pending.slot
           AND u.group_id = give_pending.group_id
           AND u.id IN (from_id, to_id);
    END IF;
END
$$;

-- Makes entries pending with a consumer that have been pending for min_idle
-- milliseconds; with `force` those, too, that were not pending.  Entries that
-- were deleted are no longer pending afterwards.  Delivered `idle` milliseconds
-- ago or at `delivered_at` (both NULL: now), for the `deliveries`th time (NULL:
-- once more, unless `just_id`).
CREATE OR REPLACE FUNCTION respgres.xclaim(
    db int, key bytea, "group" bytea, consumer bytea, min_idle bigint,
    ids bytea[], idle bigint DEFAULT NULL, delivered_at bigint DEFAULT NULL,
    deliveries bigint DEFAULT NULL, force boolean DEFAULT false,
    just_id boolean DEFAULT false, last_id bytea DEFAULT NULL,
    slot smallint DEFAULT NULL)
RETURNS TABLE (error text, id bytea, fields bytea[])
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    now_ms bigint := respgres.now_ms();
    at_ms bigint := coalesce(xclaim.delivered_at, now_ms - idle, now_ms);
    g record;
    p respgres.stream_pending;
    consumer_id bigint;
    was_pending boolean;
BEGIN
    SELECT * INTO g FROM respgres.open_group(
        db, coalesce(xclaim.slot, respgres.slot(key)), key, "group");
    error := g.error;
    IF error IS NOT NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    IF at_ms < 0 OR at_ms > now_ms THEN
        at_ms := now_ms;
    END IF;
    UPDATE respgres.stream_group AS u SET last_id = xclaim.last_id
     WHERE u.slot = g.content_slot AND u.content_id = g.content_id
       AND u.name = respgres.indexed("group")
       AND u.last_id < xclaim.last_id;
    FOREACH id IN ARRAY ids LOOP
        SELECT * INTO p FROM respgres.stream_pending o
         WHERE o.slot = g.content_slot AND o.group_id = g.group_id
           AND o.entry_id = xclaim.id;
        was_pending := FOUND;
        SELECT e.fields INTO fields FROM respgres.stream_entry e
         WHERE e.slot = g.content_slot AND e.content_id = g.content_id
           AND e.id = xclaim.id;
        IF NOT FOUND THEN
            IF was_pending THEN
                PERFORM respgres.drop_pending(
                    g.content_slot, g.group_id, ARRAY[id]);
            END IF;
            CONTINUE;
        END IF;
        CONTINUE WHEN NOT was_pending AND NOT force;
        CONTINUE WHEN was_pending AND min_idle > 0
                  AND now_ms - p.delivered_at < min_idle;
        consumer_id := coalesce(consumer_id, respgres.see_consumer(
            g.content_slot, g.group_id, consumer, now_ms, 0));
        IF NOT was_pending THEN
            INSERT INTO respgres.stream_pending
                   (slot, group_id, entry_id, consumer_id, delivered_at,
                    deliveries)
            VALUES (g.content_slot, g.group_id, id, consumer_id, at_ms, 1)
            RETURNING * INTO p;
            PERFORM respgres.see_consumer(
                g.content_slot, g.group_id, consumer, now_ms, 1);
        END IF;
        PERFORM respgres.give_pending(
            g.content_slot, g.group_id, id, p.consumer_id, consumer_id, at_ms,
            coalesce(xclaim.deliveries,
                     p.deliveries + (NOT just_id)::int));
        RETURN NEXT;
    END LOOP;
END
$$;

-- The same for up to `most` entries from `from_id` on, of up to ten times as
-- many that it looks at.  Rows: 'e' an entry, 'd' the ID of one that was
-- deleted and is no longer pending, 'n' the ID where to go on (0-0: at the end).
CREATE OR REPLACE FUNCTION respgres.xautoclaim(
    db int, key bytea, "group" bytea, consumer bytea, min_idle bigint,
    from_id bytea, most bigint DEFAULT 100, just_id boolean DEFAULT false,
    slot smallint DEFAULT NULL)
RETURNS TABLE (error text, kind "char", id bytea, fields bytea[])
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    now_ms bigint := respgres.now_ms();
    attempts bigint := most * 10;
    left_over bigint := most;
    next_id bytea := '\x00000000000000000000000000000000';
    g record;
    p record;
    consumer_id bigint;
BEGIN
    SELECT * INTO g FROM respgres.open_group(
        db, coalesce(xautoclaim.slot, respgres.slot(key)), key, "group");
    error := g.error;
    IF error IS NOT NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    FOR p IN
        SELECT o.entry_id, o.consumer_id, o.delivered_at, o.deliveries,
               e.id IS NOT NULL AS is_there, e.fields
          FROM respgres.stream_pending o
          LEFT JOIN respgres.stream_entry e
            ON e.slot = g.content_slot AND e.content_id = g.content_id
           AND e.id = o.entry_id
         WHERE o.slot = g.content_slot AND o.group_id = g.group_id
           AND o.entry_id >= from_id
         ORDER BY o.entry_id LIMIT attempts + 1
    LOOP
        IF attempts = 0 OR left_over = 0 THEN
            next_id := p.entry_id;
            EXIT;
        END IF;
        attempts := attempts - 1;
        id := p.entry_id;
        fields := p.fields;
        IF NOT p.is_there THEN
            PERFORM respgres.drop_pending(
                g.content_slot, g.group_id, ARRAY[id]);
            kind := 'd';
        ELSIF min_idle > 0 AND now_ms - p.delivered_at < min_idle THEN
            CONTINUE;
        ELSE
            consumer_id := coalesce(consumer_id, respgres.see_consumer(
                g.content_slot, g.group_id, consumer, now_ms, 0));
            PERFORM respgres.give_pending(
                g.content_slot, g.group_id, id, p.consumer_id, consumer_id,
                now_ms, p.deliveries + (NOT just_id)::int);
            kind := 'e';
        END IF;
        left_over := left_over - 1;
        RETURN NEXT;
    END LOOP;
    kind := 'n';
    id := next_id;
    fields := NULL;
    RETURN NEXT;
END
$$;

-- All about a stream in the order in which XINFO STREAM FULL tells it, up to
-- `most` entries of each list (NULL: all).  Rows by their kind:
--
--   x  n1 size, n2 nodes, n3 entries added; id the last one, name the greatest
--      deleted one, other_id the first one.  A key of another type has this
--      row alone, of the kind of its type.
--   e  an entry
--   g  a group: name, id that it has read to, n1 entries read, n2 lag,
--      n3 pending, n4 consumers
--   p  of the group: a pending entry's id, name of its consumer, n1 delivered
--      at, n2 deliveries
--   c  of the group: a consumer's name, n1 seen at, n2 pending
--   q  of the consumer: a pending entry, as p
CREATE OR REPLACE FUNCTION respgres.stream_all(
    db int, slot smallint, key bytea, most bigint)
RETURNS TABLE (kind "char", id bytea, name bytea, other_id bytea, n1 bigint,
               n2 bigint, n3 bigint, n4 bigint, fields bytea[])
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    k respgres.key;
    s respgres.stream;
    g respgres.stream_group;
    c respgres.stream_consumer;
BEGIN
    SELECT * INTO k FROM respgres.key o
     WHERE o.db = stream_all.db AND o.key = respgres.indexed(stream_all.key)
       AND o.slot = stream_all.slot
       AND (o.expires_at IS NULL OR o.expires_at > respgres.now_ms());
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT * INTO s FROM respgres.stream o
     WHERE o.slot = k.content_slot AND o.content_id = k.content_id;
    kind := k.type;
    id := s.last_id;
    name := s.max_deleted_id;
    other_id := s.first_id;
    n1 := k.size;
    n2 := CASE WHEN k.size > 0 THEN s.tail_node - s.head_node + 1 ELSE 0 END;
    n3 := s.entries_added;
    RETURN NEXT;
    IF k.type <> 'x' THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT 'e'::"char", e.id, NULL::bytea, NULL::bytea, NULL::bigint,
           NULL::bigint, NULL::bigint, NULL::bigint, e.fields
      FROM respgres.stream_entry e
     WHERE e.slot = k.content_slot AND e.content_id = k.content_id
     ORDER BY e.id LIMIT most;
    FOR g IN SELECT * FROM respgres.stream_group o
              WHERE o.slot = k.content_slot AND o.content_id = k.content_id
              ORDER BY o.name
    LOOP
        kind := 'g';
        name := coalesce(g.long_name, g.name);
        id := g.last_id;
        n1 := g.entries_read;
        n2 := respgres.stream_lag(s, k.size, g.last_id, g.entries_read);
        SELECT coalesce(sum(o.pending), 0), count(*) INTO n3, n4
          FROM respgres.stream_consumer o
         WHERE o.slot = g.slot AND o.group_id = g.id;
        RETURN NEXT;
        RETURN QUERY
        SELECT 'p'::"char", p.entry_id, coalesce(o.long_name, o.name),
               NULL::bytea, p.delivered_at, p.deliveries, NULL::bigint,
               NULL::bigint, NULL::bytea[]
          FROM respgres.stream_pending p
          JOIN respgres.stream_consumer o
            ON o.slot = p.slot AND o.group_id = p.group_id
           AND o.id = p.consumer_id
         WHERE p.slot = g.slot AND p.group_id = g.id
         ORDER BY p.entry_id LIMIT most;
        FOR c IN SELECT * FROM respgres.stream_consumer o
                  WHERE o.slot = g.slot AND o.group_id = g.id
                  ORDER BY o.name
        LOOP
            kind := 'c';
            name := coalesce(c.long_name, c.name);
            n1 := c.seen_at;
            n2 := c.pending;
            RETURN NEXT;
            RETURN QUERY
            SELECT 'q'::"char", p.entry_id, NULL::bytea, NULL::bytea,
                   p.delivered_at, p.deliveries, NULL::bigint, NULL::bigint,
                   NULL::bytea[]
              FROM respgres.stream_pending p
             WHERE p.slot = c.slot AND p.group_id = c.group_id
               AND p.consumer_id = c.id
             ORDER BY p.entry_id LIMIT most;
        END LOOP;
    END LOOP;
END
$$;
