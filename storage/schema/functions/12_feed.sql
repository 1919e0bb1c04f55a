-- Who waits for a key in another process, and how to tell.
--
-- An instance registers the keys that its clients wait for.  Whoever adds to a
-- key looks for such rows while it holds the key's lock, and notifies; the
-- notification leaves with the commit.

-- The instance whose session this is; 0: an application's.
CREATE OR REPLACE FUNCTION respgres.instance() RETURNS bigint
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN coalesce(
        nullif(current_setting('respgres.instance', true), '')::bigint, 0);
END
$$;

-- A snapshot of the transaction's start may miss who has registered since.
CREATE OR REPLACE FUNCTION respgres.sees_waiters() RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN current_setting('transaction_isolation')
           IN ('read committed', 'read uncommitted');
END
$$;

CREATE OR REPLACE FUNCTION respgres.notify_of(db int, indexed bytea)
RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('respgres.wake', db || ' ' || encode(indexed, 'hex'));
END
$$;

-- Elements were added to a key, whose lock is held: tells other instances whose
-- clients wait for it.
CREATE OR REPLACE FUNCTION respgres.wake(db int, slot smallint, key bytea)
RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM respgres.waiter w
                WHERE w.slot = wake.slot AND w.db = wake.db
                  AND w.key = respgres.indexed(wake.key)
                  AND w.instance <> respgres.instance())
       OR NOT respgres.sees_waiters() THEN
        PERFORM respgres.notify_of(db, respgres.indexed(key));
    END IF;
END
$$;

-- The same for many keys, of which those without a content_id, or with one that
-- is not positive, were not added to.
CREATE OR REPLACE FUNCTION respgres.wake_many(
    dbs int[], slots smallint[], keys bytea[], content_ids bigint[])
RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF respgres.sees_waiters() THEN
        IF NOT EXISTS (SELECT FROM respgres.waiter) THEN
            RETURN;
        END IF;
        PERFORM respgres.notify_of(i.db, respgres.indexed(i.key))
           FROM unnest(dbs, slots, keys, content_ids)
                AS i (db, slot, key, content_id)
          WHERE i.content_id > 0
            AND EXISTS (SELECT FROM respgres.waiter w
                         WHERE w.slot = i.slot AND w.db = i.db
                           AND w.key = respgres.indexed(i.key)
                           AND w.instance <> respgres.instance());
    ELSE
        PERFORM respgres.notify_of(i.db, respgres.indexed(i.key))
           FROM unnest(dbs, keys, content_ids) AS i (db, key, content_id)
          WHERE i.content_id > 0;
    END IF;
END
$$;

-- --- for the feed ----------------------------------------------------

-- The numbers whose advisory lock somebody holds; others', too.
CREATE OR REPLACE FUNCTION respgres.living_instances()
RETURNS SETOF bigint
LANGUAGE sql STABLE AS $$
    SELECT (l.classid::bigint << 32) | l.objid::bigint
      FROM pg_locks l
     WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
       AND l.database = (SELECT d.oid FROM pg_database d
                          WHERE d.datname = current_database())
$$;

-- Returns when whoever was adding to the keys (in their indexed form, in order)
-- and may have looked for waiters before these were registered has committed
-- or given up; fails when that takes longer than `patience` for one of them.
-- Whoever comes later sees the waiters.
CREATE OR REPLACE FUNCTION respgres.wait_for_adders(
    dbs int[], slots smallint[], keys bytea[], patience text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('lock_timeout', patience, true);
    FOR i IN 1 .. cardinality(keys) LOOP
        LOOP
            PERFORM FROM respgres.key k
              WHERE k.db = dbs[i] AND k.key = keys[i] AND k.slot = slots[i]
                FOR UPDATE;
            EXIT WHEN FOUND;
            -- Who makes the key is waited for by making it; nobody sees this
            -- row.
            INSERT INTO respgres.key AS n (db, slot, key, type, touched_at)
            VALUES (dbs[i], slots[i], keys[i], 's', 0)
                ON CONFLICT DO NOTHING;
            IF FOUND THEN
                DELETE FROM respgres.key AS d
                 WHERE d.db = dbs[i] AND d.key = keys[i]
                   AND d.slot = slots[i];
                EXIT;
            END IF;
        END LOOP;
    END LOOP;
END
$$;
