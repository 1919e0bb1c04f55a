-- The keyspace: one row for each key, a string's value inline.

-- Numbers contents, not names: overwriting or deleting a key drops the id,
-- renaming it only moves it.  Ids only grow, and SCAN walks in their order: a
-- key that is there throughout a scan is met at its old id or at a later one.
CREATE SEQUENCE respgres.key_id;

CREATE TABLE respgres.key (
    id         bigint   NOT NULL DEFAULT nextval('respgres.key_id'),
    -- Grows with each change of the content or the expiry.
    version    bigint   NOT NULL DEFAULT 1,
    -- Milliseconds since 1970 by this database's clock; NULL: never.
    expires_at bigint,
    -- When the sweeper looks at the row: at expires_at or before it.  The two
    -- are apart so that moving an expiry further away changes no indexed
    -- column; the sweeper then moves this one when it comes by.
    sweep_at   bigint,
    -- A string that is a canonical 64-bit integer; its value is NULL then.
    number     bigint,
    db         integer  NOT NULL,
    -- Seconds since 1970: the last write or TOUCH.
    touched_at integer  NOT NULL,
    -- Redis Cluster's hash slot of the key.
    slot       smallint NOT NULL,
    -- s string, l list, t set, z sorted set, h hash, x stream.
    type       "char"   NOT NULL,
    -- A string that was changed in place, as Redis' encoding "raw".
    raw        boolean  NOT NULL DEFAULT false,
    -- The key itself, or respgres.indexed(long_key).
    key        bytea    NOT NULL,
    value      bytea,
    -- The whole key when it is too long for an index.
    long_key   bytea,
    PRIMARY KEY (db, key, slot)
) WITH (fillfactor = 85,
        autovacuum_vacuum_scale_factor = 0.05,
        autovacuum_vacuum_insert_scale_factor = 0.1,
        autovacuum_analyze_scale_factor = 0.05);

CREATE INDEX key_scan ON respgres.key (db, id);
CREATE INDEX key_sweep ON respgres.key (sweep_at) WHERE sweep_at IS NOT NULL;

-- The last committed batch of each connection that writes; see storage/lane.h.
CREATE TABLE respgres.lane (
    id        bigint PRIMARY KEY,
    batch     bigint NOT NULL,
    marked_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 20, autovacuum_vacuum_threshold = 1000);
