-- Connectors that stand, how they stand, since when, and how much waits for each.
SELECT c.connector, c.connector_id, c.state, c.state_reason, c.waiting,
       coalesce(CAST(extract(epoch FROM clock_timestamp() - c.state_since) AS double precision), 0) AS age
FROM outbox_audit.connectors c
WHERE c.state <> 'removed'
ORDER BY c.connector
