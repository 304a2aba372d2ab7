-- What each table takes on disk, and what of it is dead.
SELECT s.relname, pg_table_size(s.relid), pg_indexes_size(s.relid), s.n_dead_tup, s.autovacuum_count
FROM pg_stat_user_tables AS s
WHERE s.schemaname = 'outbox' AND s.relname = ANY (%(tables)s)
