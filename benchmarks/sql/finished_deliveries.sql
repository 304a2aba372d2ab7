-- Deliveries of the past, with small bodies; their events and decisions are left out, since no claim or settle reads them.
INSERT INTO outbox.delivery (event_id, connector_id, connector_version, trigger, contract_id, business_unit, content_type, body)
SELECT n, 1 + n %% %(units)s, 1, 'update', CAST(n %% 500000 AS text), CAST(1 + n %% %(units)s AS text), 'application/json',
       convert_to('{"id":' || n || '}', 'UTF8')
FROM generate_series(CAST(%(first)s AS bigint), %(last)s) AS n
