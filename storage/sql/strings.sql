-- Statements of the string commands that lanes run set-based.

-- name: string_get
-- set: match
-- single: string_get_one
-- One row for each live key: its type, and its value as number or bytes.
-- The index is walked once through all keys; a join with them would start at
-- the root for each, and costs half as much again.
SELECT k.key, k.type, k.number, k.value
  FROM respgres.key k
 WHERE k.db = $1::int4 AND k.key = ANY ($2::bytea[])
   AND (k.expires_at IS NULL OR k.expires_at > (SELECT respgres.now_ms()))

-- name: string_get_one
SELECT NULL::bytea, k.type, k.number, k.value
  FROM respgres.key k
 WHERE k.db = $1::int4 AND k.slot = $2::int2 AND k.key = $3::bytea
   AND (k.expires_at IS NULL OR k.expires_at > respgres.now_ms())

-- name: string_set
-- set: all
-- single: string_set_one
-- write
-- Stores strings whatever was there.  $4 value or $5 number; $6 time to live
-- in milliseconds or $7 absolute expiry, or neither.  Tags stay, unless it has
-- expired.
INSERT INTO respgres.key AS k
       (db, slot, key, long_key, type, value, number,
        expires_at, sweep_at, touched_at)
SELECT i.db, i.slot, respgres.indexed(i.key), respgres.long(i.key),
       's', i.value, i.number,
       coalesce(i.expires_at, n.now + i.ttl),
       coalesce(i.expires_at, n.now + i.ttl), n.now / 1000
  FROM unnest($1::int4[], $2::int2[], $3::bytea[], $4::bytea[], $5::int8[],
              $6::int8[], $7::int8[])
       AS i (db, slot, key, value, number, ttl, expires_at)
 CROSS JOIN (SELECT respgres.now_ms()) AS n (now)
    ON CONFLICT (db, key, slot) DO UPDATE
   SET id = CASE WHEN k.type = 's' THEN k.id ELSE excluded.id END,
       version = k.version + 1,
       type = 's', content_id = NULL,
       value = excluded.value, number = excluded.number, raw = false,
       expires_at = excluded.expires_at,
       sweep_at = LEAST(k.sweep_at, excluded.sweep_at),
       touched_at = excluded.touched_at,
       tags = CASE WHEN k.tags IS NOT NULL
                        AND (k.expires_at IS NULL OR
                             k.expires_at > (SELECT respgres.now_ms()))
                   THEN k.tags END

-- name: string_set_one
-- write
INSERT INTO respgres.key AS k
       (db, slot, key, long_key, type, value, number,
        expires_at, sweep_at, touched_at)
VALUES ($1::int4, $2::int2, respgres.indexed($3::bytea),
        respgres.long($3::bytea), 's', $4::bytea, $5::int8,
        coalesce($7::int8, respgres.now_ms() + $6::int8),
        coalesce($7::int8, respgres.now_ms() + $6::int8),
        respgres.now_ms() / 1000)
    ON CONFLICT (db, key, slot) DO UPDATE
   SET id = CASE WHEN k.type = 's' THEN k.id ELSE excluded.id END,
       version = k.version + 1,
       type = 's', content_id = NULL,
       value = excluded.value, number = excluded.number, raw = false,
       expires_at = excluded.expires_at,
       sweep_at = LEAST(k.sweep_at, excluded.sweep_at),
       touched_at = excluded.touched_at,
       tags = CASE WHEN k.tags IS NOT NULL
                        AND (k.expires_at IS NULL OR
                             k.expires_at > (SELECT respgres.now_ms()))
                   THEN k.tags END

-- name: string_set_absent
-- set: key
-- write
-- SET NX: a row comes back for each key that was stored.
INSERT INTO respgres.key AS k
       (db, slot, key, long_key, type, value, number,
        expires_at, sweep_at, touched_at)
SELECT i.db, i.slot, respgres.indexed(i.key), respgres.long(i.key),
       's', i.value, i.number,
       coalesce(i.expires_at, n.now + i.ttl),
       coalesce(i.expires_at, n.now + i.ttl), n.now / 1000
  FROM unnest($1::int4[], $2::int2[], $3::bytea[], $4::bytea[], $5::int8[],
              $6::int8[], $7::int8[])
       AS i (db, slot, key, value, number, ttl, expires_at)
 CROSS JOIN (SELECT respgres.now_ms()) AS n (now)
    ON CONFLICT (db, key, slot) DO UPDATE
   SET id = CASE WHEN k.type = 's' THEN k.id ELSE excluded.id END,
       version = k.version + 1,
       type = 's', content_id = NULL,
       value = excluded.value, number = excluded.number, raw = false,
       expires_at = excluded.expires_at,
       sweep_at = LEAST(k.sweep_at, excluded.sweep_at),
       touched_at = excluded.touched_at, tags = NULL
 WHERE k.expires_at <= (SELECT respgres.now_ms())
RETURNING k.key

-- name: string_set_present
-- set: ordinal
-- write
-- SET XX: a row comes back for each key that was stored.
UPDATE respgres.key AS k
   SET id = CASE WHEN k.type = 's' THEN k.id
                 ELSE nextval('respgres.key_id') END,
       version = k.version + 1,
       type = 's', content_id = NULL,
       value = i.value, number = i.number, raw = false,
       expires_at = coalesce(i.expires_at, n.now + i.ttl),
       sweep_at = LEAST(k.sweep_at, coalesce(i.expires_at, n.now + i.ttl)),
       touched_at = n.now / 1000
  FROM unnest($1::int4[], $2::int2[], $3::bytea[], $4::bytea[], $5::int8[],
              $6::int8[], $7::int8[]) WITH ORDINALITY
       AS i (db, slot, key, value, number, ttl, expires_at, ordinal)
 CROSS JOIN (SELECT respgres.now_ms()) AS n (now)
 WHERE k.db = i.db AND k.key = respgres.indexed(i.key) AND k.slot = i.slot
   AND (k.expires_at IS NULL OR k.expires_at > n.now)
RETURNING i.ordinal

-- name: string_set_if
-- write
-- SET with GET or KEEPTTL: error, done, previous value.
SELECT * FROM respgres.set($1::int4, $3::bytea, $4::bytea, $5::text,
    $6::int8, $7::int8, $8::boolean, $9::boolean, $2::int2)

-- name: string_set_all_absent
-- write
-- MSETNX.
SELECT * FROM respgres.msetnx($1::int4, $2::bytea[], $3::bytea[])

-- name: string_get_delete
-- write
SELECT * FROM respgres.getdel($1::int4, $3::bytea, $2::int2)

-- name: string_get_expire
-- write
SELECT * FROM respgres.getex($1::int4, $3::bytea, $4::int8, $5::int8,
    $6::boolean, $2::int2)

-- name: string_increment
-- set: key
-- single: string_increment_one
-- write
-- The key with its type and number as they are now.  Without a row the sum
-- would overflow; another type than s, or no number: that was no number, and
-- nothing was changed.
INSERT INTO respgres.key AS k
       (db, slot, key, long_key, type, number, touched_at)
SELECT i.db, i.slot, respgres.indexed(i.key), respgres.long(i.key),
       's', i.increment, n.now / 1000
  FROM unnest($1::int4[], $2::int2[], $3::bytea[], $4::int8[])
       AS i (db, slot, key, increment)
 CROSS JOIN (SELECT respgres.now_ms()) AS n (now)
    ON CONFLICT (db, key, slot) DO UPDATE
   SET (id, version, type, content_id, value, number, raw, expires_at,
        touched_at, tags) = (
       SELECT CASE WHEN o.expired AND k.type <> 's' THEN excluded.id
                   ELSE k.id END,
              k.version + (o.expired OR o.number IS NOT NULL)::int,
              CASE WHEN o.expired THEN 's' ELSE k.type END,
              CASE WHEN NOT o.expired THEN k.content_id END,
              CASE WHEN NOT o.expired AND o.number IS NULL THEN k.value END,
              CASE WHEN o.expired THEN excluded.number
                   ELSE o.number + excluded.number END,
              k.raw AND NOT o.expired AND o.number IS NULL,
              CASE WHEN NOT o.expired THEN k.expires_at END,
              excluded.touched_at,
              CASE WHEN NOT o.expired THEN k.tags END
         FROM (SELECT coalesce(k.expires_at <= respgres.now_ms(), false),
                      coalesce(k.number, respgres.as_number(k.value)))
              AS o (expired, number))
 WHERE k.expires_at <= (SELECT respgres.now_ms())
    OR coalesce(k.number, respgres.as_number(k.value)) IS NULL
    OR CASE WHEN excluded.number >= 0
            THEN coalesce(k.number, respgres.as_number(k.value))
                 <= 9223372036854775807 - excluded.number
            ELSE coalesce(k.number, respgres.as_number(k.value))
                 >= (-9223372036854775808) - excluded.number END
RETURNING k.key, k.type, k.number

-- name: string_increment_one
-- write
INSERT INTO respgres.key AS k
       (db, slot, key, long_key, type, number, touched_at)
VALUES ($1::int4, $2::int2, respgres.indexed($3::bytea),
        respgres.long($3::bytea), 's', $4::int8, respgres.now_ms() / 1000)
    ON CONFLICT (db, key, slot) DO UPDATE
   SET (id, version, type, content_id, value, number, raw, expires_at,
        touched_at, tags) = (
       SELECT CASE WHEN o.expired AND k.type <> 's' THEN excluded.id
                   ELSE k.id END,
              k.version + (o.expired OR o.number IS NOT NULL)::int,
              CASE WHEN o.expired THEN 's' ELSE k.type END,
              CASE WHEN NOT o.expired THEN k.content_id END,
              CASE WHEN NOT o.expired AND o.number IS NULL THEN k.value END,
              CASE WHEN o.expired THEN excluded.number
                   ELSE o.number + excluded.number END,
              k.raw AND NOT o.expired AND o.number IS NULL,
              CASE WHEN NOT o.expired THEN k.expires_at END,
              excluded.touched_at,
              CASE WHEN NOT o.expired THEN k.tags END
         FROM (SELECT coalesce(k.expires_at <= respgres.now_ms(), false),
                      coalesce(k.number, respgres.as_number(k.value)))
              AS o (expired, number))
 WHERE k.expires_at <= (SELECT respgres.now_ms())
    OR coalesce(k.number, respgres.as_number(k.value)) IS NULL
    OR CASE WHEN excluded.number >= 0
            THEN coalesce(k.number, respgres.as_number(k.value))
                 <= 9223372036854775807 - excluded.number
            ELSE coalesce(k.number, respgres.as_number(k.value))
                 >= (-9223372036854775808) - excluded.number END
RETURNING k.key, k.type, k.number

-- name: string_increment_float
-- write
SELECT * FROM respgres.incrbyfloat($1::int4, $3::bytea, $4::text::numeric,
    $2::int2)

-- name: string_append
-- write
SELECT * FROM respgres.append($1::int4, $3::bytea, $4::bytea, $2::int2)

-- name: string_set_range
-- write
SELECT * FROM respgres.setrange($1::int4, $3::bytea, $4::int8, $5::bytea,
    $2::int2)

-- name: string_get_range
-- set: ordinal
-- One row for each live key: its type and the bytes from $4 to $5, where
-- negative positions count from the end, as GETRANGE does.
SELECT i.ordinal, k.type,
       substr(respgres.string_bytes(k.value, k.number), p.first + 1,
              greatest(p.last - p.first + 1, 0))
  FROM unnest($1::int4[], $2::int2[], $3::bytea[], $4::int8[], $5::int8[])
       WITH ORDINALITY AS i (db, slot, key, first, last, ordinal)
  JOIN respgres.key k
    ON k.db = i.db AND k.key = respgres.indexed(i.key) AND k.slot = i.slot
 CROSS JOIN LATERAL (SELECT coalesce(
           octet_length(k.value), length(k.number::text))::int8) AS s (size)
 CROSS JOIN LATERAL (SELECT
           CASE WHEN i.first < 0 AND i.last < 0 AND i.first > i.last
                THEN s.size
                WHEN i.first < 0 THEN greatest(s.size + i.first, 0)
                ELSE LEAST(i.first, s.size) END::int4,
           CASE WHEN i.last < 0 THEN greatest(s.size + i.last, 0)
                ELSE LEAST(i.last, s.size - 1) END::int4) AS p (first, last)
 WHERE k.expires_at IS NULL OR k.expires_at > (SELECT respgres.now_ms())

-- name: string_length
-- set: ordinal
SELECT i.ordinal, k.type,
       coalesce(octet_length(k.value), length(k.number::text))
  FROM unnest($1::int4[], $2::int2[], $3::bytea[]) WITH ORDINALITY
       AS i (db, slot, key, ordinal)
  JOIN respgres.key k
    ON k.db = i.db AND k.key = respgres.indexed(i.key) AND k.slot = i.slot
 WHERE k.expires_at IS NULL OR k.expires_at > (SELECT respgres.now_ms())
