-- The net under promoting: lanes with open rows of which none is ready. There should be none. What waits only to be cancelled
-- needs no head.
SELECT DISTINCT q.connector_id, q.contract_id
FROM outbox.queue q
WHERE NOT q.ready
  AND q.connector_id NOT IN (SELECT c.id FROM outbox.connector c WHERE c.removed_at IS NOT NULL OR c.discard)
  AND NOT EXISTS (SELECT FROM outbox.queue o
                  WHERE o.contract_id = q.contract_id AND o.connector_id = q.connector_id AND o.ready)
LIMIT 1000
