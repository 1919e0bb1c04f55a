-- Statements of the HyperLogLog commands, which compute on values in the
-- program: they read, and write if nothing has changed meanwhile.

-- name: string_get_version
-- set: match
-- single: string_get_version_one
-- One row for each live key: type, bytes (NULL for a number), and what
-- identifies this content.
SELECT k.key, k.type, k.value, k.id, k.version
  FROM respgres.key k
 WHERE k.db = $1::int4 AND k.key = ANY ($2::bytea[])
   AND (k.expires_at IS NULL OR k.expires_at > (SELECT respgres.now_ms()))

-- name: string_get_version_one
SELECT NULL::bytea, k.type, k.value, k.id, k.version
  FROM respgres.key k
 WHERE k.db = $1::int4 AND k.slot = $2::int2 AND k.key = $3::bytea
   AND (k.expires_at IS NULL OR k.expires_at > respgres.now_ms())

-- name: string_replace_if_version
-- write
-- A row comes back when the content is still that of id $5 and version $6.
UPDATE respgres.key AS k
   SET value = $4::bytea, number = NULL, raw = true,
       version = k.version + 1, touched_at = respgres.now_ms() / 1000
 WHERE k.db = $1::int4 AND k.slot = $2::int2
   AND k.key = respgres.indexed($3::bytea)
   AND k.id = $5::int8 AND k.version = $6::int8
   AND (k.expires_at IS NULL OR k.expires_at > respgres.now_ms())
RETURNING true

-- name: string_create_raw
-- write
-- A row comes back when there was no such key.
INSERT INTO respgres.key AS k
       (db, slot, key, long_key, type, value, raw, touched_at)
VALUES ($1::int4, $2::int2, respgres.indexed($3::bytea),
        respgres.long($3::bytea), 's', $4::bytea, true,
        respgres.now_ms() / 1000)
    ON CONFLICT (db, key, slot) DO UPDATE
   SET id = CASE WHEN k.type = 's' THEN k.id ELSE excluded.id END,
       version = k.version + 1, type = 's', content_id = NULL,
       value = excluded.value, number = NULL, raw = true,
       expires_at = NULL, tags = NULL,
       touched_at = excluded.touched_at
 WHERE k.expires_at <= (SELECT respgres.now_ms())
RETURNING true

-- name: string_replace_if_versions
-- write
-- Replaces or creates the string at $3 when all keys in $5 still have the
-- contents that $6 and $7 name; 0: there was none.
SELECT respgres.replace_if_unchanged($1::int4, $2::int2, $3::bytea,
    $4::bytea, $5::bytea[], string_to_array($6::text, ' ')::int8[],
    string_to_array($7::text, ' ')::int8[])

-- name: hyperloglog_keep_count
-- write
-- Puts eight bytes of count into the header of an unchanged sketch.
UPDATE respgres.key AS k
   SET value = overlay(k.value PLACING $4::bytea FROM 9), raw = true,
       version = k.version + 1
 WHERE k.db = $1::int4 AND k.slot = $2::int2
   AND k.key = respgres.indexed($3::bytea)
   AND k.id = $5::int8 AND k.version = $6::int8
