-- Connections: how many this role may have, and how many sessions that are not ours have.
SELECT CAST(current_setting('max_connections') AS integer) - CAST(current_setting('superuser_reserved_connections') AS integer)
         - coalesce(CAST(current_setting('reserved_connections', true) AS integer), 0) AS most,
       nullif(r.rolconnlimit, -1) AS role_most, nullif(d.datconnlimit, -1) AS database_most,
       (SELECT count(*) FROM pg_stat_activity AS a
        WHERE a.backend_type = 'client backend' AND a.application_name NOT LIKE 'contract-outbox%') AS others,
       (SELECT count(*) FROM outbox.worker AS w
        WHERE w.stopped_at IS NULL AND w.seen_at > clock_timestamp() - interval '1 minute') AS workers
FROM pg_roles AS r, pg_database AS d
WHERE r.rolname = current_user AND d.datname = current_database()
