-- Snapshots: an agent's memory at points in time.
--
-- A snapshot is a row, and a tree of chunks under it.  Chunks are known by the
-- SHA-256 of what they hold, so that what did not change is stored once:
--
--    data    snapshot ─▶ pieces of the payload
--    keys    snapshot ─▶ indexes ─▶ pages of keys ─▶ pieces of large values
--
-- The forms of indexes and pages are the program's (commands/snapshot_page.h).

CREATE SEQUENCE respgres.snapshot_number;

CREATE TABLE respgres.snapshot (
    -- Made by respgres.snapshot_id(): in the order of creation.
    id           text COLLATE "C" PRIMARY KEY,
    db           integer  NOT NULL,
    -- d data, k keys.
    kind         "char"   NOT NULL,
    pinned       boolean  NOT NULL DEFAULT false,
    -- Milliseconds since 1970; of keys: the point in time that they show.
    created_at   bigint   NOT NULL,
    expires_at   bigint,
    key_count    bigint   NOT NULL DEFAULT 0,
    -- Of all its chunks, as they are used and as they came to be stored: those
    -- that were there already took nothing.
    raw_bytes    bigint   NOT NULL,
    stored_bytes bigint   NOT NULL,
    agent        bytea    NOT NULL,
    name         bytea,
    user_name    bytea,
    parent       text COLLATE "C",
    patterns     bytea[],
    meta         jsonb,
    -- Data: SHA-256 of the payload; keys: that of `chunks`.
    checksum     bytea    NOT NULL,
    -- Hashes of the uppermost chunks, 32 bytes each.
    chunks       bytea    NOT NULL,
    language     text     NOT NULL DEFAULT 'simple',
    -- What search looks at, up to 64 KB of it.
    search_text  text,
    search       tsvector
) WITH (autovacuum_vacuum_scale_factor = 0.05,
        autovacuum_analyze_scale_factor = 0.05);

CREATE INDEX snapshot_of_db ON respgres.snapshot (db, id);
CREATE INDEX snapshot_of_agent ON respgres.snapshot (db, agent, id);
CREATE INDEX snapshot_of_user ON respgres.snapshot (db, user_name, id)
    WHERE user_name IS NOT NULL;
CREATE INDEX snapshot_of_name ON respgres.snapshot (db, name, id)
    WHERE name IS NOT NULL;
CREATE INDEX snapshot_of_parent ON respgres.snapshot (parent)
    WHERE parent IS NOT NULL;
CREATE INDEX snapshot_expiry ON respgres.snapshot (expires_at)
    WHERE expires_at IS NOT NULL AND NOT pinned;
CREATE INDEX snapshot_meta ON respgres.snapshot USING gin (meta jsonb_path_ops)
    WITH (fastupdate = off);
-- Without a list of pending entries, which every search would read.
CREATE INDEX snapshot_search ON respgres.snapshot USING gin (search)
    WITH (fastupdate = off);

CREATE TABLE respgres.snapshot_chunk (
    -- SHA-256 of a zero byte and the raw bytes; where there are references, of
    -- a byte 1, their hashes and the raw bytes.
    hash       bytea    PRIMARY KEY,
    -- Since when nobody uses it, in milliseconds since 1970.
    idle_since bigint   NOT NULL,
    raw_size   integer  NOT NULL,
    -- Snapshots and chunks that refer to it, or are stored as a change to it.
    uses       integer  NOT NULL DEFAULT 0,
    -- 0 as it is, 1 zstd.
    codec      smallint NOT NULL,
    -- How many chunks have to be read before this one.
    depth      smallint NOT NULL DEFAULT 0,
    data       bytea    NOT NULL,
    -- The chunk that zstd was given as what came before.
    base       bytea,
    -- Hashes of the chunks that it refers to, 32 bytes each.
    refs       bytea
) WITH (fillfactor = 90,
        autovacuum_vacuum_scale_factor = 0.05,
        autovacuum_analyze_scale_factor = 0.05);

CREATE INDEX snapshot_chunk_idle ON respgres.snapshot_chunk (idle_since)
    WHERE uses = 0;

-- What is kept of an agent's snapshots; carried out when due.
CREATE TABLE respgres.snapshot_policy (
    db         integer NOT NULL,
    keep       bigint,
    older_ms   bigint,
    due_at     bigint  NOT NULL,
    agent      bytea   NOT NULL,
    PRIMARY KEY (db, agent)
);

CREATE INDEX snapshot_policy_due ON respgres.snapshot_policy (due_at);

-- Restores under way.  Keys are made in a database of their own, which nobody
-- can select, and then moved in one transaction.
CREATE TABLE respgres.snapshot_restore (
    staged_db integer PRIMARY KEY,
    -- Its keys are to be deleted.
    given_up  boolean NOT NULL DEFAULT false,
    -- When it is given up; who restores moves that further away.
    due_at    bigint NOT NULL
);

-- A snapshot that goes gives back its chunks, and its children to its parent.
CREATE FUNCTION respgres.snapshot_gone() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM respgres.snapshot_release(OLD.chunks, NULL);
    UPDATE respgres.snapshot AS s SET parent = OLD.parent
     WHERE s.parent = OLD.id;
    RETURN NULL;
END
$$;

CREATE TRIGGER snapshot_deleted AFTER DELETE ON respgres.snapshot
    FOR EACH ROW EXECUTE FUNCTION respgres.snapshot_gone();
