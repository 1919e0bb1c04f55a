-- once

-- Instances whose clients subscribe to something, and are to be told of what
-- others publish.  After a crash nobody listens any more.
CREATE UNLOGGED TABLE respgres.listener (
    instance bigint PRIMARY KEY
);

-- Messages that are too long for a notification, until all have taken them who
-- were told.
CREATE UNLOGGED TABLE respgres.message (
    number     bigint      PRIMARY KEY,
    readers    integer     NOT NULL,
    channel    bytea       NOT NULL,
    payload    bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE SEQUENCE respgres.message_number CACHE 32;
