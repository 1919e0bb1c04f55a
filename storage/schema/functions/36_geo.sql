-- Positions on Earth: sorted sets whose scores are geohashes of 52 bits, in
-- which bits of the longitude and of the latitude alternate, as Redis has them.
-- How a search finds the ranges of scores that cover its area: commands/geohash.h.

-- Every second bit of a geohash, from the lowest on: the latitude's.
CREATE OR REPLACE FUNCTION respgres.geo_bits(bits bigint) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    -- Bits 0, 2, 4 and 6 of each byte.
    halves CONSTANT bytea := decode(
        '0001000102030203000100010203020304050405060706070405040506070607' ||
        '0001000102030203000100010203020304050405060706070405040506070607' ||
        '080908090a0b0a0b080908090a0b0a0b0c0d0c0d0e0f0e0f0c0d0c0d0e0f0e0f' ||
        '080908090a0b0a0b080908090a0b0a0b0c0d0c0d0e0f0e0f0c0d0c0d0e0f0e0f' ||
        '0001000102030203000100010203020304050405060706070405040506070607' ||
        '0001000102030203000100010203020304050405060706070405040506070607' ||
        '080908090a0b0a0b080908090a0b0a0b0c0d0c0d0e0f0e0f0c0d0c0d0e0f0e0f' ||
        '080908090a0b0a0b080908090a0b0a0b0c0d0c0d0e0f0e0f0c0d0c0d0e0f0e0f', 'hex');
BEGIN
    RETURN get_byte(halves, (bits & 255)::int)::bigint
         | (get_byte(halves, ((bits >> 8) & 255)::int)::bigint << 4)
         | (get_byte(halves, ((bits >> 16) & 255)::int)::bigint << 8)
         | (get_byte(halves, ((bits >> 24) & 255)::int)::bigint << 12)
         | (get_byte(halves, ((bits >> 32) & 255)::int)::bigint << 16)
         | (get_byte(halves, ((bits >> 40) & 255)::int)::bigint << 20)
         | (get_byte(halves, ((bits >> 48) & 255)::int)::bigint << 24);
END
$$;

-- The middle of the cell that a score stands for.
CREATE OR REPLACE FUNCTION respgres.geo_position(
    score double precision,
    OUT longitude double precision, OUT latitude double precision)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    cells CONSTANT double precision := 67108864; -- 2^26
    x bigint;
    y bigint;
BEGIN
    -- On the edges of the map there are cells beyond it.
    IF score < 0 OR score >= 18014398509481984 THEN
        RETURN;
    END IF;
    x := respgres.geo_bits(trunc(score)::bigint >> 1);
    y := respgres.geo_bits(trunc(score)::bigint);
    longitude := LEAST(((-180 + x / cells * 360)
                        + (-180 + (x + 1) / cells * 360)) / 2, 180);
    latitude := LEAST(((-85.05112878 + y / cells * 170.10225756)
                       + (-85.05112878 + (y + 1) / cells * 170.10225756)) / 2,
                      85.05112878);
END
$$;

-- The score of a position, or NULL for one that has none: too near to a pole.
CREATE OR REPLACE FUNCTION respgres.geo_score(
    longitude double precision, latitude double precision)
RETURNS double precision
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    x bigint;
    y bigint;
    bits bigint := 0;
BEGIN
    IF longitude NOT BETWEEN -180 AND 180
       OR latitude NOT BETWEEN -85.05112878 AND 85.05112878 THEN
        RETURN NULL;
    END IF;
    x := floor((longitude + 180) / 360 * 67108864);
    y := floor((latitude + 85.05112878) / 170.10225756 * 67108864);
    FOR i IN 0 .. 26 LOOP
        bits := bits | (((y >> i) & 1) << (2 * i))
                     | (((x >> i) & 1) << (2 * i + 1));
    END LOOP;
    RETURN bits;
END
$$;

-- Meters along a great circle, on a sphere as large as Redis takes Earth for.
CREATE OR REPLACE FUNCTION respgres.geo_distance(
    longitude_1 double precision, latitude_1 double precision,
    longitude_2 double precision, latitude_2 double precision)
RETURNS double precision
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    radian CONSTANT double precision := pi() / 180;
    radius CONSTANT double precision := 6372797.560856;
    u double precision;
    v double precision;
BEGIN
    v := sin((longitude_2 * radian - longitude_1 * radian) / 2);
    IF v = 0 THEN
        RETURN radius * abs(latitude_2 * radian - latitude_1 * radian);
    END IF;
    u := sin((latitude_2 * radian - latitude_1 * radian) / 2);
    RETURN 2 * radius * asin(LEAST(1, sqrt(
        u * u + cos(latitude_1 * radian) * cos(latitude_2 * radian)
                * v * v)));
END
$$;

-- The members within `radius` meters, or within a box, around a position, whose
-- scores are in the ranges from lows[i] to below highs[i].  sorting: 1 nearest
-- first, 2 farthest first, 0 as they come.  Up to `taken` (NULL: all): when
-- `any_ones` the first that are found, else the first of the order.
CREATE OR REPLACE FUNCTION respgres.geo_find(
    slot smallint, content_id bigint,
    lows double precision[], highs double precision[],
    longitude double precision, latitude double precision,
    radius double precision, width double precision, height double precision,
    sorting int, taken bigint, any_ones boolean)
RETURNS TABLE (member bytea, indexed_member bytea, hash int,
               score double precision, distance double precision,
               member_longitude double precision,
               member_latitude double precision)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT f.member, f.stored, f.hash, f.score, f.distance, f.longitude,
           f.latitude
      FROM (SELECT coalesce(m.long_member, m.member) AS member,
                   m.member AS stored, m.hash, m.score, d.distance,
                   p.longitude, p.latitude, r.ordinal
              FROM unnest(lows, highs) WITH ORDINALITY
                   AS r (low, high, ordinal)
             CROSS JOIN LATERAL (
                   SELECT o.member, o.long_member, o.hash, o.score
                     FROM respgres.sorted_set_member o
                    WHERE o.slot = geo_find.slot
                      AND o.content_id = geo_find.content_id
                      AND o.slot >= 0
                      AND o.score >= r.low AND o.score < r.high
                    ORDER BY o.score, o.member) AS m
             CROSS JOIN LATERAL respgres.geo_position(m.score) p
             CROSS JOIN LATERAL (SELECT respgres.geo_distance(
                   geo_find.longitude, geo_find.latitude, p.longitude,
                   p.latitude) OFFSET 0) AS d (distance)
             WHERE CASE WHEN radius IS NOT NULL THEN d.distance <= radius
                        ELSE respgres.geo_distance(
                                 0, p.latitude, 0, geo_find.latitude)
                             <= height / 2
                             AND respgres.geo_distance(
                                 p.longitude, p.latitude,
                                 geo_find.longitude, p.latitude)
                             <= width / 2 END
             LIMIT CASE WHEN any_ones OR sorting = 0 THEN taken END) AS f
     ORDER BY CASE sorting WHEN 1 THEN f.distance WHEN 2 THEN -f.distance END,
              f.ordinal, f.score, f.stored
     LIMIT taken;
END
$$;

-- GEOSEARCHSTORE: the scores are those of the members, or their distances in
-- units of `unit` meters when that is given.  How many there are.
CREATE OR REPLACE FUNCTION respgres.geosearchstore(
    db int, slot smallint, destination bytea, source bytea,
    lows double precision[], highs double precision[],
    longitude double precision, latitude double precision,
    radius double precision, width double precision, height double precision,
    sorting int, taken bigint, any_ones boolean, unit double precision,
    OUT error text, OUT size bigint)
LANGUAGE plpgsql AS $$
DECLARE
    new_id bigint;
BEGIN
    LOOP
        PERFORM respgres.lock_key(db, slot, destination);
        SELECT s.error INTO error
          FROM respgres.find_sorted_set(db, NULL, source) s;
        IF error IS NOT NULL THEN
            RETURN;
        END IF;
        new_id := nextval('respgres.key_id');
        INSERT INTO respgres.sorted_set_member
               (content_id, score, hash, slot, member, long_member)
        SELECT new_id, coalesce(m.distance / unit, m.score),
               m.hash, geosearchstore.slot, m.indexed_member,
               respgres.long(m.member)
          FROM respgres.find_sorted_set(db, NULL, source) s
         CROSS JOIN LATERAL respgres.geo_find(
               s.content_slot, s.content_id, lows, highs, longitude, latitude,
               radius, width, height, sorting, taken, any_ones) m;
        GET DIAGNOSTICS size = ROW_COUNT;
        EXIT WHEN respgres.replace_with_sorted_set(
            db, slot, destination, new_id, size);
    END LOOP;
END
$$;

-- How many members are new.
CREATE OR REPLACE FUNCTION respgres.geoadd(
    db int, key bytea, member bytea, longitude double precision,
    latitude double precision, slot smallint DEFAULT NULL,
    OUT error text, OUT added bigint)
LANGUAGE plpgsql AS $$
DECLARE
    score double precision := respgres.geo_score(longitude, latitude);
BEGIN
    IF score IS NULL THEN
        error := format('ERR invalid longitude,latitude pair %s,%s',
                        round(longitude::numeric, 6),
                        round(latitude::numeric, 6));
        RETURN;
    END IF;
    SELECT z.error, z.added INTO error, added
      FROM respgres.zadd(db, key, member, score, slot => geoadd.slot) z;
END
$$;

CREATE OR REPLACE FUNCTION respgres.geopos(
    db int, key bytea, member bytea, slot smallint DEFAULT NULL,
    OUT error text, OUT longitude double precision,
    OUT latitude double precision)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    SELECT z.error, p.longitude, p.latitude INTO error, longitude, latitude
      FROM respgres.zscore(db, key, member, slot) z
     CROSS JOIN LATERAL respgres.geo_position(z.score) p;
END
$$;

-- In meters; NULL when one of the members is not there.
CREATE OR REPLACE FUNCTION respgres.geodist(
    db int, key bytea, member_1 bytea, member_2 bytea,
    slot smallint DEFAULT NULL,
    OUT error text, OUT distance double precision)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    SELECT coalesce(a.error, b.error),
           respgres.geo_distance(a.longitude, a.latitude, b.longitude,
                                 b.latitude)
      INTO error, distance
      FROM respgres.geopos(db, key, member_1, slot) a
     CROSS JOIN respgres.geopos(db, key, member_2, slot) b;
END
$$;

-- The members within `radius` meters of a position, nearest first.
CREATE OR REPLACE FUNCTION respgres.geosearch(
    db int, key bytea, longitude double precision, latitude double precision,
    radius double precision, "limit" bigint DEFAULT NULL,
    slot smallint DEFAULT NULL)
RETURNS TABLE (member bytea, distance double precision,
               member_longitude double precision,
               member_latitude double precision)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    s record;
    r record;
    up double precision := degrees(radius / 6372797.560856);
    aside double precision := 360;
    width double precision := 360;
    height double precision := 170.10225756;
    step int := 0;
BEGIN
    SELECT * INTO s FROM respgres.find_sorted_set(db, slot, key);
    IF abs(latitude) + up < 89 THEN
        aside := up / cosd(abs(latitude) + up);
    END IF;
    -- The smallest cells of which three by three hold the circle.
    WHILE step < 25 AND width / 2 >= aside AND height / 2 >= up LOOP
        width := width / 2;
        height := height / 2;
        step := step + 1;
    END LOOP;
    SELECT array_agg(c.low) AS lows,
           array_agg(c.low + (1::bigint << (52 - 2 * step))) AS highs INTO r
      FROM (SELECT DISTINCT
                   (respgres.geo_score(
                        CASE WHEN n.x < -180 THEN n.x + 360
                             WHEN n.x > 180 THEN n.x - 360 ELSE n.x END,
                        greatest(LEAST(n.y, 85.05), -85.05))::bigint
                    >> (52 - 2 * step)) << (52 - 2 * step) AS low
              FROM (SELECT geosearch.longitude + i * width AS x,
                           geosearch.latitude + j * height AS y
                      FROM generate_series(-1, 1) AS i
                     CROSS JOIN generate_series(-1, 1) AS j) AS n) AS c;
    RETURN QUERY
    SELECT m.member, m.distance, m.member_longitude, m.member_latitude
      FROM respgres.geo_find(
           s.content_slot, s.content_id, r.lows, r.highs, longitude, latitude,
           radius, NULL, NULL, 1, "limit", false) m;
END
$$;
