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

-- name: hash_value_length
-- set: ordinal
-- As hash_get, with the value's bytes counted.
SELECT i.ordinal, k.type, octet_length(f.value)::int8
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
-- One row for each new field, and for each of a key that is no hash: NULL.
SELECT abs(m.ordinal), CASE WHEN m.ordinal > 0 THEN true END
  FROM unnest(respgres.hset_many($1::int4[], $2::int2[], $3::bytea[],
                                 $4::int4[], $5::bytea[], $6::bytea[]))
       AS m (ordinal)

-- name: hash_set_absent
-- write
SELECT * FROM respgres.hsetnx($1::int4, $3::bytea, $4::bytea, $5::bytea,
    $2::int2)

-- name: hash_delete
-- set: ordinal
-- write
-- repeats
-- distinct: 5
-- One row for each field that was there, and for each of a key that is no
-- hash: NULL.
SELECT abs(m.ordinal), CASE WHEN m.ordinal > 0 THEN true END
  FROM unnest(respgres.hdel_many($1::int4[], $2::int2[], $3::bytea[],
                                 $4::int4[], $5::bytea[])) AS m (ordinal)

-- name: hash_increment
-- set: ordinal
-- write
-- repeats
-- One row for each field: an error or the new value.
SELECT m.ordinal, m.error, m.number
  FROM respgres.hincrby_many($1::int4[], $2::int2[], $3::bytea[], $4::int4[],
                             $5::bytea[], $6::int8[]) m

-- name: hash_increment_float
-- write
SELECT * FROM respgres.hincrbyfloat($1::int4, $3::bytea, $4::bytea,
    $5::text::numeric, $2::int2)

-- name: hash_length
-- set: ordinal
-- Fields that have expired do not count, wherever there are some.
SELECT i.ordinal, k.type,
       CASE WHEN k.fields_expire_at <= n.now THEN k.size - (
                 SELECT count(*) FROM respgres.hash_field f
                  WHERE f.slot = k.content_slot
                    AND f.content_id = k.content_id
                    AND f.expires_at <= n.now)
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
SELECT k.type,
       CASE WHEN k.fields_expire_at <= n.now THEN k.size - (
                 SELECT count(*) FROM respgres.hash_field f
                  WHERE f.slot = k.content_slot
                    AND f.content_id = k.content_id
                    AND f.expires_at <= n.now)
            ELSE k.size END,
       f.field, f.value
  FROM respgres.key k
 CROSS JOIN (SELECT respgres.now_ms()) AS n (now)
  LEFT JOIN LATERAL (
       (SELECT coalesce(o.long_field, o.field) AS field, o.value
          FROM respgres.hash_field o
         WHERE o.slot = k.content_slot AND o.content_id = k.content_id
           AND k.size <= 512
           AND (o.expires_at IS NULL OR o.expires_at > n.now)
         ORDER BY o.ordinal)
        UNION ALL
       (SELECT coalesce(a.long_field, a.field), a.value
          FROM respgres.hash_field a
         WHERE a.slot = k.content_slot AND a.content_id = k.content_id
           AND k.size > 512
           AND (a.expires_at IS NULL OR a.expires_at > n.now))
        LIMIT $4::int8) AS f ON true
 WHERE k.db = $1::int4 AND k.slot = $2::int2
   AND k.key = respgres.indexed($3::bytea)
   AND (k.expires_at IS NULL OR k.expires_at > n.now)

-- name: hash_fields
-- The same without values.
SELECT k.type,
       CASE WHEN k.fields_expire_at <= n.now THEN k.size - (
                 SELECT count(*) FROM respgres.hash_field f
                  WHERE f.slot = k.content_slot
                    AND f.content_id = k.content_id
                    AND f.expires_at <= n.now)
            ELSE k.size END,
       f.field
  FROM respgres.key k
 CROSS JOIN (SELECT respgres.now_ms()) AS n (now)
  LEFT JOIN LATERAL (
       (SELECT coalesce(o.long_field, o.field) AS field
          FROM respgres.hash_field o
         WHERE o.slot = k.content_slot AND o.content_id = k.content_id
           AND k.size <= 512
           AND (o.expires_at IS NULL OR o.expires_at > n.now)
         ORDER BY o.ordinal)
        UNION ALL
       (SELECT coalesce(a.long_field, a.field)
          FROM respgres.hash_field a
         WHERE a.slot = k.content_slot AND a.content_id = k.content_id
           AND k.size > 512
           AND (a.expires_at IS NULL OR a.expires_at > n.now))
        LIMIT $4::int8) AS f ON true
 WHERE k.db = $1::int4 AND k.slot = $2::int2
   AND k.key = respgres.indexed($3::bytea)
   AND (k.expires_at IS NULL OR k.expires_at > n.now)

-- name: hash_values
-- The same without names.
SELECT k.type,
       CASE WHEN k.fields_expire_at <= n.now THEN k.size - (
                 SELECT count(*) FROM respgres.hash_field f
                  WHERE f.slot = k.content_slot
                    AND f.content_id = k.content_id
                    AND f.expires_at <= n.now)
            ELSE k.size END,
       f.value
  FROM respgres.key k
 CROSS JOIN (SELECT respgres.now_ms()) AS n (now)
  LEFT JOIN LATERAL (
       (SELECT o.value
          FROM respgres.hash_field o
         WHERE o.slot = k.content_slot AND o.content_id = k.content_id
           AND k.size <= 512
           AND (o.expires_at IS NULL OR o.expires_at > n.now)
         ORDER BY o.ordinal)
        UNION ALL
       (SELECT a.value
          FROM respgres.hash_field a
         WHERE a.slot = k.content_slot AND a.content_id = k.content_id
           AND k.size > 512
           AND (a.expires_at IS NULL OR a.expires_at > n.now))
        LIMIT $4::int8) AS f ON true
 WHERE k.db = $1::int4 AND k.slot = $2::int2
   AND k.key = respgres.indexed($3::bytea)
   AND (k.expires_at IS NULL OR k.expires_at > n.now)

-- name: hash_random
-- $4 so many fields, below 0: draws that may repeat; $5 limits the rows.
SELECT k.type, count(*) OVER (), r.name, r.value
  FROM respgres.key k
  LEFT JOIN LATERAL respgres.random_fields(
       k.content_slot, k.content_id, k.size, k.fields_expire_at,
       CASE WHEN $4::int8 < 0 THEN -$4 ELSE $4 END, $4 < 0) AS r
    ON k.type = 'h'
 WHERE k.db = $1::int4 AND k.slot = $2::int2
   AND k.key = respgres.indexed($3::bytea)
   AND (k.expires_at IS NULL OR k.expires_at > respgres.now_ms())
 LIMIT $5::int8

-- name: hash_scan
-- The fields from hash $4 on, $5 or more of them: all of one hash value.  All
-- at once when there are up to $6, none longer than $7 bytes.
SELECT k.type, l.most, f.hash::int8, f.field, f.value
  FROM respgres.key k
 CROSS JOIN (SELECT respgres.now_ms()) AS n (now)
 CROSS JOIN LATERAL (
       SELECT CASE WHEN k.size <= $6::int8 AND NOT EXISTS (
                        SELECT FROM respgres.hash_field o
                         WHERE o.slot = k.content_slot
                           AND o.content_id = k.content_id
                           AND GREATEST(octet_length(o.field),
                                        octet_length(o.value)) > $7::int8)
                   THEN k.size + 1 ELSE $5::int8 END OFFSET 0) AS l (most)
  LEFT JOIN LATERAL (
       SELECT o.hash, coalesce(o.long_field, o.field) AS field, o.value
         FROM respgres.hash_field o
        WHERE o.slot = k.content_slot AND o.content_id = k.content_id
          AND o.hash >= $4::int4
          AND (o.expires_at IS NULL OR o.expires_at > n.now)
        ORDER BY o.hash
        FETCH FIRST (l.most) ROWS WITH TIES) AS f
    ON true
 WHERE k.db = $1::int4 AND k.slot = $2::int2
   AND k.key = respgres.indexed($3::bytea)
   AND (k.expires_at IS NULL OR k.expires_at > n.now)

-- name: hash_expire
-- write
-- $4 fields, $5 time to live or $6 absolute expiry, $7 condition.
SELECT r.error, u.result
  FROM respgres.hexpire($1::int4, $3::bytea, $4::bytea[], $5::int8, $6::int8,
                        $7::text, $2::int2) r
  LEFT JOIN LATERAL unnest(r.results) WITH ORDINALITY AS u (result, ordinal)
    ON true
 ORDER BY u.ordinal

-- name: hash_persist
-- write
SELECT r.error, u.result
  FROM respgres.hpersist($1::int4, $3::bytea, $4::bytea[], $2::int2) r
  LEFT JOIN LATERAL unnest(r.results) WITH ORDINALITY AS u (result, ordinal)
    ON true
 ORDER BY u.ordinal

-- name: hash_expiry
-- When the fields expire, and now.
SELECT r.error, u.result, respgres.now_ms()
  FROM respgres.hexpiretime($1::int4, $3::bytea, $4::bytea[], $2::int2) r
  LEFT JOIN LATERAL unnest(r.results) WITH ORDINALITY AS u (result, ordinal)
    ON true
 ORDER BY u.ordinal

-- name: hash_get_delete
-- write
SELECT r.error, u.value
  FROM respgres.hgetdel($1::int4, $3::bytea, $4::bytea[], $2::int2) r
  LEFT JOIN LATERAL unnest(r.values) WITH ORDINALITY AS u (value, ordinal)
    ON true
 ORDER BY u.ordinal

-- name: hash_get_expire
-- write
-- $5 time to live, $6 absolute expiry, $7 whether to take the expiry off.
SELECT r.error, u.value
  FROM respgres.hgetex($1::int4, $3::bytea, $4::bytea[], $5::int8, $6::int8,
                       $7::boolean, $2::int2) r
  LEFT JOIN LATERAL unnest(r.values) WITH ORDINALITY AS u (value, ordinal)
    ON true
 ORDER BY u.ordinal

-- name: hash_set_expire
-- write
-- $4 fields, $5 values, $6 condition, $7 time to live, $8 absolute expiry, $9
-- whether they keep theirs.
SELECT r.error, r.done
  FROM respgres.hsetex($1::int4, $3::bytea, $4::bytea[], $5::bytea[],
                       $6::text, $7::int8, $8::int8, $9::boolean,
                       $2::int2) r
