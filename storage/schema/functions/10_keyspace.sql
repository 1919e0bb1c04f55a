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
