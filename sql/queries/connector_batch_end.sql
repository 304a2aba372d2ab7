-- The last event of the first so many that wait for a connector; NULL where none waits.
SELECT max(first.event_id) AS last
FROM (SELECT q.event_id FROM outbox.queue AS q WHERE q.connector_id = :connector_id ORDER BY q.event_id LIMIT :most) AS first
