-- What has not been sent and will not be unless a person acts, each with its reason: decided against at routing
-- (unless a backfill delivered it since), dead, or cancelled. What still waits stands in `waiting`.
CREATE OR REPLACE VIEW outbox_audit.not_sent AS
SELECT n.event_id, c.name AS connector, n.reason, e.contract_id, e.trigger, e.business_unit, n.decided_at AS since,
       outbox_audit.decision_words(n.reason, e.trigger, e.business_unit, n.into_event_id, n.reread) AS words,
       n.connector_id
FROM outbox.decision n
JOIN outbox.event e ON e.id = n.event_id
LEFT JOIN outbox.connector c ON c.id = n.connector_id
WHERE n.reason NOT IN ('deliver', 'backfill')
  AND NOT EXISTS (SELECT FROM outbox.delivery d
                  WHERE d.event_id = n.event_id AND d.connector_id = n.connector_id OFFSET 0)
  AND NOT (n.connector_id IS NULL AND EXISTS (SELECT FROM outbox.delivery d WHERE d.event_id = n.event_id OFFSET 0))
UNION ALL
SELECT d.event_id, d.connector, d.state, d.contract_id, d.trigger, d.business_unit, d.finished_at,
       concat_ws(': ', concat('not sent: dead after ', d.attempts,
                              CASE d.attempts WHEN 1 THEN ' attempt' ELSE ' attempts' END), d.last_error),
       d.connector_id
FROM outbox_audit.dead_letters d
UNION ALL
SELECT d.event_id, d.connector, d.state, d.contract_id, d.trigger, d.business_unit, d.finished_at,
       concat_ws(': ', 'not sent', d.last_error), d.connector_id
FROM outbox_audit.cancelled d;
COMMENT ON VIEW outbox_audit.not_sent IS
  'What was not sent and will not be unless a person acts, with the reason. What still waits stands in `waiting`.';
COMMENT ON COLUMN outbox_audit.not_sent.connector IS 'For whom; NULL where the reason holds for all.';
COMMENT ON COLUMN outbox_audit.not_sent.reason IS
  'trigger_not_chosen, discarded, no_connector, no_business_unit, coalesced, unchanged, contract_gone, erased; dead, cancelled.';
COMMENT ON COLUMN outbox_audit.not_sent.since IS 'When that was decided or settled.';
COMMENT ON COLUMN outbox_audit.not_sent.words IS 'The reason in words.';
COMMENT ON COLUMN outbox_audit.not_sent.event_id IS 'The event.';
COMMENT ON COLUMN outbox_audit.not_sent.contract_id IS 'The contract.';
COMMENT ON COLUMN outbox_audit.not_sent.trigger IS 'The event''s trigger.';
COMMENT ON COLUMN outbox_audit.not_sent.business_unit IS 'The contract''s business unit when the event was captured.';
COMMENT ON COLUMN outbox_audit.not_sent.connector_id IS 'The connector; NULL where the reason holds for all.';
