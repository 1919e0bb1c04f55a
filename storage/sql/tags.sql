-- Statements of TAG.

-- name: tag_set
-- set: all
-- write
-- $4 value or $5 number; $6 time to live in milliseconds or $7 absolute expiry,
-- or neither; $8 the tags, see respgres.tag_set_many().
SELECT respgres.tag_set_many($1::int4[], $2::int2[], $3::bytea[],
    $4::bytea[], $5::int8[], $6::int8[], $7::int8[], $8::text[])

-- name: tag_set_if
-- write
-- Error, done, previous value.
SELECT * FROM respgres.tag_set($1::int4, $3::bytea, $4::bytea, $5::bytea[],
    $6::text, $7::int8, $8::int8, $9::boolean, $10::boolean, $11::text,
    $2::int2)

-- name: tag_add
-- write
-- Error, how many tags are new; NULL: no such key.
SELECT * FROM respgres.tag_add($1::int4, $3::bytea, $4::bytea[], $2::int2)

-- name: tag_remove
-- write
SELECT * FROM respgres.tag_remove($1::int4, $3::bytea, $4::bytea[], $2::int2)

-- name: tag_of
-- set: ordinal
-- One row for each live key: whether it is stale, and its tags.
SELECT i.ordinal, coalesce(k.stale_version = k.version, false),
       ARRAY(SELECT coalesce(t.long_name, t.name)
               FROM respgres.tag t
              WHERE t.id = ANY (k.tags)
              ORDER BY t.name)
  FROM unnest($1::int4[], $2::int2[], $3::bytea[]) WITH ORDINALITY
       AS i (db, slot, key, ordinal)
  JOIN respgres.key k
    ON k.db = i.db AND k.key = respgres.indexed(i.key) AND k.slot = i.slot
 WHERE k.expires_at IS NULL OR k.expires_at > (SELECT respgres.now_ms())

-- name: tag_find
-- The first row's first column is the cursor, and the others are a key each.
SELECT f.next_cursor, f.key, f.type, f.value, f.stale
  FROM respgres.find_tagged($1::int4, $2::bytea[], $3::boolean, $4::bytea[],
       $5::int8, $6::int8, $7::boolean) f

-- name: tag_count
SELECT respgres.tag_count($1::int4, $2::bytea[], $3::boolean, $4::bytea[])

-- name: tag_lease_look
-- NULL: it takes tag_lease.  $3 is the first tag, $2 of no meaning: they choose
-- the lane.
SELECT respgres.look_lease($1::int4, $4::bytea[])
 WHERE $2::int2 IS NOT NULL AND $3::bytea IS NOT NULL

-- name: tag_lease
-- write
SELECT respgres.tag_lease($1::int4, $4::bytea[])
 WHERE $2::int2 IS NOT NULL AND $3::bytea IS NOT NULL

-- name: tag_start
-- write
-- $5 operation, $6 time to live in milliseconds, $7 how many keys are few;
-- state, count, number of the work.
SELECT state, count, work_id
  FROM respgres.start_tag_work($1::int4, $2::bytea[], $3::boolean,
       $4::bytea[], $5::text::"char", $6::int8, $7::int8)

-- name: tag_step
-- write
-- 0: nothing is left; 1: there is more; 2: the same, but somebody holds it.
SELECT respgres.step_tag_work($1::int8)

-- name: tag_names
-- Up to $4 tags from the name $2 to below $3 (NULL: to the end), in order.
SELECT t.id, coalesce(t.long_name, t.name), t.name
  FROM respgres.tag t
 WHERE t.db = $1::int4 AND t.name >= $2::bytea
   AND ($3::bytea IS NULL OR t.name < $3)
 ORDER BY t.name
 LIMIT $4::int8

-- name: tag_sizes
SELECT s.id, s.entries, s.bytes FROM respgres.tag_sizes($1::int8[]) s

-- name: tag_facts
SELECT i.entries, i.bytes, i.stale, i.tags, i.sampled, i.dead_rows,
       i.live_rows, i.unfinished, i.unfinished_ms
  FROM respgres.tag_info($1::int4) i

-- name: tag_top
SELECT t.tag, t.entries FROM respgres.tag_top($1::int4, $2::int8) t
