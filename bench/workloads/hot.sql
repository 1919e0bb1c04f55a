-- The prepared update of one row that INCR of one hot key is compared with.
-- In hexadecimal, as pgbench would take what follows the key's colon for a
-- variable: counter:__rand_int__
UPDATE respgres.key
   SET number = number + 1, version = version + 1,
       touched_at = extract(epoch FROM now())::int4
 WHERE db = 0 AND key = '\x636f756e7465723a5f5f72616e645f696e745f5f'
RETURNING number;
