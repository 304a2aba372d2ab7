-- The columns of these tables, with an enum's values, CHECK constraints of one column, and what ANALYZE knows of few values.
SELECT a.attrelid AS oid, CAST(a.attname AS text) AS name,
       format_type(CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE a.atttypid END, NULL) AS type,
       a.attnotnull OR t.typnotnull AS not_null, a.attgenerated <> '' AS generated,
       ARRAY(SELECT CAST(e.enumlabel AS text) FROM pg_enum e WHERE e.enumtypid = a.atttypid ORDER BY e.enumsortorder) AS labels,
       ARRAY(SELECT pg_get_constraintdef(k.oid) FROM pg_constraint k
             WHERE k.conrelid = a.attrelid AND k.contype = 'c' AND k.conkey = ARRAY[a.attnum]) AS checks,
       s.n_distinct AS distinct,
       CASE WHEN s.n_distinct BETWEEN 0 AND 50 AND t.typcategory IN ('S', 'E', 'N')
            THEN CAST(CAST(s.most_common_vals AS text) AS text[]) END AS frequent
FROM pg_attribute a
JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname
                    AND s.inherited = (c.relkind = 'p')
WHERE a.attrelid = ANY (CAST(CAST(:oids AS bigint[]) AS oid[])) AND a.attnum > 0 AND NOT a.attisdropped AND a.attname !~ '[[:cntrl:]]'
ORDER BY a.attrelid, a.attnum
