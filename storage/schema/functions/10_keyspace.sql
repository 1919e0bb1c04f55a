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

-- Locks the key's row and tells about it; all NULL when there is no such key.
-- A row that has expired is deleted.  The content is for a later statement:
-- only that sees what was committed while this one waited.
CREATE OR REPLACE FUNCTION respgres.lock_key(
    db int, slot smallint, key bytea,
    OUT id bigint, OUT type "char", OUT expires_at bigint, OUT number bigint)
LANGUAGE plpgsql AS $$
BEGIN
    SELECT k.id, k.type, k.expires_at, k.number
      INTO id, type, expires_at, number
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
    END IF;
END
$$;
