-- What INFO and DEBUG ask about a whole keyspace.

-- Live keys of each database: how many, how many of them expire, and how long
-- those live on average, in milliseconds.  Exact up to about a million rows;
-- beyond that an estimate from the statistics that autovacuum keeps, where the
-- average is unknown (0).
CREATE OR REPLACE FUNCTION respgres.keyspace_counts()
RETURNS TABLE (db integer, keys bigint, expires bigint, average_ttl bigint)
LANGUAGE plpgsql STABLE SET enable_seqscan = on AS $$
DECLARE
    now_ms constant bigint := respgres.now_ms();
    total constant float8 := (SELECT c.reltuples FROM pg_class c
                               WHERE c.oid = 'respgres.key'::regclass);
    kept constant float4 := (SELECT s.null_frac FROM pg_stats s
                              WHERE s.schemaname = 'respgres'
                                AND s.tablename = 'key'
                                AND s.attname = 'expires_at');
BEGIN
    IF total > 1000000 THEN
        RETURN QUERY
        SELECT v.db, (v.part * total)::bigint,
               (v.part * total * (1 - coalesce(kept, 1)))::bigint, 0::bigint
          FROM pg_stats s,
               unnest(s.most_common_vals::text::integer[],
                      s.most_common_freqs) AS v (db, part)
         WHERE s.schemaname = 'respgres' AND s.tablename = 'key'
           AND s.attname = 'db'
         ORDER BY v.db;
        IF FOUND THEN
            RETURN;
        END IF;
    END IF;
    RETURN QUERY
    SELECT k.db, count(*), count(k.expires_at),
           coalesce(avg(k.expires_at - now_ms), 0)::bigint
      FROM respgres.key k
     WHERE k.expires_at IS NULL OR k.expires_at > now_ms
     GROUP BY k.db
     ORDER BY k.db;
END
$$;

-- A digest of a key's content: equal for equal values, whatever the key's name
-- and the order in which a collection was filled.
CREATE OR REPLACE FUNCTION respgres.content_digest(k respgres.key)
RETURNS bytea
LANGUAGE plpgsql STABLE AS $$
DECLARE
    content bytea;
BEGIN
    CASE k.type
    WHEN 's' THEN
        content := respgres.string_bytes(k.value, k.number);
    WHEN 'h' THEN
        SELECT string_agg(sha256(coalesce(f.long_field, f.field)) ||
                          sha256(f.value), '' ORDER BY f.hash, f.field)
          INTO content
          FROM respgres.hash_field f
         WHERE f.slot = k.content_slot AND f.content_id = k.content_id;
    WHEN 'l' THEN
        SELECT string_agg(sha256(i.value), '' ORDER BY i.position)
          INTO content
          FROM respgres.list_item i
         WHERE i.slot = k.content_slot AND i.content_id = k.content_id;
    WHEN 't' THEN
        SELECT string_agg(sha256(coalesce(m.long_member, m.member)), ''
                          ORDER BY m.hash, m.member)
          INTO content
          FROM respgres.set_member m
         WHERE m.slot = k.content_slot AND m.content_id = k.content_id;
    WHEN 'z' THEN
        SELECT string_agg(sha256(coalesce(m.long_member, m.member)) ||
                          float8send(m.score), '' ORDER BY m.hash, m.member)
          INTO content
          FROM respgres.sorted_set_member m
         WHERE m.slot = k.content_slot AND m.content_id = k.content_id;
    WHEN 'x' THEN
        SELECT string_agg(sha256(e.id || array_send(e.fields)), ''
                          ORDER BY e.id)
          INTO content
          FROM respgres.stream_entry e
         WHERE e.slot = k.content_slot AND e.content_id = k.content_id;
    END CASE;
    RETURN sha256(convert_to(k.type::text, 'UTF8') ||
                  coalesce(content, ''::bytea) ||
                  CASE WHEN k.expires_at IS NULL THEN ''::bytea
                       ELSE '!'::bytea END);
END
$$;

-- One digest of all live keys and their contents, in any order: 40 digits.
CREATE OR REPLACE FUNCTION respgres.digest() RETURNS text
LANGUAGE sql STABLE SET enable_seqscan = on AS $$
    SELECT lpad(to_hex(coalesce(bit_xor(('x' || substr(d.digest, 1, 16))
                                        ::bit(64)::bigint), 0)), 16, '0') ||
           lpad(to_hex(coalesce(bit_xor(('x' || substr(d.digest, 17, 16))
                                        ::bit(64)::bigint), 0)), 16, '0') ||
           lpad(to_hex(coalesce(bit_xor(('x' || substr(d.digest, 33, 8))
                                        ::bit(32)::integer), 0)), 8, '0')
      FROM respgres.key k
     CROSS JOIN LATERAL (
           SELECT encode(sha256(int4send(k.db) ||
                                coalesce(k.long_key, k.key) ||
                                respgres.content_digest(k)), 'hex')
           ) AS d (digest)
     WHERE k.expires_at IS NULL OR k.expires_at > respgres.now_ms()
$$;

-- Makes keys prefix:0 to prefix:(count - 1) that do not exist, with values
-- value:0 and so on, cut or filled with zero bytes to `size` when that is
-- over 0.
CREATE OR REPLACE FUNCTION respgres.populate(
    db integer, prefix bytea, count bigint, size bigint) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO respgres.key AS k
           (db, slot, key, long_key, type, value, touched_at)
    SELECT populate.db, respgres.slot(n.key), respgres.indexed(n.key),
           respgres.long(n.key), 's',
           CASE WHEN populate.size = 0 THEN v.value
                ELSE substr(v.value || decode(repeat('00',
                         populate.size::integer), 'hex'),
                         1, populate.size::integer) END,
           respgres.now_ms() / 1000
      FROM generate_series(0, populate.count - 1) AS i (number)
     CROSS JOIN LATERAL (VALUES (populate.prefix ||
                convert_to(':' || i.number, 'UTF8'))) AS n (key)
     CROSS JOIN LATERAL (VALUES (convert_to('value:' || i.number, 'UTF8')))
                AS v (value)
        ON CONFLICT DO NOTHING
$$;

-- CHECKPOINT as something that can be prepared.
CREATE OR REPLACE FUNCTION respgres.checkpoint() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    CHECKPOINT;
END
$$;

-- Bytes of a key's rows as stored, without those of indexes: of a collection
-- as many as its first `samples` elements (0: all) make likely.  NULL: no key.
CREATE OR REPLACE FUNCTION respgres.memory_usage(
    db int, key bytea, samples bigint DEFAULT 5, slot smallint DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
    -- What PostgreSQL adds to each row: header, alignment, line pointer.
    row_overhead CONSTANT int := 28;
    k respgres.key;
    mean float8;
BEGIN
    slot := coalesce(slot, respgres.slot(key));
    SELECT * INTO k FROM respgres.key o
     WHERE o.db = memory_usage.db
       AND o.key = respgres.indexed(memory_usage.key)
       AND o.slot = memory_usage.slot
       AND (o.expires_at IS NULL OR o.expires_at > respgres.now_ms());
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    CASE k.type
    WHEN 'h' THEN
        SELECT avg(pg_column_size(e)) INTO mean
          FROM (SELECT f FROM respgres.hash_field f
                 WHERE f.slot = k.content_slot
                   AND f.content_id = k.content_id
                 LIMIT nullif(samples, 0)) AS s (e);
    WHEN 'l' THEN
        SELECT avg(pg_column_size(e)) INTO mean
          FROM (SELECT i FROM respgres.list_item i
                 WHERE i.slot = k.content_slot
                   AND i.content_id = k.content_id
                 LIMIT nullif(samples, 0)) AS s (e);
    WHEN 't' THEN
        SELECT avg(pg_column_size(e)) INTO mean
          FROM (SELECT m FROM respgres.set_member m
                 WHERE m.slot = k.content_slot
                   AND m.content_id = k.content_id
                 LIMIT nullif(samples, 0)) AS s (e);
    WHEN 'z' THEN
        SELECT avg(pg_column_size(e)) INTO mean
          FROM (SELECT m FROM respgres.sorted_set_member m
                 WHERE m.slot = k.content_slot
                   AND m.content_id = k.content_id
                 LIMIT nullif(samples, 0)) AS s (e);
    WHEN 'x' THEN
        SELECT avg(pg_column_size(e)) INTO mean
          FROM (SELECT o FROM respgres.stream_entry o
                 WHERE o.slot = k.content_slot
                   AND o.content_id = k.content_id
                 LIMIT nullif(samples, 0)) AS s (e);
    ELSE
        NULL;
    END CASE;
    RETURN pg_column_size(k) + row_overhead +
           coalesce(k.size * (mean + row_overhead), 0)::bigint;
END
$$;
