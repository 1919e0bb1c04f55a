-- Tags: names under which keys of any type are found and invalidated together.
--
-- A key's tags stand in its own row, as numbers, and so end with it however
-- that goes.  The catalogue gives tags their numbers, and counts how often each
-- was invalidated.

CREATE TABLE respgres.tag (
    id         bigint  NOT NULL DEFAULT nextval('respgres.key_id') PRIMARY KEY,
    -- Grows with each invalidation.
    generation bigint  NOT NULL DEFAULT 0,
    -- Milliseconds since 1970: leases want a tag without keys kept until then.
    kept_until bigint  NOT NULL DEFAULT 0,
    db         integer NOT NULL,
    -- respgres.indexed() of the name.
    name       bytea   NOT NULL,
    long_name  bytea,
    UNIQUE (db, name)
) WITH (fillfactor = 80,
        autovacuum_vacuum_scale_factor = 0.05,
        autovacuum_vacuum_insert_scale_factor = 0.1,
        autovacuum_analyze_scale_factor = 0.05);

ALTER TABLE respgres.key
    -- Numbers of tags, ascending; NULL: none.
    ADD COLUMN tags bigint[],
    -- The version that was marked stale: the key is while it has that version.
    ADD COLUMN stale_version bigint;

-- Without a list of pending entries, which every search would have to read, and
-- somebody to sort in.
CREATE INDEX key_tags ON respgres.key USING gin (tags)
    WITH (fastupdate = off)
    WHERE tags IS NOT NULL;

-- Work on more keys than one transaction should lock: what is to be done, and
-- parts of the keys that it is still to be done to.
CREATE TABLE respgres.tag_work (
    id         bigint   NOT NULL DEFAULT nextval('respgres.key_id')
                        PRIMARY KEY,
    -- No key that was there at the start has this id or a later one.
    first_new_id bigint NOT NULL,
    started_at bigint   NOT NULL,
    -- What is set with the operation t, milliseconds since 1970.
    expires_at bigint,
    db         integer  NOT NULL,
    -- Keys that were to be found by their id and had gone: perhaps they have
    -- got another one.
    vanished   integer  NOT NULL DEFAULT 0,
    looked_again boolean NOT NULL DEFAULT false,
    -- d delete, s mark as stale, t set the expiry.
    operation  "char"   NOT NULL,
    -- Numbers of tags: any of these, or all of those; and none of the last.
    any_of     bigint[],
    all_of     bigint[],
    none_of    bigint[]
);

CREATE TABLE respgres.tag_work_part (
    work_id bigint  NOT NULL,
    part    bigint  NOT NULL DEFAULT nextval('respgres.key_id'),
    -- How often somebody else held one of the keys.
    attempt integer NOT NULL DEFAULT 0,
    -- Where the rows were, in order; NULL: they have moved.
    ctids   tid[],
    ids     bigint[] NOT NULL,
    PRIMARY KEY (work_id, part)
);

-- Compressing them would cost more than writing them.
ALTER TABLE respgres.tag_work_part
    ALTER COLUMN ctids SET STORAGE EXTERNAL,
    ALTER COLUMN ids SET STORAGE EXTERNAL;

-- Where the look for tags without keys goes on, and when; one row at the most.
CREATE TABLE respgres.tag_walk (
    next_id  bigint NOT NULL,
    due_at   bigint NOT NULL,
    -- The pause after the last round; and how many tags this one has reaped.
    pause_ms bigint NOT NULL,
    reaped   bigint NOT NULL
) WITH (fillfactor = 10);

-- A key of a tag with so many that looking for one takes long.
CREATE TABLE respgres.tag_sample (
    tag_id bigint PRIMARY KEY,
    key_id bigint NOT NULL
) WITH (fillfactor = 50);
