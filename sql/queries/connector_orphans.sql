-- Connectors whose open deliveries are to be cancelled and still stand: routed by a transaction that did not see the removal,
-- or more than whoever removed or disabled them cancelled at once.
SELECT c.id, c.removed_at IS NOT NULL AS removed
FROM outbox.connector AS c
WHERE (c.removed_at IS NOT NULL OR c.discard)
  AND EXISTS (SELECT FROM outbox.queue AS q WHERE q.connector_id = c.id)
ORDER BY c.id
