-- Random elements of hashes and sets, each as likely as any other.
--
-- Of few elements one is taken by its place.  Otherwise the space of hashes is
-- cut into windows of about 8 elements; a window and a place below 32 are
-- drawn, and drawn again when the window holds no such place.  All places are
-- equally likely, and so are the elements, in O(log n) each.

-- The hash at which a window begins, of `windows` that there are.
CREATE OR REPLACE FUNCTION respgres.window_begin(
    number bigint, windows bigint) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ((number * 4294967296) / windows - 2147483648)::integer
$$;

-- And the one at which it ends.
CREATE OR REPLACE FUNCTION respgres.window_end(
    number bigint, windows bigint) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (((number + 1) * 4294967296) / windows - 2147483649)::integer
$$;

-- `count` different fields of a hash, or all that there are; with `repeats`
-- as many draws that know nothing of each other.
CREATE OR REPLACE FUNCTION respgres.random_fields(
    content_slot smallint, content_id bigint, size bigint,
    fields_expire_at bigint, count bigint, repeats boolean)
RETURNS TABLE (name bytea, value bytea)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    few CONSTANT bigint := 512;
    now_ms bigint := respgres.now_ms();
    places tid[];
    windows bigint := GREATEST(1, size / 8);
    -- A draw succeeds once in four times.
    draws bigint := 5 * LEAST(count, size) + 20;
    missing bigint := count;
    drawn bigint;
    failures int := 0;
BEGIN
    IF count <= 0 OR content_id IS NULL THEN
        RETURN;
    ELSIF NOT repeats AND (size <= few OR count > size / 3) THEN
        RETURN QUERY
        SELECT coalesce(f.long_field, f.field), f.value
          FROM respgres.hash_field f
         WHERE f.slot = random_fields.content_slot
           AND f.content_id = random_fields.content_id
           AND (f.expires_at IS NULL OR f.expires_at > now_ms)
         ORDER BY random()
         LIMIT random_fields.count;
        RETURN;
    ELSIF size <= few OR fields_expire_at <= now_ms THEN
        places := ARRAY(
            SELECT f.ctid
              FROM respgres.hash_field f
             WHERE f.slot = random_fields.content_slot
               AND f.content_id = random_fields.content_id
               AND (f.expires_at IS NULL OR f.expires_at > now_ms));
        IF NOT repeats THEN
            places := ARRAY(SELECT p.place FROM unnest(places) AS p (place)
                             ORDER BY random() LIMIT random_fields.count);
        ELSIF cardinality(places) > 0 THEN
            places := ARRAY(
                SELECT places[1 + floor(random() * cardinality(places))::int]
                  FROM generate_series(1, random_fields.count));
        END IF;
        RETURN QUERY
        SELECT coalesce(f.long_field, f.field), f.value
          FROM unnest(places) AS p (place)
          JOIN respgres.hash_field f ON f.ctid = p.place;
        RETURN;
    END IF;
    -- Far more than luck can ask for.
    WHILE failures < 100 LOOP
        IF repeats THEN
            RETURN QUERY
            SELECT coalesce(f.long_field, f.field), f.value
              FROM (SELECT floor(random() * windows)::bigint AS number,
                           floor(random() * 32)::int AS place
                      FROM generate_series(1, draws)) AS d
             CROSS JOIN LATERAL (
                   SELECT o.long_field, o.field, o.value
                     FROM respgres.hash_field o
                    WHERE o.slot = random_fields.content_slot
                      AND o.content_id = random_fields.content_id
                      AND o.hash >= respgres.window_begin(d.number, windows)
                      AND o.hash <= respgres.window_end(d.number, windows)
                    ORDER BY o.hash, o.field
                   OFFSET d.place LIMIT 1) AS f
             LIMIT missing;
            GET DIAGNOSTICS drawn = ROW_COUNT;
            missing := missing - drawn;
            EXIT WHEN missing <= 0;
            failures := failures + (drawn = 0)::int;
            CONTINUE;
        END IF;
        places := ARRAY(
            SELECT f.place
              FROM (SELECT row_number() OVER () AS draw,
                           floor(random() * windows)::bigint AS number,
                           floor(random() * 32)::int AS place
                      FROM generate_series(1, draws)) AS d
             CROSS JOIN LATERAL (
                   SELECT o.ctid AS place
                     FROM respgres.hash_field o
                    WHERE o.slot = random_fields.content_slot
                      AND o.content_id = random_fields.content_id
                      AND o.hash >= respgres.window_begin(d.number, windows)
                      AND o.hash <= respgres.window_end(d.number, windows)
                    ORDER BY o.hash, o.field
                   OFFSET d.place LIMIT 1) AS f
             GROUP BY f.place
             ORDER BY min(d.draw)
             LIMIT random_fields.count);
        -- Too few different ones: all is drawn anew, which keeps them equally
        -- likely.
        IF cardinality(places) = count THEN
            RETURN QUERY
            SELECT coalesce(f.long_field, f.field), f.value
              FROM unnest(places) AS p (place)
              JOIN respgres.hash_field f ON f.ctid = p.place;
            EXIT;
        END IF;
        draws := draws * 2;
        failures := failures + 1;
    END LOOP;
END
$$;

-- The same for members of a set, with their places, by which whoever holds the
-- key's lock can delete them.
CREATE OR REPLACE FUNCTION respgres.random_members(
    content_slot smallint, content_id bigint, size bigint,
    count bigint, repeats boolean)
RETURNS TABLE (place tid, name bytea)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    few CONSTANT bigint := 512;
    places tid[];
    windows bigint := GREATEST(1, size / 8);
    -- A draw succeeds once in four times.
    draws bigint := 5 * LEAST(count, size) + 20;
    missing bigint := count;
    drawn bigint;
    failures int := 0;
BEGIN
    IF count <= 0 OR content_id IS NULL THEN
        RETURN;
    ELSIF NOT repeats AND (size <= few OR count > size / 3) THEN
        RETURN QUERY
        SELECT f.ctid, coalesce(f.long_member, f.member)
          FROM respgres.set_member f
         WHERE f.slot = random_members.content_slot
           AND f.content_id = random_members.content_id
         ORDER BY random()
         LIMIT random_members.count;
        RETURN;
    ELSIF size <= few THEN
        places := ARRAY(
            SELECT f.ctid
              FROM respgres.set_member f
             WHERE f.slot = random_members.content_slot
               AND f.content_id = random_members.content_id);
        IF NOT repeats THEN
            places := ARRAY(SELECT p.place FROM unnest(places) AS p (place)
                             ORDER BY random() LIMIT random_members.count);
        ELSIF cardinality(places) > 0 THEN
            places := ARRAY(
                SELECT places[1 + floor(random() * cardinality(places))::int]
                  FROM generate_series(1, random_members.count));
        END IF;
        RETURN QUERY
        SELECT f.ctid, coalesce(f.long_member, f.member)
          FROM unnest(places) AS p (place)
          JOIN respgres.set_member f ON f.ctid = p.place;
        RETURN;
    END IF;
    -- Far more than luck can ask for.
    WHILE failures < 100 LOOP
        IF repeats THEN
            RETURN QUERY
            SELECT f.place, coalesce(f.long_member, f.member)
              FROM (SELECT floor(random() * windows)::bigint AS number,
                           floor(random() * 32)::int AS place
                      FROM generate_series(1, draws)) AS d
             CROSS JOIN LATERAL (
                   SELECT o.ctid AS place, o.long_member, o.member
                     FROM respgres.set_member o
                    WHERE o.slot = random_members.content_slot
                      AND o.content_id = random_members.content_id
                      AND o.hash >= respgres.window_begin(d.number, windows)
                      AND o.hash <= respgres.window_end(d.number, windows)
                    ORDER BY o.hash, o.member
                   OFFSET d.place LIMIT 1) AS f
             LIMIT missing;
            GET DIAGNOSTICS drawn = ROW_COUNT;
            missing := missing - drawn;
            EXIT WHEN missing <= 0;
            failures := failures + (drawn = 0)::int;
            CONTINUE;
        END IF;
        places := ARRAY(
            SELECT f.place
              FROM (SELECT row_number() OVER () AS draw,
                           floor(random() * windows)::bigint AS number,
                           floor(random() * 32)::int AS place
                      FROM generate_series(1, draws)) AS d
             CROSS JOIN LATERAL (
                   SELECT o.ctid AS place
                     FROM respgres.set_member o
                    WHERE o.slot = random_members.content_slot
                      AND o.content_id = random_members.content_id
                      AND o.hash >= respgres.window_begin(d.number, windows)
                      AND o.hash <= respgres.window_end(d.number, windows)
                    ORDER BY o.hash, o.member
                   OFFSET d.place LIMIT 1) AS f
             GROUP BY f.place
             ORDER BY min(d.draw)
             LIMIT random_members.count);
        -- Too few different ones: all is drawn anew, which keeps them equally
        -- likely.
        IF cardinality(places) = count THEN
            RETURN QUERY
            SELECT f.ctid, coalesce(f.long_member, f.member)
              FROM unnest(places) AS p (place)
              JOIN respgres.set_member f ON f.ctid = p.place;
            EXIT;
        END IF;
        draws := draws * 2;
        failures := failures + 1;
    END LOOP;
END
$$;
