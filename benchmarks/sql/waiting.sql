-- Deliveries that wait, each in a lane of its own, due now, spread over so many connectors.
WITH made AS (
  INSERT INTO outbox.delivery (event_id, connector_id, connector_version, trigger, contract_id, business_unit, content_type,
                               body)
  SELECT n, 1 + n %% %(units)s, 1, 'update', 'w' || n, CAST(1 + n %% %(units)s AS text), 'application/json',
         convert_to(%(body)s, 'UTF8')
  FROM generate_series(CAST(%(first)s AS bigint), %(last)s) AS n
  RETURNING event_id, connector_id, contract_id
)
INSERT INTO outbox.queue (connector_id, event_id, contract_id, ready, due_at)
SELECT connector_id, event_id, contract_id, true, clock_timestamp() FROM made
