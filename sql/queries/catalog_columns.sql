-- The columns of a table. `exact`: its `=` tells every difference (numeric's does not: 1.0 = 1.00).
SELECT a.attnum AS number, CAST(a.attname AS text) AS name, format_type(a.atttypid, a.atttypmod) AS type,
       format_type(a.atttypid, NULL) AS plain_type, a.attgenerated <> 'v' AS stored,
       (t.typtype = 'e' OR a.atttypid = ANY (CAST(ARRAY['boolean', 'smallint', 'integer', 'bigint', 'oid', 'uuid', 'date',
          'timestamp', 'timestamptz', 'bytea'] AS regtype[]))
        OR (a.atttypid = ANY (CAST(ARRAY['text', 'varchar'] AS regtype[])) AND co.collisdeterministic)) AS exact
FROM pg_attribute a
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_collation co ON co.oid = a.attcollation
WHERE a.attrelid = :oid AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
