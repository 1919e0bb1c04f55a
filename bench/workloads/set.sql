-- The prepared upsert that SET is compared with.
\set n random(0, :keys - 1)
INSERT INTO respgres.key AS k (db, slot, key, type, value, touched_at)
VALUES (:db, bench.key_slot(:n), bench.key(:n), 's', :value,
        extract(epoch FROM now())::int4)
    ON CONFLICT (db, key, slot) DO UPDATE
   SET version = k.version + 1, type = 's', value = excluded.value,
       number = NULL, raw = false, expires_at = NULL,
       touched_at = excluded.touched_at;
