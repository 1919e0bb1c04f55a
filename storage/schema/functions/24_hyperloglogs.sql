-- HyperLogLogs: strings that count distinct elements approximately, in the
-- bytes that Redis uses (commands/sketch.h draws them).
--
-- The server computes on sketches in its own memory and stores them with
-- replace_if_unchanged(); pfadd(), pfcount() and pfmerge() are for
-- applications and make every sketch that they write dense.  As in
-- 20_strings.sql an expected failure is the text in `error`, and a slot of
-- NULL is computed.

-- Stores a string when the contents of all `keys` are still those of `ids` and
-- `versions`; an id of 0 stands for a key that is not there.
CREATE OR REPLACE FUNCTION respgres.replace_if_unchanged(
    db int, slot smallint, key bytea, value bytea,
    keys bytea[], ids bigint[], versions bigint[]) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    one record;
    k record;
    is_new boolean := true;
BEGIN
    FOR one IN SELECT DISTINCT u.key, u.id, u.version
                 FROM unnest(keys, ids, versions) AS u (key, id, version)
                ORDER BY u.key
    LOOP
        SELECT l.id INTO k
          FROM respgres.lock_key(db, respgres.slot(one.key), one.key) l;
        IF coalesce(k.id, 0) <> one.id THEN
            RETURN false;
        END IF;
        CONTINUE WHEN one.id = 0;
        PERFORM FROM respgres.key o
          WHERE o.db = replace_if_unchanged.db
            AND o.key = respgres.indexed(one.key)
            AND o.slot = respgres.slot(one.key)
            AND o.version = one.version;
        IF NOT FOUND THEN
            RETURN false;
        END IF;
        is_new := is_new AND one.key <> replace_if_unchanged.key;
    END LOOP;
    RETURN respgres.store_string(db, slot, key, is_new, value, NULL, true);
END
$$;

CREATE OR REPLACE FUNCTION respgres.invalid_sketch() RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT 'WRONGTYPE Key is not a valid HyperLogLog string value.'
$$;

CREATE OR REPLACE FUNCTION respgres.corrupt_sketch() RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT 'INVALIDOBJ Corrupted HLL object detected'
$$;

-- The low 64 bits of a product.
CREATE OR REPLACE FUNCTION respgres.multiply_wrapping(a bigint, b bigint)
RETURNS bigint
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    low numeric := mod(a::numeric * b, 18446744073709551616);
BEGIN
    RETURN CASE WHEN low > 9223372036854775807
                THEN low - 18446744073709551616
                WHEN low < -9223372036854775808
                THEN low + 18446744073709551616 ELSE low END;
END
$$;

-- MurmurHash64A, and what it makes of an element: a register and a rank.
CREATE OR REPLACE FUNCTION respgres.sketch_mark(
    element bytea, OUT register int, OUT rank int)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    factor CONSTANT bigint := -4132994306676758123;
    size int := octet_length(element);
    hash bigint := 2915580697
                   # respgres.multiply_wrapping(size, factor);
    word bigint;
BEGIN
    FOR at IN 0 .. (size + 7) / 8 - 1 LOOP
        word := 0;
        FOR i IN REVERSE LEAST(size, at * 8 + 8) - 1 .. at * 8 LOOP
            word := (word << 8) | get_byte(element, i);
        END LOOP;
        IF at * 8 + 8 <= size THEN
            word := respgres.multiply_wrapping(word, factor);
            word := respgres.multiply_wrapping(
                word # ((word >> 47) & 131071), factor);
        END IF;
        hash := respgres.multiply_wrapping(hash # word, factor);
    END LOOP;
    hash := respgres.multiply_wrapping(
        hash # ((hash >> 47) & 131071), factor);
    hash := hash # ((hash >> 47) & 131071);
    register := hash & 16383;
    -- The bit behind the highest ends the longest run of zeros.
    hash := ((hash >> 14) & 1125899906842623) | (1::bigint << 50);
    rank := 1;
    WHILE (hash >> (rank - 1)) & 1 = 0 LOOP
        rank := rank + 1;
    END LOOP;
END
$$;

-- Why a string is no sketch, or NULL.
CREATE OR REPLACE FUNCTION respgres.sketch_error(content bytea) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF octet_length(content) < 16 OR substr(content, 1, 4) <> 'HYLL'
       OR get_byte(content, 4) > 1
       OR (get_byte(content, 4) = 0 AND octet_length(content) <> 12304) THEN
        RETURN respgres.invalid_sketch();
    END IF;
    RETURN NULL;
END
$$;

-- The rank of each register; NULL when the sketch is corrupt.
CREATE OR REPLACE FUNCTION respgres.sketch_ranks(content bytea) RETURNS int[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    ranks int[] := array_fill(0, ARRAY[16384]);
    size int := octet_length(content);
    at int := 16;
    index int := 0;
    one int;
    run int;
BEGIN
    -- Decompresses it once rather than for each byte.
    content := content || ''::bytea;
    IF get_byte(content, 4) = 0 THEN
        FOR i IN 0 .. 4095 LOOP
            one := get_byte(content, at) | (get_byte(content, at + 1) << 8)
                | (get_byte(content, at + 2) << 16);
            ranks[i * 4 + 1] := one & 63;
            ranks[i * 4 + 2] := (one >> 6) & 63;
            ranks[i * 4 + 3] := (one >> 12) & 63;
            ranks[i * 4 + 4] := one >> 18;
            at := at + 3;
        END LOOP;
        RETURN ranks;
    END IF;
    WHILE at < size LOOP
        one := get_byte(content, at);
        IF one < 64 THEN
            run := one + 1;
        ELSIF one < 128 THEN
            at := at + 1;
            run := ((one & 63) << 8) + 1
                + CASE WHEN at < size THEN get_byte(content, at) ELSE 0 END;
        ELSE
            run := (one & 3) + 1;
        END IF;
        IF index + run > 16384 THEN
            RETURN NULL;
        END IF;
        IF one >= 128 THEN
            FOR i IN index + 1 .. index + run LOOP
                ranks[i] := ((one >> 2) & 31) + 1;
            END LOOP;
        END IF;
        index := index + run;
        at := at + 1;
    END LOOP;
    RETURN CASE WHEN index = 16384 THEN ranks END;
END
$$;

-- The dense sketch of these ranks, its count out of date.
CREATE OR REPLACE FUNCTION respgres.dense_sketch(ranks int[]) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    parts bytea[] := '{}';
    four int;
BEGIN
    FOR i IN 0 .. 4095 LOOP
        four := ranks[i * 4 + 1] | (ranks[i * 4 + 2] << 6)
            | (ranks[i * 4 + 3] << 12) | (ranks[i * 4 + 4] << 18);
        -- Three bytes, the lowest first.
        parts[i + 1] := substr(int4send(four), 4, 1)
            || substr(int4send(four), 3, 1) || substr(int4send(four), 2, 1);
    END LOOP;
    RETURN 'HYLL'::bytea || '\x000000000000000000000080'::bytea
        || (SELECT string_agg(u.part, ''::bytea ORDER BY u.ordinal)
              FROM unnest(parts) WITH ORDINALITY AS u (part, ordinal));
END
$$;

-- Ertl's estimate, as commands/sketch.c has it.
CREATE OR REPLACE FUNCTION respgres.estimate_ranks(ranks int[]) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    counts int[] := array_fill(0, ARRAY[64]); -- of rank + 1
    rank int;
    x float8;
    y float8 := 1;
    z float8;
    former float8 := -1;
    total float8 := 0;
BEGIN
    FOREACH rank IN ARRAY ranks LOOP
        counts[rank + 1] := counts[rank + 1] + 1;
    END LOOP;
    IF counts[1] = 16384 THEN
        RETURN 0;
    END IF;
    x := (16384 - counts[52]) / 16384.0;
    IF x > 0 AND x < 1 THEN
        z := 1 - x;
        WHILE z <> former LOOP
            former := z;
            x := sqrt(x);
            y := y * 0.5;
            z := z - (1 - x) * (1 - x) * y;
        END LOOP;
        total := 16384 * (z / 3);
    END IF;
    FOR r IN REVERSE 50 .. 1 LOOP
        total := (total + counts[r + 1]) * 0.5;
    END LOOP;
    x := counts[1] / 16384.0;
    y := 1;
    z := x;
    former := -1;
    WHILE z <> former LOOP
        former := z;
        -- Powers so small add nothing, and would be an error.
        EXIT WHEN x < 1e-150;
        x := x * x;
        z := z + x * y;
        y := y + y;
    END LOOP;
    total := total + 16384 * z;
    IF total = 0 THEN
        RETURN (-9223372036854775808);
    END IF;
    RETURN round(0.721347520444481703680::float8 * 16384 * 16384 / total);
END
$$;

-- `changed` tells whether any register was raised or the key is new.
CREATE OR REPLACE FUNCTION respgres.pfadd(
    db int, key bytea, VARIADIC elements bytea[] DEFAULT '{}',
    OUT error text, OUT changed boolean)
LANGUAGE plpgsql AS $$
DECLARE
    key_slot smallint := respgres.slot(key);
    k record;
    content bytea;
    ranks int[];
    element bytea;
    mark record;
BEGIN
    LOOP
        SELECT l.id, l.type INTO k
          FROM respgres.lock_key(db, key_slot, key) l;
        changed := k.id IS NULL;
        ranks := array_fill(0, ARRAY[16384]);
        IF k.type <> 's' THEN
            error := respgres.wrong_type();
        ELSIF k.id IS NOT NULL THEN
            SELECT respgres.string_bytes(o.value, o.number) INTO content
              FROM respgres.key o
             WHERE o.db = pfadd.db AND o.key = respgres.indexed(pfadd.key)
               AND o.slot = key_slot;
            error := respgres.sketch_error(content);
            IF error IS NULL THEN
                ranks := respgres.sketch_ranks(content);
                error := CASE WHEN ranks IS NULL
                              THEN respgres.corrupt_sketch() END;
            END IF;
        END IF;
        IF error IS NOT NULL THEN
            changed := NULL;
            RETURN;
        END IF;
        FOREACH element IN ARRAY elements LOOP
            mark := respgres.sketch_mark(element);
            IF mark.rank > ranks[mark.register + 1] THEN
                ranks[mark.register + 1] := mark.rank;
                changed := true;
            END IF;
        END LOOP;
        IF NOT changed OR respgres.store_string(db, key_slot, key,
                k.id IS NULL, respgres.dense_sketch(ranks), NULL, true) THEN
            RETURN;
        END IF;
    END LOOP;
END
$$;

-- The highest ranks in all sketches; keys that are not there are empty ones.
CREATE OR REPLACE FUNCTION respgres.merge_sketches(
    db int, keys bytea[], OUT error text, OUT ranks int[])
LANGUAGE plpgsql STABLE AS $$
DECLARE
    k record;
    more int[];
BEGIN
    ranks := array_fill(0, ARRAY[16384]);
    FOR k IN SELECT o.type,
                    respgres.string_bytes(o.value, o.number) AS content
               FROM unnest(keys) WITH ORDINALITY AS u (key, ordinal)
               JOIN respgres.key o
                 ON o.db = merge_sketches.db
                AND o.key = respgres.indexed(u.key)
                AND o.slot = respgres.slot(u.key)
                AND (o.expires_at IS NULL
                     OR o.expires_at > respgres.now_ms())
              ORDER BY u.ordinal
    LOOP
        error := CASE WHEN k.type <> 's' THEN respgres.wrong_type()
                      ELSE respgres.sketch_error(k.content) END;
        IF error IS NULL THEN
            more := respgres.sketch_ranks(k.content);
            error := CASE WHEN more IS NULL
                          THEN respgres.corrupt_sketch() END;
        END IF;
        IF error IS NOT NULL THEN
            ranks := NULL;
            RETURN;
        END IF;
        FOR i IN 1 .. 16384 LOOP
            IF more[i] > ranks[i] THEN
                ranks[i] := more[i];
            END IF;
        END LOOP;
    END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION respgres.pfcount(
    db int, VARIADIC keys bytea[], OUT error text, OUT count bigint)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    merged record;
BEGIN
    merged := respgres.merge_sketches(db, keys);
    error := merged.error;
    count := CASE WHEN error IS NULL
                  THEN respgres.estimate_ranks(merged.ranks) END;
END
$$;

-- The destination keeps what it counts, and its expiry.
CREATE OR REPLACE FUNCTION respgres.pfmerge(
    db int, destination bytea, VARIADIC sources bytea[] DEFAULT '{}',
    OUT error text)
LANGUAGE plpgsql AS $$
DECLARE
    slot smallint := respgres.slot(destination);
    one record;
    k record;
    merged record;
    is_new boolean;
BEGIN
    LOOP
        FOR one IN SELECT DISTINCT u.key
                     FROM unnest(destination || sources) AS u (key)
                    ORDER BY 1
        LOOP
            SELECT l.id INTO k
              FROM respgres.lock_key(db, respgres.slot(one.key), one.key) l;
            IF one.key = destination THEN
                is_new := k.id IS NULL;
            END IF;
        END LOOP;
        SELECT * INTO merged
          FROM respgres.merge_sketches(db, destination || sources);
        error := merged.error;
        IF error IS NOT NULL OR respgres.store_string(
               db, slot, destination, is_new,
               respgres.dense_sketch(merged.ranks), NULL, true) THEN
            RETURN;
        END IF;
    END LOOP;
END
$$;
