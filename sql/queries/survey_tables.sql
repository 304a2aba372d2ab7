-- Tables that are not ours, PostgreSQL's or an extension's; a partitioned table once, with the rows of its partitions.
-- A name with a control sign in it could not be written into a file for people, so such a table is left out.
SELECT c.oid, CAST(n.nspname AS text) AS schema, CAST(c.relname AS text) AS name, format('%I.%I', n.nspname, c.relname) AS sql,
       c.relkind = 'p' AS partitioned, c.relkind = 'p' OR c.reltuples >= 0 AS analyzed,
       coalesce(obj_description(c.oid, 'pg_class'), '') AS comment,
       has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS may_read,
       CASE WHEN c.relkind = 'p'
            THEN (SELECT coalesce(sum(CASE WHEN l.reltuples >= 0 THEN l.reltuples ELSE pg_relation_size(l.oid) / 100 END), 0)
                  FROM pg_partition_tree(c.oid) AS p JOIN pg_class l ON l.oid = p.relid WHERE p.isleaf AND l.relkind = 'r')
            WHEN c.reltuples >= 0 THEN c.reltuples ELSE pg_relation_size(c.oid) / 100 END AS rows,
       ARRAY(SELECT CAST(a.attname AS text)
             FROM pg_index x CROSS JOIN LATERAL unnest(CAST(x.indkey AS smallint[])) WITH ORDINALITY AS k (attnum, n)
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
             WHERE x.indrelid = c.oid AND x.indisprimary ORDER BY k.n) AS primary_key,
       ARRAY(SELECT CAST(a.attname AS text)
             FROM pg_partitioned_table p CROSS JOIN LATERAL unnest(CAST(p.partattrs AS smallint[])) AS k (attnum)
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
             WHERE p.partrelid = c.oid) AS partition_key
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname !~ '[[:cntrl:]]' AND n.nspname !~ '[[:cntrl:]]' AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'outbox', 'outbox_audit') AND n.nspname NOT LIKE 'pg\_t%'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = CAST('pg_class' AS regclass) AND d.objid = c.oid AND d.deptype = 'e')
  AND (CAST(:schemas AS text[]) IS NULL OR n.nspname = ANY (CAST(:schemas AS text[])))
ORDER BY n.nspname, c.relname
