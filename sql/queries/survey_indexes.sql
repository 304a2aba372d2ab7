-- The usable btree indexes of these tables; the columns end where the first expression stands, for only what leads can be looked up.
SELECT x.indrelid AS oid, x.indisunique AS unique, x.indpred IS NULL AS whole,
       x.indnkeyatts AS width,
       ARRAY(SELECT CAST(a.attname AS text) FROM unnest(CAST(x.indkey AS smallint[])) WITH ORDINALITY AS k (attnum, n)
             JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum
             WHERE k.n <= x.indnkeyatts AND k.n < coalesce(array_position(CAST(x.indkey AS smallint[]), CAST(0 AS smallint)) + 1, 100)
             ORDER BY k.n) AS columns
FROM pg_index x
JOIN pg_class i ON i.oid = x.indexrelid
JOIN pg_am m ON m.oid = i.relam AND m.amname = 'btree'
WHERE x.indrelid = ANY (CAST(CAST(:oids AS bigint[]) AS oid[])) AND x.indisvalid
ORDER BY x.indrelid, x.indexrelid
