-- Keys whatever they hold: renaming, copying, moving, flushing.
--
-- As in 20_strings.sql an expected failure is the text in `error`, and a slot
-- of NULL is computed.

-- Gives a collection's content a copy under another number; a string's content
-- is in its key's row.
CREATE OR REPLACE FUNCTION respgres.copy_content(
    type "char", from_slot smallint, from_id bigint,
    to_slot smallint, to_id bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    CASE type
    WHEN 'h' THEN
        INSERT INTO respgres.hash_field
               (content_id, ordinal, expires_at, hash, slot, field, value,
                long_field)
        SELECT to_id, f.ordinal, f.expires_at, f.hash, to_slot, f.field,
               f.value, f.long_field
          FROM respgres.hash_field f
         WHERE f.slot = from_slot AND f.content_id = from_id;
    WHEN 'l' THEN
        INSERT INTO respgres.list_item (content_id, position, slot, value)
        SELECT to_id, i.position, to_slot, i.value
          FROM respgres.list_item i
         WHERE i.slot = from_slot AND i.content_id = from_id;
    WHEN 't' THEN
        INSERT INTO respgres.set_member
               (content_id, hash, slot, member, long_member)
        SELECT to_id, m.hash, to_slot, m.member, m.long_member
          FROM respgres.set_member m
         WHERE m.slot = from_slot AND m.content_id = from_id;
    WHEN 'z' THEN
        INSERT INTO respgres.sorted_set_member
               (content_id, score, hash, slot, member, long_member)
        SELECT to_id, m.score, m.hash, to_slot, m.member, m.long_member
          FROM respgres.sorted_set_member m
         WHERE m.slot = from_slot AND m.content_id = from_id;
        INSERT INTO respgres.sorted_set_block
               (content_id, score, count, slot, level, member)
        SELECT to_id, b.score, b.count, to_slot, b.level, b.member
          FROM respgres.sorted_set_block b
         WHERE b.slot = from_slot AND b.content_id = from_id;
    WHEN 'x' THEN
        PERFORM respgres.copy_stream(from_slot, from_id, to_slot, to_id);
    END CASE;
END
$$;

CREATE OR REPLACE FUNCTION respgres.copy_stream(
    from_slot smallint, from_id bigint, to_slot smallint, to_id bigint)
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    g record;
    c record;
    new_group_id bigint;
    new_consumer_id bigint;
BEGIN
    INSERT INTO respgres.stream
           (content_id, entries_added, slot, last_id, max_deleted_id, first_id,
            head_node, head_count, tail_node, tail_count, tail_bytes)
    SELECT to_id, s.entries_added, to_slot, s.last_id, s.max_deleted_id,
           s.first_id, s.head_node, s.head_count, s.tail_node, s.tail_count,
           s.tail_bytes
      FROM respgres.stream s
     WHERE s.slot = from_slot AND s.content_id = from_id;
    INSERT INTO respgres.stream_entry (content_id, node, slot, id, fields)
    SELECT to_id, e.node, to_slot, e.id, e.fields
      FROM respgres.stream_entry e
     WHERE e.slot = from_slot AND e.content_id = from_id;
    FOR g IN SELECT * FROM respgres.stream_group o
              WHERE o.slot = from_slot AND o.content_id = from_id
    LOOP
        INSERT INTO respgres.stream_group
               (content_id, entries_read, slot, name, long_name, last_id)
        VALUES (to_id, g.entries_read, to_slot, g.name, g.long_name,
                g.last_id)
        RETURNING id INTO new_group_id;
        FOR c IN SELECT * FROM respgres.stream_consumer o
                  WHERE o.slot = from_slot AND o.group_id = g.id
        LOOP
            INSERT INTO respgres.stream_consumer
                   (group_id, seen_at, active_at, pending, slot, name,
                    long_name)
            VALUES (new_group_id, c.seen_at, c.active_at, c.pending,
                    to_slot, c.name, c.long_name)
            RETURNING id INTO new_consumer_id;
            INSERT INTO respgres.stream_pending
                   (group_id, consumer_id, delivered_at, deliveries, slot,
                    entry_id)
            SELECT new_group_id, new_consumer_id,
                   p.delivered_at, p.deliveries, to_slot, p.entry_id
              FROM respgres.stream_pending p
             WHERE p.slot = from_slot AND p.group_id = g.id
               AND p.consumer_id = c.id;
        END LOOP;
    END LOOP;
END
$$;

-- How many of the keys there were.
CREATE OR REPLACE FUNCTION respgres.del(db int, VARIADIC keys bytea[])
RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    one bytea;
    k record;
    deleted bigint := 0;
BEGIN
    FOR one IN SELECT DISTINCT u.key FROM unnest(keys) AS u (key) ORDER BY 1
    LOOP
        SELECT * INTO k FROM respgres.lock_key(db, respgres.slot(one), one);
        CONTINUE WHEN k.id IS NULL;
        DELETE FROM respgres.key AS d
         WHERE d.db = del.db AND d.key = respgres.indexed(one)
           AND d.slot = respgres.slot(one);
        deleted := deleted + 1;
    END LOOP;
    RETURN deleted;
END
$$;

-- Sets the expiry of a key, or takes it off when both times are NULL; false
-- when there is no such key.
CREATE OR REPLACE FUNCTION respgres.expire(
    db int, key bytea, ttl_ms bigint, expires_at bigint DEFAULT NULL,
    slot smallint DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    now_ms bigint := respgres.now_ms();
    new_expiry bigint := coalesce(expire.expires_at, now_ms + expire.ttl_ms);
BEGIN
    UPDATE respgres.key AS u
       SET expires_at = new_expiry,
           sweep_at = LEAST(u.sweep_at, new_expiry),
           version = u.version + 1, stale_version = u.stale_version + 1,
           touched_at = now_ms / 1000
     WHERE u.db = expire.db AND u.key = respgres.indexed(expire.key)
       AND u.slot = coalesce(expire.slot, respgres.slot(expire.key))
       AND (u.expires_at IS NULL OR u.expires_at > now_ms);
    RETURN FOUND;
END
$$;

-- Locks two keys, the lesser one first, as all do that lock several.
CREATE OR REPLACE FUNCTION respgres.lock_two_keys(
    first_db int, first_slot smallint, first_key bytea,
    second_db int, second_slot smallint, second_key bytea,
    OUT first_id bigint, OUT first_type "char", OUT second_id bigint)
LANGUAGE plpgsql AS $$
BEGIN
    IF (first_db, first_key) < (second_db, second_key) THEN
        SELECT l.id, l.type INTO first_id, first_type
          FROM respgres.lock_key(first_db, first_slot, first_key) l;
    END IF;
    SELECT l.id INTO second_id
      FROM respgres.lock_key(second_db, second_slot, second_key) l;
    IF (first_db, first_key) >= (second_db, second_key) THEN
        SELECT l.id, l.type INTO first_id, first_type
          FROM respgres.lock_key(first_db, first_slot, first_key) l;
    END IF;
END
$$;

-- Moves a locked key to another name, where nothing may be any more; false
-- when another session was first to put something there.  A content whose id
-- is below `at_least` gets a new one: SCAN walks in order of ids, and would
-- miss a key whose id went back.
CREATE OR REPLACE FUNCTION respgres.move_key(
    db int, slot smallint, key bytea,
    new_db int, new_slot smallint, new_key bytea, at_least bigint)
RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE respgres.key AS u
       SET db = new_db, slot = new_slot, key = respgres.indexed(new_key),
           long_key = respgres.long(new_key),
           id = CASE WHEN u.id < at_least
                     THEN nextval('respgres.key_id') ELSE u.id END,
           version = u.version + 1, stale_version = u.stale_version + 1,
           touched_at = respgres.now_ms() / 1000,
           tags = CASE WHEN u.tags IS NULL OR u.db = new_db THEN u.tags
                       ELSE respgres.translate_tags(u.tags, new_db) END
     WHERE u.db = move_key.db AND u.key = respgres.indexed(move_key.key)
       AND u.slot = move_key.slot;
    RETURN true;
EXCEPTION WHEN unique_violation THEN
    RETURN false;
END
$$;

CREATE OR REPLACE FUNCTION respgres.rename(
    db int, key bytea, new_key bytea, only_absent boolean DEFAULT false,
    slot smallint DEFAULT NULL, new_slot smallint DEFAULT NULL,
    OUT error text, OUT done boolean)
LANGUAGE plpgsql AS $$
DECLARE
    k record;
BEGIN
    slot := coalesce(slot, respgres.slot(key));
    new_slot := coalesce(new_slot, respgres.slot(new_key));
    LOOP
        SELECT * INTO k FROM respgres.lock_two_keys(
            db, slot, key, db, new_slot, new_key);
        done := false;
        IF k.first_id IS NULL THEN
            error := 'ERR no such key';
            RETURN;
        ELSIF key = new_key THEN
            done := NOT only_absent;
            RETURN;
        ELSIF k.second_id IS NOT NULL AND only_absent THEN
            RETURN;
        END IF;
        DELETE FROM respgres.key AS d
         WHERE d.db = rename.db AND d.key = respgres.indexed(rename.new_key)
           AND d.slot = rename.new_slot;
        done := respgres.move_key(db, slot, key, db, new_slot, new_key,
                                  coalesce(k.second_id, 0));
        EXIT WHEN done;
    END LOOP;
    PERFORM respgres.wake(db, new_slot, new_key);
END
$$;

CREATE OR REPLACE FUNCTION respgres.move(
    db int, key bytea, new_db int, slot smallint DEFAULT NULL,
    OUT error text, OUT done boolean)
LANGUAGE plpgsql AS $$
DECLARE
    k record;
BEGIN
    slot := coalesce(slot, respgres.slot(key));
    done := false;
    IF db = new_db THEN
        error := 'ERR source and destination objects are the same';
        RETURN;
    END IF;
    LOOP
        SELECT * INTO k FROM respgres.lock_two_keys(
            db, slot, key, new_db, slot, key);
        EXIT WHEN k.first_id IS NULL OR k.second_id IS NOT NULL;
        done := respgres.move_key(db, slot, key, new_db, slot, key, 0);
        EXIT WHEN done;
    END LOOP;
    IF done THEN
        PERFORM respgres.wake(new_db, slot, key);
    END IF;
END
$$;

-- With its expiry and tags.
CREATE OR REPLACE FUNCTION respgres.copy(
    db int, key bytea, new_key bytea, new_db int DEFAULT NULL,
    replace boolean DEFAULT false,
    slot smallint DEFAULT NULL, new_slot smallint DEFAULT NULL,
    OUT error text, OUT done boolean)
LANGUAGE plpgsql AS $$
DECLARE
    k record;
    new_content_id bigint;
BEGIN
    slot := coalesce(slot, respgres.slot(key));
    new_slot := coalesce(new_slot, respgres.slot(new_key));
    new_db := coalesce(new_db, db);
    done := false;
    IF db = new_db AND key = new_key THEN
        error := 'ERR source and destination objects are the same';
        RETURN;
    END IF;
    LOOP
        SELECT * INTO k FROM respgres.lock_two_keys(
            db, slot, key, new_db, new_slot, new_key);
        EXIT WHEN k.first_id IS NULL
               OR (k.second_id IS NOT NULL AND NOT replace);
        DELETE FROM respgres.key AS d
         WHERE d.db = copy.new_db
           AND d.key = respgres.indexed(copy.new_key)
           AND d.slot = copy.new_slot;
        INSERT INTO respgres.key AS n
               (id, expires_at, sweep_at, number, db, touched_at, slot, type,
                raw, key, value, long_key, content_id, content_slot, size,
                first_position, fields_expire_at, tags, stale_version)
        SELECT nextval('respgres.key_id'), o.expires_at, o.expires_at,
               o.number, copy.new_db, respgres.now_ms() / 1000,
               copy.new_slot, o.type, o.raw, respgres.indexed(copy.new_key),
               o.value, respgres.long(copy.new_key),
               CASE WHEN o.content_id IS NOT NULL
                    THEN nextval('respgres.key_id') END,
               copy.new_slot, o.size, o.first_position, o.fields_expire_at,
               CASE WHEN o.tags IS NULL OR o.db = copy.new_db THEN o.tags
                    ELSE respgres.translate_tags(o.tags, copy.new_db) END,
               CASE WHEN o.stale_version = o.version THEN 1 END
          FROM respgres.key o
         WHERE o.db = copy.db AND o.key = respgres.indexed(copy.key)
           AND o.slot = copy.slot
            ON CONFLICT DO NOTHING
        RETURNING n.content_id INTO new_content_id;
        IF FOUND THEN
            IF new_content_id IS NOT NULL THEN
                PERFORM respgres.copy_content(
                    o.type, o.content_slot, o.content_id,
                    copy.new_slot, new_content_id)
                   FROM respgres.key o
                  WHERE o.db = copy.db AND o.key = respgres.indexed(copy.key)
                    AND o.slot = copy.slot;
                PERFORM respgres.wake(new_db, new_slot, new_key);
            END IF;
            done := true;
            RETURN;
        END IF;
    END LOOP;
END
$$;

-- Empties a database, or all when db is NULL, sessions as well.  Truncating takes a moment
-- whatever there is, and locks on the tables; deleting takes time for each
-- row.
CREATE OR REPLACE FUNCTION respgres.flush(db int DEFAULT NULL) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    -- Bytes of table up to which rows are deleted.
    small CONSTANT bigint := 2 << 20;
BEGIN
    PERFORM respgres.session_flush(db);
    IF pg_relation_size('respgres.key') > small THEN
        LOCK TABLE respgres.tag, respgres.key IN ACCESS EXCLUSIVE MODE;
        IF flush.db IS NULL OR NOT EXISTS (
               SELECT FROM respgres.key k WHERE k.db < flush.db)
           AND NOT EXISTS (
               SELECT FROM respgres.key k WHERE k.db > flush.db) THEN
            TRUNCATE respgres.key, respgres.hash_field, respgres.list_item,
                respgres.set_member, respgres.sorted_set_member,
                respgres.sorted_set_block, respgres.stream,
                respgres.stream_entry, respgres.stream_group,
                respgres.stream_consumer, respgres.stream_pending,
                respgres.dropped_content, respgres.tag, respgres.tag_work,
                respgres.tag_work_part, respgres.tag_sample;
            RETURN;
        END IF;
    END IF;
    PERFORM respgres.flush_tags(db);
    IF flush.db IS NULL THEN
        DELETE FROM respgres.key;
    ELSE
        DELETE FROM respgres.key AS k WHERE k.db = flush.db;
    END IF;
END
$$;

-- Exchanges two databases: row by row, and so that no name is there twice on
-- the way, which needs that nobody else writes meanwhile.
CREATE OR REPLACE FUNCTION respgres.swapdb(first_db int, second_db int)
RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF first_db = second_db THEN
        RETURN;
    END IF;
    PERFORM respgres.session_swap(first_db, second_db);
    PERFORM respgres.swap_tags(first_db, second_db);
    LOCK TABLE respgres.key IN SHARE ROW EXCLUSIVE MODE;
    UPDATE respgres.key AS k
       SET db = -1 - first_db, version = k.version + 1,
           stale_version = k.stale_version + 1
     WHERE k.db = first_db;
    UPDATE respgres.key AS k
       SET db = first_db, version = k.version + 1,
           stale_version = k.stale_version + 1
     WHERE k.db = second_db;
    UPDATE respgres.key AS k
       SET db = second_db
     WHERE k.db = -1 - first_db;
    PERFORM respgres.notify_of(w.db, w.key)
       FROM respgres.waiter w
      WHERE w.db IN (first_db, second_db)
        AND w.instance <> respgres.instance();
END
$$;

-- Any live key, or NULL: one of those that follow a random id.
CREATE OR REPLACE FUNCTION respgres.random_key(db int) RETURNS bytea
LANGUAGE plpgsql AS $$
DECLARE
    lowest bigint;
    highest bigint;
    start bigint;
    candidates bytea[];
    now_ms bigint := respgres.now_ms();
BEGIN
    SELECT k.id INTO lowest FROM respgres.key k
     WHERE k.db = random_key.db ORDER BY k.id LIMIT 1;
    SELECT k.id INTO highest FROM respgres.key k
     WHERE k.db = random_key.db ORDER BY k.id DESC LIMIT 1;
    start := lowest + floor(random() * (highest - lowest + 1))::bigint;
    -- Several, so that a key behind a gap is not favoured too much.
    SELECT array_agg(c.key) INTO candidates
      FROM (SELECT coalesce(k.long_key, k.key) AS key FROM respgres.key k
             WHERE k.db = random_key.db AND k.id >= start
               AND (k.expires_at IS NULL OR k.expires_at > now_ms)
             ORDER BY k.id LIMIT 16) c;
    IF candidates IS NULL OR cardinality(candidates) < 16 THEN
        -- Around the end.
        SELECT candidates || array_agg(c.key) INTO candidates
          FROM (SELECT coalesce(k.long_key, k.key) AS key
                  FROM respgres.key k
                 WHERE k.db = random_key.db AND k.id < start
                   AND (k.expires_at IS NULL OR k.expires_at > now_ms)
                 ORDER BY k.id
                 LIMIT 16 - coalesce(cardinality(candidates), 0)) c;
    END IF;
    RETURN candidates[1 + floor(random() * cardinality(candidates))::int];
END
$$;

-- For the sweeper: deletes what has expired and was due behind from_at and not
-- after to_at.  In the order of the table, which is several times as fast as in
-- the order of the index.
CREATE OR REPLACE FUNCTION respgres.sweep_range(from_at bigint, to_at bigint)
RETURNS bigint
LANGUAGE plpgsql SET enable_indexscan = off AS $$
DECLARE
    deleted bigint;
BEGIN
    DELETE FROM respgres.key AS k
     WHERE k.sweep_at > from_at AND k.sweep_at <= to_at
       AND k.expires_at <= to_at;
    GET DIAGNOSTICS deleted = ROW_COUNT;
    RETURN deleted;
END
$$;
