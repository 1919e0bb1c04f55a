-- Statements of SESSION.  Sessions are keyed by id, as keys are by name; ids are
-- short enough for an index.

-- name: session_get
-- set: match
-- single: session_get_one
-- One row for each live session, as commands/sessions_reply.c reads it.
SELECT s.id, NULL::bytea, s.user_name, s.number >> 20, s.accessed_at,
       s.expires_at, s.absolute_at, s.ttl_ms, s.ip, s.agent, s.device,
       s.field_names, s.field_values
  FROM respgres.session s
 WHERE s.db = $1::int4 AND s.id = ANY ($2::bytea[])
   AND (s.expires_at IS NULL OR s.expires_at > (SELECT respgres.now_ms()))

-- name: session_get_one
SELECT NULL::bytea, NULL::bytea, s.user_name, s.number >> 20, s.accessed_at,
       s.expires_at, s.absolute_at, s.ttl_ms, s.ip, s.agent, s.device,
       s.field_names, s.field_values
  FROM respgres.session s
 WHERE s.db = $1::int4 AND s.slot = $2::int2 AND s.id = $3::bytea
   AND (s.expires_at IS NULL OR s.expires_at > respgres.now_ms())

-- name: session_by_token
-- set: ordinal
-- $3 is the token's hash.
SELECT i.ordinal, s.id, s.user_name, s.number >> 20, s.accessed_at,
       s.expires_at, s.absolute_at, s.ttl_ms, s.ip, s.agent, s.device,
       s.field_names, s.field_values, s.token_hash
  FROM unnest($1::int4[], $2::int2[], $3::bytea[]) WITH ORDINALITY
       AS i (db, slot, token_hash, ordinal)
  JOIN respgres.session s ON s.db = i.db AND s.token_hash = i.token_hash
 WHERE s.expires_at IS NULL OR s.expires_at > (SELECT respgres.now_ms())
 ORDER BY i.ordinal

-- name: session_exists
-- set: match
-- single: session_exists_one
SELECT s.id
  FROM respgres.session s
 WHERE s.db = $1::int4 AND s.id = ANY ($2::bytea[])
   AND (s.expires_at IS NULL OR s.expires_at > (SELECT respgres.now_ms()))

-- name: session_exists_one
SELECT NULL::bytea
  FROM respgres.session s
 WHERE s.db = $1::int4 AND s.slot = $2::int2 AND s.id = $3::bytea
   AND (s.expires_at IS NULL OR s.expires_at > respgres.now_ms())

-- name: session_touch
-- set: ordinal
-- single: session_touch_one
-- write
-- One row for each session that is there.
WITH touched AS (
    UPDATE respgres.session AS s
       SET accessed_at = greatest(s.accessed_at, n.now),
           active_at = CASE WHEN n.now - s.active_at < 60000
                            THEN s.active_at ELSE n.now END,
           expires_at = greatest(s.expires_at,
                                 LEAST(n.now + s.ttl_ms, s.absolute_at))
      FROM unnest($1::int4[], $2::int2[], $3::bytea[]) WITH ORDINALITY
           AS i (db, slot, id, ordinal)
     CROSS JOIN (SELECT respgres.now_ms()) AS n (now)
     WHERE s.db = i.db AND s.id = i.id AND s.slot = i.slot
       AND (s.expires_at IS NULL OR s.expires_at > n.now)
    RETURNING i.ordinal, s.db, s.number, s.active_at, n.now
), moved AS (
    UPDATE respgres.session_activity AS a SET active_at = t.active_at
      FROM touched t
     WHERE t.active_at = t.now AND a.db = t.db AND a.number = t.number
)
SELECT t.ordinal FROM touched t ORDER BY t.ordinal

-- name: session_touch_one
-- write
WITH touched AS (
    UPDATE respgres.session AS s
       SET accessed_at = greatest(s.accessed_at, n.now),
           active_at = CASE WHEN n.now - s.active_at < 60000
                            THEN s.active_at ELSE n.now END,
           expires_at = greatest(s.expires_at,
                                 LEAST(n.now + s.ttl_ms, s.absolute_at))
      FROM (SELECT respgres.now_ms()) AS n (now)
     WHERE s.db = $1::int4 AND s.slot = $2::int2 AND s.id = $3::bytea
       AND (s.expires_at IS NULL OR s.expires_at > n.now)
    RETURNING s.db, s.number, s.active_at, n.now
), moved AS (
    UPDATE respgres.session_activity AS a SET active_at = t.active_at
      FROM touched t
     WHERE t.active_at = t.now AND a.db = t.db AND a.number = t.number
)
SELECT 1::int8 FROM touched t

-- name: session_get_touch
-- set: ordinal
-- write
-- Both at once.
WITH touched AS (
    UPDATE respgres.session AS s
       SET accessed_at = greatest(s.accessed_at, n.now),
           active_at = CASE WHEN n.now - s.active_at < 60000
                            THEN s.active_at ELSE n.now END,
           expires_at = greatest(s.expires_at,
                                 LEAST(n.now + s.ttl_ms, s.absolute_at))
      FROM unnest($1::int4[], $2::int2[], $3::bytea[]) WITH ORDINALITY
           AS i (db, slot, id, ordinal)
     CROSS JOIN (SELECT respgres.now_ms()) AS n (now)
     WHERE s.db = i.db AND s.id = i.id AND s.slot = i.slot
       AND (s.expires_at IS NULL OR s.expires_at > n.now)
    RETURNING i.ordinal, s.db, s.number, s.active_at, n.now, s.user_name,
              s.accessed_at, s.expires_at, s.absolute_at, s.ttl_ms, s.ip,
              s.agent, s.device, s.field_names, s.field_values
), moved AS (
    UPDATE respgres.session_activity AS a SET active_at = t.active_at
      FROM touched t
     WHERE t.active_at = t.now AND a.db = t.db AND a.number = t.number
)
SELECT t.ordinal, NULL::bytea, t.user_name, t.number >> 20, t.accessed_at,
       t.expires_at, t.absolute_at, t.ttl_ms, t.ip, t.agent, t.device,
       t.field_names, t.field_values
  FROM touched t
 ORDER BY t.ordinal

-- name: session_set
-- set: ordinal
-- write
-- An element for each field, $4 its name, $5 its value; a row for each whose
-- session is there.
SELECT m.ordinal
  FROM unnest(respgres.session_set_many($1::int4[], $2::int2[], $3::bytea[],
                                        $4::bytea[], $5::bytea[]))
       AS m (ordinal)

-- name: session_extend
-- set: ordinal
-- write
-- Milliseconds that each session has left, or NULL: without end.
WITH extended AS (
    UPDATE respgres.session AS s
       SET expires_at = LEAST(s.expires_at + i.ms, s.absolute_at)
      FROM unnest($1::int4[], $2::int2[], $3::bytea[], $4::int8[])
           WITH ORDINALITY AS i (db, slot, id, ms, ordinal)
     CROSS JOIN (SELECT respgres.now_ms()) AS n (now)
     WHERE s.db = i.db AND s.id = i.id AND s.slot = i.slot
       AND (s.expires_at IS NULL OR s.expires_at > n.now)
    RETURNING i.ordinal, s.expires_at - n.now
)
SELECT * FROM extended e ORDER BY e.ordinal

-- name: session_delete
-- set: ordinal
-- write
SELECT m.ordinal
  FROM unnest(respgres.session_end($1::int4[], $2::int2[], $3::bytea[], 'd'))
       AS m (ordinal)

-- name: session_unset
-- write
SELECT respgres.session_unset_at($1::int4, $2::int2, $3::bytea, $4::bytea[])

-- name: session_create
-- write
-- $4 user, $5 time to live and $6 absolute one in milliseconds, $7 token's hash,
-- $8 address, $9 agent, $10 device, $11 fields, $12 values, $13 how many the
-- user may have, $14 whether to evict.
SELECT c.error, c.evicted
  FROM respgres.session_create_at(
       $1::int4, $2::int2, $3::bytea, $4::bytea, $5::int8, $6::int8,
       $7::bytea, $8::bytea, $9::bytea, $10::bytea, $11::bytea[],
       $12::bytea[], $13::int8, $14::boolean) c

-- name: session_rotate
-- write
-- $4 slot of the new id, $5 the new id, $6 hash of the new token, $7 whether it
-- gets one in any case.
SELECT r.error, r.is_there, r.tokened
  FROM respgres.session_rotate_at(
       $1::int4, $2::int2, $3::bytea, $4::int4::int2, $5::bytea, $6::bytea,
       $7::boolean) r

-- name: session_list
-- The filters: $1 database, $2 user, $3 accessed in the last, $4 not accessed in
-- the last milliseconds, $5 address, $6 created since (milliseconds), $7 field,
-- $8 its value.  Then $9 the cursor and $10 how many.
SELECT s.number, s.id, s.user_name, s.number >> 20, s.accessed_at,
       s.expires_at, s.absolute_at, s.ttl_ms, s.ip, s.agent, s.device,
       s.field_names, s.field_values
  FROM respgres.session_find(
       $1::int4, $2::bytea, $3::int8, $4::int8, $5::bytea, $6::int8,
       $7::bytea, $8::bytea, $9::int8, $10::int8) s

-- name: session_count
SELECT respgres.session_count_of(
       $1::int4, $2::bytea, $3::int8, $4::int8, $5::bytea, $6::int8,
       $7::bytea, $8::bytea)

-- name: session_count_by
-- $9 the column, $10 how many of its values.
SELECT c.label, c.count
  FROM respgres.session_count_by(
       $1::int4, $2::bytea, $3::int8, $4::int8, $5::bytea, $6::int8,
       $7::bytea, $8::bytea, $9::text, $10::int8) c

-- name: session_bulk_delete
-- write
-- $9 ids to leave, $10 where to go on, $11 how many, $12 why.
SELECT e.ended, e.last
  FROM respgres.session_end_found(
       $1::int4, $2::bytea, $3::int8, $4::int8, $5::bytea, $6::int8,
       $7::bytea, $8::bytea, $9::bytea[], $10::int8, $11::int8,
       $12::text::"char") e

-- name: session_analytics
-- $2 window in milliseconds, $3 how many labels of each kind.
SELECT a.section, a.label, a.count, a.second
  FROM respgres.session_analyze($1::int4, $2::int8, $3::int8) a

-- name: session_events
-- write
SELECT respgres.session_events($1::int4, $2::boolean)
