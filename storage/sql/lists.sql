-- Statements of the list commands.

-- name: list_push_front
-- set: ordinal
-- write
-- single: list_push_front_one
-- repeats
-- One row for each element that is its command's last: the length, NULL: the
-- key is no list.
SELECT m.ordinal, m.length
  FROM respgres.push_many($1::int4[], $2::int2[], $3::bytea[], $4::int4[],
                          $5::bytea[], $6::boolean[], true, true) m

-- name: list_push_front_one
-- write
SELECT 1::int8, respgres.push_one($1::int4, $2::int2, $3::bytea, $4::bytea,
                                  true, true)
 WHERE $5::boolean

-- name: list_push_back
-- set: ordinal
-- write
-- single: list_push_back_one
-- repeats
SELECT m.ordinal, m.length
  FROM respgres.push_many($1::int4[], $2::int2[], $3::bytea[], $4::int4[],
                          $5::bytea[], $6::boolean[], false, true) m

-- name: list_push_back_one
-- write
SELECT 1::int8, respgres.push_one($1::int4, $2::int2, $3::bytea, $4::bytea,
                                  false, true)
 WHERE $5::boolean

-- name: list_push_front_existing
-- set: ordinal
-- write
-- single: list_push_front_existing_one
-- repeats
SELECT m.ordinal, m.length
  FROM respgres.push_many($1::int4[], $2::int2[], $3::bytea[], $4::int4[],
                          $5::bytea[], $6::boolean[], true, false) m

-- name: list_push_front_existing_one
-- write
SELECT 1::int8, respgres.push_one($1::int4, $2::int2, $3::bytea, $4::bytea,
                                  true, false)
 WHERE $5::boolean

-- name: list_push_back_existing
-- set: ordinal
-- write
-- single: list_push_back_existing_one
-- repeats
SELECT m.ordinal, m.length
  FROM respgres.push_many($1::int4[], $2::int2[], $3::bytea[], $4::int4[],
                          $5::bytea[], $6::boolean[], false, false) m

-- name: list_push_back_existing_one
-- write
SELECT 1::int8, respgres.push_one($1::int4, $2::int2, $3::bytea, $4::bytea,
                                  false, false)
 WHERE $5::boolean

-- name: list_pop_front
-- set: ordinal
-- write
-- single: list_pop_front_one
-- repeats
-- No row: nothing there; NULL: the key is no list.
SELECT m.ordinal, m.value
  FROM respgres.pop_many($1::int4[], $2::int2[], $3::bytea[], $4::int4[],
                         true) m

-- name: list_pop_front_one
-- write
SELECT 1::int8, p.value
  FROM respgres.pop_one($1::int4, $2::int2, $3::bytea, true) p
 WHERE p.there

-- name: list_pop_back
-- set: ordinal
-- write
-- single: list_pop_back_one
-- repeats
SELECT m.ordinal, m.value
  FROM respgres.pop_many($1::int4[], $2::int2[], $3::bytea[], $4::int4[],
                         false) m

-- name: list_pop_back_one
-- write
SELECT 1::int8, p.value
  FROM respgres.pop_one($1::int4, $2::int2, $3::bytea, false) p
 WHERE p.there

-- name: list_pop_several
-- write
-- A row for each item; one of NULL: the list is there and none was asked for.
SELECT p.error, p.value
  FROM respgres.pop($1::int4, $3::bytea, $4::boolean, $5::int8, $2::int2) p

-- name: list_length
-- set: ordinal
SELECT i.ordinal, k.type, k.size
  FROM unnest($1::int4[], $2::int2[], $3::bytea[]) WITH ORDINALITY
       AS i (db, slot, key, ordinal)
  JOIN respgres.key k
    ON k.db = i.db AND k.key = respgres.indexed(i.key) AND k.slot = i.slot
 WHERE k.expires_at IS NULL OR k.expires_at > (SELECT respgres.now_ms())
 ORDER BY i.ordinal

-- name: list_index
-- set: ordinal
SELECT i.ordinal, k.type, l.value
  FROM unnest($1::int4[], $2::int2[], $3::bytea[], $4::int8[])
       WITH ORDINALITY AS i (db, slot, key, index, ordinal)
  JOIN respgres.key k
    ON k.db = i.db AND k.key = respgres.indexed(i.key) AND k.slot = i.slot
  LEFT JOIN respgres.list_item l
    ON l.slot = k.content_slot AND l.content_id = k.content_id
   AND l.position = k.first_position
       + CASE WHEN i.index < 0 THEN k.size + i.index
              ELSE LEAST(i.index, k.size) END
 WHERE k.expires_at IS NULL OR k.expires_at > (SELECT respgres.now_ms())
 ORDER BY i.ordinal

-- name: list_range
-- Up to $6 items (NULL: all) from index $4 to $5.
SELECT k.type, GREATEST(b.high - b.low + 1, 0), l.value
  FROM respgres.key k
 CROSS JOIN LATERAL (
       SELECT k.first_position
              + GREATEST(CASE WHEN $4::int8 < 0 THEN k.size + $4::int8
                              ELSE LEAST($4::int8, k.size) END, 0),
              k.first_position
              + LEAST(CASE WHEN $5::int8 < 0 THEN k.size + $5::int8
                           ELSE $5::int8 END, k.size - 1)) AS b (low, high)
  LEFT JOIN LATERAL (
       SELECT o.value
         FROM respgres.list_item o
        WHERE o.slot = k.content_slot AND o.content_id = k.content_id
          AND o.position >= b.low AND o.position <= b.high
        ORDER BY o.slot, o.content_id, o.position
        LIMIT $6::int8) AS l ON true
 WHERE k.db = $1::int4 AND k.slot = $2::int2
   AND k.key = respgres.indexed($3::bytea)
   AND (k.expires_at IS NULL OR k.expires_at > respgres.now_ms())

-- name: list_positions
-- Indices of items equal to $4, from the $5-th match on, in order from the end
-- that its sign tells, among $6 items at the most (0: all); no more than $7 and
-- $8 of them (NULL: all).
SELECT k.type, count(*) OVER (), f.index
  FROM respgres.key k
  LEFT JOIN LATERAL (
       (SELECT l.position - k.first_position
          FROM respgres.list_item l
         WHERE l.slot = k.content_slot AND l.content_id = k.content_id
           AND $5::int8 > 0
           AND ($6::int8 = 0
                OR l.position < k.first_position + LEAST($6::int8, k.size))
           AND l.value = $4::bytea
         ORDER BY l.slot, l.content_id, l.position
        OFFSET GREATEST($5::int8 - 1, 0)
         LIMIT LEAST($7::int8, $8::int8))
        UNION ALL
       (SELECT l.position - k.first_position
          FROM respgres.list_item l
         WHERE l.slot = k.content_slot AND l.content_id = k.content_id
           AND $5::int8 < 0
           AND ($6::int8 = 0
                OR l.position >= k.first_position + k.size
                                 - LEAST($6::int8, k.size))
           AND l.value = $4::bytea
         ORDER BY l.slot DESC, l.content_id DESC, l.position DESC
        OFFSET GREATEST(-1 - $5::int8, 0)
         LIMIT LEAST($7::int8, $8::int8))
       ) AS f (index) ON true
 WHERE k.db = $1::int4 AND k.slot = $2::int2
   AND k.key = respgres.indexed($3::bytea)
   AND (k.expires_at IS NULL OR k.expires_at > respgres.now_ms())

-- name: list_set
-- write
SELECT s.error
  FROM respgres.lset($1::int4, $3::bytea, $4::int8, $5::bytea, $2::int2) s

-- name: list_insert
-- write
SELECT i.error, i.length
  FROM respgres.linsert($1::int4, $3::bytea, $4::boolean, $5::bytea,
                        $6::bytea, $2::int2) i

-- name: list_remove
-- write
SELECT r.error, r.removed
  FROM respgres.lrem($1::int4, $3::bytea, $4::int8, $5::bytea, $2::int2) r

-- name: list_trim
-- write
SELECT t.error
  FROM respgres.ltrim($1::int4, $3::bytea, $4::int8, $5::int8, $2::int2) t

-- name: list_move
-- write
-- The value, and whether there was a list to take from.
SELECT m.error, m.value, m.taken
  FROM respgres.lmove($1::int4, $3::bytea, $6::bytea, $7::boolean,
                      $8::boolean, $2::int2, $5::int2) m
 WHERE $4::int4 = $1::int4

-- name: list_pop_first
-- write
-- From the first of the lists $2 that is there: see respgres.lmpop().
SELECT p.error, p.of_key, p.value
  FROM respgres.lmpop($1::int4, $2::bytea[], $3::boolean, $4::int8) p
