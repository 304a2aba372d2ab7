-- Everything in our two schemas belongs to outbox_owner, whoever made it: partitions too, or upkeep could not drop them.
-- Each table is locked for a moment, and the application behind it: it is waited for briefly, or nothing is done.
SET LOCAL lock_timeout = '1s';
DO $$
DECLARE
  statement text;
BEGIN
  FOR statement IN
    WITH ours AS (SELECT n.oid, n.nspname, n.nspowner FROM pg_namespace AS n WHERE n.nspname IN ('outbox', 'outbox_audit'))
    SELECT found.sql FROM (
      SELECT 1 AS place, format('SCHEMA %I', o.nspname) AS sql, o.nspowner AS owner FROM ours AS o
      UNION ALL
      SELECT 2, format('%s %s', CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
                                               WHEN 'c' THEN 'TYPE' ELSE 'TABLE' END, CAST(c.oid AS regclass)), c.relowner
      FROM pg_class AS c JOIN ours AS o ON o.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'c')
        -- A sequence behind a column goes with its table.
        AND NOT EXISTS (SELECT FROM pg_depend AS d
                        WHERE d.classid = CAST('pg_class' AS regclass) AND d.objid = c.oid AND d.deptype IN ('a', 'i')
                          AND c.relkind = 'S')
      UNION ALL
      SELECT 3, format('ROUTINE %s', CAST(p.oid AS regprocedure)), p.proowner
      FROM pg_proc AS p JOIN ours AS o ON o.oid = p.pronamespace) AS found
    WHERE found.owner <> to_regrole('outbox_owner')
    ORDER BY found.place
  LOOP
    EXECUTE format('ALTER %s OWNER TO outbox_owner', statement);
  END LOOP;
END $$;
SET LOCAL lock_timeout = '0';
