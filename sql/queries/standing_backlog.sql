-- Open deliveries by connector and state, as outbox_audit.deliveries tells them: one pass over the queue.
SELECT c.name AS connector,
       CASE WHEN q.leased THEN 'leased'
            WHEN NOT c.enabled OR h.held_at IS NOT NULL
              OR c.id IN (SELECT u.connector_id FROM outbox_audit.unopened u) THEN 'held'
            WHEN NOT q.ready THEN 'blocked'
            ELSE 'pending' END AS state,
       sum(q.deliveries) AS deliveries
FROM (
  SELECT q.connector_id, q.ready, q.lease_token IS NOT NULL AND q.due_at > now() AS leased, count(*) AS deliveries
  FROM outbox.queue q
  GROUP BY q.connector_id, q.ready, q.lease_token IS NOT NULL AND q.due_at > now()) AS q
JOIN outbox.connector c ON c.id = q.connector_id AND c.removed_at IS NULL
LEFT JOIN outbox.health h ON h.connector_id = c.id
GROUP BY 1, 2
