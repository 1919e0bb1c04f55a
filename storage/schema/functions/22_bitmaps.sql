-- Bitmaps: the bits of strings, counted as Redis does from the highest bit of
-- the first byte.
--
-- As in 20_strings.sql an expected failure is the text in `error`, and a slot
-- of NULL is computed.

-- In two halves: one text of hexadecimal digits may not be as long as the
-- longest string needs.
CREATE OR REPLACE FUNCTION respgres.zero_bytes(count int) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN decode(repeat('00', count / 2), 'hex')
        || decode(repeat('00', count - count / 2), 'hex');
END
$$;

-- 0 behind the end.  Only the part around the bit is fetched.
CREATE OR REPLACE FUNCTION respgres.bit_at(content bytea, "offset" bigint)
RETURNS int
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF "offset" / 8 >= octet_length(content) THEN
        RETURN 0;
    END IF;
    RETURN get_byte(substr(content, ("offset" / 8)::int + 1, 1), 0)
        >> (7 - ("offset" & 7)::int) & 1;
END
$$;

-- Bits set from `first` to `last`, in bytes or bits; negative ones count from
-- the end.
CREATE OR REPLACE FUNCTION respgres.count_bits(
    content bytea, first bigint, last bigint, by_bit boolean) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    total bigint := octet_length(content)::bigint
                    * CASE WHEN by_bit THEN 8 ELSE 1 END;
    part bytea;
    final int;
BEGIN
    IF first < 0 AND last < 0 AND first > last THEN
        RETURN 0;
    END IF;
    first := CASE WHEN first < 0 THEN greatest(total + first, 0)
                  ELSE first END;
    last := CASE WHEN last < 0 THEN greatest(total + last, 0) ELSE last END;
    last := LEAST(last, total - 1);
    IF first > last THEN
        RETURN 0;
    END IF;
    IF NOT by_bit THEN
        RETURN bit_count(substr(content, first::int + 1,
                                (last - first)::int + 1));
    END IF;
    final := (last / 8 - first / 8)::int;
    part := substr(content, (first / 8)::int + 1, final + 1);
    IF first & 7 <> 0 THEN
        part := set_byte(part, 0,
                         get_byte(part, 0) & (255 >> (first & 7)::int));
    END IF;
    IF last & 7 <> 7 THEN
        part := set_byte(part, final, get_byte(part, final)
                         & (255 << (7 - (last & 7)::int)) & 255);
    END IF;
    RETURN bit_count(part);
END
$$;

-- Where the first bit of that value is from `first` to `last`, or -1.  Without
-- `last` zeros follow the end.
CREATE OR REPLACE FUNCTION respgres.find_bit(
    content bytea, bit_value int, first bigint, last bigint, by_bit boolean)
RETURNS bigint
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    size bigint := octet_length(content);
    total bigint := size * CASE WHEN by_bit THEN 8 ELSE 1 END;
    open_end boolean := last IS NULL;
    part bytea;
    one int;
    skipped int;
BEGIN
    last := coalesce(last, total - 1);
    first := CASE WHEN first < 0 THEN greatest(total + first, 0)
                  ELSE first END;
    last := CASE WHEN last < 0 AND NOT open_end
                 THEN greatest(total + last, 0) ELSE last END;
    last := LEAST(last, total - 1);
    IF first > last THEN
        RETURN -1;
    END IF;
    IF NOT by_bit THEN
        first := first * 8;
        last := last * 8 + 7;
    END IF;
    part := substr(content, (first / 8)::int + 1,
                   (last / 8 - first / 8)::int + 1);
    IF first & 7 <> 0 THEN
        -- Bits before the range are none that is looked for.
        one := get_byte(part, 0);
        part := set_byte(part, 0,
            CASE bit_value WHEN 1 THEN one & (255 >> (first & 7)::int)
                 ELSE one | (65280 >> (first & 7)::int) & 255 END);
    END IF;
    skipped := octet_length(part) - octet_length(
        ltrim(part, CASE bit_value WHEN 1 THEN '\x00'::bytea
                         ELSE '\xff'::bytea END));
    IF skipped < octet_length(part) THEN
        one := get_byte(part, skipped);
        FOR i IN 0 .. 7 LOOP
            IF (one >> (7 - i)) & 1 = bit_value THEN
                first := (first / 8 + skipped) * 8 + i;
                RETURN CASE WHEN first <= last THEN first ELSE -1 END;
            END IF;
        END LOOP;
    END IF;
    RETURN CASE WHEN bit_value = 0 AND open_end THEN size * 8 ELSE -1 END;
END
$$;

CREATE OR REPLACE FUNCTION respgres.getbit(
    db int, key bytea, "offset" bigint, slot smallint DEFAULT NULL,
    OUT error text, OUT value int)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    found_type "char";
BEGIN
    IF "offset" NOT BETWEEN 0 AND 4294967295 THEN
        error := 'ERR bit offset is not an integer or out of range';
        RETURN;
    END IF;
    value := 0;
    SELECT k.type, respgres.bit_at(respgres.string_bytes(k.value, k.number),
                                   getbit."offset")
      INTO found_type, value
      FROM respgres.key k
     WHERE k.db = getbit.db AND k.key = respgres.indexed(getbit.key)
       AND k.slot = coalesce(getbit.slot, respgres.slot(getbit.key))
       AND (k.expires_at IS NULL OR k.expires_at > respgres.now_ms());
    IF found_type <> 's' THEN
        error := respgres.wrong_type();
    END IF;
    value := CASE WHEN error IS NULL THEN coalesce(value, 0) END;
END
$$;

CREATE OR REPLACE FUNCTION respgres.bitcount(
    db int, key bytea, first bigint DEFAULT 0, last bigint DEFAULT -1,
    by_bit boolean DEFAULT false, slot smallint DEFAULT NULL,
    OUT error text, OUT count bigint)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    k record;
BEGIN
    SELECT * INTO k FROM respgres.get(db, key, slot);
    error := k.error;
    IF error IS NULL THEN
        count := coalesce(
            respgres.count_bits(k.value, first, last, by_bit), 0);
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION respgres.bitpos(
    db int, key bytea, bit_value int, first bigint DEFAULT 0,
    last bigint DEFAULT NULL, by_bit boolean DEFAULT false,
    slot smallint DEFAULT NULL,
    OUT error text, OUT at bigint)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    k record;
BEGIN
    IF bit_value NOT IN (0, 1) THEN
        error := 'ERR The bit argument must be 1 or 0.';
        RETURN;
    END IF;
    SELECT * INTO k FROM respgres.get(db, key, slot);
    error := k.error;
    IF error IS NULL THEN
        -- No key: zeros without end.
        at := CASE WHEN k.value IS NULL THEN -bit_value
            ELSE respgres.find_bit(k.value, bit_value, first, last, by_bit) END;
    END IF;
END
$$;

-- `previous` is the bit as it was; `changed` tells whether the string is
-- another one now.
CREATE OR REPLACE FUNCTION respgres.setbit(
    db int, key bytea, "offset" bigint, bit_value int,
    slot smallint DEFAULT NULL,
    OUT error text, OUT previous int, OUT changed boolean)
LANGUAGE plpgsql AS $$
DECLARE
    k record;
    content bytea;
    is_raw boolean;
    size int;
    at int;
    shift int := 7 - ("offset" & 7)::int;
    one int;
BEGIN
    slot := coalesce(slot, respgres.slot(key));
    IF "offset" NOT BETWEEN 0 AND 4294967295 THEN
        error := 'ERR bit offset is not an integer or out of range';
        RETURN;
    ELSIF bit_value NOT IN (0, 1) THEN
        error := 'ERR bit is not an integer or out of range';
        RETURN;
    END IF;
    at := ("offset" / 8)::int;
    LOOP
        SELECT * INTO k FROM respgres.lock_key(db, slot, key);
        content := ''::bytea;
        is_raw := false;
        IF k.type <> 's' THEN
            error := respgres.wrong_type();
            RETURN;
        ELSIF k.id IS NOT NULL THEN
            SELECT respgres.string_bytes(o.value, o.number), o.raw
              INTO content, is_raw
              FROM respgres.key o
             WHERE o.db = setbit.db AND o.key = respgres.indexed(setbit.key)
               AND o.slot = setbit.slot;
        END IF;
        size := octet_length(content);
        changed := size <= at;
        IF changed THEN
            content := content || respgres.zero_bytes(at + 1 - size);
        END IF;
        one := get_byte(content, at);
        previous := (one >> shift) & 1;
        IF previous <> bit_value THEN
            content := set_byte(content, at, one # (1 << shift));
            changed := true;
        END IF;
        IF (NOT changed AND is_raw)
           OR respgres.store_string(db, slot, key, k.id IS NULL, content,
                                    NULL, true) THEN
            RETURN;
        END IF;
    END LOOP;
END
$$;

-- Two strings of one length, bit by bit.
CREATE OR REPLACE FUNCTION respgres.combine_bits(
    operation text, a bytea, b bytea) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    -- Bit strings have a limit, and their text is longer than they are.
    step CONSTANT int := 64 << 20;
    x varbit;
    y varbit;
    result bytea := ''::bytea;
BEGIN
    FOR at IN 0 .. (octet_length(a) - 1) / step LOOP
        x := ('x' || encode(substr(a, at * step + 1, step), 'hex'))::varbit;
        IF operation <> 'NOT' THEN
            y := ('x' || encode(substr(b, at * step + 1, step), 'hex')
                 )::varbit;
        END IF;
        x := CASE operation WHEN 'AND' THEN x & y WHEN 'OR' THEN x | y
                  WHEN 'XOR' THEN x # y ELSE ~x END;
        -- Behind the count of bits, of four bytes.
        result := result || substr(varbit_send(x), 5);
    END LOOP;
    RETURN result;
END
$$;

-- operation: AND, OR, XOR or NOT.  `length` is that of the result; an empty
-- one removes the destination.
CREATE OR REPLACE FUNCTION respgres.bitop(
    db int, operation text, destination bytea, VARIADIC sources bytea[],
    OUT error text, OUT length bigint)
LANGUAGE plpgsql AS $$
DECLARE
    one record;
    contents bytea[];
    wrong boolean;
    result bytea;
BEGIN
    operation := upper(operation);
    IF operation NOT IN ('AND', 'OR', 'XOR', 'NOT') THEN
        error := 'ERR syntax error';
        RETURN;
    ELSIF operation = 'NOT' AND cardinality(sources) <> 1 THEN
        error := 'ERR BITOP NOT must be called with a single source key.';
        RETURN;
    END IF;
    FOR one IN SELECT DISTINCT u.key FROM unnest(destination || sources)
                 AS u (key) ORDER BY 1
    LOOP
        PERFORM respgres.lock_key(db, respgres.slot(one.key), one.key);
    END LOOP;
    SELECT array_agg(coalesce(respgres.string_bytes(k.value, k.number),
                              ''::bytea) ORDER BY s.ordinal),
           bool_or(k.type <> 's'),
           max(octet_length(respgres.string_bytes(k.value, k.number)))
      INTO contents, wrong, length
      FROM unnest(sources) WITH ORDINALITY AS s (key, ordinal)
      LEFT JOIN respgres.key k
        ON k.db = bitop.db AND k.key = respgres.indexed(s.key)
       AND k.slot = respgres.slot(s.key)
       AND (k.expires_at IS NULL OR k.expires_at > respgres.now_ms());
    IF wrong THEN
        error := respgres.wrong_type();
        length := NULL;
        RETURN;
    END IF;
    length := coalesce(length, 0);
    IF length = 0 THEN
        DELETE FROM respgres.key AS d
         WHERE d.db = bitop.db AND d.key = respgres.indexed(destination)
           AND d.slot = respgres.slot(destination);
        RETURN;
    END IF;
    FOR i IN 1 .. cardinality(contents) LOOP
        contents[i] := contents[i] || respgres.zero_bytes(
            length::int - octet_length(contents[i]));
    END LOOP;
    result := contents[1];
    IF operation = 'NOT' THEN
        result := respgres.combine_bits(operation, result, NULL);
    END IF;
    FOR i IN 2 .. cardinality(contents) LOOP
        result := respgres.combine_bits(operation, result, contents[i]);
    END LOOP;
    INSERT INTO respgres.key AS k
           (db, slot, key, long_key, type, value, raw, touched_at)
    VALUES (bitop.db, respgres.slot(destination),
            respgres.indexed(destination), respgres.long(destination), 's',
            result, true, respgres.now_ms() / 1000)
        ON CONFLICT ON CONSTRAINT key_pkey DO UPDATE
       SET id = CASE WHEN k.type = 's' THEN k.id ELSE excluded.id END,
           version = k.version + 1, type = 's', content_id = NULL,
           value = excluded.value, number = NULL, raw = true,
           expires_at = NULL,
           touched_at = excluded.touched_at,
           tags = CASE WHEN k.expires_at IS NULL
                         OR k.expires_at > respgres.now_ms()
                       THEN k.tags END;
END
$$;

-- The integer of so many bits at an offset; what is behind the end is 0.
CREATE OR REPLACE FUNCTION respgres.field_at(
    content bytea, "offset" bigint, width int, signed boolean) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    digits text;
BEGIN
    IF "offset" / 8 >= octet_length(content) THEN
        RETURN 0;
    END IF;
    digits := ('x' || encode(substr(content, ("offset" / 8)::int + 1, 9),
                             'hex'))::varbit::text;
    digits := substr(rpad(digits, 72, '0'), ("offset" & 7)::int + 1, width);
    RETURN lpad(digits, 64, CASE WHEN signed THEN left(digits, 1)
                                 ELSE '0' END)::bit(64)::bigint;
END
$$;

-- Puts it there; the content is long enough.
CREATE OR REPLACE FUNCTION respgres.place_field(
    content bytea, "offset" bigint, width int, value bigint) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    at int := ("offset" / 8)::int + 1;
    part bytea := substr(content, at, 9);
    digits text := ('x' || encode(part, 'hex'))::varbit::text;
BEGIN
    digits := overlay(digits PLACING right(value::bit(64)::text, width)
                      FROM ("offset" & 7)::int + 1);
    RETURN overlay(content PLACING substr(varbit_send(digits::varbit), 5)
                   FROM at);
END
$$;

-- What BITFIELD stores for a number of any size: NULL when it does not fit
-- and overflow is FAIL.
CREATE OR REPLACE FUNCTION respgres.fit_field(
    value numeric, width int, signed boolean, overflow text) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    span numeric := 2::numeric ^ width;
    least_value numeric := CASE WHEN signed THEN -span / 2 ELSE 0 END;
BEGIN
    IF value >= least_value AND value < least_value + span THEN
        RETURN value;
    ELSIF overflow = 'FAIL' THEN
        RETURN NULL;
    ELSIF overflow = 'SAT' THEN
        RETURN CASE WHEN value < least_value THEN least_value
                    ELSE least_value + span - 1 END;
    END IF;
    value := mod(mod(value - least_value, span) + span, span);
    RETURN value + least_value;
END
$$;

-- Each operation is a text: 'GET u8 0', 'SET i5 100 -3', 'INCRBY u2 #1 1' or
-- 'OVERFLOW SAT'.  A row for each but the last kind: its answer, NULL when it
-- failed for overflow, and whether it changed the string (NULL: there is
-- none); or one row with an error.
CREATE OR REPLACE FUNCTION respgres.bitfield(
    db int, key bytea, operations text[], slot smallint DEFAULT NULL)
RETURNS TABLE (error text, result bigint, changed boolean)
LANGUAGE plpgsql AS $$
DECLARE
    operation text;
    p text[];
    verbs text[] := '{}';
    widths int[] := '{}';
    signs boolean[] := '{}';
    offsets bigint[] := '{}';
    arguments numeric[] := '{}';
    overflows text[] := '{}';
    overflow text := 'WRAP';
    width int;
    at bigint;
    last_bit bigint := -1; /* that is written */
    k record;
    content bytea;
    is_raw boolean;
    grown boolean;
    old bigint;
    new bigint;
    results bigint[];
    changes boolean[];
BEGIN
    slot := coalesce(slot, respgres.slot(key));
    FOREACH operation IN ARRAY operations LOOP
        p := regexp_match(upper(operation),
                          '^OVERFLOW +(WRAP|SAT|FAIL)$');
        IF p IS NOT NULL THEN
            overflow := p[1];
            CONTINUE;
        END IF;
        p := regexp_match(upper(operation),
            '^(GET|SET|INCRBY) +([UI])([1-9]|[1-5][0-9]|6[0-4]) +' ||
            '(#?)([0-9]{1,12})( +(-?[0-9]{1,19}))?$');
        width := p[3];
        at := p[5]::bigint * CASE p[4] WHEN '#' THEN width ELSE 1 END;
        IF p IS NULL OR (p[7] IS NULL) <> (p[1] = 'GET')
           OR (p[2] = 'U' AND width = 64)
           OR p[7]::numeric NOT BETWEEN -9223372036854775808
                                    AND 9223372036854775807 THEN
            error := 'ERR syntax error';
        ELSIF at > 4294967295 THEN
            error := 'ERR bit offset is not an integer or out of range';
        END IF;
        IF error IS NOT NULL THEN
            RETURN NEXT;
            RETURN;
        END IF;
        verbs := verbs || p[1];
        signs := signs || (p[2] = 'I');
        widths := widths || width;
        offsets := offsets || at;
        arguments := arguments || p[7]::numeric;
        overflows := overflows || overflow;
        IF p[1] <> 'GET' THEN
            last_bit := greatest(last_bit, at + width - 1);
        END IF;
    END LOOP;
    LOOP
        IF last_bit >= 0 THEN
            SELECT l.id, l.type INTO k
              FROM respgres.lock_key(db, slot, key) l;
        ELSE
            SELECT o.id, o.type INTO k
              FROM respgres.key o
             WHERE o.db = bitfield.db
               AND o.key = respgres.indexed(bitfield.key)
               AND o.slot = bitfield.slot
               AND (o.expires_at IS NULL
                    OR o.expires_at > respgres.now_ms());
        END IF;
        IF k.type <> 's' THEN
            error := respgres.wrong_type();
            RETURN NEXT;
            RETURN;
        END IF;
        content := NULL;
        is_raw := false;
        SELECT respgres.string_bytes(o.value, o.number), o.raw
          INTO content, is_raw
          FROM respgres.key o
         WHERE k.id IS NOT NULL AND o.db = bitfield.db
           AND o.key = respgres.indexed(bitfield.key)
           AND o.slot = bitfield.slot;
        content := coalesce(content, ''::bytea);
        grown := octet_length(content) < (last_bit >> 3) + 1;
        IF grown THEN
            content := content || respgres.zero_bytes(
                (last_bit >> 3)::int + 1 - octet_length(content));
        END IF;
        results := '{}';
        changes := '{}';
        FOR i IN 1 .. cardinality(verbs) LOOP
            old := respgres.field_at(content, offsets[i], widths[i],
                                     signs[i]);
            IF verbs[i] = 'GET' THEN
                results := results || old;
                changes := changes ||
                    CASE WHEN k.id IS NOT NULL THEN false END;
                CONTINUE;
            END IF;
            IF verbs[i] = 'INCRBY' THEN
                new := respgres.fit_field(old + arguments[i], widths[i],
                                          signs[i], overflows[i]);
                results := results || new;
            ELSE
                -- A negative number is a very large one for unsigned.
                new := respgres.fit_field(
                    CASE WHEN NOT signs[i] AND arguments[i] < 0
                         THEN arguments[i] + 18446744073709551616
                         ELSE arguments[i] END,
                    widths[i], signs[i], overflows[i]);
                results := results ||
                    CASE WHEN new IS NOT NULL THEN old END;
            END IF;
            changes := changes ||
                (new IS NOT NULL AND (grown OR new <> old));
            IF new <> old THEN
                content := respgres.place_field(content, offsets[i],
                                                widths[i], new);
            END IF;
        END LOOP;
        EXIT WHEN last_bit < 0;
        EXIT WHEN is_raw AND NOT grown AND NOT true = ANY (changes);
        EXIT WHEN respgres.store_string(db, slot, key, k.id IS NULL,
                                        content, NULL, true);
    END LOOP;
    FOR i IN 1 .. cardinality(verbs) LOOP
        result := results[i];
        changed := changes[i];
        RETURN NEXT;
    END LOOP;
END
$$;
