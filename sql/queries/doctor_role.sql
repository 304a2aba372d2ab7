-- This role: what it is, whether it may install, whose the schema is; by the catalogue alone, which everybody may read.
SELECT CAST(current_user AS text) AS role, r.rolsuper AS superuser, n.oid IS NOT NULL AS schema_stands,
       pg_get_userbyid(n.nspowner) AS owner, coalesce(pg_has_role(n.nspowner, 'USAGE'), false) AS may_install,
       pg_has_role('pg_read_all_stats', 'USAGE') AS sees_all_sessions
FROM pg_roles AS r
LEFT JOIN pg_namespace AS n ON n.nspname = 'outbox'
WHERE r.rolname = current_user
