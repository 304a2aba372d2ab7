-- Queue rows that nothing will ever claim, since their connector is removed. There should be none.
SELECT c.name AS connector, count(*) AS waiting
FROM outbox.connector c
JOIN outbox.queue q ON q.connector_id = c.id
WHERE c.removed_at IS NOT NULL
GROUP BY c.name
ORDER BY c.name
