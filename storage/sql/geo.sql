-- Statements of the geo commands; the others are those of sorted sets.

-- name: geo_search
-- Up to $14 members: see geo_find() for $4 to $13, the ranges as arrays' texts.
SELECT k.type, count(*) OVER (), m.member, m.score, m.distance,
       m.member_longitude, m.member_latitude
  FROM respgres.key k
  LEFT JOIN LATERAL (
       SELECT f.*
         FROM respgres.geo_find(
              k.content_slot, k.content_id, $4::text::float8[],
              $5::text::float8[], $6::float8, $7::float8, $8::float8,
              $9::float8, $10::float8, $11::int4, $12::int8, $13::boolean) f
        LIMIT $14::int8) AS m ON k.type = 'z'
 WHERE k.db = $1::int4 AND k.slot = $2::int2
   AND k.key = respgres.indexed($3::bytea)
   AND (k.expires_at IS NULL OR k.expires_at > respgres.now_ms())

-- name: geo_search_store
-- write
-- $1 to $3 the destination, $4 the source.
SELECT s.error, s.size
  FROM respgres.geosearchstore($1::int4, $2::int2, $3::bytea, $4::bytea,
       $5::text::float8[], $6::text::float8[], $7::float8, $8::float8,
       $9::float8, $10::float8, $11::float8, $12::int4, $13::int8,
       $14::boolean, $15::float8) s
