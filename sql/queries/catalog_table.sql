-- A table as the catalogue has it, by the name that SQL would use; no row where there is none.
SELECT c.oid, CAST(n.nspname AS text) AS schema, CAST(c.relname AS text) AS name, format('%I.%I', n.nspname, c.relname) AS sql, CAST(c.relkind AS text) AS kind, c.relispartition AS is_partition,
       c.relpersistence = 't' AS is_temporary,
       EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid) AND c.relkind = 'r' AS has_children,
       c.relrowsecurity AS row_security,
       quote_ident(current_user) AS role, quote_ident(n.nspname) AS quoted_schema,
       has_schema_privilege(n.oid, 'USAGE') AS may_enter, has_table_privilege(c.oid, 'TRIGGER') AS may_trigger,
       (SELECT array_agg(a.attname::text ORDER BY k.n)
        FROM pg_index x CROSS JOIN LATERAL unnest(CAST(x.indkey AS smallint[])) WITH ORDINALITY AS k (attnum, n)
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
        WHERE x.indrelid = c.oid AND x.indisprimary) AS primary_key,
       (SELECT array_agg(a.attname::text)
        FROM pg_partitioned_table p CROSS JOIN LATERAL unnest(CAST(p.partattrs AS smallint[])) AS k (attnum)
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
        WHERE p.partrelid = c.oid) AS partition_key,
       (SELECT array_agg(DISTINCT a.attname::text)
        FROM pg_index x JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = x.indkey[0]
        WHERE x.indrelid = c.oid AND x.indisunique AND x.indisvalid AND x.indpred IS NULL AND x.indnkeyatts = 1) AS unique_columns,
       ARRAY(SELECT CAST(t.tgname AS text) FROM pg_trigger t
             WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgname < '00_outbox_note'
               AND (CAST(t.tgtype AS integer) & 2) = 0 AND (CAST(t.tgtype AS integer) & 1) = 1 ORDER BY 1) AS earlier_triggers
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = :oid
