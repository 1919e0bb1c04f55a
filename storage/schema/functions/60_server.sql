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
