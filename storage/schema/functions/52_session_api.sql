-- Sessions for SQL: what the SESSION command does, in an application's own
-- transaction.  Times to live are in seconds; times are timestamptz.

-- What a time in milliseconds is for SQL.
CREATE OR REPLACE FUNCTION respgres.session_time(ms bigint)
RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_timestamp(ms / 1000.0)
$$;

-- Creates a session; its id and token, which are made where they are not given
-- (a token only with `generate`).  `user_limit` is how many the user may have:
-- one too many is an error, or ends those idle longest with `evict`.
CREATE OR REPLACE FUNCTION respgres.session_create(
    db int, INOUT id bytea DEFAULT NULL, user_name bytea DEFAULT NULL,
    ttl bigint DEFAULT NULL, absolute bigint DEFAULT NULL,
    INOUT token bytea DEFAULT NULL, generate boolean DEFAULT false,
    ip bytea DEFAULT NULL, agent bytea DEFAULT NULL,
    device bytea DEFAULT NULL, fields bytea[] DEFAULT NULL,
    "values" bytea[] DEFAULT NULL, user_limit bigint DEFAULT NULL,
    evict boolean DEFAULT false, OUT error text, OUT evicted bigint)
LANGUAGE plpgsql AS $$
DECLARE
    made record;
BEGIN
    id := coalesce(id, respgres.session_secret());
    IF generate THEN
        token := respgres.session_secret();
    END IF;
    CASE
    WHEN octet_length(id) NOT BETWEEN 1 AND 512 THEN
        error := 'ERR a session id has 1 to 512 bytes';
    WHEN octet_length(user_name) > 512 OR octet_length(ip) > 512 THEN
        error := 'ERR user and address have up to 512 bytes';
    WHEN octet_length(agent) > 4096 OR octet_length(device) > 4096 THEN
        error := 'ERR agent and device have up to 4096 bytes';
    WHEN ttl <= 0 OR absolute <= 0 OR user_limit <= 0 THEN
        error := 'ERR times to live and limits must be positive';
    WHEN user_limit IS NOT NULL AND user_name IS NULL THEN
        error := 'ERR a limit needs a user';
    WHEN cardinality(fields) IS DISTINCT FROM cardinality("values")
         OR array_position(fields, NULL) IS NOT NULL
         OR array_position("values", NULL) IS NOT NULL THEN
        error := 'ERR every field needs a value';
    ELSE
        SELECT * INTO made FROM respgres.session_create_at(
            db, respgres.slot(id), id, user_name, ttl * 1000,
            absolute * 1000, sha256(token), ip, agent, device, fields,
            "values", user_limit, evict);
        error := made.error;
        evicted := made.evicted;
    END CASE;
    IF error IS NOT NULL THEN
        id := NULL;
        token := NULL;
    END IF;
END
$$;

-- A live session, or no row.
CREATE OR REPLACE FUNCTION respgres.session_get(db int, id bytea)
RETURNS TABLE (user_name bytea, created_at timestamptz,
               accessed_at timestamptz, expires_at timestamptz,
               absolute_at timestamptz, ip bytea, agent bytea, device bytea,
               fields bytea[], "values" bytea[])
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT s.user_name, respgres.session_time(s.number >> 20),
           respgres.session_time(s.accessed_at),
           respgres.session_time(s.expires_at),
           respgres.session_time(s.absolute_at), s.ip, s.agent, s.device,
           s.field_names, s.field_values
      FROM respgres.session s
     WHERE s.db = session_get.db AND s.id = session_get.id
       AND (s.expires_at IS NULL OR s.expires_at > respgres.now_ms());
END
$$;

-- The id of the live session with that token, or NULL.
CREATE OR REPLACE FUNCTION respgres.session_by_token(db int, token bytea)
RETURNS bytea
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT s.id FROM respgres.session s
             WHERE s.db = session_by_token.db
               AND s.token_hash = sha256(session_by_token.token)
               AND (s.expires_at IS NULL
                    OR s.expires_at > respgres.now_ms()));
END
$$;

CREATE OR REPLACE FUNCTION respgres.session_exists(db int, id bytea)
RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM respgres.session s
         WHERE s.db = session_exists.db AND s.id = session_exists.id
           AND (s.expires_at IS NULL OR s.expires_at > respgres.now_ms()));
END
$$;

-- Sets fields; whether there is such a session.
CREATE OR REPLACE FUNCTION respgres.session_set(
    db int, id bytea, fields bytea[], "values" bytea[]) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    count int := cardinality(fields);
BEGIN
    IF count IS DISTINCT FROM cardinality("values")
       OR array_position(fields, NULL) IS NOT NULL
       OR array_position("values", NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'every field needs a value'
              USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN cardinality(respgres.session_set_many(
               array_fill(db, ARRAY[count]),
               array_fill(respgres.slot(id), ARRAY[count]),
               array_fill(id, ARRAY[count]), fields, "values")) > 0;
END
$$;

-- How many of the fields there were; NULL: no such session.
CREATE OR REPLACE FUNCTION respgres.session_unset(
    db int, id bytea, fields bytea[]) RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
    RETURN respgres.session_unset_at(db, respgres.slot(id), id, fields);
END
$$;

-- How many of them there were.
CREATE OR REPLACE FUNCTION respgres.session_delete(db int, ids bytea[])
RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    picked record;
BEGIN
    SELECT array_agg(session_delete.db) AS dbs,
           array_agg(respgres.slot(i.id)) AS slots, array_agg(i.id) AS ids
      INTO picked
      FROM (SELECT DISTINCT u.id FROM unnest(session_delete.ids) AS u (id)
             ORDER BY u.id) AS i;
    RETURN cardinality(respgres.session_end(picked.dbs, picked.slots,
                                            picked.ids, 'd'));
END
$$;

-- Gives a session another id and, where it had one or a token is given or asked
-- for, another token.  All NULL: no such session.
CREATE OR REPLACE FUNCTION respgres.session_rotate(
    db int, id bytea, INOUT new_id bytea DEFAULT NULL,
    INOUT token bytea DEFAULT NULL, generate boolean DEFAULT false,
    OUT error text)
LANGUAGE plpgsql AS $$
DECLARE
    always boolean := generate OR token IS NOT NULL;
    done record;
BEGIN
    new_id := coalesce(new_id, respgres.session_secret());
    token := coalesce(token, respgres.session_secret());
    IF octet_length(new_id) NOT BETWEEN 1 AND 512 THEN
        error := 'ERR a session id has 1 to 512 bytes';
    ELSE
        SELECT * INTO done FROM respgres.session_rotate_at(
            db, respgres.slot(id), id, respgres.slot(new_id), new_id,
            sha256(token), always);
        error := done.error;
    END IF;
    IF error IS NOT NULL OR NOT done.is_there THEN
        new_id := NULL;
        token := NULL;
    ELSIF NOT done.tokened THEN
        token := NULL;
    END IF;
END
$$;

-- Moves the expiry further by some seconds, up to the absolute end.  When it
-- expires then; infinity: never; NULL: no such session.
CREATE OR REPLACE FUNCTION respgres.session_extend(
    db int, id bytea, seconds bigint) RETURNS timestamptz
LANGUAGE plpgsql AS $$
DECLARE
    result timestamptz;
BEGIN
    IF seconds <= 0 THEN
        RAISE EXCEPTION 'seconds must be positive'
              USING ERRCODE = 'invalid_parameter_value';
    END IF;
    UPDATE respgres.session AS s
       SET expires_at = LEAST(s.expires_at + seconds * 1000, s.absolute_at)
     WHERE s.db = session_extend.db AND s.id = session_extend.id
       AND (s.expires_at IS NULL OR s.expires_at > respgres.now_ms())
    RETURNING coalesce(respgres.session_time(s.expires_at), 'infinity')
         INTO result;
    RETURN result;
END
$$;

-- Notes that sessions are used, and so puts off their expiry by their time to
-- live.  Ordinals of those that are there, in order.
CREATE OR REPLACE FUNCTION respgres.session_touch_many(
    dbs int[], slots smallint[], ids bytea[]) RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
    now_ms bigint := respgres.now_ms();
    ordinals bigint[];
BEGIN
    WITH touched AS (
        UPDATE respgres.session AS s
           SET accessed_at = greatest(s.accessed_at, now_ms),
               active_at = CASE WHEN now_ms - s.active_at < 60000
                                THEN s.active_at ELSE now_ms END,
               expires_at = greatest(s.expires_at,
                                     LEAST(now_ms + s.ttl_ms, s.absolute_at))
          FROM unnest(dbs, slots, ids) WITH ORDINALITY
               AS i (db, slot, id, ordinal)
         WHERE s.db = i.db AND s.id = i.id AND s.slot = i.slot
           AND (s.expires_at IS NULL OR s.expires_at > now_ms)
        RETURNING i.ordinal, s.db, s.number, s.active_at
    ), moved AS (
        UPDATE respgres.session_activity AS a SET active_at = t.active_at
          FROM touched t
         WHERE t.active_at = now_ms AND a.db = t.db AND a.number = t.number
    )
    SELECT array_agg(t.ordinal ORDER BY t.ordinal) INTO ordinals
      FROM touched t;
    RETURN coalesce(ordinals, '{}');
END
$$;

-- How many of them are there.
CREATE OR REPLACE FUNCTION respgres.session_touch(db int, ids bytea[])
RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    picked record;
BEGIN
    SELECT array_agg(session_touch.db) AS dbs,
           array_agg(respgres.slot(i.id)) AS slots, array_agg(i.id) AS ids
      INTO picked
      FROM (SELECT DISTINCT u.id FROM unnest(session_touch.ids) AS u (id)
             ORDER BY u.id) AS i;
    RETURN cardinality(respgres.session_touch_many(picked.dbs, picked.slots,
                                                   picked.ids));
END
$$;

-- Live sessions in the order of their creation, that are all of what is given:
-- of a user; used in the last `active` seconds; not used in the last `idle`; from
-- an address; created since; with a field of that value.  `after` is the number
-- of the last row of the page before.
CREATE OR REPLACE FUNCTION respgres.session_list(
    db int, user_name bytea DEFAULT NULL, active bigint DEFAULT NULL,
    idle bigint DEFAULT NULL, ip bytea DEFAULT NULL,
    since timestamptz DEFAULT NULL, field bytea DEFAULT NULL,
    field_value bytea DEFAULT NULL, after bigint DEFAULT 0,
    most bigint DEFAULT 100)
RETURNS TABLE (number bigint, id bytea, of_user bytea,
               created_at timestamptz, accessed_at timestamptz,
               expires_at timestamptz, absolute_at timestamptz,
               address bytea, agent bytea, device bytea, fields bytea[],
               "values" bytea[])
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT s.number, s.id, s.user_name, respgres.session_time(s.number >> 20),
           respgres.session_time(s.accessed_at),
           respgres.session_time(s.expires_at),
           respgres.session_time(s.absolute_at), s.ip, s.agent, s.device,
           s.field_names, s.field_values
      FROM respgres.session_find(
           session_list.db, session_list.user_name, active * 1000,
           idle * 1000, session_list.ip,
           (date_part('epoch', since) * 1000)::bigint, field, field_value,
           after, most) s;
END
$$;

-- How many there are of those that session_list() would show.
CREATE OR REPLACE FUNCTION respgres.session_count(
    db int, user_name bytea DEFAULT NULL, active bigint DEFAULT NULL,
    idle bigint DEFAULT NULL, ip bytea DEFAULT NULL,
    since timestamptz DEFAULT NULL, field bytea DEFAULT NULL,
    field_value bytea DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN respgres.session_count_of(
        db, user_name, active * 1000, idle * 1000, ip,
        (date_part('epoch', since) * 1000)::bigint, field, field_value);
END
$$;

-- Ends all that session_list() would show, but not those with `except_ids`; how
-- many that were.  Without a filter it ends none.
CREATE OR REPLACE FUNCTION respgres.session_bulk_delete(
    db int, user_name bytea DEFAULT NULL, active bigint DEFAULT NULL,
    idle bigint DEFAULT NULL, ip bytea DEFAULT NULL,
    since timestamptz DEFAULT NULL, field bytea DEFAULT NULL,
    field_value bytea DEFAULT NULL, except_ids bytea[] DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(user_name, ip, field) IS NULL
       AND coalesce(active, idle) IS NULL AND since IS NULL THEN
        RETURN 0;
    END IF;
    RETURN (SELECT e.ended FROM respgres.session_end_found(
        db, user_name, active * 1000, idle * 1000, ip,
        (date_part('epoch', since) * 1000)::bigint, field, field_value,
        except_ids, 0, NULL, 'd') e);
END
$$;

-- Ends up to `most` sessions that were not used for so many seconds; how many
-- that were.
CREATE OR REPLACE FUNCTION respgres.session_cleanup(
    db int, inactive bigint, most bigint DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT e.ended FROM respgres.session_end_found(
        db, NULL, NULL, inactive * 1000, NULL, NULL, NULL, NULL, NULL, 0,
        most, 'i') e);
END
$$;

-- What happened in the last seconds: see docs/sessions.md.
CREATE OR REPLACE FUNCTION respgres.session_analytics(
    db int, "window" bigint DEFAULT 86400, most bigint DEFAULT 10)
RETURNS TABLE (section text, label text, count bigint, ended bigint)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT a.section, respgres.readable(a.label), a.count, a.second
      FROM respgres.session_analyze(
           db, LEAST("window" * 1000, respgres.session_history_ms()),
           most) a;
END
$$;

-- Switches notifications of a database's sessions on or off; NULL only asks.
-- Whether they are on.
CREATE OR REPLACE FUNCTION respgres.session_events(
    db int, enable boolean DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    IF enable THEN
        INSERT INTO respgres.session_listener AS l (db)
        VALUES (session_events.db) ON CONFLICT DO NOTHING;
    ELSIF NOT enable THEN
        DELETE FROM respgres.session_listener AS l
         WHERE l.db = session_events.db;
    END IF;
    RETURN EXISTS (SELECT FROM respgres.session_listener l
                    WHERE l.db = session_events.db);
END
$$;
