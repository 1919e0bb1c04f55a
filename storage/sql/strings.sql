-- Statements of the string commands that lanes run set-based.

-- name: string_get
-- set: ordinal
-- One row for each live key: its type, and its value as number or bytes.
SELECT i.ordinal, k.type, k.number, k.value
  FROM unnest($1::int4[], $2::int2[], $3::bytea[]) WITH ORDINALITY
       AS i (db, slot, key, ordinal)
  JOIN respgres.key k
    ON k.db = i.db AND k.key = respgres.indexed(i.key) AND k.slot = i.slot
 WHERE k.expires_at IS NULL OR k.expires_at > (SELECT respgres.now_ms())

-- name: string_set
-- set: all
-- write
-- Stores strings whatever was there.  $4 value or $5 number; $6 time to live
-- in milliseconds or $7 absolute expiry, or neither.
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
       type = 's', value = excluded.value, number = excluded.number,
       raw = false, expires_at = excluded.expires_at,
       sweep_at = LEAST(k.sweep_at, excluded.sweep_at),
       touched_at = excluded.touched_at
