-- The foreign keys between these tables, their columns paired; those that partitioning repeats for each partition left out.
SELECT k.conrelid AS table, k.confrelid AS to_table,
       ARRAY(SELECT CAST(a.attname AS text) FROM unnest(k.conkey) WITH ORDINALITY AS p (attnum, n)
             JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = p.attnum ORDER BY p.n) AS columns,
       ARRAY(SELECT CAST(a.attname AS text) FROM unnest(k.confkey) WITH ORDINALITY AS p (attnum, n)
             JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = p.attnum ORDER BY p.n) AS to_columns
FROM pg_constraint k
WHERE k.contype = 'f' AND k.conparentid = 0
  AND k.conrelid = ANY (CAST(CAST(:oids AS bigint[]) AS oid[])) AND k.confrelid = ANY (CAST(CAST(:oids AS bigint[]) AS oid[]))
ORDER BY k.conrelid, k.conkey
