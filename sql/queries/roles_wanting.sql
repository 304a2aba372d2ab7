-- What a superuser must run before this login can make the roles and hand over what stands; none where it can.
-- Since PostgreSQL 16 the right to create roles gives power over those alone that one made oneself.
WITH me AS (
  SELECT r.rolname, r.rolsuper, r.rolcreaterole, CAST(current_setting('server_version_num') AS integer) < 160000 AS before_16
  FROM pg_roles r
  WHERE r.rolname = current_user
), wanted AS (
  SELECT w.name, w.n, to_regrole(w.name) AS role FROM unnest(CAST(:roles AS text[])) WITH ORDINALITY AS w (name, n)
)
SELECT CAST(me.rolname AS text) AS login,
       ARRAY(SELECT format('CREATE ROLE %I NOLOGIN', w.name)
             FROM wanted w
             WHERE w.role IS NULL AND NOT (me.rolsuper OR me.rolcreaterole) ORDER BY w.n)
       || ARRAY(SELECT format('GRANT outbox_owner TO %I', me.rolname)
                FROM wanted w
                WHERE w.name = 'outbox_owner'
                  AND CASE WHEN w.role IS NULL THEN NOT (me.rolsuper OR me.rolcreaterole)
                           ELSE NOT pg_has_role(w.role, 'USAGE') AND NOT pg_has_role(w.role, 'USAGE WITH ADMIN OPTION')
                                AND NOT (me.rolcreaterole AND me.before_16) END) AS statements
FROM me
