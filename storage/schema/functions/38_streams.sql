-- Streams: IDs, entries and trimming; groups are in 39_stream_groups.sql.
--
-- As in 20_strings.sql an expected failure is the text in `error`, and a slot
-- of NULL is computed.  Functions named …_many take what statement.h calls
-- repeated keys, as in 26_hashes.sql.
--
-- PostgreSQL has no unsigned numbers: here a half of an ID is the number less
-- 2^63, so that order and addition are those of bigint.

CREATE OR REPLACE FUNCTION respgres.stream_id_half(id bytea, first int)
RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ('x' || encode(substr(id, first, 8), 'hex'))::bit(64)::bigint
         # (-9223372036854775808)::bigint
$$;

CREATE OR REPLACE FUNCTION respgres.stream_id_of_halves(ms bigint, seq bigint)
RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT int8send(ms # (-9223372036854775808)::bigint)
        || int8send(seq # (-9223372036854775808)::bigint)
$$;

CREATE OR REPLACE FUNCTION respgres.stream_id_text(id bytea) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (respgres.stream_id_half(id, 1)::numeric + 9223372036854775808)
        || '-'
        || (respgres.stream_id_half(id, 9)::numeric + 9223372036854775808)
$$;

-- When an entry was added, by the milliseconds of its ID; NULL when they are
-- not a time.
CREATE OR REPLACE FUNCTION respgres.stream_id_time(id bytea)
RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN get_byte(id, 0) = 0 AND get_byte(id, 1) = 0
                THEN to_timestamp((respgres.stream_id_half(id, 1)::numeric
                                   + 9223372036854775808) / 1000.0) END
$$;

-- The ID that a text spells: 5-1, or 5 with `missing` for its second number;
-- "-" and "+" are the least and the greatest.  NULL when it is no ID.
CREATE OR REPLACE FUNCTION respgres.stream_id(
    id text, missing numeric DEFAULT 0) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    most CONSTANT numeric := 18446744073709551615;
    half CONSTANT numeric := 9223372036854775808;
    parts text[];
    ms numeric;
    seq numeric;
BEGIN
    IF id = '-' THEN
        RETURN respgres.stream_id_of_halves(-half::bigint, -half::bigint);
    ELSIF id = '+' THEN
        RETURN respgres.stream_id_of_halves(
            (half - 1)::bigint, (half - 1)::bigint);
    END IF;
    parts := regexp_match(id, '^([0-9]{1,40})(?:-([0-9]{1,40}))?$');
    ms := parts[1]::numeric;
    seq := coalesce(parts[2]::numeric, missing);
    IF ms <= most AND seq <= most THEN
        RETURN respgres.stream_id_of_halves(
            (ms - half)::bigint, (seq - half)::bigint);
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION respgres.stream_id_error() RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT 'ERR Invalid stream ID specified as stream command argument'
$$;

-- The first entry at or after `from_id`, its node, and how many entries of
-- that node there are; 0-0 when there is none.
CREATE OR REPLACE FUNCTION respgres.stream_head(
    slot smallint, content_id bigint, from_id bytea,
    OUT first_id bytea, OUT node bigint, OUT count bigint)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_variable
BEGIN
    SELECT e.id, e.node INTO first_id, node
      FROM respgres.stream_entry e
     WHERE e.slot = stream_head.slot AND e.content_id = stream_head.content_id
       AND e.id >= from_id
     ORDER BY e.id LIMIT 1;
    IF NOT FOUND THEN
        first_id := '\x00000000000000000000000000000000';
        node := 0;
        count := 0;
        RETURN;
    END IF;
    SELECT count(*) INTO count
      FROM respgres.stream_entry e
     WHERE e.slot = stream_head.slot AND e.content_id = stream_head.content_id
       AND e.id >= first_id
       AND e.id < coalesce((
           SELECT n.id FROM respgres.stream_entry n
            WHERE n.slot = stream_head.slot
              AND n.content_id = stream_head.content_id
              AND n.id > first_id AND n.node <> stream_head.node
            ORDER BY n.id LIMIT 1),
           '\xffffffffffffffffffffffffffffffffff');
END
$$;

-- Looks where a locked stream begins, now that nothing is left before
-- `from_id`.
CREATE OR REPLACE FUNCTION respgres.move_stream_head(
    slot smallint, content_id bigint, from_id bytea) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE respgres.stream AS u
       SET first_id = h.first_id, head_node = h.node, head_count = h.count,
           tail_count = CASE WHEN h.count = 0 THEN 0 ELSE u.tail_count END
      FROM respgres.stream_head(
           move_stream_head.slot, move_stream_head.content_id,
           from_id) AS h
     WHERE u.slot = move_stream_head.slot
       AND u.content_id = move_stream_head.content_id;
END
$$;

-- Trims a locked stream of `size` entries to `maxlen` of them, or to those from
-- `minid` on; how many went.  Approximately: whole nodes, and with `most` over
-- 0 no more than so many entries.
CREATE OR REPLACE FUNCTION respgres.trim_stream(
    slot smallint, content_id bigint, size bigint, maxlen bigint, minid bytea,
    approximate boolean, most bigint DEFAULT 0) RETURNS bigint
LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    s respgres.stream;
    removed bigint := 0;
    part bigint;
    -- Entries before it go.
    stop bytea;
    node bigint;
BEGIN
    SELECT * INTO s FROM respgres.stream o
     WHERE o.slot = trim_stream.slot
       AND o.content_id = trim_stream.content_id;
    WHILE size > 0 AND (size > maxlen OR s.first_id < minid) LOOP
        IF approximate THEN
            EXIT WHEN size - s.head_count < maxlen;
            EXIT WHEN most > 0 AND removed + s.head_count > most;
            SELECT e.id INTO stop FROM respgres.stream_entry e
             WHERE e.slot = trim_stream.slot
               AND e.content_id = trim_stream.content_id
               AND e.id > s.first_id AND e.node <> s.head_node
             ORDER BY e.id LIMIT 1;
            stop := coalesce(stop, '\xffffffffffffffffffffffffffffffffff');
            EXIT WHEN minid < stop AND EXISTS (
                 SELECT FROM respgres.stream_entry e
                  WHERE e.slot = trim_stream.slot
                    AND e.content_id = trim_stream.content_id
                    AND e.id >= minid AND e.id < stop);
        ELSIF maxlen IS NULL THEN
            stop := minid;
        ELSIF maxlen = 0 THEN
            stop := '\xffffffffffffffffffffffffffffffffff';
        ELSE
            SELECT e.id INTO stop FROM respgres.stream_entry e
             WHERE e.slot = trim_stream.slot
               AND e.content_id = trim_stream.content_id
               AND e.id >= s.first_id
             ORDER BY e.id OFFSET size - maxlen LIMIT 1;
        END IF;
        DELETE FROM respgres.stream_entry AS d
         WHERE d.slot = trim_stream.slot
           AND d.content_id = trim_stream.content_id
           AND d.id >= s.first_id AND d.id < stop;
        GET DIAGNOSTICS part = ROW_COUNT;
        removed := removed + part;
        size := size - part;
        SELECT e.node, e.id INTO node, s.first_id
          FROM respgres.stream_entry e
         WHERE e.slot = trim_stream.slot
           AND e.content_id = trim_stream.content_id AND e.id >= stop
         ORDER BY e.id LIMIT 1;
        IF node = s.head_node THEN
            UPDATE respgres.stream AS u
               SET first_id = s.first_id, head_count = u.head_count - part
             WHERE u.slot = trim_stream.slot
               AND u.content_id = trim_stream.content_id
            RETURNING u.* INTO s;
        ELSE
            PERFORM respgres.move_stream_head(slot, content_id, stop);
            SELECT * INTO s FROM respgres.stream o
             WHERE o.slot = trim_stream.slot
               AND o.content_id = trim_stream.content_id;
        END IF;
        EXIT WHEN NOT approximate;
    END LOOP;
    RETURN removed;
END
$$;

-- Adds entries.  A ms of NULL makes an ID of the clock and of what came last, a
-- seq of NULL the next one of its millisecond.  `fields` are bytea[] as text,
-- or, for a single element, only_fields; `sizes` are their bytes.  A node takes
-- up to node_entries entries and node_bytes bytes (0: any).  After an element
-- its stream is trimmed by its maxlen or minid as trim_stream() does.
--
-- Per element its ID, or an error; neither when there is no key and not `make`.
CREATE OR REPLACE FUNCTION respgres.xadd_many(
    dbs int[], slots smallint[], keys bytea[], of_key int[],
    ms bigint[], seq bigint[], fields text[], sizes bigint[],
    node_entries bigint, node_bytes bigint, make boolean DEFAULT true,
    maxlens bigint[] DEFAULT NULL, minids bytea[] DEFAULT NULL,
    approximate boolean[] DEFAULT NULL, limits bigint[] DEFAULT NULL,
    only_fields bytea[] DEFAULT NULL)
RETURNS TABLE (ordinal bigint, id bytea, error text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    lowest CONSTANT bigint := (-9223372036854775808)::bigint;
    highest CONSTANT bigint := 9223372036854775807;
    now_ms CONSTANT bigint := respgres.now_ms() + lowest;
    trims CONSTANT boolean := maxlens IS NOT NULL OR minids IS NOT NULL;
    k record;
    contents bigint[];
    -- Of each key: its last element here, and its row in respgres.stream.
    ends bigint[];
    last_mss bigint[];
    last_seqs bigint[];
    firsts bytea[];
    head_nodes bigint[];
    head_counts bigint[];
    tail_nodes bigint[];
    tail_counts bigint[];
    tail_sizes bigint[];
    growths bigint[] := array_fill(NULL::bigint, ARRAY[cardinality(keys)]);
    -- Of the key at hand.
    begin_at bigint := 1;
    length bigint;
    last_ms bigint;
    last_seq bigint;
    tail_node bigint;
    tail_count bigint;
    tail_size bigint;
    -- Of each element.
    new_mss bigint[] := array_fill(NULL::bigint, ARRAY[cardinality(of_key)]);
    new_seqs bigint[] := new_mss;
    nodes bigint[] := new_mss;
    failures int[] := array_fill(NULL::int, ARRAY[cardinality(of_key)]);
    new_ms bigint;
    new_seq bigint;
BEGIN
    SELECT * INTO k FROM respgres.open_keys(dbs, slots, keys, 'x', make);
    contents := k.content_ids;
    SELECT array_agg(s.last_ms), array_agg(s.last_seq), array_agg(s.first_id),
           array_agg(s.head_node), array_agg(s.head_count),
           array_agg(s.tail_node), array_agg(s.tail_count),
           array_agg(s.tail_bytes)
      INTO last_mss, last_seqs, firsts, head_nodes, head_counts, tail_nodes,
           tail_counts, tail_sizes
      FROM (SELECT coalesce(respgres.stream_id_half(o.last_id, 1), lowest)
                   AS last_ms,
                   coalesce(respgres.stream_id_half(o.last_id, 9), lowest)
                   AS last_seq,
                   o.first_id, coalesce(o.head_node, 0) AS head_node,
                   coalesce(o.head_count, 0) AS head_count,
                   coalesce(o.tail_node, 0) AS tail_node,
                   coalesce(o.tail_count, 0) AS tail_count,
                   coalesce(o.tail_bytes, 0) AS tail_bytes
              FROM unnest(k.content_slots, k.content_ids) WITH ORDINALITY
                   AS c (slot, content_id, ordinal)
              LEFT JOIN respgres.stream o
                ON o.slot = c.slot AND o.content_id = c.content_id
             ORDER BY c.ordinal) AS s;
    ends := ARRAY(SELECT max(c.ordinal)
                    FROM unnest(of_key) WITH ORDINALITY AS c (of_key, ordinal)
                   GROUP BY c.of_key ORDER BY c.of_key);
    FOR j IN 1 .. cardinality(keys) LOOP
        IF contents[j] IS NULL OR contents[j] = -1 THEN
            FOR i IN begin_at .. ends[j] LOOP
                failures[i] := CASE WHEN contents[j] = -1 THEN 1 END;
            END LOOP;
            begin_at := ends[j] + 1;
            CONTINUE;
        END IF;
        length := k.sizes[j];
        last_ms := last_mss[j];
        last_seq := last_seqs[j];
        tail_node := tail_nodes[j];
        tail_count := tail_counts[j];
        tail_size := tail_sizes[j];
        FOR i IN begin_at .. ends[j] LOOP
            new_ms := ms[i];
            new_seq := seq[i];
            IF new_ms IS NULL AND now_ms > last_ms THEN
                new_ms := now_ms;
                new_seq := lowest;
            ELSIF last_seq = highest AND last_ms = highest THEN
                failures[i] := 2;
                CONTINUE;
            ELSIF new_ms IS NULL AND last_seq = highest THEN
                new_ms := last_ms + 1;
                new_seq := lowest;
            ELSIF new_ms IS NULL OR (new_seq IS NULL AND new_ms = last_ms
                                     AND last_seq < highest) THEN
                new_ms := last_ms;
                new_seq := last_seq + 1;
            ELSE
                new_seq := coalesce(new_seq, lowest);
                IF new_ms < last_ms
                   OR (new_ms = last_ms AND new_seq <= last_seq) THEN
                    failures[i] := 3;
                    CONTINUE;
                END IF;
            END IF;
            IF length = 0 OR tail_count = 0
               OR (node_entries > 0 AND tail_count >= node_entries)
               OR (node_bytes > 0 AND tail_size + sizes[i] >= node_bytes) THEN
                tail_node := tail_node + 1;
                tail_count := 0;
                tail_size := 0;
                IF length = 0 THEN
                    firsts[j] := respgres.stream_id_of_halves(new_ms, new_seq);
                    head_nodes[j] := tail_node;
                    head_counts[j] := 0;
                END IF;
            END IF;
            IF tail_node = head_nodes[j] THEN
                head_counts[j] := head_counts[j] + 1;
            END IF;
            tail_count := tail_count + 1;
            tail_size := tail_size + sizes[i];
            length := length + 1;
            last_ms := new_ms;
            last_seq := new_seq;
            new_mss[i] := new_ms;
            new_seqs[i] := new_seq;
            nodes[i] := tail_node;
        END LOOP;
        begin_at := ends[j] + 1;
        last_mss[j] := last_ms;
        last_seqs[j] := last_seq;
        tail_nodes[j] := tail_node;
        tail_counts[j] := tail_count;
        tail_sizes[j] := tail_size;
        IF length > k.sizes[j] THEN
            growths[j] := length - k.sizes[j];
        END IF;
    END LOOP;
    INSERT INTO respgres.stream_entry (content_id, node, slot, id, fields)
    SELECT contents[e.of_key], e.node, k.content_slots[e.of_key],
           respgres.stream_id_of_halves(e.ms, e.seq),
           coalesce(only_fields, e.fields::bytea[])
      FROM unnest(of_key, new_mss, new_seqs, nodes, fields)
           AS e (of_key, ms, seq, node, fields)
     WHERE e.ms IS NOT NULL;
    -- Its rows come into being with their first entry.
    INSERT INTO respgres.stream AS u
           (content_id, slot, entries_added, last_id, max_deleted_id, first_id,
            head_node, head_count, tail_node, tail_count, tail_bytes)
    SELECT c.content_id, c.slot, c.growth,
           respgres.stream_id_of_halves(c.last_ms, c.last_seq),
           respgres.stream_id_of_halves(lowest, lowest), c.first_id,
           c.head_node, c.head_count, c.tail_node, c.tail_count, c.tail_size
      FROM unnest(k.content_slots, contents, growths, last_mss, last_seqs,
                  firsts, head_nodes, head_counts, tail_nodes, tail_counts,
                  tail_sizes)
           AS c (slot, content_id, growth, last_ms, last_seq, first_id,
                 head_node, head_count, tail_node, tail_count, tail_size)
     WHERE c.growth IS NOT NULL
        ON CONFLICT (slot, content_id) DO UPDATE
       SET entries_added = u.entries_added + excluded.entries_added,
           last_id = excluded.last_id, first_id = excluded.first_id,
           head_node = excluded.head_node, head_count = excluded.head_count,
           tail_node = excluded.tail_node, tail_count = excluded.tail_count,
           tail_bytes = excluded.tail_bytes;
    IF trims THEN
        growths := respgres.trim_added(
            k.content_slots, contents, k.sizes, growths, head_counts, of_key,
            new_mss, new_seqs, maxlens, minids, approximate, limits);
    END IF;
    PERFORM respgres.close_keys(dbs, slots, keys, contents, growths);
    PERFORM respgres.wake_many(dbs, slots, keys, contents);
    RETURN QUERY
    SELECT e.ordinal,
           CASE WHEN e.ms IS NOT NULL
                THEN respgres.stream_id_of_halves(e.ms, e.seq) END,
           CASE e.failure
           WHEN 1 THEN respgres.wrong_type()
           WHEN 2 THEN 'ERR The stream has exhausted the last possible ID, '
                    || 'unable to add more items'
           WHEN 3 THEN 'ERR The ID specified in XADD is equal or smaller than '
                    || 'the target stream top item' END
      FROM unnest(new_mss, new_seqs, failures) WITH ORDINALITY
           AS e (ms, seq, failure, ordinal);
END
$$;

-- Trims streams as their new elements say, all of which are there by now;
-- returns `growths` less what was trimmed.  Trimming to n entries before m more
-- were added is trimming to n + m after; what was added later than an element
-- is safe from its minid.
CREATE OR REPLACE FUNCTION respgres.trim_added(
    slots smallint[], contents bigint[], sizes bigint[], growths bigint[],
    head_counts bigint[], of_key int[], ms bigint[], seq bigint[],
    maxlens bigint[], minids bytea[], approximate boolean[], limits bigint[])
RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
    t record;
    size bigint;
BEGIN
    FOR t IN
        SELECT e.of_key, e.approximate, min(e.maxlen + e.later) AS maxlen,
               (array_agg(LEAST(e.minid, e.safe)
                          ORDER BY LEAST(e.minid, e.safe) DESC)
                FILTER (WHERE e.minid IS NOT NULL))[1] AS minid,
               CASE WHEN min(e.most) > 0 THEN sum(e.most) ELSE 0 END AS most
          FROM (SELECT a.of_key, a.approximate, a.maxlen, a.minid, a.most,
                       count(*) OVER (PARTITION BY a.of_key
                                      ORDER BY a.ordinal DESC) - 1 AS later,
                       -- What sorts next after the element's own ID.
                       respgres.stream_id_of_halves(a.ms, a.seq) || '\x00'
                       AS safe
                  FROM unnest(of_key, ms, seq, maxlens, minids, approximate,
                              limits) WITH ORDINALITY
                       AS a (of_key, ms, seq, maxlen, minid, approximate, most,
                             ordinal)
                 WHERE a.ms IS NOT NULL) AS e
         WHERE e.maxlen IS NOT NULL OR e.minid IS NOT NULL
         GROUP BY e.of_key, e.approximate, e.maxlen IS NULL
    LOOP
        size := sizes[t.of_key] + growths[t.of_key];
        CONTINUE WHEN size <= t.maxlen
                   OR (t.approximate
                       AND size - head_counts[t.of_key] < t.maxlen);
        -- Looked at anew should its other elements trim otherwise.
        head_counts[t.of_key] := 0;
        growths[t.of_key] := growths[t.of_key] - respgres.trim_stream(
            slots[t.of_key], contents[t.of_key], size, t.maxlen, t.minid,
            t.approximate, t.most::bigint);
    END LOOP;
    RETURN growths;
END
$$;

-- Adds an entry; `fields` holds names and values in turns.  An id of NULL is
-- made of the clock, '5-*' is the next one of its millisecond.  Without
-- `approximate` the stream is then trimmed to maxlen entries, or to those from
-- minid on; with it to a few more of them.
CREATE OR REPLACE FUNCTION respgres.xadd(
    db int, key bytea, fields bytea[], id text DEFAULT NULL,
    maxlen bigint DEFAULT NULL, minid text DEFAULT NULL,
    approximate boolean DEFAULT true, make boolean DEFAULT true,
    slot smallint DEFAULT NULL, OUT error text, OUT added_id text)
LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    whole bytea := respgres.stream_id(replace(nullif(id, '*'), '-*', '-0'));
    least_id bytea := respgres.stream_id(minid);
BEGIN
    IF (id <> '*' AND (whole IS NULL OR id IN ('-', '+')))
       OR (minid IS NOT NULL AND least_id IS NULL) THEN
        error := respgres.stream_id_error();
    ELSIF cardinality(fields) = 0 OR cardinality(fields) % 2 = 1
          OR fields IS NULL THEN
        error := 'ERR wrong number of arguments for ''xadd'' command';
    ELSIF whole = '\x00000000000000000000000000000000' AND id NOT LIKE '%*' THEN
        error := 'ERR The ID specified in XADD must be greater than 0-0';
    ELSIF maxlen < 0 THEN
        error := 'ERR The MAXLEN argument must be >= 0.';
    END IF;
    IF error IS NOT NULL THEN
        RETURN;
    END IF;
    SELECT m.error, respgres.stream_id_text(m.id) INTO error, added_id
      FROM respgres.xadd_many(
           ARRAY[db], ARRAY[coalesce(slot, respgres.slot(key))], ARRAY[key],
           ARRAY[1], ARRAY[respgres.stream_id_half(whole, 1)],
           ARRAY[CASE WHEN id NOT LIKE '%*'
                      THEN respgres.stream_id_half(whole, 9) END],
           ARRAY[NULL::text],
           ARRAY[(SELECT sum(octet_length(f.field))
                    FROM unnest(fields) AS f (field))],
           100, 4096, make,
           CASE WHEN maxlen IS NOT NULL THEN ARRAY[maxlen] END,
           CASE WHEN least_id IS NOT NULL THEN ARRAY[least_id] END,
           ARRAY[approximate], ARRAY[0::bigint], fields) AS m;
END
$$;

-- Removes entries; how many there were.
CREATE OR REPLACE FUNCTION respgres.delete_entries(
    db int, slot smallint, key bytea, ids bytea[],
    OUT error text, OUT deleted bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    k record;
    gone record;
    s respgres.stream;
BEGIN
    SELECT * INTO k FROM respgres.open_key(db, slot, key, 'x', false);
    error := k.error;
    deleted := 0;
    IF k.content_id IS NULL THEN
        RETURN;
    END IF;
    SELECT * INTO s FROM respgres.stream o
     WHERE o.slot = k.content_slot AND o.content_id = k.content_id;
    WITH d AS (
        DELETE FROM respgres.stream_entry AS e
         WHERE e.slot = k.content_slot AND e.content_id = k.content_id
           AND e.id = ANY (ids)
        RETURNING e.id, e.node
    )
    SELECT count(*) AS count,
           count(*) FILTER (WHERE d.node = s.head_node) AS of_head,
           coalesce(bool_or(d.node = s.tail_node), false) AS of_tail,
           coalesce(bool_or(d.id = s.first_id), false) AS first,
           (array_agg(d.id ORDER BY d.id DESC))[1] AS last
      INTO gone FROM d;
    deleted := gone.count;
    IF deleted = 0 THEN
        RETURN;
    END IF;
    UPDATE respgres.stream AS u
       SET max_deleted_id = GREATEST(u.max_deleted_id, gone.last),
           head_count = u.head_count - gone.of_head,
           -- A node of which nothing is left gets no more entries.
           tail_count = CASE WHEN gone.of_tail AND u.tail_node IS DISTINCT FROM (
                SELECT e.node FROM respgres.stream_entry e
                 WHERE e.slot = k.content_slot
                   AND e.content_id = k.content_id
                 ORDER BY e.id DESC LIMIT 1) THEN 0 ELSE u.tail_count END
     WHERE u.slot = k.content_slot AND u.content_id = k.content_id;
    IF gone.first THEN
        PERFORM respgres.move_stream_head(
            k.content_slot, k.content_id, s.first_id);
    END IF;
    PERFORM respgres.close_key(db, slot, key, k.size - deleted);
END
$$;

CREATE OR REPLACE FUNCTION respgres.xdel(
    db int, key bytea, VARIADIC ids text[],
    OUT error text, OUT deleted bigint)
LANGUAGE sql AS $$
    SELECT d.error, d.deleted
      FROM respgres.delete_entries(
           xdel.db, respgres.slot(xdel.key), xdel.key,
           ARRAY(SELECT respgres.stream_id(i.id)
                   FROM unnest(xdel.ids) AS i (id))) AS d
$$;

-- Trims a stream as trim_stream() does; how many entries went.
CREATE OR REPLACE FUNCTION respgres.trim_key(
    db int, slot smallint, key bytea, maxlen bigint, minid bytea,
    approximate boolean, most bigint, OUT error text, OUT trimmed bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    k record;
BEGIN
    SELECT * INTO k FROM respgres.open_key(db, slot, key, 'x', false);
    error := k.error;
    trimmed := 0;
    IF k.content_id IS NULL THEN
        RETURN;
    END IF;
    trimmed := respgres.trim_stream(k.content_slot, k.content_id, k.size,
                                    maxlen, minid, approximate, most);
    IF trimmed > 0 THEN
        PERFORM respgres.close_key(db, slot, key, k.size - trimmed);
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION respgres.xtrim(
    db int, key bytea, maxlen bigint DEFAULT NULL, minid text DEFAULT NULL,
    approximate boolean DEFAULT false, OUT error text, OUT trimmed bigint)
LANGUAGE sql AS $$
    SELECT t.error, t.trimmed
      FROM respgres.trim_key(
           xtrim.db, respgres.slot(xtrim.key), xtrim.key, xtrim.maxlen,
           respgres.stream_id(xtrim.minid), xtrim.approximate, 0) AS t
$$;

-- Sets what a stream remembers beside its entries; NULL leaves it alone.
CREATE OR REPLACE FUNCTION respgres.xsetid(
    db int, key bytea, last_id bytea, entries_added bigint DEFAULT NULL,
    max_deleted_id bytea DEFAULT NULL, slot smallint DEFAULT NULL,
    OUT error text)
LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    k record;
BEGIN
    SELECT * INTO k FROM respgres.open_key(
        db, coalesce(slot, respgres.slot(key)), key, 'x', false);
    error := CASE
        WHEN k.error IS NOT NULL THEN k.error
        WHEN k.content_id IS NULL THEN 'ERR no such key'
        WHEN last_id < (SELECT e.id FROM respgres.stream_entry e
                         WHERE e.slot = k.content_slot
                           AND e.content_id = k.content_id
                         ORDER BY e.id DESC LIMIT 1)
        THEN 'ERR The ID specified in XSETID is smaller than the target '
          || 'stream top item'
        WHEN k.size > entries_added
        THEN 'ERR The entries_added specified in XSETID is smaller than the '
          || 'target stream length' END;
    IF error IS NULL THEN
        UPDATE respgres.stream AS u
           SET last_id = xsetid.last_id,
               entries_added = coalesce(xsetid.entries_added, u.entries_added),
               max_deleted_id = coalesce(xsetid.max_deleted_id,
                                         u.max_deleted_id)
         WHERE u.slot = k.content_slot AND u.content_id = k.content_id;
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION respgres.xlen(db int, key bytea) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT coalesce((
           SELECT k.size FROM respgres.key k
            WHERE k.db = xlen.db AND k.key = respgres.indexed(xlen.key)
              AND k.slot = respgres.slot(xlen.key) AND k.type = 'x'
              AND (k.expires_at IS NULL OR k.expires_at > respgres.now_ms())),
           0)
$$;

-- The entries of a range of IDs, both ends in it; `backwards` the last first.
CREATE OR REPLACE FUNCTION respgres.xrange(
    db int, key bytea, first text DEFAULT '-', last text DEFAULT '+',
    count bigint DEFAULT NULL, backwards boolean DEFAULT false)
RETURNS TABLE (id text, fields bytea[])
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    k respgres.key;
    from_id bytea := respgres.stream_id(first);
    to_id bytea := respgres.stream_id(last, 18446744073709551615);
BEGIN
    SELECT * INTO k FROM respgres.key o
     WHERE o.db = xrange.db AND o.key = respgres.indexed(xrange.key)
       AND o.slot = respgres.slot(xrange.key) AND o.type = 'x'
       AND (o.expires_at IS NULL OR o.expires_at > respgres.now_ms());
    IF backwards THEN
        RETURN QUERY
        SELECT respgres.stream_id_text(e.id), e.fields
          FROM respgres.stream_entry e
         WHERE e.slot = k.content_slot AND e.content_id = k.content_id
           AND e.id >= from_id AND e.id <= to_id
         ORDER BY e.id DESC LIMIT xrange.count;
    ELSE
        RETURN QUERY
        SELECT respgres.stream_id_text(e.id), e.fields
          FROM respgres.stream_entry e
         WHERE e.slot = k.content_slot AND e.content_id = k.content_id
           AND e.id >= from_id AND e.id <= to_id
         ORDER BY e.id LIMIT xrange.count;
    END IF;
END
$$;

-- Bytes as text, those that are no UTF-8 as encode(…, 'escape') writes them.
CREATE OR REPLACE FUNCTION respgres.readable(bytes bytea) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN convert_from(bytes, 'UTF8');
EXCEPTION WHEN OTHERS THEN
    RETURN encode(bytes, 'escape');
END
$$;

-- Names and values in turns as an object.
CREATE OR REPLACE FUNCTION respgres.readable_fields(fields bytea[])
RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_object_agg(respgres.readable(n.name),
                            respgres.readable(fields[n.ordinal + 1])
                            ORDER BY n.ordinal)
      FROM unnest(fields) WITH ORDINALITY AS n (name, ordinal)
     WHERE n.ordinal % 2 = 1
$$;
