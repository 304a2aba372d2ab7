-- What keeps dead rows of this database from being removed: old transactions, prepared ones, slots, standbys.
SELECT 'session' AS kind, CAST(a.pid AS text) AS name, CAST(a.usename AS text) AS owner,
       concat_ws(', ', nullif(a.application_name, ''), a.state) AS detail,
       CAST(extract(epoch FROM clock_timestamp() - a.xact_start) AS double precision) AS age
FROM pg_stat_activity AS a
WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.backend_type <> 'walsender'
  AND a.backend_type NOT LIKE 'autovacuum%'
  AND a.xact_start < clock_timestamp() - make_interval(secs => :held_seconds)
UNION ALL
SELECT 'prepared', p.gid, CAST(p.owner AS text), NULL,
       CAST(extract(epoch FROM clock_timestamp() - p.prepared) AS double precision)
FROM pg_prepared_xacts AS p
WHERE p.database = current_database() AND p.prepared < clock_timestamp() - make_interval(secs => :held_seconds)
UNION ALL
SELECT 'slot', CAST(s.slot_name AS text), NULL,
       concat_ws(' and ', pg_size_pretty(CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn) END)
                          || ' of WAL', 'dead rows of ' || greatest(age(s.xmin), age(s.catalog_xmin)) || ' transactions'), 0
FROM pg_replication_slots AS s
WHERE NOT s.active AND NOT s.temporary AND (s.database IS NULL OR s.database = current_database())
  AND (s.xmin IS NOT NULL OR s.catalog_xmin IS NOT NULL OR s.restart_lsn IS NOT NULL)
UNION ALL
SELECT 'standby', r.application_name, NULL, CAST(age(r.backend_xmin) AS text), 0
FROM pg_stat_replication AS r
WHERE age(r.backend_xmin) > :standby_transactions
ORDER BY kind, name
