-- Hashes whose fields expire.
--
-- A field that has expired is seen by nobody.  Its row goes when its hash is
-- written to, or with the sweeper.  The key's fields_expire_at is at or before
-- the first field's expiry: where it is NULL or to come, all fields are alive.

-- Notes that a locked hash has changed: its size, and a field's new expiry.
CREATE OR REPLACE FUNCTION respgres.close_hash(
    db int, slot smallint, key bytea, new_size bigint, new_expiry bigint)
RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF new_expiry IS NOT NULL AND new_size > 0 THEN
        UPDATE respgres.key AS u
           SET fields_expire_at = LEAST(u.fields_expire_at, new_expiry)
         WHERE u.db = close_hash.db
           AND u.key = respgres.indexed(close_hash.key)
           AND u.slot = close_hash.slot
           AND (u.fields_expire_at IS NULL
                OR u.fields_expire_at > new_expiry);
    END IF;
    PERFORM respgres.close_key(db, slot, key, new_size);
END
$$;

CREATE OR REPLACE FUNCTION respgres.set_field_expiry(
    content_slot smallint, content_id bigint, name bytea, new_expiry bigint)
RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE respgres.hash_field AS f
       SET expires_at = new_expiry
     WHERE f.slot = set_field_expiry.content_slot
       AND f.content_id = set_field_expiry.content_id
       AND f.hash = respgres.element_hash(name)
       AND f.field = respgres.indexed(name);
END
$$;

-- Sets the expiry of fields: ttl_ms from now, or expires_at since 1970.
-- condition: NULL, 'NX' (has none), 'XX' (has one), 'GT' (has an earlier one),
-- 'LT' (has a later one or none).  Per field -2: there is none; 0: the
-- condition is not met; 1: done; 2: removed, as the time is not to come.
CREATE OR REPLACE FUNCTION respgres.hexpire(
    db int, key bytea, fields bytea[], ttl_ms bigint,
    expires_at bigint DEFAULT NULL, condition text DEFAULT NULL,
    slot smallint DEFAULT NULL, OUT error text, OUT results int[])
LANGUAGE plpgsql AS $$
DECLARE
    h record;
    old record;
    name bytea;
    result int;
    removed bigint := 0;
    now_ms bigint := respgres.now_ms();
    new_expiry bigint := coalesce(hexpire.expires_at, now_ms + ttl_ms);
BEGIN
    slot := coalesce(slot, respgres.slot(key));
    SELECT * INTO h FROM respgres.open_hash(db, slot, key, false);
    error := h.error;
    IF error IS NOT NULL THEN
        RETURN;
    END IF;
    FOREACH name IN ARRAY fields LOOP
        SELECT * INTO old
          FROM respgres.find_field(h.content_slot, h.content_id, name);
        IF old.value IS NULL THEN
            result := -2;
        ELSIF (CASE condition
              WHEN 'NX' THEN old.expires_at IS NOT NULL
              WHEN 'XX' THEN old.expires_at IS NULL
              WHEN 'GT' THEN coalesce(old.expires_at >= new_expiry, true)
              WHEN 'LT' THEN coalesce(old.expires_at <= new_expiry, false)
              ELSE false END) THEN
            result := 0;
        ELSIF new_expiry <= now_ms THEN
            PERFORM respgres.remove_field(h.content_slot, h.content_id, name);
            removed := removed + 1;
            result := 2;
        ELSE
            PERFORM respgres.set_field_expiry(h.content_slot, h.content_id,
                                              name, new_expiry);
            result := 1;
        END IF;
        results := results || result;
    END LOOP;
    IF 1 = ANY (results) OR removed > 0 THEN
        PERFORM respgres.close_hash(
            db, slot, key, h.size - removed,
            CASE WHEN 1 = ANY (results) THEN new_expiry END);
    END IF;
END
$$;

-- Per field -2: there is none; -1: it had no expiry; 1: done.
CREATE OR REPLACE FUNCTION respgres.hpersist(
    db int, key bytea, fields bytea[], slot smallint DEFAULT NULL,
    OUT error text, OUT results int[])
LANGUAGE plpgsql AS $$
DECLARE
    h record;
    old record;
    name bytea;
BEGIN
    slot := coalesce(slot, respgres.slot(key));
    SELECT * INTO h FROM respgres.open_hash(db, slot, key, false);
    error := h.error;
    IF error IS NOT NULL THEN
        RETURN;
    END IF;
    FOREACH name IN ARRAY fields LOOP
        SELECT * INTO old
          FROM respgres.find_field(h.content_slot, h.content_id, name);
        IF old.expires_at IS NOT NULL THEN
            PERFORM respgres.set_field_expiry(h.content_slot, h.content_id,
                                              name, NULL);
        END IF;
        results := results || CASE WHEN old.value IS NULL THEN -2
                                   WHEN old.expires_at IS NULL THEN -1
                                   ELSE 1 END;
    END LOOP;
    IF 1 = ANY (results) THEN
        PERFORM respgres.close_key(db, slot, key, h.size);
    END IF;
END
$$;

-- When fields expire, in milliseconds since 1970.  Per field -2: there is
-- none; -1: never.
CREATE OR REPLACE FUNCTION respgres.hexpiretime(
    db int, key bytea, fields bytea[], slot smallint DEFAULT NULL,
    OUT error text, OUT results bigint[])
LANGUAGE plpgsql STABLE AS $$
DECLARE
    h record;
BEGIN
    SELECT * INTO h FROM respgres.look_key(db, slot, key, 'h');
    error := h.error;
    IF error IS NULL THEN
        results := ARRAY(
            SELECT (SELECT CASE WHEN f.value IS NULL THEN -2
                                ELSE coalesce(f.expires_at, -1) END
                      FROM respgres.find_field(
                           h.content_slot, h.content_id, i.field) f)
              FROM unnest(hexpiretime.fields) WITH ORDINALITY
                   AS i (field, ordinal)
             ORDER BY i.ordinal);
    END IF;
END
$$;

-- Takes fields out of a hash; NULL for those that are not there.
CREATE OR REPLACE FUNCTION respgres.hgetdel(
    db int, key bytea, fields bytea[], slot smallint DEFAULT NULL,
    OUT error text, OUT "values" bytea[])
LANGUAGE plpgsql AS $$
DECLARE
    h record;
    name bytea;
    value bytea;
    removed bigint := 0;
BEGIN
    slot := coalesce(slot, respgres.slot(key));
    SELECT * INTO h FROM respgres.open_hash(db, slot, key, false);
    error := h.error;
    IF error IS NOT NULL THEN
        RETURN;
    END IF;
    FOREACH name IN ARRAY fields LOOP
        SELECT f.value INTO value
          FROM respgres.find_field(h.content_slot, h.content_id, name) f;
        IF value IS NOT NULL THEN
            PERFORM respgres.remove_field(h.content_slot, h.content_id, name);
            removed := removed + 1;
        END IF;
        "values" := array_append("values", value);
    END LOOP;
    IF removed > 0 THEN
        PERFORM respgres.close_key(db, slot, key, h.size - removed);
    END IF;
END
$$;

-- Reads fields and changes their expiry, by at most one of ttl_ms, expires_at
-- and persist.
CREATE OR REPLACE FUNCTION respgres.hgetex(
    db int, key bytea, fields bytea[], ttl_ms bigint DEFAULT NULL,
    expires_at bigint DEFAULT NULL, persist boolean DEFAULT false,
    slot smallint DEFAULT NULL, OUT error text, OUT "values" bytea[])
LANGUAGE plpgsql AS $$
DECLARE
    r record;
BEGIN
    slot := coalesce(slot, respgres.slot(key));
    -- Locked first, so that both steps see the same.
    PERFORM respgres.lock_key(db, slot, key);
    SELECT * INTO r FROM respgres.hmget(db, key, fields, slot);
    error := r.error;
    "values" := r.values;
    IF error IS NULL AND persist THEN
        PERFORM respgres.hpersist(db, key, fields, slot);
    ELSIF error IS NULL AND coalesce(ttl_ms, hgetex.expires_at) IS NOT NULL
    THEN
        PERFORM respgres.hexpire(db, key, fields, ttl_ms, hgetex.expires_at,
                                 NULL, slot);
    END IF;
END
$$;

-- Sets fields with one expiry.  condition: NULL, 'FNX' (none is there) or
-- 'FXX' (all are).  At most one of ttl_ms, expires_at and keep_ttl.
CREATE OR REPLACE FUNCTION respgres.hsetex(
    db int, key bytea, fields bytea[], "values" bytea[],
    condition text DEFAULT NULL, ttl_ms bigint DEFAULT NULL,
    expires_at bigint DEFAULT NULL, keep_ttl boolean DEFAULT false,
    slot smallint DEFAULT NULL, OUT error text, OUT done boolean)
LANGUAGE plpgsql AS $$
DECLARE
    h record;
    now_ms bigint := respgres.now_ms();
    new_expiry bigint := coalesce(hsetex.expires_at, now_ms + ttl_ms);
    expiry bigint := new_expiry;
    size bigint;
BEGIN
    slot := coalesce(slot, respgres.slot(key));
    SELECT * INTO h FROM respgres.open_hash(
        db, slot, key, condition IS DISTINCT FROM 'FXX');
    error := h.error;
    IF error IS NOT NULL THEN
        RETURN;
    END IF;
    done := CASE condition
        WHEN 'FNX' THEN NOT EXISTS (
             SELECT FROM unnest(hsetex.fields) AS i (field)
              CROSS JOIN LATERAL respgres.find_field(
                    h.content_slot, h.content_id, i.field) f
              WHERE f.value IS NOT NULL)
        WHEN 'FXX' THEN NOT EXISTS (
             SELECT FROM unnest(hsetex.fields) AS i (field)
              CROSS JOIN LATERAL respgres.find_field(
                    h.content_slot, h.content_id, i.field) f
              WHERE f.value IS NULL)
        ELSE true END;
    IF NOT done THEN
        RETURN;
    END IF;
    size := h.size;
    FOR i IN 1 .. cardinality(fields) LOOP
        IF new_expiry <= now_ms THEN
            size := size - respgres.remove_field(
                h.content_slot, h.content_id, fields[i])::int;
            CONTINUE;
        END IF;
        IF keep_ttl THEN
            SELECT f.expires_at INTO expiry FROM respgres.find_field(
                h.content_slot, h.content_id, fields[i]) f;
        END IF;
        size := size + respgres.store_field(
            h.content_slot, h.content_id, fields[i], "values"[i],
            expiry)::int;
    END LOOP;
    PERFORM respgres.close_hash(
        db, slot, key, size, CASE WHEN new_expiry > now_ms THEN new_expiry END);
END
$$;

-- For the sweeper: deletes up to `most` expired fields, and hashes that have
-- none left; how many rows of fields there were.  Hashes that somebody holds
-- are left for the next time.
CREATE OR REPLACE FUNCTION respgres.sweep_fields(most bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    now_ms bigint := respgres.now_ms();
    content record;
    k record;
    part bigint;
    swept bigint := 0;
BEGIN
    FOR content IN
        SELECT DISTINCT e.slot, e.content_id
          FROM (SELECT f.slot, f.content_id
                  FROM respgres.hash_field f
                 WHERE f.expires_at <= now_ms
                 ORDER BY f.expires_at
                 LIMIT most) AS e
    LOOP
        SELECT o.db, o.slot, o.key, o.size INTO k
          FROM respgres.key o
         WHERE o.content_id = content.content_id
           FOR UPDATE SKIP LOCKED;
        -- Somebody holds it; what no key names is reaped here as well.
        CONTINUE WHEN NOT FOUND AND EXISTS (
            SELECT FROM respgres.key o
             WHERE o.content_id = content.content_id);
        DELETE FROM respgres.hash_field AS d
         WHERE d.ctid = ANY (ARRAY(
               SELECT f.ctid
                 FROM respgres.hash_field f
                WHERE f.slot = content.slot
                  AND f.content_id = content.content_id
                  AND f.expires_at <= now_ms
                LIMIT most - swept));
        GET DIAGNOSTICS part = ROW_COUNT;
        swept := swept + part;
        IF k.size = part THEN
            DELETE FROM respgres.key AS d
             WHERE d.db = k.db AND d.key = k.key AND d.slot = k.slot;
        ELSIF part > 0 THEN
            UPDATE respgres.key AS u
               SET size = u.size - part, version = u.version + 1,
                   fields_expire_at = respgres.first_expiry(
                       content.slot, content.content_id)
             WHERE u.db = k.db AND u.key = k.key AND u.slot = k.slot;
        END IF;
        EXIT WHEN swept >= most;
    END LOOP;
    RETURN swept;
END
$$;
