-- Deliveries that could have been claimed a while ago, by connector that sends; leased ones whose lease ran out too. In
-- one pass over the queue: by index, connector for connector, a million of them are a million places on disk.
WITH late AS MATERIALIZED (
  SELECT q.connector_id, count(*) AS waiting, count(q.lease_token) AS leases, min(q.due_at) AS due_at
  FROM outbox.queue q
  WHERE q.ready AND q.due_at < clock_timestamp() - make_interval(secs => :late_seconds)
  GROUP BY q.connector_id
)
SELECT c.name AS connector, l.waiting, l.leases,
       CAST(extract(epoch FROM clock_timestamp() - l.due_at) AS double precision) AS age
FROM late l
JOIN outbox.connector c ON c.id = l.connector_id
WHERE c.removed_at IS NULL AND c.enabled
  AND NOT EXISTS (SELECT FROM outbox.health h WHERE h.connector_id = c.id AND h.held_at IS NOT NULL)
ORDER BY c.name
