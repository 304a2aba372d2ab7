-- Writes for which ordinary triggers don't fire: by roles, databases or sessions set to replica, and by subscriptions.
SELECT 'setting' AS kind,
       concat_ws(' in ', CASE WHEN s.setrole = 0 THEN 'every role' ELSE 'role ' || pg_get_userbyid(s.setrole) END,
                 CASE WHEN d.datname IS NOT NULL THEN 'database ' || d.datname END) AS name,
       CASE WHEN s.setrole = 0 THEN 'ALTER DATABASE ' || quote_ident(d.datname)
            ELSE 'ALTER ROLE ' || quote_ident(pg_get_userbyid(s.setrole))
                 || coalesce(' IN DATABASE ' || quote_ident(d.datname), '') END || ' RESET session_replication_role' AS mend
FROM pg_db_role_setting AS s
LEFT JOIN pg_database AS d ON d.oid = s.setdatabase
WHERE (s.setdatabase = 0 OR d.datname = current_database())
  AND EXISTS (SELECT FROM unnest(s.setconfig) AS c WHERE lower(c) = 'session_replication_role=replica')
UNION ALL
SELECT 'subscription', u.subname, NULL
FROM pg_subscription AS u JOIN pg_database AS d ON d.oid = u.subdbid
WHERE d.datname = current_database() AND u.subenabled
ORDER BY kind, name
