-- Their deliveries, with small bodies.
INSERT INTO outbox.delivery (event_id, connector_id, connector_version, trigger, contract_id, business_unit, content_type, body,
                             created_at)
SELECT n.event_id, n.connector_id, 1, e.trigger, e.contract_id, e.business_unit, 'application/json',
       convert_to('{"id":' || e.id || '}', 'UTF8'), n.decided_at
FROM outbox.decision AS n
JOIN outbox.event AS e ON e.id = n.event_id
WHERE n.event_id BETWEEN %(first)s AND %(last)s
