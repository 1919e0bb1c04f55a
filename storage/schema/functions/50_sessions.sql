-- Sessions: one row each, found by id, by token, or by what they are.
--
-- What lanes send with the id's slot ends in _at; the functions for SQL stand
-- in 52_session_api.sql.

-- A number for a session created at that time.
CREATE OR REPLACE FUNCTION respgres.session_number(now_ms bigint)
RETURNS bigint
LANGUAGE sql VOLATILE AS $$
    SELECT (now_ms << 20) | (nextval('respgres.session_number') & 1048575)
$$;

-- 256 bits of the system's random source as base64url.
CREATE OR REPLACE FUNCTION respgres.session_secret() RETURNS bytea
LANGUAGE sql VOLATILE AS $$
    SELECT convert_to(rtrim(translate(encode(sha256(
               uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) ||
               uuid_send(gen_random_uuid())), 'base64'), '+/', '-_'), '='),
           'UTF8')
$$;

-- An address in its shortest spelling; what is none stays as it is.
CREATE OR REPLACE FUNCTION respgres.session_address(address bytea)
RETURNS bytea
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF octet_length(address) > 45
       OR encode(address, 'escape') !~ '^[0-9A-Fa-f.:]+$' THEN
        RETURN address;
    END IF;
    RETURN convert_to(host(convert_from(address, 'UTF8')::inet), 'UTF8');
EXCEPTION WHEN data_exception THEN
    RETURN address;
END
$$;

CREATE OR REPLACE FUNCTION respgres.session_hash(name bytea, value bytea)
RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT hash_array(ARRAY[name, value])
$$;

-- The value of one field, or NULL.
CREATE OR REPLACE FUNCTION respgres.session_field(
    names bytea[], field_values bytea[], name bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT field_values[array_position(names, name)]
$$;

-- Fields with others set: these replace those of their names, in their place,
-- or follow at the end.  Of several of one name the last one counts.
CREATE OR REPLACE FUNCTION respgres.session_merge(
    INOUT names bytea[], INOUT field_values bytea[],
    new_names bytea[], new_values bytea[], OUT hashes integer[])
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    SELECT array_agg(m.name ORDER BY m.place),
           array_agg(m.value ORDER BY m.place),
           array_agg(respgres.session_hash(m.name, m.value))
      INTO names, field_values, hashes
      FROM (SELECT f.name, min(f.place) AS place,
                   (array_agg(f.value ORDER BY f.place DESC))[1] AS value
              FROM (SELECT o.name, o.value, o.ordinal
                      FROM unnest(session_merge.names,
                                  session_merge.field_values)
                           WITH ORDINALITY AS o (name, value, ordinal)
                     UNION ALL
                    SELECT n.name, n.value,
                           n.ordinal +
                           coalesce(cardinality(session_merge.names), 0)
                      FROM unnest(new_names, new_values)
                           WITH ORDINALITY AS n (name, value, ordinal))
                   AS f (name, value, place)
             GROUP BY f.name) AS m;
END
$$;

-- --- what happens to sessions ----------------------------------------

-- Tells whoever listens about sessions of databases that notify: one place for
-- all ways of telling.  The notifications leave with the commit.
CREATE OR REPLACE FUNCTION respgres.session_tell(
    event text, dbs int[], ids bytea[], users bytea[], reasons text[],
    old_ids bytea[] DEFAULT NULL) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM respgres.session_listener) THEN
        RETURN;
    END IF;
    -- Not a part of the schema's name: both schemas have one channel.
    PERFORM pg_notify('respgres' || '.session',
               CASE WHEN octet_length(p.payload) < 8000 THEN p.payload
                    ELSE json_build_object(
                             'event', event, 'db', i.db,
                             'id_hex', encode(i.id, 'hex'))::text END)
       FROM unnest(dbs, ids, users, reasons, old_ids)
            AS i (db, id, user_name, reason, old_id)
       JOIN respgres.session_listener l ON l.db = i.db
      CROSS JOIN LATERAL (SELECT json_strip_nulls(json_build_object(
                'event', event, 'db', i.db,
                'id', respgres.readable(i.id),
                'user', respgres.readable(i.user_name),
                'reason', i.reason,
                'from', respgres.readable(i.old_id)))::text) AS p (payload);
END
$$;

-- Ends sessions, if they are there: counts them and tells about them.  `kind`
-- says why; those that had expired have that reason.  Ordinals of those that
-- were there and had not, in order.
CREATE OR REPLACE FUNCTION respgres.session_end(
    dbs int[], slots smallint[], ids bytea[], kind "char") RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
    now_ms bigint := respgres.now_ms();
    ended record;
BEGIN
    WITH gone AS (
        DELETE FROM respgres.session AS d
         USING unnest(dbs, slots, ids) WITH ORDINALITY
               AS i (db, slot, id, ordinal)
         WHERE d.db = i.db AND d.id = i.id AND d.slot = i.slot
        RETURNING i.ordinal, d.db, d.id, d.user_name, d.number,
                  d.number >> 20 AS created_at, d.expires_at,
                  CASE WHEN d.expires_at <= now_ms THEN 'x'::"char"
                       ELSE session_end.kind END AS why
    ), idle AS (
        DELETE FROM respgres.session_activity AS a
         USING gone g WHERE a.db = g.db AND a.number = g.number
    ), noted AS (
        INSERT INTO respgres.session_event
               (happened_at, created_at, db, kind, user_name)
        SELECT CASE WHEN g.why = 'x' THEN LEAST(g.expires_at, now_ms)
                    ELSE now_ms END,
               g.created_at, g.db, g.why, g.user_name
          FROM gone g
    )
    SELECT array_agg(g.ordinal ORDER BY g.ordinal) FILTER (WHERE g.why <> 'x')
           AS ordinals,
           array_agg(g.db) FILTER (WHERE g.why <> 'x') AS dbs,
           array_agg(g.id) FILTER (WHERE g.why <> 'x') AS ids,
           array_agg(g.user_name) FILTER (WHERE g.why <> 'x') AS users,
           array_agg(g.db) FILTER (WHERE g.why = 'x') AS expired_dbs,
           array_agg(g.id) FILTER (WHERE g.why = 'x') AS expired_ids,
           array_agg(g.user_name) FILTER (WHERE g.why = 'x') AS expired_users
      INTO ended FROM gone g;
    IF ended.ids IS NOT NULL THEN
        PERFORM respgres.session_tell(
            'deleted', ended.dbs, ended.ids, ended.users,
            array_fill(CASE session_end.kind WHEN 'e' THEN 'evicted'
                            WHEN 'i' THEN 'inactive' ELSE 'deleted' END,
                       ARRAY[cardinality(ended.ids)]));
    END IF;
    IF ended.expired_ids IS NOT NULL THEN
        PERFORM respgres.session_tell(
            'expired', ended.expired_dbs, ended.expired_ids,
            ended.expired_users, NULL);
    END IF;
    RETURN coalesce(ended.ordinals, '{}');
END
$$;

-- --- creating and rotating -------------------------------------------

CREATE OR REPLACE FUNCTION respgres.session_exists_error() RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT 'SESSIONEXISTS a session with this id exists already'
$$;

CREATE OR REPLACE FUNCTION respgres.session_token_error() RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT 'SESSIONEXISTS a session with this token exists already'
$$;

-- Ends a session that has expired and is in the way of one with that id or
-- token.  NULL when there was one, or none is in the way any more; otherwise
-- the error.
CREATE OR REPLACE FUNCTION respgres.session_clear_way(
    db int, slot smallint, id bytea, token_hash bytea) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    other record;
BEGIN
    SELECT o.slot, o.id, o.expires_at <= respgres.now_ms() AS expired
      INTO other
      FROM respgres.session o
     WHERE o.db = session_clear_way.db AND o.id = session_clear_way.id
       AND o.slot = session_clear_way.slot
       FOR UPDATE;
    IF FOUND AND other.expired IS NOT TRUE THEN
        RETURN respgres.session_exists_error();
    ELSIF NOT FOUND THEN
        SELECT o.slot, o.id, o.expires_at <= respgres.now_ms() AS expired
          INTO other
          FROM respgres.session o
         WHERE o.db = session_clear_way.db
           AND o.token_hash = session_clear_way.token_hash
           FOR UPDATE;
        IF FOUND AND other.expired IS NOT TRUE THEN
            RETURN respgres.session_token_error();
        END IF;
    END IF;
    IF FOUND THEN
        PERFORM respgres.session_end(ARRAY[db], ARRAY[other.slot],
                                     ARRAY[other.id], 'x');
    END IF;
    RETURN NULL;
END
$$;

-- One after the other create sessions of a user with a limit.  Users share a
-- few locks, so that a batch does not hold many.
CREATE OR REPLACE FUNCTION respgres.session_lock_user(db int, user_name bytea)
RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(
        hashtext('respgres session user'),
        (hash_array(ARRAY[user_name]) # db) & 255);
END
$$;

-- Creates a session.  `most`: how many of the user there may be with it; one
-- too many is an error, or, with `evict`, those idle longest end.
CREATE OR REPLACE FUNCTION respgres.session_create_at(
    db int, slot smallint, id bytea, user_name bytea, ttl_ms bigint,
    absolute_ms bigint, token_hash bytea, ip bytea, agent bytea,
    device bytea, names bytea[], field_values bytea[], most bigint,
    evict boolean, OUT error text, OUT evicted bigint)
LANGUAGE plpgsql AS $$
DECLARE
    now_ms bigint := respgres.now_ms();
    absolute_end bigint := now_ms + absolute_ms;
    expiry bigint := LEAST(now_ms + ttl_ms, absolute_end);
    new_number bigint := respgres.session_number(now_ms);
    data record;
    others bigint := 0;
    idle record;
BEGIN
    evicted := 0;
    IF most IS NOT NULL THEN
        PERFORM respgres.session_lock_user(db, user_name);
        SELECT count(*) INTO others FROM respgres.session s
         WHERE s.db = session_create_at.db
           AND s.user_name = session_create_at.user_name
           AND (s.expires_at IS NULL OR s.expires_at > now_ms);
        IF others >= most AND NOT evict THEN
            error := format('SESSIONLIMIT the user has %s sessions, and may '
                            'have %s', others, most);
            RETURN;
        END IF;
    END IF;
    SELECT * INTO data
      FROM respgres.session_merge(NULL, NULL, names, field_values);
    LOOP
        INSERT INTO respgres.session AS s
               (number, accessed_at, active_at, expires_at, absolute_at,
                ttl_ms, sweep_at, db, slot, id, token_hash, user_name, ip,
                agent, device, field_names, field_values, field_hashes)
        VALUES (new_number, now_ms, now_ms, expiry, absolute_end,
                session_create_at.ttl_ms, expiry, session_create_at.db, session_create_at.slot,
                session_create_at.id, session_create_at.token_hash,
                session_create_at.user_name,
                respgres.session_address(session_create_at.ip),
                session_create_at.agent, session_create_at.device,
                data.names, data.field_values, data.hashes)
            ON CONFLICT DO NOTHING;
        EXIT WHEN FOUND;
        error := respgres.session_clear_way(db, slot, id, token_hash);
        IF error IS NOT NULL THEN
            RETURN;
        END IF;
    END LOOP;
    INSERT INTO respgres.session_activity (active_at, number, db)
    VALUES (now_ms, new_number, session_create_at.db);
    INSERT INTO respgres.session_event
           (happened_at, created_at, db, kind, user_name, agent, device)
    VALUES (now_ms, now_ms, session_create_at.db, 'c',
            session_create_at.user_name,
            substr(session_create_at.agent, 1, 256),
            substr(session_create_at.device, 1, 256));
    IF others >= most THEN
        SELECT array_agg(o.slot) AS slots, array_agg(o.id) AS ids
          INTO idle
          FROM (SELECT s.slot, s.id FROM respgres.session s
                 WHERE s.db = session_create_at.db
                   AND s.user_name = session_create_at.user_name
                   AND s.id <> session_create_at.id
                   AND (s.expires_at IS NULL OR s.expires_at > now_ms)
                 ORDER BY s.accessed_at, s.number
                 LIMIT others - most + 1
                   FOR UPDATE) AS o;
        evicted := cardinality(respgres.session_end(
            array_fill(db, ARRAY[cardinality(idle.ids)]), idle.slots,
            idle.ids, 'e'));
    END IF;
    PERFORM respgres.session_tell('created', ARRAY[db], ARRAY[id],
                                  ARRAY[user_name], NULL);
END
$$;

-- Gives a session another id and token at once.  `token_hash` is for one that
-- had a token, or for any when `always`.  Whether there was such a session, and
-- whether it has the token.
CREATE OR REPLACE FUNCTION respgres.session_rotate_at(
    db int, slot smallint, id bytea, new_slot smallint, new_id bytea,
    new_token_hash bytea, always boolean,
    OUT error text, OUT is_there boolean, OUT tokened boolean)
LANGUAGE plpgsql AS $$
DECLARE
    now_ms bigint := respgres.now_ms();
    old record;
    taken text;
BEGIN
    LOOP
        SELECT s.number, s.user_name, s.token_hash INTO old
          FROM respgres.session s
         WHERE s.db = session_rotate_at.db AND s.id = session_rotate_at.id
           AND s.slot = session_rotate_at.slot
           AND (s.expires_at IS NULL OR s.expires_at > now_ms)
           FOR UPDATE;
        is_there := old.number IS NOT NULL;
        tokened := is_there
                   AND (always OR old.token_hash IS NOT NULL);
        IF NOT is_there THEN
            RETURN;
        ELSIF new_id = id THEN
            error := respgres.session_exists_error();
            RETURN;
        END IF;
        BEGIN
            UPDATE respgres.session AS u
               SET id = session_rotate_at.new_id,
                   slot = session_rotate_at.new_slot,
                   token_hash = CASE WHEN session_rotate_at.tokened
                                     THEN session_rotate_at.new_token_hash
                                     END
             WHERE u.db = session_rotate_at.db
               AND u.id = session_rotate_at.id
               AND u.slot = session_rotate_at.slot;
            EXIT;
        EXCEPTION WHEN unique_violation THEN
            NULL;
        END;
        error := respgres.session_clear_way(
            db, new_slot, new_id,
            CASE WHEN tokened THEN new_token_hash END);
        IF error IS NOT NULL THEN
            RETURN;
        END IF;
    END LOOP;
    INSERT INTO respgres.session_event (happened_at, created_at, db, kind)
    VALUES (now_ms, old.number >> 20, session_rotate_at.db, 'r');
    PERFORM respgres.session_tell('rotated', ARRAY[db], ARRAY[new_id],
                                  ARRAY[old.user_name], NULL, ARRAY[id]);
END
$$;

-- --- changing --------------------------------------------------------

-- Sets fields, each of the session beside it.  Ordinals of those whose session
-- is there, in order.
CREATE OR REPLACE FUNCTION respgres.session_set_many(
    dbs int[], slots smallint[], ids bytea[], names bytea[],
    new_values bytea[]) RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
    now_ms bigint := respgres.now_ms();
    ordinals bigint[];
BEGIN
    WITH changed AS (
        UPDATE respgres.session AS s
           SET (field_names, field_values, field_hashes) = (
               SELECT m.names, m.field_values, m.hashes
                 FROM respgres.session_merge(s.field_names, s.field_values,
                                             i.names, i.new_values) m)
          FROM (SELECT e.db, e.slot, e.id,
                       array_agg(e.name ORDER BY e.ordinal),
                       array_agg(e.value ORDER BY e.ordinal),
                       array_agg(e.ordinal)
                  FROM unnest(dbs, slots, ids, names, new_values)
                       WITH ORDINALITY
                       AS e (db, slot, id, name, value, ordinal)
                 GROUP BY e.db, e.slot, e.id)
               AS i (db, slot, id, names, new_values, ordinals)
         WHERE s.db = i.db AND s.id = i.id AND s.slot = i.slot
           AND (s.expires_at IS NULL OR s.expires_at > now_ms)
        RETURNING i.ordinals
    )
    SELECT array_agg(o.ordinal ORDER BY o.ordinal) INTO ordinals
      FROM changed c CROSS JOIN LATERAL unnest(c.ordinals) AS o (ordinal);
    RETURN coalesce(ordinals, '{}');
END
$$;

-- Takes fields off a session: how many it had, NULL when it is not there.
CREATE OR REPLACE FUNCTION respgres.session_unset_at(
    db int, slot smallint, id bytea, fields bytea[]) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    old record;
    rest record;
BEGIN
    SELECT s.field_names, s.field_values INTO old
      FROM respgres.session s
     WHERE s.db = session_unset_at.db AND s.id = session_unset_at.id
       AND s.slot = session_unset_at.slot
       AND (s.expires_at IS NULL OR s.expires_at > respgres.now_ms())
       FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT array_agg(f.name ORDER BY f.ordinal) AS names,
           array_agg(f.value ORDER BY f.ordinal) AS field_values,
           array_agg(respgres.session_hash(f.name, f.value)) AS hashes
      INTO rest
      FROM unnest(old.field_names, old.field_values) WITH ORDINALITY
           AS f (name, value, ordinal)
     WHERE f.name <> ALL (fields);
    IF cardinality(rest.names) IS DISTINCT FROM cardinality(old.field_names)
    THEN
        UPDATE respgres.session AS s
           SET field_names = rest.names, field_values = rest.field_values,
               field_hashes = rest.hashes
         WHERE s.db = session_unset_at.db AND s.id = session_unset_at.id
           AND s.slot = session_unset_at.slot;
    END IF;
    RETURN coalesce(cardinality(old.field_names), 0)
           - coalesce(cardinality(rest.names), 0);
END
$$;

-- --- finding ---------------------------------------------------------

-- What a statement about sessions s asks of them, with these parameters:
--	$1 db  $2 user  $3 accessed after  $4 accessed at or before  $5 address
--	$6 number from  $7 field's name  $8 its value  $9 its hash
--	$10 number after  $11 not these ids  $12 now
-- Only what is wanted is written, so that the planner sees which index serves.
CREATE OR REPLACE FUNCTION respgres.session_conditions(
    user_name bytea, active_ms bigint, idle_ms bigint, ip bytea,
    since_ms bigint, field bytea, except_ids bytea[]) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT 's.db = $1 AND s.number > $10 '
           'AND (s.expires_at IS NULL OR s.expires_at > $12)' ||
           CASE WHEN user_name IS NULL THEN ''
                ELSE ' AND s.user_name = $2' END ||
           -- A minute: see respgres.session_activity.
           CASE WHEN active_ms IS NULL THEN ''
                ELSE ' AND s.accessed_at > $3 AND s.number IN ('
                     'SELECT a.number FROM respgres.session_activity a '
                     'WHERE a.db = $1 AND a.active_at > $3 - 60000)' END ||
           CASE WHEN idle_ms IS NULL THEN ''
                ELSE ' AND s.accessed_at <= $4 AND s.number IN ('
                     'SELECT a.number FROM respgres.session_activity a '
                     'WHERE a.db = $1 AND a.active_at <= $4)' END ||
           CASE WHEN ip IS NULL THEN '' ELSE ' AND s.ip = $5' END ||
           CASE WHEN since_ms IS NULL THEN '' ELSE ' AND s.number >= $6' END ||
           CASE WHEN field IS NULL THEN ''
                ELSE ' AND s.field_hashes @> ARRAY[$9] AND '
                     'respgres.session_field(s.field_names, s.field_values, '
                     '$7) = $8' END ||
           CASE WHEN except_ids IS NULL THEN ''
                ELSE ' AND s.id <> ALL ($11)' END
$$;

-- Up to `most` sessions in the order of their creation, after the one with the
-- number `after`.  Times are in milliseconds: active_ms and idle_ms before now,
-- since_ms since 1970.
CREATE OR REPLACE FUNCTION respgres.session_find(
    db int, user_name bytea, active_ms bigint, idle_ms bigint, ip bytea,
    since_ms bigint, field bytea, field_value bytea, after bigint,
    most bigint)
RETURNS SETOF respgres.session
LANGUAGE plpgsql STABLE SET enable_seqscan = on SET enable_hashjoin = on
AS $$
DECLARE
    now_ms bigint := respgres.now_ms();
BEGIN
    RETURN QUERY EXECUTE
        'SELECT s.* FROM respgres.session s WHERE ' ||
        respgres.session_conditions(
            session_find.user_name, active_ms, idle_ms, session_find.ip,
            since_ms, field, NULL) ||
        ' ORDER BY s.number LIMIT $13'
    USING session_find.db, session_find.user_name, now_ms - active_ms,
          now_ms - idle_ms, respgres.session_address(session_find.ip),
          since_ms << 20, field, field_value,
          respgres.session_hash(field, field_value), coalesce(after, 0),
          NULL::bytea[], now_ms, most;
END
$$;

-- How many live sessions there are: those by the events that were summed up, as
-- later events change it, without those that have expired and are there still.
CREATE OR REPLACE FUNCTION respgres.session_count_all(db int)
RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
    now_ms bigint := respgres.now_ms();
BEGIN
    RETURN coalesce((SELECT t.sessions FROM respgres.session_total t
                      WHERE t.db = session_count_all.db), 0)
         + coalesce((SELECT sum(respgres.session_change(e.kind))
                       FROM respgres.session_event e
                      WHERE e.db = session_count_all.db
                        -- By the index: the table may be mostly empty.
                        AND e.happened_at > 0), 0)
         - (SELECT count(*) FROM respgres.session s
             WHERE s.db = session_count_all.db AND s.sweep_at <= now_ms
               AND s.expires_at <= now_ms);
END
$$;

-- How many live sessions were used after `start`.  The narrow table knows most
-- of them; sessions themselves are looked at only where it is a minute behind,
-- and where they have expired and are there still.
CREATE OR REPLACE FUNCTION respgres.session_count_used(db int, start bigint)
RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
    now_ms bigint := respgres.now_ms();
    used bigint;
    behind bigint;
    expired bigint;
BEGIN
    -- Planned for these values: how many there may be decides.
    EXECUTE 'SELECT count(*) FROM respgres.session_activity a '
             'WHERE a.db = $1 AND a.active_at > $2'
       INTO used USING session_count_used.db, start;
    SELECT count(*) INTO behind
      FROM respgres.session_activity a
      JOIN respgres.session s ON s.db = a.db AND s.number = a.number
     WHERE a.db = session_count_used.db AND a.active_at > start - 60000
       AND a.active_at <= start AND s.accessed_at > start;
    SELECT count(*) INTO expired FROM respgres.session s
     WHERE s.db = session_count_used.db AND s.sweep_at <= now_ms
       AND s.expires_at <= now_ms AND s.accessed_at > start;
    RETURN used + behind - expired;
END
$$;

-- How many there are by filters.
CREATE OR REPLACE FUNCTION respgres.session_count_found(
    db int, user_name bytea, active_ms bigint, idle_ms bigint, ip bytea,
    since_ms bigint, field bytea, field_value bytea) RETURNS bigint
LANGUAGE plpgsql STABLE SET enable_seqscan = on SET enable_hashjoin = on
AS $$
DECLARE
    now_ms bigint := respgres.now_ms();
    result bigint;
BEGIN
    EXECUTE 'SELECT count(*) FROM respgres.session s WHERE ' ||
        respgres.session_conditions(
            session_count_found.user_name, active_ms, idle_ms,
            session_count_found.ip, since_ms, field, NULL)
       INTO result
    USING session_count_found.db, session_count_found.user_name,
          now_ms - active_ms, now_ms - idle_ms,
          respgres.session_address(session_count_found.ip), since_ms << 20,
          field, field_value, respgres.session_hash(field, field_value),
          0::bigint, NULL::bytea[], now_ms;
    RETURN result;
END
$$;

CREATE OR REPLACE FUNCTION respgres.session_count_of(
    db int, user_name bytea, active_ms bigint, idle_ms bigint, ip bytea,
    since_ms bigint, field bytea, field_value bytea) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF coalesce(user_name, ip, field) IS NOT NULL
       OR coalesce(idle_ms, since_ms) IS NOT NULL THEN
        RETURN respgres.session_count_found(
            db, user_name, active_ms, idle_ms, ip, since_ms, field,
            field_value);
    ELSIF active_ms IS NULL THEN
        RETURN respgres.session_count_all(db);
    END IF;
    RETURN respgres.session_count_used(db, respgres.now_ms() - active_ms);
END
$$;

-- How many there are of each user, address or agent (`what` is the column): the
-- `most` largest.
CREATE OR REPLACE FUNCTION respgres.session_count_by(
    db int, user_name bytea, active_ms bigint, idle_ms bigint, ip bytea,
    since_ms bigint, field bytea, field_value bytea, what text, most bigint)
RETURNS TABLE (label bytea, count bigint)
LANGUAGE plpgsql STABLE SET enable_seqscan = on SET enable_hashjoin = on
AS $$
DECLARE
    now_ms bigint := respgres.now_ms();
BEGIN
    RETURN QUERY EXECUTE
        format('SELECT s.%1$I, count(*) FROM respgres.session s WHERE '
               's.%1$I IS NOT NULL AND ', what) ||
        respgres.session_conditions(
            session_count_by.user_name, active_ms, idle_ms,
            session_count_by.ip, since_ms, field, NULL) ||
        format(' GROUP BY s.%1$I ORDER BY 2 DESC, 1 LIMIT $13', what)
    USING session_count_by.db, session_count_by.user_name,
          now_ms - active_ms, now_ms - idle_ms,
          respgres.session_address(session_count_by.ip), since_ms << 20,
          field, field_value, respgres.session_hash(field, field_value),
          0::bigint, NULL::bytea[], now_ms, most;
END
$$;

-- Ends up to `most` of them in the order of their creation, but not those with
-- `except_ids`: how many that were, and the number of the last one looked at
-- (NULL: there are no more).
CREATE OR REPLACE FUNCTION respgres.session_end_found(
    db int, user_name bytea, active_ms bigint, idle_ms bigint, ip bytea,
    since_ms bigint, field bytea, field_value bytea, except_ids bytea[],
    after bigint, most bigint, kind "char",
    OUT ended bigint, OUT last bigint)
LANGUAGE plpgsql SET enable_seqscan = on SET enable_hashjoin = on AS $$
DECLARE
    now_ms bigint := respgres.now_ms();
    picked record;
BEGIN
    EXECUTE 'SELECT array_agg(f.slot) AS slots, array_agg(f.id) AS ids, '
                   'max(f.number) AS last, count(*) AS count FROM ('
        'SELECT s.slot, s.id, s.number FROM respgres.session s WHERE ' ||
        respgres.session_conditions(
            session_end_found.user_name, active_ms, idle_ms,
            session_end_found.ip, since_ms, field, except_ids) ||
        ' ORDER BY s.number LIMIT $13 FOR UPDATE) AS f'
       INTO picked
    USING session_end_found.db, session_end_found.user_name,
          now_ms - active_ms, now_ms - idle_ms,
          respgres.session_address(session_end_found.ip), since_ms << 20,
          field, field_value, respgres.session_hash(field, field_value),
          coalesce(after, 0), except_ids, now_ms, most;
    ended := 0;
    IF picked.count > 0 THEN
        ended := cardinality(respgres.session_end(
            array_fill(db, ARRAY[picked.count::int]), picked.slots, picked.ids,
            session_end_found.kind));
    END IF;
    IF picked.count = most THEN
        last := picked.last;
    END IF;
END
$$;
