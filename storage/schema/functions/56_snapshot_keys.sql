-- Snapshots of keys, made and restored by SQL: in the caller's transaction, and
-- in the form that the program reads (commands/snapshot_page.h).
--
-- What SQL cannot do is said in an error: it knows no zstd, so it reads what
-- SQL has made, or the server with snapshot-compression off; and no streams.

-- --- numbers and strings of payloads ---------------------------------

CREATE OR REPLACE FUNCTION respgres.bytes_reversed(bytes bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT string_agg(substr(bytes, i, 1), ''::bytea ORDER BY i DESC)
      FROM generate_series(1, octet_length(bytes)) AS i
$$;

CREATE OR REPLACE FUNCTION respgres.little_endian(
    bytes bytea, at int, size int) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    number bigint := 0;
BEGIN
    FOR i IN REVERSE at + size - 1 .. at LOOP
        number := (number << 8) | get_byte(bytes, i);
    END LOOP;
    RETURN number;
END
$$;

CREATE OR REPLACE FUNCTION respgres.sized_bytes(bytes bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE AS $$
    SELECT respgres.bytes_reversed(int4send(octet_length(bytes))) || bytes
$$;

CREATE OR REPLACE FUNCTION respgres.rdb_count(count bigint) RETURNS bytea
LANGUAGE sql IMMUTABLE AS $$
    SELECT '\x80'::bytea || int4send(count::int)
$$;

CREATE OR REPLACE FUNCTION respgres.rdb_string(bytes bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE AS $$
    SELECT respgres.rdb_count(octet_length(bytes)) || bytes
$$;

-- The length at a place, and the place behind it; `special` where the number
-- says how a string is kept instead.
CREATE OR REPLACE FUNCTION respgres.rdb_take_count(
    bytes bytea, INOUT place int, OUT count bigint, OUT special boolean)
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    first int := get_byte(bytes, place);
BEGIN
    special := false;
    CASE first >> 6
    WHEN 0 THEN
        count := first & 63;
        place := place + 1;
    WHEN 1 THEN
        count := (first & 63) << 8 | get_byte(bytes, place + 1);
        place := place + 2;
    WHEN 2 THEN
        count := respgres.little_endian(respgres.bytes_reversed(
            substr(bytes, place + 2, CASE first WHEN 128 THEN 4 ELSE 8 END)),
            0, CASE first WHEN 128 THEN 4 ELSE 8 END);
        place := place + CASE first WHEN 128 THEN 5 ELSE 9 END;
    ELSE
        count := first & 63;
        special := true;
        place := place + 1;
    END CASE;
END
$$;

CREATE OR REPLACE FUNCTION respgres.rdb_take_string(
    bytes bytea, INOUT place int, OUT string bytea)
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    head record;
    number bigint;
    bits int;
BEGIN
    SELECT * INTO head FROM respgres.rdb_take_count(bytes, place);
    place := head.place;
    IF NOT head.special THEN
        string := substr(bytes, place + 1, head.count::int);
        place := place + head.count::int;
        RETURN;
    END IF;
    -- An integer of 8, 16 or 32 bits.
    bits := 8 << head.count::int;
    number := respgres.little_endian(bytes, place, bits / 8);
    IF number >= 1::bigint << (bits - 1) THEN
        number := number - (1::bigint << bits);
    END IF;
    string := convert_to(number::text, 'UTF8');
    place := place + bits / 8;
END
$$;

-- --- capturing -------------------------------------------------------

-- A glob-style pattern as one of LIKE; NULL where it has brackets.
CREATE OR REPLACE FUNCTION respgres.glob_like(pattern bytea) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    liked bytea := '';
    place int := 0;
    byte int;
BEGIN
    WHILE place < octet_length(pattern) LOOP
        byte := get_byte(pattern, place);
        place := place + 1;
        IF byte = ascii('[') THEN
            RETURN NULL;
        ELSIF byte = ascii('*') THEN
            liked := liked || '%'::bytea;
        ELSIF byte = ascii('?') THEN
            liked := liked || '_'::bytea;
        ELSE
            IF byte = ascii('\') AND place < octet_length(pattern) THEN
                byte := get_byte(pattern, place);
                place := place + 1;
            END IF;
            IF byte IN (ascii('%'), ascii('_'), ascii('\')) THEN
                liked := liked || '\x5c'::bytea;
            END IF;
            liked := liked || set_byte('\x00'::bytea, 0, byte);
        END IF;
    END LOOP;
    RETURN liked;
END
$$;

-- A value's payload, and what can be searched of it; NULL for streams.  STABLE,
-- so that all keys of a statement are of one moment.
CREATE OR REPLACE FUNCTION respgres.snapshot_payload(
    k respgres.key, OUT payload bytea, OUT words text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    now_ms bigint := respgres.now_ms();
    fields bytea := '';
BEGIN
    CASE k.type
    WHEN 's' THEN
        payload := respgres.string_bytes(k.value, k.number);
        words := respgres.try_text(payload);
        payload := '\x00'::bytea || respgres.rdb_string(payload);
    WHEN 'l' THEN
        SELECT '\x01'::bytea || respgres.rdb_count(count(*))
               || string_agg(respgres.rdb_string(i.value), ''
                             ORDER BY i.position),
               string_agg(respgres.try_text(i.value), ' '
                          ORDER BY i.position)
          INTO payload, words
          FROM respgres.list_item i
         WHERE i.slot = k.content_slot AND i.content_id = k.content_id;
    WHEN 't' THEN
        SELECT '\x02'::bytea || respgres.rdb_count(count(*))
               || string_agg(respgres.rdb_string(
                      coalesce(m.long_member, m.member)), ''
                      ORDER BY m.hash, m.member),
               string_agg(respgres.try_text(m.member), ' '
                          ORDER BY m.hash, m.member)
          INTO payload, words
          FROM respgres.set_member m
         WHERE m.slot = k.content_slot AND m.content_id = k.content_id;
    WHEN 'z' THEN
        SELECT '\x05'::bytea || respgres.rdb_count(count(*))
               || string_agg(respgres.rdb_string(
                      coalesce(m.long_member, m.member))
                      || respgres.bytes_reversed(float8send(m.score)), ''
                      ORDER BY m.score DESC, m.member DESC),
               string_agg(respgres.try_text(m.member), ' '
                          ORDER BY m.hash, m.member)
          INTO payload, words
          FROM respgres.sorted_set_member m
         WHERE m.slot = k.content_slot AND m.content_id = k.content_id;
    WHEN 'h' THEN
        SELECT '\x04'::bytea || respgres.rdb_count(count(*))
               || string_agg(respgres.rdb_string(
                      coalesce(f.long_field, f.field))
                      || respgres.rdb_string(f.value), ''
                      ORDER BY f.ordinal),
               string_agg(concat_ws(' ', respgres.try_text(f.field),
                                    respgres.try_text(f.value)), ' '
                          ORDER BY f.ordinal),
               coalesce(string_agg(
                   respgres.bytes_reversed(int8send(f.expires_at))
                   || respgres.sized_bytes(
                      coalesce(f.long_field, f.field)), ''
                   ORDER BY f.ordinal)
                   FILTER (WHERE f.expires_at IS NOT NULL), '')
          INTO payload, words, fields
          FROM respgres.hash_field f
         WHERE f.slot = k.content_slot AND f.content_id = k.content_id
           AND (f.expires_at IS NULL OR f.expires_at > now_ms);
    ELSE
        NULL;
    END CASE;
    payload := respgres.sized_bytes(fields) || payload;
END
$$;

-- Stores a chunk as it is; its hash.
CREATE OR REPLACE FUNCTION respgres.snapshot_put_raw(raw bytea, refs bytea)
RETURNS bytea
LANGUAGE plpgsql AS $$
DECLARE
    hash bytea := respgres.snapshot_chunk_hash(raw, nullif(refs, ''));
BEGIN
    PERFORM respgres.snapshot_put_chunks(
        ARRAY[hash], ARRAY[octet_length(raw)::bigint], ARRAY[0::bigint],
        ARRAY[0::bigint], ARRAY[raw], ARRAY[''::bytea], ARRAY[refs]);
    RETURN hash;
END
$$;

-- SNAPSHOT CREATE … KEYS from SQL.  Patterns are glob-style, without brackets.
CREATE OR REPLACE FUNCTION respgres.snapshot_create_keys(
    db int, agent bytea, patterns bytea[], name bytea DEFAULT NULL,
    parent text DEFAULT NULL, user_name bytea DEFAULT NULL,
    meta jsonb DEFAULT NULL, ttl_seconds bigint DEFAULT NULL,
    pinned boolean DEFAULT false, language text DEFAULT 'simple',
    OUT error text, OUT id text)
LANGUAGE plpgsql AS $$
DECLARE
    likes bytea[] := ARRAY(SELECT respgres.glob_like(p)
                             FROM unnest(patterns) AS p);
    captured_at bigint := respgres.now_ms();
    entry record;
    page bytea := '';
    page_refs bytea := '';
    page_keys int := 0;
    first_key bytea;
    index_raw bytea := '';
    index_refs bytea := '';
    roots bytea := '';
    words text := '';
    key_count bigint := 0;
    raw_size bigint := 0;
BEGIN
    SELECT b.error INTO error
      FROM respgres.snapshot_begin(db, 'k', agent, parent,
           convert_to(meta::text, 'UTF8'), language) b;
    IF error IS NULL AND array_position(likes, NULL) IS NOT NULL THEN
        error := 'ERR expected patterns of * and ?, without [';
    END IF;
    IF error IS NOT NULL THEN
        RETURN;
    END IF;
    FOR entry IN
        SELECT coalesce(k.long_key, k.key) AS key, k.key AS indexed, k.type,
               k.expires_at, p.payload, p.words
          FROM respgres.key k
          CROSS JOIN LATERAL respgres.snapshot_payload(k) p
         WHERE k.db = snapshot_create_keys.db
           AND (k.expires_at IS NULL OR k.expires_at > captured_at)
           AND coalesce(k.long_key, k.key) LIKE ANY (likes)
         ORDER BY k.key, k.slot
    LOOP
        IF entry.type = 'x' THEN
            error := 'ERR SQL cannot capture streams: use SNAPSHOT CREATE';
            RETURN;
        END IF;
        -- A hash whose fields have all expired.
        CONTINUE WHEN entry.payload IS NULL;
        key_count := key_count + 1;
        first_key := coalesce(first_key, entry.indexed);
        page_keys := page_keys + 1;
        page := page || respgres.sized_bytes(entry.key)
            || convert_to(entry.type::text, 'UTF8')
            || respgres.bytes_reversed(
               int8send(coalesce(entry.expires_at, 0)));
        IF octet_length(entry.payload) <= 4096 THEN
            page := page || respgres.sized_bytes(entry.payload);
        ELSE
            page := page || '\xffffffff'::bytea
                || respgres.bytes_reversed(
                   int8send(octet_length(entry.payload)))
                || sha256(entry.payload)
                || respgres.bytes_reversed(int4send(1));
            page_refs := page_refs
                || respgres.snapshot_put_raw(entry.payload, '');
            raw_size := raw_size + octet_length(entry.payload);
        END IF;
        IF length(words) < 65536 THEN
            words := left(concat_ws(' ', words, respgres.try_text(entry.key),
                                    entry.words), 65536);
        END IF;
        IF respgres.element_hash(entry.key) & 127 = 0
           OR octet_length(page) >= 65536 THEN
            index_raw := index_raw || respgres.sized_bytes(first_key)
                || respgres.bytes_reversed(int4send(page_keys));
            index_refs := index_refs
                || respgres.snapshot_put_raw(page, page_refs);
            raw_size := raw_size + octet_length(page);
            page := '';
            page_refs := '';
            page_keys := 0;
            first_key := NULL;
        END IF;
    END LOOP;
    IF page_keys > 0 THEN
        index_raw := index_raw || respgres.sized_bytes(first_key)
            || respgres.bytes_reversed(int4send(page_keys));
        index_refs := index_refs
            || respgres.snapshot_put_raw(page, page_refs);
        raw_size := raw_size + octet_length(page);
    END IF;
    IF index_refs <> '' THEN
        roots := respgres.snapshot_put_raw(index_raw, index_refs);
        raw_size := raw_size + octet_length(index_raw);
    END IF;
    SELECT a.error, a.id INTO error, id
      FROM respgres.snapshot_add(
           db, 'k', agent, name, parent, user_name,
           convert_to(meta::text, 'UTF8'), ttl_seconds * 1000, pinned,
           language, patterns, captured_at, key_count, raw_size, raw_size,
           sha256(roots), roots, convert_to(words, 'UTF8')) a;
END
$$;

-- --- reading ---------------------------------------------------------

-- A chunk's bytes, checked.
CREATE OR REPLACE FUNCTION respgres.snapshot_raw_chunk(
    name bytea, OUT error text, OUT raw bytea, OUT refs bytea)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    chunk record;
BEGIN
    SELECT c.codec, c.data, c.refs INTO chunk
      FROM respgres.snapshot_chunk c WHERE c.hash = name;
    IF chunk.codec = 1 THEN
        error := 'ERR the server has compressed the snapshot with zstd, '
                 'which SQL cannot read: use the SNAPSHOT commands, or '
                 'snapshot-compression off';
    ELSIF respgres.snapshot_chunk_hash(chunk.data, chunk.refs)
          IS DISTINCT FROM name THEN
        error := format('ERR the snapshot is damaged: chunk %s is missing or '
                        'does not match its checksum', encode(name, 'hex'));
    ELSE
        raw := chunk.data;
        refs := coalesce(chunk.refs, '');
    END IF;
END
$$;

-- The keys of a snapshot with their payloads, in order; where it cannot be
-- read, a last row with the error.
CREATE OR REPLACE FUNCTION respgres.snapshot_entries(
    db int, id text, with_payloads boolean DEFAULT true)
RETURNS TABLE (error text, key bytea, type "char", expires_at bigint,
               bytes bigint, payload bytea)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    s respgres.snapshot%ROWTYPE;
    root record;
    index_chunk record;
    page_name record;
    page record;
    piece record;
    place int;
    size bigint;
    pieces int;
    used int;
BEGIN
    SELECT o.* INTO s
      FROM respgres.snapshot_find(snapshot_entries.db,
                                  snapshot_entries.id) o;
    IF s.id IS NULL THEN
        error := 'ERR no such snapshot';
    ELSIF s.kind <> 'k' THEN
        error := 'ERR the snapshot holds data, no keys';
    ELSIF sha256(s.chunks) <> s.checksum THEN
        error := 'ERR the snapshot is damaged: its checksum differs';
    END IF;
    IF error IS NOT NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    FOR root IN SELECT h.hash FROM respgres.hashes_of(s.chunks) h
                 ORDER BY h.ordinal
    LOOP
        SELECT * INTO index_chunk
          FROM respgres.snapshot_raw_chunk(root.hash);
        error := index_chunk.error;
        FOR page_name IN SELECT h.hash
                           FROM respgres.hashes_of(index_chunk.refs) h
                          ORDER BY h.ordinal
        LOOP
            SELECT * INTO page
              FROM respgres.snapshot_raw_chunk(page_name.hash);
            error := page.error;
            EXIT WHEN error IS NOT NULL;
            place := 0;
            used := 0;
            WHILE place < octet_length(page.raw) LOOP
                size := respgres.little_endian(page.raw, place, 4);
                key := substr(page.raw, place + 5, size::int);
                place := place + 4 + size::int;
                type := chr(get_byte(page.raw, place))::"char";
                expires_at := nullif(
                    respgres.little_endian(page.raw, place + 1, 8), 0);
                size := respgres.little_endian(page.raw, place + 9, 4);
                place := place + 13;
                payload := NULL;
                IF size < 4294967295 THEN
                    bytes := size;
                    payload := substr(page.raw, place + 1, size::int);
                    place := place + size::int;
                ELSE
                    bytes := respgres.little_endian(page.raw, place, 8);
                    pieces := respgres.little_endian(page.raw, place + 40,
                                                     4)::int;
                    IF with_payloads THEN
                        payload := '';
                        FOR i IN used .. used + pieces - 1 LOOP
                            SELECT * INTO piece
                              FROM respgres.snapshot_raw_chunk(
                                   substr(page.refs, 1 + 32 * i, 32));
                            error := coalesce(error, piece.error);
                            payload := payload || piece.raw;
                        END LOOP;
                        IF error IS NULL AND sha256(payload)
                           <> substr(page.raw, place + 9, 32) THEN
                            error := 'ERR the snapshot is damaged: a value '
                                     'does not match its checksum';
                        END IF;
                    END IF;
                    used := used + pieces;
                    place := place + 44;
                END IF;
                RETURN NEXT;
                IF error IS NOT NULL THEN
                    RETURN;
                END IF;
            END LOOP;
        END LOOP;
        IF error IS NOT NULL THEN
            key := NULL;
            RETURN NEXT;
            RETURN;
        END IF;
    END LOOP;
END
$$;

-- SNAPSHOT KEYS from SQL.
CREATE OR REPLACE FUNCTION respgres.snapshot_keys(db int, id text)
RETURNS TABLE (error text, key bytea, type text, expires_at timestamptz,
               bytes bigint)
LANGUAGE sql STABLE AS $$
    SELECT e.error, e.key,
           CASE e.type WHEN 's' THEN 'string' WHEN 'l' THEN 'list'
                       WHEN 't' THEN 'set' WHEN 'z' THEN 'zset'
                       WHEN 'h' THEN 'hash' WHEN 'x' THEN 'stream' END,
           to_timestamp(e.expires_at / 1000.0), e.bytes
      FROM respgres.snapshot_entries(db, id, false) e
$$;

-- --- restoring -------------------------------------------------------

-- Makes a key of a payload, over what is there.
CREATE OR REPLACE FUNCTION respgres.snapshot_restore_payload(
    db int, key bytea, type "char", ttl_ms bigint, payload bytea,
    later_ms bigint) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    slot smallint := respgres.slot(key);
    fields_size int := respgres.little_endian(payload, 0, 4)::int;
    place int := 4 + fields_size;
    encoding int := get_byte(payload, place);
    head record;
    taken record;
    elements bytea[] := '{}';
    others bytea[] := '{}';
    scores float8[] := '{}';
    times bigint[] := '{}';
    names bytea[] := '{}';
    error text;
BEGIN
    place := place + 1;
    IF encoding = 0 THEN
        SELECT * INTO taken FROM respgres.rdb_take_string(payload, place);
        RETURN (SELECT r.error FROM respgres.restore_key(
            db, slot, key, true, ttl_ms, NULL, NULL, 's', NULL,
            taken.string, NULL, false) r);
    ELSIF encoding NOT IN (1, 2, 4, 5) THEN
        RETURN 'ERR SQL cannot restore streams: use SNAPSHOT RESTORE';
    END IF;
    SELECT * INTO head FROM respgres.rdb_take_count(payload, place);
    place := head.place;
    FOR i IN 1 .. head.count LOOP
        SELECT * INTO taken FROM respgres.rdb_take_string(payload, place);
        elements := elements || taken.string;
        place := taken.place;
        IF encoding = 4 THEN
            SELECT * INTO taken
              FROM respgres.rdb_take_string(payload, place);
            others := others || taken.string;
            place := taken.place;
        ELSIF encoding = 5 THEN
            scores := scores || respgres.float8_of(
                respgres.little_endian(payload, place, 8));
            place := place + 8;
        END IF;
    END LOOP;
    CASE encoding
    WHEN 1 THEN
        error := (SELECT r.error FROM respgres.restore_list(
            db, slot, key, true, ttl_ms, NULL, NULL, elements) r);
    WHEN 2 THEN
        error := (SELECT r.error FROM respgres.restore_set(
            db, slot, key, true, ttl_ms, NULL, NULL, elements, false) r);
    WHEN 5 THEN
        error := (SELECT r.error FROM respgres.restore_sorted_set(
            db, slot, key, true, ttl_ms, NULL, NULL, elements, scores) r);
    WHEN 4 THEN
        error := (SELECT r.error FROM respgres.restore_hash(
            db, slot, key, true, ttl_ms, NULL, NULL, elements, others) r);
    END CASE;
    place := 4;
    WHILE place < 4 + fields_size LOOP
        times := times || respgres.little_endian(payload, place, 8);
        names := names || substr(payload, place + 13,
            respgres.little_endian(payload, place + 8, 4)::int);
        place := place + 12
            + respgres.little_endian(payload, place + 8, 4)::int;
    END LOOP;
    IF error IS NULL AND cardinality(names) > 0 THEN
        PERFORM respgres.snapshot_restore_fields(
            db, slot, key, names, times, respgres.now_ms() - later_ms);
    END IF;
    RETURN error;
END
$$;

-- The double whose 64 bits are these.
CREATE OR REPLACE FUNCTION respgres.float8_of(bits bigint)
RETURNS double precision
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    sign float8 := CASE WHEN bits < 0 THEN -1 ELSE 1 END;
    exponent int := ((bits >> 52) & 2047)::int;
    mantissa float8 := (bits & 4503599627370495)::float8;
BEGIN
    IF exponent = 2047 THEN
        RETURN sign * 'Infinity'::float8;
    ELSIF exponent = 0 THEN
        -- In steps, as no double is so small that it could be a factor.
        RETURN sign * mantissa * 2.0::float8 ^ -537 * 2.0::float8 ^ -537;
    ELSIF exponent > 1075 THEN
        RETURN sign * (mantissa + 4503599627370496)
            * 2.0::float8 ^ (exponent - 1075);
    END IF;
    RETURN sign * (mantissa + 4503599627370496)
        * 2.0::float8 ^ ((exponent - 1075) / 2)
        * 2.0::float8 ^ (exponent - 1075 - (exponent - 1075) / 2);
END
$$;

-- SNAPSHOT RESTORE from SQL: others see the keys when the caller commits.
CREATE OR REPLACE FUNCTION respgres.snapshot_restore_keys(
    db int, id text, prefix_from bytea DEFAULT '', prefix_to bytea DEFAULT '',
    replace boolean DEFAULT false, OUT error text, OUT restored bigint)
LANGUAGE plpgsql AS $$
DECLARE
    captured_at bigint := (SELECT s.created_at
                             FROM respgres.snapshot_find(
                                  db, snapshot_restore_keys.id) s);
    later bigint := respgres.now_ms() - captured_at;
    entry record;
    names bytea[] := '{}';
BEGIN
    restored := 0;
    -- All is looked at before anything is changed.
    FOR entry IN
        SELECT e.error, e.key, e.type, e.payload
          FROM respgres.snapshot_entries(db, snapshot_restore_keys.id) e
    LOOP
        error := entry.error;
        IF error IS NULL AND entry.type = 'x' THEN
            error := 'ERR SQL cannot restore streams: use SNAPSHOT RESTORE';
        END IF;
        IF error IS NOT NULL THEN
            RETURN;
        END IF;
        IF substr(entry.key, 1, octet_length(prefix_from)) = prefix_from THEN
            names := names
                || (prefix_to
                    || substr(entry.key, octet_length(prefix_from) + 1));
        END IF;
    END LOOP;
    IF NOT replace AND EXISTS (
           SELECT FROM unnest(names) AS n (name)
             JOIN respgres.key k
               ON k.db = snapshot_restore_keys.db
              AND k.key = respgres.indexed(n.name)
              AND k.slot = respgres.slot(n.name)
            WHERE k.expires_at IS NULL
               OR k.expires_at > respgres.now_ms()) THEN
        error := 'BUSYKEY Target key name already exists.';
        RETURN;
    END IF;
    FOR entry IN
        SELECT e.key, e.type, e.expires_at, e.payload
          FROM respgres.snapshot_entries(db, snapshot_restore_keys.id) e
         WHERE substr(e.key, 1, octet_length(prefix_from)) = prefix_from
           AND (e.expires_at IS NULL OR e.expires_at > captured_at)
    LOOP
        error := respgres.snapshot_restore_payload(
            db, prefix_to
                || substr(entry.key, octet_length(prefix_from) + 1),
            entry.type, entry.expires_at - captured_at, entry.payload, later);
        IF error IS NOT NULL THEN
            RETURN;
        END IF;
        restored := restored + 1;
    END LOOP;
END
$$;
