-- Statements about keys whatever they hold.

-- name: key_look
-- set: ordinal
-- single: key_look_one
-- One row for each live key: what TYPE, EXISTS, TTL and OBJECT tell.
SELECT i.ordinal, k.type, k.expires_at, n.now,
       k.number IS NOT NULL, k.raw,
       coalesce(octet_length(k.value), 0), n.now / 1000 - k.touched_at
  FROM unnest($1::int4[], $2::int2[], $3::bytea[]) WITH ORDINALITY
       AS i (db, slot, key, ordinal)
  JOIN respgres.key k
    ON k.db = i.db AND k.key = respgres.indexed(i.key) AND k.slot = i.slot
 CROSS JOIN (SELECT respgres.now_ms()) AS n (now)
 WHERE k.expires_at IS NULL OR k.expires_at > n.now

-- name: key_look_one
SELECT 1::bigint, k.type, k.expires_at, n.now,
       k.number IS NOT NULL, k.raw,
       coalesce(octet_length(k.value), 0), n.now / 1000 - k.touched_at
  FROM respgres.key k
 CROSS JOIN (SELECT respgres.now_ms()) AS n (now)
 WHERE k.db = $1::int4 AND k.slot = $2::int2
   AND k.key = respgres.indexed($3::bytea)
   AND (k.expires_at IS NULL OR k.expires_at > n.now)

-- name: key_look_inside
-- key_look_one for one key, and whether Redis would keep a collection in its
-- compact form: a hash of up to $4 fields, none and no value longer than $5
-- bytes; a set of up to $6 members, all integers ever since; a sorted set of up
-- to $7 members, none longer than $8 bytes.
SELECT 1::bigint, k.type, k.expires_at, n.now,
       k.number IS NOT NULL, k.raw,
       coalesce(octet_length(k.value), 0), n.now / 1000 - k.touched_at,
       CASE k.type
       WHEN 'h' THEN k.size <= $4::int8 AND NOT EXISTS (
            SELECT FROM respgres.hash_field f
             WHERE f.slot = k.content_slot AND f.content_id = k.content_id
               AND GREATEST(octet_length(coalesce(f.long_field, f.field)),
                            octet_length(f.value)) > $5::int8)
       WHEN 't' THEN k.size <= $6::int8 AND NOT k.raw AND NOT EXISTS (
            SELECT FROM respgres.set_member m
             WHERE m.slot = k.content_slot AND m.content_id = k.content_id
               AND respgres.as_number(m.member) IS NULL)
       WHEN 'z' THEN k.size <= $7::int8 AND NOT EXISTS (
            SELECT FROM respgres.sorted_set_member z
             WHERE z.slot = k.content_slot AND z.content_id = k.content_id
               AND octet_length(coalesce(z.long_member, z.member)) > $8::int8)
       ELSE false END
  FROM respgres.key k
 CROSS JOIN (SELECT respgres.now_ms()) AS n (now)
 WHERE k.db = $1::int4 AND k.slot = $2::int2
   AND k.key = respgres.indexed($3::bytea)
   AND (k.expires_at IS NULL OR k.expires_at > n.now)

-- name: key_delete
-- set: ordinal
-- single: key_delete_one
-- write
-- One row for each key that was there, with whether it was alive.
DELETE FROM respgres.key AS k
 USING unnest($1::int4[], $2::int2[], $3::bytea[]) WITH ORDINALITY
       AS i (db, slot, key, ordinal)
 WHERE k.db = i.db AND k.key = respgres.indexed(i.key) AND k.slot = i.slot
RETURNING i.ordinal,
       k.expires_at IS NULL OR k.expires_at > (SELECT respgres.now_ms())

-- name: key_delete_one
-- write
DELETE FROM respgres.key AS k
 WHERE k.db = $1::int4 AND k.slot = $2::int2
   AND k.key = respgres.indexed($3::bytea)
RETURNING 1::bigint, k.expires_at IS NULL OR k.expires_at > respgres.now_ms()

-- name: key_touch
-- set: ordinal
-- write
UPDATE respgres.key AS k
   SET touched_at = n.now / 1000
  FROM unnest($1::int4[], $2::int2[], $3::bytea[]) WITH ORDINALITY
       AS i (db, slot, key, ordinal)
 CROSS JOIN (SELECT respgres.now_ms()) AS n (now)
 WHERE k.db = i.db AND k.key = respgres.indexed(i.key) AND k.slot = i.slot
   AND (k.expires_at IS NULL OR k.expires_at > n.now)
RETURNING i.ordinal

-- name: key_expire
-- set: ordinal
-- single: key_expire_one
-- write
-- $4 time to live in milliseconds or $5 absolute expiry; $6 conditions: 1 when
-- it has no expiry, 2 when it has one, 4 when that is earlier, 8 when it is
-- later.  One row for each key that was changed.
UPDATE respgres.key AS k
   SET expires_at = coalesce(i.expires_at, n.now + i.ttl),
       sweep_at = LEAST(k.sweep_at, coalesce(i.expires_at, n.now + i.ttl)),
       version = k.version + 1, stale_version = k.stale_version + 1,
       touched_at = n.now / 1000
  FROM unnest($1::int4[], $2::int2[], $3::bytea[], $4::int8[], $5::int8[],
              $6::int4[]) WITH ORDINALITY
       AS i (db, slot, key, ttl, expires_at, conditions, ordinal)
 CROSS JOIN (SELECT respgres.now_ms()) AS n (now)
 WHERE k.db = i.db AND k.key = respgres.indexed(i.key) AND k.slot = i.slot
   AND (k.expires_at IS NULL OR k.expires_at > n.now)
   AND (i.conditions & 1 = 0 OR k.expires_at IS NULL)
   AND (i.conditions & 2 = 0 OR k.expires_at IS NOT NULL)
   AND (i.conditions & 4 = 0
        OR k.expires_at < coalesce(i.expires_at, n.now + i.ttl))
   AND (i.conditions & 8 = 0 OR k.expires_at IS NULL
        OR k.expires_at > coalesce(i.expires_at, n.now + i.ttl))
RETURNING i.ordinal

-- name: key_expire_one
-- write
UPDATE respgres.key AS k
   SET expires_at = n.new, sweep_at = LEAST(k.sweep_at, n.new),
       version = k.version + 1, stale_version = k.stale_version + 1,
       touched_at = n.now / 1000
  FROM (SELECT c.now, coalesce($5::int8, c.now + $4::int8)
          FROM (SELECT respgres.now_ms()) AS c (now)) AS n (now, new)
 WHERE k.db = $1::int4 AND k.slot = $2::int2
   AND k.key = respgres.indexed($3::bytea)
   AND (k.expires_at IS NULL OR k.expires_at > n.now)
   AND ($6::int4 & 1 = 0 OR k.expires_at IS NULL)
   AND ($6::int4 & 2 = 0 OR k.expires_at IS NOT NULL)
   AND ($6::int4 & 4 = 0 OR k.expires_at < n.new)
   AND ($6::int4 & 8 = 0 OR k.expires_at IS NULL OR k.expires_at > n.new)
RETURNING 1::bigint

-- name: key_persist
-- set: ordinal
-- write
-- One row for each key that had an expiry.
UPDATE respgres.key AS k
   SET expires_at = NULL, version = k.version + 1,
       stale_version = k.stale_version + 1, touched_at = n.now / 1000
  FROM unnest($1::int4[], $2::int2[], $3::bytea[]) WITH ORDINALITY
       AS i (db, slot, key, ordinal)
 CROSS JOIN (SELECT respgres.now_ms()) AS n (now)
 WHERE k.db = i.db AND k.key = respgres.indexed(i.key) AND k.slot = i.slot
   AND k.expires_at > n.now
RETURNING i.ordinal

-- name: key_rename
-- write
-- $4, $5, $6 the new key; error, done.
SELECT * FROM respgres.rename($1::int4, $3::bytea, $6::bytea, $7::boolean,
    $2::int2, $5::int2)
 WHERE $4::int4 = $1

-- name: key_copy
-- write
SELECT * FROM respgres.copy($1::int4, $3::bytea, $6::bytea, $4::int4,
    $7::boolean, $2::int2, $5::int2)

-- name: key_move
-- write
SELECT * FROM respgres.move($1::int4, $3::bytea, $4::int4, $2::int2)

-- name: key_scan
-- The next $3 rows of database $1 behind id $2, expired ones included: where
-- the walk goes on does not depend on what is alive.
SELECT k.id, k.type,
       k.expires_at IS NULL OR k.expires_at > (SELECT respgres.now_ms()),
       coalesce(k.long_key, k.key)
  FROM respgres.key k
 WHERE k.db = $1::int4 AND k.id > $2::int8
 ORDER BY k.id
 LIMIT $3::int8

-- name: key_range
-- Up to $4 live keys of database $1 from $2 to below $3.
SELECT k.id, k.type, true, coalesce(k.long_key, k.key)
  FROM respgres.key k
 WHERE k.db = $1::int4 AND k.key >= $2::bytea AND k.key < $3::bytea
   AND (k.expires_at IS NULL OR k.expires_at > (SELECT respgres.now_ms()))
 LIMIT $4::int8

-- name: key_count
SELECT count(*)
  FROM respgres.key k
 WHERE k.db = $1::int4
   AND (k.expires_at IS NULL OR k.expires_at > (SELECT respgres.now_ms()))

-- name: key_count_in_slot
SELECT count(*)
  FROM respgres.key k
 WHERE k.db = $1::int4 AND k.slot = $2::int4
   AND (k.expires_at IS NULL OR k.expires_at > (SELECT respgres.now_ms()))

-- name: key_names_in_slot
SELECT coalesce(k.long_key, k.key)
  FROM respgres.key k
 WHERE k.db = $1::int4 AND k.slot = $2::int4
   AND (k.expires_at IS NULL OR k.expires_at > (SELECT respgres.now_ms()))
 ORDER BY k.key
 LIMIT $3::int8

-- name: key_random
SELECT respgres.random_key($1::int4)

-- name: keys_flush
-- write
SELECT respgres.flush($1::int4)

-- name: keys_swap
-- write
SELECT respgres.swapdb($1::int4, $2::int4)
