-- Makes the first open row of each lane ready, after its head was settled: a statement after the settle's own, for
-- its snapshot, and under the same lane locks. What becomes claimable is due no earlier than now (claims rely on it).
WITH lane AS MATERIALIZED (
  SELECT DISTINCT connector_id, contract_id
  FROM unnest(CAST(:connector_ids AS integer[]), CAST(:contract_ids AS text[])) AS l (connector_id, contract_id)
), head AS MATERIALIZED (
  SELECT first.connector_id, first.event_id
  FROM lane
  CROSS JOIN LATERAL (
    SELECT q.connector_id, q.event_id, q.ready
    FROM outbox.queue q
    WHERE q.contract_id = lane.contract_id AND q.connector_id = lane.connector_id
    ORDER BY q.position
    LIMIT 1) AS first
  WHERE NOT first.ready
)
UPDATE outbox.queue q
SET ready = true, due_at = greatest(q.due_at, clock_timestamp())
FROM head
WHERE q.connector_id = head.connector_id AND q.event_id = head.event_id
RETURNING q.connector_id
