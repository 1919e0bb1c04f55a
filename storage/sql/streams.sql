-- Statements of the stream commands.

-- name: stream_add
-- set: ordinal
-- write
-- repeats
-- One row for each entry: its ID, or an error.
SELECT m.ordinal, m.id, m.error
  FROM respgres.xadd_many(
       $1::int4[], $2::int2[], $3::bytea[], $4::int4[], $5::int8[], $6::int8[],
       $7::text[], $8::int8[], ($9::int8[])[1], ($10::int8[])[1]) m

-- name: stream_add_trimmed
-- set: ordinal
-- write
-- repeats
SELECT m.ordinal, m.id, m.error
  FROM respgres.xadd_many(
       $1::int4[], $2::int2[], $3::bytea[], $4::int4[], $5::int8[], $6::int8[],
       $7::text[], $8::int8[], ($9::int8[])[1], ($10::int8[])[1], true,
       $11::int8[], $12::bytea[], $13::bool[], $14::int8[]) m

-- name: stream_add_one
-- write
-- A large entry, or one that makes no stream ($10).
SELECT m.ordinal, m.id, m.error
  FROM respgres.xadd_many(
       ARRAY[$1::int4], ARRAY[$2::int2], ARRAY[$3::bytea], ARRAY[1],
       ARRAY[$4::int8], ARRAY[$5::int8], ARRAY[NULL::text], ARRAY[$7::int8],
       $8::int8, $9::int8, $10::bool, ARRAY[$11::int8], ARRAY[$12::bytea],
       ARRAY[$13::bool], ARRAY[$14::int8], $6::bytea[]) m

-- name: stream_length
-- set: ordinal
SELECT i.ordinal, k.type, k.size
  FROM unnest($1::int4[], $2::int2[], $3::bytea[]) WITH ORDINALITY
       AS i (db, slot, key, ordinal)
  JOIN respgres.key k
    ON k.db = i.db AND k.key = respgres.indexed(i.key) AND k.slot = i.slot
 WHERE k.expires_at IS NULL OR k.expires_at > (SELECT respgres.now_ms())
 ORDER BY i.ordinal

-- name: stream_range
-- Up to $6 entries (NULL: all) from $4 to $5: see commands/listing.h.
SELECT k.type, count(*) OVER (), e.id, e.fields
  FROM respgres.key k
  LEFT JOIN LATERAL (
       SELECT o.id, o.fields
         FROM respgres.stream_entry o
        WHERE o.slot = k.content_slot AND o.content_id = k.content_id
          AND o.id >= $4::bytea AND o.id <= $5::bytea
        ORDER BY o.id
        LIMIT LEAST($6::int8, $7::int8)) AS e ON true
 WHERE k.db = $1::int4 AND k.slot = $2::int2
   AND k.key = respgres.indexed($3::bytea)
   AND (k.expires_at IS NULL OR k.expires_at > respgres.now_ms())

-- name: stream_range_backwards
SELECT k.type, count(*) OVER (), e.id, e.fields
  FROM respgres.key k
  LEFT JOIN LATERAL (
       SELECT o.id, o.fields
         FROM respgres.stream_entry o
        WHERE o.slot = k.content_slot AND o.content_id = k.content_id
          AND o.id >= $4::bytea AND o.id <= $5::bytea
        ORDER BY o.id DESC
        LIMIT LEAST($6::int8, $7::int8)) AS e ON true
 WHERE k.db = $1::int4 AND k.slot = $2::int2
   AND k.key = respgres.indexed($3::bytea)
   AND (k.expires_at IS NULL OR k.expires_at > respgres.now_ms())

-- name: stream_read
-- set: ordinal
-- Of each key that is there: its type, the last ID given to an entry, and up to
-- $5 entries (NULL: all) after $4 (NULL: after that one), a row each; a row
-- without an entry where there are none.  Sessions join by nested loops, which
-- keep the order.
SELECT i.ordinal, k.type, s.last_id, e.id, e.fields
  FROM unnest($1::int4[], $2::int2[], $3::bytea[], $4::bytea[], $5::int8[])
       WITH ORDINALITY AS i (db, slot, key, after, most, ordinal)
  JOIN respgres.key k
    ON k.db = i.db AND k.key = respgres.indexed(i.key) AND k.slot = i.slot
  LEFT JOIN respgres.stream s
    ON s.slot = k.content_slot AND s.content_id = k.content_id
  LEFT JOIN LATERAL (
       SELECT o.id, o.fields
         FROM respgres.stream_entry o
        WHERE o.slot = s.slot AND o.content_id = s.content_id
          AND o.id > coalesce(i.after, s.last_id)
        ORDER BY o.id
        LIMIT i.most) AS e ON true
 WHERE k.expires_at IS NULL OR k.expires_at > (SELECT respgres.now_ms())

-- name: stream_read_all
-- set: ordinal
-- The same with the number of the key's rows.
SELECT r.ordinal, r.type, NULL::bytea, r.id, r.fields,
       count(*) OVER (PARTITION BY r.ordinal)
  FROM (SELECT i.ordinal, k.type, e.id, e.fields
          FROM unnest($1::int4[], $2::int2[], $3::bytea[], $4::bytea[],
                      $5::int8[]) WITH ORDINALITY
               AS i (db, slot, key, after, most, ordinal)
          JOIN respgres.key k
            ON k.db = i.db AND k.key = respgres.indexed(i.key)
           AND k.slot = i.slot
          LEFT JOIN LATERAL (
               SELECT o.id, o.fields
                 FROM respgres.stream_entry o
                WHERE o.slot = k.content_slot AND o.content_id = k.content_id
                  AND k.type = 'x' AND o.id > i.after
                ORDER BY o.id
                LIMIT i.most) AS e ON true
         WHERE k.expires_at IS NULL
            OR k.expires_at > (SELECT respgres.now_ms())) AS r
 ORDER BY r.ordinal, r.id

-- name: stream_look
-- set: ordinal
-- Of each key that is there: its type, its group's number or NULL, and whether
-- that has something to read.
SELECT i.ordinal, k.type, g.id,
       EXISTS (SELECT FROM respgres.stream_entry e
                WHERE e.slot = g.slot AND e.content_id = g.content_id
                  AND e.id > g.last_id)
  FROM unnest($1::int4[], $2::int2[], $3::bytea[], $4::bytea[])
       WITH ORDINALITY AS i (db, slot, key, name, ordinal)
  JOIN respgres.key k
    ON k.db = i.db AND k.key = respgres.indexed(i.key) AND k.slot = i.slot
  LEFT JOIN respgres.stream_group g
    ON g.slot = k.content_slot AND g.content_id = k.content_id
   AND g.name = respgres.indexed(i.name)
 WHERE k.expires_at IS NULL OR k.expires_at > (SELECT respgres.now_ms())
 ORDER BY i.ordinal

-- name: stream_delete
-- write
SELECT d.error, d.deleted
  FROM respgres.delete_entries($1::int4, $2::int2, $3::bytea, $4::bytea[]) d

-- name: stream_trim
-- write
SELECT t.error, t.trimmed
  FROM respgres.trim_key($1::int4, $2::int2, $3::bytea, $4::int8, $5::bytea,
                         $6::bool, $7::int8) t

-- name: stream_set_id
-- write
SELECT s.error
  FROM respgres.xsetid($1::int4, $3::bytea, $4::bytea, $5::int8, $6::bytea,
                       $2::int2) AS s (error)

-- name: stream_group_create
-- write
SELECT g.error
  FROM respgres.xgroup_create($1::int4, $3::bytea, $4::bytea, $5::text,
                              $6::bool, $7::int8, $2::int2) AS g (error)

-- name: stream_group_set_id
-- write
SELECT g.error
  FROM respgres.xgroup_setid($1::int4, $3::bytea, $4::bytea, $5::text,
                             $6::int8, $2::int2) AS g (error)

-- name: stream_group_destroy
-- write
SELECT g.error, g.destroyed::int4
  FROM respgres.xgroup_destroy($1::int4, $3::bytea, $4::bytea, $2::int2) g

-- name: stream_consumer_create
-- write
SELECT c.error, c.created::int4
  FROM respgres.xgroup_createconsumer($1::int4, $3::bytea, $4::bytea,
                                      $5::bytea, $2::int2) c

-- name: stream_consumer_delete
-- write
SELECT c.error, c.pending
  FROM respgres.xgroup_delconsumer($1::int4, $3::bytea, $4::bytea, $5::bytea,
                                   $2::int2) c

-- name: stream_group_read
-- write
SELECT 1, r.error, r.id, r.fields
  FROM respgres.read_group($1::int4, $2::int2, $3::bytea, $4::bytea, $5::bytea,
                           $6::bytea, $7::int8, $8::bool) r

-- name: stream_group_read_many
-- write
-- $4 are all keys; $2 and $3, the first one, choose the connection.
SELECT r.number, r.error, r.id, r.fields
  FROM respgres.read_group_many($1::int4, $4::bytea[], $5::bytea, $6::bytea,
                                $7::bytea[], $8::int8, $9::bool) r
 WHERE $2::int2 IS NOT NULL AND $3::bytea IS NOT NULL

-- name: stream_acknowledge
-- set: ordinal
-- write
-- repeats
-- One row for each entry: whether it was pending; NULL: the key is no stream.
SELECT m.ordinal, m.acknowledged
  FROM respgres.xack_many($1::int4[], $2::int2[], $3::bytea[], $4::int4[],
                          $5::bytea[], $6::bytea[]) m

-- name: stream_claim
-- write
SELECT c.error, c.id, CASE WHEN NOT $12::bool THEN c.fields END
  FROM respgres.xclaim($1::int4, $3::bytea, $4::bytea, $5::bytea, $6::int8,
                       $7::bytea[], $8::int8, $9::int8, $10::int8, $11::bool,
                       $12::bool, $13::bytea, $2::int2) c

-- name: stream_claim_idle
-- write
SELECT c.error, c.kind, c.id, CASE WHEN NOT $9::bool THEN c.fields END
  FROM respgres.xautoclaim($1::int4, $3::bytea, $4::bytea, $5::bytea, $6::int8,
                           $7::bytea, $8::int8, $9::bool, $2::int2) c

-- name: stream_pending_summary
-- Of the key, if it is there: its type, the group's number or NULL, the first
-- and the last pending entry; a row for each consumer that has any.
SELECT k.type, g.id,
       (SELECT p.entry_id FROM respgres.stream_pending p
         WHERE p.slot = g.slot AND p.group_id = g.id
         ORDER BY p.entry_id LIMIT 1),
       (SELECT p.entry_id FROM respgres.stream_pending p
         WHERE p.slot = g.slot AND p.group_id = g.id
         ORDER BY p.entry_id DESC LIMIT 1),
       coalesce(c.long_name, c.name), c.pending
  FROM respgres.key k
  LEFT JOIN respgres.stream_group g
    ON g.slot = k.content_slot AND g.content_id = k.content_id
   AND g.name = respgres.indexed($4::bytea)
  LEFT JOIN respgres.stream_consumer c
    ON c.slot = g.slot AND c.group_id = g.id AND c.pending > 0
 WHERE k.db = $1::int4 AND k.slot = $2::int2
   AND k.key = respgres.indexed($3::bytea)
   AND (k.expires_at IS NULL OR k.expires_at > respgres.now_ms())
 ORDER BY c.name

-- name: stream_pending_range
-- Up to $7 pending entries from $5 to $6, of the consumer $8 (NULL: of all),
-- idle for at least $9 milliseconds; no rows when there is no such group: see
-- commands/listing.h.
SELECT k.type, count(*) OVER (), p.entry_id, p.name, p.idle, p.deliveries
  FROM respgres.key k
 CROSS JOIN (SELECT respgres.now_ms()) AS n (now)
  LEFT JOIN respgres.stream_group g
    ON g.slot = k.content_slot AND g.content_id = k.content_id
   AND g.name = respgres.indexed($4::bytea)
  LEFT JOIN LATERAL (
       SELECT * FROM (
           SELECT o.entry_id, coalesce(c.long_name, c.name) AS name,
                  GREATEST(n.now - o.delivered_at, 0) AS idle, o.deliveries
             FROM respgres.stream_pending o
             JOIN respgres.stream_consumer c
               ON c.slot = o.slot AND c.group_id = o.group_id
              AND c.id = o.consumer_id
            WHERE $8::bytea IS NULL AND o.slot = g.slot AND o.group_id = g.id
              AND o.entry_id >= $5::bytea AND o.entry_id <= $6::bytea
              AND ($9::int8 <= 0 OR n.now - o.delivered_at >= $9::int8)
            ORDER BY o.entry_id
            LIMIT LEAST($7::int8, $10::int8)) AS everybodys
       UNION ALL
       SELECT * FROM (
           SELECT o.entry_id, coalesce(c.long_name, c.name),
                  GREATEST(n.now - o.delivered_at, 0), o.deliveries
             FROM respgres.stream_consumer c
             JOIN respgres.stream_pending o
               ON o.slot = c.slot AND o.group_id = c.group_id
              AND o.consumer_id = c.id
            WHERE c.slot = g.slot AND c.group_id = g.id
              AND c.name = respgres.indexed($8::bytea)
              AND o.entry_id >= $5::bytea AND o.entry_id <= $6::bytea
              AND ($9::int8 <= 0 OR n.now - o.delivered_at >= $9::int8)
            ORDER BY o.entry_id
            LIMIT LEAST($7::int8, $10::int8)) AS one_consumers) AS p ON true
 WHERE k.db = $1::int4 AND k.slot = $2::int2
   AND k.key = respgres.indexed($3::bytea)
   AND (k.expires_at IS NULL OR k.expires_at > n.now)
   AND (k.type <> 'x' OR g.id IS NOT NULL)

-- name: stream_groups
-- Of the key, if it is there: its type, and a row for each group.
SELECT k.type, coalesce(g.long_name, g.name), c.count, c.pending, g.last_id,
       g.entries_read, respgres.stream_lag(s, k.size, g.last_id, g.entries_read)
  FROM respgres.key k
  LEFT JOIN respgres.stream s
    ON s.slot = k.content_slot AND s.content_id = k.content_id
  LEFT JOIN respgres.stream_group g
    ON g.slot = s.slot AND g.content_id = s.content_id
  LEFT JOIN LATERAL (
       SELECT count(*), coalesce(sum(o.pending), 0)::int8
         FROM respgres.stream_consumer o
        WHERE o.slot = g.slot AND o.group_id = g.id) AS c (count, pending)
    ON true
 WHERE k.db = $1::int4 AND k.slot = $2::int2
   AND k.key = respgres.indexed($3::bytea)
   AND (k.expires_at IS NULL OR k.expires_at > respgres.now_ms())
 ORDER BY g.name

-- name: stream_consumers
-- Of the key, if it is there: its type, the group's number or NULL, and a row
-- for each consumer.
SELECT k.type, g.id, coalesce(c.long_name, c.name), c.pending,
       GREATEST(n.now - c.seen_at, 0)
  FROM respgres.key k
 CROSS JOIN (SELECT respgres.now_ms()) AS n (now)
  LEFT JOIN respgres.stream_group g
    ON g.slot = k.content_slot AND g.content_id = k.content_id
   AND g.name = respgres.indexed($4::bytea)
  LEFT JOIN respgres.stream_consumer c
    ON c.slot = g.slot AND c.group_id = g.id
 WHERE k.db = $1::int4 AND k.slot = $2::int2
   AND k.key = respgres.indexed($3::bytea)
   AND (k.expires_at IS NULL OR k.expires_at > n.now)
 ORDER BY c.name

-- name: stream_info
SELECT k.type, k.size,
       CASE WHEN k.size > 0 THEN s.tail_node - s.head_node + 1 ELSE 0 END,
       s.last_id, s.max_deleted_id, s.entries_added, s.first_id,
       (SELECT count(*) FROM respgres.stream_group g
         WHERE g.slot = s.slot AND g.content_id = s.content_id),
       f.id, f.fields, l.id, l.fields
  FROM respgres.key k
  LEFT JOIN respgres.stream s
    ON s.slot = k.content_slot AND s.content_id = k.content_id
  LEFT JOIN respgres.stream_entry f
    ON f.slot = s.slot AND f.content_id = s.content_id AND f.id = s.first_id
  LEFT JOIN LATERAL (
       SELECT o.id, o.fields FROM respgres.stream_entry o
        WHERE o.slot = s.slot AND o.content_id = s.content_id
        ORDER BY o.id DESC LIMIT 1) AS l ON true
 WHERE k.db = $1::int4 AND k.slot = $2::int2
   AND k.key = respgres.indexed($3::bytea)
   AND (k.expires_at IS NULL OR k.expires_at > respgres.now_ms())

-- name: stream_info_full
SELECT a.kind, a.id, a.fields, a.name, a.other_id, a.n1, a.n2, a.n3, a.n4
  FROM respgres.stream_all($1::int4, $2::int2, $3::bytea, $4::int8) a
