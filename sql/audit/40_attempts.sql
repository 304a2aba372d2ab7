-- One row an attempt, tests and late ones too, with the exact bytes that were sent. LEFT JOIN, though none lacks its
-- delivery: so that where only figures are asked for no delivery is read.
CREATE OR REPLACE VIEW outbox_audit.attempts AS
SELECT t.event_id, c.name AS connector, d.contract_id, t.number, t.kind, t.started_at, t.duration_ms, t.outcome,
       t.status_code, t.error, t.url, t.request_headers, d.body AS request_body, t.response_headers, t.response_body,
       t.worker,
       t.connector_id, t.connector_version, d.trigger, d.business_unit, t.late, t.settled, t.error_code, t.timings,
       t.response_cut, d.content_type,
       outbox_audit.readable(d.body) AS request_text, outbox_audit.readable(t.response_body) AS response_text
FROM outbox.attempt t
LEFT JOIN outbox.delivery d ON d.event_id = t.event_id AND d.connector_id = t.connector_id
JOIN outbox.connector c ON c.id = t.connector_id;
COMMENT ON VIEW outbox_audit.attempts IS
  'Every HTTP try and its answer. Filter by contract_id, connector_id, event_id, started_at or outcome; page by started_at and event_id.';
COMMENT ON COLUMN outbox_audit.attempts.number IS 'From 1, without gaps, replays included; a late attempt stands beside the lost one of its number.';
COMMENT ON COLUMN outbox_audit.attempts.kind IS 'auto, replay (by a person) or test.';
COMMENT ON COLUMN outbox_audit.attempts.outcome IS
  'ok, http_error, timeout, dns, connect, tls, blocked, protocol, report (could not be built), lost (the worker did not come back), late (it came back too late), interrupted.';
COMMENT ON COLUMN outbox_audit.attempts.url IS 'Where it went; NULL where nothing was sent or nobody knows.';
COMMENT ON COLUMN outbox_audit.attempts.request_headers IS 'As sent, secrets redacted.';
COMMENT ON COLUMN outbox_audit.attempts.request_body IS 'The exact bytes of the report; request_text is the same as text.';
COMMENT ON COLUMN outbox_audit.attempts.response_body IS 'The first bytes of the answer, as received; see response_cut.';
COMMENT ON COLUMN outbox_audit.attempts.worker IS 'Who made it.';
COMMENT ON COLUMN outbox_audit.attempts.connector_version IS 'Version of the connector whose URL, secret and headers were used.';
COMMENT ON COLUMN outbox_audit.attempts.late IS 'Came back after its lease had gone to another; changed nothing.';
COMMENT ON COLUMN outbox_audit.attempts.settled IS 'The final state that it gave its delivery; NULL: another attempt follows.';
COMMENT ON COLUMN outbox_audit.attempts.error_code IS 'A stable word for machines; of a late attempt, its own outcome.';
COMMENT ON COLUMN outbox_audit.attempts.timings IS 'Milliseconds by phase.';
COMMENT ON COLUMN outbox_audit.attempts.response_cut IS 'Whether more of the answer came than is kept.';
COMMENT ON COLUMN outbox_audit.attempts.request_text IS 'request_body as text; NULL where it is not UTF-8.';
COMMENT ON COLUMN outbox_audit.attempts.response_text IS 'response_body as text; NULL where it is not UTF-8.';
COMMENT ON COLUMN outbox_audit.attempts.event_id IS 'The event; with connector_id and number it is the attempt, beside a late one.';
COMMENT ON COLUMN outbox_audit.attempts.connector IS 'The connector''s present name.';
COMMENT ON COLUMN outbox_audit.attempts.contract_id IS 'The contract.';
COMMENT ON COLUMN outbox_audit.attempts.started_at IS 'When it began (database clock).';
COMMENT ON COLUMN outbox_audit.attempts.duration_ms IS 'How long it took, milliseconds; NULL of a lost one.';
COMMENT ON COLUMN outbox_audit.attempts.status_code IS 'The answer''s HTTP status; NULL without an answer.';
COMMENT ON COLUMN outbox_audit.attempts.error IS 'What went wrong, in words; NULL where the status says it.';
COMMENT ON COLUMN outbox_audit.attempts.response_headers IS 'The answer''s headers; NULL without an answer.';
COMMENT ON COLUMN outbox_audit.attempts.connector_id IS 'The connector.';
COMMENT ON COLUMN outbox_audit.attempts.trigger IS 'The event''s trigger.';
COMMENT ON COLUMN outbox_audit.attempts.business_unit IS 'The contract''s business unit when the event was captured.';
COMMENT ON COLUMN outbox_audit.attempts.content_type IS 'Content type of the report.';
