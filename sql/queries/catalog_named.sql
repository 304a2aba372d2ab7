-- A table by the name that its schema and it are written with, whether or not this role may look into the schema.
SELECT c.oid
FROM (SELECT parse_ident(CAST(:written AS text)) AS words) AS parsed
JOIN pg_namespace AS n ON n.nspname = parsed.words[cardinality(parsed.words) - 1]
JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = parsed.words[cardinality(parsed.words)]
