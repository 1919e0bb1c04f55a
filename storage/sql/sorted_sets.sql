-- Statements of the commands on sorted sets.

-- name: sorted_set_add
-- set: ordinal
-- write
-- repeats
-- distinct: 5
-- One row for each member: see zadd_many(); a state of NULL: the key is no
-- sorted set.
SELECT m.ordinal, m.state, m.score
  FROM respgres.zadd_many($1::int4[], $2::int2[], $3::bytea[], $4::int4[],
                          $5::bytea[], $6::float8[], $7::int4[]) m

-- name: sorted_set_add_repeated
-- write
-- Members that repeat: $4 as an array, $5 the scores as an array's text.
SELECT z.error, z.added, z.changed
  FROM respgres.zadd_repeated($1::int4, $2::int2, $3::bytea, $4::bytea[],
                              $5::text::float8[], $6::int4) z

-- name: sorted_set_remove
-- set: ordinal
-- write
-- repeats
-- distinct: 5
SELECT m.ordinal, m.removed
  FROM respgres.zrem_many($1::int4[], $2::int2[], $3::bytea[], $4::int4[],
                          $5::bytea[]) m

-- name: sorted_set_score
-- set: ordinal
-- One row for each key that is there: its type, and the member's score or
-- NULL.  With LIMIT the look-up is planned by itself, and uses the whole index
-- whatever statistics say about the size of sets.
SELECT i.ordinal, k.type, m.score
  FROM unnest($1::int4[], $2::int2[], $3::bytea[], $4::bytea[])
       WITH ORDINALITY AS i (db, slot, key, member, ordinal)
  JOIN respgres.key k
    ON k.db = i.db AND k.key = respgres.indexed(i.key) AND k.slot = i.slot
  LEFT JOIN LATERAL (
       SELECT o.score, o.member
         FROM respgres.sorted_set_member o
        WHERE o.slot = k.content_slot AND o.content_id = k.content_id
          AND o.hash = respgres.element_hash(i.member)
          AND o.member = respgres.indexed(i.member)
        LIMIT 1) AS m ON true
 WHERE k.expires_at IS NULL OR k.expires_at > (SELECT respgres.now_ms())
 ORDER BY i.ordinal

-- name: sorted_set_rank
-- set: ordinal
-- The same with the member's rank, and the set's size.
SELECT i.ordinal, k.type,
       CASE WHEN m.score IS NOT NULL
            THEN respgres.sorted_set_rank(k.content_slot, k.content_id,
                                          k.size, m.score, m.member) END,
       k.size
  FROM unnest($1::int4[], $2::int2[], $3::bytea[], $4::bytea[])
       WITH ORDINALITY AS i (db, slot, key, member, ordinal)
  JOIN respgres.key k
    ON k.db = i.db AND k.key = respgres.indexed(i.key) AND k.slot = i.slot
  LEFT JOIN LATERAL (
       SELECT o.score, o.member
         FROM respgres.sorted_set_member o
        WHERE o.slot = k.content_slot AND o.content_id = k.content_id
          AND o.hash = respgres.element_hash(i.member)
          AND o.member = respgres.indexed(i.member)
        LIMIT 1) AS m ON true
 WHERE k.expires_at IS NULL OR k.expires_at > (SELECT respgres.now_ms())
 ORDER BY i.ordinal

-- name: sorted_set_size
-- set: ordinal
SELECT i.ordinal, k.type, k.size
  FROM unnest($1::int4[], $2::int2[], $3::bytea[]) WITH ORDINALITY
       AS i (db, slot, key, ordinal)
  JOIN respgres.key k
    ON k.db = i.db AND k.key = respgres.indexed(i.key) AND k.slot = i.slot
 WHERE k.expires_at IS NULL OR k.expires_at > (SELECT respgres.now_ms())
 ORDER BY i.ordinal

-- name: sorted_set_count
-- How many members a range holds; $4 to $7 as in sorted_set_window().
SELECT k.type,
       CASE WHEN k.type = 'z' AND w.low IS NOT NULL THEN greatest(0,
            respgres.sorted_set_rank(k.content_slot, k.content_id, k.size,
                                     w.high, w.high_member)
            - respgres.sorted_set_rank(k.content_slot, k.content_id, k.size,
                                       w.low, w.low_member)) ELSE 0 END
  FROM respgres.key k
 CROSS JOIN LATERAL respgres.sorted_set_window(
       k.content_slot, k.content_id, k.size, false, NULL, NULL,
       $4::float8, $5::bytea,
       $6::float8, $7::bytea, NULL, NULL) w
 WHERE k.db = $1::int4 AND k.slot = $2::int2
   AND k.key = respgres.indexed($3::bytea)
   AND (k.expires_at IS NULL OR k.expires_at > respgres.now_ms())

-- name: sorted_set_range
-- Up to $12 members of a window ($4 to $11, as in sorted_set_window()): see
-- commands/listing.h.
SELECT k.type, count(*) OVER (), m.member, m.score
  FROM respgres.key k
  LEFT JOIN LATERAL respgres.sorted_set_window(
       k.content_slot, k.content_id, k.size, false, $4::int8, $5::int8,
       $6::float8, $7::bytea, $8::float8, $9::bytea, $10::int8, $11::int8) w
    ON k.type = 'z'
  LEFT JOIN LATERAL (
       SELECT coalesce(o.long_member, o.member) AS member, o.score
         FROM respgres.sorted_set_member o
        WHERE o.slot = k.content_slot AND o.content_id = k.content_id
          AND o.slot >= 0
          AND ROW(o.score, o.member) >= ROW(w.low, w.low_member)
          AND ROW(o.score, o.member) < ROW(w.high, w.high_member)
        ORDER BY o.score, o.member
       OFFSET w.skip LIMIT LEAST(w.count, $12::int8)) AS m ON true
 WHERE k.db = $1::int4 AND k.slot = $2::int2
   AND k.key = respgres.indexed($3::bytea)
   AND (k.expires_at IS NULL OR k.expires_at > respgres.now_ms())

-- name: sorted_set_range_backwards
-- The same from the end.
SELECT k.type, count(*) OVER (), m.member, m.score
  FROM respgres.key k
  LEFT JOIN LATERAL respgres.sorted_set_window(
       k.content_slot, k.content_id, k.size, true, $4::int8, $5::int8,
       $6::float8, $7::bytea, $8::float8, $9::bytea, $10::int8, $11::int8) w
    ON k.type = 'z'
  LEFT JOIN LATERAL (
       SELECT coalesce(o.long_member, o.member) AS member, o.score
         FROM respgres.sorted_set_member o
        WHERE o.slot = k.content_slot AND o.content_id = k.content_id
          AND o.slot >= 0
          AND ROW(o.score, o.member) >= ROW(w.low, w.low_member)
          AND ROW(o.score, o.member) < ROW(w.high, w.high_member)
        ORDER BY o.score DESC, o.member DESC
       OFFSET w.skip LIMIT LEAST(w.count, $12::int8)) AS m ON true
 WHERE k.db = $1::int4 AND k.slot = $2::int2
   AND k.key = respgres.indexed($3::bytea)
   AND (k.expires_at IS NULL OR k.expires_at > respgres.now_ms())

-- name: sorted_set_store_range
-- write
-- $1 to $3 the destination, $4 the source, $5 whether from the end, $6 to $13
-- the window.
SELECT s.error, s.size
  FROM respgres.zrangestore($1::int4, $2::int2, $3::bytea, $4::bytea,
       $5::boolean, $6::int8, $7::int8, $8::float8, $9::bytea, $10::float8,
       $11::bytea, $12::int8, $13::int8) s

-- name: sorted_set_remove_range
-- write
SELECT s.error, s.removed
  FROM respgres.zremrange($1::int4, $2::int2, $3::bytea, $4::int8, $5::int8,
       $6::float8, $7::bytea, $8::float8, $9::bytea) s

-- name: sorted_set_pop
-- write
-- One row for each member, or one with an error.
SELECT p.error, p.member, p.score
  FROM respgres.zpop($1::int4, $2::int2, $3::bytea, $4::boolean, $5::int8) p

-- name: sorted_set_pop_first
-- write
-- From the first of the keys $4 that there is; its number, from 1.
SELECT p.error, p.member, p.score, p.key_number
  FROM respgres.zpop_first($1::int4, $4::bytea[], $5::boolean, $6::int8) p
 WHERE $2::int2 IS NOT NULL AND $3::bytea IS NOT NULL

-- name: sorted_set_random
-- $4 members, up to $5: see random_sorted_set_members().
SELECT k.type, count(*) OVER (), m.member, m.score
  FROM respgres.key k
  LEFT JOIN LATERAL respgres.random_sorted_set_members(
       k.content_slot, k.content_id, k.size, $4::int8, $5::int8) m
    ON k.type = 'z'
 WHERE k.db = $1::int4 AND k.slot = $2::int2
   AND k.key = respgres.indexed($3::bytea)
   AND (k.expires_at IS NULL OR k.expires_at > respgres.now_ms())

-- name: sorted_set_scan
-- The members from hash $4 on, $5 or more of them: all of one hash value.  All
-- at once when there are up to $6, none longer than $7 bytes.
SELECT k.type, l.most, m.hash::int8, m.member, m.score
  FROM respgres.key k
 CROSS JOIN LATERAL (
       SELECT CASE WHEN k.size <= $6::int8 AND NOT EXISTS (
                        SELECT FROM respgres.sorted_set_member o
                         WHERE o.slot = k.content_slot
                           AND o.content_id = k.content_id
                           AND octet_length(o.member) > $7::int8)
                   THEN k.size + 1 ELSE $5::int8 END OFFSET 0) AS l (most)
  LEFT JOIN LATERAL (
       SELECT o.hash, coalesce(o.long_member, o.member) AS member, o.score
         FROM respgres.sorted_set_member o
        WHERE o.slot = k.content_slot AND o.content_id = k.content_id
          AND o.hash >= $4::int4
        ORDER BY o.hash
        FETCH FIRST (l.most) ROWS WITH TIES) AS m
    ON true
 WHERE k.db = $1::int4 AND k.slot = $2::int2
   AND k.key = respgres.indexed($3::bytea)
   AND (k.expires_at IS NULL OR k.expires_at > respgres.now_ms())

-- name: sorted_set_combine
-- Up to $8 members of what operation $4 makes of the keys $5, with the weights
-- $6 (an array's text) and the aggregate $7, in order.
SELECT coalesce(w.type, 'z'), count(*) OVER (), m.member, m.score
  FROM (SELECT respgres.wrong_operand($1::int4, $5::bytea[])) AS w (type)
  LEFT JOIN LATERAL (
       SELECT coalesce(c.long_member, c.member) AS member, c.score
         FROM respgres.combine_sorted_sets(
              $4::text, $1::int4, $5::bytea[], $6::text::float8[],
              $7::text) c
        ORDER BY c.score, c.member
        LIMIT $8::int8) AS m ON w.type IS NULL
 WHERE $2::int2 IS NOT NULL AND $3::bytea IS NOT NULL

-- name: sorted_set_combine_count
-- How many members the keys $4 have in common, up to $5 (NULL: all).
SELECT w.type, CASE WHEN w.type IS NULL THEN (
           SELECT count(*)
             FROM respgres.combine_sorted_sets(
                  'inter', $1::int4, $4::bytea[], NULL, 'MIN', $5::int8) c) END
  FROM (SELECT respgres.wrong_operand($1::int4, $4::bytea[])) AS w (type)
 WHERE $2::int2 IS NOT NULL AND $3::bytea IS NOT NULL

-- name: sorted_set_store_combination
-- write
-- $1 to $3 the destination.
SELECT s.error, s.size
  FROM respgres.store_combination($4::text, $1::int4, $2::int2, $3::bytea,
       $5::bytea[], $6::text::float8[], $7::text) s
