-- Connectors whose secret a running daemon can't open, by its last heartbeat: it lets their deliveries wait.
CREATE OR REPLACE VIEW outbox_audit.unopened AS
SELECT u.connector_id, w.name AS worker
FROM outbox.worker w
CROSS JOIN LATERAL unnest(w.unopened) AS u (connector_id)
WHERE w.stopped_at IS NULL AND w.seen_at > now() - interval '1 minute';
COMMENT ON VIEW outbox_audit.unopened IS 'Connectors whose deliveries wait since a running daemon has no key for their secret.';
COMMENT ON COLUMN outbox_audit.unopened.connector_id IS 'The connector.';
COMMENT ON COLUMN outbox_audit.unopened.worker IS 'The daemon.';
-- Connectors as they are now, removed ones too; no secret, and of own headers only the names.
CREATE OR REPLACE VIEW outbox_audit.connectors AS
SELECT c.name AS connector, c.id AS connector_id, c.version,
       CASE WHEN c.removed_at IS NOT NULL THEN 'removed'
            WHEN NOT c.enabled THEN 'disabled'
            WHEN h.held_at IS NOT NULL OR c.id IN (SELECT u.connector_id FROM outbox_audit.unopened u) THEN 'held'
            ELSE 'enabled' END AS state,
       coalesce(c.disabled_reason, h.held_reason,
                (SELECT 'its secret can''t be opened with the keys of ' || string_agg(u.worker, ', ' ORDER BY u.worker)
                 FROM outbox_audit.unopened u WHERE u.connector_id = c.id)) AS state_reason,
       coalesce(c.removed_at, c.disabled_at, h.held_at) AS state_since,
       h.failures, h.failing_since, CASE WHEN c.enabled THEN h.probe_at END AS next_probe_at, h.last_error,
       (SELECT count(*) FROM outbox.queue q WHERE q.connector_id = c.id) AS waiting,
       c.business_units, c.triggers, c.url, c.content_type, c.ssl_verification, c.data, c.company_fields,
       c.field_mapping, c.form_style, c.lane_order, c.max_in_flight, c.rate_per_second, c.timeout_seconds, c.schedule,
       ARRAY(SELECT jsonb_object_keys(c.headers) AS name ORDER BY name) AS header_names,
       c.username, c.secret IS NOT NULL AS has_secret, c.signing_secret IS NOT NULL AS has_signing_secret,
       c.discard, c.origin, c.created_at, c.updated_at
FROM outbox.connector c
LEFT JOIN outbox.health h ON h.connector_id = c.id;
COMMENT ON VIEW outbox_audit.connectors IS 'Connectors as they are now, removed ones too. Never a secret.';
COMMENT ON COLUMN outbox_audit.connectors.state IS 'enabled; held or disabled: its deliveries wait, see state_reason; removed.';
COMMENT ON COLUMN outbox_audit.connectors.state_reason IS 'Why it is held or disabled.';
COMMENT ON COLUMN outbox_audit.connectors.failures IS 'Attempts in a row that its receiver did not answer; NULL: it is well.';
COMMENT ON COLUMN outbox_audit.connectors.failing_since IS 'Start of the first of these attempts.';
COMMENT ON COLUMN outbox_audit.connectors.next_probe_at IS 'While held: when it is probed next, or the end of the lease of the probe that is out.';
COMMENT ON COLUMN outbox_audit.connectors.rate_per_second IS 'Most reports a second over all workers; NULL: as many as max_in_flight lets.';
COMMENT ON COLUMN outbox_audit.connectors.waiting IS 'Deliveries in the queue, whatever their state.';
COMMENT ON COLUMN outbox_audit.connectors.business_units IS 'Ids of business units; * stands for all.';
COMMENT ON COLUMN outbox_audit.connectors.lane_order IS 'contract: each contract''s reports in order; none: no order.';
COMMENT ON COLUMN outbox_audit.connectors.schedule IS 'Seconds before the 2nd, 3rd, ... attempt; NULL: the service''s own.';
COMMENT ON COLUMN outbox_audit.connectors.header_names IS 'Names of its own headers; their values may be secret.';
COMMENT ON COLUMN outbox_audit.connectors.discard IS 'Whether, while disabled, its deliveries are dropped and not kept waiting.';
COMMENT ON COLUMN outbox_audit.connectors.connector IS 'Its name; that of a removed one may have been given again.';
COMMENT ON COLUMN outbox_audit.connectors.connector_id IS 'Its number, which stays when the name changes.';
COMMENT ON COLUMN outbox_audit.connectors.version IS 'Counted up with every change; config_changes has what each was.';
COMMENT ON COLUMN outbox_audit.connectors.state_since IS 'Since when it is held, disabled or removed; NULL while it is enabled.';
COMMENT ON COLUMN outbox_audit.connectors.last_error IS 'The last of these failures in words.';
COMMENT ON COLUMN outbox_audit.connectors.triggers IS 'The triggers that it hears of: create, update, send, review, expired.';
COMMENT ON COLUMN outbox_audit.connectors.url IS 'Where its reports go: the payload URL.';
COMMENT ON COLUMN outbox_audit.connectors.content_type IS 'application/json, or application/x-www-form-urlencoded.';
COMMENT ON COLUMN outbox_audit.connectors.ssl_verification IS 'Whether the receiver''s certificate is checked.';
COMMENT ON COLUMN outbox_audit.connectors.data IS 'What it gets: everything, or the status alone.';
COMMENT ON COLUMN outbox_audit.connectors.company_fields IS 'Extra fields of the contract''s company that it gets.';
COMMENT ON COLUMN outbox_audit.connectors.field_mapping IS 'Contract fields that go to properties of its own, in order.';
COMMENT ON COLUMN outbox_audit.connectors.form_style IS 'How a form is written: fields, or all in one parameter payload.';
COMMENT ON COLUMN outbox_audit.connectors.max_in_flight IS 'Most reports at one time, over all workers.';
COMMENT ON COLUMN outbox_audit.connectors.timeout_seconds IS 'How long a receiver may take for one attempt.';
COMMENT ON COLUMN outbox_audit.connectors.username IS 'User name that goes with its secret.';
COMMENT ON COLUMN outbox_audit.connectors.has_secret IS 'Whether a secret is set.';
COMMENT ON COLUMN outbox_audit.connectors.has_signing_secret IS 'Whether its reports are signed.';
COMMENT ON COLUMN outbox_audit.connectors.origin IS 'Who keeps it: code (connectors.toml), command or page.';
COMMENT ON COLUMN outbox_audit.connectors.created_at IS 'When it was made.';
COMMENT ON COLUMN outbox_audit.connectors.updated_at IS 'When it was last changed.';
