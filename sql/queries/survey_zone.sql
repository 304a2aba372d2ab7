-- The TimeZone that the database gives its sessions, where it has a setting of its own; ours say UTC and so can't tell.
SELECT substring(given FROM '^[^=]+=(.*)$') AS zone
FROM pg_db_role_setting s CROSS JOIN LATERAL unnest(s.setconfig) AS given
WHERE s.setdatabase = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()) AND s.setrole = 0
  AND given ILIKE 'timezone=%'
