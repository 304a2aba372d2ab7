-- Deliveries that wait at one connector, each in a lane of its own, due now; their event ids lie apart from all others.
WITH made AS (
  INSERT INTO outbox.delivery (event_id, connector_id, connector_version, trigger, contract_id, business_unit, content_type,
                               body)
  SELECT n, %(connector)s, 1, 'update', 'w' || n, '1', 'application/json', convert_to(%(body)s, 'UTF8')
  FROM generate_series(CAST(%(first)s AS bigint), %(last)s) AS n
  RETURNING event_id, connector_id, contract_id
)
INSERT INTO outbox.queue (connector_id, event_id, contract_id, ready, due_at)
SELECT connector_id, event_id, contract_id, true, clock_timestamp() FROM made
