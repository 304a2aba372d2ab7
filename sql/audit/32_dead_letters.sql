-- Deliveries whose attempts are spent, or that were refused for good: starts from the index on what settled so.
CREATE OR REPLACE VIEW outbox_audit.dead_letters AS
SELECT d.*
FROM outbox_audit.deliveries d
WHERE (d.event_id, d.connector_id) IN (SELECT t.event_id, t.connector_id FROM outbox.attempt t WHERE t.settled = 'dead')
  AND d.state = 'dead';
COMMENT ON VIEW outbox_audit.dead_letters IS 'Deliveries that are dead; `outbox replay` sends them again. Columns as in deliveries.';
