-- Statements of the hash commands.

-- name: hash_get
-- set: ordinal
-- One row for each key that is there: its type, and the field's value or NULL.
SELECT i.ordinal, k.type, f.value
  FROM unnest($1::int4[], $2::int2[], $3::bytea[], $4::bytea[])
       WITH ORDINALITY AS i (db, slot, key, field, ordinal)
  JOIN respgres.key k
    ON k.db = i.db AND k.key = respgres.indexed(i.key) AND k.slot = i.slot
  LEFT JOIN respgres.hash_field f
    ON f.slot = k.content_slot AND f.content_id = k.content_id
   AND f.hash = respgres.element_hash(i.field)
   AND f.field = respgres.indexed(i.field)
   AND (f.expires_at IS NULL
        OR f.expires_at > (SELECT respgres.now_ms()))
 WHERE k.expires_at IS NULL OR k.expires_at > (SELECT respgres.now_ms())
 ORDER BY i.ordinal

-- name: hash_set
-- set: ordinal
-- write
-- repeats
-- distinct: 5
-- One row for each field: whether it is new; NULL: the key is no hash.
SELECT m.ordinal, m.added
  FROM respgres.hset_many($1::int4[], $2::int2[], $3::bytea[], $4::int4[],
                          $5::bytea[], $6::bytea[]) m

-- name: hash_delete
-- set: ordinal
-- write
-- repeats
-- distinct: 5
-- One row for each field: whether it was there; NULL: the key is no hash.
SELECT m.ordinal, m.removed
  FROM respgres.hdel_many($1::int4[], $2::int2[], $3::bytea[], $4::int4[],
                          $5::bytea[]) m

-- name: hash_length
-- set: ordinal
-- Fields that have expired do not count, wherever there are some.
SELECT i.ordinal, k.type,
       CASE WHEN k.fields_expire_at <= n.now THEN (
                 SELECT count(*) FROM respgres.hash_field f
                  WHERE f.slot = k.content_slot
                    AND f.content_id = k.content_id
                    AND (f.expires_at IS NULL OR f.expires_at > n.now))
            ELSE k.size END
  FROM unnest($1::int4[], $2::int2[], $3::bytea[]) WITH ORDINALITY
       AS i (db, slot, key, ordinal)
  JOIN respgres.key k
    ON k.db = i.db AND k.key = respgres.indexed(i.key) AND k.slot = i.slot
 CROSS JOIN (SELECT respgres.now_ms()) AS n (now)
 WHERE k.expires_at IS NULL OR k.expires_at > n.now
 ORDER BY i.ordinal

-- name: hash_all
-- Up to $4 fields (NULL: all) of a hash, small ones in order of insertion: see
-- commands/listing.h.
SELECT k.type, count(*) OVER (), f.field, f.value
  FROM respgres.key k
  LEFT JOIN LATERAL (
       SELECT coalesce(o.long_field, o.field) AS field, o.value
         FROM respgres.hash_field o
        WHERE o.slot = k.content_slot AND o.content_id = k.content_id
          AND (o.expires_at IS NULL OR o.expires_at > respgres.now_ms())
        ORDER BY CASE WHEN k.size <= 512 THEN o.ordinal END
        LIMIT $4::int8) AS f ON true
 WHERE k.db = $1::int4 AND k.slot = $2::int2
   AND k.key = respgres.indexed($3::bytea)
   AND (k.expires_at IS NULL OR k.expires_at > respgres.now_ms())
