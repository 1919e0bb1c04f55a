-- Statements of SORT and SORT_RO.

-- name: sort_list
-- As listing.h wants it: the type is l when all is well, n when weights are no
-- numbers, and s when the key holds what cannot be sorted.  $4 BY, $5 GET, $6
-- and $7 LIMIT, $8 DESC, $9 ALPHA, $10 whether sets always have an order.
SELECT CASE WHEN r.error IS NULL THEN 'l'
            WHEN r.error = respgres.wrong_type() THEN 's'
            ELSE 'n' END::"char",
       r.total, r.place, r.value
  FROM respgres.sort_rows($1::int4, $2::int2, $3::bytea, $4::bytea,
                          $5::bytea[], $6::int8, $7::int8, $8::boolean,
                          $9::boolean, $10::boolean, $11::int8) r

-- name: sort_store
-- write
-- From key $3 to key $6; $7 BY, $8 GET, $9 and $10 LIMIT, $11 DESC, $12 ALPHA.
SELECT s.error, s.length
  FROM respgres.sort_store($1::int4, $3::bytea, $6::bytea, $7::bytea,
                           $8::bytea[], $9::int8, $10::int8, $11::boolean,
                           $12::boolean, $2::int2, $5::int2) s
 WHERE $4::int4 = $1::int4
