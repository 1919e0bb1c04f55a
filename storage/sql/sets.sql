-- Statements of the set commands.

-- name: set_contains
-- set: ordinal
-- One row for each key that is there: its type, and whether the member is in
-- it.
SELECT i.ordinal, k.type, m.content_id IS NOT NULL
  FROM unnest($1::int4[], $2::int2[], $3::bytea[], $4::bytea[])
       WITH ORDINALITY AS i (db, slot, key, member, ordinal)
  JOIN respgres.key k
    ON k.db = i.db AND k.key = respgres.indexed(i.key) AND k.slot = i.slot
  LEFT JOIN respgres.set_member m
    ON m.slot = k.content_slot AND m.content_id = k.content_id
   AND m.hash = respgres.element_hash(i.member)
   AND m.member = respgres.indexed(i.member)
 WHERE k.expires_at IS NULL OR k.expires_at > (SELECT respgres.now_ms())
 ORDER BY i.ordinal

-- name: set_size
-- set: ordinal
SELECT i.ordinal, k.type, k.size
  FROM unnest($1::int4[], $2::int2[], $3::bytea[]) WITH ORDINALITY
       AS i (db, slot, key, ordinal)
  JOIN respgres.key k
    ON k.db = i.db AND k.key = respgres.indexed(i.key) AND k.slot = i.slot
 WHERE k.expires_at IS NULL OR k.expires_at > (SELECT respgres.now_ms())
 ORDER BY i.ordinal

-- name: set_add
-- set: ordinal
-- write
-- repeats
-- distinct: 5
-- $6 whether the member is a canonical integer.  One row for each new member;
-- NULL for one whose key is no set.
SELECT abs(m.ordinal), CASE WHEN m.ordinal > 0 THEN true END
  FROM unnest(respgres.sadd_many($1::int4[], $2::int2[], $3::bytea[],
                                 $4::int4[], $5::bytea[], $6::boolean[]))
       AS m (ordinal)

-- name: set_remove
-- set: ordinal
-- write
-- repeats
-- distinct: 5
-- One row for each member that was there; NULL for one whose key is no set.
SELECT abs(m.ordinal), CASE WHEN m.ordinal > 0 THEN true END
  FROM unnest(respgres.srem_many($1::int4[], $2::int2[], $3::bytea[],
                                 $4::int4[], $5::bytea[])) AS m (ordinal)

-- name: set_members
-- Up to $5 members (NULL: all); those of up to $4, all integers, in ascending
-- order: by sign and number of digits, then by digits.
SELECT k.type, k.size, f.member
  FROM respgres.key k
  LEFT JOIN LATERAL (
       (SELECT s.member
          FROM (SELECT coalesce(o.long_member, o.member) AS member,
                       substr(o.member, 1, 1) = '-' AS is_negative
                  FROM respgres.set_member o
                 WHERE o.slot = k.content_slot
                   AND o.content_id = k.content_id
                   AND k.size <= $4::int8 AND NOT k.raw) AS s
         ORDER BY CASE WHEN s.is_negative THEN -octet_length(s.member)
                       ELSE octet_length(s.member) END,
                  CASE WHEN NOT s.is_negative THEN s.member END,
                  s.member DESC)
        UNION ALL
       (SELECT coalesce(a.long_member, a.member)
          FROM respgres.set_member a
         WHERE a.slot = k.content_slot AND a.content_id = k.content_id
           AND (k.size > $4::int8 OR k.raw))
        LIMIT $5::int8) AS f ON true
 WHERE k.db = $1::int4 AND k.slot = $2::int2
   AND k.key = respgres.indexed($3::bytea)
   AND (k.expires_at IS NULL OR k.expires_at > respgres.now_ms())

-- name: set_combine
-- The sets of all keys $4 as operation $5 says, up to $6 members.
SELECT CASE WHEN c.error IS NULL THEN 't' ELSE '-' END::"char",
       count(*) OVER (), coalesce(c.long_member, c.member)
  FROM respgres.combine_sets($1::int4, $4::bytea[], $5::text::"char",
                             $6::int8) c
 WHERE $2::int2 IS NOT NULL AND $3::bytea IS NOT NULL

-- name: set_count_common
-- An error, or in how many members the sets of all keys $4 agree, counting up
-- to $5.
SELECT min(c.error), count(*)
  FROM respgres.combine_sets($1::int4, $4::bytea[], 'i', $5::int8) c
 WHERE $2::int2 IS NOT NULL AND $3::bytea IS NOT NULL

-- name: set_store
-- write
SELECT s.error, s.stored
  FROM respgres.store_combined_sets($1::int4, $2::int2, $3::bytea,
                                    $4::bytea[], $5::text::"char") s

-- name: set_move
-- write
SELECT s.error, s.done
  FROM respgres.smove($1::int4, $3::bytea, $6::bytea, $7::bytea,
                      $2::int2, $5::int2) s
 WHERE $4::int4 = $1

-- name: set_pop
-- write
SELECT p.error, p.member
  FROM respgres.spop($1::int4, $3::bytea, $4::int8, $2::int2) p

-- name: set_random
-- $4 so many members, below 0: draws that may repeat; $5 limits the rows.
SELECT k.type, count(*) OVER (), r.name
  FROM respgres.key k
  LEFT JOIN LATERAL respgres.random_members(
       k.content_slot, k.content_id, k.size,
       CASE WHEN $4::int8 < 0 THEN -$4 ELSE $4 END, $4 < 0) AS r
    ON k.type = 't'
 WHERE k.db = $1::int4 AND k.slot = $2::int2
   AND k.key = respgres.indexed($3::bytea)
   AND (k.expires_at IS NULL OR k.expires_at > respgres.now_ms())
 LIMIT $5::int8

-- name: set_scan
-- The members from hash $4 on, $5 or more of them: all of one hash value.  All
-- at once when there are up to $6 and all are integers.
SELECT k.type, l.most, f.hash::int8, f.member
  FROM respgres.key k
 CROSS JOIN LATERAL (
       SELECT CASE WHEN k.size > $6::int8 OR k.raw THEN $5::int8
                   ELSE k.size + 1 END OFFSET 0) AS l (most)
  LEFT JOIN LATERAL (
       SELECT o.hash, coalesce(o.long_member, o.member) AS member
         FROM respgres.set_member o
        WHERE o.slot = k.content_slot AND o.content_id = k.content_id
          AND o.hash >= $4::int4
        ORDER BY o.hash
        FETCH FIRST (l.most) ROWS WITH TIES) AS f
    ON true
 WHERE k.db = $1::int4 AND k.slot = $2::int2
   AND k.key = respgres.indexed($3::bytea)
   AND (k.expires_at IS NULL OR k.expires_at > respgres.now_ms())
