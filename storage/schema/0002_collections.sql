-- Collections: a row for each element, found by the content's number.
--
-- The key's row names its content.  Deleting or overwriting a key drops the
-- content, whose rows are reaped in the background; RENAME moves the name
-- alone.  Whoever changes a collection holds the lock of its key's row, so its
-- elements need none.

ALTER TABLE respgres.key
    -- The rows of a collection; NULL for a string.
    ADD COLUMN content_id bigint,
    -- Elements of a collection.
    ADD COLUMN size bigint,
    -- A list's position of its first item.
    ADD COLUMN first_position bigint,
    -- When the first of a hash's fields expires, or before; NULL: none does.
    ADD COLUMN fields_expire_at bigint,
    -- The slot under which the content's rows are stored: that of the key
    -- for which it was made.
    ADD COLUMN content_slot smallint;

CREATE INDEX key_content ON respgres.key (content_id)
    WHERE content_id IS NOT NULL;

-- Element names are indexed as keys are: those of 1,024 bytes or more by
-- respgres.indexed(), with the whole in long_….  `hash` spreads elements
-- evenly: cursors walk in its order, and random elements are drawn by it.

CREATE TABLE respgres.hash_field (
    content_id bigint   NOT NULL,
    -- Order of insertion.
    ordinal    bigint   NOT NULL DEFAULT nextval('respgres.key_id'),
    -- Milliseconds since 1970; NULL: never.
    expires_at bigint,
    hash       integer  NOT NULL,
    slot       smallint NOT NULL,
    field      bytea    NOT NULL,
    value      bytea    NOT NULL,
    long_field bytea,
    PRIMARY KEY (slot, content_id, hash, field)
) WITH (fillfactor = 90,
        autovacuum_vacuum_scale_factor = 0.05,
        autovacuum_vacuum_insert_scale_factor = 0.1,
        autovacuum_analyze_scale_factor = 0.05);

-- For the sweeper, and for what is known of one hash.
CREATE INDEX hash_field_expiry ON respgres.hash_field (expires_at)
    WHERE expires_at IS NOT NULL;
CREATE INDEX hash_field_expiry_in_hash
    ON respgres.hash_field (slot, content_id, expires_at)
    WHERE expires_at IS NOT NULL;

-- Positions are dense: from the key's first_position on, `size` of them.
CREATE TABLE respgres.list_item (
    content_id bigint   NOT NULL,
    position   bigint   NOT NULL,
    slot       smallint NOT NULL,
    value      bytea    NOT NULL,
    PRIMARY KEY (slot, content_id, position)
) WITH (autovacuum_vacuum_scale_factor = 0.05,
        autovacuum_vacuum_insert_scale_factor = 0.1,
        autovacuum_analyze_scale_factor = 0.05);

CREATE TABLE respgres.set_member (
    content_id  bigint   NOT NULL,
    hash        integer  NOT NULL,
    slot        smallint NOT NULL,
    member      bytea    NOT NULL,
    long_member bytea,
    PRIMARY KEY (slot, content_id, hash, member)
) WITH (autovacuum_vacuum_scale_factor = 0.05,
        autovacuum_vacuum_insert_scale_factor = 0.1,
        autovacuum_analyze_scale_factor = 0.05);

CREATE TABLE respgres.sorted_set_member (
    content_id  bigint   NOT NULL,
    score       double precision NOT NULL,
    hash        integer  NOT NULL,
    slot        smallint NOT NULL,
    member      bytea    NOT NULL,
    long_member bytea,
    PRIMARY KEY (slot, content_id, hash, member)
) WITH (fillfactor = 90,
        autovacuum_vacuum_scale_factor = 0.05,
        autovacuum_vacuum_insert_scale_factor = 0.1,
        autovacuum_analyze_scale_factor = 0.05);

-- The condition holds for all rows.  It keeps this index out of the way of
-- looking a member up, for which it would seem as good as the primary key
-- while there are no statistics: only statements that name it use the index.
CREATE INDEX sorted_set_order
    ON respgres.sorted_set_member (slot, content_id, score, member)
    WHERE slot >= 0;

-- Counts of a large sorted set's members, so that a rank is a short sum; see
-- 33_sorted_set_blocks.sql.  A block holds the members from its own (score,
-- member), which need not be one of them, to that of the next.
CREATE TABLE respgres.sorted_set_block (
    content_id bigint   NOT NULL,
    score      double precision NOT NULL,
    count      bigint   NOT NULL,
    slot       smallint NOT NULL,
    -- 0 blocks of members; 1 groups of blocks, which begin where one does.
    level      smallint NOT NULL,
    member     bytea    NOT NULL,
    PRIMARY KEY (slot, content_id, level, score, member)
) WITH (fillfactor = 60,
        autovacuum_vacuum_scale_factor = 0.05,
        autovacuum_analyze_scale_factor = 0.05);

-- What a stream's key row has no place for.  IDs are 16 bytes: milliseconds
-- and sequence number, each big-endian and without a sign, so that their order
-- is that of bytes.
--
-- Entries belong to nodes, numbered in the order of IDs: approximate trimming
-- removes whole nodes.  How large a node gets is for who adds entries.
CREATE TABLE respgres.stream (
    content_id     bigint   NOT NULL,
    entries_added  bigint   NOT NULL DEFAULT 0,
    slot           smallint NOT NULL,
    last_id        bytea    NOT NULL,
    max_deleted_id bytea    NOT NULL,
    -- The first entry's ID, 0-0 when there is none: what was trimmed need not
    -- be stepped over.
    first_id       bytea    NOT NULL DEFAULT
                   '\x00000000000000000000000000000000',
    -- The first entry's node, and how many entries that has.
    head_node      bigint   NOT NULL DEFAULT 0,
    head_count     bigint   NOT NULL DEFAULT 0,
    -- The last node: how many entries have been added to it (0: the next one
    -- begins another node), and their bytes.
    tail_node      bigint   NOT NULL DEFAULT 0,
    tail_count     bigint   NOT NULL DEFAULT 0,
    tail_bytes     bigint   NOT NULL DEFAULT 0,
    PRIMARY KEY (slot, content_id)
) WITH (fillfactor = 50);

CREATE TABLE respgres.stream_entry (
    content_id bigint   NOT NULL,
    node       bigint   NOT NULL DEFAULT 0,
    slot       smallint NOT NULL,
    id         bytea    NOT NULL,
    -- Names and values in turns.
    fields     bytea[]  NOT NULL,
    PRIMARY KEY (slot, content_id, id)
) WITH (autovacuum_vacuum_scale_factor = 0.05,
        autovacuum_vacuum_insert_scale_factor = 0.1,
        autovacuum_analyze_scale_factor = 0.05);

CREATE TABLE respgres.stream_group (
    content_id   bigint   NOT NULL,
    id           bigint   NOT NULL DEFAULT nextval('respgres.key_id'),
    -- NULL: unknown.
    entries_read bigint,
    slot         smallint NOT NULL,
    -- respgres.indexed() of the name.
    name         bytea    NOT NULL,
    long_name    bytea,
    last_id      bytea    NOT NULL,
    PRIMARY KEY (slot, content_id, name)
) WITH (fillfactor = 50);

CREATE TABLE respgres.stream_consumer (
    group_id  bigint   NOT NULL,
    id        bigint   NOT NULL DEFAULT nextval('respgres.key_id'),
    -- Milliseconds since 1970: the last command, and the last that gave it
    -- an entry (NULL: none yet).
    seen_at   bigint   NOT NULL,
    active_at bigint,
    -- Rows of stream_pending.
    pending   bigint   NOT NULL DEFAULT 0,
    slot      smallint NOT NULL,
    name      bytea    NOT NULL,
    long_name bytea,
    PRIMARY KEY (slot, group_id, name)
) WITH (fillfactor = 50);

CREATE UNIQUE INDEX stream_consumer_id
    ON respgres.stream_consumer (slot, group_id, id);

-- Entries that were delivered and not acknowledged.
CREATE TABLE respgres.stream_pending (
    group_id     bigint   NOT NULL,
    consumer_id  bigint   NOT NULL,
    delivered_at bigint   NOT NULL,
    deliveries   bigint   NOT NULL,
    slot         smallint NOT NULL,
    entry_id     bytea    NOT NULL,
    PRIMARY KEY (slot, group_id, entry_id)
) WITH (fillfactor = 85,
        autovacuum_vacuum_scale_factor = 0.05,
        autovacuum_analyze_scale_factor = 0.05);

CREATE INDEX stream_pending_of_consumer
    ON respgres.stream_pending (slot, group_id, consumer_id, entry_id);

-- Contents that no key names any more, until their rows are reaped.
CREATE TABLE respgres.dropped_content (
    content_id bigint   NOT NULL,
    slot       smallint NOT NULL,
    type       "char"   NOT NULL,
    PRIMARY KEY (slot, content_id)
);

-- Notes contents that lose their key, however that comes about, unless they are
-- known to have no rows.
CREATE FUNCTION respgres.note_dropped_content() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO respgres.dropped_content (content_id, slot, type)
    VALUES (OLD.content_id, OLD.content_slot, OLD.type);
    -- Who waits for a stream's group is told that it is gone.
    IF OLD.type = 'x' THEN
        PERFORM respgres.notify_of(w.db, w.key)
           FROM respgres.waiter w
          WHERE w.slot = OLD.slot AND w.db = OLD.db AND w.key = OLD.key;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER key_deleted AFTER DELETE ON respgres.key
    FOR EACH ROW WHEN (OLD.content_id IS NOT NULL
                       AND (OLD.size > 0 OR OLD.type = 'x'))
    EXECUTE FUNCTION respgres.note_dropped_content();

CREATE TRIGGER key_overwritten AFTER UPDATE OF content_id ON respgres.key
    FOR EACH ROW WHEN (OLD.content_id IS DISTINCT FROM NEW.content_id
                       AND OLD.content_id IS NOT NULL)
    EXECUTE FUNCTION respgres.note_dropped_content();

-- Their results change.
DROP FUNCTION IF EXISTS respgres.lock_key(int, smallint, bytea);
DROP FUNCTION IF EXISTS respgres.copy_content("char", bigint, bigint);
DROP FUNCTION IF EXISTS respgres.lock_two_keys(
    int, smallint, bytea, int, smallint, bytea);

-- Keys that clients of an instance wait for; see functions/12_feed.sql.  After
-- a crash nobody waits any more.
CREATE UNLOGGED TABLE respgres.waiter (
    instance bigint   NOT NULL,
    db       integer  NOT NULL,
    slot     smallint NOT NULL,
    -- respgres.indexed() of the key.
    key      bytea    NOT NULL,
    PRIMARY KEY (slot, db, key, instance)
) WITH (autovacuum_vacuum_threshold = 1000);

CREATE INDEX waiter_of_instance ON respgres.waiter (instance);
