-- The live data, for people and reports.
--
-- Keys of databases from 1024 on are on their way into another (SNAPSHOT
-- RESTORE), and not there yet.

CREATE OR REPLACE VIEW respgres.keys AS
SELECT k.db,
       coalesce(k.long_key, k.key) AS key,
       CASE k.type WHEN 's' THEN 'string' WHEN 'l' THEN 'list'
                   WHEN 't' THEN 'set' WHEN 'z' THEN 'zset'
                   WHEN 'h' THEN 'hash' WHEN 'x' THEN 'stream' END AS type,
       to_timestamp(k.expires_at / 1000.0) AS expires_at,
       k.version
  FROM respgres.key k
 WHERE k.db < 1024
   AND (k.expires_at IS NULL OR k.expires_at > (SELECT respgres.now_ms()));

CREATE OR REPLACE VIEW respgres.strings AS
SELECT k.db,
       coalesce(k.long_key, k.key) AS key,
       respgres.string_bytes(k.value, k.number) AS value,
       to_timestamp(k.expires_at / 1000.0) AS expires_at
  FROM respgres.key k
 WHERE k.type = 's' AND k.db < 1024
   AND (k.expires_at IS NULL OR k.expires_at > (SELECT respgres.now_ms()));

CREATE OR REPLACE VIEW respgres.hashes AS
SELECT k.db,
       coalesce(k.long_key, k.key) AS key,
       coalesce(f.long_field, f.field) AS field,
       f.value,
       to_timestamp(LEAST(k.expires_at, f.expires_at) / 1000.0) AS expires_at
  FROM respgres.key k
  JOIN respgres.hash_field f
    ON f.slot = k.content_slot AND f.content_id = k.content_id
 WHERE k.type = 'h' AND k.db < 1024
   AND (k.expires_at IS NULL OR k.expires_at > (SELECT respgres.now_ms()))
   AND (f.expires_at IS NULL OR f.expires_at > (SELECT respgres.now_ms()));

CREATE OR REPLACE VIEW respgres.sets AS
SELECT k.db,
       coalesce(k.long_key, k.key) AS key,
       coalesce(m.long_member, m.member) AS member,
       to_timestamp(k.expires_at / 1000.0) AS expires_at
  FROM respgres.key k
  JOIN respgres.set_member m
    ON m.slot = k.content_slot AND m.content_id = k.content_id
 WHERE k.type = 't' AND k.db < 1024
   AND (k.expires_at IS NULL OR k.expires_at > (SELECT respgres.now_ms()));

-- A list's items; `index` counts from 0.
CREATE OR REPLACE VIEW respgres.lists AS
SELECT k.db,
       coalesce(k.long_key, k.key) AS key,
       i.position - k.first_position AS index,
       i.value,
       to_timestamp(k.expires_at / 1000.0) AS expires_at
  FROM respgres.key k
  JOIN respgres.list_item i
    ON i.slot = k.content_slot AND i.content_id = k.content_id
 WHERE k.type = 'l' AND k.db < 1024
   AND (k.expires_at IS NULL OR k.expires_at > (SELECT respgres.now_ms()));

-- An entry of a stream a row; the last one of a field given twice.
CREATE OR REPLACE VIEW respgres.streams AS
SELECT k.db,
       coalesce(k.long_key, k.key) AS key,
       respgres.stream_id_text(e.id) AS id,
       respgres.stream_id_time(e.id) AS added_at,
       respgres.readable_fields(e.fields) AS fields,
       -- Sorts as entries do, and finds ranges of them.
       e.id AS id_bytes
  FROM respgres.key k
  JOIN respgres.stream_entry e
    ON e.slot = k.content_slot AND e.content_id = k.content_id
 WHERE k.type = 'x' AND k.db < 1024
   AND (k.expires_at IS NULL OR k.expires_at > (SELECT respgres.now_ms()));

CREATE OR REPLACE VIEW respgres.sorted_sets AS
SELECT k.db,
       coalesce(k.long_key, k.key) AS key,
       coalesce(m.long_member, m.member) AS member,
       m.score,
       to_timestamp(k.expires_at / 1000.0) AS expires_at
  FROM respgres.key k
  JOIN respgres.sorted_set_member m
    ON m.slot = k.content_slot AND m.content_id = k.content_id
 WHERE k.type = 'z' AND k.db < 1024
   AND (k.expires_at IS NULL OR k.expires_at > (SELECT respgres.now_ms()));

-- Sessions; hashes of tokens are left out.
CREATE OR REPLACE VIEW respgres.sessions AS
SELECT s.db,
       s.id,
       respgres.readable(s.user_name) AS user_name,
       to_timestamp((s.number >> 20) / 1000.0) AS created_at,
       to_timestamp(s.accessed_at / 1000.0) AS accessed_at,
       to_timestamp(s.expires_at / 1000.0) AS expires_at,
       to_timestamp(s.absolute_at / 1000.0) AS absolute_at,
       respgres.readable(s.ip) AS ip,
       respgres.readable(s.agent) AS agent,
       respgres.readable(s.device) AS device,
       s.token_hash IS NOT NULL AS has_token,
       (SELECT jsonb_object_agg(respgres.readable(f.name),
                                respgres.readable(f.value))
          FROM unnest(s.field_names, s.field_values) AS f (name, value))
       AS fields
  FROM respgres.session s
 WHERE s.expires_at IS NULL OR s.expires_at > (SELECT respgres.now_ms());

-- Tags and how many keys have them.
CREATE OR REPLACE VIEW respgres.tags AS
SELECT t.db,
       coalesce(t.long_name, t.name) AS name,
       c.entries
  FROM respgres.tag t
 CROSS JOIN LATERAL (
       SELECT count(*) AS entries
         FROM respgres.key k
        WHERE k.tags @> ARRAY[t.id]
          AND (k.expires_at IS NULL
               OR k.expires_at > (SELECT respgres.now_ms()))) AS c
 WHERE c.entries > 0;

CREATE OR REPLACE VIEW respgres.snapshots AS
SELECT s.db, s.id, s.agent, s.name, s.parent, s.user_name,
       CASE s.kind WHEN 'k' THEN 'keys' ELSE 'data' END AS kind,
       s.meta, to_timestamp(s.created_at / 1000.0) AS created_at,
       CASE WHEN NOT s.pinned
            THEN to_timestamp(s.expires_at / 1000.0) END AS expires_at,
       s.pinned, s.key_count, s.raw_bytes, s.stored_bytes, s.language,
       encode(s.checksum, 'hex') AS checksum
  FROM respgres.snapshot s
 WHERE s.pinned OR s.expires_at IS NULL
    OR s.expires_at > (SELECT respgres.now_ms());
