-- Statements of DUMP and RESTORE.  The first seven parameters of the latter are
-- alike: database, slot, key, whether to replace, time to live or expiry in
-- milliseconds, seconds of idleness or -1 - frequency.  The only row has an error
-- text or NULL.

-- name: dump_rows
-- The rows of a value, or one of the kind + when they are more than $4.
SELECT * FROM respgres.dump_rows($1::int4, $2::int2, $3::bytea, $4::int8)

-- name: restore_string
-- write
SELECT error FROM respgres.restore_key($1::int4, $2::int2, $3::bytea,
    $4::boolean, $5::int8, $6::int8, $7::int8, 's', NULL, $8::bytea, $9::int8,
    false)

-- name: restore_list
-- write
SELECT error FROM respgres.restore_list($1::int4, $2::int2, $3::bytea,
    $4::boolean, $5::int8, $6::int8, $7::int8, $8::bytea[])

-- name: restore_set
-- write
SELECT error FROM respgres.restore_set($1::int4, $2::int2, $3::bytea,
    $4::boolean, $5::int8, $6::int8, $7::int8, $8::bytea[], $9::boolean)

-- name: restore_sorted_set
-- write
SELECT error FROM respgres.restore_sorted_set($1::int4, $2::int2, $3::bytea,
    $4::boolean, $5::int8, $6::int8, $7::int8, $8::bytea[], $9::float8[])

-- name: restore_hash
-- write
SELECT error FROM respgres.restore_hash($1::int4, $2::int2, $3::bytea,
    $4::boolean, $5::int8, $6::int8, $7::int8, $8::bytea[], $9::bytea[])

-- name: restore_stream
-- write
SELECT error FROM respgres.restore_stream($1::int4, $2::int2, $3::bytea,
    $4::boolean, $5::int8, $6::int8, $7::int8, $8::int8, $9::bytea,
    $10::bytea, $11::int8, $12::bytea[], $13::int8[], $14::bytea[],
    $15::int8, $16::int8, $17::int8, $18::bytea[], $19::bytea[], $20::int8[],
    $21::int8[], $22::bytea[], $23::int8[], $24::int8[], $25::int8[],
    $26::bytea[], $27::int8[], $28::int8[])
