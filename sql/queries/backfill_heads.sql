-- The first open row of each of these lanes heads it, unless another still does: one that is being sent.
-- What becomes claimable is due no earlier than now (claims rely on it).
UPDATE outbox.queue AS q
SET ready = true, due_at = greatest(q.due_at, clock_timestamp())
FROM (
  SELECT DISTINCT ON (contract_id) contract_id, event_id
  FROM outbox.queue
  WHERE connector_id = :connector_id AND contract_id = ANY (CAST(:contract_ids AS text[]))
  ORDER BY contract_id, position
) AS first
WHERE q.connector_id = :connector_id AND q.event_id = first.event_id
  AND NOT EXISTS (SELECT FROM outbox.queue AS head
                  WHERE head.connector_id = :connector_id AND head.contract_id = first.contract_id AND head.ready)
