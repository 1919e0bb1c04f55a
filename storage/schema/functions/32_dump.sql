-- DUMP and RESTORE: a whole value out of its rows, and into them.
--
-- The payload is the program's matter; here a value is rows and arrays.

-- All rows of a value, none when there is no such key.  `kind` tells what a row
-- is and which of its columns have a meaning:
--
--    s  string            value
--    l  list item         value
--    t  set member        value
--    z  sorted set member value, score
--    h  hash field        name, value, number: its expiry or NULL
--    x  stream            name: last id, value: max deleted id,
--                         number: entries added
--    e  stream entry      name: id, fields
--    g  group             name, value: last id, number: entries read or NULL
--    c  its consumer      name, number: seen at, owner: its id
--    p  pending entry     name: id, number: delivered at, count, owner: its
--                         consumer's id
--
-- Lists and streams come in their order, groups and consumers in order of their
-- names, small hashes in order of insertion.  Where there are more than `most`
-- rows (NULL: no limit), one of the kind + stands for them all.
--
-- STABLE, so that all is of one snapshot.
CREATE OR REPLACE FUNCTION respgres.dump_rows(
    db int, slot smallint, key bytea, most bigint DEFAULT NULL)
RETURNS TABLE (kind "char", owner bigint, name bytea, value bytea,
               number bigint, count bigint, score double precision,
               fields bytea[])
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    k record;
    now_ms bigint := respgres.now_ms();
BEGIN
    SELECT o.type, o.content_id, o.content_slot, o.size,
           CASE WHEN o.type = 's'
                THEN respgres.string_bytes(o.value, o.number) END AS string
      INTO k
      FROM respgres.key o
     WHERE o.db = dump_rows.db AND o.key = respgres.indexed(dump_rows.key)
       AND o.slot = dump_rows.slot
       AND (o.expires_at IS NULL OR o.expires_at > now_ms);
    IF NOT FOUND THEN
        RETURN;
    END IF;
    kind := k.type;
    IF k.size > most OR k.type = 'x' AND EXISTS (
           SELECT FROM respgres.stream_group g
             JOIN respgres.stream_pending p
               ON p.slot = g.slot AND p.group_id = g.id
            WHERE g.slot = k.content_slot AND g.content_id = k.content_id
           OFFSET most) AND most IS NOT NULL THEN
        kind := '+';
        RETURN NEXT;
        RETURN;
    END IF;
    CASE k.type
    WHEN 's' THEN
        value := k.string;
        RETURN NEXT;
    WHEN 'l' THEN
        RETURN QUERY
        SELECT k.type, NULL::bigint, NULL::bytea, i.value, NULL::bigint,
               NULL::bigint, NULL::double precision, NULL::bytea[]
          FROM respgres.list_item i
         WHERE i.slot = k.content_slot AND i.content_id = k.content_id
         ORDER BY i.position;
    WHEN 't' THEN
        RETURN QUERY
        SELECT k.type, NULL::bigint, NULL::bytea,
               coalesce(m.long_member, m.member), NULL::bigint, NULL::bigint,
               NULL::double precision, NULL::bytea[]
          FROM respgres.set_member m
         WHERE m.slot = k.content_slot AND m.content_id = k.content_id;
    WHEN 'z' THEN
        RETURN QUERY
        SELECT k.type, NULL::bigint, NULL::bytea,
               coalesce(m.long_member, m.member), NULL::bigint, NULL::bigint,
               m.score, NULL::bytea[]
          FROM respgres.sorted_set_member m
         WHERE m.slot = k.content_slot AND m.content_id = k.content_id;
    WHEN 'h' THEN
        RETURN QUERY
        SELECT k.type, NULL::bigint, coalesce(f.long_field, f.field), f.value,
               f.expires_at, NULL::bigint, NULL::double precision,
               NULL::bytea[]
          FROM respgres.hash_field f
         WHERE f.slot = k.content_slot AND f.content_id = k.content_id
           AND (f.expires_at IS NULL OR f.expires_at > now_ms)
         ORDER BY CASE WHEN k.size <= 512 THEN f.ordinal END;
    WHEN 'x' THEN
        RETURN QUERY
        SELECT * FROM respgres.dump_stream_rows(k.content_slot, k.content_id);
    END CASE;
END
$$;

CREATE OR REPLACE FUNCTION respgres.dump_stream_rows(
    content_slot smallint, content_id bigint)
RETURNS TABLE (kind "char", owner bigint, name bytea, value bytea,
               number bigint, count bigint, score double precision,
               fields bytea[])
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    g record;
BEGIN
    RETURN QUERY
    SELECT 'x'::"char", NULL::bigint, s.last_id, s.max_deleted_id,
           s.entries_added, NULL::bigint, NULL::double precision,
           NULL::bytea[]
      FROM respgres.stream s
     WHERE s.slot = content_slot
       AND s.content_id = dump_stream_rows.content_id;
    RETURN QUERY
    SELECT 'e'::"char", NULL::bigint, e.id, NULL::bytea, NULL::bigint,
           NULL::bigint, NULL::double precision, e.fields
      FROM respgres.stream_entry e
     WHERE e.slot = content_slot
       AND e.content_id = dump_stream_rows.content_id
     ORDER BY e.id;
    FOR g IN
        SELECT o.id, coalesce(o.long_name, o.name) AS name, o.last_id,
               o.entries_read
          FROM respgres.stream_group o
         WHERE o.slot = content_slot
           AND o.content_id = dump_stream_rows.content_id
         ORDER BY 2
    LOOP
        kind := 'g';
        owner := NULL;
        name := g.name;
        value := g.last_id;
        number := g.entries_read;
        RETURN NEXT;
        RETURN QUERY
        SELECT 'c'::"char", c.id, coalesce(c.long_name, c.name), NULL::bytea,
               c.seen_at, NULL::bigint, NULL::double precision, NULL::bytea[]
          FROM respgres.stream_consumer c
         WHERE c.slot = content_slot AND c.group_id = g.id
         ORDER BY 3;
        RETURN QUERY
        SELECT 'p'::"char", p.consumer_id, p.entry_id, NULL::bytea,
               p.delivered_at, p.deliveries, NULL::double precision,
               NULL::bytea[]
          FROM respgres.stream_pending p
         WHERE p.slot = content_slot AND p.group_id = g.id
         ORDER BY p.entry_id;
    END LOOP;
END
$$;

-- Makes the key for a value that is being restored.  At most one of ttl_ms and
-- expires_at; idle_s, when given, is how long ago it was last touched, or as
-- -1 - frequency how often: what OBJECT FREQ says until the next write puts a
-- time into touched_at.  For a collection content_id says where its elements belong; NULL: nowhere, as it
-- has expired already.
CREATE OR REPLACE FUNCTION respgres.restore_key(
    db int, slot smallint, key bytea, replace boolean, ttl_ms bigint,
    expires_at bigint, idle_s bigint, new_type "char", new_size bigint,
    new_value bytea, new_number bigint, new_raw boolean,
    OUT error text, OUT content_id bigint)
LANGUAGE plpgsql AS $$
DECLARE
    now_ms bigint := respgres.now_ms();
    expiry bigint := coalesce(restore_key.expires_at,
                              now_ms + restore_key.ttl_ms);
    k record;
    kept bigint[];
BEGIN
    LOOP
        SELECT * INTO k FROM respgres.lock_key(db, slot, key);
        IF k.id IS NOT NULL THEN
            IF NOT replace THEN
                error := 'BUSYKEY Target key name already exists.';
                RETURN;
            END IF;
            DELETE FROM respgres.key AS d
             WHERE d.db = restore_key.db
               AND d.key = respgres.indexed(restore_key.key)
               AND d.slot = restore_key.slot
            RETURNING d.tags INTO kept;
        END IF;
        IF expiry <= now_ms THEN
            RETURN;
        END IF;
        INSERT INTO respgres.key AS n
               (db, slot, key, long_key, type, value, number, expires_at,
                sweep_at, content_id, content_slot, size, first_position, raw,
                touched_at, tags)
        VALUES (restore_key.db, restore_key.slot,
                respgres.indexed(restore_key.key),
                respgres.long(restore_key.key), new_type, new_value,
                new_number, expiry, expiry,
                CASE WHEN new_type <> 's'
                     THEN nextval('respgres.key_id') END,
                CASE WHEN new_type <> 's' THEN restore_key.slot END, new_size,
                CASE WHEN new_type <> 's' THEN 0 END, new_raw,
                CASE WHEN idle_s < 0 THEN idle_s
                     ELSE greatest(now_ms / 1000 - coalesce(idle_s, 0), 0)
                END, kept)
            ON CONFLICT DO NOTHING
        RETURNING n.content_id INTO content_id;
        EXIT WHEN FOUND;
    END LOOP;
    IF new_type IN ('l', 'z', 'x') THEN
        PERFORM respgres.wake(db, slot, key);
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION respgres.restore_list(
    db int, slot smallint, key bytea, replace boolean, ttl_ms bigint,
    expires_at bigint, idle_s bigint, items bytea[], OUT error text)
LANGUAGE plpgsql AS $$
DECLARE
    k record;
BEGIN
    SELECT * INTO k FROM respgres.restore_key(
        db, slot, key, replace, ttl_ms, expires_at, idle_s, 'l',
        cardinality(items), NULL, NULL, false);
    error := k.error;
    IF k.content_id IS NOT NULL THEN
        INSERT INTO respgres.list_item (content_id, position, slot, value)
        SELECT k.content_id, i.ordinal - 1, restore_list.slot, i.value
          FROM unnest(items) WITH ORDINALITY AS i (value, ordinal);
    END IF;
END
$$;

-- The members differ; `integers` tells whether all are canonical 64-bit ones.
CREATE OR REPLACE FUNCTION respgres.restore_set(
    db int, slot smallint, key bytea, replace boolean, ttl_ms bigint,
    expires_at bigint, idle_s bigint, members bytea[], integers boolean,
    OUT error text)
LANGUAGE plpgsql AS $$
DECLARE
    k record;
BEGIN
    SELECT * INTO k FROM respgres.restore_key(
        db, slot, key, replace, ttl_ms, expires_at, idle_s, 't',
        cardinality(members), NULL, NULL, NOT integers);
    error := k.error;
    IF k.content_id IS NOT NULL THEN
        INSERT INTO respgres.set_member
               (content_id, hash, slot, member, long_member)
        SELECT k.content_id, respgres.element_hash(i.member),
               restore_set.slot, respgres.indexed(i.member),
               respgres.long(i.member)
          FROM unnest(members) AS i (member);
    END IF;
END
$$;

-- The members differ.
CREATE OR REPLACE FUNCTION respgres.restore_sorted_set(
    db int, slot smallint, key bytea, replace boolean, ttl_ms bigint,
    expires_at bigint, idle_s bigint, members bytea[],
    scores double precision[], OUT error text)
LANGUAGE plpgsql AS $$
DECLARE
    k record;
BEGIN
    SELECT * INTO k FROM respgres.restore_key(
        db, slot, key, replace, ttl_ms, expires_at, idle_s, 'z',
        cardinality(members), NULL, NULL, false);
    error := k.error;
    IF k.content_id IS NOT NULL THEN
        INSERT INTO respgres.sorted_set_member
               (content_id, score, hash, slot, member, long_member)
        SELECT k.content_id, i.score, respgres.element_hash(i.member),
               restore_sorted_set.slot, respgres.indexed(i.member),
               respgres.long(i.member)
          FROM unnest(members, scores) AS i (member, score);
        PERFORM respgres.rebuild_sorted_set_blocks(
            slot, k.content_id, cardinality(members));
    END IF;
END
$$;

-- The fields differ.
CREATE OR REPLACE FUNCTION respgres.restore_hash(
    db int, slot smallint, key bytea, replace boolean, ttl_ms bigint,
    expires_at bigint, idle_s bigint, fields bytea[], "values" bytea[],
    OUT error text)
LANGUAGE plpgsql AS $$
DECLARE
    k record;
BEGIN
    SELECT * INTO k FROM respgres.restore_key(
        db, slot, key, replace, ttl_ms, expires_at, idle_s, 'h',
        cardinality(fields), NULL, NULL, false);
    error := k.error;
    IF k.content_id IS NOT NULL THEN
        INSERT INTO respgres.hash_field
               (content_id, hash, slot, field, long_field, value)
        SELECT k.content_id, respgres.element_hash(i.field),
               restore_hash.slot, respgres.indexed(i.field),
               respgres.long(i.field), i.value
          FROM unnest(fields, "values") AS i (field, value);
    END IF;
END
$$;

-- entry_ids and entry_nodes have an entry's id and node for each of its elements,
-- which are names and values in turns.  Of the first node there is how many
-- entries it has, of the last their bytes, too.  A consumer has the number of its group, a pending entry
-- that of its consumer, both from 1; entries_read is -1 where it is unknown.
CREATE OR REPLACE FUNCTION respgres.restore_stream(
    db int, slot smallint, key bytea, replace boolean, ttl_ms bigint,
    expires_at bigint, idle_s bigint, size bigint, last_id bytea,
    max_deleted_id bytea, entries_added bigint, entry_ids bytea[],
    entry_nodes bigint[], elements bytea[], head_count bigint,
    tail_count bigint, tail_bytes bigint, group_names bytea[], group_last_ids bytea[],
    entries_read bigint[], consumer_groups bigint[], consumer_names bytea[],
    seen_at bigint[], consumer_pending bigint[], pending_consumers bigint[], pending_ids bytea[],
    delivered_at bigint[], deliveries bigint[], OUT error text)
LANGUAGE plpgsql AS $$
DECLARE
    k record;
    group_ids bigint[];
    consumer_ids bigint[];
BEGIN
    SELECT * INTO k FROM respgres.restore_key(
        db, slot, key, replace, ttl_ms, expires_at, idle_s, 'x', size, NULL,
        NULL, false);
    error := k.error;
    IF k.content_id IS NULL THEN
        RETURN;
    END IF;
    group_ids := ARRAY(SELECT nextval('respgres.key_id')
                         FROM generate_subscripts(group_names, 1));
    consumer_ids := ARRAY(SELECT nextval('respgres.key_id')
                            FROM generate_subscripts(consumer_names, 1));
    INSERT INTO respgres.stream
           (content_id, entries_added, slot, last_id, max_deleted_id, first_id,
            head_node, head_count, tail_node, tail_count, tail_bytes)
    VALUES (k.content_id, restore_stream.entries_added, restore_stream.slot,
            restore_stream.last_id, restore_stream.max_deleted_id,
            coalesce(entry_ids[1], '\x00000000000000000000000000000000'),
            coalesce(entry_nodes[1], 0), restore_stream.head_count,
            coalesce(entry_nodes[cardinality(entry_nodes)], 0),
            restore_stream.tail_count, restore_stream.tail_bytes);
    INSERT INTO respgres.stream_entry (content_id, node, slot, id, fields)
    SELECT k.content_id, min(e.node), restore_stream.slot, e.id,
           array_agg(e.element ORDER BY e.ordinal)
      FROM unnest(entry_ids, entry_nodes, elements) WITH ORDINALITY
           AS e (id, node, element, ordinal)
     GROUP BY e.id;
    INSERT INTO respgres.stream_group
           (content_id, id, entries_read, slot, name, long_name, last_id)
    SELECT k.content_id, group_ids[g.place], nullif(g.entries_read, -1),
           restore_stream.slot, respgres.indexed(g.name),
           respgres.long(g.name), g.last_id
      FROM unnest(group_names, group_last_ids, restore_stream.entries_read)
           WITH ORDINALITY AS g (name, last_id, entries_read, place);
    INSERT INTO respgres.stream_consumer
           (group_id, id, seen_at, active_at, pending, slot, name, long_name)
    SELECT group_ids[c.of_group], consumer_ids[c.place], c.seen_at, c.seen_at,
           c.pending, restore_stream.slot, respgres.indexed(c.name),
           respgres.long(c.name)
      FROM unnest(consumer_groups, consumer_names, restore_stream.seen_at,
                  consumer_pending) WITH ORDINALITY
           AS c (of_group, name, seen_at, pending, place);
    INSERT INTO respgres.stream_pending
           (group_id, consumer_id, delivered_at, deliveries, slot, entry_id)
    SELECT group_ids[consumer_groups[p.consumer]], consumer_ids[p.consumer],
           p.delivered_at, p.deliveries, restore_stream.slot, p.id
      FROM unnest(pending_consumers, pending_ids,
                  restore_stream.delivered_at, restore_stream.deliveries)
           AS p (consumer, id, delivered_at, deliveries);
END
$$;
