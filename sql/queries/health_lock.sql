-- The health of these connectors, made where there was none, locked to the end of the transaction. One statement, rows
-- in connector order: two who lock several never deadlock.
INSERT INTO outbox.health AS h (connector_id)
SELECT c.connector_id FROM unnest(CAST(:connector_ids AS integer[])) AS c (connector_id) ORDER BY c.connector_id
ON CONFLICT (connector_id) DO UPDATE SET connector_id = excluded.connector_id
RETURNING h.connector_id, h.failures, h.failing_since, h.last_error, h.held_at, h.held_reason, h.probe_at, h.probes,
          clock_timestamp() AS now
