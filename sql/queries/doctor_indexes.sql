-- Indexes of ours that PostgreSQL does not use.
SELECT format('%I.%I', n.nspname, i.relname) AS name, format('%I.%I', n.nspname, t.relname) AS table_name
FROM pg_index AS x
JOIN pg_class AS i ON i.oid = x.indexrelid
JOIN pg_class AS t ON t.oid = x.indrelid
JOIN pg_namespace AS n ON n.oid = t.relnamespace
WHERE n.nspname = 'outbox' AND NOT (x.indisvalid AND x.indisready)
ORDER BY name
