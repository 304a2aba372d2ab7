-- Compare-and-set: of all workers one gets to probe a held connector, until its lease ends or it settles. Only where
-- something is due: a probe is a delivery that waits.
WITH held AS MATERIALIZED (
  SELECT h.connector_id, a.lease_seconds
  FROM unnest(CAST(:connector_ids AS integer[]), CAST(:lease_seconds AS double precision[]))
    AS a (connector_id, lease_seconds)
  JOIN outbox.health h ON h.connector_id = a.connector_id
  CROSS JOIN LATERAL (
    SELECT FROM outbox.queue q
    WHERE q.connector_id = h.connector_id AND q.ready AND q.due_at <= now()
    ORDER BY q.due_at, q.position
    LIMIT 1) AS due
  WHERE h.held_at IS NOT NULL AND h.probe_at <= clock_timestamp()
  ORDER BY h.connector_id
  FOR UPDATE OF h SKIP LOCKED
)
UPDATE outbox.health h
SET probe_at = clock_timestamp() + make_interval(secs => held.lease_seconds)
FROM held
WHERE h.connector_id = held.connector_id
RETURNING h.connector_id
