-- Ten random keys in ascending order, one from each tenth of the keys: no key
-- comes twice in a statement, and transactions cannot deadlock.
\set n0 random(:keys / 10 * 0, :keys / 10 * 1 - 1)
\set n1 random(:keys / 10 * 1, :keys / 10 * 2 - 1)
\set n2 random(:keys / 10 * 2, :keys / 10 * 3 - 1)
\set n3 random(:keys / 10 * 3, :keys / 10 * 4 - 1)
\set n4 random(:keys / 10 * 4, :keys / 10 * 5 - 1)
\set n5 random(:keys / 10 * 5, :keys / 10 * 6 - 1)
\set n6 random(:keys / 10 * 6, :keys / 10 * 7 - 1)
\set n7 random(:keys / 10 * 7, :keys / 10 * 8 - 1)
\set n8 random(:keys / 10 * 8, :keys / 10 * 9 - 1)
\set n9 random(:keys / 10 * 9, :keys / 10 * 10 - 1)
INSERT INTO respgres.key AS k (db, slot, key, type, value, touched_at)
VALUES (:db, bench.key_slot(:n0), bench.key(:n0), 's', :value,
        extract(epoch FROM now())::int4),
       (:db, bench.key_slot(:n1), bench.key(:n1), 's', :value,
        extract(epoch FROM now())::int4),
       (:db, bench.key_slot(:n2), bench.key(:n2), 's', :value,
        extract(epoch FROM now())::int4),
       (:db, bench.key_slot(:n3), bench.key(:n3), 's', :value,
        extract(epoch FROM now())::int4),
       (:db, bench.key_slot(:n4), bench.key(:n4), 's', :value,
        extract(epoch FROM now())::int4),
       (:db, bench.key_slot(:n5), bench.key(:n5), 's', :value,
        extract(epoch FROM now())::int4),
       (:db, bench.key_slot(:n6), bench.key(:n6), 's', :value,
        extract(epoch FROM now())::int4),
       (:db, bench.key_slot(:n7), bench.key(:n7), 's', :value,
        extract(epoch FROM now())::int4),
       (:db, bench.key_slot(:n8), bench.key(:n8), 's', :value,
        extract(epoch FROM now())::int4),
       (:db, bench.key_slot(:n9), bench.key(:n9), 's', :value,
        extract(epoch FROM now())::int4)
    ON CONFLICT (db, key, slot) DO UPDATE
   SET version = k.version + 1, type = 's', value = excluded.value,
       number = NULL, raw = false, expires_at = NULL,
       touched_at = excluded.touched_at;
