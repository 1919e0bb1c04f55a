-- once
--
-- Messages from one instance's clients, or from SQL, to other instances'.
--
-- Nothing is sent or stored while no other instance has subscribers.  A message
-- leaves as a notification, with the commit; one that is too long for that lies
-- in respgres.message, and the notification has its number.

CREATE OR REPLACE FUNCTION respgres.publish(
    channel bytea, payload bytea, sharded boolean DEFAULT false)
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    -- A snapshot of the transaction's start may miss who listens since.
    unsure boolean := NOT respgres.sees_waiters();
    -- It also keeps equal messages of a transaction apart, which PostgreSQL
    -- would send once.
    number bigint;
    readers int;
    letter "char" := CASE WHEN sharded THEN 's' ELSE 'm' END;
BEGIN
    IF channel IS NULL OR payload IS NULL THEN
        RETURN;
    END IF;
    IF NOT unsure AND NOT EXISTS (
        SELECT FROM respgres.listener l
         WHERE l.instance <> respgres.instance())
    THEN
        RETURN;
    END IF;
    number := nextval('respgres.message_number');
    IF octet_length(channel) + octet_length(payload) <= 5600 THEN
        PERFORM pg_notify('respgres.message',
            concat_ws(' ', letter, respgres.instance(), number,
                      encode(channel, 'base64'), encode(payload, 'base64')));
        RETURN;
    END IF;
    -- Nobody would take what is there for instances that are gone.
    SELECT count(*) INTO readers
      FROM respgres.listener l
     WHERE l.instance <> respgres.instance()
       AND l.instance IN (SELECT respgres.living_instances());
    IF readers > 0 OR unsure THEN
        INSERT INTO respgres.message (number, readers, channel, payload)
        VALUES (number, greatest(readers, 1), publish.channel,
                publish.payload);
        PERFORM pg_notify('respgres.message',
            concat_ws(' ', upper(letter::text), respgres.instance(), number));
    END IF;
END
$$;

-- A stored message, for one of those who were told of it; no row: it is gone.
CREATE OR REPLACE FUNCTION respgres.take_message(message_number bigint)
RETURNS TABLE (channel bytea, payload bytea)
LANGUAGE plpgsql AS $$
DECLARE
    readers int;
BEGIN
    SELECT m.readers, m.channel, m.payload
      INTO readers, take_message.channel, take_message.payload
      FROM respgres.message m
     WHERE m.number = message_number
       FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF readers <= 1 THEN
        DELETE FROM respgres.message m WHERE m.number = message_number;
    ELSE
        UPDATE respgres.message m
           SET readers = m.readers - 1
         WHERE m.number = message_number;
    END IF;
    RETURN NEXT;
END
$$;

-- Forgets instances that are gone, and messages that nobody has taken.
CREATE OR REPLACE FUNCTION respgres.reap_messages() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM respgres.listener l
     WHERE l.instance NOT IN (SELECT respgres.living_instances());
    DELETE FROM respgres.message m
     WHERE m.created_at < now() - interval '1 minute';
END
$$;
