-- The ranges of event ids that history is kept in, newest first, with the size of all their facts, and about how many
-- rows of events the planner takes each for (-1: nobody looked yet); the default partition has no bounds.
WITH fact AS (
  SELECT i.inhparent, i.inhrelid, CAST(CAST(i.inhparent AS regclass) AS text) AS parent,
         pg_get_expr(c.relpartbound, c.oid) AS bound, c.reltuples
  FROM pg_inherits i
  JOIN pg_class c ON c.oid = i.inhrelid
  JOIN pg_class t ON t.oid = i.inhparent
  WHERE t.relnamespace = CAST('outbox' AS regnamespace) AND t.relkind = 'p'
)
SELECT CAST(substring(f.bound FROM $$FROM \('(-?\d+)'\)$$) AS bigint) AS low,
       CAST(substring(f.bound FROM $$TO \('(-?\d+)'\)$$) AS bigint) AS high,
       CAST(sum(pg_total_relation_size(f.inhrelid)) AS bigint) AS bytes,
       CAST(max(f.reltuples) FILTER (WHERE f.parent = 'outbox.event') AS bigint) AS events
FROM fact f
GROUP BY f.bound
ORDER BY low DESC NULLS FIRST
LIMIT :most
