-- The first open row of each of these lanes heads it, unless another still does: one that is being sent.
-- What becomes claimable is due no earlier than now (claims rely on it).
WITH head AS MATERIALIZED (
  SELECT first.event_id
  FROM unnest(CAST(:contract_ids AS text[])) AS lane (contract_id)
  CROSS JOIN LATERAL (
    SELECT h.event_id
    FROM outbox.queue AS h
    WHERE h.contract_id = lane.contract_id AND h.connector_id = :connector_id
    ORDER BY h.position
    LIMIT 1) AS first
  WHERE NOT EXISTS (SELECT FROM outbox.queue AS other
                    WHERE other.contract_id = lane.contract_id AND other.connector_id = :connector_id AND other.ready
                    OFFSET 0)
)
UPDATE outbox.queue AS q
SET ready = true, due_at = greatest(q.due_at, clock_timestamp())
FROM head
WHERE q.connector_id = :connector_id AND q.event_id = head.event_id
