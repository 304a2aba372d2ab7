-- Deliveries that went dead within the last day and are dead still, by connector: of the 10,000 newest events that any
-- went dead for, so that a look costs the same however many there are.
SELECT c.name AS connector, count(*) AS dead
FROM (
  SELECT t.event_id, t.connector_id, t.number, t.started_at
  FROM outbox.attempt t
  WHERE t.settled = 'dead'
  ORDER BY t.event_id DESC
  LIMIT 10000) AS t
JOIN outbox.connector c ON c.id = t.connector_id AND c.removed_at IS NULL
WHERE t.started_at > clock_timestamp() - interval '1 day'
  AND NOT EXISTS (SELECT FROM outbox.attempt o
                  WHERE o.event_id = t.event_id AND o.connector_id = t.connector_id
                    AND (o.settled = 'delivered' OR o.number > t.number))
  AND NOT EXISTS (SELECT FROM outbox.queue q WHERE q.event_id = t.event_id AND q.connector_id = t.connector_id)
GROUP BY c.name
ORDER BY c.name
