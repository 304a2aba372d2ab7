-- The role that is refused (default: who asks), and the full name of what it may not use; NULL where it isn't one object.
SELECT quote_ident(asked.role) AS role,
       (SELECT CASE WHEN count(*) = 1 THEN min(named.sql) END
        FROM (SELECT quote_ident(n.nspname) AS sql
              FROM pg_namespace AS n
              WHERE CAST(:kind AS text) = 'schema' AND n.nspname = CAST(:name AS text)
              UNION ALL
              SELECT format('%I.%I', n.nspname, c.relname)
              FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
              WHERE CAST(:kind AS text) <> 'schema' AND c.relname = CAST(:name AS text)
                AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT has_table_privilege(asked.role, c.oid, 'SELECT')
             ) AS named) AS name
FROM (SELECT coalesce(CAST(:role AS name), current_user) AS role) AS asked
