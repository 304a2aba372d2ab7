-- Deliveries that went dead within the last day and are dead still, by connector; starts from what settled so.
SELECT c.name AS connector, count(*) AS dead
FROM outbox.attempt t
JOIN outbox.connector c ON c.id = t.connector_id
WHERE t.settled = 'dead' AND t.started_at > clock_timestamp() - interval '1 day'
  AND NOT EXISTS (SELECT FROM outbox.attempt o
                  WHERE o.event_id = t.event_id AND o.connector_id = t.connector_id
                    AND (o.settled = 'delivered' OR o.number > t.number))
  AND NOT EXISTS (SELECT FROM outbox.queue q WHERE q.event_id = t.event_id AND q.connector_id = t.connector_id)
GROUP BY c.name
ORDER BY c.name
