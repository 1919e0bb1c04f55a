-- SNAPSHOT EXPORT and IMPORT from SQL: the same blob (commands/
-- snapshot_portable.h), whose chunks SQL neither compresses nor decompresses.

-- NULL has a size of its own.
CREATE OR REPLACE FUNCTION respgres.portable_bytes(bytes bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(respgres.sized_bytes(bytes), '\xffffffff'::bytea)
$$;

-- The bytes at a place, and the place behind them; `failed`: they reach past
-- the end.
CREATE OR REPLACE FUNCTION respgres.portable_take(
    blob bytea, INOUT place int, OUT bytes bytea, OUT failed boolean)
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    left_size int := octet_length(blob) - place - 4;
    size bigint;
BEGIN
    failed := left_size < 0;
    IF failed THEN
        RETURN;
    END IF;
    size := respgres.little_endian(substr(blob, place + 1, 4), 0, 4);
    place := place + 4;
    IF size = 4294967295 THEN
        RETURN;
    END IF;
    failed := size > left_size;
    IF failed THEN
        RETURN;
    END IF;
    bytes := substr(blob, place + 1, size::int);
    place := place + size::int;
END
$$;

CREATE OR REPLACE FUNCTION respgres.portable_facts(s respgres.snapshot)
RETURNS bytea
LANGUAGE sql STABLE AS $$
    SELECT convert_to(E'RESPGRES SNAPSHOT\n', 'UTF8')
           || respgres.bytes_reversed(int4send(1))
           || convert_to(s.kind::text, 'UTF8')
           || respgres.bytes_reversed(int8send(s.created_at))
           || respgres.bytes_reversed(int8send(s.key_count))
           || s.checksum || respgres.portable_bytes(s.agent)
           || respgres.portable_bytes(s.name)
           || respgres.portable_bytes(s.user_name)
           || respgres.portable_bytes(convert_to(s.meta::text, 'UTF8'))
           || respgres.portable_bytes(convert_to(s.language, 'UTF8'))
           || respgres.portable_bytes(convert_to(s.search_text, 'UTF8'))
           || respgres.bytes_reversed(
              int4send(coalesce(cardinality(s.patterns), 0)))
           || coalesce((SELECT string_agg(respgres.portable_bytes(p.pattern),
                                          ''::bytea ORDER BY p.ordinal)
                          FROM unnest(s.patterns) WITH ORDINALITY
                               AS p (pattern, ordinal)), '')
           || respgres.portable_bytes(s.chunks)
$$;

-- The chunks that `names` names, one behind the other, and the names of those
-- that they refer to.
CREATE OR REPLACE FUNCTION respgres.portable_chunks(
    names bytea, OUT error text, OUT written bytea, OUT refs bytea)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    name bytea;
    chunk record;
    all_written bytea[] := '{}';
    all_refs bytea[] := '{}';
    size bigint := 0;
BEGIN
    FOR name IN
        SELECT h.hash FROM respgres.hashes_of(names) h ORDER BY h.ordinal
    LOOP
        SELECT * INTO chunk FROM respgres.snapshot_raw_chunk(name);
        size := size + octet_length(chunk.raw);
        IF size > 536870912 THEN
            error := 'ERR the snapshot takes more than 512 MB';
        END IF;
        error := coalesce(chunk.error, error);
        IF error IS NOT NULL THEN
            RETURN;
        END IF;
        all_written := all_written
            || ('\x01'::bytea
                || respgres.bytes_reversed(int4send(octet_length(chunk.raw)))
                || '\x00'::bytea || respgres.portable_bytes(chunk.refs)
                || respgres.portable_bytes(chunk.raw));
        all_refs := all_refs || chunk.refs;
    END LOOP;
    written := (SELECT string_agg(w, ''::bytea ORDER BY i)
                  FROM unnest(all_written) WITH ORDINALITY AS u (w, i));
    refs := coalesce((SELECT string_agg(r, ''::bytea ORDER BY i)
                        FROM unnest(all_refs) WITH ORDINALITY AS u (r, i)),
                     '');
END
$$;

CREATE OR REPLACE FUNCTION respgres.snapshot_export(
    db int, id text, OUT error text, OUT blob bytea)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    s respgres.snapshot%ROWTYPE;
    level record;
    names bytea;
    chunks bytea := '';
    facts bytea;
BEGIN
    SELECT o.* INTO s
      FROM respgres.snapshot_find(snapshot_export.db, snapshot_export.id) o;
    IF s.id IS NULL THEN
        error := 'ERR no such snapshot';
        RETURN;
    END IF;
    -- What is referred to comes first.
    names := s.chunks;
    WHILE names <> '' LOOP
        SELECT * INTO level FROM respgres.portable_chunks(names);
        IF octet_length(chunks) + octet_length(level.written) > 536870912 THEN
            error := 'ERR the snapshot takes more than 512 MB';
        END IF;
        error := coalesce(level.error, error);
        IF error IS NOT NULL THEN
            RETURN;
        END IF;
        chunks := level.written || chunks;
        names := level.refs;
    END LOOP;
    facts := respgres.portable_facts(s);
    blob := facts || chunks || '\x00'::bytea;
    blob := blob || sha256(blob);
END
$$;

-- Stores the chunks from `place` on; how many bytes they have and took.
CREATE OR REPLACE FUNCTION respgres.portable_store_chunks(
    blob bytea, place int, OUT error text, OUT raw_bytes bigint,
    OUT stored_bytes bigint)
LANGUAGE plpgsql AS $$
DECLARE
    stop int := octet_length(blob) - 33;
    raw_size bigint;
    codec int;
    refs record;
    raw record;
    put record;
BEGIN
    raw_bytes := 0;
    stored_bytes := 0;
    WHILE place < stop LOOP
        IF get_byte(blob, place) <> 1 OR stop - place < 14 THEN
            error := 'ERR the blob is damaged: a chunk cannot be read';
            RETURN;
        END IF;
        raw_size := respgres.little_endian(substr(blob, place + 2, 4), 0, 4);
        codec := get_byte(blob, place + 5);
        IF codec = 1 THEN
            error := 'ERR the server has compressed the blob with zstd, which '
                     'SQL cannot read: use SNAPSHOT IMPORT';
            RETURN;
        END IF;
        SELECT * INTO refs FROM respgres.portable_take(blob, place + 6);
        SELECT * INTO raw FROM respgres.portable_take(blob, refs.place);
        IF codec <> 0 OR refs.failed OR refs.bytes IS NULL
           OR octet_length(refs.bytes) % 32 <> 0 OR raw.failed
           OR octet_length(raw.bytes)::bigint IS DISTINCT FROM raw_size THEN
            error := 'ERR the blob is damaged: a chunk cannot be read';
            RETURN;
        END IF;
        place := raw.place;
        SELECT * INTO put
          FROM respgres.snapshot_put_chunks(
               ARRAY[respgres.snapshot_chunk_hash(
                     raw.bytes, nullif(refs.bytes, ''))],
               ARRAY[raw_size], ARRAY[0::bigint], ARRAY[0::bigint],
               ARRAY[raw.bytes], ARRAY[''::bytea], ARRAY[refs.bytes]);
        error := put.error;
        IF error IS NOT NULL THEN
            RETURN;
        END IF;
        raw_bytes := raw_bytes + raw_size;
        stored_bytes := stored_bytes + put.stored;
    END LOOP;
    IF place <> stop OR get_byte(blob, place) <> 0 THEN
        error := 'ERR the blob is damaged: a chunk cannot be read';
    END IF;
END
$$;

-- Of the agent, or where that is NULL of the blob's.
CREATE OR REPLACE FUNCTION respgres.snapshot_import(
    db int, blob bytea, agent bytea DEFAULT NULL, OUT error text, OUT id text)
LANGUAGE plpgsql AS $$
DECLARE
    size int := octet_length(blob);
    place int := 71; -- behind what has no size of its own
    parts bytea[] := '{}';
    part record;
    patterns int := 0;
    kind "char";
    key_count bigint;
    created_at bigint;
    stored record;
BEGIN
    IF size < 54
       OR substr(blob, 1, 18) <> convert_to(E'RESPGRES SNAPSHOT\n', 'UTF8') THEN
        error := 'ERR expected a blob that SNAPSHOT EXPORT has answered';
        RETURN;
    END IF;
    IF respgres.little_endian(substr(blob, 19, 4), 0, 4) > 1 THEN
        error := 'ERR the blob is of a newer version than this server';
        RETURN;
    END IF;
    error := 'ERR the blob is damaged: its checksum or form is wrong';
    IF sha256(substr(blob, 1, size - 32)) <> substr(blob, size - 31)
       OR respgres.little_endian(substr(blob, 19, 4), 0, 4) <> 1
       OR size < 71 THEN
        RETURN;
    END IF;
    kind := CASE get_byte(blob, 22) WHEN 100 THEN 'd' WHEN 107 THEN 'k' END;
    created_at := respgres.little_endian(substr(blob, 24, 8), 0, 8);
    key_count := respgres.little_endian(substr(blob, 32, 8), 0, 8);
    -- Agent, name, user, meta, language, text, patterns, uppermost chunks.
    FOR i IN 1 .. 7 LOOP
        IF i = 7 THEN
            IF place + 4 > size THEN
                RETURN;
            END IF;
            patterns := least(1001, respgres.little_endian(
                              substr(blob, place + 1, 4), 0, 4));
            place := place + 4;
        END IF;
        FOR j IN 1 .. CASE i WHEN 7 THEN patterns + 1 ELSE 1 END LOOP
            SELECT * INTO part FROM respgres.portable_take(blob, place);
            IF part.failed THEN
                RETURN;
            END IF;
            parts := parts || part.bytes;
            place := part.place;
        END LOOP;
    END LOOP;
    IF kind IS NULL OR created_at < 0 OR key_count < 0
       OR patterns > 1000 OR parts[1] IS NULL OR parts[5] IS NULL
       OR octet_length(parts[7 + patterns]) % 32 <> 0 THEN
        RETURN;
    END IF;
    agent := coalesce(agent, parts[1]);
    SELECT b.error INTO error
      FROM respgres.snapshot_begin(db, kind, agent, NULL, parts[4],
                                   respgres.try_text(parts[5])) b;
    IF error IS NOT NULL THEN
        RETURN;
    END IF;
    SELECT * INTO stored FROM respgres.portable_store_chunks(blob, place);
    error := stored.error;
    IF error IS NOT NULL THEN
        RETURN;
    END IF;
    SELECT a.error, a.id INTO error, id
      FROM respgres.snapshot_add(
           db, kind, agent, parts[2], NULL, parts[3], parts[4], NULL, false,
           respgres.try_text(parts[5]), parts[7 : 6 + patterns], created_at,
           key_count, stored.raw_bytes, stored.stored_bytes,
           substr(blob, 40, 32), coalesce(parts[7 + patterns], ''),
           parts[6]) a;
END
$$;
