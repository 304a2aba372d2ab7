-- Heads of these lanes step back where older events are about to stand before them; under the lane locks.
-- A leased head keeps its place: it is being sent. A claim that is under way is waited for, and then seen as leased.
WITH head AS MATERIALIZED (
  SELECT first.event_id
  FROM unnest(CAST(:contract_ids AS text[])) AS lane (contract_id)
  CROSS JOIN LATERAL (
    SELECT h.event_id, h.position
    FROM outbox.queue AS h
    WHERE h.contract_id = lane.contract_id AND h.connector_id = :connector_id
    ORDER BY h.position
    LIMIT 1) AS first
  WHERE first.position > CAST(:position AS bigint)
)
UPDATE outbox.queue AS q
SET ready = false
FROM head
WHERE q.connector_id = :connector_id AND q.event_id = head.event_id AND q.ready AND q.lease_token IS NULL
