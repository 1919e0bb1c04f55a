-- Statements of the family SNAPSHOT.  Where a result is printed as a map its
-- columns are the fields, and a first column "error" is none of them.

-- name: snapshot_begin
SELECT b.error, b.base_chunks
  FROM respgres.snapshot_begin($1::int4, $2::"char", $3::bytea, $4::text,
       $5::bytea, $6::text) b

-- name: snapshot_known_chunks
-- write
SELECT k FROM respgres.snapshot_known_chunks($1::bytea[], $2::bool) k

-- name: snapshot_read_chunks
SELECT c.hash, c.raw_size, c.codec, c.depth, c.data, c.base, c.refs
  FROM respgres.snapshot_read_chunks($1::bytea[]) c

-- name: snapshot_put_chunks
-- write
SELECT p.error, p.stored
  FROM respgres.snapshot_put_chunks($1::bytea[], $2::int8[], $3::int8[],
       $4::int8[], $5::bytea[], $6::bytea[], $7::bytea[], $8::bool) p

-- name: snapshot_add
-- write
SELECT a.error, a.id
  FROM respgres.snapshot_add($1::int4, $2::"char", $3::bytea, $4::bytea,
       $5::text, $6::bytea, $7::bytea, $8::int8, $9::bool, $10::text,
       $11::bytea[], $12::int8, $13::int8, $14::int8, $15::int8, $16::bytea,
       $17::bytea, $18::bytea) a

-- name: snapshot_capture
-- The rows of all keys of database $1 from $2[i] on and below $3[i], in that
-- order, that are like one of $4: one statement, so of one point in time.
SELECT d.kind, d.owner, d.name, d.value, d.number, d.count, d.score, d.fields,
       k.key, k.type, k.expires_at, (SELECT respgres.now_ms())
  FROM (SELECT r.first, r.past
          FROM unnest($2::bytea[], $3::bytea[]) AS r (first, past)) AS r
  CROSS JOIN LATERAL (
       SELECT coalesce(o.long_key, o.key) AS key, o.slot, o.type, o.expires_at
         FROM respgres.key o
        WHERE o.db = $1::int4 AND o.key >= r.first AND o.key < r.past
          AND (o.expires_at IS NULL OR o.expires_at > (SELECT respgres.now_ms()))
          AND coalesce(o.long_key, o.key) LIKE ANY ($4::bytea[])
        ORDER BY o.key, o.slot) AS k
  CROSS JOIN LATERAL respgres.dump_rows($1::int4, k.slot, k.key, NULL) d

-- name: snapshot_find
-- What a snapshot's handlers need to know, and its facts.
SELECT s.kind, s.chunks, s.checksum, s.created_at, s.agent, f.*
  FROM respgres.snapshot_find($1::int4, $2::text) s
  CROSS JOIN LATERAL respgres.snapshot_facts(s) f

-- name: snapshot_export
SELECT s.kind, s.chunks, s.checksum, s.created_at, s.agent, s.name,
       s.user_name, s.meta::text, s.language, s.patterns, s.key_count,
       s.search_text
  FROM respgres.snapshot_find($1::int4, $2::text) s

-- name: snapshot_list
SELECT f.*
  FROM respgres.snapshot_list($1::int4, $2::bytea, $3::bytea, $4::bytea,
       $5::int8, $6::int8, $7::bytea, $8::bytea, $9::bytea, $10::text,
       $11::int8) s
  CROSS JOIN LATERAL respgres.snapshot_facts(s) f

-- name: snapshot_tree
SELECT * FROM respgres.snapshot_tree($1::int4, $2::bytea, $3::int8, $4::int8)

-- name: snapshot_delete
-- write
SELECT respgres.snapshot_delete($1::int4, string_to_array($2::text, ','))

-- name: snapshot_pin
-- write
SELECT respgres.snapshot_pin($1::int4, string_to_array($2::text, ','), $3::bool)

-- name: snapshot_cleanup
-- write
SELECT c FROM respgres.snapshot_cleanup($1::int4, $2::bytea, $3::int8,
       $4::int8, $5::bool) c

-- name: snapshot_policy_set
-- write
SELECT respgres.snapshot_policy_set($1::int4, $2::bytea, $3::int8, $4::int8)

-- name: snapshot_policy_get
SELECT p.keep, p.older_ms / 1000 AS older
  FROM respgres.snapshot_policy p
 WHERE p.db = $1::int4 AND p.agent = $2::bytea

-- name: snapshot_fork
-- write
SELECT f.error, f.fork_id
  FROM respgres.snapshot_fork($1::int4, $2::text, $3::bytea) f

-- name: snapshot_search
SELECT f.error, f.id, f.agent_name AS agent, f.name, f.created_ms, f.rank,
       f.excerpt
  FROM respgres.snapshot_search($1::int4, $2::text, $3::bytea, $4::text,
       $5::int8) f

-- name: snapshot_stats
SELECT * FROM respgres.snapshot_stats($1::int4, $2::bytea)

-- name: snapshot_growth
SELECT * FROM respgres.snapshot_growth($1::int4, $2::bytea)

-- name: snapshot_json_at
SELECT a.error, a.part FROM respgres.json_at($1::bytea, $2::text) a

-- name: snapshot_json_difference
SELECT respgres.json_difference($1::bytea, $2::bytea)

-- name: snapshot_restore_begin
-- write
SELECT respgres.snapshot_restore_begin($1::int4)

-- name: snapshot_restore_drop
-- write
SELECT respgres.snapshot_restore_drop($1::int4)

-- name: snapshot_restore_touch
-- write
SELECT respgres.snapshot_restore_touch($1::int4)

-- name: snapshot_restore_fields
-- write
SELECT respgres.snapshot_restore_fields($1::int4, $2::int2, $3::bytea,
       $4::bytea[], $5::int8[], $6::int8)

-- name: snapshot_restore_finish
-- write
SELECT f.error, f.restored, f.replaced
  FROM respgres.snapshot_restore_finish($1::int4, $2::int4, $3::bool,
       $4::int8) f

-- name: snapshot_count_keys
SELECT respgres.snapshot_count_keys($1::int4, $2::int8[], $3::bytea[])

-- name: snapshot_is_json
SELECT respgres.try_json($1::bytea) IS NOT NULL
