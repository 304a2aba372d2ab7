-- The net under promoting: lanes with open rows of which none is ready. There should be none.
SELECT DISTINCT q.connector_id, q.contract_id
FROM outbox.queue q
WHERE NOT q.ready
  AND NOT EXISTS (SELECT FROM outbox.queue o
                  WHERE o.contract_id = q.contract_id AND o.connector_id = q.connector_id AND o.ready)
LIMIT 1000
