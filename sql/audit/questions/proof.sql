-- What proves that this receiver got the reports of a contract, or of one event? A page to read and to print: what was
-- sent and when, the exact bytes and their SHA-256, what was answered, every attempt, and how to check the hash oneself.
-- param connector (connector): whose receiver
-- param contract (text, optional): all reports of this contract; this or an event must be named
-- param event (number, optional): the report of this event
-- param zone (zone, default UTC): the time zone to tell times in, beside UTC
SELECT d.event_id, d.connector_id, d.connector, d.connector_version, d.contract_id, d.business_unit, d.trigger, d.kind,
       d.state, d.attempts, d.created_at AS routed_at, d.due_at, d.finished_at, d.last_error, d.content_type, d.body,
       e.occurred_at, e.status
FROM outbox_audit.deliveries d
LEFT JOIN outbox_audit.events e ON e.event_id = d.event_id
WHERE d.connector_id = ANY (CAST(:connector AS integer[]))
  AND (CAST(:contract AS text) IS NULL OR d.contract_id = CAST(:contract AS text))
  AND (CAST(:event AS bigint) IS NULL OR d.event_id = CAST(:event AS bigint))
  AND (CAST(:within AS text[]) IS NULL OR d.business_unit = ANY (CAST(:within AS text[])))
ORDER BY d.event_id, d.connector_id
