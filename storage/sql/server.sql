-- Statements behind INFO, DEBUG and SAVE.

-- name: keyspace_counts
SELECT db, keys, expires, average_ttl FROM respgres.keyspace_counts()

-- name: database_facts
SELECT current_setting('server_version'),
       pg_database_size(current_database()),
       current_database()::text,
       pg_is_in_recovery()

-- name: checkpoint
SELECT respgres.checkpoint()

-- name: memory_usage
SELECT u.bytes
  FROM respgres.memory_usage($1::int4, $3::bytea, $4::int8, $2::int2)
       AS u (bytes)
 WHERE u.bytes IS NOT NULL

-- name: round_trip
SELECT 1

-- name: debug_digest
SELECT respgres.digest()

-- name: debug_digest_value
SELECT left(encode(respgres.content_digest(k), 'hex'), 40)
  FROM respgres.key k
 WHERE k.db = $1::int4 AND k.slot = $2::int2
   AND k.key = respgres.indexed($3::bytea)

-- name: debug_populate
-- write
SELECT respgres.populate($1::int4, $2::bytea, $3::int8, $4::int8)
