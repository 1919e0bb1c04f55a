-- Statements of the exchange of messages (storage/messages.h, storage/feed.h).

-- name: messages_send
-- write
SELECT respgres.publish($1::bytea, $2::bytea, $3::bool)

-- name: messages_others
-- Whether another instance than $1 listens.
-- scan: a row for each instance that has subscribers.
SELECT EXISTS (SELECT FROM respgres.listener l WHERE l.instance <> $1::int8)

-- name: messages_listen
-- write
INSERT INTO respgres.listener (instance) VALUES ($1::int8)
    ON CONFLICT DO NOTHING

-- name: messages_leave
-- write
DELETE FROM respgres.listener l WHERE l.instance = $1::int8

-- name: messages_take
-- write
SELECT t.channel, t.payload FROM respgres.take_message($1::int8) t

-- name: messages_reap
-- write
SELECT respgres.reap_messages()
