-- What every statement about keys builds on.

-- Milliseconds since 1970: the clock of all expiry.
CREATE OR REPLACE FUNCTION respgres.now_ms() RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
    SELECT floor(date_part('epoch', clock_timestamp()) * 1000)::bigint
$$;

-- The form of a key that indexes hold: an index entry takes no more than about
-- 2,700 bytes.  Forms of 1,024 bytes are those of long keys, and only those.
CREATE OR REPLACE FUNCTION respgres.indexed(key bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN octet_length(key) < 1024 THEN key
                ELSE substr(key, 1, 992) || sha256(key) END
$$;

-- The key itself where indexed() is not: for the column long_key.
CREATE OR REPLACE FUNCTION respgres.long(key bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN octet_length(key) >= 1024 THEN key END
$$;

-- A string's bytes from its two columns.
CREATE OR REPLACE FUNCTION respgres.string_bytes(value bytea, number bigint)
RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(value, convert_to(number::text, 'UTF8'))
$$;

-- Redis Cluster's hash slot of a key: CRC16 of its hash tag, or of all of it.
CREATE OR REPLACE FUNCTION respgres.slot(key bytea) RETURNS smallint
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    -- CRC16/XMODEM of each byte, two bytes each.
    steps CONSTANT bytea := decode(
        '0000102120423063408450a560c670e781089129a14ab16bc18cd1ade1cef1ef' ||
        '123102103273225252b5429472f762d693398318b37ba35ad3bdc39cf3ffe3de' ||
        '246234430420140164e674c744a45485a56ab54b85289509e5eef5cfc5acd58d' ||
        '365326721611063076d766f6569546b4b75ba77a97198738f7dfe7fed79dc7bc' ||
        '48c458e5688678a70840186128023823c9ccd9ede98ef9af89489969a90ab92b' ||
        '5af54ad47ab76a961a710a503a332a12dbfdcbdcfbbfeb9e9b798b58bb3bab1a' ||
        '6ca67c874ce45cc52c223c030c601c41edaefd8fcdecddcdad2abd0b8d689d49' ||
        '7e976eb65ed54ef43e132e321e510e70ff9fefbedfddcffcbf1baf3a9f598f78' ||
        '918881a9b1caa1ebd10cc12df14ee16f108000a130c220e35004402570466067' ||
        '83b99398a3fbb3dac33dd31ce37ff35e02b1129022f332d24235521462777256' ||
        'b5eaa5cb95a88589f56ee54fd52cc50d34e224c314a004817466644754244405' ||
        'a7dbb7fa879997b8e75ff77ec71dd73c26d336f2069116b06657767646155634' ||
        'd94cc96df90ee92f99c889e9b98aa9ab584448657806682718c008e1388228a3' ||
        'cb7ddb5ceb3ffb1e8bf99bd8abbbbb9a4a755a546a377a160af11ad02ab33a92' ||
        'fd2eed0fdd6ccd4dbdaaad8b9de88dc97c266c075c644c453ca22c831ce00cc1' ||
        'ef1fff3ecf5ddf7caf9bbfba8fd99ff86e177e364e555e742e933eb20ed11ef0'        , 'hex');
    tag bytea := key;
    opened int := position('\x7b'::bytea IN key);
    size int;
    crc int := 0;
    step int;
BEGIN
    IF opened > 0 THEN
        size := position('\x7d'::bytea IN substr(key, opened + 1)) - 1;
        IF size > 0 THEN
            tag := substr(key, opened + 1, size);
        END IF;
    END IF;
    FOR i IN 0 .. octet_length(tag) - 1 LOOP
        step := ((crc >> 8) # get_byte(tag, i)) * 2;
        crc := ((crc << 8) & 65535)
             # ((get_byte(steps, step) << 8) | get_byte(steps, step + 1));
    END LOOP;
    RETURN crc & 16383;
END
$$;

-- Spreads elements of a collection evenly over the integers.
CREATE OR REPLACE FUNCTION respgres.element_hash(element bytea)
RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT hash_array(ARRAY[element])
$$;

-- Locks the key's row and tells about it; all NULL when there is no such key.
-- A row that has expired is deleted.  The content is for a later statement:
-- only that sees what was committed while this one waited.
CREATE OR REPLACE FUNCTION respgres.lock_key(
    db int, slot smallint, key bytea,
    OUT id bigint, OUT type "char", OUT expires_at bigint, OUT number bigint,
    OUT content_id bigint, OUT content_slot smallint, OUT size bigint,
    OUT first_position bigint, OUT fields_expire_at bigint)
LANGUAGE plpgsql AS $$
BEGIN
    SELECT k.id, k.type, k.expires_at, k.number, k.content_id,
           k.content_slot, k.size, k.first_position, k.fields_expire_at
      INTO id, type, expires_at, number, content_id,
           content_slot, size, first_position, fields_expire_at
      FROM respgres.key k
     WHERE k.db = lock_key.db AND k.key = respgres.indexed(lock_key.key)
       AND k.slot = lock_key.slot
       FOR UPDATE;
    IF expires_at <= respgres.now_ms() THEN
        DELETE FROM respgres.key AS d
         WHERE d.db = lock_key.db AND d.key = respgres.indexed(lock_key.key)
           AND d.slot = lock_key.slot;
        id := NULL;
        type := NULL;
        expires_at := NULL;
        number := NULL;
        content_id := NULL;
        content_slot := NULL;
        size := NULL;
        first_position := NULL;
        fields_expire_at := NULL;
    END IF;
END
$$;

-- The tags that a key leaves to what is put in its place.
CREATE OR REPLACE FUNCTION respgres.kept_tags(tags bigint[], expires_at bigint)
RETURNS bigint[]
LANGUAGE sql VOLATILE AS $$
    SELECT CASE WHEN expires_at IS NULL OR expires_at > respgres.now_ms()
                THEN tags END
$$;

CREATE OR REPLACE FUNCTION respgres.wrong_type() RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT 'WRONGTYPE Operation against a key holding the wrong kind of value'
$$;

-- Locks the key of a collection of the type `want` for a change.  A key that
-- is not there is made when `make`, with a size of 0, which close_key() must
-- then correct; otherwise content_id is NULL.  Another type: `error`.
CREATE OR REPLACE FUNCTION respgres.open_key(
    db int, slot smallint, key bytea, want "char", make boolean,
    OUT error text, OUT content_id bigint, OUT content_slot smallint,
    OUT size bigint, OUT first_position bigint, OUT fields_expire_at bigint)
LANGUAGE plpgsql AS $$
DECLARE
    k record;
BEGIN
    LOOP
        SELECT * INTO k FROM respgres.lock_key(db, slot, key);
        IF k.id IS NOT NULL OR NOT make THEN
            IF k.type <> want THEN
                error := respgres.wrong_type();
                RETURN;
            END IF;
            content_id := k.content_id;
            content_slot := k.content_slot;
            size := k.size;
            first_position := k.first_position;
            fields_expire_at := k.fields_expire_at;
            RETURN;
        END IF;
        INSERT INTO respgres.key AS n
               (db, slot, key, long_key, type, content_id, content_slot, size,
                first_position, touched_at)
        VALUES (open_key.db, open_key.slot, respgres.indexed(open_key.key),
                respgres.long(open_key.key), want,
                nextval('respgres.key_id'), open_key.slot, 0, 0,
                respgres.now_ms() / 1000)
            ON CONFLICT DO NOTHING;
    END LOOP;
END
$$;

-- Ends a change of a key that open_key() locked: notes the size and, when
-- given, a list's first position.  A collection without elements is no more,
-- unless it is a stream.
CREATE OR REPLACE FUNCTION respgres.close_key(
    db int, slot smallint, key bytea, new_size bigint,
    new_first_position bigint DEFAULT NULL) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF new_size = 0 THEN
        DELETE FROM respgres.key AS d
         WHERE d.db = close_key.db AND d.key = respgres.indexed(close_key.key)
           AND d.slot = close_key.slot AND d.type <> 'x';
    END IF;
    IF new_size > 0 OR NOT FOUND THEN
        UPDATE respgres.key AS u
           SET size = new_size,
               first_position = coalesce(new_first_position,
                                         u.first_position),
               version = u.version + 1,
               touched_at = respgres.now_ms() / 1000
         WHERE u.db = close_key.db
           AND u.key = respgres.indexed(close_key.key)
           AND u.slot = close_key.slot;
    END IF;
END
$$;

-- The same for many keys, distinct and in order of database and key.  One
-- entry of each array for each key; content_ids has NULL for a key that is not
-- there, and -1 for one of another type.  Keys that are made get new_sizes, or
-- 0, as their size, new_raws as raw, and true in `made`, which is NULL when there
-- are none.
CREATE OR REPLACE FUNCTION respgres.open_keys(
    dbs int[], slots smallint[], keys bytea[], want "char", make boolean,
    new_sizes bigint[] DEFAULT NULL, new_raws boolean[] DEFAULT NULL,
    OUT content_ids bigint[], OUT content_slots smallint[],
    OUT sizes bigint[], OUT first_positions bigint[],
    OUT fields_expire_at bigint[], OUT made boolean[])
LANGUAGE plpgsql AS $$
DECLARE
    now_ms bigint := respgres.now_ms();
    count int := cardinality(keys);
    locked record;
    some_expired boolean;
BEGIN
    LOOP
        -- Nearly always all are there and of the type.
        SELECT array_agg(l.content_id) AS content_ids,
               array_agg(l.content_slot) AS content_slots,
               array_agg(l.size) AS sizes,
               array_agg(l.first_position) AS first_positions,
               array_agg(l.fields_expire_at) AS fields_expire_at,
               array_agg(l.ordinal) AS ordinals, count(*) AS found,
               array_agg(l.state) AS states,
               coalesce(min(l.state), 1) AS worst
          INTO locked
          FROM (SELECT o.content_id, o.content_slot, o.size,
                       o.first_position, o.fields_expire_at, i.ordinal,
                       -- Expired, of another type, or wanted.
                       CASE WHEN o.expires_at <= now_ms THEN -1
                            WHEN o.type <> want THEN 0 ELSE 1 END AS state
                  FROM unnest(dbs, slots, keys) WITH ORDINALITY
                       AS i (db, slot, key, ordinal)
                  JOIN respgres.key o
                    ON o.db = i.db AND o.key = respgres.indexed(i.key)
                   AND o.slot = i.slot
                 ORDER BY i.ordinal
                   FOR UPDATE OF o) AS l;
        IF locked.found = count AND locked.worst = 1 THEN
            content_ids := locked.content_ids;
            content_slots := locked.content_slots;
            sizes := locked.sizes;
            first_positions := locked.first_positions;
            fields_expire_at := locked.fields_expire_at;
            RETURN;
        END IF;
        content_ids := array_fill(NULL::bigint, ARRAY[count]);
        content_slots := array_fill(NULL::smallint, ARRAY[count]);
        sizes := content_ids;
        first_positions := content_ids;
        fields_expire_at := content_ids;
        some_expired := false;
        FOR i IN 1 .. locked.found LOOP
            IF locked.states[i] = -1 THEN
                some_expired := true;
                CONTINUE;
            ELSIF locked.states[i] = 0 THEN
                content_ids[locked.ordinals[i]] := -1;
                CONTINUE;
            END IF;
            content_ids[locked.ordinals[i]] := locked.content_ids[i];
            content_slots[locked.ordinals[i]] := locked.content_slots[i];
            sizes[locked.ordinals[i]] := locked.sizes[i];
            first_positions[locked.ordinals[i]] := locked.first_positions[i];
            fields_expire_at[locked.ordinals[i]] :=
                locked.fields_expire_at[i];
        END LOOP;
        IF some_expired THEN
            DELETE FROM respgres.key AS d
             USING unnest(dbs, slots, keys) AS i (db, slot, key)
             WHERE d.db = i.db AND d.key = respgres.indexed(i.key)
               AND d.slot = i.slot AND d.expires_at <= now_ms;
        END IF;
        IF NOT make OR array_position(content_ids, NULL) IS NULL THEN
            RETURN;
        END IF;
        SELECT * INTO locked
          FROM respgres.make_keys(dbs, slots, keys, want, content_ids,
                                  new_sizes, new_raws);
        IF locked.content_ids IS NOT NULL THEN
            made := locked.made;
            content_ids := locked.content_ids;
            FOR i IN 1 .. count LOOP
                IF made[i] THEN
                    content_slots[i] := slots[i];
                    sizes[i] := coalesce(new_sizes[i], 0);
                    first_positions[i] := 0;
                END IF;
            END LOOP;
            RETURN;
        END IF;
    END LOOP;
END
$$;

-- For open_keys(): makes the keys whose entry in content_ids is NULL, and fills
-- that in.  All NULL, and nothing made, when others were first to make one.
CREATE OR REPLACE FUNCTION respgres.make_keys(
    dbs int[], slots smallint[], keys bytea[], want "char",
    INOUT content_ids bigint[], new_sizes bigint[], new_raws boolean[],
    OUT made boolean[])
LANGUAGE plpgsql AS $$
DECLARE
    count int := cardinality(content_ids);
    new_ids bigint[];
    next int := 0;
BEGIN
    WITH inserted AS (
        INSERT INTO respgres.key AS n
               (db, slot, key, long_key, type, content_id, content_slot, size,
                first_position, raw, touched_at)
        SELECT i.db, i.slot, respgres.indexed(i.key), respgres.long(i.key),
               want, nextval('respgres.key_id'), i.slot, coalesce(i.size, 0),
               0, coalesce(i.raw, false), t.now / 1000
          FROM unnest(dbs, slots, keys, content_ids, new_sizes, new_raws)
               AS i (db, slot, key, content_id, size, raw)
         CROSS JOIN (SELECT respgres.now_ms()) AS t (now)
         WHERE i.content_id IS NULL
            ON CONFLICT DO NOTHING
        RETURNING n.content_id
    )
    SELECT array_agg(r.content_id) INTO new_ids FROM inserted r;
    made := array_fill(false, ARRAY[count]);
    FOR i IN 1 .. count LOOP
        IF content_ids[i] IS NULL THEN
            next := next + 1;
            content_ids[i] := new_ids[next];
            made[i] := true;
        END IF;
    END LOOP;
    IF next > coalesce(cardinality(new_ids), 0) THEN
        DELETE FROM respgres.key AS d
         WHERE d.content_id = ANY (new_ids);
        content_ids := NULL;
        made := NULL;
    END IF;
END
$$;

-- Ends a change of keys that open_keys() locked: `growths` says by how much
-- each has grown, or NULL when it was not changed; `first_positions`, when
-- given, where lists begin now.
CREATE OR REPLACE FUNCTION respgres.close_keys(
    dbs int[], slots smallint[], keys bytea[], content_ids bigint[],
    growths bigint[], first_positions bigint[] DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    least_size bigint;
BEGIN
    WITH changed AS (
        UPDATE respgres.key AS u
           SET size = u.size + i.growth,
               first_position = coalesce(i.first_position, u.first_position),
               version = u.version + 1, touched_at = n.now / 1000
          FROM unnest(dbs, slots, keys, content_ids, growths,
                      first_positions)
               AS i (db, slot, key, content_id, growth, first_position)
         CROSS JOIN (SELECT respgres.now_ms()) AS n (now)
         WHERE u.db = i.db AND u.key = respgres.indexed(i.key)
           AND u.slot = i.slot AND u.content_id = i.content_id
           AND i.growth IS NOT NULL
        RETURNING u.size
    )
    SELECT min(c.size) INTO least_size FROM changed c;
    IF least_size > 0 AND array_position(growths, NULL) IS NULL THEN
        RETURN;
    END IF;
    -- Those that were emptied, and those that were made and not filled.
    DELETE FROM respgres.key AS d
     USING unnest(dbs, slots, keys, content_ids, growths)
           AS i (db, slot, key, content_id, growth)
     WHERE (i.growth IS NULL OR i.growth <= 0)
       AND d.db = i.db AND d.key = respgres.indexed(i.key)
       AND d.slot = i.slot AND d.content_id = i.content_id AND d.size = 0
       AND d.type <> 'x';
END
$$;

-- What a key holds, for reading, if it is of the type `want`: content_id is
-- NULL when there is no such key, and then so is the rest; another type:
-- `error`.
CREATE OR REPLACE FUNCTION respgres.look_key(
    db int, slot smallint, key bytea, want "char",
    OUT error text, OUT content_id bigint, OUT content_slot smallint,
    OUT size bigint, OUT fields_expire_at bigint)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    SELECT CASE WHEN k.type <> want THEN respgres.wrong_type() END,
           CASE WHEN k.type = want THEN k.content_id END,
           k.content_slot, k.size, k.fields_expire_at
      INTO error, content_id, content_slot, size, fields_expire_at
      FROM respgres.key k
     WHERE k.db = look_key.db AND k.key = respgres.indexed(look_key.key)
       AND k.slot = coalesce(look_key.slot, respgres.slot(look_key.key))
       AND (k.expires_at IS NULL OR k.expires_at > respgres.now_ms());
END
$$;
