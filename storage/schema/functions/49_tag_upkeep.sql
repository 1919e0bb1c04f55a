-- Tags: what happens in the background, and triggers that invalidate.

-- Whether the sweeper has anything to do for tags.
CREATE OR REPLACE FUNCTION respgres.tags_are_due() RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
DECLARE
    now_ms bigint := respgres.now_ms();
BEGIN
    RETURN (NOT EXISTS (SELECT FROM respgres.tag_walk w
                         WHERE w.due_at > now_ms)
            AND EXISTS (SELECT FROM respgres.tag))
        OR EXISTS (SELECT FROM respgres.tag_work w
                    WHERE w.started_at < now_ms - 10000);
END
$$;

-- For the sweeper: goes on with what its process has left undone, and reaps tags
-- without keys; more than 0 when there is more to do at once.
CREATE OR REPLACE FUNCTION respgres.sweep_tags(most bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    now_ms bigint := respgres.now_ms();
    left_work bigint;
BEGIN
    SELECT w.id INTO left_work
      FROM respgres.tag_work w
     WHERE w.started_at < now_ms - 10000
     ORDER BY w.started_at LIMIT 1;
    IF FOUND AND respgres.step_tag_work(left_work) = 1 THEN
        RETURN most;
    END IF;
    IF NOT EXISTS (SELECT FROM respgres.tag_walk w WHERE w.due_at > now_ms)
    THEN
        RETURN respgres.walk_tags(most);
    END IF;
    RETURN 0;
END
$$;

-- Looks at up to `most` tags, and at 500 at the most, for such that no key has;
-- returns `most` when there are likely to be others.  A round through all of
-- them is followed by a pause, which is longer after rounds that found none.
CREATE OR REPLACE FUNCTION respgres.walk_tags(most bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    stretch CONSTANT bigint := LEAST(most, 500);
    step_ms CONSTANT bigint := 1000;
    first_pause_ms CONSTANT bigint := 2500;
    last_pause_ms CONSTANT bigint := 20000;
    now_ms bigint := respgres.now_ms();
    w respgres.tag_walk;
    t record;
    seen bigint := 0;
    reaped bigint := 0;
    last_id bigint := 0;
BEGIN
    SELECT * INTO w FROM respgres.tag_walk o FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO respgres.tag_walk (next_id, due_at, pause_ms, reaped)
        VALUES (0, 0, first_pause_ms, 0) RETURNING * INTO w;
    END IF;
    FOR t IN SELECT o.id, o.db, o.kept_until
               FROM respgres.tag o
              WHERE o.id >= w.next_id
              ORDER BY o.id LIMIT stretch
    LOOP
        seen := seen + 1;
        last_id := t.id;
        IF t.kept_until < now_ms AND NOT respgres.tag_is_used(t.db, t.id) THEN
            reaped := reaped + respgres.reap_tag(t.id)::int;
        END IF;
    END LOOP;
    w.reaped := w.reaped + reaped;
    w.next_id := last_id + 1;
    w.due_at := now_ms + CASE WHEN reaped > stretch / 2 THEN 0
                              ELSE step_ms END;
    IF seen < stretch THEN
        w.pause_ms := CASE WHEN w.reaped > 0 THEN first_pause_ms
                           ELSE LEAST(2 * w.pause_ms, last_pause_ms) END;
        w.next_id := 0;
        w.reaped := 0;
        w.due_at := now_ms + w.pause_ms;
    END IF;
    UPDATE respgres.tag_walk AS u
       SET next_id = w.next_id, due_at = w.due_at, pause_ms = w.pause_ms,
           reaped = w.reaped;
    RETURN CASE WHEN seen = stretch AND reaped > stretch / 2
                THEN most ELSE 0 END;
END
$$;

-- Whether there is a key with the tag.  All entries of the index are read for
-- that, so where they are many, one key is remembered.
CREATE OR REPLACE FUNCTION respgres.tag_is_used(db int, tag_id bigint)
RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    long_time CONSTANT interval := '1 ms';
    started timestamptz;
    found_id bigint;
BEGIN
    IF EXISTS (SELECT FROM respgres.tag_sample s
                 JOIN respgres.key k ON k.db = tag_is_used.db
                                    AND k.id = s.key_id
                WHERE s.tag_id = tag_is_used.tag_id
                  AND (k.tags @> ARRAY[tag_is_used.tag_id]) IS TRUE) THEN
        RETURN true;
    END IF;
    started := clock_timestamp();
    SELECT k.id INTO found_id
      FROM respgres.key k
     WHERE k.tags @> ARRAY[tag_is_used.tag_id] LIMIT 1;
    IF found_id IS NOT NULL AND clock_timestamp() > started + long_time THEN
        INSERT INTO respgres.tag_sample AS n (tag_id, key_id)
        VALUES (tag_is_used.tag_id, found_id)
            ON CONFLICT ON CONSTRAINT tag_sample_pkey
            DO UPDATE SET key_id = excluded.key_id;
    END IF;
    RETURN found_id IS NOT NULL;
END
$$;

-- Forgets a tag, unless somebody is about to give it to a key or has just done
-- so.
CREATE OR REPLACE FUNCTION respgres.reap_tag(tag_id bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM respgres.tag t
      WHERE t.id = tag_id AND t.kept_until < respgres.now_ms()
        FOR UPDATE SKIP LOCKED;
    IF NOT FOUND OR EXISTS (SELECT FROM respgres.key k
                             WHERE k.tags @> ARRAY[tag_id]) THEN
        RETURN false;
    END IF;
    DELETE FROM respgres.tag AS d WHERE d.id = tag_id;
    DELETE FROM respgres.tag_sample AS d WHERE d.tag_id = reap_tag.tag_id;
    RETURN true;
END
$$;

-- Empties the catalogue of a database, whose keys are to be deleted next: who
-- is about to give tags to one of them is waited for.
CREATE OR REPLACE FUNCTION respgres.flush_tags(db int) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM respgres.tag_sample AS d
     USING respgres.tag t
     WHERE t.id = d.tag_id
       AND (flush_tags.db IS NULL OR t.db = flush_tags.db);
    DELETE FROM respgres.tag AS d
     WHERE flush_tags.db IS NULL OR d.db = flush_tags.db;
    DELETE FROM respgres.tag_work_part AS d
     WHERE d.work_id IN (SELECT w.id FROM respgres.tag_work w
                          WHERE flush_tags.db IS NULL
                             OR w.db = flush_tags.db);
    DELETE FROM respgres.tag_work AS d
     WHERE flush_tags.db IS NULL OR d.db = flush_tags.db;
END
$$;

-- Exchanges the catalogues of two databases whose keys are being exchanged, in
-- the same way.  Leases are void.
CREATE OR REPLACE FUNCTION respgres.swap_tags(first_db int, second_db int)
RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE respgres.tag IN SHARE ROW EXCLUSIVE MODE;
    UPDATE respgres.tag AS u
       SET db = -1 - first_db, generation = u.generation + 1
     WHERE u.db = first_db;
    UPDATE respgres.tag AS u
       SET db = first_db, generation = u.generation + 1
     WHERE u.db = second_db;
    UPDATE respgres.tag AS u SET db = second_db
     WHERE u.db = -1 - first_db;
    UPDATE respgres.tag_work AS u
       SET db = first_db + second_db - u.db
     WHERE u.db IN (first_db, second_db);
END
$$;

-- --- triggers --------------------------------------------------------

-- The template with {column} replaced by a row's values; NULL when one of them
-- is.
CREATE OR REPLACE FUNCTION respgres.fill_template(template text, row_data jsonb)
RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    filled text := '';
    rest text := template;
    part text[];
BEGIN
    LOOP
        part := regexp_match(rest, '^([^{]*)\{([^}]*)\}(.*)$', 's');
        IF part IS NULL THEN
            RETURN filled || rest;
        END IF;
        filled := filled || part[1] || (row_data ->> part[2]);
        rest := part[3];
    END LOOP;
END
$$;

-- The trigger function of tag_on_change(): its arguments are the database and
-- the template.
CREATE OR REPLACE FUNCTION respgres.tag_rows_changed() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    template text := TG_ARGV[1];
    tags text[];
BEGIN
    CASE TG_OP
    WHEN 'INSERT' THEN
        SELECT array_agg(DISTINCT respgres.fill_template(template, to_jsonb(r)))
          INTO tags FROM new_rows r;
    WHEN 'DELETE' THEN
        SELECT array_agg(DISTINCT respgres.fill_template(template, to_jsonb(r)))
          INTO tags FROM old_rows r;
    ELSE
        SELECT array_agg(DISTINCT f.tag) INTO tags
          FROM (SELECT respgres.fill_template(template, to_jsonb(r)) AS tag
                  FROM old_rows r
                UNION ALL
                SELECT respgres.fill_template(template, to_jsonb(r))
                  FROM new_rows r) AS f;
    END CASE;
    tags := array_remove(tags, NULL);
    IF cardinality(tags) > 0 THEN
        PERFORM respgres.tag_invalidate(tags, db => TG_ARGV[0]::int);
    END IF;
    RETURN NULL;
END
$$;

-- Has each INSERT, UPDATE and DELETE on the table invalidate, in its own
-- transaction, the tags that the template makes of the rows before and after,
-- as 'product:{id}'.  Without a template: the table's name and its primary key.
-- Runs with the caller's rights, who must own the table.  The triggers' common
-- name.
CREATE OR REPLACE FUNCTION respgres.tag_on_change(
    "table" regclass, template text DEFAULT NULL, db int DEFAULT 0)
RETURNS text
LANGUAGE plpgsql SET client_min_messages = warning AS $$
DECLARE
    missing text;
    name text;
BEGIN
    IF template IS NULL THEN
        SELECT c.relname || ':' ||
               string_agg('{' || a.attname || '}', ':' ORDER BY k.ordinal)
          INTO template
          FROM pg_index i
          JOIN pg_class c ON c.oid = i.indrelid
         CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY
               AS k (attnum, ordinal)
          JOIN pg_attribute a
            ON a.attrelid = i.indrelid AND a.attnum = k.attnum
         WHERE i.indrelid = "table" AND i.indisprimary
         GROUP BY c.relname;
    END IF;
    IF template IS NULL THEN
        RAISE EXCEPTION 'table % has no primary key: give a template',
            "table";
    END IF;
    SELECT m.found[1] INTO missing
      FROM regexp_matches(template, '\{([^}]*)\}', 'g') AS m (found)
     WHERE NOT EXISTS (SELECT FROM pg_attribute a
                        WHERE a.attrelid = "table"
                          AND a.attname = m.found[1]
                          AND a.attnum > 0 AND NOT a.attisdropped)
     LIMIT 1;
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'table % has no column "%"', "table", missing;
    END IF;
    name := 'respgres_tags_' || left(md5(db || ' ' || template), 12);
    EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', name || '_insert',
                   "table");
    EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', name || '_update',
                   "table");
    EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', name || '_delete',
                   "table");
    EXECUTE format('CREATE TRIGGER %I AFTER INSERT ON %s '
                   'REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT '
                   'EXECUTE FUNCTION %s(%L, %L)', name || '_insert', "table",
                   'respgres.tag_rows_changed', db, template);
    EXECUTE format('CREATE TRIGGER %I AFTER UPDATE ON %s '
                   'REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows '
                   'FOR EACH STATEMENT '
                   'EXECUTE FUNCTION %s(%L, %L)', name || '_update', "table",
                   'respgres.tag_rows_changed', db, template);
    EXECUTE format('CREATE TRIGGER %I AFTER DELETE ON %s '
                   'REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT '
                   'EXECUTE FUNCTION %s(%L, %L)', name || '_delete', "table",
                   'respgres.tag_rows_changed', db, template);
    RETURN name;
END
$$;
