-- All that has not reached its receiver: waiting, dead or cancelled; each part starts from its own small index.
CREATE OR REPLACE VIEW outbox_audit.undelivered AS
SELECT d.*,
       CASE WHEN d.state = 'pending' THEN greatest(d.due_at, now())
            WHEN d.state = 'held' AND c.enabled THEN h.probe_at END AS next_attempt_at,
       CASE d.state
         WHEN 'pending' THEN 'its turn'
         WHEN 'leased' THEN 'its receiver''s answer'
         WHEN 'blocked' THEN 'event ' || d.blocked_by || ' of the same contract'
         WHEN 'held' THEN coalesce('its connector is enabled: ' || c.disabled_reason, 'its receiver answers: ' || h.held_reason,
                                   'a daemon has the key of its secret') END AS waits_for
FROM outbox_audit.waiting d
JOIN outbox.connector c ON c.id = d.connector_id
LEFT JOIN outbox.health h ON h.connector_id = d.connector_id
UNION ALL
SELECT d.*, NULL, 'a person: outbox replay' FROM outbox_audit.dead_letters d
UNION ALL
SELECT d.*, NULL, NULL FROM outbox_audit.cancelled d;
COMMENT ON VIEW outbox_audit.undelivered IS
  'Deliveries that are waiting, dead or cancelled, with their last error, their next attempt and what they wait for.';
COMMENT ON COLUMN outbox_audit.undelivered.next_attempt_at IS
  'When it is tried next by itself; NULL while it is being sent, blocked, or waits for a person.';
COMMENT ON COLUMN outbox_audit.undelivered.waits_for IS 'What must come first, in words; NULL of a cancelled one: nothing will.';
