-- Statements behind INFO, DEBUG and SAVE.

-- name: keyspace_counts
SELECT db, keys, expires, average_ttl FROM respgres.keyspace_counts()

-- name: database_facts
SELECT current_setting('server_version'),
       pg_database_size(current_database()),
       current_database()::text,
       pg_is_in_recovery()

-- name: checkpoint
CHECKPOINT
