-- Strings: what an application may call, and the proxy for all that no
-- set-based statement does.
--
-- An expected failure is the text in `error`, with its Redis code; a slot of
-- NULL is computed from the key.  Each function locks the key's row first and
-- looks at its content in a later statement.

-- The number that these bytes are the only spelling of, or NULL.
CREATE OR REPLACE FUNCTION respgres.as_number(value bytea) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    digits numeric;
BEGIN
    IF octet_length(value) > 20
       OR encode(value, 'escape') !~ '^(0|-?[1-9][0-9]{0,18})$' THEN
        RETURN NULL;
    END IF;
    digits := encode(value, 'escape')::numeric;
    IF digits BETWEEN -9223372036854775808 AND 9223372036854775807 THEN
        RETURN digits::bigint;
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION respgres.get(
    db int, key bytea, slot smallint DEFAULT NULL,
    OUT error text, OUT value bytea)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    found_type "char";
BEGIN
    SELECT k.type, respgres.string_bytes(k.value, k.number)
      INTO found_type, value
      FROM respgres.key k
     WHERE k.db = get.db AND k.key = respgres.indexed(get.key)
       AND k.slot = coalesce(get.slot, respgres.slot(get.key))
       AND (k.expires_at IS NULL OR k.expires_at > respgres.now_ms());
    IF found_type <> 's' THEN
        error := respgres.wrong_type();
        value := NULL;
    END IF;
END
$$;

-- SET in all its forms.  condition: NULL, 'NX' or 'XX'.  At most one of
-- ttl_ms, expires_at and keep_ttl.  `previous` is filled when want_previous.
CREATE OR REPLACE FUNCTION respgres.set(
    db int, key bytea, value bytea, condition text DEFAULT NULL,
    ttl_ms bigint DEFAULT NULL, expires_at bigint DEFAULT NULL,
    keep_ttl boolean DEFAULT false, want_previous boolean DEFAULT false,
    slot smallint DEFAULT NULL,
    OUT error text, OUT done boolean, OUT previous bytea)
LANGUAGE plpgsql AS $$
DECLARE
    k record;
    now_ms bigint := respgres.now_ms();
    new_number bigint := respgres.as_number(set.value);
    new_value bytea := CASE WHEN new_number IS NULL THEN set.value END;
    new_expiry bigint := coalesce(set.expires_at, now_ms + set.ttl_ms);
BEGIN
    slot := coalesce(slot, respgres.slot(key));
    done := false;
    LOOP
        SELECT * INTO k FROM respgres.lock_key(db, slot, key);
        IF k.id IS NOT NULL THEN
            IF want_previous AND k.type <> 's' THEN
                error := respgres.wrong_type();
                RETURN;
            END IF;
            IF want_previous THEN
                SELECT respgres.string_bytes(o.value, o.number) INTO previous
                  FROM respgres.key o
                 WHERE o.db = set.db AND o.key = respgres.indexed(set.key)
                   AND o.slot = set.slot;
            END IF;
            IF condition = 'NX' THEN
                RETURN;
            END IF;
            UPDATE respgres.key AS u
               SET id = CASE WHEN u.type = 's' THEN u.id
                             ELSE nextval('respgres.key_id') END,
                   version = u.version + 1, type = 's', raw = false,
                   content_id = NULL,
                   value = new_value, number = new_number,
                   expires_at = CASE WHEN keep_ttl THEN u.expires_at
                                     ELSE new_expiry END,
                   sweep_at = LEAST(u.sweep_at, new_expiry),
                   touched_at = now_ms / 1000
             WHERE u.db = set.db AND u.key = respgres.indexed(set.key)
               AND u.slot = set.slot;
            done := true;
            RETURN;
        END IF;
        IF condition = 'XX' THEN
            RETURN;
        END IF;
        INSERT INTO respgres.key AS n
               (db, slot, key, long_key, type, value, number,
                expires_at, sweep_at, touched_at)
        VALUES (set.db, set.slot, respgres.indexed(set.key),
                respgres.long(set.key), 's', new_value, new_number,
                new_expiry, new_expiry, now_ms / 1000)
            ON CONFLICT DO NOTHING;
        IF FOUND THEN
            done := true;
            RETURN;
        END IF;
    END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION respgres.getdel(
    db int, key bytea, slot smallint DEFAULT NULL,
    OUT error text, OUT value bytea)
LANGUAGE plpgsql AS $$
DECLARE
    k record;
BEGIN
    slot := coalesce(slot, respgres.slot(key));
    SELECT * INTO k FROM respgres.lock_key(db, slot, key);
    IF k.type <> 's' THEN
        error := respgres.wrong_type();
    ELSIF k.id IS NOT NULL THEN
        DELETE FROM respgres.key AS d
         WHERE d.db = getdel.db AND d.key = respgres.indexed(getdel.key)
           AND d.slot = getdel.slot
        RETURNING respgres.string_bytes(d.value, d.number) INTO value;
    END IF;
END
$$;

-- At most one of ttl_ms, expires_at and persist.
CREATE OR REPLACE FUNCTION respgres.getex(
    db int, key bytea, ttl_ms bigint DEFAULT NULL,
    expires_at bigint DEFAULT NULL, persist boolean DEFAULT false,
    slot smallint DEFAULT NULL,
    OUT error text, OUT value bytea)
LANGUAGE plpgsql AS $$
DECLARE
    k record;
    now_ms bigint := respgres.now_ms();
    new_expiry bigint := coalesce(getex.expires_at, now_ms + getex.ttl_ms);
BEGIN
    slot := coalesce(slot, respgres.slot(key));
    SELECT * INTO k FROM respgres.lock_key(db, slot, key);
    IF k.id IS NULL THEN
        RETURN;
    ELSIF k.type <> 's' THEN
        error := respgres.wrong_type();
        RETURN;
    END IF;
    SELECT respgres.string_bytes(o.value, o.number) INTO value
      FROM respgres.key o
     WHERE o.db = getex.db AND o.key = respgres.indexed(getex.key)
       AND o.slot = getex.slot;
    IF new_expiry IS NULL AND (NOT persist OR k.expires_at IS NULL) THEN
        RETURN;
    END IF;
    UPDATE respgres.key AS u
       SET expires_at = new_expiry,
           sweep_at = LEAST(u.sweep_at, new_expiry),
           version = u.version + 1, stale_version = u.stale_version + 1,
           touched_at = now_ms / 1000
     WHERE u.db = getex.db AND u.key = respgres.indexed(getex.key)
       AND u.slot = getex.slot;
END
$$;

-- Replaces the content of a locked string, or makes a new one; false when
-- another session was first to make it.
CREATE OR REPLACE FUNCTION respgres.store_string(
    db int, slot smallint, key bytea, is_new boolean,
    value bytea, number bigint, raw boolean) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    IF is_new THEN
        INSERT INTO respgres.key AS n
               (db, slot, key, long_key, type, value, number, raw, touched_at)
        VALUES (store_string.db, store_string.slot,
                respgres.indexed(store_string.key),
                respgres.long(store_string.key), 's', store_string.value,
                store_string.number, store_string.raw,
                respgres.now_ms() / 1000)
            ON CONFLICT DO NOTHING;
    ELSE
        UPDATE respgres.key AS u
           SET value = store_string.value, number = store_string.number,
               raw = store_string.raw, version = u.version + 1,
               touched_at = respgres.now_ms() / 1000
         WHERE u.db = store_string.db
           AND u.key = respgres.indexed(store_string.key)
           AND u.slot = store_string.slot;
    END IF;
    RETURN FOUND;
END
$$;

CREATE OR REPLACE FUNCTION respgres.incrby(
    db int, key bytea, increment bigint, slot smallint DEFAULT NULL,
    OUT error text, OUT number bigint)
LANGUAGE plpgsql AS $$
DECLARE
    k record;
    total numeric;
BEGIN
    slot := coalesce(slot, respgres.slot(key));
    LOOP
        SELECT * INTO k FROM respgres.lock_key(db, slot, key);
        IF k.type <> 's' THEN
            error := respgres.wrong_type();
            RETURN;
        END IF;
        number := CASE WHEN k.id IS NULL THEN 0 ELSE k.number END;
        IF number IS NULL THEN
            SELECT respgres.as_number(o.value) INTO number
              FROM respgres.key o
             WHERE o.db = incrby.db AND o.key = respgres.indexed(incrby.key)
               AND o.slot = incrby.slot;
        END IF;
        IF number IS NULL THEN
            error := 'ERR value is not an integer or out of range';
            RETURN;
        END IF;
        total := number::numeric + increment;
        number := NULL;
        IF total NOT BETWEEN -9223372036854775808 AND 9223372036854775807 THEN
            error := 'ERR increment or decrement would overflow';
            RETURN;
        END IF;
        IF respgres.store_string(db, slot, key, k.id IS NULL, NULL,
                                 total::bigint, false) THEN
            number := total::bigint;
            RETURN;
        END IF;
    END LOOP;
END
$$;

-- Calculates in decimals, so without Redis' rounding errors.  The result has
-- 17 decimals at the most.
CREATE OR REPLACE FUNCTION respgres.incrbyfloat(
    db int, key bytea, increment numeric, slot smallint DEFAULT NULL,
    OUT error text, OUT value bytea)
LANGUAGE plpgsql AS $$
DECLARE
    k record;
    digits text;
BEGIN
    slot := coalesce(slot, respgres.slot(key));
    LOOP
        SELECT * INTO k FROM respgres.lock_key(db, slot, key);
        digits := '0';
        IF k.type <> 's' THEN
            error := respgres.wrong_type();
            RETURN;
        ELSIF k.id IS NOT NULL THEN
            SELECT CASE WHEN o.number IS NOT NULL THEN o.number::text
                        WHEN octet_length(o.value) < 5120
                        THEN encode(o.value, 'escape') END INTO digits
              FROM respgres.key o
             WHERE o.db = incrbyfloat.db
               AND o.key = respgres.indexed(incrbyfloat.key)
               AND o.slot = incrbyfloat.slot;
        END IF;
        IF digits ~* '^[+-]?inf(inity)?$' THEN
            error := 'ERR increment would produce NaN or Infinity';
            RETURN;
        ELSIF digits IS NULL OR digits !~
            '^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?$' THEN
            error := 'ERR value is not a valid float';
            RETURN;
        END IF;
        digits := trim_scale(round(digits::numeric + increment, 17))::text;
        IF respgres.store_string(db, slot, key, k.id IS NULL,
                                 convert_to(digits, 'UTF8'), NULL, false) THEN
            value := convert_to(digits, 'UTF8');
            RETURN;
        END IF;
    END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION respgres.append(
    db int, key bytea, suffix bytea, slot smallint DEFAULT NULL,
    OUT error text, OUT length bigint)
LANGUAGE plpgsql AS $$
DECLARE
    k record;
    content bytea;
    stored boolean;
BEGIN
    slot := coalesce(slot, respgres.slot(key));
    LOOP
        SELECT * INTO k FROM respgres.lock_key(db, slot, key);
        IF k.type <> 's' THEN
            error := respgres.wrong_type();
            RETURN;
        ELSIF k.id IS NULL THEN
            content := suffix;
            stored := respgres.store_string(db, slot, key, true,
                CASE WHEN respgres.as_number(suffix) IS NULL THEN suffix END,
                respgres.as_number(suffix), false);
        ELSE
            SELECT respgres.string_bytes(o.value, o.number) INTO content
              FROM respgres.key o
             WHERE o.db = append.db AND o.key = respgres.indexed(append.key)
               AND o.slot = append.slot;
            IF octet_length(content)::bigint + octet_length(suffix)
               > 536870912 THEN
                error := 'ERR string exceeds maximum allowed size '
                         '(proto-max-bulk-len)';
                RETURN;
            END IF;
            content := content || suffix;
            stored := respgres.store_string(db, slot, key, false, content,
                                            NULL, true);
        END IF;
        IF stored THEN
            length := octet_length(content);
            RETURN;
        END IF;
    END LOOP;
END
$$;

-- The offset counts from 0; what lies between the end and it becomes NUL.
CREATE OR REPLACE FUNCTION respgres.setrange(
    db int, key bytea, "offset" bigint, part bytea,
    slot smallint DEFAULT NULL,
    OUT error text, OUT length bigint)
LANGUAGE plpgsql AS $$
DECLARE
    k record;
    content bytea;
    size int := octet_length(part);
    gap int;
BEGIN
    slot := coalesce(slot, respgres.slot(key));
    IF "offset" < 0 THEN
        error := 'ERR offset is out of range';
        RETURN;
    END IF;
    LOOP
        SELECT * INTO k FROM respgres.lock_key(db, slot, key);
        content := ''::bytea;
        IF k.type <> 's' THEN
            error := respgres.wrong_type();
            RETURN;
        ELSIF k.id IS NOT NULL THEN
            SELECT respgres.string_bytes(o.value, o.number) INTO content
              FROM respgres.key o
             WHERE o.db = setrange.db
               AND o.key = respgres.indexed(setrange.key)
               AND o.slot = setrange.slot;
        END IF;
        length := octet_length(content);
        IF size = 0 THEN
            RETURN;
        END IF;
        IF "offset" > 536870912 - size THEN
            error := 'ERR string exceeds maximum allowed size '
                     '(proto-max-bulk-len)';
            length := NULL;
            RETURN;
        END IF;
        IF length < "offset" THEN
            -- In two halves: one text of hexadecimal digits may not be as
            -- long as the longest string needs.
            gap := "offset" - length;
            content := content || decode(repeat('00', gap / 2), 'hex')
                || decode(repeat('00', gap - gap / 2), 'hex');
        END IF;
        content := substr(content, 1, "offset"::int) || part ||
            substr(content, ("offset" + size + 1)::int);
        IF respgres.store_string(db, slot, key, k.id IS NULL, content, NULL,
                                 true) THEN
            length := octet_length(content);
            RETURN;
        END IF;
    END LOOP;
END
$$;

-- All or nothing; of a key given twice the last value counts.
CREATE OR REPLACE FUNCTION respgres.msetnx(
    db int, keys bytea[], "values" bytea[],
    OUT error text, OUT done boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    pair record;
    now_ms bigint := respgres.now_ms();
BEGIN
    done := true;
    FOR pair IN
        SELECT DISTINCT ON (p.key) p.key, p.value
          FROM unnest(keys, "values") WITH ORDINALITY
               AS p (key, value, ordinal)
         ORDER BY p.key, p.ordinal DESC
    LOOP
        INSERT INTO respgres.key AS n
               (db, slot, key, long_key, type, value, number, touched_at)
        VALUES (msetnx.db, respgres.slot(pair.key),
                respgres.indexed(pair.key), respgres.long(pair.key), 's',
                CASE WHEN respgres.as_number(pair.value) IS NULL
                     THEN pair.value END,
                respgres.as_number(pair.value), now_ms / 1000)
            ON CONFLICT (db, key, slot) DO UPDATE
           SET id = CASE WHEN n.type = 's' THEN n.id ELSE excluded.id END,
               version = n.version + 1, type = 's', raw = false,
               content_id = NULL, value = excluded.value, number = excluded.number,
               expires_at = NULL, touched_at = excluded.touched_at,
               tags = NULL
         WHERE n.expires_at <= now_ms;
        IF NOT FOUND THEN
            -- Takes back what this call has inserted so far.
            RAISE SQLSTATE 'RG001';
        END IF;
    END LOOP;
EXCEPTION WHEN SQLSTATE 'RG001' THEN
    done := false;
END
$$;
