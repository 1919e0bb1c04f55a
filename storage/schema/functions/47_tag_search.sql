-- Tags: which keys have them, and how many.

-- The numbers to search for: keys with any of these, or with all of those, but
-- none of the last.  Both of the first are NULL when no key can be found.
CREATE OR REPLACE FUNCTION respgres.tag_search(
    db int, tags bytea[], match_all boolean, without bytea[],
    OUT any_of bigint[], OUT all_of bigint[], OUT none_of bigint[])
LANGUAGE plpgsql STABLE AS $$
DECLARE
    ids bigint[] := respgres.tag_ids(db, tags);
BEGIN
    IF NOT match_all THEN
        any_of := nullif(ids, '{}');
    ELSIF cardinality(ids) = (SELECT count(DISTINCT u.tag)
                                FROM unnest(tags) AS u (tag)) THEN
        all_of := nullif(ids, '{}');
    END IF;
    IF cardinality(without) > 0 THEN
        none_of := nullif(respgres.tag_ids(db, without), '{}');
    END IF;
END
$$;

-- A page of the live keys with any or all of the tags and without the others,
-- in the order of their ids.  The first row tells the next page's cursor alone
-- (0: there is none), the others a key each.
--
-- Cursors are the id of the last key, doubled; and one more while the walk goes
-- along all keys of the database, a stretch a page, which is how the pages of a
-- tag with very many keys are found without looking at all of them each time.
CREATE OR REPLACE FUNCTION respgres.find_tagged(
    db int, tags bytea[], match_all boolean, without bytea[],
    cursor bigint, count bigint, with_values boolean)
RETURNS TABLE (next_cursor bigint, key bytea, type "char", value bytea,
               stale boolean)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    -- So many keys are looked at together.
    few CONSTANT int := 10000;
    stretch CONSTANT int := 20000;
    now_ms bigint := respgres.now_ms();
    after_id bigint := find_tagged.cursor >> 1;
    walking boolean := find_tagged.cursor & 1 = 1;
    most bigint := find_tagged.count;
    ids bigint[];
    last_id bigint;
    next bigint := 0;
    s record;
BEGIN
    SELECT * INTO s
      FROM respgres.tag_search(find_tagged.db, tags, match_all, without);
    IF s.any_of IS NULL AND s.all_of IS NULL THEN
        RETURN QUERY SELECT next, NULL::bytea, NULL::"char", NULL::bytea,
                            NULL::boolean;
        RETURN;
    END IF;
    IF NOT walking THEN
        ids := ARRAY(
            SELECT f.id
              FROM (SELECT k.id
                      FROM respgres.key k
                     WHERE (k.tags && s.any_of OR k.tags @> s.all_of)
                       AND (s.none_of IS NULL OR NOT k.tags && s.none_of)
                       AND (k.expires_at IS NULL OR k.expires_at > now_ms)
                       AND k.id + 0 > after_id  -- by no other index
                     LIMIT few + 1) AS f
             ORDER BY f.id);
        walking := cardinality(ids) > few;
    END IF;
    IF walking THEN
        ids := ARRAY(
            SELECT f.id
              FROM (SELECT k.id,
                           (k.tags && s.any_of OR k.tags @> s.all_of)
                           AND (s.none_of IS NULL
                                OR NOT k.tags && s.none_of)
                           AND (k.expires_at IS NULL
                                OR k.expires_at > now_ms) AS is_wanted
                      FROM respgres.key k
                     WHERE k.db = find_tagged.db AND k.id > after_id
                     ORDER BY k.id
                     LIMIT stretch) AS f
             WHERE f.is_wanted
             LIMIT most + 1);
        IF cardinality(ids) <= most THEN
            SELECT k.id INTO last_id
              FROM respgres.key k
             WHERE k.db = find_tagged.db AND k.id > after_id
             ORDER BY k.id OFFSET stretch - 1 LIMIT 1;
            next := coalesce(last_id * 2 + 1, 0);
        END IF;
    END IF;
    IF cardinality(ids) > most THEN
        next := ids[most] * 2 + walking::int;
        ids := ids[1 : most];
    END IF;
    RETURN QUERY SELECT next, NULL::bytea, NULL::"char", NULL::bytea,
                        NULL::boolean;
    RETURN QUERY
    SELECT next, coalesce(k.long_key, k.key), k.type,
           CASE WHEN with_values AND k.type = 's'
                THEN respgres.string_bytes(k.value, k.number) END,
           coalesce(k.stale_version = k.version, false)
      FROM unnest(ids) WITH ORDINALITY AS i (id, ordinal)
      JOIN respgres.key k ON k.db = find_tagged.db AND k.id = i.id
     WHERE k.expires_at IS NULL OR k.expires_at > now_ms
     ORDER BY i.ordinal;
END
$$;

-- The same for applications: next_cursor, alike in all rows, goes to the next
-- call, until it is 0.  A page without keys that is not the last has one row,
-- whose key is NULL.
CREATE OR REPLACE FUNCTION respgres.tag_get(
    db int, tags bytea[], match_all boolean DEFAULT false,
    without bytea[] DEFAULT '{}', cursor bigint DEFAULT 0,
    count bigint DEFAULT 1000, with_values boolean DEFAULT true)
RETURNS TABLE (key bytea, type text, value bytea, stale boolean,
               next_cursor bigint)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT f.key, respgres.type_name(f.type), f.value, f.stale, f.next_cursor
      FROM (SELECT g.*, count(*) OVER () AS total
              FROM respgres.find_tagged(
                   tag_get.db, tags, match_all, without, tag_get.cursor,
                   tag_get.count, with_values) g) AS f
     WHERE f.key IS NOT NULL OR (f.total = 1 AND f.next_cursor > 0);
END
$$;

CREATE OR REPLACE FUNCTION respgres.type_name(type "char") RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE type WHEN 's' THEN 'string' WHEN 'l' THEN 'list'
                     WHEN 't' THEN 'set' WHEN 'z' THEN 'zset'
                     WHEN 'h' THEN 'hash' WHEN 'x' THEN 'stream' END
$$;

-- How many live keys have any or all of the tags and none of the others.
CREATE OR REPLACE FUNCTION respgres.tag_count(
    db int, tags bytea[], match_all boolean DEFAULT false,
    without bytea[] DEFAULT '{}') RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
    now_ms bigint := respgres.now_ms();
    s record;
BEGIN
    SELECT * INTO s
      FROM respgres.tag_search(db, tags, match_all, without);
    IF s.any_of IS NULL AND s.all_of IS NULL THEN
        RETURN 0;
    END IF;
    RETURN (SELECT count(*)
              FROM respgres.key k
             WHERE (k.tags && s.any_of OR k.tags @> s.all_of)
               AND (s.none_of IS NULL OR NOT k.tags && s.none_of)
               AND (k.expires_at IS NULL OR k.expires_at > now_ms));
END
$$;

-- Live keys of each of the numbers, in their order, and their bytes: of names
-- and of strings' values.
CREATE OR REPLACE FUNCTION respgres.tag_sizes(ids bigint[])
RETURNS TABLE (id bigint, entries bigint, bytes bigint)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    now_ms bigint := respgres.now_ms();
BEGIN
    RETURN QUERY
    SELECT i.id, c.entries, c.bytes
      FROM unnest(ids) WITH ORDINALITY AS i (id, ordinal)
     CROSS JOIN LATERAL (
           SELECT count(*),
                  coalesce(sum(octet_length(coalesce(k.long_key, k.key)) +
                               coalesce(octet_length(k.value),
                                        length(k.number::text), 0)), 0)
                  ::bigint
             FROM respgres.key k
            WHERE k.tags @> ARRAY[i.id]
              AND (k.expires_at IS NULL OR k.expires_at > now_ms))
           AS c (entries, bytes)
     ORDER BY i.ordinal;
END
$$;

-- Tags with live keys, in the order of their names; the next page begins behind
-- the last name.
CREATE OR REPLACE FUNCTION respgres.tag_list(
    db int, prefix bytea DEFAULT '', after bytea DEFAULT NULL,
    count bigint DEFAULT 100)
RETURNS TABLE (tag bytea, entries bigint, bytes bigint)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    first bytea := greatest(tag_list.prefix,
                            respgres.indexed(tag_list.after) || '\x00'::bytea);
BEGIN
    RETURN QUERY
    SELECT coalesce(t.long_name, t.name), s.entries, s.bytes
      FROM respgres.tag t
     CROSS JOIN LATERAL respgres.tag_sizes(ARRAY[t.id]) s
     WHERE t.db = tag_list.db AND t.name >= first
       AND substr(t.name, 1, octet_length(tag_list.prefix)) = tag_list.prefix
       AND s.entries > 0
     ORDER BY t.name
     LIMIT tag_list.count;
END
$$;

-- --- about all of them -----------------------------------------------

-- What a database's tagged keys are like.  Of a large table a part is looked
-- at, and the rest taken to be like it; `sampled` is that part.
CREATE OR REPLACE FUNCTION respgres.tag_info(
    db int, OUT entries bigint, OUT bytes bigint, OUT stale bigint,
    OUT tags bigint, OUT sampled double precision,
    OUT dead_rows bigint, OUT live_rows bigint, OUT unfinished bigint,
    OUT unfinished_ms bigint)
LANGUAGE plpgsql STABLE SET enable_seqscan = on AS $$
DECLARE
    now_ms bigint := respgres.now_ms();
BEGIN
    sampled := respgres.tag_sample_part();
    SELECT count(*), coalesce(sum(octet_length(coalesce(k.long_key, k.key)) +
                                  coalesce(octet_length(k.value),
                                           length(k.number::text), 0)), 0),
           count(*) FILTER (WHERE k.stale_version = k.version)
      INTO entries, bytes, stale
      FROM respgres.key k TABLESAMPLE SYSTEM (sampled * 100)
     WHERE k.tags IS NOT NULL AND k.db = tag_info.db
       AND (k.expires_at IS NULL OR k.expires_at > now_ms);
    entries := (entries / sampled)::bigint;
    bytes := (bytes / sampled)::bigint;
    stale := (stale / sampled)::bigint;
    SELECT count(*) INTO tags FROM respgres.tag t WHERE t.db = tag_info.db;
    SELECT s.n_dead_tup, s.n_live_tup INTO dead_rows, live_rows
      FROM pg_stat_user_tables s
     WHERE s.relid = 'respgres.key'::regclass;
    SELECT count(*), coalesce(max(now_ms - w.started_at), 0)
      INTO unfinished, unfinished_ms
      FROM respgres.tag_work w;
END
$$;

-- The part of the keys' table that is looked at: about 64 MB of it.
CREATE OR REPLACE FUNCTION respgres.tag_sample_part()
RETURNS double precision
LANGUAGE sql STABLE AS $$
    SELECT LEAST(1, (64 << 20)::double precision
                    / greatest(1, pg_relation_size('respgres.key'::regclass)))
$$;

-- The tags with the most keys, by the same look.
CREATE OR REPLACE FUNCTION respgres.tag_top(db int, count bigint)
RETURNS TABLE (tag bytea, entries bigint)
LANGUAGE plpgsql STABLE SET enable_seqscan = on AS $$
#variable_conflict use_column
DECLARE
    now_ms bigint := respgres.now_ms();
    sampled double precision := respgres.tag_sample_part();
BEGIN
    RETURN QUERY
    SELECT coalesce(t.long_name, t.name), (u.found / sampled)::bigint
      FROM (SELECT i.id, count(*) AS found
              FROM respgres.key k TABLESAMPLE SYSTEM (sampled * 100)
             CROSS JOIN LATERAL unnest(k.tags) AS i (id)
             WHERE k.tags IS NOT NULL AND k.db = tag_top.db
               AND (k.expires_at IS NULL OR k.expires_at > now_ms)
             GROUP BY i.id
             ORDER BY found DESC, i.id
             LIMIT tag_top.count) AS u
      JOIN respgres.tag t ON t.id = u.id
     ORDER BY u.found DESC, t.name;
END
$$;
