-- Ranks in sorted sets without counting from the start.
--
-- The order is that of (score, member), members in the form of
-- respgres.indexed().  A range of it is given by two such positions: from the
-- first to below the second; (-Infinity, '') and (NaN, '') are its ends, as
-- PostgreSQL orders NaN behind all numbers.
--
-- A set of up to 1,024 members is counted directly.  A larger one has blocks
-- of up to 512 members, and groups of blocks of up to 65,536.  Blocks go when
-- the set has no more than 512 members: whoever changes a set between the two
-- sizes finds blocks or none, and keeps right what is there.  All this under
-- the lock of the key's row.

-- The number of members before a position.
CREATE OR REPLACE FUNCTION respgres.sorted_set_rank(
    slot smallint, content_id bigint, size bigint,
    score double precision, member bytea) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
    g record;
    b record;
    rank bigint;
BEGIN
    IF sorted_set_rank.size <= 1024 THEN
        -- In order, which only the right index gives.
        SELECT count(*) INTO rank
          FROM (SELECT
                  FROM respgres.sorted_set_member m
                 WHERE m.slot = sorted_set_rank.slot
                   AND m.content_id = sorted_set_rank.content_id
                   AND m.slot >= 0
                   AND ROW(m.score, m.member)
                       < ROW(sorted_set_rank.score, sorted_set_rank.member)
                 ORDER BY m.score, m.member) AS o;
        RETURN rank;
    ELSIF sorted_set_rank.score = 'NaN' THEN
        RETURN sorted_set_rank.size;
    ELSIF sorted_set_rank.score = '-Infinity' AND
          sorted_set_rank.member = '' THEN
        RETURN 0;
    END IF;
    SELECT o.score, o.member INTO g
      FROM respgres.sorted_set_block o
     WHERE o.slot = sorted_set_rank.slot
       AND o.content_id = sorted_set_rank.content_id AND o.level = 1
       AND ROW(o.score, o.member)
           <= ROW(sorted_set_rank.score, sorted_set_rank.member)
     ORDER BY o.score DESC, o.member DESC LIMIT 1;
    SELECT o.score, o.member INTO b
      FROM respgres.sorted_set_block o
     WHERE o.slot = sorted_set_rank.slot
       AND o.content_id = sorted_set_rank.content_id AND o.level = 0
       AND ROW(o.score, o.member)
           <= ROW(sorted_set_rank.score, sorted_set_rank.member)
     ORDER BY o.score DESC, o.member DESC LIMIT 1;
    SELECT coalesce((SELECT sum(o.count)
                       FROM respgres.sorted_set_block o
                      WHERE o.slot = sorted_set_rank.slot
                        AND o.content_id = sorted_set_rank.content_id
                        AND o.level = 1
                        AND ROW(o.score, o.member)
                            < ROW(g.score, g.member)), 0)
         + coalesce((SELECT sum(o.count)
                       FROM respgres.sorted_set_block o
                      WHERE o.slot = sorted_set_rank.slot
                        AND o.content_id = sorted_set_rank.content_id
                        AND o.level = 0
                        AND ROW(o.score, o.member) >= ROW(g.score, g.member)
                        AND ROW(o.score, o.member)
                            < ROW(b.score, b.member)), 0)
         + (SELECT count(*)
              FROM (SELECT
                      FROM respgres.sorted_set_member m
                     WHERE m.slot = sorted_set_rank.slot
                       AND m.content_id = sorted_set_rank.content_id
                       AND m.slot >= 0
                       AND ROW(m.score, m.member) >= ROW(b.score, b.member)
                       AND ROW(m.score, m.member)
                           < ROW(sorted_set_rank.score,
                                 sorted_set_rank.member)
                     ORDER BY m.score, m.member) AS o)
      INTO rank;
    RETURN rank;
END
$$;

-- The position of the member with that rank, from 0; NULL behind the last.
CREATE OR REPLACE FUNCTION respgres.sorted_set_at(
    slot smallint, content_id bigint, size bigint, rank bigint,
    OUT score double precision, OUT member bytea)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    b record;
    from_score double precision := '-Infinity';
    from_member bytea := '';
BEGIN
    IF rank >= size THEN
        RETURN;
    END IF;
    FOR at_level IN REVERSE 1 .. 0 LOOP
        EXIT WHEN size <= 1024;
        FOR b IN
            SELECT o.score, o.member, o.count
              FROM respgres.sorted_set_block o
             WHERE o.slot = sorted_set_at.slot
               AND o.content_id = sorted_set_at.content_id
               AND o.level = at_level
               AND ROW(o.score, o.member) >= ROW(from_score, from_member)
             ORDER BY o.score, o.member
        LOOP
            from_score := b.score;
            from_member := b.member;
            EXIT WHEN rank < b.count;
            rank := rank - b.count;
        END LOOP;
    END LOOP;
    SELECT m.score, m.member INTO score, member
      FROM respgres.sorted_set_member m
     WHERE m.slot = sorted_set_at.slot
       AND m.content_id = sorted_set_at.content_id
       AND m.slot >= 0
       AND ROW(m.score, m.member) >= ROW(from_score, from_member)
     ORDER BY m.score, m.member OFFSET rank LIMIT 1;
END
$$;

-- Puts scores in place of those that are NULL in a range of members: that which
-- all members should have.  Where they have not, Redis looks for the first one
-- that is not too small, and takes those behind it up to one that is too large.
CREATE OR REPLACE FUNCTION respgres.sorted_set_lexical_bounds(
    slot smallint, content_id bigint,
    INOUT low double precision, INOUT low_member bytea,
    INOUT high double precision, INOUT high_member bytea)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    least_score double precision;
    greatest_score double precision;
BEGIN
    SELECT m.score INTO least_score
      FROM respgres.sorted_set_member m
     WHERE m.slot = sorted_set_lexical_bounds.slot
       AND m.content_id = sorted_set_lexical_bounds.content_id
       AND m.slot >= 0
     ORDER BY m.score, m.member LIMIT 1;
    SELECT m.score INTO greatest_score
      FROM respgres.sorted_set_member m
     WHERE m.slot = sorted_set_lexical_bounds.slot
       AND m.content_id = sorted_set_lexical_bounds.content_id
       AND m.slot >= 0
     ORDER BY m.score DESC, m.member DESC LIMIT 1;
    IF least_score = greatest_score THEN
        low := coalesce(low, least_score);
        high := coalesce(high, least_score);
        RETURN;
    END IF;
    IF low IS NULL THEN
        SELECT m.score, m.member INTO low, low_member
          FROM respgres.sorted_set_member m
         WHERE m.slot = sorted_set_lexical_bounds.slot
           AND m.content_id = sorted_set_lexical_bounds.content_id
           AND m.slot >= 0 AND m.member >= low_member
         ORDER BY m.score, m.member LIMIT 1;
    END IF;
    IF high IS NULL THEN
        SELECT m.score, m.member INTO high, high_member
          FROM respgres.sorted_set_member m
         WHERE m.slot = sorted_set_lexical_bounds.slot
           AND m.content_id = sorted_set_lexical_bounds.content_id
           AND m.slot >= 0
           AND ROW(m.score, m.member) >= ROW(low, low_member)
           AND m.member >= high_member
         ORDER BY m.score, m.member LIMIT 1;
        high := coalesce(high, 'NaN');
        high_member := coalesce(high_member, '');
    END IF;
END
$$;

-- What ZRANGE and its like ask for, as a range of positions of which `skip`
-- members are left out and then up to `count` taken (NULL: all), from the end
-- when `backwards`.
--
-- Either by rank, from `first` to `last` with Redis' negative numbers; or from
-- (low, low_member) to below (high, high_member), where a score of NULL stands
-- for that of the set's first member, with an offset and a limit as LIMIT has
-- them.  Nothing in the range: low is NULL.
CREATE OR REPLACE FUNCTION respgres.sorted_set_window(
    slot smallint, content_id bigint, size bigint, backwards boolean,
    first bigint, last bigint,
    INOUT low double precision, INOUT low_member bytea,
    INOUT high double precision, INOUT high_member bytea,
    skipped bigint, taken bigint, OUT skip bigint, OUT count bigint)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    -- Fewer are skipped by walking.
    jump CONSTANT int := 512;
    rank bigint;
BEGIN
    skip := coalesce(skipped, 0);
    count := CASE WHEN taken >= 0 THEN taken END;
    IF first IS NOT NULL THEN
        skip := CASE WHEN first < 0 THEN greatest(size + first, 0)
                     ELSE first END;
        count := CASE WHEN last < 0 THEN size + last
                      ELSE LEAST(last, size - 1) END - skip + 1;
        low := '-Infinity';
        high := 'NaN';
        low_member := '';
        high_member := '';
    ELSIF low IS NULL OR high IS NULL THEN
        SELECT b.* INTO low, low_member, high, high_member
          FROM respgres.sorted_set_lexical_bounds(
               slot, content_id, low, low_member, high, high_member) b;
    END IF;
    IF skip < 0 OR skip >= size OR count <= 0 THEN
        low := NULL;
        skip := 0;
        count := 0;
    ELSIF size <= 1024 OR skip < jump THEN
        NULL;
    ELSIF backwards THEN
        rank := respgres.sorted_set_rank(slot, content_id, size, high,
                                         high_member) - skip;
        skip := 0;
        IF rank <= 0 THEN
            low := NULL;
        ELSIF rank < size THEN
            SELECT a.score, a.member INTO high, high_member
              FROM respgres.sorted_set_at(slot, content_id, size, rank) a;
        END IF;
    ELSE
        rank := respgres.sorted_set_rank(slot, content_id, size, low,
                                         low_member) + skip;
        skip := 0;
        SELECT a.score, a.member INTO low, low_member
          FROM respgres.sorted_set_at(slot, content_id, size, rank) a;
    END IF;
END
$$;

-- Makes the blocks of a set anew, or takes them off when it is small: for
-- whoever has filled a content otherwise than by the functions of
-- 34_sorted_sets.sql.
CREATE OR REPLACE FUNCTION respgres.rebuild_sorted_set_blocks(
    slot smallint, content_id bigint, size bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM respgres.sorted_set_block AS d
     WHERE d.slot = rebuild_sorted_set_blocks.slot
       AND d.content_id = rebuild_sorted_set_blocks.content_id;
    IF size <= 1024 THEN
        RETURN;
    END IF;
    INSERT INTO respgres.sorted_set_block
           (content_id, score, count, slot, level, member)
    SELECT rebuild_sorted_set_blocks.content_id,
           '-Infinity', size, rebuild_sorted_set_blocks.slot, l.level, ''
      FROM (VALUES (0), (1)) AS l (level);
    PERFORM respgres.split_sorted_set_block(slot, content_id, l.level,
                                            '-Infinity', '')
       FROM (VALUES (0), (1)) AS l (level);
END
$$;

-- The end of the block that begins at a position.
CREATE OR REPLACE FUNCTION respgres.sorted_set_block_end(
    slot smallint, content_id bigint, level int,
    INOUT score double precision, INOUT member bytea)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    SELECT o.score, o.member INTO score, member
      FROM respgres.sorted_set_block o
     WHERE o.slot = sorted_set_block_end.slot
       AND o.content_id = sorted_set_block_end.content_id
       AND o.level = sorted_set_block_end.level
       AND ROW(o.score, o.member)
           > ROW(sorted_set_block_end.score, sorted_set_block_end.member)
     ORDER BY o.score, o.member LIMIT 1;
    IF NOT FOUND THEN
        score := 'NaN';
        member := '';
    END IF;
END
$$;

-- Counts a block anew, and cuts one that is too large into halves of the largest
-- size.
CREATE OR REPLACE FUNCTION respgres.split_sorted_set_block(
    slot smallint, content_id bigint, level int,
    score double precision, member bytea) RETURNS void
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    half CONSTANT int := CASE level WHEN 0 THEN 256 ELSE 32768 END;
    e record;
    total bigint;
BEGIN
    SELECT * INTO e FROM respgres.sorted_set_block_end(
        slot, content_id, level, score, member);
    IF level = 0 THEN
        SELECT count(*) INTO total
          FROM (SELECT
                  FROM respgres.sorted_set_member m
                 WHERE m.slot = split_sorted_set_block.slot
                   AND m.content_id = split_sorted_set_block.content_id
                   AND m.slot >= 0
                   AND ROW(m.score, m.member)
                       >= ROW(split_sorted_set_block.score,
                              split_sorted_set_block.member)
                   AND ROW(m.score, m.member) < ROW(e.score, e.member)
                 ORDER BY m.score, m.member) AS o;
        INSERT INTO respgres.sorted_set_block
               (content_id, score, count, slot, level, member)
        SELECT split_sorted_set_block.content_id, n.score,
               LEAST(half, total - n.before), split_sorted_set_block.slot,
               0, n.member
          FROM (SELECT m.score, m.member,
                       row_number() OVER (ORDER BY m.score, m.member) - 1
                       AS before
                  FROM respgres.sorted_set_member m
                 WHERE m.slot = split_sorted_set_block.slot
                   AND m.content_id = split_sorted_set_block.content_id
                   AND m.slot >= 0
                   AND ROW(m.score, m.member)
                       >= ROW(split_sorted_set_block.score,
                              split_sorted_set_block.member)
                   AND ROW(m.score, m.member) < ROW(e.score, e.member)) AS n
         WHERE n.before > 0 AND n.before % half = 0 AND total > 2 * half;
    ELSE
        SELECT sum(o.count) INTO total
          FROM respgres.sorted_set_block o
         WHERE o.slot = split_sorted_set_block.slot
           AND o.content_id = split_sorted_set_block.content_id
           AND o.level = 0
           AND ROW(o.score, o.member)
               >= ROW(split_sorted_set_block.score,
                      split_sorted_set_block.member)
           AND ROW(o.score, o.member) < ROW(e.score, e.member);
        INSERT INTO respgres.sorted_set_block
               (content_id, score, count, slot, level, member)
        SELECT split_sorted_set_block.content_id, c.score,
               lead(c.before, 1, total) OVER (ORDER BY c.before) - c.before,
               split_sorted_set_block.slot, 1, c.member
          FROM (SELECT n.score, n.member, n.before,
                       lag(n.before / half) OVER (ORDER BY n.before)
                       <> n.before / half AS begins
                  FROM (SELECT o.score, o.member,
                               (sum(o.count) OVER (ORDER BY o.score, o.member)
                                - o.count)::bigint AS before
                          FROM respgres.sorted_set_block o
                         WHERE o.slot = split_sorted_set_block.slot
                           AND o.content_id
                               = split_sorted_set_block.content_id
                           AND o.level = 0 AND o.count > 0
                           AND ROW(o.score, o.member)
                               >= ROW(split_sorted_set_block.score,
                                      split_sorted_set_block.member)
                           AND ROW(o.score, o.member)
                               < ROW(e.score, e.member)) AS n) AS c
         WHERE c.begins AND total > 2 * half;
    END IF;
    UPDATE respgres.sorted_set_block AS u
       SET count = total - coalesce((
               SELECT sum(o.count)
                 FROM respgres.sorted_set_block o
                WHERE o.slot = split_sorted_set_block.slot
                  AND o.content_id = split_sorted_set_block.content_id
                  AND o.level = split_sorted_set_block.level
                  AND ROW(o.score, o.member)
                      > ROW(split_sorted_set_block.score,
                            split_sorted_set_block.member)
                  AND ROW(o.score, o.member) < ROW(e.score, e.member)), 0)
     WHERE u.slot = split_sorted_set_block.slot
       AND u.content_id = split_sorted_set_block.content_id
       AND u.level = split_sorted_set_block.level
       AND u.score = split_sorted_set_block.score
       AND u.member = split_sorted_set_block.member;
END
$$;

-- Notes changes of single members, of which each has an entry in the arrays:
-- the number of its set, the member, its score before and after (NULL: it was
-- or is not there).  The arrays of sets have their sizes before, and by how
-- much they have grown (NULL: not changed).
CREATE OR REPLACE FUNCTION respgres.count_sorted_set_changes(
    slots smallint[], content_ids bigint[], sizes bigint[], growths bigint[],
    of_key int[], members bytea[],
    olds double precision[], news double precision[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    -- Of the sets whose blocks may need to change.
    counted bigint[] := content_ids;
    any_counted boolean := false;
    old_size bigint;
    new_size bigint;
    b record;
BEGIN
    FOR i IN 1 .. cardinality(content_ids) LOOP
        old_size := sizes[i];
        new_size := old_size + growths[i];
        IF new_size IS NULL OR (old_size <= 512 AND new_size <= 1024) THEN
            counted[i] := NULL;
        ELSIF new_size <= 512 OR (old_size <= 1024 AND new_size > 1024) THEN
            PERFORM respgres.rebuild_sorted_set_blocks(
                slots[i], content_ids[i], new_size);
            counted[i] := NULL;
        ELSE
            any_counted := true;
        END IF;
    END LOOP;
    IF NOT any_counted THEN
        RETURN;
    END IF;
    FOR b IN
        WITH changed AS (
            UPDATE respgres.sorted_set_block AS u
               SET count = u.count + d.change
              FROM (SELECT p.place, sum(c.change) AS change
                      FROM unnest(of_key, members, olds, news)
                           AS i (of_key, member, old, new)
                     CROSS JOIN LATERAL (VALUES (i.old, -1), (i.new, 1))
                           AS c (score, change)
                     CROSS JOIN (VALUES (0), (1)) AS l (level)
                     CROSS JOIN LATERAL (
                           SELECT o.ctid AS place
                             FROM respgres.sorted_set_block o
                            WHERE o.slot = slots[i.of_key]
                              AND o.content_id = counted[i.of_key]
                              AND o.level = l.level
                              AND ROW(o.score, o.member)
                                  <= ROW(c.score, respgres.indexed(i.member))
                            ORDER BY o.score DESC, o.member DESC LIMIT 1) AS p
                     WHERE c.score IS NOT NULL AND i.old IS DISTINCT FROM i.new
                     GROUP BY p.place
                    HAVING sum(c.change) <> 0) AS d
             WHERE u.ctid = d.place
            RETURNING u.slot, u.content_id, u.level, u.score, u.member,
                   u.count)
        SELECT c.* FROM changed c
         WHERE c.count > CASE c.level WHEN 0 THEN 512 ELSE 65536 END
            OR c.count = 0
         ORDER BY c.count = 0, c.level * CASE WHEN c.count = 0
                                              THEN -1 ELSE 1 END
    LOOP
        IF b.count > 0 THEN
            PERFORM respgres.split_sorted_set_block(
                b.slot, b.content_id, b.level, b.score, b.member);
        ELSIF b.score <> '-Infinity' OR b.member <> '' THEN
            -- A group must go on beginning where a block does.
            DELETE FROM respgres.sorted_set_block AS d
             WHERE d.slot = b.slot AND d.content_id = b.content_id
               AND d.level = b.level AND d.score = b.score
               AND d.member = b.member
               AND (d.level = 1 OR NOT EXISTS (
                    SELECT FROM respgres.sorted_set_block o
                     WHERE o.slot = b.slot AND o.content_id = b.content_id
                       AND o.level = 1 AND o.score = b.score
                       AND o.member = b.member));
        END IF;
    END LOOP;
END
$$;

-- Notes that all members of a range have gone from a set.
CREATE OR REPLACE FUNCTION respgres.count_sorted_set_removal(
    slot smallint, content_id bigint, old_size bigint, new_size bigint,
    low double precision, low_member bytea,
    high double precision, high_member bytea) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    b record;
BEGIN
    IF old_size <= 512 THEN
        RETURN;
    ELSIF new_size <= 512 THEN
        PERFORM respgres.rebuild_sorted_set_blocks(slot, content_id, new_size);
        RETURN;
    END IF;
    -- The block where the range begins takes what is left of those in it.
    DELETE FROM respgres.sorted_set_block AS d
     WHERE d.slot = count_sorted_set_removal.slot
       AND d.content_id = count_sorted_set_removal.content_id
       AND d.level IN (0, 1)
       AND ROW(d.score, d.member) > ROW(low, low_member)
       AND ROW(d.score, d.member) < ROW(high, high_member);
    FOR at_level IN 0 .. 1 LOOP
        SELECT o.score, o.member INTO b
          FROM respgres.sorted_set_block o
         WHERE o.slot = count_sorted_set_removal.slot
           AND o.content_id = count_sorted_set_removal.content_id
           AND o.level = at_level
           AND ROW(o.score, o.member) <= ROW(low, low_member)
         ORDER BY o.score DESC, o.member DESC LIMIT 1;
        EXIT WHEN NOT FOUND;
        PERFORM respgres.split_sorted_set_block(
            slot, content_id, at_level, b.score, b.member);
    END LOOP;
END
$$;
