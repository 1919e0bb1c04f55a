-- Sessions: a store of their own beside the keyspace, by database number.

CREATE SEQUENCE respgres.session_number;

CREATE TABLE respgres.session (
    -- When it was created (milliseconds since 1970, times 2^20) and a part of
    -- a sequence: the order of creation, which lists walk in.
    number       bigint   NOT NULL,
    -- Milliseconds since 1970 by this database's clock, as all times here.
    accessed_at  bigint   NOT NULL,
    -- accessed_at, or up to a minute before it: as in session_activity.
    active_at    bigint   NOT NULL,
    -- NULL: never.
    expires_at   bigint,
    -- expires_at is never later than this.
    absolute_at  bigint,
    -- How long it may be idle; NULL: for ever.
    ttl_ms       bigint,
    -- When the sweeper looks at it: see the same column of respgres.key.
    sweep_at     bigint,
    db           integer  NOT NULL,
    -- Redis Cluster's hash slot of the id.
    slot         smallint NOT NULL,
    id           bytea    NOT NULL,
    -- SHA-256 of the token; the token itself is nowhere.
    token_hash   bytea,
    user_name    bytea,
    -- An address in its shortest spelling, or whatever the client sent.
    ip           bytea,
    agent        bytea,
    device       bytea,
    -- The data, each name once; NULL: none.
    field_names  bytea[],
    field_values bytea[],
    -- Hashes of each name with its value.
    field_hashes integer[],
    PRIMARY KEY (db, id, slot)
) WITH (fillfactor = 80,
        autovacuum_vacuum_scale_factor = 0.05,
        autovacuum_vacuum_insert_scale_factor = 0.1,
        autovacuum_analyze_scale_factor = 0.05);

CREATE INDEX session_order ON respgres.session (db, number);
CREATE INDEX session_of_user ON respgres.session (db, user_name, number)
    WHERE user_name IS NOT NULL;
CREATE INDEX session_of_address ON respgres.session (db, ip, number)
    WHERE ip IS NOT NULL;
CREATE UNIQUE INDEX session_token ON respgres.session (db, token_hash)
    WHERE token_hash IS NOT NULL;
CREATE INDEX session_sweep ON respgres.session (sweep_at)
    WHERE sweep_at IS NOT NULL;
-- A short list of what is not sorted in yet: no writer stops for long.
CREATE INDEX session_field ON respgres.session USING gin (field_hashes)
    WITH (gin_pending_list_limit = 256)
    WHERE field_hashes IS NOT NULL;

-- When each was used: accessed_at, or up to a minute before it.  So an access
-- changes no indexed column of respgres.session, and this row once a minute at
-- the most.  Whoever changes it holds the lock of the session's row.
CREATE TABLE respgres.session_activity (
    active_at bigint  NOT NULL,
    number    bigint  NOT NULL,
    db        integer NOT NULL,
    PRIMARY KEY (db, number)
) WITH (autovacuum_vacuum_scale_factor = 0.05,
        autovacuum_vacuum_insert_scale_factor = 0.1,
        autovacuum_analyze_scale_factor = 0.05);

CREATE INDEX session_activity_time
    ON respgres.session_activity (active_at, db, number);

-- What happened to sessions and is not in respgres.session_summary yet.
CREATE TABLE respgres.session_event (
    happened_at bigint  NOT NULL,
    -- When the session was created.
    created_at  bigint  NOT NULL,
    db          integer NOT NULL,
    -- c created, r rotated; its end: x expired, d deleted, e evicted, i idle.
    kind        "char"  NOT NULL,
    user_name   bytea,
    agent       bytea,
    device      bytea
) WITH (autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_insert_scale_factor = 0.5);

CREATE INDEX session_event_time ON respgres.session_event (happened_at);

-- Counts of what happened, by the minute.  Besides kinds of events: A and D
-- sessions created with an agent or a device (the label), L ends by how long
-- the session had lived (the label: see respgres.session_length()).  Those
-- three are by the hour when they are older.
CREATE TABLE respgres.session_summary (
    -- The start of the minute or hour.
    period   bigint  NOT NULL,
    count    bigint  NOT NULL,
    -- Of ends: how long the sessions had lived, together.
    total_ms bigint  NOT NULL,
    db       integer NOT NULL,
    kind     "char"  NOT NULL,
    label    bytea   NOT NULL,
    PRIMARY KEY (db, period, kind, label)
) WITH (fillfactor = 80,
        autovacuum_vacuum_scale_factor = 0.05,
        autovacuum_analyze_scale_factor = 0.05);

CREATE INDEX session_summary_period ON respgres.session_summary (period);
CREATE INDEX session_summary_minutes ON respgres.session_summary (period)
    WHERE kind IN ('A', 'D', 'L') AND period % 3600000 <> 0;

-- How many sessions there are, and how many users have, by the events that were
-- summed up.
CREATE TABLE respgres.session_total (
    sessions bigint  NOT NULL,
    db       integer PRIMARY KEY
) WITH (fillfactor = 20);

CREATE TABLE respgres.session_user (
    sessions  bigint  NOT NULL,
    db        integer NOT NULL,
    user_name bytea   NOT NULL,
    PRIMARY KEY (db, user_name)
) WITH (fillfactor = 80,
        autovacuum_vacuum_scale_factor = 0.05,
        autovacuum_analyze_scale_factor = 0.05);

CREATE INDEX session_user_most
    ON respgres.session_user (db, sessions DESC, user_name);
CREATE INDEX session_user_none ON respgres.session_user (db)
    WHERE sessions = 0;

-- Databases whose events are notified.
CREATE TABLE respgres.session_listener (
    db integer PRIMARY KEY
);
