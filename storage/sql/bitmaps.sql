-- Statements of the bitmap commands.

-- name: bitmap_set_bit
-- write
-- Error, the bit as it was, whether the string changed.
SELECT * FROM respgres.setbit($1::int4, $3::bytea, $4::int8, $5::int4,
    $2::int2)

-- name: bitmap_get_bit
-- set: ordinal
-- One row for each live key: its type and the bit.
SELECT i.ordinal, k.type,
       respgres.bit_at(respgres.string_bytes(k.value, k.number), i.at)
  FROM unnest($1::int4[], $2::int2[], $3::bytea[], $4::int8[])
       WITH ORDINALITY AS i (db, slot, key, at, ordinal)
  JOIN respgres.key k
    ON k.db = i.db AND k.key = respgres.indexed(i.key) AND k.slot = i.slot
 WHERE k.expires_at IS NULL OR k.expires_at > (SELECT respgres.now_ms())

-- name: bitmap_count_bits
-- set: ordinal
-- One row for each live key: its type and the count of bits from $4 to $5, in
-- bits when $6.
SELECT i.ordinal, k.type,
       respgres.count_bits(respgres.string_bytes(k.value, k.number),
                           i.first, i.last, i.by_bit)
  FROM unnest($1::int4[], $2::int2[], $3::bytea[], $4::int8[], $5::int8[],
              $6::boolean[])
       WITH ORDINALITY AS i (db, slot, key, first, last, by_bit, ordinal)
  JOIN respgres.key k
    ON k.db = i.db AND k.key = respgres.indexed(i.key) AND k.slot = i.slot
 WHERE k.expires_at IS NULL OR k.expires_at > (SELECT respgres.now_ms())

-- name: bitmap_find_bit
-- set: ordinal
-- One row for each live key: its type and the place of the first bit $4 from
-- $5 to $6 (NULL: to the end and beyond), in bits when $7.
SELECT i.ordinal, k.type,
       respgres.find_bit(respgres.string_bytes(k.value, k.number),
                         i.bit_value, i.first, i.last, i.by_bit)
  FROM unnest($1::int4[], $2::int2[], $3::bytea[], $4::int4[], $5::int8[],
              $6::int8[], $7::boolean[])
       WITH ORDINALITY
       AS i (db, slot, key, bit_value, first, last, by_bit, ordinal)
  JOIN respgres.key k
    ON k.db = i.db AND k.key = respgres.indexed(i.key) AND k.slot = i.slot
 WHERE k.expires_at IS NULL OR k.expires_at > (SELECT respgres.now_ms())

-- name: bitmap_combine
-- write
-- BITOP: error, length of the result.
SELECT * FROM respgres.bitop($1::int4, $2::text, $3::bytea,
    VARIADIC $4::bytea[])

-- name: bitmap_change_fields
-- write
-- BITFIELD, its operations with ";" between them.  A row for each: error,
-- answer, whether it changed the string.
SELECT * FROM respgres.bitfield($1::int4, $3::bytea,
    string_to_array($4::text, ';'), $2::int2)

-- name: bitmap_get_fields
-- The same for operations that only read.
SELECT * FROM respgres.bitfield($1::int4, $3::bytea,
    string_to_array($4::text, ';'), $2::int2)
