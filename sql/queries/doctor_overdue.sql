-- Deliveries that could have been claimed a while ago, by connector that sends; leased ones whose lease ran out too.
SELECT c.name AS connector, count(*) AS waiting, count(*) FILTER (WHERE q.lease_token IS NOT NULL) AS leases,
       CAST(extract(epoch FROM clock_timestamp() - min(q.due_at)) AS double precision) AS age
FROM outbox.connector c
JOIN outbox.queue q ON q.connector_id = c.id
WHERE c.removed_at IS NULL AND c.enabled
  AND NOT EXISTS (SELECT FROM outbox.health h WHERE h.connector_id = c.id AND h.held_at IS NOT NULL)
  AND q.ready AND q.due_at < clock_timestamp() - make_interval(secs => :late_seconds)
GROUP BY c.name
ORDER BY c.name
