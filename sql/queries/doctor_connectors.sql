-- Connectors that stand, how they stand, since when, by whom where disabled, and how much waits for each that does not
-- send, counted up to a bound.
SELECT c.connector, c.connector_id, c.state, c.state_reason,
       CASE WHEN c.state <> 'enabled' THEN (
         SELECT count(*) FROM (SELECT FROM outbox.queue AS q WHERE q.connector_id = c.connector_id LIMIT :most + 1) AS counted)
       END AS waiting,
       coalesce((SELECT v.origin = 'relay' FROM outbox.connector_version AS v
                 WHERE v.connector_id = c.connector_id AND v.action = 'disable'
                 ORDER BY v.version DESC LIMIT 1), false) AS by_relay,
       coalesce(CAST(extract(epoch FROM clock_timestamp() - c.state_since) AS double precision), 0) AS age
FROM outbox_audit.connectors c
WHERE c.state <> 'removed'
ORDER BY c.connector
