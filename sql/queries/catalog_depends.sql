-- Which columns of which tables a temporary view reads: PostgreSQL's own account, exact, whatever the SQL looks like.
SELECT DISTINCT d.refobjid AS oid, d.refobjsubid AS number
FROM pg_depend d
JOIN pg_rewrite r ON r.oid = d.objid AND d.classid = CAST('pg_rewrite' AS regclass)
WHERE r.ev_class = to_regclass('pg_temp.outbox_inspection') AND d.refclassid = CAST('pg_class' AS regclass)
  AND d.refobjsubid > 0
