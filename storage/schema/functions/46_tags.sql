-- Tags: setting them, reading them, leases.
--
-- A key's row holds the numbers of its tags.  Whoever writes such numbers holds
-- the tags' rows FOR KEY SHARE, as a foreign key would, so that no tag is
-- reaped that a key is about to get; an invalidation does not conflict with
-- that.  Whoever stores under a lease holds them FOR SHARE, for which an
-- invalidation waits; one that came first is not waited for but refuses the
-- lease.

-- The numbers of those of the tags that are known, ascending.
CREATE OR REPLACE FUNCTION respgres.tag_ids(db int, tags bytea[])
RETURNS bigint[]
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN ARRAY(
        SELECT t.id
          FROM respgres.tag t
         WHERE t.db = tag_ids.db
           AND t.name = ANY (ARRAY(SELECT respgres.indexed(u.tag)
                                     FROM unnest(tags) AS u (tag)))
         ORDER BY t.id);
END
$$;

-- Makes those of the tags that are not there, and keeps all of them from being
-- reaped until the transaction ends.  The pairs are distinct, and in order.
CREATE OR REPLACE FUNCTION respgres.keep_tags(dbs int[], tags bytea[])
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    kept int;
BEGIN
    LOOP
        SELECT count(*) INTO kept
          FROM (SELECT
                  FROM unnest(dbs, tags) AS i (db, tag)
                  JOIN respgres.tag t
                    ON t.db = i.db AND t.name = respgres.indexed(i.tag)
                   FOR KEY SHARE OF t) AS l;
        EXIT WHEN kept = cardinality(tags);
        INSERT INTO respgres.tag AS n (db, name, long_name)
        SELECT i.db, respgres.indexed(i.tag), respgres.long(i.tag)
          FROM unnest(dbs, tags) AS i (db, tag)
         WHERE NOT EXISTS (SELECT FROM respgres.tag t
                            WHERE t.db = i.db
                              AND t.name = respgres.indexed(i.tag))
            ON CONFLICT DO NOTHING;
    END LOOP;
END
$$;

-- The numbers of tags of one database, which are made where needed and kept as
-- above; NULL for no tags.
CREATE OR REPLACE FUNCTION respgres.make_tags(db int, tags bytea[])
RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
    names bytea[] := ARRAY(SELECT DISTINCT u.tag FROM unnest(tags) AS u (tag)
                            ORDER BY u.tag);
BEGIN
    IF cardinality(names) = 0 THEN
        RETURN NULL;
    END IF;
    PERFORM respgres.keep_tags(array_fill(db, ARRAY[cardinality(names)]),
                               names);
    RETURN respgres.tag_ids(db, names);
END
$$;

-- The tags of another database that are named as these are.
CREATE OR REPLACE FUNCTION respgres.translate_tags(ids bigint[], new_db int)
RETURNS bigint[]
LANGUAGE plpgsql AS $$
BEGIN
    RETURN respgres.make_tags(new_db, ARRAY(
        SELECT coalesce(t.long_name, t.name)
          FROM respgres.tag t
         WHERE t.id = ANY (ids)));
END
$$;

-- Stores strings with their tags whatever was there; the keys differ.  An entry
-- of tag_lists has the tags in PostgreSQL's text form of bytea, with commas
-- between them.
CREATE OR REPLACE FUNCTION respgres.tag_set_many(
    dbs int[], slots smallint[], keys bytea[], "values" bytea[],
    numbers bigint[], ttls bigint[], expiries bigint[], tag_lists text[])
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    now_ms bigint := respgres.now_ms();
    tag_dbs int[];
    tags bytea[];
BEGIN
    SELECT array_agg(d.db), array_agg(d.tag) INTO tag_dbs, tags
      FROM (SELECT DISTINCT i.db, h.tag::bytea AS tag
              FROM unnest(dbs, tag_lists) AS i (db, tags)
             CROSS JOIN LATERAL unnest(string_to_array(i.tags, ','))
                   AS h (tag)
             ORDER BY 1, 2) AS d;
    IF tags IS NOT NULL THEN
        PERFORM respgres.keep_tags(tag_dbs, tags);
    END IF;
    INSERT INTO respgres.key AS k
           (db, slot, key, long_key, type, value, number,
            expires_at, sweep_at, touched_at, tags)
    SELECT i.db, i.slot, respgres.indexed(i.key), respgres.long(i.key),
           's', i.value, i.number,
           coalesce(i.expires_at, now_ms + i.ttl),
           coalesce(i.expires_at, now_ms + i.ttl), now_ms / 1000,
           (SELECT array_agg(n.id)
              FROM (SELECT DISTINCT t.id
                      FROM unnest(string_to_array(i.tags, ',')) AS h (tag)
                      JOIN respgres.tag t
                        ON t.db = i.db
                       AND t.name = respgres.indexed(h.tag::bytea)
                     ORDER BY t.id) AS n)
      FROM unnest(dbs, slots, keys, "values", numbers, ttls, expiries,
                  tag_lists)
           AS i (db, slot, key, value, number, ttl, expires_at, tags)
        ON CONFLICT ON CONSTRAINT key_pkey DO UPDATE
       SET id = CASE WHEN k.type = 's' THEN k.id ELSE excluded.id END,
           version = k.version + 1,
           type = 's', content_id = NULL,
           value = excluded.value, number = excluded.number, raw = false,
           expires_at = excluded.expires_at,
           sweep_at = LEAST(k.sweep_at, excluded.sweep_at),
           touched_at = excluded.touched_at, tags = excluded.tags;
END
$$;

-- --- leases ----------------------------------------------------------

-- What a lease's token holds; `error` when it is none.
CREATE OR REPLACE FUNCTION respgres.read_lease(
    lease text, OUT error text, OUT ids bigint[], OUT generations bigint[])
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF lease !~ '^[0-9]{1,18}\.[0-9]{1,18}(,[0-9]{1,18}\.[0-9]{1,18})*$' THEN
        error := 'ERR invalid lease token, expected one that TAG LEASE gave';
        RETURN;
    END IF;
    SELECT array_agg(split_part(u.pair, '.', 1)::bigint),
           array_agg(split_part(u.pair, '.', 2)::bigint)
      INTO ids, generations
      FROM unnest(string_to_array(lease, ',')) AS u (pair);
END
$$;

-- Whether nobody has begun to invalidate any of the lease's tags since it was
-- given.  Nobody can then until the transaction ends.  `ids` are the numbers of
-- `tags`, all of which the lease must cover.
CREATE OR REPLACE FUNCTION respgres.use_lease(
    db int, tags bytea[], lease text,
    OUT error text, OUT valid boolean, OUT ids bigint[])
LANGUAGE plpgsql AS $$
DECLARE
    l record;
    held bigint[];
BEGIN
    valid := false;
    SELECT * INTO l FROM respgres.read_lease(lease);
    IF l.error IS NOT NULL THEN
        error := l.error;
        RETURN;
    END IF;
    SELECT array_agg(h.id) INTO held
      FROM (SELECT t.id
              FROM unnest(l.ids, l.generations) AS i (id, generation)
              JOIN respgres.tag t ON t.id = i.id
             WHERE t.generation = i.generation AND t.db = use_lease.db
             ORDER BY t.id
               FOR SHARE OF t SKIP LOCKED) AS h;
    IF coalesce(cardinality(held), 0) < cardinality(l.ids) THEN
        RETURN;
    END IF;
    ids := respgres.tag_ids(db, tags);
    IF NOT ids <@ held
       OR cardinality(ids) < (SELECT count(DISTINCT u.tag)
                                FROM unnest(tags) AS u (tag)) THEN
        error := 'ERR the lease does not cover every tag';
        RETURN;
    END IF;
    valid := true;
END
$$;

-- For how long a leased tag is kept without keys, in milliseconds; half of it
-- when another lease has it kept already.
CREATE OR REPLACE FUNCTION respgres.lease_ms() RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT 600000::bigint $$;

-- The token of a lease of tags that are kept for long enough as it is, which
-- takes no writing; NULL: not all of them are.
CREATE OR REPLACE FUNCTION respgres.look_lease(db int, tags bytea[])
RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    until_ms bigint := respgres.now_ms() + respgres.lease_ms() / 2;
    token text;
    kept bigint;
BEGIN
    SELECT string_agg(t.id || '.' || t.generation, ',' ORDER BY t.id),
           count(*)
      INTO token, kept
      FROM respgres.tag t
     WHERE t.db = look_lease.db
       AND t.name = ANY (ARRAY(SELECT respgres.indexed(u.tag)
                                 FROM unnest(tags) AS u (tag)))
       AND t.kept_until >= until_ms;
    IF kept < (SELECT count(DISTINCT u.tag) FROM unnest(tags) AS u (tag)) THEN
        RETURN NULL;
    END IF;
    RETURN token;
END
$$;

-- A token for storing what is computed from now on, if none of the tags is
-- invalidated meanwhile.
CREATE OR REPLACE FUNCTION respgres.tag_lease(db int, tags bytea[])
RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    kept_ms CONSTANT bigint := respgres.lease_ms();
    now_ms bigint := respgres.now_ms();
    ids bigint[] := respgres.make_tags(db, tags);
BEGIN
    -- Who holds one of them would only be waited for.
    UPDATE respgres.tag AS u
       SET kept_until = now_ms + kept_ms
     WHERE u.id = ANY (ARRAY(
           SELECT t.id
             FROM respgres.tag t
            WHERE t.id = ANY (ids) AND t.kept_until < now_ms + kept_ms / 2
              FOR NO KEY UPDATE SKIP LOCKED));
    RETURN (SELECT string_agg(t.id || '.' || t.generation, ',' ORDER BY t.id)
              FROM respgres.tag t
             WHERE t.id = ANY (ids));
END
$$;

-- --- one key ---------------------------------------------------------

-- How many tags a key may have.
CREATE OR REPLACE FUNCTION respgres.tags_limit() RETURNS int
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT 1000 $$;

-- Locks a key, whose tags are to be changed; the numbers of those that it has.
-- NULL: no such key.
CREATE OR REPLACE FUNCTION respgres.lock_tags(
    db int, slot smallint, key bytea) RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
    k record;
BEGIN
    SELECT * INTO k FROM respgres.lock_key(db, slot, key);
    IF k.id IS NULL THEN
        RETURN NULL;
    END IF;
    RETURN (SELECT coalesce(o.tags, '{}')
              FROM respgres.key o
             WHERE o.db = lock_tags.db
               AND o.key = respgres.indexed(lock_tags.key)
               AND o.slot = lock_tags.slot);
END
$$;

-- Gives a locked key these tags, NULL being none, instead of those it has.
CREATE OR REPLACE FUNCTION respgres.store_tags(
    db int, slot smallint, key bytea, ids bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE respgres.key AS u
       SET tags = ids
     WHERE u.db = store_tags.db AND u.key = respgres.indexed(store_tags.key)
       AND u.slot = store_tags.slot AND u.tags IS DISTINCT FROM ids;
END
$$;

-- SET in all its forms, with the key's tags, which replace those it had.
-- `done` is false when the condition was not met, or when a tag of the lease
-- was or is being invalidated.
CREATE OR REPLACE FUNCTION respgres.tag_set(
    db int, key bytea, value bytea, tags bytea[],
    condition text DEFAULT NULL, ttl_ms bigint DEFAULT NULL,
    expires_at bigint DEFAULT NULL, keep_ttl boolean DEFAULT false,
    want_previous boolean DEFAULT false, lease text DEFAULT NULL,
    slot smallint DEFAULT NULL,
    OUT error text, OUT done boolean, OUT previous bytea)
LANGUAGE plpgsql AS $$
DECLARE
    k record;
    l record;
    ids bigint[];
BEGIN
    slot := coalesce(slot, respgres.slot(key));
    done := false;
    IF cardinality(tags) > respgres.tags_limit() THEN
        error := 'ERR a key has at most 1000 tags';
        RETURN;
    END IF;
    -- The key first: what is held under a lease should not wait for anything.
    SELECT * INTO k FROM respgres.lock_key(db, slot, key);
    IF lease IS NOT NULL THEN
        SELECT * INTO l FROM respgres.use_lease(db, tags, lease);
        IF NOT l.valid THEN
            error := l.error;
            RETURN;
        END IF;
        ids := nullif(l.ids, '{}');
    ELSE
        ids := respgres.make_tags(db, tags);
    END IF;
    SELECT s.error, s.done, s.previous INTO error, done, previous
      FROM respgres.set(db, key, value, condition, ttl_ms, expires_at,
                        keep_ttl, want_previous, slot) s;
    IF done THEN
        PERFORM respgres.store_tags(db, slot, key, ids);
    END IF;
END
$$;

-- Gives a key more tags; how many it did not have.  NULL: no such key.
CREATE OR REPLACE FUNCTION respgres.tag_add(
    db int, key bytea, tags bytea[], slot smallint DEFAULT NULL,
    OUT error text, OUT added bigint)
LANGUAGE plpgsql AS $$
DECLARE
    had bigint[];
    has bigint[];
BEGIN
    slot := coalesce(slot, respgres.slot(key));
    had := respgres.lock_tags(db, slot, key);
    IF had IS NULL THEN
        RETURN;
    END IF;
    has := ARRAY(SELECT u.id
                   FROM unnest(had || respgres.make_tags(db, tags)) AS u (id)
                  GROUP BY u.id ORDER BY u.id);
    IF cardinality(has) > respgres.tags_limit() THEN
        error := 'ERR a key has at most 1000 tags';
        RETURN;
    END IF;
    added := cardinality(has) - cardinality(had);
    PERFORM respgres.store_tags(db, slot, key, nullif(has, '{}'));
END
$$;

-- Takes tags from a key; how many it had.  NULL: no such key.
CREATE OR REPLACE FUNCTION respgres.tag_remove(
    db int, key bytea, tags bytea[], slot smallint DEFAULT NULL,
    OUT error text, OUT removed bigint)
LANGUAGE plpgsql AS $$
DECLARE
    had bigint[];
    has bigint[];
    gone bigint[];
BEGIN
    slot := coalesce(slot, respgres.slot(key));
    had := respgres.lock_tags(db, slot, key);
    IF had IS NULL THEN
        RETURN;
    END IF;
    gone := respgres.tag_ids(db, tags);
    has := ARRAY(SELECT u.id FROM unnest(had) AS u (id)
                  WHERE u.id <> ALL (gone)
                  ORDER BY u.id);
    removed := cardinality(had) - cardinality(has);
    PERFORM respgres.store_tags(db, slot, key, nullif(has, '{}'));
END
$$;

-- A key's tags in order, and whether it was marked as stale; no row: no such
-- key.
CREATE OR REPLACE FUNCTION respgres.tag_of(
    db int, key bytea, slot smallint DEFAULT NULL)
RETURNS TABLE (tags bytea[], stale boolean)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT ARRAY(SELECT coalesce(t.long_name, t.name)
                   FROM respgres.tag t
                  WHERE t.id = ANY (k.tags)
                  ORDER BY t.name),
           coalesce(k.stale_version = k.version, false)
      FROM respgres.key k
     WHERE k.db = tag_of.db AND k.key = respgres.indexed(tag_of.key)
       AND k.slot = coalesce(tag_of.slot, respgres.slot(tag_of.key))
       AND (k.expires_at IS NULL OR k.expires_at > respgres.now_ms());
END
$$;
