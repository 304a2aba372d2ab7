-- Removed connectors that still have open deliveries: routed by a transaction that did not see the removal.
SELECT c.id, c.version
FROM outbox.connector AS c
WHERE c.removed_at IS NOT NULL
  AND EXISTS (SELECT FROM outbox.queue AS q WHERE q.connector_id = c.id)
ORDER BY c.id
