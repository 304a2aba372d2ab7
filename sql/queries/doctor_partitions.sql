-- Room for events: ids left before the last range of events ends, and facts that fell into a default partition.
WITH range AS (
  SELECT CAST(substring(pg_get_expr(p.relpartbound, p.oid) FROM $$FROM \('(-?\d+)'\)$$) AS bigint) AS low,
         CAST(substring(pg_get_expr(p.relpartbound, p.oid) FROM $$TO \('(-?\d+)'\)$$) AS bigint) AS high
  FROM pg_inherits i
  JOIN pg_class p ON p.oid = i.inhrelid
  WHERE i.inhparent = to_regclass('outbox.event')
)
SELECT max(high) AS ends, mode() WITHIN GROUP (ORDER BY high - low) AS size, max(high) - (SELECT last_value FROM outbox.event_id) AS room,
       coalesce(outbox.strays(), '') AS strays
FROM range
