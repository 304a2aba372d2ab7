-- Makes each lane what its connector's order says: all rows ready, or the first one alone. Under the lane locks, and a
-- statement after them for its snapshot. What is leased stays as it is. What becomes claimable is due no earlier than
-- now (claims rely on it).
WITH lane AS MATERIALIZED (
  SELECT DISTINCT connector_id, contract_id
  FROM unnest(CAST(:connector_ids AS integer[]), CAST(:contract_ids AS text[])) AS l (connector_id, contract_id)
), wanted AS MATERIALIZED (
  SELECT q.connector_id, q.event_id,
         c.lane_order = 'none'
           OR row_number() OVER (PARTITION BY q.connector_id, q.contract_id ORDER BY q.position) = 1 AS ready
  FROM lane
  JOIN outbox.connector c ON c.id = lane.connector_id
  JOIN outbox.queue q ON q.contract_id = lane.contract_id AND q.connector_id = lane.connector_id
)
UPDATE outbox.queue q
SET ready = w.ready, due_at = CASE WHEN w.ready THEN greatest(q.due_at, clock_timestamp()) ELSE q.due_at END
FROM wanted w
WHERE q.connector_id = w.connector_id AND q.event_id = w.event_id AND q.ready <> w.ready AND q.lease_token IS NULL
