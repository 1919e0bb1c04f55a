-- Snapshots: making, finding and removing them.  What is in their chunks is the
-- program's matter, save for data that SQL has stored.
--
-- As elsewhere an expected failure is the text in `error`.

-- In the order of creation: 11 hexadecimal digits of milliseconds, 9 of a
-- counter.
CREATE OR REPLACE FUNCTION respgres.snapshot_id(at_ms bigint) RETURNS text
LANGUAGE sql VOLATILE AS $$
    SELECT lpad(to_hex(at_ms), 11, '0')
           || lpad(to_hex(nextval('respgres.snapshot_number') & 68719476735),
                   9, '0')
$$;

-- The least id that a snapshot of that time or later can have.
CREATE OR REPLACE FUNCTION respgres.snapshot_id_from(at_ms bigint) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT lpad(to_hex(least(greatest(at_ms, 0), 17592186044415)), 11, '0')
$$;

-- NULL for bytes that are no UTF-8 or hold a NUL.
CREATE OR REPLACE FUNCTION respgres.try_text(bytes bytea) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN convert_from(bytes, 'UTF8');
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    RETURN NULL;
END
$$;

-- NULL for bytes that are no JSON.
CREATE OR REPLACE FUNCTION respgres.try_json(bytes bytea) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN convert_from(bytes, 'UTF8')::jsonb;
EXCEPTION WHEN data_exception OR program_limit_exceeded
            OR statement_too_complex THEN
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION respgres.text_configuration(language text)
RETURNS regconfig
LANGUAGE sql STABLE AS $$
    SELECT c.oid::regconfig
      FROM pg_ts_config c
     WHERE c.cfgname = lower(text_configuration.language)
       AND pg_ts_config_is_visible(c.oid)
$$;

-- The words of a JSON document: its values, then the names of its members.
CREATE OR REPLACE FUNCTION respgres.json_words(document jsonb) RETURNS text
LANGUAGE plpgsql STABLE STRICT AS $$
BEGIN
    RETURN concat_ws(' ',
        (SELECT string_agg(v.value #>> '{}', ' ')
           FROM jsonb_path_query(document, 'strict $.**') AS v (value)
          WHERE jsonb_typeof(v.value) IN ('string', 'number', 'boolean')),
        (SELECT string_agg(v.value #>> '{}', ' ')
           FROM jsonb_path_query(document,
                'strict $.** ? (@.type() == "object").keyvalue().key')
                AS v (value)));
END
$$;

-- What is searched of a payload: its text.
CREATE OR REPLACE FUNCTION respgres.snapshot_text(payload bytea) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    document jsonb;
BEGIN
    IF get_byte(payload || '\x00', 0) IN (9, 10, 13, 32, 34, 91, 123) THEN
        document := respgres.try_json(payload);
    END IF;
    RETURN left(coalesce(respgres.json_words(document),
                         respgres.try_text(payload), ''), 65536);
END
$$;

-- The snapshots of a database, or of one of its agents, are found by a word
-- that nobody can search for, as it has a space.
CREATE OR REPLACE FUNCTION respgres.snapshot_scope(
    db int, agent bytea DEFAULT NULL) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT 'of ' || db || coalesce(' ' || md5(agent), '')
$$;

CREATE OR REPLACE FUNCTION respgres.snapshot_words(
    db int, agent bytea, name bytea, meta jsonb, language text, body text)
RETURNS tsvector
LANGUAGE sql STABLE AS $$
    SELECT setweight(to_tsvector(c.id, coalesce(respgres.try_text(name), '')),
                     'A')
           || setweight(to_tsvector(c.id, coalesce(respgres.json_words(meta),
                                                   '')), 'B')
           || to_tsvector(c.id, coalesce(body, ''))
           || array_to_tsvector(ARRAY[respgres.snapshot_scope(db),
                                      respgres.snapshot_scope(db, agent)])
      FROM respgres.text_configuration(language) AS c (id)
$$;

-- --- chunks ----------------------------------------------------------

CREATE OR REPLACE FUNCTION respgres.snapshot_chunk_hash(
    raw bytea, refs bytea DEFAULT NULL) RETURNS bytea
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN refs IS NULL THEN sha256('\x00'::bytea || raw)
                ELSE sha256('\x01'::bytea || refs || raw) END
$$;

CREATE OR REPLACE FUNCTION respgres.hashes_of(refs bytea)
RETURNS TABLE (hash bytea, ordinal int)
LANGUAGE sql IMMUTABLE ROWS 20 AS $$
    SELECT substr(refs, 1 + 32 * (i - 1), 32), i
      FROM generate_series(1, octet_length(refs) / 32) AS i
$$;

-- Locks the chunks that `refs` and `base` name, in their order; how many there
-- are of them.
CREATE OR REPLACE FUNCTION respgres.snapshot_lock_chunks(
    refs bytea, base bytea, OUT present bigint, OUT wanted bigint)
LANGUAGE plpgsql AS $$
DECLARE
    names bytea[];
BEGIN
    names := ARRAY(SELECT DISTINCT n.hash
                     FROM (SELECT r.hash FROM respgres.hashes_of(refs) r
                            UNION ALL SELECT base) AS n
                    WHERE n.hash IS NOT NULL ORDER BY 1);
    wanted := cardinality(names);
    SELECT count(*) INTO present
      FROM (SELECT FROM respgres.snapshot_chunk c
             WHERE c.hash = ANY (names)
             ORDER BY c.hash FOR UPDATE) AS locked;
END
$$;

-- Counts uses of the chunks more (1) or less (-1); they are locked.
CREATE OR REPLACE FUNCTION respgres.snapshot_count_uses(
    refs bytea, base bytea, step int) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE respgres.snapshot_chunk AS c
       SET uses = c.uses + step,
           idle_since = CASE WHEN step < 0 THEN respgres.now_ms()
                             ELSE c.idle_since END
     WHERE c.hash = ANY (ARRAY(
           SELECT r.hash
             FROM respgres.hashes_of(snapshot_count_uses.refs) r
            UNION SELECT snapshot_count_uses.base));
END
$$;

CREATE OR REPLACE FUNCTION respgres.snapshot_release(refs bytea, base bytea)
RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM respgres.snapshot_lock_chunks(refs, base);
    PERFORM respgres.snapshot_count_uses(refs, base, -1);
END
$$;

-- Which of the chunks are there, and readable by SQL if that is wanted.  Those
-- that nobody uses are kept for a while.
CREATE OR REPLACE FUNCTION respgres.snapshot_known_chunks(
    hashes bytea[], plain boolean)
RETURNS SETOF bytea
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE respgres.snapshot_chunk AS c
       SET idle_since = respgres.now_ms()
     WHERE c.hash = ANY (ARRAY(
           SELECT o.hash FROM respgres.snapshot_chunk o
            WHERE o.hash = ANY (hashes) AND o.uses = 0
            ORDER BY o.hash FOR UPDATE));
    RETURN QUERY SELECT c.hash FROM respgres.snapshot_chunk c
                  WHERE c.hash = ANY (hashes) AND (c.codec = 0 OR NOT plain);
END
$$;

-- Stores chunks that are not there yet, behind those that they refer to; how
-- many bytes that took.  An empty base or list of references is none.  `plain`:
-- also instead of compressed ones.
CREATE OR REPLACE FUNCTION respgres.snapshot_put_chunks(
    hashes bytea[], raw_sizes bigint[], codecs bigint[], depths bigint[],
    data bytea[], bases bytea[], refs bytea[], plain boolean DEFAULT true,
    OUT error text, OUT stored bigint)
LANGUAGE plpgsql AS $$
DECLARE
    chunk record;
    held record;
BEGIN
    stored := 0;
    FOR chunk IN
        SELECT i.hash, i.raw_size, i.codec, i.depth, i.data,
               nullif(i.base, '') AS base, nullif(i.refs, '') AS refs
          FROM unnest(hashes, raw_sizes, codecs, depths,
                      snapshot_put_chunks.data, bases,
                      snapshot_put_chunks.refs)
               AS i (hash, raw_size, codec, depth, data, base, refs)
    LOOP
        IF chunk.refs IS NOT NULL OR chunk.base IS NOT NULL THEN
            SELECT * INTO held
              FROM respgres.snapshot_lock_chunks(chunk.refs, chunk.base);
            IF held.present < held.wanted THEN
                error := 'ERR a part of the snapshot has gone meanwhile, '
                         'make it again';
                RETURN;
            END IF;
        END IF;
        INSERT INTO respgres.snapshot_chunk AS c
               (hash, idle_since, raw_size, codec, depth, data, base, refs)
        VALUES (chunk.hash, respgres.now_ms(), chunk.raw_size, chunk.codec,
                chunk.depth, chunk.data, chunk.base, chunk.refs)
            ON CONFLICT (hash) DO NOTHING;
        IF FOUND THEN
            PERFORM respgres.snapshot_count_uses(chunk.refs, chunk.base, 1);
            stored := stored + octet_length(chunk.data)
                      + coalesce(octet_length(chunk.refs), 0);
        ELSE
            UPDATE respgres.snapshot_chunk AS c
               SET idle_since = respgres.now_ms()
             WHERE c.hash = chunk.hash AND c.uses = 0;
            IF plain THEN
                stored := stored + respgres.snapshot_make_plain(
                    chunk.hash, chunk.data);
            END IF;
        END IF;
    END LOOP;
END
$$;

-- Stores a compressed chunk as it is; how many bytes more that takes.
CREATE OR REPLACE FUNCTION respgres.snapshot_make_plain(
    name bytea, raw bytea) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    old record;
BEGIN
    SELECT c.base, octet_length(c.data) AS size INTO old
      FROM respgres.snapshot_chunk c
     WHERE c.hash = name AND c.codec = 1 FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    UPDATE respgres.snapshot_chunk AS c
       SET data = raw, codec = 0, depth = 0, base = NULL
     WHERE c.hash = name;
    IF old.base IS NOT NULL THEN
        PERFORM respgres.snapshot_release(NULL, old.base);
    END IF;
    RETURN octet_length(raw) - old.size;
END
$$;

-- The chunks, and those they are stored as changes to.
CREATE OR REPLACE FUNCTION respgres.snapshot_read_chunks(hashes bytea[])
RETURNS TABLE (hash bytea, raw_size int, codec smallint, depth smallint,
               data bytea, base bytea, refs bytea)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    WITH RECURSIVE needed (hash) AS (
        SELECT DISTINCT h FROM unnest(hashes) AS h
        UNION
        SELECT c.base
          FROM needed n
          JOIN respgres.snapshot_chunk c ON c.hash = n.hash
         WHERE c.base IS NOT NULL
    )
    SELECT c.hash, c.raw_size, c.codec, c.depth, c.data, c.base, c.refs
      FROM needed n
      JOIN respgres.snapshot_chunk c ON c.hash = n.hash;
END
$$;

-- --- making ----------------------------------------------------------

-- What is wrong with what a snapshot is to be made of, and the snapshot that
-- it probably resembles: its parent, or else the agent's latest.
CREATE OR REPLACE FUNCTION respgres.snapshot_begin(
    db int, kind "char", agent bytea, parent text, meta bytea, language text,
    OUT error text, OUT base text, OUT base_chunks bytea)
LANGUAGE plpgsql AS $$
DECLARE
    p respgres.snapshot%ROWTYPE;
BEGIN
    IF octet_length(agent) NOT BETWEEN 1 AND 1024 THEN
        error := 'ERR the agent must have 1 to 1024 bytes';
        RETURN;
    END IF;
    IF meta IS NOT NULL
       AND jsonb_typeof(respgres.try_json(meta)) IS DISTINCT FROM 'object' THEN
        error := 'ERR META must be a JSON object';
        RETURN;
    END IF;
    IF respgres.text_configuration(language) IS NULL THEN
        error := format(
            'ERR unknown language, expected one of %s',
            (SELECT string_agg(c.cfgname, ', ' ORDER BY c.cfgname)
               FROM pg_ts_config c WHERE pg_ts_config_is_visible(c.oid)));
        RETURN;
    END IF;
    IF parent IS NOT NULL THEN
        SELECT s.* INTO p FROM respgres.snapshot_find(db, parent) s;
        IF p.id IS NULL THEN
            error := 'ERR no such parent snapshot';
            RETURN;
        END IF;
    END IF;
    IF p.kind IS DISTINCT FROM snapshot_begin.kind THEN
        SELECT s.* INTO p
          FROM respgres.snapshot s
         WHERE s.db = snapshot_begin.db AND s.agent = snapshot_begin.agent
           AND s.kind = snapshot_begin.kind
         ORDER BY s.id DESC LIMIT 1;
    END IF;
    base := p.id;
    base_chunks := p.chunks;
END
$$;

CREATE OR REPLACE FUNCTION respgres.snapshot_find(db int, id text)
RETURNS SETOF respgres.snapshot
LANGUAGE plpgsql STABLE ROWS 1 AS $$
BEGIN
    RETURN QUERY
    SELECT s.* FROM respgres.snapshot s
     WHERE s.id = snapshot_find.id AND s.db = snapshot_find.db
       AND (s.pinned OR s.expires_at IS NULL
            OR s.expires_at > respgres.now_ms());
END
$$;

-- Makes the snapshot of chunks that are there; snapshot_begin() has found its
-- facts in order.  `source`: what its text is made of.
CREATE OR REPLACE FUNCTION respgres.snapshot_add(
    db int, kind "char", agent bytea, name bytea, parent text,
    user_name bytea, meta bytea, ttl_ms bigint, pinned boolean, language text,
    patterns bytea[], created_at bigint, key_count bigint, raw_bytes bigint,
    stored_bytes bigint, checksum bytea, chunks bytea, source bytea,
    OUT error text, OUT id text)
LANGUAGE plpgsql AS $$
DECLARE
    held record;
    now_ms bigint := respgres.now_ms();
    body text := respgres.snapshot_text(source);
    document jsonb := respgres.try_json(meta);
BEGIN
    IF ttl_ms IS NOT NULL AND (ttl_ms <= 0 OR ttl_ms > 1 << 50) THEN
        error := 'ERR invalid expire time in ''snapshot|create'' command';
        RETURN;
    END IF;
    IF greatest(octet_length(name), octet_length(user_name)) > 1024 THEN
        error := 'ERR names must have up to 1024 bytes';
        RETURN;
    END IF;
    -- A cleanup would not see that it keeps its parent.
    PERFORM pg_advisory_xact_lock_shared(
        hashtext('respgres snapshots'), snapshot_add.db);
    IF parent IS NOT NULL AND NOT EXISTS (
           SELECT FROM respgres.snapshot_find(db, parent)) THEN
        error := 'ERR no such parent snapshot';
        RETURN;
    END IF;
    SELECT * INTO held FROM respgres.snapshot_lock_chunks(chunks, NULL);
    IF held.present < held.wanted THEN
        error := 'ERR a part of the snapshot has gone meanwhile, make it again';
        RETURN;
    END IF;
    PERFORM respgres.snapshot_count_uses(chunks, NULL, 1);
    id := respgres.snapshot_id(now_ms);
    INSERT INTO respgres.snapshot AS s
           (id, db, kind, pinned, created_at, expires_at, key_count,
            raw_bytes, stored_bytes, agent, name, user_name, parent, patterns,
            meta, checksum, chunks, language, search_text, search)
    VALUES (snapshot_add.id, db, kind, coalesce(pinned, false),
            coalesce(created_at, now_ms), now_ms + ttl_ms, key_count,
            raw_bytes, stored_bytes, agent, name, user_name, parent,
            nullif(patterns, '{}'), document, checksum, chunks,
            lower(language), body,
            respgres.snapshot_words(db, agent, name, document, language,
                                    body));
    UPDATE respgres.snapshot_policy AS p SET due_at = now_ms
     WHERE p.db = snapshot_add.db AND p.agent = snapshot_add.agent
       AND p.due_at > now_ms;
END
$$;

-- SNAPSHOT CREATE … DATA from SQL.  The payload is kept in one piece, up to
-- 512 MB, compressed by PostgreSQL.
CREATE OR REPLACE FUNCTION respgres.snapshot_create(
    db int, agent bytea, data bytea, name bytea DEFAULT NULL,
    parent text DEFAULT NULL, user_name bytea DEFAULT NULL,
    meta jsonb DEFAULT NULL, ttl_seconds bigint DEFAULT NULL,
    pinned boolean DEFAULT false, language text DEFAULT 'simple',
    OUT error text, OUT id text)
LANGUAGE plpgsql AS $$
DECLARE
    hash bytea := respgres.snapshot_chunk_hash(data);
    stored record;
BEGIN
    IF octet_length(data) > 536870912 THEN
        error := 'ERR the data must have up to 512 MB';
        RETURN;
    END IF;
    SELECT b.error INTO error
      FROM respgres.snapshot_begin(db, 'd', agent, parent,
           convert_to(meta::text, 'UTF8'), language) b;
    IF error IS NOT NULL THEN
        RETURN;
    END IF;
    SELECT * INTO stored
      FROM respgres.snapshot_put_chunks(
           ARRAY[hash], ARRAY[octet_length(data)::bigint], ARRAY[0::bigint],
           ARRAY[0::bigint], ARRAY[data], ARRAY[''::bytea],
           ARRAY[''::bytea]);
    SELECT a.error, a.id INTO error, id
      FROM respgres.snapshot_add(
           db, 'd', agent, name, parent, user_name,
           convert_to(meta::text, 'UTF8'), ttl_seconds * 1000, pinned,
           language, NULL, NULL, 0, octet_length(data), stored.stored,
           sha256(data), hash,
           CASE WHEN octet_length(data) <= 1048576 THEN data
                ELSE substr(data, 1, 65536) END) a;
END
$$;

-- --- reading ---------------------------------------------------------

-- A snapshot's facts, as SNAPSHOT GET and LIST tell them.
CREATE OR REPLACE FUNCTION respgres.snapshot_facts(s respgres.snapshot)
RETURNS TABLE (
    id text, agent bytea, name bytea, parent text, "user" bytea, kind text,
    meta text, created_ms bigint, expires_ms bigint, pinned boolean,
    keys bigint, raw_bytes bigint, stored_bytes bigint,
    ratio double precision, language text, checksum text)
LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT s.id, s.agent, s.name, s.parent, s.user_name,
           CASE s.kind WHEN 'k' THEN 'keys' ELSE 'data' END, s.meta::text,
           s.created_at, s.expires_at, s.pinned,
           CASE s.kind WHEN 'k' THEN s.key_count END,
           s.raw_bytes, s.stored_bytes,
           CASE WHEN s.stored_bytes > 0
                THEN s.raw_bytes::float8 / s.stored_bytes END,
           s.language, encode(s.checksum, 'hex')
$$;

-- The payload of a data snapshot.  SQL cannot read what the server has
-- compressed.
CREATE OR REPLACE FUNCTION respgres.snapshot_get(
    db int, id text, OUT error text, OUT data bytea, OUT meta jsonb)
LANGUAGE plpgsql AS $$
DECLARE
    s record;
    part record;
    parts bytea[] := '{}';
BEGIN
    SELECT * INTO s FROM respgres.snapshot_find(db, id);
    IF s.id IS NULL THEN
        error := 'ERR no such snapshot';
        RETURN;
    END IF;
    IF s.kind = 'k' THEN
        error := 'ERR the snapshot holds keys, no data';
        RETURN;
    END IF;
    meta := s.meta;
    FOR part IN
        SELECT h.hash, c.codec, c.data
          FROM respgres.hashes_of(s.chunks) h
          LEFT JOIN respgres.snapshot_chunk c ON c.hash = h.hash
         ORDER BY h.ordinal
    LOOP
        IF part.codec = 1 THEN
            error := 'ERR the server has compressed the data with zstd, '
                     'which SQL cannot read: use SNAPSHOT GET, or '
                     'snapshot-compression off';
            RETURN;
        END IF;
        parts := parts || part.data;
    END LOOP;
    data := coalesce((SELECT string_agg(p.part, ''::bytea ORDER BY p.ordinal)
                        FROM unnest(parts) WITH ORDINALITY
                             AS p (part, ordinal)), '');
    IF sha256(data) <> s.checksum THEN
        data := NULL;
        error := 'ERR the snapshot is damaged: its checksum differs';
    END IF;
END
$$;

-- Snapshots, the latest first.  `cursor`: the id behind which to go on.
CREATE OR REPLACE FUNCTION respgres.snapshot_list(
    db int, agent bytea DEFAULT NULL, user_name bytea DEFAULT NULL,
    meta bytea DEFAULT NULL, since_ms bigint DEFAULT NULL,
    until_ms bigint DEFAULT NULL, name_pattern bytea DEFAULT NULL,
    name_first bytea DEFAULT NULL, name_past bytea DEFAULT NULL,
    cursor text DEFAULT NULL, count bigint DEFAULT 100)
RETURNS SETOF respgres.snapshot
LANGUAGE plpgsql STABLE AS $$
DECLARE
    contained jsonb := respgres.try_json(meta);
BEGIN
    -- Planned for the filters that are given, so that each uses its index.
    RETURN QUERY EXECUTE
        'SELECT s.* FROM respgres.snapshot s WHERE s.db = $1'
        || CASE WHEN agent IS NOT NULL THEN ' AND s.agent = $2' ELSE '' END
        || CASE WHEN user_name IS NOT NULL THEN ' AND s.user_name = $3'
                ELSE '' END
        || CASE WHEN meta IS NOT NULL THEN ' AND s.meta @> $4' ELSE '' END
        || CASE WHEN since_ms IS NOT NULL THEN ' AND s.id >= $5' ELSE '' END
        || CASE WHEN until_ms IS NOT NULL THEN ' AND s.id < $6' ELSE '' END
        || CASE WHEN name_pattern IS NOT NULL THEN ' AND s.name LIKE $7'
                ELSE '' END
        || CASE WHEN name_first IS NOT NULL
                THEN ' AND s.name >= $8 AND s.name < $9' ELSE '' END
        || CASE WHEN cursor IS NOT NULL THEN ' AND s.id < $10' ELSE '' END
        || ' AND (s.pinned OR s.expires_at IS NULL'
           ' OR s.expires_at > respgres.now_ms())'
           ' ORDER BY s.id DESC LIMIT $11'
    USING db, agent, user_name, contained,
          respgres.snapshot_id_from(since_ms),
          respgres.snapshot_id_from(until_ms), name_pattern, name_first,
          name_past, cursor, count;
END
$$;

-- An agent's snapshots with their depth, parents before children; from the
-- cursor-th on.
CREATE OR REPLACE FUNCTION respgres.snapshot_tree(
    db int, agent bytea, cursor bigint DEFAULT 0, count bigint DEFAULT 1000)
RETURNS TABLE (depth int, id text, parent text, name bytea, kind text,
               created_ms bigint, pinned boolean)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    WITH RECURSIVE node AS (
        SELECT s.id, s.parent, s.name, s.kind, s.created_at, s.pinned
          FROM respgres.snapshot s
         WHERE s.db = snapshot_tree.db AND s.agent = snapshot_tree.agent
           AND (s.pinned OR s.expires_at IS NULL
                OR s.expires_at > respgres.now_ms())
    ), walk AS (
        SELECT n.*, 0 AS depth, ARRAY[n.id] AS path
          FROM node n
         WHERE NOT EXISTS (SELECT FROM node p WHERE p.id = n.parent)
        UNION ALL
        SELECT n.*, w.depth + 1, w.path || n.id
          FROM walk w JOIN node n ON n.parent = w.id
    )
    SELECT w.depth, w.id::text, w.parent::text, w.name,
           CASE w.kind WHEN 'k' THEN 'keys' ELSE 'data' END, w.created_at,
           w.pinned
      FROM walk w
     ORDER BY w.path
    OFFSET cursor LIMIT count;
END
$$;

-- The best of the snapshots in which the query is found.  Those of the latest
-- ones are ranked, and unless that is a tenth of these, up to a thousand more:
-- so all, where there are no more.
CREATE OR REPLACE FUNCTION respgres.snapshot_search(
    db int, query text, agent bytea DEFAULT NULL,
    language text DEFAULT 'simple', count bigint DEFAULT 10)
RETURNS TABLE (error text, id text, agent_name bytea, name bytea,
               created_ms bigint, rank double precision, excerpt text)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    latest CONSTANT bigint := 500;
    configuration regconfig := respgres.text_configuration(
        snapshot_search.language);
    wanted tsquery;
    scoped tsquery;
    seen bigint;
    ids text[];
BEGIN
    IF configuration IS NULL THEN
        error := format(
            'ERR unknown language, expected one of %s',
            (SELECT string_agg(c.cfgname, ', ' ORDER BY c.cfgname)
               FROM pg_ts_config c WHERE pg_ts_config_is_visible(c.oid)));
        RETURN NEXT;
        RETURN;
    END IF;
    wanted := websearch_to_tsquery(configuration, query);
    IF numnode(wanted) = 0 THEN
        RETURN;
    END IF;
    IF snapshot_search.agent IS NULL THEN
        SELECT count(*), array_agg(l.id) FILTER (WHERE l.search @@ wanted)
          INTO seen, ids
          FROM (SELECT s.id, s.search FROM respgres.snapshot s
                 WHERE s.db = snapshot_search.db
                 ORDER BY s.id DESC LIMIT latest) AS l;
    ELSE
        SELECT count(*), array_agg(l.id) FILTER (WHERE l.search @@ wanted)
          INTO seen, ids
          FROM (SELECT s.id, s.search FROM respgres.snapshot s
                 WHERE s.db = snapshot_search.db
                   AND s.agent = snapshot_search.agent
                 ORDER BY s.id DESC LIMIT latest) AS l;
    END IF;
    ids := coalesce(ids, '{}');
    IF seen = latest AND cardinality(ids) < latest / 10 THEN
        -- The index knows no order of words: where a phrase is wanted, a
        -- bounded number of snapshots with its words is looked at.
        scoped := replace(regexp_replace(wanted::text, '<[0-9]+>', '&', 'g'),
                          '<->', '&')::tsquery
            && quote_literal(respgres.snapshot_scope(
               db, snapshot_search.agent))::tsquery;
        ids := ids || ARRAY(
            SELECT f.id
              FROM (SELECT s.id, s.search FROM respgres.snapshot s
                     WHERE s.search @@ scoped LIMIT 2 * latest) AS f
             WHERE f.search @@ wanted);
    END IF;
    RETURN QUERY
    WITH best AS (
        SELECT s.id, ts_rank(s.search, wanted) AS rank
          FROM respgres.snapshot s
         WHERE s.id = ANY (ids)
           AND (s.pinned OR s.expires_at IS NULL
                OR s.expires_at > respgres.now_ms())
         ORDER BY 2 DESC, 1 DESC
         LIMIT snapshot_search.count
    )
    SELECT NULL::text, s.id::text, s.agent, s.name, s.created_at,
           b.rank::float8,
           ts_headline(configuration,
               concat_ws(' ', respgres.try_text(s.name),
                         respgres.json_words(s.meta), s.search_text),
               wanted, 'MaxFragments=2, MaxWords=20, MinWords=8')
      FROM best b
      JOIN respgres.snapshot s ON s.id = b.id
     ORDER BY b.rank DESC, b.id DESC;
END
$$;
