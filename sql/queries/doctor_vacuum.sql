-- The tables of work and how vacuum fares with them, and every other table of ours for which it is switched off.
SELECT format('%I.%I', n.nspname, c.relname) AS name, c.relname IN ('inbox', 'queue', 'worker', 'share', 'health') AS hot,
       coalesce(CAST(o.option_value AS boolean), true) IS FALSE AS switched_off,
       current_setting('autovacuum') = 'on' AND current_setting('track_counts') = 'on' AS autovacuum,
       coalesce(pg_stat_get_live_tuples(c.oid), 0) AS live, coalesce(pg_stat_get_dead_tuples(c.oid), 0) AS dead,
       pg_table_size(c.oid) AS bytes,
       CAST(extract(epoch FROM clock_timestamp() - greatest(pg_stat_get_last_autovacuum_time(c.oid),
                                                             pg_stat_get_last_vacuum_time(c.oid))) AS double precision) AS vacuumed
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN LATERAL (SELECT t.option_value FROM pg_options_to_table(c.reloptions) AS t
                   WHERE t.option_name = 'autovacuum_enabled') AS o ON true
WHERE n.nspname = 'outbox' AND c.relkind = 'r'
  AND (c.relname IN ('inbox', 'queue', 'worker', 'share', 'health') OR o.option_value IS NOT NULL)
ORDER BY c.relname
