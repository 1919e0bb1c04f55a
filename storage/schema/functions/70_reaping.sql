-- For the sweeper: the rows of contents that no key names any more.

-- Deletes up to `most` rows of dropped contents, and forgets contents that have
-- no rows left; how many rows there were.
CREATE OR REPLACE FUNCTION respgres.reap_contents(most bigint)
RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    -- Contents looked at together.
    width CONSTANT int := 1000;
    reaped bigint := 0;
    part bigint;
BEGIN
    DELETE FROM respgres.hash_field AS e
     WHERE e.ctid = ANY (ARRAY(
           SELECT o.ctid
             FROM (SELECT d.slot, d.content_id
                     FROM respgres.dropped_content d
                    WHERE d.type = 'h' LIMIT width) AS d
             JOIN respgres.hash_field o
               ON o.slot = d.slot AND o.content_id = d.content_id
            LIMIT most));
    GET DIAGNOSTICS part = ROW_COUNT;
    reaped := reaped + part;
    DELETE FROM respgres.list_item AS e
     WHERE e.ctid = ANY (ARRAY(
           SELECT o.ctid
             FROM (SELECT d.slot, d.content_id
                     FROM respgres.dropped_content d
                    WHERE d.type = 'l' LIMIT width) AS d
             JOIN respgres.list_item o
               ON o.slot = d.slot AND o.content_id = d.content_id
            LIMIT most - reaped));
    GET DIAGNOSTICS part = ROW_COUNT;
    reaped := reaped + part;
    DELETE FROM respgres.set_member AS e
     WHERE e.ctid = ANY (ARRAY(
           SELECT o.ctid
             FROM (SELECT d.slot, d.content_id
                     FROM respgres.dropped_content d
                    WHERE d.type = 't' LIMIT width) AS d
             JOIN respgres.set_member o
               ON o.slot = d.slot AND o.content_id = d.content_id
            LIMIT most - reaped));
    GET DIAGNOSTICS part = ROW_COUNT;
    reaped := reaped + part;
    DELETE FROM respgres.sorted_set_member AS e
     WHERE e.ctid = ANY (ARRAY(
           SELECT o.ctid
             FROM (SELECT d.slot, d.content_id
                     FROM respgres.dropped_content d
                    WHERE d.type = 'z' LIMIT width) AS d
             JOIN respgres.sorted_set_member o
               ON o.slot = d.slot AND o.content_id = d.content_id
            LIMIT most - reaped));
    GET DIAGNOSTICS part = ROW_COUNT;
    reaped := reaped + part;
    -- A hundredth of the members, so without a count of their own.
    DELETE FROM respgres.sorted_set_block AS e
     USING (SELECT d.slot, d.content_id
              FROM respgres.dropped_content d
             WHERE d.type = 'z' LIMIT width) AS d
     WHERE e.slot = d.slot AND e.content_id = d.content_id;
    reaped := reaped + respgres.reap_streams(width, most - reaped);
    -- Those of the looked-at contents that have nothing left.
    IF reaped < most THEN
        DELETE FROM respgres.dropped_content AS d
         WHERE d.ctid = ANY (ARRAY(
               SELECT o.ctid
                 FROM respgres.dropped_content o
                WHERE CASE o.type
                      WHEN 'h' THEN NOT EXISTS (
                           SELECT FROM respgres.hash_field e
                            WHERE e.slot = o.slot
                              AND e.content_id = o.content_id)
                      WHEN 'l' THEN NOT EXISTS (
                           SELECT FROM respgres.list_item e
                            WHERE e.slot = o.slot
                              AND e.content_id = o.content_id)
                      WHEN 't' THEN NOT EXISTS (
                           SELECT FROM respgres.set_member e
                            WHERE e.slot = o.slot
                              AND e.content_id = o.content_id)
                      WHEN 'z' THEN NOT EXISTS (
                           SELECT FROM respgres.sorted_set_member e
                            WHERE e.slot = o.slot
                              AND e.content_id = o.content_id)
                           AND NOT EXISTS (
                           SELECT FROM respgres.sorted_set_block e
                            WHERE e.slot = o.slot
                              AND e.content_id = o.content_id)
                      ELSE NOT EXISTS (
                           SELECT FROM respgres.stream e
                            WHERE e.slot = o.slot
                              AND e.content_id = o.content_id) END
                LIMIT 5 * width));
        GET DIAGNOSTICS part = ROW_COUNT;
        reaped := reaped + part;
    END IF;
    RETURN reaped;
END
$$;

-- The same for streams: pending entries, consumers and groups first, the row
-- in respgres.stream last.
CREATE OR REPLACE FUNCTION respgres.reap_streams(width int, most bigint)
RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    reaped bigint := 0;
    part bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM respgres.dropped_content d
                    WHERE d.type = 'x') THEN
        RETURN 0;
    END IF;
    DELETE FROM respgres.stream_pending AS e
     WHERE e.ctid = ANY (ARRAY(
           SELECT o.ctid
             FROM (SELECT d.slot, d.content_id
                     FROM respgres.dropped_content d
                    WHERE d.type = 'x' LIMIT width) AS d
             JOIN respgres.stream_group g
               ON g.slot = d.slot AND g.content_id = d.content_id
             JOIN respgres.stream_pending o
               ON o.slot = g.slot AND o.group_id = g.id
            LIMIT most));
    GET DIAGNOSTICS part = ROW_COUNT;
    reaped := reaped + part;
    DELETE FROM respgres.stream_entry AS e
     WHERE e.ctid = ANY (ARRAY(
           SELECT o.ctid
             FROM (SELECT d.slot, d.content_id
                     FROM respgres.dropped_content d
                    WHERE d.type = 'x' LIMIT width) AS d
             JOIN respgres.stream_entry o
               ON o.slot = d.slot AND o.content_id = d.content_id
            LIMIT most - reaped));
    GET DIAGNOSTICS part = ROW_COUNT;
    reaped := reaped + part;
    IF reaped = most THEN
        RETURN reaped;
    END IF;
    DELETE FROM respgres.stream_consumer AS e
     USING (SELECT g.slot, g.id
              FROM (SELECT d.slot, d.content_id
                      FROM respgres.dropped_content d
                     WHERE d.type = 'x' LIMIT width) AS d
              JOIN respgres.stream_group g
                ON g.slot = d.slot AND g.content_id = d.content_id) AS g
     WHERE e.slot = g.slot AND e.group_id = g.id;
    DELETE FROM respgres.stream_group AS e
     USING (SELECT d.slot, d.content_id
              FROM respgres.dropped_content d
             WHERE d.type = 'x' LIMIT width) AS d
     WHERE e.slot = d.slot AND e.content_id = d.content_id;
    DELETE FROM respgres.stream AS e
     USING (SELECT d.slot, d.content_id
              FROM respgres.dropped_content d
             WHERE d.type = 'x' LIMIT width) AS d
     WHERE e.slot = d.slot AND e.content_id = d.content_id;
    RETURN reaped;
END
$$;

-- Deletes up to `most` rows that nobody sees any more; how many there were.
-- Sessions not used for inactive_ms are ended, unless that is 0.
CREATE OR REPLACE FUNCTION respgres.sweep_contents(
    most bigint, inactive_ms bigint)
RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    swept bigint := respgres.sweep_fields(most);
BEGIN
    RETURN greatest(swept, respgres.reap_contents(most),
                    respgres.session_sweep(most, inactive_ms),
                    respgres.sweep_tags(most),
                    respgres.snapshot_sweep(most));
END
$$;
